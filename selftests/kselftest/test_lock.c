// SPDX-License-Identifier: Apache-2.0
/*
 * SE_IOC_LOCK: exclusive use with an end, the basic channel and resets of its
 * holder, and the order of the queue: priorities, and nobody left out.
 */
#include "card.h"

#include <pthread.h>

/* the longest that policy gives, unless somebody changes it */
enum { HOLD_MS = 10000 };

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

/* 0 or negative errno */
static int lock(int fd, uint32_t flags, uint32_t hold_ms, uint64_t deadline_ns)
{
	struct se_lock l = {.flags = flags, .hold_ms = hold_ms, .deadline_ns = deadline_ns};

	return ioctl(fd, SE_IOC_LOCK, &l) ? -errno : 0;
}

static int unlock(int fd)
{
	return ioctl(fd, SE_IOC_UNLOCK) ? -errno : 0;
}

static uint32_t lock_state(int fd)
{
	struct se_info info = {0};

	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	return info.lock;
}

static int transmit_until(int fd, uint16_t ins_p1p2, unsigned int ms)
{
	struct se_stream stream = {.deadline_ns = se_deadline_in(ms)};
	struct se_apdu a;
	struct step s;
	int ret;

	apdu_set(&a, &s, 0x80, 0x50, ins_p1p2);
	ret = submit(fd, &a, 1, &stream);
	assert_true(!ret || a.outcome == SE_OUTCOME_NOT_SENT);
	return ret;
}

static void test_exclusive(void **state)
{
	struct se_lock l = {.hold_ms = HOLD_MS};
	int fd = applet(), other = applet();
	uint64_t before, after;

	(void)state;
	assert_int_equal(lock_state(fd), SE_LOCK_FREE);
	assert_int_equal(unlock(fd), -ENOLCK);
	before = se_deadline_in(l.hold_ms);
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), 0);
	after = se_deadline_in(l.hold_ms);
	assert_int_equal(l.hold_ms, HOLD_MS);
	assert_in_range(l.expires_ns, before, after);
	assert_int_equal(lock_state(fd), SE_LOCK_MINE);
	assert_int_equal(lock_state(other), SE_LOCK_OTHER);
	assert_int_equal(lock(fd, 0, 0, 0), -EDEADLK);
	assert_int_equal(lock(other, SE_LOCK_NONBLOCK, 0, 0), -EBUSY);
	assert_int_equal(lock(other, 0, 0, se_deadline_in(200)), -ETIMEDOUT);
	assert_int_equal(transmit_until(other, 0x0101, 200), -ETIMEDOUT);
	assert_int_equal(card_ran(&card, -1, "500101"), 0);
	assert_int_equal(transmit_until(fd, 0x0102, PATIENCE_MS), 0);
	/* closing a channel is the driver's own affair, lock or no lock */
	assert_int_equal(ioctl(other, SE_IOC_CHANNEL_CLOSE), 0);
	await_idle(fd);
	assert_int_equal(unlock(fd), 0);
	assert_int_equal(unlock(fd), -ENOLCK);
	assert_int_equal(lock_state(other), SE_LOCK_FREE);
	assert_int_equal(channel_open(other, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(lock(other, SE_LOCK_NONBLOCK, 0, 0), 0);
	assert_int_equal(lock(fd, SE_LOCK_NONBLOCK, 0, 0), -EBUSY);
	close(other); /* gives it back */
	assert_int_equal(lock(fd, 0, 0, se_deadline_in(PATIENCE_MS)), 0);
	close(fd);
}

static void test_bad_arguments(void **state)
{
	struct se_lock good = {.hold_ms = 1000}, l;
	int fd = card_open(&card), ro = open(card.node, O_RDONLY | O_CLOEXEC);

	(void)state;
	l = good, l.flags = 2;
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), -1);
	assert_int_equal(errno, EINVAL);
	l = good, l.reserved = 1;
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), -1);
	assert_int_equal(errno, EINVAL);
	l = good, l.priority = SE_PRIORITY_MIN - 1;
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, (void *)8), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(lock(ro, 0, 0, 0), -EPERM);
	/* a hold that is too long is cut, and that is told */
	l = good, l.hold_ms = UINT32_MAX;
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), 0);
	assert_in_range(l.hold_ms, 1, SE_LOCK_HOLD_MAX_MS);
	assert_int_equal(unlock(fd), 0);
	close(ro);
	close(fd);
}

static pid_t child_begin(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	return pid;
}

static int child_status(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The hold ends in mid-stream: what is on the wire ends well, the rest is not sent. */
static void test_hold_ends(void **state)
{
	struct se_stream stream = {0};
	struct pollfd p;
	struct se_apdu a[4];
	struct step s[4];
	int fd = applet(), other = applet();
	uint32_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < 4; i++)
		apdu_set(&a[i], &s[i], 0x80, 0x30, (uint16_t)(i == 1 ? UNTIL_TOLD : 400 + i));
	p = (struct pollfd){.fd = fd, .events = POLLPRI};
	assert_int_equal(lock(fd, 0, 3000, 0), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	/* when the hold is over the card may end what it works on */
	pid = child_begin();
	if (!pid)
		_exit(poll(&p, 1, PATIENCE_MS) != 1 || kill(card.pid, SIGUSR1));
	assert_int_equal(submit(fd, a, 4, &stream), -ENOLCK);
	assert_int_equal(child_status(pid), 0);
	assert_int_equal(stream.stop, SE_STOP_LOCK);
	assert_int_equal(stream.done, 2);
	for (i = 0; i < 4; i++)
		assert_int_equal(a[i].outcome,
				 i < stream.done ? SE_OUTCOME_EXECUTED : SE_OUTCOME_NOT_SENT);
	assert_int_equal(card_ran(&card, -1, "300193"), 0);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLPRI);
	assert_int_equal(lock_state(fd), SE_LOCK_LOST);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(lock_state(fd), SE_LOCK_LOST);
	assert_int_equal(transmit_until(other, 0x0201, PATIENCE_MS), 0);

	stream.flags = SE_STREAM_NEED_LOCK;
	apdu_set(&a[0], &s[0], 0x80, 0x50, 0x0202);
	assert_int_equal(submit(fd, a, 1, &stream), -ENOLCK);
	assert_int_equal(stream.stop, SE_STOP_LOCK);
	assert_int_equal(a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(card_ran(&card, -1, "500202"), 0);
	assert_int_equal(unlock(fd), -ENOLCK);
	assert_int_equal(lock_state(fd), SE_LOCK_FREE);
	assert_int_equal(lock(fd, 0, HOLD_MS, 0), 0);
	assert_int_equal(submit(fd, a, 1, &stream), 0);
	close(fd);
	close(other);
}

/* Holding the lock makes the basic channel and resets one's own, no more. */
static void test_rights_of_the_holder(void **state)
{
	static const uint32_t levels[] = {SE_RESET_RESYNCH, SE_RESET_SOFT, SE_RESET_LINE};
	int status, fd = card_open(&card);
	struct se_reset r;
	pid_t pid = child_begin();

	(void)state;
	if (!pid) {
		if (setuid(65534))
			_exit(errno == ENOSYS ? 9 : 10);
		if (transmit(fd, 0x80, 0xca, 0x0042, NULL) != -EACCES)
			_exit(11);
		r = (struct se_reset){.level = SE_RESET_RESYNCH};
		if (!ioctl(fd, SE_IOC_RESET, &r) || errno != EPERM)
			_exit(12);
		if (lock(fd, 0, 0, 0))
			_exit(13);
		if (transmit(fd, 0x80, 0xca, 0x0042, NULL) != 0x9000)
			_exit(14);
		if (transmit(fd, 0x00, 0x70, 0x0000, NULL) != -EACCES)
			_exit(15);
		if (transmit(fd, 0x81, 0xca, 0x0042, NULL) != -EACCES)
			_exit(16);
		for (int i = 0; i < 3; i++) {
			r = (struct se_reset){.level = levels[i]};
			if (ioctl(fd, SE_IOC_RESET, &r))
				_exit(20 + i);
			if (lock_state(fd) != SE_LOCK_MINE)
				_exit(30 + i);
		}
		r = (struct se_reset){.level = SE_RESET_POWER};
		if (!ioctl(fd, SE_IOC_RESET, &r) || errno != EPERM)
			_exit(17);
		if (unlock(fd) || transmit(fd, 0x80, 0xca, 0x0042, NULL) != -EACCES)
			_exit(18);
		_exit(0);
	}
	status = child_status(pid);
	close(fd);
	if (status == 9)
		skip(); /* a kernel without users */
	assert_int_equal(status, 0);
}

static void test_killed_holder(void **state)
{
	int fd = card_open(&card), ready[2];
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = child_begin();
	if (!pid) {
		int mine = card_open(&card);

		close(fd);
		if (lock(mine, 0, HOLD_MS, 0) || write(ready[1], "l", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(lock_state(fd), SE_LOCK_OTHER);
	kill(pid, SIGKILL);
	assert_int_equal(child_status(pid), 128 + SIGKILL);
	assert_int_equal(lock(fd, 0, 0, se_deadline_in(AT_ONCE_MS)), 0);
	assert_int_equal(unlock(fd), 0);
	close(ready[0]);
	close(ready[1]);
	close(fd);
}

struct locker {
	int fd;
	int rounds;
	bool stop;
};

static void *lock_again_and_again(void *arg)
{
	struct locker *l = arg;

	while (!__atomic_load_n(&l->stop, __ATOMIC_SEQ_CST)) {
		if (lock(l->fd, 0, 100, 0))
			break;
		pause_ms(50);
		unlock(l->fd);
		__atomic_fetch_add(&l->rounds, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static int rounds(struct locker *l)
{
	return __atomic_load_n(&l->rounds, __ATOMIC_SEQ_CST);
}

/* Who takes the lock in a loop gives way to whoever waits, and the other way round. */
static void test_nobody_is_left_out(void **state)
{
	struct locker l = {.fd = card_open(&card)};
	pthread_t thread;
	int fd = applet();

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, lock_again_and_again, &l), 0);
	pause_ms(100);
	for (uint16_t i = 0; i < 10 || (i < 1000 && rounds(&l) < 3); i++)
		assert_int_equal(transmit_until(fd, 0x0300 + i, PATIENCE_MS), 0);
	__atomic_store_n(&l.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	assert_true(rounds(&l) >= 3);
	close(fd);
	close(l.fd);
}

static void nothing(int sig)
{
	(void)sig;
}

struct waiter {
	int fd;
	pid_t tid;
	int32_t priority;
	uint16_t p1p2;
	int ret;
	int lock_ret;
};

static void *wait_for_lock(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	w->lock_ret = lock(w->fd, 0, 0, 0);
	return NULL;
}

static void await_waiting(struct waiter *w)
{
	while (!__atomic_load_n(&w->tid, __ATOMIC_SEQ_CST))
		pause_ms(1);
	await_asleep(w->tid, "S");
}

static void test_waiting_can_be_given_up(void **state)
{
	struct se_cancel c = {.flags = SE_CANCEL_ALL};
	struct sigaction sa = {.sa_handler = nothing};
	struct waiter w = {.fd = card_open(&card)};
	int fd = card_open(&card);
	pthread_t thread;

	(void)state;
	sigaction(SIGUSR1, &sa, NULL);
	assert_int_equal(lock(fd, 0, HOLD_MS, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_lock, &w), 0);
	await_waiting(&w);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	assert_int_equal(w.lock_ret, -EINTR);
	w.tid = 0;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_lock, &w), 0);
	await_waiting(&w);
	/* it has no cookie */
	c.flags = 0;
	assert_int_equal(ioctl(w.fd, SE_IOC_CANCEL, &c), -1);
	assert_int_equal(errno, ENOENT);
	c.flags = SE_CANCEL_ALL;
	assert_int_equal(ioctl(w.fd, SE_IOC_CANCEL, &c), 0);
	assert_int_equal(c.cancelled, 1);
	pthread_join(thread, NULL);
	assert_int_equal(w.lock_ret, -ECANCELED);
	assert_int_equal(lock_state(fd), SE_LOCK_MINE);
	close(w.fd);
	close(fd);
}

static void *submit_one(void *arg)
{
	struct waiter *w = arg;
	struct se_stream stream = {.priority = w->priority};
	struct se_apdu a;
	struct step s;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	apdu_set(&a, &s, 0x80, 0x50, w->p1p2);
	w->ret = submit(w->fd, &a, 1, &stream);
	return NULL;
}

/* Position of the line with this INS P1 P2 in the card's log. */
static int position(const char *header)
{
	char path[64], line[200], head[16];
	int n = 0, at = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", card.dir);
	f = fopen(path, "re");
	assert_non_null(f);
	for (; fgets(line, sizeof(line), f); n++)
		if (sscanf(line, "%*u %*u %*d %15s", head) == 1 && !strcmp(head + 2, header))
			at = n;
	fclose(f);
	return at;
}

static void test_priority(void **state)
{
	struct waiter w[3] = {
		{.priority = -2, .p1p2 = 0x0401},
		{.priority = 0, .p1p2 = 0x0402},
		{.priority = 3, .p1p2 = 0x0403},
	};
	int fd = applet(), status;
	pthread_t thread[3];
	pid_t pid;

	(void)state;
	for (int i = 0; i < 3; i++)
		w[i].fd = applet();
	assert_int_equal(lock(fd, 0, HOLD_MS, 0), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread[i], NULL, submit_one, &w[i]), 0);
		await_waiting(&w[i]);
	}
	assert_int_equal(unlock(fd), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(w[i].ret, 0);
	}
	assert_true(position("500403") < position("500402"));
	assert_true(position("500402") < position("500401"));

	/* three steps are worth three seconds, not more */
	assert_int_equal(lock(fd, 0, HOLD_MS, 0), 0);
	w[1].p1p2 = 0x0404;
	w[2].p1p2 = 0x0405;
	w[1].tid = w[2].tid = 0;
	assert_int_equal(pthread_create(&thread[1], NULL, submit_one, &w[1]), 0);
	await_waiting(&w[1]);
	pause_ms(3500);
	assert_int_equal(pthread_create(&thread[2], NULL, submit_one, &w[2]), 0);
	await_waiting(&w[2]);
	assert_int_equal(unlock(fd), 0);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
	assert_true(position("500404") < position("500405"));

	pid = child_begin();
	if (!pid) {
		struct waiter c = {.fd = fd, .priority = 1, .p1p2 = 0x0406};

		if (setuid(65534))
			_exit(errno == ENOSYS ? 9 : 10);
		submit_one(&c);
		if (c.ret != -EPERM)
			_exit(11);
		c.priority = -1;
		submit_one(&c);
		_exit(c.ret ? 12 : 0);
	}
	status = child_status(pid);
	for (int i = 0; i < 3; i++)
		close(w[i].fd);
	close(fd);
	if (status != 9)
		assert_int_equal(status, 0);
	assert_int_equal(card_ran(&card, -1, "500406"), status == 9 ? 0 : 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_hold_ends),
		cmocka_unit_test(test_rights_of_the_holder),
		cmocka_unit_test(test_killed_holder),
		cmocka_unit_test(test_nobody_is_left_out),
		cmocka_unit_test(test_waiting_can_be_given_up),
		cmocka_unit_test(test_priority),
	};

	return cmocka_run_group_tests_name("lock", tests, setup, teardown);
}
