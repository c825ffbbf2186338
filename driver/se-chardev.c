// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/seN: file operations.
 *
 * ioctl() is the interface for programs; write() and read() are the one for
 * shells: one C-APDU in, one R-APDU out. A written APDU runs without a thread:
 * the callbacks below are called when its turn comes and when it has ended.
 */
#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-session.h"

/* the ABI: the same for 32-bit and 64-bit user space, and for ever */
static_assert(sizeof(struct se_info) == 72);
static_assert(sizeof(struct se_apdu) == 80);
static_assert(sizeof(struct se_stream) == 56);
static_assert(sizeof(struct se_channel_open) == 64);
static_assert(sizeof(struct se_stats) == 1312);
static_assert(sizeof(struct se_reset) == 32);
static_assert(sizeof(struct se_lock) == 40);
static_assert(sizeof(struct se_cancel) == 16);
static_assert(sizeof(struct se_filter_rule) == 8);
static_assert(sizeof(struct se_filter_aid) == 24);
static_assert(sizeof(struct se_filter) == 32);
static_assert(sizeof(struct se_uring_cmd) == 16);

/*
 * write() and read()
 */

/* The written APDU has a result; chip lock held. */
static void written_ended(struct se_file *file)
{
	file->written.xfer = NULL;
	file->responded = true;
	se_op_end_locked(&file->written);
}

static void written_done(struct se_chip *chip, struct se_xfer *xfer)
{
	struct se_file *file = container_of(xfer, struct se_file, xfer);

	se_flow_ended(&file->flow, &file->flow_before, xfer);
	written_ended(file);
}

static void written_changed(struct se_op *op, int error)
{
	struct se_file *file = op->file;
	struct se_xfer *xfer = &file->xfer;
	u8 cla;

	file->flow_before = file->flow;
	if (!error)
		error = se_channel_check_locked(file, op->privileged, file->cmd, xfer->cmd_len,
						&file->flow, &cla);
	if (!error) {
		file->cmd[0] = cla;
		xfer->deadline = se_deadline(file->chip, 0, 1);
		xfer->generation = file->chip->generation;
		error = se_xfer_start_locked(file->chip, xfer);
	}
	if (!error) {
		op->xfer = xfer;
		return;
	}
	xfer->state = SE_XFER_DONE;
	xfer->error = error;
	xfer->outcome = SE_OUTCOME_NOT_SENT;
	xfer->rsp_len = 0;
	written_ended(file);
}

static int se_open(struct inode *inode, struct file *filp)
{
	struct se_chip *chip = container_of(inode->i_cdev, struct se_chip, cdev);
	struct se_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	init_waitqueue_head(&file->wait);
	mutex_init(&file->io);
	INIT_LIST_HEAD(&file->ops);
	se_op_init(&file->written, file, SE_OP_WRITTEN, 0);
	file->written.changed = written_changed;
	file->xfer.done = written_done;
	file->channel = SE_CHANNEL_NONE;
	file->chip = chip;
	file->filp = filp;
	get_device(&chip->dev);
	spin_lock_irq(&chip->lock);
	file->seen = chip->generation;
	spin_unlock_irq(&chip->lock);
	filp->private_data = file;
	return stream_open(inode, filp);
}

/* What can be seen to be refused is refused at once. */
static int submit_written(struct se_file *file, size_t len)
{
	struct se_chip *chip = file->chip;
	struct se_xfer *xfer = &file->xfer;
	struct se_flow flow;
	int ret = 0;
	u8 cla;

	xfer->cmd = file->cmd;
	xfer->cmd_len = len;
	xfer->rsp = file->rsp;
	xfer->rsp_room = SE_RAPDU_MAX;
	xfer->state = SE_XFER_NONE;
	file->written.privileged = se_channel_privileged(file);
	spin_lock_irq(&chip->lock);
	flow = file->flow;
	if (!chip->dead && list_empty(&file->ops))
		ret = se_channel_check_locked(file, file->written.privileged, file->cmd, len,
					      &flow, &cla);
	if (!ret)
		ret = se_op_queue_locked(&file->written);
	spin_unlock_irq(&chip->lock);
	return ret;
}

static bool is_writable(struct se_file *file)
{
	bool writable;

	spin_lock_irq(&file->chip->lock);
	writable = file->chip->dead || list_empty(&file->written.node);
	spin_unlock_irq(&file->chip->lock);
	return writable;
}

/* Who must not block does not wait for another thread's memory either. */
static int lock_io(struct se_file *file, bool nonblock)
{
	if (nonblock)
		return mutex_trylock(&file->io) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&file->io) ? -EINTR : 0;
}

static int write_locked(struct se_file *file, const char __user *buf, size_t len, bool nonblock)
{
	int ret;

	if (!file->cmd)
		file->cmd = kvmalloc(SE_CAPDU_MAX, GFP_KERNEL_ACCOUNT);
	if (!file->rsp)
		file->rsp = kvmalloc(SE_RAPDU_MAX, GFP_KERNEL_ACCOUNT);
	if (!file->cmd || !file->rsp)
		return -ENOMEM;

	if (nonblock && !is_writable(file))
		return -EAGAIN;
	if (se_wait_until(file->wait, is_writable(file), U64_MAX))
		return -EINTR;
	/* a response that nobody has read is not thrown away */
	if (file->responded)
		return -EBUSY;
	if (copy_from_user(file->cmd, buf, len))
		ret = -EFAULT;
	else if (!se_capdu_ok(file->cmd, len))
		ret = -EINVAL;
	else
		ret = submit_written(file, len);
	if (ret)
		memzero_explicit(file->cmd, len);
	return ret;
}

static ssize_t se_write(struct file *filp, const char __user *buf, size_t len, loff_t *off)
{
	struct se_file *file = filp->private_data;
	bool nonblock = filp->f_flags & O_NONBLOCK;
	int ret;

	if (len < SE_CAPDU_MIN || len > SE_CAPDU_MAX)
		return -EINVAL;
	ret = lock_io(file, nonblock);
	if (ret)
		return ret;
	ret = write_locked(file, buf, len, nonblock);
	mutex_unlock(&file->io);
	return ret ?: len;
}

static bool has_response(struct se_file *file)
{
	bool has;

	spin_lock_irq(&file->chip->lock);
	has = file->responded;
	spin_unlock_irq(&file->chip->lock);
	return has;
}

static bool nothing_coming(struct se_file *file)
{
	return is_writable(file) || has_response(file);
}

static ssize_t read_locked(struct se_file *file, char __user *buf, size_t room)
{
	struct se_xfer *xfer = &file->xfer;
	ssize_t ret;

	if (!has_response(file))
		return READ_ONCE(file->chip->dead) ? -ENODEV : 0;
	/* not before: the worker writes it until the response is there */
	ret = xfer->error;
	if (!ret) {
		ret = xfer->rsp_len;
		if (room < xfer->rsp_len)
			return -EMSGSIZE;
		if (copy_to_user(buf, file->rsp, xfer->rsp_len))
			return -EFAULT;
	}
	memzero_explicit(file->rsp, xfer->rsp_len);
	memzero_explicit(file->cmd, xfer->cmd_len);
	spin_lock_irq(&file->chip->lock);
	file->responded = false;
	spin_unlock_irq(&file->chip->lock);
	wake_up_all(&file->wait);
	return ret;
}

/* 0, the end of the file, if no response is there and none is under way. */
static ssize_t se_read(struct file *filp, char __user *buf, size_t room, loff_t *off)
{
	struct se_file *file = filp->private_data;
	bool nonblock = filp->f_flags & O_NONBLOCK;
	ssize_t ret;

	if (nonblock) {
		if (!nothing_coming(file))
			return -EAGAIN;
	} else if (se_wait_until(file->wait, nothing_coming(file), U64_MAX)) {
		return -EINTR;
	}
	ret = lock_io(file, nonblock);
	if (ret)
		return ret;
	ret = read_locked(file, buf, room);
	mutex_unlock(&file->io);
	return ret;
}

static __poll_t se_poll(struct file *filp, poll_table *wait)
{
	struct se_file *file = filp->private_data;
	struct se_chip *chip = file->chip;
	__poll_t mask = 0;

	poll_wait(filp, &file->wait, wait);
	poll_wait(filp, &chip->wait, wait);
	spin_lock_irq(&chip->lock);
	if (file->responded)
		mask |= EPOLLIN | EPOLLRDNORM;
	else if (list_empty(&file->written.node))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (file->seen != chip->generation || (file->lock_lost && !file->lock_lost_seen))
		mask |= EPOLLPRI;
	if (chip->dead)
		mask |= EPOLLHUP | EPOLLERR;
	spin_unlock_irq(&chip->lock);
	return mask;
}

static bool has_nothing(struct se_file *file)
{
	bool nothing;

	spin_lock_irq(&file->chip->lock);
	nothing = list_empty(&file->ops);
	spin_unlock_irq(&file->chip->lock);
	return nothing;
}

/* The SE is not waited for: a written APDU that is on the wire is given up. */
static int se_release(struct inode *inode, struct file *filp)
{
	struct se_file *file = filp->private_data;
	struct se_chip *chip = file->chip;

	spin_lock_irq(&chip->lock);
	if (!list_empty(&file->written.node))
		se_op_cancel_locked(&file->written, -ECANCELED);
	spin_unlock_irq(&chip->lock);
	se_wait_idle(file->wait, has_nothing(file));
	/* before the lock: closing the channel goes before anybody else's turn */
	se_channel_drop(file);
	se_lock_unlock(file);

	kvfree_sensitive(file->cmd, file->cmd ? SE_CAPDU_MAX : 0);
	kvfree_sensitive(file->rsp, file->rsp ? SE_RAPDU_MAX : 0);
	se_filter_free(file);
	kfree(file);
	put_device(&chip->dev);
	return 0;
}

/*
 * ioctl()
 */

/**
 * se_put_struct() - give a structure back
 * @to: the caller's
 * @to_size: how much of it the caller knows
 * @from: ours
 * @size: its size
 *
 * Return: 0 or -EFAULT.
 */
int se_put_struct(void __user *to, size_t to_size, const void *from, size_t size)
{
	if (copy_to_user(to, from, min(to_size, size)))
		return -EFAULT;
	if (to_size > size && clear_user(to + size, to_size - size))
		return -EFAULT;
	return 0;
}

static int get_info(struct se_file *file, void __user *arg, size_t size)
{
	struct se_chip *chip = file->chip;
	u8 cip[SE_CIP_MAX];
	struct se_info info, in;
	u32 cip_len;
	int ret;

	ret = copy_struct_from_user(&in, sizeof(in), arg, size);
	if (ret)
		return ret;

	memset(&info, 0, sizeof(info));
	info.abi = SE_ABI_VERSION;
	info.caps = chip->caps | SE_URING_CAP;
	info.dialect = chip->dialect->id;
	info.max_capdu = SE_CAPDU_MAX;
	info.max_rapdu = SE_RAPDU_MAX;
	info.cip_ptr = in.cip_ptr;
	spin_lock_irq(&chip->lock);
	if (chip->dead) {
		spin_unlock_irq(&chip->lock);
		return -ENODEV;
	}
	info.state = chip->state;
	info.generation = chip->generation;
	info.ifsc = chip->ifsc;
	info.ifsd = chip->ifsd;
	info.bwt_us = chip->bwt_us;
	info.irq_mode = chip->irq_mode;
	info.channel = file->channel;
	info.clock_hz = chip->clock_hz;
	info.cip_len = chip->cip_len;
	info.lock = se_lock_state_locked(file);
	memcpy(cip, chip->cip, chip->cip_len);
	file->seen = chip->generation;
	file->lock_lost_seen = true;
	spin_unlock_irq(&chip->lock);

	cip_len = min(in.cip_len, info.cip_len);
	if (in.cip_ptr && copy_to_user(u64_to_user_ptr(in.cip_ptr), cip, cip_len))
		return -EFAULT;
	return se_put_struct(arg, size, &info, sizeof(info));
}

static int channel_open(struct se_file *file, void __user *arg, size_t size)
{
	struct se_channel_open open;
	int ret;

	ret = copy_struct_from_user(&open, sizeof(open), arg, size);
	if (ret)
		return ret;
	ret = se_channel_open(file, &open);
	if (ret == -EINVAL || ret == -ENOMEM || ret == -EPERM)
		return ret;
	if (se_put_struct(arg, size, &open, sizeof(open))) {
		/* after a failure no channel is left open */
		if (!ret)
			se_channel_drop(file);
		return -EFAULT;
	}
	return ret;
}

static int get_stats(struct se_file *file, void __user *arg, size_t size)
{
	struct se_stats *stats;
	int ret;

	stats = kmalloc(sizeof(*stats), GFP_KERNEL);
	if (!stats)
		return -ENOMEM;
	se_stats_read(file->chip, stats);
	ret = se_put_struct(arg, size, stats, sizeof(*stats));
	kfree(stats);
	return ret;
}

static int reset_chip(struct se_file *file, void __user *arg, size_t size)
{
	struct se_reset reset;
	int ret;

	ret = copy_struct_from_user(&reset, sizeof(reset), arg, size);
	if (ret)
		return ret;
	ret = se_reset_run(file, &reset);
	if (ret && ret != -EIO && ret != -ETIMEDOUT)
		return ret;
	return se_put_struct(arg, size, &reset, sizeof(reset)) ?: ret;
}

static int lock_chip(struct se_file *file, void __user *arg, size_t size)
{
	struct se_lock lock;
	int ret;

	ret = copy_struct_from_user(&lock, sizeof(lock), arg, size);
	if (ret)
		return ret;
	ret = se_lock_run(file, &lock);
	if (ret)
		return ret;
	if (se_put_struct(arg, size, &lock, sizeof(lock))) {
		se_lock_unlock(file);
		return -EFAULT;
	}
	return 0;
}

static int cancel(struct se_file *file, void __user *arg, size_t size)
{
	struct se_cancel cancel;
	int ret;

	ret = copy_struct_from_user(&cancel, sizeof(cancel), arg, size);
	if (!ret)
		ret = se_cancel_run(file, &cancel);
	return ret ?: se_put_struct(arg, size, &cancel, sizeof(cancel));
}

static int set_filter(struct se_file *file, void __user *arg, size_t size)
{
	struct se_filter filter;
	int ret;

	ret = copy_struct_from_user(&filter, sizeof(filter), arg, size);
	return ret ?: se_filter_set(file, &filter);
}

/*
 * The number of an ioctl says which, its size says how much of the structure the
 * caller knows.
 */
static long se_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct se_file *file = filp->private_data;
	void __user *p = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);

	switch (cmd & ~IOCSIZE_MASK) {
	case SE_IOC_GET_INFO & ~IOCSIZE_MASK:
		return get_info(file, p, size);
	case SE_IOC_SUBMIT & ~IOCSIZE_MASK:
		return se_stream_run(file, p, size);
	case SE_IOC_CHANNEL_OPEN & ~IOCSIZE_MASK:
		return channel_open(file, p, size);
	case SE_IOC_CHANNEL_CLOSE & ~IOCSIZE_MASK:
		return size ? -ENOTTY : se_channel_close(file);
	case SE_IOC_GET_STATS & ~IOCSIZE_MASK:
		return get_stats(file, p, size);
	case SE_IOC_RESET & ~IOCSIZE_MASK:
		return reset_chip(file, p, size);
	case SE_IOC_LOCK & ~IOCSIZE_MASK:
		return lock_chip(file, p, size);
	case SE_IOC_UNLOCK & ~IOCSIZE_MASK:
		return size ? -ENOTTY : se_lock_unlock(file);
	case SE_IOC_CANCEL & ~IOCSIZE_MASK:
		return cancel(file, p, size);
	case SE_IOC_SET_FILTER & ~IOCSIZE_MASK:
		return set_filter(file, p, size);
	default:
		return -ENOTTY;
	}
}

const struct file_operations se_fops = {
	.owner = THIS_MODULE,
	.open = se_open,
	.release = se_release,
	.read = se_read,
	.write = se_write,
	.poll = se_poll,
	.unlocked_ioctl = se_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
#ifdef SE_URING
	.uring_cmd = se_uring_cmd,
#endif
};
