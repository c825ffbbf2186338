// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/se/seN: what there is to know of an SE, one value in a file, all of
 * it read-only. Documentation/ABI/testing/sysfs-class-se describes it.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "se-chip.h"

static struct se_chip *to_chip(struct device *dev)
{
	return container_of(dev, struct se_chip, dev);
}

static const char *const state_names[] = {
	[SE_STATE_OFF] = "off",
	[SE_STATE_IDLE] = "idle",
	[SE_STATE_BUSY] = "busy",
	[SE_STATE_RECOVERING] = "recovering",
	[SE_STATE_DEAD] = "dead",
};

/**
 * se_state_name() - a state in words, as netlink's description has it
 * @state: which
 *
 * Return: its name.
 */
const char *se_state_name(enum se_state state)
{
	return state_names[state];
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", se_state_name(READ_ONCE(to_chip(dev)->state)));
}
static DEVICE_ATTR_RO(state);

static ssize_t dialect_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_chip(dev)->dialect->name);
}
static DEVICE_ATTR_RO(dialect);

static ssize_t irq_mode_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	bool irq = READ_ONCE(to_chip(dev)->irq_mode) == SE_IRQ_MODE_IRQ;

	return sysfs_emit(buf, "%s\n", irq ? "irq" : "poll");
}
static DEVICE_ATTR_RO(irq_mode);

static ssize_t generation_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct se_chip *chip = to_chip(dev);
	u64 generation;

	spin_lock_irq(&chip->lock);
	generation = chip->generation;
	spin_unlock_irq(&chip->lock);
	return sysfs_emit(buf, "%llu\n", generation);
}
static DEVICE_ATTR_RO(generation);

static ssize_t bus_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct device *parent = to_chip(dev)->parent;

	return sysfs_emit(buf, "%s\n", parent->bus ? parent->bus->name : "none");
}
static DEVICE_ATTR_RO(bus);

static ssize_t channels_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%*pbl\n", SE_CHANNELS,
			  (unsigned long[]){ READ_ONCE(to_chip(dev)->channels) });
}
static DEVICE_ATTR_RO(channels);

/* numbers that are one field of the chip */
#define SE_U32_ATTR(name)								\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{											\
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_chip(dev)->name));			\
}											\
static DEVICE_ATTR_RO(name)

SE_U32_ATTR(ifsc);
SE_U32_ATTR(ifsd);
SE_U32_ATTR(bwt_us);
SE_U32_ATTR(clock_hz);

/* The bytes themselves, as the SE sent them. */
static ssize_t cip_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct se_chip *chip = to_chip(dev);
	u32 len;

	spin_lock_irq(&chip->lock);
	len = chip->cip_len;
	memcpy(buf, chip->cip, len);
	spin_unlock_irq(&chip->lock);
	return len;
}
static DEVICE_ATTR_RO(cip);
static struct device_attribute dev_attr_atr = __ATTR(atr, 0444, cip_show, NULL);

static struct attribute *se_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_dialect.attr,
	&dev_attr_irq_mode.attr,
	&dev_attr_generation.attr,
	&dev_attr_bus.attr,
	&dev_attr_channels.attr,
	&dev_attr_ifsc.attr,
	&dev_attr_ifsd.attr,
	&dev_attr_bwt_us.attr,
	&dev_attr_clock_hz.attr,
	&dev_attr_cip.attr,
	&dev_attr_atr.attr,
	NULL
};

/* An SE tells of itself by a CIP, by an ATR, or not at all. */
static umode_t se_attr_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct se_chip *chip = to_chip(kobj_to_dev(kobj));
	bool cip = attr == &dev_attr_cip.attr, atr = attr == &dev_attr_atr.attr;

	if ((cip || atr) && (!chip->cip_len || atr != se_chip_has_atr(chip)))
		return 0;
	return attr->mode;
}

static const struct attribute_group se_group = {
	.attrs = se_attrs,
	.is_visible = se_attr_visible,
};

/* counters, named as in struct se_stats */
struct stat_attribute {
	struct device_attribute attr;
	unsigned int index;
};

static ssize_t stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct stat_attribute *stat = container_of(attr, struct stat_attribute, attr);

	return sysfs_emit(buf, "%llu\n", se_stats_get(to_chip(dev), stat->index));
}

#define SE_STAT_ATTR(field)						\
static struct stat_attribute stat_##field = {				\
	.attr = __ATTR(field, 0444, stat_show, NULL),			\
	.index = SE_STAT_INDEX(field),					\
}

SE_STAT_ATTR(apdus);
SE_STAT_ATTR(errors);
SE_STAT_ATTR(blocks_tx);
SE_STAT_ATTR(blocks_rx);
SE_STAT_ATTR(bytes_tx);
SE_STAT_ATTR(bytes_rx);
SE_STAT_ATTR(accesses);
SE_STAT_ATTR(irqs);
SE_STAT_ATTR(irqs_spurious);
SE_STAT_ATTR(polls);
SE_STAT_ATTR(retrans);
SE_STAT_ATTR(edc_errors);
SE_STAT_ATTR(timeouts);
SE_STAT_ATTR(wtx);
SE_STAT_ATTR(resyncs);
SE_STAT_ATTR(resets);
SE_STAT_ATTR(irqs_lost);
SE_STAT_ATTR(irq_storms);
SE_STAT_ATTR(poll_fallbacks);
SE_STAT_ATTR(irq_returns);
SE_STAT_ATTR(aborts);
SE_STAT_ATTR(protocol_errors);
SE_STAT_ATTR(wtx_refused);
SE_STAT_ATTR(releases);
SE_STAT_ATTR(power_offs);
SE_STAT_ATTR(deadlines);
SE_STAT_ATTR(cancels);
SE_STAT_ATTR(unknown);
SE_STAT_ATTR(refused);
SE_STAT_ATTR(locks);
SE_STAT_ATTR(lock_timeouts);

static struct attribute *stat_attrs[] = {
	&stat_apdus.attr.attr,
	&stat_errors.attr.attr,
	&stat_blocks_tx.attr.attr,
	&stat_blocks_rx.attr.attr,
	&stat_bytes_tx.attr.attr,
	&stat_bytes_rx.attr.attr,
	&stat_accesses.attr.attr,
	&stat_irqs.attr.attr,
	&stat_irqs_spurious.attr.attr,
	&stat_polls.attr.attr,
	&stat_retrans.attr.attr,
	&stat_edc_errors.attr.attr,
	&stat_timeouts.attr.attr,
	&stat_wtx.attr.attr,
	&stat_resyncs.attr.attr,
	&stat_resets.attr.attr,
	&stat_irqs_lost.attr.attr,
	&stat_irq_storms.attr.attr,
	&stat_poll_fallbacks.attr.attr,
	&stat_irq_returns.attr.attr,
	&stat_aborts.attr.attr,
	&stat_protocol_errors.attr.attr,
	&stat_wtx_refused.attr.attr,
	&stat_releases.attr.attr,
	&stat_power_offs.attr.attr,
	&stat_deadlines.attr.attr,
	&stat_cancels.attr.attr,
	&stat_unknown.attr.attr,
	&stat_refused.attr.attr,
	&stat_locks.attr.attr,
	&stat_lock_timeouts.attr.attr,
	NULL
};

/* every counter has its file */
static_assert(ARRAY_SIZE(stat_attrs) - 1 == SE_STAT_INDEX(lock_timeouts) + 1);

static const struct attribute_group stat_group = {
	.name = "stats",
	.attrs = stat_attrs,
};

const struct attribute_group *se_groups[] = {
	&se_group,
	&stat_group,
	NULL
};
