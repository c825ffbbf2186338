/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault script: what goes wrong at the T=1 endpoint, by name. A fault counts
 * the events of its kind (blocks that come, turns of the SE, blocks that leave)
 * and strikes at the n-th, at each n-th, or by chance with a seed, so that a run
 * can be had again.
 */
#ifndef SOFTSE_FAULT_H
#define SOFTSE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FAULT_MAX 16

enum fault_kind {
	/* a whole block has come from the host */
	FAULT_DEAF,    /* it is lost */
	FAULT_GARBLE,  /* it arrives damaged */
	FAULT_R_ERROR, /* it is refused by an R-block with an error */
	FAULT_MUTE,    /* it is lost, and so is all for a time */
	FAULT_RESET,   /* the chip resets instead of answering */
	/* the SE has the turn */
	FAULT_WTX,   /* asks for more time first */
	FAULT_IFS,   /* changes its IFSC first */
	FAULT_ABORT, /* aborts the chain */
	/* a block leaves */
	FAULT_DROP,	 /* does not come */
	FAULT_CORRUPT,	 /* one bit is wrong */
	FAULT_DUPLICATE, /* comes twice */
	FAULT_TRUNCATE,	 /* its end is missing */
	FAULT_LATE,	 /* comes later */
	FAULT_WRONG_NS,	 /* N(S) is the other one, EDC is right */
	FAULT_WRONG_NAD, /* NAD is somebody else's, EDC is right */
	FAULT_WRONG_PCB, /* PCB is one that does not exist, EDC is right */
	FAULT_WRONG_LEN, /* LEN is one more than there is */
	FAULT_NOISE,	 /* bytes that are no block in front of it */
	FAULT_STALE,	 /* the block before comes once more, in its place */
	/* the line, where it is the virtual bus: wire-sim.c hands them on */
	FAULT_LINE,
	FAULT_IRQ_LATE = FAULT_LINE,
	FAULT_IRQ_LOST,
	FAULT_IRQ_SPURIOUS,
	FAULT_IRQ_STUCK,
	FAULT_IRQ_DEAD,
	FAULT_SHORT,
	FAULT_KINDS
};

/* Blocks that a fault looks at. */
enum {
	FAULT_ON_I = 1,
	FAULT_ON_R = 2,
	FAULT_ON_S = 4,
	FAULT_ON_ANY = 7,
	FAULT_ON_CHAIN = 8, /* only inside a chain */
};

struct fault {
	enum fault_kind kind;
	unsigned int on;
	uint32_t n;	/* strike at this event, from 1; 0: not by number */
	uint32_t every; /* strike at each so-many-th; 0: no */
	uint32_t ppm;	/* strike by chance; 0: no */
	uint32_t count; /* at most so often; 0: no limit */
	uint32_t arg;	/* ms, bytes, repetitions or R-block error, by kind */
	uint64_t seed, random;
	uint32_t seen, struck;
};

struct fault_script {
	struct fault f[FAULT_MAX];
	size_t n;
};

/**
 * fault_add() - "NAME[:ARG[,ARG...]]", see fault_help()
 * @err: room for what is wrong with it
 *
 * Return: 0 or negative errno.
 */
int fault_add(struct fault_script *s, const char *text, char *err, size_t err_room);

/** fault_help() - the list of names and arguments */
void fault_help(FILE *f);

/**
 * fault_strikes() - an event of this kind happens; is it to go wrong?
 * @on: FAULT_ON_I, _R or _S, with FAULT_ON_CHAIN inside a chain
 *
 * Return: the fault that strikes, or NULL.
 */
struct fault *fault_strikes(struct fault_script *s, enum fault_kind kind, unsigned int on);

/** fault_random() - a number below @below from the fault's own sequence */
uint32_t fault_random(struct fault *f, uint32_t below);

/** fault_report() - a line for each fault: how often it struck */
void fault_report(const struct fault_script *s, FILE *f);

#endif
