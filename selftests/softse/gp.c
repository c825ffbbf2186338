// SPDX-License-Identifier: Apache-2.0
/*
 * The card manager's front: secure messaging, commands in several parts, and which
 * command needs a session (GPCS 2.3.1, table 11-1 and chapter 10).
 */
#include "gp.h"

#include <openssl/crypto.h>
#include <string.h>

#include "applet.h"

enum {
	INS_PERFORM_SECURITY_OPERATION = 0x2a,
	INS_INITIALIZE_UPDATE = 0x50,
	INS_END_RMAC = 0x78,
	INS_BEGIN_RMAC = 0x7a,
	INS_EXTERNAL_AUTHENTICATE = 0x82,
	INS_INTERNAL_AUTHENTICATE = 0x88,
	INS_GET_DATA = 0xca,
	INS_GET_DATA_ODD = 0xcb,
	INS_PUT_KEY = 0xd8,
	INS_STORE_DATA = 0xe2,
	INS_DELETE = 0xe4,
	INS_INSTALL = 0xe6,
	INS_LOAD = 0xe8,
	INS_SET_STATUS = 0xf0,
	INS_GET_STATUS = 0xf2,
};

#define P1_MORE 0x80

/* Commands that must follow each other directly: any other one ends them. */
static void interrupt(struct channel *ch, uint8_t ins)
{
	if (ins != INS_LOAD && !(ins == INS_INSTALL && ch->load.combined))
		gp_load_cancel(&ch->load);
	if (ins != INS_STORE_DATA)
		gp_perso_cancel(&ch->perso);
	if (ins != INS_GET_STATUS)
		ch->listing.active = false;
}

static uint16_t managed(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	switch (a->ins) {
	case INS_GET_STATUS:
		return gp_get_status(c, ch, sd, a);
	case INS_SET_STATUS:
		return gp_set_status(c, ch, sd, a);
	case INS_BEGIN_RMAC:
		return scp_begin_rmac(ch, a);
	case INS_END_RMAC:
		return scp_end_rmac(ch, a);
	default:
		break;
	}
	if (c->life_cycle == CARD_LOCKED)
		return SW_CONDITIONS; /* GPCS 5.1.1.4 */
	switch (a->ins) {
	case INS_INSTALL:
		return gp_install(c, ch, sd, a);
	case INS_LOAD:
		return gp_load(c, ch, sd, a);
	case INS_DELETE:
		return gp_delete(c, ch, sd, a);
	case INS_PUT_KEY:
		return gp_put_key(c, ch, sd, a);
	default:
		return gp_store_data(c, ch, sd, a);
	}
}

static bool is_managed(uint8_t ins)
{
	switch (ins) {
	case INS_GET_STATUS:
	case INS_SET_STATUS:
	case INS_BEGIN_RMAC:
	case INS_END_RMAC:
	case INS_INSTALL:
	case INS_LOAD:
	case INS_DELETE:
	case INS_PUT_KEY:
	case INS_STORE_DATA:
		return true;
	default:
		return false;
	}
}

static uint16_t command(struct card *c, struct channel *ch, struct apdu *a)
{
	struct entry *e = ch->selected;
	uint16_t sw;

	if (!entry_is_sd(e))
		return e->code->process(c, ch, a);
	interrupt(ch, a->ins);
	if (a->ins == INS_GET_DATA || a->ins == INS_GET_DATA_ODD)
		return gp_get_data(c, ch, e, a);
	if (!is_managed(a->ins))
		return SW_INS;
	if (!a->gp_class)
		return SW_CLA;
	if (ch->scp.state != SCP_OPEN || !ch->scp.authenticated)
		return SW_SECURITY;
	/* a domain that was locked while it was selected (GPCS 5.3.2) */
	if (e->kind != ENTRY_ISD && e->state & APP_LOCKED)
		return SW_CONDITIONS;
	sw = managed(c, ch, e, a);
	if (sw != SW_OK && sw != SW_MORE_DATA) {
		gp_load_cancel(&ch->load);
		gp_perso_cancel(&ch->perso);
	}
	return sw;
}

/*
 * GPCS 11.1.5: INSTALL, DELETE and PUT KEY in several commands, bit 8 of P1 set in all
 * but the last. They are one command for everything above, secure messaging included,
 * whose MAC is over the whole with its length in three bytes.
 */
static uint16_t gather(struct card *c, struct channel *ch, struct apdu *a, bool *whole)
{
	struct parts *p = &ch->more;
	bool certificate = a->ins == INS_PERFORM_SECURITY_OPERATION;
	bool may = a->gp_class && (a->ins == INS_INSTALL || a->ins == INS_DELETE ||
				   a->ins == INS_PUT_KEY || certificate);
	bool more = may && a->p1 & P1_MORE;
	const uint8_t head[] = {a->cla, a->ins, (uint8_t)(a->p1 & ~P1_MORE), a->p2};
	uint16_t sw;

	*whole = !more;
	if (!more && !p->active)
		return SW_OK;
	if (p->active && memcmp(p->head, head, sizeof(head))) {
		parts_drop(p);
		if (!more)
			return SW_OK; /* another command: what was begun is forgotten */
	}
	if (ch->scp.state != SCP_OPEN && !certificate)
		return SW_SECURITY;
	memcpy(p->head, head, sizeof(head));
	p->active = true;
	sw = parts_add(p, a->data, a->lc);
	if (sw == SW_OK && more)
		return SW_OK;
	if (sw == SW_OK) {
		OPENSSL_cleanse(c->scratch, CARD_CAPDU_MAX);
		memcpy(c->scratch, p->data, p->len);
		a->data = c->scratch;
		a->lc = p->len;
		a->ext = true;
	}
	parts_drop(p);
	return sw;
}

uint16_t gp_dispatch(struct card *c, struct channel *ch, struct apdu *a)
{
	struct entry *sd = entry_is_sd(ch->selected) ? ch->selected : ch->selected->parent;
	bool whole;
	uint16_t sw;

	if (a->gp_class && a->ins == INS_INITIALIZE_UPDATE) {
		interrupt(ch, a->ins);
		parts_drop(&ch->more);
		if (!a->sm)
			return scp_initialize_update(c, ch, sd, a);
		scp_close(&ch->scp);
		return SW_SECURITY;
	}
	if (a->gp_class && a->ins == INS_EXTERNAL_AUTHENTICATE && !a->p2)
		return scp_external_authenticate(c, ch, a);
	if (a->gp_class && sd && entry_is_sd(ch->selected)) {
		if (a->ins == INS_PERFORM_SECURITY_OPERATION) {
			sw = gather(c, ch, a, &whole);
			return sw == SW_OK && whole ? scp11_certificate(c, ch, sd, a) : sw;
		}
		if (a->ins == INS_EXTERNAL_AUTHENTICATE || a->ins == INS_INTERNAL_AUTHENTICATE)
			return scp11_authenticate(c, ch, sd, a,
						  a->ins == INS_EXTERNAL_AUTHENTICATE);
	}
	if (ch->scp.state == SCP_INITIATED)
		scp_close(&ch->scp);
	sw = gather(c, ch, a, &whole);
	if (sw != SW_OK || !whole) {
		if (sw != SW_OK)
			interrupt(ch, a->ins);
		return sw;
	}
	if (a->sm || ch->scp.state == SCP_OPEN) {
		sw = scp_unwrap(c, ch, a, a->ext);
		if (sw != SW_OK) {
			interrupt(ch, 0);
			return sw;
		}
	}
	sw = command(c, ch, a);
	if (scp_wrap(&ch->scp, a, sw)) {
		scp_close(&ch->scp);
		return SW_CONDITIONS;
	}
	return sw;
}
