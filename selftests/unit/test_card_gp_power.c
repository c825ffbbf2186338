// SPDX-License-Identifier: Apache-2.0
/*
 * A plan whose card loses its power before the k-th step that changes its disk, for every k:
 * a piece of the state file, its fsync, the rename. With the card's power the host's goes, or
 * stays and has no answer. Then the plan is resumed, or rolled back, and the card is as if
 * nothing had happened.
 */
#include "gp_run_bench.h"

#include "softse/registry-check.h"

static void power_on(struct world *w)
{
	world_reset(w);
	w->has_record = w->record_len > 0;
}

/* The power goes at step @k of the run; false if the run was over before. */
static bool cut_run(struct world *w, const struct gp_plan *plan, enum gp_run_mode mode,
		    unsigned int k)
{
	struct gp_error err = {0};
	bool gone;
	int r;

	w->card.profile.no_fsync = false;
	w->card.cut = true;
	w->card.writes_left = k;
	r = world_run(w, plan, mode, NULL, &err);
	gone = r != 0;
	if (gone && w->card.writes_left)
		fail_msg("cut %u, mode %d: it ended by itself: %s: %s", k, mode, err.code,
			 err.detail);
	power_on(w);
	return gone;
}

/* The run after a cut, to its end. */
static void go_on(struct world *w, const struct gp_plan *plan, enum gp_run_mode mode,
		  unsigned int k)
{
	struct gp_error err = {0};
	sd_json_variant *result = NULL;

	if (!w->has_record) { /* nothing was changed: there is nothing to take back */
		if (mode == GP_RUN_ROLLBACK)
			return;
		mode = GP_RUN_FORWARD;
	}
	if (world_run(w, plan, mode, &result, &err)) {
		show("result", result);
		fail_msg("cut %u, mode %d: %s: %s", k, mode, err.code, err.detail);
	}
	sd_json_variant_unref(result);
}

static void check(struct world *w, const char *want, unsigned int k, enum gp_run_mode mode)
{
	const char *why = registry_check(&w->card);
	char *now = photo(w), tmp[128];

	if (why)
		fail_msg("cut %u, mode %d: %s", k, mode, why);
	if (strcmp(now, want) != 0)
		fail_msg("cut %u, mode %d: the card is\n%s\nand not\n%s", k, mode, now, want);
	free(now);
	assert_int_equal(w->attempts, w->verdicts);
	(void)snprintf(tmp, sizeof(tmp), "%s.new", w->path);
	(void)unlink(tmp);
}

/* Operations that took effect more than once, by the status words that the card gave. */
static void check_once(const struct world *w, const struct gp_plan *plan, unsigned int k)
{
	for (size_t op = 0; op < plan->nr_ops; op++) {
		unsigned int n = 0;

		for (size_t i = 0; i < w->logged; i++)
			n += w->log[i].op == (int)op && w->log[i].sw == 0x9000 &&
			     (plan->ops[op].type != GP_OP_LOAD ||
			      (w->log[i].header[1] == 0xe8 && w->log[i].header[2] & 0x80));
		if (n != 1 && plan->ops[op].type != GP_OP_PERSONALISE)
			fail_msg("cut %u: operation %zu took effect %u times", k, op, n);
	}
}

/* One cut of the plan, then @mode; @again: another cut in that, then @mode once more. */
static bool one_cut(unsigned int k, bool one_power, enum gp_run_mode mode, unsigned int again,
		    const char *want)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	bool gone;

	w->one_power = one_power;
	gone = cut_run(w, plan, GP_RUN_FORWARD, k);
	if (gone) {
		if (again && w->has_record)
			(void)cut_run(w, plan, mode, again);
		w->one_power = false;
		go_on(w, plan, mode, k);
		if (mode == GP_RUN_RESUME)
			check_once(w, plan, k);
		check(w, want, k, mode);
	}
	gp_plan_free(plan);
	world_free(w);
	return gone;
}

static char *look(bool installed)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	struct gp_error err = {0};
	char *out;

	if (installed)
		assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
	out = photo(w);
	gp_plan_free(plan);
	world_free(w);
	return out;
}

static void every_cut(enum gp_run_mode mode, bool again)
{
	char *want = look(mode == GP_RUN_RESUME);
	unsigned int k = 0;

	while (one_cut(k, k & 1, mode, again ? 1 + k * 7 % 90 : 0, want)) {
		if (!again)
			(void)one_cut(k, !(k & 1), mode, 0, want);
		k++;
	}
	print_message("%u places to cut the power\n", k);
	assert_true(k > 80);
	free(want);
}

static void test_resume(void **state)
{
	(void)state;
	every_cut(GP_RUN_RESUME, false);
}

static void test_rollback(void **state)
{
	(void)state;
	every_cut(GP_RUN_ROLLBACK, false);
}

/* And the power goes again while the first cut is being mended. */
static void test_twice(void **state)
{
	(void)state;
	every_cut(GP_RUN_RESUME, true);
	every_cut(GP_RUN_ROLLBACK, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
