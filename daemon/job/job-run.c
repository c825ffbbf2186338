// SPDX-License-Identifier: Apache-2.0
/*
 * One run of one job, whatever makes its APDUs: check it, open the channel, then
 * chunk by chunk journal "this leaves now", submit, journal what came.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/job-run.h"

void run_finish(struct run *r, enum job_state state, uint16_t interrupted, const char *code,
		const char *fmt, ...)
{
	va_list ap;

	r->end.state = state;
	r->end.interrupted = interrupted;
	snprintf(r->end.code, sizeof(r->end.code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(r->end.detail, sizeof(r->end.detail), fmt, ap);
	va_end(ap);
}

/* ---- what was staged ---- */

static int open_text(struct run *r)
{
	char file[JOB_SCRIPT_NAME] = "";
	sqlite3_stmt *st;
	int n;

	job_lock(r->s);
	n = job_db_query(&r->s->db, &st, "SELECT script FROM jobs WHERE id=?", "i",
			 (int64_t)r->info.id);
	if (!n) {
		n = job_db_step(&r->s->db, st);
		if (n == 1)
			snprintf(file, sizeof(file), "%s",
				 (const char *)sqlite3_column_text(st, 0));
		job_db_done(st);
	}
	job_unlock(r->s);
	if (n < 0)
		return n;
	r->text_len = r->info.script_len;
	r->text_fd = job_text_open(r->s, file, r->text_len);
	return r->text_fd < 0 ? r->text_fd : 0;
}

/* The policy may have changed since the job was queued. */
static int grant(struct run *r)
{
	struct job_error e;
	int n;

	n = job_grant(r->s, &r->info, &r->policy, &e);
	if (n)
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, e.code, "%s; nothing was sent",
			   e.detail);
	return n;
}

/* Nothing leaves from here on that has not been looked at. */
static int begin(struct run *r)
{
	int n;

	n = open_text(r);
	if (n) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "script-lost",
			   "the staged script cannot be read (%s): write it again",
			   strerror(-n));
		return n;
	}
	return r->source->begin(r);
}

/* ---- chunks ---- */

int run_add(struct run *r, struct runfile_half *h, const uint8_t *cmd, size_t len,
	    const uint8_t *head, size_t room, const struct se_sw_match expect[SE_SW_MATCHES])
{
	uint8_t *copy = r->cmds + r->cmds_len;
	int n;

	if (h->n >= r->s->opt.chunk || len > RUN_COMMANDS_MAX - r->cmds_len)
		return -ENOSPC;
	memcpy(copy, cmd, len);
	n = job_runfile_add(h, copy, len, room, expect);
	if (n)
		return n;
	memcpy(r->heads[h->n - 1], head ? head : cmd, 4);
	r->cmds_len += len;
	return 0;
}

struct start_args {
	struct run *r;
	const struct runfile_half *now;
};

/* Results of the chunk before and the start of this one: one transaction. */
static int write_start(struct job_store *s, void *arg)
{
	const struct start_args *a = arg;
	const struct runfile_half *h = a->now;
	uint32_t i;
	int r = 0;

	if (a->r->open)
		r = job_write_apdus(s, a->r->open, a->r->info.params.kind);
	if (!r && a->r->record)
		r = job_write_record(s, h->job, a->r->record);
	for (i = 0; !r && i < h->n; i++)
		r = job_db_run(
			&s->db,
			"INSERT INTO apdus(job,idx,head,cmd_len,rsp,rsp_len,sw,outcome,wtx,"
			"wire_ns,total_ns) VALUES(?,?,?,?,x'',0,0,?,0,0,0)",
			"iibii", (int64_t)h->job, (int64_t)h->first + i,
			(const void *)a->r->heads[i], (size_t)4, (int64_t)h->apdus[i].cmd_len,
			(int64_t)SE_OUTCOME_UNKNOWN);
	if (r)
		return r;
	return job_db_run(&s->db,
			  "UPDATE jobs SET chunk_first=?,chunk_n=?,half=?,total=? WHERE id=?",
			  "iiiii", (int64_t)h->first, (int64_t)h->n, (int64_t)a->r->half,
			  (int64_t)a->r->info.total, (int64_t)h->job);
}

static bool stopped(struct run *r)
{
	bool stop, gone;

	job_lock(r->s);
	stop = r->w->stop;
	gone = r->w->gone;
	job_unlock(r->s);
	if (gone)
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "se-gone",
			   "%s went away after %" PRIu32 " of %" PRIu32
			   " APDUs; the rest was not sent",
			   r->w->name, r->executed, r->info.total);
	else if (stop)
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "interrupted",
			   "the daemon was stopped after %" PRIu32 " of %" PRIu32
			   " APDUs; the rest was not sent",
			   r->executed, r->info.total);
	else if (atomic_load(&r->w->cancel))
		run_finish(r, JOB_CANCELLED, SE_OUTCOME_NOT_SENT, "cancelled",
			   "cancelled after %" PRIu32 " of %" PRIu32
			   " APDUs; the rest was not sent",
			   r->executed, r->info.total);
	else if (r->deadline_ns && job_mono_ns() >= r->deadline_ns)
		run_finish(r, JOB_EXPIRED, SE_OUTCOME_NOT_SENT, "deadline",
			   "the deadline of %" PRIu32 " s passed after %" PRIu32 " of %" PRIu32
			   " APDUs; the rest was not sent",
			   r->info.params.deadline_s, r->executed, r->info.total);
	else
		return false;
	return true;
}

struct stop_word {
	const char *code;
	const char *words;
};

static const struct stop_word stop_words[] = {
	[SE_STOP_ROOM] = {"response-cut", "its response was longer than its Le allows"},
	[SE_STOP_DEADLINE] = {"deadline", "the deadline passed"},
	[SE_STOP_SIGNAL] = {"interrupted", "the daemon was interrupted"},
	[SE_STOP_GENERATION] = {"generation", "the SE was reset, the channel is gone"},
	[SE_STOP_LINK] = {"link-error", "the link to the SE failed"},
	[SE_STOP_GONE] = {"se-gone", "the SE went away"},
	[SE_STOP_FAULT] = {"internal", "a buffer was refused"},
	[SE_STOP_REFUSED] = {"script-refused", "the driver refuses this command"},
	[SE_STOP_CANCELLED] = {"cancelled", "it was cancelled"},
	[SE_STOP_LOCK] = {"lock-lost", "the SE is not ours alone any more"},
};

/* What the end of a stream that did not run through means for the job. */
static void judge_stop(struct run *r, const struct runfile_half *h, uint32_t stop, int error)
{
	const char *code = "link-error", *words = strerror(-error);
	uint16_t outcome = SE_OUTCOME_NOT_SENT;
	enum job_state state = JOB_FAILED;
	uint32_t i, at = 0;

	for (i = 0; i < h->n && h->apdus[i].outcome == SE_OUTCOME_EXECUTED; i++)
		at = i;
	if (stop != SE_STOP_ROOM && i < h->n) {
		at = i;
		outcome = h->apdus[i].outcome;
	} else if (stop == SE_STOP_ROOM) {
		outcome = SE_OUTCOME_EXECUTED;
	}
	if (stop < sizeof(stop_words) / sizeof(stop_words[0]) && stop_words[stop].code) {
		code = stop_words[stop].code;
		words = stop_words[stop].words;
	}
	if (stop == SE_STOP_GENERATION && r->chan_old)
		code = "channel-lost";
	if (outcome == SE_OUTCOME_UNKNOWN)
		state = JOB_UNKNOWN;
	else if (stop == SE_STOP_DEADLINE)
		state = JOB_EXPIRED;
	run_finish(r, state, outcome, code,
		   "APDU %" PRIu32 " of %" PRIu32 ": %s; this APDU: %s; %s", h->first + at + 1,
		   r->info.total, words,
		   outcome == SE_OUTCOME_UNKNOWN    ? "it is not known whether it ran"
		   : outcome == SE_OUTCOME_EXECUTED ? "it ran"
						    : "not sent",
		   outcome == SE_OUTCOME_UNKNOWN ? "ask the card before you repeat it"
						 : "the rest was not sent");
	if (stop != SE_STOP_ROOM)
		r->end.kept = KEPT_CLEAR;
}

/* Submit one journalled chunk. Returns true if the job may go on. */
static bool submit(struct run *r, struct runfile_half *h)
{
	struct se_stream st = {
		.flags = SE_STREAM_SETTLE | SE_STREAM_CHECK_GENERATION,
		.deadline_ns = r->deadline_ns,
		.generation = r->chan->generation,
		.cookie = r->info.id,
	};
	bool broken, go_on;
	uint32_t i, done = 0;
	int n;

	st.apdus_ptr = (uintptr_t)h->apdus;
	st.nr = h->n;
	st.apdu_size = sizeof(h->apdus[0]);
	n = job_submit(r->w, r->chan->se, h->apdus, h->n, &st);
	r->open = h;
	for (i = 0; i < h->n; i++) {
		if (h->apdus[i].outcome == SE_OUTCOME_EXECUTED) {
			done++;
			r->executed++;
			r->rsp_bytes += h->apdus[i].rsp_len + 8U;
		}
	}
	broken = n || (st.stop != SE_STOP_END && st.stop != SE_STOP_SW);
	/* Asked to stop, and between two APDUs: as if between two chunks. */
	if (broken && !(n == -EINTR && done < h->n &&
			h->apdus[done].outcome == SE_OUTCOME_NOT_SENT && stopped(r)))
		judge_stop(r, h, st.stop, n);
	go_on = r->source->took(r, h, st.stop, broken);
	r->next += h->n;
	return go_on && !broken;
}

/* The next chunk, with a fresh channel before it if that is wanted. False: the end. */
static bool next_chunk(struct run *r, struct runfile_half *h)
{
	int n;

	do {
		job_runfile_begin(h, r->info.id, r->info.run, r->next);
		r->cmds_len = 0;
		n = r->source->fill(r, h);
		if (n < 0 || (!n && !h->n) || stopped(r))
			return false;
	} while (n == RUN_OPEN && !run_channel_open(r));
	return !n;
}

static void run_chunks(struct run *r)
{
	struct runfile_half *h;
	struct start_args a;
	int n;

	for (;;) {
		/* a handshake need not wait for the end of a long job */
		job_lock(r->s);
		while (job_exchange_serve(r->w))
			;
		job_unlock(r->s);
		r->half ^= 1;
		h = &r->w->rf.map->half[r->half];
		if (!next_chunk(r, h))
			return;
		a = (struct start_args){r, h};
		n = job_write(r->s, false, write_start, &a);
		if (n) {
			run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT,
				   n == -ENOSPC ? "disk-full" : "journal",
				   "the journal cannot be written (%s) after %" PRIu32
				   " of %" PRIu32 " APDUs; the rest was not sent",
				   strerror(-n), r->executed, r->info.total);
			return;
		}
		if (r->open)
			job_runfile_wipe(r->open);
		r->open = NULL;
		r->record = NULL;
		job_lock(r->s);
		job_changed(r->s, r->info.id);
		job_unlock(r->s);
		if (!submit(r, h))
			return;
	}
}

/* ---- begin and end ---- */

static int write_running(struct job_store *s, void *arg)
{
	const uint64_t *id = arg;
	int r;

	/* Rows of an earlier run that was never acknowledged cannot be: see job_run(). */
	r = job_db_run(&s->db, "DELETE FROM apdus WHERE job=?", "i", (int64_t)*id);
	if (r)
		return r;
	return job_db_run(&s->db, "UPDATE jobs SET state=2,started_ms=? WHERE id=?", "ii",
			  (int64_t)job_now_ms(), (int64_t)*id);
}

static uint64_t get_deadline(struct run *r)
{
	uint64_t now = job_now_ms(), at = 0, left;
	sqlite3_stmt *st;

	if (!r->info.params.deadline_s)
		return 0;
	job_lock(r->s);
	if (!job_db_query(&r->s->db, &st, "SELECT deadline_ms FROM jobs WHERE id=?", "i",
			  (int64_t)r->info.id)) {
		if (job_db_step(&r->s->db, st) == 1)
			at = (uint64_t)sqlite3_column_int64(st, 0);
		job_db_done(st);
	}
	job_unlock(r->s);
	/*
	 * Kept by the wall clock because it must outlive a reboot; a clock that
	 * was set back must not make it later than it was asked for.
	 */
	left = at > now ? at - now : 0;
	if (left > (uint64_t)r->info.params.deadline_s * 1000U)
		left = (uint64_t)r->info.params.deadline_s * 1000U;
	return job_mono_ns() + left * 1000000U + 1;
}

/*
 * The end must get into the journal. Even without the reserve the truth is not
 * lost: it stays in the run file, and here we stay until it can be written or
 * the daemon is stopped; then the successor reads it there.
 */
static void write_end(struct run *r)
{
	const struct timespec nap = {0, 200000000};
	bool stop = false;

	while (job_write(r->s, true, job_write_end, &r->end) && !stop) {
		nanosleep(&nap, NULL);
		job_lock(r->s);
		stop = r->w->stop;
		job_unlock(r->s);
	}
}

static void free_run(struct run *r)
{
	r->source->free(r);
	sd_json_variant_unref(r->end.result);
	if (r->text_fd >= 0)
		close(r->text_fd);
	if (r->cmds)
		explicit_bzero(r->cmds, RUN_COMMANDS_MAX);
	free(r->cmds);
	free(r->policy);
	free(r);
}

void job_run_one(struct worker *w, uint64_t id)
{
	struct run *r;

	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->w = w;
	r->s = w->s;
	r->text_fd = -1;
	r->end.id = id;
	r->source = &job_source_script;
	if (job_get(w->s, id, &r->info)) {
		free_run(r);
		return;
	}
	if (r->info.params.kind == JOB_PLAN)
		r->source = &job_source_plan;
	r->cmds = malloc(RUN_COMMANDS_MAX);
	r->deadline_ns = get_deadline(r);
	if (!r->cmds || job_write(w->s, false, write_running, &id))
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "disk-full",
			   "the journal cannot be written; nothing was sent");
	else if (!stopped(r) && !grant(r) && !begin(r) &&
		 (r->source->opened || !run_channel_get(r)))
		run_chunks(r);
	if (r->source->end)
		r->source->end(r);
	if (!strcmp(r->end.code, "channel-lost"))
		r->end.kept = KEPT_CLEAR;
	r->end.half = r->open;
	r->end.kind = r->info.params.kind;
	r->end.record = r->record;
	run_channel_settle(r);
	write_end(r);
	if (r->open)
		job_runfile_wipe(r->open);
	run_channel_release(r);
	job_lock(w->s);
	job_cache_drop(w->s, id);
	job_changed(w->s, id);
	job_unlock(w->s);
	free_run(r);
}
