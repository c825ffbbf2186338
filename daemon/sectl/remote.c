// SPDX-License-Identifier: Apache-2.0
/* Calls to semd, and what it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libse/se.h"
#include "sectl/sectl.h"
#include "sectl/semd.h"

#define INTERFACE "io.sesame.Manager."

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

static const char *refusal_hint(const char *code)
{
	if (!strcmp(code, "policy"))
		return "its [policy NAME] in semd.conf: aids=, keysets=, operations=, "
		       "instructions=";
	if (!strcmp(code, "too-many-jobs"))
		return "sectl jobs list; then sectl jobs ack ID for those that are done with";
	if (!strcmp(code, "no-such-account"))
		return "sectl dm list";
	if (!strcmp(code, "no-such-question") || !strcmp(code, "no-answer"))
		return "sectl dm question";
	if (!strcmp(code, "no-such-node"))
		return "sectl dm tree";
	if (!strcmp(code, "no-such-server"))
		return "sectl server list";
	if (!strcmp(code, "bad-digest"))
		return "the secret in server_secret_file= and the server's own; with "
		       "server_nonce= left out, both begin with an empty nonce";
	return NULL;
}

int fail_call(const char *error, sd_json_variant *p)
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
		return fail(!strncmp(code, "no-such-", 8) ? EXIT_NOT_FOUND : EXIT_REFUSED, code,
			    refusal_hint(code), "%s", detail);
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

int semd_call_id(sd_varlink *link, const char *method, uint64_t id, sd_json_variant **reply)
{
	sd_json_variant *p = NULL;
	int r;

	r = sd_json_buildo(&p, SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r))
		  : semd_call(link, method, p, reply);
	sd_json_variant_unref(p);
	return r;
}

int verb_status(int argc, char **argv)
{
	sd_json_variant *reply = NULL;
	sd_varlink *link = NULL;
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
		if (sd_json_variant_elements(sd_json_variant_by_key(reply, "servers")) > 0)
			print_servers(sd_json_variant_by_key(reply, "servers"));
	}
	sd_varlink_unref(link);
	return r;
}
