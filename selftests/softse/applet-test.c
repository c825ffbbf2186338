// SPDX-License-Identifier: Apache-2.0
/*
 * The test applet.
 *   INS 10        returns the command data
 *   INS 20 P1P2=n adds one to counter n, which outlives the power; returns it (4 bytes)
 *   INS 30 P1P2=t works for t milliseconds
 *   INS 40 P1P2=n returns n bytes 00 01 02 .. FF 00 ..
 *   INS 42        the same; n is the four bytes of data, up to what an answer can have
 *   INS 50        returns the logical channel
 *   INS 60 P1P2=s is answered by status word s, with the command data if that may be
 *   INS 70 P1=c   expects to be a command of case c (1 to 4) and answers Lc and Ne
 *   INS 80        works for the milliseconds in the first two bytes of data, then
 *                 returns the rest: an echo that needs WTX
 *   INS 90        takes data and returns its SHA-256
 */
#include "applet.h"
#include "crypto.h"

#define ANSWER_MAX (CARD_RAPDU_MAX - 2)

static uint16_t count(struct card *c, struct entry *e, uint16_t id, struct buf *rsp)
{
	struct counter *k = NULL;
	uint16_t sw = card_touch(c, e);

	if (sw != SW_OK)
		return sw;
	for (size_t i = 0; i < e->n_counters; i++)
		if (e->counters[i].id == id)
			k = &e->counters[i];
	if (!k)
		k = entry_add_counter(c, e, id);
	if (!k)
		return SW_NO_SPACE;
	k->value++;
	buf_be16(rsp, (uint16_t)(k->value >> 16));
	buf_be16(rsp, (uint16_t)k->value);
	return SW_OK;
}

static uint16_t pattern(struct apdu *a, uint32_t n)
{
	if (n > ANSWER_MAX)
		return SW_WRONG_DATA;
	for (uint32_t i = 0; i < n; i++)
		buf_u8(&a->rsp, (uint8_t)i);
	return SW_OK;
}

/*
 * Only what a card may say: 61xx and 6Cxx are the transmission's, and no data comes
 * with an error.
 */
static uint16_t say(struct apdu *a, uint16_t sw)
{
	uint8_t high = (uint8_t)(sw >> 8);

	if ((high >> 4 != 6 && high >> 4 != 9) || high == 0x60 || high == 0x61 || high == 0x6c)
		return SW_P1P2;
	buf_put(&a->rsp, a->data, a->lc);
	return sw;
}

static uint16_t case_of(struct apdu *a)
{
	uint8_t number = (uint8_t)(1 + a->has_le + 2 * !!a->lc);

	if (a->p1 != number)
		return SW_LENGTH;
	if (!a->has_le)
		return SW_OK;
	buf_be16(&a->rsp, (uint16_t)a->lc);
	buf_u8(&a->rsp, (uint8_t)(a->ne >> 16));
	buf_be16(&a->rsp, (uint16_t)a->ne);
	return SW_OK;
}

static uint16_t slow_echo(struct card *c, struct apdu *a)
{
	if (a->lc < 2)
		return SW_WRONG_DATA;
	c->work_us += get_be16(a->data) * 1000ULL;
	buf_put(&a->rsp, a->data + 2, a->lc - 2);
	return SW_OK;
}

static uint16_t digest(struct apdu *a)
{
	uint8_t hash[32];

	if (crypto_sha(sizeof(hash), a->data, a->lc, hash))
		return SW_MEMORY;
	buf_put(&a->rsp, hash, sizeof(hash));
	return SW_OK;
}

static uint16_t process(struct card *c, struct channel *ch, struct apdu *a)
{
	uint16_t p1p2 = (uint16_t)(a->p1 << 8 | a->p2);

	switch (a->ins) {
	case 0x10:
		buf_put(&a->rsp, a->data, a->lc);
		return SW_OK;
	case 0x20:
		return count(c, ch->selected, p1p2, &a->rsp);
	case 0x30:
		c->work_us += p1p2 * 1000ULL;
		return SW_OK;
	case 0x40:
		return pattern(a, p1p2);
	case 0x42:
		if (a->lc != 4)
			return SW_WRONG_DATA;
		return pattern(a, (uint32_t)get_be16(a->data) << 16 | get_be16(a->data + 2));
	case 0x50:
		buf_u8(&a->rsp, a->channel);
		return SW_OK;
	case 0x60:
		return say(a, p1p2);
	case 0x70:
		return case_of(a);
	case 0x80:
		return slow_echo(c, a);
	case 0x90:
		return digest(a);
	default:
		return SW_INS;
	}
}

/* Personalization: DGI or not, the first two bytes name a counter, four are its value. */
static uint16_t personalise(struct card *c, struct entry *e, struct apdu *a)
{
	struct buf none = {0};
	uint16_t sw;

	if (a->lc != 6)
		return SW_WRONG_DATA;
	sw = count(c, e, get_be16(a->data), &none);
	for (size_t i = 0; sw == SW_OK && i < e->n_counters; i++)
		if (e->counters[i].id == get_be16(a->data))
			e->counters[i].value =
				(uint32_t)get_be16(a->data + 2) << 16 | get_be16(a->data + 4);
	return sw;
}

const struct applet applet_test = {
	.name = "test",
	.process = process,
	.personalise = personalise,
};
