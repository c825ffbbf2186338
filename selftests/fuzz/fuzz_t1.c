// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * T=1' engine: the input is a list of events, each an operation byte and its
 * operands; blocks from the SE get a right checksum in most cases, so that the
 * fuzzer gets past it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "se-edc.h"
#include "se-t1.h"

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static const struct se_t1_dialect *dialect;
static u8 tx[300];
static u8 last_i[300];
static size_t last_i_len;
static bool last_was_final;

static void check(const struct se_t1 *t1, const struct se_t1_action *act, bool start)
{
	size_t len;

	switch (act->op) {
	case SE_T1_SEND:
		CHECK(act->wait_us > 0 && act->block == tx);
		CHECK(act->len >= se_t1_overhead(dialect) && act->len <= sizeof(tx));
		CHECK(act->block[0] == dialect->nad_tx);
		len = dialect->len_bytes == 2 ? ((size_t)act->block[2] << 8) | act->block[3]
					      : act->block[2];
		CHECK(len <= dialect->inf_max);
		CHECK(se_t1_overhead(dialect) + len == act->len);
		CHECK(se_edc_ok(dialect->edc, act->block, act->len));
		CHECK(se_t1_busy(t1));
		if (act->block[1] & 0x80)
			break;
		/* once the last block of a command is out, only it itself may follow */
		if (last_was_final && !start) {
			CHECK(act->len == last_i_len);
			CHECK(!memcmp(act->block, last_i, last_i_len));
			CHECK(act->repeat);
		}
		memcpy(last_i, act->block, act->len);
		last_i_len = act->len;
		last_was_final = !(act->block[1] & 0x20);
		CHECK((se_t1_outcome(t1) == SE_T1_NOT_SENT) == !last_was_final);
		break;
	case SE_T1_WAIT:
		CHECK(act->wait_us > 0 && se_t1_busy(t1));
		break;
	case SE_T1_DONE:
		CHECK(!se_t1_busy(t1) && !act->error);
		break;
	case SE_T1_FAIL:
		CHECK(act->error < 0);
		break;
	default:
		abort();
	}
}

static size_t make_block(struct input *in, u8 *block, size_t room)
{
	uint8_t how = byte(in), n = byte(in);
	size_t len = 0;

	if (how & 1) { /* any bytes */
		while (len < n && len < room && in->left)
			block[len++] = byte(in);
		return len;
	}
	block[len++] = dialect->nad_rx;
	block[len++] = byte(in);
	if (dialect->len_bytes == 2)
		block[len++] = 0;
	block[len++] = n;
	while (n--)
		block[len++] = byte(in);
	len += se_edc_put(dialect->edc, block, len);
	block[len - 1] ^= how & 2;
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct se_t1_params params = {.ifsc = 32, .ifsd = 254, .bwt_us = 1000};
	struct input in = {data, size};
	struct se_t1_action act;
	struct se_t1 t1;
	u8 *rsp, *cmd, *block;
	size_t room, len;

	dialect = se_t1_dialect_by_id(byte(&in) % 5);
	params.ifsc = (u16)(1 + byte(&in));
	params.wtx_max = byte(&in) & 7;
	params.no_resynch = byte(&in) & 1;
	if (se_t1_init(&t1, dialect, &params, tx, sizeof(tx)))
		return 0;
	room = byte(&in);
	len = 1U + byte(&in) + byte(&in);
	rsp = malloc(room ? room : 1);
	cmd = malloc(len);
	block = malloc(512);
	CHECK(rsp && cmd && block);
	memset(cmd, 0x5a, len);
	last_was_final = false;
	last_i_len = 0;
	while (in.left) {
		bool start = false, was_busy = se_t1_busy(&t1);
		size_t n;
		u8 *exact;

		switch (byte(&in) % 12) {
		case 0:
			start = !was_busy;
			if (start)
				last_was_final = false;
			se_t1_start_apdu(&t1, cmd, len, rsp, room, &act);
			break;
		case 1:
			se_t1_start_cip(&t1, rsp, room, &act);
			break;
		case 2:
			se_t1_start_ifs(&t1, (u16)((byte(&in) << 8) | byte(&in)), &act);
			break;
		case 3:
			se_t1_start_resynch(&t1, &act);
			break;
		case 4:
			n = byte(&in) % 3;
			if (n == 0)
				se_t1_start_release(&t1, &act);
			else if (n == 1)
				se_t1_start_swr(&t1, &act);
			else
				se_t1_start_atr(&t1, rsp, room, &act);
			break;
		case 5:
			if (byte(&in) & 1) {
				se_t1_leave(&t1, -1);
				continue;
			}
			se_t1_abort(&t1, -(int)byte(&in), &act);
			break;
		case 6:
		case 7:
			se_t1_timeout(&t1, &act);
			break;
		case 8:
			if (byte(&in) == 0x77)
				se_t1_reset(&t1);
			continue;
		default:
			n = make_block(&in, block, 512);
			exact = malloc(n ? n : 1); /* so that reading past it shows */
			CHECK(exact);
			memcpy(exact, block, n);
			se_t1_rx(&t1, exact, n, &act);
			free(exact);
		}
		check(&t1, &act, start);
	}
	free(rsp);
	free(cmd);
	free(block);
	return 0;
}
