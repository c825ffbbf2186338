// SPDX-License-Identifier: Apache-2.0
#include <cbor.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lwm2m/senml.h"

/* labels, RFC 8428 table 4; vlo is LwM2M's own and has no number */
enum {
	LABEL_BASE_NAME = -2,
	LABEL_NAME = 0,
	LABEL_VALUE = 2,
	LABEL_STRING = 3,
	LABEL_BOOLEAN = 4,
	LABEL_DATA = 8,
	LABEL_LINK = 100,
	LABEL_OTHER = 101,
};

/* ---- encoding -------------------------------------------------------------- */

typedef size_t (*encode_head)(size_t, unsigned char *, size_t);

static void put_head(struct lwm2m_buf *out, encode_head encode, size_t n)
{
	uint8_t b[9];

	lwm2m_buf_put(out, b, encode(n, b, sizeof(b)));
}

static void put_int(struct lwm2m_buf *out, int64_t i)
{
	uint8_t b[9];
	size_t n = i < 0 ? cbor_encode_negint(~(uint64_t)i, b, sizeof(b))
			 : cbor_encode_uint((uint64_t)i, b, sizeof(b));

	lwm2m_buf_put(out, b, n);
}

static void put_string(struct lwm2m_buf *out, const void *p, size_t len)
{
	put_head(out, cbor_encode_string_start, len);
	lwm2m_buf_put(out, p, len);
}

static void put_link(struct lwm2m_buf *out, const struct lwm2m_value *v)
{
	char s[16];

	snprintf(s, sizeof(s), "%u:%u", v->object, v->instance);
	put_string(out, s, strlen(s));
}

void lwm2m_cbor_opaque_head(size_t len, struct lwm2m_buf *out)
{
	put_head(out, cbor_encode_bytestring_start, len);
}

void lwm2m_cbor_encode(const struct lwm2m_value *v, struct lwm2m_buf *out)
{
	uint8_t b[9];

	switch (v->type) {
	case MODEL_STRING:
		put_string(out, v->p, v->len);
		break;
	case MODEL_OPAQUE:
		lwm2m_cbor_opaque_head(v->len, out);
		lwm2m_buf_put(out, v->p, v->len);
		break;
	case MODEL_BOOLEAN:
		lwm2m_buf_put(out, b, cbor_encode_bool(v->i != 0, b, sizeof(b)));
		break;
	case MODEL_OBJLNK:
		put_link(out, v);
		break;
	case MODEL_TIME:
		/* tag 1, seconds since 1970; core 7.4.2 */
		lwm2m_buf_put(out, b, cbor_encode_tag(1, b, sizeof(b)));
		put_int(out, v->i);
		break;
	case MODEL_INTEGER:
		put_int(out, v->i);
		break;
	case MODEL_NONE:
	default:
		break;
	}
}

/* "/3/0/" for a base of depth 2; the rest goes into each record's name */
static void split_name(const struct lwm2m_path *base, const struct lwm2m_path *path, char *bn,
		       char *name)
{
	struct lwm2m_path head = *base;
	char whole[LWM2M_PATH_MAX];
	size_t n;

	lwm2m_path_print(&head, bn);
	if (base->depth > 0 && base->depth < path->depth)
		strcat(bn, "/");
	n = strlen(bn);
	lwm2m_path_print(path, whole);
	strcpy(name, strlen(whole) >= n ? whole + n : "");
}

static void put_record(const struct lwm2m_path *base, const struct lwm2m_path *path, bool first,
		       enum model_type type, struct lwm2m_buf *out)
{
	char bn[LWM2M_PATH_MAX + 1], name[LWM2M_PATH_MAX + 1];

	split_name(base, path, bn, name);
	put_head(out, cbor_encode_map_start, (first ? 1U : 0) + (*name ? 1U : 0) + 1U);
	if (first) {
		put_int(out, LABEL_BASE_NAME);
		put_string(out, bn, strlen(bn));
	}
	if (*name) {
		put_int(out, LABEL_NAME);
		put_string(out, name, strlen(name));
	}
	switch (type) {
	case MODEL_STRING:
		put_int(out, LABEL_STRING);
		break;
	case MODEL_OPAQUE:
		put_int(out, LABEL_DATA);
		break;
	case MODEL_BOOLEAN:
		put_int(out, LABEL_BOOLEAN);
		break;
	case MODEL_OBJLNK:
		put_string(out, "vlo", 3);
		break;
	case MODEL_INTEGER:
	case MODEL_TIME:
	case MODEL_NONE:
	default:
		put_int(out, LABEL_VALUE);
		break;
	}
}

void lwm2m_senml_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct lwm2m_buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->v[i].type != MODEL_NONE;
	put_head(out, cbor_encode_array_start, n);
	n = 0;
	for (size_t i = 0; i < set->n; i++) {
		struct lwm2m_value v = set->v[i];

		if (v.type == MODEL_NONE)
			continue;
		put_record(base, &v.path, n++ == 0, v.type, out);
		if (v.type == MODEL_TIME) /* in SenML a number like any other */
			v.type = MODEL_INTEGER;
		lwm2m_cbor_encode(&v, out);
	}
}

void lwm2m_senml_opaque_head(const struct lwm2m_path *path, size_t len, struct lwm2m_buf *out)
{
	put_head(out, cbor_encode_array_start, 1);
	put_record(path, path, true, MODEL_OPAQUE, out);
	lwm2m_cbor_opaque_head(len, out);
}

/* ---- reading items --------------------------------------------------------- */

enum item_kind {
	ITEM_INT,
	ITEM_FLOAT,
	ITEM_STRING,
	ITEM_BYTES,
	ITEM_BOOL,
	ITEM_ARRAY,
	ITEM_MAP,
	ITEM_TAG,
	ITEM_OTHER, /* null, undefined, indefinite strings */
	ITEM_BREAK,
};

/* an array or map of indefinite length has n == SIZE_MAX */
struct item {
	enum item_kind kind;
	int64_t i;
	bool too_big;
	double f;
	const uint8_t *p;
	size_t n;
};

static void on_unsigned(void *ctx, uint64_t u)
{
	struct item *it = ctx;

	it->kind = ITEM_INT;
	it->i = (int64_t)(u & INT64_MAX);
	it->too_big = u > INT64_MAX;
}

static void on_negative(void *ctx, uint64_t u)
{
	on_unsigned(ctx, u);
	((struct item *)ctx)->i = ~((struct item *)ctx)->i;
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

static void on_sized(struct item *it, enum item_kind kind, const uint8_t *p, uint64_t n)
{
	it->kind = kind;
	it->p = p;
	it->n = (size_t)n;
}

static void on_bytes(void *ctx, cbor_data p, uint64_t n)
{
	on_sized(ctx, ITEM_BYTES, p, n);
}

static void on_string(void *ctx, cbor_data p, uint64_t n)
{
	on_sized(ctx, ITEM_STRING, p, n);
}

static void on_array(void *ctx, uint64_t n)
{
	on_sized(ctx, ITEM_ARRAY, NULL, n);
}

static void on_map(void *ctx, uint64_t n)
{
	on_sized(ctx, ITEM_MAP, NULL, n);
}

static void on_indef_array(void *ctx)
{
	on_sized(ctx, ITEM_ARRAY, NULL, SIZE_MAX);
}

static void on_indef_map(void *ctx)
{
	on_sized(ctx, ITEM_MAP, NULL, SIZE_MAX);
}

static void on_tag(void *ctx, uint64_t n)
{
	on_sized(ctx, ITEM_TAG, NULL, n);
}

static void on_float(void *ctx, float f)
{
	((struct item *)ctx)->kind = ITEM_FLOAT;
	((struct item *)ctx)->f = (double)f;
}

static void on_double(void *ctx, double f)
{
	((struct item *)ctx)->kind = ITEM_FLOAT;
	((struct item *)ctx)->f = f;
}

static void on_bool(void *ctx, bool b)
{
	((struct item *)ctx)->kind = ITEM_BOOL;
	((struct item *)ctx)->i = b;
}

static void on_other(void *ctx)
{
	((struct item *)ctx)->kind = ITEM_OTHER;
}

static void on_break(void *ctx)
{
	((struct item *)ctx)->kind = ITEM_BREAK;
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
	.null = on_other,
	.boolean = on_bool,
	.indef_break = on_break,
};

struct reader {
	const uint8_t *p;
	size_t len;
};

static bool next_item(struct reader *r, struct item *it)
{
	struct cbor_decoder_result res;

	memset(it, 0, sizeof(*it));
	it->kind = ITEM_OTHER;
	res = cbor_stream_decode(r->p, r->len, &callbacks, it);
	if (res.status != CBOR_DECODER_FINISHED || res.read == 0 || res.read > r->len)
		return false;
	r->p += res.read;
	r->len -= res.read;
	return true;
}

/* jump over an item; an unknown field may hold arrays and maps of any depth */
static bool skip_item(struct reader *r)
{
	size_t left[8], depth = 0;
	struct item it;

	left[0] = 1;
	for (;;) {
		if (!next_item(r, &it))
			return false;
		if (it.kind == ITEM_BREAK) {
			if (left[depth] != SIZE_MAX || depth == 0)
				return false;
			depth--;
		} else {
			if (left[depth] != SIZE_MAX)
				left[depth]--;
			if (it.kind == ITEM_ARRAY || it.kind == ITEM_MAP ||
			    it.kind == ITEM_TAG) {
				size_t n = it.kind == ITEM_TAG ? 1 : it.n;

				if (++depth == sizeof(left) / sizeof(left[0]) ||
				    (n != SIZE_MAX && n > r->len))
					return false;
				left[depth] = it.kind == ITEM_MAP && n != SIZE_MAX ? 2 * n : n;
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

static int bad(char *words, const char *format, const struct lwm2m_path *path, const char *what)
{
	char s[LWM2M_PATH_MAX];

	lwm2m_words(words, "%s: %s: %s", format, lwm2m_path_print(path, s), what);
	return COAP_400_BAD_REQUEST;
}

static bool parse_link(const uint8_t *p, size_t n, struct lwm2m_value *v)
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

/* @it is the value of a resource that the model says to be of @v->type */
static int convert(const struct item *it, struct lwm2m_value *v, const char *format,
		   char *words)
{
	v->p = it->p;
	v->len = it->n;
	v->i = it->i;
	switch (v->type) {
	case MODEL_STRING:
		return it->kind == ITEM_STRING
			       ? 0
			       : bad(words, format, &v->path, "not a text string");
	case MODEL_OPAQUE:
		return it->kind == ITEM_BYTES
			       ? 0
			       : bad(words, format, &v->path, "not a byte string");
	case MODEL_BOOLEAN:
		return it->kind == ITEM_BOOL ? 0
					     : bad(words, format, &v->path, "not a boolean");
	case MODEL_OBJLNK:
		if (it->kind == ITEM_STRING && parse_link(it->p, it->n, v))
			return 0;
		return bad(words, format, &v->path, "not an object link, as in \"26241:0\"");
	case MODEL_INTEGER:
	case MODEL_TIME:
		if (it->kind == ITEM_INT && !it->too_big)
			return 0;
		if (it->kind == ITEM_FLOAT && it->f >= -9007199254740992.0 &&
		    it->f <= 9007199254740992.0 && (double)(int64_t)it->f == it->f) {
			v->i = (int64_t)it->f;
			return 0;
		}
		return bad(words, format, &v->path, "not an integer of 64 bits");
	case MODEL_NONE:
	default:
		return bad(words, format, &v->path, "this resource has no value");
	}
}

int lwm2m_cbor_decode(const struct lwm2m_path *path, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words)
{
	const struct model_resource *res =
		model_resource(model_object(path->id[0]), path->id[2]);
	struct lwm2m_value v = {.path = *path, .type = res->type};
	struct reader r = {p, len};
	struct item it;
	int ret;

	do {
		if (!next_item(&r, &it))
			return bad(words, "CBOR", path, "cut short or not CBOR");
	} while (it.kind == ITEM_TAG);
	if (r.len > 0)
		return bad(words, "CBOR", path, "more than one value");
	ret = convert(&it, &v, "CBOR", words);
	if (ret == 0 && lwm2m_set_add(set, &v) < 0)
		ret = COAP_413_TOO_LARGE;
	return ret;
}

/* ---- packs ----------------------------------------------------------------- */

struct record {
	char name[LWM2M_PATH_MAX + 1];
	bool has_value;
	struct item value;
	int label;
};

static bool copy_name(const struct item *it, char *out)
{
	if (it->kind != ITEM_STRING || it->n > LWM2M_PATH_MAX ||
	    (it->n && memchr(it->p, 0, it->n)))
		return false;
	if (it->n > 0)
		memcpy(out, it->p, it->n);
	out[it->n] = '\0';
	return true;
}

static int read_label(const struct item *it, int *label)
{
	*label = LABEL_OTHER;
	if (it->kind == ITEM_INT) {
		if (it->i == LABEL_BASE_NAME || it->i == LABEL_NAME || it->i == LABEL_VALUE ||
		    it->i == LABEL_STRING || it->i == LABEL_BOOLEAN || it->i == LABEL_DATA)
			*label = (int)it->i;
		/* base value and base sum change what numbers mean: not ours */
		return it->i == -5 || it->i == -6 ? -EBADMSG : 0;
	}
	if (it->kind != ITEM_STRING)
		return -EBADMSG;
	if (it->n == 3 && memcmp(it->p, "vlo", 3) == 0)
		*label = LABEL_LINK;
	else if (it->n > 0 && it->p[it->n - 1] == '_') /* RFC 8428, 4.4: must understand */
		return -EBADMSG;
	return 0;
}

static const char *read_record(struct reader *r, char *base, struct record *rec)
{
	struct item it;
	size_t pairs;
	int label;

	if (!next_item(r, &it) || it.kind != ITEM_MAP)
		return "a record is not a map";
	rec->name[0] = '\0';
	rec->has_value = false;
	for (pairs = it.n; pairs > 0; pairs -= pairs != SIZE_MAX) {
		if (!next_item(r, &it))
			return "cut short";
		if (it.kind == ITEM_BREAK && pairs == SIZE_MAX)
			break;
		if (read_label(&it, &label) < 0)
			return "a field that is not understood";
		if (label == LABEL_OTHER) {
			if (!skip_item(r))
				return "cut short";
			continue;
		}
		do {
			if (!next_item(r, &it))
				return "cut short";
		} while (it.kind == ITEM_TAG);
		if (it.kind == ITEM_ARRAY || it.kind == ITEM_MAP || it.kind == ITEM_BREAK)
			return "a value that is not simple";
		if (label == LABEL_BASE_NAME || label == LABEL_NAME) {
			if (!copy_name(&it, label == LABEL_NAME ? rec->name : base))
				return "a name is not a path";
			continue;
		}
		if (rec->has_value)
			return "a record has two values";
		rec->has_value = true;
		rec->value = it;
		rec->label = label;
	}
	return NULL;
}

static int take_record(const struct lwm2m_path *scope, bool names, const char *base,
		       const struct record *rec, struct lwm2m_set *set, char *words)
{
	const struct model_object *object;
	const struct model_resource *res;
	struct lwm2m_value v = {.type = MODEL_NONE};
	char whole[2 * LWM2M_PATH_MAX + 2];
	int ret;

	snprintf(whole, sizeof(whole), "%s%s", base, rec->name);
	if (whole[0] != '/' || lwm2m_path_parse(whole, strlen(whole), &v.path) < 0) {
		lwm2m_words(words, "SenML: \"%s\" is not a path", whole);
		return COAP_400_BAD_REQUEST;
	}
	if (!lwm2m_path_covers(scope, &v.path))
		return bad(words, "SenML", &v.path, "not at or below the path of the request");
	if (names) {
		if (rec->has_value)
			return bad(words, "SenML", &v.path,
				   "has a value, only names are expected");
		return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
	}
	object = v.path.depth >= 3 ? model_object(v.path.id[0]) : NULL;
	res = object ? model_resource(object, v.path.id[2]) : NULL;
	if (!res) {
		bad(words, "SenML", &v.path, "no such resource");
		return v.path.depth < 3 ? COAP_400_BAD_REQUEST : COAP_404_NOT_FOUND;
	}
	if (res->multiple != (v.path.depth == 4))
		return bad(words, "SenML", &v.path,
			   res->multiple ? "the resource instance is missing"
					 : "has no resource instances");
	if (!rec->has_value)
		return bad(words, "SenML", &v.path, "no value");
	v.type = res->type;
	ret = convert(&rec->value, &v, "SenML", words);
	if (ret == 0 && lwm2m_set_add(set, &v) < 0)
		ret = COAP_413_TOO_LARGE;
	return ret;
}

int lwm2m_senml_decode(const struct lwm2m_path *scope, bool names, const uint8_t *p, size_t len,
		       struct lwm2m_set *set, char *words)
{
	char base[LWM2M_PATH_MAX + 1] = "";
	struct reader r = {p, len};
	struct record rec = {0};
	struct item it;
	size_t left;
	const char *why;
	int ret;

	if (!next_item(&r, &it) || it.kind != ITEM_ARRAY)
		return bad(words, "SenML", scope, "not a CBOR array of records");
	for (left = it.n; left > 0; left -= left != SIZE_MAX) {
		if (left == SIZE_MAX && r.len > 0 && *r.p == 0xff) {
			r.p++;
			r.len--;
			break;
		}
		why = read_record(&r, base, &rec);
		if (why)
			return bad(words, "SenML", scope, why);
		ret = take_record(scope, names, base, &rec, set, words);
		if (ret != 0)
			return ret;
	}
	return r.len > 0 ? bad(words, "SenML", scope, "bytes after the last record") : 0;
}
