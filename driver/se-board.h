/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the board's description says of an SE, and the lines and supplies that
 * switch it. Shared by the transports; firmware-neutral. (The core reads
 * sesame,bwt-ms and sesame,atr itself.)
 */
#ifndef _SE_BOARD_H
#define _SE_BOARD_H

#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/types.h>

struct gpio_desc;
struct regulator;

/**
 * struct se_part - what is known of a part before it is asked
 * @dialect: enum se_dialect, or -1: the board's description has to say
 * @hz: fastest clock before the SE has told its own, 0 for the board's
 * @segt_us: guard time between two accesses
 * @seal: most bytes of one access, 0 for no limit
 * @mpot_us: polling interval
 * @power_up_us: after power-up or reset, until the SE listens
 * @reset_pulse_us: length of a reset
 */
struct se_part {
	int dialect;
	u32 hz;
	u32 segt_us;
	u32 seal;
	u32 mpot_us;
	u32 power_up_us;
	u32 reset_pulse_us;
};

/**
 * struct se_board - one SE on its board
 * @dev: bus device
 * @part: what it is
 * @vdd: supply, or NULL
 * @vio: supply of its bus interface, or NULL
 * @reset: reset line, or NULL
 * @enable: enable line, or NULL
 * @on: the SE has power
 * @no_power_off: the supply is not to be switched
 * @dialect: enum se_dialect
 * @mpot_us: sesame,poll-interval-us, or 0
 * @segt_us: sesame,guard-time-us: the least that the board bears, or 0
 * @seal: sesame,access-limit, or 0
 * @power_up_us: sesame,power-up-us, or the part's
 * @reset_pulse_us: sesame,reset-pulse-us, or the part's
 */
struct se_board {
	struct device *dev;
	const struct se_part *part;
	struct regulator *vdd;
	struct regulator *vio;
	struct gpio_desc *reset;
	struct gpio_desc *enable;
	bool on;
	bool no_power_off;
	int dialect;
	u32 mpot_us;
	u32 segt_us;
	u32 seal;
	u32 power_up_us;
	u32 reset_pulse_us;
};

int se_board_get(struct se_board *b, struct device *dev, const struct se_part *part);
u32 se_board_caps(const struct se_board *b);
int se_board_power(struct se_board *b, bool on);
int se_board_reset(struct se_board *b);
int se_board_cycle(struct se_board *b);
void se_sleep_until(ktime_t when);

#endif /* _SE_BOARD_H */
