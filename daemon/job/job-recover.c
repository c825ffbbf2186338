// SPDX-License-Identifier: Apache-2.0
/*
 * Closing the books of a predecessor that was killed, or of a worker that had to
 * end while the disk took no more. For each job that is still called running: the
 * journal has the chunks that were over; the chunk that was out is in the run
 * file, if this is still the same boot. Nothing is run again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gp/source.h"
#include "job/job-store.h"

struct left {
	uint64_t id;
	uint32_t run, first, n, half, total;
	char se[JOB_SE_MAX];
	enum job_kind kind;
};

/* One job that is still marked running, on @se or on any, or 0. */
static int next_left(struct job_store *s, const char *se, struct left *l)
{
	sqlite3_stmt *st;
	int r;

	r = job_db_query(&s->db, &st,
			 "SELECT id,run,chunk_first,chunk_n,half,total,se,kind FROM jobs"
			 " WHERE state=2 AND (?1='' OR se=?1) ORDER BY id LIMIT 1",
			 "t", se);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1) {
		l->id = (uint64_t)sqlite3_column_int64(st, 0);
		l->run = (uint32_t)sqlite3_column_int64(st, 1);
		l->first = (uint32_t)sqlite3_column_int64(st, 2);
		l->n = (uint32_t)sqlite3_column_int64(st, 3);
		l->half = (uint32_t)sqlite3_column_int64(st, 4);
		l->total = (uint32_t)sqlite3_column_int64(st, 5);
		snprintf(l->se, sizeof(l->se), "%s", (const char *)sqlite3_column_text(st, 6));
		l->kind = (enum job_kind)sqlite3_column_int(st, 7);
	}
	job_db_done(st);
	return r;
}

static const struct runfile_half *find_half(const struct runfile *rf, const struct left *l)
{
	const struct runfile_half *h;

	if (!rf->map || !l->n || l->half > 1)
		return NULL;
	h = &rf->map->half[l->half];
	if (h->job != l->id || h->run != l->run || h->first != l->first || h->n != l->n)
		return NULL;
	return h;
}

/* What the rows say together, once the run file's half is in them. */
static int judge(struct job_store *s, const struct left *l, const char *who,
		 struct job_end *end, uint32_t *ran)
{
	uint32_t executed = 0, unknown = 0, first = UINT32_MAX, idx;
	sqlite3_stmt *st;
	uint16_t outcome;
	int r;

	end->interrupted = SE_OUTCOME_NOT_SENT;
	r = job_db_query(&s->db, &st, "SELECT idx,outcome FROM apdus WHERE job=? ORDER BY idx",
			 "i", (int64_t)l->id);
	if (r)
		return r;
	while ((r = job_db_step(&s->db, st)) == 1) {
		idx = (uint32_t)sqlite3_column_int64(st, 0);
		outcome = (uint16_t)sqlite3_column_int(st, 1);
		executed += outcome == SE_OUTCOME_EXECUTED;
		unknown += outcome == SE_OUTCOME_UNKNOWN;
		if (outcome != SE_OUTCOME_EXECUTED && first == UINT32_MAX) {
			first = idx;
			end->interrupted = outcome;
		}
	}
	job_db_done(st);
	if (r)
		return r;
	*ran = executed;
	end->state = unknown ? JOB_UNKNOWN : JOB_FAILED;
	snprintf(end->code, sizeof(end->code), "interrupted");
	if (unknown)
		snprintf(end->detail, sizeof(end->detail),
			 "%s ended unexpectedly: %" PRIu32 " of %" PRIu32
			 " APDUs ran; of %" PRIu32 " from APDU %" PRIu32
			 " on it is not known; ask the card before you repeat them",
			 who, executed, l->total, unknown, first + 1);
	else
		snprintf(end->detail, sizeof(end->detail),
			 "%s ended unexpectedly: %" PRIu32 " of %" PRIu32
			 " APDUs ran; the rest was not sent",
			 who, executed, l->total);
	return 0;
}

struct recover_args {
	const struct left *l;
	const char *who; /* ended */
	const struct runfile_half *half;
};

/* Of a plan the record says how far it came. */
static int add_result(struct job_store *s, const struct left *l, struct job_end *end,
		      uint32_t executed)
{
	char file[JOB_SCRIPT_NAME] = "", *record = NULL;
	enum job_mode mode = JOB_FORWARD;
	struct gp_source text;
	uint64_t len = 0;
	sqlite3_stmt *st;
	int r, fd;

	r = job_db_query(&s->db, &st,
			 "SELECT script,script_len,record,mode FROM jobs WHERE id=?", "i",
			 (int64_t)l->id);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1) {
		snprintf(file, sizeof(file), "%s", (const char *)sqlite3_column_text(st, 0));
		len = (uint64_t)sqlite3_column_int64(st, 1);
		record = strdup((const char *)sqlite3_column_text(st, 2));
		mode = (enum job_mode)sqlite3_column_int(st, 3);
	}
	job_db_done(st);
	if (r != 1)
		return r;
	/* the result is the poorer without */
	fd = job_text_open(s, file, len);
	text = gp_source_file(fd, len);
	r = job_plan_result(fd < 0 ? NULL : &text, record, end, mode, executed, &end->result);
	if (fd >= 0)
		close(fd);
	free(record);
	return r;
}

static int recover_fn(struct job_store *s, void *arg)
{
	const struct recover_args *a = arg;
	struct job_end end = {
		.id = a->l->id,
		.kind = a->l->kind,
		.kept = a->l->kind == JOB_PLAN ? KEPT_LEAVE : KEPT_CLEAR,
	};
	uint32_t executed = 0;
	int r = 0;

	if (a->half)
		r = job_write_apdus(s, a->half, a->l->kind);
	if (!r)
		r = judge(s, a->l, a->who, &end, &executed);
	if (!r && a->l->kind == JOB_PLAN)
		r = add_result(s, a->l, &end, executed);
	if (!r)
		r = job_write_end(s, &end);
	sd_json_variant_unref(end.result);
	return r;
}

static int recover_one(struct job_store *s, const struct left *l, const char *who)
{
	struct recover_args a = {.l = l, .who = who};
	struct runfile rf = {NULL};
	int r;

	/* Without it the rows stay as they were written before: UNKNOWN. */
	r = l->n ? job_runfile_open(&rf, s->run_fd, l->se, false) : 0;
	if (!r)
		a.half = find_half(&rf, l);
	r = job_write(s, true, recover_fn, &a);
	if (r == -EBADMSG) {
		/* A damaged run file is as good as none. */
		a.half = NULL;
		r = job_write(s, true, recover_fn, &a);
	}
	job_runfile_close(&rf);
	return r;
}

int job_recover(struct job_store *s, const char *se)
{
	struct left l;
	int r;

	while ((r = next_left(s, se ? se : "", &l)) == 1) {
		r = recover_one(s, &l, se ? se : "the daemon");
		if (r)
			break;
		job_changed(s, l.id);
	}
	return r;
}
