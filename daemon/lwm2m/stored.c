// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "lwm2m/stored.h"

size_t lwm2m_stored_instances(struct lwm2m_client *c, uint16_t object, uint16_t *ids,
			      size_t room)
{
	return lwm2m_data_instances(c->shared->data, object, ids, room);
}

static int failed(int r, uint16_t object, uint16_t instance, char *words)
{
	if (r == -ENOSPC)
		content_words(
			words,
			"there is no room for more in object %u, or none on the disk under "
			"the state directory",
			object);
	else
		content_words(words, "/%u/%u could not be stored: %s", object, instance,
			      strerror(-r));
	return r == -ENOENT   ? COAP_404_NOT_FOUND
	       : r == -EINVAL ? COAP_400_BAD_REQUEST
			      : COAP_500_INTERNAL;
}

int lwm2m_stored_read(struct lwm2m_client *c, uint16_t object, uint16_t instance, int32_t rid,
		      struct lwm2m_set *set, char *words)
{
	const struct model_object *m = model_object(object);
	size_t before = set->n, kept = before;
	int r = lwm2m_data_read(c->shared->data, object, instance, rid, set);

	if (r < 0)
		return failed(r, object, instance, words);
	for (size_t i = before; i < set->n; i++) {
		const struct model_resource *res = model_resource(m, set->v[i].path.id[2]);

		if (res && (res->ops & MODEL_R))
			set->v[kept++] = set->v[i];
	}
	set->n = kept;
	return 0;
}

static bool named(const struct lwm2m_value *v, size_t n, uint16_t rid)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].path.id[2] == rid)
			return true;
	return false;
}

/* what a value of MODEL_NONE takes away; that it was not there is as good */
static int take_away(struct lwm2m_data *d, const struct lwm2m_value *v)
{
	const struct model_resource *res =
		model_resource(model_object(v->path.id[0]), v->path.id[2]);
	struct lwm2m_value none = {
		.path = lwm2m_path_at(4, v->path.id[0], v->path.id[1], v->path.id[2], 0),
		.type = MODEL_NONE,
	};
	int r;

	if (res && res->mandatory && !res->multiple)
		return -EINVAL;
	/* a mandatory multiple resource stays as an empty one */
	if (res && res->mandatory && v->path.depth == 3)
		return lwm2m_data_set(d, &none);
	r = lwm2m_data_remove(d, &v->path);
	return r == -ENOENT ? 0 : r;
}

static int write_all(struct lwm2m_data *d, uint16_t object, uint16_t instance,
		     const struct lwm2m_value *v, size_t n, bool replace)
{
	const struct model_object *m = model_object(object);
	int r = 0;

	for (size_t i = 0; replace && i < m->nr && r == 0; i++) {
		const struct model_resource *res = &m->resources[i];
		struct lwm2m_path path = lwm2m_path_at(3, object, instance, res->id, 0);

		if (!(res->ops & MODEL_W) || (res->mandatory && !named(v, n, res->id)))
			continue;
		r = lwm2m_data_remove(d, &path);
		if (r == -ENOENT)
			r = 0;
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = v[i].type == MODEL_NONE && !(replace && v[i].path.depth == 4)
			    ? take_away(d, &v[i])
			    : lwm2m_data_set(d, &v[i]);
	return r;
}

int lwm2m_stored_write(struct lwm2m_client *c, uint16_t object, uint16_t instance,
		       const struct lwm2m_value *v, size_t n, bool replace, char *words)
{
	struct lwm2m_data *d = c->shared->data;
	bool own = !lwm2m_data_in_transaction(d);
	int r = own ? lwm2m_data_begin(d) : 0;

	if (r == 0) {
		r = write_all(d, object, instance, v, n, replace);
		if (own && r == 0)
			r = lwm2m_data_commit(d);
		else if (own)
			lwm2m_data_rollback(d);
	}
	return r < 0 ? failed(r, object, instance, words) : 0;
}

int lwm2m_stored_create(struct lwm2m_client *c, uint16_t object, uint16_t instance, char *words)
{
	int r = lwm2m_data_add(c->shared->data, object, instance);

	return r < 0 ? failed(r, object, instance, words) : 0;
}

int lwm2m_stored_remove(struct lwm2m_client *c, uint16_t object, uint16_t instance, char *words)
{
	const struct lwm2m_path path = lwm2m_path_at(2, object, instance, 0, 0);
	int r = lwm2m_data_remove(c->shared->data, &path);

	return r < 0 ? failed(r, object, instance, words) : 0;
}
