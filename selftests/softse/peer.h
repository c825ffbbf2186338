/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection that carries APDUs in vpcd's frames: a big-endian 16-bit length
 * and a body. One byte is a control (00 power off, 01 power on, 02 reset, 04 give
 * the ATR), more bytes are a C-APDU, answered by an R-APDU in the same frame. Only
 * 04 and C-APDUs are answered. softse is the card on it, whoever connected.
 */
#ifndef SOFTSE_PEER_H
#define SOFTSE_PEER_H

#include "chip.h"
#include "frame.h"
#include "stream.h"

struct peer {
	struct chip *chip;
	struct stream s;
	int origin; /* never used twice, so a dropped peer's channels are its own */
	size_t (*atr)(void *ctx, uint8_t atr[T1_ATR_MAX]);
	void *ctx;
	bool sending;	   /* the socket took only a part of the output */
	bool pending;	   /* a bridge works on its command */
	bool reset;	   /* has just reset the card */
	uint64_t ready_us; /* when the output may leave */
};

/** peer_new() - NULL where there is no memory; @fd is the peer's from then on */
struct peer *peer_new(struct chip *chip, int fd, int origin,
		      size_t (*atr)(void *ctx, uint8_t atr[T1_ATR_MAX]), void *ctx);

/** peer_prepare() - the events to wait for; lowers *@deadline_us */
short peer_prepare(const struct peer *p, uint64_t *deadline_us);

/** peer_step() - go on; false: the peer is gone or has to go */
bool peer_step(struct peer *p, short events, uint64_t now_us);

/** peer_free() - hang up; its channels are closed */
void peer_free(struct peer *p);

#endif
