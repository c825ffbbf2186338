// SPDX-License-Identifier: Apache-2.0
/* A run: batches out, responses in, and how it ends. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/plan-priv.h"
#include "gp/run-priv.h"

static const char *const state_names[] = {
	[GP_RUN_RUNNING] = "running", [GP_RUN_DONE] = "done",
	[GP_RUN_FAILED] = "failed",   [GP_RUN_INTERRUPTED] = "interrupted",
	[GP_RUN_UNKNOWN] = "unknown",
};

const char *gp_run_state_name(enum gp_run_state state)
{
	return (unsigned int)state < sizeof(state_names) / sizeof(state_names[0])
		       ? state_names[state]
		       : "?";
}

/* ---- words ---- */

int run_fail_err(struct gp_run *run, int error, const struct gp_error *err)
{
	if (run->phase == PHASE_FAILED)
		return run->error;
	run->phase = PHASE_FAILED;
	run->error = error;
	run->err = *err;
	if (run->state == GP_RUN_RUNNING)
		run->state = GP_RUN_FAILED;
	return error;
}

int run_fail(struct gp_run *run, int error, const char *code, const char *fmt, ...)
{
	struct gp_error err;
	char words[sizeof(err.detail)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	(void)gp_fail(&err, error, code, "%s", words);
	return run_fail_err(run, error, &err);
}

void run_warn(struct gp_run *run, const char *fmt, ...)
{
	char *words = run->warnings[run->nr_warnings];
	va_list ap;

	if (run->nr_warnings == RUN_WARNINGS - 1)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(words, RUN_DETAIL, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < run->nr_warnings; i++)
		if (!strcmp(words, run->warnings[i]))
			return;
	run->nr_warnings++;
}

void run_step(struct gp_run *run, const struct task *t, enum gp_step_state state)
{
	if (run->record->step[t->index] == state)
		return;
	run->record->step[t->index] = state;
	if (gp_op_changes(t->op))
		run->dirty = true;
}

/* ---- commit and end ---- */

static int commit(struct gp_run *run, struct gp_error *err)
{
	char *text = NULL;
	int r;

	if (!run->dirty || !run->params.host.commit)
		return 0;
	r = gp_record_format(run->record, &text);
	if (r)
		return gp_fail(err, r, "memory", "out of memory");
	r = run->params.host.commit(run->params.host.userdata, text, strlen(text));
	free(text);
	if (r)
		return gp_fail(err, r, "record", "the record cannot be stored: %s",
			       strerror(-r));
	run->dirty = false;
	run->committed = true;
	return 0;
}

/* As it was before; what a rollback has not taken back yet is there to be taken back. */
static void not_begun(struct gp_run *run, const struct task *t)
{
	run_step(run, t, run->params.mode == GP_RUN_ROLLBACK ? t->was : GP_STEP_PENDING);
}

/* How far each operation came when a batch was not answered to its end. */
static void settle_steps(struct gp_run *run)
{
	for (size_t i = 0; i < run->nr_tasks; i++) {
		struct task *t = &run->tasks[i];

		if (t->state != TASK_SENT)
			continue;
		if (!t->executed) /* not one of its commands reached the card */
			not_begun(run, t);
		else if (!t->detail[0])
			(void)snprintf(t->detail, sizeof(t->detail),
				       "interrupted after %zu of %zu commands", t->answered,
				       t->built.n);
	}
}

/* While it is open how an operation ended, the record has not served its time. */
static bool half_done(const struct gp_record *record)
{
	for (size_t i = 0; i < record->nr_steps; i++)
		if (record->step[i] == GP_STEP_BEGUN || record->step[i] == GP_STEP_UNKNOWN)
			return true;
	return false;
}

static void finish(struct gp_run *run, bool ok)
{
	struct gp_error err;

	if (run->attempt) {
		run->attempt = false;
		run->params.host.verdict(run->params.host.userdata, GP_VERDICT_UNKNOWN);
	}
	settle_steps(run);
	if (ok) {
		run->record->state = run->params.mode == GP_RUN_ROLLBACK ? GP_RECORD_ROLLED_BACK
									 : GP_RECORD_DONE;
		run->state = GP_RUN_DONE;
		run->phase = PHASE_END;
	} else if (run->state == GP_RUN_FAILED && !half_done(run->record)) {
		run->record->state = GP_RECORD_FAILED;
	}
	/* a plan that only reads leaves no record */
	run->dirty = run->dirty || run->committed || run->params.mode != GP_RUN_FORWARD;
	if (commit(run, &err)) {
		run->phase = PHASE_FAILED;
		if (!run->error) {
			run->error = -EIO;
			run->err = err;
			run->state = GP_RUN_FAILED;
		}
	}
	run_session_clear(run);
}

void gp_run_abort(struct gp_run *run, int error, const char *code, const char *detail)
{
	if (run->phase == PHASE_END || run->phase == PHASE_FAILED)
		return;
	while (run->fed < run->n)
		gp_run_feed(run, run->fed, NULL, 0, SE_OUTCOME_UNKNOWN);
	run->state = run->unknown ? GP_RUN_UNKNOWN : GP_RUN_INTERRUPTED;
	(void)run_fail(run, error ? error : -EINTR, code, "%s", detail);
	finish(run, false);
}

/* ---- out ---- */

static int tasks_of_session(struct gp_run *run)
{
	while (run->cursor < run->nr_tasks && run->tasks[run->cursor].state == TASK_SKIP)
		run->cursor++;
	if (run->cursor == run->nr_tasks)
		return 0;
	run->begin = run->cursor;
	run->session = run->tasks[run->begin].op->session;
	run->end = run->begin;
	while (run->end < run->nr_tasks && run->tasks[run->end].op->session == run->session)
		run->end++;
	return 1;
}

/* One step of the run; 1 when there is something to send or to open. */
static int step(struct gp_run *run)
{
	int r;

	switch (run->phase) {
	case PHASE_NEXT:
		run_session_clear(run);
		if (!tasks_of_session(run)) {
			finish(run, true);
			return 0;
		}
		run->phase = PHASE_OPEN;
		return 0;
	case PHASE_OPEN:
		if (!run->opened) {
			run->waiting = true;
			return 1;
		}
		run_session_begin(run);
		return 0;
	case PHASE_IDENT:
		return run_ident(run);
	case PHASE_CHANNEL:
		return run_channel(run);
	case PHASE_AUTH:
		return run_auth(run);
	case PHASE_VIEW:
		if (!run_view_done(run))
			return run_view_put(run);
		r = run_decide(run);
		if (!r)
			run->phase = PHASE_TASKS;
		return r;
	case PHASE_TASKS:
		return run_tasks_put(run);
	case PHASE_VERIFY:
		if (!run_view_done(run))
			return run_view_put(run);
		r = run_verify(run);
		if (!r)
			run->phase = PHASE_NEXT;
		return r;
	case PHASE_AUTOPSY:
		if (!run_view_done(run))
			return run_view_put(run);
		run_autopsy(run);
		return run->error;
	default:
		return 0;
	}
}

/* What a batch that is answered leads to. */
static void batch_done(struct gp_run *run)
{
	bool stopped = run->stopped, broken = run->broken;

	if (!run->n)
		return;
	run_batch_clear(run);
	if (run->phase == PHASE_FAILED || run->more)
		return;
	run_more_clear(run);
	/* what was wrapped and did not leave: the channel goes on without it */
	if (stopped && !broken && run->scp && gp_scp_is_open(run->scp))
		gp_scp_unsent(run->scp);
	if ((run->phase == PHASE_IDENT && run_ident_done(run)) || run->phase == PHASE_CHANNEL)
		(void)run_open_answer(run);
}

int gp_run_next(struct gp_run *run, struct gp_run_batch *batch, struct gp_error *err)
{
	struct gp_error local;
	int r = 0;

	*batch = (struct gp_run_batch){0};
	while (run->fed < run->n) /* the host forgot some: nobody knows of them */
		gp_run_feed(run, run->fed, NULL, 0, SE_OUTCOME_UNKNOWN);
	batch_done(run);
	if (run->more && run->phase != PHASE_FAILED)
		r = run_more_put(run);
	while (r != 1 && run->phase != PHASE_END && run->phase != PHASE_FAILED) {
		r = step(run);
		if (r < 0 && run->phase != PHASE_FAILED)
			(void)run_fail(run, r, "internal", "%s", strerror(-r));
		if (r == 1)
			break;
	}
	if (r == 1 && run->phase != PHASE_FAILED) {
		r = commit(run, &local);
		if (r)
			(void)run_fail_err(run, r, &local);
	}
	if (run->phase == PHASE_FAILED) {
		if (run->opened || run->waiting || run->dirty || run->state == GP_RUN_RUNNING)
			finish(run, false);
		run->opened = run->waiting = false;
		run_batch_clear(run);
		if (err)
			*err = run->err;
		return run->error;
	}
	if (run->phase == PHASE_END)
		return GP_RUN_END;
	run->round_trips++;
	if (run->waiting) {
		batch->aid = run->plan->sessions[run->session].sd;
		return GP_RUN_OPEN;
	}
	batch->apdus = run->apdus;
	batch->n = run->n;
	return GP_RUN_SEND;
}

/* ---- in ---- */

void gp_run_opened(struct gp_run *run, const uint8_t *rsp, size_t len, int error)
{
	struct gp_error err;
	uint16_t sw;

	if (!run->waiting)
		return;
	run->waiting = false;
	run->opened = true;
	if (error) {
		run->state = GP_RUN_INTERRUPTED;
		(void)run_fail(run, error, "no-channel",
			       "no channel to the security domain: %s", strerror(-error));
		return;
	}
	if (len < 2 && rsp)
		len = 0;
	sw = run_sw(rsp, len);
	if (!len)
		sw = 0x9000; /* the basic channel of a card that answers nothing */
	if (sw != 0x9000 && (sw >> 8) != 0x62 && (sw >> 8) != 0x63) {
		(void)run_fail(run, -ENOENT, "no-application",
			       "the security domain cannot be selected: %04X", sw);
		return;
	}
	if (sw == 0x6283)
		run_warn(run, "the card is locked");
	run->fci = (struct gp_fci){0};
	/* some answer what no FCI is: nothing of it is needed */
	if (len > 2 && gp_fci_decode(&run->fci, rsp, len - 2, &err))
		run->fci = (struct gp_fci){0};
}

/* An APDU that did not end with a response. */
static void lost(struct gp_run *run, const struct entry *entry, uint32_t outcome)
{
	if (entry->kind == ENTRY_AUTH)
		run_auth_fed(run, NULL, 0, outcome);
	if (run->stopped || run->broken)
		return; /* the rest of a stream that has ended */
	run->broken = true;
	run->unknown = outcome == SE_OUTCOME_UNKNOWN;
	if (entry->kind == ENTRY_TASK && outcome == SE_OUTCOME_UNKNOWN)
		run->tasks[entry->task].executed = true;
	run->state = run->unknown && entry->kind == ENTRY_TASK &&
				     gp_op_changes(run->tasks[entry->task].op)
			     ? GP_RUN_UNKNOWN
			     : GP_RUN_INTERRUPTED;
	(void)run_fail(run, -EIO, "interrupted",
		       run->unknown
			       ? "the exchange ended; whether the card has executed the last "
				 "command is not known"
			       : "the exchange ended before the next command was sent");
}

static int unwrap(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len,
		  uint8_t **clear, size_t *clear_len)
{
	struct gp_error err;
	int r = 0;

	*clear = malloc(len);
	if (!*clear)
		return run_fail(run, -ENOMEM, "memory", "out of memory");
	memcpy(*clear, rsp, len);
	*clear_len = len;
	if (entry->wrapped && run->scp)
		r = gp_scp_unwrap(run->scp, *clear, clear_len, &err);
	return r ? run_fail_err(run, r, &err) : 0;
}

void gp_run_feed(struct gp_run *run, size_t i, const uint8_t *rsp, size_t len, uint32_t outcome)
{
	const struct entry *entry;
	uint8_t *clear = NULL;
	size_t clear_len = 0;
	uint16_t sw;

	if (i != run->fed || i >= run->n)
		return;
	entry = &run->entries[i];
	run->fed++;
	if (outcome != SE_OUTCOME_EXECUTED || len < 2) {
		lost(run, entry,
		     outcome == SE_OUTCOME_NOT_SENT ? SE_OUTCOME_NOT_SENT : SE_OUTCOME_UNKNOWN);
		return;
	}
	run->apdus_done++;
	if (run->stopped || run->broken)
		return; /* the host went on where it must not: nothing can be made of it */
	sw = run_sw(rsp, len);
	if (entry->kind == ENTRY_TASK)
		run->tasks[entry->task].executed = true;
	run->stopped = run->more || !run_goes_on(&run->apdus[i], sw);
	if (sw >> 8 == 0x61 && entry->last && entry->kind != ENTRY_AUTH) {
		run->stopped = true;
		(void)run_more_take(run, entry, rsp, len);
		return;
	}
	if (run->more && !run_more_end(run, rsp, len)) {
		rsp = run->part.p;
		len = run->part.len;
	}
	if (entry->kind == ENTRY_AUTH)
		run_auth_fed(run, rsp, len, outcome);
	if (run->phase != PHASE_FAILED && !unwrap(run, entry, rsp, len, &clear, &clear_len)) {
		if (entry->kind == ENTRY_TASK)
			(void)run_task_fed(run, entry, clear, clear_len);
		else if (entry->kind == ENTRY_STATUS || entry->kind == ENTRY_KEYS)
			(void)run_view_fed(run, entry, clear, clear_len);
		else if (entry->kind != ENTRY_AUTH)
			(void)run_open_fed(run, entry, clear, clear_len);
	}
	if (clear)
		OPENSSL_cleanse(clear, len);
	free(clear);
	if (run->params.host.progress)
		run->params.host.progress(run->params.host.userdata, run);
}

/* ---- life ---- */

static int take_record(struct gp_run *run, struct gp_error *err)
{
	const struct gp_run_params *p = &run->params;
	int r;

	if (p->mode == GP_RUN_FORWARD) {
		if (p->record)
			return gp_fail(err, -EINVAL, "record-given",
				       "a record is for resuming or rolling back");
		run->record = calloc(1, sizeof(*run->record));
		if (!run->record)
			return gp_fail(err, -ENOMEM, "memory", "out of memory");
		run->record->nr_steps = run->plan->nr_ops;
		r = gp_plan_digest(run->plan, run->record->digest);
		return r ? gp_fail(err, r, "memory", "the plan's digest cannot be made") : 0;
	}
	if (!p->record)
		return gp_fail(err, -EINVAL, "no-record",
			       "without a record nothing can be resumed or rolled back");
	r = gp_record_parse(&run->record, p->record, p->record_len, err);
	return r ? r : gp_record_fits(run->record, run->plan, err);
}

static int make_tasks(struct gp_run *run, struct gp_error *err)
{
	if (run->params.mode == GP_RUN_ROLLBACK) {
		int r = run_rollback_tasks(run);

		if (r && err)
			*err = run->err;
		return r;
	}
	run->tasks = calloc(run->plan->nr_ops, sizeof(*run->tasks));
	if (!run->tasks)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	run->nr_tasks = run->plan->nr_ops;
	for (size_t i = 0; i < run->nr_tasks; i++) {
		run->tasks[i].op = &run->plan->ops[i];
		run->tasks[i].index = i;
	}
	return 0;
}

/* Better now than after half of the plan. */
static int check_keys(const struct gp_run *run, struct gp_error *err)
{
	const struct gp_run_host *host = &run->params.host;

	for (size_t i = 0; i < run->plan->nr_sessions; i++) {
		const char *name = run->plan->sessions[i].keys;

		if (name[0] && !run_keyset(run, name) &&
		    !(host->scp11 && host->scp11(host->userdata, name)))
			return gp_fail(err, -ENOKEY, "no-key", "there is no key set \"%s\"",
				       name);
	}
	for (size_t i = 0; i < run->plan->nr_sessions; i++) {
		const char *name = run->plan->sessions[i].receipt_key;
		struct gp_signer key;

		if (name[0] &&
		    (!host->receipt_key || host->receipt_key(host->userdata, name, &key)))
			return gp_fail(err, -ENOKEY, "no-key",
				       "there is no key \"%s\" to verify receipts with", name);
	}
	for (size_t i = 0; i < run->plan->nr_ops; i++)
		if (run->plan->ops[i].keys[0] && !run_keyset(run, run->plan->ops[i].keys))
			return gp_fail(err, -ENOKEY, "no-key", "there is no key set \"%s\"",
				       run->plan->ops[i].keys);
	return 0;
}

int gp_run_new(struct gp_run **ret, const struct gp_run_params *params, struct gp_error *err)
{
	struct gp_run *run;
	int r = gp_plan_validate(params->plan, err);

	if (r)
		return r;
	if (!gp_plan_resolved(params->plan))
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "the plan's files were not read yet");
	run = calloc(1, sizeof(*run));
	if (!run)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	run->params = *params;
	run->plan = params->plan;
	run->profile = gp_profile_at(0);
	run->phase = PHASE_NEXT;
	run->max = SE_STREAM_MAX;
	if (params->batch_max && params->batch_max < run->max)
		run->max = params->batch_max;
	if (run->max < GP_RUN_BATCH_MIN) /* what opens a session goes together */
		run->max = GP_RUN_BATCH_MIN;
	run->apdus = calloc(run->max, sizeof(*run->apdus));
	run->entries = calloc(run->max, sizeof(*run->entries));
	run->bytes = calloc(run->max, sizeof(*run->bytes));
	if (!run->apdus || !run->entries || !run->bytes)
		r = gp_fail(err, -ENOMEM, "memory", "out of memory");
	if (!r)
		r = take_record(run, err);
	if (!r)
		r = check_keys(run, err);
	if (!r)
		r = make_tasks(run, err);
	if (r) {
		gp_run_free(run);
		return r;
	}
	*ret = run;
	return 0;
}

void gp_run_free(struct gp_run *run)
{
	if (!run)
		return;
	if (run->attempt)
		run->params.host.verdict(run->params.host.userdata, GP_VERDICT_UNKNOWN);
	run_batch_clear(run);
	run_session_clear(run);
	for (size_t i = 0; i < run->nr_tasks; i++)
		run_task_clear(&run->tasks[i]);
	free(run->tasks);
	free(run->apdus);
	free(run->entries);
	free(run->bytes);
	gp_record_free(run->record);
	gp_plan_free(run->inverse);
	OPENSSL_cleanse(run, sizeof(*run));
	free(run);
}
