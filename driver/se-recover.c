// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start-up and recovery of the link, on the chip's worker.
 *
 * The start-up sequence brings SE and engine into step and reads what the SE
 * says of itself; what it consists of is the dialect's business:
 *
 *	gp		S(CIP), S(RESYNCH), S(IFS)
 *	um11225		S(RESYNCH), S(get ATR)
 *	iso-lrc, -crc	(the ATR that the board's description has,) S(RESYNCH), S(IFS)
 *	nxp		S(RESYNCH)
 *
 * The ladder: the engine has tried R-blocks and S(RESYNCH) when it says that the
 * link is lost. Then, each once and only if policy allows it and the board has
 * it, come software reset, reset line and power cycle, each with a start-up
 * sequence behind it; the first that succeeds ends it. At the top the last rung
 * is tried again until SE_ATTEMPTS start-up sequences have failed: the SE is
 * SE_STATE_DEAD until somebody asks for a reset.
 *
 * None of this sends an APDU. The generation moves once each time.
 */
#include <linux/delay.h>
#include <linux/property.h>
#include <linux/string.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-trace.h"

#define SE_ATTEMPTS	3	/* start-up sequences, then DEAD */

static const char *op_name(enum se_link_op op)
{
	switch (op) {
	case SE_LINK_CIP:
		return "S(CIP)";
	case SE_LINK_ATR:
		return "S(get ATR)";
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

/**
 * se_recover_policy() - what the administrator lets the engine do, as of now
 * @chip: worker context, or being made
 * @params: out
 */
void se_recover_policy(struct se_chip *chip, struct se_t1_params *params)
{
	params->wtx_max = READ_ONCE(chip->policy.wtx_max);
	params->no_resynch = !(READ_ONCE(chip->policy.ladder) & BIT(SE_RESET_RESYNCH));
}

/**
 * se_recover_params() - what to assume before the SE has told
 * @chip: worker context, or being made
 * @params: out
 */
void se_recover_params(struct se_chip *chip, struct se_t1_params *params)
{
	params->ifsc = chip->dialect->ifsc;
	params->ifsd = chip->dialect->ifsd;
	params->bwt_us = chip->board_bwt_us ? chip->board_bwt_us : chip->dialect->bwt_us;
	se_recover_policy(chip, params);
}

static void publish_params(struct se_chip *chip)
{
	spin_lock_irq(&chip->lock);
	chip->ifsc = chip->t1.ifsc;
	chip->ifsd = chip->t1.ifsd;
	chip->bwt_us = chip->t1.params.bwt_us;
	spin_unlock_irq(&chip->lock);
}

/**
 * se_recover_lost() - the SE may have lost its volatile state
 * @chip: worker context
 * @reason: why
 *
 * The generation moves, before any caller is told of the failure. Once for each
 * failure: what follows it until the next exchange begins does not move it again.
 */
void se_recover_lost(struct se_chip *chip, enum se_reason reason)
{
	if (!chip->power.told)
		se_chip_move_generation(chip, reason, false);
	chip->power.told = true;
}

/* At the end of recovery, good or bad. Nobody has had an exchange meanwhile. */
static void settle_generation(struct se_chip *chip)
{
	if (!chip->power.told) {
		se_chip_move_generation(chip, chip->reason, chip->state_gone);
	} else if (chip->state_gone) {
		/* there is nothing left to close */
		spin_lock_irq(&chip->lock);
		chip->closer.pending = 0;
		spin_unlock_irq(&chip->lock);
	}
}

/* The link is fit for an APDU. */
static void ready(struct se_chip *chip)
{
	bool first = !chip->live;
	enum se_reset_level level;

	chip->op = SE_LINK_NONE;
	if (chip->starting) {
		chip->starting = false;
		chip->attempts = 0;
		if (!first)
			settle_generation(chip);
		chip->power.told = false;
		chip->state_gone = false;
	} else if (!se_reset_wanted(chip, &level)) {
		chip->power.told = false;
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
		se_link_go(chip, SE_LINK_IFS);
	else
		ready(chip);
}

static void start_up(struct se_chip *chip)
{
	struct se_t1_params params;

	chip->starting = true;
	chip->attempts++;
	trace_se_recover(chip, SE_RECOVER_START_UP, chip->reason);
	se_recover_params(chip, &params);
	if (chip->board_ifsc)
		params.ifsc = chip->board_ifsc;
	se_t1_reset(&chip->t1);
	se_t1_set_params(&chip->t1, &params);
	if (chip->dialect->read == SE_T1_READ_CIP)
		se_link_go(chip, SE_LINK_CIP);
	else if (chip->dialect->read == SE_T1_READ_S_ATR && chip->state_gone)
		se_link_go(chip, SE_LINK_ATR);	/* in step; some parts do not like RESYNCH */
	else
		se_link_go(chip, SE_LINK_RESYNCH);
}

/**
 * se_recover_wired() - is there such a reset?
 * @chip: a chip whose transport is there
 * @level: which one
 */
bool se_recover_wired(struct se_chip *chip, enum se_reset_level level)
{
	switch (level) {
	case SE_RESET_RESYNCH:
		return true;
	case SE_RESET_SOFT:
		return chip->dialect->s_swr != SE_T1_NO_CODE;
	case SE_RESET_LINE:
		return chip->ops->reset && (chip->caps & SE_CAP_RESET_LINE);
	case SE_RESET_POWER:
		return chip->ops->reset && (chip->caps & SE_CAP_POWER);
	default:
		return false;
	}
}

static int hard_reset(struct se_chip *chip, enum se_reset_level level)
{
	bool line = level == SE_RESET_LINE;
	int ret;

	trace_se_recover(chip, line ? SE_RECOVER_LINE : SE_RECOVER_POWER, chip->reason);
	ret = chip->ops->reset(chip, level);
	if (ret) {
		dev_err(chip->parent, "%s: %d\n", line ? "reset line" : "power cycle", ret);
		return ret;
	}
	if (chip->live)
		se_stat_inc(chip, resets);
	chip->state_gone = true;
	chip->power.on = true;
	if (chip->reason != SE_REASON_REQUESTED)
		chip->reason = line ? SE_REASON_RESET_LINE : SE_REASON_POWER;
	return 0;
}

static bool may_climb_to(struct se_chip *chip, enum se_reset_level level)
{
	return (READ_ONCE(chip->policy.ladder) & BIT(level)) && se_recover_wired(chip, level);
}

static void dead(struct se_chip *chip)
{
	dev_err(chip->parent, "the SE is not usable\n");
	chip->op = SE_LINK_NONE;
	chip->starting = false;
	if (chip->live)
		settle_generation(chip);
	chip->power.told = false;
	chip->state_gone = false;
	trace_se_recover(chip, SE_RECOVER_DEAD, chip->reason);
	se_chip_set_state(chip, SE_STATE_DEAD, chip->reason);
	se_reset_done(chip, -EIO);
	kthread_queue_work(chip->worker, &chip->work);
}

/* The next rung that there is; at the top the last one again, and again. */
static void climb(struct se_chip *chip)
{
	enum se_reset_level level, top = SE_RESET_RESYNCH;

	chip->starting = true;
	while (chip->rung < SE_RESET_POWER) {
		level = ++chip->rung;
		if (!may_climb_to(chip, level))
			continue;
		if (level == SE_RESET_SOFT) {
			trace_se_recover(chip, SE_RECOVER_SOFT, chip->reason);
			se_link_go(chip, SE_LINK_SWR);
			return;
		}
		if (!hard_reset(chip, level)) {
			start_up(chip);
			return;
		}
	}
	if (chip->attempts >= SE_ATTEMPTS) {
		dead(chip);
		return;
	}
	for (level = SE_RESET_LINE; level <= SE_RESET_POWER; level++)
		if (may_climb_to(chip, level))
			top = level;
	if (chip->attempts && top != SE_RESET_RESYNCH)
		hard_reset(chip, top);
	start_up(chip);
}

static void start_up_failed(struct se_chip *chip, const char *step, const char *what, int error)
{
	dev_err(chip->parent, "start-up: %s failed: %s (%d)\n", step, what, error);
	climb(chip);
}

/* SE and engine are out of step, and RESYNCH did not help. */
static void link_lost(struct se_chip *chip, enum se_reason reason)
{
	chip->reason = reason;
	se_chip_set_state(chip, SE_STATE_RECOVERING, reason);
	chip->attempts = 0;
	chip->rung = SE_RESET_RESYNCH;
	climb(chip);
}

/* The SE has told of itself, by S(CIP) or S(get ATR). */
static void parameters_received(struct se_chip *chip, enum se_link_op op)
{
	size_t len = min_t(size_t, chip->t1.rsp_len, SE_CIP_MAX);
	struct se_t1_params params;
	struct se_t1_cip cip;
	int ret;

	if (chip->t1.rsp_len > SE_CIP_MAX) {
		start_up_failed(chip, op_name(op), "too long", -EMSGSIZE);
		return;
	}
	ret = op == SE_LINK_CIP ? se_t1_cip_parse(chip->rsp, len, &cip) :
				  se_t1_s_atr_parse(chip->rsp, len, &cip);
	if (ret) {
		start_up_failed(chip, op_name(op), cip.problem, ret);
		return;
	}
	chip->pwt_us = cip.pwt_us;
	se_recover_params(chip, &params);
	params.ifsc = min(cip.ifsc, chip->dialect->inf_max);
	params.bwt_us = cip.bwt_us;
	ret = se_t1_set_params(&chip->t1, &params);
	if (ret) {
		start_up_failed(chip, op_name(op), "IFSC or BWT out of range", ret);
		return;
	}
	spin_lock_irq(&chip->lock);
	memcpy(chip->cip, chip->rsp, len);
	chip->cip_len = len;
	spin_unlock_irq(&chip->lock);
	if (chip->ops->configure)
		chip->ops->configure(chip, &cip);
	if (op == SE_LINK_CIP)
		se_link_go(chip, SE_LINK_RESYNCH);
	else
		in_step(chip);
}

static void software_reset_done(struct se_chip *chip)
{
	u32 pwt_us = chip->pwt_us;

	se_stat_inc(chip, resets);
	chip->state_gone |= chip->dialect->swr_full;
	usleep_range(pwt_us, pwt_us + pwt_us / 8 + 1);
	start_up(chip);
}

/**
 * se_recover_done() - an exchange that was not an APDU went well
 * @chip: worker context
 * @op: which one
 */
void se_recover_done(struct se_chip *chip, enum se_link_op op)
{
	switch (op) {
	case SE_LINK_CIP:
	case SE_LINK_ATR:
		parameters_received(chip, op);
		break;
	case SE_LINK_RESYNCH:
		if (chip->starting && chip->dialect->read == SE_T1_READ_S_ATR)
			se_link_go(chip, SE_LINK_ATR);
		else
			in_step(chip);
		break;
	case SE_LINK_SWR:
		software_reset_done(chip);
		break;
	case SE_LINK_RELEASE:
		se_stat_inc(chip, releases);
		chip->op = SE_LINK_NONE;
		break;
	default:
		ready(chip);
	}
}

/**
 * se_recover_failed() - an exchange failed; its caller, if any, knows
 * @chip: worker context
 * @op: which one
 * @a: the engine's last word
 */
void se_recover_failed(struct se_chip *chip, enum se_link_op op, const struct se_t1_action *a)
{
	chip->op = SE_LINK_NONE;
	switch (op) {
	case SE_LINK_CIP:
	case SE_LINK_ATR:
	case SE_LINK_RESYNCH:
		start_up_failed(chip, op_name(op),
				a->error == -ETIMEDOUT ? "no answer" : "bad answer", a->error);
		return;
	case SE_LINK_SWR:
		climb(chip);
		return;
	case SE_LINK_IFS:
		/* it lives with short blocks */
		if (!a->link_lost)
			ready(chip);
		else if (chip->starting)
			start_up_failed(chip, op_name(op), "link lost", a->error);
		else
			link_lost(chip, SE_REASON_LINK);
		return;
	case SE_LINK_RELEASE:
		/* no matter: it loses its power anyway */
		return;
	default:
		break;
	}
	if (a->resynced)
		trace_se_recover(chip, SE_RECOVER_RESYNCH, chip->reason);
	if (a->link_lost)
		link_lost(chip, SE_REASON_LINK);
	else if (a->resynced)
		in_step(chip);
	else
		ready(chip);
}

/**
 * se_recover_requested() - somebody asks for a reset
 * @chip: worker context; what was on the wire has been given up
 * @level: how hard
 */
void se_recover_requested(struct se_chip *chip, enum se_reset_level level)
{
	int ret;

	chip->reason = SE_REASON_REQUESTED;
	se_chip_set_state(chip, SE_STATE_RECOVERING, chip->reason);
	chip->starting = true;
	chip->attempts = 0;
	chip->rung = level;
	if (level == SE_RESET_SOFT) {
		trace_se_recover(chip, SE_RECOVER_SOFT, chip->reason);
		se_link_go(chip, SE_LINK_SWR);
		return;
	}
	if (level == SE_RESET_LINE || level == SE_RESET_POWER) {
		ret = hard_reset(chip, level);
		if (ret)
			se_reset_done(chip, ret);
	}
	start_up(chip);
}

/**
 * se_recover_start() - the start-up sequence for the first time
 * @chip: worker context
 */
void se_recover_start(struct se_chip *chip)
{
	/* an SE that answers nothing does not reset itself either */
	chip->rung = SE_RESET_SOFT;
	start_up(chip);
}

/**
 * se_link_restart() - the start-up sequence, whatever was on the wire
 * @chip: worker context; no exchange is running
 * @reason: why
 * @lost_all: the SE has lost its volatile state for sure
 */
void se_link_restart(struct se_chip *chip, enum se_reason reason, bool lost_all)
{
	se_link_quit(chip);
	chip->reason = reason;
	chip->state_gone |= lost_all;
	se_chip_set_state(chip, SE_STATE_RECOVERING, reason);
	chip->attempts = 0;
	chip->rung = SE_RESET_SOFT;
	start_up(chip);
}

/**
 * se_recover_init() - what the board's description knows of the link
 * @chip: being made
 *
 * Return: 0, or -EINVAL if it makes no sense.
 */
int se_recover_init(struct se_chip *chip)
{
	struct device *dev = chip->parent;
	struct se_t1_atr atr;
	u32 ms;
	int n;

	if (!device_property_read_u32(dev, "sesame,bwt-ms", &ms)) {
		if (!ms || ms > SE_T1_BWT_MAX_MS) {
			dev_err(dev, "sesame,bwt-ms is out of range\n");
			return -EINVAL;
		}
		chip->board_bwt_us = ms * USEC_PER_MSEC;
	}
	if (chip->dialect->read != SE_T1_READ_ATR)
		return 0;
	n = device_property_count_u8(dev, "sesame,atr");
	if (n <= 0)
		return 0;
	if (n > SE_T1_ATR_MAX || device_property_read_u8_array(dev, "sesame,atr", chip->cip, n)) {
		dev_err(dev, "sesame,atr is too long\n");
		return -EINVAL;
	}
	if (se_t1_atr_parse(chip->cip, n, &atr)) {
		dev_err(dev, "sesame,atr: %s\n", atr.problem);
		return -EINVAL;
	}
	if (atr.crc == (chip->dialect->edc == SE_T1_EDC_LRC)) {
		dev_err(dev, "sesame,atr: its checksum is not that of %s\n", chip->dialect->name);
		return -EINVAL;
	}
	chip->cip_len = n;
	chip->board_ifsc = atr.ifsc;
	if (!chip->board_bwt_us)
		chip->board_bwt_us = atr.bwt_us;
	return 0;
}
