// SPDX-License-Identifier: Apache-2.0
/* Discover, and the list of objects in Register and Update (RFC 6690). */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"

static void comma(struct lwm2m_buf *out)
{
	if (out->len > 0)
		lwm2m_buf_put(out, ",", 1);
}

static void put_attributes(struct lwm2m_client *c, const struct lwm2m_path *path,
			   struct lwm2m_buf *out)
{
	const struct lwm2m_attributes *a = lwm2m_dm_attributes_at(c, path);

	if (!a)
		return;
	if (a->set & ATTR_PMIN)
		lwm2m_buf_printf(out, ";pmin=%u", a->pmin);
	if (a->set & ATTR_PMAX)
		lwm2m_buf_printf(out, ";pmax=%u", a->pmax);
	if (a->set & ATTR_GT)
		lwm2m_buf_printf(out, ";gt=%.15g", a->gt);
	if (a->set & ATTR_LT)
		lwm2m_buf_printf(out, ";lt=%.15g", a->lt);
	if (a->set & ATTR_ST)
		lwm2m_buf_printf(out, ";st=%.15g", a->st);
	if (a->set & ATTR_EPMIN)
		lwm2m_buf_printf(out, ";epmin=%u", a->epmin);
	if (a->set & ATTR_EPMAX)
		lwm2m_buf_printf(out, ";epmax=%u", a->epmax);
}

static void put_link(struct lwm2m_client *c, const struct lwm2m_path *path,
		     struct lwm2m_buf *out)
{
	char s[LWM2M_PATH_MAX];

	comma(out);
	lwm2m_buf_printf(out, "<%s>", lwm2m_path_print(path, s));
	put_attributes(c, path, out);
}

/* the resources that are there: those that can be read now, and all others */
static int put_resources(struct lwm2m_client *c, const struct lwm2m_object *object,
			 const struct lwm2m_path *path, struct lwm2m_buf *out, char *words)
{
	const struct model_object *m = model_object(object->id);
	struct lwm2m_set set = {0};
	int code = object->read(c, path->id[1], -1, &set, words);

	for (size_t i = 0; i < m->nr && code == 0; i++) {
		const struct model_resource *res = &m->resources[i];
		struct lwm2m_path at = lwm2m_path_at(3, object->id, path->id[1], res->id, 0);
		size_t there = 0, dim = 0;

		if (path->depth >= 3 && path->id[2] != res->id)
			continue;
		for (size_t k = 0; k < set.n; k++)
			if (set.v[k].path.id[2] == res->id) {
				there++;
				dim += set.v[k].type != MODEL_NONE;
			}
		/* a long response script is there although it was left out */
		if (there == 0 && (res->ops & MODEL_R) &&
		    !(object->id == MODEL_OBJECT_SCRIPT && res->id == MODEL_SCRIPT_RESPONSE))
			continue;
		comma(out);
		lwm2m_buf_printf(out, "</%u/%u/%u>", at.id[0], at.id[1], at.id[2]);
		if (res->multiple)
			lwm2m_buf_printf(out, ";dim=%zu", dim);
		put_attributes(c, &at, out);
	}
	lwm2m_set_clear(&set);
	return code;
}

static int discover_instance(struct lwm2m_client *c, const struct lwm2m_object *object,
			     const struct lwm2m_path *path, struct lwm2m_buf *out, char *words)
{
	put_link(c, path, out);
	return put_resources(c, object, path, out, words);
}

int lwm2m_dm_discover(struct lwm2m_client *c, const struct lwm2m_path *path,
		      struct lwm2m_buf *out, char *words)
{
	const struct lwm2m_object *object;
	uint16_t ids[LWM2M_ID_BATCH];
	struct lwm2m_path at = *path;
	size_t n;
	int code;

	if (path->depth == 0) {
		lwm2m_words(words, "Discover needs an object, an instance or a resource");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	if (path->depth == 4) {
		lwm2m_words(words, "Discover ends at resources");
		return COAP_400_BAD_REQUEST;
	}
	code = lwm2m_dm_check(c, path, 0, words);
	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (path->depth == 2)
		code = discover_instance(c, object, path, out, words);
	else if (path->depth == 3)
		code = put_resources(c, object, path, out, words);
	else {
		put_link(c, path, out);
		n = object->instances(c, ids, LWM2M_ID_BATCH);
		at.depth = 2;
		for (size_t i = 0; i < n && code == 0; i++) {
			at.id[1] = ids[i];
			code = discover_instance(c, object, &at, out, words);
		}
	}
	if (code == 0 && out->len == 0) {
		lwm2m_words(words, "/%u/%u/%u is not known (now)", path->id[0], path->id[1],
			    path->id[2]);
		return COAP_404_NOT_FOUND;
	}
	return code != 0 ? code : out->error < 0 ? COAP_500_INTERNAL : 0;
}

void lwm2m_dm_links(struct lwm2m_client *c, struct lwm2m_buf *out)
{
	static const uint16_t listed[] = {MODEL_OBJECT_SERVER, MODEL_OBJECT_ACCESS,
					  MODEL_OBJECT_DEVICE,
					  MODEL_OBJECT_SE, MODEL_OBJECT_SCRIPT};
	uint16_t ids[LWM2M_ID_BATCH];

	/* no newline at the end: some servers answer that with 4.00 */
	lwm2m_buf_printf(out, "</>;rt=\"oma.lwm2m\";ct=%s",
			 c->version < 11   ? "11542"
			 : c->version < 12 ? "\"60 110 112 11542 11543\""
					   : "\"60 110 112 11542 11543 11544\"");
	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
		const struct lwm2m_object *object = lwm2m_object(listed[i]);
		size_t n = object->instances(c, ids, LWM2M_ID_BATCH);

		if (n == 0 && listed[i] != MODEL_OBJECT_ACCESS)
			lwm2m_buf_printf(out, ",</%u>", listed[i]);
		for (size_t k = 0; k < n; k++)
			lwm2m_buf_printf(out, ",</%u/%u>", listed[i], ids[k]);
	}
}
