// SPDX-License-Identifier: Apache-2.0
/*
 * SE_IOC_CANCEL: queued, in flight and written APDUs, each with an outcome that
 * the card's log agrees with.
 */
#include "card.h"

#include <pthread.h>

static struct card card;

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

static int applet(void)
{
	int fd = card_open(&card);

	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	return fd;
}

/* How many it met, or negative errno. */
static int cancel(int fd, uint64_t cookie, uint32_t flags)
{
	struct se_cancel c = {.cookie = cookie, .flags = flags};

	return ioctl(fd, SE_IOC_CANCEL, &c) ? -errno : (int)c.cancelled;
}

struct runner {
	int fd;
	pid_t tid;
	uint32_t nr;
	struct se_apdu a[3];
	struct step s[3];
	struct se_stream stream;
	int ret;
	pthread_t thread;
};

static void *run(void *arg)
{
	struct runner *r = arg;

	__atomic_store_n(&r->tid, gettid(), __ATOMIC_SEQ_CST);
	r->ret = submit(r->fd, r->a, r->nr, &r->stream);
	return NULL;
}

/* @nr APDUs of @ms each on @fd, from another thread */
static void start(struct runner *r, int fd, uint32_t nr, uint16_t ms, uint64_t cookie)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	r->nr = nr;
	r->stream.cookie = cookie;
	for (uint32_t i = 0; i < nr; i++)
		apdu_set(&r->a[i], &r->s[i], 0x80, 0x30, (uint16_t)(ms + i));
	assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

/* It waits in the driver. */
static void await_queued(struct runner *r)
{
	while (!__atomic_load_n(&r->tid, __ATOMIC_SEQ_CST))
		pause_ms(1);
	await_asleep(r->tid, "S");
}

static void test_in_flight(void **state)
{
	int fd = applet(), other = applet();
	struct runner r;

	(void)state;
	start(&r, fd, 3, UNTIL_TOLD, 5);
	await_work(&card, UNTIL_TOLD);
	/* another cookie, another file: not meant */
	assert_int_equal(cancel(fd, 6, 0), -ENOENT);
	assert_int_equal(cancel(other, 5, 0), -ENOENT);
	assert_int_equal(cancel(fd, 5, 0), 1);
	/* the card still works, so nobody has waited for it */
	pthread_join(r.thread, NULL);
	assert_int_equal(r.ret, -ECANCELED);
	assert_int_equal(r.stream.stop, SE_STOP_CANCELLED);
	assert_int_equal(r.a[0].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(r.a[1].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(r.a[2].outcome, SE_OUTCOME_NOT_SENT);
	/* its late answer is nobody's, and it ran once */
	card_hurry(&card);
	assert_int_equal(transmit(fd, 0x80, 0x20, 5, &r.s[0]), 0x9000);
	assert_int_equal(r.s[0].rsp[3], 1);
	assert_int_equal(card_ran(&card, -1, "30F000"), 1);
	assert_int_equal(card_ran(&card, -1, "30F001"), 0);
	assert_int_equal(cancel(fd, 5, 0), -ENOENT);
	close(fd);
	close(other);
}

/* One waits for the SE, one behind it in the same file. */
static void test_queued(void **state)
{
	int fd = applet(), other = applet();
	struct runner busy, r, behind;

	(void)state;
	start(&busy, other, 1, UNTIL_TOLD + 0x10, 0);
	await_work(&card, UNTIL_TOLD + 0x10);
	start(&r, fd, 2, 10, 7);
	await_queued(&r);
	start(&behind, fd, 1, 20, 8);
	await_queued(&behind);
	assert_int_equal(cancel(fd, 8, 0), 1);
	pthread_join(behind.thread, NULL);
	assert_int_equal(cancel(fd, 7, 0), 1);
	pthread_join(r.thread, NULL);
	assert_int_equal(r.ret, -ECANCELED);
	assert_int_equal(r.a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(behind.ret, -ECANCELED);
	assert_int_equal(behind.a[0].outcome, SE_OUTCOME_NOT_SENT);
	card_hurry(&card);
	pthread_join(busy.thread, NULL);
	assert_int_equal(busy.ret, 0);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
	assert_int_equal(card_ran(&card, -1, "30000A"), 0);
	assert_int_equal(card_ran(&card, -1, "300014"), 0);
	close(fd);
	close(other);
}

static void test_all(void **state)
{
	int fd = applet();
	struct runner r[3];

	(void)state;
	for (uint16_t i = 0; i < 3; i++) {
		start(&r[i], fd, 1, UNTIL_TOLD + 0x20 + i, 100 + i);
		if (i)
			await_queued(&r[i]);
		else
			await_work(&card, UNTIL_TOLD + 0x20);
	}
	assert_int_equal(cancel(fd, 0, SE_CANCEL_ALL), 3);
	for (int i = 0; i < 3; i++) {
		pthread_join(r[i].thread, NULL);
		assert_int_equal(r[i].ret, -ECANCELED);
		assert_int_equal(r[i].a[0].outcome,
				 i ? SE_OUTCOME_NOT_SENT : SE_OUTCOME_UNKNOWN);
	}
	assert_int_equal(cancel(fd, 0, SE_CANCEL_ALL), -ENOENT);
	assert_int_equal(cancel(fd, 0, 2), -EINVAL);
	card_hurry(&card);
	close(fd);
}

static void test_written(void **state)
{
	int fd = applet(), other = applet();
	struct runner busy;
	uint8_t rsp[16];

	(void)state;
	/* on the wire */
	assert_int_equal(write(fd, "\x80\x30\xf0\x30\x00", 5), 5);
	await_work(&card, UNTIL_TOLD + 0x30);
	assert_int_equal(cancel(fd, 0, 0), 1);
	assert_int_equal(read(fd, rsp, sizeof(rsp)), -1);
	assert_int_equal(errno, ECANCELED);
	card_hurry(&card);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
	/* in the queue */
	start(&busy, other, 1, UNTIL_TOLD + 0x31, 0);
	await_work(&card, UNTIL_TOLD + 0x31);
	assert_int_equal(write(fd, "\x80\x20\x00\x09\x00", 5), 5);
	assert_int_equal(cancel(fd, 0, 0), 1);
	assert_int_equal(read(fd, rsp, sizeof(rsp)), -1);
	assert_int_equal(errno, ECANCELED);
	card_hurry(&card);
	pthread_join(busy.thread, NULL);
	assert_int_equal(card_ran(&card, -1, "200009"), 0);
	/* and the file works on */
	assert_int_equal(write(fd, "\x80\x20\x00\x09\x00", 5), 5);
	assert_int_equal(read(fd, rsp, sizeof(rsp)), 6);
	assert_int_equal(rsp[3], 1);
	close(fd);
	close(other);
}

/* In the middle of a long command: the outcome and the card's log agree. */
static void test_in_mid_command(void **state)
{
	static uint8_t cmd[7 + 60000 + 2], rsp[SE_RAPDU_MAX];
	int fd = applet(), ran = 0, not_sent = 0;

	(void)state;
	memcpy(cmd, "\x80\x10\x00\x00\x00\xea\x60", 7);
	/* again, and sooner, where all of them had left before they were cancelled */
	for (unsigned int i = 0; i < 12 || (i < 60 && !not_sent); i++) {
		char head[16];
		struct runner r = {.fd = fd, .nr = 1, .stream = {.cookie = 9}};
		int n;

		cmd[3] = (uint8_t)(0x40 + i);
		r.a[0] = (struct se_apdu){
			.cmd_ptr = (uintptr_t)cmd,
			.cmd_len = sizeof(cmd),
			.rsp_ptr = (uintptr_t)rsp,
			.rsp_room = sizeof(rsp),
		};
		assert_int_equal(pthread_create(&r.thread, NULL, run, &r), 0);
		pause_ms(i < 12 ? 5 + 50 * i : i % 3);
		cancel(fd, 9, 0);
		pthread_join(r.thread, NULL);
		assert_true(!r.ret || r.ret == -ECANCELED);
		/* the card has ended what it had when this is answered */
		assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
		snprintf(head, sizeof(head), "1000%02X", cmd[3]);
		n = card_ran(&card, -1, head);
		if (r.a[0].outcome == SE_OUTCOME_EXECUTED)
			assert_int_equal(n, 1);
		else if (r.a[0].outcome == SE_OUTCOME_NOT_SENT)
			assert_int_equal(n, 0);
		else
			assert_in_range(n, 0, 1);
		ran += n;
		not_sent += r.a[0].outcome == SE_OUTCOME_NOT_SENT;
	}
	print_message("# %d ran, %d not sent\n", ran, not_sent);
	assert_true(not_sent > 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_queued),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_in_mid_command),
	};

	return cmocka_run_group_tests_name("cancel", tests, setup, teardown);
}
