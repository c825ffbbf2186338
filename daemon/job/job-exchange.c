// SPDX-License-Identifier: Apache-2.0
/* What the daemon itself asks an SE: one command after the other, in the worker's thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job/job-exchange.h"
#include "job/job-store.h"
#include "job/policy.h"

#define NSEC 1000000000ULL
#define MSEC 1000000ULL
#define TIMEOUT_MAX_MS 600000U
#define CLA_CHANNELS 0x43 /* bits in which a channel's number lies, or that it is further */

_Static_assert(JOB_EXCHANGE_RULES_MAX <= POLICY_LIST_MAX, "rules are looked at as a policy's");

struct job_exchange {
	struct job_exchange *next;
	struct job_store *s;
	struct job_policy rules;   /* what it may send */
	struct job_policy *policy; /* of its origin, or NULL */
	uint8_t aid[SE_AID_MAX];
	uint8_t aid_len;
	uint64_t deadline_ns;
	job_exchange_next_t give;
	job_exchange_done_t done;
	void *userdata;
	bool in_worker;
	pthread_mutex_t lock; /* over @cancelled, held during @give */
	bool cancelled;
	int error;
	uint16_t outcome;
};

static void exchange_free(struct job_exchange *x)
{
	if (!x)
		return;
	pthread_mutex_destroy(&x->lock);
	free(x->policy);
	free(x);
}

/* ---- in the worker's thread ---- */

static int open_channel(const struct job_exchange *x, struct se *se, uint8_t *rsp, size_t *len,
			uint16_t *sw)
{
	struct se_channel_open o = {
		.aid_ptr = (uintptr_t)x->aid,
		.aid_len = x->aid_len,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = SE_RAPDU_MAX,
		.deadline_ns = x->deadline_ns,
	};
	struct se_filter_aid aid = {.len = x->aid_len};
	int r;

	memcpy(aid.aid, x->aid, x->aid_len);
	r = se_set_filter(se,
			  SE_FILTER_RULES | SE_FILTER_AIDS | SE_FILTER_NO_BASIC |
				  SE_FILTER_NO_LOCK | SE_FILTER_NO_RESET,
			  x->rules.rules, (uint32_t)x->rules.nr_rules, &aid, 1);
	/* what has no driver has no filter: then it is looked at in allowed() alone */
	if (r && r != -EOPNOTSUPP)
		return r;
	r = se_channel_open(se, &o);
	if (r)
		return r;
	*len = o.rsp_len > SE_RAPDU_MAX ? SE_RAPDU_MAX : o.rsp_len;
	*len = *len >= 2 ? *len - 2 : 0;
	*sw = o.sw;
	return 0;
}

static int give(struct job_exchange *x, const struct job_exchange_answer *a, uint8_t *cmd)
{
	int r = -ECANCELED;

	pthread_mutex_lock(&x->lock);
	if (!x->cancelled)
		r = x->give(x->userdata, a, cmd, SE_CAPDU_MAX);
	pthread_mutex_unlock(&x->lock);
	return r;
}

static bool allowed(const struct job_exchange *x, const uint8_t *cmd, size_t len)
{
	return len >= SE_CAPDU_MIN && len <= SE_CAPDU_MAX && !(cmd[0] & CLA_CHANNELS) &&
	       policy_command(&x->rules, cmd) && (!x->policy || policy_command(x->policy, cmd));
}

static int commands(struct job_exchange *x, struct se *se, struct job_exchange_answer *a,
		    uint8_t *cmd, uint8_t *rsp)
{
	uint32_t got;
	int n, r;

	for (;;) {
		n = give(x, a, cmd);
		if (n <= 0)
			return n;
		if (a->index >= JOB_EXCHANGE_COMMANDS_MAX)
			return -EMSGSIZE;
		if (!allowed(x, cmd, (size_t)n))
			return -EACCES;
		got = 0;
		r = se_transmit(se, cmd, (uint32_t)n, rsp, SE_RAPDU_MAX, &got, x->deadline_ns,
				&x->outcome);
		explicit_bzero(cmd, (size_t)n);
		if (!r && (got < 2 || got > SE_RAPDU_MAX))
			r = -EBADMSG;
		if (r)
			return r;
		x->outcome = SE_OUTCOME_NOT_SENT;
		explicit_bzero(rsp + got, a->len > got ? a->len - got : 0);
		a->index++;
		a->len = got - 2;
		a->sw = (uint16_t)(rsp[got - 2] << 8 | rsp[got - 1]);
	}
}

static void run(struct job_exchange *x, const char *where)
{
	uint8_t *cmd = malloc(SE_CAPDU_MAX), *rsp = malloc(SE_RAPDU_MAX);
	struct job_exchange_answer a = {.data = rsp};
	struct se *se = NULL;
	int r = cmd && rsp ? 0 : -ENOMEM;

	x->outcome = SE_OUTCOME_NOT_SENT;
	if (!r && job_mono_ns() >= x->deadline_ns)
		r = -ETIMEDOUT;
	if (!r) {
		r = se_open(&se, where);
		if (r == -ENOENT || r == -ENXIO || r == -ECONNREFUSED)
			r = -ENODEV; /* -ENOENT is an application's */
	}
	if (!r)
		r = open_channel(x, se, rsp, &a.len, &a.sw);
	if (!r)
		r = commands(x, se, &a, cmd, rsp);
	if (rsp)
		explicit_bzero(rsp, a.len + 2 > SE_RAPDU_MAX ? SE_RAPDU_MAX : a.len + 2);
	if (cmd)
		explicit_bzero(cmd, SE_CAPDU_MIN);
	se_close(se);
	free(cmd);
	free(rsp);
	x->error = r;
}

/* lock held */
static void hand_back(struct job_exchange *x)
{
	if (x->in_worker) {
		job_unlock(x->s);
		x->done(x->userdata, x->error, x->outcome);
		job_lock(x->s);
		exchange_free(x);
		return;
	}
	x->next = x->s->exchanges_done;
	x->s->exchanges_done = x;
	job_poke(x->s);
}

bool job_exchange_serve(struct worker *w)
{
	struct job_exchange *x = w->exchanges;

	if (!x || w->stop)
		return false;
	w->exchanges = x->next;
	job_unlock(w->s);
	run(x, w->open);
	job_lock(w->s);
	hand_back(x);
	return true;
}

void job_exchange_fail_all(struct worker *w)
{
	struct job_exchange *x;

	while ((x = w->exchanges)) {
		w->exchanges = x->next;
		x->error = -ENODEV;
		x->outcome = SE_OUTCOME_NOT_SENT;
		hand_back(x);
	}
}

/* ---- in the caller's ---- */

static int check(const struct job_exchange_params *p)
{
	if (!p->origin || !p->se || !p->next || !p->done || p->aid_len > SE_AID_MAX ||
	    !p->rules || !p->nr_rules || p->nr_rules > JOB_EXCHANGE_RULES_MAX ||
	    !p->timeout_ms || p->timeout_ms > TIMEOUT_MAX_MS)
		return -EINVAL;
	return 0;
}

/* Its policy, if there is one about it, copied; lock held. */
static int judge(struct job_exchange *x, const struct job_exchange_params *p,
		 struct job_error *err)
{
	const struct job_policy *of = policy_find(x->s->policies, x->s->nr_policies, p->origin);

	if (!of)
		return 0;
	if (!policy_aid(of, p->aid, p->aid_len))
		return job_fail(err, -EACCES, "policy",
				"the policy '%s' of %s does not have this application",
				of->name, p->origin);
	x->policy = malloc(sizeof(*x->policy));
	if (!x->policy)
		return job_fail(err, -ENOMEM, "no-memory", "out of memory");
	*x->policy = *of;
	return 0;
}

static int enqueue(struct job_exchange *x, const char *se, struct job_error *err)
{
	struct worker *w = job_worker_find(x->s, se);
	struct job_exchange **tail;

	if (!w)
		return job_fail(err, -ENODEV, "no-such-se", "there is no SE %s here", se);
	for (tail = &w->exchanges; *tail; tail = &(*tail)->next)
		;
	*tail = x;
	pthread_cond_signal(&w->wake);
	return 0;
}

int job_exchange_start(struct job_store *s, const struct job_exchange_params *p,
		       struct job_exchange **ret, struct job_error *err)
{
	struct job_exchange *x;
	int r = check(p);

	if (ret)
		*ret = NULL;
	if (r || (ret && p->in_worker))
		return job_fail(err, -EINVAL, "exchange", "bad parameters of an exchange");
	x = calloc(1, sizeof(*x));
	if (!x)
		return job_fail(err, -ENOMEM, "no-memory", "out of memory");
	x->s = s;
	x->rules.nr_rules = p->nr_rules;
	memcpy(x->rules.rules, p->rules, p->nr_rules * sizeof(*p->rules));
	memcpy(x->aid, p->aid, p->aid_len);
	x->aid_len = p->aid_len;
	x->deadline_ns = job_mono_ns() + p->timeout_ms * MSEC;
	x->give = p->next;
	x->done = p->done;
	x->userdata = p->userdata;
	x->in_worker = p->in_worker;
	pthread_mutex_init(&x->lock, NULL);
	job_lock(s);
	r = judge(x, p, err);
	if (!r)
		r = enqueue(x, p->se, err);
	job_unlock(s);
	if (r)
		exchange_free(x);
	else if (ret)
		*ret = x;
	return r;
}

void job_exchange_cancel(struct job_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	x->cancelled = true;
	pthread_mutex_unlock(&x->lock);
}

void job_exchange_dispatch(struct job_exchange *list)
{
	struct job_exchange *x, *turned = NULL;
	bool tell;

	/* the last one to end is the first on the list */
	while ((x = list)) {
		list = x->next;
		x->next = turned;
		turned = x;
	}
	while ((x = turned)) {
		turned = x->next;
		pthread_mutex_lock(&x->lock);
		tell = !x->cancelled;
		pthread_mutex_unlock(&x->lock);
		if (tell)
			x->done(x->userdata, x->error, x->outcome);
		exchange_free(x);
	}
}

void job_exchange_drop(struct job_exchange *list)
{
	struct job_exchange *x;

	while ((x = list)) {
		list = x->next;
		exchange_free(x);
	}
}

/* ---- waiting for one ---- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t over_cond;
	unsigned int refs;
	bool abandoned; /* nobody waits: what @userdata points to may be gone */
	bool over;
	int error;
	uint16_t outcome;
	job_exchange_next_t give;
	void *userdata;
};

/* lock held; gives it up */
static void waiter_put(struct waiter *v)
{
	bool last = --v->refs == 0;

	pthread_mutex_unlock(&v->lock);
	if (!last)
		return;
	pthread_cond_destroy(&v->over_cond);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static int waiter_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd,
		       size_t room)
{
	struct waiter *v = userdata;
	int r = -ECANCELED;

	pthread_mutex_lock(&v->lock);
	if (!v->abandoned)
		r = v->give(v->userdata, a, cmd, room);
	pthread_mutex_unlock(&v->lock);
	return r;
}

static void waiter_done(void *userdata, int error, uint16_t outcome)
{
	struct waiter *v = userdata;

	pthread_mutex_lock(&v->lock);
	v->over = true;
	v->error = error;
	v->outcome = outcome;
	pthread_cond_signal(&v->over_cond);
	waiter_put(v);
}

static struct waiter *waiter_new(const struct job_exchange_params *p)
{
	struct waiter *v = calloc(1, sizeof(*v));
	pthread_condattr_t attr;

	if (!v)
		return NULL;
	pthread_mutex_init(&v->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->over_cond, &attr);
	pthread_condattr_destroy(&attr);
	v->refs = 2;
	v->give = p->next;
	v->userdata = p->userdata;
	return v;
}

/* A long chunk of a job may be before it: that is not waited for beyond the time given. */
static int waiter_wait(struct waiter *v, uint64_t until_ns, uint16_t *outcome)
{
	const struct timespec ts = {(time_t)(until_ns / NSEC), (long)(until_ns % NSEC)};
	int r = 0;

	pthread_mutex_lock(&v->lock);
	while (!v->over && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&v->over_cond, &v->lock, &ts);
	v->abandoned = !v->over;
	r = v->over ? v->error : -ETIMEDOUT;
	if (outcome)
		*outcome = v->over ? v->outcome : (uint16_t)SE_OUTCOME_UNKNOWN;
	waiter_put(v);
	return r;
}

int job_exchange_run(struct job_store *s, const struct job_exchange_params *p,
		     uint16_t *outcome, struct job_error *err)
{
	struct job_exchange_params q = *p;
	uint64_t until;
	struct waiter *v;
	int r;

	if (outcome)
		*outcome = SE_OUTCOME_NOT_SENT;
	if (!p->next)
		return job_fail(err, -EINVAL, "exchange", "bad parameters of an exchange");
	v = waiter_new(p);
	if (!v)
		return job_fail(err, -ENOMEM, "no-memory", "out of memory");
	q.next = waiter_next;
	q.done = waiter_done;
	q.userdata = v;
	q.in_worker = true;
	until = job_mono_ns() + q.timeout_ms * MSEC;
	r = job_exchange_start(s, &q, NULL, err);
	if (r) {
		pthread_mutex_lock(&v->lock);
		v->refs--;
		waiter_put(v);
		return r;
	}
	r = waiter_wait(v, until, outcome);
	return r ? job_fail(err, r, "exchange", "%s: %s", p->se, strerror(-r)) : 0;
}
