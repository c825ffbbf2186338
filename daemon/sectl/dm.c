// SPDX-License-Identifier: Apache-2.0
/* semd and its OMA DM servers: accounts, sessions, notifications, the management tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sectl/sectl.h"
#include "sectl/semd.h"

#define MESSAGE_MAX 4096 /* a notification has a few dozen bytes */

/* one call with what it takes, and its answer for --json */
static int ask(const char *method, sd_json_variant *p, sd_json_variant **reply,
	       sd_varlink **link)
{
	int r = semd_connect(link);

	return r ? r : semd_call(*link, method, p, reply);
}

static const char *when(uint64_t s, char buf[32])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (!s || !localtime_r(&t, &tm) || !strftime(buf, 32, "%F %T", &tm))
		return "";
	return buf;
}

static uint64_t number(sd_json_variant *v, const char *key)
{
	sd_json_variant *n = sd_json_variant_by_key(v, key);

	return n ? sd_json_variant_unsigned(n) : 0;
}

int verb_dm_list(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *accounts;
	sd_varlink *link = NULL;
	struct table *t;
	char buf[32];
	int r;

	(void)argc;
	(void)argv;
	r = ask("ListDmAccounts", NULL, &reply, &link);
	accounts = r ? NULL : sd_json_variant_by_key(reply, "accounts");
	if (!r && opt.json) {
		r = put_json(sd_json_variant_ref(accounts), 0);
	} else if (!r) {
		t = table_new("ACCOUNT|STATE|SERVER|ADDRESS|ALERTS|LAST SESSION|=LAST ERROR");
		for (size_t i = 0; i < sd_json_variant_elements(accounts); i++) {
			sd_json_variant *a = sd_json_variant_by_index(accounts, i);

			table_cell(t, "%s", json_text(a, "name"));
			table_cell(t, "%s", json_text(a, "state"));
			table_cell(t, "%s", json_text(a, "serverId"));
			table_cell(t, "%s", json_text(a, "uri"));
			table_cell(t, "%llu", (unsigned long long)number(a, "alerts"));
			table_cell(t, "%s", when(number(a, "last"), buf));
			table_cell(t, "%s", json_text(a, "error"));
		}
		table_print(t);
	}
	sd_varlink_unref(link);
	return r;
}

int verb_dm_session(int argc, char **argv)
{
	sd_json_variant *p = NULL, *reply = NULL;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	r = sd_json_buildo(&p, SD_JSON_BUILD_PAIR_STRING("account", argv[0]));
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r))
		  : ask("StartDmSession", p, &reply, &link);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	return r;
}

int verb_dm_notify(int argc, char **argv)
{
	sd_json_variant *p = NULL, *reply = NULL;
	sd_varlink *link = NULL;
	uint8_t *message;
	size_t len;
	int r;

	(void)argc;
	r = read_input(argv[0], MESSAGE_MAX, &message, &len);
	if (r)
		return r;
	r = sd_json_buildo(&p, SD_JSON_BUILD_PAIR_BASE64("message", message, len));
	free(message);
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r))
		  : ask("NotifyDm", p, &reply, &link);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	return r;
}

/* what there is of a value, in a line */
static void print_node(struct table *t, sd_json_variant *n)
{
	const char *uri = json_text(n, "uri"), *value = json_text(n, "value");
	bool node = !strcmp(json_text(n, "format"), "node");

	table_cell(t, "%s", uri);
	table_cell(t, "%s", json_text(n, "format"));
	if (node)
		table_cell(t, "%s", "");
	else
		table_cell(t, "%llu", (unsigned long long)number(n, "size"));
	table_cell(t, "%.100s%s", value, strlen(value) > 100 ? "…" : "");
}

int verb_dm_tree(int argc, char **argv)
{
	sd_json_variant *p = NULL, *reply = NULL, *nodes;
	sd_varlink *link = NULL;
	struct table *t;
	int r;

	r = sd_json_buildo(&p, SD_JSON_BUILD_PAIR_CONDITION(argc > 0, "uri",
							    SD_JSON_BUILD_STRING(argv[0])));
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r))
		  : ask("ShowDmTree", p, &reply, &link);
	nodes = r ? NULL : sd_json_variant_by_key(reply, "nodes");
	if (!r && opt.json) {
		r = put_json(sd_json_variant_ref(nodes), 0);
	} else if (!r) {
		t = table_new("NODE|FORMAT|>SIZE|=VALUE");
		for (size_t i = 0; i < sd_json_variant_elements(nodes); i++)
			print_node(t, sd_json_variant_by_index(nodes, i));
		table_print(t);
	}
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	return r;
}
