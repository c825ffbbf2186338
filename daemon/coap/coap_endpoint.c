// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoint: message layer of RFC 7252 section 4 and the requests of the
 * peer (5.2: piggy-backed and separate answers).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

/* ---- small things ------------------------------------------------------------------ */

uint32_t coap_new_id(struct coap_endpoint *ep)
{
	if (!++ep->id)
		ep->id = 1;
	return ep->id;
}

uint16_t coap_new_mid(struct coap_endpoint *ep)
{
	const struct coap_con *con;
	bool taken;

	do {
		taken = false;
		ep->mid++;
		TAILQ_FOREACH(con, &ep->cons, link)
		if (con->mid == ep->mid)
			taken = true;
	} while (taken);
	return ep->mid;
}

void coap_set_now(struct coap_endpoint *ep, uint64_t now)
{
	if (now > ep->now)
		ep->now = now;
}

void coap_transmit(struct coap_endpoint *ep, const uint8_t *data, size_t len)
{
	ep->st.tx++;
	ep->ops->send(ep->ctx, data, len);
}

void coap_send_empty(struct coap_endpoint *ep, enum coap_type type, uint16_t mid)
{
	struct coap_msg m = {.type = type, .code = COAP_EMPTY, .mid = mid};
	uint8_t buf[4];

	if (coap_encode(buf, sizeof(buf), &m, NULL) == 4)
		coap_transmit(ep, buf, 4);
}

uint64_t coap_digest(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

/* ---- confirmable messages of ours ----------------------------------------------------- */

/* A response is paced by the request that it answers; only what we begin counts (4.7). */
static bool counts(const struct coap_con *con)
{
	return con->owner != COAP_CON_RESPONSE;
}

static void con_send_first(struct coap_endpoint *ep, struct coap_con *con)
{
	uint32_t spread = ep->cfg.ack_random_permille - 1000, jitter;

	ep->ops->random(ep->ctx, &jitter, sizeof(jitter));
	con->timeout = (uint64_t)ep->cfg.ack_timeout_ms * (1000 + jitter % (spread + 1)) / 1000;
	con->due = ep->now + con->timeout;
	con->sent = true;
	coap_transmit(ep, con->data, con->len);
}

void coap_con_kick(struct coap_endpoint *ep)
{
	struct coap_con *con, *next = NULL;

	TAILQ_FOREACH(con, &ep->cons, link)
	{
		if (!counts(con))
			continue;
		if (con->sent)
			return;
		if (!next)
			next = con;
	}
	if (next)
		con_send_first(ep, next);
}

struct coap_con *coap_con_new(struct coap_endpoint *ep, enum coap_con_owner owner,
			      uint32_t owner_id, const uint8_t *data, size_t len)
{
	struct coap_con *con = calloc(1, sizeof(*con));

	if (!con)
		return NULL;
	con->owner = owner;
	con->owner_id = owner_id;
	coap_con_replace(con, data, len);
	TAILQ_INSERT_TAIL(&ep->cons, con, link);
	if (!counts(con))
		con_send_first(ep, con);
	else
		coap_con_kick(ep);
	return con;
}

void coap_con_replace(struct coap_con *con, const uint8_t *data, size_t len)
{
	memcpy(con->data, data, len);
	con->len = len;
	con->mid = (uint16_t)(data[2] << 8 | data[3]);
}

struct coap_con *coap_con_find(struct coap_endpoint *ep, enum coap_con_owner owner, uint32_t id)
{
	struct coap_con *con;

	TAILQ_FOREACH(con, &ep->cons, link)
	if (con->owner == owner && con->owner_id == id)
		return con;
	return NULL;
}

void coap_con_drop(struct coap_endpoint *ep, struct coap_con *con)
{
	TAILQ_REMOVE(&ep->cons, con, link);
	explicit_bzero(con->data, con->len);
	free(con);
}

static struct coap_con *con_by_mid(struct coap_endpoint *ep, uint16_t mid)
{
	struct coap_con *con;

	TAILQ_FOREACH(con, &ep->cons, link)
	if (con->sent && con->mid == mid)
		return con;
	return NULL;
}

static void con_acked(struct coap_endpoint *ep, struct coap_con *con)
{
	enum coap_con_owner owner = con->owner;
	uint32_t id = con->owner_id;

	coap_con_drop(ep, con);
	if (owner == COAP_CON_CALL)
		coap_client_acked(ep, id);
	else if (owner == COAP_CON_NOTIFY)
		coap_observe_acked(ep, id);
	coap_con_kick(ep);
}

static void con_failed(struct coap_endpoint *ep, struct coap_con *con, int error)
{
	enum coap_con_owner owner = con->owner;
	uint32_t id = con->owner_id;

	coap_con_drop(ep, con);
	if (owner == COAP_CON_CALL)
		coap_client_failed(ep, id, error);
	else if (owner == COAP_CON_NOTIFY)
		coap_observe_failed(ep, id,
				    error == -ECONNRESET ? COAP_OBSERVE_RESET
							 : COAP_OBSERVE_TIMEOUT);
	coap_con_kick(ep);
}

static void con_tick(struct coap_endpoint *ep)
{
	struct coap_con *con;

restart:
	TAILQ_FOREACH(con, &ep->cons, link)
	{
		if (!con->sent || con->due > ep->now)
			continue;
		if (con->tries >= ep->cfg.max_retransmit) {
			ep->st.timeouts++;
			con_failed(ep, con, -ETIMEDOUT);
			goto restart;
		}
		con->tries++;
		con->timeout *= 2;
		con->due = ep->now + con->timeout;
		if (con->owner == COAP_CON_NOTIFY)
			coap_observe_retry(ep, con);
		ep->st.retransmissions++;
		coap_transmit(ep, con->data, con->len);
	}
}

/* ---- exchanges: requests of the peer --------------------------------------------------- */

static struct coap_exchange *exchange_find(struct coap_endpoint *ep, uint32_t xid)
{
	struct coap_exchange *x;

	TAILQ_FOREACH(x, &ep->exchanges, link)
	if (x->xid == xid)
		return x;
	return NULL;
}

static void exchange_free(struct coap_endpoint *ep, struct coap_exchange *x)
{
	TAILQ_REMOVE(&ep->exchanges, x, link);
	ep->n_exchanges--;
	if (x->dedup)
		x->dedup->busy = false;
	free(x);
}

void coap_exchange_shape(struct coap_endpoint *ep, struct coap_exchange *x,
			 struct coap_shape *shape)
{
	*shape = (struct coap_shape){
		.token = x->token,
		.token_len = x->token_len,
		.block1 = x->block1,
		.block2 = x->block2,
		.key = x->key,
		.body_digest = x->body_digest,
	};
	if (x->type == COAP_CON && !x->acked) {
		shape->type = COAP_ACK;
		shape->mid = x->mid;
	} else {
		shape->type = x->type;
		shape->mid = coap_new_mid(ep);
	}
}

static void record(struct coap_exchange *x, struct coap_dedup_record *rec)
{
	*rec = (struct coap_dedup_record){
		.mid = x->mid,
		.code = x->method,
		.token_len = x->token_len,
		.digest = x->digest,
	};
	memcpy(rec->token, x->token, x->token_len);
}

static unsigned int responses(const struct coap_endpoint *ep)
{
	const struct coap_con *con;
	unsigned int n = 0;

	TAILQ_FOREACH(con, &ep->cons, link)
	n += con->owner == COAP_CON_RESPONSE;
	return n;
}

void coap_exchange_finish(struct coap_endpoint *ep, struct coap_exchange *x,
			  const uint8_t *data, size_t len)
{
	bool separate = (data[0] >> 4 & 3) == COAP_CON;

	if (x->dedup && x->type == COAP_CON)
		coap_dedup_set_response(x->dedup, data, len);
	if (x->persist) {
		struct coap_dedup_record rec;

		record(x, &rec);
		rec.response = data;
		rec.response_len = len;
		/*
		 * If this fails, a repetition after a restart is told that the
		 * outcome is not known; this answer is true all the same.
		 */
		ep->ops->dedup_store(ep->ctx, &rec);
	}
	exchange_free(ep, x);
	/* a peer that lets answers pile up without ACK gets further ones once */
	if (!separate || responses(ep) >= ep->cfg.max_exchanges ||
	    !coap_con_new(ep, COAP_CON_RESPONSE, 0, data, len))
		coap_transmit(ep, data, len);
}

static void error_response(struct coap_response *rsp, uint8_t code, const char *why)
{
	*rsp = (struct coap_response)COAP_RESPONSE_INIT(code);
	rsp->diagnostic = why;
}

int coap_exchange_reply(struct coap_endpoint *ep, struct coap_exchange *x,
			const struct coap_response *rsp)
{
	uint8_t buf[COAP_DATAGRAM_MAX];
	struct coap_response error;
	struct coap_shape shape;
	int64_t seq = -1;
	int n, r = 0;

	coap_exchange_shape(ep, x, &shape);
	if (rsp->code != COAP_231_CONTINUE)
		shape.block1.more = false;
	/* 7959 2.9: the answer to the first block may ask for smaller ones */
	if (!shape.block1.num && shape.block1.szx > ep->szx)
		shape.block1.szx = ep->szx;
	if (x->obs)
		seq = coap_observe_answered(ep, x->obs, rsp->code, &x->block2);
	if (seq >= 0) {
		shape.observe = true;
		shape.seq = (uint32_t)seq;
	}
	n = coap_build_response(ep, rsp, &shape, NULL, buf);
	if (n < 0) {
		r = n;
		shape.observe = false;
		if (x->obs)
			coap_observe_failed(ep, x->obs, COAP_OBSERVE_ERROR);
		if (n == -ERANGE)
			error_response(&error, COAP_402_BAD_OPTION,
				       "Block2 number is beyond the end of the body");
		else
			error_response(&error, COAP_500_INTERNAL, "answer could not be built");
		n = coap_build_response(ep, &error, &shape, NULL, buf);
	}
	if (n > 0)
		coap_exchange_finish(ep, x, buf, (size_t)n);
	else
		exchange_free(ep, x);
	explicit_bzero(buf, sizeof(buf));
	return r == -ERANGE ? 0 : r;
}

static void refuse(struct coap_endpoint *ep, struct coap_exchange *x, uint8_t code,
		   const char *why)
{
	struct coap_response rsp;

	error_response(&rsp, code, why);
	ep->st.refused++;
	coap_exchange_reply(ep, x, &rsp);
}

int coap_respond(struct coap_endpoint *ep, uint64_t now, uint32_t xid,
		 const struct coap_response *rsp)
{
	struct coap_exchange *x = exchange_find(ep, xid);
	uint32_t transfer;
	bool more;

	coap_set_now(ep, now);
	if (!x) {
		coap_body_release(rsp->body);
		return -ESTALE;
	}
	transfer = x->transfer;
	more = x->block1.present && x->block1.more;
	if (more && COAP_CODE_CLASS(rsp->code) == 2) {
		/* a body is not done before its last block */
		struct coap_response cont = COAP_RESPONSE_INIT(COAP_231_CONTINUE);

		coap_body_release(rsp->body);
		return coap_exchange_reply(ep, x, &cont);
	}
	if (more)
		coap_upload_drop(ep, transfer, false);
	return coap_exchange_reply(ep, x, rsp);
}

static void ack_later(struct coap_endpoint *ep, struct coap_exchange *x)
{
	if (x->type != COAP_CON)
		return;
	if (ep->cfg.ack_delay_ms) {
		x->ack_due = ep->now + ep->cfg.ack_delay_ms;
		return;
	}
	x->acked = true;
	if (x->dedup)
		x->dedup->acked = true;
	coap_send_empty(ep, COAP_ACK, x->mid);
}

void coap_deliver(struct coap_endpoint *ep, struct coap_exchange *x, const struct coap_msg *m,
		  uint64_t offset, bool more, bool restart, uint64_t size)
{
	struct coap_request req = {
		.now = ep->now,
		.xid = x->xid,
		.method = m->code,
		.msg = m,
		.content_format = COAP_NO_FORMAT,
		.accept = COAP_NO_FORMAT,
		.observe = x->observe,
		.data = m->payload,
		.len = m->payload_len,
		.offset = offset,
		.more = more,
		.restart = restart,
		.size = size,
		.transfer = x->transfer,
	};
	struct coap_response rsp;
	int r;

	coap_opt_uint(m, COAP_OPT_CONTENT_FORMAT, &req.content_format);
	coap_opt_uint(m, COAP_OPT_ACCEPT, &req.accept);

	if (x->dedup && x->dedup->class == COAP_DEDUP_STATE && ep->ops->dedup_store) {
		struct coap_dedup_record rec;

		record(x, &rec);
		if (ep->ops->dedup_store(ep->ctx, &rec)) {
			if (x->transfer && ep->ops->transfer_lost)
				ep->ops->transfer_lost(ep->ctx, x->transfer);
			refuse(ep, x, COAP_503_UNAVAILABLE,
			       "the request could not be recorded");
			return;
		}
		x->persist = true;
	}

	if (offset || more)
		ep->st.chunks++;
	if (!more)
		ep->st.requests++;
	r = ep->ops->request(ep->ctx, &req);
	x = exchange_find(ep, req.xid);
	if (!x)
		return;
	if (r < 0)
		error_response(&rsp, COAP_500_INTERNAL, "the request could not be processed");
	else if (r > 0)
		rsp = (struct coap_response)COAP_RESPONSE_INIT((uint8_t)r);
	else if (more)
		rsp = (struct coap_response)COAP_RESPONSE_INIT(COAP_231_CONTINUE);
	else
		return ack_later(ep, x);
	coap_respond(ep, ep->now, req.xid, &rsp);
}

/* ---- requests come in ---------------------------------------------------------------------
 */

static const char interrupted[] = "interrupted by a restart: outcome not known, not run again";

/* An answer without an exchange: nothing is recorded of it. */
static void refuse_plain(struct coap_endpoint *ep, const struct coap_msg *m, uint8_t code,
			 uint32_t max_age, const char *why)
{
	struct coap_shape shape = {
		.type = m->type == COAP_CON ? COAP_ACK : COAP_NON,
		.mid = m->type == COAP_CON ? m->mid : coap_new_mid(ep),
		.token = m->token,
		.token_len = m->token_len,
	};
	uint8_t buf[COAP_DATAGRAM_MAX];
	struct coap_response rsp;
	int n;

	error_response(&rsp, code, why);
	rsp.max_age = max_age;
	ep->st.refused++;
	n = coap_build_response(ep, &rsp, &shape, NULL, buf);
	if (n > 0)
		coap_transmit(ep, buf, (size_t)n);
}

/* A message that we have seen: the same answer, no second delivery (4.5). */
static void repeat(struct coap_endpoint *ep, const struct coap_msg *m, struct coap_dedup *d)
{
	uint16_t mid;

	ep->st.rx_duplicate++;
	if (m->type != COAP_CON)
		return;
	if (d->response && (d->response[0] >> 4 & 3) == COAP_ACK) {
		coap_transmit(ep, d->response, d->response_len);
		return;
	}
	if (d->busy && !d->acked)
		return; /* the answer, or its ACK, is about to leave */
	if (!d->busy && !d->response) {
		refuse_plain(ep, m, COAP_500_INTERNAL, COAP_NO_FORMAT, interrupted);
		return;
	}
	coap_send_empty(ep, COAP_ACK, m->mid);
	if (!d->response)
		return;
	/* answered apart: that message repeats itself while it is alive */
	mid = (uint16_t)(d->response[2] << 8 | d->response[3]);
	if (!con_by_mid(ep, mid))
		coap_transmit(ep, d->response, d->response_len);
}

static enum coap_dedup_class dedup_class(const struct coap_msg *m, const struct coap_blk *b1,
					 const struct coap_blk *b2)
{
	if (b1->present && b1->more)
		return COAP_DEDUP_CHUNK;
	if (m->code == COAP_GET || m->code == COAP_FETCH)
		return COAP_DEDUP_SAFE;
	/* a later block of an answer never reaches the handler */
	if (b2->present && b2->num)
		return COAP_DEDUP_SAFE;
	return COAP_DEDUP_STATE;
}

/*
 * Was this request received before we were restarted?
 * Return: true when it has been dealt with.
 */
static bool restored(struct coap_endpoint *ep, const struct coap_msg *m, uint64_t digest)
{
	struct coap_dedup_record rec = {
		.mid = m->mid,
		.code = m->code,
		.token_len = m->token_len,
		.digest = digest,
	};
	struct coap_dedup *d;
	int r;

	if (!ep->ops->dedup_find)
		return false;
	memcpy(rec.token, m->token, m->token_len);
	r = ep->ops->dedup_find(ep->ctx, &rec);
	if (r < 0) {
		refuse_plain(ep, m, COAP_503_UNAVAILABLE, COAP_NO_FORMAT,
			     "the record of requests could not be read");
		return true;
	}
	if (!r)
		return false;
	ep->st.rx_duplicate++;
	if (!rec.response || rec.response_len < 4 || rec.response_len > COAP_DATAGRAM_MAX) {
		refuse_plain(ep, m, COAP_500_INTERNAL, COAP_NO_FORMAT, interrupted);
		return true;
	}
	d = coap_dedup_add(ep, COAP_DEDUP_STATE, m->mid, digest, m->type == COAP_CON);
	if (d && m->type == COAP_CON)
		coap_dedup_set_response(d, rec.response, rec.response_len);
	if (m->type == COAP_CON)
		coap_transmit(ep, rec.response, rec.response_len);
	return true;
}

static struct coap_exchange *exchange_new(struct coap_endpoint *ep, const struct coap_msg *m,
					  uint64_t digest)
{
	struct coap_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->xid = coap_new_id(ep);
	x->type = m->type;
	x->method = m->code;
	x->mid = m->mid;
	x->token_len = m->token_len;
	memcpy(x->token, m->token, m->token_len);
	x->digest = digest;
	x->ack_due = COAP_NEVER;
	x->observe = -1;
	x->key = coap_request_key(m);
	if (m->code == COAP_FETCH && m->payload_len)
		x->body_digest = coap_digest(COAP_DIGEST_START, m->payload, m->payload_len);
	TAILQ_INSERT_TAIL(&ep->exchanges, x, link);
	ep->n_exchanges++;
	return x;
}

static void request_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
			  size_t len)
{
	uint64_t digest = coap_digest(COAP_DIGEST_START, data, len);
	struct coap_dedup *d = coap_dedup_lookup(ep, m->mid, digest);
	uint16_t bad = coap_check_options(m);
	enum coap_dedup_class class;
	struct coap_blk b1, b2;
	struct coap_exchange *x;
	bool legal1, legal2;
	uint32_t observe;

	if (d)
		return repeat(ep, m, d);
	if (bad && m->type != COAP_CON) {
		/* 5.4.1: a non-confirmable one is rejected in silence */
		ep->st.rx_bad++;
		return;
	}
	legal1 = coap_blk_get(m, COAP_OPT_BLOCK1, &b1);
	legal2 = coap_blk_get(m, COAP_OPT_BLOCK2, &b2);
	class = dedup_class(m, &b1, &b2);
	if (class == COAP_DEDUP_STATE && restored(ep, m, digest))
		return;

	d = coap_dedup_add(ep, class, m->mid, digest, m->type == COAP_CON);
	if (!d)
		return refuse_plain(ep, m, COAP_503_UNAVAILABLE, coap_dedup_wait(ep),
				    "too many requests within one exchange lifetime");
	x = exchange_new(ep, m, digest);
	if (!x) {
		coap_dedup_remove(ep, d);
		return;
	}
	x->dedup = d;
	d->busy = true;

	if (bad)
		return refuse(ep, x, COAP_402_BAD_OPTION,
			      "a critical option is not known or not well-formed");
	if (m->code > COAP_IPATCH)
		return refuse(ep, x, COAP_405_METHOD_NOT_ALLOWED, "no such method");
	if (coap_opt_find(m, COAP_OPT_PROXY_URI) || coap_opt_find(m, COAP_OPT_PROXY_SCHEME))
		return refuse(ep, x, COAP_505_NO_PROXYING, NULL);
	/* conditions would have to be judged together with the request: nobody here can */
	if (coap_opt_find(m, COAP_OPT_IF_MATCH) || coap_opt_find(m, COAP_OPT_IF_NONE_MATCH))
		return refuse(ep, x, COAP_402_BAD_OPTION,
			      "conditional requests are not supported");
	if (!legal1 || !legal2)
		return refuse(ep, x, COAP_402_BAD_OPTION, "reserved block size");
	if (ep->n_exchanges > ep->cfg.max_exchanges)
		return refuse(ep, x, COAP_503_UNAVAILABLE, "too many requests at once");

	x->block1 = b1;
	x->block2 = b2;
	if ((m->code == COAP_GET || m->code == COAP_FETCH) &&
	    coap_opt_uint(m, COAP_OPT_OBSERVE, &observe) && observe <= 1) {
		x->observe = (int)observe;
		if (observe == 1)
			coap_observe_cancel(ep, m);
	}
	if (b1.present) {
		x->body_digest = 0; /* of one block only */
		return coap_block1_input(ep, x, m);
	}
	if (b2.present && b2.num) {
		/* 7959 3.4: only the first block is about the observation */
		x->observe = -1;
		if (coap_block2_input(ep, x, m))
			return;
	}
	coap_deliver(ep, x, m, 0, false, false, COAP_SIZE_UNKNOWN);
}

void coap_input(struct coap_endpoint *ep, uint64_t now, const uint8_t *data, size_t len)
{
	struct coap_con *con;
	struct coap_msg m;
	int r;

	coap_set_now(ep, now);
	ep->st.rx++;
	r = coap_decode(&m, data, len);
	if (r) {
		ep->st.rx_bad++;
		/* 4.2, 4.3: a confirmable one that cannot be processed is rejected */
		if (r != -EPROTO && m.type == COAP_CON)
			coap_send_empty(ep, COAP_RST, m.mid);
		return;
	}

	if (m.code == COAP_EMPTY) {
		switch (m.type) {
		case COAP_CON: /* a ping (4.3) */
			coap_send_empty(ep, COAP_RST, m.mid);
			return;
		case COAP_ACK:
			con = con_by_mid(ep, m.mid);
			if (con)
				con_acked(ep, con);
			return;
		case COAP_RST:
			con = con_by_mid(ep, m.mid);
			if (con)
				con_failed(ep, con, -ECONNRESET);
			else
				coap_observe_reset(ep, m.mid);
			return;
		default:
			ep->st.rx_bad++;
			return;
		}
	}
	switch (COAP_CODE_CLASS(m.code)) {
	case 0:
		if (m.type == COAP_CON || m.type == COAP_NON)
			return request_input(ep, &m, data, len);
		break;
	case 2:
	case 4:
	case 5:
		if (m.type != COAP_RST)
			return coap_client_input(ep, &m, data, len);
		break;
	default: /* reserved classes (4.2, 4.3) */
		if (m.type == COAP_CON)
			coap_send_empty(ep, COAP_RST, m.mid);
		break;
	}
	ep->st.rx_bad++;
}

/* ---- time ---------------------------------------------------------------------------------
 */

void coap_tick(struct coap_endpoint *ep, uint64_t now)
{
	struct coap_exchange *x;

	coap_set_now(ep, now);
	TAILQ_FOREACH(x, &ep->exchanges, link)
	{
		if (x->ack_due > ep->now)
			continue;
		x->ack_due = COAP_NEVER;
		x->acked = true;
		if (x->dedup)
			x->dedup->acked = true;
		coap_send_empty(ep, COAP_ACK, x->mid);
	}
	con_tick(ep);
	coap_client_tick(ep);
	coap_block_tick(ep);
}

uint64_t coap_next_deadline(const struct coap_endpoint *ep)
{
	const struct coap_exchange *x;
	const struct coap_con *con;
	uint64_t t = coap_block_deadline(ep), c = coap_client_deadline(ep);

	if (c < t)
		t = c;
	TAILQ_FOREACH(con, &ep->cons, link)
	if (con->sent && con->due < t)
		t = con->due;
	TAILQ_FOREACH(x, &ep->exchanges, link)
	if (x->ack_due < t)
		t = x->ack_due;
	return t;
}

void coap_unreachable(struct coap_endpoint *ep, uint64_t now, int error)
{
	coap_set_now(ep, now);
	coap_client_clear(ep, error < 0 ? error : -ECONNREFUSED);
}

/* ---- life ----------------------------------------------------------------------------------
 */

static void defaults(struct coap_endpoint *ep, const struct coap_config *config)
{
	struct coap_config *c = &ep->cfg;

	if (config)
		*c = *config;
#define DEFAULT(field, value)             \
	do {                              \
		if (!c->field)            \
			c->field = value; \
	} while (0)
	DEFAULT(ack_timeout_ms, 2000);
	DEFAULT(ack_random_permille, 1500);
	DEFAULT(max_retransmit, 4);
	DEFAULT(exchange_lifetime_ms, 247000);
	DEFAULT(non_lifetime_ms, 145000);
	DEFAULT(block_szx, 6);
	DEFAULT(max_observations, 64);
	DEFAULT(max_exchanges, 16);
	DEFAULT(max_calls, 16);
	DEFAULT(max_uploads, 4);
	DEFAULT(max_downloads, 8);
	DEFAULT(max_dedup, 1024);
	DEFAULT(max_copy, 65536);
#undef DEFAULT
	if (c->ack_random_permille < 1000)
		c->ack_random_permille = 1000;
	if (c->max_retransmit > 10)
		c->max_retransmit = 10;
	ep->szx = c->block_szx == COAP_SZX_16 ? 0 : c->block_szx;
}

int coap_endpoint_new(struct coap_endpoint **epp, const struct coap_ops *ops, void *ctx,
		      const struct coap_config *config)
{
	struct coap_endpoint *ep;

	*epp = NULL;
	if (!ops->send || !ops->random || !ops->request || !ops->result ||
	    (config && config->block_szx > 6 && config->block_szx != COAP_SZX_16))
		return -EINVAL;
	ep = calloc(1, sizeof(*ep));
	if (!ep)
		return -ENOMEM;
	ep->ops = ops;
	ep->ctx = ctx;
	defaults(ep, config);
	TAILQ_INIT(&ep->cons);
	TAILQ_INIT(&ep->exchanges);
	TAILQ_INIT(&ep->uploads);
	TAILQ_INIT(&ep->downloads);
	TAILQ_INIT(&ep->observations);
	TAILQ_INIT(&ep->calls);
	coap_dedup_init(ep);
	/* 4.4: a random start makes a stray answer to an earlier life unlikely */
	ops->random(ctx, &ep->mid, sizeof(ep->mid));
	*epp = ep;
	return 0;
}

static void clear(struct coap_endpoint *ep, bool keep_dedup)
{
	while (!TAILQ_EMPTY(&ep->exchanges))
		exchange_free(ep, TAILQ_FIRST(&ep->exchanges));
	while (!TAILQ_EMPTY(&ep->cons))
		coap_con_drop(ep, TAILQ_FIRST(&ep->cons));
	coap_client_clear(ep, -ECANCELED);
	coap_observe_clear(ep);
	coap_block_clear(ep);
	if (!keep_dedup)
		coap_dedup_clear(ep);
}

void coap_endpoint_reset(struct coap_endpoint *ep, uint64_t now, bool keep_dedup)
{
	coap_set_now(ep, now);
	clear(ep, keep_dedup);
	memset(ep->acked, 0, sizeof(ep->acked));
}

void coap_endpoint_free(struct coap_endpoint *ep)
{
	if (!ep)
		return;
	clear(ep, false);
	/* what the call backs of clear() may have begun */
	clear(ep, false);
	free(ep);
}

void coap_get_stats(const struct coap_endpoint *ep, struct coap_stats *st)
{
	*st = ep->st;
}
