/* SPDX-License-Identifier: Apache-2.0 */
/* Files that say what kind of card softse is. */
#ifndef SOFTSE_PROFILE_H
#define SOFTSE_PROFILE_H

#include "card.h"
#include "t1.h"

/**
 * profile_read() - "key = value" lines, # comments; see softse(1)
 * @t1: a dialect in the file makes it that dialect's before all other keys
 * @faults: gets those of the file
 * @err: gets "FILE:LINE: what is wrong"
 *
 * Return: 0 or negative errno.
 */
int profile_read(const char *path, struct card_profile *card, struct t1_params *t1,
		 struct fault_script *faults, char *err, size_t err_room);

/**
 * keys_read() - key sets: lines of hex digits, "kvn NN" before each further set
 *
 * A set is one line (ENC, MAC and DEK alike) or three (in this order); 16, 24
 * or 32 bytes each. Replaces the keys in @card.
 * Return: 0 or negative errno with @err as above.
 */
int keys_read(const char *path, struct card_profile *card, char *err, size_t err_room);

/** parse_hex() - even number of digits; bytes, or -1 */
int parse_hex(const char *text, uint8_t *out, size_t room);

/** parse_number() - decimal or 0x..; false for anything else or beyond @max */
bool parse_number(const char *text, unsigned long max, unsigned long *value);

#endif
