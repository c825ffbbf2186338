// SPDX-License-Identifier: Apache-2.0
/*
 * A card that speaks classic T=1. Blocks are translated, NAD, LEN and EDC; the
 * rules (sequence numbers, chaining, WTX, ABORT, RESYNCH) stay the card's and the
 * host's. Parameters and resets of the host's dialect are answered here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "frame.h"
#include "stream.h"

#define PCB_S_IFS_REQ 0xc1
#define PCB_S_IFS_RSP 0xe1

struct t1_relay {
	struct wire wire;
	struct t1_bridge bridge;
	struct chip *chip;
	struct dialer dialer;
	struct stream s;
	const struct t1_dialect *dialect; /* the card's: iso-lrc or iso-crc */
	bool atr_due;
	uint8_t held[T1S_FRAME_MAX]; /* a block that came while the card came up */
	size_t held_len;
	uint8_t ifs[2]; /* INF of the host's S(IFS request) */
	size_t ifs_len;
};

static struct t1_relay *relay_of(struct t1_bridge *bridge)
{
	return (struct t1_relay *)((char *)bridge - offsetof(struct t1_relay, bridge));
}

static void put(struct t1_relay *r, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t frame[T1S_FRAME_MAX];
	size_t n = t1s_put(frame, type, data, len);

	if (type == T1S_BLOCK && r->atr_due) {
		memcpy(r->held, frame, n);
		r->held_len = n;
	} else if (r->s.fd >= 0) {
		stream_put(&r->s, frame, n); /* half duplex: it never fills */
	}
}

static void power_up(struct t1_relay *r)
{
	r->held_len = 0;
	put(r, T1S_POWER_UP, NULL, 0);
	r->atr_due = true;
}

static void from_host(struct t1_bridge *bridge, uint8_t pcb, const uint8_t *inf, size_t len,
		      bool good)
{
	struct t1_relay *r = relay_of(bridge);
	uint8_t block[3 + 254 + 2], ifs;
	size_t n;

	if (good && pcb == PCB_S_IFS_REQ && len >= 1 && len <= 2) {
		memcpy(r->ifs, inf, len);
		r->ifs_len = len;
		ifs = len == 2 && (inf[0] || inf[1] == 0xff) ? 0xfe : inf[len - 1];
		inf = &ifs;
		len = 1;
	}
	if (len > 254)
		return; /* beyond the IFSC that the host was told */
	n = t1_put_head(r->dialect, block, 0, pcb, len);
	if (len)
		memcpy(block + n, inf, len);
	n = t1_put_edc(r->dialect, block, n + len);
	if (!good)
		block[n - 1] ^= 0xff; /* the card shall see that it is damaged */
	put(r, T1S_BLOCK, block, n);
}

static void reset(struct t1_bridge *bridge)
{
	struct t1_relay *r = relay_of(bridge);

	put(r, T1S_POWER_DOWN, NULL, 0);
	power_up(r);
}

static void from_card(struct t1_relay *r, const uint8_t *block, size_t len, uint64_t now_us)
{
	size_t edc = t1_edc_len(r->dialect), inf = len < 3 + edc ? 0 : block[2];
	const uint8_t *data = block + 3;
	struct link *user = r->bridge.user;

	/* as on any wire: a broken block was none, the host will ask again */
	if (!user || len != 3 + inf + edc || inf == 0xff ||
	    !t1_edc_good(r->dialect, block, len))
		return;
	if (block[1] == PCB_S_IFS_RSP) {
		data = r->ifs;
		inf = r->ifs_len;
	} else if (block[1] == PCB_S_IFS_REQ && inf == 1 && data[0] && data[0] != 0xff) {
		t1_set_ifsc(&user->t1, data[0]);
	}
	t1_relay(&user->t1, block[1], data, inf, now_us);
}

static void lost(struct t1_relay *r, const char *why, uint64_t now_us)
{
	stream_close(&r->s);
	r->atr_due = false;
	r->held_len = 0;
	chip_presence(r->chip, false, NULL, 0);
	dialer_again(&r->dialer, why, now_us);
}

static bool take_atr(struct t1_relay *r, const uint8_t *atr, size_t len)
{
	uint8_t ifsc;
	int crc;

	r->atr_due = false;
	if (atr_t1(atr, len, &ifsc, &crc) != 1) {
		fprintf(stderr, "softse: bridge %s: the ATR offers no T=1\n",
			r->dialer.to.text);
		return false;
	}
	r->dialect = t1_dialect(crc ? "iso-crc" : "iso-lrc");
	if (r->bridge.user)
		t1_set_ifsc(&r->bridge.user->t1, ifsc);
	if (r->chip->absent)
		chip_presence(r->chip, true, atr, len);
	if (r->held_len)
		stream_put(&r->s, r->held, r->held_len);
	r->held_len = 0;
	return true;
}

static size_t prepare(struct wire *wire, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	struct t1_relay *r = (struct t1_relay *)wire;

	if (!room)
		return 0;
	if (r->s.fd >= 0)
		fds[0] = (struct pollfd){
			.fd = r->s.fd,
			.events = (short)(POLLIN | (r->s.out_len ? POLLOUT : 0))};
	else
		dialer_prepare(&r->dialer, &fds[0], now_us, deadline_us);
	return 1;
}

/* Whole frames from the card. NULL, or why it cannot go on. */
static const char *take_frames(struct t1_relay *r, uint64_t now_us)
{
	const uint8_t *frame;
	int n;

	while ((n = t1s_frame(r->s.in + r->s.in_off, r->s.in_len - r->s.in_off)) > 0) {
		frame = r->s.in + r->s.in_off;
		if (*frame != T1S_BLOCK)
			return "a frame that no card sends";
		if (!r->atr_due)
			from_card(r, frame + T1S_HEAD, (size_t)n - T1S_OVERHEAD, now_us);
		else if (!take_atr(r, frame + T1S_HEAD, (size_t)n - T1S_OVERHEAD))
			return "no card for us";
		stream_take(&r->s, (size_t)n);
	}
	return n < 0 ? "not a frame" : NULL;
}

static int dispatch(struct wire *wire, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	struct t1_relay *r = (struct t1_relay *)wire;
	const char *why = NULL;
	int fd;

	if (!n)
		return 0;
	if (r->s.fd < 0) {
		fd = dialer_step(&r->dialer, fds[0].revents, now_us);
		if (fd < 0)
			return 0;
		if (!stream_init(&r->s, fd, 2 * T1S_FRAME_MAX, 2 * T1S_FRAME_MAX))
			return -ENOMEM;
		power_up(r);
		return 0;
	}
	if ((fds[0].revents & (POLLHUP | POLLERR) && !(fds[0].revents & POLLIN)) ||
	    (fds[0].revents & POLLIN && !stream_fill(&r->s)))
		why = "the card has gone";
	else
		why = take_frames(r, now_us);
	if (!why && !stream_flush(&r->s))
		why = "the card has gone";
	if (why)
		lost(r, why, now_us);
	return 0;
}

static void close_wire(struct wire *wire)
{
	struct t1_relay *r = (struct t1_relay *)wire;

	r->chip->blocks = NULL;
	if (r->s.fd >= 0) {
		put(r, T1S_POWER_DOWN, NULL, 0);
		stream_flush(&r->s);
	}
	stream_close(&r->s);
	dialer_close(&r->dialer);
	free(r);
}

struct wire *bridge_t1_open(struct chip *chip, const char *to, char *err, size_t err_room)
{
	struct t1_relay *r = calloc(1, sizeof(*r));

	if (!r) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	r->wire = (struct wire){prepare, dispatch, close_wire};
	r->bridge = (struct t1_bridge){from_host, reset, NULL};
	r->chip = chip;
	r->s.fd = -1;
	r->dialect = t1_dialect("iso-lrc");
	if (!dialer_init(&r->dialer, "bridge", to, err, err_room)) {
		free(r);
		errno = EINVAL;
		return NULL;
	}
	chip->blocks = &r->bridge;
	chip_presence(chip, false, NULL, 0);
	return &r->wire;
}
