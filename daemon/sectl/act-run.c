// SPDX-License-Identifier: Apache-2.0
/* Plans shown (-n), run here, kept while they are of use. */
#include <stdio.h>
#include <string.h>

#include "gp/error.h"
#include "keys/ledger.h"
#include "libse/se.h"
#include "manage/manage.h"
#include "sectl/act.h"
#include "sectl/kept.h"
#include "sectl/sectl.h"
#include "sectl/semd.h"
#include "sectl/stop.h"
#include "sectl/trace.h"

#define BATCH_SEEN 16 /* APDUs in a stream where somebody watches the bar */

int act_ledger(struct ledger **ledger)
{
	struct gp_error err = {0};
	int r = ledger_open(ledger, opt.state_dir, &err);

	if (!r)
		return EXIT_OK;
	fail_hint("--state-dir=PATH, a folder that is yours alone");
	return fail_gp(r, &err);
}

static bool on_cancel(void *userdata)
{
	(void)userdata;
	return stop_wanted();
}

static void on_progress(void *userdata, const struct gp_run_progress *now)
{
	struct progress *bar = userdata;

	bar->total = now->total;
	progress_update(bar, now->done);
}

static void on_trace(void *userdata, const struct se_apdu *apdus, uint32_t n)
{
	(void)userdata;
	trace_stream(apdus, n);
}

static void on_trace_open(void *userdata, const struct se_channel_open *open, uint64_t ns)
{
	(void)userdata;
	trace_select((const uint8_t *)(uintptr_t)open->aid_ptr, open->aid_len, open, ns);
}

/* A package is some hundred lines of hex that nobody reads on a screen. */
static void put_cut(const char *hex)
{
	size_t room = terminal_columns();

	if (room < 16 || strlen(hex) + 6 <= room)
		printf("      %s\n", hex);
	else
		printf("      %.*s…\n", (int)room - 7, hex);
}

/* What -n shows: each step in words, its APDUs below it. */
static int show_plan(struct act *a)
{
	sd_json_variant *json = NULL, *steps, *step, *apdus, *c;
	struct gp_error err = {0};
	size_t i, k;
	int r;

	r = gp_plan_show(a->plan, &json, &err);
	if (r)
		return fail_gp(r, &err);
	if (opt.json)
		return put_json(json, 0);
	steps = sd_json_variant_by_key(json, "steps");
	for (i = 0; i < sd_json_variant_elements(steps); i++) {
		step = sd_json_variant_by_index(steps, i);
		printf("%s%s%s\n", json_text(step, "op"), *json_text(step, "words") ? ": " : "",
		       json_text(step, "words"));
		apdus = sd_json_variant_by_key(step, "apdus");
		for (k = 0; k < sd_json_variant_elements(apdus); k++) {
			c = sd_json_variant_by_index(apdus, k);
			printf("    %s\n", json_text(c, "text"));
			put_cut(json_text(c, "hex"));
		}
	}
	printf("%llu APDUs in about %llu round trips; nothing was sent\n",
	       (unsigned long long)json_number(json, "apdus"),
	       (unsigned long long)json_number(json, "roundTrips"));
	sd_json_variant_unref(json);
	return EXIT_OK;
}

static bool needs_keys(const struct gp_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->nr_sessions; i++)
		if (*plan->sessions[i].keys)
			return true;
	return false;
}

static bool any_done(const struct act *a)
{
	sd_json_variant *step;
	size_t i;

	for (i = 0; (step = act_step(a, i)); i++)
		if (!strcmp(json_text(step, "state"), "done"))
			return true;
	return false;
}

/* What can be done about a plan that ended half way. */
static void hint_kept(const struct act *a, const char *id)
{
	bool failed = a->result && !strcmp(json_text(a->result, "state"), "failed");

	if (!failed)
		fail_hint("sectl plan resume %s, or sectl plan rollback %s", id, id);
	else if (any_done(a))
		fail_hint("sectl plan rollback %s takes back what was done", id);
}

static int run_on(struct act *a, struct se *se, enum gp_run_mode mode, const char *id,
		  const char *record)
{
	struct progress bar;
	struct gp_error err = {0};
	struct manage_options how = {
		.keys = a->keys,
		.retry_authentication = opt.retry_authentication,
		.record = record,
		.mode = mode,
		.partial = opt.partial,
		.deadline_ns = opt.deadline ? se_deadline_in(1000ULL * opt.deadline) : 0,
		.cancel = on_cancel,
		.progress = on_progress,
		.trace = on_trace,
		.trace_open = on_trace_open,
		.userdata = &bar,
	};
	int r;

	r = needs_keys(a->plan) ? act_ledger(&how.ledger) : EXIT_OK;
	if (r)
		return r;
	stop_begin();
	progress_begin(&bar, verb_title(current_verb), 0, "APDU");
	how.batch_max = bar.on ? BATCH_SEEN : 0;
	r = manage_run(se, a->plan, &how, &a->result, &err);
	progress_end(&bar);
	stop_end();
	ledger_close(how.ledger);
	if (!r)
		return EXIT_OK;
	if (opt.sd && !strcmp(err.code, "no-application"))
		fail_hint("--sd of a domain that sectl app list shows; %s is none", opt.sd);
	if (id && kept_begun(id) && strncmp(err.code, "attempt-", 8) != 0)
		hint_kept(a, id);
	if (a->result)
		fail_keep(sd_json_variant_ref(a->result));
	return fail_gp(r, &err);
}

int act_run_here(struct act *a, enum gp_run_mode mode, const char *id)
{
	char path[KEPT_PATH_MAX];
	struct se *se;
	int r = EXIT_OK;

	if (id)
		r = kept_record_path(id, path);
	if (!r)
		r = target_open(&se);
	if (r)
		return r;
	r = run_on(a, se, mode, id, id ? path : NULL);
	se_close(se);
	return r;
}

/* Worth a record is what changes the card. */
static bool changes_card(const struct gp_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->nr_ops; i++)
		if (plan->ops[i].type != GP_OP_LIST && plan->ops[i].type != GP_OP_GET_DATA &&
		    plan->ops[i].type != GP_OP_APDU)
			return true;
	return false;
}

/* The run ended before an operation that changes anything. */
static bool untouched(const struct act *a)
{
	sd_json_variant *step;
	const char *state;
	size_t i;

	if (!a->result || strcmp(json_text(a->result, "state"), "failed") != 0)
		return false;
	for (i = 0; (step = act_step(a, i)); i++) {
		state = json_text(step, "state");
		if (strcmp(state, "already") != 0 && strcmp(state, "skipped") != 0)
			return false;
	}
	return true;
}

/*
 * A plan that is done is kept for its rollback. None takes back data that the card has got;
 * they need not lie about on the disk. Nor does anything that was so before.
 */
static bool worth_keeping(const struct act *a)
{
	size_t i;

	if (!any_done(a))
		return false;
	for (i = 0; i < a->plan->nr_ops; i++)
		if (a->plan->ops[i].type != GP_OP_STORE_DATA &&
		    a->plan->ops[i].type != GP_OP_PERSONALISE)
			return true;
	return false;
}

int act_run(struct act *a)
{
	struct gp_error err = {0};
	char id[KEPT_ID_MAX];
	bool keep;
	int r;

	r = gp_plan_validate(a->plan, &err);
	if (!r)
		r = gp_plan_resolve(a->plan, manage_read_file, NULL, &err);
	if (r)
		return fail_gp(r, &err);
	if (opt.dry_run)
		return show_plan(a);
	if (target_semd())
		return semd_run_plan(a->plan, &a->result);
	keep = changes_card(a->plan);
	if (!keep)
		return act_run_here(a, GP_RUN_FORWARD, NULL);
	r = kept_new(a->plan, id);
	if (r)
		return r;
	r = act_run_here(a, GP_RUN_FORWARD, id);
	if (!kept_begun(id) || untouched(a) || (!r && !worth_keeping(a)))
		(void)kept_remove(id);
	return r;
}
