// SPDX-License-Identifier: Apache-2.0
/*
 * The thread that speaks HTTP. The owner's functions and the thread share struct dm_http
 * under its lock; what is behind "the thread's" below is touched by the thread only.
 */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "coap/transport.h"
#include "dm/auth.h"
#include "dm/http.h"

#define TIMEOUT_MS 60000U
#define CONNECT_MS 20000L
#define CHUNK (16U << 10)

/* who we are to a peer; made by the owner, freed with the last who needs it */
struct identity {
	char *ca, *pin;
	EVP_PKEY *key;
	STACK_OF(X509) * certs;
	bool allow_http;
};

struct post {
	char *uri, *type, *hmac;
	uint8_t *body;
	size_t len, max;
	unsigned int timeout_ms;
};

struct dm_http {
	pthread_t thread;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool quit;
	bool cancel;	       /* the post under way, if there is one */
	bool drop;	       /* the connection */
	bool busy;	       /* a post waits or is under way */
	bool done;	       /* its answer is there */
	struct identity *next; /* for the thread to take over, with @drop */
	struct post *post;     /* the same */
	struct dm_http_answer answer;
	CURLM *multi; /* the thread's, but for curl_multi_wakeup() */

	/* the thread's */
	CURL *easy;
	struct identity *who;
	size_t room;
	size_t max;
	bool too_long;
	char error[CURL_ERROR_SIZE];
};

/* ---- addresses ------------------------------------------------------------------------- */

static CURLU *parse(const char *uri)
{
	CURLU *u = curl_url();

	if (u && curl_url_set(u, CURLUPART_URL, uri, CURLU_NON_SUPPORT_SCHEME)) {
		curl_url_cleanup(u);
		return NULL;
	}
	return u;
}

static bool has(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool is = !curl_url_get(u, part, &text, 0);

	curl_free(text);
	return is;
}

const char *dm_http_uri_check(const char *uri, bool allow_http)
{
	const char *why = NULL;
	char *scheme = NULL;
	CURLU *u;

	for (const char *p = uri; *p; p++)
		if (*p <= ' ' || *p == 0x7f || (unsigned char)*p >= 0x80)
			return "has characters that no address has";
	u = parse(uri);
	if (!u)
		return "is no address";
	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) || !has(u, CURLUPART_HOST))
		why = "is no address with a scheme and a host";
	else if (!strcmp(scheme, "http") && !allow_http)
		why = "is http, which anybody can read and change: allow_http=yes is not set";
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		why = "is neither https nor http";
	else if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
		why = "has a user name in it";
	else if (has(u, CURLUPART_FRAGMENT))
		why = "has a fragment (#)";
	curl_free(scheme);
	curl_url_cleanup(u);
	return why;
}

bool dm_http_same_host(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *ua = parse(a), *ub = parse(b);
	bool same = ua && ub;

	for (unsigned int i = 0; same && i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *ta = NULL, *tb = NULL;

		same = !curl_url_get(ua, parts[i], &ta, CURLU_DEFAULT_PORT) &&
		       !curl_url_get(ub, parts[i], &tb, CURLU_DEFAULT_PORT) &&
		       !strcasecmp(ta, tb);
		curl_free(ta);
		curl_free(tb);
	}
	curl_url_cleanup(ua);
	curl_url_cleanup(ub);
	return same;
}

/* ---- what is handed over ------------------------------------------------------------------
 */

static void identity_free(struct identity *i)
{
	if (!i)
		return;
	free(i->ca);
	free(i->pin);
	EVP_PKEY_free(i->key);
	sk_X509_pop_free(i->certs, X509_free);
	free(i);
}

static int identity_new(struct identity **ret, const struct dm_http_peer *p)
{
	struct identity *i = calloc(1, sizeof(*i));
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

static void post_free(struct post *p)
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

static struct post *post_new(const struct dm_http_request *req)
{
	struct post *p = calloc(1, sizeof(*p));

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

/* ---- call backs of libcurl, in the thread ---------------------------------------------------
 */

static size_t on_body(char *p, size_t size, size_t n, void *userdata)
{
	struct dm_http *h = userdata;
	struct dm_http_answer *a = &h->answer;
	size_t len = size * n, room = h->room ? h->room : CHUNK;
	uint8_t *body;

	if (len > h->max - a->len) {
		h->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	while (room < a->len + len)
		room *= 2;
	if (room > h->max)
		room = h->max;
	if (room > h->room) {
		/* not realloc(): what was there is not to stay */
		body = malloc(room);
		if (!body)
			return CURL_WRITEFUNC_ERROR;
		if (a->len)
			memcpy(body, a->body, a->len);
		if (a->body)
			explicit_bzero(a->body, a->len);
		free(a->body);
		a->body = body;
		h->room = room;
	}
	memcpy(a->body + a->len, p, len);
	a->len += len;
	return len;
}

/* "Name: value" into @out, if it is this one and fits */
static void take_header(const char *p, size_t len, const char *name, char *out, size_t room)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(p, name, n) != 0 || p[n] != ':')
		return;
	p += n + 1;
	len -= n + 1;
	while (len && isspace((unsigned char)*p)) {
		p++;
		len--;
	}
	while (len && isspace((unsigned char)p[len - 1]))
		len--;
	if (len >= room || memchr(p, 0, len))
		return;
	memcpy(out, p, len);
	out[len] = 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *userdata)
{
	struct dm_http_answer *a = &((struct dm_http *)userdata)->answer;

	/* what came with a 100 does not count */
	if (size * n > 5 && !strncmp(p, "HTTP/", 5)) {
		a->hmac[0] = 0;
		a->content_type[0] = 0;
	}
	take_header(p, size * n, DM_HMAC_HEADER, a->hmac, sizeof(a->hmac));
	take_header(p, size * n, "content-type", a->content_type, sizeof(a->content_type));
	return size * n;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *userdata)
{
	struct identity *i = ((struct dm_http *)userdata)->who;
	SSL_CTX *ctx = ssl_ctx;

	(void)easy;
	if (!i->key)
		return CURLE_OK;
	if (SSL_CTX_use_certificate(ctx, sk_X509_value(i->certs, 0)) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, i->key) != 1)
		return CURLE_SSL_CERTPROBLEM;
	for (int n = 1; n < sk_X509_num(i->certs); n++)
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(i->certs, n)) != 1)
			return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

/* ---- one exchange, in the thread -------------------------------------------------------- */

static CURL *new_easy(struct dm_http *h)
{
	CURL *c = curl_easy_init();
	CURLcode r = c ? CURLE_OK : CURLE_OUT_OF_MEMORY;

#define SET(option, value)                                      \
	do {                                                    \
		if (!r)                                         \
			r = curl_easy_setopt(c, option, value); \
	} while (0)
	SET(CURLOPT_PROTOCOLS_STR, h->who->allow_http ? "https,http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	SET(CURLOPT_SSL_CTX_DATA, h);
	if (h->who->ca) {
		SET(CURLOPT_CAINFO, h->who->ca);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (h->who->pin)
		SET(CURLOPT_PINNEDPUBLICKEY, h->who->pin);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_VERBOSE, 0L);
	SET(CURLOPT_USERAGENT, "sesame-dm");
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, h);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, h);
	SET(CURLOPT_ERRORBUFFER, h->error);
	SET(CURLOPT_POST, 1L);
#undef SET
	if (r) {
		curl_easy_cleanup(c);
		return NULL;
	}
	return c;
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	case CURLE_FILESIZE_EXCEEDED:
		return -EMSGSIZE;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return -EACCES;
	default:
		return -EIO;
	}
}

static void lower_type(char *s)
{
	size_t n = strcspn(s, "; \t");

	s[n] = 0;
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* what came, or did not, in words */
static void finish(struct dm_http *h, CURLcode code)
{
	struct dm_http_answer *a = &h->answer;
	curl_off_t after = 0;
	long status = 0;

	if (h->too_long || code == CURLE_FILESIZE_EXCEEDED) {
		a->error = -EMSGSIZE;
		snprintf(a->why, sizeof(a->why), "the answer is longer than %zu bytes", h->max);
		return;
	}
	if (code) {
		a->error = errno_of(code);
		snprintf(a->why, sizeof(a->why), "%s",
			 *h->error ? h->error : curl_easy_strerror(code));
		return;
	}
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after);
	a->status = (unsigned int)status;
	a->retry_after_s = after < 0 ? 0 : after > 86400 ? 86400 : (uint32_t)after;
	lower_type(a->content_type);
}

static bool cancelled(struct dm_http *h)
{
	bool is;

	pthread_mutex_lock(&h->lock);
	is = h->cancel || h->quit;
	pthread_mutex_unlock(&h->lock);
	return is;
}

static CURLcode transfer(struct dm_http *h)
{
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	CURLMsg *m;
	int running, left;

	if (curl_multi_add_handle(h->multi, h->easy))
		return CURLE_FAILED_INIT;
	while (!cancelled(h)) {
		if (curl_multi_perform(h->multi, &running)) {
			code = CURLE_FAILED_INIT;
			break;
		}
		m = curl_multi_info_read(h->multi, &left);
		if (m && m->msg == CURLMSG_DONE) {
			code = m->data.result;
			break;
		}
		curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
	}
	curl_multi_remove_handle(h->multi, h->easy);
	return code;
}

/* the header's fields; @list grows, NULL for want of memory */
static struct curl_slist *field(struct curl_slist *list, bool first, const char *name,
				const char *value)
{
	char text[DM_HTTP_HMAC_MAX + 64];
	struct curl_slist *more = NULL;

	if ((list || first) &&
	    snprintf(text, sizeof(text), "%s: %s", name, value) < (int)sizeof(text))
		more = curl_slist_append(list, text);
	explicit_bzero(text, sizeof(text));
	if (!more)
		curl_slist_free_all(list);
	return more;
}

static struct curl_slist *fields(const struct post *p)
{
	struct curl_slist *f = field(NULL, true, "Content-Type", p->type);

	f = field(f, false, "Accept",
		  "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml");
	f = field(f, false, "Cache-Control", "no-store");
	/* nothing waits for a 100 */
	if (f) {
		struct curl_slist *more = curl_slist_append(f, "Expect:");

		if (!more)
			curl_slist_free_all(f);
		f = more;
	}
	if (p->hmac)
		f = field(f, false, DM_HMAC_HEADER, p->hmac);
	return f;
}

static void run_post(struct dm_http *h, struct post *p)
{
	struct curl_slist *f = fields(p);
	CURLcode code = CURLE_OUT_OF_MEMORY;
	const char *wrong;

	memset(&h->answer, 0, sizeof(h->answer));
	h->room = 0;
	h->max = p->max;
	h->too_long = false;
	h->error[0] = 0;
	if (!h->who) {
		h->answer.error = -EINVAL;
		goto out;
	}
	wrong = dm_http_uri_check(p->uri, h->who->allow_http);
	if (wrong) {
		h->answer.error = -EACCES;
		snprintf(h->answer.why, sizeof(h->answer.why), "the address %s", wrong);
		goto out;
	}
	if (!h->easy && f)
		h->easy = new_easy(h);
	if (h->easy && f) {
		code = curl_easy_setopt(h->easy, CURLOPT_URL, p->uri);
		if (!code)
			code = curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE,
						(curl_off_t)p->len);
		if (!code)
			code = curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, p->body);
		if (!code)
			code = curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, f);
		if (!code)
			code = curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS,
						(long)p->timeout_ms);
		/* known before a byte of the body is read, where the length is said */
		if (!code)
			code = curl_easy_setopt(h->easy, CURLOPT_MAXFILESIZE_LARGE,
						(curl_off_t)p->max);
		if (!code)
			code = transfer(h);
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, NULL);
		curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	}
	finish(h, code);
out:
	curl_slist_free_all(f);
}

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
	struct post *p;

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
		run_post(h, p);
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

/* ---- the owner's ----------------------------------------------------------------------------
 */

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

static void replace(struct dm_http *h, struct identity *next)
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
	struct identity *next;
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
	struct post *p;
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
