// SPDX-License-Identifier: Apache-2.0
/*
 * Each allocation of each call on /dev/seN fails once, in turn
 * (Documentation/fault-injection of the kernel: fail-nth). A call that fails for
 * want of memory has done nothing, and the next one works. Skipped on kernels
 * without fault injection, which are all but debug kernels.
 */
#include "card.h"

static struct card card;

static int setup(void **state)
{
	int fd = open("/sys/kernel/debug/failslab/ignore-gfp-wait", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd >= 0) {
		/* without this only atomic allocations would fail */
		assert_int_equal(write(fd, "N", 1), 1);
		close(fd);
	}
	card_plug(&card, NULL, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	card_pull(&card);
	return 0;
}

static int fail_nth_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		skip();
	return fd;
}

static void fail_nth(int fd, int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	assert_int_equal(pwrite(fd, text, (size_t)len, 0), len);
}

/* Was the allocation reached that was to fail? Ends the injection. */
static bool failed(int fd)
{
	char text[16] = "";

	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	fail_nth(fd, 0);
	return atoi(text) == 0;
}

/*
 * Call @what until no allocation of it fails any more. It returns 0 or negative
 * errno and has to work in the end.
 */
static void fail_each(int (*what)(void))
{
	int fd = fail_nth_open(), n, ret;
	bool injected = true;

	for (n = 1; injected && n < 100; n++) {
		fail_nth(fd, n);
		ret = what();
		injected = failed(fd);
		if (ret && (!injected || (ret != -ENOMEM && ret != -EFAULT)))
			fail_msg("allocation %d: error %d", n, ret);
	}
	assert_false(injected);
	print_message("# %d allocations failed\n", n - 2);
	close(fd);
}

static int bound;

static int do_open(void)
{
	int fd = open(card.node, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int do_channel(void)
{
	int ret = channel_open(bound, APPLET, APPLET_LEN, NULL);

	if (!ret)
		ioctl(bound, SE_IOC_CHANNEL_CLOSE);
	return ret;
}

static int do_submit(void)
{
	struct se_apdu a[3];
	struct step s[3];
	struct se_stream stream = {0};
	int ret;

	for (int i = 0; i < 3; i++)
		apdu_set(&a[i], &s[i], 0x80, 0x50, 0);
	ret = submit(bound, a, 3, &stream);
	if (!ret && stream.done != 3)
		return -EBADMSG;
	return ret;
}

static int do_write(void)
{
	uint8_t rsp[16];

	if (write(bound, "\x80\x50\x00\x00\x00", 5) != 5)
		return -errno;
	return read(bound, rsp, sizeof(rsp)) == 3 ? 0 : -EBADMSG;
}

static int do_info(void)
{
	struct se_info info = {0};

	return ioctl(bound, SE_IOC_GET_INFO, &info) ? -errno : 0;
}

static void test_open(void **state)
{
	(void)state;
	fail_each(do_open);
}

static void test_channel_open(void **state)
{
	(void)state;
	bound = card_open(&card);
	fail_each(do_channel);
	close(bound);
}

static void with_channel(int (*what)(void))
{
	bound = card_open(&card);
	assert_int_equal(channel_open(bound, APPLET, APPLET_LEN, NULL), 0);
	fail_each(what);
	close(bound);
}

static void test_submit(void **state)
{
	(void)state;
	with_channel(do_submit);
}

static void test_write(void **state)
{
	(void)state;
	with_channel(do_write);
}

static void test_info(void **state)
{
	(void)state;
	with_channel(do_info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),   cmocka_unit_test(test_channel_open),
		cmocka_unit_test(test_submit), cmocka_unit_test(test_write),
		cmocka_unit_test(test_info),
	};

	return cmocka_run_group_tests_name("nomem", tests, setup, teardown);
}
