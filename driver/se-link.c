// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link: start-up, exchanges, deadlines and recovery, on the chip's worker.
 *
 * There is one work. Whatever happens (data ready, a timer, a new exchange,
 * a caller that gives up) queues it; it looks at what is due and makes the next
 * step. No step waits for the SE.
 *
 * An exchange that its caller gives up is over for the caller at once, with
 * what is known then. The SE still computes, and T=1 gives it the right to
 * answer first (ISO/IEC 7816-3, 11.2.2), so its answer is awaited and thrown
 * away before anything else is sent (SE_LINK_DRAIN). Where the command had not
 * left as a whole, completing it would run it after the caller was told
 * SE_OUTCOME_NOT_SENT: then the link is put in step at once (SE_LINK_ABORT).
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-trace.h"

#define SE_ATTEMPTS	3			/* start-up sequences, then DEAD */

static void act(struct se_chip *chip, const struct se_t1_action *a);

static const char *op_name(enum se_link_op op)
{
	switch (op) {
	case SE_LINK_CIP:
		return "S(CIP)";
	case SE_LINK_RESYNCH:
		return "S(RESYNCH)";
	case SE_LINK_IFS:
		return "S(IFS)";
	case SE_LINK_SWR:
		return "S(SWR)";
	case SE_LINK_RELEASE:
		return "S(RELEASE)";
	default:
		return "APDU";
	}
}

static void default_params(struct se_chip *chip, struct se_t1_params *params)
{
	params->ifsc = chip->dialect->ifsc;
	params->ifsd = chip->dialect->ifsd;
	params->bwt_us = chip->dialect->bwt_us;
	params->wtx_max = 0;	/* the deadline bounds them */
}

static void publish_params(struct se_chip *chip)
{
	spin_lock_irq(&chip->lock);
	chip->ifsc = chip->t1.ifsc;
	chip->ifsd = chip->t1.ifsd;
	chip->bwt_us = chip->t1.params.bwt_us;
	spin_unlock_irq(&chip->lock);
}

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

/* The engine counts by exchange; called once at the end of each. */
static void add_counts(struct se_chip *chip)
{
	const struct se_t1_counters *c = &chip->t1.count;

	se_stat_add(chip, blocks_tx, c->blocks_tx);
	se_stat_add(chip, blocks_rx, c->blocks_rx);
	se_stat_add(chip, retrans, c->retrans);
	se_stat_add(chip, edc_errors, c->edc_errors);
	se_stat_add(chip, timeouts, c->timeouts);
	se_stat_add(chip, wtx, c->wtx);
	if (!chip->starting)
		se_stat_add(chip, resyncs, c->resyncs);
}

static void count_times(struct se_chip *chip, const struct se_xfer *xfer)
{
	se_stat_time(chip, total, xfer->total_ns);
	se_stat_time(chip, wire, xfer->wire_ns);
	se_stat_time(chip, think, chip->think_ns);
}

static void count_end(struct se_chip *chip, int error, enum se_outcome outcome)
{
	if (!error)
		se_stat_inc(chip, apdus);
	else
		se_stat_inc(chip, errors);
	if (outcome == SE_OUTCOME_UNKNOWN)
		se_stat_inc(chip, unknown);
	if (error == -ETIMEDOUT)
		se_stat_inc(chip, deadlines);
	else if (error == -EINTR || error == -ECANCELED)
		se_stat_inc(chip, cancels);
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
		count_times(chip, xfer);
		xfer->wtx = chip->t1.count.wtx;
		xfer->retrans = chip->t1.count.retrans;
	}
	if (!error) {
		xfer->rsp_len = min_t(u32, chip->t1.rsp_len, SE_RAPDU_MAX);
		xfer->sw = chip->t1.sw;
		memcpy(xfer->rsp, chip->rsp, min_t(size_t, xfer->rsp_len, xfer->rsp_room));
	}
	if (xfer->state == SE_XFER_RUNNING) {
		count_end(chip, error, outcome);
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

static void go(struct se_chip *chip, enum se_link_op op)
{
	struct se_t1_action a;

	chip->op = op;
	switch (op) {
	case SE_LINK_CIP:
		se_t1_start_cip(&chip->t1, chip->rsp, SE_CIP_MAX, &a);
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

/* The link is fit for an APDU. */
static void ready(struct se_chip *chip)
{
	bool first = !chip->live;

	chip->op = SE_LINK_NONE;
	if (chip->starting) {
		chip->starting = false;
		chip->attempts = 0;
		if (!first && !chip->power.told)
			se_chip_move_generation(chip, chip->reason, chip->line_reset);
		chip->power.told = false;
		chip->line_reset = false;
	}
	publish_params(chip);
	if (chip->state != SE_STATE_IDLE)
		trace_se_recover(chip, SE_RECOVER_READY, chip->reason);
	se_chip_set_state(chip, SE_STATE_IDLE, chip->reason);
	if (first)
		se_chip_ready(chip);
	se_reset_done(chip, 0);
	/* a caller may have come meanwhile */
	kthread_queue_work(chip->worker, &chip->work);
}

/* Only what may have been lost is done again: IFSD, if it is worth it. */
static void in_step(struct se_chip *chip)
{
	if (chip->t1.ifsd < chip->dialect->inf_max)
		go(chip, SE_LINK_IFS);
	else
		ready(chip);
}

static void start_up(struct se_chip *chip)
{
	struct se_t1_params params;

	chip->starting = true;
	chip->attempts++;
	trace_se_recover(chip, SE_RECOVER_START_UP, chip->reason);
	default_params(chip, &params);
	se_t1_reset(&chip->t1);
	se_t1_set_params(&chip->t1, &params);
	go(chip, SE_LINK_CIP);
}

static int reset_line(struct se_chip *chip)
{
	int ret;

	if (!(chip->caps & SE_CAP_RESET_LINE) || !chip->ops->reset)
		return -EOPNOTSUPP;
	trace_se_recover(chip, SE_RECOVER_LINE, chip->reason);
	ret = chip->ops->reset(chip, SE_RESET_LINE);
	if (ret) {
		dev_err(chip->parent, "reset line: %d\n", ret);
		return ret;
	}
	if (chip->live)
		se_stat_inc(chip, resets);
	chip->line_reset = true;
	chip->reason = SE_REASON_RESET_LINE;
	return 0;
}

static void start_up_failed(struct se_chip *chip, const char *step, const char *what, int error)
{
	bool last = chip->attempts >= SE_ATTEMPTS;

	dev_err(chip->parent, "start-up: %s failed: %s (%d)%s\n", step, what, error,
		last ? "; the SE is not usable" : "; trying again");
	if (!last) {
		reset_line(chip);
		start_up(chip);
		return;
	}
	chip->op = SE_LINK_NONE;
	chip->starting = false;
	if (chip->live)
		se_chip_move_generation(chip, chip->reason, chip->line_reset);
	trace_se_recover(chip, SE_RECOVER_DEAD, chip->reason);
	se_chip_set_state(chip, SE_STATE_DEAD, chip->reason);
	se_reset_done(chip, -EIO);
	kthread_queue_work(chip->worker, &chip->work);
}

/* SE and engine are out of step, and RESYNCH did not help. */
static void link_lost(struct se_chip *chip, enum se_reason reason)
{
	chip->reason = reason;
	se_chip_set_state(chip, SE_STATE_RECOVERING, reason);
	chip->attempts = 0;
	reset_line(chip);
	start_up(chip);
}

static void cip_received(struct se_chip *chip)
{
	size_t len = min_t(size_t, chip->t1.rsp_len, SE_CIP_MAX);
	struct se_t1_params params;
	struct se_t1_cip cip;
	int ret;

	ret = chip->t1.rsp_len > SE_CIP_MAX ? -EMSGSIZE : se_t1_cip_parse(chip->rsp, len, &cip);
	if (ret) {
		start_up_failed(chip, "CIP", ret == -EMSGSIZE ? "too long" : cip.problem, ret);
		return;
	}
	chip->pwt_us = cip.pwt_us;
	default_params(chip, &params);
	params.ifsc = min(cip.ifsc, chip->dialect->inf_max);
	params.bwt_us = cip.bwt_us;
	ret = se_t1_set_params(&chip->t1, &params);
	if (ret) {
		start_up_failed(chip, "CIP", "IFSC or BWT out of range", ret);
		return;
	}
	spin_lock_irq(&chip->lock);
	memcpy(chip->cip, chip->rsp, len);
	chip->cip_len = len;
	spin_unlock_irq(&chip->lock);
	if (chip->ops->configure)
		chip->ops->configure(chip, &cip);
	go(chip, SE_LINK_RESYNCH);
}

static void exchange_done(struct se_chip *chip)
{
	add_counts(chip);
	switch (chip->op) {
	case SE_LINK_CIP:
		cip_received(chip);
		break;
	case SE_LINK_RESYNCH:
		in_step(chip);
		break;
	case SE_LINK_SWR:
		se_stat_inc(chip, resets);
		chip->line_reset = true;	/* as good as */
		usleep_range(chip->pwt_us, chip->pwt_us + chip->pwt_us / 8 + 1);
		start_up(chip);
		break;
	case SE_LINK_APDU:
		finish(chip, 0, SE_OUTCOME_EXECUTED);
		wipe(chip);
		chip->op = SE_LINK_NONE;
		se_chip_set_state(chip, SE_STATE_IDLE, SE_REASON_NONE);
		break;
	case SE_LINK_DRAIN:
	case SE_LINK_ABORT:
		wipe(chip);
		ready(chip);
		break;
	case SE_LINK_IFS:
		ready(chip);
		break;
	case SE_LINK_RELEASE:
		se_stat_inc(chip, releases);
		chip->op = SE_LINK_NONE;
		break;
	case SE_LINK_NONE:
		break;
	}
}

static void exchange_failed(struct se_chip *chip, int error, bool lost, bool resynced)
{
	enum se_link_op op = chip->op;

	add_counts(chip);
	chip->op = SE_LINK_NONE;
	switch (op) {
	case SE_LINK_CIP:
	case SE_LINK_RESYNCH:
		start_up_failed(chip, op_name(op),
				error == -ETIMEDOUT ? "no answer" : "bad answer", error);
		return;
	case SE_LINK_SWR:
		/* it may have run, and something harder is due anyway */
		link_lost(chip, SE_REASON_REQUESTED);
		return;
	case SE_LINK_IFS:
		if (!lost) {
			/* it lives with short blocks */
			ready(chip);
		} else if (chip->starting) {
			start_up_failed(chip, op_name(op), "link lost", error);
		} else {
			link_lost(chip, SE_REASON_LINK);
		}
		return;
	case SE_LINK_APDU:
		dev_dbg(chip->parent, "exchange failed: %d%s%s\n", error,
			lost ? ", link lost" : "", resynced ? ", resynchronised" : "");
		chip->reason = SE_REASON_LINK;
		if (lost || resynced)
			se_chip_set_state(chip, SE_STATE_RECOVERING, chip->reason);
		if (resynced)
			trace_se_recover(chip, SE_RECOVER_RESYNCH, chip->reason);
		/*
		 * An SE that fell silent may have rebooted: RESYNCH does not
		 * tell. Moved before the caller can look.
		 */
		if (resynced)
			se_chip_move_generation(chip, chip->reason, false);
		finish(chip, error == -EPROTO ? -EPROTO : -EIO,
		       (enum se_outcome)se_t1_outcome(&chip->t1));
		break;
	case SE_LINK_DRAIN:
		if (resynced)
			se_chip_move_generation(chip, SE_REASON_LINK, false);
		break;
	case SE_LINK_RELEASE:
		/* no matter: it loses its power anyway */
		return;
	case SE_LINK_ABORT:
	case SE_LINK_NONE:
		break;
	}
	wipe(chip);
	if (lost)
		link_lost(chip, SE_REASON_LINK);
	else if (resynced)
		in_step(chip);
	else
		ready(chip);
}

static void bus_failed(struct se_chip *chip, int error)
{
	dev_err_ratelimited(chip->parent, "bus: %d\n", error);
	stop_awaiting(chip);
	exchange_failed(chip, error, true, false);
}

static void act(struct se_chip *chip, const struct se_t1_action *a)
{
	u64 begin, end;
	int ret;

	switch (a->op) {
	case SE_T1_SEND:
		begin = ktime_get_ns();
		ret = chip->ops->send(chip, a->block, a->len);
		end = ktime_get_ns();
		chip->wire_ns += end - begin;
		se_observe_block(chip, true, a->block, a->len, true, begin, end);
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
		exchange_failed(chip, a->error, a->link_lost, a->resynced);
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
	se_observe_block(chip, false, chip->block_rx, n, n && !a.edc_error, begin, end);
	act(chip, &a);
	return true;
}

static void abandon(struct se_chip *chip, int error)
{
	enum se_outcome outcome = (enum se_outcome)se_t1_outcome(&chip->t1);
	struct se_t1_action a;

	if (error == -ENODEV) {
		stop_awaiting(chip);
		finish(chip, error, outcome);
		chip->op = SE_LINK_NONE;
		return;
	}
	chip->reason = SE_REASON_ABANDONED;
	finish(chip, error, outcome);
	se_chip_set_state(chip, SE_STATE_RECOVERING, chip->reason);
	if (outcome != SE_OUTCOME_NOT_SENT) {
		trace_se_recover(chip, SE_RECOVER_DRAIN, chip->reason);
		chip->op = SE_LINK_DRAIN;
		chip->drain_until = ktime_get_ns() +
				    READ_ONCE(chip->policy.drain_ms) * (u64)NSEC_PER_MSEC;
		return;
	}
	stop_awaiting(chip);
	trace_se_recover(chip, SE_RECOVER_ABORT, chip->reason);
	chip->op = SE_LINK_ABORT;
	se_t1_abort(&chip->t1, error, &a);
	act(chip, &a);
}

/* Somebody asks for a reset: the exchange that is under way ends. */
static void look_at_reset(struct se_chip *chip)
{
	enum se_reset_level level;
	int ret;

	if (!se_reset_wanted(chip, &level))
		return;
	if (chip->op == SE_LINK_NONE && !chip->starting && !se_power_get(chip))
		return;
	/* whoever is told ECONNRESET finds it moved, also if the reset's caller leaves */
	if (chip->op == SE_LINK_APDU)
		se_chip_move_generation(chip, SE_REASON_REQUESTED, false);
	if (chip->op == SE_LINK_APDU && level == SE_RESET_LINE) {
		add_counts(chip);
		finish(chip, -ECONNRESET, (enum se_outcome)se_t1_outcome(&chip->t1));
	} else if (chip->op == SE_LINK_APDU) {
		abandon(chip, -ECONNRESET);
	}
	/*
	 * What is spoken over the link has to wait until the SE may be spoken
	 * to; the end of that queues the work again.
	 */
	if (level != SE_RESET_LINE && (chip->op != SE_LINK_NONE || chip->starting))
		return;

	se_reset_begun(chip, level);
	stop_awaiting(chip);
	wipe(chip);
	chip->op = SE_LINK_NONE;
	chip->reason = SE_REASON_REQUESTED;
	se_chip_set_state(chip, SE_STATE_RECOVERING, chip->reason);
	chip->starting = true;
	chip->attempts = 0;
	if (level == SE_RESET_SOFT) {
		trace_se_recover(chip, SE_RECOVER_SOFT, chip->reason);
		go(chip, SE_LINK_SWR);
		return;
	}
	if (level == SE_RESET_LINE) {
		ret = reset_line(chip);
		if (ret)
			se_reset_done(chip, ret);
		chip->reason = SE_REASON_REQUESTED;
	}
	start_up(chip);
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

static void begin(struct se_chip *chip)
{
	struct se_xfer *xfer = chip->xfer;
	struct se_t1_action a;

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
	/* the administrator may have changed it */
	chip->t1.params.wtx_max = READ_ONCE(chip->policy.wtx_max);
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
	if (test_and_clear_bit(SE_EVENT_STATE_LOST, &chip->events))
		se_chip_move_generation(chip, SE_REASON_LINK, false);
	/* nothing has been tried yet */
	if (chip->state == SE_STATE_OFF && !chip->starting && !chip->live)
		start_up(chip);
	if (chip->awaiting && test_and_clear_bit(SE_EVENT_DATA_READY, &chip->events)) {
		if (!receive(chip))
			chip->ops->expect(chip, true);
	}

	look_at_reset(chip);
	now = ktime_get_ns();
	look_at_xfer(chip, now);
	if (chip->op == SE_LINK_DRAIN && now >= chip->drain_until) {
		stop_awaiting(chip);
		trace_se_recover(chip, SE_RECOVER_ABORT, chip->reason);
		chip->op = SE_LINK_ABORT;
		se_t1_abort(&chip->t1, -ETIMEDOUT, &a);
		act(chip, &a);
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
	go(chip, SE_LINK_RELEASE);
	/* it may have failed at once */
	kthread_queue_work(chip->worker, &chip->work);
}

/**
 * se_link_restart() - the start-up sequence, whatever was on the wire
 * @chip: worker context; no exchange is running
 * @reason: why
 * @lost_all: the SE has lost its volatile state for sure
 */
void se_link_restart(struct se_chip *chip, enum se_reason reason, bool lost_all)
{
	stop_awaiting(chip);
	wipe(chip);
	chip->op = SE_LINK_NONE;
	chip->reason = reason;
	chip->line_reset |= lost_all;
	se_chip_set_state(chip, SE_STATE_RECOVERING, reason);
	chip->attempts = 0;
	start_up(chip);
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
	stop_awaiting(chip);
	wipe(chip);
	chip->op = SE_LINK_NONE;
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
 * se_xfer_abandon() - give an exchange up
 * @chip: the chip
 * @xfer: started
 * @error: negative errno that it is to end with
 *
 * It ends soon after, with what is known of it, and by the usual way.
 */
void se_xfer_abandon(struct se_chip *chip, struct se_xfer *xfer, int error)
{
	spin_lock_irq(&chip->lock);
	if (xfer->state == SE_XFER_PENDING || xfer->state == SE_XFER_RUNNING) {
		xfer->abandon = error;
		if (!chip->dead)
			kthread_queue_work(chip->worker, &chip->work);
	}
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

	kthread_init_work(&chip->work, link_work);
	kthread_init_delayed_work(&chip->turn_watch, se_turn_watch);
	se_hrtimer_setup(&chip->timer, timer_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);

	chip->block_tx = kmalloc(SE_T1_BLOCK_MAX, GFP_KERNEL);
	chip->block_rx = kmalloc(SE_T1_BLOCK_MAX, GFP_KERNEL);
	chip->cmd = kvmalloc(SE_CAPDU_MAX, GFP_KERNEL);
	chip->rsp = kvmalloc(SE_RAPDU_MAX, GFP_KERNEL);
	if (!chip->block_tx || !chip->block_rx || !chip->cmd || !chip->rsp)
		return -ENOMEM;
	default_params(chip, &params);
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
	kthread_cancel_delayed_work_sync(&chip->turn_watch);
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
