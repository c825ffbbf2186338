// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/item.h"
#include "lwm2m/text.h"
#include "model/base64.h"

void lwm2m_text_encode(const struct lwm2m_value *v, struct model_buf *out)
{
	switch (v->type) {
	case MODEL_STRING:
	case MODEL_CORELNK:
		model_buf_put(out, v->p, v->len);
		break;
	case MODEL_OPAQUE:
		model_buf_base64(out, v->p, v->len, false);
		break;
	case MODEL_BOOLEAN:
		model_buf_put(out, v->i ? "1" : "0", 1);
		break;
	case MODEL_OBJLNK:
		model_buf_printf(out, "%u:%u", v->object, v->instance);
		break;
	case MODEL_INTEGER:
	case MODEL_TIME:
		model_buf_printf(out, "%" PRId64, v->i);
		break;
	case MODEL_UNSIGNED:
		model_buf_printf(out, "%" PRIu64, (uint64_t)v->i);
		break;
	case MODEL_FLOAT:
		lwm2m_put_double(out, v->f);
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

static bool parse_unsigned(const uint8_t *p, size_t len, int64_t *i)
{
	uint64_t u = 0;

	if (len == 0 || len > 20)
		return false;
	for (; len > 0; p++, len--) {
		unsigned int digit = (unsigned int)*p - '0';

		if (digit > 9 || u > (UINT64_MAX - digit) / 10)
			return false;
		u = u * 10 + digit;
	}
	*i = (int64_t)u;
	return true;
}

bool lwm2m_float_parse(const void *p, size_t len, double *f)
{
	char s[48], *end;

	/* decimal only: no blanks, hexadecimal, inf or nan, which strtod() takes */
	if (len == 0 || len >= sizeof(s))
		return false;
	memcpy(s, p, len);
	s[len] = '\0';
	if (strspn(s, "0123456789+-.eE") != len)
		return false;
	*f = strtod(s, &end);
	return !*end && isfinite(*f);
}

static int bad(char *words, const struct lwm2m_path *path, const char *what)
{
	char s[LWM2M_PATH_MAX];

	content_words(words, "text: %s: %s", lwm2m_path_print(path, s), what);
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
	case MODEL_CORELNK:
		break;
	case MODEL_OPAQUE:
		bytes = lwm2m_set_alloc(set, BASE64_ROOM(len));
		if (!bytes)
			return COAP_413_TOO_LARGE;
		n = base64_decode(p, len, bytes, false);
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
		if (!lwm2m_link_parse(p, len, &v))
			return bad(words, path, "not an object link, as in 26241:0");
		break;
	case MODEL_INTEGER:
	case MODEL_TIME:
		if (!parse_integer(p, len, &v.i))
			return bad(words, path, "not an integer");
		break;
	case MODEL_UNSIGNED:
		if (!parse_unsigned(p, len, &v.i))
			return bad(words, path, "not an integer without sign");
		break;
	case MODEL_FLOAT:
		if (!lwm2m_float_parse(p, len, &v.f))
			return bad(words, path, "not a number");
		break;
	case MODEL_NONE:
	default:
		return bad(words, path, "this resource has no value");
	}
	return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
}
