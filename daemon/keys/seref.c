// SPDX-License-Identifier: Apache-2.0
/* References to keys that lie elsewhere. */
#include <errno.h>
#include <string.h>

#include "gp/error.h"
#include "keys/pkcs11.h"
#include "keys/seref.h"
#include "libse/se.h"

#define SE_SCHEME "se:"
#define PKCS11_SCHEME "pkcs11:"
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static bool begins(const void *value, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && !memcmp(value, with, n);
}

bool seref_is(const void *value, size_t len)
{
	return begins(value, len, SE_SCHEME) || begins(value, len, PKCS11_SCHEME);
}

static int bad(struct gp_error *err, const char *what)
{
	return gp_fail(
		err, -EINVAL, "key-reference",
		"%s: a reference is se:NAME/iotsafe/ID, se:NAME/vault/ID or a PKCS#11 URI",
		what);
}

static int parse_se(struct seref *ref, const char *text, struct gp_error *err)
{
	const char *p = text + strlen(SE_SCHEME);
	size_t n = strspn(p, NAME_CHARS);

	if (!n || n >= sizeof(ref->se) || p[n] != '/')
		return bad(err, "no name of an SE");
	memcpy(ref->se, p, n);
	p += n + 1;
	if (!strncmp(p, "iotsafe/", 8)) {
		ref->kind = SEREF_IOTSAFE;
		p += 8;
	} else if (!strncmp(p, "vault/", 6)) {
		ref->kind = SEREF_VAULT;
		p += 6;
	} else {
		return bad(err, "no application");
	}
	if (se_from_hex(p, strlen(p), ref->id, sizeof(ref->id), &ref->id_len) || !ref->id_len)
		return bad(err, "the identifier is not 1 to 20 bytes in hexadecimal");
	if (ref->kind == SEREF_VAULT && ref->id_len != 1)
		return bad(err, "a slot is one byte");
	return 0;
}

int seref_parse(struct seref *ref, const void *value, size_t len, bool trusted,
		struct gp_error *err)
{
	int r;

	memset(ref, 0, sizeof(*ref));
	if (!seref_is(value, len))
		return 0;
	if (len >= sizeof(ref->uri) || memchr(value, '\0', len))
		return bad(err, "too long, or no text");
	memcpy(ref->uri, value, len);
	if (begins(value, len, SE_SCHEME)) {
		r = parse_se(ref, ref->uri, err);
	} else if (!trusted && memchr(value, '?', len)) {
		r = gp_fail(err, -EACCES, "key-reference",
			    "a PKCS#11 URI from elsewhere must not have a query: it says which "
			    "module is loaded and which file has the PIN");
	} else {
		r = pkcs11_uri_check(ref->uri, err);
		ref->kind = SEREF_PKCS11;
	}
	if (r)
		memset(ref, 0, sizeof(*ref));
	return r;
}
