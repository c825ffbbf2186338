// SPDX-License-Identifier: Apache-2.0
/*
 * The commands of a message, one unit after the other (OMA-TS-DM_RepPro-V1_2_1, 6.6).
 *
 * Sequence: in order, which is the order of everything here; where a person says no, the
 * rest of it is not executed (Protocol, 10.2.2). Atomic: all or nothing; its units are run
 * before the server is told of any.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dm/engine-priv.h"

/* what the tree says, as a Status */
static uint16_t to_code(struct dm_engine *e, int r)
{
	if (r >= 200 && r <= 599)
		return (uint16_t)r;
	eng_log(e, LOG_ERR, "a command failed on the device: %s",
		r < 0 ? strerror(-r) : "no status");
	switch (r) {
	case -ENOSPC:
	case -EDQUOT:
		return DM_DEVICE_FULL;
	case -EIO:
	case -EROFS:
		return DM_STORE_FAILED;
	default:
		return DM_FAILED;
	}
}

static bool went_well(unsigned int code)
{
	return code < 300 && code != DM_CANCELLED && code != DM_NOT_EXECUTED;
}

/* units [from, to) that have not been run will not be */
static void skip(struct eng_work *w, uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		if (!w->units[from].code)
			w->units[from].code = DM_NOT_EXECUTED;
}

/* ---- Atomic ------------------------------------------------------------------ */

/* Units of an Atomic that ran, told that they did not: all but @but. */
static void undone(struct dm_engine *e, struct eng_work *w, uint32_t but, unsigned int code)
{
	uint32_t i;

	for (i = e->atomic + 1; i < w->units[e->atomic].end; i++)
		if (i != but && w->units[i].code && went_well(w->units[i].code))
			w->units[i].code = (uint16_t)code;
}

static void atomic_over(struct dm_engine *e, struct eng_work *w, unsigned int code)
{
	w->units[e->atomic].code = (uint16_t)code;
	w->run = w->units[e->atomic].end;
	e->atomic = ENG_NONE;
}

/* Unit @at was refused: the others are rolled back. */
static void atomic_failed(struct dm_engine *e, struct eng_work *w, uint32_t at)
{
	int r = e->tree->rollback(e->tree_ctx);

	if (r != DM_ROLLED_BACK)
		eng_log(e, LOG_ERR, "an Atomic could not be rolled back (%d)", r);
	undone(e, w, at, r == DM_ROLLED_BACK ? DM_ROLLED_BACK : DM_ROLLBACK_FAILED);
	skip(w, e->atomic + 1, w->units[e->atomic].end);
	atomic_over(e, w, DM_ATOMIC_FAILED);
}

static void atomic_committed(struct dm_engine *e, struct eng_work *w, int r)
{
	e->committing = false;
	if (r == DM_OK) {
		atomic_over(e, w, DM_OK);
		return;
	}
	eng_log(e, LOG_WARNING, "an Atomic was not committed (%d)", r);
	undone(e, w, ENG_NONE, r == DM_ROLLBACK_FAILED ? DM_ROLLBACK_FAILED : DM_ROLLED_BACK);
	atomic_over(e, w, DM_ATOMIC_FAILED);
}

static int atomic_begin(struct dm_engine *e, struct eng_work *w)
{
	struct eng_unit *u = &w->units[w->run];
	int r;

	/* it is on the disk by itself: a secure element may be part of it */
	r = eng_level(e, false);
	if (r)
		return r;
	r = e->tree->begin(e->tree_ctx, DM_LEVEL_ATOMIC);
	if (r == DM_OK) {
		e->atomic = w->run++;
		return 0;
	}
	u->code = to_code(e, r);
	skip(w, w->run + 1, u->end);
	w->run = u->end;
	return 0;
}

static int atomic_end(struct dm_engine *e, struct eng_work *w)
{
	struct dm_req req = eng_req(e, w->units[e->atomic].cmd);
	int r;

	r = e->tree->commit(e->tree_ctx, &req);
	if (r == DM_PENDING) {
		e->committing = true;
		e->token_waits = true;
		return -EINPROGRESS;
	}
	atomic_committed(e, w, r);
	return 0;
}

/* ---- one unit ------------------------------------------------------------------ */

/* An item that came in one piece. */
static struct dm_put whole(const struct dm_item *it)
{
	return (struct dm_put){
		.format = it->meta.format,
		.type = it->meta.type,
		.total = it->len,
		.data = it->data,
		.len = it->len,
		.has_data = it->has_data,
		.last = true,
	};
}

static int write_item(struct dm_engine *e, const struct eng_unit *u, const struct dm_req *req)
{
	const struct dm_item *it = u->item;
	struct dm_put put = whole(it);

	if (it->form == DM_FORM_B64)
		return DM_BAD_FORMAT;
	if (it->len > e->max_obj)
		return DM_TOO_LARGE;
	return e->tree->write(e->tree_ctx, req,
			      u->cmd->kind == DM_ADD ? DM_HOW_ADD : DM_HOW_REPLACE, it->target,
			      &put);
}

static int exec_item(struct dm_engine *e, const struct eng_unit *u, const struct dm_req *req)
{
	const struct dm_item *it = u->item;
	struct dm_put put = whole(it);

	if (it->form == DM_FORM_B64)
		return DM_BAD_FORMAT;
	/* an argument is one piece; what is large goes to a node first */
	if (it->more || it->len > e->max_obj)
		return DM_TOO_LARGE;
	return e->tree->exec(e->tree_ctx, req, it->target, &put);
}

static int run_item(struct dm_engine *e, struct eng_work *w, struct eng_unit *u,
		    const struct dm_req *req)
{
	const struct dm_item *it = u->item;

	if (eng_large_check(e, u))
		return eng_large_piece(e, w, u, req);
	if (!it || !it->target)
		return DM_INCOMPLETE;
	switch (u->cmd->kind) {
	case DM_ADD:
	case DM_REPLACE:
		return write_item(e, u, req);
	case DM_DELETE:
		return e->tree->del(e->tree_ctx, req, it->target);
	case DM_COPY:
		if (!it->source)
			return DM_INCOMPLETE;
		return e->tree->copy(e->tree_ctx, req, it->source, it->target);
	case DM_EXEC:
		return exec_item(e, u, req);
	case DM_GET:
		return u->atomic ? DM_FAILED : eng_results_begin(e, req, it->target);
	default:
		return DM_UNSUPPORTED;
	}
}

static int run_unit(struct dm_engine *e, struct eng_work *w, struct eng_unit *u)
{
	struct dm_req req;
	int r;

	if (!u->cmd->cmd_id)
		return DM_INCOMPLETE;
	switch (u->cmd->kind) {
	case DM_ADD:
	case DM_REPLACE:
	case DM_DELETE:
	case DM_COPY:
	case DM_EXEC:
	case DM_GET:
		req = eng_req(e, u->cmd);
		r = run_item(e, w, u, &req);
		if (r == DM_PENDING)
			e->token_waits = true;
		return r;
	case DM_ALERT:
		eng_large_check(e, u);
		r = eng_ui_run(e, u);
		if (r)
			return r;
		e->ui_waits = true;
		return DM_PENDING;
	case DM_SEQUENCE:
		return DM_OK;
	case DM_ATOMIC:
		return DM_FAILED; /* within another one */
	default:
		eng_large_check(e, u);
		return DM_UNSUPPORTED;
	}
}

/* Unit @at has its Status: what follows from it for others. */
static void unit_over(struct dm_engine *e, struct eng_work *w, uint32_t at)
{
	struct eng_unit *u = &w->units[at];

	w->run = at + 1;
	if (went_well(u->code)) {
		e->stats.commands += u->cmd->kind != DM_SEQUENCE;
		return;
	}
	e->stats.commands++;
	/* of what is refused as a whole nothing is run */
	skip(w, at + 1, u->end);
	if (u->atomic) {
		atomic_failed(e, w, at);
		return;
	}
	if (u->cmd->kind != DM_ALERT || (u->code != DM_NOT_MODIFIED && u->code != DM_CANCELLED))
		return;
	if (u->parent != ENG_NONE)
		skip(w, at + 1, w->units[u->parent].end);
}

static int finish(struct dm_engine *e, struct eng_work *w, int r)
{
	uint32_t at = w->run;
	struct eng_unit *u = &w->units[at];

	u->code = to_code(e, r);
	/* a person who cancels ends the whole package (10.1); what says no is one answer */
	if (u->cmd->kind == DM_ALERT && u->code == DM_CANCELLED)
		e->stopped = true;
	unit_over(e, w, at);
	return 0;
}

static bool changes(const struct dm_cmd *c)
{
	return c->kind == DM_ADD || c->kind == DM_REPLACE || c->kind == DM_DELETE ||
	       c->kind == DM_COPY || c->kind == DM_EXEC;
}

int eng_run_next(struct dm_engine *e, struct eng_work *w)
{
	struct eng_unit *u;
	int r;

	if (e->atomic != ENG_NONE && w->run == w->units[e->atomic].end)
		return atomic_end(e, w);
	u = &w->units[w->run];
	if (!u->code && e->stopped)
		u->code = DM_NOT_EXECUTED;
	if (u->code) {
		w->run++;
		return 0;
	}
	if (u->cmd->kind == DM_ATOMIC && !u->atomic && u->cmd->cmd_id) {
		eng_large_check(e, u);
		return atomic_begin(e, w);
	}
	if (e->atomic == ENG_NONE && changes(u->cmd)) {
		r = eng_level(e, true);
		if (r)
			return r;
	}
	r = run_unit(e, w, u);
	if (r != DM_PENDING)
		return finish(e, w, r);
	return -EINPROGRESS;
}

int eng_run_done(struct dm_engine *e, struct eng_work *w, int code)
{
	e->token_waits = false;
	e->ui_waits = false;
	if (e->committing) {
		atomic_committed(e, w, code);
		return 0;
	}
	return finish(e, w, code);
}

void eng_run_abandon(struct dm_engine *e, bool keep)
{
	struct dm_req req = {
		.server = e->server_id,
		.session = e->session_nr,
		.correlator = "",
	};
	int r = DM_OK;

	e->token_waits = false;
	e->ui_waits = false;
	eng_large_drop(e);
	eng_results_drop(e);
	/* what is being committed is not ours any more: it ends by itself */
	if (e->atomic != ENG_NONE && !e->committing)
		e->tree->rollback(e->tree_ctx);
	e->atomic = ENG_NONE;
	e->committing = false;
	if (!e->level)
		return;
	e->level = false;
	if (keep)
		r = e->tree->commit(e->tree_ctx, &req);
	else
		e->tree->rollback(e->tree_ctx);
	if (keep && r == DM_OK)
		return;
	dm_out_free(e->out);
	e->out = NULL;
}
