// SPDX-License-Identifier: GPL-2.0-only
/*
 * SE_IOC_SUBMIT: a stream runs in its caller's context.
 *
 * The commands are copied and checked before the first of them is sent, so that
 * a stream that may not run, or that is not whole, sends nothing. While it
 * runs, the caller's memory is written in an order that lets a reader of it
 * (who may outlive a killed caller) rely on the outcome: UNKNOWN is there
 * before a command can leave, and a final outcome comes after everything else
 * of its APDU.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "se-chip.h"

/* a stream on its way */
struct stream {
	struct se_file *file;
	struct se_stream *s;
	struct se_apdu *apdus;
	u8 *cmds;		/* all C-APDUs, one after the other */
	size_t cmds_len;
	u8 *rsp;
	size_t rsp_room;
	u64 generation;		/* that the chip must have, 0: not yet known */
};

static u8 __user *apdu_user(const struct se_stream *s, u32 i)
{
	return u64_to_user_ptr(s->apdus_ptr + (u64)i * s->apdu_size);
}

static int check_apdu(const struct se_apdu *a)
{
	if (a->cmd_len < SE_CAPDU_MIN || a->cmd_len > SE_CAPDU_MAX || a->rsp_room < 2)
		return -EINVAL;
	if (a->flags || a->reserved)
		return -EINVAL;
	return 0;
}

/* Read the array; put the output members into a known state. */
static int get_apdus(struct stream *st)
{
	const size_t out = offsetof(struct se_apdu, rsp_len);
	struct se_stream *s = st->s;
	u32 i;
	int ret;

	st->apdus = kvcalloc(s->nr, sizeof(*st->apdus), GFP_KERNEL_ACCOUNT);
	if (!st->apdus)
		return -ENOMEM;
	for (i = 0; i < s->nr; i++) {
		struct se_apdu *a = &st->apdus[i];

		ret = copy_struct_from_user(a, sizeof(*a), apdu_user(s, i), s->apdu_size);
		if (!ret)
			ret = check_apdu(a);
		if (ret)
			return ret;
		memset((u8 *)a + out, 0, sizeof(*a) - out);
		st->cmds_len += a->cmd_len;
		st->rsp_room = max_t(size_t, st->rsp_room,
				     min_t(size_t, a->rsp_room, SE_RAPDU_MAX));
	}
	for (i = 0; i < s->nr; i++)
		if (copy_to_user(apdu_user(s, i) + out, (u8 *)&st->apdus[i] + out,
				 sizeof(struct se_apdu) - out))
			return -EFAULT;
	return 0;
}

static int get_commands(struct stream *st)
{
	u8 *cmd;
	u32 i;

	st->cmds = kvmalloc(st->cmds_len, GFP_KERNEL_ACCOUNT);
	st->rsp = kvmalloc(st->rsp_room, GFP_KERNEL_ACCOUNT);
	if (!st->cmds || !st->rsp)
		return -ENOMEM;
	cmd = st->cmds;
	for (i = 0; i < st->s->nr; cmd += st->apdus[i].cmd_len, i++) {
		const struct se_apdu *a = &st->apdus[i];

		if (copy_from_user(cmd, u64_to_user_ptr(a->cmd_ptr), a->cmd_len))
			return -EFAULT;
		if (!se_capdu_ok(cmd, a->cmd_len))
			return -EINVAL;
	}
	return 0;
}

static int prepare_commands(struct stream *st)
{
	u8 *cmd = st->cmds;
	u32 i;
	int ret;

	for (i = 0; i < st->s->nr; cmd += st->apdus[i].cmd_len, i++) {
		ret = se_channel_prepare(st->file, cmd, &st->generation);
		if (ret)
			return ret;
	}
	return 0;
}

static bool sw_expected(const struct se_apdu *a)
{
	bool any = false;
	int i;

	for (i = 0; i < SE_SW_MATCHES; i++) {
		if (!a->expect[i].mask)
			continue;
		any = true;
		if ((a->sw & a->expect[i].mask) == (a->expect[i].value & a->expect[i].mask))
			return true;
	}
	return !any;
}

static int put_outcome(const struct se_stream *s, u32 i, enum se_outcome outcome)
{
	__u16 __user *p = (__u16 __user *)(apdu_user(s, i) + offsetof(struct se_apdu, outcome));

	return put_user((__u16)outcome, p);
}

/* The response, then what is known of it, then the outcome. */
static int put_result(struct stream *st, u32 i)
{
	const size_t out = offsetof(struct se_apdu, rsp_len);
	struct se_apdu *a = &st->apdus[i];
	u16 outcome = a->outcome;
	int ret = 0;

	if (copy_to_user(u64_to_user_ptr(a->rsp_ptr), st->rsp, min(a->rsp_len, a->rsp_room)))
		ret = -EFAULT;
	a->outcome = SE_OUTCOME_UNKNOWN;
	if (copy_to_user(apdu_user(st->s, i) + out, (u8 *)a + out, sizeof(*a) - out))
		ret = -EFAULT;
	a->outcome = outcome;
	smp_wmb();	/* for whoever looks at the memory meanwhile */
	if (put_outcome(st->s, i, outcome))
		ret = -EFAULT;
	return ret;
}

static int run_apdu(struct stream *st, u32 i, const u8 *cmd, u64 deadline)
{
	struct se_apdu *a = &st->apdus[i];
	struct se_xfer xfer = {
		.cmd = cmd,
		.cmd_len = a->cmd_len,
		.rsp = st->rsp,
		.rsp_room = min_t(size_t, a->rsp_room, st->rsp_room),
		.deadline = deadline,
		.generation = st->generation,
		.cookie = st->s->cookie,
	};
	int ret, err;

	if (put_outcome(st->s, i, SE_OUTCOME_UNKNOWN))
		return -EFAULT;
	err = se_file_xfer(st->file, &xfer, st->s->flags & SE_STREAM_SETTLE);
	a->rsp_len = xfer.rsp_len;
	a->sw = xfer.sw;
	a->outcome = xfer.outcome;
	a->wtx = xfer.wtx;
	a->retrans = xfer.retrans;
	a->wire_ns = xfer.wire_ns;
	a->total_ns = xfer.total_ns;
	ret = put_result(st, i);
	memzero_explicit(st->rsp, min_t(size_t, a->rsp_len, st->rsp_room));
	return err ?: ret;
}

static enum se_stop stop_of(int error)
{
	switch (error) {
	case 0:
		return SE_STOP_END;
	case -ETIMEDOUT:
		return SE_STOP_DEADLINE;
	case -EINTR:
		return SE_STOP_SIGNAL;
	case -ECONNRESET:
		return SE_STOP_GENERATION;
	case -ENODEV:
		return SE_STOP_GONE;
	case -EFAULT:
		return SE_STOP_FAULT;
	case -EACCES:
		return SE_STOP_REFUSED;
	default:
		return SE_STOP_LINK;
	}
}

static u64 chip_generation(struct se_chip *chip)
{
	u64 generation;

	spin_lock_irq(&chip->lock);
	generation = chip->generation;
	spin_unlock_irq(&chip->lock);
	return generation;
}

static int run_apdus(struct stream *st, u64 deadline)
{
	struct se_stream *s = st->s;
	const u8 *cmd = st->cmds;
	u32 i;
	int ret;

	/* on the basic channel: it must not move while the stream runs */
	if (!st->generation)
		st->generation = chip_generation(st->file->chip);

	for (i = 0; i < s->nr; cmd += st->apdus[i].cmd_len, i++) {
		const struct se_apdu *a = &st->apdus[i];

		if (signal_pending(current))
			return -EINTR;
		ret = run_apdu(st, i, cmd, deadline);
		if (a->outcome == SE_OUTCOME_EXECUTED)
			s->done++;
		if (ret)
			return ret;
		if (a->rsp_len > a->rsp_room) {
			s->stop = SE_STOP_ROOM;
			return 0;
		}
		if (!sw_expected(a)) {
			s->stop = SE_STOP_SW;
			return 0;
		}
	}
	s->stop = SE_STOP_END;
	return 0;
}

static int run_claimed(struct stream *st, u64 deadline)
{
	struct se_stream *s = st->s;
	int ret;

	ret = prepare_commands(st);
	if (ret)
		return ret;
	if (s->flags & SE_STREAM_CHECK_GENERATION) {
		if (st->generation && st->generation != s->generation)
			return -ECONNRESET;
		st->generation = s->generation;
		if (chip_generation(st->file->chip) != s->generation)
			return -ECONNRESET;
	}
	ret = se_file_turn(st->file, deadline);
	if (ret)
		return ret;
	ret = run_apdus(st, deadline);
	se_file_turn_end(st->file);
	return ret;
}

/**
 * se_stream_run() - SE_IOC_SUBMIT
 * @file: open file
 * @s: in and out
 *
 * Return: 0, or a negative errno. -EINVAL, -E2BIG and -ENOMEM say that nothing
 * was looked at and @s is as it was; in all other cases it is to be written
 * back.
 */
int se_stream_run(struct se_file *file, struct se_stream *s)
{
	struct stream st = { .file = file, .s = s };
	u64 deadline;
	int ret;

	if (!s->nr || s->nr > SE_STREAM_MAX || s->priority)
		return -EINVAL;
	if (s->flags & ~(SE_STREAM_CHECK_GENERATION | SE_STREAM_SETTLE))
		return -EINVAL;
	if (s->apdu_size < sizeof(struct se_apdu))
		return -EINVAL;
	if (s->apdu_size > PAGE_SIZE)
		return -E2BIG;
	deadline = se_deadline(file->chip, s->deadline_ns, s->nr);

	ret = get_apdus(&st);
	if (!ret)
		ret = get_commands(&st);
	if (ret == -EINVAL || ret == -E2BIG || ret == -ENOMEM)
		goto out;

	s->done = 0;
	if (!ret)
		ret = se_file_claim(file, deadline, false);
	if (!ret) {
		ret = run_claimed(&st, deadline);
		se_file_unclaim(file);
	}
	if (ret)
		s->stop = stop_of(ret);
	spin_lock_irq(&file->chip->lock);
	s->generation = file->chip->generation;
	file->seen = s->generation;
	spin_unlock_irq(&file->chip->lock);
out:
	kvfree_sensitive(st.cmds, st.cmds_len);
	kvfree_sensitive(st.rsp, st.rsp_room);
	kvfree(st.apdus);
	return ret;
}
