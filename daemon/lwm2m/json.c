// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/json.h"
#include "model/base64.h"

const char *lwm2m_json_parse(const uint8_t *p, size_t len, sd_json_variant **ret)
{
	unsigned int line, column;
	char *copy;
	int r;

	if (len > 0 && memchr(p, 0, len))
		return "not JSON";
	copy = malloc(len + 1);
	if (!copy)
		return "no memory";
	if (len > 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	r = sd_json_parse(copy, SD_JSON_PARSE_SENSITIVE, ret, &line, &column);
	explicit_bzero(copy, len);
	free(copy);
	return r == -ENOMEM ? "no memory" : r < 0 ? "not JSON" : NULL;
}

int lwm2m_json_item(sd_json_variant *v, struct lwm2m_set *set, struct lwm2m_item *it)
{
	const char *s;
	uint8_t *copy;

	memset(it, 0, sizeof(*it));
	it->kind = LWM2M_ITEM_OTHER;
	switch (sd_json_variant_type(v)) {
	case SD_JSON_VARIANT_STRING:
		s = sd_json_variant_string(v);
		it->kind = LWM2M_ITEM_STRING;
		it->n = strlen(s);
		copy = lwm2m_set_alloc(set, it->n);
		if (!copy)
			return -ENOMEM;
		if (it->n > 0)
			memcpy(copy, s, it->n);
		it->p = copy;
		break;
	case SD_JSON_VARIANT_INTEGER:
		it->kind = LWM2M_ITEM_INT;
		it->i = sd_json_variant_integer(v);
		it->negative = it->i < 0;
		it->u = it->negative ? ~(uint64_t)it->i : (uint64_t)it->i;
		break;
	case SD_JSON_VARIANT_UNSIGNED:
		it->kind = LWM2M_ITEM_INT;
		it->u = sd_json_variant_unsigned(v);
		it->too_big = it->u > INT64_MAX;
		it->i = (int64_t)(it->u & INT64_MAX);
		break;
	case SD_JSON_VARIANT_REAL:
		it->kind = LWM2M_ITEM_FLOAT;
		it->f = sd_json_variant_real(v);
		break;
	case SD_JSON_VARIANT_BOOLEAN:
		it->kind = LWM2M_ITEM_BOOL;
		it->i = sd_json_variant_boolean(v);
		break;
	case SD_JSON_VARIANT_NULL:
		it->kind = LWM2M_ITEM_NULL;
		break;
	case SD_JSON_VARIANT_ARRAY:
		it->kind = LWM2M_ITEM_ARRAY;
		break;
	case SD_JSON_VARIANT_OBJECT:
		it->kind = LWM2M_ITEM_MAP;
		break;
	default:
		break;
	}
	return 0;
}

bool lwm2m_json_bytes(struct lwm2m_item *it, bool url)
{
	uint8_t *p = (uint8_t *)it->p; /* our own copy, and it only shrinks */
	ssize_t n = base64_decode(p, it->n, p, url);

	if (n < 0)
		return false;
	it->kind = LWM2M_ITEM_BYTES;
	it->n = (size_t)n;
	return true;
}

void lwm2m_json_put_string(struct model_buf *out, const void *p, size_t len)
{
	sd_json_variant *v = NULL;
	char *s = NULL;
	int r;

	/* a string has no place for a NUL here, and other languages do not need one */
	r = len > 0 && memchr(p, 0, len) ? -EBADMSG
					 : sd_json_variant_new_stringn(&v, len ? p : "", len);
	if (r >= 0) {
		sd_json_variant_sensitive(v);
		r = sd_json_variant_format(v, 0, &s);
	}
	if (r >= 0) {
		model_buf_put(out, s, strlen(s));
		explicit_bzero(s, strlen(s));
	} else if (out->error == 0) {
		out->error = r == -ENOMEM ? r : -EBADMSG;
	}
	free(s);
	sd_json_variant_unref(v);
}

void lwm2m_json_put_base64(struct model_buf *out, const void *p, size_t len, bool url)
{
	model_buf_put(out, "\"", 1);
	model_buf_base64(out, p, len, url);
	model_buf_put(out, "\"", 1);
}

void lwm2m_json_put_number(struct model_buf *out, const struct lwm2m_value *v)
{
	if (v->type == MODEL_UNSIGNED)
		model_buf_printf(out, "%" PRIu64, (uint64_t)v->i);
	else if (v->type != MODEL_FLOAT)
		model_buf_printf(out, "%" PRId64, v->i);
	else if (!isfinite(v->f)) /* JSON has no such numbers */
		model_buf_put(out, "null", 4);
	else
		lwm2m_put_double(out, v->f);
}

void lwm2m_json_put_time(struct model_buf *out, int64_t ms)
{
	if (ms % 1000 == 0)
		model_buf_printf(out, "%" PRId64, ms / 1000);
	else
		model_buf_printf(out, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}
