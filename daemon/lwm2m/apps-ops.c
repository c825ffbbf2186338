// SPDX-License-Identifier: Apache-2.0
/* What servers do with applications: operations as plan jobs of their origin. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan.h"
#include "lwm2m/apps-priv.h"

/* what a server has written to one instance */
struct prepared {
	struct prepared *next;
	uint16_t id;
	bool keys_set;
	struct lwm2m_appop op;
};

struct lwm2m_appops {
	struct lwm2m_appops *next;
	struct lwm2m_apps *apps;
	char *server;
	char origin[JOB_ORIGIN_MAX];
	struct prepared *prepared;
};

/* ---- key sets, which are kept -------------------------------------------------------- */

static size_t keys_key(const struct lwm2m_appops *o, uint16_t id, uint8_t key[STORE_KEY_MAX])
{
	size_t len = strlen(o->server);

	if (len > STORE_KEY_MAX - 5)
		len = STORE_KEY_MAX - 5;
	key[0] = MODEL_OBJECT_APP >> 8;
	key[1] = MODEL_OBJECT_APP & 0xff;
	key[2] = 'k';
	key[3] = (uint8_t)(id >> 8);
	key[4] = (uint8_t)id;
	memcpy(key + 5, o->server, len);
	return 5 + len;
}

/* a version byte, the AID's length, AID, name */
static int save_keys(const struct lwm2m_appops *o, const struct prepared *p)
{
	uint8_t key[STORE_KEY_MAX], value[2 + GP_AID_MAX + sizeof(p->op.keyset)];
	size_t klen = keys_key(o, p->id, key), n = strlen(p->op.keyset);

	if (!o->apps->state)
		return 0;
	value[0] = 1;
	value[1] = p->op.sd.len;
	memcpy(value + 2, p->op.sd.bytes, p->op.sd.len);
	memcpy(value + 2 + p->op.sd.len, p->op.keyset, n);
	return store_put(o->apps->state, LWM2M_KIND_OBJECT, key, klen, value,
			 2U + p->op.sd.len + n);
}

static void load_keys(const struct lwm2m_appops *o, struct prepared *p)
{
	uint8_t key[STORE_KEY_MAX], *value = NULL;
	size_t klen = keys_key(o, p->id, key), n = 0;

	if (!o->apps->state ||
	    store_get(o->apps->state, LWM2M_KIND_OBJECT, key, klen, &value, &n) < 0)
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

static struct prepared *prepared(struct lwm2m_appops *o, uint16_t id)
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

static void used_up(struct prepared *p)
{
	explicit_bzero(p->op.data, sizeof(p->op.data));
	explicit_bzero(p->op.token, sizeof(p->op.token));
	p->op.data_len = p->op.token_len = 0;
}

static int64_t slot_of(uint16_t id)
{
	return LWM2M_APP_SLOT + (int64_t)id;
}

int lwm2m_appops_get(struct lwm2m_appops *o, uint16_t id, struct lwm2m_appop *out)
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
	if (job_find(o->apps->store, o->origin, slot_of(id), &info) < 0)
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

int lwm2m_appops_set(struct lwm2m_appops *o, uint16_t id, const struct lwm2m_appop *in)
{
	struct apps_entry *e = apps_find(o->apps, id);
	struct prepared *p = e ? prepared(o, id) : NULL;
	const struct lwm2m_app *app;
	bool keys;
	int ret = 0;

	if (!p)
		return e ? -ENOMEM : -ENOENT;
	keys = strcmp(in->keyset, p->op.keyset) != 0 || !gp_aid_equal(&in->sd, &p->op.sd);
	used_up(p);
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
	app = lwm2m_apps_get(o->apps, id);
	if (ret == 0 && app && app->entry.kind == GP_KIND_ISD) {
		ret = lwm2m_apps_reader(o->apps, app->se, o->server, p->op.keyset, &p->op.sd);
		/* what came of it is told by the instance's Result Detail */
		if (ret == 0 && p->op.keyset[0])
			lwm2m_apps_refresh(o->apps, app->se);
	}
	return ret;
}

/* ---- plans ------------------------------------------------------------------------------- */

int apps_run_plan(struct job_store *store, const char *origin, int64_t slot, const char *se,
		  const struct gp_plan *plan, char *words)
{
	struct job_params params = {.kind = JOB_PLAN};
	struct job_error err = {0};
	sd_json_variant *json = NULL;
	struct job_info info;
	char *text = NULL;
	uint64_t id;
	int ret = job_find(store, origin, slot, &info);

	if (ret == 0) {
		/* the result of the one before has been seen, or is not wanted */
		ret = lwm2m_job_words(job_delete(store, info.id, &err), &err, words);
		if (ret < 0)
			return ret;
	}
	ret = gp_plan_to_json(plan, &json);
	if (ret == 0)
		ret = sd_json_variant_format(json, 0, &text);
	if (ret >= 0)
		ret = job_create(store, origin, slot, &id, &err);
	sd_json_variant_unref(json);
	if (ret < 0)
		goto out;
	snprintf(params.se, sizeof(params.se), "%s", se);
	ret = job_set(store, id, &params, &err);
	if (ret == 0)
		ret = job_script_write(store, id, 0, text, strlen(text), &err);
	if (ret == 0)
		ret = job_script_end(store, id, &err);
	if (ret == 0)
		ret = job_run(store, id, &err);
	if (ret < 0)
		job_delete(store, id, &(struct job_error){0});
out:
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	if (ret < 0 && !*err.code)
		lwm2m_words(words, "no plan could be made: %s", strerror(-ret));
	return lwm2m_job_words(ret, &err, words);
}

static int op_type(uint16_t rid)
{
	switch (rid) {
	case MODEL_APP_LOCK:
		return GP_OP_LOCK;
	case MODEL_APP_UNLOCK:
		return GP_OP_UNLOCK;
	case MODEL_APP_MAKE_SELECTABLE:
		return GP_OP_MAKE_SELECTABLE;
	case MODEL_APP_EXTRADITE:
		return GP_OP_EXTRADITE;
	case MODEL_APP_PERSONALISE:
		return GP_OP_PERSONALISE;
	case MODEL_APP_DELETE:
		return GP_OP_DELETE;
	case MODEL_APP_INSTALL:
		return GP_OP_INSTALL;
	default:
		return -EINVAL;
	}
}

/* What cannot be, said before a job is made of it. */
static int check_kind(const struct gp_entry *e, int type, char *words)
{
	static const char *const kinds[] = {"an issuer security domain", "a security domain",
					    "an application", "a load file"};
	bool fits;

	switch (type) {
	case GP_OP_INSTALL:
		fits = e->kind == GP_KIND_ELF;
		break;
	case GP_OP_SD_CREATE:
		fits = true;
		break;
	case GP_OP_DELETE:
	case GP_OP_EXTRADITE:
		fits = e->kind != GP_KIND_ISD;
		break;
	default:
		fits = e->kind == GP_KIND_APP || e->kind == GP_KIND_SSD;
	}
	if (fits)
		return 0;
	lwm2m_words(words, "%s is not for %s", gp_op_name((enum gp_op_type)type),
		    kinds[e->kind]);
	return -EINVAL;
}

static int fill_install(struct gp_op *op, const struct gp_entry *elf,
			const struct lwm2m_app_install *in, char *words)
{
	op->elf = elf->aid;
	op->module = in->module;
	if (!op->module.len && elf->nr_modules == 1)
		op->module = elf->modules[0];
	if (!op->module.len) {
		lwm2m_words(words, "the load file has %zu modules: name one as argument 0",
			    elf->nr_modules);
		return -EINVAL;
	}
	op->aid = in->aid.len ? in->aid : op->module;
	op->privileges = in->privileges;
	op->privileges_len = in->privileges & 0xffff ? 3 : 1;
	op->selectable = in->selectable;
	return gp_blob_set(&op->params, in->params, in->params_len);
}

/* On an issuer's domain, without a load file: a security domain of the card's own kind. */
static int fill_create(struct gp_op *op, const struct lwm2m_app_install *in, char *words)
{
	if (!in->aid.len) {
		lwm2m_words(words, "the new security domain needs an AID, argument 1");
		return -EINVAL;
	}
	op->aid = in->aid;
	op->privileges = in->privileges ? in->privileges : GP_PRIV_SD;
	op->privileges_len = op->privileges & 0xffff ? 3 : 1;
	op->selectable = in->selectable;
	return gp_blob_set(&op->params, in->params, in->params_len);
}

static int make_plan(struct gp_plan *plan, const struct lwm2m_appop *p,
		     const struct gp_entry *e, int type, const struct gp_aid *sd, bool related,
		     const struct lwm2m_app_install *install, char *words)
{
	struct gp_error err = {.code = "", .detail = ""};
	struct gp_op *op;
	int ret = gp_plan_session(plan, &p->sd, p->keyset);

	if (ret < 0)
		return ret;
	op = gp_plan_add(plan, (enum gp_op_type)type, 0);
	if (!op)
		return -ENOMEM;
	op->aid = e->aid;
	op->related = related;
	if (type == GP_OP_EXTRADITE)
		op->sd = *sd;
	ret = gp_blob_set(&op->token, p->token, p->token_len);
	if (ret == 0 && type == GP_OP_PERSONALISE) {
		op->form = p->form;
		ret = gp_blob_set(&op->data, p->data, p->data_len);
	}
	if (ret == 0 && type == GP_OP_INSTALL)
		ret = fill_install(op, e, install, words);
	if (ret == 0 && type == GP_OP_SD_CREATE)
		ret = fill_create(op, install, words);
	if (ret == 0)
		ret = gp_plan_validate(plan, &err);
	if (ret < 0 && *err.detail)
		lwm2m_words(words, "%s", err.detail);
	return ret;
}

int lwm2m_appops_run(struct lwm2m_appops *o, uint16_t id, uint16_t rid, const struct gp_aid *sd,
		     bool related, const struct lwm2m_app_install *install, char *words)
{
	struct apps_entry *e = apps_find(o->apps, id);
	int type = op_type(rid), ret;
	struct lwm2m_appop *p;
	struct gp_plan *plan;

	if (!e || e->app.gone) {
		lwm2m_words(words, "/26243/%u is not on the card any more", id);
		return -ENOENT;
	}
	if (type == GP_OP_INSTALL && e->app.entry.kind == GP_KIND_ISD)
		type = GP_OP_SD_CREATE;
	ret = type < 0 ? type : check_kind(&e->app.entry, type, words);
	if (ret < 0)
		return ret;
	p = calloc(1, sizeof(*p));
	plan = gp_plan_new();
	ret = p && plan ? lwm2m_appops_get(o, id, p) : -ENOMEM;
	if (ret == 0 && (p->state == MODEL_SCRIPT_QUEUED || p->state == MODEL_SCRIPT_RUNNING)) {
		lwm2m_words(words, "an operation on /26243/%u is under way (job %s)", id,
			    p->job);
		ret = -EBUSY;
	}
	if (ret == 0)
		ret = make_plan(plan, p, &e->app.entry, type, sd, related, install, words);
	if (ret == 0) {
		snprintf(plan->name, sizeof(plan->name), "%s",
			 gp_op_name((enum gp_op_type)type));
		ret = apps_run_plan(o->apps->store, o->origin, slot_of(id),
				    o->apps->se[e->at].name, plan, words);
	}
	if (ret == 0)
		used_up(prepared(o, id));
	gp_plan_free(plan);
	if (p)
		explicit_bzero(p, sizeof(*p));
	free(p);
	return ret;
}

int lwm2m_appops_job(struct lwm2m_appops *o, uint16_t id, uint16_t rid, char *words)
{
	struct job_error err = {0};
	struct job_info info;
	int ret = job_find(o->apps->store, o->origin, slot_of(id), &info);

	if (ret < 0) {
		lwm2m_words(words, "no operation of this server on /26243/%u", id);
		return ret;
	}
	switch (rid) {
	case MODEL_APP_CANCEL:
		ret = job_cancel(o->apps->store, info.id, &err);
		break;
	case MODEL_APP_RESUME:
		ret = job_resume(o->apps->store, info.id, false, &err);
		break;
	case MODEL_APP_ROLL_BACK:
		ret = job_rollback(o->apps->store, info.id, false, &err);
		break;
	default:
		ret = job_delete(o->apps->store, info.id, &err);
		if (ret == 0)
			apps_drop_gone(o->apps);
	}
	return lwm2m_job_words(ret, &err, words);
}

/* ---- life ----------------------------------------------------------------------------------
 */

struct lwm2m_appops *lwm2m_appops_of(struct lwm2m_apps *a, const char *server)
{
	struct lwm2m_appops *o;

	for (o = a->ops; o; o = o->next)
		if (strcmp(o->server, server) == 0)
			return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->server = strdup(server);
	if (!o->server || snprintf(o->origin, sizeof(o->origin), "lwm2m:%s", server) >=
				  (int)sizeof(o->origin)) {
		free(o->server);
		free(o);
		return NULL;
	}
	o->apps = a;
	o->next = a->ops;
	a->ops = o;
	return o;
}

void appops_free(struct lwm2m_apps *a)
{
	struct lwm2m_appops *o;
	struct prepared *p;

	while ((o = a->ops)) {
		a->ops = o->next;
		while ((p = o->prepared)) {
			o->prepared = p->next;
			used_up(p);
			free(p);
		}
		free(o->server);
		free(o);
	}
}
