// SPDX-License-Identifier: Apache-2.0
/*
 * APDU level over a UNIX stream socket, for several clients at once. Commands
 * of all of them run on the one card, one at a time, in the order in which they
 * became whole.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

#define CLIENTS 32
#define FRAME_MAX (2 + 65535)

enum { CTL_OFF = 0, CTL_ON = 1, CTL_RESET = 2, CTL_ATR = 4 };

/* TS T0 TD1 (T=1), historical bytes "SESAME" and the number of resets, TCK */
#define ATR_LEN 12

struct client {
	int fd;
	int origin; /* never used twice, so a dropped client's channels are its own */
	uint8_t in[FRAME_MAX];
	size_t in_len;
	uint8_t out[FRAME_MAX];
	size_t out_len, out_off;
	bool sending;
	bool reset;	   /* has just reset the card: the others are hung up on */
	uint64_t ready_us; /* when @out may leave */
};

struct socket_wire {
	struct wire wire;
	struct chip *chip;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;
	int next_origin;
	struct client *clients[CLIENTS];
	size_t n;
	size_t first; /* who is looked at first: moves, so that nobody starves */
	size_t polled;
	bool listening;
	uint16_t resets;
};

static bool frame_ready(const struct client *cl)
{
	return cl->in_len >= 2 && cl->in_len - 2 >= get_be16(cl->in);
}

static size_t prepare(struct wire *w, struct pollfd *fds, size_t room, uint64_t *deadline_us)
{
	struct socket_wire *s = (struct socket_wire *)w;
	size_t n = 0;

	s->listening = s->n < CLIENTS;
	fds[n++] = (struct pollfd){.fd = s->listening ? s->fd : -1, .events = POLLIN};
	for (size_t i = 0; i < s->n && n < room; i++) {
		struct client *cl = s->clients[i];
		short events = 0;
		uint64_t when = WIRE_NEVER;

		if (cl->out_len && cl->sending)
			events = POLLOUT;
		else if (cl->out_len)
			when = cl->ready_us;
		else if (frame_ready(cl))
			when = s->chip->busy_until_us;
		else
			events = POLLIN;
		/* while its answer is in the making only a hang-up is of interest */
		if (when < *deadline_us)
			*deadline_us = when;
		fds[n++] = (struct pollfd){.fd = cl->fd, .events = events};
	}
	s->polled = n - 1;
	return n;
}

static void drop(struct socket_wire *s, size_t i)
{
	struct client *cl = s->clients[i];

	card_drop_origin(&s->chip->card, cl->origin);
	close(cl->fd);
	OPENSSL_clear_free(cl, sizeof(*cl));
	s->clients[i] = s->clients[--s->n];
}

static void put_frame(struct client *cl, size_t body, uint64_t ready_us)
{
	cl->out[0] = (uint8_t)(body >> 8);
	cl->out[1] = (uint8_t)body;
	cl->out_len = 2 + body;
	cl->out_off = 0;
	cl->ready_us = ready_us;
}

static size_t put_atr(const struct socket_wire *s, uint8_t *out)
{
	static const uint8_t start[] = {0x3b, 0x88, 0x01, 'S', 'E', 'S', 'A', 'M', 'E'};
	uint8_t tck = 0;

	memcpy(out, start, sizeof(start));
	out[9] = (uint8_t)(s->resets >> 8);
	out[10] = (uint8_t)s->resets;
	for (size_t i = 1; i < ATR_LEN - 1; i++)
		tck ^= out[i];
	out[ATR_LEN - 1] = tck;
	return ATR_LEN;
}

/*
 * To the others it is as if the card had been pulled out: vpcd has no other word
 * for "what you had open is gone", and their channel numbers may soon be those of
 * somebody else.
 */
static void reset_card(struct socket_wire *s, struct client *cl)
{
	card_reset(&s->chip->card);
	s->chip->busy_until_us = 0;
	s->resets++;
	cl->reset = true;
}

/* Takes whole frames off the input. False: the client breaks the protocol. */
static bool serve(struct socket_wire *s, struct client *cl, uint64_t now_us)
{
	while (!cl->out_len && frame_ready(cl)) {
		size_t body = get_be16(cl->in), n;

		if (!body)
			return false;
		if (body > 1 && now_us < s->chip->busy_until_us)
			return true; /* the card is at work; our turn comes */
		if (body > 1) {
			n = chip_execute(s->chip, cl->origin, cl->in + 2, body, cl->out + 2,
					 sizeof(cl->out) - 2, now_us);
			put_frame(cl, n, s->chip->busy_until_us);
		} else if (cl->in[2] == CTL_ATR) {
			put_frame(cl, put_atr(s, cl->out + 2), now_us);
		} else if (cl->in[2] == CTL_OFF || cl->in[2] == CTL_RESET) {
			reset_card(s, cl);
		} else if (cl->in[2] != CTL_ON) {
			return false;
		}
		OPENSSL_cleanse(cl->in, 2 + body);
		cl->in_len -= 2 + body;
		memmove(cl->in, cl->in + 2 + body, cl->in_len);
	}
	return true;
}

static bool flush(struct client *cl)
{
	ssize_t n = send(cl->fd, cl->out + cl->out_off, cl->out_len - cl->out_off,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	cl->out_off += (size_t)n;
	if (cl->out_off == cl->out_len) {
		OPENSSL_cleanse(cl->out, cl->out_len);
		cl->out_len = cl->out_off = 0;
		cl->sending = false;
	}
	return true;
}

/* False: the client is gone or has to go. */
static bool step(struct socket_wire *s, struct client *cl, short events, uint64_t now_us)
{
	if (events & (POLLHUP | POLLERR | POLLNVAL) && !(events & POLLIN))
		return false;
	if (events & POLLIN && !frame_ready(cl)) {
		ssize_t n = recv(cl->fd, cl->in + cl->in_len, sizeof(cl->in) - cl->in_len,
				 MSG_DONTWAIT);

		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n > 0)
			cl->in_len += (size_t)n;
	}
	for (;;) {
		if (!cl->out_len && !serve(s, cl, now_us))
			return false;
		if (!cl->out_len || now_us < cl->ready_us)
			return true;
		if (s->chip->card.failed)
			return true; /* an answer without a witness does not leave */
		cl->sending = true;
		if (!flush(cl))
			return false;
		if (cl->out_len)
			return true;
	}
}

static void welcome(struct socket_wire *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *cl;

	if (fd < 0)
		return;
	cl = calloc(1, sizeof(*cl));
	if (!cl) {
		close(fd);
		return;
	}
	cl->fd = fd;
	cl->origin = s->next_origin++;
	s->clients[s->n++] = cl;
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
		gone[i] = !step(s, s->clients[i], fds[1 + i].revents, now_us);
		if (!s->clients[i]->reset)
			continue;
		s->clients[i]->reset = false;
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
	if (s->fd >= 0) {
		unlink(s->path);
		close(s->fd);
	}
	free(s);
}

/* A socket file that nobody listens on any more is in the way: take it away. */
static int make_way(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		ret = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(sun->sun_path))
		ret = -errno;
	close(fd);
	return ret;
}

struct wire *wire_socket_open(struct chip *chip, const char *path, char *err, size_t err_room)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct socket_wire *s;
	int ret;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(err, err_room, "%s: too long for a socket (%zu bytes at most)", path,
			 sizeof(sun.sun_path) - 1);
		errno = ENAMETOOLONG;
		return NULL;
	}
	strcpy(sun.sun_path, path);
	ret = make_way(&sun);
	if (ret == -EADDRINUSE) {
		snprintf(err, err_room, "%s: another process listens there", path);
		errno = -ret;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		goto fail;
	s->wire = (struct wire){prepare, dispatch, close_wire};
	s->chip = chip;
	s->next_origin = 1;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&sun, sizeof(sun)))
		goto fail;
	strcpy(s->path, path);
	if (listen(s->fd, 16))
		goto fail;
	return &s->wire;
fail:
	ret = errno;
	snprintf(err, err_room, "%s: %s", path, strerror(ret));
	if (s && s->fd >= 0)
		close(s->fd);
	free(s);
	errno = ret;
	return NULL;
}
