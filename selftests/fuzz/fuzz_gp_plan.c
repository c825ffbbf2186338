// SPDX-License-Identifier: Apache-2.0
/*
 * Plans and records from text. A plan that is taken must come back from its own text with the
 * same digest, and can be shown. With its code left in the text it is the same plan, or none
 * as well.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan.h"
#include "gp/record.h"

static int no_file(void *userdata, const char *name, uint8_t **p, size_t *len)
{
	(void)userdata;
	(void)name;
	*p = malloc(4);
	if (!*p)
		return -1;
	memcpy(*p, "\xc4\x02\x01\x02", 4);
	*len = 4;
	return 0;
}

static void again(const struct gp_plan *plan)
{
	sd_json_variant *json = NULL;
	struct gp_plan *other = NULL;
	uint8_t one[32], two[32];
	struct gp_error err;
	char *text = NULL;

	if (gp_plan_to_json(plan, &json) || sd_json_variant_format(json, 0, &text) < 0)
		abort();
	sd_json_variant_unref(json);
	if (gp_plan_parse(&other, text, strlen(text), &err))
		abort();
	if (gp_plan_digest(plan, one) || gp_plan_digest(other, two) ||
	    memcmp(one, two, 32) != 0)
		abort();
	gp_plan_free(other);
	free(text);
}

/* @plan: what is made of the text when it is in memory, NULL for nothing */
static void left_there(const struct gp_plan *plan, const uint8_t *data, size_t len)
{
	const struct gp_source text = gp_source_memory(data, len);
	struct gp_plan *other = NULL;
	uint8_t one[32], two[32];
	struct gp_error err;
	int r = gp_plan_open(&other, &text, &err);

	if ((r == 0) != (plan != NULL))
		abort();
	if (!plan)
		return;
	if (gp_plan_digest(plan, one) || gp_plan_digest(other, two) ||
	    memcmp(one, two, 32) != 0)
		abort();
	again(other);
	if (!gp_plan_resolve(other, no_file, NULL, &err))
		again(other);
	gp_plan_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gp_record *record = NULL;
	sd_json_variant *json = NULL;
	struct gp_plan *plan = NULL;
	struct gp_error err;

	if (gp_record_parse(&record, (const char *)data, len, &err) == 0)
		gp_record_free(record);
	if (gp_plan_parse(&plan, (const char *)data, len, &err))
		plan = NULL;
	left_there(plan, data, len);
	if (!plan)
		return 0;
	again(plan);
	if (!gp_plan_resolve(plan, no_file, NULL, &err)) {
		again(plan);
		if (!gp_plan_show(plan, &json, &err))
			sd_json_variant_unref(json);
	}
	gp_plan_free(plan);
	return 0;
}
