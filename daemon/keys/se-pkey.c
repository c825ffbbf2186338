// SPDX-License-Identifier: Apache-2.0
/*
 * The provider that holds EC keys (P-256) whose private half is in an SE. Its keys have a
 * public half that goes anywhere; what asks for the private one is refused, so that OpenSSL
 * comes back to this provider for signatures and shared secrets.
 */
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "keys/se-keys.h"

#define GROUP "prime256v1"
#define DER_SIGNATURE_MAX 72 /* SEQUENCE of two INTEGERs of 33 bytes */

struct se_key *se_key_ref(struct se_key *key)
{
	__atomic_add_fetch(&key->refs, 1, __ATOMIC_RELAXED);
	return key;
}

void se_key_unref(struct se_key *key)
{
	if (key && !__atomic_sub_fetch(&key->refs, 1, __ATOMIC_ACQ_REL))
		OPENSSL_free(key);
}

static void *key_new(void *prov)
{
	struct se_key *key = OPENSSL_zalloc(sizeof(*key));

	(void)prov;
	if (key)
		key->refs = 1;
	return key;
}

static void key_free(void *data)
{
	se_key_unref(data);
}

static int key_has(const void *data, int selection)
{
	const struct se_key *key = data;

	if (!key)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && !key->has_point)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && !key->source.keys)
		return 0;
	return 1;
}

/* The halves of a pair are compared by the public one, which the private one has as well. */
static int key_match(const void *a, const void *b, int selection)
{
	const struct se_key *x = a, *y = b;

	if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR)
		return x->has_point && y->has_point &&
		       !CRYPTO_memcmp(x->point, y->point, sizeof(x->point));
	return 1; /* there is one curve */
}

static int import_point(struct se_key *key, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	void *to = key->point;
	size_t len = 0;

	if (!p)
		return 1;
	if (!OSSL_PARAM_get_octet_string(p, &to, sizeof(key->point), &len) ||
	    len != sizeof(key->point) || key->point[0] != 0x04)
		return 0;
	key->has_point = true;
	return 1;
}

static int key_import(void *data, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	struct se_key *key = data;
	char group[32], *name = group;
	void *source = &key->source;
	size_t len = 0;

	if (!p || !OSSL_PARAM_get_utf8_string(p, &name, sizeof(group)) ||
	    (OPENSSL_strcasecmp(group, GROUP) && OPENSSL_strcasecmp(group, "P-256")))
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && !import_point(key, params))
		return 0;
	/* key bytes are never taken: they would not be in an SE */
	if (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		return 1;
	p = OSSL_PARAM_locate_const(params, SE_KEYS_PARAM);
	return !p || (OSSL_PARAM_get_octet_string(p, &source, sizeof(key->source), &len) &&
		      len == sizeof(key->source));
}

static const OSSL_PARAM *key_types(int selection)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(SE_KEYS_PARAM, NULL, 0),
		OSSL_PARAM_END,
	};

	return selection & OSSL_KEYMGMT_SELECT_KEYPAIR ? known : NULL;
}

static int key_export(void *data, int selection, OSSL_CALLBACK *cb, void *arg)
{
	struct se_key *key = data;
	OSSL_PARAM params[3], *p = params;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						(char *)(uintptr_t)GROUP, 0);
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && key->has_point)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, key->point,
							 sizeof(key->point));
	*p = OSSL_PARAM_construct_end();
	return cb(params, arg);
}

static int set_text(OSSL_PARAM params[], const char *name, const char *text)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_utf8_string(p, text);
}

static int set_int(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_int(p, value);
}

static int set_point(OSSL_PARAM params[], const char *name, const struct se_key *key)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || (key->has_point &&
		      OSSL_PARAM_set_octet_string(p, key->point, sizeof(key->point)));
}

static int key_get(void *data, OSSL_PARAM params[])
{
	const struct se_key *key = data;

	return set_int(params, OSSL_PKEY_PARAM_BITS, 256) &&
	       set_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, 128) &&
	       set_int(params, OSSL_PKEY_PARAM_MAX_SIZE, DER_SIGNATURE_MAX) &&
	       set_text(params, OSSL_PKEY_PARAM_GROUP_NAME, GROUP) &&
	       set_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256") &&
	       set_text(params, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP) &&
	       set_text(params, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
			OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) &&
	       set_point(params, OSSL_PKEY_PARAM_PUB_KEY, key) &&
	       set_point(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, key);
}

static const OSSL_PARAM *key_gettable(void *prov)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)prov;
	return known;
}

static const char *key_operation(int operation)
{
	switch (operation) {
	case OSSL_OP_SIGNATURE:
		return "ECDSA";
	case OSSL_OP_KEYEXCH:
		return "ECDH";
	default:
		return NULL;
	}
}

static const OSSL_DISPATCH key_functions[] = {
	{OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))key_new},
	{OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))key_free},
	{OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))key_has},
	{OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))key_match},
	{OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))key_import},
	{OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))key_types},
	{OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))key_export},
	{OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))key_types},
	{OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))key_get},
	{OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))key_gettable},
	{OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))key_operation},
	OSSL_DISPATCH_END,
};

static const OSSL_ALGORITHM keys[] = {
	{"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" SE_KEYS_PROVIDER, key_functions,
	 "EC keys in a secure element"},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query(void *prov, int operation, int *no_cache)
{
	(void)prov;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keys;
	case OSSL_OP_SIGNATURE:
		return se_keys_signatures;
	case OSSL_OP_KEYEXCH:
		return se_keys_exchanges;
	default:
		return NULL;
	}
}

static const OSSL_DISPATCH provider_functions[] = {
	{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
	OSSL_DISPATCH_END,
};

int se_keys_pkey_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		      const OSSL_DISPATCH **out, void **ctx)
{
	(void)in;
	*ctx = (void *)(uintptr_t)handle;
	*out = provider_functions;
	return 1;
}
