// SPDX-License-Identifier: Apache-2.0
/* What a card's profile makes of the commands of an operation, and what it forbids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "gp/op-build.h"

#define PLAN(op) "{\"version\":1,\"sessions\":[{\"keys\":\"isd\"}],\"operations\":[" op "]}"
#define INSTALL(more)                                      \
	PLAN("{\"op\":\"install\",\"elf\":\"F000000001\"," \
	     "\"module\":\"F00000000101\",\"aid\":\"F00000000101\"" more "}")

/* @plan: out: what @built is of, for gp_plan_free() after it */
static int build(struct gp_built *built, struct gp_plan **ret, const char *profile,
		 const char *text, struct gp_error *err)
{
	struct gp_facts facts = {0};
	struct gp_build how = {
		.facts = &facts, .profile = gp_profile_by_name(profile), .max_data = 255};
	struct gp_plan *plan = NULL;
	int r;

	assert_non_null(how.profile);
	if (gp_plan_parse(&plan, text, strlen(text), err) ||
	    gp_plan_resolve(plan, NULL, NULL, err))
		fail_msg("%s: %s: %s", text, err->code, err->detail);
	r = gp_op_build(&plan->ops[0], &how, built, err);
	*ret = plan;
	return r;
}

/* The commands that an operation is for a card of this profile, one blank between them. */
static void expect_at(const char *profile, const char *text, const char *want, int line)
{
	struct gp_error err = {0};
	struct gp_built built;
	struct gp_plan *plan;
	char have[2048] = "";
	size_t at = 0;

	if (build(&built, &plan, profile, text, &err))
		fail_msg("line %d: %s: %s", line, err.code, err.detail);
	for (size_t i = 0; i < built.n; i++) {
		struct gp_apdu *cmd;
		uint8_t out[261];
		size_t len;

		assert_int_equal(gp_built_cmd(&built, i, &cmd, &err), 0);
		assert_int_equal(gp_apdu_encode(cmd, NULL, 0, out, sizeof(out), &len, &err), 0);
		for (size_t k = 0; k < len; k++)
			at += (size_t)snprintf(have + at, sizeof(have) - at, "%02X", out[k]);
		at += (size_t)snprintf(have + at, sizeof(have) - at, " ");
	}
	have[at - 1] = 0;
	if (strcmp(have, want) != 0)
		fail_msg("line %d: %s\nnot\n%s", line, have, want);
	gp_built_clear(&built);
	gp_plan_free(plan);
}

#define expect(profile, text, want) expect_at(profile, text, want, __LINE__)

static void refused_at(const char *profile, const char *text, const char *word, int line)
{
	struct gp_error err = {0};
	struct gp_built built;
	struct gp_plan *plan;

	if (build(&built, &plan, profile, text, &err) != -E2BIG ||
	    strcmp(err.code, "too-long") != 0 || !strstr(err.detail, word))
		fail_msg("line %d: %s: %s", line, err.code, err.detail);
	assert_null(built.cmd);
	assert_int_equal(built.n, 0);
	gp_plan_free(plan);
}

#define refused(profile, text, word) refused_at(profile, text, word, __LINE__)

#define TAGS "5C094F9F70C5C4CCCFCE84"

/* GET STATUS: tag list, modules, form */
static void test_list(void **state)
{
	(void)state;
	expect("generic", PLAN("{\"op\":\"list\"}"),
	       "80F280020D4F00" TAGS "00 80F240020D4F00" TAGS "00 80F210020D4F00" TAGS "00");
	expect("gp-2.1", PLAN("{\"op\":\"list\"}"),
	       "80F28002024F0000 80F24002024F0000 80F21002024F0000");
	/* no modules: the load files themselves are asked for */
	expect("op-2.0", PLAN("{\"op\":\"list\"}"),
	       "80F28000024F0000 80F24000024F0000 80F22000024F0000");
	expect("op-2.0", PLAN("{\"op\":\"list\",\"scope\":[\"modules\"]}"), "80F22000024F0000");
	expect("op-2.0", PLAN("{\"op\":\"list\",\"scope\":[\"apps\"]}"), "80F24000024F0000");
}

/* INSTALL: one byte of privileges or none at all */
static void test_privileges(void **state)
{
	(void)state;
	expect("generic", INSTALL(",\"privileges\":\"040000\""),
	       "80E604001C05F000000001"
	       "06F0000000010106F00000000101"
	       "0304000002C9000000");
	expect("gp-2.1", INSTALL(",\"privileges\":\"040000\""),
	       "80E604001A05F000000001"
	       "06F0000000010106F00000000101"
	       "010402C9000000");
	refused("gp-2.1", INSTALL(",\"privileges\":\"040400\""), "040400 take three bytes");
	refused("op-2.0", INSTALL(",\"privileges\":\"000010\""), "\"op-2.0\"");
	/* a token is over the bytes as they are */
	refused("gp-2.1", INSTALL(",\"privileges\":\"040000\",\"token\":\"AABBCCDD\""),
		"under a token");
}

static void test_parameters(void **state)
{
	char params[2 * 126 + 1], text[1024];

	(void)state;
	/* C9 and its length: 127 bytes with 125 in it */
	for (size_t n = 125; n <= 126; n++) {
		struct gp_error err = {0};
		struct gp_built built;
		struct gp_plan *plan;

		memset(params, 'A', 2 * n);
		params[2 * n] = 0;
		(void)snprintf(text, sizeof(text), INSTALL(",\"params\":\"%s\""), params);
		assert_int_equal(build(&built, &plan, "generic", text, &err), 0);
		gp_built_clear(&built);
		gp_plan_free(plan);
		if (n == 125) {
			assert_int_equal(build(&built, &plan, "gp-2.1", text, &err), 0);
			gp_built_clear(&built);
			gp_plan_free(plan);
		} else {
			refused("gp-2.1", text, "128 bytes of parameters");
		}
	}
	/* given as a whole as well */
	memset(params, 'B', 2 * 126);
	(void)snprintf(text, sizeof(text), INSTALL(",\"allParams\":\"0102%s\""), params);
	refused("op-2.0", text, "128 bytes of parameters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
