// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the I2C adapter. One message is one access: the bytes of a write are
 * a record for the SE, those of a read come out of the FIFO. A target that has
 * nothing to say does not acknowledge its address when it is to be read.
 */
#include <linux/ktime.h>
#include "se-compat.h"
#include "se-sim.h"

static bool acknowledges(struct se_sim *sim, const struct i2c_msg *msg)
{
	bool in = msg->flags & I2C_M_RD;

	/* rolled whatever the rest says, so that its occasions are the messages */
	if (se_sim_fault(sim, SE_SIM_FAULT_NACK, in ? SE_SIM_IN : SE_SIM_OUT))
		return false;
	if (sim->deaf || !se_sim_is_live(sim))
		return false;
	return !in || se_sim_ring_used(&sim->fifo) || sim->flags & SE_SIM_NO_NACK;
}

static int one_message(struct se_sim *sim, struct i2c_msg *msg)
{
	unsigned long flags;
	int ret = -ENXIO;
	bool ack;

	spin_lock_irqsave(&sim->lock, flags);
	se_sim_access_begin(sim);
	ack = acknowledges(sim, msg);
	if (!ack)
		sim->counters.nacks++;
	spin_unlock_irqrestore(&sim->lock, flags);

	/* the address has nine clocks as well */
	se_sim_spend(sim, div_u64((u64)(ack ? msg->len + 1 : 1) * 9 * NSEC_PER_SEC,
				  sim->max_hz));
	if (ack && msg->flags & I2C_M_RD)
		ret = se_sim_move_in(sim, msg->buf, msg->len, sim->max_hz);
	else if (ack)
		ret = se_sim_move_out(sim, msg->buf, msg->len, sim->max_hz);

	spin_lock_irqsave(&sim->lock, flags);
	sim->clocked += ack ? msg->len : 0;
	se_sim_access_end(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

static int sim_xfer(struct i2c_adapter *adap, struct i2c_msg *msgs, int num)
{
	struct se_sim *sim = i2c_get_adapdata(adap);
	int i, ret;

	for (i = 0; i < num; i++) {
		if (READ_ONCE(sim->dead) || msgs[i].addr != sim->addr)
			return -ENXIO;
		if (sim->max_transfer && msgs[i].len > sim->max_transfer)
			return -EOPNOTSUPP;
		ret = one_message(sim, &msgs[i]);
		if (ret)
			return ret;
	}
	return num;
}

static u32 sim_functionality(struct i2c_adapter *adap)
{
	return I2C_FUNC_I2C;
}

static const struct i2c_algorithm sim_algorithm = {
	.master_xfer = sim_xfer,
	.functionality = sim_functionality,
};

/**
 * se_sim_i2c_add_device() - plug the SE in
 * @sim: the bus; its adapter is registered
 */
void se_sim_i2c_add_device(struct se_sim *sim)
{
	struct i2c_board_info info = {
		.addr = sim->addr,
		.irq = sim->irq,
	};
	struct i2c_client *client;

	if (sim->flags & SE_SIM_SPIDEV)
		return;
	strscpy(info.type, sim->device[0] ? sim->device : "gp-se", sizeof(info.type));
	if (sim->entries[0].name)
		se_board_properties(&info, &sim->node);
	client = i2c_new_client_device(&sim->adap, &info);
	if (IS_ERR(client))
		dev_err(&sim->adap.dev, "the I2C device could not be added: %ld\n",
			PTR_ERR(client));
	else
		sim->client = client;
}

/**
 * se_sim_i2c_register() - make the I2C adapter
 * @sim: the bus
 *
 * Return: 0 or negative errno.
 */
int se_sim_i2c_register(struct se_sim *sim)
{
	struct i2c_adapter *adap = &sim->adap;
	int ret;

	adap->owner = THIS_MODULE;
	adap->algo = &sim_algorithm;
	adap->dev.parent = sim->parent;
	if (sim->max_transfer) {
		sim->quirks.max_read_len = sim->max_transfer;
		sim->quirks.max_write_len = sim->max_transfer;
		adap->quirks = &sim->quirks;
	}
	strscpy(adap->name, "se-sim", sizeof(adap->name));
	i2c_set_adapdata(adap, sim);
	ret = i2c_add_adapter(adap);
	if (ret)
		return ret;
	snprintf(sim->bus_name, sizeof(sim->bus_name), "i2c%d", adap->nr);
	snprintf(sim->dev_names[0], sizeof(sim->dev_names[0]), "%d-%04x", adap->nr, sim->addr);
	return 0;
}

/**
 * se_sim_i2c_remove_device() - take the device away
 * @sim: the bus. Where the device's driver still talks to the SE, nobody
 *	acknowledges
 */
void se_sim_i2c_remove_device(struct se_sim *sim)
{
	i2c_unregister_device(sim->client);
	sim->client = NULL;
}

/**
 * se_sim_i2c_unregister() - take the adapter away
 * @sim: the bus
 *
 * Waits until nobody has the adapter open through i2c-dev.
 */
void se_sim_i2c_unregister(struct se_sim *sim)
{
	i2c_del_adapter(&sim->adap);
}
