// SPDX-License-Identifier: Apache-2.0
/*
 * Which operations are to be done at all: by what the card tells of itself and by what the
 * record says of the runs before. And, afterwards, whether they are done.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/run-priv.h"

static bool key_op(const struct gp_op *op)
{
	return op->type == GP_OP_PUT_KEY || op->type == GP_OP_DELETE_KEY;
}

bool run_needs_view(const struct gp_run *run)
{
	for (struct task *t = run->tasks + run->begin; t < run->tasks + run->end; t++)
		if (gp_op_changes(t->op) && !key_op(t->op) && t->op->type != GP_OP_APDU &&
		    t->op->type != GP_OP_STORE_DATA)
			return true;
	return false;
}

bool run_needs_keys(const struct gp_run *run)
{
	for (struct task *t = run->tasks + run->begin; t < run->tasks + run->end; t++)
		if (key_op(t->op))
			return true;
	return false;
}

static const char *name_of(const struct task *t)
{
	return gp_op_name(t->op->type);
}

static int set_facts(struct gp_run *run, struct task *t)
{
	const struct gp_session *s = &run->plan->sessions[run->session];
	const struct gp_entry *isd = gp_registry_isd(&run->view.registry);
	const struct gp_keyset *set;

	t->facts = (struct gp_facts){.sd = run->sd};
	if (!t->facts.sd.len && isd)
		t->facts.sd = isd->aid;
	if (t->op->type != GP_OP_PUT_KEY)
		return 0;
	t->facts.kid = t->op->kid ? t->op->kid : 1;
	t->facts.kvn = t->op->kvn;
	t->facts.nr_keys = t->op->data.len ? 1 : GP_OP_KEYS_MAX;
	if (t->op->data.len)
		return 0;
	set = run_keyset(run, t->op->keys);
	if (!set)
		return run_fail(run, -ENOKEY, "no-key", "there is no key set \"%s\"",
				t->op->keys);
	if (!t->facts.kvn)
		t->facts.kvn = set->kvn;
	if (!t->facts.kvn)
		return run_fail(
			run, -EINVAL, "plan-invalid",
			"operation %zu (put-key): neither it nor the key set \"%s\" has a "
			"key version number",
			t->index, t->op->keys);
	t->facts.opened_new =
		run->other_keys && run->keys && !strcmp(run->keys->name, set->name);
	t->facts.opened_old = !run->other_keys && run->keys &&
			      !strcmp(run->keys->name, s->keys) &&
			      strcmp(s->keys, t->op->keys) != 0;
	return 0;
}

static int skip(struct gp_run *run, struct task *t, enum gp_step_state state)
{
	t->state = TASK_SKIP;
	run_step(run, t, state);
	return 0;
}

/* What makes a thing is an error where the thing is, what changes one is not. */
static bool makes(const struct gp_op *op)
{
	return op->type == GP_OP_LOAD || op->type == GP_OP_INSTALL ||
	       op->type == GP_OP_SD_CREATE || op->type == GP_OP_PUT_KEY;
}

/* An operation that no run has begun. */
static int decide_fresh(struct gp_run *run, struct task *t, enum gp_look look)
{
	switch (look) {
	case GP_LOOK_THERE:
		if (makes(t->op) && !t->op->if_needed && run->params.mode != GP_RUN_ROLLBACK)
			return run_fail(
				run, -EEXIST, "exists",
				"operation %zu (%s): %s already; nothing of this session "
				"was changed",
				t->index, name_of(t), t->found);
		(void)snprintf(t->detail, sizeof(t->detail), "%s: nothing to do", t->found);
		return skip(run, t,
			    run->params.mode == GP_RUN_ROLLBACK ? GP_STEP_UNDONE
								: GP_STEP_ALREADY);
	case GP_LOOK_CONFLICT:
		return run_fail(run, -ENOTSUP, "precondition",
				"operation %zu (%s) cannot be done: %s", t->index, name_of(t),
				t->found);
	default:
		t->state = TASK_TODO;
		return 0;
	}
}

/* One that may have been under way when a run ended. */
static int decide_begun(struct gp_run *run, struct task *t, enum gp_look look, bool *broke_off)
{
	switch (look) {
	case GP_LOOK_THERE:
		(void)snprintf(t->detail, sizeof(t->detail), "done before the interruption: %s",
			       t->found);
		return skip(run, t, GP_STEP_DONE);
	case GP_LOOK_MISSING:
		*broke_off = true;
		t->state = TASK_TODO;
		return 0;
	case GP_LOOK_CONFLICT:
		return run_fail(run, -ENOTSUP, "contradiction",
				"operation %zu (%s) was begun and cannot be completed: %s",
				t->index, name_of(t), t->found);
	default:
		break;
	}
	/* in order: what comes after one that did not happen did not happen either */
	if (*broke_off || t->op->repeatable || t->op->type == GP_OP_REGISTRY_UPDATE) {
		t->state = TASK_TODO;
		return 0;
	}
	run_step(run, t, GP_STEP_UNKNOWN);
	return run_fail(
		run, -EALREADY, "outcome-unknown",
		"operation %zu (%s) was begun, and %s. It is not run a second time: see "
		"for yourself, then make it \"repeatable\" in the plan or leave it out",
		t->index, name_of(t), t->found);
}

/* Does an operation after this one act on the same thing, so that its state tells nothing? */
static bool overtaken(const struct gp_run *run, const struct task *t)
{
	for (const struct task *after = t + 1; after < run->tasks + run->nr_tasks; after++)
		if (gp_op_same_subject(t->op, after->op) &&
		    gp_record_step(run->record, after->index) != GP_STEP_PENDING)
			return true;
	return false;
}

static int decide_done(struct gp_run *run, struct task *t, enum gp_look look)
{
	if (look == GP_LOOK_MISSING && !overtaken(run, t) && !gp_op_untold(t->op))
		return run_fail(run, -ENOTSUP, "contradiction",
				"operation %zu (%s) was done by a run before, but %s: somebody "
				"else has changed the card",
				t->index, name_of(t), t->found);
	t->state = TASK_SKIP;
	if (!t->detail[0])
		(void)snprintf(t->detail, sizeof(t->detail), "done by a run before");
	return 0;
}

static int decide_task(struct gp_run *run, struct task *t, struct gp_view *sim, bool *broke_off)
{
	enum gp_step_state step = gp_record_step(run->record, t->index);
	enum gp_look look;
	int r = set_facts(run, t);

	if (r)
		return r;
	look = gp_op_look(t->op, &t->facts, sim, t->found);
	if (!gp_op_changes(t->op)) {
		t->found[0] = 0;
		t->state = TASK_TODO;
		return 0;
	}
	if (run->params.mode != GP_RUN_RESUME)
		r = decide_fresh(run, t, look);
	else if (step == GP_STEP_PENDING || step == GP_STEP_UNDONE)
		r = decide_fresh(run, t, look);
	else if (step == GP_STEP_DONE || step == GP_STEP_ALREADY)
		r = decide_done(run, t, look);
	else
		r = decide_begun(run, t, look, broke_off);
	if (!r && t->state == TASK_TODO)
		r = gp_op_apply(t->op, &t->facts, sim);
	if (r && run->phase != PHASE_FAILED)
		r = run_fail(run, r, "memory", "the registry is too large");
	return r;
}

static int build(struct gp_run *run, struct task *t)
{
	struct gp_keyset own = {0};
	struct gp_wire wire = run_wire(run);
	size_t lc = gp_profile_load_lc(run->profile, &wire, &run->fci);
	struct gp_build how = {
		.facts = &t->facts, .scp = run->scp, .profile = run->profile, .max_data = lc};
	const struct gp_keyset *set;
	struct gp_scp_info info;
	struct gp_error err;
	int r = 0;

	if (run->scp)
		how.max_data = gp_scp_max_data(run->scp, lc);
	if (run->profile->load_block && run->profile->load_block < how.max_data)
		how.max_data = run->profile->load_block;
	if (t->op->keys[0]) {
		set = run_keyset(run, t->op->keys);
		gp_scp_info(run->scp, &info);
		r = gp_keyset_resolve(set, info.has_kdd ? info.kdd : NULL, &own);
		if (r)
			return run_fail(run, r, "no-key",
					"the key set \"%s\" cannot be made for this card",
					t->op->keys);
		how.keys = &own;
		if (gp_keyset_is_default(&own))
			run_warn(run,
				 "\"%s\", which goes into the card, has the default keys that "
				 "everybody knows",
				 t->op->keys);
	}
	r = gp_op_build(t->op, &how, &t->built, &err);
	gp_keyset_clear(&own);
	return r ? run_fail_err(run, r, &err) : 0;
}

/* The record says from here on that something may be changed. */
static int open_record(struct gp_run *run)
{
	struct gp_record *record = run->record;

	if (record->has_before[run->session] || (!run->view.known && !run->view.keys_known))
		return 0;
	if (run->params.mode == GP_RUN_ROLLBACK)
		return 0;
	if (gp_view_copy(&record->before[run->session], &run->view))
		return run_fail(run, -ENOMEM, "memory", "out of memory");
	record->has_before[run->session] = true;
	return 0;
}

int run_decide(struct gp_run *run)
{
	struct gp_view sim;
	bool broke_off = false;
	int r = open_record(run);

	if (r)
		return r;
	if (gp_view_copy(&sim, &run->view))
		return run_fail(run, -ENOMEM, "memory", "out of memory");
	for (struct task *t = run->tasks + run->begin; t < run->tasks + run->end; t++) {
		r = decide_task(run, t, &sim, &broke_off);
		if (!r && t->state == TASK_TODO)
			r = build(run, t);
		if (r)
			break;
	}
	gp_view_clear(&sim);
	if (!r)
		run->record->state = GP_RECORD_RUNNING;
	return r;
}

/* ---- afterwards ---- */

static bool last_on_subject(const struct gp_run *run, const struct task *t)
{
	for (const struct task *after = t + 1; after < run->tasks + run->end; after++)
		if (after->state == TASK_FINISHED && gp_op_same_subject(t->op, after->op))
			return false;
	return true;
}

int run_verify(struct gp_run *run)
{
	char why[GP_WHY_MAX];
	int r = 0;

	for (struct task *t = run->tasks + run->begin; t < run->tasks + run->end; t++) {
		struct gp_facts facts = t->facts;

		if (t->state != TASK_FINISHED || !gp_op_changes(t->op) ||
		    !last_on_subject(run, t))
			continue;
		/* what the card proved before does not count any more */
		facts.opened_new = facts.opened_old = false;
		if (gp_op_look(t->op, &facts, &run->view, why) != GP_LOOK_MISSING)
			continue;
		t->state = TASK_REFUSED;
		(void)snprintf(t->detail, sizeof(t->detail), "the card answered 9000, but %s",
			       why);
		run_step(run, t, GP_STEP_FAILED);
		r = run_fail(run, -EPROTO, "postcondition",
			     "operation %zu (%s): the card answered 9000, but %s", t->index,
			     name_of(t), why);
	}
	return r;
}

/* An operation was refused: is the card as it was, or is it done all the same? */
void run_autopsy(struct gp_run *run)
{
	struct task *t = run->refused;
	char why[GP_WHY_MAX];
	size_t used = strlen(t->detail);
	enum gp_look look = gp_op_look(t->op, &t->facts, &run->view, why);

	if (look == GP_LOOK_THERE)
		(void)snprintf(t->detail + used, sizeof(t->detail) - used,
			       "; but it is done: %s", why);
	else if (look == GP_LOOK_MISSING)
		(void)snprintf(t->detail + used, sizeof(t->detail) - used,
			       "; the old state was kept: %s", why);
	else
		(void)snprintf(t->detail + used, sizeof(t->detail) - used, "; afterwards: %s",
			       why);
	run_step(run, t, look == GP_LOOK_THERE ? GP_STEP_DONE : GP_STEP_FAILED);
	(void)run_fail(run, -EREMOTEIO, "card-refused", "operation %zu (%s): %s", t->index,
		       name_of(t), t->detail);
}
