// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "lwm2m/json.h"
#include "lwm2m/lwm2m-json.h"
#include "lwm2m/senml-record.h"

/* ---- encoding -------------------------------------------------------------- */

static void put_value(struct model_buf *out, const struct lwm2m_value *v)
{
	switch (v->type) {
	case MODEL_STRING:
	case MODEL_CORELNK:
		model_buf_printf(out, "\"sv\":");
		lwm2m_json_put_string(out, v->p, v->len);
		break;
	case MODEL_OPAQUE:
		model_buf_printf(out, "\"sv\":");
		lwm2m_json_put_base64(out, v->p, v->len, false);
		break;
	case MODEL_BOOLEAN:
		model_buf_printf(out, "\"bv\":%s", v->i ? "true" : "false");
		break;
	case MODEL_OBJLNK:
		model_buf_printf(out, "\"ov\":\"%u:%u\"", v->object, v->instance);
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

void lwm2m_json_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
		       struct model_buf *out)
{
	char bn[LWM2M_PATH_MAX + 1], name[LWM2M_PATH_MAX + 1];
	bool first = true;
	int64_t latest = 0;

	lwm2m_path_print(base, bn);
	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i].type != MODEL_NONE)
			lwm2m_senml_split(base, &set->v[i].path, bn, name);
		if (set->v[i].at > latest)
			latest = set->v[i].at;
	}
	model_buf_printf(out, "{\"bn\":\"%s\",", bn);
	if (latest) {
		model_buf_printf(out, "\"bt\":");
		lwm2m_json_put_time(out, latest);
		model_buf_put(out, ",", 1);
	}
	model_buf_printf(out, "\"e\":[");
	for (size_t i = 0; i < set->n; i++) {
		const struct lwm2m_value *v = &set->v[i];

		if (v->type == MODEL_NONE)
			continue;
		lwm2m_senml_split(base, &v->path, bn, name);
		model_buf_printf(out, first ? "{" : ",{");
		if (*name)
			model_buf_printf(out, "\"n\":\"%s\",", name);
		if (latest && v->at && v->at != latest) {
			model_buf_printf(out, "\"t\":-");
			lwm2m_json_put_time(out, latest - v->at);
			model_buf_put(out, ",", 1);
		}
		put_value(out, v);
		model_buf_put(out, "}", 1);
		first = false;
	}
	model_buf_printf(out, "]}");
}

/* ---- decoding -------------------------------------------------------------- */

/* a path's last step is the resource or its instance: what type has it? */
static enum model_type type_of(const struct lwm2m_senml *s)
{
	char whole[2 * LWM2M_PATH_MAX + 2];
	const struct model_object *object;
	const struct model_resource *res;
	struct lwm2m_path path;

	memcpy(whole, s->base, strlen(s->base) + 1);
	strcat(whole, s->name);
	if (lwm2m_path_parse(whole, strlen(whole), &path) < 0 || path.depth < 3)
		return MODEL_NONE;
	object = model_object(path.id[0]);
	res = object ? model_resource(object, path.id[2]) : NULL;
	return res ? res->type : MODEL_NONE;
}

/* some servers write the base without its last slash, or without names below it */
static void join(struct lwm2m_senml *s)
{
	size_t n = strlen(s->base);

	if (*s->name == '/' && n > 0 && s->base[n - 1] == '/')
		s->base[n - 1] = '\0';
	else if (*s->name && *s->name != '/' && n > 0 && n < LWM2M_PATH_MAX &&
		 s->base[n - 1] != '/')
		strcat(s->base, "/");
	else if (!*s->name && n > 1 && s->base[n - 1] == '/')
		s->base[n - 1] = '\0';
}

static const char *read_entry(sd_json_variant *e, struct lwm2m_senml *s, struct lwm2m_set *set)
{
	struct lwm2m_item it;
	const char *why = NULL;

	if (!sd_json_variant_is_object(e))
		return "an entry is not an object";
	lwm2m_senml_record(s);
	for (size_t i = 0; !why && i + 1 < sd_json_variant_elements(e); i += 2) {
		const char *key = sd_json_variant_string(sd_json_variant_by_index(e, i));

		if (lwm2m_json_item(sd_json_variant_by_index(e, i + 1), set, &it) < 0)
			return "too long";
		if (strcmp(key, "n") == 0) {
			if (it.kind != LWM2M_ITEM_STRING ||
			    !lwm2m_senml_name(s, false, it.p, it.n))
				why = "a name is not a path";
		} else if (strcmp(key, "t") == 0) {
			if (!lwm2m_senml_time(s, false, &it))
				why = "a time is not a number";
		} else if (strcmp(key, "v") == 0 || strcmp(key, "sv") == 0 ||
			   strcmp(key, "bv") == 0 || strcmp(key, "ov") == 0) {
			why = lwm2m_senml_value(s, &it);
		}
	}
	if (!why)
		join(s);
	/* octets are base64 in a string: only the model tells them from text */
	if (!why && s->has_value && s->value.kind == LWM2M_ITEM_STRING &&
	    type_of(s) == MODEL_OPAQUE && !lwm2m_json_bytes(&s->value, false))
		why = "octets are not base64";
	return why;
}

/* base name and base time count for entries that came before them too */
static const char *read_base(sd_json_variant *root, const struct lwm2m_path *base,
			     struct lwm2m_senml *s, struct lwm2m_set *set)
{
	sd_json_variant *bn = sd_json_variant_by_key(root, "bn");
	sd_json_variant *bt = sd_json_variant_by_key(root, "bt");
	struct lwm2m_item it;
	const char *p;

	lwm2m_path_print(base, s->base);
	if (bn) {
		if (!sd_json_variant_is_string(bn))
			return "bn is not a path";
		p = sd_json_variant_string(bn);
		if (!lwm2m_senml_name(s, true, p, strlen(p)))
			return "bn is not a path";
	} else if (base->depth > 0 && base->depth < 4) {
		strcat(s->base, "/");
	}
	if (bt && (lwm2m_json_item(bt, set, &it) < 0 || !lwm2m_senml_time(s, true, &it)))
		return "bt is not a number";
	return NULL;
}

int lwm2m_json_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words)
{
	struct lwm2m_senml s = {0}, one;
	sd_json_variant *root = NULL, *e = NULL;
	const char *why = lwm2m_json_parse(p, len, &root);
	int ret = 0;

	if (!why && !sd_json_variant_is_object(root))
		why = "not an object";
	if (!why)
		why = read_base(root, base, &s, set);
	if (!why) {
		e = sd_json_variant_by_key(root, "e");
		if (!e || !sd_json_variant_is_array(e))
			why = "there is no array e";
	}
	for (size_t i = 0; !why && ret == 0 && i < sd_json_variant_elements(e); i++) {
		one = s;
		why = read_entry(sd_json_variant_by_index(e, i), &one, set);
		if (!why)
			ret = lwm2m_senml_take(&one, base, false, set, words);
	}
	sd_json_variant_unref(root);
	return why ? lwm2m_bad(words, "JSON", base, why) : ret;
}
