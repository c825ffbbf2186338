// SPDX-License-Identifier: Apache-2.0
/*
 * The SE's end of T=1'. The blocks are the ones that two vendors' stacks agree
 * on; rules are those of ISO/IEC 7816-3, 11.6.3.2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "softse/profile.h"
#include "softse/t1.h"

struct bench {
	struct t1 t1;
	uint8_t sent[64][T1_BLOCK_MAX];
	size_t sent_len[64];
	size_t n_sent;
	uint8_t cmd[T1_CAPDU_MAX + 1];
	size_t cmd_len;
	unsigned int executed, resets;
	uint8_t rsp[T1_RAPDU_MAX];
	size_t rsp_len;
	uint64_t work_us, now;
};

static void on_send(void *ctx, const uint8_t *block, size_t len)
{
	struct bench *b = ctx;

	assert_true(b->n_sent < 64);
	memcpy(b->sent[b->n_sent], block, len);
	b->sent_len[b->n_sent++] = len;
}

static size_t on_execute(void *ctx, uint32_t work, const uint8_t *cmd, size_t len, uint8_t *rsp,
			 uint64_t now, uint64_t *ready)
{
	struct bench *b = ctx;

	(void)work;
	memcpy(b->cmd, cmd, len);
	b->cmd_len = len;
	b->executed++;
	memcpy(rsp, b->rsp, b->rsp_len);
	*ready = now + b->work_us;
	return b->rsp_len;
}

static void on_reset(void *ctx)
{
	((struct bench *)ctx)->resets++;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct t1_user user = {b, on_send, on_execute, on_reset, NULL};
	struct t1_params p;

	t1_params_default(&p, t1_dialect("gp"));
	p.ifsc = 32;
	t1_init(&b->t1, &p, &user, NULL);
	memcpy(b->rsp, "\x90\x00", 2);
	b->rsp_len = 2;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void in_hex(struct bench *b, const char *text)
{
	uint8_t block[300];
	int n = parse_hex(text, block, sizeof(block));

	assert_true(n > 0);
	t1_input(&b->t1, block, (size_t)n, b->now);
}

static void in_block(struct bench *b, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint8_t block[T1_BLOCK_MAX] = {0x21, pcb, (uint8_t)(len >> 8), (uint8_t)len};
	uint16_t crc;

	if (len)
		memcpy(block + 4, inf, len);
	crc = t1_crc(block, 4 + len);
	block[4 + len] = (uint8_t)(crc >> 8);
	block[5 + len] = (uint8_t)crc;
	t1_input(&b->t1, block, 6 + len, b->now);
}

/* Exactly one block has been sent since the last look, and it is this one. */
static void out_hex(struct bench *b, const char *text)
{
	uint8_t want[300];
	int n = parse_hex(text, want, sizeof(want));

	assert_int_equal(b->n_sent, 1);
	assert_int_equal(b->sent_len[0], n);
	assert_memory_equal(b->sent[0], want, (size_t)n);
	b->n_sent = 0;
}

static void out_pcb(struct bench *b, uint8_t pcb)
{
	assert_int_equal(b->n_sent, 1);
	assert_int_equal(b->sent[0][0], 0x12);
	assert_int_equal(b->sent[0][1], pcb);
	b->n_sent = 0;
}

static void test_crc(void **state)
{
	(void)state;
	assert_int_equal(t1_crc((const uint8_t *)"123456789", 9), 0x906e);
}

static void test_vectors(void **state)
{
	struct bench *b = *state;

	in_hex(b, "21C0000065AC");
	out_hex(b, "12E000000FA8");
	in_hex(b, "21C10001FE84E9");
	assert_int_equal(b->t1.ifsd, 254);
	out_pcb(b, 0xe1);
	in_hex(b, "21C100020FF96AC9");
	assert_int_equal(b->t1.ifsd, 4089);
	out_pcb(b, 0xe1);
	in_hex(b, "2100000E00A4040008A000000151000000009E20");
	out_hex(b, "120000029000118C");
	assert_int_equal(b->cmd_len, 14);
	in_hex(b, "21C60000B375");
	out_pcb(b, 0xe6);
	in_hex(b, "21CF00002F6B");
	out_pcb(b, 0xef);
	assert_int_equal(b->resets, 1);
	in_hex(b, "2180000063DA");
	out_pcb(b, 0x80);
}

static void test_cip(void **state)
{
	static const uint8_t want[] = {1, 4,   0x99, 0x99, 0x99, 0x0f, /* IIN */
				       1, 12,  0,    5,	   0x27, 0x10, /* SPI, 10 MHz */
				       0, 10,  0,    20,   0x0f, 0xff, 0,
				       0, 4,   0x01, 0x2c, 0,	 32, /* BWT 300, IFSC */
				       6, 'S', 'E',  'S',  'A',	 'M',  'E'};
	struct bench *b = *state;

	in_hex(b, "21C4000006CD");
	assert_int_equal(b->sent_len[0], 4 + sizeof(want) + 2);
	assert_memory_equal(b->sent[0] + 4, want, sizeof(want));
	out_pcb(b, 0xe4);
}

static void test_idle_and_pieces(void **state)
{
	static const char block[] = "2100000E00A4040008A000000151000000009E20";
	struct bench *b = *state;
	char byte[3] = "";

	in_hex(b, "0000FFFF00");
	for (size_t i = 0; block[i]; i += 2) {
		assert_int_equal(b->n_sent, 0);
		memcpy(byte, block + i, 2);
		in_hex(b, byte);
		b->now += 10000;
	}
	out_hex(b, "120000029000118C");
	/* the rest of a block does not come: later bytes are a new block */
	in_hex(b, "21400005");
	b->now += 400000;
	in_hex(b, "21C0000065AC");
	out_hex(b, "12E000000FA8");
}

static void test_chains(void **state)
{
	struct bench *b = *state;
	uint8_t cmd[80];

	for (size_t i = 0; i < sizeof(cmd); i++)
		cmd[i] = (uint8_t)i;
	b->rsp_len = 602;
	for (size_t i = 0; i < b->rsp_len; i++)
		b->rsp[i] = (uint8_t)(i * 7);
	in_block(b, 0x20, cmd, 32);
	out_pcb(b, 0x90);
	in_block(b, 0x60, cmd + 32, 32);
	out_pcb(b, 0x80);
	in_block(b, 0x00, cmd + 64, 16);
	assert_int_equal(b->executed, 1);
	assert_int_equal(b->cmd_len, 80);
	assert_memory_equal(b->cmd, cmd, 80);
	assert_memory_equal(b->sent[0] + 4, b->rsp, 254);
	out_pcb(b, 0x20);
	in_block(b, 0x90, NULL, 0);
	assert_memory_equal(b->sent[0] + 4, b->rsp + 254, 254);
	out_pcb(b, 0x60);
	/* bad: again; then good: the last one */
	in_block(b, 0x91, NULL, 0);
	assert_memory_equal(b->sent[0] + 4, b->rsp + 254, 254);
	out_pcb(b, 0x60);
	in_block(b, 0x80, NULL, 0);
	assert_memory_equal(b->sent[0] + 4, b->rsp + 508, 94);
	out_pcb(b, 0x00);
	assert_int_equal(b->executed, 1);
}

static void test_lost_blocks(void **state)
{
	struct bench *b = *state;
	static const uint8_t cmd[] = {0, 0xa4, 4, 0};

	/* command damaged: asked for again, runs once */
	in_hex(b, "2100000400A404000000");
	out_pcb(b, 0x81);
	in_block(b, 0x00, cmd, 4);
	out_pcb(b, 0x00);
	assert_int_equal(b->executed, 1);
	/* answer lost: the host asks, gets the same block */
	in_block(b, 0x82, NULL, 0);
	out_pcb(b, 0x00);
	in_block(b, 0x80, NULL, 0);
	out_pcb(b, 0x00);
	/* the next command never came: the host's R makes us ask for it */
	in_block(b, 0x90, NULL, 0);
	out_pcb(b, 0x92);
	in_block(b, 0x40, cmd, 4);
	out_pcb(b, 0x40);
	assert_int_equal(b->executed, 2);
	/* the same I-block once more is not executed */
	in_block(b, 0x40, cmd, 4);
	out_pcb(b, 0x82);
	assert_int_equal(b->executed, 2);
}

static void test_lost_ack_in_chain(void **state)
{
	struct bench *b = *state;
	static const uint8_t cmd[32];

	in_block(b, 0x00, cmd, 4);
	out_pcb(b, 0x00);
	in_block(b, 0x60, cmd, 32);
	out_pcb(b, 0x80);
	/* our R was lost; the stale answer must not come back */
	in_block(b, 0x92, NULL, 0);
	out_pcb(b, 0x80);
	in_block(b, 0x00, cmd, 4);
	out_pcb(b, 0x40);
	assert_int_equal(b->cmd_len, 36);
}

static void test_wtx(void **state)
{
	static const uint8_t cmd[] = {0x80, 0x30, 0, 0};
	struct bench *b = *state;

	b->work_us = 400000;
	in_block(b, 0x00, cmd, 4);
	assert_int_equal(b->n_sent, 0);
	assert_int_equal(t1_deadline(&b->t1), 150000);
	b->now = 150000;
	t1_tick(&b->t1, b->now);
	out_hex(b, "12C30001017BFA");
	assert_int_equal(t1_deadline(&b->t1), T1_NEVER);
	/* lost: again */
	in_block(b, 0x82, NULL, 0);
	out_pcb(b, 0xc3);
	in_hex(b, "21E30001013DB4");
	b->now += 150000;
	t1_tick(&b->t1, b->now);
	out_pcb(b, 0xc3);
	/* the work ends while the extension is being asked for: in turn */
	b->now = 400000;
	t1_tick(&b->t1, b->now);
	assert_int_equal(b->n_sent, 0);
	in_hex(b, "21E30001013DB4");
	out_hex(b, "120000029000118C");
	assert_int_equal(b->executed, 1);
}

static void test_resynch_in_work(void **state)
{
	static const uint8_t cmd[] = {0x80, 0x30, 0, 0};
	struct bench *b = *state;

	b->work_us = 400000;
	in_block(b, 0x00, cmd, 4);
	in_hex(b, "21C0000065AC");
	out_hex(b, "12E000000FA8");
	b->now = 500000;
	t1_tick(&b->t1, b->now);
	assert_int_equal(b->n_sent, 0);
	assert_int_equal(t1_deadline(&b->t1), T1_NEVER);
	b->work_us = 0;
	in_block(b, 0x00, cmd, 4);
	out_pcb(b, 0x00);
}

static void test_refused(void **state)
{
	static const uint8_t inf[64];
	struct bench *b = *state;

	in_hex(b, "5AC0000065AC"); /* NAD */
	out_pcb(b, 0x82);
	in_block(b, 0x00, inf, 33); /* beyond IFSC */
	out_pcb(b, 0x82);
	in_hex(b, "21000FFF"); /* beyond any block */
	out_pcb(b, 0x82);
	in_block(b, 0x40, inf, 4); /* N(S) */
	out_pcb(b, 0x82);
	in_block(b, 0x01, inf, 4); /* reserved bits */
	out_pcb(b, 0x82);
	in_block(b, 0xc5, NULL, 0); /* unknown S-block */
	out_pcb(b, 0x82);
	in_block(b, 0xc1, (const uint8_t *)"\x0f\xfa", 2); /* IFS 4090 */
	out_pcb(b, 0x82);
	in_block(b, 0xe3, (const uint8_t *)"\x01", 1); /* nobody asked */
	out_pcb(b, 0x82);
	assert_int_equal(b->executed, 0);
}

static void test_command_too_long(void **state)
{
	static const uint8_t inf[32];
	struct bench *b = *state;
	uint8_t ns = 0;

	for (size_t sent = 0; sent < T1_CAPDU_MAX + 64; sent += 32, ns ^= 0x40) {
		in_block(b, 0x20 | ns, inf, 32);
		assert_int_equal(b->n_sent, 1);
		b->n_sent = 0;
	}
	in_block(b, ns, inf, 1);
	out_pcb(b, 0x00);
	assert_int_equal(b->executed, 1);
	assert_int_equal(b->cmd_len, T1_CAPDU_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_and_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_ack_in_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wtx, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resynch_in_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_too_long, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
