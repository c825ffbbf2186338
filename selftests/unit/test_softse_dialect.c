// SPDX-License-Identifier: Apache-2.0
/*
 * The families of T=1 at the SE's end. Blocks of iso-lrc are those of the classic
 * examples, the ATR of um11225 is the one that an SE050 gives.
 */
#include "softse_host.h"

#include "softse/profile.h"

static const char *const dialects[] = {"gp", "iso-lrc", "iso-crc", "nxp", "um11225"};

#define DIALECTS (sizeof(dialects) / sizeof(dialects[0]))

static void in_hex(struct host *h, const char *text)
{
	uint8_t block[300];
	int n = parse_hex(text, block, sizeof(block));

	assert_true(n > 0);
	t1_input(&h->t1, block, (size_t)n, h->now);
}

static void out_hex(struct host *h, const char *text)
{
	uint8_t want[300];
	int n = parse_hex(text, want, sizeof(want));

	assert_int_equal(h->n_sent, 1);
	assert_int_equal(h->sent_len[0], n);
	assert_memory_equal(h->sent[0], want, (size_t)n);
	h->n_sent = 0;
}

static void test_iso_vectors(void **state)
{
	struct host *h = host_new("iso-lrc", NULL);

	(void)state;
	in_hex(h, "00C000C0");
	out_hex(h, "00E000E0");
	in_hex(h, "00C101FE3E");
	out_hex(h, "00E101FE1E");
	in_hex(h, "00000E00A4040008A0000001510000000056");
	out_hex(h, "000002000103");
	assert_int_equal(h->cmd_len, 14);
	in_hex(h, "00400500A404000055"); /* its LRC is E5 */
	out_hex(h, "00910091");
	h->work_us = 2000000;
	in_hex(h, "00400500A4040000E5");
	host_waits(h, 800000);
	out_hex(h, "00C30101C3");
	in_hex(h, "00E30101E3");
	host_waits(h, 1200000);
	out_hex(h, "004002000143");
	free(h);
}

/* What every family does, in its own frame. */
static void test_all_exchange(void **state)
{
	static const uint8_t cmd[40] = {0x80};

	(void)state;
	for (size_t d = 0; d < DIALECTS; d++) {
		struct host *h = host_new(dialects[d], NULL);
		size_t ifsd = h->t1.params.ifsd;

		t1_set_ifsc(&h->t1, 32);
		host_sends(h, 0x00, cmd, 5);
		host_gets(h, 0x00, 2);
		host_sends(h, 0x60, cmd, 32);
		host_gets(h, 0x80, 0);
		h->rsp_len = 2 * ifsd + 1;
		host_sends(h, 0x00, cmd, 8);
		assert_int_equal(h->cmd_len, 40);
		host_gets(h, 0x60, ifsd);
		host_sends(h, 0x80, NULL, 0);
		host_gets(h, 0x20, ifsd);
		host_sends(h, 0x90, NULL, 0);
		host_gets(h, 0x40, 1);
		host_sends(h, 0xc1, "\x10", 1);
		host_gets(h, 0xe1, 1);
		h->rsp_len = 17;
		host_sends(h, 0x40, cmd, 5);
		host_gets(h, 0x20, 16);
		host_sends(h, 0xc2, NULL, 0);
		host_gets(h, 0xe2, 0);
		host_sends(h, 0xc0, NULL, 0);
		host_gets(h, 0xe0, 0);
		assert_int_equal(h->t1.ifsd, ifsd);
		h->rsp_len = 2;
		host_sends(h, 0x00, cmd, 5);
		host_gets(h, 0x00, 2);
		assert_int_equal(h->executed, 4);
		assert_int_equal(h->resets, 0);
		host_hears_nothing(h);
		free(h);
	}
}

/* The same code is another request in another family. */
static void test_codes(void **state)
{
	static const struct {
		const char *dialect;
		uint8_t code;
		bool known;
		unsigned int resets;
	} cases[] = {
		{"gp", 4, true, 0},	   {"gp", 5, false, 0},	      {"gp", 6, true, 0},
		{"gp", 7, false, 0},	   {"gp", 15, true, 1},	      {"gp", 30, true, 1},
		{"gp", 31, true, 1},	   {"iso-lrc", 4, false, 0},  {"iso-lrc", 5, false, 0},
		{"iso-lrc", 6, false, 0},  {"iso-lrc", 15, false, 0}, {"iso-crc", 4, false, 0},
		{"nxp", 4, true, 0},	   {"nxp", 5, true, 1},	      {"nxp", 6, false, 0},
		{"nxp", 15, false, 0},	   {"um11225", 4, false, 0},  {"um11225", 5, true, 1},
		{"um11225", 6, true, 1},   {"um11225", 7, true, 0},   {"um11225", 15, true, 0},
		{"um11225", 30, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host *h = host_new(cases[i].dialect, NULL);

		host_sends(h, (uint8_t)(0xc0 | cases[i].code), NULL, 0);
		assert_int_equal(h->n_sent, 1);
		assert_int_equal(h->sent[0][1], cases[i].known ? 0xe0 | cases[i].code : 0x82);
		assert_int_equal(h->resets, cases[i].resets);
		free(h);
	}
}

static void test_atr_um11225(void **state)
{
	static const char se050[] = "00A0000003960403E800FE020B03E80801000000006400000A"
				    "4A434F5034204154504F";
	struct host *h = host_new("um11225", NULL);
	struct t1_params *p = &h->t1.params;
	uint8_t want[64];
	int n = parse_hex(se050, want, sizeof(want));

	(void)state;
	memcpy(p->iin, "\xa0\x00\x00\x03\x96", 5);
	p->iin_len = 5;
	p->mcf_khz = 1000;
	p->config = 8;
	p->segt_us = 100;
	memcpy(p->hist, "JCOP4 ATPO", 10);
	p->hist_len = 10;
	host_sends(h, 0xc7, NULL, 0);
	assert_int_equal(h->sent_len[0], 3 + n + 2);
	assert_memory_equal(h->sent[0] + 3, want, (size_t)n);
	host_gets(h, 0xe7, (size_t)n);
	/* an interface reset says the same, and sequence numbers begin anew */
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0x00, 2);
	host_sends(h, 0xcf, NULL, 0);
	host_gets(h, 0xef, (size_t)n);
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 2);
	free(h);
}

static void test_atr_iso(void **state)
{
	static const uint8_t want[] = {0x3b, 0x86, 0x81, 0x71, 0x20, 0x45, 0x01,
				       'S',  'E',  'S',	 'A',  'M',  'E'};
	struct t1_params p;
	uint8_t atr[T1_ATR_MAX], tck = 0;
	size_t n;

	(void)state;
	t1_params_default(&p, t1_dialect("iso-crc"));
	n = t1_atr(&p, atr);
	assert_int_equal(n, sizeof(want) + 1);
	assert_memory_equal(atr, want, sizeof(want));
	for (size_t i = 1; i < n; i++)
		tck ^= atr[i];
	assert_int_equal(tck, 0);
	memcpy(p.atr, "\x3b\x00", 2);
	p.atr_len = 2;
	assert_int_equal(t1_atr(&p, atr), 2);
}

static void test_cip_i2c(void **state)
{
	static const uint8_t want[] = {1,    4, 0x99, 0x99, 0x99, 0x0f, 2, 8,	 0, 5, 0x27,
				       0x10, 0, 10,   0,    10,	  4,	1, 0x2c, 4, 0, 0};
	struct t1_params p;
	uint8_t cip[T1_CIP_MAX];

	(void)state;
	t1_params_default(&p, t1_dialect("gp"));
	p.physical = 2;
	p.hist_len = 0;
	assert_int_equal(t1_cip(&p, cip), sizeof(want));
	assert_memory_equal(cip, want, sizeof(want));
}

static void test_ifs_request(void **state)
{
	struct host *h = host_new("iso-lrc", NULL);

	(void)state;
	h->t1.params.ifs_request = true;
	t1_set_ifsc(&h->t1, 200);
	t1_power_up(&h->t1, 0);
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0xc1, 1);
	/* anything else: once more; a wrong answer as well */
	host_sends(h, 0x82, NULL, 0);
	host_gets(h, 0xc1, 1);
	host_sends(h, 0xe1, "\xc7", 1);
	host_gets(h, 0xc1, 1);
	host_sends(h, 0xe1, "\xc8", 1);
	host_gets(h, 0x00, 2);
	host_sends(h, 0x40, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0x40, 2);
	assert_int_equal(h->executed, 2);
	/* it is told again when the link begins anew */
	host_sends(h, 0xc0, NULL, 0);
	host_gets(h, 0xe0, 0);
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0xc1, 1);
	free(h);
}

/* S(IFS) of two bytes is T=1' only; 00 and FF are no sizes. */
static void test_ifs_refused(void **state)
{
	struct host *h;

	(void)state;
	for (size_t d = 0; d < DIALECTS; d++) {
		h = host_new(dialects[d], NULL);
		host_sends(h, 0xc1, "\xff", 1);
		host_gets(h, 0x82, 0);
		host_sends(h, 0xc1, "\x00", 1);
		host_gets(h, 0x82, 0);
		host_sends(h, 0xc1, "\x01\x00", 2);
		if (d)
			host_gets(h, 0x82, 0);
		else
			host_gets(h, 0xe1, 2);
		free(h);
	}
}

static void test_pending(void **state)
{
	struct host *h = host_new("gp", NULL);
	uint32_t work = h->t1.work;

	(void)state;
	h->pending = true;
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_waits(h, 150000);
	host_gets(h, 0xc3, 1);
	/* the answer comes while the extension is being asked for */
	t1_finish(&h->t1, work, (const uint8_t *)"\x12\x34\x90\x00", 4, h->now);
	host_hears_nothing(h);
	host_sends(h, 0xe3, "\x01", 1);
	host_gets(h, 0x00, 4);
	/* what was given up is not answered by what comes late */
	work = h->t1.work;
	host_sends(h, 0x40, "\x00\xa4\x04\x00", 4);
	host_sends(h, 0xc0, NULL, 0);
	host_gets(h, 0xe0, 0);
	t1_finish(&h->t1, work, (const uint8_t *)"\x90\x00", 2, h->now);
	host_hears_nothing(h);
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	t1_finish(&h->t1, work, (const uint8_t *)"\x90\x00", 2, h->now);
	host_hears_nothing(h);
	t1_finish(&h->t1, h->t1.work, (const uint8_t *)"\x90\x00", 2, h->now);
	host_gets(h, 0x00, 2);
	free(h);
}

static void test_absent(void **state)
{
	struct host *h = host_new("gp", NULL);

	(void)state;
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0x00, 2);
	t1_absent(&h->t1, true, h->now);
	host_sends(h, 0x40, "\x00\xa4\x04\x00", 4);
	host_sends(h, 0xc0, NULL, 0);
	host_hears_nothing(h);
	assert_int_equal(t1_deadline(&h->t1), T1_NEVER);
	t1_absent(&h->t1, false, h->now);
	host_sends(h, 0x00, "\x00\xa4\x04\x00", 4);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 2);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iso_vectors), cmocka_unit_test(test_all_exchange),
		cmocka_unit_test(test_codes),	    cmocka_unit_test(test_atr_um11225),
		cmocka_unit_test(test_atr_iso),	    cmocka_unit_test(test_cip_i2c),
		cmocka_unit_test(test_ifs_request), cmocka_unit_test(test_ifs_refused),
		cmocka_unit_test(test_pending),	    cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
