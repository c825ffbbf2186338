/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip: one card, ours or a foreign one behind a bridge, busy with one
 * command at a time on all its wires.
 */
#ifndef SOFTSE_CHIP_H
#define SOFTSE_CHIP_H

#include "card.h"
#include "t1.h"

#define CHIP_NEVER UINT64_MAX
#define CHIP_PENDING T1_PENDING
#define CHIP_ATR_MAX 33

struct chip;
struct link;

/** struct apdu_bridge - a foreign card that takes APDUs */
struct apdu_bridge {
	/**
	 * @execute: as chip_execute(); CHIP_PENDING: the answer comes by
	 * chip_done(). Called only while none is pending
	 */
	size_t (*execute)(struct apdu_bridge *b, const uint8_t *cmd, size_t len, uint8_t *rsp,
			  size_t room);
	void (*reset)(struct apdu_bridge *b);
};

/** struct t1_bridge - a foreign card that speaks T=1 by itself */
struct t1_bridge {
	/** @block: from the host; not @good: it arrived damaged, the rest means nothing */
	void (*block)(struct t1_bridge *b, uint8_t pcb, const uint8_t *inf, size_t len,
		      bool good);
	void (*reset)(struct t1_bridge *b);
	struct link *user; /* the one wire that it can serve */
};

struct chip {
	struct card card;
	uint64_t busy_until_us; /* CLOCK_MONOTONIC; CHIP_NEVER: until chip_done() */
	struct apdu_bridge *bridge;
	struct t1_bridge *blocks; /* a foreign card that speaks T=1 */
	/* behind a bridge */
	bool absent;
	unsigned int epoch; /* moves when the card comes or goes */
	uint8_t atr[CHIP_ATR_MAX];
	size_t atr_len; /* 0: none of its own */
	/* the command that is pending */
	void (*done)(void *ctx, uint32_t ticket, const uint8_t *rsp, size_t len,
		     uint64_t now_us);
	void *done_ctx;
	uint32_t ticket;
};

/**
 * chip_execute() - run a command for a wire; not while busy_until_us is CHIP_NEVER
 * @done: gets the answer where CHIP_PENDING is returned
 * @ticket: for @done
 *
 * Return: length of the R-APDU, or CHIP_PENDING.
 */
size_t chip_execute(struct chip *chip, int origin, const uint8_t *cmd, size_t len, uint8_t *rsp,
		    size_t room, uint64_t now_us,
		    void (*done)(void *ctx, uint32_t ticket, const uint8_t *rsp, size_t len,
				 uint64_t now_us),
		    void *ctx, uint32_t ticket);

/** chip_done() - the bridge has the answer; @len 0: it will never come */
void chip_done(struct chip *chip, const uint8_t *rsp, size_t len, uint64_t now_us);

/** chip_forget() - whoever waits with this context is gone */
void chip_forget(struct chip *chip, void *ctx);

/** chip_reset() - the card loses its volatile state */
void chip_reset(struct chip *chip);

/** chip_presence() - the card behind the bridge came (with its ATR) or went */
void chip_presence(struct chip *chip, bool present, const uint8_t *atr, size_t len);

#endif
