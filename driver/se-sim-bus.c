// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the SPI controller.
 *
 * The SPI core runs the messages, as it does for a controller of silicon, so
 * that chip-select rules and delays are the core's own. The model here is of an
 * SE that is half duplex: a transfer with an rx buffer takes bytes out of the
 * FIFO (idle bytes where it is empty), a transfer with a tx buffer carries
 * bytes to the SE; a transfer with both does both.
 */
#include <linux/delay.h>
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/seq_file.h>
#include "se-sim.h"

/* Below this the scheduler is dearer than the loop. */
#define SPIN_MAX_US	20

/* Let the time pass that the bytes need at this clock. */
static void spend_clock(const struct se_sim *sim, const struct spi_transfer *xfer)
{
	u32 hz = xfer->speed_hz ?: sim->max_hz;
	u64 ns = div_u64((u64)xfer->len * 8 * NSEC_PER_SEC, hz);
	u64 us;

	if (sim->flags & SE_SIM_NO_CLOCK)
		return;
	us = div_u64(ns, NSEC_PER_USEC);
	if (us <= SPIN_MAX_US)
		ndelay(ns);
	else
		usleep_range(us, us + us / 8 + 1);
}

static int sim_transfer_one(struct spi_controller *ctlr, struct spi_device *spi,
			    struct spi_transfer *xfer)
{
	struct se_sim *sim = spi_controller_get_devdata(ctlr);
	u8 idle = sim->flags & SE_SIM_FILL_FF ? 0xff : 0x00;
	unsigned int got = 0;
	unsigned long flags;
	bool live;

	spin_lock_irqsave(&sim->lock, flags);
	live = !sim->dead && !sim->in_reset && sim->selected;
	if (xfer->rx_buf && live)
		got = kfifo_out(&sim->fifo, xfer->rx_buf, xfer->len);
	if (got) {
		sim->took = true;
		sim->counters.bytes_in += got;
		se_sim_line_update(sim);
	}
	sim->in_len += xfer->len;
	spin_unlock_irqrestore(&sim->lock, flags);

	if (xfer->rx_buf)
		memset(xfer->rx_buf + got, idle, xfer->len - got);
	if (got)
		wake_up_interruptible(&sim->writers);
	if (live)
		spend_clock(sim, xfer);

	if (!xfer->tx_buf)
		return 0;
	spin_lock_irqsave(&sim->lock, flags);
	live = !sim->dead && !sim->in_reset && sim->selected;
	if (live) {
		if (sim->out_len + xfer->len <= SE_SIM_ACCESS_MAX)
			memcpy(sim->out + sim->out_len, xfer->tx_buf, xfer->len);
		sim->out_len += xfer->len;
		sim->counters.bytes_out += xfer->len;
	}
	spin_unlock_irqrestore(&sim->lock, flags);
	return 0;
}

static void access_begin(struct se_sim *sim)
{
	u64 now = ktime_get_ns();

	sim->selected = true;
	sim->out_len = 0;
	sim->in_len = 0;
	sim->took = false;
	sim->counters.accesses++;
	if (sim->last_end_ns)
		sim->gap_ns = min(sim->gap_ns, now - sim->last_end_ns);
}

static void access_end(struct se_sim *sim)
{
	sim->selected = false;
	sim->last_end_ns = ktime_get_ns();
	sim->longest = max_t(u64, sim->longest, sim->in_len);
	if (sim->took)
		sim->counters.accesses_in++;
	if (sim->out_len) {
		sim->counters.accesses_out++;
		if (sim->out_len > SE_SIM_ACCESS_MAX)
			sim->dropped++;
		else
			se_sim_queue_record(sim, SE_SIM_ACCESS, sim->out, sim->out_len);
		memzero_explicit(sim->out, min_t(size_t, sim->out_len, SE_SIM_ACCESS_MAX));
		sim->out_len = 0;
	} else if (!sim->took) {
		sim->counters.accesses_idle++;
	}
}

/* @level is what the pin has: low selects. */
static void sim_set_cs(struct spi_device *spi, bool level)
{
	struct se_sim *sim = spi_controller_get_devdata(spi->controller);
	bool select = !level;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	if (select && !sim->selected)
		access_begin(sim);
	else if (!select && sim->selected)
		access_end(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
}

/**
 * se_sim_bus_add_device() - plug the SE in
 * @sim: the bus; its controller is registered
 */
void se_sim_bus_add_device(struct se_sim *sim)
{
	struct spi_board_info info = {
		.max_speed_hz = sim->max_hz,
		.irq = sim->irq,
		.mode = SPI_MODE_0,
	};

	/*
	 * spidev binds to the names of its own table only, and how to override
	 * that differs between kernels. This name is in all of them.
	 */
	strscpy(info.modalias, sim->flags & SE_SIM_SPIDEV ? "dh2228fv" : "se-gp",
		sizeof(info.modalias));
	sim->spi = spi_new_device(sim->ctlr, &info);
	if (!sim->spi)
		dev_err(&sim->ctlr->dev, "the SPI device could not be added\n");
}

static int counters_show(struct seq_file *m, void *unused)
{
	struct se_sim *sim = m->private;
	struct se_sim_counters c;
	u64 dropped, longest, gap;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	c = sim->counters;
	dropped = sim->dropped;
	longest = sim->longest;
	gap = sim->gap_ns;
	spin_unlock_irqrestore(&sim->lock, flags);

	seq_printf(m, "accesses %llu\naccesses_out %llu\naccesses_in %llu\naccesses_idle %llu\n",
		   c.accesses, c.accesses_out, c.accesses_in, c.accesses_idle);
	seq_printf(m, "bytes_out %llu\nbytes_in %llu\nirqs %llu\nresets %llu\n",
		   c.bytes_out, c.bytes_in, c.irqs, c.resets);
	seq_printf(m, "dropped %llu\nlongest_access %llu\nshortest_gap_ns %llu\n",
		   dropped, longest, gap == U64_MAX ? 0 : gap);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/**
 * se_sim_bus_register() - make the SPI controller
 * @sim: the bus
 * @parent: parent of the controller
 *
 * Return: 0 or negative errno.
 */
int se_sim_bus_register(struct se_sim *sim, struct device *parent)
{
	struct spi_controller *ctlr;
	char name[24];
	int ret;

	ctlr = spi_alloc_host(parent, 0);
	if (!ctlr)
		return -ENOMEM;
	spi_controller_set_devdata(ctlr, sim);
	ctlr->bus_num = -1;
	ctlr->num_chipselect = 1;
	ctlr->mode_bits = 0;
	ctlr->bits_per_word_mask = SPI_BPW_MASK(8);
	ctlr->max_speed_hz = sim->max_hz;
	ctlr->set_cs = sim_set_cs;
	ctlr->transfer_one = sim_transfer_one;

	ret = spi_register_controller(ctlr);
	if (ret) {
		spi_controller_put(ctlr);
		return ret;
	}
	sim->ctlr = ctlr;

	snprintf(name, sizeof(name), "se-sim-spi%d", ctlr->bus_num);
	sim->debugfs = debugfs_create_dir(name, NULL);
	debugfs_create_file("counters", 0444, sim->debugfs, sim, &counters_fops);
	return 0;
}

/**
 * se_sim_bus_unregister() - take device and controller away
 * @sim: the bus. Where the device's driver still talks to the SE, it hears
 *	idle bytes
 */
void se_sim_bus_unregister(struct se_sim *sim)
{
	debugfs_remove_recursive(sim->debugfs);
	if (sim->spi)
		spi_unregister_device(sim->spi);
	sim->spi = NULL;
	spi_unregister_controller(sim->ctlr);
	sim->ctlr = NULL;
}
