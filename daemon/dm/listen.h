/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where notifications (package 0) arrive: a UDP port, plain or as WAP push, and a CoAP
 * port. Whoever sends gets no hint whether it was right: nothing over UDP, and 2.04 over
 * CoAP, whatever it held.
 */
#ifndef SESAME_DM_LISTEN_H
#define SESAME_DM_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DM_LISTEN_RATE 20 /* datagrams a second that are looked at, on one port */
#define DM_COAP_PATH "dm" /* POST coap://HOST/dm */
#define DM_COAP_ROOM 64	  /* an answer over CoAP is never longer */

/**
 * struct dm_listen - a port
 * @fd: -1: none
 * @left, @since: datagrams that are looked at within the second that began then (ms)
 */
struct dm_listen {
	int fd;
	bool coap;
	uint16_t port;
	unsigned int left;
	uint64_t since;
};

/**
 * dm_listen_open() - bind it
 * @bind: numeric address; NULL: the loopback one, ::1 if there is no 127.0.0.1
 * @port: 0: any
 *
 * Return: 0, -EINVAL (no address), -EADDRINUSE, -EACCES, …
 */
int dm_listen_open(struct dm_listen *l, const char *bind, uint16_t port, bool coap);
void dm_listen_close(struct dm_listen *l);

/** dm_listen_t - a notification, as it came; believed by nobody yet */
typedef void (*dm_listen_t)(void *userdata, const uint8_t *p, size_t len);

/** dm_listen_ready() - read what is there, a bounded amount */
void dm_listen_ready(struct dm_listen *l, uint64_t now, dm_listen_t fn, void *userdata);

/**
 * dm_coap_take() - one datagram of CoAP (RFC 7252). Pure
 * @body, @body_len: gets the notification in it, NULL if there is none
 * @out: DM_COAP_ROOM bytes for the answer
 *
 * Nothing is kept of a peer: the same datagram gets the same answer, and whoever acts on
 * the notification recognises a replay.
 * Return: length of the answer, 0: none.
 */
size_t dm_coap_take(const uint8_t *p, size_t len, const uint8_t **body, size_t *body_len,
		    uint8_t *out);

#endif /* SESAME_DM_LISTEN_H */
