// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials: what they must be, and a copy of them; sessions that are bound to
 * them. What OpenSSL is told of them is in transport_auth.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "coap/coap.h"
#include "coap/transport_priv.h"

#define CHAIN_CERTS_MAX 10

/* ---- bytes ------------------------------------------------------------------------------ */

static bool is_pem(const uint8_t *data, size_t len)
{
	return len > 10 && !memcmp(data, "-----BEGIN", 10);
}

int coap_private_key(const uint8_t *data, size_t len, EVP_PKEY **key)
{
	OSSL_DECODER_CTX *d;
	const unsigned char *p = data;
	size_t left = len;
	int ok;

	*key = NULL;
	/* no pass phrase: whoever is asked for one gets an empty one, and fails */
	d = OSSL_DECODER_CTX_new_for_pkey(key, is_pem(data, len) ? "PEM" : "DER", NULL, NULL,
					  EVP_PKEY_KEYPAIR, NULL, NULL);
	if (!d)
		return -ENOMEM;
	OSSL_DECODER_CTX_set_passphrase(d, (const unsigned char *)"", 0);
	ok = OSSL_DECODER_from_data(d, &p, &left);
	OSSL_DECODER_CTX_free(d);
	ERR_clear_error();
	if (!ok || !*key)
		return -EINVAL;
	return 0;
}

int coap_certificates(const uint8_t *data, size_t len, STACK_OF(X509) * list)
{
	const unsigned char *p = data;
	BIO *bio = NULL;
	X509 *x;

	if (is_pem(data, len)) {
		bio = BIO_new_mem_buf(data, len > INT_MAX ? INT_MAX : (int)len);
		if (!bio)
			return -ENOMEM;
	}
	while (sk_X509_num(list) < CHAIN_CERTS_MAX) {
		if (bio)
			x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		else if (p < data + len)
			x = d2i_X509(NULL, &p, (long)(data + len - p));
		else
			break;
		if (!x)
			break;
		if (!sk_X509_push(list, x)) {
			X509_free(x);
			BIO_free(bio);
			return -ENOMEM;
		}
	}
	ERR_clear_error();
	/* what is behind the last one of PEM is a comment; of DER, it is damage */
	if (!bio && p != data + len)
		return -EINVAL;
	BIO_free(bio);
	return sk_X509_num(list) ? sk_X509_num(list) : -EINVAL;
}

static int copy_bytes(uint8_t **to, size_t *to_len, const uint8_t *from, size_t len)
{
	*to = malloc(len);
	if (!*to)
		return -ENOMEM;
	memcpy(*to, from, len);
	*to_len = len;
	return 0;
}

/* ---- copy and check ---------------------------------------------------------------------- */

static int copy_psk(struct coap_transport *t, const struct coap_credentials *c)
{
	struct coap_auth_state *a = &t->auth;

	if (!c->psk_identity || !*c->psk_identity ||
	    strlen(c->psk_identity) > COAP_PSK_IDENTITY_MAX) {
		coap_transport_why(t, "a PSK identity of 1 to %d bytes is needed",
				   COAP_PSK_IDENTITY_MAX);
		return -EINVAL;
	}
	if (!c->psk && (!c->psk_key || !c->psk_key_len || c->psk_key_len > COAP_PSK_MAX)) {
		coap_transport_why(
			t, "a pre-shared key of 1 to %d bytes is needed, this one has %zu",
			COAP_PSK_MAX, c->psk_key ? c->psk_key_len : 0);
		return -EINVAL;
	}
	strcpy(a->identity, c->psk_identity);
	a->psk = c->psk;
	a->psk_ctx = c->psk_ctx;
	if (!c->psk) {
		memcpy(a->psk_key, c->psk_key, c->psk_key_len);
		a->psk_key_len = c->psk_key_len;
	}
	return 0;
}

static int copy_key(struct coap_transport *t, const struct coap_credentials *c)
{
	if (!c->key) {
		coap_transport_why(t, "a private key is needed");
		return -EINVAL;
	}
	if (!EVP_PKEY_up_ref(c->key))
		return -ENOMEM;
	t->auth.key = c->key;
	return 0;
}

/* The server's raw key: seen to be one, kept as it is. */
static int copy_rpk(struct coap_transport *t, const struct coap_credentials *c)
{
	const unsigned char *p = c->server;
	EVP_PKEY *k = NULL;
	int r = copy_key(t, c);

	if (r)
		return r;
	if (c->server_len && c->server_len <= LONG_MAX)
		k = d2i_PUBKEY(NULL, &p, (long)c->server_len);
	ERR_clear_error();
	if (!k || p != c->server + c->server_len) {
		EVP_PKEY_free(k);
		coap_transport_why(
			t, "the server's raw public key (SubjectPublicKeyInfo) is needed");
		return -EINVAL;
	}
	EVP_PKEY_free(k);
	return copy_bytes(&t->auth.server, &t->auth.server_len, c->server, c->server_len);
}

static int copy_server_cert(struct coap_transport *t, const struct coap_credentials *c)
{
	static const size_t digest[] = {0, 32, 48, 64};
	struct coap_auth_state *a = &t->auth;
	STACK_OF(X509) * list;
	unsigned char *der = NULL;
	int r;

	if (!c->server_len)
		return 0;
	if ((unsigned int)c->usage > COAP_CERT_DOMAIN_ISSUED ||
	    (unsigned int)c->match > COAP_CERT_SHA512) {
		coap_transport_why(t, "no such certificate usage or matching type: %u, %u",
				   (unsigned int)c->usage, (unsigned int)c->match);
		return -EINVAL;
	}
	a->usage = c->usage;
	a->match = c->match;
	if (c->match != COAP_CERT_EXACT) {
		if (c->server_len != digest[c->match]) {
			coap_transport_why(t,
					   "the digest of the server's certificate has %zu "
					   "bytes and should have %zu",
					   c->server_len, digest[c->match]);
			return -EINVAL;
		}
		return copy_bytes(&a->server, &a->server_len, c->server, c->server_len);
	}
	list = sk_X509_new_null();
	r = list ? coap_certificates(c->server, c->server_len, list) : -ENOMEM;
	if (r == 1) {
		r = i2d_X509(sk_X509_value(list, 0), &der);
		r = r < 0 ? -ENOMEM : copy_bytes(&a->server, &a->server_len, der, (size_t)r);
		OPENSSL_free(der);
	} else if (r != -ENOMEM) {
		coap_transport_why(t, "the server's certificate is not one (DER or PEM)");
		r = -EINVAL;
	}
	sk_X509_pop_free(list, X509_free);
	return r;
}

static int copy_x509(struct coap_transport *t, const struct coap_credentials *c)
{
	struct coap_auth_state *a = &t->auth;
	int r = copy_key(t, c);

	if (r)
		return r;
	a->chain = sk_X509_new_null();
	if (!a->chain)
		return -ENOMEM;
	r = c->cert_len ? coap_certificates(c->cert, c->cert_len, a->chain) : -EINVAL;
	if (r == -EINVAL)
		coap_transport_why(t, "a certificate of ours (DER or PEM) is needed");
	if (r < 0)
		return r;
	r = X509_check_private_key(sk_X509_value(a->chain, 0), a->key);
	ERR_clear_error();
	if (!r) {
		coap_transport_why(t, "our certificate is not of our private key");
		return -EINVAL;
	}
	if (c->trust) {
		a->trust = strdup(c->trust);
		if (!a->trust)
			return -ENOMEM;
	}
	return copy_server_cert(t, c);
}

static void hash(EVP_MD_CTX *md, const void *data, size_t len)
{
	uint64_t n = len;

	EVP_DigestUpdate(md, &n, sizeof(n));
	if (len)
		EVP_DigestUpdate(md, data, len);
}

/* A session is taken up with the same peer by the same credentials only. */
static int bind_session(struct coap_transport *t)
{
	const struct coap_auth_state *a = &t->auth;
	uint8_t what[4] = {(uint8_t)t->kind, (uint8_t)a->auth, (uint8_t)a->usage,
			   (uint8_t)a->match};
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	int n = 0, ok;

	ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	if (ok && a->key)
		n = i2d_PUBKEY(a->key, &der);
	if (ok) {
		hash(md, what, sizeof(what));
		hash(md, t->host, strlen(t->host));
		hash(md, t->port, strlen(t->port));
		hash(md, a->identity, strlen(a->identity));
		hash(md, a->psk_key, a->psk_key_len);
		hash(md, der, n > 0 ? (size_t)n : 0);
		hash(md, a->server, a->server_len);
		hash(md, a->sni, a->sni ? strlen(a->sni) : 0);
		hash(md, a->trust, a->trust ? strlen(a->trust) : 0);
		ok = EVP_DigestFinal_ex(md, t->binding, NULL);
	}
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return ok ? 0 : -ENOMEM;
}

int coap_auth_copy(struct coap_transport *t, const struct coap_credentials *c)
{
	struct coap_auth_state *a = &t->auth;
	int r;

	a->auth = c->auth;
	a->async = c->async;
	a->libctx = c->libctx;
	switch (c->auth) {
	case COAP_AUTH_PSK:
		r = copy_psk(t, c);
		break;
	case COAP_AUTH_RPK:
		r = copy_rpk(t, c);
		break;
	case COAP_AUTH_X509:
		r = copy_x509(t, c);
		break;
	default:
		coap_transport_why(t, "credentials are needed");
		r = -EINVAL;
	}
	if (!r && c->sni) {
		a->sni = strdup(c->sni);
		r = a->sni ? 0 : -ENOMEM;
	}
	if (!r && c->n_suites) {
		a->suites = malloc(c->n_suites * sizeof(*c->suites));
		if (!a->suites)
			return -ENOMEM;
		memcpy(a->suites, c->suites, c->n_suites * sizeof(*c->suites));
		a->n_suites = c->n_suites;
	}
	return r ? r : bind_session(t);
}

void coap_auth_free(struct coap_auth_state *a)
{
	EVP_PKEY_free(a->key);
	sk_X509_pop_free(a->chain, X509_free);
	free(a->server);
	free(a->trust);
	free(a->sni);
	free(a->suites);
	OPENSSL_cleanse(a, sizeof(*a));
}

/* ---- sessions that outlive us -------------------------------------------------------------
 */

#define SESSION_VERSION 1

int coap_transport_session(const struct coap_transport *t, uint8_t **data, size_t *len)
{
	unsigned char *p;
	int n;

	*data = NULL;
	*len = 0;
	if (!t->session || !SSL_SESSION_is_resumable(t->session))
		return -ENODATA;
	n = i2d_SSL_SESSION(t->session, NULL);
	if (n <= 0)
		return -ENODATA;
	*len = 1 + COAP_BINDING_LEN + (size_t)n;
	*data = malloc(*len);
	if (!*data)
		return -ENOMEM;
	(*data)[0] = SESSION_VERSION;
	memcpy(*data + 1, t->binding, COAP_BINDING_LEN);
	p = *data + 1 + COAP_BINDING_LEN;
	i2d_SSL_SESSION(t->session, &p);
	return 0;
}

void coap_auth_session(struct coap_transport *t, const uint8_t *data, size_t len)
{
	const unsigned char *p = data + 1 + COAP_BINDING_LEN;

	if (len <= 1 + COAP_BINDING_LEN || len > 65536 || data[0] != SESSION_VERSION ||
	    memcmp(data + 1, t->binding, COAP_BINDING_LEN))
		return;
	t->session = d2i_SSL_SESSION_ex(NULL, &p, (long)(len - 1 - COAP_BINDING_LEN),
					t->auth.libctx, NULL);
	ERR_clear_error();
}
