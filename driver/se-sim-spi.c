// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the SPI controller.
 *
 * The SPI core runs the messages, as it does for a controller of silicon, so
 * that chip-select rules and delays are the core's own.
 */
#include <linux/ktime.h>
#include "se-compat.h"
#include "se-sim.h"

static int sim_transfer_one(struct spi_controller *ctlr, struct spi_device *spi,
			    struct spi_transfer *xfer)
{
	struct se_sim *sim = spi_controller_get_devdata(ctlr);
	u32 hz = xfer->speed_hz ?: sim->max_hz;
	unsigned long flags;
	int in = 0, out = 0;

	if (sim->max_transfer && xfer->len > sim->max_transfer)
		return -EMSGSIZE;
	if (xfer->rx_buf)
		in = se_sim_move_in(sim, xfer->rx_buf, xfer->len, hz);
	if (!READ_ONCE(sim->dead) && !READ_ONCE(sim->in_reset))
		se_sim_spend(sim, div_u64((u64)xfer->len * 8 * NSEC_PER_SEC, hz));
	if (xfer->tx_buf)
		out = se_sim_move_out(sim, xfer->tx_buf, xfer->len, hz);

	spin_lock_irqsave(&sim->lock, flags);
	sim->clocked += xfer->len;
	spin_unlock_irqrestore(&sim->lock, flags);
	return in ?: out;
}

static int sim_prepare_message(struct spi_controller *ctlr, struct spi_message *msg)
{
	struct se_sim *sim = spi_controller_get_devdata(ctlr);
	struct spi_transfer *xfer;
	size_t len = 0;

	list_for_each_entry(xfer, &msg->transfers, transfer_list)
		len += xfer->len;
	return sim->max_message && len > sim->max_message ? -EMSGSIZE : 0;
}

static size_t sim_max_transfer_size(struct spi_device *spi)
{
	struct se_sim *sim = spi_controller_get_devdata(spi->controller);

	return sim->max_transfer ?: SIZE_MAX;
}

static size_t sim_max_message_size(struct spi_device *spi)
{
	struct se_sim *sim = spi_controller_get_devdata(spi->controller);

	return sim->max_message ?: SIZE_MAX;
}

/* @level is what the pin has: low selects. */
static void sim_set_cs(struct spi_device *spi, bool level)
{
	struct se_sim *sim = spi_controller_get_devdata(spi->controller);
	bool select = !level;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	if (select && !sim->selected)
		se_sim_access_begin(sim);
	else if (!select && sim->selected)
		se_sim_access_end(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
}

/**
 * se_sim_spi_add_device() - plug the SE in
 * @sim: the bus; its controller is registered
 */
void se_sim_spi_add_device(struct se_sim *sim)
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
	strscpy(info.modalias, sim->flags & SE_SIM_SPIDEV ? "dh2228fv" :
		sim->device[0] ? sim->device : "se-gp", sizeof(info.modalias));
	if (sim->entries[0].name)
		se_board_properties(&info, &sim->node);
	sim->spi = spi_new_device(sim->ctlr, &info);
	if (!sim->spi)
		dev_err(&sim->ctlr->dev, "the SPI device could not be added\n");
}

/**
 * se_sim_spi_register() - make the SPI controller
 * @sim: the bus
 *
 * Return: 0 or negative errno.
 */
int se_sim_spi_register(struct se_sim *sim)
{
	struct spi_controller *ctlr;
	int ret;

	ctlr = spi_alloc_host(sim->parent, 0);
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
	ctlr->prepare_message = sim_prepare_message;
	ctlr->max_transfer_size = sim_max_transfer_size;
	ctlr->max_message_size = sim_max_message_size;

	ret = spi_register_controller(ctlr);
	if (ret) {
		spi_controller_put(ctlr);
		return ret;
	}
	sim->ctlr = ctlr;
	snprintf(sim->bus_name, sizeof(sim->bus_name), "spi%d", ctlr->bus_num);
	snprintf(sim->dev_names[0], sizeof(sim->dev_names[0]), "spi%d.0", ctlr->bus_num);
	/* since 6.9, where it has properties */
	snprintf(sim->node_name, sizeof(sim->node_name), "se-sim%d", ctlr->bus_num);
	snprintf(sim->dev_names[1], sizeof(sim->dev_names[1]), "spi-%s", sim->node_name);
	sim->node.name = sim->node_name;
	return 0;
}

/**
 * se_sim_spi_unregister() - take device and controller away
 * @sim: the bus. Where the device's driver still talks to the SE, it hears
 *	idle bytes
 */
void se_sim_spi_unregister(struct se_sim *sim)
{
	if (sim->spi)
		spi_unregister_device(sim->spi);
	sim->spi = NULL;
	spi_unregister_controller(sim->ctlr);
	sim->ctlr = NULL;
}
