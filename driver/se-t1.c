// SPDX-License-Identifier: GPL-2.0-only
/*
 * T=1 family link layer: the state machine.
 *
 * What happens is decided in one table, rules[phase][event]. The numbers of the
 * rules are those of ISO/IEC 7816-3:2006, 11.6.3.2 (block protocol rules).
 *
 * What the engine never does is to send an APDU again. A damaged or missing
 * block is asked for with R-blocks. An I-block is repeated only, with the same
 * N(S), when an R-block of the SE says that this very N(S) is the one it waits
 * for. If that does not help, S(RESYNCH) puts the link in step and the exchange
 * fails; se_t1_outcome() tells what is known of the APDU.
 *
 * A block that went through twice, or late, is told by its N(S), N(R) or S code
 * and passed over: N(S) of an I-block that has been accepted already, an S
 * response that nobody waits for.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE	/* explicit_bzero() */
#endif
#include <errno.h>
#include <string.h>
#define memzero_explicit explicit_bzero
#endif
#include "se-t1.h"
#include "se-t1-block.h"

/* rule 7.4.1: three attempts, then the next rung */
#define MAX_ATTEMPTS	3
/* R-blocks in a row that ask for a block before S(RESYNCH) */
#define MAX_REQUESTS	3
/* late or doubled blocks that one step puts up with */
#define MAX_IGNORED	16
/* part of the block waiting time that must pass in silence after S(RESYNCH) */
#define QUIET_SHIFT	4
/* what a request for more time in mid-recovery counts for among these */
#define BUSY_WEIGHT	4

typedef void rule_fn(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act);

/* ---- sending ---- */

static void send(struct se_t1 *t1, u8 pcb, const u8 *inf, size_t len, struct se_t1_action *act)
{
	size_t n = se_t1_build(t1->dialect, t1->tx, pcb, inf, len);

	if (n > t1->tx_used)
		t1->tx_used = n;

	act->op = SE_T1_SEND;
	act->block = t1->tx;
	act->len = n;
	act->wait_us = t1->params.bwt_us;
	t1->wait_us = act->wait_us;
	t1->count.blocks_tx++;
}

static void send_r(struct se_t1 *t1, u8 error, struct se_t1_action *act)
{
	send(t1, (u8)(PCB_R | (t1->nr << 4) | error), NULL, 0, act);
}

/* the I-block that starts at cmd_off; the same one each time until cmd_off moves */
static void send_i(struct se_t1 *t1, struct se_t1_action *act)
{
	bool more = t1->cmd_off + t1->cmd_part < t1->cmd_len;

	send(t1, (u8)((t1->ns << 6) | (more ? PCB_I_MORE : 0)), t1->cmd + t1->cmd_off,
	     t1->cmd_part, act);
	t1->phase = more ? PH_COMMAND : PH_ANSWER;
	if (!more && t1->outcome == SE_T1_NOT_SENT)
		t1->outcome = SE_T1_UNKNOWN;
}

static void send_request(struct se_t1 *t1, struct se_t1_action *act)
{
	t1->requests++;
	if (t1->phase == PH_RESYNCH)
		t1->count.resyncs++;
	else if (t1->phase == PH_STOP)
		t1->count.aborts++;
	send(t1, (u8)(PCB_S | t1->s_code), t1->s_inf, t1->s_inf_len, act);
}

/* ---- beginning and end ---- */

static void step(struct se_t1 *t1)
{
	t1->requests = 0;
	t1->resends = 0;
	t1->ignored = 0;
	t1->silent = false;
}

static void link_reset(struct se_t1 *t1)
{
	size_t room = t1->tx_room - se_t1_overhead(t1->dialect);

	t1->ns = 0;
	t1->nr = 0;
	t1->ifsc = room < t1->params.ifsc ? (u16)room : t1->params.ifsc;
	t1->ifsd = t1->params.ifsd;
	t1->lost = false;
}

static void finish(struct se_t1 *t1)
{
	t1->phase = PH_IDLE;
	t1->cmd = NULL;
	t1->rsp = NULL;
	memzero_explicit(t1->tx, t1->tx_used);
	t1->tx_used = 0;
}

static void done(struct se_t1 *t1, struct se_t1_action *act)
{
	finish(t1);
	act->op = SE_T1_DONE;
}

static void fail(struct se_t1 *t1, int error, struct se_t1_action *act)
{
	finish(t1);
	act->op = SE_T1_FAIL;
	act->error = error;
	act->link_lost = t1->lost;
}

/* the next rung of the ladder: S(RESYNCH), rule 6.1 */
static void recover(struct se_t1 *t1, int error, struct se_t1_action *act)
{
	t1->error = error;
	t1->lost = true;
	if (t1->params.no_resynch && error) {
		fail(t1, error, act);
		return;
	}
	t1->phase = PH_RESYNCH;
	t1->s_code = t1->dialect->s_resynch;
	t1->s_inf_len = 0;
	step(t1);
	send_request(t1, act);
}

/*
 * Rule 9 from our side, for a caller that left: the SE has given us the right
 * to send, in the middle of its chain or of ours.
 */
static void stop(struct se_t1 *t1, struct se_t1_action *act)
{
	t1->phase = PH_STOP;
	t1->error = t1->leaving;
	t1->s_code = t1->dialect->s_abort;
	t1->s_inf_len = 0;
	step(t1);
	send_request(t1, act);
}

static int fault(const struct se_t1_rx *rx)
{
	if (rx->timeout)
		return -ETIMEDOUT;
	return rx->edc_error ? -EBADMSG : -EPROTO;
}

/* ---- rules ---- */

/* a late or doubled block: wait on for the one that we need */
static void on_ignore(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	if (t1->ignored >= MAX_IGNORED) {
		recover(t1, -EPROTO, act);
		return;
	}
	t1->ignored++;
	act->op = SE_T1_WAIT;
	act->wait_us = t1->wait_us;
}

/*
 * A doubled answer of the last exchange is a last block. One that is to be
 * continued is new: its sender's N(S) is not ours. To ask for a repeat would
 * acknowledge it, and the rest would pass for the whole response.
 */
static void on_old_answer(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (rx->more)
		recover(t1, -EPROTO, act);
	else
		on_ignore(t1, rx, act);
}

/* rules 7.1, 7.2, 7.3: ask for the block that we wait for */
static void on_bad(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (t1->requests >= MAX_REQUESTS) {
		recover(t1, fault(rx), act);
		return;
	}
	t1->requests++;
	t1->count.retrans++;
	act->repeat = true;
	send_r(t1, rx->edc_error ? PCB_R_EDC : PCB_R_OTHER, act);
}

/*
 * An R-block that names no error, and that we have not asked for, is not a
 * request but the double of an acknowledgement. To obey it would make one more
 * double of each block up to the end of the chain.
 */
static bool is_double(const struct se_t1 *t1, const struct se_t1_rx *rx)
{
	return !rx->r_error && !t1->requests;
}

/*
 * An SE that has lost its supply in mid-work waits for N(S) = 0 as well: then
 * R(0) does not mean that it has not run the command, and not that it still has
 * the first part of a chain. So R(0) is believed as long as it comes by itself, and
 * not where we had to ask for an answer to the command, or where the SE was
 * silent before. R(1) cannot come from an SE that has just started.
 */
static bool may_be_reset(const struct se_t1 *t1, u8 n_r)
{
	if (n_r)
		return false;
	return t1->silent || (t1->phase == PH_ANSWER && t1->requests);
}

/* rule 7.1, seen from the other end: the SE has not got our I-block */
static void on_repeat_i(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (is_double(t1, rx)) {
		on_ignore(t1, rx, act);
		return;
	}
	if (t1->resends >= MAX_ATTEMPTS - 1 || may_be_reset(t1, t1->ns)) {
		recover(t1, t1->silent ? -ETIMEDOUT : fault(rx), act);
		return;
	}
	/*
	 * The end of a command is not sent again for nobody. But the R-block may be
	 * late, and the command on its way: which N(S) is next is not known. Any
	 * other part of it may go out: it runs nothing.
	 */
	if (t1->leaving && t1->phase == PH_ANSWER) {
		recover(t1, t1->leaving, act);
		return;
	}
	t1->resends++;
	t1->requests = 0;
	t1->silent = false;
	t1->count.retrans++;
	act->repeat = true;
	send_i(t1, act);
}

/* rule 7.2, seen from the other end: the SE has not got our R-block */
static void on_repeat_r(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (is_double(t1, rx)) {
		on_ignore(t1, rx, act);
		return;
	}
	if (t1->resends >= MAX_ATTEMPTS - 1) {
		recover(t1, fault(rx), act);
		return;
	}
	t1->resends++;
	t1->count.retrans++;
	act->repeat = true;
	send_r(t1, 0, act);
}

/* rules 2.2 and 5: one more block of our chain has arrived */
static void on_next(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	size_t left;

	if (may_be_reset(t1, t1->ns ^ 1)) {
		recover(t1, -ETIMEDOUT, act);
		return;
	}
	/* it takes our first block for an old one: it counts from 0 again */
	if (rx->r_error && !t1->requests) {
		recover(t1, -EPROTO, act);
		return;
	}
	t1->ns ^= 1;
	if (t1->leaving) {
		stop(t1, act);
		return;
	}
	t1->cmd_off += t1->cmd_part;
	left = t1->cmd_len - t1->cmd_off;
	t1->cmd_part = left < t1->ifsc ? left : t1->ifsc;
	step(t1);
	send_i(t1, act);
}

/* take the INF of an I-block; false if the response has no end */
static bool take(struct se_t1 *t1, const struct se_t1_rx *rx)
{
	size_t room, n;

	if (rx->len > SE_T1_RSP_MAX - t1->rsp_len)
		return false;
	room = t1->rsp_len < t1->rsp_room ? t1->rsp_room - t1->rsp_len : 0;
	n = rx->len < room ? rx->len : room;
	if (n)
		memcpy(t1->rsp + t1->rsp_len, rx->inf, n);
	t1->rsp_len += (u32)rx->len;
	/* the last two bytes of the response, also where there is no room for them */
	if (rx->len >= 2)
		t1->sw = (u16)((rx->inf[rx->len - 2] << 8) | rx->inf[rx->len - 1]);
	else if (rx->len)
		t1->sw = (u16)((t1->sw << 8) | rx->inf[0]);
	return true;
}

/* an I-block with the right N(S): rule 2.1, it also says that ours has arrived */
static bool accept(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (t1->phase == PH_ANSWER)
		t1->ns ^= 1;
	t1->nr ^= 1;
	t1->outcome = SE_T1_EXECUTED;
	if (take(t1, rx))
		return true;
	recover(t1, -EMSGSIZE, act);
	return false;
}

static void on_answer(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (!accept(t1, rx, act))
		return;
	if (t1->rsp_len < 2)
		fail(t1, -EPROTO, act); /* no status word; the link is fine */
	else
		done(t1, act);
}

/* rules 2.2 and 5: a block of the SE's chain */
static void on_more(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	u8 ignored = t1->ignored;

	if (!accept(t1, rx, act))
		return;
	step(t1);
	/* a chain of empty blocks would have no end */
	if (!rx->len) {
		if (ignored >= MAX_IGNORED) {
			recover(t1, -EPROTO, act);
			return;
		}
		t1->ignored = (u8)(ignored + 1);
	}
	if (t1->leaving) {
		stop(t1, act);
		return;
	}
	t1->phase = PH_CHAIN;
	send_r(t1, 0, act);
}

/* rule 3: the SE needs more time. It holds for the next wait only */
static void on_wtx(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	u8 multiplier = rx->inf[0];

	if (t1->params.wtx_max && t1->count.wtx >= t1->params.wtx_max) {
		t1->count.wtx_refused++;
		recover(t1, -ETIMEDOUT, act);
		return;
	}
	t1->count.wtx++;
	step(t1);
	send(t1, (u8)(PCB_S | PCB_S_RESPONSE | t1->dialect->s_wtx), &multiplier, 1, act);
	if (multiplier)
		act->wait_us *= multiplier;
	t1->wait_us = act->wait_us;
	act->wtx = true;
}

/* rule 4: the SE tells a new IFSC. It holds from the next I-block on */
static void on_ifs(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	size_t room = t1->tx_room - se_t1_overhead(t1->dialect);
	u32 value = se_t1_ifs_value(rx);
	u8 inf[2] = { 0, 0 };

	/* not a step forward: an SE that asks for ever must come to an end */
	if (t1->ignored >= MAX_IGNORED) {
		recover(t1, -EPROTO, act);
		return;
	}
	t1->ignored++;
	t1->requests = 0;
	memcpy(inf, rx->inf, rx->len);
	t1->ifsc = room < value ? (u16)room : (u16)value;
	send(t1, (u8)(PCB_S | PCB_S_RESPONSE | t1->dialect->s_ifs), inf, rx->len, act);
}

/* rule 9: the SE gives a chain up, its own or ours */
static void on_abort(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	t1->count.aborts++;
	if (t1->aborts >= MAX_ATTEMPTS) {
		recover(t1, -ECONNABORTED, act);
		return;
	}
	t1->aborts++;
	t1->phase = PH_ABORT;
	step(t1);
	send(t1, (u8)(PCB_S | PCB_S_RESPONSE | t1->dialect->s_abort), NULL, 0, act);
}

static void on_out_of_step(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	recover(t1, -ECONNABORTED, act);
}

/*
 * Rule 9: an R-block hands the right to send back, and says which N(S) the SE
 * waits for: that of the aborted block again, or the next. In a chain of its own
 * it has had all of ours. Where blocks were repeated in this exchange it may be
 * about one of those, and our response not have arrived: then RESYNCH.
 */
static void on_aborted(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (rx->r_error) {
		on_abort(t1, rx, act);	/* 7.3: our response was damaged */
		return;
	}
	if ((t1->outcome == SE_T1_EXECUTED && rx->n_r != t1->ns) || t1->count.retrans) {
		recover(t1, -ECONNABORTED, act);
		return;
	}
	t1->ns = rx->n_r;
	fail(t1, t1->leaving ? t1->leaving : -ECONNABORTED, act);
}

/* rule 7.3: an S request that was not answered is sent again */
static void on_request_again(struct se_t1 *t1, const struct se_t1_rx *rx,
				struct se_t1_action *act)
{
	if (t1->requests < MAX_ATTEMPTS) {
		t1->count.retrans++;
		act->repeat = true;
		send_request(t1, act);
		return;
	}
	if (t1->phase == PH_STOP) {
		recover(t1, t1->error, act);
		return;
	}
	/* rules 6.4, 7.4.3: only a reset helps now */
	t1->lost = true;
	fail(t1, t1->error ? t1->error : fault(rx), act);
}

static void on_request_ignore(struct se_t1 *t1, const struct se_t1_rx *rx,
				struct se_t1_action *act)
{
	if (t1->ignored >= MAX_IGNORED) {
		t1->ignored = 0;
		on_request_again(t1, rx, act);
		return;
	}
	t1->ignored++;
	act->op = SE_T1_WAIT;
	act->wait_us = t1->wait_us;
}

/*
 * The SE is still at work on something older and asks for time. Its request is
 * not granted (our own is on its way), but it gets the time once.
 */
static void on_request_busy(struct se_t1 *t1, const struct se_t1_rx *rx,
				struct se_t1_action *act)
{
	u64 wait_us = t1->params.bwt_us;

	if (t1->ignored > MAX_IGNORED - BUSY_WEIGHT) {
		t1->ignored = 0;
		on_request_again(t1, rx, act);
		return;
	}
	t1->ignored = (u8)(t1->ignored + BUSY_WEIGHT);
	if (rx->inf[0])
		wait_us *= rx->inf[0];
	t1->wait_us = wait_us;
	act->op = SE_T1_WAIT;
	act->wait_us = wait_us;
}

/* an R-block without error is the double of an acknowledgement in our chain */
static void on_stop_r(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (rx->r_error)
		on_request_again(t1, rx, act);
	else
		on_request_ignore(t1, rx, act);
}

static void on_stopped(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	fail(t1, t1->error, act);
}

static void on_response(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	const struct se_t1_dialect *d = t1->dialect;

	if (t1->s_code == d->s_cip || t1->s_code == d->s_atr)
		take(t1, rx);
	else if (t1->s_code == d->s_ifs)
		t1->ifsd = (u16)se_t1_ifs_value(rx);
	else if (t1->s_code == d->s_swr)
		link_reset(t1);
	done(t1, act);
}

/*
 * Rules 6.2 and 6.3: both ends are as after a reset. A second response, to a
 * request that we repeated or of a block that went through twice, must not be
 * left over: the next S(RESYNCH) would take it for its own, while an answer to
 * an older command is still on its way.
 */
static void on_resynched(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	t1->phase = PH_QUIET;
	t1->wait_us = t1->params.bwt_us;
	if (t1->requests == 1)
		t1->wait_us = (t1->wait_us >> QUIET_SHIFT) + 1;
	t1->ignored = 0;
	act->op = SE_T1_WAIT;
	act->wait_us = t1->wait_us;
}

static void on_not_quiet(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	if (t1->ignored >= MAX_IGNORED) {
		fail(t1, t1->error ? t1->error : -EPROTO, act);
		return;
	}
	t1->ignored++;
	act->op = SE_T1_WAIT;
	act->wait_us = t1->wait_us;
}

static void on_quiet(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	link_reset(t1);
	if (!t1->error) {
		done(t1, act);
		return;
	}
	act->resynced = true;
	fail(t1, t1->error, act);
}

/* what decides, and the rule of ISO/IEC 7816-3, 11.6.3.2, that it follows */
struct rule {
	rule_fn *fn;
	const char *name;
};

static const struct rule rules[PH_NR][EV_NR] = {
	[PH_COMMAND] = {
		[EV_I_LAST] = { on_bad, "2.2: only R answers I(n,1)" },
		[EV_I_MORE] = { on_bad, "2.2: only R answers I(n,1)" },
		[EV_I_OLD] = { on_ignore, "doubled" },
		[EV_R_SAME] = { on_repeat_i, "7.1" },
		[EV_R_NEXT] = { on_next, "2.2, 5" },
		[EV_WTX] = { on_wtx, "3" },
		[EV_IFS] = { on_ifs, "4" },
		[EV_ABORT] = { on_abort, "9: by the receiver" },
		[EV_STRAY] = { on_ignore, "doubled" },
		[EV_BAD] = { on_bad, "7.1" },
		[EV_TIMEOUT] = { on_bad, "7.1" },
	},
	[PH_ANSWER] = {
		[EV_I_LAST] = { on_answer, "2.1" },
		[EV_I_MORE] = { on_more, "2.2, 5" },
		[EV_I_OLD] = { on_old_answer, "doubled, or out of step: 6.1" },
		[EV_R_SAME] = { on_repeat_i, "7.1" },
		[EV_R_NEXT] = { on_ignore, "2.1: received, its I-block follows" },
		[EV_WTX] = { on_wtx, "3" },
		[EV_IFS] = { on_ifs, "4" },
		[EV_ABORT] = { on_abort, "9: by the receiver" },
		[EV_STRAY] = { on_ignore, "doubled" },
		[EV_BAD] = { on_bad, "7.1, after S responses 7.3" },
		[EV_TIMEOUT] = { on_bad, "7.1, after S responses 7.3" },
	},
	[PH_CHAIN] = {
		[EV_I_LAST] = { on_answer, "2.1" },
		[EV_I_MORE] = { on_more, "2.2, 5" },
		[EV_I_OLD] = { on_ignore, "doubled: not taken twice" },
		[EV_R_SAME] = { on_repeat_r, "7.2" },
		[EV_R_NEXT] = { on_repeat_r, "7.2" },
		[EV_WTX] = { on_wtx, "3" },
		[EV_IFS] = { on_ifs, "4" },
		[EV_ABORT] = { on_abort, "9: by the sender" },
		[EV_STRAY] = { on_ignore, "doubled" },
		[EV_BAD] = { on_bad, "7.2" },
		[EV_TIMEOUT] = { on_bad, "7.2" },
	},
	[PH_REQUEST] = {
		[EV_I_LAST] = { on_request_ignore, "of an exchange that is over" },
		[EV_I_MORE] = { on_request_ignore, "of an exchange that is over" },
		[EV_I_OLD] = { on_request_ignore, "of an exchange that is over" },
		[EV_R_SAME] = { on_request_again, "7.3" },
		[EV_R_NEXT] = { on_request_again, "7.3" },
		[EV_WTX] = { on_request_busy, "of an exchange that is over" },
		[EV_IFS] = { on_request_ignore, "of an exchange that is over" },
		[EV_ABORT] = { on_request_ignore, "of an exchange that is over" },
		[EV_RESPONSE] = { on_response, "4, and the dialect's own" },
		[EV_STRAY] = { on_request_ignore, "doubled" },
		[EV_BAD] = { on_request_again, "7.3" },
		[EV_TIMEOUT] = { on_request_again, "7.3" },
	},
	[PH_ABORT] = {
		[EV_I_LAST] = { on_out_of_step, "6.1" },
		[EV_I_MORE] = { on_out_of_step, "6.1" },
		[EV_I_OLD] = { on_out_of_step, "6.1" },
		[EV_R_SAME] = { on_aborted, "9: the right to send is back" },
		[EV_R_NEXT] = { on_aborted, "9: the right to send is back" },
		[EV_WTX] = { on_out_of_step, "6.1" },
		[EV_IFS] = { on_out_of_step, "6.1" },
		[EV_ABORT] = { on_abort, "7.3: our response was lost" },
		[EV_STRAY] = { on_ignore, "doubled" },
		[EV_BAD] = { on_out_of_step, "6.1" },
		[EV_TIMEOUT] = { on_out_of_step, "6.1" },
	},
	[PH_STOP] = {
		[EV_I_LAST] = { on_request_ignore, "doubled" },
		[EV_I_MORE] = { on_request_ignore, "doubled" },
		[EV_I_OLD] = { on_request_ignore, "doubled" },
		[EV_R_SAME] = { on_stop_r, "7.3" },
		[EV_R_NEXT] = { on_stop_r, "7.3" },
		[EV_WTX] = { on_request_busy, "9: not granted, but waited for" },
		[EV_IFS] = { on_request_ignore, "9: not granted" },
		[EV_ABORT] = { on_abort, "9: by both ends" },
		[EV_RESPONSE] = { on_stopped, "9" },
		[EV_STRAY] = { on_request_ignore, "doubled" },
		[EV_BAD] = { on_request_again, "7.3, then 6.1" },
		[EV_TIMEOUT] = { on_request_again, "7.3, then 6.1" },
	},
	[PH_RESYNCH] = {
		[EV_I_LAST] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_I_MORE] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_I_OLD] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_R_SAME] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_R_NEXT] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_WTX] = { on_request_busy, "6.2: not granted, but waited for" },
		[EV_IFS] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_ABORT] = { on_request_ignore, "6.2: nothing counts before the response" },
		[EV_RESPONSE] = { on_resynched, "6.2, 6.3" },
		[EV_STRAY] = { on_request_ignore, "doubled" },
		[EV_BAD] = { on_request_again, "6.4, 7.3" },
		[EV_TIMEOUT] = { on_request_again, "6.4, 7.3" },
	},
	[PH_QUIET] = {
		[EV_I_LAST] = { on_not_quiet, "late" },
		[EV_I_MORE] = { on_not_quiet, "late" },
		[EV_I_OLD] = { on_not_quiet, "late" },
		[EV_R_SAME] = { on_not_quiet, "late" },
		[EV_R_NEXT] = { on_not_quiet, "late" },
		[EV_WTX] = { on_not_quiet, "late" },
		[EV_IFS] = { on_not_quiet, "late" },
		[EV_ABORT] = { on_not_quiet, "late" },
		[EV_STRAY] = { on_not_quiet, "late" },
		[EV_BAD] = { on_not_quiet, "late" },
		[EV_TIMEOUT] = { on_quiet, "6.3" },
	},
};

/* ---- what came ---- */

static void dispatch(struct se_t1 *t1, enum se_t1_event event, const struct se_t1_rx *rx,
		     struct se_t1_action *act)
{
	const struct rule *rule = &rules[t1->phase][event];

	if (rule->fn) {
		act->rule = rule->name;
		rule->fn(t1, rx, act);
	} else {
		/* no exchange runs: there is nothing to wait for */
		act->op = SE_T1_FAIL;
		act->error = -EINVAL;
		act->link_lost = t1->lost;
	}
}

void se_t1_rx(struct se_t1 *t1, const u8 *block, size_t len, struct se_t1_action *act)
{
	struct se_t1_rx rx = { .inf = block };
	enum se_t1_event event;

	memset(act, 0, sizeof(*act));
	t1->count.blocks_rx++;
	event = se_t1_classify(t1, block, len, &rx);
	if (rx.edc_error)
		t1->count.edc_errors++;
	else if (event == EV_BAD && len)
		t1->count.bad++;
	dispatch(t1, event, &rx, act);
	act->edc_error = rx.edc_error;
}

void se_t1_timeout(struct se_t1 *t1, struct se_t1_action *act)
{
	struct se_t1_rx rx = { .timeout = true };

	memset(act, 0, sizeof(*act));
	/* silence after S(RESYNCH) is what was hoped for */
	if (t1->phase != PH_QUIET)
		t1->count.timeouts++;
	t1->silent = true;
	dispatch(t1, EV_TIMEOUT, &rx, act);
}

void se_t1_leave(struct se_t1 *t1, int error)
{
	if (t1->phase != PH_IDLE)
		t1->leaving = error < 0 ? error : -ETIMEDOUT;
}

void se_t1_abort(struct se_t1 *t1, int error, struct se_t1_action *act)
{
	memset(act, 0, sizeof(*act));
	if (error >= 0)
		error = -ETIMEDOUT;
	switch (t1->phase) {
	case PH_IDLE:
		act->op = SE_T1_FAIL;
		act->error = -EINVAL;
		act->link_lost = t1->lost;
		break;
	case PH_RESYNCH:
	case PH_QUIET:
		t1->error = error;
		act->op = SE_T1_WAIT;
		act->wait_us = t1->wait_us;
		break;
	default:
		recover(t1, error, act);
	}
}

/* ---- starts ---- */

static bool params_ok(const struct se_t1_dialect *d, const struct se_t1_params *p)
{
	return p->ifsc && p->ifsc <= d->inf_max && p->ifsd && p->ifsd <= d->inf_max && p->bwt_us;
}

int se_t1_init(struct se_t1 *t1, const struct se_t1_dialect *dialect,
	       const struct se_t1_params *params, u8 *tx, size_t tx_room)
{
	memset(t1, 0, sizeof(*t1));
	if (!params_ok(dialect, params) || !tx || tx_room < se_t1_overhead(dialect) + 2U)
		return -EINVAL;
	if ((dialect->len_bytes != 1 && dialect->len_bytes != 2) || dialect->edc > SE_T1_EDC_CRC_LSB ||
	    dialect->inf_max > (dialect->len_bytes == 1 ? 0xfe : SE_T1_INF_MAX))
		return -EINVAL;
	t1->dialect = dialect;
	t1->params = *params;
	t1->tx = tx;
	t1->tx_room = tx_room;
	link_reset(t1);
	return 0;
}

int se_t1_set_params(struct se_t1 *t1, const struct se_t1_params *params)
{
	if (t1->phase != PH_IDLE)
		return -EBUSY;
	if (!params_ok(t1->dialect, params))
		return -EINVAL;
	t1->params = *params;
	t1->ifsc = params->ifsc;
	if (t1->ifsc > t1->tx_room - se_t1_overhead(t1->dialect))
		t1->ifsc = (u16)(t1->tx_room - se_t1_overhead(t1->dialect));
	t1->ifsd = params->ifsd;
	return 0;
}

void se_t1_reset(struct se_t1 *t1)
{
	finish(t1);
	link_reset(t1);
}

static bool start(struct se_t1 *t1, struct se_t1_action *act)
{
	memset(act, 0, sizeof(*act));
	if (t1->phase != PH_IDLE) {
		act->op = SE_T1_FAIL;
		act->error = -EBUSY;
		return false;
	}
	memset(&t1->count, 0, sizeof(t1->count));
	step(t1);
	t1->aborts = 0;
	t1->error = 0;
	t1->leaving = 0;
	t1->outcome = SE_T1_NOT_SENT;
	t1->rsp = NULL;
	t1->rsp_room = 0;
	t1->rsp_len = 0;
	t1->sw = 0;
	return true;
}

void se_t1_start_apdu(struct se_t1 *t1, const u8 *cmd, size_t len, u8 *rsp, size_t room,
		      struct se_t1_action *act)
{
	if (!start(t1, act))
		return;
	if (!len || t1->lost) {
		fail(t1, len ? -EPROTO : -EINVAL, act);
		return;
	}
	t1->cmd = cmd;
	t1->cmd_len = len;
	t1->cmd_off = 0;
	t1->cmd_part = len < t1->ifsc ? len : t1->ifsc;
	t1->rsp = rsp;
	t1->rsp_room = room;
	send_i(t1, act);
}

static void start_request(struct se_t1 *t1, u8 code, struct se_t1_action *act)
{
	if (code == SE_T1_NO_CODE) {
		fail(t1, -EOPNOTSUPP, act);
		return;
	}
	t1->phase = PH_REQUEST;
	t1->s_code = code;
	send_request(t1, act);
}

static void start_read(struct se_t1 *t1, u8 code, u8 *rsp, size_t room,
		       struct se_t1_action *act)
{
	if (!start(t1, act))
		return;
	t1->rsp = rsp;
	t1->rsp_room = room;
	t1->s_inf_len = 0;
	start_request(t1, code, act);
}

void se_t1_start_cip(struct se_t1 *t1, u8 *rsp, size_t room, struct se_t1_action *act)
{
	start_read(t1, t1->dialect->s_cip, rsp, room, act);
}

void se_t1_start_atr(struct se_t1 *t1, u8 *rsp, size_t room, struct se_t1_action *act)
{
	start_read(t1, t1->dialect->s_atr, rsp, room, act);
}

void se_t1_start_resynch(struct se_t1 *t1, struct se_t1_action *act)
{
	if (start(t1, act))
		recover(t1, 0, act);
}

void se_t1_start_ifs(struct se_t1 *t1, u16 ifsd, struct se_t1_action *act)
{
	if (!start(t1, act))
		return;
	if (!ifsd || ifsd > t1->dialect->inf_max || t1->lost) {
		fail(t1, t1->lost ? -EPROTO : -EINVAL, act);
		return;
	}
	t1->s_inf_len = 0;
	if (ifsd > 0xfe)
		t1->s_inf[t1->s_inf_len++] = (u8)(ifsd >> 8);
	t1->s_inf[t1->s_inf_len++] = (u8)(ifsd & 0xff);
	start_request(t1, t1->dialect->s_ifs, act);
}

void se_t1_start_release(struct se_t1 *t1, struct se_t1_action *act)
{
	if (!start(t1, act))
		return;
	if (t1->lost) {
		fail(t1, -EPROTO, act);
		return;
	}
	t1->s_inf_len = 0;
	start_request(t1, t1->dialect->s_release, act);
}

void se_t1_start_swr(struct se_t1 *t1, struct se_t1_action *act)
{
	if (!start(t1, act))
		return;
	t1->s_inf_len = 0;
	start_request(t1, t1->dialect->s_swr, act);
}

enum se_t1_outcome se_t1_outcome(const struct se_t1 *t1)
{
	return (enum se_t1_outcome)t1->outcome;
}

bool se_t1_busy(const struct se_t1 *t1)
{
	return t1->phase != PH_IDLE;
}
