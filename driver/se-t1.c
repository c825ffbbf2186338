// SPDX-License-Identifier: GPL-2.0-only
/*
 * T=1 family link layer: starts, steps and ends of exchanges. What is done about
 * each block is in se-t1-rules.c.
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
#include "se-t1-rules.h"

/* ---- sending ---- */

void se_t1_send(struct se_t1 *t1, u8 pcb, const u8 *inf, size_t len, struct se_t1_action *act)
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

void se_t1_send_i(struct se_t1 *t1, struct se_t1_action *act)
{
	bool more = t1->cmd_off + t1->cmd_part < t1->cmd_len;

	se_t1_send(t1, (u8)((t1->ns << 6) | (more ? PCB_I_MORE : 0)), t1->cmd + t1->cmd_off,
		   t1->cmd_part, act);
	t1->phase = more ? PH_COMMAND : PH_ANSWER;
	if (!more && t1->outcome == SE_T1_NOT_SENT)
		t1->outcome = SE_T1_UNKNOWN;
}

void se_t1_send_request(struct se_t1 *t1, struct se_t1_action *act)
{
	t1->requests++;
	if (t1->phase == PH_RESYNCH)
		t1->count.resyncs++;
	else if (t1->phase == PH_STOP)
		t1->count.aborts++;
	se_t1_send(t1, (u8)(PCB_S | t1->s_code), t1->s_inf, t1->s_inf_len, act);
}

/* ---- beginning and end ---- */

void se_t1_step(struct se_t1 *t1)
{
	t1->requests = 0;
	t1->resends = 0;
	t1->ignored = 0;
	t1->silent = false;
}

void se_t1_link_reset(struct se_t1 *t1)
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

void se_t1_done(struct se_t1 *t1, struct se_t1_action *act)
{
	finish(t1);
	act->op = SE_T1_DONE;
}

void se_t1_fail(struct se_t1 *t1, int error, struct se_t1_action *act)
{
	finish(t1);
	act->op = SE_T1_FAIL;
	act->error = error;
	act->link_lost = t1->lost;
}

void se_t1_recover(struct se_t1 *t1, int error, struct se_t1_action *act)
{
	t1->error = error;
	t1->lost = true;
	if (t1->params.no_resynch && error) {
		se_t1_fail(t1, error, act);
		return;
	}
	t1->phase = PH_RESYNCH;
	t1->s_code = t1->dialect->s_resynch;
	t1->s_inf_len = 0;
	se_t1_step(t1);
	se_t1_send_request(t1, act);
}

/* ---- what came ---- */

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
	se_t1_dispatch(t1, event, &rx, act);
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
	se_t1_dispatch(t1, EV_TIMEOUT, &rx, act);
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
		se_t1_recover(t1, error, act);
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
	if ((dialect->len_bytes != 1 && dialect->len_bytes != 2) ||
	    dialect->edc > SE_T1_EDC_CRC_LSB ||
	    dialect->inf_max > (dialect->len_bytes == 1 ? 0xfe : SE_T1_INF_MAX))
		return -EINVAL;
	t1->dialect = dialect;
	t1->params = *params;
	t1->tx = tx;
	t1->tx_room = tx_room;
	se_t1_link_reset(t1);
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
	se_t1_link_reset(t1);
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
	se_t1_step(t1);
	t1->aborts = 0;
	t1->error = 0;
	t1->leaving = 0;
	t1->heard = false;
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
		se_t1_fail(t1, len ? -EPROTO : -EINVAL, act);
		return;
	}
	t1->cmd = cmd;
	t1->cmd_len = len;
	t1->cmd_off = 0;
	t1->cmd_part = len < t1->ifsc ? len : t1->ifsc;
	t1->rsp = rsp;
	t1->rsp_room = room;
	se_t1_send_i(t1, act);
}

static void start_request(struct se_t1 *t1, u8 code, struct se_t1_action *act)
{
	if (code == SE_T1_NO_CODE) {
		se_t1_fail(t1, -EOPNOTSUPP, act);
		return;
	}
	t1->phase = PH_REQUEST;
	t1->s_code = code;
	se_t1_send_request(t1, act);
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
		se_t1_recover(t1, 0, act);
}

void se_t1_start_ifs(struct se_t1 *t1, u16 ifsd, struct se_t1_action *act)
{
	if (!start(t1, act))
		return;
	if (!ifsd || ifsd > t1->dialect->inf_max || t1->lost) {
		se_t1_fail(t1, t1->lost ? -EPROTO : -EINVAL, act);
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
		se_t1_fail(t1, -EPROTO, act);
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
