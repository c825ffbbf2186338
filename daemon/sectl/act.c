// SPDX-License-Identifier: Apache-2.0
/* From keys and operations to a plan, and what came of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/error.h"
#include "gp/key.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

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
