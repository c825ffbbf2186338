// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure elements on SPI: T=1' as GlobalPlatform GPC_SPE_172 puts it on the bus.
 *
 * One block is one access, that is, one assertion of the chip select: out as a
 * whole; in by its prologue first and, with the SE still selected, by as many
 * bytes as the prologue says. Where the SE limits the length of an access
 * (SEAL), a block takes several, with the guard time (SEGT) between them.
 *
 * The SE says by its data-ready line that a block is waiting. The interrupt is
 * enabled only while a block is awaited and is masked by its handler, so level
 * and edge, GPIO controllers on the SoC and on slow buses all work alike. A
 * board without the line is polled at the SE's own interval (MPOT).
 *
 * All bus work is done on the core's worker of this chip, one call at a time;
 * nothing here waits for the SE to finish computing.
 */
#include <linux/delay.h>
#include <linux/gpio/consumer.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/spi/spi.h>
#include "se-compat.h"
#include "se-core.h"
#include "se-t1.h"

/* What holds before the SE has told its CIP. */
#define PRE_CIP_HZ	1000000
#define PRE_CIP_SEGT_US	200
#define PRE_CIP_SEAL	16
#define PRE_CIP_MPOT_US	1000
#define PRE_CIP_PWT_US	25000

/* The longest that a known part asks for; the standard is silent. */
#define RESET_PULSE_US	5000

/* A guard time that is nearly over is not worth going to sleep for. */
#define SPIN_MAX_US	10

/* bits of se_spi.state */
#define ARMED_IRQ	0	/* the interrupt is enabled */
#define ARMED_TIMER	1	/* the timer runs */

enum cause {
	CAUSE_NONE,
	CAUSE_IRQ,
	CAUSE_TIMER,
};

/**
 * struct se_spi - one SE on one chip select
 * @spi: its SPI device
 * @chip: what the core knows it as
 * @dialect: of its blocks
 * @reset: reset line, or NULL
 * @edge: the interrupt is edge triggered
 * @low: the line is active low
 * @state: ARMED_*
 * @cause: enum cause of the last se_chip_data_ready(), taken by receive()
 * @timer: polling
 *
 * The rest belongs to the core's worker.
 *
 * @backoff: an interrupt had nothing to say; look once more by the timer before
 *	it is enabled again, so that a stuck line costs little
 * @sent: a block has been sent since the last one was received
 * @looked: the SE has been polled since the last block was sent
 * @not_before: the SE may not be selected earlier
 * @last_end: end of the last access
 * @board_hz: what board and controller allow, 0 for no limit
 * @hz: clock in use
 * @segt_us: guard time between two accesses
 * @seal: most bytes in one access, 0 for no limit
 * @mpot_us: polling interval
 * @pwt_us: power-up waiting time
 * @pst_ms: after so long without an access the SE may sleep, 0 for never
 * @wut_us: wake-up time
 * @tx: block on its way out, fit for DMA
 * @rx: block on its way in, fit for DMA
 */
struct se_spi {
	struct spi_device *spi;
	struct se_chip *chip;
	const struct se_t1_dialect *dialect;
	struct gpio_desc *reset;
	bool edge;
	bool low;
	unsigned long state;
	int cause;
	struct hrtimer timer;

	bool backoff;
	bool sent;
	bool looked;
	ktime_t not_before;
	ktime_t last_end;
	u32 board_hz;
	u32 hz;
	u32 segt_us;
	u32 seal;
	u32 mpot_us;
	u32 pwt_us;
	u32 pst_ms;
	u32 wut_us;
	u8 *tx;
	u8 *rx;
};

static void set_clock(struct se_spi *ss, u32 hz)
{
	ss->hz = ss->board_hz ? min(hz, ss->board_hz) : hz;
	se_chip_set_clock(ss->chip, ss->hz);
}

static void set_defaults(struct se_spi *ss)
{
	ss->segt_us = PRE_CIP_SEGT_US;
	ss->seal = PRE_CIP_SEAL;
	ss->mpot_us = PRE_CIP_MPOT_US;
	ss->pst_ms = 0;
	ss->wut_us = 0;
	set_clock(ss, PRE_CIP_HZ);
}

static void wait_until(ktime_t when)
{
	s64 us = ktime_us_delta(when, ktime_get()) + 1;

	if (us <= 0)
		return;
	if (us <= SPIN_MAX_US)
		udelay(us);
	else
		usleep_range(us, us + us / 8 + 1);
}

/* Begin an access: from here to access_end() the bus is ours. */
static void access_begin(struct se_spi *ss)
{
	wait_until(ss->not_before);
	spi_bus_lock(ss->spi->controller);
	se_stat_inc(ss->chip, accesses);
}

/*
 * Move one piece of an access. With @hold the SE stays selected after it. A
 * piece of no bytes that is not held lets the SE go.
 */
static int access_piece(struct se_spi *ss, const u8 *tx, u8 *rx, size_t len, bool hold)
{
	struct spi_transfer xfer = {
		.tx_buf = tx,
		.rx_buf = rx,
		.len = len,
		.speed_hz = ss->hz,
		.cs_change = hold,
	};
	struct spi_message msg;

	spi_message_init_with_transfers(&msg, &xfer, 1);
	return spi_sync_locked(ss->spi, &msg);
}

static void access_end(struct se_spi *ss, bool held)
{
	if (held)
		access_piece(ss, NULL, NULL, 0, false);
	spi_bus_unlock(ss->spi->controller);
	ss->last_end = ktime_get();
	ss->not_before = ktime_add_us(ss->last_end, ss->segt_us);
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
	access_begin(ss);
	ret = access_piece(ss, NULL, ss->rx, 1, false);
	access_end(ss, ret);
	ss->not_before = ktime_add_us(ss->last_end, max(ss->wut_us, ss->segt_us));
	return ret;
}

static int se_spi_send(struct se_chip *chip, const u8 *block, size_t len)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	size_t done, part;
	int ret;

	if (len > SE_T1_BLOCK_MAX)
		return -EMSGSIZE;
	ret = wake(ss);
	if (ret)
		return ret;

	memcpy(ss->tx, block, len);
	for (done = 0; done < len && !ret; done += part) {
		part = len - done;
		if (ss->seal)
			part = min_t(size_t, part, ss->seal);
		access_begin(ss);
		ret = access_piece(ss, ss->tx + done, NULL, part, false);
		access_end(ss, ret);
	}
	memzero_explicit(ss->tx, len);
	if (ret)
		return ret;
	ss->sent = true;
	ss->looked = false;
	se_stat_add(chip, bytes_tx, len);
	return 0;
}

/*
 * Read the first @len bytes that are not line fill, with the SE selected and
 * kept so. Returns how many bytes of the access that took; 0 if there was
 * nothing but fill.
 */
static int read_prologue(struct se_spi *ss, size_t len)
{
	size_t idle = 0;
	int ret;

	ret = access_piece(ss, NULL, ss->rx, len, true);
	if (ret)
		return ret;
	while (idle < len && se_t1_is_idle(ss->dialect, ss->rx[idle]))
		idle++;
	if (idle == len)
		return 0;
	if (idle) {
		/* the fill is overwritten by what comes after the prologue */
		ret = access_piece(ss, NULL, ss->rx + len, idle, true);
		if (ret)
			return ret;
		memmove(ss->rx, ss->rx + idle, len);
	}
	return len + idle;
}

/*
 * Read one block into ss->rx. Returns its length, 0 for nothing, or negative
 * errno.
 */
static int read_block(struct se_spi *ss, size_t room)
{
	size_t head = se_t1_prologue_len(ss->dialect);
	size_t total, have, part, used;
	bool held = true;
	int ret;

	access_begin(ss);
	ret = read_prologue(ss, head);
	if (ret <= 0)
		goto out;
	used = ret;
	ret = se_t1_block_len(ss->dialect, ss->rx);
	if (ret < 0)
		goto out;
	if (ret > room) {
		ret = -EMSGSIZE;
		goto out;
	}
	total = ret;
	have = head;
	for (;;) {
		part = total - have;
		if (ss->seal)
			part = min_t(size_t, part, ss->seal - used);
		ret = access_piece(ss, NULL, ss->rx + have, part, false);
		held = ret;
		have += part;
		if (ret || have == total)
			break;
		access_end(ss, false);
		access_begin(ss);
		used = 0;
	}
	if (!ret)
		ret = total;
out:
	access_end(ss, held);
	return ret;
}

/*
 * What the data-ready line says. Not every GPIO controller can tell: then
 * @unknown is returned.
 */
static bool line_active(struct se_spi *ss, bool unknown)
{
	bool high;

	if (irq_get_irqchip_state(ss->spi->irq, IRQCHIP_STATE_LINE_LEVEL, &high))
		return unknown;
	return high != ss->low;
}

static int se_spi_receive(struct se_chip *chip, u8 *buf, size_t room)
{
	struct se_spi *ss = se_chip_drvdata(chip);
	enum cause cause = xchg(&ss->cause, CAUSE_NONE);
	int ret;

	/* the core's look at the end of a waiting time: no need of the bus */
	if (cause == CAUSE_NONE && ss->spi->irq > 0 && !line_active(ss, true))
		return 0;

	ret = read_block(ss, min_t(size_t, room, SE_T1_BLOCK_MAX));
	if (cause == CAUSE_IRQ && ret)
		se_chip_irq_event(chip, SE_IRQ_EVENT_DATA);
	else if (cause == CAUSE_IRQ)
		se_chip_irq_event(chip, SE_IRQ_EVENT_SPURIOUS);
	else
		se_chip_irq_event(chip, SE_IRQ_EVENT_POLL);
	ss->backoff = cause == CAUSE_IRQ && !ret;
	ss->looked = true;
	if (ret > 0) {
		ss->sent = false;
		se_stat_add(chip, bytes_rx, ret);
		memcpy(buf, ss->rx, ret);
		memzero_explicit(ss->rx, ret);
	}
	return ret;
}

static void se_spi_configure(struct se_chip *chip, const struct se_t1_cip *cip)
{
	struct se_spi *ss = se_chip_drvdata(chip);

	if (!cip || cip->plid != SE_T1_PLID_SPI)
		return;
	ss->segt_us = cip->segt_us;
	ss->mpot_us = cip->mpot_us ?: PRE_CIP_MPOT_US;
	ss->pwt_us = cip->pwt_us;
	ss->pst_ms = cip->pst_ms;
	ss->wut_us = cip->wut_us;
	ss->seal = cip->seal;
	if (ss->seal && ss->seal < PRE_CIP_SEAL) {
		dev_warn(&ss->spi->dev, "SE asks for accesses of %u bytes, using %u\n",
			 ss->seal, PRE_CIP_SEAL);
		ss->seal = PRE_CIP_SEAL;
	}
	set_clock(ss, cip->mcf_hz ?: PRE_CIP_HZ);
}

static int se_spi_reset(struct se_chip *chip, enum se_reset_level level)
{
	struct se_spi *ss = se_chip_drvdata(chip);

	if (level != SE_RESET_LINE || !ss->reset)
		return -EOPNOTSUPP;
	gpiod_set_value_cansleep(ss->reset, 1);
	usleep_range(RESET_PULSE_US, RESET_PULSE_US + 500);
	gpiod_set_value_cansleep(ss->reset, 0);
	set_defaults(ss);
	ss->backoff = false;
	ss->last_end = ktime_get();
	ss->not_before = ktime_add_us(ss->last_end, max_t(u32, ss->pwt_us, PRE_CIP_PWT_US));
	wait_until(ss->not_before);
	return 0;
}

/* Hard interrupt, or a thread where the GPIO controller is on a slow bus. */
static irqreturn_t se_spi_irq(int irq, void *data)
{
	struct se_spi *ss = data;

	if (!test_and_clear_bit(ARMED_IRQ, &ss->state))
		return IRQ_NONE;
	disable_irq_nosync(irq);
	WRITE_ONCE(ss->cause, CAUSE_IRQ);
	se_chip_data_ready(ss->chip);
	return IRQ_HANDLED;
}

static enum hrtimer_restart se_spi_timer(struct hrtimer *timer)
{
	struct se_spi *ss = container_of(timer, struct se_spi, timer);

	if (test_and_clear_bit(ARMED_TIMER, &ss->state)) {
		WRITE_ONCE(ss->cause, CAUSE_TIMER);
		se_chip_data_ready(ss->chip);
	}
	return HRTIMER_NORESTART;
}

/*
 * With an edge interrupt a second block that was waiting behind the one just
 * read gives no edge. Where the line cannot be asked, the core's look at the end
 * of the block waiting time is the way out.
 */
static bool missed_edge(struct se_spi *ss)
{
	return ss->edge && !ss->sent && line_active(ss, false);
}

/*
 * Each setting of ARMED_IRQ goes with one enable_irq() and each clearing with
 * one disable_irq_nosync(), in whichever order two CPUs get to them. An edge
 * that comes while the interrupt is disabled is kept by the interrupt core.
 */
static void arm(struct se_spi *ss)
{
	u32 us;

	if (ss->spi->irq > 0 && !ss->backoff) {
		if (missed_edge(ss)) {
			WRITE_ONCE(ss->cause, CAUSE_IRQ);
			se_chip_data_ready(ss->chip);
		} else if (!test_and_set_bit(ARMED_IRQ, &ss->state)) {
			enable_irq(ss->spi->irq);
		}
		return;
	}
	/* the first look comes after the guard time, the others by MPOT */
	us = ss->looked ? ss->mpot_us : ss->segt_us;
	ss->looked = true;
	if (!test_and_set_bit(ARMED_TIMER, &ss->state))
		hrtimer_start(&ss->timer, ns_to_ktime((u64)us * NSEC_PER_USEC), HRTIMER_MODE_REL);
}

static void disarm(struct se_spi *ss)
{
	if (test_and_clear_bit(ARMED_TIMER, &ss->state))
		hrtimer_try_to_cancel(&ss->timer);
	if (test_and_clear_bit(ARMED_IRQ, &ss->state))
		disable_irq_nosync(ss->spi->irq);
}

static void se_spi_expect(struct se_chip *chip, bool on)
{
	struct se_spi *ss = se_chip_drvdata(chip);

	if (on)
		arm(ss);
	else
		disarm(ss);
}

static const struct se_transport_ops se_spi_ops = {
	.send = se_spi_send,
	.receive = se_spi_receive,
	.configure = se_spi_configure,
	.reset = se_spi_reset,
	.expect = se_spi_expect,
};

/* One transfer carries a whole block out, or all of one in that follows its prologue. */
static int check_controller(struct spi_device *spi)
{
	size_t room = min(spi_max_transfer_size(spi), spi_max_message_size(spi));

	if (room >= SE_T1_BLOCK_MAX)
		return 0;
	return dev_err_probe(&spi->dev, -EMSGSIZE,
			     "the SPI controller moves at most %zu bytes at once, a block is up to %d long\n",
			     room, SE_T1_BLOCK_MAX);
}

static int request_line(struct se_spi *ss)
{
	struct spi_device *spi = ss->spi;
	u32 type;
	int ret;

	if (spi->irq <= 0)
		return 0;
	type = irq_get_trigger_type(spi->irq);
	ss->edge = type & IRQ_TYPE_EDGE_BOTH;
	ss->low = type & (IRQ_TYPE_LEVEL_LOW | IRQ_TYPE_EDGE_FALLING);
	ret = devm_request_any_context_irq(&spi->dev, spi->irq, se_spi_irq, IRQF_NO_AUTOEN,
					   dev_name(&spi->dev), ss);
	if (ret < 0)
		return dev_err_probe(&spi->dev, ret, "data-ready interrupt %d\n", spi->irq);
	return 0;
}

static int se_spi_probe(struct spi_device *spi)
{
	struct device *dev = &spi->dev;
	struct se_spi *ss;
	u32 caps = 0;
	int ret;

	ret = check_controller(spi);
	if (ret)
		return ret;

	ss = devm_kzalloc(dev, sizeof(*ss), GFP_KERNEL);
	if (!ss)
		return -ENOMEM;
	ss->tx = devm_kmalloc(dev, SE_T1_BLOCK_MAX, GFP_KERNEL);
	ss->rx = devm_kmalloc(dev, SE_T1_BLOCK_MAX + SE_T1_PROLOGUE_MAX, GFP_KERNEL);
	if (!ss->tx || !ss->rx)
		return -ENOMEM;
	ss->spi = spi;
	spi_set_drvdata(spi, ss);
	se_hrtimer_setup(&ss->timer, se_spi_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);

	ss->reset = devm_gpiod_get_optional(dev, "reset", GPIOD_OUT_LOW);
	if (IS_ERR(ss->reset))
		return dev_err_probe(dev, PTR_ERR(ss->reset), "reset line\n");
	ret = request_line(ss);
	if (ret)
		return ret;

	if (spi->irq > 0)
		caps |= SE_CAP_IRQ;
	if (ss->reset)
		caps |= SE_CAP_RESET_LINE;
	ss->chip = se_chip_alloc(dev, &se_spi_ops, SE_DIALECT_GP, caps, ss);
	if (IS_ERR(ss->chip))
		return PTR_ERR(ss->chip);
	ss->dialect = se_chip_dialect(ss->chip);
	se_chip_set_irq_mode(ss->chip, spi->irq > 0 ? SE_IRQ_MODE_IRQ : SE_IRQ_MODE_POLL);
	ss->board_hz = spi->max_speed_hz;
	ss->pwt_us = PRE_CIP_PWT_US;
	set_defaults(ss);
	/* power may have come on a moment ago */
	ss->last_end = ktime_get();
	ss->not_before = ktime_add_us(ss->last_end, ss->pwt_us);

	ret = se_chip_register(ss->chip);
	if (ret)
		se_chip_put(ss->chip);
	return ret;
}

static void se_spi_unbind(struct spi_device *spi)
{
	struct se_spi *ss = spi_get_drvdata(spi);

	se_chip_unregister(ss->chip);
	disarm(ss);
	hrtimer_cancel(&ss->timer);
	if (spi->irq > 0)
		synchronize_irq(spi->irq);
	memzero_explicit(ss->tx, SE_T1_BLOCK_MAX);
	memzero_explicit(ss->rx, SE_T1_BLOCK_MAX);
	se_chip_put(ss->chip);
}
SE_SPI_REMOVE(se_spi_remove, se_spi_unbind)

/*
 * A part that follows the standard needs nothing but a name here and in the
 * binding, beside "sesame,gp-se" as its fallback; what sets it apart it says
 * in its CIP. One that speaks another T=1 family gets a dialect as its match
 * data.
 */
static const struct spi_device_id se_spi_ids[] = {
	{ "se-gp" },
	{ "gp-se" },
	{ }
};
MODULE_DEVICE_TABLE(spi, se_spi_ids);

static const struct of_device_id se_spi_of_match[] = {
	{ .compatible = "sesame,gp-se" },
	{ }
};
MODULE_DEVICE_TABLE(of, se_spi_of_match);

static struct spi_driver se_spi_driver = {
	.driver = {
		.name = "se-spi",
		.of_match_table = se_spi_of_match,
	},
	.id_table = se_spi_ids,
	.probe = se_spi_probe,
	.remove = se_spi_remove,
};
module_spi_driver(se_spi_driver);

MODULE_DESCRIPTION("Secure elements on SPI, T=1' of GlobalPlatform GPC_SPE_172");
MODULE_AUTHOR("The Sesame authors");
MODULE_LICENSE("GPL");
