/* SPDX-License-Identifier: Apache-2.0 */
/* AES, CMAC and SHA as the card needs them; the arithmetic is libcrypto's. */
#ifndef SOFTSE_CRYPTO_H
#define SOFTSE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AES_BLOCK 16

/**
 * crypto_aes_cbc() - AES-CBC without padding
 * @key_len: 16, 24 or 32
 * @iv: 16 bytes; all zero and one block of data make it ECB
 * @len: a multiple of 16; @in and @out may be the same
 *
 * Return: 0 or -EIO.
 */
int crypto_aes_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
		   const uint8_t *in, size_t len, uint8_t *out);

/** struct crypto_part - one piece of a message that is authenticated */
struct crypto_part {
	const void *data;
	size_t len;
};

/**
 * crypto_cmac() - AES-CMAC (SP 800-38B) over the pieces in order
 *
 * Return: 0 or -EIO.
 */
int crypto_cmac(const uint8_t *key, size_t key_len, const struct crypto_part *parts, size_t n,
		uint8_t mac[AES_BLOCK]);

/**
 * crypto_sha() - hash by the length of its result
 * @hash_len: 20, 32, 48 or 64
 *
 * Return: 0, -EINVAL for another length, -EIO.
 */
int crypto_sha(size_t hash_len, const void *data, size_t len, uint8_t *hash);

#endif
