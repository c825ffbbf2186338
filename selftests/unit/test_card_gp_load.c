// SPDX-License-Identifier: Apache-2.0
/*
 * Large load files into softse's card: in more than 256 short blocks, in extended length, and
 * into cards that cannot do the one or the other.
 */
#include "gp_world.h"

#include "gp/cmd.h"
#include "softse/registry-check.h"

#define ELF "F0000000010101"
#define SHORT_MAX 261
#define EXTENDED_MAX 65544

/* historical bytes with card capabilities, without and with extended length (ISO/IEC 7816-4,
 * 12.1.1.9)
 */
static const uint8_t hist_short[] = {0x80, 0x73, 0xc8, 0x21, 0x10};
static const uint8_t hist_extended[] = {0x80, 0x73, 0xc8, 0x21, 0x50};

/* What is in the load file data block: nothing that repeats with the blocks. */
static uint8_t content(size_t i)
{
	return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

/* A plan that loads @size bytes at @level; @profile may be "". */
static struct gp_plan *load_plan(size_t size, const char *level, const char *profile)
{
	uint8_t *file = malloc(size + 5);
	sd_json_variant *v = NULL, *plan_json = NULL;
	struct gp_plan *plan = NULL;
	struct gp_error err = {0};
	char *text = NULL;
	size_t n = 0;

	assert_non_null(file);
	file[n++] = 0xc4;
	file[n++] = size < 0x10000 ? 0x82 : 0x83;
	if (size >= 0x10000)
		file[n++] = (uint8_t)(size >> 16);
	file[n++] = (uint8_t)(size >> 8);
	file[n++] = (uint8_t)size;
	for (size_t i = 0; i < size; i++)
		file[n++] = content(i);
	assert_true(sd_json_build(&v, SD_JSON_BUILD_BASE64(file, n)) >= 0);
	free(file);
	assert_true(
		sd_json_build(
			&plan_json,
			SD_JSON_BUILD_OBJECT(
				SD_JSON_BUILD_PAIR_UNSIGNED("version", 1),
				SD_JSON_BUILD_PAIR(
					"sessions",
					SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_OBJECT(
						SD_JSON_BUILD_PAIR_STRING("keys", "isd"),
						SD_JSON_BUILD_PAIR_STRING("level", level),
						SD_JSON_BUILD_PAIR_CONDITION(
							*profile != 0, "profile",
							SD_JSON_BUILD_STRING(profile))))),
				SD_JSON_BUILD_PAIR(
					"operations",
					SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_OBJECT(
						SD_JSON_BUILD_PAIR_STRING("op", "load"),
						SD_JSON_BUILD_PAIR_STRING("aid", ELF),
						SD_JSON_BUILD_PAIR_VARIANT("code", v)))))) >=
		0);
	assert_true(sd_json_variant_format(plan_json, 0, &text) >= 0);
	sd_json_variant_unref(v);
	sd_json_variant_unref(plan_json);
	if (gp_plan_parse(&plan, text, strlen(text), &err) ||
	    gp_plan_resolve(plan, NULL, NULL, &err))
		fail_msg("%s: %s", err.code, err.detail);
	free(text);
	return plan;
}

static const struct entry *loaded(struct world *w)
{
	static const uint8_t aid[] = {0xf0, 0x00, 0x00, 0x00, 0x01, 0x01, 0x01};

	for (size_t i = 0; i < w->card.n_entries; i++)
		if (w->card.entries[i]->aid.len == sizeof(aid) &&
		    !memcmp(w->card.entries[i]->aid.v, aid, sizeof(aid)))
			return w->card.entries[i];
	return NULL;
}

/* LOADs that the card took: their numbers go on by one from 00, the last one says so. */
static size_t check_blocks(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->logged; i++) {
		if (w->log[i].header[1] != GP_INS_LOAD)
			continue;
		assert_int_equal(w->log[i].sw, 0x9000);
		assert_int_equal(w->log[i].header[3], n & 0xff);
		n++;
		assert_int_equal(w->log[i].header[2],
				 i + 1 < w->logged && w->log[i + 1].header[1] == GP_INS_LOAD
					 ? 0x00
					 : 0x80);
	}
	return n;
}

static size_t load(struct world *w, size_t size, const char *level, const char *profile)
{
	struct gp_plan *plan = load_plan(size, level, profile);
	const struct entry *e;
	struct gp_error err = {0};

	if (world_run(w, plan, GP_RUN_FORWARD, NULL, &err))
		fail_msg("%zu bytes, level %s: %s: %s", size, level, err.code, err.detail);
	e = loaded(w);
	assert_non_null(e);
	assert_int_equal(e->data->len, size);
	for (size_t i = 0; i < size; i++)
		if (e->data->v[i] != content(i))
			fail_msg("byte %zu of %zu", i, size);
	assert_null(registry_check(&w->card));
	gp_plan_free(plan);
	return check_blocks(w);
}

static void test_sizes(void **state)
{
	static const struct {
		size_t size;
		const char *level;
		uint32_t max_capdu;
		size_t blocks;
	} cases[] = {
		/* 247 bytes fit beside a MAC, 239 if they are padded as well; 4 and 5 bytes of
		 * tag and length are in the first block
		 */
		{64 << 10, "c-mac", 0, (65536 + 5 + 246) / 247},
		{64 << 10, "c-mac,c-enc", SHORT_MAX, (65536 + 5 + 238) / 239},
		{200 << 10, "c-mac", SHORT_MAX, (204800 + 5 + 246) / 247},
		{200 << 10, "c-mac,c-enc,r-mac", SHORT_MAX, (204800 + 5 + 238) / 239},
		/* 65535 less the MAC of 8; encrypted 65519 */
		{64 << 10, "c-mac", EXTENDED_MAX, 2},
		{64 << 10, "c-mac,c-enc", EXTENDED_MAX, 2},
		{200 << 10, "c-mac", EXTENDED_MAX, 4},
		{200 << 10, "c-mac,c-enc,r-mac,r-enc", EXTENDED_MAX, 4},
		/* a channel that takes something in between: 4096 less 9 of header and lengths
		 */
		{64 << 10, "c-mac", 4096, (65536 + 5 + 4078) / 4079},
		{200 << 10, "c-mac,c-enc", 4096, (204800 + 5 + 4062) / 4063},
		/* too little for extended length to be worth it */
		{1000, "c-mac", SHORT_MAX + 1, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		size_t n;

		w->max_capdu = cases[i].max_capdu;
		n = load(w, cases[i].size, cases[i].level, "");
		if (n != cases[i].blocks)
			fail_msg("case %zu: %zu blocks, not %zu", i, n, cases[i].blocks);
		print_message("%zu bytes, %s, C-APDUs of up to %zu: %zu blocks, %u streams\n",
			      cases[i].size, cases[i].level, w->longest, n, w->batches);
		world_free(w);
	}
}

/* A card that ends at block FF. */
static void test_no_wrap(void **state)
{
	struct gp_error err = {0};
	struct gp_plan *plan;
	struct world *w = world_new();

	(void)state;
	w->card.profile.no_load_wrap = 1;
	/* 256 blocks are all right: 63232 bytes, tag and length among them */
	assert_int_equal(load(w, 63232 - 4, "c-mac", "gp-256-blocks"), 256);
	world_free(w);

	/* one more is refused before anything is sent that changes the card */
	w = world_new();
	w->card.profile.no_load_wrap = 1;
	plan = load_plan(63232 - 3, "c-mac", "gp-256-blocks");
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), -E2BIG);
	assert_string_equal(err.code, "too-long");
	assert_non_null(strstr(err.detail, "257 blocks of 247"));
	assert_non_null(strstr(err.detail, "gp-256-blocks"));
	for (size_t i = 0; i < w->logged; i++)
		assert_int_not_equal(w->log[i].header[1], GP_INS_INSTALL);
	/* and in the dry run, too */
	err = (struct gp_error){0};
	assert_int_equal(gp_plan_show(plan, &(sd_json_variant *){NULL}, &err), -E2BIG);
	assert_string_equal(err.code, "too-long");
	gp_plan_free(plan);
	world_free(w);

	/* whoever does not know that of the card is told by the card, which keeps nothing */
	w = world_new();
	w->card.profile.no_load_wrap = 1;
	plan = load_plan(64 << 10, "c-mac", "");
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), -EREMOTEIO);
	assert_string_equal(err.code, "card-refused");
	assert_non_null(strstr(err.detail, "6A86"));
	assert_null(loaded(w));
	gp_plan_free(plan);
	/* in extended length that card takes it */
	w->max_capdu = EXTENDED_MAX;
	w->logged = 0;
	assert_int_equal(load(w, 64 << 10, "c-mac", ""), 2);
	world_free(w);
}

/* Extended length by what the card says of itself, where no profile knows it. */
static void test_historical(void **state)
{
	static const struct {
		const uint8_t *hist;
		size_t len;
		uint32_t max_capdu;
		bool extended;
	} cases[] = {
		{hist_extended, sizeof(hist_extended), EXTENDED_MAX, true},
		{hist_extended, sizeof(hist_extended), SHORT_MAX, false},
		{hist_short, sizeof(hist_short), EXTENDED_MAX, false},
		{NULL, 0, EXTENDED_MAX, false},
	};
	/* INSTALL of more than 255 bytes: one extended command, or two short ones */
	char params[2 * 300 + 1], text[1024];

	(void)state;
	memset(params, '5', sizeof(params) - 1);
	params[sizeof(params) - 1] = 0;
	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"sessions\":[{\"keys\":\"isd\",\"profile\":"
		       "\"generic\"}],\"operations\":[{\"op\":\"install\",\"elf\":\"" ELF
		       "\",\"module\":\"F000000001010101\",\"aid\":\"F000000001010102\","
		       "\"system\":\"CB82012C%s\"}]}",
		       params);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new();
		struct gp_error err = {0};
		struct gp_plan *plan = NULL;

		w->max_capdu = cases[i].max_capdu;
		w->hist = (struct gp_bytes){cases[i].hist, cases[i].len};
		/* its blocks stay short: the card did not say that it has room for longer ones
		 */
		assert_int_equal(load(w, 1000, "c-mac", "generic"), 5);
		assert_true(w->longest <= SHORT_MAX);
		if (gp_plan_parse(&plan, text, strlen(text), &err))
			fail_msg("%s: %s", err.code, err.detail);
		if (world_run(w, plan, GP_RUN_FORWARD, NULL, &err))
			fail_msg("case %zu: %s: %s", i, err.code, err.detail);
		assert_int_equal(w->longest > SHORT_MAX, cases[i].extended);
		gp_plan_free(plan);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_wrap),
		cmocka_unit_test(test_historical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
