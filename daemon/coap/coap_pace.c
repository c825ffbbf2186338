// SPDX-License-Identifier: Apache-2.0
/*
 * How much may be sent that nobody acknowledges: RFC 7252 section 4.7 (PROBING_RATE)
 * and RFC 7641 section 4.5.1. What is confirmable paces itself (NSTART, the
 * doubling wait); TCP does what is on a stream.
 *
 * A peer is taken for silent when nothing came from it for the longest time that a
 * confirmable message is repeated (MAX_TRANSMIT_WAIT) after something was sent to it.
 */
#include "coap/coap_priv.h"

static uint64_t max_transmit_wait(const struct coap_endpoint *ep)
{
	return ((uint64_t)ep->cfg.ack_timeout_ms * ((2u << ep->cfg.max_retransmit) - 1)) *
	       ep->cfg.ack_random_permille / 1000;
}

void coap_pace_heard(struct coap_endpoint *ep)
{
	ep->pace.waiting = false;
}

void coap_pace_sent(struct coap_endpoint *ep)
{
	if (ep->pace.waiting)
		return;
	ep->pace.waiting = true;
	ep->pace.since = ep->now;
}

void coap_pace_rtt(struct coap_endpoint *ep, uint64_t ms)
{
	if (!ms)
		ms = 1;
	if (!ep->pace.rtt)
		ep->pace.non_arrival = 0; /* it was counted in guesses */
	ep->pace.rtt = ep->pace.rtt ? (7 * ep->pace.rtt + ms + 4) / 8 : ms;
}

bool coap_pace_probe(struct coap_endpoint *ep, size_t len)
{
	struct coap_pace *p = &ep->pace;

	coap_pace_sent(ep);
	if (ep->now - p->since < max_transmit_wait(ep)) {
		p->credit = 0;
		p->at = ep->now;
		return true;
	}
	/* bytes/s times ms: thousandths of a byte */
	p->credit += (ep->now - p->at) * ep->cfg.probing_rate;
	if (p->credit > COAP_DATAGRAM_MAX * 1000ULL)
		p->credit = COAP_DATAGRAM_MAX * 1000ULL;
	p->at = ep->now;
	if (p->credit < len * 1000ULL)
		return false;
	p->credit -= len * 1000ULL;
	return true;
}

static uint64_t interval(const struct coap_endpoint *ep)
{
	return ep->pace.rtt ? ep->pace.rtt : ep->cfg.non_interval_ms;
}

/* When the theoretical arrival time is near enough for the next one of a burst. */
uint64_t coap_pace_next(const struct coap_endpoint *ep)
{
	uint64_t ahead = interval(ep) * (ep->cfg.non_burst - 1);

	return ep->pace.non_arrival > ahead ? ep->pace.non_arrival - ahead : 0;
}

bool coap_pace_notify(struct coap_endpoint *ep)
{
	struct coap_pace *p = &ep->pace;
	uint64_t most = ep->now + interval(ep) * ep->cfg.non_burst;

	/* it may have been counted in longer intervals */
	if (p->non_arrival > most)
		p->non_arrival = most;
	if (coap_pace_next(ep) > ep->now)
		return false;
	if (p->non_arrival < ep->now)
		p->non_arrival = ep->now;
	p->non_arrival += interval(ep);
	return true;
}
