// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <string.h>

static void send_block(void *ctx, const uint8_t *block, size_t len)
{
	struct link *l = ctx;

	/* an answer without a witness does not leave */
	if (!l->chip->card.failed)
		l->send(l->ctx, block, len);
}

static void done(void *ctx, uint32_t work, const uint8_t *rsp, size_t len, uint64_t now_us)
{
	struct link *l = ctx;

	t1_finish(&l->t1, work, rsp, len, now_us);
}

static size_t execute(void *ctx, uint32_t work, const uint8_t *cmd, size_t len, uint8_t *rsp,
		      uint64_t now_us, uint64_t *ready_us)
{
	struct link *l = ctx;
	size_t n;

	if (l->chip->busy_until_us == CHIP_NEVER) {
		memcpy(l->held_cmd, cmd, len);
		l->held_len = len;
		l->held_work = work;
		l->held = true;
		return T1_PENDING;
	}
	n = chip_execute(l->chip, l->origin, cmd, len, rsp, T1_RAPDU_MAX, now_us, done, l,
			 work);
	*ready_us = l->chip->busy_until_us;
	return n;
}

static void drop_held(struct link *l)
{
	memset(l->held_cmd, 0, l->held_len);
	l->held = false;
	l->held_len = 0;
}

static void reset_card(void *ctx)
{
	struct link *l = ctx;

	drop_held(l);
	if (l->chip->blocks)
		l->chip->blocks->reset(l->chip->blocks);
	else
		chip_reset(l->chip);
}

static void relay(void *ctx, uint8_t pcb, const uint8_t *inf, size_t len, bool good)
{
	struct link *l = ctx;

	l->chip->blocks->block(l->chip->blocks, pcb, inf, len, good);
}

void link_init(struct link *l, struct chip *chip, int origin, const struct t1_params *params,
	       struct fault_script *faults,
	       void (*send)(void *ctx, const uint8_t *block, size_t len), void *ctx)
{
	const struct t1_user user = {l, send_block, execute, reset_card,
				     chip->blocks ? relay : NULL};

	l->chip = chip;
	l->send = send;
	l->ctx = ctx;
	l->origin = origin;
	l->held = false;
	l->held_len = 0;
	t1_init(&l->t1, params, &user, faults);
	if (chip->blocks)
		chip->blocks->user = l;
	l->epoch = chip->epoch;
	t1_absent(&l->t1, chip->absent, 0);
}

void link_reset(struct link *l, uint64_t now_us)
{
	t1_power_up(&l->t1, now_us);
	reset_card(l);
}

void link_input(struct link *l, const uint8_t *data, size_t len, uint64_t now_us)
{
	t1_input(&l->t1, data, len, now_us);
}

/* The card is free: what waited for it runs, if it is still wanted. */
static void run_held(struct link *l, uint64_t now_us)
{
	uint64_t ready_us = now_us;
	static uint8_t rsp[T1_RAPDU_MAX];
	uint32_t work = l->held_work;
	size_t n;

	if (!l->t1.working || work != l->t1.work) {
		drop_held(l);
		return;
	}
	n = execute(l, work, l->held_cmd, l->held_len, rsp, now_us, &ready_us);
	drop_held(l);
	if (n != T1_PENDING)
		t1_finish(&l->t1, work, rsp, n, now_us);
}

uint64_t link_poll(struct link *l, uint64_t now_us)
{
	if (l->epoch != l->chip->epoch) {
		l->epoch = l->chip->epoch;
		drop_held(l);
		t1_power_up(&l->t1, now_us); /* another card, or none: all is forgotten */
		t1_absent(&l->t1, l->chip->absent, now_us);
	}
	if (l->held && l->chip->busy_until_us != CHIP_NEVER)
		run_held(l, now_us);
	t1_tick(&l->t1, now_us);
	return t1_deadline(&l->t1);
}

void link_close(struct link *l)
{
	drop_held(l);
	chip_forget(l->chip, l);
	card_drop_origin(&l->chip->card, l->origin);
	if (l->chip->blocks)
		l->chip->blocks->user = NULL;
}
