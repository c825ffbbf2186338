// SPDX-License-Identifier: Apache-2.0
/*
 * LwM2M TLV and the BER-TLV of cards. The first byte chooses the path, the rest
 * is the payload. What was understood is encoded and must be understood again.
 */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/text.h"
#include "lwm2m/tlv.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct lwm2m_path *base, const struct lwm2m_set *set)
{
	struct model_buf out = {.max = 4 * LWM2M_BODY_MAX};
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set again = {0};

	if (lwm2m_encode(COAP_FORMAT_LWM2M_TLV, base, set, &out, words) == 0) {
		if (out.len > 0 && lwm2m_tlv_decode(base, out.p, out.len, &again, words) != 0)
			abort();
		for (size_t i = 0; i < again.n; i++)
			if (again.n != set->n || again.v[i].i != set->v[i].i)
				abort();
	}
	lwm2m_set_clear(&again);
	model_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lwm2m_path paths[] = {
		{1, {26242}}, {2, {26242, 0}}, {3, {26242, 0, 2}},
		{2, {3, 0}},  {2, {26241, 0}}, {2, {1, 0}},
	};
	const struct lwm2m_path *base;
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};
	static struct model_se se;
	const struct model_probe *p;
	size_t n;

	if (size < 1)
		return 0;
	if (*data & 0x80) {
		p = model_se_probes(&n);
		p += (*data & 0x7f) % n;
		model_se_init(&se, "se0", "eSE");
		model_se_take(&se, p->cmd, p->len, data + 1, size - 1);
		return 0;
	}
	base = &paths[*data % (sizeof(paths) / sizeof(paths[0]))];
	/* an object without an instance number cannot be encoded again */
	if (lwm2m_tlv_decode(base, data + 1, size - 1, &set, words) == 0 && base->depth == 2)
		round_trip(base, &set);
	lwm2m_set_clear(&set);
	return 0;
}
