// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue: who may use the SE, one at a time.
 *
 * Turns are granted by the time at which they were asked for, less a second for
 * each step of priority: whoever waits overtakes, sooner or later, all that comes
 * new, so nobody starves. While a file holds the lock only its turns are granted,
 * and the driver's own.
 *
 * A turn is taken back from a holder that leaves the SE idle for too long (a
 * thread that gets no time to run), and no exchange goes on after SE_TURN_MAX_NS,
 * whatever its deadline (an SE may ask for more time for ever): no process can
 * keep the others out for good.
 */
#include <linux/ktime.h>

#include "se-chip.h"
#include "se-session.h"

#define SE_TURN_IDLE_NS	NSEC_PER_SEC

/* a deadline may be further away than the jiffies of a 32-bit machine go */
#define SE_WATCH_MAX_NS	(3600ULL * NSEC_PER_SEC)

/* The first that may have it. */
static struct se_turn *next_turn(struct se_chip *chip)
{
	struct se_turn *turn;

	list_for_each_entry(turn, &chip->turns, node)
		if (!chip->owner || !turn->file || turn->file == chip->owner)
			return turn;
	return NULL;
}

/**
 * se_turn_grant_locked() - give the turn to the next, if nobody has it
 * @chip: the chip, its lock held
 *
 * A holder may give its turn back at once, from inside its callback; the loop
 * then goes on, so that the stack does not grow with the queue.
 */
void se_turn_grant_locked(struct se_chip *chip)
{
	struct se_turn *turn;

	lockdep_assert_held(&chip->lock);
	if (chip->granting || chip->dead)
		return;
	chip->granting = true;
	while (!chip->turn && (turn = next_turn(chip))) {
		list_del_init(&turn->node);
		turn->state = SE_TURN_HELD;
		chip->turn = turn;
		se_stat_time(chip, queue, ktime_get_ns() - turn->since);
		chip->turn_end = ktime_get_ns() + SE_TURN_MAX_NS;
		se_turn_idle_locked(chip);
		turn->changed(chip, turn);
	}
	chip->granting = false;
	if (!chip->turn)
		se_power_unused_locked(chip);
}

/**
 * se_turn_queue_locked() - ask for a turn
 * @chip: the chip, its lock held
 * @turn: not in use
 *
 * turn->changed is called when it is granted, perhaps before this returns.
 *
 * Return: 0 or -ENODEV.
 */
int se_turn_queue_locked(struct se_chip *chip, struct se_turn *turn)
{
	struct se_turn *other;

	lockdep_assert_held(&chip->lock);
	if (chip->dead) {
		turn->state = SE_TURN_REVOKED;
		return -ENODEV;
	}
	turn->state = SE_TURN_QUEUED;
	turn->since = ktime_get_ns();
	turn->key = turn->file ? (s64)turn->since - turn->priority * (s64)SE_PRIORITY_NS : S64_MIN;
	/* from the end: most come with the same priority */
	list_for_each_entry_reverse(other, &chip->turns, node)
		if (other->key <= turn->key)
			break;
	list_add(&turn->node, &other->node);
	se_turn_grant_locked(chip);
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
	if (chip->turn == turn)
		chip->turn = NULL;
	se_turn_grant_locked(chip);
}

/**
 * se_turn_idle_locked() - the holder of the turn has no exchange under way
 * @chip: the chip, its lock held
 *
 * Starts the time after which se_queue_watch() takes the turn from it.
 */
void se_turn_idle_locked(struct se_chip *chip)
{
	lockdep_assert_held(&chip->lock);
	chip->turn_idle_end = ktime_get_ns() + SE_TURN_IDLE_NS;
	se_queue_watch_locked(chip, chip->turn_idle_end);
}

/**
 * se_queue_watch_locked() - have the watch look at the queue
 * @chip: the chip, its lock held
 * @when: at that time, nanoseconds, or soon after
 */
void se_queue_watch_locked(struct se_chip *chip, u64 when)
{
	u64 now;

	lockdep_assert_held(&chip->lock);
	if (chip->dead || when >= chip->queue_watch_at)
		return;
	now = ktime_get_ns();
	when = min(when, now + SE_WATCH_MAX_NS);
	chip->queue_watch_at = when;
	kthread_mod_delayed_work(chip->worker, &chip->queue_watch,
				 when > now ? nsecs_to_jiffies(when - now) + 1 : 0);
}

/* Take the turn from a holder that does nothing with it. */
static u64 watch_idle(struct se_chip *chip, u64 now)
{
	struct se_turn *turn = chip->turn;

	/* the end of the exchange starts the time anew */
	if (!turn || chip->xfer)
		return U64_MAX;
	if (now < chip->turn_idle_end)
		return chip->turn_idle_end;
	chip->turn = NULL;
	turn->state = SE_TURN_REVOKED;
	turn->changed(chip, turn);
	return U64_MAX;
}

static u64 watch_waiting(struct se_chip *chip, u64 now)
{
	struct se_op *op, *next;
	u64 when = U64_MAX;

	list_for_each_entry_safe(op, next, &chip->waiting, waiting) {
		if (now < op->deadline)
			when = min(when, op->deadline);
		else
			se_op_drop_locked(op, -ETIMEDOUT);
	}
	return when;
}

/**
 * se_queue_watch() - end what has waited, held the lock or been idle for too long
 * @work: se_chip.queue_watch
 */
void se_queue_watch(struct kthread_work *work)
{
	struct se_chip *chip = container_of(work, struct se_chip, queue_watch.work);
	u64 now = ktime_get_ns();
	u64 when;

	spin_lock_irq(&chip->lock);
	chip->queue_watch_at = U64_MAX;
	if (!chip->dead) {
		/* the lists are walked before anybody is granted anything */
		chip->granting = true;
		if (chip->owner && now >= chip->owner_end)
			se_lock_expire_locked(chip);
		when = chip->owner ? chip->owner_end : U64_MAX;
		when = min(when, watch_idle(chip, now));
		when = min(when, watch_waiting(chip, now));
		chip->granting = false;
		if (when != U64_MAX)
			se_queue_watch_locked(chip, when);
		se_turn_grant_locked(chip);
	}
	spin_unlock_irq(&chip->lock);
}

/**
 * se_turn_revoke_all() - the SE is gone: nobody gets a turn any more
 * @chip: it is marked dead
 *
 * In one with the mark, so that nothing is queued behind it.
 */
void se_turn_revoke_all(struct se_chip *chip)
{
	struct se_turn *turn, *next_turn;
	struct se_op *op, *next;

	spin_lock_irq(&chip->lock);
	chip->dead = true;
	list_for_each_entry_safe(op, next, &chip->waiting, waiting)
		se_op_drop_locked(op, -ENODEV);
	/* the driver's own */
	list_for_each_entry_safe(turn, next_turn, &chip->turns, node) {
		list_del_init(&turn->node);
		turn->state = SE_TURN_REVOKED;
		turn->changed(chip, turn);
	}
	chip->owner = NULL;
	spin_unlock_irq(&chip->lock);
	wake_up_all(&chip->wait);
}

/**
 * se_queue_init() - part of making a chip
 * @chip: being made
 */
void se_queue_init(struct se_chip *chip)
{
	INIT_LIST_HEAD(&chip->turns);
	INIT_LIST_HEAD(&chip->waiting);
	chip->queue_watch_at = U64_MAX;
	kthread_init_delayed_work(&chip->queue_watch, se_queue_watch);
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
