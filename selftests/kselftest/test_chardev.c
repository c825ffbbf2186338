// SPDX-License-Identifier: Apache-2.0
/*
 * /dev/seN as a file: write, read, poll, O_NONBLOCK, and the rules of its ioctl
 * structures.
 */
#include "card.h"

static struct card card;

/* an address that nothing is mapped at; the compiler need not know */
static void *volatile nowhere = (void *)8;

static int setup(void **state)
{
	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	card_pull(&card);
	return 0;
}

static int applet(int flags)
{
	int fd = open(card.node, O_RDWR | O_CLOEXEC | flags);

	assert_true(fd >= 0);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	return fd;
}

static short poll_now(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	assert_true(poll(&p, 1, ms) >= 0);
	return p.revents;
}

#define ECHO "\x80\x10\x00\x00\x04\x01\x02\x03\x04\x00"
#define WORK "\x80\x30\xf0\x00\x00" /* UNTIL_TOLD */

static void test_write_read(void **state)
{
	uint8_t rsp[16];
	int fd = applet(0);

	(void)state;
	assert_int_equal(read(fd, rsp, sizeof(rsp)), 0);
	assert_int_equal(poll_now(fd, POLLIN | POLLOUT, 0), POLLOUT);
	assert_int_equal(write(fd, ECHO, 10), 10);
	/* too short a buffer loses nothing */
	assert_int_equal(read(fd, rsp, 5), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(poll_now(fd, POLLIN | POLLOUT, 0), POLLIN);
	/* nor does another write */
	assert_int_equal(write(fd, ECHO, 10), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(read(fd, nowhere, 16), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(read(fd, rsp, sizeof(rsp)), 6);
	assert_memory_equal(rsp, "\1\2\3\4\x90\0", 6);
	/* consumed */
	assert_int_equal(read(fd, rsp, sizeof(rsp)), 0);
	close(fd);
}

static void test_nonblock(void **state)
{
	uint8_t rsp[16];
	int fd = applet(O_NONBLOCK);
	uint64_t start = now_ms();

	(void)state;
	assert_int_equal(write(fd, WORK, 5), 5);
	assert_true(now_ms() - start < AT_ONCE_MS);
	await_work(&card, UNTIL_TOLD);
	assert_int_equal(read(fd, rsp, sizeof(rsp)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(fd, WORK, 5), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(poll_now(fd, POLLIN | POLLOUT, 0), 0);
	card_hurry(&card);
	assert_int_equal(poll_now(fd, POLLIN | POLLOUT, PATIENCE_MS), POLLIN);
	assert_int_equal(read(fd, rsp, sizeof(rsp)), 2);
	assert_memory_equal(rsp, "\x90\0", 2);
	close(fd);
}

static void test_bad_commands(void **state)
{
	static const struct {
		const char *cmd;
		uint32_t len;
	} bad[] = {
		{"\x80\x10\x00", 3},			 /* no header */
		{"\xff\x10\x00\x00", 4},		 /* CLA FF */
		{"\x80\x10\x00\x00\x05\x01", 6},	 /* Lc beyond the end */
		{"\x80\x10\x00\x00\x01\x01\x00\x00", 8}, /* bytes after Le */
		{"\x80\x10\x00\x00\x00\x01", 6},	 /* half an extended length */
		{"\x80\x10\x00\x00\x00\x00\x00\x01", 8}, /* extended Lc 0 with data */
		{"\x80\x10\x00\x00\x00\x00\x02\x01", 8}, /* extended Lc beyond the end */
	};
	int fd = applet(0), ran = card_ran(&card, -1, "10");
	struct step s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct se_apdu a;

		assert_int_equal(write(fd, bad[i].cmd, bad[i].len), -1);
		assert_int_equal(errno, EINVAL);
		apdu_set(&a, &s, 0x80, 0x10, 0);
		a.cmd_ptr = (uintptr_t)bad[i].cmd;
		a.cmd_len = bad[i].len;
		assert_int_equal(submit(fd, &a, 1, NULL), -EINVAL);
	}
	assert_int_equal(card_ran(&card, -1, "10"), ran);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	close(fd);
}

static void test_info(void **state)
{
	uint8_t cip[SE_CIP_MAX];
	struct se_info info = {.cip_ptr = (uintptr_t)cip, .cip_len = sizeof(cip)};
	int fd = card_open(&card);

	(void)state;
	await_idle(fd);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.abi, SE_ABI_VERSION);
	assert_true(info.caps & SE_CAP_IRQ && info.caps & SE_CAP_RESET_LINE);
	assert_int_equal(info.state, SE_STATE_IDLE);
	assert_int_equal(info.irq_mode, SE_IRQ_MODE_IRQ);
	assert_int_equal(info.channel, SE_CHANNEL_NONE);
	assert_int_equal(info.ifsc, 1024);
	assert_int_equal(info.ifsd, 4089);
	assert_int_equal(info.bwt_us, 300000);
	assert_int_equal(info.max_capdu, SE_CAPDU_MAX);
	assert_int_equal(info.max_rapdu, SE_RAPDU_MAX);
	assert_in_range(info.clock_hz, 100000, 50000000);
	assert_in_range(info.cip_len, 12, SE_CIP_MAX);
	close(fd);
}

struct longer {
	struct se_info info;
	uint64_t tail;
};

/* The size in the request number says which revision the caller knows. */
static void test_struct_rules(void **state)
{
	const unsigned long nr =
		SE_IOC_GET_INFO & ~(unsigned long)(_IOC_SIZEMASK << _IOC_SIZESHIFT);
	struct longer longer = {0};
	struct se_info info;
	int fd = card_open(&card);

	(void)state;
	/* longer with a zero tail: fine, and the tail stays zero */
	assert_int_equal(ioctl(fd, nr | sizeof(longer) << _IOC_SIZESHIFT, &longer), 0);
	assert_int_equal(longer.info.abi, SE_ABI_VERSION);
	assert_int_equal(longer.tail, 0);
	longer.tail = 1;
	longer.info.lock = 0;
	assert_int_equal(ioctl(fd, nr | sizeof(longer) << _IOC_SIZESHIFT, &longer), -1);
	assert_int_equal(errno, E2BIG);
	/* shorter: gets what it has room for, not a byte more */
	memset(&info, 0xee, sizeof(info));
	memset(&info, 0, 16);
	assert_int_equal(ioctl(fd, nr | 16UL << _IOC_SIZESHIFT, &info), 0);
	assert_int_equal(info.abi, SE_ABI_VERSION);
	assert_int_equal(info.generation, 0xeeeeeeeeeeeeeeeeULL);
	memset(&info, 0, sizeof(info));
	info.lock = 0xee;
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.lock, SE_LOCK_FREE);
	assert_int_equal(ioctl(fd, _IO(SE_IOC_MAGIC, 0x7f)), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, nowhere), -1);
	assert_int_equal(errno, EFAULT);
	close(fd);
}

static void expect_refused(int fd, struct se_stream stream, struct se_apdu a, int error)
{
	struct se_stream before;

	stream.apdus_ptr = stream.apdus_ptr ? (uintptr_t)&a : 0;
	before = stream;
	assert_int_equal(ioctl(fd, SE_IOC_SUBMIT, &stream), -1);
	assert_int_equal(errno, error);
	if (error == EINVAL || error == E2BIG)
		assert_memory_equal(&stream, &before, sizeof(stream));
}

static void test_stream_rules(void **state)
{
	struct se_apdu good, a;
	struct se_stream stream, ok = {.apdus_ptr = 1, .nr = 1, .apdu_size = sizeof(a)};
	struct step s;
	int fd = applet(0);

	(void)state;
	apdu_set(&good, &s, 0x80, 0x20, 30);

	stream = ok, stream.nr = 0;
	expect_refused(fd, stream, good, EINVAL);
	stream = ok, stream.nr = SE_STREAM_MAX + 1;
	expect_refused(fd, stream, good, EINVAL);
	stream = ok, stream.flags = 1U << 31;
	expect_refused(fd, stream, good, EINVAL);
	stream = ok, stream.priority = SE_PRIORITY_MAX + 1;
	expect_refused(fd, stream, good, EINVAL);
	stream = ok, stream.apdu_size = sizeof(a) - 8;
	expect_refused(fd, stream, good, EINVAL);
	stream = ok, stream.apdu_size = 1U << 20;
	expect_refused(fd, stream, good, E2BIG);
	stream = ok, stream.apdus_ptr = 0;
	expect_refused(fd, stream, good, EFAULT);

	a = good, a.flags = 1;
	expect_refused(fd, ok, a, EINVAL);
	a = good, a.reserved = 1;
	expect_refused(fd, ok, a, EINVAL);
	a = good, a.cmd_len = SE_CAPDU_MIN - 1;
	expect_refused(fd, ok, a, EINVAL);
	a = good, a.cmd_len = SE_CAPDU_MAX + 1;
	expect_refused(fd, ok, a, EINVAL);
	a = good, a.rsp_room = 1;
	expect_refused(fd, ok, a, EINVAL);

	assert_int_equal(card_ran(&card, -1, "20001E"), 0);
	close(fd);
}

static void test_stats(void **state)
{
	struct se_stats before, after;
	struct step s;
	int fd = applet(0);

	(void)state;
	await_idle(fd);
	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &before), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &after), 0);
	assert_int_equal(after.apdus - before.apdus, 10);
	assert_int_equal(after.blocks_tx - before.blocks_tx, 10);
	assert_int_equal(after.blocks_rx - before.blocks_rx, 10);
	/* one access out, one in, on an interrupt; nothing is polled */
	assert_int_equal(after.irqs - before.irqs, 10);
	assert_true(after.accesses - before.accesses <= 20);
	assert_int_equal(after.polls, 0);
	assert_int_equal(after.errors, 0);
	assert_int_equal(after.retrans, 0);
	assert_int_equal(after.edc_errors, 0);
	assert_int_equal(after.timeouts, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read),   cmocka_unit_test(test_nonblock),
		cmocka_unit_test(test_bad_commands), cmocka_unit_test(test_info),
		cmocka_unit_test(test_struct_rules), cmocka_unit_test(test_stream_rules),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests_name("chardev", tests, setup, teardown);
}
