// SPDX-License-Identifier: Apache-2.0
/* Each fault of the script, by name, and what the endpoint makes of it. */
#include "softse_host.h"

static const uint8_t cmd[40] = {0x80, 0x10};

#define FAULTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_drop(void **state)
{
	struct host *h = host_new("gp", FAULTS("drop:n=1,on=i"));

	(void)state;
	host_sends(h, 0x00, cmd, 5);
	host_hears_nothing(h);
	host_sends(h, 0x82, NULL, 0); /* rule 7.2: it comes again and ran once */
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 1);
	assert_int_equal(h->faults.f[0].struck, 1);
	free(h);
}

static void test_deaf(void **state)
{
	struct host *h = host_new("gp", FAULTS("deaf"));

	(void)state;
	host_sends(h, 0x00, cmd, 5);
	host_hears_nothing(h);
	host_sends(h, 0x80, NULL, 0);
	host_gets(h, 0x80, 0); /* it has nothing: rule 7.3 */
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 1);
	free(h);
}

static void test_garble(void **state)
{
	struct host *h = host_new("iso-crc", FAULTS("garble"));

	(void)state;
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x81, 0);
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 1);
	free(h);
}

static void test_r_error(void **state)
{
	struct host *h = host_new("gp", FAULTS("r-error:n=2,error=other", "r-error:n=1"));

	(void)state;
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x81, 0);
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x82, 0);
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 1);
	free(h);
}

static void test_mute(void **state)
{
	struct host *h = host_new("gp", FAULTS("mute:n=2,ms=500"));

	(void)state;
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x00, 2);
	host_sends(h, 0x40, cmd, 5);
	host_waits(h, 400000);
	host_sends(h, 0x90, NULL, 0);
	host_sends(h, 0xc0, NULL, 0);
	host_hears_nothing(h);
	host_waits(h, 100000);
	host_hears_nothing(h);
	host_sends(h, 0x40, cmd, 5); /* it has kept its state */
	host_gets(h, 0x40, 2);
	assert_int_equal(h->executed, 2);
	free(h);
}

/* A chip that falls silent at work says nothing until its time is over. */
static void test_mute_at_work(void **state)
{
	struct host *h = host_new("gp", FAULTS("mute:on=s,ms=900"));

	(void)state;
	h->work_us = 400000;
	host_sends(h, 0x00, cmd, 5);
	host_sends(h, 0xc1, "\x20", 1);
	assert_int_equal(t1_deadline(&h->t1), 900000);
	host_waits(h, 899999);
	host_hears_nothing(h);
	host_waits(h, 1);
	host_gets(h, 0x00, 2);
	free(h);
}

static void test_reset(void **state)
{
	struct host *h = host_new("gp", FAULTS("reset:n=2"));

	(void)state;
	t1_set_ifsc(&h->t1, 16);
	host_sends(h, 0x00, cmd, 5); /* no chain */
	host_gets(h, 0x00, 2);
	host_sends(h, 0x60, cmd, 16);
	host_gets(h, 0x80, 0);
	host_sends(h, 0x20, cmd, 16);
	host_hears_nothing(h);
	assert_int_equal(h->resets, 1);
	/* it waits for N(S) = 0 and knows nothing of the chain */
	host_sends(h, 0x40, cmd, 5);
	host_gets(h, 0x82, 0);
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->cmd_len, 5);
	free(h);
}

static void test_reset_in_response(void **state)
{
	struct host *h = host_new("gp", FAULTS("reset:on=r-chain"));

	(void)state;
	h->rsp_len = 600;
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x20, 254);
	host_sends(h, 0x90, NULL, 0);
	host_hears_nothing(h);
	assert_int_equal(h->resets, 1);
	host_sends(h, 0x90, NULL, 0);
	host_gets(h, 0x80, 0); /* nothing to send again */
	free(h);
}

static void test_wtx(void **state)
{
	struct host *h = host_new("gp", FAULTS("wtx:times=3"));

	(void)state;
	host_sends(h, 0x00, cmd, 5);
	for (int i = 0; i < 3; i++) {
		host_gets(h, 0xc3, 1);
		host_hears_nothing(h);
		host_sends(h, 0xe3, "\x01", 1);
	}
	host_gets(h, 0x00, 2);
	assert_int_equal(h->executed, 1);
	free(h);
}

static void test_wtx_before_ack(void **state)
{
	struct host *h = host_new("gp", FAULTS("wtx:on=r"));

	(void)state;
	host_sends(h, 0x20, cmd, 16);
	host_gets(h, 0xc3, 1);
	host_sends(h, 0xe3, "\x01", 1);
	host_gets(h, 0x90, 0);
	host_sends(h, 0x40, cmd, 16);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->cmd_len, 32);
	free(h);
}

static void test_ifs(void **state)
{
	struct host *h = host_new("gp", FAULTS("ifs:size=16"));

	(void)state;
	host_sends(h, 0x20, cmd, 32);
	host_gets(h, 0xc1, 1);
	host_sends(h, 0xe1, "\x10", 1);
	host_gets(h, 0x90, 0);
	host_sends(h, 0x60, cmd, 32); /* too long from now on */
	host_gets(h, 0x92, 0);
	host_sends(h, 0x40, cmd, 16);
	host_gets(h, 0x00, 2);
	assert_int_equal(h->cmd_len, 48);
	free(h);
}

static void test_abort_command(void **state)
{
	struct host *h = host_new("gp", FAULTS("abort:on=r-chain,n=2"));

	(void)state;
	host_sends(h, 0x20, cmd, 16);
	host_gets(h, 0x90, 0);
	host_sends(h, 0x60, cmd, 16);
	host_gets(h, 0xc2, 0);
	host_sends(h, 0xe2, NULL, 0);
	host_gets(h, 0x80, 0); /* rule 9: the turn goes back */
	assert_int_equal(h->executed, 0);
	host_sends(h, 0x00, cmd, 5); /* N(S) goes on */
	host_gets(h, 0x00, 2);
	assert_int_equal(h->cmd_len, 5);
	free(h);
}

static void test_abort_response(void **state)
{
	struct host *h = host_new("iso-lrc", FAULTS("abort:on=i-chain,n=2"));

	(void)state;
	h->rsp_len = 80;
	host_sends(h, 0x00, cmd, 5);
	host_gets(h, 0x20, 32);
	host_sends(h, 0x90, NULL, 0);
	host_gets(h, 0xc2, 0);
	host_sends(h, 0xe2, NULL, 0);
	host_gets(h, 0x90, 0);
	h->rsp_len = 2;
	host_sends(h, 0x40, cmd, 5);
	host_gets(h, 0x40, 2);
	assert_int_equal(h->executed, 2);
	free(h);
}

/* The one block that left is whole but for what the fault changed in it. */
static void spoiled(const char *fault, const char *dialect, struct host **out)
{
	struct host *h = host_new(dialect, FAULTS(fault));

	host_sends(h, 0x00, cmd, 5);
	assert_int_equal(h->executed, 1);
	assert_int_equal(h->faults.f[0].struck, 1);
	*out = h;
}

static void test_corrupt(void **state)
{
	static const char *const dialects[] = {"gp", "iso-lrc", "iso-crc", "nxp", "um11225"};

	(void)state;
	for (size_t d = 0; d < 5; d++) {
		for (unsigned int seed = 0; seed < 50; seed++) {
			const struct t1_dialect *dialect = t1_dialect(dialects[d]);
			unsigned int bits = 0;
			char fault[40];
			struct host *h;

			snprintf(fault, sizeof(fault), "corrupt:ppm=1000000,count=1,seed=%u",
				 seed);
			spoiled(fault, dialects[d], &h);
			assert_int_equal(h->n_sent, 1);
			assert_false(t1_edc_good(dialect, h->sent[0], h->sent_len[0]));
			memcpy(h->sent[1], h->sent[0], h->sent_len[0]);
			h->n_sent = 0;
			host_sends(h, 0x82, NULL, 0);
			for (size_t i = 0; i < h->sent_len[0]; i++)
				bits += (unsigned int)__builtin_popcount(h->sent[0][i] ^
									 h->sent[1][i]);
			free(h);
			/* sent[1] is overwritten only if two blocks had come */
			assert_int_equal(bits, 1);
		}
	}
}

static void test_duplicate(void **state)
{
	struct host *h;

	(void)state;
	spoiled("duplicate", "gp", &h);
	host_gets(h, 0x00, 2);
	host_gets(h, 0x00, 2);
	host_hears_nothing(h);
	free(h);
}

static void test_truncate(void **state)
{
	struct host *h;

	(void)state;
	spoiled("truncate", "gp", &h);
	assert_in_range(h->sent_len[0], 1, 7);
	h->n_sent = 0;
	host_sends(h, 0x82, NULL, 0);
	host_gets(h, 0x00, 2);
	free(h);
}

static void test_late(void **state)
{
	struct host *h;

	(void)state;
	spoiled("late:ms=700", "gp", &h);
	host_hears_nothing(h);
	assert_int_equal(t1_deadline(&h->t1), 700000);
	host_waits(h, 699999);
	host_hears_nothing(h);
	host_waits(h, 1);
	host_gets(h, 0x00, 2);
	assert_int_equal(t1_deadline(&h->t1), T1_NEVER);
	free(h);
	/* a host without patience gets both, in order */
	spoiled("late:ms=700", "gp", &h);
	host_waits(h, 300000);
	host_sends(h, 0x82, NULL, 0);
	host_gets(h, 0x00, 2);
	host_gets(h, 0x00, 2);
	host_hears_nothing(h);
	free(h);
}

static void test_wrong_fields(void **state)
{
	struct host *h;

	(void)state;
	spoiled("wrong-ns", "um11225", &h);
	host_gets(h, 0x40, 2);
	host_sends(h, 0x82, NULL, 0);
	host_gets(h, 0x00, 2);
	free(h);
	spoiled("wrong-nad", "gp", &h);
	assert_int_not_equal(h->sent[0][0], 0x12);
	assert_true(t1_edc_good(t1_dialect("gp"), h->sent[0], h->sent_len[0]));
	free(h);
	spoiled("wrong-pcb", "gp", &h);
	assert_int_equal(h->sent[0][1], 0xbf);
	assert_true(t1_edc_good(t1_dialect("gp"), h->sent[0], h->sent_len[0]));
	free(h);
	spoiled("wrong-len", "gp", &h);
	assert_int_equal(h->sent[0][3], 3);
	assert_int_equal(h->sent_len[0], 8);
	free(h);
}

static void test_noise(void **state)
{
	struct host *h;

	(void)state;
	spoiled("noise:size=9,seed=4", "gp", &h);
	assert_int_equal(h->n_sent, 2);
	assert_int_equal(h->sent_len[0], 9);
	h->n_sent = 1;
	memmove(h->sent[0], h->sent[1], sizeof(h->sent[0]));
	h->sent_len[0] = h->sent_len[1];
	host_gets(h, 0x00, 2);
	free(h);
}

static void test_stale(void **state)
{
	struct host *h = host_new("gp", FAULTS("stale:n=1"));

	(void)state;
	host_sends(h, 0x00, cmd, 5); /* there is none before it */
	host_gets(h, 0x00, 2);
	h->rsp_len = 3;
	host_sends(h, 0x40, cmd, 5);
	host_gets(h, 0x00, 2); /* the answer of the first */
	host_sends(h, 0x92, NULL, 0);
	host_gets(h, 0x40, 3);
	assert_int_equal(h->executed, 2);
	free(h);
}

static void test_counting(void **state)
{
	struct fault_script s = {0};
	char err[128];
	unsigned int hits = 0, again = 0;

	(void)state;
	assert_int_equal(fault_add(&s, "drop:every=3,count=2,on=r", err, sizeof(err)), 0);
	for (unsigned int i = 1; i <= 12; i++) {
		bool hit = fault_strikes(&s, FAULT_DROP, FAULT_ON_R);

		assert_int_equal(hit, i == 3 || i == 6);
		assert_null(fault_strikes(&s, FAULT_DROP, FAULT_ON_I));
		assert_null(fault_strikes(&s, FAULT_LATE, FAULT_ON_R));
	}
	/* the same seed gives the same run; another one another */
	for (unsigned int run = 0; run < 3; run++) {
		struct fault_script t = {0};
		unsigned int h = 0;

		assert_int_equal(
			fault_add(&t,
				  run < 2 ? "drop:ppm=500000,seed=1" : "drop:ppm=500000,seed=2",
				  err, sizeof(err)),
			0);
		for (unsigned int i = 0; i < 32; i++)
			h |= (unsigned int)!!fault_strikes(&t, FAULT_DROP, FAULT_ON_S) << i;
		if (!run)
			hits = h;
		else if (run == 1)
			again = h;
		else
			assert_int_not_equal(h, hits);
	}
	assert_int_equal(hits, again);
	assert_in_range(__builtin_popcount(hits), 6, 26);
	/* the smallest of chances, and certainty */
	s = (struct fault_script){0};
	assert_int_equal(fault_add(&s, "drop:ppm=1000000", err, sizeof(err)), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_non_null(fault_strikes(&s, FAULT_DROP, FAULT_ON_ANY));
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"dorp",
		"drop:",
		"drop:n=0",
		"drop:n=x",
		"drop:n=1,every=2",
		"drop:ppm=1000001",
		"drop:ms=3",
		"drop:on=q",
		"drop:seed=-1",
		"late:ms=0",
		"late:ms=3600001",
		"noise:size=65",
		"ifs:size=0",
		"ifs:size=4090",
		"ifs:on=s",
		"wtx:on=s",
		"wrong-ns:on=r",
		"irq-lost:every=2",
		"irq-lost:on=i",
		"r-error:error=x",
		"drop:n=1,",
		"abort:on=s",
		"short:size=0",
		"drop:n=99999999999999999999",
	};
	struct fault_script s = {0};
	char err[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = 0;
		assert_true(fault_add(&s, bad[i], err, sizeof(err)) < 0);
		assert_non_null(strstr(err, "fault '"));
	}
	assert_int_equal(s.n, 0);
	for (unsigned int i = 0; i < FAULT_MAX; i++)
		assert_int_equal(fault_add(&s, "drop", err, sizeof(err)), 0);
	assert_true(fault_add(&s, "drop", err, sizeof(err)) < 0);
}

/* Every name of the list is one. */
static void test_help(void **state)
{
	char *text = NULL, *line, *rest, err[128];
	unsigned int names = 0;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	fault_help(f);
	fclose(f);
	rest = strstr(text, "\n\n") + 2;
	while ((line = strsep(&rest, "\n")) && *line) {
		struct fault_script s = {0};
		char name[32];

		assert_int_equal(sscanf(line, " %31s", name), 1);
		assert_int_equal(fault_add(&s, name, err, sizeof(err)), 0);
		assert_int_equal(s.f[0].kind, names);
		names++;
	}
	assert_int_equal(names, FAULT_KINDS);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_garble),
		cmocka_unit_test(test_r_error),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_mute_at_work),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_reset_in_response),
		cmocka_unit_test(test_wtx),
		cmocka_unit_test(test_wtx_before_ack),
		cmocka_unit_test(test_ifs),
		cmocka_unit_test(test_abort_command),
		cmocka_unit_test(test_abort_response),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_truncate),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
