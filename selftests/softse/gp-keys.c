// SPDX-License-Identifier: Apache-2.0
/* PUT KEY (GPCS 2.3.1, 11.8). */
#include <openssl/crypto.h>
#include <string.h>

#include "crypto.h"
#include "gp.h"

#define MULTIPLE 0x80
#define KEYS_AT_ONCE 8
#define KVN_MAX 0x7f
#define KEY_BYTES RSA_MAX

bool gp_kcv(uint8_t type, const uint8_t *key, size_t len, uint8_t kcv[3])
{
	static const uint8_t zero[AES_BLOCK];
	uint8_t block[32] = {0};

	switch (type) {
	case KEY_DES:
		if (crypto_des_cbc(true, key, len, NULL, block, DES_BLOCK, block))
			return false;
		break;
	case KEY_AES:
		memset(block, 0x01, AES_BLOCK);
		if (crypto_aes_cbc(true, key, len, zero, block, AES_BLOCK, block))
			return false;
		break;
	case KEY_TLS_PSK:
	case KEY_HMAC:
		/* keys of no block cipher: the hash tells them apart */
		if (crypto_sha(32, key, len, block))
			return false;
		break;
	default:
		return false;
	}
	memcpy(kcv, block, 3);
	return true;
}

bool gp_key_length(uint8_t type, size_t len)
{
	switch (type) {
	case KEY_DES:
		return len == 16 || len == 24;
	case KEY_AES:
		return len == 16 || len == 24 || len == 32;
	case KEY_TLS_PSK:
	case KEY_HMAC:
		return len >= 1 && len <= 64;
	case KEY_RSA_E:
		return len >= 1 && len <= 8;
	case KEY_RSA_N:
	case KEY_RSA_D:
		return len >= 64 && len <= RSA_MAX;
	case KEY_EC_PUBLIC:
		return len == 65 || len == 97 || len == 133;
	case KEY_EC_PRIVATE:
		return len == 32 || len == 48 || len == 66;
	case KEY_EC_CURVE:
		return len <= 1;
	default:
		return type >= KEY_RSA_CRT_P && type <= KEY_RSA_CRT_DQ && len >= 32 &&
		       len <= RSA_MAX / 2;
	}
}

static bool is_secret(uint8_t type)
{
	return type == KEY_DES || type == KEY_AES || type == KEY_TLS_PSK || type == KEY_HMAC ||
	       (type >= KEY_RSA_D && type <= KEY_RSA_CRT_DQ) || type == KEY_EC_PRIVATE;
}

/* A component that others follow, and one that may be the first. */
static bool fits(const struct key *k, uint8_t type)
{
	bool rsa = type >= KEY_RSA_E && type <= KEY_RSA_CRT_DQ;

	if (!k->n_parts)
		return type != KEY_EC_CURVE;
	if (key_part(k, type) || k->n_parts == KEY_PARTS)
		return false;
	if (rsa)
		return k->part[0].type >= KEY_RSA_E && k->part[0].type <= KEY_RSA_CRT_DQ;
	return type == KEY_EC_CURVE && k->part[k->n_parts - 1].type != KEY_EC_CURVE &&
	       (k->part[0].type == KEY_EC_PUBLIC || k->part[0].type == KEY_EC_PRIVATE);
}

struct reader {
	const uint8_t *p, *end;
};

static bool read_length(struct reader *r, size_t *len)
{
	if (r->p == r->end)
		return false;
	*len = *r->p++;
	if (*len == 0x81 && r->p < r->end) {
		*len = *r->p++;
	} else if (*len == 0x82 && r->end - r->p >= 2) {
		*len = get_be16(r->p);
		r->p += 2;
	} else if (*len & 0x80) {
		return false;
	}
	return (size_t)(r->end - r->p) >= *len;
}

/*
 * Decrypts a secret component. Its clear length may stand in front of the cipher text
 * (table 11-69); then padding behind it is no part of the key.
 */
static uint16_t decrypt(struct channel *ch, uint8_t type, const uint8_t *v, size_t len,
			uint8_t *out, size_t *out_len)
{
	size_t block = ch->scp.proto == 2 ? DES_BLOCK : AES_BLOCK, clear = len;
	uint16_t sw;

	if (!len || len > KEY_BYTES + 1)
		return SW_WRONG_DATA;
	if (len % block == 1) {
		clear = v[0];
		v++;
		len--;
	}
	if (!len || len % block || clear > len || (type != KEY_DES && len - clear >= block))
		return SW_WRONG_DATA;
	memcpy(out, v, len);
	sw = scp_decrypt(ch, out, len);
	*out_len = clear;
	return sw;
}

/* One key: components, each with its length, and a key check value behind the last. */
static uint16_t read_key(struct channel *ch, struct reader *r, struct key *k, uint8_t kcv[3],
			 bool *has_kcv)
{
	uint8_t clear[KEY_BYTES + 1];
	uint16_t sw = SW_WRONG_DATA;

	*has_kcv = false;
	for (;;) {
		uint8_t type;
		size_t len, n;
		struct blob *b;

		if (r->p == r->end)
			break;
		type = *r->p++;
		if (!read_length(r, &len) || !fits(k, type))
			break;
		if (is_secret(type)) {
			sw = decrypt(ch, type, r->p, len, clear, &n);
			if (sw != SW_OK)
				break;
		} else {
			n = len;
			if (n > sizeof(clear))
				break;
			memcpy(clear, r->p, n);
		}
		r->p += len;
		sw = SW_WRONG_DATA;
		if (!gp_key_length(type, n))
			break;
		b = blob_new(clear, n);
		if (!b) {
			sw = SW_MEMORY;
			break;
		}
		k->part[k->n_parts++] = (struct key_part){.type = type, .v = b};
		/* what follows: a component that belongs to this key, or a check value */
		if (r->p < r->end && *r->p >= KEY_DES && fits(k, *r->p))
			continue;
		/* every component may carry an empty check value of its own */
		if (r->end - r->p >= 2 && !r->p[0] && r->p[1] >= KEY_DES && fits(k, r->p[1])) {
			r->p++;
			continue;
		}
		if (r->p == r->end || (*r->p && *r->p != 3) ||
		    (size_t)(r->end - r->p) < 1U + *r->p)
			break;
		*has_kcv = *r->p;
		if (*has_kcv && (!gp_kcv(k->part[0].type, clear, n, kcv) ||
				 CRYPTO_memcmp(kcv, r->p + 1, 3)))
			break;
		r->p += 1U + *r->p;
		sw = SW_OK;
		break;
	}
	OPENSSL_cleanse(clear, sizeof(clear));
	return sw;
}

/* A key is whole: RSA has both halves, a curve is known and the point is on it. */
static bool complete(const struct key *k)
{
	const struct key_part *curve = key_part(k, KEY_EC_CURVE), *p = &k->part[0];
	uint8_t ref = curve && curve->v->len ? curve->v->v[0] : 0;
	uint8_t scalar[EC_MAX] = {0}, secret[EC_MAX];

	if (p->type == KEY_RSA_N || p->type == KEY_RSA_E)
		return k->n_parts == 2;
	if (p->type == KEY_EC_PRIVATE)
		return p->v->len == crypto_ec_size(ref);
	if (p->type != KEY_EC_PUBLIC)
		return true;
	if (!crypto_ec_size(ref) || p->v->len != 1 + 2 * crypto_ec_size(ref))
		return false;
	scalar[crypto_ec_size(ref) - 1] = 2;
	return !crypto_ecdh(ref, scalar, crypto_ec_size(ref), p->v->v, p->v->len, secret);
}

void gp_auto_personalize(struct entry *sd)
{
	if (sd->kind == ENTRY_APP && sd->state == APP_SELECTABLE)
		sd->state = SD_PERSONALIZED;
}

/* Where the key goes: new ones need a free place, others the one that they replace. */
static uint16_t check_place(struct entry *sd, uint8_t old, uint8_t kvn, uint8_t kid)
{
	if (old && !entry_key(sd, old, kid))
		return SW_NO_REFERENCE;
	if (old != kvn && entry_key(sd, kvn, kid))
		return SW_CONDITIONS;
	return SW_OK;
}

/* The keys of a set that a secure channel uses are of one type and length. */
static bool set_fits(struct entry *sd, uint8_t kvn, const struct key *fresh, size_t n)
{
	uint8_t type = fresh[0].part[0].type;
	size_t len = fresh[0].part[0].v->len;

	if (kvn >= KVN_TOKEN || (type != KEY_AES && type != KEY_DES))
		return true;
	for (size_t i = 0; i < n; i++)
		if (fresh[i].kid > 3 || fresh[i].part[0].type != type ||
		    fresh[i].part[0].v->len != len || (type == KEY_DES && len != 16))
			return fresh[i].kid > 3;
	for (uint8_t kid = 1; kid <= 3; kid++) {
		struct key *k = entry_key(sd, kvn, kid);
		bool replaced = false;

		for (size_t i = 0; i < n; i++)
			replaced |= fresh[i].kid == kid;
		if (k && !replaced && (k->part[0].type != type || k->part[0].v->len != len))
			return false;
	}
	return true;
}

static uint16_t put(struct card *c, struct entry *sd, uint8_t old, uint8_t kvn,
		    struct key *fresh, size_t n)
{
	uint16_t sw = SW_OK;

	for (size_t i = 0; i < n && sw == SW_OK; i++)
		sw = check_place(sd, old, kvn, fresh[i].kid);
	if (sw == SW_OK && !set_fits(sd, kvn, fresh, n))
		sw = SW_WRONG_DATA;
	if (sw == SW_OK)
		sw = card_touch(c, sd);
	if (sw != SW_OK)
		return sw;
	for (size_t i = 0; i < n && sw == SW_OK; i++) {
		if (old && old != kvn)
			entry_drop_key(sd, entry_key(sd, old, fresh[i].kid));
		fresh[i].kvn = kvn;
		sw = entry_put_key(sd, &fresh[i]);
		if (sw == SW_OK)
			fresh[i].n_parts = 0; /* changed hands */
	}
	if (sw == SW_OK && !registry_free_nvm(c))
		sw = SW_NO_SPACE;
	return sw;
}

uint16_t gp_put_key(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	struct reader r = {a->data, a->data + a->lc};
	struct key fresh[KEYS_AT_ONCE] = {0};
	uint8_t kid = a->p2 & 0x7f, kvn, kcv[KEYS_AT_ONCE][3] = {0};
	bool has[KEYS_AT_ONCE] = {false};
	size_t n = 0;
	uint16_t sw = SW_OK;

	if (a->p1 > KVN_MAX || !kid)
		return SW_P1P2;
	if (!a->lc)
		return SW_WRONG_DATA;
	kvn = *r.p++;
	if (!kvn || kvn > KVN_MAX || r.p == r.end)
		return SW_WRONG_DATA;
	while (r.p < r.end && sw == SW_OK) {
		/* several only if P2 says so; identifiers count up */
		if (n == KEYS_AT_ONCE || (n && !(a->p2 & MULTIPLE)) || kid + n > 0x7f) {
			sw = SW_WRONG_DATA;
			break;
		}
		fresh[n].kid = (uint8_t)(kid + n);
		sw = read_key(ch, &r, &fresh[n], kcv[n], &has[n]);
		if (sw == SW_OK && !complete(&fresh[n]))
			sw = SW_WRONG_DATA;
		n++;
	}
	if (sw == SW_OK)
		sw = put(c, sd, a->p1, kvn, fresh, n);
	if (sw == SW_OK) {
		if (entry_key(sd, kvn, 1) && entry_key(sd, kvn, 2) && entry_key(sd, kvn, 3))
			gp_auto_personalize(sd);
		/* 11.8.3.1: the version and the check values that came */
		buf_u8(&a->rsp, kvn);
		for (size_t i = 0; i < n; i++)
			if (has[i])
				buf_put(&a->rsp, kcv[i], 3);
	}
	for (size_t i = 0; i < KEYS_AT_ONCE; i++)
		key_clear(&fresh[i]);
	return sw;
}
