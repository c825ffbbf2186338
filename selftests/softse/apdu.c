// SPDX-License-Identifier: Apache-2.0
/*
 * APDU core: class byte and length fields, logical channels, SELECT, GET
 * RESPONSE, and who gets the rest.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "log.h"

enum {
	INS_MANAGE_CHANNEL = 0x70,
	INS_SELECT = 0xa4,
	INS_GET_RESPONSE = 0xc0,
};

/* ISO/IEC 7816-4, 5.4.1; GPCS 2.3.1, 11.1.4. */
static uint16_t parse_class(struct apdu *a)
{
	uint8_t cla = a->cla & 0x7f;

	a->gp_class = a->cla & 0x80;
	if (cla & 0x40) {
		/* further interindustry class: channels 4 to 19 */
		if (a->cla == 0xff)
			return SW_CLA;
		a->channel = (uint8_t)(4 + (cla & 0x0f));
		a->sm = cla & 0x20;
	} else if (cla & 0x20) {
		return SW_CLA;
	} else {
		a->channel = cla & 0x03;
		a->sm = cla & 0x04;
		if (cla & 0x08)
			return SW_NO_SM;
	}
	return cla & 0x10 ? SW_NO_CHAINING : SW_OK;
}

uint16_t apdu_parse(struct apdu *a, uint8_t *scratch, size_t len)
{
	size_t body = len - 4;
	uint8_t *p = scratch + 4;
	uint16_t sw;

	if (len < 4)
		return SW_LENGTH;
	a->cla = scratch[0];
	a->ins = scratch[1];
	a->p1 = scratch[2];
	a->p2 = scratch[3];
	a->data = p;
	sw = parse_class(a);
	if (!body)
		return sw;
	if (body == 1) { /* case 2 short */
		a->has_le = true;
		a->ne = p[0] ? p[0] : 256;
	} else if (p[0]) { /* cases 3 and 4 short */
		a->lc = p[0];
		a->data = p + 1;
		if (body == 2 + a->lc) {
			a->has_le = true;
			a->ne = p[1 + a->lc] ? p[1 + a->lc] : 256;
		} else if (body != 1 + a->lc) {
			goto bad;
		}
	} else if (body == 3) { /* case 2 extended */
		a->ext = a->has_le = true;
		a->ne = p[1] | p[2] ? get_be16(p + 1) : 65536;
	} else if (body > 3) { /* cases 3 and 4 extended */
		a->ext = true;
		a->lc = get_be16(p + 1);
		a->data = p + 3;
		if (!a->lc)
			goto bad;
		if (body == 5 + a->lc) {
			const uint8_t *le = a->data + a->lc;

			a->has_le = true;
			a->ne = le[0] | le[1] ? get_be16(le) : 65536;
		} else if (body != 3 + a->lc) {
			goto bad;
		}
	} else {
		goto bad;
	}
	return sw;
bad:
	a->lc = 0;
	return SW_LENGTH;
}

static void drop_more(struct channel *ch)
{
	if (ch->more)
		OPENSSL_clear_free(ch->more, ch->more_len);
	ch->more = NULL;
	ch->more_len = 0;
}

/* What belongs to the application that was selected until now. */
static void end_dialogue(struct channel *ch)
{
	scp03_close(&ch->scp);
	gp_load_cancel(&ch->load);
	ch->listing.active = false;
	drop_more(ch);
}

static void close_channel(struct channel *ch)
{
	end_dialogue(ch);
	ch->open = false;
	ch->selected = NULL;
}

static void open_channel(struct card *c, struct channel *ch, int owner)
{
	ch->open = true;
	ch->owner = owner;
	/* default selected application: the issuer security domain (GPCS 6.4.2.1) */
	ch->selected = c->entries[0];
}

void card_reset(struct card *c)
{
	for (size_t i = 0; i < CARD_CHANNELS; i++)
		close_channel(&c->channels[i]);
	open_channel(c, &c->channels[0], -1);
}

void card_drop_origin(struct card *c, int origin)
{
	for (size_t i = 1; i < CARD_CHANNELS; i++)
		if (c->channels[i].open && c->channels[i].owner == origin)
			close_channel(&c->channels[i]);
}

/* ISO/IEC 7816-4, 11.1.2. */
static uint16_t manage_channel(struct card *c, int origin, struct apdu *a)
{
	unsigned int n = a->p2;

	if (a->sm)
		return SW_NO_SM;
	if (a->lc)
		return SW_LENGTH;
	if (a->p1 == 0x80) {
		if (!n)
			n = a->channel;
		if (!n)
			return SW_P1P2;
		if (n >= c->profile.channels)
			return SW_P1P2;
		if (!c->channels[n].open)
			return SW_ALREADY_CLOSED;
		close_channel(&c->channels[n]);
		return SW_OK;
	}
	if (a->p1)
		return SW_P1P2;
	if (n) {
		if (n >= c->profile.channels)
			return SW_P1P2;
		if (c->channels[n].open)
			return SW_P1P2;
	} else {
		for (n = 1; n < c->profile.channels && c->channels[n].open; n++)
			;
		if (n >= c->profile.channels)
			return SW_NOT_SUPPORTED;
		if (!a->has_le)
			return SW_LENGTH;
		buf_u8(&a->rsp, (uint8_t)n);
	}
	open_channel(c, &c->channels[n], origin);
	return SW_OK;
}

static bool may_select(const struct card *c, const struct entry *e)
{
	if (e->kind == ENTRY_ISD)
		return true;
	/* GPCS 6.4.2: neither INSTALLED nor LOCKED, and the card not CARD_LOCKED */
	return e->kind == ENTRY_APP && e->state != APP_INSTALLED && !(e->state & APP_LOCKED) &&
	       c->life_cycle != CARD_LOCKED;
}

static bool has_code(const struct card *c, const struct entry *e)
{
	return e->kind == ENTRY_ISD || aid_equal(&e->module, &c->profile.test_module);
}

/* File control information, GPCS table 11-77. */
static void put_fci(struct buf *rsp, const struct entry *e)
{
	static const uint8_t max_data[] = {0x9f, 0x65, 0x01, 0xff};
	uint8_t room[64];
	struct buf fci = {.data = room, .room = sizeof(room)};

	buf_tlv(&fci, 0x84, e->aid.v, e->aid.len);
	buf_tlv(&fci, 0xa5, max_data, sizeof(max_data));
	buf_tlv(rsp, 0x6f, fci.data, fci.len);
}

static uint16_t select_by_name(struct card *c, struct channel *ch, struct apdu *a)
{
	struct entry *found = NULL;
	size_t i = 0;

	if (a->sm)
		return SW_NO_SM;
	if (a->p1 != 0x04 || (a->p2 & ~0x0e) || (a->p2 & 0x02 && !a->lc))
		return SW_P1P2;
	if (a->lc > 16)
		return SW_NOT_FOUND;
	if (a->p2 & 0x02) /* next occurrence: search behind the current one */
		while (i < c->n_entries && c->entries[i++] != ch->selected)
			;
	for (; i < c->n_entries && !found; i++)
		if (aid_starts(&c->entries[i]->aid, a->data, a->lc) &&
		    may_select(c, c->entries[i]))
			found = c->entries[i];
	if (!found || (c->life_cycle == CARD_TERMINATED && found->kind != ENTRY_ISD))
		return SW_NOT_FOUND; /* what was selected stays selected */
	if (!has_code(c, found))
		return SW_NO_CODE;
	end_dialogue(ch);
	ch->selected = found;
	if ((a->p2 & 0x0c) != 0x0c)
		put_fci(&a->rsp, found);
	return c->life_cycle == CARD_LOCKED ? SW_SELECTED_LOCKED_CARD : SW_OK;
}

static uint16_t get_response(struct channel *ch, struct apdu *a)
{
	if (!ch->more)
		return SW_CONDITIONS;
	if (a->p1 || a->p2)
		return SW_P1P2;
	buf_put(&a->rsp, ch->more, ch->more_len);
	return SW_OK;
}

static uint16_t run(struct card *c, int origin, struct apdu *a)
{
	struct channel *ch = &c->channels[a->channel];

	if (!ch->open)
		return SW_CHANNEL;
	if (c->life_cycle == CARD_TERMINATED && a->ins != 0xca && a->ins != 0xcb)
		return SW_CONDITIONS;
	if (!a->gp_class && a->ins == INS_GET_RESPONSE && ch->more)
		return get_response(ch, a);
	drop_more(ch);
	if (!a->gp_class && a->ins == INS_MANAGE_CHANNEL)
		return manage_channel(c, origin, a);
	if (!a->gp_class && a->ins == INS_SELECT)
		return select_by_name(c, ch, a);
	if (ch->selected->kind == ENTRY_ISD)
		return gp_dispatch(c, ch, a);
	if (ch->selected->state & APP_LOCKED)
		return SW_CONDITIONS; /* locked while it was selected */
	return applet_test(c, ch->selected, a);
}

/*
 * More data than Le allows: hand out the first part, keep the rest for GET
 * RESPONSE. A command without Le gets what its length form can carry.
 */
static uint16_t limit_response(struct channel *ch, struct apdu *a, size_t room, uint16_t sw)
{
	size_t ne = a->has_le ? a->ne : a->ext ? 65536 : 256;
	size_t rest;
	uint8_t *keep;

	if (ne > room)
		ne = room;
	if (sw != SW_OK && sw >> 8 != 0x62 && sw >> 8 != 0x63)
		a->rsp.len = 0;
	if (a->rsp.len <= ne) {
		drop_more(ch);
		return sw;
	}
	rest = a->rsp.len - ne;
	keep = malloc(rest);
	drop_more(ch);
	if (!keep) {
		a->rsp.len = 0;
		return SW_MEMORY;
	}
	memcpy(keep, a->rsp.data + ne, rest);
	ch->more = keep;
	ch->more_len = rest;
	a->rsp.len = ne;
	return (uint16_t)(0x6100 | (rest > 255 ? 0 : rest));
}

size_t card_execute(struct card *c, int origin, const uint8_t *cmd, size_t len, uint8_t *rsp,
		    size_t room, uint64_t *work_us)
{
	struct apdu a = {.rsp = {.data = rsp, .room = CARD_RAPDU_MAX - 2}};
	size_t lc;
	uint16_t sw;

	c->work_us = c->profile.work_us;
	if (len > CARD_CAPDU_MAX) {
		sw = SW_LENGTH;
		len = CARD_CAPDU_MAX;
	} else {
		memcpy(c->scratch, cmd, len);
		sw = apdu_parse(&a, c->scratch, len);
	}
	lc = a.lc;
	if (sw == SW_OK)
		sw = run(c, origin, &a);
	if (a.rsp.overflow) {
		a.rsp.len = 0;
		sw = SW_LENGTH;
	}
	sw = limit_response(&c->channels[a.channel], &a, room - 2, sw);
	OPENSSL_cleanse(c->scratch, len);
	if (c->log && log_apdu(c->log, a.channel, cmd, len, lc, sw))
		c->failed = true;
	rsp[a.rsp.len] = (uint8_t)(sw >> 8);
	rsp[a.rsp.len + 1] = (uint8_t)sw;
	*work_us = c->work_us;
	return a.rsp.len + 2;
}
