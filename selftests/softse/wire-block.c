// SPDX-License-Identifier: Apache-2.0
/*
 * T=1 blocks over a UNIX stream socket, one host at a time. Frames of frame.h:
 * F0 powers up and is answered by the ATR, 80 carries one block each way, E0
 * powers down. Before F0 and after E0 the SE is off. A block that the SE repeats
 * or sends late comes when it comes, as on a real wire.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "stream.h"
#include "wire.h"

struct block_wire {
	struct wire wire;
	struct address address;
	int fd;
	struct stream s;
	bool on;
	struct link link;
};

static void put(struct block_wire *w, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t frame[T1S_FRAME_MAX];

	/* a host that does not read loses the newest, as on any wire */
	if (w->s.fd >= 0)
		stream_put(&w->s, frame, t1s_put(frame, type, data, len));
}

static void send_block(void *ctx, const uint8_t *block, size_t len)
{
	put(ctx, T1S_BLOCK, block, len);
}

static void hang_up(struct block_wire *w, uint64_t now_us)
{
	stream_close(&w->s);
	if (w->on)
		link_reset(&w->link, now_us);
	w->on = false;
}

static size_t prepare(struct wire *wire, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	struct block_wire *w = (struct block_wire *)wire;
	uint64_t when = link_poll(&w->link, now_us);

	if (when < *deadline_us)
		*deadline_us = when;
	if (!room)
		return 0;
	fds[0] = (struct pollfd){.fd = w->fd, .events = POLLIN};
	if (w->s.fd >= 0)
		fds[0] = (struct pollfd){
			.fd = w->s.fd,
			.events = (short)(POLLIN | (w->s.out_len ? POLLOUT : 0))};
	return 1;
}

static void take_frame(struct block_wire *w, const uint8_t *frame, size_t len, uint64_t now_us)
{
	struct chip *chip = w->link.chip;
	uint8_t atr[T1_ATR_MAX];
	size_t n;

	switch (frame[0]) {
	case T1S_POWER_UP:
		w->on = true;
		link_reset(&w->link, now_us);
		n = chip->atr_len;
		if (n)
			memcpy(atr, chip->atr, n);
		else
			n = t1_atr(&w->link.t1.params, atr);
		put(w, T1S_BLOCK, atr, n);
		break;
	case T1S_POWER_DOWN:
		if (w->on)
			link_reset(&w->link, now_us);
		w->on = false;
		break;
	default:
		if (w->on)
			link_input(&w->link, frame + T1S_HEAD, len - T1S_OVERHEAD, now_us);
	}
}

static bool step(struct block_wire *w, short events, uint64_t now_us)
{
	int n;

	if (events & (POLLHUP | POLLERR) && !(events & POLLIN))
		return false;
	if (events & POLLIN && !stream_fill(&w->s))
		return false;
	while ((n = t1s_frame(w->s.in + w->s.in_off, w->s.in_len - w->s.in_off)) > 0) {
		take_frame(w, w->s.in + w->s.in_off, (size_t)n, now_us);
		stream_take(&w->s, (size_t)n);
	}
	link_poll(&w->link, now_us);
	return !n && stream_flush(&w->s);
}

static void welcome(struct block_wire *w)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		stream_init(&w->s, fd, 2 * T1S_FRAME_MAX, 8 * T1S_FRAME_MAX);
}

static int dispatch(struct wire *wire, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	struct block_wire *w = (struct block_wire *)wire;

	if (!n)
		return 0;
	if (w->s.fd < 0) {
		if (fds[0].revents & POLLIN)
			welcome(w);
	} else if (!step(w, fds[0].revents, now_us)) {
		hang_up(w, now_us);
	}
	return 0;
}

static void close_wire(struct wire *wire)
{
	struct block_wire *w = (struct block_wire *)wire;

	stream_close(&w->s);
	link_close(&w->link);
	unlink(w->address.text);
	close(w->fd);
	free(w);
}

struct wire *wire_block_open(struct chip *chip, const char *path,
			     const struct t1_params *params, struct fault_script *faults,
			     char *err, size_t err_room)
{
	struct block_wire *w = calloc(1, sizeof(*w));
	int ret;

	if (!w) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	w->wire = (struct wire){prepare, dispatch, close_wire};
	w->s.fd = -1;
	w->fd = address_listen_unix(&w->address, path, err, err_room);
	if (w->fd >= 0) {
		link_init(&w->link, chip, WIRE_BLOCK_ORIGIN, params, faults, send_block, w);
		return &w->wire;
	}
	ret = -w->fd;
	free(w);
	errno = ret;
	return NULL;
}
