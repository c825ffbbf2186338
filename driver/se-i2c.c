// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure elements on I2C: T=1' as GlobalPlatform GPC_SPE_172 puts it on the bus,
 * and NXP's T=1 over I2C (UM11225).
 *
 * A block goes out in one write. It comes in by a read of its prologue and one
 * of as many bytes as the prologue says; between any two of these lies the SE's
 * guard time. An SE that is not ready, be it that it has nothing to say, works or
 * wakes up, does not acknowledge: on a read that means that there is no block
 * yet, a write is tried again.
 *
 * Where the SE has a data-ready line it is used as on SPI, see se-drdy.c; else,
 * and that is what most boards have, the SE is polled at its own interval.
 */
#include <linux/i2c.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "se-board.h"
#include "se-compat.h"
#include "se-core.h"
#include "se-drdy.h"
#include "se-t1.h"

/* The least INF field that a message has to carry; no SE takes less. */
#define INF_MIN		8

/* A write that is not acknowledged is tried so often, one polling interval apart. */
#define WRITE_TRIES	20

/* The rest of a block: it is ready, but the SE may be busy for a moment. */
#define READ_TRIES	5

#define DUMMY_MAX	8

#define DRAIN_PART	16

/**
 * struct se_i2c - one SE at one address
 * @client: its I2C device
 * @chip: what the core knows it as
 * @dialect: of its blocks
 * @board: what the board's description says
 * @drdy: its data-ready line
 * @max_read: most bytes of a read
 * @max_write: most bytes of a write
 * @bus_hz: clock of the bus, 0 where nobody knows
 * @dummy: written before each I-block, for parts that lose the first write
 * @dummy_len: its length, mostly 0
 *
 * The rest belongs to the core's worker.
 *
 * @not_before: the SE may not be addressed earlier
 * @guard_us: time between two accesses
 * @mpot_us: polling interval
 * @pwt_us: power-up waiting time
 * @tx: block on its way out, fit for DMA
 * @rx: block on its way in, fit for DMA
 */
struct se_i2c {
	struct i2c_client *client;
	struct se_chip *chip;
	const struct se_t1_dialect *dialect;
	struct se_board board;
	struct se_drdy drdy;
	size_t max_read;
	size_t max_write;
	u32 bus_hz;
	u8 dummy[DUMMY_MAX];
	size_t dummy_len;

	ktime_t not_before;
	u32 guard_us;
	u32 mpot_us;
	u32 pwt_us;
	u8 *tx;
	u8 *rx;
};

static void set_pace(struct se_i2c *si, u32 guard_us, u32 mpot_us)
{
	const struct se_board *b = &si->board;

	si->guard_us = max(guard_us, b->segt_us);
	si->mpot_us = b->mpot_us ?: mpot_us ?: b->part->mpot_us;
	se_drdy_fresh(&si->drdy, si->mpot_us);
}

static void set_guard(struct se_i2c *si, u32 us)
{
	si->not_before = ktime_add_us(ktime_get(), us);
	se_drdy_guard(&si->drdy, si->not_before);
}

/* ---- accesses ------------------------------------------------------------ */

/* Adapters name a missing acknowledge in two ways. */
static bool is_nack(int ret)
{
	return ret == -ENXIO || ret == -EREMOTEIO;
}

/* One message: 0, or negative errno. The buffer is fit for DMA. */
static int message(struct se_i2c *si, u16 flags, u8 *buf, size_t len)
{
	struct i2c_msg msg = {
		.addr = si->client->addr,
		.flags = flags | I2C_M_DMA_SAFE | (si->client->flags & I2C_M_TEN),
		.len = len,
		.buf = buf,
	};
	int ret;

	se_sleep_until(si->not_before);
	se_stat_inc(si->chip, accesses);
	ret = i2c_transfer(si->client->adapter, &msg, 1);
	set_guard(si, si->guard_us);
	if (ret < 0)
		return ret;
	return ret == 1 ? 0 : -EIO;
}

/* The same, for an SE that may not be ready at once. */
static int message_patiently(struct se_i2c *si, u16 flags, u8 *buf, size_t len,
			     unsigned int tries)
{
	int ret = message(si, flags, buf, len);

	while (is_nack(ret) && --tries) {
		set_guard(si, max(si->mpot_us, si->guard_us));
		ret = message(si, flags, buf, len);
	}
	return ret;
}

/* I-blocks have the highest bit of the PCB clear, in all dialects. */
static bool is_i_block(const u8 *block)
{
	return !(block[1] & 0x80);
}

static int se_i2c_send(struct se_chip *chip, const u8 *block, size_t len)
{
	struct se_i2c *si = se_chip_drvdata(chip);
	int ret;

	if (len > SE_T1_BLOCK_MAX || len > si->max_write)
		return -EMSGSIZE;
	if (si->dummy_len && is_i_block(block)) {
		memcpy(si->tx, si->dummy, si->dummy_len);
		ret = message(si, 0, si->tx, si->dummy_len);
		if (ret && !is_nack(ret))
			return ret;
	}
	memcpy(si->tx, block, len);
	ret = message_patiently(si, 0, si->tx, len, WRITE_TRIES);
	memzero_explicit(si->tx, len);
	if (ret)
		return ret;
	se_drdy_sent(&si->drdy);
	se_stat_add(chip, bytes_tx, len);
	return 0;
}

static int read_bytes(struct se_i2c *si, u8 *buf, size_t len)
{
	size_t done, part;
	int ret = 0;

	for (done = 0; done < len && !ret; done += part) {
		part = min(len - done, si->max_read);
		ret = message_patiently(si, I2C_M_RD, buf + done, part, READ_TRIES);
	}
	return ret;
}

/*
 * Read the first @len bytes that are not line fill. Returns 1; 0 if there is
 * nothing; or negative errno.
 */
static int read_prologue(struct se_i2c *si, size_t len)
{
	size_t idle = 0;
	int ret;

	ret = message(si, I2C_M_RD, si->rx, len);
	if (ret)
		return is_nack(ret) ? 0 : ret;
	while (idle < len && se_t1_is_idle(si->dialect, si->rx[idle]))
		idle++;
	if (idle == len)
		return 0;
	if (idle) {
		/* the fill is overwritten by what comes after it */
		ret = read_bytes(si, si->rx + len, idle);
		if (ret)
			return ret;
		memmove(si->rx, si->rx + idle, len);
	}
	return 1;
}

/*
 * Nobody knows where this block ends: take what the SE has to give, so that the
 * rest of it does not pass for blocks. An SE that has no more does not acknowledge,
 * or gives line fill.
 */
static void drain(struct se_i2c *si)
{
	size_t part = min_t(size_t, DRAIN_PART, si->max_read);
	size_t done;

	for (done = 0; done < SE_T1_BLOCK_MAX; done += part) {
		if (message(si, I2C_M_RD, si->rx, part))
			return;
		if (se_t1_all_idle(si->dialect, si->rx, part))
			return;
	}
}

/* Read one block: its length, 0 for nothing, or negative errno. */
static int read_block(struct se_i2c *si, size_t room)
{
	size_t head = se_t1_prologue_len(si->dialect);
	int ret, len;

	ret = read_prologue(si, head);
	if (ret > 0) {
		len = se_t1_block_len(si->dialect, si->rx);
		if (len < 0 || len > room) {
			drain(si);
			return len < 0 ? len : -EMSGSIZE;
		}
		ret = read_bytes(si, si->rx + head, len - head) ?: len;
	}
	/* it began and did not go on: to the engine that is a damaged block */
	return is_nack(ret) ? -EPROTO : ret;
}

static int se_i2c_receive(struct se_chip *chip, u8 *buf, size_t room)
{
	struct se_i2c *si = se_chip_drvdata(chip);
	int ret;

	if (!se_drdy_due(&si->drdy))
		return 0;
	ret = read_block(si, min_t(size_t, room, SE_T1_BLOCK_MAX));
	se_drdy_seen(&si->drdy, ret);
	if (ret > 0) {
		se_stat_add(chip, bytes_rx, ret);
		memcpy(buf, si->rx, ret);
		memzero_explicit(si->rx, ret);
	}
	return ret;
}

/* ---- the SE's parameters, power ------------------------------------------ */

static void se_i2c_configure(struct se_chip *chip, const struct se_t1_cip *cip)
{
	struct se_i2c *si = se_chip_drvdata(chip);

	if (!cip || cip->plid != SE_T1_PLID_I2C)
		return;
	/* GPC_SPE_172 names it RWGT, UM11225 SEGT */
	set_pace(si, max(cip->rwgt_us, cip->segt_us), cip->mpot_us);
	si->pwt_us = cip->pwt_us;
	/* the clock is the bus's, and others may be on it: nothing to be done here */
	if (cip->mcf_hz && si->bus_hz > cip->mcf_hz)
		dev_warn_once(&si->client->dev, "the bus runs at %u Hz, the SE asks for %u\n",
			      si->bus_hz, cip->mcf_hz);
}

static void start_over(struct se_i2c *si)
{
	const struct se_part *part = si->board.part;

	set_pace(si, part->segt_us, part->mpot_us);
	set_guard(si, max(si->pwt_us, si->board.power_up_us));
	se_sleep_until(si->not_before);
}

static int se_i2c_reset(struct se_chip *chip, enum se_reset_level level)
{
	struct se_i2c *si = se_chip_drvdata(chip);
	int ret;

	switch (level) {
	case SE_RESET_LINE:
		ret = se_board_reset(&si->board);
		break;
	case SE_RESET_POWER:
		ret = se_board_cycle(&si->board);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!ret)
		start_over(si);
	return ret;
}

static int se_i2c_power(struct se_chip *chip, bool on)
{
	struct se_i2c *si = se_chip_drvdata(chip);
	int ret;

	ret = se_board_power(&si->board, on);
	if (!ret && on)
		start_over(si);
	return ret;
}

static void se_i2c_expect(struct se_chip *chip, bool on)
{
	struct se_i2c *si = se_chip_drvdata(chip);

	se_drdy_expect(&si->drdy, on);
}

static void se_i2c_set_irq_policy(struct se_chip *chip, enum se_irq_policy policy)
{
	struct se_i2c *si = se_chip_drvdata(chip);

	se_drdy_set_policy(&si->drdy, policy);
}

static const struct se_transport_ops se_i2c_ops = {
	.send = se_i2c_send,
	.receive = se_i2c_receive,
	.configure = se_i2c_configure,
	.reset = se_i2c_reset,
	.expect = se_i2c_expect,
	.power = se_i2c_power,
	.set_irq_policy = se_i2c_set_irq_policy,
};

static int __maybe_unused se_i2c_suspend(struct device *dev)
{
	struct se_i2c *si = dev_get_drvdata(dev);

	return se_chip_suspend(si->chip);
}

static int __maybe_unused se_i2c_resume(struct device *dev)
{
	struct se_i2c *si = dev_get_drvdata(dev);

	return se_chip_resume(si->chip);
}

static int __maybe_unused se_i2c_runtime_suspend(struct device *dev)
{
	struct se_i2c *si = dev_get_drvdata(dev);

	return se_chip_runtime_suspend(si->chip);
}

static int __maybe_unused se_i2c_runtime_resume(struct device *dev)
{
	struct se_i2c *si = dev_get_drvdata(dev);

	return se_chip_runtime_resume(si->chip);
}

static const struct dev_pm_ops se_i2c_pm_ops = {
	SET_SYSTEM_SLEEP_PM_OPS(se_i2c_suspend, se_i2c_resume)
	SET_RUNTIME_PM_OPS(se_i2c_runtime_suspend, se_i2c_runtime_resume, NULL)
};

/* ---- binding ------------------------------------------------------------- */

static void set_limits(struct se_i2c *si)
{
	const struct i2c_adapter_quirks *quirks = si->client->adapter->quirks;
	size_t limit = si->board.seal;

	si->max_read = SE_T1_BLOCK_MAX;
	si->max_write = SE_T1_BLOCK_MAX;
	if (limit) {
		si->max_read = min(si->max_read, limit);
		si->max_write = min(si->max_write, limit);
	}
	if (quirks && quirks->max_read_len)
		si->max_read = min_t(size_t, si->max_read, quirks->max_read_len);
	if (quirks && quirks->max_write_len)
		si->max_write = min_t(size_t, si->max_write, quirks->max_write_len);
}

/*
 * A read may be cut in pieces, a block that goes out may not: the SE takes what
 * one write carries for the block. So an adapter with short messages makes for
 * short blocks.
 */
static int check_adapter(struct se_i2c *si)
{
	size_t head = se_t1_prologue_len(si->dialect);
	size_t frame = head + SE_T1_EDC_MAX;
	struct device *dev = &si->client->dev;

	if (si->max_read < head || si->max_write < frame + INF_MIN)
		return dev_err_probe(dev, -EMSGSIZE,
				     "the I2C adapter reads %zu bytes at once and writes %zu, at least %zu and %zu are needed\n",
				     si->max_read, si->max_write, head, frame + INF_MIN);
	se_chip_limit_block(si->chip, si->max_write);
	return 0;
}

static int get_dummy(struct se_i2c *si)
{
	struct device *dev = &si->client->dev;
	int n = device_property_count_u8(dev, "sesame,dummy-frame");

	if (n <= 0)
		return 0;
	if (n > DUMMY_MAX ||
	    device_property_read_u8_array(dev, "sesame,dummy-frame", si->dummy, n))
		return dev_err_probe(dev, -EINVAL, "sesame,dummy-frame: 1 to %u bytes\n",
				     DUMMY_MAX);
	si->dummy_len = n;
	return 0;
}

/*
 * A part that follows the standard says in its CIP what sets it apart. NXP's
 * SE05x wait longer between two accesses, and say so in their ATR as well.
 */
static const struct se_part part_gp = {
	.dialect = SE_DIALECT_GP,
	.segt_us = 10,
	.mpot_us = 1000,
	.power_up_us = 25000,
	.reset_pulse_us = 5000,
};

static const struct se_part part_se05x = {
	.dialect = SE_DIALECT_UM11225,
	.segt_us = 100,
	.mpot_us = 1000,
	.power_up_us = 25000,
	.reset_pulse_us = 5000,
};

/* Any other: the board's description says which; slow enough for all known ones. */
static const struct se_part part_t1 = {
	.dialect = -1,
	.segt_us = 100,
	.mpot_us = 1000,
	.power_up_us = 25000,
	.reset_pulse_us = 5000,
};

static const struct i2c_device_id se_i2c_ids[] = {
	{ "gp-se", (kernel_ulong_t)&part_gp },
	{ "t1-se", (kernel_ulong_t)&part_t1 },
	{ "se050", (kernel_ulong_t)&part_se05x },
	{ "se051", (kernel_ulong_t)&part_se05x },
	{ }
};
MODULE_DEVICE_TABLE(i2c, se_i2c_ids);

/* ACPI machines name one of these in a PRP0001 device. */
static const struct of_device_id se_i2c_of_match[] = {
	{ .compatible = "sesame,gp-se", .data = &part_gp },
	{ .compatible = "sesame,t1-se", .data = &part_t1 },
	{ .compatible = "nxp,se050", .data = &part_se05x },
	{ .compatible = "nxp,se051", .data = &part_se05x },
	{ }
};
MODULE_DEVICE_TABLE(of, se_i2c_of_match);

static const struct se_part *get_part(struct i2c_client *client)
{
	const struct se_part *part = device_get_match_data(&client->dev);
	const struct i2c_device_id *id;

	if (part)
		return part;
	/* found by its name */
	id = i2c_match_id(se_i2c_ids, client);
	return (const struct se_part *)id->driver_data;
}

static int se_i2c_probe(struct i2c_client *client)
{
	struct device *dev = &client->dev;
	struct se_i2c *si;
	int ret;

	if (!i2c_check_functionality(client->adapter, I2C_FUNC_I2C))
		return dev_err_probe(dev, -EOPNOTSUPP,
				     "the adapter is for SMBus only, blocks need plain I2C\n");
	si = devm_kzalloc(dev, sizeof(*si), GFP_KERNEL);
	if (!si)
		return -ENOMEM;
	si->client = client;
	i2c_set_clientdata(client, si);
	si->tx = devm_kmalloc(dev, SE_T1_BLOCK_MAX, GFP_KERNEL);
	si->rx = devm_kmalloc(dev, SE_T1_BLOCK_MAX + SE_T1_PROLOGUE_MAX, GFP_KERNEL);
	if (!si->tx || !si->rx)
		return -ENOMEM;
	ret = get_dummy(si);
	if (ret)
		return ret;
	ret = se_board_get(&si->board, dev, get_part(client));
	if (ret)
		return ret;
	ret = se_drdy_request(&si->drdy, dev, client->irq);
	if (ret)
		return ret;

	si->chip = se_chip_alloc(dev, &se_i2c_ops, si->board.dialect,
				 se_board_caps(&si->board) | (si->drdy.irq ? SE_CAP_IRQ : 0), si);
	if (IS_ERR(si->chip))
		return PTR_ERR(si->chip);
	si->dialect = se_chip_dialect(si->chip);
	set_limits(si);
	ret = check_adapter(si);
	if (ret)
		goto err_chip;
	device_property_read_u32(client->adapter->dev.parent, "clock-frequency", &si->bus_hz);
	se_chip_set_clock(si->chip, si->bus_hz);
	se_drdy_start(&si->drdy, si->chip);
	set_pace(si, si->board.part->segt_us, si->board.part->mpot_us);
	/* power may have come on a moment ago */
	set_guard(si, si->board.power_up_us);

	ret = se_chip_register(si->chip);
	if (!ret)
		return 0;
	se_drdy_stop(&si->drdy);
err_chip:
	se_chip_put(si->chip);
	return ret;
}

static void se_i2c_unbind(struct i2c_client *client)
{
	struct se_i2c *si = i2c_get_clientdata(client);

	se_chip_unregister(si->chip);
	se_drdy_stop(&si->drdy);
	memzero_explicit(si->tx, SE_T1_BLOCK_MAX);
	memzero_explicit(si->rx, SE_T1_BLOCK_MAX + SE_T1_PROLOGUE_MAX);
	se_chip_put(si->chip);
}

SE_I2C_REMOVE(se_i2c_remove, se_i2c_unbind)

static struct i2c_driver se_i2c_driver = {
	.driver = {
		.name = "se-i2c",
		.of_match_table = se_i2c_of_match,
		.pm = &se_i2c_pm_ops,
	},
	.id_table = se_i2c_ids,
	SE_I2C_PROBE(se_i2c_probe),
	.remove = se_i2c_remove,
};
module_i2c_driver(se_i2c_driver);

MODULE_DESCRIPTION("Secure elements on I2C, T=1' of GlobalPlatform GPC_SPE_172 and UM11225");
MODULE_AUTHOR("The Sesame authors");
MODULE_LICENSE("GPL");
