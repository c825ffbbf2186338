// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exchange as those see it who want it: they start it and may give it up. The
 * worker makes it (se-link.c).
 */
#include "se-chip.h"

/**
 * se_xfer_start_locked() - hand an exchange to the worker
 * @chip: the chip, its lock held; the caller has the turn
 * @xfer: inputs set; stays in use until @xfer->done has been called
 *
 * Return: 0, or -ENODEV; then @xfer->done is not called.
 */
int se_xfer_start_locked(struct se_chip *chip, struct se_xfer *xfer)
{
	lockdep_assert_held(&chip->lock);
	xfer->deadline = min(xfer->deadline, chip->turn_end);
	xfer->abandon = 0;
	xfer->outcome = SE_OUTCOME_NOT_SENT;
	xfer->rsp_len = 0;
	xfer->sw = 0;
	xfer->wtx = 0;
	xfer->retrans = 0;
	xfer->wire_ns = 0;
	xfer->total_ns = 0;
	if (chip->dead) {
		xfer->state = SE_XFER_DONE;
		xfer->error = -ENODEV;
		return -ENODEV;
	}
	xfer->state = SE_XFER_PENDING;
	chip->xfer = xfer;
	kthread_queue_work(chip->worker, &chip->work);
	return 0;
}

/**
 * se_xfer_abandon_locked() - give an exchange up
 * @chip: the chip, its lock held
 * @xfer: started
 * @error: negative errno that it is to end with
 *
 * It ends soon after, with what is known of it, and by the usual way.
 */
void se_xfer_abandon_locked(struct se_chip *chip, struct se_xfer *xfer, int error)
{
	lockdep_assert_held(&chip->lock);
	if (xfer->state == SE_XFER_PENDING || xfer->state == SE_XFER_RUNNING) {
		xfer->abandon = error;
		if (!chip->dead)
			kthread_queue_work(chip->worker, &chip->work);
	}
}

/**
 * se_xfer_abandon() - give an exchange up
 * @chip: the chip, its lock not held
 * @xfer: see se_xfer_abandon_locked()
 * @error: see se_xfer_abandon_locked()
 */
void se_xfer_abandon(struct se_chip *chip, struct se_xfer *xfer, int error)
{
	spin_lock_irq(&chip->lock);
	se_xfer_abandon_locked(chip, xfer, error);
	spin_unlock_irq(&chip->lock);
}

/**
 * se_xfer_is_done() - has it ended?
 * @chip: the chip
 * @xfer: started
 *
 * Takes the lock, so that whoever ended it has let go of @xfer.
 */
bool se_xfer_is_done(struct se_chip *chip, struct se_xfer *xfer)
{
	bool done;

	spin_lock_irq(&chip->lock);
	done = xfer->state == SE_XFER_DONE;
	spin_unlock_irq(&chip->lock);
	return done;
}
