// SPDX-License-Identifier: Apache-2.0
/*
 * Who we are and whom we trust, told to OpenSSL: pre-shared keys, raw public keys
 * (RFC 7250), and certificates by LwM2M's Certificate Usage, which is DANE's
 * (RFC 6698, 7671) with the records out of the Security object instead of DNS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

/* the first two of each are those that LwM2M transport 1.1 names (RFC 7925 profile); the
 * others are for servers that find an 8-byte tag and CBC too weak */
#define PSK_SUITES "PSK-AES128-CCM8:PSK-AES128-CBC-SHA256:PSK-AES128-CCM:PSK-AES128-GCM-SHA256"
#define EC_SUITES                                                                   \
	"ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-CCM:" \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"              \
	"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"
#define TLS13_SUITES                                                              \
	"TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256:" \
	"TLS_AES_256_GCM_SHA384"
/* bytes of certificates that a server may send */
#define CHAIN_MAX 32768
#define SECURITY_BITS 112

/* DANE's matching types: 0, 1 (SHA-256) and 2 (SHA-512) are OpenSSL's, 3 is free */
#define DANE_SHA384 3

/* ---- OpenSSL's state ------------------------------------------------------------------- */

static unsigned int psk(SSL *ssl, const char *hint, char *identity, unsigned int identity_room,
			unsigned char *key, unsigned int key_room)
{
	struct coap_transport *t = SSL_get_app_data(ssl);
	const struct coap_auth_state *a = &t->auth;
	int n;

	(void)hint;
	if (strlen(a->identity) >= identity_room || a->psk_key_len > key_room)
		return 0;
	strcpy(identity, a->identity);
	if (a->psk) {
		n = a->psk(a->psk_ctx, key, key_room < COAP_PSK_MAX ? key_room : COAP_PSK_MAX);
		return n > 0 && n <= COAP_PSK_MAX ? (unsigned int)n : 0;
	}
	memcpy(key, a->psk_key, a->psk_key_len);
	return (unsigned int)a->psk_key_len;
}

static int new_session(SSL *ssl, SSL_SESSION *session)
{
	struct coap_transport *t = SSL_get_app_data(ssl);

	coap_ssl_forget(t);
	t->session = session;
	t->session_new = true;
	return 1; /* the reference is ours */
}

static void info(const SSL *ssl, int where, int ret)
{
	struct coap_transport *t = SSL_get_app_data(ssl);

	if (where & SSL_CB_ALERT)
		t->alert = ret & 0xff;
}

/*
 * OpenSSL's own level 2, but for the 8-byte tag that RFC 7925 asks for: it counts
 * as 64 bits and would need level 0, which lets weak keys and digests pass as well.
 */
static int security(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other,
		    void *ex)
{
	(void)ssl;
	(void)ctx;
	(void)nid;
	(void)ex;
	switch (op) {
	case SSL_SECOP_CIPHER_SUPPORTED:
	case SSL_SECOP_CIPHER_SHARED:
	case SSL_SECOP_CIPHER_CHECK:
		switch (SSL_CIPHER_get_cipher_nid(other)) {
		case NID_aes_128_ccm:
		case NID_aes_256_ccm:
			return 1;
		default:
			return bits >= SECURITY_BITS;
		}
	case SSL_SECOP_VERSION:
	case SSL_SECOP_COMPRESSION:
	case SSL_SECOP_TICKET:
		return op != SSL_SECOP_COMPRESSION;
	default:
		return bits >= SECURITY_BITS;
	}
}

/* The names of the suites that were asked for, of TLS 1.3 (@new) or before. */
static void suite_names(const struct coap_auth_state *a, SSL *ssl, bool new, char *list,
			size_t room)
{
	size_t n = 0;

	list[0] = '\0';
	for (size_t i = 0; i < a->n_suites; i++) {
		unsigned char id[2] = {(unsigned char)(a->suites[i] >> 8),
				       (unsigned char)a->suites[i]};
		const SSL_CIPHER *c = SSL_CIPHER_find(ssl, id);
		int k;

		if (!c || (id[0] == 0x13) != new)
			continue;
		k = snprintf(list + n, room - n, "%s%s", n ? ":" : "", SSL_CIPHER_get_name(c));
		if (k < 0 || (size_t)k >= room - n) {
			list[n] = '\0';
			return;
		}
		n += (size_t)k;
	}
}

static bool set_suites(struct coap_transport *t, SSL_CTX *c)
{
	const struct coap_auth_state *a = &t->auth;
	char list[1024], list13[256];
	SSL *ssl;

	if (!a->n_suites)
		return SSL_CTX_set_ciphersuites(c, TLS13_SUITES) &&
		       SSL_CTX_set_cipher_list(c, a->auth == COAP_AUTH_PSK ? PSK_SUITES
									   : EC_SUITES);
	ssl = SSL_new(c);
	if (!ssl)
		return false;
	suite_names(a, ssl, false, list, sizeof(list));
	suite_names(a, ssl, true, list13, sizeof(list13));
	SSL_free(ssl);
	if (!*list && (!*list13 || SSL_CTX_get_max_proto_version(c) != TLS1_3_VERSION)) {
		coap_transport_why(t, "none of the %zu cipher suites asked for is known here",
				   a->n_suites);
		return false;
	}
	if (!SSL_CTX_set_ciphersuites(c, list13))
		return false;
	/* OpenSSL takes no empty list; what is left of it is not offered below 1.3 */
	if (!*list)
		return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
	return SSL_CTX_set_cipher_list(c, list) &&
	       (*list13 || t->kind == COAP_TRANSPORT_DTLS ||
		SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION));
}

static bool load_trust(struct coap_transport *t, SSL_CTX *c)
{
	const struct coap_auth_state *a = &t->auth;
	struct stat st;

	/* the others know their anchor, or the certificate itself */
	if (a->auth != COAP_AUTH_X509 || (a->server_len && a->usage >= COAP_CERT_TRUST_ANCHOR))
		return true;
	if (!a->trust)
		return SSL_CTX_set_default_verify_paths(c);
	/* OpenSSL looks into a folder when it is asked for a certificate only */
	if (!stat(a->trust, &st) &&
	    (S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(c, a->trust)
				 : SSL_CTX_load_verify_file(c, a->trust)))
		return true;
	coap_transport_why(t, "trust store %s cannot be read", a->trust);
	return false;
}

static bool set_identity(struct coap_transport *t, SSL_CTX *c)
{
	struct coap_auth_state *a = &t->auth;

	switch (a->auth) {
	case COAP_AUTH_PSK:
		SSL_CTX_set_psk_client_callback(c, psk);
		return true;
	case COAP_AUTH_RPK:
		return SSL_CTX_use_PrivateKey(c, a->key);
	default:
		break;
	}
	if (!SSL_CTX_use_certificate(c, sk_X509_value(a->chain, 0)))
		return false;
	for (int i = 1; i < sk_X509_num(a->chain); i++)
		if (!SSL_CTX_add1_chain_cert(c, sk_X509_value(a->chain, i)))
			return false;
	/* else OpenSSL sends what it finds in the trust store */
	SSL_CTX_set_mode(c, SSL_MODE_NO_AUTO_CHAIN);
	return SSL_CTX_use_PrivateKey(c, a->key);
}

int coap_auth_context(struct coap_transport *t)
{
	bool dtls = t->kind == COAP_TRANSPORT_DTLS;
	/* a PSK is for 1.2: 1.3 would use it with another key schedule */
	int top = t->auth.auth == COAP_AUTH_PSK ? TLS1_2_VERSION : TLS1_3_VERSION;
	static const unsigned char alpn[] = {4, 'c', 'o', 'a', 'p'};
	char text[160];
	SSL_CTX *c;
	bool ok;

	ERR_clear_error();
	c = SSL_CTX_new_ex(t->auth.libctx, NULL,
			   dtls ? DTLS_client_method() : TLS_client_method());
	ok = c && SSL_CTX_set_min_proto_version(c, dtls ? DTLS1_2_VERSION : TLS1_2_VERSION) &&
	     SSL_CTX_set_max_proto_version(c, dtls ? DTLS1_2_VERSION : top);
	if (ok) {
		SSL_CTX_set_security_callback(c, security);
		SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
					       SSL_OP_NO_COMPRESSION);
		SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT |
							  SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(c, new_session);
		SSL_CTX_set_info_callback(c, info);
		SSL_CTX_set_max_cert_list(c, CHAIN_MAX);
		ok = set_suites(t, c) && load_trust(t, c) && set_identity(t, c);
	}
	if (ok && t->auth.auth != COAP_AUTH_PSK)
		ok = SSL_CTX_dane_enable(c) > 0 &&
		     SSL_CTX_dane_mtype_set(c, EVP_sha384(), DANE_SHA384, 1) > 0;
	/* RFC 8323 8.2 */
	if (ok && !dtls)
		ok = !SSL_CTX_set_alpn_protos(c, alpn, sizeof(alpn));
	if (!ok) {
		if (!*t->why)
			coap_transport_why(t, "set-up: %s",
					   coap_ssl_reason(text, sizeof(text)));
		SSL_CTX_free(c);
		ERR_clear_error();
		return -EINVAL;
	}
	t->ssl_ctx = c;
	return 0;
}

/* ---- one association ----------------------------------------------------------------------
 */

static bool numeric(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static bool expect_rpk(const struct coap_auth_state *a, SSL *ssl)
{
	static const unsigned char types[] = {TLSEXT_cert_type_rpk};
	const unsigned char *p = a->server;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &p, (long)a->server_len);
	bool ok = k && SSL_dane_enable(ssl, NULL) > 0 && SSL_add_expected_rpk(ssl, k) &&
		  SSL_set1_server_cert_type(ssl, types, sizeof(types)) &&
		  SSL_set1_client_cert_type(ssl, types, sizeof(types));

	EVP_PKEY_free(k);
	return ok;
}

static bool expect_cert(const struct coap_auth_state *a, SSL *ssl, const char *name)
{
	static const uint8_t mtype[] = {0, 1, DANE_SHA384, 2};
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (a->server_len) {
		if (SSL_dane_enable(ssl, NULL) <= 0 ||
		    SSL_dane_tlsa_add(ssl, (uint8_t)a->usage, 0, mtype[a->match], a->server,
				      a->server_len) <= 0)
			return false;
		SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	}
	if (numeric(name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name);
	return X509_VERIFY_PARAM_set1_host(param, name, 0);
}

int coap_auth_apply(struct coap_transport *t, SSL *ssl)
{
	const struct coap_auth_state *a = &t->auth;
	const char *name = a->sni ? a->sni : t->host;
	char text[160];
	bool ok = true;

	if (!numeric(name))
		ok = SSL_set_tlsext_host_name(ssl, name);
	if (ok && a->auth == COAP_AUTH_RPK)
		ok = expect_rpk(a, ssl);
	else if (ok && a->auth == COAP_AUTH_X509)
		ok = expect_cert(a, ssl, name);
	if (a->auth != COAP_AUTH_PSK)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (ok)
		return 0;
	coap_transport_why(t, "what is expected of the server cannot be used: %s",
			   coap_ssl_reason(text, sizeof(text)));
	return -EINVAL;
}

const char *coap_auth_hint(const struct coap_transport *t)
{
	switch (t->auth.auth) {
	case COAP_AUTH_PSK:
		return "are PSK identity and key those that the server has, and does it offer "
		       "one of the cipher suites PSK-AES128-CCM8, -CBC-SHA256, -CCM, "
		       "-GCM-SHA256?";
	case COAP_AUTH_RPK:
		return "does the server know our raw public key, is its own the one "
		       "configured, "
		       "and does it take raw public keys?";
	default:
		return "does the server trust our certificate, is its own the one configured "
		       "or "
		       "issued by it, is it for this host or server name, and is the clock "
		       "right?";
	}
}
