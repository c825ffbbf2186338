// SPDX-License-Identifier: Apache-2.0
/*
 * Golden vectors of SCP03 as published with pySim's tests (AES-128, level 33,
 * pseudo-random challenge), played from the card's side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "softse/profile.h"
#include "softse/scp03.h"

static const char aid_hex[] = "A0000005591010FFFFFFFF8900000100";
static const uint8_t seq[] = {0, 0, 3};

static size_t unhex(const char *text, uint8_t *out)
{
	int n = parse_hex(text, out, 300);

	assert_true(n >= 0);
	return (size_t)n;
}

static void open_session(struct scp03 *s)
{
	struct scp03_keys keys = {.kvn = 0x30, .len = 16};
	uint8_t host[8], aid[16], want[32], rsp[32], cmd[64];
	size_t len;

	unhex("000102030405060708090A0B0C0D0E0F", keys.enc);
	unhex("101112131415161718191A1B1C1D1E1F", keys.mac);
	unhex("202122232425262728292A2B2C2D2E2F", keys.dek);
	unhex("FDF38259A1E0DE44", host);
	unhex(aid_hex, aid);
	assert_int_equal(scp03_initialize(s, &keys, 0x70, host, seq, aid, 16, NULL, rsp, &len),
			 0);
	assert_int_equal(len, unhex("000000000000000000003003703B1ACA81E821F219081CDC01C26B372D"
				    "000003",
				    want));
	assert_memory_equal(rsp, want, len);
	len = unhex("84823300108C36F96BCC00724A4E13AD591D7DA3F0", cmd);
	assert_int_equal(scp03_authenticate(s, cmd, cmd + 5, len - 5), 0x9000);
	assert_int_equal(s->state, SCP03_OPEN);
	assert_int_equal(s->level, 0x33);
}

/* @wrapped without Le */
static void unwrap(struct scp03 *s, const char *wrapped, const char *clear)
{
	uint8_t cmd[300], want[300];
	size_t len = unhex(wrapped, cmd) - 5;

	assert_int_equal(cmd[4], len);
	assert_int_equal(scp03_unwrap(s, cmd, 0, cmd + 5, &len), 0x9000);
	assert_int_equal(len, unhex(clear, want));
	assert_memory_equal(cmd + 5, want, len);
}

static void test_level_33(void **state)
{
	struct scp03 s = {0};
	uint8_t rsp[64], want[64];
	size_t len;

	(void)state;
	open_session(&s);
	unwrap(&s, "84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87F",
	       "BF3E035C015A");
	len = unhex("BF3E125A1089882119900000000000000000000005", rsp);
	assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x9000), 0);
	assert_int_equal(len, unhex("F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B2"
				    "5097CB2E68F8A0144975B9",
				    want));
	assert_memory_equal(rsp, want, len);
	/* counters 2 to 5: those without data count */
	unwrap(&s, "84F2200208AC6A59024BED84CC", "");
	unwrap(&s, "84CA006608409912AD8FB7AED0", "");
	unwrap(&s, "84F22002185F3DAFC3AC14C381536A488BF44E06D056DF9D74DBD21E5A",
	       "4F0212345C054F9F70C5");
	unwrap(&s, "84F280021865165105BE3373347D0424D4400AF2AC393F569EC779389E", "4F00");
}

static void test_error_answers_are_bare(void **state)
{
	struct scp03 s = {0};
	uint8_t rsp[32] = {0};
	size_t len = 0;

	(void)state;
	open_session(&s);
	unwrap(&s, "84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87F",
	       "BF3E035C015A");
	assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x6a88), 0);
	assert_int_equal(len, 0);
	assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x6310), 0);
	assert_int_equal(len, 8);
}

static void test_wrong_mac_closes(void **state)
{
	static const struct scp03 closed;
	struct scp03 s = {0};
	uint8_t cmd[64];
	size_t len;

	(void)state;
	open_session(&s);
	len = unhex("84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87E", cmd) - 5;
	assert_int_equal(scp03_unwrap(&s, cmd, 0, cmd + 5, &len), 0x6982);
	/* and not a byte of a key stays */
	assert_memory_equal(&s, &closed, sizeof(s));
}

static void test_authenticate_refuses(void **state)
{
	static const struct {
		const char *cmd;
		uint16_t sw;
	} cases[] = {
		{"84823300108C36F96BCC00724B4E13AD591D7DA3F0", 0x6300},
		{"84823300108C36F96BCC00724A4E13AD591D7DA3F1", 0x6982},
		{"84820200108C36F96BCC00724A4E13AD591D7DA3F0", 0x6a86},
		{"848233000F8C36F96BCC00724A4E13AD591D7DA3", 0x6700},
	};
	struct scp03_keys keys = {.kvn = 0x30, .len = 16};
	uint8_t host[8], aid[16], rsp[32], cmd[64];
	struct scp03 s = {0};
	size_t len;

	(void)state;
	unhex("000102030405060708090A0B0C0D0E0F", keys.enc);
	unhex("101112131415161718191A1B1C1D1E1F", keys.mac);
	unhex("FDF38259A1E0DE44", host);
	unhex(aid_hex, aid);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			scp03_initialize(&s, &keys, 0x70, host, seq, aid, 16, NULL, rsp, &len),
			0);
		len = unhex(cases[i].cmd, cmd);
		assert_int_equal(scp03_authenticate(&s, cmd, cmd + 5, len - 5), cases[i].sw);
		assert_int_equal(s.state, SCP03_NONE);
		assert_int_equal(scp03_authenticate(&s, cmd, cmd + 5, len - 5), 0x6985);
	}
	/* a card without R-MAC does not offer it */
	memset(rsp, 0, sizeof(rsp));
	assert_int_equal(scp03_initialize(&s, &keys, 0x00, host, seq, aid, 16, rsp, cmd, &len),
			 0);
	assert_int_equal(len, 29);
	len = unhex("84821100108C36F96BCC00724A4E13AD591D7DA3F0", cmd);
	assert_int_equal(scp03_authenticate(&s, cmd, cmd + 5, len - 5), 0x6a86);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level_33),
		cmocka_unit_test(test_error_answers_are_bare),
		cmocka_unit_test(test_wrong_mac_closes),
		cmocka_unit_test(test_authenticate_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
