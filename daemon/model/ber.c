// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "model/ber.h"

int ber_next(struct ber_reader *r, struct ber_tlv *tlv)
{
	const uint8_t *p = r->p, *end;
	size_t n;

	if (r->len == 0) /* then there may be no buffer at all */
		return 0;
	end = p + r->len;
	tlv->start = p;
	tlv->tag = *p++;
	if ((tlv->tag & 0x1f) == 0x1f) {
		do {
			if (p == end || tlv->tag > 0xffff)
				return -EBADMSG;
			tlv->tag = tlv->tag << 8 | *p;
		} while (*p++ & 0x80);
	}
	if (p == end)
		return -EBADMSG;
	tlv->len = *p++;
	if (tlv->len & 0x80) {
		n = tlv->len & 0x7f;
		if (n == 0 || n > 3 || (size_t)(end - p) < n)
			return -EBADMSG;
		for (tlv->len = 0; n > 0; n--)
			tlv->len = tlv->len << 8 | *p++;
	}
	if ((size_t)(end - p) < tlv->len)
		return -EBADMSG;
	tlv->value = p;
	p += tlv->len;
	tlv->size = (size_t)(p - tlv->start);
	r->len = (size_t)(end - p);
	r->p = p;
	return 1;
}

int ber_find(const uint8_t *p, size_t len, uint32_t tag, struct ber_tlv *tlv)
{
	struct ber_reader r = {p, len};
	int ret;

	while ((ret = ber_next(&r, tlv)) > 0)
		if (tlv->tag == tag)
			return 1;
	return ret;
}
