/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secure channel sessions: one per logical channel, whatever the protocol. SCP11
 * only makes keys; from then on its sessions are SCP03's (Amendment F, 3.4).
 */
#ifndef SOFTSE_SCP_H
#define SOFTSE_SCP_H

#include "scp02.h"
#include "scp03.h"

enum scp_state {
	SCP_NONE,
	SCP_INITIATED,
	SCP_OPEN,
};

#define OCE_KEY_MAX 133 /* uncompressed point of P-521 */

struct scp {
	uint8_t proto; /* 2, 3 or 11 (hex); 0 without a session */
	enum scp_state state;
	uint8_t level;
	bool authenticated; /* the other side has shown who it is; not so with SCP11b */
	struct entry *sd;   /* whose keys these are */
	uint8_t kvn;
	uint8_t dek[32], dek_len; /* SCP11 */
	struct scp02 s2;
	struct scp03 s3;
	/* SCP11: the certificate chain so far */
	uint8_t oce_curve;
	uint8_t oce_len;
	bool oce_final; /* the last certificate is for key agreement */
	uint8_t oce[OCE_KEY_MAX];
	uint16_t oce_ref; /* KID and KVN of the key that the chain began with */
};

struct card;
struct channel;
struct apdu;

/** scp_close() - forget the session, keys wiped */
void scp_close(struct scp *s);
uint16_t scp_initialize_update(struct card *c, struct channel *ch, struct entry *sd,
			       struct apdu *a);
uint16_t scp_external_authenticate(struct card *c, struct channel *ch, struct apdu *a);
/** scp_begin_rmac() and scp_end_rmac() - response authentication in mid-session */
uint16_t scp_begin_rmac(struct channel *ch, struct apdu *a);
uint16_t scp_end_rmac(struct channel *ch, struct apdu *a);
/**
 * scp_unwrap() - the secure messaging of a command
 * @ext: Lc is MACed in its extended form
 *
 * Return: SW_OK with clear text in @a, or the status word; then the session is closed.
 */
uint16_t scp_unwrap(struct card *c, struct channel *ch, struct apdu *a, bool ext);
/** scp_wrap() - the same for the response. Return: 0 or negative errno. */
int scp_wrap(struct scp *s, struct apdu *a, uint16_t sw);
/**
 * scp_decrypt() - sensitive data under the session's or the static DEK
 *
 * Return: SW_OK or SW_CONDITIONS, SW_WRONG_DATA.
 */
uint16_t scp_decrypt(struct channel *ch, uint8_t *data, size_t len);

/* scp11.c */
uint16_t scp11_certificate(struct card *c, struct channel *ch, struct entry *sd,
			   struct apdu *a);
#define SCP11_IDS_MAX 64

/**
 * scp11_keys() - receipt key, S-ENC, S-MAC, S-RMAC, S-DEK (Amendment F, 3.1.2)
 * @usage: tag 95
 * @secret: ShSee and ShSss, one after the other
 * @ids: host ID, SIN and SDIN, each with its length, or nothing
 *
 * Return: 0 or -EIO.
 */
int scp11_keys(uint8_t usage, uint8_t key_len, const uint8_t *secret, size_t len,
	       const uint8_t *ids, size_t ids_len, uint8_t keys[5 * 32]);
/** scp11_authenticate() - INTERNAL (b) or MUTUAL (a, c) AUTHENTICATE */
uint16_t scp11_authenticate(struct card *c, struct channel *ch, struct entry *sd,
			    struct apdu *a, bool mutual);

#endif
