// SPDX-License-Identifier: Apache-2.0
/* Privileges and who may manage whom (GPCS 2.3.1, 6.6 and chapter 9). */
#include "gp.h"

/* Privileges that make sense in a security domain only (6.6.1). */
#define NEEDS_SD                                                                        \
	(PRIV_DAP | PRIV_DELEGATED | PRIV_MANDATED_DAP | PRIV_AUTHORIZED | PRIV_TOKEN | \
	 PRIV_RECEIPT | PRIV_CIPHERED_LOAD)
/* Privileges that one application at a time has (6.6.2). */
#define EXCLUSIVE (PRIV_CARD_RESET | PRIV_FINAL)

uint16_t gp_may_manage(struct card *c, const struct entry *sd, const struct entry *object)
{
	(void)c;
	if (!(sd->priv & (PRIV_AUTHORIZED | PRIV_DELEGATED)))
		return SW_CONDITIONS;
	if (object && object != sd && !entry_below(object, sd))
		return SW_CONDITIONS;
	return SW_OK;
}

uint16_t gp_check_privileges(struct card *c, uint32_t priv, bool is_sd,
			     const struct entry *self)
{
	if (priv & ~(uint32_t)PRIV_KNOWN || !(priv & PRIV_SD) == is_sd)
		return SW_WRONG_DATA;
	if (!is_sd && priv & NEEDS_SD)
		return SW_WRONG_DATA;
	if (priv & PRIV_DELEGATED && priv & PRIV_AUTHORIZED)
		return SW_WRONG_DATA; /* table 6-1: one or the other */
	if (priv & PRIV_MANDATED_DAP && !(priv & PRIV_DAP))
		return SW_WRONG_DATA;
	/* an exclusive one is to be had from the issuer security domain only */
	for (size_t i = 1; i < c->n_entries; i++) {
		const struct entry *e = c->entries[i];

		if (e != self && e->kind == ENTRY_APP && e->priv & priv & EXCLUSIVE)
			return SW_CONDITIONS;
	}
	return SW_OK;
}

uint16_t gp_take_exclusive(struct card *c, struct entry *e)
{
	uint32_t taken = e->priv & EXCLUSIVE & c->entries[0]->priv;
	uint16_t sw;

	if (!taken || e == c->entries[0])
		return SW_OK;
	sw = card_touch(c, c->entries[0]);
	if (sw == SW_OK)
		c->entries[0]->priv &= ~taken;
	return sw;
}

uint16_t gp_return_exclusive(struct card *c, const struct entry *e)
{
	uint32_t back = e->priv & EXCLUSIVE;
	uint16_t sw;

	if (!back || e == c->entries[0])
		return SW_OK;
	sw = card_touch(c, c->entries[0]);
	if (sw == SW_OK)
		c->entries[0]->priv |= back;
	return sw;
}
