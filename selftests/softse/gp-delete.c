// SPDX-License-Identifier: Apache-2.0
/* DELETE: card content and keys (GPCS 2.3.1, 11.2). */
#include "gp.h"

#include <string.h>

static uint16_t delete_keys(struct card *c, struct channel *ch, struct entry *sd,
			    struct apdu *a)
{
	const uint8_t *p = a->data, *end = p + a->lc;
	int kid = -1, kvn = -1, ret;
	struct tlv t;
	bool any = false;
	uint16_t sw;

	while ((ret = tlv_next(&p, end, &t)) == 1) {
		if (t.len != 1 || (t.tag != 0xd0 && t.tag != 0xd2))
			return SW_WRONG_DATA;
		*(t.tag == 0xd0 ? &kid : &kvn) = t.val[0];
	}
	if (ret < 0)
		return SW_WRONG_DATA;
	sw = card_touch(c, sd);
	if (sw != SW_OK)
		return sw;
	for (size_t i = 0; i < sd->n_keys;) {
		struct key *k = &sd->keys[i];

		if ((kid >= 0 && k->kid != kid) || (kvn >= 0 && k->kvn != kvn)) {
			i++;
			continue;
		}
		/* the branch that one sits on */
		if (ch->scp.sd == sd && ch->scp.kvn == k->kvn &&
		    (ch->scp.proto != 0x11 || k->kid >= KID_CA_KLOC))
			return SW_CONDITIONS;
		entry_drop_key(sd, k);
		any = true;
	}
	if (!any)
		return SW_NO_REFERENCE;
	buf_u8(&a->rsp, 0x00);
	return SW_OK;
}

/* Is a row among those that go? */
static bool listed(struct entry *const *v, size_t n, const struct entry *e)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == e)
			return true;
	return false;
}

/* Does something that stays need it? */
static bool needed(const struct card *c, struct entry *const *v, size_t n,
		   const struct entry *gone)
{
	for (size_t i = 0; i < c->n_entries; i++) {
		const struct entry *e = c->entries[i];

		if (listed(v, n, e))
			continue;
		if (e->parent == gone || e->elf == gone)
			return true;
		if (e->kind != ENTRY_ELF || gone->kind != ENTRY_ELF)
			continue;
		for (size_t k = 0; k < e->n_imports; k++)
			if (aid_equal(&e->imports[k].aid, &gone->aid))
				return true;
	}
	return false;
}

/* A load that has begun, or a personalization, holds on to a row. */
static bool in_use(const struct card *c, const struct entry *e)
{
	for (size_t i = 0; i < CARD_CHANNELS; i++) {
		const struct channel *ch = &c->channels[i];

		if (ch->open && (ch->selected == e || ch->scp.sd == e ||
				 ch->perso.target == e || ch->load.sd == e))
			return true;
	}
	return false;
}

static uint16_t delete_object(struct card *c, struct entry *sd, struct entry *e, bool related)
{
	struct entry *victims[CARD_ENTRIES];
	size_t n = 0;
	uint16_t sw;

	if (e->kind == ENTRY_ISD)
		return SW_CONDITIONS;
	victims[n++] = e;
	/* 11.2.2.2: a load file and what was made of it; nothing is related to others */
	if (related && e->kind == ENTRY_ELF)
		for (size_t i = 0; i < c->n_entries; i++)
			if (c->entries[i]->elf == e)
				victims[n++] = c->entries[i];
	for (size_t i = 0; i < n; i++) {
		struct entry *v = victims[i];

		if (!(sd->priv & PRIV_GLOBAL_DELETE) &&
		    (gp_may_manage(c, sd, v) != SW_OK || v == sd))
			return SW_CONDITIONS;
		if (v->restricted & RESTRICT_DELETE || needed(c, victims, n, v) || in_use(c, v))
			return SW_CONDITIONS;
	}
	while (n--) {
		sw = gp_return_exclusive(c, victims[n]);
		if (sw == SW_OK)
			sw = card_remove(c, victims[n]);
		if (sw != SW_OK)
			return sw;
	}
	return SW_OK;
}

uint16_t gp_delete(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	const uint8_t *p = a->data, *end = p + a->lc;
	struct tlv t, token = {0};
	size_t signed_len = a->lc;
	struct entry *e;
	struct aid aid;
	uint16_t sw;

	if (a->p1 || (a->p2 & 0x7f))
		return SW_P1P2;
	if (tlv_next(&p, end, &t) != 1)
		return SW_WRONG_DATA;
	if (t.tag == 0xd0 || t.tag == 0xd2)
		return a->p2 ? SW_P1P2 : delete_keys(c, ch, sd, a);
	if (t.tag != 0x4f || !aid_set(&aid, t.val, t.len))
		return SW_WRONG_DATA;
	while (p < end) { /* control reference and token */
		const uint8_t *at = p;

		if (tlv_next(&p, end, &t) != 1 || (t.tag != 0xb6 && t.tag != 0x9e))
			return SW_WRONG_DATA;
		if (t.tag == 0x9e) {
			token = t;
			signed_len = (size_t)(at - a->data);
		}
	}
	e = registry_find(c, &aid);
	if (!e)
		return SW_NO_REFERENCE;
	if (sd->restricted & RESTRICT_DELETE)
		return SW_CONDITIONS;
	/* Global Delete needs no token (GPCS 9.5) */
	if (token.len || !(sd->priv & PRIV_GLOBAL_DELETE)) {
		sw = gp_check_token(c, sd, a, signed_len, token.val, token.len);
		if (sw != SW_OK)
			return sw;
	}
	sw = delete_object(c, sd, e, a->p2 & 0x80);
	if (sw == SW_OK) {
		const struct aid *names[] = {&aid};

		sw = gp_confirm(c, sd, a, names, 1);
	}
	return sw;
}
