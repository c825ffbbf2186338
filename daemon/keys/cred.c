// SPDX-License-Identifier: Apache-2.0
/* From the resources of a Security instance to what a transport takes: see keys/cred.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gp/error.h"
#include "keys/pkey.h"
#include "keys/se-keys.h"
#include "model/ber.h"

/* what is read from SEs, in this order */
enum part {
	PART_OWN,    /* certificate, or public key */
	PART_SERVER, /* certificate, or public key */
	PART_PAIR,   /* the public half of our private key */
	PARTS,
};

struct keys_cred_load {
	struct se_keys *k;
	enum keys_cred_mode mode;
	struct seref own, server, secret;
	unsigned int part; /* that is being read, or is next */
	struct job_exchange *exchange;
	struct keyop op;
	uint8_t out[KEYOP_FILE_MAX];
	bool has_point;
	uint8_t point[KEYOP_POINT];
	struct keys_cred cred;
	keys_cred_done_t done;
	void *userdata;
};

static bool in_se(const struct seref *ref)
{
	return ref->kind == SEREF_IOTSAFE || ref->kind == SEREF_VAULT;
}

static void load_free(struct keys_cred_load *l)
{
	keys_cred_clear(&l->cred);
	OPENSSL_clear_free(l, sizeof(*l));
}

/* ---- values ---- */

static int set_bytes(uint8_t **to, size_t *to_len, const uint8_t *p, size_t len)
{
	OPENSSL_clear_free(*to, *to_len);
	*to = NULL;
	*to_len = 0;
	if (!len)
		return 0;
	*to = OPENSSL_memdup(p, len);
	if (!*to)
		return -ENOMEM;
	*to_len = len;
	return 0;
}

/* SubjectPublicKeyInfo (RFC 5480) of a point of P-256 */
static int set_spki(uint8_t **to, size_t *to_len, const uint8_t point[KEYOP_POINT])
{
	static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
				       0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
				       0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
	uint8_t spki[sizeof(head) + KEYOP_POINT];

	memcpy(spki, head, sizeof(head));
	memcpy(spki + sizeof(head), point, KEYOP_POINT);
	return set_bytes(to, to_len, spki, sizeof(spki));
}

/* A file of an SE has a fixed size: what is behind the last certificate is filling. */
static size_t certificates_len(const uint8_t *p, size_t len)
{
	static const char pem[] = "-----BEGIN ";
	struct ber_reader r = {p, len};
	struct ber_tlv t;
	size_t n = 0;

	if (len >= sizeof(pem) - 1 && !memcmp(p, pem, sizeof(pem) - 1))
		return len;
	while (ber_next(&r, &t) == 1 && t.tag == 0x30)
		n += t.size;
	return n;
}

static EVP_PKEY *certified_key(const uint8_t *p, size_t len)
{
	const uint8_t *der = p;
	X509 *cert = d2i_X509(NULL, &der, (long)len);
	EVP_PKEY *key = NULL;
	BIO *bio;

	if (!cert && len <= INT_MAX && (bio = BIO_new_mem_buf(p, (int)len))) {
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		BIO_free(bio);
	}
	if (cert)
		key = X509_get_pubkey(cert);
	X509_free(cert);
	return key;
}

/* The point in what was given as our certificate or public key. */
static int own_point(const struct keys_cred_load *l, uint8_t point[KEYOP_POINT],
		     struct gp_error *err)
{
	const uint8_t *der = l->cred.own;
	char group[32] = "";
	EVP_PKEY *key;
	size_t n = 0;
	int r;

	key = l->mode == KEYS_CRED_X509 ? certified_key(l->cred.own, l->cred.own_len)
					: d2i_PUBKEY(NULL, &der, (long)l->cred.own_len);
	r = key &&
	    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
					   sizeof(group), NULL) == 1 &&
	    !strcmp(group, "prime256v1") &&
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, KEYOP_POINT,
					    &n) == 1 &&
	    n == KEYOP_POINT && point[0] == 0x04;
	EVP_PKEY_free(key);
	if (r)
		return 0;
	return gp_fail(err, -EINVAL, "certificate",
		       "our %s cannot be read, or its key is not of the curve P-256",
		       l->mode == KEYS_CRED_X509 ? "certificate" : "public key");
}

/* ---- keys ---- */

static int make_key(struct keys_cred_load *l, const uint8_t point[KEYOP_POINT],
		    struct gp_error *err)
{
	static char group[] = "prime256v1";
	struct se_key_source source;
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(l->k->own, "EC", "provider=" SE_KEYS_PROVIDER);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)(uintptr_t)point, KEYOP_POINT),
		OSSL_PARAM_construct_octet_string(SE_KEYS_PARAM, &source, sizeof(source)),
		OSSL_PARAM_construct_end(),
	};
	int r;

	memset(&source, 0, sizeof(source));
	source.keys = l->k;
	source.ref = l->secret;
	r = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &l->cred.key, EVP_PKEY_KEYPAIR, params) == 1;
	EVP_PKEY_CTX_free(ctx);
	return r ? 0 : gp_fail(err, -ENOMEM, "key-reference", "OpenSSL takes no key of the SE");
}

static int pair(struct keys_cred_load *l, struct gp_error *err)
{
	uint8_t point[KEYOP_POINT];
	int r;

	if (!l->cred.own_len) {
		if (l->mode == KEYS_CRED_X509 || !l->has_point)
			return gp_fail(err, -ENOENT, "certificate",
				       "there is no %s for the private key %s",
				       l->mode == KEYS_CRED_X509 ? "certificate" : "public key",
				       l->secret.uri);
		r = set_spki(&l->cred.own, &l->cred.own_len, l->point);
		return r ? gp_fail(err, r, "no-memory", "out of memory")
			 : make_key(l, l->point, err);
	}
	r = own_point(l, point, err);
	if (r)
		return r;
	if (l->has_point && memcmp(point, l->point, sizeof(point)) != 0)
		return gp_fail(err, -EKEYREJECTED, "certificate",
			       "our %s is not that of the private key %s",
			       l->mode == KEYS_CRED_X509 ? "certificate" : "public key",
			       l->secret.uri);
	return make_key(l, point, err);
}

static int stand_in(struct keys_cred_load *l, struct gp_error *err)
{
	struct se_psk *p = se_psk_new(l->k, &l->secret);
	int r;

	if (!p)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	l->cred.stand_in = p;
	r = set_bytes(&l->cred.psk, &l->cred.psk_len, p->stand_in, sizeof(p->stand_in));
	return r ? gp_fail(err, r, "no-memory", "out of memory") : 0;
}

/* ---- reading what is in SEs ---- */

static const struct seref *part_ref(const struct keys_cred_load *l)
{
	switch (l->part) {
	case PART_OWN:
		return &l->own;
	case PART_SERVER:
		return &l->server;
	default:
		return &l->secret;
	}
}

static bool part_wanted(const struct keys_cred_load *l)
{
	return in_se(part_ref(l)) && (l->part != PART_PAIR || l->mode != KEYS_CRED_PSK);
}

static int take_part(struct keys_cred_load *l)
{
	uint8_t **to = l->part == PART_OWN ? &l->cred.own : &l->cred.server;
	size_t *len = l->part == PART_OWN ? &l->cred.own_len : &l->cred.server_len;
	const struct keyop *op = &l->op;

	if (l->part == PART_PAIR) {
		memcpy(l->point, op->out, sizeof(l->point));
		l->has_point = true;
		return 0;
	}
	if (op->kind == KEYOP_PUBLIC)
		return set_spki(to, len, op->out);
	*len = 0;
	return set_bytes(to, len, op->out, certificates_len(op->out, op->out_len));
}

static int read_error(const struct keys_cred_load *l, int error, struct gp_error *err)
{
	const char *what = part_ref(l)->uri;

	switch (error) {
	case -ENOENT:
		return gp_fail(err, error, "key-reference", "%.160s: there is no such object",
			       what);
	case -ENODEV:
		return gp_fail(err, error, "key-reference", "%.160s: the SE is not there",
			       what);
	case -ETIMEDOUT:
		return gp_fail(err, error, "key-reference", "%.160s: the SE did not answer",
			       what);
	default:
		if (l->op.sw)
			return gp_fail(err, error, "key-reference",
				       "%.160s: the SE refused: %04X", what, l->op.sw);
		return gp_fail(err, error, "key-reference", "%.160s: %s", what,
			       strerror(-error));
	}
}

/* keyop_next() of a load: the exchange's userdata is the load */
static int read_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd,
		     size_t room)
{
	struct keys_cred_load *l = userdata;

	return keyop_next(&l->op, a, cmd, room);
}

static void on_read(void *userdata, int error, uint16_t outcome);

static int start_read(struct keys_cred_load *l, struct gp_error *err)
{
	struct job_exchange_params p = {
		.origin = SE_KEYS_ORIGIN,
		.timeout_ms = SE_KEYS_TIMEOUT_MS,
		.next = read_next,
		.done = on_read,
		.userdata = l,
	};
	struct job_error e;
	int r;

	memset(&l->op, 0, sizeof(l->op));
	l->op.kind =
		l->part == PART_PAIR || l->mode == KEYS_CRED_RPK ? KEYOP_PUBLIC : KEYOP_READ;
	l->op.ref = *part_ref(l);
	l->op.out = l->out;
	l->op.room = sizeof(l->out);
	r = keyop_target(&l->op, &p);
	if (r)
		return gp_fail(err, r, "key-reference", "%.160s cannot be read", l->op.ref.uri);
	r = job_exchange_start(l->k->jobs, &p, &l->exchange, &e);
	return r ? gp_fail(err, r, e.code, "%s", e.detail) : 0;
}

/* 1: waiting; 0: all is there; or negative */
static int advance(struct keys_cred_load *l, struct gp_error *err)
{
	int r = 0;

	while (l->part < PARTS && !part_wanted(l))
		l->part++;
	if (l->part < PARTS) {
		r = start_read(l, err);
		return r ? r : 1;
	}
	if (in_se(&l->secret)) {
		r = l->mode == KEYS_CRED_PSK ? stand_in(l, err) : pair(l, err);
		l->cred.libctx = l->k->tls;
		l->cred.async = true;
	}
	return r;
}

static void finish(struct keys_cred_load *l, int error, const struct gp_error *err)
{
	struct keys_cred cred = l->cred;

	if (!error)
		memset(&l->cred, 0, sizeof(l->cred));
	l->done(l->userdata, error, err, error ? NULL : &cred);
	load_free(l);
}

static void on_read(void *userdata, int error, uint16_t outcome)
{
	struct keys_cred_load *l = userdata;
	struct gp_error err = {0};
	int r;

	(void)outcome;
	l->exchange = NULL;
	/* not every applet tells the public half of a key by the private one's name */
	if (error && error != -ENODEV && error != -ETIMEDOUT && l->part == PART_PAIR)
		error = 0;
	else if (!error)
		error = take_part(l);
	if (error) {
		finish(l, read_error(l, error, &err), &err);
		return;
	}
	l->part++;
	r = advance(l, &err);
	if (r <= 0)
		finish(l, r, &err);
}

/* ---- from outside ---- */

static int load_token(struct keys_cred_load *l, struct gp_error *err)
{
	struct keys_pkey *pk;
	int r;

	if (l->mode == KEYS_CRED_PSK)
		return gp_fail(err, -EINVAL, "key-reference",
			       "a pre-shared key cannot be in a PKCS#11 token: TLS's master "
			       "secret is not computed there");
	pk = OPENSSL_zalloc(sizeof(*pk));
	if (!pk)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = keys_pkey_load(pk, l->secret.uri, true, err);
	if (r) {
		OPENSSL_free(pk);
		return r;
	}
	l->cred.key = pk->pkey;
	l->cred.libctx = pk->ctx;
	l->cred.token = pk;
	return 0;
}

static int take_request(struct keys_cred_load *l, const struct keys_cred_request *req,
			struct gp_error *err)
{
	bool psk = req->mode == KEYS_CRED_PSK;
	int r;

	r = seref_parse(&l->secret, req->secret.data, req->secret.len, req->trusted, err);
	if (!r && !psk)
		r = seref_parse(&l->own, req->own.data, req->own.len, req->trusted, err);
	if (!r && !psk)
		r = seref_parse(&l->server, req->server.data, req->server.len, req->trusted,
				err);
	if (r)
		return r;
	if (l->own.kind == SEREF_PKCS11 || l->server.kind == SEREF_PKCS11)
		return gp_fail(
			err, -EINVAL, "key-reference",
			"a PKCS#11 URI stands for a private key only; give the certificate "
			"itself, or one in the SE");
	if (psk && !l->secret.kind)
		r = set_bytes(&l->cred.psk, &l->cred.psk_len, req->secret.data,
			      req->secret.len);
	if (!r && !psk && !l->own.kind)
		r = set_bytes(&l->cred.own, &l->cred.own_len, req->own.data, req->own.len);
	if (!r && !psk && !l->server.kind)
		r = set_bytes(&l->cred.server, &l->cred.server_len, req->server.data,
			      req->server.len);
	if (r)
		return gp_fail(err, r, "no-memory", "out of memory");
	if (in_se(&l->secret) && se_keys_begin(l->k))
		return gp_fail(err, -EIO, "key-reference",
			       "OpenSSL does not take the providers for keys in an SE");
	return l->secret.kind == SEREF_PKCS11 ? load_token(l, err) : 0;
}

int keys_cred_start(struct se_keys *k, const struct keys_cred_request *req,
		    keys_cred_done_t done, void *userdata, struct keys_cred_load **ret,
		    struct gp_error *err)
{
	struct gp_error none = {0};
	struct keys_cred_load *l;
	int r;

	if (ret)
		*ret = NULL;
	l = OPENSSL_zalloc(sizeof(*l));
	if (!l)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	l->k = k;
	l->mode = req->mode;
	l->done = done;
	l->userdata = userdata;
	r = take_request(l, req, err);
	if (!r)
		r = advance(l, err);
	if (r < 0) {
		load_free(l);
		return r;
	}
	if (!r)
		finish(l, 0, &none);
	else if (ret)
		*ret = l;
	return 0;
}

void keys_cred_cancel(struct keys_cred_load *l)
{
	if (!l)
		return;
	if (l->exchange)
		job_exchange_cancel(l->exchange);
	load_free(l);
}

void keys_cred_clear(struct keys_cred *c)
{
	if (c->token) {
		keys_pkey_clear(c->token);
		OPENSSL_free(c->token);
	} else {
		EVP_PKEY_free(c->key);
	}
	if (c->stand_in)
		se_psk_drop(c->stand_in);
	OPENSSL_clear_free(c->psk, c->psk_len);
	OPENSSL_clear_free(c->own, c->own_len);
	OPENSSL_clear_free(c->server, c->server_len);
	memset(c, 0, sizeof(*c));
}
