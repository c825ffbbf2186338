// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scenarios of ISO/IEC 7816-3, annex A, and more of their kind, each as a
 * list of blocks, in every dialect.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif
#include <linux/se.h>
#include "se-t1-testlib.h"

/*
 * One step: what comes and what the engine does, as se-t1-testlib.c reads it. The
 * first step has nothing that comes; where nothing is done the second is NULL.
 */
struct step {
	const char *in;
	const char *out;
};

/**
 * struct scenario
 * @name: what happens
 * @ifsc: largest INF field to the SE
 * @cmd: C-APDU
 * @steps: up to the first without @in
 * @rsp: R-APDU, or NULL
 * @error: that FAIL tells
 * @outcome: of the APDU
 * @flags: LOST: the link is lost; WIDE: for dialects with two bytes of LEN only
 */
struct scenario {
	const char *name;
	u16 ifsc;
	const char *cmd;
	struct step steps[16];
	const char *rsp;
	int error;
	enum se_t1_outcome outcome;
	unsigned int flags;
};

#define LOST 1
#define WIDE 2
#define E SE_T1_EXECUTED
#define U SE_T1_UNKNOWN
#define N SE_T1_NOT_SENT
#define CMD "80100000"
#define I0 "00 80100000"

/* a line for each block */
/* clang-format off */
static const struct scenario scenarios[] = {
	/* A.1, A.2: error-free */
	{ "one block each way", 16, CMD, { { NULL, I0 }, { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "waiting time extension", 16, CMD,
	  { { NULL, I0 },
	    { "C3 03", "E3 03" },
	    { "C3 05", "E3 05" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "the SE tells a smaller IFSC in a chain", 4, "801000000411223344",
	  { { NULL, "20 80100000" },
	    { "C1 03", "E1 03" },
	    { "90", "60 041122" },
	    { "80", "00 3344" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "the SE tells an IFSC of two bytes", 4, "801000000411223344",
	  { { NULL, "20 80100000" },
	    { "C1 0FF9", "E1 0FF9" },
	    { "90", "40 0411223344" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, WIDE },
	{ "chaining to the SE", 3, "801000000411223344",
	  { { NULL, "20 801000" },
	    { "90", "60 000411" },
	    { "80", "00 223344" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "chaining from the SE", 16, CMD,
	  { { NULL, I0 },
	    { "20 1122", "90" },
	    { "60 33", "80" },
	    { "00 9000", "DONE" } },
	  "1122339000", 0, E, 0 },
	{ "chaining both ways, WTX in both", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "C3 02", "E3 02" },
	    { "90", "40 00" },
	    { "20 AA", "90" },
	    { "C3 02", "E3 02" },
	    { "40 9000", "DONE" } },
	  "AA9000", 0, E, 0 },
	{ "a status word in two blocks", 16, CMD,
	  { { NULL, I0 }, { "20 90", "90" }, { "40 00", "DONE" } },
	  "9000", 0, E, 0 },
	{ "an empty last block", 16, CMD,
	  { { NULL, I0 }, { "20 9000", "90" }, { "40", "DONE" } },
	  "9000", 0, E, 0 },

	/* A.3: errors */
	{ "damaged answer", 16, CMD,
	  { { NULL, I0 }, { "!00 9000", "81" }, { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost answer", 16, CMD,
	  { { NULL, I0 }, { "", "82" }, { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged command", 16, CMD,
	  { { NULL, I0 }, { "81", I0 }, { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost command, or an SE that was reset in mid-work: R(0) tells neither", 16, CMD,
	  { { NULL, I0 },
	    { "", "82" },
	    { "80", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 0 },
	{ "an SE that was at work asks for the command: it has lost it", 16, CMD,
	  { { NULL, I0 },
	    { "C3 01", "E3 01" },
	    { "82", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "the same after S(IFS)", 16, CMD,
	  { { NULL, I0 },
	    { "C1 10", "E1 10" },
	    { "81", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "the same after it has said that it has got it", 16, CMD,
	  { { NULL, I0 },
	    { "90", "WAIT" },
	    { "82", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "an SE that asks for time in mid-chain may ask for a block again", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "C3 01", "E3 01" },
	    { "82", "20 80100000" },
	    { "90", "40 00" },
	    { "92", "40 00" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost block of a chain: the SE may have lost the first one too", 4,
	  "80100000041122334400",
	  { { NULL, "20 80100000" },
	    { "90", "60 04112233" },
	    { "", "82" },
	    { "80", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, N, 0 },
	{ "lost block of a chain: R(1) comes from an SE that was not reset", 4,
	  "80100000041122334400",
	  { { NULL, "20 80100000" },
	    { "90", "60 04112233" },
	    { "", "82" },
	    { "90", "60 04112233" },
	    { "80", "00 4400" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged command, damaged request for it", 16, CMD,
	  { { NULL, I0 },
	    { "!81", "81" },
	    { "81", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "damaged WTX request", 16, CMD,
	  { { NULL, I0 },
	    { "!C3 01", "81" },
	    { "C3 01", "E3 01" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "lost WTX response: an R-block follows", 16, CMD,
	  { { NULL, I0 },
	    { "C3 01", "E3 01" },
	    { "", "82" },
	    { "C3 01", "E3 01" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged IFS request", 16, CMD,
	  { { NULL, I0 },
	    { "!C1 20", "81" },
	    { "C1 20", "E1 20" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged block of a chain to the SE", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "81", "20 80100000" },
	    { "90", "40 00" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged acknowledgment in a chain to the SE", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "!90", "81" },
	    { "90", "40 00" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "damaged block of a chain from the SE", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "!40 9000", "91" },
	    { "40 9000", "DONE" } },
	  "AA9000", 0, E, 0 },
	{ "damaged acknowledgment in a chain from the SE", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "91", "90" },
	    { "40 9000", "DONE" } },
	  "AA9000", 0, E, 0 },

	/* doubled and late blocks */
	{ "doubled block of a chain is not taken twice", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "20 AA", "WAIT" },
	    { "40 9000", "DONE" } },
	  "AA9000", 0, E, 0 },
	{ "doubled acknowledgment does not repeat a block", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "90", "40 00" },
	    { "90", "WAIT" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "late response to RESYNCH", 16, CMD,
	  { { NULL, I0 }, { "E0", "WAIT" }, { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "acknowledgment where an answer is due", 16, CMD,
	  { { NULL, I0 }, { "90", "WAIT" }, { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },

	/* A.3: resynchronisation. Never is the command sent again */
	{ "no answer at all", 16, CMD,
	  { { NULL, I0 },
	    { "", "82" },
	    { "", "82" },
	    { "", "82" },
	    { "", "C0" },
	    { "", "C0" },
	    { "", "C0" },
	    { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, LOST },
	{ "no answer, RESYNCH helps", 16, CMD,
	  { { NULL, I0 },
	    { "", "82" },
	    { "", "82" },
	    { "", "82" },
	    { "", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 0 },
	{ "damaged blocks only", 16, CMD,
	  { { NULL, I0 },
	    { "!00 9000", "81" },
	    { "!00 9000", "81" },
	    { "!00 9000", "81" },
	    { "!00 9000", "C0" },
	    { "!E0", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EBADMSG, U, 0 },
	{ "an answer that comes after RESYNCH was sent does not count", 16, CMD,
	  { { NULL, I0 },
	    { "", "82" },
	    { "", "82" },
	    { "", "82" },
	    { "", "C0" },
	    { "00 9000", "WAIT" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, U, 0 },
	{ "the SE does not take the command: a second R(0) may be the double of the first", 16, CMD,
	  { { NULL, I0 },
	    { "81", I0 },
	    { "81", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "the SE never takes the end of a command", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "90", "40 00" },
	    { "91", "40 00" },
	    { "91", "40 00" },
	    { "91", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
	{ "the first part of a command is lost for good: it did not run", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "", "82" },
	    { "", "82" },
	    { "", "82" },
	    { "", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, N, 0 },
	{ "an answer before the command is complete", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "00 6700", "82" },
	    { "00 6700", "82" },
	    { "00 6700", "82" },
	    { "00 6700", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, N, 0 },
	{ "a response cut short: it ran", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "", "92" },
	    { "", "92" },
	    { "", "92" },
	    { "", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIMEDOUT, E, 0 },
	{ "an answer without status word", 16, CMD, { { NULL, I0 }, { "00 90", "FAIL" } },
	  NULL, -EPROTO, E, 0 },

	/* A.2: abortion of chains */
	{ "the SE aborts a chain to it", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "C2", "E2" },
	    { "90", "FAIL" } },
	  NULL, -ECONNABORTED, N, 0 },
	{ "the SE aborts its own chain, and says no more", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "C2", "E2" },
	    { "", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ECONNABORTED, E, 0 },
	{ "response to ABORT is lost", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "C2", "E2" },
	    { "C2", "E2" },
	    { "80", "FAIL" } },
	  NULL, -ECONNABORTED, N, 0 },

	/* things that make no sense */
	{ "IFS of 0 and of 255, WTX without value", 16, CMD,
	  { { NULL, I0 },
	    { "C1 00", "82" },
	    { "C1 FF", "82" },
	    { "C3", "82" },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },

	/* giving up */
	{ "deadline while the SE computes", 16, CMD,
	  { { NULL, I0 },
	    { "C3 02", "E3 02" },
	    { "ABORT", "C0" },
	    { "C3 02", "WAIT" },
	    { "ABORT", "WAIT" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, U, 0 },
	{ "deadline in the middle of a command", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "ABORT", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, N, 0 },

	/* A.2: abortion of chains, from our side */
	{ "left in the middle of a command: S(ABORT) where the right to send is ours", 4,
	  "8010000000",
	  { { NULL, "20 80100000" },
	    { "LEAVE", NULL },
	    { "90", "C2" },
	    { "E2", "FAIL" } },
	  NULL, -ETIME, N, 0 },
	{ "left in the middle of a command that did not arrive", 4, "80100000041122334400",
	  { { NULL, "20 80100000" },
	    { "90", "60 04112233" },
	    { "LEAVE", NULL },
	    { "91", "60 04112233" },
	    { "80", "C2" },
	    { "E2", "FAIL" } },
	  NULL, -ETIME, N, 0 },
	{ "left in the middle of a command: the response to ABORT is damaged, lost, there", 4,
	  "8010000000",
	  { { NULL, "20 80100000" },
	    { "LEAVE", NULL },
	    { "90", "C2" },
	    { "!E2", "C2" },
	    { "", "C2" },
	    { "E2", "FAIL" } },
	  NULL, -ETIME, N, 0 },
	{ "left in the middle of a command: an SE without ABORT is put in step", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "LEAVE", NULL },
	    { "90", "C2" },
	    { "92", "C2" },
	    { "92", "C2" },
	    { "92", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, N, 0 },
	{ "left in the middle of a response", 16, CMD,
	  { { NULL, I0 },
	    { "LEAVE", NULL },
	    { "C3 02", "E3 02" },
	    { "20 AA", "C2" },
	    { "20 AA", "WAIT" },
	    { "E2", "FAIL" } },
	  NULL, -ETIME, E, 0 },
	{ "left before a response of one block: it ends by itself", 16, CMD,
	  { { NULL, I0 },
	    { "LEAVE", NULL },
	    { "00 9000", "DONE" } },
	  "9000", 0, E, 0 },
	{ "left, and the command has not arrived: it is not sent again", 16, CMD,
	  { { NULL, I0 },
	    { "LEAVE", NULL },
	    { "81", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, U, 0 },
	{ "left, and the SE says no more", 16, CMD,
	  { { NULL, I0 },
	    { "LEAVE", NULL },
	    { "ABORT", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ETIME, U, 0 },
	{ "both ends abort", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "LEAVE", NULL },
	    { "90", "C2" },
	    { "C2", "E2" },
	    { "90", "FAIL" } },
	  NULL, -ETIME, N, 0 },

	/* A.2: and from the SE's */
	{ "the SE aborts its own chain and hands the right to send back", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "C2", "E2" },
	    { "90", "FAIL" } },
	  NULL, -ECONNABORTED, E, 0 },
	{ "the SE aborts its own chain: its R-block does not fit", 16, CMD,
	  { { NULL, I0 },
	    { "20 AA", "90" },
	    { "C2", "E2" },
	    { "80", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ECONNABORTED, E, 0 },
	{ "the SE aborts a chain to it: our response was damaged", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "C2", "E2" },
	    { "81", "E2" },
	    { "90", "FAIL" } },
	  NULL, -ECONNABORTED, N, 0 },
	{ "the SE aborts without end", 4, "8010000000",
	  { { NULL, "20 80100000" },
	    { "C2", "E2" },
	    { "C2", "E2" },
	    { "C2", "E2" },
	    { "C2", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -ECONNABORTED, N, 0 },

	/* an SE whose N(S) is not ours: the rest of its answer must not pass for all */
	{ "an answer of several blocks with the wrong N(S)", 16, CMD,
	  { { NULL, I0 },
	    { "60 AA", "C0" },
	    { "E0", "WAIT" }, { "", "FAIL" } },
	  NULL, -EPROTO, U, 0 },
};

/* clang-format on */

static void run(struct kunit *test, const struct se_t1_dialect *d, const struct scenario *s)
{
	u8 cmd[64], rsp[64], want[64];
	size_t len = se_test_hex(s->cmd, cmd, sizeof(cmd)), n, i;
	struct se_t1_action act;
	bool damaged;
	struct se_t1 t1;

	se_test_link(test, &t1, d, s->ifsc);
	se_t1_start_apdu(&t1, cmd, len, rsp, sizeof(rsp), &act);
	se_test_expect(test, &t1, &act, s->steps[0].out, s->name, 0);
	for (i = 1; i < 16 && s->steps[i].in; i++) {
		se_test_feed(&t1, s->steps[i].in, &act);
		if (!s->steps[i].out)
			continue;
		damaged = s->steps[i].in[0] == '!';
		KUNIT_EXPECT_EQ_MSG(test, act.edc_error, damaged, "%s: %s", d->name, s->name);
		se_test_expect(test, &t1, &act, s->steps[i].out, s->name, i);
	}
	KUNIT_EXPECT_EQ_MSG(test, (int)se_t1_outcome(&t1), (int)s->outcome, "%s: %s", d->name,
			    s->name);
	KUNIT_EXPECT_FALSE(test, se_t1_busy(&t1));
	if (s->error) {
		KUNIT_EXPECT_EQ_MSG(test, act.error, s->error, "%s: %s", d->name, s->name);
		KUNIT_EXPECT_EQ_MSG(test, act.link_lost, (s->flags & LOST) != 0, "%s: %s",
				    d->name, s->name);
	} else {
		n = se_test_hex(s->rsp, want, sizeof(want));
		KUNIT_EXPECT_TRUE_MSG(test, t1.rsp_len == n && !memcmp(rsp, want, n), "%s: %s",
				      d->name, s->name);
		KUNIT_EXPECT_EQ(test, (int)t1.sw, want[n - 2] << 8 | want[n - 1]);
	}
	/* nothing of the APDU stays in the block buffer */
	for (i = 0; i < SE_TEST_BLOCK; i++)
		KUNIT_EXPECT_EQ(test, (int)se_test_tx[i], 0);
	/* and a lost link takes no further APDU */
	if (s->flags & LOST) {
		se_t1_start_apdu(&t1, cmd, len, rsp, sizeof(rsp), &act);
		se_test_expect(test, &t1, &act, "FAIL", s->name, 16);
		KUNIT_EXPECT_TRUE(test, act.link_lost);
		KUNIT_EXPECT_EQ(test, (int)se_t1_outcome(&t1), (int)SE_T1_NOT_SENT);
	}
}

static void run_scenarios(struct kunit *test, u32 dialect)
{
	const struct se_t1_dialect *d = se_t1_dialect_by_id(dialect);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (d->len_bytes == 2 || !(scenarios[i].flags & WIDE))
			run(test, d, &scenarios[i]);
}

static void annex_a_gp(struct kunit *test)
{
	run_scenarios(test, SE_DIALECT_GP);
}

static void annex_a_iso_lrc(struct kunit *test)
{
	run_scenarios(test, SE_DIALECT_ISO_LRC);
}

static void annex_a_iso_crc(struct kunit *test)
{
	run_scenarios(test, SE_DIALECT_ISO_CRC);
}

static void annex_a_nxp(struct kunit *test)
{
	run_scenarios(test, SE_DIALECT_NXP);
}

static void annex_a_um11225(struct kunit *test)
{
	run_scenarios(test, SE_DIALECT_UM11225);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(annex_a_gp),
	KUNIT_CASE(annex_a_iso_lrc),
	KUNIT_CASE(annex_a_iso_crc),
	KUNIT_CASE(annex_a_nxp),
	KUNIT_CASE(annex_a_um11225),
	{}
};

struct kunit_suite se_t1_annex_suite = {
	.name = "se-t1-annex",
	.test_cases = cases,
};
