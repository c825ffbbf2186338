/* SPDX-License-Identifier: Apache-2.0 */
/* The cryptography that the card needs; the arithmetic is libcrypto's. */
#ifndef SOFTSE_CRYPTO_H
#define SOFTSE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AES_BLOCK 16
#define DES_BLOCK 8
#define EC_MAX 66   /* bytes of a coordinate of P-521 */
#define RSA_MAX 512 /* bytes of the longest modulus */
#define SIG_MAX RSA_MAX

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

/**
 * crypto_des_cbc() - triple DES in CBC mode without padding
 * @key_len: 8 (single DES), 16 (the third part is the first one) or 24
 * @iv: 8 bytes, or NULL for ECB mode
 * @len: a multiple of 8; @in and @out may be the same
 *
 * Return: 0 or -EIO.
 */
int crypto_des_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
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
 * crypto_des_mac() - DES MAC of the pieces, padded with 80 00 ..
 * @full: all blocks by triple DES (GPCS B.1.2.1); otherwise single DES and triple DES for
 *        the last block (B.1.2.2, the "retail MAC")
 * @iv: 8 bytes; NULL: zero
 *
 * Return: 0 or -EIO.
 */
int crypto_des_mac(bool full, const uint8_t *key, size_t key_len, const uint8_t *iv,
		   const struct crypto_part *parts, size_t n, uint8_t mac[DES_BLOCK]);

/**
 * crypto_sha() - hash by the length of its result
 * @hash_len: 20, 32, 48 or 64
 *
 * Return: 0, -EINVAL for another length, -EIO.
 */
int crypto_sha(size_t hash_len, const void *data, size_t len, uint8_t *hash);

/* X9.63 key derivation with SHA-256. Return: 0 or -EIO. */
int crypto_x963(const uint8_t *secret, size_t len, const uint8_t *info, size_t info_len,
		uint8_t *out, size_t out_len);

/* Keys by GlobalPlatform's curve reference (tag F0): 00 P-256, 01 P-384, 02 P-521. */

/** crypto_ec_size() - bytes of a coordinate; 0 for a curve that is not known */
size_t crypto_ec_size(uint8_t curve);

/**
 * crypto_ec_generate() - a key pair
 * @priv: crypto_ec_size() bytes
 * @pub: uncompressed point, 1 + 2 * crypto_ec_size() bytes
 *
 * Return: 0 or -EIO.
 */
int crypto_ec_generate(uint8_t curve, uint8_t *priv, uint8_t *pub);

/** crypto_ec_public() - the point that belongs to a private key. Return: 0 or -EIO. */
int crypto_ec_public(uint8_t curve, const uint8_t *priv, size_t len, uint8_t *pub);

/**
 * crypto_ecdh() - shared secret: the x coordinate, crypto_ec_size() bytes
 *
 * Return: 0, or -EIO also for a point that is not on the curve.
 */
int crypto_ecdh(uint8_t curve, const uint8_t *priv, size_t priv_len, const uint8_t *pub,
		size_t pub_len, uint8_t *secret);

/**
 * crypto_ec_sign() - ECDSA in the plain format r || s
 * @hash_len: of the hash that is made of @data; 0: @data is the hash
 * @sig: out: twice crypto_ec_size()
 *
 * Return: 0 or -EIO.
 */
int crypto_ec_sign(uint8_t curve, const uint8_t *priv, size_t priv_len, size_t hash_len,
		   const void *data, size_t len, uint8_t *sig);

/** crypto_ec_verify() - true if the signature is right; parameters as crypto_ec_sign() */
bool crypto_ec_verify(uint8_t curve, const uint8_t *pub, size_t pub_len, size_t hash_len,
		      const void *data, size_t len, const uint8_t *sig, size_t sig_len);

/** crypto_ec_hash() - length of the hash that goes with a curve (GPCS B.4.3) */
size_t crypto_ec_hash(uint8_t curve);

/**
 * crypto_rsa_verify() - RSASSA-PKCS1-v1_5 with SHA-1 up to 1024 bits, RSASSA-PSS or
 * -PKCS1-v1_5 with SHA-256 above (GPCS B.3)
 */
bool crypto_rsa_verify(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len,
		       const void *data, size_t len, const uint8_t *sig, size_t sig_len);

/** crypto_tls12_prf() - RFC 5246, 5; @seed: label and seed. Return: 0 or -EIO. */
int crypto_tls12_prf(size_t hash_len, const uint8_t *secret, size_t secret_len,
		     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len);

/**
 * crypto_hkdf() - RFC 5869
 * @expand: false: extract only, then @len is @hash_len and @info is not used
 *
 * Return: 0 or -EIO.
 */
int crypto_hkdf(size_t hash_len, const uint8_t *secret, size_t secret_len, const uint8_t *salt,
		size_t salt_len, const uint8_t *info, size_t info_len, bool expand,
		uint8_t *out, size_t len);

/**
 * crypto_sha_resume() - the end of a hash that was begun elsewhere
 * @state: chaining value, 32 bytes (SHA-256) or 64 (SHA-384, SHA-512)
 * @hashed: bytes that are in it, whole blocks
 * @data: what is left
 *
 * Return: 0, -EINVAL for a state that cannot be, -EIO.
 */
int crypto_sha_resume(size_t hash_len, const uint8_t *state, size_t state_len, uint64_t hashed,
		      const void *data, size_t len, uint8_t *hash);

/** crypto_random() - 0 or -EIO */
int crypto_random(void *out, size_t len);

#endif
