// SPDX-License-Identifier: Apache-2.0
/*
 * DTLS 1.2 client with a pre-shared key, on OpenSSL. The first two cipher
 * suites are those that OMA LwM2M transport 1.1 names (RFC 7925 profile);
 * the others are for servers whose OpenSSL finds an 8-byte tag and CBC too
 * weak by default.
 *
 * OpenSSL reads and writes through a BIO of ours, so that an ICMP error is
 * seen as what it is and does not make OpenSSL give the session up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/err.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

#define CIPHERS                                                                        \
	"PSK-AES128-CCM8:PSK-AES128-CBC-SHA256:PSK-AES128-CCM:PSK-AES128-GCM-SHA256:@" \
	"SECLEVEL=0"
#define MTU 1232 /* of a DTLS datagram: IPv6's minimum of 1280 less its headers */
#define BURST 64

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

static BIO_METHOD *bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "coap datagrams");

	if (!m)
		return NULL;
	if (!BIO_meth_set_read(m, bio_read) || !BIO_meth_set_write(m, bio_write) ||
	    !BIO_meth_set_ctrl(m, bio_ctrl)) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- OpenSSL's state ---------------------------------------------------------------- */

static unsigned int psk(SSL *ssl, const char *hint, char *identity, unsigned int identity_room,
			unsigned char *key, unsigned int key_room)
{
	struct coap_transport *t = SSL_get_app_data(ssl);

	(void)hint;
	if (strlen(t->identity) >= identity_room || t->key_len > key_room)
		return 0;
	strcpy(identity, t->identity);
	memcpy(key, t->key, t->key_len);
	return (unsigned int)t->key_len;
}

/* The first reason in OpenSSL's queue, in words; empties the queue. */
static const char *reason(char *buf, size_t room)
{
	unsigned long e = ERR_get_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	if (text)
		snprintf(buf, room, "%s", text);
	else if (e)
		ERR_error_string_n(e, buf, room);
	else
		snprintf(buf, room, "no reason given");
	ERR_clear_error();
	return buf;
}

static int make_context(struct coap_transport *t)
{
	SSL_CTX *c;

	if (t->ssl_ctx)
		return 0;
	t->bio = bio_method();
	c = SSL_CTX_new(DTLS_client_method());
	if (!t->bio || !c)
		goto fail;
	if (!SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) ||
	    !SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(c, CIPHERS))
		goto fail;
	SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
				       SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_psk_client_callback(c, psk);
	t->ssl_ctx = c;
	return 0;
fail:
	SSL_CTX_free(c);
	BIO_meth_free(t->bio);
	t->bio = NULL;
	return -ENOMEM;
}

static void forget_session(struct coap_transport *t)
{
	SSL_SESSION_free(t->session);
	t->session = NULL;
}

/* ---- handshake ------------------------------------------------------------------------ */

static void set_timer(struct coap_transport *t, uint64_t now)
{
	struct timeval left;

	t->deadline = t->give_up;
	if (DTLSv1_get_timeout(t->ssl, &left)) {
		uint64_t at = now + (uint64_t)left.tv_sec * 1000 +
			      (uint64_t)(left.tv_usec + 999) / 1000;

		if (at < t->deadline)
			t->deadline = at;
	}
}

static void set_why(struct coap_transport *t, const char *phase)
{
	char text[160];

	coap_transport_why(t, "DTLS %s: %s", phase, reason(text, sizeof(text)));
	forget_session(t);
}

/* The association cannot be used any more; the reason is OpenSSL's. */
static void dead(struct coap_transport *t, const char *phase, int error)
{
	set_why(t, phase);
	coap_transport_problem(t, error, true);
}

static void handshake(struct coap_transport *t, uint64_t now)
{
	char text[160];
	int r;

	ERR_clear_error();
	t->socket_error = 0;
	r = SSL_do_handshake(t->ssl);
	if (r == 1) {
		forget_session(t);
		t->session = SSL_get1_session(t->ssl);
		coap_transport_up(t, SSL_session_reused(t->ssl));
		return;
	}
	r = SSL_get_error(t->ssl, r);
	if (t->socket_error) {
		r = t->socket_error;
		coap_transport_why(t, "DTLS handshake: %s", coap_transport_errno(r));
		coap_transport_problem(t, -r, true);
		return;
	}
	if (r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE) {
		set_timer(t, now);
		return;
	}
	/* an alert of the server, most often about who we are */
	if (r == SSL_ERROR_ZERO_RETURN || !ERR_peek_error())
		snprintf(text, sizeof(text), "the server closed it");
	else
		reason(text, sizeof(text));
	coap_transport_why(t,
			   "DTLS handshake: %s (are PSK identity and key those that the server "
			   "has, and does it offer one of the cipher suites PSK-AES128-CCM8, "
			   "-CBC-SHA256, -CCM, -GCM-SHA256?)",
			   text);
	forget_session(t);
	coap_transport_problem(t, -EPROTO, true);
}

static int start(struct coap_transport *t, uint64_t now)
{
	BIO *bio;
	int r = make_context(t);

	t->give_up = now + t->handshake_timeout;
	t->ssl = r ? NULL : SSL_new(t->ssl_ctx);
	bio = t->ssl ? BIO_new(t->bio) : NULL;
	if (!bio) {
		char text[160];

		coap_transport_why(t, "DTLS set-up: %s", reason(text, sizeof(text)));
		return -ENOMEM;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	SSL_set_mtu(t->ssl, MTU);
	if (t->session)
		SSL_set_session(t->ssl, t->session);
	t->deadline = now; /* the first flight leaves from the loop */
	return 0;
}

static void tick(struct coap_transport *t, uint64_t now)
{
	if (t->state == COAP_LINK_DEAD) { /* since a send: see there */
		coap_transport_problem(t, -ECONNRESET, true);
		return;
	}
	if (t->state != COAP_LINK_OPENING) {
		t->deadline = COAP_NEVER;
		return;
	}
	if (now >= t->give_up) {
		coap_transport_why(t,
				   "DTLS handshake: no (acceptable) answer within %llu s: the "
				   "server is silent, or the PSK key is not the one it has",
				   (unsigned long long)(t->handshake_timeout / 1000));
		forget_session(t);
		coap_transport_problem(t, -ETIMEDOUT, true);
		return;
	}
	ERR_clear_error();
	if (DTLSv1_handle_timeout(t->ssl) < 0) {
		dead(t, "handshake", -ETIMEDOUT);
		return;
	}
	handshake(t, now);
}

/* ---- data -------------------------------------------------------------------------------- */

static void ready(struct coap_transport *t, uint64_t now)
{
	if (t->state == COAP_LINK_OPENING)
		handshake(t, now);
	for (int i = 0; i < BURST && t->state == COAP_LINK_UP; i++) {
		int n, e;

		ERR_clear_error();
		t->socket_error = 0;
		n = SSL_read(t->ssl, t->buf, sizeof(t->buf));
		if (n > 0) {
			t->handler->datagram(t->ctx, t->buf, (size_t)n);
			OPENSSL_cleanse(t->buf, (size_t)n);
			continue;
		}
		e = SSL_get_error(t->ssl, n);
		if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
			if (!t->socket_error)
				return;
			e = t->socket_error;
			coap_transport_why(t, "receive: %s", coap_transport_errno(e));
			coap_transport_problem(t, -e, false);
			continue;
		}
		if (e == SSL_ERROR_ZERO_RETURN) {
			coap_transport_why(t, "DTLS: the server closed the session");
			coap_transport_problem(t, -ECONNRESET, true);
			return;
		}
		dead(t, "session", -ECONNRESET);
	}
}

static int dtls_send(struct coap_transport *t, const uint8_t *data, size_t len)
{
	int n, e;

	if (len > SSL3_RT_MAX_PLAIN_LENGTH)
		return -EMSGSIZE;
	ERR_clear_error();
	t->socket_error = 0;
	n = SSL_write(t->ssl, data, (int)len);
	if (n > 0)
		return t->socket_error ? -t->socket_error : 0;
	e = SSL_get_error(t->ssl, n);
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	/*
	 * Whoever sends is in the midst of the owner's lists; what the owner does
	 * about the end (drop requests, begin anew) waits for the loop.
	 */
	set_why(t, "session");
	t->state = COAP_LINK_DEAD;
	t->deadline = 0;
	return -ENOTCONN;
}

static void stop(struct coap_transport *t)
{
	if (!t->ssl)
		return;
	ERR_clear_error();
	if (t->state == COAP_LINK_UP)
		SSL_shutdown(t->ssl); /* close_notify; its answer is not awaited */
	/* else OpenSSL takes a session that was not closed in due form for a bad one */
	SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	t->ssl = NULL;
	ERR_clear_error();
}

static void dtls_free(struct coap_transport *t)
{
	forget_session(t);
	SSL_CTX_free(t->ssl_ctx);
	BIO_meth_free(t->bio);
	t->ssl_ctx = NULL;
	t->bio = NULL;
}

const struct coap_link coap_link_dtls = {
	.start = start,
	.ready = ready,
	.tick = tick,
	.send = dtls_send,
	.stop = stop,
	.free = dtls_free,
};
