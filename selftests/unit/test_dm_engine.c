// SPDX-License-Identifier: Apache-2.0
/*
 * Sessions: packages, commands, Status and Results, what comes twice, how it ends. Every test
 * runs in XML and in WBXML.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm_engine_world.h"

static void begin(struct world *w)
{
	struct dm_engine_config c = world_config(w);

	assert_int_equal(world_begin(w, &c), DM_STEP_SEND);
}

static int setup_xml(void **state)
{
	static struct world w;

	world_init(&w, false);
	begin(&w);
	*state = &w;
	return 0;
}

static int setup_wbxml(void **state)
{
	static struct world w;

	world_init(&w, true);
	begin(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void is_data(const struct dm_cmd *c, const char *uri, const char *format,
		    const char *data)
{
	assert_non_null(c);
	assert_non_null(c->items);
	assert_string_equal(c->items->source, uri);
	assert_string_equal(c->items->meta.format, format);
	assert_int_equal(c->items->len, strlen(data));
	assert_memory_equal(c->items->data, data, c->items->len);
}

static void ended(struct world *w, enum dm_step step, enum dm_end why)
{
	char words[DM_ENGINE_WORDS_MAX];

	assert_int_equal(step, DM_STEP_END);
	if (dm_engine_end(w->e, words) != why)
		print_message("%s\n", words);
	assert_int_equal(dm_engine_end(w->e, NULL), why);
	assert_int_equal(w->depth, 0);
}

/* ---- package 1 -------------------------------------------------------------------------- */

/* byte for byte: OMA-TS-DM_Protocol-V1_2_1, 8.3 */
static void test_package_1(void **state)
{
	static const char *const want =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		"<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>"
		"<VerProto>DM/1.2</VerProto><SessionID>1A2B</SessionID><MsgID>1</MsgID>"
		"<Target><LocURI>https://dm.example.com/</LocURI></Target>"
		"<Source><LocURI>urn:uuid:1</LocURI></Source>"
		"<Meta><MaxMsgSize xmlns=\"syncml:metinf\">65536</MaxMsgSize>"
		"<MaxObjSize xmlns=\"syncml:metinf\">1048576</MaxObjSize></Meta></SyncHdr>"
		"<SyncBody><Alert><CmdID>1</CmdID><Data>1200</Data></Alert>"
		"<Replace><CmdID>2</CmdID>";
	struct world *w = *state;
	struct dm_item *it;
	unsigned int n = 0;

	if (!w->wbxml) {
		assert_true(w->out.len > strlen(want));
		assert_memory_equal(w->out.p, want, strlen(want));
	}
	assert_int_equal(w->out.wbxml, w->wbxml);
	assert_null(w->out.hmac);
	assert_true(w->in.final);
	assert_string_equal(w->in.hdr.session_id, "1A2B");
	assert_string_equal(dm_engine_session_id(w->e), "1A2B");
	assert_int_equal(w->in.cmds->kind, DM_ALERT);
	assert_int_equal(w->in.cmds->code, 1200);
	assert_int_equal(w->in.cmds->next->kind, DM_REPLACE);
	for (it = w->in.cmds->next->items; it; it = it->next)
		n++;
	assert_int_equal(n, 5);
	it = w->in.cmds->next->items->next->next;
	assert_string_equal(it->source, "./DevInfo/Mod");
	assert_memory_equal(it->data, "Test & <more>", it->len);
	assert_null(w->in.cmds->next->next);
}

static void test_client_initiated(void **state)
{
	struct world *w = *state;
	struct dm_engine_config c = world_config(w);

	dm_engine_free(w->e);
	assert_int_equal(dm_engine_new(&w->e, &c), 0);
	assert_int_equal(dm_engine_begin(w->e, 0xf, false, &w->out), DM_STEP_SEND);
	world_hear(w);
	assert_int_equal(w->in.cmds->code, 1201);
	assert_string_equal(w->in.hdr.session_id, "F");
}

static void test_config(void **state)
{
	struct world *w = *state;
	struct dm_engine_config c = world_config(w);
	struct dm_engine *e;

	c.max_msg = DM_ENGINE_MSG_MIN - 1;
	assert_int_equal(dm_engine_new(&e, &c), -EINVAL);
	c = world_config(w);
	c.device_id = NULL;
	assert_int_equal(dm_engine_new(&e, &c), -EINVAL);
	c = world_config(w);
	c.client.type = DM_AUTH_MD5;
	assert_int_equal(dm_engine_new(&e, &c), -EINVAL);
	dm_engine_free(NULL);
}

/* ---- flow ---------------------------------------------------------------------------- */

static void test_done(void **state)
{
	struct world *w = *state;

	ended(w, world_say(w, STATUS_HDR_("1", "200"), true), DM_END_DONE);
	assert_int_equal(w->out.len, 0);
	/* and over is over */
	assert_int_equal(world_say(w, STATUS_HDR_("1", "200"), true), DM_STEP_END);
	assert_int_equal(dm_engine_abort(w->e, &w->out), DM_STEP_END);
	assert_int_equal(w->out.len, 0);
}

static void test_get(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *st;

	assert_int_equal(world_say(w,
				   STATUS_HDR_("1", "200") CMD("Get", "2", ITEM("./A/two"))
					   CMD("Get", "3", ITEM("./A"))
						   CMD("Get", "4", ITEM("./no")),
				   true),
			 DM_STEP_SEND);
	assert_true(w->in.final);
	assert_string_equal(w->in.hdr.msg_id, "2");
	/* Status for SyncHdr first, Results right after the Status of their Get */
	st = w->in.cmds;
	assert_string_equal(st->cmd, "SyncHdr");
	assert_string_equal(st->cmd_ref, "0");
	assert_string_equal(st->msg_ref, "1");
	assert_string_equal(st->target_ref, "urn:uuid:1");
	assert_string_equal(st->source_ref, "https://dm.example.com/");
	assert_int_equal(st->code, 200);
	st = st->next;
	assert_int_equal(st->kind, DM_STATUS);
	assert_string_equal(st->cmd, "Get");
	assert_string_equal(st->cmd_ref, "2");
	assert_string_equal(st->target_ref, "./A/two");
	assert_int_equal(st->code, 200);
	st = st->next;
	assert_int_equal(st->kind, DM_RESULTS);
	assert_string_equal(st->msg_ref, "1");
	is_data(st, "./A/two", "chr", "zwei <2>");
	assert_string_equal(st->items->meta.type, "text/plain");
	is_data(results_of(w, "3"), "./A", "node", "one/two/Secret");
	assert_int_equal(code_of(w, "4"), 404);
	assert_null(results_of(w, "4"));
	ended(w, world_say(w, STATUS_HDR_("2", "200"), true), DM_END_DONE);
}

static void test_list(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *c;
	const struct dm_item *it;

	world_say(w,
		  CMD("Get", "1", ITEM("./A?list=StructData"))
			  CMD("Get", "2", ITEM("./A?list=Struct"))
				  CMD("Get", "3", ITEM("./A?prop=Nonsense")),
		  true);
	c = results_of(w, "1");
	assert_non_null(c);
	it = c->items;
	assert_string_equal(it->source, "./A");
	assert_string_equal(it->meta.format, "node");
	assert_false(it->has_data);
	it = it->next;
	assert_string_equal(it->source, "./A/one");
	assert_memory_equal(it->data, "1", 1);
	it = it->next;
	assert_string_equal(it->source, "./A/two");
	assert_null(it->next); /* the secret one was left out */
	c = results_of(w, "2");
	it = c->items->next;
	assert_string_equal(it->source, "./A/one");
	assert_false(it->has_data);
	assert_int_equal(code_of(w, "3"), 406);
}

static void test_commands(void **state)
{
	struct world *w = *state;
	struct node *n;

	world_say(w,
		  STATUS_HDR_("1", "200") CMD("Add", "2", VALUE("./A/new", "neu")) CMD(
			  "Add", "3",
			  VALUE("./A/new", "x")) CMD("Replace", "4",
						     VALUE("./A/one", "eins")
							     VALUE("./A/none", "x")
								     VALUE("./A/Secret", "x"))
			  CMD("Delete", "5", ITEM("./A/two")) CMD(
				  "Delete", "6", ITEM("./A/two")) CMD("Delete", "7", ITEM("."))
				  CMD("Copy", "8",
				      "<Item><Target><LocURI>./A/copy</LocURI></Target>"
				      "<Source><LocURI>./A/one</LocURI></Source></Item>")
					  CMD("Exec", "9",
					      "<Correlator>abc</Correlator>" ITEM("./Op/Later"))
						  CMD("Exec", "10", ITEM("./Op/Now"))
							  CMD("Exec", "11", ITEM("./Op/None"))
								  CMD("Add", "12",
								      VALUE("./A/B/C", "x")),
		  true);
	assert_int_equal(code_of(w, "2"), 200);
	assert_int_equal(code_of(w, "3"), 418);
	/* one for each item */
	assert_int_equal(status_of(w, "4", 0)->code, 200);
	assert_string_equal(status_of(w, "4", 0)->target_ref, "./A/one");
	assert_int_equal(status_of(w, "4", 1)->code, 404);
	assert_string_equal(status_of(w, "4", 1)->target_ref, "./A/none");
	assert_int_equal(status_of(w, "4", 2)->code, 425);
	assert_null(status_of(w, "4", 3));
	assert_int_equal(code_of(w, "5"), 200);
	assert_int_equal(code_of(w, "6"), 404);
	assert_int_equal(code_of(w, "7"), 405);
	assert_int_equal(code_of(w, "8"), 200);
	assert_string_equal(status_of(w, "8", 0)->source_ref, "./A/one");
	assert_int_equal(code_of(w, "9"), 202);
	assert_int_equal(code_of(w, "10"), 200);
	assert_int_equal(code_of(w, "11"), 404);
	assert_int_equal(code_of(w, "12"), 404);
	assert_int_equal(w->execs, 3);
	assert_string_equal(w->server, "com.example.dm");
	n = world_node(w, "./A/copy");
	assert_non_null(n);
	assert_memory_equal(n->p, "eins", 4);
	/* in one transaction, which has ended */
	assert_int_equal(w->commits, 1);
	assert_int_equal(w->depth, 0);
}

static void test_correlator(void **state)
{
	struct world *w = *state;

	world_say(w, CMD("Exec", "1", "<Correlator>c-17</Correlator>" ITEM("./Op/Later")),
		  true);
	assert_int_equal(code_of(w, "1"), 202);
	assert_string_equal(w->correlator, "c-17");
}

/* what DM does not use, and what nobody knows */
static void test_unknown(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Put", "1", ITEM("./A/one")) CMD("Search", "2", "") CMD("Sync", "3", "")
			  CMD("Map", "4", "") CMD("Nonsense", "5", ITEM("./A/one"))
				  CMD("Results", "6", "<CmdRef>1</CmdRef>" ITEM("./A/one"))
					  CMD("Alert", "7", "<Data>1226</Data>")
						  CMD("Alert", "8", "<Data>x</Data>")
							  CMD("Get", "9", ITEM("./A/one")),
		  true);
	for (char id[] = "1"; *id < '9'; (*id)++)
		assert_int_equal(code_of(w, id), 406);
	assert_string_equal(status_of(w, "5", 0)->cmd, "Nonsense");
	assert_int_equal(code_of(w, "9"), 200);
}

static void test_incomplete(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Get", "1", "") CMD("Replace", "2", "<Item><Data>x</Data></Item>")
			  CMD("Copy", "3", ITEM("./A/x")) CMD("Exec", "4", "")
				  CMD("Alert", "5",
				      "<Data>1100</Data>") "<Get>" ITEM("./A/one") "</Get>",
		  true);
	for (char id[] = "1"; *id < '6'; (*id)++)
		assert_int_equal(code_of(w, id), 412);
	assert_int_equal(w->execs, 0);
	assert_int_equal(w->in.cmds->next->next->next->next->next->next->code, 412);
}

static void test_uri_too_long(void **state)
{
	struct world *w = *state;
	char uri[401], body[600];

	memset(uri, 'x', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = 0;
	memcpy(uri, "./", 2);
	snprintf(body, sizeof(body), CMD("Get", "1", ITEM("%s")), uri);
	world_say(w, body, true);
	assert_int_equal(code_of(w, "1"), 414);
	assert_string_equal(status_of(w, "1", 0)->target_ref, uri);
}

static void test_device_failure(void **state)
{
	struct world *w = *state;

	world_say(w, CMD("Add", "1", VALUE("./Broken", "x")), true);
	assert_int_equal(code_of(w, "1"), 510);
}

/* what was told must be on the disk: if it is not, nobody is told */
static void test_commit_fails(void **state)
{
	struct world *w = *state;

	w->commit_says = -EIO;
	ended(w, world_say(w, CMD("Replace", "1", VALUE("./A/one", "eins")), true),
	      DM_END_INTERNAL);
	assert_int_equal(w->out.len, 0);
	assert_memory_equal(world_node(w, "./A/one")->p, "1", 1);
}

/* ---- what takes time ------------------------------------------------------------------- */

static void test_pending(void **state)
{
	struct world *w = *state;
	uint64_t token;

	assert_false(dm_engine_waits(w->e, &token));
	assert_int_equal(world_say(w,
				   CMD("Get", "1", ITEM("./A/one"))
					   CMD("Exec", "2", ITEM("./Op/Pend"))
						   CMD("Add", "3", VALUE("./A/later", "x")),
				   true),
			 DM_STEP_WAIT);
	assert_int_equal(w->out.len, 0);
	/* what is after it has not been run, what is before is on the disk */
	assert_null(world_node(w, "./A/later"));
	assert_int_equal(w->depth, 0);
	assert_true(dm_engine_waits(w->e, &token));
	assert_int_equal(token, w->token);
	/* nothing else moves it */
	assert_int_equal(dm_engine_resume(w->e, token + 1, 200, &w->out), DM_STEP_WAIT);
	assert_int_equal(dm_engine_ui_done(w->e, DM_UI_OK, NULL, &w->out), DM_STEP_WAIT);
	assert_int_equal(world_say(w, "", true), DM_STEP_WAIT);
	w->msg--;
	assert_int_equal(dm_engine_resume(w->e, token, 500, &w->out), DM_STEP_SEND);
	world_hear(w);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "2"), 500);
	assert_int_equal(code_of(w, "3"), 200);
	assert_non_null(world_node(w, "./A/later"));
	assert_int_equal(w->execs, 1);
	/* and once only */
	assert_int_equal(dm_engine_resume(w->e, token, 200, &w->out), DM_STEP_WAIT);
}

static void test_pending_nonsense(void **state)
{
	struct world *w = *state;
	uint64_t token;

	world_say(w, CMD("Exec", "2", ITEM("./Op/Pend")), true);
	assert_true(dm_engine_waits(w->e, &token));
	assert_int_equal(dm_engine_resume(w->e, token, -5, &w->out), DM_STEP_SEND);
	world_hear(w);
	assert_int_equal(code_of(w, "2"), 510);
}

static void test_pending_abort(void **state)
{
	struct world *w = *state;

	world_say(w, CMD("Get", "1", ITEM("./A/one")) CMD("Exec", "2", ITEM("./Op/Pend")),
		  true);
	ended(w, dm_engine_abort(w->e, &w->out), DM_END_CLIENT);
	world_hear(w);
	/* with what was known (Protocol, 8.1) */
	assert_int_equal(code_of(w, "1"), 200);
	assert_non_null(alert_of(w, 1223));
	assert_true(w->in.final);
}

/* ---- what comes twice ------------------------------------------------------------------- */

static void test_repeated(void **state)
{
	struct world *w = *state;
	struct dm_engine_stats stats;
	uint8_t *first;
	size_t len;

	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")) CMD("Add", "2", VALUE("./A/x", "1")),
		  true);
	len = w->out.len;
	first = malloc(len);
	memcpy(first, w->out.p, len);
	w->msg--;
	assert_int_equal(world_say(w,
				   CMD("Exec", "1", ITEM("./Op/Now"))
					   CMD("Add", "2", VALUE("./A/x", "1")),
				   true),
			 DM_STEP_SEND);
	assert_int_equal(w->out.len, len);
	assert_memory_equal(w->out.p, first, len);
	assert_int_equal(w->execs, 1);
	/* also if it is not the same: one MsgID, one message */
	w->msg--;
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")) "<!-- other -->", true);
	assert_int_equal(w->out.len, len);
	assert_memory_equal(w->out.p, first, len);
	assert_int_equal(w->execs, 1);
	dm_engine_stats(w->e, &stats);
	assert_int_equal(stats.repeats, 2);
	free(first);
	ended(w, world_say(w, STATUS_HDR_("2", "200"), true), DM_END_DONE);
}

static void test_older(void **state)
{
	struct world *w = *state;

	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	w->msg = 0;
	ended(w, world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true), DM_END_BAD_MESSAGE);
	assert_int_equal(w->execs, 0);
	assert_non_null(alert_of(w, 1223));
}

static const struct {
	const char *body;
	bool final;
} script[] = {
	{STATUS_HDR_("1", "200") CMD("Add", "2", VALUE("./A/x", "1"))
		 CMD("Exec", "3", ITEM("./Op/Now")),
	 true},
	{CMD("Atomic", "1",
	     CMD("Replace", "2", VALUE("./A/x", "2")) CMD("Exec", "3", ITEM("./Op/Later"))),
	 true},
	{CMD("Add", "1",
	     "<Item><Target><LocURI>./A/big</LocURI></Target><Meta>"
	     "<Size xmlns=\"syncml:metinf\">6</Size></Meta><Data>abc</Data><MoreData/></Item>"),
	 false},
	{CMD("Add", "1",
	     "<Item><Target><LocURI>./A/big</LocURI></Target><Data>def</Data></Item>"),
	 true},
	{CMD("Exec", "1", ITEM("./Op/Pend")) CMD("Add", "2", VALUE("./A/y", "3")), true},
	{CMD("Delete", "1", ITEM("./A/two")) CMD("Get", "2", ITEM("./A")), true},
};
#define SCRIPT (sizeof(script) / sizeof(script[0]))

static void play(struct world *w, size_t i)
{
	uint64_t token;
	enum dm_step step;

	step = world_say(w, script[i].body, script[i].final);
	if (step == DM_STEP_WAIT) {
		assert_true(dm_engine_waits(w->e, &token));
		step = dm_engine_resume(w->e, token, 200, &w->out);
		world_hear(w);
	}
	assert_int_equal(step, DM_STEP_SEND);
}

/* the answer to any message is lost, once or twice: the session is the same */
static void test_lost_answers(void **state)
{
	struct world *w = *state;
	struct dm_engine_config c = world_config(w);
	bool wbxml = w->wbxml;
	uint8_t *p = NULL;
	size_t len;

	for (size_t lost = 0; lost < SCRIPT; lost++) {
		world_free(w);
		world_init(w, wbxml);
		c = world_config(w);
		world_begin(w, &c);
		for (size_t i = 0; i < SCRIPT; i++) {
			play(w, i);
			len = w->out.len;
			p = realloc(p, len);
			memcpy(p, w->out.p, len);
			for (unsigned int again = 0; i == lost && again < 2; again++) {
				w->msg--;
				play(w, i);
				assert_int_equal(w->out.len, len);
				assert_memory_equal(w->out.p, p, len);
			}
		}
		assert_int_equal(w->execs, 3);
		assert_int_equal(w->writes, 5);
		assert_memory_equal(world_node(w, "./A/x")->p, "2", 1);
		assert_memory_equal(world_node(w, "./A/big")->p, "abcdef", 6);
		assert_non_null(world_node(w, "./A/y"));
		assert_null(world_node(w, "./A/two"));
		assert_int_equal(code_of(w, "1"), 200);
		ended(w, world_say(w, STATUS_HDR_("7", "200"), true), DM_END_DONE);
	}
	free(p);
}

/* ---- several messages ------------------------------------------------------------------ */

static void test_not_final(void **state)
{
	struct world *w = *state;

	assert_int_equal(world_say(w, CMD("Add", "1", VALUE("./A/x", "1")), false),
			 DM_STEP_SEND);
	assert_false(w->in.final);
	assert_non_null(alert_of(w, 1222));
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(world_say(w, STATUS_HDR_("2", "200"), false), DM_STEP_SEND);
	assert_false(w->in.final);
	assert_non_null(alert_of(w, 1222));
	assert_int_equal(world_say(w, CMD("Get", "1", ITEM("./A/x")), true), DM_STEP_SEND);
	assert_true(w->in.final);
	assert_null(alert_of(w, 1222));
	is_data(results_of(w, "1"), "./A/x", "chr", "1");
	ended(w, world_say(w, STATUS_HDR_("4", "200"), true), DM_END_DONE);
}

/* more answers than the server's messages hold: the rest when it says so */
static void test_small_messages(void **state)
{
	struct world *w = *state;
	char body[16384] = "", one[300], id[8];
	unsigned int i, got = 0, results = 0, messages = 0;
	const struct dm_cmd *c;

	w->hdr = "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">1024</MaxMsgSize></Meta>";
	for (i = 1; i <= 40; i++) {
		snprintf(one, sizeof(one), CMD("Get", "%u", ITEM("./A/%s")), i,
			 i % 2 ? "one" : "nothing");
		strcat(body, one);
	}
	w->most = 0;
	world_say(w, body, true);
	for (;;) {
		assert_true(w->out.len <= 1024);
		messages++;
		for (c = w->in.cmds->next; c; c = c->next) {
			if (c->kind == DM_RESULTS) {
				/* right behind its Status, also over the edge of a message */
				snprintf(id, sizeof(id), "%u", got);
				assert_string_equal(c->cmd_ref, id);
				assert_string_equal(c->msg_ref, "1");
				results++;
			} else if (!strcmp(c->cmd, "Get")) {
				snprintf(id, sizeof(id), "%u", ++got);
				assert_string_equal(c->cmd_ref, id);
				assert_string_equal(c->msg_ref, "1");
				assert_int_equal(c->code, got % 2 ? 200 : 404);
			} else {
				assert_string_equal(c->cmd, "Alert");
				assert_int_equal(c->code, 200);
			}
		}
		if (w->in.final)
			break;
		assert_int_equal(world_next(w), DM_STEP_SEND);
	}
	assert_int_equal(got, 40);
	assert_int_equal(results, 20);
	assert_true(messages > 3);
	ended(w, world_say(w, STATUS_HDR_("1", "200"), true), DM_END_DONE);
}

/* a server that does not wait for its answers */
static void test_flood(void **state)
{
	struct world *w = *state;
	char body[16384] = "", one[200];
	enum dm_step step = DM_STEP_SEND;
	unsigned int i;

	w->hdr = "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">1024</MaxMsgSize></Meta>";
	for (i = 1; i <= 60; i++) {
		snprintf(one, sizeof(one), CMD("Get", "%u", ITEM("./A/two")), i);
		strcat(body, one);
	}
	for (i = 0; i < 10 && step == DM_STEP_SEND; i++)
		step = world_say(w, body, true);
	ended(w, step, DM_END_LIMIT);
	assert_true(i > 2 && i < 10);
	assert_non_null(alert_of(w, 1223));
}

static void test_too_small(void **state)
{
	struct world *w = *state;

	w->hdr = "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">100</MaxMsgSize></Meta>";
	ended(w, world_say(w, CMD("Get", "1", ITEM("./A/one")), true), DM_END_LIMIT);
}

static void test_messages(void **state)
{
	struct world *w = *state;
	struct dm_engine_config c = world_config(w);
	enum dm_step step = DM_STEP_SEND;
	unsigned int i;

	dm_engine_free(w->e);
	c.max_messages = 20;
	world_begin(w, &c);
	for (i = 0; step == DM_STEP_SEND; i++)
		step = world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	ended(w, step, DM_END_LIMIT);
	assert_int_equal(i, 21);
}

/* ---- alerts ---------------------------------------------------------------------------- */

static void add_alert(struct world *w, uint64_t id, const char *data, size_t len)
{
	w->alert[w->nr_alerts++] = (struct dm_engine_alert){
		.id = id,
		.code = 1226,
		.correlator = "c-17",
		.source = "./Op/Later",
		.type = "urn:oma:at:test:1.0",
		.format = "chr",
		.mark = "critical",
		.data = (const uint8_t *)data,
		.len = len,
	};
}

static void test_alert(void **state)
{
	struct world *w = *state;
	struct dm_engine_config cfg = world_config(w);
	const struct dm_cmd *c;

	add_alert(w, 7, "1200", 4);
	dm_engine_free(w->e);
	world_begin(w, &cfg);
	c = alert_of(w, 1226);
	assert_non_null(c);
	assert_string_equal(c->cmd_id, "3");
	assert_string_equal(c->correlator, "c-17");
	assert_string_equal(c->items->source, "./Op/Later");
	assert_string_equal(c->items->meta.type, "urn:oma:at:test:1.0");
	assert_string_equal(c->items->meta.mark, "critical");
	assert_memory_equal(c->items->data, "1200", 4);
	/* another one comes while the session runs; of the first there is no word yet */
	add_alert(w, 8, "1250", 4);
	world_say(w, STATUS_HDR_("1", "200") CMD("Get", "2", ITEM("./A/one")), true);
	assert_int_equal(w->status[0], 0);
	c = alert_of(w, 1226);
	assert_non_null(c);
	assert_memory_equal(c->items->data, "1250", 4);
	assert_int_equal(w->in.cmds->next->next->next, c);
	assert_null(c->next);
	/* each by its message and its command */
	ended(w,
	      world_say(w,
			"<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>3</"
			"CmdRef><Cmd>Alert</Cmd>"
			"<Data>200</Data></Status>"
			"<Status><CmdID>2</CmdID><MsgRef>2</MsgRef><CmdRef>4</"
			"CmdRef><Cmd>Alert</Cmd>"
			"<Data>415</Data></Status>",
			true),
	      DM_END_DONE);
	assert_int_equal(w->status[0], 200);
	assert_int_equal(w->status[1], 415);
}

/* one that fits no message goes in pieces, also in package 1 */
static void test_alert_large(void **state)
{
	static char data[40000];
	struct world *w = *state;
	struct dm_engine_config cfg = world_config(w);
	const struct dm_cmd *c;
	size_t got = 0;
	char body[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)('a' + i % 26);
	add_alert(w, 1, data, sizeof(data));
	add_alert(w, 2, "x", 1);
	dm_engine_free(w->e);
	world_begin(w, &cfg);
	assert_false(w->in.final);
	for (;;) {
		c = alert_of(w, 1226);
		assert_non_null(c);
		assert_memory_equal(c->items->data, data + got, c->items->len);
		assert_int_equal(c->items->meta.has_size, got == 0);
		if (!got)
			assert_int_equal(c->items->meta.size, sizeof(data));
		got += c->items->len;
		if (!c->items->more)
			break;
		assert_null(c->next);
		assert_int_equal(w->status[0], 0);
		snprintf(body, sizeof(body),
			 STATUS_HDR_("%s", "200") "<Status><CmdID>2</CmdID><MsgRef>%s</MsgRef>"
						  "<CmdRef>%s</CmdRef><Cmd>Alert</"
						  "Cmd><Data>213</Data></Status>" CMD(
							  "Alert", "3", "<Data>1222</Data>"),
			 w->in.hdr.msg_id, w->in.hdr.msg_id, c->cmd_id);
		assert_int_equal(world_say(w, body, true), DM_STEP_SEND);
	}
	assert_int_equal(got, sizeof(data));
	assert_true(w->in.final);
	snprintf(
		body, sizeof(body),
		"<Status><CmdID>2</CmdID><MsgRef>%s</MsgRef><CmdRef>%s</CmdRef><Cmd>Alert</Cmd>"
		"<Data>200</Data></Status>",
		w->in.hdr.msg_id, c->cmd_id);
	ended(w, world_say(w, body, true), DM_END_DONE);
	assert_int_equal(w->status[0], 200);
}

static void test_alert_refused(void **state)
{
	static char data[40000];
	struct world *w = *state;
	struct dm_engine_config cfg = world_config(w);
	char body[300];

	memset(data, 'x', sizeof(data));
	add_alert(w, 1, data, sizeof(data));
	dm_engine_free(w->e);
	world_begin(w, &cfg);
	snprintf(body, sizeof(body),
		 STATUS_HDR_(
			 "1",
			 "200") "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef>"
				"<CmdRef>%s</CmdRef><Cmd>Alert</Cmd><Data>413</Data></Status>",
		 alert_of(w, 1226)->cmd_id);
	ended(w, world_say(w, body, true), DM_END_DONE);
	assert_int_equal(w->status[0], 413);
}

/* more than may wait at a time: the others follow when Status come */
static void test_alerts_many(void **state)
{
	struct world *w = *state;
	struct dm_engine_config cfg = world_config(w);
	unsigned int i, n = 0;
	const struct dm_cmd *c;
	char body[32768] = "", one[300];

	for (i = 1; i <= ALERTS_MAX; i++)
		add_alert(w, i, "x", 1);
	dm_engine_free(w->e);
	world_begin(w, &cfg);
	for (c = w->in.cmds; c; c = c->next) {
		if (c->kind != DM_ALERT || c->code != 1226)
			continue;
		n++;
		snprintf(one, sizeof(one),
			 "<Status><CmdID>%u</CmdID><MsgRef>1</MsgRef><CmdRef>%s</CmdRef>"
			 "<Cmd>Alert</Cmd><Data>200</Data></Status>",
			 n, c->cmd_id);
		strcat(body, one);
	}
	assert_int_equal(n, DM_ENGINE_ALERTS_MAX);
	strcat(body, CMD("Get", "100", ITEM("./A/one")));
	world_say(w, body, true);
	for (i = 0; i < n; i++)
		assert_int_equal(w->status[i], 200);
	for (n = 0, c = w->in.cmds; c; c = c->next)
		n += c->kind == DM_ALERT && c->code == 1226;
	assert_int_equal(n, ALERTS_MAX - DM_ENGINE_ALERTS_MAX);
}

/* ---- the end ---------------------------------------------------------------------------- */

static void test_server_aborts(void **state)
{
	struct world *w = *state;

	ended(w,
	      world_say(w,
			CMD("Alert", "1", "<Data>1223</Data>")
				CMD("Exec", "2", ITEM("./Op/Now")),
			true),
	      DM_END_SERVER);
	assert_int_equal(w->out.len, 0);
	assert_int_equal(w->execs, 0);
}

static void test_server_refuses(void **state)
{
	struct world *w = *state;

	ended(w, world_say(w, STATUS_HDR_("1", "503"), true), DM_END_SERVER);
	assert_int_equal(w->out.len, 0);
}

static void test_abort(void **state)
{
	struct world *w = *state;

	ended(w, dm_engine_abort(w->e, &w->out), DM_END_CLIENT);
	world_hear(w);
	assert_string_equal(w->in.hdr.msg_id, "2");
	assert_non_null(alert_of(w, 1223));
}

static void test_garbage(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {
		"",
		"x",
		"<SyncML/>",
		"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><SyncML/>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dm_engine_config c = world_config(w);

		dm_engine_free(w->e);
		world_begin(w, &c);
		ended(w,
		      dm_engine_input(w->e,
				      &(struct dm_engine_msg){.p = (const uint8_t *)bad[i],
							      .len = strlen(bad[i]),
							      .wbxml = w->wbxml},
				      &w->out),
		      DM_END_BAD_MESSAGE);
		world_hear(w);
		assert_non_null(alert_of(w, 1223));
	}
}

static void replace(char *xml, const char *from, const char *to)
{
	char *p = strstr(xml, from);

	assert_non_null(p);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(p, to, strlen(to));
}

static void test_other_session(void **state)
{
	struct world *w = *state;
	char *xml = world_xml(w, 1, CMD("Exec", "1", ITEM("./Op/Now")), true);

	replace(xml, "1A2B", "1A2C");
	ended(w, world_send(w, xml), DM_END_BAD_MESSAGE);
	assert_int_equal(w->execs, 0);
	free(xml);
}

static void test_session_case(void **state)
{
	struct world *w = *state;
	char *xml = world_xml(w, 1, CMD("Exec", "1", ITEM("./Op/Now")), true);

	replace(xml, "1A2B", "1a2b");
	assert_int_equal(world_send(w, xml), DM_STEP_SEND);
	assert_int_equal(w->execs, 1);
	free(xml);
}

static void test_version(void **state)
{
	struct world *w = *state;
	char *xml = world_xml(w, 1, CMD("Exec", "1", ITEM("./Op/Now")), true);

	replace(xml, "DM/1.2", "DM/2.0");
	ended(w, world_send(w, xml), DM_END_BAD_MESSAGE);
	assert_int_equal(code_of(w, "0"), 505);
	assert_int_equal(w->execs, 0);
	free(xml);
}

/* what it says of itself is in a log, but not as a line of its own */
static void test_log(void **state)
{
	struct world *w = *state;
	char *xml = world_xml(w, 1, "", true), words[DM_ENGINE_WORDS_MAX];

	replace(xml, "DM/1.2", "x\n\xc3\xbc\ty");
	ended(w, world_send(w, xml), DM_END_BAD_MESSAGE);
	dm_engine_end(w->e, words);
	assert_string_equal(words, "the server speaks x????y, 1.2");
	free(xml);
}

static void test_version_1_3(void **state)
{
	struct world *w = *state;
	char *xml = world_xml(w, 1, CMD("Exec", "1", ITEM("./Op/Now")), true);

	replace(xml, "DM/1.2", "DM/1.3");
	assert_int_equal(world_send(w, xml), DM_STEP_SEND);
	assert_int_equal(code_of(w, "1"), 200);
	free(xml);
}

static void test_resp_uri(void **state)
{
	struct world *w = *state;

	assert_string_equal(dm_engine_resp_uri(w->e), "https://dm.example.com/");
	w->hdr = "<RespURI>https://dm.example.com/s?id=4</RespURI>";
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	assert_string_equal(dm_engine_resp_uri(w->e), "https://dm.example.com/s?id=4");
}

/* the coding is the server's */
static void test_coding_changes(void **state)
{
	struct world *w = *state;

	w->wbxml = !w->wbxml;
	world_say(w, CMD("Get", "1", ITEM("./A/two")), true);
	assert_int_equal(w->out.wbxml, w->wbxml);
	is_data(results_of(w, "1"), "./A/two", "chr", "zwei <2>");
}

/* NoResp is not used in DM: there is a Status */
static void test_no_resp(void **state)
{
	struct world *w = *state;

	world_say(w, "<Add><CmdID>1</CmdID><NoResp/>" VALUE("./A/x", "1") "</Add>", true);
	assert_int_equal(code_of(w, "1"), 200);
}

#define BOTH(f)                                              \
	{#f ": xml", f, setup_xml, teardown, NULL},          \
	{                                                    \
		#f ": wbxml", f, setup_wbxml, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_package_1),
		BOTH(test_client_initiated),
		BOTH(test_config),
		BOTH(test_done),
		BOTH(test_get),
		BOTH(test_list),
		BOTH(test_commands),
		BOTH(test_correlator),
		{"test_unknown: xml", test_unknown, setup_xml, teardown,
		 NULL}, /* WBXML has no token for Nonsense */

		BOTH(test_incomplete),
		BOTH(test_uri_too_long),
		BOTH(test_device_failure),
		BOTH(test_commit_fails),
		BOTH(test_pending),
		BOTH(test_pending_nonsense),
		BOTH(test_pending_abort),
		BOTH(test_repeated),
		BOTH(test_older),
		BOTH(test_lost_answers),
		BOTH(test_not_final),
		BOTH(test_small_messages),
		BOTH(test_flood),
		BOTH(test_too_small),
		BOTH(test_messages),
		BOTH(test_alert),
		BOTH(test_alert_large),
		BOTH(test_alert_refused),
		BOTH(test_alerts_many),
		BOTH(test_server_aborts),
		BOTH(test_server_refuses),
		BOTH(test_abort),
		BOTH(test_garbage),
		BOTH(test_other_session),
		BOTH(test_session_case),
		BOTH(test_version),
		BOTH(test_version_1_3),
		BOTH(test_log),
		BOTH(test_resp_uri),
		BOTH(test_coding_changes),
		BOTH(test_no_resp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
