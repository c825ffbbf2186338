// SPDX-License-Identifier: Apache-2.0
/*
 * A plan against cards of every option of their secure channel: the run finds out which by
 * itself, and wastes no attempt.
 */
#include "gp_world.h"

static const char *level_name(uint8_t level)
{
	switch (level) {
	case 0x01:
		return "c-mac";
	case 0x03:
		return "c-mac,c-enc";
	case 0x11:
		return "c-mac,r-mac";
	case 0x13:
		return "c-mac,c-enc,r-mac";
	default:
		return "c-mac,c-enc,r-mac,r-enc";
	}
}

static int run_with(uint8_t i, bool des, uint8_t level, struct world **out,
		    struct gp_error *err)
{
	struct world *w = world_new();
	struct entry *isd = w->card.entries[0];
	struct gp_plan *plan = NULL;
	char text[512];
	int r;

	if (des) {
		for (size_t k = 0; k < isd->n_keys; k++)
			isd->keys[k].part[0].type = KEY_DES;
		w->keys.enc.type = w->keys.mac.type = w->keys.dek.type = GP_KEY_DES;
	}
	w->card.profile.scp_i = w->card.profile.scp02_i = i;
	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"sessions\":[{\"keys\":\"isd\",\"level\":\"%s\"}],"
		       "\"operations\":[{\"op\":\"list\"},{\"op\":\"sd-create\",\"aid\":"
		       "\"F0534553414D455344\"},{\"op\":\"lock\",\"aid\":"
		       "\"F0534553414D455344\"},{\"op\":\"delete\",\"aid\":"
		       "\"F0534553414D455344\"}]}",
		       level_name(level));
	assert_int_equal(gp_plan_parse(&plan, text, strlen(text), err), 0);
	assert_int_equal(gp_plan_resolve(plan, NULL, NULL, err), 0);
	r = world_run(w, plan, GP_RUN_FORWARD, NULL, err);
	gp_plan_free(plan);
	*out = w;
	return r;
}

static void runs(uint8_t i, bool des, uint8_t level)
{
	struct gp_error err = {0};
	struct world *w;

	if (run_with(i, des, level, &w, &err))
		fail_msg("%s, i=%02X, level %02X: %s: %s", des ? "SCP02" : "SCP03", i, level,
			 err.code, err.detail);
	assert_int_equal(w->attempts, 1);
	assert_int_equal(w->accepted, 1);
	assert_int_equal(w->card.entries[0]->tries, 0);
	world_free(w);
}

static void test_scp03(void **state)
{
	static const uint8_t options[] = {0x00, 0x10, 0x20, 0x30, 0x60, 0x70};
	static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};

	(void)state;
	for (size_t k = 0; k < 2 * sizeof(options); k++)
		for (size_t n = 0; n < sizeof(levels); n++) {
			uint8_t i = options[k / 2] | (k & 1);

			if ((levels[n] & 0x10 && !(i & 0x20)) ||
			    (levels[n] & 0x20 && !(i & 0x40)))
				continue;
			runs(i, false, levels[n]);
		}
}

static void test_scp02(void **state)
{
	static const uint8_t options[] = {0x04, 0x05, 0x14, 0x15, 0x24, 0x25, 0x34,
					  0x35, 0x44, 0x45, 0x54, 0x55, 0x74, 0x75};
	static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13};

	(void)state;
	for (size_t k = 0; k < sizeof(options); k++)
		for (size_t n = 0; n < sizeof(levels); n++)
			if (!(levels[n] & 0x10) || options[k] & 0x20)
				runs(options[k], true, levels[n]);
}

/* A level that the card does not have is refused before anything that counts. */
static void test_not_offered(void **state)
{
	static const struct {
		uint8_t i, level;
		bool des;
	} cases[] = {{0x10, 0x33, false},
		     {0x30, 0x33, false},
		     {0x11, 0x11, false},
		     {0x15, 0x13, true},
		     {0x55, 0x11, true}};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct gp_error err = {0};
		struct world *w;

		assert_int_equal(run_with(cases[k].i, cases[k].des, cases[k].level, &w, &err),
				 -EINVAL);
		assert_string_equal(err.code, "bad-level");
		assert_int_equal(w->attempts, 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scp03),
		cmocka_unit_test(test_scp02),
		cmocka_unit_test(test_not_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
