// SPDX-License-Identifier: Apache-2.0
/*
 * A session from package 1 to its end (OMA-TS-DM_Protocol-V1_2_1, 6 to 8): what comes, what
 * is answered, and when it is over.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "dm/engine-priv.h"
#include "dm/notify.h"

#define DEFAULT_MSG (64U << 10)
#define DEFAULT_OBJ (1U << 20)
#define DEFAULT_MESSAGES 100000U
#define MSG_MAX (1U << 20)

/* what a server has said may be in it, and goes to logs */
static void printable(char *s)
{
	for (; *s; s++)
		if ((uint8_t)*s < ' ' || (uint8_t)*s > '~')
			*s = '?';
}

void eng_log(struct dm_engine *e, int level, const char *fmt, ...)
{
	char text[DM_ENGINE_WORDS_MAX];
	va_list ap;

	if (!e->ops->log)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printable(text);
	e->ops->log(e->ctx, level, text);
}

int eng_fail(struct dm_engine *e, enum dm_end end, const char *fmt, ...)
{
	va_list ap;

	if (e->state == ENG_ENDED)
		return -ECANCELED;
	va_start(ap, fmt);
	vsnprintf(e->words, sizeof(e->words), fmt, ap);
	va_end(ap);
	printable(e->words);
	e->state = ENG_ENDED;
	e->end = end;
	eng_run_abandon(e, end != DM_END_INTERNAL);
	return -ECANCELED;
}

struct dm_req eng_req(struct dm_engine *e, const struct dm_cmd *cmd)
{
	return (struct dm_req){
		.server = e->server_id,
		.session = e->session_nr,
		.correlator = cmd->correlator ? cmd->correlator : "",
		.token = ++e->token,
	};
}

int eng_level(struct dm_engine *e, bool begin)
{
	struct dm_req req = {
		.server = e->server_id,
		.session = e->session_nr,
		.correlator = "",
	};
	int r;

	if (e->level == begin)
		return 0;
	e->level = begin;
	if (begin) {
		r = e->tree->begin(e->tree_ctx, DM_LEVEL_MESSAGE);
		e->level = r == DM_OK;
	} else {
		r = e->tree->commit(e->tree_ctx, &req);
	}
	return r == DM_OK ? 0
			  : eng_fail(e, DM_END_INTERNAL, "the tree cannot %s (%d)",
				     begin ? "begin" : "commit", r);
}

/* ---- make and free ---------------------------------------------------------------- */

static int party(struct eng_party *to, const struct dm_engine_party *from)
{
	*to = (struct eng_party){.type = from->type};
	if (from->type == DM_AUTH_NONE)
		return 0;
	if (from->type > DM_AUTH_HMAC || !from->name || strlen(from->name) > DM_AUTH_NAME_MAX ||
	    from->secret_len > sizeof(to->secret) || from->nonce_len > sizeof(to->nonce))
		return -EINVAL;
	strcpy(to->name, from->name);
	if (from->secret_len)
		memcpy(to->secret, from->secret, from->secret_len);
	to->secret_len = from->secret_len;
	if (from->nonce_len)
		memcpy(to->nonce, from->nonce, from->nonce_len);
	to->nonce_len = from->nonce_len;
	return 0;
}

static bool complete(const struct dm_engine_config *c)
{
	const struct dm_engine_ops *o = c->ops;

	return c->device_id && c->server_id && c->server_uri && c->tree && o && o->random &&
	       o->nonce && o->device_info && o->alert_next && o->alert_status &&
	       c->max_msg <= MSG_MAX && (!c->max_msg || c->max_msg >= DM_ENGINE_MSG_MIN);
}

int dm_engine_new(struct dm_engine **ret, const struct dm_engine_config *c)
{
	struct dm_engine *e;
	int r;

	if (!complete(c))
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->device_id = strdup(c->device_id);
	e->server_id = strdup(c->server_id);
	e->server_uri = strdup(c->server_uri);
	e->max_msg = c->max_msg ? c->max_msg : DEFAULT_MSG;
	e->max_obj = c->max_obj ? c->max_obj : DEFAULT_OBJ;
	e->max_messages = c->max_messages ? c->max_messages : DEFAULT_MESSAGES;
	e->allow = c->allow | DM_AUTH_BIT((unsigned int)c->client.type);
	e->tree = c->tree;
	e->tree_ctx = c->tree_ctx;
	e->ops = c->ops;
	e->ctx = c->ctx;
	e->coding = c->wbxml ? DM_WBXML : DM_XML;
	e->atomic = ENG_NONE;
	r = party(&e->client, &c->client);
	if (!r)
		r = party(&e->server, &c->server);
	if (!r && (!e->device_id || !e->server_id || !e->server_uri))
		r = -ENOMEM;
	if (r) {
		dm_engine_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

static void drop_work(struct dm_engine *e)
{
	struct eng_work *w;

	while ((w = e->work)) {
		e->work = w->next;
		eng_work_free(w);
	}
}

void dm_engine_free(struct dm_engine *e)
{
	if (!e)
		return;
	eng_run_abandon(e, false);
	drop_work(e);
	dm_out_free(e->out);
	dm_out_free(e->last);
	free(e->device_id);
	free(e->server_id);
	free(e->server_uri);
	free(e->resp_uri);
	OPENSSL_cleanse(e, sizeof(*e));
	free(e);
}

/* ---- what goes out ------------------------------------------------------------------ */

static enum dm_step give(const struct dm_engine *e, struct dm_engine_msg *out,
			 enum dm_step step)
{
	*out = (struct dm_engine_msg){
		.p = e->last_p,
		.len = e->last_len,
		.wbxml = e->last_coding == DM_WBXML,
		.hmac = e->hmac[0] ? e->hmac : NULL,
	};
	return step;
}

static enum dm_step nothing(struct dm_engine_msg *out, enum dm_step step)
{
	*out = (struct dm_engine_msg){0};
	return step;
}

/* The session is over. A server that thinks that it goes on is told, with what it has not been
 * told yet. */
static enum dm_step over(struct dm_engine *e, struct dm_engine_msg *out)
{
	bool tell = e->end == DM_END_BAD_MESSAGE || e->end == DM_END_LIMIT ||
		    e->end == DM_END_CLIENT || e->end == DM_END_SERVER_AUTH;
	int r = 0;

	drop_work(e);
	if (!tell || !e->msg_id)
		return nothing(out, DM_STEP_END);
	if (!e->out)
		r = eng_out_open(e);
	if (!r)
		r = eng_out_alert(e, 1223, NULL);
	if (r == -EMSGSIZE) {
		r = eng_out_open(e);
		if (!r)
			r = eng_out_alert(e, 1223, NULL);
	}
	if (!r)
		r = eng_out_close(e, true);
	return r ? nothing(out, DM_STEP_END) : give(e, out, DM_STEP_END);
}

static enum dm_step send(struct dm_engine *e, bool final, struct dm_engine_msg *out)
{
	if (eng_out_close(e, final))
		return over(e, out);
	e->state = ENG_SENT;
	return give(e, out, DM_STEP_SEND);
}

/* Go on with the commands of the server. 0: all are answered; -EMSGSIZE, -EINPROGRESS,
 * -ECANCELED. */
static int answer(struct dm_engine *e)
{
	struct eng_work *w;
	int r = 0;

	while (!r && (w = e->work)) {
		if (e->atomic == ENG_NONE && w->told < w->run) {
			r = eng_tell_next(e, w);
		} else if (w->run < w->nr || e->atomic != ENG_NONE) {
			r = eng_run_next(e, w);
		} else {
			e->work = w->next;
			eng_work_free(w);
		}
	}
	return r;
}

static enum dm_step drive(struct dm_engine *e, struct dm_engine_msg *out)
{
	bool final;
	int r;

	/* the rest of an alert goes before anything else */
	r = e->alert_part ? eng_alert_put(e) : 0;
	if (!r)
		r = answer(e);
	if (r == -EINPROGRESS) {
		if (eng_level(e, false))
			return over(e, out);
		e->state = ENG_BUSY;
		return nothing(out, DM_STEP_WAIT);
	}
	final = !r && e->server_final && !e->large.on;
	if (!r && final)
		r = eng_alert_put(e);
	else if (!r)
		r = eng_out_alert(e, 1222, NULL);
	/* one that has no room is not needed: what is in the message is an answer, too (6.2) */
	if (r && r != -EMSGSIZE)
		return over(e, out);
	return send(e, final && !r, out);
}

enum dm_step dm_engine_begin(struct dm_engine *e, uint16_t session, bool by_server,
			     struct dm_engine_msg *out)
{
	uint32_t base;
	int r;

	if (e->state != ENG_NEW) {
		eng_fail(e, DM_END_INTERNAL, "a session begins once");
		return over(e, out);
	}
	dm_notify_session(session, e->session);
	e->session_nr = session;
	/* so that an answer for another session is no answer for this one */
	if (e->ops->random(e->ctx, (uint8_t *)&base, sizeof(base))) {
		eng_fail(e, DM_END_INTERNAL, "no randomness");
		return nothing(out, DM_STEP_END);
	}
	e->token = (uint64_t)base << 32;
	r = eng_out_open(e);
	if (!r)
		r = eng_out_alert(e, by_server ? 1200 : 1201, NULL);
	if (!r)
		r = eng_out_device_info(e);
	if (!r)
		r = eng_alert_put(e);
	if (r && r != -EMSGSIZE)
		return nothing(out, DM_STEP_END);
	return send(e, !r, out);
}

/* ---- what comes in ------------------------------------------------------------------- */

static bool digest(const struct dm_engine_msg *in, uint8_t d[32])
{
	return EVP_Digest(in->p, in->len, d, NULL, EVP_sha256(), NULL) == 1;
}

/* MsgID counts up: an older one is a message that was answered long ago */
static bool goes_back(const char *was, const char *is)
{
	unsigned long a, b;
	char *end1, *end2;

	a = strtoul(was, &end1, 10);
	b = strtoul(is, &end2, 10);
	return *was && !*end1 && !*end2 && b < a;
}

/* 0: go on with it; 1: it was here before; -ECANCELED */
static int repeated(struct dm_engine *e, const struct eng_work *w,
		    const struct dm_engine_msg *in)
{
	const char *id = w->msg.hdr.msg_id;
	uint8_t d[32];

	if (!digest(in, d))
		return eng_fail(e, DM_END_INTERNAL, "no digest of a message");
	if (!strcmp(id, e->in_id) && (e->in_known || !memcmp(d, e->in_digest, sizeof(d))))
		return 1;
	if (goes_back(e->in_id, id))
		return eng_fail(e, DM_END_BAD_MESSAGE, "MsgID %s after %s", id, e->in_id);
	memcpy(e->in_digest, d, sizeof(d));
	snprintf(e->in_id, sizeof(e->in_id), "%s", id);
	return 0;
}

static unsigned int waiting(const struct dm_engine *e)
{
	const struct eng_work *w;
	unsigned int n = 0;

	for (w = e->work; w; w = w->next)
		n++;
	return n;
}

static void enqueue(struct dm_engine *e, struct eng_work *w)
{
	struct eng_work **p = &e->work;

	while (*p)
		p = &(*p)->next;
	*p = w;
}

/* Nothing but Alert 1222: the server waits for the rest of our package. */
static bool only_next(const struct eng_work *w)
{
	uint32_t i;

	for (i = 0; i < w->nr; i++)
		if (w->units[i].cmd->kind != DM_ALERT || w->units[i].cmd->code != 1222)
			return false;
	return true;
}

/* It is told at once, or these would queue up behind a long answer. */
static int tell_next_message(struct dm_engine *e, const struct eng_work *w)
{
	uint32_t i;
	int r = 0;

	for (i = 0; !r && i < w->nr; i++)
		r = eng_tell_status(e, w, &w->units[i]);
	e->fresh = true;
	return r == -EMSGSIZE ? eng_fail(e, DM_END_BAD_MESSAGE, "a message full of Alert 1222")
			      : r;
}

/* The message is readable and new: who sent it, and what does it say? @again: our last message
 * goes once more. @w is the queue's if this returns 0. */
static int take(struct dm_engine *e, struct eng_work *w, const struct dm_engine_msg *in,
		unsigned int version, bool *again)
{
	unsigned int code, cmds;
	bool chal, more;
	int r, known;

	known = eng_auth_server(e, &w->msg.hdr, in, &code, &chal);
	e->in_known = !known && (code == DM_OK || code == DM_AUTH_ACCEPTED);
	if (!known && e->in_known && version != DM_OK)
		code = version;
	*again = false;
	/* before our next message, whose credentials depend on it */
	r = known ? 0 : eng_in_status(e, w, e->in_known, again);
	if (r)
		return r;
	if (!known && code == version && version != DM_OK)
		known = eng_fail(e, DM_END_BAD_MESSAGE, "the server speaks %s, %s",
				 w->msg.hdr.ver_proto ? w->msg.hdr.ver_proto : "no version",
				 w->msg.hdr.ver_dtd ? w->msg.hdr.ver_dtd : "no version");
	cmds = e->in_known ? 0 : code;
	r = known ? 0 : eng_in_units(w, cmds);
	if (r)
		return eng_fail(e, DM_END_INTERNAL, "no memory for commands");
	if (e->server_final)
		e->stopped = false;
	/* "Next message" is no package, and has no Final (6.2) */
	if (!w->nr || !only_next(w) || w->msg.final)
		e->server_final = w->msg.final || !e->in_known || *again;
	/* a stranger that wants nothing is not challenged (9) */
	more = *again || !w->msg.final || e->work || e->alert_part || w->nr;
	if (!known && !more)
		return e->in_known ? eng_fail(e, DM_END_DONE, "done")
				   : eng_fail(e, DM_END_SERVER_AUTH,
					      "the server did not show that it is %s",
					      e->server.name);
	if (!known && !only_next(w) && waiting(e) >= ENG_QUEUE_MAX)
		return eng_fail(e, DM_END_LIMIT,
				"the server sends more before it has its answers");
	if (!known && chal) /* only now: one that is not told must not count */
		known = eng_auth_next(e);
	r = eng_out_open(e);
	if (!r)
		r = eng_tell_header(e, &w->msg.hdr, code, chal);
	if (r == -EINVAL)
		r = eng_fail(e, DM_END_BAD_MESSAGE, "a header that cannot be answered");
	return known ? known : r;
}

enum dm_step dm_engine_input(struct dm_engine *e, const struct dm_engine_msg *in,
			     struct dm_engine_msg *out)
{
	struct eng_work *w = NULL;
	unsigned int version;
	bool again;
	int r;

	if (e->state == ENG_ENDED)
		return nothing(out, DM_STEP_END);
	if (e->state == ENG_BUSY)
		return nothing(out, DM_STEP_WAIT);
	r = e->state == ENG_NEW ? eng_fail(e, DM_END_INTERNAL, "not begun")
	    : ++e->stats.messages_in > e->max_messages
		    ? eng_fail(e, DM_END_LIMIT, "more than %u messages", e->max_messages)
		    : eng_in_parse(e, in, &w);
	if (!r)
		r = eng_in_header(e, &w->msg.hdr, &version);
	if (!r)
		r = repeated(e, w, in);
	if (r == 1) {
		eng_work_free(w);
		e->stats.repeats++;
		return give(e, out, DM_STEP_SEND);
	}
	if (!r)
		e->coding = w->coding;
	if (!r)
		r = take(e, w, in, version, &again);
	if (r) {
		eng_work_free(w);
		return over(e, out);
	}
	if (only_next(w)) {
		r = tell_next_message(e, w);
		eng_work_free(w);
		if (r)
			return over(e, out);
	} else {
		enqueue(e, w);
	}
	if (again) {
		r = eng_out_again(e);
		if (r)
			return over(e, out);
		/* it was not the last of its package: what follows comes after it */
		if (!e->last_final)
			return send(e, false, out);
	}
	return drive(e, out);
}

static enum dm_step resume(struct dm_engine *e, int code, struct dm_engine_msg *out)
{
	e->state = ENG_SENT;
	if (eng_run_done(e, e->work, code))
		return over(e, out);
	return drive(e, out);
}

enum dm_step dm_engine_resume(struct dm_engine *e, uint64_t token, int code,
			      struct dm_engine_msg *out)
{
	if (e->state == ENG_ENDED)
		return nothing(out, DM_STEP_END);
	if (e->state != ENG_BUSY || !e->token_waits || token != e->token)
		return nothing(out, DM_STEP_WAIT);
	return resume(e, code, out);
}

enum dm_step dm_engine_ui_done(struct dm_engine *e, enum dm_ui_result result,
			       const struct dm_engine_ui_answer *answer,
			       struct dm_engine_msg *out)
{
	int r;

	if (e->state == ENG_ENDED)
		return nothing(out, DM_STEP_END);
	if (e->state != ENG_BUSY || !e->ui_waits || result == DM_UI_PENDING)
		return nothing(out, DM_STEP_WAIT);
	r = eng_ui_done(&e->work->units[e->work->run], result, answer);
	return resume(e, r, out);
}

enum dm_step dm_engine_abort(struct dm_engine *e, struct dm_engine_msg *out)
{
	if (e->state == ENG_ENDED)
		return nothing(out, DM_STEP_END);
	eng_fail(e, DM_END_CLIENT, "ended by the device");
	return over(e, out);
}

/* ---- what it is like ------------------------------------------------------------------ */

enum dm_end dm_engine_end(const struct dm_engine *e, char *words)
{
	if (words)
		snprintf(words, DM_ENGINE_WORDS_MAX, "%s", e->words);
	return e->end;
}

const char *dm_end_name(enum dm_end end)
{
	static const char *const names[] = {
		[DM_END_NOT] = "runs",
		[DM_END_DONE] = "done",
		[DM_END_SERVER] = "aborted by the server",
		[DM_END_CLIENT] = "aborted by the device",
		[DM_END_CLIENT_AUTH] = "credentials not accepted",
		[DM_END_SERVER_AUTH] = "server not authenticated",
		[DM_END_BAD_MESSAGE] = "bad message",
		[DM_END_LIMIT] = "limit reached",
		[DM_END_INTERNAL] = "internal error",
	};

	return (unsigned int)end <= DM_END_INTERNAL ? names[end] : "unknown";
}

bool dm_engine_waits(const struct dm_engine *e, uint64_t *token)
{
	if (e->state != ENG_BUSY || !e->token_waits)
		return false;
	*token = e->token;
	return true;
}

const char *dm_engine_resp_uri(const struct dm_engine *e)
{
	return e->resp_uri ? e->resp_uri : e->server_uri;
}

const char *dm_engine_session_id(const struct dm_engine *e)
{
	return e->session;
}

void dm_engine_stats(const struct dm_engine *e, struct dm_engine_stats *out)
{
	*out = e->stats;
}
