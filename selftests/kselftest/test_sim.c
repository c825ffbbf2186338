// SPDX-License-Identifier: Apache-2.0
/*
 * se-sim by itself: this program plays the SE and, through spidev, the host.
 * Needs the modules se-sim and spidev, and root.
 */
#include "simbus.h"

static void test_attach(void **state)
{
	struct se_sim_attach attach = {.flags = 1U << 31};
	struct pollfd pfd;
	char byte = 0;
	int fd;

	(void)state;
	fd = open("/dev/se-sim", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(write(fd, &byte, 1), -1);
	assert_int_equal(errno, ENOTCONN);
	pfd = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(pfd.revents, POLLERR);
	assert_int_equal(ioctl(fd, SE_SIM_IOC_ATTACH, &attach), -1);
	assert_int_equal(errno, EINVAL);
	attach = (struct se_sim_attach){.flags = SE_SIM_SPIDEV, .reserved = 1};
	assert_int_equal(ioctl(fd, SE_SIM_IOC_ATTACH, &attach), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ioctl(fd, SE_SIM_IOC_ATTACH, NULL), -1);
	assert_int_equal(errno, EFAULT);
	attach.reserved = 0;
	assert_int_equal(ioctl(fd, SE_SIM_IOC_ATTACH, &attach), 0);
	assert_int_equal(ioctl(fd, SE_SIM_IOC_ATTACH, &attach), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(ioctl(fd, 0x1234, NULL), -1);
	assert_int_equal(errno, ENOTTY);
	close(fd);
}

static void test_out(void **state)
{
	static const uint8_t block[] = {0x21, 0xc4, 0, 0, 6, 0xcd};
	struct se_sim_counters c;
	struct bus bus;
	struct pollfd pfd;
	struct record rec;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	expect_nothing(&bus);
	assert_int_equal(write(bus.host, block, sizeof(block)), sizeof(block));
	pfd = (struct pollfd){.fd = bus.se, .events = POLLIN | POLLOUT};
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(pfd.revents, POLLIN | POLLOUT);
	/* too little room: kept */
	assert_int_equal(read(bus.se, &rec, sizeof(rec.head) + 5), -1);
	assert_int_equal(errno, EMSGSIZE);
	/* a bad address: kept */
	assert_int_equal(syscall(SYS_read, bus.se, NULL, sizeof(rec)), -1);
	assert_int_equal(errno, EFAULT);
	expect_access(&bus, block, sizeof(block));
	expect_nothing(&bus);
	counters(&bus, &c);
	assert_int_equal(c.accesses, 1);
	assert_int_equal(c.accesses_out, 1);
	assert_int_equal(c.accesses_in, 0);
	assert_int_equal(c.accesses_idle, 0);
	assert_int_equal(c.bytes_out, sizeof(block));
	assert_int_equal(c.bytes_in, 0);
	assert_int_equal(c.irqs, 0);
	bus_close(&bus);
}

static void check_in(__u32 flags, uint8_t idle)
{
	static const uint8_t block[] = {0x12, 0xe0, 0, 0, 0x0f, 0xa8};
	struct se_sim_counters c;
	uint8_t got[10];
	struct bus bus;
	size_t i;

	bus_open(&bus, SE_SIM_NO_CLOCK | flags);
	assert_int_equal(write(bus.se, block, sizeof(block)), sizeof(block));
	assert_int_equal(read(bus.host, got, 4), 4);
	assert_memory_equal(got, block, 4);
	assert_int_equal(read(bus.host, got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, block + 4, 2);
	for (i = 2; i < sizeof(got); i++)
		assert_int_equal(got[i], idle);
	assert_int_equal(read(bus.host, got, 1), 1);
	assert_int_equal(got[0], idle);
	counters(&bus, &c);
	assert_int_equal(c.accesses, 3);
	assert_int_equal(c.accesses_in, 2);
	assert_int_equal(c.accesses_idle, 1);
	assert_int_equal(c.bytes_in, sizeof(block));
	assert_int_equal(c.irqs, flags & SE_SIM_NO_IRQ ? 0 : 1);
	expect_nothing(&bus);
	bus_close(&bus);
}

static void test_in(void **state)
{
	(void)state;
	check_in(0, 0x00);
	check_in(SE_SIM_FILL_FF | SE_SIM_IRQ_EDGE, 0xff);
	check_in(SE_SIM_NO_IRQ | SE_SIM_NO_RESET, 0x00);
}

static void test_duplex(void **state)
{
	uint8_t out[5] = {1, 2, 3, 4, 5}, in[5] = {0};
	struct spi_ioc_transfer x = {
		.tx_buf = (uintptr_t)out, .rx_buf = (uintptr_t)in, .len = sizeof(out)};
	struct se_sim_counters c;
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(write(bus.se, "abc", 3), 3);
	transfer(&bus, &x, 1);
	assert_memory_equal(in, "abc\0\0", 5);
	expect_access(&bus, out, sizeof(out));
	counters(&bus, &c);
	assert_int_equal(c.accesses, 1);
	assert_int_equal(c.accesses_out, 1);
	assert_int_equal(c.accesses_in, 1);
	bus_close(&bus);
}

/* A record is what one chip-select assertion carried. */
static void test_select(void **state)
{
	uint8_t a[2] = {0xa1, 0xa2}, b[3] = {0xb1, 0xb2, 0xb3};
	struct spi_ioc_transfer x[2] = {{.tx_buf = (uintptr_t)a, .len = sizeof(a)},
					{.tx_buf = (uintptr_t)b, .len = sizeof(b)}};
	struct se_sim_counters c;
	struct bus bus;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	transfer(&bus, x, 2);
	expect_access(&bus, "\xa1\xa2\xb1\xb2\xb3", 5);
	expect_nothing(&bus);

	x[0].cs_change = 1; /* in the middle: let go for a moment */
	transfer(&bus, x, 2);
	expect_access(&bus, a, sizeof(a));
	expect_access(&bus, b, sizeof(b));
	expect_nothing(&bus);

	x[0].cs_change = 1; /* at the end: stay selected */
	transfer(&bus, x, 1);
	expect_nothing(&bus);
	transfer(&bus, x + 1, 1);
	expect_access(&bus, "\xa1\xa2\xb1\xb2\xb3", 5);
	expect_nothing(&bus);

	counters(&bus, &c);
	assert_int_equal(c.accesses, 4);
	bus_close(&bus);
}

static void test_fifo_bounds(void **state)
{
	static uint8_t big[16385];
	struct pollfd pfd;
	struct bus bus;
	int i;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(write(bus.se, big, sizeof(big)), -1);
	assert_int_equal(errno, EMSGSIZE);
	for (i = 0; i < 4; i++)
		assert_int_equal(write(bus.se, big, 4095), 4095);
	assert_int_equal(write(bus.se, big, 5), -1);
	assert_int_equal(errno, EAGAIN);
	pfd = (struct pollfd){.fd = bus.se, .events = POLLOUT};
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(read(bus.host, big, 4095), 4095);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(write(bus.se, big, 5), 5);
	bus_close(&bus);
}

/* The host goes on where the SE does not read; what is lost is the newest. */
static void test_queue_bounds(void **state)
{
	static uint8_t block[4000];
	struct bus bus;
	struct record rec;
	char path[64], text[512];
	int i, n = 0;
	FILE *f;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	for (i = 0; i < 20; i++) {
		block[0] = (uint8_t)i;
		assert_int_equal(write(bus.host, block, sizeof(block)), sizeof(block));
	}
	while (read(bus.se, &rec, sizeof(rec)) > 0) {
		assert_int_equal(rec.head.len, sizeof(block));
		assert_int_equal(rec.data[0], n++);
	}
	assert_int_equal(n, 65536 / (4000 + 16));
	snprintf(path, sizeof(path), "/sys/kernel/debug/se-sim/spi%u/counters", bus.nr);
	f = fopen(path, "re");
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
		assert_non_null(strstr(text, "accesses 20\n"));
		assert_non_null(strstr(text, "dropped 4\n"));
		assert_non_null(strstr(text, "longest_access 4000\n"));
	}
	bus_close(&bus);
}

static void test_clock(void **state)
{
	static uint8_t block[1000];
	struct spi_ioc_transfer x = {
		.tx_buf = (uintptr_t)block, .len = sizeof(block), .speed_hz = 1000000};
	struct bus bus;
	uint64_t start;

	(void)state;
	bus_open(&bus, 0);
	start = now_ns();
	transfer(&bus, &x, 1);
	assert_true(now_ns() - start >= 8000000); /* 8000 clocks at 1 MHz */
	bus_close(&bus);
}

static void test_two_buses(void **state)
{
	struct bus a, b;

	(void)state;
	bus_open(&a, SE_SIM_NO_CLOCK);
	bus_open(&b, SE_SIM_NO_CLOCK);
	assert_int_not_equal(a.nr, b.nr);
	assert_int_equal(write(a.host, "a", 1), 1);
	assert_int_equal(write(b.host, "bb", 2), 2);
	expect_access(&b, "bb", 2);
	expect_access(&a, "a", 1);
	bus_close(&a);
	assert_int_equal(write(b.host, "b", 1), 1);
	expect_access(&b, "b", 1);
	bus_close(&b);
}

static void test_reset(void **state)
{
	struct se_sim_counters c;
	struct record rec;
	uint8_t got[3];
	struct bus bus;
	int line;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	line = reset_line(&bus);
	assert_true(line >= 0);
	assert_int_equal(write(bus.host, "old", 3), 3);
	assert_int_equal(write(bus.se, "old", 3), 3);
	gpio_set(line, 1);
	assert_int_equal(read(bus.host, got, 3), 3);
	assert_memory_equal(got, "\0\0\0", 3);
	assert_int_equal(write(bus.host, "deaf", 4), 4);
	expect_nothing(&bus);
	gpio_set(line, 0);
	/* the SE has not noticed yet: what it says is from before the reset */
	assert_int_equal(write(bus.se, "old", 3), 3);
	assert_int_equal(write(bus.host, "new", 3), 3);
	assert_int_equal(read(bus.se, &rec, sizeof(rec)), sizeof(rec.head));
	assert_int_equal(rec.head.type, SE_SIM_RESET);
	expect_access(&bus, "new", 3);
	expect_nothing(&bus);
	assert_int_equal(write(bus.se, "yes", 3), 3);
	assert_int_equal(read(bus.host, got, 3), 3);
	assert_memory_equal(got, "yes", 3);
	counters(&bus, &c);
	assert_int_equal(c.resets, 1);
	close(line);
	bus_close(&bus);
}

static int unplugged(__u32 nr)
{
	char path[32];
	int i;

	spidev_path(path, sizeof(path), nr);
	for (i = 0; i < 6000; i++) {
		if (access(path, F_OK))
			return 1;
		pause_ms(10);
	}
	return 0;
}

static void test_unplug_open_host(void **state)
{
	struct bus bus;
	int line;

	(void)state;
	bus_open(&bus, SE_SIM_NO_CLOCK);
	line = reset_line(&bus);
	close(bus.se);
	assert_true(unplugged(bus.nr));
	assert_int_equal(write(bus.host, "x", 1), -1);
	assert_int_equal(errno, ESHUTDOWN);
	close(bus.host);
	close(line);
}

static void no_action(int sig)
{
	(void)sig;
}

static void *block_in_read(void *arg)
{
	struct record rec;
	int fd = *(int *)arg;
	ssize_t ret = read(fd, &rec, sizeof(rec));

	return (void *)(intptr_t)(ret < 0 ? -errno : ret);
}

/* The file is closed under a reader: the bus stays until the reader is out. */
static void test_close_under_reader(void **state)
{
	struct sigaction sa = {.sa_handler = no_action};
	pthread_t thread;
	struct bus bus;
	char path[32];
	void *ret;

	(void)state;
	sigaction(SIGUSR1, &sa, NULL);
	bus_open(&bus, SE_SIM_NO_CLOCK);
	assert_int_equal(fcntl(bus.se, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, block_in_read, &bus.se), 0);
	pause_ms(50);
	close(bus.se);
	spidev_path(path, sizeof(path), bus.nr);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal((intptr_t)ret, -EINTR);
	assert_true(unplugged(bus.nr));
	close(bus.host);
}

/* The process that plays the SE is killed while it waits. */
static void test_kill_se(void **state)
{
	int pipe_fd[2], status;
	__u32 nr = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct se_sim_attach attach = {.flags = SE_SIM_SPIDEV};
		int fd = open("/dev/se-sim", O_RDWR);
		struct record rec;

		if (fd < 0 || ioctl(fd, SE_SIM_IOC_ATTACH, &attach) ||
		    write(pipe_fd[1], &attach.bus, sizeof(attach.bus)) < 0)
			_exit(1);
		_exit(read(fd, &rec, sizeof(rec)) > 0);
	}
	assert_int_equal(read(pipe_fd[0], &nr, sizeof(nr)), sizeof(nr));
	pause_ms(50);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(unplugged(nr));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* Attach and close at once, again and again: the worker against release. */
static void test_quick_close(void **state)
{
	struct se_sim_attach attach;
	int i, fd;

	(void)state;
	for (i = 0; i < 30; i++) {
		fd = open("/dev/se-sim", O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		/* with spidev, and with whatever drives an SE */
		attach = (struct se_sim_attach){.flags = i & 1 ? SE_SIM_SPIDEV : 0};
		assert_int_equal(ioctl(fd, SE_SIM_IOC_ATTACH, &attach), 0);
		if (i & 2)
			pause_ms(i);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_duplex),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_fifo_bounds),
		cmocka_unit_test(test_queue_bounds),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_two_buses),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_unplug_open_host),
		cmocka_unit_test(test_close_under_reader),
		cmocka_unit_test(test_kill_se),
		cmocka_unit_test(test_quick_close),
	};

	return cmocka_run_group_tests_name("se-sim", tests, NULL, NULL);
}
