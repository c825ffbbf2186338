// SPDX-License-Identifier: Apache-2.0
/*
 * SCP11, the host's side (Amendment F): certificates shown, keys agreed on, receipt checked.
 * The session that comes of it is SCP03's.
 */
#include "gp/scp-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "model/ber.h"

enum {
	TAG_CRT = 0xa6,
	TAG_EPHEMERAL = 0x5f49,
	TAG_RECEIPT = 0x86,
	PARAM_MUTUAL = 0x01,
	PARAM_STATIC = 0x02, /* c: the card's key does not change */
	PARAM_HOST_ID = 0x04,
	ID_MAX = 16,
};

static uint8_t variant(enum gp_protocol p)
{
	return p == GP_SCP11A ? PARAM_MUTUAL : p == GP_SCP11C ? PARAM_MUTUAL | PARAM_STATIC : 0;
}

static uint8_t kid_of(const struct gp_scp *s)
{
	if (s->p.scp11->kid)
		return s->p.scp11->kid;
	return s->protocol == GP_SCP11A ? 0x11 : s->protocol == GP_SCP11B ? 0x13 : 0x15;
}

/* Key usage qualifier, tag 95 of Amendment F (GPCS table 11-17). */
static uint8_t usage_of(uint8_t level)
{
	switch (level) {
	case GP_LEVEL_CMAC:
		return 0x14;
	case GP_LEVEL_CMAC | GP_LEVEL_CENC:
		return 0x1c;
	case GP_LEVEL_CMAC | GP_LEVEL_RMAC:
		return 0x34;
	default:
		return 0x3c;
	}
}

int gp_scp11_check(const struct gp_scp_params *p, struct gp_error *err)
{
	const struct gp_scp11_params *k = p->scp11;
	size_t size = k ? gp_ec_size(k->curve) : 0;

	if (!k || !k->point)
		return gp_fail(err, -ENOKEY, "no-keys", "the card's public key is not known");
	if (!size || k->point_len != 1 + 2 * size || k->point[0] != 0x04)
		return gp_fail(err, -EINVAL, "bad-keys",
			       "the card's public key is no point of curve %02X", k->curve);
	if (k->key_len != 16 && k->key_len != 24 && k->key_len != 32)
		return gp_fail(err, -EINVAL, "bad-option",
			       "session keys have 16, 24 or 32 bytes");
	if (!k->kvn || k->kid > 0x7f || k->ca_kid > 0x7f)
		return gp_fail(err, -EINVAL, "bad-option",
			       "key identifier or version of the card's key is out of range");
	if (p->protocol != GP_SCP11B && (!k->oce || k->oce->curve != k->curve || !k->certs ||
					 !k->n_certs || k->n_certs > GP_SCP11_CERTS_MAX))
		return gp_fail(err, -ENOKEY, "no-keys",
			       "the host's key on this curve and its certificates are needed");
	if (k->host_id && (!k->host_id_len || k->host_id_len > ID_MAX || k->sin.len > 0x7f ||
			   k->sdin.len > 0x7f))
		return gp_fail(err, -EINVAL, "bad-option", "an identifier is too long");
	if (!p->random.fill)
		return gp_fail(err, -EINVAL, "no-random", "no source of random bytes is given");
	return 0;
}

/* PERFORM SECURITY OPERATION [verify certificate], 7.5. */
int gp_scp11_certificate(struct gp_scp *s, struct gp_apdu *apdu)
{
	const struct gp_scp11_params *k = s->p.scp11;
	bool last = s->cert + 1 == k->n_certs;

	gp_apdu_init(apdu, 0x80, 0x2a, k->ca_kvn,
		     (uint8_t)((k->ca_kid ? k->ca_kid : 0x10) | (last ? 0 : 0x80)));
	apdu->chain = true;
	return gp_apdu_add(apdu, k->certs[s->cert].p, k->certs[s->cert].len);
}

/* Uniform below the order of the curve: draw again what is out of range. */
static int ephemeral(struct gp_scp *s, uint8_t *point)
{
	const struct gp_scp11_params *k = s->p.scp11;
	size_t size = gp_ec_size(k->curve);
	int ret = -EIO;

	for (int tries = 0; tries < 64; tries++) {
		ret = s->p.random.fill(s->p.random.ctx, s->esk, size);
		if (ret)
			return ret;
		if (size == GP_EC_MAX)
			s->esk[0] &= 0x01; /* P-521 */
		ret = gp_ec_public(k->curve, s->esk, point);
		if (ret != -EINVAL)
			return ret;
	}
	return ret;
}

static int fail_agree(struct gp_error *err, int ret)
{
	return gp_fail(err, ret, ret == -ENOMEM ? "no-memory" : "crypto",
		       "the ephemeral key could not be made");
}

/* MUTUAL AUTHENTICATE (a, c) or INTERNAL AUTHENTICATE (b), 7.6. */
int gp_scp11_agree(struct gp_scp *s, struct gp_apdu *apdu, struct gp_error *err)
{
	const struct gp_scp11_params *k = s->p.scp11;
	const uint8_t params[] = {
		0x11, (uint8_t)(variant(s->protocol) | (k->host_id ? PARAM_HOST_ID : 0))};
	const uint8_t usage = usage_of(s->level), type = GP_KEY_AES;
	uint8_t point[GP_EC_POINT_MAX];
	struct gp_apdu crt;
	int ret = ephemeral(s, point);

	if (ret)
		return fail_agree(err, ret);
	gp_apdu_init(&crt, 0, 0, 0, 0);
	gp_apdu_init(apdu, 0x80, s->protocol == GP_SCP11B ? 0x88 : 0x82, k->kvn, kid_of(s));
	apdu->le = GP_LE_ANY;
	ret = gp_apdu_add_tlv(&crt, 0x90, params, sizeof(params));
	if (!ret)
		ret = gp_apdu_add_tlv(&crt, 0x95, &usage, 1);
	if (!ret)
		ret = gp_apdu_add_tlv(&crt, 0x80, &type, 1);
	if (!ret)
		ret = gp_apdu_add_tlv(&crt, 0x81, &k->key_len, 1);
	if (!ret && k->host_id)
		ret = gp_apdu_add_tlv(&crt, 0x84, k->host_id, k->host_id_len);
	if (!ret)
		ret = gp_apdu_add_tlv(apdu, TAG_CRT, crt.data, crt.len);
	if (!ret)
		ret = gp_apdu_add_tlv(apdu, TAG_EPHEMERAL, point, k->point_len);
	gp_apdu_clear(&crt);
	if (ret)
		return fail_agree(err, ret);
	/* the receipt is made over it */
	memcpy(s->request, apdu->data, apdu->len);
	s->request_len = apdu->len;
	return 0;
}

/* 3.1.2: receipt key, S-ENC, S-MAC, S-RMAC, S-DEK in one. */
static int derive(const struct gp_scp *s, const uint8_t *secret, size_t len,
		  uint8_t keys[5 * GP_KEY_MAX])
{
	const struct gp_scp11_params *k = s->p.scp11;
	const uint8_t head[3] = {usage_of(s->level), GP_KEY_AES, k->key_len};
	const uint8_t lens[3] = {(uint8_t)k->host_id_len, (uint8_t)k->sin.len,
				 (uint8_t)k->sdin.len};
	const struct gp_part info[] = {
		{head, 3},
		{lens, 1},
		{k->host_id, k->host_id_len},
		{lens + 1, 1},
		{k->sin.p, k->sin.len},
		{lens + 2, 1},
		{k->sdin.p, k->sdin.len},
	};

	return gp_x963(secret, len, info, k->host_id ? 7 : 1, keys, 5U * k->key_len);
}

/* ShSee and ShSss (a, c: the host's certified key) or ShSes (b: its ephemeral one). */
static int agree(const struct gp_scp *s, const struct ber_tlv *point, uint8_t *secret)
{
	const struct gp_scp11_params *k = s->p.scp11;
	size_t size = gp_ec_size(k->curve);
	int ret = gp_ecdh(k->curve, s->esk, point->value, point->len, secret);

	if (ret)
		return ret;
	if (s->protocol == GP_SCP11B)
		return gp_ecdh(k->curve, s->esk, k->point, k->point_len, secret + size);
	if (k->oce->ecdh)
		return k->oce->ecdh(k->oce->ctx, k->point, k->point_len, secret + size);
	return gp_ecdh(k->curve, k->oce->value, k->point, k->point_len, secret + size);
}

int gp_scp11_agreed(struct gp_scp *s, const uint8_t *rsp, size_t len, struct gp_error *err)
{
	const struct gp_scp11_params *k = s->p.scp11;
	uint8_t secret[2 * GP_EC_MAX], keys[5 * GP_KEY_MAX], receipt[GP_AES_BLOCK];
	struct ber_tlv point, mac;
	size_t n = k->key_len;
	int ret;

	if (ber_find(rsp, len, TAG_EPHEMERAL, &point) != 1 ||
	    ber_find(rsp, len, TAG_RECEIPT, &mac) != 1 || mac.len != sizeof(receipt) ||
	    point.len != k->point_len)
		return gp_fail(err, -EBADMSG, "bad-response",
			       "the answer has no ephemeral key with its receipt");
	if (s->protocol == GP_SCP11C && memcmp(point.value, k->point, k->point_len))
		return gp_fail(err, -EKEYREJECTED, "other-keys",
			       "the card has another key than the one its certificate shows");
	ret = agree(s, &point, secret);
	if (!ret)
		ret = derive(s, secret, 2 * gp_ec_size(k->curve), keys);
	if (!ret) {
		const struct gp_part parts[] = {{s->request, s->request_len},
						{point.start, point.size}};

		ret = gp_aes_cmac(keys, n, parts, 2, receipt);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(s->esk, sizeof(s->esk));
	if (ret == -EBADMSG) {
		gp_fail(err, ret, "bad-response", "the card's key is not on its curve");
	} else if (ret) {
		gp_fail(err, ret, "crypto", "session keys could not be derived");
	} else if (CRYPTO_memcmp(receipt, mac.value, sizeof(receipt))) {
		ret = gp_fail(err, -EKEYREJECTED, "receipt-wrong",
			      "the card does not have the key that its certificate shows");
	} else {
		s->keys.len = k->key_len;
		s->keys.mac_len = k->s16 ? 16 : 8;
		memcpy(s->keys.enc, keys + n, n);
		memcpy(s->keys.mac, keys + 2 * n, n);
		memcpy(s->keys.rmac, keys + 3 * n, n);
		memcpy(s->keys.dek, keys + 4 * n, n);
		/* 3.4: the receipt is the first MAC chaining value */
		memcpy(s->cur.mac, receipt, sizeof(receipt));
	}
	OPENSSL_cleanse(keys, sizeof(keys));
	return ret;
}
