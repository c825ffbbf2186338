/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T=1, the SE's end: ISO/IEC 7816-3, 11, and its relatives on SPI and I2C.
 * Pure: bytes and time in, blocks out through a callback, no clock and no
 * descriptor of its own.
 */
#ifndef SOFTSE_T1_H
#define SOFTSE_T1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define T1_INF_MAX 4089
#define T1_BLOCK_MAX (4 + T1_INF_MAX + 2)
#define T1_CIP_MAX 128
#define T1_ATR_MAX 64
#define T1_CAPDU_MAX 65544
#define T1_RAPDU_MAX 65538
#define T1_NEVER UINT64_MAX
#define T1_PENDING SIZE_MAX

enum t1_edc { T1_LRC, T1_CRC_HIGH_FIRST, T1_CRC_LOW_FIRST };

/** enum t1_s - what an S-block asks for; the code in the PCB is the dialect's */
enum t1_s {
	T1_S_NONE,
	T1_S_RESYNCH,
	T1_S_IFS,
	T1_S_ABORT,
	T1_S_WTX,
	T1_S_CIP,	   /* communication interface parameters */
	T1_S_RELEASE,	   /* the host is done for now */
	T1_S_SWR,	   /* software reset */
	T1_S_ATR,	   /* answer to reset of UM11225 */
	T1_S_END,	   /* end of the session: applets forget */
	T1_S_IF_RESET,	   /* interface reset */
	T1_S_IF_RESET_ATR, /* the same, answered by the ATR */
	T1_S_CHIP_RESET,
	T1_S_SLEEP, /* deep power-down; the next access wakes */
};

/** struct t1_dialect - the constants that make one family */
struct t1_dialect {
	const char *name;
	uint8_t nad_host, nad_se; /* host to SE, SE to host */
	uint8_t len_bytes;	  /* 1 or 2 */
	enum t1_edc edc;
	uint16_t inf_max;
	uint16_t ifsc, ifsd, bwt_ms; /* what a part of this family has usually */
	uint8_t s[32];		     /* enum t1_s by code */
};

/** t1_dialect() - by name: gp, iso-lrc, iso-crc, nxp, um11225; or NULL */
const struct t1_dialect *t1_dialect(const char *name);

/** struct t1_params - what the chip says of itself, and its limits */
struct t1_params {
	const struct t1_dialect *dialect;
	uint8_t nad_host, nad_se;
	uint16_t ifsc;	  /* 1 to the dialect's inf_max */
	uint16_t ifsd;	  /* before S(IFS), bytes */
	uint16_t bwt_ms;  /* 1 to 65535 */
	uint8_t wtx;	  /* multiplier in S(WTX) */
	bool ifs_request; /* tell the IFSC by S(IFS request) before the first answer */
	bool enforce;	  /* the bus holds the host to PWT, PST, WUT, SEGT, SEAL, MCF */
	bool fill_ff;	  /* idle byte FF instead of 00 */
	uint8_t pver;
	uint8_t iin[8];
	uint8_t iin_len;
	uint8_t physical; /* 1 SPI, 2 I2C */
	uint8_t config;	  /* first byte of the physical layer parameters */
	uint8_t pwt_ms;
	uint16_t mcf_khz;
	uint8_t pst_ms;
	uint8_t mpot_100us;
	uint16_t segt_us;
	uint16_t seal;
	uint16_t wut;
	uint16_t rwgt_us; /* I2C */
	uint8_t hist[32];
	uint8_t hist_len;
	uint8_t atr[T1_ATR_MAX]; /* as given; made from the rest where empty */
	uint8_t atr_len;
};

/** t1_params_default() - of a part of this family */
void t1_params_default(struct t1_params *p, const struct t1_dialect *dialect);

/** struct t1_user - what the endpoint stands on */
struct t1_user {
	void *ctx;
	/** @send: put a block on the wire */
	void (*send)(void *ctx, const uint8_t *block, size_t len);
	/**
	 * @execute: run a C-APDU; the R-APDU goes to @rsp (T1_RAPDU_MAX bytes of
	 * room), its length is returned; *@ready_us is when it may leave. Or
	 * T1_PENDING: it will come by t1_finish() with @work.
	 */
	size_t (*execute)(void *ctx, uint32_t work, const uint8_t *cmd, size_t len,
			  uint8_t *rsp, uint64_t now_us, uint64_t *ready_us);
	/** @reset: the card loses its volatile state */
	void (*reset)(void *ctx);
	/**
	 * @relay: NULL, or the rules of T=1 are somebody else's: each block that is
	 * not about parameters or resets goes there, also a bad one, and the answer
	 * comes by t1_relay()
	 */
	void (*relay)(void *ctx, uint8_t pcb, const uint8_t *inf, size_t len, bool good);
};

/** enum t1_next - what the SE does when it has the turn */
enum t1_next { T1_NEXT_NOTHING, T1_NEXT_ACK, T1_NEXT_I, T1_NEXT_WAIT };

struct t1 {
	struct t1_params params;
	struct t1_user user;
	struct fault_script *faults; /* or NULL */
	/* assembling a block from accesses */
	uint8_t rx[T1_BLOCK_MAX];
	size_t rx_len;
	size_t rx_skip; /* bytes of a block that is too long for us */
	uint64_t rx_time_us;
	/* the command */
	uint8_t cmd[T1_CAPDU_MAX + 1];
	size_t cmd_len; /* more than T1_CAPDU_MAX: too long, no longer stored */
	uint8_t nr;	/* N(S) that the host's next I-block has */
	uint16_t ifsc;
	bool ifs_told;
	/* the response */
	uint8_t rsp[T1_RAPDU_MAX];
	size_t rsp_len, rsp_off;
	uint8_t ns; /* N(S) of our next I-block */
	uint16_t ifsd;
	/* the I-block that waits to be acknowledged */
	bool have_i;
	bool i_more;
	uint8_t i_block[T1_BLOCK_MAX];
	size_t i_len;
	/* our S(... request) that is not answered, and what comes after it */
	uint8_t s_open; /* enum t1_s */
	uint8_t s_inf[2];
	uint8_t s_len;
	enum t1_next next;
	unsigned int wtx_more; /* further extensions that the fault script wants */
	/* work */
	bool working;
	uint32_t work;
	uint64_t ready_us, wtx_us;
	/* times */
	uint64_t now_us;
	uint64_t deaf_until_us; /* reset, power-up or mute */
	bool absent;		/* nobody home: a bridge without its card */
	/* what the fault script works with: the last I-block, one that leaves late */
	uint8_t stale[T1_BLOCK_MAX];
	size_t stale_len;
	uint8_t late[T1_BLOCK_MAX];
	size_t late_len;
	uint64_t late_us;
};

/**
 * t1_init() - @t is large; @params and @user are copied
 * @faults: kept, not copied; may be NULL
 */
void t1_init(struct t1 *t, const struct t1_params *params, const struct t1_user *user,
	     struct fault_script *faults);

/** t1_power_up() - as after power-up or the reset line; does not call user.reset */
void t1_power_up(struct t1 *t, uint64_t now_us);

/** t1_absent() - true: answer nothing and forget all until false */
void t1_absent(struct t1 *t, bool absent, uint64_t now_us);

/** t1_input() - the bytes that the host sent in one access */
void t1_input(struct t1 *t, const uint8_t *data, size_t len, uint64_t now_us);

/** t1_finish() - the R-APDU of a T1_PENDING; nothing happens if nobody waits for it */
void t1_finish(struct t1 *t, uint32_t work, const uint8_t *rsp, size_t len, uint64_t now_us);

/** t1_relay() - a block of somebody else's T=1 goes to the host in our dialect */
void t1_relay(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len, uint64_t now_us);

/** t1_set_ifsc() - what the card behind a relay can take */
void t1_set_ifsc(struct t1 *t, uint16_t ifsc);

/** t1_deadline() - when t1_tick() has something to do, or T1_NEVER */
uint64_t t1_deadline(const struct t1 *t);

/** t1_tick() - time has passed: finished work leaves, longer work asks for more */
void t1_tick(struct t1 *t, uint64_t now_us);

/** t1_crc() - CRC-16/X-25 */
uint16_t t1_crc(const uint8_t *data, size_t len);

/** t1_edc_len() - bytes of the epilogue */
size_t t1_edc_len(const struct t1_dialect *d);

/** t1_put_edc() - write the epilogue behind @len bytes; returns the whole length */
size_t t1_put_edc(const struct t1_dialect *d, uint8_t *block, size_t len);

/** t1_edc_good() - is the epilogue of a block of @len bytes in all right? */
bool t1_edc_good(const struct t1_dialect *d, const uint8_t *block, size_t len);

/** t1_put_head() - NAD, PCB, LEN; returns the prologue's length */
size_t t1_put_head(const struct t1_dialect *d, uint8_t *block, uint8_t nad, uint8_t pcb,
		   size_t inf);

/** t1_cip() - communication interface parameters; returns their length */
size_t t1_cip(const struct t1_params *p, uint8_t cip[T1_CIP_MAX]);

/** t1_atr() - answer to reset: params.atr, or one made for the dialect; its length */
size_t t1_atr(const struct t1_params *p, uint8_t atr[T1_ATR_MAX]);

#endif
