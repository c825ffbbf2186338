// SPDX-License-Identifier: Apache-2.0
#include "t1-send.h"

#include <string.h>

static bool in_chain(const struct t1 *t)
{
	return t->cmd_len || (t->have_i && t->i_more);
}

unsigned int t1_chain_flag(const struct t1 *t)
{
	return in_chain(t) ? FAULT_ON_CHAIN : 0;
}

/* A late block does not overtake, nor is it overtaken. */
void t1_send_late(struct t1 *t)
{
	size_t len = t->late_len;

	t->late_len = 0;
	if (len)
		t->user.send(t->user.ctx, t->late, len);
}

static void send_noise(struct t1 *t, struct fault *f)
{
	uint8_t noise[64];

	for (uint32_t i = 0; i < f->arg; i++)
		noise[i] = (uint8_t)fault_random(f, 256);
	t->user.send(t->user.ctx, noise, f->arg);
}

/* A fault that changes what the block says; EDC is made anew where it has to be right. */
static void change(struct t1 *t, uint8_t *block, size_t *len, unsigned int on)
{
	const struct t1_dialect *d = t->params.dialect;
	size_t body = *len - t1_edc_len(d);
	struct fault *f;

	if (fault_strikes(t->faults, FAULT_WRONG_NS, on))
		block[1] ^= PCB_NS;
	if (fault_strikes(t->faults, FAULT_WRONG_NAD, on))
		block[0] ^= 0x33;
	if (fault_strikes(t->faults, FAULT_WRONG_PCB, on))
		block[1] = 0xbf; /* an R-block with bits that are reserved */
	if (fault_strikes(t->faults, FAULT_WRONG_LEN, on))
		block[1 + d->len_bytes]++;
	t1_put_edc(d, block, body);
	f = fault_strikes(t->faults, FAULT_CORRUPT, on);
	if (f) {
		/* NAD and LEN stay, so that it is the EDC that tells */
		size_t first = t1_prologue(t),
		       i = fault_random(f, (uint32_t)(*len - first + 1));

		block[i ? first + i - 1 : 1] ^= (uint8_t)(1U << fault_random(f, 8));
	}
	f = fault_strikes(t->faults, FAULT_TRUNCATE, on);
	if (f)
		*len = 1 + fault_random(f, (uint32_t)*len - 1);
}

/* @block is whole, EDC included. The one way out. */
void t1_emit(struct t1 *t, const uint8_t *block, size_t len, unsigned int on)
{
	uint8_t wrong[T1_BLOCK_MAX];
	struct fault *f;

	if (!t->faults || !t->faults->n) {
		t->user.send(t->user.ctx, block, len);
		return;
	}
	t1_send_late(t);
	on |= t1_chain_flag(t);
	memcpy(wrong, block, len);
	if (t->stale_len && fault_strikes(t->faults, FAULT_STALE, on)) {
		memcpy(wrong, t->stale, t->stale_len);
		len = t->stale_len;
	} else if (on & FAULT_ON_I) {
		memcpy(t->stale, block, len);
		t->stale_len = len;
	}
	change(t, wrong, &len, on);
	if (fault_strikes(t->faults, FAULT_DROP, on))
		return;
	f = fault_strikes(t->faults, FAULT_NOISE, on);
	if (f)
		send_noise(t, f);
	f = fault_strikes(t->faults, FAULT_LATE, on);
	if (f) {
		memcpy(t->late, wrong, len);
		t->late_len = len;
		t->late_us = t->now_us + f->arg * 1000ULL;
		return;
	}
	t->user.send(t->user.ctx, wrong, len);
	if (fault_strikes(t->faults, FAULT_DUPLICATE, on))
		t->user.send(t->user.ctx, wrong, len);
}
