// SPDX-License-Identifier: Apache-2.0
/* Tokens, receipts, and the signatures under both (GPCS 2.3.1, 9.2 and appendix C). */
#include <openssl/crypto.h>
#include <string.h>

#include "crypto.h"
#include "gp.h"

#define RECEIPT_DATA 160

bool gp_signature(const struct key *k, const uint8_t *data, size_t len, const uint8_t *sig,
		  size_t sig_len)
{
	const struct key_part *p = &k->part[0], *e, *curve;
	struct crypto_part message = {data, len};
	uint8_t mac[AES_BLOCK];

	switch (p->type) {
	case KEY_DES:
		return sig_len == DES_BLOCK &&
		       !crypto_des_mac(false, p->v->v, p->v->len, NULL, &message, 1, mac) &&
		       !CRYPTO_memcmp(mac, sig, DES_BLOCK);
	case KEY_AES:
		return sig_len == AES_BLOCK &&
		       !crypto_cmac(p->v->v, p->v->len, &message, 1, mac) &&
		       !CRYPTO_memcmp(mac, sig, AES_BLOCK);
	case KEY_RSA_N:
	case KEY_RSA_E:
		p = key_part(k, KEY_RSA_N);
		e = key_part(k, KEY_RSA_E);
		return p && e &&
		       crypto_rsa_verify(p->v->v, p->v->len, e->v->v, e->v->len, data, len, sig,
					 sig_len);
	case KEY_EC_PUBLIC: {
		uint8_t ref;

		curve = key_part(k, KEY_EC_CURVE);
		ref = curve && curve->v->len ? curve->v->v[0] : 0;
		return crypto_ec_verify(ref, p->v->v, p->v->len, crypto_ec_hash(ref), data, len,
					sig, sig_len);
	}
	default:
		return false;
	}
}

uint16_t gp_check_token(struct card *c, const struct entry *sd, const struct apdu *a,
			size_t signed_len, const uint8_t *token, size_t token_len)
{
	struct entry *verifier = registry_with(c, PRIV_TOKEN);
	uint8_t room[3 + 2 + 1024];
	struct buf b = {.data = room, .room = sizeof(room)};
	const struct key *k;

	if (!token_len)
		return sd->priv & PRIV_AUTHORIZED ? SW_OK : SW_CONDITIONS;
	k = verifier ? entry_key(verifier, KVN_TOKEN, 1) : NULL;
	if (!k)
		return SW_CONDITIONS; /* nobody here can tell whether it is right */
	/* C.4: P1, P2, length of what follows, and the data field up to the token */
	buf_u8(&b, a->p1);
	buf_u8(&b, a->p2);
	if (signed_len > 255) {
		buf_u8(&b, 0);
		buf_be16(&b, (uint16_t)signed_len);
	} else {
		buf_u8(&b, (uint8_t)signed_len);
	}
	buf_put(&b, a->data, signed_len);
	if (b.overflow)
		return SW_WRONG_DATA;
	return gp_signature(k, b.data, b.len, token, token_len) ? SW_OK : SW_SECURITY;
}

static void put_lv(struct buf *b, const void *v, size_t len)
{
	buf_u8(b, (uint8_t)len);
	buf_put(b, v, len);
}

/* Secret keys give a MAC, a private elliptic curve key a signature; 0: neither. */
static size_t sign(const struct key *k, const uint8_t *data, size_t len, uint8_t out[SIG_MAX])
{
	const struct key_part *p = &k->part[0], *curve = key_part(k, KEY_EC_CURVE);
	struct crypto_part message = {data, len};
	uint8_t ref = curve && curve->v->len ? curve->v->v[0] : 0;

	if (p->type == KEY_DES &&
	    !crypto_des_mac(false, p->v->v, p->v->len, NULL, &message, 1, out))
		return DES_BLOCK;
	if (p->type == KEY_AES && !crypto_cmac(p->v->v, p->v->len, &message, 1, out))
		return AES_BLOCK;
	if (p->type == KEY_EC_PRIVATE &&
	    !crypto_ec_sign(ref, p->v->v, p->v->len, crypto_ec_hash(ref), data, len, out))
		return 2 * crypto_ec_size(ref);
	return 0;
}

uint16_t gp_confirm(struct card *c, const struct entry *sd, struct apdu *a,
		    const struct aid *const *aids, size_t n)
{
	struct entry *maker = registry_with(c, PRIV_RECEIPT);
	const struct key *k = maker ? entry_key(maker, KVN_RECEIPT, 1) : NULL;
	uint8_t room[RECEIPT_DATA], receipt[SIG_MAX], counter[2], unique[32];
	struct buf b = {.data = room, .room = sizeof(room)};
	struct buf u = {.data = unique, .room = sizeof(unique)};
	size_t len, confirmation;
	uint16_t sw;

	if (!k || !(sd->priv & PRIV_DELEGATED)) {
		buf_u8(&a->rsp, 0x00);
		return SW_OK;
	}
	if (maker->confirmations == 0xffff)
		return SW_CONDITIONS;
	sw = card_touch(c, maker);
	if (sw != SW_OK)
		return sw;
	maker->confirmations++;
	counter[0] = (uint8_t)(maker->confirmations >> 8);
	counter[1] = (uint8_t)maker->confirmations;
	buf_put(&u, c->profile.iin, c->profile.iin_len);
	buf_put(&u, c->profile.cin, c->profile.cin_len);
	/* tables C-6 to C-11: the confirmation, then the names */
	put_lv(&b, counter, sizeof(counter));
	put_lv(&b, u.data, u.len);
	confirmation = b.len;
	for (size_t i = 0; i < n; i++)
		put_lv(&b, aids[i]->v, aids[i]->len);
	len = sign(k, b.data, b.len, receipt);
	if (!len)
		return SW_CONDITIONS;
	if (len > 127)
		buf_u8(&a->rsp, 0x81);
	put_lv(&a->rsp, receipt, len);
	buf_put(&a->rsp, b.data, confirmation);
	return SW_OK;
}
