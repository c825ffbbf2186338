/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication of OMA DM 1.2 (OMA-TS-DM_Security, 5; OMA-TS-DM_Protocol, 9): Basic, MD5
 * digest and HMAC of each message. Pure: names, secrets, nonces and bytes in, credentials out.
 */
#ifndef SESAME_DM_AUTH_H
#define SESAME_DM_AUTH_H

#include "dm/syncml.h"

enum dm_auth_type {
	DM_AUTH_NONE,	 /* of the transport: TLS with certificates, or none */
	DM_AUTH_BASIC,	 /* syncml:auth-basic: name and secret, readable */
	DM_AUTH_MD5,	 /* syncml:auth-md5: once for the session */
	DM_AUTH_HMAC,	 /* syncml:auth-MAC: each message, in a transport header */
	DM_AUTH_UNKNOWN, /* another URI */
};

#define DM_AUTH_DIGEST_LEN 16
#define DM_AUTH_NAME_MAX 255
#define DM_AUTH_SECRET_MAX 255
#define DM_AUTH_NONCE_MAX 128

/** dm_auth_uri() - "syncml:auth-md5" …; NULL for none and unknown */
const char *dm_auth_uri(enum dm_auth_type type);
/** dm_auth_of_uri() - letter case does not matter; NULL is Basic, the default of a Cred */
enum dm_auth_type dm_auth_of_uri(const char *uri);
/** dm_auth_of_pref() - of DMAcc's AAuthType and AAuthPref: BASIC, DIGEST, HMAC, TRANSPORT,
 * HTTP-BASIC and so on (OMA-TS-DM_StdObj); DM_AUTH_UNKNOWN for those of others. */
enum dm_auth_type dm_auth_of_pref(const char *pref);
/** dm_auth_pref() - the other way; NULL for DM_AUTH_UNKNOWN */
const char *dm_auth_pref(enum dm_auth_type type);

/**
 * struct dm_secret - who says so, and by what; somebody else's memory
 * @name: user name, or server id
 * @nonce: NULL with 0: an empty nonce
 */
struct dm_secret {
	const char *name;
	const uint8_t *secret;
	size_t secret_len;
	const uint8_t *nonce;
	size_t nonce_len;
};

/**
 * dm_auth_digest() - MD5(B64(MD5(name ":" secret)) ":" nonce)
 *
 * A name may have ':' in it, as "IMEI:…" has.
 *
 * Return: 0; -EINVAL a name, a secret or a nonce that is too long; -EIO.
 */
int dm_auth_digest(const struct dm_secret *s, uint8_t digest[DM_AUTH_DIGEST_LEN]);

/**
 * dm_auth_mac() - MD5(B64(MD5(name ":" secret)) ":" nonce ":" B64(MD5(data)))
 *
 * What HMAC of a message and the digest of package 0 are. Return: as above.
 */
int dm_auth_mac(const struct dm_secret *s, const uint8_t *data, size_t len,
		uint8_t mac[DM_AUTH_DIGEST_LEN]);

/**
 * dm_auth_cred() - the Cred of a SyncHdr
 * @room: DM_AUTH_CRED_ROOM octets that @cred points into; to be wiped by the caller
 *
 * Return: 0; -ENOTSUP for a type that is in no Cred (HMAC, none); -EINVAL for a name or a
 * secret that is too long; -EIO.
 */
#define DM_AUTH_CRED_ROOM (DM_AUTH_NAME_MAX + DM_AUTH_SECRET_MAX + 2)
int dm_auth_cred(enum dm_auth_type type, const struct dm_secret *s, uint8_t *room,
		 struct dm_cred *cred);

/**
 * dm_auth_check() - is it the credential of @s? In constant time.
 *
 * The data may be the octets, or their base64 where Format did not say so.
 */
bool dm_auth_check(enum dm_auth_type type, const struct dm_secret *s,
		   const struct dm_cred *cred);

/** name of the transport header of HMAC */
#define DM_HMAC_HEADER "x-syncml-hmac"

/**
 * struct dm_hmac - what such a header says
 * @name: username, NUL-terminated; "" if it says none
 */
struct dm_hmac {
	char name[DM_AUTH_NAME_MAX + 1];
	uint8_t mac[DM_AUTH_DIGEST_LEN];
};

/**
 * dm_hmac_header() - the header's value for a message
 * @out: DM_HMAC_ROOM octets, NUL-terminated
 *
 * Return: 0, -EINVAL for a name that cannot be quoted, -EIO.
 */
#define DM_HMAC_ROOM (DM_AUTH_NAME_MAX + 64)
int dm_hmac_header(const struct dm_secret *s, const uint8_t *body, size_t len,
		   char out[DM_HMAC_ROOM]);

/** dm_hmac_parse() - parameters in any order, quoted or not. Return: 0, -EBADMSG,
 * -ENOTSUP for an algorithm that is not MD5. */
int dm_hmac_parse(const char *value, struct dm_hmac *hmac);

/** dm_hmac_check() - is it the MAC of this message? In constant time; the name is not looked
 * at. */
bool dm_hmac_check(const struct dm_hmac *hmac, const struct dm_secret *s, const uint8_t *body,
		   size_t len);

#endif /* SESAME_DM_AUTH_H */
