/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bootstrap profiles (OMA-TS-DM_Bootstrap 1.2): what a new device is told about its first
 * server.
 *
 * - the OMA CP profile: a wap-provisioningdoc with APPLICATION w7 (OMA-WAP-TS-ProvCont), in XML
 *   or WBXML (public identifier 0x0B);
 * - the OMA DM profile: a SyncML message whose Adds carry TNDS, in XML or WBXML;
 * - a bare TNDS document.
 *
 * What a profile gives is accounts. The MAC of a profile that comes over the air is checked
 * with dm_profile_check_mac() before anything else is done with it.
 */
#ifndef SESAME_DM_PROFILE_H
#define SESAME_DM_PROFILE_H

#include "dm/auth.h"

enum dm_profile_kind {
	DM_PROFILE_CP,
	DM_PROFILE_DM,
	DM_PROFILE_TNDS,
};

#define DM_PROFILE_ACCOUNTS_MAX 8
#define DM_PROFILE_BYTES_MAX (64U << 10)

/**
 * struct dm_profile_auth - credentials of one direction; @name NULL: there are none
 * @type: AAuthType as it was said
 */
struct dm_profile_auth {
	const char *type;
	const char *name;
	const uint8_t *secret;
	size_t secret_len;
	const uint8_t *nonce; /* AAuthData, decoded */
	size_t nonce_len;
};

/**
 * struct dm_profile_account - one DM account (w7); NULL is "not said"
 * @server_id: ServerID, never NULL
 * @addr: address, never NULL: an absolute URI, or a host (@addr_type says)
 * @addr_type: "URI", "IPv4", "IPv6" …
 * @port: 0: that of the URI
 * @con_ref: what connection to use
 * @auth_pref: AAuthPref
 * @client: by these the client shows who it is to the server (AAuthLevel CLCRED; CP: APPSRV)
 * @server: by these the server does (SRVCRED; CP: CLIENT)
 * @init: begin a session at once (CP: INIT)
 */
struct dm_profile_account {
	const char *server_id;
	const char *name;
	const char *addr;
	const char *addr_type;
	unsigned int port;
	const char *con_ref;
	const char *auth_pref;
	struct dm_profile_auth client;
	struct dm_profile_auth server;
	bool init;
};

/**
 * struct dm_profile - what a profile says; everything it points to is in @arena
 * @tnds, @n_tnds: the TNDS documents of a DM profile or a bare one as XML text, for those who
 *	want more than the accounts; NUL-terminated
 */
#define DM_PROFILE_TNDS_MAX 8
struct dm_profile {
	enum dm_profile_kind kind;
	struct dm_profile_account accounts[DM_PROFILE_ACCOUNTS_MAX];
	size_t n_accounts;
	const char *tnds[DM_PROFILE_TNDS_MAX];
	size_t n_tnds;
	struct dm_arena *arena;
};

/**
 * dm_profile_parse() - what is in (@p, @len); kind and coding are found out
 *
 * Return: 0 with at least one account; -EBADMSG, -E2BIG, -ENOTSUP as dm_msg_parse(); -ENOENT
 * without an account of DM; -ENOMEM.
 */
int dm_profile_parse(const uint8_t *p, size_t len, struct dm_profile *profile, char *words);

/** dm_profile_free() - wipe and free */
void dm_profile_free(struct dm_profile *profile);

/** how a profile over the air is protected: SEC of its Content-Type */
enum dm_profile_sec {
	DM_SEC_NONE,	  /* not at all; no MAC */
	DM_SEC_NETWORKID, /* what the network shares with the device: IMSI … (CP: NETWPIN) */
	DM_SEC_USERPIN,	  /* a PIN that the user types */
	DM_SEC_USERPIN_NETWORKID, /* both (CP: USERNETWPIN) */
	DM_SEC_USERPINMAC,	  /* CP only: the PIN tells the MAC itself */
};

#define DM_PROFILE_MAC_LEN 20

/**
 * struct dm_profile_mac - SEC and MAC
 * @cp: a document of client provisioning, which puts two keys together in its own way
 * @mac: HMAC-SHA1 over the body
 */
struct dm_profile_mac {
	enum dm_profile_sec sec;
	bool cp;
	bool has_mac;
	uint8_t mac[DM_PROFILE_MAC_LEN];
};

/**
 * dm_profile_push() - find body and protection in a WAP push
 * @body, @body_len: into (@p, @len)
 *
 * Return: 0, -EBADMSG, -ENOTSUP for a push of something else.
 */
int dm_profile_push(const uint8_t *p, size_t len, struct dm_profile_mac *mac,
		    const uint8_t **body, size_t *body_len);

#define DM_PROFILE_NETWORK_MAX 64 /* bytes of a network's shared secret */

/**
 * dm_profile_imsi() - an IMSI as the shared secret of a GSM network: semi-octets with the
 *	parity in front, as a SIM has it (ProvBoot 1.1, 5.2; TS 51.011, 10.3.2, without the
 *	length)
 * @digits: 6 to 15 of them, and nothing else
 * @key: DM_PROFILE_NETWORK_MAX bytes
 *
 * Return: bytes of @key, or -EINVAL.
 */
int dm_profile_imsi(const char *digits, uint8_t *key);

/**
 * dm_profile_check_mac() - is the profile from somebody who knows the keys?
 * @network, @network_len: the network's shared secret, NULL if there is none
 * @pin: decimal digits, NULL if the user was not asked
 *
 * Return: 0; -EKEYREJECTED wrong; -ENOKEY a key it wants is not there, or there is no MAC at
 * all; -EIO.
 */
int dm_profile_check_mac(const struct dm_profile_mac *mac, const uint8_t *network,
			 size_t network_len, const char *pin, const uint8_t *body,
			 size_t body_len);

#endif /* SESAME_DM_PROFILE_H */
