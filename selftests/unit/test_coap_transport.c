// SPDX-License-Identifier: Apache-2.0
/*
 * The transports against a UDP socket and an OpenSSL DTLS server, all in this
 * process on loopback: what is sent arrives, and each way in which a server can
 * let one down is told in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/ssl.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

static const uint8_t psk_key[16] = "0123456789abcde";

struct far {
	int fd;
	char port[8];
	SSL_CTX *ctx;
	SSL *ssl;
	bool connected;
	unsigned int drop; /* datagrams to lose first */
	uint8_t got[2048];
	int got_len;
};

struct near {
	struct coap_transport *t;
	unsigned int ups, resumed, datagrams, problems;
	int error;
	bool fatal;
	char what[512];
	uint8_t got[2048];
	size_t got_len;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_up(void *ctx, bool resumed)
{
	struct near *n = ctx;

	n->ups++;
	n->resumed += resumed;
}

static void on_datagram(void *ctx, const uint8_t *data, size_t len)
{
	struct near *n = ctx;

	assert_true(len <= sizeof(n->got));
	n->datagrams++;
	memcpy(n->got, data, len);
	n->got_len = len;
}

static void on_problem(void *ctx, int error, const char *what, bool fatal)
{
	struct near *n = ctx;

	n->problems++;
	n->error = error;
	n->fatal = fatal;
	snprintf(n->what, sizeof(n->what), "%s", what);
}

static const struct coap_transport_handler handler = {
	.up = on_up, .datagram = on_datagram, .problem = on_problem};

/* ---- the far end ------------------------------------------------------------------- */

static unsigned int far_psk(SSL *ssl, const char *identity, unsigned char *key,
			    unsigned int room)
{
	(void)ssl;
	if (strcmp(identity, "device-1") || room < sizeof(psk_key))
		return 0;
	memcpy(key, psk_key, sizeof(psk_key));
	return sizeof(psk_key);
}

static int far_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	memcpy(cookie, "cookie", 6);
	*len = 6;
	return 1;
}

static int far_cookie_ok(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	return len == 6 && !memcmp(cookie, "cookie", 6);
}

static void far_open(struct far *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	memset(f, 0, sizeof(*f));
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(f->port, sizeof(f->port), "%u", ntohs(a.sin_port));
}

static void far_secure(struct far *f, const char *ciphers)
{
	far_open(f);
	f->ctx = SSL_CTX_new(DTLS_server_method());
	assert_non_null(f->ctx);
	assert_true(SSL_CTX_set_cipher_list(f->ctx, ciphers));
	SSL_CTX_set_psk_server_callback(f->ctx, far_psk);
	SSL_CTX_set_options(f->ctx, SSL_OP_COOKIE_EXCHANGE);
	SSL_CTX_set_cookie_generate_cb(f->ctx, far_cookie);
	SSL_CTX_set_cookie_verify_cb(f->ctx, far_cookie_ok);
	SSL_CTX_set_session_id_context(f->ctx, (const unsigned char *)"t", 1);
}

/* A fresh association of the server on the same socket. */
static void far_accept(struct far *f)
{
	BIO *bio;

	SSL_free(f->ssl);
	f->ssl = SSL_new(f->ctx);
	assert_non_null(f->ssl);
	bio = BIO_new_dgram(f->fd, BIO_NOCLOSE);
	assert_non_null(bio);
	SSL_set_bio(f->ssl, bio, bio);
	SSL_set_accept_state(f->ssl);
	f->connected = false;
	f->got_len = 0;
}

static void far_run(struct far *f)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	BIO_ADDR *addr;
	char c;

	if (!f->ssl)
		return;
	if (f->drop) {
		if (recv(f->fd, &c, 1, 0) >= 0)
			f->drop--;
		return;
	}
	if (!f->connected) {
		if (recvfrom(f->fd, &c, 1, MSG_PEEK, (struct sockaddr *)&peer, &len) < 0)
			return;
		assert_int_equal(connect(f->fd, (struct sockaddr *)&peer, len), 0);
		addr = BIO_ADDR_new();
		assert_non_null(addr);
		assert_true(BIO_ADDR_rawmake(addr, AF_INET, &peer.sin_addr,
					     sizeof(peer.sin_addr), peer.sin_port));
		BIO_ctrl(SSL_get_rbio(f->ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, addr);
		BIO_ADDR_free(addr);
		f->connected = true;
	}
	if (!SSL_is_init_finished(f->ssl)) {
		SSL_do_handshake(f->ssl);
	} else {
		int n = SSL_read(f->ssl, f->got, sizeof(f->got));

		if (n > 0)
			f->got_len = n;
	}
}

/* A new socket at the same port: free for whoever comes next. */
static void far_renew(struct far *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	close(f->fd);
	a.sin_port = htons((uint16_t)atoi(f->port));
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static void far_close(struct far *f)
{
	SSL_free(f->ssl);
	SSL_CTX_free(f->ctx);
	if (f->fd >= 0)
		close(f->fd);
}

/* ---- the near end --------------------------------------------------------------------- */

/* not to be met but where nobody answers */
static uint32_t handshake_ms = 60000;

static int near_open(struct near *n, const struct far *f, bool secure, const char *identity)
{
	struct coap_transport_config c = {
		.kind = secure ? COAP_TRANSPORT_DTLS : COAP_TRANSPORT_UDP,
		.host = "127.0.0.1",
		.port = f->port,
		.credentials =
			{
				.auth = COAP_AUTH_PSK,
				.psk_identity = identity,
				.psk_key = psk_key,
				.psk_key_len = sizeof(psk_key),
			},
		.handshake_timeout_ms = handshake_ms,
	};

	memset(n, 0, sizeof(*n));
	return coap_transport_open(&n->t, &c, &handler, n, now_ms(), n->what, sizeof(n->what));
}

/* Both ends run until @flag is not 0; false after a minute. */
static bool until(struct near *n, struct far *f, const unsigned int *flag)
{
	uint64_t start = now_ms();

	while (!*flag) {
		struct pollfd p[2] = {{coap_transport_fd(n->t), POLLIN, 0}, {f->fd, POLLIN, 0}};

		if (!(coap_transport_events(n->t) & EPOLLIN))
			p[0].fd = -1;
		poll(p, 2, 10);
		if (p[0].revents)
			coap_transport_ready(n->t, now_ms());
		coap_transport_tick(n->t, now_ms());
		if (p[1].revents)
			far_run(f);
		if (now_ms() - start > 60000)
			return false;
	}
	return true;
}

static void test_udp(void **state)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint8_t buf[2048] = {7};
	struct near n;
	struct far f;

	(void)state;
	far_open(&f);
	assert_int_equal(near_open(&n, &f, false, NULL), 0);
	assert_int_equal(coap_transport_send(n.t, buf, 4), -ENOTCONN);
	assert_true(until(&n, &f, &n.ups));
	assert_null(coap_transport_cipher(n.t));
	assert_int_equal(coap_transport_send(n.t, buf, 1800), 0);
	assert_int_equal(recvfrom(f.fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len),
			 1800);
	/* larger than an Ethernet frame: whole */
	assert_int_equal(sendto(f.fd, buf, 1900, 0, (struct sockaddr *)&peer, len), 1900);
	assert_true(until(&n, &f, &n.datagrams));
	assert_int_equal(n.got_len, 1900);
	/* the server goes */
	close(f.fd);
	f.fd = -1;
	assert_int_equal(coap_transport_send(n.t, buf, 4), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_int_equal(n.error, -ECONNREFUSED);
	assert_false(n.fatal);
	assert_non_null(strstr(n.what, "coap://127.0.0.1:"));
	assert_true(coap_transport_is_up(n.t));
	coap_transport_close(n.t);
	far_close(&f);
}

static void test_open_errors(void **state)
{
	struct coap_transport_config c = {.host = "no-such-host.invalid"};
	struct far f = {.port = "5683", .fd = -1};
	struct coap_transport *t;
	char why[512] = "";
	struct near n;

	(void)state;
	/* names take their time, and are told of later */
	memset(&n, 0, sizeof(n));
	assert_int_equal(
		coap_transport_open(&n.t, &c, &handler, &n, now_ms(), why, sizeof(why)), 0);
	assert_int_equal(coap_transport_send(n.t, psk_key, 1), -ENOTCONN);
	assert_true(until(&n, &f, &n.problems));
	assert_true(n.fatal);
	assert_non_null(strstr(n.what, "no-such-host.invalid"));
	/* dropped while it is resolved */
	assert_int_equal(coap_transport_reopen(n.t, now_ms(), why, sizeof(why)), 0);
	coap_transport_close(n.t);
	c.host = "";
	assert_int_equal(coap_transport_open(&t, &c, &handler, NULL, 0, why, sizeof(why)),
			 -EINVAL);
	c.host = "127.0.0.1";
	assert_int_equal(near_open(&n, &f, true, NULL), -EINVAL);
	assert_non_null(strstr(n.what, "identity"));
	/* a local port that is taken */
	far_open(&f);
	c.port = "5683";
	c.bind_host = "127.0.0.1";
	c.bind_port = f.port;
	assert_int_equal(coap_transport_open(&t, &c, &handler, NULL, 0, why, sizeof(why)),
			 -EADDRINUSE);
	assert_non_null(strstr(why, f.port));
	far_close(&f);
}

static void test_name(void **state)
{
	struct coap_transport_config c = {.host = "localhost"};
	struct near n = {0};
	struct far f;
	char why[512];

	(void)state;
	far_open(&f);
	c.port = f.port;
	assert_int_equal(
		coap_transport_open(&n.t, &c, &handler, &n, now_ms(), why, sizeof(why)), 0);
	assert_true(until(&n, &f, &n.ups));
	assert_non_null(strstr(coap_transport_name(n.t), "coap://localhost:"));
	assert_non_null(strchr(coap_transport_name(n.t), '('));
	coap_transport_close(n.t);
	far_close(&f);
}

static void test_dtls(void **state)
{
	static const char *const suites[] = {"PSK-AES128-CCM8:@SECLEVEL=0",
					     "PSK-AES128-CBC-SHA256:@SECLEVEL=0"};
	uint8_t data[1280];
	struct near n;
	struct far f;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < 2; i++) {
		uint64_t start = now_ms();

		far_secure(&f, suites[i]);
		far_accept(&f);
		f.drop = i ? 2 : 0; /* the handshake repeats what was lost */
		assert_int_equal(near_open(&n, &f, true, "device-1"), 0);
		assert_true(until(&n, &f, &n.ups));
		assert_int_equal(n.resumed, 0);
		assert_non_null(coap_transport_cipher(n.t));
		assert_int_equal(strncmp(coap_transport_cipher(n.t), suites[i], 15), 0);
		assert_int_equal(coap_transport_send(n.t, data, sizeof(data)), 0);
		while (!f.got_len && now_ms() - start < 60000)
			far_run(&f);
		assert_int_equal(f.got_len, sizeof(data));
		assert_int_equal(SSL_write(f.ssl, data, 1000), 1000);
		assert_true(until(&n, &f, &n.datagrams));
		assert_int_equal(n.got_len, 1000);

		/* again, on the session of before */
		SSL_shutdown(f.ssl);
		assert_true(until(&n, &f, &n.problems));
		assert_true(n.fatal);
		assert_non_null(strstr(n.what, "closed the session"));
		assert_int_equal(coap_transport_send(n.t, data, 1), -ENOTCONN);
		far_renew(&f);
		far_accept(&f);
		n.ups = n.problems = 0;
		assert_int_equal(coap_transport_reopen(n.t, now_ms(), NULL, 0), 0);
		assert_true(until(&n, &f, &n.ups));
		assert_int_equal(n.resumed, 1);

		/* ICMP does not cost the session */
		close(f.fd);
		f.fd = -1;
		assert_int_equal(coap_transport_send(n.t, data, 10), 0);
		assert_true(until(&n, &f, &n.problems));
		assert_int_equal(n.error, -ECONNREFUSED);
		assert_false(n.fatal);
		assert_true(coap_transport_is_up(n.t));
		coap_transport_close(n.t);
		far_close(&f);
	}
}

/* The sender must not be called back from within: it holds what the call back frees. */
static void test_dtls_dies_in_send(void **state)
{
	struct near n;
	struct far f;

	(void)state;
	far_secure(&f, "PSK-AES128-CCM8:@SECLEVEL=0");
	far_accept(&f);
	assert_int_equal(near_open(&n, &f, true, "device-1"), 0);
	assert_true(until(&n, &f, &n.ups));
	SSL_set_shutdown(n.t->ssl, SSL_SENT_SHUTDOWN); /* no write goes any more */
	assert_int_equal(coap_transport_send(n.t, psk_key, 1), -ENOTCONN);
	assert_int_equal(n.problems, 0);
	assert_true(coap_transport_deadline(n.t) <= now_ms());
	assert_int_equal(coap_transport_events(n.t), 0);
	coap_transport_tick(n.t, now_ms());
	assert_int_equal(n.problems, 1);
	assert_true(n.fatal);
	assert_non_null(strstr(n.what, "DTLS session"));
	assert_true(coap_transport_deadline(n.t) == COAP_NEVER);
	coap_transport_close(n.t);
	far_close(&f);
}

static void test_dtls_refusals(void **state)
{
	struct near n;
	struct far f;

	(void)state;
	/* an identity that the server does not know */
	far_secure(&f, "PSK-AES128-CCM8:@SECLEVEL=0");
	far_accept(&f);
	assert_int_equal(near_open(&n, &f, true, "device-2"), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_true(n.fatal);
	assert_int_equal(n.ups, 0);
	assert_non_null(strstr(n.what, "coaps://127.0.0.1:"));
	assert_non_null(strstr(n.what, "DTLS handshake"));
	assert_non_null(strstr(n.what, "identity"));
	coap_transport_close(n.t);
	far_close(&f);

	/* no cipher suite in common */
	far_secure(&f, "PSK-AES256-GCM-SHA384");
	far_accept(&f);
	assert_int_equal(near_open(&n, &f, true, "device-1"), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_true(n.fatal);
	coap_transport_close(n.t);
	far_close(&f);

	/* a socket that never answers; noise */
	far_open(&f);
	handshake_ms = 1000;
	assert_int_equal(near_open(&n, &f, true, "device-1"), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_int_equal(n.error, -ETIMEDOUT);
	assert_non_null(strstr(n.what, "1 s"));
	handshake_ms = 60000;
	coap_transport_close(n.t);

	/* nobody */
	close(f.fd);
	f.fd = -1;
	assert_int_equal(near_open(&n, &f, true, "device-1"), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_int_equal(n.error, -ECONNREFUSED);
	assert_true(n.fatal);
	coap_transport_close(n.t);
	coap_transport_close(NULL);
	far_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_dtls),
		cmocka_unit_test(test_dtls_dies_in_send),
		cmocka_unit_test(test_dtls_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
