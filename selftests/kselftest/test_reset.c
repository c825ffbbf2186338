// SPDX-License-Identifier: Apache-2.0
/*
 * SE_IOC_RESET: every level brings the SE back with another generation; what ran
 * meanwhile ends with an exact outcome, once; channels are gone.
 */
#include "card.h"

#include <dirent.h>
#include <pthread.h>

#include <job/job.h>

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

/* 0 or negative errno */
static int reset(int fd, uint32_t level, unsigned int ms, struct se_reset *r)
{
	struct se_reset mine;

	if (!r)
		r = &mine;
	memset(r, 0, sizeof(*r));
	r->level = level;
	if (ms)
		r->deadline_ns = se_deadline_in(ms);
	return ioctl(fd, SE_IOC_RESET, r) ? -errno : 0;
}

static void test_levels(void **state)
{
	static const uint32_t levels[] = {SE_RESET_RESYNCH, SE_RESET_SOFT, SE_RESET_LINE};
	int fd = card_open(&card), other = card_open(&card);
	struct se_stats before, after;
	struct se_monitor *mon;
	struct se_event event;
	struct se_info info = {0};
	struct se_reset r;

	(void)state;
	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &before), 0);
	for (size_t i = 0; i < 3; i++) {
		struct pollfd p = {.fd = other, .events = POLLPRI};

		assert_int_equal(channel_open(other, APPLET, APPLET_LEN, NULL), 0);
		assert_int_equal(ioctl(other, SE_IOC_GET_INFO, &info), 0);
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(se_monitor_open(&mon), 0);
		assert_int_equal(reset(fd, levels[i], 0, &r), 0);
		assert_true(r.generation != info.generation);
		assert_int_equal(r.state, SE_STATE_IDLE);
		assert_true(await_event(mon, SE_EVENT_GENERATION, &event, PATIENCE_MS));
		assert_int_equal(event.dev.generation, r.generation);
		assert_int_equal(event.dev.reason, SE_REASON_REQUESTED);
		se_monitor_close(mon);
		/* the other session learns of it, in each way there is */
		assert_int_equal(poll(&p, 1, 0), 1);
		assert_true(p.revents & POLLPRI);
		assert_int_equal(transmit(other, 0x80, 0x50, 0, NULL), -ECONNRESET);
		assert_int_equal(channel_open(other, APPLET, APPLET_LEN, NULL), 0);
		assert_int_equal(transmit(other, 0x80, 0x50, 0, NULL), 0x9000);
		assert_int_equal(ioctl(other, SE_IOC_CHANNEL_CLOSE), 0);
	}
	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &after), 0);
	assert_int_equal(after.resets - before.resets, 2);
	close(other);
	close(fd);
}

static void test_refused(void **state)
{
	struct se_reset r;
	int fd = card_open(&card), status;
	pid_t pid;

	(void)state;
	assert_int_equal(reset(fd, SE_RESET_POWER, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(reset(fd, SE_RESET_POWER + 1, 0, NULL), -EINVAL);
	memset(&r, 0, sizeof(r));
	r.flags = 1;
	assert_int_equal(ioctl(fd, SE_IOC_RESET, &r), -1);
	assert_int_equal(errno, EINVAL);
	r.flags = 0;
	r.reserved = 1;
	assert_int_equal(ioctl(fd, SE_IOC_RESET, &r), -1);
	assert_int_equal(errno, EINVAL);

	/* an open file is not enough */
	pid = fork();
	if (!pid) {
		if (setuid(65534))
			_exit(2);
		_exit(reset(fd, SE_RESET_LINE, 0, NULL) != -EPERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
}

struct work {
	pthread_t thread;
	int fd;
	int ret;
	uint64_t generation; /* before */
	struct se_stream stream;
	struct se_apdu a[3];
	struct step s[3];
};

static void *run_work(void *arg)
{
	struct work *w = arg;

	w->ret = submit(w->fd, w->a, 3, &w->stream);
	return NULL;
}

/* A counter, a command until the card is told (or reset), and the counter again. */
static void start_work(struct work *w, int fd, uint16_t counter)
{
	struct se_info info = {0};

	memset(w, 0, sizeof(*w));
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	w->generation = info.generation;
	w->fd = fd;
	apdu_set(&w->a[0], &w->s[0], 0x80, 0x20, counter);
	apdu_set(&w->a[1], &w->s[1], 0x80, 0x30, UNTIL_TOLD + (counter & 0xf));
	apdu_set(&w->a[2], &w->s[2], 0x80, 0x20, counter);
	assert_int_equal(pthread_create(&w->thread, NULL, run_work, w), 0);
	await_work(&card, UNTIL_TOLD + (counter & 0xf));
}

static void end_work(struct work *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	assert_int_equal(w->ret, -ECONNRESET);
	/* it has moved by then: the file may open its channel again */
	assert_true(w->stream.generation != w->generation);
	assert_int_equal(w->stream.stop, SE_STOP_GENERATION);
	assert_int_equal(w->stream.done, 1);
	assert_int_equal(w->a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(w->a[1].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(w->a[2].outcome, SE_OUTCOME_NOT_SENT);
}

static void test_in_mid_stream(void **state)
{
	int fd = card_open(&card), admin = card_open(&card);
	struct work w;
	uint64_t begin;
	pid_t pid;

	(void)state;
	/* the line does not wait for the SE */
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	start_work(&w, fd, 0x0101);
	begin = now_ms();
	assert_int_equal(reset(admin, SE_RESET_LINE, 0, NULL), 0);
	assert_true(now_ms() - begin < AT_ONCE_MS);
	end_work(&w);
	assert_int_equal(card_ran(&card, -1, "200101"), 1);

	/* what is spoken over the link does */
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), -ECONNRESET);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	start_work(&w, fd, 0x0102);
	begin = now_ms();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		pause_ms(400);
		_exit(kill(card.pid, SIGUSR1) != 0);
	}
	assert_int_equal(reset(admin, SE_RESET_SOFT, 0, NULL), 0);
	assert_true(now_ms() - begin >= 400);
	waitpid(pid, NULL, 0);
	end_work(&w);
	assert_int_equal(card_ran(&card, -1, "200102"), 1);
	close(fd);

	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(transmit(fd, 0x80, 0x20, 0x0103, NULL), 0x9000);
	close(fd);
	close(admin);
}

struct waiter {
	pthread_t thread;
	pid_t tid;
	int fd, ret;
	uint32_t level;
};

static void *run_waiter(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
	w->ret = reset(w->fd, w->level, 0, NULL);
	return NULL;
}

/* one at a time, bounded, and not longer than the SE is there */
static void test_bounds(void **state)
{
	int fd = card_open(&card), admin = card_open(&card);
	struct waiter waiter = {.level = SE_RESET_SOFT};
	struct work w;

	(void)state;
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	start_work(&w, fd, 0x0201);
	assert_int_equal(reset(admin, SE_RESET_SOFT, 100, NULL), -ETIMEDOUT);
	end_work(&w);
	card_hurry(&card);
	await_idle(admin);

	close(fd);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	start_work(&w, fd, 0x0202);
	waiter.fd = card_open(&card);
	assert_int_equal(pthread_create(&waiter.thread, NULL, run_waiter, &waiter), 0);
	while (!__atomic_load_n(&waiter.tid, __ATOMIC_SEQ_CST))
		pause_ms(1);
	await_asleep(waiter.tid, "S");
	assert_int_equal(reset(admin, SE_RESET_LINE, 0, NULL), -EBUSY);
	card_pull(&card);
	assert_int_equal(pthread_join(waiter.thread, NULL), 0);
	assert_int_equal(waiter.ret, -ENODEV);
	pthread_join(w.thread, NULL);
	assert_int_equal(reset(admin, SE_RESET_LINE, 0, NULL), -ENODEV);
	close(waiter.fd);
	close(fd);
	close(admin);
}

struct over {
	int error;
	uint32_t level;
};

static void on_reset(void *userdata, int error, uint32_t level)
{
	struct over *o = userdata;

	o->error = error;
	o->level = level;
}

/*
 * The only other thread, the job's, has been told to stop and waits for the end of the
 * exchange on the wire: no signal wakes it any more.
 */
static void await_settling(void)
{
	struct dirent *e;
	pid_t other = 0;
	DIR *d = opendir("/proc/self/task");

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != gettid())
			other = atoi(e->d_name);
	closedir(d);
	await_asleep(other, "DI");
}

/* The daemon's road: a reset that waits for the job, and cancel within a chunk. */
static void test_job(void **state)
{
	static const uint8_t script[] = {0xaa, 0x1c, 0x22, 5,	 0x80, 0x20, 3, 1,
					 0,    0x22, 5,	   0x80, 0x30, 0xf0, 0, 0,
					 0x22, 5,    0x80, 0x20, 3,    1,    0, 0x22,
					 5,    0x80, 0x20, 3,	 1,    0};
	struct job_params params = {.se = "se", .aid_len = APPLET_LEN};
	struct over over = {.error = 1};
	struct job_options opt = {0};
	struct job_store *store;
	struct job_se_info before, after;
	struct job_error e;
	struct job_info info = {0};
	char dir[64];
	uint64_t id;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/store", card.dir);
	opt.dir = dir;
	memcpy(params.aid, APPLET, APPLET_LEN);
	assert_int_equal(job_store_open(&store, &opt, &e), 0);
	assert_int_equal(job_se_add(store, "se", card.node, "eSE"), 0);
	assert_int_equal(job_se_get(store, 0, &before), 0);
	assert_int_equal(job_create(store, "t:1", 0, &id, &e), 0);
	assert_int_equal(job_set(store, id, &params, &e), 0);
	assert_int_equal(job_script_write(store, id, 0, script, sizeof(script), &e), 0);
	assert_int_equal(job_script_end(store, id, &e), 0);
	assert_int_equal(job_run(store, id, &e), 0);
	await_work(&card, UNTIL_TOLD);
	assert_int_equal(job_se_reset(store, "se", JOB_RESET_BEST, on_reset, &over), 0);
	assert_int_equal(job_cancel(store, id, &e), 0);
	await_settling();
	card_hurry(&card);
	for (int i = 0; i < PATIENCE_MS / 20 && over.error == 1; i++) {
		struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};

		poll(&p, 1, 20);
		job_store_dispatch(store);
	}
	assert_int_equal(over.error, 0);
	assert_int_equal(over.level, SE_RESET_LINE);
	assert_int_equal(job_get(store, id, &info), 0);
	assert_int_equal(info.state, JOB_CANCELLED);
	assert_int_equal(info.interrupted, SE_OUTCOME_NOT_SENT);
	assert_int_equal(info.executed, 2);
	assert_int_equal(card_ran(&card, -1, "200301"), 1);
	assert_int_equal(job_se_get(store, 0, &after), 0);
	assert_true(after.generation != before.generation);
	/* its channel is closed behind the job's back */
	for (int i = 0; i < PATIENCE_MS / 20 && after.state == SE_STATE_BUSY; i++) {
		pause_ms(20);
		assert_int_equal(job_se_get(store, 0, &after), 0);
	}
	assert_int_equal(after.state, SE_STATE_IDLE);
	job_store_close(store);
}

static void test_no_line(void **state)
{
	int fd;

	(void)state;
	card_plug(&card, "--no-reset", NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(reset(fd, SE_RESET_LINE, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(reset(fd, SE_RESET_SOFT, 0, NULL), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_mid_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_job, setup, teardown),
		cmocka_unit_test_teardown(test_no_line, teardown),
	};

	return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
