// SPDX-License-Identifier: Apache-2.0
/*
 * Every format of payloads: the first byte chooses the format, the second the
 * path, the rest is the payload. What was understood is encoded in the same
 * format and must be understood again, as the same. Also the paths of composite
 * operations and the arguments of Execute.
 */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/args.h"
#include "lwm2m/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct lwm2m_set *a, const struct lwm2m_set *b)
{
	if (a->n != b->n)
		abort();
	for (size_t i = 0; i < a->n; i++) {
		const struct lwm2m_value *x = &a->v[i], *y = &b->v[i];

		if (!lwm2m_path_equal(&x->path, &y->path) || x->type != y->type ||
		    x->at != y->at)
			abort();
		if (x->type == MODEL_FLOAT ? x->f != y->f : x->i != y->i)
			abort();
		if ((x->type == MODEL_STRING || x->type == MODEL_OPAQUE) &&
		    (x->len != y->len || (x->len > 0 && memcmp(x->p, y->p, x->len) != 0)))
			abort();
	}
}

/* nulls are not written, and LwM2M CBOR wants its maps in order to be the same */
static bool comparable(uint32_t format, const struct lwm2m_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i].type == MODEL_NONE)
			return false;
		for (size_t k = 0; k < i && format == COAP_FORMAT_LWM2M_TLV; k++)
			if (set->v[k].path.id[2] == set->v[i].path.id[2])
				return false;
	}
	return true;
}

static void round_trip(uint32_t format, const struct lwm2m_path *base,
		       const struct lwm2m_set *set)
{
	struct model_buf out = {.max = 4 * LWM2M_BODY_MAX};
	struct lwm2m_set again = {0};
	char words[CONTENT_WORDS_MAX];

	if (comparable(format, set) && lwm2m_encode(format, base, set, &out, words) == 0) {
		if (lwm2m_decode(format, base, out.p ? out.p : (const uint8_t *)"", out.len,
				 &again, words) != 0)
			abort();
		same(set, &again);
	}
	lwm2m_set_clear(&again);
	model_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t formats[] = {
		COAP_FORMAT_TEXT,	COAP_FORMAT_OCTETS,	COAP_FORMAT_CBOR,
		COAP_FORMAT_SENML_JSON, COAP_FORMAT_SENML_CBOR, COAP_FORMAT_LWM2M_TLV,
		COAP_FORMAT_LWM2M_JSON, COAP_FORMAT_LWM2M_CBOR,
	};
	static const struct lwm2m_path paths[] = {
		{0, {0}},
		{2, {26242, 0}},
		{3, {26242, 0, 1}},
		{3, {26242, 0, 13}},
		{3, {26242, 0, 12}},
		{3, {26242, 0, 0}},
		{3, {3, 0, 13}},
		{2, {3, 0}},
		{4, {3, 0, 11, 0}},
		{3, {26242, 0, 3}},
	};
	const struct lwm2m_path *base;
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_args args;
	uint32_t format;

	if (size < 2)
		return 0;
	if (data[0] == 0xff) {
		if (lwm2m_args_parse(data + 1, size - 1, &args) == 0 && args.n > LWM2M_ARGS_MAX)
			abort();
		return 0;
	}
	format = formats[(data[0] & 0x7f) % (sizeof(formats) / sizeof(formats[0]))];
	base = &paths[data[1] % (sizeof(paths) / sizeof(paths[0]))];
	if (data[0] & 0x80)
		lwm2m_decode_paths(format, data + 2, size - 2, &set, words);
	else if (lwm2m_decode(format, base, data + 2, size - 2, &set, words) == 0)
		round_trip(format, base, &set);
	lwm2m_set_clear(&set);
	return 0;
}
