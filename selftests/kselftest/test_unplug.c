// SPDX-License-Identifier: Apache-2.0
/*
 * 64 threads that submit, poll, open, lock and use io_uring while the SE is taken
 * away: by unbinding the driver, by closing the far end of the bus, by unloading
 * the transport. Every call returns soon, within the time as well that a thread which only
 * sleeps gets to run late: 64 threads are a lot for a slow machine. SEED= repeats a run.
 */
#include "card.h"

#include <pthread.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { THREADS = 64, ROUNDS = 3 };

static unsigned int seed;
static struct card card;
static bool stop;
static uint64_t gone_at; /* milliseconds, 0 while the SE is there */

struct worker {
	pthread_t thread;
	unsigned int rnd;
	uint64_t calls;
	uint64_t longest; /* of the calls that were under way when the SE went, behind that */
	const char *doing;
	const char *slowest;
};

/*
 * A second in a machine that has a time of its own (rig/vm --own-time). Another one may be
 * stopped for longer at any line; a call that waits for its deadline (30 s) is found out.
 */
static uint64_t soon_ms(void)
{
	FILE *f = fopen("/proc/cmdline", "re");
	char line[4096] = "";

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	return strstr(line, "sesame.own-time=1") ? 1000 : 15000;
}

/* By how much the machine lets threads wait, after the end of the SE. */
static void *be_late(void *arg)
{
	uint64_t *longest = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		uint64_t begin = now_ms(), late;

		pause_ms(10);
		late = now_ms() - begin;
		if (__atomic_load_n(&gone_at, __ATOMIC_SEQ_CST) && late > *longest)
			*longest = late;
	}
	return NULL;
}

/* How long behind the end of the SE did a call that began at @begin return? */
static void returned(struct worker *w, uint64_t begin)
{
	uint64_t gone = __atomic_load_n(&gone_at, __ATOMIC_SEQ_CST), now = now_ms();

	w->calls++;
	if (!gone)
		return;
	if (begin < gone)
		begin = gone;
	if (now > begin && now - begin > w->longest) {
		w->longest = now - begin;
		w->slowest = w->doing;
	}
}

static void do_submit(struct worker *w, int fd)
{
	struct se_stream stream = {.cookie = (uint64_t)rand_r(&w->rnd) % 4};
	struct se_apdu a[4];
	struct step s[4];
	uint64_t begin = now_ms();

	for (int i = 0; i < 4; i++)
		apdu_set(&a[i], &s[i], 0x80, i % 2 ? 0x30 : 0x50,
			 (uint16_t)(rand_r(&w->rnd) % 20));
	if (rand_r(&w->rnd) % 2)
		stream.flags = SE_STREAM_SETTLE;
	stream.priority = -(int32_t)(rand_r(&w->rnd) % 3);
	submit(fd, a, 4, &stream);
	returned(w, begin);
}

static void do_poll(struct worker *w, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLPRI};
	uint64_t begin = now_ms();

	poll(&p, 1, 300);
	returned(w, begin);
}

static void do_write(struct worker *w, int fd)
{
	uint8_t rsp[64];
	uint64_t begin = now_ms();

	if (write(fd, "\x80\x50\x00\x00\x00", 5) == 5 && rand_r(&w->rnd) % 2)
		if (read(fd, rsp, sizeof(rsp)) < 0)
			pause_ms(1);
	returned(w, begin);
}

static void do_lock(struct worker *w, int fd)
{
	struct se_lock l = {.hold_ms = 30, .flags = (uint32_t)rand_r(&w->rnd) % 2};
	uint64_t begin = now_ms();

	if (!ioctl(fd, SE_IOC_LOCK, &l)) {
		do_submit(w, fd);
		ioctl(fd, SE_IOC_UNLOCK);
	}
	returned(w, begin);
}

static void do_cancel(struct worker *w, int fd)
{
	struct se_cancel c = {.flags = SE_CANCEL_ALL};
	struct se_info info = {0};
	uint64_t begin = now_ms();

	ioctl(fd, SE_IOC_CANCEL, &c);
	ioctl(fd, SE_IOC_GET_INFO, &info);
	returned(w, begin);
}

/* A ring that is closed with a request in flight. */
static void do_uring(struct worker *w, int fd)
{
	struct io_uring_params p = {0};
	struct se_uring_cmd *cmd;
	struct io_uring_sqe *sqe;
	struct se_stream stream = {.nr = 1, .apdu_size = sizeof(struct se_apdu)};
	struct se_apdu a;
	struct step s;
	unsigned int *tail;
	uint64_t begin;
	uint8_t *m;
	size_t len;
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p);

	if (ring < 0)
		return;
	len = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, 4 * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		   IORING_OFF_SQES);
	if (m != MAP_FAILED && sqe != MAP_FAILED) {
		unsigned int wait = (unsigned int)rand_r(&w->rnd) % 2;

		apdu_set(&a, &s, 0x80, 0x50, 0);
		stream.apdus_ptr = (uintptr_t)&a;
		memset(sqe, 0, sizeof(*sqe));
		sqe->opcode = IORING_OP_URING_CMD;
		sqe->fd = fd;
		sqe->cmd_op = SE_URING_CMD_SUBMIT;
		cmd = (struct se_uring_cmd *)(void *)sqe->cmd;
		cmd->stream_ptr = (uintptr_t)&stream;
		((unsigned int *)(void *)(m + p.sq_off.array))[0] = 0;
		tail = (unsigned int *)(void *)(m + p.sq_off.tail);
		__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
		begin = now_ms();
		syscall(SYS_io_uring_enter, ring, 1, wait, wait ? IORING_ENTER_GETEVENTS : 0,
			NULL, 0);
		/* what it points to is on this stack: it has to end first */
		while (!wait &&
		       *(unsigned int *)(void *)(m + p.cq_off.head) ==
			       __atomic_load_n((unsigned int *)(void *)(m + p.cq_off.tail),
					       __ATOMIC_ACQUIRE))
			syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL,
				0);
		returned(w, begin);
	}
	if (m != MAP_FAILED)
		munmap(m, len);
	if (sqe != MAP_FAILED)
		munmap(sqe, 4 * sizeof(*sqe));
	close(ring);
}

static void *work(void *arg)
{
	static const struct {
		void (*call)(struct worker *w, int fd);
		const char *name;
	} what[] = {
		{do_submit, "submit"}, {do_submit, "submit"}, {do_poll, "poll"},
		{do_write, "write"},   {do_lock, "lock"},     {do_cancel, "cancel"},
		{do_uring, "uring"},
	};
	struct worker *w = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		uint64_t begin = now_ms();
		int fd, n = rand_r(&w->rnd) % 8;

		w->doing = "open";
		fd = open(card.node, O_RDWR | O_CLOEXEC);

		if (fd < 0) {
			/*
			 * Without a node no driver is asked: 64 threads that look for one
			 * name in devtmpfs wait for each other, seconds on a slow machine.
			 */
			if (errno != ENOENT)
				returned(w, begin);
			pause_ms(50);
			continue;
		}
		returned(w, begin);
		if (rand_r(&w->rnd) % 2) {
			begin = now_ms();
			w->doing = "channel";
			channel_open(fd, APPLET, APPLET_LEN, NULL);
			returned(w, begin);
		}
		while (n--) {
			int k = rand_r(&w->rnd) % 7;

			w->doing = what[k].name;
			what[k].call(w, fd);
		}
		begin = now_ms();
		w->doing = "close";
		close(fd);
		returned(w, begin);
	}
	return NULL;
}

/* The SPI device below the card, by its symbolic link in sysfs. */
static void unbind(void)
{
	char path[64], target[256], *name;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/se/se%u/device", card.index);
	n = readlink(path, target, sizeof(target) - 1);
	assert_true(n > 0);
	target[n] = 0;
	name = strrchr(target, '/') + 1;
	fd = open("/sys/bus/spi/drivers/se-spi/unbind", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, name, strlen(name)), (ssize_t)strlen(name));
	close(fd);
}

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

/* Those that somebody uses stay. */
static void try_to_unload(void)
{
	assert_int_equal(unload("se_sim"), -EWOULDBLOCK);
	assert_int_equal(unload("se"), -EWOULDBLOCK);
}

static int count_one(void *ctx, const struct se_device *dev)
{
	(void)dev;
	++*(unsigned int *)ctx;
	return 0;
}

static unsigned int how_many(void)
{
	unsigned int n = 0;

	assert_int_equal(se_list(count_one, &n), 0);
	return n;
}

/* Whoever else has an SE (selftests/kselftest/run has one) gets it back. */
static void load_transport(unsigned int others)
{
	const char *dir = getenv("SESAME_MODULES");
	unsigned int left = how_many();
	struct se_monitor *mon;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/se-spi.ko", dir ? dir : "build/kmod/driver");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(se_monitor_open(&mon), 0);
	assert_int_equal(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
	/* its coming is not to be taken for that of the next test's card */
	for (; left < others; left++)
		assert_true(await_event(mon, SE_EVENT_ADD, NULL, PATIENCE_MS));
	se_monitor_close(mon);
}

enum way {
	UNBIND,
	CLOSE_SIM,
	UNLOAD,
};

static void take_away(enum way way)
{
	static struct worker w[THREADS];
	uint64_t calls = 0, longest = 0, late = 0;
	const char *slowest = "none";
	unsigned int i, others = how_many();
	pthread_t sleeper;

	memset(w, 0, sizeof(w));
	card_plug(&card, "--no-clock", NULL, NULL);
	stop = false;
	gone_at = 0;
	for (i = 0; i < THREADS; i++) {
		w[i].rnd = seed++;
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	assert_int_equal(pthread_create(&sleeper, NULL, be_late, &late), 0);
	pause_ms(1500);
	try_to_unload();
	switch (way) {
	case UNBIND:
		unbind();
		break;
	case UNLOAD:
		/* a driver that is bound may be unloaded: it lets go of its devices */
		assert_int_equal(unload("se_spi"), 0);
		break;
	case CLOSE_SIM:
		kill(card.pid, SIGKILL);
		waitpid(card.pid, NULL, 0);
		break;
	}
	__atomic_store_n(&gone_at, now_ms(), __ATOMIC_SEQ_CST);
	pause_ms(1200);
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(sleeper, NULL);
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		calls += w[i].calls;
		if (w[i].longest > longest) {
			longest = w[i].longest;
			slowest = w[i].slowest;
		}
	}
	print_message(
		"# %llu calls, the longest %llu ms behind the end (%s); a sleeper %llu ms\n",
		(unsigned long long)calls, (unsigned long long)longest, slowest,
		(unsigned long long)late);
	if (way == CLOSE_SIM) {
		card.pid = fork(); /* for card_pull(), which removes the folder */
		if (!card.pid)
			_exit(0);
	}
	card_pull(&card);
	/* for the tests behind this one as well */
	if (way == UNLOAD)
		load_transport(others);
	assert_true(calls > THREADS);
	assert_in_range(longest, 0, soon_ms() + late);
}

static void test_unbind(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		take_away(UNBIND);
}

static void test_sim_closed(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		take_away(CLOSE_SIM);
}

static void test_unload(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		take_away(UNLOAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unbind),
		cmocka_unit_test(test_sim_closed),
		cmocka_unit_test(test_unload),
	};

	seed = choose_seed();
	print_message("# SEED=%u\n", seed);
	return cmocka_run_group_tests_name("unplug", tests, NULL, NULL);
}
