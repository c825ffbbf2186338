/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What native code looks like to the card. Code is bound to a module AID: an
 * application instantiated from a module that is in the table runs it.
 */
#ifndef SOFTSE_APPLET_H
#define SOFTSE_APPLET_H

#include "card.h"

/** struct applet - hooks may be NULL except @process; entries are touched by the card */
struct applet {
	const char *name;
	/** @secure: INITIALIZE UPDATE and secure messaging are the security domain's */
	bool secure;
	/** @install: C9 parameters; anything but SW_OK and there is no instance */
	uint16_t (*install)(struct card *c, struct entry *e, const uint8_t *params, size_t len);
	/** @process: any command but SELECT by name, secure messaging taken off */
	uint16_t (*process)(struct card *c, struct channel *ch, struct apdu *a);
	/** @personalise: one STORE DATA block after INSTALL [for personalization] */
	uint16_t (*personalise)(struct card *c, struct entry *e, struct apdu *a);
};

/** applet_find() - the code of a module, or NULL */
const struct applet *applet_find(const struct card *c, const struct aid *module);

/** applet_native() - is the module in the card itself, so that no load file is needed? */
bool applet_native(const struct aid *module);

/**
 * applet_profile() - a new card has this applet from the beginning
 * @words: its name, and "default" if it is selected after a reset
 *
 * Return: NULL or what was expected instead.
 */
const char *applet_profile(struct card_profile *p, const char *words);

/** applet_make() - the instances that the profile asks for. Return: 0 or negative errno. */
int applet_make(struct card *c);

/** applet_authenticated() - an open session with at least these bits of its level? */
bool applet_authenticated(const struct channel *ch, uint8_t level);

extern const struct applet applet_test;
extern const struct applet applet_pkcs15;
extern const struct applet applet_iot_safe;
extern const struct applet applet_vault;
extern const struct applet applet_ara;
/** applet_sd - marks a module whose instances are security domains */
extern const struct applet applet_sd;

#endif
