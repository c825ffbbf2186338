// SPDX-License-Identifier: Apache-2.0
/*
 * A server account at work: client, transport, jobs. When an association is made is
 * the client's business (registration.c), how it is made account-link.c's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "job/job.h"
#include "lwm2m/account-priv.h"

void account_log(struct lwm2m_account *a, int level, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!a->log)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	a->log(a->log_ctx, level, text);
}

/* ---- call backs ------------------------------------------------------------ */

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct lwm2m_account *a = ctx;

	/* what does not go out is lost in the network: CoAP repeats */
	if (a->transport && !a->dead)
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

/* a session may be one that the server has forgotten, an address one that we have not
 * any more: always over a new association */
static bool on_lost(void *ctx)
{
	struct lwm2m_account *a = ctx;

	a->dead = true;
	return true;
}

static void on_connect(void *ctx)
{
	struct lwm2m_account *a = ctx;

	a->wanted = true;
}

static bool on_failed(void *ctx)
{
	struct lwm2m_account *a = ctx;

	return a->failed && a->failed(a->log_ctx);
}

/* ---- life ------------------------------------------------------------------ */

/* after each call that may have called back */
static void settle(struct lwm2m_account *a)
{
	struct lwm2m_status st;

	lwm2m_client_status(a->client, &st);
	if (st.state == LWM2M_REGISTERED)
		a->tries = 0;
	if (!a->wanted || a->hold_until > 0)
		return;
	a->wanted = false;
	if (st.state != LWM2M_STOPPED)
		account_link_open(a);
}

static int add_links(struct lwm2m_account *a, const struct lwm2m_account_config *config,
		     char *why)
{
	int err = 0;

	if (config->nr_security == 0) {
		content_words(why, "no Security instance says how the server is reached");
		return -EINVAL;
	}
	for (size_t i = 0; i < config->nr_security && err == 0; i++)
		err = account_link_add(a, &config->security[i], why);
	return err;
}

int lwm2m_account_new(struct lwm2m_account **ret, const struct lwm2m_account_config *config,
		      struct job_store *store, struct content_ses *ses, uint64_t now, char *why)
{
	static const struct lwm2m_client_ops ops = {
		.coap =
			{
				.send = on_send,
				.random = on_random,
				.dedup_store = account_record_store,
				.dedup_find = account_record_find,
				.mids = account_mids,
			},
		.clock = on_clock,
		.log = on_log,
		.lost = on_lost,
		.connect = on_connect,
		.failed = on_failed,
	};
	struct lwm2m_account *a = calloc(1, sizeof(*a));
	struct lwm2m_config client = config->client;
	struct lwm2m_status st;
	int err;

	if (!a)
		return -ENOMEM;
	*why = '\0';
	a->cred_fd = -1;
	a->keys = config->keys;
	a->store = store;
	a->shared = client.shared;
	a->log = config->log;
	a->failed = config->failed;
	a->log_ctx = config->log_ctx;
	a->now = now;
	err = add_links(a, config, why);
	if (err < 0)
		goto fail;
	err = -ENOMEM;
	a->name = strdup(client.name ? client.name : "");
	if (!a->name)
		goto fail;
	client.uri = config->security[0].uri;
	client.secure_psk = a->links[0].s.mode == LWM2M_SECURITY_PSK;
	err = lwm2m_jobs_new(&a->jobs, store, a->name);
	if (err < 0) {
		content_words(why, "the journal does not take it: %s", strerror(-err));
		goto fail;
	}
	err = account_records_load(a);
	if (err == 0)
		err = lwm2m_client_new(&a->client, &client, &ops, a, &lwm2m_ses_ops, ses,
				       &lwm2m_jobs_ops, a->jobs);
	if (err < 0) {
		content_words(why,
			      err == -EINVAL ? "endpoint or version is not usable"
					     : "cannot be made: %s",
			      strerror(-err));
		goto fail;
	}
	lwm2m_client_begin(a->client, now);
	a->ssid = lwm2m_client_server(a->client)->ssid;
	a->hold_until = config->hold_until > now ? config->hold_until : 0;
	/* a server that wants to be left alone is not even connected to */
	lwm2m_client_status(a->client, &st);
	a->wanted = st.state == LWM2M_OFFLINE;
	settle(a);
	*ret = a;
	return 0;
fail:
	if (err < 0 && !*why)
		content_words(why, "cannot be made: %s", strerror(-err));
	lwm2m_account_free(a);
	return err;
}

void lwm2m_account_free(struct lwm2m_account *a)
{
	if (!a)
		return;
	lwm2m_client_free(a->client);
	account_link_close(a);
	if (a->cred_fd >= 0)
		close(a->cred_fd);
	lwm2m_jobs_free(a->jobs);
	account_records_drop(a);
	account_links_free(a);
	free(a->name);
	free(a);
}

/* ---- the loop's side ------------------------------------------------------- */

static bool alive(const struct lwm2m_account *a)
{
	return a->transport && !a->dead;
}

int lwm2m_account_fd(const struct lwm2m_account *a)
{
	if (a->resolving)
		return a->cred_fd;
	return alive(a) ? coap_transport_fd(a->transport) : -1;
}

uint32_t lwm2m_account_events(const struct lwm2m_account *a)
{
	if (a->resolving)
		return EPOLLIN;
	return alive(a) ? coap_transport_events(a->transport) : 0;
}

uint64_t lwm2m_account_deadline(const struct lwm2m_account *a)
{
	uint64_t t = lwm2m_client_deadline(a->client), u;

	if (a->hold_until > 0)
		return a->hold_until;
	if (alive(a)) {
		u = coap_transport_deadline(a->transport);
		t = u < t ? u : t;
	}
	return t;
}

void lwm2m_account_ready(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	if (a->resolving)
		account_link_resolved(a);
	else if (alive(a))
		coap_transport_ready(a->transport, now);
	settle(a);
}

void lwm2m_account_release(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	a->hold_until = 0;
	settle(a);
}

void lwm2m_account_tick(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	if (now >= a->hold_until)
		a->hold_until = 0;
	if (a->hold_until == 0 && alive(a))
		coap_transport_tick(a->transport, now);
	if (a->hold_until == 0)
		lwm2m_client_tick(a->client, now);
	settle(a);
}

/* would the kernel send to the server from another address than we do? */
static bool moved(const struct lwm2m_account *a)
{
	struct sockaddr_storage peer, ours, other;
	socklen_t len[3] = {sizeof(peer), sizeof(ours), sizeof(other)};
	int fd = coap_transport_fd(a->transport), probe;
	bool is = false;

	memset(&ours, 0, sizeof(ours));
	memset(&other, 0, sizeof(other));
	if (getpeername(fd, (struct sockaddr *)&peer, &len[0]) < 0 ||
	    getsockname(fd, (struct sockaddr *)&ours, &len[1]) < 0)
		return false;
	/* a datagram socket sends nothing in order to connect */
	probe = socket(peer.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return false;
	/* if no way leads there now, another message tells when one does */
	if (connect(probe, (struct sockaddr *)&peer, len[0]) == 0 &&
	    getsockname(probe, (struct sockaddr *)&other, &len[2]) == 0) {
		if (ours.ss_family == AF_INET6)
			is = memcmp(&((struct sockaddr_in6 *)&ours)->sin6_addr,
				    &((struct sockaddr_in6 *)&other)->sin6_addr,
				    sizeof(struct in6_addr)) != 0;
		else
			is = ((struct sockaddr_in *)&ours)->sin_addr.s_addr !=
			     ((struct sockaddr_in *)&other)->sin_addr.s_addr;
	}
	close(probe);
	return is;
}

void lwm2m_account_network(struct lwm2m_account *a, uint64_t now)
{
	struct lwm2m_status st;

	a->now = now;
	lwm2m_client_status(a->client, &st);
	if (!a->transport || a->hold_until > 0 || st.state == LWM2M_STOPPED ||
	    st.state == LWM2M_DISABLED || st.state == LWM2M_FAILED || (!a->dead && !moved(a)))
		return;
	account_log(a, LOG_INFO, "the network has changed: connecting anew");
	a->dead = true;
	lwm2m_client_renew(a->client, now);
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

void lwm2m_account_changed(struct lwm2m_account *a, uint64_t now, uint16_t object,
			   int32_t instance)
{
	a->now = now;
	lwm2m_client_changed(a->client, now, object, instance);
	settle(a);
}

void lwm2m_account_update(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	lwm2m_registration_update(a->client, false);
	lwm2m_client_tick(a->client, now);
	settle(a);
}

const struct lwm2m_client *lwm2m_account_client(const struct lwm2m_account *a)
{
	return a->client;
}

void lwm2m_account_stop(struct lwm2m_account *a, uint64_t now)
{
	a->now = now;
	a->hold_until = 0;
	a->wanted = false;
	lwm2m_client_stop(a->client, now);
}

void lwm2m_account_status(const struct lwm2m_account *a, struct lwm2m_status *st)
{
	lwm2m_client_status(a->client, st);
	if (a->hold_until > 0)
		st->next = a->hold_until;
}
