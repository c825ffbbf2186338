// SPDX-License-Identifier: Apache-2.0
/* Create and Delete of object instances. */
#include <string.h>

#include "lwm2m/internal.h"
#include "lwm2m/text.h"
#include "lwm2m/tlv.h"

static int free_instance(struct lwm2m_client *c, const struct lwm2m_object *object,
			 uint16_t *instance)
{
	uint16_t ids[LWM2M_ID_BATCH];
	size_t n = object->instances(c, ids, LWM2M_ID_BATCH);

	*instance = 0;
	for (size_t i = 0; i < n && ids[i] == *instance; i++)
		++*instance;
	return n < LWM2M_SCRIPTS_MAX ? 0 : COAP_500_INTERNAL;
}

/* The number is in the payload (an object instance TLV, names of SenML) or ours to choose. */
static int renumber(struct lwm2m_set *set, uint16_t *instance, bool *given, char *words)
{
	*given = set->n > 0 && set->v[0].path.id[1] != 0xffff;
	if (*given)
		*instance = set->v[0].path.id[1];
	for (size_t i = 0; i < set->n; i++) {
		if (*given && set->v[i].path.id[1] != *instance) {
			content_words(words, "more than one object instance in the payload");
			return COAP_400_BAD_REQUEST;
		}
	}
	return 0;
}

static int check_new(struct lwm2m_client *c, const struct lwm2m_object *object,
		     const struct lwm2m_set *set, uint16_t instance, char *words)
{
	const struct model_object *m = model_object(object->id);

	if (lwm2m_has_instance(c, object, instance)) {
		content_words(words, "/%u/%u is there already; Delete it first or write to it",
			      object->id, instance);
		return COAP_400_BAD_REQUEST;
	}
	for (size_t i = 0; i < set->n; i++) {
		const struct model_resource *res = model_resource(m, set->v[i].path.id[2]);
		int code;

		if (!(res->ops & MODEL_W)) {
			content_words(words, "resource %u (%s) cannot be written", res->id,
				      res->name);
			return COAP_405_METHOD_NOT_ALLOWED;
		}
		code = lwm2m_dm_check_value(&set->v[i], words);
		if (code != 0)
			return code;
	}
	return 0;
}

/* Of a stored object, instance, values and owner come to be at once; of others the
 * instance is taken back when something fails. */
static int make(struct lwm2m_client *c, const struct lwm2m_object *object, uint16_t instance,
		struct lwm2m_set *set, char *words)
{
	struct lwm2m_data *data = c->shared->data;
	bool stored = lwm2m_data_stores(object->id);
	char ignored[CONTENT_WORDS_MAX];
	int code, r = stored ? lwm2m_data_begin(data) : 0;

	code = r < 0 ? COAP_500_INTERNAL : object->create(c, instance, words);
	if (code != 0)
		goto out;
	for (size_t i = 0; i < set->n; i++)
		set->v[i].path.id[1] = instance;
	if (set->n > 0)
		code = object->write(c, instance, set->v, set->n, true, words);
	if (code == 0)
		r = lwm2m_acl_created(c, object->id, instance);
	if (code == 0 && r == 0 && stored)
		r = lwm2m_data_commit(data);
	if (code == 0 && r < 0) {
		content_words(words, "/%u/%u could not be made: %s", object->id, instance,
			      strerror(-r));
		code = COAP_500_INTERNAL;
	}
	if (code != 0 && !stored)
		object->remove(c, instance, ignored);
out:
	if (code != 0 && stored)
		lwm2m_data_rollback(data);
	return code;
}

int lwm2m_dm_create(struct lwm2m_client *c, const struct lwm2m_path *path, uint32_t format,
		    const uint8_t *p, size_t len, uint16_t *instance, char *words)
{
	const struct lwm2m_object *object;
	struct lwm2m_set set = {0};
	bool given = false;
	int code = lwm2m_dm_check(c, path, 0, words);

	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (!object->create) {
		content_words(words, "instances of object %u cannot be created", path->id[0]);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	code = lwm2m_dm_allowed(c, path, LWM2M_ACL_C, words);
	if (code != 0)
		return code;
	if (free_instance(c, object, instance) != 0) {
		content_words(words, "there are %d scripts already; Delete one",
			      LWM2M_SCRIPTS_MAX);
		return COAP_500_INTERNAL;
	}
	/* an object instance TLV without resources still names the instance */
	if (len > 0) {
		code = lwm2m_decode(format, path, p, len, &set, words);
		if (code == 0)
			code = renumber(&set, instance, &given, words);
		if (code == 0 && set.n == 0 && format == COAP_FORMAT_LWM2M_TLV &&
		    (p[0] & 0xc0) == 0) {
			struct lwm2m_tlv tlv;

			if (lwm2m_tlv_next(&p, &len, &tlv) > 0) {
				*instance = tlv.id;
				given = true;
			}
		}
	}
	if (code == 0 && given && *instance == 0xffff) {
		content_words(words, "65535 is not an instance number");
		code = COAP_400_BAD_REQUEST;
	}
	if (code == 0)
		code = check_new(c, object, &set, *instance, words);
	if (code == 0)
		code = make(c, object, *instance, &set, words);
	lwm2m_set_clear(&set);
	if (code == 0) {
		lwm2m_changed(c, path);
		lwm2m_registration_objects(c);
	}
	return code;
}

/* core 1.2, 6.3.7: a resource instance is a value that is taken away */
static int delete_resource_instance(struct lwm2m_client *c, const struct lwm2m_path *path,
				    char *words)
{
	const struct lwm2m_value gone = {.path = *path, .type = MODEL_NONE};
	const struct lwm2m_object *object = lwm2m_object(path->id[0]);
	int code = lwm2m_dm_check(c, path, MODEL_W, words);
	struct lwm2m_set set = {0};
	size_t n = 0;

	if (code == 0 && !object->write) {
		content_words(words, "object %u cannot be written", path->id[0]);
		code = COAP_405_METHOD_NOT_ALLOWED;
	}
	if (code == 0)
		code = object->read(c, path->id[1], path->id[2], &set, words);
	for (size_t i = 0; i < set.n; i++)
		n += set.v[i].type != MODEL_NONE && lwm2m_path_equal(&set.v[i].path, path);
	lwm2m_set_clear(&set);
	if (code == 0 && n == 0) {
		content_words(words, "there is no /%u/%u/%u/%u", path->id[0], path->id[1],
			      path->id[2], path->id[3]);
		code = COAP_404_NOT_FOUND;
	}
	if (code == 0)
		code = object->write(c, path->id[1], &gone, 1, false, words);
	if (code != 0)
		return code;
	lwm2m_dm_forget(c, path);
	lwm2m_changed(c, path);
	return 0;
}

int lwm2m_dm_delete(struct lwm2m_client *c, const struct lwm2m_path *path, char *words)
{
	const struct lwm2m_object *object;
	struct lwm2m_path above;
	int code;

	if (path->depth == 4)
		return delete_resource_instance(c, path, words);
	if (path->depth != 2) {
		content_words(words,
			      "only object instances and resource instances can be deleted");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	code = lwm2m_dm_check(c, path, 0, words);
	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (!object->remove) {
		content_words(words, "instances of object %u cannot be deleted", path->id[0]);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	code = lwm2m_dm_allowed(c, path, LWM2M_ACL_D, words);
	if (code == 0)
		code = object->remove(c, path->id[1], words);
	if (code != 0)
		return code;
	/* what stays behind would be about the next instance of that number: it goes then */
	lwm2m_acl_deleted(c, path->id[0], path->id[1]);
	lwm2m_dm_forget(c, path);
	above = lwm2m_path_at(1, path->id[0], 0, 0, 0);
	lwm2m_changed(c, &above);
	lwm2m_registration_objects(c);
	return 0;
}
