// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoint: what comes in is sorted, time passes, life begins and ends.
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

static void next_mid(struct coap_endpoint *ep)
{
	uint16_t first;

	/* on a stream they are in no message */
	if (ep->ops->mids && !ep->cfg.stream && !ep->mids_left--) {
		if (!ep->ops->mids(ep->ctx, &first))
			ep->mid = (uint16_t)(first - 1);
		/* what cannot be kept is not tried again with each message */
		ep->mids_left = COAP_MIDS - 1;
	}
	ep->mid++;
}

uint16_t coap_new_mid(struct coap_endpoint *ep)
{
	const struct coap_con *con;
	bool taken;

	do {
		taken = false;
		next_mid(ep);
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
	if (!ep->stream.broken)
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

void coap_message_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
			size_t len)
{
	switch (COAP_CODE_CLASS(m->code)) {
	case 0:
		if (m->type == COAP_CON || m->type == COAP_NON)
			return coap_request_input(ep, m, data, len);
		break;
	case 2:
	case 4:
	case 5:
		if (m->type != COAP_RST)
			return coap_client_input(ep, m, data, len);
		break;
	default: /* reserved classes (4.2, 4.3) */
		if (m->type == COAP_CON)
			coap_send_empty(ep, COAP_RST, m->mid);
		break;
	}
	ep->st.rx_bad++;
}

static void empty_input(struct coap_endpoint *ep, const struct coap_msg *m)
{
	struct coap_con *con = coap_con_by_mid(ep, m->mid);

	switch (m->type) {
	case COAP_CON: /* a ping (4.3) */
		coap_send_empty(ep, COAP_RST, m->mid);
		break;
	case COAP_ACK:
		if (con)
			coap_con_acked(ep, con);
		break;
	case COAP_RST:
		if (con)
			coap_con_failed(ep, con, -ECONNRESET);
		else
			coap_observe_reset(ep, m->mid);
		break;
	default:
		ep->st.rx_bad++;
	}
}

void coap_input(struct coap_endpoint *ep, uint64_t now, const uint8_t *data, size_t len)
{
	struct coap_msg m;
	int r;

	coap_set_now(ep, now);
	ep->st.rx++;
	if (ep->cfg.stream)
		return coap_stream_input(ep, data, len);
	r = coap_decode(&m, data, len);
	if (r) {
		ep->st.rx_bad++;
		/* 4.2, 4.3: a confirmable one that cannot be processed is rejected */
		if (r != -EPROTO && m.type == COAP_CON)
			coap_send_empty(ep, COAP_RST, m.mid);
		return;
	}
	coap_pace_heard(ep);
	if (m.code == COAP_EMPTY)
		empty_input(ep, &m);
	else
		coap_message_input(ep, &m, data, len);
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
	coap_con_tick(ep);
	coap_observe_tick(ep);
	coap_client_tick(ep);
	coap_block_tick(ep);
	coap_ping_tick(ep);
}

uint64_t coap_next_deadline(const struct coap_endpoint *ep)
{
	const struct coap_exchange *x;
	const struct coap_con *con;
	uint64_t t = coap_block_deadline(ep), c = coap_client_deadline(ep),
		 o = coap_observe_deadline(ep);

	if (c < t)
		t = c;
	if (o < t)
		t = o;
	if (ep->ping.active && ep->ping.due < t)
		t = ep->ping.due;
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
	DEFAULT(probing_rate, 1);
	DEFAULT(non_interval_ms, 3000);
	DEFAULT(non_burst, 16);
	DEFAULT(max_message, 16384);
#undef DEFAULT
	if (c->ack_random_permille < 1000)
		c->ack_random_permille = 1000;
	if (c->max_retransmit > 10)
		c->max_retransmit = 10;
	coap_stream_init(ep);
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
	/* 4.4: a random start makes a stray answer to an earlier life unlikely; where ids
	 * are set aside, it is that of the first life */
	ops->random(ctx, &ep->mid, sizeof(ep->mid));
	*epp = ep;
	return 0;
}

static void clear(struct coap_endpoint *ep, bool keep_dedup)
{
	while (!TAILQ_EMPTY(&ep->exchanges))
		coap_exchange_free(ep, TAILQ_FIRST(&ep->exchanges));
	while (!TAILQ_EMPTY(&ep->cons))
		coap_con_drop(ep, TAILQ_FIRST(&ep->cons));
	coap_client_clear(ep, -ECANCELED);
	coap_observe_clear(ep);
	coap_block_clear(ep);
	coap_stream_clear(ep);
	memset(&ep->pace, 0, sizeof(ep->pace));
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
