// SPDX-License-Identifier: Apache-2.0
/*
 * The card that PC/SC programs see: its basic channel is a logical channel of the SE, its
 * other channels are others, and a reset closes them. Everybody else's stay as they are.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ifd.h"
#include <debuglog.h>

#define PATIENCE_MS 120000 /* of a program, for its turn and for the answer */
#define HOLD_MS 1000	   /* of the lock, for what has not begun */

/* in a program that is not pcscd there is none */
#pragma weak log_msg

__attribute__((format(printf, 2, 3))) static void complain(const struct reader *r,
							   const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (log_msg)
		log_msg(PCSC_LOG_ERROR, "sesame: %s: %s", r->name, text);
}

/* The SE has closed it before anything that is sent afterwards. */
static void give_back(struct reader *r, unsigned int n)
{
	if (r->channel[n])
		se_channel_close(r->channel[n]);
	se_close(r->channel[n]);
	r->channel[n] = NULL;
}

/* The channels take with them whatever was selected and unlocked there. */
static void drop(struct reader *r)
{
	unsigned int n;

	for (n = 1; n < CHANNELS; n++)
		give_back(r, n);
	if (r->channel[0] && !r->basic)
		se_channel_close(r->channel[0]);
	r->open = r->used = false;
}

void card_forget(struct reader *r)
{
	drop(r);
	se_close(r->channel[0]);
	r->channel[0] = NULL;
}

/* A program must not find out by a wrong answer. */
void card_lose(struct reader *r, int error)
{
	complain(r, "%s: taken for a card that was changed", strerror(-error));
	card_forget(r);
	r->powered = r->told = false;
	r->lost = true;
	wait_ring(r);
}

int card_look(struct reader *r)
{
	uint8_t cip[SE_CIP_MAX];
	int ret = 0;

	if (!r->channel[0])
		ret = se_open(&r->channel[0], r->name);
	if (ret < 0)
		return ret;
	r->info = (struct se_info){.cip_ptr = (uintptr_t)cip, .cip_len = sizeof(cip)};
	ret = se_get_info(r->channel[0], &r->info);
	if (!ret && r->info.state == SE_STATE_DEAD)
		ret = -EIO;
	if (ret < 0) {
		card_forget(r);
		return ret;
	}
	if (r->info.cip_len > sizeof(cip))
		r->info.cip_len = sizeof(cip);
	r->atr_len = se_atr(&r->info, cip, r->info.cip_len, r->atr);
	return 0;
}

static int same_state(struct reader *r, uint64_t generation)
{
	if (r->used && r->generation != generation)
		return -ECONNRESET;
	r->generation = generation;
	r->used = true;
	return 0;
}

static int open_channel(struct reader *r, struct se *se, uint16_t *sw)
{
	struct se_channel_open o = {.deadline_ns = se_deadline_in(PATIENCE_MS)};
	int ret = se_channel_open(se, &o);

	*sw = o.sw;
	if (ret < 0) {
		complain(r, "no logical channel: %s, status word %04X", strerror(-ret), o.sw);
		return ret;
	}
	return same_state(r, o.generation);
}

static int lock_basic(struct reader *r)
{
	int ret = r->basic ? se_lock(r->channel[0], HOLD_MS, se_deadline_in(PATIENCE_MS), NULL)
			   : 0;

	return ret == -EOPNOTSUPP ? 0 : ret; /* nobody to share with */
}

/* An answer of ours in the SE's place. */
static int answer(uint8_t *rsp, DWORD *len, uint16_t sw)
{
	rsp[0] = (uint8_t)(sw >> 8);
	rsp[1] = (uint8_t)sw;
	*len = 2;
	return 0;
}

static unsigned int channel_of(uint8_t cla)
{
	if (cla & 0x40)
		return 4 + (cla & 0x0f);
	return cla & 0x20 ? 0 : cla & 0x03;
}

/* MANAGE CHANNEL [open] of a program. A number that it names itself is not told again. */
static int manage_open(struct reader *r, unsigned int n, uint8_t *rsp, DWORD *rsp_len)
{
	bool tell = !n;
	uint16_t sw;
	int ret;

	for (n = n ? n : 1; n < CHANNELS && r->channel[n]; n++)
		;
	if (n == CHANNELS)
		return answer(rsp, rsp_len, 0x6a81);
	ret = se_open(&r->channel[n], r->name);
	if (!ret)
		ret = open_channel(r, r->channel[n], &sw);
	if (ret < 0) {
		give_back(r, n);
		if (ret == -EUSERS || ret == -EREMOTEIO || ret == -ENOENT)
			return answer(rsp, rsp_len, sw);
		return ret;
	}
	*rsp = (uint8_t)n;
	answer(rsp + tell, rsp_len, 0x9000);
	*rsp_len += tell;
	return 0;
}

/* ISO/IEC 7816-4, 11.1.2. The driver opens and closes; the numbers are the reader's. */
static int manage(struct reader *r, const uint8_t *cmd, DWORD len, uint8_t *rsp, DWORD *rsp_len)
{
	unsigned int from = channel_of(cmd[0]), n = cmd[3];

	if (r->basic)
		return answer(rsp, rsp_len, 0x6881);
	if (cmd[0] & (cmd[0] & 0x40 ? 0x20 : 0x0c))
		return answer(rsp, rsp_len, 0x6882);
	if (len > 5 || (!cmd[2] && !n && len < 5))
		return answer(rsp, rsp_len, 0x6700);
	if (cmd[2] == 0x80 && !n)
		n = from;
	if (n >= CHANNELS || (cmd[2] && (cmd[2] != 0x80 || !n)) ||
	    (!cmd[2] && n && r->channel[n]))
		return answer(rsp, rsp_len, 0x6a86);
	if (cmd[2]) {
		bool open = r->channel[n] != NULL;

		give_back(r, n);
		return answer(rsp, rsp_len, open ? 0x9000 : 0x6200);
	}
	/* the new channel would have to have the application of the one that it is asked on */
	if (from)
		return answer(rsp, rsp_len, 0x6a81);
	if (*rsp_len < 3)
		return -EMSGSIZE;
	return manage_open(r, n, rsp, rsp_len);
}

int card_transmit(struct reader *r, const uint8_t *cmd, DWORD len, uint8_t *rsp, DWORD *rsp_len)
{
	struct se_apdu apdu = {
		.cmd_ptr = (uintptr_t)cmd,
		.cmd_len = (uint32_t)len,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = (uint32_t)*rsp_len,
	};
	/* a program cannot be told "unknown": what is on the wire is waited for */
	struct se_stream stream = {.flags = SE_STREAM_SETTLE};
	unsigned int n;
	uint16_t sw;
	int ret = 0;

	if (len < SE_CAPDU_MIN || len > SE_CAPDU_MAX)
		return answer(rsp, rsp_len, 0x6700);
	n = channel_of(cmd[0]);
	if (!(cmd[0] & 0x80) && cmd[1] == 0x70)
		return manage(r, cmd, len, rsp, rsp_len);
	if (n && !r->channel[n])
		return answer(rsp, rsp_len, cmd[0] == 0xff ? 0x6e00 : 0x6881);
	if (!n && !r->open && !r->basic)
		ret = open_channel(r, r->channel[0], &sw);
	if (ret < 0)
		return ret;
	r->open |= !n;
	ret = lock_basic(r);
	if (ret < 0)
		return ret;
	stream.flags |= r->used ? SE_STREAM_CHECK_GENERATION : 0;
	stream.generation = r->generation;
	stream.deadline_ns = se_deadline_in(PATIENCE_MS);
	ret = se_submit(r->channel[n], &apdu, 1, &stream);
	if (r->basic)
		se_unlock(r->channel[0]);
	if (ret == -EACCES) /* a class that has no room for the channel */
		return answer(rsp, rsp_len, cmd[0] & 0x40 ? 0x6882 : 0x6e00);
	if (ret == -EINVAL || ret == -EMSGSIZE) /* not a C-APDU; none for this SE */
		return answer(rsp, rsp_len, 0x6700);
	if (ret < 0) {
		complain(r, "%s, the APDU was %s", strerror(-ret),
			 se_outcome_name(apdu.outcome));
		return ret;
	}
	if (!r->used)
		same_state(r, stream.generation);
	/* more than there is room for: pcscd sees that by the length, and says so */
	*rsp_len = apdu.rsp_len;
	return 0;
}

int card_reset(struct reader *r)
{
	struct se_reset done;
	int ret;

	if (!r->basic || !r->used) {
		drop(r);
		return 0;
	}
	ret = lock_basic(r);
	if (ret < 0)
		return ret;
	ret = se_reset(r->channel[0], SE_RESET_SOFT, se_deadline_in(PATIENCE_MS), &done);
	se_unlock(r->channel[0]);
	drop(r);
	return ret;
}
