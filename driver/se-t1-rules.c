// SPDX-License-Identifier: GPL-2.0-only
/*
 * T=1 family link layer: what is done about each block, and about silence.
 *
 * One table at the end of the file decides, rules[phase][event]. The numbers of
 * the rules are those of ISO/IEC 7816-3:2006, 11.6.3.2 (block protocol rules).
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#endif
#include "se-t1.h"
#include "se-t1-block.h"
#include "se-t1-rules.h"

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

static void send_r(struct se_t1 *t1, u8 error, struct se_t1_action *act)
{
	se_t1_send(t1, (u8)(PCB_R | (t1->nr << 4) | error), NULL, 0, act);
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
	se_t1_step(t1);
	se_t1_send_request(t1, act);
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
		se_t1_recover(t1, -EPROTO, act);
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
		se_t1_recover(t1, -EPROTO, act);
	else
		on_ignore(t1, rx, act);
}

/* rules 7.1, 7.2, 7.3: ask for the block that we wait for */
static void on_bad(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (t1->requests >= MAX_REQUESTS) {
		se_t1_recover(t1, fault(rx), act);
		return;
	}
	t1->requests++;
	t1->count.retrans++;
	act->repeat = true;
	send_r(t1, rx->edc_error ? PCB_R_EDC : PCB_R_OTHER, act);
}

/*
 * An R-block that names no error, and that we have not asked for, is not a
 * request but the double of an acknowledgment. To obey it would make one more
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
 * silent before. Nor is a second one, once the command was sent again: it may be the
 * double of the first, and the SE may have run the command and been reset since.
 * R(1) cannot come from an SE that has just started.
 */
static bool may_be_reset(const struct se_t1 *t1, u8 n_r)
{
	if (n_r)
		return false;
	return t1->silent || (t1->phase == PH_ANSWER && (t1->requests || t1->resends));
}

/*
 * The SE speaks of its own accord after the last block of the command: it has
 * got it. If it asks for it after that it has lost it, and may have run it.
 */
static void hear(struct se_t1 *t1)
{
	if (t1->phase == PH_ANSWER)
		t1->heard = true;
}

static void on_received(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	hear(t1);
	on_ignore(t1, rx, act);
}

/* rule 7.1, seen from the other end: the SE has not got our I-block */
static void on_repeat_i(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (is_double(t1, rx)) {
		on_ignore(t1, rx, act);
		return;
	}
	if (t1->resends >= MAX_ATTEMPTS - 1 || t1->heard || may_be_reset(t1, t1->ns)) {
		se_t1_recover(t1, t1->silent ? -ETIMEDOUT : fault(rx), act);
		return;
	}
	/*
	 * The end of a command is not sent again for nobody. But the R-block may be
	 * late, and the command on its way: which N(S) is next is not known. Any
	 * other part of it may go out: it runs nothing.
	 */
	if (t1->leaving && t1->phase == PH_ANSWER) {
		se_t1_recover(t1, t1->leaving, act);
		return;
	}
	t1->resends++;
	t1->requests = 0;
	t1->silent = false;
	t1->count.retrans++;
	act->repeat = true;
	se_t1_send_i(t1, act);
}

/* rule 7.2, seen from the other end: the SE has not got our R-block */
static void on_repeat_r(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (is_double(t1, rx)) {
		on_ignore(t1, rx, act);
		return;
	}
	if (t1->resends >= MAX_ATTEMPTS - 1) {
		se_t1_recover(t1, fault(rx), act);
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
		se_t1_recover(t1, -ETIMEDOUT, act);
		return;
	}
	/* it takes our first block for an old one: it counts from 0 again */
	if (rx->r_error && !t1->requests) {
		se_t1_recover(t1, -EPROTO, act);
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
	se_t1_step(t1);
	se_t1_send_i(t1, act);
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
	se_t1_recover(t1, -EMSGSIZE, act);
	return false;
}

static void on_answer(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	if (!accept(t1, rx, act))
		return;
	if (t1->rsp_len < 2)
		se_t1_fail(t1, -EPROTO, act); /* no status word; the link is fine */
	else
		se_t1_done(t1, act);
}

/* rules 2.2 and 5: a block of the SE's chain */
static void on_more(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	u8 ignored = t1->ignored;

	if (!accept(t1, rx, act))
		return;
	se_t1_step(t1);
	/* a chain of empty blocks would have no end */
	if (!rx->len) {
		if (ignored >= MAX_IGNORED) {
			se_t1_recover(t1, -EPROTO, act);
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
		se_t1_recover(t1, -ETIMEDOUT, act);
		return;
	}
	t1->count.wtx++;
	hear(t1);
	se_t1_step(t1);
	se_t1_send(t1, (u8)(PCB_S | PCB_S_RESPONSE | t1->dialect->s_wtx), &multiplier, 1, act);
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
		se_t1_recover(t1, -EPROTO, act);
		return;
	}
	t1->ignored++;
	t1->requests = 0;
	hear(t1);
	memcpy(inf, rx->inf, rx->len);
	t1->ifsc = room < value ? (u16)room : (u16)value;
	se_t1_send(t1, (u8)(PCB_S | PCB_S_RESPONSE | t1->dialect->s_ifs), inf, rx->len, act);
}

/* rule 9: the SE gives a chain up, its own or ours */
static void on_abort(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	t1->count.aborts++;
	if (t1->aborts >= MAX_ATTEMPTS) {
		se_t1_recover(t1, -ECONNABORTED, act);
		return;
	}
	t1->aborts++;
	t1->phase = PH_ABORT;
	se_t1_step(t1);
	se_t1_send(t1, (u8)(PCB_S | PCB_S_RESPONSE | t1->dialect->s_abort), NULL, 0, act);
}

static void on_out_of_step(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	se_t1_recover(t1, -ECONNABORTED, act);
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
		se_t1_recover(t1, -ECONNABORTED, act);
		return;
	}
	t1->ns = rx->n_r;
	se_t1_fail(t1, t1->leaving ? t1->leaving : -ECONNABORTED, act);
}

/* rule 7.3: an S request that was not answered is sent again */
static void on_request_again(struct se_t1 *t1, const struct se_t1_rx *rx,
			     struct se_t1_action *act)
{
	if (t1->requests < MAX_ATTEMPTS) {
		t1->count.retrans++;
		act->repeat = true;
		se_t1_send_request(t1, act);
		return;
	}
	if (t1->phase == PH_STOP) {
		se_t1_recover(t1, t1->error, act);
		return;
	}
	/* rules 6.4, 7.4.3: only a reset helps now */
	t1->lost = true;
	se_t1_fail(t1, t1->error ? t1->error : fault(rx), act);
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

/* an R-block without error is the double of an acknowledgment in our chain */
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
	se_t1_fail(t1, t1->error, act);
}

static void on_response(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	const struct se_t1_dialect *d = t1->dialect;

	if (t1->s_code == d->s_cip || t1->s_code == d->s_atr)
		take(t1, rx);
	else if (t1->s_code == d->s_ifs)
		t1->ifsd = (u16)se_t1_ifs_value(rx);
	else if (t1->s_code == d->s_swr)
		se_t1_link_reset(t1);
	se_t1_done(t1, act);
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
		se_t1_fail(t1, t1->error ? t1->error : -EPROTO, act);
		return;
	}
	t1->ignored++;
	act->op = SE_T1_WAIT;
	act->wait_us = t1->wait_us;
}

static void on_quiet(struct se_t1 *t1, const struct se_t1_rx *rx, struct se_t1_action *act)
{
	(void)rx;
	se_t1_link_reset(t1);
	if (!t1->error) {
		se_t1_done(t1, act);
		return;
	}
	act->resynced = true;
	se_t1_fail(t1, t1->error, act);
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
		[EV_R_NEXT] = { on_received, "2.1: received, its I-block follows" },
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

void se_t1_dispatch(struct se_t1 *t1, enum se_t1_event event, const struct se_t1_rx *rx,
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
