// SPDX-License-Identifier: Apache-2.0
/* Verbs that semd does, over io.sesame.Manager. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libse/se.h"
#include "sectl/sectl.h"

#define INTERFACE "io.sesame.Manager."
#define SCRIPT_MAX (8U << 20)

/* ---- calls ---- */

const char *json_text(sd_json_variant *v, const char *key)
{
	sd_json_variant *f = v ? sd_json_variant_by_key(v, key) : NULL;

	return f && sd_json_variant_is_string(f) ? sd_json_variant_string(f) : "";
}

uint64_t json_number(sd_json_variant *v, const char *key)
{
	sd_json_variant *f = v ? sd_json_variant_by_key(v, key) : NULL;

	return f && sd_json_variant_is_unsigned(f) ? sd_json_variant_unsigned(f) : 0;
}

static int fail_call(const char *error, sd_json_variant *p)
{
	const char *short_name = strrchr(error, '.');
	const char *detail = json_text(p, "detail"), *code = json_text(p, "code");

	short_name = short_name ? short_name + 1 : error;
	if (!strcmp(short_name, "NoSuchElement"))
		return fail(EXIT_NOT_FOUND, "no-such-se", "sectl status, or semd's log",
			    "semd has no secure element '%s'", json_text(p, "se"));
	if (!strcmp(short_name, "NoSuchJob"))
		return fail(EXIT_NOT_FOUND, "no-such-job", "sectl jobs list",
			    "there is no job %" PRIu64, json_number(p, "id"));
	if (!strcmp(short_name, "Refused"))
		return fail(EXIT_REFUSED, code, NULL, "%s", detail);
	if (!strcmp(short_name, "StorageFull"))
		return fail(EXIT_FAILED, code, "make room on semd's disk", "%s", detail);
	if (!strcmp(short_name, "PermissionDenied"))
		return fail(EXIT_REFUSED, "permission-denied", "root, or semd's group",
			    "semd does not serve this user");
	if (!strcmp(short_name, "InvalidParameter"))
		return fail(EXIT_USAGE, "invalid-parameter", NULL, "semd does not take this %s",
			    json_text(p, "parameter"));
	if (!strcmp(error, SD_VARLINK_ERROR_DISCONNECTED))
		return fail(EXIT_UNREACHABLE, "disconnected", "semd's log",
			    "semd closed the connection");
	if (!strcmp(error, SD_VARLINK_ERROR_TIMEOUT))
		return fail(EXIT_TIMEOUT, "timeout", NULL, "semd did not answer in time");
	return fail(EXIT_FAILED, "failed", NULL, "semd: %s", error);
}

int semd_connect(sd_varlink **link)
{
	int r;

	r = sd_varlink_connect_address(link, opt.socket);
	if (r >= 0)
		return EXIT_OK;
	if (r == -EACCES || r == -EPERM)
		return fail(EXIT_REFUSED, "permission-denied", "root, or semd's group",
			    "%s: %s", opt.socket, strerror(-r));
	return fail(EXIT_UNREACHABLE, "unreachable",
		    "systemctl start semd, or --socket=PATH if its runtime_dir is another",
		    "%s: semd is not there: %s", opt.socket, strerror(-r));
}

int semd_call(sd_varlink *link, const char *method, sd_json_variant *parameters,
	      sd_json_variant **reply)
{
	const char *error = NULL;
	char name[64];
	int r;

	snprintf(name, sizeof(name), INTERFACE "%s", method);
	r = sd_varlink_call(link, name, parameters, reply, &error);
	if (error)
		return fail_call(error, *reply);
	if (r < 0)
		return fail(r == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_UNREACHABLE, "disconnected",
			    "semd's log", "semd: %s", strerror(-r));
	return EXIT_OK;
}

static int call_id(sd_varlink *link, const char *method, uint64_t id, sd_json_variant **reply)
{
	sd_json_variant *p = NULL;
	int r;

	r = sd_json_buildo(&p, SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r))
		  : semd_call(link, method, p, reply);
	sd_json_variant_unref(p);
	return r;
}

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

/* ---- status and jobs ---- */

int verb_status(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *servers, *s;
	sd_varlink *link = NULL;
	size_t i;
	int r;

	(void)argc;
	(void)argv;
	r = semd_connect(&link);
	if (!r)
		r = semd_call(link, "GetStatus", NULL, &reply);
	if (!r && opt.json) {
		r = put_json(sd_json_variant_ref(reply), 0);
	} else if (!r) {
		printf("semd %s: %" PRIu64 " secure elements, %" PRIu64 " jobs (%" PRIu64
		       " active)\n",
		       json_text(reply, "version"), json_number(reply, "elements"),
		       json_number(reply, "jobs"), json_number(reply, "active"));
		servers = sd_json_variant_by_key(reply, "servers");
		for (i = 0; servers && i < sd_json_variant_elements(servers); i++) {
			s = sd_json_variant_by_index(servers, i);
			printf("server %-10s %-12s LwM2M %s %s %s%s%s\n", json_text(s, "name"),
			       json_text(s, "state"), json_text(s, "version"),
			       json_text(s, "uri"), json_text(s, "location"),
			       *json_text(s, "error") ? ": " : "", json_text(s, "error"));
		}
	}
	sd_varlink_unref(link);
	return r;
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
	size_t i, len;

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
		text = malloc(2 * len + 1);
		if (text) {
			se_to_hex(text, rsp, len);
			printf("  response %s\n", text);
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
		r = call_id(link, "GetJob", id, &reply);
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
		r = call_id(link, method, id, &reply);
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

static int start_script(sd_varlink *link, const uint8_t *data, size_t len, uint64_t *id)
{
	sd_json_variant *p = NULL, *reply = NULL;
	int r;

	r = sd_json_buildo(
		&p, SD_JSON_BUILD_PAIR_STRING("se", target_semd()),
		SD_JSON_BUILD_PAIR_CONDITION(!!opt.aid, "aid", SD_JSON_BUILD_STRING(opt.aid)),
		SD_JSON_BUILD_PAIR_BASE64("script", data, len),
		SD_JSON_BUILD_PAIR_BOOLEAN("compact", opt.compact),
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
		r = sd_varlink_observebo(link, INTERFACE "MonitorJob",
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
	const char *state = json_text(job, "state"), *code = json_text(job, "code");

	if (!strcmp(state, "done"))
		return EXIT_OK;
	if (!strcmp(state, "expired") || !strcmp(code, "deadline"))
		return EXIT_TIMEOUT;
	if (!strcmp(code, "status-word") || !strcmp(code, "select-refused"))
		return EXIT_CARD;
	if (!strcmp(code, "no-application"))
		return EXIT_NOT_FOUND;
	if (!strcmp(code, "script-refused"))
		return EXIT_REFUSED;
	return EXIT_FAILED;
}

static int run_and_follow(const uint8_t *data, size_t len)
{
	sd_json_variant *reply = NULL, *ignored = NULL;
	sd_varlink *run = NULL, *watch = NULL;
	uint64_t id = 0;
	int r, status;

	r = semd_connect(&run);
	if (!r)
		r = start_script(run, data, len, &id);
	if (!r)
		r = semd_connect(&watch);
	if (!r)
		r = follow(watch, id);
	if (!r)
		r = call_id(run, "GetJob", id, &reply);
	if (!r) {
		if (opt.json)
			put_json(sd_json_variant_ref(reply), 0);
		else
			show_job(reply);
		status = status_of(sd_json_variant_by_key(reply, "job"));
		/* Printed is taken: only now may semd forget it. */
		if (!opt.keep_job && !fflush(stdout))
			r = call_id(run, "AckJob", id, &ignored);
		if (!r)
			r = status;
	}
	sd_varlink_unref(run);
	sd_varlink_unref(watch);
	return r;
}

int semd_run_script(const char *path)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int r;

	r = read_input(path, SCRIPT_MAX, &data, &len);
	if (!r && opt.dry_run)
		r = say_dry("would run the %zu bytes of %s on %s for %s", len, path, opt.se,
			    opt.aid ? opt.aid : "the default application");
	else if (!r)
		r = run_and_follow(data, len);
	forget(data, len);
	return r;
}
