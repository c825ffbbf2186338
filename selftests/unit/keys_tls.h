/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS server of OpenSSL's and a transport of coap/ in one process: certificates, what a
 * factory puts into the SE, and an association from nothing to data and back.
 */
#ifndef SESAME_TEST_KEYS_TLS_H
#define SESAME_TEST_KEYS_TLS_H

#include "unit/keys_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "coap/transport.h"
#include "gp/error.h"
#include "job/job-exchange.h"
#include "keys/cred.h"
#include "keys/keyop.h"

static struct se_keys *keys;
static EVP_PKEY *ca_key, *server_key;
static X509 *ca, *server_cert;
static uint8_t point[KEYOP_POINT]; /* of key 02 */
static char server_spki[512];
static size_t server_spki_len;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- certificates ---- */

static X509 *certify(const char *name, EVP_PKEY *key, X509 *issuer)
{
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	if (!issuer) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
							"critical,CA:TRUE");

		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_sign(x, ca_key, EVP_sha256()) > 0);
	return x;
}

static EVP_PKEY *point_key(const uint8_t *p)
{
	static char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)p,
						  KEYOP_POINT),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	EVP_PKEY_fromdata_init(c);
	assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static size_t to_der(X509 *x, uint8_t *der)
{
	uint8_t *p = der;
	int n = i2d_X509(x, &p);

	assert_true(n > 0);
	return (size_t)n;
}

/* What a factory puts in: file 40 our certificate, 41 the CA's, and filling behind each. */
static void provision(void)
{
	struct keyop op = {.kind = KEYOP_PUBLIC, .out = point, .room = sizeof(point)};
	struct job_exchange_params p = {.origin = "daemon:test",
					.timeout_ms = 5000,
					.next = keyop_next,
					.userdata = &op};
	uint8_t pre[128], file[2048] = {0};
	unsigned char *spki = NULL;
	EVP_PKEY *mine;
	X509 *cert;
	int n;

	assert_int_equal(seref_parse(&op.ref, "se:se0/iotsafe/02", 17, false, NULL), 0);
	assert_int_equal(keyop_target(&op, &p), 0);
	assert_int_equal(job_exchange_run(store, &p, NULL, NULL), 0);
	ca_key = EVP_EC_gen("P-256");
	server_key = EVP_EC_gen("P-256");
	ca = certify("test CA", ca_key, NULL);
	server_cert = certify("server.example", server_key, ca);
	mine = point_key(point);
	cert = certify("device-1", mine, ca);
	to_der(cert, file);
	kw_file(0x40, file, 1500);
	X509_free(cert);
	memset(file, 0xff, sizeof(file));
	to_der(ca, file);
	kw_file(0x41, file, 1500);
	cert = certify("device-2", server_key, ca);
	kw_file(0x42, file, to_der(cert, file));
	X509_free(cert);
	EVP_PKEY_free(mine);
	kw_secret(0x20, pre, keyop_psk_premaster(kw_psk, sizeof(kw_psk), pre));
	kw_slot(0x20, 0x08 | 0x01, kw_psk, sizeof(kw_psk));
	kw_slot(0x21, 0x08 | 0x01, "another key here", 16);
	memset(pre, 0x11, 32);
	kw_slot(0x07, 0x08 | 0x01, pre, 32);
	n = i2d_PUBKEY(server_key, &spki);
	server_spki_len = (size_t)n;
	memcpy(server_spki, spki, server_spki_len);
	OPENSSL_free(spki);
}

/* ---- the server ---- */

struct far {
	int fd, stream;
	char port[8];
	SSL_CTX *ctx;
	SSL *ssl;
	bool stream_side, connected;
	char got[64];
};

static unsigned int far_psk(SSL *ssl, const char *identity, unsigned char *key,
			    unsigned int room)
{
	(void)ssl;
	if (strcmp(identity, "device-1") || room < sizeof(kw_psk))
		return 0;
	memcpy(key, kw_psk, sizeof(kw_psk));
	return sizeof(kw_psk);
}

static void far_open(struct far *f, enum coap_transport_kind kind, enum coap_auth auth)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const unsigned char rpk[] = {TLSEXT_cert_type_rpk};
	bool tls = kind == COAP_TRANSPORT_TLS;
	socklen_t len = sizeof(a);
	EVP_PKEY *mine;

	memset(f, 0, sizeof(*f));
	f->stream = -1;
	f->stream_side = tls;
	f->fd = socket(AF_INET, (tls ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &len), 0);
	if (tls)
		assert_int_equal(listen(f->fd, 4), 0);
	snprintf(f->port, sizeof(f->port), "%u", ntohs(a.sin_port));
	f->ctx = SSL_CTX_new(tls ? TLS_server_method() : DTLS_server_method());
	assert_true(SSL_CTX_set_cipher_list(f->ctx, "ALL:@SECLEVEL=0"));
	SSL_CTX_set_session_id_context(f->ctx, (const unsigned char *)"t", 1);
	if (auth == COAP_AUTH_PSK) {
		SSL_CTX_set_max_proto_version(f->ctx, tls ? TLS1_2_VERSION : DTLS1_2_VERSION);
		SSL_CTX_set_psk_server_callback(f->ctx, far_psk);
	} else {
		assert_int_equal(SSL_CTX_use_certificate(f->ctx, server_cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(f->ctx, server_key), 1);
		SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
		X509_STORE_add_cert(SSL_CTX_get_cert_store(f->ctx), ca);
	}
	if (auth == COAP_AUTH_RPK)
		assert_true(SSL_CTX_dane_enable(f->ctx) > 0);
	f->ssl = SSL_new(f->ctx);
	if (auth == COAP_AUTH_RPK) {
		mine = point_key(point);
		assert_true(SSL_dane_enable(f->ssl, NULL) > 0);
		assert_true(SSL_add_expected_rpk(f->ssl, mine));
		assert_true(SSL_set1_client_cert_type(f->ssl, rpk, 1));
		assert_true(SSL_set1_server_cert_type(f->ssl, rpk, 1));
		EVP_PKEY_free(mine);
	}
	SSL_set_accept_state(f->ssl);
}

static void far_connect(struct far *f)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	BIO_ADDR *addr;
	BIO *bio;
	char c;

	if (f->stream_side) {
		f->stream = accept4(f->fd, NULL, NULL, SOCK_NONBLOCK);
		if (f->stream < 0)
			return;
		SSL_set_fd(f->ssl, f->stream);
		f->connected = true;
		return;
	}
	if (recvfrom(f->fd, &c, 1, MSG_PEEK, (struct sockaddr *)&peer, &len) < 0)
		return;
	assert_int_equal(connect(f->fd, (struct sockaddr *)&peer, len), 0);
	bio = BIO_new_dgram(f->fd, BIO_NOCLOSE);
	addr = BIO_ADDR_new();
	BIO_ADDR_rawmake(addr, AF_INET, &peer.sin_addr, sizeof(peer.sin_addr), peer.sin_port);
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, addr);
	BIO_ADDR_free(addr);
	SSL_set_bio(f->ssl, bio, bio);
	f->connected = true;
}

static void far_run(struct far *f)
{
	if (!f->connected)
		far_connect(f);
	if (!f->connected)
		return;
	ERR_clear_error();
	if (!SSL_is_init_finished(f->ssl))
		SSL_do_handshake(f->ssl);
	else
		SSL_read(f->ssl, f->got, sizeof(f->got) - 1);
}

static void far_close(struct far *f)
{
	SSL_free(f->ssl);
	SSL_CTX_free(f->ctx);
	close(f->fd);
	if (f->stream >= 0)
		close(f->stream);
}

/* ---- our side ---- */

struct near {
	struct coap_transport *t;
	int ups, fatal, loaded;
	bool resumed;
	int error;
	char what[512];
	struct gp_error err;
	struct keys_cred cred;
};

static void on_up(void *ctx, bool resumed)
{
	struct near *n = ctx;

	n->ups++;
	n->resumed = resumed;
}

static void on_problem(void *ctx, int error, const char *what, bool fatal)
{
	struct near *n = ctx;

	(void)error;
	n->fatal += fatal;
	snprintf(n->what, sizeof(n->what), "%s", what);
}

static void on_datagram(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
}

static const struct coap_transport_handler handler = {
	.up = on_up, .datagram = on_datagram, .problem = on_problem};

static void on_cred(void *userdata, int error, const struct gp_error *err,
		    struct keys_cred *cred)
{
	struct near *n = userdata;

	n->loaded++;
	n->error = error;
	if (err)
		n->err = *err;
	if (cred)
		n->cred = *cred;
}

/* What the account does: resolve, wait. Return: 0 or negative. */
static int load(struct near *n, enum keys_cred_mode mode, const char *own, const char *peer,
		size_t peer_len, const char *secret)
{
	struct keys_cred_request req = {
		.mode = mode,
		.own = {(const uint8_t *)own, own ? strlen(own) : 0},
		.server = {(const uint8_t *)peer, peer_len},
		.secret = {(const uint8_t *)secret, strlen(secret)},
	};
	struct keys_cred_load *l;
	int r;

	memset(n, 0, sizeof(*n));
	r = keys_cred_start(keys, &req, on_cred, n, &l, &n->err);
	if (r)
		return r;
	assert_int_equal(!l, n->loaded);
	assert_true(kw_until(&n->loaded));
	return n->error;
}

/* Of a handshake; a test whose far end will be silent takes less. */
static uint32_t handshake_ms = 60000;

static void near_open(struct near *n, const struct far *f, enum coap_transport_kind kind,
		      enum coap_auth auth, bool async)
{
	struct coap_transport_config c = {
		.kind = kind,
		.host = "127.0.0.1",
		.port = f->port,
		.credentials =
			{
				.auth = auth,
				.psk_identity = "device-1",
				.psk_key = n->cred.psk,
				.psk_key_len = n->cred.psk_len,
				.key = n->cred.key,
				.cert = n->cred.own,
				.cert_len = n->cred.own_len,
				.server = n->cred.server,
				.server_len = n->cred.server_len,
				.usage = COAP_CERT_DOMAIN_ISSUED,
				.async = async,
				.libctx = n->cred.libctx,
			},
		.handshake_timeout_ms = handshake_ms,
	};
	static uint8_t der[2048];

	if (auth == COAP_AUTH_X509 && !n->cred.server_len) {
		c.credentials.server = der;
		c.credentials.server_len = to_der(server_cert, der);
	} else if (auth == COAP_AUTH_X509) {
		c.credentials.usage = COAP_CERT_TRUST_ANCHOR;
		c.credentials.sni = "server.example";
	}
	if (coap_transport_open(&n->t, &c, &handler, n, now_ms(), n->what, sizeof(n->what)))
		fail_msg("%s", n->what);
}

static void step(struct near *n, struct far *f)
{
	struct pollfd p[2] = {{coap_transport_fd(n->t), 0, 0},
			      {f->stream >= 0 ? f->stream : f->fd, POLLIN, 0}};
	uint32_t want = coap_transport_events(n->t);

	p[0].events = (short)((want & EPOLLIN ? POLLIN : 0) | (want & EPOLLOUT ? POLLOUT : 0));
	if (!want)
		p[0].fd = -1;
	poll(p, 2, 5);
	if (p[0].revents)
		coap_transport_ready(n->t, now_ms());
	coap_transport_tick(n->t, now_ms());
	far_run(f);
}

static bool until(struct near *n, struct far *f, const int *flag)
{
	uint64_t start = now_ms();

	while (!*flag && now_ms() - start < 90000)
		step(n, f);
	return *flag;
}

static void near_close(struct near *n)
{
	coap_transport_close(n->t);
	keys_cred_clear(&n->cred);
}

/* One association from nothing to data and back; which instructions the SE saw is in cs.seen.
 */
static void associate(struct near *n, enum coap_transport_kind kind, enum coap_auth auth,
		      bool async)
{
	struct far f;

	memset(cs.seen, 0, sizeof(cs.seen));
	far_open(&f, kind, auth);
	near_open(n, &f, kind, auth, async);
	if (!until(n, &f, &n->ups))
		fail_msg("%s", n->what);
	assert_int_equal(coap_transport_send(n->t, (const uint8_t *)"hello", 5), 0);
	for (int i = 0; i < 12000 && !*f.got; i++)
		step(n, &f);
	assert_string_equal(f.got, "hello");
	assert_int_equal(SSL_get_verify_result(f.ssl), X509_V_OK);
	near_close(n);
	far_close(&f);
}

#endif
