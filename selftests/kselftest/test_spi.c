// SPDX-License-Identifier: Apache-2.0
/*
 * se-spi on the wire. A small SE in a thread plays the other end of se-sim and
 * does what a test tells it; /dev/seN is driven from the main thread. Needs the
 * modules se, se-spi and se-sim, and root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/se.h>
#include <linux/se_sim.h>
#include <cmocka.h>

#define IFSC 4089
#define BLOCK_MAX (4 + IFSC + 2)

/* What the SE says of itself, and how it behaves. */
struct se_conf {
	__u32 flags;	       /* SE_SIM_* */
	uint16_t mcf_khz;      /* fastest clock */
	uint16_t segt_us;      /* guard time */
	uint16_t seal;	       /* most bytes of an access */
	uint16_t bwt_ms;       /* block waiting time */
	uint8_t mpot_100us;    /* polling interval */
	unsigned int fill;     /* idle bytes before each block */
	unsigned int noise;    /* idle bytes, alone, some time before an answer */
	unsigned int think_ms; /* before an APDU's answer */
	bool mute;	       /* says nothing at all */
	bool die;	       /* goes away at the first APDU */
	bool hang;	       /* hears nothing from the first APDU on, until reset */
};

static const struct se_conf plain = {
	.flags = SE_SIM_NO_CLOCK,
	.mcf_khz = 8000,
	.segt_us = 20,
	.seal = 0,
	.bwt_ms = 1000,
	.mpot_100us = 10,
};

struct se {
	struct se_conf conf;
	int sim;  /* /dev/se-sim */
	int stop; /* eventfd */
	int dev;  /* /dev/seN */
	__u32 bus;
	char node[300];
	pthread_t thread;
	atomic_int bad; /* broken blocks from the host */
	uint8_t rx[BLOCK_MAX];
	size_t rx_len;
	uint8_t ns;
	bool hung;
	unsigned int apdus;
};

/* ---- the SE -------------------------------------------------------------- */

static uint16_t crc16(const uint8_t *p, size_t n)
{
	uint16_t crc = 0xffff;
	int i;

	while (n--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = (uint16_t)(crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1);
	}
	return (uint16_t)~crc;
}

static void pause_ms(unsigned int ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void se_say(struct se *se, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint8_t block[32 + BLOCK_MAX];
	uint8_t *p = block;
	uint16_t crc;

	memset(p, 0, se->conf.fill);
	p += se->conf.fill;
	p[0] = 0x12;
	p[1] = pcb;
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
	if (len)
		memcpy(p + 4, inf, len);
	crc = crc16(p, 4 + len);
	p[4 + len] = (uint8_t)(crc >> 8);
	p[5 + len] = (uint8_t)crc;
	if (write(se->sim, block, se->conf.fill + len + 6) < 0)
		atomic_fetch_add(&se->bad, 1);
}

static void se_say_cip(struct se *se)
{
	const struct se_conf *c = &se->conf;
	const uint8_t cip[] = {
		1,
		3,
		0x11,
		0x22,
		0x33,
		1,
		12,
		0,
		5,
		(uint8_t)(c->mcf_khz >> 8),
		(uint8_t)c->mcf_khz,
		0,
		c->mpot_100us,
		(uint8_t)(c->segt_us >> 8),
		(uint8_t)c->segt_us,
		(uint8_t)(c->seal >> 8),
		(uint8_t)c->seal,
		0,
		0,
		4,
		(uint8_t)(c->bwt_ms >> 8),
		(uint8_t)c->bwt_ms,
		IFSC >> 8,
		IFSC & 0xff,
		0,
	};

	se_say(se, 0xe4, cip, sizeof(cip));
}

/* Data of the command, and 9000. */
static void se_answer(struct se *se, const uint8_t *apdu, size_t len)
{
	static const uint8_t idle[16];
	size_t head = len > 7 && !apdu[4] ? 7 : 5; /* extended length or short */
	size_t n = len > head ? len - head : 0;
	uint8_t rsp[IFSC];

	memcpy(rsp, apdu + head, n);
	rsp[n++] = 0x90;
	rsp[n++] = 0x00;
	if (se->conf.noise) {
		pause_ms(5);
		if (write(se->sim, idle, se->conf.noise) < 0)
			atomic_fetch_add(&se->bad, 1);
		pause_ms(20);
	}
	pause_ms(se->conf.think_ms);
	se_say(se, (uint8_t)(se->ns << 6), rsp, n);
	se->ns ^= 1;
}

/* Returns false to go away. */
static bool se_block(struct se *se)
{
	const uint8_t *b = se->rx;
	size_t len = (size_t)(b[2] << 8 | b[3]);
	uint16_t crc = crc16(b, 4 + len);

	if (se->conf.mute)
		return true;
	if (b[0] != 0x21 || b[4 + len] != crc >> 8 || b[5 + len] != (crc & 0xff)) {
		atomic_fetch_add(&se->bad, 1);
		return true;
	}
	switch (b[1]) {
	case 0xc0:
		se->ns = 0;
		se_say(se, 0xe0, NULL, 0);
		break;
	case 0xc1:
		se_say(se, 0xe1, b + 4, len);
		break;
	case 0xc4:
		se_say_cip(se);
		break;
	case 0x00:
	case 0x40:
		if (se->conf.die)
			return false;
		if (!se->apdus++ && se->conf.hang) {
			se->hung = true;
			break;
		}
		se_answer(se, b + 4, len);
		break;
	default: /* R-blocks and chains are not for these tests */
		atomic_fetch_add(&se->bad, 1);
	}
	return true;
}

static bool se_access(struct se *se, const uint8_t *data, size_t len)
{
	size_t total;

	if (len > sizeof(se->rx) - se->rx_len) {
		atomic_fetch_add(&se->bad, 1);
		se->rx_len = 0;
		return true;
	}
	memcpy(se->rx + se->rx_len, data, len);
	se->rx_len += len;
	if (se->rx_len < 4)
		return true;
	total = (size_t)(se->rx[2] << 8 | se->rx[3]) + 6;
	if (se->rx_len < total)
		return true;
	if (se->rx_len > total)
		atomic_fetch_add(&se->bad, 1);
	se->rx_len = 0;
	return se_block(se);
}

static void *se_run(void *arg)
{
	struct {
		struct se_sim_record head;
		uint8_t data[8192];
	} rec;
	struct se *se = arg;

	for (;;) {
		struct pollfd p[2] = {{.fd = se->sim, .events = POLLIN},
				      {.fd = se->stop, .events = POLLIN}};

		poll(p, 2, -1);
		if (p[1].revents)
			break;
		if (read(se->sim, &rec, sizeof(rec)) < 0)
			continue;
		if (rec.head.type == SE_SIM_RESET) {
			se->rx_len = 0;
			se->ns = 0;
			se->hung = false;
		} else if (!se->hung && !se_access(se, rec.data, rec.head.len)) {
			break;
		}
	}
	close(se->sim);
	return NULL;
}

/* ---- the host ------------------------------------------------------------ */

/* Find /dev/seN of this bus. */
static bool find_node(struct se *se)
{
	char path[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/bus/spi/devices/spi%u.0/se", se->bus);
	d = opendir(path);
	if (!d)
		return false;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(se->node, sizeof(se->node), "/dev/%s", e->d_name);
		found = !access(se->node, F_OK);
	}
	closedir(d);
	return found;
}

static void se_attach(struct se *se, const struct se_conf *conf)
{
	struct se_sim_attach attach = {.flags = conf->flags};

	memset(se, 0, sizeof(*se));
	se->conf = *conf;
	se->dev = -1;
	se->sim = open("/dev/se-sim", O_RDWR | O_CLOEXEC);
	assert_true(se->sim >= 0);
	se->stop = eventfd(0, EFD_CLOEXEC);
	assert_true(se->stop >= 0);
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_ATTACH, &attach), 0);
	se->bus = attach.bus;
	assert_int_equal(pthread_create(&se->thread, NULL, se_run, se), 0);
}

static void se_start(struct se *se, const struct se_conf *conf)
{
	int i;

	se_attach(se, conf);
	for (i = 0; i < 300 && !find_node(se); i++)
		pause_ms(10);
	se->dev = open(se->node, O_RDWR | O_CLOEXEC);
	if (se->dev < 0)
		fail_msg("no /dev/seN for bus %u", se->bus);
}

static void se_stop(struct se *se)
{
	uint64_t one = 1;

	assert_int_equal(write(se->stop, &one, sizeof(one)), sizeof(one));
	pthread_join(se->thread, NULL);
	close(se->stop);
	if (se->dev >= 0)
		close(se->dev);
	assert_int_equal(atomic_load(&se->bad), 0);
}

static void sim_counters(struct se *se, struct se_sim_counters *c)
{
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_COUNTERS, c), 0);
}

static unsigned long long sim_value(struct se *se, const char *name)
{
	unsigned long long value = 0;
	char path[64], key[32];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/se-sim/spi%u/counters", se->bus);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!found && fscanf(f, "%31s %llu", key, &value) == 2)
		found = !strcmp(key, name);
	fclose(f);
	assert_true(found);
	return value;
}

static void stats(struct se *se, struct se_stats *s)
{
	assert_int_equal(ioctl(se->dev, SE_IOC_GET_STATS, s), 0);
}

/* One APDU with @n bytes of data. Returns 0 or errno; *@outcome as told. */
static int exchange_on(int dev, size_t n, unsigned int *outcome)
{
	uint8_t cmd[5000], rsp[5000];
	struct se_apdu apdu = {
		.cmd_ptr = (uintptr_t)cmd, .rsp_ptr = (uintptr_t)rsp, .rsp_room = sizeof(rsp)};
	struct se_stream stream = {
		.apdus_ptr = (uintptr_t)&apdu, .nr = 1, .apdu_size = sizeof(apdu)};
	size_t head = n > 255 ? 7 : 5, i;

	cmd[0] = 0x80;
	cmd[1] = 0x10;
	cmd[2] = 0;
	cmd[3] = 0;
	cmd[4] = (uint8_t)(n > 255 ? 0 : n);
	if (n > 255) {
		cmd[5] = (uint8_t)(n >> 8);
		cmd[6] = (uint8_t)n;
	}
	for (i = 0; i < n; i++)
		cmd[head + i] = (uint8_t)(i * 7 + n);
	apdu.cmd_len = (__u32)(head + n);
	memset(rsp, 0xee, sizeof(rsp));

	if (ioctl(dev, SE_IOC_SUBMIT, &stream)) {
		*outcome = apdu.outcome;
		return errno;
	}
	*outcome = apdu.outcome;
	if (stream.stop != SE_STOP_END || apdu.sw != 0x9000 || apdu.rsp_len != n + 2 ||
	    memcmp(rsp, cmd + head, n))
		return EBADMSG;
	return 0;
}

static int exchange(struct se *se, size_t n, unsigned int *outcome)
{
	return exchange_on(se->dev, n, outcome);
}

static void exchange_ok(struct se *se, size_t n)
{
	unsigned int outcome;

	assert_int_equal(exchange(se, n, &outcome), 0);
	assert_int_equal(outcome, SE_OUTCOME_EXECUTED);
}

/* One access out, one in, one interrupt; nothing else. */
static void check_economy(__u32 flags, unsigned int fill)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se_stats s, t;
	struct se_info info = {0};
	struct se se;
	int i, n = 20;

	conf.flags |= flags;
	conf.fill = fill;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.irq_mode, SE_IRQ_MODE_IRQ);
	assert_int_equal(info.clock_hz, 8000000);
	assert_int_equal(info.ifsc, IFSC);
	assert_int_equal(info.bwt_us, 1000000);
	assert_int_equal(info.caps, SE_CAP_IRQ | SE_CAP_RESET_LINE);
	sim_counters(&se, &a);
	stats(&se, &s);
	for (i = 0; i < n; i++)
		exchange_ok(&se, (size_t)(i * 10));
	exchange_ok(&se, 4000);
	n++;
	sim_counters(&se, &b);
	stats(&se, &t);
	assert_int_equal(b.accesses - a.accesses, 2 * n);
	assert_int_equal(b.accesses_out - a.accesses_out, n);
	assert_int_equal(b.accesses_in - a.accesses_in, n);
	assert_int_equal(b.accesses_idle, 0);
	assert_int_equal(b.irqs - a.irqs, n);
	assert_int_equal(t.accesses - s.accesses, 2 * n);
	assert_int_equal(t.irqs - s.irqs, n);
	assert_int_equal(t.irqs_spurious, 0);
	assert_int_equal(t.polls, 0);
	assert_int_equal(t.timeouts, 0);
	assert_int_equal(t.retrans, 0);
	assert_int_equal(t.accesses, b.accesses);
	assert_int_equal(t.bytes_tx, b.bytes_out);
	se_stop(&se);
}

static void test_level(void **state)
{
	(void)state;
	check_economy(0, 0);
}

static void test_edge(void **state)
{
	(void)state;
	check_economy(SE_SIM_IRQ_EDGE, 0);
}

static void test_idle_ff(void **state)
{
	(void)state;
	check_economy(SE_SIM_FILL_FF, 0);
}

/* Idle bytes before the block, in the same access. */
static void test_leading_fill(void **state)
{
	unsigned int fill;

	(void)state;
	for (fill = 1; fill <= 3; fill++)
		check_economy(0, fill);
}

static void test_poll(void **state)
{
	struct se_conf conf = plain;
	struct se_info info = {0};
	struct se_stats s, t;
	struct se se;
	int i;

	(void)state;
	conf.flags |= SE_SIM_NO_IRQ | SE_SIM_NO_RESET;
	conf.think_ms = 30;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.irq_mode, SE_IRQ_MODE_POLL);
	assert_int_equal(info.caps, 0);
	stats(&se, &s);
	for (i = 0; i < 5; i++)
		exchange_ok(&se, 20);
	stats(&se, &t);
	assert_int_equal(t.irqs, 0);
	/* not more than one a millisecond, and the first */
	assert_in_range(t.polls - s.polls, 10, 5 * 40 + 5);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void test_seal_segt(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se se;

	(void)state;
	conf.seal = 32;
	conf.segt_us = 300;
	se_start(&se, &conf);
	sim_counters(&se, &a);
	exchange_ok(&se, 100); /* 111 bytes out, 108 in */
	sim_counters(&se, &b);
	assert_int_equal(b.accesses_out - a.accesses_out, 4);
	assert_int_equal(b.accesses_in - a.accesses_in, 4);
	assert_in_range(sim_value(&se, "longest_access"), 16, 32);
	/* the start-up was under the defaults: 200 us */
	assert_true(sim_value(&se, "shortest_gap_ns") >= 200000);
	se_stop(&se);

	/* fill counts as part of the access */
	conf.fill = 3;
	se_start(&se, &conf);
	exchange_ok(&se, 100);
	assert_in_range(sim_value(&se, "longest_access"), 16, 32);
	se_stop(&se);
}

/* While the SE computes, nothing moves on the bus. */
static void test_quiet_while_computing(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters a, b;
	struct se se;

	(void)state;
	conf.think_ms = 500;
	se_start(&se, &conf);
	sim_counters(&se, &a);
	exchange_ok(&se, 1);
	sim_counters(&se, &b);
	assert_int_equal(b.accesses - a.accesses, 2);
	se_stop(&se);
}

/* The line is raised with nothing to say. */
static void check_spurious(__u32 flags)
{
	struct se_conf conf = plain;
	struct se_stats t;
	struct se se;

	conf.flags |= flags;
	conf.noise = 4;
	se_start(&se, &conf);
	exchange_ok(&se, 10);
	exchange_ok(&se, 20);
	stats(&se, &t);
	assert_int_equal(t.irqs_spurious, 2);
	assert_int_equal(t.timeouts, 0);
	se_stop(&se);
}

static void test_spurious(void **state)
{
	(void)state;
	check_spurious(0);
	check_spurious(SE_SIM_IRQ_EDGE);
}

/* The board is pulled out while an APDU is with the SE. */
static void test_gone(void **state)
{
	struct se_conf conf = plain;
	unsigned int outcome = 99;
	uint64_t start;
	struct se se;

	(void)state;
	conf.die = true;
	se_start(&se, &conf);
	start = now_ms();
	assert_int_equal(exchange(&se, 10, &outcome), ENODEV);
	assert_int_equal(outcome, SE_OUTCOME_UNKNOWN);
	assert_true(now_ms() - start < 2000);
	assert_int_equal(exchange(&se, 10, &outcome), ENODEV);
	assert_int_equal(outcome, SE_OUTCOME_NOT_SENT);
	se_stop(&se);
	assert_int_not_equal(access(se.node, F_OK), 0);
}

/*
 * An SE that hangs in an APDU is reset by its line; the APDU is not sent again,
 * and what it did is not known.
 */
static void test_hang(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters c;
	struct se_info before = {0}, after = {0};
	unsigned int outcome, i;
	struct se_stats t;
	struct se se;

	(void)state;
	conf.hang = true;
	conf.bwt_ms = 50;
	se_start(&se, &conf);
	assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &before), 0);
	assert_int_equal(exchange(&se, 10, &outcome), EIO);
	assert_int_equal(outcome, SE_OUTCOME_UNKNOWN);
	for (i = 0; i < 500 && after.state != SE_STATE_IDLE; i++) {
		pause_ms(10);
		after = (struct se_info){0};
		assert_int_equal(ioctl(se.dev, SE_IOC_GET_INFO, &after), 0);
	}
	assert_int_equal(after.state, SE_STATE_IDLE);
	assert_true(after.generation > before.generation);
	assert_int_equal(se.apdus, 1);
	exchange_ok(&se, 10);
	sim_counters(&se, &c);
	stats(&se, &t);
	assert_int_equal(c.resets, 1);
	assert_int_equal(t.resets, 1);
	/* the last look of each timeout is at the line, not at the bus */
	assert_true(t.timeouts > 0);
	assert_int_equal(t.polls, 0);
	assert_int_equal(c.accesses_idle, 0);
	se_stop(&se);
}

/* An SE that never answers: it is reset, no device appears, and it can go. */
static void test_mute(void **state)
{
	struct se_conf conf = plain;
	struct se_sim_counters c = {0};
	struct se se;
	uint64_t start;
	int i;

	(void)state;
	conf.mute = true;
	se_attach(&se, &conf);
	for (i = 0; i < 600 && !c.resets; i++) {
		pause_ms(10);
		sim_counters(&se, &c);
	}
	assert_true(c.resets > 0);
	assert_false(find_node(&se));
	start = now_ms();
	se_stop(&se);
	assert_true(now_ms() - start < 1000);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The driver is taken off a living SE, under an open file, and put on again. */
static void test_rebind(void **state)
{
	unsigned int outcome;
	char name[16];
	struct se se;
	int i;

	(void)state;
	se_start(&se, &plain);
	snprintf(name, sizeof(name), "spi%u.0", se.bus);
	for (i = 0; i < 3; i++) {
		exchange_ok(&se, 30);
		write_file("/sys/bus/spi/drivers/se-spi/unbind", name);
		assert_int_equal(exchange(&se, 30, &outcome), ENODEV);
		assert_int_equal(outcome, SE_OUTCOME_NOT_SENT);
		close(se.dev);
		write_file("/sys/bus/spi/drivers/se-spi/bind", name);
		for (int n = 0; n < 300 && !find_node(&se); n++)
			pause_ms(10);
		se.dev = open(se.node, O_RDWR | O_CLOEXEC);
		assert_true(se.dev >= 0);
	}
	exchange_ok(&se, 30);
	se_stop(&se);
}

struct hammer {
	pthread_t thread;
	struct se *se;
	size_t n;
	int error;
	unsigned int outcome;
	unsigned int done;
};

/* Exchanges on a file of its own until one fails. */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	int fd = open(h->se->node, O_RDWR | O_CLOEXEC);

	do {
		h->error = exchange_on(fd, h->n, &h->outcome);
		h->done += !h->error;
	} while (!h->error);
	close(fd);
	return NULL;
}

/* The board is pulled out under several busy files. */
static void test_gone_under_load(void **state)
{
	struct hammer h[6];
	struct se_conf conf = plain;
	struct se se;
	uint64_t start;
	int round;
	size_t i;

	(void)state;
	for (round = 0; round < 4; round++) {
		conf.flags = plain.flags | (round & 1 ? SE_SIM_IRQ_EDGE : 0);
		se_start(&se, &conf);
		for (i = 0; i < 6; i++) {
			h[i] = (struct hammer){.se = &se, .n = i * 31};
			assert_int_equal(pthread_create(&h[i].thread, NULL, hammer, &h[i]), 0);
		}
		pause_ms(200);
		start = now_ms();
		se_stop(&se);
		for (i = 0; i < 6; i++) {
			pthread_join(h[i].thread, NULL);
			assert_int_equal(h[i].error, ENODEV);
			assert_int_not_equal(h[i].outcome, SE_OUTCOME_EXECUTED);
			assert_true(h[i].done > 0);
		}
		assert_true(now_ms() - start < 3000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_idle_ff),
		cmocka_unit_test(test_leading_fill),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_seal_segt),
		cmocka_unit_test(test_quiet_while_computing),
		cmocka_unit_test(test_spurious),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_rebind),
		cmocka_unit_test(test_gone_under_load),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_mute),
	};

	return cmocka_run_group_tests_name("se-spi", tests, NULL, NULL);
}
