// SPDX-License-Identifier: Apache-2.0
/*
 * se-bench SOFTSE CARD-STATE: the driver against user space over spidev, on the
 * same virtual wire and the same card. Prints "bench NAME VALUE UNIT REFERENCE
 * RATIO" (RATIO is VALUE / REFERENCE, - where there is no reference).
 *
 * Each figure is the best of some rounds: what the machine does beside only adds.
 * What a line says, and what its reference is, stands in
 * Documentation/driver/observe.rst.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/io_uring.h>
#include <linux/se.h>

#include <libse/se.h>

#include "spidev-t1.h"

#define ROUNDS 5
#define ROUND_US 200000.0 /* or one stream, if that takes longer */
#define MOST 512
#define STREAM 64
#define HZ 10000000U
#define APPLET "\xf0\x53\x45\x53\x41\x4d\x45\x01\x02"
#define APPLET_LEN 9
#define BIG 4096U   /* of a long answer */
#define LONG 32000U /* of a long command */

static const char *softse, *card_state;
static uint8_t answers[STREAM][BIG + 16];

static void die(const char *what)
{
	fprintf(stderr, "se-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void report(const char *name, double value, const char *unit, double reference)
{
	if (reference > 0)
		printf("bench %s %.2f %s %.2f %.3f\n", name, value, unit, reference,
		       value / reference);
	else
		printf("bench %s %.2f %s - -\n", name, value, unit);
	fflush(stdout);
}

/*
 * The card
 */

struct card {
	pid_t pid;
	char node[32];
	uint32_t index;
};

static void write_profile(const char *path, unsigned int ifsc)
{
	FILE *f = fopen(path, "we");

	if (!f)
		die(path);
	/* nothing but the clock is to cost time on this wire */
	fprintf(f, "mcf_khz = %u\nsegt_us = 0\nseal = 8192\nmpot = 10\nifsc = %u\n", HZ / 1000,
		ifsc);
	fclose(f);
}

static bool newest(const char *pattern, char *path, size_t room)
{
	glob_t g;
	bool found = glob(pattern, 0, NULL, &g) == 0;

	if (found)
		snprintf(path, room, "%s", g.gl_pathv[g.gl_pathc - 1]);
	globfree(&g);
	return found;
}

static void plug(struct card *card, const char *option, unsigned int ifsc)
{
	const char *pattern =
		option && !strcmp(option, "--spidev") ? "/dev/spidev*" : "/dev/se[0-9]*";
	char copy[300];

	snprintf(copy, sizeof(copy), "cp %s /tmp/bench.state", card_state);
	if (system(copy))
		die("cp");
	write_profile("/tmp/bench.profile", ifsc);
	card->pid = fork();
	if (card->pid < 0)
		die("fork");
	if (!card->pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, 1);
		execl(softse, "softse", "--sim", "--state=/tmp/bench.state", "--no-fsync",
		      "--profile=/tmp/bench.profile", "--max-hz=10000000", option,
		      (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000; i++) {
		if (newest(pattern, card->node, sizeof(card->node)))
			return;
		usleep(20000);
	}
	errno = ETIMEDOUT;
	die(pattern);
}

static void pull(struct card *card)
{
	kill(card->pid, SIGKILL);
	waitpid(card->pid, NULL, 0);
	for (int i = 0; i < 500 && !access(card->node, F_OK); i++)
		usleep(10000);
}

/*
 * What a thread has used
 */

struct used {
	uint64_t cpu_ns;
	uint64_t switches;
};

static uint64_t number_behind(const char *path, const char *key)
{
	char line[200];
	uint64_t n = 0;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			n = strtoull(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static struct used used_by(const char *task)
{
	struct used u;
	char path[80];

	snprintf(path, sizeof(path), "/proc/%s/schedstat", task);
	u.cpu_ns = number_behind(path, "");
	snprintf(path, sizeof(path), "/proc/%s/status", task);
	u.switches = number_behind(path, "voluntary_ctxt_switches:") +
		     number_behind(path, "nonvoluntary_ctxt_switches:");
	return u;
}

/* The kernel thread of an SE: it has its name. */
static void find_worker(const char *name, char *task, size_t room)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	*task = '\0';
	while (d && (e = readdir(d))) {
		char path[300], comm[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, name, strlen(name)) &&
		    comm[strlen(name)] == '\n')
			snprintf(task, room, "%.15s", e->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
	if (!*task)
		die("the worker of the SE");
}

/*
 * The driver
 */

struct command {
	uint8_t cmd[LONG + 16];
	uint32_t cmd_len;
	uint32_t rsp_len; /* status word included */
};

static struct command short_apdu(void)
{
	struct command c = {.cmd = {0x80, 0x30, 0, 0}, .cmd_len = 4, .rsp_len = 2};

	return c;
}

static struct command big_answer(void)
{
	struct command c = {.cmd = {0x80, 0x40, BIG >> 8, BIG & 0xff, 0, 0, 0},
			    .cmd_len = 7,
			    .rsp_len = BIG + 2};

	return c;
}

static struct command *long_command(void)
{
	static struct command c = {.cmd = {0x80, 0x30, 0, 0, 0, LONG >> 8, LONG & 0xff},
				   .cmd_len = 7 + LONG,
				   .rsp_len = 2};

	return &c;
}

static int open_se(const struct card *card)
{
	struct se_channel_open open_it = {.aid_ptr = (uintptr_t)APPLET, .aid_len = APPLET_LEN};
	int fd = open(card->node, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, SE_IOC_CHANNEL_OPEN, &open_it))
		die(card->node);
	return fd;
}

static void fill(struct se_apdu *apdus, const struct command *c, uint32_t nr)
{
	memset(apdus, 0, nr * sizeof(*apdus));
	for (uint32_t i = 0; i < nr; i++) {
		apdus[i].cmd_ptr = (uintptr_t)c->cmd;
		apdus[i].cmd_len = c->cmd_len;
		apdus[i].rsp_ptr = (uintptr_t)answers[i];
		apdus[i].rsp_room = sizeof(answers[i]);
	}
}

static void check(const struct se_apdu *apdus, const struct command *c, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (apdus[i].sw != 0x9000 || apdus[i].rsp_len != c->rsp_len) {
			errno = EBADMSG;
			die("an answer of the driver");
		}
}

/* Microseconds for @nr APDUs, @each at a time. */
static double by_ioctl(int fd, const struct command *c, uint32_t nr, uint32_t each)
{
	struct se_apdu apdus[STREAM];
	double begin = now_us();

	for (uint32_t i = 0; i < nr; i += each) {
		struct se_stream s = {.apdus_ptr = (uintptr_t)apdus,
				      .nr = each,
				      .apdu_size = sizeof(apdus[0])};

		fill(apdus, c, each);
		if (ioctl(fd, SE_IOC_SUBMIT, &s))
			die("SE_IOC_SUBMIT");
		check(apdus, c, each);
	}
	return now_us() - begin;
}

/*
 * io_uring by its system calls: one ring of STREAM entries
 */

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static bool ring_open(struct ring *r)
{
	struct io_uring_params p = {0};
	uint8_t *sq, *cq;

	r->fd = (int)syscall(__NR_io_uring_setup, STREAM, &p);
	if (r->fd < 0)
		return false;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED,
		  r->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		  PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		       MAP_SHARED, r->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || r->sqes == MAP_FAILED)
		die("mmap of the ring");
	r->sq_tail = (unsigned int *)(void *)(sq + p.sq_off.tail);
	r->sq_mask = (unsigned int *)(void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (unsigned int *)(void *)(sq + p.sq_off.array);
	r->cq_head = (unsigned int *)(void *)(cq + p.cq_off.head);
	r->cq_tail = (unsigned int *)(void *)(cq + p.cq_off.tail);
	r->cq_mask = (unsigned int *)(void *)(cq + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
	return true;
}

/* STREAM requests of one APDU each are under way at a time; -1 if the kernel has none. */
static double by_uring(int fd, const struct command *c, uint32_t nr)
{
	static struct se_stream streams[STREAM];
	struct se_apdu apdus[STREAM];
	struct ring r;
	double begin;

	if (!ring_open(&r))
		return -1;
	begin = now_us();
	for (uint32_t done = 0; done < nr; done += STREAM) {
		unsigned int tail = *r.sq_tail, head = *r.cq_head;

		fill(apdus, c, STREAM);
		for (uint32_t i = 0; i < STREAM; i++) {
			struct se_uring_cmd cmd = {.stream_ptr = (uintptr_t)&streams[i]};
			unsigned int slot = (tail + i) & *r.sq_mask;
			struct io_uring_sqe *sqe = &r.sqes[slot];

			streams[i] = (struct se_stream){.apdus_ptr = (uintptr_t)&apdus[i],
							.nr = 1,
							.apdu_size = sizeof(apdus[i])};
			memset(sqe, 0, sizeof(*sqe));
			sqe->opcode = IORING_OP_URING_CMD;
			sqe->fd = fd;
			sqe->cmd_op = SE_URING_CMD_SUBMIT;
			memcpy(sqe->cmd, &cmd, sizeof(cmd));
			r.sq_array[slot] = slot;
		}
		__atomic_store_n(r.sq_tail, tail + STREAM, __ATOMIC_RELEASE);
		if (syscall(__NR_io_uring_enter, r.fd, STREAM, STREAM, IORING_ENTER_GETEVENTS,
			    NULL, 0) != STREAM)
			die("io_uring_enter");
		for (uint32_t i = 0; i < STREAM; i++, head++) {
			while (head == __atomic_load_n(r.cq_tail, __ATOMIC_ACQUIRE))
				syscall(__NR_io_uring_enter, r.fd, 0, 1, IORING_ENTER_GETEVENTS,
					NULL, 0);
			if (r.cqes[head & *r.cq_mask].res != 1) {
				errno = -r.cqes[head & *r.cq_mask].res;
				die("SE_URING_CMD_SUBMIT");
			}
		}
		__atomic_store_n(r.cq_head, head, __ATOMIC_RELEASE);
		check(apdus, c, STREAM);
	}
	begin = now_us() - begin;
	close(r.fd);
	return begin;
}

/*
 * spidev
 */

static void open_spidev(struct t1 *t, const struct card *card, long pause_ns)
{
	static const uint8_t head[] = {0x00, 0xa4, 0x04, 0x00, APPLET_LEN};
	uint8_t select[sizeof(head) + APPLET_LEN], rsp[300];

	memset(t, 0, sizeof(*t));
	t->hz = HZ;
	t->pause_ns = pause_ns;
	t->fd = open(card->node, O_RDWR | O_CLOEXEC);
	memcpy(select, head, sizeof(head));
	memcpy(select + sizeof(head), APPLET, APPLET_LEN);
	if (t->fd < 0 || t1_start(t) ||
	    t1_apdu(t, select, sizeof(select), rsp, sizeof(rsp)) < 2)
		die(card->node);
}

static double by_spidev(struct t1 *t, const struct command *c, uint32_t nr)
{
	double begin = now_us();

	for (uint32_t i = 0; i < nr; i++)
		if (t1_apdu(t, c->cmd, c->cmd_len, answers[0], sizeof(answers[0])) !=
		    (int)c->rsp_len) {
			errno = EBADMSG;
			die("an answer over spidev");
		}
	return now_us() - begin;
}

/* The same blocks, with no protocol between them. */
static double by_floor(struct t1 *t, const struct command *c, uint32_t nr)
{
	static uint8_t blocks[2][T1_BLOCK];
	static uint8_t acks[2][6];
	size_t out = 0, first, rest;
	double begin;

	for (uint8_t bit = 0; bit < 2; bit++) {
		out = t1_build(blocks[bit], (uint8_t)((t->ns ^ bit) << 6), c->cmd, c->cmd_len);
		t1_build(acks[bit], (uint8_t)(0x80 | bit << 4), NULL, 0);
	}
	first = c->rsp_len < T1_INF ? c->rsp_len : T1_INF;
	rest = c->rsp_len - first;
	begin = now_us();
	for (uint32_t i = 0; i < nr; i++) {
		if (t1_floor(t, blocks[i & 1], out, first + 6))
			die("the floor");
		t->nr ^= 1;
		if (rest) {
			if (t1_floor(t, acks[t->nr], 6, rest + 6))
				die("the floor");
			t->nr ^= 1;
		}
	}
	begin = now_us() - begin;
	t->ns ^= nr & 1;
	return begin;
}

/* How many APDUs make a round, by how long one stream of them took. */
static uint32_t round_of(double stream_us)
{
	double streams = ROUND_US / stream_us;

	if (streams < 1)
		return STREAM;
	return streams > MOST / STREAM ? MOST : (uint32_t)streams * STREAM;
}

static double best(double a, double b)
{
	return !a || (b > 0 && b < a) ? b : a;
}

/*
 * What is measured
 */

struct times {
	double one, stream, uring, vendor, floor;
};

static double wire_us(size_t bytes)
{
	return (double)bytes * 8e6 / HZ;
}

/* (a) and the accounts of (b), with the driver */
static void measure_driver(struct times *t, const struct command *c, const char *name)
{
	struct used worker[2], me[2];
	struct se_stats before, after;
	char task[16], line[60];
	struct card card;
	struct se_info info = {0};
	uint32_t nr;
	double n;
	int fd;

	plug(&card, NULL, T1_INF);
	fd = open_se(&card);
	find_worker(card.node + 5, task, sizeof(task));
	nr = round_of(by_ioctl(fd, c, STREAM, 1));
	n = nr;
	for (int i = 0; i < ROUNDS; i++) {
		t->one = best(t->one, by_ioctl(fd, c, nr, 1) / n);
		t->stream = best(t->stream, by_ioctl(fd, c, nr, STREAM) / n);
	}
	if (!ioctl(fd, SE_IOC_GET_INFO, &info) && info.caps & SE_CAP_URING)
		for (int i = 0; i < ROUNDS; i++)
			t->uring = best(t->uring, by_uring(fd, c, nr) / n);

	for (int k = 0; k < 2; k++) {
		uint32_t each = k ? STREAM : 1;

		ioctl(fd, SE_IOC_GET_STATS, &before);
		worker[0] = used_by(task);
		me[0] = used_by("thread-self");
		by_ioctl(fd, c, nr, each);
		worker[1] = used_by(task);
		me[1] = used_by("thread-self");
		ioctl(fd, SE_IOC_GET_STATS, &after);
		snprintf(line, sizeof(line), "%s-%s-accesses", name, k ? "stream" : "ioctl");
		report(line, (double)(after.accesses - before.accesses) / n, "per-APDU", 0);
		snprintf(line, sizeof(line), "%s-%s-bytes", name, k ? "stream" : "ioctl");
		report(line,
		       (double)(after.bytes_tx + after.bytes_rx - before.bytes_tx -
				before.bytes_rx) /
			       n,
		       "per-APDU", 0);
		snprintf(line, sizeof(line), "%s-%s-syscalls", name, k ? "stream" : "ioctl");
		report(line, 1.0 / each, "per-APDU", 0);
		snprintf(line, sizeof(line), "%s-%s-switches", name, k ? "stream" : "ioctl");
		report(line,
		       (double)(worker[1].switches - worker[0].switches + me[1].switches -
				me[0].switches) /
			       n,
		       "per-APDU", 0);
		snprintf(line, sizeof(line), "%s-%s-cpu", name, k ? "stream" : "ioctl");
		report(line,
		       (double)(worker[1].cpu_ns - worker[0].cpu_ns + me[1].cpu_ns -
				me[0].cpu_ns) /
			       n / 1e3,
		       "us-per-APDU", 0);
	}
	close(fd);
	pull(&card);
}

static void measure_spidev(struct times *t, const struct command *c, const char *name)
{
	struct used before, after;
	struct card card;
	struct t1 t1;
	char line[60];
	uint32_t nr, few;

	plug(&card, "--spidev", T1_INF);
	open_spidev(&t1, &card, 0);
	nr = round_of(by_floor(&t1, c, STREAM));
	few = STREAM / 2;
	for (int i = 0; i < ROUNDS; i++)
		t->floor = best(t->floor, by_floor(&t1, c, nr) / nr);

	t1.pause_ns = 1000000;
	for (int i = 0; i < 2; i++)
		t->vendor = best(t->vendor, by_spidev(&t1, c, few) / few);
	t1.calls = t1.accesses = 0;
	before = used_by("thread-self");
	by_spidev(&t1, c, few);
	after = used_by("thread-self");
	snprintf(line, sizeof(line), "%s-vendor-accesses", name);
	report(line, (double)t1.accesses / few, "per-APDU", 0);
	snprintf(line, sizeof(line), "%s-vendor-syscalls", name);
	report(line, (double)t1.calls / few, "per-APDU", 0);
	snprintf(line, sizeof(line), "%s-vendor-switches", name);
	report(line, (double)(after.switches - before.switches) / few, "per-APDU", 0);
	close(t1.fd);
	pull(&card);
}

static void report_times(const struct times *t, const struct command *c, const char *name)
{
	double wire = wire_us(c->cmd_len + 6 + c->rsp_len + 6);
	char line[60];

	if (c->rsp_len > T1_INF)
		wire += wire_us(6 + 6);
	snprintf(line, sizeof(line), "%s-floor", name);
	report(line, t->floor, "us", wire);
	snprintf(line, sizeof(line), "%s-ioctl", name);
	report(line, t->one, "us", t->floor);
	snprintf(line, sizeof(line), "%s-stream%d", name, STREAM);
	report(line, t->stream, "us", t->floor);
	if (t->uring > 0) {
		snprintf(line, sizeof(line), "%s-uring%d", name, STREAM);
		report(line, t->uring, "us", t->floor);
	}
	snprintf(line, sizeof(line), "%s-vendor-ioctl", name);
	report(line, t->vendor, "us", t->one);
	snprintf(line, sizeof(line), "%s-vendor-stream%d", name, STREAM);
	report(line, t->vendor, "us", t->stream);
	snprintf(line, sizeof(line), "%s-ioctl-rate", name);
	report(line, 1e6 / t->one, "APDU/s", 1e6 / t->floor);
	snprintf(line, sizeof(line), "%s-stream%d-rate", name, STREAM);
	report(line, 1e6 / t->stream, "APDU/s", 1e6 / t->floor);
	snprintf(line, sizeof(line), "%s-ioctl-over-wire", name);
	report(line, t->one - wire, "us", t->floor - wire);
	snprintf(line, sizeof(line), "%s-stream%d-over-wire", name, STREAM);
	report(line, t->stream - wire, "us", t->floor - wire);
}

/* (c): the SE works for half a second; how busy is the machine with waiting? */
static void measure_waiting(const char *option, const char *name, double limit)
{
	struct command c = {
		.cmd = {0x80, 0x30, 500 >> 8, 500 & 0xff}, .cmd_len = 4, .rsp_len = 2};
	struct used worker[2], me[2];
	char task[16], line[60];
	struct card card;
	double us, cpu;
	int fd;

	plug(&card, option, T1_INF);
	fd = open_se(&card);
	find_worker(card.node + 5, task, sizeof(task));
	worker[0] = used_by(task);
	me[0] = used_by("thread-self");
	us = by_ioctl(fd, &c, 6, 1);
	worker[1] = used_by(task);
	me[1] = used_by("thread-self");
	cpu = (double)(worker[1].cpu_ns - worker[0].cpu_ns + me[1].cpu_ns - me[0].cpu_ns) / 1e3;
	snprintf(line, sizeof(line), "waiting-%s-cpu", name);
	report(line, 100 * cpu / us, "percent", limit);
	close(fd);
	pull(&card);
}

/*
 * (d): a long command in blocks of IFSC, each acknowledged. The model: bytes at the
 * clock, and a turnaround g for each block, which is what the floor showed that bus
 * and SE need.
 */
static void measure_wire(unsigned int ifsc, double g)
{
	const struct command *c = long_command();
	unsigned int blocks = (c->cmd_len + ifsc - 1) / ifsc;
	size_t bytes = c->cmd_len + c->rsp_len + blocks * 12U;
	double model = wire_us(bytes) + g * 2 * blocks, us = 0;
	struct card card;
	char line[60];
	int fd;

	plug(&card, NULL, ifsc);
	fd = open_se(&card);
	for (int i = 0; i < ROUNDS; i++)
		us = best(us, by_ioctl(fd, c, 4, 1) / 4);
	snprintf(line, sizeof(line), "wire-ifs%u", ifsc);
	report(line, (double)c->cmd_len * 1e3 / us, "kB/s", (double)c->cmd_len * 1e3 / model);
	close(fd);
	pull(&card);
}

int main(int argc, char *argv[])
{
	static struct command c[2];
	struct times t[2] = {{0}};

	if (argc != 3) {
		fprintf(stderr, "usage: se-bench SOFTSE CARD-STATE\n");
		return 2;
	}
	softse = argv[1];
	card_state = argv[2];
	c[0] = short_apdu();
	c[1] = big_answer();
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "4k" : "short";

		measure_spidev(&t[i], &c[i], name);
		measure_driver(&t[i], &c[i], name);
		report_times(&t[i], &c[i], name);
	}
	measure_waiting(NULL, "irq", 0.5);
	measure_waiting("--no-irq", "poll", 2.0);

	double g = (t[0].floor - wire_us(4 + 6 + 2 + 6)) / 2;

	report("turnaround", g, "us", 0);
	measure_wire(254, g);
	measure_wire(T1_INF, g);
	return 0;
}
