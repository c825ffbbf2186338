// SPDX-License-Identifier: Apache-2.0
#include "gp/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

static int cbc(const EVP_CIPHER *cipher, bool encrypt, const uint8_t *key, const uint8_t *iv,
	       const uint8_t *in, size_t len, uint8_t *out)
{
	static const uint8_t zero[GP_AES_BLOCK];
	EVP_CIPHER_CTX *ctx;
	int n, ret = -EIO;

	if (len > INT_MAX)
		return -EINVAL;
	if (!len)
		return 0;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_CipherInit_ex2(ctx, cipher, key, iv ? iv : zero, encrypt, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len)
		ret = 0;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int gp_aes_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
	       const uint8_t *in, size_t len, uint8_t *out)
{
	const EVP_CIPHER *cipher = key_len == 16   ? EVP_aes_128_cbc()
				   : key_len == 24 ? EVP_aes_192_cbc()
				   : key_len == 32 ? EVP_aes_256_cbc()
						   : NULL;

	if (!cipher || len % GP_AES_BLOCK)
		return -EINVAL;
	return cbc(cipher, encrypt, key, iv, in, len, out);
}

int gp_des_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
	       const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t three[24];
	int ret;

	if ((key_len != 8 && key_len != 16 && key_len != 24) || len % GP_DES_BLOCK)
		return -EINVAL;
	/* single DES is triple DES with one key: the plain cipher is "legacy" in OpenSSL */
	for (size_t i = 0; i < sizeof(three); i++)
		three[i] = key[i % key_len];
	ret = cbc(EVP_des_ede3_cbc(), encrypt, three, iv, in, len, out);
	OPENSSL_cleanse(three, sizeof(three));
	return ret;
}

int gp_aes_cmac(const uint8_t *key, size_t key_len, const struct gp_part *parts, size_t n,
		uint8_t mac[GP_AES_BLOCK])
{
	char name[] = "AES-128-CBC";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *alg;
	EVP_MAC_CTX *ctx;
	size_t len;
	int ret = -EIO;

	if (key_len != 16 && key_len != 24 && key_len != 32)
		return -EINVAL;
	memcpy(name + 4, key_len == 16 ? "128" : key_len == 24 ? "192" : "256", 3);
	alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
	ctx = alg ? EVP_MAC_CTX_new(alg) : NULL;
	if (ctx && EVP_MAC_init(ctx, key, key_len, params) == 1) {
		ret = 0;
		for (size_t i = 0; i < n && !ret; i++)
			if (parts[i].len &&
			    EVP_MAC_update(ctx, parts[i].data, parts[i].len) != 1)
				ret = -EIO;
		if (!ret &&
		    (EVP_MAC_final(ctx, mac, &len, GP_AES_BLOCK) != 1 || len != GP_AES_BLOCK))
			ret = -EIO;
	}
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(alg);
	return ret;
}

int gp_des_mac(bool full, const uint8_t key[16], const uint8_t *iv, const struct gp_part *parts,
	       size_t n, uint8_t mac[GP_DES_BLOCK])
{
	size_t len = 0, size, last;
	uint8_t *text, *p;
	int ret = 0;

	for (size_t i = 0; i < n; i++)
		len += parts[i].len;
	size = gp_pad80(len, GP_DES_BLOCK);
	last = size - GP_DES_BLOCK;
	p = text = malloc(size);
	if (!text)
		return -EIO;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len)
			memcpy(p, parts[i].data, parts[i].len);
		p += parts[i].len;
	}
	memset(p, 0, size - len);
	*p = 0x80;
	if (full) {
		ret = gp_des_cbc(true, key, 16, iv, text, size, text);
	} else {
		/* the chain so far is the ICV of the block that is done by triple DES */
		if (last) {
			ret = gp_des_cbc(true, key, 8, iv, text, last, text);
			iv = text + last - GP_DES_BLOCK;
		}
		if (!ret)
			ret = gp_des_cbc(true, key, 16, iv, text + last, GP_DES_BLOCK,
					 text + last);
	}
	if (!ret)
		memcpy(mac, text + last, GP_DES_BLOCK);
	OPENSSL_clear_free(text, size);
	return ret;
}

void gp_hash_begin(struct gp_hashing *h, size_t hash_len)
{
	const EVP_MD *md = hash_len == 20   ? EVP_sha1()
			   : hash_len == 32 ? EVP_sha256()
			   : hash_len == 48 ? EVP_sha384()
			   : hash_len == 64 ? EVP_sha512()
					    : NULL;

	*h = (struct gp_hashing){.error = md ? 0 : -EINVAL};
	if (!md)
		return;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex2(h->ctx, md, NULL) != 1)
		h->error = -EIO;
}

void gp_hash_add(struct gp_hashing *h, const void *p, size_t len)
{
	if (!h->error && len && EVP_DigestUpdate(h->ctx, p, len) != 1)
		h->error = -EIO;
}

int gp_hash_end(struct gp_hashing *h, uint8_t *hash)
{
	if (!h->error && hash && EVP_DigestFinal_ex(h->ctx, hash, NULL) != 1)
		h->error = -EIO;
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
	return h->error;
}

int gp_hash(size_t hash_len, const struct gp_part *parts, size_t n, uint8_t *hash)
{
	struct gp_hashing h;

	gp_hash_begin(&h, hash_len);
	for (size_t i = 0; i < n; i++)
		gp_hash_add(&h, parts[i].data, parts[i].len);
	return gp_hash_end(&h, hash);
}

#define INFO_PARTS_MAX 8

int gp_x963(const uint8_t *secret, size_t secret_len, const struct gp_part *info, size_t n,
	    uint8_t *out, size_t out_len)
{
	uint8_t counter[4] = {0}, block[32];
	struct gp_part parts[2 + INFO_PARTS_MAX] = {{secret, secret_len}, {counter, 4}};
	int ret = 0;

	if (n > INFO_PARTS_MAX || out_len > 255 * sizeof(block))
		return -EINVAL;
	if (n)
		memcpy(parts + 2, info, n * sizeof(*info));
	while (out_len && !ret) {
		size_t take = out_len < sizeof(block) ? out_len : sizeof(block);

		counter[3]++;
		ret = gp_hash(sizeof(block), parts, 2 + n, block);
		if (!ret)
			memcpy(out, block, take);
		out += take;
		out_len -= take;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}
