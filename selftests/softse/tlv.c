// SPDX-License-Identifier: Apache-2.0
#include "tlv.h"

#include <errno.h>
#include <string.h>

int tlv_head(const uint8_t *p, size_t n, uint32_t *tag, size_t *len)
{
	size_t i = 0;

	if (!n)
		return 0;
	*tag = p[i++];
	if ((*tag & 0x1f) == 0x1f) {
		do {
			if (i > 2)
				return -EBADMSG;
			if (i == n)
				return 0;
			*tag = *tag << 8 | p[i];
		} while (p[i++] & 0x80);
	}
	if (i == n)
		return 0;
	*len = p[i++];
	if (*len & 0x80) {
		size_t bytes = *len & 0x7f;

		if (bytes < 1 || bytes > 3)
			return -EBADMSG;
		if (n - i < bytes)
			return 0;
		for (*len = 0; bytes; bytes--)
			*len = *len << 8 | p[i++];
	}
	return (int)i;
}

int tlv_next(const uint8_t **p, const uint8_t *end, struct tlv *t)
{
	size_t n = (size_t)(end - *p);
	int head;

	if (!n)
		return 0;
	head = tlv_head(*p, n, &t->tag, &t->len);
	if (head <= 0 || n - (size_t)head < t->len)
		return -EBADMSG;
	t->val = *p + head;
	*p = t->val + t->len;
	return 1;
}

int tlv_find(const uint8_t *p, size_t n, uint32_t tag, struct tlv *t)
{
	const uint8_t *end = p + n;
	int ret;

	while ((ret = tlv_next(&p, end, t)) == 1)
		if (t->tag == tag)
			return 1;
	return ret;
}

int lv_next(const uint8_t **p, const uint8_t *end, struct tlv *t)
{
	if (*p == end)
		return 0;
	t->tag = 0;
	t->len = **p;
	if ((size_t)(end - *p) - 1 < t->len)
		return -EBADMSG;
	t->val = *p + 1;
	*p = t->val + t->len;
	return 1;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (b->overflow || b->room - b->len < len) {
		b->overflow = true;
		return;
	}
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_be16(struct buf *b, uint16_t v)
{
	buf_u8(b, (uint8_t)(v >> 8));
	buf_u8(b, (uint8_t)v);
}

void buf_tlv(struct buf *b, uint32_t tag, const void *val, size_t len)
{
	if (tag > 0xffff)
		buf_u8(b, (uint8_t)(tag >> 16));
	if (tag > 0xff)
		buf_u8(b, (uint8_t)(tag >> 8));
	buf_u8(b, (uint8_t)tag);
	if (len > 0xffff) {
		buf_u8(b, 0x83);
		buf_u8(b, (uint8_t)(len >> 16));
		buf_be16(b, (uint16_t)len);
	} else if (len > 0xff) {
		buf_u8(b, 0x82);
		buf_be16(b, (uint16_t)len);
	} else {
		if (len > 0x7f)
			buf_u8(b, 0x81);
		buf_u8(b, (uint8_t)len);
	}
	buf_put(b, val, len);
}
