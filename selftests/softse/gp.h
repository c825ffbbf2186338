/* SPDX-License-Identifier: Apache-2.0 */
/* The card manager's inside: one function per command, and what several of them need. */
#ifndef SOFTSE_GP_H
#define SOFTSE_GP_H

#include "card.h"

/* INSTALL, P1 */
enum {
	FOR_LOAD = 0x02,
	FOR_INSTALL = 0x04,
	FOR_MAKE_SELECTABLE = 0x08,
	FOR_EXTRADITION = 0x10,
	FOR_PERSONALIZATION = 0x20,
	FOR_REGISTRY_UPDATE = 0x40,
};

/* Tag D9: what a security domain or an application must not do or suffer any more. */
enum {
	RESTRICT_REGISTRY = 0x40,
	RESTRICT_PERSO = 0x20,
	RESTRICT_EXTRADITION = 0x10,
	RESTRICT_SELECTABLE = 0x08,
	RESTRICT_INSTALL = 0x04,
	RESTRICT_LOAD = 0x02,
	RESTRICT_DELETE = 0x01,
};

/* Key versions and identifiers by convention. */
enum {
	KVN_TOKEN = 0x70,
	KVN_RECEIPT = 0x71,
	KVN_DAP = 0x73,
	KVN_CIPHERED_LOAD = 0x75,
	KID_CA_KLOC = 0x10,
	KID_SCP11A = 0x11,
	KID_SCP11B = 0x13,
	KID_SCP11C = 0x15,
};

/** gp_dispatch() - a command to a security domain, or for the services of one */
uint16_t gp_dispatch(struct card *c, struct channel *ch, struct apdu *a);

uint16_t gp_get_data(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_get_status(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_set_status(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_install(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_load(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_delete(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_put_key(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);
uint16_t gp_store_data(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a);

/** gp_load_cancel() - forget a load that was begun */
void gp_load_cancel(struct load *l);
/** gp_perso_cancel() - the same for personalization */
void gp_perso_cancel(struct perso *p);

/** gp_put_load_file() - what was loaded enters the registry */
uint16_t gp_put_load_file(struct card *c, struct load *l);

/** gp_key_length() - may a key of this type be so long? */
bool gp_key_length(uint8_t type, size_t len);
/** gp_kcv() - key check value, 3 bytes (GPCS B.6); false for a type that has none */
bool gp_kcv(uint8_t type, const uint8_t *key, size_t len, uint8_t kcv[3]);
/** gp_auto_personalize() - a domain that has its first keys is PERSONALIZED */
void gp_auto_personalize(struct entry *sd);

/* gp-privilege.c */
/** gp_may_manage() - content management by @sd over @object: SW_OK or why not */
uint16_t gp_may_manage(struct card *c, const struct entry *sd, const struct entry *object);
/**
 * gp_check_privileges() - may an application have these? GPCS 6.6
 * @self: the entry that is to have them, or NULL
 */
uint16_t gp_check_privileges(struct card *c, uint32_t priv, bool is_sd,
			     const struct entry *self);
/** gp_take_exclusive() - privileges that only one application has move to @e */
uint16_t gp_take_exclusive(struct card *c, struct entry *e);
/** gp_return_exclusive() - and back to the issuer security domain */
uint16_t gp_return_exclusive(struct card *c, const struct entry *e);

/* gp-token.c */
/** gp_signature() - is @sig made with one key of a domain over the data? */
bool gp_signature(const struct key *k, const uint8_t *data, size_t len, const uint8_t *sig,
		  size_t sig_len);
/**
 * gp_check_token() - GPCS 9.2.2: who needs a token has one, and it is right
 * @signed_len: bytes of the data field that it covers
 */
uint16_t gp_check_token(struct card *c, const struct entry *sd, const struct apdu *a,
			size_t signed_len, const uint8_t *token, size_t token_len);
/**
 * gp_confirm() - response of a content management command: a receipt where one is
 * due (GPCS 9.2.3, 11.1.6), otherwise 00
 */
uint16_t gp_confirm(struct card *c, const struct entry *sd, struct apdu *a,
		    const struct aid *const *aids, size_t n);

#endif
