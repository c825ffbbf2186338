// SPDX-License-Identifier: Apache-2.0
/*
 * OSCORE's cryptography: key derivation (RFC 8613 3.2.1), nonce (5.2), AAD (5.4)
 * and AEAD, on OpenSSL.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "coap/oscore_priv.h"

/* IANA "COSE Algorithms"; the nonce lengths are those of RFC 9053 section 4 */
static const struct oscore_alg algs[] = {
	{OSCORE_AES_CCM_16_64_128, "AES-128-CCM", 16, 13, 8, true},
	{OSCORE_AES_CCM_16_64_256, "AES-256-CCM", 32, 13, 8, true},
	{OSCORE_AES_CCM_64_64_128, "AES-128-CCM", 16, 7, 8, true},
	{OSCORE_AES_CCM_64_64_256, "AES-256-CCM", 32, 7, 8, true},
	{OSCORE_AES_CCM_16_128_128, "AES-128-CCM", 16, 13, 16, true},
	{OSCORE_AES_CCM_16_128_256, "AES-256-CCM", 32, 13, 16, true},
	{OSCORE_AES_CCM_64_128_128, "AES-128-CCM", 16, 7, 16, true},
	{OSCORE_AES_CCM_64_128_256, "AES-256-CCM", 32, 7, 16, true},
	{OSCORE_A128GCM, "AES-128-GCM", 16, 12, 16, false},
	{OSCORE_A192GCM, "AES-192-GCM", 24, 12, 16, false},
	{OSCORE_A256GCM, "AES-256-GCM", 32, 12, 16, false},
	{OSCORE_CHACHA20_POLY1305, "ChaCha20-Poly1305", 32, 12, 16, false},
};

const struct oscore_alg *oscore_alg_find(int32_t id)
{
	if (!id)
		id = OSCORE_AES_CCM_16_64_128;
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i].id == id)
			return &algs[i];
	return NULL;
}

const char *oscore_digest_find(int32_t id)
{
	switch (id) {
	case 0:
	case OSCORE_HKDF_SHA_256:
	case 5:
		return "SHA256";
	case OSCORE_HKDF_SHA_512:
	case 7:
		return "SHA512";
	default:
		return NULL;
	}
}

/* ---- the little CBOR that there is ------------------------------------------------ */

static size_t put_head(uint8_t *out, uint8_t major, size_t v)
{
	if (v < 24) {
		out[0] = (uint8_t)((unsigned int)major << 5 | (unsigned int)v);
		return 1;
	}
	out[0] = (uint8_t)((unsigned int)major << 5 | 24U);
	out[1] = (uint8_t)v;
	return 2;
}

size_t oscore_put_bstr(uint8_t *out, const void *data, size_t len)
{
	size_t n = put_head(out, 2, len);

	if (len)
		memcpy(out + n, data, len);
	return n + len;
}

int oscore_get_bstr(const uint8_t *in, size_t len, const uint8_t **data, size_t *data_len)
{
	size_t head = 1, n;

	if (!len || in[0] >> 5 != 2)
		return -EBADMSG;
	n = in[0] & 31;
	if (n == 24 && len >= 2) {
		n = in[1];
		head = 2;
	} else if (n >= 24) {
		return -EBADMSG;
	}
	if (len - head != n)
		return -EBADMSG;
	*data = in + head;
	*data_len = n;
	return 0;
}

/* ---- derivation ---------------------------------------------------------------------- */

int oscore_kdf(const struct oscore_params *p, const uint8_t *info, size_t info_len,
	       uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[5];
	int r = -EIO;

	EVP_KDF_free(kdf);
	if (!ctx)
		return -EIO;
	params[0] =
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)p->digest, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)p->secret,
						      p->secret_len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)p->salt,
						      p->salt_len);
	params[3] =
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_len);
	params[4] = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(ctx, out, len, params) == 1)
		r = 0;
	EVP_KDF_CTX_free(ctx);
	return r;
}

/* info = [id, id_context / nil, alg_aead, type, L] */
static int derive_one(const struct oscore_params *p, const struct oscore_keys *k,
		      const uint8_t *id, size_t id_len, const char *type, uint8_t *out,
		      size_t len)
{
	uint8_t info[1 + 1 + OSCORE_ID_MAX + 2 + OSCORE_CTXID_MAX + 2 + 4 + 2];
	size_t n = 0, t = strlen(type);

	info[n++] = 0x85;
	n += oscore_put_bstr(info + n, id, id_len);
	if (k->has_id_context)
		n += oscore_put_bstr(info + n, k->id_context, k->id_context_len);
	else
		info[n++] = 0xf6;
	n += put_head(info + n, 0, (size_t)p->alg->id);
	n += put_head(info + n, 3, t);
	memcpy(info + n, type, t);
	n += t;
	n += put_head(info + n, 0, len);
	return oscore_kdf(p, info, n, out, len);
}

int oscore_derive(const struct oscore_params *p, struct oscore_keys *k, bool has_id_context,
		  const uint8_t *id_context, size_t id_context_len)
{
	uint8_t id[OSCORE_CTXID_MAX];
	int r;

	if (id_context_len > sizeof(id))
		return -EINVAL;
	/* it may come out of @k itself */
	if (id_context_len)
		memcpy(id, id_context, id_context_len);
	OPENSSL_cleanse(k, sizeof(*k));
	k->has_id_context = has_id_context;
	k->id_context_len = (uint8_t)id_context_len;
	memcpy(k->id_context, id, id_context_len);
	r = derive_one(p, k, p->sid, p->sid_len, "Key", k->sender, p->alg->key);
	if (!r)
		r = derive_one(p, k, p->rid, p->rid_len, "Key", k->recipient, p->alg->key);
	if (!r)
		r = derive_one(p, k, NULL, 0, "IV", k->iv, p->alg->nonce);
	return r;
}

/* ---- messages -------------------------------------------------------------------------- */

void oscore_nonce(const struct oscore_alg *alg, const struct oscore_keys *k, const uint8_t *id,
		  size_t id_len, const uint8_t *piv, size_t piv_len,
		  uint8_t nonce[OSCORE_NONCE_MAX])
{
	size_t n = alg->nonce;

	memset(nonce, 0, OSCORE_NONCE_MAX);
	nonce[0] = (uint8_t)id_len;
	if (id_len)
		memcpy(nonce + n - OSCORE_PIV_MAX - id_len, id, id_len);
	memcpy(nonce + n - piv_len, piv, piv_len);
	for (size_t i = 0; i < n; i++)
		nonce[i] ^= k->iv[i];
}

size_t oscore_aad(const struct oscore_alg *alg, const struct oscore_binding *b,
		  uint8_t aad[OSCORE_AAD_MAX])
{
	static const uint8_t start[] = {0x83, 0x68, 'E', 'n', 'c', 'r',
					'y',  'p',  't', '0', 0x40};
	uint8_t external[OSCORE_AAD_MAX];
	size_t n = 0;

	/* [oscore_version, [alg_aead], request_kid, request_piv, options (none is Class I)] */
	external[n++] = 0x85;
	external[n++] = 1;
	external[n++] = 0x81;
	n += put_head(external + n, 0, (size_t)alg->id);
	n += oscore_put_bstr(external + n, b->kid, b->kid_len);
	n += oscore_put_bstr(external + n, b->piv, b->piv_len);
	external[n++] = 0x40;
	memcpy(aad, start, sizeof(start));
	return sizeof(start) + oscore_put_bstr(aad + sizeof(start), external, n);
}

/* What the two directions have in common. Return: the context, ready for data, or NULL. */
static EVP_CIPHER_CTX *begin(const struct oscore *o, bool seal, const uint8_t *key,
			     const uint8_t *nonce, const uint8_t *aad, size_t aad_len,
			     const uint8_t *tag, size_t len)
{
	const struct oscore_alg *alg = o->p.alg;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx)
		return NULL;
	/* a tag is given before the data when opening; CCM wants its length when sealing */
	if (EVP_CipherInit_ex2(ctx, o->cipher, NULL, NULL, seal, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, alg->nonce, NULL) != 1 ||
	    ((alg->ccm || !seal) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, alg->tag, (void *)tag) != 1) ||
	    EVP_CipherInit_ex2(ctx, NULL, key, nonce, seal, NULL) != 1 ||
	    (alg->ccm && EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len) != 1) ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int oscore_seal(const struct oscore *o, const uint8_t *key, const uint8_t *nonce,
		const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = begin(o, true, key, nonce, aad, aad_len, NULL, len);
	uint8_t rest[16];
	int n = 0, end = 0, r = -EIO;

	if (!ctx)
		return -EIO;
	if (EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len &&
	    EVP_CipherFinal_ex(ctx, rest, &end) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, o->p.alg->tag, out + len) == 1)
		r = n + o->p.alg->tag;
	EVP_CIPHER_CTX_free(ctx);
	return r;
}

int oscore_open(const struct oscore *o, const uint8_t *key, const uint8_t *nonce,
		const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	size_t tag = o->p.alg->tag;
	EVP_CIPHER_CTX *ctx;
	uint8_t rest[16];
	int n = 0, end = 0, r = -EBADMSG;

	if (len <= tag || len > UINT16_MAX)
		return -EBADMSG;
	len -= tag;
	ctx = begin(o, false, key, nonce, aad, aad_len, in + len, len);
	if (!ctx)
		return -EIO;
	/* CCM has verified when the data is through, the others at the end */
	if (EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len &&
	    (o->p.alg->ccm || EVP_CipherFinal_ex(ctx, rest, &end) == 1))
		r = n;
	else
		OPENSSL_cleanse(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return r;
}
