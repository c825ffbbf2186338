// SPDX-License-Identifier: Apache-2.0
/*
 * Plans against softse's card: run, shown, interrupted at every APDU in every way, resumed and
 * rolled back. What the card is like afterwards is read from the card itself.
 */
#include "gp_run_bench.h"

#include <openssl/crypto.h>

#include "softse/registry-check.h"

static void test_install(void **state)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	struct gp_error err = {0};
	sd_json_variant *result = NULL;
	int r = world_run(w, plan, GP_RUN_FORWARD, &result, &err);

	(void)state;
	if (r) {
		show("result", result);
		fail_msg("%s: %s", err.code, err.detail);
	}
	for (size_t i = 0; i < plan->nr_ops; i++)
		assert_string_equal(state_of(result, i), "done");
	assert_string_equal(sd_json_variant_string(sd_json_variant_by_key(result, "state")),
			    "done");
	assert_int_equal(w->attempts, w->accepted);
	assert_int_equal(w->attempts, 3);
	assert_null(registry_check(&w->card));
	/* it exists now */
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), -EEXIST);
	assert_string_equal(err.code, "exists");
	sd_json_variant_unref(result);
	gp_plan_free(plan);
	world_free(w);
}

/* Streams of any length, registries in pages, every level: the same card comes out. */
static void test_shapes(void **state)
{
	static const uint32_t batches[] = {0, 8, 9, 11, 40};
	static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};
	char *want = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		for (unsigned int page = 0; page <= 80; page += 80) {
			struct world *w = world_new();
			struct gp_plan *plan = install_plan();
			struct gp_error err = {0};
			sd_json_variant *result = NULL;
			char *now;

			w->batch_max = batches[i];
			w->card.profile.status_page = page;
			plan->sessions[0].level = levels[i];
			plan->ops[2].block = 4;
			if (world_run(w, plan, GP_RUN_FORWARD, &result, &err)) {
				show("result", result);
				fail_msg("batch %u, page %u: %s", batches[i], page, err.detail);
			}
			now = photo(w);
			if (want)
				assert_string_equal(now, want);
			else
				want = strdup(now);
			free(now);
			sd_json_variant_unref(result);
			gp_plan_free(plan);
			world_free(w);
		}
	}
	free(want);
}

/* APDUs of an operation that was done run once only, whatever happened. */
static void check_once(const struct world *w, const struct gp_plan *plan, unsigned int line)
{
	for (size_t op = 0; op < plan->nr_ops; op++) {
		unsigned int installs = 0;

		if (plan->ops[op].type ==
		    GP_OP_PERSONALISE) /* it said that it may be repeated */
			continue;
		for (size_t i = 0; i < w->logged; i++)
			if (w->log[i].op == (int)op && w->log[i].sw == 0x9000 &&
			    /* a load that is cut begins anew: its last block counts */
			    (plan->ops[op].type != GP_OP_LOAD ||
			     (w->log[i].header[1] == 0xe8 && w->log[i].header[2] & 0x80)))
				installs++;
		if (installs != 1)
			fail_msg("line %u: operation %zu took effect %u times", line, op,
				 installs);
	}
}

static unsigned int count_apdus(void)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	struct gp_error err = {0};
	unsigned int n;

	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
	n = w->sent;
	gp_plan_free(plan);
	world_free(w);
	return n;
}

static char *never_interrupted(void)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	struct gp_error err = {0};
	char *out;

	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
	out = photo(w);
	gp_plan_free(plan);
	world_free(w);
	return out;
}

/* One interruption; then @mode; then the card has to look like @want. */
static void interrupted(unsigned int k, enum cut cut, bool power, enum gp_run_mode mode,
			const char *want)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	struct gp_error err = {0};
	sd_json_variant *result = NULL;
	char *now;
	int r;

	w->cut = cut;
	w->cut_at = k;
	r = world_run(w, plan, GP_RUN_FORWARD, &result, &err);
	if (!r)
		fail_msg("cut %d at %u was not noticed", cut, k);
	w->cut = CUT_NONE;
	if (power)
		world_reset(w);
	if (!w->has_record) { /* nothing was changed: begin again */
		if (mode == GP_RUN_RESUME)
			mode = GP_RUN_FORWARD;
		else
			goto compare;
	}
	sd_json_variant_unref(result);
	result = NULL;
	r = world_run(w, plan, mode, &result, &err);
	if (r) {
		show("result", result);
		print_message("record: %.*s\n", (int)w->record_len, w->record);
		fail_msg("cut %d at APDU %u, then mode %d: %s: %s", cut, k, mode, err.code,
			 err.detail);
	}
	if (mode != GP_RUN_ROLLBACK)
		check_once(w, plan, k);
compare:
	now = photo(w);
	if (strcmp(now, want) != 0) {
		show("result", result);
		fail_msg("cut %d at APDU %u, mode %d: the card is\n%s\nand not\n%s", cut, k,
			 mode, now, want);
	}
	free(now);
	assert_null(registry_check(&w->card));
	/* an attempt is only ever one that the card was asked for */
	assert_int_equal(w->attempts, w->verdicts);
	sd_json_variant_unref(result);
	gp_plan_free(plan);
	world_free(w);
}

static char *untouched(void)
{
	struct world *w = world_new();
	char *out = photo(w);

	world_free(w);
	return out;
}

static void every_apdu(enum gp_run_mode mode, const char *want)
{
	unsigned int n = count_apdus();

	assert_true(n > 25);
	for (unsigned int k = 0; k < n; k++)
		for (enum cut cut = CUT_NOT_SENT; cut <= CUT_KILLED; cut++)
			interrupted(k, cut, k % 2, mode, want);
	print_message("%u APDUs, 4 kinds of interruption\n", n);
}

static void test_resume(void **state)
{
	char *want = never_interrupted();

	(void)state;
	every_apdu(GP_RUN_RESUME, want);
	free(want);
}

static void test_rollback(void **state)
{
	char *want = untouched();

	(void)state;
	every_apdu(GP_RUN_ROLLBACK, want);
	free(want);
}

static void test_wrong_keys(void **state)
{
	static const char text[] = "{\"version\":1,\"sessions\":[{\"keys\":\"wrong\"}],"
				   "\"operations\":[{\"op\":\"list\"}]}";
	struct world *w = world_new();
	struct gp_plan *plan = plan_of(text);
	struct gp_error err = {0};

	(void)state;
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), -EKEYREJECTED);
	assert_string_equal(err.code, "other-keys");
	assert_non_null(strstr(err.detail, "\"isd\""));
	assert_int_equal(w->attempts, 0);
	gp_plan_free(plan);
	world_free(w);
}

static struct gp_plan *ops_plan(const char *ops)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"sessions\":[{\"keys\":\"isd\"}],\"operations\":[%s]}",
		       ops);
	return plan_of(text);
}

/* A plan that has to go well, or end with @code. */
static void play(struct world *w, const char *ops, enum gp_run_mode mode, const char *code)
{
	struct gp_plan *plan = ops_plan(ops);
	struct gp_error err = {0};
	sd_json_variant *result = NULL;
	int r = world_run(w, plan, mode, &result, &err);

	if (!!r != (*code != 0) || strcmp(err.code, code) != 0) {
		show("result", result);
		fail_msg("%s\n%d, %s (not \"%s\"): %s", ops, r, err.code, code, err.detail);
	}
	sd_json_variant_unref(result);
	gp_plan_free(plan);
}

#define INSTALL_TEST                                                   \
	"{\"op\":\"load\",\"aid\":\"" ELF "\",\"code\":\"xAMBAgM=\"}," \
	"{\"op\":\"install\",\"module\":\"" MODULE "\",\"aid\":\"" APP "\"}"

/* What can be taken back is as it was; what cannot is refused before anything is changed. */
static void test_inverse(void **state)
{
	static const char *const back[] = {
		"{\"op\":\"lock\",\"aid\":\"" APP "\"}",
		"{\"op\":\"extradite\",\"aid\":\"" APP "\",\"sd\":\"" SSD "\"}",
		"{\"op\":\"registry-update\",\"aid\":\"" APP "\",\"privileges\":\"02\"}",
		"{\"op\":\"put-key\",\"keys\":\"new\"}",
		"{\"op\":\"put-key\",\"keys\":\"new\",\"oldKvn\":48}",
		"{\"op\":\"put-key\",\"keys\":\"new\",\"kvn\":48,\"oldKvn\":48}",
		"{\"op\":\"put-key\",\"keys\":\"new\"},{\"op\":\"lock\",\"aid\":\"" APP
		"\"},{\"op\":\"extradite\",\"aid\":\"" APP "\",\"sd\":\"" SSD "\"}",
	};
	static const char *const forward[] = {
		"{\"op\":\"make-selectable\",\"aid\":\"" APP "\"}",
		"{\"op\":\"delete\",\"aid\":\"" APP "\"}",
		"{\"op\":\"card-state\",\"state\":\"initialized\"}",
		"{\"op\":\"store-data\",\"data\":\"4204AABBCCDD\",\"form\":\"ber\"}",
		"{\"op\":\"lock\",\"aid\":\"" APP
		"\"},{\"op\":\"card-state\",\"state\":\"initialized\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
		struct world *w = world_new();
		char *before, *between, *after;

		play(w, "{\"op\":\"sd-create\",\"aid\":\"" SSD "\"}," INSTALL_TEST,
		     GP_RUN_FORWARD, "");
		before = photo(w);
		play(w, back[i], GP_RUN_FORWARD, "");
		if (i != 4 && i != 5) { /* the issuer's keys are others now */
			between = photo(w);
			assert_string_not_equal(before, between);
			free(between);
		}
		play(w, back[i], GP_RUN_ROLLBACK, "");
		after = photo(w);
		if (strcmp(before, after) != 0)
			fail_msg("%s\n%s\nis not\n%s", back[i], after, before);
		/* once more: there is nothing left to take back */
		play(w, back[i], GP_RUN_ROLLBACK, "");
		free(before);
		free(after);
		world_free(w);
	}
	for (size_t i = 0; i < sizeof(forward) / sizeof(forward[0]); i++) {
		struct world *w = world_new();
		char *between, *after;

		play(w, INSTALL_TEST, GP_RUN_FORWARD, "");
		play(w, forward[i], GP_RUN_FORWARD, "");
		between = photo(w);
		play(w, forward[i], GP_RUN_ROLLBACK, "not-undoable");
		after = photo(w);
		assert_string_equal(between, after);
		free(between);
		free(after);
		world_free(w);
	}
}

/* Keys replaced under the same number, the answer lost: the card itself proves which it has. */
static void test_replaced_keys(void **state)
{
	static const char ops[] =
		"{\"op\":\"put-key\",\"keys\":\"new\",\"kvn\":48,\"oldKvn\":48}";

	(void)state;
	for (enum cut cut = CUT_NOT_SENT; cut <= CUT_KILLED; cut++) {
		struct world *w = world_new();
		struct gp_plan *plan = ops_plan(ops);
		struct gp_error err = {0};
		unsigned int puts = 0;

		unsigned int at = 0;

		assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
		while (w->log[at].header[1] != 0xd8)
			at++;
		world_free(w);
		w = world_new();
		w->cut = cut;
		w->cut_at = at;
		assert_int_not_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
		w->cut = CUT_NONE;
		if (world_run(w, plan, GP_RUN_RESUME, NULL, &err))
			fail_msg("cut %d: %s: %s", cut, err.code, err.detail);
		for (size_t i = 0; i < w->logged; i++)
			puts += w->log[i].header[1] == 0xd8;
		assert_int_equal(puts, 1);
		assert_int_equal(w->attempts, w->accepted);
		gp_plan_free(plan);
		world_free(w);
	}
}

/* The card says no in the middle: the result says what is so. */
static void test_card_refuses(void **state)
{
	struct world *w = world_new();
	struct gp_error err = {0};
	sd_json_variant *result = NULL, *step;
	struct gp_plan *plan = install_plan();
	const char *detail;

	(void)state;
	/* a hash that is not the block's: the last LOAD is refused */
	assert_int_equal(gp_blob_set(&plan->ops[2].hash, "0123456789ABCDEF0123", 20), 0);
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, &result, &err), -EREMOTEIO);
	assert_string_equal(err.code, "card-refused");
	assert_string_equal(state_of(result, 2), "failed");
	assert_string_equal(state_of(result, 3), "skipped");
	step = sd_json_variant_by_index(sd_json_variant_by_key(result, "steps"), 2);
	detail = sd_json_variant_string(sd_json_variant_by_key(step, "detail"));
	assert_non_null(strstr(detail, "6A80"));
	assert_non_null(strstr(detail, "the old state was kept"));
	sd_json_variant_unref(result);
	gp_plan_free(plan);
	world_free(w);
}

/* A resume that is refused takes nothing away from the next one. */
static void test_not_repeatable(void **state)
{
	static const char ops[] =
		"{\"op\":\"store-data\",\"data\":\"4204AABBCCDD\",\"form\":\"ber\"}";
	struct world *w = world_new();
	struct gp_plan *plan = ops_plan(ops);
	struct gp_record *record = NULL;
	struct gp_error err = {0};
	size_t sent;

	(void)state;
	w->cut = CUT_EXECUTED;
	w->cut_at = 4; /* recognition, CPLC, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE */
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), -EIO);
	w->cut = CUT_NONE;
	sent = w->logged;
	assert_int_equal(w->log[sent - 1].header[1], 0xe2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(world_run(w, plan, GP_RUN_RESUME, NULL, &err), -EALREADY);
		assert_string_equal(err.code, "outcome-unknown");
		assert_int_equal(gp_record_parse(&record, w->record, w->record_len, &err), 0);
		assert_int_equal(gp_record_state(record), GP_RECORD_RUNNING);
		assert_int_equal(gp_record_step(record, 0), GP_STEP_UNKNOWN);
		gp_record_free(record);
	}
	for (size_t i = sent; i < w->logged; i++)
		assert_int_not_equal(w->log[i].header[1], 0xe2);
	assert_int_equal(world_run(w, plan, GP_RUN_ROLLBACK, NULL, &err), -EOPNOTSUPP);
	gp_plan_free(plan);
	world_free(w);
}

/* What the card does not tell of is not begun in the stream of what comes before it. */
static void test_stream_of_its_own(void **state)
{
	static const char ops[] = INSTALL_TEST
		",{\"op\":\"store-data\",\"data\":\"4204AABBCCDD\",\"form\":\"ber\"}";
	struct world *w = world_new();
	struct gp_plan *plan = ops_plan(ops);
	struct gp_error err = {0};
	unsigned int at = 0, stores = 0;

	(void)state;
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
	while (w->log[at].header[1] != 0xe6 || w->log[at].header[2] != 0x04)
		at++;
	world_free(w);
	for (enum cut cut = CUT_LOST; cut <= CUT_KILLED; cut++) {
		w = world_new();
		w->cut = cut;
		w->cut_at = at;
		assert_int_not_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
		w->cut = CUT_NONE;
		if (world_run(w, plan, GP_RUN_RESUME, NULL, &err))
			fail_msg("cut %d: %s: %s", cut, err.code, err.detail);
		stores = 0;
		for (size_t i = 0; i < w->logged; i++)
			stores += w->log[i].header[1] == 0xe2;
		assert_int_equal(stores, 1);
		world_free(w);
	}
	gp_plan_free(plan);
}

/* What somebody else changed in the meantime is not glossed over. */
static void test_contradiction(void **state)
{
	struct world *w = world_new();
	struct gp_plan *plan = install_plan();
	struct gp_error err = {0};
	char record[sizeof(w->record)];
	size_t len;

	(void)state;
	assert_int_equal(world_run(w, plan, GP_RUN_FORWARD, NULL, &err), 0);
	memcpy(record, w->record, sizeof(record));
	len = w->record_len;
	play(w, "{\"op\":\"delete\",\"aid\":\"" ELF "\",\"related\":true}", GP_RUN_FORWARD, "");
	memcpy(w->record, record, sizeof(record));
	w->record_len = len;
	assert_int_equal(world_run(w, plan, GP_RUN_RESUME, NULL, &err), -ENOTSUP);
	assert_string_equal(err.code, "contradiction");
	gp_plan_free(plan);
	/* and a record is one plan's */
	play(w, "{\"op\":\"list\"}", GP_RUN_RESUME, "record-other-plan");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_inverse),
		cmocka_unit_test(test_replaced_keys),
		cmocka_unit_test(test_card_refuses),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_not_repeatable),
		cmocka_unit_test(test_stream_of_its_own),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
