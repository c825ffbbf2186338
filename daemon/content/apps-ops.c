// SPDX-License-Identifier: Apache-2.0
/* What origins do with applications: operations as plan jobs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/apps-priv.h"
#include "gp/plan.h"

/* what an origin has prepared for one entry */
struct prepared {
	struct prepared *next;
	uint16_t id;
	bool keys_set;
	struct content_task op;
};

struct content_ops {
	struct content_ops *next;
	struct content_apps *apps;
	char origin[JOB_ORIGIN_MAX];
	struct prepared *prepared;
};

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

static void used_up(struct prepared *p)
{
	explicit_bzero(p->op.data, sizeof(p->op.data));
	explicit_bzero(p->op.token, sizeof(p->op.token));
	p->op.data_len = p->op.token_len = 0;
}

static int64_t slot_of(uint16_t id)
{
	return CONTENT_APP_SLOT + (int64_t)id;
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
	app = content_apps_get(o->apps, id);
	if (ret == 0 && app && app->entry.kind == GP_KIND_ISD) {
		ret = content_apps_reader(o->apps, app->se, o->origin, p->op.keyset, &p->op.sd);
		/* what came of it is told by the instance's Result Detail */
		if (ret == 0 && p->op.keyset[0])
			content_apps_refresh(o->apps, app->se);
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
		ret = content_job_words(job_delete(store, info.id, &err), &err, words);
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
		content_words(words, "no plan could be made: %s", strerror(-ret));
	return content_job_words(ret, &err, words);
}

static const enum gp_op_type types[CONTENT_OPS] = {
	[CONTENT_OP_INSTALL] = GP_OP_INSTALL,
	[CONTENT_OP_SD_CREATE] = GP_OP_SD_CREATE,
	[CONTENT_OP_MAKE_SELECTABLE] = GP_OP_MAKE_SELECTABLE,
	[CONTENT_OP_EXTRADITE] = GP_OP_EXTRADITE,
	[CONTENT_OP_PERSONALISE] = GP_OP_PERSONALISE,
	[CONTENT_OP_DELETE] = GP_OP_DELETE,
	[CONTENT_OP_LOCK] = GP_OP_LOCK,
	[CONTENT_OP_UNLOCK] = GP_OP_UNLOCK,
};

/* What cannot be, said before a job is made of it. */
static int check_kind(const struct gp_entry *e, enum content_op op, char *words)
{
	static const char *const kinds[] = {"an issuer security domain", "a security domain",
					    "an application", "a load file"};
	bool fits;

	switch (op) {
	case CONTENT_OP_INSTALL:
		fits = e->kind == GP_KIND_ELF;
		break;
	case CONTENT_OP_SD_CREATE:
		fits = e->kind == GP_KIND_ISD;
		break;
	case CONTENT_OP_DELETE:
	case CONTENT_OP_EXTRADITE:
		fits = e->kind != GP_KIND_ISD;
		break;
	default:
		fits = e->kind == GP_KIND_APP || e->kind == GP_KIND_SSD;
	}
	if (fits)
		return 0;
	content_words(words, "%s is not for %s", gp_op_name(types[op]), kinds[e->kind]);
	return -EINVAL;
}

static int fill_install(struct gp_op *op, const struct gp_entry *elf,
			const struct content_step *in, char *words)
{
	op->elf = elf->aid;
	op->module = in->module;
	if (!op->module.len && elf->nr_modules == 1)
		op->module = elf->modules[0];
	if (!op->module.len) {
		content_words(words, "the load file has %zu modules: name one as argument 0",
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
static int fill_create(struct gp_op *op, const struct content_step *in, char *words)
{
	if (!in->aid.len) {
		content_words(words, "the new security domain needs an AID, argument 1");
		return -EINVAL;
	}
	op->aid = in->aid;
	op->privileges = in->privileges ? in->privileges : GP_PRIV_SD;
	op->privileges_len = op->privileges & 0xffff ? 3 : 1;
	op->selectable = in->selectable;
	return gp_blob_set(&op->params, in->params, in->params_len);
}

static int make_plan(struct gp_plan *plan, const struct content_task *p,
		     const struct gp_entry *e, const struct content_step *step, char *words)
{
	struct gp_error err = {.code = "", .detail = ""};
	struct gp_op *op;
	int ret = gp_plan_session(plan, &p->sd, p->keyset);

	if (ret < 0)
		return ret;
	op = gp_plan_add(plan, types[step->op], 0);
	if (!op)
		return -ENOMEM;
	op->aid = e->aid;
	op->related = step->related;
	if (step->op == CONTENT_OP_EXTRADITE)
		op->sd = step->sd;
	ret = gp_blob_set(&op->token, p->token, p->token_len);
	if (ret == 0 && step->op == CONTENT_OP_PERSONALISE) {
		op->form = p->form;
		ret = gp_blob_set(&op->data, p->data, p->data_len);
	}
	if (ret == 0 && step->op == CONTENT_OP_INSTALL)
		ret = fill_install(op, e, step, words);
	if (ret == 0 && step->op == CONTENT_OP_SD_CREATE)
		ret = fill_create(op, step, words);
	if (ret == 0)
		ret = gp_plan_validate(plan, &err);
	if (ret < 0 && *err.detail)
		content_words(words, "%s", err.detail);
	return ret;
}

int content_ops_run(struct content_ops *o, uint16_t id, const struct content_step *step,
		    char *words)
{
	struct apps_entry *e = apps_find(o->apps, id);
	struct content_task *p;
	struct gp_plan *plan;
	int ret;

	if (!e || e->app.gone) {
		content_words(words, "/26243/%u is not on the card any more", id);
		return -ENOENT;
	}
	ret = step->op < CONTENT_OPS ? check_kind(&e->app.entry, step->op, words) : -EINVAL;
	if (ret < 0)
		return ret;
	p = calloc(1, sizeof(*p));
	plan = gp_plan_new();
	ret = p && plan ? content_ops_get(o, id, p) : -ENOMEM;
	if (ret == 0 && (p->state == MODEL_SCRIPT_QUEUED || p->state == MODEL_SCRIPT_RUNNING)) {
		content_words(words, "an operation on /26243/%u is under way (job %s)", id,
			      p->job);
		ret = -EBUSY;
	}
	if (ret == 0)
		ret = make_plan(plan, p, &e->app.entry, step, words);
	if (ret == 0) {
		snprintf(plan->name, sizeof(plan->name), "%s", gp_op_name(types[step->op]));
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

int content_ops_job(struct content_ops *o, uint16_t id, uint64_t *job, uint32_t *run)
{
	struct job_info info;
	int ret = job_find(o->apps->store, o->origin, slot_of(id), &info);

	if (ret == 0 && job)
		*job = info.id;
	if (ret == 0 && run)
		*run = info.run;
	return ret;
}

int content_ops_control(struct content_ops *o, uint16_t id, enum content_control what,
			char *words)
{
	struct job_error err = {0};
	struct job_info info;
	int ret = job_find(o->apps->store, o->origin, slot_of(id), &info);

	if (ret < 0) {
		content_words(words, "no operation of %s on /26243/%u", o->origin, id);
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
			used_up(p);
			free(p);
		}
		free(o);
	}
}
