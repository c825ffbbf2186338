// SPDX-License-Identifier: Apache-2.0
/* Key derivation of TLS, and a hash that somebody else began. */
#define OPENSSL_SUPPRESS_DEPRECATED /* EVP has no way to set the state of a hash */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <string.h>

#include "crypto.h"

static const char *hash_name(size_t hash_len)
{
	return hash_len == 32 ? "SHA256" : hash_len == 48 ? "SHA384" : "SHA512";
}

static int derive(const char *kdf_name, const OSSL_PARAM *params, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int ret = ctx && EVP_KDF_derive(ctx, out, len, params) == 1 ? 0 : -EIO;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ret;
}

static OSSL_PARAM text(const char *key, const char *value)
{
	return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)value, 0);
}

static OSSL_PARAM bytes(const char *key, const uint8_t *v, size_t len)
{
	/* nothing is an empty string, not an absent one */
	return OSSL_PARAM_construct_octet_string(
		key, len ? (void *)(uintptr_t)v : (void *)(uintptr_t)"", len);
}

int crypto_tls12_prf(size_t hash_len, const uint8_t *secret, size_t secret_len,
		     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len)
{
	const OSSL_PARAM params[] = {
		text(OSSL_KDF_PARAM_DIGEST, hash_name(hash_len)),
		bytes(OSSL_KDF_PARAM_SECRET, secret, secret_len),
		bytes(OSSL_KDF_PARAM_SEED, seed, seed_len),
		OSSL_PARAM_construct_end(),
	};

	return derive("TLS1-PRF", params, out, len);
}

int crypto_hkdf(size_t hash_len, const uint8_t *secret, size_t secret_len, const uint8_t *salt,
		size_t salt_len, const uint8_t *info, size_t info_len, bool expand,
		uint8_t *out, size_t len)
{
	const OSSL_PARAM params[] = {
		text(OSSL_KDF_PARAM_DIGEST, hash_name(hash_len)),
		text(OSSL_KDF_PARAM_MODE, expand ? "EXTRACT_AND_EXPAND" : "EXTRACT_ONLY"),
		bytes(OSSL_KDF_PARAM_KEY, secret, secret_len),
		bytes(OSSL_KDF_PARAM_SALT, salt, salt_len),
		bytes(OSSL_KDF_PARAM_INFO, info, info_len),
		OSSL_PARAM_construct_end(),
	};

	return derive("HKDF", params, out, len);
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

int crypto_sha_resume(size_t hash_len, const uint8_t *state, size_t state_len, uint64_t hashed,
		      const void *data, size_t len, uint8_t *hash)
{
	uint64_t bits = hashed * 8;

	if (hashed > UINT64_MAX / 8)
		return -EINVAL;
	if (hash_len == 32) {
		SHA256_CTX s = {.md_len = 32};

		if (state_len != 32 || hashed % 64)
			return -EINVAL;
		for (size_t i = 0; i < 8; i++)
			s.h[i] = (uint32_t)get_be(state + 4 * i, 4);
		s.Nl = (uint32_t)bits;
		s.Nh = (uint32_t)(bits >> 32);
		return SHA256_Update(&s, data, len) == 1 && SHA256_Final(hash, &s) == 1 ? 0
											: -EIO;
	}
	if (hash_len == 48 || hash_len == 64) {
		SHA512_CTX s = {.md_len = (unsigned int)hash_len};

		if (state_len != 64 || hashed % 128)
			return -EINVAL;
		for (size_t i = 0; i < 8; i++)
			s.h[i] = get_be(state + 8 * i, 8);
		s.Nl = bits;
		return SHA512_Update(&s, data, len) == 1 && SHA512_Final(hash, &s) == 1 ? 0
											: -EIO;
	}
	return -EINVAL;
}
