/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T=1' of GlobalPlatform GPC_SPE_172, the SE's end. Pure: bytes and time in,
 * blocks out through a callback, no clock and no descriptor of its own.
 */
#ifndef SOFTSE_T1_H
#define SOFTSE_T1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define T1_INF_MAX 4089
#define T1_BLOCK_MAX (4 + T1_INF_MAX + 2)
#define T1_CIP_MAX 128
#define T1_CAPDU_MAX 65544
#define T1_RAPDU_MAX 65538
#define T1_NEVER UINT64_MAX

/** struct t1_params - what the chip says of itself in its CIP, and its limits */
struct t1_params {
	uint16_t ifsc;	 /* 1 to 4089 bytes */
	uint16_t ifsd;	 /* before S(IFS), bytes */
	uint16_t bwt_ms; /* 1 to 65535 */
	uint8_t wtx;	 /* multiplier in S(WTX) */
	uint8_t pver;
	uint8_t iin[8];
	uint8_t iin_len;
	uint8_t config; /* first byte of the physical layer parameters */
	uint8_t pwt_ms;
	uint16_t mcf_khz;
	uint8_t pst_ms;
	uint8_t mpot_100us;
	uint16_t segt_us;
	uint16_t seal;
	uint16_t wut;
	uint8_t hist[32];
	uint8_t hist_len;
};

/** t1_params_default() - IFSC 1024, BWT 300 ms, SEAL 4095, 10 MHz, MPOT 1 ms */
void t1_params_default(struct t1_params *p);

/** struct t1_user - what the endpoint stands on */
struct t1_user {
	void *ctx;
	/** @send: put a block on the wire */
	void (*send)(void *ctx, const uint8_t *block, size_t len);
	/**
	 * @execute: run a C-APDU; the R-APDU goes to @rsp (T1_RAPDU_MAX bytes of
	 * room), its length is returned; *@ready_us is when it may leave
	 */
	size_t (*execute)(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp,
			  uint64_t now_us, uint64_t *ready_us);
	/** @reset: S(SWR) came: drop volatile state */
	void (*reset)(void *ctx);
};

struct t1 {
	struct t1_params params;
	struct t1_user user;
	/* assembling a block from accesses */
	uint8_t rx[T1_BLOCK_MAX];
	size_t rx_len;
	size_t rx_skip; /* bytes of a block that is too long for us */
	uint64_t rx_time_us;
	/* the command */
	uint8_t cmd[T1_CAPDU_MAX + 1];
	size_t cmd_len; /* more than T1_CAPDU_MAX: too long, no longer stored */
	uint8_t nr;	/* N(S) that the host's next I-block has */
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
	/* work */
	bool working;
	bool wtx_open; /* S(WTX) sent, not answered */
	uint64_t ready_us, wtx_us;
};

/** t1_init() - @t is large; @params and @user are copied */
void t1_init(struct t1 *t, const struct t1_params *params, const struct t1_user *user);

/** t1_reset() - as after power-up; does not call user.reset */
void t1_reset(struct t1 *t);

/** t1_input() - the bytes that the host sent in one access */
void t1_input(struct t1 *t, const uint8_t *data, size_t len, uint64_t now_us);

/** t1_deadline() - when t1_tick() has something to do, or T1_NEVER */
uint64_t t1_deadline(const struct t1 *t);

/** t1_tick() - time has passed: finished work leaves, longer work asks for more */
void t1_tick(struct t1 *t, uint64_t now_us);

/** t1_crc() - CRC-16/X-25 */
uint16_t t1_crc(const uint8_t *data, size_t len);

/** t1_cip() - communication interface parameters; returns their length */
size_t t1_cip(const struct t1_params *p, uint8_t cip[T1_CIP_MAX]);

#endif
