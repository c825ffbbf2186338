// SPDX-License-Identifier: Apache-2.0
/* Data groupings, read and put into STORE DATA commands (EMV CPS 1.1; GPCS 11.11). */
#include "gp_content.h"
#include <errno.h>

#include "gp/dgi.h"

static int read_text(const char *text, struct gp_dgis *d, struct gp_error *err)
{
	return gp_dgis_read((const uint8_t *)text, strlen(text), d, err);
}

static void test_read(void **state)
{
	static const uint8_t bytes[] = {0x01, 0x01, 0x02, 0xaa, 0xbb, 0x81,
					0x13, 0x01, 0xcc, 0x9f, 0x10, 0x00};
	struct gp_error err = {0};
	struct gp_dgis d;

	(void)state;
	assert_int_equal(gp_dgis_read(bytes, sizeof(bytes), &d, &err), 0);
	assert_int_equal(d.nr, 3);
	assert_int_equal(d.dgi[0].id, 0x0101);
	same_bytes(d.dgi[0].data.p, d.dgi[0].data.len, "AABB");
	assert_false(d.dgi[0].encrypt);
	/* GPCS wants secret keys enciphered, whoever forgets to say so */
	assert_int_equal(d.dgi[1].id, GP_DGI_SECRET_KEY);
	assert_true(d.dgi[1].encrypt);
	assert_int_equal(d.dgi[2].data.len, 0);
	gp_dgis_clear(&d);

	assert_int_equal(read_text("# the card's data\r\n"
				   "0101 02 AABB # two bytes\n"
				   "!8201 03\n\t01 02 03\n"
				   "9f1000",
				   &d, &err),
			 0);
	assert_int_equal(d.nr, 3);
	assert_false(d.dgi[0].encrypt);
	assert_int_equal(d.dgi[1].id, 0x8201);
	assert_true(d.dgi[1].encrypt);
	same_bytes(d.dgi[1].data.p, d.dgi[1].data.len, "010203");
	assert_false(d.dgi[2].encrypt);
	gp_dgis_clear(&d);
	assert_null(d.dgi);
}

static void test_long(void **state)
{
	static const size_t lens[] = {0, 254, 255, 256, 65535};
	struct gp_dgis d, again;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint8_t *file = calloc(1, lens[i] + 5);
		size_t head = lens[i] >= 255 ? 5 : 3;

		assert_non_null(file);
		file[1] = 0x70;
		file[2] = head == 5 ? 0xff : (uint8_t)lens[i];
		if (head == 5) {
			file[3] = (uint8_t)(lens[i] >> 8);
			file[4] = (uint8_t)lens[i];
		}
		assert_int_equal(gp_dgis_read(file, head + lens[i], &d, NULL), 0);
		assert_int_equal(d.nr, 1);
		assert_int_equal(d.dgi[0].data.len, lens[i]);
		gp_dgis_clear(&d);
		for (size_t cut = 1; cut < head + lens[i]; cut = 2 * cut + 1)
			assert_int_equal(gp_dgis_read(file, head + lens[i] - cut, &again, NULL),
					 -EBADMSG);
		free(file);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"", "no data grouping"},
		{"# nothing\n", "no data grouping"},
		{"0101", "cut short"},
		{"010102AA", "cut short"},
		{"0101FF00", "cut short"},
		{"0101FF0002AABB", "in one"},
		{"0101 0", "half a byte"},
		{"01 01 0 1 AA", "half a byte"},
		{"0101\n01\n0g", "line 3"},
		{"0101 01 !AA", "inside a data grouping"},
		{"0101 01 AA !", "before no data grouping"},
		{"! !0101 01 AA", "inside a data grouping"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gp_error err = {0};
		struct gp_dgis d;

		assert_int_equal(read_text(bad[i].text, &d, &err), -EBADMSG);
		assert_string_equal(err.code, "bad-dgi-file");
		if (!strstr(err.detail, bad[i].words))
			fail_msg("\"%s\": %s", bad[i].text, err.detail);
		assert_null(d.memory);
	}
}

static void test_limits(void **state)
{
	const size_t room = 3 * (size_t)GP_DGI_FILE_MAX + 1;
	uint8_t *big = malloc(room);
	struct gp_dgis d = {0};

	(void)state;
	assert_non_null(big);
	memset(big, '0', room);
	assert_int_equal(gp_dgis_read(big, room, &d, NULL), -E2BIG);
	memset(big, 0, room);
	/* 0000 00: as many empty groupings as there may be, then one more */
	assert_int_equal(gp_dgis_read(big, 3 * (size_t)GP_DGI_MAX, &d, NULL), 0);
	assert_int_equal(d.nr, GP_DGI_MAX);
	assert_int_equal(gp_dgis_add(&d, 1, big, 1, false), -E2BIG);
	gp_dgis_clear(&d);
	assert_int_equal(gp_dgis_read(big, 3 * (size_t)GP_DGI_MAX + 3, &d, NULL), -E2BIG);
	assert_int_equal(gp_dgis_read(big, GP_DGI_FILE_MAX + 1, &d, NULL), -E2BIG);
	assert_int_equal(gp_dgis_add(&d, 1, big, 0x10000, false), -E2BIG);
	assert_int_equal(d.nr, 0);
	gp_dgis_clear(&d);
	free(big);
}

/* P1, P2 and data of each command, one after the other */
static void same_commands(const struct gp_apdu *cmds, size_t nr, const char *const *want)
{
	for (size_t i = 0; i < nr; i++) {
		char head[5];

		assert_non_null(want[i]);
		assert_int_equal(cmds[i].cla, 0x80);
		assert_int_equal(cmds[i].ins, GP_INS_STORE_DATA);
		snprintf(head, sizeof(head), "%02X%02X", cmds[i].p1, cmds[i].p2);
		assert_memory_equal(head, want[i], 4);
		same_bytes(cmds[i].data, cmds[i].len, want[i] + 4);
	}
	assert_null(want[nr]);
}

static void free_commands(struct gp_apdu *cmds, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		gp_apdu_clear(&cmds[i]);
	free(cmds);
}

static void check_store(const char *text, const struct gp_dgi_params *params,
			const char *const *want)
{
	struct gp_error err = {0};
	struct gp_apdu *cmds;
	struct gp_dgis d;
	size_t nr;

	assert_int_equal(read_text(text, &d, &err), 0);
	assert_int_equal(gp_dgis_store(&d, params, &cmds, &nr, &err), 0);
	same_commands(cmds, nr, want);
	free_commands(cmds, nr);
	gp_dgis_clear(&d);
}

static void test_store(void **state)
{
	const struct gp_dgi_params one = {.size = 10, .pack = GP_DGI_ONE};
	const struct gp_dgi_params full = {.size = 10, .pack = GP_DGI_FULL};
	const struct gp_dgi_params response = {.size = 255, .response = true};
	struct gp_apdu *cmds;
	struct gp_dgis d;
	size_t nr;

	(void)state;
	check_store("0101 02 AABB  0102 01 CC", &one,
		    (const char *[]){"0800010102AABB", "8801010201CC", NULL});
	check_store("0101 02 AABB  0102 01 CC", &full,
		    (const char *[]){"8800010102AABB010201CC", NULL});
	/* a value is cut, identifier and length never */
	check_store("0101 0A 00010203040506070809 0102 03 AABBCC", &one,
		    (const char *[]){"080001010A00010203040506", "0801070809",
				     "8802010203AABBCC", NULL});
	check_store(
		"0101 0A 00010203040506070809 0102 03 AABBCC", &full,
		(const char *[]){"080001010A00010203040506", "8801070809010203AABBCC", NULL});
	check_store("0101 04 00010203 0102 01 AA", &full,
		    (const char *[]){"080001010400010203", "8801010201AA", NULL});
	/* an empty grouping needs room for its head only */
	check_store("0101 04 00010203 0102 00", &full,
		    (const char *[]){"880001010400010203010200", NULL});
	/* exactly full */
	check_store("0101 07 00010203040506", &one,
		    (const char *[]){"880001010700010203040506", NULL});
	/* clear and enciphered never in one command; enciphered already: sent as it is */
	check_store(
		"0101 01 AA !8201 02 BBCC !8202 01 DD 0102 00", &full,
		(const char *[]){"0800010101AA", "6801820102BBCC820201DD", "8802010200", NULL});
	assert_int_equal(read_text("0101 01 AA", &d, NULL), 0);
	assert_int_equal(gp_dgis_store(&d, &response, &cmds, &nr, NULL), 0);
	assert_int_equal(cmds[0].p1, 0x89);
	assert_int_equal(cmds[0].le, GP_LE_ANY);
	free_commands(cmds, nr);
	gp_dgis_clear(&d);
}

/* "enciphers" by turning all bits over, and counts */
static int turn(void *ctx, const uint8_t *clear, size_t len, uint8_t *out, struct gp_error *err)
{
	(void)err;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)~clear[i];
	++*(int *)ctx;
	return 0;
}

static int no_key(void *ctx, const uint8_t *clear, size_t len, uint8_t *out,
		  struct gp_error *err)
{
	(void)ctx;
	(void)clear;
	(void)len;
	(void)out;
	return gp_fail(err, -ENOKEY, "no-dek", "there is no data encryption key");
}

static void test_encipher(void **state)
{
	int calls = 0;
	const struct gp_dek dek = {turn, &calls, 8}, missing = {no_key, NULL, 8}, odd = {0};
	struct gp_dgi_params p = {.size = 255, .dek = &dek};
	struct gp_error err = {0};
	struct gp_apdu *cmds;
	struct gp_dgis d;
	size_t nr;

	(void)state;
	p.pad = GP_DGI_PAD_NONE;
	check_store("!8201 08 0001020304050607 0101 01 AA", &p,
		    (const char *[]){"6800820108FFFEFDFCFBFAF9F8", "8801010101AA", NULL});
	p.pad = GP_DGI_PAD_FILL;
	check_store("!8201 08 0001020304050607", &p,
		    (const char *[]){"E800820108FFFEFDFCFBFAF9F8", NULL});
	check_store("!8201 07 00010203040506", &p,
		    (const char *[]){"E800820108FFFEFDFCFBFAF9FF", NULL});
	p.pad = GP_DGI_PAD_80;
	check_store("!8201 07 00010203040506", &p,
		    (const char *[]){"E800820108FFFEFDFCFBFAF97F", NULL});
	check_store("!8201 08 0001020304050607", &p,
		    (const char *[]){"E800820110FFFEFDFCFBFAF9F87FFFFFFFFFFFFFFF", NULL});
	assert_int_equal(calls, 5);

	assert_int_equal(read_text("!8201 07 00010203040506", &d, NULL), 0);
	p.pad = GP_DGI_PAD_NONE;
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -EINVAL);
	assert_non_null(strstr(err.detail, "8201"));
	assert_null(cmds);
	p.pad = GP_DGI_PAD_80;
	p.dek = &missing;
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -ENOKEY);
	assert_string_equal(err.code, "no-dek");
	p.dek = &odd;
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -EINVAL);
	p.dek = NULL;
	for (p.size = 0; p.size < 6; p.size++)
		assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -EINVAL);
	p.size = GP_LC_EXTENDED + 1;
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -EINVAL);
	gp_dgis_clear(&d);
	p.size = 255;
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -EINVAL); /* none */
}

static void test_many(void **state)
{
	const struct gp_dgi_params p = {.size = 255};
	struct gp_dgis d = {0};
	struct gp_error err;
	struct gp_apdu *cmds;
	size_t nr;

	(void)state;
	for (uint16_t i = 0; i < 256; i++)
		assert_int_equal(gp_dgis_add(&d, i, (const uint8_t *)"x", 1, false), 0);
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), 0);
	assert_int_equal(nr, 256);
	assert_int_equal(cmds[255].p2, 0xff);
	assert_int_equal(cmds[255].p1, 0x88);
	assert_int_equal(cmds[254].p1, 0x08);
	free_commands(cmds, nr);
	assert_int_equal(gp_dgis_add(&d, 256, NULL, 0, false), 0);
	assert_int_equal(gp_dgis_store(&d, &p, &cmds, &nr, &err), -E2BIG);
	gp_dgis_clear(&d);
}

/* GPCS table 11-92 and 8113, written by hand */
static void test_keys(void **state)
{
	uint8_t value[16];
	struct gp_dgi_key keys[2] = {
		{.usage = 0x18,
		 .access = 0,
		 .type = 0x88,
		 .kid = 1,
		 .kvn = 0x30,
		 .value = value,
		 .len = 16,
		 .kcv = {0x50, 0x4a, 0x77}},
		{.usage = 0x14,
		 .access = 0,
		 .type = 0x88,
		 .kid = 2,
		 .kvn = 0x30,
		 .value = value,
		 .len = 16,
		 .kcv = {0x50, 0x4a, 0x77}},
	};
	struct gp_dgis d = {0};
	struct gp_error err;

	(void)state;
	memset(value, 0x42, sizeof(value));
	assert_int_equal(gp_dgis_add_keys(&d, keys, 2, &err), 0);
	assert_int_equal(d.nr, 3);
	assert_int_equal(d.dgi[0].id, GP_DGI_KEY_INFO);
	assert_false(d.dgi[0].encrypt);
	same_bytes(d.dgi[0].data.p, d.dgi[0].data.len,
		   "B917"
		   "950118"
		   "960100"
		   "800188"
		   "810110"
		   "820101"
		   "830130"
		   "8403504A77"
		   "B917"
		   "950114"
		   "960100"
		   "800188"
		   "810110"
		   "820102"
		   "830130"
		   "8403504A77");
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(d.dgi[i].id, GP_DGI_SECRET_KEY);
		assert_true(d.dgi[i].encrypt);
		assert_int_equal(d.dgi[i].data.len, 16);
		assert_memory_equal(d.dgi[i].data.p, value, 16);
	}
	/* what cannot be added leaves all as it was */
	keys[1].len = 0;
	assert_int_equal(gp_dgis_add_keys(&d, keys, 2, &err), -EINVAL);
	assert_int_equal(gp_dgis_add_keys(&d, keys, 0, &err), -EINVAL);
	assert_int_equal(d.nr, 3);
	gp_dgis_clear(&d);
	assert_true(gp_dgi_is_secret(0x8137) && gp_dgi_is_secret(0x8112) &&
		    gp_dgi_is_secret(0x8125));
	assert_false(gp_dgi_is_secret(0x0036) || gp_dgi_is_secret(0x8126));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),  cmocka_unit_test(test_long),
		cmocka_unit_test(test_bad),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_store), cmocka_unit_test(test_encipher),
		cmocka_unit_test(test_many),  cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
