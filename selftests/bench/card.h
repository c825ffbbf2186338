/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SE of the measurements: as little of T=1' as a clean wire needs, in a thread
 * that does nothing else and goes before all others, as a chip does not wait for the
 * host's scheduler either. It answers at once, unless told to work. All contenders
 * have the same.
 *
 * APDUs: 80 30 MS (two bytes): work so many milliseconds, 9000. 80 40 LEN: so many
 * bytes, 9000. MANAGE CHANNEL: channel 1. Anything else: 9000.
 */
#ifndef BENCH_CARD_H
#define BENCH_CARD_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/se_sim.h>

#define CARD_BLOCK (4 + 4089 + 2)
#define CARD_APDU 65544
#define CARD_PRIORITY 50

struct card {
	uint32_t flags; /* SE_SIM_* */
	uint16_t ifsc;
	uint32_t hz;
	/* the rest is the card's */
	int sim;
	uint32_t bus;
	char node[32]; /* of the host's end */
	pthread_t thread;
	uint8_t in[CARD_BLOCK];
	size_t in_len;
	uint8_t cmd[CARD_APDU];
	size_t cmd_len;
	uint8_t rsp[CARD_APDU];
	size_t rsp_len, rsp_off;
	uint8_t out[CARD_BLOCK];
	size_t out_len;
	uint16_t ifsd;
	uint8_t ns;
};

static inline void card_die(const char *what)
{
	fprintf(stderr, "se-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* CRC-16/X.25 by table */
static inline uint16_t card_crc(const uint8_t *p, size_t len)
{
	static uint16_t table[256];
	uint16_t crc = 0xffff;

	if (!table[1])
		for (unsigned int i = 0; i < 256; i++) {
			uint16_t v = (uint16_t)i;

			for (int k = 0; k < 8; k++)
				v = (uint16_t)(v & 1 ? v >> 1 ^ 0x8408 : v >> 1);
			table[i] = v;
		}
	while (len--)
		crc = (uint16_t)(crc >> 8 ^ table[(crc ^ *p++) & 0xff]);
	return (uint16_t)~crc;
}

static inline void card_put(struct card *c)
{
	if (write(c->sim, c->out, c->out_len) != (ssize_t)c->out_len)
		card_die("the card cannot answer");
}

static inline void card_say(struct card *c, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint8_t *b = c->out;
	uint16_t crc;

	b[0] = 0x12;
	b[1] = pcb;
	b[2] = (uint8_t)(len >> 8);
	b[3] = (uint8_t)len;
	if (len)
		memcpy(b + 4, inf, len);
	crc = card_crc(b, len + 4);
	b[len + 4] = (uint8_t)(crc >> 8);
	b[len + 5] = (uint8_t)crc;
	c->out_len = len + 6;
	card_put(c);
}

static inline void card_say_cip(struct card *c)
{
	const uint8_t khz[2] = {(uint8_t)(c->hz / 1000 >> 8), (uint8_t)(c->hz / 1000)};
	const uint8_t cip[] = {/* version, IIN, SPI: 12 bytes */
			       1, 3, 0x11, 0x22, 0x33, 1, 12,
			       /* PWT 1 ms, clock, no PST, MPOT 1 ms */
			       0, 1, khz[0], khz[1], 0, 10,
			       /* no SEGT, SEAL or WUT */
			       0, 0, 0, 0, 0, 0,
			       /* BWT 2 s, IFSC, no historical bytes */
			       4, 0x07, 0xd0, (uint8_t)(c->ifsc >> 8), (uint8_t)c->ifsc, 0};

	card_say(c, 0xe4, cip, sizeof(cip));
}

static inline void card_part(struct card *c)
{
	size_t left = c->rsp_len - c->rsp_off, part = left < c->ifsd ? left : c->ifsd;
	uint8_t pcb = (uint8_t)(c->ns << 6 | (part < left ? 0x20 : 0));

	c->ns ^= 1;
	c->rsp_off += part;
	card_say(c, pcb, c->rsp + c->rsp_off - part, part);
}

static inline void card_execute(struct card *c)
{
	unsigned int p = (unsigned int)(c->cmd[2] << 8 | c->cmd[3]);
	struct timespec work = {.tv_sec = p / 1000, .tv_nsec = (long)(p % 1000) * 1000000};

	/* all of it is zero but for what is written here */
	if (c->rsp_len)
		c->rsp[c->rsp_len - 2] = 0;
	c->rsp_len = c->rsp_off = 0;
	switch (c->cmd[1]) {
	case 0x30:
		if (p)
			nanosleep(&work, NULL);
		break;
	case 0x40:
		c->rsp_len = p;
		break;
	case 0x70:
		if (!c->cmd[2])
			c->rsp[c->rsp_len++] = 1;
		break;
	default:
		break;
	}
	c->rsp[c->rsp_len++] = 0x90;
	c->rsp[c->rsp_len++] = 0x00;
	card_part(c);
}

static inline void card_block(struct card *c, const uint8_t *inf, size_t len)
{
	uint8_t pcb = c->in[1];

	if (!(pcb & 0x80)) {
		if (len > sizeof(c->cmd) - c->cmd_len) {
			errno = EMSGSIZE;
			card_die("a command for the card");
		}
		memcpy(c->cmd + c->cmd_len, inf, len);
		c->cmd_len += len;
		if (pcb & 0x20) {
			card_say(c, pcb & 0x40 ? 0x80 : 0x90, NULL, 0);
			return;
		}
		c->cmd_len = 0;
		card_execute(c);
		return;
	}
	if (!(pcb & 0x40)) {
		if ((pcb >> 4 & 1) == c->ns && c->rsp_off < c->rsp_len)
			card_part(c);
		else
			card_put(c);
		return;
	}
	switch (pcb) {
	case 0xc0:
		c->ns = 0;
		c->cmd_len = 0;
		card_say(c, 0xe0, NULL, 0);
		break;
	case 0xc1:
		c->ifsd = (uint16_t)(len == 2 ? inf[0] << 8 | inf[1] : inf[0]);
		card_say(c, 0xe1, inf, len);
		break;
	case 0xc4:
		card_say_cip(c);
		break;
	case 0xc6:
		card_say(c, 0xe6, NULL, 0);
		break;
	default:
		errno = EPROTO;
		card_die("a block for the card");
	}
}

static inline void card_access(struct card *c, const uint8_t *data, size_t n)
{
	size_t len;

	if (n > sizeof(c->in) - c->in_len) {
		errno = EMSGSIZE;
		card_die("a block for the card");
	}
	memcpy(c->in + c->in_len, data, n);
	c->in_len += n;
	if (c->in_len < 4)
		return;
	len = (size_t)(c->in[2] << 8 | c->in[3]);
	if (c->in_len < len + 6)
		return;
	c->in_len = 0;
	if (c->in[0] != 0x21 ||
	    card_crc(c->in, len + 4) != (c->in[len + 4] << 8 | c->in[len + 5])) {
		errno = EBADMSG;
		card_die("a block for the card");
	}
	card_block(c, c->in + 4, len);
}

static inline void *card_run(void *arg)
{
	static const struct sched_param first = {.sched_priority = CARD_PRIORITY};
	struct {
		struct se_sim_record head;
		uint8_t data[8192];
	} rec;
	struct card *c = arg;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &first))
		card_die("the card's priority");
	for (;;) {
		if (read(c->sim, &rec, sizeof(rec)) < (ssize_t)sizeof(rec.head))
			card_die("the card's wire");
		if (rec.head.type == SE_SIM_ACCESS) {
			card_access(c, rec.data, rec.head.len);
		} else {
			c->in_len = c->cmd_len = 0;
			c->ns = 0;
		}
	}
	return NULL;
}

/* Plug it in, and wait for the host's end. */
static inline void card_plug(struct card *c)
{
	struct se_sim_attach a = {.max_hz = c->hz, .flags = c->flags};
	char pattern[64];

	c->ifsd = 32;
	c->sim = open("/dev/se-sim", O_RDWR | O_CLOEXEC);
	if (c->sim < 0 || ioctl(c->sim, SE_SIM_IOC_ATTACH, &a))
		card_die("/dev/se-sim");
	c->bus = a.bus;
	if (pthread_create(&c->thread, NULL, card_run, c))
		card_die("the card's thread");
	if (c->flags & SE_SIM_SPIDEV)
		snprintf(pattern, sizeof(pattern), "/dev/spidev%u.0", c->bus);
	else
		snprintf(pattern, sizeof(pattern), "/sys/class/spi_master/spi%u/spi*/se/se*",
			 c->bus);
	for (int i = 0; i < 500; i++) {
		glob_t g;

		if (!glob(pattern, 0, NULL, &g)) {
			snprintf(c->node, sizeof(c->node), "/dev/%s",
				 strrchr(g.gl_pathv[0], '/') + 1);
			globfree(&g);
			if (!access(c->node, F_OK))
				return;
		} else {
			globfree(&g);
		}
		usleep(20000);
	}
	errno = ETIMEDOUT;
	card_die(pattern);
}

/* The host's end is closed. */
static inline void card_pull(struct card *c)
{
	pthread_cancel(c->thread);
	pthread_join(c->thread, NULL);
	close(c->sim);
}

static inline struct se_sim_counters card_counters(const struct card *c)
{
	struct se_sim_counters n;

	if (ioctl(c->sim, SE_SIM_IOC_COUNTERS, &n))
		card_die("the counters of the bus");
	return n;
}

#endif
