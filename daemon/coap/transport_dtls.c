// SPDX-License-Identifier: Apache-2.0
/*
 * DTLS 1.2: datagrams below OpenSSL, and the timer of the handshake.
 *
 * OpenSSL reads and writes through a BIO of ours, so that an ICMP error is
 * seen as what it is and does not make OpenSSL give the session up.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/err.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

#define MTU 1232 /* of a DTLS datagram: IPv6's minimum of 1280 less its headers */
/* so far may the clock be set back before a handshake minds */
#define STEP_MS 500
/* ... and so long it waits for an answer then */
#define STEP_WAIT_MS 1000

/* ---- the BIO ------------------------------------------------------------------------ */

static int bio_read(BIO *bio, char *buf, int room)
{
	struct coap_transport *t = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	n = recv(t->fd, buf, (size_t)room, 0);
	if (n > 0)
		return (int)n;
	/* an empty datagram is nothing; an error is kept for whoever asks */
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		t->socket_error = errno;
	BIO_set_retry_read(bio);
	return -1;
}

static int bio_write(BIO *bio, const char *buf, int len)
{
	struct coap_transport *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	for (int i = 0; i < 2; i++) {
		if (send(t->fd, buf, (size_t)len, MSG_NOSIGNAL) >= 0)
			return len;
		if (errno != EINTR && errno != ECONNREFUSED)
			break;
	}
	/* lost on the way out is lost in the network: whoever cares repeats it */
	if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
		t->socket_error = errno;
	return len;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static const struct coap_bio below = {"coap datagrams", bio_read, bio_write, bio_ctrl};

/* ---- handshake ------------------------------------------------------------------------ */

/*
 * OpenSSL times its flights by the wall clock. When that is set back it would not
 * repeat one for as long as the step was; the handshake begins anew instead.
 * (Forward, a flight is repeated too early, which does no harm.)
 */
static int64_t clock_offset(uint64_t now)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 - (int64_t)now;
}

static bool set_back(const struct coap_transport *t, uint64_t now)
{
	return clock_offset(now) < t->clock_offset - STEP_MS;
}

static void set_timer(struct coap_transport *t, uint64_t now)
{
	struct timeval left;
	uint64_t ms;

	t->deadline = t->give_up;
	if (!DTLSv1_get_timeout(t->ssl, &left))
		return;
	ms = (uint64_t)left.tv_sec * 1000 + (uint64_t)(left.tv_usec + 999) / 1000;
	if (ms > STEP_WAIT_MS && set_back(t, now))
		ms = STEP_WAIT_MS;
	if (now + ms < t->deadline)
		t->deadline = now + ms;
}

static void handshake(struct coap_transport *t, uint64_t now)
{
	if (!coap_ssl_handshake(t, now) && !t->paused)
		set_timer(t, now);
}

static int begin(struct coap_transport *t, uint64_t now)
{
	int r = coap_ssl_start(t, &below);

	if (r)
		return r;
	SSL_set_mtu(t->ssl, MTU);
	t->clock_offset = clock_offset(now);
	return 0;
}

static int start(struct coap_transport *t, uint64_t now)
{
	t->deadline = now; /* the first flight leaves from the loop */
	return begin(t, now);
}

static void tick(struct coap_transport *t, uint64_t now)
{
	int r;

	if (t->state != COAP_LINK_OPENING) {
		t->deadline = COAP_NEVER;
		return;
	}
	if (now >= t->give_up) {
		coap_transport_why(t,
				   "DTLS handshake: no (acceptable) answer within %llu s: the "
				   "server is silent, or (%s)",
				   (unsigned long long)(t->timeout / 1000), coap_auth_hint(t));
		coap_ssl_forget(t);
		coap_transport_problem(t, -ETIMEDOUT, true);
		return;
	}
	if (!t->paused && set_back(t, now)) {
		coap_ssl_stop(t);
		r = begin(t, now);
		if (r) {
			coap_transport_problem(t, r, true);
			return;
		}
	}
	ERR_clear_error();
	if (!t->paused && DTLSv1_handle_timeout(t->ssl) < 0) {
		char text[160];

		coap_transport_why(t, "DTLS handshake: %s",
				   coap_ssl_reason(text, sizeof(text)));
		coap_ssl_forget(t);
		coap_transport_problem(t, -ETIMEDOUT, true);
		return;
	}
	handshake(t, now);
}

static void ready(struct coap_transport *t, uint64_t now)
{
	if (t->state == COAP_LINK_OPENING)
		handshake(t, now);
	if (t->state == COAP_LINK_UP)
		coap_ssl_read(t);
}

const struct coap_link coap_link_dtls = {
	.socktype = SOCK_DGRAM,
	.start = start,
	.ready = ready,
	.tick = tick,
	.send = coap_ssl_send,
	.stop = coap_ssl_stop,
};
