// SPDX-License-Identifier: Apache-2.0
#include "crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

int crypto_aes_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
		   const uint8_t *in, size_t len, uint8_t *out)
{
	const EVP_CIPHER *cipher = key_len == 16   ? EVP_aes_128_cbc()
				   : key_len == 24 ? EVP_aes_192_cbc()
						   : EVP_aes_256_cbc();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ret = -EIO;

	if (ctx && EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len)
		ret = 0;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int crypto_cmac(const uint8_t *key, size_t key_len, const struct crypto_part *parts, size_t n,
		uint8_t mac[AES_BLOCK])
{
	char name[16] = "AES-128-CBC";
	OSSL_PARAM params[2];
	EVP_MAC *alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = alg ? EVP_MAC_CTX_new(alg) : NULL;
	size_t out = 0;
	int ok;

	name[4] = key_len == 32 ? '2' : '1';
	name[5] = key_len == 16 ? '2' : key_len == 24 ? '9' : '5';
	name[6] = key_len == 16 ? '8' : key_len == 24 ? '2' : '6';
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0);
	params[1] = OSSL_PARAM_construct_end();
	ok = ctx && EVP_MAC_init(ctx, key, key_len, params) == 1;
	for (size_t i = 0; ok && i < n; i++)
		if (parts[i].len)
			ok = EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_MAC_final(ctx, mac, &out, AES_BLOCK) == 1 && out == AES_BLOCK;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(alg);
	return ok ? 0 : -EIO;
}

int crypto_sha(size_t hash_len, const void *data, size_t len, uint8_t *hash)
{
	const EVP_MD *md;

	switch (hash_len) {
	case 20:
		md = EVP_sha1();
		break;
	case 32:
		md = EVP_sha256();
		break;
	case 48:
		md = EVP_sha384();
		break;
	case 64:
		md = EVP_sha512();
		break;
	default:
		return -EINVAL;
	}
	return EVP_Digest(data, len, hash, NULL, md, NULL) == 1 ? 0 : -EIO;
}
