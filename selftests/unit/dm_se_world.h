/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Secure Element MO in a tree, over content/ and job/, with softse's card below: a test
 * is the server, by the functions that a session has.
 */
#ifndef SESAME_TEST_DM_SE_WORLD_H
#define SESAME_TEST_DM_SE_WORLD_H

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "card_socket.h"
#include "content/content.h"
#include "dm/mo-se.h"
#include "dm/outbox.h"
#include "dm/tree.h"
#include "job/job.h"
#include "job/policy.h"
#include "libse/se.h"

#define ME "com.example.dm"
#define OTHER "org.example.other"
#define SE "./SecureElement/se0"

#define SSD "F0534553414D455344"
#define ELF "F0000000010101"
#define MODULE "F000000001010101"
#define APP "F000000001010102"
#define DOMAINS SE "/Inventory/SecurityDomain"
#define FILES SE "/Inventory/LoadFile"
#define APPS SE "/Inventory/Application"

static struct {
	struct job_store *jobs;
	struct content *content;
	struct store *store;
	struct dm_outbox *outbox;
	struct dm_tree *tree;
	struct dm_se *se;
	uint64_t token; /* of the last answer that came later */
	int code;
	bool session; /* one waits for it */
} w;

/* a load file that is no CAP file: the card stores it as it is */
static const char load_plan[] =
	"{\"version\":1,\"name\":\"load\",\"sessions\":[{\"keys\":\"isd\"}],\"operations\":["
	"{\"op\":\"load\",\"aid\":\"" ELF "\",\"code\":"
	"\"xDwAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkq"
	"KywtLi8wMTIzNDU2Nzg5Ojs=\"}]}";

static const char keys_text[] = "[keyset isd]\ntype=aes\nkvn=30\n"
				"enc=404142434445464748494A4B4C4D4E4F\n"
				"mac=404142434445464748494A4B4C4D4E4F\n"
				"dek=404142434445464748494A4B4C4D4E4F\n"
				"[keyset new]\ntype=aes\nkvn=31\n"
				"enc=909192939495969798999A9B9C9D9E9F\n"
				"mac=A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n"
				"dek=B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF\n";

/* ---- the device -------------------------------------------------------------------------- */

static void resumed(void *ctx, uint64_t token, int code)
{
	(void)ctx;
	w.token = token;
	w.code = code;
}

static bool waits(void *ctx, uint64_t token)
{
	(void)ctx;
	return w.session && token != 0;
}

static void dispatch(void)
{
	struct pollfd p = {.fd = job_store_fd(w.jobs), .events = POLLIN};

	poll(&p, 1, 20);
	job_store_dispatch(w.jobs);
	dm_se_dispatch(w.se);
}

static void quiet(void)
{
	for (int i = 0; i < 6000; i++) {
		dispatch();
		if (!content_ses_reading(w.content->ses) &&
		    !content_apps_reading(w.content->apps, 0) &&
		    content_ses_known(w.content->ses, 0) && dm_se_busy(w.se) == 0)
			return;
	}
	fail_msg("it never came to rest: %zu operations", dm_se_busy(w.se));
}

/* Everything but the SE, so that a test can look before jobs go on. */
static void up_without(void)
{
	struct policy_text text[2] = {
		{.origin = "dm:" OTHER,
		 .keysets = "isd",
		 .aids = "",
		 .operations = "lock unlock list",
		 .instructions = "none",
		 .rate = ""},
		{.origin = "dm:*",
		 .keysets = "isd new",
		 .aids = "",
		 .operations = "",
		 .instructions = "",
		 .rate = ""},
	};
	struct job_keyset sets[2] = {{.name = "isd"}, {.name = "new"}};
	struct job_options o = {.dir = cs.dir, .chunk = 4, .lock_wait_ms = 20000};
	struct dm_tree_config tc = {.resume = resumed};
	struct dm_se_config sc = {.waits = waits};
	struct job_policy policies[2];
	struct job_error err;
	char why[512] = "";

	for (size_t i = 0; i < 2; i++) {
		snprintf(sets[i].source, sizeof(sets[i].source), "file:%s/keys", cs.dir);
		assert_int_equal(policy_read(&policies[i], "dm", &text[i], why, sizeof(why)),
				 0);
	}
	if (job_store_open(&w.jobs, &o, &err))
		fail_msg("%s: %s", err.code, err.detail);
	assert_int_equal(job_set_policies(w.jobs, policies, 2), 0);
	assert_int_equal(job_set_keysets(w.jobs, sets, 2), 0);
	if (content_new(&w.content, w.jobs, cs.dir, why))
		fail_msg("%s", why);
	if (store_open(&w.store, cs.dir, DM_STORE_NAME, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(dm_outbox_new(&w.outbox, w.store), 0);
	tc.store = w.store;
	if (dm_tree_new(&w.tree, &tc, why))
		fail_msg("%s", why);
	assert_int_equal(dm_tree_acl(w.tree, ".", "Add=*&Get=*&Replace=*&Delete=*&Exec=*"), 0);
	sc.store = w.store;
	sc.outbox = w.outbox;
	sc.jobs = w.jobs;
	sc.content = w.content;
	assert_int_equal(dm_se_new(&w.se, &sc), 0);
	assert_int_equal(dm_se_mount(w.se, w.tree), 0);
	w.session = true;
}

static void up(void)
{
	up_without();
	assert_int_equal(job_se_add(w.jobs, "se0", cs.open, "eSE"), 0);
	content_ses_poll(w.content->ses);
	quiet();
}

static void down(void)
{
	dm_se_free(w.se);
	dm_tree_free(w.tree);
	dm_outbox_free(w.outbox);
	store_close(w.store);
	content_free(w.content);
	job_store_close(w.jobs);
	memset(&w, 0, sizeof(w));
}

static int world_up(void **state)
{
	char path[128];
	FILE *f;

	(void)state;
	if (cs_start(0))
		return -1;
	snprintf(path, sizeof(path), "%s/keys", cs.dir);
	f = fopen(path, "w");
	if (!f || fputs(keys_text, f) < 0 || fclose(f) || chmod(path, 0600))
		return -1;
	up();
	return 0;
}

static int world_down(void **state)
{
	(void)state;
	if (w.jobs)
		down();
	return cs_stop();
}

/* ---- the server
 * ------------------------------------------------------------------------------ */

static struct dm_req request(const char *server, const char *correlator)
{
	static uint64_t tokens;

	return (struct dm_req){
		.server = server, .session = 1, .correlator = correlator, .token = ++tokens};
}

static int put_as(const char *server, enum dm_how how, const char *uri, const char *format,
		  const void *p, size_t len)
{
	struct dm_req req = request(server, "");
	struct dm_put put = {.format = format,
			     .total = len,
			     .data = p,
			     .len = len,
			     .has_data = true,
			     .last = true};

	return dm_tree_ops()->write(w.tree, &req, how, uri, &put);
}

static int set_text(const char *uri, const char *text)
{
	return put_as(ME, DM_HOW_REPLACE, uri, NULL, text, strlen(text));
}

static int set_hex(const char *uri, const char *hex)
{
	uint8_t p[4096];
	size_t len = 0;

	assert_int_equal(se_from_hex(hex, strlen(hex), p, sizeof(p), &len), 0);
	return put_as(ME, DM_HOW_REPLACE, uri, NULL, p, len);
}

static int add_node(const char *uri)
{
	return put_as(ME, DM_HOW_ADD, uri, "node", NULL, 0);
}

static int exec_as(const char *server, const char *uri, const char *correlator)
{
	struct dm_req req = request(server, correlator);
	struct dm_put none = {.last = true};

	return dm_tree_ops()->exec(w.tree, &req, uri, &none);
}

static int exec(const char *uri, const char *correlator)
{
	return exec_as(ME, uri, correlator);
}

static int del(const char *uri)
{
	struct dm_req req = request(ME, "");

	return dm_tree_ops()->del(w.tree, &req, uri);
}

/* bytes of a node; their number, or less than 0: the Status, negative */
static int get_as(const char *server, const char *uri, void *p, size_t room)
{
	struct dm_req req = request(server, "");
	struct dm_stat st;
	size_t n = 0;
	int ret = dm_tree_ops()->stat(w.tree, &req, uri, &st);

	if (ret == DM_OK)
		ret = dm_tree_ops()->read(w.tree, &req, uri, 0, p, room, &n);
	if (ret == DM_OK)
		assert_int_equal(st.size, n);
	return ret == DM_OK ? (int)n : -ret;
}

static const char *text_of(const char *uri)
{
	static char text[4][4096];
	static unsigned int i;
	char *t = text[i++ % 4];
	int n = get_as(ME, uri, t, sizeof(*text) - 1);

	if (n < 0)
		snprintf(t, sizeof(*text), "!%d", -n);
	else
		t[n] = '\0';
	return t;
}

#define assert_text(uri, is) assert_string_equal(text_of(uri), is)

static void assert_hex(const char *uri, const char *is)
{
	uint8_t p[2048];
	char hex[2 * sizeof(p) + 1];
	int n = get_as(ME, uri, p, sizeof(p));

	if (n < 0)
		fail_msg("%s: %d", uri, -n);
	se_to_hex(hex, p, (size_t)n);
	assert_string_equal(hex, is);
}

/* ---- alerts
 * ------------------------------------------------------------------------------------- */

static size_t alerts(void)
{
	return dm_outbox_count(w.outbox, ME);
}

/* the alert with this correlator: its data, or NULL; acknowledged if @ack */
static const char *alert(const char *correlator, bool ack)
{
	static char data[2048];
	struct dm_outbox_alert a;
	uint64_t after = 0;
	bool is;

	while (dm_outbox_next(w.outbox, ME, after, &a) == 0) {
		after = a.id;
		is = strcmp(a.correlator ? a.correlator : "", correlator) == 0;
		if (is) {
			assert_string_equal(a.type, DM_SE_ALERT);
			assert_string_equal(a.format, "xml");
			snprintf(data, sizeof(data), "%s %.*s", a.source, (int)a.len,
				 (const char *)a.data);
		}
		dm_outbox_release(&a);
		if (is && ack)
			assert_int_equal(dm_outbox_status(w.outbox, ME, after, 200), 0);
		if (is)
			return data;
	}
	return NULL;
}

static void assert_alert(const char *correlator, unsigned int code)
{
	const char *data = alert(correlator, false);
	char is[64];

	if (!data)
		fail_msg("no alert with correlator %s", correlator);
	snprintf(is, sizeof(is), "<ResultCode>%u</ResultCode>", code);
	if (!strstr(data, is))
		fail_msg("%s: not %u: %s", correlator, code, data);
	alert(correlator, true);
}

/* Exec, wait for its end, and have it told. */
static void run(const char *uri, const char *correlator, unsigned int code)
{
	int ret = exec(uri, correlator);

	if (ret != DM_ACCEPTED)
		fail_msg("%s: %d", uri, ret);
	quiet();
	assert_alert(correlator, code);
}

/* the package that brings the load file, through chunks */
static void load(const char *name)
{
	char uri[128], leaf[160];
	struct dm_req req = request(ME, "");
	size_t len = strlen(load_plan), at = 0, n;
	int ret;

	snprintf(uri, sizeof(uri), SE "/Package/%s", name);
	assert_int_equal(add_node(uri), DM_OK);
	snprintf(leaf, sizeof(leaf), "%s/Data", uri);
	while (at < len) {
		n = len - at < 100 ? len - at : 100;
		ret = dm_tree_ops()->write(
			w.tree, &req, DM_HOW_REPLACE, leaf,
			&(struct dm_put){.total = len,
					 .offset = at,
					 .data = (const uint8_t *)load_plan + at,
					 .len = n,
					 .has_data = true,
					 .last = at + n == len});
		at += n;
		assert_int_equal(ret, at == len ? DM_OK : DM_BUFFERED);
	}
}

#endif
