// SPDX-License-Identifier: Apache-2.0
/* Registries as JSON: in results for programs, in records for ourselves. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/view.h"

static int put_aid(sd_json_variant **object, const char *name, const struct gp_aid *aid)
{
	return gp_json_set_hex(object, name, aid->bytes, aid->len);
}

static int put_words(sd_json_variant **object, const struct gp_entry *e)
{
	sd_json_variant *names = NULL;
	char text[GP_STATE_WORDS];
	const char *name;
	uint32_t bits;
	int r = 0;

	if (e->told & GP_ENTRY_STATE) {
		gp_state_to_text(e->kind, e->state, text, sizeof(text));
		r = sd_json_variant_set_field_string(object, "stateName", text);
	}
	if (r >= 0 && e->told & GP_ENTRY_PRIVILEGES) {
		r = sd_json_variant_new_array(&names, NULL, 0);
		for (unsigned int i = 0; r >= 0 && (name = gp_priv_name(i, &bits)); i++)
			if (gp_priv_has(e->privileges, bits))
				r = sd_json_variant_append_arrayb(&names,
								  SD_JSON_BUILD_STRING(name));
		if (r >= 0)
			r = sd_json_variant_set_field(object, "privilegeNames", names);
		sd_json_variant_unref(names);
	}
	return r;
}

static int put_modules(sd_json_variant **object, const struct gp_entry *e)
{
	sd_json_variant *array = NULL, *one = NULL;
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; i < e->nr_modules && r >= 0; i++) {
		one = NULL;
		r = put_aid(&one, "aid", &e->modules[i]);
		if (r >= 0)
			r = sd_json_variant_append_array(&array, one);
		sd_json_variant_unref(one);
	}
	if (r >= 0)
		r = sd_json_variant_set_field(object, "modules", array);
	sd_json_variant_unref(array);
	return r;
}

static int put_entry(sd_json_variant **array, const struct gp_entry *e, bool words)
{
	uint8_t priv[] = {(uint8_t)(e->privileges >> 16), (uint8_t)(e->privileges >> 8),
			  (uint8_t)e->privileges};
	sd_json_variant *object = NULL;
	int r;

	r = put_aid(&object, "aid", &e->aid);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&object, "kind", gp_kind_name(e->kind));
	if (r >= 0 && e->told & GP_ENTRY_STATE)
		r = gp_json_set_hex(&object, "state", &e->state, 1);
	if (r >= 0 && e->told & GP_ENTRY_PRIVILEGES)
		r = gp_json_set_hex(&object, "privileges", priv, 3);
	if (r >= 0 && e->told & GP_ENTRY_SD)
		r = put_aid(&object, "sd", &e->sd);
	if (r >= 0 && e->told & GP_ENTRY_ELF)
		r = put_aid(&object, "elf", &e->elf);
	if (r >= 0 && e->told & GP_ENTRY_VERSION)
		r = gp_json_set_hex(&object, "version", e->version, e->version_len);
	if (r >= 0 && words && e->told & GP_ENTRY_IMPLICIT)
		r = gp_json_set_hex(&object, "implicit", e->implicit, e->nr_implicit);
	if (r >= 0 && words)
		r = put_words(&object, e);
	if (r >= 0 && words && e->told & GP_ENTRY_MODULES)
		r = put_modules(&object, e);
	if (r >= 0)
		r = sd_json_variant_append_array(array, object);
	sd_json_variant_unref(object);
	return r;
}

int gp_registry_to_json(const struct gp_registry *registry, bool words, sd_json_variant **ret)
{
	sd_json_variant *array = NULL;
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; i < registry->n && r >= 0; i++)
		r = put_entry(&array, &registry->entries[i], words);
	if (r < 0) {
		sd_json_variant_unref(array);
		return r;
	}
	*ret = array;
	return 0;
}

int gp_view_to_json(const struct gp_view *view, sd_json_variant **ret)
{
	sd_json_variant *object = NULL, *array = NULL;
	uint8_t pairs[2 * GP_KEY_INFO_MAX];
	int r;

	r = sd_json_variant_set_field_boolean(&object, "complete", view->complete);
	if (r >= 0 && view->known) {
		r = gp_registry_to_json(&view->registry, false, &array);
		if (r >= 0)
			r = sd_json_variant_set_field(&object, "registry", array);
		sd_json_variant_unref(array);
	}
	if (r >= 0 && view->keys_known) {
		for (size_t i = 0; i < view->keys.nr; i++) {
			pairs[2 * i] = view->keys.key[i].kvn;
			pairs[2 * i + 1] = view->keys.key[i].kid;
		}
		r = gp_json_set_hex(&object, "keys", pairs, 2 * view->keys.nr);
	}
	if (r < 0) {
		sd_json_variant_unref(object);
		return r;
	}
	*ret = object;
	return 0;
}

static int get_aid(sd_json_variant *object, const char *name, struct gp_aid *aid, bool *there)
{
	sd_json_variant *v = sd_json_variant_by_key(object, name);
	uint8_t bytes[GP_AID_MAX];
	size_t len;

	*there = v;
	if (!v)
		return 0;
	return gp_json_hex(v, bytes, sizeof(bytes), &len) ? -EBADMSG
							  : gp_aid_set(aid, bytes, len);
}

static int get_hex(sd_json_variant *object, const char *name, uint8_t *out, size_t room,
		   size_t *len)
{
	sd_json_variant *v = sd_json_variant_by_key(object, name);

	*len = 0;
	return v ? gp_json_hex(v, out, room, len) : 0;
}

static int get_modules(struct gp_entry *e, sd_json_variant *array)
{
	size_t n = sd_json_variant_elements(array);
	bool there;
	int r = 0;

	if (!sd_json_variant_is_array(array) || n > GP_ENTRY_MODULES_MAX)
		return -EBADMSG;
	e->modules = n ? calloc(n, sizeof(*e->modules)) : NULL;
	if (n && !e->modules)
		return -ENOMEM;
	for (size_t i = 0; i < n && !r; i++) {
		r = get_aid(sd_json_variant_by_index(array, i), "aid", &e->modules[i], &there);
		if (!r && !there)
			r = -EBADMSG;
	}
	e->nr_modules = n;
	e->told |= GP_ENTRY_MODULES;
	return r;
}

static int get_entry(struct gp_registry *registry, sd_json_variant *object)
{
	sd_json_variant *kind = sd_json_variant_by_key(object, "kind");
	enum gp_kind k = GP_KIND_ISD;
	struct gp_aid aid = {0}, other = {0};
	struct gp_entry *e;
	uint8_t bytes[GP_ENTRY_VERSION_MAX];
	bool there;
	size_t len;
	int r = 0;

	if (!kind || !sd_json_variant_is_string(kind) || get_aid(object, "aid", &aid, &there))
		return -EBADMSG;
	while (strcmp(sd_json_variant_string(kind), gp_kind_name(k)) != 0)
		if (k++ == GP_KIND_ELF)
			return -EBADMSG;
	e = gp_registry_add(registry, &aid, k, &r);
	if (!e)
		return r;
	if (get_hex(object, "state", bytes, 1, &len))
		return -EBADMSG;
	if (len) {
		e->state = bytes[0];
		e->told |= GP_ENTRY_STATE;
	}
	if (get_hex(object, "privileges", bytes, 3, &len) || (len && len != 3))
		return -EBADMSG;
	if (len) {
		e->privileges = (uint32_t)(bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
		e->told |= GP_ENTRY_PRIVILEGES;
	}
	if (get_aid(object, "sd", &other, &there))
		return -EBADMSG;
	if (there) {
		e->sd = other;
		e->told |= GP_ENTRY_SD;
	}
	if (get_aid(object, "elf", &other, &there))
		return -EBADMSG;
	if (there) {
		e->elf = other;
		e->told |= GP_ENTRY_ELF;
	}
	if (get_hex(object, "version", bytes, sizeof(bytes), &len))
		return -EBADMSG;
	if (len) {
		memcpy(e->version, bytes, len);
		e->version_len = (uint8_t)len;
		e->told |= GP_ENTRY_VERSION;
	}
	kind = sd_json_variant_by_key(object, "modules");
	return kind && !e->modules ? get_modules(e, kind) : 0;
}

int gp_registry_from_json(struct gp_registry *registry, sd_json_variant *json)
{
	int r = 0;

	if (!sd_json_variant_is_array(json))
		return -EBADMSG;
	for (size_t i = 0; i < sd_json_variant_elements(json) && !r; i++)
		r = get_entry(registry, sd_json_variant_by_index(json, i));
	return r;
}

int gp_view_from_json(struct gp_view *view, sd_json_variant *json)
{
	sd_json_variant *v;
	uint8_t pairs[2 * GP_KEY_INFO_MAX];
	size_t len;
	int r = 0;

	*view = (struct gp_view){0};
	v = sd_json_variant_by_key(json, "complete");
	if (!v || !sd_json_variant_is_boolean(v))
		return -EBADMSG;
	view->complete = sd_json_variant_boolean(v);
	v = sd_json_variant_by_key(json, "registry");
	if (v) {
		view->known = true;
		r = gp_registry_from_json(&view->registry, v);
	}
	v = sd_json_variant_by_key(json, "keys");
	if (!r && v) {
		r = gp_json_hex(v, pairs, sizeof(pairs), &len);
		if (!r && len % 2)
			r = -EBADMSG;
		view->keys_known = true;
		for (size_t i = 0; !r && i < len / 2; i++)
			view->keys.key[view->keys.nr++] =
				(struct gp_key_info){.kvn = pairs[2 * i],
						     .kid = pairs[2 * i + 1],
						     .usage = -1,
						     .access = -1};
	}
	if (r)
		gp_view_clear(view);
	return r;
}
