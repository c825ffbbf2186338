// SPDX-License-Identifier: Apache-2.0
/*
 * DTLS and TLS with certificates (all four usages), raw public keys and pre-shared
 * keys, and plain TCP, against OpenSSL as the server, in this process on loopback:
 * who is let in, who is not and in which words, sessions that outlive the process,
 * keys that take their time, and a wall clock that jumps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

static const uint8_t psk_key[16] = "0123456789abcde";

/* ---- the wall clock is ours ------------------------------------------------------------ */

static int64_t clock_step; /* seconds */

/* OpenSSL and the transport ask libc, and get this one */
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts))
		return -1;
	tv->tv_sec = ts.tv_sec + clock_step;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- keys and certificates ----------------------------------------------------------------
 */

struct blob {
	uint8_t *p;
	size_t len;
};

static EVP_PKEY *ca_key, *server_key, *client_key, *other_key;
static X509 *ca, *server_cert, *client_cert, *other_ca;
static struct blob ca_der, server_der, client_der, other_der, server_spki, other_spki;
static char ca_file[] = "/tmp/coap-ca-XXXXXX";

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_true(X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static X509 *certify(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key,
		     const char *san, int days)
{
	X509 *x = X509_new();
	X509_NAME *n;

	assert_non_null(x);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), rand());
	X509_gmtime_adj(X509_getm_notBefore(x), days < 0 ? -172800 : -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), days * 86400L);
	X509_set_pubkey(x, key);
	n = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : n);
	add_ext(x, issuer ? issuer : x, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (san)
		add_ext(x, issuer, NID_subject_alt_name, san);
	assert_true(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()));
	return x;
}

static struct blob der_of(X509 *x)
{
	struct blob b = {NULL, 0};

	b.len = (size_t)i2d_X509(x, &b.p);
	return b;
}

static struct blob spki_of(EVP_PKEY *k)
{
	struct blob b = {NULL, 0};

	b.len = (size_t)i2d_PUBKEY(k, &b.p);
	return b;
}

static int make_keys(void **state)
{
	FILE *f;
	int fd;

	(void)state;
	ca_key = EVP_EC_gen("P-256");
	server_key = EVP_EC_gen("P-256");
	client_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	ca = certify(ca_key, "Test CA", NULL, NULL, NULL, 10);
	other_ca = certify(other_key, "Other CA", NULL, NULL, NULL, 10);
	server_cert = certify(server_key, "server", ca, ca_key,
			      "DNS:server.example,IP:127.0.0.1", 10);
	client_cert = certify(client_key, "client", ca, ca_key, NULL, 10);
	ca_der = der_of(ca);
	server_der = der_of(server_cert);
	client_der = der_of(client_cert);
	other_der = der_of(other_ca);
	server_spki = spki_of(server_key);
	other_spki = spki_of(other_key);
	fd = mkstemp(ca_file);
	f = fdopen(fd, "w");
	if (!f || !PEM_write_X509(f, ca) || fclose(f))
		return -1;
	return 0;
}

static int drop_keys(void **state)
{
	struct blob *blobs[] = {&ca_der,    &server_der,  &client_der,
				&other_der, &server_spki, &other_spki};

	(void)state;
	unlink(ca_file);
	for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++)
		OPENSSL_free(blobs[i]->p);
	X509_free(ca);
	X509_free(other_ca);
	X509_free(server_cert);
	X509_free(client_cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(server_key);
	EVP_PKEY_free(client_key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* ---- the far end ---------------------------------------------------------------------------
 */

struct far {
	bool dtls, secure;
	int fd, listener;
	char port[8];
	SSL_CTX *ctx;
	SSL *ssl;
	bool connected;
	bool deaf; /* takes nothing in */
	unsigned int drop;
	bool ask; /* for a certificate */
	char sni[64];
	uint8_t got[65536];
	size_t got_len;
	uint64_t total;
};

static unsigned int far_psk(SSL *ssl, const char *identity, unsigned char *key,
			    unsigned int room)
{
	(void)ssl;
	if (strcmp(identity, "device-1") || room < sizeof(psk_key))
		return 0;
	memcpy(key, psk_key, sizeof(psk_key));
	return sizeof(psk_key);
}

static int far_sni(SSL *ssl, int *al, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct far *f = arg;

	(void)al;
	snprintf(f->sni, sizeof(f->sni), "%s", name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

static int far_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		    const unsigned char *in, unsigned int in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	if (in_len != 5 || memcmp(in, "\4coap", 5))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_len = 4;
	return SSL_TLSEXT_ERR_OK;
}

static int accept_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static void far_socket(struct far *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int on = 1, *fd = f->dtls ? &f->fd : &f->listener;

	a.sin_port = htons((uint16_t)atoi(f->port));
	*fd = socket(AF_INET, (f->dtls ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
	assert_true(*fd >= 0);
	setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &len), 0);
	if (!f->dtls)
		assert_int_equal(listen(*fd, 5), 0);
	snprintf(f->port, sizeof(f->port), "%u", ntohs(a.sin_port));
}

static void far_open(struct far *f, enum coap_transport_kind kind, enum coap_auth auth)
{
	static const unsigned char rpk[] = {TLSEXT_cert_type_rpk};

	memset(f, 0, sizeof(*f));
	f->fd = f->listener = -1;
	f->dtls = kind == COAP_TRANSPORT_DTLS;
	f->secure = coap_transport_secure(kind);
	far_socket(f);
	if (!f->secure)
		return;
	f->ctx = SSL_CTX_new(f->dtls ? DTLS_server_method() : TLS_server_method());
	assert_non_null(f->ctx);
	SSL_CTX_set_session_id_context(f->ctx, (const unsigned char *)"t", 1);
	SSL_CTX_set_tlsext_servername_callback(f->ctx, far_sni);
	SSL_CTX_set_tlsext_servername_arg(f->ctx, f);
	if (!f->dtls)
		SSL_CTX_set_alpn_select_cb(f->ctx, far_alpn, NULL);
	SSL_CTX_set_security_level(f->ctx, 0);
	if (auth == COAP_AUTH_PSK) {
		SSL_CTX_set_psk_server_callback(f->ctx, far_psk);
		return;
	}
	assert_true(SSL_CTX_use_PrivateKey(f->ctx, server_key));
	if (auth == COAP_AUTH_X509) {
		assert_true(SSL_CTX_use_certificate(f->ctx, server_cert));
		assert_true(SSL_CTX_use_PrivateKey(f->ctx, server_key));
		X509_STORE_add_cert(SSL_CTX_get_cert_store(f->ctx), ca);
		SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	} else {
		assert_true(SSL_CTX_set1_server_cert_type(f->ctx, rpk, 1));
		assert_true(SSL_CTX_set1_client_cert_type(f->ctx, rpk, 1));
		SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   accept_any);
	}
}

static void far_ssl(struct far *f)
{
	BIO *bio;

	SSL_free(f->ssl);
	f->ssl = SSL_new(f->ctx);
	bio = f->dtls ? BIO_new_dgram(f->fd, BIO_NOCLOSE) : BIO_new_socket(f->fd, BIO_NOCLOSE);
	assert_true(f->ssl && bio);
	SSL_set_bio(f->ssl, bio, bio);
	SSL_set_accept_state(f->ssl);
	f->got_len = 0;
}

static void far_peer(struct far *f)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	BIO_ADDR *addr;
	char c;

	if (recvfrom(f->fd, &c, 1, MSG_PEEK, (struct sockaddr *)&peer, &len) < 0)
		return;
	assert_int_equal(connect(f->fd, (struct sockaddr *)&peer, len), 0);
	far_ssl(f);
	addr = BIO_ADDR_new();
	assert_true(BIO_ADDR_rawmake(addr, AF_INET, &peer.sin_addr, sizeof(peer.sin_addr),
				     peer.sin_port));
	BIO_ctrl(SSL_get_rbio(f->ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, addr);
	BIO_ADDR_free(addr);
	f->connected = true;
}

static void far_run(struct far *f)
{
	ssize_t n;
	char c;

	if (f->deaf)
		return;
	if (f->drop) {
		if (recv(f->fd, &c, 1, 0) >= 0)
			f->drop--;
		return;
	}
	if (!f->connected && f->dtls) {
		far_peer(f);
	} else if (!f->connected) {
		f->fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
		if (f->fd < 0)
			return;
		f->connected = true;
		if (f->secure)
			far_ssl(f);
	}
	if (f->secure && f->ssl && !SSL_is_init_finished(f->ssl)) {
		SSL_do_handshake(f->ssl);
		ERR_clear_error();
		return;
	}
	do {
		n = f->secure && f->ssl ? SSL_read(f->ssl, f->got, sizeof(f->got))
					: recv(f->fd, f->got, sizeof(f->got), 0);
		if (n > 0) {
			f->got_len = (size_t)n;
			f->total += (size_t)n;
		}
	} while (n > 0);
	ERR_clear_error();
}

static void far_hang_up(struct far *f, bool bye)
{
	if (f->ssl && bye)
		SSL_shutdown(f->ssl);
	SSL_free(f->ssl);
	f->ssl = NULL;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->connected = false;
}

static void far_close(struct far *f)
{
	far_hang_up(f, false);
	SSL_CTX_free(f->ctx);
	if (f->listener >= 0)
		close(f->listener);
}

/* ---- the near end ---------------------------------------------------------------------------
 */

struct near {
	struct coap_transport *t;
	unsigned int ups, resumed, datagrams, problems, sessions;
	int error;
	bool fatal;
	char what[512];
	uint64_t total;
};

static void on_up(void *ctx, bool resumed)
{
	struct near *n = ctx;

	n->ups++;
	n->resumed += resumed;
}

static void on_datagram(void *ctx, const uint8_t *data, size_t len)
{
	struct near *n = ctx;

	(void)data;
	n->datagrams++;
	n->total += len;
}

static void on_problem(void *ctx, int error, const char *what, bool fatal)
{
	struct near *n = ctx;

	n->problems++;
	n->error = error;
	n->fatal = fatal;
	snprintf(n->what, sizeof(n->what), "%s", what);
}

static void on_session(void *ctx)
{
	((struct near *)ctx)->sessions++;
}

static const struct coap_transport_handler handler = {
	.up = on_up,
	.datagram = on_datagram,
	.problem = on_problem,
	.session = on_session,
};

static struct coap_transport_config base(const struct far *f, enum coap_transport_kind kind)
{
	struct coap_transport_config c = {
		.kind = kind,
		.host = "127.0.0.1",
		.port = f->port,
		.handshake_timeout_ms = 60000,
	};

	return c;
}

static struct coap_credentials x509(const struct blob *expect, enum coap_cert_usage usage)
{
	struct coap_credentials c = {
		.auth = COAP_AUTH_X509,
		.key = client_key,
		.cert = client_der.p,
		.cert_len = client_der.len,
		.server = expect ? expect->p : NULL,
		.server_len = expect ? expect->len : 0,
		.usage = usage,
		.trust = ca_file,
	};

	return c;
}

static struct coap_credentials rpk(const struct blob *expect)
{
	struct coap_credentials c = {
		.auth = COAP_AUTH_RPK,
		.key = client_key,
		.server = expect->p,
		.server_len = expect->len,
	};

	return c;
}

static struct coap_credentials psk(void)
{
	struct coap_credentials c = {
		.auth = COAP_AUTH_PSK,
		.psk_identity = "device-1",
		.psk_key = psk_key,
		.psk_key_len = sizeof(psk_key),
	};

	return c;
}

static int near_open(struct near *n, const struct coap_transport_config *c)
{
	memset(n, 0, sizeof(*n));
	return coap_transport_open(&n->t, c, &handler, n, now_ms(), n->what, sizeof(n->what));
}

/* Both ends run until @flag is not 0; false after @ms. */
static bool until_ms(struct near *n, struct far *f, const unsigned int *flag, uint64_t ms)
{
	uint64_t start = now_ms();

	while (!*flag) {
		uint32_t e = coap_transport_events(n->t);
		struct pollfd p[2] = {
			{e ? coap_transport_fd(n->t) : -1,
			 (short)((e & EPOLLIN ? POLLIN : 0) | (e & EPOLLOUT ? POLLOUT : 0)), 0},
			{f->deaf      ? -1
			 : f->fd >= 0 ? f->fd
				      : f->listener,
			 POLLIN, 0},
		};

		poll(p, 2, 10);
		if (p[0].revents)
			coap_transport_ready(n->t, now_ms());
		coap_transport_tick(n->t, now_ms());
		if (p[1].revents)
			far_run(f);
		if (now_ms() - start > ms)
			return false;
	}
	return true;
}

static bool until(struct near *n, struct far *f, const unsigned int *flag)
{
	return until_ms(n, f, flag, 60000);
}

/* One association; what comes of it. */
static void once(struct near *n, struct far *f, const struct coap_transport_config *c)
{
	unsigned int done = 0;
	uint64_t start = now_ms();

	assert_int_equal(near_open(n, c), 0);
	while (!n->ups && !n->problems && now_ms() - start < 60000)
		until_ms(n, f, &done, 1);
}

/* A server that refuses us says so after its own Finished, in TLS 1.3. */
static void once_refused(struct near *n, struct far *f, const struct coap_transport_config *c)
{
	once(n, f, c);
	assert_true(until(n, f, &n->problems));
	assert_true(n->fatal);
}

static void expect_up(struct far *f, enum coap_transport_kind kind,
		      const struct coap_credentials *cr)
{
	struct coap_transport_config c = base(f, kind);
	uint64_t start = now_ms();
	unsigned int never = 0;
	struct near n;

	c.credentials = *cr;
	once(&n, f, &c);
	if (!n.ups || n.problems)
		fail_msg("not up: %s", n.what);
	assert_int_equal(coap_transport_send(n.t, psk_key, 16), 0);
	while (!f->got_len && now_ms() - start < 60000)
		until_ms(&n, f, &never, 1);
	assert_int_equal(f->got_len, 16);
	assert_int_equal(n.problems, 0);
	coap_transport_close(n.t);
	far_hang_up(f, false);
	if (f->dtls)
		far_socket(f);
}

static void expect_refusal(struct far *f, enum coap_transport_kind kind,
			   const struct coap_credentials *cr, const char *words)
{
	struct coap_transport_config c = base(f, kind);
	struct near n;

	c.credentials = *cr;
	once_refused(&n, f, &c);
	if (!strstr(n.what, words))
		fail_msg("no \"%s\" in: %s", words, n.what);
	assert_int_equal(coap_transport_send(n.t, psk_key, 16), -ENOTCONN);
	coap_transport_close(n.t);
	far_hang_up(f, false);
	if (f->dtls)
		far_socket(f);
}

static const enum coap_transport_kind secure_kinds[] = {COAP_TRANSPORT_DTLS,
							COAP_TRANSPORT_TLS};

/* ---- who is let in
 * ---------------------------------------------------------------------------- */

static void test_x509(void **state)
{
	uint8_t digest[64];
	struct far f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum coap_transport_kind k = secure_kinds[i];
		struct coap_credentials c;

		far_open(&f, k, COAP_AUTH_X509);
		/* the anchor, the certificate itself, and both with the trust store's word */
		c = x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
		expect_up(&f, k, &c);
		c = x509(&server_der, COAP_CERT_DOMAIN_ISSUED);
		expect_up(&f, k, &c);
		c = x509(&server_der, COAP_CERT_SERVICE_CONSTRAINT);
		expect_up(&f, k, &c);
		c = x509(NULL, COAP_CERT_CA_CONSTRAINT);
		expect_up(&f, k, &c);
		/* the server's name instead of its address */
		c = x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
		c.sni = "server.example";
		expect_up(&f, k, &c);
		assert_string_equal(f.sni, "server.example");

		/* somebody else */
		c = x509(&other_der, COAP_CERT_TRUST_ANCHOR);
		expect_refusal(&f, k, &c, "certificate is not accepted");
		c = x509(&other_der, COAP_CERT_DOMAIN_ISSUED);
		expect_refusal(&f, k, &c, "certificate is not accepted");
		c = x509(&ca_der, COAP_CERT_DOMAIN_ISSUED);
		expect_refusal(&f, k, &c, "certificate is not accepted");
		c = x509(&other_der, COAP_CERT_SERVICE_CONSTRAINT);
		expect_refusal(&f, k, &c, "certificate is not accepted");
		c = x509(&other_der, COAP_CERT_CA_CONSTRAINT);
		expect_refusal(&f, k, &c, "certificate is not accepted");
		/* the right one, but the machine's trust store does not know its issuer */
		c = x509(&server_der, COAP_CERT_SERVICE_CONSTRAINT);
		c.trust = NULL;
		expect_refusal(&f, k, &c, "certificate is not accepted");
		/* not the name that was asked for; usage 3 asks for none */
		c = x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
		c.sni = "elsewhere.example";
		expect_refusal(&f, k, &c, "certificate is not accepted");
		c = x509(&server_der, COAP_CERT_DOMAIN_ISSUED);
		c.sni = "elsewhere.example";
		expect_up(&f, k, &c);

		/* by digest */
		c = x509(NULL, COAP_CERT_DOMAIN_ISSUED);
		c.server = digest;
		EVP_Digest(server_der.p, server_der.len, digest, NULL, EVP_sha256(), NULL);
		c.server_len = 32;
		c.match = COAP_CERT_SHA256;
		expect_up(&f, k, &c);
		EVP_Digest(server_der.p, server_der.len, digest, NULL, EVP_sha384(), NULL);
		c.server_len = 48;
		c.match = COAP_CERT_SHA384;
		expect_up(&f, k, &c);
		EVP_Digest(server_der.p, server_der.len, digest, NULL, EVP_sha512(), NULL);
		c.server_len = 64;
		c.match = COAP_CERT_SHA512;
		expect_up(&f, k, &c);
		digest[63] ^= 1;
		expect_refusal(&f, k, &c, "certificate is not accepted");
		far_close(&f);
	}
}

/* Usage 0 wants the CA on the path that the server sends. */
static void test_ca_constraint(void **state)
{
	struct far f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct coap_credentials c = x509(&ca_der, COAP_CERT_CA_CONSTRAINT);

		far_open(&f, secure_kinds[i], COAP_AUTH_X509);
		expect_up(&f, secure_kinds[i], &c);
		far_close(&f);
	}
}

static void test_dates(void **state)
{
	X509 *old = certify(server_key, "server", ca, ca_key, "IP:127.0.0.1", -1);
	struct blob old_der = der_of(old);
	struct coap_credentials c;
	struct far f;

	(void)state;
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_X509);
	assert_true(SSL_CTX_use_certificate(f.ctx, old));
	c = x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
	expect_refusal(&f, COAP_TRANSPORT_DTLS, &c, "expired");
	/* usage 3: the very certificate, whatever it says */
	c = x509(&old_der, COAP_CERT_DOMAIN_ISSUED);
	expect_up(&f, COAP_TRANSPORT_DTLS, &c);
	far_close(&f);
	OPENSSL_free(old_der.p);
	X509_free(old);
}

/* The server does not want us: its alert is kept for /1/x/11. */
static void test_refused_by_server(void **state)
{
	X509 *mine = certify(client_key, "client", other_ca, other_key, NULL, 10);
	struct blob der = der_of(mine);
	struct coap_transport_config conf;
	struct near n;
	struct far f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		far_open(&f, secure_kinds[i], COAP_AUTH_X509);
		conf = base(&f, secure_kinds[i]);
		conf.credentials = x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
		conf.credentials.cert = der.p;
		conf.credentials.cert_len = der.len;
		once_refused(&n, &f, &conf);
		assert_int_equal(coap_transport_alert(n.t), SSL_AD_UNKNOWN_CA);
		coap_transport_close(n.t);
		far_close(&f);
	}
	OPENSSL_free(der.p);
	X509_free(mine);
}

static void test_rpk(void **state)
{
	struct far f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct coap_credentials c = rpk(&server_spki);

		far_open(&f, secure_kinds[i], COAP_AUTH_RPK);
		expect_up(&f, secure_kinds[i], &c);
		c = rpk(&other_spki);
		expect_refusal(&f, secure_kinds[i], &c, "key is not accepted");
		far_close(&f);
		/* a server that wants a certificate */
		far_open(&f, secure_kinds[i], COAP_AUTH_X509);
		c = rpk(&server_spki);
		expect_refusal(&f, secure_kinds[i], &c, "alert");
		far_close(&f);
	}
}

static void test_psk_tls(void **state)
{
	struct coap_credentials c = psk();
	struct far f;

	(void)state;
	far_open(&f, COAP_TRANSPORT_TLS, COAP_AUTH_PSK);
	expect_up(&f, COAP_TRANSPORT_TLS, &c);
	c.psk_identity = "device-2";
	expect_refusal(&f, COAP_TRANSPORT_TLS, &c, "identity");
	far_close(&f);
}

static int give_psk(void *ctx, uint8_t *key, size_t room)
{
	int *answer = ctx;

	assert_true(room >= sizeof(psk_key));
	if (*answer < 0)
		return *answer;
	memcpy(key, psk_key, sizeof(psk_key));
	(*answer)++;
	return sizeof(psk_key);
}

static void test_psk_call_back(void **state)
{
	struct coap_credentials c = {.auth = COAP_AUTH_PSK, .psk_identity = "device-1"};
	int answer = 0;
	struct far f;

	(void)state;
	c.psk = give_psk;
	c.psk_ctx = &answer;
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	expect_up(&f, COAP_TRANSPORT_DTLS, &c);
	assert_int_equal(answer, 1);
	answer = -EIO;
	expect_refusal(&f, COAP_TRANSPORT_DTLS, &c, "handshake");
	far_close(&f);
}

/* A server that sends certificates without end: no more than 32 KiB are taken in. */
static void test_long_chain(void **state)
{
	static char san[40000];
	struct coap_credentials c = x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
	X509 *extra[8];
	struct far f;
	size_t n = 0;

	(void)state;
	for (int i = 0; n < 7000; i++)
		n += (size_t)sprintf(san + n, "%sDNS:host-%d.example", i ? "," : "", i);
	for (int k = 0; k < 2; k++) {
		far_open(&f, secure_kinds[k], COAP_AUTH_X509);
		for (int i = 0; i < 8; i++) {
			extra[i] = certify(other_key, "padding", ca, ca_key, san, 10);
			assert_true(SSL_CTX_add1_chain_cert(f.ctx, extra[i]));
		}
		expect_refusal(&f, secure_kinds[k], &c, "handshake: ");
		for (int i = 0; i < 8; i++)
			X509_free(extra[i]);
		far_close(&f);
	}
}

/* ---- cipher suites --------------------------------------------------------------------------
 */

static void test_suites(void **state)
{
	static const struct {
		enum coap_transport_kind kind;
		enum coap_auth auth;
		uint16_t id;
		const char *name;
	} suites[] = {
		{COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, 0xc0a8, "PSK-AES128-CCM8"},
		{COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, 0x00ae, "PSK-AES128-CBC-SHA256"},
		{COAP_TRANSPORT_DTLS, COAP_AUTH_X509, 0xc0ae, "ECDHE-ECDSA-AES128-CCM8"},
		{COAP_TRANSPORT_DTLS, COAP_AUTH_X509, 0xc023, "ECDHE-ECDSA-AES128-SHA256"},
		{COAP_TRANSPORT_TLS, COAP_AUTH_RPK, 0xc0ae, "ECDHE-ECDSA-AES128-CCM8"},
		{COAP_TRANSPORT_TLS, COAP_AUTH_X509, 0x1305, "TLS_AES_128_CCM_8_SHA256"},
		{COAP_TRANSPORT_TLS, COAP_AUTH_X509, 0x1301, "TLS_AES_128_GCM_SHA256"},
	};
	static const uint16_t unknown[] = {0xfffe, 0x1305};
	struct coap_transport_config c;
	struct near n;
	struct far f;

	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		far_open(&f, suites[i].kind, suites[i].auth);
		assert_true(SSL_CTX_set_ciphersuites(
			f.ctx, "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_GCM_SHA256"));
		assert_true(SSL_CTX_set_cipher_list(f.ctx, "ALL:@SECLEVEL=0"));
		c = base(&f, suites[i].kind);
		c.credentials = suites[i].auth == COAP_AUTH_PSK ? psk()
				: suites[i].auth == COAP_AUTH_RPK
					? rpk(&server_spki)
					: x509(&ca_der, COAP_CERT_TRUST_ANCHOR);
		c.credentials.suites = &suites[i].id;
		c.credentials.n_suites = 1;
		once(&n, &f, &c);
		if (!n.ups)
			fail_msg("%s: %s", suites[i].name, n.what);
		assert_string_equal(coap_transport_cipher(n.t), suites[i].name);
		coap_transport_close(n.t);
		far_close(&f);
	}
	/* none that can be had here, or on DTLS 1.2 */
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	c = base(&f, COAP_TRANSPORT_DTLS);
	c.credentials = psk();
	c.credentials.suites = unknown;
	c.credentials.n_suites = 2;
	assert_int_equal(near_open(&n, &c), -EINVAL);
	assert_non_null(strstr(n.what, "cipher suites"));
	far_close(&f);
}

/* ---- what cannot be
 * -------------------------------------------------------------------------- */

static void refused(const struct coap_credentials *cr, const char *words)
{
	struct far f = {.port = "5684"};
	struct coap_transport_config c = base(&f, COAP_TRANSPORT_DTLS);
	struct near n;

	c.credentials = *cr;
	assert_int_equal(near_open(&n, &c), -EINVAL);
	assert_null(n.t);
	if (!strstr(n.what, words))
		fail_msg("no \"%s\" in: %s", words, n.what);
}

static void test_bad_credentials(void **state)
{
	struct coap_credentials c = {.auth = COAP_AUTH_NONE};
	struct blob cut = {server_der.p, server_der.len - 1};
	struct blob trail = {malloc(server_der.len + 1), server_der.len + 1};
	EVP_PKEY *k;

	(void)state;
	refused(&c, "credentials");
	c = x509(&ca_der, 2);
	c.key = NULL;
	refused(&c, "private key");
	c.key = other_key;
	refused(&c, "not of our private key");
	c = x509(&ca_der, 2);
	c.cert_len = 0;
	refused(&c, "certificate of ours");
	c.cert_len = client_der.len - 1;
	refused(&c, "certificate of ours");
	c = x509(&cut, 2);
	refused(&c, "not one");
	memcpy(trail.p, server_der.p, server_der.len);
	trail.p[server_der.len] = 0;
	c = x509(&trail, 2);
	refused(&c, "not one");
	c = x509(&ca_der, (enum coap_cert_usage)4);
	refused(&c, "usage");
	c = x509(&ca_der, 2);
	c.match = COAP_CERT_SHA384;
	refused(&c, "48");
	c = x509(&ca_der, 0);
	c.trust = "/no/such/store";
	refused(&c, "/no/such/store");
	c = rpk(&server_der);
	refused(&c, "SubjectPublicKeyInfo");
	c = psk();
	c.psk_key_len = COAP_PSK_MAX + 1;
	refused(&c, "65");
	free(trail.p);

	/* keys in the forms of /0/x/5 */
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(client_key);
	int n = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);

	assert_int_equal(coap_private_key(der, (size_t)n, &k), 0);
	assert_int_equal(EVP_PKEY_eq(k, client_key), 1);
	EVP_PKEY_free(k);
	assert_int_equal(coap_private_key(der, (size_t)n - 1, &k), -EINVAL);
	assert_null(k);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(p8);
	der = NULL;
	n = i2d_PrivateKey(client_key, &der);
	assert_int_equal(coap_private_key(der, (size_t)n, &k), 0);
	EVP_PKEY_free(k);
	OPENSSL_free(der);
	assert_int_equal(coap_private_key((const uint8_t *)"se:x", 4, &k), -EINVAL);
	assert_int_equal(coap_private_key((const uint8_t *)"", 0, &k), -EINVAL);
	assert_int_equal(coap_private_key(server_spki.p, server_spki.len, &k), -EINVAL);
}

static void test_schemes(void **state)
{
	enum coap_transport_kind k;

	(void)state;
	assert_int_equal(coap_transport_scheme("coap://x", &k), 7);
	assert_int_equal(k, COAP_TRANSPORT_UDP);
	assert_int_equal(coap_transport_scheme("COAPS://x", &k), 8);
	assert_int_equal(k, COAP_TRANSPORT_DTLS);
	assert_int_equal(coap_transport_scheme("coap+tcp://x", &k), 11);
	assert_int_equal(k, COAP_TRANSPORT_TCP);
	assert_int_equal(coap_transport_scheme("coaps+tcp://x", &k), 12);
	assert_int_equal(k, COAP_TRANSPORT_TLS);
	assert_int_equal(coap_transport_scheme("coap+ws://x", &k), -EINVAL);
	assert_int_equal(coap_transport_scheme("", &k), -EINVAL);
}

/* ---- sessions
 * ---------------------------------------------------------------------------------- */

static void test_session(void **state)
{
	struct coap_transport_config c;
	uint8_t *saved, *again;
	size_t len, again_len;
	struct near n;
	struct far f;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool dtls = i % 2 == 0, cert = i >= 2;
		enum coap_transport_kind k = secure_kinds[!dtls];

		far_open(&f, k, cert ? COAP_AUTH_X509 : COAP_AUTH_PSK);
		c = base(&f, k);
		c.credentials = cert ? x509(&ca_der, COAP_CERT_TRUST_ANCHOR) : psk();
		once(&n, &f, &c);
		assert_true(n.ups && !n.problems);
		assert_true(until(&n, &f, &n.sessions));
		assert_int_equal(coap_transport_session(n.t, &saved, &len), 0);
		coap_transport_close(n.t); /* the process ends */
		far_hang_up(&f, false);
		if (dtls)
			far_socket(&f);

		/* another life */
		c.session = saved;
		c.session_len = len;
		once(&n, &f, &c);
		if (!n.ups || n.problems)
			fail_msg("%s", n.what);
		assert_int_equal(n.resumed, 1);
		if (!dtls) /* of TLS 1.3: a new one comes */
			assert_true(until(&n, &f, &n.sessions));
		assert_int_equal(coap_transport_session(n.t, &again, &again_len), 0);
		OPENSSL_clear_free(again, again_len);
		coap_transport_close(n.t);
		far_hang_up(&f, false);
		if (dtls)
			far_socket(&f);

		/* damaged: as if there were none */
		saved[0] ^= 1;
		once(&n, &f, &c);
		assert_true(n.ups && !n.resumed);
		coap_transport_close(n.t);
		far_hang_up(&f, false);
		if (dtls)
			far_socket(&f);
		saved[0] ^= 1;
		c.session_len = 20;
		once(&n, &f, &c);
		assert_true(n.ups && !n.resumed);
		/* not wanted any more */
		coap_transport_forget(n.t);
		assert_int_equal(coap_transport_session(n.t, &again, &again_len), -ENODATA);
		coap_transport_close(n.t);
		far_hang_up(&f, false);
		if (dtls)
			far_socket(&f);

		/* of other credentials: what was trusted then must be shown anew */
		c.session_len = len;
		if (cert) {
			c.credentials.usage = COAP_CERT_DOMAIN_ISSUED;
			c.credentials.server = server_der.p;
			c.credentials.server_len = server_der.len;
		} else {
			c.credentials.psk_key = (const uint8_t *)"0123456789abcdef";
		}
		once(&n, &f, &c);
		assert_int_equal(n.resumed, 0);
		coap_transport_close(n.t);
		OPENSSL_clear_free(saved, len);
		far_close(&f);
	}
}

/* ---- a key that takes its time
 * ------------------------------------------------------------------ */

static int slow_pipe[2];

static void no_clean(ASYNC_WAIT_CTX *ctx, const void *key, OSSL_ASYNC_FD fd, void *arg)
{
	(void)ctx;
	(void)key;
	(void)fd;
	(void)arg;
}

/* The key is in an SE, which takes until somebody writes into the pipe. */
static int slow_psk(void *ctx, uint8_t *key, size_t room)
{
	ASYNC_JOB *job = ASYNC_get_current_job();
	unsigned int *calls = ctx;
	char c;

	(void)room;
	assert_non_null(job);
	ASYNC_WAIT_CTX_set_wait_fd(ASYNC_get_wait_ctx(job), slow_psk, slow_pipe[0], NULL,
				   no_clean);
	while (read(slow_pipe[0], &c, 1) != 1)
		ASYNC_pause_job();
	ASYNC_WAIT_CTX_clear_fd(ASYNC_get_wait_ctx(job), slow_psk);
	(*calls)++;
	memcpy(key, psk_key, sizeof(psk_key));
	return sizeof(psk_key);
}

static void test_async(void **state)
{
	struct coap_credentials cr = {
		.auth = COAP_AUTH_PSK, .psk_identity = "device-1", .async = true};
	struct coap_transport_config c;
	unsigned int calls = 0, never = 0;
	uint64_t start;
	struct near n;
	struct far f;

	(void)state;
	assert_int_equal(pipe2(slow_pipe, O_NONBLOCK), 0);
	cr.psk = slow_psk;
	cr.psk_ctx = &calls;
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	c = base(&f, COAP_TRANSPORT_DTLS);
	c.credentials = cr;
	assert_int_equal(near_open(&n, &c), 0);
	start = now_ms();
	while (coap_transport_fd(n.t) != slow_pipe[0] && now_ms() - start < 60000)
		until_ms(&n, &f, &never, 20);
	/* it waits for the key, and for nothing else; our loop is free */
	assert_int_equal(coap_transport_fd(n.t), slow_pipe[0]);
	assert_int_equal(coap_transport_events(n.t), EPOLLIN);
	for (int i = 0; i < 10; i++) /* each returns, and there is no key yet */
		coap_transport_tick(n.t, now_ms());
	assert_int_equal(calls, 0);
	assert_int_equal(write(slow_pipe[1], "k", 1), 1);
	assert_true(until(&n, &f, &n.ups));
	assert_int_equal(calls, 1);
	assert_int_not_equal(coap_transport_fd(n.t), slow_pipe[0]);
	coap_transport_close(n.t);
	far_close(&f);

	/* closed while it waits: what it waited for comes to its end */
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	c = base(&f, COAP_TRANSPORT_DTLS);
	c.credentials = cr;
	assert_int_equal(near_open(&n, &c), 0);
	start = now_ms();
	while (coap_transport_fd(n.t) != slow_pipe[0] && now_ms() - start < 60000)
		until_ms(&n, &f, &never, 20);
	assert_int_equal(coap_transport_fd(n.t), slow_pipe[0]);
	assert_int_equal(write(slow_pipe[1], "k", 1), 1);
	coap_transport_close(n.t);
	assert_int_equal(calls, 2);
	far_close(&f);
	close(slow_pipe[0]);
	close(slow_pipe[1]);
}

/* ---- clocks
 * ------------------------------------------------------------------------------------- */

static void test_clock_steps(void **state)
{
	static const int64_t steps[] = {-86400, 86400, -3600 * 24 * 365LL};
	struct coap_transport_config c;
	unsigned int never = 0;
	struct near n;
	struct far f;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
		c = base(&f, COAP_TRANSPORT_DTLS);
		c.credentials = psk();
		f.drop = 1; /* the first flight is lost: it has to be repeated */
		assert_int_equal(near_open(&n, &c), 0);
		until_ms(&n, &f, &never, 100);
		clock_step += steps[i];
		/* by the monotonic clock it is about a second, and not a day */
		if (!until(&n, &f, &n.ups))
			fail_msg("a step of %lld s stalled the handshake", (long long)steps[i]);
		coap_transport_close(n.t);
		far_close(&f);
	}
	clock_step = 0;
}

/* ---- TCP
 * --------------------------------------------------------------------------------------- */

static void test_tcp(void **state)
{
	static uint8_t data[9000];
	struct coap_transport_config c;
	unsigned int never = 0, sent = 0;
	struct near n;
	struct far f;
	int r = 0;

	(void)state;
	far_open(&f, COAP_TRANSPORT_TCP, COAP_AUTH_NONE);
	c = base(&f, COAP_TRANSPORT_TCP);
	assert_int_equal(near_open(&n, &c), 0);
	assert_int_equal(coap_transport_send(n.t, data, 10), -ENOTCONN);
	assert_true(until(&n, &f, &n.ups));
	assert_non_null(strstr(coap_transport_name(n.t), "coap+tcp://127.0.0.1:"));
	until_ms(&n, &f, &never, 20);
	/* the server reads nothing for a while: nothing is lost, whole messages only */
	f.deaf = true;
	while (sent < 600 && !(coap_transport_events(n.t) & EPOLLOUT)) {
		assert_int_equal(coap_transport_send(n.t, data, sizeof(data)), 0);
		sent++;
	}
	assert_true(coap_transport_events(n.t) & EPOLLOUT);
	f.deaf = false;
	f.total = 0;
	for (int i = 0; i < 6000 && f.total < (uint64_t)sent * sizeof(data); i++)
		until_ms(&n, &f, &never, 10);
	assert_true(f.total == (uint64_t)sent * sizeof(data));
	assert_int_equal(coap_transport_events(n.t), EPOLLIN);
	assert_null(n.t->out);
	/* ... and for ever: it is given up, with bounded memory */
	f.deaf = true;
	for (sent = 0; !r && sent < 5000; sent++)
		r = coap_transport_send(n.t, data, sizeof(data));
	assert_int_equal(r, -ENOBUFS);
	assert_true(n.t->out_room <= 300 * 1024);
	assert_int_equal(n.problems, 0); /* told from the loop */
	coap_transport_tick(n.t, now_ms());
	assert_int_equal(n.problems, 1);
	assert_true(n.fatal);
	assert_non_null(strstr(n.what, "takes no more"));

	/* again, and the server goes */
	far_hang_up(&f, false);
	f.deaf = false;
	n.ups = n.problems = 0;
	assert_int_equal(coap_transport_reopen(n.t, now_ms(), NULL, 0), 0);
	assert_true(until(&n, &f, &n.ups));
	until_ms(&n, &f, &never, 20);
	assert_int_equal(write(f.fd, data, 3), 3);
	assert_true(until(&n, &f, &n.datagrams));
	far_hang_up(&f, false);
	assert_true(until(&n, &f, &n.problems));
	assert_true(n.fatal);
	assert_int_equal(n.error, -ECONNRESET);
	/* nobody at all */
	close(f.listener);
	f.listener = -1;
	n.problems = 0;
	assert_int_equal(coap_transport_reopen(n.t, now_ms(), NULL, 0), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_int_equal(n.error, -ECONNREFUSED);
	assert_non_null(strstr(n.what, "nothing listens"));
	coap_transport_close(n.t);
	far_close(&f);
}

/* A name with two addresses, of which only the second answers. */
static void test_addresses(void **state)
{
	static const enum coap_transport_kind kinds[] = {COAP_TRANSPORT_TCP, COAP_TRANSPORT_TLS,
							 COAP_TRANSPORT_DTLS};
	struct coap_transport_config c;
	struct addrinfo *list;
	struct near n;
	struct far f;

	(void)state;
	for (int i = 0; i < 3; i++) {
		far_open(&f, kinds[i], COAP_AUTH_PSK);
		c = base(&f, kinds[i]);
		c.credentials = psk();
		c.host = "127.0.0.2";
		assert_int_equal(near_open(&n, &c), 0);
		/* as if the name had the other one as well */
		assert_int_equal(coap_resolve_now("127.0.0.1", f.port, AI_NUMERICHOST, &list),
				 0);
		if (n.t->peers)
			freeaddrinfo(n.t->peers);
		n.t->peers = n.t->next = list;
		assert_true(until(&n, &f, &n.ups));
		assert_int_equal(n.problems, 0);
		assert_null(n.t->peers);
		coap_transport_close(n.t);
		far_close(&f);
	}
}

/* A server that accepts and then says nothing. */
static void test_tls_silence(void **state)
{
	struct coap_transport_config c;
	struct near n;
	struct far f;

	(void)state;
	far_open(&f, COAP_TRANSPORT_TLS, COAP_AUTH_PSK);
	c = base(&f, COAP_TRANSPORT_TLS);
	c.credentials = psk();
	c.handshake_timeout_ms = 300;
	f.deaf = true;
	assert_int_equal(near_open(&n, &c), 0);
	assert_true(until(&n, &f, &n.problems));
	assert_int_equal(n.error, -ETIMEDOUT);
	assert_non_null(strstr(n.what, "silent"));
	coap_transport_close(n.t);
	far_close(&f);
}

/* It hangs up with and without the TLS good-bye; it stops reading. */
static void test_tls_ends(void **state)
{
	static uint8_t data[9000];
	struct coap_transport_config c;
	unsigned int never = 0;
	struct near n;
	struct far f;
	int r = 0;

	(void)state;
	for (int bye = 0; bye < 2; bye++) {
		far_open(&f, COAP_TRANSPORT_TLS, COAP_AUTH_PSK);
		c = base(&f, COAP_TRANSPORT_TLS);
		c.credentials = psk();
		once(&n, &f, &c);
		assert_int_equal(n.ups, 1);
		assert_true(until(&n, &f, &n.sessions)); /* it has our Finished */
		far_hang_up(&f, bye);
		assert_true(until(&n, &f, &n.problems));
		assert_true(n.fatal);
		assert_int_equal(n.error, -ECONNRESET);
		assert_non_null(
			strstr(n.what, bye ? "closed the session" : "closed the connection"));
		n.ups = n.problems = 0;
		assert_int_equal(coap_transport_reopen(n.t, now_ms(), NULL, 0), 0);
		assert_true(until(&n, &f, &n.ups));
		until_ms(&n, &f, &never, 50);
		f.deaf = true;
		for (int i = 0; !r && i < 5000; i++)
			r = coap_transport_send(n.t, data, sizeof(data));
		assert_int_equal(r, -ENOBUFS);
		assert_int_equal(n.problems, 0);
		coap_transport_tick(n.t, now_ms());
		assert_int_equal(n.problems, 1);
		assert_true(n.fatal);
		r = 0;
		coap_transport_close(n.t);
		far_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x509),	      cmocka_unit_test(test_ca_constraint),
		cmocka_unit_test(test_dates),	      cmocka_unit_test(test_refused_by_server),
		cmocka_unit_test(test_rpk),	      cmocka_unit_test(test_psk_tls),
		cmocka_unit_test(test_psk_call_back), cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_suites),	      cmocka_unit_test(test_bad_credentials),
		cmocka_unit_test(test_schemes),	      cmocka_unit_test(test_session),
		cmocka_unit_test(test_async),	      cmocka_unit_test(test_clock_steps),
		cmocka_unit_test(test_tcp),	      cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_tls_silence),   cmocka_unit_test(test_tls_ends),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
