// SPDX-License-Identifier: Apache-2.0
/*
 * Scripts of TS 102 226. Golden vectors: those marked "pySim" are the ones that
 * pySim's and njitech's test suites agree on; the others are written by hand from
 * the tables of 5.2.1 and 5.2.2.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "script/script.h"

static size_t hex(const char *s, uint8_t *out, size_t room)
{
	size_t n = 0;

	for (; *s; s++) {
		unsigned int byte;

		if (*s == ' ')
			continue;
		assert_int_equal(sscanf(s, "%2x", &byte), 1);
		assert_true(n < room);
		out[n++] = (uint8_t)byte;
		s++;
	}
	return n;
}

static void add(char *out, const char *text)
{
	assert_true(strlen(out) + strlen(text) < 4096);
	strcat(out, text);
}

/* decode in pieces of @piece bytes; what comes out as text: "C:00A4… I:81 E:" */
static int decode(enum script_format format, const uint8_t *data, size_t len, size_t piece,
		  char *out, struct script_error *err)
{
	static const char letters[] = "CIEH";
	struct script_decoder *d = script_decoder_new(format, NULL);
	struct script_item item;
	size_t pos = 0;
	int r = 0;

	assert_non_null(d);
	out[0] = '\0';
	for (;;) {
		size_t n = len - pos < piece ? len - pos : piece, used;
		char text[16];

		if (pos < len)
			r = script_decoder_feed(d, data + pos, n, &used, &item);
		else
			r = script_decoder_end(d, &item);
		if (pos < len)
			pos += used;
		if (r < 0)
			break;
		if (!r) {
			if (pos < len)
				continue;
			if (script_decoder_end(d, &item) <= 0) {
				r = script_decoder_end(d, &item);
				break;
			}
		}
		if (item.type == SCRIPT_ITEM_END) {
			add(out, ".");
			continue;
		}
		snprintf(text, sizeof(text), "%c%u:", letters[item.type], item.index);
		add(out, text);
		for (size_t i = 0; i < item.len; i++) {
			snprintf(text, sizeof(text), "%02X", item.data[i]);
			add(out, text);
		}
		add(out, " ");
	}
	*err = *script_decoder_error(d);
	script_decoder_free(d);
	return r;
}

static void check(enum script_format format, const char *script, const char *want, int result)
{
	uint8_t data[1024];
	size_t len = hex(script, data, sizeof(data)), piece;
	struct script_error err;
	char out[4096];

	for (piece = 1; piece <= len + 1; piece++) {
		int r = decode(format, data, len, piece, out, &err);

		assert_int_equal(r, result);
		assert_string_equal(out, want);
	}
}

static void test_expanded(void **state)
{
	(void)state;
	/* pySim */
	check(SCRIPT_EXPANDED, "AA0A 2208 80F24002024F0000", "C0:80F24002024F0000 .", 0);
	check(SCRIPT_EXPANDED, "AE80 2208 80F24002024F0000 0000", "C0:80F24002024F0000 .", 0);
	check(SCRIPT_EXPANDED, "AA00", ".", 0);
	check(SCRIPT_EXPANDED, "AE800000", ".", 0);
	check(SCRIPT_EXPANDED,
	      "AA21 830101 8200 2204 00A40400 810182 820105 220700A4040002 3F00 8202 8103 "
	      "2200A40400",
	      "H0:01 E0: C0:00A40400 I0:82 E0:05 C1:00A40400023F00 E0:8103 ", -EBADMSG);
	check(SCRIPT_EXPANDED, "AE80 830111 8200 2204 00A40400 810181 2205 00B0000000 0000",
	      "H0:11 E0: C0:00A40400 I0:81 C1:00B0000000 .", 0);
	/* lengths in long form, also longer than they need be */
	check(SCRIPT_EXPANDED, "AA8108 228204 00A40400", "", -EBADMSG);
	check(SCRIPT_EXPANDED, "AA820008 22820004 00A40400", "C0:00A40400 .", 0);
	check(SCRIPT_EXPANDED, "AA84 00000007 228104 00A40400", "C0:00A40400 .", 0);
}

static void test_compact(void **state)
{
	(void)state;
	check(SCRIPT_COMPACT, "", ".", 0);
	check(SCRIPT_COMPACT, "00A40000023F00 00B000000A", "C0:00A40000023F00 C1:00B000000A .",
	      0);
	check(SCRIPT_COMPACT, "80F00000 00 80F0000000", "C0:80F00000 C1:80F0000000 .", 0);
	check(SCRIPT_COMPACT, "00A40000023F00 00B00000", "C0:00A40000023F00 ", -EBADMSG);
	check(SCRIPT_COMPACT, "00A40000033F00", "", -EBADMSG);
}

struct bad {
	const char *script;
	int code;
	uint64_t offset;
	const char *what;
};

static const struct bad bad[] = {
	{"", SCRIPT_BAD_NO_LENGTH, 0, "empty"},
	{"AB00", SCRIPT_BAD_TAG, 0, "AB"},
	{"AA", SCRIPT_BAD_NO_LENGTH, 1, "cut short"},
	{"AA80", SCRIPT_BAD_NO_LENGTH, 1, "indefinite"},
	{"AE05", SCRIPT_BAD_LENGTH, 1, "05"},
	{"AA85", SCRIPT_BAD_LENGTH, 1, "length of 5 bytes"},
	{"AA0A22", SCRIPT_BAD_NO_LENGTH, 3, "cut short"},
	{"AA01 22 04", SCRIPT_BAD_NO_LENGTH, 3, "before the length"},
	{"AA0A 2308", SCRIPT_BAD_TAG, 2, "unknown tag 23"},
	{"AA0A 2209 80F24002024F0000", SCRIPT_BAD_LENGTH, 3, "past the template"},
	{"AA05 2203 80F240", SCRIPT_BAD_LENGTH, 3, "3 bytes"},
	{"AA0A 2208 80F24002034F0000 00", SCRIPT_BAD_LENGTH, 12, "after the end"},
	{"AA0A 2208 80F24002044F0000", SCRIPT_BAD_LENGTH, 8, "P3 04"},
	{"AA0A 2208 80F240", SCRIPT_BAD_LENGTH, 7, "5 bytes are missing"},
	{"AA0A 2204 80F24000", SCRIPT_BAD_LENGTH, 8, "4 of the template"},
	{"AE80 2204 80F24000", SCRIPT_BAD_LENGTH, 8, "end of contents"},
	{"AE80 2204 80F24000 00", SCRIPT_BAD_LENGTH, 9, "end of contents"},
	{"AE80 2204 80F24000 0001", SCRIPT_BAD_LENGTH, 9, "00 01"},
	{"AE80 2204 80F24000 0000 AA", SCRIPT_BAD_LENGTH, 10, "after the end"},
	{"AA03 8301 04", SCRIPT_BAD_TAG, 4, "chaining value 04"},
	{"AA04 8302 0101", SCRIPT_BAD_LENGTH, 3, "not 1"},
	{"AA02 8100", SCRIPT_BAD_LENGTH, 3, "empty immediate"},
	{"AA09 2204 80F24000 830101", SCRIPT_BAD_TAG, 8, "not the first"},
	{"AA06 22 84FFFFFFFF", SCRIPT_BAD_LENGTH, 3, "past the template"},
	{"AE80 22 84FFFFFFFF", SCRIPT_BAD_LENGTH, 3, "more than"},
	{"AE80 82 8200FF", SCRIPT_BAD_LENGTH, 6, "cut short"},
	{"AE80 82 820100", SCRIPT_BAD_LENGTH, 3, "more than 255"},
	{"AA84FFFFFFFF", SCRIPT_BAD_LENGTH, 1, "allowed"},
};

static void test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct script_summary sum;
		struct script_error err;
		uint8_t data[64];
		size_t len = hex(bad[i].script, data, sizeof(data)), piece;
		char out[4096];
		int r;

		r = script_check(SCRIPT_EXPANDED, NULL, data, len, &sum, &err);
		assert_true(r == -EBADMSG || r == -EMSGSIZE);
		if (err.offset != bad[i].offset || err.code != bad[i].code ||
		    !strstr(err.what, bad[i].what) || !err.hint[0])
			fail_msg("%s: code %u at %llu: %s (%s)", bad[i].script, err.code,
				 (unsigned long long)err.offset, err.what, err.hint);
		for (piece = 1; piece < len; piece++) {
			struct script_error again;

			assert_int_equal(decode(SCRIPT_EXPANDED, data, len, piece, out, &again),
					 r);
			assert_memory_equal(&again, &err, sizeof(err));
		}
	}
}

static void test_limits(void **state)
{
	const struct script_limits limits = {
		.capdu_max = 10, .commands_max = 2, .total_max = 40};
	struct script_summary sum;
	struct script_error err;
	uint8_t data[64];
	size_t len;

	(void)state;
	len = hex("AE80 2204 00A40400 2204 00A40400 2204 00A40400 0000", data, sizeof(data));
	assert_int_equal(script_check(SCRIPT_EXPANDED, &limits, data, len, &sum, &err),
			 -EMSGSIZE);
	assert_int_equal(sum.commands, 2);
	assert_non_null(strstr(err.what, "more than 2"));
	len = hex("AE80 220B 00A40400060102030405 06 0000", data, sizeof(data));
	assert_int_equal(script_check(SCRIPT_EXPANDED, &limits, data, len, &sum, &err),
			 -EMSGSIZE);
	len = hex("AE80 220A 00A404000501020304 05 0000", data, sizeof(data));
	assert_int_equal(script_check(SCRIPT_EXPANDED, &limits, data, len, &sum, &err), 0);
	assert_int_equal(sum.commands, 1);
	assert_int_equal(sum.capdu_longest, 10);
	assert_int_equal(sum.capdu_bytes, 10);
	assert_true(sum.indefinite);
	len = hex("AE80 820C 000102030405060708090A0B 820C 000102030405060708090A0B"
		  "820C 000102030405060708090A0B 0000",
		  data, sizeof(data));
	assert_int_equal(script_check(SCRIPT_EXPANDED, &limits, data, len, &sum, &err),
			 -EMSGSIZE);
	assert_int_equal(err.offset, 40);
	len = hex("AA28 8226", data, sizeof(data));
	assert_int_equal(script_check(SCRIPT_EXPANDED, &limits, data, len, &sum, &err),
			 -EMSGSIZE);
}

/* a C-APDU of the longest kind, fed in pieces */
static void test_extended(void **state)
{
	size_t len = 4 + 3 + 65535 + 2, pos, used;
	uint8_t head[] = {0xaa, 0x83, 0x01, 0x00, 0x0c, 0x22, 0x83, 0x01, 0x00, 0x08};
	struct script_decoder *d = script_decoder_new(SCRIPT_EXPANDED, NULL);
	uint8_t *apdu = calloc(1, len);
	struct script_item item;
	int r = 0;

	(void)state;
	assert_non_null(apdu);
	apdu[1] = 0xd6;
	apdu[5] = 0xff;
	apdu[6] = 0xff;
	head[3] = (uint8_t)((len + 5) >> 8);
	head[4] = (uint8_t)(len + 5);
	head[8] = (uint8_t)(len >> 8);
	head[9] = (uint8_t)len;
	assert_int_equal(len, 0x10008);
	assert_int_equal(script_decoder_feed(d, head, sizeof(head), &used, &item), 0);
	assert_int_equal(used, sizeof(head));
	for (pos = 0; pos < len; pos += used) {
		r = script_decoder_feed(d, apdu + pos, len - pos < 1000 ? len - pos : 1000,
					&used, &item);
		assert_true(r >= 0 && used);
	}
	assert_int_equal(r, 1);
	assert_int_equal(item.len, len);
	assert_int_equal(script_capdu_case(item.data, item.len), 0x14);
	assert_int_equal(script_decoder_end(d, &item), 1);
	assert_int_equal(item.type, SCRIPT_ITEM_END);
	assert_int_equal(script_decoder_end(d, &item), 0);
	script_decoder_free(d);
	free(apdu);
}

static void test_case(void **state)
{
	uint8_t a[16] = {0x00, 0xa4, 0x04, 0x00};

	(void)state;
	assert_int_equal(script_capdu_case(a, 3), -EINVAL);
	assert_int_equal(script_capdu_case(a, 4), 1);
	assert_int_equal(script_capdu_case(a, 5), 2);
	a[4] = 2;
	assert_int_equal(script_capdu_case(a, 5), 2);
	assert_int_equal(script_capdu_case(a, 6), -EINVAL);
	assert_int_equal(script_capdu_case(a, 7), 3);
	assert_int_equal(script_capdu_case(a, 8), 4);
	assert_int_equal(script_capdu_case(a, 9), -EINVAL);
	a[4] = 0;
	assert_int_equal(script_capdu_case(a, 6), -EINVAL);
	assert_int_equal(script_capdu_case(a, 7), 0x12);
	assert_int_equal(script_capdu_case(a, 9), -EINVAL);
	a[6] = 2;
	assert_int_equal(script_capdu_case(a, 9), 0x13);
	assert_int_equal(script_capdu_case(a, 10), -EINVAL);
	assert_int_equal(script_capdu_case(a, 11), 0x14);
}

static void check_response(const char *want, bool indefinite, enum script_tail tail,
			   uint8_t value, uint32_t executed, const char *const *rapdus)
{
	uint8_t out[512], expected[512];
	uint64_t bytes = 0;
	size_t n, i;

	for (i = 0; rapdus[i]; i++)
		bytes += script_rapdu_size(strlen(rapdus[i]) / 2);
	n = script_rsp_begin(out, indefinite, executed, bytes, tail, value);
	assert_true(n <= SCRIPT_PIECE_MAX);
	for (i = 0; rapdus[i]; i++) {
		n += script_rsp_rapdu(out + n, strlen(rapdus[i]) / 2);
		n += hex(rapdus[i], out + n, sizeof(out) - n);
	}
	n += script_rsp_end(out + n, indefinite, tail, value);
	assert_int_equal(n, hex(want, expected, sizeof(expected)));
	assert_memory_equal(out, expected, n);
}

static void test_response(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const one[] = {"6132", NULL};
	static const char *const two[] = {"9000", "0102039000", NULL};

	(void)state;
	/* pySim */
	check_response("AB07 800101 2302 6132", false, SCRIPT_TAIL_NONE, 0, 1, one);
	check_response("AB06 800101 900101", false, SCRIPT_TAIL_BAD_FORMAT, SCRIPT_BAD_TAG, 1,
		       none);
	check_response("AB06 800101 830102", false, SCRIPT_TAIL_CHAINING,
		       SCRIPT_CHAIN_UNSUPPORTED, 1, none);
	check_response("AF80 2302 6132 0000", true, SCRIPT_TAIL_NONE, 0, 1, one);
	/* by hand */
	check_response("AF80 2302 9000 2305 0102039000 900102 0000", true,
		       SCRIPT_TAIL_BAD_FORMAT, SCRIPT_BAD_LENGTH, 2, two);
	check_response("AB11 800102 2302 9000 2305 0102039000 810101", false,
		       SCRIPT_TAIL_IMMEDIATE, SCRIPT_IMMEDIATE_SUSPENSION, 2, two);
	check_response("AB03 80017F", false, SCRIPT_TAIL_NONE, 0, 127, none);
	check_response("AB04 80020080", false, SCRIPT_TAIL_NONE, 0, 128, none);
	check_response("AB05 8003010000", false, SCRIPT_TAIL_NONE, 0, 65536, none);
}

static void test_response_long(void **state)
{
	uint8_t out[SCRIPT_PIECE_MAX];

	(void)state;
	assert_int_equal(script_rapdu_size(127), 129);
	assert_int_equal(script_rapdu_size(128), 131);
	assert_int_equal(script_rapdu_size(256), 260);
	assert_int_equal(script_rapdu_size(65538), 65543);
	assert_int_equal(script_rsp_rapdu(out, 258), 4);
	assert_memory_equal(out, "\x23\x82\x01\x02", 4);
	assert_int_equal(script_rsp_begin(out, false, 0xffffffff, 0x1000000, 0, 0), 13);
	assert_memory_equal(out, "\xab\x84\x01\x00\x00\x07\x80\x05\x00\xff\xff\xff\xff", 13);
	assert_int_equal(script_rsp_compact(out, 3, 0x9000), 3);
	assert_memory_equal(out, "\x03\x90\x00", 3);
}

static bool matches(const struct se_sw_match *m, uint16_t sw)
{
	int i;

	for (i = 0; i < SE_SW_MATCHES; i++) {
		if (m[i].mask && (sw & m[i].mask) == (m[i].value & m[i].mask))
			return true;
	}
	return false;
}

static void test_goes_on(void **state)
{
	struct se_sw_match expect[SE_SW_MATCHES];
	uint32_t sw;

	(void)state;
	script_expect(expect);
	for (sw = 0; sw <= 0xffff; sw++) {
		if (sw != 0x62f1)
			assert_true(matches(expect, (uint16_t)sw) ==
				    script_goes_on((uint16_t)sw));
	}
	assert_true(script_goes_on(0x9000));
	assert_true(script_goes_on(0x6310));
	assert_true(script_goes_on(0x6283));
	assert_true(script_goes_on(0x910c));
	assert_false(script_goes_on(0x62f1));
	assert_false(script_goes_on(0x6a82));
	assert_false(script_goes_on(0x6982));
	assert_false(script_goes_on(0x6400));
	assert_false(script_goes_on(0x9300));
}

/* TS 102 223, 6.6.1 and 9.4: with the tag D0 and without, flag set or not */
static void test_actions(void **state)
{
	static const uint8_t refresh[] = {0xd0, 0x05, 0x81, 0x03, 0x01, 0x01, 0x04};
	static const uint8_t longer[] = {0xd0, 0x81, 0x05, 0x01, 0x03, 0x01, 0x20, 0x00};
	static const uint8_t bare[] = {0x01, 0x03, 0x02, 0x77, 0x00};
	static const uint8_t cut[] = {0xd0, 0x06, 0x81, 0x03, 0x01, 0x01, 0x04};
	static const uint8_t record[] = {0x07};
	char words[SCRIPT_ACTION_WORDS];

	(void)state;
	assert_int_equal(script_action_type(refresh, sizeof(refresh)), 0x01);
	assert_int_equal(script_action_type(longer, sizeof(longer)), 0x20);
	assert_int_equal(script_action_type(bare, sizeof(bare)), 0x77);
	assert_int_equal(script_action_type(cut, sizeof(cut)), -1);
	assert_int_equal(script_action_type(refresh, 0), -1);
	script_action_words(refresh, sizeof(refresh), words, sizeof(words));
	assert_string_equal(words, "REFRESH");
	script_action_words(bare, sizeof(bare), words, sizeof(words));
	assert_string_equal(words, "proactive command 77");
	script_action_words(record, sizeof(record), words, sizeof(words));
	assert_string_equal(words, "record 7 of the actions file");
	script_action_words(cut, sizeof(cut), words, sizeof(words));
	assert_string_equal(words, "not a proactive command");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions),	      cmocka_unit_test(test_expanded),
		cmocka_unit_test(test_compact),	      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),	      cmocka_unit_test(test_extended),
		cmocka_unit_test(test_case),	      cmocka_unit_test(test_response),
		cmocka_unit_test(test_response_long), cmocka_unit_test(test_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
