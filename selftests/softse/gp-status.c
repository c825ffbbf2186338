// SPDX-License-Identifier: Apache-2.0
/* GET STATUS and SET STATUS (GPCS 2.3.1, 11.4 and 11.10). */
#include <string.h>

#include "gp.h"

#define FORMAT_TLV 0x02
#define NEXT 0x01
/*
 * Most bytes of one response: with the padding and the MAC of a session this
 * is what a short response can hold.
 */
#define PAGE_MAX 239

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
	const uint8_t priv[] = {(uint8_t)(e->priv >> 16), (uint8_t)(e->priv >> 8),
				(uint8_t)e->priv};
	uint8_t in[512], state = state_of(c, e);
	struct buf b = {.data = in, .room = sizeof(in)};

	field(&b, l, 0x4f, e->aid.v, e->aid.len);
	field(&b, l, 0x9f70, &state, 1);
	if (e->kind == ENTRY_ELF) {
		field(&b, l, 0xce, e->version, 2);
		for (size_t i = 0; l->p1 == 0x10 && i < e->n_modules; i++)
			field(&b, l, 0x84, e->modules[i].v, e->modules[i].len);
	} else {
		const struct aid *elf = e->elf ? &e->elf->aid : &c->profile.sd_elf;

		field(&b, l, 0xc5, priv, sizeof(priv));
		if (e->implicit)
			field(&b, l, 0xcf, &e->implicit, 1);
		if (e->kind == ENTRY_APP)
			field(&b, l, 0xc4, elf->v, elf->len);
	}
	if (e->parent)
		field(&b, l, 0xcc, e->parent->aid.v, e->parent->aid.len);
	else if (e->kind == ENTRY_APP)
		field(&b, l, 0xcc, e->aid.v, e->aid.len); /* a hierarchy of its own */
	buf_tlv(rsp, 0xe3, b.data, b.len);
}

/* Tables 11-34 and 11-35, the older form. */
static void record_lv(const struct card *c, const struct listing *l, const struct entry *e,
		      struct buf *rsp)
{
	buf_u8(rsp, e->aid.len);
	buf_put(rsp, e->aid.v, e->aid.len);
	buf_u8(rsp, state_of(c, e));
	buf_u8(rsp, (uint8_t)(e->priv >> 16));
	if (l->p1 != 0x10)
		return;
	buf_u8(rsp, (uint8_t)e->n_modules);
	for (size_t i = 0; i < e->n_modules; i++) {
		buf_u8(rsp, e->modules[i].len);
		buf_put(rsp, e->modules[i].v, e->modules[i].len);
	}
}

/*
 * GPCS 11.4.2: a domain sees what is below it, one with Global Registry everything.
 */
static bool matches(const struct listing *l, const struct entry *sd, const struct entry *e)
{
	enum entry_kind kind = l->p1 == 0x80   ? ENTRY_ISD
			       : l->p1 == 0x40 ? ENTRY_APP
					       : ENTRY_ELF;

	if (e != sd && !(sd->priv & PRIV_GLOBAL_REGISTRY) && !entry_below(e, sd))
		return false;
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

uint16_t gp_get_status(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
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
		uint8_t room[640];
		struct buf rec = {.data = room, .room = sizeof(room)};

		if (!matches(&l, sd, c->entries[l.next]))
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

static uint16_t set_card_status(struct card *c, const struct entry *sd, uint8_t to)
{
	uint8_t from = c->life_cycle;
	uint32_t needs = to == CARD_TERMINATED ? PRIV_CARD_TERMINATE : PRIV_CARD_LOCK;

	/* the first steps are the issuer's; locking is a privilege (table 6-1) */
	if (to == CARD_INITIALIZED || (to == CARD_SECURED && from == CARD_INITIALIZED)) {
		if (sd->kind != ENTRY_ISD)
			return SW_CONDITIONS;
	} else if (!(sd->priv & needs)) {
		return SW_CONDITIONS;
	}
	if (!card_may_become(from, to))
		return SW_CONDITIONS;
	card_set_life_cycle(c, to);
	return SW_OK;
}

/* Locks or unlocks one row; no step to the state that it is in. */
static uint16_t set_lock(struct card *c, struct entry *e, bool lock)
{
	uint16_t sw;

	if (!(e->state & APP_LOCKED) == !lock)
		return SW_CONDITIONS;
	sw = card_touch(c, e);
	if (sw == SW_OK)
		e->state ^= APP_LOCKED;
	return sw;
}

/* P1 = 60: a domain and all that is associated with it, directly or not (11.10.2.1). */
static uint16_t set_family(struct card *c, struct entry *sd, bool lock)
{
	uint16_t sw = set_lock(c, sd, lock);

	for (size_t i = 0; i < c->n_entries && sw == SW_OK; i++) {
		struct entry *e = c->entries[i];

		if (e->kind == ENTRY_APP && entry_below(e, sd) &&
		    !(e->state & APP_LOCKED) == lock)
			sw = set_lock(c, e, lock);
	}
	return sw;
}

uint16_t gp_set_status(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	bool lock = a->p2 & APP_LOCKED;
	struct aid aid;
	struct entry *e;
	uint16_t sw;

	(void)ch;
	if (a->p1 == 0x80)
		return set_card_status(c, sd, a->p2);
	if (a->p1 != 0x40 && a->p1 != 0x60)
		return SW_P1P2;
	if (c->life_cycle == CARD_LOCKED)
		return SW_CONDITIONS;
	if (!aid_set(&aid, a->data, a->lc))
		return SW_WRONG_DATA;
	e = registry_find(c, &aid);
	if (!e || e->kind == ENTRY_ELF || (a->p1 == 0x60 && !entry_is_sd(e)) ||
	    (a->p1 == 0x40 && e->kind == ENTRY_ISD))
		return SW_NO_REFERENCE;
	if (e->kind == ENTRY_ISD)
		return SW_CONDITIONS; /* its state is the card's */
	if (e == sd) {
		/* a domain says of itself that it is personalized, once (5.3.2.3) */
		if (a->p1 != 0x40 || a->p2 != SD_PERSONALIZED || e->state != APP_SELECTABLE)
			return SW_CONDITIONS;
		sw = card_touch(c, e);
		if (sw == SW_OK)
			e->state = SD_PERSONALIZED;
		return sw;
	}
	if (!entry_below(e, sd) && !(sd->priv & PRIV_GLOBAL_LOCK))
		return SW_CONDITIONS;
	return a->p1 == 0x60 ? set_family(c, e, lock) : set_lock(c, e, lock);
}
