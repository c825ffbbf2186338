// SPDX-License-Identifier: Apache-2.0
/*
 * The issuer security domain: secure channel sessions and which command needs
 * one (GPCS 2.3.1, table 11-1 and chapter 10; Amendment D).
 */
#include <openssl/rand.h>
#include <string.h>

#include "card.h"

enum {
	INS_INITIALIZE_UPDATE = 0x50,
	INS_EXTERNAL_AUTHENTICATE = 0x82,
	INS_GET_DATA = 0xca,
	INS_GET_DATA_ODD = 0xcb,
	INS_DELETE = 0xe4,
	INS_INSTALL = 0xe6,
	INS_LOAD = 0xe8,
	INS_SET_STATUS = 0xf0,
	INS_GET_STATUS = 0xf2,
};

#define SEQ_MAX 0xffffffU

static const struct scp03_keys *find_keys(const struct card *c, uint8_t kvn)
{
	for (size_t i = 0; i < c->profile.n_keys; i++)
		if (!kvn || c->profile.keys[i].kvn == kvn)
			return &c->profile.keys[i];
	return NULL;
}

static uint16_t initialize_update(struct card *c, struct channel *ch, struct apdu *a)
{
	const struct scp03_keys *keys = find_keys(c, a->p1);
	uint8_t seq[3], random[8], rsp[32];
	size_t len;

	scp03_close(&ch->scp);
	gp_load_cancel(&ch->load);
	if (a->lc != 8)
		return SW_LENGTH;
	if (a->p2)
		return SW_P1P2;
	if (!keys)
		return SW_NO_REFERENCE;
	if (c->profile.key_tries && c->tries >= c->profile.key_tries)
		return SW_BLOCKED;
	if (c->profile.scp_i & SCP03_I_PSEUDO_RANDOM) {
		/*
		 * Counted here, before use and on disk, so that no challenge ever
		 * comes twice, whatever becomes of the authentication.
		 */
		if (c->seq == SEQ_MAX)
			return SW_CONDITIONS;
		c->seq++;
		if (store_save(c)) {
			c->seq--;
			return SW_MEMORY;
		}
	} else if (RAND_bytes(random, sizeof(random)) != 1) {
		return SW_CONDITIONS;
	}
	seq[0] = (uint8_t)(c->seq >> 16);
	seq[1] = (uint8_t)(c->seq >> 8);
	seq[2] = (uint8_t)c->seq;
	if (scp03_initialize(&ch->scp, keys, c->profile.scp_i, a->data, seq,
			     ch->selected->aid.v, ch->selected->aid.len, random, rsp, &len))
		return SW_CONDITIONS;
	buf_put(&a->rsp, rsp, len);
	return SW_OK;
}

static uint16_t external_authenticate(struct card *c, struct channel *ch, struct apdu *a,
				      const uint8_t head[4])
{
	uint32_t tries = c->tries;
	uint16_t sw;

	if (!a->sm) {
		scp03_close(&ch->scp);
		return SW_SECURITY;
	}
	if (ch->scp.state != SCP03_INITIATED) {
		scp03_close(&ch->scp);
		return SW_CONDITIONS;
	}
	/* A try counts before the answer is known: pulling the plug gains nothing. */
	c->tries++;
	if (store_save(c)) {
		c->tries = tries;
		return SW_MEMORY;
	}
	sw = scp03_authenticate(&ch->scp, head, a->data, a->lc);
	if (sw == 0x6300 || sw == SW_SECURITY)
		return sw;
	/* passed, or failed for a reason that tells nothing about the keys */
	c->tries = sw == SW_OK ? 0 : tries;
	if (store_save(c)) {
		scp03_close(&ch->scp);
		return SW_MEMORY;
	}
	return sw;
}

static uint16_t command(struct card *c, struct channel *ch, struct apdu *a)
{
	bool data = a->ins == INS_GET_DATA || a->ins == INS_GET_DATA_ODD;

	/* LOAD blocks follow each other directly (GPCS 11.6.2.3) */
	if (a->ins != INS_LOAD)
		gp_load_cancel(&ch->load);
	if (a->ins != INS_GET_STATUS)
		ch->listing.active = false;
	if (data)
		return gp_get_data(c, ch, a);
	switch (a->ins) {
	case INS_GET_STATUS:
	case INS_SET_STATUS:
	case INS_INSTALL:
	case INS_LOAD:
	case INS_DELETE:
		break;
	default:
		return SW_INS;
	}
	if (!a->gp_class)
		return SW_CLA;
	if (ch->scp.state != SCP03_OPEN)
		return SW_SECURITY;
	if (a->ins == INS_GET_STATUS)
		return gp_get_status(c, ch, a);
	if (a->ins == INS_SET_STATUS)
		return gp_set_status(c, ch, a);
	if (c->life_cycle == CARD_LOCKED)
		return SW_CONDITIONS; /* GPCS 5.1.1.4 */
	if (a->ins == INS_INSTALL)
		return gp_install(c, ch, a);
	if (a->ins == INS_LOAD)
		return gp_load(c, ch, a);
	return gp_delete(c, ch, a);
}

uint16_t gp_dispatch(struct card *c, struct channel *ch, struct apdu *a)
{
	/* The MAC is made as on the basic channel (Amendment D 6.2.4). */
	uint8_t head[4] = {(uint8_t)((a->cla & 0x80) | (a->sm ? 0x04 : 0)), a->ins, a->p1,
			   a->p2};
	uint16_t sw;

	if (a->gp_class && a->ins == INS_INITIALIZE_UPDATE)
		return a->sm ? SW_SECURITY : initialize_update(c, ch, a);
	if (a->gp_class && a->ins == INS_EXTERNAL_AUTHENTICATE)
		return external_authenticate(c, ch, a, head);
	if (ch->scp.state == SCP03_INITIATED)
		scp03_close(&ch->scp);
	if (a->sm) {
		if (ch->scp.state != SCP03_OPEN)
			return SW_SECURITY;
		sw = scp03_unwrap(&ch->scp, head, a->ext, a->data, &a->lc);
		if (sw != SW_OK) {
			gp_load_cancel(&ch->load);
			return sw;
		}
	} else if (ch->scp.state == SCP03_OPEN && ch->scp.level & SCP03_CMAC) {
		/* a command below the level of the session ends it (GPCS 10.6) */
		scp03_close(&ch->scp);
		gp_load_cancel(&ch->load);
		return SW_SECURITY;
	}
	sw = command(c, ch, a);
	if (a->sm && scp03_wrap(&ch->scp, a->rsp.data, &a->rsp.len, a->rsp.room, sw)) {
		scp03_close(&ch->scp);
		return SW_CONDITIONS;
	}
	return sw;
}
