/* SPDX-License-Identifier: Apache-2.0 */
/* The T=1 endpoint on a chip: what a wire that carries blocks has behind it. */
#ifndef SOFTSE_LINK_H
#define SOFTSE_LINK_H

#include "chip.h"
#include "t1.h"

struct link {
	struct t1 t1;
	struct chip *chip;
	void (*send)(void *ctx, const uint8_t *block, size_t len);
	void *ctx;
	int origin;
	unsigned int epoch;
	/* a command that waits until the card is free of another wire's */
	bool held;
	uint32_t held_work;
	uint8_t held_cmd[T1_CAPDU_MAX + 1];
	size_t held_len;
};

/**
 * link_init() - @l is large
 * @origin: whose channels they are, for the card
 * @send: puts a block on the wire
 */
void link_init(struct link *l, struct chip *chip, int origin, const struct t1_params *params,
	       struct fault_script *faults,
	       void (*send)(void *ctx, const uint8_t *block, size_t len), void *ctx);

/** link_reset() - the reset line, or power: link and card begin anew */
void link_reset(struct link *l, uint64_t now_us);

void link_input(struct link *l, const uint8_t *data, size_t len, uint64_t now_us);

/** link_poll() - before waiting and after it: goes on with what can; when it wants to again */
uint64_t link_poll(struct link *l, uint64_t now_us);

/** link_close() - nothing comes back to it any more */
void link_close(struct link *l);

#endif
