// SPDX-License-Identifier: Apache-2.0
/* The record of a run, as JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/record-priv.h"

#define RECORD_VERSION 1

static const char *const step_names[] = {
	[GP_STEP_PENDING] = "pending", [GP_STEP_BEGUN] = "begun",
	[GP_STEP_DONE] = "done",       [GP_STEP_ALREADY] = "already",
	[GP_STEP_FAILED] = "failed",   [GP_STEP_UNKNOWN] = "unknown",
	[GP_STEP_UNDONE] = "undone",
};
static const char *const record_names[] = {
	[GP_RECORD_RUNNING] = "running",
	[GP_RECORD_DONE] = "done",
	[GP_RECORD_FAILED] = "failed",
	[GP_RECORD_ROLLED_BACK] = "rolled-back",
};
#define NR(array) (sizeof(array) / sizeof((array)[0]))

const char *gp_step_state_name(enum gp_step_state state)
{
	return (unsigned int)state < NR(step_names) ? step_names[state] : "?";
}

static int by_name(sd_json_variant *v, const char *const *names, size_t n)
{
	if (!v || !sd_json_variant_is_string(v))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(sd_json_variant_string(v), names[i]))
			return (int)i;
	return -EBADMSG;
}

static int read_before(struct gp_record *record, sd_json_variant *v)
{
	sd_json_variant *one;
	int r = 0;

	if (!v || !sd_json_variant_is_array(v) ||
	    sd_json_variant_elements(v) > GP_PLAN_SESSIONS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < sd_json_variant_elements(v) && !r; i++) {
		one = sd_json_variant_by_index(v, i);
		if (sd_json_variant_is_null(one))
			continue;
		r = gp_view_from_json(&record->before[i], one);
		record->has_before[i] = !r;
	}
	return r;
}

static int read_record(struct gp_record *record, sd_json_variant *json)
{
	sd_json_variant *v = sd_json_variant_by_key(json, "version");
	size_t len = 0;
	int r;

	if (!v || !sd_json_variant_is_unsigned(v) ||
	    sd_json_variant_unsigned(v) != RECORD_VERSION)
		return -EBADMSG;
	v = sd_json_variant_by_key(json, "plan");
	if (!v || gp_json_hex(v, record->digest, sizeof(record->digest), &len) ||
	    len != sizeof(record->digest))
		return -EBADMSG;
	v = sd_json_variant_by_key(json, "card");
	if (!v || !sd_json_variant_is_string(v) ||
	    strlen(sd_json_variant_string(v)) >= sizeof(record->card))
		return -EBADMSG;
	strcpy(record->card, sd_json_variant_string(v));
	r = by_name(sd_json_variant_by_key(json, "state"), record_names, NR(record_names));
	if (r < 0)
		return r;
	record->state = (enum gp_record_state)r;
	v = sd_json_variant_by_key(json, "steps");
	if (!v || !sd_json_variant_is_array(v) || sd_json_variant_elements(v) > GP_PLAN_OPS_MAX)
		return -EBADMSG;
	record->nr_steps = sd_json_variant_elements(v);
	for (size_t i = 0; i < record->nr_steps; i++) {
		r = by_name(sd_json_variant_by_index(v, i), step_names, NR(step_names));
		if (r < 0)
			return r;
		record->step[i] = (enum gp_step_state)r;
	}
	return read_before(record, sd_json_variant_by_key(json, "before"));
}

int gp_record_parse(struct gp_record **ret, const char *text, size_t len, struct gp_error *err)
{
	struct gp_record *record;
	sd_json_variant *json = NULL;
	char *copy;
	int r;

	if (len > GP_RECORD_MAX)
		return gp_fail(err, -EMSGSIZE, "record-damaged",
			       "a record of more than %d bytes", GP_RECORD_MAX);
	record = calloc(1, sizeof(*record));
	copy = malloc(len + 1);
	if (!record || !copy) {
		free(copy);
		free(record);
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	}
	if (len)
		memcpy(copy, text, len);
	copy[len] = 0;
	r = memchr(copy, 0, len) ? -EBADMSG : sd_json_parse(copy, 0, &json, NULL, NULL);
	free(copy);
	if (r >= 0)
		r = sd_json_variant_is_object(json) ? read_record(record, json) : -EBADMSG;
	sd_json_variant_unref(json);
	if (r < 0) {
		gp_record_free(record);
		return r == -ENOMEM ? gp_fail(err, r, "memory", "out of memory")
				    : gp_fail(err, -EBADMSG, "record-damaged",
					      "the record of the runs before cannot be read");
	}
	*ret = record;
	return 0;
}

void gp_record_free(struct gp_record *record)
{
	if (!record)
		return;
	for (size_t i = 0; i < GP_PLAN_SESSIONS_MAX; i++)
		gp_view_clear(&record->before[i]);
	free(record);
}

enum gp_record_state gp_record_state(const struct gp_record *record)
{
	return record->state;
}

enum gp_step_state gp_record_step(const struct gp_record *record, size_t i)
{
	return i < record->nr_steps ? record->step[i] : GP_STEP_PENDING;
}

const char *gp_record_card(const struct gp_record *record)
{
	return record->card;
}

int gp_record_fits(const struct gp_record *record, const struct gp_plan *plan,
		   struct gp_error *err)
{
	uint8_t digest[32];
	int r = gp_plan_digest(plan, digest);

	if (r)
		return gp_fail(err, r, "memory", "the plan's digest cannot be made");
	if (record->nr_steps != plan->nr_ops ||
	    memcmp(digest, record->digest, sizeof(digest)) != 0)
		return gp_fail(err, -EINVAL, "record-other-plan",
			       "the record is that of another plan");
	return 0;
}

static int write_before(const struct gp_record *record, sd_json_variant **array)
{
	size_t n = 0;
	int r = sd_json_variant_new_array(array, NULL, 0);

	for (size_t i = 0; i < GP_PLAN_SESSIONS_MAX; i++)
		if (record->has_before[i])
			n = i + 1;
	for (size_t i = 0; i < n && r >= 0; i++) {
		sd_json_variant *one = NULL;

		r = record->has_before[i] ? gp_view_to_json(&record->before[i], &one)
					  : sd_json_variant_new_null(&one);
		if (r >= 0)
			r = sd_json_variant_append_array(array, one);
		sd_json_variant_unref(one);
	}
	return r;
}

int gp_record_format(const struct gp_record *record, char **text)
{
	sd_json_variant *json = NULL, *steps = NULL, *before = NULL;
	int r;

	r = sd_json_variant_set_field_unsigned(&json, "version", RECORD_VERSION);
	if (r >= 0)
		r = gp_json_set_hex(&json, "plan", record->digest, sizeof(record->digest));
	if (r >= 0)
		r = sd_json_variant_set_field_string(&json, "card", record->card);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&json, "state",
						     record_names[record->state]);
	if (r >= 0)
		r = sd_json_variant_new_array(&steps, NULL, 0);
	for (size_t i = 0; i < record->nr_steps && r >= 0; i++)
		r = sd_json_variant_append_arrayb(
			&steps, SD_JSON_BUILD_STRING(step_names[record->step[i]]));
	if (r >= 0)
		r = sd_json_variant_set_field(&json, "steps", steps);
	if (r >= 0)
		r = write_before(record, &before);
	if (r >= 0)
		r = sd_json_variant_set_field(&json, "before", before);
	if (r >= 0)
		r = sd_json_variant_format(json, 0, text);
	sd_json_variant_unref(steps);
	sd_json_variant_unref(before);
	sd_json_variant_unref(json);
	return r < 0 ? -ENOMEM : 0;
}
