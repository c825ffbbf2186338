// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the reset line, the enable line and the supply. Distribution kernels
 * come without gpio-sim, so se-sim has its own GPIO chip with two outputs; the
 * supply is a regulator whose consumer is named by the device's name, which
 * works without device tree as well.
 *
 * What the SE had said or was told before a reset is gone, as it would be in a
 * chip; a write() that comes before the process has read of the reset is lost
 * as well.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include "se-compat.h"
#include "se-sim.h"

enum pin {
	PIN_RESET,
	PIN_ENABLE,
	PINS,
};

/* It begins its life again, and listens when it has booted. */
static void restart(struct se_sim *sim)
{
	sim->ready_ns = ktime_get_ns() + (u64)sim->timing.pwt_us * NSEC_PER_USEC;
}

static void set_reset(struct se_sim *sim, bool assert)
{
	if (assert == sim->in_reset)
		return;
	sim->in_reset = assert;
	if (assert) {
		se_sim_forget(sim);
		return;
	}
	sim->counters.resets++;
	restart(sim);
	if (sim->powered)
		se_sim_tell(sim, SE_SIM_RESET, NULL, 0, 0);
}

static void power_update(struct se_sim *sim)
{
	bool on = (sim->supply_on || !(sim->flags & SE_SIM_SUPPLY)) &&
		  (sim->enable_on || !(sim->flags & SE_SIM_ENABLE));
	u8 told = on;

	if (on == sim->powered)
		return;
	sim->powered = on;
	if (on) {
		sim->counters.power_ons++;
		restart(sim);
	} else {
		sim->counters.power_offs++;
		se_sim_forget(sim);
	}
	se_sim_tell(sim, SE_SIM_POWER, &told, sizeof(told), 0);
}

/**
 * se_sim_self_reset() - the SE resets itself
 * @sim: the bus, its lock held
 */
void se_sim_self_reset(struct se_sim *sim)
{
	if (!se_sim_is_live(sim))
		return;
	se_sim_forget(sim);
	restart(sim);
	se_sim_tell(sim, SE_SIM_RESET, NULL, 0, 0);
}

/* ---- the GPIO chip ---------------------------------------------------------- */

/* The reset line is active low, the enable line active high. */
static int pin_output(struct gpio_chip *gc, unsigned int offset, int value)
{
	struct se_sim *sim = gpiochip_get_data(gc);
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	if (!sim->dead && offset == PIN_RESET) {
		set_reset(sim, !value);
	} else if (!sim->dead) {
		sim->enable_on = value;
		power_update(sim);
	}
	spin_unlock_irqrestore(&sim->lock, flags);
	wake_up_interruptible(&sim->writers);
	return 0;
}

static int pin_get(struct gpio_chip *gc, unsigned int offset)
{
	struct se_sim *sim = gpiochip_get_data(gc);

	return offset == PIN_RESET ? !READ_ONCE(sim->in_reset) : READ_ONCE(sim->enable_on);
}

SE_GPIO_SET(pin_set, pin_output)

static int pin_direction(struct gpio_chip *gc, unsigned int offset)
{
	return GPIO_LINE_DIRECTION_OUT;
}

static int name_user(struct se_sim *sim, unsigned int i)
{
	struct gpiod_lookup_table *lookup;
	struct gpiod_lookup *pin;

	if (!sim->dev_names[i][0])
		return 0;
	lookup = kzalloc(struct_size(lookup, table, PINS + 1), GFP_KERNEL);
	if (!lookup)
		return -ENOMEM;
	lookup->dev_id = sim->dev_names[i];
	pin = lookup->table;
	if (!(sim->flags & SE_SIM_NO_RESET))
		*pin++ = GPIO_LOOKUP(sim->label, PIN_RESET, "reset", GPIO_ACTIVE_LOW);
	if (sim->flags & SE_SIM_ENABLE)
		*pin++ = GPIO_LOOKUP(sim->label, PIN_ENABLE, "enable", GPIO_ACTIVE_HIGH);
	gpiod_add_lookup_table(lookup);
	sim->lookups[i] = lookup;
	return 0;
}

static int gpio_create(struct se_sim *sim)
{
	struct gpio_chip *gc = &sim->gc;
	unsigned int i;
	int ret;

	gc->label = sim->label;
	gc->parent = sim->parent;
	gc->owner = THIS_MODULE;
	gc->base = -1;
	gc->ngpio = PINS;
	gc->get = pin_get;
	gc->set = pin_set;
	gc->direction_output = pin_output;
	gc->get_direction = pin_direction;
	ret = gpiochip_add_data(gc, sim);
	if (ret)
		return ret;
	sim->gc_added = true;

	for (i = 0; i < SE_SIM_NAMES && !ret; i++)
		ret = name_user(sim, i);
	return ret;
}

/* ---- the supply --------------------------------------------------------------- */

static int supply_set(struct regulator_dev *rdev, bool on)
{
	struct se_sim *sim = rdev_get_drvdata(rdev);
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	if (!sim->dead) {
		sim->supply_on = on;
		power_update(sim);
	}
	spin_unlock_irqrestore(&sim->lock, flags);
	wake_up_interruptible(&sim->writers);
	return 0;
}

static int supply_enable(struct regulator_dev *rdev)
{
	return supply_set(rdev, true);
}

static int supply_disable(struct regulator_dev *rdev)
{
	return supply_set(rdev, false);
}

static int supply_is_enabled(struct regulator_dev *rdev)
{
	struct se_sim *sim = rdev_get_drvdata(rdev);

	return READ_ONCE(sim->supply_on);
}

static const struct regulator_ops supply_ops = {
	.enable = supply_enable,
	.disable = supply_disable,
	.is_enabled = supply_is_enabled,
};

static int supply_create(struct se_sim *sim)
{
	struct regulator_init_data init = {
		.constraints = { .valid_ops_mask = REGULATOR_CHANGE_STATUS },
		.consumer_supplies = sim->consumers,
	};
	struct regulator_config config = {
		.dev = sim->parent,
		.init_data = &init,
		.driver_data = sim,
	};
	struct regulator_dev *rdev;
	unsigned int n = 0;

	if (!IS_ENABLED(CONFIG_REGULATOR))
		return -EOPNOTSUPP;
	for (; n < SE_SIM_NAMES && sim->dev_names[n][0]; n++) {
		sim->consumers[n].dev_name = sim->dev_names[n];
		sim->consumers[n].supply = "vdd";
	}
	init.num_consumer_supplies = n;
	sim->rdesc.name = sim->label;
	sim->rdesc.owner = THIS_MODULE;
	sim->rdesc.type = REGULATOR_VOLTAGE;
	sim->rdesc.ops = &supply_ops;
	sim->rdesc.n_voltages = 1;
	sim->rdesc.fixed_uV = 1800000;
	rdev = se_regulator_register(sim->parent, &sim->rdesc, &config);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	sim->rdev = rdev;
	return 0;
}

/**
 * se_sim_power_create() - make lines and supply, and name their user
 * @sim: the bus; its controller is registered
 *
 * Return: 0 or negative errno.
 */
int se_sim_power_create(struct se_sim *sim)
{
	int ret;

	sim->powered = !(sim->flags & (SE_SIM_SUPPLY | SE_SIM_ENABLE));
	if (!(sim->flags & SE_SIM_NO_RESET) || sim->flags & SE_SIM_ENABLE) {
		ret = gpio_create(sim);
		if (ret)
			return ret;
	}
	return sim->flags & SE_SIM_SUPPLY ? supply_create(sim) : 0;
}

/**
 * se_sim_power_destroy() - take all of it away; its user is gone already
 * @sim: the bus
 */
void se_sim_power_destroy(struct se_sim *sim)
{
	unsigned int i;

	if (IS_ENABLED(CONFIG_REGULATOR) && sim->rdev)
		regulator_unregister(sim->rdev);
	sim->rdev = NULL;
	for (i = 0; i < SE_SIM_NAMES; i++) {
		if (!sim->lookups[i])
			continue;
		gpiod_remove_lookup_table(sim->lookups[i]);
		kfree(sim->lookups[i]);
		sim->lookups[i] = NULL;
	}
	if (sim->gc_added)
		gpiochip_remove(&sim->gc);
	sim->gc_added = false;
}
