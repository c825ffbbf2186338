// SPDX-License-Identifier: GPL-2.0-only
/*
 * SE_IOC_LOCK: the SE for oneself, for a while.
 *
 * The lock is asked for like a turn and granted in its turn; then the queue gives
 * turns to its owner only. So who asks again and again has to wait for all who
 * came in between. se_queue_watch() ends the hold.
 */
#include <linux/fs.h>
#include <linux/ktime.h>

#include "se-chip.h"
#include "se-session.h"

/**
 * struct lock_op - a caller that waits for the lock
 * @op: its place in the queue
 * @hold_ns: for how long
 * @expires: out: until when
 */
struct lock_op {
	struct se_op op;
	u64 hold_ns;
	u64 expires;
};

static void take_locked(struct se_file *file, struct lock_op *lo)
{
	struct se_chip *chip = file->chip;

	chip->owner = file;
	chip->owner_end = ktime_get_ns() + lo->hold_ns;
	lo->expires = chip->owner_end;
	se_stat_inc(chip, locks);
	file->lock_lost = false;
	se_queue_watch_locked(chip, chip->owner_end);
}

/* Another thread may have been faster, with the lock or with a filter. */
static int check_locked(struct se_file *file)
{
	if (se_filter_forbids_locked(file, SE_FILTER_NO_LOCK))
		return -EACCES;
	return file->chip->owner == file ? -EDEADLK : 0;
}

static void lock_changed(struct se_op *op, int error)
{
	struct se_file *file = op->file;

	if (!error) {
		error = check_locked(file);
		if (!error)
			take_locked(file, container_of(op, struct lock_op, op));
		se_op_end_locked(op);
	}
	op->told = true;
	op->error = error;
	wake_up_all(&op->wait);
}

static u32 hold_ms(struct se_chip *chip, u32 wanted)
{
	u32 max = min_t(u32, READ_ONCE(chip->policy.hold_max_ms), SE_LOCK_HOLD_MAX_MS);

	return wanted ? min(wanted, max) : max;
}

/* Return: 0, or why there is no point in waiting. */
static int try_lock(struct se_file *file, struct lock_op *lo, bool nonblock)
{
	struct se_chip *chip = file->chip;
	int ret;

	spin_lock_irq(&chip->lock);
	ret = chip->dead ? -ENODEV : check_locked(file);
	if (!ret && nonblock) {
		if (chip->owner || chip->turn || !list_empty(&chip->turns))
			ret = -EBUSY;
		else
			take_locked(file, lo);
	}
	spin_unlock_irq(&chip->lock);
	return ret;
}

static int check(struct se_file *file, const struct se_lock *lock)
{
	int ret;

	if (lock->flags & ~SE_LOCK_NONBLOCK || lock->reserved)
		return -EINVAL;
	ret = se_priority_check(lock->priority);
	if (ret)
		return ret;
	return file->filp->f_mode & FMODE_WRITE ? 0 : -EPERM;
}

/**
 * se_lock_run() - SE_IOC_LOCK
 * @file: open file
 * @lock: in and out
 *
 * Return: 0 or negative errno.
 */
int se_lock_run(struct se_file *file, struct se_lock *lock)
{
	struct se_chip *chip = file->chip;
	struct lock_op lo;
	int ret;

	ret = check(file, lock);
	if (ret)
		return ret;
	lock->hold_ms = hold_ms(chip, lock->hold_ms);
	se_op_init(&lo.op, file, SE_OP_LOCK, lock->priority);
	lo.op.changed = lock_changed;
	lo.op.deadline = se_deadline(chip, lock->deadline_ns, 1);
	lo.hold_ns = (u64)lock->hold_ms * NSEC_PER_MSEC;
	lo.expires = 0;

	ret = try_lock(file, &lo, lock->flags & SE_LOCK_NONBLOCK);
	if (!ret && !(lock->flags & SE_LOCK_NONBLOCK))
		ret = se_op_wait(&lo.op);

	spin_lock_irq(&chip->lock);
	lock->expires_ns = lo.expires;
	lock->generation = chip->generation;
	spin_unlock_irq(&chip->lock);
	return ret;
}

/**
 * se_lock_unlock() - SE_IOC_UNLOCK
 * @file: open file
 *
 * Return: 0, -ENOLCK if it does not hold the lock (any more), -ENODEV.
 */
int se_lock_unlock(struct se_file *file)
{
	struct se_chip *chip = file->chip;
	int ret = 0;

	spin_lock_irq(&chip->lock);
	file->lock_lost = false;
	if (chip->dead) {
		ret = -ENODEV;
	} else if (chip->owner != file) {
		ret = -ENOLCK;
	} else {
		chip->owner = NULL;
		se_turn_grant_locked(chip);
	}
	spin_unlock_irq(&chip->lock);
	return ret;
}

/**
 * se_lock_expire_locked() - the hold has ended
 * @chip: it has an owner; its lock is held
 *
 * A stream of the owner that is under way ends behind the APDU on the wire.
 */
void se_lock_expire_locked(struct se_chip *chip)
{
	struct se_file *file = chip->owner;

	lockdep_assert_held(&chip->lock);
	chip->owner = NULL;
	se_stat_inc(chip, lock_timeouts);
	file->lock_lost = true;
	file->lock_lost_seen = false;
	if (chip->turn && chip->turn->file == file) {
		struct se_op *op = container_of(chip->turn, struct se_op, turn);

		if (op->kind == SE_OP_STREAM && !op->stop)
			op->stop = -ENOLCK;
	}
	wake_up_all(&file->wait);
	se_turn_grant_locked(chip);
}

/**
 * se_lock_state_locked() - how the lock looks from a file
 * @file: open file; the chip's lock is held
 *
 * Return: enum se_lock_state.
 */
enum se_lock_state se_lock_state_locked(struct se_file *file)
{
	struct se_chip *chip = file->chip;

	lockdep_assert_held(&chip->lock);
	if (chip->owner == file)
		return SE_LOCK_MINE;
	if (file->lock_lost)
		return SE_LOCK_LOST;
	return chip->owner ? SE_LOCK_OTHER : SE_LOCK_FREE;
}
