// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lwm2m/senml.h"
#include "lwm2m/text.h"
#include "lwm2m/tlv.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(struct lwm2m_buf *out, const uint8_t *p, size_t len)
{
	for (; len > 0; p += 3, len -= len < 3 ? len : 3) {
		unsigned int x = (unsigned int)p[0] << 16 |
				 (len > 1 ? (unsigned int)p[1] << 8 : 0) |
				 (len > 2 ? p[2] : 0U);
		char s[4] = {base64[x >> 18], base64[x >> 12 & 63], base64[x >> 6 & 63],
			     base64[x & 63]};

		if (len < 3)
			s[3] = '=';
		if (len < 2)
			s[2] = '=';
		lwm2m_buf_put(out, s, 4);
	}
}

/* -1 if it is not base64; @out has room for 3 bytes of each 4 */
static ssize_t get_base64(const uint8_t *p, size_t len, uint8_t *out)
{
	size_t n = 0, bits = 0;
	unsigned int x = 0;

	if (len % 4 != 0)
		return -1;
	for (size_t pad = 0; pad < 2 && len > 0 && p[len - 1] == '='; pad++)
		len--;
	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++) {
		const char *at = p[i] ? strchr(base64, p[i]) : NULL;

		if (!at)
			return -1;
		x = x << 6 | (unsigned int)(at - base64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(x >> bits);
		}
		x &= (1U << bits) - 1;
	}
	/* what is left over must be zero, or two texts would mean the same */
	return x != 0 ? -1 : (ssize_t)n;
}

void lwm2m_text_encode(const struct lwm2m_value *v, struct lwm2m_buf *out)
{
	switch (v->type) {
	case MODEL_STRING:
		lwm2m_buf_put(out, v->p, v->len);
		break;
	case MODEL_OPAQUE:
		put_base64(out, v->p, v->len);
		break;
	case MODEL_BOOLEAN:
		lwm2m_buf_put(out, v->i ? "1" : "0", 1);
		break;
	case MODEL_OBJLNK:
		lwm2m_buf_printf(out, "%u:%u", v->object, v->instance);
		break;
	case MODEL_INTEGER:
	case MODEL_TIME:
		lwm2m_buf_printf(out, "%" PRId64, v->i);
		break;
	case MODEL_NONE:
	default:
		break;
	}
}

static bool parse_integer(const uint8_t *p, size_t len, int64_t *i)
{
	bool negative = len > 0 && *p == '-';
	uint64_t u = 0;

	if (len > 0 && (*p == '-' || *p == '+')) {
		p++;
		len--;
	}
	if (len == 0 || len > 19)
		return false;
	for (; len > 0; p++, len--) {
		if (*p < '0' || *p > '9')
			return false;
		u = u * 10 + (unsigned int)(*p - '0');
	}
	if (u > (uint64_t)INT64_MAX + negative)
		return false;
	*i = negative ? (int64_t)(0 - u) : (int64_t)u;
	return true;
}

static bool parse_link(const uint8_t *p, size_t len, struct lwm2m_value *v)
{
	const uint8_t *colon = len > 0 ? memchr(p, ':', len) : NULL;
	int64_t o, i;

	if (!colon || !parse_integer(p, (size_t)(colon - p), &o) ||
	    !parse_integer(colon + 1, (size_t)(p + len - colon - 1), &i) || o < 0 ||
	    o > 0xffff || i < 0 || i > 0xffff)
		return false;
	v->object = (uint16_t)o;
	v->instance = (uint16_t)i;
	return true;
}

static int bad(char *words, const struct lwm2m_path *path, const char *what)
{
	char s[LWM2M_PATH_MAX];

	lwm2m_words(words, "text: %s: %s", lwm2m_path_print(path, s), what);
	return COAP_400_BAD_REQUEST;
}

int lwm2m_text_decode(const struct lwm2m_path *path, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words)
{
	const struct model_resource *res =
		model_resource(model_object(path->id[0]), path->id[2]);
	struct lwm2m_value v = {.path = *path, .type = res->type, .p = p, .len = len};
	uint8_t *bytes;
	ssize_t n;

	switch (res->type) {
	case MODEL_STRING:
		break;
	case MODEL_OPAQUE:
		bytes = lwm2m_set_alloc(set, len / 4 * 3);
		if (!bytes)
			return COAP_413_TOO_LARGE;
		n = get_base64(p, len, bytes);
		if (n < 0)
			return bad(words, path, "not base64; octets go as Content-Format 42");
		v.p = bytes;
		v.len = (size_t)n;
		break;
	case MODEL_BOOLEAN:
		if (len != 1 || (*p != '0' && *p != '1'))
			return bad(words, path, "a boolean is 0 or 1");
		v.i = *p == '1';
		break;
	case MODEL_OBJLNK:
		if (!parse_link(p, len, &v))
			return bad(words, path, "not an object link, as in 26241:0");
		break;
	case MODEL_INTEGER:
	case MODEL_TIME:
		if (!parse_integer(p, len, &v.i))
			return bad(words, path, "not an integer");
		break;
	case MODEL_NONE:
	default:
		return bad(words, path, "this resource has no value");
	}
	return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
}

/* ---- choice ---------------------------------------------------------------- */

bool lwm2m_format_known(uint32_t format)
{
	return format == COAP_FORMAT_TEXT || format == COAP_FORMAT_OCTETS ||
	       format == COAP_FORMAT_CBOR || format == COAP_FORMAT_SENML_CBOR ||
	       format == COAP_FORMAT_LWM2M_TLV;
}

int lwm2m_encode(uint32_t format, const struct lwm2m_path *base, const struct lwm2m_set *set,
		 struct lwm2m_buf *out, char *words)
{
	/* one value, asked for by its own path */
	const struct lwm2m_value *one =
		set->n == 1 && lwm2m_path_equal(base, &set->v[0].path) ? &set->v[0] : NULL;

	switch (format) {
	case COAP_FORMAT_LWM2M_TLV:
		if (base->depth == 0)
			goto unfit;
		lwm2m_tlv_encode(base, set, out);
		break;
	case COAP_FORMAT_SENML_CBOR:
		lwm2m_senml_encode(base, set, out);
		break;
	case COAP_FORMAT_TEXT:
		if (!one)
			goto unfit;
		lwm2m_text_encode(one, out);
		break;
	case COAP_FORMAT_CBOR:
		if (!one)
			goto unfit;
		lwm2m_cbor_encode(one, out);
		break;
	case COAP_FORMAT_OCTETS:
		if (!one || one->type != MODEL_OPAQUE)
			goto unfit;
		lwm2m_buf_put(out, one->p, one->len);
		break;
	default:
		lwm2m_words(words,
			    "Content-Format %u is not known; try 112 (SenML CBOR) or "
			    "11542 (TLV)",
			    format);
		return COAP_406_NOT_ACCEPTABLE;
	}
	if (out->error < 0) {
		lwm2m_words(words, "the answer is too long; read less at once");
		return out->error == -EMSGSIZE ? COAP_413_TOO_LARGE : COAP_500_INTERNAL;
	}
	return 0;
unfit:
	lwm2m_words(words,
		    "Content-Format %u cannot hold this; try 112 (SenML CBOR) or 11542 (TLV)",
		    format);
	return COAP_406_NOT_ACCEPTABLE;
}

int lwm2m_decode(uint32_t format, const struct lwm2m_path *base, const uint8_t *p, size_t len,
		 struct lwm2m_set *set, char *words)
{
	const struct model_object *object = base->depth > 0 ? model_object(base->id[0]) : NULL;
	const struct model_resource *res =
		object && base->depth >= 3 ? model_resource(object, base->id[2]) : NULL;
	/* a multiple resource as a whole needs a format that can hold several */
	bool single = res && (base->depth == 4) == res->multiple;
	struct lwm2m_value v = {.path = *base, .p = p, .len = len};

	if (format == COAP_NO_FORMAT)
		format = res && res->type == MODEL_OPAQUE ? COAP_FORMAT_OCTETS
							  : COAP_FORMAT_TEXT;
	if (format == COAP_FORMAT_LWM2M_TLV)
		return lwm2m_tlv_decode(base, p, len, set, words);
	if (format == COAP_FORMAT_SENML_CBOR)
		return lwm2m_senml_decode(base, false, p, len, set, words);
	if (!lwm2m_format_known(format) || !single)
		goto unfit;
	if (format == COAP_FORMAT_TEXT)
		return lwm2m_text_decode(base, p, len, set, words);
	if (format == COAP_FORMAT_CBOR)
		return lwm2m_cbor_decode(base, p, len, set, words);
	if (res->type != MODEL_OPAQUE)
		goto unfit;
	v.type = MODEL_OPAQUE;
	return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
unfit:
	lwm2m_words(words,
		    "Content-Format %u is not understood here; try 112 (SenML CBOR) or "
		    "11542 (TLV)",
		    format);
	return COAP_415_FORMAT;
}
