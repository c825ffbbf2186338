// SPDX-License-Identifier: Apache-2.0
/* CoAP messages: format and option rules. Vectors: RFC 7252 appendix A, figures 16 to 22. */
#include "coap_bench.h"

static void check(const char *hex, enum coap_type type, uint8_t code, uint16_t mid,
		  const char *token, const char *path, const char *payload)
{
	struct coap_opts opts = {0};
	uint8_t in[256], out[256];
	size_t n = bench_hex(in, hex);
	struct coap_msg m;
	char buf[64];

	assert_int_equal(coap_decode(&m, in, n), 0);
	assert_int_equal(m.type, type);
	assert_int_equal(m.code, code);
	assert_int_equal(m.mid, mid);
	assert_int_equal(m.token_len, strlen(token));
	assert_memory_equal(m.token, token, m.token_len);
	assert_int_equal(m.payload_len, strlen(payload));
	if (*payload)
		assert_memory_equal(m.payload, payload, m.payload_len);
	assert_true(coap_opt_path(&m, COAP_OPT_URI_PATH, buf, sizeof(buf)) >= 0);
	assert_string_equal(buf, path);

	for (unsigned int i = 0; i < m.n_opts; i++)
		assert_int_equal(
			coap_opts_add(&opts, m.opts[i].num, m.opts[i].val, m.opts[i].len), 0);
	assert_int_equal(coap_encode(out, sizeof(out), &m, &opts), n);
	assert_memory_equal(in, out, n);
	for (size_t room = 0; room < n; room++)
		assert_int_equal(coap_encode(out, room, &m, &opts), -EMSGSIZE);
}

static void test_appendix_a(void **state)
{
	(void)state;
	check("40 01 7d34 bb 74656d7065726174757265", COAP_CON, COAP_GET, 0x7d34, "",
	      "/temperature", "");
	check("60 45 7d34 ff 32322e332043", COAP_ACK, COAP_205_CONTENT, 0x7d34, "", "",
	      "22.3 C");
	check("41 01 7d35 20 bb 74656d7065726174757265", COAP_CON, COAP_GET, 0x7d35, "\x20",
	      "/temperature", "");
	check("61 45 7d35 20 ff 32322e332043", COAP_ACK, COAP_205_CONTENT, 0x7d35, "\x20", "",
	      "22.3 C");
	check("60 00 7d38", COAP_ACK, COAP_EMPTY, 0x7d38, "", "", "");
	check("41 45 ad7b 53 ff 32322e332043", COAP_CON, COAP_205_CONTENT, 0xad7b, "\x53", "",
	      "22.3 C");
	check("70 00 ad7c", COAP_RST, COAP_EMPTY, 0xad7c, "", "", "");
	check("51 01 7d40 75 bb 74656d7065726174757265", COAP_NON, COAP_GET, 0x7d40, "\x75",
	      "/temperature", "");
}

static int decode(const char *hex)
{
	uint8_t buf[512], *exact;
	size_t n = bench_hex(buf, hex);
	struct coap_msg m;
	int r;

	exact = malloc(n ? n : 1);
	assert_non_null(exact);
	memcpy(exact, buf, n);
	r = coap_decode(&m, exact, n);
	free(exact);
	return r;
}

static void test_malformed(void **state)
{
	char hex[512] = "40 01 0001";

	(void)state;
	assert_int_equal(decode(""), -EPROTO);
	assert_int_equal(decode("40 01 00"), -EPROTO);
	assert_int_equal(decode("80 01 0001"), -EPROTO); /* version 2 */
	assert_int_equal(decode("00 01 0001"), -EPROTO);
	assert_int_equal(decode("49 01 0001 010203040506070809"), -EBADMSG); /* TKL 9 */
	assert_int_equal(decode("42 01 0001 01"), -EBADMSG);		     /* token cut */
	assert_int_equal(decode("40 00 0001 00"), -EBADMSG); /* Empty with more */
	assert_int_equal(decode("41 00 0001 aa"), -EBADMSG);
	assert_int_equal(decode("40 01 0001 ff"), -EBADMSG);	/* marker without payload */
	assert_int_equal(decode("40 01 0001 f0 00"), -EBADMSG); /* reserved delta */
	assert_int_equal(decode("40 01 0001 0f 00"), -EBADMSG); /* reserved length */
	assert_int_equal(decode("40 01 0001 b5 61"), -EBADMSG); /* value cut */
	assert_int_equal(decode("40 01 0001 d0"), -EBADMSG);	/* extended delta cut */
	assert_int_equal(decode("40 01 0001 e0 00"), -EBADMSG);
	assert_int_equal(decode("40 01 0001 0e ff"), -EBADMSG);
	assert_int_equal(decode("40 01 0001 e0 fef2"), 0); /* number 65535 */
	assert_int_equal(decode("40 01 0001 e0 fef3"), -EBADMSG);
	assert_int_equal(decode("40 01 0001 e0 fef2 10"), -EBADMSG); /* beyond it */
	for (int i = 0; i < COAP_MSG_OPTS_MAX; i++)
		strcat(hex, " 00");
	assert_int_equal(decode(hex), 0);
	strcat(hex, " 00");
	assert_int_equal(decode(hex), -E2BIG);
}

static void test_build(void **state)
{
	struct coap_msg m = {.type = COAP_CON, .code = COAP_POST, .mid = 1}, back;
	struct coap_opts o = {0};
	const struct coap_opt *opt;
	unsigned int pos = 0;
	uint8_t buf[1280], big[300] = {0};
	char path[64], name[8];
	uint32_t v;
	int n;

	(void)state;
	/* given out of order */
	assert_int_equal(coap_opts_add_uint(&o, COAP_OPT_SIZE1, 70000), 0);
	assert_int_equal(coap_opts_add_path(&o, COAP_OPT_URI_PATH, "/rd/5"), 0);
	assert_int_equal(coap_opts_add_path(&o, COAP_OPT_URI_QUERY, "ep=x&lt=60"), 0);
	assert_int_equal(coap_opts_add_uint(&o, COAP_OPT_CONTENT_FORMAT, 0), 0);
	assert_int_equal(coap_opts_add_str(&o, COAP_OPT_URI_PATH, "a"), 0);
	assert_int_equal(coap_opts_add(&o, 2048, big, 280), 0); /* two-byte delta and length */
	assert_int_equal(coap_opts_add(&o, COAP_OPT_URI_PATH, big, 256), -EINVAL);
	assert_int_equal(coap_opts_add_uint(&o, COAP_OPT_ACCEPT, 65536), -EINVAL);
	assert_int_equal(coap_opts_add(&o, 2050, big, 300), 0);
	assert_int_equal(coap_opts_add(&o, 2050, big, 300), -ENOSPC);
	n = coap_encode(buf, sizeof(buf), &m, &o);
	assert_true(n > 0);
	assert_int_equal(coap_decode(&back, buf, (size_t)n), 0);
	assert_int_equal(back.n_opts, o.n);
	assert_true(coap_opt_path(&back, COAP_OPT_URI_PATH, path, sizeof(path)) > 0);
	assert_string_equal(path, "/rd/5/a");
	assert_true(coap_opt_path(&back, COAP_OPT_URI_QUERY, path, sizeof(path)) > 0);
	assert_string_equal(path, "ep=x&lt=60");
	assert_int_equal(coap_opt_path(&back, COAP_OPT_URI_QUERY, path, 5), -ENOSPC);
	assert_true(coap_opt_uint(&back, COAP_OPT_SIZE1, &v));
	assert_int_equal(v, 70000);
	assert_true(coap_opt_uint(&back, COAP_OPT_CONTENT_FORMAT, &v));
	assert_int_equal(v, 0);
	opt = coap_opt_next(&back, COAP_OPT_URI_QUERY, &pos);
	assert_true(coap_opt_eq(opt, "ep=x"));
	opt = coap_opt_next(&back, COAP_OPT_URI_QUERY, &pos);
	assert_true(coap_opt_eq(opt, "lt=60"));
	assert_null(coap_opt_next(&back, COAP_OPT_URI_QUERY, &pos));
	assert_null(coap_opt_find(&back, COAP_OPT_OBSERVE));
	assert_int_equal(coap_opt_find(&back, 2048)->len, 280);

	assert_string_equal(coap_code_name(COAP_205_CONTENT, name), "2.05 Content");
	assert_string_equal(coap_code_name(COAP_CODE(4, 29), name), "4.29");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appendix_a),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
