// SPDX-License-Identifier: Apache-2.0
/* Methods that make jobs, and end them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control-priv.h"

struct run_args {
	const char *se, *aid, *script;
	int compact, keep;
	uint32_t token, deadline;
};

int control_make_job(struct control *c, const struct peer *peer, const struct job_params *p,
		     const void *text, size_t len, uint64_t *id, struct job_error *e)
{
	int r;

	r = job_create(c->store, peer->origin, JOB_SLOT_NONE, id, e);
	if (r)
		return r;
	r = job_set(c->store, *id, p, e);
	if (!r)
		r = job_script_write(c->store, *id, 0, text, len, e);
	if (!r)
		r = job_script_end(c->store, *id, e);
	if (!r)
		r = job_run(c->store, *id, e);
	if (r)
		job_delete(c->store, *id, NULL);
	return r;
}

CONTROL_METHOD(run_script)
{
	static const sd_json_dispatch_field table[] = {
		{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct run_args, se), SD_JSON_MANDATORY},
		{"aid", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct run_args, aid), SD_JSON_NULLABLE},
		{"script", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct run_args, script), SD_JSON_MANDATORY},
		{"compact", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct run_args, compact), SD_JSON_NULLABLE},
		{"keepChannel", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct run_args, keep), SD_JSON_NULLABLE},
		{"token", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint32,
		 offsetof(struct run_args, token), SD_JSON_NULLABLE},
		{"deadline", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint32,
		 offsetof(struct run_args, deadline), SD_JSON_NULLABLE},
		{0},
	};
	struct run_args a = {.compact = -1, .keep = -1};
	struct control *c = userdata;
	struct job_params p = {0};
	struct job_error e;
	void *script = NULL;
	size_t len, aid_len;
	uint64_t id = 0;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &a, &peer, &r))
		return r;
	if (strlen(a.se) >= sizeof(p.se))
		return sd_varlink_error_invalid_parameter_name(link, "se");
	snprintf(p.se, sizeof(p.se), "%s", a.se);
	if (a.aid && se_from_hex(a.aid, strlen(a.aid), p.aid, sizeof(p.aid), &aid_len))
		return sd_varlink_error_invalid_parameter_name(link, "aid");
	p.aid_len = a.aid ? (uint8_t)aid_len : 0;
	p.compact = a.compact > 0;
	p.keep_channel = a.keep > 0;
	p.token = a.token;
	p.deadline_s = a.deadline;
	r = sd_json_variant_unbase64(sd_json_variant_by_key(parameters, "script"), &script,
				     &len);
	if (r < 0)
		return sd_varlink_error_invalid_parameter_name(link, "script");
	r = control_make_job(c, &peer, &p, script, len, &id, &e);
	explicit_bzero(script, len);
	free(script);
	if (r)
		return control_say_error(link, r, &e, id, a.se);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
}

/* ---- plans ---- */

struct plan_args {
	const char *se, *keyset;
	sd_json_variant *plan;
	uint32_t deadline;
	int retry;
};

CONTROL_METHOD(run_plan)
{
	static const sd_json_dispatch_field table[] = {
		{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct plan_args, se), SD_JSON_MANDATORY},
		{"plan", SD_JSON_VARIANT_OBJECT, sd_json_dispatch_variant_noref,
		 offsetof(struct plan_args, plan), SD_JSON_MANDATORY},
		{"keySet", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct plan_args, keyset), SD_JSON_NULLABLE},
		{"deadline", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint32,
		 offsetof(struct plan_args, deadline), SD_JSON_NULLABLE},
		{"retryAuthentication", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct plan_args, retry), SD_JSON_NULLABLE},
		{0},
	};
	struct job_params p = {.kind = JOB_PLAN};
	struct plan_args a = {.retry = -1};
	struct control *c = userdata;
	struct job_error e;
	struct peer peer;
	uint64_t id = 0;
	char *text;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &a, &peer, &r))
		return r;
	if (strlen(a.se) >= sizeof(p.se))
		return sd_varlink_error_invalid_parameter_name(link, "se");
	if (a.keyset && strlen(a.keyset) >= sizeof(p.keyset))
		return sd_varlink_error_invalid_parameter_name(link, "keySet");
	snprintf(p.se, sizeof(p.se), "%s", a.se);
	snprintf(p.keyset, sizeof(p.keyset), "%s", a.keyset ? a.keyset : "");
	p.deadline_s = a.deadline;
	p.retry_authentication = a.retry > 0;
	r = sd_json_variant_format(a.plan, 0, &text);
	if (r < 0)
		return r;
	r = control_make_job(c, &peer, &p, text, strlen(text), &id, &e);
	explicit_bzero(text, strlen(text));
	free(text);
	if (r)
		return control_say_error(link, r, &e, id, a.se);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
}

struct again_args {
	uint64_t id;
	int retry;
};

static int again(sd_varlink *link, sd_json_variant *parameters, struct control *c,
		 int (*fn)(struct job_store *s, uint64_t id, bool retry, struct job_error *err))
{
	static const sd_json_dispatch_field table[] = {
		{"id", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64,
		 offsetof(struct again_args, id), SD_JSON_MANDATORY},
		{"retryAuthentication", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct again_args, retry), SD_JSON_NULLABLE},
		{0},
	};
	struct again_args a = {.retry = -1};
	struct job_info info;
	struct job_error e;
	struct peer peer;
	int r;

	if (!control_begin(c, link, parameters, table, &a, &peer, &r) ||
	    !control_own_job(c, link, &peer, a.id, &info, &r))
		return r;
	r = fn(c->store, a.id, a.retry > 0, &e);
	return r ? control_say_error(link, r, &e, a.id, info.params.se)
		 : sd_varlink_reply(link, NULL);
}

CONTROL_METHOD(resume_job)
{
	(void)flags;
	return again(link, parameters, userdata, job_resume);
}

CONTROL_METHOD(rollback_job)
{
	(void)flags;
	return again(link, parameters, userdata, job_rollback);
}

/* ---- the end ---- */

CONTROL_METHOD(cancel_job)
{
	struct control *c = userdata;
	struct job_info info;
	struct job_error e;
	struct peer peer;
	uint64_t id = 0;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, control_id_table, &id, &peer, &r) ||
	    !control_own_job(c, link, &peer, id, &info, &r))
		return r;
	r = job_cancel(c->store, id, &e);
	return r ? control_say_error(link, r, &e, id, NULL) : sd_varlink_reply(link, NULL);
}

CONTROL_METHOD(ack_job)
{
	struct control *c = userdata;
	struct job_info info;
	struct job_error e;
	struct peer peer;
	uint64_t id = 0;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, control_id_table, &id, &peer, &r) ||
	    !control_own_job(c, link, &peer, id, &info, &r))
		return r;
	if (!strncmp(info.origin, "control:", 8))
		r = job_delete(c->store, id, &e);
	else
		r = job_ack(c->store, id, &e);
	return r ? control_say_error(link, r, &e, id, NULL) : sd_varlink_reply(link, NULL);
}
