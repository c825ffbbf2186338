// SPDX-License-Identifier: Apache-2.0
/*
 * APDU level over a UNIX stream socket, for several clients at once. Commands
 * of all of them run on the one card, one at a time, in the order in which they
 * became whole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "wire.h"

#define CLIENTS 32

/* TS T0 TD1 (T=1), historical bytes "SESAME" and the number of resets, TCK */
#define ATR_LEN 12

struct socket_wire {
	struct wire wire;
	struct chip *chip;
	const struct t1_params *params;
	struct address address;
	int fd;
	int next_origin;
	struct peer *clients[CLIENTS];
	size_t n;
	size_t first; /* who is looked at first: moves, so that nobody starves */
	size_t polled;
	bool listening;
	uint16_t resets;
	unsigned int epoch;
};

static void drop(struct socket_wire *s, size_t i)
{
	peer_free(s->clients[i]);
	s->clients[i] = s->clients[--s->n];
}

static size_t prepare(struct wire *w, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	struct socket_wire *s = (struct socket_wire *)w;
	size_t n = 0;

	(void)now_us;
	if (s->epoch != s->chip->epoch) { /* another card: what they had open is gone */
		s->epoch = s->chip->epoch;
		while (s->n)
			drop(s, s->n - 1);
	}
	s->listening = s->n < CLIENTS && !s->chip->absent;
	fds[n++] = (struct pollfd){.fd = s->listening ? s->fd : -1, .events = POLLIN};
	for (size_t i = 0; i < s->n && n < room; i++)
		fds[n++] = (struct pollfd){.fd = s->clients[i]->s.fd,
					   .events = peer_prepare(s->clients[i], deadline_us)};
	s->polled = n - 1;
	return n;
}

static size_t put_atr(void *ctx, uint8_t *out)
{
	static const uint8_t start[] = {0x3b, 0x88, 0x01, 'S', 'E', 'S', 'A', 'M', 'E'};
	const struct socket_wire *s = ctx;
	uint8_t tck = 0;

	if (s->chip->atr_len) { /* a foreign card's */
		memcpy(out, s->chip->atr, s->chip->atr_len);
		return s->chip->atr_len;
	}
	if (s->params->atr_len)
		return t1_atr(s->params, out);
	memcpy(out, start, sizeof(start));
	put_be16(out + 9, s->resets);
	for (size_t i = 1; i < ATR_LEN - 1; i++)
		tck ^= out[i];
	out[ATR_LEN - 1] = tck;
	return ATR_LEN;
}

static void welcome(struct socket_wire *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *p;

	if (fd < 0)
		return;
	p = peer_new(s->chip, fd, s->next_origin++, put_atr, s);
	if (p)
		s->clients[s->n++] = p;
}

static int dispatch(struct wire *w, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	struct socket_wire *s = (struct socket_wire *)w;
	bool gone[CLIENTS] = {false};

	(void)n;
	for (size_t k = 0; k < s->polled; k++) {
		size_t i = (s->first + k) % s->polled;

		/* hung up on by a reset that was asked for in this round */
		if (gone[i])
			continue;
		gone[i] = !peer_step(s->clients[i], fds[1 + i].revents, now_us);
		if (!s->clients[i]->reset)
			continue;
		/*
		 * To the others it is as if the card had been pulled out: vpcd has no
		 * other word for "what you had open is gone", and their channel numbers
		 * may soon be those of somebody else.
		 */
		s->clients[i]->reset = false;
		s->resets++;
		for (size_t j = 0; j < s->polled; j++)
			gone[j] |= j != i;
	}
	s->first = s->polled ? (s->first + 1) % s->polled : 0;
	for (size_t i = s->polled; i--;)
		if (gone[i])
			drop(s, i);
	if (s->listening && fds[0].revents & POLLIN)
		welcome(s);
	return 0;
}

static void close_wire(struct wire *w)
{
	struct socket_wire *s = (struct socket_wire *)w;

	while (s->n)
		drop(s, s->n - 1);
	unlink(s->address.text);
	close(s->fd);
	free(s);
}

struct wire *wire_socket_open(struct chip *chip, const char *path,
			      const struct t1_params *params, char *err, size_t err_room)
{
	struct socket_wire *s = calloc(1, sizeof(*s));
	int ret = ENOMEM;

	if (!s) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	s->wire = (struct wire){prepare, dispatch, close_wire};
	s->chip = chip;
	s->params = params;
	s->epoch = chip->epoch;
	s->next_origin = WIRE_SOCKET_ORIGIN;
	s->fd = address_listen_unix(&s->address, path, err, err_room);
	if (s->fd >= 0)
		return &s->wire;
	ret = -s->fd;
	free(s);
	errno = ret;
	return NULL;
}
