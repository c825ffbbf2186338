// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lwm2m/senml-record.h"

void lwm2m_senml_record(struct lwm2m_senml *s)
{
	s->name[0] = '\0';
	s->time = 0;
	s->has_value = false;
}

bool lwm2m_senml_name(struct lwm2m_senml *s, bool base, const void *p, size_t n)
{
	char *out = base ? s->base : s->name;

	if (n > LWM2M_PATH_MAX || (n && memchr(p, 0, n)))
		return false;
	if (n > 0)
		memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

const char *lwm2m_senml_value(struct lwm2m_senml *s, const struct lwm2m_item *it)
{
	if (it->kind == LWM2M_ITEM_ARRAY || it->kind == LWM2M_ITEM_MAP ||
	    it->kind == LWM2M_ITEM_BREAK || it->kind == LWM2M_ITEM_OTHER)
		return "a value that is not simple";
	if (s->has_value)
		return "a record has two values";
	s->has_value = true;
	s->value = *it;
	return NULL;
}

bool lwm2m_senml_time(struct lwm2m_senml *s, bool base, const struct lwm2m_item *it)
{
	double t;

	if (it->kind == LWM2M_ITEM_INT && !it->too_big)
		t = (double)it->i;
	else if (it->kind == LWM2M_ITEM_FLOAT && isfinite(it->f))
		t = it->f;
	else
		return false;
	*(base ? &s->base_time : &s->time) = t;
	return true;
}

/* RFC 8428, 4.5.3: below 2^28 a time is relative to now, which nobody knows here */
static int64_t absolute(const struct lwm2m_senml *s)
{
	double t = s->base_time + s->time;

	return t >= 268435456.0 && t < 9.0e12 ? (int64_t)llround(t * 1000) : 0;
}

int lwm2m_senml_take(const struct lwm2m_senml *s, const struct lwm2m_path *scope, bool names,
		     struct lwm2m_set *set, char *words)
{
	const struct model_object *object;
	const struct model_resource *res;
	struct lwm2m_value v = {.type = MODEL_NONE};
	char whole[2 * LWM2M_PATH_MAX + 2];
	int ret;

	snprintf(whole, sizeof(whole), "%s%s", s->base, s->name);
	if (whole[0] != '/' || lwm2m_path_parse(whole, strlen(whole), &v.path) < 0) {
		content_words(words, "SenML: \"%s\" is not a path", whole);
		return COAP_400_BAD_REQUEST;
	}
	if (!lwm2m_path_covers(scope, &v.path))
		return lwm2m_bad(words, "SenML", &v.path,
				 "not at or below the path of the request");
	if (names) {
		if (s->has_value)
			return lwm2m_bad(words, "SenML", &v.path,
					 "has a value, only names are expected");
		return lwm2m_set_add(set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
	}
	object = v.path.depth >= 3 ? model_object(v.path.id[0]) : NULL;
	res = object ? model_resource(object, v.path.id[2]) : NULL;
	if (!res && v.path.depth >= 3 && set->lenient) {
		set->skipped++;
		return 0;
	}
	if (!res) {
		lwm2m_bad(words, "SenML", &v.path, "no such resource");
		return v.path.depth < 3 ? COAP_400_BAD_REQUEST : COAP_404_NOT_FOUND;
	}
	if (!s->has_value)
		return lwm2m_bad(words, "SenML", &v.path, "no value");
	/* a multiple resource as a whole can be taken away, but has no value itself */
	if (res->multiple != (v.path.depth == 4) &&
	    !(res->multiple && s->value.kind == LWM2M_ITEM_NULL))
		return lwm2m_bad(words, "SenML", &v.path,
				 res->multiple ? "the resource instance is missing"
					       : "has no resource instances");
	v.type = res->type;
	v.at = absolute(s);
	ret = lwm2m_item_convert(&s->value, &v, "SenML", words);
	if (ret == 0 && lwm2m_set_add(set, &v) < 0)
		ret = COAP_413_TOO_LARGE;
	return ret;
}

void lwm2m_senml_split(const struct lwm2m_path *base, const struct lwm2m_path *path, char *bn,
		       char *name)
{
	char whole[LWM2M_PATH_MAX];
	size_t n;

	lwm2m_path_print(base, bn);
	if (base->depth > 0 && base->depth < path->depth)
		strcat(bn, "/");
	n = strlen(bn);
	lwm2m_path_print(path, whole);
	strcpy(name, strlen(whole) >= n ? whole + n : "");
}
