// SPDX-License-Identifier: Apache-2.0
/*
 * APDU core: class byte and length fields, logical channels, SELECT, GET
 * RESPONSE, and who gets the rest.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "applet.h"
#include "gp.h"
#include "log.h"

enum {
	INS_PERFORM_SECURITY_OPERATION = 0x2a,
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
	a->chained = cla & 0x10;
	return SW_OK;
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

uint16_t parts_add(struct parts *p, const uint8_t *data, size_t len)
{
	uint8_t *all;

	if (p->len + len > 65535)
		return SW_LENGTH;
	/* grown by hand: realloc() would leave a copy of what may be a key behind */
	all = malloc(p->len + len + 1);
	if (!all)
		return SW_MEMORY;
	if (p->len)
		memcpy(all, p->data, p->len);
	if (len)
		memcpy(all + p->len, data, len);
	if (p->data)
		OPENSSL_clear_free(p->data, p->len + 1);
	p->data = all;
	p->len += len;
	return SW_OK;
}

void parts_drop(struct parts *p)
{
	if (p->data)
		OPENSSL_clear_free(p->data, p->len + 1);
	memset(p, 0, sizeof(*p));
}

static void drop_rest(struct channel *ch)
{
	if (ch->rest)
		OPENSSL_clear_free(ch->rest, ch->rest_len);
	ch->rest = NULL;
	ch->rest_len = 0;
	ch->repeat_on = false;
}

/* What belongs to the application that was selected until now. */
static void end_dialogue(struct channel *ch)
{
	scp_close(&ch->scp);
	gp_load_cancel(&ch->load);
	gp_perso_cancel(&ch->perso);
	ch->listing.active = false;
	drop_rest(ch);
	parts_drop(&ch->chain);
	parts_drop(&ch->more);
	OPENSSL_cleanse(ch->ram, sizeof(ch->ram));
}

static void close_channel(struct channel *ch)
{
	end_dialogue(ch);
	ch->open = false;
	ch->selected = NULL;
}

static bool may_select(const struct card *c, const struct entry *e)
{
	if (c->life_cycle == CARD_TERMINATED)
		return e->kind == ENTRY_ISD;
	/* GPCS 5.1.1.4: on a locked card only an application with Final Application */
	if (c->life_cycle == CARD_LOCKED && !(e->priv & PRIV_FINAL))
		return false;
	/* GPCS 6.4.2: neither INSTALLED nor LOCKED */
	return e->kind == ENTRY_ISD ||
	       (e->kind == ENTRY_APP && e->state != APP_INSTALLED && !(e->state & APP_LOCKED));
}

static void open_channel(struct card *c, struct channel *ch, int owner)
{
	ch->open = true;
	ch->owner = owner;
	/*
	 * GPCS 6.4.2.1: the application with the Card Reset privilege is selected by
	 * default, or the issuer security domain where that one cannot be.
	 */
	ch->selected = c->entries[0];
	for (size_t i = 1; i < c->n_entries; i++)
		if (c->entries[i]->kind == ENTRY_APP && c->entries[i]->priv & PRIV_CARD_RESET &&
		    may_select(c, c->entries[i]) && c->entries[i]->code)
			ch->selected = c->entries[i];
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
	if (!found)
		return SW_NOT_FOUND; /* what was selected stays selected */
	if (!found->code)
		return SW_NO_CODE;
	end_dialogue(ch);
	ch->selected = found;
	if ((a->p2 & 0x0c) != 0x0c)
		put_fci(&a->rsp, found);
	return c->life_cycle == CARD_LOCKED ? SW_SELECTED_LOCKED_CARD : SW_OK;
}

static uint16_t get_response(struct channel *ch, struct apdu *a)
{
	if (!ch->rest)
		return SW_CONDITIONS;
	if (a->p1 || a->p2)
		return SW_P1P2;
	buf_put(&a->rsp, ch->rest, ch->rest_len);
	return SW_OK;
}

/* To whom the command goes. */
static uint16_t deliver(struct card *c, struct channel *ch, struct apdu *a)
{
	struct entry *e = ch->selected;

	if (entry_is_sd(e))
		return gp_dispatch(c, ch, a);
	if (e->state & APP_LOCKED)
		return SW_CONDITIONS; /* locked while it was selected */
	if (e->code->secure)
		return gp_dispatch(c, ch, a);
	return a->sm ? SW_NO_SM : e->code->process(c, ch, a);
}

/*
 * ISO/IEC 7816-4, 5.3.3: parts of one command, alike but for the chaining bit. The
 * whole is one command in its extended form; it may end with a short part.
 */
static uint16_t collect(struct card *c, struct channel *ch, struct apdu *a, bool *whole)
{
	struct parts *p = &ch->chain;
	/* certificates mark their parts in P1 as well (Amendment F, 7.5) */
	bool certificate = a->gp_class && a->ins == INS_PERFORM_SECURITY_OPERATION;
	const uint8_t head[] = {(uint8_t)(a->cla & ~0x10), a->ins,
				certificate ? a->p1 & 0x7f : a->p1, a->p2};
	uint16_t sw;

	*whole = !a->chained;
	if (!a->chained && !p->active)
		return SW_OK;
	if (a->chained && c->profile.no_chaining)
		return SW_NO_CHAINING;
	if (p->active && memcmp(p->head, head, sizeof(head))) {
		parts_drop(p);
		return SW_LAST_EXPECTED;
	}
	memcpy(p->head, head, sizeof(head));
	p->active = true;
	sw = parts_add(p, a->data, a->lc);
	if (sw != SW_OK) {
		parts_drop(p);
		return sw;
	}
	if (a->chained)
		return SW_OK;
	OPENSSL_cleanse(c->scratch, CARD_CAPDU_MAX);
	memcpy(c->scratch, p->data, p->len);
	a->data = c->scratch;
	a->lc = p->len;
	a->ext = a->ext || a->lc > 255;
	parts_drop(p);
	return SW_OK;
}

static uint16_t run(struct card *c, int origin, struct apdu *a)
{
	struct channel *ch = &c->channels[a->channel];
	bool whole;
	uint16_t sw;

	if (!ch->open)
		return SW_CHANNEL;
	if (c->life_cycle == CARD_TERMINATED && a->ins != 0xca && a->ins != 0xcb)
		return SW_CONDITIONS;
	if (ch->rest && ch->repeat_on) {
		/* the command that was answered 6Cxx comes again: it is not run again */
		const uint8_t head[] = {a->cla, a->ins, a->p1, a->p2};

		if (!memcmp(head, ch->repeat, sizeof(head)) && !a->lc) {
			buf_put(&a->rsp, ch->rest, ch->rest_len);
			return SW_OK;
		}
	} else if (!a->gp_class && a->ins == INS_GET_RESPONSE && ch->rest) {
		return get_response(ch, a);
	}
	drop_rest(ch);
	sw = collect(c, ch, a, &whole);
	if (sw != SW_OK || !whole)
		return sw;
	if (!a->gp_class && a->ins == INS_MANAGE_CHANNEL)
		return manage_channel(c, origin, a);
	/* selection by file identifier or path is the application's affair */
	if (!a->gp_class && a->ins == INS_SELECT &&
	    (a->p1 == 0x04 || entry_is_sd(ch->selected)))
		return select_by_name(c, ch, a);
	return deliver(c, ch, a);
}

static bool is_success(uint16_t sw)
{
	return sw == SW_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

/*
 * More data than Le allows: by the profile, hand out the first part and keep the
 * rest for GET RESPONSE, or keep all of it.
 */
static uint16_t limit_response(struct card *c, struct channel *ch, struct apdu *a, size_t room,
			       uint16_t sw)
{
	bool strict = c->profile.le_policy == LE_STRICT;
	/* a command without Le gets what its length form can carry */
	size_t ne = a->has_le ? a->ne : strict ? 0 : a->ext ? 65536 : 256;
	size_t rest, give;
	uint8_t *keep;

	if (ne > room)
		ne = room;
	if (!is_success(sw))
		a->rsp.len = 0;
	if (a->rsp.len <= ne) {
		drop_rest(ch);
		return sw;
	}
	give = c->profile.le_policy == LE_SERVE || (a->ins == INS_GET_RESPONSE && ch->rest) ? ne
											    : 0;
	rest = a->rsp.len - give;
	keep = malloc(rest);
	drop_rest(ch);
	if (!keep) {
		a->rsp.len = 0;
		return SW_MEMORY;
	}
	memcpy(keep, a->rsp.data + give, rest);
	ch->rest = keep;
	ch->rest_len = rest;
	a->rsp.len = give;
	/* 6Cxx cannot say more than 256, and case 4 has GET RESPONSE for it */
	if (c->profile.le_policy == LE_WRONG && a->has_le && !a->lc && rest <= 256 && !give) {
		const uint8_t head[] = {a->cla, a->ins, a->p1, a->p2};

		memcpy(ch->repeat, head, sizeof(head));
		ch->repeat_on = true;
		return (uint16_t)(0x6c00 | (rest & 0xff));
	}
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
	/* what a command changed is durable before its answer leaves, or it did not happen */
	if (is_success(sw))
		sw = card_commit(c) == SW_OK ? sw : SW_MEMORY;
	else
		card_rollback(c);
	sw = limit_response(c, &c->channels[a.channel], &a, room - 2, sw);
	OPENSSL_cleanse(c->scratch, len > a.lc ? len : a.lc);
	if (c->log && log_apdu(c->log, a.channel, cmd, len, lc, sw))
		c->failed = true;
	rsp[a.rsp.len] = (uint8_t)(sw >> 8);
	rsp[a.rsp.len + 1] = (uint8_t)sw;
	*work_us = c->work_us;
	return a.rsp.len + 2;
}
