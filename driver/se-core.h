/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a transport (se-spi, se-i2c) and the core (se) say to each other.
 *
 * The core owns the T=1' engine, the queue and the character device; the
 * transport owns the bus. All functions of &struct se_transport_ops are called
 * from the chip's worker thread, one at a time, so that they need no lock
 * against one another. None of them may wait for the SE to finish computing:
 * they make one bus access (or the few that the SE's access limit asks for) and
 * return.
 */
#ifndef _SE_CORE_H
#define _SE_CORE_H

#include <linux/device.h>
#include <linux/types.h>
#include <linux/se.h>
#include <linux/se_netlink.h>

struct se_chip;
struct se_t1_cip;
struct se_t1_dialect;

/**
 * struct se_transport_ops - a bus with one SE on it
 * @send: put one whole block on the wire. May sleep as long as the bus
 *	transfer and the guard times last. 0 or negative errno
 * @receive: read one whole block into @buf. Returns its length; 0 if the SE has
 *	nothing to say yet (idle bytes only); -EPROTO if the prologue cannot be
 *	one (the core treats it as a damaged block); -EMSGSIZE if the block is
 *	longer than @room; another negative errno if the bus failed. @buf need
 *	not be fit for DMA
 * @configure: apply what the SE said of itself: clock, guard time, access
 *	limit, polling interval. @cip lives only during the call. Called once
 *	after each start-up S(CIP); may be NULL
 * @reset: SE_RESET_LINE or SE_RESET_POWER: reset the SE and return when it may
 *	be spoken to again. Sleeps. After it the pre-CIP defaults hold on the bus
 *	until the next @configure. -EOPNOTSUPP if the level is not wired
 * @power: switch the SE's supply; called only where the transport gave
 *	SE_CAP_POWER. Off returns when nothing of the SE touches the bus or its
 *	lines any more, on when it may be spoken to, under the pre-CIP defaults.
 *	Sleeps. May be NULL
 * @set_irq_policy: how the end of the SE's work is to be noticed from now on.
 *	Called by the worker, also while a block is awaited. What comes of it is
 *	told by se_chip_set_irq_mode(). May be NULL
 * @expect: with @on, a block is awaited: arm once. The transport calls
 *	se_chip_data_ready() at most once for each arming (an interrupt handler
 *	masks its line before it does); where the SE has already raised its
 *	line the call comes at once. Without @on, disarm: no more call comes
 *	after the function has returned, unless armed again (one that is under
 *	way on another CPU is harmless). Must not wait for the worker
 */
struct se_transport_ops {
	int (*send)(struct se_chip *chip, const u8 *block, size_t len);
	int (*receive)(struct se_chip *chip, u8 *buf, size_t room);
	void (*configure)(struct se_chip *chip, const struct se_t1_cip *cip);
	int (*reset)(struct se_chip *chip, enum se_reset_level level);
	void (*expect)(struct se_chip *chip, bool on);
	int (*power)(struct se_chip *chip, bool on);
	void (*set_irq_policy)(struct se_chip *chip, enum se_irq_policy policy);
};

struct se_chip *se_chip_alloc(struct device *parent, const struct se_transport_ops *ops,
			      enum se_dialect dialect, u32 caps, void *drvdata);
void se_chip_put(struct se_chip *chip);
int se_chip_register(struct se_chip *chip);
void se_chip_unregister(struct se_chip *chip);

void se_chip_data_ready(struct se_chip *chip);

/* the four callbacks of the bus device's &struct dev_pm_ops, see se-power.c */
int se_chip_suspend(struct se_chip *chip);
int se_chip_resume(struct se_chip *chip);
int se_chip_runtime_suspend(struct se_chip *chip);
int se_chip_runtime_resume(struct se_chip *chip);

void *se_chip_drvdata(struct se_chip *chip);
const struct se_t1_dialect *se_chip_dialect(struct se_chip *chip);
void se_chip_set_irq_mode(struct se_chip *chip, enum se_irq_mode mode);
void se_chip_set_clock(struct se_chip *chip, u32 hz);
void se_chip_limit_block(struct se_chip *chip, size_t len);

/**
 * enum se_irq_event - what there is to tell of the data-ready interrupt
 * @SE_IRQ_EVENT_DATA: it came, and a block was there
 * @SE_IRQ_EVENT_SPURIOUS: it came, and nothing was there
 * @SE_IRQ_EVENT_POLL: the bus was read without it
 * @SE_IRQ_EVENT_LOST: a block was there without it
 * @SE_IRQ_EVENT_STORM: it did not stop and was masked
 * @SE_IRQ_EVENT_FALLBACK: from now on the bus is polled
 * @SE_IRQ_EVENT_RETURN: from now on it is used again
 */
enum se_irq_event {
	SE_IRQ_EVENT_DATA,
	SE_IRQ_EVENT_SPURIOUS,
	SE_IRQ_EVENT_POLL,
	SE_IRQ_EVENT_LOST,
	SE_IRQ_EVENT_STORM,
	SE_IRQ_EVENT_FALLBACK,
	SE_IRQ_EVENT_RETURN,
};

/* Counts irqs, irqs_spurious, polls, irqs_lost and so on, and traces. Any context. */
void se_chip_irq_event(struct se_chip *chip, enum se_irq_event event);

/*
 * Count: se_stat_inc(chip, accesses), from any context. The transport counts
 * bytes_tx, bytes_rx and accesses so; the core counts the rest.
 */
#define SE_STAT_INDEX(field)		(offsetof(struct se_stats, field) / sizeof(__u64))
#define se_stat_add(chip, field, n)	se_stats_add(chip, SE_STAT_INDEX(field), n)
#define se_stat_inc(chip, field)	se_stat_add(chip, field, 1)

void se_stats_add(struct se_chip *chip, unsigned int index, u64 n);

#endif /* _SE_CORE_H */
