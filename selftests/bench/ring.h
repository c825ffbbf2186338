/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring by its system calls. */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/io_uring.h>

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

/* False if the kernel has none. */
static inline bool ring_open(struct ring *r, unsigned int entries)
{
	const int prot = PROT_READ | PROT_WRITE;
	struct io_uring_params p = {0};
	uint8_t *sq, *cq;
	void *sqes;

	r->fd = (int)syscall(__NR_io_uring_setup, entries, &p);
	if (r->fd < 0)
		return false;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, prot, MAP_SHARED, r->fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), prot,
		  MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), prot, MAP_SHARED, r->fd,
		    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED) {
		close(r->fd);
		return false;
	}
	r->sqes = sqes;
	r->sq_tail = (unsigned int *)(void *)(sq + p.sq_off.tail);
	r->sq_mask = (unsigned int *)(void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (unsigned int *)(void *)(sq + p.sq_off.array);
	r->cq_head = (unsigned int *)(void *)(cq + p.cq_off.head);
	r->cq_tail = (unsigned int *)(void *)(cq + p.cq_off.tail);
	r->cq_mask = (unsigned int *)(void *)(cq + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
	return true;
}

/* The @i-th entry behind those that were submitted, empty; to be filled. */
static inline struct io_uring_sqe *ring_sqe(struct ring *r, unsigned int i)
{
	unsigned int slot = (*r->sq_tail + i) & *r->sq_mask;

	r->sq_array[slot] = slot;
	r->sqes[slot] = (struct io_uring_sqe){0};
	return &r->sqes[slot];
}

/* Submit @nr entries and wait for as many completions; system calls made, or -1. */
static inline int ring_run(struct ring *r, unsigned int nr)
{
	int calls = 1;

	__atomic_store_n(r->sq_tail, *r->sq_tail + nr, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, r->fd, nr, nr, IORING_ENTER_GETEVENTS, NULL, 0) !=
	    (long)nr)
		return -1;
	for (; __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) - *r->cq_head < nr; calls++)
		if (syscall(__NR_io_uring_enter, r->fd, 0, nr, IORING_ENTER_GETEVENTS, NULL,
			    0) < 0)
			return -1;
	return calls;
}

/* The result of the next completion, which is taken. */
static inline int ring_result(struct ring *r)
{
	unsigned int head = *r->cq_head;
	int res = r->cqes[head & *r->cq_mask].res;

	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return res;
}

#endif
