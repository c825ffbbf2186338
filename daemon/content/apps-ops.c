// SPDX-License-Identifier: Apache-2.0
/* What origins do with applications: operations as plan jobs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/apps-priv.h"

/* ---- key sets, which are kept -------------------------------------------------------- */

static size_t keys_key(const struct content_ops *o, uint16_t id, uint8_t key[STORE_KEY_MAX])
{
	size_t len = strlen(o->origin); /* shorter than JOB_ORIGIN_MAX */

	key[0] = (uint8_t)(id >> 8);
	key[1] = (uint8_t)id;
	memcpy(key + 2, o->origin, len);
	return 2 + len;
}

/* a version byte, the AID's length, AID, name */
static int save_keys(const struct content_ops *o, const struct prepared *p)
{
	uint8_t key[STORE_KEY_MAX], value[2 + GP_AID_MAX + sizeof(p->op.keyset)];
	size_t klen = keys_key(o, p->id, key), n = strlen(p->op.keyset);

	if (!o->apps->state)
		return 0;
	value[0] = 1;
	value[1] = p->op.sd.len;
	memcpy(value + 2, p->op.sd.bytes, p->op.sd.len);
	memcpy(value + 2 + p->op.sd.len, p->op.keyset, n);
	return store_put(o->apps->state, CONTENT_KIND_KEYS, key, klen, value,
			 2U + p->op.sd.len + n);
}

static void load_keys(const struct content_ops *o, struct prepared *p)
{
	uint8_t key[STORE_KEY_MAX], *value = NULL;
	size_t klen = keys_key(o, p->id, key), n = 0;

	if (!o->apps->state ||
	    store_get(o->apps->state, CONTENT_KIND_KEYS, key, klen, &value, &n) < 0)
		return;
	if (n >= 2 && value[0] == 1 && value[1] <= GP_AID_MAX && n >= 2U + value[1] &&
	    n - 2U - value[1] < sizeof(p->op.keyset)) {
		p->op.sd.len = value[1];
		memcpy(p->op.sd.bytes, value + 2, value[1]);
		memcpy(p->op.keyset, value + 2 + value[1], n - 2U - value[1]);
		p->op.keyset[n - 2U - value[1]] = '\0';
		p->keys_set = true;
	}
	free(value);
}

/* ---- what is prepared ---------------------------------------------------------------- */

static struct prepared *prepared(struct content_ops *o, uint16_t id)
{
	struct prepared *p;

	for (p = o->prepared; p; p = p->next)
		if (p->id == id)
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->id = id;
	load_keys(o, p);
	p->next = o->prepared;
	o->prepared = p;
	return p;
}

static void wipe(struct prepared *p)
{
	explicit_bzero(p->op.data, sizeof(p->op.data));
	explicit_bzero(p->op.token, sizeof(p->op.token));
	p->op.data_len = p->op.token_len = 0;
}

void content_ops_used_up(struct content_ops *o, uint16_t id)
{
	struct prepared *p = prepared(o, id);

	if (p)
		wipe(p);
}

int content_ops_get(struct content_ops *o, uint16_t id, struct content_task *out)
{
	struct apps_entry *e = apps_find(o->apps, id);
	struct prepared *p = e ? prepared(o, id) : NULL, *isd;
	struct job_info info;

	if (!p)
		return -ENOENT;
	*out = p->op;
	isd = p->keys_set ? NULL : prepared(o, apps_isd(o->apps, e)->app.id);
	if (isd && isd->keys_set) {
		memcpy(out->keyset, isd->op.keyset, sizeof(out->keyset));
		out->sd = isd->op.sd;
	}
	if (job_find(o->apps->store, o->origin, CONTENT_APP_SLOT + (int64_t)id, &info) < 0)
		return 0;
	out->has_job = info.state != JOB_IDLE;
	out->state = (enum model_script_state)info.state;
	snprintf(out->result, sizeof(out->result), "%s", info.code);
	snprintf(out->detail, sizeof(out->detail), "%s", info.detail);
	out->executed = info.executed;
	out->total = info.total;
	out->last_sw = info.last_sw;
	if (info.run > 0)
		snprintf(out->job, sizeof(out->job), "%s", info.name);
	return 0;
}

int content_ops_set(struct content_ops *o, uint16_t id, const struct content_task *in)
{
	struct apps_entry *e = apps_find(o->apps, id);
	struct prepared *p = e ? prepared(o, id) : NULL;
	const struct content_app *app;
	bool keys;
	int ret = 0;

	if (!p)
		return e ? -ENOMEM : -ENOENT;
	keys = strcmp(in->keyset, p->op.keyset) != 0 || !gp_aid_equal(&in->sd, &p->op.sd);
	wipe(p);
	memcpy(p->op.data, in->data, in->data_len);
	p->op.data_len = in->data_len;
	memcpy(p->op.token, in->token, in->token_len);
	p->op.token_len = in->token_len;
	p->op.form = in->form;
	if (!keys)
		return 0;
	memcpy(p->op.keyset, in->keyset, sizeof(p->op.keyset));
	p->op.sd = in->sd;
	p->keys_set = true;
	ret = save_keys(o, p);
	app = content_apps_get(o->apps, id);
	if (ret == 0 && app && app->entry.kind == GP_KIND_ISD) {
		ret = content_apps_reader(o->apps, app->se, o->origin, p->op.keyset, &p->op.sd);
		/* what came of it is told by the instance's Result Detail */
		if (ret == 0 && p->op.keyset[0])
			content_apps_refresh(o->apps, app->se);
	}
	return ret;
}

/* ---- what is under way --------------------------------------------------------------- */

int content_ops_control(struct content_ops *o, uint16_t id, enum content_control what,
			char *words)
{
	struct job_error err = {0};
	struct job_info info;
	int ret = job_find(o->apps->store, o->origin, CONTENT_APP_SLOT + (int64_t)id, &info);

	if (ret < 0) {
		content_words(words, "no operation of %s on this entry", o->origin);
		return ret;
	}
	switch (what) {
	case CONTENT_CANCEL:
		ret = job_cancel(o->apps->store, info.id, &err);
		break;
	case CONTENT_RESUME:
		ret = job_resume(o->apps->store, info.id, false, &err);
		break;
	case CONTENT_ROLL_BACK:
		ret = job_rollback(o->apps->store, info.id, false, &err);
		break;
	default:
		ret = job_delete(o->apps->store, info.id, &err);
		if (ret == 0)
			apps_drop_gone(o->apps);
	}
	return content_job_words(ret, &err, words);
}

/* ---- life ----------------------------------------------------------------------------------
 */

struct content_ops *content_ops_of(struct content_apps *a, const char *origin)
{
	struct content_ops *o;

	for (o = a->ops; o; o = o->next)
		if (strcmp(o->origin, origin) == 0)
			return o;
	o = strlen(origin) < sizeof(o->origin) ? calloc(1, sizeof(*o)) : NULL;
	if (!o)
		return NULL;
	memcpy(o->origin, origin, strlen(origin));
	o->apps = a;
	o->next = a->ops;
	a->ops = o;
	return o;
}

void content_ops_free(struct content_apps *a)
{
	struct content_ops *o;
	struct prepared *p;

	while ((o = a->ops)) {
		a->ops = o->next;
		while ((p = o->prepared)) {
			o->prepared = p->next;
			wipe(p);
			free(p);
		}
		free(o);
	}
}
