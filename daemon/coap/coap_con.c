// SPDX-License-Identifier: Apache-2.0
/*
 * Confirmable messages of ours, until they are acknowledged: RFC 7252 section 4.2,
 * and how many at once (4.7).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

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
	con->first = ep->now;
	coap_pace_sent(ep);
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

struct coap_con *coap_con_find(const struct coap_endpoint *ep, enum coap_con_owner owner,
			       uint32_t id)
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

struct coap_con *coap_con_by_mid(struct coap_endpoint *ep, uint16_t mid)
{
	struct coap_con *con;

	TAILQ_FOREACH(con, &ep->cons, link)
	if (con->sent && con->mid == mid)
		return con;
	return NULL;
}

void coap_con_answered(struct coap_endpoint *ep, struct coap_con *con)
{
	/* of one that was repeated, nobody knows which copy this answers */
	if (!con->tries)
		coap_pace_rtt(ep, ep->now - con->first);
	coap_con_drop(ep, con);
}

void coap_con_acked(struct coap_endpoint *ep, struct coap_con *con)
{
	enum coap_con_owner owner = con->owner;
	uint32_t id = con->owner_id;

	coap_con_answered(ep, con);
	if (owner == COAP_CON_CALL)
		coap_client_acked(ep, id);
	else if (owner == COAP_CON_NOTIFY)
		coap_observe_acked(ep, id);
	coap_con_kick(ep);
}

void coap_con_failed(struct coap_endpoint *ep, struct coap_con *con, int error)
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
	else if (owner == COAP_CON_PING)
		coap_ping_done(ep, error == -ECONNRESET); /* RST is its answer (4.3) */
	coap_con_kick(ep);
}

void coap_con_tick(struct coap_endpoint *ep)
{
	struct coap_con *con;

restart:
	TAILQ_FOREACH(con, &ep->cons, link)
	{
		if (!con->sent || con->due > ep->now)
			continue;
		if (con->tries >= ep->cfg.max_retransmit) {
			ep->st.timeouts++;
			coap_con_failed(ep, con, -ETIMEDOUT);
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
