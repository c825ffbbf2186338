// SPDX-License-Identifier: Apache-2.0
/* Profile files: what they set, and what is said of one that is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "softse/profile.h"

static struct card_profile card;
static struct t1_params t1;
static struct fault_script faults;
static char err[512];

static int read_text(const char *text)
{
	char path[] = "/tmp/softse-profile-XXXXXX";
	int fd = mkstemp(path), ret;
	size_t len = strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	card_profile_default(&card);
	t1_params_default(&t1, t1_dialect("gp"));
	faults = (struct fault_script){0};
	err[0] = 0;
	ret = profile_read(path, &card, &t1, &faults, err, sizeof(err));
	unlink(path);
	return ret;
}

/* The profile of the documentation. */
static void test_se050(void **state)
{
	uint8_t want[64], atr[T1_ATR_MAX];
	int n = parse_hex("00A0000003960403E800FE020B03E80801000000006400000A"
			  "4A434F5034204154504F",
			  want, sizeof(want));

	(void)state;
	assert_int_equal(read_text("iin = A000000396              # the vendor\n"
				   "historical_bytes = 4A434F5034204154504F\n"
				   "pver = 0\nconfig = 8\nmcf_khz = 1000\nmpot = 10\n"
				   "segt_us = 100\n"
				   "dialect = um11225\n"),
			 0);
	assert_int_equal(t1_atr(&t1, atr), n);
	assert_memory_equal(atr, want, (size_t)n);
}

static void test_all_keys(void **state)
{
	(void)state;
	assert_int_equal(
		read_text("dialect = iso-crc\nifsc = 254\nifsd=33\nbwt_ms = 1\nwtx = 2\n"
			  "ifs_request = 1\nenforce = 1\nnad = 1221\nfiller = 00\n"
			  "physical_layer = i2c\npst_ms = 3\nwut = 4\nseal = 16\nrwgt_us = 7\n"
			  "atr = 3B00\nfault = drop:n=3\nfault = late:every=2,ms=4\n"
			  "channels = 4\ncin = 0102\n"),
		0);
	assert_string_equal(t1.dialect->name, "iso-crc");
	assert_int_equal(t1.ifsc, 254);
	assert_int_equal(t1.ifsd, 33);
	assert_int_equal(t1.bwt_ms, 1);
	assert_int_equal(t1.wtx, 2);
	assert_true(t1.ifs_request && t1.enforce && !t1.fill_ff);
	assert_int_equal(t1.nad_host, 0x12);
	assert_int_equal(t1.nad_se, 0x21);
	assert_int_equal(t1.physical, 2);
	assert_int_equal(t1.atr_len, 2);
	assert_int_equal(t1.rwgt_us, 7);
	assert_int_equal(faults.n, 2);
	assert_int_equal(faults.f[1].arg, 4);
	assert_int_equal(card.channels, 4);
	assert_int_equal(card.cin_len, 2);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"dialect = t1\n", ":1: dialect = 't1': expected gp, iso-lrc"},
		{"# x\n\nifsc = 4090\n", ":3: ifsc = '4090': expected a number from 8 to 4089"},
		{"dialect=nxp\nifsc = 255\n",
		 ":2: ifsc = '255': expected a number from 8 to 254"},
		{"nad = 21\n", ":1: nad = '21': expected two bytes"},
		{"nad = 2F12\n", ":1: nad = '2F12': expected two bytes"},
		{"filler = 01\n", ":1: filler = '01': expected 00 or FF"},
		{"enforce = yes\n", ":1: enforce = 'yes': expected 0 or 1"},
		{"atr = 3\n", ":1: atr = '3': expected 2 to 64 bytes"},
		{"physical_layer = i3c\n", "expected 'spi' or 'i2c'"},
		{"fault = dorp\n", ":1: fault 'dorp': no such fault"},
		{"ifsk = 3\n", ":1: unknown key 'ifsk'"},
		{"ifsc\n", ":1: 'ifsc': expected 'key = value'"},
	};
	char line[700];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text(cases[i].text), -EINVAL);
		if (!strstr(err, cases[i].says))
			fail_msg("'%s' is not in '%s'", cases[i].says, err);
	}
	memset(line, '#', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	assert_int_equal(read_text(line), -EINVAL);
	assert_non_null(strstr(err, ":1: too long"));
	assert_true(profile_read("/nonexistent", &card, &t1, &faults, err, sizeof(err)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_se050),
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
