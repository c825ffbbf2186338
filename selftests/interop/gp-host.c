// SPDX-License-Identifier: Apache-2.0
/*
 * A plain host for plans, to be killed: gp-host SE PLAN KEYS STATE forward|resume|rollback
 * [retry]. SE is as in se_open(), KEYS a key set file, STATE a folder for the record and the
 * attempt ledger. The result goes to standard output as one line of JSON; the exit status is 0
 * when the plan is done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/ledger.h"
#include "keys/source.h"
#include "libse/se.h"
#include "manage/manage.h"

static int mode_of(const char *word)
{
	if (!strcmp(word, "resume"))
		return GP_RUN_RESUME;
	return !strcmp(word, "rollback") ? GP_RUN_ROLLBACK : GP_RUN_FORWARD;
}

static struct gp_plan *read_plan(const char *name, struct gp_error *err)
{
	struct gp_plan *plan = NULL;
	uint8_t *text = NULL;
	size_t len = 0;
	int r = manage_read_file(NULL, name, &text, &len);

	if (!r)
		r = gp_plan_parse(&plan, (const char *)text, len, err);
	if (!r)
		r = gp_plan_resolve(plan, manage_read_file, NULL, err);
	free(text);
	if (r) {
		gp_plan_free(plan);
		return NULL;
	}
	return plan;
}

static void print_result(sd_json_variant *result)
{
	char *text = NULL;

	if (result && sd_json_variant_format(result, 0, &text) >= 0)
		puts(text);
	free(text);
	sd_json_variant_unref(result);
}

int main(int argc, char **argv)
{
	struct manage_options opt = {0};
	sd_json_variant *result = NULL;
	struct gp_error err = {0};
	struct keys *keys = NULL;
	struct gp_plan *plan;
	struct se *se = NULL;
	char record[512];
	int r;

	if (argc < 6) {
		fprintf(stderr, "usage: gp-host SE PLAN KEYS STATE MODE [retry]\n");
		return 2;
	}
	(void)snprintf(record, sizeof(record), "%s/record", argv[4]);
	plan = read_plan(argv[2], &err);
	r = plan ? keys_new(&keys) : -1;
	if (!r)
		r = keys_add(keys, argv[3], NULL, &err);
	if (!r)
		r = ledger_open(&opt.ledger, argv[4], &err);
	if (!r)
		r = se_open(&se, argv[1]);
	if (!r) {
		opt.keys = keys;
		opt.record = record;
		opt.mode = (enum gp_run_mode)mode_of(argv[5]);
		opt.retry_authentication = argc > 6;
		r = manage_run(se, plan, &opt, &result, &err);
		print_result(result);
	}
	if (r)
		fprintf(stderr, "%s: %s\n", err.code, err.detail);
	se_close(se);
	ledger_close(opt.ledger);
	keys_free(keys);
	gp_plan_free(plan);
	return r ? 1 : 0;
}
