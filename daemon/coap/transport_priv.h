/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the transports; nobody else includes this. */
#ifndef SESAME_COAP_TRANSPORT_PRIV_H
#define SESAME_COAP_TRANSPORT_PRIV_H

#include <netdb.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "coap/transport.h"

/** What the kinds do differently. */
struct coap_link {
	int socktype; /* SOCK_DGRAM, SOCK_STREAM */
	/** The socket is connected: begin. Return: 0 or -errno, with coap_transport_why(). */
	int (*start)(struct coap_transport *t, uint64_t now);
	void (*ready)(struct coap_transport *t, uint64_t now);
	void (*tick)(struct coap_transport *t, uint64_t now);
	int (*send)(struct coap_transport *t, const uint8_t *data, size_t len);
	/** Say good-bye and free what start() made; the socket stays. */
	void (*stop)(struct coap_transport *t);
};

enum coap_transport_state {
	COAP_LINK_DOWN,
	COAP_LINK_RESOLVING,  /* fd is the resolver's */
	COAP_LINK_CONNECTING, /* a stream's socket */
	COAP_LINK_OPENING,
	COAP_LINK_UP,
	COAP_LINK_DEAD,
};

/** Credentials, copied; transport_creds.c. */
struct coap_auth_state {
	enum coap_auth auth;
	char identity[COAP_PSK_IDENTITY_MAX + 1];
	uint8_t psk_key[COAP_PSK_MAX];
	size_t psk_key_len;
	int (*psk)(void *ctx, uint8_t *key, size_t room);
	void *psk_ctx;
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* ours, the device's first */
	uint8_t *server;	/* DER, or a digest */
	size_t server_len;
	enum coap_cert_usage usage;
	enum coap_cert_match match;
	char *trust, *sni;
	bool async;
	OSSL_LIB_CTX *libctx;
	uint16_t *suites;
	size_t n_suites;
};

#define COAP_BINDING_LEN 32

struct coap_transport {
	const struct coap_link *link;
	const struct coap_transport_handler *handler;
	void *ctx;
	enum coap_transport_kind kind;
	int fd;
	struct coap_resolver *resolver;
	struct addrinfo *peers, *next; /* of the name; those not tried yet */
	enum coap_transport_state state;
	uint64_t deadline;
	uint64_t timeout, give_up; /* of name, connection and handshake */
	char *host, *port, *bind_host, *bind_port;
	char name[384];
	char why[512];

	/* streams: what the network has not taken yet */
	uint8_t *out;
	size_t out_at, out_len, out_room;

	/* DTLS, TLS */
	struct coap_auth_state auth;
	uint8_t binding[COAP_BINDING_LEN]; /* what a session is good for */
	int socket_error;		   /* of the last read or write, seen below OpenSSL */
	bool closed;			   /* end of the stream, seen below OpenSSL */
	int alert;			   /* the last one, or -1 */
	int async_fd;			   /* what a paused handshake waits for, or -1 */
	bool paused;			   /* ... it does */
	int64_t clock_offset;		   /* DTLS: wall clock less monotonic, ms */
	bool session_new;
	BIO_METHOD *bio;
	SSL_CTX *ssl_ctx;
	SSL *ssl;
	SSL_SESSION *session; /* to be resumed */
};

#define COAP_READ_MAX 65536 /* the largest datagram; on the stack while it is delivered */

/** coap_resolve_now() - getaddrinfo() for datagrams; may wait unless AI_NUMERICHOST. */
int coap_resolve_now(const char *host, const char *port, int flags, struct addrinfo **list);
/** coap_resolver_start() - the same in the background. Return: 0 or -errno. */
int coap_resolver_start(struct coap_resolver **r, const char *host, const char *port);
/** coap_resolver_fd() - readable when it is done. */
int coap_resolver_fd(const struct coap_resolver *r);
/**
 * coap_resolver_result() - the list, which is the caller's to free then, and
 * @error as getaddrinfo() returned it (errno for EAI_SYSTEM).
 * Return: 0, or -EAGAIN while it is not done.
 */
int coap_resolver_result(struct coap_resolver *r, struct addrinfo **list, int *error);
/** coap_resolver_drop() - done with it, whatever its state; NULL is fine. */
void coap_resolver_drop(struct coap_resolver *r);

extern const struct coap_link coap_link_udp, coap_link_dtls, coap_link_tcp, coap_link_tls;

/** coap_transport_why() - write the message "NAME: ..." into t->why. */
void coap_transport_why(struct coap_transport *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** coap_transport_problem() - tell the owner what t->why says. */
void coap_transport_problem(struct coap_transport *t, int error, bool fatal);
/**
 * coap_transport_refused() - this address cannot be connected to: the next one,
 * or a fatal problem with t->why.
 */
void coap_transport_refused(struct coap_transport *t, int error, uint64_t now);
/**
 * coap_transport_dead() - the association ended while it was sent on. Whoever
 * sends is in the midst of the owner's lists; what the owner does about the end
 * (drop requests, begin anew) waits for the loop: the next tick tells t->why.
 */
void coap_transport_dead(struct coap_transport *t);
/** coap_transport_up() - messages can be sent. */
void coap_transport_up(struct coap_transport *t, bool resumed);
/** coap_transport_errno() - what an errno of a socket means for people. */
const char *coap_transport_errno(int error);

/* transport_udp.c; what plain TCP does too */

/** coap_plain_start() - nothing to agree upon: up at the next coap_plain_tick(). Return: 0. */
int coap_plain_start(struct coap_transport *t, uint64_t now);
void coap_plain_tick(struct coap_transport *t, uint64_t now);

/* transport_tcp.c */

/** coap_tcp_room() - whether the queue takes @len more. */
bool coap_tcp_room(const struct coap_transport *t, size_t len);
/** coap_tcp_send() - send, or keep for coap_tcp_flush(). Return: 0 or -errno. */
int coap_tcp_send(struct coap_transport *t, const uint8_t *data, size_t len);
/** coap_tcp_flush() - send what was kept. Return: 0 (also when some is left) or -errno. */
int coap_tcp_flush(struct coap_transport *t);
/** coap_tcp_drop() - forget what was kept. */
void coap_tcp_drop(struct coap_transport *t);

/* transport_creds.c */

/** coap_auth_copy() - check and copy. Return: 0 or -errno with t->why. */
int coap_auth_copy(struct coap_transport *t, const struct coap_credentials *c);
/** coap_auth_free() - wipe and free. */
void coap_auth_free(struct coap_auth_state *a);
/** coap_auth_session() - take up an exported session; one that does not fit is dropped. */
void coap_auth_session(struct coap_transport *t, const uint8_t *data, size_t len);

/* transport_auth.c */

/** coap_auth_context() - make t->ssl_ctx if there is none. Return: 0 or -errno with t->why. */
int coap_auth_context(struct coap_transport *t);
/** coap_auth_apply() - what belongs to one association: peer, name, session. Return: as above.
 */
int coap_auth_apply(struct coap_transport *t, SSL *ssl);
/** coap_auth_hint() - what to look at when the handshake failed. */
const char *coap_auth_hint(const struct coap_transport *t);

/* transport_ssl.c: what DTLS and TLS have in common */

/** coap_ssl_reason() - the first reason in OpenSSL's queue, in words; empties the queue. */
const char *coap_ssl_reason(char *buf, size_t room);
/** struct coap_bio - what lies below OpenSSL; BIO_get_data() is the transport */
struct coap_bio {
	const char *name;
	int (*read)(BIO *bio, char *buf, int room);
	int (*write)(BIO *bio, const char *buf, int len);
	long (*ctrl)(BIO *bio, int cmd, long num, void *ptr);
};

/** coap_ssl_start() - a new SSL over such a BIO, ready for its handshake. */
int coap_ssl_start(struct coap_transport *t, const struct coap_bio *below);
/** coap_ssl_handshake() - go on with it. Return: 1 up, 0 not yet, -1 told. */
int coap_ssl_handshake(struct coap_transport *t, uint64_t now);
/** coap_ssl_read() - deliver what is there; tells problems. */
void coap_ssl_read(struct coap_transport *t);
/** coap_ssl_send() - Return: as coap_transport_send(). */
int coap_ssl_send(struct coap_transport *t, const uint8_t *data, size_t len);
/** coap_ssl_stop() - close_notify; frees the SSL. */
void coap_ssl_stop(struct coap_transport *t);
/** coap_ssl_forget() - drop the session. */
void coap_ssl_forget(struct coap_transport *t);

#endif
