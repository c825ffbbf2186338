// SPDX-License-Identifier: Apache-2.0
/* The store: opening, transactions, listeners, small records. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "job/job-store.h"

#define DEDUP_KEY_MAX 128
#define DEDUP_RSP_MAX 2048
#define DEDUP_ROWS_MAX 65536

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

uint64_t job_now_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000U;
}

uint64_t job_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t job_boot_s(void)
{
	return clock_ns(CLOCK_BOOTTIME) / 1000000000U;
}

void job_lock(struct job_store *s)
{
	pthread_mutex_lock(&s->lock);
}

void job_unlock(struct job_store *s)
{
	pthread_mutex_unlock(&s->lock);
}

int job_fail(struct job_error *err, int error, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		snprintf(err->code, sizeof(err->code), "%s", code);
		va_start(ap, fmt);
		vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
		va_end(ap);
	}
	return error;
}

const char *job_state_name(enum job_state state)
{
	static const char *const names[] = {
		[JOB_IDLE] = "idle",	       [JOB_QUEUED] = "queued",
		[JOB_RUNNING] = "running",     [JOB_DONE] = "done",
		[JOB_FAILED] = "failed",       [JOB_UNKNOWN] = "unknown",
		[JOB_CANCELLED] = "cancelled", [JOB_EXPIRED] = "expired",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

const char *job_kind_name(enum job_kind kind)
{
	return kind == JOB_PLAN ? "plan" : "script";
}

const char *job_mode_name(enum job_mode mode)
{
	static const char *const names[] = {"forward", "resume", "rollback"};

	return (size_t)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "?";
}

const char *job_store_dir(const struct job_store *s)
{
	return s->opt.dir;
}

const char *job_outcome_name(unsigned int outcome)
{
	return se_outcome_name(outcome);
}

/* ---- events to the loop ---- */

void job_poke(struct job_store *s)
{
	uint64_t one = 1;

	/* Full means readable, which is all that is wanted. */
	if (write(s->event_fd, &one, sizeof(one)) < 0)
		return;
}

void job_changed(struct job_store *s, uint64_t id)
{
	size_t i, room;
	uint64_t *p;

	for (i = 0; i < s->nr_changed; i++)
		if (s->changed[i] == id)
			return;
	if (s->nr_changed == s->room_changed) {
		room = s->room_changed ? 2 * s->room_changed : 16;
		p = reallocarray(s->changed, room, sizeof(*p));
		if (!p)
			return;
		s->changed = p;
		s->room_changed = room;
	}
	s->changed[s->nr_changed++] = id;
	job_poke(s);
}

int job_store_fd(const struct job_store *s)
{
	return s->event_fd;
}

void job_store_dispatch(struct job_store *s)
{
	struct listener *l, *next_l;
	struct job_exchange *exchanges;
	struct probe *probes, *p;
	uint64_t count, *ids;
	size_t n, i;

	if (read(s->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	job_lock(s);
	ids = s->changed;
	n = s->nr_changed;
	s->changed = NULL;
	s->nr_changed = 0;
	s->room_changed = 0;
	probes = s->probes_done;
	s->probes_done = NULL;
	exchanges = s->exchanges_done;
	s->exchanges_done = NULL;
	job_unlock(s);

	for (i = 0; i < n; i++) {
		for (l = s->listeners; l; l = next_l) {
			next_l = l->next;
			l->fn(l->userdata, ids[i]);
		}
	}
	free(ids);
	while ((p = probes)) {
		probes = p->next;
		if (p->reset_fn)
			p->reset_fn(p->userdata, p->error, (uint32_t)p->level);
		else
			p->fn(p->userdata, p->error, p->apdus, p->n);
		free(p);
	}
	job_exchange_dispatch(exchanges);
}

int job_listen(struct job_store *s, job_listener_t fn, void *userdata)
{
	struct listener *l = malloc(sizeof(*l)), **end;

	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->userdata = userdata;
	l->next = NULL;
	job_lock(s);
	for (end = &s->listeners; *end; end = &(*end)->next)
		;
	*end = l;
	job_unlock(s);
	return 0;
}

void job_unlisten(struct job_store *s, job_listener_t fn, void *userdata)
{
	struct listener **p, *l;

	job_lock(s);
	for (p = &s->listeners; (l = *p); p = &l->next) {
		if (l->fn == fn && l->userdata == userdata) {
			*p = l->next;
			free(l);
			break;
		}
	}
	job_unlock(s);
}

/* ---- transactions ---- */

void job_unlink_later(struct job_store *s, const char *file)
{
	void *p;

	if (!*file)
		return;
	p = reallocarray(s->unlink, s->nr_unlink + 1, JOB_SCRIPT_NAME);
	if (!p)
		return; /* swept at the next start */
	s->unlink = p;
	snprintf(s->unlink[s->nr_unlink++], JOB_SCRIPT_NAME, "%s", file);
}

static void settle_unlinks(struct job_store *s)
{
	size_t i;

	for (i = 0; i < s->nr_unlink; i++)
		unlinkat(s->dir_fd, s->unlink[i], 0);
	s->nr_unlink = 0;
}

static int write_once(struct job_store *s, int (*fn)(struct job_store *s, void *arg), void *arg)
{
	int r;

	r = job_db_enter(&s->db);
	if (r)
		return r;
	r = fn(s, arg);
	return job_db_leave(&s->db, r);
}

int job_write(struct job_store *s, bool critical, int (*fn)(struct job_store *s, void *arg),
	      void *arg)
{
	int r;

	job_lock(s);
	r = write_once(s, fn, arg);
	if (r == -ENOSPC && critical) {
		s->nr_unlink = 0;
		job_db_release(&s->db);
		r = write_once(s, fn, arg);
		if (r >= 0) {
			/* What has been freed may be enough to have a reserve again. */
			settle_unlinks(s);
			sqlite3_wal_checkpoint_v2(s->db.sql, NULL, SQLITE_CHECKPOINT_TRUNCATE,
						  NULL, NULL);
		}
		job_db_reserve(&s->db);
	}
	if (r >= 0)
		settle_unlinks(s);
	s->nr_unlink = 0;
	job_unlock(s);
	return r;
}

/* ---- deduplication records ---- */

struct dedup_args {
	const void *key, *rsp;
	size_t key_len, rsp_len;
	uint32_t ttl_s;
};

static int count_rows(struct job_store *s, const char *text, int64_t *n)
{
	sqlite3_stmt *st;
	int r;

	r = job_db_query(&s->db, &st, text, "");
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1)
		*n = sqlite3_column_int64(st, 0);
	job_db_done(st);
	return r < 0 ? r : 0;
}

static int drop_expired(struct job_store *s)
{
	return job_db_run(&s->db, "DELETE FROM dedup WHERE expires_s<=?", "i",
			  (int64_t)job_boot_s());
}

static int dedup_put(struct job_store *s, void *arg)
{
	const struct dedup_args *a = arg;
	int64_t n = 0;
	int r;

	r = count_rows(s, "SELECT count(*) FROM dedup", &n);
	if (!r && n >= 256 && n % 64 == 0)
		r = drop_expired(s);
	if (!r && n >= DEDUP_ROWS_MAX)
		r = -EDQUOT;
	if (r)
		return r;
	return job_db_run(&s->db,
			  "INSERT OR REPLACE INTO dedup(key,rsp,boot,expires_s,ttl_s)"
			  " VALUES(?,?,?,?,?)",
			  "bbtii", a->key, a->key_len, a->rsp, a->rsp_len, s->boot,
			  (int64_t)(job_boot_s() + a->ttl_s), (int64_t)a->ttl_s);
}

int job_dedup_put(struct job_store *s, const void *key, size_t key_len, const void *rsp,
		  size_t rsp_len, uint32_t ttl_s)
{
	struct dedup_args a = {key, rsp, key_len, rsp_len, ttl_s};

	if (!key_len || key_len > DEDUP_KEY_MAX || rsp_len > DEDUP_RSP_MAX)
		return -EINVAL;
	return job_write(s, false, dedup_put, &a);
}

int job_dedup_each(struct job_store *s,
		   void (*fn)(void *userdata, const void *key, size_t key_len, const void *rsp,
			      size_t rsp_len, uint32_t left_s),
		   void *userdata)
{
	int64_t now = (int64_t)job_boot_s();
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st, "SELECT key,rsp,expires_s FROM dedup WHERE expires_s>?",
			 "i", now);
	if (!r) {
		while ((r = job_db_step(&s->db, st)) == 1)
			fn(userdata, sqlite3_column_blob(st, 0),
			   (size_t)sqlite3_column_bytes(st, 0), sqlite3_column_blob(st, 1),
			   (size_t)sqlite3_column_bytes(st, 1),
			   (uint32_t)(sqlite3_column_int64(st, 2) - now));
		job_db_done(st);
	}
	job_unlock(s);
	return r;
}

/* ---- open and close ---- */

static int open_dir(const char *path, int *fd, struct job_error *err)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return job_fail(err, -errno, "state-dir", "cannot make %s: %s", path,
				strerror(errno));
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st))
		return job_fail(err, -errno, "state-dir", "cannot open %s: %s", path,
				strerror(errno));
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return job_fail(err, -EPERM, "state-dir",
				"%s can be written by others: chmod 700 it", path);
	return 0;
}

/* Remove script files that no job owns: uploads that a crash cut off. */
static void sweep(struct job_store *s)
{
	struct dirent *e;
	sqlite3_stmt *st;
	DIR *d;
	int fd, r;

	fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		if (strncmp(e->d_name, "script-", 7))
			continue;
		if (job_db_query(&s->db, &st, "SELECT 1 FROM jobs WHERE script=?", "t",
				 e->d_name))
			break;
		r = job_db_step(&s->db, st);
		job_db_done(st);
		if (!r)
			unlinkat(s->dir_fd, e->d_name, 0);
	}
	closedir(d);
}

/* After a reboot the age of a record is not known: its time starts again. */
static int renew_dedup(struct job_store *s, void *arg)
{
	(void)arg;
	return job_db_run(&s->db, "UPDATE dedup SET expires_s=?+ttl_s, boot=? WHERE boot<>?",
			  "itt", (int64_t)job_boot_s(), s->boot, s->boot);
}

static int expire_dedup(struct job_store *s, void *arg)
{
	(void)arg;
	return drop_expired(s);
}

static void set_defaults(struct job_options *o)
{
#define DEFAULT(field, value) (o->field = o->field ? o->field : (value))
	DEFAULT(chunk, 16);
	DEFAULT(jobs_per_origin, 32);
	DEFAULT(script_max, 4U << 20);
	DEFAULT(apdus_max, 16384);
	DEFAULT(result_max, 16U << 20);
	DEFAULT(keep_idle_s, 300);
	DEFAULT(lock_wait_ms, 35000);
#undef DEFAULT
	if (o->chunk > SE_STREAM_MAX)
		o->chunk = SE_STREAM_MAX;
	o->dir = strdup(o->dir);
	o->run_dir = strdup(o->run_dir ? o->run_dir : o->dir);
}

static void free_store(struct job_store *s)
{
	struct listener *l;
	struct staging *g;
	struct probe *p;
	unsigned int i;

	while ((l = s->listeners)) {
		s->listeners = l->next;
		free(l);
	}
	while ((g = s->staging)) {
		s->staging = g->next;
		unlinkat(s->dir_fd, g->file, 0);
		free(g);
	}
	while ((p = s->probes_done)) {
		s->probes_done = p->next;
		free(p);
	}
	job_exchange_drop(s->exchanges_done);
	for (i = 0; i < 4; i++)
		free(s->cache[i].data);
	if (s->db.sql)
		job_db_close(&s->db);
	if (s->event_fd >= 0)
		close(s->event_fd);
	if (s->run_fd >= 0)
		close(s->run_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->changed);
	free(s->unlink);
	free(s->policies);
	free(s->keysets);
	free((char *)(uintptr_t)s->opt.dir);
	free((char *)(uintptr_t)s->opt.run_dir);
	free(s);
}

static int open_parts(struct job_store *s, struct job_error *err)
{
	char why[128] = "";
	int r;

	if (!s->opt.dir || !s->opt.run_dir)
		return job_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = job_boot_id(s->boot);
	if (r)
		return job_fail(err, r, "boot-id", "cannot read the boot id: %s", strerror(-r));
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->event_fd < 0)
		return job_fail(err, -errno, "no-eventfd", "eventfd: %s", strerror(errno));
	r = open_dir(s->opt.dir, &s->dir_fd, err);
	if (!r)
		r = open_dir(s->opt.run_dir, &s->run_fd, err);
	if (!r)
		r = job_take_lock(s, err);
	if (r)
		return r;
	r = job_db_open(&s->db, &job_db_journal, s->opt.dir, s->dir_fd, why, sizeof(why));
	if (r == -ENOSPC) {
		/* Room for opening is taken from the reserve of the predecessor. */
		job_db_release(&s->db);
		r = job_db_open(&s->db, &job_db_journal, s->opt.dir, s->dir_fd, why,
				sizeof(why));
	}
	if (r)
		return job_fail(err, r, r == -ENOSPC ? "disk-full" : "journal",
				"cannot use %s/journal.db: %s", s->opt.dir, why);
	return 0;
}

int job_store_open(struct job_store **ret, const struct job_options *opt, struct job_error *err)
{
	pthread_mutexattr_t attr;
	struct job_store *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return job_fail(err, -ENOMEM, "no-memory", "out of memory");
	s->dir_fd = s->run_fd = s->lock_fd = s->event_fd = -1;
	s->opt = *opt;
	set_defaults(&s->opt);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&s->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	if (getrandom(&s->nonce, sizeof(s->nonce), 0) < 0)
		s->nonce = job_now_ms();

	r = open_parts(s, err);
	if (!r) {
		/*
		 * What an interrupted job left must get into the journal even on
		 * a full disk; nothing else may start without the reserve.
		 */
		r = job_recover(s, NULL);
		if (!r)
			r = job_write(s, true, renew_dedup, NULL);
		if (!r)
			r = job_write(s, true, expire_dedup, NULL);
		if (r)
			job_fail(err, r, r == -ENOSPC ? "disk-full" : "journal",
				 "cannot close the books of the last run in %s: %s", s->opt.dir,
				 strerror(-r));
	}
	if (r) {
		free_store(s);
		return r;
	}
	sweep(s);
	job_db_reserve(&s->db);
	*ret = s;
	return 0;
}

void job_store_close(struct job_store *s)
{
	if (!s)
		return;
	job_worker_stop_all(s);
	free_store(s);
}
