// SPDX-License-Identifier: GPL-2.0-only
/*
 * SE_URING_CMD_SUBMIT: a stream by io_uring.
 *
 * The stream is read when the request is issued, and then runs without a thread.
 * Its end is told in the submitter's context (task work), where the submitter's
 * memory can be written. A ring that goes away cancels its requests.
 *
 * Before 6.7 io_uring has no cancellation for commands. There the request is
 * handed to one of io_uring's own threads, which waits as a caller of ioctl()
 * does, and which io_uring knows how to interrupt.
 */
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-session.h"

#ifdef SE_URING

/* what io_uring keeps for us beside its request */
struct pdu {
	struct se_run *run;
};

static struct pdu *cmd_pdu(struct io_uring_cmd *cmd)
{
	BUILD_BUG_ON(sizeof(struct pdu) > sizeof_field(struct io_uring_cmd, pdu));
	return (struct pdu *)cmd->pdu;
}

static void count(struct se_file *file, int by)
{
	spin_lock_irq(&file->chip->lock);
	file->uring += by;
	spin_unlock_irq(&file->chip->lock);
}

/* The outcome of the APDU at which it stopped. */
static u64 stopped_at(const struct se_run *run)
{
	u32 at = min(run->next, run->s.nr - 1);

	return run->apdus ? run->apdus[at].outcome : SE_OUTCOME_NOT_SENT;
}

/* The last that is done with a request. */
static void finish_request(struct se_run *run, int result, unsigned int issue_flags)
{
	u64 extra = run->s.stop | stopped_at(run) << 32;
	struct io_uring_cmd *cmd = run->uring;

	count(run->op.file, -1);
	/* in this order: until it is done, it may be cancelled */
	se_uring_done(cmd, result ? result : (int)run->s.done, extra, issue_flags);
	se_stream_free(run);
	kfree_sensitive(run);
}

/* Its memory is gone, or about to: there is nobody to be told. */
static bool submitter_is_gone(void)
{
	return current->flags & (PF_EXITING | PF_KTHREAD) || !current->mm;
}

static int give_back(struct se_run *run)
{
	int ret;

	if (submitter_is_gone())
		return run->result ? run->result : -ECANCELED;
	ret = se_stream_put(run);
	return se_stream_put_end(run, run->result ? run->result : ret);
}

static int get_run(struct se_run *run, struct io_uring_cmd *cmd)
{
	const struct se_uring_cmd *sqe = se_uring_sqe_cmd(cmd);
	u64 user = READ_ONCE(sqe->stream_ptr);

	if (READ_ONCE(sqe->reserved))
		return -EINVAL;
	return se_stream_get(run, u64_to_user_ptr(user), _IOC_SIZE(cmd->cmd_op));
}

#ifdef SE_URING_CANCEL

static void tell_submitter(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct se_run *run = cmd_pdu(cmd)->run;
	struct se_chip *chip = run->op.file->chip;

	/* whoever ended it has let go of it */
	spin_lock_irq(&chip->lock);
	spin_unlock_irq(&chip->lock);
	finish_request(run, give_back(run), issue_flags);
}

SE_URING_TASK_WORK(task_work, tell_submitter)

static void ended(struct se_run *run)
{
	io_uring_cmd_complete_in_task(run->uring, task_work);
}

static int cancel(struct io_uring_cmd *cmd)
{
	struct se_run *run = cmd_pdu(cmd)->run;
	struct se_chip *chip = run->op.file->chip;

	spin_lock_irq(&chip->lock);
	if (!run->has_ended)
		se_op_cancel_locked(&run->op, -ECANCELED);
	spin_unlock_irq(&chip->lock);
	return 0;
}

static void run_stream(struct se_run *run, unsigned int issue_flags)
{
	int ret;

	ret = get_run(run, run->uring);
	if (!ret) {
		run->ended = ended;
		io_uring_cmd_mark_cancelable(run->uring, issue_flags);
		ret = se_run_start(run);
	}
	/* else it may have ended by now */
	if (ret)
		finish_request(run, se_stream_put_end(run, ret), issue_flags);
}

#else

static void run_stream(struct se_run *run, unsigned int issue_flags)
{
	int ret;

	ret = get_run(run, run->uring);
	if (!ret)
		ret = se_run_start(run);
	if (ret) {
		ret = se_stream_put_end(run, ret);
	} else {
		se_run_wait(run);
		ret = give_back(run);
	}
	finish_request(run, ret, issue_flags);
}

#endif /* SE_URING_CANCEL */

/* Return: 0, -EBUSY or -ENODEV. */
static int take_place(struct se_file *file)
{
	struct se_chip *chip = file->chip;
	int ret = 0;

	spin_lock_irq(&chip->lock);
	if (chip->dead)
		ret = -ENODEV;
	else if (file->uring >= SE_URING_MAX)
		ret = -EBUSY;
	else
		file->uring++;
	spin_unlock_irq(&chip->lock);
	return ret;
}

/**
 * se_uring_cmd() - IORING_OP_URING_CMD on /dev/seN
 * @cmd: the request
 * @issue_flags: io_uring's
 *
 * Return: -EIOCBQUEUED, or a negative errno.
 */
int se_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct se_file *file = cmd->file->private_data;
	struct se_run *run;
	int ret;

#ifdef SE_URING_CANCEL
	if (issue_flags & IO_URING_F_CANCEL)
		return cancel(cmd);
#else
	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;
#endif
	if ((cmd->cmd_op & ~IOCSIZE_MASK) != (SE_URING_CMD_SUBMIT & ~IOCSIZE_MASK))
		return -ENOTTY;
	ret = take_place(file);
	if (ret)
		return ret;
	run = kzalloc(sizeof(*run), GFP_KERNEL_ACCOUNT);
	if (!run) {
		count(file, -1);
		return -ENOMEM;
	}
	se_run_init(run, file);
	run->uring = cmd;
	cmd_pdu(cmd)->run = run;
	run_stream(run, issue_flags);
	return -EIOCBQUEUED;
}

#endif /* SE_URING */
