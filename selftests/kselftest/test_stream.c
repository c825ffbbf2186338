// SPDX-License-Identifier: Apache-2.0
/*
 * Streams on /dev/seN: expectations, deadlines, signals, generations, an SE that
 * is pulled out, and the outcome of every APDU. The card's own log says what ran.
 */
#include "card.h"

#include <sys/mman.h>

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

/* counters 1 to n, in order */
static void fill_counts(struct se_apdu *a, struct step *s, uint32_t nr, uint16_t id)
{
	for (uint32_t i = 0; i < nr; i++)
		apdu_set(&a[i], &s[i], 0x80, 0x20, id);
}

static void test_runs_in_order(void **state)
{
	enum { NR = 20 };
	struct se_apdu a[NR];
	struct step s[NR];
	struct se_stream stream = {0};
	int fd = applet();

	(void)state;
	fill_counts(a, s, NR, 1);
	assert_int_equal(submit(fd, a, NR, &stream), 0);
	assert_int_equal(stream.stop, SE_STOP_END);
	assert_int_equal(stream.done, NR);
	assert_int_not_equal(stream.generation, 0);
	for (int i = 0; i < NR; i++) {
		assert_int_equal(a[i].outcome, SE_OUTCOME_EXECUTED);
		assert_int_equal(a[i].sw, 0x9000);
		assert_int_equal(a[i].rsp_len, 6);
		assert_int_equal(s[i].rsp[3], i + 1);
		assert_true(a[i].wire_ns > 0 && a[i].total_ns >= a[i].wire_ns);
	}
	close(fd);
}

static void test_stops_at_status_word(void **state)
{
	struct se_apdu a[3];
	struct step s[3];
	struct se_stream stream = {0};
	int fd = applet();

	(void)state;
	apdu_set(&a[0], &s[0], 0x80, 0x50, 0);
	apdu_set(&a[1], &s[1], 0x80, 0x66, 0); /* unknown instruction: 6D00 */
	apdu_set(&a[2], &s[2], 0x80, 0x50, 0);
	for (int i = 0; i < 3; i++) {
		a[i].expect[0] = (struct se_sw_match){.value = 0x9000, .mask = 0xffff};
		a[i].expect[3] = (struct se_sw_match){.value = 0x6100, .mask = 0xff00};
		a[i].outcome = 77; /* stale: must not survive */
	}
	assert_int_equal(submit(fd, a, 3, &stream), 0);
	assert_int_equal(stream.stop, SE_STOP_SW);
	assert_int_equal(stream.done, 2);
	assert_int_equal(a[1].sw, 0x6d00);
	assert_int_equal(a[1].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(a[2].outcome, SE_OUTCOME_NOT_SENT);
	close(fd);
}

static void test_short_room_keeps_status_word(void **state)
{
	struct se_apdu a[2];
	struct step s[2];
	struct se_stream stream = {0};
	int fd = applet();

	(void)state;
	memset(s, 0xee, sizeof(s));
	apdu_set(&a[0], &s[0], 0x80, 0x40, 200);
	a[0].rsp_room = 10;
	apdu_set(&a[1], &s[1], 0x80, 0x50, 0);
	assert_int_equal(submit(fd, a, 2, &stream), 0);
	assert_int_equal(stream.stop, SE_STOP_ROOM);
	assert_int_equal(a[0].rsp_len, 202);
	assert_int_equal(a[0].sw, 0x9000);
	assert_int_equal(s[0].rsp[9], 9);
	assert_int_equal(s[0].rsp[10], 0xee);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	close(fd);
}

static void test_long_commands_and_responses(void **state)
{
	static uint8_t cmd[7 + 60000 + 2], rsp[SE_RAPDU_MAX];
	struct se_apdu a = {
		.cmd_ptr = (uintptr_t)cmd,
		.cmd_len = sizeof(cmd),
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = sizeof(rsp),
	};
	int fd = applet();

	(void)state;
	memcpy(cmd, "\x80\x10\x00\x00\x00\xea\x60", 7);
	for (int i = 0; i < 60000; i++)
		cmd[7 + i] = (uint8_t)(i * 7 + (i >> 8));
	assert_int_equal(submit(fd, &a, 1, NULL), 0);
	assert_int_equal(a.sw, 0x9000);
	assert_int_equal(a.rsp_len, 60002);
	assert_memory_equal(rsp, cmd + 7, 60000);
	close(fd);
}

static void test_waiting_time_extension(void **state)
{
	struct se_apdu a;
	struct step s;
	int fd = applet();

	(void)state;
	apdu_set(&a, &s, 0x80, 0x30, 1000);
	assert_int_equal(submit(fd, &a, 1, NULL), 0);
	assert_int_equal(a.sw, 0x9000);
	assert_true(a.wtx >= 2);
	assert_int_equal(a.retrans, 0);
	assert_true(a.total_ns >= 1000000000U);
	/* the thread that waits is idle: the bus has been in use for a fraction */
	assert_true(a.wire_ns < a.total_ns / 4);
	close(fd);
}

static void test_deadline(void **state)
{
	struct se_apdu a[3];
	struct step s[3];
	struct se_stream stream = {0};
	uint64_t start, took;
	int fd = applet();

	(void)state;
	apdu_set(&a[0], &s[0], 0x80, 0x50, 0);
	apdu_set(&a[1], &s[1], 0x80, 0x30, UNTIL_TOLD);
	apdu_set(&a[2], &s[2], 0x80, 0x50, 0);
	start = now_ms();
	stream.deadline_ns = se_deadline_in(1500);
	assert_int_equal(submit(fd, a, 3, &stream), -ETIMEDOUT);
	took = now_ms() - start;
	assert_in_range(took, 1450, AT_ONCE_MS);
	assert_int_equal(stream.stop, SE_STOP_DEADLINE);
	assert_int_equal(stream.done, 1);
	assert_int_equal(a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(a[1].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(a[2].outcome, SE_OUTCOME_NOT_SENT);

	/* the late answer is nobody's; the channel and its session live on */
	card_hurry(&card);
	assert_int_equal(transmit(fd, 0x80, 0x20, 2, &s[0]), 0x9000);
	assert_int_equal(s[0].rsp[3], 1);
	assert_int_equal(card_ran(&card, -1, "30F000"), 1);
	close(fd);
}

static void test_past_deadline_sends_nothing(void **state)
{
	struct se_apdu a;
	struct step s;
	struct se_stream stream = {.deadline_ns = 1};
	int fd = applet();

	(void)state;
	apdu_set(&a, &s, 0x80, 0x20, 3);
	assert_int_equal(submit(fd, &a, 1, &stream), -ETIMEDOUT);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(stream.done, 0);
	assert_int_equal(transmit(fd, 0x80, 0x20, 3, &s), 0x9000);
	assert_int_equal(s.rsp[3], 1);
	close(fd);
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * A child that runs three APDUs in shared memory: of 400 ms each, or the second one
 * until it is told.
 */
struct shared {
	struct se_apdu a[4];
	struct step s[4];
	struct se_stream stream;
	int ret;
};

static pid_t start_child(struct shared *m, uint16_t second, uint32_t flags)
{
	const uint16_t work[] = {400, second, 402};
	pid_t pid;
	int fd = applet();

	for (uint32_t i = 0; i < 3; i++)
		apdu_set(&m->a[i], &m->s[i], 0x80, 0x30, work[i]);
	m->stream.flags = flags;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct sigaction sa = {.sa_handler = nothing};

		sigaction(SIGUSR1, &sa, NULL);
		m->ret = submit(fd, m->a, 3, &m->stream);
		_exit(0);
	}
	close(fd);
	return pid;
}

static struct shared *shared_new(void)
{
	struct shared *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(m, MAP_FAILED);
	return m;
}

static void test_signal(void **state)
{
	struct shared *m = shared_new();
	pid_t pid = start_child(m, UNTIL_TOLD + 1, 0);

	(void)state;
	await_work(&card, UNTIL_TOLD + 1);
	kill(pid, SIGUSR1);
	waitpid(pid, NULL, 0);
	card_hurry(&card);
	assert_int_equal(m->ret, -EINTR);
	assert_int_equal(m->stream.stop, SE_STOP_SIGNAL);
	assert_int_equal(m->a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(m->a[1].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(m->a[2].outcome, SE_OUTCOME_NOT_SENT);
	munmap(m, sizeof(*m));
}

static void test_signal_settles(void **state)
{
	struct shared *m = shared_new();
	pid_t pid = start_child(m, UNTIL_TOLD + 2, SE_STREAM_SETTLE);

	(void)state;
	await_work(&card, UNTIL_TOLD + 2);
	kill(pid, SIGUSR1);
	/* it has noticed: no signal wakes it any more */
	await_asleep(pid, "DI");
	card_hurry(&card);
	waitpid(pid, NULL, 0);
	assert_int_equal(m->ret, -EINTR);
	assert_int_equal(m->a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(m->a[1].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(m->a[2].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(m->stream.done, 2);
	munmap(m, sizeof(*m));
}

/* kill -9: the shared memory tells what the card's log tells */
static void kill_at(unsigned int ms, uint32_t flags)
{
	struct shared *m = shared_new();
	int before[3], ran, i, fd;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		const char *const head[] = {"300190", "300191", "300192"};

		before[i] = card_ran(&card, -1, head[i]);
	}
	pid = start_child(m, 401, flags);
	pause_ms(ms);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* let the card finish what it has */
	fd = card_open(&card);
	await_idle(fd);
	close(fd);
	for (i = 0; i < 3; i++) {
		const char *const head[] = {"300190", "300191", "300192"};

		ran = card_ran(&card, -1, head[i]) - before[i];
		if (m->a[i].outcome == SE_OUTCOME_EXECUTED)
			assert_int_equal(ran, 1);
		else if (m->a[i].outcome == SE_OUTCOME_NOT_SENT)
			assert_int_equal(ran, 0);
		else
			assert_true(ran <= 1 && !(flags & SE_STREAM_SETTLE));
	}
	munmap(m, sizeof(*m));
}

static void test_kill_leaves_the_truth(void **state)
{
	(void)state;
	kill_at(150, 0);
	kill_at(390, 0);
	kill_at(620, 0);
	kill_at(150, SE_STREAM_SETTLE);
	kill_at(390, SE_STREAM_SETTLE);
	kill_at(620, SE_STREAM_SETTLE);
}

static void test_generation(void **state)
{
	struct se_apdu a;
	struct step s;
	struct se_stream stream = {0};
	struct se_info info = {0};
	int fd = applet();

	(void)state;
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	apdu_set(&a, &s, 0x80, 0x50, 0);
	stream.flags = SE_STREAM_CHECK_GENERATION;
	stream.generation = info.generation;
	assert_int_equal(submit(fd, &a, 1, &stream), 0);
	stream.generation = info.generation + 1;
	assert_int_equal(submit(fd, &a, 1, &stream), -ECONNRESET);
	assert_int_equal(stream.stop, SE_STOP_GENERATION);
	assert_int_equal(stream.generation, info.generation);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	close(fd);
}

static void test_faults(void **state)
{
	struct se_apdu a[2];
	struct step s[2];
	struct se_stream stream = {0};
	int fd = applet();

	(void)state;
	/* a command that cannot be read: nothing is sent */
	apdu_set(&a[0], &s[0], 0x80, 0x20, 4);
	apdu_set(&a[1], &s[1], 0x80, 0x20, 4);
	a[1].cmd_ptr = 8;
	assert_int_equal(submit(fd, a, 2, &stream), -EFAULT);
	assert_int_equal(stream.stop, SE_STOP_FAULT);
	assert_int_equal(stream.done, 0);
	assert_int_equal(a[0].outcome, SE_OUTCOME_NOT_SENT);

	/* a response that could not be written: nothing is sent either */
	apdu_set(&a[1], &s[1], 0x80, 0x20, 4);
	a[0].rsp_ptr = 8;
	assert_int_equal(submit(fd, a, 2, &stream), -EFAULT);
	assert_int_equal(stream.stop, SE_STOP_FAULT);
	assert_int_equal(stream.done, 0);
	assert_int_equal(a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(card_ran(&card, -1, "200004"), 0);
	close(fd);
}

static void test_pulled_out_in_mid_stream(void **state)
{
	struct shared *m = shared_new();
	struct se_info info = {0};
	struct pollfd p;
	struct step s;
	uint64_t start;
	pid_t pid;
	int fd;

	(void)state;
	fd = applet();
	pid = start_child(m, UNTIL_TOLD + 3, SE_STREAM_SETTLE);
	await_work(&card, UNTIL_TOLD + 3);
	start = now_ms();
	card_pull(&card);
	waitpid(pid, NULL, 0);
	assert_in_range(now_ms() - start, 0, AT_ONCE_MS);
	assert_int_equal(m->ret, -ENODEV);
	assert_int_equal(m->stream.stop, SE_STOP_GONE);
	assert_int_equal(m->stream.done, 1);
	assert_int_equal(m->a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(m->a[1].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(m->a[2].outcome, SE_OUTCOME_NOT_SENT);

	/* a file that stayed open */
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), -ENODEV);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(write(fd, "\x80\x50\x00\x00\x00", 5), -1);
	assert_int_equal(errno, ENODEV);
	close(fd);
	munmap(m, sizeof(*m));
	card_plug(&card, NULL, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_in_order),
		cmocka_unit_test(test_stops_at_status_word),
		cmocka_unit_test(test_short_room_keeps_status_word),
		cmocka_unit_test(test_long_commands_and_responses),
		cmocka_unit_test(test_waiting_time_extension),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_past_deadline_sends_nothing),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_settles),
		cmocka_unit_test(test_kill_leaves_the_truth),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_pulled_out_in_mid_stream),
	};

	return cmocka_run_group_tests_name("stream", tests, setup, teardown);
}
