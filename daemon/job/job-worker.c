// SPDX-License-Identifier: Apache-2.0
/* One thread for each SE: takes queued jobs and probes in turn, keeps channels. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "job/job-store.h"

#define NSEC 1000000000ULL
#define PROBE_MS 10000
#define RESET_MS 30000
#define LOOK_NS (2 * NSEC)
#define FIRST_LOOK_NS (NSEC / 2)

/* ---- kept channels ---- */

struct kept *job_kept_take(struct worker *w, const struct job_info *info)
{
	struct kept **p, *k;

	for (p = &w->kept; (k = *p); p = &k->next) {
		if (k->token == info->params.token && !strcmp(k->origin, info->origin)) {
			*p = k->next;
			k->next = NULL;
			return k;
		}
	}
	return NULL;
}

void job_kept_put(struct worker *w, struct kept *k)
{
	k->idle_until_ns = job_mono_ns() + w->s->opt.keep_idle_s * NSEC;
	k->drop = false;
	job_lock(w->s);
	k->next = w->kept;
	w->kept = k;
	job_unlock(w->s);
}

/* Takes what is over off the list; returns when to look again (ns, or far away). */
static uint64_t sweep_kept(struct worker *w, bool all, struct kept **over)
{
	uint64_t now = job_mono_ns(), next = now + 3600 * NSEC;
	struct kept **p = &w->kept, *k;

	while ((k = *p)) {
		if (all || k->drop || k->idle_until_ns <= now) {
			*p = k->next;
			k->next = *over;
			*over = k;
			continue;
		}
		if (k->idle_until_ns < next)
			next = k->idle_until_ns;
		p = &k->next;
	}
	return next;
}

static void close_kept(struct kept *over)
{
	struct kept *k;

	while ((k = over)) {
		over = k->next;
		se_close(k->se);
		free(k);
	}
}

/* ---- stopping between two APDUs ---- */

/*
 * A worker sits in se_submit() for a whole chunk. A signal ends that after the
 * exchange on the wire (SE_STREAM_SETTLE). One that comes just before the call
 * would be lost, so a timer repeats it until the job has ended. The thread takes
 * it nowhere else: no other call is disturbed.
 */
#define JOB_NUDGE (SIGRTMIN + 5)
#define NUDGE_NS 5000000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void take_no_notice(int signo)
{
	(void)signo;
}

static void nudge_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, JOB_NUDGE);
}

/* in the worker's thread; without a timer jobs stop between two chunks only */
static void nudge_init(struct worker *w)
{
	struct sigaction sa = {.sa_handler = take_no_notice}; /* no SA_RESTART */
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = JOB_NUDGE};

	sigemptyset(&sa.sa_mask);
	ev.sigev_notify_thread_id = gettid();
	w->has_nudge = !sigaction(JOB_NUDGE, &sa, NULL) &&
		       !timer_create(CLOCK_MONOTONIC, &ev, &w->nudge);
}

void job_nudge(struct worker *w)
{
	const struct itimerspec at = {.it_value.tv_nsec = 1, .it_interval.tv_nsec = NUDGE_NS};

	if (w->has_nudge)
		timer_settime(w->nudge, 0, &at, NULL);
}

/* in the worker's thread: none comes any more, nor is one left over */
static void nudge_end(struct worker *w)
{
	const struct itimerspec off = {0};
	const struct timespec now = {0};
	sigset_t set;

	if (!w->has_nudge)
		return;
	timer_settime(w->nudge, 0, &off, NULL);
	nudge_set(&set);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
}

int job_submit(struct worker *w, struct se *se, struct se_apdu *apdus, uint32_t n,
	       struct se_stream *stream)
{
	sigset_t set;
	int r;

	(void)w;
	nudge_set(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	r = se_submit(se, apdus, n, stream);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return r;
}

/* ---- probes and resets ---- */

static void run_probe(struct worker *w, struct probe *p)
{
	struct se_channel_open o = {
		.aid_ptr = (uintptr_t)p->aid,
		.aid_len = p->aid_len,
		.deadline_ns = se_deadline_in(PROBE_MS),
	};
	struct se *se = NULL;
	size_t i;

	p->error = se_open(&se, w->open);
	if (!p->error)
		p->error = se_channel_open(se, &o);
	for (i = 0; !p->error && i < p->n; i++)
		p->error = se_transmit(se, p->apdus[i].cmd, p->apdus[i].cmd_len,
				       p->apdus[i].rsp, sizeof(p->apdus[i].rsp),
				       &p->apdus[i].rsp_len, se_deadline_in(PROBE_MS), NULL);
	for (i = 0; i < p->n; i++)
		if (p->apdus[i].rsp_len > sizeof(p->apdus[i].rsp))
			p->apdus[i].rsp_len = sizeof(p->apdus[i].rsp);
	se_close(se);
}

static int reset_at(struct se *se, int level)
{
	return se_reset(se, (uint32_t)level, se_deadline_in(RESET_MS), NULL);
}

static void run_reset(struct worker *w, struct probe *p)
{
	struct kept *over = NULL;
	struct se *se = NULL;
	sigset_t set;

	p->error = se_open(&se, w->open);
	if (!p->error) {
		/* the end of the daemon need not wait for it */
		nudge_set(&set);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		if (p->level != JOB_RESET_BEST) {
			p->error = reset_at(se, p->level);
		} else {
			p->level = SE_RESET_LINE;
			p->error = reset_at(se, p->level);
			if (p->error == -EOPNOTSUPP) {
				p->level = SE_RESET_SOFT;
				p->error = reset_at(se, p->level);
			}
		}
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	}
	se_close(se);
	if (p->error == -EOPNOTSUPP || p->error == -EPERM)
		return; /* nothing happened */
	job_lock(w->s);
	sweep_kept(w, true, &over);
	job_unlock(w->s);
	close_kept(over);
}

static bool reads_only(const struct job_probe_apdu *a)
{
	if (a->cmd_len < SE_CAPDU_MIN || a->cmd_len > sizeof(a->cmd))
		return false;
	switch (a->cmd[1]) {
	case 0xca: /* GET DATA */
	case 0xcb:
	case 0xf2: /* GET STATUS */
		return true;
	default:
		return false;
	}
}

/* takes over @p */
static int enqueue(struct job_store *s, const char *se, struct probe *p)
{
	struct probe **tail;
	struct worker *w;

	job_lock(s);
	w = job_worker_find(s, se);
	if (w) {
		for (tail = &w->probes; *tail; tail = &(*tail)->next)
			;
		*tail = p;
		pthread_cond_signal(&w->wake);
	}
	job_unlock(s);
	if (!w)
		free(p);
	return w ? 0 : -ENODEV;
}

int job_probe(struct job_store *s, const char *se, const uint8_t *aid, size_t aid_len,
	      const struct job_probe_apdu *apdus, size_t n, job_probe_t fn, void *userdata)
{
	struct probe *p;
	size_t i;

	if (aid_len > SE_AID_MAX || !n || n > SE_STREAM_MAX)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (!reads_only(&apdus[i]))
			return -EACCES;
	p = calloc(1, sizeof(*p) + n * sizeof(*apdus));
	if (!p)
		return -ENOMEM;
	if (aid_len)
		memcpy(p->aid, aid, aid_len);
	p->aid_len = (uint8_t)aid_len;
	p->n = n;
	p->fn = fn;
	p->userdata = userdata;
	memcpy(p->apdus, apdus, n * sizeof(*apdus));
	for (i = 0; i < n; i++)
		p->apdus[i].rsp_len = 0;
	return enqueue(s, se, p);
}

int job_se_reset(struct job_store *s, const char *se, int level, job_reset_t fn, void *userdata)
{
	struct probe *p;

	if (level < JOB_RESET_BEST || level > SE_RESET_POWER || !fn)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->reset_fn = fn;
	p->level = level;
	p->userdata = userdata;
	return enqueue(s, se, p);
}

static void hand_back(struct worker *w, struct probe *p)
{
	p->next = w->s->probes_done;
	w->s->probes_done = p;
	job_poke(w->s);
}

/* ---- what the SE says of itself ---- */

static bool is_gone(int error)
{
	return error == -ENODEV || error == -EPIPE || error == -ECONNRESET ||
	       error == -ENOTCONN;
}

/*
 * The handle may be of a former life of the SE: jobs open their own, so what
 * counts is whether it can be opened now.
 */
static int ask(struct worker *w, struct job_se_info *info, struct se_info *i)
{
	const struct se_info ask = {.cip_ptr = (uintptr_t)info->cip,
				    .cip_len = sizeof(info->cip)};
	struct kept *k;
	struct se *anew;
	int r;

	*i = ask;
	r = se_get_info(w->info, i);
	if (!is_gone(r) || se_open(&anew, w->open))
		return r;
	se_close(w->info);
	w->info = anew;
	*i = ask;
	/* what was open in its former life is lost */
	job_lock(w->s);
	for (k = w->kept; k; k = k->next)
		k->drop = true;
	job_unlock(w->s);
	return se_get_info(w->info, i);
}

static void look(struct worker *w, struct job_se_info *info)
{
	struct se_info i;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, w->name, sizeof(info->name));
	memcpy(info->type, w->type, sizeof(info->type));
	memcpy(info->open, w->open, sizeof(info->open));
	info->error = ask(w, info, &i);
	info->state = i.state;
	info->dialect = i.dialect;
	info->generation = i.generation;
	info->ifsc = i.ifsc;
	info->ifsd = i.ifsd;
	info->bwt_us = i.bwt_us;
	info->max_capdu = i.max_capdu;
	info->max_rapdu = i.max_rapdu;
	info->irq_mode = i.irq_mode;
	info->caps = i.caps;
	info->clock_hz = i.clock_hz;
	info->cip_len = i.cip_len < SE_CIP_MAX ? i.cip_len : SE_CIP_MAX;
	if (info->error)
		info->cip_len = 0;
}

/*
 * An SE behind a socket answers questions about itself in turn with commands, so
 * the worker asks and the loop never waits. Lock held; dropped meanwhile.
 */
static void look_now(struct worker *w)
{
	struct job_se_info info;

	job_unlock(w->s);
	look(w, &info);
	job_lock(w->s);
	w->snap = info;
	w->looked = true;
	pthread_cond_broadcast(&w->wake);
}

/* ---- the thread ---- */

static uint64_t next_job(struct worker *w)
{
	sqlite3_stmt *st;
	uint64_t id = 0;

	if (job_db_query(&w->s->db, &st,
			 "SELECT id FROM jobs WHERE state=1 AND se=? ORDER BY queued LIMIT 1",
			 "t", w->name))
		return 0;
	if (job_db_step(&w->s->db, st) == 1)
		id = (uint64_t)sqlite3_column_int64(st, 0);
	job_db_done(st);
	return id;
}

static void fail_queued(struct worker *w)
{
	struct job_end end = {
		.state = JOB_FAILED,
		.interrupted = SE_OUTCOME_NOT_SENT,
		.code = "se-gone",
	};

	snprintf(end.detail, sizeof(end.detail),
		 "%s went away before the job started; nothing "
		 "was sent",
		 w->name);
	while ((end.id = next_job(w))) {
		if (job_write(w->s, true, job_write_end, &end))
			break;
		job_changed(w->s, end.id);
	}
}

static void wait_until(struct worker *w, uint64_t ns)
{
	struct timespec ts = {(time_t)(ns / NSEC), (long)(ns % NSEC)};

	pthread_cond_timedwait(&w->wake, &w->s->lock, &ts);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct job_store *s = w->s;
	struct kept *over;
	struct probe *p;
	uint64_t id, next, again = 0;
	bool asked;

	job_lock(s);
	nudge_init(w);
	while (!w->stop) {
		if (!w->direct && job_mono_ns() >= again) {
			look_now(w);
			again = job_mono_ns() + LOOK_NS;
			continue;
		}
		over = NULL;
		asked = false;
		next = sweep_kept(w, false, &over);
		if (over) {
			job_unlock(s);
			close_kept(over);
			job_lock(s);
			continue;
		}
		p = w->probes;
		if (p) {
			w->probes = p->next;
			job_unlock(s);
			if (p->reset_fn)
				run_reset(w, p);
			else
				run_probe(w, p);
			job_lock(s);
			/* whoever hears of a reset finds what it led to */
			if (p->reset_fn && !w->direct)
				look_now(w);
			hand_back(w, p);
		}
		while (job_exchange_serve(w))
			asked = true;
		/* Back from the dead? Then nobody shall take it away below a job. */
		if (!w->direct && w->snap.error && next_job(w))
			look_now(w);
		id = next_job(w);
		if (id && !w->stop) {
			w->running = id;
			atomic_store(&w->cancel, false);
			job_unlock(s);
			job_run_one(w, id);
			job_lock(s);
			w->running = 0;
			nudge_end(w);
		}
		if (p || id || asked)
			again = 0;
		else if (!w->stop)
			wait_until(w, !w->direct && again < next ? again : next);
	}
	over = NULL;
	sweep_kept(w, true, &over);
	while ((p = w->probes)) {
		w->probes = p->next;
		p->error = -ENODEV;
		hand_back(w, p);
	}
	job_exchange_fail_all(w);
	if (w->gone)
		fail_queued(w);
	if (w->has_nudge)
		timer_delete(w->nudge);
	w->has_nudge = false;
	job_unlock(s);
	close_kept(over);
	return NULL;
}

/* ---- adding and removing ---- */

struct worker *job_worker_find(struct job_store *s, const char *name)
{
	struct worker *w;

	for (w = s->workers; w; w = w->next)
		if (!w->stop && !strcmp(w->name, name))
			return w;
	return NULL;
}

static void free_worker(struct worker *w)
{
	job_runfile_close(&w->rf);
	se_close(w->info);
	pthread_cond_destroy(&w->wake);
	free(w);
}

static bool name_ok(const char *name)
{
	size_t n = strspn(name,
			  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n && n < JOB_SE_MAX && !name[n];
}

/* Signals are for the main thread; the worker's exchange is not to be cut. */
static int start_thread(struct worker *w)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int job_se_add(struct job_store *s, const char *name, const char *open, const char *type)
{
	pthread_condattr_t attr;
	struct worker *w, **tail;
	uint64_t first;
	int r;

	if (!name_ok(name) || strlen(open) >= sizeof(w->open) ||
	    strlen(type) >= sizeof(w->type))
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->s = s;
	snprintf(w->name, sizeof(w->name), "%s", name);
	snprintf(w->open, sizeof(w->open), "%s", open);
	snprintf(w->type, sizeof(w->type), "%s", type);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	atomic_init(&w->cancel, false);
	w->direct = strncmp(open, "socket:", 7) != 0;
	memcpy(w->snap.name, w->name, sizeof(w->snap.name));
	memcpy(w->snap.type, w->type, sizeof(w->snap.type));
	memcpy(w->snap.open, w->open, sizeof(w->snap.open));

	job_lock(s);
	if (job_worker_find(s, name)) {
		r = -EEXIST;
		goto fail;
	}
	r = se_open(&w->info, open);
	/* A worker before may have ended without a word: the run file is new next. */
	if (!r)
		r = job_recover(s, name);
	if (!r)
		r = job_runfile_open(&w->rf, s->run_fd, name, true);
	if (!r)
		r = start_thread(w);
	if (r)
		goto fail;
	for (tail = &s->workers; *tail; tail = &(*tail)->next)
		;
	*tail = w;
	/* A healthy SE has told by then; a slow one is shown as off until it has. */
	first = job_mono_ns() + FIRST_LOOK_NS;
	while (!w->direct && !w->looked && job_mono_ns() < first)
		wait_until(w, first);
	job_unlock(s);
	return 0;
fail:
	job_unlock(s);
	free_worker(w);
	return r;
}

static void stop_worker(struct job_store *s, struct worker *w, bool gone)
{
	struct worker **p;

	job_lock(s);
	w->gone = gone;
	w->stop = true;
	job_nudge(w);
	pthread_cond_signal(&w->wake);
	job_unlock(s);
	pthread_join(w->thread, NULL);
	job_lock(s);
	for (p = &s->workers; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	job_unlock(s);
	free_worker(w);
}

int job_se_remove(struct job_store *s, const char *name)
{
	struct worker *w;

	job_lock(s);
	w = job_worker_find(s, name);
	job_unlock(s);
	if (!w)
		return -ENOENT;
	stop_worker(s, w, true);
	return 0;
}

int job_se_remove_gone(struct job_store *s, const char *name)
{
	struct job_se_info info;
	struct worker *w;
	int r = -ENOENT;

	job_lock(s);
	w = job_worker_find(s, name);
	if (w && w->running) {
		r = -EBUSY;
	} else if (w) {
		if (w->direct)
			look(w, &info);
		r = is_gone(w->direct ? info.error : w->snap.error) ? 0 : -EBUSY;
		/* in the same breath: it begins nothing any more */
		w->stop = !r;
	}
	job_unlock(s);
	if (!r)
		stop_worker(s, w, true);
	return r;
}

void job_worker_stop_all(struct job_store *s)
{
	struct worker *w;

	/* All at once first, so that they end side by side. */
	job_lock(s);
	for (w = s->workers; w; w = w->next) {
		w->stop = true;
		job_nudge(w);
		pthread_cond_signal(&w->wake);
	}
	job_unlock(s);
	while (s->workers)
		stop_worker(s, s->workers, false);
}

/* @direct workers are asked here and now; the others have a snapshot. */
int job_se_get(struct job_store *s, unsigned int index, struct job_se_info *info)
{
	struct worker *w;

	memset(info, 0, sizeof(*info));
	job_lock(s);
	for (w = s->workers; w && index; w = w->next)
		index--;
	if (w && w->direct)
		look(w, info);
	else if (w)
		*info = w->snap;
	if (w && !w->direct && w->running && info->state == SE_STATE_IDLE)
		info->state = SE_STATE_BUSY;
	job_unlock(s);
	return w ? 0 : -ENOENT;
}

int job_se_stats(struct job_store *s, const char *name, struct se_stats *stats)
{
	struct worker *w;
	int r = -ENODEV;

	memset(stats, 0, sizeof(*stats));
	job_lock(s);
	w = job_worker_find(s, name);
	/* what has no driver counts its own session's, which nobody wants to know */
	if (w)
		r = w->direct ? se_get_stats(w->info, stats) : 0;
	job_unlock(s);
	return r;
}
