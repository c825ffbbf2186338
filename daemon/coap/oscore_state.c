// SPDX-License-Identifier: Apache-2.0
/*
 * What of an OSCORE context must last: sequence numbers (RFC 8613 7.2.1, B.1.1)
 * and the replay window (7.4, B.1.2).
 *
 * The state, big-endian: version 1, flags, first bytes of the context's name,
 * sequence number, received mark, window (when exact), ID Context (when it is not
 * the configured one), check. "Exact" is what an orderly end leaves; else the two
 * numbers are marks that nothing has passed yet.
 */
#include <errno.h>
#include <string.h>

#include "coap/oscore_priv.h"

#define VERSION 1
#define F_EXACT 1   /* the numbers are what comes next, the window is there */
#define F_ANY 2	    /* … and something was seen */
#define F_RENEWED 4 /* the ID Context is of Appendix B.2 */
#define F_UNKNOWN 8 /* what was received is not known (and was not when this was written) */
#define NAME_PART 8
#define FIXED (1 + 1 + NAME_PART + 5 + 5 + 8 + 1)

/* how far ahead the marks are: numbers lost by a crash, against stores (B.1.1) */
#define AHEAD 64
#define WINDOW 64

static void put(uint8_t *p, uint64_t v, unsigned int n)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get(const uint8_t *p, unsigned int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* FNV-1a: against damage, not against an adversary, who would not need to change it */
static uint32_t check(const uint8_t *p, size_t len)
{
	uint32_t h = 0x811c9dc5u;

	while (len--)
		h = (h ^ *p++) * 0x01000193u;
	return h;
}

int oscore_save(struct oscore *o, uint64_t ssn_limit, uint64_t recv_limit, bool exact)
{
	bool renewed = o->generation != 0;
	size_t id = renewed ? o->keys.id_context_len : 0, n = FIXED + id;
	uint8_t s[OSCORE_STATE_MAX];
	int r;

	if (n + 4 > sizeof(s))
		return -ENOSPC;
	s[0] = VERSION;
	s[1] = (uint8_t)((exact ? F_EXACT : 0) | (o->any ? F_ANY : 0) |
			 (renewed ? F_RENEWED : 0) | (o->recovering ? F_UNKNOWN : 0));
	memcpy(s + 2, o->name, NAME_PART);
	put(s + 10, ssn_limit, 5);
	put(s + 15, exact ? o->top : recv_limit, 5);
	put(s + 20, exact ? o->seen : 0, 8);
	s[28] = (uint8_t)id;
	if (id)
		memcpy(s + FIXED, o->keys.id_context, id);
	put(s + n, check(s, n), 4);
	r = o->ops->store(o->ctx, s, n + 4);
	if (r)
		return r;
	o->ssn_limit = ssn_limit;
	o->recv_limit = recv_limit;
	o->exact = exact;
	return 0;
}

int oscore_load(struct oscore *o, const uint8_t *s, size_t len)
{
	size_t id;
	uint8_t flags;
	int r;

	if (len < FIXED + 4 || s[0] != VERSION || memcmp(s + 2, o->name, NAME_PART))
		return -EBADMSG;
	id = s[28];
	flags = s[1];
	if (len != FIXED + id + 4 || get(s + len - 4, 4) != check(s, len - 4))
		return -EBADMSG;
	if (flags & F_RENEWED) {
		r = oscore_derive(&o->p, &o->keys, true, s + FIXED, id);
		if (r)
			return r == -EINVAL ? -EBADMSG : r;
		o->generation = 1;
	}
	o->ssn = o->ssn_limit = get(s + 10, 5);
	if ((flags & F_EXACT) && !(flags & F_UNKNOWN)) {
		o->any = flags & F_ANY;
		o->top = get(s + 15, 5);
		o->seen = get(s + 20, 8);
		o->recv_limit = o->any ? o->top + 1 : 0;
		o->exact = true;
		return 0;
	}
	/* everything below the mark may have been received, or may be on its way still */
	o->recv_limit = get(s + 15, 5);
	if (flags & F_EXACT)
		o->recv_limit++; /* the mark was the top then */
	o->any = o->recv_limit > 0;
	o->top = o->any ? o->recv_limit - 1 : 0;
	o->seen = UINT64_MAX;
	o->recovering = o->any;
	o->exact = false;
	return 0;
}

int oscore_claim(struct oscore *o)
{
	uint64_t limit = o->ssn + AHEAD > OSCORE_SSN_MAX ? OSCORE_SSN_MAX : o->ssn + AHEAD;

	return oscore_save(o, limit, o->recv_limit, false);
}

int oscore_take_ssn(struct oscore *o, uint8_t piv[OSCORE_PIV_MAX], uint8_t *piv_len)
{
	uint8_t n = OSCORE_PIV_MAX;
	int r;

	if (o->ssn > OSCORE_SSN_MAX)
		return -EOVERFLOW;
	if (o->ssn >= o->ssn_limit) {
		uint64_t limit = o->ssn + AHEAD;

		if (limit > OSCORE_SSN_MAX)
			limit = OSCORE_SSN_MAX;
		/* the very last one: the mark cannot go beyond it, so it is given up */
		if (limit <= o->ssn)
			return -EOVERFLOW;
		r = oscore_save(o, limit, o->recv_limit, false);
		if (r)
			return r;
	}
	put(piv, o->ssn, OSCORE_PIV_MAX);
	while (n > 1 && !piv[OSCORE_PIV_MAX - n])
		n--;
	memmove(piv, piv + OSCORE_PIV_MAX - n, n);
	*piv_len = n;
	o->ssn++;
	return 0;
}

bool oscore_seen(const struct oscore *o, uint64_t piv)
{
	if (!o->any || piv > o->top)
		return false;
	if (o->top - piv >= WINDOW)
		return true;
	return o->seen >> (o->top - piv) & 1;
}

int oscore_see(struct oscore *o, uint64_t piv)
{
	if (o->exact || piv >= o->recv_limit) {
		uint64_t limit = o->recv_limit;
		int r;

		if (piv >= limit)
			limit = piv + AHEAD > OSCORE_SSN_MAX ? OSCORE_SSN_MAX : piv + AHEAD;
		r = oscore_save(o, o->ssn_limit, limit, false);
		if (r)
			return r;
	}
	if (!o->any || piv > o->top) {
		uint64_t shift = o->any ? piv - o->top : WINDOW;

		o->seen = shift >= WINDOW ? 0 : o->seen << shift;
		o->top = piv;
		o->any = true;
	}
	o->seen |= 1ULL << (o->top - piv);
	return 0;
}

void oscore_window_reset(struct oscore *o)
{
	o->any = false;
	o->top = o->seen = 0;
	o->recv_limit = 0;
	o->recovering = false;
}
