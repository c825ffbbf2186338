// SPDX-License-Identifier: Apache-2.0
/*
 * se-spi on the wire: what goes over the bus, and when. Needs the modules se,
 * se-spi and se-sim, and root.
 */
#include "wire.h"

/* capabilities that are the board's and not the kernel's */
#define WIRED (SE_CAP_IRQ | SE_CAP_RESET_LINE | SE_CAP_POWER)

/* One access out, one in, one interrupt; nothing else. */
static void check_economy(__u32 flags, unsigned int fill)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se_stats s, t;
	struct se_info info = {0};
	struct se se;
	int i, n = 20;

	conf.flags |= flags;
	conf.fill = fill;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.irq_mode, SE_IRQ_MODE_IRQ);
	assert_int_equal(info.clock_hz, 8000000);
	assert_int_equal(info.ifsc, IFSC);
	assert_int_equal(info.bwt_us, plain.bwt_ms * 1000);
	assert_int_equal(info.caps & WIRED, SE_CAP_IRQ | SE_CAP_RESET_LINE);
	sim_counters(&se, &a);
	stats(&se, &s);
	for (i = 0; i < n; i++)
		exchange_ok(&se, (size_t)(i * 10));
	exchange_ok(&se, 4000);
	n++;
	sim_counters(&se, &b);
	stats(&se, &t);
	assert_int_equal(b.accesses - a.accesses, 2 * n);
	assert_int_equal(b.accesses_out - a.accesses_out, n);
	assert_int_equal(b.accesses_in - a.accesses_in, n);
	/* what the self-test of the interrupt took, at the start, does not count */
	assert_int_equal(b.accesses_idle - a.accesses_idle, 0);
	assert_int_equal(b.irqs - a.irqs, n);
	assert_int_equal(t.accesses - s.accesses, 2 * n);
	assert_int_equal(t.irqs - s.irqs, n);
	assert_int_equal(t.irqs_spurious, 0);
	assert_int_equal(t.polls - s.polls, 0);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.retrans, 0);
	assert_int_equal(t.accesses, b.accesses);
	assert_int_equal(t.bytes_tx, b.bytes_out);
	se_stop(&se);
}

static void test_level(void **state)
{
	(void)state;
	check_economy(0, 0);
}

static void test_edge(void **state)
{
	(void)state;
	check_economy(SE_SIM_IRQ_EDGE, 0);
}

static void test_idle_ff(void **state)
{
	(void)state;
	check_economy(SE_SIM_FILL_FF, 0);
}

/* Idle bytes before the block, in the same access. */
static void test_leading_fill(void **state)
{
	unsigned int fill;

	(void)state;
	for (fill = 1; fill <= 3; fill++)
		check_economy(0, fill);
}

static void test_poll(void **state)
{
	struct se_conf conf = plain;
	struct se_info info = {0};
	struct se_stats s, t;
	struct se se;
	uint64_t begin;
	int i;

	(void)state;
	conf.flags |= SE_SIM_NO_IRQ | SE_SIM_NO_RESET;
	conf.think_ms = 30;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.irq_mode, SE_IRQ_MODE_POLL);
	assert_int_equal(info.caps & WIRED, 0);
	stats(&se, &s);
	begin = now_ms();
	for (i = 0; i < 5; i++)
		exchange_ok(&se, 20);
	stats(&se, &t);
	assert_int_equal(t.irqs, 0);
	/* not more than one a millisecond, and the first */
	assert_in_range(t.polls - s.polls, 5, now_ms() - begin + 1 + 5);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void test_seal_segt(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se se;

	(void)state;
	conf.seal = 32;
	conf.segt_us = 300;
	se_start(&se, &conf);
	sim_counters(&se, &a);
	exchange_ok(&se, 100); /* 111 bytes out, 108 in */
	sim_counters(&se, &b);
	assert_int_equal(b.accesses_out - a.accesses_out, 4);
	assert_int_equal(b.accesses_in - a.accesses_in, 4);
	assert_in_range(sim_value(&se, "longest_access"), 16, 32);
	/* the start-up was under the defaults: 200 us */
	assert_true(sim_value(&se, "shortest_gap_ns") >= 200000);
	se_stop(&se);

	/* fill counts as part of the access */
	conf.fill = 3;
	se_start(&se, &conf);
	exchange_ok(&se, 100);
	assert_in_range(sim_value(&se, "longest_access"), 16, 32);
	se_stop(&se);
}

/*
 * A controller that is small: transfers of @transfer bytes, messages of @message,
 * 0 for no limit. The SE gets and gives every byte all the same.
 */
static void check_small(__u32 transfer, __u32 message, uint16_t seal, unsigned int fill,
			unsigned int accesses)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se_stats t;
	struct se se;

	conf.max_transfer = transfer;
	conf.max_message = message;
	conf.seal = seal;
	conf.fill = fill;
	se_start(&se, &conf);
	sim_counters(&se, &a);
	exchange_ok(&se, 100); /* 111 bytes out, 108 in, and fill */
	sim_counters(&se, &b);
	assert_int_equal(b.accesses - a.accesses, accesses);
	exchange_ok(&se, 0);
	exchange_ok(&se, 4000);
	if (message)
		assert_in_range(sim_value(&se, "longest_access"), 1, message);
	if (seal)
		assert_in_range(sim_value(&se, "longest_access"), 16, seal);
	stats(&se, &t);
	assert_int_equal(t.retrans, 0);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void test_small_controller(void **state)
{
	(void)state;
	/* small transfers make a message of several: still one access each way */
	check_small(64, 0, 0, 0, 2);
	check_small(3, 0, 0, 2, 2);
	check_small(1, 0, 0, 0, 2);
	/* messages that end with the select: 2 out; prologue, 64 and 40 bytes in */
	check_small(64, 64, 0, 0, 2 + 3);
	check_small(16, 64, 0, 3, 2 + 4);
	check_small(0, 100, 32, 0, 4 + 5);
	/* the SE's limit, in transfers smaller than that */
	check_small(10, 0, 32, 0, 4 + 4);
}

/* Too small for anything: the driver says so, and no device appears. */
static void test_hopeless_controller(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters c;
	struct se se;

	(void)state;
	conf.max_message = 8;
	se_attach(&se, &conf);
	pause_ms(500);
	assert_false(find_node(&se));
	sim_counters(&se, &c);
	assert_int_equal(c.accesses, 0);
	se_stop(&se);
}

/* What the board knows better than the SE, and what it gets wrong. */
static void test_properties(void **state)
{
	static const struct se_sim_prop slow[] = {
		{.name = "sesame,guard-time-us", .type = SE_SIM_PROP_U32, .value = 3000},
		{.name = "sesame,access-limit", .type = SE_SIM_PROP_U32, .value = 24},
		{.name = "sesame,poll-interval-us", .type = SE_SIM_PROP_U32, .value = 20000},
		{.name = "sesame,power-up-us", .type = SE_SIM_PROP_U32, .value = 60000},
		{.name = "sesame,dialect", .type = SE_SIM_PROP_STRING, .text = "gp"},
	};
	static const struct se_sim_prop wrong[][1] = {
		{{.name = "sesame,dialect", .type = SE_SIM_PROP_STRING, .text = "klingon"}},
		{{.name = "sesame,access-limit", .type = SE_SIM_PROP_U32, .value = 15}},
		{{.name = "sesame,guard-time-us", .type = SE_SIM_PROP_U32, .value = 0}},
		{{.name = "sesame,poll-interval-us", .type = SE_SIM_PROP_U32, .value = 1}},
	};
	struct se_conf conf = plain;
	struct se_sim_counters c;
	struct se_stats s, t;
	uint64_t begin;
	struct se se;
	size_t i;

	(void)state;
	conf.flags |= SE_SIM_NO_IRQ;
	conf.think_ms = 100;
	conf.props = slow;
	conf.nr_props = sizeof(slow) / sizeof(slow[0]);
	conf.timing = (struct se_sim_timing){.segt_us = 3000, .seal = 24, .pwt_us = 60000};
	se_start(&se, &conf);
	stats(&se, &s);
	begin = now_ms();
	exchange_ok(&se, 100);
	stats(&se, &t);
	assert_in_range(t.polls - s.polls, 1, (now_ms() - begin) / 20 + 3);
	sim_counters(&se, &c);
	assert_int_equal(c.segt_violations, 0);
	assert_int_equal(c.seal_violations, 0);
	se_stop(&se);

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		conf.props = wrong[i];
		conf.nr_props = 1;
		se_attach(&se, &conf);
		pause_ms(300);
		assert_false(find_node(&se));
		sim_counters(&se, &c);
		assert_int_equal(c.accesses, 0);
		se_stop(&se);
	}
}

/*
 * An SE that sleeps when it is left alone does not hear what wakes it, and needs
 * its time after that.
 */
static void test_sleepy(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	uint64_t before = 0, last;
	struct se_stats t;
	struct se se;
	int i;

	(void)state;
	conf.pst_ms = 250;
	conf.wut_us = 3000;
	conf.timing = (struct se_sim_timing){
		.flags = SE_SIM_STRICT, .pst_us = 250000, .wut_us = 3000, .segt_us = 20};
	se_start(&se, &conf);
	for (i = 0; i < 5; i++) {
		pause_ms(i & 1 ? 0 : 400);
		sim_counters(&se, &a);
		last = before;
		before = now_ms();
		exchange_ok(&se, 50);
		sim_counters(&se, &b);
		/* unless we ourselves were that slow */
		if (!(i & 1) || now_ms() - last < 250)
			assert_int_equal(b.accesses - a.accesses, i & 1 ? 2 : 3);
	}
	assert_int_equal(b.segt_violations, 0);
	stats(&se, &t);
	assert_int_equal(t.retrans, 0);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

/* While the SE computes, nothing moves on the bus. */
static void test_quiet_while_computing(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se se;

	(void)state;
	conf.think_ms = 500;
	se_start(&se, &conf);
	sim_counters(&se, &a);
	exchange_ok(&se, 1);
	sim_counters(&se, &b);
	assert_int_equal(b.accesses - a.accesses, 2);
	se_stop(&se);
}

/* The line is raised with nothing to say. */
static void check_spurious(__u32 flags)
{
	struct se_conf conf = plain;
	struct se_stats t;
	struct se se;

	conf.flags |= flags;
	conf.noise = 4;
	se_start(&se, &conf);
	exchange_ok(&se, 10);
	exchange_ok(&se, 20);
	stats(&se, &t);
	assert_int_equal(t.irqs_spurious, 2);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void test_spurious(void **state)
{
	(void)state;
	check_spurious(0);
	check_spurious(SE_SIM_IRQ_EDGE);
}

/* The board is pulled out while an APDU is with the SE. */
static void test_gone(void **state)
{
	struct se_conf conf = plain;
	unsigned int outcome = 99;
	uint64_t start;
	struct se se;

	(void)state;
	conf.die = true;
	conf.bwt_ms = 15000;
	se_start(&se, &conf);
	start = now_ms();
	assert_int_equal(exchange(&se, 10, &outcome), ENODEV);
	assert_int_equal(outcome, SE_OUTCOME_UNKNOWN);
	assert_true(now_ms() - start < 12000);
	assert_int_equal(exchange(&se, 10, &outcome), ENODEV);
	assert_int_equal(outcome, SE_OUTCOME_NOT_SENT);
	se_stop(&se);
	assert_int_not_equal(access(se.node, F_OK), 0);
}

/*
 * An SE that hangs in an APDU is reset by its line; the APDU is not sent again,
 * and what it did is not known.
 */
static void test_hang(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters c;
	struct se_info before = {0}, after = {0};
	unsigned int outcome, i;
	struct se_stats t;
	struct se se;

	(void)state;
	conf.hang = true;
	conf.bwt_ms = 200;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &before), 0);
	assert_int_equal(exchange(&se, 10, &outcome), EIO);
	assert_int_equal(outcome, SE_OUTCOME_UNKNOWN);
	for (i = 0; i < PATIENCE_MS / 10 && after.state != SE_STATE_IDLE; i++) {
		pause_ms(10);
		after = (struct se_info){0};
		assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &after), 0);
	}
	assert_int_equal(after.state, SE_STATE_IDLE);
	assert_true(after.generation > before.generation);
	assert_int_equal(se.apdus, 1);
	exchange_ok(&se, 10);
	sim_counters(&se, &c);
	stats(&se, &t);
	assert_int_equal(c.resets, 1);
	assert_int_equal(t.resets, 1);
	/* the last look before a timeout counts is at the bus: the line may have failed */
	assert_true(t.timeouts > 0);
	assert_in_range(t.polls, 1, t.timeouts);
	assert_int_equal(t.irqs_lost, 0);
	se_stop(&se);
}

/* An SE that never answers: it is reset, no device appears, and it can go. */
static void test_mute(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters c = {0};
	struct se se;
	uint64_t start;
	int i;

	(void)state;
	conf.mute = true;
	se_attach(&se, &conf);
	for (i = 0; i < PATIENCE_MS / 10 && !c.resets; i++) {
		pause_ms(10);
		sim_counters(&se, &c);
	}
	assert_true(c.resets > 0);
	assert_false(find_node(&se));
	start = now_ms();
	se_stop(&se);
	assert_true(now_ms() - start < PATIENCE_MS);
}

/* The driver is taken off a living SE, under an open file, and put on again. */
static void test_rebind(void **state)
{
	unsigned int outcome;
	struct se se;
	int i;

	(void)state;
	se_start(&se, &plain);
	for (i = 0; i < 3; i++) {
		exchange_ok(&se, 30);
		write_file("/sys/bus/spi/drivers/se-spi/unbind", se.name);
		assert_int_equal(exchange(&se, 30, &outcome), ENODEV);
		assert_int_equal(outcome, SE_OUTCOME_NOT_SENT);
		close(se.dev);
		write_file("/sys/bus/spi/drivers/se-spi/bind", se.name);
		for (int n = 0; n < PATIENCE_MS / 10 && !find_node(&se); n++)
			pause_ms(10);
		se.dev = open(se.node, O_RDWR | O_CLOEXEC);
		assert_true(se.dev >= 0);
	}
	exchange_ok(&se, 30);
	se_stop(&se);
}

struct hammer {
	pthread_t thread;
	struct se *se;
	size_t n;
	int error;
	unsigned int outcome;
	unsigned int done;
};

/* Exchanges on a file of its own until one fails. */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	int fd = open(h->se->node, O_RDWR | O_CLOEXEC);

	do {
		h->error = exchange_on(fd, h->n, &h->outcome);
		__atomic_fetch_add(&h->done, !h->error, __ATOMIC_SEQ_CST);
	} while (!h->error);
	close(fd);
	return NULL;
}

/* The board is pulled out under several busy files. */
static void test_gone_under_load(void **state)
{
	struct hammer h[6];
	struct se_conf conf = plain;
	struct se se;
	uint64_t start;
	int round;
	size_t i;

	(void)state;
	for (round = 0; round < 4; round++) {
		conf.bwt_ms = 15000;
		conf.flags = plain.flags | (round & 1 ? SE_SIM_IRQ_EDGE : 0);
		se_start(&se, &conf);
		for (i = 0; i < 6; i++) {
			h[i] = (struct hammer){.se = &se, .n = i * 31};
			assert_int_equal(pthread_create(&h[i].thread, NULL, hammer, &h[i]), 0);
		}
		for (i = 0; i < 6; i++)
			while (!__atomic_load_n(&h[i].done, __ATOMIC_SEQ_CST))
				pause_ms(10);
		pause_ms(100);
		start = now_ms();
		se_stop(&se);
		for (i = 0; i < 6; i++) {
			pthread_join(h[i].thread, NULL);
			assert_int_equal(h[i].error, ENODEV);
			assert_int_not_equal(h[i].outcome, SE_OUTCOME_EXECUTED);
			assert_true(h[i].done > 0);
		}
		assert_true(now_ms() - start < 12000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_idle_ff),
		cmocka_unit_test(test_leading_fill),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_seal_segt),
		cmocka_unit_test(test_small_controller),
		cmocka_unit_test(test_hopeless_controller),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_sleepy),
		cmocka_unit_test(test_quiet_while_computing),
		cmocka_unit_test(test_spurious),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_rebind),
		cmocka_unit_test(test_gone_under_load),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_mute),
	};

	return cmocka_run_group_tests_name("se-spi", tests, NULL, NULL);
}
