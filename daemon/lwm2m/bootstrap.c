// SPDX-License-Identifier: Apache-2.0
/*
 * The order of bootstrap and its times.
 *
 *	start -> CARD -> (factory) -> DONE <---------------------------.
 *	                        |      |  failed(), request()          | success
 *	                        v      v                               |
 *	                     HOLD_OFF -> CONNECTING -> REQUESTING -> SESSION
 *	                        ^             |             |           |
 *	                        `-- WAITING <-+-------------+-----------'
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/bs-priv.h"

#define IDS (LWM2M_DATA_INSTANCES_MAX + 1)
#define RETRY_FIRST_MS 4000U
#define RETRY_MAX_MS 600000U
#define CONNECT_MS 120000U
#define REQUEST_TRIES 3

void bs_log(struct lwm2m_bootstrap *b, int level, const char *format, ...)
{
	char text[CONTENT_WORDS_MAX];
	va_list ap;

	if (!b->ops.log)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	b->ops.log(b->ctx, level, text);
}

size_t bs_accounts(const struct lwm2m_data *d)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, 0, ids, IDS), accounts = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t ssid = lwm2m_data_int(d, 0, ids[i], BS_SEC_SSID, 0);

		if (!lwm2m_data_int(d, 0, ids[i], BS_SEC_BOOTSTRAP, 0) && ssid != 0 &&
		    lwm2m_data_find(d, 1, BS_SRV_SSID, ssid) >= 0)
			accounts++;
	}
	return accounts;
}

int32_t bs_server(const struct lwm2m_data *d)
{
	return lwm2m_data_find(d, 0, BS_SEC_BOOTSTRAP, 1);
}

void bs_set_state(struct lwm2m_bootstrap *b, enum lwm2m_bs_state at, uint64_t next)
{
	b->at = at;
	b->next = next;
}

void bs_disconnect(struct lwm2m_bootstrap *b)
{
	b->linger = LWM2M_NEVER;
	if (!b->connected)
		return;
	b->connected = false;
	b->ops.disconnect(b->ctx);
}

/* ---- the bootstrap server ---------------------------------------------------- */

void bs_hold_off(struct lwm2m_bootstrap *b, uint64_t ms)
{
	b->server = bs_server(b->data);
	if (b->server < 0) {
		bs_set_state(b, bs_accounts(b->data) ? LWM2M_BS_DONE : LWM2M_BS_IDLE,
			     LWM2M_NEVER);
		if (b->at == LWM2M_BS_IDLE) {
			content_words(b->error,
				      "there is no server account and no bootstrap server");
			bs_log(b, b->optional ? LOG_DEBUG : LOG_WARNING, "%s", b->error);
		}
		return;
	}
	bs_set_state(b, LWM2M_BS_HOLD_OFF, b->now + ms);
	if (ms > 0)
		bs_log(b, LOG_INFO, "bootstrap: the server is asked in %llu s",
		       (unsigned long long)(ms + 999) / 1000);
}

uint64_t bs_hold_off_ms(const struct lwm2m_bootstrap *b)
{
	int32_t server = bs_server(b->data);
	int64_t s = server < 0
			    ? 0
			    : lwm2m_data_int(b->data, 0, (uint16_t)server, BS_SEC_HOLD_OFF, 0);

	return s > 0 && s < UINT32_MAX ? (uint64_t)s * 1000 : 0;
}

static void connect_server(struct lwm2m_bootstrap *b)
{
	int r;

	bs_disconnect(b);
	b->server = bs_server(b->data);
	if (b->server < 0) {
		bs_hold_off(b, 0);
		return;
	}
	bs_set_state(b, LWM2M_BS_CONNECTING, b->now + CONNECT_MS);
	b->connected = true;
	r = b->ops.connect(b->ctx, (uint16_t)b->server);
	if (r < 0 && b->at == LWM2M_BS_CONNECTING) {
		content_words(b->error, "bootstrap: the server cannot be reached: %s",
			      strerror(-r));
		bs_failed(b);
	}
}

void bs_failed(struct lwm2m_bootstrap *b)
{
	uint32_t r, ms = b->attempts < 8 ? RETRY_FIRST_MS << b->attempts : RETRY_MAX_MS;
	uint64_t hold = bs_hold_off_ms(b);

	bs_session_end(b);
	bs_disconnect(b);
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	b->ops.coap.random(b->ctx, &r, sizeof(r));
	ms = ms / 2 + r % (ms / 2 + 1);
	b->attempts++;
	if (b->attempts >= REQUEST_TRIES)
		b->requested = false; /* whoever asked may ask again */
	bs_set_state(b, LWM2M_BS_WAITING, b->now + (hold > ms ? hold : ms));
	bs_log(b, LOG_WARNING, "%s; next try in %llu s", b->error,
	       (unsigned long long)(b->next - b->now + 999) / 1000);
}

static void schedule_purge(struct lwm2m_bootstrap *b)
{
	int32_t server = bs_server(b->data);
	int64_t s = server < 0
			    ? 0
			    : lwm2m_data_int(b->data, 0, (uint16_t)server, BS_SEC_TIMEOUT, 0);

	b->purge = s > 0 && s < UINT32_MAX ? b->now + (uint64_t)s * 1000 : LWM2M_NEVER;
	if (bs_state_save(b) < 0)
		bs_log(b, LOG_ERR, "bootstrap: what came of it cannot be noted down");
}

void bs_succeeded(struct lwm2m_bootstrap *b)
{
	bs_log(b, LOG_INFO, "bootstrap: done, %zu server accounts", bs_accounts(b->data));
	b->attempts = 0;
	b->requested = false;
	b->error[0] = '\0';
	bs_session_end(b);
	bs_set_state(b, LWM2M_BS_DONE, LWM2M_NEVER);
	schedule_purge(b);
	if (b->linger == LWM2M_NEVER)
		bs_disconnect(b);
	b->ops.changed(b->ctx);
}

/* Resource 12 of the bootstrap account: it has served its time. */
static void purge(struct lwm2m_bootstrap *b)
{
	const int32_t server = bs_server(b->data);
	const struct lwm2m_value *link;
	struct lwm2m_path path, oscore;
	int r = 0;

	b->purge = LWM2M_NEVER;
	if (server < 0)
		return;
	path = lwm2m_path_at(2, 0, (uint16_t)server, 0, 0);
	link = lwm2m_data_get(b->data, 0, (uint16_t)server, BS_SEC_OSCORE);
	oscore = lwm2m_path_at(2, 21, link && link->object == 21 ? link->instance : UINT16_MAX,
			       0, 0);
	r = lwm2m_data_begin(b->data);
	if (r == 0) {
		r = lwm2m_data_remove(b->data, &path);
		if (r == 0 && lwm2m_data_has(b->data, 21, oscore.id[1]))
			r = lwm2m_data_remove(b->data, &oscore);
		if (r == 0)
			r = lwm2m_data_commit(b->data);
		else
			lwm2m_data_rollback(b->data);
	}
	if (r < 0) {
		bs_log(b, LOG_ERR, "bootstrap: the account of the server cannot be removed: %s",
		       strerror(-r));
		b->purge = b->now + RETRY_MAX_MS;
		return;
	}
	bs_state_save(b);
	bs_log(b, LOG_NOTICE, "bootstrap: the account of the server has ended");
	if (b->at != LWM2M_BS_DONE && b->at != LWM2M_BS_CARD) {
		bs_session_end(b);
		bs_disconnect(b);
		bs_hold_off(b, 0);
	}
	b->ops.changed(b->ctx);
}

/* ---- from outside ------------------------------------------------------------ */

int lwm2m_bootstrap_new(struct lwm2m_bootstrap **ret,
			const struct lwm2m_bootstrap_config *config, struct lwm2m_data *data,
			struct store *state, const struct lwm2m_bootstrap_ops *ops, void *ctx)
{
	struct lwm2m_bootstrap *b;
	int r;

	if (config->version < 10 || config->version > 12)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->ops = *ops;
	b->ctx = ctx;
	b->data = data;
	b->state = state;
	b->card = config->card;
	b->pack = config->pack;
	b->version = config->version;
	b->allow_nosec = config->allow_nosec;
	b->optional = config->optional;
	b->server = -1;
	b->next = b->card_next = b->linger = b->purge = LWM2M_NEVER;
	r = bs_session_new(b);
	if (r == 0 && config->endpoint && *config->endpoint) {
		b->endpoint = strdup(config->endpoint);
		r = b->endpoint ? 0 : -ENOMEM;
	}
	if (r == 0 && config->factory.len > 0) {
		b->factory = malloc(config->factory.len);
		r = b->factory ? 0 : -ENOMEM;
		if (r == 0) {
			memcpy(b->factory, config->factory.p, config->factory.len);
			b->factory_len = config->factory.len;
		}
	}
	if (r == 0)
		r = bs_state_load(b);
	if (r < 0) {
		lwm2m_bootstrap_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void lwm2m_bootstrap_free(struct lwm2m_bootstrap *b)
{
	if (!b)
		return;
	if (b->own)
		bs_session_end(b);
	coap_endpoint_free(b->own);
	bs_list_clear(&b->from_card);
	if (b->factory)
		explicit_bzero(b->factory, b->factory_len);
	free(b->factory);
	free(b->endpoint);
	free(b);
}

static bool busy(const struct lwm2m_bootstrap *b)
{
	return b->at == LWM2M_BS_CONNECTING || b->at == LWM2M_BS_REQUESTING ||
	       b->at == LWM2M_BS_SESSION || b->at == LWM2M_BS_HOLD_OFF;
}

void lwm2m_bootstrap_failed(struct lwm2m_bootstrap *b, uint64_t now, uint16_t ssid)
{
	b->now = now;
	if (busy(b) || b->at == LWM2M_BS_CARD || b->at == LWM2M_BS_WAITING ||
	    bs_server(b->data) < 0)
		return;
	bs_log(b, LOG_NOTICE, "bootstrap: server %u does not take this device", ssid);
	bs_hold_off(b, bs_hold_off_ms(b));
}

void lwm2m_bootstrap_registered(struct lwm2m_bootstrap *b, uint64_t now, uint16_t ssid)
{
	b->now = now;
	(void)ssid;
	/* what was wanted for want of a server is wanted no more */
	if (!b->requested && (b->at == LWM2M_BS_HOLD_OFF || b->at == LWM2M_BS_WAITING))
		bs_set_state(b, LWM2M_BS_DONE, LWM2M_NEVER);
}

int lwm2m_bootstrap_request(struct lwm2m_bootstrap *b, uint64_t now)
{
	b->now = now;
	if (b->at == LWM2M_BS_CARD)
		return -EBUSY;
	if (bs_server(b->data) < 0)
		return -ENOENT;
	if (b->at != LWM2M_BS_CONNECTING && b->at != LWM2M_BS_REQUESTING &&
	    b->at != LWM2M_BS_SESSION) {
		b->requested = true;
		b->attempts = 0;
		bs_hold_off(b, 0);
	}
	return 0;
}

void lwm2m_bootstrap_up(struct lwm2m_bootstrap *b, uint64_t now)
{
	b->now = now;
	if (b->at == LWM2M_BS_CONNECTING)
		bs_session_begin(b);
}

void lwm2m_bootstrap_down(struct lwm2m_bootstrap *b, uint64_t now, int error, const char *what)
{
	b->now = now;
	if (b->at != LWM2M_BS_CONNECTING && b->at != LWM2M_BS_REQUESTING &&
	    b->at != LWM2M_BS_SESSION) {
		bs_disconnect(b);
		return;
	}
	content_words(b->error, "bootstrap: %s",
		      what ? what : strerror(error < 0 ? -error : error));
	bs_failed(b);
}

void lwm2m_bootstrap_input(struct lwm2m_bootstrap *b, uint64_t now, const uint8_t *data,
			   size_t len)
{
	b->now = now;
	coap_input(b->ep, now, data, len);
}

void lwm2m_bootstrap_tick(struct lwm2m_bootstrap *b, uint64_t now)
{
	b->now = now;
	coap_tick(b->ep, now);
	if (now >= b->linger)
		bs_disconnect(b);
	if (now >= b->card_next)
		bs_read_card(b);
	if (now >= b->purge)
		purge(b);
	if (now < b->next)
		return;
	switch (b->at) {
	case LWM2M_BS_HOLD_OFF:
	case LWM2M_BS_WAITING:
		connect_server(b);
		break;
	case LWM2M_BS_CONNECTING:
		content_words(b->error, "bootstrap: the server cannot be reached");
		bs_failed(b);
		break;
	case LWM2M_BS_SESSION:
		content_words(b->error, "bootstrap: the server did not finish");
		bs_failed(b);
		break;
	case LWM2M_BS_IDLE:
	case LWM2M_BS_CARD:
	case LWM2M_BS_DONE:
	case LWM2M_BS_REQUESTING:
	default:
		b->next = LWM2M_NEVER;
		break;
	}
}

uint64_t lwm2m_bootstrap_deadline(const struct lwm2m_bootstrap *b)
{
	uint64_t t = coap_next_deadline(b->ep);

	t = b->next < t ? b->next : t;
	t = b->linger < t ? b->linger : t;
	t = b->card_next < t ? b->card_next : t;
	return b->purge < t ? b->purge : t;
}

void lwm2m_bootstrap_status(const struct lwm2m_bootstrap *b, struct lwm2m_bootstrap_status *st)
{
	memset(st, 0, sizeof(*st));
	st->state = b->at;
	st->source = b->source;
	st->next = b->next;
	st->attempts = b->attempts;
	memcpy(st->error, b->error, sizeof(st->error));
}

const char *lwm2m_bs_state_name(enum lwm2m_bs_state state)
{
	static const char *const names[] = {
		[LWM2M_BS_IDLE] = "idle",
		[LWM2M_BS_CARD] = "card",
		[LWM2M_BS_DONE] = "done",
		[LWM2M_BS_HOLD_OFF] = "hold-off",
		[LWM2M_BS_CONNECTING] = "connecting",
		[LWM2M_BS_REQUESTING] = "requesting",
		[LWM2M_BS_SESSION] = "session",
		[LWM2M_BS_WAITING] = "waiting",
	};

	return names[state];
}

const char *lwm2m_bs_source_name(enum lwm2m_bs_source source)
{
	static const char *const names[] = {
		[LWM2M_BS_FROM_NOTHING] = "configuration",
		[LWM2M_BS_FROM_CARD] = "card",
		[LWM2M_BS_FROM_FACTORY] = "factory",
		[LWM2M_BS_FROM_SERVER] = "server",
	};

	return names[source];
}
