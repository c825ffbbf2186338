// SPDX-License-Identifier: Apache-2.0
/*
 * OSCORE: the vectors of RFC 8613 Appendix C, the option, and what a context keeps over
 * a restart.
 */
#include "oscore_bench.h"

static const uint8_t id_context[] = {0x37, 0xcb, 0xf3, 0x21, 0x00, 0x17, 0xa2, 0xd3};

static void same_hex(const uint8_t *p, size_t len, const char *hex)
{
	uint8_t want[256];
	size_t n = bench_hex(want, hex);

	assert_int_equal(len, n);
	assert_memory_equal(p, want, n);
}

/* ---- C.1 to C.3: key derivation ----------------------------------------------------- */

static const struct {
	const char *name, *sid, *rid;
	bool salted, with_context;
	const char *sender, *recipient, *iv, *sender_nonce, *recipient_nonce;
} derivations[] = {
	{"C.1.1", "", "01", true, false, "f0910ed7295e6ad4b54fc793154302ff",
	 "ffb14e093c94c9cac9471648b4f98710", "4622d4dd6d944168eefb54987c",
	 "4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c"},
	{"C.1.2", "01", "", true, false, "ffb14e093c94c9cac9471648b4f98710",
	 "f0910ed7295e6ad4b54fc793154302ff", "4622d4dd6d944168eefb54987c",
	 "4722d4dd6d944169eefb54987c", "4622d4dd6d944168eefb54987c"},
	{"C.2.1", "00", "01", false, false, "321b26943253c7ffb6003b0b64d74041",
	 "e57b5635815177cd679ab4bcec9d7dda", "be35ae297d2dace910c52e99f9",
	 "bf35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9"},
	{"C.2.2", "01", "00", false, false, "e57b5635815177cd679ab4bcec9d7dda",
	 "321b26943253c7ffb6003b0b64d74041", "be35ae297d2dace910c52e99f9",
	 "bf35ae297d2dace810c52e99f9", "bf35ae297d2dace910c52e99f9"},
	{"C.3.1", "", "01", true, true, "af2a1300a5e95788b356336eeecd2b92",
	 "e39a0c7c77b43f03b4b39ab9a268699f", "2ca58fb85ff1b81c0b7181b85e",
	 "2ca58fb85ff1b81c0b7181b85e", "2da58fb85ff1b81d0b7181b85e"},
	{"C.3.2", "01", "", true, true, "e39a0c7c77b43f03b4b39ab9a268699f",
	 "af2a1300a5e95788b356336eeecd2b92", "2ca58fb85ff1b81c0b7181b85e",
	 "2da58fb85ff1b81d0b7181b85e", "2ca58fb85ff1b81c0b7181b85e"},
};

static struct keeper *keeper(const char *sid, const char *rid, bool salted, bool with_context)
{
	static uint8_t ids[8][OSCORE_ID_MAX];
	static unsigned int n;
	struct keeper *k = calloc(1, sizeof(*k));
	uint8_t *s = ids[n++ % 8], *r = ids[n++ % 8];

	assert_non_null(k);
	k->random = 1;
	k->config = keeper_config(s, bench_hex(s, sid), r, bench_hex(r, rid), salted);
	k->config.has_id_context = with_context;
	k->config.id_context = id_context;
	k->config.id_context_len = with_context ? sizeof(id_context) : 0;
	keeper_start(k);
	return k;
}

static void done(struct keeper *k)
{
	oscore_free(k->o);
	free(k);
}

static void test_derivation(void **state)
{
	static const uint8_t zero[1];

	(void)state;
	for (size_t i = 0; i < sizeof(derivations) / sizeof(derivations[0]); i++) {
		struct keeper *k = keeper(derivations[i].sid, derivations[i].rid,
					  derivations[i].salted, derivations[i].with_context);
		uint8_t nonce[OSCORE_NONCE_MAX];

		print_message("%s\n", derivations[i].name);
		same_hex(k->o->keys.sender, 16, derivations[i].sender);
		same_hex(k->o->keys.recipient, 16, derivations[i].recipient);
		same_hex(k->o->keys.iv, 13, derivations[i].iv);
		oscore_nonce(k->o->p.alg, &k->o->keys, k->o->p.sid, k->o->p.sid_len, zero, 1,
			     nonce);
		same_hex(nonce, 13, derivations[i].sender_nonce);
		oscore_nonce(k->o->p.alg, &k->o->keys, k->o->p.rid, k->o->p.rid_len, zero, 1,
			     nonce);
		same_hex(nonce, 13, derivations[i].recipient_nonce);
		done(k);
	}
}

/* ---- C.4 to C.8: messages ------------------------------------------------------------- */

/* A datagram as what coap_encode() takes. */
static void options_of(const struct coap_msg *m, struct coap_opts *opts)
{
	memset(opts, 0, sizeof(*opts));
	for (unsigned int i = 0; i < m->n_opts; i++)
		assert_int_equal(
			coap_opts_add(opts, m->opts[i].num, m->opts[i].val, m->opts[i].len), 0);
}

static const struct {
	const char *name, *sid, *rid;
	bool salted, with_context;
	const char *plain, *wire;
} requests[] = {
	{"C.4", "", "01", true, false, "44015d1f00003974396c6f63616c686f737483747631",
	 "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"},
	{"C.5", "00", "01", false, false, "440171c30000b932396c6f63616c686f737483747631",
	 "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0"},
	{"C.6", "", "01", true, true, "44012f8eef9bbf7a396c6f63616c686f737483747631",
	 "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff"
	 "72cd7273fd331ac45cffbe55c3"},
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct keeper *client = keeper(requests[i].sid, requests[i].rid,
					       requests[i].salted, requests[i].with_context);
		struct keeper *server = keeper(requests[i].rid, requests[i].sid,
					       requests[i].salted, requests[i].with_context);
		uint8_t plain[256], sealed[256], wire[256], open[256];
		size_t len = bench_hex(plain, requests[i].plain);
		struct coap_msg m, outer, inner;
		struct coap_opts opts, outer_opts;
		struct oscore_binding b, sb;
		const char *why;
		int n;

		print_message("%s\n", requests[i].name);
		client->o->ssn = 20;
		assert_int_equal(coap_decode(&m, plain, len), 0);
		options_of(&m, &opts);
		assert_int_equal(oscore_protect_request(client->o, &m, &opts, &outer,
							&outer_opts, sealed, sizeof(sealed),
							&b),
				 0);
		n = coap_encode(wire, sizeof(wire), &outer, &outer_opts);
		assert_true(n > 0);
		same_hex(wire, (size_t)n, requests[i].wire);

		/* and the other way */
		assert_int_equal(coap_decode(&m, wire, (size_t)n), 0);
		assert_int_equal(oscore_open_request(server->o, &m, &inner, open, sizeof(open),
						     &sb, &why),
				 0);
		options_of(&inner, &opts);
		n = coap_encode(wire, sizeof(wire), &inner, &opts);
		same_hex(wire, (size_t)n, requests[i].plain);
		assert_int_equal(sb.piv_len, 1);
		assert_int_equal(sb.piv[0], 20);
		assert_int_equal(oscore_accept_request(server->o, &inner, &sb, &why), 0);
		assert_false(sb.challenge);
		/* the same once more is a replay */
		assert_int_equal(oscore_accept_request(server->o, &inner, &sb, &why),
				 COAP_401_UNAUTHORIZED);
		assert_string_equal(why, "Replay detected");
		done(client);
		done(server);
	}
}

static void test_responses(void **state)
{
	static const char plain_hex[] = "64455d1f00003974ff48656c6c6f20576f726c6421";
	static const char *const wires[] = {
		"64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106",
		"64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e",
	};

	(void)state;
	/* C.7 with the request's nonce, C.8 with one of its own */
	for (int own = 0; own < 2; own++) {
		struct keeper *client = keeper("", "01", true, false);
		struct keeper *server = keeper("01", "", true, false);
		struct oscore_binding b = {.used = true, .piv_len = 1, .piv = {0x14}};
		uint8_t plain[256], sealed[256], wire[256], open[256];
		size_t len = bench_hex(plain, plain_hex);
		struct coap_msg m, outer, inner;
		struct coap_opts opts = {0}, outer_opts;
		int n;

		assert_int_equal(coap_decode(&m, plain, len), 0);
		assert_int_equal(oscore_protect_response(server->o, &m, &opts, own, &outer,
							 &outer_opts, sealed, sizeof(sealed),
							 &b),
				 0);
		n = coap_encode(wire, sizeof(wire), &outer, &outer_opts);
		same_hex(wire, (size_t)n, wires[own]);
		assert_int_equal(b.nonce_spent, !own);

		assert_int_equal(coap_decode(&m, wire, (size_t)n), 0);
		b.nonce_spent = false;
		assert_int_equal(
			oscore_open_response(client->o, &m, &inner, open, sizeof(open), &b), 0);
		assert_int_equal(inner.code, COAP_205_CONTENT);
		assert_int_equal(inner.payload_len, 12);
		assert_memory_equal(inner.payload, "Hello World!", 12);
		/* not the answer to another request */
		b.piv[0]++;
		assert_int_equal(
			oscore_open_response(client->o, &m, &inner, open, sizeof(open), &b),
			-EPROTO);
		done(client);
		done(server);
	}
}

/* A nonce serves one response; the next has its own, asked for or not. */
static void test_nonce_once(void **state)
{
	struct keeper *server = keeper("01", "", true, false);
	struct oscore_binding b = {.used = true, .piv_len = 1, .piv = {0x14}};
	struct coap_msg m = {.type = COAP_ACK, .code = COAP_205_CONTENT}, outer;
	struct coap_opts outer_opts;
	uint8_t buf[64];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(oscore_protect_response(server->o, &m, NULL, false, &outer,
							 &outer_opts, buf, sizeof(buf), &b),
				 0);
		assert_int_equal(outer_opts.o[0].num, OSCORE_OPTION);
		assert_int_equal(outer_opts.o[0].len, i ? 2 : 0);
		assert_int_equal(server->o->ssn, i);
	}
	done(server);
}

/* ---- other algorithms: the two ends understand each other ------------------------------ */

static void test_algorithms(void **state)
{
	static const int32_t aeads[] = {1, 2, 3, 10, 11, 12, 13, 24, 30, 31, 32, 33};
	static const int32_t hkdfs[] = {0, -10, -11, 5, 7};
	static const uint8_t a[] = {0xa}, b_[] = {0xb};

	(void)state;
	for (size_t i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++) {
		for (size_t h = 0; h < sizeof(hkdfs) / sizeof(hkdfs[0]); h++) {
			struct keeper c = {.config = keeper_config(a, 1, b_, 1, true)};
			struct keeper s = {.config = keeper_config(b_, 1, a, 1, true)};
			struct coap_msg m = {.code = COAP_POST,
					     .payload = (const uint8_t *)"secret",
					     .payload_len = 6};
			struct coap_msg outer, in, inner;
			struct coap_opts outer_opts;
			struct oscore_binding cb, sb;
			uint8_t buf[64], wire[128], open[128];
			const char *why = "";
			int n;

			c.config.aead = s.config.aead = aeads[i];
			c.config.hkdf = s.config.hkdf = hkdfs[h];
			keeper_start(&c);
			keeper_start(&s);
			assert_int_equal(oscore_protect_request(c.o, &m, NULL, &outer,
								&outer_opts, buf, sizeof(buf),
								&cb),
					 0);
			assert_int_equal(outer.payload_len, 1 + 1 + 6 + c.o->p.alg->tag);
			n = coap_encode(wire, sizeof(wire), &outer, &outer_opts);
			assert_int_equal(coap_decode(&in, wire, (size_t)n), 0);
			assert_int_equal(oscore_open_request(s.o, &in, &inner, open,
							     sizeof(open), &sb, &why),
					 0);
			assert_int_equal(inner.payload_len, 6);
			assert_memory_equal(inner.payload, "secret", 6);
			/* each bit of the ciphertext counts */
			for (int bit = 0; bit < 8; bit++) {
				wire[n - 1 - bit] ^= (uint8_t)(1 << bit);
				assert_int_equal(oscore_open_request(s.o, &in, &inner, open,
								     sizeof(open), &sb, &why),
						 COAP_400_BAD_REQUEST);
				wire[n - 1 - bit] ^= (uint8_t)(1 << bit);
			}
			oscore_free(c.o);
			oscore_free(s.o);
		}
	}
}

static void test_config(void **state)
{
	static const uint8_t id[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct keeper k = {.config = keeper_config(id, 1, id + 1, 1, true)};
	struct oscore_config c = k.config;
	struct oscore *o;
	uint8_t name[OSCORE_NAME_LEN], other[OSCORE_NAME_LEN];

	(void)state;
#define REFUSED(error)                                                                 \
	do {                                                                           \
		assert_int_equal(oscore_new(&o, &c, &keeper_ops, &k, NULL, 0), error); \
		assert_null(o);                                                        \
		c = k.config;                                                          \
	} while (0)
	c.recipient_id = id;
	REFUSED(-EINVAL);
	c.sender_id_len = 8;
	REFUSED(-EINVAL);
	c.master_secret_len = 0;
	REFUSED(-EINVAL);
	c.master_secret_len = OSCORE_SECRET_MAX + 1;
	REFUSED(-EINVAL);
	c.aead = 9;
	REFUSED(-ENOTSUP);
	c.hkdf = 6;
	REFUSED(-ENOTSUP);
	/* a nonce of 7 bytes leaves one for the IDs */
	c.aead = OSCORE_AES_CCM_64_64_128;
	c.sender_id_len = 2;
	REFUSED(-EINVAL);
#undef REFUSED
	assert_int_equal(oscore_name(&k.config, name), 0);
	assert_int_equal(oscore_name(&k.config, other), 0);
	assert_memory_equal(name, other, sizeof(name));
	c.sender_id = id + 2;
	assert_int_equal(oscore_name(&c, other), 0);
	assert_memory_not_equal(name, other, sizeof(name));
	/* state of another key is not taken, nor is a damaged one */
	keeper_start(&k);
	k.o->ssn = 1;
	oscore_free(k.o);
	assert_true(k.len > 0);
	assert_int_equal(oscore_new(&o, &c, &keeper_ops, &k, k.state, k.len), -EBADMSG);
	for (size_t i = 0; i < k.len; i++) {
		k.state[i] ^= 1;
		assert_int_equal(oscore_new(&o, &k.config, &keeper_ops, &k, k.state, k.len),
				 -EBADMSG);
		k.state[i] ^= 1;
	}
	assert_int_equal(oscore_new(&o, &k.config, &keeper_ops, &k, k.state, k.len - 1),
			 -EBADMSG);
}

/* ---- the option (6.1) ----------------------------------------------------------------------
 */

static void test_option(void **state)
{
	static const struct {
		const char *hex;
		bool good;
	} t[] = {
		{"", true},
		{"0914", true},
		{"09140a0b", true},
		{"190100", true},
		{"1914023cbf", true},
		{"0201ff", true},
		{"0100", true},
		{"08", true},
		{"00", false}, /* would be the empty one */
		{"20", false},
		{"40", false},
		{"80", false}, /* reserved flags */
		{"06010203040506", false},
		{"0701020304050607", false}, /* reserved lengths */
		{"01", false},
		{"0201", false},   /* cut off */
		{"020014", false}, /* leading zero */
		{"1114", false},
		{"111402aa", false},
		{"1114ff", false}, /* kid context */
		{"0114aa", false}, /* bytes behind without a kid */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t val[32], again[32];
		size_t len = bench_hex(val, t[i].hex);
		uint8_t *exact = malloc(len ? len : 1);
		struct oscore_option opt;
		int r;

		memcpy(exact, val, len);
		r = oscore_option_decode(&opt, exact, len);
		assert_int_equal(r, t[i].good ? 0 : -EBADMSG);
		if (!r) {
			r = oscore_option_encode(&opt, again, sizeof(again));
			assert_int_equal(r, len);
			assert_memory_equal(again, val, len);
			if (len)
				assert_int_equal(oscore_option_encode(&opt, again, len - 1),
						 -ENOSPC);
		}
		free(exact);
	}
}

/* ---- what lasts
 * -------------------------------------------------------------------------------- */

static uint64_t sent_piv(struct keeper *k)
{
	struct coap_msg m = {.code = COAP_GET}, outer;
	struct coap_opts outer_opts;
	struct oscore_binding b;
	uint8_t buf[64];
	uint64_t v = 0;

	assert_int_equal(oscore_protect_request(k->o, &m, NULL, &outer, &outer_opts, buf,
						sizeof(buf), &b),
			 0);
	for (unsigned int i = 0; i < b.piv_len; i++)
		v = v << 8 | b.piv[i];
	return v;
}

/* B.1.1: whatever happens when, no sequence number is used twice. */
static void test_ssn(void **state)
{
	struct keeper *k = keeper("", "01", true, false);
	uint64_t last = 0, v;

	(void)state;
	assert_int_equal(sent_piv(k), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		v = sent_piv(k);
		assert_true(v > last);
		assert_true(v - last <= 65);
		last = v;
		if (i % 7 == 3) {
			keeper_crash(k);
		} else if (i % 11 == 5) {
			unsigned int stores = k->stores;

			keeper_restart(k);
			assert_true(k->stores <= stores + 1);
			v = sent_piv(k);
			assert_int_equal(v, last + 1); /* nothing was wasted */
			last = v;
		}
	}
	/* one store for many */
	k->stores = 0;
	for (unsigned int i = 0; i < 640; i++)
		sent_piv(k);
	assert_in_range(k->stores, 9, 12);
	done(k);
}

static void test_ssn_refused(void **state)
{
	struct keeper *k = keeper("", "01", true, false);
	struct coap_msg m = {.code = COAP_GET}, outer;
	struct coap_opts outer_opts;
	struct oscore_binding b;
	uint8_t buf[64];

	(void)state;
	k->error = -ENOSPC;
	assert_int_equal(oscore_protect_request(k->o, &m, NULL, &outer, &outer_opts, buf,
						sizeof(buf), &b),
			 -ENOSPC);
	k->error = 0;
	assert_int_equal(sent_piv(k), 0);
	/* and at the end of the numbers there is an end */
	k->o->ssn = k->o->ssn_limit = OSCORE_SSN_MAX - 1;
	assert_int_equal(sent_piv(k), OSCORE_SSN_MAX - 1);
	assert_int_equal(oscore_protect_request(k->o, &m, NULL, &outer, &outer_opts, buf,
						sizeof(buf), &b),
			 -EOVERFLOW);
	done(k);
}

/* The window against a list of everything that came. */
static void test_window(void **state)
{
	struct keeper *k = keeper("", "01", true, false);
	bool came[2000] = {false};
	uint64_t top = 0;
	uint32_t r = 7;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t v;

		r = r * 1103515245u + 12345u;
		v = top + 5 - (r >> 16) % 80;
		if (top + 5 < (r >> 16) % 80 || v >= 2000)
			continue;
		if (v + 64 <= top)
			assert_true(oscore_seen(k->o, v));
		else
			assert_int_equal(oscore_seen(k->o, v), came[v]);
		if (oscore_seen(k->o, v))
			continue;
		assert_int_equal(oscore_see(k->o, v), 0);
		came[v] = true;
		if (v > top)
			top = v;
		if (i % 101 == 0) {
			keeper_restart(k);
			for (uint64_t j = 0; j <= top; j++)
				if (j + 64 > top)
					assert_int_equal(oscore_seen(k->o, j), came[j]);
		}
	}
	assert_true(top > 1900);
	done(k);
}

/* What was seen since the last store is seen after a crash too. */
static void test_window_crash(void **state)
{
	struct keeper *k = keeper("", "01", true, false);

	(void)state;
	for (uint64_t v = 0; v < 300; v++) {
		assert_false(oscore_seen(k->o, v));
		assert_int_equal(oscore_see(k->o, v), 0);
		if (v % 37 == 5) {
			keeper_crash(k);
			for (uint64_t j = 0; j <= v; j++)
				assert_true(oscore_seen(k->o, j));
			assert_true(k->o->recovering);
			v = k->o->recv_limit;
			assert_false(oscore_seen(k->o, v));
			assert_int_equal(oscore_see(k->o, v), 0);
			k->o->recovering = false; /* as oscore_accept_request() does */
		} else if (v % 41 == 7) {
			/* a gap below what an orderly end left, filled, and then a crash */
			assert_int_equal(oscore_see(k->o, v + 2), 0);
			keeper_restart(k);
			assert_false(oscore_seen(k->o, v + 1));
			assert_int_equal(oscore_see(k->o, v + 1), 0);
			keeper_crash(k);
			assert_true(oscore_seen(k->o, v + 1));
			v = k->o->recv_limit - 1;
			k->o->recovering = false;
		}
	}
	done(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derivation),   cmocka_unit_test(test_requests),
		cmocka_unit_test(test_responses),    cmocka_unit_test(test_nonce_once),
		cmocka_unit_test(test_algorithms),   cmocka_unit_test(test_config),
		cmocka_unit_test(test_option),	     cmocka_unit_test(test_ssn),
		cmocka_unit_test(test_ssn_refused),  cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
