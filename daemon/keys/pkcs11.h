/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in a PKCS#11 token. A static key never leaves it: what a secure channel
 * needs of one is computed inside, through the ops of struct gp_key (CKM_AES_CMAC
 * for SCP03's derivations, CKM_AES_CBC and CKM_DES3_CBC for the rest). Session
 * keys are derived values and lie in our memory.
 *
 * A URI (RFC 7512) names one object, or with its object= the start of the label of
 * several (see keys/source.h, sesame-keys(5)). Of its parts these are used: token,
 * manufacturer, serial, model, library-*, slot-*, object, id; and of the query
 * pin-source (a file of mode 0600, "file:/path" or "/path"), module-path and
 * module-name. pin-value is refused: it would be a secret in an argument.
 */
#ifndef SESAME_KEYS_PKCS11_H
#define SESAME_KEYS_PKCS11_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_pkey_st; /* EVP_PKEY */
struct gp_error;
struct gp_key;

struct pkcs11; /* the modules and sessions that a ring of keys uses */

/**
 * pkcs11_new - nothing is loaded before the first URI
 *
 * Returns 0 or -ENOMEM.
 */
int pkcs11_new(struct pkcs11 **ret);

/** pkcs11_free - log out, close, unload. The keys of it must be gone. */
void pkcs11_free(struct pkcs11 *p);

/**
 * pkcs11_uri_check - is @uri one that we take? Loads nothing.
 *
 * Returns 0 or -EINVAL with words.
 */
int pkcs11_uri_check(const char *uri, struct gp_error *err);

/**
 * pkcs11_uri_query - an attribute of the URI's query that the standard leaves to us
 *
 * Returns 1 with @value, 0 if it is not there, -EINVAL.
 */
int pkcs11_uri_query(const char *uri, const char *name, char *value, size_t room);

/** pkcs11_uri_object - the label in it. Returns 0; -ENOENT: it has none; -EINVAL. */
int pkcs11_uri_object(const char *uri, char *label, size_t room);

/**
 * pkcs11_secret - find a secret key
 * @uri: names it
 * @suffix: appended to the URI's object label, or NULL
 * @key: out: type, length and ops; valid until pkcs11_free()
 *
 * Errors: -ENOENT (no such module, token or object), -ENOTUNIQ (several objects
 * fit), -EKEYREJECTED (PIN refused: it is tried once and never again with this @p),
 * -EINVAL (not a DES or AES key of a length that we know), -EIO.
 */
int pkcs11_secret(struct pkcs11 *p, const char *uri, const char *suffix, struct gp_key *key,
		  struct gp_error *err);

#endif /* SESAME_KEYS_PKCS11_H */
