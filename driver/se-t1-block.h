/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks of the T=1 family; shared by the files of the engine only. */
#ifndef SE_T1_BLOCK_H
#define SE_T1_BLOCK_H

#include "se-t1.h"

#define PCB_I_MORE	0x20
#define PCB_I_RFU	0x1f
#define PCB_R		0x80
#define PCB_R_RFU	0x2c
#define PCB_R_EDC	0x01
#define PCB_R_OTHER	0x02
#define PCB_S		0xc0
#define PCB_S_RESPONSE	0x20
#define PCB_S_CODE	0x1f

/* where the exchange is: what the SE owes us */
enum se_t1_phase {
	PH_IDLE,
	PH_COMMAND,	/* I(n,1) is out: an R-block */
	PH_ANSWER,	/* I(n,0) is out: the first I-block of the answer */
	PH_CHAIN,	/* R(n) is out: the next I-block of the answer */
	PH_REQUEST,	/* an S request is out: its response */
	PH_ABORT,	/* S(ABORT response) is out: an R-block that lets us send */
	PH_STOP,	/* S(ABORT request) is out: its response */
	PH_RESYNCH,	/* S(RESYNCH request) is out: its response */
	PH_QUIET,	/* after that response: nothing, for a while */
	PH_NR,
};

enum se_t1_event {
	EV_I_LAST,	/* expected N(S), M = 0 */
	EV_I_MORE,	/* expected N(S), M = 1 */
	EV_I_OLD,	/* the N(S) of a block that was accepted before */
	EV_R_SAME,	/* N(R) is that of our I-block: not received */
	EV_R_NEXT,	/* N(R) is the one after it: received */
	EV_WTX,
	EV_IFS,
	EV_ABORT,
	EV_RESPONSE,	/* the S response that we wait for */
	EV_STRAY,	/* another S response */
	EV_BAD,		/* checksum, format, or a block that makes no sense */
	EV_TIMEOUT,
	EV_NR,
};

/* a received block, taken apart */
struct se_t1_rx {
	const u8 *inf;
	size_t len;
	bool edc_error;
	bool timeout;
	bool more;	/* an I-block with more to come */
	bool r_error;	/* an R-block that names an error */
	u8 n_r;		/* N(R) of an R-block */
};

/**
 * se_t1_build() - make a block
 * @dialect: constants
 * @block: room for it; @inf does not overlap
 * @pcb: protocol control byte
 * @inf: INF field
 * @len: its length, up to dialect->inf_max
 *
 * Return: length of the block.
 */
size_t se_t1_build(const struct se_t1_dialect *dialect, u8 *block, u8 pcb, const u8 *inf,
		   size_t len);

/**
 * se_t1_classify() - what is this that came?
 * @t1: the link, with its counters and the S request in flight
 * @block: any bytes
 * @len: their number
 * @rx: out: its parts; valid ones unless EV_BAD
 */
enum se_t1_event se_t1_classify(const struct se_t1 *t1, const u8 *block, size_t len,
				struct se_t1_rx *rx);

/** se_t1_ifs_value() - of an INF field of one or two bytes; 0 if reserved */
u32 se_t1_ifs_value(const struct se_t1_rx *rx);

#endif /* SE_T1_BLOCK_H */
