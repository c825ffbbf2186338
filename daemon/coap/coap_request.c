// SPDX-License-Identifier: Apache-2.0
/*
 * Requests come in: seen before or not (RFC 7252 4.5), options (5.4), and whom they
 * go to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

static const char interrupted[] = "interrupted by a restart: outcome not known, not run again";

/* An answer without an exchange: nothing is recorded of it. */
static void refuse_plain(struct coap_endpoint *ep, const struct coap_msg *m,
			 struct oscore_binding *sec, uint8_t code, uint32_t max_age,
			 const char *why)
{
	struct coap_shape shape = {
		.type = m->type == COAP_CON ? COAP_ACK : COAP_NON,
		.mid = m->type == COAP_CON ? m->mid : coap_new_mid(ep),
		.token = m->token,
		.token_len = m->token_len,
		.sec = sec,
	};
	uint8_t buf[COAP_MESSAGE_MAX];
	struct coap_response rsp;
	int n;

	rsp = (struct coap_response)COAP_RESPONSE_INIT(code);
	rsp.diagnostic = why;
	rsp.max_age = max_age;
	ep->st.refused++;
	if (sec)
		sec->nonce_spent = true; /* nothing is recorded: another may follow */
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
		refuse_plain(ep, m, NULL, COAP_500_INTERNAL, COAP_NO_FORMAT, interrupted);
		return;
	}
	coap_send_empty(ep, COAP_ACK, m->mid);
	if (!d->response)
		return;
	/* answered apart: that message repeats itself while it is alive */
	mid = (uint16_t)(d->response[2] << 8 | d->response[3]);
	if (!coap_con_by_mid(ep, mid))
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
static bool restored(struct coap_endpoint *ep, const struct coap_msg *m,
		     struct oscore_binding *sec, uint64_t digest)
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
		refuse_plain(ep, m, sec, COAP_503_UNAVAILABLE, COAP_NO_FORMAT,
			     "the record of requests could not be read");
		return true;
	}
	if (!r)
		return false;
	ep->st.rx_duplicate++;
	if (!rec.response || rec.response_len < 4 || rec.response_len > COAP_DATAGRAM_MAX) {
		refuse_plain(ep, m, sec, COAP_500_INTERNAL, COAP_NO_FORMAT, interrupted);
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

static void get_etags(struct coap_etags *e, const struct coap_msg *m)
{
	const struct coap_opt *o;
	unsigned int pos = 0;

	/* the first few: what more a peer may have is sent to it again */
	while (e->n < COAP_ETAGS_MAX && (o = coap_opt_next(m, COAP_OPT_ETAG, &pos))) {
		memcpy(e->val[e->n], o->val, o->len);
		e->len[e->n++] = (uint8_t)o->len;
	}
}

/* One that was not received before; @sec: how it was protected, or NULL. */
static void take(struct coap_endpoint *ep, struct coap_msg *m, struct oscore_binding *sec,
		 uint64_t digest)
{
	uint16_t bad = coap_check_options(m);
	enum coap_dedup_class class;
	struct coap_dedup *d;
	struct coap_blk b1, b2;
	struct coap_exchange *x;
	bool legal1, legal2;
	uint32_t observe;

	if (bad && m->type != COAP_CON && !ep->cfg.stream) {
		/* 5.4.1: a non-confirmable one is rejected in silence */
		ep->st.rx_bad++;
		return;
	}
	legal1 = coap_blk_get(ep, m, COAP_OPT_BLOCK1, &b1);
	legal2 = coap_blk_get(ep, m, COAP_OPT_BLOCK2, &b2);
	class = dedup_class(m, &b1, &b2);
	if (class == COAP_DEDUP_STATE && !ep->cfg.stream && restored(ep, m, sec, digest))
		return;
	if (sec) {
		const char *why = "";
		int code = oscore_accept_request(ep->oscore, m, sec, &why);

		if (code)
			return refuse_plain(ep, m, NULL, (uint8_t)code, 0, why);
	}

	/* a stream repeats nothing */
	d = ep->cfg.stream ? NULL
			   : coap_dedup_add(ep, class, m->mid, digest, m->type == COAP_CON);
	if (!d && !ep->cfg.stream)
		return refuse_plain(ep, m, sec, COAP_503_UNAVAILABLE, coap_dedup_wait(ep),
				    "too many requests within one exchange lifetime");
	x = exchange_new(ep, m, digest);
	if (!x) {
		if (d)
			coap_dedup_remove(ep, d);
		return;
	}
	x->dedup = d;
	if (d)
		d->busy = true;
	if (sec)
		x->sec = *sec;
	if (x->sec.challenge)
		return coap_exchange_challenge(ep, x);

	if (bad)
		return coap_exchange_refuse(
			ep, x, COAP_402_BAD_OPTION,
			"a critical option is not known or not well-formed");
	if (m->code > COAP_IPATCH)
		return coap_exchange_refuse(ep, x, COAP_405_METHOD_NOT_ALLOWED,
					    "no such method");
	if (coap_opt_find(m, COAP_OPT_PROXY_URI) || coap_opt_find(m, COAP_OPT_PROXY_SCHEME))
		return coap_exchange_refuse(ep, x, COAP_505_NO_PROXYING, NULL);
	/* conditions would have to be judged together with the request: nobody here can */
	if (coap_opt_find(m, COAP_OPT_IF_MATCH) || coap_opt_find(m, COAP_OPT_IF_NONE_MATCH))
		return coap_exchange_refuse(ep, x, COAP_402_BAD_OPTION,
					    "conditional requests are not supported");
	if (!legal1 || !legal2)
		return coap_exchange_refuse(ep, x, COAP_402_BAD_OPTION, "reserved block size");
	if (ep->n_exchanges > ep->cfg.max_exchanges)
		return coap_exchange_refuse(ep, x, COAP_503_UNAVAILABLE,
					    "too many requests at once");

	x->block1 = b1;
	x->block2 = b2;
	x->size2 = coap_opt_find(m, COAP_OPT_SIZE2) != NULL;
	if (m->code == COAP_GET || m->code == COAP_FETCH)
		get_etags(&x->etags, m);
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

void coap_request_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
			size_t len)
{
	uint64_t digest = coap_digest(COAP_DIGEST_START, data, len);
	struct coap_dedup *d = ep->cfg.stream ? NULL : coap_dedup_lookup(ep, m->mid, digest);
	struct coap_unpacked u;
	const char *why = "";
	int code;

	if (d)
		return repeat(ep, m, d);
	if (!ep->oscore)
		return take(ep, m, NULL, digest);
	code = coap_unpack_request(ep, m, &u, &why);
	if (!code)
		take(ep, &u.m, &u.b, digest);
	else if (m->type == COAP_CON || ep->cfg.stream)
		refuse_plain(ep, m, NULL, (uint8_t)code, 0, why);
	else
		ep->st.rx_bad++;
	coap_unpacked_wipe(&u);
}
