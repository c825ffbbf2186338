// SPDX-License-Identifier: Apache-2.0
/* The life of a job as front ends drive it. What runs it is in job-run.c. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job-store.h"

/* ---- reading ---- */

#define COLUMNS                                                                              \
	"id,run,origin,slot,state,se,aid,keep,compact,token,deadline_s,script_len,executed," \
	"total,code,detail,last_sw,interrupted,result_len,select_sw,select_rsp,generation,"  \
	"created_ms,started_ms,ended_ms"

static void copy_text(char *out, size_t room, sqlite3_stmt *st, int col)
{
	const char *text = (const char *)sqlite3_column_text(st, col);

	snprintf(out, room, "%s", text ? text : "");
}

static size_t copy_blob(void *out, size_t room, sqlite3_stmt *st, int col)
{
	size_t len = (size_t)sqlite3_column_bytes(st, col);

	if (len > room)
		len = room;
	if (len)
		memcpy(out, sqlite3_column_blob(st, col), len);
	return len;
}

static void take_row(struct job_info *i, sqlite3_stmt *st)
{
	struct job_params *p = &i->params;

	memset(i, 0, sizeof(*i));
	i->id = (uint64_t)sqlite3_column_int64(st, 0);
	i->run = (uint32_t)sqlite3_column_int64(st, 1);
	snprintf(i->name, sizeof(i->name), "%" PRIu64 "-%" PRIu32, i->id, i->run);
	copy_text(i->origin, sizeof(i->origin), st, 2);
	i->slot = sqlite3_column_int64(st, 3);
	i->state = (enum job_state)sqlite3_column_int(st, 4);
	copy_text(p->se, sizeof(p->se), st, 5);
	p->aid_len = (uint8_t)copy_blob(p->aid, sizeof(p->aid), st, 6);
	p->keep_channel = sqlite3_column_int(st, 7);
	p->compact = sqlite3_column_int(st, 8);
	p->token = (uint32_t)sqlite3_column_int64(st, 9);
	p->deadline_s = (uint32_t)sqlite3_column_int64(st, 10);
	i->script_len = (uint64_t)sqlite3_column_int64(st, 11);
	i->executed = (uint32_t)sqlite3_column_int64(st, 12);
	i->total = (uint32_t)sqlite3_column_int64(st, 13);
	copy_text(i->code, sizeof(i->code), st, 14);
	copy_text(i->detail, sizeof(i->detail), st, 15);
	i->last_sw = (uint16_t)sqlite3_column_int(st, 16);
	i->interrupted = (uint16_t)sqlite3_column_int(st, 17);
	i->result_len = (uint64_t)sqlite3_column_int64(st, 18);
	i->select_sw = (uint16_t)sqlite3_column_int(st, 19);
	i->select_rsp_len = (uint16_t)copy_blob(i->select_rsp, sizeof(i->select_rsp), st, 20);
	i->generation = (uint64_t)sqlite3_column_int64(st, 21);
	i->created_ms = (uint64_t)sqlite3_column_int64(st, 22);
	i->started_ms = (uint64_t)sqlite3_column_int64(st, 23);
	i->ended_ms = (uint64_t)sqlite3_column_int64(st, 24);
}

static int one_row(struct job_store *s, sqlite3_stmt *st, struct job_info *info)
{
	int r;

	r = job_db_step(&s->db, st);
	if (r == 1)
		take_row(info, st);
	job_db_done(st);
	if (r < 0)
		return r;
	return r ? 0 : -ENOENT;
}

int job_get(struct job_store *s, uint64_t id, struct job_info *info)
{
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st, "SELECT " COLUMNS " FROM jobs WHERE id=?", "i",
			 (int64_t)id);
	if (!r)
		r = one_row(s, st, info);
	job_unlock(s);
	return r;
}

int job_find(struct job_store *s, const char *origin, int64_t slot, struct job_info *info)
{
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st, "SELECT " COLUMNS " FROM jobs WHERE origin=? AND slot=?",
			 "ti", origin, slot);
	if (!r)
		r = one_row(s, st, info);
	job_unlock(s);
	return r;
}

/* Ids first, then one job at a time: @fn may call anything. */
int job_list(struct job_store *s, const char *origin,
	     int (*fn)(void *userdata, const struct job_info *info), void *userdata)
{
	struct job_info info;
	size_t n = 0, room = 0, i;
	uint64_t *ids = NULL, *p;
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st,
			 "SELECT id FROM jobs WHERE ?1='' OR origin=?1 ORDER BY id", "t",
			 origin ? origin : "");
	if (!r) {
		while ((r = job_db_step(&s->db, st)) == 1) {
			if (n == room) {
				room = room ? 2 * room : 32;
				p = reallocarray(ids, room, sizeof(*ids));
				if (!p) {
					r = -ENOMEM;
					break;
				}
				ids = p;
			}
			ids[n++] = (uint64_t)sqlite3_column_int64(st, 0);
		}
		job_db_done(st);
	}
	job_unlock(s);
	for (i = 0; !r && i < n; i++) {
		r = job_get(s, ids[i], &info);
		if (r == -ENOENT)
			r = 0; /* deleted meanwhile */
		else if (!r)
			r = fn(userdata, &info);
	}
	free(ids);
	return r;
}

int job_apdus(struct job_store *s, uint64_t id,
	      int (*fn)(void *userdata, const struct job_apdu *apdu), void *userdata)
{
	struct job_apdu a;
	sqlite3_stmt *st;
	int64_t next = 0;
	int r;

	/* Row by row, so that @fn runs without the lock. */
	for (;;) {
		job_lock(s);
		r = job_db_query(&s->db, &st,
				 "SELECT idx,head,cmd_len,rsp_len,sw,outcome,wtx,wire_ns,"
				 "total_ns FROM apdus WHERE job=? AND idx>=? ORDER BY idx "
				 "LIMIT 1",
				 "ii", (int64_t)id, next);
		if (!r) {
			r = job_db_step(&s->db, st);
			if (r == 1) {
				memset(&a, 0, sizeof(a));
				a.index = (uint32_t)sqlite3_column_int64(st, 0);
				copy_blob(a.header, sizeof(a.header), st, 1);
				a.cmd_len = (uint32_t)sqlite3_column_int64(st, 2);
				a.rsp_len = (uint32_t)sqlite3_column_int64(st, 3);
				a.sw = (uint16_t)sqlite3_column_int(st, 4);
				a.outcome = (uint16_t)sqlite3_column_int(st, 5);
				a.wtx = (uint32_t)sqlite3_column_int64(st, 6);
				a.wire_ns = (uint64_t)sqlite3_column_int64(st, 7);
				a.total_ns = (uint64_t)sqlite3_column_int64(st, 8);
			}
			job_db_done(st);
		}
		job_unlock(s);
		if (r != 1)
			return r;
		next = (int64_t)a.index + 1;
		r = fn(userdata, &a);
		if (r)
			return r;
	}
}

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

static int say_db(struct job_error *err, int r)
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
		return say_db(err, r);
	*id = a.id;
	return 0;
}

static int need_idle(struct job_store *s, uint64_t id, struct job_info *info,
		     struct job_error *err)
{
	int r;

	r = job_get(s, id, info);
	if (r)
		return say_db(err, r);
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
			  "UPDATE jobs SET se=?,aid=?,keep=?,compact=?,token=?,deadline_s=?"
			  " WHERE id=?",
			  "tbiiiii", a->p->se, (const void *)a->p->aid, (size_t)a->p->aid_len,
			  (int64_t)a->p->keep_channel, (int64_t)a->p->compact,
			  (int64_t)a->p->token, (int64_t)a->p->deadline_s, (int64_t)a->id);
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
	job_lock(s);
	r = need_idle(s, id, &info, err);
	if (!r)
		r = say_db(err, job_write(s, false, set_fn, &a));
	job_unlock(s);
	return r;
}

/* ---- the script ---- */

static struct staging *staging_find(struct job_store *s, uint64_t id)
{
	struct staging *g;

	for (g = s->staging; g; g = g->next)
		if (g->id == id)
			return g;
	return NULL;
}

static void staging_drop(struct job_store *s, uint64_t id, bool remove)
{
	struct staging **p, *g;

	for (p = &s->staging; (g = *p); p = &g->next) {
		if (g->id == id) {
			*p = g->next;
			if (remove)
				unlinkat(s->dir_fd, g->file, 0);
			free(g);
			return;
		}
	}
}

static struct staging *staging_new(struct job_store *s, uint64_t id)
{
	struct staging *g;
	int fd;

	staging_drop(s, id, true);
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->id = id;
	snprintf(g->file, sizeof(g->file), "script-%" PRIu64 "-%08" PRIx32, id,
		 (uint32_t)s->nonce++);
	fd = openat(s->dir_fd, g->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		free(g);
		return NULL;
	}
	close(fd);
	g->next = s->staging;
	s->staging = g;
	return g;
}

static int append(struct job_store *s, struct staging *g, const uint8_t *data, size_t len)
{
	size_t done = 0;
	ssize_t n;
	int fd, r;

	fd = openat(s->dir_fd, g->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = len ? posix_fallocate(fd, (off_t)g->len, (off_t)len) : 0;
	if (r == EOPNOTSUPP)
		r = 0;
	while (!r && done < len) {
		n = pwrite(fd, data + done, len - done, (off_t)(g->len + done));
		if (n < 0 && errno != EINTR)
			r = errno;
		else if (n > 0)
			done += (size_t)n;
	}
	if (r && ftruncate(fd, (off_t)g->len))
		r = r ? r : EIO;
	if (close(fd) && !r)
		r = errno;
	if (!r)
		g->len += len;
	return r == EDQUOT ? -ENOSPC : -r;
}

int job_script_write(struct job_store *s, uint64_t id, uint64_t offset, const void *data,
		     size_t len, struct job_error *err)
{
	struct job_info info;
	struct staging *g;
	int r;

	job_lock(s);
	r = need_idle(s, id, &info, err);
	if (r)
		goto out;
	if (offset > s->opt.script_max || len > s->opt.script_max - offset) {
		staging_drop(s, id, true);
		r = job_fail(err, -EFBIG, "script-too-long",
			     "a script may have up to %zu bytes; split it", s->opt.script_max);
		goto out;
	}
	g = staging_find(s, id);
	if (!offset) {
		errno = ENOMEM;
		g = staging_new(s, id);
		if (!g) {
			r = say_db(err, errno == EDQUOT ? -ENOSPC : -errno);
			goto out;
		}
	} else if (!g || g->len != offset) {
		r = job_fail(err, -EINVAL, "script-gap",
			     "the script's next byte is %" PRIu64 ", not %" PRIu64
			     ": start over at 0",
			     g ? g->len : 0, offset);
		goto out;
	}
	r = append(s, g, data, len);
	if (r) {
		if (r == -ENOSPC)
			staging_drop(s, id, true);
		r = say_db(err, r);
	}
out:
	job_unlock(s);
	return r;
}

struct script_args {
	uint64_t id;
	const char *file;
	uint64_t len;
};

static int drop_script(struct job_store *s, uint64_t id)
{
	char file[JOB_SCRIPT_NAME];
	sqlite3_stmt *st;
	int r;

	r = job_db_query(&s->db, &st, "SELECT script FROM jobs WHERE id=?", "i", (int64_t)id);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1)
		copy_text(file, sizeof(file), st, 0);
	job_db_done(st);
	if (r == 1)
		job_unlink_later(s, file);
	return r < 0 ? r : 0;
}

static int script_end_fn(struct job_store *s, void *arg)
{
	const struct script_args *a = arg;
	int r;

	r = drop_script(s, a->id);
	if (r)
		return r;
	return job_db_run(&s->db, "UPDATE jobs SET script=?,script_len=? WHERE id=?", "tii",
			  a->file, (int64_t)a->len, (int64_t)a->id);
}

/* The script's bytes and its name in the directory are on disk. */
static int sync_script(struct job_store *s, const char *file)
{
	int fd, r = 0;

	fd = openat(s->dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fsync(fd) || fsync(s->dir_fd))
		r = errno == EDQUOT ? -ENOSPC : -errno;
	close(fd);
	return r;
}

int job_script_end(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct script_args a = {.id = id};
	struct job_info info;
	struct staging *g;
	int r;

	job_lock(s);
	r = need_idle(s, id, &info, err);
	if (r)
		goto out;
	g = staging_find(s, id);
	if (!g || !g->len) {
		staging_drop(s, id, true);
		r = job_fail(err, -EINVAL, "no-script", "no script bytes were written");
		goto out;
	}
	r = sync_script(s, g->file);
	if (!r) {
		a.file = g->file;
		a.len = g->len;
		r = job_write(s, false, script_end_fn, &a);
	}
	staging_drop(s, id, r != 0);
	r = say_db(err, r);
out:
	job_unlock(s);
	return r;
}

/* ---- running ---- */

static int run_fn(struct job_store *s, void *arg)
{
	const struct job_info *i = arg;
	uint64_t now = job_now_ms();

	return job_db_run(&s->db,
			  "UPDATE jobs SET state=1,run=run+1,deadline_ms=?,executed=0,total=0,"
			  "code='',detail='',last_sw=0,interrupted=1,tail=0,result_len=0,"
			  "select_sw=0,select_rsp=x'',started_ms=0,ended_ms=0,chunk_n=0,"
			  "queued=(SELECT ifnull(max(queued),0)+1 FROM jobs) WHERE id=?",
			  "ii",
			  i->params.deadline_s
				  ? (int64_t)(now + (uint64_t)i->params.deadline_s * 1000U)
				  : (int64_t)0,
			  (int64_t)i->id);
}

int job_run(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct job_info info;
	struct worker *w;
	int r;

	job_lock(s);
	r = need_idle(s, id, &info, err);
	if (r)
		goto out;
	if (!info.script_len) {
		r = job_fail(err, -EINVAL, "no-script", "no script was written to job %s",
			     info.name);
		goto out;
	}
	w = job_worker_find(s, info.params.se);
	if (!w) {
		r = job_fail(err, -ENODEV, "no-such-se", "there is no SE '%s' here",
			     info.params.se);
		goto out;
	}
	r = job_db_reserve(&s->db);
	if (r) {
		r = job_fail(
			err, -ENOSPC, "disk-full",
			"the disk under %s is full: nothing was sent; make room and run again",
			s->opt.dir);
		goto out;
	}
	r = say_db(err, job_write(s, false, run_fn, &info));
	if (!r) {
		job_cache_drop(s, id);
		job_changed(s, id);
		pthread_cond_signal(&w->wake);
	}
out:
	job_unlock(s);
	return r;
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
		r = say_db(err, r);
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
		r = say_db(err, job_write(s, true, job_write_end, &end));
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

	r = drop_script(s, id);
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
			  "select_sw=0,select_rsp=x'',started_ms=0,ended_ms=0 WHERE id=?",
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

static int ended(struct job_store *s, uint64_t id, struct job_info *info, struct job_error *err)
{
	int r;

	r = job_get(s, id, info);
	if (r)
		return say_db(err, r);
	if (info->state == JOB_QUEUED || info->state == JOB_RUNNING)
		return job_fail(err, -EBUSY, "not-ended",
				"job %s is %s: wait for its end or cancel it", info->name,
				job_state_name(info->state));
	return 0;
}

int job_ack(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct job_info info;
	int r;

	job_lock(s);
	r = ended(s, id, &info, err);
	if (!r) {
		staging_drop(s, id, true);
		r = say_db(err, job_write(s, true, ack_fn, &id));
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
		staging_drop(s, id, true);
		r = say_db(err, job_write(s, true, delete_fn, &info));
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
