// SPDX-License-Identifier: Apache-2.0
/*
 * Answers that do not come at once: 61xx to commands in the clear and under secure messaging,
 * on a card that says it of every answer that Le does not ask for; and 6Cxx.
 */
#include "gp_run_bench.h"

#define BIG 600

static const char levels[][24] = {"c-mac", "c-mac,c-enc", "c-mac,r-mac", "c-mac,c-enc,r-mac",
				  "c-mac,c-enc,r-mac,r-enc"};

/* Certificates that no one APDU brings: 00 01 02 .. in BF21, for key 11 of version 03. */
static struct gp_plan *store_plan(void)
{
	char text[4096], hex[2 * BIG + 1];

	for (size_t i = 0; i < BIG; i++)
		(void)sprintf(hex + 2 * i, "%02X", (unsigned int)(i & 0xff));
	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"sessions\":[{\"keys\":\"isd\"}],\"operations\":[{"
		       "\"op\":\"store-data\",\"form\":\"ber\",\"data\":"
		       "\"A60483021103BF21820258%s\"}]}",
		       hex);
	return plan_of(text);
}

/* They are read in the middle of what changes the card. */
static struct gp_plan *read_plan(const char *level)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"sessions\":[{\"keys\":\"isd\",\"level\":\"%s\"}],"
		       "\"operations\":["
		       "{\"op\":\"sd-create\",\"aid\":\"" SSD "\"},"
		       "{\"op\":\"get-data\",\"tag\":\"BF21\",\"data\":\"A60483021103\"},"
		       "{\"op\":\"lock\",\"aid\":\"" SSD "\"},"
		       "{\"op\":\"get-data\",\"tag\":\"BF21\",\"data\":\"A60483021103\"},"
		       "{\"op\":\"list\"}]}",
		       level);
	return plan_of(text);
}

static const char *data_of(sd_json_variant *result, size_t step)
{
	sd_json_variant *s =
		sd_json_variant_by_index(sd_json_variant_by_key(result, "steps"), step);

	return sd_json_variant_string(sd_json_variant_by_key(s, "data"));
}

static void check_data(sd_json_variant *result, size_t step)
{
	const char *data = data_of(result, step);
	char byte[3];

	assert_non_null(data);
	assert_int_equal(strlen(data), 2 * (BIG + 5));
	assert_memory_equal(data, "BF21820258", 10);
	for (size_t i = 0; i < BIG; i++) {
		(void)sprintf(byte, "%02X", (unsigned int)(i & 0xff));
		assert_memory_equal(data + 10 + 2 * i, byte, 2);
	}
}

static struct world *big_world(unsigned int policy)
{
	struct world *w = world_new();
	struct gp_plan *plan = store_plan();
	struct gp_error err = {0};

	w->card.profile.le_policy = policy;
	if (world_run(w, plan, GP_RUN_FORWARD, NULL, &err))
		fail_msg("%s: %s", err.code, err.detail);
	w->has_record = false;
	w->logged = 0;
	gp_plan_free(plan);
	return w;
}

static unsigned int count(const struct world *w, uint8_t ins)
{
	unsigned int n = 0;

	for (size_t i = 0; i < w->logged; i++)
		n += w->log[i].header[1] == ins;
	return n;
}

static void test_more(void **state)
{
	static const unsigned int policies[] = {LE_SERVE, LE_STRICT};

	(void)state;
	for (size_t p = 0; p < 2; p++)
		for (size_t l = 0; l < sizeof(levels) / sizeof(levels[0]); l++) {
			struct world *w = big_world(policies[p]);
			struct gp_plan *plan = read_plan(levels[l]);
			struct gp_error err = {0};
			sd_json_variant *result = NULL;

			if (world_run(w, plan, GP_RUN_FORWARD, &result, &err)) {
				show("result", result);
				fail_msg("%s: %s: %s", levels[l], err.code, err.detail);
			}
			check_data(result, 1);
			check_data(result, 3);
			assert_true(count(w, 0xc0) >= 4);
			assert_int_equal(count(w, 0xf0), 1);
			assert_int_equal(count(w, 0xe6), 1);
			sd_json_variant_unref(result);
			gp_plan_free(plan);
			world_free(w);
		}
}

/* The whole of a card's life, where every answer may come in two. */
static void test_install(void **state)
{
	static const unsigned int policies[] = {LE_SERVE, LE_WRONG, LE_STRICT};
	char *want = NULL;

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		struct world *w = world_new();
		struct gp_plan *plan = install_plan();
		struct gp_error err = {0};
		char *now;

		w->card.profile.le_policy = policies[p];
		if (world_run(w, plan, GP_RUN_FORWARD, NULL, &err))
			fail_msg("policy %u: %s: %s", policies[p], err.code, err.detail);
		w->card.profile.le_policy = LE_SERVE;
		now = photo(w);
		if (want)
			assert_string_equal(now, want);
		else
			want = strdup(now);
		free(now);
		gp_plan_free(plan);
		world_free(w);
	}
	free(want);
}

/* The link goes between the pieces: what was done is known by the registry. */
static void test_cut(void **state)
{
	struct world *w = big_world(LE_SERVE);
	struct gp_plan *plan = read_plan(levels[4]);
	struct gp_error err = {0};
	unsigned int n;

	(void)state;
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
	n = w->sent;
	world_free(w);
	for (unsigned int k = 0; k < n; k++)
		for (enum cut cut = CUT_NOT_SENT; cut <= CUT_KILLED; cut++) {
			sd_json_variant *result = NULL;
			unsigned int done = 0;

			w = big_world(LE_SERVE);
			w->cut = cut;
			w->cut_at = k;
			assert_int_not_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
			w->cut = CUT_NONE;
			if (world_run(w, plan, w->has_record ? GP_RUN_RESUME : GP_RUN_FORWARD,
				      &result, &err))
				fail_msg("cut %d at %u: %s: %s", cut, k, err.code, err.detail);
			check_data(result, 3);
			for (size_t i = 0; i < w->logged; i++)
				done += (w->log[i].header[1] == 0xe6 ||
					 w->log[i].header[1] == 0xf0) &&
					w->log[i].sw == 0x9000;
			assert_int_equal(done, 2);
			sd_json_variant_unref(result);
			world_free(w);
		}
	gp_plan_free(plan);
}

/* 6Cxx: the card wants another Le. Nothing was executed, and nothing is sent a second time. */
static void test_wrong_le(void **state)
{
	static const char text[] = "{\"version\":1,\"sessions\":[{}],\"operations\":[{\"op\":"
				   "\"apdu\",\"data\":\"80CA006601\"},"
				   "{\"op\":\"get-data\",\"tag\":\"66\"}]}";
	struct gp_plan *plan = plan_of(text);

	(void)state;
	for (unsigned int policy = LE_SERVE; policy <= LE_STRICT; policy++) {
		struct world *w = world_new();
		struct gp_error err = {0};
		sd_json_variant *result = NULL;
		int r;

		w->card.profile.le_policy = policy;
		r = world_run(w, plan, GP_RUN_FORWARD, &result, &err);
		if (w->card.profile.le_policy != LE_WRONG) {
			assert_int_equal(r, 0);
			assert_string_equal(data_of(result, 0), data_of(result, 1));
			assert_true(count(w, 0xc0) >= 1);
		} else {
			assert_int_equal(r, -EREMOTEIO);
			assert_string_equal(err.code, "card-refused");
			assert_non_null(strstr(err.detail, "6C"));
			assert_int_equal(count(w, 0xc0), 0);
			assert_int_equal(count(w, 0xca), 1);
		}
		sd_json_variant_unref(result);
		world_free(w);
	}
	gp_plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_wrong_le),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
