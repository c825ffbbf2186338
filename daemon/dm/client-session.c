// SPDX-License-Identifier: Apache-2.0
/*
 * The session that runs: an engine, and the messages that go to and fro.
 *
 * A message whose answer does not arrive goes again, the very same bytes, after 1, 2, 4, 8
 * seconds (by default), or when the server said (Retry-After). Whether the server has it
 * already does not matter: it knows it by its MsgID, as the engine does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <openssl/evp.h>

#include "coap/transport.h"
#include "dm/client-priv.h"
#include "gp/error.h"
#include "keys/seref.h"

#define PAUSES 30 /* the first pause between two tries is so often in one between sessions */
#define PAUSE_MAX_MS 60000U
#define LAST_MS 3000U /* for the abort, which nobody waits for */
#define MAX_MSG_DEFAULT 65536U

/* ---- its end ------------------------------------------------------------------------- */

void client_session_drop(struct dm_client *c)
{
	struct session *s = &c->session;

	client_ui_close(c);
	if (s->load)
		keys_cred_cancel(s->load);
	dm_engine_free(s->engine);
	dm_outbox_release(&s->alert);
	EVP_PKEY_free(s->key);
	if (c->http)
		dm_http_end(c->http);
	keys_cred_clear(&s->cred);
	dm_account_clear(&s->account);
	memset(s, 0, sizeof(*s));
}

unsigned int client_session_wants(const struct dm_client *c, const struct slot *s)
{
	if (c->session.phase == PHASE_NONE || strcmp(c->session.account.node, s->node) != 0)
		return 0;
	return c->session.want;
}

static void succeed(struct dm_client *c, struct slot *slot, uint64_t now)
{
	dm_outbox_release(&c->session.alert);
	slot->sessions++;
	slot->failures = 0;
	slot->not_before = 0;
	slot->error[0] = 0;
	client_last(c, slot, now);
	slot->alerts = (unsigned int)dm_outbox_count(c->outbox, slot->server_id);
	/* what the server refused waits for another time, not for the next moment */
	if (slot->alerts && dm_outbox_next(c->outbox, slot->server_id, c->session.alert_last,
					   &c->session.alert))
		slot->not_before = now + client_jitter(c->config.retry_ms);
}

static void fail(struct dm_client *c, struct slot *slot, uint64_t now, const char *why,
		 uint64_t after_ms)
{
	unsigned int shift = slot->failures < 7 ? slot->failures : 7;
	uint64_t delay = (uint64_t)c->config.retry_ms << shift;

	slot->failures++;
	if (delay > CLIENT_RETRY_MAX_MS)
		delay = CLIENT_RETRY_MAX_MS;
	if (delay < after_ms)
		delay = after_ms;
	slot->not_before = now + client_jitter(delay);
	snprintf(slot->error, sizeof(slot->error), "%s", why);
	if (slot->failures < CLIENT_WANT_TRIES)
		slot->want |= c->session.want & WANT_ONCE;
	/* an interval that has passed is not due at once again */
	if (slot->poll_at < slot->not_before)
		slot->poll_at = slot->not_before;
}

/* It is over; @why NULL: well. */
static void finish(struct dm_client *c, uint64_t now, const char *why, uint64_t after_ms)
{
	struct dm_engine_stats st = {0};
	struct slot *slot = client_slot(c, c->session.account.node);
	const char *name = c->session.account.node;
	/* since it began; no pause stands against that */
	bool asked = slot && slot->want & (WANT_NOTIFIED | WANT_ASKED);

	if (c->session.engine)
		dm_engine_stats(c->session.engine, &st);
	if (slot && !why)
		succeed(c, slot, now);
	else if (slot)
		fail(c, slot, now, why, after_ms);
	if (asked)
		slot->not_before = 0;
	if (slot && (c->session.want | slot->want) & WANT_KEPT)
		client_want_keep(c, slot, slot->want);
	if (why)
		client_log(c, LOG_WARNING, name, "session %X failed after %u message%s: %s",
			   c->session.id, st.messages_in, st.messages_in == 1 ? "" : "s", why);
	else
		client_log(c, LOG_INFO, name, "session %X: %u messages, %u commands",
			   c->session.id, st.messages_in, st.commands);
	client_session_drop(c);
	c->dirty = true;
}

/* The engine has come to its end, or somebody has ended it. */
static void finish_engine(struct dm_client *c, uint64_t now)
{
	char words[DM_ENGINE_WORDS_MAX] = "", why[DM_CLIENT_WORDS_MAX];
	enum dm_end end = dm_engine_end(c->session.engine, words);

	if (end == DM_END_DONE) {
		finish(c, now, NULL, 0);
		return;
	}
	snprintf(why, sizeof(why), "%s%s%.200s", dm_end_name(end), *words ? ": " : "", words);
	/* credentials that are wrong do not become right by asking often */
	finish(c, now, why,
	       end == DM_END_CLIENT_AUTH || end == DM_END_SERVER_AUTH ? 16 * c->config.retry_ms
								      : 0);
}

/* ---- messages -------------------------------------------------------------------------- */

/* Where the next message goes: to where the server says, if that is no worse a place. */
static const char *destination(struct dm_client *c, const char **wrong)
{
	const struct session *s = &c->session;
	const char *uri = dm_engine_resp_uri(s->engine);

	*wrong = dm_http_uri_check(uri, s->rules->allow_http);
	if (!*wrong && strcmp(uri, s->account.uri) != 0 && strncmp(uri, "https:", 6) != 0 &&
	    !dm_http_same_host(uri, s->account.uri))
		*wrong = "leads to another host without TLS";
	return uri;
}

static void post(struct dm_client *c, uint64_t now, enum phase phase)
{
	struct session *s = &c->session;
	const char *wrong, *uri = destination(c, &wrong);
	struct dm_http_request req = {
		.uri = uri,
		.content_type = s->out.wbxml ? DM_MIME_WBXML : DM_MIME_XML,
		.hmac = s->out.hmac,
		.body = s->out.p,
		.len = s->out.len,
		.max = c->config.max_msg ? c->config.max_msg : MAX_MSG_DEFAULT,
		.timeout_ms = phase == PHASE_LAST ? LAST_MS : 0,
	};
	char why[DM_CLIENT_WORDS_MAX];
	int r;

	if (wrong) {
		snprintf(why, sizeof(why), "the server's address (RespURI) %s", wrong);
		finish(c, now, why, 0);
		return;
	}
	r = dm_http_post(c->http, &req);
	if (r) {
		snprintf(why, sizeof(why), "cannot send: %s", strerror(-r));
		finish(c, now, why, 0);
		return;
	}
	s->phase = phase;
}

static void step(struct dm_client *c, uint64_t now, enum dm_step what)
{
	struct session *s = &c->session;

	switch (what) {
	case DM_STEP_SEND:
		s->tries = 0;
		post(c, now, PHASE_POST);
		break;
	case DM_STEP_WAIT:
		s->phase = PHASE_TREE;
		break;
	case DM_STEP_END:
		if (s->out.len)
			post(c, now, PHASE_LAST);
		else
			finish_engine(c, now);
	}
}

/* The same again, a bit later; or there is no point in it. */
static void again(struct dm_client *c, uint64_t now, const struct dm_http_answer *a,
		  const char *why)
{
	struct session *s = &c->session;
	uint64_t delay = (uint64_t)(c->config.retry_ms / PAUSES + 1) << s->tries;

	if (a->retry_after_s)
		delay = (uint64_t)a->retry_after_s * 1000U;
	if (++s->tries >= CLIENT_MESSAGE_TRIES || delay > PAUSE_MAX_MS) {
		finish(c, now, why, a->retry_after_s ? delay : 0);
		return;
	}
	client_log(c, LOG_INFO, s->account.node, "%s; the message goes again", why);
	s->phase = PHASE_PAUSE;
	/* not earlier than the server has asked for */
	s->at = now + (a->retry_after_s ? delay + delay / 10 : client_jitter(delay));
}

static bool passing(unsigned int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void take_message(struct dm_client *c, uint64_t now, const struct dm_http_answer *a)
{
	struct session *s = &c->session;
	int coding = dm_mime_coding(a->content_type);
	char why[DM_CLIENT_WORDS_MAX];
	struct dm_engine_msg in = {
		.p = a->body,
		.len = a->len,
		.wbxml = coding == DM_WBXML,
		.hmac = *a->hmac ? a->hmac : NULL,
	};

	if (coding < 0 || !a->len) {
		if (a->len)
			snprintf(why, sizeof(why), "the answer is no message but '%s'",
				 a->content_type);
		else
			snprintf(why, sizeof(why), "the answer is empty");
		finish(c, now, why, 0);
		return;
	}
	step(c, now, dm_engine_input(s->engine, &in, &s->out));
}

static void take_answer(struct dm_client *c, uint64_t now, const struct dm_http_answer *a)
{
	struct dm_engine_stats st;
	char why[DM_CLIENT_WORDS_MAX];

	if (!a->error && a->status == 200) {
		take_message(c, now, a);
		return;
	}
	/* some servers have nothing more to say to whom they do not know */
	dm_engine_stats(c->session.engine, &st);
	if (!a->error && a->status / 100 == 4 && !passing(a->status) && st.refused) {
		snprintf(why, sizeof(why),
			 "%s: the server refused our credentials, then HTTP status %u",
			 dm_end_name(DM_END_CLIENT_AUTH), a->status);
		finish(c, now, why, 16 * c->config.retry_ms);
		return;
	}
	if (a->error)
		snprintf(why, sizeof(why), "%s", *a->why ? a->why : strerror(-a->error));
	else if (a->status / 100 == 3)
		snprintf(why, sizeof(why),
			 "HTTP status %u: redirects are not followed, the address of the "
			 "account has to be right",
			 a->status);
	else
		snprintf(why, sizeof(why), "HTTP status %u", a->status);
	if (a->error ? a->error != -EACCES && a->error != -EMSGSIZE && a->error != -EINVAL
		     : passing(a->status))
		again(c, now, a, why);
	else
		finish(c, now, why, 0);
}

void client_session_http(struct dm_client *c, uint64_t now)
{
	struct dm_http_answer a;

	if (dm_http_result(c->http, &a))
		return;
	if (c->session.phase == PHASE_LAST)
		finish_engine(c, now);
	else if (c->session.phase == PHASE_POST)
		take_answer(c, now, &a);
	dm_http_release(&a);
}

void client_session_tick(struct dm_client *c, uint64_t now)
{
	if (c->session.phase == PHASE_PAUSE && c->session.at <= now)
		post(c, now, PHASE_POST);
}

void client_session_resume(struct dm_client *c, uint64_t now, uint64_t token, int code)
{
	struct session *s = &c->session;
	uint64_t waits;

	/* its session has ended meanwhile; what the operation did stands in an alert */
	if (s->phase != PHASE_TREE || !dm_engine_waits(s->engine, &waits) || waits != token)
		return;
	step(c, now, dm_engine_resume(s->engine, token, code, &s->out));
}

void client_session_answer(struct dm_client *c, uint64_t now, enum dm_ui_result result,
			   const struct dm_engine_ui_answer *answer)
{
	struct session *s = &c->session;

	if (s->phase == PHASE_TREE)
		step(c, now, dm_engine_ui_done(s->engine, result, answer, &s->out));
}

void client_session_abort(struct dm_client *c, uint64_t now)
{
	struct session *s = &c->session;

	switch (s->phase) {
	case PHASE_NONE:
	case PHASE_LAST:
		return;
	case PHASE_KEYS:
		client_session_drop(c);
		return;
	default:
		client_ui_close(c);
		dm_http_cancel(c->http);
		step(c, now, dm_engine_abort(s->engine, &s->out));
	}
}

/* ---- its beginning ------------------------------------------------------------------------
 */

static int make_engine(struct dm_client *c)
{
	struct session *s = &c->session;
	struct dm_account *a = &s->account;
	struct dm_engine_config config = {
		.server_id = a->server_id,
		.server_uri = a->uri,
		.device_id = c->device.id,
		.allow = DM_AUTH_BIT(DM_AUTH_MD5) | DM_AUTH_BIT(DM_AUTH_HMAC),
		.wbxml = s->rules->wbxml,
		.max_msg = c->config.max_msg ? c->config.max_msg : MAX_MSG_DEFAULT,
		.max_obj = c->config.max_obj,
		.tree = dm_tree_ops(),
		.tree_ctx = c->tree,
		.ops = &client_engine_ops,
		.ctx = c,
	};
	struct dm_engine_party *to[] = {&config.client, &config.server};
	const struct dm_account_auth *from[] = {&a->client, &a->server};

	if (s->rules->allow_basic)
		config.allow |= DM_AUTH_BIT(DM_AUTH_BASIC);
	for (int i = 0; i < 2; i++)
		*to[i] = (struct dm_engine_party){
			.type = from[i]->type,
			.name = from[i]->name,
			.secret = from[i]->secret,
			.secret_len = from[i]->secret_len,
			.nonce = from[i]->nonce,
			.nonce_len = from[i]->nonce_len,
		};
	client_device_info(c);
	return dm_engine_new(&s->engine, &config);
}

static void begin(struct dm_client *c, uint64_t now)
{
	struct session *s = &c->session;
	struct dm_http_peer peer = {
		.ca = s->rules->ca,
		.pin = s->rules->pin,
		.key = s->cred.key ? s->cred.key : s->key,
		.certs = s->cred.own ? s->cred.own : s->rules->cert,
		.certs_len = s->cred.own ? s->cred.own_len : s->rules->cert_len,
		.allow_http = s->rules->allow_http,
	};
	char why[DM_CLIENT_WORDS_MAX];
	int r = client_http(c);

	if (!r)
		r = dm_http_begin(c->http, &peer);
	if (r) {
		snprintf(why, sizeof(why), "%s",
			 r == -EINVAL	 ? "cert= and key= do not belong together, or are none"
			 : r == -ENOTSUP ? "libcurl does not use OpenSSL"
					 : strerror(-r));
		finish(c, now, why, 0);
		return;
	}
	r = make_engine(c);
	/* the engine has its own copy of what it needs */
	explicit_bzero(s->account.client.secret, sizeof(s->account.client.secret));
	explicit_bzero(s->account.server.secret, sizeof(s->account.server.secret));
	if (r) {
		snprintf(why, sizeof(why), "the account cannot be used: %s", strerror(-r));
		finish(c, now, why, 0);
		return;
	}
	client_log(c, LOG_INFO, s->account.node, "session %X with %s%s", s->id, s->account.uri,
		   s->by_server ? ", as it has asked for" : "");
	step(c, now, dm_engine_begin(s->engine, s->id, s->by_server, &s->out));
}

static void on_cred(void *userdata, int error, const struct gp_error *err,
		    struct keys_cred *cred)
{
	struct dm_client *c = userdata;
	struct session *s = &c->session;

	s->load = NULL;
	s->cred_error = error;
	if (!error) {
		s->cred = *cred;
		memset(cred, 0, sizeof(*cred));
	} else {
		snprintf(s->cred_why, sizeof(s->cred_why), "%s",
			 err && *err->detail ? err->detail : strerror(-error));
	}
	s->cred_done = true;
	client_kick(c);
}

static int load_keys(struct dm_client *c, char *why)
{
	const struct factory *f = c->session.rules;
	const struct keys_cred_request req = {
		.mode = KEYS_CRED_X509,
		.own = {f->cert, f->cert_len},
		.secret = {f->key, f->key_len},
		.trusted = true,
	};
	struct gp_error err = {0};
	int r;

	if (!f->key_len)
		return 0;
	if (!seref_is(f->key, f->key_len) && !seref_is(f->cert, f->cert_len)) {
		r = coap_private_key(f->key, f->key_len, &c->session.key);
		if (r)
			snprintf(why, DM_CLIENT_WORDS_MAX, "key= holds no private key");
		return r;
	}
	if (!c->config.keys) {
		snprintf(why, DM_CLIENT_WORDS_MAX, "keys by reference cannot be used here");
		return -EOPNOTSUPP;
	}
	c->session.phase = PHASE_KEYS;
	r = keys_cred_start(c->config.keys, &req, on_cred, c, &c->session.load, &err);
	if (r)
		snprintf(why, DM_CLIENT_WORDS_MAX, "%s",
			 *err.detail ? err.detail : strerror(-r));
	return r;
}

void client_session_keys(struct dm_client *c, uint64_t now)
{
	struct session *s = &c->session;

	if (s->phase != PHASE_KEYS || !s->cred_done)
		return;
	if (s->cred_error)
		finish(c, now, s->cred_why, 0);
	else if (!s->cred.key && coap_private_key(s->rules->key, s->rules->key_len, &s->key))
		finish(c, now, "key= holds no private key", 0);
	else
		begin(c, now);
}

/* A way to show who one is that the rules forbid. */
static const char *forbidden(const struct session *s)
{
	const struct dm_account *a = &s->account;

	if ((a->client.type == DM_AUTH_BASIC || a->server.type == DM_AUTH_BASIC) &&
	    !s->rules->allow_basic)
		return "the account wants Basic, which shows the secret: allow_basic=yes is "
		       "not set";
	if (a->client.type == DM_AUTH_NONE && !s->rules->key_len)
		return "the account has neither a name and secret of the client nor a "
		       "certificate";
	if (!a->server.secret_len && strncmp(a->uri, "https:", 6) != 0)
		return "the server has no secret: over http anybody could be it";
	return NULL;
}

void client_session_begin(struct dm_client *c, struct slot *slot, uint64_t now)
{
	struct session *s = &c->session;
	char why[DM_CLIENT_WORDS_MAX] = "";
	const char *wrong;
	int r = dm_account_read(c->tree, slot->node, &s->account, why);

	snprintf(s->account.node, sizeof(s->account.node), "%s", slot->node);
	s->rules = slot->rules;
	s->want = slot->want | (slot->alerts ? WANT_ALERT : 0);
	s->by_server = slot->want & WANT_NOTIFIED && slot->by_server;
	s->id = slot->want & WANT_NOTIFIED ? slot->notified : 0;
	while (!r && !s->id)
		r = client_random(&s->id, sizeof(s->id));
	slot->want = 0;
	s->phase = PHASE_POST;
	if (!r) {
		wrong = forbidden(s);
		if (wrong) {
			snprintf(why, sizeof(why), "%s", wrong);
			r = -EACCES;
		}
	}
	if (!r)
		r = load_keys(c, why);
	if (r) {
		finish(c, now, *why ? why : strerror(-r), 0);
		return;
	}
	if (s->phase == PHASE_POST)
		begin(c, now);
	else
		client_session_keys(c, now);
}
