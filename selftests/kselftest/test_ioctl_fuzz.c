// SPDX-License-Identifier: Apache-2.0
/*
 * Random ioctls on /dev/seN: every request with every size, structures that are
 * nearly right, from several threads on shared files. Nothing may hang, and the
 * SE has to work afterwards; that the kernel does not complain is the virtual
 * machine's to notice. SEED= repeats a run; it ends with FUZZ_CALLS= of each thread, or
 * after FUZZ_MS= on a machine that is slow.
 */
#include "card.h"

#include <pthread.h>

enum { FUZZERS = 4, FILES = 6, HANG_MS = 60000 };

static unsigned int seed;
static uint64_t calls_max;
static uint64_t end;
static struct card card;

struct fuzzer {
	pthread_t thread;
	unsigned int rnd;
	uint64_t calls;
	const int *fd;
};

/* mostly what means something, at times anything */
static uint32_t number(unsigned int *rnd)
{
	static const uint32_t some[] = {0,    1,     2,	    3,	      4,	  5,   7,
					8,    16,    17,    64,	      80,	  255, 256,
					4096, 65538, 65544, 1U << 31, UINT32_MAX, 1000};

	return rand_r(rnd) % 8 ? some[(uint32_t)rand_r(rnd) % 20]
			       : (uint32_t)rand_r(rnd) << 1 ^ (uint32_t)rand_r(rnd);
}

static void fill(struct fuzzer *f, uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t n = rand_r(&f->rnd) % 3 ? 0 : number(&f->rnd);

		memcpy(p + i, &n, sizeof(n));
	}
}

static uint64_t pointer(struct fuzzer *f, void *p)
{
	return rand_r(&f->rnd) % 8 ? (uintptr_t)p : number(&f->rnd);
}

static uint64_t deadline(struct fuzzer *f)
{
	return rand_r(&f->rnd) % 16 ? se_deadline_in((uint64_t)rand_r(&f->rnd) % 40) : 1;
}

static void call(struct fuzzer *f, int fd)
{
	static const unsigned long requests[] = {
		SE_IOC_GET_INFO,      SE_IOC_SUBMIT,	SE_IOC_SUBMIT,	   SE_IOC_CHANNEL_OPEN,
		SE_IOC_CHANNEL_CLOSE, SE_IOC_GET_STATS, SE_IOC_RESET,	   SE_IOC_LOCK,
		SE_IOC_UNLOCK,	      SE_IOC_CANCEL,	SE_IOC_SET_FILTER, SE_URING_CMD_SUBMIT,
	};
	unsigned long request = requests[rand_r(&f->rnd) % 12];
	union {
		struct se_stream stream;
		struct se_channel_open open;
		struct se_reset reset;
		struct se_lock lock;
		struct se_filter filter;
		uint8_t bytes[2048];
	} u;
	uint8_t data[2048];
	struct se_apdu a[4];
	struct step s[4];

	fill(f, u.bytes, sizeof(u));
	fill(f, data, sizeof(data));
	for (unsigned int i = 0; i < 4; i++) {
		apdu_set(&a[i], &s[i], (uint8_t)number(&f->rnd), (uint8_t)number(&f->rnd),
			 (uint16_t)(number(&f->rnd) % 20));
		if (rand_r(&f->rnd) % 8 == 0)
			fill(f, (uint8_t *)&a[i], sizeof(a[i]));
	}
	switch (request) {
	case SE_IOC_SUBMIT:
		u.stream.apdus_ptr = pointer(f, a);
		u.stream.nr = (uint32_t)rand_r(&f->rnd) % 5;
		u.stream.apdu_size = rand_r(&f->rnd) % 8 ? sizeof(a[0]) : number(&f->rnd);
		u.stream.flags &= 7;
		u.stream.deadline_ns = deadline(f);
		u.stream.priority = rand_r(&f->rnd) % 4 - 2;
		break;
	case SE_IOC_CHANNEL_OPEN:
		memcpy(data, APPLET, APPLET_LEN);
		u.open.aid_ptr = pointer(f, data);
		u.open.aid_len = rand_r(&f->rnd) % 4 ? APPLET_LEN : number(&f->rnd);
		u.open.rsp_ptr = pointer(f, data + 1024);
		u.open.rsp_room = (uint32_t)rand_r(&f->rnd) % 1024;
		u.open.flags = 0;
		u.open.priority = 0;
		u.open.reserved = 0;
		u.open.deadline_ns = deadline(f);
		break;
	case SE_IOC_LOCK:
		u.lock.flags &= 1;
		u.lock.hold_ms = (uint32_t)rand_r(&f->rnd) % 30;
		u.lock.deadline_ns = deadline(f);
		break;
	case SE_IOC_RESET:
		u.reset.level %= 4;
		u.reset.deadline_ns = deadline(f);
		if (rand_r(&f->rnd) % 16)
			return;
		break;
	case SE_IOC_SET_FILTER:
		u.filter.rules_ptr = pointer(f, data);
		u.filter.aids_ptr = pointer(f, data);
		if (rand_r(&f->rnd) % 8)
			return; /* a file that may send nothing is not of much use */
		break;
	default:
		break;
	}
	/* another size, another direction, another number */
	if (rand_r(&f->rnd) % 16 == 0)
		request = (request & ~(_IOC_SIZEMASK * 1UL << _IOC_SIZESHIFT)) |
			  (unsigned long)(rand_r(&f->rnd) % 2048) << _IOC_SIZESHIFT;
	if (rand_r(&f->rnd) % 64 == 0)
		request ^= 1UL << rand_r(&f->rnd) % 32;
	/* not what belongs to files at large, and not what takes more than there is */
	if (_IOC_TYPE(request) != SE_IOC_MAGIC || _IOC_SIZE(request) > sizeof(u))
		return;
	ioctl(fd, request, rand_r(&f->rnd) % 32 ? &u : (void *)8);
	f->calls++;
}

static void *fuzz(void *arg)
{
	struct fuzzer *f = arg;

	while (now_ms() < end && f->calls < calls_max) {
		int fd = f->fd[(unsigned int)rand_r(&f->rnd) % FILES];

		if (rand_r(&f->rnd) % 32 == 0) {
			fd = open(card.node, rand_r(&f->rnd) % 4 ? O_RDWR : O_RDONLY);
			for (int i = 0; fd >= 0 && i < 20; i++)
				call(f, fd);
			if (fd >= 0)
				close(fd);
		} else {
			call(f, fd);
		}
	}
	return NULL;
}

static void test_random_ioctls(void **state)
{
	uint64_t ms = getenv("FUZZ_MS") ? strtoul(getenv("FUZZ_MS"), NULL, 0) : 20000;
	struct fuzzer f[FUZZERS] = {0};
	int fd[FILES], i, last;
	uint64_t calls = 0;

	(void)state;
	calls_max = getenv("FUZZ_CALLS") ? strtoul(getenv("FUZZ_CALLS"), NULL, 0) : 6000;
	card_plug(&card, "--no-clock", NULL, NULL);
	for (i = 0; i < FILES; i++)
		fd[i] = card_open(&card);
	end = now_ms() + ms;
	for (i = 0; i < FUZZERS; i++) {
		f[i].rnd = seed + (unsigned int)i;
		f[i].fd = fd;
		assert_int_equal(pthread_create(&f[i].thread, NULL, fuzz, &f[i]), 0);
	}
	for (i = 0; i < FUZZERS; i++) {
		pthread_join(f[i].thread, NULL);
		calls += f[i].calls;
	}
	assert_true(now_ms() < end + HANG_MS);
	for (i = 0; i < FILES; i++)
		close(fd[i]);
	print_message("# %llu calls\n", (unsigned long long)calls);
	assert_true(calls > 100);
	last = card_open(&card);
	await_idle(last);
	assert_int_equal(channel_open(last, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(transmit(last, 0x80, 0x50, 0, NULL), 0x9000);
	close(last);
	card_pull(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_ioctls),
	};

	seed = choose_seed();
	print_message("# SEED=%u\n", seed);
	return cmocka_run_group_tests_name("ioctl_fuzz", tests, NULL, NULL);
}
