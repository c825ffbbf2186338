// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lwm2m/tlv.h"

int lwm2m_tlv_next(const uint8_t **p, size_t *len, struct lwm2m_tlv *tlv)
{
	const uint8_t *q = *p, *end = *p + *len;
	unsigned int type, n;

	if (*len == 0)
		return 0;
	type = *q++;
	tlv->kind = (enum lwm2m_tlv_kind)(type >> 6);
	tlv->id = 0;
	for (n = type & 0x20 ? 2 : 1; n > 0; n--) {
		if (q == end)
			return -EBADMSG;
		tlv->id = (uint16_t)(tlv->id << 8 | *q++);
	}
	n = type >> 3 & 3;
	tlv->len = n == 0 ? type & 7 : 0;
	for (; n > 0; n--) {
		if (q == end)
			return -EBADMSG;
		tlv->len = tlv->len << 8 | *q++;
	}
	if ((size_t)(end - q) < tlv->len)
		return -EBADMSG;
	tlv->value = q;
	*p = q + tlv->len;
	*len = (size_t)(end - *p);
	return 1;
}

size_t lwm2m_tlv_header(uint8_t out[LWM2M_TLV_HEADER_MAX], enum lwm2m_tlv_kind kind,
			uint16_t id, size_t len)
{
	unsigned int n = len < 8 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
	size_t at = 0;

	out[at++] = (uint8_t)((unsigned int)kind << 6 | (id > 0xff ? 0x20U : 0) | n << 3 |
			      (n == 0 ? (unsigned int)len : 0));
	if (id > 0xff)
		out[at++] = (uint8_t)(id >> 8);
	out[at++] = (uint8_t)id;
	while (n-- > 0)
		out[at++] = (uint8_t)(len >> 8 * n);
	return at;
}

/* ---- encoding -------------------------------------------------------------- */

static void put_element(struct model_buf *out, enum lwm2m_tlv_kind kind, uint16_t id,
			const uint8_t *p, size_t len)
{
	uint8_t header[LWM2M_TLV_HEADER_MAX];

	model_buf_put(out, header, lwm2m_tlv_header(header, kind, id, len));
	model_buf_put(out, p, len);
}

/* 1, 2, 4 or 8 bytes, two's complement */
static size_t put_integer(uint8_t out[8], int64_t i)
{
	size_t n = i == (int8_t)i ? 1 : i == (int16_t)i ? 2 : i == (int32_t)i ? 4 : 8;

	for (size_t k = 0; k < n; k++)
		out[k] = (uint8_t)((uint64_t)i >> 8 * (n - 1 - k));
	return n;
}

/* the same without a sign bit */
static size_t put_unsigned(uint8_t out[8], uint64_t u)
{
	size_t n = u <= UINT8_MAX ? 1 : u <= UINT16_MAX ? 2 : u <= UINT32_MAX ? 4 : 8;

	for (size_t k = 0; k < n; k++)
		out[k] = (uint8_t)(u >> 8 * (n - 1 - k));
	return n;
}

/* binary32 if it holds the number, else binary64 */
static size_t put_float(uint8_t out[8], double f)
{
	uint32_t narrow;
	uint64_t wide;
	float s = fabs(f) <= 3.0e38 ? (float)f : 0;

	if ((double)s == f) {
		memcpy(&narrow, &s, sizeof(narrow));
		for (size_t k = 0; k < 4; k++)
			out[k] = (uint8_t)(narrow >> 8 * (3 - k));
		return 4;
	}
	memcpy(&wide, &f, sizeof(wide));
	for (size_t k = 0; k < 8; k++)
		out[k] = (uint8_t)(wide >> 8 * (7 - k));
	return 8;
}

static bool get_float(const uint8_t *p, size_t len, double *f)
{
	uint32_t narrow = 0;
	uint64_t wide = 0;
	float s;

	if (len == 4) {
		for (size_t k = 0; k < 4; k++)
			narrow = narrow << 8 | p[k];
		memcpy(&s, &narrow, sizeof(s));
		*f = (double)s;
	} else if (len == 8) {
		for (size_t k = 0; k < 8; k++)
			wide = wide << 8 | p[k];
		memcpy(f, &wide, sizeof(*f));
	} else {
		return false;
	}
	return isfinite(*f);
}

static void put_value(struct model_buf *out, enum lwm2m_tlv_kind kind, uint16_t id,
		      const struct lwm2m_value *v)
{
	uint8_t b[8];
	size_t n;

	switch (v->type) {
	case MODEL_STRING:
	case MODEL_OPAQUE:
	case MODEL_CORELNK:
		put_element(out, kind, id, v->p, v->len);
		return;
	case MODEL_BOOLEAN:
		b[0] = v->i != 0;
		n = 1;
		break;
	case MODEL_OBJLNK:
		b[0] = (uint8_t)(v->object >> 8);
		b[1] = (uint8_t)v->object;
		b[2] = (uint8_t)(v->instance >> 8);
		b[3] = (uint8_t)v->instance;
		n = 4;
		break;
	case MODEL_INTEGER:
	case MODEL_TIME:
		n = put_integer(b, v->i);
		break;
	case MODEL_UNSIGNED:
		n = put_unsigned(b, (uint64_t)v->i);
		break;
	case MODEL_FLOAT:
		n = put_float(b, v->f);
		break;
	case MODEL_NONE:
	default:
		return;
	}
	put_element(out, kind, id, b, n);
}

/* resources of one object instance: @set->v[@from .. @to) */
static void put_resources(struct model_buf *out, const struct lwm2m_set *set, size_t from,
			  size_t to)
{
	for (size_t i = from; i < to;) {
		const struct lwm2m_value *v = &set->v[i];
		struct model_buf inner = {.max = out->max};

		if (v->path.depth == 3) {
			put_value(out, LWM2M_TLV_RESOURCE, v->path.id[2], v);
			i++;
			continue;
		}
		for (; i < to && set->v[i].path.id[2] == v->path.id[2]; i++)
			if (set->v[i].type != MODEL_NONE)
				put_value(&inner, LWM2M_TLV_RESOURCE_INSTANCE,
					  set->v[i].path.id[3], &set->v[i]);
		if (inner.error < 0)
			out->error = inner.error;
		put_element(out, LWM2M_TLV_MULTIPLE_RESOURCE, v->path.id[2], inner.p,
			    inner.len);
		model_buf_free(&inner);
	}
}

void lwm2m_tlv_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
		      struct model_buf *out)
{
	if (base->depth >= 2) {
		put_resources(out, set, 0, set->n);
		return;
	}
	for (size_t i = 0, to; i < set->n; i = to) {
		struct model_buf inner = {.max = out->max};

		for (to = i; to < set->n && set->v[to].path.id[1] == set->v[i].path.id[1]; to++)
			;
		put_resources(&inner, set, i, to);
		if (inner.error < 0)
			out->error = inner.error;
		put_element(out, LWM2M_TLV_OBJECT_INSTANCE, set->v[i].path.id[1], inner.p,
			    inner.len);
		model_buf_free(&inner);
	}
}

/* ---- decoding -------------------------------------------------------------- */

static int bad(char *words, const struct lwm2m_path *path, const char *what)
{
	char s[LWM2M_PATH_MAX];

	content_words(words, "TLV: %s: %s", lwm2m_path_print(path, s), what);
	return COAP_400_BAD_REQUEST;
}

static int decode_value(const struct lwm2m_path *path, enum model_type type,
			const struct lwm2m_tlv *tlv, struct lwm2m_set *set, char *words)
{
	struct lwm2m_value v = {.path = *path, .type = type, .p = tlv->value, .len = tlv->len};

	switch (type) {
	case MODEL_STRING:
	case MODEL_OPAQUE:
	case MODEL_CORELNK:
		break;
	case MODEL_BOOLEAN:
		if (tlv->len != 1 || tlv->value[0] > 1)
			return bad(words, path, "a boolean is one byte, 0 or 1");
		v.i = tlv->value[0];
		break;
	case MODEL_OBJLNK:
		if (tlv->len != 4)
			return bad(words, path, "an object link has four bytes");
		v.object = (uint16_t)(tlv->value[0] << 8 | tlv->value[1]);
		v.instance = (uint16_t)(tlv->value[2] << 8 | tlv->value[3]);
		break;
	case MODEL_FLOAT:
		if (!get_float(tlv->value, tlv->len, &v.f))
			return bad(words, path, "a float has 4 or 8 bytes and is finite");
		break;
	case MODEL_UNSIGNED:
	case MODEL_INTEGER:
	case MODEL_TIME:
		if (tlv->len != 1 && tlv->len != 2 && tlv->len != 4 && tlv->len != 8)
			return bad(words, path, "an integer has 1, 2, 4 or 8 bytes");
		/* the sign first, then byte by byte */
		v.i = type != MODEL_UNSIGNED && tlv->value[0] & 0x80 ? -1 : 0;
		for (size_t i = 0; i < tlv->len; i++)
			v.i = (int64_t)((uint64_t)v.i << 8 | tlv->value[i]);
		break;
	case MODEL_NONE:
	default:
		return bad(words, path, "this resource has no value");
	}
	return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
}

static int decode_resources(const struct lwm2m_path *instance, const uint8_t *p, size_t len,
			    struct lwm2m_set *set, char *words)
{
	const struct model_object *object = model_object(instance->id[0]);
	struct lwm2m_tlv tlv, inner;
	int ret;

	while ((ret = lwm2m_tlv_next(&p, &len, &tlv)) > 0) {
		const struct model_resource *res = model_resource(object, tlv.id);
		struct lwm2m_path path =
			lwm2m_path_at(3, instance->id[0], instance->id[1], tlv.id, 0);

		if (tlv.kind != LWM2M_TLV_RESOURCE && tlv.kind != LWM2M_TLV_MULTIPLE_RESOURCE)
			return bad(words, instance, "a resource is expected here");
		if (!res && set->lenient) {
			set->skipped++;
			continue;
		}
		if (!res) {
			bad(words, &path, "no such resource");
			return COAP_404_NOT_FOUND;
		}
		if (res->multiple != (tlv.kind == LWM2M_TLV_MULTIPLE_RESOURCE))
			return bad(words, &path,
				   res->multiple
					   ? "has resource instances, a multiple resource "
					     "is expected"
					   : "has no resource instances");
		if (!res->multiple) {
			ret = decode_value(&path, res->type, &tlv, set, words);
			if (ret != 0)
				return ret;
			continue;
		}
		path.depth = 4;
		while ((ret = lwm2m_tlv_next(&tlv.value, &tlv.len, &inner)) > 0) {
			if (inner.kind != LWM2M_TLV_RESOURCE_INSTANCE)
				return bad(words, &path,
					   "a resource instance is expected here");
			path.id[3] = inner.id;
			ret = decode_value(&path, res->type, &inner, set, words);
			if (ret != 0)
				return ret;
		}
		if (ret < 0)
			return bad(words, &path, "cut short");
	}
	return ret < 0 ? bad(words, instance, "cut short") : 0;
}

int lwm2m_tlv_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		     struct lwm2m_set *set, char *words)
{
	const uint8_t *q = p;
	size_t left = len;
	struct lwm2m_path instance = *base;
	struct lwm2m_tlv tlv;
	int ret;

	if (base->depth == 0 || !model_object(base->id[0])) {
		bad(words, base, "no such object");
		return COAP_404_NOT_FOUND;
	}
	ret = lwm2m_tlv_next(&q, &left, &tlv);
	if (ret < 0)
		return bad(words, base, "cut short");
	if (ret == 0)
		return 0;
	instance.depth = 2;
	if (tlv.kind != LWM2M_TLV_OBJECT_INSTANCE) {
		/* for Create without an instance number: the caller renumbers */
		if (base->depth == 1)
			instance.id[1] = 0xffff;
		return decode_resources(&instance, p, len, set, words);
	}
	if (base->depth > 2)
		return bad(words, base, "a resource is expected here, not an object instance");
	if (left > 0 && (base->depth == 2 || !set->lenient))
		return bad(words, base, "more than one object instance");
	if (base->depth == 2 && tlv.id != base->id[1])
		return bad(words, base, "the payload is for another object instance");
	do {
		if (tlv.kind != LWM2M_TLV_OBJECT_INSTANCE)
			return bad(words, base, "an object instance is expected here");
		instance.id[1] = tlv.id;
		ret = decode_resources(&instance, tlv.value, tlv.len, set, words);
		if (ret != 0)
			return ret;
	} while ((ret = lwm2m_tlv_next(&q, &left, &tlv)) > 0);
	return ret < 0 ? bad(words, base, "cut short") : 0;
}
