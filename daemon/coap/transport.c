// SPDX-License-Identifier: Apache-2.0
/*
 * What all transports have in common: names, sockets, states.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

#define HANDSHAKE_TIMEOUT_MS 30000
/* data that a stream's peer has not acknowledged for so long: the connection is gone */
#define UNACKED_MS 120000

static const char *const schemes[] = {
	[COAP_TRANSPORT_UDP] = "coap://",
	[COAP_TRANSPORT_DTLS] = "coaps://",
	[COAP_TRANSPORT_TCP] = "coap+tcp://",
	[COAP_TRANSPORT_TLS] = "coaps+tcp://",
};

static const struct coap_link *const links[] = {
	[COAP_TRANSPORT_UDP] = &coap_link_udp,
	[COAP_TRANSPORT_DTLS] = &coap_link_dtls,
	[COAP_TRANSPORT_TCP] = &coap_link_tcp,
	[COAP_TRANSPORT_TLS] = &coap_link_tls,
};

void coap_transport_why(struct coap_transport *t, const char *format, ...)
{
	va_list ap;
	int n = snprintf(t->why, sizeof(t->why), "%s: ", t->name);

	va_start(ap, format);
	if (n >= 0 && (size_t)n < sizeof(t->why))
		vsnprintf(t->why + n, sizeof(t->why) - (size_t)n, format, ap);
	va_end(ap);
}

void coap_transport_problem(struct coap_transport *t, int error, bool fatal)
{
	if (fatal) {
		t->state = COAP_LINK_DEAD;
		t->deadline = COAP_NEVER;
	}
	if (t->handler->problem)
		t->handler->problem(t->ctx, error, t->why, fatal);
}

static void drop_peers(struct coap_transport *t)
{
	if (t->peers)
		freeaddrinfo(t->peers);
	t->peers = t->next = NULL;
}

void coap_transport_dead(struct coap_transport *t)
{
	t->state = COAP_LINK_DEAD;
	t->deadline = 0;
}

void coap_transport_up(struct coap_transport *t, bool resumed)
{
	drop_peers(t);
	t->state = COAP_LINK_UP;
	t->deadline = COAP_NEVER;
	if (t->handler->up)
		t->handler->up(t->ctx, resumed);
}

const char *coap_transport_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "nothing listens there";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "no route to it";
	case EACCES:
	case EPERM:
		return "not permitted (a packet filter, or a broadcast address)";
	case ETIMEDOUT:
		return "it does not answer any more";
	case EADDRINUSE:
		return "the local port is taken; choose another or stop the other program";
	default:
		return strerror(error);
	}
}

/* ---- the socket ------------------------------------------------------------------ */

/* Words and -errno for what getaddrinfo() returned. */
static int name_error(struct coap_transport *t, const char *what, const char *name, int r)
{
	coap_transport_why(t, "%s %s: %s", what, name,
			   r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	return r == EAI_MEMORY ? -ENOMEM : r == EAI_AGAIN ? -EAGAIN : -EADDRNOTAVAIL;
}

static int bind_local(struct coap_transport *t, int fd, int family)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = t->link->socktype,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST,
	};
	struct addrinfo *local;
	int r;

	if (!t->bind_host && !t->bind_port)
		return 0;
	r = getaddrinfo(t->bind_host, t->bind_port ? t->bind_port : "0", &hints, &local);
	if (r)
		return name_error(t, "local address",
				  t->bind_host ? t->bind_host : t->bind_port, r);
	if (bind(fd, local->ai_addr, local->ai_addrlen)) {
		r = -errno;
		coap_transport_why(t, "bind to local port %s: %s",
				   t->bind_port ? t->bind_port : "any",
				   coap_transport_errno(-r));
	}
	freeaddrinfo(local);
	return r;
}

/* One address of the peer. Return: the socket, or -errno with t->why. */
static int try_address(struct coap_transport *t, const struct addrinfo *a)
{
	int fd, r, on = 1, dont = IP_PMTUDISC_DONT;
	unsigned int unacked = UNACKED_MS;

	fd = socket(a->ai_family, t->link->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		r = -errno;
		coap_transport_why(t, "socket: %s", strerror(-r));
		return r;
	}
	if (coap_transport_stream(t->kind)) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof(unacked));
		if (t->bind_port) /* the port may still belong to the connection of before */
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	} else if (a->ai_family == AF_INET) {
		/* a datagram above the path's MTU is to be fragmented, not dropped */
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont));
	}
	r = bind_local(t, fd, a->ai_family);
	if (!r && connect(fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS) {
		r = -errno;
		coap_transport_why(t, "connect: %s", coap_transport_errno(-r));
	}
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

static void set_name(struct coap_transport *t, const struct addrinfo *a)
{
	bool v6 = strchr(t->host, ':');
	char numeric[64] = "";

	if (a && getnameinfo(a->ai_addr, a->ai_addrlen, numeric, sizeof(numeric), NULL, 0,
			     NI_NUMERICHOST))
		numeric[0] = '\0';
	if (!strcmp(numeric, t->host))
		numeric[0] = '\0';
	snprintf(t->name, sizeof(t->name), "%s%s%.250s%s:%.16s%s%s%s", schemes[t->kind],
		 v6 ? "[" : "", t->host, v6 ? "]" : "", t->port, *numeric ? " (" : "", numeric,
		 *numeric ? ")" : "");
}

static void drop_socket(struct coap_transport *t)
{
	t->link->stop(t);
	close(t->fd);
	t->fd = -1;
	t->state = COAP_LINK_DOWN;
	t->deadline = COAP_NEVER;
}

static int begin(struct coap_transport *t, uint64_t now)
{
	int r;

	t->state = COAP_LINK_OPENING;
	r = t->link->start(t, now);
	if (r)
		drop_socket(t);
	return r;
}

/* The next of the peer's addresses that works. Return: 0 or -errno with t->why. */
static int connect_next(struct coap_transport *t, uint64_t now)
{
	int r = -EADDRNOTAVAIL;

	while (t->next) {
		const struct addrinfo *a = t->next;

		t->next = a->ai_next;
		set_name(t, a);
		r = try_address(t, a);
		if (r < 0)
			continue;
		t->fd = r;
		if (!coap_transport_stream(t->kind))
			return begin(t, now);
		t->state = COAP_LINK_CONNECTING;
		t->deadline = t->give_up;
		return 0;
	}
	return r;
}

void coap_transport_refused(struct coap_transport *t, int error, uint64_t now)
{
	drop_socket(t);
	if (t->next) {
		error = connect_next(t, now);
		if (!error)
			return;
	}
	coap_transport_problem(t, error, true);
}

/* The connection of a stream stands, or does not. */
static void connected(struct coap_transport *t, uint64_t now)
{
	int error = 0;
	socklen_t len = sizeof(error);
	int r;

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		coap_transport_why(t, "connect: %s", coap_transport_errno(error));
		coap_transport_refused(t, -error, now);
		return;
	}
	r = begin(t, now);
	if (r)
		coap_transport_problem(t, r, true);
}

/* Takes over the list. */
static int connect_peer(struct coap_transport *t, struct addrinfo *list, uint64_t now)
{
	drop_peers(t);
	t->peers = t->next = list;
	return connect_next(t, now);
}

static int associate(struct coap_transport *t, uint64_t now)
{
	struct addrinfo *list;
	int r;

	set_name(t, NULL);
	t->give_up = now + t->timeout;
	if (!coap_resolve_now(t->host, t->port, AI_NUMERICHOST, &list))
		return connect_peer(t, list, now);
	r = coap_resolver_start(&t->resolver, t->host, t->port);
	if (r) {
		coap_transport_why(t, "name %s: %s", t->host, strerror(-r));
		return r;
	}
	t->fd = coap_resolver_fd(t->resolver);
	t->state = COAP_LINK_RESOLVING;
	t->deadline = t->give_up;
	return 0;
}

static void resolver_done(struct coap_transport *t)
{
	coap_resolver_drop(t->resolver);
	t->resolver = NULL;
	t->fd = -1;
	t->state = COAP_LINK_DOWN;
	t->deadline = COAP_NEVER;
}

/* The resolver may have come to its end. */
static void resolved(struct coap_transport *t, uint64_t now)
{
	struct addrinfo *list = NULL;
	int r, error;

	if (coap_resolver_result(t->resolver, &list, &error))
		return;
	resolver_done(t);
	if (error)
		r = name_error(t, "name", t->host, error);
	else
		r = connect_peer(t, list, now);
	if (r)
		coap_transport_problem(t, r, true);
}

static void dissociate(struct coap_transport *t)
{
	if (t->resolver)
		resolver_done(t);
	drop_peers(t);
	if (t->fd >= 0)
		drop_socket(t);
	t->state = COAP_LINK_DOWN;
	t->deadline = COAP_NEVER;
}

/* ---- schemes ---------------------------------------------------------------------- */

bool coap_transport_secure(enum coap_transport_kind kind)
{
	return kind == COAP_TRANSPORT_DTLS || kind == COAP_TRANSPORT_TLS;
}

bool coap_transport_stream(enum coap_transport_kind kind)
{
	return kind == COAP_TRANSPORT_TCP || kind == COAP_TRANSPORT_TLS;
}

int coap_transport_scheme(const char *uri, enum coap_transport_kind *kind)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);

		/* a scheme has no case (RFC 3986 3.1) */
		if (!strncasecmp(uri, schemes[i], n)) {
			*kind = (enum coap_transport_kind)i;
			return (int)n;
		}
	}
	return -EINVAL;
}

/* ---- life ------------------------------------------------------------------------- */

static int copy_string(char **to, const char *from)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int configure(struct coap_transport *t, const struct coap_transport_config *c)
{
	bool secure = coap_transport_secure(c->kind);
	int r;

	t->kind = c->kind;
	t->link = links[c->kind];
	r = copy_string(&t->host, c->host);
	if (!r)
		r = copy_string(&t->port, c->port ? c->port : secure ? "5684" : "5683");
	if (!r)
		r = copy_string(&t->bind_host, c->bind_host);
	if (!r)
		r = copy_string(&t->bind_port, c->bind_port);
	if (r)
		return r;
	t->timeout = c->handshake_timeout_ms ? c->handshake_timeout_ms : HANDSHAKE_TIMEOUT_MS;
	set_name(t, NULL);
	if (!secure)
		return 0;
	r = coap_auth_copy(t, &c->credentials);
	if (!r)
		r = coap_auth_context(t);
	if (!r && c->session)
		coap_auth_session(t, c->session, c->session_len);
	return r;
}

int coap_transport_open(struct coap_transport **tp, const struct coap_transport_config *config,
			const struct coap_transport_handler *handler, void *ctx, uint64_t now,
			char *why, size_t why_room)
{
	struct coap_transport *t;
	int r;

	*tp = NULL;
	if (!handler->datagram || !config->host || !*config->host ||
	    (unsigned int)config->kind > COAP_TRANSPORT_TLS) {
		if (why)
			snprintf(why, why_room,
				 "coap transport: no host given, or no such kind");
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->fd = t->async_fd = t->alert = -1;
	t->handler = handler;
	t->ctx = ctx;
	t->deadline = COAP_NEVER;
	r = configure(t, config);
	if (!r)
		r = associate(t, now);
	if (r) {
		if (why)
			snprintf(why, why_room, "%s", *t->why ? t->why : strerror(-r));
		coap_transport_close(t);
		return r;
	}
	*tp = t;
	return 0;
}

void coap_transport_close(struct coap_transport *t)
{
	if (!t)
		return;
	dissociate(t);
	coap_ssl_forget(t);
	SSL_CTX_free(t->ssl_ctx);
	BIO_meth_free(t->bio);
	coap_auth_free(&t->auth);
	free(t->host);
	free(t->port);
	free(t->bind_host);
	free(t->bind_port);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

int coap_transport_reopen(struct coap_transport *t, uint64_t now, char *why, size_t why_room)
{
	int r;

	dissociate(t);
	r = associate(t, now);
	if (r && why)
		snprintf(why, why_room, "%s", t->why);
	return r;
}

/* ---- for the owner's loop ------------------------------------------------------------ */

int coap_transport_fd(const struct coap_transport *t)
{
	return t->paused ? t->async_fd : t->fd;
}

uint32_t coap_transport_events(const struct coap_transport *t)
{
	switch (t->state) {
	case COAP_LINK_DOWN:
	case COAP_LINK_DEAD:
		return 0;
	case COAP_LINK_CONNECTING:
		return EPOLLOUT;
	default:
		return !t->paused && t->out_len ? EPOLLIN | EPOLLOUT : EPOLLIN;
	}
}

uint64_t coap_transport_deadline(const struct coap_transport *t)
{
	return t->deadline;
}

void coap_transport_ready(struct coap_transport *t, uint64_t now)
{
	if (t->state == COAP_LINK_RESOLVING)
		resolved(t, now);
	else if (t->state == COAP_LINK_CONNECTING)
		connected(t, now);
	else if (coap_transport_events(t))
		t->link->ready(t, now);
}

void coap_transport_tick(struct coap_transport *t, uint64_t now)
{
	if (now < t->deadline)
		return;
	switch (t->state) {
	case COAP_LINK_DEAD: /* since a send */
		coap_transport_problem(t, -ECONNRESET, true);
		break;
	case COAP_LINK_RESOLVING:
		resolver_done(t);
		coap_transport_why(t, "name %s: no name server answers", t->host);
		coap_transport_problem(t, -ETIMEDOUT, true);
		break;
	case COAP_LINK_CONNECTING:
		coap_transport_why(t, "connect: no answer within %llu s",
				   (unsigned long long)(t->timeout / 1000));
		coap_transport_problem(t, -ETIMEDOUT, true);
		break;
	default:
		t->link->tick(t, now);
	}
}

int coap_transport_send(struct coap_transport *t, const uint8_t *data, size_t len)
{
	if (t->state != COAP_LINK_UP)
		return -ENOTCONN;
	return t->link->send(t, data, len);
}

bool coap_transport_is_up(const struct coap_transport *t)
{
	return t->state == COAP_LINK_UP;
}

const char *coap_transport_name(const struct coap_transport *t)
{
	return t->name;
}

const char *coap_transport_cipher(const struct coap_transport *t)
{
	return t->ssl && t->state == COAP_LINK_UP ? SSL_get_cipher_name(t->ssl) : NULL;
}

int coap_transport_alert(const struct coap_transport *t)
{
	return t->alert;
}

void coap_transport_forget(struct coap_transport *t)
{
	coap_ssl_forget(t);
}
