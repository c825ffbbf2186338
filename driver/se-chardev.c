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

/* the ABI: the same for 32-bit and 64-bit user space, and for ever */
static_assert(sizeof(struct se_info) == 72);
static_assert(sizeof(struct se_apdu) == 80);
static_assert(sizeof(struct se_stream) == 56);
static_assert(sizeof(struct se_channel_open) == 64);
static_assert(sizeof(struct se_stats) == 1312);
static_assert(sizeof(struct se_reset) == 32);

static int se_open(struct inode *inode, struct file *filp)
{
	struct se_chip *chip = container_of(inode->i_cdev, struct se_chip, cdev);
	struct se_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	init_waitqueue_head(&file->wait);
	mutex_init(&file->io);
	INIT_LIST_HEAD(&file->turn.node);
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

/*
 * write() and read()
 */

/* The written APDU has a result; chip lock held. */
static void written_ended(struct se_chip *chip, struct se_file *file)
{
	file->responded = true;
	se_turn_end_locked(chip, &file->turn);
	clear_bit_unlock(0, &file->busy);
	wake_up_all(&file->wait);
}

static void written_done(struct se_chip *chip, struct se_xfer *xfer)
{
	written_ended(chip, container_of(xfer, struct se_file, xfer));
}

static void written_turn_changed(struct se_chip *chip, struct se_turn *turn)
{
	struct se_file *file = container_of(turn, struct se_file, turn);

	if (turn->state == SE_TURN_HELD) {
		file->xfer.deadline = se_deadline(chip, 0, 1);
		if (!se_xfer_start_locked(chip, &file->xfer))
			return;
	}
	file->xfer.state = SE_XFER_DONE;
	file->xfer.error = -ENODEV;
	written_ended(chip, file);
}

static int submit_written(struct se_file *file, size_t len)
{
	struct se_chip *chip = file->chip;
	struct se_xfer *xfer = &file->xfer;
	u64 generation = 0;
	int ret;

	ret = se_channel_prepare(file, file->cmd, &generation);
	if (ret)
		return ret;
	xfer->cmd = file->cmd;
	xfer->cmd_len = len;
	xfer->rsp = file->rsp;
	xfer->rsp_room = SE_RAPDU_MAX;
	xfer->generation = generation;
	xfer->done = written_done;
	xfer->state = SE_XFER_NONE;
	file->turn.changed = written_turn_changed;
	spin_lock_irq(&chip->lock);
	ret = se_turn_queue_locked(chip, &file->turn, false);
	spin_unlock_irq(&chip->lock);
	return ret;
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

	ret = se_file_claim(file, se_deadline(file->chip, 0, 1), nonblock);
	if (ret)
		return ret;
	/* a response that nobody has read is not thrown away */
	if (file->responded)
		ret = -EBUSY;
	else if (copy_from_user(file->cmd, buf, len))
		ret = -EFAULT;
	else if (!se_capdu_ok(file->cmd, len))
		ret = -EINVAL;
	else
		ret = submit_written(file, len);
	if (ret)
		se_file_unclaim(file);
	return ret;
}

static ssize_t se_write(struct file *filp, const char __user *buf, size_t len, loff_t *off)
{
	struct se_file *file = filp->private_data;
	int ret;

	if (len < SE_CAPDU_MIN || len > SE_CAPDU_MAX)
		return -EINVAL;
	if (mutex_lock_interruptible(&file->io))
		return -EINTR;
	ret = write_locked(file, buf, len, filp->f_flags & O_NONBLOCK);
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
	return has_response(file) || !test_bit(0, &file->busy);
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
	ssize_t ret;

	if (filp->f_flags & O_NONBLOCK) {
		if (!nothing_coming(file))
			return -EAGAIN;
	} else if (se_wait_interruptible(file->wait, nothing_coming(file))) {
		return -EINTR;
	}
	if (mutex_lock_interruptible(&file->io))
		return -EINTR;
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
	else if (!test_bit(0, &file->busy))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (file->seen != chip->generation)
		mask |= EPOLLPRI;
	if (chip->dead)
		mask |= EPOLLHUP | EPOLLERR;
	spin_unlock_irq(&chip->lock);
	return mask;
}

/* The SE is not waited for: an APDU that is on the wire is given up. */
static int se_release(struct inode *inode, struct file *filp)
{
	struct se_file *file = filp->private_data;
	struct se_chip *chip = file->chip;

	spin_lock_irq(&chip->lock);
	if (file->turn.state == SE_TURN_QUEUED)
		written_ended(chip, file);
	spin_unlock_irq(&chip->lock);
	if (test_bit(0, &file->busy)) {
		se_xfer_abandon(chip, &file->xfer, -ECANCELED);
		se_wait_idle(file->wait, !test_bit(0, &file->busy));
	}
	se_channel_drop(file);

	kvfree_sensitive(file->cmd, file->cmd ? SE_CAPDU_MAX : 0);
	kvfree_sensitive(file->rsp, file->rsp ? SE_RAPDU_MAX : 0);
	kfree(file);
	put_device(&chip->dev);
	return 0;
}

/*
 * ioctl()
 */

/* Give a structure back: of an older caller's as much as it has. */
static int put_struct(void __user *to, size_t to_size, const void *from, size_t size)
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
	info.caps = chip->caps;
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
	memcpy(cip, chip->cip, chip->cip_len);
	file->seen = chip->generation;
	spin_unlock_irq(&chip->lock);

	cip_len = min(in.cip_len, info.cip_len);
	if (in.cip_ptr && copy_to_user(u64_to_user_ptr(in.cip_ptr), cip, cip_len))
		return -EFAULT;
	return put_struct(arg, size, &info, sizeof(info));
}

static int submit(struct se_file *file, void __user *arg, size_t size)
{
	struct se_stream stream;
	int ret;

	ret = copy_struct_from_user(&stream, sizeof(stream), arg, size);
	if (ret)
		return ret;
	ret = se_stream_run(file, &stream);
	if (ret == -EINVAL || ret == -E2BIG || ret == -ENOMEM)
		return ret;
	return put_struct(arg, size, &stream, sizeof(stream)) ?: ret;
}

static int channel_open(struct se_file *file, void __user *arg, size_t size)
{
	struct se_channel_open open;
	int ret;

	ret = copy_struct_from_user(&open, sizeof(open), arg, size);
	if (ret)
		return ret;
	ret = se_channel_open(file, &open);
	if (ret == -EINVAL || ret == -ENOMEM)
		return ret;
	if (put_struct(arg, size, &open, sizeof(open))) {
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
	ret = put_struct(arg, size, stats, sizeof(*stats));
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
	ret = se_reset_run(file->chip, &reset);
	if (ret && ret != -EIO && ret != -ETIMEDOUT)
		return ret;
	return put_struct(arg, size, &reset, sizeof(reset)) ?: ret;
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
		return submit(file, p, size);
	case SE_IOC_CHANNEL_OPEN & ~IOCSIZE_MASK:
		return channel_open(file, p, size);
	case SE_IOC_CHANNEL_CLOSE & ~IOCSIZE_MASK:
		return size ? -ENOTTY : se_channel_close(file);
	case SE_IOC_GET_STATS & ~IOCSIZE_MASK:
		return get_stats(file, p, size);
	case SE_IOC_RESET & ~IOCSIZE_MASK:
		return reset_chip(file, p, size);
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
};
