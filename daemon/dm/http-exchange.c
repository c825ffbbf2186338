// SPDX-License-Identifier: Apache-2.0
/* One exchange, in the thread: what libcurl is told, and what came of it in words. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/auth.h"
#include "dm/http-priv.h"

#define CONNECT_MS 20000L
#define CHUNK (16U << 10)

/* ---- call backs of libcurl ---------------------------------------------------------- */

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
	struct http_identity *i = ((struct dm_http *)userdata)->who;
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

/* ---- the exchange ------------------------------------------------------------------- */

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

static struct curl_slist *fields(const struct http_post *p)
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

void http_exchange(struct dm_http *h, struct http_post *p)
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
