/* SPDX-License-Identifier: Apache-2.0 */
/* Bootstrap files on cards: what [bootstrap] and [dm] have in common, and that of [dm]. */
#ifndef SEMD_CARD_H
#define SEMD_CARD_H

#include "pkcs15/card.h"
#include "semd/semd.h"

struct keys;

/** struct semd_card - what reads one; zeros: nothing does */
struct semd_card {
	struct pkcs15_card *card;
	struct keys *keys;
};

/**
 * struct semd_card_config - as configured; strings of the configuration, "": not set
 * @where: section and what the names of its keys begin with, "[dm] bootstrap_"
 * @pin_key: section and name of the key of @pin_file
 * @oid, @file, @enough: as in struct pkcs15_config
 */
struct semd_card_config {
	const char *where, *pin_key;
	const char *se, *aid, *pin_file, *keyset;
	struct gp_bytes oid;
	const char *file;
	size_t (*enough)(const uint8_t *p, size_t len);
};

/** semd_card_new() - 0, or a negative errno, logged; semd_card_clear() in either case */
int semd_card_new(struct semd_card *card, struct semd *d, const struct semd_card_config *w,
		  pkcs15_card_done_t done, void *ctx);
void semd_card_clear(struct semd_card *card);

/* ---- dm-card.c: [dm] bootstrap_card= ------------------------------------------------- */

struct semd_dm_card;

/** semd_dm_card_t - a profile, wiped after the call */
typedef void (*semd_dm_card_t)(void *ctx, const uint8_t *p, size_t len);

/** semd_dm_card_new() - 0, also with none configured (@ret NULL), or a negative errno, logged
 */
int semd_dm_card_new(struct semd_dm_card **ret, struct semd *d, semd_dm_card_t take, void *ctx);
/**
 * semd_dm_card_look() - read the card if it was not, or may be another one
 * @instance: of the SE that content_ses_listen() told of; -1: at the start
 */
void semd_dm_card_look(struct semd_dm_card *c, int32_t instance);
void semd_dm_card_free(struct semd_dm_card *c);

#endif /* SEMD_CARD_H */
