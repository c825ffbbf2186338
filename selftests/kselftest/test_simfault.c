// SPDX-License-Identifier: Apache-2.0
/*
 * What se-sim does when it is told to misbehave, and what it counts. Each fault is
 * shown by both ends of the wire; test_fault.c shows what the driver makes of them.
 */
#include "simbus.h"

#include <linux/i2c-dev.h>
#include <linux/i2c.h>

#define ALL UINT32_MAX

static int try_fault(struct bus *bus, const struct se_sim_fault *f)
{
	return ioctl(bus->se, SE_SIM_IOC_FAULT, f) ? -errno : 0;
}

/* Once, at the next occasion. */
static void fault_once(struct bus *bus, __u32 kind, __u32 dir, struct se_sim_fault f)
{
	f.kind = kind;
	f.dir = dir;
	f.ppm = SE_SIM_PPM;
	f.count = 1;
	assert_int_equal(try_fault(bus, &f), 0);
}

static uint64_t fault_done(struct bus *bus, __u32 kind, __u32 dir)
{
	struct se_sim_fault f = {.kind = kind, .dir = dir};

	assert_int_equal(ioctl(bus->se, SE_SIM_IOC_GET_FAULT, &f), 0);
	return f.done;
}

static void host_says(struct bus *bus, const char *text)
{
	assert_int_equal(write(bus->host, text, strlen(text)), strlen(text));
}

static void se_says(struct bus *bus, const char *text)
{
	assert_int_equal(write(bus->se, text, strlen(text)), strlen(text));
}

static void host_hears(struct bus *bus, const void *data, size_t len)
{
	uint8_t got[64];

	assert_true(len <= sizeof(got));
	assert_int_equal(read(bus->host, got, len), len);
	assert_memory_equal(got, data, len);
}

static void expect_type(struct bus *bus, __u32 type)
{
	struct record rec;

	assert_true(read(bus->se, &rec, sizeof(rec)) >= (ssize_t)sizeof(rec.head));
	assert_int_equal(rec.head.type, type);
}

static void test_bytes_out(void **state)
{
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	fault_once(&bus, SE_SIM_FAULT_DROP, SE_SIM_OUT,
		   (struct se_sim_fault){.offset = 2, .len = 3});
	host_says(&bus, "abcdefgh");
	expect_access(&bus, "abfgh", 5);
	fault_once(&bus, SE_SIM_FAULT_DROP, SE_SIM_OUT, (struct se_sim_fault){0});
	host_says(&bus, "abcdefgh");
	expect_nothing(&bus);
	fault_once(&bus, SE_SIM_FAULT_CORRUPT, SE_SIM_OUT,
		   (struct se_sim_fault){.offset = 1, .len = 2, .value = 0x20});
	host_says(&bus, "abcd");
	expect_access(&bus, "aBCd", 4);
	fault_once(&bus, SE_SIM_FAULT_INSERT, SE_SIM_OUT,
		   (struct se_sim_fault){.offset = 3, .len = 2, .value = 'x'});
	host_says(&bus, "abcd");
	expect_access(&bus, "abcxxd", 6);
	fault_once(&bus, SE_SIM_FAULT_DUPLICATE, SE_SIM_OUT, (struct se_sim_fault){0});
	host_says(&bus, "abcd");
	expect_access(&bus, "abcd", 4);
	expect_access(&bus, "abcd", 4);
	host_says(&bus, "abcd");
	expect_access(&bus, "abcd", 4);
	expect_nothing(&bus);
	assert_int_equal(fault_done(&bus, SE_SIM_FAULT_DROP, SE_SIM_OUT), 2);
	assert_int_equal(fault_done(&bus, SE_SIM_FAULT_DROP, SE_SIM_IN), 0);
	bus_close(&bus);
}

static void test_bytes_in(void **state)
{
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	fault_once(&bus, SE_SIM_FAULT_DROP, SE_SIM_IN,
		   (struct se_sim_fault){.offset = 5, .len = 9});
	se_says(&bus, "abcdefgh");
	host_hears(&bus, "abcde\0\0\0", 8);
	fault_once(&bus, SE_SIM_FAULT_CORRUPT, SE_SIM_IN,
		   (struct se_sim_fault){.offset = 99, .value = 0x20});
	se_says(&bus, "abcd");
	host_hears(&bus, "abcD", 4);
	fault_once(&bus, SE_SIM_FAULT_INSERT, SE_SIM_IN, (struct se_sim_fault){.value = 'x'});
	se_says(&bus, "abcd");
	host_hears(&bus, "xabcd\0", 6);
	fault_once(&bus, SE_SIM_FAULT_DUPLICATE, SE_SIM_IN, (struct se_sim_fault){0});
	se_says(&bus, "abcd");
	host_hears(&bus, "abcdabcd\0", 9);
	bus_close(&bus);
}

/* Something for the SE to read comes, at some time. */
static void await_record(struct bus *bus)
{
	struct pollfd p = {.fd = bus->se, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 60000), 1);
}

/* delays and times that nobody stands still for between two lines of a test */
enum { LONG_US = 2000000, PAST_LONG_MS = 2200 };

static void test_delay(void **state)
{
	struct bus bus;
	uint8_t got[8];
	size_t n = 0;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	fault_once(&bus, SE_SIM_FAULT_DELAY, SE_SIM_OUT,
		   (struct se_sim_fault){.delay_us = LONG_US});
	host_says(&bus, "late");
	host_says(&bus, "next");
	expect_nothing(&bus);
	await_record(&bus);
	expect_access(&bus, "late", 4);
	await_record(&bus);
	expect_access(&bus, "next", 4); /* it has not overtaken */

	fault_once(&bus, SE_SIM_FAULT_DELAY, SE_SIM_IN,
		   (struct se_sim_fault){.delay_us = LONG_US});
	se_says(&bus, "late");
	se_says(&bus, "next");
	host_hears(&bus, "\0\0\0", 3);
	for (uint64_t end = now_ns() + 60000000000U; n < sizeof(got) && now_ns() < end;) {
		assert_int_equal(read(bus.host, got + n, 1), 1);
		if (got[n])
			n++;
		else
			pause_ms(10);
	}
	assert_int_equal(n, sizeof(got));
	assert_memory_equal(got, "latenext", sizeof(got));
	bus_close(&bus);
}

/* Send @n accesses; a bit of the result for each that did not arrive. */
static uint64_t losses(struct bus *bus, unsigned int n)
{
	struct record rec;
	uint64_t lost = 0;

	for (unsigned int i = 0; i < n; i++) {
		host_says(bus, "abcd");
		if (read(bus->se, &rec, sizeof(rec)) < 0)
			lost |= 1ULL << i;
	}
	return lost;
}

static void test_occasions(void **state)
{
	struct se_sim_fault f = {.kind = SE_SIM_FAULT_DROP, .dir = SE_SIM_OUT};
	uint64_t seed = 42, first;
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	f.ppm = SE_SIM_PPM;
	f.nth = 3;
	f.count = 2;
	assert_int_equal(try_fault(&bus, &f), 0);
	assert_int_equal(losses(&bus, 6), 0x0c);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_GET_FAULT, &f), 0);
	assert_int_equal(f.seen, 6);
	assert_int_equal(f.done, 2);
	assert_int_equal(f.nth, 3);

	f = (struct se_sim_fault){
		.kind = SE_SIM_FAULT_DROP, .dir = SE_SIM_OUT, .ppm = SE_SIM_PPM / 4};
	assert_int_equal(try_fault(&bus, &f), 0);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_SEED, &seed), 0);
	first = losses(&bus, 64);
	assert_in_range(__builtin_popcountll(first), 5, 30); /* 16, give or take three sigma */
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_SEED, &seed), 0);
	assert_int_equal(losses(&bus, 64), first);
	seed++;
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_SEED, &seed), 0);
	assert_int_not_equal(losses(&bus, 64), first);

	f.ppm = 0;
	assert_int_equal(try_fault(&bus, &f), 0);
	assert_int_equal(losses(&bus, 64), 0);
	bus_close(&bus);
}

static void test_bad_faults(void **state)
{
	const struct se_sim_fault bad[] = {
		{.kind = SE_SIM_FAULT_KINDS},
		{.kind = SE_SIM_FAULT_DROP, .dir = 2},
		{.kind = SE_SIM_FAULT_IRQ_LOST, .dir = SE_SIM_OUT},
		{.kind = SE_SIM_FAULT_DROP, .flags = 2},
		{.kind = SE_SIM_FAULT_DROP, .ppm = SE_SIM_PPM + 1},
		{.kind = SE_SIM_FAULT_CORRUPT, .value = 256},
		{.kind = SE_SIM_FAULT_DELAY, .delay_us = 60000001},
		{.kind = SE_SIM_FAULT_INSERT, .len = 257},
	};
	struct se_sim_timing timing = {.flags = 2};
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(try_fault(&bus, &bad[i]), -EINVAL);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_TIMING, &timing), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_SEED, NULL), -1);
	assert_int_equal(errno, EFAULT);
	bus_close(&bus);
}

static void test_transfers(void **state)
{
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	se_says(&bus, "abcdefgh");
	fault_once(&bus, SE_SIM_FAULT_SHORT, SE_SIM_IN, (struct se_sim_fault){.len = 3});
	host_hears(&bus, "abc\0\0", 5);
	host_hears(&bus, "defgh", 5);
	fault_once(&bus, SE_SIM_FAULT_SHORT, SE_SIM_OUT, (struct se_sim_fault){.len = 3});
	host_says(&bus, "abcdefgh");
	expect_access(&bus, "abc", 3);

	/* it fails, and the SE has it all the same */
	fault_once(&bus, SE_SIM_FAULT_ERROR, SE_SIM_OUT, (struct se_sim_fault){.len = ALL});
	assert_int_equal(write(bus.host, "abcd", 4), -1);
	assert_int_equal(errno, EIO);
	expect_access(&bus, "abcd", 4);
	/* it fails before anything has moved */
	fault_once(&bus, SE_SIM_FAULT_ERROR, SE_SIM_OUT, (struct se_sim_fault){0});
	assert_int_equal(write(bus.host, "abcd", 4), -1);
	assert_int_equal(errno, EIO);
	expect_nothing(&bus);
	bus_close(&bus);
}

static void test_self_reset(void **state)
{
	struct se_sim_timing timing = {.flags = SE_SIM_STRICT, .pwt_us = LONG_US};
	struct se_sim_counters c;
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_TIMING, &timing), 0);
	fault_once(&bus, SE_SIM_FAULT_RESET, SE_SIM_OUT, (struct se_sim_fault){0});
	host_says(&bus, "lost");
	expect_type(&bus, SE_SIM_RESET);
	host_says(&bus, "early"); /* it boots */
	expect_nothing(&bus);
	pause_ms(PAST_LONG_MS);
	host_says(&bus, "heard");
	expect_access(&bus, "heard", 5);
	counters(&bus, &c);
	assert_int_equal(c.segt_violations, 1);
	assert_int_equal(c.resets, 0); /* of the line */

	fault_once(&bus, SE_SIM_FAULT_RESET, SE_SIM_OUT,
		   (struct se_sim_fault){.delay_us = 50000});
	host_says(&bus, "heard");
	expect_access(&bus, "heard", 5);
	se_says(&bus, "never read");
	await_record(&bus);
	host_hears(&bus, "\0\0\0", 3);
	expect_type(&bus, SE_SIM_RESET);

	fault_once(&bus, SE_SIM_FAULT_RESET, SE_SIM_IN, (struct se_sim_fault){0});
	se_says(&bus, "lost");
	expect_type(&bus, SE_SIM_RESET);
	host_hears(&bus, "\0\0\0", 3);
	bus_close(&bus);
}

static void test_guard_times(void **state)
{
	struct se_sim_timing timing = {.segt_us = LONG_US, .seal = 4, .max_hz = 1000000};
	struct spi_ioc_transfer x = {
		.tx_buf = (uintptr_t)"\x01\x82", .len = 2, .speed_hz = 1000000};
	struct se_sim_counters c;
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_TIMING, &timing), 0);
	transfer(&bus, &x, 1);
	transfer(&bus, &x, 1); /* too early, but only counted */
	expect_access(&bus, "\x01\x82", 2);
	expect_access(&bus, "\x01\x82", 2);
	counters(&bus, &c);
	assert_int_equal(c.segt_violations, 1);
	assert_int_equal(c.seal_violations, 0);
	assert_int_equal(c.clock_violations, 0);
	assert_true(c.gap_ns < LONG_US * 1000U);

	timing.flags = SE_SIM_STRICT;
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_TIMING, &timing), 0);
	transfer(&bus, &x, 1);
	expect_nothing(&bus);
	timing.segt_us = 0;
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_TIMING, &timing), 0);
	x.speed_hz = 2000000;
	transfer(&bus, &x, 1);
	expect_access(&bus, "\x02\x04", 2);
	x.speed_hz = 1000000;
	x.tx_buf = (uintptr_t)"abcdef";
	x.len = 6;
	transfer(&bus, &x, 1);
	expect_access(&bus, "abcd", 4);
	counters(&bus, &c);
	assert_int_equal(c.segt_violations, 2);
	assert_int_equal(c.seal_violations, 1);
	assert_int_equal(c.clock_violations, 1);
	bus_close(&bus);
}

static void test_sleep(void **state)
{
	struct se_sim_timing timing = {
		.pst_us = LONG_US, .wut_us = LONG_US / 2, .flags = SE_SIM_STRICT};
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_TIMING, &timing), 0);
	host_says(&bus, "one");
	expect_access(&bus, "one", 3);
	pause_ms(PAST_LONG_MS);
	host_says(&bus, "wake up");
	expect_nothing(&bus);
	host_says(&bus, "too early");
	expect_nothing(&bus);
	pause_ms(PAST_LONG_MS / 2);
	host_says(&bus, "two");
	expect_access(&bus, "two", 3);
	bus_close(&bus);
}

static void test_power(void **state)
{
	struct se_sim_counters c;
	struct bus bus;
	int line;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK | SE_SIM_ENABLE);
	host_says(&bus, "off");
	se_says(&bus, "off");
	expect_nothing(&bus);
	line = gpio_line(&bus, 1, false);
	assert_true(line >= 0);
	gpio_set(line, 1);
	se_says(&bus, "unaware"); /* it has not read that it is on */
	host_hears(&bus, "\0\0\0", 3);
	expect_type(&bus, SE_SIM_POWER);
	se_says(&bus, "yes");
	host_hears(&bus, "yes", 3);
	host_says(&bus, "on");
	expect_access(&bus, "on", 2);
	se_says(&bus, "gone");
	gpio_set(line, 0);
	host_hears(&bus, "\0\0\0", 3);
	expect_type(&bus, SE_SIM_POWER);
	expect_nothing(&bus);
	counters(&bus, &c);
	assert_int_equal(c.power_ons, 1);
	assert_int_equal(c.power_offs, 1);
	close(line);
	bus_close(&bus);
}

static void *write_slowly(void *arg)
{
	static uint8_t block[1000];
	struct bus *bus = arg;

	return (void *)(intptr_t)write(bus->host, block, sizeof(block));
}

/* A thousand bytes at one clock a second take 8000 s, close() does not. */
static void test_slow_clock(void **state)
{
	pthread_t thread;
	struct bus bus;
	uint64_t start;

	(void)state;
	bus_open_hz(&bus, 0, 1);
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &bus), 0);
	pause_ms(100);
	start = now_ns();
	close(bus.se);
	pthread_join(thread, NULL);
	assert_true(now_ns() - start < 60000000000U);
	close(bus.host);
}

/* A caller of the days when the structure was short, and one of days to come. */
static void test_sizes(void **state)
{
	struct {
		struct se_sim_attach attach;
		__u64 more;
	} longer = {.attach.flags = SE_SIM_SPIDEV, .more = 1};
	const unsigned int first = _IOC(_IOC_READ | _IOC_WRITE, SE_SIM_IOC_MAGIC, 0, 16);
	const unsigned int later =
		_IOC(_IOC_READ | _IOC_WRITE, SE_SIM_IOC_MAGIC, 0, sizeof(longer));
	struct se_sim_attach attach = {.flags = SE_SIM_SPIDEV};
	int fd = open("/dev/se-sim", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	memset((char *)&attach + 16, 0xff, sizeof(attach) - 16);
	assert_int_equal(ioctl(fd, later, &longer), -1);
	assert_int_equal(errno, E2BIG);
	attach.flags = SE_SIM_NO_NACK; /* has no sense on SPI */
	assert_int_equal(ioctl(fd, first, &attach), -1);
	assert_int_equal(errno, EINVAL);
	attach.flags = SE_SIM_SPIDEV;
	assert_int_equal(ioctl(fd, first, &attach), 0);
	assert_int_equal(attach.max_transfer, UINT32_MAX); /* not written */
	close(fd);
}

static int i2c_message(int host, __u16 addr, __u16 flags, void *buf, __u16 len)
{
	struct i2c_msg msg = {.addr = addr, .flags = flags, .buf = buf, .len = len};
	struct i2c_rdwr_ioctl_data data = {.msgs = &msg, .nmsgs = 1};

	return ioctl(host, I2C_RDWR, &data) < 0 ? -errno : 0;
}

static void test_i2c(void **state)
{
	struct se_sim_attach attach = {.flags = SE_SIM_I2C | SE_SIM_SPIDEV | SE_SIM_NO_CLOCK,
				       .addr = 0x2a,
				       .max_transfer = 64};
	struct se_sim_counters c;
	struct bus bus = {.host = -1};
	uint8_t buf[65];
	char path[32];

	(void)state;
	bus.se = open("/dev/se-sim", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(bus.se >= 0);
	assert_int_equal(ioctl(bus.se, SE_SIM_IOC_ATTACH, &attach), 0);
	snprintf(path, sizeof(path), "/dev/i2c-%u", attach.bus);
	for (int i = 0; i < 6000 && bus.host < 0; i++) {
		bus.host = open(path, O_RDWR | O_CLOEXEC);
		if (bus.host < 0)
			pause_ms(10);
	}
	assert_true(bus.host >= 0);
	assert_int_equal(i2c_message(bus.host, 0x2b, 0, "ab", 2), -ENXIO);
	assert_int_equal(i2c_message(bus.host, 0x2a, I2C_M_RD, buf, 2), -ENXIO);
	assert_int_equal(i2c_message(bus.host, 0x2a, 0, "abcd", 4), 0);
	expect_access(&bus, "abcd", 4);
	se_says(&bus, "efgh");
	assert_int_equal(i2c_message(bus.host, 0x2a, I2C_M_RD, buf, 3), 0);
	assert_memory_equal(buf, "efg", 3);
	assert_int_equal(i2c_message(bus.host, 0x2a, I2C_M_RD, buf, 3), 0);
	assert_memory_equal(buf, "h\0\0", 3);
	assert_int_equal(i2c_message(bus.host, 0x2a, I2C_M_RD, buf, 65), -EOPNOTSUPP);
	fault_once(&bus, SE_SIM_FAULT_NACK, SE_SIM_OUT, (struct se_sim_fault){0});
	assert_int_equal(i2c_message(bus.host, 0x2a, 0, "abcd", 4), -ENXIO);
	expect_nothing(&bus);
	counters(&bus, &c);
	assert_int_equal(c.nacks, 2);
	/* the SE's end goes first: the host's finds nobody, and nothing hangs */
	close(bus.se);
	assert_int_equal(i2c_message(bus.host, 0x2a, 0, "abcd", 4), -ENXIO);
	close(bus.host);
}

static int debugfs_write(struct bus *bus, const char *file, const char *text)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/kernel/debug/se-sim/spi%u/%s", bus->nr, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void test_debugfs(void **state)
{
	static const char *const bad[] = {"drop",
					  "drop up",
					  "drop out ppm",
					  "drop out ppm=x",
					  "drop out a=1",
					  "lose in",
					  "irq-lost in",
					  "",
					  "drop in random=2",
					  "drop in ppm=1000001"};
	struct bus bus;
	char path[64], text[4096];
	FILE *f;

	(void)state;
	if (access("/sys/kernel/debug/se-sim", F_OK))
		skip();
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(
		debugfs_write(&bus, "fault", "corrupt out offset=1 value=0x20 count=1\n"), 0);
	host_says(&bus, "abcd");
	expect_access(&bus, "aBcd", 4);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (*bad[i] && strcmp(bad[i], "drop out ppm"))
			assert_int_equal(debugfs_write(&bus, "fault", bad[i]), -EINVAL);
	snprintf(path, sizeof(path), "/sys/kernel/debug/se-sim/spi%u/fault", bus.nr);
	f = fopen(path, "re");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_non_null(strstr(text, "corrupt out ppm=1000000 nth=0 count=1 offset=1 len=0 "
				     "value=32 delay_us=0 random=0 seen=1 done=1\n"));
	assert_int_equal(debugfs_write(&bus, "timing", "seal=2 strict"), 0);
	host_says(&bus, "abcd");
	expect_access(&bus, "ab", 2);
	assert_int_equal(debugfs_write(&bus, "timing", "seal=2 stern"), -EINVAL);
	assert_int_equal(debugfs_write(&bus, "seed", "7"), 0);
	bus_close(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_out),  cmocka_unit_test(test_bytes_in),
		cmocka_unit_test(test_delay),	   cmocka_unit_test(test_occasions),
		cmocka_unit_test(test_bad_faults), cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_self_reset), cmocka_unit_test(test_guard_times),
		cmocka_unit_test(test_sleep),	   cmocka_unit_test(test_power),
		cmocka_unit_test(test_slow_clock), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_i2c),	   cmocka_unit_test(test_debugfs),
	};

	return cmocka_run_group_tests_name("se-sim faults", tests, NULL, NULL);
}
