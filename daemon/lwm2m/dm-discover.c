// SPDX-License-Identifier: Apache-2.0
/* Discover, and the list of objects in Register and Update (RFC 6690). */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"

static void comma(struct model_buf *out)
{
	if (out->len > 0)
		model_buf_put(out, ",", 1);
}

static void put_attributes(struct lwm2m_client *c, const struct lwm2m_path *path,
			   struct model_buf *out)
{
	const struct lwm2m_attributes *a = lwm2m_dm_attributes_at(c, path);

	if (a)
		lwm2m_attributes_print(a, out);
}

static void put_link(struct lwm2m_client *c, const struct lwm2m_path *path,
		     struct model_buf *out)
{
	char s[LWM2M_PATH_MAX];

	comma(out);
	model_buf_printf(out, "<%s>", lwm2m_path_print(path, s));
	put_attributes(c, path, out);
}

/* one resource of which @set has the values; @levels below it */
static void put_resource(struct lwm2m_client *c, const struct lwm2m_path *instance,
			 const struct model_resource *res, const struct lwm2m_set *set,
			 unsigned int levels, struct model_buf *out)
{
	struct lwm2m_path at = lwm2m_path_at(3, instance->id[0], instance->id[1], res->id, 0);
	size_t there = 0, dim = 0;
	char s[LWM2M_PATH_MAX];

	for (size_t k = 0; k < set->n; k++)
		if (set->v[k].path.id[2] == res->id) {
			there++;
			dim += set->v[k].type != MODEL_NONE;
		}
	/* those that can be read are there if they have a value now, and all others; a
	 * long response script is there although it was left out */
	if (there == 0 && (res->ops & MODEL_R) &&
	    !(at.id[0] == MODEL_OBJECT_SCRIPT && res->id == MODEL_SCRIPT_RESPONSE))
		return;
	comma(out);
	model_buf_printf(out, "<%s>", lwm2m_path_print(&at, s));
	if (res->multiple)
		model_buf_printf(out, ";dim=%zu", dim);
	put_attributes(c, &at, out);
	for (size_t k = 0; k < set->n && levels > 0; k++)
		if (set->v[k].path.id[2] == res->id && set->v[k].path.depth == 4 &&
		    set->v[k].type != MODEL_NONE)
			put_link(c, &set->v[k].path, out);
}

static int put_resources(struct lwm2m_client *c, const struct lwm2m_object *object,
			 const struct lwm2m_path *path, unsigned int levels,
			 struct model_buf *out, char *words)
{
	const struct model_object *m = model_object(object->id);
	struct lwm2m_set set = {0};
	int code = object->read(c, path->id[1], -1, &set, words);

	for (size_t i = 0; i < m->nr && code == 0; i++)
		if (path->depth < 3 || path->id[2] == m->resources[i].id)
			put_resource(c, path, &m->resources[i], &set, levels, out);
	lwm2m_set_clear(&set);
	return code;
}

static int put_instance(struct lwm2m_client *c, const struct lwm2m_object *object,
			const struct lwm2m_path *path, unsigned int levels,
			struct model_buf *out, char *words)
{
	put_link(c, path, out);
	return levels == 0 ? 0 : put_resources(c, object, path, levels - 1, out, words);
}

int lwm2m_dm_discover(struct lwm2m_client *c, const struct lwm2m_path *path, int depth,
		      struct model_buf *out, char *words)
{
	/* core 1.2, 6.3.3: resources of an object and an instance, instances of a resource */
	unsigned int levels = depth >= 0 ? (unsigned int)depth : path->depth == 1 ? 2 : 1;
	const struct lwm2m_object *object;
	uint16_t ids[LWM2M_ID_BATCH];
	struct lwm2m_path at = *path;
	size_t n;
	int code;

	if (path->depth == 0) {
		content_words(words, "Discover needs an object, an instance or a resource");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	if (path->depth == 4) {
		content_words(words, "Discover ends at resources");
		return COAP_400_BAD_REQUEST;
	}
	/* 1.0 knows no paths of resource instances */
	if (path->depth == 3 && depth < 0 && c->version < 11)
		levels = 0;
	code = lwm2m_dm_check(c, path, 0, words);
	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (path->depth == 2) {
		code = put_instance(c, object, path, levels, out, words);
	} else if (path->depth == 3) {
		code = put_resources(c, object, path, levels, out, words);
	} else {
		put_link(c, path, out);
		n = levels > 0 ? object->instances(c, ids, LWM2M_ID_BATCH) : 0;
		at.depth = 2;
		for (size_t i = 0; i < n && code == 0; i++) {
			at.id[1] = ids[i];
			code = put_instance(c, object, &at, levels - 1, out, words);
		}
	}
	if (code == 0 && out->len == 0) {
		content_words(words, "/%u/%u/%u is not known (now)", path->id[0], path->id[1],
			      path->id[2]);
		return COAP_404_NOT_FOUND;
	}
	return code != 0 ? code : out->error < 0 ? COAP_500_INTERNAL : 0;
}

/* An object without instances is told where a server may look for some, or make one. */
static bool told_empty(const struct lwm2m_client *c, const struct lwm2m_object *object)
{
	switch (object->id) {
	case MODEL_OBJECT_SE:
	case MODEL_OBJECT_SCRIPT:
		return true;
	default:
		return object->create && c->shared->jobs;
	}
}

void lwm2m_dm_links(struct lwm2m_client *c, struct model_buf *out)
{
	const struct model_object *model;
	uint16_t ids[LWM2M_ID_BATCH];

	/* no newline at the end: some servers answer that with 4.00 */
	model_buf_printf(out, "</>;rt=\"oma.lwm2m\";ct=%s",
			 c->version < 11   ? "11542"
			 : c->version < 12 ? "\"60 110 112 11542 11543\""
					   : "\"60 110 112 11542 11543 11544\"");
	for (size_t i = 0; (model = model_object_at(i)); i++) {
		const struct lwm2m_object *object = lwm2m_object(model->id);
		size_t n = object ? object->instances(c, ids, LWM2M_ID_BATCH) : 0;

		if (object && n == 0 && told_empty(c, object))
			model_buf_printf(out, ",</%u>", model->id);
		for (size_t k = 0; k < n; k++)
			model_buf_printf(out, ",</%u/%u>", model->id, ids[k]);
	}
}
