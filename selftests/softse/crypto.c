// SPDX-License-Identifier: Apache-2.0
#include "crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

static int cbc(const EVP_CIPHER *cipher, bool encrypt, const uint8_t *key, const uint8_t *iv,
	       const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ret = -EIO;

	if (ctx && EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len)
		ret = 0;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int crypto_aes_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
		   const uint8_t *in, size_t len, uint8_t *out)
{
	const EVP_CIPHER *cipher = key_len == 16   ? EVP_aes_128_cbc()
				   : key_len == 24 ? EVP_aes_192_cbc()
						   : EVP_aes_256_cbc();

	return cbc(cipher, encrypt, key, iv, in, len, out);
}

int crypto_des_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
		   const uint8_t *in, size_t len, uint8_t *out)
{
	const EVP_CIPHER *cipher = iv ? EVP_des_ede3_cbc() : EVP_des_ede3_ecb();
	uint8_t triple[24];
	int ret;

	/* libcrypto's own single DES is in a provider that is not loaded */
	for (size_t i = 0; i < sizeof(triple); i++)
		triple[i] = key[i % key_len];
	ret = cbc(cipher, encrypt, triple, iv, in, len, out);
	OPENSSL_cleanse(triple, sizeof(triple));
	return ret;
}

/* Looked up once: that takes longer than a short MAC. */
static EVP_MAC *cmac_method(void)
{
	static EVP_MAC *method;

	if (!method)
		method = EVP_MAC_fetch(NULL, "CMAC", NULL);
	return method;
}

int crypto_cmac(const uint8_t *key, size_t key_len, const struct crypto_part *parts, size_t n,
		uint8_t mac[AES_BLOCK])
{
	char name[16] = "AES-128-CBC";
	OSSL_PARAM params[2];
	EVP_MAC *alg = cmac_method();
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
	return ok ? 0 : -EIO;
}

int crypto_des_mac(bool full, const uint8_t *key, size_t key_len, const uint8_t *iv,
		   const struct crypto_part *parts, size_t n, uint8_t mac[DES_BLOCK])
{
	uint8_t block[DES_BLOCK], chain[DES_BLOCK] = {0}, byte;
	size_t fill = 0, part = 0, at = 0;
	bool padded = false, last = false;

	if (iv)
		memcpy(chain, iv, sizeof(chain));
	while (!last) {
		while (part < n && at == parts[part].len) {
			part++;
			at = 0;
		}
		if (part < n) {
			byte = ((const uint8_t *)parts[part].data)[at++];
		} else {
			byte = padded ? 0 : 0x80;
			padded = true;
		}
		block[fill++] = byte;
		if (fill < DES_BLOCK)
			continue;
		fill = 0;
		last = padded;
		if (crypto_des_cbc(true, key, full || last ? key_len : 8, chain, block,
				   DES_BLOCK, chain))
			return -EIO;
	}
	memcpy(mac, chain, DES_BLOCK);
	return 0;
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

int crypto_x963(const uint8_t *secret, size_t len, const uint8_t *info, size_t info_len,
		uint8_t *out, size_t out_len)
{
	uint8_t hash[32], counter[4] = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = !!ctx;

	while (ok && out_len) {
		size_t n = out_len < sizeof(hash) ? out_len : sizeof(hash);

		counter[3]++;
		ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		     EVP_DigestUpdate(ctx, secret, len) == 1 &&
		     EVP_DigestUpdate(ctx, counter, sizeof(counter)) == 1 &&
		     EVP_DigestUpdate(ctx, info, info_len) == 1 &&
		     EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
		memcpy(out, hash, n);
		out += n;
		out_len -= n;
	}
	OPENSSL_cleanse(hash, sizeof(hash));
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

int crypto_random(void *out, size_t len)
{
	return RAND_bytes(out, (int)len) == 1 ? 0 : -EIO;
}
