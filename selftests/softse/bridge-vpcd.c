// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "frame.h"
#include "profile.h"
#include "stream.h"

struct vpcd_bridge {
	struct wire wire;
	struct apdu_bridge bridge;
	struct chip *chip;
	struct address address;
	char text[32];
	int fd;
	struct stream s; /* the card */
	bool atr_due;	 /* the next frame is the ATR */
	bool rsp_due;	 /* the one after it an R-APDU, wanted or not */
};

static void control(struct vpcd_bridge *b, uint8_t what)
{
	const uint8_t frame[] = {0, 1, what};

	stream_put(&b->s, frame, sizeof(frame)); /* there is room: one command at a time */
}

static size_t execute(struct apdu_bridge *bridge, const uint8_t *cmd, size_t len, uint8_t *rsp,
		      size_t room)
{
	struct vpcd_bridge *b =
		(struct vpcd_bridge *)((char *)bridge - offsetof(struct vpcd_bridge, bridge));
	uint8_t head[VPCD_HEAD];

	(void)room;
	/* what no frame can carry, and one byte, which would be taken for a control */
	if (b->s.fd < 0 || len < 4 || len > VPCD_BODY_MAX) {
		put_be16(rsp, SW_LENGTH);
		return 2;
	}
	put_be16(head, (uint16_t)len);
	if (!stream_put(&b->s, head, sizeof(head)) || !stream_put(&b->s, cmd, len)) {
		put_be16(rsp, SW_MEMORY);
		return 2;
	}
	b->rsp_due = true;
	return CHIP_PENDING;
}

static void reset(struct apdu_bridge *bridge)
{
	struct vpcd_bridge *b =
		(struct vpcd_bridge *)((char *)bridge - offsetof(struct vpcd_bridge, bridge));

	/* an answer that is still due will come before all others, to nobody */
	b->chip->done = NULL;
	if (b->s.fd >= 0)
		control(b, VPCD_RESET);
}

static void card_gone(struct vpcd_bridge *b, const char *why, uint64_t now_us)
{
	fprintf(stderr, "softse: bridge %s: %s; the SE is mute until a card comes\n", b->text,
		why);
	stream_close(&b->s);
	b->atr_due = false;
	if (b->rsp_due)
		chip_done(b->chip, NULL, 0, now_us);
	b->rsp_due = false;
	chip_presence(b->chip, false, NULL, 0);
}

static void welcome(struct vpcd_bridge *b)
{
	int fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!stream_init(&b->s, fd, VPCD_FRAME_MAX, VPCD_FRAME_MAX + 4096))
		return;
	control(b, VPCD_ON);
	control(b, VPCD_ATR);
	b->atr_due = true;
}

static void take_frame(struct vpcd_bridge *b, const uint8_t *body, size_t len, uint64_t now_us)
{
	if (b->atr_due) {
		b->atr_due = false;
		fprintf(stderr, "softse: bridge %s: a card is there, ATR of %zu bytes\n",
			b->text, len);
		chip_presence(b->chip, true, body, len);
	} else if (b->rsp_due) {
		static const uint8_t nothing[] = {0x6f, 0x00};

		b->rsp_due = false;
		/* an R-APDU without a status word is none */
		chip_done(b->chip, len < 2 ? nothing : body, len < 2 ? 2 : len, now_us);
	}
}

static size_t prepare(struct wire *wire, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	struct vpcd_bridge *b = (struct vpcd_bridge *)wire;

	(void)now_us;
	(void)deadline_us;
	if (!room)
		return 0;
	fds[0] = (struct pollfd){.fd = b->fd, .events = POLLIN};
	if (b->s.fd >= 0)
		fds[0] = (struct pollfd){
			.fd = b->s.fd,
			.events = (short)(POLLIN | (b->s.out_len ? POLLOUT : 0))};
	return 1;
}

static int dispatch(struct wire *wire, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	struct vpcd_bridge *b = (struct vpcd_bridge *)wire;
	size_t frame;

	if (!n)
		return 0;
	if (b->s.fd < 0) {
		if (fds[0].revents & POLLIN)
			welcome(b);
		return 0;
	}
	if ((fds[0].revents & (POLLHUP | POLLERR) && !(fds[0].revents & POLLIN)) ||
	    (fds[0].revents & POLLIN && !stream_fill(&b->s)) || !stream_flush(&b->s)) {
		card_gone(b, "the card has gone", now_us);
		return 0;
	}
	while ((frame = vpcd_frame(b->s.in + b->s.in_off, b->s.in_len - b->s.in_off))) {
		take_frame(b, b->s.in + b->s.in_off + VPCD_HEAD, frame - VPCD_HEAD, now_us);
		stream_take(&b->s, frame);
	}
	return 0;
}

static void close_wire(struct wire *wire)
{
	struct vpcd_bridge *b = (struct vpcd_bridge *)wire;

	b->chip->bridge = NULL;
	if (b->s.fd >= 0) {
		control(b, VPCD_OFF);
		stream_flush(&b->s);
	}
	stream_close(&b->s);
	close(b->fd);
	free(b);
}

struct wire *bridge_vpcd_open(struct chip *chip, const char *port, char *err, size_t err_room)
{
	struct vpcd_bridge *b = calloc(1, sizeof(*b));
	unsigned long number;
	int ret = EINVAL;

	if (!b) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	b->s.fd = -1;
	if (!parse_number(port, 65535, &number) || !number) {
		snprintf(err, err_room, "--bridge=vpcd:%s: expected a port number", port);
		goto fail;
	}
	snprintf(b->text, sizeof(b->text), "127.0.0.1:%lu", number);
	if (!address_parse(&b->address, b->text, err, err_room))
		goto fail;
	b->fd = address_listen(&b->address);
	if (b->fd < 0) {
		ret = -b->fd;
		snprintf(err, err_room, "%s: %s", b->text, strerror(ret));
		goto fail;
	}
	b->wire = (struct wire){prepare, dispatch, close_wire};
	b->bridge = (struct apdu_bridge){execute, reset};
	b->chip = chip;
	chip->bridge = &b->bridge;
	chip_presence(chip, false, NULL, 0);
	return &b->wire;
fail:
	free(b);
	errno = ret;
	return NULL;
}
