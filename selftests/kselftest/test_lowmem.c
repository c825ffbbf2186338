// SPDX-License-Identifier: Apache-2.0
/*
 * Threads work on one card while a tenth of the allocations that they cause fails,
 * at random. A call says that there is no memory, or does its work; what is told as
 * executed is what the card has done, and afterwards everything is free again. The
 * kernel's checkers have the last word. Skipped without fault injection, as
 * test_nomem.c is, which takes the allocations of one call in turn.
 *
 * Environment: SEED replays, as far as threads can; TEST_SECONDS (5).
 */
#include "card.h"

#include <pthread.h>
#include <stdatomic.h>

#define SLAB "/sys/kernel/debug/failslab/"
#define THREADS 4
#define APDUS 4

static struct card card;
static atomic_uint executed, unknown, refused, worked;
static atomic_int strange;
static uint64_t end_ms;

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		skip();
	assert_int_equal(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

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

/* No memory, and no channel while others hold them all, are answers. */
static bool judge(int ret)
{
	if (!ret) {
		worked++;
		return true;
	}
	if (ret == -ENOMEM || ret == -EBUSY || ret == -EMFILE || ret == -EAGAIN)
		refused++;
	else
		strange = ret;
	return false;
}

static void use_channel(int fd, unsigned int *seed)
{
	struct se_apdu a[APDUS];
	struct step s[APDUS];
	uint32_t nr = 1 + (uint32_t)rand_r(seed) % APDUS;

	for (uint32_t i = 0; i < nr; i++)
		apdu_set(&a[i], &s[i], 0x80, 0x50, (uint16_t)rand_r(seed));
	judge(submit(fd, a, nr, NULL));
	for (uint32_t i = 0; i < nr; i++) {
		if (a[i].outcome == SE_OUTCOME_EXECUTED)
			executed++;
		else if (a[i].outcome == SE_OUTCOME_UNKNOWN)
			unknown++;
	}
}

static int any_device(void *ctx, const struct se_device *dev)
{
	(void)ctx;
	(void)dev;
	return 0;
}

static void *work(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	int fail = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (fail < 0 || write(fail, "1", 1) != 1) {
		strange = -errno;
		return NULL;
	}
	while (now_ms() < end_ms && !strange) {
		int fd = open(card.node, O_RDWR | O_CLOEXEC);
		int n = rand_r(&seed) % 8;

		if (!judge(fd < 0 ? -errno : 0))
			continue;
		if (judge(channel_open(fd, APPLET, APPLET_LEN, NULL)))
			while (n--)
				use_channel(fd, &seed);
		if (!(rand_r(&seed) % 4))
			/* libnl does not say what was missing */
			judge(se_list(any_device, NULL) < 0 ? -ENOMEM : 0);
		close(fd);
	}
	close(fail);
	return NULL;
}

static void test_lowmem(void **state)
{
	const char *seconds = getenv("TEST_SECONDS");
	unsigned int seed = choose_seed();
	pthread_t thread[THREADS];
	struct step s;
	int fd;

	(void)state;
	print_message("# SEED=%u\n", seed);
	set(SLAB "task-filter", "Y");
	set(SLAB "ignore-gfp-wait", "N");
	set(SLAB "verbose", "0");
	set(SLAB "times", "-1");
	set(SLAB "probability", "10");
	end_ms = now_ms() + (seconds ? strtoul(seconds, NULL, 0) : 5) * 1000;
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)(seed + i)),
			0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	set(SLAB "probability", "0");
	print_message("# %u calls worked, %u had no memory or no channel; %u APDUs executed\n",
		      worked, refused, executed);
	if (strange)
		fail_msg("a call ended with %d", strange);
	assert_true(worked > 0 && refused > 0 && executed > 0);
	assert_int_equal(unknown, 0);
	assert_int_equal(card_ran_soon(&card, -1, "50", (int)executed), executed);

	/* no channel was lost */
	fd = card_open(&card);
	await_idle(fd);
	close(fd);
	for (int i = 0; i < 40; i++) {
		fd = card_open(&card);
		assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
		assert_true(transmit(fd, 0x80, 0x50, 0, &s) > 0);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowmem),
	};

	return cmocka_run_group_tests_name("lowmem", tests, setup, teardown);
}
