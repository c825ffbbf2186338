// SPDX-License-Identifier: Apache-2.0
/* Write (replace and partial update) and Write-Composite. */
#include <inttypes.h>
#include <string.h>

#include "lwm2m/formats.h"
#include "lwm2m/internal.h"

int lwm2m_dm_check_value(const struct lwm2m_value *v, char *words)
{
	const struct model_resource *res =
		model_resource(model_object(v->path.id[0]), v->path.id[2]);
	char s[LWM2M_PATH_MAX];
	int64_t x;

	if (res->min == res->max)
		return 0;
	if (res->type == MODEL_INTEGER)
		x = v->i;
	else if (res->type == MODEL_STRING || res->type == MODEL_OPAQUE)
		x = (int64_t)v->len;
	else
		return 0;
	if (x >= res->min && x <= res->max)
		return 0;
	content_words(words, "%s: %" PRId64 "%s is not in %" PRId64 " to %" PRId64,
		      lwm2m_path_print(&v->path, s), x,
		      res->type == MODEL_INTEGER ? "" : " bytes", res->min, res->max);
	return COAP_400_BAD_REQUEST;
}

/* all values of one instance; nothing is written unless each of them can be */
static int write_values(struct lwm2m_client *c, const struct lwm2m_value *v, size_t n,
			bool replace, char *words)
{
	const struct lwm2m_object *object = lwm2m_object(v[0].path.id[0]);
	struct lwm2m_path path;
	int code;

	if (!object->write) {
		content_words(words, "object %u cannot be written", object->id);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	code = object->write(c, v[0].path.id[1], v, n, replace, words);
	path = lwm2m_path_at(2, object->id, v[0].path.id[1], 0, 0);
	lwm2m_changed(c, &path);
	return code;
}

/*
 * A null takes a resource instance away, a multiple resource with all its
 * instances, or a resource that need not be there (core 1.2, 6.3.9).
 */
static int check_removal(const struct lwm2m_set *set, const struct lwm2m_value *v, char *words)
{
	const struct model_resource *res =
		model_resource(model_object(v->path.id[0]), v->path.id[2]);
	char s[LWM2M_PATH_MAX];

	if (v->path.depth == 4 || !res->mandatory)
		return 0;
	for (size_t i = 0; i < set->n; i++) /* it is there again at once */
		if (set->v[i].type != MODEL_NONE &&
		    lwm2m_path_covers(&v->path, &set->v[i].path))
			return 0;
	content_words(words, "%s (%s) is mandatory and cannot be taken away",
		      lwm2m_path_print(&v->path, s), res->name);
	return COAP_400_BAD_REQUEST;
}

static int check_values(struct lwm2m_client *c, const struct lwm2m_set *set, char *words)
{
	char s[LWM2M_PATH_MAX];

	for (size_t i = 0; i < set->n; i++) {
		const struct lwm2m_value *v = &set->v[i];
		int code = lwm2m_dm_check(c, &v->path, MODEL_W, words);

		if (code == 0)
			code = v->type == MODEL_NONE ? check_removal(set, v, words)
						     : lwm2m_dm_check_value(v, words);
		if (code != 0)
			return code;
		for (size_t k = 0; k < i; k++)
			if (lwm2m_path_equal(&v->path, &set->v[k].path)) {
				content_words(words, "%s is there twice",
					      lwm2m_path_print(&v->path, s));
				return COAP_400_BAD_REQUEST;
			}
	}
	return 0;
}

/*
 * What takes away goes before what sets, and values of one object instance stand
 * together: they are one write. Otherwise the order is kept.
 */
static void sort(struct lwm2m_set *set)
{
	for (size_t i = 1; i < set->n; i++) {
		struct lwm2m_value v = set->v[i];
		size_t at = i;

		while (at > 0 &&
		       (set->v[at - 1].path.id[0] != v.path.id[0]
				? set->v[at - 1].path.id[0] > v.path.id[0]
			: set->v[at - 1].path.id[1] != v.path.id[1]
				? set->v[at - 1].path.id[1] > v.path.id[1]
				: v.type == MODEL_NONE && set->v[at - 1].type != MODEL_NONE)) {
			set->v[at] = set->v[at - 1];
			at--;
		}
		set->v[at] = v;
	}
}

int lwm2m_dm_write(struct lwm2m_client *c, const struct lwm2m_path *path, bool replace,
		   uint32_t format, const uint8_t *p, size_t len, char *words)
{
	struct lwm2m_value all = {.path = *path, .type = MODEL_NONE};
	const struct model_resource *res;
	struct lwm2m_set set = {0};
	int code = lwm2m_dm_check(c, path, MODEL_W, words);
	bool whole;

	if (code != 0)
		return code;
	if (path->depth < 2) {
		content_words(words,
			      "an object as a whole cannot be written; name an instance");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	if (path->depth == 4 && !replace) {
		content_words(words, "a resource instance is replaced: use PUT");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	res = path->depth >= 3 ? model_resource(model_object(path->id[0]), path->id[2]) : NULL;
	/* replacing a multiple resource: instances that are not in the payload go */
	whole = replace && path->depth == 3 && res->multiple;
	if (whole && lwm2m_set_add(&set, &all) < 0)
		code = COAP_500_INTERNAL;
	if (code == 0)
		code = lwm2m_decode(format, path, p, len, &set, words);
	for (size_t i = 0; i < set.n && code == 0; i++)
		if (!lwm2m_path_covers(path, &set.v[i].path)) {
			content_words(words,
				      "the payload is for another resource than the path");
			code = COAP_400_BAD_REQUEST;
		}
	/* an empty multiple resource may come as one null; we have that already */
	if (whole && set.n == 2 && set.v[1].type == MODEL_NONE && set.v[1].path.depth == 3)
		set.n = 1;
	if (code == 0)
		code = check_values(c, &set, words);
	if (code == 0 && set.n == 0) {
		content_words(words, "nothing to write in the payload");
		code = COAP_400_BAD_REQUEST;
	}
	sort(&set);
	if (code == 0)
		code = write_values(c, set.v, set.n, replace && path->depth == 2, words);
	lwm2m_set_clear(&set);
	return code;
}

int lwm2m_dm_write_composite(struct lwm2m_client *c, uint32_t format, const uint8_t *p,
			     size_t len, char *words)
{
	const struct lwm2m_format *f = lwm2m_format(format);
	struct lwm2m_path root = {0};
	struct lwm2m_set set = {0};
	bool begun;
	int code;

	if (!f || !(f->flags & LWM2M_FORMAT_PATHS)) {
		content_words(words, "a Write-Composite is expected as SenML CBOR (112), SenML "
				     "JSON (110) or LwM2M CBOR (11544)");
		return COAP_415_FORMAT;
	}
	code = f->decode(&root, p, len, &set, words);
	if (code == 0 && set.n == 0) {
		content_words(words, "nothing to write in the payload");
		code = COAP_400_BAD_REQUEST;
	}
	if (code == 0)
		code = check_values(c, &set, words);
	if (code != 0) {
		lwm2m_set_clear(&set);
		return code;
	}
	/* 6.3.9: all or nothing, as far as objects are stored */
	begun = lwm2m_data_begin(c->shared->data) == 0;
	sort(&set);
	for (size_t i = 0, to; i < set.n && code == 0; i = to) {
		for (to = i + 1; to < set.n && set.v[to].path.id[0] == set.v[i].path.id[0] &&
				 set.v[to].path.id[1] == set.v[i].path.id[1];
		     to++)
			;
		code = write_values(c, set.v + i, to - i, false, words);
	}
	if (begun && code != 0) {
		lwm2m_data_rollback(c->shared->data);
	} else if (begun && lwm2m_data_commit(c->shared->data) < 0) {
		content_words(words, "the values could not be kept");
		code = COAP_500_INTERNAL;
	}
	lwm2m_set_clear(&set);
	return code;
}
