// SPDX-License-Identifier: Apache-2.0
/* jobs: semd's journal; and what semd runs for us: scripts, plans. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libse/se.h"
#include "sectl/act.h"
#include "sectl/sectl.h"
#include "sectl/semd.h"

#define RESPONSE_SHOWN 512 /* bytes; more is for programs */

/* "12" or "12-1", as it is shown */
static int parse_id(const char *text, uint64_t *id)
{
	char *end;

	errno = 0;
	*id = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-' || (*end && *end != '-'))
		return fail(EXIT_USAGE, "usage", "sectl jobs list", "'%s' is not a job", text);
	return EXIT_OK;
}

static void job_line(sd_json_variant *j)
{
	char progress[32];

	snprintf(progress, sizeof(progress), "%" PRIu64 "/%" PRIu64, json_number(j, "executed"),
		 json_number(j, "total"));
	printf("%-8s %-16s %-6s %-10s %-20s %9s %s\n", json_text(j, "name"),
	       json_text(j, "origin"), json_text(j, "se"), json_text(j, "state"),
	       json_text(j, "code"), progress, json_text(j, "lastSw"));
}

static void job_heading(void)
{
	printf("%-8s %-16s %-6s %-10s %-20s %9s %s\n", "JOB", "ORIGIN", "SE", "STATE", "RESULT",
	       "APDUS", "SW");
}

int verb_jobs_list(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *jobs;
	sd_varlink *link = NULL;
	size_t i;
	int r;

	(void)argc;
	(void)argv;
	r = semd_connect(&link);
	if (!r)
		r = semd_call(link, "ListJobs", NULL, &reply);
	if (!r && opt.json) {
		r = put_json(sd_json_variant_ref(reply), 0);
	} else if (!r) {
		job_heading();
		jobs = sd_json_variant_by_key(reply, "jobs");
		for (i = 0; jobs && i < sd_json_variant_elements(jobs); i++)
			job_line(sd_json_variant_by_index(jobs, i));
	}
	sd_varlink_unref(link);
	return r;
}

static void show_job(sd_json_variant *reply)
{
	sd_json_variant *j = sd_json_variant_by_key(reply, "job");
	sd_json_variant *apdus = sd_json_variant_by_key(reply, "apdus"), *a;
	void *rsp = NULL;
	char *text;
	size_t i, len, shown;

	job_heading();
	job_line(j);
	if (*json_text(j, "detail"))
		printf("  %s\n", json_text(j, "detail"));
	if (*json_text(j, "selectSw"))
		printf("  SELECT %s: %s\n",
		       *json_text(j, "aid") ? json_text(j, "aid") : "(default)",
		       json_text(j, "selectSw"));
	for (i = 0; apdus && i < sd_json_variant_elements(apdus); i++) {
		a = sd_json_variant_by_index(apdus, i);
		printf("  %4" PRIu64 "  %s  %5" PRIu64 " bytes  %-8s  %4s  %5" PRIu64
		       " bytes  %7.2f ms\n",
		       json_number(a, "index") + 1, json_text(a, "header"),
		       json_number(a, "commandLength"), json_text(a, "outcome"),
		       json_text(a, "sw"), json_number(a, "responseLength"),
		       (double)json_number(a, "totalNs") / 1e6);
	}
	a = sd_json_variant_by_key(reply, "response");
	if (a && sd_json_variant_is_string(a) && sd_json_variant_unbase64(a, &rsp, &len) >= 0) {
		shown = len < RESPONSE_SHOWN ? len : RESPONSE_SHOWN;
		text = malloc(2 * shown + 1);
		if (text) {
			se_to_hex(text, rsp, shown);
			printf("  response %s\n", text);
			if (shown < len)
				printf("  … %zu bytes in all, --json has them\n", len);
		}
		free(text);
		free(rsp);
	}
}

int verb_jobs_show(int argc, char **argv)
{
	sd_json_variant *reply = NULL;
	sd_varlink *link = NULL;
	uint64_t id;
	int r;

	(void)argc;
	r = parse_id(argv[0], &id);
	if (!r)
		r = semd_connect(&link);
	if (!r)
		r = semd_call_id(link, "GetJob", id, &reply);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	else if (!r)
		show_job(reply);
	sd_varlink_unref(link);
	return r;
}

static int simple(const char *method, char **argv)
{
	sd_json_variant *reply = NULL;
	sd_varlink *link = NULL;
	uint64_t id;
	int r;

	r = parse_id(argv[0], &id);
	if (!r)
		r = semd_connect(&link);
	if (!r)
		r = semd_call_id(link, method, id, &reply);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	sd_varlink_unref(link);
	return r;
}

int verb_jobs_cancel(int argc, char **argv)
{
	(void)argc;
	return simple("CancelJob", argv);
}

int verb_jobs_ack(int argc, char **argv)
{
	(void)argc;
	return simple("AckJob", argv);
}

/* ---- script run ---- */

static int start_script(sd_varlink *link, const uint8_t *data, size_t len, bool compact,
			uint64_t *id)
{
	sd_json_variant *p = NULL, *reply = NULL;
	int r;

	r = sd_json_buildo(
		&p, SD_JSON_BUILD_PAIR_STRING("se", target_semd()),
		SD_JSON_BUILD_PAIR_CONDITION(!!opt.aid, "aid", SD_JSON_BUILD_STRING(opt.aid)),
		SD_JSON_BUILD_PAIR_BASE64("script", data, len),
		SD_JSON_BUILD_PAIR_BOOLEAN("compact", compact),
		SD_JSON_BUILD_PAIR_BOOLEAN("keepChannel", opt.keep_channel),
		SD_JSON_BUILD_PAIR_UNSIGNED("token", opt.dialogue),
		SD_JSON_BUILD_PAIR_UNSIGNED("deadline", opt.deadline));
	if (r < 0)
		return fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r));
	sd_json_variant_sensitive(p);
	r = semd_call(link, "RunScript", p, &reply);
	sd_json_variant_unref(p);
	if (!r)
		*id = json_number(reply, "id");
	return r;
}

struct following {
	bool done;
	int status;
	bool bar;
};

static int on_progress(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
		       sd_varlink_reply_flags_t flags, void *userdata)
{
	struct following *f = userdata;
	sd_json_variant *j;

	(void)link;
	if (error_id) {
		f->status = fail_call(error_id, parameters);
		f->done = true;
		return 0;
	}
	j = sd_json_variant_by_key(parameters, "job");
	if (f->bar)
		fprintf(stderr, "\r%s %" PRIu64 "/%" PRIu64 " ", json_text(j, "state"),
			json_number(j, "executed"), json_number(j, "total"));
	if (!(flags & SD_VARLINK_REPLY_CONTINUES)) {
		f->done = true;
		if (f->bar)
			fprintf(stderr, "\r%40s\r", "");
	}
	return 0;
}

static int follow(sd_varlink *link, uint64_t id)
{
	struct following f = {.bar = !opt.json && isatty(STDERR_FILENO)};
	int r;

	sd_varlink_set_userdata(link, &f);
	sd_varlink_set_relative_timeout(link, UINT64_MAX);
	r = sd_varlink_bind_reply(link, on_progress);
	if (r >= 0)
		r = sd_varlink_observebo(link, "io.sesame.Manager.MonitorJob",
					 SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
	while (r >= 0 && !f.done) {
		r = sd_varlink_process(link);
		if (!r)
			r = sd_varlink_wait(link, UINT64_MAX);
	}
	if (r < 0)
		return fail(EXIT_UNREACHABLE, "disconnected",
			    "sectl jobs show tells what became of it, once semd is back",
			    "semd went away while job %" PRIu64 " ran: %s", id, strerror(-r));
	return f.status;
}

static int status_of(sd_json_variant *job)
{
	const char *state = json_text(job, "state"), *code = json_text(job, "code"), *hint;

	if (!strcmp(state, "done"))
		return EXIT_OK;
	if (!strcmp(state, "expired") || !strcmp(code, "deadline"))
		return EXIT_TIMEOUT;
	if (!strcmp(code, "status-word") || !strcmp(code, "select-refused"))
		return EXIT_CARD;
	if (!strcmp(code, "script-refused"))
		return EXIT_REFUSED;
	return act_status(code, &hint); /* as if it had run here */
}

/* Wait for the job's end; *reply is GetJob's and belongs to @link. */
static int wait_for(sd_varlink *link, uint64_t id, sd_json_variant **reply)
{
	sd_varlink *watch = NULL;
	int r;

	r = semd_connect(&watch);
	if (!r)
		r = follow(watch, id);
	if (!r)
		r = semd_call_id(link, "GetJob", id, reply);
	sd_varlink_unref(watch);
	return r;
}

static int run_and_follow(const uint8_t *data, size_t len, bool compact)
{
	sd_json_variant *reply = NULL, *ignored = NULL;
	sd_varlink *link = NULL;
	uint64_t id = 0;
	int r, status;

	r = semd_connect(&link);
	if (!r)
		r = start_script(link, data, len, compact, &id);
	if (!r)
		r = wait_for(link, id, &reply);
	if (!r) {
		if (opt.json)
			put_json(sd_json_variant_ref(reply), 0);
		else
			show_job(reply);
		status = status_of(sd_json_variant_by_key(reply, "job"));
		/* Printed is taken: only now may semd forget it. */
		if (!opt.keep_job && !fflush(stdout))
			r = semd_call_id(link, "AckJob", id, &ignored);
		if (!r)
			r = status;
	}
	sd_varlink_unref(link);
	return r;
}

int semd_run_script(const char *name, const uint8_t *data, size_t len, bool compact)
{
	if (opt.dry_run)
		return say_dry("would run the %zu bytes of %s on %s for %s", len, name, opt.se,
			       opt.aid ? opt.aid : "the default application");
	return run_and_follow(data, len, compact);
}

/* ---- plans ---- */

static int start_plan(sd_varlink *link, const struct gp_plan *plan, uint64_t *id)
{
	sd_json_variant *json = NULL, *p = NULL, *reply = NULL;
	int r;

	r = gp_plan_to_json(plan, &json);
	if (r >= 0)
		r = sd_json_buildo(&p, SD_JSON_BUILD_PAIR_STRING("se", target_semd()),
				   SD_JSON_BUILD_PAIR_VARIANT("plan", json),
				   SD_JSON_BUILD_PAIR_UNSIGNED("deadline", opt.deadline),
				   SD_JSON_BUILD_PAIR_BOOLEAN("retryAuthentication",
							      opt.retry_authentication));
	sd_json_variant_unref(json);
	if (r < 0)
		return fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r));
	sd_json_variant_sensitive(p);
	r = semd_call(link, "RunPlan", p, &reply);
	sd_json_variant_unref(p);
	if (!r)
		*id = json_number(reply, "id");
	return r;
}

/* It has changed something: it stays in the journal, to be resumed or rolled back. */
static bool is_resumable(sd_json_variant *job)
{
	return sd_json_variant_boolean(sd_json_variant_by_key(job, "resumable"));
}

/* How a plan's job ended; its result stays for the caller. */
static int end_of_plan(uint64_t id, sd_json_variant *reply, sd_json_variant **result)
{
	sd_json_variant *job = sd_json_variant_by_key(reply, "job");
	sd_json_variant *v = sd_json_variant_by_key(reply, "result");
	int status = status_of(job);
	const char *hint;

	*result = v && sd_json_variant_is_object(v) ? sd_json_variant_ref(v) : NULL;
	if (!status)
		return EXIT_OK;
	if (*result)
		fail_keep(sd_json_variant_ref(*result));
	(void)act_status(json_text(job, "code"), &hint);
	if (is_resumable(job))
		fail_hint("sectl jobs show %" PRIu64 "; then jobs resume, jobs rollback or "
			  "jobs ack",
			  id);
	else if (hint)
		fail_hint("%s", hint);
	return fail(status, *json_text(job, "code") ? json_text(job, "code") : "failed", NULL,
		    "job %s: %s", json_text(job, "name"),
		    *json_text(job, "detail") ? json_text(job, "detail")
					      : json_text(job, "state"));
}

int semd_run_plan(const struct gp_plan *plan, sd_json_variant **result)
{
	sd_json_variant *reply = NULL, *ignored = NULL, *job;
	sd_varlink *link = NULL;
	uint64_t id = 0;
	int r;

	r = semd_connect(&link);
	if (!r)
		r = start_plan(link, plan, &id);
	if (!r)
		r = wait_for(link, id, &reply);
	if (!r) {
		sd_json_variant_ref(reply); /* the link's until its next call */
		job = sd_json_variant_by_key(reply, "job");
		/* failed ones as well: the places in the journal are numbered */
		if (!opt.keep_job && !is_resumable(job))
			r = semd_call_id(link, "AckJob", id, &ignored);
		if (!r)
			r = end_of_plan(id, reply, result);
		sd_json_variant_unref(reply);
	}
	sd_varlink_unref(link);
	return r;
}

static int run_again(const char *method, const char *text)
{
	sd_json_variant *reply = NULL, *ignored = NULL, *p = NULL;
	struct act a = {0};
	sd_varlink *link = NULL;
	uint64_t id;
	int r;

	r = parse_id(text, &id);
	if (!r)
		r = semd_connect(&link);
	if (!r && sd_json_buildo(&p, SD_JSON_BUILD_PAIR_UNSIGNED("id", id),
				 SD_JSON_BUILD_PAIR_BOOLEAN("retryAuthentication",
							    opt.retry_authentication)) < 0)
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (!r)
		r = semd_call(link, method, p, &ignored);
	if (!r)
		r = wait_for(link, id, &reply);
	if (!r)
		r = end_of_plan(id, reply, &a.result);
	if (!r)
		r = act_print(&a);
	act_end(&a);
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	return r;
}

int verb_jobs_resume(int argc, char **argv)
{
	(void)argc;
	return run_again("ResumeJob", argv[0]);
}

int verb_jobs_rollback(int argc, char **argv)
{
	(void)argc;
	return run_again("RollbackJob", argv[0]);
}
