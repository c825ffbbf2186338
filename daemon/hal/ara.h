/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading of the access rules from the ARA-M (GlobalPlatform Secure Element Access
 * Control 1.1, clause 4.1): the refresh tag, and the rules if it is another one. Pure: it
 * says which command is next and takes the answer.
 */
#ifndef SESAME_HAL_ARA_H
#define SESAME_HAL_ARA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/ara-rules.h"

#define ARA_TAG_LEN 8
#define ARA_CMD_LEN 5
#define ARA_AID_LEN 9

extern const uint8_t ara_aid[ARA_AID_LEN];

/**
 * struct ara - the rules of one SE, kept
 * @rules: NULL as long as none were read
 * @tag: of @rules
 * The rest is the reading under way.
 */
struct ara {
	struct ara_rules *rules;
	uint8_t tag[ARA_TAG_LEN];
	int step;
	uint8_t new_tag[ARA_TAG_LEN];
	uint8_t *data;
	size_t have, want;
};

/** ara_begin() - begin to read, in a channel with the ARA-M newly selected */
void ara_begin(struct ara *ara);

/**
 * ara_next() - the command that is to be sent
 * @cmd: out, CLA of the basic channel; room for ARA_CMD_LEN
 *
 * Return: 1, or 0 when the rules are known (@ara->rules is not NULL then).
 */
int ara_next(const struct ara *ara, uint8_t cmd[ARA_CMD_LEN]);

/**
 * ara_answer() - what came
 * @rsp: R-APDU, status word included
 *
 * After an error the reading is over and the rules that were kept are gone, as nobody knows
 * whether they still hold: everything is denied until a reading succeeds.
 *
 * Return: 0, -EBADMSG (not as the standard has it), -E2BIG, -EREMOTEIO (another status
 * word), -ENOMEM.
 */
int ara_answer(struct ara *ara, const uint8_t *rsp, size_t len);

/** ara_forget() - drop the rules, and a reading under way; a zeroed one is fine */
void ara_forget(struct ara *ara);

#endif
