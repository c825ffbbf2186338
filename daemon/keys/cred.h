/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials by reference (keys/seref.h), made into what TLS takes: an EVP_PKEY whose
 * operations run in the SE, a stand-in for a pre-shared key, certificates read from the SE.
 *
 * The secret stays in the SE. A private key signs there, and agrees on secrets there. Of a
 * pre-shared key the SE computes the master secret of TLS 1.2 (RFC 5246, 8.1; RFC 7627, 4;
 * RFC 4279, 2); that, which is good for one session, comes back. The transport gets 32 bytes
 * in the key's place, which mean the key to the library context that goes with them and are
 * worthless elsewhere; they are the same after a restart (stand-in.key in the state directory).
 *
 * Operations wait for the SE. Within an OpenSSL ASYNC_JOB they do not block: they put an
 * eventfd into its ASYNC_WAIT_CTX and pause the job. Whoever resumes it before that eventfd
 * is readable gives the operation up: it fails, and the handshake with it. So an
 * association that ends in the midst of an operation is resumed once, and then freed.
 */
#ifndef SESAME_KEYS_CRED_H
#define SESAME_KEYS_CRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

struct gp_error;
struct job_store;
struct se_keys;
struct keys_cred_load;
struct keys_pkey;
struct se_psk;

#define KEYS_CRED_PSK_LEN 32 /* of the stand-in */

/**
 * se_keys_new - what keys by reference live on
 * @jobs: where their exchanges go; has to outlive it and all keys of it
 *
 * Its library contexts are made at the first key that is in an SE. Returns 0 or -ENOMEM.
 */
int se_keys_new(struct se_keys **ret, struct job_store *jobs);

/**
 * se_keys_free - NULL is fine
 *
 * Keys, credentials and whatever else (SSL_CTX) was made with its library context
 * have to be gone; loads are to be cancelled before.
 */
void se_keys_free(struct se_keys *k);

/** enum keys_cred_mode - the numbers of resource /0/x/2 */
enum keys_cred_mode {
	KEYS_CRED_PSK = 0,
	KEYS_CRED_RPK = 1,
	KEYS_CRED_X509 = 2,
};

/** struct keys_value - the value of a resource; bytes or a reference */
struct keys_value {
	const uint8_t *data;
	size_t len;
};

/**
 * struct keys_cred_request - resources of a Security instance (object 0)
 * @own: /0/x/3: RPK: our SubjectPublicKeyInfo, X.509: our certificate; PSK: not used (an
 *	identity is never a reference). May be empty with RPK and a key in the SE: then the
 *public key with the identifier of the private one is taken
 * @server: /0/x/4
 * @secret: /0/x/5
 * @trusted: they are from the local configuration, see seref_parse()
 */
struct keys_cred_request {
	enum keys_cred_mode mode;
	struct keys_value own, server, secret;
	bool trusted;
};

/**
 * struct keys_cred - the same with references resolved; owned by whoever got it
 * @psk, @psk_len: PSK: the stand-in, or the value itself if it was no reference
 * @key: RPK, X.509: a private key by reference, else NULL (then @secret of the request is
 *	the key itself, for coap_private_key())
 * @own: RPK: SubjectPublicKeyInfo, X.509: certificates, DER one behind the other
 * @server: like /0/x/4
 * @libctx: to make the SSL_CTX with; NULL where there was no reference to an SE.
 *	Lives as long as struct se_keys
 * @token, @stand_in: what has to live as long, of our own
 * @async: it has operations that wait for an SE: have the handshake run as an ASYNC_JOB
 */
struct keys_cred {
	uint8_t *psk;
	size_t psk_len;
	EVP_PKEY *key;
	uint8_t *own;
	size_t own_len;
	uint8_t *server;
	size_t server_len;
	OSSL_LIB_CTX *libctx;
	bool async;
	struct keys_pkey *token;
	struct se_psk *stand_in;
};

/**
 * keys_cred_done_t - a load is over
 * @error: 0, or with @err: as keys_cred_start(), and -ENOENT (no such object), -EIO (the SE
 *	answered something else), -EKEYREJECTED (certificate and private key do not
 *	belong together), or of job/job-exchange.h
 * @cred: with 0: to be kept until keys_cred_clear(); may be moved
 */
typedef void (*keys_cred_done_t)(void *userdata, int error, const struct gp_error *err,
				 struct keys_cred *cred);

/**
 * keys_cred_start - resolve the references
 * @ret: out: for keys_cred_cancel(); NULL when @done was called already, which happens where
 *	no SE has to be asked
 *
 * @done comes from job_store_dispatch() else. A PKCS#11 module is asked here and now.
 * Returns 0: @done was or will be called. -EINVAL (bad reference, or one that its
 * place cannot have), -EACCES, -ENODEV (no such SE), -ENOMEM: it will not.
 */
int keys_cred_start(struct se_keys *k, const struct keys_cred_request *req,
		    keys_cred_done_t done, void *userdata, struct keys_cred_load **ret,
		    struct gp_error *err);

/** keys_cred_cancel - @done is not called any more */
void keys_cred_cancel(struct keys_cred_load *load);

/** keys_cred_clear - free what is in it; for a struct of zeros too */
void keys_cred_clear(struct keys_cred *cred);

#endif /* SESAME_KEYS_CRED_H */
