/* SPDX-License-Identifier: Apache-2.0 */
/* What single card products want otherwise than GPCS says, as data. */
#ifndef SESAME_GP_PROFILE_H
#define SESAME_GP_PROFILE_H

#include "gp/apdu.h"
#include "gp/carddata.h"

/* quirks */
#define GP_QUIRK_COUNTER_DATA_ONLY \
	(1U << 0)		      /* SCP03: commands without data do not move the counter */
#define GP_QUIRK_OLD_STATUS (1U << 1) /* GET STATUS knows only the form without TLV */
#define GP_QUIRK_NO_STATUS_TAGS (1U << 2)   /* GET STATUS refuses the tag list 5C */
#define GP_QUIRK_NO_MODULES (1U << 3)	    /* GET STATUS refuses GP_LIST_MODULES */
#define GP_QUIRK_EXTENDED (1U << 4)	    /* takes extended length, secured as well */
#define GP_QUIRK_NO_CHAINING (1U << 5)	    /* no "more commands" bit */
#define GP_QUIRK_SHORT_PRIVILEGES (1U << 6) /* one byte of privileges */
#define GP_QUIRK_NO_BLOCK_WRAP (1U << 7)    /* no LOAD block 00 after FF */

/**
 * struct gp_profile - one product or family
 * @name: for --profile and plan files: lower case, joined by "-"
 * @title: for people
 * @source: where the quirk is described in public
 * @quirks: GP_QUIRK_*
 * @lc_max: most data bytes of one C-APDU, secure messaging included; 0: 255
 * @load_block: most LOAD data bytes in the clear; 0: what fits in @lc_max
 * @install_params_max: most bytes of the parameters field of INSTALL; 0: no limit known
 */
struct gp_profile {
	const char *name;
	const char *title;
	const char *source;
	unsigned int quirks;
	size_t lc_max;
	size_t load_block;
	size_t install_params_max;
};

/**
 * struct gp_identity - what is known of a card, to find its profile
 * @hist: historical bytes of the ATR or of the CIP; may be empty
 * @cplc: NULL if not read
 * @recognition: NULL if not read
 */
struct gp_identity {
	struct gp_bytes hist;
	const struct gp_cplc *cplc;
	const struct gp_recognition *recognition;
};

/**
 * gp_profile_find() - the profile of a card
 *
 * The most specific that fits: historical bytes over CPLC over the version in the
 * card recognition data. Never NULL: "generic" fits all.
 */
const struct gp_profile *gp_profile_find(const struct gp_identity *card);

/** gp_profile_by_name() - that profile, or NULL. */
const struct gp_profile *gp_profile_by_name(const char *name);

/** gp_profile_at() - profile number @n, the first is "generic"; NULL behind the last. */
const struct gp_profile *gp_profile_at(size_t n);

/**
 * gp_profile_wire() - how commands for this card are put into bytes
 *
 * A caller that knows the card's historical bytes may allow extended length also where
 * gp_hist_extended() says so.
 */
struct gp_wire gp_profile_wire(const struct gp_profile *profile);

/**
 * gp_hist_extended() - do historical bytes of an ATR or CIP promise extended
 * length (ISO/IEC 7816-4, card capabilities)?
 */
bool gp_hist_extended(struct gp_bytes hist);

/**
 * gp_profile_load_lc() - most data bytes of a LOAD or STORE DATA command
 * @wire: how commands go to this card
 * @fci: what SELECT said, or NULL; its block_max counts only from 64 bytes on, as
 *	some cards tell nonsense. 255 holds unless GP_QUIRK_EXTENDED knows better: many
 *	cards say no more by it than that they take short commands
 *
 * Where extended length is known of from historical bytes alone, these commands stay short
 * unless the card itself tells more in block_max: a card that takes long commands does not
 * therefore have room for a long block beside what it does with it.
 *
 * Return: 64 to GP_LC_EXTENDED, secure messaging included. struct gp_profile's load_block
 * holds for what is left without it.
 */
size_t gp_profile_load_lc(const struct gp_profile *profile, const struct gp_wire *wire,
			  const struct gp_fci *fci);

#endif /* SESAME_GP_PROFILE_H */
