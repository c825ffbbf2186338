// SPDX-License-Identifier: Apache-2.0
/*
 * IoT SAFE (GSMA IoT.05) with P-256, as the public hosts of wolfSSL and Orange use it:
 * keys by identifier, signatures in sessions, ECDH, PRF and HKDF, random bytes, files.
 * The document was not at hand: tags and status words are those of these hosts.
 */
#include "applet-iot-safe.h"

#include <openssl/crypto.h>
#include <string.h>

#include "applet.h"
#include "crypto.h"

enum {
	INS_PUT_PUBLIC_INIT = 0x24,
	INS_SIGN_INIT = 0x2a,
	INS_SIGN_UPDATE = 0x2b,
	INS_VERIFY_INIT = 0x2c,
	INS_VERIFY_UPDATE = 0x2d,
	INS_COMPUTE_DH = 0x46,
	INS_COMPUTE_PRF = 0x48,
	INS_COMPUTE_HKDF = 0x4a,
	INS_GET_RANDOM = 0x84,
	INS_READ_FILE = 0xb0,
	INS_GENERATE = 0xb9,
	INS_GET_DATA = 0xcb,
	INS_READ_PUBLIC = 0xcd,
	INS_PUT_PUBLIC_UPDATE = 0xd8,
	TAG_SIGNATURE = 0x33,
	TAG_KEY_FIELD = 0x34,
	TAG_KEY = 0x49,
	TAG_POINT = 0x86,
	TAG_HASH_ALGORITHM = 0x91,
	TAG_SIGNATURE_ALGORITHM = 0x92,
	TAG_LAST_BLOCK = 0x9a,
	TAG_TEXT = 0x9b,
	TAG_INTERMEDIATE = 0x9c,
	TAG_HASHED = 0x9d,
	TAG_FINAL_HASH = 0x9e,
	TAG_MODE = 0xa1,
	TAG_SECRET = 0xd1,
	TAG_SEED = 0xd2,
	TAG_LENGTH = 0xd3,
	TAG_SALT = 0xd5,
	MODE_TEXT = 1,
	MODE_LAST_BLOCK = 2,
	MODE_HASH = 3,
	ECDSA = 4,
	CLOSE = 1,
	LAST = 0x80,
	SW_BAD_SIGNATURE = 0x6d01, /* as wolfSSL expects it */
	SW_OFFSET = 0x6b00,
};

#define RANDOM_MAX 4096
#define DERIVED_MAX 1024

_Static_assert(sizeof(struct safe_ram) <= sizeof(((struct channel *)0)->ram), "too much");

/* The private key of a slot, from the card or from the channel; NULL if it has none. */
static const uint8_t *private_key(struct entry *e, const struct safe_ram *r, uint16_t id)
{
	struct object *o = entry_object(e, SAFE_PRIVATE, id);

	if (safe_type(e, SAFE_PRIVATE, id) == SAFE_PERSISTENT)
		return o->v->len == SAFE_HEAD + SAFE_SCALAR ? o->v->v + SAFE_HEAD : NULL;
	for (size_t i = 0; o && i < SAFE_PAIRS; i++)
		if (r->pair[i].set && r->pair[i].id == id)
			return r->pair[i].key;
	return NULL;
}

static const uint8_t *public_key(struct entry *e, const struct safe_ram *r, uint16_t id)
{
	struct object *o = entry_object(e, SAFE_PUBLIC, id);

	if (safe_type(e, SAFE_PUBLIC, id) == SAFE_PERSISTENT)
		return o->v->len == SAFE_HEAD + SAFE_POINT ? o->v->v + SAFE_HEAD : NULL;
	for (size_t i = 0; o && i < SAFE_PEERS; i++)
		if (r->peer[i].set && r->peer[i].id == id)
			return r->peer[i].point;
	return NULL;
}

static uint16_t put_peer(struct safe_ram *r, uint16_t id, const uint8_t *point)
{
	size_t place = SAFE_PEERS;

	for (size_t i = SAFE_PEERS; i-- > 0;)
		if (!r->peer[i].set || r->peer[i].id == id)
			place = i;
	for (size_t i = 0; i < SAFE_PEERS; i++)
		if (r->peer[i].set && r->peer[i].id == id)
			place = i;
	if (place == SAFE_PEERS)
		return SW_NO_SPACE;
	r->peer[place].set = true;
	r->peer[place].id = id;
	memcpy(r->peer[place].point, point, SAFE_POINT);
	return SW_OK;
}

/* 34 {49 {86 {04 X Y}}} */
static void answer_point(struct buf *rsp, const uint8_t *point)
{
	uint8_t inner[2 + SAFE_POINT], outer[2 + sizeof(inner)];
	struct buf b = {.data = inner, .room = sizeof(inner)};
	struct buf o = {.data = outer, .room = sizeof(outer)};

	buf_tlv(&b, TAG_POINT, point, SAFE_POINT);
	buf_tlv(&o, TAG_KEY, b.data, b.len);
	buf_tlv(rsp, TAG_KEY_FIELD, o.data, o.len);
}

static uint16_t generate(struct entry *e, struct safe_ram *r, struct apdu *a)
{
	uint8_t key[SAFE_HEAD + SAFE_SCALAR], point[SAFE_HEAD + SAFE_POINT];
	uint16_t id, sw;
	size_t place = 0;

	if (!safe_id(a->data, a->lc, SAFE_PRIVATE, &id))
		return SW_WRONG_DATA;
	key[0] = point[0] = safe_type(e, SAFE_PRIVATE, id);
	if (!key[0])
		return SW_NO_REFERENCE;
	/* the device's own key stays the one that it was given */
	if (key[0] != SAFE_VOLATILE)
		return SW_CONDITIONS;
	while (place < SAFE_PAIRS && r->pair[place].set && r->pair[place].id != id)
		place++;
	if (place == SAFE_PAIRS)
		return SW_NO_SPACE;
	if (crypto_ec_generate(0, key + SAFE_HEAD, point + SAFE_HEAD))
		return SW_MEMORY;
	sw = put_peer(r, id, point + SAFE_HEAD);
	if (sw == SW_OK) {
		r->pair[place].set = true;
		r->pair[place].id = id;
		memcpy(r->pair[place].key, key + SAFE_HEAD, SAFE_SCALAR);
		answer_point(&a->rsp, point + SAFE_HEAD);
	}
	OPENSSL_cleanse(key, sizeof(key));
	return sw;
}

static uint16_t read_public(struct entry *e, const struct safe_ram *r, struct apdu *a)
{
	const uint8_t *point;
	uint16_t id;

	if (!safe_id(a->data, a->lc, SAFE_PUBLIC, &id))
		return SW_WRONG_DATA;
	if (!safe_type(e, SAFE_PUBLIC, id))
		return SW_NO_REFERENCE;
	point = public_key(e, r, id);
	if (!point)
		return SW_CONDITIONS;
	answer_point(&a->rsp, point);
	return SW_OK;
}

static uint16_t put_init(struct entry *e, struct safe_ram *r, const struct apdu *a)
{
	uint16_t id;

	if (a->p1 > CLOSE || !a->p2)
		return SW_P1P2;
	if (a->p1 == CLOSE) {
		r->put_session = 0;
		return SW_OK;
	}
	if (!safe_id(a->data, a->lc, SAFE_PUBLIC, &id))
		return SW_WRONG_DATA;
	if (!safe_type(e, SAFE_PUBLIC, id))
		return SW_NO_REFERENCE;
	if (safe_type(e, SAFE_PUBLIC, id) != SAFE_VOLATILE)
		return SW_SECURITY;
	r->put_session = a->p2;
	r->put_id = id;
	return SW_OK;
}

static uint16_t put_update(struct safe_ram *r, const struct apdu *a)
{
	struct tlv field, key, point;

	if (a->p1 != LAST)
		return SW_P1P2; /* a point fits one command */
	if (!r->put_session || r->put_session != a->p2)
		return SW_CONDITIONS;
	if (tlv_find(a->data, a->lc, TAG_KEY_FIELD, &field) != 1 ||
	    tlv_find(field.val, field.len, TAG_KEY, &key) != 1 ||
	    tlv_find(key.val, key.len, TAG_POINT, &point) != 1 ||
	    !safe_on_curve(point.val, point.len))
		return SW_WRONG_DATA;
	return put_peer(r, r->put_id, point.val);
}

static uint16_t sig_init(struct channel *ch, struct safe_ram *r, const struct apdu *a,
			 bool verify)
{
	struct entry *e = ch->selected;
	uint32_t kind = verify ? SAFE_PUBLIC : SAFE_PRIVATE;
	struct tlv mode, hash, sig;
	uint16_t id;

	if (a->p1 > CLOSE || !a->p2)
		return SW_P1P2;
	parts_drop(&ch->more);
	r->sig_session = 0;
	if (a->p1 == CLOSE)
		return SW_OK;
	if (!safe_id(a->data, a->lc, kind, &id) ||
	    tlv_find(a->data, a->lc, TAG_MODE, &mode) != 1 || mode.len != 1 || !mode.val[0] ||
	    mode.val[0] > MODE_HASH ||
	    tlv_find(a->data, a->lc, TAG_HASH_ALGORITHM, &hash) != 1 || hash.len != 2 ||
	    tlv_find(a->data, a->lc, TAG_SIGNATURE_ALGORITHM, &sig) != 1 || sig.len != 1 ||
	    sig.val[0] != ECDSA)
		return SW_WRONG_DATA;
	switch (get_be16(hash.val)) {
	case 0x0001:
		r->hash_len = 32;
		break;
	case 0x0002:
		r->hash_len = 48;
		break;
	case 0x0004:
		r->hash_len = 64;
		break;
	default:
		return SW_WRONG_DATA;
	}
	if (!safe_type(e, kind, id))
		return SW_NO_REFERENCE;
	if (!(verify ? public_key(e, r, id) : private_key(e, r, id)))
		return SW_CONDITIONS;
	r->sig_session = a->p2;
	r->verify = verify;
	r->mode = mode.val[0];
	r->sig_id = id;
	return SW_OK;
}

/* The length of 33 has two bytes, whatever it is. */
static bool take_signature(const struct apdu *a, size_t *before, const uint8_t **sig)
{
	size_t at = a->lc - (3 + 64);

	if (a->lc < 3 + 64 || a->data[at] != TAG_SIGNATURE || get_be16(a->data + at + 1) != 64)
		return false;
	*before = at;
	*sig = a->data + at + 3;
	return true;
}

/* Mode 2: the host hashed all but the last block. */
static uint16_t finish_hash(const struct safe_ram *r, const uint8_t *p, size_t len,
			    uint8_t *hash)
{
	struct tlv state, hashed, last;
	uint64_t n = 0;

	if (tlv_find(p, len, TAG_INTERMEDIATE, &state) != 1 ||
	    tlv_find(p, len, TAG_HASHED, &hashed) != 1 || !hashed.len || hashed.len > 8 ||
	    tlv_find(p, len, TAG_LAST_BLOCK, &last) != 1 || last.len > 2 * 128)
		return SW_WRONG_DATA;
	for (size_t i = 0; i < hashed.len; i++)
		n = n << 8 | hashed.val[i];
	return crypto_sha_resume(r->hash_len, state.val, state.len, n, last.val, last.len, hash)
		       ? SW_WRONG_DATA
		       : SW_OK;
}

static uint16_t hash_of(struct channel *ch, const struct safe_ram *r, const uint8_t *p,
			size_t len, bool last, uint8_t *hash)
{
	struct tlv t;
	uint16_t sw;

	if (r->mode == MODE_TEXT) {
		if (tlv_find(p, len, TAG_TEXT, &t) != 1)
			return SW_WRONG_DATA;
		sw = parts_add(&ch->more, t.val, t.len);
		if (sw == SW_OK && last &&
		    crypto_sha(r->hash_len, ch->more.data, ch->more.len, hash))
			sw = SW_MEMORY;
		return sw;
	}
	if (!last)
		return SW_P1P2;
	if (r->mode == MODE_LAST_BLOCK)
		return finish_hash(r, p, len, hash);
	if (tlv_find(p, len, TAG_FINAL_HASH, &t) != 1 || t.len != r->hash_len)
		return SW_WRONG_DATA;
	memcpy(hash, t.val, t.len);
	return SW_OK;
}

static uint16_t sig_update(struct channel *ch, struct safe_ram *r, struct apdu *a, bool verify)
{
	struct entry *e = ch->selected;
	const uint8_t *key, *sig = NULL;
	uint8_t hash[64], out[64];
	bool last = a->p1 == LAST;
	size_t len = a->lc;
	uint16_t sw;

	if (a->p1 && !last)
		return SW_P1P2;
	if (!r->sig_session || r->sig_session != a->p2 || r->verify != verify)
		return SW_CONDITIONS;
	if (verify && last && !take_signature(a, &len, &sig))
		return SW_WRONG_DATA;
	sw = hash_of(ch, r, a->data, len, last, hash);
	if (sw == SW_OK && !last)
		return sw;
	/* the session goes on with another message under the same key */
	parts_drop(&ch->more);
	if (sw != SW_OK)
		return sw;
	key = verify ? public_key(e, r, r->sig_id) : private_key(e, r, r->sig_id);
	if (!key)
		return SW_CONDITIONS;
	if (verify)
		return crypto_ec_verify(0, key, SAFE_POINT, 0, hash, r->hash_len, sig, 64)
			       ? SW_OK
			       : SW_BAD_SIGNATURE;
	if (crypto_ec_sign(0, key, SAFE_SCALAR, 0, hash, r->hash_len, out))
		return SW_CONDITIONS;
	buf_u8(&a->rsp, TAG_SIGNATURE);
	buf_be16(&a->rsp, sizeof(out));
	buf_put(&a->rsp, out, sizeof(out));
	return SW_OK;
}

static uint16_t compute_dh(struct entry *e, const struct safe_ram *r, struct apdu *a)
{
	const uint8_t *key, *point;
	uint8_t secret[SAFE_SCALAR];
	uint16_t mine, theirs;

	if (!safe_id(a->data, a->lc, SAFE_PRIVATE, &mine) ||
	    !safe_id(a->data, a->lc, SAFE_PUBLIC, &theirs))
		return SW_WRONG_DATA;
	if (!safe_type(e, SAFE_PRIVATE, mine) || !safe_type(e, SAFE_PUBLIC, theirs))
		return SW_NO_REFERENCE;
	key = private_key(e, r, mine);
	point = public_key(e, r, theirs);
	if (!key || !point || crypto_ecdh(0, key, SAFE_SCALAR, point, SAFE_POINT, secret))
		return SW_CONDITIONS;
	buf_put(&a->rsp, secret, sizeof(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	return SW_OK;
}

/* PRF of TLS 1.2, or HKDF: with D3 the whole, without it the extract step. */
static uint16_t derive(struct entry *e, struct apdu *a, bool hkdf)
{
	struct tlv secret, seed = {0}, salt = {0}, t;
	uint8_t out[DERIVED_MAX];
	bool expand = tlv_find(a->data, a->lc, TAG_LENGTH, &t) == 1;
	struct object *o;
	size_t len = 32;
	uint16_t id;
	int ret;

	if (expand) {
		if (!t.len || t.len > 2)
			return SW_WRONG_DATA;
		len = t.len == 1 ? t.val[0] : get_be16(t.val);
	}
	if (!len || len > sizeof(out) || (!hkdf && !expand))
		return SW_WRONG_DATA;
	if (safe_id(a->data, a->lc, SAFE_SECRET, &id)) {
		o = entry_object(e, SAFE_SECRET, id);
		if (!o)
			return SW_NO_REFERENCE;
		secret = (struct tlv){.val = o->v->v, .len = o->v->len};
	} else if (tlv_find(a->data, a->lc, TAG_SECRET, &secret) != 1 || !secret.len) {
		return SW_WRONG_DATA;
	}
	if (tlv_find(a->data, a->lc, TAG_SEED, &seed) != 1) {
		if (!hkdf)
			return SW_WRONG_DATA;
		seed.len = 0;
	}
	if (tlv_find(a->data, a->lc, TAG_SALT, &salt) != 1)
		salt.len = 0;
	ret = hkdf ? crypto_hkdf(32, secret.val, secret.len, salt.val, salt.len, seed.val,
				 seed.len, expand, out, len)
		   : crypto_tls12_prf(32, secret.val, secret.len, seed.val, seed.len, out, len);
	if (ret)
		return SW_CONDITIONS;
	buf_put(&a->rsp, out, len);
	OPENSSL_cleanse(out, len);
	return SW_OK;
}

static uint16_t get_random(struct apdu *a)
{
	uint8_t out[RANDOM_MAX];
	size_t n = a->has_le ? a->ne : 0;

	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->lc || !n || n > sizeof(out))
		return SW_LENGTH;
	if (crypto_random(out, n))
		return SW_MEMORY;
	buf_put(&a->rsp, out, n);
	return SW_OK;
}

static uint16_t read_file(struct entry *e, struct apdu *a)
{
	size_t offset = (size_t)a->p1 << 8 | a->p2, n = a->has_le ? a->ne : 256;
	struct object *o;
	uint16_t id;

	if (!safe_id(a->data, a->lc, SAFE_FILE, &id))
		return SW_WRONG_DATA;
	o = entry_object(e, SAFE_FILE, id);
	if (!o)
		return SW_NO_REFERENCE;
	if (offset > o->v->len)
		return SW_OFFSET;
	if (n > o->v->len - offset)
		n = o->v->len - offset;
	buf_put(&a->rsp, o->v->v + offset, n);
	return SW_OK;
}

static uint16_t command(struct channel *ch, struct safe_ram *r, struct apdu *a)
{
	struct entry *e = ch->selected;

	switch (a->ins) {
	case INS_PUT_PUBLIC_INIT:
		return put_init(e, r, a);
	case INS_PUT_PUBLIC_UPDATE:
		return put_update(r, a);
	case INS_SIGN_INIT:
	case INS_VERIFY_INIT:
		return sig_init(ch, r, a, a->ins == INS_VERIFY_INIT);
	case INS_SIGN_UPDATE:
	case INS_VERIFY_UPDATE:
		return sig_update(ch, r, a, a->ins == INS_VERIFY_UPDATE);
	case INS_COMPUTE_DH:
		return compute_dh(e, r, a);
	case INS_COMPUTE_PRF:
	case INS_COMPUTE_HKDF:
		return derive(e, a, a->ins == INS_COMPUTE_HKDF);
	case INS_GET_RANDOM:
		return get_random(a);
	case INS_READ_FILE:
		return read_file(e, a);
	case INS_GENERATE:
		return generate(e, r, a);
	case INS_GET_DATA:
		return safe_get_data(e, a);
	case INS_READ_PUBLIC:
		return read_public(e, r, a);
	default:
		return SW_INS;
	}
}

/* Both classes: Orange's host sends 0x where the others send 8x. */
static uint16_t process(struct card *c, struct channel *ch, struct apdu *a)
{
	struct safe_ram r;
	uint16_t sw;

	(void)c;
	memcpy(&r, ch->ram, sizeof(r));
	sw = command(ch, &r, a);
	memcpy(ch->ram, &r, sizeof(r));
	OPENSSL_cleanse(&r, sizeof(r));
	return sw;
}

const struct applet applet_iot_safe = {
	.name = "IoT SAFE",
	.install = safe_install,
	.process = process,
	.personalise = safe_personalise,
};
