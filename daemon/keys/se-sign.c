// SPDX-License-Identifier: Apache-2.0
/* What the SE computes with a private key: ECDSA, of a hash made here, and ECDH. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "keys/se-keys.h"

#define DER_SIGNATURE_MAX 72

/* ---- ECDSA ---- */

struct sign {
	struct se_key *key;
	char digest[32];
	EVP_MD_CTX *md; /* of DigestSign */
};

static void *sign_new(void *prov, const char *properties)
{
	(void)prov;
	(void)properties;
	return OPENSSL_zalloc(sizeof(struct sign));
}

static void sign_free(void *ctx)
{
	struct sign *c = ctx;

	if (!c)
		return;
	se_key_unref(c->key);
	EVP_MD_CTX_free(c->md);
	OPENSSL_free(c);
}

static void *sign_dup(void *ctx)
{
	const struct sign *from = ctx;
	struct sign *c = OPENSSL_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	memcpy(c->digest, from->digest, sizeof(c->digest));
	if (from->key)
		c->key = se_key_ref(from->key);
	if (from->md) {
		c->md = EVP_MD_CTX_new();
		if (!c->md || !EVP_MD_CTX_copy_ex(c->md, from->md)) {
			sign_free(c);
			return NULL;
		}
	}
	return c;
}

static int sign_set(void *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;
	struct sign *c = ctx;
	char *digest = c->digest;

	if (!params)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
	return !p || OSSL_PARAM_get_utf8_string(p, &digest, sizeof(c->digest));
}

static const OSSL_PARAM *sign_settable(void *ctx, void *prov)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return known;
}

static int sign_init(void *ctx, void *data, const OSSL_PARAM params[])
{
	struct sign *c = ctx;
	struct se_key *key = data;

	if (key) {
		if (!key->source.keys)
			return se_keys_raise(SE_KEYS_NO_WAY);
		se_key_ref(key);
		se_key_unref(c->key);
		c->key = key;
	}
	return c->key && sign_set(c, params);
}

/* OpenSSL's signatures are DER, the SE's are r and s. */
static int to_der(const uint8_t raw[KEYOP_SIGNATURE], unsigned char *sig, size_t *len,
		  size_t room)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, KEYOP_SIGNATURE / 2, NULL);
	BIGNUM *t = BN_bin2bn(raw + KEYOP_SIGNATURE / 2, KEYOP_SIGNATURE / 2, NULL);
	unsigned char *p = sig;
	int n = -1;

	if (s && r && t && ECDSA_SIG_set0(s, r, t)) {
		r = t = NULL; /* they are the signature's now */
		n = i2d_ECDSA_SIG(s, NULL);
		if (n > 0 && (size_t)n <= room)
			n = i2d_ECDSA_SIG(s, &p);
		else
			n = -1;
	}
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(s);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int sign(void *ctx, unsigned char *sig, size_t *len, size_t room,
		const unsigned char *hash, size_t hash_len)
{
	uint8_t raw[KEYOP_SIGNATURE];
	struct sign *c = ctx;

	if (!sig) {
		*len = DER_SIGNATURE_MAX;
		return 1;
	}
	if (hash_len != 32 && hash_len != 48 && hash_len != 64)
		return se_keys_raise(SE_KEYS_NO_WAY);
	return se_keys_compute(c->key->source.keys, KEYOP_SIGN, &c->key->source.ref, hash,
			       hash_len, raw, sizeof(raw)) &&
	       to_der(raw, sig, len, room);
}

static int digest_init(void *ctx, const char *digest, void *data, const OSSL_PARAM params[])
{
	struct sign *c = ctx;
	EVP_MD *md;
	int r;

	if (!sign_init(c, data, params))
		return 0;
	if (digest && *digest && strlen(digest) < sizeof(c->digest))
		strcpy(c->digest, digest);
	else if (!*c->digest)
		strcpy(c->digest, "SHA256");
	md = EVP_MD_fetch(c->key->source.keys->own, c->digest, NULL);
	EVP_MD_CTX_free(c->md);
	c->md = EVP_MD_CTX_new();
	r = md && c->md && EVP_DigestInit_ex2(c->md, md, NULL);
	EVP_MD_free(md);
	return r;
}

static int digest_update(void *ctx, const unsigned char *data, size_t len)
{
	struct sign *c = ctx;

	return c->md && EVP_DigestUpdate(c->md, data, len);
}

static int digest_final(void *ctx, unsigned char *sig, size_t *len, size_t room)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	struct sign *c = ctx;
	unsigned int n = 0;

	if (!sig)
		return sign(c, NULL, len, 0, NULL, 0);
	return c->md && EVP_DigestFinal_ex(c->md, hash, &n) && sign(c, sig, len, room, hash, n);
}

static const OSSL_DISPATCH sign_functions[] = {
	{OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))sign_new},
	{OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))sign_free},
	{OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))sign_dup},
	{OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))sign_init},
	{OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))sign},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))digest_init},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))digest_update},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))digest_final},
	{OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))sign_set},
	{OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))sign_settable},
	OSSL_DISPATCH_END,
};

const OSSL_ALGORITHM se_keys_signatures[] = {
	{"ECDSA", "provider=" SE_KEYS_PROVIDER, sign_functions, "ECDSA in a secure element"},
	{NULL, NULL, NULL, NULL},
};

/* ---- ECDH ---- */

struct agree {
	struct se_key *key, *peer;
};

static void *agree_new(void *prov)
{
	(void)prov;
	return OPENSSL_zalloc(sizeof(struct agree));
}

static void agree_free(void *ctx)
{
	struct agree *c = ctx;

	if (!c)
		return;
	se_key_unref(c->key);
	se_key_unref(c->peer);
	OPENSSL_free(c);
}

static int agree_init(void *ctx, void *data, const OSSL_PARAM params[])
{
	struct agree *c = ctx;
	struct se_key *key = data;

	(void)params;
	if (!key->source.keys)
		return se_keys_raise(SE_KEYS_NO_WAY);
	se_key_ref(key);
	se_key_unref(c->key);
	c->key = key;
	return 1;
}

static int agree_peer(void *ctx, void *data)
{
	struct agree *c = ctx;
	struct se_key *peer = data;

	if (!peer->has_point)
		return 0;
	se_key_ref(peer);
	se_key_unref(c->peer);
	c->peer = peer;
	return 1;
}

static int agree_derive(void *ctx, unsigned char *secret, size_t *len, size_t room)
{
	struct agree *c = ctx;

	*len = KEYOP_SCALAR;
	if (!secret)
		return 1;
	if (!c->key || !c->peer || room < KEYOP_SCALAR)
		return 0;
	return se_keys_compute(c->key->source.keys, KEYOP_AGREE, &c->key->source.ref,
			       c->peer->point, sizeof(c->peer->point), secret, KEYOP_SCALAR);
}

static const OSSL_DISPATCH agree_functions[] = {
	{OSSL_FUNC_KEYEXCH_NEWCTX, (void (*)(void))agree_new},
	{OSSL_FUNC_KEYEXCH_FREECTX, (void (*)(void))agree_free},
	{OSSL_FUNC_KEYEXCH_INIT, (void (*)(void))agree_init},
	{OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))agree_peer},
	{OSSL_FUNC_KEYEXCH_DERIVE, (void (*)(void))agree_derive},
	OSSL_DISPATCH_END,
};

const OSSL_ALGORITHM se_keys_exchanges[] = {
	{"ECDH", "provider=" SE_KEYS_PROVIDER, agree_functions, "ECDH in a secure element"},
	{NULL, NULL, NULL, NULL},
};
