// SPDX-License-Identifier: Apache-2.0
/*
 * A [server] section at work: client, transport, jobs, and the record of
 * requests that must not run twice.
 *
 * Of the requests that change something, a Write (PUT) is not recorded: doing it
 * again gives the same, no APDU leaves for it, and a long script is thousands
 * of blocks. Execute, Create, Delete and partial updates are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "coap/transport.h"
#include "job/job.h"
#include "lwm2m/internal.h"

#define EXCHANGE_LIFETIME_S 247U /* RFC 7252, 4.8.2 */
#define REOPEN_FIRST_MS 2000U
#define REOPEN_MAX_MS 300000U
#define KEY_HEADER 12U

struct record {
	struct record *next;
	uint64_t until; /* as the client counts time */
	uint8_t key[128];
	size_t key_len;
	size_t response_len;
	uint8_t response[];
};

struct lwm2m_account {
	char *name;
	struct job_store *store;
	struct lwm2m_jobs *jobs;
	struct lwm2m_client *client;
	struct coap_transport *transport;
	void (*log)(void *ctx, int level, const char *text);
	void *log_ctx;

	bool secure;
	char *host, *port;
	char *psk_identity;
	uint8_t psk_key[64];
	size_t psk_key_len;

	uint64_t now;
	bool held;	 /* not contacted yet, on purpose */
	bool opened;	 /* it was up once: the next one is a new association */
	bool failed;	 /* the transport is gone */
	bool lost;	 /* the server does not answer */
	uint64_t reopen; /* when, or LWM2M_NEVER */
	unsigned int attempts;
	char why[LWM2M_WORDS_MAX];

	struct record *records; /* from before this process */
	bool records_lost;	/* … there was no memory for all */
};

/* ---- requests that must not run twice -------------------------------------- */

static size_t make_key(const struct lwm2m_account *a, const struct coap_dedup_record *rec,
		       uint8_t key[128])
{
	size_t at = strnlen(a->name, 128 - KEY_HEADER - COAP_TOKEN_MAX - 1);

	memcpy(key, a->name, at);
	key[at++] = 0;
	key[at++] = (uint8_t)(rec->mid >> 8);
	key[at++] = (uint8_t)rec->mid;
	key[at++] = rec->code;
	for (int i = 56; i >= 0; i -= 8)
		key[at++] = (uint8_t)(rec->digest >> i);
	memcpy(key + at, rec->token, rec->token_len);
	return at + rec->token_len;
}

static int on_dedup_store(void *ctx, const struct coap_dedup_record *rec)
{
	struct lwm2m_account *a = ctx;
	uint8_t key[128];
	size_t len;
	int ret;

	if (rec->code == COAP_PUT)
		return 0;
	len = make_key(a, rec, key);
	ret = job_dedup_put(a->store, key, len,
			    rec->response ? rec->response : (const uint8_t *)"",
			    rec->response_len, EXCHANGE_LIFETIME_S);
	if (ret < 0 && a->log) {
		char text[LWM2M_WORDS_MAX];

		lwm2m_words(text, "a request is refused, the journal cannot take it: %s",
			    strerror(-ret));
		a->log(a->log_ctx, LOG_ERR, text);
	}
	return ret;
}

static int on_dedup_find(void *ctx, struct coap_dedup_record *rec)
{
	struct lwm2m_account *a = ctx;
	struct record **at = &a->records, *r;
	uint8_t key[128];
	size_t len = make_key(a, rec, key);

	while ((r = *at)) {
		/* a server uses its message ids and tokens again */
		if (r->until <= a->now) {
			*at = r->next;
			free(r);
			continue;
		}
		if (r->key_len == len && memcmp(r->key, key, len) == 0) {
			rec->response = r->response_len ? r->response : NULL;
			rec->response_len = r->response_len;
			return 1;
		}
		at = &r->next;
	}
	return 0;
}

static void load_record(void *userdata, const void *key, size_t key_len, const void *rsp,
			size_t rsp_len, uint32_t left_s)
{
	struct lwm2m_account *a = userdata;
	size_t n = strlen(a->name) + 1;
	struct record *r;

	if (key_len < n || key_len > sizeof(r->key) || memcmp(key, a->name, n) != 0)
		return;
	r = malloc(sizeof(*r) + rsp_len);
	if (!r) {
		a->records_lost = true;
		return;
	}
	memcpy(r->key, key, key_len);
	r->key_len = key_len;
	r->until = a->now + left_s * 1000ULL;
	r->response_len = rsp_len;
	if (rsp_len > 0)
		memcpy(r->response, rsp, rsp_len);
	r->next = a->records;
	a->records = r;
}

/* ---- call backs ------------------------------------------------------------ */

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct lwm2m_account *a = ctx;

	/* what does not go out is lost in the network: CoAP repeats */
	if (a->transport)
		coap_transport_send(a->transport, data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	/* 256 bytes and less come whole once the pool is ready */
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

static int64_t on_clock(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

static void on_log(void *ctx, int level, const char *text)
{
	struct lwm2m_account *a = ctx;

	if (a->log)
		a->log(a->log_ctx, level, text);
}

/*
 * Over UDP there is nothing to renew, the client tries again by itself; a DTLS
 * session may be one that the server has forgotten.
 */
static bool on_lost(void *ctx)
{
	struct lwm2m_account *a = ctx;

	a->lost = a->secure;
	return a->lost;
}

static void on_up(void *ctx, bool resumed)
{
	struct lwm2m_account *a = ctx;

	/* a new DTLS session starts the message ids of the server anew */
	(void)resumed;
	a->attempts = 0;
	lwm2m_client_up(a->client, a->now, a->opened && a->secure);
	a->opened = true;
}

static void on_datagram(void *ctx, const uint8_t *data, size_t len)
{
	struct lwm2m_account *a = ctx;

	lwm2m_client_input(a->client, a->now, data, len);
}

static void on_problem(void *ctx, int error, const char *what, bool fatal)
{
	struct lwm2m_account *a = ctx;

	if (!fatal) {
		lwm2m_client_unreachable(a->client, a->now, error < 0 ? error : -error);
		return;
	}
	a->failed = true;
	lwm2m_words(a->why, "%s", what);
	lwm2m_client_down(a->client, a->now, error, what);
}

static const struct coap_transport_handler handler = {
	.up = on_up,
	.datagram = on_datagram,
	.problem = on_problem,
};

/* ---- life ------------------------------------------------------------------ */

/* coap://host[:port] and coaps://, the host in brackets if it is IPv6 */
static int parse_uri(struct lwm2m_account *a, const char *uri, char *why)
{
	const char *p = uri ? uri : "", *end, *port = NULL;

	if (strncmp(p, "coaps://", 8) == 0) {
		a->secure = true;
		p += 8;
	} else if (strncmp(p, "coap://", 7) == 0) {
		p += 7;
	} else {
		goto bad;
	}
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end || (end[1] != '\0' && end[1] != ':' && end[1] != '/'))
			goto bad;
		port = end[1] == ':' ? end + 2 : NULL;
	} else {
		end = p + strcspn(p, ":/");
		port = *end == ':' ? end + 1 : NULL;
	}
	if (end == p || (port && strspn(port, "0123456789") == 0))
		goto bad;
	a->host = strndup(p, (size_t)(end - p));
	if (port) {
		size_t n = strspn(port, "0123456789");

		a->port = strndup(port, n);
		p = port + n;
	} else {
		p = *end == ']' ? end + 1 : end;
	}
	if (*p == '/')
		p++;
	if (*p)
		goto bad;
	return a->host && (!port || a->port) ? 0 : -ENOMEM;
bad:
	lwm2m_words(why, "uri \"%s\" is not coap://host[:port] or coaps://host[:port]",
		    uri ? uri : "");
	return -EINVAL;
}

static void later(struct lwm2m_account *a)
{
	uint32_t r, ms = a->attempts < 8 ? REOPEN_FIRST_MS << a->attempts : REOPEN_MAX_MS;
	char text[LWM2M_WORDS_MAX + 64];

	if (ms > REOPEN_MAX_MS)
		ms = REOPEN_MAX_MS;
	on_random(a, &r, sizeof(r));
	a->attempts++;
	a->reopen = a->now + ms / 2 + r % (ms / 2 + 1);
	snprintf(text, sizeof(text), "%s; next try in %llu s", a->why,
		 (unsigned long long)((a->reopen - a->now + 999) / 1000));
	on_log(a, LOG_WARNING, text);
}

static void open_transport(struct lwm2m_account *a)
{
	const struct coap_transport_config config = {
		.kind = a->secure ? COAP_TRANSPORT_DTLS : COAP_TRANSPORT_UDP,
		.host = a->host,
		.port = a->port,
		.credentials =
			{
				.auth = a->secure ? COAP_AUTH_PSK : COAP_AUTH_NONE,
				.psk_identity = a->psk_identity,
				.psk_key = a->psk_key,
				.psk_key_len = a->psk_key_len,
			},
	};
	int ret;

	a->reopen = LWM2M_NEVER;
	a->held = a->failed = a->lost = false;
	if (a->transport)
		ret = coap_transport_reopen(a->transport, a->now, a->why, sizeof(a->why));
	else
		ret = coap_transport_open(&a->transport, &config, &handler, a, a->now, a->why,
					  sizeof(a->why));
	if (ret < 0) {
		lwm2m_client_down(a->client, a->now, ret, a->why);
		a->failed = true;
	}
}

/* after each call that may have called back */
static void settle(struct lwm2m_account *a)
{
	struct lwm2m_status st;

	lwm2m_client_status(a->client, &st);
	if (st.state == LWM2M_STOPPED)
		return;
	if (a->lost && !a->failed) {
		a->failed = true;
		lwm2m_words(a->why, "%s", st.error);
		lwm2m_client_down(a->client, a->now, -ETIMEDOUT, a->why);
	}
	a->lost = false;
	if (a->failed && a->reopen == LWM2M_NEVER)
		later(a);
}

int lwm2m_account_new(struct lwm2m_account **ret, const struct lwm2m_account_config *config,
		      struct job_store *store, struct lwm2m_ses *ses, uint64_t now, char *why)
{
	static const struct lwm2m_client_ops ops = {
		.coap =
			{
				.send = on_send,
				.random = on_random,
				.dedup_store = on_dedup_store,
				.dedup_find = on_dedup_find,
			},
		.clock = on_clock,
		.log = on_log,
		.lost = on_lost,
	};
	struct lwm2m_account *a = calloc(1, sizeof(*a));
	struct lwm2m_config client = config->client;
	int err;

	if (!a)
		return -ENOMEM;
	*why = '\0';
	a->store = store;
	a->log = config->log;
	a->log_ctx = config->log_ctx;
	a->now = now;
	a->reopen = LWM2M_NEVER;
	err = parse_uri(a, client.uri, why);
	if (err < 0)
		goto fail;
	if (a->secure && (!config->psk_identity || config->psk_key_len == 0)) {
		lwm2m_words(why, "a coaps:// server needs a PSK identity and a key");
		err = -EINVAL;
		goto fail;
	}
	if (config->psk_key_len > sizeof(a->psk_key)) {
		lwm2m_words(why, "the key has %zu bytes, at most %zu can be used",
			    config->psk_key_len, sizeof(a->psk_key));
		err = -EINVAL;
		goto fail;
	}
	if (config->psk_key_len > 0)
		memcpy(a->psk_key, config->psk_key, config->psk_key_len);
	a->psk_key_len = config->psk_key_len;
	a->name = strdup(client.name ? client.name : "");
	a->psk_identity = config->psk_identity ? strdup(config->psk_identity) : NULL;
	err = -ENOMEM;
	if (!a->name || (config->psk_identity && !a->psk_identity))
		goto fail;
	client.secure_psk = a->secure;
	err = lwm2m_jobs_new(&a->jobs, store, a->name);
	if (err < 0) {
		lwm2m_words(why, "the journal does not take it: %s", strerror(-err));
		goto fail;
	}
	err = job_dedup_each(store, load_record, a);
	if (err == 0 && a->records_lost)
		err = -ENOMEM;
	if (err == 0)
		err = lwm2m_client_new(&a->client, &client, &ops, a, &lwm2m_ses_ops, ses,
				       &lwm2m_jobs_ops, a->jobs);
	if (err < 0) {
		lwm2m_words(why,
			    err == -EINVAL ? "endpoint or version is not usable"
					   : "cannot be made: %s",
			    strerror(-err));
		goto fail;
	}
	if (config->hold_until > now) {
		a->held = true;
		a->reopen = config->hold_until;
	} else {
		open_transport(a);
		settle(a);
	}
	*ret = a;
	return 0;
fail:
	lwm2m_account_free(a);
	return err;
}

void lwm2m_account_free(struct lwm2m_account *a)
{
	struct record *next;

	if (!a)
		return;
	lwm2m_client_free(a->client);
	coap_transport_close(a->transport);
	lwm2m_jobs_free(a->jobs);
	for (struct record *r = a->records; r; r = next) {
		next = r->next;
		free(r);
	}
	explicit_bzero(a->psk_key, sizeof(a->psk_key));
	free(a->psk_identity);
	free(a->host);
	free(a->port);
	free(a->name);
	free(a);
}

/* ---- the loop's side ------------------------------------------------------- */

int lwm2m_account_fd(const struct lwm2m_account *a)
{
	return a->transport && !a->failed ? coap_transport_fd(a->transport) : -1;
}

uint32_t lwm2m_account_events(const struct lwm2m_account *a)
{
	return a->transport && !a->failed ? coap_transport_events(a->transport) : 0;
}

uint64_t lwm2m_account_deadline(const struct lwm2m_account *a)
{
	uint64_t t = lwm2m_client_deadline(a->client), u;

	if (a->held)
		return a->reopen;
	if (a->transport && !a->failed) {
		u = coap_transport_deadline(a->transport);
		t = u < t ? u : t;
	}
	return a->reopen < t ? a->reopen : t;
}

void lwm2m_account_ready(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	if (a->transport && !a->failed)
		coap_transport_ready(a->transport, now);
	settle(a);
}

void lwm2m_account_release(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	if (!a->held)
		return;
	open_transport(a);
	settle(a);
}

void lwm2m_account_tick(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	if (now >= a->reopen)
		open_transport(a);
	if (a->held)
		return;
	if (a->transport && !a->failed)
		coap_transport_tick(a->transport, now);
	lwm2m_client_tick(a->client, now);
	settle(a);
}

void lwm2m_account_job_changed(struct lwm2m_account *a, uint64_t now, uint64_t job)
{
	struct job_info info;
	char origin[JOB_ORIGIN_MAX];

	a->now = now;
	snprintf(origin, sizeof(origin), "lwm2m:%s", a->name);
	if (job_get(a->store, job, &info) < 0) /* deleted: any of them */
		lwm2m_client_changed(a->client, now, MODEL_OBJECT_SCRIPT, -1);
	else if (strcmp(info.origin, origin) == 0 && info.slot >= 0 && info.slot < UINT16_MAX)
		lwm2m_client_changed(a->client, now, MODEL_OBJECT_SCRIPT, (int32_t)info.slot);
	settle(a);
}

void lwm2m_account_se_changed(struct lwm2m_account *a, uint64_t now, uint16_t instance)
{
	a->now = now;
	lwm2m_client_changed(a->client, now, MODEL_OBJECT_SE, instance);
	settle(a);
}

void lwm2m_account_stop(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	a->held = false;
	a->reopen = LWM2M_NEVER;
	lwm2m_client_stop(a->client, now);
}

void lwm2m_account_status(const struct lwm2m_account *a, struct lwm2m_status *st)
{
	lwm2m_client_status(a->client, st);
	if (a->reopen != LWM2M_NEVER)
		st->next = a->reopen;
}
