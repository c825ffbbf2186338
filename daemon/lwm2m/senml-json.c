// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "lwm2m/json.h"
#include "lwm2m/senml-record.h"
#include "lwm2m/senml.h"

/* ---- encoding -------------------------------------------------------------- */

static void put_value(struct model_buf *out, const struct lwm2m_value *v)
{
	switch (v->type) {
	case MODEL_STRING:
	case MODEL_CORELNK:
		model_buf_printf(out, "\"vs\":");
		lwm2m_json_put_string(out, v->p, v->len);
		break;
	case MODEL_OPAQUE:
		model_buf_printf(out, "\"vd\":");
		lwm2m_json_put_base64(out, v->p, v->len, true);
		break;
	case MODEL_BOOLEAN:
		model_buf_printf(out, "\"vb\":%s", v->i ? "true" : "false");
		break;
	case MODEL_OBJLNK:
		model_buf_printf(out, "\"vlo\":\"%u:%u\"", v->object, v->instance);
		break;
	case MODEL_INTEGER:
	case MODEL_UNSIGNED:
	case MODEL_FLOAT:
	case MODEL_TIME:
	case MODEL_NONE:
	default:
		model_buf_printf(out, "\"v\":");
		lwm2m_json_put_number(out, v);
		break;
	}
}

void lwm2m_senml_json_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			     struct model_buf *out)
{
	char bn[LWM2M_PATH_MAX + 1], name[LWM2M_PATH_MAX + 1];
	bool first = true;
	int64_t at = 0;

	model_buf_put(out, "[", 1);
	for (size_t i = 0; i < set->n; i++) {
		const struct lwm2m_value *v = &set->v[i];

		if (v->type == MODEL_NONE)
			continue;
		lwm2m_senml_split(base, &v->path, bn, name);
		model_buf_printf(out, first ? "{\"bn\":\"%s\"," : ",{", bn);
		if (v->at != at) {
			model_buf_printf(out, "\"bt\":");
			lwm2m_json_put_time(out, v->at);
			model_buf_put(out, ",", 1);
		}
		if (*name)
			model_buf_printf(out, "\"n\":\"%s\",", name);
		put_value(out, v);
		model_buf_put(out, "}", 1);
		first = false;
		at = v->at;
	}
	model_buf_put(out, "]", 1);
}

/* ---- decoding -------------------------------------------------------------- */

static const char *read_field(const char *key, sd_json_variant *v, struct lwm2m_senml *s,
			      struct lwm2m_set *set)
{
	bool base = key[0] == 'b';
	struct lwm2m_item it;

	/* base value and base sum change what numbers mean: not ours; 4.4: names that
	 * end with an underscore must be understood */
	if (strcmp(key, "bv") == 0 || strcmp(key, "bs") == 0 ||
	    (*key && key[strlen(key) - 1] == '_'))
		return "a field that is not understood";
	if (lwm2m_json_item(v, set, &it) < 0)
		return "too long";
	if (strcmp(key, "bn") == 0 || strcmp(key, "n") == 0)
		return it.kind == LWM2M_ITEM_STRING && lwm2m_senml_name(s, base, it.p, it.n)
			       ? NULL
			       : "a name is not a path";
	if (strcmp(key, "bt") == 0 || strcmp(key, "t") == 0)
		return lwm2m_senml_time(s, base, &it) ? NULL : "a time is not a number";
	if (strcmp(key, "vd") == 0 && it.kind == LWM2M_ITEM_STRING &&
	    !lwm2m_json_bytes(&it, true))
		return "vd is not base64 of the URL alphabet";
	if (strcmp(key, "v") == 0 || strcmp(key, "vs") == 0 || strcmp(key, "vb") == 0 ||
	    strcmp(key, "vd") == 0 || strcmp(key, "vlo") == 0)
		return lwm2m_senml_value(s, &it);
	return NULL; /* units, sums, what is yet to come */
}

static const char *read_record(sd_json_variant *v, struct lwm2m_senml *s, struct lwm2m_set *set)
{
	if (!sd_json_variant_is_object(v))
		return "a record is not an object";
	lwm2m_senml_record(s);
	/* keys and values by turns */
	for (size_t i = 0; i + 1 < sd_json_variant_elements(v); i += 2) {
		const char *key = sd_json_variant_string(sd_json_variant_by_index(v, i));
		const char *why = read_field(key, sd_json_variant_by_index(v, i + 1), s, set);

		if (why)
			return why;
	}
	return NULL;
}

static int decode(const struct lwm2m_path *scope, bool names, const uint8_t *p, size_t len,
		  struct lwm2m_set *set, char *words)
{
	struct lwm2m_senml s = {0};
	sd_json_variant *pack = NULL;
	const char *why = lwm2m_json_parse(p, len, &pack);
	int ret = 0;

	if (!why && !sd_json_variant_is_array(pack))
		why = "not an array of records";
	for (size_t i = 0; !why && ret == 0 && i < sd_json_variant_elements(pack); i++) {
		why = read_record(sd_json_variant_by_index(pack, i), &s, set);
		if (!why)
			ret = lwm2m_senml_take(&s, scope, names, set, words);
	}
	sd_json_variant_unref(pack);
	return why ? lwm2m_bad(words, "SenML", scope, why) : ret;
}

int lwm2m_senml_json_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
			    struct lwm2m_set *set, char *words)
{
	return decode(base, false, p, len, set, words);
}

int lwm2m_senml_json_names(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words)
{
	const struct lwm2m_path root = {0};

	return decode(&root, true, p, len, set, words);
}
