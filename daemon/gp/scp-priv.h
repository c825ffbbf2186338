/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the secure channel share. */
#ifndef SESAME_GP_SCP_PRIV_H
#define SESAME_GP_SCP_PRIV_H

#include "gp/scp.h"

#define SW_OK 0x9000

enum scp_state {
	SCP_NEW,
	SCP_INITIALIZED, /* the card cryptogram was right */
	SCP_CERTIFIED,	 /* SCP11: the chain is through */
	SCP_OPEN,
	SCP_FAILED,
};

/* What moves on with every command, so that it can be taken back. */
struct scp_chain {
	uint8_t mac[GP_AES_BLOCK];     /* MAC chaining value; SCP02: ICV, 8 bytes */
	bool mac_set;		       /* SCP02: it is a MAC already, not the first zeros */
	uint8_t counter[GP_AES_BLOCK]; /* SCP03 */
	uint8_t level;
};

enum scp_special {
	SCP_ORDINARY,
	SCP_BEGIN_RMAC,
	SCP_END_RMAC,
};

/* A wrapped command whose response is to come. */
struct scp_pending {
	struct scp_chain after;
	uint8_t level; /* what protects the response */
	enum scp_special special;
	/* SCP02 with R-MAC: the command in clear */
	uint8_t head[5];
	uint8_t *data;
	size_t len;
};

struct scp_keys {
	uint8_t enc[GP_KEY_MAX];
	uint8_t mac[GP_KEY_MAX];
	uint8_t rmac[GP_KEY_MAX];
	uint8_t dek[GP_KEY_MAX]; /* SCP02, SCP11 */
	uint8_t len;
	uint8_t mac_len; /* 8, or 16 with S16 */
};

struct gp_scp {
	struct gp_scp_params p;
	enum scp_state state;
	bool waiting; /* for the response to a command of gp_scp_next() */
	enum gp_protocol protocol;
	uint8_t i, level;
	uint8_t host[GP_CHALLENGE_MAX];
	uint8_t host_len;
	struct gp_init_update iu;
	struct gp_keyset keyset; /* the static keys of this card */
	struct scp_keys keys;
	struct scp_chain cur, done;
	uint8_t ricv[GP_DES_BLOCK]; /* SCP02: last R-MAC */
	struct scp_pending *pending;
	size_t first, n_pending, room;
	struct gp_scp_match match;
	bool matched;
	enum gp_challenge_check challenge;
	/* SCP11 */
	size_t cert;
	uint8_t esk[GP_EC_MAX];
	uint8_t request[256];
	size_t request_len;
};

/* Is the length of @lc bytes on the wire authenticated as three bytes? */
static inline bool scp_long_lc(const struct gp_scp *s, const struct gp_apdu *apdu, size_t lc)
{
	const struct gp_scp_quirks *q = &s->p.quirks;

	return lc > GP_LC_SHORT || (q->extended && apdu->le > GP_LE_ANY) ||
	       (apdu->chain && q->lc_max && lc > q->lc_max);
}

/* scp02.c */
int gp_scp02_session(struct gp_scp *s, uint16_t seq);
/* 1: this key made the cryptogram; 0: it did not; or errno */
int gp_scp02_explains(const struct gp_keyset *set, const struct gp_init_update *iu,
		      const uint8_t *host);
int gp_scp02_check_challenge(struct gp_scp *s);
int gp_scp02_implicit(struct gp_scp *s);
int gp_scp02_authenticate(struct gp_scp *s, struct gp_apdu *apdu);
int gp_scp02_wrap(struct gp_scp *s, struct gp_apdu *apdu);
int gp_scp02_remember(struct scp_pending *p, const struct gp_apdu *clear);
/* -EBADMSG: R-MAC is wrong */
int gp_scp02_unwrap(struct gp_scp *s, const struct scp_pending *p, uint8_t *rsp, size_t *len,
		    uint16_t sw);

/* scp03.c */
int gp_scp03_session(struct gp_scp *s);
int gp_scp03_explains(const struct gp_keyset *set, const struct gp_init_update *iu,
		      const uint8_t *host);
int gp_scp03_check_challenge(struct gp_scp *s);
int gp_scp03_authenticate(struct gp_scp *s, struct gp_apdu *apdu);
int gp_scp03_wrap(struct gp_scp *s, struct gp_apdu *apdu);
int gp_scp03_unwrap(struct gp_scp *s, const struct scp_pending *p, uint8_t *rsp, size_t *len,
		    uint16_t sw);

/* scp11.c */
int gp_scp11_check(const struct gp_scp_params *p, struct gp_error *err);
int gp_scp11_certificate(struct gp_scp *s, struct gp_apdu *apdu);
int gp_scp11_agree(struct gp_scp *s, struct gp_apdu *apdu, struct gp_error *err);
int gp_scp11_agreed(struct gp_scp *s, const uint8_t *rsp, size_t len, struct gp_error *err);

#endif /* SESAME_GP_SCP_PRIV_H */
