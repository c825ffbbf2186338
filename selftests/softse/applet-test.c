// SPDX-License-Identifier: Apache-2.0
/*
 * The test applet.
 *   INS 10        returns the command data
 *   INS 20 P1P2=n adds one to counter n, which outlives the power; returns it (4 bytes)
 *   INS 30 P1P2=t works for t milliseconds
 *   INS 40 P1P2=n returns n bytes 00 01 02 .. FF 00 ..
 *   INS 50        returns the logical channel
 */
#include <stdlib.h>

#include "applet.h"

static uint16_t count(struct card *c, struct entry *e, uint16_t id, struct buf *rsp)
{
	struct counter *k = NULL;
	uint16_t sw = card_touch(c, e);

	if (sw != SW_OK)
		return sw;
	for (size_t i = 0; i < e->n_counters; i++)
		if (e->counters[i].id == id)
			k = &e->counters[i];
	if (!k) {
		if (e->n_counters == CARD_COUNTERS || registry_free_nvm(c) < sizeof(*k))
			return SW_NO_SPACE;
		k = realloc(e->counters, (e->n_counters + 1) * sizeof(*k));
		if (!k)
			return SW_MEMORY;
		e->counters = k;
		k += e->n_counters++;
		*k = (struct counter){.id = id};
	}
	k->value++;
	buf_be16(rsp, (uint16_t)(k->value >> 16));
	buf_be16(rsp, (uint16_t)k->value);
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
		for (unsigned int i = 0; i < p1p2; i++)
			buf_u8(&a->rsp, (uint8_t)i);
		return SW_OK;
	case 0x50:
		buf_u8(&a->rsp, a->channel);
		return SW_OK;
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
