// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * T=1' engine: golden blocks, and the scenarios of ISO/IEC 7816-3, annex A, each as
 * a list of blocks. In a scenario blocks are written without checksum; two
 * of the golden blocks prove that the checksum put on is the right one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "se-edc.h"
#include "se-t1.h"

#define BWT 100000U

static u8 tx[SE_T1_BLOCK_MAX];

static size_t hex(const char *s, u8 *out, size_t room)
{
	size_t n = 0;

	while (*s) {
		unsigned int byte;

		if (*s == ' ') {
			s++;
			continue;
		}
		assert_int_equal(sscanf(s, "%2x", &byte), 1);
		assert_true(n < room);
		out[n++] = (u8)byte;
		s += 2;
	}
	return n;
}

static size_t block(const char *s, u8 *out, size_t room)
{
	size_t n = hex(s, out, room - 2);
	u16 crc = se_edc_crc(out, n);

	out[n++] = (u8)(crc >> 8);
	out[n++] = (u8)(crc & 0xff);
	return n;
}

static void init(struct se_t1 *t1, u16 ifsc)
{
	struct se_t1_params params = {.ifsc = ifsc, .ifsd = 254, .bwt_us = BWT};

	memset(tx, 0, sizeof(tx));
	assert_int_equal(se_t1_init(t1, &se_t1_dialect_gp, &params, tx, sizeof(tx)), 0);
}

/* ---- golden vectors ---- */

static void test_crc(void **state)
{
	(void)state;
	assert_int_equal(se_edc_crc((const u8 *)"123456789", 9), 0x906e); /* CRC-16/X.25 */
	assert_int_equal(se_edc_crc(NULL, 0), 0x0000);
}

static void sends(const struct se_t1_action *act, const char *want)
{
	u8 data[64];
	size_t n = hex(want, data, sizeof(data));

	assert_int_equal(act->op, SE_T1_SEND);
	assert_int_equal(act->len, n);
	assert_memory_equal(act->block, data, n);
}

/* blocks computed from the description of T=1' by an independent program */
static void test_golden(void **state)
{
	struct se_t1_action act;
	struct se_t1 t1;
	u8 cmd[32], rsp[64], in[64];
	size_t n, k;

	(void)state;
	init(&t1, 254);
	se_t1_start_cip(&t1, rsp, sizeof(rsp), &act);
	sends(&act, "21C4000006CD");
	se_t1_reset(&t1);
	se_t1_start_resynch(&t1, &act);
	sends(&act, "21C0000065AC");
	n = hex("12E000000FA8", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_WAIT);
	se_t1_timeout(&t1, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	se_t1_start_swr(&t1, &act);
	sends(&act, "21CF00002F6B");
	se_t1_reset(&t1);
	se_t1_start_release(&t1, &act);
	sends(&act, "21C60000B375");
	se_t1_reset(&t1);
	se_t1_start_ifs(&t1, 254, &act);
	sends(&act, "21C10001FE84E9");
	se_t1_reset(&t1);
	se_t1_start_ifs(&t1, 4089, &act);
	sends(&act, "21C100020FF96AC9");
	se_t1_reset(&t1);

	n = hex("00A4040008A00000015100000000", cmd, sizeof(cmd));
	se_t1_start_apdu(&t1, cmd, n, rsp, sizeof(rsp), &act);
	sends(&act, "2100000E00A4040008A000000151000000009E20");
	k = hex("12C30001017BFA", in, sizeof(in)); /* WTX x 1 */
	se_t1_rx(&t1, in, k, &act);
	sends(&act, "21E30001013DB4");
	in[k - 1] ^= 1;
	se_t1_rx(&t1, in, k, &act);
	assert_true(act.edc_error);
	sends(&act, "218100003906"); /* R(0), checksum */
	k = hex("120000029000118C", in, sizeof(in));
	se_t1_rx(&t1, in, k, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	assert_int_equal(t1.sw, 0x9000);
	assert_int_equal(t1.rsp_len, 2);

	/* R(0) and R(1): acknowledgements in a chain of the SE */
	se_t1_reset(&t1);
	se_t1_start_apdu(&t1, cmd, n, rsp, sizeof(rsp), &act);
	k = block("12200001AA", in, sizeof(in));
	se_t1_rx(&t1, in, k, &act);
	sends(&act, "21900000E64F");
	k = block("12600001BB", in, sizeof(in));
	se_t1_rx(&t1, in, k, &act);
	sends(&act, "2180000063DA");
}

static void test_block_len(void **state)
{
	static const u8 good[] = {0x12, 0x00, 0x0f, 0xf9}, big[] = {0x12, 0x00, 0x0f, 0xfa},
			other[] = {0x21, 0x00, 0x00, 0x00}, idle[] = {0, 0, 0, 0};

	(void)state;
	assert_int_equal(se_t1_block_len(&se_t1_dialect_gp, good), 4089 + 6);
	assert_int_equal(se_t1_block_len(&se_t1_dialect_gp, big), -EPROTO);
	assert_int_equal(se_t1_block_len(&se_t1_dialect_gp, other), -EPROTO);
	assert_int_equal(se_t1_block_len(&se_t1_dialect_gp, idle), -EPROTO);
	assert_int_equal(se_t1_overhead(&se_t1_dialect_gp), 6);
	assert_true(se_t1_is_idle(&se_t1_dialect_gp, 0x00));
	assert_true(se_t1_is_idle(&se_t1_dialect_gp, 0xff));
	assert_false(se_t1_is_idle(&se_t1_dialect_gp, 0x12));
	assert_false(se_t1_is_idle(&se_t1_dialect_iso_lrc, 0x00));
}

/* ---- scenarios ---- */

/*
 * One step: what comes ("" is the end of the waiting time, "!" before a block
 * damages it, "ABORT" gives up) and what the engine does ("WAIT", "DONE", "FAIL", or
 * the block that it sends). The first step has nothing that comes.
 */
struct step {
	const char *in;
	const char *out;
};

struct scenario {
	const char *name;
	u16 ifsc;
	const char *cmd;
	struct step steps[16];
	const char *rsp;
	int error;
	enum se_t1_outcome outcome;
	bool lost;
};

#define E SE_T1_EXECUTED
#define U SE_T1_UNKNOWN
#define N SE_T1_NOT_SENT
#define CMD "80100000"
#define I0 "2100000480100000"

/* a line for each block */
/* clang-format off */
static const struct scenario scenarios[] = {
	/* A.1, A.2: error-free */
	{ "one block each way", 16, CMD, { { NULL, I0 }, { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "waiting time extension", 16, CMD,
	  { { NULL, I0 },
	    { "12C3000103", "21E3000103" },
	    { "12C3000105", "21E3000105" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "the SE tells a smaller IFSC in a chain", 4, "801000000411223344",
	  { { NULL, "2120000480100000" },
	    { "12C1000103", "21E1000103" },
	    { "12900000", "2160000304 1122" },
	    { "12800000", "210000023344" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "the SE tells an IFSC of two bytes", 4, "801000000411223344",
	  { { NULL, "2120000480100000" },
	    { "12C100020FF9", "21E100020FF9" },
	    { "12900000", "21400005 0411223344" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "chaining to the SE", 3, "801000000411223344",
	  { { NULL, "21200003801000" },
	    { "12900000", "21600003000411" },
	    { "12800000", "21000003223344" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "chaining from the SE", 16, CMD,
	  { { NULL, I0 },
	    { "12200002 1122", "21900000" },
	    { "12600001 33", "21800000" },
	    { "12000002 9000", "DONE" } },
	  "1122339000", 0, E, 0 },
	{ "chaining both ways, WTX in both", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "12C3000102", "21E3000102" },
	    { "12900000", "2140000100" },
	    { "12200001 AA", "21900000" },
	    { "12C3000102", "21E3000102" },
	    { "12400002 9000", "DONE" } },
	  "AA9000", 0, E, 0 },
	{ "a status word in two blocks", 16, CMD,
	  { { NULL, I0 }, { "12200001 90", "21900000" }, { "12400001 00", "DONE" } },
	  "9000", 0, E, 0 },
	{ "an empty last block", 16, CMD,
	  { { NULL, I0 }, { "12200002 9000", "21900000" }, { "12400000", "DONE" } },
	  "9000", 0, E, 0 },

	/* A.3: errors */
	{ "damaged answer", 16, CMD,
	  { { NULL, I0 }, { "!120000029000", "21810000" }, { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost answer", 16, CMD,
	  { { NULL, I0 }, { "", "21820000" }, { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged command", 16, CMD,
	  { { NULL, I0 }, { "12810000", I0 }, { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost command, or an SE that was reset in mid-work: R(0) tells neither", 16, CMD,
	  { { NULL, I0 },
	    { "", "21820000" },
	    { "12800000", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 0 },
	{ "lost block of a chain: the SE may have lost the first one too", 4, "80100000041122334400",
	  { { NULL, "2120000480100000" },
	    { "12900000", "2160000404112233" },
	    { "", "21820000" },
	    { "12800000", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, N, 0 },
	{ "lost block of a chain: R(1) comes from an SE that was not reset", 4, "80100000041122334400",
	  { { NULL, "2120000480100000" },
	    { "12900000", "2160000404112233" },
	    { "", "21820000" },
	    { "12900000", "2160000404112233" },
	    { "12800000", "210000024400" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged command, damaged request for it", 16, CMD,
	  { { NULL, I0 },
	    { "!12810000", "21810000" },
	    { "12810000", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "damaged WTX request", 16, CMD,
	  { { NULL, I0 },
	    { "!12C3000101", "21810000" },
	    { "12C3000101", "21E3000101" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost WTX response: an R-block follows", 16, CMD,
	  { { NULL, I0 },
	    { "12C3000101", "21E3000101" },
	    { "", "21820000" },
	    { "12C3000101", "21E3000101" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged IFS request", 16, CMD,
	  { { NULL, I0 },
	    { "!12C1000120", "21810000" },
	    { "12C1000120", "21E1000120" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged block of a chain to the SE", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "12810000", "2120000480100000" },
	    { "12900000", "2140000100" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged acknowledgement in a chain to the SE", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "!12900000", "21810000" },
	    { "12900000", "2140000100" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged block of a chain from the SE", 16, CMD,
	  { { NULL, I0 },
	    { "12200001 AA", "21900000" },
	    { "!12400002 9000", "21910000" },
	    { "12400002 9000", "DONE" } },
	  "AA9000", 0, E, 0 },
	{ "damaged acknowledgement in a chain from the SE", 16, CMD,
	  { { NULL, I0 },
	    { "12200001 AA", "21900000" },
	    { "12910000", "21900000" },
	    { "12400002 9000", "DONE" } },
	  "AA9000", 0, E, 0 },

	/* doubled and late blocks */
	{ "doubled block of a chain is not taken twice", 16, CMD,
	  { { NULL, I0 },
	    { "12200001 AA", "21900000" },
	    { "12200001 AA", "WAIT" },
	    { "12400002 9000", "DONE" } },
	  "AA9000", 0, E, 0 },
	{ "doubled acknowledgement does not repeat a block", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "12900000", "2140000100" },
	    { "12900000", "WAIT" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "late response to RESYNCH", 16, CMD,
	  { { NULL, I0 }, { "12E00000", "WAIT" }, { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "acknowledgement where an answer is due", 16, CMD,
	  { { NULL, I0 }, { "12900000", "WAIT" }, { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },

	/* A.3: resynchronisation. Never is the command sent again */
	{ "no answer at all", 16, CMD,
	  { { NULL, I0 },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21C00000" },
	    { "", "21C00000" },
	    { "", "21C00000" },
	    { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 1 },
	{ "no answer, RESYNCH helps", 16, CMD,
	  { { NULL, I0 },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 0 },
	{ "damaged blocks only", 16, CMD,
	  { { NULL, I0 },
	    { "!120000029000", "21810000" },
	    { "!120000029000", "21810000" },
	    { "!120000029000", "21810000" },
	    { "!120000029000", "21C00000" },
	    { "!12E00000", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -EBADMSG, U, 0 },
	{ "an answer that comes after RESYNCH was sent does not count", 16, CMD,
	  { { NULL, I0 },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21C00000" },
	    { "120000029000", "WAIT" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 0 },
	{ "the SE never takes the command", 16, CMD,
	  { { NULL, I0 },
	    { "12810000", I0 },
	    { "12810000", I0 },
	    { "12810000", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "the first part of a command is lost for good: it did not run", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21820000" },
	    { "", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, N, 0 },
	{ "an answer before the command is complete", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "12000002 6700", "21820000" },
	    { "12000002 6700", "21820000" },
	    { "12000002 6700", "21820000" },
	    { "12000002 6700", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, N, 0 },
	{ "a response cut short: it ran", 16, CMD,
	  { { NULL, I0 },
	    { "12200001 AA", "21900000" },
	    { "", "21920000" },
	    { "", "21920000" },
	    { "", "21920000" },
	    { "", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, E, 0 },
	{ "an answer without status word", 16, CMD, { { NULL, I0 }, { "12000001 90", "FAIL" } },
	  NULL, -EPROTO, E, 0 },

	/* A.2: abortion of chains */
	{ "the SE aborts a chain to it", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "12C20000", "21E20000" },
	    { "12900000", "FAIL" } },
	  NULL, -ECONNABORTED, N, 0 },
	{ "the SE aborts its own chain, and says no more", 16, CMD,
	  { { NULL, I0 },
	    { "12200001 AA", "21900000" },
	    { "12C20000", "21E20000" },
	    { "", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ECONNABORTED, E, 0 },
	{ "response to ABORT is lost", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "12C20000", "21E20000" },
	    { "12C20000", "21E20000" },
	    { "12800000", "FAIL" } },
	  NULL, -ECONNABORTED, N, 0 },

	/* things that make no sense */
	{ "NAD, LEN, PCB, RESYNCH from the SE, unknown S", 16, CMD,
	  { { NULL, I0 },
	    { "210000029000", "21820000" },
	    { "120000039000", "21820000" },
	    { "121F00029000", "21820000" },
	    { "12C00000", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "IFS of 0 and of 255, WTX without value", 16, CMD,
	  { { NULL, I0 },
	    { "12C1000100", "21820000" },
	    { "12C10001FF", "21820000" },
	    { "12C30000", "21820000" },
	    { "120000029000", "DONE" } },
	  "9000", 0, E, 0 },

	/* giving up */
	{ "deadline while the SE computes", 16, CMD,
	  { { NULL, I0 },
	    { "12C3000102", "21E3000102" },
	    { "ABORT", "21C00000" },
	    { "12C3000102", "WAIT" },
	    { "ABORT", "WAIT" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, U, 0 },
	{ "deadline in the middle of a command", 4, "8010000000",
	  { { NULL, "2120000480100000" },
	    { "ABORT", "21C00000" },
	    { "12E00000", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, N, 0 },
};
/* clang-format on */

static void check_step(const struct scenario *s, size_t i, const struct se_t1_action *act)
{
	const char *want = s->steps[i].out;
	u8 data[64];
	size_t n;

	if (!strcmp(want, "WAIT")) {
		assert_int_equal(act->op, SE_T1_WAIT);
		assert_true(act->wait_us > 0 && act->wait_us <= 255 * BWT);
	} else if (!strcmp(want, "DONE")) {
		assert_int_equal(act->op, SE_T1_DONE);
	} else if (!strcmp(want, "FAIL")) {
		assert_int_equal(act->op, SE_T1_FAIL);
	} else {
		n = block(want, data, sizeof(data));
		if (act->op != SE_T1_SEND || act->len != n || memcmp(act->block, data, n))
			fail_msg("%s: step %zu: got op %d, PCB %02X, wanted %s", s->name, i,
				 act->op, act->op == SE_T1_SEND ? act->block[1] : 0, want);
	}
}

static void run(const struct scenario *s)
{
	u8 cmd[64], rsp[64], want[64], in[64];
	size_t len = hex(s->cmd, cmd, sizeof(cmd)), n, i;
	struct se_t1_action act;
	struct se_t1 t1;

	init(&t1, s->ifsc);
	se_t1_start_apdu(&t1, cmd, len, rsp, sizeof(rsp), &act);
	check_step(s, 0, &act);
	for (i = 1; i < 16 && s->steps[i].in; i++) {
		const char *what = s->steps[i].in;

		if (!*what) {
			se_t1_timeout(&t1, &act);
		} else if (!strcmp(what, "ABORT")) {
			se_t1_abort(&t1, -ETIME, &act);
		} else {
			n = block(what + (*what == '!'), in, sizeof(in));
			if (*what == '!')
				in[n - 1] ^= 0x01;
			se_t1_rx(&t1, in, n, &act);
			assert_int_equal(act.edc_error, *what == '!');
		}
		check_step(s, i, &act);
	}
	assert_int_equal(se_t1_outcome(&t1), s->outcome);
	assert_false(se_t1_busy(&t1));
	if (s->error) {
		assert_int_equal(act.error, s->error);
		assert_int_equal(act.link_lost, s->lost);
	} else {
		n = hex(s->rsp, want, sizeof(want));
		assert_int_equal(t1.rsp_len, n);
		assert_memory_equal(rsp, want, n);
		assert_int_equal(t1.sw, (want[n - 2] << 8) | want[n - 1]);
	}
	/* nothing of the APDU stays in the block buffer */
	for (i = 0; i < 64; i++)
		assert_int_equal(tx[i], 0);
	/* and a lost link takes no further APDU */
	if (s->lost) {
		se_t1_start_apdu(&t1, cmd, len, rsp, sizeof(rsp), &act);
		assert_int_equal(act.op, SE_T1_FAIL);
		assert_true(act.link_lost);
		assert_int_equal(se_t1_outcome(&t1), SE_T1_NOT_SENT);
	}
}

static void test_scenarios(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		print_message("             %s\n", scenarios[i].name);
		run(&scenarios[i]);
	}
}

/* ---- the rest ---- */

static void exchange(struct se_t1 *t1, const char *sent, const char *answer)
{
	u8 cmd[] = {0x80, 0x10, 0x00, 0x00}, rsp[8], in[32], want[32];
	struct se_t1_action act;
	size_t n;

	se_t1_start_apdu(t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	n = block(sent, want, sizeof(want));
	assert_int_equal(act.op, SE_T1_SEND);
	assert_int_equal(act.len, n);
	assert_memory_equal(act.block, want, n);
	n = block(answer, in, sizeof(in));
	se_t1_rx(t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
}

/* N(S) of both directions over several exchanges, and after RESYNCH */
static void test_sequence(void **state)
{
	u8 cmd[] = {0x80, 0x10, 0x00, 0x00}, rsp[8], in[32];
	struct se_t1_action act;
	struct se_t1 t1;
	size_t n;
	int i;

	(void)state;
	init(&t1, 254);
	for (i = 0; i < 3; i++) {
		exchange(&t1, "2100000480100000", "120000029000");
		exchange(&t1, "2140000480100000", "124000029000");
	}
	exchange(&t1, "2100000480100000", "120000029000");
	/* the former answer comes once more: it is not this one's */
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	n = block("120000029000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_WAIT);
	n = block("12400002 6A82", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	assert_int_equal(t1.sw, 0x6a82);
	/* a lost command with N(S) = 1: the SE says so, it goes out again */
	exchange(&t1, "2100000480100000", "120000029000");
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	se_t1_timeout(&t1, &act);
	n = block("12900000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_SEND);
	assert_int_equal(act.block[1], 0x40);
	assert_true(act.repeat);
	n = block("124000029000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	/* an odd number of blocks from the SE: its N(S) is out of step with ours */
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	n = block("12200001 AA", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	n = block("124000029000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	exchange(&t1, "2140000480100000", "120000029000");
	exchange(&t1, "2100000480100000", "124000029000");

	se_t1_start_resynch(&t1, &act);
	n = block("12E00000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	se_t1_timeout(&t1, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	exchange(&t1, "2100000480100000", "120000029000");
}

/* WTX: the multiplier holds for the next wait, and for no other */
static void test_wtx(void **state)
{
	struct se_t1_params params = {.ifsc = 254, .ifsd = 254, .bwt_us = BWT, .wtx_max = 2};
	u8 cmd[] = {0x80, 0x10, 0x00, 0x00}, rsp[8], in[32];
	struct se_t1_action act;
	struct se_t1 t1;
	size_t n;

	(void)state;
	assert_int_equal(se_t1_init(&t1, &se_t1_dialect_gp, &params, tx, sizeof(tx)), 0);
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	assert_int_equal(act.wait_us, BWT);
	n = block("12C30001FF", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_true(act.wtx);
	assert_int_equal(act.wait_us, 255 * BWT);
	se_t1_timeout(&t1, &act);
	assert_false(act.wtx);
	assert_int_equal(act.wait_us, BWT);
	n = block("12C3000102", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.wait_us, 2 * BWT);
	n = block("12400000", in, sizeof(in)); /* an old one: the rest of that wait goes on */
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_WAIT);
	assert_int_equal(act.wait_us, 2 * BWT);
	n = block("12C3000102", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act); /* one too many for wtx_max */
	assert_int_equal(act.op, SE_T1_SEND);
	assert_int_equal(act.block[1], 0xc0);
	assert_int_equal(t1.count.wtx, 2);
}

/* a response that is longer than its room is taken to its end */
static void test_room(void **state)
{
	u8 cmd[] = {0x80, 0x10, 0x00, 0x00}, rsp[4], in[32];
	struct se_t1_action act;
	struct se_t1 t1;
	size_t n;

	(void)state;
	init(&t1, 254);
	memset(rsp, 0xee, sizeof(rsp));
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, 3, &act);
	n = block("12200002 0102", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	n = block("12600002 0304", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	n = block("12200002 0590", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	n = block("12400001 00", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	assert_int_equal(t1.rsp_len, 7);
	assert_int_equal(t1.sw, 0x9000);
	assert_memory_equal(rsp, "\x01\x02\x03\xee", 4);
}

/* a chain without end comes to one */
static void endless(const char *even, const char *odd, int error)
{
	u8 cmd[] = {0x80, 0x10, 0x00, 0x00}, rsp[4], in[300];
	struct se_t1_action act;
	struct se_t1 t1;
	size_t n;
	int i;

	init(&t1, 254);
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	for (i = 0; i < 70000 && act.block[1] != 0xc0; i++) {
		n = block(i & 1 ? odd : even, in, sizeof(in));
		se_t1_rx(&t1, in, n, &act);
		assert_int_equal(act.op, SE_T1_SEND);
	}
	assert_int_equal(act.block[1], 0xc0);
	n = block("12E00000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	se_t1_timeout(&t1, &act);
	assert_int_equal(act.op, SE_T1_FAIL);
	assert_int_equal(act.error, error);
	assert_true(act.resynced);
	assert_false(act.link_lost);
	assert_int_equal(se_t1_outcome(&t1), SE_T1_EXECUTED);
}

static void test_endless(void **state)
{
	(void)state;
	endless("12200001 AA", "12600001 AA", -EMSGSIZE);
	endless("12200000", "12600000", -EPROTO);
}

/* S requests of ours: IFSD, RELEASE, SWR, CIP; repeats and wrong answers */
static void test_requests(void **state)
{
	struct se_t1_action act;
	u8 rsp[8], in[32];
	struct se_t1 t1;
	size_t n;

	(void)state;
	init(&t1, 254);
	se_t1_start_ifs(&t1, 4089, &act);
	n = block("12E100020FF8", in, sizeof(in)); /* not what was asked */
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_SEND);
	assert_true(act.repeat);
	n = block("12E100020FF9", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	assert_int_equal(t1.ifsd, 4089);

	se_t1_start_cip(&t1, rsp, 2, &act);
	n = block("124000029000", in, sizeof(in)); /* of an exchange before our time */
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_WAIT);
	n = block("12C3000103", in, sizeof(in)); /* at work, of an exchange before our time */
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_WAIT);
	assert_int_equal(act.wait_us, 3 * BWT);
	n = block("12E40003 010203", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	assert_int_equal(t1.rsp_len, 3);
	assert_memory_equal(rsp, "\x01\x02", 2);

	se_t1_start_release(&t1, &act);
	se_t1_timeout(&t1, &act);
	assert_true(act.repeat);
	se_t1_timeout(&t1, &act);
	se_t1_timeout(&t1, &act);
	assert_int_equal(act.op, SE_T1_FAIL);
	assert_int_equal(act.error, -ETIMEDOUT);
	assert_true(act.link_lost);

	se_t1_start_swr(&t1, &act);
	assert_int_equal(act.op, SE_T1_SEND);
	n = block("12EF0000", in, sizeof(in));
	se_t1_rx(&t1, in, n, &act);
	assert_int_equal(act.op, SE_T1_DONE);
	exchange(&t1, "2100000480100000", "120000029000");
	assert_int_equal(t1.ifsd, 254);
}

static void test_misuse(void **state)
{
	struct se_t1_params params = {.ifsc = 254, .ifsd = 254, .bwt_us = BWT};
	u8 cmd[4] = {0}, rsp[4];
	struct se_t1_action act;
	struct se_t1 t1;

	(void)state;
	params.ifsc = 0;
	assert_int_equal(se_t1_init(&t1, &se_t1_dialect_gp, &params, tx, sizeof(tx)), -EINVAL);
	params.ifsc = 4090;
	assert_int_equal(se_t1_init(&t1, &se_t1_dialect_gp, &params, tx, sizeof(tx)), -EINVAL);
	params.ifsc = 4089;
	assert_int_equal(se_t1_init(&t1, &se_t1_dialect_gp, &params, tx, 7), -EINVAL);
	assert_int_equal(se_t1_init(&t1, &se_t1_dialect_gp, &params, tx, 100), 0);
	assert_int_equal(t1.ifsc, 94); /* what the buffer can hold */
	se_t1_rx(&t1, cmd, sizeof(cmd), &act);
	assert_int_equal(act.op, SE_T1_FAIL);
	se_t1_timeout(&t1, &act);
	assert_int_equal(act.op, SE_T1_FAIL);
	se_t1_abort(&t1, -EINTR, &act);
	assert_int_equal(act.op, SE_T1_FAIL);
	se_t1_start_ifs(&t1, 0, &act);
	assert_int_equal(act.error, -EINVAL);
	se_t1_start_apdu(&t1, cmd, 0, rsp, sizeof(rsp), &act);
	assert_int_equal(act.error, -EINVAL);
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	assert_int_equal(act.op, SE_T1_SEND);
	assert_int_equal(se_t1_set_params(&t1, &params), -EBUSY);
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, sizeof(rsp), &act);
	assert_int_equal(act.error, -EBUSY);
	assert_int_equal(se_t1_outcome(&t1), SE_T1_UNKNOWN); /* of the one that runs */
}

/* ---- CIP ---- */

#define PLP_SPI "0C 01 19 2710 64 0A 00C8 0400 0005"

static void test_cip(void **state)
{
	struct se_t1_cip cip;
	u8 in[128];
	size_t n;

	(void)state;
	n = hex("01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FF9 03 AABBCC", in, sizeof(in));
	assert_int_equal(se_t1_cip_parse(in, n, &cip), 0);
	assert_null(cip.problem);
	assert_int_equal(cip.pver, 1);
	assert_int_equal(cip.iin_len, 4);
	assert_memory_equal(cip.iin, "\xa0\xb0\xc0\xd0", 4);
	assert_int_equal(cip.plid, SE_T1_PLID_SPI);
	assert_int_equal(cip.config, 1);
	assert_int_equal(cip.pwt_us, 25000);
	assert_int_equal(cip.mcf_hz, 10000000);
	assert_int_equal(cip.pst_ms, 100);
	assert_int_equal(cip.mpot_us, 1000);
	assert_int_equal(cip.segt_us, 200);
	assert_int_equal(cip.seal, 1024);
	assert_int_equal(cip.wut_us, 5);
	assert_int_equal(cip.bwt_us, 300000);
	assert_int_equal(cip.ifsc, 4089);
	assert_int_equal(cip.hb_len, 3);
	assert_memory_equal(in + cip.hb_off, "\xaa\xbb\xcc", 3);

	/* I2C, parameters of a later version, no historical bytes */
	n = hex("01 03 A0B0C0 02 09 00 19 0190 64 0A 000A FF 06 0064 0008 FFFF", in,
		sizeof(in));
	assert_int_equal(se_t1_cip_parse(in, n, &cip), 0);
	assert_int_equal(cip.plid, SE_T1_PLID_I2C);
	assert_int_equal(cip.mcf_hz, 400000);
	assert_int_equal(cip.rwgt_us, 10);
	assert_int_equal(cip.ifsc, 8);
	assert_int_equal(cip.hb_len, 0);
}

static void test_cip_bad(void **state)
{
	static const char *const bad[] = {
		"01 04 A0B0C0D0 03" PLP_SPI "04 012C 0FF9 00",			      /* PLID */
		"01 09 A0B0C0D0A0B0C0D0A0 01" PLP_SPI "04 012C 0FF9 00",	      /* IIN */
		"01 04 A0B0C0D0 01 0B 01 19 2710 64 0A 00C8 0400 00 04 012C 0FF9 00", /* PLP */
		"01 04 A0B0C0D0 01 0C 01 19 0000 64 0A 00C8 0400 0005 04 012C 0FF9 00", /* MCF
											 */
		"01 04 A0B0C0D0 01" PLP_SPI "03 012C 0F",	  /* DLLP */
		"01 04 A0B0C0D0 01" PLP_SPI "04 0000 0FF9 00",	  /* BWT */
		"01 04 A0B0C0D0 01" PLP_SPI "04 012C 0000 00",	  /* IFSC */
		"01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FFA 00",	  /* IFSC */
		"01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FF9 02 AA", /* HB */
	};
	struct se_t1_cip cip;
	u8 in[128];
	size_t n, i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = hex(bad[i], in, sizeof(in));
		assert_int_equal(se_t1_cip_parse(in, n, &cip), -EINVAL);
		assert_non_null(cip.problem);
	}
	/* cut anywhere */
	n = hex("01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FF9", in, sizeof(in));
	for (i = 0; i < n; i++)
		assert_int_equal(se_t1_cip_parse(in, i, &cip), -EINVAL);
	assert_int_equal(se_t1_cip_parse(in, n, &cip), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),	  cmocka_unit_test(test_golden),
		cmocka_unit_test(test_block_len), cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_sequence),  cmocka_unit_test(test_wtx),
		cmocka_unit_test(test_room),	  cmocka_unit_test(test_endless),
		cmocka_unit_test(test_requests),  cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_cip),	  cmocka_unit_test(test_cip_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
