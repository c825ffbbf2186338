/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signature schemes that DAP blocks, tokens and receipts share (GPCS 2.3.1, table
 * C-1). Which one is used follows from kind and length of the key alone:
 *
 *   DES, 16 bytes      retail MAC, 8 bytes (B.1.2.2)
 *   AES                CMAC, 16 bytes (B.2.2)
 *   RSA, 1024 bits     RSASSA-PKCS1-v1_5 with SHA-1 (B.3.1.1)
 *   RSA, longer        RSASSA-PSS with SHA-256, salt of 32 bytes (B.3.2.1)
 *   EC, 256 bits up    ECDSA, SHA-256/384/512 by length, plain r || s (B.4.3)
 */
#ifndef SESAME_GP_SIGN_H
#define SESAME_GP_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/error.h"
#include "gp/key.h"

struct evp_pkey_st;	/* OpenSSL's EVP_PKEY */
struct ossl_lib_ctx_st; /* and OSSL_LIB_CTX */

/* the longest signature: RSA of 4096 bits */
#define GP_SIGN_MAX 512

/**
 * struct gp_signer - a key to sign or verify with; one of the two is set
 * @pkey: RSA or EC; private to sign, private or public to verify. May live in a token
 *	behind an OpenSSL provider. The caller's
 * @ctx: library context that @pkey was loaded in; NULL: the default one. A key in a token has
 *	its own, and signs in no other
 * @key: DES or AES. The caller's
 * @pkcs1: RSA longer than 1024 bits: with PKCS#1 v1.5 and SHA-256 all the same, as some
 *	cards want. What the specification says is false
 */
struct gp_signer {
	struct evp_pkey_st *pkey;
	struct ossl_lib_ctx_st *ctx;
	const struct gp_key *key;
	bool pkcs1;
};

/**
 * gp_sign_size() - bytes of a signature by this key
 *
 * Return: 1 to GP_SIGN_MAX; -EINVAL for a key that has no scheme (both or none set,
 * another algorithm, RSA below 1024 or above 4096 bits, EC below 256 bits, 8-byte DES).
 */
int gp_sign_size(const struct gp_signer *s);

/**
 * gp_sign_digest() - bytes of the hash that the scheme has inside: 20 to 64; 0 for a MAC
 *
 * Return: that, or -EINVAL as gp_sign_size().
 */
int gp_sign_digest(const struct gp_signer *s);

/** gp_sign_scheme() - the scheme in words, for people: "RSA 2048, PSS with SHA256"; or NULL */
const char *gp_sign_scheme(const struct gp_signer *s, char *room, size_t size);

/**
 * gp_sign() - sign (@data, @len)
 * @sig: out
 * @sig_len: out
 *
 * Return: 0; -EINVAL as gp_sign_size(); -EACCES if the key is only public; -EIO if the
 * signer failed, say a token that was pulled; -ENOMEM. @err has it in words.
 */
int gp_sign(const struct gp_signer *s, const uint8_t *data, size_t len,
	    uint8_t sig[GP_SIGN_MAX], size_t *sig_len, struct gp_error *err);

/**
 * gp_verify() - is (@sig, @sig_len) this key's signature over (@data, @len)?
 *
 * MACs are compared in constant time.
 *
 * Return: 0 yes; -EBADMSG no; -EINVAL, -EIO, -ENOMEM as gp_sign().
 */
int gp_verify(const struct gp_signer *s, const uint8_t *data, size_t len, const uint8_t *sig,
	      size_t sig_len, struct gp_error *err);

#endif /* SESAME_GP_SIGN_H */
