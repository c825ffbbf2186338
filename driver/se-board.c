// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the board's description says of an SE, and the lines and supplies that
 * switch it.
 *
 * Properties are read firmware-neutrally: device tree, ACPI (_DSD) and software
 * nodes say the same in the same words.
 */
#include <linux/delay.h>
#include <linux/gpio/consumer.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/regulator/consumer.h>
#include <linux/sched.h>
#include <linux/se.h>

#include "se-board.h"
#include "se-t1.h"

/* What it takes the capacitors of a small supply to run empty. */
#define OFF_US		20000

/* A time that is nearly over is not worth going to sleep for. */
#define SPIN_MAX_US	10

/**
 * se_sleep_until() - let time pass
 * @when: CLOCK_MONOTONIC
 */
void se_sleep_until(ktime_t when)
{
	s64 us = ktime_us_delta(when, ktime_get()) + 1;

	if (us <= 0)
		return;
	if (us <= SPIN_MAX_US) {
		udelay(us);
		return;
	}
	/* exact: usleep_range() wakes at the far end of its range */
	do {
		set_current_state(TASK_UNINTERRUPTIBLE);
	} while (schedule_hrtimeout(&when, HRTIMER_MODE_ABS));
}
EXPORT_SYMBOL_GPL(se_sleep_until);

static int get_u32(struct device *dev, const char *name, u32 min, u32 max, u32 *value)
{
	u32 v;

	if (device_property_read_u32(dev, name, &v))
		return 0;
	if (v < min || v > max)
		return dev_err_probe(dev, -EINVAL, "%s: %u is not within %u to %u\n", name, v,
				     min, max);
	*value = v;
	return 0;
}

static int get_dialect(struct se_board *b)
{
	const struct se_t1_dialect *dialect;
	const char *name;

	b->dialect = b->part->dialect;
	if (device_property_read_string(b->dev, "sesame,dialect", &name)) {
		if (b->dialect < 0)
			return dev_err_probe(b->dev, -EINVAL, "sesame,dialect is missing\n");
		return 0;
	}
	dialect = se_t1_dialect_by_name(name);
	if (!dialect)
		return dev_err_probe(b->dev, -EINVAL, "sesame,dialect: unknown name \"%s\"\n",
				     name);
	b->dialect = dialect->id;
	return 0;
}

static int get_properties(struct se_board *b)
{
	struct device *dev = b->dev;
	int ret;

	b->power_up_us = b->part->power_up_us;
	b->reset_pulse_us = b->part->reset_pulse_us;
	b->no_power_off = device_property_read_bool(dev, "sesame,no-power-off");
	ret = get_dialect(b);
	ret = ret ?: get_u32(dev, "sesame,poll-interval-us", 50, 1000000, &b->mpot_us);
	ret = ret ?: get_u32(dev, "sesame,guard-time-us", 1, 100000, &b->segt_us);
	ret = ret ?: get_u32(dev, "sesame,access-limit", 16, 65535, &b->seal);
	ret = ret ?: get_u32(dev, "sesame,power-up-us", 0, 10000000, &b->power_up_us);
	return ret ?: get_u32(dev, "sesame,reset-pulse-us", 1, 1000000, &b->reset_pulse_us);
}

static int get_regulator(struct device *dev, const char *name, struct regulator **out)
{
	struct regulator *r = devm_regulator_get_optional(dev, name);

	if (IS_ERR(r) && PTR_ERR(r) == -ENODEV)
		r = NULL;
	if (IS_ERR(r))
		return dev_err_probe(dev, PTR_ERR(r), "%s supply\n", name);
	*out = r;
	return 0;
}

static int get_lines(struct se_board *b)
{
	struct device *dev = b->dev;
	int ret;

	ret = get_regulator(dev, "vdd", &b->vdd);
	if (ret)
		return ret;
	ret = get_regulator(dev, "vio", &b->vio);
	if (ret)
		return ret;
	b->reset = devm_gpiod_get_optional(dev, "reset", GPIOD_OUT_LOW);
	if (IS_ERR(b->reset))
		return dev_err_probe(dev, PTR_ERR(b->reset), "reset line\n");
	/* an SE that is on stays on: switching it off is not ours to do yet */
	b->enable = devm_gpiod_get_optional(dev, "enable", GPIOD_OUT_HIGH);
	if (IS_ERR(b->enable))
		return dev_err_probe(dev, PTR_ERR(b->enable), "enable line\n");
	return 0;
}

static void power_off(void *data)
{
	struct se_board *b = data;

	if (b->on)
		se_board_power(b, false);
}

/**
 * se_board_get() - read the description, get the lines, switch the SE on
 * @b: all zero, lives as long as the driver is bound
 * @dev: bus device
 * @part: what it is
 *
 * When the driver is unbound the supply is switched off again.
 *
 * Return: 0 or negative errno; the reason has been told.
 */
int se_board_get(struct se_board *b, struct device *dev, const struct se_part *part)
{
	int ret;

	b->dev = dev;
	b->part = part;
	ret = get_properties(b);
	if (ret)
		return ret;
	ret = get_lines(b);
	if (ret)
		return ret;
	ret = se_board_power(b, true);
	if (ret)
		return dev_err_probe(dev, ret, "power on\n");
	return devm_add_action_or_reset(dev, power_off, b);
}
EXPORT_SYMBOL_GPL(se_board_get);

/**
 * se_board_caps() - what is wired
 * @b: the board
 *
 * Return: SE_CAP_RESET_LINE and SE_CAP_POWER, if so.
 */
u32 se_board_caps(const struct se_board *b)
{
	u32 caps = 0;

	if (b->reset)
		caps |= SE_CAP_RESET_LINE;
	if ((b->vdd || b->enable) && !b->no_power_off)
		caps |= SE_CAP_POWER;
	return caps;
}
EXPORT_SYMBOL_GPL(se_board_caps);

static void pulse(struct se_board *b)
{
	se_sleep_until(ktime_add_us(ktime_get(), b->reset_pulse_us));
	gpiod_set_value_cansleep(b->reset, 0);
}

static int switch_on(struct se_board *b)
{
	int ret;

	if (b->vdd) {
		ret = regulator_enable(b->vdd);
		if (ret)
			return ret;
	}
	if (b->vio) {
		ret = regulator_enable(b->vio);
		if (ret)
			goto err_vdd;
	}
	gpiod_set_value_cansleep(b->enable, 1);
	return 0;

err_vdd:
	if (b->vdd)
		regulator_disable(b->vdd);
	return ret;
}

static int switch_off(struct se_board *b)
{
	int ret;

	gpiod_set_value_cansleep(b->enable, 0);
	if (b->vio) {
		ret = regulator_disable(b->vio);
		if (ret)
			goto err_enable;
	}
	if (b->vdd) {
		ret = regulator_disable(b->vdd);
		if (ret)
			goto err_vio;
	}
	return 0;

err_vio:
	/* one failure is told already */
	if (b->vio && regulator_enable(b->vio))
		dev_err(b->dev, "vio does not come back\n");
err_enable:
	gpiod_set_value_cansleep(b->enable, 1);
	return ret;
}

/**
 * se_board_power() - switch the SE
 * @b: the board
 * @on: on or off
 *
 * While it is off its reset is asserted: no current goes in by that line, and
 * the supply comes up with the SE held. It may be spoken to power_up_us after it
 * has come on. The first call holds no reset: what is on stays as it is.
 *
 * Return: 0 or negative errno; then nothing has changed.
 */
int se_board_power(struct se_board *b, bool on)
{
	int ret;

	if (b->on == on)
		return 0;
	if (on) {
		ret = switch_on(b);
		if (!ret && gpiod_get_value_cansleep(b->reset) > 0)
			pulse(b);
	} else {
		if (b->vdd || b->enable)
			gpiod_set_value_cansleep(b->reset, 1);
		ret = switch_off(b);
		if (ret)
			gpiod_set_value_cansleep(b->reset, 0);
	}
	if (!ret)
		b->on = on;
	return ret;
}
EXPORT_SYMBOL_GPL(se_board_power);

/**
 * se_board_reset() - pulse the reset line
 * @b: the board
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int se_board_reset(struct se_board *b)
{
	if (!b->reset)
		return -EOPNOTSUPP;
	gpiod_set_value_cansleep(b->reset, 1);
	pulse(b);
	return 0;
}
EXPORT_SYMBOL_GPL(se_board_reset);

/**
 * se_board_cycle() - take the power away and give it back
 * @b: the board
 *
 * Return: 0; -EOPNOTSUPP if nothing switches it, or if somebody else keeps the
 * supply on; another negative errno.
 */
int se_board_cycle(struct se_board *b)
{
	bool cut;
	int ret;

	if (!(se_board_caps(b) & SE_CAP_POWER))
		return -EOPNOTSUPP;
	ret = se_board_power(b, false);
	if (ret)
		return ret;
	cut = b->enable || regulator_is_enabled(b->vdd) <= 0;
	if (cut)
		se_sleep_until(ktime_add_us(ktime_get(), OFF_US));
	ret = se_board_power(b, true);
	if (ret)
		return ret;
	return cut ? 0 : -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(se_board_cycle);
