/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OSCORE: messages protected end to end with a key that both ends have
 * (RFC 8613), and what is needed to go on after a restart (its Appendix B).
 *
 * One struct oscore is one Security Context with one peer, in both roles. It is
 * pure: messages in, messages out; randomness and lasting memory come through
 * struct oscore_ops; no clock, no I/O. One thread per context.
 *
 * How a CoAP endpoint uses it: make the context, give it to the endpoint with
 * coap_endpoint_set_oscore() before the first message, and keep it longer than
 * the endpoint. From then on every request and response of that endpoint is
 * protected, and one that comes unprotected is refused.
 *
 * What lasts. A nonce must never be used twice with one key (7.2.1, B.1.1) and a
 * request must not be taken twice (7.4, B.1.2). Both are kept by writing ahead:
 * before a sequence number is used, or a request with a new one accepted, a mark
 * beyond it is stored, one store for many messages. After a restart sending goes
 * on at the mark; a request from below it is not run but challenged with Echo
 * (RFC 9175) until the peer has shown that it is fresh.
 */
#ifndef SESAME_COAP_OSCORE_H
#define SESAME_COAP_OSCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coap/coap.h"

/** AEAD algorithms: numbers of the IANA registry "COSE Algorithms". */
enum oscore_aead {
	OSCORE_A128GCM = 1,
	OSCORE_A192GCM = 2,
	OSCORE_A256GCM = 3,
	OSCORE_AES_CCM_16_64_128 = 10, /* the default, and what everybody has */
	OSCORE_AES_CCM_16_64_256 = 11,
	OSCORE_AES_CCM_64_64_128 = 12,
	OSCORE_AES_CCM_64_64_256 = 13,
	OSCORE_CHACHA20_POLY1305 = 24,
	OSCORE_AES_CCM_16_128_128 = 30,
	OSCORE_AES_CCM_16_128_256 = 31,
	OSCORE_AES_CCM_64_128_128 = 32,
	OSCORE_AES_CCM_64_128_256 = 33,
};

/** HKDF: the registry's "direct+HKDF" numbers; its HMAC numbers are taken too. */
enum oscore_hkdf {
	OSCORE_HKDF_SHA_256 = -10, /* the default; also 5, HMAC 256/256 */
	OSCORE_HKDF_SHA_512 = -11, /* also 7, HMAC 512/512 */
};

#define OSCORE_OPTION 9		 /* the CoAP option (2) */
#define OSCORE_ECHO 252		 /* and the one of RFC 9175 */
#define OSCORE_SECRET_MAX 64	 /* bytes of a Master Secret or Salt */
#define OSCORE_ID_MAX 7		 /* of a Sender or Recipient ID: nonce length - 6 (3.3) */
#define OSCORE_ID_CONTEXT_MAX 64 /* of an ID Context as configured */
#define OSCORE_STATE_MAX 160	 /* of what oscore_ops.store gets */
#define OSCORE_NAME_LEN 16	 /* of oscore_name() */
#define OSCORE_OVERHEAD 128	 /* a protected message is at most this much longer */
#define OSCORE_SSN_MAX ((1ULL << 40) - 1) /* the last sequence number (7.2.1) */

/** The parameters of 3.1 and 3.2, as the two ends have agreed on them. All is copied. */
struct oscore_config {
	const uint8_t *master_secret; /* 1 to OSCORE_SECRET_MAX bytes */
	size_t master_secret_len;
	const uint8_t *master_salt; /* may be empty */
	size_t master_salt_len;
	const uint8_t *sender_id; /* ours; may be empty; not the same as recipient_id */
	size_t sender_id_len;
	const uint8_t *recipient_id; /* of the peer */
	size_t recipient_id_len;
	bool has_id_context; /* an empty one is not the same as none */
	const uint8_t *id_context;
	size_t id_context_len;
	int32_t aead; /* enum oscore_aead; 0: the default */
	int32_t hkdf; /* enum oscore_hkdf; 0: the default */
	/*
	 * Derive a fresh context with the peer by Appendix B.2 before the first
	 * request of ours, unless stored state was given: for keys whose use
	 * before now is not known. The peer must know B.2 as well.
	 */
	bool rederive;
	bool accept_rederive; /* the peer may begin Appendix B.2 */
};

struct oscore_ops {
	/** Unpredictable bytes. */
	void (*random)(void *ctx, void *buf, size_t len);
	/**
	 * Keep this state (at most OSCORE_STATE_MAX bytes, no key in it) so that
	 * it survives a crash and a power cut before returning; it replaces the
	 * one before. Return: 0, or -errno: then the message that needed it is
	 * neither sent nor accepted.
	 */
	int (*store)(void *ctx, const uint8_t *state, size_t len);
};

struct oscore;

/**
 * oscore_new() - derive a Security Context (3.2).
 * @ops: kept by reference
 * @state: what store got last for a context of this oscore_name(), or NULL when
 *	   there is none: then the key must never have been used before
 * Return: 0; -EINVAL (a length out of range, the IDs equal), -ENOTSUP (an
 * algorithm that is not offered), -EBADMSG (@state is of another context or
 * damaged: do not go on with this key), -ENOMEM, -EIO (OpenSSL).
 */
int oscore_new(struct oscore **op, const struct oscore_config *config,
	       const struct oscore_ops *ops, void *ctx, const uint8_t *state, size_t state_len);

/**
 * oscore_claim() - store a mark of our own now, whatever comes.
 * For stores that tell by what they keep whether somebody else goes on with the same
 * keys: what an earlier context, not freed yet, stores later is not what it left.
 * Return: 0 or what store gave.
 */
int oscore_claim(struct oscore *o);

/** oscore_free() - wipe and free; NULL is fine. Stores the exact state first, so
 * that an orderly restart needs no challenge. */
void oscore_free(struct oscore *o);

/**
 * oscore_name() - what to store the state of this context under: derived from
 * all parameters, tells nothing of the key, the same at every start.
 * Return: 0 or as oscore_new().
 */
int oscore_name(const struct oscore_config *config, uint8_t name[OSCORE_NAME_LEN]);

/** What ties a response to its request (5.4): kept by whoever has the request open. */
struct oscore_binding {
	bool used;	  /* there is one */
	bool nonce_spent; /* the request's nonce served a response: the next needs its own */
	uint8_t kid_len;  /* of the client of this exchange */
	uint8_t piv_len;
	uint8_t kid[OSCORE_ID_MAX];
	uint8_t piv[5];
	uint32_t generation; /* of the keys; B.2 changes them */
	bool challenge;	     /* to be answered by oscore_challenge() instead of being run */
	bool fetch;	     /* the request's outer code was FETCH (4.2) */
	bool first, second;  /* request #1, #2 of Appendix B.2 */
};

/**
 * oscore_protect_request() - (8.1) a request of ours.
 * @m: type, code, mid, token and payload of the request
 * @opts: its options
 * @outer: filled; its payload points into @buf
 * @outer_opts: filled
 * @buf: for the ciphertext
 * @b: filled
 * Return: 0; -EMSGSIZE; -ENOSPC (options); -EOVERFLOW (sequence numbers are used
 * up, 7.2.1: the key must be replaced); what store gave; -EIO.
 */
int oscore_protect_request(struct oscore *o, const struct coap_msg *m,
			   const struct coap_opts *opts, struct coap_msg *outer,
			   struct coap_opts *outer_opts, uint8_t *buf, size_t room,
			   struct oscore_binding *b);

/**
 * oscore_protect_response() - (8.3) our response to the request of @b.
 * @own_piv: with a nonce of our own; notifications always have one. Without it
 *	     the request's nonce serves, once.
 * Else as oscore_protect_request(); -ENOKEY: the keys are not those of the request any
 * more (Appendix B.2), it cannot be answered.
 */
int oscore_protect_response(struct oscore *o, const struct coap_msg *m,
			    const struct coap_opts *opts, bool own_piv, struct coap_msg *outer,
			    struct coap_opts *outer_opts, uint8_t *buf, size_t room,
			    struct oscore_binding *b);

/**
 * oscore_open_request() - (8.2 steps 1 to 6) decrypt a request of the peer. Nothing
 * of the context changes: oscore_accept_request() is what takes it.
 * @m: as received
 * @inner: filled; header and token of @m, values and payload point into @buf (and into @m for
 *	   the options that are not protected)
 * @buf: at least @m's payload long; wipe it after use
 * Return: 0, or the code to refuse it with, unprotected and with Max-Age 0:
 * COAP_401_UNAUTHORIZED (not protected, or for another context),
 * COAP_402_BAD_OPTION (malformed), COAP_400_BAD_REQUEST (does not decrypt); @why
 * is the diagnostic that 8.2 has for it.
 */
int oscore_open_request(struct oscore *o, const struct coap_msg *m, struct coap_msg *inner,
			uint8_t *buf, size_t room, struct oscore_binding *b, const char **why);

/**
 * oscore_accept_request() - (8.2 step 3, 7.4) take an opened request, once.
 * Return: 0 (run it; or, when @b->challenge is set, answer it with
 * oscore_challenge() and do not run it), COAP_401_UNAUTHORIZED (seen before),
 * COAP_503_UNAVAILABLE (store failed).
 */
int oscore_accept_request(struct oscore *o, const struct coap_msg *inner,
			  struct oscore_binding *b, const char **why);

/**
 * oscore_challenge() - the options of the 4.01 that asks for proof of freshness
 * (B.1.2, B.2); to be protected with @own_piv.
 */
int oscore_challenge(struct oscore *o, struct coap_opts *opts);

/**
 * oscore_open_response() - (8.4) decrypt the response to the request of @b.
 * @buf: as in oscore_open_request()
 * Return: 0; -EPROTO (malformed, not protected, or does not decrypt: ignore it);
 * -EKEYREJECTED (an unprotected 4.00, 4.01 or 4.02: the peer says that it does not
 * take our context; not authenticated); -EAGAIN (a step of Appendix B.2: the
 * request is to be protected and sent again).
 */
int oscore_open_response(struct oscore *o, const struct coap_msg *m, struct coap_msg *inner,
			 uint8_t *buf, size_t room, const struct oscore_binding *b);

struct oscore_stats {
	uint64_t protected_, opened; /* messages */
	uint64_t refused;	     /* not protected, malformed, not decryptable */
	uint64_t replays;
	uint64_t challenges;
	uint64_t rederived; /* contexts by B.2 */
};

void oscore_get_stats(const struct oscore *o, struct oscore_stats *st);

/**
 * coap_endpoint_set_oscore() - protect all requests and responses of @ep with @o.
 * Empty messages (ACK, RST, ping) stay as they are (RFC 8613 section 4). Before
 * the first message; @o must live longer than @ep. NULL: not any more.
 */
void coap_endpoint_set_oscore(struct coap_endpoint *ep, struct oscore *o);

#endif
