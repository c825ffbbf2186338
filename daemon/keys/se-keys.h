/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of keys in the SE: what keys/cred.h, its provider for keys (se-pkey.c, se-sign.c)
 * and its provider for the PRF (se-psk.c) share.
 *
 * Two library contexts: keys live in one of their own, so that nothing else is ever fetched
 * from their provider by chance; TLS is made with the other, in which TLS1-PRF is ours and all
 * the rest OpenSSL's.
 */
#ifndef SESAME_KEYS_SE_KEYS_H
#define SESAME_KEYS_SE_KEYS_H

#include <pthread.h>

#include <openssl/core.h>
#include <openssl/types.h>

#include "keys/cred.h"
#include "keys/keyop.h"

#define SE_KEYS_TIMEOUT_MS 10000
#define SE_KEYS_ORIGIN "daemon:keys"
#define SE_KEYS_PROVIDER "sesame-keys"
#define SE_PRF_PROVIDER "sesame-prf"
/* parameter of EVP_PKEY_fromdata(): struct se_key_source, as octets */
#define SE_KEYS_PARAM "sesame-source"

/** struct se_psk - a stand-in and what it stands for */
struct se_psk {
	struct se_psk *next;
	struct se_keys *keys;
	uint8_t stand_in[KEYS_CRED_PSK_LEN];
	struct seref ref;
};

struct se_keys {
	struct job_store *jobs;
	bool ready;
	OSSL_LIB_CTX *own, *tls;
	OSSL_PROVIDER *own_base, *own_keys, *tls_base, *tls_prf;
	uint8_t secret[32];   /* that stand-ins are made of */
	pthread_mutex_t lock; /* over @psks */
	struct se_psk *psks;
};

/** struct se_key_source - what an EVP_PKEY is made from */
struct se_key_source {
	struct se_keys *keys;
	struct seref ref;
};

/**
 * enum se_keys_reason - why an operation failed, for OpenSSL's error queue
 */
enum se_keys_reason {
	SE_KEYS_FAILED = 100,
	SE_KEYS_GONE,
	SE_KEYS_SLOW,
	SE_KEYS_ABSENT,
	SE_KEYS_FORBIDDEN,
	SE_KEYS_REFUSED,
	SE_KEYS_GIVEN_UP,
	SE_KEYS_NO_WAY,
};

/** se_keys_raise - onto OpenSSL's error queue; returns 0, as its call backs do then */
int se_keys_raise(enum se_keys_reason reason);

/**
 * se_keys_compute - have the SE do it, and wait: see keys/cred.h about ASYNC_JOBs
 * @out: @len bytes, exactly as many as the operation gives
 *
 * Returns 1, or 0 with a reason on OpenSSL's error queue.
 */
int se_keys_compute(struct se_keys *k, enum keyop_kind kind, const struct seref *ref,
		    const uint8_t *in, size_t in_len, uint8_t *out, size_t len);

/** se_keys_pkey_init, se_keys_prf_init - OSSL_provider_init_fn of the two providers */
OSSL_provider_init_fn se_keys_pkey_init, se_keys_prf_init;

/** se_keys_prf_bind - whose stand-ins the PRF of this provider looks at. 0 or -EIO */
int se_keys_prf_bind(OSSL_PROVIDER *prov, struct se_keys *k);

/** se_psk_find - what this stand-in is for; false if it is none */
bool se_psk_find(struct se_keys *k, const uint8_t *stand_in, struct seref *ref);
/** se_psk_within - is there a stand-in anywhere in these bytes? */
bool se_psk_within(struct se_keys *k, const uint8_t *p, size_t len);

/** se_keys_begin - library contexts and all, at the first key in an SE. 0 or -EIO */
int se_keys_begin(struct se_keys *k);

/** se_psk_begin - read or make the secret of the stand-ins. 0 or -EIO */
int se_psk_begin(struct se_keys *k);
/** se_psk_new - a stand-in; NULL for want of memory */
struct se_psk *se_psk_new(struct se_keys *k, const struct seref *ref);
/** se_psk_drop - it is worth nothing from here on */
void se_psk_drop(struct se_psk *psk);

/** what se-pkey.c's provider has of se-sign.c */
extern const OSSL_ALGORITHM se_keys_signatures[], se_keys_exchanges[];

/** struct se_key - an EVP_PKEY's content; @source.keys is NULL for a public key */
struct se_key {
	unsigned int refs; /* atomic */
	struct se_key_source source;
	bool has_point;
	uint8_t point[KEYOP_POINT];
};

struct se_key *se_key_ref(struct se_key *key);
void se_key_unref(struct se_key *key);

#endif /* SESAME_KEYS_SE_KEYS_H */
