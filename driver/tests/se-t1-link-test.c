// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine beyond its rules: golden blocks of each dialect, sequence numbers over
 * several exchanges, waiting times, limits, and misuse.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif
#include <linux/se.h>
#include "se-t1-testlib.h"

static const u8 cmd[] = { 0x80, 0x10, 0x00, 0x00 };
static u8 rsp[8];

static void start(struct se_t1 *t1, struct se_t1_action *act)
{
	se_t1_start_apdu(t1, cmd, sizeof(cmd), rsp, sizeof(rsp), act);
}

/* ---- golden blocks, checksum and all: computed by an independent program ---- */

static void sends(struct kunit *test, const struct se_t1_action *act, const char *want)
{
	u8 data[SE_TEST_BLOCK];
	size_t n = se_test_hex(want, data, sizeof(data));

	KUNIT_EXPECT_TRUE_MSG(test, act->op == SE_T1_SEND && act->len == n &&
			      !memcmp(act->block, data, n), "wanted %s", want);
}

static void receives(struct se_t1 *t1, const char *text, struct se_t1_action *act)
{
	u8 data[SE_TEST_BLOCK];

	se_t1_rx(t1, data, se_test_hex(text, data, sizeof(data)), act);
}

static void golden_gp(struct kunit *test)
{
	static const u8 select_isd[] = { 0x00, 0xa4, 0x04, 0x00, 0x08, 0xa0, 0x00,
					 0x00, 0x01, 0x51, 0x00, 0x00, 0x00, 0x00 };
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	se_t1_start_cip(&t1, rsp, sizeof(rsp), &act);
	sends(test, &act, "21C4000006CD");
	se_t1_reset(&t1);
	se_t1_start_resynch(&t1, &act);
	sends(test, &act, "21C0000065AC");
	receives(&t1, "12E000000FA8", &act);
	se_t1_timeout(&t1, &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_DONE);
	se_t1_start_swr(&t1, &act);
	sends(test, &act, "21CF00002F6B");
	se_t1_reset(&t1);
	se_t1_start_release(&t1, &act);
	sends(test, &act, "21C60000B375");
	se_t1_reset(&t1);
	se_t1_start_ifs(&t1, 254, &act);
	sends(test, &act, "21C10001FE84E9");
	se_t1_reset(&t1);
	se_t1_start_ifs(&t1, 4089, &act);
	sends(test, &act, "21C100020FF96AC9");
	se_t1_reset(&t1);
	se_t1_start_apdu(&t1, select_isd, sizeof(select_isd), rsp, sizeof(rsp), &act);
	sends(test, &act, "2100000E00A4040008A000000151000000009E20");
	receives(&t1, "12C30001017BFA", &act);		/* WTX, once the time */
	sends(test, &act, "21E30001013DB4");
	receives(&t1, "12C30001017BFB", &act);
	KUNIT_EXPECT_TRUE(test, act.edc_error);
	sends(test, &act, "218100003906");		/* R(0), checksum */
	receives(&t1, "120000029000118C", &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_DONE);
	KUNIT_EXPECT_EQ(test, (int)t1.sw, 0x9000);
}

static void golden_iso(struct kunit *test)
{
	static const u8 select_isd[] = { 0x00, 0xa4, 0x04, 0x00, 0x08, 0xa0, 0x00,
					 0x00, 0x01, 0x51, 0x00, 0x00, 0x00, 0x00 };
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_iso_lrc, 32);
	se_t1_start_resynch(&t1, &act);
	sends(test, &act, "00C000C0");
	se_t1_reset(&t1);
	se_t1_start_ifs(&t1, 254, &act);
	sends(test, &act, "00C101FE3E");
	se_t1_reset(&t1);
	se_t1_start_apdu(&t1, select_isd, sizeof(select_isd), rsp, sizeof(rsp), &act);
	sends(test, &act, "00000E00A4040008A0000001510000000056");
	receives(&t1, "00C30101C3", &act);
	sends(test, &act, "00E30101E3");
	receives(&t1, "00C30101C2", &act);
	sends(test, &act, "00810081");
	se_test_link(test, &t1, &se_t1_dialect_iso_crc, 32);
	se_t1_start_resynch(&t1, &act);
	sends(test, &act, "00C000660C");
	se_test_link(test, &t1, &se_t1_dialect_iso_lrc, 32);
	start(&t1, &act);
	/* a line that is stuck low reads as the block 00 00 00 00 */
	receives(&t1, "00000000", &act);
	sends(test, &act, "00820082");
}

static void golden_nxp(struct kunit *test)
{
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_nxp, 254);
	se_t1_start_swr(&t1, &act);
	sends(test, &act, "5AC4009E");		/* interface reset */
	receives(&t1, "A5E40041", &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_DONE);
	se_t1_start_release(&t1, &act);
	sends(test, &act, "5AC5009F");		/* end of the session */
	se_t1_reset(&t1);
	se_t1_start_cip(&t1, rsp, sizeof(rsp), &act);
	KUNIT_EXPECT_EQ(test, act.error, -EOPNOTSUPP);
}

static void golden_um11225(struct kunit *test)
{
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_um11225, 254);
	se_t1_start_atr(&t1, rsp, sizeof(rsp), &act);
	sends(test, &act, "5AC700F7B1");
	se_test_feed(&t1, "E7 00A0000003", &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_DONE);
	KUNIT_EXPECT_EQ(test, (int)t1.rsp_len, 5);
	se_t1_start_swr(&t1, &act);
	sends(test, &act, "5AC6002FA8");	/* chip reset */
	/* some parts put the ATR in here */
	se_test_feed(&t1, "E6 00A0000003", &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_DONE);
}

static void block_len(struct kunit *test)
{
	static const u8 good[] = { 0x12, 0x00, 0x0f, 0xf9 }, big[] = { 0x12, 0x00, 0x0f, 0xfa };
	static const u8 other[] = { 0x21, 0x00, 0x00, 0x00 }, idle[] = { 0, 0, 0, 0 };
	static const u8 nxp[] = { 0xa5, 0x00, 0xfe }, nxp_big[] = { 0xa5, 0x00, 0xff };

	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_gp, good), 4089 + 6);
	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_gp, big), -EPROTO);
	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_gp, other), -EPROTO);
	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_gp, idle), -EPROTO);
	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_nxp, nxp), 254 + 4);
	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_nxp, nxp_big), -EPROTO);
	KUNIT_EXPECT_EQ(test, se_t1_block_len(&se_t1_dialect_um11225, nxp), 254 + 5);
	KUNIT_EXPECT_TRUE(test, se_t1_is_idle(&se_t1_dialect_gp, 0x00));
	KUNIT_EXPECT_TRUE(test, se_t1_is_idle(&se_t1_dialect_gp, 0xff));
	KUNIT_EXPECT_FALSE(test, se_t1_is_idle(&se_t1_dialect_gp, 0x12));
	KUNIT_EXPECT_FALSE(test, se_t1_is_idle(&se_t1_dialect_iso_crc, 0x00));
}

/* what no builder makes: wrong NAD, LEN that does not fit, too short */
static void malformed(struct kunit *test)
{
	static const char *const bad[] = {
		"210000029000F5EE", "120000039000118C", "12000002900011", "12", "12000000",
		"120000029000118C00",
	};
	struct se_t1_action act;
	struct se_t1 t1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		se_test_link(test, &t1, &se_t1_dialect_gp, 254);
		start(&t1, &act);
		receives(&t1, bad[i], &act);
		se_test_expect(test, &t1, &act, "82", bad[i], i);
	}
	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	start(&t1, &act);
	se_t1_rx(&t1, NULL, 0, &act);
	se_test_expect(test, &t1, &act, "82", "nothing", 0);
}

static void dialect_names(struct kunit *test)
{
	static const char *const names[] = { "gp", "iso-lrc", "iso-crc", "nxp", "um11225" };
	u32 id;

	for (id = 0; id < SE_TEST_DIALECTS; id++) {
		const struct se_t1_dialect *d = se_t1_dialect_by_id(id);

		KUNIT_EXPECT_TRUE(test, d == se_t1_dialect_by_name(names[id]));
		KUNIT_EXPECT_EQ(test, d->id, id);
	}
	KUNIT_EXPECT_TRUE(test, !se_t1_dialect_by_id(SE_TEST_DIALECTS));
	KUNIT_EXPECT_TRUE(test, !se_t1_dialect_by_id(0xffffffff));
	KUNIT_EXPECT_TRUE(test, !se_t1_dialect_by_name("t=0"));
}

/* ---- exchanges ---- */

static void exchange(struct kunit *test, struct se_t1 *t1, const char *sent, const char *answer)
{
	struct se_t1_action act;

	start(t1, &act);
	se_test_expect(test, t1, &act, sent, answer, 0);
	se_test_feed(t1, answer, &act);
	se_test_expect(test, t1, &act, "DONE", answer, 1);
}

/* N(S) of both directions over several exchanges, and after RESYNCH */
static void sequence(struct kunit *test)
{
	struct se_t1_action act;
	struct se_t1 t1;
	int i;

	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	for (i = 0; i < 3; i++) {
		exchange(test, &t1, "00 80100000", "00 9000");
		exchange(test, &t1, "40 80100000", "40 9000");
	}
	exchange(test, &t1, "00 80100000", "00 9000");
	/* the former answer comes once more: it is not this one's */
	start(&t1, &act);
	se_test_feed(&t1, "00 9000", &act);
	se_test_expect(test, &t1, &act, "WAIT", "sequence", 1);
	se_test_feed(&t1, "40 6A82", &act);
	KUNIT_EXPECT_EQ(test, (int)t1.sw, 0x6a82);
	/* a lost command with N(S) = 1: the SE says so, it goes out again */
	exchange(test, &t1, "00 80100000", "00 9000");
	start(&t1, &act);
	se_test_feed(&t1, "", &act);
	se_test_feed(&t1, "90", &act);
	se_test_expect(test, &t1, &act, "40 80100000", "sequence", 2);
	KUNIT_EXPECT_TRUE(test, act.repeat);
	se_test_feed(&t1, "40 9000", &act);
	/* an odd number of blocks from the SE: its N(S) is out of step with ours */
	start(&t1, &act);
	se_test_feed(&t1, "20 AA", &act);
	se_test_feed(&t1, "40 9000", &act);
	se_test_expect(test, &t1, &act, "DONE", "sequence", 3);
	exchange(test, &t1, "40 80100000", "00 9000");
	exchange(test, &t1, "00 80100000", "40 9000");
	se_t1_start_resynch(&t1, &act);
	se_test_feed(&t1, "E0", &act);
	se_test_feed(&t1, "", &act);
	exchange(test, &t1, "00 80100000", "00 9000");
}

/* after ABORT both ends go on where they were */
static void sequence_after_abort(struct kunit *test)
{
	static const u8 long_cmd[] = { 0x80, 0x10, 0x00, 0x00, 0x01, 0xaa };
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_gp, 4);
	/* our chain, left after I(0,1): N(S) of the next is 1 */
	se_t1_start_apdu(&t1, long_cmd, sizeof(long_cmd), rsp, sizeof(rsp), &act);
	se_t1_leave(&t1, -EINTR);
	se_test_feed(&t1, "90", &act);
	se_test_feed(&t1, "E2", &act);
	KUNIT_EXPECT_EQ(test, act.error, -EINTR);
	KUNIT_EXPECT_FALSE(test, act.resynced);
	KUNIT_EXPECT_EQ(test, (int)t1.count.aborts, 1);
	exchange(test, &t1, "40 80100000", "00 9000");
	/* its chain, left after I(1,1): N(S) of its next is 0 */
	start(&t1, &act);
	se_t1_leave(&t1, -EINTR);
	se_test_feed(&t1, "60 AA", &act);
	se_test_feed(&t1, "E2", &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_FAIL);
	exchange(test, &t1, "40 80100000", "00 9000");
	/* ours, given up by the SE, that never took I(0,1) */
	se_t1_start_apdu(&t1, long_cmd, sizeof(long_cmd), rsp, sizeof(rsp), &act);
	se_test_feed(&t1, "C2", &act);
	se_test_feed(&t1, "80", &act);
	KUNIT_EXPECT_EQ(test, act.error, -ECONNABORTED);
	exchange(test, &t1, "00 80100000", "40 9000");
}

/* WTX: the multiplier holds for the next wait, and for no other */
static void wtx(struct kunit *test)
{
	struct se_t1_params params = {
		.ifsc = 254, .ifsd = 254, .bwt_us = SE_TEST_BWT, .wtx_max = 2,
	};
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	KUNIT_EXPECT_EQ(test, se_t1_set_params(&t1, &params), 0);
	start(&t1, &act);
	KUNIT_EXPECT_EQ(test, act.wait_us, (u64)SE_TEST_BWT);
	se_test_feed(&t1, "C3 FF", &act);
	KUNIT_EXPECT_TRUE(test, act.wtx);
	KUNIT_EXPECT_EQ(test, act.wait_us, 255ULL * SE_TEST_BWT);
	se_test_feed(&t1, "", &act);
	KUNIT_EXPECT_FALSE(test, act.wtx);
	KUNIT_EXPECT_EQ(test, act.wait_us, (u64)SE_TEST_BWT);
	se_test_feed(&t1, "C3 02", &act);
	KUNIT_EXPECT_EQ(test, act.wait_us, 2ULL * SE_TEST_BWT);
	se_test_feed(&t1, "40 9000", &act); /* an old one: the rest of that wait goes on */
	se_test_expect(test, &t1, &act, "WAIT", "wtx", 1);
	KUNIT_EXPECT_EQ(test, act.wait_us, 2ULL * SE_TEST_BWT);
	se_test_feed(&t1, "C3 02", &act); /* one too many for wtx_max */
	se_test_expect(test, &t1, &act, "C0", "wtx", 2);
	KUNIT_EXPECT_EQ(test, (int)t1.count.wtx, 2);
	KUNIT_EXPECT_EQ(test, (int)t1.count.wtx_refused, 1);
}

/* policy may keep S(RESYNCH) out of recovery; asked for it is sent all the same */
static void no_resynch(struct kunit *test)
{
	struct se_t1_params params = {
		.ifsc = 254, .ifsd = 254, .bwt_us = SE_TEST_BWT, .no_resynch = true,
	};
	struct se_t1_action act;
	struct se_t1 t1;
	size_t i;

	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	KUNIT_EXPECT_EQ(test, se_t1_set_params(&t1, &params), 0);
	start(&t1, &act);
	for (i = 0; i < 3; i++) {
		se_test_feed(&t1, "", &act);
		se_test_expect(test, &t1, &act, "82", "no_resynch", i);
	}
	se_test_feed(&t1, "", &act);
	se_test_expect(test, &t1, &act, "FAIL", "no_resynch", 4);
	KUNIT_EXPECT_TRUE(test, act.link_lost);
	KUNIT_EXPECT_EQ(test, (int)se_t1_outcome(&t1), (int)SE_T1_UNKNOWN);
	se_t1_start_resynch(&t1, &act);
	se_test_expect(test, &t1, &act, "C0", "no_resynch", 5);
}

/* a response that is longer than its room is taken to its end */
static void room(struct kunit *test)
{
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_um11225, 254);
	memset(rsp, 0xee, sizeof(rsp));
	se_t1_start_apdu(&t1, cmd, sizeof(cmd), rsp, 3, &act);
	se_test_feed(&t1, "20 0102", &act);
	se_test_feed(&t1, "60 0304", &act);
	se_test_feed(&t1, "20 0590", &act);
	se_test_feed(&t1, "40 00", &act);
	se_test_expect(test, &t1, &act, "DONE", "room", 0);
	KUNIT_EXPECT_EQ(test, (int)t1.rsp_len, 7);
	KUNIT_EXPECT_EQ(test, (int)t1.sw, 0x9000);
	KUNIT_EXPECT_TRUE(test, !memcmp(rsp, "\x01\x02\x03\xee", 4));
}

/* a chain without end comes to one */
static void endless(struct kunit *test, const char *even, const char *odd, int error)
{
	struct se_t1_action act;
	struct se_t1 t1;
	int i;

	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	start(&t1, &act);
	for (i = 0; i < 70000 && act.op == SE_T1_SEND && act.block[1] != 0xc0; i++)
		se_test_feed(&t1, i & 1 ? odd : even, &act);
	se_test_expect(test, &t1, &act, "C0", even, 0);
	se_test_feed(&t1, "E0", &act);
	se_test_feed(&t1, "", &act);
	se_test_expect(test, &t1, &act, "FAIL", even, 1);
	KUNIT_EXPECT_EQ(test, act.error, error);
	KUNIT_EXPECT_TRUE(test, act.resynced);
	KUNIT_EXPECT_FALSE(test, act.link_lost);
	KUNIT_EXPECT_EQ(test, (int)se_t1_outcome(&t1), (int)SE_T1_EXECUTED);
}

static void endless_response(struct kunit *test)
{
	endless(test, "20 AA", "60 AA", -EMSGSIZE);
	endless(test, "20", "60", -EPROTO);
}

/* S requests of ours: IFSD, RELEASE, SWR, CIP; repeats and wrong answers */
static void requests(struct kunit *test)
{
	struct se_t1_action act;
	struct se_t1 t1;

	se_test_link(test, &t1, &se_t1_dialect_gp, 254);
	se_t1_start_ifs(&t1, 4089, &act);
	se_test_feed(&t1, "E1 0FF8", &act); /* not what was asked */
	se_test_expect(test, &t1, &act, "C1 0FF9", "requests", 1);
	KUNIT_EXPECT_TRUE(test, act.repeat);
	se_test_feed(&t1, "E1 0FF9", &act);
	se_test_expect(test, &t1, &act, "DONE", "requests", 2);
	KUNIT_EXPECT_EQ(test, (int)t1.ifsd, 4089);

	memset(rsp, 0, sizeof(rsp));
	se_t1_start_cip(&t1, rsp, 2, &act);
	se_test_feed(&t1, "40 9000", &act); /* of an exchange before our time */
	se_test_expect(test, &t1, &act, "WAIT", "requests", 3);
	se_test_feed(&t1, "C3 03", &act); /* at work, of an exchange before our time */
	se_test_expect(test, &t1, &act, "WAIT", "requests", 4);
	KUNIT_EXPECT_EQ(test, act.wait_us, 3ULL * SE_TEST_BWT);
	se_test_feed(&t1, "E4 010203", &act);
	se_test_expect(test, &t1, &act, "DONE", "requests", 5);
	KUNIT_EXPECT_EQ(test, (int)t1.rsp_len, 3);
	KUNIT_EXPECT_TRUE(test, !memcmp(rsp, "\x01\x02\x00", 3));

	se_t1_start_release(&t1, &act);
	se_test_feed(&t1, "", &act);
	KUNIT_EXPECT_TRUE(test, act.repeat);
	se_test_feed(&t1, "", &act);
	se_test_feed(&t1, "", &act);
	se_test_expect(test, &t1, &act, "FAIL", "requests", 6);
	KUNIT_EXPECT_EQ(test, act.error, -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, act.link_lost);

	se_t1_start_swr(&t1, &act);
	se_test_feed(&t1, "EF", &act);
	se_test_expect(test, &t1, &act, "DONE", "requests", 7);
	exchange(test, &t1, "00 80100000", "00 9000");
	KUNIT_EXPECT_EQ(test, (int)t1.ifsd, 32);
}

static void misuse(struct kunit *test)
{
	struct se_t1_params params = { .ifsc = 254, .ifsd = 254, .bwt_us = SE_TEST_BWT };
	const struct se_t1_dialect *gp = &se_t1_dialect_gp;
	struct se_t1_action act;
	struct se_t1 t1;

	params.ifsc = 0;
	KUNIT_EXPECT_EQ(test, se_t1_init(&t1, gp, &params, se_test_tx, 300), -EINVAL);
	params.ifsc = 4090;
	KUNIT_EXPECT_EQ(test, se_t1_init(&t1, gp, &params, se_test_tx, 300), -EINVAL);
	params.ifsc = 255;
	KUNIT_EXPECT_EQ(test, se_t1_init(&t1, &se_t1_dialect_nxp, &params, se_test_tx, 300),
			-EINVAL);
	params.ifsc = 4089;
	KUNIT_EXPECT_EQ(test, se_t1_init(&t1, gp, &params, se_test_tx, 7), -EINVAL);
	KUNIT_EXPECT_EQ(test, se_t1_init(&t1, gp, &params, se_test_tx, 100), 0);
	KUNIT_EXPECT_EQ(test, (int)t1.ifsc, 94); /* what the buffer can hold */
	se_t1_rx(&t1, cmd, sizeof(cmd), &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_FAIL);
	se_t1_timeout(&t1, &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_FAIL);
	se_t1_leave(&t1, -EINTR);
	se_t1_abort(&t1, -EINTR, &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_FAIL);
	se_t1_start_ifs(&t1, 0, &act);
	KUNIT_EXPECT_EQ(test, act.error, -EINVAL);
	se_t1_start_atr(&t1, rsp, sizeof(rsp), &act);
	KUNIT_EXPECT_EQ(test, act.error, -EOPNOTSUPP);
	se_t1_start_apdu(&t1, cmd, 0, rsp, sizeof(rsp), &act);
	KUNIT_EXPECT_EQ(test, act.error, -EINVAL);
	start(&t1, &act);
	KUNIT_EXPECT_EQ(test, (int)act.op, (int)SE_T1_SEND);
	KUNIT_EXPECT_EQ(test, se_t1_set_params(&t1, &params), -EBUSY);
	start(&t1, &act);
	KUNIT_EXPECT_EQ(test, act.error, -EBUSY);
	KUNIT_EXPECT_EQ(test, (int)se_t1_outcome(&t1), (int)SE_T1_UNKNOWN); /* of the first */
}

static struct kunit_case cases[] = {
	KUNIT_CASE(golden_gp),
	KUNIT_CASE(golden_iso),
	KUNIT_CASE(golden_nxp),
	KUNIT_CASE(golden_um11225),
	KUNIT_CASE(block_len),
	KUNIT_CASE(malformed),
	KUNIT_CASE(dialect_names),
	KUNIT_CASE(sequence),
	KUNIT_CASE(sequence_after_abort),
	KUNIT_CASE(wtx),
	KUNIT_CASE(no_resynch),
	KUNIT_CASE(room),
	KUNIT_CASE(endless_response),
	KUNIT_CASE(requests),
	KUNIT_CASE(misuse),
	{}
};

struct kunit_suite se_t1_link_suite = {
	.name = "se-t1-link",
	.test_cases = cases,
};
