// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of the peer that wait for their answer: RFC 7252 section 5.2, piggy-backed
 * and separate answers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

static struct coap_exchange *exchange_find(struct coap_endpoint *ep, uint32_t xid)
{
	struct coap_exchange *x;

	TAILQ_FOREACH(x, &ep->exchanges, link)
	if (x->xid == xid)
		return x;
	return NULL;
}

void coap_exchange_free(struct coap_endpoint *ep, struct coap_exchange *x)
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
		.size2 = x->size2,
		.etags = &x->etags,
		.key = x->key,
		.body_digest = x->body_digest,
		.sec = &x->sec,
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
	bool separate = !ep->cfg.stream && (data[0] >> 4 & 3) == COAP_CON;

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
	coap_exchange_free(ep, x);
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
	uint8_t buf[COAP_MESSAGE_MAX];
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
		coap_exchange_free(ep, x);
	explicit_bzero(buf, sizeof(buf));
	return r == -ERANGE ? 0 : r;
}

void coap_exchange_refuse(struct coap_endpoint *ep, struct coap_exchange *x, uint8_t code,
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
			coap_exchange_refuse(ep, x, COAP_503_UNAVAILABLE,
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
