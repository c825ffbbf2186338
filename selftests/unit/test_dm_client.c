// SPDX-License-Identifier: Apache-2.0
/*
 * The OMA DM client against a server in a thread: sessions, what is tried again and what
 * is not, alerts, notifications, what is kept over a restart.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "dm_http_server.h"

#include "dm/client.h"
#include "dm/notify.h"
#include "dm/tree.h"

#define RETRY_MS 300
#define WAIT_MS 60000

struct world {
	struct server server;
	struct dm_client *client;
	char dir[64];
	char uri[128];
	struct dm_factory account;
	struct dm_client_config config;
	char log[65536];
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000U + (uint64_t)ts.tv_nsec / 1000000U;
}

static void on_log(void *ctx, int level, const char *server, const char *text)
{
	struct world *w = ctx;
	size_t n = strlen(w->log);

	snprintf(w->log + n, sizeof(w->log) - n, "<%d>%s: %s\n", level, server, text);
	/* whatever happens, no secret is in it */
	assert_null(strstr(text, "-secret"));
}

static void begin(struct world *w)
{
	char why[DM_CLIENT_WORDS_MAX];

	if (dm_client_new(&w->client, &w->config, now_ms(), why) ||
	    dm_client_start(w->client, now_ms(), why))
		fail_msg("%s", why);
}

static void end(struct world *w)
{
	dm_client_free(w->client);
	w->client = NULL;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/dm_client.XXXXXX");
	if (!mkdtemp(w->dir) || server_start(&w->server))
		return -1;
	snprintf(w->uri, sizeof(w->uri), "http://127.0.0.1:%u/dm", w->server.port);
	w->account = (struct dm_factory){
		.name = "main",
		.server_id = "com.example.dm",
		.uri = w->uri,
		.auth = DM_AUTH_MD5,
		.client_name = "sesame",
		.client_secret = {(const uint8_t *)"client-secret", 13},
		.server_secret = {(const uint8_t *)"server-secret", 13},
		.allow_http = true,
	};
	w->config = (struct dm_client_config){
		.state_dir = w->dir,
		.device_id = "urn:uuid:test",
		.accounts = &w->account,
		.nr_accounts = 1,
		.retry_ms = RETRY_MS,
		.udp_port = -1,
		.coap_port = -1,
		.log = on_log,
		.ctx = w,
	};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char cmd[128];

	end(w);
	server_stop(&w->server);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", w->dir);
	(void)!system(cmd);
	free(w);
	return 0;
}

static struct dm_client_account account(struct world *w)
{
	struct dm_client_account a;

	assert_int_equal(dm_client_account(w->client, 0, &a), 0);
	return a;
}

/* Let it run until the account is as @done says, or for @ms. */
static bool run_for(struct world *w, bool (*done)(const struct dm_client_account *),
		    unsigned int ms)
{
	uint64_t stop = now_ms() + ms, now, at;

	while ((now = now_ms()) < stop) {
		struct pollfd p = {dm_client_fd(w->client), POLLIN, 0};
		struct dm_client_account a = account(w);

		if (done && done(&a))
			return true;
		at = dm_client_deadline(w->client);
		at = at < stop ? at : stop;
		if (poll(&p, 1, at > now ? (int)(at - now) : 0) > 0)
			dm_client_ready(w->client, now_ms());
		else
			dm_client_tick(w->client, now_ms());
	}
	return !done;
}

static bool did_one(const struct dm_client_account *a)
{
	return a->sessions == 1 && a->state == DM_ACCOUNT_IDLE;
}

static bool did_two(const struct dm_client_account *a)
{
	return a->sessions == 2 && a->state == DM_ACCOUNT_IDLE;
}

static bool had_one(const struct dm_client_account *a)
{
	return a->sessions == 1 && a->state != DM_ACCOUNT_RUNNING;
}

static bool failed(const struct dm_client_account *a)
{
	return a->failures == 1;
}

static void run_until(struct world *w, bool (*done)(const struct dm_client_account *))
{
	if (!run_for(w, done, WAIT_MS))
		fail_msg("it does not get there:\n%s", w->log);
}

/* ---- sessions -------------------------------------------------------------------------- */

static void test_session(void **state)
{
	struct world *w = *state;
	char path[128];
	struct stat st;

	/* a new account is contacted, and then left alone */
	begin(w);
	run_until(w, did_one);
	assert_int_equal(server_count(&w->server), 2);
	assert_non_null(strstr(w->server.bodies[0], "<Data>1201</Data>"));
	assert_non_null(strstr(w->server.bodies[0], "urn:uuid:test"));
	assert_non_null(
		strcasestr(w->server.heads[0], "content-type: application/vnd.syncml.dm+xml"));
	assert_null(strcasestr(w->server.heads[0], "expect:"));
	/* no cookies: the server has set one */
	assert_null(strcasestr(w->server.heads[1], "cookie"));
	assert_int_equal(dm_client_deadline(w->client), DM_NEVER);
	snprintf(path, sizeof(path), "%s/dm.db", w->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	/* after a restart the account is not new, but the nonces are known */
	end(w);
	begin(w);
	assert_false(run_for(w, did_one, 300));
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	assert_int_equal(dm_client_session(w->client, now_ms(), "nobody"), -ENOENT);
	run_until(w, did_one);
	assert_int_equal(server_count(&w->server), 4);
	assert_true(account(w).last_s > 0);
}

static void test_changed(void **state)
{
	struct world *w = *state;
	uint8_t *p;
	size_t len;

	begin(w);
	run_until(w, did_one);
	end(w);
	/* the section has another secret: it is taken over, and tried */
	w->account.client_secret = (struct dm_bytes){(const uint8_t *)"other-secret", 12};
	w->server.nonce_len = 0;
	begin(w);
	run_until(w, did_one);
	end(w);
	/* the section is gone: so is the account, and what waited for its server */
	begin(w);
	assert_int_equal(dm_outbox_put(dm_client_outbox(w->client),
				       &(struct dm_outbox_alert){.server = "com.example.dm",
								 .type = "urn:test"},
				       NULL),
			 0);
	end(w);
	w->config.nr_accounts = 0;
	begin(w);
	assert_int_equal(dm_outbox_count(dm_client_outbox(w->client), NULL), 0);
	assert_int_equal(dm_client_account(w->client, 0, &(struct dm_client_account){0}),
			 -ENOENT);
	assert_int_equal(
		dm_tree_get(dm_client_tree(w->client), "./DMAcc/main/ServerID", &p, &len),
		-ENOENT);
}

static void test_poll(void **state)
{
	struct world *w = *state;

	w->account.poll_s = 1;
	begin(w);
	run_until(w, did_two);
}

/* ---- faults ----------------------------------------------------------------------------- */

static void test_lost(void **state)
{
	struct world *w = *state;

	/* requests and answers that get lost: the same bytes again, nothing runs twice */
	w->server.plan[0] = LOSE;
	w->server.plan[1] = DROP;
	w->server.plan[2] = BUSY;
	w->server.plan[4] = DROP;
	begin(w);
	run_until(w, did_one);
	assert_int_equal(server_count(&w->server), 6);
	assert_string_equal(w->server.bodies[0], w->server.bodies[1]);
	assert_string_equal(w->server.bodies[0], w->server.bodies[2]);
	assert_string_equal(w->server.bodies[0], w->server.bodies[3]);
	assert_string_equal(w->server.bodies[4], w->server.bodies[5]);
	assert_int_equal(w->server.repeats, 2);
	assert_int_equal(account(w).failures, 0);
}

static void test_gives_up(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++)
		w->server.plan[i] = LOSE;
	begin(w);
	run_until(w, failed);
	assert_int_equal(server_count(&w->server), 5);
	assert_int_equal(account(w).state, DM_ACCOUNT_WAITING);
	/* and comes again by itself, as another session */
	run_until(w, did_one);
	assert_int_equal(server_count(&w->server), 7);
	assert_string_not_equal(w->server.bodies[4], w->server.bodies[5]);
	assert_string_equal(account(w).error, "");
}

static void test_later(void **state)
{
	struct world *w = *state;

	w->server.plan[0] = LATER;
	begin(w);
	run_until(w, failed);
	assert_in_range(account(w).next_ms, now_ms() + 5700000, now_ms() + 8700000);
	/* a person may ask before */
	assert_int_equal(dm_client_session(w->client, now_ms(), "com.example.dm"), 0);
	run_until(w, did_one);
}

static void test_hopeless(void **state)
{
	static const struct {
		enum server_plan plan;
		const char *words;
	} hopeless[] = {
		{MOVED, "redirects are not followed"},
		{FORBIDDEN, "HTTP status 403"},
		{ENDLESS, "the answer is longer than 65536 bytes"},
		{LONG, "the answer is longer than 65536 bytes"},
		{HTML, "the answer is no message but 'text/html'"},
		{EMPTY, "the answer is empty"},
		{RUBBISH, "message"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(hopeless) / sizeof(hopeless[0]); i++)
		w->server.plan[i] = hopeless[i].plan;
	w->config.retry_ms = 60000;
	begin(w);
	for (size_t i = 0; i < sizeof(hopeless) / sizeof(hopeless[0]); i++) {
		run_until(w, failed);
		if (!strstr(account(w).error, hopeless[i].words))
			fail_msg("%zu: '%s'", i, account(w).error);
		/* what cannot be read is answered with an abort */
		assert_int_equal(server_count(&w->server),
				 i + 1 + (hopeless[i].plan == RUBBISH));
		assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	}
}

static void test_resp_uri(void **state)
{
	struct world *w = *state;

	/* another path of the same server */
	snprintf(w->server.resp_uri, sizeof(w->server.resp_uri),
		 "http://127.0.0.1:%u/dm/session/1", w->server.port);
	begin(w);
	run_until(w, did_one);
	assert_int_equal(strncmp(w->server.heads[1], "POST /dm/session/1 ", 19), 0);
	/* another server, in the clear */
	snprintf(w->server.resp_uri, sizeof(w->server.resp_uri), "http://127.0.0.1:%u/dm",
		 w->server.port + 1);
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	run_until(w, failed);
	assert_non_null(strstr(account(w).error, "RespURI"));
	assert_non_null(strstr(account(w).error, "another host"));
	snprintf(w->server.resp_uri, sizeof(w->server.resp_uri), "file:///etc/passwd");
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	run_until(w, failed);
	assert_non_null(strstr(account(w).error, "RespURI"));
}

static void test_forbidden(void **state)
{
	struct world *w = *state;

	/* http was not allowed for this account */
	w->account.allow_http = false;
	begin(w);
	run_until(w, failed);
	assert_non_null(strstr(account(w).error, "http"));
	end(w);
	w->account.allow_http = true;
	w->account.auth = DM_AUTH_BASIC;
	begin(w);
	run_until(w, failed);
	assert_non_null(strstr(account(w).error, "Basic"));
	end(w);
	/* nobody shows who the server is */
	w->account.auth = DM_AUTH_MD5;
	w->account.server_secret.len = 0;
	begin(w);
	run_until(w, failed);
	assert_non_null(strstr(account(w).error, "anybody"));
	assert_int_equal(server_count(&w->server), 0);
}

/* a server that ends it over HTTP is one that does not know us, whatever it says there */
static void test_refused(void **state)
{
	struct world *w = *state;

	w->server.refuse = true;
	w->server.plan[1] = FORBIDDEN;
	w->config.retry_ms = 60000;
	begin(w);
	run_until(w, failed);
	assert_string_equal(account(w).error,
			    "credentials not accepted: the server refused our credentials, "
			    "then HTTP status 403");
	/* sixteen times the pause, a fifth less at least */
	assert_true(account(w).next_ms > now_ms() + 700000);
	assert_int_equal(server_count(&w->server), 2);
}

static void test_wrong_server(void **state)
{
	struct world *w = *state;

	w->account.server_secret = (struct dm_bytes){(const uint8_t *)"what", 4};
	strcpy(w->server.commands, "<Replace><CmdID>9</CmdID><Item><Target><LocURI>"
				   "./DMAcc/main/Name</LocURI></Target><Data>mine</Data></Item>"
				   "</Replace>");
	begin(w);
	run_until(w, failed);
	{
		uint8_t *p;
		size_t len;

		assert_int_equal(
			dm_tree_get(dm_client_tree(w->client), "./DMAcc/main/Name", &p, &len),
			0);
		assert_string_equal((char *)p, "main");
		free(p);
	}
}

#define PUT(verb, id, uri, data)                                                              \
	"<" verb "><CmdID>" id "</CmdID><Item><Target><LocURI>" uri "</LocURI></Target>" data \
	"</Item></" verb ">"
#define NODE "<Meta><Format xmlns=\"syncml:metinf\">node</Format></Meta>"

/* Status for the command @id in a message of ours. */
static unsigned int status_of(const char *body, const char *id)
{
	char ref[64];
	const char *p;

	snprintf(ref, sizeof(ref), "<CmdRef>%s</CmdRef>", id);
	p = strstr(body, ref);
	p = p ? strstr(p, "<Data>") : NULL;
	return p ? (unsigned int)strtoul(p + 6, NULL, 10) : 0;
}

/* A server's identifier is its own, and who else is a server the owner of the device says. */
static bool may_bring(void *ctx, const char *by, const char *server_id)
{
	(void)ctx;
	assert_string_equal(by, "com.example.dm");
	return strcmp(server_id, "granted") != 0;
}

static void test_identifiers(void **state)
{
	struct world *w = *state;
	const char *body;

	strcpy(w->server.commands,
	       PUT("Add", "21", "./DMAcc/x", NODE)
		       PUT("Replace", "22", "./DMAcc/main/ServerID", "<Data>other</Data>")
			       PUT("Replace", "23", "./DMAcc/main/ServerID",
				   "<Data>com.example.dm</Data>"));
	begin(w);
	run_until(w, did_one);
	body = w->server.bodies[server_count(&w->server) - 1];
	assert_int_equal(status_of(body, "21"), 425);
	assert_int_equal(status_of(body, "22"), 405);
	assert_int_equal(status_of(body, "23"), 200);
	end(w);

	w->config.server_accounts = true;
	w->config.may_bring = may_bring;
	strcpy(w->server.commands,
	       PUT("Add", "21", "./DMAcc/x", NODE) PUT("Add", "22", "./DMAcc/x/ServerID",
						       "<Data>com.example.dm</Data>")
		       PUT("Add", "25", "./DMAcc/x/ServerID", "<Data>granted</Data>")
			       PUT("Add", "23", "./DMAcc/x/ServerID", "<Data>third</Data>")
				       PUT("Add", "24", "./DMAcc/a%2Fb", NODE));
	begin(w);
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	run_until(w, did_one);
	body = w->server.bodies[server_count(&w->server) - 1];
	assert_int_equal(status_of(body, "21"), 200);
	assert_int_equal(status_of(body, "22"), 418);
	assert_int_equal(status_of(body, "23"), 200);
	assert_int_equal(status_of(body, "24"), 400);
	assert_int_equal(status_of(body, "25"), 403);
	assert_non_null(strstr(w->log, "com.example.dm may not bring an account for granted"));
}

#define QUESTION(id, code, options, text, more)                                           \
	"<Alert><CmdID>" id "</CmdID><Data>" code "</Data><Item><Data>" options "</Data>" \
	"</Item><Item><Data>" text "</Data></Item>" more "</Alert>"
#define CHOICE(text) "<Item><Data>" text "</Data></Item>"

/* Wait for the next question of a session. */
static struct dm_client_question question(struct world *w)
{
	struct dm_client_question q;

	for (int i = 0; i < WAIT_MS / 10; i++) {
		if (dm_client_question(w->client, now_ms(), &q) == 0)
			return q;
		run_for(w, NULL, 10);
	}
	fail_msg("nothing is asked\n%s", w->log);
	return q;
}

static int say(struct world *w, uint64_t id, enum dm_ui_result result, const char *value)
{
	return dm_client_answer(w->client, now_ms(), id, result, value);
}

/* questions for people: to nobody, to somebody, and somebody who has gone */
static void test_questions(void **state)
{
	struct world *w = *state;
	struct dm_client_question q;
	const char *body;
	uint64_t first;

	strcpy(w->server.commands, QUESTION("21", "1101", "MAXDT=90&amp;DR=1", "Go on?", "")
					   QUESTION("22", "1100", "", "Hello", ""));
	begin(w);
	run_until(w, did_one);
	body = w->server.bodies[server_count(&w->server) - 1];
	assert_int_equal(status_of(body, "21"), 406);
	assert_int_equal(status_of(body, "22"), 200);
	assert_non_null(strstr(w->log, "says: Hello"));
	end(w);

	strcpy(w->server.commands,
	       QUESTION("21", "1101", "MAXDT=90", "Go on?", "")
		       QUESTION("22", "1102", "ET=P&amp;MAXLEN=40", "Word?", "")
			       QUESTION("23", "1104", "DR=1-3", "Which?",
					CHOICE("a") CHOICE("b") CHOICE("c"))
				       QUESTION("24", "1101", "MINDT=1&amp;MAXDT=2&amp;DR=0",
						"Still there?", ""));
	begin(w);
	assert_int_equal(dm_client_question(w->client, now_ms(), &q), -ENOENT);
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	q = question(w);
	first = q.id;
	assert_int_equal(q.code, 1101);
	assert_string_equal(q.text, "Go on?");
	assert_string_equal(q.name, "main");
	assert_true(q.left_s > 60 && q.left_s <= 90);
	/* the session waits; what is no answer changes nothing */
	assert_int_equal(say(w, first + 1, DM_UI_OK, NULL), -ENOENT);
	assert_int_equal(say(w, first, DM_UI_OK, "x"), -EINVAL);
	assert_int_equal(say(w, first, DM_UI_PENDING, NULL), -EINVAL);
	assert_int_equal(say(w, first, DM_UI_OK, NULL), 0);
	assert_int_equal(say(w, first, DM_UI_OK, NULL), -ENOENT);
	q = question(w);
	assert_int_equal(q.id, first + 1);
	assert_int_equal(q.code, 1102);
	assert_int_equal(q.et, 'P');
	assert_int_equal(q.maxlen, 40);
	assert_int_equal(say(w, q.id, DM_UI_OK, NULL), -EINVAL);
	assert_int_equal(say(w, q.id, DM_UI_NO, NULL), -EINVAL);
	/* on_log() looks that it is in no log */
	assert_int_equal(say(w, q.id, DM_UI_OK, "my-secret"), 0);
	q = question(w);
	assert_int_equal(q.nr_choices, 3);
	assert_string_equal(q.choices[2], "c");
	assert_string_equal(q.dr, "1-3");
	assert_int_equal(say(w, q.id, DM_UI_OK, "4"), -EINVAL);
	assert_int_equal(say(w, q.id, DM_UI_OK, "2-3"), 0);
	/* nobody answers: the default response counts, after two seconds */
	q = question(w);
	assert_true(dm_client_deadline(w->client) <= now_ms() + 2000);
	assert_non_null(strstr(w->log, "is put, for 2 s"));
	run_until(w, did_one);
	assert_int_equal(dm_client_question(w->client, now_ms(), &q), -ENOENT);
	body = w->server.bodies[server_count(&w->server) - 1];
	assert_int_equal(status_of(body, "21"), 200);
	assert_int_equal(status_of(body, "22"), 200);
	assert_non_null(strstr(body, "<Data>my-secret</Data>"));
	assert_int_equal(status_of(body, "23"), 200);
	assert_int_equal(status_of(body, "24"), 304);

	/* the end of the daemon does not wait for an answer */
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	q = question(w);
	dm_client_stop(w->client, now_ms());
	assert_int_equal(say(w, q.id, DM_UI_OK, NULL), -ENOENT);
	for (int i = 0; i < 400 && !dm_client_stopped(w->client); i++)
		run_for(w, NULL, 10);
	assert_true(dm_client_stopped(w->client));
}

static void test_long_pin(void **state)
{
	struct world *w = *state;
	char why[DM_CLIENT_WORDS_MAX], pin[66];

	memset(pin, '1', sizeof(pin) - 1);
	pin[sizeof(pin) - 1] = 0;
	w->config.pin = pin;
	assert_int_equal(dm_client_new(&w->client, &w->config, now_ms(), why), -EINVAL);
	assert_non_null(strstr(why, "PIN"));
	w->client = NULL;
}

/* ---- alerts ----------------------------------------------------------------------------- */

struct told {
	unsigned int n, status;
	uint64_t token;
};

static void on_told(void *userdata, const struct dm_outbox_alert *a, unsigned int status)
{
	struct told *t = userdata;

	t->n++;
	t->status = status;
	t->token = a->token;
}

static const struct dm_outbox_alert alert = {
	.server = "com.example.dm",
	.correlator = "corr-1",
	.source = "./SecureElement/se0",
	.type = "io.sesame.test",
	.data = "1200",
	.len = 4,
	.owner = "test",
	.token = 77,
};

static void test_alert(void **state)
{
	struct world *w = *state;
	struct told told = {0};

	begin(w);
	run_until(w, did_one);
	assert_int_equal(dm_outbox_own(dm_client_outbox(w->client), "test", on_told, &told), 0);
	assert_int_equal(dm_outbox_put(dm_client_outbox(w->client), &alert, NULL), 0);
	run_until(w, did_two);
	assert_non_null(strstr(w->server.bodies[2], "<Data>1226</Data>"));
	assert_non_null(strstr(w->server.bodies[2], "<Correlator>corr-1</Correlator>"));
	assert_int_equal(told.n, 1);
	assert_int_equal(told.status, 200);
	assert_int_equal(told.token, 77);
	assert_int_equal(dm_outbox_count(dm_client_outbox(w->client), NULL), 0);

	/* one that waits over a restart, refused at first */
	assert_int_equal(dm_outbox_put(dm_client_outbox(w->client), &alert, NULL), 0);
	end(w);
	w->server.alert_status = 500;
	begin(w);
	assert_int_equal(account(w).alerts, 1);
	run_until(w, had_one);
	assert_int_equal(account(w).alerts, 1);
	/* not at once again */
	assert_int_equal(account(w).state, DM_ACCOUNT_QUEUED);
	assert_true(account(w).next_ms > now_ms());
	w->server.alert_status = 0;
	run_until(w, did_two);
	assert_int_equal(account(w).alerts, 0);
}

/* ---- notifications ------------------------------------------------------------------------
 */

static size_t notification(uint8_t *out, uint16_t session, const char *nonce, const char *id)
{
	uint8_t *trigger = out + DM_AUTH_DIGEST_LEN;
	uint8_t a[DM_AUTH_DIGEST_LEN], b[DM_AUTH_DIGEST_LEN];
	char text[256];
	size_t n = 8 + strlen(id), at;
	const uint8_t head[8] = {0x02,
				 0xd8,
				 0,
				 0,
				 0,
				 (uint8_t)(session >> 8),
				 (uint8_t)session,
				 (uint8_t)strlen(id)};
	struct dm_secret s = {.name = "com.example.dm",
			      .secret = (const uint8_t *)"server-secret",
			      .secret_len = 13};

	memcpy(trigger, head, 8);
	memcpy(trigger + 8, id, strlen(id));
	/* MD5(B64(MD5(id:secret)):nonce:B64(MD5(trigger))): with what stands behind the first
	 * colon as the nonce it is the digest of a session */
	assert_int_equal(EVP_Digest(trigger, n, b, NULL, EVP_md5(), NULL), 1);
	at = (size_t)snprintf(text, sizeof(text), "%s:", nonce);
	at += base64_encode(b, sizeof(b), text + at, false);
	s.nonce = (const uint8_t *)text;
	s.nonce_len = at;
	assert_int_equal(dm_auth_digest(&s, a), 0);
	memcpy(out, a, sizeof(a));
	return DM_AUTH_DIGEST_LEN + n;
}

static int notify(struct world *w, const uint8_t *p, size_t len)
{
	char why[DM_CLIENT_WORDS_MAX];
	int r = dm_client_notify(w->client, now_ms(), DM_VIA_LOCAL, p, len, why);

	assert_true(!r == !*why);
	return r;
}

static void test_notify(void **state)
{
	struct world *w = *state;
	uint8_t p[256];
	size_t len;

	w->account.server_nonce = (struct dm_bytes){(const uint8_t *)"nonce", 5};
	memcpy(w->server.nonce, "nonce", 5);
	w->server.nonce_len = 5;
	w->config.hold_until = now_ms() + 60000;
	begin(w);
	len = notification(p, 0x1a2b, "nonce", "com.example.dm");
	p[0] ^= 1;
	assert_int_equal(notify(w, p, len), -EKEYREJECTED);
	p[0] ^= 1;
	assert_int_equal(notify(w, p, len - 1), -EBADMSG);
	assert_int_equal(notify(w, p, 10), -EBADMSG);
	assert_int_equal(notify(w, p, len), 0);
	assert_int_equal(notify(w, p, len), -EALREADY);
	len = notification(p, 1, "nonce", "com.example.xx");
	assert_int_equal(notify(w, p, len), -ENOENT);
	assert_int_equal(account(w).state, DM_ACCOUNT_QUEUED);
	assert_int_equal(server_count(&w->server), 0);
	dm_client_release(w->client, now_ms());
	run_until(w, did_one);
	assert_non_null(strstr(w->server.bodies[0], "<SessionID>1A2B</SessionID>"));
	assert_non_null(strstr(w->server.bodies[0], "<Data>1200</Data>"));

	/* after a restart it is still known, under the default nonce too */
	len = notification(p, 0x77, "0x00000000", "com.example.dm");
	assert_int_equal(notify(w, p, len), 0);
	run_until(w, did_two);
	end(w);
	begin(w);
	assert_int_equal(notify(w, p, len), -EALREADY);
}

/* What was asked for and has not come yet comes after a restart. */
static void test_want(void **state)
{
	struct world *w = *state;
	struct server *srv = &w->server;
	uint8_t p[256], q[256];
	unsigned int n;
	size_t len;

	w->account.server_nonce = (struct dm_bytes){(const uint8_t *)"nonce", 5};
	memcpy(srv->nonce, "nonce", 5);
	srv->nonce_len = 5;
	begin(w);
	run_until(w, did_one);
	end(w);

	/* of a wrong one nothing is kept */
	w->config.hold_until = now_ms() + 60000;
	begin(w);
	len = notification(p, 0x2b3c, "0x00000000", "com.example.dm");
	p[0] ^= 1;
	assert_int_equal(notify(w, p, len), -EKEYREJECTED);
	end(w);
	begin(w);
	assert_int_equal(account(w).state, DM_ACCOUNT_IDLE);

	/* taken, but the session is not there before the end, nor before the next one */
	p[0] ^= 1;
	assert_int_equal(notify(w, p, len), 0);
	for (int i = 0; i < 2; i++) {
		end(w);
		begin(w);
		assert_int_equal(account(w).state, DM_ACCOUNT_QUEUED);
		assert_int_equal(notify(w, p, len), -EALREADY);
	}
	/* a user's wish in between does not take its place */
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	end(w);
	begin(w);
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), -EALREADY);

	/* it begins and ends with the process: it is still to come */
	n = server_count(srv);
	dm_client_release(w->client, now_ms());
	assert_int_equal(account(w).state, DM_ACCOUNT_RUNNING);
	end(w);
	begin(w);
	assert_int_equal(account(w).state, DM_ACCOUNT_QUEUED);
	dm_client_release(w->client, now_ms());
	run_until(w, did_one);
	assert_true(server_count(srv) > n);
	n = server_count(srv) - 2;
	assert_non_null(strstr(srv->bodies[n], "<SessionID>2B3C</SessionID>"));
	assert_non_null(strstr(srv->bodies[n], "<Data>1200</Data>"));

	/* done: no other after that */
	end(w);
	begin(w);
	assert_int_equal(account(w).state, DM_ACCOUNT_IDLE);

	/* a user's wish alone, and an account that is another server's by then */
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	end(w);
	begin(w);
	assert_int_equal(account(w).state, DM_ACCOUNT_QUEUED);
	len = notification(q, 0x4d5e, "0x00000000", "com.example.dm");
	assert_int_equal(notify(w, q, len), 0);
	end(w);
	w->account.server_id = "com.example.other";
	w->config.hold_until = 0;
	w->log[0] = 0;
	n = server_count(srv);
	begin(w);
	/* the new account's session: of no notification */
	run_for(w, NULL, 300);
	assert_null(strstr(w->log, "session 4D5E"));
	assert_true(server_count(srv) > n);
}

/* One that is given up is so after a restart too. */
static void test_want_given_up(void **state)
{
	struct world *w = *state;
	struct dm_client_account a;

	begin(w);
	run_until(w, did_one);
	for (unsigned int i = server_count(&w->server); i < SERVER_REQUESTS; i++)
		w->server.plan[i] = FORBIDDEN;
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), 0);
	run_until(w, failed);
	end(w);
	w->config.retry_ms = 10;
	begin(w);
	for (uint64_t stop = now_ms() + WAIT_MS; now_ms() < stop;) {
		run_for(w, NULL, 20);
		a = account(w);
		if (a.failures && a.state == DM_ACCOUNT_IDLE)
			break;
	}
	assert_int_equal(account(w).failures, 6);
	end(w);
	w->config.hold_until = now_ms() + 60000;
	begin(w);
	assert_int_equal(account(w).state, DM_ACCOUNT_IDLE);
}

static void send_udp(uint16_t port, const uint8_t *p, size_t len, uint8_t *answer, ssize_t *got)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, p, len, 0), len);
	*got = -1;
	if (answer)
		*got = fd;
	else
		close(fd);
}

static struct dm_client_port port_of(struct world *w, unsigned int index)
{
	struct dm_client_port p;

	assert_int_equal(dm_client_port(w->client, index, &p), 0);
	return p;
}

/* What is due by @now happens; the clock is the test's. Return: the next deadline. */
static uint64_t at(struct world *w, uint64_t now)
{
	dm_client_tick(w->client, now);
	return dm_client_deadline(w->client);
}

/* ports that others have: sessions go on, and the ports are taken when they are free */
static void test_ports_taken(void **state)
{
	struct world *w = *state;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t now = now_ms(), first, next;
	struct dm_client_port p;
	socklen_t len = sizeof(a);
	char words[160];

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	w->config.udp_port = ntohs(a.sin_port);
	w->config.coap_port = 0;
	begin(w);
	p = port_of(w, 0);
	assert_true(p.used && !p.open && !p.coap);
	assert_int_equal(p.number, ntohs(a.sin_port));
	assert_string_equal(p.error, "another program has it");
	p = port_of(w, 1);
	assert_true(p.used && p.open && p.coap && p.again_ms == DM_NEVER);
	assert_int_equal(dm_client_port(w->client, 2, &p), -ENOENT);
	/* which port, why, what to try */
	snprintf(
		words, sizeof(words),
		"UDP port %u on loopback cannot be opened, notifications do not come that way: "
		"another program has it ([dm] 'ss ",
		ntohs(a.sin_port));
	assert_non_null(strstr(w->log, words));
	assert_non_null(strstr(w->log, "udp_port=0 is none"));

	/* the session with the new account is not held up */
	assert_true(run_for(w, did_one, WAIT_MS));

	/* again and again, ever later, up to a minute; said once */
	first = port_of(w, 0).again_ms;
	for (int i = 0; i < 12; i++) {
		next = port_of(w, 0).again_ms;
		assert_true(next > now && next - now <= 61000);
		now = next;
		assert_true(at(w, now) <= now + 60000);
	}
	assert_true(now > first + 5 * 60000);
	assert_int_equal(port_of(w, 0).again_ms - now, 60000);
	assert_null(strstr(strstr(w->log, words) + 1, words));

	/* free at last; not before it is due, but when an address has changed */
	close(fd);
	at(w, now + 1000);
	assert_false(port_of(w, 0).open);
	dm_client_network(w->client, now + 2000);
	p = port_of(w, 0);
	assert_true(p.open && !*p.error && p.again_ms == DM_NEVER);
	snprintf(words, sizeof(words), "<5>: notifications on UDP port %u\n",
		 ntohs(a.sin_port));
	assert_non_null(strstr(w->log, words));
}

/* an address that no interface has is waited for; one that is none is refused */
static void test_ports_address(void **state)
{
	struct world *w = *state;
	char why[DM_CLIENT_WORDS_MAX];
	char address[] = "192.0.2.77";

	w->config.udp_port = 0;
	w->config.bind = address;
	begin(w);
	memset(address, 'x', sizeof(address) - 1); /* it is the caller's */
	assert_string_equal(port_of(w, 0).error, "no interface has this address");
	assert_string_equal(port_of(w, 0).bind, "192.0.2.77");
	assert_non_null(strstr(w->log, "bind= has to be an address of this machine"));
	assert_false(port_of(w, 1).used);
	dm_client_network(w->client, now_ms());
	assert_string_equal(port_of(w, 0).error, "no interface has this address");
	end(w);
	w->config.bind = "localhost";
	assert_int_equal(dm_client_new(&w->client, &w->config, now_ms(), why), 0);
	assert_int_equal(dm_client_start(w->client, now_ms(), why), -EINVAL);
	assert_non_null(strstr(why, "bind=localhost"));
}

static void test_listen(void **state)
{
	/* POST coap://127.0.0.1/dm, confirmable, message id 0x1234, token 0x55 */
	static const uint8_t coap[] = {0x41, 0x02, 0x12, 0x34, 0x55, 0xb2, 'd', 'm', 0xff};
	struct world *w = *state;
	uint8_t p[256], q[256], answer[64];
	uint16_t udp, port;
	ssize_t fd, n;
	size_t len;

	w->account.server_nonce = (struct dm_bytes){(const uint8_t *)"nonce", 5};
	memcpy(w->server.nonce, "nonce", 5);
	w->server.nonce_len = 5;
	w->config.udp_port = w->config.coap_port = 0;
	w->config.hold_until = now_ms() + 60000;
	begin(w);
	udp = port_of(w, 0).number;
	port = port_of(w, 1).number;
	assert_true(udp && port && udp != port);

	/* over UDP, as WAP push: tid, Push, headers of 3 bytes: type 0x44, application 7 */
	len = notification(p, 0x10, "nonce", "com.example.dm");
	memcpy(q, "\x01\x06\x03\xc4\xaf\x87", 6);
	memcpy(q + 6, p, len);
	send_udp(udp, q, len + 6, NULL, &fd);
	run_for(w, NULL, 100);
	assert_non_null(strstr(w->log, "notification over UDP: session 10"));

	/* over CoAP, where the answer is the same for right and wrong */
	for (int wrong = 0; wrong < 2; wrong++) {
		len = notification(p, (uint16_t)(0x11 + wrong), wrong ? "other" : "nonce",
				   "com.example.dm");
		memcpy(q, coap, sizeof(coap));
		memcpy(q + sizeof(coap), p, len);
		send_udp(port, q, sizeof(coap) + len, answer, &fd);
		run_for(w, NULL, 100);
		n = recv((int)fd, answer, sizeof(answer), MSG_DONTWAIT);
		close((int)fd);
		assert_int_equal(n, 5);
		assert_memory_equal(answer, "\x61\x44\x12\x34\x55", 5); /* 2.04 */
	}
	assert_non_null(strstr(w->log, "notification over CoAP: session 11"));
	assert_null(strstr(w->log, "session 12"));
}

/* ---- profiles ------------------------------------------------------------------------------
 */

static int put_profile(char *p, size_t room, const char *id, const char *uri)
{
	return snprintf(p, room,
			"<wap-provisioningdoc><characteristic type='APPLICATION'>"
			"<parm name='APPID' value='w7'/>"
			"<parm name='PROVIDER-ID' value='%s'/>"
			"<parm name='ADDR' value='%s'/>"
			"<characteristic type='APPAUTH'><parm name='AAUTHLEVEL' "
			"value='APPSRV'/><parm name='AAUTHTYPE' value='DIGEST'/>"
			"<parm name='AAUTHNAME' value='sesame'/><parm name='AAUTHSECRET' "
			"value='client-secret'/></characteristic>"
			"<characteristic type='APPAUTH'><parm name='AAUTHLEVEL' "
			"value='CLIENT'/><parm name='AAUTHTYPE' value='DIGEST'/>"
			"<parm name='AAUTHSECRET' value='server-secret'/></characteristic>"
			"</characteristic></wap-provisioningdoc>",
			id, uri);
}

static void test_bootstrap(void **state)
{
	struct world *w = *state;
	char profile[1024], why[DM_CLIENT_WORDS_MAX];
	int n = put_profile(profile, sizeof(profile), "com.example.dm", w->uri);
	const uint8_t *p = (const uint8_t *)profile;

	w->config.nr_accounts = 0;
	begin(w);
	/* nobody vouches for it */
	assert_int_not_equal(
		dm_client_bootstrap(w->client, now_ms(), p, (size_t)n, DM_FROM_PUSH, why), 0);
	assert_int_equal(dm_client_bootstrap(w->client, now_ms(), p, 20, DM_FROM_FILE, why),
			 -EBADMSG);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), p, (size_t)n, DM_FROM_FILE, why), 0);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), p, (size_t)n, DM_FROM_FILE, why),
		-EALREADY);
	assert_string_equal(account(w).name, "com.example.dm");
	/* nothing allows it to go over http: a profile cannot give itself that right */
	run_until(w, failed);
	assert_non_null(strstr(account(w).error, "http"));
	assert_int_equal(server_count(&w->server), 0);
	end(w);
	/* the administrator allows it, for this server */
	w->config.nr_accounts = 1;
	begin(w);
	run_until(w, did_one);
}

/* What a card has: filled up, and no reason to change an account that is there. */
static void test_bootstrap_card(void **state)
{
	struct world *w = *state;
	char profile[1024], why[DM_CLIENT_WORDS_MAX];
	uint8_t file[1200];
	struct dm_client_account a;
	int n;

	memset(file, 0xff, sizeof(file));
	begin(w);
	run_until(w, did_one);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), file, sizeof(file), DM_FROM_CARD, why),
		-ENODATA);
	n = put_profile(profile, sizeof(profile), "com.example.dm", "https://127.0.0.1:1/");
	memcpy(file, profile, (size_t)n);
	/* the filling is a card's alone */
	assert_int_not_equal(
		dm_client_bootstrap(w->client, now_ms(), file, sizeof(file), DM_FROM_FILE, why),
		0);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), file, sizeof(file), DM_FROM_CARD, why),
		0);
	assert_string_equal(account(w).uri, w->uri);
	assert_non_null(strstr(w->log, "this one stays"));
	/* nor does it make a session with it */
	run_for(w, NULL, 200);
	assert_int_equal(account(w).sessions, 1);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), file, sizeof(file), DM_FROM_CARD, why),
		-EALREADY);

	/* another card, another server; it is there after a restart */
	memset(file, 0, sizeof(file));
	n = put_profile(profile, sizeof(profile), "com.example.two", "https://127.0.0.1:1/");
	memcpy(file, profile, (size_t)n);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), file, sizeof(file), DM_FROM_CARD, why),
		0);
	assert_int_equal(dm_client_account(w->client, 1, &a), 0);
	assert_string_equal(a.server_id, "com.example.two");
	end(w);
	begin(w);
	assert_int_equal(dm_client_account(w->client, 1, &a), 0);
	assert_int_equal(
		dm_client_bootstrap(w->client, now_ms(), file, sizeof(file), DM_FROM_CARD, why),
		-EALREADY);
}

/* ---- its end -------------------------------------------------------------------------------
 */

static void test_stop(void **state)
{
	struct world *w = *state;

	/* in the midst of a pause between two tries: an abort, and no more */
	w->server.plan[1] = BUSY;
	begin(w);
	for (int i = 0; i < 400 && server_count(&w->server) < 2; i++)
		run_for(w, NULL, 10);
	run_for(w, NULL, 50);
	assert_false(dm_client_stopped(w->client));
	dm_client_stop(w->client, now_ms());
	for (int i = 0; i < 400 && !dm_client_stopped(w->client); i++)
		run_for(w, NULL, 10);
	assert_true(dm_client_stopped(w->client));
	assert_int_equal(server_count(&w->server), 3);
	assert_non_null(strstr(w->server.bodies[2], "<Data>1223</Data>"));
	assert_int_equal(dm_client_session(w->client, now_ms(), "main"), -ESHUTDOWN);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_session),	  TEST(test_changed),	    TEST(test_poll),
		TEST(test_lost),	  TEST(test_gives_up),	    TEST(test_later),
		TEST(test_hopeless),	  TEST(test_resp_uri),	    TEST(test_forbidden),
		TEST(test_refused),	  TEST(test_wrong_server),  TEST(test_identifiers),
		TEST(test_long_pin),	  TEST(test_alert),	    TEST(test_notify),
		TEST(test_listen),	  TEST(test_questions),	    TEST(test_ports_taken),
		TEST(test_ports_address), TEST(test_stop),	    TEST(test_bootstrap),
		TEST(test_want),	  TEST(test_want_given_up), TEST(test_bootstrap_card),
	};
#undef TEST

	return cmocka_run_group_tests_name("dm_client", tests, NULL, NULL);
}
