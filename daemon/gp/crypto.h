/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cryptography that GlobalPlatform asks of a host (GPCS 2.3.1, appendix B; Amendments D
 * and F). The arithmetic is libcrypto's; here it has the shapes the standard speaks of.
 *
 * All functions return 0 or -EIO (libcrypto refused, or memory is out) unless something else
 * is said. Whoever holds a secret in a buffer cleans it with OPENSSL_cleanse().
 */
#ifndef SESAME_GP_CRYPTO_H
#define SESAME_GP_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GP_AES_BLOCK 16
#define GP_DES_BLOCK 8
#define GP_EC_MAX 66			    /* bytes of a coordinate of P-521 */
#define GP_EC_POINT_MAX (1 + 2 * GP_EC_MAX) /* 04, x, y */

/** struct gp_part - one piece of a message; a message is an array of them, in order */
struct gp_part {
	const void *data;
	size_t len;
};

/**
 * gp_aes_cbc() - AES-CBC without padding
 * @key_len: 16, 24 or 32
 * @iv: 16 bytes; NULL: zeros
 * @len: a multiple of 16; @in and @out may be the same buffer
 *
 * Return: 0, -EINVAL for another length, -EIO.
 */
int gp_aes_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
	       const uint8_t *in, size_t len, uint8_t *out);

/**
 * gp_des_cbc() - DES or triple DES in CBC mode without padding
 * @key_len: 8 (single DES), 16 (the third key is the first one) or 24
 * @iv: 8 bytes; NULL: zeros
 * @len: a multiple of 8; @in and @out may be the same buffer
 *
 * Return: 0, -EINVAL for another length, -EIO.
 */
int gp_des_cbc(bool encrypt, const uint8_t *key, size_t key_len, const uint8_t *iv,
	       const uint8_t *in, size_t len, uint8_t *out);

/** gp_aes_cmac() - AES-CMAC (SP 800-38B) over all parts; @mac: 16 bytes */
int gp_aes_cmac(const uint8_t *key, size_t key_len, const struct gp_part *parts, size_t n,
		uint8_t mac[GP_AES_BLOCK]);

/**
 * gp_des_mac() - DES MAC over all parts, padded with 80 00 ..
 * @full: every block by triple DES (GPCS B.1.2.1); else single DES, triple DES for the last
 *        block only (B.1.2.2, ISO 9797-1 algorithm 3)
 * @key: 16 bytes
 * @iv: 8 bytes; NULL: zeros
 */
int gp_des_mac(bool full, const uint8_t key[16], const uint8_t *iv, const struct gp_part *parts,
	       size_t n, uint8_t mac[GP_DES_BLOCK]);

/**
 * gp_hash() - SHA-1, SHA-256, SHA-384 or SHA-512, told by the length of the result
 * @hash_len: 20, 32, 48 or 64
 *
 * Return: 0, -EINVAL for another length, -EIO.
 */
int gp_hash(size_t hash_len, const struct gp_part *parts, size_t n, uint8_t *hash);

/**
 * struct gp_hashing - the same of what comes piece by piece
 * @ctx: OpenSSL's, until gp_hash_end()
 * @error: what went wrong so far: gp_hash_end() says it
 */
struct gp_hashing {
	void *ctx;
	int error;
};

void gp_hash_begin(struct gp_hashing *h, size_t hash_len);
void gp_hash_add(struct gp_hashing *h, const void *p, size_t len);
/** gp_hash_end() - also where it is not wanted any more: @hash NULL. As gp_hash(). */
int gp_hash_end(struct gp_hashing *h, uint8_t *hash);

/** gp_x963() - X9.63 key derivation with SHA-256 (Amendment F 3.1.2; BSI TR-03111 4.3.3) */
int gp_x963(const uint8_t *secret, size_t secret_len, const struct gp_part *info, size_t n,
	    uint8_t *out, size_t out_len);

/** gp_pad80() - bytes after @len with 80 00 .. up to a multiple of @block (1 to @block more) */
static inline size_t gp_pad80(size_t len, size_t block)
{
	return (len / block + 1) * block;
}

/*
 * Elliptic curves by GlobalPlatform's key parameter reference (tag F0, GPCS B.4.1): 00 P-256,
 * 01 P-384, 02 P-521, 03 brainpoolP256r1, 05 brainpoolP384r1, 07 brainpoolP512r1.
 */

/** gp_ec_size() - bytes of a coordinate; 0 for a curve that is not known */
size_t gp_ec_size(uint8_t curve);
/** gp_ec_hash_len() - the hash for ECDSA on this curve (GPCS B.4.3): 32, 48 or 64 bytes */
size_t gp_ec_hash_len(uint8_t curve);

/**
 * gp_ec_public() - the point that belongs to a private key
 * @priv: gp_ec_size() bytes
 * @point: out: 1 + 2 * gp_ec_size() bytes
 *
 * Return: 0, -EINVAL for a curve that is not known or a key out of range, -EIO.
 */
int gp_ec_public(uint8_t curve, const uint8_t *priv, uint8_t *point);

/**
 * gp_ecdh() - ECKA shared secret (GPCS B.4.4): the x coordinate, gp_ec_size() bytes
 *
 * Return: 0, -EBADMSG for a point that is not on the curve, -EINVAL, -EIO.
 */
int gp_ecdh(uint8_t curve, const uint8_t *priv, const uint8_t *point, size_t point_len,
	    uint8_t *secret);

/**
 * gp_ecdsa_verify() - signature in plain form r || s, hash by gp_ec_hash_len()
 *
 * Return: 0 if it is right, -EBADMSG if not (or the point or the length is none), -EINVAL
 * for a curve that is not known, -EIO.
 */
int gp_ecdsa_verify(uint8_t curve, const uint8_t *point, size_t point_len,
		    const struct gp_part *parts, size_t n, const uint8_t *sig, size_t sig_len);

#endif /* SESAME_GP_CRYPTO_H */
