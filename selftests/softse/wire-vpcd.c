// SPDX-License-Identifier: Apache-2.0
/* The card in a vpcd reader: vpcd listens, we connect, as often as it takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "wire.h"

struct vpcd_wire {
	struct wire wire;
	struct chip *chip;
	const struct t1_params *params;
	struct dialer dialer;
	struct peer *peer;
	unsigned int epoch;
};

static size_t give_atr(void *ctx, uint8_t atr[T1_ATR_MAX])
{
	const struct vpcd_wire *w = ctx;

	if (!w->chip->atr_len)
		return t1_atr(w->params, atr);
	memcpy(atr, w->chip->atr, w->chip->atr_len);
	return w->chip->atr_len;
}

static void hang_up(struct vpcd_wire *w)
{
	if (w->peer)
		peer_free(w->peer);
	w->peer = NULL;
}

static size_t prepare(struct wire *wire, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	struct vpcd_wire *w = (struct vpcd_wire *)wire;

	if (w->epoch != w->chip->epoch) { /* the card was taken out, or changed */
		w->epoch = w->chip->epoch;
		if (w->peer)
			dialer_again(&w->dialer, "the card changed", now_us);
		hang_up(w);
	}
	if (!room || w->chip->absent)
		return 0;
	if (w->peer)
		fds[0] = (struct pollfd){.fd = w->peer->s.fd,
					 .events = peer_prepare(w->peer, deadline_us)};
	else
		dialer_prepare(&w->dialer, &fds[0], now_us, deadline_us);
	return 1;
}

static int dispatch(struct wire *wire, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	struct vpcd_wire *w = (struct vpcd_wire *)wire;
	int fd;

	if (!n)
		return 0;
	if (w->peer) {
		if (!peer_step(w->peer, fds[0].revents, now_us)) {
			hang_up(w);
			/* a reader that lets go of its card has switched it off */
			chip_reset(w->chip);
			dialer_again(&w->dialer, "hung up", now_us);
		} else {
			w->peer->reset = false; /* nobody else to be told */
		}
		return 0;
	}
	fd = dialer_step(&w->dialer, fds[0].revents, now_us);
	if (fd < 0)
		return 0;
	w->peer = peer_new(w->chip, fd, WIRE_VPCD_ORIGIN, give_atr, w);
	return w->peer ? 0 : -ENOMEM;
}

static void close_wire(struct wire *wire)
{
	struct vpcd_wire *w = (struct vpcd_wire *)wire;

	hang_up(w);
	dialer_close(&w->dialer);
	free(w);
}

struct wire *wire_vpcd_open(struct chip *chip, const char *to, const struct t1_params *params,
			    char *err, size_t err_room)
{
	struct vpcd_wire *w = calloc(1, sizeof(*w));

	if (!w) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	w->wire = (struct wire){prepare, dispatch, close_wire};
	w->chip = chip;
	w->params = params;
	w->epoch = chip->epoch;
	if (dialer_init(&w->dialer, "vpcd", to, err, err_room))
		return &w->wire;
	free(w);
	errno = EINVAL;
	return NULL;
}
