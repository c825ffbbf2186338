// SPDX-License-Identifier: Apache-2.0
/* Operations as plans: what makes no sense is refused here, the rest is a job. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/apps-priv.h"
#include "gp/plan.h"
#include "libse/se.h"

int apps_run_plan(struct job_store *store, const char *origin, int64_t slot, const char *se,
		  const struct gp_plan *plan, uint64_t *job, char *words)
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
	else if (job)
		*job = id;
out:
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	if (ret < 0 && !*err.code)
		content_words(words, "no plan could be made: %s", strerror(-ret));
	return content_job_words(ret, &err, words);
}

/* ---- what there is ---------------------------------------------------------------------- */

#define ON(kind) (1U << (kind))
#define DOMAIN (ON(GP_KIND_ISD) | ON(GP_KIND_SSD))
#define RUNS (ON(GP_KIND_APP) | ON(GP_KIND_SSD))

/*
 * @kinds: what it can be done to; @state: what the card becomes; @undoable: there is a way
 * back, whatever the registry says
 */
static const struct {
	enum gp_op_type type;
	unsigned int kinds;
	uint8_t state;
	bool undoable;
} table[CONTENT_OPS] = {
	[CONTENT_OP_INSTALL] = {GP_OP_INSTALL, ON(GP_KIND_ELF), 0, true},
	[CONTENT_OP_SD_CREATE] = {GP_OP_SD_CREATE, ON(GP_KIND_ISD), 0, true},
	[CONTENT_OP_MAKE_SELECTABLE] = {GP_OP_MAKE_SELECTABLE, RUNS, 0, false},
	[CONTENT_OP_EXTRADITE] = {GP_OP_EXTRADITE, RUNS | ON(GP_KIND_ELF), 0, true},
	[CONTENT_OP_PERSONALISE] = {GP_OP_PERSONALISE, RUNS, 0, false},
	[CONTENT_OP_DELETE] = {GP_OP_DELETE, RUNS | ON(GP_KIND_ELF), 0, false},
	[CONTENT_OP_LOCK] = {GP_OP_LOCK, RUNS, 0, true},
	[CONTENT_OP_UNLOCK] = {GP_OP_UNLOCK, RUNS, 0, true},
	[CONTENT_OP_PUT_KEY] = {GP_OP_PUT_KEY, DOMAIN, 0, true},
	[CONTENT_OP_DELETE_KEY] = {GP_OP_DELETE_KEY, DOMAIN, 0, false},
	[CONTENT_OP_CARD_INITIALIZE] = {GP_OP_CARD_STATE, ON(GP_KIND_ISD), GP_CARD_INITIALIZED,
					false},
	[CONTENT_OP_CARD_SECURE] = {GP_OP_CARD_STATE, ON(GP_KIND_ISD), GP_CARD_SECURED, false},
	[CONTENT_OP_CARD_LOCK] = {GP_OP_CARD_STATE, ON(GP_KIND_ISD), GP_CARD_LOCKED, true},
	[CONTENT_OP_CARD_UNLOCK] = {GP_OP_CARD_STATE, ON(GP_KIND_ISD), GP_CARD_SECURED, false},
	[CONTENT_OP_CARD_TERMINATE] = {GP_OP_CARD_STATE, ON(GP_KIND_ISD), GP_CARD_TERMINATED,
				       false},
};

/* What cannot be, said before a job is made of it. */
static int check_kind(const struct gp_entry *e, enum content_op op, char *words)
{
	static const char *const kinds[] = {"an issuer security domain", "a security domain",
					    "an application", "a load file"};

	if (table[op].kinds & ON(e->kind))
		return 0;
	content_words(words, "%s is not for %s", gp_op_name(table[op].type), kinds[e->kind]);
	return -EINVAL;
}

/* What gp/rollback.c will say to it when it has run, as far as that is known before. */
static int check_undo(const struct gp_entry *e, const struct content_step *step, char *words)
{
	const char *why = NULL;

	if (!table[step->op].undoable)
		why = "there is no way back";
	else if (step->op == CONTENT_OP_PUT_KEY && step->old_kvn)
		why = "the keys that it replaces may not be known";
	else if (step->op == CONTENT_OP_EXTRADITE && !(e->told & GP_ENTRY_SD))
		why = "the card did not tell to which domain it belongs";
	if (!why)
		return 0;
	content_words(words, "%s cannot be undone: %s. Nothing was sent",
		      gp_op_name(table[step->op].type), why);
	return -EOPNOTSUPP;
}

/* ---- one operation of a plan ------------------------------------------------------------- */

static void fill_privileges(struct gp_op *op, uint32_t privileges)
{
	op->privileges = privileges;
	op->privileges_len = privileges & 0xffff ? 3 : 1;
}

static int fill_install(struct gp_op *op, const struct gp_entry *elf,
			const struct content_step *in, char *words)
{
	op->elf = elf->aid;
	op->module = in->module;
	if (!op->module.len && elf->nr_modules == 1)
		op->module = elf->modules[0];
	if (!op->module.len) {
		content_words(words, "the load file has %zu modules: name one",
			      elf->nr_modules);
		return -EINVAL;
	}
	op->aid = in->aid.len ? in->aid : op->module;
	fill_privileges(op, in->privileges);
	op->selectable = in->selectable;
	return gp_blob_set(&op->params, in->params, in->params_len);
}

/* Without a load file: a security domain of the card's own kind. */
static int fill_create(struct gp_op *op, const struct content_step *in, char *words)
{
	if (!in->aid.len) {
		content_words(words, "the new security domain needs an AID");
		return -EINVAL;
	}
	op->aid = in->aid;
	fill_privileges(op, in->privileges ? in->privileges : GP_PRIV_SD);
	op->selectable = in->selectable;
	return gp_blob_set(&op->params, in->params, in->params_len);
}

static int fill_op(struct gp_op *op, const struct gp_entry *e, const struct content_step *step,
		   const struct content_task *task, char *words)
{
	int ret;

	switch (step->op) {
	case CONTENT_OP_PUT_KEY:
	case CONTENT_OP_DELETE_KEY:
		snprintf(op->keys, sizeof(op->keys), "%s",
			 step->op == CONTENT_OP_PUT_KEY ? step->keys : "");
		op->kvn = step->kvn;
		op->kid = step->kid;
		op->old_kvn = step->old_kvn;
		return 0;
	case CONTENT_OP_CARD_INITIALIZE:
	case CONTENT_OP_CARD_SECURE:
	case CONTENT_OP_CARD_LOCK:
	case CONTENT_OP_CARD_UNLOCK:
	case CONTENT_OP_CARD_TERMINATE:
		op->card_state = table[step->op].state;
		return 0;
	default:
		break;
	}
	op->aid = e->aid;
	op->related = step->related;
	ret = gp_blob_set(&op->token, task->token, task->token_len);
	if (ret < 0)
		return ret;
	switch (step->op) {
	case CONTENT_OP_EXTRADITE:
		op->sd = step->sd;
		return 0;
	case CONTENT_OP_PERSONALISE:
		op->form = task->form;
		return gp_blob_set(&op->data, task->data, task->data_len);
	case CONTENT_OP_INSTALL:
		return fill_install(op, e, step, words);
	case CONTENT_OP_SD_CREATE:
		return fill_create(op, step, words);
	default:
		return 0;
	}
}

/* The session for it; one that is there already is taken. */
static int session_for(struct gp_plan *plan, const struct gp_entry *e, enum content_op op,
		       const struct content_task *task)
{
	/* keys go into the session's own domain */
	bool own = op == CONTENT_OP_PUT_KEY || op == CONTENT_OP_DELETE_KEY;
	const struct gp_aid *sd = own && e->kind == GP_KIND_SSD ? &e->aid : &task->sd;

	for (size_t i = 0; i < plan->nr_sessions; i++)
		if (gp_aid_equal(&plan->sessions[i].sd, sd) &&
		    strcmp(plan->sessions[i].keys, task->keyset) == 0)
			return (int)i;
	return gp_plan_session(plan, sd, task->keyset);
}

static int add_step(struct gp_plan *plan, const struct gp_entry *e,
		    const struct content_step *step, const struct content_task *task,
		    char *words)
{
	int session = session_for(plan, e, step->op, task);
	struct gp_op *op;

	if (session < 0)
		return session;
	op = gp_plan_add(plan, table[step->op].type, (unsigned int)session);
	if (!op)
		return -errno;
	if (step->confirmed && step->op == CONTENT_OP_CARD_LOCK)
		plan->confirmed |= GP_CONFIRM_CARD_LOCK;
	if (step->confirmed && step->op == CONTENT_OP_CARD_TERMINATE)
		plan->confirmed |= GP_CONFIRM_CARD_TERMINATE;
	return fill_op(op, e, step, task, words);
}

/* ---- running ------------------------------------------------------------------------------
 */

static struct apps_entry *entry(const struct content_ops *o, uint16_t id,
				const struct content_step *step, int *ret, char *words)
{
	struct apps_entry *e = apps_find(o->apps, id);

	if (!e || e->app.gone) {
		content_words(words, "it is not on the card any more");
		*ret = -ENOENT;
		return NULL;
	}
	*ret = (unsigned int)step->op < CONTENT_OPS ? check_kind(&e->app.entry, step->op, words)
						    : -EINVAL;
	return *ret < 0 ? NULL : e;
}

static int busy(const struct content_task *task, char *words)
{
	if (task->state != MODEL_SCRIPT_QUEUED && task->state != MODEL_SCRIPT_RUNNING)
		return 0;
	content_words(words, "an operation on it is under way (job %s)", task->job);
	return -EBUSY;
}

static int validate(const struct gp_plan *plan, char *words)
{
	struct gp_error err = {.code = "", .detail = ""};
	int ret = gp_plan_validate(plan, &err);

	if (ret < 0)
		content_words(words, "%s", err.detail);
	return ret;
}

static void task_free(struct content_task *task)
{
	if (task)
		explicit_bzero(task, sizeof(*task));
	free(task);
}

int content_ops_run(struct content_ops *o, uint16_t id, const struct content_step *step,
		    char *words)
{
	int ret;
	struct apps_entry *e = entry(o, id, step, &ret, words);
	struct content_task *task;
	struct gp_plan *plan;

	if (!e)
		return ret;
	task = calloc(1, sizeof(*task));
	plan = gp_plan_new();
	ret = task && plan ? content_ops_get(o, id, task) : -ENOMEM;
	if (ret == 0)
		ret = busy(task, words);
	if (ret == 0)
		ret = add_step(plan, &e->app.entry, step, task, words);
	if (ret == 0)
		ret = validate(plan, words);
	if (ret == 0) {
		snprintf(plan->name, sizeof(plan->name), "%s",
			 gp_op_name(table[step->op].type));
		ret = apps_run_plan(o->apps->store, o->origin, CONTENT_APP_SLOT + (int64_t)id,
				    o->apps->se[e->at].name, plan, NULL, words);
	}
	if (ret == 0)
		content_ops_used_up(o, id);
	gp_plan_free(plan);
	task_free(task);
	return ret;
}

/* @at: the SE that all are on; -1: none yet */
static int add_item(struct content_ops *o, struct gp_plan *plan,
		    const struct content_item *item, bool undoable, int *at, char *words)
{
	int ret;
	struct apps_entry *e = entry(o, item->id, &item->step, &ret, words);
	struct content_task *task;

	if (!e)
		return ret;
	if (*at >= 0 && (size_t)*at != e->at) {
		content_words(words, "one plan is for one SE, this is for %s and %s",
			      o->apps->se[*at].name, o->apps->se[e->at].name);
		return -EXDEV;
	}
	*at = (int)e->at;
	ret = undoable ? check_undo(&e->app.entry, &item->step, words) : 0;
	if (ret < 0)
		return ret;
	task = calloc(1, sizeof(*task));
	ret = task ? content_ops_get(o, item->id, task) : -ENOMEM;
	if (ret == 0)
		ret = busy(task, words);
	if (ret == 0)
		ret = add_step(plan, &e->app.entry, &item->step, item->task ? item->task : task,
			       words);
	task_free(task);
	return ret;
}

int content_ops_batch(struct content_ops *o, uint16_t number, const struct content_item *items,
		      size_t n, bool undoable, uint64_t *job, char *words)
{
	struct gp_plan *plan = gp_plan_new();
	char why[CONTENT_WORDS_MAX] = "";
	int ret = !plan ? -ENOMEM : n == 0 ? -EINVAL : 0, at = -1;

	for (size_t i = 0; ret == 0 && i < n; i++) {
		ret = add_item(o, plan, &items[i], undoable, &at, why);
		if (ret < 0)
			content_words(words, "operation %zu: %s", i,
				      *why ? why : strerror(-ret));
	}
	if (ret == 0)
		ret = validate(plan, words);
	if (ret == 0) {
		snprintf(plan->name, sizeof(plan->name), "batch %u", number);
		ret = apps_run_plan(o->apps->store, o->origin,
				    CONTENT_BATCH_SLOT + (int64_t)number, o->apps->se[at].name,
				    plan, job, words);
	}
	for (size_t i = 0; ret == 0 && i < n; i++)
		if (!items[i].task)
			content_ops_used_up(o, items[i].id);
	gp_plan_free(plan);
	return ret;
}
