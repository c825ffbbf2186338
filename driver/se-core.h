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
 * @reset: SE_RESET_LINE (SE_RESET_POWER is not asked for yet): reset the SE and
 *	return when it may be spoken to again. Sleeps. After
 *	it the pre-CIP defaults hold on the bus until the next @configure.
 *	-EOPNOTSUPP if the level is not wired
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
};

struct se_chip *se_chip_alloc(struct device *parent, const struct se_transport_ops *ops,
			      enum se_dialect dialect, u32 caps, void *drvdata);
void se_chip_put(struct se_chip *chip);
int se_chip_register(struct se_chip *chip);
void se_chip_unregister(struct se_chip *chip);

void se_chip_data_ready(struct se_chip *chip);

void *se_chip_drvdata(struct se_chip *chip);
const struct se_t1_dialect *se_chip_dialect(struct se_chip *chip);
void se_chip_set_irq_mode(struct se_chip *chip, enum se_irq_mode mode);
void se_chip_set_clock(struct se_chip *chip, u32 hz);

/*
 * The transport counts bytes_tx, bytes_rx, accesses, irqs, irqs_spurious and
 * polls; the core counts the rest. Each counter has one writer (a thread at a
 * time), readers take what they see.
 */
struct se_stats *se_chip_stats(struct se_chip *chip);

#endif /* _SE_CORE_H */
