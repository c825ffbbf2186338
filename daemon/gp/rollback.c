// SPDX-License-Identifier: Apache-2.0
/*
 * What takes an operation back. The tasks of a rollback are operations themselves, in reverse
 * order, so that everything which holds for a run holds for them: they are looked for in the
 * registry first, and a rollback that is interrupted is simply begun again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/run-priv.h"

/* What the first session that saw it saw of an application, or NULL. */
static const struct gp_entry *before_of(const struct gp_run *run, const struct gp_op *op)
{
	const struct gp_record *record = run->record;

	return record->has_before[op->session]
		       ? gp_registry_find(&record->before[op->session].registry, &op->aid)
		       : NULL;
}

static bool ran(const struct gp_run *run, size_t i)
{
	enum gp_step_state step = gp_record_step(run->record, i);

	return step == GP_STEP_BEGUN || step == GP_STEP_DONE || step == GP_STEP_FAILED ||
	       step == GP_STEP_UNKNOWN;
}

/* Did an operation of this plan make @aid? Then deleting that takes all back that was done to
 * it.
 */
static bool made_here(const struct gp_run *run, size_t before, const struct gp_aid *aid)
{
	for (size_t i = 0; i < before; i++) {
		const struct gp_op *op = &run->plan->ops[i];

		if ((op->type == GP_OP_INSTALL || op->type == GP_OP_SD_CREATE ||
		     op->type == GP_OP_LOAD) &&
		    gp_aid_equal(&op->aid, aid) && ran(run, i))
			return true;
	}
	return false;
}

static struct gp_op *undo(struct gp_run *run, const struct gp_op *op, enum gp_op_type type)
{
	struct gp_op *u = gp_plan_add(run->inverse, type, op->session);

	if (u)
		u->aid = op->aid;
	return u;
}

static bool undo_update(struct gp_op *u, const struct gp_op *op, const struct gp_entry *before)
{
	if (op->privileges_len) {
		u->privileges = before->privileges;
		u->privileges_len = op->privileges_len;
	}
	if (op->sd.len)
		u->sd = before->sd;
	return true;
}

/*
 * The inverse operation, as the last one of run->inverse. Return: 1: it is there; 0: there is
 * nothing to take back; -EOPNOTSUPP with @why; -ENOMEM.
 */
static int invert(struct gp_run *run, size_t i, const char **why)
{
	const struct gp_op *op = &run->plan->ops[i];
	const struct gp_session *s = &run->plan->sessions[op->session];
	const struct gp_entry *before = op->aid.len ? before_of(run, op) : NULL;
	const struct gp_aid *subject = op->aid.len ? &op->aid : &s->sd;
	const struct gp_keyset *old;
	struct gp_op *u = NULL;

	*why = NULL;
	if (!gp_op_changes(op))
		return 0;
	switch (op->type) {
	case GP_OP_LOAD:
	case GP_OP_INSTALL:
	case GP_OP_SD_CREATE:
		u = undo(run, op, GP_OP_DELETE);
		return u ? 1 : -ENOMEM;
	default:
		break;
	}
	if (subject->len && made_here(run, i, subject))
		return 0; /* it goes with what the plan has made */
	switch (op->type) {
	case GP_OP_EXTRADITE:
		if (!before || !(before->told & GP_ENTRY_SD)) {
			*why = "the card did not tell to which domain it belonged";
			break;
		}
		u = undo(run, op, GP_OP_EXTRADITE);
		if (u)
			u->sd = before->sd;
		return u ? 1 : -ENOMEM;
	case GP_OP_REGISTRY_UPDATE:
		if (gp_op_untold(op) || !before) {
			*why = "the card does not tell the former values";
			break;
		}
		u = undo(run, op, GP_OP_REGISTRY_UPDATE);
		return u && undo_update(u, op, before) ? 1 : -ENOMEM;
	case GP_OP_LOCK:
	case GP_OP_UNLOCK:
		u = undo(run, op, op->type == GP_OP_LOCK ? GP_OP_UNLOCK : GP_OP_LOCK);
		if (u)
			u->related = op->related;
		return u ? 1 : -ENOMEM;
	case GP_OP_PUT_KEY:
		if (!op->old_kvn) {
			u = undo(run, op, GP_OP_DELETE_KEY);
			if (!u)
				return -ENOMEM;
			old = op->keys[0] ? run_keyset(run, op->keys) : NULL;
			u->kvn = op->kvn ? op->kvn : old ? old->kvn : 0;
			u->kid = op->data.len ? (op->kid ? op->kid : 1) : 0;
			return 1;
		}
		/* the keys that were replaced are known if the session was opened with them */
		old = run_keyset(run, s->keys);
		if (old && (old->kvn == op->old_kvn || s->kvn == op->old_kvn) && op->keys[0]) {
			u = undo(run, op, GP_OP_PUT_KEY);
			if (!u)
				return -ENOMEM;
			strcpy(u->keys, s->keys);
			u->kvn = op->old_kvn;
			u->kid = op->kid;
			old = run_keyset(run, op->keys);
			u->old_kvn = op->kvn ? op->kvn : old->kvn;
			return 1;
		}
		*why = "the keys that were replaced are not known";
		break;
	case GP_OP_CARD_STATE:
		if (op->card_state == GP_CARD_LOCKED) {
			u = undo(run, op, GP_OP_CARD_STATE);
			if (u)
				u->card_state = GP_CARD_SECURED;
			return u ? 1 : -ENOMEM;
		}
		*why = "a card's life cycle goes one way";
		break;
	case GP_OP_MAKE_SELECTABLE:
		*why = "no command makes an application unselectable";
		break;
	case GP_OP_DELETE:
		*why = "what was deleted is gone";
		break;
	case GP_OP_DELETE_KEY:
		*why = "a deleted key is gone";
		break;
	case GP_OP_SD_PERSONALISED:
		*why = "a security domain does not become unpersonalised";
		break;
	default:
		*why = "the card does not tell what was there before";
		break;
	}
	return -EOPNOTSUPP;
}

static int add_task(struct gp_run *run, size_t index)
{
	struct task *t = &run->tasks[run->nr_tasks++];

	t->index = index;
	return 0;
}

int run_rollback_tasks(struct gp_run *run)
{
	const char *why;
	size_t refused = 0;
	int r;

	run->tasks = calloc(run->plan->nr_ops, sizeof(*run->tasks));
	run->inverse = gp_plan_new();
	if (!run->tasks || !run->inverse)
		return run_fail(run, -ENOMEM, "memory", "out of memory");
	for (size_t i = run->plan->nr_ops; i-- > 0;) {
		const struct gp_op *op = &run->plan->ops[i];

		if (!ran(run, i))
			continue;
		r = invert(run, i, &why);
		if (r == -ENOMEM)
			return run_fail(run, r, "memory", "out of memory");
		if (r == 1)
			(void)add_task(run, i);
		else if (r == 0 && gp_op_changes(op))
			run->record->step[i] = GP_STEP_UNDONE;
		if (r >= 0)
			continue;
		refused++;
		if (!run->params.partial)
			return run_fail(run, -EOPNOTSUPP, "not-undoable",
					"operation %zu (%s) cannot be undone: %s. Nothing was "
					"changed",
					i, gp_op_name(op->type), why);
		run_warn(run, "operation %zu (%s) stays: %s", i, gp_op_name(op->type), why);
	}
	/* the array of operations has its final place only now */
	for (size_t i = 0; i < run->nr_tasks; i++)
		run->tasks[i].op = &run->inverse->ops[i];
	run->partly = refused != 0;
	return 0;
}
