// SPDX-License-Identifier: Apache-2.0
/*
 * SCP02 from the card's side: the golden vectors that pySim's tests publish, the other
 * options, and S16 of SCP03, for which no vectors are published, by both ends.
 */
#include "softse_bench.h"

static void keys_of(struct scp02_keys *k)
{
	memset(k, 0, sizeof(*k));
	for (uint8_t i = 0; i < 16; i++) {
		k->enc[i] = (uint8_t)(0x10 + i);
		k->mac[i] = (uint8_t)(0x11 + i);
		k->dek[i] = (uint8_t)(0x12 + i);
	}
}

/* The key bytes of the published vector: 100102..0F, 101102..0F, 102102..0F. */
static void published(struct scp02_keys *k)
{
	memset(k, 0, sizeof(*k));
	k->kvn = 0x70;
	for (uint8_t i = 0; i < 16; i++)
		k->enc[i] = k->mac[i] = k->dek[i] = i;
	k->enc[0] = k->mac[0] = k->dek[0] = 0x10;
	k->mac[1] = 0x11;
	k->dek[1] = 0x21;
}

static void unwrap(struct scp02 *s, const char *wrapped, const char *clear)
{
	uint8_t c[300], want[300];
	size_t n = unhex(wrapped, c, sizeof(c)), len = c[4], want_len;

	assert_true(n == 5 + len || n == 6 + len);
	want_len = unhex(clear, want, sizeof(want));
	assert_int_equal(scp02_unwrap(s, c, false, c + 5, &len), 0x9000);
	assert_int_equal(len, want_len);
	assert_memory_equal(c + 5, want, len);
}

static void test_vectors(void **state)
{
	struct scp02_keys keys;
	struct scp02 s = {0};
	uint8_t host[8], rsp[28], want[28], c[32], head[4] = {0x84, 0x82, 0x01, 0};

	(void)state;
	published(&keys);
	unhex("40A62C37FA6304F8", host, 8);
	unhex("00000000000000000000700200016B4524ABEE7CF32EA3838BC148F3", want, 28);
	assert_int_equal(scp02_initialize(&s, &keys, 0x15, host, 1, NULL, 0, want + 14, rsp),
			 0);
	assert_memory_equal(rsp, want, 28);
	unhex("8482010010BA6961667737C5BCEBECE14C7D6A4376", c, sizeof(c));
	assert_int_equal(scp02_authenticate(&s, head, c + 5, 16), 0x9000);
	unwrap(&s, "84F220020814DB34FA4341DCA8", "");
	unwrap(&s, "84CA00660855ED7C5FF069512B00", "");
	unwrap(&s, "84F22002124F0212345C054F9F70C58FC1B380C4228AF8", "4F0212345C054F9F70C5");
	unwrap(&s, "84F280020A4F003B95F09317DE6A4E00", "4F00");
	scp02_close(&s);
}

static void test_refuses(void **state)
{
	static const struct {
		uint8_t level;
		size_t len;
		int spoil;
		uint16_t sw;
	} cases[] = {
		{0x01, 16, -1, 0x9000}, {0x00, 16, -1, 0x6982}, {0x01, 16, 0, 0x6300},
		{0x01, 16, 8, 0x6982},	{0x02, 16, -1, 0x6a86}, {0x11, 16, -1, 0x6a86},
		{0x30, 16, -1, 0x6a86}, {0x01, 15, -1, 0x6700},
	};
	struct scp02_keys keys;
	uint8_t host[8], rsp[28], c[32], random[6];

	(void)state;
	published(&keys);
	unhex("40A62C37FA6304F8", host, 8);
	unhex("6B4524ABEE7C", random, 6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t head[4] = {0x84, 0x82, cases[i].level, 0};
		struct scp02 s = {0};

		assert_int_equal(
			scp02_initialize(&s, &keys, 0x15, host, 1, NULL, 0, random, rsp), 0);
		unhex("8482010010BA6961667737C5BCEBECE14C7D6A4376", c, sizeof(c));
		if (cases[i].spoil >= 0)
			c[5 + cases[i].spoil] ^= 1;
		assert_int_equal(scp02_authenticate(&s, head, c + 5, cases[i].len),
				 cases[i].sw);
		scp02_close(&s);
	}
}

/* i = 55: the challenge is a MAC over the AID, the same for the same counter. */
static void test_well_known_challenge(void **state)
{
	static const uint8_t aid[] = {0xa0, 0, 0, 1, 0x51, 0, 0, 0};
	struct scp02_keys keys;
	struct scp02 s = {0};
	uint8_t host[8] = {0}, one[28], two[28], three[28];

	(void)state;
	keys_of(&keys);
	assert_int_equal(scp02_initialize(&s, &keys, 0x55, host, 7, aid, 8, NULL, one), 0);
	assert_int_equal(scp02_initialize(&s, &keys, 0x55, host, 7, aid, 8, NULL, two), 0);
	assert_int_equal(scp02_initialize(&s, &keys, 0x55, host, 8, aid, 8, NULL, three), 0);
	assert_memory_equal(one, two, 28);
	assert_memory_not_equal(one + 14, three + 14, 6);
	scp02_close(&s);
}

/* A card with DES keys; the host's part by the card's own session keys. */
static void card_with(struct bench *b, uint8_t i)
{
	card_exit(&b->card);
	memset(&b->card, 0, sizeof(b->card));
	card_profile_default(&b->card.profile);
	b->card.profile.keys[0].kvn = 0x20;
	b->card.profile.key_types[0] = KEY_DES;
	b->card.profile.scp02_i = i;
	assert_int_equal(card_init(&b->card, (char[64]){0}, 64), 0);
}

static void wrap(struct scp02 *s, uint8_t *c, size_t *n)
{
	uint8_t head[5] = {0x84, c[1], c[2], c[3], (uint8_t)(c[4] + 8)}, mac[8], icv[8];
	struct crypto_part parts[] = {{head, 5}, {c + 5, c[4]}};

	if (s->i & SCP02_I_UNMODIFIED) {
		head[0] = 0x80;
		head[4] = c[4];
	}
	memcpy(icv, s->icv, 8);
	if (s->icv_set && s->i & SCP02_I_ICV_ENC)
		assert_int_equal(crypto_des_cbc(true, s->s_mac, 8, NULL, icv, 8, icv), 0);
	assert_int_equal(crypto_des_mac(false, s->s_mac, 16, icv, parts, 2, mac), 0);
	memcpy(c + 5 + c[4], mac, 8);
	c[0] = 0x84;
	c[4] = (uint8_t)(c[4] + 8);
	*n = 5U + c[4];
}

static void test_sessions(void **state)
{
	static const uint8_t options[] = {0x15, 0x55, 0x05, 0x45, 0x14, 0x17, 0x35, 0x75};
	struct bench *b = *state;

	for (size_t k = 0; k < sizeof(options); k++)
		for (uint8_t level = 0; level <= 0x13; level++) {
			struct scp *s = &b->card.channels[0].scp;
			uint8_t c[64] = {0x84, 0x82, level, 0, 8};
			bool known = (level & 0x0f) < 4 && (level & 3) != 2;
			bool offered = known && (level < 0x10 || options[k] & SCP02_I_RMAC);
			size_t n;

			if (!known)
				continue;
			card_with(b, options[k]);
			cmd(b, "80500000", "0001020304050607", 0x9000);
			assert_int_equal(b->len, 28);
			assert_int_equal(b->rsp[11], 2);
			memcpy(c + 5, s->s2.host_cryptogram, 8);
			wrap(&s->s2, c, &n);
			assert_int_equal(bench_run(b, c, n), offered ? 0x9000 : 0x6a86);
			if (!offered)
				continue;
			assert_int_equal(b->card.entries[0]->keys[0].seq, 1);
			memcpy(c, (uint8_t[]){0x80, 0xca, 0, 0x66, 0}, 5);
			if (level & 1)
				wrap(&s->s2, c, &n);
			else
				n = 5;
			if (level & 2) {
				continue; /* encryption is in the vectors and in GPShell */
			}
			assert_int_equal(bench_run(b, c, n), 0x9000);
			assert_int_equal(b->rsp[0], 0x66);
			assert_int_equal(b->len, 2U + b->rsp[1] + (level & 0x10 ? 8U : 0U));
		}
}

/* i = 1A: no INITIALIZE UPDATE; the first C-MAC opens the session. */
static void test_implicit(void **state)
{
	struct bench *b = *state;
	struct scp02_keys keys = {.kvn = 0x20};
	struct scp02 host = {0};
	uint8_t c[64] = {0x80, 0xf2, 0x80, 0x02, 2, 0x4f, 0x00}, aid[8];
	size_t n;

	card_with(b, 0x1a);
	for (uint8_t i = 0; i < 16; i++)
		keys.enc[i] = keys.mac[i] = keys.dek[i] = (uint8_t)(0x40 + i);
	unhex(ISD, aid, 8);
	cmd(b, "80500000", "0001020304050607", 0x6985);
	cmd(b, "80F28002", "4F00", 0x6982);
	assert_int_equal(scp02_implicit(&host, &keys, 0x1a, 0, aid, 8), 0);
	wrap(&host, c, &n);
	c[n - 1] ^= 1;
	assert_int_equal(bench_run(b, c, n), 0x6982);
	assert_int_equal(b->card.entries[0]->tries, 1);
	c[n - 1] ^= 1;
	assert_int_equal(bench_run(b, c, n), 0x9000);
	assert_int_equal(b->rsp[0], 0xe3);
	assert_int_equal(b->card.entries[0]->tries, 0);
	assert_int_equal(b->card.entries[0]->keys[0].seq, 1);
	/* the same command again is a replay */
	assert_int_equal(bench_run(b, c, n), 0x6982);
	scp02_close(&host);
}

/* SCP03 with 16-byte cryptograms and MACs. */
static void test_s16(void **state)
{
	struct bench *b = *state;
	struct scp03 *s = &b->card.channels[0].scp.s3;
	uint8_t c[64] = {0x84, 0x82, 0x33, 0, 32}, mac[16];
	struct crypto_part parts[] = {{s->chain, 16}, {c, 21}};

	b->card.profile.scp_i = 0x71;
	cmd(b, "80500000", "0001020304050607", 0x6700);
	cmd(b, "80500000", "000102030405060708090A0B0C0D0E0F", 0x9000);
	assert_int_equal(b->len, 48);
	assert_int_equal(b->rsp[12], 0x71);
	memcpy(c + 5, s->host_cryptogram, 16);
	crypto_cmac(s->s_mac, s->key_len, parts, 2, mac);
	memcpy(c + 21, mac, 16);
	c[36] ^= 1;
	assert_int_equal(bench_run(b, c, 37), 0x6982);
	cmd(b, "80500000", "000102030405060708090A0B0C0D0E0F", 0x9000);
	memcpy(c + 5, s->host_cryptogram, 16);
	crypto_cmac(s->s_mac, s->key_len, parts, 2, mac);
	memcpy(c + 21, mac, 16);
	assert_int_equal(bench_run(b, c, 37), 0x9000);
	memcpy(c, (uint8_t[]){0x84, 0xca, 0, 0x45, 16}, 5);
	parts[1].len = 5;
	crypto_cmac(s->s_mac, s->key_len, parts, 2, mac);
	memcpy(c + 5, mac, 16);
	assert_int_equal(bench_run(b, c, 21), 0x9000);
	assert_int_equal(b->len, 16 + 16); /* 45 08 .. in one cipher block, and the R-MAC */
}

int main(void)
{
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_well_known_challenge),
		BENCH_TEST(test_sessions),
		BENCH_TEST(test_implicit),
		BENCH_TEST(test_s16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
