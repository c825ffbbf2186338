// SPDX-License-Identifier: Apache-2.0
/*
 * Two endpoints on a network that drops, repeats, delays and reorders, in
 * virtual time. Both send POSTs to each other, small and in blocks, answered
 * at once or later, with small answers and large ones.
 *
 * Whatever happens on the way: a POST is delivered at most once, and exactly
 * once when its sender was told so; every body arrives intact; nothing hangs.
 * That stays so when one side is killed and started again, over and over, with
 * nothing left to it but its record of requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "coap/coap.h"

#define CALLS 12
#define FLIGHT 512
#define ROUNDS 150
#define KEPT 64

struct net;

struct side {
	struct net *net;
	int no;
	struct coap_endpoint *ep;
	/* as sender */
	unsigned int sent, done;
	struct sent_call {
		struct side *side;
		unsigned int id;
		size_t len;
		uint64_t got;
		bool ok, over;
	} calls[CALLS];
	/* as receiver: what came for call i of the other side */
	unsigned int delivered[CALLS];
	uint64_t next[CALLS];
	/* answers to be given later */
	struct later {
		uint64_t at;
		uint32_t xid;
		unsigned int id;
	} later[CALLS];
	unsigned int n_later;
	/* what is on disk */
	struct kept {
		struct coap_dedup_record rec;
		bool old; /* from before the last start */
		uint8_t response[COAP_DATAGRAM_MAX];
	} disk[KEPT];
	unsigned int n_disk;
	uint64_t next_kill;
};

struct net {
	uint32_t seed;
	uint64_t now;
	unsigned int loss, dup, delay; /* percent, percent, ms */
	struct side s[2];
	struct packet {
		bool used;
		uint64_t at;
		int to;
		size_t len;
		uint8_t data[COAP_DATAGRAM_MAX];
	} p[FLIGHT];
	unsigned int dropped, repeated, kills;
	uint64_t kill_every; /* ms on average; 0 never */
};

static uint32_t rnd(struct net *n)
{
	n->seed ^= n->seed << 13;
	n->seed ^= n->seed >> 17;
	n->seed ^= n->seed << 5;
	return n->seed;
}

static size_t request_len(unsigned int id)
{
	return id % 3 == 0 ? 1 : id % 3 == 1 ? 2500 + id : 1024;
}

static size_t answer_len(unsigned int id)
{
	return id % 4 == 0 ? 3000 + id : id % 4 == 1 ? 0 : 30;
}

static uint8_t byte(unsigned int id, uint64_t at)
{
	return (uint8_t)(at == 0 ? id : id * 7 + at * 13 + (at >> 8));
}

static void put_packet(struct net *n, int to, const uint8_t *data, size_t len)
{
	for (int i = 0; i < FLIGHT; i++) {
		struct packet *p = &n->p[i];

		if (p->used)
			continue;
		p->used = true;
		p->at = n->now + 1 + rnd(n) % n->delay;
		p->to = to;
		p->len = len;
		memcpy(p->data, data, len);
		return;
	}
	fail_msg("network full");
}

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct side *s = ctx;
	struct net *n = s->net;

	if (rnd(n) % 100 < n->loss) {
		n->dropped++;
		return;
	}
	put_packet(n, !s->no, data, len);
	while (rnd(n) % 100 < n->dup) {
		put_packet(n, !s->no, data, len);
		n->repeated++;
	}
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct side *s = ctx;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)rnd(s->net);
}

struct answer {
	unsigned int id;
};

static int answer_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	struct answer *a = ctx;
	size_t total = answer_len(a->id);

	if (offset >= total)
		return 0;
	if (len > total - offset)
		len = total - (size_t)offset;
	for (size_t i = 0; i < len; i++)
		buf[i] = byte(a->id + 100, offset + i);
	return (int)len;
}

static void answer_now(struct side *s, uint32_t xid, unsigned int id)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_204_CHANGED);
	struct answer *a = malloc(sizeof(*a));
	struct coap_body body = {answer_read, free, a, COAP_SIZE_UNKNOWN};

	assert_non_null(a);
	a->id = id;
	rsp.body = &body;
	assert_int_equal(coap_respond(s->ep, s->net->now, xid, &rsp), 0);
}

static int on_request(void *ctx, const struct coap_request *req)
{
	struct side *s = ctx;
	const struct coap_opt *o = coap_opt_find(req->msg, COAP_OPT_URI_PATH);
	unsigned int id;

	assert_non_null(o);
	id = (unsigned int)o->val[0] - 'a';
	assert_true(id < CALLS);
	/* in order, whole, nothing twice */
	if (req->restart)
		fail_msg("nobody restarts");
	if (!req->offset && s->net->kill_every)
		s->next[id] = 0; /* an attempt that was cut off by a kill may lie behind */
	assert_int_equal(req->offset, s->next[id]);
	for (size_t i = 0; i < req->len; i++)
		assert_int_equal(req->data[i], byte(id, req->offset + i));
	s->next[id] += req->len;
	if (req->more)
		return 0;
	assert_int_equal(s->next[id], request_len(id));
	s->delivered[id]++;
	assert_int_equal(s->delivered[id], 1);
	if (rnd(s->net) % 2) {
		answer_now(s, req->xid, id);
	} else {
		struct later *l = &s->later[s->n_later++];

		l->at = s->net->now + rnd(s->net) % 5000;
		l->xid = req->xid;
		l->id = id;
	}
	return 0;
}

static void next_call(struct side *s);

static void on_result(void *ctx, const struct coap_result *res)
{
	struct side *s = ctx;
	struct sent_call *c = res->user;

	assert_false(c->over);
	if (!res->error && COAP_CODE_CLASS(res->code) == 2) {
		assert_int_equal(res->offset, c->got);
		for (size_t i = 0; i < res->len; i++)
			assert_int_equal(res->data[i], byte(c->id + 100, res->offset + i));
		c->got += res->len;
	}
	if (res->more)
		return;
	c->over = true;
	s->done++;
	if (!res->error && COAP_CODE_CLASS(res->code) == 2) {
		c->ok = true;
		assert_int_equal(c->got, answer_len(c->id));
		assert_int_equal(s->net->s[!s->no].delivered[c->id], 1);
	}
	next_call(s);
}

static int request_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	struct sent_call *c = ctx;

	if (offset >= c->len)
		return 0;
	if (len > c->len - offset)
		len = c->len - (size_t)offset;
	for (size_t i = 0; i < len; i++)
		buf[i] = byte(c->id, offset + i);
	return (int)len;
}

static bool same_request(const struct coap_dedup_record *a, const struct coap_dedup_record *b)
{
	return a->mid == b->mid && a->code == b->code && a->digest == b->digest &&
	       a->token_len == b->token_len && !memcmp(a->token, b->token, a->token_len);
}

static int on_store(void *ctx, const struct coap_dedup_record *rec)
{
	struct side *s = ctx;
	unsigned int i;

	for (i = 0; i < s->n_disk; i++)
		if (same_request(&s->disk[i].rec, rec))
			break;
	assert_true(i < KEPT);
	s->disk[i].rec = *rec;
	s->disk[i].rec.response = NULL;
	s->disk[i].old = false;
	if (rec->response) {
		memcpy(s->disk[i].response, rec->response, rec->response_len);
		s->disk[i].rec.response = s->disk[i].response;
	}
	if (i == s->n_disk)
		s->n_disk++;
	return 0;
}

static int on_find(void *ctx, struct coap_dedup_record *rec)
{
	struct side *s = ctx;

	for (unsigned int i = 0; i < s->n_disk; i++) {
		if (s->disk[i].old && same_request(&s->disk[i].rec, rec)) {
			*rec = s->disk[i].rec;
			return 1;
		}
	}
	return 0;
}

static const struct coap_ops ops = {
	.dedup_store = on_store,
	.dedup_find = on_find,
	.send = on_send,
	.random = on_random,
	.request = on_request,
	.result = on_result,
};

static void next_call(struct side *s)
{
	struct coap_opts opts = {0};
	struct sent_call *c;
	struct coap_body body = {request_read, NULL, NULL, 0};
	struct coap_call call = {.method = COAP_POST, .opts = &opts, .body = &body};
	char path[2] = "a";

	if (s->sent == CALLS)
		return;
	c = &s->calls[s->sent];
	c->id = s->sent++;
	c->side = s;
	c->len = request_len(c->id);
	path[0] = (char)('a' + c->id);
	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path);
	body.ctx = c;
	body.total = c->len;
	call.user = c;
	assert_int_equal(coap_call(s->ep, s->net->now, &call, NULL), 0);
}

/* kill -9 and start: all but the disk is lost. Our own calls end with it. */
static void kill_and_start(struct side *s)
{
	s->net->kills++;
	s->n_later = 0;
	for (unsigned int i = 0; i < s->n_disk; i++)
		s->disk[i].old = true;
	coap_endpoint_free(s->ep);
	assert_int_equal(coap_endpoint_new(&s->ep, &ops, s, NULL), 0);
}

static uint64_t run(struct net *n)
{
	for (int i = 0; i < 2; i++) {
		n->s[i].net = n;
		n->s[i].no = i;
		assert_int_equal(coap_endpoint_new(&n->s[i].ep, &ops, &n->s[i], NULL), 0);
	}
	/* who is killed sends nothing of its own */
	for (int i = 0; i < (n->kill_every ? 1 : 2); i++)
		for (int k = 0; k < 3; k++)
			next_call(&n->s[i]);

	for (;;) {
		uint64_t t = COAP_NEVER;

		for (int i = 0; i < FLIGHT; i++)
			if (n->p[i].used && n->p[i].at < t)
				t = n->p[i].at;
		for (int i = 0; i < 2; i++) {
			uint64_t d = coap_next_deadline(n->s[i].ep);

			if (d < t)
				t = d;
			for (unsigned int k = 0; k < n->s[i].n_later; k++)
				if (n->s[i].later[k].at < t)
					t = n->s[i].later[k].at;
		}
		if (t == COAP_NEVER)
			break;
		if (t > n->now)
			n->now = t;
		if (n->kill_every && n->now >= n->s[1].next_kill) {
			if (n->s[1].next_kill)
				kill_and_start(&n->s[1]);
			n->s[1].next_kill = n->now + 1 + rnd(n) % (2 * n->kill_every);
		}
		for (int i = 0; i < FLIGHT; i++) {
			struct packet *p = &n->p[i];

			if (p->used && p->at <= n->now) {
				struct packet copy = *p;

				p->used = false;
				coap_input(n->s[copy.to].ep, n->now, copy.data, copy.len);
			}
		}
		for (int i = 0; i < 2; i++) {
			struct side *s = &n->s[i];

			for (unsigned int k = 0; k < s->n_later;) {
				struct later l = s->later[k];

				if (l.at > n->now) {
					k++;
					continue;
				}
				s->later[k] = s->later[--s->n_later];
				answer_now(s, l.xid, l.id);
			}
			coap_tick(s->ep, n->now);
		}
	}
	assert_int_equal(n->s[0].done, CALLS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(n->s[i].done, n->s[i].sent);
		coap_endpoint_free(n->s[i].ep);
	}
	return n->now;
}

static void rounds(unsigned int loss, unsigned int dup, unsigned int delay, uint64_t kill_every,
		   unsigned int min_ok)
{
	unsigned int kills = 0;
	unsigned int ok = 0, all = 0, dropped = 0, repeated = 0;

	for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
		struct net *n = calloc(1, sizeof(*n));

		assert_non_null(n);
		n->seed = seed * 2654435761u;
		n->loss = loss;
		n->dup = dup;
		n->delay = delay;
		n->kill_every = kill_every;
		run(n);
		for (int i = 0; i < 2; i++) {
			for (unsigned int k = 0; k < n->s[i].sent; k++) {
				ok += n->s[i].calls[k].ok;
				all++;
			}
		}
		dropped += n->dropped;
		repeated += n->repeated;
		kills += n->kills;
		free(n);
	}
	print_message("# loss %u%% dup %u%% delay %u ms: %u of %u POSTs answered, %u datagrams "
		      "dropped, %u repeated, %u kills\n",
		      loss, dup, delay, ok, all, dropped, repeated, kills);
	assert_true(ok * 100 >= all * min_ok);
}

static void test_clean(void **state)
{
	(void)state;
	rounds(0, 0, 50, 0, 100);
}

static void test_repeats(void **state)
{
	(void)state;
	rounds(0, 60, 1500, 0, 100);
}

static void test_bad(void **state)
{
	(void)state;
	rounds(10, 20, 1500, 0, 98);
}

static void test_terrible(void **state)
{
	(void)state;
	rounds(30, 40, 6000, 0, 50);
}

static void test_killed(void **state)
{
	(void)state;
	rounds(5, 30, 800, 1500, 30);
	rounds(15, 50, 3000, 10000, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),  cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_bad),    cmocka_unit_test(test_terrible),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
