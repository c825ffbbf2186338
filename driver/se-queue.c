// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue: turns, and waiting for them.
 *
 * A turn is taken back from a holder that leaves the SE idle for too long (its
 * memory may be backed by something that never answers), and no exchange goes on
 * after SE_TURN_MAX_NS, whatever its deadline (an SE may ask for more time for
 * ever): no process can keep the others out for good.
 */
#include <linux/ktime.h>
#include <linux/sched/signal.h>

#include "se-chip.h"
#include "se-compat.h"

#define SE_TURN_IDLE_MS	10000

static void grant_next(struct se_chip *chip)
{
	struct se_turn *turn;

	chip->turn = list_first_entry_or_null(&chip->turns, struct se_turn, node);
	if (!chip->turn)
		return;
	turn = chip->turn;
	list_del_init(&turn->node);
	turn->state = SE_TURN_HELD;
	se_stat_time(chip, queue, ktime_get_ns() - turn->since);
	chip->turn_end = ktime_get_ns() + SE_TURN_MAX_NS;
	se_turn_idle_locked(chip);
	turn->changed(chip, turn);
}

/**
 * se_turn_queue_locked() - ask for a turn
 * @chip: the chip, its lock held
 * @turn: not in use
 * @first: before all others (the kernel's own housekeeping)
 *
 * turn->changed is called when it is granted, perhaps before this returns.
 *
 * Return: 0 or -ENODEV.
 */
int se_turn_queue_locked(struct se_chip *chip, struct se_turn *turn, bool first)
{
	lockdep_assert_held(&chip->lock);
	if (chip->dead) {
		turn->state = SE_TURN_REVOKED;
		return -ENODEV;
	}
	turn->state = SE_TURN_QUEUED;
	turn->since = ktime_get_ns();
	if (first)
		list_add(&turn->node, &chip->turns);
	else
		list_add_tail(&turn->node, &chip->turns);
	if (!chip->turn)
		grant_next(chip);
	return 0;
}

/**
 * se_turn_end_locked() - give a turn back, or leave the queue
 * @chip: the chip, its lock held
 * @turn: in any state, with no exchange under way
 */
void se_turn_end_locked(struct se_chip *chip, struct se_turn *turn)
{
	lockdep_assert_held(&chip->lock);
	if (turn->state == SE_TURN_QUEUED)
		list_del_init(&turn->node);
	turn->state = SE_TURN_NONE;
	if (chip->turn == turn) {
		chip->turn = NULL;
		grant_next(chip);
	}
}

/**
 * se_turn_idle_locked() - the holder of the turn has no exchange under way
 * @chip: the chip, its lock held
 *
 * Starts the time after which se_turn_watch() takes the turn from it.
 */
void se_turn_idle_locked(struct se_chip *chip)
{
	lockdep_assert_held(&chip->lock);
	if (chip->dead)
		return;
	chip->turn_idle_end = ktime_get_ns() + SE_TURN_IDLE_MS * NSEC_PER_MSEC;
	/* one that is queued already looks at the new end when it runs */
	kthread_queue_delayed_work(chip->worker, &chip->turn_watch,
				   msecs_to_jiffies(SE_TURN_IDLE_MS));
}

/**
 * se_turn_watch() - take the turn from a holder that does nothing with it
 * @work: se_chip.turn_watch
 */
void se_turn_watch(struct kthread_work *work)
{
	struct se_chip *chip = container_of(work, struct se_chip, turn_watch.work);
	struct se_turn *turn;
	u64 now = ktime_get_ns();

	spin_lock_irq(&chip->lock);
	turn = chip->turn;
	if (chip->dead || !turn || chip->xfer) {
		/* the end of the exchange starts the time anew */
	} else if (now < chip->turn_idle_end) {
		kthread_queue_delayed_work(chip->worker, &chip->turn_watch,
					   nsecs_to_jiffies(chip->turn_idle_end - now) + 1);
	} else {
		/* first: changed() may end the turn, and must not grant the next */
		chip->turn = NULL;
		turn->state = SE_TURN_REVOKED;
		turn->changed(chip, turn);
		grant_next(chip);
	}
	spin_unlock_irq(&chip->lock);
}

/**
 * se_turn_revoke_all() - the SE is gone: nobody gets a turn any more
 * @chip: it is marked dead
 *
 * In one with the mark: between the two, each written APDU that got its turn
 * would end at once and grant the next, one in the stack frame of the other.
 */
void se_turn_revoke_all(struct se_chip *chip)
{
	struct se_turn *turn, *next;

	spin_lock_irq(&chip->lock);
	chip->dead = true;
	list_for_each_entry_safe(turn, next, &chip->turns, node) {
		list_del_init(&turn->node);
		turn->state = SE_TURN_REVOKED;
		turn->changed(chip, turn);
	}
	spin_unlock_irq(&chip->lock);
	wake_up_all(&chip->wait);
}

/**
 * se_deadline() - the absolute deadline of a request
 * @chip: the chip, for its default
 * @deadline_ns: as user space gave it, 0 for the default
 * @nr: number of APDUs
 *
 * Return: absolute, CLOCK_MONOTONIC, nanoseconds.
 */
u64 se_deadline(struct se_chip *chip, u64 deadline_ns, u32 nr)
{
	u64 each = READ_ONCE(chip->policy.deadline_ms) * (u64)NSEC_PER_MSEC;

	return deadline_ns ? deadline_ns : ktime_get_ns() + nr * each;
}

/**
 * se_time_left() - for a wait until a deadline
 * @deadline: absolute, nanoseconds
 *
 * Return: what is left of it, 0 if it has passed.
 */
ktime_t se_time_left(u64 deadline)
{
	u64 now = ktime_get_ns();

	return ns_to_ktime(deadline > now ? min_t(u64, deadline - now, KTIME_MAX) : 0);
}

static bool is_dead(struct se_chip *chip)
{
	bool dead;

	spin_lock_irq(&chip->lock);
	dead = chip->dead;
	spin_unlock_irq(&chip->lock);
	return dead;
}

/* Try to get the file, or learn that there is no point in it: true ends the wait. */
static bool try_claim(struct se_file *file, int *ret)
{
	*ret = is_dead(file->chip) ? -ENODEV : 0;
	return *ret || !test_and_set_bit_lock(0, &file->busy);
}

/**
 * se_file_claim() - be the one who uses the file's turn
 * @file: open file
 * @deadline: absolute, nanoseconds
 * @nonblock: do not wait
 *
 * Return: 0, -EAGAIN, -ETIMEDOUT, -EINTR or -ENODEV.
 */
int se_file_claim(struct se_file *file, u64 deadline, bool nonblock)
{
	int waited, ret;

	if (try_claim(file, &ret))
		return ret;
	if (nonblock)
		return -EAGAIN;
	waited = se_wait_interruptible_hrtimeout(file->wait, try_claim(file, &ret),
						 se_time_left(deadline));
	if (waited == -ETIME)
		return -ETIMEDOUT;
	return waited ? -EINTR : ret;
}

/**
 * se_file_unclaim() - let others use the file
 * @file: claimed
 */
void se_file_unclaim(struct se_file *file)
{
	clear_bit_unlock(0, &file->busy);
	wake_up_all(&file->wait);
}

static enum se_turn_state turn_state(struct se_file *file)
{
	enum se_turn_state state;

	spin_lock_irq(&file->chip->lock);
	state = file->turn.state;
	spin_unlock_irq(&file->chip->lock);
	return state;
}

static void turn_changed(struct se_chip *chip, struct se_turn *turn)
{
	struct se_file *file = container_of(turn, struct se_file, turn);

	wake_up_all(&file->wait);
}

/**
 * se_file_turn() - wait for the file's turn
 * @file: claimed
 * @deadline: absolute, nanoseconds
 *
 * Return: 0 (to be followed by se_file_turn_end()), -ETIMEDOUT, -EINTR or
 * -ENODEV.
 */
int se_file_turn(struct se_file *file, u64 deadline)
{
	struct se_chip *chip = file->chip;
	int ret;

	file->turn.changed = turn_changed;
	spin_lock_irq(&chip->lock);
	ret = se_turn_queue_locked(chip, &file->turn, false);
	spin_unlock_irq(&chip->lock);
	if (ret)
		return ret;

	ret = 0;
	if (turn_state(file) == SE_TURN_QUEUED)
		ret = se_wait_interruptible_hrtimeout(file->wait,
						      turn_state(file) != SE_TURN_QUEUED,
						      se_time_left(deadline));
	if (!ret) {
		if (turn_state(file) == SE_TURN_HELD)
			return 0;
		ret = -ENODEV;
	}

	se_file_turn_end(file);
	if (ret == -ETIME)
		return -ETIMEDOUT;
	return ret == -ENODEV ? -ENODEV : -EINTR;
}

/**
 * se_file_turn_end() - give the file's turn back
 * @file: after se_file_turn(), no exchange under way
 */
void se_file_turn_end(struct se_file *file)
{
	spin_lock_irq(&file->chip->lock);
	se_turn_end_locked(file->chip, &file->turn);
	spin_unlock_irq(&file->chip->lock);
}

/**
 * se_file_xfer() - make one exchange and wait for its end
 * @file: holds the turn
 * @xfer: inputs set
 * @settle: do not give up on a signal
 *
 * Return: @xfer->error; @xfer->outcome is right in every case.
 */
int se_file_xfer(struct se_file *file, struct se_xfer *xfer, bool settle)
{
	struct se_chip *chip = file->chip;
	int ret;

	xfer->done = NULL;
	xfer->wait = &file->wait;
	spin_lock_irq(&chip->lock);
	if (file->turn.state != SE_TURN_HELD) {
		xfer->error = chip->dead ? -ENODEV : -ETIMEDOUT;
		xfer->outcome = SE_OUTCOME_NOT_SENT;
		xfer->rsp_len = 0;
		xfer->sw = 0;
		ret = xfer->error;
	} else {
		ret = se_xfer_start_locked(chip, xfer);
	}
	spin_unlock_irq(&chip->lock);
	if (ret)
		return ret;

	if (!settle && se_wait_interruptible(file->wait, se_xfer_is_done(chip, xfer)))
		se_xfer_abandon(chip, xfer, -EINTR);
	/* idle: a long deadline is no hung task */
	se_wait_idle(file->wait, se_xfer_is_done(chip, xfer));
	return xfer->error;
}
