// SPDX-License-Identifier: Apache-2.0
/* Keys in the SE: their library contexts, and waiting for what the SE computes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openssl/async.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "keys/se-keys.h"

/* ---- words for OpenSSL's error queue ---- */

static ERR_STRING_DATA words[] = {
	{ERR_PACK(0, 0, SE_KEYS_FAILED), "the secure element failed"},
	{ERR_PACK(0, 0, SE_KEYS_GONE), "the secure element is not there"},
	{ERR_PACK(0, 0, SE_KEYS_SLOW), "the secure element did not answer in time"},
	{ERR_PACK(0, 0, SE_KEYS_ABSENT), "the secure element has no such key or application"},
	{ERR_PACK(0, 0, SE_KEYS_FORBIDDEN), "the key in the secure element may not be used so"},
	{ERR_PACK(0, 0, SE_KEYS_REFUSED), "the secure element refused the operation"},
	{ERR_PACK(0, 0, SE_KEYS_GIVEN_UP), "the operation in the secure element was given up"},
	{ERR_PACK(0, 0, SE_KEYS_NO_WAY), "a key in the secure element cannot do this"},
	{0, NULL},
};
static int err_lib;
static pthread_once_t err_once = PTHREAD_ONCE_INIT;

static void load_words(void)
{
	err_lib = ERR_get_next_error_library();
	ERR_load_strings(err_lib, words);
}

int se_keys_raise(enum se_keys_reason reason)
{
	pthread_once(&err_once, load_words);
	ERR_raise(err_lib, (int)reason);
	return 0;
}

static int raise_errno(int error)
{
	switch (error) {
	case -ENODEV:
		return se_keys_raise(SE_KEYS_GONE);
	case -ETIMEDOUT:
		return se_keys_raise(SE_KEYS_SLOW);
	case -ENOENT:
		return se_keys_raise(SE_KEYS_ABSENT);
	case -EACCES:
		return se_keys_raise(SE_KEYS_FORBIDDEN);
	case -EIO:
	case -EREMOTEIO:
	case -EBADMSG:
		return se_keys_raise(SE_KEYS_REFUSED);
	case -ECANCELED:
		return se_keys_raise(SE_KEYS_GIVEN_UP);
	default:
		return se_keys_raise(SE_KEYS_FAILED);
	}
}

/* ---- one operation, waited for ---- */

#define OUT_MAX KEYOP_PRF_MAX

/* Shared by the ASYNC_JOB and the worker; the last one frees it. */
struct wait {
	pthread_mutex_t lock;
	unsigned int refs;
	bool over, abandoned;
	int error;
	int fd;
	struct keyop op;
	uint8_t out[OUT_MAX];
};

static struct wait *wait_new(void)
{
	struct wait *w = OPENSSL_zalloc(sizeof(*w));

	if (!w)
		return NULL;
	w->fd = -1;
	w->refs = 1;
	w->op.out = w->out;
	w->op.room = sizeof(w->out);
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

/* lock held; gives it up */
static void wait_put(struct wait *w)
{
	bool last = --w->refs == 0;

	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	if (w->fd >= 0)
		close(w->fd);
	pthread_mutex_destroy(&w->lock);
	OPENSSL_clear_free(w, sizeof(*w));
}

static int wait_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd,
		     size_t room)
{
	struct wait *w = userdata;
	int r = -ECANCELED;

	pthread_mutex_lock(&w->lock);
	if (!w->abandoned)
		r = keyop_next(&w->op, a, cmd, room);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void wait_done(void *userdata, int error, uint16_t outcome)
{
	const uint64_t one = 1;
	struct wait *w = userdata;

	(void)outcome;
	pthread_mutex_lock(&w->lock);
	w->over = true;
	w->error = error;
	/* a counter at 0 takes it */
	if (write(w->fd, &one, sizeof(one)) != sizeof(one))
		w->error = -EIO;
	wait_put(w);
}

/* Within an ASYNC_JOB: start it, let the others work, come back when it is over. */
static int run_paused(struct se_keys *k, struct job_exchange_params *p, struct wait *w,
		      ASYNC_JOB *job)
{
	ASYNC_WAIT_CTX *ctx = ASYNC_get_wait_ctx(job);
	int r;

	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0 || !ASYNC_WAIT_CTX_set_wait_fd(ctx, w, w->fd, NULL, NULL))
		return -ENOMEM;
	p->next = wait_next;
	p->done = wait_done;
	p->userdata = w;
	p->in_worker = true;
	w->refs = 2;
	r = job_exchange_start(k->jobs, p, NULL, NULL);
	if (r)
		w->refs = 1;
	else
		ASYNC_pause_job();
	ASYNC_WAIT_CTX_clear_fd(ctx, w);
	if (r)
		return r;
	pthread_mutex_lock(&w->lock);
	/* resumed too early: whoever did so has no use for it any more */
	w->abandoned = !w->over;
	r = w->over ? w->error : -ECANCELED;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int se_keys_compute(struct se_keys *k, enum keyop_kind kind, const struct seref *ref,
		    const uint8_t *in, size_t in_len, uint8_t *out, size_t len)
{
	struct job_exchange_params p = {
		.origin = SE_KEYS_ORIGIN, .timeout_ms = SE_KEYS_TIMEOUT_MS, .next = keyop_next};
	ASYNC_JOB *job = ASYNC_get_current_job();
	struct wait *w;
	int r;

	if (in_len > KEYOP_IN_MAX || len > OUT_MAX)
		return raise_errno(-EINVAL);
	w = wait_new();
	if (!w)
		return raise_errno(-ENOMEM);
	w->op.kind = kind;
	w->op.ref = *ref;
	w->op.want = len;
	w->op.in_len = in_len;
	if (in_len)
		memcpy(w->op.in, in, in_len);
	p.userdata = &w->op;
	r = keyop_target(&w->op, &p);
	if (!r && job)
		r = run_paused(k, &p, w, job);
	else if (!r)
		r = job_exchange_run(k->jobs, &p, NULL, NULL);
	pthread_mutex_lock(&w->lock);
	if (!r && w->op.out_len != len)
		r = -EBADMSG;
	if (!r)
		memcpy(out, w->out, len);
	wait_put(w);
	return r ? raise_errno(r) : 1;
}

/* ---- the library contexts ---- */

static OSSL_PROVIDER *load(OSSL_LIB_CTX *ctx, const char *name, OSSL_provider_init_fn *init)
{
	if (!ctx || (init && !OSSL_PROVIDER_add_builtin(ctx, name, init)))
		return NULL;
	return OSSL_PROVIDER_load(ctx, name);
}

int se_keys_new(struct se_keys **ret, struct job_store *jobs)
{
	struct se_keys *k = calloc(1, sizeof(*k));

	*ret = NULL;
	if (!k)
		return -ENOMEM;
	k->jobs = jobs;
	pthread_mutex_init(&k->lock, NULL);
	*ret = k;
	return 0;
}

/* Library contexts take memory, and most devices have no key in an SE. */
int se_keys_begin(struct se_keys *k)
{
	if (k->own)
		return k->ready ? 0 : -EIO;
	k->own = OSSL_LIB_CTX_new();
	k->own_base = load(k->own, "default", NULL);
	k->own_keys = load(k->own, SE_KEYS_PROVIDER, se_keys_pkey_init);
	k->tls = OSSL_LIB_CTX_new();
	k->tls_base = load(k->tls, "default", NULL);
	k->tls_prf = load(k->tls, SE_PRF_PROVIDER, se_keys_prf_init);
	k->ready = k->own_base && k->own_keys && k->tls_base && k->tls_prf &&
		   EVP_set_default_properties(k->tls, "?provider=" SE_PRF_PROVIDER) &&
		   !se_keys_prf_bind(k->tls_prf, k) && !se_psk_begin(k);
	return k->ready ? 0 : -EIO;
}

void se_keys_free(struct se_keys *k)
{
	OSSL_PROVIDER *all[4];

	if (!k)
		return;
	all[0] = k->own_keys;
	all[1] = k->own_base;
	all[2] = k->tls_prf;
	all[3] = k->tls_base;
	for (size_t i = 0; i < 4; i++)
		if (all[i])
			OSSL_PROVIDER_unload(all[i]);
	OSSL_LIB_CTX_free(k->own);
	OSSL_LIB_CTX_free(k->tls);
	pthread_mutex_destroy(&k->lock);
	OPENSSL_cleanse(k->secret, sizeof(k->secret));
	free(k);
}
