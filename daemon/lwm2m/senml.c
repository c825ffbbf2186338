// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "lwm2m/senml-record.h"
#include "lwm2m/senml.h"

/* labels, RFC 8428 table 4; vlo is LwM2M's own and has no number */
enum {
	LABEL_BASE_SUM = -6,
	LABEL_BASE_VALUE = -5,
	LABEL_BASE_TIME = -3,
	LABEL_BASE_NAME = -2,
	LABEL_NAME = 0,
	LABEL_VALUE = 2,
	LABEL_STRING = 3,
	LABEL_BOOLEAN = 4,
	LABEL_TIME = 6,
	LABEL_DATA = 8,
	LABEL_LINK = 100,
	LABEL_OTHER = 101,
};

/* ---- encoding -------------------------------------------------------------- */

static void put_time(struct model_buf *out, int64_t ms)
{
	if (ms % 1000 == 0)
		lwm2m_put_int(out, ms / 1000);
	else
		lwm2m_put_float(out, (double)ms / 1000);
}

/* @time: the record begins another time than the one before it */
static void put_record(const struct lwm2m_path *base, const struct lwm2m_path *path, bool first,
		       const int64_t *time, enum model_type type, struct model_buf *out)
{
	char bn[LWM2M_PATH_MAX + 1], name[LWM2M_PATH_MAX + 1];

	lwm2m_senml_split(base, path, bn, name);
	lwm2m_put_map_head(out, (first ? 1U : 0) + (time ? 1U : 0) + (*name ? 1U : 0) + 1U);
	if (first) {
		lwm2m_put_int(out, LABEL_BASE_NAME);
		lwm2m_put_text(out, bn, strlen(bn));
	}
	if (time) {
		lwm2m_put_int(out, LABEL_BASE_TIME);
		put_time(out, *time);
	}
	if (*name) {
		lwm2m_put_int(out, LABEL_NAME);
		lwm2m_put_text(out, name, strlen(name));
	}
	switch (type) {
	case MODEL_STRING:
	case MODEL_CORELNK:
		lwm2m_put_int(out, LABEL_STRING);
		break;
	case MODEL_OPAQUE:
		lwm2m_put_int(out, LABEL_DATA);
		break;
	case MODEL_BOOLEAN:
		lwm2m_put_int(out, LABEL_BOOLEAN);
		break;
	case MODEL_OBJLNK:
		lwm2m_put_text(out, "vlo", 3);
		break;
	case MODEL_INTEGER:
	case MODEL_UNSIGNED:
	case MODEL_FLOAT:
	case MODEL_TIME:
	case MODEL_NONE:
	default:
		lwm2m_put_int(out, LABEL_VALUE);
		break;
	}
}

void lwm2m_senml_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct model_buf *out)
{
	int64_t at = 0;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->v[i].type != MODEL_NONE;
	lwm2m_put_array_head(out, n);
	n = 0;
	for (size_t i = 0; i < set->n; i++) {
		struct lwm2m_value v = set->v[i];

		if (v.type == MODEL_NONE)
			continue;
		put_record(base, &v.path, n++ == 0, v.at != at ? &v.at : NULL, v.type, out);
		at = v.at;
		if (v.type == MODEL_TIME) /* in SenML a number like any other */
			v.type = MODEL_INTEGER;
		lwm2m_cbor_encode(&v, out);
	}
}

void lwm2m_senml_opaque_head(const struct lwm2m_path *path, size_t len, struct model_buf *out)
{
	lwm2m_put_array_head(out, 1);
	put_record(path, path, true, NULL, MODEL_OPAQUE, out);
	lwm2m_put_bytes_head(out, len);
}

/* ---- decoding -------------------------------------------------------------- */

static int read_label(const struct lwm2m_item *it, int *label)
{
	*label = LABEL_OTHER;
	if (it->kind == LWM2M_ITEM_INT) {
		if (it->i >= LABEL_BASE_SUM && it->i <= LABEL_DATA)
			*label = (int)it->i;
		/* base value and base sum change what numbers mean: not ours */
		return *label == LABEL_BASE_VALUE || *label == LABEL_BASE_SUM ? -EBADMSG : 0;
	}
	if (it->kind != LWM2M_ITEM_STRING)
		return -EBADMSG;
	if (it->n == 3 && memcmp(it->p, "vlo", 3) == 0)
		*label = LABEL_LINK;
	else if (it->n > 0 && it->p[it->n - 1] == '_') /* RFC 8428, 4.4: must understand */
		return -EBADMSG;
	return 0;
}

static const char *read_field(struct lwm2m_reader *r, int label, struct lwm2m_senml *s)
{
	struct lwm2m_item it;

	switch (label) {
	case LABEL_BASE_NAME:
	case LABEL_NAME:
	case LABEL_BASE_TIME:
	case LABEL_TIME:
	case LABEL_VALUE:
	case LABEL_STRING:
	case LABEL_BOOLEAN:
	case LABEL_DATA:
	case LABEL_LINK:
		break;
	default:
		return lwm2m_item_skip(r) ? NULL : "cut short";
	}
	if (!lwm2m_item_value(r, &it))
		return "cut short";
	if (label == LABEL_BASE_NAME || label == LABEL_NAME)
		return it.kind == LWM2M_ITEM_STRING &&
				       lwm2m_senml_name(s, label == LABEL_BASE_NAME, it.p, it.n)
			       ? NULL
			       : "a name is not a path";
	if (label == LABEL_BASE_TIME || label == LABEL_TIME)
		return lwm2m_senml_time(s, label == LABEL_BASE_TIME, &it)
			       ? NULL
			       : "a time is not a number";
	return lwm2m_senml_value(s, &it);
}

static const char *read_record(struct lwm2m_reader *r, struct lwm2m_senml *s)
{
	struct lwm2m_item it;
	const char *why;
	size_t pairs;
	int label;

	if (!lwm2m_item_next(r, &it) || it.kind != LWM2M_ITEM_MAP)
		return "a record is not a map";
	lwm2m_senml_record(s);
	for (pairs = it.n; pairs > 0; pairs -= pairs != SIZE_MAX) {
		if (!lwm2m_item_next(r, &it))
			return "cut short";
		if (it.kind == LWM2M_ITEM_BREAK && pairs == SIZE_MAX)
			break;
		if (read_label(&it, &label) < 0)
			return "a field that is not understood";
		why = read_field(r, label, s);
		if (why)
			return why;
	}
	return NULL;
}

static int decode(const struct lwm2m_path *scope, bool names, const uint8_t *p, size_t len,
		  struct lwm2m_set *set, char *words)
{
	struct lwm2m_reader r = {p, len};
	struct lwm2m_senml s = {0};
	struct lwm2m_item it;
	size_t left;
	const char *why;
	int ret;

	if (!lwm2m_item_next(&r, &it) || it.kind != LWM2M_ITEM_ARRAY)
		return lwm2m_bad(words, "SenML", scope, "not a CBOR array of records");
	for (left = it.n; left > 0; left -= left != SIZE_MAX) {
		if (left == SIZE_MAX && r.len > 0 && *r.p == 0xff) {
			r.p++;
			r.len--;
			break;
		}
		why = read_record(&r, &s);
		if (why)
			return lwm2m_bad(words, "SenML", scope, why);
		ret = lwm2m_senml_take(&s, scope, names, set, words);
		if (ret != 0)
			return ret;
	}
	return r.len > 0 ? lwm2m_bad(words, "SenML", scope, "bytes after the last record") : 0;
}

int lwm2m_senml_decode(const struct lwm2m_path *scope, const uint8_t *p, size_t len,
		       struct lwm2m_set *set, char *words)
{
	return decode(scope, false, p, len, set, words);
}

int lwm2m_senml_names(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words)
{
	const struct lwm2m_path root = {0};

	return decode(&root, true, p, len, set, words);
}
