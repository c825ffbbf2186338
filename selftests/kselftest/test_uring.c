// SPDX-License-Identifier: Apache-2.0
/*
 * SE_URING_CMD_SUBMIT: streams by io_uring, several in flight from one thread on
 * one file; their results, their cancellation, and rings that go away.
 */
#include "card.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { DEPTH = 128 };

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	uint8_t *cqes;
	uint32_t cqe_size;
	void *map;
	size_t map_len;
};

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

/* Without liburing, which has no call for commands of a driver's own. */
static void ring_open(struct ring *r, uint32_t flags)
{
	struct io_uring_params p = {.flags = flags};
	struct se_info info = {0};
	uint8_t *m;
	int fd = card_open(&card);

	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	close(fd);
	if (!(info.caps & SE_CAP_URING))
		skip(); /* an old kernel */
	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, DEPTH, &p);
	if (r->fd < 0 && (errno == ENOSYS || errno == EPERM))
		skip(); /* io_uring is switched off */
	assert_true(r->fd >= 0);
	assert_true(p.features & IORING_FEAT_SINGLE_MMAP);
	r->cqe_size = flags & IORING_SETUP_CQE32 ? 32 : 16;
	r->map_len = p.cq_off.cqes + p.cq_entries * r->cqe_size;
	if (r->map_len < p.sq_off.array + p.sq_entries * sizeof(unsigned int))
		r->map_len = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	r->map = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      r->fd, IORING_OFF_SQ_RING);
	assert_ptr_not_equal(r->map, MAP_FAILED);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	assert_ptr_not_equal(r->sqes, MAP_FAILED);
	m = r->map;
	r->sq_tail = (unsigned int *)(void *)(m + p.sq_off.tail);
	r->sq_mask = (unsigned int *)(void *)(m + p.sq_off.ring_mask);
	r->cq_head = (unsigned int *)(void *)(m + p.cq_off.head);
	r->cq_tail = (unsigned int *)(void *)(m + p.cq_off.tail);
	r->cq_mask = (unsigned int *)(void *)(m + p.cq_off.ring_mask);
	r->cqes = m + p.cq_off.cqes;
	for (unsigned int i = 0; i < p.sq_entries; i++)
		((unsigned int *)(void *)(m + p.sq_off.array))[i] = i;
}

static void ring_close(struct ring *r)
{
	munmap(r->sqes, DEPTH * sizeof(*r->sqes));
	munmap(r->map, r->map_len);
	close(r->fd);
}

static void ring_add(struct ring *r, int fd, uint32_t op, const struct se_stream *stream,
		     uint64_t user_data)
{
	struct se_uring_cmd cmd = {.stream_ptr = (uintptr_t)stream};
	struct io_uring_sqe *sqe = &r->sqes[*r->sq_tail & *r->sq_mask];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = op;
	sqe->user_data = user_data;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
	__atomic_store_n(r->sq_tail, *r->sq_tail + 1, __ATOMIC_RELEASE);
}

static void ring_enter(struct ring *r, unsigned int submit, unsigned int wait)
{
	long n = syscall(SYS_io_uring_enter, r->fd, submit, wait,
			 wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);

	assert_int_equal(n, submit);
}

struct done {
	uint64_t user_data;
	int32_t res;
};

/* The next completion; the second half of a 32-byte one is in *extra. */
static struct done ring_next(struct ring *r, uint64_t *extra)
{
	struct io_uring_cqe *cqe;
	struct done done;
	uint8_t *p;

	if (*r->cq_head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
		ring_enter(r, 0, 1);
	assert_int_not_equal(*r->cq_head, __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE));
	p = r->cqes + (size_t)(*r->cq_head & *r->cq_mask) * r->cqe_size;
	cqe = (struct io_uring_cqe *)(void *)p;
	done = (struct done){.user_data = cqe->user_data, .res = cqe->res};
	if (extra)
		memcpy(extra, p + 16, sizeof(*extra));
	__atomic_store_n(r->cq_head, *r->cq_head + 1, __ATOMIC_RELEASE);
	return done;
}

static int applet(void)
{
	int fd = card_open(&card);

	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	return fd;
}

struct req {
	struct se_apdu a[4];
	struct step s[4];
	struct se_stream stream;
};

/* A stream of @nr times the same APDU, with P1 P2 counted up */
static void req_set(struct req *q, uint32_t nr, uint8_t ins, uint16_t p1p2)
{
	memset(q, 0, sizeof(*q));
	for (uint32_t i = 0; i < nr; i++)
		apdu_set(&q->a[i], &q->s[i], 0x80, ins, (uint16_t)(p1p2 + i));
	q->stream.apdus_ptr = (uintptr_t)q->a;
	q->stream.nr = nr;
	q->stream.apdu_size = sizeof(q->a[0]);
}

static void test_one_stream(void **state)
{
	struct done cqe;
	uint64_t extra = 0;
	struct ring r;
	struct req q;
	int fd = applet();

	(void)state;
	ring_open(&r, IORING_SETUP_CQE32);
	req_set(&q, 3, 0x40, 4);
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q.stream, 77);
	ring_enter(&r, 1, 1);
	cqe = ring_next(&r, &extra);
	assert_int_equal(cqe.user_data, 77);
	assert_int_equal(cqe.res, 3);
	assert_int_equal(extra, SE_STOP_END | (uint64_t)SE_OUTCOME_EXECUTED << 32);
	assert_int_equal(q.stream.done, 3);
	assert_int_equal(q.stream.stop, SE_STOP_END);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(q.a[i].outcome, SE_OUTCOME_EXECUTED);
		assert_int_equal(q.a[i].rsp_len, 6 + i);
		assert_int_equal(q.s[i].rsp[3], 3);
	}
	/* a status word that was not expected */
	req_set(&q, 2, 0x66, 0);
	q.a[0].expect[0] = (struct se_sw_match){.value = 0x9000, .mask = 0xffff};
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q.stream, 78);
	ring_enter(&r, 1, 1);
	cqe = ring_next(&r, &extra);
	assert_int_equal(cqe.res, 1);
	assert_int_equal((uint32_t)extra, SE_STOP_SW);
	assert_int_equal(q.a[1].outcome, SE_OUTCOME_NOT_SENT);
	ring_close(&r);
	close(fd);
}

/* One thread, one file, 16 at once; they run in the order in which they came. */
static void test_many_in_flight(void **state)
{
	enum { N = 16 };
	struct req *q = calloc(N, sizeof(*q));
	bool seen[N] = {0};
	struct ring r;
	int fd = applet(), other = applet();

	(void)state;
	assert_non_null(q);
	ring_open(&r, 0);
	for (uint16_t i = 0; i < N; i++) {
		req_set(&q[i], 4, 0x20, 0x0100);
		/* the same counter each: its values tell the order */
		for (int k = 0; k < 4; k++)
			q[i].s[k].cmd[3] = 0;
		ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[i].stream, i);
	}
	ring_enter(&r, N, 0);
	/* another file has its turn between them */
	assert_int_equal(transmit(other, 0x80, 0x50, 0, NULL), 0x9000);
	for (int i = 0; i < N; i++) {
		struct done cqe = ring_next(&r, NULL);

		assert_int_equal(cqe.res, 4);
		assert_true(cqe.user_data < N && !seen[cqe.user_data]);
		seen[cqe.user_data] = true;
	}
	for (int i = 0; i < N; i++)
		for (int k = 0; k < 4; k++)
			assert_int_equal(q[i].s[k].rsp[3], i * 4 + k + 1);
	ring_close(&r);
	close(fd);
	close(other);
	free(q);
}

static void test_refused(void **state)
{
	const struct se_filter_rule one = {.ins = 0x50, .ins_mask = 0xff};
	struct se_filter f = {
		.rules_ptr = (uintptr_t)&one, .nr_rules = 1, .flags = SE_FILTER_RULES};
	uint64_t extra = 0;
	struct ring r;
	struct req q;
	int fd = applet();

	(void)state;
	ring_open(&r, IORING_SETUP_CQE32);
	req_set(&q, 1, 0x20, 0x0200);
	ring_add(&r, fd, SE_IOC_GET_INFO, &q.stream, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, NULL).res, -ENOTTY);
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, (void *)8, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, NULL).res, -EFAULT);
	q.stream.flags = SE_STREAM_SETTLE;
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q.stream, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, NULL).res, -EINVAL);
	assert_int_equal(q.a[0].outcome, SE_OUTCOME_NOT_SENT);
	q.stream.flags = 0;
	q.stream.nr = 0;
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q.stream, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, NULL).res, -EINVAL);
	q.stream.nr = 1;
	q.a[0].rsp_ptr = 8;
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q.stream, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, &extra).res, -EFAULT);
	assert_int_equal(extra, SE_STOP_FAULT);
	assert_int_equal(q.a[0].outcome, SE_OUTCOME_NOT_SENT);
	/* the filter holds here as well */
	assert_int_equal(ioctl(fd, SE_IOC_SET_FILTER, &f), 0);
	req_set(&q, 1, 0x20, 0x0200);
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q.stream, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, &extra).res, -EACCES);
	assert_int_equal(extra, SE_STOP_REFUSED);
	assert_int_equal(card_ran(&card, -1, "200200"), 0);
	ring_close(&r);
	close(fd);
}

static void test_cancel(void **state)
{
	struct se_cancel c = {.cookie = 5};
	struct ring r;
	static const uint16_t work[] = {UNTIL_TOLD, UNTIL_TOLD + 1, 10};
	struct req q[3];
	int fd = applet();

	(void)state;
	ring_open(&r, 0);
	for (unsigned int i = 0; i < 3; i++) {
		req_set(&q[i], 1, 0x30, work[i]);
		q[i].stream.cookie = 4 + i;
		ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[i].stream, 4 + i);
	}
	ring_enter(&r, 3, 0);
	await_work(&card, UNTIL_TOLD);
	/* the one in the middle, then the first */
	assert_int_equal(ioctl(fd, SE_IOC_CANCEL, &c), 0);
	assert_int_equal(ring_next(&r, NULL).user_data, 5);
	assert_int_equal(q[1].a[0].outcome, SE_OUTCOME_NOT_SENT);
	c.cookie = 4;
	assert_int_equal(ioctl(fd, SE_IOC_CANCEL, &c), 0);
	assert_int_equal(ring_next(&r, NULL).user_data, 4);
	assert_int_equal(q[0].a[0].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(q[0].stream.stop, SE_STOP_CANCELLED);
	card_hurry(&card);
	assert_int_equal(ring_next(&r, NULL).res, 1);
	assert_int_equal(q[2].a[0].outcome, SE_OUTCOME_EXECUTED);
	ring_close(&r);
	close(fd);
}

/* More than one file may have under way. */
static void test_limit(void **state)
{
	enum { N = SE_URING_MAX + 6 };
	struct req *q = calloc(N, sizeof(*q));
	int fd = applet(), busy = 0, done = 0;
	struct ring r;

	(void)state;
	assert_non_null(q);
	ring_open(&r, 0);
	for (uint16_t i = 0; i < N; i++) {
		req_set(&q[i], 1, i ? 0x50 : 0x30, UNTIL_TOLD + 2);
		ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[i].stream, i);
	}
	ring_enter(&r, N, 0);
	await_work(&card, UNTIL_TOLD + 2);
	card_hurry(&card);
	for (int i = 0; i < N; i++) {
		int res = ring_next(&r, NULL).res;

		busy += res == -EBUSY;
		done += res == 1;
	}
	assert_int_equal(busy, 6);
	assert_int_equal(done, SE_URING_MAX);
	ring_close(&r);
	close(fd);
	free(q);
}

/*
 * The kernel cancels what a ring had under way behind everybody's back. When the file's
 * channel is about to be closed, nothing of the file is left.
 */
static void await_released(void)
{
	char path[96], line[100];
	unsigned int channels = 0;

	snprintf(path, sizeof(path), "/sys/kernel/debug/se/%s/state", card.node + 5);
	if (access(path, F_OK)) {
		pause_ms(1000);
		return;
	}
	for (int i = 0; i < PATIENCE_MS / 10 && !channels; i++) {
		FILE *f = fopen(path, "re");

		assert_non_null(f);
		while (fgets(line, sizeof(line), f) &&
		       sscanf(line, "to-close: %x", &channels) != 1)
			;
		fclose(f);
		if (!channels)
			pause_ms(10);
	}
	assert_int_not_equal(channels, 0);
}

/* Ring and file are closed under requests: that does not hang, and nothing runs twice. */
static void test_close_in_flight(void **state)
{
	struct req *q = mmap(NULL, 2 * sizeof(*q), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t begin;
	struct ring r;
	int fd, status, ready[2];
	char c;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(q, MAP_FAILED);
	assert_int_equal(pipe(ready), 0);
	fd = applet();
	ring_open(&r, 0);
	req_set(&q[0], 1, 0x30, UNTIL_TOLD + 3);
	req_set(&q[1], 1, 0x20, 0x0300);
	for (int i = 0; i < 2; i++)
		ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[i].stream, 0);
	ring_enter(&r, 2, 0);
	await_work(&card, UNTIL_TOLD + 3);
	begin = now_ms();
	close(fd);
	ring_close(&r);
	assert_in_range(now_ms() - begin, 0, AT_ONCE_MS);
	await_released();
	card_hurry(&card);

	/* a process that ends, and one that is killed */
	for (int i = 0; i < 2; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			fd = applet();
			ring_open(&r, 0);
			req_set(&q[0], 1, 0x30, (uint16_t)(UNTIL_TOLD + 4 + i));
			req_set(&q[1], 1, 0x20, 0x0300);
			for (int k = 0; k < 2; k++)
				ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[k].stream, 0);
			ring_enter(&r, 2, 0);
			if (read(ready[0], &c, 1) != 1)
				_exit(1);
			_exit(0);
		}
		await_work(&card, (uint16_t)(UNTIL_TOLD + 4 + i));
		begin = now_ms();
		if (i)
			kill(pid, SIGKILL);
		else
			assert_int_equal(write(ready[1], "e", 1), 1);
		waitpid(pid, &status, 0);
		assert_in_range(now_ms() - begin, 0, AT_ONCE_MS);
		await_released();
		card_hurry(&card);
	}
	fd = applet();
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
	assert_int_equal(card_ran(&card, -1, "30F003"), 1);
	assert_int_equal(card_ran(&card, -1, "200300"), 0);
	close(ready[0]);
	close(ready[1]);
	close(fd);
	munmap(q, 2 * sizeof(*q));
}

static void test_pulled_out(void **state)
{
	struct ring r;
	struct req q[2];
	uint64_t begin;
	int fd = applet();

	(void)state;
	ring_open(&r, 0);
	req_set(&q[0], 1, 0x30, UNTIL_TOLD + 6);
	req_set(&q[1], 1, 0x50, 0);
	for (int i = 0; i < 2; i++)
		ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[i].stream, (uint64_t)i);
	ring_enter(&r, 2, 0);
	await_work(&card, UNTIL_TOLD + 6);
	begin = now_ms();
	card_pull(&card);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ring_next(&r, NULL).res, -ENODEV);
	assert_in_range(now_ms() - begin, 0, AT_ONCE_MS);
	assert_int_equal(q[0].a[0].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(q[1].a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(q[1].stream.stop, SE_STOP_GONE);
	ring_add(&r, fd, SE_URING_CMD_SUBMIT, &q[0].stream, 0);
	ring_enter(&r, 1, 1);
	assert_int_equal(ring_next(&r, NULL).res, -ENODEV);
	ring_close(&r);
	close(fd);
	card_plug(&card, NULL, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_stream), cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_refused),	   cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_limit),	   cmocka_unit_test(test_close_in_flight),
		cmocka_unit_test(test_pulled_out),
	};

	return cmocka_run_group_tests_name("uring", tests, setup, teardown);
}
