// SPDX-License-Identifier: Apache-2.0
/*
 * TCP: a stream to one peer (RFC 8323). What the network does not take at once is
 * kept, up to a limit; messages of a stream must not be lost in the middle.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

#define QUEUE_MAX (256U * 1024)
/* bytes taken before other events of the loop get their turn */
#define BURST 8

/* ---- the queue ----------------------------------------------------------------------- */

void coap_tcp_drop(struct coap_transport *t)
{
	if (t->out)
		OPENSSL_clear_free(t->out, t->out_room);
	t->out = NULL;
	t->out_at = t->out_len = t->out_room = 0;
}

bool coap_tcp_room(const struct coap_transport *t, size_t len)
{
	return len <= QUEUE_MAX - t->out_len;
}

/* Bytes the network took, or -errno. */
static ssize_t put(struct coap_transport *t, const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = send(t->fd, data + at, len - at, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		else
			break;
	}
	return (ssize_t)at;
}

int coap_tcp_flush(struct coap_transport *t)
{
	ssize_t n;

	if (!t->out_len)
		return 0;
	n = put(t, t->out + t->out_at, t->out_len);
	if (n < 0)
		return (int)n;
	t->out_at += (size_t)n;
	t->out_len -= (size_t)n;
	if (!t->out_len)
		coap_tcp_drop(t);
	return 0;
}

static int keep(struct coap_transport *t, const uint8_t *data, size_t len)
{
	if (!coap_tcp_room(t, len))
		return -ENOBUFS;
	if (t->out_at + t->out_len + len > t->out_room) {
		size_t room = (t->out_len + len + 4095) & ~(size_t)4095;
		uint8_t *out = malloc(room);

		if (!out)
			return -ENOMEM;
		if (t->out) {
			memcpy(out, t->out + t->out_at, t->out_len);
			OPENSSL_clear_free(t->out, t->out_room);
		}
		t->out = out;
		t->out_room = room;
		t->out_at = 0;
	}
	memcpy(t->out + t->out_at + t->out_len, data, len);
	t->out_len += len;
	return 0;
}

int coap_tcp_send(struct coap_transport *t, const uint8_t *data, size_t len)
{
	ssize_t n = 0;

	/* all or nothing: half a message would break the stream */
	if (!coap_tcp_room(t, len))
		return -ENOBUFS;
	if (!t->out_len) {
		n = put(t, data, len);
		if (n < 0)
			return (int)n;
	}
	return (size_t)n < len ? keep(t, data + n, len - (size_t)n) : 0;
}

/* ---- the link ------------------------------------------------------------------------- */

static void lost(struct coap_transport *t, const char *phase, int error)
{
	coap_transport_why(t, "%s: %s", phase, coap_transport_errno(error));
	coap_transport_problem(t, -error, true);
}

static void ready(struct coap_transport *t, uint64_t now)
{
	uint8_t buf[COAP_READ_MAX];
	int r;

	if (t->state == COAP_LINK_OPENING)
		coap_plain_tick(t, now);
	r = coap_tcp_flush(t);
	if (r)
		return lost(t, "send", -r);
	for (int i = 0; i < BURST && t->state == COAP_LINK_UP; i++) {
		ssize_t n = recv(t->fd, buf, sizeof(buf), 0);

		if (n > 0) {
			t->handler->datagram(t->ctx, buf, (size_t)n);
			OPENSSL_cleanse(buf, (size_t)n);
			continue;
		}
		if (!n) {
			coap_transport_why(t, "the server closed the connection");
			coap_transport_problem(t, -ECONNRESET, true);
			return;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		return lost(t, "receive", errno);
	}
}

static int tcp_send(struct coap_transport *t, const uint8_t *data, size_t len)
{
	int r = coap_tcp_send(t, data, len);

	if (!r)
		return 0;
	if (r == -ENOBUFS)
		coap_transport_why(t, "the server takes no more data (%u KiB wait)",
				   QUEUE_MAX / 1024);
	else
		coap_transport_why(t, "send: %s", coap_transport_errno(-r));
	coap_transport_dead(t);
	return r == -ENOBUFS ? r : -ENOTCONN;
}

static void stop(struct coap_transport *t)
{
	if (t->state == COAP_LINK_UP)
		coap_tcp_flush(t);
	coap_tcp_drop(t);
}

const struct coap_link coap_link_tcp = {
	.socktype = SOCK_STREAM,
	.start = coap_plain_start,
	.ready = ready,
	.tick = coap_plain_tick,
	.send = tcp_send,
	.stop = stop,
};
