/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small SE in a thread, at the far end of se-sim, that does what a test tells
 * it; and the host's end. For the tests of the wire: test_spi.c, test_irq.c,
 * test_power.c.
 */
#ifndef KSELFTEST_WIRE_H
#define KSELFTEST_WIRE_H

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
	__u32 flags;	    /* SE_SIM_* */
	uint16_t mcf_khz;   /* fastest clock */
	uint16_t segt_us;   /* guard time */
	uint16_t seal;	    /* most bytes of an access */
	uint16_t bwt_ms;    /* block waiting time */
	uint8_t mpot_100us; /* polling interval */
	uint8_t pwt_ms;	    /* power-up waiting time; 0 means 5 */
	uint8_t pst_ms;	    /* idle time after which it sleeps */
	uint16_t wut_us;    /* what it takes to wake it up */
	bool rude;	    /* does not answer S(RELEASE) */
	__u32 max_transfer; /* of the controller */
	__u32 max_message;  /* of the controller */
	const struct se_sim_prop *props;
	__u32 nr_props;
	struct se_sim_timing timing;
	struct se_sim_fault fault; /* from the first access on, if ppm is not 0 */
	unsigned int fill;	   /* idle bytes before each block */
	unsigned int noise;	   /* idle bytes, alone, some time before an answer */
	unsigned int think_ms;	   /* before an APDU's answer */
	bool mute;		   /* says nothing at all */
	bool die;		   /* goes away at the first APDU */
	bool hang;		   /* hears nothing from the first APDU on, until reset */
};

static const struct se_conf plain = {
	.flags = SE_SIM_NO_CLOCK,
	.mcf_khz = 8000,
	.segt_us = 20,
	.seal = 0,
	/* long, for slow machines; a sixteenth of it is what each start-up takes */
	.bwt_ms = 4000,
	.mpot_100us = 10,
};

/* what comes at all comes long before; to wait for it in vain costs a failing test this */
#define PATIENCE_MS 60000

struct se {
	struct se_conf conf;
	int sim;  /* /dev/se-sim */
	int stop; /* eventfd */
	int dev;  /* /dev/seN */
	__u32 bus;
	char name[300]; /* of the device, in sysfs */
	char node[300];
	pthread_t thread;
	atomic_int bad; /* broken blocks from the host */
	uint8_t rx[BLOCK_MAX];
	size_t rx_len;
	uint8_t ns;
	bool hung;
	unsigned int apdus;
	atomic_uint releases; /* S(RELEASE) */
};

/* ---- the SE -------------------------------------------------------------- */

static inline uint16_t crc16(const uint8_t *p, size_t n)
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

static inline void pause_ms(unsigned int ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void se_say(struct se *se, uint8_t pcb, const uint8_t *inf, size_t len)
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

static inline void se_say_cip(struct se *se)
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
		c->pwt_ms ? c->pwt_ms : 5,
		(uint8_t)(c->mcf_khz >> 8),
		(uint8_t)c->mcf_khz,
		c->pst_ms,
		c->mpot_100us,
		(uint8_t)(c->segt_us >> 8),
		(uint8_t)c->segt_us,
		(uint8_t)(c->seal >> 8),
		(uint8_t)c->seal,
		(uint8_t)(c->wut_us >> 8),
		(uint8_t)c->wut_us,
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
static inline void se_answer(struct se *se, const uint8_t *apdu, size_t len)
{
	static const uint8_t idle[16];
	size_t head = len > 7 && !apdu[4] ? 7 : 5; /* extended length or short */
	size_t n = len > head ? len - head : 0;
	uint8_t rsp[IFSC];

	memcpy(rsp, apdu + head, n);
	if (apdu[1] == 0x70 && !apdu[2])
		rsp[n++] = 1; /* MANAGE CHANNEL: this one is open */
	rsp[n++] = 0x90;
	rsp[n++] = 0x00;
	if (se->conf.noise) {
		struct se_sim_counters before, now;
		int i;

		pause_ms(5);
		ioctl(se->sim, SE_SIM_IOC_COUNTERS, &before);
		if (write(se->sim, idle, se->conf.noise) < 0)
			atomic_fetch_add(&se->bad, 1);
		/* until the host has looked what there is */
		for (i = 0, now = before; i < 6000 && now.accesses == before.accesses; i++) {
			pause_ms(5);
			ioctl(se->sim, SE_SIM_IOC_COUNTERS, &now);
		}
		pause_ms(15);
	}
	pause_ms(se->conf.think_ms);
	se_say(se, (uint8_t)(se->ns << 6), rsp, n);
	se->ns ^= 1;
}

/* Returns false to go away. */
static inline bool se_block(struct se *se)
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
	case 0xc6:
		atomic_fetch_add(&se->releases, 1);
		if (se->conf.rude)
			break;
		se_say(se, 0xe6, NULL, 0);
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

static inline bool se_access(struct se *se, const uint8_t *data, size_t len)
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

static inline void *se_run(void *arg)
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
		if (rec.head.type != SE_SIM_ACCESS) {
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

/*
 * The device's directory in sysfs: how it is called depends on whether it has
 * properties.
 */
static inline bool find_device(struct se *se)
{
	char path[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/class/spi_master/spi%u", se->bus);
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		if (strncmp(e->d_name, "spi", 3))
			continue;
		snprintf(se->name, sizeof(se->name), "%s", e->d_name);
		found = true;
	}
	closedir(d);
	return found;
}

/* Find /dev/seN of this bus. */
static inline bool find_node(struct se *se)
{
	char path[400];
	struct dirent *e;
	bool found = false;
	DIR *d;

	if (!find_device(se))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/spi/devices/%s/se", se->name);
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

static inline void se_attach(struct se *se, const struct se_conf *conf)
{
	struct se_sim_attach attach = {.flags = conf->flags,
				       .max_transfer = conf->max_transfer,
				       .max_message = conf->max_message,
				       .props_ptr = (uintptr_t)conf->props,
				       .nr_props = conf->nr_props};

	memset(se, 0, sizeof(*se));
	se->conf = *conf;
	se->dev = -1;
	se->sim = open("/dev/se-sim", O_RDWR | O_CLOEXEC);
	assert_true(se->sim >= 0);
	se->stop = eventfd(0, EFD_CLOEXEC);
	assert_true(se->stop >= 0);
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_TIMING, &conf->timing), 0);
	if (conf->fault.ppm)
		assert_int_equal(ioctl(se->sim, SE_SIM_IOC_FAULT, &conf->fault), 0);
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_ATTACH, &attach), 0);
	se->bus = attach.bus;
	assert_int_equal(pthread_create(&se->thread, NULL, se_run, se), 0);
}

static inline void se_start(struct se *se, const struct se_conf *conf)
{
	int i;

	se_attach(se, conf);
	for (i = 0; i < PATIENCE_MS / 10 && !find_node(se); i++)
		pause_ms(10);
	se->dev = open(se->node, O_RDWR | O_CLOEXEC);
	if (se->dev < 0)
		fail_msg("no /dev/seN for bus %u", se->bus);
}

static inline void se_stop(struct se *se)
{
	uint64_t one = 1;

	assert_int_equal(write(se->stop, &one, sizeof(one)), sizeof(one));
	pthread_join(se->thread, NULL);
	close(se->stop);
	if (se->dev >= 0)
		close(se->dev);
	assert_int_equal(atomic_load(&se->bad), 0);
}

/* Let something go wrong from now on: @count times, 0 for ever. */
static inline void sim_fault(struct se *se, __u32 kind, __u32 count, __u32 delay_us)
{
	struct se_sim_fault fault = {.kind = kind, .count = count, .delay_us = delay_us};

	if (kind == SE_SIM_FAULT_DROP)
		fault.dir = SE_SIM_OUT;
	fault.ppm = SE_SIM_PPM;
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_FAULT, &fault), 0);
}

static inline void sim_no_fault(struct se *se, __u32 kind)
{
	struct se_sim_fault fault = {.kind = kind};

	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_FAULT, &fault), 0);
}

static inline void se_info(struct se *se, struct se_info *info)
{
	memset(info, 0, sizeof(*info));
	assert_int_equal(ioctl(se->dev, SE_IOC_GET_INFO, info), 0);
}

static inline void sim_counters(struct se *se, struct se_sim_counters *c)
{
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_COUNTERS, c), 0);
}

static inline unsigned long long sim_value(struct se *se, const char *name)
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

static inline void stats(struct se *se, struct se_stats *s)
{
	assert_int_equal(ioctl(se->dev, SE_IOC_GET_STATS, s), 0);
}

/* One APDU with @n bytes of data. Returns 0 or errno; *@outcome as told. */
static inline int exchange_on(int dev, size_t n, unsigned int *outcome)
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

static inline int exchange(struct se *se, size_t n, unsigned int *outcome)
{
	return exchange_on(se->dev, n, outcome);
}

static inline void exchange_ok(struct se *se, size_t n)
{
	unsigned int outcome;

	assert_int_equal(exchange(se, n, &outcome), 0);
	assert_int_equal(outcome, SE_OUTCOME_EXECUTED);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif /* KSELFTEST_WIRE_H */
