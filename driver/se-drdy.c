// SPDX-License-Identifier: GPL-2.0-only
/*
 * Noticing that the SE has something to say.
 *
 * The interrupt is enabled only while a block is awaited and is masked by its
 * handler, so level and edge, GPIO controllers on the SoC and on slow buses all
 * work alike. A board without the line is polled at the SE's own interval
 * (MPOT).
 *
 * Boards lie about their interrupt: the line is not wired, wired to another pin,
 * or stuck. So it is watched while it is used, by slow looks that get rarer the
 * longer the SE computes. A block that such a look finds, and that the interrupt
 * does not announce while the block is being read, is a lost interrupt. The
 * first exchanges after the driver is bound are a self-test: as long as the line
 * has announced nothing, one lost interrupt is enough to give it up; later a few
 * in close succession are. Interrupts that do not stop are given up as well.
 * Whoever has been given up is put on trial again after a while: polling goes
 * on, with the interrupt enabled beside it.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>

#include "se-compat.h"
#include "se-drdy.h"

/* Slow looks, in polling intervals: at the line, where it can be read, or the bus */
#define WATCH_LINE	16
#define WATCH_BUS	64
#define WATCH_MAX_US	(2 * USEC_PER_SEC)

#define TROUBLE_LOST	8	/* for one lost interrupt, against one for a good one */
#define TROUBLE_MAX	24

#define STORM_MS	100
#define STORM_MAX	10

#define TRIAL_GOOD	3	/* announced blocks that end a trial well */
#define RETRY_MIN_MS	1000
#define RETRY_MAX_MS	(5 * 60 * 1000)
#define STEADY		256	/* good ones in a row: old troubles are forgotten */

/* bits of se_drdy.state */
#define DRDY_IRQ	0	/* the interrupt is enabled */
#define DRDY_TIMER	1	/* @timer runs */
#define DRDY_WATCH	2	/* @watch runs */

enum drdy_cause {
	CAUSE_NONE,	/* the core's own look, at the end of a waiting time */
	CAUSE_IRQ,
	CAUSE_TIMER,
	CAUSE_WATCH,
};

/*
 * What the line says. Not every GPIO controller can tell: then @unknown is
 * returned. Sleeps.
 */
static bool line_active(struct se_drdy *d, bool unknown)
{
	bool high;

	if (irq_get_irqchip_state(d->irq, IRQCHIP_STATE_LINE_LEVEL, &high))
		return unknown;
	return high != d->low;
}

/* A line that has shown that it works need not be checked over the bus. */
static bool line_trusted(struct se_drdy *d)
{
	return d->level_known && d->proven && !d->trouble;
}

/* Hard interrupt, or a thread where the GPIO controller is on a slow bus. */
static irqreturn_t drdy_irq(int irq, void *data)
{
	struct se_drdy *d = data;

	/*
	 * Disabled before the bit says so: as soon as it is clear the worker, on
	 * another CPU, may enable it again.
	 */
	disable_irq_nosync(irq);
	if (!test_and_clear_bit(DRDY_IRQ, &d->state)) {
		enable_irq(irq);
		return IRQ_NONE;
	}
	WRITE_ONCE(d->cause, CAUSE_IRQ);
	/* in a guard time the worker could do nothing but go to sleep again */
	if (ktime_before(ktime_get(), d->not_before) &&
	    !test_and_set_bit(DRDY_TIMER, &d->state))
		hrtimer_start(&d->timer, d->not_before, HRTIMER_MODE_ABS);
	else
		se_chip_data_ready(d->chip);
	return IRQ_HANDLED;
}

static enum hrtimer_restart drdy_timer(struct hrtimer *timer)
{
	struct se_drdy *d = container_of(timer, struct se_drdy, timer);

	if (test_and_clear_bit(DRDY_TIMER, &d->state)) {
		cmpxchg(&d->cause, CAUSE_NONE, CAUSE_TIMER);
		se_chip_data_ready(d->chip);
	}
	return HRTIMER_NORESTART;
}

/*
 * The watch is not cancelled when a block comes, it finds out when it expires:
 * in a busy time that is once for many exchanges.
 */
static enum hrtimer_restart drdy_watch(struct hrtimer *timer)
{
	struct se_drdy *d = container_of(timer, struct se_drdy, watch);
	ktime_t at;

	if (!test_bit(DRDY_IRQ, &d->state)) {
		clear_bit(DRDY_WATCH, &d->state);
		/* pairs with the one in arm_irq(): either of us sees the other */
		smp_mb__after_atomic();
		if (!test_bit(DRDY_IRQ, &d->state) || test_and_set_bit(DRDY_WATCH, &d->state))
			return HRTIMER_NORESTART;
	}
	at = atomic64_read(&d->watch_at);
	if (ktime_after(at, ktime_get())) {
		hrtimer_set_expires(timer, at);
		return HRTIMER_RESTART;
	}
	clear_bit(DRDY_WATCH, &d->state);
	cmpxchg(&d->cause, CAUSE_NONE, CAUSE_WATCH);
	se_chip_data_ready(d->chip);
	return HRTIMER_NORESTART;
}

/*
 * Each setting of DRDY_IRQ goes with one enable_irq() and each clearing with
 * one disable_irq_nosync(). Only the worker sets it; what the handler clears it
 * has disabled before. An edge that comes while the interrupt is disabled is kept
 * by the interrupt core.
 */
static void arm_irq(struct se_drdy *d)
{
	ktime_t at = ktime_add_us(ktime_get(), d->watch_us);

	/*
	 * With an edge interrupt a second block that was waiting behind the one
	 * just read gives no edge. Where the line cannot be asked, the watch is
	 * the way out.
	 */
	if (d->edge && !d->sent && line_active(d, false)) {
		WRITE_ONCE(d->cause, CAUSE_IRQ);
		se_chip_data_ready(d->chip);
		return;
	}
	atomic64_set(&d->watch_at, at);
	if (!test_and_set_bit(DRDY_IRQ, &d->state))
		enable_irq(d->irq);
	smp_mb__after_atomic();	/* see drdy_watch() */
	if (!test_and_set_bit(DRDY_WATCH, &d->state))
		hrtimer_start(&d->watch, at, HRTIMER_MODE_ABS);
}

static void disarm_irq(struct se_drdy *d)
{
	if (test_and_clear_bit(DRDY_IRQ, &d->state))
		disable_irq_nosync(d->irq);
}

/* The first look comes after the guard time, the others by MPOT. */
static void arm_timer(struct se_drdy *d)
{
	ktime_t now = ktime_get(), at = d->not_before;

	if (d->looked)
		at = ktime_add_us(now, d->mpot_us);
	else if (ktime_before(at, now))
		at = now;
	d->looked = true;
	if (!test_and_set_bit(DRDY_TIMER, &d->state))
		hrtimer_start(&d->timer, at, HRTIMER_MODE_ABS);
}

static void arm(struct se_drdy *d)
{
	if (!d->expecting) {
		WRITE_ONCE(d->cause, CAUSE_NONE);
		d->expecting = true;
		d->watch_us = (line_trusted(d) ? WATCH_LINE : WATCH_BUS) * d->mpot_us;
	}
	if (d->mode == SE_IRQ_MODE_IRQ && !d->backoff) {
		arm_irq(d);
		return;
	}
	if (d->mode == SE_IRQ_MODE_POLL && d->irq && d->policy == SE_IRQ_POLICY_AUTO &&
	    !d->trial && ktime_after(ktime_get(), d->retry_at)) {
		d->trial = true;
		d->good = 0;
		d->trouble = 0;
	}
	if (d->trial && !test_and_set_bit(DRDY_IRQ, &d->state))
		enable_irq(d->irq);
	arm_timer(d);
}

static void disarm(struct se_drdy *d)
{
	d->expecting = false;
	if (test_and_clear_bit(DRDY_TIMER, &d->state))
		hrtimer_try_to_cancel(&d->timer);
	disarm_irq(d);
}

static void set_mode(struct se_drdy *d, enum se_irq_mode mode)
{
	d->mode = mode;
	d->trial = false;
	d->backoff = false;
	d->trouble = 0;
	d->good = 0;
	d->storm = 0;
	se_chip_set_irq_mode(d->chip, mode);
}

/* The interrupt is not to be tried again for a while, longer each time. */
static void retry_later(struct se_drdy *d)
{
	disarm_irq(d);
	d->trial = false;
	d->retry_at = ktime_add_ms(ktime_get(), d->retry_ms);
	d->retry_ms = min_t(u32, d->retry_ms * 2, RETRY_MAX_MS);
}

static void fall_back(struct se_drdy *d, const char *why)
{
	retry_later(d);
	if (!d->warned)
		dev_warn(d->dev, "data-ready interrupt %d %s; polling\n", d->irq, why);
	else
		dev_dbg(d->dev, "data-ready interrupt %d %s; polling\n", d->irq, why);
	d->warned = true;
	se_chip_irq_event(d->chip, SE_IRQ_EVENT_FALLBACK);
	set_mode(d, SE_IRQ_MODE_POLL);
}

static void irq_good(struct se_drdy *d)
{
	se_chip_irq_event(d->chip, SE_IRQ_EVENT_DATA);
	d->proven = true;
	d->good++;
	if (d->trouble)
		d->trouble--;
	if (d->good >= STEADY)
		d->retry_ms = RETRY_MIN_MS;
	if (d->trial && d->good >= TRIAL_GOOD) {
		dev_info(d->dev, "data-ready interrupt %d works again\n", d->irq);
		se_chip_irq_event(d->chip, SE_IRQ_EVENT_RETURN);
		set_mode(d, SE_IRQ_MODE_IRQ);
	}
}

/* While it is on trial polling goes on: now and then it may be early or late. */
static void trial_failed(struct se_drdy *d)
{
	d->trouble += TROUBLE_LOST;
	if (d->trouble >= TROUBLE_MAX)
		retry_later(d);
}

static void irq_spurious(struct se_drdy *d)
{
	ktime_t now = ktime_get();

	se_chip_irq_event(d->chip, SE_IRQ_EVENT_SPURIOUS);
	/*
	 * An edge cannot be stuck. One that belongs to a block which was found
	 * otherwise, while the interrupt was disabled, is given late: to back off
	 * for it would make the next one late as well, and so on.
	 */
	d->backoff = !d->edge;
	d->good = 0;
	if (d->trial) {
		trial_failed(d);
		return;
	}
	if (ktime_ms_delta(now, d->storm_since) > STORM_MS) {
		d->storm_since = now;
		d->storm = 0;
	}
	if (++d->storm < STORM_MAX)
		return;
	se_chip_irq_event(d->chip, SE_IRQ_EVENT_STORM);
	d->storm = 0;
	if (d->policy == SE_IRQ_POLICY_AUTO)
		fall_back(d, "does not stop");
}

static void irq_lost(struct se_drdy *d)
{
	se_chip_irq_event(d->chip, SE_IRQ_EVENT_LOST);
	d->good = 0;
	if (d->trial) {
		trial_failed(d);
		return;
	}
	d->trouble += d->proven ? TROUBLE_LOST : TROUBLE_MAX;
	if (d->trouble < TROUBLE_MAX)
		return;
	d->trouble = TROUBLE_MAX;
	if (d->policy == SE_IRQ_POLICY_AUTO)
		fall_back(d, d->proven ? "gets lost" : "does not come");
}

/**
 * se_drdy_request() - get the interrupt
 * @d: all zero
 * @dev: bus device
 * @irq: interrupt number, 0 or negative for none
 *
 * Return: 0 or negative errno.
 */
int se_drdy_request(struct se_drdy *d, struct device *dev, int irq)
{
	u32 type;
	int ret;

	d->dev = dev;
	d->retry_ms = RETRY_MIN_MS;
	d->mode = SE_IRQ_MODE_POLL;
	se_hrtimer_setup(&d->timer, drdy_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	se_hrtimer_setup(&d->watch, drdy_watch, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	if (irq <= 0)
		return 0;

	type = irq_get_trigger_type(irq);
	d->edge = type & IRQ_TYPE_EDGE_BOTH;
	d->low = type & (IRQ_TYPE_LEVEL_LOW | IRQ_TYPE_EDGE_FALLING);
	ret = devm_request_any_context_irq(dev, irq, drdy_irq, IRQF_NO_AUTOEN, dev_name(dev), d);
	if (ret < 0)
		return dev_err_probe(dev, ret, "data-ready interrupt %d\n", irq);
	d->irq = irq;
	d->mode = SE_IRQ_MODE_IRQ;
	return 0;
}
EXPORT_SYMBOL_GPL(se_drdy_request);

/**
 * se_drdy_start() - from now on for this chip
 * @d: after se_drdy_request()
 * @chip: not yet registered
 */
void se_drdy_start(struct se_drdy *d, struct se_chip *chip)
{
	bool high;

	d->chip = chip;
	d->level_known = d->irq && !irq_get_irqchip_state(d->irq, IRQCHIP_STATE_LINE_LEVEL, &high);
	/*
	 * Of an interrupt that has never been enabled the core keeps no edge: the
	 * controller does not look yet. The first answer may be faster than arm().
	 */
	if (d->irq && d->edge) {
		enable_irq(d->irq);
		disable_irq_nosync(d->irq);
	}
	se_chip_set_irq_mode(chip, d->mode);
}
EXPORT_SYMBOL_GPL(se_drdy_start);

/**
 * se_drdy_stop() - no interrupt and no timer any more
 * @d: its chip is unregistered
 */
void se_drdy_stop(struct se_drdy *d)
{
	disarm(d);
	if (d->irq)
		synchronize_irq(d->irq);
	hrtimer_cancel(&d->timer);
	hrtimer_cancel(&d->watch);
}
EXPORT_SYMBOL_GPL(se_drdy_stop);

/**
 * se_drdy_fresh() - the SE starts afresh, or has told its polling interval
 * @d: not expecting
 * @mpot_us: polling interval
 */
void se_drdy_fresh(struct se_drdy *d, u32 mpot_us)
{
	d->mpot_us = mpot_us;
	d->backoff = false;
}
EXPORT_SYMBOL_GPL(se_drdy_fresh);

/**
 * se_drdy_sent() - a block has been sent
 * @d: not expecting
 */
void se_drdy_sent(struct se_drdy *d)
{
	d->sent = true;
	d->looked = false;
}
EXPORT_SYMBOL_GPL(se_drdy_sent);

/**
 * se_drdy_guard() - there has been an access
 * @d: the interrupt may be enabled; then it may still go by the former value
 * @not_before: the next access may not begin earlier
 */
void se_drdy_guard(struct se_drdy *d, ktime_t not_before)
{
	d->not_before = not_before;
}
EXPORT_SYMBOL_GPL(se_drdy_guard);

/**
 * se_drdy_due() - is the bus to be read?
 * @d: expecting
 *
 * Return: true if so, to be followed by se_drdy_seen(). False: the line says
 * that there is nothing.
 */
bool se_drdy_due(struct se_drdy *d)
{
	d->looking = xchg(&d->cause, CAUSE_NONE);
	switch (d->looking) {
	case CAUSE_WATCH:
		d->watch_us = min_t(u32, d->watch_us * 2, WATCH_MAX_US);
		break;
	case CAUSE_NONE:
		/* an answer is overdue: the line may have failed since */
		if (d->sent || !test_bit(DRDY_IRQ, &d->state))
			return true;
		break;
	default:
		return true;
	}
	return !line_trusted(d) || line_active(d, true);
}
EXPORT_SYMBOL_GPL(se_drdy_due);

/**
 * se_drdy_seen() - what the bus said
 * @d: after se_drdy_due()
 * @ret: of the reception: see &se_transport_ops.receive
 */
void se_drdy_seen(struct se_drdy *d, int ret)
{
	bool something = ret > 0 || ret == -EPROTO || ret == -EMSGSIZE;
	bool announced = d->looking == CAUSE_IRQ;

	if (ret < 0 && !something)
		return;
	/* it may have come while the block was being read */
	if (!announced && something && cmpxchg(&d->cause, CAUSE_IRQ, CAUSE_NONE) == CAUSE_IRQ)
		announced = true;

	d->backoff = false;
	d->looked = true;
	if (something)
		d->sent = false;
	if (announced && something) {
		irq_good(d);
	} else if (announced) {
		irq_spurious(d);
	} else {
		se_chip_irq_event(d->chip, SE_IRQ_EVENT_POLL);
		if (something && test_bit(DRDY_IRQ, &d->state))
			irq_lost(d);
	}
}
EXPORT_SYMBOL_GPL(se_drdy_seen);

/**
 * se_drdy_expect() - &se_transport_ops.expect
 * @d: the line
 * @on: see there
 */
void se_drdy_expect(struct se_drdy *d, bool on)
{
	if (on)
		arm(d);
	else
		disarm(d);
}
EXPORT_SYMBOL_GPL(se_drdy_expect);

/**
 * se_drdy_set_policy() - &se_transport_ops.set_irq_policy
 * @d: the line
 * @policy: see there
 */
void se_drdy_set_policy(struct se_drdy *d, enum se_irq_policy policy)
{
	bool again = d->expecting;

	if (policy == d->policy)
		return;
	disarm(d);
	d->policy = policy;
	d->retry_ms = RETRY_MIN_MS;
	/* what comes back from a ban has to prove itself */
	if (d->mode == SE_IRQ_MODE_POLL)
		d->proven = false;
	if (d->irq)
		set_mode(d, policy == SE_IRQ_POLICY_POLL ? SE_IRQ_MODE_POLL : SE_IRQ_MODE_IRQ);
	if (again)
		arm(d);
}
EXPORT_SYMBOL_GPL(se_drdy_set_policy);
