// SPDX-License-Identifier: Apache-2.0
/*
 * RFC 8323: two endpoints joined by streams that cut messages anywhere, and a peer
 * made of bytes that breaks each rule once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "coap/coap_priv.h"

#define BODY 300000
#define OUT_MAX (1 << 20)

struct end {
	struct coap_endpoint *ep;
	uint64_t now;
	uint32_t random;
	uint8_t *out; /* sent and not taken by the other end */
	size_t out_len;
	unsigned int sent;
	size_t longest;
	/* requests */
	unsigned int requests, chunks;
	uint8_t *store;
	size_t store_len;
	uint32_t xid, obs;
	bool defer;
	/* results */
	unsigned int results;
	int error;
	uint8_t code;
	uint8_t *got;
	size_t got_len;
	uint64_t size;
	/* signals */
	unsigned int signals;
	struct coap_signal sig;
	char text[256];
	unsigned int ended;
	enum coap_observe_end why;
};

static uint8_t body[BODY];

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct end *e = ctx;

	assert_true(e->out_len + len <= OUT_MAX);
	assert_int_equal(coap_stream_length(data, len), (int64_t)len);
	memcpy(e->out + e->out_len, data, len);
	e->out_len += len;
	e->sent++;
	if (len > e->longest)
		e->longest = len;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct end *e = ctx;

	for (size_t i = 0; i < len; i++) {
		e->random = e->random * 1103515245u + 12345u;
		((uint8_t *)buf)[i] = (uint8_t)(e->random >> 16);
	}
}

static int body_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	(void)ctx;
	if (offset >= BODY)
		return 0;
	if (len > BODY - offset)
		len = BODY - (size_t)offset;
	memcpy(buf, body + offset, len);
	return (int)len;
}

static int on_request(void *ctx, const struct coap_request *req)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct coap_body b = {body_read, NULL, NULL, BODY};
	struct end *e = ctx;

	assert_int_equal(req->msg->type, COAP_NON);
	e->xid = req->xid;
	if (req->method == COAP_PUT) {
		e->chunks++;
		assert_int_equal(req->offset, req->offset ? e->store_len : 0);
		assert_true(req->offset + req->len <= BODY);
		if (req->len)
			memcpy(e->store + req->offset, req->data, req->len);
		e->store_len = (size_t)req->offset + req->len;
		if (!req->more)
			e->requests++;
		return req->more ? 0 : COAP_204_CHANGED;
	}
	e->requests++;
	if (e->defer)
		return 0;
	if (req->observe == 0)
		assert_int_equal(coap_observe_accept(e->ep, req->xid, e, &e->obs), 0);
	if (req->method == COAP_GET)
		rsp.body = &b;
	coap_respond(e->ep, req->now, req->xid, &rsp);
	return 0;
}

static void on_result(void *ctx, const struct coap_result *res)
{
	struct end *e = ctx;

	e->error = res->error;
	e->code = res->code;
	if (res->error) {
		e->results++;
		return;
	}
	if (!res->offset)
		e->size = res->size;
	assert_true(res->offset + res->len <= BODY);
	if (res->len)
		memcpy(e->got + res->offset, res->data, res->len);
	e->got_len = (size_t)res->offset + res->len;
	e->results += !res->more;
}

static void on_signal(void *ctx, const struct coap_signal *sig)
{
	struct end *e = ctx;

	e->signals++;
	e->sig = *sig;
	snprintf(e->text, sizeof(e->text), "%s", sig->diagnostic);
}

static void on_observe_end(void *ctx, uint32_t obs, void *user, enum coap_observe_end why)
{
	struct end *e = ctx;

	assert_int_equal(obs, e->obs);
	assert_ptr_equal(user, e);
	e->ended++;
	e->why = why;
}

static const struct coap_ops ops = {
	.send = on_send,
	.random = on_random,
	.request = on_request,
	.result = on_result,
	.signal = on_signal,
	.observe_end = on_observe_end,
};

static void end_open(struct end *e, const struct coap_config *config)
{
	struct coap_config c = {0};

	if (config)
		c = *config;
	c.stream = true;
	memset(e, 0, sizeof(*e));
	e->random = 1;
	e->now = 1000;
	e->out = malloc(OUT_MAX);
	e->store = malloc(BODY);
	e->got = malloc(BODY);
	assert_true(e->out && e->store && e->got);
	assert_int_equal(coap_endpoint_new(&e->ep, &ops, e, &c), 0);
}

static void end_close(struct end *e)
{
	coap_endpoint_free(e->ep);
	free(e->out);
	free(e->store);
	free(e->got);
}

/* Bytes in pieces of at most @piece. */
static void feed(struct end *e, const uint8_t *data, size_t len, size_t piece)
{
	while (len) {
		size_t n = len < piece ? len : piece;
		uint8_t *exact = malloc(n); /* so that ASan sees a read beyond */

		assert_non_null(exact);
		memcpy(exact, data, n);
		coap_input(e->ep, e->now, exact, n);
		free(exact);
		data += n;
		len -= n;
	}
}

/* What one end sent reaches the other. */
static bool move(struct end *from, struct end *to, size_t piece)
{
	uint8_t *data = from->out;
	size_t len = from->out_len;

	if (!len)
		return false;
	from->out = malloc(OUT_MAX);
	assert_non_null(from->out);
	from->out_len = 0;
	feed(to, data, len, piece);
	free(data);
	return true;
}

static void run(struct end *a, struct end *b, size_t piece)
{
	bool any = true;

	while (any) {
		any = move(a, b, piece);
		any = move(b, a, piece) || any;
	}
}

static void pair(struct end *a, struct end *b, const struct coap_config *config, size_t piece)
{
	end_open(a, config);
	end_open(b, config);
	coap_stream_start(a->ep, a->now);
	coap_stream_start(b->ep, b->now);
	run(a, b, piece);
	assert_int_equal(a->sig.what, COAP_SIGNAL_READY);
	assert_int_equal(b->sig.what, COAP_SIGNAL_READY);
}

static uint32_t call(struct end *e, uint8_t method, const char *path, const struct coap_body *b)
{
	struct coap_opts opts = {0};
	struct coap_call c = {.method = method, .opts = &opts, .body = b};
	uint32_t id = 0;

	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path);
	assert_int_equal(coap_call(e->ep, e->now, &c, &id), 0);
	return id;
}

/* A peer that only sends its CSM and whose bytes are the test's. */
static void alone(struct end *e, const struct coap_config *config)
{
	static const uint8_t csm[] = {0x00, 0xe1};

	end_open(e, config);
	coap_stream_start(e->ep, e->now);
	feed(e, csm, sizeof(csm), 1);
	assert_int_equal(e->sig.what, COAP_SIGNAL_READY);
	e->out_len = 0;
	e->sent = 0;
}

static void one_byte(struct coap_msg *m, const uint8_t *data, size_t len)
{
	int64_t n = coap_stream_length(data, len);

	assert_true(n > 0 && (size_t)n <= len);
	assert_int_equal(coap_decode_stream(m, data, (size_t)n), 0);
}

/* ---- format -------------------------------------------------------------------------- */

static void test_format(void **state)
{
	/* RFC 8323 figure 8: 2.03 with token 7f */
	static const uint8_t example[] = {0x01, 0x43, 0x7f};
	static const size_t sizes[] = {0,   1,	 10,  11,  12,	  13,	 14,	266,
				       267, 268, 269, 270, 65803, 65804, 65805, 70000};
	static uint8_t buf[80000];
	struct coap_msg m;

	(void)state;
	one_byte(&m, example, 3);
	assert_int_equal(m.code, COAP_203_VALID);
	assert_int_equal(m.token_len, 1);
	assert_int_equal(m.token[0], 0x7f);
	m = (struct coap_msg){.code = COAP_203_VALID, .token_len = 1, .token = {0x7f}};
	assert_int_equal(coap_encode_stream(buf, sizeof(buf), &m, NULL), 3);
	assert_memory_equal(buf, example, 3);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct coap_msg in = {.code = COAP_POST, .token_len = 3, .token = "abc"};
		struct coap_opts opts = {0};
		int n;

		coap_opts_add_str(&opts, COAP_OPT_URI_PATH, "x");
		in.payload = body;
		in.payload_len = sizes[i];
		n = coap_encode_stream(buf, sizeof(buf), &in, &opts);
		assert_true(n > 0);
		/* not before its length can be read; then the same from each prefix on */
		for (size_t k = 0; k <= 7; k++) {
			int64_t v = coap_stream_length(buf, k);

			assert_true(v == n || (v == 0 && k < 6));
		}
		one_byte(&m, buf, (size_t)n);
		assert_int_equal(m.payload_len, sizes[i]);
		assert_int_equal(m.token_len, 3);
		assert_true(coap_opt_eq(coap_opt_find(&m, COAP_OPT_URI_PATH), "x"));
		assert_int_equal(coap_encode_stream(buf, (size_t)n - 1, &in, &opts), -EMSGSIZE);
	}
	/* the longest that can be said */
	memcpy(buf, (uint8_t[]){0xf8, 0xff, 0xff, 0xff, 0xff}, 5);
	assert_true(coap_stream_length(buf, 5) == 65805 + (int64_t)UINT32_MAX + 6 + 8);
	assert_int_equal(coap_stream_length((uint8_t[]){0x09}, 1), -EBADMSG);
	assert_int_equal(coap_decode_stream(&m, (uint8_t[]){0x10, 0x01}, 2), -EBADMSG);
}

/* ---- conversations ------------------------------------------------------------------- */

static void test_csm(void **state)
{
	struct coap_msg m;
	struct end e;
	uint32_t v;

	(void)state;
	end_open(&e, NULL);
	assert_int_equal(e.sent, 0);
	/* nothing leaves before the CSM */
	struct coap_call c = {.method = COAP_GET};
	assert_int_equal(coap_call(e.ep, e.now, &c, NULL), -ENOTCONN);
	assert_int_equal(coap_ping(e.ep, e.now, 0), -ENOTCONN);
	coap_stream_start(e.ep, e.now);
	coap_stream_start(e.ep, e.now);
	assert_int_equal(e.sent, 1);
	one_byte(&m, e.out, e.out_len);
	assert_int_equal(m.code, COAP_701_CSM);
	assert_true(coap_opt_uint(&m, 2, &v));
	assert_int_equal(v, 16384);
	assert_non_null(coap_opt_find(&m, 4));
	end_close(&e);
}

static void test_blocks(void **state)
{
	static const size_t pieces[] = {1, 7, 1500, 100000};
	struct coap_body b = {body_read, NULL, NULL, BODY};
	struct end a, z;

	(void)state;
	for (size_t i = 0; i < BODY; i++)
		body[i] = (uint8_t)(i * 7 + (i >> 8) + (i >> 16));
	for (size_t i = 0; i < 4; i++) {
		pair(&a, &z, NULL, pieces[i]);
		call(&a, COAP_PUT, "store", &b);
		run(&a, &z, pieces[i]);
		assert_int_equal(a.results, 1);
		assert_int_equal(a.error, 0);
		assert_int_equal(a.code, COAP_204_CHANGED);
		assert_int_equal(z.requests, 1);
		/* BERT: eight blocks a message */
		assert_int_equal(z.chunks, (BODY + 8191) / 8192);
		assert_int_equal(z.store_len, BODY);
		assert_memory_equal(z.store, body, BODY);

		a.sent = z.sent = 0;
		call(&a, COAP_GET, "big", NULL);
		run(&a, &z, pieces[i]);
		assert_int_equal(a.results, 2);
		assert_int_equal(a.got_len, BODY);
		assert_memory_equal(a.got, body, BODY);
		assert_int_equal(a.size, BODY);
		assert_int_equal(z.sent, (BODY + 8191) / 8192);
		assert_true(z.longest <= COAP_MESSAGE_MAX);
		/* both ends are bound by nothing but what is under way */
		assert_null(a.ep->stream.rx);
		assert_null(z.ep->stream.rx);
		end_close(&a);
		end_close(&z);
	}
}

/* A peer with less room, or that has no block-wise transfer, gets what it can take. */
static void test_small_peer(void **state)
{
	/* CSM with Max-Message-Size 200; GET /b with token 1 */
	static const uint8_t csm[] = {0x20, 0xe1, 0x21, 200};
	static const uint8_t get[] = {0x21, 0x01, 0x31, 0xb1, 'b'};
	struct coap_config config = {.max_message = 100};
	struct coap_msg m;
	struct end e;
	uint32_t v;

	(void)state;
	end_open(&e, NULL);
	coap_stream_start(e.ep, e.now);
	feed(&e, csm, sizeof(csm), 100);
	e.out_len = 0;
	e.longest = 0;
	feed(&e, get, sizeof(get), 2);
	assert_int_equal(e.requests, 1);
	one_byte(&m, e.out, e.out_len);
	assert_int_equal(m.code, COAP_205_CONTENT);
	assert_true(e.longest <= 200);
	assert_true(coap_opt_uint(&m, COAP_OPT_BLOCK2, &v));
	assert_int_equal(v & 7, 3); /* 128 bytes */
	end_close(&e);

	/* we have less room than that and say so: 101 bytes are too many */
	alone(&e, &config);
	uint8_t large[101] = {0xd1, 101 - 13 - 4, 0x02, 0x31, 0xff};
	assert_int_equal(coap_stream_length(large, 4), 101);
	feed(&e, large, sizeof(large), 3);
	assert_int_equal(e.sig.what, COAP_SIGNAL_BROKEN);
	assert_non_null(strstr(e.text, "Max-Message-Size"));
	assert_int_equal(e.requests, 0);
	end_close(&e);
}

static void test_observe(void **state)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	static const uint8_t get[] = {0x31, 0x01, 0x31, 0x60, 0x51, 't'};
	struct coap_msg m;
	struct end e;

	(void)state;
	alone(&e, NULL);
	feed(&e, get, sizeof(get), 100);
	assert_int_equal(e.requests, 1);
	assert_true(e.obs > 0);
	e.sent = 0;
	e.out_len = 0;
	rsp.payload = "state";
	rsp.len = 5;
	/* neither acknowledged nor held back: TCP does that */
	for (int i = 0; i < 100; i++)
		assert_int_equal(coap_notify(e.ep, e.now, e.obs, &rsp, i & 1), 0);
	assert_int_equal(e.sent, 100);
	one_byte(&m, e.out, e.out_len);
	assert_int_equal(m.token[0], 0x31);
	assert_non_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
	assert_true(coap_next_deadline(e.ep) == COAP_NEVER ||
		    coap_next_deadline(e.ep) > e.now + 1000);
	/* an error is the last one */
	rsp = (struct coap_response)COAP_RESPONSE_INIT(COAP_404_NOT_FOUND);
	assert_int_equal(coap_notify(e.ep, e.now, e.obs, &rsp, true), 0);
	assert_int_equal(e.ended, 1);
	assert_int_equal(e.why, COAP_OBSERVE_ERROR);
	/* the connection ends, observations with it */
	feed(&e, get, sizeof(get), 100);
	coap_endpoint_reset(e.ep, e.now, false);
	assert_int_equal(e.ended, 2);
	assert_int_equal(e.why, COAP_OBSERVE_CLOSED);
	end_close(&e);
}

static void test_reset(void **state)
{
	struct end a, z;

	(void)state;
	pair(&a, &z, NULL, 5);
	z.defer = true;
	call(&a, COAP_GET, "never", NULL);
	run(&a, &z, 5);
	assert_int_equal(z.requests, 1);
	assert_int_equal(a.results, 0);
	/* half a message is there when the connection breaks: it is forgotten */
	feed(&a, (uint8_t[]){0xd0, 0x20, 0x45}, 3, 3);
	coap_endpoint_reset(a.ep, a.now, false);
	assert_int_equal(a.results, 1);
	assert_int_equal(a.error, -ECANCELED);
	coap_endpoint_reset(z.ep, z.now, false);
	z.defer = false;
	coap_stream_start(a.ep, a.now);
	coap_stream_start(z.ep, z.now);
	call(&a, COAP_GET, "big", NULL);
	run(&a, &z, 1000);
	assert_int_equal(a.results, 2);
	assert_int_equal(a.got_len, BODY);
	/* an answer to what was asked in the life before is not ours */
	assert_int_equal(
		coap_respond(z.ep, z.now, z.xid,
			     &(struct coap_response)COAP_RESPONSE_INIT(COAP_204_CHANGED)),
		-ESTALE);
	/* no answer: by the call's own time */
	z.defer = true;
	call(&a, COAP_GET, "never", NULL);
	run(&a, &z, 5);
	a.now = coap_next_deadline(a.ep);
	coap_tick(a.ep, a.now);
	assert_int_equal(a.results, 3);
	assert_int_equal(a.error, -ETIMEDOUT);
	end_close(&a);
	end_close(&z);
}

/* ---- signals --------------------------------------------------------------------------- */

static void test_ping(void **state)
{
	struct coap_msg m;
	struct end a, z;

	(void)state;
	pair(&a, &z, NULL, 3);
	assert_int_equal(coap_ping(a.ep, a.now, 5000), 0);
	assert_int_equal(coap_ping(a.ep, a.now, 5000), -EALREADY);
	run(&a, &z, 3);
	assert_int_equal(a.sig.what, COAP_SIGNAL_PONG);
	/* nobody answers */
	assert_int_equal(coap_ping(a.ep, a.now, 5000), 0);
	assert_true(coap_next_deadline(a.ep) == a.now + 5000);
	a.now += 5000;
	coap_tick(a.ep, a.now);
	assert_int_equal(a.sig.what, COAP_SIGNAL_SILENT);
	/* ... or somebody that guesses */
	assert_int_equal(coap_ping(a.ep, a.now, 5000), 0);
	feed(&a, (uint8_t[]){0x04, 0xe3, 1, 2, 3, 4}, 6, 6);
	assert_int_equal(a.sig.what, COAP_SIGNAL_SILENT);
	end_close(&a);
	end_close(&z);

	/* the peer's: the token comes back; custody only when nothing is open */
	alone(&a, NULL);
	feed(&a, (uint8_t[]){0x12, 0xe2, 0xca, 0xfe, 0x20}, 5, 1);
	one_byte(&m, a.out, a.out_len);
	assert_int_equal(m.code, COAP_703_PONG);
	assert_int_equal(m.token_len, 2);
	assert_non_null(coap_opt_find(&m, 2));
	a.defer = true;
	feed(&a, (uint8_t[]){0x21, 0x02, 0x01, 0xb1, 'x'}, 5, 5);
	a.out_len = 0;
	feed(&a, (uint8_t[]){0x10, 0xe2, 0x20}, 3, 3);
	one_byte(&m, a.out, a.out_len);
	assert_int_equal(m.code, COAP_703_PONG);
	assert_null(coap_opt_find(&m, 2));
	end_close(&a);
}

static void test_release_abort(void **state)
{
	struct end a, z;

	(void)state;
	alone(&a, NULL);
	/* Release with Hold-Off 60 and a text that is not all letters */
	feed(&a, (uint8_t[]){0x50, 0xe4, 0x41, 60, 0xff, 'b', 0x1b}, 7, 2);
	assert_int_equal(a.sig.what, COAP_SIGNAL_RELEASE);
	assert_int_equal(a.sig.hold_off_s, 60);
	assert_string_equal(a.text, "b.");
	/* what it still answers is taken, what it still asks is answered */
	a.sent = 0;
	feed(&a, (uint8_t[]){0x21, 0x03, 0x01, 0xb1, 'x'}, 5, 5);
	assert_int_equal(a.sent, 1);
	feed(&a, (uint8_t[]){0x30, 0xe5, 0xff, 'n', 'o'}, 5, 5);
	assert_int_equal(a.sig.what, COAP_SIGNAL_ABORT);
	assert_string_equal(a.text, "no");
	/* and nothing after it */
	feed(&a, (uint8_t[]){0x21, 0x03, 0x01, 0xb1, 'x'}, 5, 5);
	assert_int_equal(a.sent, 1);
	end_close(&a);

	pair(&a, &z, NULL, 9);
	coap_stream_release(a.ep, a.now);
	run(&a, &z, 9);
	assert_int_equal(z.sig.what, COAP_SIGNAL_RELEASE);
	assert_int_equal(z.sig.hold_off_s, 0);
	end_close(&a);
	end_close(&z);
}

/* ---- a peer that breaks the rules ---------------------------------------------------- */

static void test_broken(void **state)
{
	static const struct {
		const char *what;
		uint8_t data[16];
		size_t len;
		bool before_csm;
		int bad_option;
	} bad[] = {
		{"not a CSM first", {0x01, 0x01, 0x55}, 3, true, -1},
		{"reserved token length", {0x0f, 0x01}, 2, false, -1},
		{"reserved option length", {0x10, 0x01, 0x1f}, 3, false, -1},
		{"option cut off", {0x20, 0x01, 0xb5, 'x'}, 4, false, -1},
		{"payload marker alone", {0x10, 0x01, 0xff}, 3, false, -1},
		{"4 GiB", {0xf0, 0xff, 0xff, 0xff, 0xff, 0x01}, 6, false, -1},
		{"critical option in CSM", {0x10, 0xe1, 0x30}, 3, false, 3},
		{"critical option in Ping", {0x10, 0xe2, 0x10}, 3, false, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t piece = 1; piece < 10; piece += 8) {
			struct coap_msg m;
			struct end e;
			uint32_t v = 0;

			if (bad[i].before_csm) {
				end_open(&e, NULL);
				coap_stream_start(e.ep, e.now);
				e.out_len = 0;
			} else {
				alone(&e, NULL);
			}
			call(&e, COAP_GET, "x", NULL);
			e.out_len = 0;
			feed(&e, bad[i].data, bad[i].len, piece);
			if (e.sig.what != COAP_SIGNAL_BROKEN)
				fail_msg("%s: not seen", bad[i].what);
			one_byte(&m, e.out, e.out_len);
			assert_int_equal(m.code, COAP_705_ABORT);
			assert_int_equal(m.payload_len, strlen(e.text));
			assert_int_equal(coap_opt_uint(&m, 2, &v), bad[i].bad_option >= 0);
			if (bad[i].bad_option >= 0)
				assert_int_equal(v, bad[i].bad_option);
			assert_null(e.ep->stream.rx);
			/* deaf and dumb from now on */
			e.sent = 0;
			feed(&e, (uint8_t[]){0x21, 0x03, 0x01, 0xb1, 'x'}, 5, 5);
			assert_int_equal(e.requests, 0);
			assert_int_equal(coap_ping(e.ep, e.now, 0), -ENOTCONN);
			assert_int_equal(e.sent, 0);
			coap_endpoint_reset(e.ep, e.now, false);
			assert_int_equal(e.results, 1);
			end_close(&e);
		}
	}
}

static void test_ignored(void **state)
{
	struct end e;

	(void)state;
	alone(&e, NULL);
	/* Empty, 7.31, class 1, an answer to nothing, RST's code of nothing */
	feed(&e, (uint8_t[]){0x00, 0x00}, 2, 1);
	feed(&e, (uint8_t[]){0x00, 0xff}, 2, 1);
	feed(&e, (uint8_t[]){0x00, 0x21}, 2, 1);
	feed(&e, (uint8_t[]){0x02, 0x45, 1, 2}, 4, 1);
	assert_int_equal(e.sent, 0);
	assert_int_equal(e.signals, 1);
	/* a critical option in a request is an error of that request, on a stream always told
	 */
	feed(&e, (uint8_t[]){0x11, 0x01, 0x77, 0x90}, 4, 4);
	struct coap_msg m;
	one_byte(&m, e.out, e.out_len);
	assert_int_equal(m.code, COAP_402_BAD_OPTION);
	assert_int_equal(m.token[0], 0x77);
	end_close(&e);
}

/* Requests that nobody answers, as many as the peer likes: bounded, and told. */
static void test_flood(void **state)
{
	struct coap_stats st;
	struct coap_msg m;
	struct end e;

	(void)state;
	alone(&e, NULL);
	e.defer = true;
	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t post[] = {0x22, 0x02, (uint8_t)(i >> 8), (uint8_t)i, 0xb1, 'x'};

		feed(&e, post, sizeof(post), sizeof(post));
		assert_true(e.ep->n_exchanges <= 16);
		if (i == 16) {
			one_byte(&m, e.out, e.out_len);
			assert_int_equal(m.code, COAP_503_UNAVAILABLE);
		}
		e.out_len = 0;
	}
	coap_get_stats(e.ep, &st);
	assert_int_equal(st.requests, 16);
	assert_int_equal(st.refused, 20000 - 16);
	assert_int_equal(e.ep->n_dedup[COAP_DEDUP_STATE], 0);
	end_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),	cmocka_unit_test(test_csm),
		cmocka_unit_test(test_blocks),	cmocka_unit_test(test_small_peer),
		cmocka_unit_test(test_observe), cmocka_unit_test(test_reset),
		cmocka_unit_test(test_ping),	cmocka_unit_test(test_release_abort),
		cmocka_unit_test(test_broken),	cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
