// SPDX-License-Identifier: Apache-2.0
/* Plans: their JSON form, what is refused and why, files, digests, and the dry run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gp/plan.h"
#include "gp/record.h"

#define HEAD "{\"version\":1,\"sessions\":[{\"keys\":\"isd\"}],\"operations\":["
#define PLAN(ops) HEAD ops "]}"

static int parse(struct gp_plan **plan, const char *text, struct gp_error *err)
{
	*plan = NULL;
	return gp_plan_parse(plan, text, strlen(text), err);
}

static void refused(const char *text, int error, const char *word)
{
	struct gp_error err = {0};
	struct gp_plan *plan;
	int r = parse(&plan, text, &err);

	if (r != error || !strstr(err.detail, word)) {
		print_error("%s\n%d (%s), not %d: %s\n", text, r, err.code, error, err.detail);
		gp_plan_free(plan);
		fail();
	}
}

static void test_refused(void **state)
{
	(void)state;
	refused("", -EBADMSG, "JSON");
	refused("[]", -EBADMSG, "object");
	refused("{\"version\":2}", -EBADMSG, "version");
	refused("{\"sessions\":[{}],\"operations\":[{\"op\":\"list\"}]}", -EBADMSG, "version");
	refused("{\"version\":1,\"sessions\":[{}],\"operations\":[]}", -EINVAL, "operation");
	refused("{\"version\":1,\"sessions\":[],\"operations\":[{\"op\":\"list\"}]}", -EINVAL,
		"session");
	refused(PLAN("{\"op\":\"list\",\"adi\":\"A000000151\"}"), -EBADMSG, "\"adi\"");
	refused(PLAN("{\"op\":\"lisst\"}"), -EBADMSG, "lisst");
	refused(PLAN("{\"op\":\"list\",\"session\":1}"), -EINVAL, "session 1");
	refused(PLAN("{\"op\":\"delete\"}"), -EINVAL, "no aid");
	refused(PLAN("{\"op\":\"delete\",\"aid\":\"A0\"}"), -EBADMSG, "aid");
	refused(PLAN("{\"op\":\"delete\",\"aid\":\"A00000015\"}"), -EBADMSG, "aid");
	refused(PLAN("{\"op\":\"install\",\"module\":\"A000000151\"}"), -EINVAL, "elf");
	refused(PLAN("{\"op\":\"put-key\"}"), -EINVAL, "keys");
	refused(PLAN("{\"op\":\"put-key\",\"keys\":\"x\",\"value\":\"00\"}"), -EBADMSG,
		"value");
	refused(PLAN("{\"op\":\"card-state\",\"state\":\"op-ready\"}"), -EBADMSG, "state");
	refused("{\"version\":1,\"sessions\":[{}],\"operations\":["
		"{\"op\":\"delete\",\"aid\":\"A000000151\"}]}",
		-EINVAL, "keys");
	refused(PLAN("\n{\"op\":\"list\"},\n{\"op\":7}"), -EBADMSG, "line 3");
}

static void test_confirmed(void **state)
{
	struct gp_error err = {0};
	struct gp_plan *plan;

	(void)state;
	refused(PLAN("{\"op\":\"card-state\",\"state\":\"terminated\"}"), -EPERM, "terminates");
	refused(PLAN("{\"op\":\"card-state\",\"state\":\"locked\"}"), -EPERM, "locks");
	/* the same by hand */
	refused(PLAN("{\"op\":\"apdu\",\"data\":\"80F080FF\"}"), -EPERM, "terminates");
	refused(PLAN("{\"op\":\"apdu\",\"data\":\"84F0807F00\"}"), -EPERM, "locks");
	/* one confirmation is not the other */
	refused("{\"version\":1,\"confirm\":[\"card-lock\"],\"sessions\":[{\"keys\":\"k\"}],"
		"\"operations\":[{\"op\":\"card-state\",\"state\":\"terminated\"}]}",
		-EPERM, "terminates");
	assert_int_equal(
		parse(&plan,
		      "{\"version\":1,\"confirm\":[\"card-terminate\"],"
		      "\"sessions\":[{\"keys\":\"k\"}],"
		      "\"operations\":[{\"op\":\"card-state\",\"state\":\"terminated\"}]}",
		      &err),
		0);
	assert_int_equal(plan->confirmed, GP_CONFIRM_CARD_TERMINATE);
	gp_plan_free(plan);
}

static const char everything[] =
	"{\"version\":1,\"name\":\"all\",\"confirm\":[\"card-lock\"],"
	"\"sessions\":[{\"sd\":\"A000000151000000\",\"keys\":\"isd\",\"kvn\":48,"
	"\"level\":\"c-mac,c-enc,r-mac,r-enc\",\"profile\":\"generic\"},{\"keys\":\"other\"}],"
	"\"operations\":["
	"{\"op\":\"load\",\"aid\":\"F000000001\",\"code\":\"xAMBAgM=\",\"block\":100,"
	"\"hashAlgorithm\":\"sha256\",\"token\":\"0102\",\"ifNeeded\":true},"
	"{\"op\":\"install\",\"elf\":\"F000000001\",\"module\":\"F000000002\","
	"\"aid\":\"F000000003\",\"privileges\":[\"CardReset\"],\"params\":\"0102\"},"
	"{\"op\":\"sd-create\",\"aid\":\"F000000004\",\"acceptExtradition\":33,"
	"\"acceptDeletion\":32,\"scp\":\"0370\"},"
	"{\"op\":\"make-selectable\",\"aid\":\"F000000003\"},"
	"{\"op\":\"extradite\",\"aid\":\"F000000003\",\"sd\":\"F000000004\"},"
	"{\"op\":\"registry-update\",\"aid\":\"F000000003\",\"privileges\":\"040000\"},"
	"{\"op\":\"personalise\",\"aid\":\"F000000003\",\"data\":\"0102\",\"form\":\"dgi\","
	"\"repeatable\":true},"
	"{\"op\":\"store-data\",\"data\":\"4201AA\",\"form\":\"ber\",\"session\":1},"
	"{\"op\":\"lock\",\"aid\":\"F000000003\"},{\"op\":\"unlock\",\"aid\":\"F000000003\"},"
	"{\"op\":\"sd-personalised\",\"session\":1},"
	"{\"op\":\"put-key\",\"keys\":\"new\",\"kvn\":49,\"oldKvn\":48},"
	"{\"op\":\"delete-key\",\"kvn\":48},"
	"{\"op\":\"card-state\",\"state\":\"locked\"},"
	"{\"op\":\"list\",\"scope\":[\"apps\",\"modules\"]},"
	"{\"op\":\"get-data\",\"tag\":\"9F7F\"},"
	"{\"op\":\"apdu\",\"data\":\"80CA006600\",\"label\":\"by hand\"},"
	"{\"op\":\"delete\",\"aid\":\"F000000001\",\"related\":true}]}";

static void test_round_trip(void **state)
{
	struct gp_error err = {0};
	struct gp_plan *plan, *again;
	sd_json_variant *json = NULL;
	uint8_t one[32], two[32];
	char *text = NULL;

	(void)state;
	if (parse(&plan, everything, &err))
		fail_msg("%s", err.detail);
	assert_int_equal(plan->nr_ops, GP_OP_TYPES);
	for (size_t i = 0; i < GP_OP_TYPES; i++) {
		bool there = false;

		for (size_t k = 0; k < plan->nr_ops; k++)
			there |= plan->ops[k].type == i;
		if (!there)
			fail_msg("no %s in the test", gp_op_name((enum gp_op_type)i));
	}
	assert_int_equal(gp_plan_to_json(plan, &json), 0);
	assert_true(sd_json_variant_format(json, 0, &text) >= 0);
	sd_json_variant_unref(json);
	if (parse(&again, text, &err))
		fail_msg("%s: %s", err.detail, text);
	assert_int_equal(gp_plan_digest(plan, one), 0);
	assert_int_equal(gp_plan_digest(again, two), 0);
	assert_memory_equal(one, two, 32);
	/* one bit of one field is another plan */
	again->ops[2].accept_deletion ^= 1;
	assert_int_equal(gp_plan_digest(again, two), 0);
	assert_memory_not_equal(one, two, 32);
	assert_int_equal(again->sessions[0].level, 0x33);
	assert_int_equal(again->ops[0].block, 100);
	assert_int_equal(again->ops[1].privileges, GP_PRIV_CARD_RESET);
	assert_int_equal(again->ops[15].tag, 0x9f7f);
	assert_int_equal(again->ops[14].scope, GP_LIST_APPS | GP_LIST_MODULES);
	gp_plan_free(again);
	gp_plan_free(plan);
	free(text);
}

static int file_of(void *userdata, const char *name, uint8_t **p, size_t *len)
{
	static const uint8_t load_file[] = {0xc4, 0x03, 0x01, 0x02, 0x03};

	*(unsigned int *)userdata += 1;
	if (strcmp(name, "dir/wallet.bin") != 0)
		return -ENOENT;
	*p = malloc(sizeof(load_file));
	memcpy(*p, load_file, sizeof(load_file));
	*len = sizeof(load_file);
	return 0;
}

static void test_resolve(void **state)
{
	/* SHA-256 of 01 02 03 */
	static const uint8_t hash[] = {0x03, 0x90, 0x58, 0xc6, 0xf2, 0xc0, 0xcb, 0x49,
				       0x2c, 0x53, 0x3b, 0x0a, 0x4d, 0x14, 0xef, 0x77,
				       0xcc, 0x0f, 0x78, 0xab, 0xcc, 0xce, 0xd5, 0x28,
				       0x7d, 0x84, 0xa1, 0xa2, 0x01, 0x1c, 0xfb, 0x81};
	struct gp_error err = {0};
	unsigned int asked = 0;
	struct gp_plan *plan;

	(void)state;
	assert_int_equal(parse(&plan,
			       PLAN("{\"op\":\"load\",\"aid\":\"F000000001\",\"file\":"
				    "\"dir/wallet.bin\",\"hashAlgorithm\":\"sha256\"},"
				    "{\"op\":\"install\",\"module\":\"F000000002\"}"),
			       &err),
			 0);
	assert_int_equal(gp_plan_resolve(plan, NULL, NULL, &err), -ENOENT);
	assert_int_equal(gp_plan_resolve(plan, file_of, &asked, &err), 0);
	assert_int_equal(asked, 1);
	assert_null(plan->ops[0].file);
	assert_string_equal(plan->ops[0].label, "wallet.bin");
	assert_int_equal(plan->ops[0].code.len, 5);
	assert_int_equal(plan->ops[0].hash.len, 32);
	assert_memory_equal(plan->ops[0].hash.p, hash, 32);
	assert_true(gp_aid_equal(&plan->ops[1].elf, &plan->ops[0].aid));
	assert_true(gp_aid_equal(&plan->ops[1].aid, &plan->ops[1].module));
	gp_plan_free(plan);

	assert_int_equal(parse(&plan, PLAN("{\"op\":\"load\",\"file\":\"gone\"}"), &err), 0);
	assert_int_equal(gp_plan_resolve(plan, file_of, &asked, &err), -ENOENT);
	assert_string_equal(err.code, "no-file");
	gp_plan_free(plan);
}

static void test_package(void **state)
{
	struct gp_error err = {0};
	struct gp_plan *plan;

	(void)state;
	assert_int_equal(
		parse(&plan,
		      PLAN("{\"op\":\"package\",\"file\":\"a.cap\",\"aid\":"
			   "\"F000000009\",\"params\":\"01\",\"hashAlgorithm\":\"sha1\"}"),
		      &err),
		0);
	assert_int_equal(plan->nr_ops, 2);
	assert_int_equal(plan->ops[0].type, GP_OP_LOAD);
	assert_int_equal(plan->ops[0].aid.len, 0);
	assert_int_equal(plan->ops[0].hash_len, 20);
	assert_int_equal(plan->ops[1].type, GP_OP_INSTALL);
	assert_true(plan->ops[1].selectable);
	assert_int_equal(plan->ops[1].aid.len, 5);
	assert_int_equal(plan->ops[1].params.len, 1);
	gp_plan_free(plan);
}

/* What goes over the wire is known but for what the secure channel adds. */
static void test_show(void **state)
{
	struct gp_error err = {0};
	sd_json_variant *json = NULL;
	struct gp_plan *plan;
	char *text = NULL;

	(void)state;
	assert_int_equal(
		parse(&plan,
		      "{\"version\":1,\"sessions\":[{\"keys\":\"isd\",\"level\":\"c-mac\"}],"
		      "\"operations\":[{\"op\":\"delete\",\"aid\":\"F000000001\"},"
		      "{\"op\":\"put-key\",\"keys\":\"new\"},"
		      "{\"op\":\"store-data\",\"data\":\"4201AA\",\"form\":\"ber\"},"
		      "{\"op\":\"load\",\"aid\":\"F000000001\",\"code\":\"xAMBAgM=\"}]}",
		      &err),
		0);
	if (gp_plan_resolve(plan, NULL, NULL, &err) || gp_plan_show(plan, &json, &err))
		fail_msg("%s", err.detail);
	assert_true(sd_json_variant_format(json, 0, &text) >= 0);
	assert_non_null(strstr(text, "\"84E400000F4F05F000000001<MAC 8>00\""));
	assert_non_null(strstr(text, "\"84E880000DC403010203<MAC 8>00\""));
	/* what a token is made over; of keys there is none */
	assert_non_null(strstr(text, "\"command\":\"80E40000074F05F00000000100\""));
	assert_null(strstr(text, "\"command\":\"80D8"));
	assert_non_null(strstr(text, "keys under DEK"));
	assert_non_null(strstr(text, "<host cryptogram 8>"));
	/* STORE DATA: how much, not what */
	assert_non_null(strstr(text, "\"84E290000B<secret 3><MAC 8>"));
	assert_null(strstr(text, "4201AA"));
	/* MANAGE CHANNEL, SELECT, 2 GET DATA, 2 of SCP, 3 GET STATUS; 1 + 1 + 1 + 2; each
	 * of what the card does not tell of has a stream of its own
	 */
	assert_int_equal(sd_json_variant_unsigned(sd_json_variant_by_key(json, "apdus")), 14);
	assert_int_equal(sd_json_variant_unsigned(sd_json_variant_by_key(json, "roundTrips")),
			 6);
	free(text);
	sd_json_variant_unref(json);
	gp_plan_free(plan);
}

static int count(void *userdata, const struct gp_aid *aid)
{
	unsigned int *n = userdata;

	(void)aid;
	return ++*n == 7 ? -ECANCELED : 0;
}

static void test_aids(void **state)
{
	struct gp_error err = {0};
	struct gp_plan *plan;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(parse(&plan, everything, &err), 0);
	assert_int_equal(gp_plan_aids(plan, count, &n), -ECANCELED);
	n = 100;
	assert_int_equal(gp_plan_aids(plan, count, &n), 0);
	/* two sessions, ten subjects, one domain to go to */
	assert_int_equal(n, 113);
	gp_plan_free(plan);
}

/* Taken, not copied; what is too long is not kept, and what was there stays. */
static void test_blob(void **state)
{
	uint8_t *one = malloc(3), *big = malloc(GP_PLAN_BLOB_MAX + 1);
	struct gp_blob blob = {0};

	(void)state;
	assert_non_null(one);
	assert_non_null(big);
	memcpy(one, "one", 3);
	assert_int_equal(gp_blob_take(&blob, one, 3), 0);
	assert_ptr_equal(blob.p, one);
	assert_int_equal(gp_blob_take(&blob, big, GP_PLAN_BLOB_MAX + 1), -EMSGSIZE);
	assert_ptr_equal(blob.p, one);
	assert_int_equal(blob.len, 3);
	assert_int_equal(gp_blob_set(&blob, "two and more", 12), 0);
	assert_memory_equal(blob.p, "two and more", 12);
	gp_blob_clear(&blob);
	assert_null(blob.p);
}

static void test_record(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"version\":1}",
		"{\"version\":1,\"plan\":\"00\",\"card\":\"00\",\"state\":\"done\",\"steps\":[]"
		","
		"\"before\":[]}",
	};
	struct gp_error err = {0};
	struct gp_record *record = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(gp_record_parse(&record, bad[i], strlen(bad[i]), &err),
				 -EBADMSG);
		assert_string_equal(err.code, "record-damaged");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_confirmed),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_package),	   cmocka_unit_test(test_show),
		cmocka_unit_test(test_aids),	   cmocka_unit_test(test_record),
		cmocka_unit_test(test_blob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
