// SPDX-License-Identifier: Apache-2.0
/*
 * SenML in CBOR, single CBOR values and text. What was understood of a pack is
 * encoded and must be understood again, but for nulls: they are never sent.
 */
#include <stdlib.h>

#include "lwm2m/senml.h"
#include "lwm2m/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t told(const struct lwm2m_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->v[i].type != MODEL_NONE;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lwm2m_path resources[] = {
		{3, {26242, 0, 0}},  {3, {26242, 0, 1}}, {3, {26242, 0, 12}},
		{3, {26242, 0, 13}}, {3, {1, 0, 7}},	 {3, {26242, 0, 3}},
	};
	const struct lwm2m_path root = {0}, *path;
	struct model_buf out = {.max = 4 * LWM2M_BODY_MAX};
	struct lwm2m_set set = {0}, again = {0};
	char words[CONTENT_WORDS_MAX];

	if (size < 1)
		return 0;
	path = &resources[(*data >> 2) % (sizeof(resources) / sizeof(resources[0]))];
	switch (*data++ & 3) {
	case 0:
		lwm2m_senml_names(data, size - 1, &set, words);
		break;
	case 1:
		lwm2m_decode(COAP_FORMAT_CBOR, path, data, size - 1, &set, words);
		break;
	case 2:
		lwm2m_decode(COAP_FORMAT_TEXT, path, data, size - 1, &set, words);
		break;
	default:
		if (lwm2m_senml_decode(&root, data, size - 1, &set, words) != 0 || !told(&set))
			break;
		lwm2m_senml_encode(&root, &set, &out);
		if (out.error == 0 &&
		    (lwm2m_senml_decode(&root, out.p, out.len, &again, words) != 0 ||
		     again.n != told(&set)))
			abort();
		break;
	}
	model_buf_free(&out);
	lwm2m_set_clear(&again);
	lwm2m_set_clear(&set);
	return 0;
}
