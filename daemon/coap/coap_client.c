// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of ours: RFC 7252 section 5, with the client's side of RFC 7959.
 *
 * Each block has an exchange of its own with a fresh token, so a late answer
 * to an earlier one cannot be taken for the current one's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

#define AGAIN_MAX 4 /* a peer that is never content does not keep us busy */

static struct coap_call_state *call_find(struct coap_endpoint *ep, uint32_t id)
{
	struct coap_call_state *c;

	TAILQ_FOREACH(c, &ep->calls, link)
	if (c->id == id)
		return c;
	return NULL;
}

static void call_free(struct coap_endpoint *ep, struct coap_call_state *c)
{
	struct coap_con *con = coap_con_find(ep, COAP_CON_CALL, c->id);

	if (con)
		coap_con_drop(ep, con);
	TAILQ_REMOVE(&ep->calls, c, link);
	ep->n_calls--;
	if (c->has_body)
		coap_body_release(&c->body);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

static void call_failed(struct coap_endpoint *ep, struct coap_call_state *c, int error)
{
	struct coap_result res = {
		.now = ep->now,
		.call = c->id,
		.user = c->user,
		.error = error,
		.content_format = COAP_NO_FORMAT,
		.size = COAP_SIZE_UNKNOWN,
	};

	call_free(ep, c);
	ep->ops->result(ep->ctx, &res);
	coap_con_kick(ep);
}

/* Build and send the next request of a call: its only one, its next block either way. */
static int call_send(struct coap_endpoint *ep, struct coap_call_state *c)
{
	struct coap_msg m = {
		.type = c->non ? COAP_NON : COAP_CON,
		.code = c->method,
		.mid = coap_new_mid(ep),
		.token_len = COAP_TOKEN_MAX,
	};
	uint8_t chunk[COAP_CHUNK_MAX + 1], buf[COAP_MESSAGE_MAX];
	struct coap_opts opts = c->opts;
	size_t size = coap_blk_size(ep, c->szx);
	struct coap_blk b = {.present = true};
	int n, r = 0;

	ep->ops->random(ep->ctx, c->token, sizeof(c->token));
	memcpy(m.token, c->token, sizeof(c->token));

	if (c->fetching) {
		b.num = (uint32_t)(c->received >> coap_blk_shift(c->rszx));
		b.szx = c->rszx;
		r = coap_blk_add(&opts, COAP_OPT_BLOCK2, &b);
	} else if (c->has_body) {
		n = c->body.read(c->body.ctx, c->sent, chunk, size + 1);
		if (n < 0)
			return n;
		m.payload = chunk;
		m.payload_len = (size_t)n > size ? size : (size_t)n;
		b.more = (size_t)n > size;
		b.num = (uint32_t)(c->sent >> coap_blk_shift(c->szx));
		b.szx = c->szx;
		c->block1 = b.more || c->sent;
		c->block1_more = b.more;
		c->sent_len = m.payload_len;
		if (c->block1)
			r = coap_blk_add(&opts, COAP_OPT_BLOCK1, &b);
		if (!r && b.more && !c->sent && c->body.total <= UINT32_MAX)
			r = coap_opts_add_uint(&opts, COAP_OPT_SIZE1, (uint32_t)c->body.total);
	}
	if (!r && c->echo_len)
		r = coap_opts_add(&opts, OSCORE_ECHO, c->echo, c->echo_len);
	c->echo_len = 0;
	n = r ? -EMSGSIZE : coap_pack(ep, &c->sec, &m, &opts, buf, ep->room);
	explicit_bzero(chunk, sizeof(chunk));
	if (n < 0)
		return n;
	if (ep->cfg.stream || (c->non && coap_pace_probe(ep, (size_t)n))) {
		c->deadline = ep->now + c->timeout_ms;
		coap_transmit(ep, buf, (size_t)n);
	} else {
		buf[0] = (uint8_t)((buf[0] & 0xcf) | COAP_CON << 4);
		c->deadline = COAP_NEVER;
		if (!coap_con_new(ep, COAP_CON_CALL, c->id, buf, (size_t)n))
			n = -ENOMEM;
	}
	explicit_bzero(buf, sizeof(buf));
	return n < 0 ? n : 0;
}

static void call_go_on(struct coap_endpoint *ep, struct coap_call_state *c)
{
	int r = call_send(ep, c);

	if (r)
		call_failed(ep, c, r);
}

int coap_call(struct coap_endpoint *ep, uint64_t now, const struct coap_call *call,
	      uint32_t *id)
{
	struct coap_call_state *c;
	int r;

	coap_set_now(ep, now);
	r = !call->method || call->method > 31		  ? -EINVAL
	    : ep->cfg.stream && !ep->stream.started	  ? -ENOTCONN
	    : ep->n_calls >= ep->cfg.max_calls		  ? -ENOBUFS
	    : !call->body && call->len > ep->cfg.max_copy ? -EMSGSIZE
							  : 0;
	c = r ? NULL : calloc(1, sizeof(*c));
	if (!c) {
		coap_body_release(call->body);
		return r ? r : -ENOMEM;
	}
	c->id = coap_new_id(ep);
	c->user = call->user;
	c->method = call->method;
	c->non = call->non;
	c->timeout_ms = call->timeout_ms ? call->timeout_ms : ep->cfg.exchange_lifetime_ms;
	c->szx = c->rszx = ep->szx;
	c->deadline = COAP_NEVER;
	if (call->opts)
		c->opts = *call->opts;
	TAILQ_INSERT_TAIL(&ep->calls, c, link);
	ep->n_calls++;
	if (call->body) {
		c->body = *call->body;
		c->has_body = true;
	} else if (call->len) {
		r = coap_body_copy(&c->body, call->payload, call->len);
		c->has_body = !r;
	}
	if (!r)
		r = call_send(ep, c);
	/* large options leave less room for the block */
	while (r == -EMSGSIZE && c->has_body && c->szx) {
		c->szx--;
		r = call_send(ep, c);
	}
	if (r) {
		call_free(ep, c);
		return r;
	}
	if (id)
		*id = c->id;
	return 0;
}

void coap_call_cancel(struct coap_endpoint *ep, uint32_t id)
{
	struct coap_call_state *c = call_find(ep, id);

	if (!c)
		return;
	call_free(ep, c);
	coap_con_kick(ep);
}

void coap_client_acked(struct coap_endpoint *ep, uint32_t id)
{
	struct coap_call_state *c = call_find(ep, id);

	/* an empty ACK: the answer comes apart */
	if (c)
		c->deadline = ep->now + c->timeout_ms;
}

void coap_client_failed(struct coap_endpoint *ep, uint32_t id, int error)
{
	struct coap_call_state *c = call_find(ep, id);

	if (c)
		call_failed(ep, c, error);
}

/* ---- answers ------------------------------------------------------------------------ */

static bool acked_before(const struct coap_endpoint *ep, uint64_t digest)
{
	for (unsigned int i = 0; i < COAP_ACKED_RING; i++)
		if (ep->acked[i].digest == digest && ep->acked[i].until > ep->now)
			return true;
	return false;
}

static void remember_ack(struct coap_endpoint *ep, uint64_t digest)
{
	unsigned int i = ep->n_acked++ % COAP_ACKED_RING;

	ep->acked[i].digest = digest;
	ep->acked[i].until = ep->now + ep->cfg.exchange_lifetime_ms;
}

/*
 * The answer to a block that we sent. Return: true when the call went on (or
 * failed) by itself, false when this is the answer to the whole request.
 */
static bool block1_answer(struct coap_endpoint *ep, struct coap_call_state *c,
			  const struct coap_msg *m)
{
	struct coap_blk b;

	if (!c->block1 || !coap_blk_get(ep, m, COAP_OPT_BLOCK1, &b) || !b.present)
		return false;
	if (m->code == COAP_413_TOO_LARGE && !c->sent && b.szx < c->szx) {
		/* 7959 2.9.3: the whole again in the size that the peer can take */
		c->szx = b.szx;
		call_go_on(ep, c);
		return true;
	}
	if (COAP_CODE_CLASS(m->code) != 2 || !c->block1_more)
		return false;
	if (m->code != COAP_231_CONTINUE && !b.more)
		return false;
	if (coap_blk_offset(&b) != c->sent && b.num != c->sent >> coap_blk_shift(c->szx)) {
		call_failed(ep, c, -EPROTO);
		return true;
	}
	c->sent += c->sent_len;
	if (b.szx < c->szx)
		c->szx = b.szx;
	call_go_on(ep, c);
	return true;
}

/* RFC 9175 2.3: the same request with the Echo option shows that it is fresh. */
static bool echo_asked(struct coap_endpoint *ep, struct coap_call_state *c,
		       const struct coap_msg *m)
{
	const struct coap_opt *echo = coap_opt_find(m, OSCORE_ECHO);

	if (!echo || !echo->len || echo->len > sizeof(c->echo) || c->again >= AGAIN_MAX)
		return false;
	c->again++;
	memcpy(c->echo, echo->val, echo->len);
	c->echo_len = echo->len;
	call_go_on(ep, c);
	return true;
}

static void answer(struct coap_endpoint *ep, struct coap_call_state *c,
		   const struct coap_msg *m)
{
	const struct coap_opt *etag = coap_opt_find(m, COAP_OPT_ETAG);
	struct coap_result res = {
		.now = ep->now,
		.call = c->id,
		.user = c->user,
		.msg = m,
		.code = m->code,
		.content_format = COAP_NO_FORMAT,
		.data = m->payload,
		.len = m->payload_len,
		.size = COAP_SIZE_UNKNOWN,
	};
	struct coap_blk b;
	uint32_t size;

	coap_opt_uint(m, COAP_OPT_CONTENT_FORMAT, &res.content_format);
	if (coap_opt_uint(m, COAP_OPT_SIZE2, &size))
		res.size = size;
	if (m->code == COAP_401_UNAUTHORIZED && echo_asked(ep, c, m))
		return;
	if (block1_answer(ep, c, m))
		return;
	if (m->code == COAP_231_CONTINUE)
		return call_failed(ep, c, -EPROTO); /* we are not in the middle of anything */
	if (!coap_blk_get(ep, m, COAP_OPT_BLOCK2, &b))
		return call_failed(ep, c, -EPROTO);

	if (c->fetching && COAP_CODE_CLASS(m->code) == 2) {
		if (!b.present || coap_blk_offset(&b) != c->received)
			return call_failed(ep, c, -EPROTO);
		/* 7959 2.4: blocks of two representations must not be mixed */
		if (c->etag_len != (etag ? etag->len : 0) ||
		    (etag && memcmp(c->etag, etag->val, etag->len)))
			return call_failed(ep, c, -ESTALE);
	} else if (b.present && b.num) {
		return call_failed(ep, c, -EPROTO);
	}
	res.offset = c->fetching && COAP_CODE_CLASS(m->code) == 2 ? c->received : 0;
	res.more = b.present && b.more && COAP_CODE_CLASS(m->code) == 2;
	if (!res.more) {
		call_free(ep, c);
		ep->ops->result(ep->ctx, &res);
		coap_con_kick(ep);
		return;
	}
	if (!coap_blk_full(b.szx, m->payload_len))
		return call_failed(ep, c, -EPROTO);
	if (etag && !c->fetching) {
		memcpy(c->etag, etag->val, etag->len);
		c->etag_len = etag->len;
	}
	c->fetching = true;
	c->received += m->payload_len;
	c->rszx = b.szx < c->rszx ? b.szx : c->rszx;
	ep->ops->result(ep->ctx, &res);
	c = call_find(ep, res.call); /* may have been cancelled in there */
	if (c)
		call_go_on(ep, c);
}

/* A response to @c; @error: what OSCORE said of it. */
static void take(struct coap_endpoint *ep, struct coap_call_state *c, struct coap_con *con,
		 struct coap_msg *m, uint64_t digest, int error)
{
	uint16_t bad = error ? 0 : coap_check_options(m);

	if (m->type == COAP_CON) {
		coap_send_empty(ep, bad ? COAP_RST : COAP_ACK, m->mid);
		if (!bad)
			remember_ack(ep, digest);
	}
	if (con)
		coap_con_answered(ep, con); /* 5.2.2: the answer acknowledges the request */
	if (bad)
		return call_failed(ep, c, -EPROTO);
	if (error == -EAGAIN && c->again++ < AGAIN_MAX)
		return call_go_on(ep, c);
	if (error)
		return call_failed(ep, c, -EKEYREJECTED);
	answer(ep, c, m);
}

void coap_client_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
		       size_t len)
{
	uint64_t digest = coap_digest(COAP_DIGEST_START, data, len);
	struct coap_call_state *c = NULL;
	struct coap_con *con = NULL;
	struct coap_unpacked u;
	int r;

	if (m->token_len == COAP_TOKEN_MAX)
		TAILQ_FOREACH(c, &ep->calls, link)
	if (!memcmp(c->token, m->token, COAP_TOKEN_MAX))
		break;
	if (c)
		con = coap_con_find(ep, COAP_CON_CALL, c->id);

	if (m->type == COAP_ACK) {
		/* piggy-backed: message ID and token must both be of the same request */
		if (!con || !con->sent || con->mid != m->mid) {
			ep->st.rx_bad++;
			return;
		}
	} else if (!c || (con && !con->sent)) {
		if (m->type == COAP_CON && acked_before(ep, digest)) {
			ep->st.rx_duplicate++;
			coap_send_empty(ep, COAP_ACK, m->mid);
		} else {
			ep->st.rx_bad++;
			if (m->type == COAP_CON)
				coap_send_empty(ep, COAP_RST, m->mid);
		}
		return;
	}

	if (!ep->oscore)
		return take(ep, c, con, m, digest, 0);
	r = coap_unpack_response(ep, m, &c->sec, &u);
	if (r == -EPROTO)
		ep->st.rx_bad++; /* as if it had never come: the request is repeated */
	else
		take(ep, c, con, r ? m : &u.m, digest, r);
	coap_unpacked_wipe(&u);
}

/* ---- time ------------------------------------------------------------------------------ */

void coap_client_tick(struct coap_endpoint *ep)
{
	struct coap_call_state *c;

restart:
	TAILQ_FOREACH(c, &ep->calls, link)
	{
		if (c->deadline <= ep->now) {
			ep->st.timeouts++;
			call_failed(ep, c, -ETIMEDOUT);
			goto restart;
		}
	}
}

uint64_t coap_client_deadline(const struct coap_endpoint *ep)
{
	const struct coap_call_state *c;
	uint64_t t = COAP_NEVER;

	TAILQ_FOREACH(c, &ep->calls, link)
	if (c->deadline < t)
		t = c->deadline;
	return t;
}

void coap_client_clear(struct coap_endpoint *ep, int error)
{
	unsigned int n = ep->n_calls;

	/* those that the call backs begin are not meant */
	while (n-- && !TAILQ_EMPTY(&ep->calls))
		call_failed(ep, TAILQ_FIRST(&ep->calls), error);
}
