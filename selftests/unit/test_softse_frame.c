// SPDX-License-Identifier: Apache-2.0
/* What comes over byte streams and out of files: vpcd, T=1 over a stream, ATR, recordings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "softse/frame.h"
#include "softse/record.h"

static void test_vpcd(void **state)
{
	static const uint8_t in[] = {0x00, 0x01, 0x04, 0x00, 0x05,
				     0x00, 0xa4, 0x04, 0x00, 0x00};

	(void)state;
	assert_int_equal(vpcd_frame(in, 0), 0);
	assert_int_equal(vpcd_frame(in, 2), 0);
	assert_int_equal(vpcd_frame(in, 3), 3);
	assert_int_equal(vpcd_frame(in, sizeof(in)), 3);
	assert_int_equal(vpcd_frame(in + 3, 6), 0);
	assert_int_equal(vpcd_frame(in + 3, 7), 7);
	assert_int_equal(vpcd_frame((const uint8_t *)"\0\0", 2), 2);
}

static void test_t1s(void **state)
{
	static const uint8_t up[] = {0xf0, 0x00, 0x00, 0xf0};
	static const uint8_t block[] = {0x80, 0x00, 0x04, 0x00, 0xc0, 0x00, 0xc0, 0x84};
	static const uint8_t huge[] = {0x80, 0x10, 0x01};
	uint8_t out[32], bad[8];

	(void)state;
	assert_int_equal(t1s_put(out, T1S_POWER_UP, NULL, 0), sizeof(up));
	assert_memory_equal(out, up, sizeof(up));
	assert_int_equal(t1s_put(out, T1S_BLOCK, block + 3, 4), sizeof(block));
	assert_memory_equal(out, block, sizeof(block));
	for (size_t n = 0; n < sizeof(block); n++)
		assert_int_equal(t1s_frame(block, n), 0);
	assert_int_equal(t1s_frame(block, sizeof(block)), sizeof(block));
	assert_int_equal(t1s_frame(up, sizeof(up)), sizeof(up));
	for (size_t i = 0; i < 8 * sizeof(block); i++) {
		memcpy(bad, block, sizeof(bad));
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(t1s_frame(bad, sizeof(bad)) <= 0);
	}
	assert_int_equal(t1s_frame(huge, sizeof(huge)), -EBADMSG);
	assert_int_equal(t1s_frame((const uint8_t *)"\x81", 1), -EBADMSG);
}

static void test_atr(void **state)
{
	static const struct {
		const char *atr;
		size_t len;
		int ret;
		uint8_t ifsc;
		int crc;
	} cases[] = {
		/* vicc's; one with TA3, TB3; with TC3 = 1; T=0 only; no interface bytes */
		{"\x3b\x95\x13\x81\x01\x80\x73\xff\x01\x00\x0b", 11, 1, 32, 0},
		{"\x3b\x80\x81\x31\xfe\x45\x00", 7, 1, 0xfe, 0},
		{"\x3b\x80\x81\x71\x20\x45\x01\x00", 8, 1, 32, 1},
		{"\x3b\x80\x00", 3, 0, 32, 0},
		{"\x3f\x00", 2, 0, 32, 0},
		/* T=15 in between: TA3 is not T=1's */
		{"\x3b\x80\x81\x1f\x03\x00", 6, 1, 32, 0},
		{"\x3b\x80", 2, -EBADMSG, 32, 0},
		{"\x3b\x80\x81\x71\x20\x45", 6, -EBADMSG, 32, 0},
		{"\x3b\x05\x01", 3, -EBADMSG, 0, 0},
		{"\x3b\x80\x81\x11\xff\x00", 6, -EBADMSG, 0xff, 0},
		{"\x3b\x80\x81\x11\x00\x00", 6, -EBADMSG, 0, 0},
		{"\x21\x00", 2, -EBADMSG, 32, 0},
		{"\x3b", 1, -EBADMSG, 32, 0},
	};
	uint8_t ifsc;
	int crc;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int ret = atr_t1((const uint8_t *)cases[i].atr, cases[i].len, &ifsc, &crc);

		assert_int_equal(ret, cases[i].ret);
		if (ret < 0)
			continue;
		assert_int_equal(ifsc, cases[i].ifsc);
		assert_int_equal(crc, cases[i].crc);
	}
}

static int parse(struct recording *rec, const char *text, char *err, size_t err_room)
{
	return record_parse(rec, text, strlen(text), err, err_room);
}

static void test_recording(void **state)
{
	static const char text[] = "# a session\n"
				   "reset\n"
				   "> 00A40400 08 A000000151000000 00\n"
				   "\t< 6F 10 9000  \n"
				   "\n"
				   "A>> T=1 (4+0000) 80CA9F7F 00\r\n"
				   "A<< (0045+2) (15ms) 9F7F00 9000";
	static const uint8_t select[] = {0x00, 0xa4, 0x04, 0x00, 0x08, 0xa0, 0,
					 0,    1,    0x51, 0,	 0,    0,    0};
	struct recording rec;
	char err[128];

	(void)state;
	assert_int_equal(parse(&rec, text, err, sizeof(err)), 0);
	assert_int_equal(rec.n, 5);
	assert_int_equal(rec.r[0].what, RECORD_RESET);
	assert_int_equal(rec.r[1].what, RECORD_COMMAND);
	assert_int_equal(rec.r[1].line, 3);
	assert_int_equal(rec.r[1].len, sizeof(select));
	assert_memory_equal(rec.r[1].data, select, sizeof(select));
	assert_int_equal(rec.r[2].len, 4);
	assert_int_equal(rec.r[3].len, 5);
	assert_int_equal(rec.r[3].line, 6);
	assert_int_equal(rec.r[4].len, 5);
	assert_memory_equal(rec.r[4].data, "\x9f\x7f\x00\x90\x00", 5);
	record_free(&rec);
}

static void test_recording_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "0: nothing"},
		{"# only this\n", "1: nothing"},
		{"> 00A4\n< 9000\n", "1: a command has four"},
		{"> 00A40400\n< 90\n", "2: a response has two"},
		{"> 00A40400\n> 00A40400\n< 9000\n", "2: the command before"},
		{"> 00A40400\nreset\n", "2: the command before"},
		{"> 00A40400\n", "1: the last command"},
		{"< 9000\n", "1: a response without"},
		{"> 00A40400\n< 9000\n< 9000\n", "3: a response without"},
		{"> 00A4040\n", "1: expected bytes"},
		{"> 00A40400 x\n", "1: expected bytes"},
		{"hello\n", "1: expected '>"},
	};
	struct recording rec;
	char err[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(parse(&rec, cases[i].text, err, sizeof(err)) < 0);
		assert_non_null(strstr(err, cases[i].says));
		assert_int_equal(rec.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vpcd),
		cmocka_unit_test(test_t1s),
		cmocka_unit_test(test_atr),
		cmocka_unit_test(test_recording),
		cmocka_unit_test(test_recording_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
