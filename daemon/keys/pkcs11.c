// SPDX-License-Identifier: Apache-2.0
/*
 * Objects by URI and what they compute; p11-kit finds the modules that the system has,
 * reads the URIs and lets several users of a module live side by side.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/error.h"
#include "gp/key.h"
#include "keys/pkcs11-priv.h"

#define LABEL_MAX 256

int pkcs11_new(struct pkcs11 **ret)
{
	struct pkcs11 *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	*ret = p;
	return 0;
}

void pkcs11_free(struct pkcs11 *p)
{
	struct session *s;
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->nr_sessions; i++) {
		s = &p->sessions[i];
		/* closing the last session logs out; others in this process may have theirs */
		if (s->open)
			s->module->C_CloseSession(s->handle);
	}
	for (i = 0; i < p->nr_own; i++) {
		p11_kit_module_finalize(p->own[i].module);
		p11_kit_module_release(p->own[i].module);
		free(p->own[i].path);
	}
	if (p->system)
		p11_kit_modules_finalize_and_release(p->system);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- URIs ---- */

static int parse(const char *uri, P11KitUri **ret, struct gp_error *err)
{
	P11KitUri *u = p11_kit_uri_new();
	int r;

	if (!u)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, u);
	if (r) {
		gp_fail(err, -EINVAL, "key-source", "not a PKCS#11 URI (RFC 7512): %s",
			p11_kit_uri_message(r));
		p11_kit_uri_free(u);
		return -EINVAL;
	}
	if (p11_kit_uri_get_pin_value(u)) {
		gp_fail(err, -EINVAL, "key-source",
			"a PKCS#11 URI with pin-value= is refused, a PIN in it is seen by "
			"others: use pin-source=file:/PATH");
		p11_kit_uri_free(u);
		return -EINVAL;
	}
	if (p11_kit_uri_any_unrecognized(u)) {
		gp_fail(err, -EINVAL, "key-source",
			"a PKCS#11 URI has an attribute that is not known (RFC 7512)");
		p11_kit_uri_free(u);
		return -EINVAL;
	}
	*ret = u;
	return 0;
}

int pkcs11_uri_check(const char *uri, struct gp_error *err)
{
	P11KitUri *u;
	int r = parse(uri, &u, err);

	if (!r)
		p11_kit_uri_free(u);
	return r;
}

int pkcs11_uri_query(const char *uri, const char *name, char *value, size_t room)
{
	const char *v;
	P11KitUri *u;
	int r = parse(uri, &u, NULL);

	if (r)
		return r;
	v = p11_kit_uri_get_vendor_query(u, name);
	r = v ? 1 : 0;
	if (v && (size_t)snprintf(value, room, "%s", v) >= room)
		r = -EINVAL;
	p11_kit_uri_free(u);
	return r;
}

int pkcs11_uri_object(const char *uri, char *label, size_t room)
{
	CK_ATTRIBUTE *a;
	P11KitUri *u;
	int r = parse(uri, &u, NULL);

	if (r)
		return r;
	a = p11_kit_uri_get_attribute(u, CKA_LABEL);
	if (!a) {
		r = -ENOENT;
	} else if (a->ulValueLen >= room || memchr(a->pValue, '\0', a->ulValueLen)) {
		r = -EINVAL;
	} else {
		memcpy(label, a->pValue, a->ulValueLen);
		label[a->ulValueLen] = '\0';
	}
	p11_kit_uri_free(u);
	return r;
}

/* ---- operations of a key ---- */

static int token_errno(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return 0;
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	case CKR_KEY_TYPE_INCONSISTENT:
	case CKR_MECHANISM_INVALID:
		return -EOPNOTSUPP;
	case CKR_HOST_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int op_cbc(void *ctx, bool encrypt, const uint8_t *iv, const uint8_t *in, size_t len,
		  uint8_t *out)
{
	const struct secret *k = ctx;
	const struct session *s = k->session;
	const size_t block = k->des ? 8 : 16;
	uint8_t first[16] = {0};
	CK_MECHANISM mech = {
		.mechanism = k->des ? CKM_DES3_CBC : CKM_AES_CBC,
		.pParameter = first,
		.ulParameterLen = block,
	};
	CK_ULONG n = len;
	CK_RV rv;

	if (!len || len % block)
		return -EINVAL;
	if (iv)
		memcpy(first, iv, block);
	pthread_mutex_lock(&s->p->lock);
	if (encrypt) {
		rv = s->module->C_EncryptInit(s->handle, &mech, k->object);
		if (rv == CKR_OK)
			rv = s->module->C_Encrypt(s->handle, (CK_BYTE *)in, len, out, &n);
	} else {
		rv = s->module->C_DecryptInit(s->handle, &mech, k->object);
		if (rv == CKR_OK)
			rv = s->module->C_Decrypt(s->handle, (CK_BYTE *)in, len, out, &n);
	}
	pthread_mutex_unlock(&s->p->lock);
	if (rv == CKR_OK && n != len)
		return -EIO;
	return token_errno(rv);
}

static int op_cmac(void *ctx, const struct gp_part *parts, size_t n, uint8_t mac[GP_AES_BLOCK])
{
	const struct secret *k = ctx;
	const struct session *s = k->session;
	CK_MECHANISM mech = {.mechanism = CKM_AES_CMAC};
	CK_ULONG len = GP_AES_BLOCK;
	uint8_t all[512];
	size_t i, at = 0;
	CK_RV rv;

	/* in one piece: not every token takes C_SignUpdate for it */
	for (i = 0; i < n; i++) {
		if (parts[i].len > sizeof(all) - at)
			return -EMSGSIZE;
		if (parts[i].len)
			memcpy(all + at, parts[i].data, parts[i].len);
		at += parts[i].len;
	}
	pthread_mutex_lock(&s->p->lock);
	rv = s->module->C_SignInit(s->handle, &mech, k->object);
	if (rv == CKR_OK)
		rv = s->module->C_Sign(s->handle, all, at, mac, &len);
	pthread_mutex_unlock(&s->p->lock);
	OPENSSL_cleanse(all, sizeof(all));
	if (rv == CKR_OK && len != GP_AES_BLOCK)
		return -EIO;
	return token_errno(rv);
}

static const struct gp_key_ops aes_ops = {.cbc = op_cbc, .cmac = op_cmac};
static const struct gp_key_ops des_ops = {.cbc = op_cbc};

/* ---- objects ---- */

static int find_object(struct session *s, P11KitUri *u, const char *suffix,
		       CK_OBJECT_HANDLE *ret, struct gp_error *err)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(u, CKA_LABEL);
	CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(u, CKA_ID);
	CK_ATTRIBUTE want[3] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_OBJECT_HANDLE got[2];
	char text[LABEL_MAX];
	CK_ULONG n = 1, found = 0;
	int len;
	CK_RV rv;

	if (!label && (suffix || !id))
		return gp_fail(err, -EINVAL, "key-source",
			       "a PKCS#11 URI of a key has object= or id=");
	if (label) {
		len = snprintf(text, sizeof(text), "%.*s%s", (int)label->ulValueLen,
			       (const char *)label->pValue, suffix ? suffix : "");
		if (len < 0 || (size_t)len >= sizeof(text))
			return gp_fail(err, -EINVAL, "key-source",
				       "object= of a PKCS#11 URI is too long");
		want[n++] = (CK_ATTRIBUTE){CKA_LABEL, text, (CK_ULONG)len};
	}
	/* an id is that of one object; with a suffix there are several */
	if (id && !suffix)
		want[n++] = *id;
	rv = s->module->C_FindObjectsInit(s->handle, want, n);
	if (rv == CKR_OK) {
		rv = s->module->C_FindObjects(s->handle, got, 2, &found);
		s->module->C_FindObjectsFinal(s->handle);
	}
	if (rv != CKR_OK)
		return gp_fail(err, -EIO, "token", "the token does not list its objects: %s",
			       p11_kit_strerror(rv));
	if (found != 1)
		return gp_fail(err, found ? -ENOTUNIQ : -ENOENT, "token",
			       "the token has %s secret key %s%s%s",
			       found ? "more than one" : "no", label ? "\"" : "with this id",
			       label ? text : "", label ? "\"" : "");
	*ret = got[0];
	return 0;
}

/* type and length as GlobalPlatform has them */
static int describe(struct session *s, CK_OBJECT_HANDLE object, struct gp_key *key,
		    struct gp_error *err)
{
	CK_KEY_TYPE type = 0;
	CK_ULONG len = 0;
	CK_ATTRIBUTE ask = {CKA_KEY_TYPE, &type, sizeof(type)};
	CK_ATTRIBUTE how_long = {CKA_VALUE_LEN, &len, sizeof(len)};

	if (s->module->C_GetAttributeValue(s->handle, object, &ask, 1) != CKR_OK)
		return gp_fail(err, -EIO, "token", "the token does not describe its key");
	switch (type) {
	case CKK_AES:
		if (s->module->C_GetAttributeValue(s->handle, object, &how_long, 1) != CKR_OK)
			return gp_fail(err, -EIO, "token",
				       "the token does not tell its key's length");
		break;
	case CKK_DES2:
	case CKK_DES3:
		/*
		 * GlobalPlatform's DES keys have two halves; tokens without CKK_DES2 keep
		 * the first one a second time at the end, which computes the same
		 */
		len = 16;
		break;
	default:
		break;
	}
	if (len != 16 && len != 24 && len != 32)
		return gp_fail(
			err, -EINVAL, "token",
			"the token's key is neither AES nor DES of a length that cards use");
	key->type = type == CKK_AES ? GP_KEY_AES : GP_KEY_DES;
	key->len = (uint8_t)len;
	return 0;
}

int pkcs11_secret(struct pkcs11 *p, const char *uri, const char *suffix, struct gp_key *key,
		  struct gp_error *err)
{
	struct session *s = NULL;
	struct secret *k;
	P11KitUri *u;
	int r;

	memset(key, 0, sizeof(*key));
	r = parse(uri, &u, err);
	if (r)
		return r;
	pthread_mutex_lock(&p->lock);
	if (p->nr_secrets == SECRETS_MAX) {
		r = gp_fail(err, -EFBIG, "token", "more than %d keys in tokens", SECRETS_MAX);
		goto out;
	}
	k = &p->secrets[p->nr_secrets];
	r = pkcs11_session(p, u, &s, err);
	if (!r)
		r = find_object(s, u, suffix, &k->object, err);
	if (!r)
		r = describe(s, k->object, key, err);
	if (!r) {
		k->session = s;
		k->des = key->type == GP_KEY_DES;
		key->ops = k->des ? &des_ops : &aes_ops;
		key->ctx = k;
		p->nr_secrets++;
	}
out:
	pthread_mutex_unlock(&p->lock);
	p11_kit_uri_free(u);
	return r;
}
