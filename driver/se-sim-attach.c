// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: plugging in and pulling out.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "se-sim.h"

#define ATTACH_FLAGS	(SE_SIM_SPIDEV | SE_SIM_NO_IRQ | SE_SIM_NO_RESET | SE_SIM_IRQ_EDGE | \
			 SE_SIM_FILL_FF | SE_SIM_NO_CLOCK | SE_SIM_I2C | SE_SIM_NO_NACK | \
			 SE_SIM_SUPPLY | SE_SIM_ENABLE)
#define I2C_ADDR_MIN	0x08	/* the rest has a meaning of its own */
#define I2C_ADDR_MAX	0x77

/* Where I2C adapters wait for the last of their users to let go. */
static struct workqueue_struct *graveyard;

static bool is_i2c(const struct se_sim *sim)
{
	return sim->flags & SE_SIM_I2C;
}

static void add_device(struct work_struct *work)
{
	struct se_sim *sim = container_of(work, struct se_sim, add_work);

	if (is_i2c(sim))
		se_sim_i2c_add_device(sim);
	else
		se_sim_spi_add_device(sim);
}

/**
 * se_sim_free() - give the memory back
 * @sim: nobody uses it any more
 */
void se_sim_free(struct se_sim *sim)
{
	se_sim_ring_free(&sim->queue);
	se_sim_ring_free(&sim->held);
	se_sim_ring_free(&sim->fifo);
	kfree_sensitive(sim->bounce);
	kfree(sim->props);
	kfree_sensitive(sim);
}

static void free_bus(struct work_struct *work)
{
	struct se_sim *sim = container_of(work, struct se_sim, free_work);

	se_sim_i2c_unregister(sim);
	se_sim_free(sim);
}

static int check(const struct se_sim_attach *req)
{
	if (req->flags & ~ATTACH_FLAGS || req->reserved || req->nr_props > SE_SIM_PROPS_MAX ||
	    strnlen(req->device, sizeof(req->device)) == sizeof(req->device))
		return -EINVAL;
	if (req->flags & SE_SIM_I2C) {
		if (req->max_message ||
		    (req->addr && (req->addr < I2C_ADDR_MIN || req->addr > I2C_ADDR_MAX)))
			return -EINVAL;
	} else if (req->addr || req->flags & SE_SIM_NO_NACK) {
		return -EINVAL;
	}
	if (req->flags & SE_SIM_SUPPLY && !IS_ENABLED(CONFIG_REGULATOR))
		return -EOPNOTSUPP;
	return 0;
}

static int make_entry(struct property_entry *entry, const struct se_sim_prop *prop)
{
	if (!prop->name[0] || strnlen(prop->name, sizeof(prop->name)) == sizeof(prop->name))
		return -EINVAL;
	switch (prop->type) {
	case SE_SIM_PROP_U32:
		*entry = PROPERTY_ENTRY_U32(prop->name, prop->value);
		return 0;
	case SE_SIM_PROP_STRING:
		if (strnlen(prop->text, sizeof(prop->text)) == sizeof(prop->text))
			return -EINVAL;
		*entry = PROPERTY_ENTRY_STRING(prop->name, prop->text);
		return 0;
	case SE_SIM_PROP_BOOL:
		*entry = PROPERTY_ENTRY_BOOL(prop->name);
		return 0;
	case SE_SIM_PROP_BYTES:
		if (!prop->value || prop->value > sizeof(prop->text))
			return -EINVAL;
		*entry = PROPERTY_ENTRY_U8_ARRAY_LEN(prop->name, prop->text, prop->value);
		return 0;
	default:
		return -EINVAL;
	}
}

/* The properties live as long as the bus: the device only points to them. */
static int make_properties(struct se_sim *sim, const struct se_sim_attach *req)
{
	unsigned int i;
	int ret;

	kfree(sim->props);
	sim->props = NULL;
	memset(sim->entries, 0, sizeof(sim->entries));
	if (!req->nr_props)
		return 0;
	sim->props = memdup_user(u64_to_user_ptr(req->props_ptr),
				 array_size(req->nr_props, sizeof(*sim->props)));
	if (IS_ERR(sim->props)) {
		ret = PTR_ERR(sim->props);
		sim->props = NULL;
		return ret;
	}
	for (i = 0; i < req->nr_props; i++) {
		ret = make_entry(&sim->entries[i], &sim->props[i]);
		if (ret)
			return ret;
	}
	sim->node.properties = sim->entries;
	return 0;
}

/* Device and bus; an I2C adapter stays until se_sim_i2c_unregister(). */
static void unregister_bus(struct se_sim *sim)
{
	if (is_i2c(sim))
		se_sim_i2c_remove_device(sim);
	else
		se_sim_spi_unregister(sim);
}

/**
 * se_sim_attach() - make bus and device
 * @sim: the bus; its attach_lock is held
 * @parent: parent of the controller
 * @req: what the user wants; the number of the bus is filled in
 *
 * Return: 0 or negative errno.
 */
int se_sim_attach(struct se_sim *sim, struct device *parent, struct se_sim_attach *req)
{
	int ret;

	ret = check(req);
	if (ret)
		return ret;
	if (sim->attached)
		return -EBUSY;
	ret = make_properties(sim, req);
	if (ret)
		return ret;

	sim->parent = parent;
	sim->flags = req->flags;
	sim->max_hz = req->max_hz ?: is_i2c(sim) ? SE_SIM_I2C_HZ : SE_SIM_SPI_HZ;
	sim->max_transfer = req->max_transfer;
	sim->max_message = req->max_message;
	sim->addr = req->addr ?: SE_SIM_I2C_ADDR;
	strscpy(sim->device, req->device, sizeof(sim->device));
	INIT_WORK(&sim->add_work, add_device);
	INIT_WORK(&sim->free_work, free_bus);

	if (!(sim->flags & SE_SIM_NO_IRQ)) {
		ret = se_sim_irq_create(sim);
		if (ret)
			return ret;
	}
	ret = is_i2c(sim) ? se_sim_i2c_register(sim) : se_sim_spi_register(sim);
	if (ret)
		goto err_irq;
	snprintf(sim->label, sizeof(sim->label), "se-sim-%s", sim->bus_name);
	ret = se_sim_power_create(sim);
	if (ret)
		goto err_power;
	se_sim_debugfs_add(sim);
	req->bus = is_i2c(sim) ? sim->adap.nr : sim->ctlr->bus_num;
	/* read() and the others may look at what was set up */
	smp_store_release(&sim->attached, true);
	/* not system_wq: adding runs the driver's probe */
	queue_work(system_unbound_wq, &sim->add_work);
	return 0;

err_power:
	se_sim_power_destroy(sim);
	unregister_bus(sim);
	if (is_i2c(sim))
		se_sim_i2c_unregister(sim);
err_irq:
	se_sim_irq_destroy(sim);
	return ret;
}

/**
 * se_sim_detach() - pull the SE out, and free everything
 * @sim: the bus; nobody else uses its file
 *
 * First the SE falls silent, so that a driver that still waits for it learns
 * that soon; then the device goes, while interrupt, lines and supply still
 * exist. An I2C adapter may still be open through i2c-dev, by this very process
 * even, and goes only after that: it is not waited for here.
 */
void se_sim_detach(struct se_sim *sim)
{
	se_sim_stop_wire(sim);
	if (!sim->attached) {
		se_sim_free(sim);
		return;
	}
	cancel_work_sync(&sim->add_work);
	debugfs_remove_recursive(sim->debugfs);
	unregister_bus(sim);
	se_sim_power_destroy(sim);
	se_sim_irq_destroy(sim);
	if (is_i2c(sim))
		queue_work(graveyard, &sim->free_work);
	else
		se_sim_free(sim);
}

/**
 * se_sim_set_timing() - what the SE asks of the host
 * @sim: the bus
 * @timing: from the user
 *
 * Return: 0, or -EINVAL if it makes no sense.
 */
int se_sim_set_timing(struct se_sim *sim, const struct se_sim_timing *timing)
{
	unsigned long flags;

	if (timing->flags & ~SE_SIM_STRICT || timing->reserved)
		return -EINVAL;
	spin_lock_irqsave(&sim->lock, flags);
	sim->timing = *timing;
	spin_unlock_irqrestore(&sim->lock, flags);
	return 0;
}

/**
 * se_sim_attach_init() - when the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int se_sim_attach_init(void)
{
	graveyard = alloc_workqueue("se-sim", WQ_UNBOUND, 0);
	return graveyard ? 0 : -ENOMEM;
}

/**
 * se_sim_attach_exit() - when it is unloaded: no file and no adapter is in use
 */
void se_sim_attach_exit(void)
{
	destroy_workqueue(graveyard);
}
