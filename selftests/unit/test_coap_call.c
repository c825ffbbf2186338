// SPDX-License-Identifier: Apache-2.0
/* Calls of ours in blocks, against a scripted server: RFC 7959 sections 2.3 to 2.9 and 3. */
#include "coap_bench.h"

static uint8_t data[4096];

struct reader {
	size_t len;
	unsigned int released;
	uint64_t fail_at;
};

static int read_data(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	struct reader *r = ctx;

	if (offset >= r->fail_at)
		return -EIO;
	if (offset >= r->len)
		return 0;
	if (len > r->len - offset)
		len = r->len - (size_t)offset;
	memcpy(buf, data + offset, len);
	return (int)len;
}

static void release(void *ctx)
{
	((struct reader *)ctx)->released++;
}

static uint32_t put(struct bench *b, struct reader *r, uint64_t total)
{
	struct coap_body body = {read_data, release, r, total};
	struct coap_call call = {.method = COAP_PUT, .body = &body};
	uint32_t id;

	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	return id;
}

/* The server's answer to @m; @block1 as "num/more/size" when size is not 0. */
static void answer(struct bench *b, const struct coap_msg *m, uint8_t code, uint32_t num,
		   bool more, unsigned int size)
{
	struct coap_opts o = {0};
	char token[9] = "";

	memcpy(token, m->token, 8);
	if (size)
		bench_add_block(&o, COAP_OPT_BLOCK1, num, more, size);
	bench_msg(b, COAP_ACK, code, m->mid, token, &o, NULL, 0);
}

/* figure 7 */
static void test_block1(void **state)
{
	struct reader r = {.len = 2500, .fail_at = UINT64_MAX};
	struct bench *b = bench_new(NULL);
	uint8_t first_token[8];
	struct coap_msg m;
	uint32_t v;

	(void)state;
	put(b, &r, 2500);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 0, 1, 1024));
	assert_true(coap_opt_uint(&m, COAP_OPT_SIZE1, &v));
	assert_int_equal(v, 2500);
	memcpy(first_token, m.token, 8);
	answer(b, &m, COAP_231_CONTINUE, 0, true, 1024);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 1, 1, 1024));
	assert_false(coap_opt_uint(&m, COAP_OPT_SIZE1, &v));
	assert_memory_not_equal(m.token, first_token, 8);
	assert_memory_equal(m.payload, data + 1024, 1024);
	answer(b, &m, COAP_231_CONTINUE, 1, true, 1024);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 2, 0, 1024));
	assert_int_equal(m.payload_len, 452);
	assert_int_equal(b->n_results, 0);
	answer(b, &m, COAP_204_CHANGED, 2, false, 1024);
	assert_int_equal(b->n_results, 1);
	assert_int_equal(b->res.code, COAP_204_CHANGED);
	assert_int_equal(r.released, 1);
	bench_silent(b);
	bench_free(b);
}

/* figure 9: the server wants 32; and 2.9.3: it cannot take 1024 at all */
static void test_block1_smaller(void **state)
{
	struct reader r = {.len = 1100, .fail_at = UINT64_MAX};
	struct bench *b = bench_new(NULL);
	struct coap_msg m;

	(void)state;
	put(b, &r, COAP_SIZE_UNKNOWN);
	bench_take(b, &m);
	answer(b, &m, COAP_231_CONTINUE, 0, true, 32);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 32, 1, 32));
	assert_memory_equal(m.payload, data + 1024, 32);
	answer(b, &m, COAP_231_CONTINUE, 32, true, 32);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 33, 1, 32));
	answer(b, &m, COAP_231_CONTINUE, 33, true, 32);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 34, 0, 32));
	assert_int_equal(m.payload_len, 12);
	answer(b, &m, COAP_204_CHANGED, 34, false, 32);
	assert_int_equal(b->n_results, 1);

	put(b, &r, COAP_SIZE_UNKNOWN);
	bench_take(b, &m);
	answer(b, &m, COAP_413_TOO_LARGE, 0, false, 64);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 0, 1, 64));
	assert_int_equal(b->n_results, 1);
	answer(b, &m, COAP_413_TOO_LARGE, 0, false, 64);
	assert_int_equal(b->n_results, 2);
	assert_int_equal(b->res.error, 0);
	assert_int_equal(b->res.code, COAP_413_TOO_LARGE);
	bench_silent(b);
	bench_free(b);
}

static void test_block1_ends(void **state)
{
	struct reader r = {.len = 3000, .fail_at = UINT64_MAX};
	struct bench *b = bench_new(NULL);
	struct coap_msg m;
	uint32_t id;

	(void)state;
	/* refused in the middle */
	put(b, &r, 3000);
	bench_take(b, &m);
	answer(b, &m, COAP_408_INCOMPLETE, 0, true, 1024);
	assert_int_equal(b->n_results, 1);
	assert_int_equal(b->res.code, COAP_408_INCOMPLETE);
	/* an answer to a block that was not sent */
	put(b, &r, 3000);
	bench_take(b, &m);
	answer(b, &m, COAP_231_CONTINUE, 7, true, 1024);
	assert_int_equal(b->res.error, -EPROTO);
	/* 2.31 without a Block1 */
	put(b, &r, 3000);
	bench_take(b, &m);
	answer(b, &m, COAP_231_CONTINUE, 0, false, 0);
	assert_int_equal(b->res.error, -EPROTO);
	/* the body cannot be read any more */
	r.fail_at = 1024;
	put(b, &r, 3000);
	bench_take(b, &m);
	answer(b, &m, COAP_231_CONTINUE, 0, true, 1024);
	assert_int_equal(b->n_results, 4);
	assert_int_equal(b->res.error, -EIO);
	/* nor from the start */
	r.fail_at = 0;
	{
		struct coap_body body = {read_data, release, &r, 3000};
		struct coap_call call = {.method = COAP_PUT, .body = &body};

		assert_int_equal(coap_call(b->ep, b->now, &call, &id), -EIO);
	}
	assert_int_equal(b->n_results, 4);
	assert_int_equal(r.released, 5);
	bench_silent(b);
	bench_free(b);
}

/* ---- answers in blocks ------------------------------------------------------------ */

static void content(struct bench *b, const struct coap_msg *m, int num, bool more,
		    unsigned int size, size_t len, const char *etag)
{
	struct coap_opts o = {0};
	char token[9] = "";

	memcpy(token, m->token, 8);
	if (etag)
		coap_opts_add_str(&o, COAP_OPT_ETAG, etag);
	if (num >= 0)
		bench_add_block(&o, COAP_OPT_BLOCK2, (uint32_t)num, more, size);
	bench_msg(b, COAP_ACK, COAP_205_CONTENT, m->mid, token, &o,
		  data + (num < 0 ? 0 : (unsigned int)num * size), len);
}

static void get(struct bench *b)
{
	struct coap_opts o = {0};
	struct coap_call call = {.method = COAP_GET, .opts = &o};

	coap_opts_add_path(&o, COAP_OPT_URI_PATH, "status");
	assert_int_equal(coap_call(b->ep, b->now, &call, NULL), 0);
}

/* figure 2 */
static void test_block2(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_msg m;
	char path[16];

	(void)state;
	get(b);
	bench_take(b, &m);
	content(b, &m, 0, true, 128, 128, "e");
	assert_int_equal(b->n_results, 1);
	assert_true(b->res.more);
	for (int i = 1; i < 3; i++) {
		bench_take(b, &m);
		assert_true(bench_block(&m, COAP_OPT_BLOCK2, i, 0, 128));
		assert_true(coap_opt_path(&m, COAP_OPT_URI_PATH, path, sizeof(path)) > 0);
		assert_string_equal(path, "/status");
		content(b, &m, i, i < 2, 128, i < 2 ? 128 : 100, "e");
		assert_int_equal(b->res.offset, 128 * i);
	}
	assert_int_equal(b->n_results, 3);
	assert_false(b->res.more);
	assert_int_equal(b->got_len, 356);
	assert_memory_equal(b->got, data, 356);
	bench_silent(b);
	bench_free(b);
}

static void test_block2_wrong(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_msg m;

	(void)state;
	/* the body changed between two blocks */
	get(b);
	bench_take(b, &m);
	content(b, &m, 0, true, 64, 64, "a");
	bench_take(b, &m);
	content(b, &m, 1, true, 64, 64, "b");
	assert_int_equal(b->res.error, -ESTALE);
	/* the wrong block */
	get(b);
	bench_take(b, &m);
	content(b, &m, 0, true, 64, 64, NULL);
	bench_take(b, &m);
	content(b, &m, 2, true, 64, 64, NULL);
	assert_int_equal(b->res.error, -EPROTO);
	/* it begins in the middle */
	get(b);
	bench_take(b, &m);
	content(b, &m, 1, true, 64, 64, NULL);
	assert_int_equal(b->res.error, -EPROTO);
	/* short, and more to come */
	get(b);
	bench_take(b, &m);
	content(b, &m, 0, true, 64, 60, NULL);
	assert_int_equal(b->res.error, -EPROTO);
	/* the option vanishes */
	get(b);
	bench_take(b, &m);
	content(b, &m, 0, true, 64, 64, NULL);
	bench_take(b, &m);
	content(b, &m, -1, false, 64, 64, NULL);
	assert_int_equal(b->res.error, -EPROTO);
	bench_silent(b);
	bench_free(b);
}

/* a critical option that we do not know: rejected, not half understood (5.4.1) */
static void test_unknown_critical(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_opts o = {0};
	struct coap_msg m;
	char token[9] = "";

	(void)state;
	get(b);
	bench_take(b, &m);
	memcpy(token, m.token, 8);
	coap_opts_add(&o, 9, "x", 1);
	bench_msg(b, COAP_CON, COAP_205_CONTENT, 0x0707, token, &o, "abc", 3);
	assert_int_equal(b->n_results, 1);
	assert_int_equal(b->res.error, -EPROTO);
	bench_out(b, "70 00 0707");
	bench_silent(b);
	bench_free(b);
}

static uint16_t first_mid;
static unsigned int mids_asked;
static int mids_error;

static int give_mids(void *ctx, uint16_t *first)
{
	(void)ctx;
	mids_asked++;
	*first = first_mid;
	return mids_error;
}

/* message ids that were set aside, COAP_MIDS at a time; none where that fails */
static void test_mids(void **state)
{
	struct coap_ops ops = bench_ops;
	struct bench *b = bench_new(NULL);
	const struct coap_call call = {.method = COAP_GET};
	struct coap_msg m;
	uint32_t id;

	(void)state;
	coap_endpoint_free(b->ep);
	ops.mids = give_mids;
	assert_int_equal(coap_endpoint_new(&b->ep, &ops, b, NULL), 0);
	mids_asked = 0;
	mids_error = 0;
	first_mid = 0xfffe; /* they go round */
	for (unsigned int i = 0; i < 3 * COAP_MIDS; i++) {
		if (i == COAP_MIDS)
			first_mid = 0x4000;
		if (i == 2 * COAP_MIDS)
			mids_error = -ENOSPC;
		assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
		bench_take(b, &m);
		assert_int_equal(m.mid, i < COAP_MIDS ? (uint16_t)(0xfffe + i)
						      : 0x4000 + i - COAP_MIDS);
		assert_int_equal(mids_asked, i / COAP_MIDS + 1);
		coap_call_cancel(b->ep, id);
	}
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block1),	     cmocka_unit_test(test_block1_smaller),
		cmocka_unit_test(test_block1_ends),  cmocka_unit_test(test_block2),
		cmocka_unit_test(test_block2_wrong), cmocka_unit_test(test_unknown_critical),
		cmocka_unit_test(test_mids),
	};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
