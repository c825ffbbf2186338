// SPDX-License-Identifier: GPL-2.0-only
/*
 * SE_IOC_SUBMIT: the caller's side of a stream.
 *
 * All of it is read and checked before the first command is sent, so that a
 * stream that may not run, or that is not whole, sends nothing. The caller's
 * memory is written in an order that lets a reader of it (who may outlive a
 * killed caller) rely on the outcomes: UNKNOWN is there before a command can
 * leave, and a final outcome comes after everything else of its APDU. None of
 * this happens in the turn: memory that never answers holds up its owner only.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "se-chip.h"
#include "se-session.h"

/* the members of struct se_apdu from here on are written */
#define APDU_OUT	offsetof(struct se_apdu, rsp_len)

static u8 __user *apdu_user(const struct se_stream *s, u32 i)
{
	return u64_to_user_ptr(s->apdus_ptr + (u64)i * s->apdu_size);
}

static size_t room(const struct se_apdu *a)
{
	return min_t(size_t, a->rsp_room, SE_RAPDU_MAX);
}

static int put_outcome(const struct se_stream *s, u32 i, enum se_outcome outcome)
{
	__u16 __user *p = (__u16 __user *)(apdu_user(s, i) + offsetof(struct se_apdu, outcome));

	return put_user((__u16)outcome, p);
}

static int check_stream(const struct se_run *run)
{
	const struct se_stream *s = &run->s;

	if (!s->nr || s->nr > SE_STREAM_MAX)
		return -EINVAL;
	if (s->flags & ~(SE_STREAM_CHECK_GENERATION | SE_STREAM_SETTLE | SE_STREAM_NEED_LOCK))
		return -EINVAL;
	/* a signal is not what ends it */
	if (run->uring && s->flags & SE_STREAM_SETTLE)
		return -EINVAL;
	if (s->apdu_size < sizeof(struct se_apdu))
		return -EINVAL;
	if (s->apdu_size > PAGE_SIZE)
		return -E2BIG;
	return se_priority_check(s->priority);
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
static int get_apdus(struct se_run *run)
{
	struct se_stream *s = &run->s;
	u32 i;
	int ret;

	run->apdus = kvcalloc(s->nr, sizeof(*run->apdus), GFP_KERNEL_ACCOUNT);
	if (!run->apdus)
		return -ENOMEM;
	for (i = 0; i < s->nr; i++) {
		struct se_apdu *a = &run->apdus[i];

		ret = copy_struct_from_user(a, sizeof(*a), apdu_user(s, i), s->apdu_size);
		if (!ret)
			ret = check_apdu(a);
		if (ret)
			return ret;
		memset((u8 *)a + APDU_OUT, 0, sizeof(*a) - APDU_OUT);
		run->cmds_len += a->cmd_len;
	}
	for (i = 0; i < s->nr; i++)
		if (copy_to_user(apdu_user(s, i) + APDU_OUT, (u8 *)&run->apdus[i] + APDU_OUT,
				 sizeof(struct se_apdu) - APDU_OUT))
			return -EFAULT;
	return 0;
}

static int get_commands(struct se_run *run)
{
	u8 *cmd;
	u32 i;

	for (i = 0; i < run->s.nr; i++)
		run->rsps_len += room(&run->apdus[i]);
	run->cmds = kvmalloc(run->cmds_len, GFP_KERNEL_ACCOUNT);
	run->rsps = kvmalloc(run->rsps_len, GFP_KERNEL_ACCOUNT);
	if (!run->cmds || !run->rsps)
		return -ENOMEM;
	run->told_rsp = run->rsps;
	cmd = run->cmds;
	for (i = 0; i < run->s.nr; cmd += run->apdus[i].cmd_len, i++) {
		const struct se_apdu *a = &run->apdus[i];

		if (copy_from_user(cmd, u64_to_user_ptr(a->cmd_ptr), a->cmd_len))
			return -EFAULT;
		if (!se_capdu_ok(cmd, a->cmd_len))
			return -EINVAL;
	}
	return 0;
}

/* A response that cannot be written is noticed before its command is sent. */
static int probe_room(const struct se_apdu *a)
{
	u8 __user *rsp = u64_to_user_ptr(a->rsp_ptr);
	size_t last = room(a) - 1;
	size_t at;

	for (at = 0; at < last; at += PAGE_SIZE - offset_in_page(rsp + at))
		if (put_user(0, rsp + at))
			return -EFAULT;
	return put_user(0, rsp + last);
}

static int probe(struct se_run *run)
{
	u32 i;

	for (i = 0; i < run->s.nr; i++)
		if (probe_room(&run->apdus[i]) ||
		    put_outcome(&run->s, i, SE_OUTCOME_UNKNOWN))
			return -EFAULT;
	return 0;
}

/* Does it say that nothing was looked at, and that the structure is as it was? */
static bool is_refusal(int error)
{
	return error == -EINVAL || error == -E2BIG || error == -ENOMEM || error == -EPERM;
}

/**
 * se_stream_get() - read a stream
 * @run: of se_run_init()
 * @user: struct se_stream of the caller
 * @size: how much of it there is
 *
 * Return: 0, or negative errno. Whatever it is, se_stream_put_end() and
 * se_stream_free() follow.
 */
int se_stream_get(struct se_run *run, void __user *user, size_t size)
{
	struct se_stream *s = &run->s;
	int ret;

	ret = copy_struct_from_user(s, sizeof(*s), user, size);
	if (ret)
		return ret;
	run->user = user;
	run->user_size = size;
	ret = check_stream(run);
	if (ret)
		return ret;
	run->deadline = se_deadline(run->op.file->chip, s->deadline_ns, s->nr);
	ret = get_apdus(run);
	if (!ret)
		ret = get_commands(run);
	if (is_refusal(ret))
		return ret;
	s->done = 0;
	return ret ?: probe(run);
}

/* The response, then what is known of it, then the outcome. */
static int put_result(struct se_run *run, u32 i)
{
	struct se_apdu *a = &run->apdus[i];
	u16 outcome = a->outcome;
	int ret = 0;

	if (copy_to_user(u64_to_user_ptr(a->rsp_ptr), run->told_rsp, min(a->rsp_len, a->rsp_room)))
		ret = -EFAULT;
	a->outcome = SE_OUTCOME_UNKNOWN;
	if (copy_to_user(apdu_user(&run->s, i) + APDU_OUT, (u8 *)a + APDU_OUT,
			 sizeof(*a) - APDU_OUT))
		ret = -EFAULT;
	a->outcome = outcome;
	smp_wmb();	/* for whoever looks at the memory meanwhile */
	if (put_outcome(&run->s, i, outcome))
		ret = -EFAULT;
	memzero_explicit(run->told_rsp, min_t(size_t, a->rsp_len, room(a)));
	run->told_rsp += room(a);
	return ret;
}

/**
 * se_stream_put() - give the caller what has come back so far
 * @run: started
 *
 * Return: 0 or -EFAULT; every APDU is tried.
 */
int se_stream_put(struct se_run *run)
{
	u32 finished;
	int ret = 0;

	spin_lock_irq(&run->op.file->chip->lock);
	finished = run->finished;
	spin_unlock_irq(&run->op.file->chip->lock);
	for (; run->told < finished; run->told++)
		if (put_result(run, run->told))
			ret = -EFAULT;
	return ret;
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
	case -ECANCELED:
		return SE_STOP_CANCELLED;
	case -ENOLCK:
		return SE_STOP_LOCK;
	default:
		return SE_STOP_LINK;
	}
}

/**
 * se_stream_put_end() - tell the caller how it ended
 * @run: not under way
 * @result: 0 or negative errno
 *
 * Return: what the caller is to be told: @result, or -EFAULT.
 */
int se_stream_put_end(struct se_run *run, int result)
{
	struct se_file *file = run->op.file;
	struct se_stream *s = &run->s;
	int ret = result;
	u32 i;

	if (is_refusal(result) || !run->user)
		return result;
	/* those that were not sent are UNKNOWN until now */
	for (i = run->told; i < s->nr; i++)
		if (put_outcome(s, i, SE_OUTCOME_NOT_SENT) && !ret)
			ret = -EFAULT;
	if (ret)
		s->stop = stop_of(ret);
	spin_lock_irq(&file->chip->lock);
	s->generation = file->chip->generation;
	file->seen = s->generation;
	spin_unlock_irq(&file->chip->lock);
	return se_put_struct(run->user, run->user_size, s, sizeof(*s)) ?: ret;
}

/**
 * se_stream_free() - give a stream's memory back
 * @run: not under way; what @run itself lies in is the caller's
 */
void se_stream_free(struct se_run *run)
{
	kvfree_sensitive(run->cmds, run->cmds_len);
	/* a response is cleared when it is given to the caller */
	kvfree_sensitive(run->rsps, run->told < run->finished ? run->rsps_len : 0);
	kvfree(run->apdus);
}

/**
 * se_stream_run() - SE_IOC_SUBMIT
 * @file: open file
 * @user: struct se_stream of the caller
 * @size: how much of it there is
 *
 * Return: 0, or a negative errno.
 */
int se_stream_run(struct se_file *file, void __user *user, size_t size)
{
	struct se_run *run;
	int ret;

	run = kzalloc(sizeof(*run), GFP_KERNEL_ACCOUNT);
	if (!run)
		return -ENOMEM;
	se_run_init(run, file);
	ret = se_stream_get(run, user, size);
	if (!ret)
		ret = se_run_start(run);
	if (!ret) {
		ret = se_run_wait(run);
		ret = run->result ?: ret;
	}
	ret = se_stream_put_end(run, ret);
	se_stream_free(run);
	kfree_sensitive(run);
	return ret;
}
