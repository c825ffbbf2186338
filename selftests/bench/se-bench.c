// SPDX-License-Identifier: Apache-2.0
/*
 * se-bench: the driver against user space over spidev, on two buses of se-sim that
 * are alike, with the same card (card.h) at the far end of each. Prints "bench NAME
 * VALUE UNIT REFERENCE RATIO" (- where there is no reference).
 *
 * All contenders take turns in each of several rounds, so that what the machine does
 * beside falls on all of them. VALUE and REFERENCE are medians; RATIO is the median
 * of the ratios of each round. What a line says, and what its reference is, stands in
 * Documentation/driver/bench.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/se.h>

#include "card.h"
#include "ring.h"
#include "spidev-t1.h"
#include "usage.h"

#define ROUNDS 9
#define TURN_US 200000.0 /* of one contender in a round, or one stream */
#define MOST (8 * STREAM)
#define STREAM 64
#define HZ 10000000U
#define PAUSE_NS 1000000 /* of the vendors' loop */
#define APPLET "\xf0\x53\x45\x53\x41\x4d\x45\x01\x02"
#define APPLET_LEN 9
#define BIG 4096U   /* of a long answer */
#define LONG 32000U /* of a long command */

static uint8_t answers[STREAM][BIG + 16];

static void die(const char *what)
{
	card_die(what);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/*
 * Figures
 */

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(const double *v)
{
	double sorted[ROUNDS];

	memcpy(sorted, v, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), by_size);
	return sorted[ROUNDS / 2];
}

static void report(const char *of, const char *what, double value, const char *unit)
{
	printf("bench %s-%s %.2f %s - -\n", of, what, value, unit);
	fflush(stdout);
}

static void report_against(const char *of, const char *what, double value, const char *unit,
			   double reference)
{
	printf("bench %s-%s %.2f %s %.2f %.3f\n", of, what, value, unit, reference,
	       value / reference);
	fflush(stdout);
}

static void report_rounds(const char *of, const char *what, const double *value,
			  const char *unit, const double *reference)
{
	double ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		ratio[i] = value[i] / reference[i];
	printf("bench %s-%s %.2f %s %.2f %.3f\n", of, what, median(value), unit,
	       median(reference), median(ratio));
	fflush(stdout);
}

/*
 * APDUs
 */

struct command {
	const char *name;
	uint32_t cmd_len;
	uint32_t rsp_len; /* status word included */
	uint8_t cmd[LONG + 16];
};

static const struct command short_apdu = {
	.name = "short",
	.cmd = {0x80, 0x30, 0, 0},
	.cmd_len = 4,
	.rsp_len = 2,
};

static const struct command big_answer = {
	.name = "4k",
	.cmd = {0x80, 0x40, BIG >> 8, BIG & 0xff, 0, 0, 0},
	.cmd_len = 7,
	.rsp_len = BIG + 2,
};

static const struct command long_command = {
	.cmd = {0x80, 0x30, 0, 0, 0, LONG >> 8, LONG & 0xff},
	.cmd_len = 7 + LONG,
	.rsp_len = 2,
};

/* How many APDUs make a turn, by how long one takes. */
static uint32_t turn_of(double us)
{
	double streams = TURN_US / us / STREAM;

	if (streams < 1)
		return STREAM;
	return streams > MOST / STREAM ? MOST : (uint32_t)streams * STREAM;
}

static double wire_us(size_t bytes)
{
	return (double)bytes * 8e6 / HZ;
}

/*
 * The driver
 */

struct driver {
	struct card card;
	int fd;
	char worker[16];
	uint64_t calls;
};

static void driver_plug(struct driver *d, uint32_t flags, uint16_t ifsc)
{
	struct se_channel_open open_it = {.aid_ptr = (uintptr_t)APPLET, .aid_len = APPLET_LEN};

	memset(d, 0, sizeof(*d));
	d->card.hz = HZ;
	d->card.ifsc = ifsc;
	d->card.flags = flags;
	card_plug(&d->card);
	d->fd = open(d->card.node, O_RDWR | O_CLOEXEC);
	if (d->fd < 0 || ioctl(d->fd, SE_IOC_CHANNEL_OPEN, &open_it))
		die(d->card.node);
	usage_find(strrchr(d->card.node, '/') + 1, d->worker, sizeof(d->worker));
	if (!*d->worker) {
		errno = ESRCH;
		die("the worker of the SE");
	}
}

static void driver_pull(struct driver *d)
{
	close(d->fd);
	card_pull(&d->card);
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

/* Microseconds for each of @nr APDUs, @each at a time. */
static double by_ioctl(struct driver *d, const struct command *c, uint32_t nr, uint32_t each)
{
	struct se_apdu apdus[STREAM];
	double begin = now_us();

	for (uint32_t i = 0; i < nr; i += each) {
		struct se_stream s = {.apdus_ptr = (uintptr_t)apdus,
				      .nr = each,
				      .apdu_size = sizeof(apdus[0])};

		fill(apdus, c, each);
		d->calls++;
		if (ioctl(d->fd, SE_IOC_SUBMIT, &s))
			die("SE_IOC_SUBMIT");
		check(apdus, c, each);
	}
	return (now_us() - begin) / nr;
}

/* STREAM requests of one APDU each are under way at a time. */
static double by_uring(struct driver *d, struct ring *r, const struct command *c, uint32_t nr)
{
	static struct se_stream streams[STREAM];
	struct se_apdu apdus[STREAM];
	double begin = now_us();

	for (uint32_t done = 0; done < nr; done += STREAM) {
		int calls, res;

		fill(apdus, c, STREAM);
		for (uint32_t i = 0; i < STREAM; i++) {
			struct se_uring_cmd cmd = {.stream_ptr = (uintptr_t)&streams[i]};
			struct io_uring_sqe *sqe = ring_sqe(r, i);

			streams[i] = (struct se_stream){.apdus_ptr = (uintptr_t)&apdus[i],
							.nr = 1,
							.apdu_size = sizeof(apdus[i])};
			sqe->opcode = IORING_OP_URING_CMD;
			sqe->fd = d->fd;
			sqe->cmd_op = SE_URING_CMD_SUBMIT;
			memcpy(sqe->cmd, &cmd, sizeof(cmd));
		}
		calls = ring_run(r, STREAM);
		if (calls < 0)
			die("io_uring_enter");
		d->calls += (uint64_t)calls;
		for (uint32_t i = 0; i < STREAM; i++) {
			res = ring_result(r);
			if (res != 1) {
				errno = -res;
				die("SE_URING_CMD_SUBMIT");
			}
		}
		check(apdus, c, STREAM);
	}
	return (now_us() - begin) / nr;
}

/*
 * spidev
 */

struct user {
	struct card card;
	struct t1 t1;
};

static void user_plug(struct user *u, uint16_t ifsc)
{
	static const uint8_t head[] = {0x00, 0xa4, 0x04, 0x00, APPLET_LEN};
	uint8_t select[sizeof(head) + APPLET_LEN], rsp[300];

	memset(u, 0, sizeof(*u));
	u->card.hz = HZ;
	u->card.ifsc = ifsc;
	u->card.flags = SE_SIM_SPIDEV;
	card_plug(&u->card);
	u->t1.hz = HZ;
	u->t1.pause_ns = PAUSE_NS;
	u->t1.fd = open(u->card.node, O_RDWR | O_CLOEXEC);
	memcpy(select, head, sizeof(head));
	memcpy(select + sizeof(head), APPLET, APPLET_LEN);
	if (u->t1.fd < 0 || t1_start(&u->t1) ||
	    t1_apdu(&u->t1, select, sizeof(select), rsp, sizeof(rsp)) < 2)
		die(u->card.node);
}

static void user_pull(struct user *u)
{
	close(u->t1.fd);
	card_pull(&u->card);
}

/* The vendors' way */
static double by_vendor(struct user *u, const struct command *c, uint32_t nr)
{
	double begin = now_us();

	for (uint32_t i = 0; i < nr; i++)
		if (t1_apdu(&u->t1, c->cmd, c->cmd_len, answers[0], sizeof(answers[0])) !=
		    (int)c->rsp_len) {
			errno = EBADMSG;
			die("an answer over spidev");
		}
	return (now_us() - begin) / nr;
}

/* The same blocks, made before, with no protocol between them. */
static double by_floor(struct user *u, const struct command *c, uint32_t nr)
{
	static uint8_t blocks[2][T1_BLOCK];
	static uint8_t acks[2][6];
	size_t out = 0, first, rest;
	struct t1 *t = &u->t1;
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
	return begin / nr;
}

/* One long command in blocks of IFSC, each acknowledged */
static double by_floor_chain(struct user *u, const struct command *c)
{
	static uint8_t blocks[LONG / 254 + 2][T1_BLOCK];
	static size_t len[LONG / 254 + 2];
	struct t1 *t = &u->t1;
	size_t n = 0, off = 0;
	double begin;

	for (; off < c->cmd_len; n++) {
		size_t part = c->cmd_len - off < t->ifsc ? c->cmd_len - off : t->ifsc;
		uint8_t more = off + part < c->cmd_len ? 0x20 : 0;

		len[n] = t1_build(blocks[n], (uint8_t)(t->ns << 6 | more), c->cmd + off, part);
		t->ns ^= 1;
		off += part;
	}
	begin = now_us();
	for (size_t i = 0; i < n; i++)
		if (t1_floor(t, blocks[i], len[i], i + 1 < n ? 6 : c->rsp_len + 6))
			die("the floor of a chain");
	t->nr ^= 1;
	return now_us() - begin;
}

/*
 * What is measured
 */

/* (b): what an APDU costs beside time */
struct account {
	const char *of;
	const char *way;
	const struct card *card;
	const char *worker;
	uint64_t *calls;
	struct se_sim_counters bus;
	struct usage usage;
	uint64_t calls_before;
};

static void account_begin(struct account *a)
{
	a->bus = card_counters(a->card);
	a->calls_before = *a->calls;
	a->usage = usage_now(a->worker);
}

static void account_end(const struct account *a, uint32_t nr)
{
	struct usage usage = usage_now(a->worker);
	struct se_sim_counters bus = card_counters(a->card);
	char what[40];
	const struct {
		const char *name;
		double value;
		const char *unit;
	} lines[] = {
		{"accesses", (double)(bus.accesses - a->bus.accesses), "per-APDU"},
		{"bytes", (double)(bus.clocked - a->bus.clocked), "per-APDU"},
		{"syscalls", (double)(*a->calls - a->calls_before), "per-APDU"},
		{"switches", (double)(usage.switches - a->usage.switches), "per-APDU"},
		{"cpu", (double)(usage.cpu_ns - a->usage.cpu_ns) / 1e3, "us-per-APDU"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(what, sizeof(what), "%s-%s", a->way, lines[i].name);
		report(a->of, what, lines[i].value / nr, lines[i].unit);
	}
}

static void measure_costs(struct driver *d, struct ring *r, struct user *u,
			  const struct command *c, uint32_t nr)
{
	const uint32_t few = STREAM / 2;
	struct account a = {.of = c->name,
			    .way = "ioctl",
			    .card = &d->card,
			    .worker = d->worker,
			    .calls = &d->calls};

	account_begin(&a);
	by_ioctl(d, c, nr, 1);
	account_end(&a, nr);
	a.way = "stream64";
	account_begin(&a);
	by_ioctl(d, c, nr, STREAM);
	account_end(&a, nr);
	if (r->fd >= 0) {
		a.way = "uring64";
		account_begin(&a);
		by_uring(d, r, c, nr);
		account_end(&a, nr);
	}
	a.card = &u->card;
	a.worker = "";
	a.calls = &u->t1.calls;
	a.way = "floor";
	account_begin(&a);
	by_floor(u, c, nr);
	account_end(&a, nr);
	a.way = "vendor";
	account_begin(&a);
	by_vendor(u, c, few);
	account_end(&a, few);
}

/*
 * (a). What a turnaround costs the floor, beside the bytes, is returned: there are two
 * for an APDU of one block each way.
 */
static double measure(struct driver *d, struct ring *r, struct user *u, const struct command *c)
{
	uint32_t nr = turn_of(by_ioctl(d, c, STREAM, 1)), few = nr / 16;
	double floor[ROUNDS], one[ROUNDS], stream[ROUNDS], uring[ROUNDS], vendor[ROUNDS];
	double wire = wire_us(c->cmd_len + 6 + c->rsp_len + 6), over[ROUNDS],
	       over_floor[ROUNDS];

	if (c->rsp_len > T1_INF)
		wire += wire_us(6 + 6);
	for (int i = 0; i < ROUNDS; i++) {
		floor[i] = by_floor(u, c, nr);
		one[i] = by_ioctl(d, c, nr, 1);
		stream[i] = by_ioctl(d, c, nr, STREAM);
		if (r->fd >= 0)
			uring[i] = by_uring(d, r, c, nr);
		vendor[i] = by_vendor(u, c, few);
	}
	report_against(c->name, "floor", median(floor), "us", wire);
	report_rounds(c->name, "ioctl", one, "us", floor);
	report_rounds(c->name, "stream64", stream, "us", floor);
	if (r->fd >= 0)
		report_rounds(c->name, "uring64", uring, "us", floor);
	report_rounds(c->name, "vendor-ioctl", vendor, "us", one);
	report_rounds(c->name, "vendor-stream64", vendor, "us", stream);
	report_against(c->name, "ioctl-rate", 1e6 / median(one), "APDU/s", 1e6 / median(floor));
	report_against(c->name, "stream64-rate", 1e6 / median(stream), "APDU/s",
		       1e6 / median(floor));
	for (int i = 0; i < ROUNDS; i++) {
		over_floor[i] = floor[i] - wire;
		over[i] = one[i] - wire;
	}
	report_rounds(c->name, "ioctl-over-wire", over, "us", over_floor);
	for (int i = 0; i < ROUNDS; i++)
		over[i] = stream[i] - wire;
	report_rounds(c->name, "stream64-over-wire", over, "us", over_floor);
	measure_costs(d, r, u, c, nr);
	return median(over_floor) / 2;
}

/* (c): the SE works for half a second; how busy are those who wait? */
static const struct command work = {
	.cmd = {0x80, 0x30, 500 >> 8, 500 & 0xff}, .cmd_len = 4, .rsp_len = 2};

#define WORK_NR 40 /* a tick of 10 ms is then 0.05 % */

static double busy(const struct usage *after, const struct usage *before, double us)
{
	return 100 * (double)(after->cpu_ns - before->cpu_ns) / 1e3 / (us * WORK_NR);
}

static double woken(const struct usage *after, const struct usage *before)
{
	return (double)(after->switches - before->switches) / WORK_NR;
}

static void measure_waiting(uint32_t flags, const char *name, double limit)
{
	struct usage before, after;
	struct driver d;
	char line[32];
	double us;

	driver_plug(&d, flags, T1_INF);
	before = usage_now(d.worker);
	us = by_ioctl(&d, &work, WORK_NR, 1);
	after = usage_now(d.worker);
	snprintf(line, sizeof(line), "%s-switches", name);
	report("waiting", line, woken(&after, &before), "per-APDU");
	driver_pull(&d);
	snprintf(line, sizeof(line), "%s-cpu", name);
	report_against("waiting", line, busy(&after, &before, us), "percent", limit);
}

static void measure_waiting_vendor(void)
{
	struct usage before, after;
	struct user u;
	double us;

	user_plug(&u, T1_INF);
	before = usage_now("");
	us = by_vendor(&u, &work, WORK_NR);
	after = usage_now("");
	report("waiting", "vendor-switches", woken(&after, &before), "per-APDU");
	report("waiting", "vendor-cpu", busy(&after, &before, us), "percent");
	user_pull(&u);
}

/*
 * (d): a long command in blocks of IFSC, each acknowledged. The model: bytes at the
 * clock, and a turnaround @g of the floor in each direction for each block. And the
 * floor of the very same blocks.
 */
static void measure_wire(uint16_t ifsc, double g)
{
	const struct command *c = &long_command;
	unsigned int blocks = (c->cmd_len + ifsc - 1) / ifsc;
	size_t bytes = c->cmd_len + c->rsp_len + blocks * 12U;
	double model = (double)LONG * 1e3 / (wire_us(bytes) + g * 2 * blocks);
	double rate[ROUNDS], floor[ROUNDS], models[ROUNDS];
	struct driver d;
	struct user u;
	char name[16];

	driver_plug(&d, 0, ifsc);
	user_plug(&u, ifsc);
	for (int i = 0; i < ROUNDS; i++) {
		floor[i] = (double)LONG * 1e3 / by_floor_chain(&u, c);
		rate[i] = (double)LONG * 1e3 / by_ioctl(&d, c, 1, 1);
		models[i] = model;
	}
	user_pull(&u);
	driver_pull(&d);
	snprintf(name, sizeof(name), "ifs%u", ifsc);
	report_rounds("wire", name, rate, "kB/s", models);
	strcat(name, "-floor");
	report_rounds("wire", name, rate, "kB/s", floor);
	report_against("wire", ifsc == 254 ? "ifs254-clock" : "ifs4089-clock", median(rate),
		       "kB/s", (double)LONG * 1e3 / wire_us(bytes));
}

int main(void)
{
	struct driver d;
	struct user u;
	struct ring r;
	double g;

	driver_plug(&d, 0, T1_INF);
	user_plug(&u, T1_INF);
	if (!ring_open(&r, STREAM))
		r.fd = -1;
	g = measure(&d, &r, &u, &short_apdu);
	measure(&d, &r, &u, &big_answer);
	if (r.fd >= 0)
		close(r.fd);
	user_pull(&u);
	driver_pull(&d);
	measure_waiting(0, "irq", 0.5);
	measure_waiting(SE_SIM_NO_IRQ, "poll", 2.0);
	measure_waiting_vendor();
	report("turnaround", "floor", g, "us");
	measure_wire(254, g);
	measure_wire(T1_INF, g);
	return 0;
}
