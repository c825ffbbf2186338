// SPDX-License-Identifier: Apache-2.0
/* plan: several operations as one, kept until they are done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/record.h"
#include "sectl/act.h"
#include "sectl/kept.h"
#include "sectl/sectl.h"

static int read_plan(const char *path, struct gp_plan **plan)
{
	struct gp_error err = {0}, why;
	uint8_t *text;
	size_t len;
	int r;

	*plan = NULL;
	r = read_input(path, GP_PLAN_TEXT_MAX, &text, &len);
	if (r)
		return r;
	r = gp_plan_parse(plan, (char *)text, len, &err);
	forget(text, len);
	if (!r)
		return EXIT_OK;
	why = err;
	gp_fail(&err, r, why.code, "%s: %s", strcmp(path, "-") ? path : "standard input",
		why.detail);
	return fail_gp(r, &err);
}

/* The plan says which key sets and domains; --keys has them. */
static int run_file(const char *path)
{
	struct gp_plan *plan;
	struct act a;
	int r;

	r = read_plan(path, &plan);
	if (r)
		return r;
	r = act_take(&a, plan);
	return act_done(&a, r);
}

int verb_plan_show(int argc, char **argv)
{
	(void)argc;
	opt.dry_run = true;
	return run_file(argv[0]);
}

int verb_plan_run(int argc, char **argv)
{
	(void)argc;
	return run_file(argv[0]);
}

/* ---- what has begun ---- */

static int go_on(const char *id, enum gp_run_mode mode)
{
	struct gp_plan *plan;
	struct act a;
	int r;

	if (target_semd())
		return fail(EXIT_USAGE, "usage",
			    "sectl jobs resume JOB, sectl jobs rollback JOB",
			    "a plan that semd runs is one of its jobs");
	r = kept_load(id, &plan);
	if (r)
		return r;
	r = act_take(&a, plan);
	if (!r && !kept_begun(id)) { /* it was cut before its first APDU */
		if (mode == GP_RUN_ROLLBACK)
			r = fail(EXIT_REFUSED, "nothing-done", "sectl plan forget ID",
				 "plan %s has not sent anything", id);
		mode = GP_RUN_FORWARD;
	}
	if (!r)
		r = act_run_here(&a, mode, id);
	if (!r)
		r = act_print(&a);
	act_end(&a);
	return r;
}

int verb_plan_resume(int argc, char **argv)
{
	(void)argc;
	return go_on(argv[0], GP_RUN_RESUME);
}

int verb_plan_rollback(int argc, char **argv)
{
	(void)argc;
	return go_on(argv[0], GP_RUN_ROLLBACK);
}

int verb_plan_forget(int argc, char **argv)
{
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	r = kept_remove(argv[0]);
	if (r || !opt.json)
		return r;
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("id", argv[0]));
	return put_json(v, r);
}

/* ---- list ---- */

struct plans {
	struct table *table;
	sd_json_variant *array;
	int r;
};

static const char *state_words(const struct gp_record *record)
{
	if (!record)
		return "nothing sent";
	switch (gp_record_state(record)) {
	case GP_RECORD_RUNNING:
		return "interrupted";
	case GP_RECORD_DONE:
		return "done";
	case GP_RECORD_FAILED:
		return "failed";
	case GP_RECORD_ROLLED_BACK:
		return "rolled back";
	}
	return "?";
}

static void one_plan(void *ctx, const char *id, const struct gp_plan *plan,
		     const struct gp_record *record)
{
	const char *card = record ? gp_record_card(record) : "";
	struct plans *p = ctx;
	size_t i, done = 0;

	for (i = 0; record && i < plan->nr_ops; i++)
		done += gp_record_step(record, i) == GP_STEP_DONE ||
			gp_record_step(record, i) == GP_STEP_ALREADY;
	if (opt.json && p->r >= 0) {
		p->r = sd_json_variant_append_arraybo(
			&p->array, SD_JSON_BUILD_PAIR_STRING("id", id),
			SD_JSON_BUILD_PAIR_STRING("name", plan->name),
			SD_JSON_BUILD_PAIR_STRING("state", state_words(record)),
			SD_JSON_BUILD_PAIR_UNSIGNED("done", done),
			SD_JSON_BUILD_PAIR_UNSIGNED("operations", plan->nr_ops),
			SD_JSON_BUILD_PAIR_STRING("card", card));
		return;
	}
	table_cell(p->table, "%s", id);
	table_cell(p->table, "%s", plan->name);
	table_cell(p->table, "%s", state_words(record));
	table_cell(p->table, "%zu/%zu", done, plan->nr_ops);
	table_cell(p->table, "%s", card);
}

int verb_plan_list(int argc, char **argv)
{
	struct plans p = {.table = table_new("PLAN|NAME|STATE|>DONE|CARD")};
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = kept_each(one_plan, &p);
	if (!r && !opt.json && !table_rows(p.table))
		printf("no plans\n");
	table_print(p.table);
	if (r || !opt.json)
		return r;
	if (p.r >= 0 && !p.array)
		p.r = sd_json_variant_new_array(&p.array, NULL, 0);
	if (p.r >= 0)
		p.r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("plans", p.array));
	sd_json_variant_unref(p.array);
	return put_json(v, p.r);
}
