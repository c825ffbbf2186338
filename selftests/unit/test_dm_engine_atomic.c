// SPDX-License-Identifier: Apache-2.0
/*
 * Atomic and Sequence (OMA-TS-DM_RepPro-V1_2_1, 6.6.3 and 6.6.14), and questions for people
 * (OMA-TS-DM_Protocol-V1_2_1, 10), which can stop both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm_engine_world.h"

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

static void value_is(struct world *w, const char *uri, const char *value)
{
	struct node *n = world_node(w, uri);

	if (!value) {
		assert_null(n);
		return;
	}
	assert_non_null(n);
	assert_int_equal(n->len, strlen(value));
	assert_memory_equal(n->p, value, n->len);
}

/* ---- Atomic ------------------------------------------------------------------------------ */

#define TWO_CHANGES                                   \
	CMD("Replace", "2", VALUE("./A/one", "eins")) \
	CMD("Add", "3", VALUE("./A/new", "neu"))

static void test_atomic(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *c;

	assert_int_equal(
		world_say(w, CMD("Atomic", "1", TWO_CHANGES) CMD("Get", "4", ITEM("./A/new")),
			  true),
		DM_STEP_SEND);
	/* in the order of their numbers: the Atomic before what is in it */
	c = w->in.cmds->next;
	assert_string_equal(c->cmd_ref, "1");
	assert_string_equal(c->cmd, "Atomic");
	assert_int_equal(c->code, 200);
	assert_string_equal(c->next->cmd_ref, "2");
	assert_int_equal(c->next->code, 200);
	assert_string_equal(c->next->next->cmd_ref, "3");
	assert_int_equal(c->next->next->code, 200);
	assert_int_equal(code_of(w, "4"), 200);
	value_is(w, "./A/one", "eins");
	value_is(w, "./A/new", "neu");
	assert_int_equal(w->rollbacks, 0);
}

/* one is refused: what was done is undone, what follows is not done */
static void test_atomic_fails(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Replace", "9", VALUE("./A/two", "zwei"))
			  CMD("Atomic", "1",
			      TWO_CHANGES CMD("Delete", "4", ITEM("./A/none"))
				      CMD("Replace", "5",
					  VALUE("./A/one", "x") VALUE("./A/two", "x")))
				  CMD("Add", "6", VALUE("./A/after", "da")),
		  true);
	assert_int_equal(code_of(w, "9"), 200);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 216);
	assert_int_equal(code_of(w, "3"), 216);
	assert_int_equal(code_of(w, "4"), 404);
	assert_int_equal(status_of(w, "5", 0)->code, 215);
	assert_int_equal(status_of(w, "5", 1)->code, 215);
	assert_int_equal(code_of(w, "6"), 200);
	value_is(w, "./A/one", "1");
	value_is(w, "./A/new", NULL);
	/* what was outside stays */
	value_is(w, "./A/two", "zwei");
	value_is(w, "./A/after", "da");
	assert_int_equal(w->rollbacks, 1);
}

/* an honest 516 where it cannot be undone */
static void test_atomic_516(void **state)
{
	struct world *w = *state;

	w->rollback_says = DM_ROLLBACK_FAILED;
	world_say(w, CMD("Atomic", "1", TWO_CHANGES CMD("Delete", "4", ITEM("./A/none"))),
		  true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 516);
	assert_int_equal(code_of(w, "3"), 516);
	assert_int_equal(code_of(w, "4"), 404);
}

static void test_atomic_commit_fails(void **state)
{
	struct world *w = *state;

	w->commit_says = DM_DEVICE_FULL;
	world_say(w, CMD("Atomic", "1", TWO_CHANGES), true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 216);
	assert_int_equal(code_of(w, "3"), 216);
	value_is(w, "./A/one", "1");

	w->commit_says = DM_ROLLBACK_FAILED;
	world_say(w, CMD("Atomic", "1", TWO_CHANGES), true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 516);
	assert_int_equal(code_of(w, "3"), 516);
}

/* a secure element has a part in it, and takes its time */
static void test_atomic_pending(void **state)
{
	static const int says[] = {200, 500, 516};
	static const unsigned int atomic[] = {200, 507, 507}, inside[] = {200, 216, 516};
	struct world *w = *state;
	uint64_t token;

	w->commit_says = DM_PENDING;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(world_say(w,
					   CMD("Atomic", "1",
					       CMD("Replace", "2", VALUE("./A/one", "eins"))
						       CMD("Exec", "3", ITEM("./Op/Later")))
						   CMD("Exec", "4", ITEM("./Op/Now")),
					   true),
				 DM_STEP_WAIT);
		assert_int_equal(w->execs, 2 * i + 1);
		assert_true(dm_engine_waits(w->e, &token));
		assert_int_equal(token, w->token);
		assert_int_equal(dm_engine_resume(w->e, token, says[i], &w->out), DM_STEP_SEND);
		world_hear(w);
		assert_int_equal(code_of(w, "1"), atomic[i]);
		assert_int_equal(code_of(w, "2"), inside[i]);
		assert_int_equal(code_of(w, "3"), says[i] == 200 ? 202 : inside[i]);
		assert_int_equal(code_of(w, "4"), 200);
	}
}

/* the session ends while the card is at it: that is not ours to undo */
static void test_atomic_pending_abort(void **state)
{
	struct world *w = *state;

	w->commit_says = DM_PENDING;
	assert_int_equal(world_say(w, CMD("Atomic", "1", TWO_CHANGES), true), DM_STEP_WAIT);
	assert_int_equal(dm_engine_abort(w->e, &w->out), DM_STEP_END);
	assert_int_equal(w->rollbacks, 0);
	world_hear(w);
	assert_int_equal(code_of(w, "1"), 0);
	assert_non_null(alert_of(w, 1223));
}

static void test_atomic_busy(void **state)
{
	struct world *w = *state;

	w->begin_says = DM_BUSY;
	world_say(w, CMD("Atomic", "1", TWO_CHANGES) CMD("Get", "4", ITEM("./A/one")), true);
	assert_int_equal(code_of(w, "1"), 503);
	assert_int_equal(code_of(w, "2"), 215);
	assert_int_equal(code_of(w, "3"), 215);
	assert_int_equal(code_of(w, "4"), 200);
	value_is(w, "./A/one", "1");
}

/* neither Get nor another Atomic */
static void test_atomic_illegal(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Atomic", "1",
		      CMD("Replace", "2", VALUE("./A/one", "eins")) CMD(
			      "Get", "3", ITEM("./A/one")) CMD("Delete", "4", ITEM("./A/two"))),
		  true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 216);
	assert_int_equal(code_of(w, "3"), 500);
	assert_int_equal(code_of(w, "4"), 215);
	assert_null(results_of(w, "3"));
	value_is(w, "./A/one", "1");

	world_say(w,
		  CMD("Atomic", "1",
		      CMD("Replace", "2", VALUE("./A/one", "eins"))
			      CMD("Atomic", "3", CMD("Delete", "4", ITEM("./A/two")))
				      CMD("Delete", "5", ITEM("./A/two"))),
		  true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 216);
	assert_int_equal(code_of(w, "3"), 500);
	assert_int_equal(code_of(w, "4"), 215);
	assert_int_equal(code_of(w, "5"), 215);
	value_is(w, "./A/one", "1");
	value_is(w, "./A/two", "zwei <2>");
}

static void test_atomic_sequence(void **state)
{
	struct world *w = *state;

	world_say(w, CMD("Atomic", "1", CMD("Sequence", "5", TWO_CHANGES)), true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "5"), 200);
	value_is(w, "./A/new", "neu");
	world_say(w,
		  CMD("Atomic", "1",
		      CMD("Sequence", "5",
			  CMD("Replace", "2", VALUE("./A/one", "un"))
				  CMD("Add", "3", VALUE("./A/new", "x")))
			      CMD("Delete", "6", ITEM("./A/two"))),
		  true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "5"), 216);
	assert_int_equal(code_of(w, "2"), 216);
	assert_int_equal(code_of(w, "3"), 418);
	assert_int_equal(code_of(w, "6"), 215);
	value_is(w, "./A/one", "eins");
}

/* in a Sequence an Atomic fails by itself */
static void test_sequence_atomic(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Sequence", "1",
		      CMD("Atomic", "2", CMD("Delete", "3", ITEM("./A/none")))
			      CMD("Replace", "4", VALUE("./A/one", "eins"))
				      CMD("Get", "5", ITEM("./A/one"))),
		  true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "2"), 507);
	assert_int_equal(code_of(w, "3"), 404);
	assert_int_equal(code_of(w, "4"), 200);
	assert_memory_equal(results_of(w, "5")->items->data, "eins", 4);
}

static void test_atomic_incomplete(void **state)
{
	struct world *w = *state;

	world_say(w, "<Atomic>" TWO_CHANGES "</Atomic>" CMD("Atomic", "9", ""), true);
	assert_int_equal(w->in.cmds->next->code, 412);
	assert_int_equal(code_of(w, "2"), 215);
	assert_int_equal(code_of(w, "3"), 215);
	value_is(w, "./A/one", "1");
}

/*
 * All of an Atomic is done before anything is told of it, so its answers may take several
 * messages (6.6.3): there is no 517.
 */
static void test_atomic_many(void **state)
{
	struct world *w = *state;
	char body[16384] = "<Atomic><CmdID>1</CmdID>", one[300];
	unsigned int i, got = 0;
	const struct dm_cmd *c;

	w->hdr = "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">1024</MaxMsgSize></Meta>";
	for (i = 2; i < 42; i++) {
		snprintf(one, sizeof(one), CMD("Replace", "%u", VALUE("./A/one", "%u")), i, i);
		strcat(body, one);
	}
	strcat(body, "</Atomic>");
	world_say(w, body, true);
	value_is(w, "./A/one", "41");
	assert_false(w->in.final);
	for (;;) {
		for (c = w->in.cmds; c; c = c->next)
			got += c->kind == DM_STATUS && !strcmp(c->msg_ref, "1") &&
			       (!strcmp(c->cmd, "Replace") || !strcmp(c->cmd, "Atomic")) &&
			       c->code == 200;
		if (w->in.final)
			break;
		assert_int_equal(world_next(w), DM_STEP_SEND);
	}
	assert_int_equal(got, 41);
}

/* an answer that did not arrive is asked for again: the Atomic is not run again */
static void test_atomic_again(void **state)
{
	struct world *w = *state;

	world_say(w, CMD("Atomic", "1", TWO_CHANGES), true);
	w->msg--;
	world_say(w, CMD("Atomic", "1", TWO_CHANGES), true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "3"), 200);
	assert_int_equal(w->writes, 2);
}

/* ---- Sequence ------------------------------------------------------------------------------
 */

/* what is refused does not stop it: only a person does */
static void test_sequence(void **state)
{
	struct world *w = *state;

	world_say(w,
		  CMD("Sequence", "1",
		      CMD("Delete", "2", ITEM("./A/none")) CMD("Delete", "3", ITEM("./A/one"))
			      CMD("Add", "4", VALUE("./A/one", "wieder"))
				      CMD("Get", "5", ITEM("./A/one"))),
		  true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "2"), 404);
	assert_int_equal(code_of(w, "3"), 200);
	assert_int_equal(code_of(w, "4"), 200);
	assert_memory_equal(results_of(w, "5")->items->data, "wieder", 6);
}

/* ---- people
 * ---------------------------------------------------------------------------------- */

#define ASK(id, code, options, text, more)                                      \
	"<Alert><CmdID>" id "</CmdID><Data>" code "</Data><Item><Data>" options \
	"</Data></Item><Item><Data>" text "</Data></Item>" more "</Alert>"
#define CHOICE(text) "<Item><Data>" text "</Data></Item>"

static void test_display(void **state)
{
	struct world *w = *state;

	world_say(w, ASK("1", "1100", "MINDT=10&amp;MAXDT=60", "In progress", ""), true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(w->ask.code, 1100);
	assert_string_equal(w->ask_text, "In progress");
	assert_int_equal(w->ask.mindt, 10);
	assert_int_equal(w->ask.maxdt, 60);
	assert_int_equal(w->ask.it, 'A');
	assert_int_equal(w->ask.et, 'T');
	/* time has passed: it was there */
	w->ui_says = DM_UI_TIMEOUT;
	world_say(w, ASK("1", "1100", "", "In progress", ""), true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(w->ask.mindt, 0);
}

static void test_options(void **state)
{
	struct world *w = *state;

	/* any case, escapes; what makes no sense is skipped */
	world_say(
		w,
		ASK("1", "1102",
		    "mindt=x&amp;MAXDT=-3&amp;DR=a%26b%3d1&amp;MAXLEN=4&amp;IT=N&amp;ET=P&amp;"
		    "IT=Z&amp;ET=&amp;NEW=1&amp;junk",
		    "Number?", ""),
		true);
	assert_int_equal(w->ask.mindt, 0);
	assert_int_equal(w->ask.maxdt, 0);
	assert_string_equal(w->ask_dr, "a&b=1");
	assert_int_equal(w->ask.maxlen, 4);
	assert_int_equal(w->ask.it, 'N');
	assert_int_equal(w->ask.et, 'P');
}

#define CONFIRM ASK("2", "1101", "", "Sure?", "")
#define AFTER CMD("Replace", "3", VALUE("./A/one", "x"))

static void test_confirm(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_OK;
	world_say(w, CMD("Sequence", "1", CONFIRM AFTER), true);
	assert_int_equal(code_of(w, "2"), 200);
	assert_int_equal(code_of(w, "3"), 200);
}

/* no: what is in the Sequence after it is not executed, what is behind is */
static void test_no_sequence(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_NO;
	world_say(w,
		  CMD("Sequence", "1", CONFIRM AFTER CMD("Delete", "4", ITEM("./A/two")))
			  CMD("Get", "5", ITEM("./A/one")),
		  true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "2"), 304);
	assert_int_equal(code_of(w, "3"), 215);
	assert_int_equal(code_of(w, "4"), 215);
	assert_int_equal(code_of(w, "5"), 200);
	value_is(w, "./A/one", "1");
}

static void test_no_atomic(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_NO;
	world_say(w,
		  CMD("Atomic", "1", CMD("Replace", "9", VALUE("./A/two", "x")) CONFIRM AFTER),
		  true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "9"), 216);
	assert_int_equal(code_of(w, "2"), 304);
	assert_int_equal(code_of(w, "3"), 215);
	value_is(w, "./A/two", "zwei <2>");
}

/* alone in SyncBody it is but an answer */
static void test_no_alone(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_NO;
	world_say(w, CONFIRM AFTER, true);
	assert_int_equal(code_of(w, "2"), 304);
	assert_int_equal(code_of(w, "3"), 200);
}

/* cancelled: the rest of the package is not executed, the next one is */
static void test_cancel(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_CANCELLED;
	world_say(w, CONFIRM AFTER CMD("Sequence", "4", CMD("Delete", "5", ITEM("./A/two"))),
		  false);
	assert_int_equal(code_of(w, "2"), 214);
	assert_int_equal(code_of(w, "3"), 215);
	assert_int_equal(code_of(w, "4"), 215);
	assert_int_equal(code_of(w, "5"), 215);
	/* it has another message */
	world_say(w, AFTER, true);
	assert_int_equal(code_of(w, "3"), 215);
	world_say(w, AFTER, true);
	assert_int_equal(code_of(w, "3"), 200);
}

static void test_cancel_atomic(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_CANCELLED;
	world_say(w, CMD("Atomic", "1", CONFIRM AFTER) CMD("Delete", "5", ITEM("./A/two")),
		  true);
	assert_int_equal(code_of(w, "1"), 507);
	assert_int_equal(code_of(w, "2"), 214);
	assert_int_equal(code_of(w, "3"), 215);
	assert_int_equal(code_of(w, "5"), 215);
	assert_int_equal(w->depth, 0);
}

/* what was executed goes back to 216, the question that was answered, too */
static void test_answered_then_fails(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_OK;
	strcpy(w->ui_answer.text, "CNN");
	world_say(w,
		  CMD("Atomic", "1",
		      ASK("2", "1102", "", "Name?", "") CMD("Delete", "3", ITEM("./A/none"))),
		  true);
	assert_int_equal(code_of(w, "2"), 216);
	assert_null(status_of(w, "2", 0)->items);
	assert_int_equal(code_of(w, "3"), 404);
}

static void test_input(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *st;

	strcpy(w->ui_answer.text, "Z\xc3\xbcrich");
	world_say(w, ASK("1", "1102", "MAXLEN=4", "City?", ""), true);
	st = status_of(w, "1", 0);
	assert_int_equal(st->code, 200);
	/* four characters, five bytes */
	assert_int_equal(st->items->len, 5);
	assert_memory_equal(st->items->data, "Z\xc3\xbcri", 5);
}

static void test_choice(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *st;

	w->ui_answer.chosen = 2;
	world_say(w, ASK("1", "1103", "DR=1", "Which?", CHOICE("a") CHOICE("b") CHOICE("c")),
		  true);
	assert_int_equal(w->ask.nr_choices, 3);
	assert_string_equal(w->ask_choice[2], "c");
	st = status_of(w, "1", 0);
	assert_int_equal(st->code, 200);
	assert_memory_equal(st->items->data, "2", 1);
	assert_null(st->items->next);
	/* several, and one that there is not */
	w->ui_answer.chosen = 1 | 4 | 64;
	world_say(w, ASK("1", "1104", "", "Which?", CHOICE("a") CHOICE("b") CHOICE("c")), true);
	st = status_of(w, "1", 0);
	assert_int_equal(st->code, 200);
	assert_memory_equal(st->items->data, "1", 1);
	assert_memory_equal(st->items->next->data, "3", 1);
	assert_null(st->items->next->next);
	/* two where one was asked for */
	world_say(w, ASK("1", "1103", "", "Which?", CHOICE("a") CHOICE("b") CHOICE("c")), true);
	assert_int_equal(code_of(w, "1"), 500);
	/* nothing to choose from */
	world_say(w, ASK("1", "1103", "", "Which?", ""), true);
	assert_int_equal(code_of(w, "1"), 412);
}

/* time is up: the default response, or 408 */
static void test_timeout(void **state)
{
	struct world *w = *state;
	const struct dm_cmd *st;

	w->ui_says = DM_UI_TIMEOUT;
	world_say(w,
		  ASK("1", "1101", "MAXDT=1&amp;DR=1", "?",
		      "") ASK("2", "1101", "DR=0", "?", "") ASK("3", "1101", "MAXDT=1", "?", "")
			  ASK("4", "1101", "DR=yes", "?", "") ASK(
				  "5", "1102", "DR=abc", "?", "") ASK("6", "1102", "", "?", "")
				  ASK("7", "1104", "DR=1-2", "?", CHOICE("a") CHOICE("b")) ASK(
					  "8", "1104", "DR=1-3", "?", CHOICE("a") CHOICE("b")),
		  true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(code_of(w, "2"), 304);
	assert_int_equal(code_of(w, "3"), 408);
	assert_int_equal(code_of(w, "4"), 408);
	st = status_of(w, "5", 0);
	assert_int_equal(st->code, 200);
	assert_memory_equal(st->items->data, "abc", 3);
	assert_int_equal(code_of(w, "6"), 408);
	st = status_of(w, "7", 0);
	assert_int_equal(st->code, 200);
	assert_memory_equal(st->items->next->data, "2", 1);
	assert_int_equal(code_of(w, "8"), 408);
}

static void test_nobody(void **state)
{
	struct world *w = *state;
	char body[6000], text[4200];

	w->ui_says = DM_UI_UNSUPPORTED;
	world_say(w, CONFIRM, true);
	assert_int_equal(code_of(w, "2"), 406);
	/* nobody reads that much */
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	snprintf(body, sizeof(body), ASK("1", "1100", "", "%s", ""), text);
	world_say(w, body, true);
	assert_int_equal(code_of(w, "1"), 413);
	assert_int_equal(w->uis, 1);
}

/* a person needs time: the session waits, and nothing behind the question is run */
static void test_waits(void **state)
{
	struct world *w = *state;
	struct dm_engine_ui_answer a = {.text = "later"};
	uint64_t token;

	w->ui_says = DM_UI_PENDING;
	assert_int_equal(world_say(w,
				   CMD("Atomic", "1",
				       CMD("Replace", "9", VALUE("./A/two", "x"))
					       ASK("2", "1102", "", "Name?", "") AFTER),
				   true),
			 DM_STEP_WAIT);
	assert_false(dm_engine_waits(w->e, &token));
	value_is(w, "./A/one", "1");
	assert_int_equal(dm_engine_ui_done(w->e, DM_UI_PENDING, NULL, &w->out), DM_STEP_WAIT);
	assert_int_equal(dm_engine_ui_done(w->e, DM_UI_OK, &a, &w->out), DM_STEP_SEND);
	world_hear(w);
	assert_int_equal(code_of(w, "1"), 200);
	assert_memory_equal(status_of(w, "2", 0)->items->data, "later", 5);
	value_is(w, "./A/one", "x");
	assert_int_equal(w->depth, 0);
}

/* the session is given up meanwhile: the Atomic is undone */
static void test_waits_abort(void **state)
{
	struct world *w = *state;

	w->ui_says = DM_UI_PENDING;
	assert_int_equal(
		world_say(w,
			  CMD("Atomic", "1",
			      CMD("Replace", "9", VALUE("./A/two", "x")) CONFIRM AFTER),
			  true),
		DM_STEP_WAIT);
	assert_int_equal(dm_engine_abort(w->e, &w->out), DM_STEP_END);
	value_is(w, "./A/two", "zwei <2>");
	assert_int_equal(w->depth, 0);
	assert_int_equal(w->rollbacks, 1);
}

#define BOTH(f)                                              \
	{#f ": xml", f, setup_xml, teardown, NULL},          \
	{                                                    \
		#f ": wbxml", f, setup_wbxml, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_atomic),
		BOTH(test_atomic_fails),
		BOTH(test_atomic_516),
		BOTH(test_atomic_commit_fails),
		BOTH(test_atomic_pending),
		BOTH(test_atomic_pending_abort),
		BOTH(test_atomic_busy),
		BOTH(test_atomic_illegal),
		BOTH(test_atomic_sequence),
		BOTH(test_sequence_atomic),
		BOTH(test_atomic_incomplete),
		BOTH(test_atomic_many),
		BOTH(test_atomic_again),
		BOTH(test_sequence),
		BOTH(test_display),
		BOTH(test_options),
		BOTH(test_confirm),
		BOTH(test_no_sequence),
		BOTH(test_no_atomic),
		BOTH(test_no_alone),
		BOTH(test_cancel),
		BOTH(test_cancel_atomic),
		BOTH(test_answered_then_fails),
		BOTH(test_input),
		BOTH(test_choice),
		BOTH(test_timeout),
		BOTH(test_nobody),
		BOTH(test_waits),
		BOTH(test_waits_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
