// SPDX-License-Identifier: Apache-2.0
/* Operations under way: in which stream they go, and what the card answered. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/run-priv.h"

void run_task_clear(struct task *t)
{
	gp_built_clear(&t->built);
	gp_blob_clear(&t->receipt);
	gp_blob_clear(&t->data);
	gp_registry_clear(&t->list);
}

/*
 * Has the record to be stored before this one goes? An operation that the card does not
 * tell of has a stream of its own, so that the record tells; and so has one on a thing that
 * the stream changes already, or nobody could say which of the two was done.
 */
static bool barrier(const struct gp_run *run, const struct task *t, const struct task *first)
{
	if (!first)
		return false;
	if (gp_op_untold(t->op) && gp_op_changes(t->op))
		return true;
	for (const struct task *before = first; before < t; before++)
		if (before->state == TASK_SENT && gp_op_changes(t->op) &&
		    gp_op_changes(before->op) && gp_op_same_subject(before->op, t->op))
			return true;
	(void)run;
	return false;
}

static bool list_op(const struct task *t)
{
	return t->op->type == GP_OP_LIST;
}

/* As many commands of one operation as fit. 1 when all of them are in. */
static int put_task(struct gp_run *run, struct task *t)
{
	struct gp_error err;
	int r;

	while (t->next < t->built.n) {
		struct entry entry = {
			.kind = ENTRY_TASK, .task = (size_t)(t - run->tasks), .cmd = t->next};
		struct gp_apdu *cmd;

		if (run_full(run))
			return 0;
		r = gp_built_cmd(&t->built, t->next, &cmd, &err);
		if (r)
			return run_fail_err(run, r, &err);
		entry.list = list_op(t) ? cmd->p1 : 0;
		if (t->list_next) /* P2 b1: what follows the page before */
			cmd->p2 |= 0x01;
		r = run_put(run, cmd, &entry, &err);
		if (r == -ENOSPC)
			return 0;
		if (r)
			return run_fail_err(run, r, &err);
		t->list_next = false;
		t->next++;
	}
	return 1;
}

/* Whether the session's changes show in the registry, so that it is read again. */
static bool worth_verifying(const struct gp_run *run)
{
	for (size_t i = run->begin; i < run->end; i++) {
		const struct task *t = &run->tasks[i];

		if ((t->state == TASK_SENT || t->state == TASK_FINISHED) &&
		    gp_op_changes(t->op) && !gp_op_untold(t->op) &&
		    !(t->op->type == GP_OP_CARD_STATE &&
		      t->op->card_state == GP_CARD_TERMINATED))
			return true;
	}
	return false;
}

static int end_of_session(struct gp_run *run)
{
	/* GET STATUS was refused before: it will not tell now either */
	if (run->view_refused || !worth_verifying(run)) {
		run->phase = PHASE_NEXT;
		return 0;
	}
	run_view_begin(run, run_needs_keys(run));
	run->phase = PHASE_VERIFY;
	return 0;
}

int run_tasks_put(struct gp_run *run)
{
	const struct task *first = NULL;
	int r = 1;

	while (run->cursor < run->end) {
		struct task *t = &run->tasks[run->cursor];

		if (t->state == TASK_SKIP || t->state == TASK_FINISHED) {
			run->cursor++;
			continue;
		}
		if (t->state == TASK_TODO) {
			if (barrier(run, t, first))
				return 1;
			t->state = TASK_SENT;
			t->was = run->record->step[t->index];
			run_step(run, t, GP_STEP_BEGUN);
		}
		if (!first)
			first = t;
		r = put_task(run, t);
		if (r <= 0)
			return r < 0 ? r : 1; /* the stream is full */
		run->cursor++;
		if (gp_op_untold(t->op) && gp_op_changes(t->op))
			break;
	}
	if (run->cursor < run->end)
		return 1;
	if (!run->n)
		return end_of_session(run);
	/* the registry is read again in the same stream, if there is room */
	if (run_room(run) >= 4) {
		(void)end_of_session(run);
		if (run->phase == PHASE_VERIFY)
			return run_view_put(run);
		/* nothing to verify: the answers are still to come */
		run->phase = PHASE_TASKS;
	}
	return 1;
}

/* ---- answers ---- */

static void refuse(struct gp_run *run, struct task *t, const struct gp_apdu *cmd, size_t nr,
		   uint16_t sw)
{
	const char *words = gp_sw_words(cmd->ins, cmd->p1, sw);

	t->state = TASK_REFUSED;
	t->sw = sw;
	(void)snprintf(t->detail, sizeof(t->detail),
		       "%s (command %zu of %zu) was refused with %04X%s%s",
		       gp_cmd_name(cmd->ins, cmd->p1), nr + 1, t->built.n, sw,
		       *words ? ", " : "", words);
	run->refused = t;
	/* the card's own word on it, if the channel has not gone with the command */
	if (run->scp && gp_scp_is_open(run->scp) && !run->view_refused &&
	    gp_op_changes(t->op) && !gp_op_untold(t->op) && sw != 0x6982 && sw != 0x6987 &&
	    sw != 0x6988 && (sw >> 8) != 0x6e) {
		run_view_begin(run, run_needs_keys(run));
		run->phase = PHASE_AUTOPSY;
		return;
	}
	run_step(run, t, nr || !gp_op_untold(t->op) ? GP_STEP_FAILED : GP_STEP_PENDING);
	(void)run_fail(run, -EREMOTEIO, "card-refused", "operation %zu (%s): %s", t->index,
		       gp_op_name(t->op->type), t->detail);
}

static int take_list(struct gp_run *run, struct task *t, const struct entry *entry,
		     const uint8_t *rsp, size_t len, uint16_t sw)
{
	struct gp_error err;

	if (len > 2 && gp_registry_take(&t->list, entry->list, rsp, len - 2, &err) < 0)
		return run_fail_err(run, -EBADMSG, &err);
	if (sw == 0x6310) { /* the next page; what was behind it in the stream did not leave */
		t->next = entry->cmd;
		t->list_next = true;
		run->cursor = entry->task;
		run->phase = PHASE_TASKS;
	}
	return 0;
}

/* What did not leave because the stream ended before it is put again, later. */
static void rewind_tasks(struct gp_run *run, size_t from)
{
	for (size_t i = from + 1; i < run->end; i++) {
		struct task *t = &run->tasks[i];

		if (t->state == TASK_SENT && !t->executed) {
			t->state = TASK_TODO;
			t->next = 0;
			run_step(run, t,
				 run->params.mode == GP_RUN_ROLLBACK ? t->was
								     : GP_STEP_PENDING);
		}
	}
}

void run_tasks_rewind(struct gp_run *run, const struct entry *entry)
{
	run->tasks[entry->task].next = entry->cmd + 1;
	rewind_tasks(run, entry->task);
	run->cursor = entry->task;
	run->phase = PHASE_TASKS;
}

static int check_answer(struct gp_run *run, struct task *t, size_t cmd, const uint8_t *rsp,
			size_t len)
{
	struct gp_error err;
	int r = 0;

	if (t->op->type == GP_OP_PUT_KEY) {
		r = gp_put_key_check(&t->built.put, rsp, len, &err);
		if (r)
			(void)snprintf(
				t->detail, sizeof(t->detail),
				"the keys are in the card, but not as they were sent: %.120s",
				err.detail);
		else if (len > 1)
			(void)snprintf(t->detail, sizeof(t->detail),
				       "the card answered the check values of all keys");
	} else if (t->op->type == GP_OP_GET_DATA || t->op->type == GP_OP_APDU) {
		r = gp_blob_set(&t->data, rsp, len);
	} else {
		r = run_receipt(run, t, cmd, rsp, len);
	}
	if (r == -ENOMEM)
		return run_fail(run, r, "memory", "out of memory");
	return r ? run_fail_err(run, r, &err) : 0;
}

int run_task_fed(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len)
{
	struct task *t = &run->tasks[entry->task];
	const struct gp_apdu *cmd = gp_built_kind(&t->built, entry->cmd);
	uint16_t sw = run_sw(rsp, len);
	bool any = t->op->type == GP_OP_APDU || t->op->type == GP_OP_GET_DATA;
	int r = 0;

	t->sw = sw;
	if (!entry->last) {
		if (sw != 0x9000)
			refuse(run, t, cmd, entry->cmd, sw);
		return 0;
	}
	if (list_op(t) && (sw == 0x6310 || sw == 0x6a88 || sw == 0x9000)) {
		r = take_list(run, t, entry, rsp, len, sw);
		if (sw == 0x6310) {
			rewind_tasks(run, entry->task);
			return r;
		}
	} else if (sw != 0x9000 && !(any && ((sw >> 8) == 0x62 || (sw >> 8) == 0x63))) {
		refuse(run, t, cmd, entry->cmd, sw);
		return 0;
	} else {
		r = check_answer(run, t, entry->cmd, rsp, len - 2);
	}
	t->answered = entry->cmd + 1;
	if (t->answered < t->built.n)
		return r;
	t->state = TASK_FINISHED;
	run_step(run, t,
		 r				       ? GP_STEP_FAILED
		 : run->params.mode == GP_RUN_ROLLBACK ? GP_STEP_UNDONE
						       : GP_STEP_DONE);
	gp_built_clear(&t->built);
	return r;
}
