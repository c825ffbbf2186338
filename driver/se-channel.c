// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logical channels: CLA coding, opening, closing, and what a file may send.
 *
 * A file without a channel may use the basic channel while it holds the lock, or
 * with CAP_SYS_ADMIN, of its opener and of its user.
 * MANAGE CHANNEL is the kernel's: a raw one is refused, so that the channel
 * numbers below are the truth. A channel whose file has gone is closed by the
 * closer, which asks for a turn of its own and needs no thread.
 */
#include <linux/bitops.h>
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-session.h"

/* ISO/IEC 7816-4, 5.4.1 and GPC_SPE_034, 11.1.4 */
#define CLA_PROPRIETARY		0x80
#define CLA_FURTHER		0x40	/* channels 4 to 19 */
#define CLA_FIRST_RFU		0x20	/* with this set the first form has no channel */
#define CLA_FIRST_SM		0x0c
#define CLA_FIRST_CHANNEL	0x03
#define CLA_FURTHER_SM		0x20
#define CLA_FURTHER_CHANNEL	0x0f
#define CLA_CHAINING		0x10
#define CLA_INVALID		0xff	/* ISO/IEC 7816-4, 5.4.1: not a class */

#define INS_MANAGE_CHANNEL	0x70
#define INS_SELECT		0xa4

#define SW_OK			0x9000
#define SW_NO_CHANNEL		0x6881	/* logical channel not supported */
#define SW_NOT_SUPPORTED	0x6a81	/* MANAGE CHANNEL: none left */
#define SW_NOT_FOUND		0x6a82

#define CLOSE_TRIES		3

/**
 * se_capdu_ok() - has the command one of the forms of ISO/IEC 7816-3, 12.1.3?
 * @cmd: C-APDU
 * @len: its length, at least SE_CAPDU_MIN
 *
 * Return: true if it has.
 */
bool se_capdu_ok(const u8 *cmd, size_t len)
{
	size_t lc;

	if (cmd[0] == CLA_INVALID)
		return false;
	if (len <= 5)		/* cases 1 and 2S */
		return true;
	if (cmd[4])		/* cases 3S and 4S */
		return len == 5 + (size_t)cmd[4] || len == 6 + (size_t)cmd[4];
	if (len < 7)
		return false;
	if (len == 7)		/* case 2E */
		return true;
	lc = (size_t)cmd[5] << 8 | cmd[6];
	return lc && (len == 7 + lc || len == 9 + lc);
}

/*
 * Write a channel into a class byte. Secure messaging is kept; where the other
 * form of CLA cannot tell which kind it is, or has no channel at all, -EACCES.
 */
static int cla_with_channel(u8 cla, unsigned int channel, u8 *out)
{
	bool further = cla & CLA_FURTHER;
	bool sm;

	if (!further && (cla & CLA_FIRST_RFU))
		return -EACCES;
	sm = cla & (further ? CLA_FURTHER_SM : CLA_FIRST_SM);

	if (channel < 4) {
		if (!further)
			*out = (cla & ~CLA_FIRST_CHANNEL) | channel;
		else if (!sm)
			*out = (cla & (CLA_PROPRIETARY | CLA_CHAINING)) | channel;
		else
			return -EACCES;
		return 0;
	}
	*out = (cla & (CLA_PROPRIETARY | CLA_CHAINING)) | CLA_FURTHER |
	       (sm ? CLA_FURTHER_SM : 0) | (channel - 4);
	/* all bits of it on channel 19 */
	return *out == CLA_INVALID ? -EACCES : 0;
}

static bool has_no_channel(u8 cla)
{
	return !(cla & CLA_FURTHER) && (cla & CLA_FIRST_RFU);
}

/**
 * se_cla_plain() - a class byte without its channel and its chaining bit
 * @cla: class
 *
 * In the form of the first channels. Where the further form does not tell the
 * kind of secure messaging (se_cla_any_sm()), as if there were none.
 *
 * Return: the class.
 */
u8 se_cla_plain(u8 cla)
{
	if (cla & CLA_FURTHER)
		return cla & CLA_PROPRIETARY;
	return has_no_channel(cla) ? cla : cla & (CLA_PROPRIETARY | CLA_FIRST_SM);
}

/**
 * se_cla_any_sm() - is it secure messaging of a kind that cannot be told?
 * @cla: class
 *
 * Return: true if it is.
 */
bool se_cla_any_sm(u8 cla)
{
	return (cla & CLA_FURTHER) && (cla & CLA_FURTHER_SM);
}

/**
 * se_cla_is_chained() - is it a link of a chain, and not the last?
 * @cla: class
 *
 * Return: true if it is.
 */
bool se_cla_is_chained(u8 cla)
{
	return !has_no_channel(cla) && (cla & CLA_CHAINING);
}

/* The channel that a class byte addresses. */
static unsigned int cla_channel(u8 cla)
{
	if (cla & CLA_FURTHER)
		return 4 + (cla & CLA_FURTHER_CHANNEL);
	if (cla & CLA_FIRST_RFU)
		return 0;
	return cla & CLA_FIRST_CHANNEL;
}

/**
 * se_channel_privileged() - may it use the basic channel without the lock?
 * @file: open file
 *
 * Both who opened the file and who asks must be privileged: a program that is, and
 * writes to a file that somebody gave it as its standard output, does not know
 * what it is doing; one that has dropped its privileges meant it.
 *
 * Return: true if it may.
 */
bool se_channel_privileged(const struct se_file *file)
{
	/* not asked where it makes no difference: security modules log each denial */
	if (READ_ONCE(file->channel) != SE_CHANNEL_NONE)
		return false;
	return file_ns_capable(file->filp, &init_user_ns, CAP_SYS_ADMIN) &&
	       capable(CAP_SYS_ADMIN);
}

static int check_basic(struct se_file *file, bool privileged, u8 cla)
{
	if (!privileged && file->chip->owner != file)
		return -EACCES;
	if (cla_channel(cla) || se_filter_forbids_locked(file, SE_FILTER_NO_BASIC))
		return -EACCES;
	return 0;
}

/**
 * se_channel_check_locked() - may this file send the command?
 * @file: open file; the chip's lock is held
 * @privileged: se_channel_privileged() of who asked
 * @cmd: C-APDU, se_capdu_ok()
 * @len: its length
 * @flow: what went before it; moved on
 * @cla: out: the class with the channel written in
 *
 * Return: 0, -EACCES, or -ECONNRESET if the channel got lost.
 */
int se_channel_check_locked(struct se_file *file, bool privileged, const u8 *cmd, size_t len,
			    struct se_flow *flow, u8 *cla)
{
	struct se_chip *chip = file->chip;
	int ret;

	lockdep_assert_held(&chip->lock);
	if (!(cmd[0] & CLA_PROPRIETARY) && cmd[1] == INS_MANAGE_CHANNEL) {
		ret = -EACCES;
	} else if (file->channel == SE_CHANNEL_NONE) {
		ret = check_basic(file, privileged, cmd[0]);
		*cla = cmd[0];
	} else if (file->channel_generation == chip->generation) {
		ret = cla_with_channel(cmd[0], file->channel, cla);
	} else {
		ret = -ECONNRESET;
	}
	if (!ret)
		ret = se_filter_check_locked(file, cmd, len, flow);
	if (!ret)
		se_flow_sent(flow, cmd);
	else if (ret == -EACCES)
		se_stat_inc(chip, refused);
	return ret;
}

/*
 * The closer
 */

static void close_next(struct se_chip *chip)
{
	struct se_closer *c = &chip->closer;

	if (!c->pending) {
		se_turn_end_locked(chip, &c->turn);
		return;
	}
	if (!(c->pending & BIT(c->current_channel))) {
		c->current_channel = __ffs(c->pending);
		c->tries = 0;
	}
	c->cmd[0] = 0x00;
	c->cmd[1] = INS_MANAGE_CHANNEL;
	c->cmd[2] = 0x80;
	c->cmd[3] = c->current_channel;
	c->xfer.cmd = c->cmd;
	c->xfer.cmd_len = sizeof(c->cmd);
	c->xfer.rsp = c->rsp;
	c->xfer.rsp_room = sizeof(c->rsp);
	c->xfer.deadline = se_deadline(chip, 0, 1);
	if (se_xfer_start_locked(chip, &c->xfer))
		se_turn_end_locked(chip, &c->turn);
}

static void close_done(struct se_chip *chip, struct se_xfer *xfer)
{
	struct se_closer *c = &chip->closer;

	/* whatever the SE answered, it has no such channel any more */
	if (!xfer->error || ++c->tries >= CLOSE_TRIES || chip->state == SE_STATE_DEAD)
		c->pending &= ~BIT(c->current_channel);
	close_next(chip);
}

static void closer_changed(struct se_chip *chip, struct se_turn *turn)
{
	if (turn->state == SE_TURN_HELD)
		close_next(chip);
	else
		turn->state = SE_TURN_NONE;
}

/**
 * se_channel_orphan_locked() - have channels closed that nobody holds
 * @chip: the chip, its lock held
 * @mask: bit n for channel n
 */
void se_channel_orphan_locked(struct se_chip *chip, u32 mask)
{
	struct se_closer *c = &chip->closer;

	lockdep_assert_held(&chip->lock);
	chip->channels &= ~mask;
	c->pending |= mask & ~BIT(0);
	if (c->pending && c->turn.state == SE_TURN_NONE && !chip->dead)
		se_turn_queue_locked(chip, &c->turn);
}

/**
 * se_closer_init() - part of making a chip
 * @chip: being made
 */
void se_closer_init(struct se_chip *chip)
{
	struct se_closer *c = &chip->closer;

	INIT_LIST_HEAD(&c->turn.node);
	c->turn.changed = closer_changed;
	c->xfer.done = close_done;
}

/*
 * Opening and closing for a file
 */

static void bind_locked(struct se_file *file, u32 channel)
{
	file->channel = channel;
	file->channel_generation = file->chip->generation;
	memset(&file->flow, 0, sizeof(file->flow));
	memset(&file->flow_before, 0, sizeof(file->flow_before));
}

static void drop_locked(struct se_file *file)
{
	struct se_chip *chip = file->chip;

	if (file->channel != SE_CHANNEL_NONE && file->channel_generation == chip->generation)
		se_channel_orphan_locked(chip, BIT(file->channel));
	bind_locked(file, SE_CHANNEL_NONE);
}

/**
 * se_channel_drop() - give the file's channel up, if it has one that exists
 * @file: open file
 *
 * The closer tells the SE; this does not wait for it.
 */
void se_channel_drop(struct se_file *file)
{
	spin_lock_irq(&file->chip->lock);
	drop_locked(file);
	spin_unlock_irq(&file->chip->lock);
}

/* An open command that may have run: its channel is one of those not in use. */
static void orphan_unknown(struct se_chip *chip)
{
	spin_lock_irq(&chip->lock);
	se_channel_orphan_locked(chip, GENMASK(SE_CHANNELS - 1, 1) & ~chip->channels);
	spin_unlock_irq(&chip->lock);
}

/* Return: the channel that the SE opened, or negative errno. */
static int manage_open(struct se_op *op, struct se_xfer *xfer, u8 *buf,
		       struct se_channel_open *open)
{
	static const u8 cmd[] = { 0x00, INS_MANAGE_CHANNEL, 0x00, 0x00, 0x01 };
	struct se_file *file = op->file;
	struct se_chip *chip = file->chip;
	unsigned int channel;
	bool known, moved;
	int ret;

	xfer->cmd = cmd;
	xfer->cmd_len = sizeof(cmd);
	ret = se_op_xfer(op, xfer);
	open->outcome = xfer->outcome;
	open->sw = xfer->sw;
	if (ret) {
		if (xfer->outcome != SE_OUTCOME_NOT_SENT)
			orphan_unknown(chip);
		return ret;
	}
	if (xfer->sw == SW_NO_CHANNEL || xfer->sw == SW_NOT_SUPPORTED)
		return -EUSERS;
	if (xfer->sw != SW_OK)
		return -EREMOTEIO;

	channel = xfer->rsp_len == 3 ? buf[0] : 0;
	if (!channel || channel >= SE_CHANNELS) {
		orphan_unknown(chip);
		return -EPROTO;
	}
	spin_lock_irq(&chip->lock);
	known = chip->channels & BIT(channel);
	moved = chip->generation != xfer->generation;
	if (moved && !known) {
		se_channel_orphan_locked(chip, BIT(channel));
	} else if (!known) {
		chip->channels |= BIT(channel);
		chip->closer.pending &= ~BIT(channel);
		bind_locked(file, channel);
	}
	spin_unlock_irq(&chip->lock);
	if (moved)
		return -ECONNRESET;
	if (known) {
		/* it forgot that the channel is open: it was reset behind our back */
		dev_warn_ratelimited(&chip->dev, "channel %u given out twice: a reset?\n", channel);
		se_link_state_lost(chip);
		return -ECONNRESET;
	}
	open->channel = channel;
	return 0;
}

static int select_aid(struct se_op *op, struct se_xfer *xfer, u8 *cmd, const u8 *aid,
		      struct se_channel_open *open)
{
	size_t len = 4;
	int ret;

	cla_with_channel(0x00, open->channel, &cmd[0]);
	cmd[1] = INS_SELECT;
	cmd[2] = 0x04;		/* by name */
	cmd[3] = 0x00;		/* first or only one */
	if (open->aid_len) {
		cmd[len++] = open->aid_len;
		memcpy(cmd + len, aid, open->aid_len);
		len += open->aid_len;
	}
	cmd[len++] = 0x00;
	xfer->cmd = cmd;
	xfer->cmd_len = len;
	ret = se_op_xfer(op, xfer);
	open->outcome = xfer->outcome;
	open->sw = xfer->sw;
	if (ret)
		return ret;
	if (xfer->sw == SW_NOT_FOUND)
		return -ENOENT;
	/* 62xx and 63xx warn: the application is selected */
	if (xfer->sw != SW_OK && xfer->sw >> 8 != 0x62 && xfer->sw >> 8 != 0x63)
		return -EREMOTEIO;
	return 0;
}

static int put_select_response(struct se_channel_open *open, const struct se_xfer *xfer,
			       const u8 *rsp)
{
	u32 len = min(xfer->rsp_len, open->rsp_room);

	open->rsp_len = xfer->rsp_len;
	if (open->rsp_ptr && copy_to_user(u64_to_user_ptr(open->rsp_ptr), rsp, len))
		return -EFAULT;
	return 0;
}

/* What may have changed while it waited. Return: 0 or negative errno. */
static int check_open(struct se_file *file, const u8 *aid, size_t len, bool now, u64 *generation)
{
	struct se_chip *chip = file->chip;
	int ret = 0;

	spin_lock_irq(&chip->lock);
	*generation = chip->generation;
	if (chip->dead)
		ret = -ENODEV;
	else if (file->channel != SE_CHANNEL_NONE && file->channel_generation == chip->generation)
		ret = -EBUSY;
	else if (!se_filter_aid_ok_locked(file, aid, len))
		ret = -EACCES;
	else if (now)
		file->channel = SE_CHANNEL_NONE;
	spin_unlock_irq(&chip->lock);
	return ret;
}

static int open_channel(struct se_file *file, struct se_channel_open *open, const u8 *aid,
			u8 *rsp, u64 deadline)
{
	u8 cmd[5 + SE_AID_MAX + 1];
	struct se_xfer xfer = {
		.rsp = rsp,
		.rsp_room = SE_RAPDU_MAX,
		.deadline = deadline,
	};
	bool selecting = false;
	struct se_op op;
	int ret;

	ret = check_open(file, aid, open->aid_len, false, &xfer.generation);
	if (ret)
		return ret;
	se_op_init(&op, file, SE_OP_CHANNEL, open->priority);
	op.deadline = deadline;
	ret = se_op_wait(&op);
	if (ret)
		return ret;
	ret = check_open(file, aid, open->aid_len, true, &xfer.generation);
	if (!ret)
		ret = manage_open(&op, &xfer, rsp, open);
	if (!ret) {
		selecting = true;
		ret = select_aid(&op, &xfer, cmd, aid, open);
		if (ret)
			se_channel_drop(file);
	}
	se_op_end(&op);

	/* not in the turn: the caller's memory may take its time. Empty if SELECT did not run */
	if (selecting && put_select_response(open, &xfer, rsp)) {
		se_channel_drop(file);
		ret = -EFAULT;
	}
	return ret;
}

/**
 * se_channel_open() - SE_IOC_CHANNEL_OPEN
 * @file: open file
 * @open: in and out
 *
 * Return: 0 or negative errno; -EINVAL, -EPERM and -ENOMEM say that nothing was
 * done.
 */
int se_channel_open(struct se_file *file, struct se_channel_open *open)
{
	struct se_chip *chip = file->chip;
	u64 deadline = se_deadline(chip, open->deadline_ns, 2);
	u8 aid[SE_AID_MAX];
	u8 *rsp;
	int ret;

	if (open->flags || open->reserved)
		return -EINVAL;
	if (open->aid_len && (open->aid_len < SE_AID_MIN || open->aid_len > SE_AID_MAX))
		return -EINVAL;
	ret = se_priority_check(open->priority);
	if (ret)
		return ret;
	rsp = kvmalloc(SE_RAPDU_MAX, GFP_KERNEL_ACCOUNT);
	if (!rsp)
		return -ENOMEM;

	open->rsp_len = 0;
	open->sw = 0;
	open->outcome = SE_OUTCOME_NOT_SENT;
	open->channel = SE_CHANNEL_NONE;
	ret = -EFAULT;
	if (!copy_from_user(aid, u64_to_user_ptr(open->aid_ptr), open->aid_len))
		ret = open_channel(file, open, aid, rsp, deadline);
	if (ret)
		open->channel = SE_CHANNEL_NONE;
	spin_lock_irq(&chip->lock);
	open->generation = chip->generation;
	file->seen = chip->generation;
	spin_unlock_irq(&chip->lock);
	kvfree_sensitive(rsp, SE_RAPDU_MAX);
	return ret;
}

/* Give the channel up if nothing of the file is under way any more. */
static bool try_close(struct se_file *file, int *ret)
{
	struct se_chip *chip = file->chip;
	bool done = true;

	spin_lock_irq(&chip->lock);
	if (chip->dead) {
		*ret = -ENODEV;
	} else if (!list_empty(&file->ops)) {
		done = false;
	} else if (file->channel == SE_CHANNEL_NONE) {
		*ret = -ENOTCONN;
	} else {
		drop_locked(file);
		*ret = 0;
	}
	spin_unlock_irq(&chip->lock);
	return done;
}

/**
 * se_channel_close() - SE_IOC_CHANNEL_CLOSE
 * @file: open file
 *
 * Waits for what the file has asked for before. The SE is told before it gets
 * anything else, but this does not wait for it.
 *
 * Return: 0, -ENOTCONN if there is no channel, -ETIMEDOUT, -EINTR or -ENODEV.
 */
int se_channel_close(struct se_file *file)
{
	u64 deadline = se_deadline(file->chip, 0, 1);
	int waited, ret;

	waited = se_wait_until(file->wait, try_close(file, &ret), deadline);
	if (waited == -ETIME)
		return -ETIMEDOUT;
	return waited ? -EINTR : ret;
}
