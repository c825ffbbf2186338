/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a file that a data object of a PKCS #15 application names by an object
 * identifier (ISO/IEC 7816-15; ISO/IEC 7816-4): EF LwM2M_Bootstrap (2.23.43.9.1; LwM2M core
 * 1.1, appendix G and, with a secure channel, H), EF DM_Bootstrap (2.23.43.7.1; OMA DM):
 *
 *	the application by its AID, else through EF DIR of the default application
 *	EF ODF (5031) -> every EF DODF in it -> the data object with that OID
 *	-> its path -> the file, in pieces; before that, where it is private or the card
 *	refuses to show it, the PIN, of which EF AODF says number and form
 *
 * Pure: it says what to do next and takes what came of it. It does not know of logical
 * channels: who carries it out opens one with the application selected (the kernel, libse
 * or job/ do) and writes its number into CLA.
 *
 *	pkcs15_new(&p, &config);
 *	while ((r = pkcs15_next(p, &action, words)) == 1)
 *		if (action.step == PKCS15_OPEN)
 *			close what is open, open action.aid, pkcs15_opened(p, sw)
 *		else
 *			send action.cmd, pkcs15_answer(p, rsp, len)
 *	close the channel; r == 0: pkcs15_file(p, &len)
 *
 * Each command is given once. A PIN is presented once at most, and only if the card says
 * that at least two tries are left.
 */
#ifndef SESAME_PKCS15_H
#define SESAME_PKCS15_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/apdu.h"

struct gp_keyset;

#define PKCS15_PIN_MAX 16 /* bytes */
#define PKCS15_WORDS_MAX 256
#define PKCS15_OID_MAX 16      /* bytes */
#define PKCS15_FILE_MAX 32768U /* of the file that is looked for */
#define PKCS15_DIR_MAX 4096U   /* of each directory file */

/**
 * struct pkcs15_config - what to look for and what opens it; copied
 * @aid: of the PKCS #15 application; empty: A0000000 63504B43 532D3135, and EF DIR where
 *	there is none of that name
 * @oid: contents of the DER object identifier of the data object
 * @file: what people call the file, for words; static
 * @pin: as people write it, 4 to PKCS15_PIN_MAX characters, or bytes; len 0: none
 * @keys: for SCP03 (appendix H); NULL: no secure channel. Borrowed
 * @random: unpredictable bytes, needed with @keys. Return: 0 or a negative errno
 * @enough: how many bytes of the file matter, told from its first @len ones: the others
 *	are not read; 0 if that is not enough to tell. NULL: all
 * @ctx: for @random
 */
struct pkcs15_config {
	struct gp_aid aid;
	struct gp_bytes oid;
	const char *file;
	struct gp_bytes pin;
	const struct gp_keyset *keys;
	int (*random)(void *ctx, void *out, size_t len);
	size_t (*enough)(const uint8_t *p, size_t len);
	void *ctx;
};

enum pkcs15_step {
	PKCS15_OPEN, /* open a channel with @aid selected, after closing the one there is */
	PKCS15_SEND, /* send @cmd on it */
};

/**
 * struct pkcs15_action - what to do
 * @aid: PKCS15_OPEN; empty: the default application
 * @cmd: PKCS15_SEND, a short C-APDU with logical channel 0 in CLA. May hold a PIN: wipe it
 */
struct pkcs15_action {
	enum pkcs15_step step;
	struct gp_aid aid;
	uint8_t cmd[5 + 255 + 1];
	size_t cmd_len;
};

struct pkcs15;

/** pkcs15_new() - Return: 0, -EINVAL (no OID, AID, OID or PIN too long, no @random), -ENOMEM.
 */
int pkcs15_new(struct pkcs15 **ret, const struct pkcs15_config *config);
/** pkcs15_free() - everything wiped; NULL is fine */
void pkcs15_free(struct pkcs15 *p);

/**
 * pkcs15_next() - what to do next
 * @words: PKCS15_WORDS_MAX bytes; why not, for people: the file and the status word, never
 *contents
 *
 * Return: 1 with @action; 0: done; -EBUSY: the answer to the last is missing; or how it
 * ended:
 * -ENOENT	no PKCS #15 application, or no such data object in it
 * -EACCES	a PIN is needed, wrong, or blocked, or only one try is left; the secure
 *		channel was refused
 * -EKEYREJECTED	the card does not know the keys
 * -EBADMSG	a directory file that makes no sense
 * -EFBIG	a file longer than the bounds above
 * -EREMOTEIO	another status word than expected
 */
int pkcs15_next(struct pkcs15 *p, struct pkcs15_action *action, char *words);

/** pkcs15_opened() - the answer to PKCS15_OPEN: 9000 if the channel is open, else why not */
void pkcs15_opened(struct pkcs15 *p, uint16_t sw);

/** pkcs15_answer() - the R-APDU of PKCS15_SEND, status word included */
void pkcs15_answer(struct pkcs15 *p, const uint8_t *rsp, size_t len);

/**
 * pkcs15_file() - contents of the file, after pkcs15_next() returned 0
 *
 * Owned by @p. As long as the card says the file is, padding included, or as
 * pkcs15_config.enough says.
 */
const uint8_t *pkcs15_file(const struct pkcs15 *p, size_t *len);

/** pkcs15_pin_used() - the PIN was presented: if that failed, do not do it again */
bool pkcs15_pin_used(const struct pkcs15 *p);

#endif /* SESAME_PKCS15_H */
