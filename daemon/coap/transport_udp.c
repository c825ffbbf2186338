// SPDX-License-Identifier: Apache-2.0
/*
 * Plain UDP on a connected socket: only the peer's datagrams reach us, and
 * ICMP errors come as errno.
 */
#include <errno.h>
#include <sys/socket.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

/* datagrams taken before other events of the loop get their turn */
#define BURST 64

int coap_plain_start(struct coap_transport *t, uint64_t now)
{
	t->deadline = now; /* up is reported from the loop, not from within open */
	return 0;
}

void coap_plain_tick(struct coap_transport *t, uint64_t now)
{
	(void)now;
	if (t->state == COAP_LINK_OPENING)
		coap_transport_up(t, false);
	t->deadline = COAP_NEVER;
}

static void ready(struct coap_transport *t, uint64_t now)
{
	uint8_t buf[COAP_READ_MAX];

	if (t->state == COAP_LINK_OPENING)
		coap_plain_tick(t, now);
	for (int i = 0; i < BURST; i++) {
		ssize_t n = recv(t->fd, buf, sizeof(buf), 0);

		if (n >= 0) {
			t->handler->datagram(t->ctx, buf, (size_t)n);
			OPENSSL_cleanse(buf, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		n = errno;
		coap_transport_why(t, "receive: %s", coap_transport_errno((int)n));
		coap_transport_problem(t, -(int)n, false);
	}
}

static int udp_send(struct coap_transport *t, const uint8_t *data, size_t len)
{
	/* an ICMP error of an earlier datagram is reported once, by the next call */
	for (int i = 0; i < 2; i++) {
		if (send(t->fd, data, len, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR && errno != ECONNREFUSED)
			break;
	}
	return errno == ENOBUFS || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static void stop(struct coap_transport *t)
{
	(void)t;
}

const struct coap_link coap_link_udp = {
	.socktype = SOCK_DGRAM,
	.start = coap_plain_start,
	.ready = ready,
	.tick = coap_plain_tick,
	.send = udp_send,
	.stop = stop,
};
