// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dm/auth.h"
#include "model/base64.h"

#define B64_DIGEST BASE64_LEN(DM_AUTH_DIGEST_LEN)

static const struct {
	const char *uri;
	const char *pref;
} types[] = {
	[DM_AUTH_NONE] = {NULL, "TRANSPORT"},
	[DM_AUTH_BASIC] = {"syncml:auth-basic", "BASIC"},
	[DM_AUTH_MD5] = {"syncml:auth-md5", "DIGEST"},
	[DM_AUTH_HMAC] = {"syncml:auth-MAC", "HMAC"},
	[DM_AUTH_UNKNOWN] = {NULL, NULL},
};

const char *dm_auth_uri(enum dm_auth_type type)
{
	return type <= DM_AUTH_UNKNOWN ? types[type].uri : NULL;
}

const char *dm_auth_pref(enum dm_auth_type type)
{
	return type <= DM_AUTH_UNKNOWN ? types[type].pref : NULL;
}

enum dm_auth_type dm_auth_of_uri(const char *uri)
{
	if (!uri)
		return DM_AUTH_BASIC;
	for (unsigned int i = DM_AUTH_BASIC; i < DM_AUTH_UNKNOWN; i++)
		if (strcasecmp(types[i].uri, uri) == 0)
			return (enum dm_auth_type)i;
	return DM_AUTH_UNKNOWN;
}

enum dm_auth_type dm_auth_of_pref(const char *pref)
{
	/* some write the URI there */
	if (strncasecmp(pref, "syncml:", 7) == 0)
		return dm_auth_of_uri(pref);
	for (unsigned int i = 0; i < DM_AUTH_UNKNOWN; i++)
		if (strcasecmp(types[i].pref, pref) == 0)
			return (enum dm_auth_type)i;
	return DM_AUTH_UNKNOWN;
}

static int md5(const void *p, size_t len, uint8_t out[DM_AUTH_DIGEST_LEN])
{
	return EVP_Digest(p, len, out, NULL, EVP_md5(), NULL) == 1 ? 0 : -EIO;
}

/* name ":" secret into @out, which has room for DM_AUTH_CRED_ROOM; its length */
static int pair(const struct dm_secret *s, uint8_t *out)
{
	size_t n = strlen(s->name);

	if (n > DM_AUTH_NAME_MAX || s->secret_len > DM_AUTH_SECRET_MAX)
		return -EINVAL;
	memcpy(out, s->name, n);
	out[n] = ':';
	if (s->secret_len > 0)
		memcpy(out + n + 1, s->secret, s->secret_len);
	return (int)(n + 1 + s->secret_len);
}

/* MD5(B64(MD5(name ":" secret)) ":" nonce @tail) */
static int digest(const struct dm_secret *s, const char *tail, size_t tail_len,
		  uint8_t out[DM_AUTH_DIGEST_LEN])
{
	uint8_t words[DM_AUTH_CRED_ROOM];
	char text[B64_DIGEST + 1 + DM_AUTH_NONCE_MAX + 1 + B64_DIGEST];
	uint8_t inner[DM_AUTH_DIGEST_LEN];
	int n = pair(s, words);
	size_t at;
	int e;

	if (n < 0 || s->nonce_len > DM_AUTH_NONCE_MAX) {
		OPENSSL_cleanse(words, sizeof(words));
		return -EINVAL;
	}
	e = md5(words, (size_t)n, inner);
	at = base64_encode(inner, sizeof(inner), text, false);
	text[at++] = ':';
	if (s->nonce_len > 0)
		memcpy(text + at, s->nonce, s->nonce_len);
	at += s->nonce_len;
	memcpy(text + at, tail, tail_len);
	if (e == 0)
		e = md5(text, at + tail_len, out);
	OPENSSL_cleanse(words, sizeof(words));
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(inner, sizeof(inner));
	return e;
}

int dm_auth_digest(const struct dm_secret *s, uint8_t out[DM_AUTH_DIGEST_LEN])
{
	return digest(s, "", 0, out);
}

int dm_auth_mac(const struct dm_secret *s, const uint8_t *data, size_t len,
		uint8_t mac[DM_AUTH_DIGEST_LEN])
{
	uint8_t of_data[DM_AUTH_DIGEST_LEN];
	char tail[1 + B64_DIGEST];

	if (md5(len > 0 ? (const void *)data : "", len, of_data) < 0)
		return -EIO;
	tail[0] = ':';
	base64_encode(of_data, sizeof(of_data), tail + 1, false);
	return digest(s, tail, sizeof(tail), mac);
}

int dm_auth_cred(enum dm_auth_type type, const struct dm_secret *s, uint8_t *room,
		 struct dm_cred *cred)
{
	int n;

	switch (type) {
	case DM_AUTH_BASIC:
		n = pair(s, room);
		break;
	case DM_AUTH_MD5:
		n = dm_auth_digest(s, room);
		if (n == 0)
			n = DM_AUTH_DIGEST_LEN;
		break;
	default:
		return -ENOTSUP;
	}
	if (n < 0)
		return n;
	*cred = (struct dm_cred){
		.type = dm_auth_uri(type), .format = "b64", .data = room, .len = (size_t)n};
	return 0;
}

bool dm_auth_check(enum dm_auth_type type, const struct dm_secret *s,
		   const struct dm_cred *cred)
{
	uint8_t room[DM_AUTH_CRED_ROOM];
	char text[BASE64_LEN(DM_AUTH_CRED_ROOM)];
	struct dm_cred want;
	bool same = false;

	if (dm_auth_cred(type, s, room, &want) == 0) {
		size_t n = base64_encode(want.data, want.len, text, false);

		if (cred->len == want.len)
			same = CRYPTO_memcmp(cred->data, want.data, want.len) == 0;
		else if (cred->len == n)
			same = CRYPTO_memcmp(cred->data, text, n) == 0;
	}
	OPENSSL_cleanse(room, sizeof(room));
	OPENSSL_cleanse(text, sizeof(text));
	return same;
}

int dm_hmac_header(const struct dm_secret *s, const uint8_t *body, size_t len,
		   char out[DM_HMAC_ROOM])
{
	uint8_t mac[DM_AUTH_DIGEST_LEN];
	char text[B64_DIGEST];
	int e;

	for (const char *c = s->name; *c; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ' || *c == 0x7f)
			return -EINVAL;
	e = dm_auth_mac(s, body, len, mac);
	if (e < 0)
		return e;
	base64_encode(mac, sizeof(mac), text, false);
	snprintf(out, DM_HMAC_ROOM, "algorithm=MD5, username=\"%s\", mac=%.*s", s->name,
		 (int)sizeof(text), text);
	return 0;
}

/* the value of a parameter, in quotes or up to the next comma; moves behind it */
static bool parameter(const char **at, const char **value, size_t *len)
{
	const char *s = *at;

	if (*s == '"') {
		*value = ++s;
		*len = strcspn(s, "\"");
		if (!s[*len])
			return false;
		s += *len + 1;
	} else {
		*value = s;
		*len = strcspn(s, ", \t");
		s += *len;
	}
	s += strspn(s, " \t");
	if (*s && *s != ',')
		return false;
	*at = s + (*s == ',');
	return true;
}

static int mac_of(const char *value, size_t len, uint8_t mac[DM_AUTH_DIGEST_LEN])
{
	uint8_t out[BASE64_ROOM(B64_DIGEST)];

	if (len != B64_DIGEST ||
	    base64_decode((const uint8_t *)value, len, out, false) != DM_AUTH_DIGEST_LEN)
		return -EBADMSG;
	memcpy(mac, out, DM_AUTH_DIGEST_LEN);
	return 0;
}

int dm_hmac_parse(const char *at, struct dm_hmac *hmac)
{
	bool has_mac = false;

	memset(hmac, 0, sizeof(*hmac));
	while (*(at += strspn(at, " \t"))) {
		size_t n = strcspn(at, "= \t,"), len;
		const char *name = at, *value;

		at += n;
		at += strspn(at, " \t");
		if (*at != '=')
			return -EBADMSG;
		at++;
		at += strspn(at, " \t");
		if (!parameter(&at, &value, &len))
			return -EBADMSG;
		if (n == 9 && strncasecmp(name, "algorithm", n) == 0) {
			if (len != 3 || strncasecmp(value, "MD5", 3) != 0)
				return -ENOTSUP;
		} else if (n == 8 && strncasecmp(name, "username", n) == 0) {
			if (len > DM_AUTH_NAME_MAX)
				return -EBADMSG;
			memcpy(hmac->name, value, len);
			hmac->name[len] = '\0';
		} else if (n == 3 && strncasecmp(name, "mac", n) == 0) {
			if (has_mac || mac_of(value, len, hmac->mac) < 0)
				return -EBADMSG;
			has_mac = true;
		}
	}
	return has_mac ? 0 : -EBADMSG;
}

bool dm_hmac_check(const struct dm_hmac *hmac, const struct dm_secret *s, const uint8_t *body,
		   size_t len)
{
	uint8_t mac[DM_AUTH_DIGEST_LEN];

	return dm_auth_mac(s, body, len, mac) == 0 &&
	       CRYPTO_memcmp(mac, hmac->mac, sizeof(mac)) == 0;
}
