/* SPDX-License-Identifier: Apache-2.0 */
/* PINs of applets: objects of the entry, so that tries outlive the power. */
#ifndef SOFTSE_APPLET_PIN_H
#define SOFTSE_APPLET_PIN_H

#include "card.h"

#define PIN_TAG 0x50494e
#define PIN_MIN 4
#define PIN_MAX 16
#define PIN_TRIES 3

/** pin_set() - a new PIN with all its tries; the entry is touched */
uint16_t pin_set(struct card *c, struct entry *e, uint8_t ref, const uint8_t *pin, size_t len);

/**
 * pin_verify() - VERIFY (ISO/IEC 7816-4, 11.5.6)
 * @ok: in and out: was it verified on this channel?
 *
 * Without data: 9000 or 63Cx, how many tries there are.
 * Return: SW_OK; 63Cx, and the try is counted; SW_BLOCKED; SW_NO_REFERENCE.
 */
uint16_t pin_verify(struct card *c, struct entry *e, const struct apdu *a, uint8_t *ok);

/** pin_change() - CHANGE REFERENCE DATA: the old PIN and behind it the new one */
uint16_t pin_change(struct card *c, struct entry *e, const struct apdu *a, uint8_t *ok);

#endif
