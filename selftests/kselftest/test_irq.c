// SPDX-License-Identifier: Apache-2.0
/*
 * The data-ready interrupt and what can be wrong with it: the self-test, the
 * watch, the storm guard, the fallback to polling and the way back. Needs the
 * modules se, se-spi and se-sim, and root.
 */
#include "wire.h"
#include "libse/se.h"
#include <linux/se_netlink.h>

static __u32 irq_mode(struct se *se)
{
	struct se_info info;

	se_info(se, &info);
	return info.irq_mode;
}

static void set_policy(struct se *se, uint32_t policy)
{
	struct se_config config = {.present = 1U << SE_A_POLICY_IRQ_POLICY,
				   .irq_policy = policy};
	unsigned int index;
	char why[100] = "";

	assert_int_equal(sscanf(se->node, "/dev/se%u", &index), 1);
	if (se_config_by_netlink(index, &config, why, sizeof(why)))
		fail_msg("config-set: %s", why);
}

/* A line that is wired and says nothing: the driver finds out while it starts the SE up. */
static void check_dead_line(__u32 flags, __u32 kind)
{
	static const struct se_sim_prop slow[] = {
		{.name = "sesame,bwt-ms", .type = SE_SIM_PROP_U32, .value = 20000},
	};
	struct se_conf conf = plain;
	struct se_stats s, t;
	struct se se;
	uint64_t start;
	int i;

	conf.flags |= flags;
	conf.props = slow; /* also before it tells its own */
	conf.nr_props = 1;
	conf.fault = (struct se_sim_fault){.kind = kind, .ppm = SE_SIM_PPM};
	start = now_ms();
	se_start(&se, &conf);
	/* less than one of the three block waiting times of the start-up */
	assert_true(now_ms() - start < 20000);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_POLL);
	stats(&se, &s);
	assert_int_equal(s.irqs, 0);
	/* one; another second, and it is on trial again */
	assert_in_range(s.irqs_lost, 1, 3);
	assert_int_equal(s.poll_fallbacks, 1);
	assert_int_equal(s.timeouts, 0);
	for (i = 0; i < 10; i++)
		exchange_ok(&se, 20);
	stats(&se, &t);
	assert_true(t.polls > s.polls);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.retrans, 0);
	se_stop(&se);
}

static void test_dead_line(void **state)
{
	(void)state;
	check_dead_line(0, SE_SIM_FAULT_IRQ_DEAD);
	check_dead_line(SE_SIM_IRQ_EDGE, SE_SIM_FAULT_IRQ_DEAD);
	/* the level changes but no interrupt comes of it */
	check_dead_line(0, SE_SIM_FAULT_IRQ_LOST);
	check_dead_line(SE_SIM_IRQ_EDGE, SE_SIM_FAULT_IRQ_LOST);
}

/* One interrupt gets lost: found long before the block waiting time, and no reason to change.
 */
static void check_one_lost(__u32 flags)
{
	struct se_conf conf = plain;
	struct se_stats t;
	struct se se;
	uint64_t start;

	conf.flags |= flags;
	conf.bwt_ms = 20000;
	se_start(&se, &conf);
	exchange_ok(&se, 20);
	sim_fault(&se, SE_SIM_FAULT_IRQ_LOST, 1, 0);
	start = now_ms();
	exchange_ok(&se, 20);
	assert_true(now_ms() - start < conf.bwt_ms / 2);
	exchange_ok(&se, 20);
	stats(&se, &t);
	assert_int_equal(t.irqs_lost, 1);
	assert_int_equal(t.poll_fallbacks, 0);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_IRQ);
	se_stop(&se);
}

static void test_one_lost(void **state)
{
	(void)state;
	check_one_lost(0);
	check_one_lost(SE_SIM_IRQ_EDGE);
}

/*
 * A line that dies in service: a few blocks found by looking, then polling; and
 * when it works again, back.
 */
static void check_fall_back_and_return(__u32 flags, __u32 kind)
{
	struct se_conf conf = plain;
	struct se_stats t;
	struct se se;
	uint64_t end;
	int i;

	conf.flags |= flags;
	se_start(&se, &conf);
	for (i = 0; i < 5; i++)
		exchange_ok(&se, 20);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_IRQ);

	sim_fault(&se, kind, 0, 0);
	for (i = 0; i < 10 && irq_mode(&se) == SE_IRQ_MODE_IRQ; i++)
		exchange_ok(&se, 20);
	assert_in_range(i, 1, 4);
	stats(&se, &t);
	assert_in_range(t.irqs_lost, 2, 4);
	assert_int_equal(t.poll_fallbacks, 1);
	assert_int_equal(t.retrans, 0);

	/* on trial while it is still dead: polling goes on, nothing is late */
	for (end = now_ms() + 1500; now_ms() < end; pause_ms(20))
		exchange_ok(&se, 20);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_POLL);

	sim_no_fault(&se, kind);
	for (end = now_ms() + PATIENCE_MS; now_ms() < end && irq_mode(&se) != SE_IRQ_MODE_IRQ;
	     pause_ms(50))
		exchange_ok(&se, 20);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_IRQ);
	stats(&se, &t);
	assert_int_equal(t.irq_returns, 1);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void test_fall_back_and_return(void **state)
{
	(void)state;
	check_fall_back_and_return(0, SE_SIM_FAULT_IRQ_LOST);
	check_fall_back_and_return(SE_SIM_IRQ_EDGE, SE_SIM_FAULT_IRQ_LOST);
}

/* A line that is stuck: it is masked soon, and the SE's thinking costs no more than polling. */
static void test_stuck(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se_stats s, t;
	uint64_t begin;
	struct se se;

	(void)state;
	conf.think_ms = 200;
	se_start(&se, &conf);
	exchange_ok(&se, 20);
	/* it sticks when it goes active the next time */
	sim_fault(&se, SE_SIM_FAULT_IRQ_STUCK, 0, 0);
	exchange_ok(&se, 20);
	stats(&se, &s);
	exchange_ok(&se, 20);
	stats(&se, &t);
	/* ten within a tenth of a second; on a slow machine it takes a few more */
	assert_in_range(t.irqs_spurious - s.irqs_spurious, 8, 40);
	assert_int_equal(t.irq_storms, 1);
	assert_int_equal(t.poll_fallbacks, 1);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_POLL);
	sim_counters(&se, &a);
	begin = now_ms();
	exchange_ok(&se, 20);
	sim_counters(&se, &b);
	/* one look a millisecond at most */
	assert_in_range(b.accesses - a.accesses, 3, now_ms() - begin + 10);
	se_stop(&se);
}

/* Spurious ones now and then are no storm. */
static void test_spurious_is_no_storm(void **state)
{
	struct se_conf conf = plain;
	struct se_stats t;
	struct se se;
	int i;

	(void)state;
	conf.think_ms = 30;
	se_start(&se, &conf);
	sim_fault(&se, SE_SIM_FAULT_IRQ_SPURIOUS, 0, 1000);
	for (i = 0; i < 20; i++)
		exchange_ok(&se, 20);
	stats(&se, &t);
	assert_in_range(t.irqs_spurious, 3, 25);
	assert_int_equal(t.irq_storms, 0);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_IRQ);
	se_stop(&se);
}

/* Policy, also while the SE computes. */
static void test_policy(void **state)
{
	struct se_conf conf = plain;
	struct se_stats s, t;
	struct se se;

	(void)state;
	se_start(&se, &conf);
	set_policy(&se, SE_IRQ_POLICY_POLL);
	exchange_ok(&se, 20);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_POLL);
	stats(&se, &s);
	pause_ms(1200);
	exchange_ok(&se, 20);
	stats(&se, &t);
	/* by policy: no trial */
	assert_int_equal(t.irqs, s.irqs);
	assert_true(t.polls > s.polls);
	assert_int_equal(t.poll_fallbacks, 0);

	set_policy(&se, SE_IRQ_POLICY_AUTO);
	exchange_ok(&se, 20);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_IRQ);
	stats(&se, &s);
	assert_int_equal(s.irqs, t.irqs + 1);

	/* whatever happens */
	set_policy(&se, SE_IRQ_POLICY_IRQ);
	sim_fault(&se, SE_SIM_FAULT_IRQ_LOST, 6, 0);
	for (int i = 0; i < 6; i++)
		exchange_ok(&se, 20);
	assert_int_equal(irq_mode(&se), SE_IRQ_MODE_IRQ);
	stats(&se, &t);
	assert_int_equal(t.irqs_lost, 6);
	assert_int_equal(t.poll_fallbacks, 0);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void *change_policies(void *arg)
{
	struct se *se = arg;

	for (uint32_t i = 0; i < 60; i++) {
		set_policy(se, i % 3);
		pause_ms(3);
	}
	return NULL;
}

static void test_policy_under_load(void **state)
{
	struct se_conf conf = plain;
	struct se_stats t;
	pthread_t thread;
	struct se se;
	uint64_t end;

	(void)state;
	conf.think_ms = 2;
	se_start(&se, &conf);
	assert_int_equal(pthread_create(&thread, NULL, change_policies, &se), 0);
	for (end = now_ms() + 600; now_ms() < end;)
		exchange_ok(&se, 20);
	pthread_join(thread, NULL);
	set_policy(&se, SE_IRQ_POLICY_AUTO);
	exchange_ok(&se, 20);
	stats(&se, &t);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.retrans, 0);
	se_stop(&se);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead_line),
		cmocka_unit_test(test_one_lost),
		cmocka_unit_test(test_fall_back_and_return),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_spurious_is_no_storm),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_under_load),
	};

	return cmocka_run_group_tests_name("interrupt", tests, NULL, NULL);
}
