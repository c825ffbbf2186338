// SPDX-License-Identifier: Apache-2.0
/* What is true of every registry, whatever was done to it. */
#include "registry-check.h"

#include "applet.h"
#include "card.h"

/* Figures 5-1 to 5-3: the states that there are. */
static bool state_exists(const struct card *c, const struct entry *e)
{
	uint8_t s = e->state & (uint8_t)~APP_LOCKED;

	(void)c;
	if (e->kind == ENTRY_ELF)
		return e->state == ELF_LOADED;
	if (e->kind == ENTRY_ISD)
		return e->state == SD_PERSONALIZED;
	if (s == APP_INSTALLED || s == APP_SELECTABLE)
		return true;
	/* a domain can be PERSONALIZED; an application has states of its own, 0xxxx111 */
	return e->priv & PRIV_SD ? s == SD_PERSONALIZED : (s & 0x07) == 0x07;
}

static bool is_row(const struct card *c, const struct entry *e)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (c->entries[i] == e)
			return true;
	return false;
}

static const char *check_row(const struct card *c, size_t i)
{
	const struct entry *e = c->entries[i];
	size_t depth = 0;

	if ((e->kind == ENTRY_ISD) != !i)
		return "the issuer security domain is the first row and no other";
	if (e->aid.len < 5 || e->aid.len > 16)
		return "an AID has 5 to 16 bytes";
	for (size_t k = 0; k < i; k++)
		if (aid_equal(&c->entries[k]->aid, &e->aid))
			return "an AID is there once";
	if (!state_exists(c, e))
		return "a state that does not exist";
	for (const struct entry *p = e->parent; p; p = p->parent) {
		if (!is_row(c, p) || !entry_is_sd(p))
			return "associated with no security domain";
		if (++depth > CARD_ENTRIES)
			return "associated with itself in a ring";
	}
	if (!e->parent && e->kind != ENTRY_ISD && !entry_is_sd(e))
		return "only a domain stands for itself";
	if (e->kind == ENTRY_ELF)
		return e->priv || e->n_keys ? "a load file with privileges or keys" : NULL;
	if (e->elf && (!is_row(c, e->elf) || e->elf->kind != ENTRY_ELF))
		return "an application without its load file";
	if (entry_is_sd(e) != (e->code == &applet_sd))
		return "the Security Domain privilege and a domain's code go together";
	if (!entry_is_sd(e) &&
	    e->priv & (PRIV_DAP | PRIV_DELEGATED | PRIV_MANDATED_DAP | PRIV_AUTHORIZED |
		       PRIV_TOKEN | PRIV_RECEIPT | PRIV_CIPHERED_LOAD))
		return "a domain's privilege in an application";
	if (e->priv & PRIV_DELEGATED && e->priv & PRIV_AUTHORIZED)
		return "delegated and authorized management in one";
	if (e->n_keys && !entry_is_sd(e))
		return "keys in an application";
	return NULL;
}

const char *registry_check(const struct card *c)
{
	size_t used = 0, reset = 0, final = 0;

	if (!c->n_entries || c->n_entries > CARD_ENTRIES)
		return "number of rows";
	for (size_t i = 0; i < c->n_entries; i++) {
		const char *why = check_row(c, i);

		if (why)
			return why;
		used += entry_size(c->entries[i]);
		reset += !!(c->entries[i]->priv & PRIV_CARD_RESET);
		final += !!(c->entries[i]->priv & PRIV_FINAL);
	}
	if (used > CARD_NVM)
		return "more memory than there is";
	if (reset > 1 || final > 1)
		return "a privilege that one has alone is there twice";
	switch (c->life_cycle) {
	case CARD_OP_READY:
	case CARD_INITIALIZED:
	case CARD_SECURED:
	case CARD_LOCKED:
	case CARD_TERMINATED:
		return NULL;
	default:
		return "the card's state does not exist";
	}
}
