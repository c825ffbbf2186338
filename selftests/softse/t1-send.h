/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the T=1 endpoint: the one way out for blocks, and what the fault script does there. */
#ifndef SOFTSE_T1_SEND_H
#define SOFTSE_T1_SEND_H

#include "t1.h"

#define PCB_NS 0x40
#define PCB_MORE 0x20
#define PCB_R 0x80
#define PCB_R_NR 0x10
#define PCB_S_REQ 0xc0
#define PCB_S_RSP 0xe0

static inline size_t t1_prologue(const struct t1 *t)
{
	return 2U + t->params.dialect->len_bytes;
}

/** t1_chain_flag() - FAULT_ON_CHAIN while a chain goes on, in either direction */
unsigned int t1_chain_flag(const struct t1 *t);

/**
 * t1_emit() - a whole block, EDC included, goes to the wire
 * @on: FAULT_ON_I, _R or _S
 */
void t1_emit(struct t1 *t, const uint8_t *block, size_t len, unsigned int on);

/** t1_send_late() - what the fault script held back leaves */
void t1_send_late(struct t1 *t);

#endif
