// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every row of the rule table, in every dialect: the exchange is brought to where
 * the row applies, one thing comes, and what the engine does is compared, with
 * the rule that it names. A row that no line here reaches fails the test.
 */
#include <linux/se.h>
#include "../se-t1-block.h"
#include "se-t1-testlib.h"

struct row {
	enum se_t1_phase phase;
	enum se_t1_event event;
	const char *in;
	const char *out;
	const char *rule;	/* how its name begins */
};

/* clang-format off */
static const struct row rows[] = {
	/* I(0,1) is out */
	{ PH_COMMAND, EV_I_LAST, "00 9000", "82", "2.2" },
	{ PH_COMMAND, EV_I_MORE, "20 AA", "82", "2.2" },
	{ PH_COMMAND, EV_I_OLD, "40 9000", "WAIT", "doubled" },
	{ PH_COMMAND, EV_R_SAME, "81", "20 80100000", "7.1" },
	{ PH_COMMAND, EV_R_SAME, "80", "WAIT", "7.1" },		/* no error, not asked for */
	{ PH_COMMAND, EV_R_NEXT, "90", "40 00", "2.2, 5" },
	{ PH_COMMAND, EV_R_NEXT, "92", "C0", "2.2, 5" },	/* it takes I(0,1) for an old one */
	{ PH_COMMAND, EV_WTX, "C3 02", "E3 02", "3" },
	{ PH_COMMAND, EV_IFS, "C1 10", "E1 10", "4" },
	{ PH_COMMAND, EV_ABORT, "C2", "E2", "9" },
	{ PH_COMMAND, EV_STRAY, "E1 10", "WAIT", "doubled" },
	{ PH_COMMAND, EV_BAD, "!90", "81", "7.1" },
	{ PH_COMMAND, EV_BAD, "93", "82", "7.1" },
	{ PH_COMMAND, EV_TIMEOUT, "", "82", "7.1" },
	/* I(0,0) is out */
	{ PH_ANSWER, EV_I_LAST, "00 9000", "DONE", "2.1" },
	{ PH_ANSWER, EV_I_MORE, "20 AA", "90", "2.2, 5" },
	{ PH_ANSWER, EV_I_OLD, "40 9000", "WAIT", "doubled" },
	{ PH_ANSWER, EV_I_OLD, "60 AA", "C0", "doubled, or out of step" },
	{ PH_ANSWER, EV_R_SAME, "81", "00 80100000", "7.1" },
	{ PH_ANSWER, EV_R_NEXT, "90", "WAIT", "2.1" },
	{ PH_ANSWER, EV_WTX, "C3 02", "E3 02", "3" },
	{ PH_ANSWER, EV_IFS, "C1 10", "E1 10", "4" },
	{ PH_ANSWER, EV_ABORT, "C2", "E2", "9" },
	{ PH_ANSWER, EV_STRAY, "E0", "WAIT", "doubled" },
	{ PH_ANSWER, EV_BAD, "!00 9000", "81", "7.1" },
	{ PH_ANSWER, EV_BAD, "C0", "82", "7.1" },		/* RESYNCH is ours alone */
	{ PH_ANSWER, EV_BAD, "C3", "82", "7.1" },
	{ PH_ANSWER, EV_BAD, "C1 00", "82", "7.1" },
	{ PH_ANSWER, EV_BAD, "C1 FF", "82", "7.1" },
	{ PH_ANSWER, EV_BAD, "C2 00", "82", "7.1" },
	{ PH_ANSWER, EV_BAD, "1F 9000", "82", "7.1" },
	{ PH_ANSWER, EV_BAD, "90 00", "82", "7.1" },
	{ PH_ANSWER, EV_TIMEOUT, "", "82", "7.1" },
	/* R(1) is out */
	{ PH_CHAIN, EV_I_LAST, "40 9000", "DONE", "2.1" },
	{ PH_CHAIN, EV_I_MORE, "60 BB", "80", "2.2, 5" },
	{ PH_CHAIN, EV_I_OLD, "20 AA", "WAIT", "doubled" },
	{ PH_CHAIN, EV_R_SAME, "91", "90", "7.2" },
	{ PH_CHAIN, EV_R_NEXT, "81", "90", "7.2" },
	{ PH_CHAIN, EV_WTX, "C3 02", "E3 02", "3" },
	{ PH_CHAIN, EV_IFS, "C1 10", "E1 10", "4" },
	{ PH_CHAIN, EV_ABORT, "C2", "E2", "9" },
	{ PH_CHAIN, EV_STRAY, "E3 02", "WAIT", "doubled" },
	{ PH_CHAIN, EV_BAD, "!40 9000", "91", "7.2" },
	{ PH_CHAIN, EV_TIMEOUT, "", "92", "7.2" },
	/* S(IFS request) is out */
	{ PH_REQUEST, EV_I_LAST, "00 9000", "WAIT", "of an exchange" },
	{ PH_REQUEST, EV_I_MORE, "20 AA", "WAIT", "of an exchange" },
	{ PH_REQUEST, EV_I_OLD, "40 9000", "WAIT", "of an exchange" },
	{ PH_REQUEST, EV_R_SAME, "81", "C1 FE", "7.3" },
	{ PH_REQUEST, EV_R_NEXT, "90", "C1 FE", "7.3" },
	{ PH_REQUEST, EV_WTX, "C3 02", "WAIT", "of an exchange" },
	{ PH_REQUEST, EV_IFS, "C1 10", "WAIT", "of an exchange" },
	{ PH_REQUEST, EV_ABORT, "C2", "WAIT", "of an exchange" },
	{ PH_REQUEST, EV_RESPONSE, "E1 FE", "DONE", "4" },
	{ PH_REQUEST, EV_STRAY, "E0", "WAIT", "doubled" },
	{ PH_REQUEST, EV_BAD, "!E1 FE", "C1 FE", "7.3" },
	{ PH_REQUEST, EV_BAD, "E1 FD", "C1 FE", "7.3" },	/* not what was asked */
	{ PH_REQUEST, EV_TIMEOUT, "", "C1 FE", "7.3" },
	/* the SE gave our chain up, S(ABORT response) is out */
	{ PH_ABORT, EV_I_LAST, "00 9000", "C0", "6.1" },
	{ PH_ABORT, EV_I_MORE, "20 AA", "C0", "6.1" },
	{ PH_ABORT, EV_I_OLD, "40 9000", "C0", "6.1" },
	{ PH_ABORT, EV_R_SAME, "80", "FAIL", "9" },
	{ PH_ABORT, EV_R_SAME, "81", "E2", "9" },
	{ PH_ABORT, EV_R_NEXT, "90", "FAIL", "9" },
	{ PH_ABORT, EV_WTX, "C3 02", "C0", "6.1" },
	{ PH_ABORT, EV_IFS, "C1 10", "C0", "6.1" },
	{ PH_ABORT, EV_ABORT, "C2", "E2", "7.3" },
	{ PH_ABORT, EV_STRAY, "E1 10", "WAIT", "doubled" },
	{ PH_ABORT, EV_BAD, "!90", "C0", "6.1" },
	{ PH_ABORT, EV_TIMEOUT, "", "C0", "6.1" },
	/* we gave our chain up after R(1), S(ABORT request) is out */
	{ PH_STOP, EV_I_LAST, "00 9000", "WAIT", "doubled" },
	{ PH_STOP, EV_I_MORE, "20 AA", "WAIT", "doubled" },
	{ PH_STOP, EV_I_OLD, "40 9000", "WAIT", "doubled" },
	{ PH_STOP, EV_R_SAME, "91", "C2", "7.3" },
	{ PH_STOP, EV_R_SAME, "90", "WAIT", "7.3" },
	{ PH_STOP, EV_R_NEXT, "81", "C2", "7.3" },
	{ PH_STOP, EV_WTX, "C3 02", "WAIT", "9" },
	{ PH_STOP, EV_IFS, "C1 10", "WAIT", "9" },
	{ PH_STOP, EV_ABORT, "C2", "E2", "9" },
	{ PH_STOP, EV_RESPONSE, "E2", "FAIL", "9" },
	{ PH_STOP, EV_STRAY, "E0", "WAIT", "doubled" },
	{ PH_STOP, EV_BAD, "!E2", "C2", "7.3" },
	{ PH_STOP, EV_TIMEOUT, "", "C2", "7.3" },
	/* S(RESYNCH request) is out */
	{ PH_RESYNCH, EV_I_LAST, "00 9000", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_I_MORE, "20 AA", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_I_OLD, "40 9000", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_R_SAME, "81", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_R_NEXT, "90", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_WTX, "C3 02", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_IFS, "C1 10", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_ABORT, "C2", "WAIT", "6.2" },
	{ PH_RESYNCH, EV_RESPONSE, "E0", "WAIT", "6.2, 6.3" },
	{ PH_RESYNCH, EV_STRAY, "E1 FE", "WAIT", "doubled" },
	{ PH_RESYNCH, EV_BAD, "!E0", "C0", "6.4" },
	{ PH_RESYNCH, EV_TIMEOUT, "", "C0", "6.4" },
	/* it has been answered: silence is due */
	{ PH_QUIET, EV_I_LAST, "00 9000", "WAIT", "late" },
	{ PH_QUIET, EV_I_MORE, "20 AA", "WAIT", "late" },
	{ PH_QUIET, EV_I_OLD, "40 9000", "WAIT", "late" },
	{ PH_QUIET, EV_R_SAME, "81", "WAIT", "late" },
	{ PH_QUIET, EV_R_NEXT, "90", "WAIT", "late" },
	{ PH_QUIET, EV_WTX, "C3 02", "WAIT", "late" },
	{ PH_QUIET, EV_IFS, "C1 10", "WAIT", "late" },
	{ PH_QUIET, EV_ABORT, "C2", "WAIT", "late" },
	{ PH_QUIET, EV_STRAY, "E0", "WAIT", "late" },
	{ PH_QUIET, EV_BAD, "!E0", "WAIT", "late" },
	{ PH_QUIET, EV_TIMEOUT, "", "DONE", "6.3" },
};

/* clang-format on */

static void bring_to(struct se_t1 *t1, enum se_t1_phase phase, struct se_t1_action *act)
{
	static const u8 cmd[] = { 0x80, 0x10, 0x00, 0x00, 0x00 };
	static u8 rsp[16];
	bool chain = phase == PH_COMMAND || phase == PH_ABORT || phase == PH_STOP;

	switch (phase) {
	case PH_REQUEST:
		se_t1_start_ifs(t1, 254, act);
		break;
	case PH_RESYNCH:
	case PH_QUIET:
		se_t1_start_resynch(t1, act);
		break;
	default:
		se_t1_start_apdu(t1, cmd, chain ? 5 : 4, rsp, sizeof(rsp), act);
	}
	if (phase == PH_CHAIN) {
		se_test_feed(t1, "20 AA", act);
	} else if (phase == PH_ABORT) {
		se_test_feed(t1, "C2", act);
	} else if (phase == PH_STOP) {
		se_test_feed(t1, "LEAVE", act);
		se_test_feed(t1, "90", act);
	} else if (phase == PH_QUIET) {
		se_test_feed(t1, "E0", act);
	}
}

static enum se_t1_event event_of(const struct se_t1 *t1, const char *text)
{
	struct se_t1_rx rx = { .timeout = true };
	u8 block[SE_TEST_BLOCK];
	size_t n;

	if (!*text)
		return EV_TIMEOUT;
	n = se_test_block(t1->dialect, true, text + (*text == '!'), block);
	if (*text == '!')
		block[n - 1] ^= 0x01;
	return se_t1_classify(t1, block, n, &rx);
}

static void try_row(struct kunit *test, const struct se_t1_dialect *d, const struct row *row)
{
	struct se_t1_action act;
	struct se_t1 t1;
	size_t n = strlen(row->rule);

	se_test_link(test, &t1, d, 4);
	bring_to(&t1, row->phase, &act);
	KUNIT_EXPECT_EQ_MSG(test, (int)t1.phase, (int)row->phase, "%s: %s", d->name, row->in);
	KUNIT_EXPECT_EQ_MSG(test, (int)event_of(&t1, row->in), (int)row->event,
			    "%s: %s in phase %d", d->name, row->in, row->phase);
	se_test_feed(&t1, row->in, &act);
	se_test_expect(test, &t1, &act, row->out, row->in, row->phase);
	KUNIT_EXPECT_TRUE_MSG(test, act.rule && !strncmp(act.rule, row->rule, n),
			      "%s: %s in phase %d: rule %s", d->name, row->in, row->phase,
			      act.rule ? act.rule : "none");
}

static void every_row(struct kunit *test)
{
	size_t i;
	u32 id;

	for (id = 0; id < SE_TEST_DIALECTS; id++)
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			try_row(test, se_t1_dialect_by_id(id), &rows[i]);
}

static bool has_response(int phase)
{
	return phase == PH_REQUEST || phase == PH_STOP || phase == PH_RESYNCH;
}

static void no_row_left_out(struct kunit *test)
{
	static bool seen[PH_NR][EV_NR];
	int phase, event;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		seen[rows[i].phase][rows[i].event] = true;
	for (phase = PH_IDLE + 1; phase < PH_NR; phase++)
		for (event = 0; event < EV_NR; event++)
			KUNIT_EXPECT_EQ_MSG(test, seen[phase][event],
					    event != EV_RESPONSE || has_response(phase),
					    "phase %d, event %d", phase, event);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_row),
	KUNIT_CASE(no_row_left_out),
	{}
};

struct kunit_suite se_t1_rule_suite = {
	.name = "se-t1-rule",
	.test_cases = cases,
};
