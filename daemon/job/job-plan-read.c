// SPDX-License-Identifier: Apache-2.0
/* A plan's text: what it is, what the policy says to it, and a result made from it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan.h"
#include "gp/record.h"
#include "job/job-store.h"
#include "job/policy.h"

static int from_gp(struct job_error *err, int error, const struct gp_error *e)
{
	return job_fail(err, error, e->code, "%s", e->detail);
}

/* ---- policy ---- */

struct aid_check {
	const struct job_policy *p;
	const char *origin;
	struct job_error *err;
};

static int check_aid(void *userdata, const struct gp_aid *aid)
{
	const struct aid_check *c = userdata;
	char hex[2 * SE_AID_MAX + 1];

	if (policy_aid(c->p, aid->bytes, aid->len))
		return 0;
	se_to_hex(hex, aid->bytes, aid->len);
	return job_fail(c->err, -EACCES, "policy",
			"the policy '%s' of %s does not have the AID %s", c->p->name, c->origin,
			aid->len ? hex : "of the default application");
}

static int check_keys(const struct job_policy *p, const char *origin, const char *name,
		      struct job_error *err)
{
	if (!*name || policy_keyset(p, name))
		return 0;
	return job_fail(err, -EACCES, "policy",
			"the policy '%s' of %s does not have the key set '%s'", p->name, origin,
			name);
}

static int check_policy(const struct gp_plan *plan, const struct job_policy *p,
			const char *origin, struct job_error *err)
{
	struct aid_check c = {p, origin, err};
	int r = 0;
	size_t i;

	for (i = 0; !r && i < plan->nr_sessions; i++)
		r = check_keys(p, origin, plan->sessions[i].keys, err);
	for (i = 0; !r && i < plan->nr_ops; i++) {
		r = check_keys(p, origin, plan->ops[i].keys, err);
		if (!r && !policy_operation(p, plan->ops[i].type))
			r = job_fail(err, -EACCES, "policy",
				     "the policy '%s' of %s does not have the operation %s",
				     p->name, origin,
				     gp_op_name((enum gp_op_type)plan->ops[i].type));
	}
	return r ? r : gp_plan_aids(plan, check_aid, &c);
}

/* ---- reading ---- */

/* The job's key set stands for that of the first session, wherever that is named. */
static void override_keys(struct gp_plan *plan, const char *keys)
{
	char former[GP_PLAN_NAME_MAX];
	size_t i;

	if (!*keys || !plan->nr_sessions)
		return;
	memcpy(former, plan->sessions[0].keys, sizeof(former));
	for (i = 0; i < plan->nr_sessions; i++)
		if (!strcmp(plan->sessions[i].keys, former))
			snprintf(plan->sessions[i].keys, sizeof(plan->sessions[i].keys), "%s",
				 keys);
}

int job_plan_read(struct gp_plan **ret, const struct job_info *info,
		  const struct job_policy *policy, const struct gp_source *text,
		  struct job_error *err)
{
	struct gp_plan *plan = NULL;
	struct gp_error e = {.code = "internal"};
	int r;

	r = gp_plan_open(&plan, text, &e);
	if (r)
		return from_gp(err, r, &e);
	override_keys(plan, info->params.keyset);
	/* no files: what lies on this machine is no business of who sent the plan */
	r = gp_plan_resolve(plan, NULL, NULL, &e);
	if (r)
		from_gp(err, r, &e);
	else if (policy)
		r = check_policy(plan, policy, info->origin, err);
	if (r)
		gp_plan_free(plan);
	else
		*ret = plan;
	return r;
}

int job_plan_check(struct job_store *s, const struct job_info *info,
		   const struct gp_source *text, struct se_filter_aid *aid,
		   struct job_error *err)
{
	struct job_policy *policy = NULL;
	struct job_info i = *info;
	struct gp_plan *plan = NULL;
	struct gp_aid sd;
	int r;

	/* first as nobody in particular, to learn the target */
	r = job_plan_read(&plan, info, NULL, text, err);
	if (r)
		return r;
	sd = plan->sessions[0].sd;
	memset(aid, 0, sizeof(*aid));
	memcpy(aid->aid, sd.bytes, sd.len);
	aid->len = sd.len;
	memcpy(i.params.aid, sd.bytes, sd.len);
	i.params.aid_len = sd.len;
	r = job_grant(s, &i, &policy, err);
	if (!r && policy)
		r = check_policy(plan, policy, info->origin, err);
	free(policy);
	gp_plan_free(plan);
	return r;
}

/* ---- a result where no run could say one ---- */

static const char *step_name(const struct gp_record *record, size_t i)
{
	enum gp_step_state state = record ? gp_record_step(record, i) : GP_STEP_PENDING;

	/* begun, and nobody was there to see its end */
	return gp_step_state_name(state == GP_STEP_BEGUN ? GP_STEP_UNKNOWN : state);
}

static int add_steps(const struct gp_plan *plan, const struct gp_record *record,
		     sd_json_variant **steps)
{
	const struct gp_op *op;
	size_t i;
	int r = 0;

	for (i = 0; r >= 0 && i < plan->nr_ops; i++) {
		op = &plan->ops[i];
		r = sd_json_variant_append_arraybo(
			steps,
			SD_JSON_BUILD_PAIR_STRING("op", gp_op_name((enum gp_op_type)op->type)),
			SD_JSON_BUILD_PAIR_CONDITION(op->label[0] != '\0', "label",
						     SD_JSON_BUILD_STRING(op->label)),
			SD_JSON_BUILD_PAIR_STRING("state", step_name(record, i)));
	}
	return r;
}

int job_plan_result(const struct gp_source *text, const char *record_text,
		    const struct job_end *end, enum job_mode mode, uint32_t executed,
		    sd_json_variant **ret)
{
	struct gp_record *record = NULL;
	sd_json_variant *steps = NULL;
	struct gp_plan *plan = NULL;
	const char *state = "failed";
	struct gp_error e;
	int r = 0;

	/* What cannot be read is left out: the end itself is the journal's word. */
	if (text && gp_plan_open(&plan, text, &e))
		plan = NULL;
	if (record_text && *record_text &&
	    gp_record_parse(&record, record_text, strlen(record_text), &e))
		record = NULL;
	if (end->state == JOB_UNKNOWN)
		state = "unknown";
	else if (executed || record)
		state = "interrupted";
	if (plan)
		r = add_steps(plan, record, &steps);
	if (r >= 0 && !steps)
		r = sd_json_variant_new_array(&steps, NULL, 0);
	if (r >= 0)
		r = sd_json_buildo(
			ret, SD_JSON_BUILD_PAIR_STRING("plan", plan ? plan->name : ""),
			SD_JSON_BUILD_PAIR_STRING("mode", job_mode_name(mode)),
			SD_JSON_BUILD_PAIR_STRING("state", state),
			SD_JSON_BUILD_PAIR(
				"error",
				SD_JSON_BUILD_OBJECT(
					SD_JSON_BUILD_PAIR_STRING("code", end->code),
					SD_JSON_BUILD_PAIR_STRING("detail", end->detail))),
			SD_JSON_BUILD_PAIR_VARIANT("steps", steps),
			SD_JSON_BUILD_PAIR_UNSIGNED("apdus", executed));
	sd_json_variant_unref(steps);
	gp_record_free(record);
	gp_plan_free(plan);
	return r < 0 ? r : 0;
}
