// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the device node. See <linux/se_sim.h> for what it promises.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "se-sim.h"

#define ATTACH_FLAGS	(SE_SIM_SPIDEV | SE_SIM_NO_IRQ | SE_SIM_NO_RESET | SE_SIM_IRQ_EDGE | \
			 SE_SIM_FILL_FF | SE_SIM_NO_CLOCK)
#define RECORD_MAX	(sizeof(struct se_sim_record) + SE_SIM_ACCESS_MAX)

/**
 * se_sim_queue_record() - tell the SE what happened
 * @sim: the bus; its lock is held
 * @type: of the record
 * @data: payload
 * @len: its length
 *
 * The host never waits for an SE that does not read: what finds no room is
 * dropped and counted.
 */
void se_sim_queue_record(struct se_sim *sim, enum se_sim_type type, const u8 *data, size_t len)
{
	struct se_sim_record head = {
		.type = type,
		.len = len,
		.time_ns = ktime_get_ns(),
	};

	if (kfifo_avail(&sim->queue) < sizeof(head) + len) {
		sim->dropped++;
		return;
	}
	kfifo_in(&sim->queue, &head, sizeof(head));
	kfifo_in(&sim->queue, data, len);
	wake_up_interruptible(&sim->readers);
}

static bool is_attached(struct se_sim *sim)
{
	/* pairs with attach() */
	return smp_load_acquire(&sim->attached);
}

static bool readable(struct se_sim *sim)
{
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&sim->lock, flags);
	ret = !kfifo_is_empty(&sim->queue);
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

/*
 * Copy the first record into the bounce buffer without taking it. Returns its
 * size, 0 if there is none, -EMSGSIZE if it exceeds @room.
 */
static ssize_t peek_record(struct se_sim *sim, size_t room, u32 *epoch)
{
	struct se_sim_record head;
	unsigned long flags;
	ssize_t ret = 0;

	spin_lock_irqsave(&sim->lock, flags);
	if (kfifo_out_peek(&sim->queue, &head, sizeof(head)) == sizeof(head)) {
		ret = sizeof(head) + head.len;
		if (ret > room)
			ret = -EMSGSIZE;
		else
			ret = kfifo_out_peek(&sim->queue, sim->bounce, ret);
	}
	*epoch = sim->epoch;
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

/* Take what peek_record() has shown, unless a reset did so in between. */
static void take_record(struct se_sim *sim, size_t size, u32 epoch)
{
	const struct se_sim_record *head = (const void *)sim->bounce;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	if (sim->epoch == epoch) {
		if (head->type == SE_SIM_RESET)
			sim->reset_unread = false;
		size = kfifo_out(&sim->queue, sim->bounce, size);
	}
	spin_unlock_irqrestore(&sim->lock, flags);
	memzero_explicit(sim->bounce, size);
}

static ssize_t sim_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct se_sim *sim = file->private_data;
	ssize_t ret;
	u32 epoch;

	if (!is_attached(sim))
		return -ENOTCONN;

	for (;;) {
		if (mutex_lock_interruptible(&sim->read_lock))
			return -ERESTARTSYS;
		ret = peek_record(sim, count, &epoch);
		if (ret)
			break;
		mutex_unlock(&sim->read_lock);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(sim->readers, readable(sim)))
			return -ERESTARTSYS;
	}
	if (ret > 0) {
		if (copy_to_user(buf, sim->bounce, ret))
			ret = -EFAULT;
		else
			take_record(sim, ret, epoch);
	}
	mutex_unlock(&sim->read_lock);
	return ret;
}

/* All of the block or nothing. */
static bool put_block(struct se_sim *sim, const u8 *block, size_t len)
{
	unsigned long flags;
	bool ret = true;

	spin_lock_irqsave(&sim->lock, flags);
	if (sim->in_reset || sim->reset_unread)
		; /* said by an SE that does not know of its reset: lost */
	else if (kfifo_avail(&sim->fifo) < len)
		ret = false;
	else
		kfifo_in(&sim->fifo, block, len);
	se_sim_line_update(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

static size_t fifo_room(struct se_sim *sim)
{
	unsigned long flags;
	size_t room;

	spin_lock_irqsave(&sim->lock, flags);
	room = sim->in_reset || sim->reset_unread ? SE_SIM_FIFO_SIZE :
						    kfifo_avail(&sim->fifo);
	spin_unlock_irqrestore(&sim->lock, flags);
	return room;
}

static ssize_t sim_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct se_sim *sim = file->private_data;
	ssize_t ret = count;
	u8 *block;

	if (!is_attached(sim))
		return -ENOTCONN;
	if (!count)
		return 0;
	if (count > SE_SIM_FIFO_SIZE)
		return -EMSGSIZE;
	block = memdup_user(buf, count);
	if (IS_ERR(block))
		return PTR_ERR(block);

	while (!put_block(sim, block, count)) {
		if (file->f_flags & O_NONBLOCK) {
			ret = -EAGAIN;
			break;
		}
		if (wait_event_interruptible(sim->writers, fifo_room(sim) >= count)) {
			ret = -ERESTARTSYS;
			break;
		}
	}
	kfree_sensitive(block);
	return ret;
}

static __poll_t sim_poll(struct file *file, poll_table *wait)
{
	struct se_sim *sim = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &sim->readers, wait);
	poll_wait(file, &sim->writers, wait);
	if (!is_attached(sim))
		return EPOLLERR;
	if (readable(sim))
		events |= EPOLLIN | EPOLLRDNORM;
	if (fifo_room(sim) >= SE_SIM_BLOCK_MAX)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static void add_device(struct work_struct *work)
{
	se_sim_bus_add_device(container_of(work, struct se_sim, add_work));
}

static struct miscdevice sim_misc;

static int attach(struct se_sim *sim, struct se_sim_attach __user *arg)
{
	struct se_sim_attach req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.flags & ~ATTACH_FLAGS || req.reserved)
		return -EINVAL;
	if (sim->attached)
		return -EBUSY;

	sim->flags = req.flags;
	sim->max_hz = req.max_hz ?: SE_SIM_DEFAULT_HZ;
	if (!(sim->flags & SE_SIM_NO_IRQ)) {
		ret = se_sim_irq_create(sim);
		if (ret)
			return ret;
	}
	ret = se_sim_bus_register(sim, sim_misc.this_device);
	if (ret)
		goto err_irq;
	if (!(sim->flags & SE_SIM_NO_RESET)) {
		ret = se_sim_reset_create(sim, sim_misc.this_device);
		if (ret)
			goto err_reset;
	}
	req.bus = sim->ctlr->bus_num;
	if (copy_to_user(arg, &req, sizeof(req))) {
		ret = -EFAULT;
		goto err_reset;
	}
	/* read() and the others may look at what was set up */
	smp_store_release(&sim->attached, true);
	/* not system_wq: adding runs the driver's probe */
	queue_work(system_unbound_wq, &sim->add_work);
	return 0;

err_reset:
	se_sim_reset_destroy(sim);
	se_sim_bus_unregister(sim);
err_irq:
	se_sim_irq_destroy(sim);
	return ret;
}

static long sim_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct se_sim *sim = file->private_data;
	struct se_sim_counters counters;
	unsigned long flags;
	int ret;

	switch (cmd) {
	case SE_SIM_IOC_ATTACH:
		if (mutex_lock_interruptible(&sim->attach_lock))
			return -ERESTARTSYS;
		ret = attach(sim, (void __user *)arg);
		mutex_unlock(&sim->attach_lock);
		return ret;
	case SE_SIM_IOC_COUNTERS:
		spin_lock_irqsave(&sim->lock, flags);
		counters = sim->counters;
		spin_unlock_irqrestore(&sim->lock, flags);
		return copy_to_user((void __user *)arg, &counters, sizeof(counters)) ?
			-EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

static int sim_open(struct inode *inode, struct file *file)
{
	struct se_sim *sim;
	int ret = -ENOMEM;

	sim = kzalloc(sizeof(*sim), GFP_KERNEL);
	if (!sim)
		return -ENOMEM;
	sim->bounce = kmalloc(RECORD_MAX, GFP_KERNEL);
	if (!sim->bounce)
		goto err_bounce;
	ret = kfifo_alloc(&sim->fifo, SE_SIM_FIFO_SIZE, GFP_KERNEL);
	if (ret)
		goto err_fifo;
	ret = kfifo_alloc(&sim->queue, SE_SIM_QUEUE_SIZE, GFP_KERNEL);
	if (ret)
		goto err_queue;

	spin_lock_init(&sim->lock);
	mutex_init(&sim->attach_lock);
	mutex_init(&sim->read_lock);
	init_waitqueue_head(&sim->readers);
	init_waitqueue_head(&sim->writers);
	INIT_WORK(&sim->add_work, add_device);
	sim->gap_ns = U64_MAX;
	file->private_data = sim;
	return stream_open(inode, file);

err_queue:
	kfifo_free(&sim->fifo);
err_fifo:
	kfree(sim->bounce);
err_bounce:
	kfree(sim);
	return ret;
}

/*
 * No read, write or ioctl is under way: each of them holds the file. First the
 * SE falls silent, so that a driver that still waits for it learns that soon;
 * then the device goes, while interrupt and reset line still exist.
 */
static int sim_release(struct inode *inode, struct file *file)
{
	struct se_sim *sim = file->private_data;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	sim->dead = true;
	kfifo_reset(&sim->fifo);
	se_sim_line_update(sim);
	spin_unlock_irqrestore(&sim->lock, flags);

	if (sim->attached) {
		cancel_work_sync(&sim->add_work);
		se_sim_bus_unregister(sim);
		se_sim_reset_destroy(sim);
		se_sim_irq_destroy(sim);
	}
	kfifo_free(&sim->queue);
	kfifo_free(&sim->fifo);
	kfree_sensitive(sim->bounce);
	kfree_sensitive(sim);
	return 0;
}

static const struct file_operations sim_fops = {
	.owner = THIS_MODULE,
	.open = sim_open,
	.release = sim_release,
	.read = sim_read,
	.write = sim_write,
	.poll = sim_poll,
	.unlocked_ioctl = sim_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice sim_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "se-sim",
	.fops = &sim_fops,
	.mode = 0600,
};
module_misc_device(sim_misc);

MODULE_DESCRIPTION("Virtual SPI bus with a secure element played by a process");
MODULE_AUTHOR("The Sesame authors");
MODULE_LICENSE("GPL");
