// SPDX-License-Identifier: Apache-2.0
/*
 * Power: runtime PM, the supply, resets by it, and system sleep. Needs the
 * modules se, se-spi and se-sim, and root. System sleep is tried with the
 * kernel's own test mode, which stops where the machine would stop, waits and
 * comes back.
 */
#include "wire.h"

#define IDLE_MS 150

static void power_path(struct se *se, const char *name, char *path, size_t room)
{
	snprintf(path, room, "/sys/bus/spi/devices/%s/power/%s", se->name, name);
}

static void set_power(struct se *se, const char *name, const char *value)
{
	char path[400];

	power_path(se, name, path, sizeof(path));
	write_file(path, value);
}

static bool is_suspended(struct se *se)
{
	char path[400], text[20] = "";
	FILE *f;

	power_path(se, "runtime_status", path, sizeof(path));
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%19s", text), 1);
	fclose(f);
	return !strcmp(text, "suspended");
}

static bool wait_suspended(struct se *se)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (!is_suspended(se)) {
		if (now_ms() >= end)
			return false;
		pause_ms(5);
	}
	return true;
}

/* what the supply did; the SE's own thread hears of it later */
static unsigned int power_offs(struct se *se)
{
	struct se_sim_counters c;

	sim_counters(se, &c);
	return (unsigned int)c.power_offs;
}

static unsigned int power_ons(struct se *se)
{
	struct se_sim_counters c;

	sim_counters(se, &c);
	return (unsigned int)c.power_ons;
}

static void set_delay(struct se *se, unsigned int ms)
{
	char text[20];

	snprintf(text, sizeof(text), "%u", ms);
	set_power(se, "autosuspend_delay_ms", text);
}

/* Left alone until it is off; then it stays on as soon as it is used, whatever we do. */
static bool go_idle(struct se *se)
{
	bool off;

	set_delay(se, IDLE_MS);
	off = wait_suspended(se);
	set_delay(se, PATIENCE_MS);
	return off;
}

static void start_busy(struct se *se, const struct se_conf *conf)
{
	se_start(se, conf);
	set_delay(se, PATIENCE_MS);
	exchange_ok(se, 10);
}

/* Off when idle, with RELEASE before; on again with the next exchange, and the generation
 * moved. */
static void check_switched(__u32 flags)
{
	struct se_conf conf = plain;
	struct se_info before, off, after;
	struct se_stats t;
	struct se se;
	unsigned int i;

	conf.flags |= flags;
	start_busy(&se, &conf);
	se_info(&se, &before);
	assert_true(before.caps & SE_CAP_POWER);
	for (i = 1; i <= 3; i++) {
		assert_true(go_idle(&se));
		se_info(&se, &off);
		assert_int_equal(off.state, SE_STATE_OFF);
		assert_true(off.generation > before.generation);
		assert_int_equal(atomic_load(&se.releases), i);
		assert_int_equal(power_offs(&se), i);

		exchange_ok(&se, 30);
		se_info(&se, &after);
		assert_int_equal(after.state, SE_STATE_IDLE);
		/* once for each loss */
		assert_true(after.generation == off.generation);
		assert_int_equal(power_ons(&se), i + (flags & SE_SIM_SUPPLY ? 1 : 0));
		before = after;
	}
	stats(&se, &t);
	assert_int_equal(t.releases, 3);
	assert_int_equal(t.power_offs, 3);
	assert_int_equal(t.retrans, 0);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.irqs_spurious, 0);
	se_stop(&se);
}

static void test_supply(void **state)
{
	(void)state;
	check_switched(SE_SIM_SUPPLY);
	check_switched(SE_SIM_SUPPLY | SE_SIM_IRQ_EDGE);
	check_switched(SE_SIM_SUPPLY | SE_SIM_NO_IRQ | SE_SIM_NO_RESET);
}

static void test_enable(void **state)
{
	struct se_conf conf = plain;
	struct se_info info;
	struct se se;

	(void)state;
	conf.flags |= SE_SIM_ENABLE;
	start_busy(&se, &conf);
	assert_true(go_idle(&se));
	se_info(&se, &info);
	assert_int_equal(info.state, SE_STATE_OFF);
	assert_int_equal(power_offs(&se), 1);
	exchange_ok(&se, 10);
	se_stop(&se);
}

/* An SE that does not answer S(RELEASE) holds nobody up: not the suspend, not the unplugging.
 */
static void test_rude(void **state)
{
	struct se_conf conf = plain;
	struct se_stats t;
	uint64_t start;
	struct se se;
	int i;

	(void)state;
	conf.flags |= SE_SIM_SUPPLY;
	conf.bwt_ms = 30000;
	conf.rude = true;
	start_busy(&se, &conf);
	start = now_ms();
	assert_true(go_idle(&se));
	assert_true(now_ms() - start < 20000);
	assert_int_equal(power_offs(&se), 1);
	exchange_ok(&se, 10);
	stats(&se, &t);
	assert_int_equal(t.releases, 0);
	set_delay(&se, IDLE_MS);
	for (i = 0; i < PATIENCE_MS / 5 && atomic_load(&se.releases) < 2; i++)
		pause_ms(5);
	assert_int_equal(atomic_load(&se.releases), 2);
	start = now_ms();
	se_stop(&se);
	assert_true(now_ms() - start < 20000);
}

/* Nothing switches the SE: idle means nothing to it, and it keeps what it holds. */
static void test_not_switched(void **state)
{
	static const struct se_sim_prop keep[] = {
		{.name = "sesame,no-power-off", .type = SE_SIM_PROP_BOOL},
	};
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se_info before, after;
	struct se se;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		if (i) {
			conf.flags |= SE_SIM_SUPPLY;
			conf.props = keep;
			conf.nr_props = 1;
		}
		start_busy(&se, &conf);
		se_info(&se, &before);
		assert_false(before.caps & SE_CAP_POWER);
		assert_true(go_idle(&se));
		sim_counters(&se, &a);
		exchange_ok(&se, 10);
		sim_counters(&se, &b);
		assert_int_equal(b.accesses - a.accesses, 2);
		se_info(&se, &after);
		assert_true(after.generation == before.generation);
		assert_int_equal(atomic_load(&se.releases), 0);
		se_stop(&se);
	}
}

/* Who has a logical channel has something in the SE that does not survive its power. */
static void test_channel_keeps_power(void **state)
{
	struct se_conf conf = plain;
	struct se_channel_open open_channel = {0};
	struct se_info info;
	struct se se;
	int fd;

	(void)state;
	conf.flags |= SE_SIM_SUPPLY;
	start_busy(&se, &conf);
	fd = open(se.node, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_OPEN, &open_channel), 0);
	set_delay(&se, IDLE_MS);
	pause_ms(5 * IDLE_MS);
	assert_false(is_suspended(&se));
	assert_int_equal(power_offs(&se), 0);
	close(fd);
	assert_true(go_idle(&se));
	se_info(&se, &info);
	assert_int_equal(info.state, SE_STATE_OFF);
	se_stop(&se);
}

/* Exchanges that come just when the SE is being switched off. */
static void test_race(void **state)
{
	struct se_conf conf = plain;
	struct se_stats t;
	struct se se;
	unsigned int i;

	(void)state;
	conf.flags |= SE_SIM_SUPPLY;
	conf.pwt_ms = 1;
	start_busy(&se, &conf);
	set_power(&se, "autosuspend_delay_ms", "4");
	for (i = 0; i < 120; i++) {
		exchange_ok(&se, 10);
		pause_ms(i % 13);
	}
	stats(&se, &t);
	assert_true(t.power_offs > 5);
	assert_int_equal(t.retrans, 0);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.errors, 0);
	se_stop(&se);
}

static void test_control_on(void **state)
{
	struct se_conf conf = plain;
	struct se se;

	(void)state;
	conf.flags |= SE_SIM_SUPPLY;
	start_busy(&se, &conf);
	set_power(&se, "control", "on");
	set_delay(&se, IDLE_MS);
	pause_ms(4 * IDLE_MS);
	assert_int_equal(power_offs(&se), 0);
	exchange_ok(&se, 10);
	set_power(&se, "control", "auto");
	assert_true(go_idle(&se));
	assert_int_equal(power_offs(&se), 1);
	se_stop(&se);
}

static void test_reset_by_power(void **state)
{
	struct se_conf conf = plain;
	struct se_reset reset = {.level = SE_RESET_POWER};
	struct se_info before, after;
	struct se se;
	int i;

	(void)state;
	conf.flags |= SE_SIM_SUPPLY;
	se_start(&se, &conf);
	se_info(&se, &before);
	assert_int_equal(ioctl(se.dev, SE_IOC_RESET, &reset), 0);
	se_info(&se, &after);
	assert_true(after.generation > before.generation);
	assert_int_equal(after.state, SE_STATE_IDLE);
	assert_int_equal(power_offs(&se), 1);
	exchange_ok(&se, 10);

	/* also of one that is off */
	for (i = 0; i < 2; i++) {
		exchange_ok(&se, 10);
		assert_true(go_idle(&se));
		reset.level = i ? SE_RESET_LINE : SE_RESET_POWER;
		assert_int_equal(ioctl(se.dev, SE_IOC_RESET, &reset), 0);
		exchange_ok(&se, 10);
	}
	se_stop(&se);

	conf.flags &= ~SE_SIM_SUPPLY;
	se_start(&se, &conf);
	reset.level = SE_RESET_POWER;
	assert_int_equal(ioctl(se.dev, SE_IOC_RESET, &reset), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	se_stop(&se);
}

/* The driver is taken off an SE that is off, and put on again. */
static void test_rebind_off(void **state)
{
	struct se_conf conf = plain;
	struct se se;
	int i;

	(void)state;
	conf.flags |= SE_SIM_SUPPLY;
	start_busy(&se, &conf);
	assert_true(go_idle(&se));
	write_file("/sys/bus/spi/drivers/se-spi/unbind", se.name);
	close(se.dev);
	write_file("/sys/bus/spi/drivers/se-spi/bind", se.name);
	for (i = 0; i < PATIENCE_MS / 10 && !find_node(&se); i++)
		pause_ms(10);
	se.dev = open(se.node, O_RDWR | O_CLOEXEC);
	assert_true(se.dev >= 0);
	exchange_ok(&se, 10);
	se_stop(&se);
}

/* ---- system sleep -------------------------------------------------------- */

/*
 * A root that comes over virtio's 9p does not survive the sleep of its device: so
 * not in QEMU, but on the debug kernel.
 */
static bool can_sleep(void)
{
	char line[512];
	bool ok = !access("/sys/power/pm_test", W_OK) &&
		  !access("/sys/module/suspend/parameters/pm_test_delay", W_OK);
	FILE *f = fopen("/proc/mounts", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		ok = ok && !strstr(line, " 9p ");
	fclose(f);
	return ok;
}

static void sleep_and_wake(void)
{
	write_file("/sys/power/pm_test", "devices");
	write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	write_file("/sys/power/state", "freeze");
	write_file("/sys/power/pm_test", "none");
}

struct caller {
	pthread_t thread;
	struct se *se;
	int error;
	unsigned int outcome;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	int fd = open(c->se->node, O_RDWR | O_CLOEXEC);

	c->error = exchange_on(fd, 20, &c->outcome);
	close(fd);
	return NULL;
}

static void call_start(struct caller *c, struct se *se)
{
	*c = (struct caller){.se = se};
	assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
	pause_ms(100);
}

static void test_sleep_idle(void **state)
{
	struct se_conf conf = plain;
	struct se_info before, after;
	struct se se;
	int i;

	(void)state;
	if (!can_sleep())
		skip();
	for (i = 0; i < 2; i++) {
		conf.flags |= i ? SE_SIM_SUPPLY : 0;
		se_start(&se, &conf);
		exchange_ok(&se, 10);
		se_info(&se, &before);
		sleep_and_wake();
		exchange_ok(&se, 10);
		se_info(&se, &after);
		assert_int_equal(after.generation > before.generation, i);
		/* S(RELEASE) finds an SE that is frozen as well: it goes without */
		assert_int_equal(power_offs(&se), i);
		se_stop(&se);
	}
}

/* The answer comes while the system is on its way to sleep: the exchange ends well. */
static void test_sleep_answer_in_time(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_fault delay = {.kind = SE_SIM_FAULT_DELAY,
				     .dir = SE_SIM_IN,
				     .ppm = SE_SIM_PPM,
				     .count = 1,
				     .delay_us = 900000};
	struct caller first, second;
	struct se_stats t;
	struct se se;

	(void)state;
	if (!can_sleep())
		skip();
	conf.bwt_ms = 5000;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.sim, SE_SIM_IOC_FAULT, &delay), 0);
	call_start(&first, &se);
	call_start(&second, &se);
	sleep_and_wake();
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	assert_int_equal(first.error, 0);
	assert_int_equal(second.error, 0);
	stats(&se, &t);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.errors, 0);
	se_stop(&se);
}

/*
 * The SE computes for too long: its caller is told that nobody knows, who waits
 * behind it goes on afterwards, and no APDU runs twice.
 */
static void test_sleep_in_mid_exchange(void **state)
{
	struct se_conf conf = plain;
	struct caller first, second;
	struct se se;

	(void)state;
	if (!can_sleep())
		skip();
	conf.bwt_ms = 8000;
	conf.think_ms = 3000; /* the SE is frozen as well, and so it takes longer */
	se_start(&se, &conf);
	call_start(&first, &se);
	call_start(&second, &se);
	sleep_and_wake();
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	assert_int_equal(first.error, EHOSTDOWN);
	assert_int_equal(first.outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(second.error, 0);
	assert_int_equal(second.outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(se.apdus, 2);
	exchange_ok(&se, 10);
	se_stop(&se);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_supply),
		cmocka_unit_test(test_enable),
		cmocka_unit_test(test_rude),
		cmocka_unit_test(test_not_switched),
		cmocka_unit_test(test_channel_keeps_power),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_control_on),
		cmocka_unit_test(test_reset_by_power),
		cmocka_unit_test(test_rebind_off),
		cmocka_unit_test(test_sleep_idle),
		cmocka_unit_test(test_sleep_answer_in_time),
		cmocka_unit_test(test_sleep_in_mid_exchange),
	};

	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
