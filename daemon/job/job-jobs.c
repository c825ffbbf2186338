// SPDX-License-Identifier: Apache-2.0
/* The life of a job as front ends drive it. What runs it is in job-run.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job-store.h"

/* ---- preparing ---- */

struct create_args {
	const char *origin;
	int64_t slot;
	uint64_t id;
};

static int create_fn(struct job_store *s, void *arg)
{
	struct create_args *a = arg;
	sqlite3_stmt *st;
	int64_t n = 0, dup = 0;
	int r;

	r = job_db_query(
		&s->db, &st,
		"SELECT count(*), total(slot=?1 AND slot>=0) FROM jobs WHERE origin=?2", "it",
		a->slot, a->origin);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1) {
		n = sqlite3_column_int64(st, 0);
		dup = sqlite3_column_int64(st, 1);
	}
	job_db_done(st);
	if (r < 0)
		return r;
	if (dup)
		return -EEXIST;
	if (n >= s->opt.jobs_per_origin)
		return -EDQUOT;
	r = job_db_run(&s->db, "INSERT INTO jobs(origin,slot,created_ms) VALUES(?,?,?)", "tii",
		       a->origin, a->slot, (int64_t)job_now_ms());
	if (!r)
		a->id = (uint64_t)sqlite3_last_insert_rowid(s->db.sql);
	return r;
}

int job_say_db(struct job_error *err, int r)
{
	if (r == -ENOSPC)
		return job_fail(err, r, "disk-full",
				"the disk under the journal is full: make room and try again");
	if (r == -ENOENT)
		return job_fail(err, r, "no-such-job", "there is no such job");
	if (r < 0)
		return job_fail(err, r, "journal", "the journal cannot be written: %s",
				strerror(-r));
	return r;
}

int job_create(struct job_store *s, const char *origin, int64_t slot, uint64_t *id,
	       struct job_error *err)
{
	struct create_args a = {origin, slot, 0};
	int r;

	if (!*origin || strlen(origin) >= JOB_ORIGIN_MAX)
		return job_fail(err, -EINVAL, "bad-origin", "an origin has 1 to %d characters",
				JOB_ORIGIN_MAX - 1);
	r = job_write(s, false, create_fn, &a);
	if (r == -EEXIST)
		return job_fail(err, r, "exists", "%s has a job %" PRId64 " already", origin,
				slot);
	if (r == -EDQUOT)
		return job_fail(
			err, r, "too-many-jobs",
			"%s has %u jobs, as many as it may: acknowledge and delete some",
			origin, s->opt.jobs_per_origin);
	if (r)
		return job_say_db(err, r);
	*id = a.id;
	return 0;
}

int job_need_idle(struct job_store *s, uint64_t id, struct job_info *info,
		  struct job_error *err)
{
	int r;

	r = job_get(s, id, info);
	if (r)
		return job_say_db(err, r);
	if (info->state == JOB_QUEUED || info->state == JOB_RUNNING)
		return job_fail(err, -EBUSY, "not-idle",
				"job %s is %s: wait for its end or cancel", info->name,
				job_state_name(info->state));
	if (info->state != JOB_IDLE)
		return job_fail(err, -EBUSY, "not-idle",
				"job %s has ended (%s): acknowledge its result first",
				info->name, job_state_name(info->state));
	return 0;
}

struct set_args {
	uint64_t id;
	const struct job_params *p;
};

static int set_fn(struct job_store *s, void *arg)
{
	const struct set_args *a = arg;

	return job_db_run(&s->db,
			  "UPDATE jobs SET se=?,kind=?2,aid=CASE WHEN ?2=kind AND kind=1 THEN "
			  "aid ELSE ? END,keep=?,compact=?,token=?,deadline_s=?,keyset=?,"
			  "retry=? WHERE id=?",
			  "tibiiiitii", a->p->se, (int64_t)a->p->kind, (const void *)a->p->aid,
			  (size_t)a->p->aid_len, (int64_t)a->p->keep_channel,
			  (int64_t)a->p->compact, (int64_t)a->p->token,
			  (int64_t)a->p->deadline_s, a->p->keyset,
			  (int64_t)a->p->retry_authentication, (int64_t)a->id);
}

int job_set(struct job_store *s, uint64_t id, const struct job_params *p, struct job_error *err)
{
	struct set_args a = {id, p};
	struct job_info info;
	int r;

	if (p->aid_len > SE_AID_MAX || (p->aid_len && p->aid_len < SE_AID_MIN))
		return job_fail(
			err, -EINVAL, "bad-aid",
			"an AID has %d to %d bytes, or none for the default application; "
			"this one has %u",
			SE_AID_MIN, SE_AID_MAX, p->aid_len);
	if (p->kind == JOB_PLAN && (p->aid_len || p->compact || p->keep_channel))
		return job_fail(err, -EINVAL, "bad-params",
				"a plan names its security domain itself, and a secure channel "
				"is never left open");
	job_lock(s);
	r = job_need_idle(s, id, &info, err);
	if (!r)
		r = job_say_db(err, job_write(s, false, set_fn, &a));
	job_unlock(s);
	return r;
}

/* ---- running ---- */

static int ended(struct job_store *s, uint64_t id, struct job_info *info, struct job_error *err)
{
	int r;

	r = job_get(s, id, info);
	if (r)
		return job_say_db(err, r);
	if (info->state == JOB_QUEUED || info->state == JOB_RUNNING)
		return job_fail(err, -EBUSY, "not-ended",
				"job %s is %s: wait for its end or cancel it", info->name,
				job_state_name(info->state));
	return 0;
}

struct start_args {
	const struct job_info *info;
	enum job_mode mode;
	bool retry; /* authentication; see struct job_params */
};

static int start_fn(struct job_store *s, void *arg)
{
	const struct start_args *a = arg;
	const struct job_info *i = a->info;
	uint64_t now = job_now_ms();
	int r;

	r = job_grant_rate(s, i);
	if (r)
		return r;
	return job_db_run(&s->db,
			  "UPDATE jobs SET state=1,run=run+1,deadline_ms=?,executed=0,total=0,"
			  "code='',detail='',last_sw=0,interrupted=1,tail=0,result_len=0,"
			  "select_sw=0,select_rsp=x'',started_ms=0,ended_ms=0,chunk_n=0,"
			  "mode=?2,record=CASE WHEN ?2=0 THEN '' ELSE record END,result='',"
			  "retry=?,queued=(SELECT ifnull(max(queued),0)+1 FROM jobs) "
			  "WHERE id=?",
			  "iiii",
			  i->params.deadline_s
				  ? (int64_t)(now + (uint64_t)i->params.deadline_s * 1000U)
				  : (int64_t)0,
			  (int64_t)a->mode, (int64_t)a->retry, (int64_t)i->id);
}

/* Lock held; what the job's state has to be was looked at. */
static int start(struct job_store *s, struct job_info *info, enum job_mode mode, bool retry,
		 struct job_error *err)
{
	struct start_args a = {info, mode, retry};
	struct worker *w;
	int r;

	if (!info->script_len)
		return job_fail(err, -EINVAL, "no-script", "no %s was written to job %s",
				job_kind_name(info->params.kind), info->name);
	w = job_worker_find(s, info->params.se);
	if (!w)
		return job_fail(err, -ENODEV, "no-such-se", "there is no SE '%s' here",
				info->params.se);
	r = job_grant(s, info, NULL, err);
	if (r)
		return r;
	r = job_db_reserve(&s->db);
	if (r)
		return job_fail(
			err, -ENOSPC, "disk-full",
			"the disk under %s is full: nothing was sent; make room and run again",
			s->opt.dir);
	r = job_write(s, false, start_fn, &a);
	if (r == -EAGAIN)
		return job_fail(err, -EACCES, "rate",
				"%s has begun as many jobs in the last hour as its policy "
				"allows: wait",
				info->origin);
	if (r)
		return job_say_db(err, r);
	job_cache_drop(s, info->id);
	job_changed(s, info->id);
	pthread_cond_signal(&w->wake);
	return 0;
}

int job_run(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct job_info info;
	int r;

	job_lock(s);
	r = job_need_idle(s, id, &info, err);
	if (!r)
		r = start(s, &info, JOB_FORWARD, info.params.retry_authentication, err);
	job_unlock(s);
	return r;
}

static int run_again(struct job_store *s, uint64_t id, enum job_mode mode, bool retry,
		     struct job_error *err)
{
	struct job_info info;
	int r;

	job_lock(s);
	r = ended(s, id, &info, err);
	if (r)
		goto out;
	if (info.params.kind != JOB_PLAN)
		r = job_fail(err, -EINVAL, "not-a-plan",
			     "job %s is a script: only plans can be resumed or rolled back",
			     info.name);
	else if (mode == JOB_RESUME && info.state == JOB_DONE && info.mode != JOB_ROLLBACK)
		r = job_fail(err, -EALREADY, "already-done",
			     "job %s has been done: there is nothing to resume", info.name);
	else if (info.state == JOB_IDLE || (mode == JOB_ROLLBACK && !info.resumable))
		r = job_fail(err, -EALREADY, "nothing-done",
			     "job %s has changed nothing in the card", info.name);
	else /* without a record it did not get as far as to have anything to go by */
		r = start(s, &info, info.resumable ? mode : JOB_FORWARD, retry, err);
out:
	job_unlock(s);
	return r;
}

int job_resume(struct job_store *s, uint64_t id, bool retry_authentication,
	       struct job_error *err)
{
	return run_again(s, id, JOB_RESUME, retry_authentication, err);
}

int job_rollback(struct job_store *s, uint64_t id, bool retry_authentication,
		 struct job_error *err)
{
	return run_again(s, id, JOB_ROLLBACK, retry_authentication, err);
}

/* Its worker has it in hand; queued is what it is called until that is journalled. */
static bool taken(struct job_store *s, const struct job_info *info)
{
	const struct worker *w = job_worker_find(s, info->params.se);

	return info->state == JOB_QUEUED && w && w->running == info->id;
}

int job_cancel(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct job_end end = {.id = id, .state = JOB_CANCELLED};
	struct job_info info;
	struct worker *w;
	int r;

	job_lock(s);
	r = job_get(s, id, &info);
	if (r) {
		r = job_say_db(err, r);
	} else if (info.state == JOB_RUNNING || taken(s, &info)) {
		w = job_worker_find(s, info.params.se);
		if (w && w->running == id) {
			atomic_store(&w->cancel, true);
			job_nudge(w);
		}
	} else if (info.state == JOB_QUEUED) {
		snprintf(end.code, sizeof(end.code), "cancelled");
		snprintf(end.detail, sizeof(end.detail),
			 "cancelled before it started; nothing was sent");
		end.interrupted = SE_OUTCOME_NOT_SENT;
		r = job_say_db(err, job_write(s, true, job_write_end, &end));
		if (!r)
			job_changed(s, id);
	} else {
		r = job_fail(err, -EALREADY, "not-running", "job %s is %s: nothing to cancel",
			     info.name, job_state_name(info.state));
	}
	job_unlock(s);
	return r;
}

/* ---- forgetting ---- */

static int forget(struct job_store *s, uint64_t id)
{
	int r;

	r = job_drop_script(s, id);
	if (!r)
		r = job_db_run(&s->db, "DELETE FROM apdus WHERE job=?", "i", (int64_t)id);
	return r;
}

static int ack_fn(struct job_store *s, void *arg)
{
	const uint64_t *id = arg;
	int r;

	r = forget(s, *id);
	if (r)
		return r;
	return job_db_run(&s->db,
			  "UPDATE jobs SET state=0,script='',script_len=0,executed=0,total=0,"
			  "code='',detail='',last_sw=0,interrupted=1,tail=0,result_len=0,"
			  "select_sw=0,select_rsp=x'',started_ms=0,ended_ms=0,mode=0,"
			  "record='',result='' WHERE id=?",
			  "i", (int64_t)*id);
}

static int delete_fn(struct job_store *s, void *arg)
{
	const struct job_info *i = arg;
	int r;

	r = forget(s, i->id);
	/* A job without a slot may be one of several in a dialogue. */
	if (!r && i->slot >= 0)
		r = job_db_run(&s->db, "DELETE FROM kept WHERE origin=? AND token=?", "ti",
			       i->origin, (int64_t)i->params.token);
	if (!r)
		r = job_db_run(&s->db, "DELETE FROM jobs WHERE id=?", "i", (int64_t)i->id);
	return r;
}

int job_ack(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct job_info info;
	int r;

	job_lock(s);
	r = ended(s, id, &info, err);
	if (!r) {
		job_staging_drop(s, id, true);
		r = job_say_db(err, job_write(s, true, ack_fn, &id));
	}
	if (!r) {
		job_cache_drop(s, id);
		job_changed(s, id);
	}
	job_unlock(s);
	return r;
}

int job_delete(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct job_info info;
	struct worker *w;
	struct kept *k;
	int r;

	job_lock(s);
	r = ended(s, id, &info, err);
	if (!r) {
		job_staging_drop(s, id, true);
		r = job_say_db(err, job_write(s, true, delete_fn, &info));
	}
	if (!r) {
		for (w = s->workers; info.slot >= 0 && w; w = w->next) {
			for (k = w->kept; k; k = k->next)
				if (k->token == info.params.token &&
				    !strcmp(k->origin, info.origin))
					k->drop = true;
			pthread_cond_signal(&w->wake);
		}
		job_cache_drop(s, id);
		job_changed(s, id);
	}
	job_unlock(s);
	return r;
}
