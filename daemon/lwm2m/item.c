// SPDX-License-Identifier: Apache-2.0
#include <cbor.h>
#include <math.h>
#include <string.h>

#include "lwm2m/item.h"

/* ---- writing --------------------------------------------------------------- */

typedef size_t (*encode_head)(size_t, unsigned char *, size_t);

static void put_head(struct model_buf *out, encode_head encode, size_t n)
{
	uint8_t b[9];

	model_buf_put(out, b, encode(n, b, sizeof(b)));
}

void lwm2m_put_uint(struct model_buf *out, uint64_t u)
{
	uint8_t b[9];

	model_buf_put(out, b, cbor_encode_uint(u, b, sizeof(b)));
}

void lwm2m_put_int(struct model_buf *out, int64_t i)
{
	uint8_t b[9];

	if (i >= 0)
		lwm2m_put_uint(out, (uint64_t)i);
	else
		model_buf_put(out, b, cbor_encode_negint(~(uint64_t)i, b, sizeof(b)));
}

void lwm2m_put_float(struct model_buf *out, double f)
{
	uint8_t b[9];
	bool narrow = isnan(f) || fabs(f) <= 3.0e38 || isinf(f);

	if (narrow && (isnan(f) || (double)(float)f == f))
		model_buf_put(out, b, cbor_encode_single((float)f, b, sizeof(b)));
	else
		model_buf_put(out, b, cbor_encode_double(f, b, sizeof(b)));
}

void lwm2m_put_text(struct model_buf *out, const void *p, size_t len)
{
	put_head(out, cbor_encode_string_start, len);
	model_buf_put(out, p, len);
}

void lwm2m_put_bytes_head(struct model_buf *out, size_t len)
{
	put_head(out, cbor_encode_bytestring_start, len);
}

void lwm2m_put_array_head(struct model_buf *out, size_t n)
{
	put_head(out, cbor_encode_array_start, n);
}

void lwm2m_put_map_head(struct model_buf *out, size_t n)
{
	put_head(out, cbor_encode_map_start, n);
}

void lwm2m_put_open_map(struct model_buf *out)
{
	model_buf_put(out, "\xbf", 1);
}

void lwm2m_put_break(struct model_buf *out)
{
	model_buf_put(out, "\xff", 1);
}

/* ---- reading: the call backs that libcbor wants ----------------------------- */

static void on_unsigned(void *ctx, uint64_t u)
{
	struct lwm2m_item *it = ctx;

	it->kind = LWM2M_ITEM_INT;
	it->u = u;
	it->i = (int64_t)(u & INT64_MAX);
	it->too_big = u > INT64_MAX;
}

static void on_negative(void *ctx, uint64_t u)
{
	struct lwm2m_item *it = ctx;

	on_unsigned(it, u);
	it->i = ~it->i;
	it->negative = true;
}

static void on_u8(void *ctx, uint8_t u)
{
	on_unsigned(ctx, u);
}

static void on_u16(void *ctx, uint16_t u)
{
	on_unsigned(ctx, u);
}

static void on_u32(void *ctx, uint32_t u)
{
	on_unsigned(ctx, u);
}

static void on_n8(void *ctx, uint8_t u)
{
	on_negative(ctx, u);
}

static void on_n16(void *ctx, uint16_t u)
{
	on_negative(ctx, u);
}

static void on_n32(void *ctx, uint32_t u)
{
	on_negative(ctx, u);
}

static void on_sized(struct lwm2m_item *it, enum lwm2m_item_kind kind, const uint8_t *p,
		     uint64_t n)
{
	it->kind = kind;
	it->p = p;
	it->n = (size_t)n;
}

static void on_bytes(void *ctx, cbor_data p, uint64_t n)
{
	on_sized(ctx, LWM2M_ITEM_BYTES, p, n);
}

static void on_string(void *ctx, cbor_data p, uint64_t n)
{
	on_sized(ctx, LWM2M_ITEM_STRING, p, n);
}

static void on_array(void *ctx, uint64_t n)
{
	on_sized(ctx, LWM2M_ITEM_ARRAY, NULL, n);
}

static void on_map(void *ctx, uint64_t n)
{
	on_sized(ctx, LWM2M_ITEM_MAP, NULL, n);
}

static void on_indef_array(void *ctx)
{
	on_sized(ctx, LWM2M_ITEM_ARRAY, NULL, SIZE_MAX);
}

static void on_indef_map(void *ctx)
{
	on_sized(ctx, LWM2M_ITEM_MAP, NULL, SIZE_MAX);
}

static void on_tag(void *ctx, uint64_t n)
{
	on_sized(ctx, LWM2M_ITEM_TAG, NULL, n);
}

static void on_double(void *ctx, double f)
{
	((struct lwm2m_item *)ctx)->kind = LWM2M_ITEM_FLOAT;
	((struct lwm2m_item *)ctx)->f = f;
}

static void on_float(void *ctx, float f)
{
	on_double(ctx, (double)f);
}

static void on_bool(void *ctx, bool b)
{
	((struct lwm2m_item *)ctx)->kind = LWM2M_ITEM_BOOL;
	((struct lwm2m_item *)ctx)->i = b;
}

static void on_null(void *ctx)
{
	((struct lwm2m_item *)ctx)->kind = LWM2M_ITEM_NULL;
}

static void on_other(void *ctx)
{
	((struct lwm2m_item *)ctx)->kind = LWM2M_ITEM_OTHER;
}

static void on_break(void *ctx)
{
	((struct lwm2m_item *)ctx)->kind = LWM2M_ITEM_BREAK;
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8,
	.uint16 = on_u16,
	.uint32 = on_u32,
	.uint64 = on_unsigned,
	.negint8 = on_n8,
	.negint16 = on_n16,
	.negint32 = on_n32,
	.negint64 = on_negative,
	.byte_string_start = on_other,
	.byte_string = on_bytes,
	.string_start = on_other,
	.string = on_string,
	.indef_array_start = on_indef_array,
	.array_start = on_array,
	.indef_map_start = on_indef_map,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_other,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

bool lwm2m_item_next(struct lwm2m_reader *r, struct lwm2m_item *it)
{
	struct cbor_decoder_result res;

	memset(it, 0, sizeof(*it));
	it->kind = LWM2M_ITEM_OTHER;
	res = cbor_stream_decode(r->p, r->len, &callbacks, it);
	if (res.status != CBOR_DECODER_FINISHED || res.read == 0 || res.read > r->len)
		return false;
	r->p += res.read;
	r->len -= res.read;
	return true;
}

bool lwm2m_item_value(struct lwm2m_reader *r, struct lwm2m_item *it)
{
	do {
		if (!lwm2m_item_next(r, it))
			return false;
	} while (it->kind == LWM2M_ITEM_TAG);
	return true;
}

/* an unknown field may hold arrays and maps */
bool lwm2m_item_skip(struct lwm2m_reader *r)
{
	size_t left[8], depth = 0;
	struct lwm2m_item it;

	left[0] = 1;
	for (;;) {
		if (!lwm2m_item_next(r, &it))
			return false;
		if (it.kind == LWM2M_ITEM_BREAK) {
			if (left[depth] != SIZE_MAX || depth == 0)
				return false;
			depth--;
		} else {
			if (left[depth] != SIZE_MAX)
				left[depth]--;
			if (it.kind == LWM2M_ITEM_ARRAY || it.kind == LWM2M_ITEM_MAP ||
			    it.kind == LWM2M_ITEM_TAG) {
				size_t n = it.kind == LWM2M_ITEM_TAG ? 1 : it.n;

				if (++depth == sizeof(left) / sizeof(left[0]) ||
				    (n != SIZE_MAX && n > r->len))
					return false;
				left[depth] =
					it.kind == LWM2M_ITEM_MAP && n != SIZE_MAX ? 2 * n : n;
			}
		}
		while (left[depth] == 0) {
			if (depth == 0)
				return true;
			depth--;
		}
	}
}

/* ---- values ---------------------------------------------------------------- */

int lwm2m_bad(char *words, const char *format, const struct lwm2m_path *path, const char *what)
{
	char s[LWM2M_PATH_MAX];

	content_words(words, "%s: %s: %s", format, lwm2m_path_print(path, s), what);
	return COAP_400_BAD_REQUEST;
}

bool lwm2m_link_parse(const uint8_t *p, size_t n, struct lwm2m_value *v)
{
	struct lwm2m_path path;
	char s[16];
	char *colon;

	if (n == 0 || n >= sizeof(s))
		return false;
	memcpy(s, p, n);
	s[n] = '\0';
	colon = memchr(s, ':', n);
	if (!colon || memchr(s, '/', n))
		return false;
	*colon = '/';
	/* 65535:65535 is the link to nothing */
	if (n == 11 && memcmp(s, "65535/65535", n) == 0) {
		v->object = v->instance = 0xffff;
		return true;
	}
	if (lwm2m_path_parse(s, n, &path) < 0 || path.depth != 2)
		return false;
	v->object = path.id[0];
	v->instance = path.id[1];
	return true;
}

static bool to_integer(const struct lwm2m_item *it, int64_t *i)
{
	if (it->kind == LWM2M_ITEM_INT && !it->too_big) {
		*i = it->i;
		return true;
	}
	/* a JSON library may write 1e3, a CBOR one 1.0; beyond 2^53 digits are lost */
	if (it->kind == LWM2M_ITEM_FLOAT && it->f >= -9007199254740992.0 &&
	    it->f <= 9007199254740992.0 && (double)(int64_t)it->f == it->f) {
		*i = (int64_t)it->f;
		return true;
	}
	return false;
}

int lwm2m_item_convert(const struct lwm2m_item *it, struct lwm2m_value *v, const char *format,
		       char *words)
{
	int64_t i;

	if (it->kind == LWM2M_ITEM_NULL && v->type != MODEL_NONE) {
		v->type = MODEL_NONE;
		return 0;
	}
	v->p = it->p;
	v->len = it->n;
	v->i = it->i;
	switch (v->type) {
	case MODEL_STRING:
	case MODEL_CORELNK:
		return it->kind == LWM2M_ITEM_STRING
			       ? 0
			       : lwm2m_bad(words, format, &v->path, "not a text string");
	case MODEL_OPAQUE:
		return it->kind == LWM2M_ITEM_BYTES
			       ? 0
			       : lwm2m_bad(words, format, &v->path, "not a byte string");
	case MODEL_BOOLEAN:
		return it->kind == LWM2M_ITEM_BOOL
			       ? 0
			       : lwm2m_bad(words, format, &v->path, "not a boolean");
	case MODEL_OBJLNK:
		if (it->kind == LWM2M_ITEM_STRING && lwm2m_link_parse(it->p, it->n, v))
			return 0;
		return lwm2m_bad(words, format, &v->path,
				 "not an object link, as in \"26241:0\"");
	case MODEL_INTEGER:
	case MODEL_TIME:
		if (to_integer(it, &v->i))
			return 0;
		return lwm2m_bad(words, format, &v->path, "not an integer of 64 bits");
	case MODEL_UNSIGNED:
		if (it->kind == LWM2M_ITEM_INT && !it->negative) {
			v->i = (int64_t)it->u;
			return 0;
		}
		if (it->kind != LWM2M_ITEM_INT && to_integer(it, &i) && i >= 0) {
			v->i = i;
			return 0;
		}
		return lwm2m_bad(words, format, &v->path,
				 "not an integer of 64 bits without sign");
	case MODEL_FLOAT:
		v->f = it->kind == LWM2M_ITEM_INT
			       ? (it->negative ? -(double)it->u - 1.0 : (double)it->u)
			       : it->f;
		if (it->kind == LWM2M_ITEM_INT ||
		    (it->kind == LWM2M_ITEM_FLOAT && isfinite(it->f)))
			return 0;
		return lwm2m_bad(words, format, &v->path, "not a number");
	case MODEL_NONE:
	default:
		return lwm2m_bad(words, format, &v->path, "this resource has no value");
	}
}
