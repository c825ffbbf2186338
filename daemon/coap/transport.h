/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What carries CoAP to one peer: UDP, DTLS 1.2, TCP or TLS, secured by a
 * pre-shared key, raw public keys or certificates on OpenSSL. Non-blocking,
 * event driven, one thread: the owner watches coap_transport_fd() for
 * coap_transport_events() and the time of coap_transport_deadline().
 */
#ifndef SESAME_COAP_TRANSPORT_H
#define SESAME_COAP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

struct coap_transport;
struct stack_st_X509; /* openssl/x509.h */

enum coap_transport_kind {
	COAP_TRANSPORT_UDP,  /* coap:// */
	COAP_TRANSPORT_DTLS, /* coaps:// */
	COAP_TRANSPORT_TCP,  /* coap+tcp://, RFC 8323 */
	COAP_TRANSPORT_TLS,  /* coaps+tcp:// */
};

/**
 * coap_transport_scheme() - the kind that a URI asks for, by its scheme.
 * Return: length of "scheme://" in @uri, or -EINVAL when it is none of the four.
 */
int coap_transport_scheme(const char *uri, enum coap_transport_kind *kind);
/** Whether it secures what it carries (DTLS, TLS). */
bool coap_transport_secure(enum coap_transport_kind kind);
/** Whether it is a byte stream (TCP, TLS): struct coap_config::stream goes with it. */
bool coap_transport_stream(enum coap_transport_kind kind);

#define COAP_PSK_MAX 64		  /* bytes of a pre-shared key */
#define COAP_PSK_IDENTITY_MAX 128 /* bytes of its identity */

enum coap_auth { COAP_AUTH_NONE, COAP_AUTH_PSK, COAP_AUTH_RPK, COAP_AUTH_X509 };

/** LwM2M's Certificate Usage (/0/x/15), which is that of RFC 6698. */
enum coap_cert_usage {
	COAP_CERT_CA_CONSTRAINT = 0,	  /* @server is a CA on a path that the trust store
					   * approves */
	COAP_CERT_SERVICE_CONSTRAINT = 1, /* @server is the server's, and approved too */
	COAP_CERT_TRUST_ANCHOR = 2,	  /* @server is the anchor itself, no trust store */
	COAP_CERT_DOMAIN_ISSUED = 3,	  /* @server is the server's, nothing else counts:
					   * neither name nor dates */
};

/** How @server is compared (/0/x/13). */
enum coap_cert_match {
	COAP_CERT_EXACT = 0,
	COAP_CERT_SHA256 = 1,
	COAP_CERT_SHA384 = 2,
	COAP_CERT_SHA512 = 3,
};

/**
 * Who we are and whom we trust. Bytes are copied, of @key and @libctx a
 * reference is kept (the latter must outlive the transport).
 *
 * A @key may be one whose operations run elsewhere (in an SE, through a
 * provider). With @async the handshake runs as an OpenSSL ASYNC_JOB: such an
 * operation, and @psk, may put a file descriptor into ASYNC_get_wait_ctx() and
 * call ASYNC_pause_job(); the transport then watches that descriptor until it is
 * readable and goes on. Without it they block the caller of the transport.
 */
struct coap_credentials {
	enum coap_auth auth;

	/* PSK */
	const char *psk_identity; /* 1 to COAP_PSK_IDENTITY_MAX bytes of UTF-8 */
	const uint8_t *psk_key;	  /* 1 to COAP_PSK_MAX bytes; wiped at close */
	size_t psk_key_len;
	/**
	 * Instead of psk_key: asked in each full handshake. Return: bytes written
	 * to @key (wiped after use), or -errno, which ends the handshake.
	 */
	int (*psk)(void *ctx, uint8_t *key, size_t room);
	void *psk_ctx;

	/* RPK, X.509 */
	EVP_PKEY *key;	     /* ours, private */
	const uint8_t *cert; /* X.509: ours, DER or PEM, the issuers' behind it */
	size_t cert_len;
	const uint8_t *server; /* RPK: SubjectPublicKeyInfo (DER). X.509: certificate
				* (DER, PEM) or its digest; none: the trust store alone
				* decides */
	size_t server_len;
	enum coap_cert_usage usage;
	enum coap_cert_match match;
	const char *trust; /* file (PEM) or folder (hashed names) for usages 0 and 1;
			    * NULL: the system's */
	const char *sni;   /* NULL: the host if it is a name. The name in the certificate
			    * must be this one */
	bool async;
	OSSL_LIB_CTX *libctx; /* of @key; NULL: the default one */

	/* IANA numbers in order of preference (/0/x/16); none: those of LwM2M and a few
	 * that have become customary since */
	const uint16_t *suites;
	size_t n_suites;
};

/**
 * coap_private_key() - a private key as /0/x/5 holds it: PKCS#8 or SEC 1, DER or
 * PEM without a pass phrase.
 * Return: 0, -EINVAL (none of these), -ENOMEM. *key is the caller's.
 */
int coap_private_key(const uint8_t *data, size_t len, EVP_PKEY **key);

/**
 * coap_certificates() - certificates one behind the other, DER or PEM, at most ten
 * @list: X509s are pushed to it, which are the caller's
 * Return: how many, -EINVAL (none, or damage behind the last), -ENOMEM.
 */
int coap_certificates(const uint8_t *data, size_t len, struct stack_st_X509 *list);

/** Call backs; all but @datagram optional. None may close the transport: note
 * it down and close after coap_transport_ready()/_tick()/_send() returned. */
struct coap_transport_handler {
	/** The association stands: messages can be sent (UDP: from the first
	 * coap_transport_tick() or _ready() on). @resumed: the session of before
	 * was taken up again. */
	void (*up)(void *ctx, bool resumed);
	/** One datagram; of a stream, the next bytes. */
	void (*datagram)(void *ctx, const uint8_t *data, size_t len);
	/**
	 * A problem; @what names host, port, phase and reason.
	 * @fatal: the association is gone, only close is left. Else (ICMP on UDP)
	 * it is worth telling coap_unreachable(), and the transport goes on.
	 */
	void (*problem)(void *ctx, int error, const char *what, bool fatal);
	/** There is a new session that coap_transport_session() gives: after up(), and
	 * whenever the server renews it. */
	void (*session)(void *ctx);
};

/** Where to, and how; all of it is copied. */
struct coap_transport_config {
	enum coap_transport_kind kind;
	const char *host;      /* name or numeric address, IPv6 without brackets */
	const char *port;      /* number or service; NULL: 5683 or 5684 */
	const char *bind_host; /* numeric; NULL: any */
	const char *bind_port; /* NULL: any; a fixed one keeps our address over restarts */
	struct coap_credentials credentials; /* of DTLS and TLS */
	/* of an earlier life, from coap_transport_session(); one that does not fit (other
	 * peer, other credentials, too old) is dropped without a word */
	const uint8_t *session;
	size_t session_len;
	uint32_t handshake_timeout_ms; /* name, connection and handshake; 0: 30 s */
};

/**
 * coap_transport_open() - resolve the name, open the socket, begin the handshake.
 * A name (not a numeric address) is resolved in the background; that it does
 * not exist or leads nowhere comes as a fatal problem then.
 * @why: room for a message that says what failed and what to try; may be NULL
 * Return: 0; -EINVAL, -EADDRNOTAVAIL, -EADDRINUSE, another -errno.
 */
int coap_transport_open(struct coap_transport **tp, const struct coap_transport_config *config,
			const struct coap_transport_handler *handler, void *ctx, uint64_t now,
			char *why, size_t why_room);

/** coap_transport_close() - close_notify if there is a session; frees. NULL is fine. */
void coap_transport_close(struct coap_transport *t);

/**
 * coap_transport_reopen() - a new association to the same peer on a new
 * socket, resuming the session when there is one. fd changes.
 * Return: as coap_transport_open().
 */
int coap_transport_reopen(struct coap_transport *t, uint64_t now, char *why, size_t why_room);

/** coap_transport_fd() - to be watched; it changes when a name was resolved: ask
 * again after each call. -1 when there is none. */
int coap_transport_fd(const struct coap_transport *t);
/** EPOLLIN, EPOLLOUT as they are wanted now. */
uint32_t coap_transport_events(const struct coap_transport *t);
/** Monotonic ms, or UINT64_MAX. */
uint64_t coap_transport_deadline(const struct coap_transport *t);
/** The fd is ready. */
void coap_transport_ready(struct coap_transport *t, uint64_t now);
/** The deadline passed (handshake retransmission, handshake timeout); harmless earlier. */
void coap_transport_tick(struct coap_transport *t, uint64_t now);

/**
 * coap_transport_send() - one datagram; of a stream, one message.
 * Return: 0, -ENOTCONN (not up yet, or gone), -EMSGSIZE, -EAGAIN (dropped:
 * the network is congested, CoAP repeats), another -errno. A stream keeps what
 * the network does not take at once, up to 256 KiB; a peer that lets more pile up
 * is given up (-ENOBUFS, and a fatal problem from the loop).
 */
int coap_transport_send(struct coap_transport *t, const uint8_t *data, size_t len);

bool coap_transport_is_up(const struct coap_transport *t);
/** "coaps://host:port (address)" for messages. */
const char *coap_transport_name(const struct coap_transport *t);
/** The cipher suite in use, or NULL. */
const char *coap_transport_cipher(const struct coap_transport *t);
/** The last TLS alert sent or received, 0 to 255 (/1/x/11), or -1. */
int coap_transport_alert(const struct coap_transport *t);

/**
 * coap_transport_session() - what it takes to resume this association in another
 * life: a secret, to be kept as such. Bound to peer and credentials.
 * @data: malloc()ed, for OPENSSL_clear_free() by the caller
 * Return: 0, -ENODATA (no session, or not one that can be resumed), -ENOMEM.
 */
int coap_transport_session(const struct coap_transport *t, uint8_t **data, size_t *len);
/** coap_transport_forget() - no resumption at the next coap_transport_reopen(). */
void coap_transport_forget(struct coap_transport *t);

#endif
