// SPDX-License-Identifier: Apache-2.0
/*
 * The vault: sealed slots, monotonic counters, boot hashes, production flag and locks.
 * Its commands are our own; Documentation/softse-card.rst has them in a table.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "applet-pin.h"
#include "applet.h"
#include "crypto.h"

enum {
	INS_VERIFY = 0x20,
	INS_CHANGE_PIN = 0x24,
	INS_GET_STATE = 0x10,
	INS_SET_PRODUCTION = 0x12,
	INS_SET_LOCK = 0x14,
	INS_PUT_BOOT_HASH = 0x20, /* class 80 */
	INS_GET_BOOT_HASH = 0x22,
	INS_COUNTER_READ = 0x30,
	INS_COUNTER_RAISE = 0x32,
	INS_PUT_SLOT = 0x40,
	INS_GET_SLOT = 0x42,
	INS_DELETE_SLOT = 0x44,
	INS_LIST_SLOTS = 0x46,
	INS_PUT_PIN = 0x4a,
	INS_KEY_PUBLIC = 0x34,
	INS_KEY_SIGN = 0x36,
	INS_KEY_AGREE = 0x38,
	INS_KEY_PRF = 0x3a,
	INS_KEY_GENERATE = 0x3c,
};

/* Who may read a slot (use it, if it is a key), who may write it; any bit will do. */
enum {
	READ_FREE = 0x01,
	READ_PIN = 0x02,
	READ_SESSION = 0x04,
	IS_KEY = 0x08, /* nobody reads it */
	WRITE_FREE = 0x10,
	WRITE_PIN = 0x20,
	WRITE_SESSION = 0x40,
	WRITE_ONCE = 0x80,
};

#define TAG_SLOT 0x510000
#define TAG_HASH 0x520000
#define TAG_STATE 0x530000
#define PIN_REF 1
#define LOCKS 4
#define BOOT_LOCK 0x04
#define HASHES 8
#define SLOT_MAX 4096
#define COUNTERS 256
#define CMAC 0x01
#define CONFIDENTIAL 0x33 /* both directions: a slot's content is in the answer */

/* State object: production flag, locks. */
struct state {
	uint8_t production, locks;
};

static struct state get_state(struct entry *e)
{
	struct object *o = entry_object(e, TAG_STATE, 0);
	struct state s = {0};

	if (o && o->v->len == sizeof(s))
		memcpy(&s, o->v->v, sizeof(s));
	return s;
}

static uint16_t put_state(struct card *c, struct entry *e, struct state s)
{
	uint16_t sw = card_touch(c, e);

	return sw == SW_OK ? entry_put_object(c, e, TAG_STATE, 0, &s, sizeof(s)) : sw;
}

static bool pin_given(const struct channel *ch)
{
	return ch->ram[0];
}

/*
 * A device in the factory (production flag clear) does as it likes; afterwards what
 * weakens it takes a session.
 */
static uint16_t set_production(struct card *c, struct channel *ch, const struct apdu *a)
{
	struct state s = get_state(ch->selected);

	if (a->p1 > 1 || a->p2)
		return SW_P1P2;
	if (s.production && !a->p1 && !applet_authenticated(ch, CMAC))
		return SW_SECURITY;
	s.production = a->p1;
	return put_state(c, ch->selected, s);
}

/* Locking is free; unlocking in production needs the PIN or a session. */
static uint16_t set_lock(struct card *c, struct channel *ch, const struct apdu *a)
{
	struct state s = get_state(ch->selected);

	if (a->p1 >= LOCKS || a->p2 > 1)
		return SW_P1P2;
	if (!a->p2 && s.production && !pin_given(ch) && !applet_authenticated(ch, CMAC))
		return SW_SECURITY;
	if (a->p2)
		s.locks |= (uint8_t)(1U << a->p1);
	else
		s.locks &= (uint8_t)~(1U << a->p1);
	return put_state(c, ch->selected, s);
}

/* P2 00: the hash is what it is now; 01: of the record so far and this. */
static uint16_t put_hash(struct card *c, struct channel *ch, const struct apdu *a)
{
	struct entry *e = ch->selected;
	struct object *o = entry_object(e, TAG_HASH, a->p1);
	uint8_t chain[64], hash[32];
	uint16_t sw;

	if (a->p1 >= HASHES || a->p2 > 1)
		return SW_P1P2;
	if (a->p2 ? a->lc != 32 : a->lc != 32 && a->lc != 48 && a->lc != 64)
		return SW_WRONG_DATA;
	/* to extend a record only adds to it: the lock does not forbid that */
	if (!a->p2 && get_state(e).locks & BOOT_LOCK && !applet_authenticated(ch, CMAC))
		return SW_SECURITY;
	sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	if (!a->p2)
		return entry_put_object(c, e, TAG_HASH, a->p1, a->data, a->lc);
	if (o && o->v->len != 32)
		return SW_CONDITIONS;
	memset(chain, 0, 32);
	if (o)
		memcpy(chain, o->v->v, 32);
	memcpy(chain + 32, a->data, 32);
	if (crypto_sha(32, chain, sizeof(chain), hash))
		return SW_MEMORY;
	return entry_put_object(c, e, TAG_HASH, a->p1, hash, sizeof(hash));
}

static struct counter *find_counter(struct entry *e, uint16_t id)
{
	for (size_t i = 0; i < e->n_counters; i++)
		if (e->counters[i].id == id)
			return &e->counters[i];
	return NULL;
}

/* Without data one more; with four bytes up to that value, which must be higher. */
static uint16_t raise_counter(struct card *c, struct entry *e, struct apdu *a)
{
	uint16_t id = (uint16_t)(a->p1 << 8 | a->p2), sw;
	struct counter *k = find_counter(e, id);
	uint32_t now = k ? k->value : 0, next = now + 1;

	if (a->lc && a->lc != 4)
		return SW_WRONG_DATA;
	if (a->lc)
		next = (uint32_t)get_be16(a->data) << 16 | get_be16(a->data + 2);
	if (next <= now)
		return SW_CONDITIONS; /* also at the end of its range */
	sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	if (!k) {
		if (e->n_counters >= COUNTERS)
			return SW_NO_SPACE;
		k = entry_add_counter(c, e, id);
		if (!k)
			return SW_NO_SPACE;
	}
	k->value = next;
	buf_be16(&a->rsp, (uint16_t)(next >> 16));
	buf_be16(&a->rsp, (uint16_t)next);
	return SW_OK;
}

static uint16_t read_counter(struct entry *e, struct apdu *a)
{
	struct counter *k = find_counter(e, (uint16_t)(a->p1 << 8 | a->p2));
	uint32_t now = k ? k->value : 0;

	buf_be16(&a->rsp, (uint16_t)(now >> 16));
	buf_be16(&a->rsp, (uint16_t)now);
	return SW_OK;
}

/* A slot's object: policy, then what is sealed in it. */
static uint16_t write_slot(struct card *c, struct channel *ch, const struct apdu *a,
			   const uint8_t *content, size_t len)
{
	struct entry *e = ch->selected;
	struct object *o = entry_object(e, TAG_SLOT, a->p1);
	bool session = applet_authenticated(ch, CMAC);
	uint8_t policy = o && o->v->len ? o->v->v[0] : a->p2;
	struct blob *b;
	uint16_t sw;

	if (!len || len > SLOT_MAX)
		return SW_WRONG_DATA;
	/* the policy of a slot stays; who makes one in production must be known */
	if (o && (a->p2 != policy || policy & WRITE_ONCE))
		return SW_CONDITIONS;
	if (!o && get_state(e).production && !session)
		return SW_SECURITY;
	if (o && !(policy & WRITE_FREE) && !(policy & WRITE_PIN && pin_given(ch)) &&
	    !(policy & WRITE_SESSION && session))
		return SW_SECURITY;
	sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	b = blob_new(NULL, len + 1);
	if (!b)
		return SW_MEMORY;
	b->v[0] = policy;
	memcpy(b->v + 1, content, len);
	sw = entry_put_object(c, e, TAG_SLOT, a->p1, b->v, b->len);
	OPENSSL_cleanse(b->v, b->len);
	blob_put(b);
	return sw;
}

static uint16_t put_slot(struct card *c, struct channel *ch, const struct apdu *a)
{
	return write_slot(c, ch, a, a->data, a->lc);
}

static bool may_read(const struct channel *ch, uint8_t policy)
{
	return policy & READ_FREE || (policy & READ_PIN && pin_given(ch)) ||
	       (policy & READ_SESSION && applet_authenticated(ch, CONFIDENTIAL));
}

static uint16_t get_slot(struct channel *ch, struct apdu *a)
{
	struct object *o = entry_object(ch->selected, TAG_SLOT, a->p1);

	if (a->p2)
		return SW_P1P2;
	if (!o || !o->v->len)
		return SW_NO_REFERENCE;
	if (o->v->v[0] & IS_KEY || !may_read(ch, o->v->v[0]))
		return SW_SECURITY;
	buf_put(&a->rsp, o->v->v + 1, o->v->len - 1);
	return SW_OK;
}

/* ---- slots that are keys ---- */

#define SCALAR 32
#define POINT 65
#define PRF_MAX 256
#define PSK_MAX 64

/* The key in a slot, if it is one and may be used now. */
static uint16_t key_of(const struct channel *ch, const struct apdu *a, const uint8_t **key,
		       size_t *len)
{
	struct object *o = entry_object(ch->selected, TAG_SLOT, a->p1);

	if (!o || o->v->len < 2)
		return SW_NO_REFERENCE;
	if (!(o->v->v[0] & IS_KEY))
		return SW_CONDITIONS;
	if (!may_read(ch, o->v->v[0]))
		return SW_SECURITY;
	*key = o->v->v + 1;
	*len = o->v->len - 1;
	return SW_OK;
}

/* Private keys of P-256 */
static uint16_t use_pair(struct channel *ch, struct apdu *a)
{
	uint8_t out[POINT];
	const uint8_t *key;
	size_t len, n = 0;
	uint16_t sw;

	if (a->p2)
		return SW_P1P2;
	sw = key_of(ch, a, &key, &len);
	if (sw != SW_OK)
		return sw;
	if (len != SCALAR)
		return SW_CONDITIONS;
	switch (a->ins) {
	case INS_KEY_PUBLIC:
		if (!crypto_ec_public(0, key, len, out))
			n = POINT;
		break;
	case INS_KEY_SIGN:
		if (a->lc != 32 && a->lc != 48 && a->lc != 64)
			return SW_WRONG_DATA;
		if (!crypto_ec_sign(0, key, len, 0, a->data, a->lc, out))
			n = 2 * (size_t)SCALAR;
		break;
	default:
		if (a->lc != POINT || crypto_ecdh(0, key, len, a->data, a->lc, out))
			return SW_WRONG_DATA;
		n = SCALAR;
		break;
	}
	if (!n)
		return SW_CONDITIONS;
	buf_put(&a->rsp, out, n);
	OPENSSL_cleanse(out, sizeof(out));
	return SW_OK;
}

/* PRF of TLS 1.2 over the slot (P2 00) or over the premaster secret it gives as a PSK (01). */
static uint16_t use_prf(struct channel *ch, struct apdu *a)
{
	uint8_t out[PRF_MAX], pre[4 + 2 * PSK_MAX] = {0};
	size_t len, n = a->has_le ? a->ne : 0;
	const uint8_t *key;
	uint16_t sw;
	int ret;

	if (a->p2 > 1)
		return SW_P1P2;
	sw = key_of(ch, a, &key, &len);
	if (sw != SW_OK)
		return sw;
	if (!a->lc || !n || n > sizeof(out))
		return SW_LENGTH;
	if (a->p2) {
		if (len > PSK_MAX)
			return SW_CONDITIONS;
		pre[1] = pre[3 + len] = (uint8_t)len;
		memcpy(pre + 4 + len, key, len);
		key = pre;
		len = 4 + 2 * len;
	}
	ret = crypto_tls12_prf(32, key, len, a->data, a->lc, out, n);
	if (!ret)
		buf_put(&a->rsp, out, n);
	OPENSSL_cleanse(pre, sizeof(pre));
	OPENSSL_cleanse(out, sizeof(out));
	return ret ? SW_CONDITIONS : SW_OK;
}

static uint16_t make_key(struct card *c, struct channel *ch, struct apdu *a)
{
	uint8_t key[SCALAR], point[POINT];
	uint16_t sw;

	if (!(a->p2 & IS_KEY))
		return SW_P1P2;
	if (crypto_ec_generate(0, key, point))
		return SW_MEMORY;
	sw = write_slot(c, ch, a, key, sizeof(key));
	if (sw == SW_OK)
		buf_put(&a->rsp, point, sizeof(point));
	OPENSSL_cleanse(key, sizeof(key));
	return sw;
}

static uint16_t delete_slot(struct card *c, struct channel *ch, const struct apdu *a)
{
	struct entry *e = ch->selected;
	uint16_t sw;

	if (a->p2)
		return SW_P1P2;
	if (!entry_object(e, TAG_SLOT, a->p1))
		return SW_NO_REFERENCE;
	if (!applet_authenticated(ch, CMAC))
		return SW_SECURITY;
	sw = card_touch(c, e);
	if (sw == SW_OK)
		entry_drop_object(e, entry_object(e, TAG_SLOT, a->p1));
	return sw;
}

/* Number, policy and length of each; nothing of the content. */
static uint16_t list_slots(struct entry *e, struct apdu *a)
{
	for (size_t i = 0; i < e->n_objects; i++) {
		const struct object *o = &e->objects[i];

		if (o->tag != TAG_SLOT || !o->v->len)
			continue;
		buf_u8(&a->rsp, (uint8_t)o->ref);
		buf_u8(&a->rsp, o->v->v[0]);
		buf_be16(&a->rsp, (uint16_t)(o->v->len - 1));
	}
	return SW_OK;
}

/* The first PIN is set in the factory; a new one, or a blocked one's, by a session. */
static uint16_t put_pin(struct card *c, struct channel *ch, const struct apdu *a)
{
	uint16_t sw;

	if (a->p1 || a->p2 != PIN_REF)
		return SW_P1P2;
	if (!applet_authenticated(ch, CMAC) && (get_state(ch->selected).production ||
						entry_object(ch->selected, PIN_TAG, PIN_REF)))
		return SW_SECURITY;
	ch->ram[0] = 0;
	sw = card_touch(c, ch->selected);
	return sw == SW_OK ? pin_set(c, ch->selected, PIN_REF, a->data, a->lc) : sw;
}

static uint16_t own(struct card *c, struct channel *ch, struct apdu *a)
{
	struct entry *e = ch->selected;
	struct object *o;
	struct state s;

	switch (a->ins) {
	case INS_GET_STATE:
		s = get_state(e);
		buf_u8(&a->rsp, s.production);
		buf_u8(&a->rsp, s.locks);
		return SW_OK;
	case INS_SET_PRODUCTION:
		return set_production(c, ch, a);
	case INS_SET_LOCK:
		return set_lock(c, ch, a);
	case INS_PUT_BOOT_HASH:
		return put_hash(c, ch, a);
	case INS_GET_BOOT_HASH:
		o = entry_object(e, TAG_HASH, a->p1);
		if (!o)
			return SW_NO_REFERENCE;
		buf_put(&a->rsp, o->v->v, o->v->len);
		return SW_OK;
	case INS_COUNTER_READ:
		return read_counter(e, a);
	case INS_COUNTER_RAISE:
		return raise_counter(c, e, a);
	case INS_PUT_SLOT:
		return put_slot(c, ch, a);
	case INS_GET_SLOT:
		return get_slot(ch, a);
	case INS_DELETE_SLOT:
		return delete_slot(c, ch, a);
	case INS_LIST_SLOTS:
		return list_slots(e, a);
	case INS_PUT_PIN:
		return put_pin(c, ch, a);
	case INS_KEY_PUBLIC:
	case INS_KEY_SIGN:
	case INS_KEY_AGREE:
		return use_pair(ch, a);
	case INS_KEY_PRF:
		return use_prf(ch, a);
	case INS_KEY_GENERATE:
		return make_key(c, ch, a);
	default:
		return SW_INS;
	}
}

static uint16_t process(struct card *c, struct channel *ch, struct apdu *a)
{
	if (a->gp_class)
		return own(c, ch, a);
	if (a->ins != INS_VERIFY && a->ins != INS_CHANGE_PIN)
		return SW_INS;
	if (a->p2 != PIN_REF)
		return SW_NO_REFERENCE;
	return a->ins == INS_VERIFY ? pin_verify(c, ch->selected, a, &ch->ram[0])
				    : pin_change(c, ch->selected, a, &ch->ram[0]);
}

const struct applet applet_vault = {
	.name = "vault",
	.secure = true,
	.process = process,
};
