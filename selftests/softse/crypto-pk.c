// SPDX-License-Identifier: Apache-2.0
/* Elliptic curves and RSA: GlobalPlatform's raw keys to libcrypto's and back. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypto.h"

static const struct {
	int nid;
	const char *name;
	size_t size;
	size_t hash;
} curves[] = {
	{NID_X9_62_prime256v1, "P-256", 32, 32},
	{NID_secp384r1, "P-384", 48, 48},
	{NID_secp521r1, "P-521", 66, 64},
};

#define CURVES (sizeof(curves) / sizeof(curves[0]))

size_t crypto_ec_size(uint8_t curve)
{
	return curve < CURVES ? curves[curve].size : 0;
}

size_t crypto_ec_hash(uint8_t curve)
{
	return curve < CURVES ? curves[curve].hash : 0;
}

static EVP_PKEY *from_params(const char *type, int selection, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* With @priv a key pair, whose public half may be missing; otherwise a public key. */
static EVP_PKEY *ec_key(uint8_t curve, const uint8_t *priv, size_t priv_len, const uint8_t *pub,
			size_t pub_len)
{
	OSSL_PARAM_BLD *bld = curve < CURVES ? OSSL_PARAM_BLD_new() : NULL;
	BIGNUM *d = priv ? BN_bin2bn(priv, (int)priv_len, NULL) : NULL;
	EVP_PKEY *key = NULL;

	if (bld &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curves[curve].name,
					    0) == 1 &&
	    (!pub || OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub,
						      pub_len) == 1) &&
	    (!priv || (d && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1)))
		key = from_params("EC", priv ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, bld);
	BN_clear_free(d);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

int crypto_ec_generate(uint8_t curve, uint8_t *priv, uint8_t *pub)
{
	EVP_PKEY *key = curve < CURVES ? EVP_EC_gen(curves[curve].name) : NULL;
	size_t size = crypto_ec_size(curve), len = 0;
	BIGNUM *d = NULL;
	int ret = -EIO;

	if (key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 &&
	    BN_bn2binpad(d, priv, (int)size) == (int)size &&
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, pub, 1 + 2 * size,
					    &len) == 1 &&
	    len == 1 + 2 * size)
		ret = 0;
	BN_clear_free(d);
	EVP_PKEY_free(key);
	return ret;
}

int crypto_ec_public(uint8_t curve, const uint8_t *priv, size_t len, uint8_t *pub)
{
	EC_GROUP *group = curve < CURVES ? EC_GROUP_new_by_curve_name(curves[curve].nid) : NULL;
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	BIGNUM *d = BN_bin2bn(priv, (int)len, NULL);
	size_t want = 1 + 2 * crypto_ec_size(curve);
	int ret = -EIO;

	if (point && d && !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(group)) < 0 &&
	    EC_POINT_mul(group, point, d, NULL, NULL, NULL) == 1 &&
	    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, pub, want, NULL) ==
		    want)
		ret = 0;
	BN_clear_free(d);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ret;
}

int crypto_ecdh(uint8_t curve, const uint8_t *priv, size_t priv_len, const uint8_t *pub,
		size_t pub_len, uint8_t *secret)
{
	EVP_PKEY *mine = ec_key(curve, priv, priv_len, NULL, 0);
	EVP_PKEY *other = ec_key(curve, NULL, 0, pub, pub_len);
	EVP_PKEY_CTX *ctx = mine ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	size_t len = crypto_ec_size(curve);
	int ret = -EIO;

	if (ctx && other && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, other) == 1 &&
	    EVP_PKEY_derive(ctx, secret, &len) == 1 && len == crypto_ec_size(curve))
		ret = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	EVP_PKEY_free(mine);
	return ret;
}

/* The hash that is signed, as ECDSA wants it. */
static int digest(size_t hash_len, const void *data, size_t len, uint8_t hash[64], size_t *n)
{
	if (!hash_len) {
		if (len > 64)
			return -EIO;
		memcpy(hash, data, len);
		*n = len;
		return 0;
	}
	*n = hash_len;
	return crypto_sha(hash_len, data, len, hash);
}

int crypto_ec_sign(uint8_t curve, const uint8_t *priv, size_t priv_len, size_t hash_len,
		   const void *data, size_t len, uint8_t *sig)
{
	EVP_PKEY *key = ec_key(curve, priv, priv_len, NULL, 0);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	uint8_t der[160], hash[64];
	const uint8_t *p = der;
	size_t der_len = sizeof(der), n;
	int size = (int)crypto_ec_size(curve), ret = -EIO;
	ECDSA_SIG *s = NULL;

	if (!digest(hash_len, data, len, hash, &n) && ctx && EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_sign(ctx, der, &der_len, hash, n) == 1)
		s = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	if (s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, size) == size &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + size, size) == size)
		ret = 0;
	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ret;
}

bool crypto_ec_verify(uint8_t curve, const uint8_t *pub, size_t pub_len, size_t hash_len,
		      const void *data, size_t len, const uint8_t *sig, size_t sig_len)
{
	int size = (int)crypto_ec_size(curve);
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	ECDSA_SIG *s = NULL;
	BIGNUM *r = NULL, *v = NULL;
	uint8_t *der = NULL, hash[64];
	size_t n;
	bool ok = false;
	int der_len;

	if (!size || sig_len != 2 * (size_t)size || digest(hash_len, data, len, hash, &n))
		return false;
	s = ECDSA_SIG_new();
	r = BN_bin2bn(sig, size, NULL);
	v = BN_bin2bn(sig + size, size, NULL);
	if (!s || !r || !v || ECDSA_SIG_set0(s, r, v) != 1)
		goto out;
	r = v = NULL; /* the signature owns them now */
	der_len = i2d_ECDSA_SIG(s, &der);
	key = ec_key(curve, NULL, 0, pub, pub_len);
	ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	ok = der_len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	     EVP_PKEY_verify(ctx, der, (size_t)der_len, hash, n) == 1;
out:
	BN_free(r);
	BN_free(v);
	OPENSSL_free(der);
	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

static bool rsa_check(EVP_PKEY *key, int padding, const EVP_MD *md, const void *data,
		      size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	bool ok = ctx && EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(pctx, padding) == 1 &&
		  (padding != RSA_PKCS1_PSS_PADDING ||
		   EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1) &&
		  EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

bool crypto_rsa_verify(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len,
		       const void *data, size_t len, const uint8_t *sig, size_t sig_len)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn = BN_bin2bn(n, (int)n_len, NULL), *be = BN_bin2bn(e, (int)e_len, NULL);
	EVP_PKEY *key = NULL;
	bool ok = false;

	if (bld && bn && be && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		key = from_params("RSA", EVP_PKEY_PUBLIC_KEY, bld);
	if (key && n_len <= 128)
		ok = rsa_check(key, RSA_PKCS1_PADDING, EVP_sha1(), data, len, sig, sig_len);
	else if (key)
		ok = rsa_check(key, RSA_PKCS1_PSS_PADDING, EVP_sha256(), data, len, sig,
			       sig_len) ||
		     rsa_check(key, RSA_PKCS1_PADDING, EVP_sha256(), data, len, sig, sig_len);
	EVP_PKEY_free(key);
	BN_free(be);
	BN_free(bn);
	OSSL_PARAM_BLD_free(bld);
	return ok;
}
