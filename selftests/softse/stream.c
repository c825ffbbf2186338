// SPDX-License-Identifier: Apache-2.0
#include "stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_US 250000

bool stream_init(struct stream *s, int fd, size_t in_room, size_t out_room)
{
	*s = (struct stream){.fd = fd, .in_room = in_room, .out_room = out_room};
	s->in = malloc(in_room);
	s->out = malloc(out_room);
	if (s->in && s->out)
		return true;
	stream_close(s);
	return false;
}

void stream_close(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->in)
		OPENSSL_clear_free(s->in, s->in_room);
	if (s->out)
		OPENSSL_clear_free(s->out, s->out_room);
	*s = (struct stream){.fd = -1};
}

bool stream_fill(struct stream *s)
{
	ssize_t n;

	if (s->in_off) {
		memmove(s->in, s->in + s->in_off, s->in_len - s->in_off);
		s->in_len -= s->in_off;
		s->in_off = 0;
	}
	if (s->in_len == s->in_room)
		return true;
	n = recv(s->fd, s->in + s->in_len, s->in_room - s->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	s->in_len += (size_t)n;
	return n > 0;
}

bool stream_flush(struct stream *s)
{
	ssize_t n;

	if (s->out_off == s->out_len)
		return true;
	n = send(s->fd, s->out + s->out_off, s->out_len - s->out_off,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	s->out_off += (size_t)n;
	if (s->out_off == s->out_len) {
		OPENSSL_cleanse(s->out, s->out_len);
		s->out_len = s->out_off = 0;
	}
	return true;
}

void stream_take(struct stream *s, size_t n)
{
	OPENSSL_cleanse(s->in + s->in_off, n);
	s->in_off += n;
	if (s->in_off == s->in_len)
		s->in_off = s->in_len = 0;
}

bool stream_put(struct stream *s, const void *data, size_t n)
{
	if (n > s->out_room - s->out_len)
		return false;
	memcpy(s->out + s->out_len, data, n);
	s->out_len += n;
	return true;
}

static bool path_address(struct address *a, const char *text, char *err, size_t err_room)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;

	memset(a, 0, sizeof(*a));
	a->text = text;
	if (strlen(text) >= sizeof(un->sun_path)) {
		snprintf(err, err_room, "%s: too long for a socket (%zu bytes at most)", text,
			 sizeof(un->sun_path) - 1);
		return false;
	}
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, text);
	a->len = sizeof(*un);
	return true;
}

bool address_parse(struct address *a, const char *text, char *err, size_t err_room)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[256];
	int ret;

	memset(a, 0, sizeof(*a));
	a->text = text;
	if (strchr(text, '/') || !colon)
		return path_address(a, text, err, err_room);
	if (colon == text || (size_t)(colon - text) >= sizeof(host) || !colon[1]) {
		snprintf(err, err_room, "%s: expected HOST:PORT", text);
		return false;
	}
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	ret = getaddrinfo(host, colon + 1, &hints, &found);
	if (ret) {
		snprintf(err, err_room, "%s: %s", text, gai_strerror(ret));
		return false;
	}
	for (const struct addrinfo *i = found; i; i = i->ai_next)
		/* vpcd and its like listen on IPv4 */
		if (!a->len || (i->ai_family == AF_INET && a->sa.ss_family != AF_INET)) {
			memcpy(&a->sa, i->ai_addr, i->ai_addrlen);
			a->len = i->ai_addrlen;
		}
	freeaddrinfo(found);
	return true;
}

/* A socket file that nobody listens on any more is in the way: take it away. */
static int make_way(const struct address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)&a->sa, a->len))
		ret = -EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(a->text))
		ret = -errno;
	close(fd);
	return ret;
}

static int listen_port(int fd, const struct address *a)
{
	return bind(fd, (const struct sockaddr *)&a->sa, a->len) || listen(fd, 16) ? -errno : 0;
}

/*
 * A path appears when somebody listens there, not between bind() and listen(): whoever waits
 * for it would be refused then.
 */
static int listen_path(int fd, const struct address *a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int n = snprintf(un.sun_path, sizeof(un.sun_path), "%s~", a->text);

	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) /* no room for another name */
		return listen_port(fd, a);
	unlink(un.sun_path); /* of one that was killed here */
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) || listen(fd, 16) ||
	    rename(un.sun_path, a->text))
		return -errno;
	return 0;
}

int address_listen(const struct address *a)
{
	int fd, ret = 0, one = 1;

	if (a->sa.ss_family == AF_UNIX)
		ret = make_way(a);
	if (ret)
		return ret;
	fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ret = a->sa.ss_family == AF_UNIX ? listen_path(fd, a) : listen_port(fd, a);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

int address_listen_unix(struct address *a, const char *path, char *err, size_t err_room)
{
	int fd;

	if (!path_address(a, path, err, err_room))
		return -ENAMETOOLONG;
	fd = address_listen(a);
	if (fd == -EADDRINUSE)
		snprintf(err, err_room, "%s: another process listens there", path);
	else if (fd < 0)
		snprintf(err, err_room, "%s: %s", path, strerror(-fd));
	return fd;
}

bool dialer_init(struct dialer *d, const char *what, const char *to, char *err, size_t err_room)
{
	*d = (struct dialer){.what = what, .fd = -1};
	return address_parse(&d->to, to, err, err_room);
}

static void failed(struct dialer *d, int error, uint64_t now_us)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->retry_us = now_us + RETRY_US;
	if (!d->said)
		fprintf(stderr, "softse: %s %s: %s; trying again\n", d->what, d->to.text,
			strerror(error));
	d->said = true;
}

static int connected(struct dialer *d)
{
	int fd = d->fd, one = 1;

	/* an APDU is a small message that is waited for; meaningless on UNIX sockets */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fprintf(stderr, "softse: %s %s: connected\n", d->what, d->to.text);
	d->fd = -1;
	d->said = false;
	return fd;
}

void dialer_prepare(struct dialer *d, struct pollfd *fd, uint64_t now_us, uint64_t *deadline_us)
{
	if (d->fd < 0 && now_us >= d->retry_us) {
		d->fd = socket(d->to.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       0);
		if (d->fd < 0 ||
		    (connect(d->fd, (const struct sockaddr *)&d->to.sa, d->to.len) &&
		     errno != EINPROGRESS))
			failed(d, errno, now_us);
	}
	if (d->fd < 0 && d->retry_us < *deadline_us)
		*deadline_us = d->retry_us;
	/* a socket that is connected already can be written to, too */
	*fd = (struct pollfd){.fd = d->fd, .events = POLLOUT};
}

int dialer_step(struct dialer *d, short events, uint64_t now_us)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (d->fd < 0 || !events)
		return -1;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		failed(d, error ? error : errno, now_us);
		return -1;
	}
	return connected(d);
}

void dialer_again(struct dialer *d, const char *why, uint64_t now_us)
{
	fprintf(stderr, "softse: %s %s: %s; connecting again\n", d->what, d->to.text, why);
	d->said = true; /* one line for one loss */
	d->retry_us = now_us + RETRY_US;
}

void dialer_close(struct dialer *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
