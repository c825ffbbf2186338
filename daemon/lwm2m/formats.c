// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "lwm2m/formats.h"
#include "lwm2m/lwm2m-cbor.h"
#include "lwm2m/lwm2m-json.h"
#include "lwm2m/senml.h"
#include "lwm2m/text.h"
#include "lwm2m/tlv.h"

/* of the formats of one value: @set holds nothing else */
static void encode_text(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct model_buf *out)
{
	(void)base;
	lwm2m_text_encode(&set->v[0], out);
}

static void encode_cbor(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct model_buf *out)
{
	(void)base;
	lwm2m_cbor_encode(&set->v[0], out);
}

static void encode_octets(const struct lwm2m_path *base, const struct lwm2m_set *set,
			  struct model_buf *out)
{
	(void)base;
	model_buf_put(out, set->v[0].p, set->v[0].len);
}

static int decode_octets(const struct lwm2m_path *base, const uint8_t *p, size_t len,
			 struct lwm2m_set *set, char *words)
{
	struct lwm2m_value v = {.path = *base, .type = MODEL_OPAQUE, .p = p, .len = len};

	if (model_resource(model_object(base->id[0]), base->id[2])->type != MODEL_OPAQUE) {
		content_words(words, "octets (42) are for opaque resources");
		return COAP_415_FORMAT;
	}
	return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
}

static const struct lwm2m_format formats[] = {
	{COAP_FORMAT_TEXT, "text", LWM2M_FORMAT_ONE, encode_text, lwm2m_text_decode, NULL},
	{COAP_FORMAT_OCTETS, "octets", LWM2M_FORMAT_ONE, encode_octets, decode_octets, NULL},
	{COAP_FORMAT_CBOR, "CBOR", LWM2M_FORMAT_ONE, encode_cbor, lwm2m_cbor_decode, NULL},
	{COAP_FORMAT_SENML_JSON, "SenML JSON", LWM2M_FORMAT_PATHS | LWM2M_FORMAT_TIME,
	 lwm2m_senml_json_encode, lwm2m_senml_json_decode, lwm2m_senml_json_names},
	{COAP_FORMAT_SENML_CBOR, "SenML CBOR", LWM2M_FORMAT_PATHS | LWM2M_FORMAT_TIME,
	 lwm2m_senml_encode, lwm2m_senml_decode, lwm2m_senml_names},
	{COAP_FORMAT_LWM2M_TLV, "LwM2M TLV", 0, lwm2m_tlv_encode, lwm2m_tlv_decode, NULL},
	{COAP_FORMAT_LWM2M_JSON, "LwM2M JSON", LWM2M_FORMAT_TIME, lwm2m_json_encode,
	 lwm2m_json_decode, NULL},
	{COAP_FORMAT_LWM2M_CBOR, "LwM2M CBOR", LWM2M_FORMAT_PATHS, lwm2m_lcbor_encode,
	 lwm2m_lcbor_decode, lwm2m_lcbor_names},
};

const struct lwm2m_format *lwm2m_format(uint32_t id)
{
	if (id == 1542)
		id = COAP_FORMAT_LWM2M_TLV;
	if (id == 1543)
		id = COAP_FORMAT_LWM2M_JSON;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].id == id)
			return &formats[i];
	return NULL;
}

bool lwm2m_format_known(uint32_t format)
{
	return lwm2m_format(format);
}

int lwm2m_encode(uint32_t format, const struct lwm2m_path *base, const struct lwm2m_set *set,
		 struct model_buf *out, char *words)
{
	const struct lwm2m_format *f = lwm2m_format(format);
	/* one value, asked for by its own path */
	bool one = set->n == 1 && set->v[0].type != MODEL_NONE &&
		   lwm2m_path_equal(base, &set->v[0].path);

	if (!f) {
		content_words(words,
			      "Content-Format %u is not known; try 112 (SenML CBOR) or "
			      "11542 (TLV)",
			      format);
		return COAP_406_NOT_ACCEPTABLE;
	}
	if (((f->flags & LWM2M_FORMAT_ONE) && !one) ||
	    (f->id == COAP_FORMAT_OCTETS && set->v[0].type != MODEL_OPAQUE) ||
	    (base->depth == 0 && !(f->flags & LWM2M_FORMAT_PATHS))) {
		content_words(words,
			      "Content-Format %u (%s) cannot hold this; try 112 (SenML CBOR) "
			      "or 11542 (TLV)",
			      format, f->name);
		return COAP_406_NOT_ACCEPTABLE;
	}
	f->encode(base, set, out);
	if (out->error == -EBADMSG) {
		content_words(words, "%s cannot hold a string that is not UTF-8", f->name);
		return COAP_406_NOT_ACCEPTABLE;
	}
	if (out->error < 0) {
		content_words(words, "the answer is too long; read less at once");
		return out->error == -EMSGSIZE ? COAP_413_TOO_LARGE : COAP_500_INTERNAL;
	}
	return 0;
}

int lwm2m_decode(uint32_t format, const struct lwm2m_path *base, const uint8_t *p, size_t len,
		 struct lwm2m_set *set, char *words)
{
	const struct model_object *object = base->depth > 0 ? model_object(base->id[0]) : NULL;
	const struct model_resource *res =
		object && base->depth >= 3 ? model_resource(object, base->id[2]) : NULL;
	/* a multiple resource as a whole needs a format that can hold several */
	bool single = res && (base->depth == 4) == res->multiple;
	const struct lwm2m_format *f;

	if (format == COAP_NO_FORMAT)
		format = res && res->type == MODEL_OPAQUE ? COAP_FORMAT_OCTETS
							  : COAP_FORMAT_TEXT;
	f = lwm2m_format(format);
	if (!f || ((f->flags & LWM2M_FORMAT_ONE) && !single)) {
		content_words(
			words,
			"Content-Format %u is not understood here; try 112 (SenML CBOR) or "
			"11542 (TLV)",
			format);
		return COAP_415_FORMAT;
	}
	return f->decode(base, p, len, set, words);
}

int lwm2m_decode_paths(uint32_t format, const uint8_t *p, size_t len, struct lwm2m_set *set,
		       char *words)
{
	const struct lwm2m_format *f = lwm2m_format(format);

	if (f && f->names)
		return f->names(p, len, set, words);
	content_words(words, "the paths of a composite operation are expected as SenML CBOR "
			     "(112), SenML JSON (110) or LwM2M CBOR (11544)");
	return COAP_415_FORMAT;
}
