// SPDX-License-Identifier: Apache-2.0
#include "applet-pin.h"

#include <openssl/crypto.h>
#include <string.h>

/* An object's bytes: tries that are left, then the PIN. */
static uint16_t put(struct card *c, struct entry *e, uint8_t ref, uint8_t left,
		    const uint8_t *pin, size_t len)
{
	uint8_t v[1 + PIN_MAX];
	uint16_t sw;

	v[0] = left;
	memcpy(v + 1, pin, len);
	sw = entry_put_object(c, e, PIN_TAG, ref, v, 1 + len);
	OPENSSL_cleanse(v, sizeof(v));
	return sw;
}

uint16_t pin_set(struct card *c, struct entry *e, uint8_t ref, const uint8_t *pin, size_t len)
{
	if (len < PIN_MIN || len > PIN_MAX)
		return SW_WRONG_DATA;
	return put(c, e, ref, PIN_TRIES, pin, len);
}

/* A PIN as the state file has it may be anything. */
static struct object *find(struct entry *e, uint8_t ref)
{
	struct object *o = entry_object(e, PIN_TAG, ref);

	return o && o->v->len >= 1 + PIN_MIN && o->v->len <= 1 + PIN_MAX ? o : NULL;
}

static uint16_t compare(struct card *c, struct entry *e, uint8_t ref, const uint8_t *pin,
			size_t len, uint8_t *ok)
{
	struct object *o = find(e, ref);
	uint8_t have[1 + PIN_MAX], left;
	size_t have_len;
	bool equal;
	uint16_t sw;

	*ok = 0;
	if (!o)
		return SW_NO_REFERENCE;
	left = o->v->v[0];
	if (!left)
		return SW_BLOCKED;
	have_len = o->v->len - 1;
	memcpy(have, o->v->v, o->v->len);
	equal = len == have_len && !CRYPTO_memcmp(pin, have + 1, len);
	left = equal ? PIN_TRIES : (uint8_t)(left - 1);
	sw = SW_OK;
	if (left != have[0]) {
		sw = card_touch(c, e);
		if (sw == SW_OK)
			sw = put(c, e, ref, left, have + 1, have_len);
	}
	OPENSSL_cleanse(have, sizeof(have));
	if (sw != SW_OK)
		return sw;
	*ok = equal;
	/* 63Cx commits: the try is on the disk before the answer leaves */
	return equal ? SW_OK : (uint16_t)(0x63c0 | left);
}

uint16_t pin_verify(struct card *c, struct entry *e, const struct apdu *a, uint8_t *ok)
{
	struct object *o = find(e, a->p2);

	if (a->p1)
		return SW_P1P2;
	if (!o)
		return SW_NO_REFERENCE;
	if (a->lc)
		return compare(c, e, a->p2, a->data, a->lc, ok);
	if (*ok)
		return SW_OK;
	return o->v->v[0] ? (uint16_t)(0x63c0 | (o->v->v[0] & 15)) : SW_BLOCKED;
}

uint16_t pin_change(struct card *c, struct entry *e, const struct apdu *a, uint8_t *ok)
{
	struct object *o = find(e, a->p2);
	size_t old;
	uint16_t sw;

	if (a->p1)
		return SW_P1P2;
	if (!o)
		return SW_NO_REFERENCE;
	old = o->v->len - 1;
	/* refused before the old PIN is looked at: costs no try and tells nothing of it */
	if (a->lc < 2 * PIN_MIN || a->lc > 2 * PIN_MAX)
		return SW_WRONG_DATA;
	sw = compare(c, e, a->p2, a->data, old < a->lc ? old : a->lc, ok);
	if (sw != SW_OK)
		return sw;
	*ok = 0;
	sw = card_touch(c, e);
	return sw == SW_OK ? pin_set(c, e, a->p2, a->data + old, a->lc - old) : sw;
}
