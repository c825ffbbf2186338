// SPDX-License-Identifier: Apache-2.0
/*
 * TLS 1.2 and 1.3 over TCP. Below OpenSSL is the queue of transport_tcp.c, which
 * takes whole records or none: OpenSSL never has to repeat a write.
 */
#include <errno.h>
#include <sys/socket.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

/* a record may be so much longer than what it carries */
#define RECORD_OVERHEAD 512U

static int bio_read(BIO *bio, char *buf, int room)
{
	struct coap_transport *t = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = recv(t->fd, buf, (size_t)room, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return (int)n;
	if (!n) {
		t->closed = true;
		return 0;
	}
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		t->socket_error = errno;
	BIO_set_retry_read(bio);
	return -1;
}

static int bio_write(BIO *bio, const char *buf, int len)
{
	struct coap_transport *t = BIO_get_data(bio);
	int r;

	BIO_clear_retry_flags(bio);
	r = coap_tcp_send(t, (const uint8_t *)buf, (size_t)len);
	if (!r)
		return len;
	t->socket_error = -r;
	return -1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	struct coap_transport *t = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH || (cmd == BIO_CTRL_EOF && t->closed);
}

static const struct coap_bio below = {"coap stream", bio_read, bio_write, bio_ctrl};

static int start(struct coap_transport *t, uint64_t now)
{
	t->deadline = now; /* the first flight leaves from the loop */
	return coap_ssl_start(t, &below);
}

static void handshake(struct coap_transport *t, uint64_t now)
{
	if (!coap_ssl_handshake(t, now) && !t->paused)
		t->deadline = t->give_up;
}

static void tick(struct coap_transport *t, uint64_t now)
{
	if (t->state != COAP_LINK_OPENING) {
		t->deadline = COAP_NEVER;
		return;
	}
	if (now < t->give_up) {
		handshake(t, now);
		return;
	}
	coap_transport_why(t, "TLS handshake: not done within %llu s: the server is silent",
			   (unsigned long long)(t->timeout / 1000));
	coap_ssl_forget(t);
	coap_transport_problem(t, -ETIMEDOUT, true);
}

static void ready(struct coap_transport *t, uint64_t now)
{
	int r = coap_tcp_flush(t);

	if (r) {
		coap_transport_why(t, "send: %s", coap_transport_errno(-r));
		coap_transport_problem(t, r, true);
		return;
	}
	if (t->state == COAP_LINK_OPENING)
		handshake(t, now);
	if (t->state == COAP_LINK_UP)
		coap_ssl_read(t);
}

static int tls_send(struct coap_transport *t, const uint8_t *data, size_t len)
{
	int r;

	if (!coap_tcp_room(t, len + RECORD_OVERHEAD)) {
		coap_transport_why(t, "the server takes no more data");
		coap_transport_dead(t);
		return -ENOBUFS;
	}
	r = coap_ssl_send(t, data, len);
	/* half a record is gone: nothing can follow it */
	if (r && r != -EMSGSIZE && t->state == COAP_LINK_UP) {
		coap_transport_why(t, "send: %s", coap_transport_errno(-r));
		coap_transport_dead(t);
		r = -ENOTCONN;
	}
	return r;
}

static void stop(struct coap_transport *t)
{
	coap_ssl_stop(t);
	if (t->state == COAP_LINK_UP)
		coap_tcp_flush(t);
	coap_tcp_drop(t);
}

const struct coap_link coap_link_tls = {
	.socktype = SOCK_STREAM,
	.start = start,
	.ready = ready,
	.tick = tick,
	.send = tls_send,
	.stop = stop,
};
