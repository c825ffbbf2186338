// SPDX-License-Identifier: Apache-2.0
/*
 * Two CoAP endpoints that protect everything with OSCORE: requests both ways, blocks,
 * Observe, repeated and replayed messages, messages that are not protected, and the ways
 * back after one of them lost its memory (RFC 8613 Appendix B).
 */
#include "oscore_bench.h"

static const uint8_t id_a[] = {0xaa}, id_b[] = {0xbb};

struct pair {
	struct bench *e[2];
	struct keeper k[2];
	struct coap_config config;
	/* of all that went over the wire */
	unsigned int messages;
	uint8_t last[2][COAP_DATAGRAM_MAX];
	size_t last_len[2];
	bool leaked; /* something that must not be readable was */
};

static struct pair *pair_new(bool rederive)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	for (int i = 0; i < 2; i++) {
		p->k[i].random = 17 + (uint32_t)i;
		p->k[i].config = keeper_config(i ? id_b : id_a, 1, i ? id_a : id_b, 1, true);
		p->k[i].config.rederive = rederive && !i;
		p->k[i].config.accept_rederive = rederive;
		keeper_start(&p->k[i]);
		p->e[i] = bench_new(NULL);
		p->e[i]->random = 100 + (uint32_t)i;
		coap_endpoint_set_oscore(p->e[i]->ep, p->k[i].o);
	}
	return p;
}

static void pair_free(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		bench_free(p->e[i]);
		oscore_free(p->k[i].o);
	}
	free(p);
}

/* Carry what waits until nothing does. */
static void pump(struct pair *p)
{
	bool any;

	do {
		any = false;
		for (int i = 0; i < 2; i++) {
			struct bench *from = p->e[i], *to = p->e[!i];

			while (from->n_taken < from->n_sent) {
				size_t len = from->sent[from->n_taken].len;
				uint8_t *exact = malloc(len);

				memcpy(exact, from->sent[from->n_taken].data, len);
				if (++from->n_taken == from->n_sent)
					from->n_taken = from->n_sent = 0;
				memcpy(p->last[i], exact, len);
				p->last_len[i] = len;
				p->messages++;
				if (memmem(exact, len, "secret", 6) ||
				    memmem(exact, len, "store", 5))
					p->leaked = true;
				coap_input(to->ep, to->now, exact, len);
				free(exact);
				any = true;
			}
		}
	} while (any);
}

/* The process behind endpoint @i starts anew; @crash: without having stored the last. */
static void again(struct pair *p, int i, bool crash)
{
	struct bench *b = p->e[i];

	coap_endpoint_free(b->ep);
	b->n_sent = b->n_taken = 0;
	if (crash)
		keeper_crash(&p->k[i]);
	else
		keeper_restart(&p->k[i]);
	assert_int_equal(coap_endpoint_new(&b->ep, &bench_ops, b, NULL), 0);
	coap_endpoint_set_oscore(b->ep, p->k[i].o);
}

/* A call of endpoint @i that is answered at once. Return: its code, or the error. */
static int call(struct pair *p, int i, uint8_t method, const char *path, const void *body,
		size_t len)
{
	struct coap_opts opts = {0};
	struct coap_call c = {.method = method, .opts = &opts, .payload = body, .len = len};
	unsigned int n = p->e[i]->n_results;

	assert_int_equal(coap_opts_add_str(&opts, COAP_OPT_URI_HOST, "host"), 0);
	assert_int_equal(coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path), 0);
	assert_int_equal(coap_call(p->e[i]->ep, p->e[i]->now, &c, NULL), 0);
	pump(p);
	if (p->e[i]->n_results == n)
		return 0;
	return p->e[i]->res.error ? p->e[i]->res.error : p->e[i]->res.code;
}

static void test_both_ways(void **state)
{
	struct pair *p = pair_new(false);
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct coap_msg m;

	(void)state;
	rsp.payload = "secret answer";
	rsp.len = 13;
	rsp.content_format = COAP_FORMAT_TEXT;
	for (int i = 0; i < 2; i++) {
		p->e[!i]->rsp = &rsp;
		assert_int_equal(call(p, i, COAP_POST, "store", "secret", 6), COAP_205_CONTENT);
		assert_string_equal(p->e[!i]->path, "/store");
		assert_int_equal(p->e[!i]->req.method, COAP_POST);
		assert_memory_equal(p->e[!i]->body, "secret", 6);
		assert_memory_equal(p->e[i]->got, "secret answer", 13);
		assert_int_equal(p->e[i]->res.content_format, COAP_FORMAT_TEXT);
		/* from outside: POST to a host, and 2.04 */
		assert_int_equal(coap_decode(&m, p->last[i], p->last_len[i]), 0);
		assert_int_equal(m.code, COAP_POST);
		assert_int_equal(m.n_opts, 2);
		assert_true(coap_opt_eq(coap_opt_find(&m, COAP_OPT_URI_HOST), "host"));
		assert_int_equal(coap_decode(&m, p->last[!i], p->last_len[!i]), 0);
		assert_int_equal(m.code, COAP_204_CHANGED);
		assert_int_equal(m.n_opts, 1);
	}
	/* errors of the handler are protected as well */
	p->e[1]->rsp = NULL;
	p->e[1]->answer = COAP_404_NOT_FOUND;
	assert_int_equal(call(p, 0, COAP_DELETE, "store", NULL, 0), COAP_404_NOT_FOUND);
	assert_int_equal(coap_decode(&m, p->last[1], p->last_len[1]), 0);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_false(p->leaked);
	pair_free(p);
}

static void test_blocks(void **state)
{
	static uint8_t body[20000];
	struct pair *p = pair_new(false);
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(body + 5000, "secret", 6);
	rsp.payload = body;
	rsp.len = sizeof(body);
	for (int i = 0; i < 2; i++) {
		p->e[!i]->rsp = &rsp;
		assert_int_equal(call(p, i, COAP_PUT, "store", body, sizeof(body)),
				 COAP_205_CONTENT);
		assert_int_equal(p->e[!i]->body_len, sizeof(body));
		assert_memory_equal(p->e[!i]->body, body, sizeof(body));
		assert_int_equal(p->e[i]->got_len, sizeof(body));
		assert_memory_equal(p->e[i]->got, body, sizeof(body));
	}
	assert_true(p->messages >= 4 * 2 * (sizeof(body) / 1024));
	assert_false(p->leaked);
	pair_free(p);
}

static void register_observation(struct pair *p)
{
	struct coap_opts opts = {0};
	struct coap_msg inner = {.type = COAP_CON, .code = COAP_GET, .mid = 77, .token_len = 2};
	struct coap_msg outer;
	struct coap_opts outer_opts;
	struct oscore_binding b;
	uint8_t sealed[256], wire[256];
	int n;

	memcpy(inner.token, "ob", 2);
	assert_int_equal(coap_opts_add_uint(&opts, COAP_OPT_OBSERVE, 0), 0);
	assert_int_equal(coap_opts_add_path(&opts, COAP_OPT_URI_PATH, "store"), 0);
	assert_int_equal(oscore_protect_request(p->k[0].o, &inner, &opts, &outer, &outer_opts,
						sealed, sizeof(sealed), &b),
			 0);
	n = coap_encode(wire, sizeof(wire), &outer, &outer_opts);
	assert_int_equal(wire[1], COAP_FETCH);
	coap_input(p->e[1]->ep, p->e[1]->now, wire, (size_t)n);

	/* the answer and two notifications: each opens, each has a number of its own */
	for (int i = 0; i < 3; i++) {
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
		struct coap_msg m, open;
		uint8_t buf[256];
		uint32_t seq;

		if (i) {
			rsp.payload = "secret";
			rsp.len = 6;
			assert_int_equal(coap_notify(p->e[1]->ep, p->e[1]->now, p->e[1]->obs,
						     &rsp, false),
					 0);
		}
		bench_take(p->e[1], &m);
		assert_int_equal(m.code, COAP_205_CONTENT);
		assert_true(coap_opt_uint(&m, COAP_OPT_OBSERVE, &seq));
		assert_true(coap_opt_find(&m, OSCORE_OPTION)->len >= 2);
		assert_int_equal(
			oscore_open_response(p->k[0].o, &m, &open, buf, sizeof(buf), &b), 0);
		assert_int_equal(open.code, COAP_205_CONTENT);
		assert_int_equal(open.payload_len, i ? 6 : 0);
		assert_true(coap_opt_find(&open, COAP_OPT_OBSERVE));
	}
}

static void test_observe(void **state)
{
	struct pair *p = pair_new(false);
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	(void)state;
	p->e[1]->accept_observe = true;
	p->e[1]->rsp = &rsp;
	register_observation(p);
	assert_int_equal(p->e[1]->n_ended, 0);
	pair_free(p);
}

/* Repeated by the network: answered from the record. Sent by somebody else: refused. */
static void test_replay(void **state)
{
	struct pair *p = pair_new(false);
	uint8_t wire[COAP_DATAGRAM_MAX], answer[COAP_DATAGRAM_MAX];
	size_t len, answer_len;
	struct oscore_stats st;
	struct coap_msg m;

	(void)state;
	assert_int_equal(call(p, 0, COAP_POST, "store", "x", 1), COAP_204_CHANGED);
	len = p->last_len[0];
	memcpy(wire, p->last[0], len);
	answer_len = p->last_len[1];
	memcpy(answer, p->last[1], answer_len);
	assert_int_equal(p->e[1]->n_requests, 1);

	coap_input(p->e[1]->ep, p->e[1]->now, wire, len);
	assert_int_equal(p->e[1]->sent[0].len, answer_len);
	assert_memory_equal(p->e[1]->sent[0].data, answer, answer_len);
	bench_take(p->e[1], &m);

	wire[3] ^= 1; /* another message ID: not a repetition */
	coap_input(p->e[1]->ep, p->e[1]->now, wire, len);
	bench_take(p->e[1], &m);
	assert_int_equal(m.code, COAP_401_UNAUTHORIZED);
	assert_null(coap_opt_find(&m, OSCORE_OPTION));
	assert_int_equal(m.payload_len, 15);
	assert_memory_equal(m.payload, "Replay detected", 15);
	assert_int_equal(p->e[1]->n_requests, 1);
	oscore_get_stats(p->k[1].o, &st);
	assert_int_equal(st.replays, 1);

	/* long after its record has gone */
	bench_later(p->e[1], 1000000);
	coap_input(p->e[1]->ep, p->e[1]->now, wire, len);
	bench_take(p->e[1], &m);
	assert_int_equal(m.code, COAP_401_UNAUTHORIZED);
	assert_int_equal(p->e[1]->n_requests, 1);
	pair_free(p);
}

static void test_refused(void **state)
{
	struct pair *p = pair_new(false);
	struct coap_opts opts = {0};
	struct coap_msg m;

	(void)state;
	/* not protected */
	bench_msg(p->e[1], COAP_CON, COAP_GET, 1, "t", NULL, NULL, 0);
	bench_take(p->e[1], &m);
	assert_int_equal(m.type, COAP_ACK);
	assert_int_equal(m.code, COAP_401_UNAUTHORIZED);
	bench_msg(p->e[1], COAP_NON, COAP_DELETE, 2, "t", NULL, NULL, 0);
	bench_silent(p->e[1]);
	/* empty messages stay as they are */
	bench_in(p->e[1], "40000003");
	bench_out(p->e[1], "70000003");
	/* of nobody we know, malformed, does not decrypt */
	assert_int_equal(coap_opts_add(&opts, OSCORE_OPTION, "\x09\x01\x63", 3), 0);
	bench_msg(p->e[1], COAP_CON, COAP_POST, 4, "t", &opts, "0123456789", 10);
	bench_take(p->e[1], &m);
	assert_int_equal(m.code, COAP_401_UNAUTHORIZED);
	assert_memory_equal(m.payload, "Security context not found", 26);
	memset(&opts, 0, sizeof(opts));
	assert_int_equal(coap_opts_add(&opts, OSCORE_OPTION, "\x20", 1), 0);
	bench_msg(p->e[1], COAP_CON, COAP_POST, 5, "t", &opts, "0123456789", 10);
	bench_take(p->e[1], &m);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	memset(&opts, 0, sizeof(opts));
	assert_int_equal(coap_opts_add(&opts, OSCORE_OPTION, "\x09\x01\xaa", 3), 0);
	for (size_t len = 0; len < 12; len++) {
		bench_msg(p->e[1], COAP_CON, COAP_POST, (uint16_t)(6 + len), "t", &opts,
			  "0123456789ab", len);
		bench_take(p->e[1], &m);
		assert_int_equal(m.code, COAP_400_BAD_REQUEST);
	}
	assert_int_equal(p->e[1]->n_requests, 0);
	/* one that has no OSCORE does not know the option, which is critical */
	coap_endpoint_set_oscore(p->e[1]->ep, NULL);
	bench_msg(p->e[1], COAP_CON, COAP_POST, 40, "t", &opts, "0123456789", 10);
	bench_take(p->e[1], &m);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	pair_free(p);
}

/* A response that is not protected answers nothing, but a refusal of the context tells. */
static void test_unprotected_response(void **state)
{
	struct pair *p = pair_new(false);
	struct coap_opts opts = {0};
	struct coap_call c = {.method = COAP_GET, .opts = &opts};
	struct coap_msg m, fake;
	uint8_t buf[64];
	int n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint8_t code = i ? COAP_401_UNAUTHORIZED : COAP_205_CONTENT;

		assert_int_equal(coap_call(p->e[0]->ep, p->e[0]->now, &c, NULL), 0);
		bench_take(p->e[0], &m);
		fake = (struct coap_msg){
			.type = COAP_ACK, .code = code, .mid = m.mid, .token_len = 8};
		memcpy(fake.token, m.token, 8);
		n = coap_encode(buf, sizeof(buf), &fake, NULL);
		coap_input(p->e[0]->ep, p->e[0]->now, buf, (size_t)n);
		assert_int_equal(p->e[0]->n_results, i);
		if (!i) {
			/* the true answer is still awaited, so the request is repeated */
			bench_later(p->e[0], 3100);
			bench_take(p->e[0], &fake);
			assert_int_equal(fake.mid, m.mid);
			coap_endpoint_reset(p->e[0]->ep, p->e[0]->now, true);
			p->e[0]->n_results = 0;
		}
		if (!i)
			continue;
		assert_int_equal(p->e[0]->res.error, -EKEYREJECTED);
	}
	pair_free(p);
}

/* B.1.2: after a crash of the server, the first request is challenged, then all is well. */
static void test_server_crash(void **state)
{
	struct pair *p = pair_new(false);
	struct oscore_stats st;
	uint8_t old[COAP_DATAGRAM_MAX];
	size_t old_len;
	struct coap_msg m;

	(void)state;
	assert_int_equal(call(p, 0, COAP_POST, "store", "1", 1), COAP_204_CHANGED);
	assert_int_equal(call(p, 0, COAP_POST, "store", "2", 1), COAP_204_CHANGED);
	old_len = p->last_len[0];
	memcpy(old, p->last[0], old_len);
	assert_int_equal(p->e[1]->n_requests, 2);
	again(p, 1, true);

	/* an attacker's replay is challenged, and answered to nobody who could use it */
	coap_input(p->e[1]->ep, p->e[1]->now, old, old_len);
	bench_take(p->e[1], &m);
	assert_non_null(coap_opt_find(&m, OSCORE_OPTION));
	assert_int_equal(p->e[1]->n_requests, 2);

	assert_int_equal(call(p, 0, COAP_POST, "store", "3", 1), COAP_204_CHANGED);
	assert_int_equal(p->e[1]->n_requests, 3);
	oscore_get_stats(p->k[1].o, &st);
	assert_int_equal(st.challenges, 2);
	assert_int_equal(call(p, 0, COAP_POST, "store", "4", 1), COAP_204_CHANGED);
	assert_int_equal(p->e[1]->n_requests, 4);
	oscore_get_stats(p->k[1].o, &st);
	assert_int_equal(st.challenges, 2);
	old[3] ^= 0x55;
	coap_input(p->e[1]->ep, p->e[1]->now, old, old_len);
	bench_take(p->e[1], &m);
	assert_memory_equal(m.payload, "Replay detected", 15);
	/* and our requests go on where the store says */
	assert_int_equal(call(p, 1, COAP_POST, "store", "5", 1), COAP_204_CHANGED);

	/* an orderly restart needs none of this */
	again(p, 1, false);
	assert_int_equal(call(p, 0, COAP_POST, "store", "6", 1), COAP_204_CHANGED);
	oscore_get_stats(p->k[1].o, &st);
	assert_int_equal(st.challenges, 0);
	pair_free(p);
}

/* What was recorded before a crash is found before the window is asked. */
static void test_record_over_crash(void **state)
{
	struct pair *p = pair_new(false);
	uint8_t wire[COAP_DATAGRAM_MAX];
	struct coap_msg m;
	size_t len;

	(void)state;
	p->e[1]->keep_records = true;
	assert_int_equal(call(p, 0, COAP_POST, "store", "1", 1), COAP_204_CHANGED);
	len = p->last_len[0];
	memcpy(wire, p->last[0], len);
	again(p, 1, true);
	coap_input(p->e[1]->ep, p->e[1]->now, wire, len);
	assert_int_equal(p->e[1]->sent[0].len, p->last_len[1]);
	assert_memory_equal(p->e[1]->sent[0].data, p->last[1], p->last_len[1]);
	bench_take(p->e[1], &m);
	assert_int_equal(p->e[1]->n_requests, 1);
	/* interrupted: the outcome is not known, and that is told under protection */
	p->e[1]->rec[0].response = NULL;
	again(p, 1, true);
	coap_input(p->e[1]->ep, p->e[1]->now, wire, len);
	bench_take(p->e[1], &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_int_equal(coap_opt_find(&m, OSCORE_OPTION)->len, 2);
	assert_int_equal(p->e[1]->n_requests, 1);
	pair_free(p);
}

/* No message leaves, and none is taken, that the store does not know of. */
static void test_store_fails(void **state)
{
	struct pair *p = pair_new(false);
	struct coap_opts opts = {0};
	struct coap_call c = {.method = COAP_GET, .opts = &opts};

	(void)state;
	p->k[0].error = -ENOSPC;
	assert_int_equal(coap_call(p->e[0]->ep, p->e[0]->now, &c, NULL), -ENOSPC);
	bench_silent(p->e[0]);
	p->k[0].error = 0;
	p->k[1].error = -ENOSPC;
	assert_int_equal(call(p, 0, COAP_POST, "store", "1", 1), 0); /* 5.03, unprotected */
	assert_int_equal(p->e[1]->n_requests, 0);
	p->k[1].error = 0;
	assert_int_equal(call(p, 1, COAP_POST, "store", "1", 1), COAP_204_CHANGED);
	pair_free(p);
}

/* ---- Appendix B.2
 * ------------------------------------------------------------------------------ */

/* A client whose key may have been used before makes a context with the server first. */
static void test_rederive(void **state)
{
	struct pair *p = pair_new(true);
	struct oscore_stats st;

	(void)state;
	assert_int_equal(call(p, 0, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(p->messages, 4);
	assert_int_equal(p->e[1]->n_requests, 1); /* request #1 was not run */
	oscore_get_stats(p->k[1].o, &st);
	assert_int_equal(st.rederived, 1);
	oscore_get_stats(p->k[0].o, &st);
	assert_int_equal(st.rederived, 1);
	assert_int_equal(p->k[0].o->keys.id_context_len, 16);
	assert_memory_equal(p->k[0].o->keys.id_context, p->k[1].o->keys.id_context, 16);
	p->messages = 0;
	assert_int_equal(call(p, 0, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(call(p, 1, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(p->messages, 4);
	/* what came of it lasts */
	again(p, 0, true);
	again(p, 1, true);
	assert_int_equal(call(p, 0, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(call(p, 1, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(p->e[1]->n_requests, 3);
	oscore_get_stats(p->k[0].o, &st);
	assert_int_equal(st.rederived, 0);
	assert_false(p->leaked);
	pair_free(p);
}

/* The server forgot the context that was made: the client finds out and makes another. */
static void test_rederive_forgotten(void **state)
{
	struct pair *p = pair_new(true);

	(void)state;
	assert_int_equal(call(p, 0, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	p->k[1].len = 0;
	again(p, 1, true);
	assert_int_equal(call(p, 0, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(p->e[1]->n_requests, 2);
	/* now the client lost it, and begins anew by itself */
	p->k[0].len = 0;
	again(p, 0, true);
	p->k[0].len = 0;
	assert_int_equal(call(p, 0, COAP_POST, "store", "secret", 6), COAP_204_CHANGED);
	assert_int_equal(p->e[1]->n_requests, 3);
	pair_free(p);
}

/* Somebody repeats request #1 in between, and request #2 afterwards: no harm. */
static void test_rederive_replayed(void **state)
{
	struct pair *p = pair_new(true);
	struct coap_opts opts = {0};
	struct coap_call c = {.method = COAP_POST, .opts = &opts};
	uint8_t first[COAP_DATAGRAM_MAX], second[COAP_DATAGRAM_MAX];
	size_t first_len, second_len;
	uint8_t id[16];

	(void)state;
	assert_int_equal(coap_call(p->e[0]->ep, p->e[0]->now, &c, NULL), 0);
	first_len = p->e[0]->sent[0].len;
	memcpy(first, p->e[0]->sent[0].data, first_len);
	for (uint8_t i = 0; i < 5; i++) {
		first[3] ^= (uint8_t)(i + 1);
		coap_input(p->e[1]->ep, p->e[1]->now, first, first_len);
		p->e[1]->n_sent = p->e[1]->n_taken = 0;
	}
	pump(p);
	assert_int_equal(p->e[0]->res.code, COAP_204_CHANGED);
	second_len = p->last_len[0];
	memcpy(second, p->last[0], second_len);
	memcpy(id, p->k[1].o->keys.id_context, sizeof(id));
	assert_int_equal(p->e[1]->n_requests, 1);
	second[3] ^= 0x77;
	coap_input(p->e[1]->ep, p->e[1]->now, second, second_len);
	first[3] ^= 0x77;
	coap_input(p->e[1]->ep, p->e[1]->now, first, first_len);
	assert_int_equal(p->e[1]->n_requests, 1);
	assert_memory_equal(id, p->k[1].o->keys.id_context, sizeof(id));
	p->e[1]->n_sent = p->e[1]->n_taken = 0;
	assert_int_equal(call(p, 0, COAP_POST, "store", "x", 1), COAP_204_CHANGED);
	pair_free(p);
}

/* A peer that never lets go costs a bounded number of messages. */
static void test_rederive_bounded(void **state)
{
	struct pair *p = pair_new(true);

	(void)state;
	p->k[1].config.accept_rederive = false;
	again(p, 1, true);
	assert_int_equal(call(p, 0, COAP_POST, "store", "x", 1), -EKEYREJECTED);
	assert_true(p->messages <= 12);
	pair_free(p);
}

/* Observations do not live on under other keys. */
static void test_rederive_observe(void **state)
{
	struct pair *p = pair_new(true);
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	(void)state;
	assert_int_equal(call(p, 0, COAP_POST, "store", "x", 1), COAP_204_CHANGED);
	p->e[1]->accept_observe = true;
	p->e[1]->rsp = &rsp;
	register_observation(p);
	p->k[0].len = 0;
	again(p, 0, true);
	p->k[0].len = 0;
	p->e[1]->accept_observe = false;
	assert_int_equal(call(p, 0, COAP_POST, "store", "x", 1), COAP_205_CONTENT);
	assert_int_equal(coap_notify(p->e[1]->ep, p->e[1]->now, p->e[1]->obs, &rsp, false),
			 -ESTALE);
	assert_int_equal(p->e[1]->n_ended, 1);
	bench_silent(p->e[1]);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_observe),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unprotected_response),
		cmocka_unit_test(test_server_crash),
		cmocka_unit_test(test_record_over_crash),
		cmocka_unit_test(test_store_fails),
		cmocka_unit_test(test_rederive),
		cmocka_unit_test(test_rederive_forgotten),
		cmocka_unit_test(test_rederive_replayed),
		cmocka_unit_test(test_rederive_bounded),
		cmocka_unit_test(test_rederive_observe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
