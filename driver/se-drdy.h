/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Noticing that the SE has something to say: the data-ready interrupt, its
 * supervision, and polling. Shared by the transports.
 */
#ifndef _SE_DRDY_H
#define _SE_DRDY_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>

#include "se-core.h"

/**
 * struct se_drdy - one data-ready line, or none
 * @chip: whose
 * @dev: for messages
 * @irq: interrupt number, 0 for none
 * @edge: it is edge triggered
 * @low: the line is active low
 * @level_known: the level of the line can be read
 * @state: DRDY_* bits
 * @cause: enum drdy_cause of the last se_chip_data_ready(), taken by
 *	se_drdy_due()
 * @timer: polling, and guard times that an interrupt comes into
 * @watch: slow looks while an interrupt is awaited
 * @watch_at: when the next one is due, nanoseconds
 * @not_before: the SE may not be spoken to earlier; written while disarmed
 *
 * The rest belongs to the chip's worker.
 *
 * @policy: what is wanted
 * @mode: what is
 * @proven: the interrupt has announced a block
 * @expecting: a block is awaited
 * @sent: a block has been sent since the last one was received
 * @looked: the SE has been looked at since the last block was sent
 * @backoff: an interrupt had nothing to say; look once more by the timer before
 *	it is enabled again, so that a stuck line costs little
 * @trial: polling, with the interrupt on trial
 * @warned: the board's owner has been told
 * @looking: enum drdy_cause of the look that is under way
 * @mpot_us: polling interval
 * @watch_us: until the next slow look
 * @trouble: grows with each lost interrupt, shrinks with each good one
 * @good: interrupts in a row that announced a block
 * @storm: interrupts with nothing to read since @storm_since
 * @storm_since: see @storm
 * @retry_at: when the interrupt is put on trial
 * @retry_ms: how long the next fallback is to last
 */
struct se_drdy {
	struct se_chip *chip;
	struct device *dev;
	int irq;
	bool edge;
	bool low;
	bool level_known;
	unsigned long state;
	int cause;
	struct hrtimer timer;
	struct hrtimer watch;
	atomic64_t watch_at;
	ktime_t not_before;

	enum se_irq_policy policy;
	enum se_irq_mode mode;
	bool proven;
	bool expecting;
	bool sent;
	bool looked;
	bool backoff;
	bool trial;
	bool warned;
	int looking;
	u32 mpot_us;
	u32 watch_us;
	unsigned int trouble;
	unsigned int good;
	unsigned int storm;
	ktime_t storm_since;
	ktime_t retry_at;
	u32 retry_ms;
};

int se_drdy_request(struct se_drdy *d, struct device *dev, int irq);
void se_drdy_start(struct se_drdy *d, struct se_chip *chip);
void se_drdy_stop(struct se_drdy *d);
void se_drdy_fresh(struct se_drdy *d, u32 mpot_us);
void se_drdy_sent(struct se_drdy *d);
void se_drdy_guard(struct se_drdy *d, ktime_t not_before);
bool se_drdy_due(struct se_drdy *d);
void se_drdy_seen(struct se_drdy *d, int ret);
void se_drdy_expect(struct se_drdy *d, bool on);
void se_drdy_set_policy(struct se_drdy *d, enum se_irq_policy policy);

#endif /* _SE_DRDY_H */
