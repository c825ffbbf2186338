// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure elements: class, registration, lifetime, state and generation.
 *
 * Lifetime: the chip is its class device. The transport holds one reference
 * from se_chip_alloc() to se_chip_put(), each open file holds one. After
 * se_chip_unregister() nothing of the chip touches the transport any more:
 * its worker is gone, and whoever still has a file open gets -ENODEV.
 */
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "se-chip.h"
#include "se-compat.h"

#define SE_MINORS	256

static dev_t se_base;
static DEFINE_MUTEX(se_chips_lock);
static DEFINE_IDR(se_chips);	/* index to chip, NULL until it is ready; se_chips_lock */

/*
 * One counter for all SEs, so that a chip that is bound again does not repeat
 * a generation that somebody remembers of the former one. Seeded with the
 * time, so that reloading the module does not either.
 */
static atomic64_t se_generation;

static const struct se_policy se_policy_default = {
	.ladder = SE_LADDER_ALL,
	.deadline_ms = 30 * MSEC_PER_SEC,
	.drain_ms = 10 * MSEC_PER_SEC,
	.autosuspend_ms = 2 * MSEC_PER_SEC,
	.hold_max_ms = 10 * MSEC_PER_SEC,
	.irq = SE_IRQ_POLICY_AUTO,
};

static SE_CLASS_CONST struct class se_class = {
	.name = "se",
	.dev_groups = se_groups,
};

dev_t se_devt(int index)
{
	return MKDEV(MAJOR(se_base), MINOR(se_base) + index);
}

static void se_chip_release(struct device *dev)
{
	struct se_chip *chip = container_of(dev, struct se_chip, dev);

	se_link_free(chip);
	put_device(chip->parent);
	kfree(chip);
}

/**
 * se_chip_alloc() - make a chip
 * @parent: bus device, for the device tree and messages
 * @ops: the transport, stays referenced until se_chip_unregister() returns
 * @dialect: T=1 family
 * @caps: SE_CAP_*, what is wired
 * @drvdata: for se_chip_drvdata()
 *
 * Return: a chip with one reference, to be given back with se_chip_put(), or
 * ERR_PTR().
 */
struct se_chip *se_chip_alloc(struct device *parent, const struct se_transport_ops *ops,
			      enum se_dialect dialect, u32 caps, void *drvdata)
{
	const struct se_t1_dialect *constants = se_t1_dialect_by_id(dialect);
	struct se_chip *chip;
	int ret;

	if (!constants)
		return ERR_PTR(-EINVAL);

	chip = kzalloc(sizeof(*chip), GFP_KERNEL);
	if (!chip)
		return ERR_PTR(-ENOMEM);

	spin_lock_init(&chip->lock);
	se_queue_init(chip);
	init_waitqueue_head(&chip->wait);
	chip->ops = ops;
	chip->drvdata = drvdata;
	chip->dialect = constants;
	chip->policy = se_policy_default;
	chip->caps = caps | SE_URING_CAP;
	chip->irq_mode = caps & SE_CAP_IRQ ? SE_IRQ_MODE_IRQ : SE_IRQ_MODE_POLL;
	chip->dead = true;
	chip->generation = atomic64_inc_return(&se_generation);
	chip->index = -1;
	se_closer_init(chip);
	kthread_init_work(&chip->tell, se_netlink_tell_work);
	se_power_init(chip);

	device_initialize(&chip->dev);
	chip->dev.class = &se_class;
	chip->dev.parent = parent;
	chip->parent = get_device(parent);
	chip->dev.release = se_chip_release;

	ret = se_link_init(chip);
	if (ret) {
		put_device(&chip->dev);
		return ERR_PTR(ret);
	}
	return chip;
}
EXPORT_SYMBOL_GPL(se_chip_alloc);

/**
 * se_chip_put() - give the transport's reference back
 * @chip: of se_chip_alloc(), not registered or unregistered again
 */
void se_chip_put(struct se_chip *chip)
{
	put_device(&chip->dev);
}
EXPORT_SYMBOL_GPL(se_chip_put);

/**
 * se_chip_register() - start the SE up
 * @chip: of se_chip_alloc()
 *
 * From here on the transport's functions are called. The start-up sequence
 * runs in the chip's worker; /dev/seN appears when it has succeeded.
 *
 * Return: 0, or negative errno.
 */
int se_chip_register(struct se_chip *chip)
{
	struct kthread_worker *worker;
	int index, ret;

	mutex_lock(&se_chips_lock);
	index = idr_alloc(&se_chips, NULL, 0, SE_MINORS, GFP_KERNEL);
	mutex_unlock(&se_chips_lock);
	if (index < 0)
		return index;

	chip->index = index;
	chip->dev.devt = se_devt(index);
	cdev_init(&chip->cdev, &se_fops);
	chip->cdev.owner = THIS_MODULE;
	ret = dev_set_name(&chip->dev, "se%d", index);
	if (ret)
		goto err_index;

	worker = se_kthread_run_worker(0, "se%d", index);
	if (IS_ERR(worker)) {
		ret = PTR_ERR(worker);
		goto err_index;
	}
	/* a turnaround on the wire waits for this thread */
	sched_set_fifo_low(worker->task);
	chip->worker = worker;

	spin_lock_irq(&chip->lock);
	chip->dead = false;
	spin_unlock_irq(&chip->lock);
	se_debugfs_add(chip);
	se_link_start(chip);
	se_power_start(chip);
	return 0;

err_index:
	mutex_lock(&se_chips_lock);
	idr_remove(&se_chips, index);
	mutex_unlock(&se_chips_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(se_chip_register);

/**
 * se_chip_ready() - the start-up sequence has succeeded for the first time
 * @chip: worker context
 */
void se_chip_ready(struct se_chip *chip)
{
	int ret;

	ret = cdev_device_add(&chip->cdev, &chip->dev);
	if (ret) {
		dev_err(chip->parent, "cannot make the device node: %d\n", ret);
		return;
	}
	mutex_lock(&se_chips_lock);
	idr_replace(&se_chips, chip, chip->index);
	chip->live = true;
	mutex_unlock(&se_chips_lock);
	se_netlink_event(chip, SE_CMD_DEVICE_ADD, SE_REASON_STARTUP);
}

/**
 * se_chip_unregister() - the SE goes away
 * @chip: of se_chip_register()
 *
 * Wakes everybody who waits for it. When this returns, no function of the
 * transport runs or will be called.
 */
void se_chip_unregister(struct se_chip *chip)
{
	se_power_stop(chip);
	se_turn_revoke_all(chip);
	se_debugfs_remove(chip);
	se_link_stop(chip);

	spin_lock_irq(&chip->lock);
	chip->state = SE_STATE_OFF;
	chip->channels = 0;
	spin_unlock_irq(&chip->lock);

	/* nobody finds it any more, but name and number are free after it has gone */
	mutex_lock(&se_chips_lock);
	idr_replace(&se_chips, NULL, chip->index);
	mutex_unlock(&se_chips_lock);
	if (chip->live) {
		cdev_device_del(&chip->cdev, &chip->dev);
		se_netlink_event(chip, SE_CMD_DEVICE_DEL, SE_REASON_REMOVED);
	}
	mutex_lock(&se_chips_lock);
	idr_remove(&se_chips, chip->index);
	mutex_unlock(&se_chips_lock);
	wake_up_all(&chip->wait);
}
EXPORT_SYMBOL_GPL(se_chip_unregister);

/**
 * se_chip_get() - find a chip
 * @index: N of /dev/seN
 *
 * Return: the chip with a reference, or NULL.
 */
struct se_chip *se_chip_get(u32 index)
{
	struct se_chip *chip = NULL;

	mutex_lock(&se_chips_lock);
	if (index < SE_MINORS)
		chip = idr_find(&se_chips, index);
	if (chip)
		get_device(&chip->dev);
	mutex_unlock(&se_chips_lock);
	return chip;
}

/**
 * se_chip_get_next() - walk through the chips
 * @index: in: the lowest index wanted; out: the one found
 *
 * Return: the chip with a reference, or NULL after the last.
 */
struct se_chip *se_chip_get_next(u32 *index)
{
	struct se_chip *chip;
	int i = *index;

	mutex_lock(&se_chips_lock);
	/* entries of chips that are starting up are NULL and passed over */
	chip = idr_get_next(&se_chips, &i);
	if (chip) {
		get_device(&chip->dev);
		*index = i;
	}
	mutex_unlock(&se_chips_lock);
	return chip;
}

/**
 * se_chip_set_state() - set the state and tell it
 * @chip: worker context
 * @state: the new one
 * @reason: why
 */
void se_chip_set_state(struct se_chip *chip, enum se_state state, enum se_reason reason)
{
	enum se_state old;

	spin_lock_irq(&chip->lock);
	old = chip->state;
	chip->state = state;
	spin_unlock_irq(&chip->lock);

	if (old == state || !chip->live)
		return;
	/* every APDU makes this one: nobody wants to hear of it */
	if ((old == SE_STATE_IDLE && state == SE_STATE_BUSY) ||
	    (old == SE_STATE_BUSY && state == SE_STATE_IDLE))
		return;
	wake_up_all(&chip->wait);
	se_netlink_event(chip, SE_CMD_STATE_CHANGE, reason);
}

/**
 * se_chip_move_generation() - the SE may have lost its volatile state
 * @chip: worker context
 * @reason: why
 * @channels_closed: it has lost it for sure, its logical channels with it.
 *	Otherwise the channels that were in use are closed to be safe
 */
void se_chip_move_generation(struct se_chip *chip, enum se_reason reason, bool channels_closed)
{
	spin_lock_irq(&chip->lock);
	se_chip_move_generation_locked(chip, channels_closed);
	spin_unlock_irq(&chip->lock);
	se_chip_generation_moved(chip, reason);
}

/**
 * se_chip_move_generation_locked() - the same, to be told by se_chip_generation_moved()
 * @chip: worker context, the lock held
 * @channels_closed: see there
 */
void se_chip_move_generation_locked(struct se_chip *chip, bool channels_closed)
{
	lockdep_assert_held(&chip->lock);
	chip->generation = atomic64_inc_return(&se_generation);
	if (channels_closed)
		chip->closer.pending = 0;
	else
		se_channel_orphan_locked(chip, chip->channels);
	chip->channels = 0;
}

/**
 * se_chip_generation_moved() - tell it
 * @chip: worker context
 * @reason: why
 */
void se_chip_generation_moved(struct se_chip *chip, enum se_reason reason)
{
	if (!chip->live)
		return;
	wake_up_all(&chip->wait);
	se_netlink_event(chip, SE_CMD_GENERATION_CHANGE, reason);
}

/**
 * se_chip_data_ready() - the SE has something to say
 * @chip: a registered chip; if it is going away the call does nothing
 *
 * To be called once for each &se_transport_ops.expect. Any context but NMI.
 */
void se_chip_data_ready(struct se_chip *chip)
{
	unsigned long flags;

	spin_lock_irqsave(&chip->lock, flags);
	if (!chip->dead && !se_fault(chip, SE_FAULT_IRQ)) {
		set_bit(SE_EVENT_DATA_READY, &chip->events);
		kthread_queue_work(chip->worker, &chip->work);
	}
	spin_unlock_irqrestore(&chip->lock, flags);
}
EXPORT_SYMBOL_GPL(se_chip_data_ready);

/**
 * se_chip_drvdata() - the transport's own data
 * @chip: of se_chip_alloc()
 */
void *se_chip_drvdata(struct se_chip *chip)
{
	return chip->drvdata;
}
EXPORT_SYMBOL_GPL(se_chip_drvdata);

/**
 * se_chip_dialect() - the constants of the link
 * @chip: of se_chip_alloc()
 */
const struct se_t1_dialect *se_chip_dialect(struct se_chip *chip)
{
	return chip->dialect;
}
EXPORT_SYMBOL_GPL(se_chip_dialect);

/**
 * se_chip_set_irq_mode() - how the end of the SE's work is noticed from now on
 * @chip: of se_chip_alloc()
 * @mode: SE_IRQ_MODE_*
 */
void se_chip_set_irq_mode(struct se_chip *chip, enum se_irq_mode mode)
{
	enum se_irq_mode old;
	unsigned long flags;

	spin_lock_irqsave(&chip->lock, flags);
	old = chip->irq_mode;
	chip->irq_mode = mode;
	spin_unlock_irqrestore(&chip->lock, flags);
	if (old != mode)
		se_netlink_tell(chip, SE_TELL_IRQ_MODE);
}
EXPORT_SYMBOL_GPL(se_chip_set_irq_mode);

/**
 * se_chip_set_clock() - the bus clock in use from now on
 * @chip: of se_chip_alloc()
 * @hz: clock
 */
void se_chip_set_clock(struct se_chip *chip, u32 hz)
{
	unsigned long flags;

	spin_lock_irqsave(&chip->lock, flags);
	chip->clock_hz = hz;
	spin_unlock_irqrestore(&chip->lock, flags);
}
EXPORT_SYMBOL_GPL(se_chip_set_clock);

/**
 * se_chip_limit_block() - the bus carries no longer blocks to the SE
 * @chip: of se_chip_alloc(), not yet registered
 * @len: length of the longest
 */
void se_chip_limit_block(struct se_chip *chip, size_t len)
{
	chip->t1.tx_room = min(chip->t1.tx_room, len);
}
EXPORT_SYMBOL_GPL(se_chip_limit_block);

/* what a transport needs of the engine */
EXPORT_SYMBOL_GPL(se_t1_dialect_by_name);
EXPORT_SYMBOL_GPL(se_t1_block_len);
EXPORT_SYMBOL_GPL(se_t1_prologue_len);

static int __init se_init(void)
{
	int ret;

	atomic64_set(&se_generation, ktime_get_boottime_seconds() << 10);

	ret = class_register(&se_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&se_base, 0, SE_MINORS, "se");
	if (ret)
		goto err_class;
	se_debugfs_init();
	ret = se_netlink_init();
	if (ret)
		goto err_region;
	return 0;

err_region:
	se_debugfs_exit();
	unregister_chrdev_region(se_base, SE_MINORS);
err_class:
	class_unregister(&se_class);
	return ret;
}

static void __exit se_exit(void)
{
	se_netlink_exit();
	se_debugfs_exit();
	unregister_chrdev_region(se_base, SE_MINORS);
	class_unregister(&se_class);
	idr_destroy(&se_chips);
}

module_init(se_init);
module_exit(se_exit);

MODULE_DESCRIPTION("Secure elements");
MODULE_LICENSE("GPL");
