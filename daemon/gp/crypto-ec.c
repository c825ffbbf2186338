// SPDX-License-Identifier: Apache-2.0
/* Elliptic curves: key agreement (GPCS B.4.4) and signatures (B.4.3). */
#include "gp/crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <string.h>

static const struct curve {
	int nid;
	uint8_t ref, size, hash_len;
} curves[] = {
	{NID_X9_62_prime256v1, 0x00, 32, 32}, {NID_secp384r1, 0x01, 48, 48},
	{NID_secp521r1, 0x02, 66, 64},	      {NID_brainpoolP256r1, 0x03, 32, 32},
	{NID_brainpoolP256t1, 0x04, 32, 32},  {NID_brainpoolP384r1, 0x05, 48, 48},
	{NID_brainpoolP384t1, 0x06, 48, 48},  {NID_brainpoolP512r1, 0x07, 64, 64},
	{NID_brainpoolP512t1, 0x08, 64, 64},
};

static const struct curve *find(uint8_t ref)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].ref == ref)
			return &curves[i];
	return NULL;
}

size_t gp_ec_size(uint8_t curve)
{
	const struct curve *c = find(curve);

	return c ? c->size : 0;
}

size_t gp_ec_hash_len(uint8_t curve)
{
	const struct curve *c = find(curve);

	return c ? c->hash_len : 0;
}

/* A public key, or with @priv a pair. NULL: the point is none of this curve. */
static EVP_PKEY *load(const struct curve *c, const uint8_t *priv, const uint8_t *point,
		      size_t point_len)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *d = priv ? BN_secure_new() : NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (bld && ctx && (!priv || (d && BN_bin2bn(priv, c->size, d))) &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(c->nid),
					    0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, point_len) &&
	    (!priv || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d)))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params &&
	    (EVP_PKEY_fromdata_init(ctx) != 1 ||
	     EVP_PKEY_fromdata(ctx, &key, priv ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			       params) != 1))
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int gp_ec_public(uint8_t curve, const uint8_t *priv, uint8_t *point)
{
	const struct curve *c = find(curve);
	EC_GROUP *group;
	EC_POINT *p = NULL;
	BIGNUM *d = NULL;
	size_t len;
	int ret = -EIO;

	if (!c)
		return -EINVAL;
	group = EC_GROUP_new_by_curve_name(c->nid);
	if (group) {
		p = EC_POINT_new(group);
		d = BN_secure_new();
	}
	if (p && d && BN_bin2bn(priv, c->size, d)) {
		BN_set_flags(d, BN_FLG_CONSTTIME);
		if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0) {
			ret = -EINVAL;
		} else if (EC_POINT_mul(group, p, d, NULL, NULL, NULL) == 1) {
			len = EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, point,
						 1 + 2U * c->size, NULL);
			ret = len == 1 + 2U * c->size ? 0 : -EIO;
		}
	}
	BN_clear_free(d);
	EC_POINT_free(p);
	EC_GROUP_free(group);
	return ret;
}

int gp_ecdh(uint8_t curve, const uint8_t *priv, const uint8_t *point, size_t point_len,
	    uint8_t *secret)
{
	const struct curve *c = find(curve);
	uint8_t own[GP_EC_POINT_MAX];
	EVP_PKEY *key, *peer = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	size_t len;
	int ret;

	if (!c)
		return -EINVAL;
	if (point_len != 1 + 2U * c->size || point[0] != 0x04)
		return -EBADMSG;
	ret = gp_ec_public(curve, priv, own);
	if (ret)
		return ret;
	key = load(c, priv, own, point_len);
	if (!key)
		return -EIO;
	/* the point comes from outside: it is checked to be on the curve */
	peer = load(c, NULL, point, point_len);
	if (!peer) {
		EVP_PKEY_free(key);
		return -EBADMSG;
	}
	ctx = EVP_PKEY_CTX_new(key, NULL);
	len = c->size;
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1)
		ret = -EIO;
	else if (EVP_PKEY_derive_set_peer_ex(ctx, peer, 1) != 1)
		ret = -EBADMSG;
	else if (EVP_PKEY_derive(ctx, secret, &len) != 1 || len != c->size)
		ret = -EIO;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(key);
	return ret;
}

/* ECDSA as libcrypto wants it: a SEQUENCE of two INTEGERs. */
static unsigned char *to_der(const uint8_t *sig, size_t size, int *len)
{
	ECDSA_SIG *es = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, (int)size, NULL),
	       *s = BN_bin2bn(sig + size, (int)size, NULL);
	unsigned char *der = NULL;

	if (!es || !r || !s || ECDSA_SIG_set0(es, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(es);
		return NULL;
	}
	*len = i2d_ECDSA_SIG(es, &der);
	ECDSA_SIG_free(es);
	return *len > 0 ? der : NULL;
}

int gp_ecdsa_verify(uint8_t curve, const uint8_t *point, size_t point_len,
		    const struct gp_part *parts, size_t n, const uint8_t *sig, size_t sig_len)
{
	const struct curve *c = find(curve);
	uint8_t hash[64];
	unsigned char *der;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key;
	int len, ret;

	if (!c)
		return -EINVAL;
	if (sig_len != 2U * c->size || point_len != 1 + 2U * c->size || point[0] != 0x04)
		return -EBADMSG;
	ret = gp_hash(c->hash_len, parts, n, hash);
	if (ret)
		return ret;
	key = load(c, NULL, point, point_len);
	if (!key)
		return -EBADMSG;
	der = to_der(sig, c->size, &len);
	ctx = der ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	if (!ctx || EVP_PKEY_verify_init(ctx) != 1)
		ret = -EIO;
	else if (EVP_PKEY_verify(ctx, der, (size_t)len, hash, c->hash_len) != 1)
		ret = -EBADMSG;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return ret;
}
