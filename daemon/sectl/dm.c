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

static const char *when(uint64_t s, const char *format, char buf[32])
{
	time_t t = (time_t)s;
	struct tm tm;

	if (!s || !localtime_r(&t, &tm) || !strftime(buf, 32, format, &tm))
		return "";
	return buf;
}

/* on a terminal no longer than @max: dm show has it whole */
static void short_cell(struct table *t, const char *text, int max)
{
	bool cut = terminal_columns() && text_columns(text) > (size_t)max;

	table_cell(t, "%.*s%s", cut ? max - 1 : (int)strlen(text), text, cut ? "…" : "");
}

/* The ports that are not open: who waits for a notification looks here first. */
static void warn_of_ports(sd_varlink *link)
{
	sd_json_variant *reply = NULL, *ports;

	if (semd_call(link, "ListDmPorts", NULL, &reply))
		return;
	ports = sd_json_variant_by_key(reply, "ports");
	for (size_t i = 0; i < sd_json_variant_elements(ports); i++) {
		sd_json_variant *p = sd_json_variant_by_index(ports, i);

		if (!sd_json_variant_boolean(sd_json_variant_by_key(p, "open")))
			warn("%s port %llu is closed: %s; sectl dm ports",
			     json_text(p, "protocol"),
			     (unsigned long long)json_number(p, "port"), json_text(p, "error"));
	}
}

static void print_accounts(sd_json_variant *accounts)
{
	struct table *t = table_new("ACCOUNT|STATE|SERVER|>ALERTS|LAST SESSION|LAST ERROR");
	char buf[32];

	for (size_t i = 0; i < sd_json_variant_elements(accounts); i++) {
		sd_json_variant *a = sd_json_variant_by_index(accounts, i);

		short_cell(t, json_text(a, "name"), 16);
		table_cell(t, "%s", json_text(a, "state"));
		short_cell(t, json_text(a, "serverId"), 20);
		table_cell(t, "%llu", (unsigned long long)json_number(a, "alerts"));
		table_cell(t, "%s", when(json_number(a, "last"), "%m-%d %H:%M", buf));
		table_cell(t, "%s", json_text(a, "error"));
	}
	table_print(t);
}

int verb_dm_list(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *accounts;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = ask("ListDmAccounts", NULL, &reply, &link);
	accounts = r ? NULL : sd_json_variant_by_key(reply, "accounts");
	if (!r && opt.json) {
		r = put_json(sd_json_variant_ref(accounts), 0);
	} else if (!r) {
		print_accounts(accounts);
		warn_of_ports(link);
	}
	sd_varlink_unref(link);
	return r;
}

static void line(const char *name, const char *value)
{
	if (*value)
		printf("%-13s %s\n", name, value);
}

static void print_account(sd_json_variant *a)
{
	sd_json_variant *next = sd_json_variant_by_key(a, "next");
	char buf[32];

	line("account", json_text(a, "name"));
	line("state", json_text(a, "state"));
	line("server", json_text(a, "serverId"));
	line("address", json_text(a, "uri"));
	printf("%-13s %llu\n", "alerts", (unsigned long long)json_number(a, "alerts"));
	printf("%-13s %llu\n", "sessions", (unsigned long long)json_number(a, "sessions"));
	printf("%-13s %llu\n", "failures", (unsigned long long)json_number(a, "failures"));
	line("last session", when(json_number(a, "last"), "%F %T", buf));
	if (next)
		printf("%-13s in %llu s\n", "next session",
		       (unsigned long long)json_number(a, "next"));
	line("last error", json_text(a, "error"));
}

int verb_dm_show(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *accounts, *found = NULL;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	r = ask("ListDmAccounts", NULL, &reply, &link);
	accounts = r ? NULL : sd_json_variant_by_key(reply, "accounts");
	for (size_t i = 0; !r && !found && i < sd_json_variant_elements(accounts); i++) {
		sd_json_variant *a = sd_json_variant_by_index(accounts, i);

		if (!strcmp(json_text(a, "name"), argv[0]) ||
		    !strcmp(json_text(a, "serverId"), argv[0]))
			found = a;
	}
	if (!r && !found)
		r = fail(EXIT_NOT_FOUND, "no-such-account", "sectl dm list",
			 "there is no account '%s'", argv[0]);
	else if (!r && opt.json)
		r = put_json(sd_json_variant_ref(found), 0);
	else if (!r)
		print_account(found);
	sd_varlink_unref(link);
	return r;
}

int verb_dm_ports(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *ports, *next;
	sd_varlink *link = NULL;
	struct table *t;
	int r;

	(void)argc;
	(void)argv;
	r = ask("ListDmPorts", NULL, &reply, &link);
	ports = r ? NULL : sd_json_variant_by_key(reply, "ports");
	if (!r && opt.json) {
		r = put_json(sd_json_variant_ref(ports), 0);
	} else if (!r) {
		t = table_new("PORT|PROTOCOL|ADDRESS|STATE|>NEXT TRY|ERROR");
		for (size_t i = 0; i < sd_json_variant_elements(ports); i++) {
			sd_json_variant *p = sd_json_variant_by_index(ports, i);

			next = sd_json_variant_by_key(p, "next");
			table_cell(t, "%llu", (unsigned long long)json_number(p, "port"));
			table_cell(t, "%s", json_text(p, "protocol"));
			table_cell(t, "%s", json_text(p, "address"));
			table_cell(t, "%s", next ? "closed" : "open");
			if (next)
				table_cell(t, "%llu s",
					   (unsigned long long)json_number(p, "next"));
			else
				table_cell(t, "%s", "");
			table_cell(t, "%s", json_text(p, "error"));
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

static void print_question(sd_json_variant *q)
{
	sd_json_variant *choices = sd_json_variant_by_key(q, "choices");
	const char *kind = json_text(q, "kind");
	unsigned long long id = json_number(q, "id");
	bool value = !strcmp(kind, "text") || !strncmp(kind, "choice", 6);

	printf("%s asks (question %llu, %llu s):\n%s\n", json_text(q, "account"), id,
	       (unsigned long long)json_number(q, "seconds"), json_text(q, "text"));
	for (size_t i = 0; i < sd_json_variant_elements(choices); i++)
		printf("%4zu  %s\n", i + 1,
		       sd_json_variant_string(sd_json_variant_by_index(choices, i)));
	if (*json_text(q, "suggestion"))
		printf("without an answer: %s\n", json_text(q, "suggestion"));
	if (sd_json_variant_boolean(sd_json_variant_by_key(q, "secret")))
		printf("sectl dm answer %llu -\n", id);
	else
		printf("sectl dm answer %llu ok%s\n", id,
		       !value			  ? ""
		       : !strcmp(kind, "text")	  ? " TEXT"
		       : !strcmp(kind, "choices") ? " 1-2"
						  : " 1");
}

int verb_dm_question(int argc, char **argv)
{
	const struct timespec nap = {1, 0};
	sd_json_variant *reply = NULL, *q = NULL;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = ask("GetDmQuestion", NULL, &reply, &link);
	while (!r && !(q = sd_json_variant_by_key(reply, "question")) && !opt.json) {
		nanosleep(&nap, NULL);
		r = semd_call(link, "GetDmQuestion", NULL, &reply);
	}
	if (!r && q && sd_json_variant_is_null(q))
		q = NULL;
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(q), 0);
	else if (!r)
		print_question(q);
	sd_varlink_unref(link);
	return r;
}

int verb_dm_answer(int argc, char **argv)
{
	bool typed = !strcmp(argv[1], "-");
	const char *value = argc > 2 ? argv[2] : NULL;
	sd_json_variant *p = NULL, *reply = NULL;
	sd_varlink *link = NULL;
	uint8_t *text = NULL;
	size_t len = 0;
	uint32_t id;
	int r;

	r = take_number("question", argv[0], 1, UINT32_MAX, &id);
	if (!r && typed)
		r = read_input("-", 1024, &text, &len);
	if (r)
		return r;
	if (typed) {
		while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			text[--len] = 0;
		value = (const char *)text;
	}
	r = sd_json_buildo(
		&p, SD_JSON_BUILD_PAIR_UNSIGNED("id", id),
		SD_JSON_BUILD_PAIR_STRING("answer", typed ? "ok" : argv[1]),
		SD_JSON_BUILD_PAIR_CONDITION(value != NULL, "value",
					     SD_JSON_BUILD_STRING(value ? value : "")));
	if (r >= 0)
		sd_json_variant_sensitive(p);
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r))
		  : ask("AnswerDmQuestion", p, &reply, &link);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	forget(text, len);
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
		table_cell(t, "%llu", (unsigned long long)json_number(n, "size"));
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
