// SPDX-License-Identifier: Apache-2.0
/* The signature schemes of GPCS 2.3.1, table C-1, on OpenSSL. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "gp/sign.h"

enum kind {
	RETAIL_MAC,
	CMAC,
	RSA_PKCS1,
	RSA_PSS,
	ECDSA,
};

/* what follows from a key */
struct scheme {
	enum kind kind;
	int bits;
	size_t size;   /* of a signature */
	size_t half;   /* ECDSA: of r and of s */
	size_t digest; /* length of the hash; 0 for MACs */
};

#define RSA_BITS_MIN 1024
#define RSA_BITS_MAX 4096
#define EC_BITS_MIN 256
#define EC_HALF_MAX 66
/* SEQUENCE of two INTEGERs, each with a zero in front at worst */
#define EC_DER_MAX (3 + 2 * (2 + 1 + EC_HALF_MAX))

static const char *digest_name(size_t len)
{
	switch (len) {
	case 20:
		return "SHA1";
	case 32:
		return "SHA256";
	case 48:
		return "SHA384";
	default:
		return "SHA512";
	}
}

static int mac_scheme(const struct gp_key *key, struct scheme *sch)
{
	/* single DES steps cannot be had from a token that does triple DES */
	if (key->type == GP_KEY_DES && key->len == 16 && !key->ops)
		*sch = (struct scheme){RETAIL_MAC, 112, GP_DES_BLOCK, 0, 0};
	else if (key->type == GP_KEY_AES)
		*sch = (struct scheme){CMAC, 8 * key->len, GP_AES_BLOCK, 0, 0};
	else
		return -EINVAL;
	return 0;
}

static int pkey_scheme(const struct gp_signer *s, struct scheme *sch)
{
	int bits = EVP_PKEY_get_bits(s->pkey);

	if (EVP_PKEY_is_a(s->pkey, "RSA")) {
		bool small = bits == RSA_BITS_MIN;

		if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
			return -EINVAL;
		*sch = (struct scheme){small || s->pkcs1 ? RSA_PKCS1 : RSA_PSS, bits,
				       ((size_t)bits + 7) / 8, 0, small ? 20 : 32};
		return 0;
	}
	if (EVP_PKEY_is_a(s->pkey, "EC")) {
		size_t half = ((size_t)bits + 7) / 8;

		if (bits < EC_BITS_MIN || half > EC_HALF_MAX)
			return -EINVAL;
		/* table B-3 */
		*sch = (struct scheme){ECDSA, bits, 2 * half, half,
				       bits < 384   ? 32
				       : bits < 512 ? 48
						    : 64};
		return 0;
	}
	return -EINVAL;
}

static int find_scheme(const struct gp_signer *s, struct scheme *sch, struct gp_error *err)
{
	int r = -EINVAL;

	if (!s->pkey != !s->key)
		r = s->pkey ? pkey_scheme(s, sch) : mac_scheme(s->key, sch);
	if (r)
		gp_fail(err, r, "bad-signing-key",
			"no signature scheme of GlobalPlatform fits this key: RSA of 1024 to "
			"4096 bits, EC from 256 bits, AES, or DES of 16 bytes");
	return r;
}

int gp_sign_size(const struct gp_signer *s)
{
	struct scheme sch;
	int r = find_scheme(s, &sch, NULL);

	return r ? r : (int)sch.size;
}

int gp_sign_digest(const struct gp_signer *s)
{
	struct scheme sch;
	int r = find_scheme(s, &sch, NULL);

	return r ? r : (int)sch.digest;
}

const char *gp_sign_scheme(const struct gp_signer *s, char *room, size_t size)
{
	struct scheme sch;

	if (find_scheme(s, &sch, NULL))
		return NULL;
	switch (sch.kind) {
	case RETAIL_MAC:
		snprintf(room, size, "DES, retail MAC");
		break;
	case CMAC:
		snprintf(room, size, "AES %d, CMAC", sch.bits);
		break;
	case RSA_PKCS1:
		snprintf(room, size, "RSA %d, PKCS#1 v1.5 with %s", sch.bits,
			 digest_name(sch.digest));
		break;
	case RSA_PSS:
		snprintf(room, size, "RSA %d, PSS with %s", sch.bits, digest_name(sch.digest));
		break;
	case ECDSA:
		snprintf(room, size, "EC %d, ECDSA with %s", sch.bits, digest_name(sch.digest));
		break;
	}
	return room;
}

static int make_mac(const struct gp_signer *s, const struct scheme *sch, const uint8_t *data,
		    size_t len, uint8_t *mac)
{
	const struct gp_part part = {data, len};

	if (sch->kind == CMAC)
		return gp_key_cmac(s->key, &part, 1, mac);
	return gp_des_mac(false, s->key->value, NULL, &part, 1, mac);
}

static int set_padding(EVP_PKEY_CTX *ctx, const struct scheme *sch)
{
	if (sch->kind == ECDSA)
		return 1;
	if (sch->kind == RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, digest_name(sch->digest), NULL) <= 0)
		return 0;
	return EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST);
}

/* A key of our own libcrypto shows whether it is private; one in a token need not. */
static bool is_public_only(const struct gp_signer *s, const struct scheme *sch)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(s->pkey);
	BIGNUM *secret = NULL;
	bool have;

	if (!provider || strcmp(OSSL_PROVIDER_get0_name(provider), "default"))
		return false;
	have = EVP_PKEY_get_bn_param(s->pkey,
				     sch->kind == ECDSA ? OSSL_PKEY_PARAM_PRIV_KEY
							: OSSL_PKEY_PARAM_RSA_D,
				     &secret) == 1;
	BN_clear_free(secret);
	return !have;
}

/* ECDSA as OpenSSL has it, DER, into r || s */
static int from_der(const uint8_t *der, size_t der_len, const struct scheme *sch,
		    uint8_t *plain)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
	int half = (int)sch->half;
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), plain, half) == half &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), plain + half, half) == half;

	ECDSA_SIG_free(sig);
	return ok ? 0 : -EIO;
}

/* and back; @der has EC_DER_MAX bytes */
static int to_der(const uint8_t *plain, const struct scheme *sch, uint8_t *der, size_t *der_len)
{
	BIGNUM *r = BN_bin2bn(plain, (int)sch->half, NULL);
	BIGNUM *s = BN_bin2bn(plain + sch->half, (int)sch->half, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = -1;

	if (r && s && sig && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL; /* the signature's now */
		n = i2d_ECDSA_SIG(sig, NULL);
		n = n > 0 && n <= EC_DER_MAX ? i2d_ECDSA_SIG(sig, &der) : -1;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	if (n < 0)
		return -ENOMEM;
	*der_len = (size_t)n;
	return 0;
}

static int make_signature(const struct gp_signer *s, const struct scheme *sch,
			  const uint8_t *data, size_t len, uint8_t *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t room[GP_SIGN_MAX];
	size_t n = sizeof(room);
	EVP_PKEY_CTX *pctx;
	int r = -EIO;

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestSignInit_ex(ctx, &pctx, digest_name(sch->digest), s->ctx, NULL, s->pkey,
				  NULL) > 0 &&
	    set_padding(pctx, sch) > 0 && EVP_DigestSign(ctx, room, &n, data, len) > 0) {
		if (sch->kind == ECDSA) {
			r = from_der(room, n, sch, sig);
		} else if (n == sch->size) {
			memcpy(sig, room, n);
			r = 0;
		}
	}
	EVP_MD_CTX_free(ctx);
	return r;
}

int gp_sign(const struct gp_signer *s, const uint8_t *data, size_t len,
	    uint8_t sig[GP_SIGN_MAX], size_t *sig_len, struct gp_error *err)
{
	struct scheme sch;
	int r = find_scheme(s, &sch, err);

	if (r)
		return r;
	if (s->key) {
		r = make_mac(s, &sch, data, len, sig);
	} else {
		if (is_public_only(s, &sch))
			return gp_fail(err, -EACCES, "key-is-public",
				       "signing needs the private key; this is the public one");
		r = make_signature(s, &sch, data, len, sig);
	}
	if (r)
		return gp_fail(err, r, "signing-failed", "the key did not sign: %s",
			       strerror(-r));
	*sig_len = sch.size;
	return 0;
}

/* 1 right, 0 wrong, negative errno */
static int check_signature(const struct gp_signer *s, const struct scheme *sch,
			   const uint8_t *data, size_t len, const uint8_t *sig)
{
	uint8_t der[EC_DER_MAX];
	size_t sig_len = sch->size;
	EVP_PKEY_CTX *pctx;
	EVP_MD_CTX *ctx;
	int r;

	if (sch->kind == ECDSA) {
		r = to_der(sig, sch, der, &sig_len);
		if (r)
			return r;
		sig = der;
	}
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestVerifyInit_ex(ctx, &pctx, digest_name(sch->digest), s->ctx, NULL, s->pkey,
				    NULL) <= 0 ||
	    set_padding(pctx, sch) <= 0)
		r = -EIO;
	else
		/* 0 and below are both "no": a malformed signature is a wrong one */
		r = EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return r;
}

int gp_verify(const struct gp_signer *s, const uint8_t *data, size_t len, const uint8_t *sig,
	      size_t sig_len, struct gp_error *err)
{
	uint8_t mac[GP_AES_BLOCK];
	struct scheme sch;
	int r = find_scheme(s, &sch, err);

	if (r)
		return r;
	if (sig_len != sch.size)
		return gp_fail(err, -EBADMSG, "bad-signature",
			       "the signature has %zu bytes; one by this key has %zu", sig_len,
			       sch.size);
	if (s->key) {
		r = make_mac(s, &sch, data, len, mac);
		if (!r)
			r = !CRYPTO_memcmp(mac, sig, sig_len);
		OPENSSL_cleanse(mac, sizeof(mac));
	} else {
		r = check_signature(s, &sch, data, len, sig);
	}
	if (r < 0)
		return gp_fail(err, r, "verifying-failed",
			       "the signature could not be checked");
	return r ? 0
		 : gp_fail(err, -EBADMSG, "bad-signature",
			   "the signature is not this key's over these data");
}
