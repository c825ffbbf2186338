// SPDX-License-Identifier: Apache-2.0
/*
 * The operations of ISecureElement, each on softse's card behind a socket, and the access
 * rules that its ARA-M applet keeps; the rules by themselves with golden vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "unit/card_socket.h"
#include "hal/ara.h"
#include "hal/hal.h"
#include "libse/se.h"

#define APPLETS (1U << 0 | 1U << 6) /* places in softse/applet.c: test, ara */
#define OBJECT_RULE 0xe2
#define OBJECT_TAG 0xdf20
#define MANY 40

static const uint8_t test_aid[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 1, 2};
static const uint8_t no_aid[] = {0xf0, 'N', 'O', 'N', 'E'};
static struct se_hal *hal;
static char told[512];
static uint8_t rsp[SE_RAPDU_MAX];
static size_t rsp_len;

static void on_state(void *userdata, bool connected, const char *reason)
{
	(void)userdata;
	/* an operation from within: it must not be locked */
	(void)se_hal_fd(hal);
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%c%s\n",
		 connected ? '+' : '-', reason);
}

static int setup(void **state)
{
	(void)state;
	told[0] = 0;
	cs.resets = 0;
	cs.hang_up = false;
	assert_int_equal(se_hal_new(&hal, cs.open, 5000), 0);
	assert_int_equal(se_hal_init(hal, on_state, NULL), SE_HAL_OK);
	assert_string_equal(told, "+initialised\n");
	told[0] = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cs.hang_up = false;
	se_hal_free(hal);
	return 0;
}

static enum se_hal_status open_test(const struct ara_caller *who, struct se_hal_channel *ch)
{
	return se_hal_open_logical_channel(hal, who, test_aid, sizeof(test_aid), 0, ch);
}

/* One APDU, CLA given by the channel; the status word, or minus the status. */
static int send_on(unsigned int number, uint8_t ins, uint8_t p1, uint8_t p2)
{
	uint8_t cla = (uint8_t)(number < 4 ? 0x80 | number : 0xc0 | (number - 4));
	uint8_t cmd[] = {cla, ins, p1, p2, 0x00};
	enum se_hal_status s =
		se_hal_transmit(hal, cmd, sizeof(cmd), rsp, sizeof(rsp), &rsp_len);

	if (s != SE_HAL_OK)
		return s < 0 ? s : -100 - (int)s;
	return rsp[rsp_len - 2] << 8 | rsp[rsp_len - 1];
}

#define REFUSED(status) (-100 - (int)(status))

/* ---- operations ---- */

static void test_init(void **state)
{
	struct se_hal *none;

	(void)state;
	assert_int_equal(se_hal_new(&none, "socket:/nonexistent/se", 0), 0);
	assert_false(se_hal_is_card_present(none));
	assert_int_equal(se_hal_init(none, on_state, NULL), SE_HAL_IOERROR);
	assert_string_equal(told, "-the secure element does not answer\n");
	assert_false(se_hal_is_card_present(none));
	assert_int_equal(se_hal_fd(none), -1);
	assert_int_equal(se_hal_reset(none), SE_HAL_FAILED);
	se_hal_free(none);
	/* another client: the channels of the first are gone */
	struct se_hal_channel ch;

	assert_int_equal(open_test(NULL, &ch), SE_HAL_OK);
	assert_int_equal(se_hal_init(hal, on_state, NULL), SE_HAL_OK);
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), REFUSED(SE_HAL_FAILED));
	/* before init there is nothing */
	assert_int_equal(se_hal_new(&none, cs.open, 0), 0);
	assert_int_equal(
		se_hal_open_logical_channel(none, NULL, test_aid, sizeof(test_aid), 0, &ch),
		SE_HAL_IOERROR);
	se_hal_free(none);
}

static void test_atr_and_presence(void **state)
{
	uint8_t atr[SE_ATR_MAX];
	size_t len;

	(void)state;
	assert_int_equal(se_hal_get_atr(hal, atr, &len), SE_HAL_OK);
	assert_in_range(len, 4, SE_ATR_MAX);
	assert_int_equal(atr[0], 0x3b);
	assert_true(se_hal_is_card_present(hal));
	cs.hang_up = true;
	assert_false(se_hal_is_card_present(hal));
	assert_string_equal(told, "-the secure element has gone\n");
	assert_int_equal(se_hal_get_atr(hal, atr, &len), SE_HAL_OK);
	assert_int_equal(len, 0);
	cs.hang_up = false;
	told[0] = 0;
	se_hal_dispatch(hal);
	assert_string_equal(told, "+the secure element has come\n");
	assert_true(se_hal_is_card_present(hal));
}

static void test_logical(void **state)
{
	static const uint8_t select[] = {0x00, 0x70, 0x00, 0x00, 0x01};
	struct se_hal_channel ch[SE_HAL_CHANNELS], more;
	size_t n;

	(void)state;
	for (n = 0; n < SE_HAL_CHANNELS; n++)
		if (open_test(NULL, &ch[n]) != SE_HAL_OK)
			break;
	/* as many as ISO has, and each is told from the others */
	assert_int_equal(n, 19);
	for (size_t i = 0; i < n; i++) {
		assert_in_range(ch[i].number, 1, 19);
		assert_true(ch[i].response_len >= 2);
		assert_int_equal(ch[i].response[ch[i].response_len - 2], 0x90);
		assert_int_equal(send_on(ch[i].number, 0x50, 0, 0), 0x9000);
		assert_int_equal(rsp[0], ch[i].number);
	}
	assert_int_equal(open_test(NULL, &more), SE_HAL_CHANNEL_NOT_AVAILABLE);
	assert_int_equal(more.number, 0);
	assert_int_equal(se_hal_close_channel(hal, ch[7].number), SE_HAL_OK);
	assert_int_equal(se_hal_close_channel(hal, ch[7].number), SE_HAL_FAILED);
	assert_int_equal(send_on(ch[7].number, 0x50, 0, 0), REFUSED(SE_HAL_FAILED));
	assert_int_equal(open_test(NULL, &more), SE_HAL_OK);
	assert_int_equal(more.number, ch[7].number);
	assert_int_equal(se_hal_close_channel(hal, 0), SE_HAL_FAILED);
	assert_int_equal(se_hal_close_channel(hal, 20), SE_HAL_FAILED);
	assert_int_equal(
		se_hal_transmit(hal, select, sizeof(select), rsp, sizeof(rsp), &rsp_len),
		SE_HAL_FAILED);
	assert_string_equal(told, "");
}

static void test_open_errors(void **state)
{
	static const uint8_t p2s[] = {0x04, 0x08, 0x0c};
	struct se_hal_channel ch;

	(void)state;
	assert_int_equal(se_hal_open_logical_channel(hal, NULL, no_aid, sizeof(no_aid), 0, &ch),
			 SE_HAL_NO_SUCH_ELEMENT_ERROR);
	assert_int_equal(
		se_hal_open_logical_channel(hal, NULL, no_aid, sizeof(no_aid), 0x04, &ch),
		SE_HAL_NO_SUCH_ELEMENT_ERROR);
	assert_int_equal(se_hal_open_basic_channel(hal, NULL, no_aid, sizeof(no_aid), 0, &ch),
			 SE_HAL_NO_SUCH_ELEMENT_ERROR);
	assert_int_equal(se_hal_open_logical_channel(hal, NULL, test_aid, 4, 0, &ch),
			 SE_HAL_NO_SUCH_ELEMENT_ERROR);
	assert_int_equal(
		se_hal_open_logical_channel(hal, NULL, test_aid, sizeof(test_aid), 0x10, &ch),
		SE_HAL_UNSUPPORTED_OPERATION);
	/* what is said of P2 is the card's word */
	for (size_t i = 0; i < sizeof(p2s); i++) {
		enum se_hal_status s = se_hal_open_logical_channel(
			hal, NULL, test_aid, sizeof(test_aid), p2s[i], &ch);

		assert_true(s == SE_HAL_OK || s == SE_HAL_UNSUPPORTED_OPERATION);
		if (s == SE_HAL_OK) {
			assert_int_equal(send_on(ch.number, 0x50, 0, 0), 0x9000);
			assert_int_equal(rsp[0], ch.number);
		}
	}
	/* nothing was left open by those that failed */
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(se_hal_open_logical_channel(hal, NULL, no_aid, sizeof(no_aid),
							     0x04, &ch),
				 SE_HAL_NO_SUCH_ELEMENT_ERROR);
	assert_int_equal(se_hal_open_logical_channel(hal, NULL, NULL, 0, 0, &ch), SE_HAL_OK);
	assert_int_equal(ch.response[0], 0x6f); /* the ISD's FCI */
}

static void test_basic(void **state)
{
	struct se_hal_channel ch;

	(void)state;
	assert_int_equal(send_on(0, 0x50, 0, 0), REFUSED(SE_HAL_FAILED));
	assert_int_equal(
		se_hal_open_basic_channel(hal, NULL, test_aid, sizeof(test_aid), 0, &ch),
		SE_HAL_OK);
	assert_int_equal(ch.number, 0);
	assert_int_equal(send_on(0, 0x50, 0, 0), 0x9000);
	assert_int_equal(rsp[0], 0);
	/* after one that failed it is nobody's */
	assert_int_equal(se_hal_open_basic_channel(hal, NULL, no_aid, sizeof(no_aid), 0, &ch),
			 SE_HAL_NO_SUCH_ELEMENT_ERROR);
	assert_int_equal(send_on(0, 0x50, 0, 0), REFUSED(SE_HAL_FAILED));
}

static void test_transmit(void **state)
{
	uint8_t cmd[] = {0x80, 0x40, 0x01, 0x00, 0x00, 0x00, 0x00}, small[8];
	struct se_hal_channel ch;

	(void)state;
	assert_int_equal(open_test(NULL, &ch), SE_HAL_OK);
	assert_int_equal(send_on(ch.number, 0xee, 0, 0), 0x6d00); /* any status word is well */
	cmd[0] = (uint8_t)(0x80 | ch.number);
	assert_int_equal(se_hal_transmit(hal, cmd, sizeof(cmd), rsp, sizeof(rsp), &rsp_len),
			 SE_HAL_OK);
	assert_int_equal(rsp_len, 258); /* extended */
	assert_int_equal(se_hal_transmit(hal, cmd, sizeof(cmd), small, sizeof(small), &rsp_len),
			 SE_HAL_FAILED);
	assert_int_equal(rsp_len, 0);
	assert_int_equal(se_hal_transmit(hal, cmd, 3, rsp, sizeof(rsp), &rsp_len),
			 SE_HAL_FAILED);
	cmd[0] = 0xff;
	assert_int_equal(se_hal_transmit(hal, cmd, sizeof(cmd), rsp, sizeof(rsp), &rsp_len),
			 SE_HAL_FAILED);
	/* the link fails: the interface has this code for it */
	cs.hang_up = true;
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), REFUSED(SE_HAL_CHANNEL_NOT_AVAILABLE));
	assert_string_equal(told, "-the secure element has gone\n");
	assert_int_equal(open_test(NULL, &ch), SE_HAL_IOERROR);
}

static void test_reset(void **state)
{
	struct se_hal_channel ch;

	(void)state;
	assert_int_equal(open_test(NULL, &ch), SE_HAL_OK);
	assert_int_equal(se_hal_reset(hal), SE_HAL_OK);
	assert_string_equal(told, "-reset\n+reset\n");
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), REFUSED(SE_HAL_FAILED));
	assert_int_equal(open_test(NULL, &ch), SE_HAL_OK);
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), 0x9000);
	/* by somebody else */
	told[0] = 0;
	cs.resets = 1;
	se_hal_dispatch(hal);
	assert_string_equal(told, "-the secure element was reset\n"
				  "+the secure element is ready\n");
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), REFUSED(SE_HAL_FAILED));
	assert_int_equal(open_test(NULL, &ch), SE_HAL_OK);
}

/* ---- access rules on the card ---- */

static struct entry *ara(void)
{
	for (size_t i = 0; i < cs.card.n_entries; i++) {
		struct entry *e = cs.card.entries[i];

		if (e->code && e->aid.len == ARA_AID_LEN && !memcmp(e->aid.v, ara_aid, 9))
			return e;
	}
	fail_msg("the card has no ARA-M");
	return NULL;
}

/* The rule number @id, and a new refresh tag, past the applet's commands. */
static void put_rule(uint16_t id, const char *hex)
{
	static uint8_t tag[ARA_TAG_LEN];
	uint8_t rule[1024];
	size_t len;

	assert_int_equal(se_from_hex(hex, strlen(hex), rule, sizeof(rule), &len), 0);
	tag[0]++;
	pthread_mutex_lock(&cs.lock);
	assert_int_equal(entry_put_object(&cs.card, ara(), OBJECT_RULE, id, rule, len), 0x9000);
	assert_int_equal(entry_put_object(&cs.card, ara(), OBJECT_TAG, 0, tag, sizeof(tag)),
			 0x9000);
	pthread_mutex_unlock(&cs.lock);
}

static void no_rules(void)
{
	struct entry *e = ara();

	pthread_mutex_lock(&cs.lock);
	for (size_t i = e->n_objects; i-- > 0;)
		if (e->objects[i].tag == OBJECT_RULE)
			entry_drop_object(e, &e->objects[i]);
	pthread_mutex_unlock(&cs.lock);
	put_rule(0, "E10C4F05F04E4F4E45C100CA0161E303D00100"); /* of no use to anybody */
}

#define TEST_AID "4F09F0534553414D450102"
/* SHA-1 and SHA-256 of "abc" (FIPS 180-4), which stands for a certificate */
#define ABC1 "A9993E364706816ABA3E25717850C26C9CD0D89D"
#define ABC256 "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"

static struct ara_caller abc(void)
{
	struct ara_caller c = {0};

	assert_int_equal(ara_caller_add_certificate(&c, "abc", 3), 0);
	return c;
}

static void test_rules(void **state)
{
	struct ara_caller signer = abc(), nobody = {0};
	struct se_hal_channel ch;
	uint8_t reads;

	(void)state;
	no_rules();
	assert_int_equal(open_test(&signer, &ch), SE_HAL_EX_SECURITY);
	assert_int_equal(open_test(NULL, &ch), SE_HAL_OK); /* who enforces them itself */
	assert_int_equal(se_hal_close_channel(hal, ch.number), SE_HAL_OK);
	/* allowed to the one signer, by either hash */
	put_rule(1, "E121" TEST_AID "C114" ABC1 "E303D00101");
	assert_int_equal(open_test(&signer, &ch), SE_HAL_OK);
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), 0x9000);
	assert_int_equal(open_test(&nobody, &ch), SE_HAL_EX_SECURITY);
	put_rule(1, "E12D" TEST_AID "C120" ABC256 "E303D00101");
	assert_int_equal(open_test(&signer, &ch), SE_HAL_OK);
	assert_int_equal(open_test(&nobody, &ch), SE_HAL_EX_SECURITY);
	/* kept: one GET DATA each, for the refresh tag */
	pthread_mutex_lock(&cs.lock);
	cs.seen[0xca] = 0;
	pthread_mutex_unlock(&cs.lock);
	assert_int_equal(open_test(&signer, &ch), SE_HAL_OK);
	assert_int_equal(open_test(&signer, &ch), SE_HAL_OK);
	pthread_mutex_lock(&cs.lock);
	reads = cs.seen[0xca];
	pthread_mutex_unlock(&cs.lock);
	assert_int_equal(reads, 2);
	/* changed: the next opening knows; a channel that is open stays */
	put_rule(1, "E12D" TEST_AID "C120" ABC256 "E303D00100");
	assert_int_equal(send_on(ch.number, 0x50, 0, 0), 0x9000);
	assert_int_equal(open_test(&signer, &ch), SE_HAL_EX_SECURITY);
	/* everybody, on every application */
	put_rule(1, "E1044F00C100E303D00101");
	assert_int_equal(open_test(&nobody, &ch), SE_HAL_OK);
	assert_int_equal(
		se_hal_open_basic_channel(hal, &nobody, test_aid, sizeof(test_aid), 0, &ch),
		SE_HAL_OK);
	/* what the ARA-M says is no rule */
	put_rule(1, "E1044F00C100E303D00102");
	assert_int_equal(open_test(&nobody, &ch), SE_HAL_EX_SECURITY);
}

static void test_filters(void **state)
{
	static const uint8_t select[] = {0x00, 0xa4, 0x04, 0x00, 0x00};
	struct ara_caller signer = abc();
	struct se_hal_channel ch;
	uint8_t cmd[5];
	unsigned int apdus;

	(void)state;
	no_rules();
	/* INS 50 of any parameters, INS 20 with P1P2 = 0001 */
	put_rule(1, "E121" TEST_AID "C114" ABC1 "E312D01080500000FFFF000080200001FFFFFFFF");
	assert_int_equal(open_test(&signer, &ch), SE_HAL_OK);
	assert_int_equal(send_on(ch.number, 0x50, 0x12, 0x34), 0x9000);
	assert_int_equal(send_on(ch.number, 0x20, 0, 1), 0x9000);
	apdus = atomic_load(&cs.apdus);
	assert_int_equal(send_on(ch.number, 0x20, 0, 2), SE_HAL_EX_SECURITY);
	assert_int_equal(send_on(ch.number, 0x40, 0, 1), SE_HAL_EX_SECURITY);
	/* past the rule, to another application */
	memcpy(cmd, select, sizeof(cmd));
	cmd[0] = ch.number;
	assert_int_equal(se_hal_transmit(hal, cmd, sizeof(cmd), rsp, sizeof(rsp), &rsp_len),
			 SE_HAL_EX_SECURITY);
	assert_int_equal(atomic_load(&cs.apdus), apdus); /* nothing was sent */
}

/* More rules than one answer has room for, and a caller whose rule is the last. */
static void test_many_rules(void **state)
{
	struct ara_caller signer = abc();
	struct se_hal_channel ch;
	char rule[128];

	(void)state;
	no_rules();
	for (uint16_t i = 1; i < MANY; i++) {
		snprintf(rule, sizeof(rule), "E11D4F05F0000000%02XC114%040XE303D00101", i, i);
		put_rule(i, rule);
	}
	put_rule(MANY, "E121" TEST_AID "C114" ABC1 "E303D00101");
	assert_int_equal(open_test(&signer, &ch), SE_HAL_OK);
	signer.hashes[0].bytes[0] ^= 1;
	signer.n_hashes = 1;
	assert_int_equal(open_test(&signer, &ch), SE_HAL_EX_SECURITY);
}

/* ---- the rules by themselves ---- */

static const char *decide(const char *rules, const char *aid, const struct ara_caller *who,
			  const char *header)
{
	static struct ara_verdict v;
	struct ara_rules *r = NULL;
	uint8_t data[512], name[16], cmd[4];
	size_t len, aid_len, n;

	assert_int_equal(se_from_hex(rules, strlen(rules), data, sizeof(data), &len), 0);
	assert_int_equal(se_from_hex(aid, strlen(aid), name, sizeof(name), &aid_len), 0);
	assert_int_equal(se_from_hex(header, strlen(header), cmd, sizeof(cmd), &n), 0);
	if (ara_rules_parse(&r, data, len))
		return "bad";
	ara_rules_decide(r, name, aid_len, who, &v);
	ara_rules_free(r);
	if (!v.allowed)
		return "denied";
	return ara_verdict_allows(&v, cmd, n) ? "sent" : "kept back";
}

#define ALL_ALWAYS "E20BE1044F00C100E303D00101"
#define ONE "4F05A000000001"
#define APP "A000000001"

static void test_decisions(void **state)
{
	struct ara_caller me = abc(), other = {0};
	static const struct {
		const char *rules, *aid, *header, *me, *other;
	} t[] = {
		{"", APP, "80500000", "denied", "denied"},
		{ALL_ALWAYS, APP, "80500000", "sent", "sent"},
		{ALL_ALWAYS, "", "80500000", "sent", "sent"},
		/* specific and NEVER goes before all and ALWAYS */
		{ALL_ALWAYS "E210E109" ONE "C100E303D00100", APP, "80500000", "denied",
		 "denied"},
		{ALL_ALWAYS "E210E109" ONE "C100E303D00100", APP "02", "80500000", "sent",
		 "sent"},
		/* a rule for another shuts out the rules for everybody */
		{ALL_ALWAYS "E224E11D" ONE "C114" ABC1 "E303D00101", APP, "80500000", "sent",
		 "denied"},
		{ALL_ALWAYS "E21FE1184F00C114" ABC1 "E303D00100", APP, "80500000", "denied",
		 "denied"},
		/* the beginning of a name is no way around it */
		{ALL_ALWAYS "E211E10A4F06A00000000102C100E303D00100", APP, "80500000", "denied",
		 "denied"},
		/* the same reference twice: NEVER, or the filters */
		{ALL_ALWAYS "E20BE1044F00C100E303D00100", APP, "80500000", "denied", "denied"},
		{ALL_ALWAYS "E212E1044F00C100E30AD0088050000080FF0000", APP, "80500000", "sent",
		 "sent"},
		{ALL_ALWAYS "E212E1044F00C100E30AD0088050000080FF0000", APP, "80510000",
		 "kept back", "kept back"},
		/* the default application, by C0 */
		{"E20BE104C000C100E303D00101", "", "80500000", "sent", "sent"},
		{"E20BE104C000C100E303D00101", APP, "80500000", "denied", "denied"},
		/* of NFC only; of carrier privileges only */
		{"E20BE1044F00C100E303D10101", APP, "80500000", "denied", "denied"},
		{ALL_ALWAYS "E217E109" ONE "C100E30ADB080000000000000001", APP, "80500000",
		 "sent", "sent"},
		/* MANAGE CHANNEL and SELECT by name never */
		{ALL_ALWAYS, APP, "00700000", "kept back", "kept back"},
		{ALL_ALWAYS, APP, "01A40400", "kept back", "kept back"},
		{ALL_ALWAYS, APP, "00A40000", "sent", "sent"},
		/* CLA without its channel: 81, C2 and, chained, 91 are 80 */
		{"E212E1044F00C100E30AD00880500000FFFF0000", APP, "81500000", "sent", "sent"},
		{"E212E1044F00C100E30AD00880500000FFFF0000", APP, "C2500000", "sent", "sent"},
		{"E212E1044F00C100E30AD00880500000FFFF0000", APP, "91500000", "sent", "sent"},
		{"E212E1044F00C100E30AD00880500000FFFF0000", APP, "84500000", "kept back",
		 "kept back"},
		{"E212E1044F00C100E30AD00884500000FFFF0000", APP, "E2500000", "kept back",
		 "kept back"},
		/* what is not understood */
		{"E20BE1044F00C100E303D00102", APP, "80500000", "bad", "bad"},
		{"E20BE1044F00C100E303D001", APP, "80500000", "bad", "bad"},
		{ALL_ALWAYS "E300", APP, "80500000", "bad", "bad"},
		{"E209E1024F00E303D00101", APP, "80500000", "bad", "bad"},
		{"E20FE1044F00C100E307D0058050000080", APP, "80500000", "bad", "bad"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *a = decide(t[i].rules, t[i].aid, &me, t[i].header);

		if (strcmp(a, t[i].me))
			fail_msg("%zu: %s, not %s", i, a, t[i].me);
		a = decide(t[i].rules, t[i].aid, &other, t[i].header);
		if (strcmp(a, t[i].other))
			fail_msg("%zu: for others %s, not %s", i, a, t[i].other);
	}
	/* a rule for a package of the signer */
	assert_string_equal(decide("E20EE1074F00C100CA0170E303D00101", APP, &me, "80500000"),
			    "denied");
	strcpy(me.package, "p");
	assert_string_equal(decide("E20EE1074F00C100CA0170E303D00101", APP, &me, "80500000"),
			    "sent");
}

static void test_reading(void **state)
{
	static const uint8_t tag[] = {0xdf, 0x20, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0};
	static const uint8_t head[] = {0xff, 0x40, 13, 0xe2, 0x0b, 0x90, 0};
	static const uint8_t rest[] = {0xe1, 4, 0x4f, 0, 0xc1, 0, 0xe3, 3, 0xd0, 1, 1, 0x90, 0};
	static const uint8_t nothing[] = {0x90, 0}, none[] = {0x6a, 0x88};
	struct ara a = {0};
	uint8_t cmd[ARA_CMD_LEN];

	(void)state;
	ara_begin(&a);
	assert_int_equal(ara_next(&a, cmd), 1);
	assert_memory_equal(cmd, "\x80\xca\xdf\x20\x00", 5);
	assert_int_equal(ara_answer(&a, tag, sizeof(tag)), 0);
	assert_int_equal(ara_next(&a, cmd), 1);
	assert_memory_equal(cmd, "\x80\xca\xff\x40\x00", 5);
	assert_int_equal(ara_answer(&a, head, sizeof(head)), 0);
	assert_int_equal(ara_next(&a, cmd), 1);
	assert_memory_equal(cmd, "\x80\xca\xff\x60\x00", 5);
	assert_int_equal(ara_answer(&a, rest, sizeof(rest)), 0);
	assert_int_equal(ara_next(&a, cmd), 0);
	assert_int_equal(ara_rules_count(a.rules), 1);
	/* the same tag: that was all */
	ara_begin(&a);
	assert_int_equal(ara_answer(&a, tag, sizeof(tag)), 0);
	assert_int_equal(ara_next(&a, cmd), 0);
	/* without progress, it is no answer, and the rules are gone */
	ara_forget(&a);
	ara_begin(&a);
	assert_int_equal(ara_answer(&a, tag, sizeof(tag)), 0);
	assert_int_equal(ara_answer(&a, head, sizeof(head)), 0);
	assert_int_equal(ara_answer(&a, nothing, sizeof(nothing)), -EBADMSG);
	assert_null(a.rules);
	ara_begin(&a);
	assert_int_equal(ara_answer(&a, tag, sizeof(tag)), 0);
	assert_int_equal(ara_answer(&a, none, sizeof(none)), 0);
	assert_int_equal(ara_rules_count(a.rules), 0);
	ara_begin(&a);
	assert_int_equal(ara_answer(&a, none, sizeof(none)), -EREMOTEIO);
	assert_null(a.rules);
	ara_forget(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_init, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atr_and_presence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_logical, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_basic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transmit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_rules, setup, teardown),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_reading),
	};
	int failed;

	if (cs_start(APPLETS))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cs_stop() || failed;
}
