// SPDX-License-Identifier: Apache-2.0
/*
 * The answer to reset that PC/SC programs know an SE by: its own where it has one, else
 * one that is built around its historical bytes.
 */
#include <string.h>
#include "se.h"

#define HISTORICAL_MAX 15	/* T0 has four bits for their number */
#define HISTORICAL_COMPACT 0x80 /* ISO/IEC 7816-4, 12.1.1.2: COMPACT-TLV to the end */
#define UM11225_VENDOR_LEN 5
#define IFSC_MAX 254 /* ISO/IEC 7816-3, 11.4.2 */

struct bytes {
	const uint8_t *p;
	size_t len;
};

static bool skip(struct bytes *b, size_t n)
{
	if (n > b->len)
		return false;
	b->p += n;
	b->len -= n;
	return true;
}

/* a length byte and as many bytes */
static bool take_lv(struct bytes *b, struct bytes *v)
{
	size_t n;

	if (!b->len)
		return false;
	n = *b->p;
	skip(b, 1);
	*v = (struct bytes){b->p, n};
	return skip(b, n);
}

/* ISO/IEC 7816-3, 8.2. Is it a whole one? Tells its historical bytes, and if T=1 is offered. */
static bool iso_atr(const uint8_t *p, size_t len, struct bytes *historical, bool *t1)
{
	size_t at = 2, i;
	uint8_t check = 0;
	bool tck = false;
	uint8_t y;

	*t1 = false;
	if (len < 2 || len > SE_ATR_MAX || (p[0] != 0x3b && p[0] != 0x3f))
		return false;
	for (y = p[1] >> 4; y;) {
		at += (size_t)(y & 1) + (y >> 1 & 1) + (y >> 2 & 1);
		if (!(y & 8))
			break;
		if (at >= len)
			return false;
		*t1 |= (p[at] & 0x0f) == 1;
		tck |= (p[at] & 0x0f) != 0;
		y = p[at++] >> 4;
	}
	if (at + (p[1] & 0x0f) + tck != len)
		return false;
	*historical = (struct bytes){p + at, p[1] & 0x0f};
	for (i = 1; i < len; i++)
		check ^= p[i];
	return !tck || !check;
}

/* CIP of GPC_SPE_172; the ATR of UM11225 has another order and an ID of fixed length */
static struct bytes parameters(const struct se_info *info, const uint8_t *p, size_t len)
{
	struct bytes b = {p, len}, v, none = {NULL, 0};
	bool ok = skip(&b, 1); /* version */

	if (info->dialect == SE_DIALECT_UM11225)
		ok = ok && skip(&b, UM11225_VENDOR_LEN) && take_lv(&b, &v) && skip(&b, 1) &&
		     take_lv(&b, &v);
	else
		ok = ok && take_lv(&b, &v) && skip(&b, 1) && take_lv(&b, &v) && take_lv(&b, &v);
	return ok && take_lv(&b, &v) ? v : none;
}

/* What there is room for; of COMPACT-TLV whole objects only. */
static size_t historical_len(struct bytes h)
{
	size_t at = 1, next;

	if (h.len <= HISTORICAL_MAX)
		return h.len;
	if (h.p[0] != HISTORICAL_COMPACT)
		return HISTORICAL_MAX;
	while ((next = at + 1 + (h.p[at] & 0x0f)) <= HISTORICAL_MAX)
		at = next;
	return at;
}

size_t se_historical(const struct se_info *info, const uint8_t *cip, size_t len,
		     const uint8_t **hist)
{
	struct bytes h;
	bool t1;

	if (!iso_atr(cip, len, &h, &t1))
		h = parameters(info, cip, len);
	*hist = h.len ? h.p : NULL;
	return h.len;
}

size_t se_atr(const struct se_info *info, const uint8_t *cip, size_t len, uint8_t *atr)
{
	struct bytes h;
	bool t1;
	size_t n = 0, i, k;

	if (iso_atr(cip, len, &h, &t1)) {
		if (t1) {
			memcpy(atr, cip, len);
			return len;
		}
	} else {
		h = parameters(info, cip, len);
	}
	k = historical_len(h);
	atr[n++] = 0x3b;
	atr[n++] = (uint8_t)(0x80 | k); /* TD1 */
	atr[n++] = 0x81;		/* TD1: T=1, TD2 */
	atr[n++] = 0x11;		/* TD2: T=1, TA3 */
	atr[n++] = info->ifsc && info->ifsc < IFSC_MAX ? (uint8_t)info->ifsc : IFSC_MAX;
	if (k)
		memcpy(atr + n, h.p, k);
	n += k;
	atr[n] = 0;
	for (i = 1; i < n; i++)
		atr[n] ^= atr[i];
	return n + 1;
}
