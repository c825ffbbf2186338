// SPDX-License-Identifier: Apache-2.0
/*
 * The thread that speaks HTTP, and what its owner tells it. Both share struct dm_http under
 * its lock; what is behind "the thread's" there is touched by the thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "coap/transport.h"
#include "dm/http-priv.h"

#define TIMEOUT_MS 60000U

/* ---- what is handed over -------------------------------------------------------------- */

static void identity_free(struct http_identity *i)
{
	if (!i)
		return;
	free(i->ca);
	free(i->pin);
	EVP_PKEY_free(i->key);
	sk_X509_pop_free(i->certs, X509_free);
	free(i);
}

static int identity_new(struct http_identity **ret, const struct dm_http_peer *p)
{
	struct http_identity *i = calloc(1, sizeof(*i));
	int r = 0;

	if (!i)
		return -ENOMEM;
	i->allow_http = p->allow_http;
	if ((p->ca && !(i->ca = strdup(p->ca))) || (p->pin && !(i->pin = strdup(p->pin))))
		r = -ENOMEM;
	if (!r && p->key) {
		i->certs = sk_X509_new_null();
		r = i->certs ? coap_certificates(p->certs, p->certs_len, i->certs) : -ENOMEM;
		/* of keys in an SE too: their public half is known */
		if (r > 0)
			r = X509_check_private_key(sk_X509_value(i->certs, 0), p->key) == 1
				    ? 0
				    : -EINVAL;
		if (!r && EVP_PKEY_up_ref(p->key))
			i->key = p->key;
	}
	if (r) {
		identity_free(i);
		return r;
	}
	*ret = i;
	return 0;
}

static void post_free(struct http_post *p)
{
	if (!p)
		return;
	if (p->body) {
		explicit_bzero(p->body, p->len);
		free(p->body);
	}
	if (p->hmac)
		explicit_bzero(p->hmac, strlen(p->hmac));
	free(p->hmac);
	free(p->type);
	free(p->uri);
	free(p);
}

static struct http_post *post_new(const struct dm_http_request *req)
{
	struct http_post *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->uri = strdup(req->uri);
	p->type = strdup(req->content_type);
	p->hmac = req->hmac ? strdup(req->hmac) : NULL;
	p->body = malloc(req->len ? req->len : 1);
	p->len = req->len;
	p->max = req->max;
	p->timeout_ms = req->timeout_ms ? req->timeout_ms : TIMEOUT_MS;
	if (!p->uri || !p->type || (req->hmac && !p->hmac) || !p->body) {
		p->len = 0;
		post_free(p);
		return NULL;
	}
	if (p->len)
		memcpy(p->body, req->body, p->len);
	return p;
}

void dm_http_release(struct dm_http_answer *a)
{
	if (a->body)
		explicit_bzero(a->body, a->len);
	free(a->body);
	memset(a, 0, sizeof(*a));
}

/* ---- the thread ----------------------------------------------------------------------- */

static void disconnect(struct dm_http *h)
{
	curl_easy_cleanup(h->easy);
	h->easy = NULL;
	/* connections and sessions of TLS lie there */
	if (h->multi)
		curl_multi_cleanup(h->multi);
	h->multi = NULL;
	identity_free(h->who);
	h->who = NULL;
}

/* With the lock held: the multi handle is what others wake the thread by. */
static void take_over(struct dm_http *h)
{
	disconnect(h);
	h->who = h->next;
	h->next = NULL;
	h->drop = false;
	if (h->who)
		h->multi = curl_multi_init();
}

static void *work(void *arg)
{
	struct dm_http *h = arg;
	struct http_post *p;

	pthread_setname_np(pthread_self(), "dm-http");
	pthread_mutex_lock(&h->lock);
	while (!h->quit) {
		if (h->drop)
			take_over(h);
		p = h->post;
		h->post = NULL;
		if (!p) {
			pthread_cond_wait(&h->wake, &h->lock);
			continue;
		}
		pthread_mutex_unlock(&h->lock);
		http_exchange(h, p);
		post_free(p);
		pthread_mutex_lock(&h->lock);
		h->done = true;
		if (h->cancel) {
			/* nobody waits for it any more */
			dm_http_release(&h->answer);
			h->cancel = h->done = false;
			h->busy = h->post != NULL;
		} else {
			(void)!write(h->fd, &(uint64_t){1}, sizeof(uint64_t));
		}
	}
	disconnect(h);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* ---- the owner's ---------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable;

static void global_init(void)
{
	const curl_version_info_data *v;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return;
	v = curl_version_info(CURLVERSION_NOW);
	/* client keys are given to its SSL_CTX; other libraries have none */
	usable = v->ssl_version && !strncmp(v->ssl_version, "OpenSSL", 7) &&
		 v->features & CURL_VERSION_ASYNCHDNS;
}

int dm_http_new(struct dm_http **ret)
{
	struct dm_http *h;
	int r;

	pthread_once(&once, global_init);
	if (!usable)
		return -ENOTSUP;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->fd < 0) {
		r = -errno;
		free(h);
		return r;
	}
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->wake, NULL);
	r = -pthread_create(&h->thread, NULL, work, h);
	if (r) {
		pthread_cond_destroy(&h->wake);
		pthread_mutex_destroy(&h->lock);
		close(h->fd);
		free(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* with the lock held */
static void wake(struct dm_http *h)
{
	pthread_cond_signal(&h->wake);
	if (h->multi)
		curl_multi_wakeup(h->multi);
}

void dm_http_free(struct dm_http *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->quit = true;
	wake(h);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	post_free(h->post);
	identity_free(h->next);
	dm_http_release(&h->answer);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	close(h->fd);
	free(h);
}

int dm_http_fd(const struct dm_http *h)
{
	return h->fd;
}

/* with the lock held: nothing of a post of before is told any more */
static void give_up(struct dm_http *h)
{
	uint64_t n;

	if (!h->busy)
		return;
	if (h->post || h->done) {
		post_free(h->post);
		h->post = NULL;
		dm_http_release(&h->answer);
		(void)!read(h->fd, &n, sizeof(n));
		h->busy = h->done = false;
	} else {
		h->cancel = true;
	}
}

void dm_http_cancel(struct dm_http *h)
{
	pthread_mutex_lock(&h->lock);
	give_up(h);
	wake(h);
	pthread_mutex_unlock(&h->lock);
}

static void replace(struct dm_http *h, struct http_identity *next)
{
	pthread_mutex_lock(&h->lock);
	give_up(h);
	identity_free(h->next);
	h->next = next;
	h->drop = true;
	wake(h);
	pthread_mutex_unlock(&h->lock);
}

int dm_http_begin(struct dm_http *h, const struct dm_http_peer *peer)
{
	struct http_identity *next;
	int r = identity_new(&next, peer);

	if (r)
		return r;
	replace(h, next);
	return 0;
}

void dm_http_end(struct dm_http *h)
{
	replace(h, NULL);
}

int dm_http_post(struct dm_http *h, const struct dm_http_request *req)
{
	struct http_post *p;
	int r = 0;

	if (strpbrk(req->content_type, "\r\n") || (req->hmac && strpbrk(req->hmac, "\r\n")))
		return -EINVAL;
	p = post_new(req);
	if (!p)
		return -ENOMEM;
	pthread_mutex_lock(&h->lock);
	if (h->post || (h->busy && !h->cancel)) {
		r = -EBUSY;
	} else {
		h->post = p;
		h->busy = true;
		wake(h);
	}
	pthread_mutex_unlock(&h->lock);
	if (r)
		post_free(p);
	return r;
}

int dm_http_result(struct dm_http *h, struct dm_http_answer *answer)
{
	uint64_t n;
	int r = -EAGAIN;

	pthread_mutex_lock(&h->lock);
	if (h->done) {
		(void)!read(h->fd, &n, sizeof(n));
		*answer = h->answer;
		memset(&h->answer, 0, sizeof(h->answer));
		h->done = h->busy = false;
		r = 0;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}
