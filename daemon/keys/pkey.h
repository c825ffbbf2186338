/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA and EC keys: from PEM files, or in a token behind OpenSSL's pkcs11 provider
 * (Debian: pkcs11-provider), where a private key stays.
 */
#ifndef SESAME_KEYS_PKEY_H
#define SESAME_KEYS_PKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/scp.h"

struct evp_pkey_st;	/* EVP_PKEY */
struct ossl_lib_ctx_st; /* OSSL_LIB_CTX */
struct ossl_provider_st;

/**
 * struct keys_pkey - a key, and what it lives on
 * @pkey: the key
 * @private_key: it can sign
 * @ctx: NULL for a key from a file; as the next two
 * @token: the pkcs11 provider
 * @base: the default one
 */
struct keys_pkey {
	struct evp_pkey_st *pkey;
	bool private_key;
	struct ossl_lib_ctx_st *ctx;
	struct ossl_provider_st *token;
	struct ossl_provider_st *base;
};

/**
 * keys_pkey_load - a private key, or a public one or a certificate's
 * @where: path of a PEM file, or a PKCS#11 URI
 * @private_key: a private key is needed; its file must be for its owner only
 *
 * A key under a passphrase is refused: nobody is there to ask. Errors: those of
 * keys_read_file(); -EINVAL (holds no such key), -ENOENT (not in the token), -ENOPKG (no
 * pkcs11 provider in OpenSSL).
 */
int keys_pkey_load(struct keys_pkey *k, const char *where, bool private_key,
		   struct gp_error *err);

/** keys_pkey_clear - free it; for a struct of zeros too */
void keys_pkey_clear(struct keys_pkey *k);

/**
 * keys_pkey_point - the public point and the curve of an EC key
 * @curve: out: GlobalPlatform's number for it, gp/crypto.h
 * @point: out: uncompressed
 *
 * Returns 0, or -EINVAL: not an EC key, or of another curve.
 */
int keys_pkey_point(const struct keys_pkey *k, uint8_t *curve, uint8_t point[GP_EC_POINT_MAX],
		    size_t *len, struct gp_error *err);

/**
 * keys_pkey_ec - an EC private key as gp/ wants it
 *
 * @key computes with @k, which has to outlive it. Returns 0 or -EINVAL.
 */
int keys_pkey_ec(struct keys_pkey *k, struct gp_ec_key *key, struct gp_error *err);

#endif /* SESAME_KEYS_PKEY_H */
