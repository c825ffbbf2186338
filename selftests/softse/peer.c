// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct peer *peer_new(struct chip *chip, int fd, int origin,
		      size_t (*atr)(void *ctx, uint8_t atr[T1_ATR_MAX]), void *ctx)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p) {
		close(fd);
		return NULL;
	}
	if (!stream_init(&p->s, fd, VPCD_FRAME_MAX, 2 * VPCD_FRAME_MAX)) {
		free(p);
		return NULL;
	}
	p->chip = chip;
	p->origin = origin;
	p->atr = atr;
	p->ctx = ctx;
	return p;
}

void peer_free(struct peer *p)
{
	chip_forget(p->chip, p);
	card_drop_origin(&p->chip->card, p->origin);
	stream_close(&p->s);
	free(p);
}

static size_t next_frame(const struct peer *p)
{
	return vpcd_frame(p->s.in + p->s.in_off, p->s.in_len - p->s.in_off);
}

short peer_prepare(const struct peer *p, uint64_t *deadline_us)
{
	uint64_t when = CHIP_NEVER;
	short events = 0;

	/* while its answer is in the making only a hang-up is of interest */
	if (p->sending)
		events = POLLOUT;
	else if (p->s.out_len)
		when = p->ready_us;
	else if (p->pending)
		;
	else if (next_frame(p))
		when = p->chip->busy_until_us;
	else
		events = POLLIN;
	if (when < *deadline_us)
		*deadline_us = when;
	return events;
}

static void put_frame(struct peer *p, size_t body, uint64_t ready_us)
{
	put_be16(p->s.out + p->s.out_len, (uint16_t)body);
	p->s.out_len += VPCD_HEAD + body;
	p->ready_us = ready_us;
}

/* A bridge has the answer. Nothing else was put into the room since it was asked. */
static void done(void *ctx, uint32_t ticket, const uint8_t *rsp, size_t len, uint64_t now_us)
{
	struct peer *p = ctx;

	(void)ticket;
	p->pending = false;
	if (len > VPCD_BODY_MAX)
		return; /* more than any frame holds: the peer will lose its patience */
	memcpy(p->s.out + p->s.out_len + VPCD_HEAD, rsp, len);
	put_frame(p, len, now_us);
}

static void run(struct peer *p, const uint8_t *cmd, size_t len, uint64_t now_us)
{
	size_t n =
		chip_execute(p->chip, p->origin, cmd, len, p->s.out + p->s.out_len + VPCD_HEAD,
			     VPCD_BODY_MAX, now_us, done, p, 0);

	if (n == CHIP_PENDING)
		p->pending = true;
	else
		put_frame(p, n, p->chip->busy_until_us);
}

static bool control(struct peer *p, uint8_t what, uint64_t now_us)
{
	switch (what) {
	case VPCD_ATR:
		put_frame(p, p->atr(p->ctx, p->s.out + p->s.out_len + VPCD_HEAD), now_us);
		return true;
	case VPCD_OFF:
	case VPCD_RESET:
		chip_reset(p->chip);
		p->reset = true;
		return true;
	default:
		return what == VPCD_ON;
	}
}

/*
 * Takes whole frames off the input, as many as the card and the room for answers
 * allow: a peer that sends ahead is not made to wait for each answer. False: the
 * peer breaks the protocol.
 */
static bool serve(struct peer *p, uint64_t now_us)
{
	size_t frame;

	while ((frame = next_frame(p)) && !p->pending && !p->reset) {
		uint8_t *body = p->s.in + p->s.in_off + VPCD_HEAD;
		size_t len = frame - VPCD_HEAD;

		if (!len)
			return false;
		if (now_us < p->ready_us || p->s.out_room - p->s.out_len < VPCD_FRAME_MAX)
			return true; /* answers leave in turn */
		if (len > 1 && now_us < p->chip->busy_until_us)
			return true; /* the card is at work; our turn comes */
		if (len > 1)
			run(p, body, len, now_us);
		else if (!control(p, *body, now_us))
			return false;
		stream_take(&p->s, frame);
	}
	return true;
}

bool peer_step(struct peer *p, short events, uint64_t now_us)
{
	if (events & (POLLHUP | POLLERR | POLLNVAL) && !(events & POLLIN))
		return false;
	if (events & POLLIN && !next_frame(p) && !stream_fill(&p->s))
		return false;
	for (;;) {
		if (!p->sending && !serve(p, now_us))
			return false;
		if (!p->s.out_len || now_us < p->ready_us)
			return true;
		if (p->chip->card.failed)
			return true; /* an answer without a witness does not leave */
		if (!stream_flush(&p->s))
			return false;
		p->sending = p->s.out_len;
		if (p->s.out_len || !next_frame(p) || p->reset)
			return true;
	}
}
