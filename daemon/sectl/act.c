// SPDX-License-Identifier: Apache-2.0
/* From keys and operations to a run and its result. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/error.h"
#include "gp/key.h"
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

int act_status(const char *code, const char **hint)
{
	static const struct {
		const char *code;
		int status;
		const char *hint;
	} known[] = {
		{"attempt-refused", EXIT_REFUSED,
		 "the right keys, then --retry-authentication; sectl key attempts has the "
		 "list"},
		{"attempt-unknown", EXIT_REFUSED,
		 "the right keys, then --retry-authentication; sectl key attempts has the "
		 "list"},
		{"attempt-running", EXIT_REFUSED, "again, when the other program is done"},
		{"ledger-corrupt", EXIT_REFUSED, "sectl key forget, once the keys are known"},
		{"wrong-keys", EXIT_REFUSED, "other --keys: nothing was sent that counts"},
		{"other-keys", EXIT_REFUSED, "the key set as the message says"},
		{"not-confirmed", EXIT_REFUSED, NULL},
		{"authentication-failed", EXIT_CARD,
		 "no second time before the keys are checked"},
		{"key-blocked", EXIT_CARD, NULL},
		{"card-refused", EXIT_CARD, NULL},
		{"no-such-key", EXIT_NOT_FOUND, "sectl key list shows the versions there are"},
		{"no-such-keyset", EXIT_NOT_FOUND, NULL},
		{"no-application", EXIT_NOT_FOUND, NULL},
		{"plan-invalid", EXIT_USAGE, NULL},
		{"plan-format", EXIT_USAGE, NULL},
		{"contradiction", EXIT_REFUSED, NULL},
		{"precondition", EXIT_REFUSED, NULL},
		{"exists", EXIT_REFUSED,
		 "sectl app list --all shows what is there; delete it first (sectl app, "
		 "package "
		 "or key delete), or give the new one another name"},
		{"key-file", EXIT_USAGE, "man sesame-keys"},
	};
	size_t i;

	*hint = NULL;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(code, known[i].code)) {
			*hint = known[i].hint;
			return known[i].status;
		}
	}
	return EXIT_FAILED;
}

int fail_gp(int error, const struct gp_error *err)
{
	const char *hint;
	int status = act_status(err->code, &hint);

	if (status != EXIT_FAILED)
		return fail(status, err->code, hint, "%s", err->detail);
	switch (error) {
	case -ENOENT:
	case -ENOKEY:
		status = EXIT_NOT_FOUND;
		break;
	case -EACCES:
	case -EPERM:
	case -EKEYREJECTED:
		status = EXIT_REFUSED;
		break;
	case -ETIMEDOUT:
		status = EXIT_TIMEOUT;
		break;
	case -EINVAL:
		status = EXIT_USAGE;
		break;
	default:
		break;
	}
	return fail(status, *err->code ? err->code : "failed", NULL, "%s",
		    *err->detail ? err->detail : strerror(-error));
}

/* ---- begin ---- */

static int load_keys(struct act *a)
{
	const struct gp_keyset *const *sets;
	struct gp_error err = {0};
	unsigned int i;
	size_t n, k;
	int r;

	if (keys_new(&a->keys))
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (opt.nr_keys && target_semd())
		return fail(EXIT_USAGE, "usage", "--keyset=NAME, a [keyset NAME] of semd.conf",
			    "semd has its own keys, --keys is not for it");
	for (i = 0; i < opt.nr_keys; i++) {
		r = keys_add(a->keys, opt.keys[i], NULL, &err);
		if (r)
			return fail_gp(r, &err);
	}
	sets = keys_sets(a->keys, &n);
	for (k = 0; k < n; k++)
		a->warned |= sets[k]->is_default;
	for (k = 0; k < n; k++)
		if (sets[k]->is_default)
			warn("KEY SET %s HAS THE DEFAULT KEY 404142\xe2\x80\xa6"
			     "4F. Everybody knows it: whoever gets at the card owns it.",
			     sets[k]->name);
	return EXIT_OK;
}

static bool has_keyset(const struct act *a, const char *name)
{
	size_t i;

	for (i = 0; i < keys_count(a->keys); i++)
		if (!strcmp(keys_name_at(a->keys, i), name))
			return true;
	return false;
}

/* The name of the key set that the channel is opened with. */
static int choose_keys(const struct act *a, bool secure, const char **name)
{
	*name = opt.keyset ? opt.keyset : "";
	if (target_semd()) {
		if (secure && !opt.keyset)
			return fail(EXIT_USAGE, "usage",
				    "--keyset=NAME, a [keyset NAME] of semd.conf",
				    "which of semd's key sets? --keyset=NAME");
		return EXIT_OK;
	}
	if (opt.keyset && opt.nr_keys && !has_keyset(a, opt.keyset))
		return fail(EXIT_NOT_FOUND, "no-such-keyset", NULL,
			    "there is no key set '%s' in what --keys names", opt.keyset);
	if (!opt.keyset && keys_count(a->keys) == 1)
		*name = keys_name_at(a->keys, 0);
	if (**name || !secure)
		return EXIT_OK;
	if (!opt.nr_keys)
		return fail(EXIT_USAGE, "no-keys",
			    "--keys=file:PATH (man sesame-keys), or --keys=default for a fresh "
			    "card",
			    "%s needs a secure channel, and no keys are given",
			    verb_title(current_verb));
	return fail(EXIT_USAGE, "usage", "--keyset=NAME",
		    "there are %zu key sets: which one opens the channel?",
		    keys_count(a->keys));
}

static int take_level(const char *text, uint8_t *level)
{
	static const struct {
		const char *name;
		uint8_t level;
	} levels[] = {{"mac", 0x01}, {"enc", 0x03}, {"rmac", 0x13}, {"renc", 0x33}};
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(text, levels[i].name)) {
			*level = levels[i].level;
			return EXIT_OK;
		}
	}
	return fail(EXIT_USAGE, "usage", "mac, enc, rmac or renc", "--level=%s: no such level",
		    text);
}

int act_begin(struct act *a, const char *name, bool secure)
{
	struct gp_session *s;
	struct gp_aid sd = {0};
	const char *keyset;
	int r;

	memset(a, 0, sizeof(*a));
	r = load_keys(a);
	if (!r)
		r = choose_keys(a, secure, &keyset);
	if (!r && opt.sd)
		r = act_aid("--sd", opt.sd, &sd);
	if (r)
		return r;
	a->plan = gp_plan_new();
	if (!a->plan)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	snprintf(a->plan->name, sizeof(a->plan->name), "%s", name);
	if (gp_plan_session(a->plan, &sd, keyset) < 0)
		return fail(EXIT_USAGE, "usage", NULL, "--keyset=%s: too long", keyset);
	s = &a->plan->sessions[0];
	if (opt.level)
		r = take_level(opt.level, &s->level);
	if (opt.profile && (size_t)snprintf(s->profile, sizeof(s->profile), "%s",
					    opt.profile) >= sizeof(s->profile))
		r = fail(EXIT_USAGE, "usage", NULL, "--profile=%s: too long", opt.profile);
	return r;
}

int act_take(struct act *a, struct gp_plan *plan)
{
	memset(a, 0, sizeof(*a));
	a->plan = plan;
	return load_keys(a);
}

struct gp_op *act_add(struct act *a, enum gp_op_type type)
{
	struct gp_op *op = gp_plan_add(a->plan, type, 0);

	if (!op) {
		fputs("sectl: no memory\n", stderr);
		exit(EXIT_FAILED);
	}
	return op;
}

/* ---- run ---- */

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
	if (kept_begun(id) ? !r && !worth_keeping(a) : r != 0)
		(void)kept_remove(id);
	return r;
}

/* ---- result ---- */

sd_json_variant *act_step(const struct act *a, size_t i)
{
	sd_json_variant *steps = sd_json_variant_by_key(a->result, "steps");

	return i < sd_json_variant_elements(steps) ? sd_json_variant_by_index(steps, i) : NULL;
}

int act_print(struct act *a)
{
	sd_json_variant *step, *list;
	struct table *t;
	size_t i;

	if (!a->result)
		return EXIT_OK;
	if (opt.json)
		return put_json(sd_json_variant_ref(a->result), 0);
	list = sd_json_variant_by_key(a->result, "warnings");
	for (i = 0; i < sd_json_variant_elements(list); i++)
		if (!a->warned ||
		    !strstr(sd_json_variant_string(sd_json_variant_by_index(list, i)),
			    "default keys"))
			warn("%s", sd_json_variant_string(sd_json_variant_by_index(list, i)));
	t = table_new("STEP|SUBJECT|STATE|FOUND BEFORE");
	for (i = 0; (step = act_step(a, i)); i++) {
		table_cell(t, "%s", json_text(step, "op"));
		table_cell(t, "%s", json_text(step, "aid"));
		table_cell(t, "%s", json_text(step, "state"));
		table_cell(t, "%s",
			   json_text(step, *json_text(step, "detail") ? "detail" : "found"));
	}
	table_print(t);
	return EXIT_OK;
}

void act_end(struct act *a)
{
	sd_json_variant_unref(a->result);
	gp_plan_free(a->plan);
	keys_free(a->keys);
	memset(a, 0, sizeof(*a));
}

int act_do(struct act *a)
{
	int r = act_run(a);

	if (!r)
		r = act_print(a);
	act_end(a);
	return r;
}

int act_do_with(struct act *a, void (*print)(const struct act *a))
{
	int r = act_run(a);

	if (!r && a->result && !opt.json)
		print(a);
	else if (!r)
		r = act_print(a);
	act_end(a);
	return r;
}

int act_done(struct act *a, int status)
{
	if (!status)
		return act_do(a);
	act_end(a);
	return status;
}
