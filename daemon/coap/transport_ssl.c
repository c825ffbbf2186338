// SPDX-License-Identifier: Apache-2.0
/*
 * What DTLS and TLS have in common: the handshake, data, and how they end.
 *
 * OpenSSL reads and writes through BIOs of ours (transport_dtls.c, transport_tls.c),
 * so that an error of the socket is seen as what it is.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <openssl/async.h>
#include <openssl/err.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

/* records taken before other events of the loop get their turn */
#define BURST 64
/* a paused handshake that does not say what it waits for is asked so often */
#define ASYNC_POLL_MS 10

const char *coap_ssl_reason(char *buf, size_t room)
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

void coap_ssl_forget(struct coap_transport *t)
{
	SSL_SESSION_free(t->session);
	t->session = NULL;
}

static const char *protocol(const struct coap_transport *t)
{
	return t->kind == COAP_TRANSPORT_DTLS ? "DTLS" : "TLS";
}

static void set_why(struct coap_transport *t, const char *phase)
{
	char text[160];

	coap_transport_why(t, "%s %s: %s", protocol(t), phase,
			   coap_ssl_reason(text, sizeof(text)));
	coap_ssl_forget(t);
}

static BIO_METHOD *bio_method(const struct coap_bio *below)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, below->name);

	if (!m)
		return NULL;
	if (!BIO_meth_set_read(m, below->read) || !BIO_meth_set_write(m, below->write) ||
	    !BIO_meth_set_ctrl(m, below->ctrl)) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

int coap_ssl_start(struct coap_transport *t, const struct coap_bio *below)
{
	char text[160];
	BIO *bio;
	int r;

	t->alert = -1;
	t->closed = false;
	if (!t->bio)
		t->bio = bio_method(below);
	t->ssl = t->bio ? SSL_new(t->ssl_ctx) : NULL;
	bio = t->ssl ? BIO_new(t->bio) : NULL;
	if (!bio) {
		coap_transport_why(t, "%s set-up: %s", protocol(t),
				   coap_ssl_reason(text, sizeof(text)));
		return -ENOMEM;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	r = coap_auth_apply(t, t->ssl);
	if (r)
		return r;
	if (t->auth.async)
		SSL_set_mode(t->ssl, SSL_MODE_ASYNC);
	if (t->session)
		SSL_set_session(t->ssl, t->session);
	return 0;
}

/* ---- a key that takes its time ---------------------------------------------------- */

/* The handshake waits for an operation of the key: for a descriptor, or a while. */
static void paused(struct coap_transport *t, uint64_t now)
{
	OSSL_ASYNC_FD fd = -1;
	size_t n = 1;

	t->paused = true;
	if (!SSL_get_all_async_fds(t->ssl, NULL, &n) || n != 1 ||
	    !SSL_get_all_async_fds(t->ssl, &fd, &n))
		fd = -1;
	t->async_fd = fd;
	t->deadline =
		fd < 0 && now + ASYNC_POLL_MS < t->give_up ? now + ASYNC_POLL_MS : t->give_up;
}

/*
 * OpenSSL has no way to drop a paused job: it must be let run to its end, or it
 * and the stack it stands on are lost.
 */
static void finish_paused(struct coap_transport *t)
{
	for (int i = 0; i < 100 && t->paused; i++) {
		struct pollfd p = {t->async_fd, POLLIN, 0};
		int r;

		poll(&p, 1, ASYNC_POLL_MS);
		r = SSL_do_handshake(t->ssl);
		t->paused = SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_ASYNC;
	}
	t->paused = false;
	t->async_fd = -1;
}

/* ---- handshake ------------------------------------------------------------------------ */

/* What the peer's certificate lacks, or what the queue of errors says. */
static void failure(struct coap_transport *t, int error)
{
	long verify = SSL_get_verify_result(t->ssl);
	char text[160];

	if (verify != X509_V_OK) {
		snprintf(text, sizeof(text), "the server's %s is not accepted: %s",
			 t->auth.auth == COAP_AUTH_RPK ? "key" : "certificate",
			 X509_verify_cert_error_string(verify));
		ERR_clear_error();
	} else if (t->closed || error == SSL_ERROR_ZERO_RETURN || !ERR_peek_error()) {
		snprintf(text, sizeof(text), "the server closed it");
		ERR_clear_error();
	} else {
		coap_ssl_reason(text, sizeof(text));
	}
	coap_transport_why(t, "%s handshake: %s (%s)", protocol(t), text, coap_auth_hint(t));
	coap_ssl_forget(t);
	coap_transport_problem(t, -EPROTO, true);
}

int coap_ssl_handshake(struct coap_transport *t, uint64_t now)
{
	int r, e;

	ERR_clear_error();
	t->socket_error = 0;
	t->paused = false;
	t->async_fd = -1;
	r = SSL_do_handshake(t->ssl);
	if (r == 1) {
		SSL_clear_mode(t->ssl, SSL_MODE_ASYNC);
		/* what TLS 1.3 has for a session comes later, by the call back */
		if (SSL_version(t->ssl) != TLS1_3_VERSION) {
			coap_ssl_forget(t);
			t->session = SSL_get1_session(t->ssl);
			t->session_new = true;
		}
		coap_transport_up(t, SSL_session_reused(t->ssl));
		return 1;
	}
	e = SSL_get_error(t->ssl, r);
	if (e == SSL_ERROR_WANT_ASYNC) {
		paused(t, now);
		return 0;
	}
	if (t->socket_error) {
		r = t->socket_error;
		coap_transport_why(t, "%s handshake: %s", protocol(t), coap_transport_errno(r));
		coap_transport_refused(t, -r, now);
		return -1;
	}
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return 0;
	/* an alert of the server, most often about who we are */
	failure(t, e);
	return -1;
}

/* ---- data -------------------------------------------------------------------------------- */

static void read_records(struct coap_transport *t)
{
	uint8_t buf[SSL3_RT_MAX_PLAIN_LENGTH];

	for (int i = 0; i < BURST && t->state == COAP_LINK_UP; i++) {
		int n, e;

		ERR_clear_error();
		t->socket_error = 0;
		n = SSL_read(t->ssl, buf, sizeof(buf));
		if (n > 0) {
			t->handler->datagram(t->ctx, buf, (size_t)n);
			OPENSSL_cleanse(buf, (size_t)n);
			continue;
		}
		e = SSL_get_error(t->ssl, n);
		if (t->socket_error) {
			n = t->socket_error;
			coap_transport_why(t, "receive: %s", coap_transport_errno(n));
			coap_transport_problem(t, -n, t->kind != COAP_TRANSPORT_DTLS);
			continue;
		}
		if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
			return;
		if (e == SSL_ERROR_ZERO_RETURN) {
			coap_transport_why(t, "%s: the server closed the session", protocol(t));
		} else if (t->closed) {
			coap_transport_why(t, "the server closed the connection");
			ERR_clear_error();
		} else {
			set_why(t, "session");
		}
		coap_transport_problem(t, -ECONNRESET, true);
	}
}

void coap_ssl_read(struct coap_transport *t)
{
	read_records(t);
	if (!t->session_new || t->state != COAP_LINK_UP)
		return;
	t->session_new = false;
	if (t->handler->session)
		t->handler->session(t->ctx);
}

int coap_ssl_send(struct coap_transport *t, const uint8_t *data, size_t len)
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
	set_why(t, "session");
	coap_transport_dead(t);
	return -ENOTCONN;
}

void coap_ssl_stop(struct coap_transport *t)
{
	if (!t->ssl)
		return;
	ERR_clear_error();
	finish_paused(t);
	if (t->state == COAP_LINK_UP)
		SSL_shutdown(t->ssl); /* close_notify; its answer is not awaited */
	/* else OpenSSL takes a session that was not closed in due form for a bad one */
	SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	t->ssl = NULL;
	ERR_clear_error();
}
