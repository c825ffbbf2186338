// SPDX-License-Identifier: Apache-2.0
/* GET STATUS and SET STATUS (GPCS 2.3.1, 11.4 and 11.10). */
#include <string.h>

#include "card.h"

#define FORMAT_TLV 0x02
#define NEXT 0x01
/*
 * Most bytes of one response: with the padding and the MAC of a session this
 * is what a short response can hold.
 */
#define PAGE_MAX 239

/* SD, card lock, terminate, reset; authorized management, global rights, final */
static const uint8_t isd_privileges[3] = {0x9c, 0x5e, 0x00};

static bool wanted(const struct listing *l, uint32_t tag)
{
	const uint8_t *p = l->tags, *end = l->tags + l->tags_len;

	if (!l->tags_len)
		return true;
	while (p < end) {
		uint32_t t = *p++;

		if ((t & 0x1f) == 0x1f && p < end)
			t = t << 8 | *p++;
		if (t == tag)
			return true;
	}
	return false;
}

static void field(struct buf *b, const struct listing *l, uint32_t tag, const void *v,
		  size_t len)
{
	if (wanted(l, tag))
		buf_tlv(b, tag, v, len);
}

static uint8_t state_of(const struct card *c, const struct entry *e)
{
	return e->kind == ENTRY_ISD ? c->life_cycle : e->state;
}

/* Table 11-36: GlobalPlatform registry data. */
static void record_tlv(const struct card *c, const struct listing *l, const struct entry *e,
		       struct buf *rsp)
{
	uint8_t in[256], state = state_of(c, e);
	struct buf b = {.data = in, .room = sizeof(in)};

	field(&b, l, 0x4f, e->aid.v, e->aid.len);
	field(&b, l, 0x9f70, &state, 1);
	if (e->kind == ENTRY_ELF) {
		field(&b, l, 0xce, e->version, 2);
		for (size_t i = 0; l->p1 == 0x10 && i < e->n_modules; i++)
			field(&b, l, 0x84, e->modules[i].v, e->modules[i].len);
	} else {
		field(&b, l, 0xc5, e->kind == ENTRY_ISD ? isd_privileges : e->priv, 3);
		if (e->kind == ENTRY_APP)
			field(&b, l, 0xc4, e->elf.v, e->elf.len);
	}
	if (e->parent.len)
		field(&b, l, 0xcc, e->parent.v, e->parent.len);
	buf_tlv(rsp, 0xe3, b.data, b.len);
}

/* Tables 11-34 and 11-35, the older form. */
static void record_lv(const struct card *c, const struct listing *l, const struct entry *e,
		      struct buf *rsp)
{
	buf_u8(rsp, e->aid.len);
	buf_put(rsp, e->aid.v, e->aid.len);
	buf_u8(rsp, state_of(c, e));
	buf_u8(rsp, e->kind == ENTRY_ISD ? isd_privileges[0] : e->priv[0]);
	if (l->p1 != 0x10)
		return;
	buf_u8(rsp, (uint8_t)e->n_modules);
	for (size_t i = 0; i < e->n_modules; i++) {
		buf_u8(rsp, e->modules[i].len);
		buf_put(rsp, e->modules[i].v, e->modules[i].len);
	}
}

static bool matches(const struct listing *l, const struct entry *e)
{
	enum entry_kind kind = l->p1 == 0x80   ? ENTRY_ISD
			       : l->p1 == 0x40 ? ENTRY_APP
					       : ENTRY_ELF;

	return e->kind == kind && aid_starts(&e->aid, l->prefix.v, l->prefix.len);
}

static uint16_t parse_criteria(struct listing *l, const struct apdu *a)
{
	const uint8_t *p = a->data, *end = p + a->lc;
	bool have_aid = false;
	struct tlv t;
	int ret;

	while ((ret = tlv_next(&p, end, &t)) == 1) {
		if (t.tag == 0x4f && t.len <= sizeof(l->prefix.v)) {
			memcpy(l->prefix.v, t.val, t.len);
			l->prefix.len = (uint8_t)t.len;
			have_aid = true;
		} else if (t.tag == 0x5c && t.len <= sizeof(l->tags)) {
			memcpy(l->tags, t.val, t.len);
			l->tags_len = t.len;
		} else {
			return SW_WRONG_DATA;
		}
	}
	return ret < 0 || !have_aid ? SW_WRONG_DATA : SW_OK;
}

uint16_t gp_get_status(struct card *c, struct channel *ch, struct apdu *a)
{
	struct listing l = {.p1 = a->p1, .format = a->p2 & FORMAT_TLV};
	size_t page = c->profile.status_page;
	bool any = false;
	uint16_t sw;

	if (a->p2 & ~(FORMAT_TLV | NEXT) ||
	    (a->p1 != 0x80 && a->p1 != 0x40 && a->p1 != 0x20 && a->p1 != 0x10)) {
		ch->listing.active = false;
		return SW_P1P2;
	}
	sw = parse_criteria(&l, a);
	if (sw != SW_OK) {
		ch->listing.active = false;
		return sw;
	}
	if (a->p2 & NEXT) {
		if (!ch->listing.active || ch->listing.p1 != l.p1 ||
		    ch->listing.format != l.format ||
		    !aid_equal(&ch->listing.prefix, &l.prefix)) {
			ch->listing.active = false;
			return SW_CONDITIONS;
		}
		l.next = ch->listing.next;
	}
	if (!page || page > PAGE_MAX)
		page = PAGE_MAX;
	ch->listing.active = false;
	for (; l.next < c->n_entries; l.next++) {
		uint8_t room[256];
		struct buf rec = {.data = room, .room = sizeof(room)};

		if (!matches(&l, c->entries[l.next]))
			continue;
		if (l.format == FORMAT_TLV)
			record_tlv(c, &l, c->entries[l.next], &rec);
		else
			record_lv(c, &l, c->entries[l.next], &rec);
		if (any && a->rsp.len + rec.len > page) {
			l.active = true;
			ch->listing = l;
			return SW_MORE_DATA;
		}
		buf_put(&a->rsp, rec.data, rec.len);
		any = true;
	}
	return any ? SW_OK : SW_NO_REFERENCE;
}

/* Figure 5-1. */
static bool card_may_become(uint8_t from, uint8_t to)
{
	switch (to) {
	case CARD_INITIALIZED:
		return from == CARD_OP_READY;
	case CARD_SECURED:
		return from == CARD_INITIALIZED || from == CARD_LOCKED;
	case CARD_LOCKED:
		return from == CARD_SECURED;
	case CARD_TERMINATED:
		return from != CARD_TERMINATED;
	default:
		return false;
	}
}

static uint16_t set_card_status(struct card *c, uint8_t to)
{
	uint8_t from = c->life_cycle;

	if (!card_may_become(from, to))
		return SW_CONDITIONS;
	c->life_cycle = to;
	if (store_save(c)) {
		c->life_cycle = from;
		return SW_MEMORY;
	}
	return SW_OK;
}

uint16_t gp_set_status(struct card *c, struct channel *ch, struct apdu *a)
{
	struct aid aid;
	struct entry *e;
	uint8_t from;

	(void)ch;
	if (a->p1 == 0x80)
		return set_card_status(c, a->p2);
	if (a->p1 != 0x40 && a->p1 != 0x60)
		return SW_P1P2;
	if (c->life_cycle == CARD_LOCKED)
		return SW_CONDITIONS;
	if (!aid_set(&aid, a->data, a->lc))
		return SW_WRONG_DATA;
	e = registry_find(c, &aid);
	/* P1 = 60 means a security domain and what belongs to it; we have the ISD only */
	if (!e || e->kind == ENTRY_ELF || (a->p1 == 0x60) != (e->kind == ENTRY_ISD))
		return SW_NO_REFERENCE;
	from = e->state;
	/* the issuer security domain's state is the card's; no step to the state we are in */
	if (e->kind == ENTRY_ISD || !(from & APP_LOCKED) == !(a->p2 & APP_LOCKED))
		return SW_CONDITIONS;
	e->state ^= APP_LOCKED;
	if (store_save(c)) {
		e->state = from;
		return SW_MEMORY;
	}
	return SW_OK;
}
