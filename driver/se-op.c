// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file asks for: its own list, and the first of it in the chip's queue.
 */
#include <linux/capability.h>
#include <linux/ktime.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-session.h"

static void op_turn_changed(struct se_chip *chip, struct se_turn *turn)
{
	struct se_op *op = container_of(turn, struct se_op, turn);

	if (turn->state == SE_TURN_HELD) {
		list_del_init(&op->waiting);
		op->changed(op, 0);
	} else {
		/* taken back from one that did nothing with it: it finds this */
		op->stop = -ETIMEDOUT;
	}
}

/* For a caller that sleeps in se_op_wait(). */
static void op_told(struct se_op *op, int error)
{
	op->told = true;
	op->error = error;
	wake_up_all(&op->wait);
}

/**
 * se_op_init() - prepare to ask for something
 * @op: not in use
 * @file: who asks
 * @kind: what for
 * @priority: of struct se_stream
 *
 * The caller sets what else it needs: deadline (never, by default), cookie,
 * changed (by default what se_op_wait() waits for).
 */
void se_op_init(struct se_op *op, struct se_file *file, enum se_op_kind kind, s32 priority)
{
	memset(op, 0, sizeof(*op));
	op->file = file;
	op->kind = kind;
	op->deadline = U64_MAX;
	op->changed = op_told;
	op->turn.file = file;
	op->turn.priority = priority;
	op->turn.changed = op_turn_changed;
	INIT_LIST_HEAD(&op->turn.node);
	INIT_LIST_HEAD(&op->node);
	INIT_LIST_HEAD(&op->waiting);
	init_waitqueue_head(&op->wait);
}

/**
 * se_op_queue_locked() - ask
 * @op: initialised, or ended; the chip's lock is held
 *
 * op->changed is called when its turn has come, perhaps before this returns.
 *
 * Return: 0, -ENODEV or -ETIMEDOUT; with an error op->changed is not called.
 */
int se_op_queue_locked(struct se_op *op)
{
	struct se_file *file = op->file;
	struct se_chip *chip = file->chip;

	lockdep_assert_held(&chip->lock);
	if (chip->dead)
		return -ENODEV;
	if (ktime_get_ns() >= op->deadline)
		return -ETIMEDOUT;
	op->stop = 0;
	op->xfer = NULL;
	op->turn.state = SE_TURN_NONE;
	list_add_tail(&op->node, &file->ops);
	list_add_tail(&op->waiting, &chip->waiting);
	se_queue_watch_locked(chip, op->deadline);
	if (list_is_first(&op->node, &file->ops))
		se_turn_queue_locked(chip, &op->turn);
	return 0;
}

/**
 * se_op_end_locked() - it has ended, in whatever way
 * @op: queued or with its turn, no exchange under way; the chip's lock is held
 */
void se_op_end_locked(struct se_op *op)
{
	struct se_file *file = op->file;
	struct se_op *next;

	lockdep_assert_held(&file->chip->lock);
	list_del_init(&op->node);
	list_del_init(&op->waiting);
	se_turn_end_locked(file->chip, &op->turn);
	next = list_first_entry_or_null(&file->ops, struct se_op, node);
	if (next && next->turn.state == SE_TURN_NONE)
		se_turn_queue_locked(file->chip, &next->turn);
	wake_up_all(&file->wait);
}

/**
 * se_op_drop_locked() - end one that waits for its turn
 * @op: queued; the chip's lock is held
 * @error: why
 */
void se_op_drop_locked(struct se_op *op, int error)
{
	se_op_end_locked(op);
	op->changed(op, error);
}

/**
 * se_op_cancel_locked() - give up
 * @op: queued or with its turn; the chip's lock is held
 * @error: what it is to end with
 *
 * An exchange that is under way ends soon, with what is known of it.
 */
void se_op_cancel_locked(struct se_op *op, int error)
{
	lockdep_assert_held(&op->file->chip->lock);
	if (!list_empty(&op->waiting)) {
		se_op_drop_locked(op, error);
		return;
	}
	if (!op->stop)
		op->stop = error;
	if (op->xfer)
		se_xfer_abandon_locked(op->file->chip, op->xfer, error);
}

static bool was_told(struct se_op *op)
{
	bool told;

	spin_lock_irq(&op->file->chip->lock);
	told = op->told;
	spin_unlock_irq(&op->file->chip->lock);
	return told;
}

/**
 * se_op_wait() - ask, and wait for the turn
 * @op: of se_op_init()
 *
 * Return: 0 (to be followed by se_op_end()), -ETIMEDOUT, -EINTR, -ECANCELED or
 * -ENODEV.
 */
int se_op_wait(struct se_op *op)
{
	struct se_chip *chip = op->file->chip;
	int ret;

	spin_lock_irq(&chip->lock);
	ret = se_op_queue_locked(op);
	spin_unlock_irq(&chip->lock);
	if (ret)
		return ret;

	if (!se_wait_until(op->wait, was_told(op), U64_MAX))
		return op->error;
	spin_lock_irq(&chip->lock);
	if (!op->told)
		se_op_drop_locked(op, -EINTR);
	spin_unlock_irq(&chip->lock);
	return op->error;
}

/**
 * se_op_end() - give the turn back
 * @op: after se_op_wait(), no exchange under way
 */
void se_op_end(struct se_op *op)
{
	spin_lock_irq(&op->file->chip->lock);
	se_op_end_locked(op);
	spin_unlock_irq(&op->file->chip->lock);
}

/**
 * se_op_xfer() - make one exchange and wait for its end
 * @op: after se_op_wait()
 * @xfer: inputs set
 *
 * Return: @xfer->error; @xfer->outcome is right in every case.
 */
int se_op_xfer(struct se_op *op, struct se_xfer *xfer)
{
	struct se_chip *chip = op->file->chip;
	int ret;

	xfer->done = NULL;
	xfer->wait = &op->wait;
	spin_lock_irq(&chip->lock);
	ret = op->stop ? op->stop : se_xfer_start_locked(chip, xfer);
	if (!ret) {
		op->xfer = xfer;
	} else {
		xfer->error = ret;
		xfer->outcome = SE_OUTCOME_NOT_SENT;
		xfer->rsp_len = 0;
		xfer->sw = 0;
	}
	spin_unlock_irq(&chip->lock);
	if (ret)
		return ret;

	if (se_wait_until(op->wait, se_xfer_is_done(chip, xfer), U64_MAX))
		se_xfer_abandon(chip, xfer, -EINTR);
	/* idle: a long deadline is no hung task */
	se_wait_idle(op->wait, se_xfer_is_done(chip, xfer));
	spin_lock_irq(&chip->lock);
	op->xfer = NULL;
	spin_unlock_irq(&chip->lock);
	return xfer->error;
}

static bool is_meant(const struct se_op *op, const struct se_cancel *cancel)
{
	if (cancel->flags & SE_CANCEL_ALL)
		return true;
	return (op->kind == SE_OP_STREAM || op->kind == SE_OP_WRITTEN) &&
	       op->cookie == cancel->cookie;
}

/**
 * se_cancel_run() - SE_IOC_CANCEL
 * @file: open file
 * @cancel: in and out
 *
 * Return: 0, -EINVAL, -ENOENT or -ENODEV.
 */
int se_cancel_run(struct se_file *file, struct se_cancel *cancel)
{
	struct se_chip *chip = file->chip;
	struct se_op *op, *next;
	int ret = -ENODEV;
	bool granting;

	if (cancel->flags & ~SE_CANCEL_ALL)
		return -EINVAL;
	cancel->cancelled = 0;
	spin_lock_irq(&chip->lock);
	/* nobody moves up while the list is walked */
	granting = chip->granting;
	chip->granting = true;
	list_for_each_entry_safe(op, next, &file->ops, node) {
		if (!is_meant(op, cancel))
			continue;
		/* it may have been given up for another reason already */
		if (!op->stop)
			cancel->cancelled++;
		se_op_cancel_locked(op, -ECANCELED);
	}
	chip->granting = granting;
	se_turn_grant_locked(chip);
	if (!chip->dead)
		ret = cancel->cancelled ? 0 : -ENOENT;
	spin_unlock_irq(&chip->lock);
	return ret;
}

/**
 * se_priority_check() - may the caller have this priority?
 * @priority: of struct se_stream
 *
 * Return: 0, -EINVAL or -EPERM.
 */
int se_priority_check(s32 priority)
{
	if (priority < SE_PRIORITY_MIN || priority > SE_PRIORITY_MAX)
		return -EINVAL;
	return priority > 0 && !capable(CAP_SYS_NICE) ? -EPERM : 0;
}
