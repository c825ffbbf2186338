// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link: exchanges and deadlines, on the chip's worker. Start-up and
 * recovery are in se-recover.c, what callers do with exchanges in se-xfer.c.
 *
 * There is one work. Whatever happens (data ready, a timer, a new exchange,
 * a caller that gives up) queues it; it looks at what is due and makes the next
 * step. No step waits for the SE.
 *
 * An exchange that its caller gives up is over for the caller at once, with
 * what is known then. The SE may still compute, and T=1 gives it the right to
 * answer first (ISO/IEC 7816-3, 11.2.2), so its answer is awaited and thrown
 * away before anything else is sent (SE_LINK_DRAIN). Of a command that has not
 * left as a whole no more is sent: S(ABORT) ends it where the SE hands the right
 * to send over, and so it does with a response that comes in parts. Policy
 * says how long that may last; then comes RESYNCH (SE_LINK_ABORT).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-trace.h"

static void act(struct se_chip *chip, const struct se_t1_action *a);

/* One timer: the earlier of the end of the waiting time and the deadline. */
static void arm_timer(struct se_chip *chip)
{
	u64 next = chip->awaiting ? chip->wait_until : U64_MAX;

	next = min(next, se_power_deadline(chip));
	if (chip->op == SE_LINK_DRAIN)
		next = min(next, chip->drain_until);
	spin_lock_irq(&chip->lock);
	if (chip->xfer)
		next = min(next, chip->xfer->deadline);
	spin_unlock_irq(&chip->lock);

	if (next == U64_MAX)
		hrtimer_cancel(&chip->timer);
	else
		hrtimer_start(&chip->timer, ns_to_ktime(min_t(u64, next, KTIME_MAX)),
			      HRTIMER_MODE_ABS);
}

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct se_chip *chip = container_of(timer, struct se_chip, timer);

	kthread_queue_work(chip->worker, &chip->work);
	return HRTIMER_NORESTART;
}

static void stop_awaiting(struct se_chip *chip)
{
	if (!chip->awaiting)
		return;
	chip->awaiting = false;
	chip->ops->expect(chip, false);
	clear_bit(SE_EVENT_DATA_READY, &chip->events);
}

/* The exchange is over for its caller. The worker owns chip->xfer until here. */
static void finish(struct se_chip *chip, int error, enum se_outcome outcome)
{
	struct se_xfer *xfer = chip->xfer;

	xfer->error = error;
	xfer->outcome = outcome;
	if (xfer->state == SE_XFER_RUNNING) {
		xfer->total_ns = ktime_get_ns() - chip->started;
		xfer->wire_ns = chip->wire_ns;
		xfer->wtx = chip->t1.count.wtx;
		xfer->retrans = chip->t1.count.retrans;
	}
	if (!error) {
		xfer->rsp_len = min_t(u32, chip->t1.rsp_len, SE_RAPDU_MAX);
		xfer->sw = chip->t1.sw;
		memcpy(xfer->rsp, chip->rsp, min_t(size_t, xfer->rsp_len, xfer->rsp_room));
	}
	if (xfer->state == SE_XFER_RUNNING) {
		se_stats_end(chip, xfer);
		trace_se_apdu_end(chip, xfer);
	}

	spin_lock_irq(&chip->lock);
	chip->xfer = NULL;
	xfer->state = SE_XFER_DONE;
	if (chip->turn)
		se_turn_idle_locked(chip);
	if (xfer->done)
		xfer->done(chip, xfer);
	else
		wake_up_all(xfer->wait);
	spin_unlock_irq(&chip->lock);
}

static void wipe(struct se_chip *chip)
{
	memzero_explicit(chip->cmd, min_t(size_t, chip->t1.cmd_len, SE_CAPDU_MAX));
	memzero_explicit(chip->rsp, min_t(size_t, chip->t1.rsp_len, SE_RAPDU_MAX));
	memzero_explicit(chip->block_tx, SE_T1_BLOCK_MAX);
	memzero_explicit(chip->block_rx, SE_T1_BLOCK_MAX);
}

/**
 * se_link_go() - begin an exchange of S-blocks
 * @chip: worker context, nothing on the wire
 * @op: which one
 */
void se_link_go(struct se_chip *chip, enum se_link_op op)
{
	struct se_t1_action a;

	chip->op = op;
	switch (op) {
	case SE_LINK_CIP:
		se_t1_start_cip(&chip->t1, chip->rsp, SE_CIP_MAX, &a);
		break;
	case SE_LINK_ATR:
		se_t1_start_atr(&chip->t1, chip->rsp, SE_CIP_MAX, &a);
		break;
	case SE_LINK_RESYNCH:
		se_t1_start_resynch(&chip->t1, &a);
		break;
	case SE_LINK_IFS:
		se_t1_start_ifs(&chip->t1, chip->dialect->inf_max, &a);
		break;
	case SE_LINK_SWR:
		se_t1_start_swr(&chip->t1, &a);
		break;
	case SE_LINK_RELEASE:
		se_t1_start_release(&chip->t1, &a);
		break;
	default:
		return;
	}
	act(chip, &a);
}

/**
 * se_link_quit() - whatever was on the wire does not count any more
 * @chip: worker context
 */
void se_link_quit(struct se_chip *chip)
{
	stop_awaiting(chip);
	wipe(chip);
	chip->op = SE_LINK_NONE;
}

static void exchange_done(struct se_chip *chip)
{
	enum se_link_op op = chip->op;

	se_stats_blocks(chip);
	if (op == SE_LINK_APDU) {
		/* before the caller can look */
		se_chip_set_state(chip, SE_STATE_IDLE, SE_REASON_NONE);
		finish(chip, 0, SE_OUTCOME_EXECUTED);
		wipe(chip);
		chip->op = SE_LINK_NONE;
		return;
	}
	if (op == SE_LINK_DRAIN || op == SE_LINK_ABORT)
		wipe(chip);
	se_recover_done(chip, op);
}

static void exchange_failed(struct se_chip *chip, const struct se_t1_action *a)
{
	enum se_link_op op = chip->op;

	se_stats_blocks(chip);
	if (op == SE_LINK_APDU) {
		dev_dbg(chip->parent, "exchange failed: %d%s%s, rule %s\n", a->error,
			a->link_lost ? ", link lost" : "", a->resynced ? ", resynchronised" : "",
			a->rule ? a->rule : "none");
		chip->reason = SE_REASON_LINK;
		if (a->link_lost || a->resynced)
			se_chip_set_state(chip, SE_STATE_RECOVERING, chip->reason);
	}
	/*
	 * An SE that fell silent may have rebooted: RESYNCH does not tell. Moved
	 * before the caller can look.
	 */
	if ((op == SE_LINK_APDU || op == SE_LINK_DRAIN || op == SE_LINK_ABORT) &&
	    (a->link_lost || a->resynced))
		se_recover_lost(chip, chip->reason);
	if (op == SE_LINK_APDU)
		finish(chip, a->error == -EPROTO ? -EPROTO : -EIO,
		       (enum se_outcome)se_t1_outcome(&chip->t1));
	wipe(chip);
	se_recover_failed(chip, op, a);
}

static void bus_failed(struct se_chip *chip, int error)
{
	struct se_t1_action a = { .op = SE_T1_FAIL, .error = error, .link_lost = true };

	dev_err_ratelimited(chip->parent, "bus: %d\n", error);
	stop_awaiting(chip);
	/* the engine still waits; it is to take what recovery asks of it */
	se_t1_reset(&chip->t1);
	exchange_failed(chip, &a);
}

static void act(struct se_chip *chip, const struct se_t1_action *a)
{
	u64 begin, end;
	int ret;

	switch (a->op) {
	case SE_T1_SEND:
		begin = ktime_get_ns();
		ret = se_fault(chip, SE_FAULT_SEND) ? -EIO :
		      chip->ops->send(chip, a->block, a->len);
		end = ktime_get_ns();
		chip->wire_ns += end - begin;
		se_observe_block(chip, true, a->block, a->len, true, a->rule, begin, end);
		if (a->wtx)
			trace_se_wtx(chip, chip->t1.count.wtx, a->wait_us);
		if (ret) {
			bus_failed(chip, ret);
			return;
		}
		break;
	case SE_T1_WAIT:
		end = ktime_get_ns();
		break;
	case SE_T1_DONE:
		exchange_done(chip);
		return;
	case SE_T1_FAIL:
	default:
		exchange_failed(chip, a);
		return;
	}
	clear_bit(SE_EVENT_DATA_READY, &chip->events);
	chip->awaiting = true;
	chip->awaited_since = end;
	chip->wait_until = end + a->wait_us * NSEC_PER_USEC;
	chip->ops->expect(chip, true);
}

/* Read a block if there is one. False: there was nothing. */
static bool receive(struct se_chip *chip)
{
	struct se_t1_action a;
	u64 begin, end;
	int n;

	begin = ktime_get_ns();
	n = chip->ops->receive(chip, chip->block_rx, SE_T1_BLOCK_MAX);
	if (n > 0 && se_fault(chip, SE_FAULT_RECEIVE))
		n = -EIO;
	if (n > 0 && se_fault(chip, SE_FAULT_CORRUPT))
		chip->block_rx[n - 1] ^= 0x55;
	end = ktime_get_ns();
	chip->wire_ns += end - begin;
	if (!n)
		return false;
	chip->think_ns += begin - chip->awaited_since;
	if (n < 0 && n != -EPROTO && n != -EMSGSIZE) {
		bus_failed(chip, n);
		return true;
	}
	stop_awaiting(chip);
	/* a damaged prologue: to the engine it is a block with a bad checksum */
	n = max(n, 0);
	se_t1_rx(&chip->t1, chip->block_rx, n, &a);
	se_observe_block(chip, false, chip->block_rx, n, n && !a.edc_error, a.rule,
			 begin, end);
	act(chip, &a);
	return true;
}

static void abandon(struct se_chip *chip, int error)
{
	enum se_outcome outcome = (enum se_outcome)se_t1_outcome(&chip->t1);

	if (error == -ENODEV) {
		stop_awaiting(chip);
		finish(chip, error, outcome);
		chip->op = SE_LINK_NONE;
		return;
	}
	chip->reason = SE_REASON_ABANDONED;
	finish(chip, error, outcome);
	se_chip_set_state(chip, SE_STATE_RECOVERING, chip->reason);
	trace_se_recover(chip, SE_RECOVER_DRAIN, chip->reason);
	chip->op = SE_LINK_DRAIN;
	chip->drain_until = ktime_get_ns() +
			    READ_ONCE(chip->policy.drain_ms) * (u64)NSEC_PER_MSEC;
	se_t1_leave(&chip->t1, error);
}

/* The SE has had its time: RESYNCH. */
static void end_drain(struct se_chip *chip)
{
	struct se_t1_action a;

	stop_awaiting(chip);
	trace_se_recover(chip, SE_RECOVER_ABORT, chip->reason);
	chip->op = SE_LINK_ABORT;
	se_t1_abort(&chip->t1, -ETIMEDOUT, &a);
	act(chip, &a);
}

/* Somebody asks for a reset: the exchange that is under way ends. */
static void look_at_reset(struct se_chip *chip)
{
	enum se_reset_level level;
	bool hard;

	if (!se_reset_wanted(chip, &level))
		return;
	if (chip->op == SE_LINK_NONE && !chip->starting && !se_power_get(chip))
		return;
	hard = level == SE_RESET_LINE || level == SE_RESET_POWER;
	/* whoever is told ECONNRESET finds it moved, also if the reset's caller leaves */
	if (chip->op == SE_LINK_APDU)
		se_recover_lost(chip, SE_REASON_REQUESTED);
	if (chip->op == SE_LINK_APDU && hard) {
		se_stats_blocks(chip);
		finish(chip, -ECONNRESET, (enum se_outcome)se_t1_outcome(&chip->t1));
	} else if (chip->op == SE_LINK_APDU) {
		abandon(chip, -ECONNRESET);
	}
	/*
	 * What is spoken over the link has to wait until the SE may be spoken
	 * to; the end of that queues the work again.
	 */
	if (!hard && (chip->op != SE_LINK_NONE || chip->starting))
		return;

	se_reset_begun(chip, level);
	se_link_quit(chip);
	se_recover_requested(chip, level);
}

/* Why the exchange may not go on, or 0. */
static int give_up(struct se_chip *chip, u64 now)
{
	struct se_xfer *xfer = chip->xfer;
	int error;

	spin_lock_irq(&chip->lock);
	if (chip->dead)
		error = -ENODEV;
	else if (xfer->abandon)
		error = xfer->abandon;
	else if (now >= xfer->deadline)
		error = -ETIMEDOUT;
	else if (xfer->state == SE_XFER_RUNNING)
		error = se_power_give_up_locked(chip, now);
	else
		error = 0;
	spin_unlock_irq(&chip->lock);
	return error;
}

static void look_at_state_lost(struct se_chip *chip)
{
	if (test_and_clear_bit(SE_EVENT_STATE_LOST, &chip->events))
		se_chip_move_generation(chip, SE_REASON_LINK, false);
}

static void begin(struct se_chip *chip)
{
	struct se_xfer *xfer = chip->xfer;
	struct se_t1_action a;

	/* it was told before @xfer came, perhaps since the work began */
	look_at_state_lost(chip);
	if (xfer->generation && xfer->generation != chip->generation) {
		finish(chip, -ECONNRESET, SE_OUTCOME_NOT_SENT);
		return;
	}
	if (chip->state == SE_STATE_DEAD) {
		finish(chip, -EIO, SE_OUTCOME_NOT_SENT);
		return;
	}
	spin_lock_irq(&chip->lock);
	xfer->state = SE_XFER_RUNNING;
	spin_unlock_irq(&chip->lock);
	se_chip_set_state(chip, SE_STATE_BUSY, SE_REASON_NONE);
	memcpy(chip->cmd, xfer->cmd, xfer->cmd_len);
	chip->op = SE_LINK_APDU;
	chip->wire_ns = 0;
	chip->think_ns = 0;
	chip->apdu_id++;
	chip->power.told = false;
	/* the administrator may have changed it */
	se_recover_policy(chip, &chip->t1.params);
	chip->started = ktime_get_ns();
	trace_se_apdu_begin(chip, xfer);
	se_t1_start_apdu(&chip->t1, chip->cmd, xfer->cmd_len, chip->rsp, SE_RAPDU_MAX, &a);
	act(chip, &a);
}

/* Begin the exchange that somebody wants, or end one that may not go on. */
static void look_at_xfer(struct se_chip *chip, u64 now)
{
	struct se_xfer *xfer = READ_ONCE(chip->xfer);
	int error;

	if (!xfer)
		return;
	error = give_up(chip, now);
	if (error && xfer->state == SE_XFER_RUNNING)
		abandon(chip, error);
	else if (error)
		finish(chip, error, SE_OUTCOME_NOT_SENT);
	else if (chip->op == SE_LINK_NONE && !chip->starting && se_power_get(chip))
		begin(chip);
}

static void link_work(struct kthread_work *work)
{
	struct se_chip *chip = container_of(work, struct se_chip, work);
	struct se_t1_action a;
	bool stopping;
	u64 now;

	spin_lock_irq(&chip->lock);
	stopping = chip->dead;
	spin_unlock_irq(&chip->lock);
	if (stopping) {
		look_at_xfer(chip, ktime_get_ns());
		return;
	}

	if (se_power_parked(chip))
		return;
	look_at_state_lost(chip);
	/* nothing has been tried yet */
	if (chip->state == SE_STATE_OFF && !chip->starting && !chip->live)
		se_recover_start(chip);
	if (chip->awaiting && test_and_clear_bit(SE_EVENT_DATA_READY, &chip->events)) {
		if (!receive(chip))
			chip->ops->expect(chip, true);
	}

	look_at_reset(chip);
	now = ktime_get_ns();
	look_at_xfer(chip, now);
	if (chip->op == SE_LINK_DRAIN && now >= chip->drain_until) {
		end_drain(chip);
	} else if (chip->awaiting && now >= chip->wait_until) {
		/* read once before it counts: an interrupt may have got lost */
		if (!receive(chip)) {
			stop_awaiting(chip);
			se_t1_timeout(&chip->t1, &a);
			act(chip, &a);
		}
	}
	se_power_step(chip, now);
	if (chip->op == SE_LINK_NONE && !chip->starting)
		se_power_idle(chip);
	arm_timer(chip);
}

/**
 * se_link_release() - S(RELEASE); when it is over, @chip->op is NONE
 * @chip: worker context, nothing on the wire
 */
void se_link_release(struct se_chip *chip)
{
	se_link_go(chip, SE_LINK_RELEASE);
	/* it may have failed at once */
	kthread_queue_work(chip->worker, &chip->work);
}

/**
 * se_link_park() - leave the link as it is, for the time that the system sleeps
 * @chip: worker context; no exchange is running
 *
 * Return: true if se_link_unpark() can go on with it; otherwise it is to be
 * started up again.
 */
bool se_link_park(struct se_chip *chip)
{
	if (chip->op == SE_LINK_DRAIN) {
		chip->ops->expect(chip, false);
		return true;
	}
	se_link_quit(chip);
	chip->starting = false;
	return false;
}

/**
 * se_link_unpark() - go on
 * @chip: worker context, after se_link_park() or with nothing on the wire
 */
void se_link_unpark(struct se_chip *chip)
{
	if (chip->awaiting)
		chip->ops->expect(chip, true);
}

/**
 * se_link_state_lost() - the SE shows that it was reset behind our back
 * @chip: the chip
 *
 * The generation moves before the next exchange.
 */
void se_link_state_lost(struct se_chip *chip)
{
	spin_lock_irq(&chip->lock);
	set_bit(SE_EVENT_STATE_LOST, &chip->events);
	if (!chip->dead)
		kthread_queue_work(chip->worker, &chip->work);
	spin_unlock_irq(&chip->lock);
}

/**
 * se_link_init() - memory and engine
 * @chip: being made
 *
 * Return: 0, -ENOMEM or -EINVAL. What was allocated is freed with the chip.
 */
int se_link_init(struct se_chip *chip)
{
	struct se_t1_params params;
	int ret;

	kthread_init_work(&chip->work, link_work);
	se_hrtimer_setup(&chip->timer, timer_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);

	chip->block_tx = kmalloc(SE_T1_BLOCK_MAX, GFP_KERNEL);
	chip->block_rx = kmalloc(SE_T1_BLOCK_MAX, GFP_KERNEL);
	chip->cmd = kvmalloc(SE_CAPDU_MAX, GFP_KERNEL);
	chip->rsp = kvmalloc(SE_RAPDU_MAX, GFP_KERNEL);
	if (!chip->block_tx || !chip->block_rx || !chip->cmd || !chip->rsp)
		return -ENOMEM;
	ret = se_recover_init(chip);
	if (ret)
		return ret;
	se_recover_params(chip, &params);
	return se_t1_init(&chip->t1, chip->dialect, &params, chip->block_tx, SE_T1_BLOCK_MAX);
}

/**
 * se_link_start() - run the start-up sequence
 * @chip: its worker runs
 */
void se_link_start(struct se_chip *chip)
{
	kthread_queue_work(chip->worker, &chip->work);
}

/**
 * se_link_stop() - end everything on the wire, and the worker
 * @chip: marked dead
 */
void se_link_stop(struct se_chip *chip)
{
	/* settles the exchange that is on the wire */
	kthread_queue_work(chip->worker, &chip->work);
	kthread_flush_worker(chip->worker);
	hrtimer_cancel(&chip->timer);
	stop_awaiting(chip);
	kthread_cancel_delayed_work_sync(&chip->queue_watch);
	kthread_destroy_worker(chip->worker);
	wipe(chip);
}

/**
 * se_link_free() - give the memory back
 * @chip: nobody uses it any more
 */
void se_link_free(struct se_chip *chip)
{
	kfree_sensitive(chip->block_tx);
	kfree_sensitive(chip->block_rx);
	kvfree_sensitive(chip->cmd, SE_CAPDU_MAX);
	kvfree_sensitive(chip->rsp, SE_RAPDU_MAX);
}
