/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint with calls, observations and deferred answers under way, for the fuzz
 * targets of datagrams and of streams.
 *
 * Input: records of one control byte, two length bytes and that many bytes for
 * the endpoint. Bits of the control byte: 0 put the message ID of our last datagram
 * in, 1 put its token in, 2 answer a deferred request, 3 notify, 4 make a call,
 * 5 to 7 let time pass.
 */
#ifndef FUZZ_COAP_WORLD_H
#define FUZZ_COAP_WORLD_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"

struct fuzz {
	struct coap_endpoint *ep;
	uint64_t now;
	uint32_t random;
	bool stream;
	struct coap_msg last; /* that we sent; type, mid and token are used */
	uint32_t xid, obs;
	unsigned int bodies;
};

static void fz_send(void *ctx, const uint8_t *data, size_t len)
{
	struct fuzz *f = ctx;
	struct coap_msg m;

	/* what we send is well-formed */
	if (f->stream
		    ? len > COAP_MESSAGE_MAX || coap_stream_length(data, len) != (int64_t)len ||
			      coap_decode_stream(&m, data, len)
		    : len > COAP_DATAGRAM_MAX || coap_decode(&m, data, len))
		abort();
	f->last = m;
}

static void fz_random(void *ctx, void *buf, size_t len)
{
	struct fuzz *f = ctx;

	for (size_t i = 0; i < len; i++) {
		f->random = f->random * 1103515245u + 12345u;
		((uint8_t *)buf)[i] = (uint8_t)(f->random >> 16);
	}
}

static int fz_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	struct fuzz *f = ctx;
	uint64_t total = 2500;

	if (f->random % 61 == 0)
		return -ESTALE;
	if (offset >= total)
		return 0;
	if (len > total - offset)
		len = (size_t)(total - offset);
	memset(buf, (int)offset, len);
	return (int)len;
}

static void fz_release(void *ctx)
{
	struct fuzz *f = ctx;

	if (!f->bodies--)
		abort();
}

static struct coap_body fz_body(struct fuzz *f)
{
	f->bodies++;
	return (struct coap_body){fz_read, fz_release, f,
				  f->random & 1 ? 2500 : COAP_SIZE_UNKNOWN};
}

static int fz_request(void *ctx, const struct coap_request *req)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct fuzz *f = ctx;
	struct coap_body body;
	volatile uint8_t sum = 0;
	char path[32];

	for (size_t i = 0; i < req->len; i++)
		sum ^= req->data[i];
	coap_opt_path(req->msg, COAP_OPT_URI_PATH, path, sizeof(path));
	coap_opt_path(req->msg, COAP_OPT_URI_QUERY, path, sizeof(path));
	if (req->observe == 0 && coap_observe_accept(f->ep, req->xid, f, &f->obs))
		f->obs = 0;
	switch (req->method + req->len % 3) {
	case 0:
	case 1:
		rsp.payload = path;
		rsp.len = 3;
		break;
	case 2:
		f->xid = req->xid;
		return 0;
	case 3:
		return COAP_204_CHANGED;
	case 4:
		return -EIO;
	default:
		body = fz_body(f);
		rsp.body = &body;
		break;
	}
	coap_respond(f->ep, req->now, req->xid, &rsp);
	return 0;
}

static void fz_lost(void *ctx, uint32_t transfer)
{
	(void)ctx;
	(void)transfer;
}

static void fz_result(void *ctx, const struct coap_result *res)
{
	volatile uint8_t sum = 0;

	(void)ctx;
	for (size_t i = 0; i < res->len; i++)
		sum ^= res->data[i];
}

static void fz_observe_end(void *ctx, uint32_t obs, void *user, enum coap_observe_end why)
{
	struct fuzz *f = ctx;

	(void)user;
	(void)why;
	if (f->obs == obs)
		f->obs = 0;
}

static int fz_store(void *ctx, const struct coap_dedup_record *rec)
{
	struct fuzz *f = ctx;

	(void)rec;
	return f->random % 23 == 0 ? -ENOSPC : 0;
}

static int fz_find(void *ctx, struct coap_dedup_record *rec)
{
	static const uint8_t kept[] = {0x60, 0x44, 0, 1};
	struct fuzz *f = ctx;

	switch (f->random % 31) {
	case 0:
		return -EIO;
	case 1:
		return 1;
	case 2:
		rec->response = kept;
		rec->response_len = sizeof(kept);
		return 1;
	default:
		return 0;
	}
}

static void fz_signal(void *ctx, const struct coap_signal *sig)
{
	struct fuzz *f = ctx;

	for (const char *p = sig->diagnostic; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			abort();
	if (sig->what == COAP_SIGNAL_PONG)
		coap_ping(f->ep, f->now, 1000);
}

static const struct coap_ops ops = {
	.signal = fz_signal,
	.dedup_store = fz_store,
	.dedup_find = fz_find,
	.send = fz_send,
	.random = fz_random,
	.request = fz_request,
	.transfer_lost = fz_lost,
	.result = fz_result,
	.observe_end = fz_observe_end,
};

static void step(struct fuzz *f, uint8_t control, uint8_t *data, size_t len)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	if (control & 1 && len >= 4 && !f->stream) {
		data[2] = (uint8_t)(f->last.mid >> 8);
		data[3] = (uint8_t)f->last.mid;
	}
	if (control & 2 && len >= 12 && f->last.token_len == 8) {
		data[0] = (uint8_t)((data[0] & 0xf0) | 8);
		memcpy(data + (f->stream ? 2 : 4), f->last.token, 8);
	}
	if (control & 4 && f->xid) {
		struct coap_body body = fz_body(f);

		rsp.body = &body;
		coap_respond(f->ep, f->now, f->xid, &rsp);
		f->xid = 0;
		rsp.body = NULL;
	}
	if (control & 8 && f->obs) {
		struct coap_body body = fz_body(f);

		if (len % 7 == 0)
			rsp.code = COAP_404_NOT_FOUND;
		rsp.body = &body;
		coap_notify(f->ep, f->now, f->obs, &rsp, control & 16);
	}
	if (control & 16) {
		struct coap_body body = fz_body(f);
		struct coap_call call = {.method = COAP_POST, .non = len & 1, .body = &body};

		coap_call(f->ep, f->now, &call, NULL);
	}
	coap_input(f->ep, f->now, data, len);
	f->now += (uint64_t)(control >> 5) * 1500;
	coap_tick(f->ep, f->now);
	if (coap_next_deadline(f->ep) <= f->now)
		abort();
}

/* All records of an input through one endpoint. */
static void fuzz_coap(const uint8_t *data, size_t size, bool stream)
{
	struct coap_config config = {.stream = stream,
				     .max_message = 2048,
				     .max_uploads = 2,
				     .max_downloads = 2,
				     .max_observations = 2,
				     .max_exchanges = 3,
				     .max_calls = 3,
				     .max_dedup = 8};
	struct fuzz f = {.now = 1, .random = 7, .stream = stream};

	if (coap_endpoint_new(&f.ep, &ops, &f, &config))
		return;
	coap_stream_start(f.ep, f.now);
	coap_ping(f.ep, f.now, 1000);
	while (size > 3) {
		size_t len = (size_t)(data[1] << 8 | data[2]) % 1500;
		uint8_t *exact;

		if (len > size - 3)
			len = size - 3;
		exact = malloc(len ? len : 1);
		if (!exact)
			break;
		memcpy(exact, data + 3, len);
		step(&f, data[0], exact, len);
		free(exact);
		data += 3 + len;
		size -= 3 + len;
	}
	coap_endpoint_free(f.ep);
	/* every body that was offered was released */
	if (f.bodies)
		abort();
}

#endif
