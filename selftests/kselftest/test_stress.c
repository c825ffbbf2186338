// SPDX-License-Identifier: Apache-2.0
/*
 * /dev/seN under load: many processes that submit, write, read, poll, open and
 * close, some of them killed, and the SE pulled out underneath; and a client
 * whose memory never answers. SEED= repeats a run.
 */
#include "card.h"

#include <pthread.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { CLIENTS = 12, ROUNDS = 4, IDS = 4096 };

/* How often each numbered APDU was said to have run, not run, or who knows. */
struct ledger {
	uint32_t next;
	uint8_t outcome[IDS];
};

static unsigned int seed;

static uint16_t take_ids(struct ledger *l, uint32_t nr)
{
	uint32_t id = __atomic_fetch_add(&l->next, nr, __ATOMIC_SEQ_CST);

	if (id + nr >= IDS)
		_exit(0);
	return (uint16_t)id;
}

/* APDUs with numbers of their own, so that the log tells each from each. */
static void client_submit(int fd, struct ledger *l, unsigned int *rnd, struct se_apdu *a)
{
	struct se_stream stream = {0};
	struct step s[8];
	uint32_t nr = 1 + (uint32_t)rand_r(rnd) % 8;
	uint16_t id = take_ids(l, nr);

	for (uint32_t i = 0; i < nr; i++) {
		apdu_set(&a[i], &s[i], 0x80, 0x40, (uint16_t)(id + i));
		a[i].outcome = SE_OUTCOME_NOT_SENT;
		l->outcome[id + i] = SE_OUTCOME_UNKNOWN; /* until we know */
	}
	if (rand_r(rnd) % 4 == 0)
		stream.flags = SE_STREAM_SETTLE;
	if (rand_r(rnd) % 4 == 0)
		stream.deadline_ns = se_deadline_in((uint64_t)(rand_r(rnd) % 30));
	submit(fd, a, nr, &stream);
	for (uint32_t i = 0; i < nr; i++)
		l->outcome[id + i] = (uint8_t)a[i].outcome;
}

static void client(const struct card *card, struct ledger *l, unsigned int rnd)
{
	struct se_apdu a[8];
	uint8_t rsp[64];

	signal(SIGALRM, SIG_IGN);
	for (;;) {
		int fd = open(card->node, O_RDWR | O_CLOEXEC);
		int n = rand_r(&rnd) % 10;

		if (fd < 0)
			_exit(0);
		if (channel_open(fd, APPLET, APPLET_LEN, NULL) == -ENODEV)
			_exit(0);
		while (n--) {
			struct pollfd p = {.fd = fd, .events = POLLIN | POLLPRI};

			switch (rand_r(&rnd) % 4) {
			case 0:
				if (write(fd, "\x80\x50\x00\x00\x00", 5) == 5 &&
				    rand_r(&rnd) % 2)
					n = 0; /* close it in mid-flight */
				break;
			case 1:
				poll(&p, 1, 20);
				if (p.revents & POLLIN && read(fd, rsp, sizeof(rsp)) < 0)
					n = 0;
				break;
			default:
				client_submit(fd, l, &rnd, a);
			}
		}
		close(fd);
	}
}

static void check_ledger(const struct card *card, const struct ledger *l)
{
	static int ran[IDS];
	unsigned int id;
	char path[64], line[200], head[16];
	FILE *f;

	memset(ran, 0, sizeof(ran));
	snprintf(path, sizeof(path), "%s/log", card->dir);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*u %*u %*d %15s", head) == 1 &&
		    sscanf(head + 2, "40%4x", &id) == 1 && id < IDS)
			ran[id]++;
	fclose(f);
	for (id = 0; id < l->next && id < IDS; id++) {
		if (ran[id] > 1)
			fail_msg("APDU %u ran %d times (SEED=%u)", id, ran[id], seed);
		if (l->outcome[id] == SE_OUTCOME_EXECUTED && ran[id] != 1)
			fail_msg("APDU %u: EXECUTED, but it did not run (SEED=%u)", id, seed);
		if (l->outcome[id] == SE_OUTCOME_NOT_SENT && ran[id])
			fail_msg("APDU %u: NOT_SENT, but it ran (SEED=%u)", id, seed);
	}
}

/* Pull the card without losing its log. */
static void pull_and_check(struct card *card, const struct ledger *l)
{
	pid_t pid = card->pid;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < PATIENCE_MS / 20 && !access(card->node, F_OK); i++)
		pause_ms(20);
	assert_int_not_equal(access(card->node, F_OK), 0);
	check_ledger(card, l);
}

static void test_load_and_pull(void **state)
{
	struct ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int rnd = seed;

	(void)state;
	assert_ptr_not_equal(l, MAP_FAILED);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pid[CLIENTS];
		struct card card;
		uint64_t start;
		int i;

		memset(l, 0, sizeof(*l));
		card_plug(&card, "--no-clock", NULL, NULL);
		for (i = 0; i < CLIENTS; i++) {
			pid[i] = fork();
			assert_true(pid[i] >= 0);
			if (!pid[i])
				client(&card, l, seed + (unsigned int)(round * CLIENTS + i));
		}
		/* kill some, then let the rest see the card go */
		for (i = 0; i < CLIENTS / 3; i++) {
			pause_ms(100 + (unsigned int)rand_r(&rnd) % 200);
			kill(pid[i], SIGKILL);
		}
		for (i = 0; i < PATIENCE_MS / 20; i++) {
			if (__atomic_load_n(&l->next, __ATOMIC_SEQ_CST) > 20)
				break;
			pause_ms(20);
		}
		pull_and_check(&card, l);
		start = now_ms();
		for (i = 0; i < CLIENTS; i++)
			waitpid(pid[i], NULL, 0);
		assert_in_range(now_ms() - start, 0, PATIENCE_MS);
		card.pid = fork(); /* for card_pull(), which removes the folder */
		if (!card.pid)
			_exit(0);
		card_pull(&card);
		assert_true(l->next > 20);
	}
	munmap(l, sizeof(*l));
}

/* A page that nobody provides until page_provide(); -1 where the kernel cannot. */
static int page_stuck(void **page)
{
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_api api = {.api = UFFD_API};
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0)
		return -1;
	*page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(*page, MAP_FAILED);
	assert_int_equal(ioctl(uffd, UFFDIO_API, &api), 0);
	reg.range.start = (uintptr_t)*page;
	reg.range.len = 4096;
	assert_int_equal(ioctl(uffd, UFFDIO_REGISTER, &reg), 0);
	return uffd;
}

static void page_provide(int uffd, void *page)
{
	struct uffdio_zeropage zero = {.range = {.start = (uintptr_t)page, .len = 4096}};

	assert_int_equal(ioctl(uffd, UFFDIO_ZEROPAGE, &zero), 0);
	close(uffd);
}

struct stuck {
	struct se_apdu *a;
	struct step *s;
	struct se_stream stream;
	int fd;
	int ret;
};

static void *run_stuck(void *arg)
{
	struct stuck *st = arg;

	st->ret = submit(st->fd, st->a, 2, &st->stream);
	return NULL;
}

/*
 * Streams whose response buffers are pages that nobody provides: their threads
 * sleep in the kernel. They hold up nobody else, however many they are.
 */
static void test_memory_that_never_answers(void **state)
{
	enum { N = 18 };
	static struct stuck st[N];
	static struct se_apdu a[N][2];
	static struct step s[N][2];
	pthread_t thread[N];
	void *page[N];
	int uffd[N], other, i;
	struct card card;
	uint64_t start;

	(void)state;
	uffd[0] = page_stuck(&page[0]);
	if (uffd[0] < 0)
		skip(); /* this kernel has none */
	card_plug(&card, NULL, NULL, NULL);
	other = card_open(&card);
	assert_int_equal(channel_open(other, APPLET, APPLET_LEN, NULL), 0);
	for (i = 0; i < N; i++) {
		if (i)
			uffd[i] = page_stuck(&page[i]);
		st[i].fd = card_open(&card);
		assert_int_equal(channel_open(st[i].fd, APPLET, APPLET_LEN, NULL), 0);
		apdu_set(&a[i][0], &s[i][0], 0x80, 0x50, 0);
		a[i][0].rsp_ptr = (uintptr_t)page[i];
		apdu_set(&a[i][1], &s[i][1], 0x80, 0x50, 0);
		st[i].a = a[i];
		assert_int_equal(pthread_create(&thread[i], NULL, run_stuck, &st[i]), 0);
	}
	pause_ms(500);
	start = now_ms();
	assert_int_equal(transmit(other, 0x80, 0x50, 0, NULL), 0x9000);
	assert_in_range(now_ms() - start, 0, AT_ONCE_MS);

	for (i = 0; i < N; i++) {
		page_provide(uffd[i], page[i]);
		pthread_join(thread[i], NULL);
		assert_int_equal(st[i].ret, 0);
		assert_int_equal(a[i][0].outcome, SE_OUTCOME_EXECUTED);
		assert_int_equal(a[i][1].outcome, SE_OUTCOME_EXECUTED);
		close(st[i].fd);
		munmap(page[i], 4096);
	}
	close(other);
	card_pull(&card);
}

struct stuck_open {
	struct se_channel_open open;
	int fd;
	int ret;
};

static void *run_stuck_open(void *arg)
{
	struct stuck_open *so = arg;

	so->ret = ioctl(so->fd, SE_IOC_CHANNEL_OPEN, &so->open) ? -errno : 0;
	return NULL;
}

/* To open a channel anybody may who has the file: it must not hold the others up. */
static void test_open_into_memory_that_never_answers(void **state)
{
	struct stuck_open so = {.open = {.rsp_room = 64}};
	struct card card;
	pthread_t thread;
	uint64_t start;
	int uffd, other;
	void *page;

	(void)state;
	uffd = page_stuck(&page);
	if (uffd < 0)
		skip(); /* this kernel has none */
	card_plug(&card, NULL, NULL, NULL);
	so.fd = card_open(&card);
	other = card_open(&card);
	assert_int_equal(channel_open(other, APPLET, APPLET_LEN, NULL), 0);
	so.open.rsp_ptr = (uintptr_t)page;
	assert_int_equal(pthread_create(&thread, NULL, run_stuck_open, &so), 0);
	pause_ms(1000);
	start = now_ms();
	assert_int_equal(transmit(other, 0x80, 0x50, 0, NULL), 0x9000);
	assert_in_range(now_ms() - start, 0, AT_ONCE_MS);
	page_provide(uffd, page);
	pthread_join(thread, NULL);
	assert_int_equal(so.ret, 0);
	close(other);
	close(so.fd);
	card_pull(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_and_pull),
		cmocka_unit_test(test_memory_that_never_answers),
		cmocka_unit_test(test_open_into_memory_that_never_answers),
	};

	seed = choose_seed();
	print_message("# SEED=%u\n", seed);
	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
