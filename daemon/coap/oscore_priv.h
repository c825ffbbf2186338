/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of OSCORE; nobody else includes this. */
#ifndef SESAME_COAP_OSCORE_PRIV_H
#define SESAME_COAP_OSCORE_PRIV_H

#include <openssl/evp.h>

#include "coap/oscore.h"

#define OSCORE_KEY_MAX 32
#define OSCORE_NONCE_MAX 13
#define OSCORE_PIV_MAX 5
/* an ID Context as Appendix B.2 makes them: R2 || ID1; bounded, as R2 is the peer's choice */
#define OSCORE_CTXID_MAX 96
#define OSCORE_R_LEN 8 /* of the random parts that we contribute to B.2 */
#define OSCORE_AAD_MAX 64

/** One row of the AEAD algorithms. */
struct oscore_alg {
	int32_t id;
	const char *cipher; /* OpenSSL's name */
	uint8_t key, nonce, tag;
	bool ccm;
};

/** What is derived from the parameters and one ID Context (3.2.1). */
struct oscore_keys {
	bool has_id_context;
	uint8_t id_context_len;
	uint8_t id_context[OSCORE_CTXID_MAX];
	uint8_t sender[OSCORE_KEY_MAX];
	uint8_t recipient[OSCORE_KEY_MAX];
	uint8_t iv[OSCORE_NONCE_MAX];
};

/** The parameters of 3.1, checked and copied. */
struct oscore_params {
	const struct oscore_alg *alg;
	const char *digest;
	size_t secret_len, salt_len, sid_len, rid_len;
	uint8_t secret[OSCORE_SECRET_MAX];
	uint8_t salt[OSCORE_SECRET_MAX];
	uint8_t sid[OSCORE_ID_MAX];
	uint8_t rid[OSCORE_ID_MAX];
	bool has_id_context;
	size_t id_context_len;
	uint8_t id_context[OSCORE_ID_CONTEXT_MAX];
};

/** Where the client's side of Appendix B.2 is. */
enum oscore_phase {
	OSCORE_SETTLED,
	OSCORE_ASKING,	   /* requests are request #1, with ID1 */
	OSCORE_CONFIRMING, /* requests are request #2, with R2 || R3 */
};

struct oscore {
	const struct oscore_ops *ops;
	void *ctx;
	struct oscore_params p;
	EVP_CIPHER *cipher;
	bool rederive, accept_rederive;
	uint8_t name[OSCORE_NAME_LEN];

	struct oscore_keys keys;
	uint32_t generation;

	uint64_t ssn, ssn_limit; /* next to use; first that the store does not cover */

	/* replay window (7.4): bit n of @seen is @top - n; @any: something was seen */
	bool any;
	uint64_t top, seen;
	uint64_t recv_limit; /* first that the store does not count as seen */
	bool exact;	     /* what is stored is exact: it must be overtaken before a change */
	bool recovering;     /* B.1.2: below recv_limit it is not known what was seen */
	uint8_t echo[8];

	enum oscore_phase phase; /* as a client */
	bool has_r2;		 /* as a server: request #1 was answered */
	uint8_t r2[OSCORE_R_LEN];
	struct oscore_keys next; /* of the step of B.2 that is being made */
	struct oscore_stats st;
};

/** The value of the OSCORE option (6.1). Pointers are into it. */
struct oscore_option {
	const uint8_t *piv, *kid, *kid_context;
	size_t piv_len, kid_len, kid_context_len;
	bool has_kid, has_kid_context;
};

/* oscore_crypto.c */

/** oscore_alg_find() - NULL: not offered. */
const struct oscore_alg *oscore_alg_find(int32_t id);
/** oscore_digest_find() - OpenSSL's name of the hash of an HKDF; NULL: not offered. */
const char *oscore_digest_find(int32_t id);
/** oscore_kdf() - HKDF of the Master Secret with Salt. Return: 0 or -EIO. */
int oscore_kdf(const struct oscore_params *p, const uint8_t *info, size_t info_len,
	       uint8_t *out, size_t len);
/** oscore_derive() - the keys for an ID Context. Return: 0, -EINVAL (too long), -EIO. */
int oscore_derive(const struct oscore_params *p, struct oscore_keys *k, bool has_id_context,
		  const uint8_t *id_context, size_t id_context_len);
/** oscore_nonce() - 5.2. */
void oscore_nonce(const struct oscore_alg *alg, const struct oscore_keys *k, const uint8_t *id,
		  size_t id_len, const uint8_t *piv, size_t piv_len,
		  uint8_t nonce[OSCORE_NONCE_MAX]);
/** oscore_aad() - the Enc_structure of 5.4. Return: length. */
size_t oscore_aad(const struct oscore_alg *alg, const struct oscore_binding *b,
		  uint8_t aad[OSCORE_AAD_MAX]);
/**
 * oscore_seal(), oscore_open() - the AEAD; in place is fine. The ciphertext is as
 * much longer as the tag.
 * Return: length, -EIO; oscore_open(): -EBADMSG when it does not verify.
 */
int oscore_seal(const struct oscore *o, const uint8_t *key, const uint8_t *nonce,
		const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
		uint8_t *out);
int oscore_open(const struct oscore *o, const uint8_t *key, const uint8_t *nonce,
		const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
		uint8_t *out);
/** oscore_put_bstr() - a CBOR byte string of at most 255 bytes. Return: its length. */
size_t oscore_put_bstr(uint8_t *out, const void *data, size_t len);
/** oscore_get_bstr() - take one apart that fills @len exactly. Return: 0 or -EBADMSG. */
int oscore_get_bstr(const uint8_t *in, size_t len, const uint8_t **data, size_t *data_len);

/* oscore_msg.c */

/** oscore_option_decode() - Return: 0 or -EBADMSG. */
int oscore_option_decode(struct oscore_option *opt, const uint8_t *val, size_t len);
/** oscore_option_encode() - Return: length, -ENOSPC. */
int oscore_option_encode(const struct oscore_option *opt, uint8_t *val, size_t room);
/**
 * oscore_split() - the two halves of a message to be protected (4.1): @outer_opts get the
 * options that stay readable, the plaintext (5.3) goes to @buf.
 * @notification: a response with Observe
 * Return: length of the plaintext, -EMSGSIZE, -ENOSPC.
 */
int oscore_split(const struct coap_msg *m, const struct coap_opts *opts,
		 struct coap_opts *outer_opts, uint8_t *buf, size_t room);
/**
 * oscore_join() - the message of a plaintext at @buf + 3 and the readable options of @outer.
 * Return: 0 or -EBADMSG.
 */
int oscore_join(const struct coap_msg *outer, uint8_t *buf, size_t plain_len,
		struct coap_msg *inner);

/* oscore_state.c */

/** oscore_load() - take up stored state; keys are derived. Return: 0, -EBADMSG, -EIO. */
int oscore_load(struct oscore *o, const uint8_t *state, size_t len);
/** oscore_save() - store with these marks. Return: 0 or what the store gave. */
int oscore_save(struct oscore *o, uint64_t ssn_limit, uint64_t recv_limit, bool exact);
/** oscore_take_ssn() - the next sequence number of ours. Return: 0, -EOVERFLOW, store's. */
int oscore_take_ssn(struct oscore *o, uint8_t piv[OSCORE_PIV_MAX], uint8_t *piv_len);
/** oscore_seen() - whether the window has it, or is beyond it. */
bool oscore_seen(const struct oscore *o, uint64_t piv);
/** oscore_see() - put it into the window. Return: 0 or what the store gave. */
int oscore_see(struct oscore *o, uint64_t piv);
/** oscore_window_reset() - nothing was seen under these keys. */
void oscore_window_reset(struct oscore *o);

#endif
