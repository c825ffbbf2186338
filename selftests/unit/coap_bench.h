/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One endpoint on the bench: what it sends, delivers and reports is written
 * down; the peer is the test itself, byte by byte.
 */
#ifndef COAP_BENCH_H
#define COAP_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "coap/coap.h"

#define BENCH_SENT 64

struct bench {
	struct coap_endpoint *ep;
	uint64_t now;
	/* sent, oldest first; taken by bench_take() */
	struct {
		size_t len;
		uint8_t data[COAP_DATAGRAM_MAX];
	} sent[BENCH_SENT];
	unsigned int n_sent, n_taken;
	/* last request */
	unsigned int n_requests;
	struct coap_request req;
	char path[64];
	uint8_t body[1 << 17]; /* chunks by offset */
	size_t body_len;
	int answer; /* what the handler returns */
	bool defer;
	const struct coap_response *rsp; /* given in the handler when set */
	bool accept_observe;
	uint32_t obs;
	unsigned int restarts, lost;
	/* results */
	unsigned int n_results;
	struct coap_result res;
	uint8_t got[1 << 17];
	size_t got_len;
	/* observations that ended */
	unsigned int n_ended;
	enum coap_observe_end why;
	/* dedup records: one slot */
	bool keep_records;
	int store_error;
	unsigned int n_records;
	struct coap_dedup_record rec[16];
	uint8_t rec_data[16][COAP_DATAGRAM_MAX];
	uint32_t random;
};

static inline void bench_send(void *ctx, const uint8_t *data, size_t len)
{
	struct bench *b = ctx;

	assert_true(b->n_sent < BENCH_SENT);
	assert_true(len <= COAP_DATAGRAM_MAX);
	memcpy(b->sent[b->n_sent].data, data, len);
	b->sent[b->n_sent++].len = len;
}

static inline void bench_random(void *ctx, void *buf, size_t len)
{
	struct bench *b = ctx;

	for (size_t i = 0; i < len; i++) {
		b->random = b->random * 1103515245u + 12345u;
		((uint8_t *)buf)[i] = (uint8_t)(b->random >> 16);
	}
}

static inline int bench_request(void *ctx, const struct coap_request *req)
{
	struct bench *b = ctx;

	b->n_requests++;
	b->req = *req;
	if (coap_opt_path(req->msg, COAP_OPT_URI_PATH, b->path, sizeof(b->path)) < 0)
		strcpy(b->path, "?");
	b->restarts += req->restart;
	if (req->offset + req->len <= sizeof(b->body)) {
		if (req->len)
			memcpy(b->body + req->offset, req->data, req->len);
		b->body_len = (size_t)req->offset + req->len;
	}
	if (req->more)
		return b->answer;
	if (b->accept_observe && req->observe == 0)
		assert_int_equal(coap_observe_accept(b->ep, req->xid, b, &b->obs), 0);
	if (b->defer)
		return 0;
	if (b->rsp) {
		coap_respond(b->ep, req->now, req->xid, b->rsp);
		return 0;
	}
	return b->answer ? b->answer : COAP_204_CHANGED;
}

static inline void bench_lost(void *ctx, uint32_t transfer)
{
	(void)transfer;
	((struct bench *)ctx)->lost++;
}

static inline void bench_result(void *ctx, const struct coap_result *res)
{
	struct bench *b = ctx;

	b->n_results++;
	b->res = *res;
	if (res->len)
		memcpy(b->got + res->offset, res->data, res->len);
	b->got_len = (size_t)res->offset + res->len;
}

static inline void bench_observe_end(void *ctx, uint32_t obs, void *user,
				     enum coap_observe_end why)
{
	struct bench *b = ctx;

	assert_ptr_equal(user, b);
	assert_int_equal(obs, b->obs);
	b->n_ended++;
	b->why = why;
}

static inline int bench_same(const struct coap_dedup_record *a,
			     const struct coap_dedup_record *b)
{
	return a->mid == b->mid && a->code == b->code && a->digest == b->digest &&
	       a->token_len == b->token_len && !memcmp(a->token, b->token, a->token_len);
}

static inline int bench_store(void *ctx, const struct coap_dedup_record *rec)
{
	struct bench *b = ctx;
	unsigned int i;

	if (b->store_error)
		return b->store_error;
	if (!b->keep_records)
		return 0;
	for (i = 0; i < b->n_records; i++)
		if (bench_same(&b->rec[i], rec))
			break;
	assert_true(i < 16);
	b->rec[i] = *rec;
	b->rec[i].response = NULL;
	if (rec->response) {
		memcpy(b->rec_data[i], rec->response, rec->response_len);
		b->rec[i].response = b->rec_data[i];
	}
	if (i == b->n_records)
		b->n_records++;
	return 0;
}

static inline int bench_find(void *ctx, struct coap_dedup_record *rec)
{
	struct bench *b = ctx;

	for (unsigned int i = 0; i < b->n_records; i++) {
		if (bench_same(&b->rec[i], rec)) {
			*rec = b->rec[i];
			return 1;
		}
	}
	return 0;
}

static const struct coap_ops bench_ops = {
	.send = bench_send,
	.random = bench_random,
	.request = bench_request,
	.transfer_lost = bench_lost,
	.result = bench_result,
	.observe_end = bench_observe_end,
	.dedup_store = bench_store,
	.dedup_find = bench_find,
};

static inline struct bench *bench_new(const struct coap_config *config)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->now = 1000000;
	b->random = 1;
	assert_int_equal(coap_endpoint_new(&b->ep, &bench_ops, b, config), 0);
	return b;
}

static inline void bench_free(struct bench *b)
{
	coap_endpoint_free(b->ep);
	free(b);
}

static inline size_t bench_hex(uint8_t *out, const char *hex)
{
	size_t n = 0;

	while (*hex) {
		unsigned int v;

		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		out[n++] = (uint8_t)v;
		hex += 2;
	}
	return n;
}

/** Datagram to the endpoint, in hex with spaces. */
static inline void bench_in(struct bench *b, const char *hex)
{
	uint8_t buf[2048];
	size_t n = bench_hex(buf, hex);
	uint8_t *exact = malloc(n ? n : 1); /* so that ASan sees a read beyond */

	assert_non_null(exact);
	memcpy(exact, buf, n);
	coap_input(b->ep, b->now, exact, n);
	free(exact);
}

/** The next datagram that it sent is this one. */
static inline void bench_out(struct bench *b, const char *hex)
{
	uint8_t buf[2048];
	size_t n = bench_hex(buf, hex);

	assert_true(b->n_taken < b->n_sent);
	assert_memory_equal(b->sent[b->n_taken].data, buf,
			    b->sent[b->n_taken].len < n ? b->sent[b->n_taken].len : n);
	assert_int_equal(b->sent[b->n_taken].len, n);
	if (++b->n_taken == b->n_sent)
		b->n_taken = b->n_sent = 0;
}

/** The next datagram that it sent, decoded; valid until more is sent. */
static inline void bench_take(struct bench *b, struct coap_msg *m)
{
	assert_true(b->n_taken < b->n_sent);
	assert_int_equal(coap_decode(m, b->sent[b->n_taken].data, b->sent[b->n_taken].len), 0);
	if (++b->n_taken == b->n_sent)
		b->n_taken = b->n_sent = 0;
}

static inline void bench_silent(const struct bench *b)
{
	assert_int_equal(b->n_sent, b->n_taken);
}

/** A message to the endpoint. */
static inline void bench_msg(struct bench *b, enum coap_type type, uint8_t code, uint16_t mid,
			     const char *token, const struct coap_opts *opts,
			     const void *payload, size_t len)
{
	struct coap_msg m = {.type = type, .code = code, .mid = mid};
	uint8_t buf[2048];
	int n;

	m.token_len = (uint8_t)strlen(token);
	memcpy(m.token, token, m.token_len);
	m.payload = payload;
	m.payload_len = len;
	n = coap_encode(buf, sizeof(buf), &m, opts);
	assert_true(n > 0);
	coap_input(b->ep, b->now, buf, (size_t)n);
}

static inline void bench_later(struct bench *b, uint64_t ms)
{
	b->now += ms;
	coap_tick(b->ep, b->now);
}

/** Option as "num/more/size" the way RFC 7959 writes it; -1 when it is not there. */
static inline int bench_block(const struct coap_msg *m, uint16_t opt, int num, int more,
			      int size)
{
	uint32_t v;

	if (!coap_opt_uint(m, opt, &v))
		return 0;
	return (int)(v >> 4) == num && (int)(v >> 3 & 1) == more && 16 << (v & 7) == size;
}

static inline void bench_add_block(struct coap_opts *o, uint16_t opt, uint32_t num, bool more,
				   unsigned int size)
{
	unsigned int szx = 0;

	while (16u << szx < size)
		szx++;
	assert_int_equal(coap_opts_add_uint(o, opt, num << 4 | (uint32_t)more << 3 | szx), 0);
}

#endif
