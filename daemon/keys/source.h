/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where keys come from. One syntax, for sectl's options and for semd.conf:
 *
 *	file:PATH		a key set file, sesame-keys(5); PATH alone is the same
 *	fd:N			the same text, read to its end from a descriptor
 *	credential:NAME		the same text, from $CREDENTIALS_DIRECTORY/NAME
 *	pkcs11:URI		keys that stay in a token (RFC 7512); sesame-keys(5)
 *	default			40 41 … 4F three times, which everybody knows
 *
 * A source never is a key: no value is accepted in an argument, in the
 * environment or in a plan.
 *
 * A struct keys is the ring of all key sets that were loaded. Its secrets lie in
 * pages of their own that are locked into memory as far as the limits allow,
 * left out of core dumps and not inherited by a child; they are cleared by
 * keys_free() and on every error. One thread at a time may change a ring; any
 * number may read it (keys in a token are locked inside).
 */
#ifndef SESAME_KEYS_SOURCE_H
#define SESAME_KEYS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_pkey_st;	/* EVP_PKEY */
struct ossl_lib_ctx_st; /* OSSL_LIB_CTX */
struct gp_error;
struct gp_key;
struct gp_keyset;
struct gp_scp11_keyset;

#define KEYS_MAX 64	     /* key sets, and single keys, in one ring */
#define KEYS_NAME_MAX 32     /* with the NUL; letters, digits, '-', '_', '.' */
#define KEYS_FILE_MAX 65536  /* bytes of a key set file */
#define KEYS_CERTS_MAX 16384 /* bytes of a certificate chain, or of a PEM file */
#define KEYS_DEFAULT_NAME "default"

struct keys;

/** enum keys_use - what a single key ([key NAME]) is for */
enum keys_use {
	KEYS_USE_TOKEN,	  /* delegated management tokens, GPCS C.4 */
	KEYS_USE_RECEIPT, /* confirmations, GPCS C.5 */
	KEYS_USE_DAP,	  /* load file data block signatures, GPCS C.3 */
};

/**
 * struct keys_single - one [key NAME]: of tokens, receipts or DAP blocks
 * @name: unique among single keys
 * @use: what it is for
 * @kvn: key version number on the card, 0 if not said
 * @kid: key identifier on the card, 0 if not said
 * @pkey: an RSA or EC key, public or private; NULL if @secret is set
 * @ctx: library context of @pkey if it is in a token, else NULL; for struct gp_signer
 * @private_key: @pkey can sign
 * @secret: a DES or AES key; NULL if @pkey is set
 */
struct keys_single {
	char name[KEYS_NAME_MAX];
	enum keys_use use;
	uint8_t kvn;
	uint8_t kid;
	struct evp_pkey_st *pkey;
	struct ossl_lib_ctx_st *ctx;
	bool private_key;
	const struct gp_key *secret;
};

/**
 * keys_new - an empty ring
 *
 * Returns 0 or -ENOMEM. A limit on locked memory is not an error; see
 * keys_locked().
 */
int keys_new(struct keys **ret);

/** keys_free - clear and free it, close the tokens. NULL is fine. */
void keys_free(struct keys *k);

/**
 * keys_add - load a source
 * @spec: as above
 * @as: NULL: all that the source has, under the names it has there. Else
 *	exactly one key set is taken: the one of this name, or the only one
 *	there is, and it gets this name ([keyset NAME] of semd.conf)
 * @err: what was wrong, with file:line; never a part of a value
 *
 * All or nothing: after an error the ring is as it was. Errors:
 * -EINVAL	the syntax of @spec or of the file
 * -ENOENT	no such file, credential, token or object, no key set @as
 * -EACCES	others may read the file (mode, owner, or it is a symbolic link
 *		that somebody else may have put there)
 * -EEXIST	the ring has this name already
 * -EFBIG	the file or the number of sets is above its limit
 * -EKEYREJECTED	the token refused the PIN; it is tried once per keys_add()
 * -EIO		the token or the file cannot be read
 */
int keys_add(struct keys *k, const char *spec, const char *as, struct gp_error *err);

/**
 * keys_spec_check - is @spec of the right form? Reads nothing.
 *
 * For semd.conf and for options, before anything is opened. Returns 0 or -EINVAL
 * with words.
 */
int keys_spec_check(const char *spec, struct gp_error *err);

/** keys_count - how many symmetric and SCP11 key sets the ring has */
size_t keys_count(const struct keys *k);

/**
 * keys_name_at - name of the @i-th key set, in the order of loading
 *
 * NULL beyond the last one. Owned by the ring.
 */
const char *keys_name_at(const struct keys *k, size_t i);

/**
 * keys_find - a symmetric key set
 * @name: its name; NULL for the only key set of the ring
 *
 * Owned by the ring and unchanged until keys_free(). NULL if there is none, if it
 * is an SCP11 one, or if @name is NULL and there are several.
 */
const struct gp_keyset *keys_find(const struct keys *k, const char *name);

/** keys_find_scp11 - the same for an SCP11 key set (type=scp11a, scp11b or scp11c) */
const struct gp_scp11_keyset *keys_find_scp11(const struct keys *k, const char *name);

/**
 * keys_sets - all symmetric key sets, to look for the one that fits a card
 * @n: out: their number
 *
 * An array owned by the ring, valid until the next keys_add().
 */
const struct gp_keyset *const *keys_sets(const struct keys *k, size_t *n);

/**
 * keys_single - a single key
 * @name: its name; NULL for the only one with @use
 *
 * NULL if there is none such.
 */
const struct keys_single *keys_single(const struct keys *k, enum keys_use use,
				      const char *name);

/** keys_where - "PATH:LINE" of a key set, or its source's spec; "" if unknown */
const char *keys_where(const struct keys *k, const char *name);

/** keys_locked - are the secrets locked into memory (RLIMIT_MEMLOCK allowed it)? */
bool keys_locked(const struct keys *k);

/**
 * keys_harden_process - no core dump and no debugger of another user from here on
 *
 * Session keys are derived into ordinary memory: a program that opens secure
 * channels calls this once at its start (PR_SET_DUMPABLE, RLIMIT_CORE). Returns 0
 * or a negative errno.
 */
int keys_harden_process(void);

#endif /* SESAME_KEYS_SOURCE_H */
