/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done with a card's image while nobody uses the card. */
#ifndef SOFTSE_IMAGE_H
#define SOFTSE_IMAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "card.h"

/**
 * image_copy() - the state file, checked, to another file
 * @to: path; "-" is standard output
 *
 * Return: 0 or an exit status, with an explanation on standard error.
 */
int image_copy(const struct card_profile *p, const char *state_path, const char *to);

/**
 * image_compare() - two state files, both checked
 *
 * Differences go to standard output, each line's beginning only: keys and data are
 * not shown.
 * Return: 0 alike, 1 different or failed.
 */
int image_compare(const struct card_profile *p, const char *state_path, const char *other);

/** image_reset() - the next start makes a new card. Return: 0 or an exit status. */
int image_reset(const char *state_path);

#endif
