// SPDX-License-Identifier: Apache-2.0
/*
 * What of a package is kept beside its file. Key: object and instance, two bytes
 * each, and the origin; value: a version byte, then JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <systemd/sd-json.h>

#include "content/packages-priv.h"
#include "gp/plan-priv.h"

#define VERSION 1
#define KEY_HEADER 4

static size_t make_key(const struct package *g, uint8_t key[STORE_KEY_MAX])
{
	size_t len = strnlen(g->origin, STORE_KEY_MAX - KEY_HEADER);

	key[0] = (uint8_t)(g->p.object >> 8);
	key[1] = (uint8_t)g->p.object;
	key[2] = (uint8_t)(g->p.id >> 8);
	key[3] = (uint8_t)g->p.id;
	memcpy(key + KEY_HEADER, g->origin, len);
	return KEY_HEADER + len;
}

static int aids_json(const struct gp_aid *aids, size_t n, sd_json_variant **ret)
{
	int r = sd_json_variant_new_array(ret, NULL, 0);

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = sd_json_variant_append_arrayb(
			ret, SD_JSON_BUILD_HEX(aids[i].bytes, aids[i].len));
	return r;
}

static int last_json(const struct content_package_run *l, sd_json_variant **ret)
{
	return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_UNSIGNED("job", l->job),
			      SD_JSON_BUILD_PAIR_UNSIGNED("run", l->run),
			      SD_JSON_BUILD_PAIR_UNSIGNED("state", l->state),
			      SD_JSON_BUILD_PAIR_STRING("code", l->code),
			      SD_JSON_BUILD_PAIR_UNSIGNED("executed", l->executed),
			      SD_JSON_BUILD_PAIR_UNSIGNED("total", l->total),
			      SD_JSON_BUILD_PAIR_UNSIGNED("sw", l->last_sw),
			      SD_JSON_BUILD_PAIR_UNSIGNED("interrupted", l->interrupted));
}

int package_save(const struct content_packages *ps, const struct package *g)
{
	sd_json_variant *json = NULL, *modules = NULL, *aids = NULL, *last = NULL;
	const struct content_package *p = &g->p;
	uint8_t key[STORE_KEY_MAX];
	char *text = NULL, *value = NULL;
	int r;

	if (!ps->state)
		return 0;
	r = aids_json(p->modules, p->nr_aids, &modules);
	if (r >= 0)
		r = aids_json(p->aids, p->nr_aids, &aids);
	if (r >= 0)
		r = last_json(&p->last, &last);
	if (r >= 0)
		r = sd_json_buildo(&json, SD_JSON_BUILD_PAIR_UNSIGNED("kind", p->kind),
				   SD_JSON_BUILD_PAIR_UNSIGNED("state", p->state),
				   SD_JSON_BUILD_PAIR_UNSIGNED("result", p->result),
				   SD_JSON_BUILD_PAIR_UNSIGNED("op", p->op),
				   SD_JSON_BUILD_PAIR_BOOLEAN("active", p->active),
				   SD_JSON_BUILD_PAIR_BOOLEAN("update", p->update_objects),
				   SD_JSON_BUILD_PAIR_INTEGER("se", p->se),
				   SD_JSON_BUILD_PAIR_UNSIGNED("synced", g->synced),
				   SD_JSON_BUILD_PAIR_STRING("name", p->name),
				   SD_JSON_BUILD_PAIR_STRING("version", p->version),
				   SD_JSON_BUILD_PAIR_HEX("elf", p->elf.bytes, p->elf.len),
				   SD_JSON_BUILD_PAIR_VARIANT("modules", modules),
				   SD_JSON_BUILD_PAIR_VARIANT("aids", aids),
				   SD_JSON_BUILD_PAIR_STRING("keys", p->keyset),
				   SD_JSON_BUILD_PAIR_HEX("sd", p->sd.bytes, p->sd.len),
				   SD_JSON_BUILD_PAIR_STRING("reason", p->reason),
				   SD_JSON_BUILD_PAIR_VARIANT("last", last));
	if (r >= 0)
		r = sd_json_variant_format(json, 0, &text);
	if (r >= 0)
		r = asprintf(&value, "%c%s", VERSION, text) < 0 ? -ENOMEM : 0;
	if (r == 0)
		r = store_put(ps->state, CONTENT_KIND_PACKAGES, key, make_key(g, key), value,
			      strlen(value));
	free(value);
	free(text);
	sd_json_variant_unref(json);
	sd_json_variant_unref(modules);
	sd_json_variant_unref(last);
	sd_json_variant_unref(aids);
	return r < 0 ? r : 0;
}

void package_forget(const struct content_packages *ps, const struct package *g)
{
	uint8_t key[STORE_KEY_MAX];

	if (ps->state)
		store_del(ps->state, CONTENT_KIND_PACKAGES, key, make_key(g, key));
}

/* ---- back -------------------------------------------------------------------------- */

static uint64_t number(sd_json_variant *json, const char *name, uint64_t max, int *bad)
{
	sd_json_variant *v = sd_json_variant_by_key(json, name);

	if (!v || !sd_json_variant_is_unsigned(v) || sd_json_variant_unsigned(v) > max) {
		*bad = -EBADMSG;
		return 0;
	}
	return sd_json_variant_unsigned(v);
}

static bool truth(sd_json_variant *json, const char *name)
{
	sd_json_variant *v = sd_json_variant_by_key(json, name);

	return v && sd_json_variant_is_boolean(v) && sd_json_variant_boolean(v);
}

static void string(sd_json_variant *json, const char *name, char *to, size_t room)
{
	sd_json_variant *v = sd_json_variant_by_key(json, name);

	snprintf(to, room, "%s",
		 v && sd_json_variant_is_string(v) ? sd_json_variant_string(v) : "");
}

static void aid(sd_json_variant *v, struct gp_aid *to, int *bad)
{
	uint8_t bytes[GP_AID_MAX];
	size_t len;

	to->len = 0;
	if (!v || gp_json_hex(v, bytes, sizeof(bytes), &len) ||
	    (len && gp_aid_set(to, bytes, len) < 0))
		*bad = -EBADMSG;
}

static size_t aids(sd_json_variant *v, struct gp_aid *to, int *bad)
{
	size_t n = v && sd_json_variant_is_array(v) ? sd_json_variant_elements(v) : 0;

	if (n > CONTENT_PACKAGE_AIDS_MAX) {
		*bad = -EBADMSG;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		aid(sd_json_variant_by_index(v, i), &to[i], bad);
	return n;
}

static void take_last(sd_json_variant *json, struct content_package_run *l, int *bad)
{
	if (!json || !sd_json_variant_is_object(json)) {
		*bad = -EBADMSG;
		return;
	}
	l->job = number(json, "job", INT64_MAX, bad);
	l->run = (uint32_t)number(json, "run", UINT32_MAX, bad);
	l->state = (enum job_state)number(json, "state", JOB_EXPIRED, bad);
	string(json, "code", l->code, sizeof(l->code));
	l->executed = (uint32_t)number(json, "executed", UINT32_MAX, bad);
	l->total = (uint32_t)number(json, "total", UINT32_MAX, bad);
	l->last_sw = (uint16_t)number(json, "sw", UINT16_MAX, bad);
	l->interrupted = (uint16_t)number(json, "interrupted", UINT16_MAX, bad);
}

static int from_json(struct package *g, sd_json_variant *json)
{
	struct content_package *p = &g->p;
	sd_json_variant *se = sd_json_variant_by_key(json, "se");
	int bad = 0;

	p->kind = (enum content_package_kind)number(json, "kind", CONTENT_PACKAGE_PLAN, &bad);
	p->state = (unsigned int)number(json, "state", MODEL_SOFTWARE_INSTALLED, &bad);
	p->result = (unsigned int)number(json, "result", 200, &bad);
	p->op = (enum content_package_op)number(json, "op", CONTENT_PACKAGE_DEACTIVATE, &bad);
	g->synced = number(json, "synced", CONTENT_PACKAGE_MAX, &bad);
	p->se = se && sd_json_variant_is_integer(se) && sd_json_variant_integer(se) >= 0 &&
				sd_json_variant_integer(se) < UINT16_MAX
			? (int32_t)sd_json_variant_integer(se)
			: -1;
	p->active = truth(json, "active");
	p->update_objects = truth(json, "update");
	string(json, "name", p->name, sizeof(p->name));
	string(json, "version", p->version, sizeof(p->version));
	string(json, "keys", p->keyset, sizeof(p->keyset));
	string(json, "reason", p->reason, sizeof(p->reason));
	take_last(sd_json_variant_by_key(json, "last"), &p->last, &bad);
	aid(sd_json_variant_by_key(json, "elf"), &p->elf, &bad);
	aid(sd_json_variant_by_key(json, "sd"), &p->sd, &bad);
	p->nr_aids = aids(sd_json_variant_by_key(json, "modules"), p->modules, &bad);
	if (aids(sd_json_variant_by_key(json, "aids"), p->aids, &bad) != p->nr_aids)
		bad = -EBADMSG;
	return bad;
}

/* The file has at least what was synced, or it is not the one that is meant. */
static void compare_file(const struct content_packages *ps, struct package *g)
{
	struct stat sb = {0};
	int fd = package_open(ps, g, O_RDONLY);

	if (fd >= 0) {
		if (fstat(fd, &sb) < 0)
			sb.st_size = 0;
		close(fd);
	}
	if ((uint64_t)sb.st_size >= g->synced) {
		g->p.staged = g->synced;
		if (g->p.state == MODEL_SOFTWARE_STARTED)
			content_words(g->p.reason, "%llu bytes are here",
				      (unsigned long long)g->p.staged);
		return;
	}
	g->p.staged = g->synced = 0;
	if (g->p.state == MODEL_SOFTWARE_INSTALLED)
		return; /* it is not needed any more */
	g->p.state = MODEL_SOFTWARE_INITIAL;
	g->p.result = MODEL_SOFTWARE_LOST;
	content_words(g->p.reason, "the file of the package is gone");
}

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct content_packages *ps = userdata;
	sd_json_variant *json = NULL;
	struct package *g;
	char *text;
	int r;

	if (klen <= KEY_HEADER || vlen < 1 || val[0] != VERSION ||
	    ps->n == CONTENT_PACKAGES_MAX)
		return 0;
	g = calloc(1, sizeof(*g));
	text = strndup((const char *)val + 1, vlen - 1);
	r = g && text ? sd_json_parse(text, 0, &json, NULL, NULL) : -ENOMEM;
	if (r >= 0) {
		g->p.object = (uint16_t)(key[0] << 8 | key[1]);
		g->p.id = (uint16_t)(key[2] << 8 | key[3]);
		g->origin = strndup((const char *)key + KEY_HEADER, klen - KEY_HEADER);
		r = g->origin ? from_json(g, json) : -ENOMEM;
	}
	if (r >= 0) {
		compare_file(ps, g);
		ps->v[ps->n++] = g;
	} else if (g) {
		free(g->origin);
		free(g);
	}
	sd_json_variant_unref(json);
	free(text);
	return r == -ENOMEM ? r : 0;
}

int packages_load(struct content_packages *ps)
{
	return ps->state ? store_each(ps->state, CONTENT_KIND_PACKAGES, NULL, 0, load_one, ps)
			 : 0;
}
