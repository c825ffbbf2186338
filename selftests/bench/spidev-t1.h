/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T=1' over spidev from user space, the way the vendors' libraries do it: a block
 * out in one message, then a look at the bus every millisecond until there is a
 * NAD, then the rest of the prologue, then the rest of the block. Only what a
 * clean wire needs: no recovery. Independent of driver/, so that the two can be
 * compared; and the same without a pause between the looks and without a word of
 * protocol, which is the floor of what the bus and the SE allow.
 */
#ifndef SPIDEV_T1_H
#define SPIDEV_T1_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/spi/spidev.h>

#define T1_BLOCK 4095
#define T1_INF 4089

struct t1 {
	int fd;
	uint32_t hz;
	long pause_ns;	/* between two looks; 0: none */
	uint8_t ns, nr; /* sequence bits: ours to send, the SE's to expect */
	uint16_t ifsc;
	uint64_t calls; /* system calls made */
	uint64_t bytes; /* clocked */
	uint8_t block[T1_BLOCK + 8];
};

static inline int t1_move(struct t1 *t, const uint8_t *tx, uint8_t *rx, size_t len)
{
	struct spi_ioc_transfer x = {
		.tx_buf = (uintptr_t)tx,
		.rx_buf = (uintptr_t)rx,
		.len = (uint32_t)len,
		.speed_hz = t->hz,
	};

	t->calls++;
	t->bytes += len;
	return ioctl(t->fd, SPI_IOC_MESSAGE(1), &x) == (int)len ? 0 : -1;
}

/* CRC-16/X.25, bit by bit */
static inline uint16_t t1_crc(const uint8_t *p, size_t len)
{
	uint16_t crc = 0xffff;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1);
	}
	return (uint16_t)~crc;
}

static inline size_t t1_build(uint8_t *b, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint16_t crc;

	b[0] = 0x21;
	b[1] = pcb;
	b[2] = (uint8_t)(len >> 8);
	b[3] = (uint8_t)len;
	if (len)
		memcpy(b + 4, inf, len);
	crc = t1_crc(b, len + 4);
	b[len + 4] = (uint8_t)(crc >> 8);
	b[len + 5] = (uint8_t)crc;
	return len + 6;
}

/* Send a block, wait for one; its INF length, or -1. It is in t->block. */
static inline int t1_exchange(struct t1 *t, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint8_t *b = t->block;
	size_t n = t1_build(b, pcb, inf, len);
	struct timespec pause = {.tv_nsec = t->pause_ns};
	uint16_t crc;

	if (t1_move(t, b, NULL, n))
		return -1;
	do {
		if (t->pause_ns) {
			t->calls++;
			nanosleep(&pause, NULL);
		}
		if (t1_move(t, NULL, b, 1))
			return -1;
	} while (b[0] == 0x00 || b[0] == 0xff);
	if (b[0] != 0x12 || t1_move(t, NULL, b + 1, 3))
		return -1;
	n = (size_t)(b[2] << 8 | b[3]);
	if (n > T1_INF || t1_move(t, NULL, b + 4, n + 2))
		return -1;
	crc = t1_crc(b, n + 4);
	return crc == (b[n + 4] << 8 | b[n + 5]) ? (int)n : -1;
}

/* CIP (for IFSC), RESYNCH, IFS: 0 or -1 */
static inline int t1_start(struct t1 *t)
{
	static const uint8_t ifsd[] = {0x0f, 0xf9};
	int n = t1_exchange(t, 0xc4, NULL, 0);

	if (n < 12 || t->block[1] != 0xe4)
		return -1;
	/* behind version, IIN and physical layer: length, BWT, IFSC */
	size_t at = 1 + 1U + t->block[4 + 1];

	at += 1 + 1U + t->block[4 + at + 1];
	if (at + 5 > (size_t)n)
		return -1;
	t->ifsc = (uint16_t)(t->block[4 + at + 3] << 8 | t->block[4 + at + 4]);
	if (t1_exchange(t, 0xc0, NULL, 0) != 0 || t->block[1] != 0xe0)
		return -1;
	if (t1_exchange(t, 0xc1, ifsd, 2) != 2 || t->block[1] != 0xe1)
		return -1;
	t->ns = t->nr = 0;
	return 0;
}

/* One APDU; the length of the answer, or -1. */
static inline int t1_apdu(struct t1 *t, const uint8_t *cmd, size_t len, uint8_t *rsp,
			  size_t room)
{
	size_t part, got = 0;
	uint8_t pcb;
	int n;

	for (;;) {
		part = len < t->ifsc ? len : t->ifsc;
		pcb = (uint8_t)(t->ns << 6 | (len > part ? 0x20 : 0));
		n = t1_exchange(t, pcb, cmd, part);
		t->ns ^= 1;
		cmd += part;
		len -= part;
		if (!len)
			break;
		if (n != 0 || (t->block[1] & 0xef) != 0x80)
			return -1;
	}
	for (;;) {
		/* S(WTX request): granted as asked */
		while (n == 1 && t->block[1] == 0xc3) {
			uint8_t multiplier = t->block[4];

			n = t1_exchange(t, 0xe3, &multiplier, 1);
		}
		if (n < 0 || t->block[1] & 0x80 || (t->block[1] >> 6 & 1) != t->nr ||
		    got + (size_t)n > room)
			return -1;
		t->nr ^= 1;
		memcpy(rsp + got, t->block + 4, (size_t)n);
		got += (size_t)n;
		if (!(t->block[1] & 0x20))
			return (int)got;
		n = t1_exchange(t, (uint8_t)(0x80 | t->nr << 4), NULL, 0);
	}
}

/*
 * The floor: a block goes out, and one of a known length comes in; the bus is read
 * a byte at a time without pause until it begins. No checksum, no parsing.
 */
static inline int t1_floor(struct t1 *t, const uint8_t *out, size_t out_len, size_t in_len)
{
	if (t1_move(t, out, NULL, out_len))
		return -1;
	for (;;) {
		if (t1_move(t, NULL, t->block, 1))
			return -1;
		if (t->block[0] == 0x12)
			break;
		/* on one CPU the SE is to have it */
		sched_yield();
	}
	return t1_move(t, NULL, t->block + 1, in_len - 1);
}

#endif
