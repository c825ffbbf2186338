// SPDX-License-Identifier: Apache-2.0
/*
 * Observe, the side that notifies: RFC 7641.
 *
 * One confirmable notification of an observation is on its way at a time; what
 * becomes known meanwhile waits in one slot, where the newest replaces the one
 * before (4.5.2).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

#define CON_EVERY_MS (24ULL * 3600 * 1000) /* 4.5 */

static struct coap_observation *by_id(const struct coap_endpoint *ep, uint32_t id)
{
	struct coap_observation *o;

	TAILQ_FOREACH(o, &ep->observations, link)
	if (o->id == id)
		return o;
	return NULL;
}

static struct coap_observation *by_token(struct coap_endpoint *ep, const uint8_t *token,
					 uint8_t len)
{
	struct coap_observation *o;

	TAILQ_FOREACH(o, &ep->observations, link)
	if (o->token_len == len && !memcmp(o->token, token, len))
		return o;
	return NULL;
}

static void drop_pending(struct coap_observation *o)
{
	if (o->pending)
		explicit_bzero(o->pending, o->pending_len);
	free(o->pending);
	o->pending = NULL;
	o->pending_len = 0;
}

/* Forget it, and what of it is on its way. */
static void end(struct coap_endpoint *ep, struct coap_observation *o, bool tell,
		enum coap_observe_end why)
{
	struct coap_con *con = coap_con_find(ep, COAP_CON_NOTIFY, o->id);
	uint32_t id = o->id;
	void *user = o->user;

	if (con)
		coap_con_drop(ep, con);
	TAILQ_REMOVE(&ep->observations, o, link);
	ep->n_observations--;
	drop_pending(o);
	free(o);
	if (tell && ep->ops->observe_end)
		ep->ops->observe_end(ep->ctx, id, user, why);
	coap_con_kick(ep);
}

int coap_observe_accept(struct coap_endpoint *ep, uint32_t xid, void *user, uint32_t *obs)
{
	struct coap_observation *o;
	struct coap_exchange *x;

	TAILQ_FOREACH(x, &ep->exchanges, link)
	if (x->xid == xid)
		break;
	if (!x)
		return -ESTALE;
	if (x->observe != 0)
		return -EINVAL;
	o = by_token(ep, x->token, x->token_len);
	if (o && (o->key != x->key || o->body_digest != x->body_digest)) {
		end(ep, o, true, COAP_OBSERVE_REPLACED);
		o = NULL;
	}
	if (!o) {
		if (ep->n_observations >= ep->cfg.max_observations)
			return -ENOSPC;
		o = calloc(1, sizeof(*o));
		if (!o)
			return -ENOSPC;
		o->id = coap_new_id(ep);
		o->token_len = x->token_len;
		memcpy(o->token, x->token, x->token_len);
		o->key = x->key;
		o->body_digest = x->body_digest;
		o->last_con = ep->now;
		TAILQ_INSERT_TAIL(&ep->observations, o, link);
		ep->n_observations++;
	}
	o->user = user;
	o->sec = x->sec;
	x->obs = o->id;
	*obs = o->id;
	return 0;
}

void coap_observe_end(struct coap_endpoint *ep, uint32_t obs)
{
	struct coap_observation *o = by_id(ep, obs);

	if (o)
		end(ep, o, false, COAP_OBSERVE_CLOSED);
}

void coap_observe_cancel(struct coap_endpoint *ep, const struct coap_msg *m)
{
	struct coap_observation *o = by_token(ep, m->token, m->token_len);

	if (o)
		end(ep, o, true, COAP_OBSERVE_CANCELLED);
}

static uint32_t next_seq(struct coap_observation *o)
{
	o->seq = (o->seq + 1) & 0xffffff;
	return o->seq;
}

int64_t coap_observe_answered(struct coap_endpoint *ep, uint32_t obs, uint8_t code,
			      const struct coap_blk *block2)
{
	struct coap_observation *o = by_id(ep, obs);

	if (!o)
		return -1;
	if (COAP_CODE_CLASS(code) != 2) {
		end(ep, o, true, COAP_OBSERVE_ERROR);
		return -1;
	}
	o->block2 = *block2;
	o->block2.num = 0;
	return next_seq(o);
}

static void remember_mid(struct coap_observation *o, uint16_t mid)
{
	memmove(o->mids + 1, o->mids, sizeof(o->mids) - sizeof(o->mids[0]));
	o->mids[0] = mid;
	if (o->n_mids < COAP_OBS_MIDS)
		o->n_mids++;
}

/* Put the waiting notification on the wire, now that nothing is before it. */
static void send_pending(struct coap_endpoint *ep, struct coap_observation *o)
{
	uint8_t *data = o->pending;
	size_t len = o->pending_len;
	bool con = o->pending_con, last = o->last;
	uint32_t id = o->id;

	if (!ep->cfg.stream && !con) {
		if (!coap_pace_notify(ep)) {
			o->held = true; /* until coap_observe_tick() */
			return;
		}
		/* a silent peer gets what paces itself */
		con = !coap_pace_probe(ep, len);
		if (con)
			data[0] = (uint8_t)((data[0] & 0xcf) | COAP_CON << 4);
	}
	o->held = false;
	o->pending = NULL;
	o->pending_len = 0;
	if (con) {
		o->last_con = ep->now;
		if (!coap_con_new(ep, COAP_CON_NOTIFY, id, data, len))
			coap_transmit(ep, data, len);
	} else {
		/* a stream has no message IDs, and no RST either */
		if (!ep->cfg.stream)
			remember_mid(o, (uint16_t)(data[2] << 8 | data[3]));
		coap_transmit(ep, data, len);
		if (last)
			end(ep, o, true, COAP_OBSERVE_ERROR);
	}
	explicit_bzero(data, len);
	free(data);
}

int coap_notify(struct coap_endpoint *ep, uint64_t now, uint32_t obs,
		const struct coap_response *rsp, bool confirmable)
{
	struct coap_observation *o = by_id(ep, obs);
	bool ok = COAP_CODE_CLASS(rsp->code) == 2;
	uint8_t buf[COAP_MESSAGE_MAX], *copy;
	struct coap_shape shape = {0};
	int n;

	coap_set_now(ep, now);
	if (!o || o->last) {
		coap_body_release(rsp->body);
		return -ESTALE;
	}
	confirmable |= o->pending && o->pending_con;
	confirmable |= ep->now - o->last_con >= CON_EVERY_MS;
	if (ep->cfg.stream)
		confirmable = false;
	shape.type = confirmable ? COAP_CON : COAP_NON;
	shape.mid = coap_new_mid(ep);
	shape.token = o->token;
	shape.token_len = o->token_len;
	shape.block2 = o->block2;
	shape.observe = ok; /* 3.2: none in an error, which is the last one */
	shape.seq = ok ? next_seq(o) : 0;
	shape.key = o->key;
	shape.body_digest = o->body_digest;
	shape.sec = &o->sec;
	o->sec.nonce_spent = true; /* RFC 8613 5.2: each notification has its own */
	n = coap_build_response(ep, rsp, &shape, NULL, buf);
	if (n == -ENOKEY) {
		/* of keys that OSCORE has left behind: the peer knows it no more */
		end(ep, o, true, COAP_OBSERVE_CLOSED);
		return -ESTALE;
	}
	if (n < 0)
		return n;
	copy = malloc((size_t)n);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, buf, (size_t)n);
	explicit_bzero(buf, sizeof(buf));
	drop_pending(o);
	o->pending = copy;
	o->pending_len = (size_t)n;
	o->pending_con = confirmable;
	o->last = !ok;
	if (!ep->cfg.stream && o->held && !confirmable)
		return 0;
	if (!coap_con_find(ep, COAP_CON_NOTIFY, o->id))
		send_pending(ep, o);
	return 0;
}

void coap_observe_retry(struct coap_endpoint *ep, struct coap_con *con)
{
	struct coap_observation *o = by_id(ep, con->owner_id);

	/*
	 * The peer may have had the first copy and still answer it: that ACK is
	 * not ours any more then, and the newer state is repeated until its own.
	 */
	if (!o || !o->pending)
		return;
	o->pending[0] = (uint8_t)((o->pending[0] & 0xcf) | COAP_CON << 4);
	coap_con_replace(con, o->pending, o->pending_len);
	o->last_con = ep->now;
	drop_pending(o);
}

void coap_observe_acked(struct coap_endpoint *ep, uint32_t obs)
{
	struct coap_observation *o = by_id(ep, obs);

	if (!o)
		return;
	if (o->pending)
		send_pending(ep, o);
	else if (o->last)
		end(ep, o, true, COAP_OBSERVE_ERROR);
}

void coap_observe_failed(struct coap_endpoint *ep, uint32_t obs, enum coap_observe_end why)
{
	struct coap_observation *o = by_id(ep, obs);

	if (o)
		end(ep, o, true, why);
}

bool coap_observe_reset(struct coap_endpoint *ep, uint16_t mid)
{
	struct coap_observation *o;

	TAILQ_FOREACH(o, &ep->observations, link)
	{
		for (unsigned int i = 0; i < o->n_mids; i++) {
			if (o->mids[i] == mid) {
				end(ep, o, true, COAP_OBSERVE_RESET);
				return true;
			}
		}
	}
	return false;
}

void coap_observe_tick(struct coap_endpoint *ep)
{
	struct coap_observation *o;
	unsigned int n = ep->n_observations;

	while (n-- && coap_pace_next(ep) <= ep->now) {
		TAILQ_FOREACH(o, &ep->observations, link)
		if (o->held)
			break;
		if (!o)
			return;
		/* each has its turn */
		TAILQ_REMOVE(&ep->observations, o, link);
		TAILQ_INSERT_TAIL(&ep->observations, o, link);
		send_pending(ep, o);
	}
}

uint64_t coap_observe_deadline(const struct coap_endpoint *ep)
{
	const struct coap_observation *o;

	TAILQ_FOREACH(o, &ep->observations, link)
	if (o->held)
		return coap_pace_next(ep);
	return COAP_NEVER;
}

/* ---- over a restart ------------------------------------------------------------------- */

/* Numbers go on so far behind the saved one (RFC 7641 4.4: a later one is within 2^23) */
#define SEQ_LEAP 65536U

static void save_binding(const struct oscore_binding *b, struct coap_observe_state *state)
{
	uint8_t *p = state->sec;

	if (!b->used)
		return;
	*p++ = b->kid_len;
	memcpy(p, b->kid, sizeof(b->kid));
	p += sizeof(b->kid);
	*p++ = b->piv_len;
	memcpy(p, b->piv, sizeof(b->piv));
	p += sizeof(b->piv);
	for (int i = 24; i >= 0; i -= 8)
		*p++ = (uint8_t)(b->generation >> i);
	state->sec_len = (uint8_t)(p - state->sec);
}

static int load_binding(struct oscore_binding *b, const struct coap_observe_state *state)
{
	const uint8_t *p = state->sec;

	if (!state->sec_len)
		return 0;
	if (state->sec_len != 2 + sizeof(b->kid) + sizeof(b->piv) + 4)
		return -EINVAL;
	b->kid_len = *p++;
	memcpy(b->kid, p, sizeof(b->kid));
	p += sizeof(b->kid);
	b->piv_len = *p++;
	memcpy(b->piv, p, sizeof(b->piv));
	p += sizeof(b->piv);
	for (int i = 0; i < 4; i++)
		b->generation = b->generation << 8 | *p++;
	b->used = b->nonce_spent = true;
	return b->kid_len > sizeof(b->kid) || b->piv_len > sizeof(b->piv) ? -EINVAL : 0;
}

int coap_observe_save(struct coap_endpoint *ep, uint32_t obs, struct coap_observe_state *state)
{
	const struct coap_observation *o = by_id(ep, obs);

	if (!o)
		return -ESTALE;
	*state = (struct coap_observe_state){
		.token_len = o->token_len,
		.key = o->key,
		.body_digest = o->body_digest,
		.block_szx = o->block2.present ? o->block2.szx : 0xff,
		.seq = o->seq,
	};
	memcpy(state->token, o->token, o->token_len);
	save_binding(&o->sec, state);
	return 0;
}

int coap_observe_restore(struct coap_endpoint *ep, uint64_t now,
			 const struct coap_observe_state *state, void *user, uint32_t *obs)
{
	struct coap_observation *o;
	int r;

	coap_set_now(ep, now);
	if (state->token_len > COAP_TOKEN_MAX || ep->cfg.stream ||
	    (state->block_szx > 6 && state->block_szx != 0xff))
		return -EINVAL;
	if (by_token(ep, state->token, state->token_len))
		return -EEXIST;
	if (ep->n_observations >= ep->cfg.max_observations)
		return -ENOSPC;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	r = load_binding(&o->sec, state);
	if (r || o->sec.used != (ep->oscore != NULL)) {
		free(o);
		return -EINVAL;
	}
	o->id = coap_new_id(ep);
	o->user = user;
	o->token_len = state->token_len;
	memcpy(o->token, state->token, state->token_len);
	o->key = state->key;
	o->body_digest = state->body_digest;
	o->block2.present = state->block_szx != 0xff;
	o->block2.szx = o->block2.present ? state->block_szx : 0;
	o->seq = (state->seq + SEQ_LEAP) & 0xffffff;
	o->last_con = ep->now;
	TAILQ_INSERT_TAIL(&ep->observations, o, link);
	ep->n_observations++;
	*obs = o->id;
	return 0;
}

void coap_observe_clear(struct coap_endpoint *ep)
{
	while (!TAILQ_EMPTY(&ep->observations))
		end(ep, TAILQ_FIRST(&ep->observations), true, COAP_OBSERVE_CLOSED);
}

bool coap_observe_waiting(const struct coap_endpoint *ep, uint32_t obs)
{
	const struct coap_observation *o = by_id(ep, obs);

	return o && (o->pending || coap_con_find(ep, COAP_CON_NOTIFY, obs));
}
