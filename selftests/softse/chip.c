// SPDX-License-Identifier: Apache-2.0
#include "chip.h"

#include <string.h>

size_t chip_execute(struct chip *chip, int origin, const uint8_t *cmd, size_t len, uint8_t *rsp,
		    size_t room, uint64_t now_us,
		    void (*done)(void *ctx, uint32_t ticket, const uint8_t *rsp, size_t len,
				 uint64_t now_us),
		    void *ctx, uint32_t ticket)
{
	uint64_t work_us = 0;
	size_t n;

	if (chip->bridge) {
		n = chip->bridge->execute(chip->bridge, cmd, len, rsp, room);
		if (n == CHIP_PENDING) {
			chip->busy_until_us = CHIP_NEVER;
			chip->done = done;
			chip->done_ctx = ctx;
			chip->ticket = ticket;
		}
		return n;
	}
	n = card_execute(&chip->card, origin, cmd, len, rsp, room, &work_us);
	if (chip->busy_until_us < now_us)
		chip->busy_until_us = now_us;
	chip->busy_until_us += work_us;
	return n;
}

void chip_done(struct chip *chip, const uint8_t *rsp, size_t len, uint64_t now_us)
{
	void (*done)(void *ctx, uint32_t ticket, const uint8_t *rsp, size_t len,
		     uint64_t now_us) = chip->done;

	chip->busy_until_us = now_us;
	chip->done = NULL;
	if (done && len)
		done(chip->done_ctx, chip->ticket, rsp, len, now_us);
}

void chip_forget(struct chip *chip, void *ctx)
{
	if (chip->done_ctx == ctx)
		chip->done = NULL; /* the answer will come, to nobody */
}

void chip_reset(struct chip *chip)
{
	if (chip->bridge) {
		chip->bridge->reset(chip->bridge);
		return;
	}
	card_reset(&chip->card);
	chip->busy_until_us = 0;
}

void chip_presence(struct chip *chip, bool present, const uint8_t *atr, size_t len)
{
	chip->absent = !present;
	chip->epoch++;
	chip->atr_len = present && len <= sizeof(chip->atr) ? len : 0;
	if (chip->atr_len)
		memcpy(chip->atr, atr, len);
}
