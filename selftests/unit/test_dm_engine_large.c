// SPDX-License-Identifier: Apache-2.0
/*
 * Large objects, both ways (OMA-TS-DM_Protocol-V1_2_1, 7): pieces in order, sizes that do not
 * match, what comes between, memory.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm_engine_world.h"

#include "model/base64.h"

static int setup_as(void **state, bool wbxml)
{
	static struct world w;
	struct dm_engine_config c;

	world_init(&w, wbxml);
	c = world_config(&w);
	assert_int_equal(world_begin(&w, &c), DM_STEP_SEND);
	*state = &w;
	return 0;
}

static int setup_xml(void **state)
{
	return setup_as(state, false);
}

static int setup_wbxml(void **state)
{
	return setup_as(state, true);
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* A piece of an object: @size NULL: not said. */
static char *piece(const char *cmd, const char *uri, const char *format, const char *size,
		   const char *data, bool more)
{
	char *s, *meta = NULL;

	if (size && asprintf(&meta, "<Size xmlns=\"syncml:metinf\">%s</Size>", size) < 0)
		abort();
	if (asprintf(&s,
		     "<%s><CmdID>1</CmdID><Item><Target><LocURI>%s</LocURI></Target>"
		     "<Meta><Format "
		     "xmlns=\"syncml:metinf\">%s</Format>%s</Meta><Data>%s</Data>%s"
		     "</Item></%s>",
		     cmd, uri, format, meta ? meta : "", data, more ? "<MoreData/>" : "",
		     cmd) < 0)
		abort();
	free(meta);
	return s;
}

/* what the client says to it */
static unsigned int send_piece(struct world *w, const char *cmd, const char *uri,
			       const char *size, const char *data, bool more)
{
	char *s = piece(cmd, uri, "chr", size, data, more);
	unsigned int code;

	assert_int_equal(world_say(w, s, !more), DM_STEP_SEND);
	free(s);
	code = code_of(w, "1");
	assert_int_equal(more, alert_of(w, 1222) != NULL);
	assert_int_equal(w->in.final, !more);
	return code;
}

static void test_in(void **state)
{
	struct world *w = *state;
	struct node *n;

	assert_int_equal(send_piece(w, "Add", "./A/big", "10", "0123", true), 213);
	assert_null(world_node(w, "./A/big"));
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "45", true), 213);
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "6789", false), 200);
	n = world_node(w, "./A/big");
	assert_non_null(n);
	assert_int_equal(n->len, 10);
	assert_memory_equal(n->p, "0123456789", 10);
	/* and again, to replace it */
	assert_int_equal(send_piece(w, "Replace", "./A/big", "4", "ab", true), 213);
	assert_memory_equal(n->p, "0123456789", 10);
	assert_int_equal(send_piece(w, "Replace", "./A/big", NULL, "cd", false), 200);
	assert_memory_equal(n->p, "abcd", 4);
}

/* the item's target and meta need not be there again; a Sequence around it is */
static void test_in_sequence(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Sequence", "9",
		      CMD("Add", "1",
			  "<Item><Target><LocURI>./A/big</LocURI></Target><Meta>"
			  "<Size xmlns=\"syncml:metinf\">4</Size></Meta><Data>ab</Data>"
			  "<MoreData/></Item>")),
		  false);
	assert_int_equal(code_of(w, "9"), 200);
	assert_int_equal(code_of(w, "1"), 213);
	world_say(w, CMD("Sequence", "9", CMD("Add", "1", "<Item><Data>cd</Data></Item>")),
		  true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_memory_equal(world_node(w, "./A/big")->p, "abcd", 4);
}

static void test_in_refused(void **state)
{
	struct world *w = *state;

	/* no size, more than we take, another node's right, one that is there */
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "0123", true), 411);
	w->aborts = 0;
	assert_int_equal(send_piece(w, "Add", "./A/big", "1048577", "0123", true), 413);
	assert_int_equal(w->writes, 0);
	assert_int_equal(send_piece(w, "Replace", "./A/Secret", "8", "0123", true), 425);
	/* the server goes on all the same: a piece of nothing */
	assert_int_equal(send_piece(w, "Replace", "./A/Secret", NULL, "4567", true), 411);
	assert_int_equal(send_piece(w, "Add", "./A/one", "8", "0123", true), 418);
	assert_int_equal(w->aborts, 0);
	assert_false(w->part_on);
}

static void test_in_mismatch(void **state)
{
	struct world *w = *state;

	/* too little */
	assert_int_equal(send_piece(w, "Add", "./A/big", "10", "0123", true), 213);
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "4", false), 424);
	assert_int_equal(w->aborts, 1);
	assert_null(world_node(w, "./A/big"));
	/* too much, seen at once */
	assert_int_equal(send_piece(w, "Add", "./A/big", "5", "0123", true), 213);
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "456", true), 424);
	assert_int_equal(w->aborts, 2);
	/* and as it should be */
	assert_int_equal(send_piece(w, "Add", "./A/big", "5", "0123", true), 213);
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "4", false), 200);
}

/* another object or command before the end: Alert 1225, with the URI, and it is done */
static void test_in_interrupted(void **state)
{
	static const char *const by[] = {
		CMD("Get", "2", ITEM("./A/one")),
		CMD("Replace", "2", VALUE("./A/one", "1")),
		CMD("Exec", "2", ITEM("./Op/Now")),
		CMD("Atomic", "2", CMD("Replace", "3", VALUE("./A/one", "1"))),
	};
	struct world *w = *state;
	const struct dm_cmd *a;

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		w->aborts = 0;
		assert_int_equal(send_piece(w, "Add", "./A/big", "10", "0123", true), 213);
		world_say(w, by[i], true);
		a = alert_of(w, 1225);
		assert_non_null(a);
		assert_string_equal(a->items->target, "./A/big");
		assert_int_equal(code_of(w, "2"), 200);
		assert_int_equal(w->aborts, 1);
		assert_true(w->in.final);
		assert_null(world_node(w, "./A/big"));
	}
}

/* nothing but a Status is no interruption, but no end of the package either */
static void test_in_waits(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_piece(w, "Add", "./A/big", "6", "0123", true), 213);
	assert_int_equal(world_say(w, STATUS_HDR_("2", "200"), false), DM_STEP_SEND);
	assert_non_null(alert_of(w, 1222));
	assert_null(alert_of(w, 1225));
	assert_int_equal(send_piece(w, "Add", "./A/big", NULL, "45", false), 200);
}

/* an Atomic is in one message */
static void test_in_atomic(void **state)
{
	struct world *w = *state;
	char *s = piece("Add", "./A/big", "chr", "10", "0123", true), *body;

	if (asprintf(&body, "<Atomic><CmdID>9</CmdID>%s</Atomic>", s) < 0)
		abort();
	world_say(w, body, true);
	assert_int_equal(code_of(w, "1"), 406);
	assert_int_equal(code_of(w, "9"), 507);
	free(s);
	free(body);
}

/* the session ends before the object does */
static void test_in_left(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_piece(w, "Add", "./A/big", "6", "0123", true), 213);
	assert_int_equal(world_say(w, STATUS_HDR_("2", "200"), true), DM_STEP_END);
	assert_int_equal(dm_engine_end(w->e, NULL), DM_END_DONE);
	assert_int_equal(w->aborts, 1);
	assert_false(w->part_on);
}

/* base64 that is cut anywhere, in XML: octets arrive */
static void test_in_base64(void **state)
{
	struct world *w = *state;
	uint8_t octets[100];
	char text[200], part[200], *s;
	size_t len, at, n, step;
	struct node *node;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 37);
	len = base64_encode(octets, sizeof(octets), text, false);
	for (step = 1; step < 60; step++) {
		world_set(w, "./A/bin", MO_BIN, "", 0);
		for (at = 0; at < len; at += n) {
			n = len - at < step ? len - at : step;
			memcpy(part, text + at, n);
			part[n] = 0;
			s = piece("Replace", "./A/bin", "b64", at ? NULL : "100", part,
				  at + n < len);
			assert_int_equal(world_say(w, s, at + n == len), DM_STEP_SEND);
			assert_int_equal(code_of(w, "1"), at + n == len ? 200 : 213);
			free(s);
		}
		node = world_node(w, "./A/bin");
		assert_int_equal(node->len, sizeof(octets));
		assert_memory_equal(node->p, octets, sizeof(octets));
	}
}

static void test_in_base64_bad(void **state)
{
	struct world *w = *state;
	char *s;

	s = piece("Add", "./A/bin", "b64", "6", "AAA", true);
	world_say(w, s, false);
	assert_int_equal(code_of(w, "1"), 213);
	free(s);
	s = piece("Add", "./A/bin", "b64", NULL, "A*AAA", false);
	world_say(w, s, true);
	assert_int_equal(code_of(w, "1"), 415);
	free(s);
	assert_null(world_node(w, "./A/bin"));
	/* a small one that is none */
	s = piece("Add", "./A/bin", "b64", NULL, "A*A", false);
	world_say(w, s, true);
	assert_int_equal(code_of(w, "1"), 415);
	free(s);
}

/* ---- out ----------------------------------------------------------------------------------
 */

static void limits(struct world *w, unsigned int msg, unsigned int obj)
{
	static char hdr[200];

	snprintf(hdr, sizeof(hdr),
		 "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">%u</MaxMsgSize>"
		 "<MaxObjSize xmlns=\"syncml:metinf\">%u</MaxObjSize></Meta>",
		 msg, obj);
	w->hdr = hdr;
}

/* Take the pieces of the Results of command "1"; @each is called with every one. Return: how
 * many messages it took. */
static unsigned int take(struct world *w, const char *uri, uint64_t size,
			 void (*each)(const struct dm_item *it, uint64_t at))
{
	const struct dm_cmd *c;
	unsigned int n = 0;
	uint64_t at = 0;

	for (;;) {
		n++;
		c = results_of(w, "1");
		assert_non_null(c);
		assert_string_equal(c->items->source, uri);
		/* the size in the first piece, and only there */
		assert_int_equal(c->items->meta.has_size, c->items->more && !at);
		if (c->items->meta.has_size)
			assert_int_equal(c->items->meta.size, size);
		each(c->items, at);
		at += c->items->len;
		assert_true(at <= size);
		if (!c->items->more)
			break;
		/* nothing behind a piece, no Final */
		assert_null(c->next);
		assert_false(w->in.final);
		assert_int_equal(world_next(w), DM_STEP_SEND);
	}
	assert_int_equal(at, size);
	return n;
}

static void is_endless(const struct dm_item *it, uint64_t at)
{
	for (size_t i = 0; i < it->len; i++, at++)
		assert_int_equal(it->data[i], (uint8_t)(at * 7 + (at >> 8)));
}

static void test_out(void **state)
{
	struct world *w = *state;

	w->endless = 20000;
	limits(w, 4096, 100000);
	w->most = 0;
	world_say(w, CMD("Get", "1", ITEM("./Endless")) CMD("Get", "2", ITEM("./A/one")), true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_true(take(w, "./Endless", 20000, is_endless) > 4);
	/* what was behind it in the server's message comes last */
	assert_int_equal(code_of(w, "2"), 200);
	/* its value, where the last part of the object leaves no room */
	if (!w->in.final)
		assert_int_equal(world_next(w), DM_STEP_SEND);
	assert_true(w->in.final);
	assert_true(w->most <= 4096);
	assert_true(w->most > 3900);
}

/* one that fits a message of its own is not cut */
static void test_out_whole(void **state)
{
	struct world *w = *state;

	w->endless = 700;
	limits(w, 2048, 100000);
	world_say(w,
		  CMD("Get", "8", ITEM("./A?list=StructData")) CMD("Get", "9", ITEM("./A/two"))
			  CMD("Get", "1", ITEM("./Endless")),
		  true);
	if (!results_of(w, "1")) {
		assert_false(w->in.final);
		assert_int_equal(world_next(w), DM_STEP_SEND);
	}
	assert_int_equal(take(w, "./Endless", 700, is_endless), 1);
}

static void test_out_too_large(void **state)
{
	struct world *w = *state;

	w->endless = 20001;
	limits(w, 4096, 20000);
	world_say(w, CMD("Get", "1", ITEM("./Endless")), true);
	assert_int_equal(code_of(w, "1"), 413);
	assert_null(results_of(w, "1"));
	assert_true(w->in.final);
}

static char umlauts[9001];

static void is_text(const struct dm_item *it, uint64_t at)
{
	/* not torn within a character, and text all the way */
	assert_string_equal(it->meta.format, "chr");
	assert_memory_equal(it->data, umlauts + at, it->len);
	assert_int_equal(it->len % 3, 0);
}

static void test_out_text(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i + 3 < sizeof(umlauts); i += 3)
		memcpy(umlauts + i, "\xe2\x82\xac", 3);
	world_set(w, "./A/text", MO_CHR, umlauts, 9000);
	limits(w, 1777, 100000);
	world_say(w, CMD("Get", "1", ITEM("./A/text")), true);
	assert_true(take(w, "./A/text", 9000, is_text) > 4);
}

/* a list with a value that fills messages */
static void test_out_list(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *c;
	const struct dm_item *it;
	char seen[400] = "";
	size_t got = 0;

	memset(umlauts, 'x', 9000);
	world_set(w, "./A/text", MO_CHR, umlauts, 9000);
	world_set(w, "./A/after", MO_CHR, "last", 4);
	limits(w, 1777, 100000);
	world_say(w, CMD("Get", "1", ITEM("./A?list=StructData")), true);
	for (;;) {
		for (c = w->in.cmds; c; c = c->next)
			for (it = c->kind == DM_RESULTS ? c->items : NULL; it; it = it->next) {
				if (!strstr(seen, it->source)) {
					strcat(seen, it->source);
					strcat(seen, " ");
				}
				got += !strcmp(it->source, "./A/text") ? it->len : 0;
			}
		if (w->in.final)
			break;
		assert_int_equal(world_next(w), DM_STEP_SEND);
	}
	assert_string_equal(seen, "./A ./A/one ./A/two ./A/text ./A/after ");
	assert_int_equal(got, 9000);
}

/* the server does not want the rest */
static void test_out_refused(void **state)
{
	struct world *w = *state;
	char body[400];

	w->endless = 20000;
	limits(w, 4096, 100000);
	world_say(w, CMD("Get", "1", ITEM("./Endless")) CMD("Get", "2", ITEM("./A/one")), true);
	assert_true(results_of(w, "1")->items->more);
	snprintf(body, sizeof(body),
		 STATUS_HDR_(
			 "2",
			 "200") "<Status><CmdID>2</CmdID><MsgRef>2</MsgRef><CmdRef>%s</CmdRef>"
				"<Cmd>Results</Cmd><Data>413</Data></Status>" CMD(
					"Alert", "3", "<Data>1222</Data>"),
		 results_of(w, "1")->cmd_id);
	world_say(w, body, false);
	assert_null(results_of(w, "1"));
	assert_int_equal(code_of(w, "2"), 200);
	assert_true(w->in.final);
}

/* it is gone while it is read: an end that does not fit the size */
static void test_out_vanishes(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *c;

	memset(umlauts, 'x', 9000);
	world_set(w, "./A/text", MO_CHR, umlauts, 9000);
	limits(w, 1777, 100000);
	world_say(w, CMD("Get", "1", ITEM("./A/text")), true);
	assert_true(results_of(w, "1")->items->more);
	t_del(w, NULL, "./A/text");
	world_next(w);
	c = results_of(w, "1");
	assert_non_null(c);
	assert_false(c->items->more);
	assert_int_equal(c->items->len, 0);
	assert_true(w->in.final);
}

/* ---- memory ----------------------------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static size_t in_use(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks;
#endif
}

/* 16 MiB of one value out, 10 000 commands in: neither leaves anything behind, nor needs
 * more at the end than at the beginning */
static void test_memory(void **state)
{
	struct world *w = *state;
	size_t before, after;
	unsigned int i;

	w->endless = 4U << 20;
	limits(w, 65536, 64U << 20);
	world_say(w, CMD("Get", "1", ITEM("./Endless")), true);
	for (i = 0; i < 5; i++)
		world_next(w);
	before = in_use();
	assert_true(before > 65536);
	for (i = 0; i < 50; i++) {
		world_next(w);
		assert_non_null(results_of(w, "1"));
		assert_true(results_of(w, "1")->items->more);
	}
	after = in_use();
	assert_true(after < before + 4096);
	while (!w->in.final)
		world_next(w);
	for (i = 0; i < 10000; i++) {
		if (i == 100)
			before = in_use();
		assert_int_equal(world_say(w,
					   CMD("Replace", "1", VALUE("./A/one", "x"))
						   CMD("Get", "2", ITEM("./A/one")),
					   true),
				 DM_STEP_SEND);
	}
	after = in_use();
	assert_true(after < before + 4096);
}

#define BOTH(f)                                              \
	{#f ": xml", f, setup_xml, teardown, NULL},          \
	{                                                    \
		#f ": wbxml", f, setup_wbxml, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_in),
		BOTH(test_in_sequence),
		BOTH(test_in_refused),
		BOTH(test_in_mismatch),
		BOTH(test_in_interrupted),
		BOTH(test_in_waits),
		BOTH(test_in_atomic),
		BOTH(test_in_left),
		{"test_in_base64: xml", test_in_base64, setup_xml, teardown, NULL},
		{"test_in_base64_bad: xml", test_in_base64_bad, setup_xml, teardown, NULL},
		BOTH(test_out),
		BOTH(test_out_whole),
		BOTH(test_out_too_large),
		BOTH(test_out_text),
		BOTH(test_out_list),
		BOTH(test_out_refused),
		BOTH(test_out_vanishes),
		BOTH(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
