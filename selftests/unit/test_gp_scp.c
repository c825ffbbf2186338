// SPDX-License-Identifier: Apache-2.0
/* Secure channels: what is refused, and what is said of it. Vectors are in the next file. */
#include "gp_scp_bench.h"

#define KEY "404142434445464748494A4B4C4D4E4F"
#define HOST "FDF38259A1E0DE44"
#define RSP_03                       \
	"00000000000000000000300370" \
	"3B1ACA81E821F219081CDC01C26B372D000003"
#define RSP_02 "00000000000000000000700200016B4524ABEE7CF32EA3838BC148F3"

static void aes_bench(struct scp_bench *b, uint8_t level)
{
	bench_init(b, GP_SCP_AUTO, GP_SCP_I_AUTO, level);
	bench_keys(b, GP_KEY_AES, 0, "000102030405060708090a0b0c0d0e0f",
		   "101112131415161718191a1b1c1d1e1f", "202122232425262728292a2b2c2d2e2f");
	bench_challenge(b, HOST);
}

static void aes_open(struct scp_bench *b, uint8_t level)
{
	struct gp_apdu apdu;

	aes_bench(b, level);
	bench_new(b);
	assert_int_equal(gp_scp_next(b->scp, &apdu, NULL), 1);
	gp_apdu_clear(&apdu);
	feed(b, RSP_03 "9000");
	assert_int_equal(gp_scp_next(b->scp, &apdu, NULL), 1);
	gp_apdu_clear(&apdu);
	feed(b, "9000");
	assert_true(gp_scp_is_open(b->scp));
}

static void test_params(void **state)
{
	static const struct {
		enum gp_protocol protocol;
		int i;
		uint8_t level;
		int ret;
	} cases[] = {
		{GP_SCP02, 0x15, 0x33, -EINVAL},
		{GP_SCP02, 0x15, 0x02, -EINVAL},
		{GP_SCP03, GP_SCP_I_AUTO, 0x10, -EINVAL},
		{GP_SCP03, GP_SCP_I_AUTO, 0x30, -EINVAL},
		{GP_SCP_AUTO, GP_SCP_I_AUTO, 0x31, -EINVAL},
		{GP_SCP_AUTO, 0x80, 0x01, -EINVAL},
		{(enum gp_protocol)0x01, GP_SCP_I_AUTO, 0x01, -EINVAL},
		{GP_SCP11A, GP_SCP_I_AUTO, 0x13, -EINVAL},
		{GP_SCP11B, GP_SCP_I_AUTO, 0x01, -ENOKEY},
		{GP_SCP_AUTO, GP_SCP_I_AUTO, 0x33, 0},
		{GP_SCP02, 0x35, 0x10, 0},
		/* begins by itself: level 01 only, and with an AID for the first ICV */
		{GP_SCP02, 0x1a, 0x03, -EINVAL},
		{GP_SCP02, 0x1a, 0x01, -EINVAL},
		{GP_SCP02, 0x12, 0x01, 0},
	};
	struct scp_bench b;

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct gp_scp *scp;

		bench_init(&b, cases[k].protocol, cases[k].i, cases[k].level);
		bench_keys(&b, GP_KEY_DES, 0, KEY, KEY, KEY);
		if (gp_scp_new(&scp, &b.p, &b.err) != cases[k].ret)
			fail_msg("case %zu: %s", k, b.err.detail);
		assert_int_equal(!!scp, !cases[k].ret);
		if (cases[k].ret)
			assert_true(b.err.code[0] && b.err.detail[0]);
		gp_scp_free(scp);
	}
	bench_init(&b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x01);
	b.p.keys = NULL;
	assert_int_equal(gp_scp_new(&b.scp, &b.p, &b.err), -ENOKEY);
	b.p.keys = &b.set;
	b.p.random.fill = NULL;
	assert_int_equal(gp_scp_new(&b.scp, &b.p, &b.err), -EINVAL);
	assert_string_equal(b.err.code, "no-random");
}

/* Order of calls: nothing is made twice, nothing is taken that was not asked for. */
static void test_order(void **state)
{
	struct scp_bench b;
	struct gp_apdu apdu;

	(void)state;
	aes_bench(&b, 0x01);
	bench_new(&b);
	assert_int_equal(fed(&b, "9000"), -EINVAL);
	assert_int_equal(gp_scp_next(b.scp, &apdu, &b.err), 1);
	gp_apdu_clear(&apdu);
	assert_int_equal(gp_scp_next(b.scp, &apdu, &b.err), -EBUSY);
	apdu_of(&apdu, "80CA006600");
	assert_int_equal(gp_scp_wrap(b.scp, &apdu, &b.err), -ENOTCONN);
	gp_apdu_clear(&apdu);
	feed(&b, RSP_03 "9000");
	assert_int_equal(gp_scp_next(b.scp, &apdu, &b.err), 1);
	gp_apdu_clear(&apdu);
	feed(&b, "9000");
	assert_int_equal(gp_scp_next(b.scp, &apdu, &b.err), 0);
	assert_int_equal(gp_scp_next(b.scp, &apdu, &b.err), 0);
	assert_int_equal(fed(&b, "9000"), -EINVAL);
	assert_true(gp_scp_is_open(b.scp));
	{
		uint8_t rsp[8];
		size_t n;

		assert_int_equal(unwrapped(&b, "9000", rsp, &n), -ENOENT);
		assert_true(gp_scp_is_open(b.scp));
	}
	bench_free(&b);
}

static void test_answers(void **state)
{
	static const struct {
		const char *rsp;
		int ret;
		const char *code;
	} cases[] = {
		{"", -EBADMSG, "bad-response"},
		{"90", -EBADMSG, "bad-response"},
		{"9000", -EBADMSG, "bad-response"},
		{"6A88", -EPROTO, "no-such-key"},
		{"6983", -EACCES, "key-blocked"},
		{"6985", -EPROTO, "card-refused"},
		{RSP_03 "009000", -EBADMSG, "bad-response"},
		{RSP_02 "009000", -EBADMSG, "bad-response"},
		{RSP_02 "9000", -EKEYREJECTED, "wrong-keys"},
		/* SCP01, and one that there is not */
		{"00000000000000000000700100016B4524ABEE7CF32EA3838BC148F39000",
		 -EPROTONOSUPPORT, "wrong-protocol"},
		{"00000000000000000000707F00016B4524ABEE7CF32EA3838BC148F39000",
		 -EPROTONOSUPPORT, "wrong-protocol"},
		/* S16 without having been asked */
		{"00000000000000000000300361"
		 "0617A2C34D50B562F7DECFC3DBF58A649EF733B7486D813C92E4CA61E5102F919000",
		 -EPROTO, "wrong-protocol"},
		/* another digit in the cryptogram */
		{"000000000000000000003003703B1ACA81E821F219081CDC01C26B372C0000039000",
		 -EKEYREJECTED, "wrong-keys"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scp_bench b;
		struct gp_apdu apdu;

		aes_bench(&b, 0x01);
		bench_new(&b);
		assert_int_equal(gp_scp_next(b.scp, &apdu, NULL), 1);
		gp_apdu_clear(&apdu);
		assert_int_equal(fed(&b, cases[k].rsp), cases[k].ret);
		assert_string_equal(b.err.code, cases[k].code);
		assert_int_equal(gp_scp_next(b.scp, &apdu, &b.err), -ENOTCONN);
		bench_free(&b);
	}
}

/* What the card counts and what it does not, when it refuses EXTERNAL AUTHENTICATE. */
static void test_refusals(void **state)
{
	static const struct {
		const char *rsp;
		int ret;
		const char *code;
	} cases[] = {
		{"6300", -EACCES, "authentication-failed"},
		{"63C2", -EACCES, "authentication-failed"},
		{"6982", -EACCES, "authentication-failed"},
		{"6985", -EACCES, "authentication-failed"},
		{"6983", -EACCES, "key-blocked"},
		{"6A86", -EPROTO, "card-refused"},
		{"6D00", -EPROTO, "card-refused"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scp_bench b;
		struct gp_apdu apdu;

		aes_bench(&b, 0x01);
		bench_new(&b);
		assert_int_equal(gp_scp_next(b.scp, &apdu, NULL), 1);
		gp_apdu_clear(&apdu);
		feed(&b, RSP_03 "9000");
		assert_int_equal(gp_scp_next(b.scp, &apdu, NULL), 1);
		gp_apdu_clear(&apdu);
		assert_int_equal(fed(&b, cases[k].rsp), cases[k].ret);
		assert_string_equal(b.err.code, cases[k].code);
		bench_free(&b);
	}
}

/* A level that the card's option i does not have is not tried. */
static void test_level_not_offered(void **state)
{
	static const char *const rsp[] = {
		"00000000000000000000300300",
		"00000000000000000000300310",
		"00000000000000000000300330",
	};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct scp_bench b;
		struct gp_apdu apdu;
		char text[128];

		aes_bench(&b, 0x33);
		bench_new(&b);
		assert_int_equal(gp_scp_next(b.scp, &apdu, NULL), 1);
		gp_apdu_clear(&apdu);
		snprintf(text, sizeof(text), "%s3B1ACA81E821F219081CDC01C26B372D9000", rsp[k]);
		assert_int_equal(fed(&b, text), -EINVAL);
		assert_string_equal(b.err.code, "bad-level");
		bench_free(&b);
	}
}

static void test_classes(void **state)
{
	static const struct {
		uint8_t cla;
		int ret;
		uint8_t wrapped;
	} cases[] = {
		{0x80, 0, 0x84},    {0x00, 0, 0x04},	{0x81, -EINVAL, 0}, {0x84, -EINVAL, 0},
		{0x90, -EINVAL, 0}, {0xc0, -EINVAL, 0}, {0x40, -EINVAL, 0}, {0x0c, -EINVAL, 0},
	};
	struct scp_bench b;

	(void)state;
	aes_open(&b, 0x01);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct gp_apdu apdu;

		gp_apdu_init(&apdu, cases[k].cla, 0xca, 0, 0x66);
		assert_int_equal(gp_scp_wrap(b.scp, &apdu, &b.err), cases[k].ret);
		if (!cases[k].ret) {
			assert_int_equal(apdu.cla, cases[k].wrapped);
			assert_int_equal(apdu.len, 8);
		}
		gp_apdu_clear(&apdu);
	}
	bench_free(&b);
}

/* Le leaves room for what secure messaging adds. */
static void test_le(void **state)
{
	static const struct {
		uint8_t level;
		uint32_t le, want;
	} cases[] = {
		{0x01, 0, 0},	      {0x01, 16, 16},	{0x01, 256, 256}, {0x11, 0, 0},
		{0x11, 16, 24},	      {0x11, 250, 256}, {0x11, 256, 256}, {0x33, 16, 40},
		{0x33, 15, 24},	      {0x33, 240, 256}, {0x33, 300, 312}, {0x33, 65536, 65536},
		{0x33, 65535, 65536},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scp_bench b;
		struct gp_apdu apdu;

		aes_open(&b, cases[k].level);
		gp_apdu_init(&apdu, 0x80, 0xca, 0, 0x66);
		apdu.le = cases[k].le;
		assert_int_equal(gp_scp_wrap(b.scp, &apdu, NULL), 0);
		assert_int_equal(apdu.le, cases[k].want);
		gp_apdu_clear(&apdu);
		bench_free(&b);
	}
}

static void test_sizes(void **state)
{
	static const struct {
		uint8_t level;
		size_t lc_max, want;
	} cases[] = {
		{0x00, 255, 255}, {0x01, 255, 247}, {0x03, 255, 239}, {0x33, 255, 239},
		{0x01, 7, 0},	  {0x03, 23, 0},    {0x03, 24, 15},   {0x03, 65535, 65519},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scp_bench b;
		struct gp_apdu apdu;
		size_t max;

		aes_open(&b, cases[k].level);
		max = gp_scp_max_data(b.scp, cases[k].lc_max);
		assert_int_equal(max, cases[k].want);
		/* as many fit, and one more does not */
		for (int more = 0; more < 2 && max; more++) {
			gp_apdu_init(&apdu, 0x80, 0xe2, 0, 0);
			for (size_t i = 0; i < max + (size_t)more && i < GP_LC_EXTENDED; i++)
				gp_apdu_add_byte(&apdu, 0x5a);
			assert_int_equal(gp_scp_wrap(b.scp, &apdu, NULL),
					 more && cases[k].lc_max == 65535 ? -EMSGSIZE : 0);
			if (cases[k].lc_max < 65535)
				assert_int_equal(apdu.len > cases[k].lc_max, more);
			gp_apdu_clear(&apdu);
		}
		bench_free(&b);
	}
}

/* Cards that do not count commands without data: pySim's session with such a card. */
static void test_no_count(void **state)
{
	struct scp_bench counts, quirk;
	struct gp_apdu a, b;

	(void)state;
	for (int order = 0; order < 2; order++) {
		aes_open(&counts, 0x03);
		aes_bench(&quirk, 0x03);
		quirk.p.quirks.no_count_no_data = true;
		bench_new(&quirk);
		assert_int_equal(gp_scp_next(quirk.scp, &a, NULL), 1);
		gp_apdu_clear(&a);
		feed(&quirk, RSP_03 "9000");
		assert_int_equal(gp_scp_next(quirk.scp, &a, NULL), 1);
		gp_apdu_clear(&a);
		feed(&quirk, "9000");
		for (int i = 0; i < 3; i++) {
			apdu_of(&a, i == order ? "80CA006600" : "80F28002024F0000");
			assert_int_equal(gp_apdu_copy(&b, &a), 0);
			assert_int_equal(gp_scp_wrap(counts.scp, &a, NULL), 0);
			assert_int_equal(gp_scp_wrap(quirk.scp, &b, NULL), 0);
			assert_int_equal(a.len, b.len);
			/* the same until a command had no data */
			assert_int_equal(!memcmp(a.data, b.data, a.len), i <= order);
			gp_apdu_clear(&a);
			gp_apdu_clear(&b);
		}
		bench_free(&counts);
		bench_free(&quirk);
	}
}

/* Responses that cannot be what the card sent. */
static void test_responses(void **state)
{
	static const struct {
		uint8_t level;
		const char *rsp;
		int ret;
	} cases[] = {
		{0x33, "9000", -EBADMSG},
		{0x33, "90", -EBADMSG},
		{0x33, "", -EBADMSG},
		{0x33, "01020304050607089000", -EBADMSG},
		{0x33, "6310", -EBADMSG},
		{0x33, "6283", -EBADMSG},
		/* errors have no MAC */
		{0x33, "6A88", 0},
		{0x33, "6982", 0},
		{0x01, "9000", 0},
		{0x01, "01029000", 0},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scp_bench b;
		struct gp_apdu apdu;
		uint8_t rsp[64];
		size_t n;

		aes_open(&b, cases[k].level);
		apdu_of(&apdu, "80CA006600");
		assert_int_equal(gp_scp_wrap(b.scp, &apdu, NULL), 0);
		gp_apdu_clear(&apdu);
		assert_int_equal(unwrapped(&b, cases[k].rsp, rsp, &n), cases[k].ret);
		assert_int_equal(gp_scp_is_open(b.scp), !cases[k].ret);
		assert_int_equal(gp_scp_pending(b.scp), 0);
		bench_free(&b);
	}
}

static void test_dek(void **state)
{
	struct scp_bench b;
	uint8_t in[40] = {1, 2, 3}, out[48];
	size_t n;

	(void)state;
	aes_open(&b, 0x01);
	assert_int_equal(gp_scp_dek_type(b.scp), GP_KEY_AES);
	assert_int_equal(gp_scp_encrypt(b.scp, in, 24, out, sizeof(out), &n), 0);
	assert_int_equal(n, 32);
	assert_int_equal(gp_key_cbc(&b.set.dek, false, NULL, out, n, out), 0);
	assert_memory_equal(out, in, 24);
	assert_memory_equal(out + 24, "\x80\0\0\0\0\0\0\0", 8);
	assert_int_equal(gp_scp_encrypt(b.scp, in, 16, out, 16, &n), 0);
	assert_int_equal(n, 16);
	bench_free(&b);
	/* without one, nothing is enciphered under zeros */
	aes_bench(&b, 0x01);
	gp_key_clear(&b.set.dek);
	bench_new(&b);
	assert_int_equal(gp_scp_encrypt(b.scp, in, 16, out, 16, &n), -ENOTCONN);
	{
		struct gp_apdu apdu;

		assert_int_equal(gp_scp_next(b.scp, &apdu, NULL), 1);
		gp_apdu_clear(&apdu);
		feed(&b, RSP_03 "9000");
		assert_int_equal(gp_scp_next(b.scp, &apdu, NULL), 1);
		gp_apdu_clear(&apdu);
		feed(&b, "9000");
	}
	assert_int_equal(gp_scp_encrypt(b.scp, in, 16, out, 16, &n), -ENOKEY);
	bench_free(&b);
}

/* SCP02's static keys enciphered under S-DEK: GlobalPlatformPro's TestPlaintextKeys. */
static void test_scp02_dek(void **state)
{
	struct scp_bench b;
	uint8_t key[16], out[16];
	size_t n;

	(void)state;
	/* counter 0000; a session that begins by itself needs no answer of a card */
	bench_init(&b, GP_SCP02, 0x13, 0x01);
	bench_keys(&b, GP_KEY_DES, 0, KEY, KEY, KEY);
	bench_new(&b);
	assert_int_equal(gp_scp_step(b.scp), GP_STEP_OPEN);
	bytes_of(KEY, key, 16);
	assert_int_equal(gp_scp_encrypt(b.scp, key, 16, out, 16, &n), 0);
	bytes_are(out, n, "EFBEE6C6D99D7B70BDE9D7E927F020AF");
	bench_free(&b);
}

static void test_certificates(void **state)
{
	struct gp_cert cert;
	struct gp_error err;
	uint8_t p[256], spoilt[256], ca[65];
	size_t n =
		bytes_of("7F2181A8930101420103 5F200104 950200805F250420200101 5F240420301231"
			 "7F4946 B041"
			 "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
			 "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
			 "F00100 5F3740"
			 "0000000000000000000000000000000000000000000000000000000000000000"
			 "0000000000000000000000000000000000000000000000000000000000000000",
			 p, sizeof(p));

	(void)state;
	assert_int_equal(gp_cert_parse(p, n, &cert, &err), 0);
	assert_int_equal(cert.usage, 0x80);
	assert_int_equal(cert.curve, 0);
	bytes_are(cert.serial.p, cert.serial.len, "01");
	bytes_are(cert.issuer.p, cert.issuer.len, "03");
	bytes_are(cert.subject.p, cert.subject.len, "04");
	bytes_are(cert.valid_to.p, cert.valid_to.len, "20301231");
	assert_int_equal(cert.body.len + 67, 0xa8);
	memcpy(ca, cert.point.p, sizeof(ca));
	/* cut anywhere, or with more behind */
	for (size_t k = 0; k < n; k++)
		assert_int_equal(gp_cert_parse(p, k, &cert, &err), -EBADMSG);
	memcpy(spoilt, p, n);
	spoilt[n] = 0;
	assert_int_equal(gp_cert_parse(spoilt, n + 1, &cert, &err), -EBADMSG);
	/* nobody signed it */
	assert_int_equal(gp_scp11_card_key(p, n, 0, ca, sizeof(ca), NULL, &cert, &err),
			 -EKEYREJECTED);
	assert_int_equal(gp_scp11_card_key(p, 0, 0, ca, sizeof(ca), NULL, &cert, &err),
			 -EBADMSG);
	assert_string_equal(err.code, "bad-certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_level_not_offered),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_le),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_count),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_dek),
		cmocka_unit_test(test_scp02_dek),
		cmocka_unit_test(test_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
