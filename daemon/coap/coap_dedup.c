// SPDX-License-Identifier: Apache-2.0
/*
 * The record of requests received: RFC 7252 section 4.5.
 *
 * A repeated message is one with the same message ID *and* the same bytes: a
 * peer that restarted and came upon an old ID by chance is heard.
 *
 * Records of safe requests are a cache, the oldest makes room. A record of a
 * state-changing request stays for its whole lifetime; when there is no room
 * for another one, the request is refused (5.03), never run unguarded. Blocks
 * in the middle of a body lie between: they are many, and the transfer's own
 * order guards them as well.
 */
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

void coap_dedup_init(struct coap_endpoint *ep)
{
	for (unsigned int c = 0; c < COAP_DEDUP_CLASSES; c++)
		TAILQ_INIT(&ep->dedups[c]);
	for (unsigned int b = 0; b < COAP_DEDUP_BUCKETS; b++)
		LIST_INIT(&ep->buckets[b]);
}

void coap_dedup_remove(struct coap_endpoint *ep, struct coap_dedup *d)
{
	TAILQ_REMOVE(&ep->dedups[d->class], d, age);
	LIST_REMOVE(d, bucket);
	ep->n_dedup[d->class]--;
	free(d->response);
	free(d);
}

/* The oldest record of a class that no exchange refers to, or NULL. */
static struct coap_dedup *oldest(const struct coap_endpoint *ep, unsigned int class)
{
	struct coap_dedup *d;

	TAILQ_FOREACH(d, &ep->dedups[class], age)
	if (!d->busy)
		return d;
	return NULL;
}

static void purge(struct coap_endpoint *ep)
{
	struct coap_dedup *d;

	for (unsigned int c = 0; c < COAP_DEDUP_CLASSES; c++)
		while ((d = oldest(ep, c)) && d->expires <= ep->now)
			coap_dedup_remove(ep, d);
}

struct coap_dedup *coap_dedup_lookup(struct coap_endpoint *ep, uint16_t mid, uint64_t digest)
{
	struct coap_dedup *d;

	LIST_FOREACH(d, &ep->buckets[mid % COAP_DEDUP_BUCKETS], bucket)
	if (d->mid == mid && d->digest == digest && (d->busy || d->expires > ep->now))
		return d;
	return NULL;
}

struct coap_dedup *coap_dedup_add(struct coap_endpoint *ep, enum coap_dedup_class class,
				  uint16_t mid, uint64_t digest, bool confirmable)
{
	unsigned int limit = class == COAP_DEDUP_SAFE ? COAP_DEDUP_SAFE_MAX : ep->cfg.max_dedup;
	struct coap_dedup *d;

	purge(ep);
	if (ep->n_dedup[class] >= limit) {
		d = class == COAP_DEDUP_STATE ? NULL : oldest(ep, class);
		if (!d)
			return NULL;
		coap_dedup_remove(ep, d);
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->class = class;
	d->mid = mid;
	d->digest = digest;
	d->expires = ep->now +
		     (confirmable ? ep->cfg.exchange_lifetime_ms : ep->cfg.non_lifetime_ms);
	TAILQ_INSERT_TAIL(&ep->dedups[class], d, age);
	LIST_INSERT_HEAD(&ep->buckets[mid % COAP_DEDUP_BUCKETS], d, bucket);
	ep->n_dedup[class]++;
	return d;
}

void coap_dedup_set_response(struct coap_dedup *d, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	/* Without memory the record still keeps the request from running again. */
	if (!copy)
		return;
	memcpy(copy, data, len);
	free(d->response);
	d->response = copy;
	d->response_len = len;
}

uint32_t coap_dedup_wait(const struct coap_endpoint *ep)
{
	const struct coap_dedup *d = oldest(ep, COAP_DEDUP_STATE);

	if (!d || d->expires <= ep->now)
		return 1;
	return (uint32_t)((d->expires - ep->now) / 1000 + 1);
}

void coap_dedup_clear(struct coap_endpoint *ep)
{
	struct coap_dedup *d;

	for (unsigned int c = 0; c < COAP_DEDUP_CLASSES; c++)
		while ((d = TAILQ_FIRST(&ep->dedups[c])))
			coap_dedup_remove(ep, d);
}
