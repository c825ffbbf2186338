// SPDX-License-Identifier: Apache-2.0
/*
 * What of the applications is kept over a restart: registries as they were read
 * last, instance numbers, and whose keys they are read with. One value for each
 * SE: a version byte, then JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/apps-priv.h"
#include "gp/plan-priv.h"
#include "gp/view.h"

#define VERSION 1

/* ---- to the state ------------------------------------------------------------------ */

static int entries_json(const struct content_apps *a, size_t at, sd_json_variant **registry,
			sd_json_variant **ids, sd_json_variant **gone)
{
	struct gp_entry *copies = calloc(a->n + 1, sizeof(*copies));
	struct gp_registry reg = {.entries = copies};
	int r = copies ? sd_json_variant_new_array(ids, NULL, 0) : -ENOMEM;

	if (r >= 0)
		r = sd_json_variant_new_array(gone, NULL, 0);

	for (size_t i = 0; r >= 0 && i < a->n; i++) {
		if (a->v[i]->at != at)
			continue;
		copies[reg.n++] = a->v[i]->app.entry; /* borrowed */
		r = sd_json_variant_append_arrayb(ids, SD_JSON_BUILD_UNSIGNED(a->v[i]->app.id));
		if (r >= 0)
			r = sd_json_variant_append_arrayb(
				gone, SD_JSON_BUILD_BOOLEAN(a->v[i]->app.gone));
	}
	if (r >= 0)
		r = gp_registry_to_json(&reg, true, registry);
	free(copies);
	return r;
}

int apps_save(struct content_apps *a, size_t at)
{
	sd_json_variant *json = NULL, *registry = NULL, *ids = NULL, *gone = NULL;
	const struct apps_se *s = &a->se[at];
	char *text = NULL, *value = NULL;
	int r;

	if (!a->state)
		return 0;
	r = entries_json(a, at, &registry, &ids, &gone);
	if (r >= 0)
		r = sd_json_buildo(&json, SD_JSON_BUILD_PAIR_BOOLEAN("read", s->read),
				   SD_JSON_BUILD_PAIR_STRING("origin", s->origin),
				   SD_JSON_BUILD_PAIR_STRING("keys", s->keyset),
				   SD_JSON_BUILD_PAIR_HEX("sd", s->sd.bytes, s->sd.len),
				   SD_JSON_BUILD_PAIR_VARIANT("ids", ids),
				   SD_JSON_BUILD_PAIR_VARIANT("gone", gone),
				   SD_JSON_BUILD_PAIR_VARIANT("registry", registry));
	if (r >= 0)
		r = sd_json_variant_format(json, 0, &text);
	if (r >= 0)
		r = asprintf(&value, "%c%s", VERSION, text) < 0 ? -ENOMEM : 0;
	if (r == 0)
		r = store_put(a->state, CONTENT_KIND_APPS, s->name, strlen(s->name), value,
			      strlen(value));
	free(value);
	free(text);
	sd_json_variant_unref(json);
	sd_json_variant_unref(registry);
	sd_json_variant_unref(ids);
	sd_json_variant_unref(gone);
	return r < 0 ? r : 0;
}

/* ---- from the state ---------------------------------------------------------------- */

static int get_text(sd_json_variant *json, const char *name, char *to, size_t room)
{
	sd_json_variant *v = sd_json_variant_by_key(json, name);

	if (!v || !sd_json_variant_is_string(v) || strlen(sd_json_variant_string(v)) >= room)
		return -EBADMSG;
	snprintf(to, room, "%s", sd_json_variant_string(v));
	return 0;
}

static int load_entries(struct content_apps *a, size_t at, sd_json_variant *json)
{
	sd_json_variant *ids = sd_json_variant_by_key(json, "ids"), *id;
	sd_json_variant *gone = sd_json_variant_by_key(json, "gone");
	sd_json_variant *v = sd_json_variant_by_key(json, "registry");
	struct gp_registry reg = {0};
	int r = v && ids ? gp_registry_from_json(&reg, v) : -EBADMSG;

	if (r == 0 && (!gone || reg.n != sd_json_variant_elements(ids) ||
		       reg.n != sd_json_variant_elements(gone)))
		r = -EBADMSG;
	for (size_t i = 0; r == 0 && i < reg.n; i++) {
		struct apps_entry *e = NULL;

		id = sd_json_variant_by_index(ids, i);
		if (sd_json_variant_is_unsigned(id) &&
		    sd_json_variant_unsigned(id) < UINT16_MAX &&
		    !apps_find(a, (uint16_t)sd_json_variant_unsigned(id)))
			e = apps_add(a, at, (int32_t)sd_json_variant_unsigned(id));
		if (!e) {
			r = -EBADMSG;
			break;
		}
		e->app.entry = reg.entries[i];
		id = sd_json_variant_by_index(gone, i);
		e->app.gone = sd_json_variant_is_boolean(id) && sd_json_variant_boolean(id);
		reg.entries[i].modules = NULL;
	}
	gp_registry_clear(&reg);
	return r;
}

static int load_se(struct content_apps *a, struct apps_se *s, sd_json_variant *json)
{
	sd_json_variant *v;
	size_t len;
	int r = get_text(json, "origin", s->origin, sizeof(s->origin));

	if (r == 0)
		r = get_text(json, "keys", s->keyset, sizeof(s->keyset));
	v = sd_json_variant_by_key(json, "sd");
	if (r == 0 && (!v || gp_json_hex(v, s->sd.bytes, sizeof(s->sd.bytes), &len)))
		r = -EBADMSG;
	if (r < 0)
		return r;
	s->sd.len = (uint8_t)len;
	v = sd_json_variant_by_key(json, "read");
	s->read = v && sd_json_variant_is_boolean(v) && sd_json_variant_boolean(v);
	return load_entries(a, (size_t)(s - a->se), json);
}

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct content_apps *a = userdata;
	sd_json_variant *json = NULL;
	struct apps_se *s = a->se;
	char *text;
	int r;

	while (s < a->se + CONTENT_SES_MAX && s->name[0])
		s++;
	if (klen >= sizeof(s->name) || vlen < 1 || val[0] != VERSION ||
	    s == a->se + CONTENT_SES_MAX)
		return 0;
	text = strndup((const char *)val + 1, vlen - 1);
	if (!text)
		return -ENOMEM;
	r = sd_json_parse(text, 0, &json, NULL, NULL);
	if (r >= 0)
		r = load_se(a, s, json);
	if (r >= 0)
		memcpy(s->name, key, klen);
	else /* it is read anew; what was understood of it has no SE and goes */
		memset(s, 0, sizeof(*s));
	sd_json_variant_unref(json);
	free(text);
	return r == -ENOMEM ? r : 0;
}

int apps_load(struct content_apps *a)
{
	if (!a->state)
		return 0;
	return store_each(a->state, CONTENT_KIND_APPS, NULL, 0, load_one, a);
}

/* ---- what no card tells any more ------------------------------------------------------- */

void content_apps_terminated(struct content_apps *a, uint16_t se)
{
	const struct content_app *isd = content_apps_issuer(a, se);
	struct apps_entry *e = isd ? apps_find(a, isd->id) : NULL;

	if (!e)
		return;
	e->app.entry.told |= GP_ENTRY_STATE;
	e->app.entry.state = GP_CARD_TERMINATED;
	apps_save(a, e->at);
	content_listeners_tell(&a->listeners, MODEL_OBJECT_APP, e->app.id);
}
