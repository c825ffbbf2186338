// SPDX-License-Identifier: Apache-2.0
/*
 * OSCORE: an endpoint that protects everything, its peer's messages made of the
 * fuzzer's bytes: the outside as they are, and the inside, which is protected for it
 * so that it is seen.
 *
 * Input: first byte: bits 0 to 3 the algorithm, 4 Appendix B.2, 5 restart with stored
 * state, 6 restart with the rest of the input as state. Then records of one control
 * byte, two length bytes and that many bytes. Control, bits 0 and 1: 0 a datagram,
 * 1 the plaintext of a request, 2 the plaintext of a response to our last request,
 * 3 an option; 2: make a call; 3: notify; 4: the store fails; 5 to 7: time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/oscore_priv.h"

struct fuzz {
	struct coap_endpoint *ep;
	struct oscore *o, *peer;
	uint64_t now, pivs[16];
	uint32_t random, obs;
	bool store_fails;
	unsigned int n_pivs;
	uint8_t state[OSCORE_STATE_MAX];
	size_t state_len;
	struct oscore_binding last; /* our last request, as the peer opened it */
	uint8_t token[COAP_TOKEN_MAX], token_len;
	uint16_t mid;
	uint32_t peer_mid;
};

static void fz_random(void *ctx, void *buf, size_t len)
{
	struct fuzz *f = ctx;

	for (size_t i = 0; i < len; i++) {
		f->random = f->random * 1103515245u + 12345u;
		((uint8_t *)buf)[i] = (uint8_t)(f->random >> 16);
	}
}

static int fz_store(void *ctx, const uint8_t *state, size_t len)
{
	struct fuzz *f = ctx;

	if (len > OSCORE_STATE_MAX)
		abort();
	if (f->store_fails)
		return -ENOSPC;
	memcpy(f->state, state, len);
	f->state_len = len;
	return 0;
}

static int peer_store(void *ctx, const uint8_t *state, size_t len)
{
	(void)ctx;
	(void)state;
	(void)len;
	return 0;
}

static const struct oscore_ops oscore_ops = {fz_random, fz_store};
static const struct oscore_ops peer_ops = {fz_random, peer_store};

static void fz_send(void *ctx, const uint8_t *data, size_t len)
{
	struct fuzz *f = ctx;
	struct coap_msg m, inner;
	uint8_t *buf;
	const char *why;

	if (len > COAP_DATAGRAM_MAX || coap_decode(&m, data, len))
		abort();
	/* nothing of a handler's leaves unprotected */
	if (memmem(data, len, "plaintext", 9))
		abort();
	if (COAP_CODE_CLASS(m.code) || m.code == COAP_EMPTY)
		return;
	if (!coap_opt_find(&m, OSCORE_OPTION))
		abort();
	buf = malloc(m.payload_len + 4);
	if (!buf)
		return;
	if (!oscore_open_request(f->peer, &m, &inner, buf, m.payload_len + 4, &f->last, &why)) {
		f->mid = m.mid;
		f->token_len = m.token_len;
		memcpy(f->token, m.token, m.token_len);
	}
	free(buf);
}

static int fz_request(void *ctx, const struct coap_request *req)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	volatile uint8_t sum = 0;
	struct fuzz *f = ctx;

	for (size_t i = 0; i < req->len; i++)
		sum ^= req->data[i];
	for (unsigned int i = 0; i < req->msg->n_opts; i++)
		for (unsigned int j = 0; j < req->msg->opts[i].len; j++)
			sum ^= req->msg->opts[i].val[j];
	if (req->observe == 0 && coap_observe_accept(f->ep, req->xid, f, &f->obs))
		f->obs = 0;
	rsp.payload = "plaintext";
	rsp.len = 9;
	coap_respond(f->ep, req->now, req->xid, &rsp);
	return 0;
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

static const struct coap_ops ops = {
	.send = fz_send,
	.random = fz_random,
	.request = fz_request,
	.result = fz_result,
	.observe_end = fz_observe_end,
};

/* A plaintext of the fuzzer's, protected as the peer would. */
static void inside(struct fuzz *f, bool response, const uint8_t *plain, size_t len)
{
	struct oscore *p = f->peer;
	uint8_t val[16], aad[OSCORE_AAD_MAX], nonce[OSCORE_NONCE_MAX], cipher[2048], wire[2048];
	struct oscore_option opt = {0};
	struct oscore_binding b = f->last;
	struct coap_opts opts = {0};
	struct coap_msg m = {.type = COAP_CON, .code = COAP_POST};
	int n;

	if (!len || len > 1500 || (response && !f->last.used))
		return;
	if (response) {
		m.type = COAP_ACK;
		m.code = COAP_204_CHANGED;
		m.mid = f->mid;
		m.token_len = f->token_len;
		memcpy(m.token, f->token, f->token_len);
	} else {
		if (oscore_take_ssn(p, b.piv, &b.piv_len))
			return;
		b.kid_len = (uint8_t)p->p.sid_len;
		memcpy(b.kid, p->p.sid, p->p.sid_len);
		opt.piv = b.piv;
		opt.piv_len = b.piv_len;
		opt.has_kid = true;
		opt.kid = p->p.sid;
		opt.kid_len = p->p.sid_len;
		m.mid = (uint16_t)++f->peer_mid;
		if (len & 1) {
			m.code = COAP_FETCH;
			coap_opts_add_uint(&opts, COAP_OPT_OBSERVE, 0);
		}
	}
	n = oscore_option_encode(&opt, val, sizeof(val));
	if (n < 0 || coap_opts_add(&opts, OSCORE_OPTION, val, (size_t)n))
		abort();
	oscore_nonce(p->p.alg, &p->keys, b.kid, b.kid_len, b.piv, b.piv_len, nonce);
	n = oscore_seal(p, p->keys.sender, nonce, aad, oscore_aad(p->p.alg, &b, aad), plain,
			len, cipher);
	if (n < 0)
		abort();
	m.payload = cipher;
	m.payload_len = (size_t)n;
	n = coap_encode(wire, sizeof(wire), &m, &opts);
	if (n > 0) {
		uint8_t *exact = malloc((size_t)n);

		if (!exact)
			return;
		memcpy(exact, wire, (size_t)n);
		coap_input(f->ep, f->now, exact, (size_t)n);
		free(exact);
	}
}

static void option(const uint8_t *val, size_t len)
{
	struct oscore_option opt;
	uint8_t again[2048];

	if (len <= sizeof(again) && !oscore_option_decode(&opt, val, len) &&
	    (oscore_option_encode(&opt, again, sizeof(again)) != (int)len ||
	     (len && memcmp(val, again, len))))
		abort();
}

static void step(struct fuzz *f, uint8_t control, const uint8_t *data, size_t len)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	f->store_fails = control & 16;
	if (control & 4) {
		struct coap_call call = {.method = COAP_POST, .payload = "plaintext", .len = 9};

		coap_call(f->ep, f->now, &call, NULL);
	}
	if (control & 8 && f->obs) {
		rsp.payload = "plaintext";
		rsp.len = 9;
		coap_notify(f->ep, f->now, f->obs, &rsp, control & 32);
	}
	switch (control & 3) {
	case 0:
		coap_input(f->ep, f->now, data, len);
		break;
	case 1:
	case 2:
		inside(f, (control & 3) == 2, data, len);
		break;
	default:
		option(data, len);
	}
	f->now += (uint64_t)(control >> 5) * 1500;
	coap_tick(f->ep, f->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int32_t aeads[16] = {10, 1, 2, 3, 11, 12, 13, 24, 30, 31, 32, 33};
	static const uint8_t secret[] = "0123456789abcdef", ids[] = {0xaa, 0xbb};
	struct oscore_config c = {.master_secret = secret,
				  .master_secret_len = 16,
				  .sender_id = ids,
				  .sender_id_len = 1,
				  .recipient_id = ids + 1,
				  .recipient_id_len = 1};
	struct oscore_config pc = c;
	struct fuzz f = {.now = 1, .random = 7};
	uint8_t how;

	if (!size)
		return 0;
	how = *data++;
	size--;
	c.aead = pc.aead = aeads[how & 15];
	c.rederive = c.accept_rederive = how & 16;
	pc.accept_rederive = true;
	pc.sender_id = ids + 1;
	pc.recipient_id = ids;
	if (oscore_new(&f.o, &c, &oscore_ops, &f, how & 64 ? data : NULL, size))
		return 0;
	if (how & 32) {
		uint8_t state[OSCORE_STATE_MAX];
		size_t len;

		oscore_claim(f.o);
		oscore_free(f.o);
		/* what we store can be taken up again */
		len = f.state_len;
		memcpy(state, f.state, len);
		if (oscore_new(&f.o, &c, &oscore_ops, &f, len ? state : NULL, len))
			abort();
	}
	if (oscore_new(&f.peer, &pc, &peer_ops, &f, NULL, 0) ||
	    coap_endpoint_new(&f.ep, &ops, &f, NULL))
		abort();
	coap_endpoint_set_oscore(f.ep, f.o);
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
	oscore_free(f.o);
	oscore_free(f.peer);
	return 0;
}
