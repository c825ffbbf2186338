// SPDX-License-Identifier: Apache-2.0
/*
 * One endpoint against a scripted peer. Exchanges: RFC 7252 appendix A,
 * RFC 7641 appendix A, RFC 7959 section 3 (figures named in place).
 */
#include "coap_bench.h"

static const uint8_t data[4096] = {1, 2, 3};

/* ---- RFC 7252 ------------------------------------------------------------------- */

/* figure 16: piggy-backed; and the same again: same bytes, not delivered */
static void test_piggyback(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);

	(void)state;
	rsp.payload = "22.3 C";
	rsp.len = 6;
	b->rsp = &rsp;
	for (int i = 0; i < 3; i++) {
		bench_in(b, "41 01 7d35 20 bb 74656d7065726174757265");
		bench_out(b, "61 45 7d35 20 ff 32322e332043");
		bench_silent(b);
		bench_later(b, 80000);
	}
	assert_int_equal(b->n_requests, 1);
	assert_string_equal(b->path, "/temperature");
	/* the lifetime is over: a new message */
	bench_later(b, 80000);
	bench_in(b, "41 01 7d35 20 bb 74656d7065726174757265");
	assert_int_equal(b->n_requests, 2);
	/* same message ID, other bytes: a new message, too */
	bench_in(b, "41 01 7d35 21 bb 74656d7065726174757265");
	assert_int_equal(b->n_requests, 3);
	bench_free(b);
}

/* figure 20: separate response; repetitions on both sides */
static void test_separate(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);
	struct coap_msg m, first;
	char ack[16];

	(void)state;
	rsp.payload = "22.3 C";
	rsp.len = 6;
	b->defer = true;
	bench_in(b, "41 02 7d38 53 bb 74656d7065726174757265");
	bench_out(b, "60 00 7d38");
	bench_in(b, "41 02 7d38 53 bb 74656d7065726174757265");
	bench_out(b, "60 00 7d38");
	bench_silent(b);
	b->now += 1000;
	assert_int_equal(coap_respond(b->ep, b->now, b->req.xid, &rsp), 0);
	assert_int_equal(coap_respond(b->ep, b->now, b->req.xid, &rsp), -ESTALE);
	bench_take(b, &first);
	assert_int_equal(first.type, COAP_CON);
	assert_int_equal(first.code, COAP_205_CONTENT);
	assert_int_equal(first.token[0], 0x53);
	/* not acknowledged: repeated between 2 and 3 seconds later */
	assert_in_range(coap_next_deadline(b->ep), b->now + 2000, b->now + 3000);
	bench_later(b, 1999);
	bench_silent(b);
	bench_later(b, 1001);
	bench_take(b, &m);
	assert_int_equal(m.mid, first.mid);
	snprintf(ack, sizeof(ack), "6000%04x", m.mid);
	bench_in(b, ack);
	assert_int_equal(coap_next_deadline(b->ep), COAP_NEVER);
	/* a late repetition of the request does not run it again */
	bench_in(b, "41 02 7d38 53 bb 74656d7065726174757265");
	bench_out(b, "60 00 7d38");
	assert_int_equal(b->n_requests, 1);
	bench_free(b);
}

static void test_non(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);
	struct coap_msg m;

	(void)state;
	rsp.payload = "22.3 C";
	rsp.len = 6;
	b->rsp = &rsp;
	bench_in(b, "51 02 7d40 75 bb 74656d7065726174757265");
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_NON);
	assert_int_equal(m.token[0], 0x75);
	bench_in(b, "51 02 7d40 75 bb 74656d7065726174757265");
	bench_silent(b);
	assert_int_equal(b->n_requests, 1);
	bench_free(b);
}

static void test_rejects(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_msg m;

	(void)state;
	bench_in(b, "40 00 1234"); /* ping */
	bench_out(b, "70 00 1234");
	bench_in(b, "40 01 1235 ff"); /* malformed */
	bench_out(b, "70 00 1235");
	bench_in(b, "50 01 1236 ff");
	bench_in(b, "60 01 1237"); /* request in an ACK */
	bench_in(b, "c0 01 1238"); /* version 3 */
	bench_in(b, "50 00 1239");
	bench_in(b, "70 00 1239");
	bench_in(b, "60 00 1239");
	bench_silent(b);
	bench_in(b, "40 20 1240"); /* class 1 */
	bench_out(b, "70 00 1240");
	bench_in(b, "41 45 1241 77 ff 61"); /* nobody asked */
	bench_out(b, "70 00 1241");
	bench_in(b, "41 02 1242 01 91 00"); /* option 9: critical, unknown */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	assert_true(m.payload_len > 0);
	bench_in(b, "51 02 1243 01 91 00");
	bench_silent(b);
	bench_in(b, "41 02 1244 01 d1 01 00"); /* Max-Age, then twice Accept */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	bench_in(b, "41 02 1245 01 d1 04 00 01 00");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	bench_in(b, "41 02 1246 01 d1 16 61"); /* Proxy-Uri */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_505_NO_PROXYING);
	bench_in(b, "41 08 1247 01");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_405_METHOD_NOT_ALLOWED);
	bench_in(b, "41 02 1248 01 50"); /* If-None-Match */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	assert_int_equal(b->n_requests, 1);
	bench_free(b);
}

static void test_limits(void **state)
{
	struct coap_config config = {.max_exchanges = 2, .max_dedup = 3};
	struct bench *b = bench_new(&config);
	struct coap_msg m;
	uint32_t age;

	(void)state;
	b->defer = true;
	bench_in(b, "41 02 0001 01");
	bench_out(b, "60 00 0001");
	bench_in(b, "41 02 0002 01");
	bench_out(b, "60 00 0002");
	bench_in(b, "41 02 0003 01");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_503_UNAVAILABLE);
	/* no room for another record: refused rather than unguarded */
	bench_in(b, "41 02 0004 01");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_503_UNAVAILABLE);
	assert_true(coap_opt_uint(&m, COAP_OPT_MAX_AGE, &age));
	assert_in_range(age, 240, 248);
	assert_int_equal(b->n_requests, 2);
	bench_later(b, 248000);
	b->defer = false;
	bench_in(b, "41 02 0003 01");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_503_UNAVAILABLE); /* still two at once */
	bench_free(b);
}

static void test_record_over_restart(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_msg m;

	(void)state;
	b->keep_records = true;
	bench_in(b, "41 02 0001 01 b1 61");
	bench_out(b, "61 44 0001 01");
	b->defer = true;
	bench_in(b, "41 02 0002 02 b1 61");
	bench_out(b, "60 00 0002");
	assert_int_equal(b->n_records, 2);
	assert_int_equal(b->n_requests, 2);

	/* killed and started again */
	coap_endpoint_free(b->ep);
	b->defer = false;
	assert_int_equal(coap_endpoint_new(&b->ep, &bench_ops, b, NULL), 0);
	for (int i = 0; i < 2; i++) {
		bench_in(b, "41 02 0001 01 b1 61");
		bench_out(b, "61 44 0001 01");
	}
	bench_in(b, "41 02 0002 02 b1 61");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_500_INTERNAL);
	assert_int_equal(b->n_requests, 2);

	/* a record that cannot be kept: not delivered */
	b->store_error = -ENOSPC;
	bench_in(b, "41 02 0003 03 b1 61");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_503_UNAVAILABLE);
	assert_int_equal(b->n_requests, 2);
	bench_in(b, "41 01 0004 03 b1 61"); /* a GET needs none */
	assert_int_equal(b->n_requests, 3);
	bench_free(b);
}

/* ---- calls ------------------------------------------------------------------------ */

static void test_call(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_opts opts = {0};
	struct coap_call call = {
		.method = COAP_POST, .opts = &opts, .payload = "</>", .len = 3};
	struct coap_msg m, q;
	uint32_t id1, id2;
	char tok[9] = "";

	(void)state;
	call.user = b;
	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, "rd");
	assert_int_equal(coap_call(b->ep, b->now, &call, &id1), 0);
	assert_int_equal(coap_call(b->ep, b->now, &call, &id2), 0);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	assert_int_equal(m.token_len, 8);
	assert_int_equal(m.payload_len, 3);
	bench_silent(b); /* NSTART 1 */
	/* a wrong token, a wrong message ID: not ours */
	bench_msg(b, COAP_ACK, COAP_201_CREATED, m.mid, "zzzzzzzz", NULL, NULL, 0);
	memcpy(tok, m.token, 8);
	bench_msg(b, COAP_ACK, COAP_201_CREATED, (uint16_t)(m.mid + 1), tok, NULL, NULL, 0);
	assert_int_equal(b->n_results, 0);
	bench_msg(b, COAP_ACK, COAP_201_CREATED, m.mid, tok, NULL, "x", 1);
	assert_int_equal(b->n_results, 1);
	assert_int_equal(b->res.error, 0);
	assert_int_equal(b->res.call, id1);
	assert_int_equal(b->res.code, COAP_201_CREATED);
	assert_ptr_equal(b->res.user, b);
	/* the second goes out; its answer comes apart, twice */
	bench_take(b, &q);
	memcpy(tok, q.token, 8);
	bench_msg(b, COAP_ACK, COAP_EMPTY, q.mid, "", NULL, NULL, 0);
	assert_int_equal(b->n_results, 1);
	for (int i = 0; i < 2; i++) {
		bench_msg(b, COAP_CON, COAP_204_CHANGED, 0x4444, tok, NULL, NULL, 0);
		bench_out(b, "60 00 4444");
	}
	assert_int_equal(b->n_results, 2);
	assert_int_equal(b->res.call, id2);
	bench_silent(b);
	assert_int_equal(coap_next_deadline(b->ep), COAP_NEVER);
	bench_free(b);
}

static void test_call_fails(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_call call = {.method = COAP_GET};
	struct coap_msg m;
	uint64_t start = b->now;
	unsigned int sent = 0;
	uint32_t id;

	(void)state;
	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	while (!b->n_results) {
		uint64_t t = coap_next_deadline(b->ep);

		sent += b->n_sent;
		b->n_sent = b->n_taken = 0;
		assert_true(t != COAP_NEVER && t > b->now);
		b->now = t;
		coap_tick(b->ep, b->now);
	}
	/* MAX_TRANSMIT_WAIT: 62 s to 93 s, five copies */
	assert_int_equal(b->res.error, -ETIMEDOUT);
	assert_int_equal(sent, 5);
	assert_in_range(b->now - start, 62000, 93000);

	/* acknowledged, and then nothing */
	call.timeout_ms = 5000;
	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	bench_take(b, &m);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	bench_later(b, 4999);
	assert_int_equal(b->n_results, 1);
	bench_later(b, 1);
	assert_int_equal(b->n_results, 2);
	assert_int_equal(b->res.error, -ETIMEDOUT);

	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	bench_take(b, &m);
	bench_msg(b, COAP_RST, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(b->n_results, 3);
	assert_int_equal(b->res.error, -ECONNRESET);

	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	coap_unreachable(b->ep, b->now, -ECONNREFUSED);
	assert_int_equal(b->n_results, 4);
	assert_int_equal(b->res.error, -ECONNREFUSED);

	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	coap_call_cancel(b->ep, id);
	assert_int_equal(coap_call(b->ep, b->now, &call, &id), 0);
	coap_endpoint_reset(b->ep, b->now, false);
	assert_int_equal(b->n_results, 5);
	assert_int_equal(b->res.error, -ECANCELED);
	bench_free(b);
}

/* ---- Block1 ---------------------------------------------------------------------------- */

static void put_path(struct bench *b, const char *path, uint16_t mid, uint32_t num, bool more,
		     unsigned int size, size_t len)
{
	struct coap_opts o = {0};

	coap_opts_add_path(&o, COAP_OPT_URI_PATH, path);
	bench_add_block(&o, COAP_OPT_BLOCK1, num, more, size);
	bench_msg(b, COAP_CON, COAP_PUT, mid, "\x11", &o, data + num * size, len);
}

static void put(struct bench *b, uint16_t mid, uint32_t num, bool more, unsigned int size,
		size_t len)
{
	put_path(b, "options", mid, num, more, size, len);
}

/* figure 7: simple atomic block-wise PUT, with repetitions */
static void test_block1(void **state)
{
	struct bench *b = bench_new(NULL);
	struct coap_msg m;
	uint32_t transfer;

	(void)state;
	put(b, 1, 0, true, 128, 128);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_231_CONTINUE);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 0, 1, 128));
	assert_true(b->req.more && !b->req.offset && !b->req.restart);
	transfer = b->req.transfer;
	assert_true(transfer);
	put(b, 1, 0, true, 128, 128);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_231_CONTINUE);
	assert_int_equal(b->n_requests, 1);
	put(b, 2, 1, true, 128, 128);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 1, 1, 128));
	assert_int_equal(b->req.offset, 128);
	put(b, 12, 1, true, 128, 128); /* again under a new message ID */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_231_CONTINUE);
	assert_int_equal(b->n_requests, 2);
	put(b, 3, 2, false, 128, 100);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 2, 0, 128));
	assert_int_equal(b->req.transfer, transfer);
	assert_false(b->req.more);
	put(b, 3, 2, false, 128, 100);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_int_equal(b->n_requests, 3);
	assert_int_equal(b->body_len, 356);
	assert_memory_equal(b->body, data, 356);
	put(b, 4, 3, false, 128, 100); /* behind the end */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_408_INCOMPLETE);
	assert_int_equal(b->lost, 0);
	bench_free(b);
}

static void test_block1_disorder(void **state)
{
	struct coap_config config = {.max_upload = 2048};
	struct bench *b = bench_new(&config);
	struct coap_opts o = {0};
	struct coap_msg m;
	uint32_t v;

	(void)state;
	put(b, 1, 1, true, 128, 128); /* no beginning */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_408_INCOMPLETE);
	put(b, 2, 0, true, 128, 128);
	put(b, 3, 2, true, 128, 128); /* a hole */
	bench_take(b, &m);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_408_INCOMPLETE);
	assert_int_equal(b->n_requests, 1);
	put(b, 4, 0, true, 128, 128); /* begun anew */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_231_CONTINUE);
	assert_true(b->req.restart);
	put(b, 5, 1, true, 128, 100); /* shorter than it says */
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_400_BAD_REQUEST);
	/* another target in between does not mix */
	put_path(b, "other", 6, 0, true, 64, 64);
	bench_take(b, &m);
	assert_false(b->req.restart);
	put(b, 7, 1, false, 128, 10);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_int_equal(b->req.offset, 128);
	put_path(b, "other", 8, 1, false, 64, 64);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_int_equal(b->req.offset, 64);
	/* too large: by the block, and by what the peer says */
	put(b, 9, 0, true, 1024, 1024);
	put(b, 10, 1, true, 1024, 1024);
	put(b, 11, 2, true, 1024, 1024);
	bench_take(b, &m);
	bench_take(b, &m);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_413_TOO_LARGE);
	assert_true(coap_opt_uint(&m, COAP_OPT_SIZE1, &v));
	assert_int_equal(v, 2048);
	assert_int_equal(b->lost, 1);
	bench_add_block(&o, COAP_OPT_BLOCK1, 0, true, 64);
	coap_opts_add_uint(&o, COAP_OPT_SIZE1, 3000);
	bench_msg(b, COAP_CON, COAP_PUT, 12, "", &o, data, 64);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_413_TOO_LARGE);
	/* abandoned by the peer */
	put(b, 13, 0, true, 128, 128);
	bench_take(b, &m);
	bench_later(b, 247000);
	assert_int_equal(b->lost, 2);
	/* refused by the handler: forgotten */
	b->answer = COAP_413_TOO_LARGE;
	put(b, 14, 0, true, 128, 128);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_413_TOO_LARGE);
	put(b, 15, 1, true, 128, 128);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_408_INCOMPLETE);
	assert_int_equal(b->lost, 2);
	bench_free(b);
}

/* figure 9: early negotiation; the server takes 32 only */
static void test_block1_smaller(void **state)
{
	struct coap_config config = {.block_szx = 1};
	struct bench *b = bench_new(&config);
	struct coap_msg m;

	(void)state;
	put(b, 1, 0, true, 128, 128);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 0, 1, 32));
	put(b, 2, 4, true, 32, 32);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK1, 4, 1, 32));
	assert_int_equal(b->req.offset, 128);
	put(b, 3, 5, false, 32, 1);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_204_CHANGED);
	assert_int_equal(b->body_len, 161);
	bench_free(b);
}

/* ---- Block2 -------------------------------------------------------------------------------
 */

struct reader {
	size_t len;
	unsigned int released;
	int error;
};

static int read_data(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	struct reader *r = ctx;

	if (r->error)
		return r->error;
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

static void get(struct bench *b, uint8_t method, uint16_t mid, int num, unsigned int size,
		const char *payload)
{
	struct coap_opts o = {0};

	coap_opts_add_path(&o, COAP_OPT_URI_PATH, "status");
	if (num >= 0)
		bench_add_block(&o, COAP_OPT_BLOCK2, (uint32_t)num, false, size);
	bench_msg(b, COAP_CON, method, mid, "\x12", &o, payload, strlen(payload));
}

/* figures 2 to 4: simple, early and late negotiation */
static void test_block2(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct reader r = {.len = 3000};
	struct coap_body body = {read_data, release, &r, COAP_SIZE_UNKNOWN};
	struct bench *b = bench_new(NULL);
	struct coap_msg m;
	uint8_t etag[8];
	uint32_t v;

	(void)state;
	rsp.body = &body;
	rsp.content_format = COAP_FORMAT_OCTETS;
	b->rsp = &rsp;
	get(b, COAP_GET, 1, -1, 0, "");
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 0, 1, 1024));
	assert_int_equal(m.payload_len, 1024);
	assert_false(coap_opt_uint(&m, COAP_OPT_SIZE2, &v));
	assert_non_null(coap_opt_find(&m, COAP_OPT_ETAG));
	memcpy(etag, coap_opt_find(&m, COAP_OPT_ETAG)->val, 8);
	get(b, COAP_GET, 2, 1, 1024, "");
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 1, 1, 1024));
	assert_memory_equal(m.payload, data + 1024, 1024);
	assert_memory_equal(coap_opt_find(&m, COAP_OPT_ETAG)->val, etag, 8);
	/* smaller from here on */
	get(b, COAP_GET, 3, 23, 128, "");
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 23, 0, 128));
	assert_int_equal(m.payload_len, 3000 - 23 * 128);
	assert_true(coap_opt_uint(&m, COAP_OPT_CONTENT_FORMAT, &v));
	assert_int_equal(v, 42);
	get(b, COAP_GET, 4, 24, 128, "");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	assert_int_equal(b->n_requests, 1);
	assert_int_equal(r.released, 0);

	/* changed meanwhile: asked anew, other ETag */
	r.error = -ESTALE;
	rsp.body = NULL;
	rsp.payload = data + 1;
	rsp.len = 3000;
	get(b, COAP_GET, 5, 1, 128, "");
	bench_take(b, &m);
	assert_int_equal(b->n_requests, 2);
	assert_int_equal(r.released, 1);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 1, 1, 128));
	assert_memory_equal(m.payload, data + 129, 128);
	assert_memory_not_equal(coap_opt_find(&m, COAP_OPT_ETAG)->val, etag, 8);
	/* a POST with a large answer: later blocks are not run */
	get(b, COAP_POST, 6, 0, 256, "go");
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 0, 1, 256));
	assert_true(coap_opt_uint(&m, COAP_OPT_SIZE2, &v));
	assert_int_equal(v, 3000);
	get(b, COAP_POST, 7, 1, 256, "");
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 1, 1, 256));
	assert_int_equal(b->n_requests, 3);
	bench_later(b, 300000);
	get(b, COAP_POST, 8, 2, 256, "");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_408_INCOMPLETE);
	assert_int_equal(b->n_requests, 3);
	/* two FETCH of the same path are two bodies; without payload the newest serves */
	get(b, COAP_FETCH, 9, 0, 16, "one");
	rsp.payload = data + 2;
	get(b, COAP_FETCH, 10, 0, 16, "two");
	bench_take(b, &m);
	bench_take(b, &m);
	get(b, COAP_FETCH, 11, 1, 16, "one");
	bench_take(b, &m);
	assert_memory_equal(m.payload, data + 1 + 16, 16);
	get(b, COAP_FETCH, 12, 1, 16, "two");
	bench_take(b, &m);
	assert_memory_equal(m.payload, data + 2 + 16, 16);
	bench_free(b);
}

/* large options push the block size down; a body reader that fails is a 5.00 */
static void test_block2_edges(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct reader r = {.len = 2000};
	struct coap_body body = {read_data, release, &r, 2000};
	struct bench *b = bench_new(NULL);
	struct coap_opts opts = {0};
	struct coap_msg m;

	(void)state;
	for (int i = 0; i < 2; i++)
		coap_opts_add(&opts, COAP_OPT_LOCATION_PATH, data, 200);
	rsp.body = &body;
	rsp.opts = &opts;
	b->rsp = &rsp;
	get(b, COAP_GET, 1, -1, 0, "");
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 0, 1, 512));
	r.error = -EIO;
	get(b, COAP_GET, 2, 1, 512, "");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_500_INTERNAL);
	assert_int_equal(r.released, 1);
	get(b, COAP_GET, 3, -1, 512, "");
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_500_INTERNAL);
	assert_int_equal(r.released, 2);
	r.error = 0;
	r.len = 10; /* fits: released at once */
	get(b, COAP_GET, 4, -1, 512, "");
	bench_take(b, &m);
	assert_null(coap_opt_find(&m, COAP_OPT_BLOCK2));
	assert_int_equal(m.payload_len, 10);
	assert_int_equal(r.released, 3);
	assert_int_equal(coap_respond(b->ep, b->now, 99999, &rsp), -ESTALE);
	assert_int_equal(r.released, 4);
	bench_free(b);
}

/* ---- Observe
 * ----------------------------------------------------------------------------------- */

static uint32_t seq_of(const struct coap_msg *m)
{
	uint32_t v = UINT32_MAX;

	assert_true(coap_opt_uint(m, COAP_OPT_OBSERVE, &v));
	return v;
}

static void observe(struct bench *b, uint8_t method, uint16_t mid, const char *token,
		    uint32_t value, const char *payload)
{
	struct coap_opts o = {0};

	coap_opts_add_uint(&o, COAP_OPT_OBSERVE, value);
	coap_opts_add_path(&o, COAP_OPT_URI_PATH, "temperature");
	bench_msg(b, COAP_CON, method, mid, token, &o, payload, strlen(payload));
}

/* RFC 7641 appendix A.1 */
static void test_observe(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);
	uint32_t s, obs;
	struct coap_msg m, n;

	(void)state;
	rsp.payload = "18.5 Cel";
	rsp.len = 8;
	rsp.max_age = 15;
	b->rsp = &rsp;
	b->accept_observe = true;
	observe(b, COAP_GET, 0x1633, "\x4a", 0, "");
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_ACK);
	s = seq_of(&m);
	obs = b->obs;
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, false), 0);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_NON);
	assert_int_equal(m.token[0], 0x4a);
	assert_true(seq_of(&m) > s);
	s = seq_of(&m);
	/* registered again by the same token: the same observation */
	observe(b, COAP_GET, 0x1634, "\x4a", 0, "");
	bench_take(b, &m);
	assert_int_equal(b->obs, obs);
	assert_true(seq_of(&m) > s);

	/* confirmable: the newest replaces what waits */
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, true), 0);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	s = seq_of(&m);
	rsp.payload = "19.2 Cel";
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, false), 0);
	rsp.payload = "19.7 Cel";
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, true), 0);
	bench_silent(b);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	bench_take(b, &n);
	assert_memory_equal(n.payload, "19.7 Cel", 8);
	assert_int_equal(n.type, COAP_CON);
	assert_true(seq_of(&n) > s);
	bench_silent(b);
	/* not acknowledged, and a newer state: that one is repeated */
	rsp.payload = "20.1 Cel";
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, false), 0);
	bench_later(b, 3000);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	assert_int_not_equal(m.mid, n.mid);
	assert_memory_equal(m.payload, "20.1 Cel", 8);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(coap_next_deadline(b->ep), COAP_NEVER);

	/* after a day one is made confirmable */
	bench_later(b, 24ull * 3600 * 1000);
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, false), 0);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_CON);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);

	/* RST to a non-confirmable one */
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, false), 0);
	bench_take(b, &m);
	assert_int_equal(m.type, COAP_NON);
	assert_int_equal(b->n_ended, 0);
	bench_msg(b, COAP_RST, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(b->n_ended, 1);
	assert_int_equal(b->why, COAP_OBSERVE_RESET);
	assert_int_equal(coap_notify(b->ep, b->now, obs, &rsp, false), -ESTALE);
	bench_free(b);
}

static void test_observe_ends(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct coap_response gone = COAP_RESPONSE_INIT(COAP_404_NOT_FOUND);
	struct bench *b = bench_new(NULL);
	struct coap_msg m;

	(void)state;
	b->rsp = &rsp;
	b->accept_observe = true;
	rsp.payload = data;
	rsp.len = 1;
	/* cancelled by the peer */
	observe(b, COAP_GET, 1, "a", 0, "");
	observe(b, COAP_GET, 2, "a", 1, "");
	bench_take(b, &m);
	bench_take(b, &m);
	assert_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
	assert_int_equal(m.code, COAP_205_CONTENT);
	assert_int_equal(b->why, COAP_OBSERVE_CANCELLED);
	assert_int_equal(b->n_ended, 1);
	/* never acknowledged */
	observe(b, COAP_GET, 3, "a", 0, "");
	bench_take(b, &m);
	assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, true), 0);
	for (int i = 0; i < 5; i++)
		bench_later(b, 48000);
	assert_int_equal(b->n_ended, 2);
	assert_int_equal(b->why, COAP_OBSERVE_TIMEOUT);
	b->n_sent = b->n_taken = 0;
	/* the resource is gone: one last notification, and that one is repeated */
	observe(b, COAP_FETCH, 4, "a", 0, "x");
	bench_take(b, &m);
	assert_int_equal(coap_notify(b->ep, b->now, b->obs, &gone, true), 0);
	bench_take(b, &m);
	assert_int_equal(m.code, COAP_404_NOT_FOUND);
	assert_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
	assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, true), -ESTALE);
	assert_int_equal(b->n_ended, 2);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	assert_int_equal(b->n_ended, 3);
	assert_int_equal(b->why, COAP_OBSERVE_ERROR);
	/* registration that is answered with an error is none */
	rsp.code = COAP_404_NOT_FOUND;
	observe(b, COAP_GET, 5, "a", 0, "");
	bench_take(b, &m);
	assert_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
	assert_int_equal(b->n_ended, 4);
	/* with the endpoint */
	rsp.code = COAP_205_CONTENT;
	observe(b, COAP_GET, 6, "a", 0, "");
	bench_take(b, &m);
	coap_endpoint_reset(b->ep, b->now, true);
	assert_int_equal(b->n_ended, 5);
	assert_int_equal(b->why, COAP_OBSERVE_CLOSED);
	bench_free(b);
}

/* RFC 7959 figure 12: block-wise notification, later blocks by GET */
static void test_observe_blocks(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct bench *b = bench_new(NULL);
	struct coap_opts o = {0};
	struct coap_msg m;
	uint8_t etag[8];

	(void)state;
	b->rsp = &rsp;
	b->accept_observe = true;
	rsp.payload = data;
	rsp.len = 4;
	observe(b, COAP_GET, 1, "a", 0, "");
	bench_take(b, &m);
	rsp.len = 1500;
	assert_int_equal(coap_notify(b->ep, b->now, b->obs, &rsp, true), 0);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 0, 1, 1024));
	seq_of(&m);
	memcpy(etag, coap_opt_find(&m, COAP_OPT_ETAG)->val, 8);
	bench_msg(b, COAP_ACK, COAP_EMPTY, m.mid, "", NULL, NULL, 0);
	coap_opts_add_path(&o, COAP_OPT_URI_PATH, "temperature");
	bench_add_block(&o, COAP_OPT_BLOCK2, 1, false, 1024);
	bench_msg(b, COAP_CON, COAP_GET, 2, "b", &o, NULL, 0);
	bench_take(b, &m);
	assert_true(bench_block(&m, COAP_OPT_BLOCK2, 1, 0, 1024));
	assert_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
	assert_memory_equal(coap_opt_find(&m, COAP_OPT_ETAG)->val, etag, 8);
	assert_int_equal(b->n_requests, 1);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_piggyback),
		cmocka_unit_test(test_separate),
		cmocka_unit_test(test_non),
		cmocka_unit_test(test_rejects),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_record_over_restart),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_call_fails),
		cmocka_unit_test(test_block1),
		cmocka_unit_test(test_block1_disorder),
		cmocka_unit_test(test_block1_smaller),
		cmocka_unit_test(test_block2),
		cmocka_unit_test(test_block2_edges),
		cmocka_unit_test(test_observe),
		cmocka_unit_test(test_observe_ends),
		cmocka_unit_test(test_observe_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
