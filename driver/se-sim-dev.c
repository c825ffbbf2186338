// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the device node. See <linux/se_sim.h> for what it promises.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "se-sim.h"

#define RECORD_MAX	(sizeof(struct se_sim_record) + SE_SIM_ACCESS_MAX + SE_SIM_INSERT_MAX)

static bool is_attached(struct se_sim *sim)
{
	/* pairs with attach() */
	return smp_load_acquire(&sim->attached);
}

/*
 * Copy the first record into the bounce buffer without taking it. Returns its
 * size, 0 if there is none, -EMSGSIZE if it exceeds @room.
 */
static ssize_t peek_record(struct se_sim *sim, size_t room, u32 *epoch)
{
	unsigned long flags;
	size_t ret;

	spin_lock_irqsave(&sim->lock, flags);
	ret = se_sim_peek_record(sim, sim->bounce, min(room, RECORD_MAX));
	*epoch = sim->epoch;
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret > room ? -EMSGSIZE : ret;
}

/* Take what peek_record() has shown, unless a reset did so in between. */
static void take_record(struct se_sim *sim, size_t size, u32 epoch)
{
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	if (sim->epoch == epoch)
		se_sim_take_record(sim);
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
		if (wait_event_interruptible(sim->readers, se_sim_readable(sim)))
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
	block = kmalloc(count + SE_SIM_INSERT_MAX, GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	if (copy_from_user(block, buf, count)) {
		kfree_sensitive(block);
		return -EFAULT;
	}

	while (!se_sim_put_block(sim, block, count)) {
		if (file->f_flags & O_NONBLOCK) {
			ret = -EAGAIN;
			break;
		}
		if (wait_event_interruptible(sim->writers, se_sim_put_room(sim) >= count)) {
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
	if (se_sim_readable(sim))
		events |= EPOLLIN | EPOLLRDNORM;
	if (se_sim_put_room(sim) >= SE_SIM_BLOCK_MAX)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static struct miscdevice sim_misc;

/* The part of a structure that the caller does not know is zero. */
static int get_arg(void *arg, size_t size, size_t least, unsigned int cmd, void __user *user)
{
	if (_IOC_SIZE(cmd) < least)
		return -EINVAL;
	return copy_struct_from_user(arg, size, user, _IOC_SIZE(cmd));
}

/* What the caller does not know it does not get. */
static int put_arg(const void *arg, size_t size, unsigned int cmd, void __user *user)
{
	return copy_to_user(user, arg, min_t(size_t, size, _IOC_SIZE(cmd))) ? -EFAULT : 0;
}

static int ioc_attach(struct se_sim *sim, unsigned int cmd, void __user *user)
{
	struct se_sim_attach req;
	int ret;

	ret = get_arg(&req, sizeof(req), offsetofend(struct se_sim_attach, reserved), cmd, user);
	if (ret)
		return ret;
	if (mutex_lock_interruptible(&sim->attach_lock))
		return -ERESTARTSYS;
	ret = se_sim_attach(sim, sim_misc.this_device, &req);
	mutex_unlock(&sim->attach_lock);
	/* the bus is there, and stays, whatever becomes of the answer */
	return ret ?: put_arg(&req, sizeof(req), cmd, user);
}

static int ioc_counters(struct se_sim *sim, unsigned int cmd, void __user *user)
{
	struct se_sim_counters counters;
	unsigned long flags;

	if (_IOC_SIZE(cmd) < offsetofend(struct se_sim_counters, resets))
		return -EINVAL;
	spin_lock_irqsave(&sim->lock, flags);
	counters = sim->counters;
	spin_unlock_irqrestore(&sim->lock, flags);
	return put_arg(&counters, sizeof(counters), cmd, user);
}

static int ioc_fault(struct se_sim *sim, unsigned int cmd, void __user *user, bool get)
{
	struct se_sim_fault fault;
	int ret;

	ret = get_arg(&fault, sizeof(fault), sizeof(fault), cmd, user);
	if (ret)
		return ret;
	if (!get)
		return se_sim_fault_set(sim, &fault);
	return se_sim_fault_get(sim, &fault) ?: put_arg(&fault, sizeof(fault), cmd, user);
}

static int ioc_timing(struct se_sim *sim, unsigned int cmd, void __user *user)
{
	struct se_sim_timing timing;

	return get_arg(&timing, sizeof(timing), sizeof(timing), cmd, user) ?:
	       se_sim_set_timing(sim, &timing);
}

static long sim_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct se_sim *sim = file->private_data;
	void __user *user = (void __user *)arg;
	u64 seed;

	if (_IOC_TYPE(cmd) != SE_SIM_IOC_MAGIC)
		return -ENOTTY;
	/* the size is what the caller knows of the structure */
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(SE_SIM_IOC_ATTACH):
		return ioc_attach(sim, cmd, user);
	case _IOC_NR(SE_SIM_IOC_COUNTERS):
		return ioc_counters(sim, cmd, user);
	case _IOC_NR(SE_SIM_IOC_FAULT):
		return ioc_fault(sim, cmd, user, false);
	case _IOC_NR(SE_SIM_IOC_GET_FAULT):
		return ioc_fault(sim, cmd, user, true);
	case _IOC_NR(SE_SIM_IOC_SEED):
		if (copy_from_user(&seed, user, sizeof(seed)))
			return -EFAULT;
		se_sim_fault_seed(sim, seed);
		return 0;
	case _IOC_NR(SE_SIM_IOC_TIMING):
		return ioc_timing(sim, cmd, user);
	default:
		return -ENOTTY;
	}
}

static int sim_open(struct inode *inode, struct file *file)
{
	struct se_sim *sim;

	sim = kzalloc(sizeof(*sim), GFP_KERNEL);
	if (!sim)
		return -ENOMEM;
	sim->bounce = kmalloc(RECORD_MAX, GFP_KERNEL);
	if (!sim->bounce || se_sim_ring_init(&sim->fifo, SE_SIM_FIFO_SIZE) ||
	    se_sim_ring_init(&sim->held, 2 * SE_SIM_FIFO_SIZE) ||
	    se_sim_ring_init(&sim->queue, SE_SIM_QUEUE_SIZE)) {
		se_sim_free(sim);
		return -ENOMEM;
	}

	spin_lock_init(&sim->lock);
	mutex_init(&sim->attach_lock);
	mutex_init(&sim->read_lock);
	init_waitqueue_head(&sim->readers);
	init_waitqueue_head(&sim->writers);
	se_sim_init_wire(sim);
	se_sim_fault_seed(sim, 0);
	file->private_data = sim;
	return stream_open(inode, file);
}

/* No read, write or ioctl is under way: each of them holds the file. */
static int sim_release(struct inode *inode, struct file *file)
{
	se_sim_detach(file->private_data);
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

static int __init sim_init(void)
{
	int ret;

	se_sim_debugfs_init();
	ret = se_sim_attach_init();
	if (ret)
		goto err_debugfs;
	ret = misc_register(&sim_misc);
	if (ret)
		goto err_attach;
	return 0;

err_attach:
	se_sim_attach_exit();
err_debugfs:
	se_sim_debugfs_exit();
	return ret;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	misc_deregister(&sim_misc);
	se_sim_attach_exit();
	se_sim_debugfs_exit();
}
module_exit(sim_exit);

MODULE_DESCRIPTION("Virtual SPI or I2C bus with a secure element played by a process");
MODULE_AUTHOR("The Sesame authors");
MODULE_LICENSE("GPL");
