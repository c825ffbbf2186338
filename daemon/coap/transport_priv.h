/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the transports; nobody else includes this. */
#ifndef SESAME_COAP_TRANSPORT_PRIV_H
#define SESAME_COAP_TRANSPORT_PRIV_H

#include <netdb.h>

#include <openssl/ssl.h>

#include "coap/transport.h"

/** What UDP and DTLS do differently. */
struct coap_link {
	/** The socket is connected: begin. Return: 0 or -errno, with coap_transport_why(). */
	int (*start)(struct coap_transport *t, uint64_t now);
	void (*ready)(struct coap_transport *t, uint64_t now);
	void (*tick)(struct coap_transport *t, uint64_t now);
	int (*send)(struct coap_transport *t, const uint8_t *data, size_t len);
	/** Say good-bye and free what start() made; the socket stays. */
	void (*stop)(struct coap_transport *t);
	/** Free what outlives an association; may be NULL. */
	void (*free)(struct coap_transport *t);
};

enum coap_transport_state {
	COAP_LINK_DOWN,
	COAP_LINK_RESOLVING, /* fd is the resolver's */
	COAP_LINK_OPENING,
	COAP_LINK_UP,
	COAP_LINK_DEAD,
};

struct coap_transport {
	const struct coap_link *link;
	const struct coap_transport_handler *handler;
	void *ctx;
	int fd;
	struct coap_resolver *resolver;
	enum coap_transport_state state;
	uint64_t deadline;
	char *host, *port, *bind_host, *bind_port;
	char name[384];
	char why[512];

	/* DTLS */
	char identity[COAP_PSK_IDENTITY_MAX + 1];
	uint8_t key[COAP_PSK_MAX];
	size_t key_len;
	uint64_t handshake_timeout, give_up;
	int socket_error; /* of the last datagram, seen below OpenSSL */
	BIO_METHOD *bio;
	SSL_CTX *ssl_ctx;
	SSL *ssl;
	SSL_SESSION *session; /* to be resumed */

	uint8_t buf[65536];
};

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

extern const struct coap_link coap_link_udp, coap_link_dtls;

/** coap_transport_why() - write the message "NAME: ..." into t->why. */
void coap_transport_why(struct coap_transport *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** coap_transport_problem() - tell the owner what t->why says. */
void coap_transport_problem(struct coap_transport *t, int error, bool fatal);
/** coap_transport_up() - datagrams can be sent. */
void coap_transport_up(struct coap_transport *t, bool resumed);
/** coap_transport_errno() - what an errno of a UDP socket means for people. */
const char *coap_transport_errno(int error);

#endif
