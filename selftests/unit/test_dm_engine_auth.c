// SPDX-License-Identifier: Apache-2.0
/*
 * Who is who in a session: Basic, MD5 and HMAC, challenges both ways, nonces
 * (OMA-TS-DM_Security-V1_2_1, 5; OMA-TS-DM_Protocol-V1_2_1, 9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dm_engine_world.h"

#include "model/base64.h"

#define SECRET "OhBehave"
#define NAME "Bruce2"

struct auth {
	struct world w;
	char hdr[400], hmac[DM_HMAC_ROOM];
};

static int setup(void **state)
{
	static struct auth a;

	memset(&a, 0, sizeof(a));
	world_init(&a.w, false);
	*state = &a;
	return 0;
}

static int setup_wbxml(void **state)
{
	setup(state);
	((struct auth *)*state)->w.wbxml = true;
	return 0;
}

static int teardown(void **state)
{
	world_free(&((struct auth *)*state)->w);
	return 0;
}

static struct dm_engine_party party(enum dm_auth_type type, const char *name, const char *nonce)
{
	return (struct dm_engine_party){
		.type = type,
		.name = name,
		.secret = (const uint8_t *)SECRET,
		.secret_len = strlen(SECRET),
		.nonce = (const uint8_t *)nonce,
		.nonce_len = strlen(nonce),
	};
}

static void ended(struct world *w, enum dm_step step, enum dm_end why)
{
	char words[DM_ENGINE_WORDS_MAX];

	assert_int_equal(step, DM_STEP_END);
	if (dm_engine_end(w->e, words) != why)
		print_message("%s\n", words);
	assert_int_equal(dm_engine_end(w->e, NULL), why);
}

static void b64(char *out, const void *p, size_t len)
{
	out[base64_encode(p, len, out, false)] = 0;
}

/* the server's Cred: MD5 of @name, @secret and @nonce */
static void cred(struct auth *a, const char *secret, const void *nonce, size_t len)
{
	struct dm_secret s = {
		.name = "srv",
		.secret = (const uint8_t *)secret,
		.secret_len = strlen(secret),
		.nonce = nonce,
		.nonce_len = len,
	};
	uint8_t d[DM_AUTH_DIGEST_LEN];
	char text[64];

	assert_int_equal(dm_auth_digest(&s, d), 0);
	b64(text, d, sizeof(d));
	snprintf(a->hdr, sizeof(a->hdr),
		 "<Cred><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>"
		 "<Format xmlns=\"syncml:metinf\">b64</Format></Meta><Data>%s</Data></Cred>",
		 text);
	a->w.hdr = a->hdr;
}

/* the server's Status for message @msg of ours, with a challenge */
static char *chal(char *out, const char *msg, unsigned int code, const char *type,
		  const char *nonce)
{
	char text[64] = "", next[128] = "";

	if (nonce) {
		b64(text, nonce, strlen(nonce));
		snprintf(next, sizeof(next),
			 "<NextNonce xmlns=\"syncml:metinf\">%s</NextNonce>", text);
	}
	sprintf(out,
		"<Status><CmdID>1</CmdID><MsgRef>%s</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</"
		"Cmd>"
		"<Chal><Meta><Type xmlns=\"syncml:metinf\">%s</Type>"
		"<Format xmlns=\"syncml:metinf\">b64</Format>%s</Meta></Chal>"
		"<Data>%u</Data></Status>",
		msg, type, next, code);
	return out;
}

static void has_cred(struct world *w, const char *type, const void *data, size_t len)
{
	const struct dm_cred *c = w->in.hdr.cred;

	assert_non_null(c);
	assert_string_equal(c->type, type);
	assert_int_equal(c->len, len);
	assert_memory_equal(c->data, data, len);
}

static void has_md5(struct world *w, const char *name, const char *nonce)
{
	struct dm_secret s = {
		.name = name,
		.secret = (const uint8_t *)SECRET,
		.secret_len = strlen(SECRET),
		.nonce = (const uint8_t *)nonce,
		.nonce_len = strlen(nonce),
	};
	uint8_t d[DM_AUTH_DIGEST_LEN];

	assert_int_equal(dm_auth_digest(&s, d), 0);
	has_cred(w, "syncml:auth-md5", d, sizeof(d));
	assert_string_equal(w->in.hdr.source_name, name);
}

/* ---- the client shows who it is ------------------------------------------------------- */

/* Zz6EivR3yeaaENcRN6lpAQ== of OMA-TS-DM_RepPro, 6.1.6 */
static void test_md5_vector(void **state)
{
	static const uint8_t want[] = {0x67, 0x3e, 0x84, 0x8a, 0xf4, 0x77, 0xc9, 0xe6,
				       0x9a, 0x10, 0xd7, 0x11, 0x37, 0xa9, 0x69, 0x01};
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);

	c.client = party(DM_AUTH_MD5, NAME, "Nonce");
	world_begin(w, &c);
	has_cred(w, "syncml:auth-md5", want, sizeof(want));
	assert_string_equal(w->in.hdr.source_name, NAME);
}

static void test_md5(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "Nonce");
	world_begin(w, &c);
	/* 212 for the session, and a nonce for the next one, kept at once */
	strcat(chal(body, "1", 212, "syncml:auth-md5", "next"),
	       CMD("Get", "2", ITEM("./A/one")));
	assert_int_equal(world_say(w, body, true), DM_STEP_SEND);
	assert_null(w->in.hdr.cred);
	assert_int_equal(w->nonce_len[0], 4);
	assert_memory_equal(w->nonce[0], "next", 4);
	assert_int_equal(code_of(w, "2"), 200);
	ended(w, world_say(w, STATUS_HDR_("2", "200"), true), DM_END_DONE);
}

/* 200: this message only; the next one needs credentials again, with the new nonce */
static void test_md5_each(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "Nonce");
	world_begin(w, &c);
	strcat(chal(body, "1", 200, "syncml:auth-md5", "next"),
	       CMD("Get", "2", ITEM("./A/one")));
	assert_int_equal(world_say(w, body, true), DM_STEP_SEND);
	has_md5(w, NAME, "next");
}

/* 407, 401, 212: package 1 goes again, with the same commands and new numbers */
static void test_challenged(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	w->nr_alerts = 1;
	w->alert[0] = (struct dm_engine_alert){.id = 1, .code = 1226, .type = "x.y", .len = 0};
	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	has_md5(w, NAME, "");
	assert_string_equal(alert_of(w, 1226)->cmd_id, "3");
	assert_int_equal(world_say(w, chal(body, "1", 407, "syncml:auth-md5", "first"), true),
			 DM_STEP_SEND);
	assert_string_equal(w->in.hdr.msg_id, "2");
	has_md5(w, NAME, "first");
	assert_int_equal(code_of(w, "0"), 200);
	assert_non_null(alert_of(w, 1200));
	assert_string_equal(alert_of(w, 1226)->cmd_id, "4");
	assert_true(w->in.final);
	assert_int_equal(world_say(w, chal(body, "2", 401, "syncml:auth-md5", "second"), true),
			 DM_STEP_SEND);
	has_md5(w, NAME, "second");
	assert_non_null(alert_of(w, 1200));
	assert_string_equal(alert_of(w, 1226)->cmd_id, "5");
	/* the Status for the alert is found by its last number */
	strcat(chal(body, "3", 212, "syncml:auth-md5", "third"),
	       "<Status><CmdID>2</CmdID><MsgRef>3</MsgRef><CmdRef>5</CmdRef><Cmd>Alert</Cmd>"
	       "<Data>200</Data></Status>");
	ended(w, world_say(w, body, true), DM_END_DONE);
	assert_int_equal(w->status[0], 200);
	assert_memory_equal(w->nonce[0], "third", 5);
}

/* a challenge is no package, with Final or without: package 1 goes again as it was */
static void test_challenged_no_final(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	assert_int_equal(world_say(w, chal(body, "1", 407, "syncml:auth-md5", "first"), false),
			 DM_STEP_SEND);
	assert_non_null(alert_of(w, 1200));
	assert_null(alert_of(w, 1222));
	assert_true(w->in.final);
}

/* in the middle of a session: the last message goes again */
static void test_challenged_later(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "Nonce");
	world_begin(w, &c);
	strcat(chal(body, "1", 212, "syncml:auth-md5", "next"),
	       CMD("Exec", "2", ITEM("./Op/Now")));
	world_say(w, body, true);
	assert_int_equal(world_say(w, chal(body, "2", 401, "syncml:auth-md5", "more"), true),
			 DM_STEP_SEND);
	has_md5(w, NAME, "more");
	assert_int_equal(code_of(w, "2"), 200);
	assert_string_equal(status_of(w, "2", 0)->msg_ref, "1");
	assert_int_equal(w->execs, 1);
	strcpy(body, "");
	ended(w, world_say(w, chal(body, "3", 212, "syncml:auth-md5", "end"), true),
	      DM_END_DONE);
}

static void test_refused(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	enum dm_step step = DM_STEP_SEND;
	char body[600], nonce[8], id[8];
	unsigned int i;

	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	for (i = 0; step == DM_STEP_SEND && i < 10; i++) {
		snprintf(nonce, sizeof(nonce), "n%u", i);
		snprintf(id, sizeof(id), "%u", i + 1);
		step = world_say(w, chal(body, id, 401, "syncml:auth-md5", nonce), true);
	}
	assert_int_equal(i, 4);
	ended(w, step, DM_END_CLIENT_AUTH);
	assert_int_equal(w->out.len, 0);
}

/* the same nonce again: the secret is wrong, and no try will make it right */
static void test_refused_same(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "Nonce");
	world_begin(w, &c);
	ended(w, world_say(w, chal(body, "1", 401, "syncml:auth-md5", "Nonce"), true),
	      DM_END_CLIENT_AUTH);
}

/* Basic is for those who allow it: anybody who can read could have the secret */
static void test_basic(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "Nonce");
	world_begin(w, &c);
	ended(w, world_say(w, chal(body, "1", 407, "syncml:auth-basic", NULL), true),
	      DM_END_CLIENT_AUTH);

	dm_engine_free(w->e);
	w->msg = 0;
	c.allow = DM_AUTH_BIT(DM_AUTH_BASIC);
	world_begin(w, &c);
	assert_int_equal(world_say(w, chal(body, "1", 407, "syncml:auth-basic", NULL), true),
			 DM_STEP_SEND);
	/* QnJ1Y2UyOk9oQmVoYXZl */
	has_cred(w, "syncml:auth-basic", "Bruce2:OhBehave", 15);
	ended(w, world_say(w, chal(body, "2", 401, "syncml:auth-basic", NULL), true),
	      DM_END_CLIENT_AUTH);
}

static void test_nothing_to_show(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	world_begin(w, &c);
	assert_null(w->in.hdr.cred);
	ended(w, world_say(w, chal(body, "1", 407, "syncml:auth-md5", "x"), true),
	      DM_END_CLIENT_AUTH);
}

static void check_hmac(struct world *w, const char *nonce)
{
	struct dm_secret s = {
		.name = NAME,
		.secret = (const uint8_t *)SECRET,
		.secret_len = strlen(SECRET),
		.nonce = (const uint8_t *)nonce,
		.nonce_len = strlen(nonce),
	};
	struct dm_hmac h;

	assert_non_null(w->out.hmac);
	assert_int_equal(dm_hmac_parse(w->out.hmac, &h), 0);
	assert_string_equal(h.name, NAME);
	assert_true(dm_hmac_check(&h, &s, w->out.p, w->out.len));
	assert_null(w->in.hdr.cred);
}

/* each message, with the nonce of the last answer */
static void test_hmac_client(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_HMAC, NAME, "n0");
	world_begin(w, &c);
	check_hmac(w, "n0");
	strcat(chal(body, "1", 200, "syncml:auth-MAC", "n1"), CMD("Get", "2", ITEM("./A/one")));
	world_say(w, body, true);
	check_hmac(w, "n1");
	assert_string_equal(w->in.hdr.source_name, NAME);
	/* and when it comes again, the same bytes have the same HMAC */
	w->msg--;
	world_say(w, body, true);
	check_hmac(w, "n1");
	strcat(chal(body, "2", 401, "syncml:auth-MAC", "n2"), "");
	world_say(w, body, true);
	check_hmac(w, "n2");
	assert_int_equal(code_of(w, "2"), 200);
	ended(w, world_say(w, chal(body, "3", 200, "syncml:auth-MAC", "n3"), true),
	      DM_END_DONE);
	assert_memory_equal(w->nonce[0], "n3", 2);
}

/* MD5 first, HMAC when the server wants it */
static void test_hmac_asked(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "n0");
	c.allow = DM_AUTH_BIT(DM_AUTH_HMAC);
	world_begin(w, &c);
	assert_null(w->out.hmac);
	world_say(w, chal(body, "1", 407, "syncml:auth-MAC", "n1"), true);
	check_hmac(w, "n1");
	assert_non_null(alert_of(w, 1200));
}

/* the largest package 1 that is sent can be sent again with credentials */
static void test_again_fits(void **state)
{
	static char data[15000];
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	char body[600];

	memset(data, 'x', sizeof(data));
	for (unsigned int i = 0; i < 30; i++)
		w->alert[i] = (struct dm_engine_alert){.id = i + 1,
						       .code = 1226,
						       .type = "x.y",
						       .data = (uint8_t *)data,
						       .len = 500};
	w->nr_alerts = 30;
	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	assert_true(w->out.len < 16384);
	assert_true(w->out.len > 14900);
	w->hdr = "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">16384</MaxMsgSize></Meta>";
	assert_int_equal(
		world_say(w, chal(body, "1", 407, "syncml:auth-md5", "0123456789abcdef"), true),
		DM_STEP_SEND);
	assert_true(w->out.len <= 16384);
	has_md5(w, NAME, "0123456789abcdef");
}

/* ---- the server shows who it is --------------------------------------------------------- */

static struct dm_engine_config known_server(struct world *w)
{
	struct dm_engine_config c = world_config(w);

	c.server = party(DM_AUTH_MD5, "srv", "s0");
	return c;
}

static const struct dm_meta *challenge(struct world *w, unsigned int code)
{
	const struct dm_cmd *st = status_of(w, "0", 0);

	assert_non_null(st);
	assert_int_equal(st->code, code);
	assert_true(st->chal);
	assert_string_equal(st->chal_meta.format, "b64");
	return &st->chal_meta;
}

static void test_server_md5(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);
	const struct dm_meta *m;
	struct dm_engine_stats st;

	world_begin(w, &c);
	cred(a, SECRET, "s0", 2);
	assert_int_equal(world_say(w, CMD("Get", "1", ITEM("./A/one")), true), DM_STEP_SEND);
	m = challenge(w, 212);
	assert_string_equal(m->type, "syncml:auth-md5");
	assert_int_equal(m->nonce_len, 16);
	/* what it is to use next time is kept, and is not what it used */
	assert_int_equal(w->nonce_len[1], 16);
	assert_memory_equal(w->nonce[1], m->nonce, 16);
	assert_int_equal(code_of(w, "1"), 200);
	dm_engine_stats(w->e, &st);
	assert_true(st.server_known);
	/* known for the session: no Cred, the one before, the next one */
	w->hdr = NULL;
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	assert_int_equal(code_of(w, "0"), 200);
	assert_int_equal(code_of(w, "1"), 200);
	w->hdr = a->hdr;
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	assert_int_equal(code_of(w, "0"), 212);
	cred(a, SECRET, w->nonce[1], 16);
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	assert_int_equal(code_of(w, "0"), 212);
	/* but not a wrong one */
	cred(a, "Behave", w->nonce[1], 16);
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	challenge(w, 401);
	assert_int_equal(code_of(w, "1"), 401);
	assert_int_equal(w->execs, 0);
}

/* 407, 401, then right: nothing of it runs before */
static void test_server_unknown(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);
	uint8_t nonce[16];

	world_begin(w, &c);
	assert_int_equal(world_say(w,
				   CMD("Exec", "1", ITEM("./Op/Now"))
					   CMD("Atomic", "2",
					       CMD("Replace", "3", VALUE("./A/one", "x"))),
				   true),
			 DM_STEP_SEND);
	memcpy(nonce, challenge(w, 407)->nonce, 16);
	assert_int_equal(code_of(w, "1"), 407);
	assert_int_equal(code_of(w, "2"), 407);
	assert_int_equal(code_of(w, "3"), 407);
	assert_int_equal(w->execs, 0);
	assert_true(w->in.final);
	assert_memory_equal(w->nonce[1], nonce, 16);
	/* the nonce is worn out with each try */
	cred(a, "wrong", nonce, 16);
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	assert_memory_not_equal(challenge(w, 401)->nonce, nonce, 16);
	memcpy(nonce, challenge(w, 401)->nonce, 16);
	assert_int_equal(code_of(w, "1"), 401);
	cred(a, SECRET, nonce, 16);
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	challenge(w, 212);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(w->execs, 1);
	assert_memory_equal(world_node(w, "./A/one")->p, "1", 1);
}

/* the nonce of another session */
static void test_server_replay(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);

	world_begin(w, &c);
	cred(a, SECRET, "s-1", 3);
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	assert_int_equal(code_of(w, "1"), 401);
	/* with the same MsgID and new credentials it is another message */
	cred(a, SECRET, w->nonce[1], 16);
	w->msg--;
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	assert_int_equal(code_of(w, "1"), 200);
	assert_int_equal(w->execs, 1);
	/* and now it is the same */
	w->msg--;
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	assert_int_equal(w->execs, 1);
}

static void test_server_never(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);
	enum dm_step step = DM_STEP_SEND;
	unsigned int i;

	world_begin(w, &c);
	cred(a, "wrong", "s0", 2);
	for (i = 0; step == DM_STEP_SEND && i < 10; i++)
		step = world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	assert_int_equal(i, 4);
	ended(w, step, DM_END_SERVER_AUTH);
	assert_int_equal(code_of(w, "0"), 401);
	assert_non_null(alert_of(w, 1223));
	assert_int_equal(w->execs, 0);
}

/* a stranger's Status takes no alert out of the outbox; a nonce counts once it was told */
static void test_server_status(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);
	char body[900];

	w->nr_alerts = 1;
	w->alert[0] = (struct dm_engine_alert){.id = 1, .code = 1226, .type = "x.y"};
	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	strcat(chal(body, "1", 212, "syncml:auth-md5", "c1"),
	       "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>3</CmdRef><Cmd>Alert</Cmd>"
	       "<Data>200</Data></Status>");
	/* it wants nothing, so it is not challenged; and nobody told it a nonce */
	ended(w, world_say(w, body, true), DM_END_SERVER_AUTH);
	assert_int_equal(w->status[0], 0);
	assert_int_equal(w->nonce_len[1], 0);
	dm_engine_free(w->e);
	w->e = NULL;
	world_begin(w, &c);
	cred(a, SECRET, "s0", 2);
	ended(w, world_say(w, body, true), DM_END_DONE);
	assert_int_equal(w->status[0], 200);
	assert_int_equal(w->nonce_len[1], 0);
}

/* both are asked at a time */
static void test_both(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);
	char body[900];

	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	world_say(w, chal(body, "1", 407, "syncml:auth-md5", "c1"), true);
	challenge(w, 407);
	has_md5(w, NAME, "c1");
	assert_non_null(alert_of(w, 1200));
	cred(a, SECRET, w->nonce[1], 16);
	strcat(chal(body, "2", 212, "syncml:auth-md5", "c2"), CMD("Get", "2", ITEM("./A/one")));
	world_say(w, body, true);
	challenge(w, 212);
	assert_null(w->in.hdr.cred);
	assert_int_equal(code_of(w, "2"), 200);
}

static void test_server_basic(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);

	c.server = party(DM_AUTH_BASIC, NAME, "");
	world_begin(w, &c);
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	assert_string_equal(challenge(w, 407)->type, "syncml:auth-basic");
	assert_false(challenge(w, 407)->has_nonce);
	w->hdr = "<Cred><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-basic</Type>"
		 "<Format xmlns=\"syncml:metinf\">b64</Format></Meta>"
		 "<Data>QnJ1Y2UyOk9oQmVoYXZl</Data></Cred>";
	world_say(w, CMD("Get", "1", ITEM("./A/one")), true);
	assert_int_equal(code_of(w, "0"), 212);
	assert_false(status_of(w, "0", 0)->chal);
	assert_int_equal(code_of(w, "1"), 200);
}

/* ---- HMAC of the server ------------------------------------------------------------------ */

static enum dm_step say_hmac(struct auth *a, const void *nonce, size_t len, const char *name,
			     const char *body)
{
	struct world *w = &a->w;
	char *xml = world_xml(w, ++w->msg, body, true);
	struct dm_secret s = {
		.name = name,
		.secret = (const uint8_t *)SECRET,
		.secret_len = strlen(SECRET),
		.nonce = nonce,
		.nonce_len = len,
	};
	enum dm_step step;
	uint8_t *p;
	size_t n;

	p = world_encode(w, xml, &n);
	assert_int_equal(dm_hmac_header(&s, p, n, a->hmac), 0);
	w->hmac = a->hmac;
	step = world_send(w, xml);
	free(p);
	free(xml);
	return step;
}

static void test_hmac_server(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);
	uint8_t nonce[16];

	c.server = party(DM_AUTH_HMAC, "srv", "s0");
	world_begin(w, &c);
	world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true);
	assert_string_equal(challenge(w, 407)->type, "syncml:auth-MAC");
	memcpy(nonce, challenge(w, 407)->nonce, 16);
	/* another name */
	say_hmac(a, nonce, 16, "other", CMD("Exec", "1", ITEM("./Op/Now")));
	memcpy(nonce, challenge(w, 401)->nonce, 16);
	assert_int_equal(w->execs, 0);
	say_hmac(a, nonce, 16, "srv", CMD("Exec", "1", ITEM("./Op/Now")));
	/* 200, never 212, and a nonce for the next message */
	assert_memory_not_equal(challenge(w, 200)->nonce, nonce, 16);
	assert_int_equal(w->execs, 1);
	say_hmac(a, w->nonce[1], 16, "srv", CMD("Exec", "1", ITEM("./Op/Now")));
	challenge(w, 200);
	assert_int_equal(w->execs, 2);
	/* a nonce that was used: the end (5.4) */
	ended(w, say_hmac(a, nonce, 16, "srv", CMD("Exec", "1", ITEM("./Op/Now"))),
	      DM_END_SERVER_AUTH);
	assert_int_equal(w->execs, 2);
	assert_int_equal(code_of(w, "0"), 401);
}

static void test_hmac_missing(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = world_config(w);

	c.server = party(DM_AUTH_HMAC, "srv", "s0");
	world_begin(w, &c);
	say_hmac(a, "s0", 2, "srv", CMD("Exec", "1", ITEM("./Op/Now")));
	assert_int_equal(w->execs, 1);
	w->hmac = NULL;
	ended(w, world_say(w, CMD("Exec", "1", ITEM("./Op/Now")), true), DM_END_SERVER_AUTH);
	assert_int_equal(w->execs, 1);
}

/* no secret is in a message or in a log of a whole session */
static void test_no_secret(void **state)
{
	struct auth *a = *state;
	struct world *w = &a->w;
	struct dm_engine_config c = known_server(w);
	char body[600];

	c.client = party(DM_AUTH_MD5, NAME, "");
	world_begin(w, &c);
	world_say(w, chal(body, "1", 407, "syncml:auth-md5", "c1"), true);
	assert_null(memmem(w->out.p, w->out.len, SECRET, strlen(SECRET)));
	assert_null(strstr(w->log, SECRET));
}

#define BOTH(f)                                              \
	{#f ": xml", f, setup, teardown, NULL},              \
	{                                                    \
		#f ": wbxml", f, setup_wbxml, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_md5_vector),
		BOTH(test_md5),
		BOTH(test_md5_each),
		BOTH(test_challenged),
		BOTH(test_challenged_no_final),
		BOTH(test_challenged_later),
		BOTH(test_refused),
		BOTH(test_refused_same),
		BOTH(test_basic),
		BOTH(test_nothing_to_show),
		BOTH(test_hmac_client),
		BOTH(test_hmac_asked),
		BOTH(test_again_fits),
		BOTH(test_server_md5),
		BOTH(test_server_unknown),
		BOTH(test_server_replay),
		BOTH(test_server_never),
		BOTH(test_server_status),
		BOTH(test_both),
		BOTH(test_server_basic),
		BOTH(test_hmac_server),
		BOTH(test_hmac_missing),
		BOTH(test_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
