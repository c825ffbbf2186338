// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure elements on SPI.
 *
 * One access (one assertion of the chip select) carries one block, or as much
 * of it as the SE and the controller bear. Out, the block goes as a whole; in,
 * the select is held between the prologue, which says how long the block is, and
 * the rest. The bus is locked for the access only.
 *
 * Polling and the data-ready interrupt are se-drdy.c, supplies and lines are
 * se-board.c. All bus work is done on the core's worker of this chip, one call
 * at a time; nothing here waits for the SE to finish computing.
 */
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/spi/spi.h>

#include "se-board.h"
#include "se-compat.h"
#include "se-core.h"
#include "se-drdy.h"
#include "se-t1.h"

/* Every SE bears that much, and it is what holds before it has said more. */
#define SEAL_MIN	16

#define DRAIN_PART	16

/* A message is made of at most so many transfers, where the controller has small ones. */
#define XFERS_MAX	64

/* a block behind as much line fill as its prologue is long */
#define RX_ROOM		(SE_T1_BLOCK_MAX + SE_T1_PROLOGUE_MAX)

/**
 * struct se_spi - one SE on one chip select
 * @spi: its SPI device
 * @chip: what the core knows it as
 * @dialect: of its blocks
 * @board: its supplies and lines
 * @drdy: how its blocks are noticed
 * @max_transfer: most bytes that the controller moves in one transfer
 * @max_message: and in one message
 * @can_hold: the select stays asserted from one message to the next
 * @board_hz: what board and controller allow, 0 for no limit
 *
 * The rest belongs to the core's worker.
 *
 * @open: an access is under way: the bus is locked
 * @used: bytes of this access so far
 * @not_before: the SE may not be selected earlier
 * @last_end: end of the last access
 * @hz: clock in use
 * @segt_us: guard time between two accesses
 * @limit: most bytes in one access, 0 for no limit
 * @pwt_us: power-up waiting time, 0 if the SE has not told it
 * @pst_ms: after so long without an access the SE may sleep, 0 for never
 * @wut_us: wake-up time
 * @xfers: transfers of a message
 * @tx: block on its way out, fit for DMA
 * @rx: block on its way in, fit for DMA
 */
struct se_spi {
	struct spi_device *spi;
	struct se_chip *chip;
	const struct se_t1_dialect *dialect;
	struct se_board board;
	struct se_drdy drdy;
	size_t max_transfer;
	size_t max_message;
	bool can_hold;
	u32 board_hz;

	bool open;
	size_t used;
	ktime_t not_before;
	ktime_t last_end;
	u32 hz;
	u32 segt_us;
	size_t limit;
	u32 pwt_us;
	u32 pst_ms;
	u32 wut_us;
	struct spi_transfer *xfers;
	u8 *tx;
	u8 *rx;
};

static void set_clock(struct se_spi *ss, u32 hz)
{
	if (!hz)
		hz = ss->board_hz;
	ss->hz = ss->board_hz ? min(hz, ss->board_hz) : hz;
	se_chip_set_clock(ss->chip, ss->hz);
}

/* What the SE, the board and a controller that lets go of the SE after each message bear. */
static void set_limit(struct se_spi *ss, size_t seal)
{
	ss->limit = min_not_zero(seal, (size_t)ss->board.seal);
	if (!ss->can_hold)
		ss->limit = min_not_zero(ss->limit, ss->max_message);
}

static void set_defaults(struct se_spi *ss)
{
	const struct se_board *b = &ss->board;

	ss->segt_us = max(b->part->segt_us, b->segt_us);
	ss->pst_ms = 0;
	ss->wut_us = 0;
	set_limit(ss, b->part->seal);
	set_clock(ss, b->part->hz);
	se_drdy_fresh(&ss->drdy, b->mpot_us ?: b->part->mpot_us);
}

/* ---- accesses ------------------------------------------------------------ */

static void set_guard(struct se_spi *ss, u32 us)
{
	ss->last_end = ktime_get();
	ss->not_before = ktime_add_us(ss->last_end, us);
	se_drdy_guard(&ss->drdy, ss->not_before);
}

static void access_begin(struct se_spi *ss)
{
	se_sleep_until(ss->not_before);
	spi_bus_lock(ss->spi->controller);
	ss->open = true;
	ss->used = 0;
	se_stat_inc(ss->chip, accesses);
}

/*
 * One message. With @hold the SE stays selected after it; one of no bytes that is
 * not held lets the SE go.
 */
static int message(struct se_spi *ss, const u8 *tx, u8 *rx, size_t len, bool hold)
{
	struct spi_message msg;
	unsigned int n = 0;
	size_t part;

	do {
		struct spi_transfer *x = &ss->xfers[n++];

		part = min(len, ss->max_transfer);
		memset(x, 0, sizeof(*x));
		x->tx_buf = tx;
		x->rx_buf = rx;
		x->len = part;
		x->speed_hz = ss->hz;
		tx = tx ? tx + part : NULL;
		rx = rx ? rx + part : NULL;
		len -= part;
	} while (len);
	ss->xfers[n - 1].cs_change = hold;
	spi_message_init_with_transfers(&msg, ss->xfers, n);
	return spi_sync_locked(ss->spi, &msg);
}

static void access_end(struct se_spi *ss, bool held)
{
	if (!ss->open)
		return;
	if (held)
		message(ss, NULL, NULL, 0, false);
	spi_bus_unlock(ss->spi->controller);
	ss->open = false;
	set_guard(ss, ss->segt_us);
}

/*
 * Move bytes, in as many accesses as it takes. With @more the access stays open
 * for what comes next, if it bears more.
 */
static int clock_bytes(struct se_spi *ss, const u8 *tx, u8 *rx, size_t len, bool more)
{
	while (len) {
		size_t part = min(len, ss->max_message);
		bool keep;
		int ret;

		if (!ss->open)
			access_begin(ss);
		if (ss->limit)
			part = min(part, ss->limit - ss->used);
		keep = ss->can_hold && (more || part < len) && ss->used + part != ss->limit;
		ret = message(ss, tx, rx, part, keep);
		if (ret || !keep)
			access_end(ss, ret);
		if (ret)
			return ret;
		ss->used += part;
		tx = tx ? tx + part : NULL;
		rx = rx ? rx + part : NULL;
		len -= part;
	}
	return 0;
}

/*
 * An SE that was left alone for PST may sleep. Selecting it wakes it; it
 * listens WUT later.
 */
static int wake(struct se_spi *ss)
{
	int ret;

	if (!ss->pst_ms || !ss->wut_us ||
	    ktime_ms_delta(ktime_get(), ss->last_end) < ss->pst_ms)
		return 0;
	ret = clock_bytes(ss, NULL, ss->rx, 1, false);
	set_guard(ss, max(ss->wut_us, ss->segt_us));
	return ret;
}

static int se_spi_send(struct se_chip *chip, const u8 *block, size_t len)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	int ret;

	if (len > SE_T1_BLOCK_MAX)
		return -EMSGSIZE;
	ret = wake(ss);
	if (ret)
		return ret;
	memcpy(ss->tx, block, len);
	ret = clock_bytes(ss, ss->tx, NULL, len, false);
	memzero_explicit(ss->tx, len);
	if (ret)
		return ret;
	se_drdy_sent(&ss->drdy);
	se_stat_add(chip, bytes_tx, len);
	return 0;
}

/*
 * Read the first @len bytes that are not line fill. Returns 1, 0 if there was
 * nothing but fill, or negative errno.
 */
static int read_prologue(struct se_spi *ss, size_t len)
{
	size_t idle = 0;
	int ret;

	ret = clock_bytes(ss, NULL, ss->rx, len, true);
	if (ret)
		return ret;
	while (idle < len && se_t1_is_idle(ss->dialect, ss->rx[idle]))
		idle++;
	if (idle == len)
		return 0;
	if (idle) {
		/* the fill is overwritten by what comes after the prologue */
		ret = clock_bytes(ss, NULL, ss->rx + len, idle, true);
		if (ret)
			return ret;
		memmove(ss->rx, ss->rx + idle, len);
	}
	return 1;
}

/*
 * Nobody knows where this block ends: take what the SE has to give, so that the
 * rest of it does not pass for blocks.
 */
static void drain(struct se_spi *ss)
{
	size_t done;

	for (done = 0; done < SE_T1_BLOCK_MAX; done += DRAIN_PART) {
		if (clock_bytes(ss, NULL, ss->rx, DRAIN_PART, true))
			return;
		if (se_t1_all_idle(ss->dialect, ss->rx, DRAIN_PART))
			return;
	}
}

/* Read one block into ss->rx. Returns its length, 0 for nothing, or negative errno. */
static int read_block(struct se_spi *ss, size_t room)
{
	size_t head = se_t1_prologue_len(ss->dialect);
	int len, ret;

	ret = read_prologue(ss, head);
	if (ret <= 0)
		goto out;
	len = se_t1_block_len(ss->dialect, ss->rx);
	if (len > 0 && len <= room) {
		ret = clock_bytes(ss, NULL, ss->rx + head, len - head, false) ?: len;
	} else {
		drain(ss);
		ret = len > 0 ? -EMSGSIZE : len;
	}
out:
	access_end(ss, true);
	return ret;
}

static int se_spi_receive(struct se_chip *chip, u8 *buf, size_t room)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	int ret;

	if (!se_drdy_due(&ss->drdy))
		return 0;
	ret = read_block(ss, min_t(size_t, room, SE_T1_BLOCK_MAX));
	se_drdy_seen(&ss->drdy, ret);
	if (ret > 0) {
		se_stat_add(chip, bytes_rx, ret);
		memcpy(buf, ss->rx, ret);
		memzero_explicit(ss->rx, ret);
	}
	return ret;
}

/* ---- the SE's parameters, power ------------------------------------------ */

static void se_spi_configure(struct se_chip *chip, const struct se_t1_cip *cip)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	const struct se_board *b = &ss->board;
	u32 seal;

	if (!cip || cip->plid != SE_T1_PLID_SPI)
		return;
	seal = cip->seal;
	if (seal && seal < SEAL_MIN) {
		dev_warn(&ss->spi->dev, "SE asks for accesses of %u bytes, using %u\n",
			 seal, SEAL_MIN);
		seal = SEAL_MIN;
	}
	ss->segt_us = max(cip->segt_us, b->segt_us);
	ss->pwt_us = cip->pwt_us;
	ss->pst_ms = cip->pst_ms;
	ss->wut_us = cip->wut_us;
	set_limit(ss, seal);
	set_clock(ss, cip->mcf_hz ?: b->part->hz);
	se_drdy_fresh(&ss->drdy, b->mpot_us ?: cip->mpot_us ?: b->part->mpot_us);
}

/* After a reset: wait until the SE listens, as it does before it has told its CIP. */
static void start_over(struct se_spi *ss)
{
	set_defaults(ss);
	set_guard(ss, max(ss->pwt_us, ss->board.power_up_us));
	se_sleep_until(ss->not_before);
}

static int se_spi_reset(struct se_chip *chip, enum se_reset_level level)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	int ret;

	switch (level) {
	case SE_RESET_LINE:
		ret = se_board_reset(&ss->board);
		break;
	case SE_RESET_POWER:
		ret = se_board_cycle(&ss->board);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!ret)
		start_over(ss);
	return ret;
}

static int se_spi_power(struct se_chip *chip, bool on)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	int ret;

	ret = se_board_power(&ss->board, on);
	if (!ret && on)
		start_over(ss);
	return ret;
}

static void se_spi_expect(struct se_chip *chip, bool on)
{
	struct se_spi *ss = se_chip_drvdata(chip);

	se_drdy_expect(&ss->drdy, on);
}

static void se_spi_set_irq_policy(struct se_chip *chip, enum se_irq_policy policy)
{
	struct se_spi *ss = se_chip_drvdata(chip);

	se_drdy_set_policy(&ss->drdy, policy);
}

static const struct se_transport_ops se_spi_ops = {
	.send = se_spi_send,
	.receive = se_spi_receive,
	.configure = se_spi_configure,
	.reset = se_spi_reset,
	.expect = se_spi_expect,
	.power = se_spi_power,
	.set_irq_policy = se_spi_set_irq_policy,
};

static int __maybe_unused se_spi_suspend(struct device *dev)
{
	struct se_spi *ss = dev_get_drvdata(dev);

	return se_chip_suspend(ss->chip);
}

static int __maybe_unused se_spi_resume(struct device *dev)
{
	struct se_spi *ss = dev_get_drvdata(dev);

	return se_chip_resume(ss->chip);
}

static int __maybe_unused se_spi_runtime_suspend(struct device *dev)
{
	struct se_spi *ss = dev_get_drvdata(dev);

	return se_chip_runtime_suspend(ss->chip);
}

static int __maybe_unused se_spi_runtime_resume(struct device *dev)
{
	struct se_spi *ss = dev_get_drvdata(dev);

	return se_chip_runtime_resume(ss->chip);
}

static const struct dev_pm_ops se_spi_pm_ops = {
	SET_SYSTEM_SLEEP_PM_OPS(se_spi_suspend, se_spi_resume)
	SET_RUNTIME_PM_OPS(se_spi_runtime_suspend, se_spi_runtime_resume, NULL)
};

/* ---- binding ------------------------------------------------------------- */

/*
 * Small transfers make a message of several, with the SE selected throughout.
 * A controller with small messages has an engine that ends each by deselecting:
 * there a block takes several accesses, as under the SE's own limit.
 */
static int check_controller(struct se_spi *ss)
{
	struct spi_device *spi = ss->spi;
	struct spi_controller *ctlr = spi->controller;

	if (ctlr->flags & (SPI_CONTROLLER_NO_RX | SPI_CONTROLLER_NO_TX))
		return dev_err_probe(&spi->dev, -EINVAL,
				     "the SPI controller moves bytes in one direction only\n");
	ss->max_transfer = spi_max_transfer_size(spi);
	ss->max_message = spi_max_message_size(spi);
	ss->can_hold = ss->max_message >= RX_ROOM;
	if (!ss->max_transfer || (!ss->can_hold && ss->max_message < SEAL_MIN))
		return dev_err_probe(&spi->dev, -EMSGSIZE,
				     "the SPI controller moves %zu bytes a transfer and %zu a message, at least 1 and %u are needed\n",
				     ss->max_transfer, ss->max_message, SEAL_MIN);
	ss->max_transfer = min_t(size_t, ss->max_transfer, RX_ROOM);
	ss->max_message = min3(ss->max_message, ss->max_transfer * XFERS_MAX, (size_t)RX_ROOM);
	return 0;
}

static int alloc_buffers(struct se_spi *ss)
{
	struct device *dev = &ss->spi->dev;

	ss->xfers = devm_kcalloc(dev, DIV_ROUND_UP(ss->max_message, ss->max_transfer),
				 sizeof(*ss->xfers), GFP_KERNEL);
	ss->tx = devm_kmalloc(dev, SE_T1_BLOCK_MAX, GFP_KERNEL);
	ss->rx = devm_kmalloc(dev, RX_ROOM, GFP_KERNEL);
	return ss->xfers && ss->tx && ss->rx ? 0 : -ENOMEM;
}

static const struct se_part *get_part(struct spi_device *spi)
{
	const struct se_part *part = device_get_match_data(&spi->dev);

	return part ?: (const struct se_part *)spi_get_device_id(spi)->driver_data;
}

static int se_spi_probe(struct spi_device *spi)
{
	struct device *dev = &spi->dev;
	struct se_spi *ss;
	int ret;

	ss = devm_kzalloc(dev, sizeof(*ss), GFP_KERNEL);
	if (!ss)
		return -ENOMEM;
	ss->spi = spi;
	ss->board_hz = spi->max_speed_hz;
	spi_set_drvdata(spi, ss);
	ret = check_controller(ss);
	if (ret)
		return ret;
	ret = alloc_buffers(ss);
	if (ret)
		return ret;
	ret = se_board_get(&ss->board, dev, get_part(spi));
	if (ret)
		return ret;
	ret = se_drdy_request(&ss->drdy, dev, spi->irq);
	if (ret)
		return ret;

	ss->chip = se_chip_alloc(dev, &se_spi_ops, ss->board.dialect,
				 se_board_caps(&ss->board) | (ss->drdy.irq ? SE_CAP_IRQ : 0), ss);
	if (IS_ERR(ss->chip))
		return PTR_ERR(ss->chip);
	ss->dialect = se_chip_dialect(ss->chip);
	se_drdy_start(&ss->drdy, ss->chip);
	set_defaults(ss);
	/* power may have come on a moment ago */
	set_guard(ss, ss->board.power_up_us);

	ret = se_chip_register(ss->chip);
	if (ret) {
		se_drdy_stop(&ss->drdy);
		se_chip_put(ss->chip);
	}
	return ret;
}

static void se_spi_unbind(struct spi_device *spi)
{
	struct se_spi *ss = spi_get_drvdata(spi);

	se_chip_unregister(ss->chip);
	se_drdy_stop(&ss->drdy);
	memzero_explicit(ss->tx, SE_T1_BLOCK_MAX);
	memzero_explicit(ss->rx, RX_ROOM);
	se_chip_put(ss->chip);
}

SE_SPI_REMOVE(se_spi_remove, se_spi_unbind)

/*
 * A part that follows the standard needs nothing but a name in the tables and in
 * the binding, beside "sesame,gp-se" as its fallback; what sets it apart it says
 * in its CIP. The others cannot say, so what they bear is here.
 */
static const struct se_part part_gp = {
	.dialect = SE_DIALECT_GP,
	.hz = 1000000,
	.segt_us = 200,
	.seal = SEAL_MIN,
	.mpot_us = 1000,
	.power_up_us = 25000,
	.reset_pulse_us = 5000,
};

/* Any other: the board's description says which; slow enough for all known ones. */
static const struct se_part part_t1 = {
	.dialect = -1,
	.segt_us = 200,
	.mpot_us = 1000,
	.power_up_us = 25000,
	.reset_pulse_us = 5000,
};

/* NXP P73 and SN1x0. No document names a guard time; the vendor's stack polls by 1 ms. */
static const struct se_part part_p73 = {
	.dialect = SE_DIALECT_NXP,
	.segt_us = 200,
	.mpot_us = 1000,
	.power_up_us = 25000,
	.reset_pulse_us = 5000,
};

/* ST ST33 and ST54: a reset of 5 ms, then 3 to 4 ms to boot */
static const struct se_part part_st33 = {
	.dialect = SE_DIALECT_ISO_CRC,
	.segt_us = 100,
	.mpot_us = 1000,
	.power_up_us = 10000,
	.reset_pulse_us = 5000,
};

static const struct spi_device_id se_spi_ids[] = {
	{ "se-gp", (kernel_ulong_t)&part_gp },
	{ "gp-se", (kernel_ulong_t)&part_gp },
	{ "t1-se", (kernel_ulong_t)&part_t1 },
	{ "p73", (kernel_ulong_t)&part_p73 },
	{ "st33-se", (kernel_ulong_t)&part_st33 },
	{ }
};
MODULE_DEVICE_TABLE(spi, se_spi_ids);

/* ACPI machines name one of these in a PRP0001 device. */
static const struct of_device_id se_spi_of_match[] = {
	{ .compatible = "sesame,gp-se", .data = &part_gp },
	{ .compatible = "sesame,t1-se", .data = &part_t1 },
	{ .compatible = "nxp,p73", .data = &part_p73 },
	{ .compatible = "st,st33-se", .data = &part_st33 },
	{ }
};
MODULE_DEVICE_TABLE(of, se_spi_of_match);

static struct spi_driver se_spi_driver = {
	.driver = {
		.name = "se-spi",
		.of_match_table = se_spi_of_match,
		.pm = &se_spi_pm_ops,
	},
	.id_table = se_spi_ids,
	.probe = se_spi_probe,
	.remove = se_spi_remove,
};
module_spi_driver(se_spi_driver);

MODULE_DESCRIPTION("Secure elements on SPI, T=1' of GlobalPlatform GPC_SPE_172 and T=1");
MODULE_AUTHOR("The Sesame authors");
MODULE_LICENSE("GPL");
