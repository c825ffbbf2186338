// SPDX-License-Identifier: Apache-2.0
/* The rules of ISO/IEC 7816-3, 11.6.3, from the card's side. */
#include "t1-send.h"

#include <string.h>

enum { R_ACK = 0, R_EDC = 1, R_OTHER = 2 };

static void send_short(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len,
		       unsigned int on)
{
	uint8_t block[4 + T1_CIP_MAX + 2];
	size_t n = t1_put_head(t->params.dialect, block, t->params.nad_se, pcb, len);

	if (len)
		memcpy(block + n, inf, len);
	t1_emit(t, block, t1_put_edc(t->params.dialect, block, n + len), on);
}

static void send_r(struct t1 *t, uint8_t error)
{
	send_short(t, (uint8_t)(PCB_R | (t->nr ? PCB_R_NR : 0) | error), NULL, 0, FAULT_ON_R);
}

/* A block that cannot be taken as it came. */
static void refuse(struct t1 *t, uint8_t error)
{
	if (t->user.relay)
		t->user.relay(t->user.ctx, 0, NULL, 0, false);
	else
		send_r(t, error);
}

static uint8_t code_of(const struct t1 *t, enum t1_s s)
{
	uint8_t code = 0;

	while (t->params.dialect->s[code] != s)
		code++;
	return code;
}

static void repeat_s(struct t1 *t)
{
	send_short(t, (uint8_t)(PCB_S_REQ | code_of(t, t->s_open)), t->s_inf, t->s_len,
		   FAULT_ON_S);
}

/* Ask the host for something; @next comes when it has answered. */
static void send_request(struct t1 *t, enum t1_s s, const uint8_t *inf, uint8_t len,
			 enum t1_next next)
{
	t->s_open = (uint8_t)s;
	if (len)
		memcpy(t->s_inf, inf, len);
	t->s_len = len;
	t->next = next;
	repeat_s(t);
}

static void send_wtx(struct t1 *t, enum t1_next next)
{
	send_request(t, T1_S_WTX, &t->params.wtx, 1, next);
}

static void send_ifs(struct t1 *t, uint16_t ifsc, enum t1_next next)
{
	uint8_t inf[2] = {(uint8_t)(ifsc >> 8), (uint8_t)ifsc};
	uint8_t len = ifsc > 0xfe ? 2 : 1;

	t->ifs_told = true;
	send_request(t, T1_S_IFS, inf + 2 - len, len, next);
}

/* Next piece of the response. */
static void send_i(struct t1 *t)
{
	const struct t1_dialect *d = t->params.dialect;
	size_t n = t->rsp_len - t->rsp_off, head;

	t->i_more = n > t->ifsd;
	if (t->i_more)
		n = t->ifsd;
	head = t1_put_head(d, t->i_block, t->params.nad_se,
			   (uint8_t)((t->ns ? PCB_NS : 0) | (t->i_more ? PCB_MORE : 0)), n);
	memcpy(t->i_block + head, t->rsp + t->rsp_off, n);
	t->rsp_off += n;
	t->i_len = t1_put_edc(d, t->i_block, head + n);
	t->have_i = true;
	t->ns ^= 1;
	t1_emit(t, t->i_block, t->i_len, FAULT_ON_I);
}

static void repeat_i(struct t1 *t)
{
	t1_emit(t, t->i_block, t->i_len, FAULT_ON_I);
}

/* Where the exchange stands goes; sequence numbers stay. */
static void drop_exchange(struct t1 *t)
{
	memset(t->cmd, 0, t->cmd_len);
	memset(t->rsp, 0, t->rsp_len);
	t->cmd_len = 0;
	t->have_i = false;
	t->i_more = false;
	t->working = false;
	t->work++;
	t->s_open = T1_S_NONE;
	t->wtx_more = 0;
	t->rsp_len = t->rsp_off = 0;
}

static void resynch(struct t1 *t)
{
	drop_exchange(t);
	t->ns = t->nr = 0;
	t->ifsd = t->params.ifsd;
	t->ifsc = t->params.ifsc;
	t->ifs_told = !t->params.ifs_request;
}

static void forget(struct t1 *t)
{
	resynch(t);
	t->rx_len = t->rx_skip = 0;
	t->late_len = t->stale_len = 0;
}

void t1_power_up(struct t1 *t, uint64_t now_us)
{
	forget(t);
	t->now_us = now_us;
	t->deaf_until_us = 0;
}

void t1_absent(struct t1 *t, bool absent, uint64_t now_us)
{
	if (absent != t->absent)
		t1_power_up(t, now_us);
	t->absent = absent;
}

void t1_init(struct t1 *t, const struct t1_params *params, const struct t1_user *user,
	     struct fault_script *faults)
{
	memset(t, 0, sizeof(*t));
	t->params = *params;
	t->user = *user;
	t->faults = faults;
	t1_power_up(t, 0);
}

static void go_on(struct t1 *t, enum t1_next next)
{
	if (next == T1_NEXT_I)
		send_i(t);
	else if (next == T1_NEXT_ACK)
		send_r(t, R_ACK);
}

/* The SE has the turn, for a block of an exchange: may it come right away? */
static void take_turn(struct t1 *t, enum t1_next next)
{
	unsigned int on = (next == T1_NEXT_I ? FAULT_ON_I : FAULT_ON_R) | t1_chain_flag(t);
	struct fault *f;

	/* what is left to come makes a chain even if nothing of it has left yet */
	if (next == T1_NEXT_I && t->rsp_len - t->rsp_off > t->ifsd)
		on |= FAULT_ON_CHAIN;
	if (fault_strikes(t->faults, FAULT_ABORT, on)) {
		send_request(t, T1_S_ABORT, NULL, 0, T1_NEXT_NOTHING);
		return;
	}
	f = fault_strikes(t->faults, FAULT_IFS, on);
	if (f) {
		uint16_t max = t->params.dialect->inf_max;

		send_ifs(t, (uint16_t)(f->arg < max ? f->arg : max), next);
		return;
	}
	if (!t->ifs_told) {
		send_ifs(t, t->params.ifsc, next);
		return;
	}
	f = fault_strikes(t->faults, FAULT_WTX, on);
	if (f) {
		t->wtx_more = f->arg - 1;
		send_wtx(t, next);
		return;
	}
	go_on(t, next);
}

static void respond(struct t1 *t)
{
	t->working = false;
	t->rsp_off = 0;
	take_turn(t, T1_NEXT_I);
}

static uint64_t half_bwt(const struct t1 *t)
{
	return t->params.bwt_ms * 500ULL;
}

static void start_work(struct t1 *t, uint64_t now)
{
	size_t n;

	t->ready_us = now;
	t->rsp_len = 0;
	/* a command that is too long arrives one byte longer than any can be */
	n = t->user.execute(t->user.ctx, t->work, t->cmd, t->cmd_len, t->rsp, now,
			    &t->ready_us);
	memset(t->cmd, 0, t->cmd_len);
	t->cmd_len = 0;
	t->working = true;
	t->wtx_us = now + half_bwt(t);
	if (n == T1_PENDING)
		t->ready_us = T1_NEVER;
	else
		t->rsp_len = n;
	if (t->ready_us <= now)
		respond(t);
}

void t1_finish(struct t1 *t, uint32_t work, const uint8_t *rsp, size_t len, uint64_t now_us)
{
	if (!t->working || work != t->work || len > sizeof(t->rsp))
		return;
	t->now_us = now_us;
	memcpy(t->rsp, rsp, len);
	t->rsp_len = len;
	t->ready_us = now_us;
	t1_tick(t, now_us);
}

static void got_i(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len, uint64_t now)
{
	size_t room = sizeof(t->cmd) - t->cmd_len;
	uint8_t ns = pcb & PCB_NS ? 1 : 0;

	if ((pcb & 0x1f) || ns != t->nr || (t->have_i && t->i_more)) {
		send_r(t, R_OTHER);
		return;
	}
	/* also acknowledges our last I-block (ISO/IEC 7816-3, 11.6.3.2, rule 2.1) */
	t->have_i = false;
	t->nr ^= 1;
	if (len > room)
		len = room;
	memcpy(t->cmd + t->cmd_len, inf, len);
	t->cmd_len += len;
	if (pcb & PCB_MORE)
		take_turn(t, T1_NEXT_ACK); /* rule 2.2 */
	else
		start_work(t, now);
}

static void got_r(struct t1 *t, uint8_t pcb)
{
	uint8_t nr = pcb & PCB_R_NR ? 1 : 0;

	if (t->have_i && nr != t->ns)
		repeat_i(t); /* rule 7.2 */
	else if (t->have_i && t->i_more)
		take_turn(t, T1_NEXT_I); /* rule 2.2 */
	else
		send_r(t, t->have_i ? R_OTHER : R_ACK); /* we miss something: rule 7.3 */
}

static void answer_s(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len)
{
	send_short(t, (uint8_t)(PCB_S_RSP | (pcb & 0x1f)), inf, len, FAULT_ON_S);
}

static void got_ifs(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len)
{
	unsigned int ifsd = 0;

	if (len == 1 && inf[0] < 0xff)
		ifsd = inf[0];
	else if (len == 2 && t->params.dialect->len_bytes == 2)
		ifsd = (unsigned int)(inf[0] << 8 | inf[1]);
	if (!ifsd || ifsd > t->params.dialect->inf_max) {
		send_r(t, R_OTHER);
		return;
	}
	t->ifsd = (uint16_t)ifsd;
	answer_s(t, pcb, inf, len);
}

static void reset_all(struct t1 *t)
{
	forget(t);
	t->user.reset(t->user.ctx);
}

static void got_s_request(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len)
{
	enum t1_s what = t->params.dialect->s[pcb & 0x1f];
	uint8_t info[T1_CIP_MAX];

	if (what != T1_S_IFS && len) {
		send_r(t, R_OTHER);
		return;
	}
	switch (what) {
	case T1_S_RESYNCH:
		resynch(t);
		answer_s(t, pcb, NULL, 0);
		break;
	case T1_S_IFS:
		got_ifs(t, pcb, inf, len);
		break;
	case T1_S_ABORT:
		drop_exchange(t);
		answer_s(t, pcb, NULL, 0);
		break;
	case T1_S_CIP:
		answer_s(t, pcb, info, t1_cip(&t->params, info));
		break;
	case T1_S_ATR:
		answer_s(t, pcb, info, t1_atr(&t->params, info));
		break;
	case T1_S_RELEASE:
		answer_s(t, pcb, NULL, 0);
		break;
	case T1_S_IF_RESET_ATR:
		answer_s(t, pcb, info, t1_atr(&t->params, info));
		forget(t);
		break;
	case T1_S_IF_RESET:
		answer_s(t, pcb, NULL, 0);
		forget(t);
		break;
	case T1_S_END:
		/* the dialogue is over, and what applets held in RAM; the link stands */
		answer_s(t, pcb, NULL, 0);
		drop_exchange(t);
		t->user.reset(t->user.ctx);
		break;
	case T1_S_SWR:
	case T1_S_CHIP_RESET:
	case T1_S_SLEEP:
		answer_s(t, pcb, NULL, 0);
		reset_all(t);
		break;
	default:
		send_r(t, R_OTHER);
	}
}

/* The answer to our own S(... request). */
static void got_s_response(struct t1 *t, const uint8_t *inf, size_t len, uint64_t now)
{
	enum t1_s what = t->s_open;

	if (len != t->s_len || (len && memcmp(inf, t->s_inf, len) != 0)) {
		repeat_s(t);
		return;
	}
	t->s_open = T1_S_NONE;
	if (what == T1_S_ABORT) {
		drop_exchange(t);
		send_r(t, R_ACK); /* the turn goes back: rule 9 */
	} else if (what == T1_S_IFS) {
		t->ifsc = (uint16_t)(len == 1 ? inf[0] : inf[0] << 8 | inf[1]);
		go_on(t, t->next);
	} else if (t->next == T1_NEXT_WAIT) {
		t->wtx_us = now + t->params.wtx * half_bwt(t);
		if (t->ready_us <= now)
			respond(t);
	} else if (t->wtx_more) {
		t->wtx_more--;
		send_wtx(t, t->next);
	} else {
		go_on(t, t->next);
	}
}

/* What may interrupt the SE at work, or a request of its own. */
static bool interrupts(const struct t1 *t, uint8_t pcb)
{
	if ((pcb & 0xe0) != PCB_S_REQ)
		return false;
	switch (t->params.dialect->s[pcb & 0x1f]) {
	case T1_S_RESYNCH:
	case T1_S_ABORT:
	case T1_S_SWR:
	case T1_S_END:
	case T1_S_IF_RESET:
	case T1_S_IF_RESET_ATR:
	case T1_S_CHIP_RESET:
	case T1_S_SLEEP:
		return true;
	default:
		return false;
	}
}

/* True: the fault script has taken the block. */
static bool spoiled(struct t1 *t, uint8_t pcb, bool *good)
{
	unsigned int on = !(pcb & 0x80)		  ? FAULT_ON_I
			  : (pcb & 0xc0) == PCB_R ? FAULT_ON_R
						  : FAULT_ON_S;
	struct fault *f;

	if (!t->faults)
		return false;
	on |= t1_chain_flag(t);
	if (on & FAULT_ON_I && pcb & PCB_MORE)
		on |= FAULT_ON_CHAIN;
	if (fault_strikes(t->faults, FAULT_DEAF, on))
		return true;
	f = fault_strikes(t->faults, FAULT_MUTE, on);
	if (f) {
		t->deaf_until_us = t->now_us + f->arg * 1000ULL;
		return true;
	}
	if (fault_strikes(t->faults, FAULT_RESET, on)) {
		reset_all(t);
		return true;
	}
	f = fault_strikes(t->faults, FAULT_R_ERROR, on);
	if (f) {
		send_r(t, (uint8_t)f->arg);
		return true;
	}
	if (fault_strikes(t->faults, FAULT_GARBLE, on))
		*good = false;
	return false;
}

static void relay_block(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len, bool good)
{
	enum t1_s what = t->params.dialect->s[pcb & 0x1f];

	/* parameters and resets are the dialect's own, all the rest is T=1 */
	if (good && (pcb & 0xe0) == PCB_S_REQ && what > T1_S_WTX)
		got_s_request(t, pcb, inf, len);
	else
		t->user.relay(t->user.ctx, pcb, inf, len, good);
}

void t1_relay(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len, uint64_t now_us)
{
	const struct t1_dialect *d = t->params.dialect;
	uint8_t block[T1_BLOCK_MAX];
	size_t n;

	t->now_us = now_us;
	if (t->absent || now_us < t->deaf_until_us || len > d->inf_max)
		return;
	n = t1_put_head(d, block, t->params.nad_se, pcb, len);
	if (len)
		memcpy(block + n, inf, len);
	t->i_more = !(pcb & 0x80) && pcb & PCB_MORE;
	t->have_i = t->i_more; /* for the fault script: a chain is going on */
	t1_emit(t, block, t1_put_edc(d, block, n + len),
		!(pcb & 0x80)		? FAULT_ON_I
		: (pcb & 0xc0) == PCB_R ? FAULT_ON_R
					: FAULT_ON_S);
}

void t1_set_ifsc(struct t1 *t, uint16_t ifsc)
{
	t->params.ifsc = t->ifsc = ifsc;
}

static void got_block(struct t1 *t, uint64_t now)
{
	const struct t1_dialect *d = t->params.dialect;
	size_t len = t->rx_len - t1_prologue(t) - t1_edc_len(d);
	const uint8_t *inf = t->rx + t1_prologue(t);
	uint8_t pcb = t->rx[1];
	bool good = t1_edc_good(d, t->rx, t->rx_len);

	if (good && spoiled(t, pcb, &good))
		return;
	if (t->user.relay) {
		relay_block(t, pcb, inf, len, good);
		return;
	}
	/* the host may always begin anew; nothing else is due while we work or ask */
	if ((t->working || t->s_open) && !(good && interrupts(t, pcb) && !len)) {
		if (good && t->s_open && pcb == (PCB_S_RSP | code_of(t, t->s_open)))
			got_s_response(t, inf, len, now);
		else if (t->s_open)
			repeat_s(t); /* rule 7.1 */
		else
			send_wtx(t, T1_NEXT_WAIT);
		return;
	}
	if (!good)
		send_r(t, R_EDC);
	else if (!(pcb & 0x80))
		got_i(t, pcb, inf, len, now);
	else if ((pcb & 0xec) == PCB_R && !len)
		got_r(t, pcb);
	else if ((pcb & 0xe0) == PCB_S_REQ)
		got_s_request(t, pcb, inf, len);
	else
		send_r(t, R_OTHER);
}

static bool is_idle(const struct t1 *t, uint8_t byte)
{
	return byte == 0xff || (!byte && t->params.nad_host);
}

static size_t inf_len(const struct t1 *t)
{
	return t->params.dialect->len_bytes == 2 ? (size_t)(t->rx[2] << 8 | t->rx[3])
						 : t->rx[2];
}

void t1_input(struct t1 *t, const uint8_t *data, size_t len, uint64_t now_us)
{
	const size_t head = t1_prologue(t), edc = t1_edc_len(t->params.dialect);

	t->now_us = now_us;
	if (t->absent || now_us < t->deaf_until_us) {
		t->rx_len = t->rx_skip = 0;
		return;
	}
	/* a block that stopped in the middle will not go on after the host gave up */
	if ((t->rx_len || t->rx_skip) && now_us - t->rx_time_us > half_bwt(t))
		t->rx_len = t->rx_skip = 0;
	t->rx_time_us = now_us;
	while (len) {
		size_t want, n;

		if (t->rx_skip) {
			n = len < t->rx_skip ? len : t->rx_skip;
			t->rx_skip -= n;
			data += n;
			len -= n;
			if (!t->rx_skip)
				refuse(t, R_OTHER);
			continue;
		}
		if (!t->rx_len && is_idle(t, *data)) {
			data++;
			len--;
			continue;
		}
		if (!t->rx_len && *data != t->params.nad_host) {
			refuse(t, R_OTHER);
			return; /* where a block begins is lost until the next access */
		}
		want = head;
		if (t->rx_len >= head)
			want += inf_len(t) + edc;
		n = want - t->rx_len < len ? want - t->rx_len : len;
		memcpy(t->rx + t->rx_len, data, n);
		t->rx_len += n;
		data += n;
		len -= n;
		if (t->rx_len == head) {
			size_t inf = inf_len(t);

			if (inf > t->params.dialect->inf_max) {
				t->rx_len = 0;
				refuse(t, R_OTHER);
				return;
			}
			if (inf > t->ifsc) {
				t->rx_len = 0;
				t->rx_skip = inf + edc;
			}
		} else if (t->rx_len > head && t->rx_len == want) {
			got_block(t, now_us);
			t->rx_len = 0;
			if (now_us < t->deaf_until_us)
				return;
		}
	}
}

/* A mute chip works on, but says nothing before its time. */
static uint64_t not_before(const struct t1 *t, uint64_t when)
{
	return when < t->deaf_until_us ? t->deaf_until_us : when;
}

uint64_t t1_deadline(const struct t1 *t)
{
	uint64_t when = t->late_len ? t->late_us : T1_NEVER;

	if (t->absent)
		return T1_NEVER;
	if (t->working && !t->s_open) {
		uint64_t work =
			not_before(t, t->ready_us < t->wtx_us ? t->ready_us : t->wtx_us);

		if (work < when)
			when = work;
	}
	return when;
}

void t1_tick(struct t1 *t, uint64_t now_us)
{
	t->now_us = now_us;
	if (t->absent || now_us < t->deaf_until_us)
		return;
	if (t->late_len && now_us >= t->late_us)
		t1_send_late(t);
	if (!t->working || t->s_open)
		return;
	if (now_us >= t->ready_us)
		respond(t);
	else if (now_us >= t->wtx_us)
		send_wtx(t, T1_NEXT_WAIT);
}
