// SPDX-License-Identifier: Apache-2.0
/*
 * Peers that mean harm, or are broken: floods of every kind, oversize, noise, and
 * a peer that takes nothing. What an endpoint holds is bounded, what it refuses
 * is told, and afterwards it serves as before.
 */
#include <malloc.h>

#include "coap_bench.h"

#include "coap/coap_priv.h"

/* of ASan, when it is there: its allocator has no mallinfo */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* The measure measures: a test on it can fail. */
static void test_measure(void **state)
{
	size_t before = allocated();
	void *p = malloc(100000);

	(void)state;
	assert_non_null(p);
	assert_true(allocated() - before >= 100000);
	free(p);
}

static void forget_sent(struct bench *b)
{
	b->n_sent = b->n_taken = 0;
}

static void request(struct bench *b, uint8_t code, unsigned int n, const char *path,
		    const struct coap_opts *more, const void *payload, size_t len)
{
	struct coap_opts o = {0};
	char token[8];

	if (more)
		o = *more;
	coap_opts_add_path(&o, COAP_OPT_URI_PATH, path);
	snprintf(token, sizeof(token), "%06x", n & 0xffffff);
	bench_msg(b, COAP_CON, code, (uint16_t)n, token, &o, payload, len);
}

/* It still does what it is there for. */
static void works(struct bench *b)
{
	struct coap_msg m;

	forget_sent(b);
	b->defer = false;
	b->accept_observe = false;
	b->rsp = NULL;
	b->n_requests = 0;
	request(b, COAP_POST, 0xabcdef, "works", NULL, "x", 1);
	assert_int_equal(b->n_requests, 1);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	bench_silent(b);
}

/* More state-changing requests within one lifetime than there are records for. */
static void test_posts(void **state)
{
	struct bench *b = bench_new(NULL);
	size_t before = allocated();
	struct coap_stats st;
	struct coap_msg m;
	uint32_t wait = 0;

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		request(b, COAP_POST, i, "p", NULL, "x", 1);
		if (i == 49999) {
			bench_take(b, &m);
			assert_int_equal(m.code, COAP_503_UNAVAILABLE);
			assert_true(coap_opt_uint(&m, COAP_OPT_MAX_AGE, &wait));
		}
		forget_sent(b);
	}
	/* each was run once or refused; none unguarded */
	coap_get_stats(b->ep, &st);
	assert_int_equal(b->n_requests, 1024);
	assert_int_equal(st.refused, 50000 - 1024);
	assert_int_equal(b->ep->n_dedup[COAP_DEDUP_STATE], 1024);
	assert_true(allocated() - before < 512 * 1024);
	/* after the time that was told there is room again */
	assert_true(wait > 200 && wait <= 248);
	bench_later(b, wait * 1000ULL);
	works(b);
	assert_true(b->ep->n_dedup[COAP_DEDUP_STATE] < 10);
	bench_free(b);
}

/* The largest answers there are, to be kept for repetitions. */
static void test_large_answers(void **state)
{
	static char text[1000];
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);
	size_t before = allocated();

	(void)state;
	memset(text, 'x', sizeof(text));
	rsp.payload = text;
	rsp.len = sizeof(text);
	b->rsp = &rsp;
	for (unsigned int i = 0; i < 20000; i++) {
		request(b, i % 2 ? COAP_GET : COAP_FETCH, i, "p", NULL, NULL, 0);
		forget_sent(b);
	}
	assert_int_equal(b->n_requests, 20000);
	assert_true(b->ep->n_dedup[COAP_DEDUP_SAFE] <= COAP_DEDUP_SAFE_MAX);
	assert_true(allocated() - before < 256 * 1024);
	works(b);
	bench_free(b);
}

/* Requests that are answered late, and never acknowledged when they are. */
static void test_unanswered(void **state)
{
	struct bench *b = bench_new(NULL);
	size_t before = allocated();
	uint32_t xids[16];
	unsigned int n = 0;

	(void)state;
	b->defer = true;
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int had = b->n_requests;

		request(b, COAP_GET, i, "p", NULL, NULL, 0);
		if (b->n_requests > had && n < 16)
			xids[n++] = b->req.xid;
		forget_sent(b);
	}
	assert_int_equal(b->n_requests, 16);
	assert_int_equal(b->ep->n_exchanges, 16);
	for (unsigned int i = 0; i < 16; i++) {
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

		assert_int_equal(coap_respond(b->ep, b->now, xids[i], &rsp), 0);
	}
	/* 16 wait for their ACK; further ones go out once */
	for (unsigned int i = 2000; i < 3000; i++) {
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

		b->n_requests = 0;
		request(b, COAP_GET, i, "p", NULL, NULL, 0);
		if (b->n_requests)
			coap_respond(b->ep, b->now, b->req.xid, &rsp);
		forget_sent(b);
	}
	assert_true(allocated() - before < 256 * 1024);
	for (int i = 0; i < 10; i++) {
		bench_later(b, 30000);
		assert_true(b->n_sent <= 16);
		forget_sent(b);
	}
	assert_true(TAILQ_EMPTY(&b->ep->cons));
	works(b);
	bench_free(b);
}

/* Bodies that begin and never end. */
static void test_uploads(void **state)
{
	struct bench *b = bench_new(NULL);
	size_t before = allocated();
	static char block[1024];
	char path[16];

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		struct coap_opts o = {0};

		bench_add_block(&o, COAP_OPT_BLOCK1, 0, true, 1024);
		snprintf(path, sizeof(path), "u%u", i);
		request(b, COAP_PUT, i, path, &o, block, sizeof(block));
		forget_sent(b);
		assert_true(b->ep->n_uploads <= 4);
	}
	assert_true(b->ep->n_dedup[COAP_DEDUP_CHUNK] <= 1024);
	assert_int_equal(b->lost, 10000 - 4);
	assert_true(allocated() - before < 512 * 1024);
	bench_later(b, 250000);
	assert_int_equal(b->lost, 10000);
	assert_int_equal(b->ep->n_uploads, 0);
	works(b);
	bench_free(b);
}

/* A body of four gigabytes, by its word and by its block numbers. */
static void test_oversize(void **state)
{
	struct coap_config config = {.max_upload = 4096};
	struct bench *b = bench_new(&config);
	static char block[1024];
	struct coap_opts o = {0};
	struct coap_msg m;
	uint32_t v;

	(void)state;
	bench_add_block(&o, COAP_OPT_BLOCK1, 0, true, 1024);
	coap_opts_add_uint(&o, COAP_OPT_SIZE1, UINT32_MAX);
	request(b, COAP_PUT, 1, "u", &o, block, sizeof(block));
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_413_TOO_LARGE);
	assert_true(coap_opt_uint(&m, COAP_OPT_SIZE1, &v));
	assert_int_equal(v, 4096);
	memset(&o, 0, sizeof(o));
	bench_add_block(&o, COAP_OPT_BLOCK1, 0xfffff, true, 1024);
	request(b, COAP_PUT, 2, "u", &o, block, sizeof(block));
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_413_TOO_LARGE);
	assert_int_equal(b->n_requests, 0);
	works(b);
	bench_free(b);
}

/* Bodies of ours that are fetched to their first block only. */
static void test_downloads(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);
	size_t before = allocated();
	static char text[60000];
	char path[16];

	(void)state;
	rsp.payload = text;
	rsp.len = sizeof(text);
	b->rsp = &rsp;
	for (unsigned int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "d%u", i);
		request(b, COAP_GET, i, path, NULL, NULL, 0);
		forget_sent(b);
		assert_true(b->ep->n_downloads <= 8);
	}
	assert_true(allocated() - before < 8 * 61000 + 256 * 1024);
	bench_later(b, 250000);
	assert_int_equal(b->ep->n_downloads, 0);
	/* one above max_copy is not kept at all */
	rsp.len = 100000;
	rsp.payload = calloc(1, 100000);
	assert_non_null(rsp.payload);
	request(b, COAP_GET, 1, "large", NULL, NULL, 0);
	assert_int_equal(b->ep->n_downloads, 0);
	free((void *)rsp.payload);
	works(b);
	bench_free(b);
}

static int observe_what_fits(void *ctx, const struct coap_request *req)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = ctx;
	uint32_t obs;

	b->n_requests++;
	if (req->observe == 0 && coap_observe_accept(b->ep, req->xid, b, &obs))
		b->restarts++; /* no room: answered without */
	coap_respond(b->ep, req->now, req->xid, &rsp);
	return 0;
}

static void ended(void *ctx, uint32_t obs, void *user, enum coap_observe_end why)
{
	(void)obs;
	(void)user;
	(void)why;
	((struct bench *)ctx)->n_ended++;
}

static void test_observers(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_ops ops = bench_ops;
	size_t before = allocated();

	(void)state;
	coap_endpoint_free(b->ep);
	ops.request = observe_what_fits;
	ops.observe_end = ended;
	assert_int_equal(coap_endpoint_new(&b->ep, &ops, b, NULL), 0);
	for (unsigned int i = 0; i < 5000; i++) {
		struct coap_opts o = {0};

		coap_opts_add(&o, COAP_OPT_OBSERVE, "", 0);
		request(b, COAP_GET, i, "x", &o, NULL, 0);
		forget_sent(b);
	}
	assert_int_equal(b->n_requests, 5000);
	assert_int_equal(b->restarts, 5000 - 64);
	assert_int_equal(b->ep->n_observations, 64);
	assert_true(allocated() - before < 256 * 1024);
	coap_endpoint_reset(b->ep, b->now, true);
	assert_int_equal(b->n_ended, 64);
	bench_free(b);
}

/* Bytes of no meaning, and true messages with one byte wrong. */
static void test_noise(void **state)
{
	struct bench *b = bench_new(NULL);
	size_t before = allocated();
	uint8_t buf[64];

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		size_t len;

		bench_random(b, buf, sizeof(buf));
		len = buf[63] % 48;
		if (i % 2 && len > 4)
			buf[0] = (uint8_t)(0x40 |
					   (buf[0] & 0x37)); /* version 1, a token of 0 to 7 */
		coap_input(b->ep, b->now, buf, len);
		forget_sent(b);
		if (i % 1000 == 0)
			bench_later(b, 5000);
		forget_sent(b);
	}
	assert_true(allocated() - before < 4 * 1024 * 1024);
	bench_later(b, 500000);
	works(b);
	bench_free(b);
}

/* The largest datagram that there is: taken, once, and it leaves nothing behind. */
static void test_large_datagram(void **state)
{
	struct bench *b = bench_new(NULL);
	uint8_t *buf = malloc(65507);
	size_t before;
	struct coap_msg m = {.type = COAP_CON, .code = COAP_POST, .mid = 1};
	int n;

	(void)state;
	assert_non_null(buf);
	before = allocated();
	m.payload = calloc(1, 65507);
	assert_non_null(m.payload);
	m.payload_len = 65507 - 5;
	n = coap_encode(buf, 65507, &m, NULL);
	assert_int_equal(n, 65507);
	free((void *)m.payload);
	coap_input(b->ep, b->now, buf, (size_t)n);
	assert_int_equal(b->n_requests, 1);
	assert_int_equal(b->body_len, 65507 - 5);
	coap_input(b->ep, b->now, buf, (size_t)n);
	assert_int_equal(b->n_requests, 1);
	assert_true(allocated() - before < 4096);
	free(buf);
	works(b);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measure),	      cmocka_unit_test(test_posts),
		cmocka_unit_test(test_large_answers), cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_uploads),	      cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_downloads),     cmocka_unit_test(test_observers),
		cmocka_unit_test(test_noise),	      cmocka_unit_test(test_large_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
