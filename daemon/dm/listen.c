// SPDX-License-Identifier: Apache-2.0
/* The ports that notifications arrive on. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dm/listen.h"

/* datagrams that are read in one go; the loop has others to serve */
#define BURST 16
#define ROOM 4096 /* a profile in a push; a notification is shorter */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t address_of(const char *text, uint16_t port, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		return sizeof(a->in);
	}
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		return sizeof(a->in6);
	}
	return 0;
}

static int open_at(struct dm_listen *l, const char *text, uint16_t port)
{
	union address a;
	socklen_t len = address_of(text, port, &a);
	int r;

	if (!len)
		return -EINVAL;
	l->fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	/* "::" takes IPv4 as well, whatever the system's default is */
	if (a.sa.sa_family == AF_INET6)
		(void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
	if (bind(l->fd, &a.sa, len) || getsockname(l->fd, &a.sa, &len)) {
		r = -errno;
		dm_listen_close(l);
		return r;
	}
	l->port = ntohs(a.sa.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
	return 0;
}

int dm_listen_open(struct dm_listen *l, const char *bind, uint16_t port, bool coap)
{
	int r;

	*l = (struct dm_listen){.fd = -1, .coap = coap};
	if (bind)
		return open_at(l, bind, port);
	r = open_at(l, "127.0.0.1", port);
	return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT ? open_at(l, "::1", port) : r;
}

void dm_listen_close(struct dm_listen *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->port = 0;
}

/* What exceeds the rate is read and dropped: it must not wait in the socket for later. */
static bool allowed(struct dm_listen *l, uint64_t now)
{
	if (now - l->since >= 1000) {
		l->since = now;
		l->left = DM_LISTEN_RATE;
	}
	if (!l->left)
		return false;
	l->left--;
	return true;
}

void dm_listen_ready(struct dm_listen *l, uint64_t now, dm_listen_t fn, void *userdata)
{
	uint8_t buf[ROOM], answer[DM_COAP_ROOM];
	const uint8_t *body;
	union address from;
	socklen_t from_len;
	size_t len, n;
	ssize_t got;

	for (unsigned int i = 0; i < BURST && l->fd >= 0; i++) {
		from_len = sizeof(from);
		/* MSG_TRUNC: what is too long is told from what fills the room */
		got = recvfrom(l->fd, buf, sizeof(buf), MSG_TRUNC, &from.sa, &from_len);
		if (got < 0)
			return;
		if ((size_t)got > sizeof(buf) || !allowed(l, now))
			continue;
		body = buf;
		len = (size_t)got;
		if (l->coap) {
			n = dm_coap_take(buf, (size_t)got, &body, &len, answer);
			if (n)
				(void)sendto(l->fd, answer, n, MSG_NOSIGNAL, &from.sa,
					     from_len);
		}
		if (body && len)
			fn(userdata, body, len);
	}
}
