// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <p11-kit/uri.h>

#include "gp/error.h"
#include "keys/memory.h"
#include "keys/pkcs11.h"
#include "keys/pkey.h"
#include "keys/source.h"

/* ---- files ---- */

/* never ask on the terminal */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rw;
	*(bool *)ctx = true;
	return -1;
}

static EVP_PKEY *read_pem(const char *text, size_t len, bool private_key, bool *locked)
{
	EVP_PKEY *pkey = NULL;
	X509 *cert;
	BIO *bio = BIO_new_mem_buf(text, (int)len);

	if (!bio)
		return NULL;
	if (private_key) {
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, locked);
	} else {
		pkey = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, locked);
		if (!pkey && BIO_reset(bio) == 1) {
			cert = PEM_read_bio_X509(bio, NULL, no_passphrase, locked);
			if (cert)
				pkey = X509_get_pubkey(cert);
			X509_free(cert);
		}
	}
	BIO_free(bio);
	return pkey;
}

static int load_file(struct keys_pkey *k, const char *path, bool private_key,
		     struct gp_error *err)
{
	bool locked = false;
	size_t len = 0;
	char *text;
	int r;

	text = keys_pages_new(KEYS_CERTS_MAX, NULL);
	if (!text)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = keys_read_file(path, private_key ? KEYS_READ_SECRET : KEYS_READ_PUBLIC, text,
			   KEYS_CERTS_MAX, &len, err);
	if (!r) {
		k->pkey = read_pem(text, len, private_key, &locked);
		if (locked)
			r = gp_fail(err, -EINVAL, "key-file",
				    "%.120s is under a passphrase, and nobody is there to ask",
				    path);
		else if (!k->pkey)
			r = gp_fail(err, -EINVAL, "key-file", "%.120s holds no %s key in PEM",
				    path, private_key ? "private" : "public");
	}
	keys_pages_free(text, KEYS_CERTS_MAX);
	return r;
}

/* ---- tokens ---- */

static int load_provider(struct keys_pkey *k, const char *uri, struct gp_error *err)
{
	OSSL_PARAM params[3], *p = params;
	P11KitUri *u = p11_kit_uri_new();
	char module[256] = "", quirks[] = "no-deinit no-operation-state";
	const char *path;

	if (u && !p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, u)) {
		path = p11_kit_uri_get_module_path(u);
		if (path && strlen(path) < sizeof(module))
			strcpy(module, path);
	}
	p11_kit_uri_free(u);
	if (*module)
		*p++ = OSSL_PARAM_construct_utf8_string("pkcs11-module-path", module, 0);
	/* the module may be in use by pkcs11.c, whose sessions must live on */
	*p++ = OSSL_PARAM_construct_utf8_string("pkcs11-module-quirks", quirks, 0);
	*p = OSSL_PARAM_construct_end();
	k->ctx = OSSL_LIB_CTX_new();
	if (!k->ctx)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	k->base = OSSL_PROVIDER_load(k->ctx, "default");
	k->token = OSSL_PROVIDER_load_ex(k->ctx, "pkcs11", params);
	if (!k->base || !k->token)
		return gp_fail(
			err, -ENOPKG, "token",
			"OpenSSL has no pkcs11 provider: a key pair in a token needs the "
			"package pkcs11-provider");
	return 0;
}

static int load_token(struct keys_pkey *k, const char *uri, bool private_key,
		      struct gp_error *err)
{
	OSSL_STORE_INFO *info;
	OSSL_STORE_CTX *store;
	int r = load_provider(k, uri, err);

	if (r)
		return r;
	store = OSSL_STORE_open_ex(uri, k->ctx, "provider=pkcs11", NULL, NULL, NULL, NULL,
				   NULL);
	if (!store)
		return gp_fail(err, -ENOENT, "token", "no token fits the PKCS#11 URI");
	while (!k->pkey && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		if (!info)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			k->pkey = OSSL_STORE_INFO_get1_PKEY(info);
		else if (!private_key &&
			 OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY)
			k->pkey = OSSL_STORE_INFO_get1_PUBKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	if (!k->pkey)
		return gp_fail(err, -ENOENT, "token",
			       "the token has no such %s key, or its PIN "
			       "is wrong: it is not tried again",
			       private_key ? "private" : "public");
	return 0;
}

int keys_pkey_load(struct keys_pkey *k, const char *where, bool private_key,
		   struct gp_error *err)
{
	int r;

	memset(k, 0, sizeof(*k));
	if (!strncmp(where, "pkcs11:", 7)) {
		r = pkcs11_uri_check(where, err);
		if (!r)
			r = load_token(k, where, private_key, err);
	} else {
		r = load_file(k, where, private_key, err);
	}
	k->private_key = private_key;
	if (r)
		keys_pkey_clear(k);
	return r;
}

void keys_pkey_clear(struct keys_pkey *k)
{
	EVP_PKEY_free(k->pkey);
	if (k->token)
		OSSL_PROVIDER_unload(k->token);
	if (k->base)
		OSSL_PROVIDER_unload(k->base);
	OSSL_LIB_CTX_free(k->ctx);
	memset(k, 0, sizeof(*k));
}

/* ---- elliptic curves ---- */

static const struct {
	const char *name, *other;
	uint8_t curve; /* GPCS table B-2 */
} curves[] = {
	{"prime256v1", "P-256", 0x00}, {"secp384r1", "P-384", 0x01},
	{"secp521r1", "P-521", 0x02},  {"brainpoolP256r1", "", 0x03},
	{"brainpoolP384r1", "", 0x05}, {"brainpoolP512r1", "", 0x07},
};

int keys_pkey_point(const struct keys_pkey *k, uint8_t *curve, uint8_t point[GP_EC_POINT_MAX],
		    size_t *len, struct gp_error *err)
{
	char group[64] = "";
	size_t i, n = 0;

	if (EVP_PKEY_get_utf8_string_param(k->pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
					   sizeof(group), &n) != 1)
		return gp_fail(err, -EINVAL, "key-file", "not an elliptic curve key");
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (!strcmp(group, curves[i].name) || !strcmp(group, curves[i].other))
			break;
	if (i == sizeof(curves) / sizeof(curves[0]))
		return gp_fail(
			err, -EINVAL, "key-file",
			"GlobalPlatform has no curve %.40s: P-256 to P-521 and brainpool "
			"r1 it has",
			group);
	*curve = curves[i].curve;
	n = 0;
	if (EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
					    GP_EC_POINT_MAX, &n) != 1 ||
	    n != 1 + 2 * gp_ec_size(*curve) || point[0] != 0x04)
		return gp_fail(
			err, -EINVAL, "key-file",
			"the public point of an elliptic curve key is missing or compressed");
	*len = n;
	return 0;
}

/* the card's point as a key of the same library context and provider */
static EVP_PKEY *peer_of(const struct keys_pkey *k, const uint8_t *point, size_t len)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	if (peer && (EVP_PKEY_copy_parameters(peer, k->pkey) != 1 ||
		     EVP_PKEY_set1_encoded_public_key(peer, point, len) != 1)) {
		EVP_PKEY_free(peer);
		peer = NULL;
	}
	return peer;
}

static int op_ecdh(void *ctx, const uint8_t *point, size_t point_len, uint8_t *secret)
{
	const struct keys_pkey *k = ctx;
	size_t n = (point_len - 1) / 2;
	EVP_PKEY *peer = peer_of(k, point, point_len);
	EVP_PKEY_CTX *c;
	int r = -EIO;

	if (!peer)
		return -EBADMSG;
	c = EVP_PKEY_CTX_new_from_pkey(k->ctx, k->pkey, NULL);
	if (c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1 &&
	    EVP_PKEY_derive(c, secret, &n) == 1 && n == (point_len - 1) / 2)
		r = 0;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(peer);
	return r;
}

int keys_pkey_ec(struct keys_pkey *k, struct gp_ec_key *key, struct gp_error *err)
{
	uint8_t point[GP_EC_POINT_MAX];
	size_t len;

	memset(key, 0, sizeof(*key));
	key->ecdh = op_ecdh;
	key->ctx = k;
	return keys_pkey_point(k, &key->curve, point, &len, err);
}
