// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

size_t chip_execute(struct chip *chip, int origin, const uint8_t *cmd, size_t len, uint8_t *rsp,
		    size_t room, uint64_t now_us)
{
	uint64_t work_us;
	size_t n = card_execute(&chip->card, origin, cmd, len, rsp, room, &work_us);

	if (chip->busy_until_us < now_us)
		chip->busy_until_us = now_us;
	chip->busy_until_us += work_us;
	return n;
}
