// SPDX-License-Identifier: Apache-2.0
/* ShowPlan: what a plan would send. */
#include <stdio.h>

#include "control/control-priv.h"
#include "gp/plan.h"

/* Dry run: no secure element has a part in it, and no key. */
CONTROL_METHOD(show_plan)
{
	static const sd_json_dispatch_field table[] = {
		{"plan", SD_JSON_VARIANT_OBJECT, sd_json_dispatch_variant_noref, 0,
		 SD_JSON_MANDATORY},
		{0},
	};
	sd_json_variant *json = NULL, *shown = NULL;
	struct gp_error ge = {.code = "internal"};
	struct gp_plan *plan = NULL;
	struct control *c = userdata;
	struct job_error e;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &json, &peer, &r))
		return r;
	r = gp_plan_from_json(&plan, json, &ge);
	if (!r)
		r = gp_plan_resolve(plan, NULL, NULL, &ge);
	if (!r)
		r = gp_plan_show(plan, &shown, &ge);
	if (r) {
		snprintf(e.code, sizeof(e.code), "%s", ge.code);
		snprintf(e.detail, sizeof(e.detail), "%s", ge.detail);
		r = control_say_error(link, -EINVAL, &e, 0, NULL);
	} else {
		r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("shown", shown));
	}
	sd_json_variant_unref(shown);
	gp_plan_free(plan);
	return r;
}
