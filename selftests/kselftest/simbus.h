/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of se-sim by itself: one program plays the SE and, through spidev,
 * the host. Needs the modules se-sim and spidev, and root.
 */
#ifndef SIMBUS_H
#define SIMBUS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>
#include <linux/se_sim.h>
#include <cmocka.h>

/* One bus: the SE's end, the host's end and the number of the bus. */
struct bus {
	int se;
	int host;
	__u32 nr;
};

struct record {
	struct se_sim_record head;
	uint8_t data[8192];
};

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static inline void pause_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static inline void spidev_path(char *path, size_t room, __u32 nr)
{
	snprintf(path, room, "/dev/spidev%u.0", nr);
}

/* Plug in with @flags besides SPIDEV and open the host's end. */
static inline void bus_open_hz(struct bus *bus, __u32 flags, __u32 hz)
{
	struct se_sim_attach attach = {.flags = SE_SIM_SPIDEV | flags, .max_hz = hz};
	char path[32];
	int i;

	bus->se = open("/dev/se-sim", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(bus->se >= 0);
	assert_int_equal(ioctl(bus->se, SE_SIM_IOC_ATTACH, &attach), 0);
	bus->nr = attach.bus;
	spidev_path(path, sizeof(path), bus->nr);
	for (i = 0; i < 6000; i++) {
		bus->host = open(path, O_RDWR | O_CLOEXEC);
		if (bus->host >= 0)
			return;
		pause_ms(10);
	}
	fail_msg("%s did not appear", path);
}

static inline void bus_open(struct bus *bus, __u32 flags)
{
	bus_open_hz(bus, flags, 0);
}

static inline void bus_close(struct bus *bus)
{
	close(bus->host);
	close(bus->se);
}

static inline void counters(struct bus *bus, struct se_sim_counters *c)
{
	assert_int_equal(ioctl(bus->se, SE_SIM_IOC_COUNTERS, c), 0);
}

static inline void transfer(struct bus *bus, struct spi_ioc_transfer *xfer, unsigned int n)
{
	int ret = n == 1 ? ioctl(bus->host, SPI_IOC_MESSAGE(1), xfer)
			 : ioctl(bus->host, SPI_IOC_MESSAGE(2), xfer);

	assert_true(ret >= 0);
}

static inline void expect_access(struct bus *bus, const void *data, size_t len)
{
	struct record rec;
	ssize_t got = read(bus->se, &rec, sizeof(rec));

	assert_int_equal(got, sizeof(rec.head) + len);
	assert_int_equal(rec.head.type, SE_SIM_ACCESS);
	assert_int_equal(rec.head.len, len);
	assert_memory_equal(rec.data, data, len);
	assert_true(rec.head.time_ns && rec.head.time_ns <= now_ns());
}

static inline void expect_nothing(struct bus *bus)
{
	struct record rec;

	assert_int_equal(read(bus->se, &rec, sizeof(rec)), -1);
	assert_int_equal(errno, EAGAIN);
}

/* Open a line of the bus as an output, not asserted. */
static inline int gpio_line(struct bus *bus, __u32 offset, bool active_low)
{
	struct gpio_v2_line_request req = {
		.offsets = {offset},
		.num_lines = 1,
		.consumer = "test_sim",
		.config.flags = GPIO_V2_LINE_FLAG_OUTPUT |
				(active_low ? GPIO_V2_LINE_FLAG_ACTIVE_LOW : 0),
	};
	struct gpiochip_info info;
	char path[32], label[32];
	int i, fd;

	snprintf(label, sizeof(label), "se-sim-spi%u", bus->nr);
	for (i = 0; i < 32; i++) {
		snprintf(path, sizeof(path), "/dev/gpiochip%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &info) && !strcmp(info.label, label)) {
			assert_int_equal(ioctl(fd, GPIO_V2_GET_LINE_IOCTL, &req), 0);
			close(fd);
			return req.fd;
		}
		close(fd);
	}
	return -1;
}

static inline void gpio_set(int line, int on)
{
	struct gpio_v2_line_values v = {.bits = on ? 1 : 0, .mask = 1};

	assert_int_equal(ioctl(line, GPIO_V2_LINE_SET_VALUES_IOCTL, &v), 0);
}

static inline int reset_line(struct bus *bus)
{
	return gpio_line(bus, 0, true);
}

#endif
