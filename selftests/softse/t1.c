// SPDX-License-Identifier: Apache-2.0
#include "t1.h"

#include <string.h>

#define NAD_TO_SE 0x21
#define NAD_TO_HOST 0x12
#define PROLOGUE 4
#define EDC 2

#define PCB_NS 0x40
#define PCB_MORE 0x20
#define PCB_R 0x80
#define PCB_R_NR 0x10
#define PCB_S_REQ 0xc0
#define PCB_S_RSP 0xe0

enum { R_ACK = 0, R_EDC = 1, R_OTHER = 2 };
enum { S_RESYNCH = 0, S_IFS = 1, S_ABORT = 2, S_WTX = 3, S_CIP = 4, S_RELEASE = 6, S_SWR = 15 };

void t1_params_default(struct t1_params *p)
{
	static const uint8_t iin[] = {0x99, 0x99, 0x99, 0x0f};

	memset(p, 0, sizeof(*p));
	p->ifsc = 1024;
	p->ifsd = 254;
	p->bwt_ms = 300;
	p->wtx = 1;
	p->pver = 1;
	memcpy(p->iin, iin, sizeof(iin));
	p->iin_len = sizeof(iin);
	p->pwt_ms = 5;
	p->mcf_khz = 10000;
	p->mpot_100us = 10;
	p->segt_us = 20;
	p->seal = T1_BLOCK_MAX;
	memcpy(p->hist, "SESAME", 6);
	p->hist_len = 6;
}

uint16_t t1_crc(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xffff;

	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1);
	}
	return (uint16_t)~crc;
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

size_t t1_cip(const struct t1_params *p, uint8_t cip[T1_CIP_MAX])
{
	uint8_t *o = cip;

	*o++ = p->pver;
	*o++ = p->iin_len;
	memcpy(o, p->iin, p->iin_len);
	o += p->iin_len;
	*o++ = 0x01; /* physical layer: SPI */
	*o++ = 12;
	*o++ = p->config;
	*o++ = p->pwt_ms;
	o = put16(o, p->mcf_khz);
	*o++ = p->pst_ms;
	*o++ = p->mpot_100us;
	o = put16(o, p->segt_us);
	o = put16(o, p->seal);
	o = put16(o, p->wut);
	*o++ = 4;
	o = put16(o, p->bwt_ms);
	o = put16(o, p->ifsc);
	*o++ = p->hist_len;
	memcpy(o, p->hist, p->hist_len);
	o += p->hist_len;
	return (size_t)(o - cip);
}

static void send_block(struct t1 *t, uint8_t *block, uint8_t pcb, size_t inf)
{
	block[0] = NAD_TO_HOST;
	block[1] = pcb;
	put16(block + 2, (uint16_t)inf);
	put16(block + PROLOGUE + inf, t1_crc(block, PROLOGUE + inf));
	t->user.send(t->user.ctx, block, PROLOGUE + inf + EDC);
}

static void send_r(struct t1 *t, uint8_t error)
{
	uint8_t block[PROLOGUE + EDC];

	send_block(t, block, (uint8_t)(PCB_R | (t->nr ? PCB_R_NR : 0) | error), 0);
}

static void send_s(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint8_t block[PROLOGUE + T1_CIP_MAX + EDC];

	if (len)
		memcpy(block + PROLOGUE, inf, len);
	send_block(t, block, pcb, len);
}

static void send_wtx(struct t1 *t)
{
	t->wtx_open = true;
	send_s(t, PCB_S_REQ | S_WTX, &t->params.wtx, 1);
}

/* Next piece of the response. */
static void send_i(struct t1 *t)
{
	size_t n = t->rsp_len - t->rsp_off;

	t->i_more = n > t->ifsd;
	if (t->i_more)
		n = t->ifsd;
	memcpy(t->i_block + PROLOGUE, t->rsp + t->rsp_off, n);
	t->rsp_off += n;
	t->i_len = n;
	t->have_i = true;
	send_block(t, t->i_block, (uint8_t)((t->ns ? PCB_NS : 0) | (t->i_more ? PCB_MORE : 0)),
		   n);
	t->ns ^= 1;
}

static void repeat_i(struct t1 *t)
{
	send_block(t, t->i_block, t->i_block[1], t->i_len);
}

/* Where the exchange stands goes; sequence numbers stay. */
static void drop_exchange(struct t1 *t)
{
	t->cmd_len = 0;
	t->have_i = false;
	t->i_more = false;
	t->working = false;
	t->wtx_open = false;
	t->rsp_len = t->rsp_off = 0;
}

static void resynch(struct t1 *t)
{
	drop_exchange(t);
	t->ns = t->nr = 0;
	t->ifsd = t->params.ifsd;
}

void t1_reset(struct t1 *t)
{
	resynch(t);
	t->rx_len = t->rx_skip = 0;
}

void t1_init(struct t1 *t, const struct t1_params *params, const struct t1_user *user)
{
	memset(t, 0, sizeof(*t));
	t->params = *params;
	t->user = *user;
	t1_reset(t);
}

static void respond(struct t1 *t)
{
	t->working = false;
	t->rsp_off = 0;
	send_i(t);
}

static uint64_t half_bwt(const struct t1 *t)
{
	return t->params.bwt_ms * 500ULL;
}

static void start_work(struct t1 *t, uint64_t now)
{
	t->ready_us = now;
	/* a command that is too long arrives one byte longer than any can be */
	t->rsp_len =
		t->user.execute(t->user.ctx, t->cmd, t->cmd_len, t->rsp, now, &t->ready_us);
	memset(t->cmd, 0, t->cmd_len);
	t->cmd_len = 0;
	t->working = true;
	t->wtx_us = now + half_bwt(t);
	if (t->ready_us <= now)
		respond(t);
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
		send_r(t, R_ACK); /* rule 2.2 */
	else
		start_work(t, now);
}

static void got_r(struct t1 *t, uint8_t pcb)
{
	uint8_t nr = pcb & PCB_R_NR ? 1 : 0;

	if (t->have_i && nr != t->ns)
		repeat_i(t); /* rule 7.2 */
	else if (t->have_i && t->i_more)
		send_i(t); /* rule 2.2 */
	else
		send_r(t, t->have_i ? R_OTHER : R_ACK); /* we miss something: rule 7.3 */
}

static void got_ifs(struct t1 *t, const uint8_t *inf, size_t len)
{
	unsigned int ifsd = 0;

	if (len == 1 && inf[0] < 0xff)
		ifsd = inf[0];
	else if (len == 2)
		ifsd = (unsigned int)(inf[0] << 8 | inf[1]);
	if (!ifsd || ifsd > T1_INF_MAX) {
		send_r(t, R_OTHER);
		return;
	}
	t->ifsd = (uint16_t)ifsd;
	send_s(t, PCB_S_RSP | S_IFS, inf, len);
}

static void got_s_request(struct t1 *t, uint8_t what, const uint8_t *inf, size_t len)
{
	uint8_t cip[T1_CIP_MAX];

	if (what != S_IFS && len) {
		send_r(t, R_OTHER);
		return;
	}
	switch (what) {
	case S_RESYNCH:
		resynch(t);
		send_s(t, PCB_S_RSP | S_RESYNCH, NULL, 0);
		break;
	case S_IFS:
		got_ifs(t, inf, len);
		break;
	case S_ABORT:
		drop_exchange(t);
		send_s(t, PCB_S_RSP | S_ABORT, NULL, 0);
		break;
	case S_CIP:
		send_s(t, PCB_S_RSP | S_CIP, cip, t1_cip(&t->params, cip));
		break;
	case S_RELEASE:
		send_s(t, PCB_S_RSP | S_RELEASE, NULL, 0);
		break;
	case S_SWR:
		send_s(t, PCB_S_RSP | S_SWR, NULL, 0);
		t1_reset(t);
		t->user.reset(t->user.ctx);
		break;
	default:
		send_r(t, R_OTHER);
	}
}

static void got_wtx_response(struct t1 *t, const uint8_t *inf, size_t len, uint64_t now)
{
	if (len != 1 || inf[0] != t->params.wtx) {
		send_wtx(t);
		return;
	}
	t->wtx_open = false;
	t->wtx_us = now + t->params.wtx * half_bwt(t);
	if (t->ready_us <= now)
		respond(t);
}

static void got_block(struct t1 *t, uint64_t now)
{
	size_t len = t->rx_len - PROLOGUE - EDC;
	const uint8_t *inf = t->rx + PROLOGUE;
	uint8_t pcb = t->rx[1];
	bool good = t1_crc(t->rx, PROLOGUE + len) == (inf[len] << 8 | inf[len + 1]);
	bool s_request = good && (pcb & 0xe0) == PCB_S_REQ;

	/* the host may always begin anew; nothing else is due while we work */
	if (t->working &&
	    !(s_request && (pcb == (PCB_S_REQ | S_RESYNCH) || pcb == (PCB_S_REQ | S_SWR) ||
			    pcb == (PCB_S_REQ | S_ABORT)))) {
		if (good && t->wtx_open && pcb == (PCB_S_RSP | S_WTX))
			got_wtx_response(t, inf, len, now);
		else
			send_wtx(t); /* rule 7.1: the S-block again, or at last */
		return;
	}
	if (!good)
		send_r(t, R_EDC);
	else if (!(pcb & 0x80))
		got_i(t, pcb, inf, len, now);
	else if ((pcb & 0xec) == PCB_R && !len)
		got_r(t, pcb);
	else if (s_request)
		got_s_request(t, pcb & 0x1f, inf, len);
	else
		send_r(t, R_OTHER);
}

void t1_input(struct t1 *t, const uint8_t *data, size_t len, uint64_t now_us)
{
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
				send_r(t, R_OTHER);
			continue;
		}
		if (!t->rx_len && (*data == 0x00 || *data == 0xff)) {
			data++; /* idle */
			len--;
			continue;
		}
		if (!t->rx_len && *data != NAD_TO_SE) {
			send_r(t, R_OTHER);
			return; /* where a block begins is lost until the next access */
		}
		want = PROLOGUE;
		if (t->rx_len >= PROLOGUE)
			want += (size_t)(t->rx[2] << 8 | t->rx[3]) + EDC;
		n = want - t->rx_len < len ? want - t->rx_len : len;
		memcpy(t->rx + t->rx_len, data, n);
		t->rx_len += n;
		data += n;
		len -= n;
		if (t->rx_len == PROLOGUE) {
			size_t inf = (size_t)(t->rx[2] << 8 | t->rx[3]);

			if (inf > T1_INF_MAX) {
				t->rx_len = 0;
				send_r(t, R_OTHER);
				return;
			}
			if (inf > t->params.ifsc) {
				t->rx_len = 0;
				t->rx_skip = inf + EDC;
			}
		} else if (t->rx_len > PROLOGUE && t->rx_len == want) {
			got_block(t, now_us);
			t->rx_len = 0;
		}
	}
}

uint64_t t1_deadline(const struct t1 *t)
{
	if (!t->working || t->wtx_open)
		return T1_NEVER;
	return t->ready_us < t->wtx_us ? t->ready_us : t->wtx_us;
}

void t1_tick(struct t1 *t, uint64_t now_us)
{
	if (!t->working || t->wtx_open)
		return;
	if (now_us >= t->ready_us)
		respond(t);
	else if (now_us >= t->wtx_us)
		send_wtx(t);
}
