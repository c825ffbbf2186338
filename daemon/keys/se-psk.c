// SPDX-License-Identifier: Apache-2.0
/*
 * The provider that computes TLS 1.2's PRF: in the SE where the secret is the premaster
 * secret of a stand-in, with OpenSSL's own otherwise.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "keys/se-keys.h"

#define SEED_MAX 1024
#define PREMASTER (4 + 2 * KEYS_CRED_PSK_LEN)

/** the provider's context */
struct prf_prov {
	struct se_keys *keys;
	EVP_KDF *base; /* OpenSSL's */
};

struct prf {
	struct prf_prov *prov;
	char digest[32];
	uint8_t *secret;
	size_t secret_len;
	uint8_t seed[SEED_MAX];
	size_t seed_len;
};

static void prf_reset(void *ctx)
{
	struct prf *c = ctx;
	struct prf_prov *prov = c->prov;

	OPENSSL_clear_free(c->secret, c->secret_len);
	OPENSSL_cleanse(c, sizeof(*c));
	c->prov = prov;
}

static void *prf_new(void *prov)
{
	struct prf *c = OPENSSL_zalloc(sizeof(*c));

	if (c)
		c->prov = prov;
	return c;
}

static void prf_free(void *ctx)
{
	struct prf *c = ctx;

	if (!c)
		return;
	prf_reset(c);
	OPENSSL_free(c);
}

static int take_seed(struct prf *c, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING ||
	    p->data_size > sizeof(c->seed) - c->seed_len)
		return se_keys_raise(SE_KEYS_NO_WAY);
	if (p->data_size)
		memcpy(c->seed + c->seed_len, p->data, p->data_size);
	c->seed_len += p->data_size;
	return 1;
}

static int take_secret(struct prf *c, const OSSL_PARAM *p)
{
	void *copy = NULL;
	size_t len = 0;

	if (!OSSL_PARAM_get_octet_string(p, &copy, 0, &len))
		return 0;
	OPENSSL_clear_free(c->secret, c->secret_len);
	c->secret = copy;
	c->secret_len = len;
	/* a new secret begins anew */
	OPENSSL_cleanse(c->seed, sizeof(c->seed));
	c->seed_len = 0;
	return 1;
}

/* label and seeds come as several parameters of one name, in order */
static int prf_set(void *ctx, const OSSL_PARAM params[])
{
	char *digest;
	struct prf *c = ctx;
	const OSSL_PARAM *p;

	if (!params)
		return 1;
	digest = c->digest;
	p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
	if (p && !OSSL_PARAM_get_utf8_string(p, &digest, sizeof(c->digest)))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_SECRET);
	if (p && !take_secret(c, p))
		return 0;
	for (p = params; p->key; p++)
		if (!strcmp(p->key, OSSL_KDF_PARAM_SEED) && !take_seed(c, p))
			return 0;
	return 1;
}

static const OSSL_PARAM *prf_settable(void *ctx, void *prov)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SECRET, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SEED, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return known;
}

static int by_openssl(const struct prf *c, uint8_t *out, size_t len)
{
	EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(c->prov->base);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)(uintptr_t)c->digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, c->secret,
						  c->secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED,
						  (void *)(uintptr_t)c->seed, c->seed_len),
		OSSL_PARAM_construct_end(),
	};
	int r = kdf && EVP_KDF_derive(kdf, out, len, params) == 1;

	EVP_KDF_CTX_free(kdf);
	return r;
}

/* RFC 4279, 2: what libssl makes of a pre-shared key that it was given */
static bool is_premaster(const struct prf *c)
{
	static const uint8_t zeros[KEYS_CRED_PSK_LEN];
	const uint8_t *p = c->secret;

	return c->secret_len == PREMASTER && !p[0] && p[1] == KEYS_CRED_PSK_LEN &&
	       !memcmp(p + 2, zeros, sizeof(zeros)) && !p[2 + sizeof(zeros)] &&
	       p[3 + sizeof(zeros)] == KEYS_CRED_PSK_LEN;
}

static int prf_derive(void *ctx, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
	struct prf *c = ctx;
	struct seref ref;

	if (!prf_set(c, params) || !c->secret)
		return 0;
	if (!se_psk_within(c->prov->keys, c->secret, c->secret_len))
		return by_openssl(c, out, len);
	if (!is_premaster(c) ||
	    !se_psk_find(c->prov->keys, c->secret + PREMASTER - KEYS_CRED_PSK_LEN, &ref) ||
	    (OPENSSL_strcasecmp(c->digest, "SHA2-256") &&
	     OPENSSL_strcasecmp(c->digest, "SHA256")))
		return se_keys_raise(SE_KEYS_NO_WAY);
	return se_keys_compute(c->prov->keys, KEYOP_PRF, &ref, c->seed, c->seed_len, out, len);
}

static const OSSL_DISPATCH prf_functions[] = {
	{OSSL_FUNC_KDF_NEWCTX, (void (*)(void))prf_new},
	{OSSL_FUNC_KDF_FREECTX, (void (*)(void))prf_free},
	{OSSL_FUNC_KDF_RESET, (void (*)(void))prf_reset},
	{OSSL_FUNC_KDF_DERIVE, (void (*)(void))prf_derive},
	{OSSL_FUNC_KDF_SET_CTX_PARAMS, (void (*)(void))prf_set},
	{OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, (void (*)(void))prf_settable},
	OSSL_DISPATCH_END,
};

static const OSSL_ALGORITHM kdfs[] = {
	{"TLS1-PRF", "provider=" SE_PRF_PROVIDER, prf_functions,
	 "TLS 1.2's PRF, in the SE for keys that are there"},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query(void *prov, int operation, int *no_cache)
{
	(void)prov;
	*no_cache = 0;
	return operation == OSSL_OP_KDF ? kdfs : NULL;
}

static void teardown(void *prov)
{
	struct prf_prov *p = prov;

	EVP_KDF_free(p->base);
	OPENSSL_free(p);
}

static const OSSL_DISPATCH provider_functions[] = {
	{OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
	{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
	OSSL_DISPATCH_END,
};

int se_keys_prf_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		     const OSSL_DISPATCH **out, void **ctx)
{
	(void)handle;
	(void)in;
	*ctx = OPENSSL_zalloc(sizeof(struct prf_prov));
	*out = provider_functions;
	return *ctx != NULL;
}

int se_keys_prf_bind(OSSL_PROVIDER *prov, struct se_keys *k)
{
	struct prf_prov *p = OSSL_PROVIDER_get0_provider_ctx(prov);

	p->keys = k;
	/* of its own context: a reference within @k->tls would keep that alive */
	p->base = EVP_KDF_fetch(k->own, "TLS1-PRF", NULL);
	return p->base ? 0 : -EIO;
}
