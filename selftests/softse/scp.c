// SPDX-License-Identifier: Apache-2.0
/*
 * Secure channel sessions: which keys, which protocol, how often it may be tried
 * (GPCS 2.3.1, chapter 10 and appendix E; Amendment D).
 */
#include "scp.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "card.h"
#include "crypto.h"
#include "gp.h"

#define SEQ_MAX_02 0xffffU
#define SEQ_MAX_03 0xffffffU

void scp_close(struct scp *s)
{
	scp02_close(&s->s2);
	scp03_close(&s->s3);
	OPENSSL_cleanse(s, sizeof(*s));
}

/* The key of a set that says what protocol it is for; NULL: no secure channel set. */
static struct key *set_of(struct entry *sd, uint8_t kvn)
{
	for (size_t i = 0; i < sd->n_keys; i++) {
		struct key *k = &sd->keys[i];
		uint8_t type = k->n_parts ? k->part[0].type : 0;
		struct key *mac, *dek;

		if (k->kid != 1 || (kvn && k->kvn != kvn) || (!kvn && k->kvn >= KVN_TOKEN))
			continue;
		if (type != KEY_AES && type != KEY_DES)
			continue;
		mac = entry_key(sd, k->kvn, 2);
		dek = entry_key(sd, k->kvn, 3);
		if (mac && dek && mac->part[0].type == type && dek->part[0].type == type &&
		    mac->part[0].v->len == k->part[0].v->len &&
		    dek->part[0].v->len == k->part[0].v->len)
			return k;
	}
	return NULL;
}

/* A security domain without keys of its own uses those of the next one above (GPCS 7.3). */
static struct key *find_set(struct entry **sd, uint8_t kvn)
{
	struct entry *e = *sd;

	for (; e; e = e->parent) {
		bool any = false;
		struct key *k = set_of(e, kvn);

		if (k) {
			*sd = e;
			return k;
		}
		for (size_t i = 0; i < e->n_keys; i++)
			any |= e->keys[i].kid == 1 && e->keys[i].kvn < KVN_TOKEN;
		if (any)
			return NULL;
	}
	return NULL;
}

static const struct blob *value(struct entry *sd, uint8_t kvn, uint8_t kid)
{
	return entry_key(sd, kvn, kid)->part[0].v;
}

/* Moves the counter of a set on, on disk, whatever becomes of the command. */
static uint16_t count(struct card *c, struct entry *sd, struct key *k, uint32_t max)
{
	uint8_t kvn = k->kvn;
	uint16_t sw;

	if (k->seq >= max)
		return SW_CONDITIONS;
	sw = card_touch(c, sd);
	if (sw != SW_OK)
		return sw;
	entry_key(sd, kvn, 1)->seq++;
	return card_commit(c);
}

static uint16_t initialize_03(struct card *c, struct channel *ch, struct entry *sd,
			      struct key *k, struct apdu *a)
{
	struct scp03_keys keys = {.kvn = k->kvn, .len = (uint8_t)k->part[0].v->len};
	uint8_t i = c->profile.scp_i, seq[3], random[16], rsp[SCP03_RSP_MAX];
	size_t len;
	uint32_t n;
	uint16_t sw = SW_OK;

	if (a->lc != (i & SCP03_I_S16 ? 16 : 8))
		return SW_LENGTH;
	if (i & SCP03_I_PSEUDO_RANDOM) {
		/*
		 * Counted here, before use and on disk, so that no challenge ever
		 * comes twice, whatever becomes of the authentication.
		 */
		sw = count(c, sd, k, SEQ_MAX_03);
		if (sw != SW_OK)
			return sw;
	} else if (crypto_random(random, sizeof(random))) {
		return SW_CONDITIONS;
	}
	n = entry_key(sd, keys.kvn, 1)->seq;
	seq[0] = (uint8_t)(n >> 16);
	seq[1] = (uint8_t)(n >> 8);
	seq[2] = (uint8_t)n;
	memcpy(keys.enc, value(sd, keys.kvn, 1)->v, keys.len);
	memcpy(keys.mac, value(sd, keys.kvn, 2)->v, keys.len);
	memcpy(keys.dek, value(sd, keys.kvn, 3)->v, keys.len);
	if (scp03_initialize(&ch->scp.s3, &keys, i, a->data, seq, ch->selected->aid.v,
			     ch->selected->aid.len, random, rsp, &len))
		sw = SW_CONDITIONS;
	OPENSSL_cleanse(&keys, sizeof(keys));
	memcpy(rsp, c->profile.kdd, sizeof(c->profile.kdd));
	if (sw == SW_OK)
		buf_put(&a->rsp, rsp, len);
	return sw;
}

static void keys_02(struct entry *sd, uint8_t kvn, uint8_t i, struct scp02_keys *keys)
{
	bool three = i & SCP02_I_THREE_KEYS;

	keys->kvn = kvn;
	memcpy(keys->enc, value(sd, kvn, 1)->v, 16);
	memcpy(keys->mac, value(sd, kvn, three ? 2 : 1)->v, 16);
	memcpy(keys->dek, value(sd, kvn, three ? 3 : 1)->v, 16);
}

static uint16_t initialize_02(struct card *c, struct channel *ch, struct entry *sd,
			      struct key *k, struct apdu *a)
{
	uint8_t i = c->profile.scp02_i, random[6], rsp[28];
	struct scp02_keys keys;
	uint16_t sw = SW_OK;

	if (!(i & SCP02_I_EXPLICIT))
		return SW_CONDITIONS; /* sessions begin by themselves on this card */
	if (a->lc != 8)
		return SW_LENGTH;
	if (k->seq >= SEQ_MAX_02 || crypto_random(random, sizeof(random)))
		return SW_CONDITIONS;
	keys_02(sd, k->kvn, i, &keys);
	if (scp02_initialize(&ch->scp.s2, &keys, i, a->data, (uint16_t)k->seq,
			     ch->selected->aid.v, ch->selected->aid.len, random, rsp))
		sw = SW_CONDITIONS;
	OPENSSL_cleanse(&keys, sizeof(keys));
	memcpy(rsp, c->profile.kdd, sizeof(c->profile.kdd));
	if (sw == SW_OK)
		buf_put(&a->rsp, rsp, sizeof(rsp));
	return sw;
}

/* A locked domain gives no service (GPCS 5.3.2); neither does one in INSTALLED. */
static bool serves(const struct entry *sd)
{
	return sd->kind == ENTRY_ISD ||
	       (sd->state != APP_INSTALLED && !(sd->state & APP_LOCKED));
}

uint16_t scp_initialize_update(struct card *c, struct channel *ch, struct entry *sd,
			       struct apdu *a)
{
	struct key *k;
	uint16_t sw;

	scp_close(&ch->scp);
	if (a->p2)
		return SW_P1P2;
	if (!sd || !serves(sd))
		return SW_CONDITIONS;
	k = find_set(&sd, a->p1);
	if (!k)
		return a->lc == 8 || a->lc == 16 ? SW_NO_REFERENCE : SW_LENGTH;
	if (c->profile.key_tries && sd->tries >= c->profile.key_tries)
		return SW_BLOCKED;
	/* velocity: after half of the tries each answer takes longer than the one before */
	if (c->profile.key_tries && sd->tries > c->profile.key_tries / 2)
		c->work_us += 50000ULL << (sd->tries - c->profile.key_tries / 2 > 6
						   ? 6
						   : sd->tries - c->profile.key_tries / 2);
	ch->scp.kvn = k->kvn;
	ch->scp.sd = sd;
	ch->scp.proto = k->part[0].type == KEY_DES ? 2 : 3;
	sw = ch->scp.proto == 2 ? initialize_02(c, ch, sd, k, a)
				: initialize_03(c, ch, sd, k, a);
	if (sw != SW_OK)
		scp_close(&ch->scp);
	else
		ch->scp.state = SCP_INITIATED;
	return sw;
}

/* CLA without the channel: the MAC is made as on the basic one (Amendment D 6.2.4). */
static void plain_head(const struct apdu *a, uint8_t head[4])
{
	head[0] = (uint8_t)((a->cla & 0x80) | (a->sm ? 0x04 : 0));
	head[1] = a->ins;
	head[2] = a->p1;
	head[3] = a->p2;
}

static uint16_t set_tries(struct card *c, struct entry *sd, uint32_t tries)
{
	uint16_t sw = card_touch(c, sd);

	if (sw != SW_OK)
		return sw;
	sd->tries = tries;
	return card_commit(c);
}

uint16_t scp_external_authenticate(struct card *c, struct channel *ch, struct apdu *a)
{
	struct scp *s = &ch->scp;
	struct entry *sd = s->sd;
	uint8_t head[4];
	uint32_t tries;
	uint16_t sw;

	if (!a->sm) {
		scp_close(s);
		return SW_SECURITY;
	}
	if (s->state != SCP_INITIATED) {
		scp_close(s);
		return SW_CONDITIONS;
	}
	/* A try counts before the answer is known: pulling the plug gains nothing. */
	tries = sd->tries;
	sw = set_tries(c, sd, tries + 1);
	if (sw != SW_OK) {
		scp_close(s);
		return sw;
	}
	plain_head(a, head);
	sw = s->proto == 2 ? scp02_authenticate(&s->s2, head, a->data, a->lc)
			   : scp03_authenticate(&s->s3, head, a->data, a->lc);
	if (sw == SW_CRYPTOGRAM || sw == SW_SECURITY) {
		scp_close(s);
		return sw;
	}
	/* passed, or failed for a reason that tells nothing about the keys */
	if (sw == SW_OK && s->proto == 2) {
		/* E.1.2.1: the counter moves with the first C-MAC that is right */
		sw = count(c, sd, entry_key(sd, s->kvn, 1), SEQ_MAX_02);
	}
	if (set_tries(c, sd, sw == SW_OK ? 0 : tries) != SW_OK)
		sw = SW_MEMORY;
	if (sw != SW_OK) {
		scp_close(s);
		return sw;
	}
	s->level = head[2];
	s->authenticated = true;
	s->state = SCP_OPEN;
	return SW_OK;
}

/*
 * SCP02 without initiation (options 0A, 1A and the like, E.1.2.2): the first command with
 * a C-MAC that is right opens the session.
 */
static uint16_t implicit(struct card *c, struct channel *ch)
{
	struct entry *sd = entry_is_sd(ch->selected) ? ch->selected : ch->selected->parent;
	struct scp02_keys keys;
	struct scp *s = &ch->scp;
	struct key *k;
	int ret;

	if (c->profile.scp02_i & SCP02_I_EXPLICIT || !sd || !serves(sd))
		return SW_SECURITY;
	k = find_set(&sd, 0);
	if (!k || k->part[0].type != KEY_DES || k->seq >= SEQ_MAX_02)
		return SW_SECURITY;
	if (c->profile.key_tries && sd->tries >= c->profile.key_tries)
		return SW_BLOCKED;
	keys_02(sd, k->kvn, c->profile.scp02_i, &keys);
	ret = scp02_implicit(&s->s2, &keys, c->profile.scp02_i, (uint16_t)k->seq,
			     ch->selected->aid.v, ch->selected->aid.len);
	OPENSSL_cleanse(&keys, sizeof(keys));
	if (ret)
		return SW_CONDITIONS;
	s->proto = 2;
	s->sd = sd;
	s->kvn = k->kvn;
	s->state = SCP_INITIATED;
	return set_tries(c, sd, sd->tries + 1);
}

/* Its first command was right. */
static uint16_t implicit_opened(struct card *c, struct channel *ch)
{
	struct scp *s = &ch->scp;
	uint16_t sw = count(c, s->sd, entry_key(s->sd, s->kvn, 1), SEQ_MAX_02);

	if (sw == SW_OK)
		sw = set_tries(c, s->sd, 0);
	s->level = SCP02_CMAC;
	s->authenticated = true;
	s->state = SCP_OPEN;
	return sw;
}

uint16_t scp_unwrap(struct card *c, struct channel *ch, struct apdu *a, bool ext)
{
	struct scp *s = &ch->scp;
	bool first = false;
	uint8_t head[4];
	uint16_t sw;

	plain_head(a, head);
	if (a->sm && s->state == SCP_NONE) {
		first = true;
		sw = implicit(c, ch);
	} else {
		sw = s->state == SCP_OPEN ? SW_OK : SW_SECURITY;
	}
	if (sw == SW_OK && a->sm)
		sw = s->proto == 2 ? scp02_unwrap(&s->s2, head, ext, a->data, &a->lc)
				   : scp03_unwrap(&s->s3, head, ext, a->data, &a->lc);
	else if (sw == SW_OK && s->level & SCP03_CMAC)
		sw = SW_SECURITY; /* below the level of the session (GPCS 10.6) */
	if (sw == SW_OK && first)
		sw = implicit_opened(c, ch);
	if (sw == SW_OK && s->proto == 2 && s->level & SCP02_RMAC &&
	    scp02_remember(&s->s2, head, a->data, a->lc))
		sw = SW_MEMORY;
	if (sw != SW_OK)
		scp_close(s);
	return sw;
}

int scp_wrap(struct scp *s, struct apdu *a, uint16_t sw)
{
	if (s->state != SCP_OPEN || !(s->level & SCP03_RMAC))
		return 0;
	if (s->proto != 2)
		return a->sm ? scp03_wrap(&s->s3, a->rsp.data, &a->rsp.len, a->rsp.room, sw)
			     : 0;
	/* BEGIN R-MAC SESSION itself was not remembered and has none */
	if (!s->s2.data || (sw != SW_OK && sw >> 8 != 0x62 && sw >> 8 != 0x63))
		return 0;
	return scp02_rmac(&s->s2, a->rsp.data, &a->rsp.len, a->rsp.room, sw);
}

/* GPCS E.5.3, Amendment D 7.1.3. */
uint16_t scp_begin_rmac(struct channel *ch, struct apdu *a)
{
	struct scp *s = &ch->scp;
	uint8_t offered = s->proto == 2 ? s->s2.i & SCP02_I_RMAC : s->s3.i & SCP03_I_RMAC;

	if (!offered || s->level & SCP03_RMAC)
		return SW_CONDITIONS;
	if (a->p2 != 0x01 || (a->p1 != 0x10 && (s->proto == 2 || a->p1 != 0x30)))
		return SW_P1P2;
	if (a->p1 == 0x30 && !(s->s3.i & SCP03_I_RENC))
		return SW_P1P2;
	if (a->lc && (a->lc > 25 || a->data[0] != a->lc - 1))
		return SW_WRONG_DATA;
	s->level |= a->p1;
	if (s->proto == 2)
		memset(s->s2.ricv, 0, sizeof(s->s2.ricv));
	else
		s->s3.level |= a->p1;
	return SW_OK;
}

uint16_t scp_end_rmac(struct channel *ch, struct apdu *a)
{
	struct scp *s = &ch->scp;

	if (!(s->level & SCP03_RMAC))
		return SW_CONDITIONS;
	if (a->p1 || (a->p2 != 0x03 && a->p2 != 0x01))
		return SW_P1P2;
	if (a->lc)
		return SW_LENGTH;
	if (s->proto == 2)
		buf_put(&a->rsp, s->s2.ricv, sizeof(s->s2.ricv));
	if (a->p2 == 0x01)
		return SW_OK; /* the R-MAC so far; the session goes on */
	s->level &= (uint8_t)~(SCP03_RMAC | SCP03_RENC);
	s->s3.level &= (uint8_t)~(SCP03_RMAC | SCP03_RENC);
	return SW_OK;
}

uint16_t scp_decrypt(struct channel *ch, uint8_t *data, size_t len)
{
	static const uint8_t zero[AES_BLOCK];
	struct scp *s = &ch->scp;
	const uint8_t *dek = s->dek;
	size_t dek_len = s->dek_len;

	if (s->state != SCP_OPEN)
		return SW_CONDITIONS;
	if (s->proto == 2) {
		if (!len || len % DES_BLOCK)
			return SW_WRONG_DATA;
		return crypto_des_cbc(false, s->s2.s_dek, 16, NULL, data, len, data)
			       ? SW_CONDITIONS
			       : SW_OK;
	}
	if (s->proto == 3) {
		/* the static key itself; it may have been replaced in this session */
		struct key *k = entry_key(s->sd, s->kvn, 3);

		if (!k)
			return SW_CONDITIONS;
		dek = k->part[0].v->v;
		dek_len = k->part[0].v->len;
	}
	if (!len || len % AES_BLOCK)
		return SW_WRONG_DATA;
	return crypto_aes_cbc(false, dek, dek_len, zero, data, len, data) ? SW_CONDITIONS
									  : SW_OK;
}
