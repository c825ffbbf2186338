// SPDX-License-Identifier: Apache-2.0
/*
 * How fast and how fresh: NSTART and PROBING_RATE (RFC 7252 4.7), notifications
 * (RFC 7641 4.4, 4.5), validation by ETag, sizes, observations that outlive a
 * restart, and clocks that jump.
 */
#include "coap_bench.h"

#include "coap/coap_priv.h"

static const char hello[] = "hello";

static struct coap_response content(const char *text)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	rsp.payload = text;
	rsp.len = strlen(text);
	return rsp;
}

static void observe(struct bench *b, const char *token, const struct coap_response *rsp)
{
	struct coap_opts o = {0};
	struct coap_msg m;

	coap_opts_add(&o, COAP_OPT_OBSERVE, "", 0);
	coap_opts_add_path(&o, COAP_OPT_URI_PATH, "x");
	b->rsp = rsp;
	b->accept_observe = true;
	bench_msg(b, COAP_CON, COAP_GET, 1, token, &o, NULL, 0);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);
	assert_non_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
}

static uint32_t seq(const struct coap_msg *m)
{
	uint32_t v = 0;

	assert_true(coap_opt_uint(m, COAP_OPT_OBSERVE, &v));
	return v;
}

/* RFC 7641 3.4: is the notification with @v2, @ms after the one with @v1, newer? */
static bool fresh(uint32_t v1, uint32_t v2, uint64_t ms)
{
	return (v1 < v2 && v2 - v1 < 1u << 23) || (v1 > v2 && v1 - v2 > 1u << 23) ||
	       ms > 128000;
}

/* ---- 7641 4.5.1 ------------------------------------------------------------------------ */

static void test_burst(void **state)
{
	struct coap_response rsp = content(hello);
	struct bench *b = bench_new(NULL);
	struct coap_msg m;
	char text[16];
	uint64_t start;

	(void)state;
	observe(b, "t", &rsp);
	/* no round-trip time is known: sixteen at once, then one in three seconds */
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		rsp = content(text);
		assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, false), 0);
	}
	for (int i = 0; i < 16; i++) {
		bench_take(b, &m);
		assert_int_equal(m.type, COAP_NON);
	}
	bench_silent(b);
	start = b->now;
	b->now = coap_next_deadline(b->ep);
	assert_true(b->now > start && b->now <= start + 3000);
	coap_tick(b->ep, b->now);
	/* the newest state, once; it is the only thing that waited */
	bench_take(b, &m);
	assert_int_equal(m.payload_len, 2);
	assert_memory_equal(m.payload, "99", 2);
	bench_silent(b);
	assert_true(coap_next_deadline(b->ep) == COAP_NEVER ||
		    coap_next_deadline(b->ep) > b->now + 3000);
	/* a confirmable one waits for nobody, and tells the round-trip time: 100 ms */
	rsp = content(hello);
	assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, true), 0);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	b->now += 100;
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	for (int i = 0; i < 100; i++) {
		bench_later(b, 100);
		assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, false), 0);
		bench_take(b, &m);
	}
	bench_free(b);
}

/* Several observations share what may leave; none waits for ever. */
static void test_turns(void **state)
{
	struct coap_config config = {.non_burst = 1};
	struct coap_response rsp = content(hello);
	struct bench *b = bench_new(&config);
	unsigned int got[4] = {0};
	uint32_t obs[4];
	struct coap_msg m;

	(void)state;
	for (int i = 0; i < 4; i++) {
		char token[2] = {(char)('a' + i), 0};

		struct coap_opts o = {0};

		coap_opts_add(&o, COAP_OPT_OBSERVE, "", 0);
		coap_opts_add_path(&o, COAP_OPT_URI_PATH, token);
		b->rsp = &rsp;
		b->accept_observe = true;
		bench_msg(b, COAP_CON, COAP_GET, (uint16_t)(10 + i), token, &o, NULL, 0);
		bench_take(b, &m);
		obs[i] = b->obs;
	}
	for (int t = 0; t < 60; t++) {
		for (int i = 0; i < 4; i++)
			assert_int_equal(coap_notify(b->ep, b->now, obs[i], &rsp, false), 0);
		/* the peer is alive, so it is no question of silence */
		bench_msg(b, COAP_NON, COAP_GET, (uint16_t)(1000 + t), "q", NULL, NULL, 0);
		while (b->n_taken < b->n_sent) {
			bench_take(b, &m);
			if (m.token[0] != 'q')
				got[m.token[0] - 'a']++;
		}
		bench_later(b, 1000);
		while (b->n_taken < b->n_sent) {
			bench_take(b, &m);
			got[m.token[0] - 'a']++;
		}
	}
	for (int i = 0; i < 4; i++)
		if (got[i] < 4 || got[i] > 7)
			fail_msg("observation %d had %u of 20 turns", i, got[i]);
	for (int i = 0; i < 3; i++)
		coap_observe_end(b->ep, obs[i]);
	bench_free(b);
}

/* ---- 7252 4.7 ---------------------------------------------------------------------------- */

/* One NON call a second for an hour, nobody there: what is not confirmable is no more
 * than PROBING_RATE once the peer counts as silent. */
static void test_probing_rate(void **state)
{
	struct coap_config config = {.max_calls = 10000};
	struct bench *b = bench_new(&config);
	uint64_t start = b->now, bytes = 0, most = 0;
	unsigned int con = 0, in_flight;

	(void)state;
	for (int t = 0; t < 3600; t++) {
		struct coap_call c = {.method = COAP_POST,
				      .non = true,
				      .payload = hello,
				      .len = 5,
				      .timeout_ms = 1000};

		assert_int_equal(coap_call(b->ep, b->now, &c, NULL), 0);
		bench_later(b, 1000);
		for (; b->n_taken < b->n_sent; b->n_taken++) {
			if ((b->sent[b->n_taken].data[0] >> 4 & 3) == COAP_CON)
				con++;
			else if (b->now - start > 94000)
				bytes += b->sent[b->n_taken].len;
		}
		b->n_taken = b->n_sent = 0;
		in_flight = 0;
		struct coap_con *k;
		TAILQ_FOREACH(k, &b->ep->cons, link)
		in_flight += k->sent;
		assert_true(in_flight <= 1); /* NSTART */
	}
	most = (b->now - start - 93000) / 1000 + COAP_DATAGRAM_MAX;
	if (bytes > most)
		fail_msg("%llu bytes to a silent peer, %llu allowed", (unsigned long long)bytes,
			 (unsigned long long)most);
	assert_true(bytes > 1000); /* and it is made use of */
	assert_true(con > 10);
	/* one answer, and the peer counts as there */
	bench_msg(b, COAP_CON, COAP_EMPTY, 7, "", NULL, NULL, 0);
	b->n_taken = b->n_sent = 0;
	struct coap_call c = {.method = COAP_POST, .non = true};
	assert_int_equal(coap_call(b->ep, b->now, &c, NULL), 0);
	assert_int_equal(b->sent[b->n_sent - 1].data[0] >> 4 & 3, COAP_NON);
	bench_free(b);
}

/* A silent peer's observation is found out and ended, however its state moves. */
static void test_silent_observer(void **state)
{
	struct coap_response rsp = content(hello);
	struct bench *b = bench_new(NULL);
	unsigned int t;

	(void)state;
	observe(b, "t", &rsp);
	for (t = 0; t < 1000 && !b->n_ended; t++) {
		coap_notify(b->ep, b->now, b->obs, &rsp, false);
		b->n_taken = b->n_sent = 0;
		bench_later(b, 1000);
	}
	assert_int_equal(b->n_ended, 1);
	assert_int_equal(b->why, COAP_OBSERVE_TIMEOUT);
	assert_true(t > 93 && t < 300);
	bench_free(b);
}

static unsigned int signals;
static enum coap_signal_kind last_signal;

static void on_signal(void *ctx, const struct coap_signal *sig)
{
	(void)ctx;
	signals++;
	last_signal = sig->what;
}

static void test_ping(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_ops ops = bench_ops;
	struct coap_msg m;

	(void)state;
	coap_endpoint_free(b->ep);
	ops.signal = on_signal;
	assert_int_equal(coap_endpoint_new(&b->ep, &ops, b, NULL), 0);
	assert_int_equal(coap_ping(b->ep, b->now, 0), 0);
	assert_int_equal(coap_ping(b->ep, b->now, 0), -EALREADY);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	assert_int_equal(m.code, COAP_EMPTY);
	bench_msg(b, COAP_RST, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(signals, 1);
	assert_int_equal(last_signal, COAP_SIGNAL_PONG);
	assert_int_equal(coap_ping(b->ep, b->now, 0), 0);
	while (signals < 2) {
		b->now = coap_next_deadline(b->ep);
		assert_true(b->now < COAP_NEVER);
		coap_tick(b->ep, b->now);
	}
	assert_int_equal(last_signal, COAP_SIGNAL_SILENT);
	assert_int_equal(b->n_sent - b->n_taken, 5);
	bench_free(b);
}

/* ---- 7641 4.4: order ----------------------------------------------------------------------
 */

static void test_restore(void **state)
{
	struct coap_response rsp = content(hello);
	struct bench *b = bench_new(NULL), *c;
	struct coap_observe_state st, odd;
	struct coap_msg m;
	uint32_t last = 0, obs, other;

	(void)state;
	observe(b, "tok", &rsp);
	assert_int_equal(coap_observe_save(b->ep, b->obs, &st), 0);
	assert_int_equal(coap_observe_save(b->ep, b->obs + 77, &odd), -ESTALE);
	/* many more go out after it was saved */
	for (int i = 0; i < 60000; i++) {
		bench_msg(b, COAP_CON, COAP_EMPTY, (uint16_t)i, "", NULL, NULL, 0);
		b->n_taken = b->n_sent = 0;
		b->now += 3000;
		assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, false), 0);
		bench_take(b, &m);
		if (m.type == COAP_CON)
			bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
		last = seq(&m);
	}
	bench_free(b);

	c = bench_new(NULL);
	assert_int_equal(coap_observe_restore(c->ep, c->now, &st, c, &obs), 0);
	assert_int_equal(coap_observe_restore(c->ep, c->now, &st, c, &other), -EEXIST);
	assert_int_equal(coap_notify(c->ep, c->now, obs, &rsp, false), 0);
	bench_take(c, &m);
	assert_int_equal(m.token_len, 3);
	assert_memory_equal(m.token, "tok", 3);
	assert_true(fresh(last, seq(&m), 0));
	/* the renewal of before the restart is the same observation */
	c->obs = obs;
	observe(c, "tok", &rsp);
	assert_int_equal(c->obs, obs);
	assert_int_equal(c->n_ended, 0);
	/* RST ends it as ever */
	assert_int_equal(coap_notify(c->ep, c->now, obs, &rsp, false), 0);
	bench_take(c, &m);
	bench_msg(c, COAP_RST, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(c->n_ended, 1);
	odd = st;
	odd.token_len = 9;
	assert_int_equal(coap_observe_restore(c->ep, c->now, &odd, c, &other), -EINVAL);
	odd = st;
	odd.block_szx = 7;
	assert_int_equal(coap_observe_restore(c->ep, c->now, &odd, c, &other), -EINVAL);
	odd = st;
	odd.sec_len = 3;
	assert_int_equal(coap_observe_restore(c->ep, c->now, &odd, c, &other), -EINVAL);
	bench_free(c);
}

/* 24 bits are not many: over the end of them as well. */
static void test_wrap(void **state)
{
	struct coap_observe_state st = {
		.token_len = 1, .token = "t", .block_szx = 0xff, .seq = 0xffffff - 65536 - 3};
	struct coap_response rsp = content(hello);
	struct bench *b = bench_new(NULL);
	struct coap_msg m;
	uint32_t last = 0xffffff - 4;

	(void)state;
	assert_int_equal(coap_observe_restore(b->ep, b->now, &st, b, &b->obs), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, false), 0);
		bench_take(b, &m);
		assert_true(seq(&m) <= 0xffffff);
		assert_true(fresh(last, seq(&m), 0));
		last = seq(&m);
	}
	bench_free(b);
}

/* ---- ETag, sizes ------------------------------------------------------------------------- */

static void get(struct bench *b, uint16_t mid, const void *etag, size_t etag_len,
		struct coap_msg *m)
{
	struct coap_opts o = {0};

	coap_opts_add_path(&o, COAP_OPT_URI_PATH, "x");
	if (etag) {
		/* it has others as well */
		assert_int_equal(coap_opts_add(&o, COAP_OPT_ETAG, "other", 5), 0);
		assert_int_equal(coap_opts_add(&o, COAP_OPT_ETAG, etag, etag_len), 0);
	}
	bench_msg(b, COAP_CON, COAP_GET, mid, "t", &o, NULL, 0);
	bench_take(b, m);
}

static void test_etag(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_response rsp = content(hello);
	const struct coap_opt *o;
	static char large[3000];
	struct coap_msg m;
	uint8_t etag[8];

	(void)state;
	/* one that the handler gives */
	rsp.etag = (const uint8_t *)"\1\2\3";
	rsp.etag_len = 3;
	rsp.content_format = COAP_FORMAT_TEXT;
	rsp.max_age = 30;
	b->rsp = &rsp;
	get(b, 1, NULL, 0, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);
	assert_non_null(coap_opt_find(&m, COAP_OPT_ETAG));
	get(b, 2, "\1\2\3", 3, &m);
	assert_int_equal(m.code, COAP_203_VALID);
	assert_int_equal(m.payload_len, 0);
	o = coap_opt_find(&m, COAP_OPT_ETAG);
	assert_true(o && o->len == 3 && !memcmp(o->val, "\1\2\3", 3));
	assert_null(coap_opt_find(&m, COAP_OPT_CONTENT_FORMAT));
	assert_non_null(coap_opt_find(&m, COAP_OPT_MAX_AGE));
	get(b, 3, "\1\2\4", 3, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);

	/* one of the engine's own: whoever asks learns it */
	rsp.etag_len = 0;
	rsp.etag = NULL;
	get(b, 4, NULL, 0, &m);
	assert_null(coap_opt_find(&m, COAP_OPT_ETAG));
	get(b, 5, "old", 3, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);
	o = coap_opt_find(&m, COAP_OPT_ETAG);
	assert_true(o && o->len == 8);
	memcpy(etag, o->val, 8);
	get(b, 6, etag, 8, &m);
	assert_int_equal(m.code, COAP_203_VALID);
	/* other bytes, or the same in another format, are another thing */
	rsp.content_format = COAP_FORMAT_CBOR;
	get(b, 7, etag, 8, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);
	rsp.content_format = COAP_FORMAT_TEXT;
	rsp.payload = "jello";
	get(b, 8, etag, 8, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);

	/* a body in blocks is not sent again either, and none of it is kept */
	memset(large, 'x', sizeof(large));
	rsp.payload = large;
	rsp.len = sizeof(large);
	get(b, 9, NULL, 0, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 0, 1, 1024));
	o = coap_opt_find(&m, COAP_OPT_ETAG);
	assert_non_null(o);
	memcpy(etag, o->val, 8);
	get(b, 10, etag, 8, &m);
	assert_int_equal(m.code, COAP_203_VALID);
	assert_null(coap_opt_find(&m, COAP_OPT_BLOCK2));
	/* an error is never "valid" */
	rsp.code = COAP_404_NOT_FOUND;
	get(b, 11, etag, 8, &m);
	assert_int_equal(m.code, COAP_404_NOT_FOUND);
	bench_free(b);
}

static void test_size2(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_response rsp = content(hello);
	struct coap_opts o = {0};
	struct coap_msg m;
	uint32_t v;

	(void)state;
	b->rsp = &rsp;
	get(b, 1, NULL, 0, &m);
	assert_null(coap_opt_find(&m, COAP_OPT_SIZE2));
	coap_opts_add_uint(&o, COAP_OPT_SIZE2, 0);
	bench_msg(b, COAP_CON, COAP_GET, 2, "t", &o, NULL, 0);
	bench_take(b, &m);
	assert_true(coap_opt_uint(&m, COAP_OPT_SIZE2, &v));
	assert_int_equal(v, 5);

	/* ours: what the server says */
	struct coap_call c = {.method = COAP_GET, .opts = &o};
	char token[9] = "";

	assert_int_equal(coap_call(b->ep, b->now, &c, NULL), 0);
	bench_take(b, &m);
	assert_non_null(coap_opt_find(&m, COAP_OPT_SIZE2));
	memcpy(token, m.token, 8);
	memset(&o, 0, sizeof(o));
	coap_opts_add_uint(&o, COAP_OPT_SIZE2, 123456);
	bench_msg(b, COAP_ACK, COAP_205_CONTENT, m.mid, token, &o, hello, 5);
	assert_int_equal(b->n_results, 1);
	assert_true(b->res.size == 123456);
	bench_free(b);
}

/* ---- clocks ------------------------------------------------------------------------------ */

/* The time that goes in is monotonic; what is not must do no harm all the same. */
static void test_clock(void **state)
{
	struct coap_response rsp = content(hello);
	struct bench *b = bench_new(NULL);
	uint64_t now = b->now;
	struct coap_msg m;

	(void)state;
	observe(b, "t", &rsp);
	/* back: as if no time had passed, nothing is repeated, nothing is lost */
	assert_int_equal(coap_notify(b->ep, now, b->obs, &rsp, true), 0);
	bench_take(b, &m);
	for (int i = 0; i < 100; i++)
		coap_tick(b->ep, now - (uint64_t)i * 10000);
	coap_tick(b->ep, 0);
	bench_silent(b);
	assert_true(coap_next_deadline(b->ep) > now);
	/* forward by a year (asleep): one repetition, no storm, and the peer can still answer
	 */
	b->now = now + 365ULL * 86400 * 1000;
	for (int i = 0; i < 100; i++)
		coap_tick(b->ep, b->now);
	bench_take(b, &m);
	bench_silent(b);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(b->n_ended, 0);
	/* a round-trip time of a year is not learnt from a repeated message */
	assert_int_equal(b->ep->pace.rtt, 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, i == 0), 0);
	/* the first after a day is confirmable */
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),	     cmocka_unit_test(test_turns),
		cmocka_unit_test(test_probing_rate), cmocka_unit_test(test_silent_observer),
		cmocka_unit_test(test_ping),	     cmocka_unit_test(test_restore),
		cmocka_unit_test(test_wrap),	     cmocka_unit_test(test_etag),
		cmocka_unit_test(test_size2),	     cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
