// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running a stream.
 *
 * It runs without a thread: the end of each exchange begins the next, under the
 * chip's lock, from the worker. Nothing here touches user memory; se-stream.c
 * does that before and afterwards, and while the next exchange is under way.
 */
#include <linux/ktime.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-session.h"

/* An APDU that took longer than that is told to the caller at once. */
#define SLOW_NS		NSEC_PER_MSEC

static void run_end(struct se_run *run, int error)
{
	run->result = error;
	run->op.xfer = NULL;
	se_op_end_locked(&run->op);
	run->has_ended = true;
	run->news = true;
	if (run->ended)
		run->ended(run);
	else
		wake_up_all(&run->op.wait);
}

static int check_apdus(struct se_run *run)
{
	struct se_file *file = run->op.file;
	struct se_flow flow = file->flow;
	const u8 *cmd = run->cmds;
	u32 i;

	for (i = 0; i < run->s.nr; cmd += run->apdus[i].cmd_len, i++) {
		u8 cla;
		int ret;

		ret = se_channel_check_locked(file, run->op.privileged, cmd, run->apdus[i].cmd_len,
					      &flow, &cla);
		if (ret)
			return ret;
	}
	return 0;
}

/* Before it waits, and again when it has the turn: much may have changed. */
static int check_stream(struct se_run *run)
{
	struct se_file *file = run->op.file;
	struct se_chip *chip = file->chip;
	int ret;

	if (run->s.flags & SE_STREAM_NEED_LOCK && chip->owner != file)
		return -ENOLCK;
	ret = check_apdus(run);
	if (ret)
		return ret;
	if (run->s.flags & SE_STREAM_CHECK_GENERATION && run->s.generation != chip->generation)
		return -ECONNRESET;
	/* it must not move while the stream runs */
	run->generation = chip->generation;
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

static void begin_next(struct se_run *run)
{
	struct se_file *file = run->op.file;
	struct se_apdu *a = &run->apdus[run->next];
	int ret = run->op.stop;
	u8 cla;

	/* once more: what the last one was answered, a filter that is new */
	file->flow_before = file->flow;
	if (!ret)
		ret = se_channel_check_locked(file, run->op.privileged, run->cmd, a->cmd_len,
					      &file->flow, &cla);
	if (!ret) {
		run->cmd[0] = cla;
		run->xfer.cmd = run->cmd;
		run->xfer.cmd_len = a->cmd_len;
		run->xfer.rsp = run->rsp;
		run->xfer.rsp_room = min_t(size_t, a->rsp_room, SE_RAPDU_MAX);
		run->xfer.deadline = run->deadline;
		run->xfer.generation = run->generation;
		run->xfer.cookie = run->s.cookie;
		ret = se_xfer_start_locked(file->chip, &run->xfer);
	}
	if (ret) {
		run_end(run, ret);
		return;
	}
	run->op.xfer = &run->xfer;
}

static void xfer_done(struct se_chip *chip, struct se_xfer *xfer)
{
	struct se_run *run = container_of(xfer, struct se_run, xfer);
	struct se_apdu *a = &run->apdus[run->next];
	struct se_file *file = run->op.file;

	run->op.xfer = NULL;
	se_flow_ended(&file->flow, &file->flow_before, xfer);
	a->rsp_len = xfer->rsp_len;
	a->sw = xfer->sw;
	a->outcome = xfer->outcome;
	a->wtx = xfer->wtx;
	a->retrans = xfer->retrans;
	a->wire_ns = xfer->wire_ns;
	a->total_ns = xfer->total_ns;
	if (a->outcome == SE_OUTCOME_EXECUTED)
		run->s.done++;
	run->finished++;

	if (xfer->error) {
		run_end(run, xfer->error);
	} else if (a->rsp_len > a->rsp_room) {
		run->s.stop = SE_STOP_ROOM;
		run_end(run, 0);
	} else if (!sw_expected(a)) {
		run->s.stop = SE_STOP_SW;
		run_end(run, 0);
	} else if (++run->next == run->s.nr) {
		run->s.stop = SE_STOP_END;
		run_end(run, 0);
	} else {
		run->cmd += a->cmd_len;
		run->rsp += min_t(size_t, a->rsp_room, SE_RAPDU_MAX);
		if (!run->ended && a->total_ns >= SLOW_NS) {
			run->news = true;
			wake_up_all(&run->op.wait);
		}
		begin_next(run);
	}
}

static void run_changed(struct se_op *op, int error)
{
	struct se_run *run = container_of(op, struct se_run, op);

	if (!error)
		error = check_stream(run);
	if (error)
		run_end(run, error);
	else
		begin_next(run);
}

/**
 * se_run_init() - make a stream ready to be filled
 * @run: zeroed
 * @file: who asks
 */
void se_run_init(struct se_run *run, struct se_file *file)
{
	se_op_init(&run->op, file, SE_OP_STREAM, 0);
	run->op.changed = run_changed;
	run->xfer.done = xfer_done;
}

/**
 * se_run_start() - queue a stream
 * @run: of se_stream_get()
 *
 * What can be seen to be refused is refused at once, if nothing of the file goes
 * before it that could change that.
 *
 * Return: 0, or why it did not begin: a negative errno, and nothing of it was
 * sent. After 0 it is the worker's until it has ended.
 */
int se_run_start(struct se_run *run)
{
	struct se_file *file = run->op.file;
	struct se_chip *chip = file->chip;
	int ret = 0;

	run->cmd = run->cmds;
	run->rsp = run->rsps;
	run->op.turn.priority = run->s.priority;
	run->op.cookie = run->s.cookie;
	run->op.deadline = run->deadline;
	run->op.privileged = se_channel_privileged(file);

	spin_lock_irq(&chip->lock);
	if (!chip->dead && list_empty(&file->ops))
		ret = check_stream(run);
	if (!ret)
		ret = se_op_queue_locked(&run->op);
	spin_unlock_irq(&chip->lock);
	return ret;
}

static bool take_news(struct se_run *run)
{
	bool news;

	spin_lock_irq(&run->op.file->chip->lock);
	news = run->news;
	spin_unlock_irq(&run->op.file->chip->lock);
	return news;
}

static bool has_ended(struct se_run *run)
{
	bool ended;

	spin_lock_irq(&run->op.file->chip->lock);
	ended = run->has_ended;
	spin_unlock_irq(&run->op.file->chip->lock);
	return ended;
}

/* A signal came. With SETTLE the exchange on the wire may end. */
static void interrupt(struct se_run *run)
{
	struct se_op *op = &run->op;

	spin_lock_irq(&op->file->chip->lock);
	if (run->has_ended)
		;
	else if (run->s.flags & SE_STREAM_SETTLE && op->xfer)
		op->stop = op->stop ?: -EINTR;
	else
		se_op_cancel_locked(op, -EINTR);
	spin_unlock_irq(&op->file->chip->lock);
}

/**
 * se_run_wait() - wait for a stream, and give what there is of it to the caller
 * @run: after se_run_start()
 *
 * Return: 0, or -EFAULT if the caller's memory could not be written: the stream has
 * ended then as well.
 */
int se_run_wait(struct se_run *run)
{
	struct se_chip *chip = run->op.file->chip;
	int ret = 0;

	do {
		if (se_wait_until(run->op.wait, take_news(run), U64_MAX)) {
			interrupt(run);
			/* idle: a long deadline is no hung task */
			se_wait_idle(run->op.wait, has_ended(run));
		}
		spin_lock_irq(&chip->lock);
		run->news = false;
		spin_unlock_irq(&chip->lock);
		/* also after a failure: what ran since then must not pass for not sent */
		ret = se_stream_put(run) ?: ret;
		if (ret) {
			spin_lock_irq(&chip->lock);
			if (!run->has_ended && !run->op.stop)
				run->op.stop = -EFAULT;
			spin_unlock_irq(&chip->lock);
		}
	} while (!has_ended(run));
	/* what came while the last was given */
	return se_stream_put(run) ?: ret;
}
