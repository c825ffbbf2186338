// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power: the core's half of runtime PM and of system sleep.
 *
 * The worker alone switches the supply and speaks to the SE. The callbacks of
 * runtime PM and of system sleep ask it and wait; it never waits for them, so
 * that neither can hold the other up.
 *
 * Runtime PM: there is no usage count. An exchange only notes that it was there,
 * and the worker refuses a suspend that comes at a bad time; that keeps runtime
 * PM off the way of an APDU. Whoever has something in the SE that does not
 * survive its power (a logical channel, a turn, a lock) keeps it powered. Where
 * nothing switches the supply, a suspended device is one that nobody talks to,
 * no more: the SE goes to sleep by itself, and keeps its state.
 *
 * System sleep: nothing new begins. The exchange that is on the wire may end;
 * after SE_SLEEP_MS its caller is told what is known of it. Callers that wait
 * are frozen where they are and go on afterwards; CLOCK_MONOTONIC and with it
 * their deadlines stand still meanwhile.
 */
#include <linux/ktime.h>
#include <linux/pm_runtime.h>
#include <linux/suspend.h>

#include "se-chip.h"

/* Devices of a laptop or a phone get some seconds in all to go to sleep. */
#define SE_SLEEP_MS	2000

/* An SE that works answers S(RELEASE) at once; nobody waits for one that does not. */
#define SE_RELEASE_MS	300

static bool can_switch(struct se_chip *chip)
{
	return (chip->caps & SE_CAP_POWER) && chip->ops->power;
}

/* Has somebody something to do with the SE, or something in it? Lock held. */
static bool in_use(struct se_chip *chip)
{
	return chip->xfer || chip->turn || !list_empty(&chip->turns) || chip->reset ||
	       chip->owner ||
	       (can_switch(chip) && (chip->owner || chip->channels || chip->closer.pending));
}

static bool is_quiet(struct se_chip *chip)
{
	return chip->op == SE_LINK_NONE && !chip->starting;
}

/**
 * se_power_init() - the SE has power, as the transport left it
 * @chip: being made
 */
void se_power_init(struct se_chip *chip)
{
	init_waitqueue_head(&chip->power.wait);
	chip->power.on = true;
	chip->power.active = true;
}

/**
 * se_power_start() - let runtime PM have the bus device
 * @chip: its worker runs
 */
void se_power_start(struct se_chip *chip)
{
	struct device *dev = chip->parent;

	pm_runtime_set_active(dev);
	pm_runtime_set_autosuspend_delay(dev, chip->policy.autosuspend_ms);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_enable(dev);
}

/**
 * se_power_stop() - the reverse; no callback runs any more
 * @chip: its worker still runs
 */
void se_power_stop(struct se_chip *chip)
{
	struct device *dev = chip->parent;

	spin_lock_irq(&chip->lock);
	chip->power.stopping = true;
	spin_unlock_irq(&chip->lock);
	wake_up_all(&chip->power.wait);
	pm_runtime_disable(dev);
	pm_runtime_dont_use_autosuspend(dev);
	pm_runtime_set_suspended(dev);
}

/**
 * se_power_set_autosuspend() - after how much idle time the supply is taken away
 * @chip: registered
 * @ms: time
 */
void se_power_set_autosuspend(struct se_chip *chip, u32 ms)
{
	pm_runtime_set_autosuspend_delay(chip->parent, min_t(u32, ms, INT_MAX));
}

/**
 * se_power_get() - something is wanted of the SE
 * @chip: worker context, nothing is on the wire
 *
 * Return: true if the SE may be spoken to, or will not be able to for good
 * (SE_STATE_DEAD). After false the work is queued again when that has changed.
 */
bool se_power_get(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	bool wait, active;
	int ret;

	spin_lock_irq(&chip->lock);
	wait = p->sleep_wanted || p->cutting;
	active = p->active;
	spin_unlock_irq(&chip->lock);
	if (wait)
		return false;
	if (!active) {
		ret = pm_request_resume(chip->parent);
		/* what has not lost its power need not wait for that */
		if (!p->on && (ret >= 0 || ret == -EINPROGRESS))
			return false;
	}
	if (likely(p->on))
		return true;

	ret = chip->ops->power(chip, true);
	if (ret) {
		dev_err(chip->parent, "power on: %d\n", ret);
		se_chip_set_state(chip, SE_STATE_DEAD, SE_REASON_POWER);
		return true;
	}
	p->on = true;
	se_link_restart(chip, SE_REASON_POWER, true);
	return false;
}

/**
 * se_power_unused_locked() - nobody has the SE any more
 * @chip: the chip, its lock held
 *
 * If that kept it from being suspended, it is tried again.
 */
void se_power_unused_locked(struct se_chip *chip)
{
	lockdep_assert_held(&chip->lock);
	if (chip->power.refused && !chip->dead)
		kthread_queue_work(chip->worker, &chip->work);
}

/**
 * se_power_idle() - nothing is wanted of the SE for now
 * @chip: worker context
 */
void se_power_idle(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	bool again;

	pm_runtime_mark_last_busy(chip->parent);
	if (!READ_ONCE(p->refused))
		return;
	spin_lock_irq(&chip->lock);
	again = !in_use(chip);
	if (again)
		p->refused = false;
	spin_unlock_irq(&chip->lock);
	if (again)
		pm_request_autosuspend(chip->parent);
}

/* Tell the callback of runtime PM. Lock held. */
static void answer_idle(struct se_chip *chip, int error)
{
	struct se_power *p = &chip->power;

	if (!p->idle_wanted)
		return;
	p->idle_wanted = false;
	p->error = error;
	if (error)
		p->refused = true;
	else
		p->active = false;
	wake_up_all(&p->wait);
	/* who came meanwhile was sent away */
	if (!chip->dead && (chip->xfer || chip->reset))
		kthread_queue_work(chip->worker, &chip->work);
}

/*
 * Nobody has anything in the SE: from here on it is as good as off. The
 * generation moves now, in one with the look at who is there, so that whoever
 * comes next is not told that something was lost which he never had.
 */
static bool begin_cut(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	bool begun;

	spin_lock_irq(&chip->lock);
	begun = !in_use(chip);
	if (begun) {
		p->cutting = true;
		p->release_end = ktime_get_ns() + SE_RELEASE_MS * NSEC_PER_MSEC;
		se_chip_move_generation_locked(chip, true);
	}
	spin_unlock_irq(&chip->lock);
	if (!begun)
		return false;
	p->told = true;
	se_chip_generation_moved(chip, SE_REASON_POWER);
	/* so that the SE can put its house in order */
	if (chip->state == SE_STATE_IDLE && chip->dialect->s_release != SE_T1_NO_CODE)
		se_link_release(chip);
	return true;
}

static int end_cut(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	int ret;

	ret = chip->ops->power(chip, false);
	spin_lock_irq(&chip->lock);
	p->cutting = false;
	spin_unlock_irq(&chip->lock);
	if (ret) {
		dev_err(chip->parent, "power off: %d\n", ret);
		se_link_restart(chip, SE_REASON_POWER, false);
		return -EBUSY;
	}
	p->on = false;
	se_stat_inc(chip, power_offs);
	if (chip->state != SE_STATE_DEAD)
		se_chip_set_state(chip, SE_STATE_OFF, SE_REASON_POWER);
	return 0;
}

static void look_at_idle(struct se_chip *chip, u64 now)
{
	struct se_power *p = &chip->power;
	int error = 0;

	if (!p->cutting && !is_quiet(chip))
		error = -EBUSY;
	else if (p->on && can_switch(chip) && !p->cutting && !begin_cut(chip))
		error = -EBUSY;
	if (p->cutting && !is_quiet(chip)) {
		if (now < p->release_end)
			return;
		se_link_park(chip);
	}
	if (p->cutting)
		error = end_cut(chip);

	spin_lock_irq(&chip->lock);
	if (!error && in_use(chip))
		error = p->on ? -EBUSY : 0;
	answer_idle(chip, error);
	spin_unlock_irq(&chip->lock);
}

static void look_at_sleep(struct se_chip *chip, u64 now)
{
	struct se_power *p = &chip->power;

	if (is_quiet(chip) && p->on && can_switch(chip) && !p->cutting)
		begin_cut(chip);
	if (!is_quiet(chip)) {
		if (now < (p->cutting ? p->release_end : p->sleep_cap))
			return;
		/* what is left of an abandoned command is awaited afterwards */
		p->restart = !se_link_park(chip);
	}
	/* an SE that does not answer S(RELEASE) goes without */
	if (p->cutting && !end_cut(chip))
		p->restart = false;

	spin_lock_irq(&chip->lock);
	p->parked = true;
	spin_unlock_irq(&chip->lock);
	wake_up_all(&p->wait);
}

/**
 * se_power_step() - do what the callbacks ask for
 * @chip: worker context
 * @now: nanoseconds
 */
void se_power_step(struct se_chip *chip, u64 now)
{
	struct se_power *p = &chip->power;
	bool idle, sleep;

	spin_lock_irq(&chip->lock);
	idle = p->idle_wanted;
	sleep = p->sleep_wanted && !p->parked;
	spin_unlock_irq(&chip->lock);
	if (idle)
		look_at_idle(chip, now);
	if (sleep)
		look_at_sleep(chip, now);
}

/**
 * se_power_parked() - does the system sleep?
 * @chip: worker context
 *
 * Also takes up again what was left when it went to sleep.
 *
 * Return: true if nothing may be done.
 */
bool se_power_parked(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	bool parked, resumed;

	spin_lock_irq(&chip->lock);
	parked = p->parked;
	resumed = p->resumed;
	p->resumed = false;
	spin_unlock_irq(&chip->lock);
	if (parked || !resumed)
		return parked;

	if (p->restart && p->on)
		se_link_restart(chip, SE_REASON_POWER, false);
	else
		se_link_unpark(chip);
	p->restart = false;
	return false;
}

/**
 * se_power_give_up_locked() - may the exchange on the wire go on?
 * @chip: worker context, the lock held
 * @now: nanoseconds
 *
 * Return: 0, or -EHOSTDOWN if the system goes to sleep and cannot wait longer.
 */
int se_power_give_up_locked(struct se_chip *chip, u64 now)
{
	lockdep_assert_held(&chip->lock);
	return chip->power.sleep_wanted && now >= chip->power.sleep_cap ? -EHOSTDOWN : 0;
}

/**
 * se_power_deadline() - when the worker is to look again
 * @chip: worker context
 *
 * Return: nanoseconds, U64_MAX for never.
 */
u64 se_power_deadline(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	u64 when = U64_MAX;

	spin_lock_irq(&chip->lock);
	if (p->cutting)
		when = p->release_end;
	else if (p->sleep_wanted && !p->parked)
		when = p->sleep_cap;
	spin_unlock_irq(&chip->lock);
	return when;
}

/**
 * se_chip_runtime_suspend() - the SE has been idle for long enough
 * @chip: registered
 *
 * Return: 0, or -EBUSY.
 */
int se_chip_runtime_suspend(struct se_chip *chip)
{
	struct se_power *p = &chip->power;
	int ret;

	spin_lock_irq(&chip->lock);
	if (chip->dead || p->stopping) {
		spin_unlock_irq(&chip->lock);
		return -EBUSY;
	}
	p->idle_wanted = true;
	kthread_queue_work(chip->worker, &chip->work);
	spin_unlock_irq(&chip->lock);

	wait_event(p->wait, !READ_ONCE(p->idle_wanted) || READ_ONCE(p->stopping));

	spin_lock_irq(&chip->lock);
	answer_idle(chip, -EBUSY);	/* that went away meanwhile */
	ret = p->error;
	spin_unlock_irq(&chip->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(se_chip_runtime_suspend);

/**
 * se_chip_runtime_resume() - the device may be used again
 * @chip: registered
 *
 * The supply comes on with the first exchange, not here.
 *
 * Return: 0.
 */
int se_chip_runtime_resume(struct se_chip *chip)
{
	spin_lock_irq(&chip->lock);
	chip->power.active = true;
	if (!chip->dead)
		kthread_queue_work(chip->worker, &chip->work);
	spin_unlock_irq(&chip->lock);
	return 0;
}
EXPORT_SYMBOL_GPL(se_chip_runtime_resume);

/**
 * se_chip_suspend() - the system goes to sleep
 * @chip: registered
 *
 * When this returns, the core calls no function of the transport any more until
 * se_chip_resume().
 *
 * Return: 0.
 */
int se_chip_suspend(struct se_chip *chip)
{
	struct se_power *p = &chip->power;

	spin_lock_irq(&chip->lock);
	if (chip->dead) {
		spin_unlock_irq(&chip->lock);
		return 0;
	}
	p->sleep_wanted = true;
	p->sleep_cap = ktime_get_ns() + SE_SLEEP_MS * NSEC_PER_MSEC;
	kthread_queue_work(chip->worker, &chip->work);
	spin_unlock_irq(&chip->lock);

	/* soon after the cap: S(RELEASE) takes some block waiting times at most */
	wait_event(p->wait, READ_ONCE(p->parked));
	return 0;
}
EXPORT_SYMBOL_GPL(se_chip_suspend);

/**
 * se_chip_resume() - the system is awake
 * @chip: after se_chip_suspend()
 *
 * Where the firmware had the machine, the SE may have been without power: it is
 * started up again and the generation moves.
 *
 * Return: 0.
 */
int se_chip_resume(struct se_chip *chip)
{
	struct se_power *p = &chip->power;

	spin_lock_irq(&chip->lock);
	p->sleep_wanted = false;
	p->parked = false;
	p->resumed = true;
	if (pm_resume_via_firmware())
		p->restart = true;
	if (!chip->dead)
		kthread_queue_work(chip->worker, &chip->work);
	spin_unlock_irq(&chip->lock);
	return 0;
}
EXPORT_SYMBOL_GPL(se_chip_resume);
