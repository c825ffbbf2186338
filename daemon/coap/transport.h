/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What carries CoAP datagrams to one peer: UDP, or DTLS 1.2 with a pre-shared
 * key on OpenSSL. Non-blocking, event driven, one thread: the owner watches
 * coap_transport_fd() for coap_transport_events() and the time of
 * coap_transport_deadline().
 */
#ifndef SESAME_COAP_TRANSPORT_H
#define SESAME_COAP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coap_transport;

/** Call backs; all but @datagram optional. None may close the transport: note
 * it down and close after coap_transport_ready()/_tick()/_send() returned. */
struct coap_transport_handler {
	/** The association stands: datagrams can be sent (UDP: from the first
	 * coap_transport_tick() or _ready() on). @resumed: the DTLS session of before
	 * was taken up again. */
	void (*up)(void *ctx, bool resumed);
	void (*datagram)(void *ctx, const uint8_t *data, size_t len);
	/**
	 * A problem; @what names host, port, phase and reason.
	 * @fatal: the association is gone, only close is left. Else (ICMP on UDP)
	 * it is worth telling coap_unreachable(), and the transport goes on.
	 */
	void (*problem)(void *ctx, int error, const char *what, bool fatal);
};

/** Where to; strings and key are copied. */
struct coap_transport_config {
	bool secure;	       /* DTLS */
	const char *host;      /* name or numeric address, IPv6 without brackets */
	const char *port;      /* number or service; NULL: 5683 or 5684 */
	const char *bind_host; /* numeric; NULL: any */
	const char *bind_port; /* NULL: any; a fixed one keeps our address over restarts */
	const char *psk_identity;
	const uint8_t *psk_key; /* at most 64 bytes; wiped at close */
	size_t psk_key_len;
	uint32_t handshake_timeout_ms; /* 0: 30 s */
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
 * socket, resuming the DTLS session when there is one. fd changes.
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
 * coap_transport_send() - one datagram.
 * Return: 0, -ENOTCONN (not up yet, or gone), -EMSGSIZE, -EAGAIN (dropped:
 * the network is congested, CoAP repeats), another -errno.
 */
int coap_transport_send(struct coap_transport *t, const uint8_t *data, size_t len);

bool coap_transport_is_up(const struct coap_transport *t);
/** "coaps://host:port (address)" for messages. */
const char *coap_transport_name(const struct coap_transport *t);
/** The cipher suite in use, or NULL. */
const char *coap_transport_cipher(const struct coap_transport *t);

#endif
