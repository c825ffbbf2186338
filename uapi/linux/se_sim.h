/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The SE end of the virtual SPI bus, /dev/se-sim.
 *
 * Each open file is one virtual bus: an SPI controller with one chip select, a
 * data-ready interrupt and a reset line. The process that opened it plays the
 * SE. Closing the file takes bus and device away, as pulling the board would.
 *
 * read() returns one record: struct se_sim_record and its payload. A record
 * that does not fit is kept and the call fails with EMSGSIZE. write() puts one
 * block into the byte FIFO that the host clocks out, all of it or nothing
 * (EAGAIN or sleep while the FIFO is full); the data-ready line is active while
 * the FIFO is not empty. poll() works. Before SE_SIM_IOC_ATTACH read() and
 * write() fail with ENOTCONN.
 *
 * A reset empties FIFO and records. What is written before the process has read
 * of the reset is lost, as the answer of a chip would be that is reset in
 * mid-command; write() succeeds all the same.
 *
 * The SE is half duplex: a transfer from which the host wants bytes takes them
 * out of the FIFO, one without a receive buffer does not.
 */
#ifndef _UAPI_LINUX_SE_SIM_H
#define _UAPI_LINUX_SE_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum se_sim_type - what happened on the bus
 * @SE_SIM_ACCESS: the host sent bytes in one access; the payload is the bytes
 * @SE_SIM_RESET: the reset line was pulsed; the FIFO has been emptied
 */
enum se_sim_type {
	SE_SIM_ACCESS,
	SE_SIM_RESET,
};

/**
 * struct se_sim_record - head of what read() returns
 * @type: enum se_sim_type
 * @len: payload bytes that follow
 * @time_ns: CLOCK_MONOTONIC at the end of the access
 */
struct se_sim_record {
	__u32 type;
	__u32 len;
	__u64 time_ns;
};

#define SE_SIM_SPIDEV		(1U << 0)	/* bind spidev instead of se-spi */
#define SE_SIM_NO_IRQ		(1U << 1)	/* wire no data-ready line */
#define SE_SIM_NO_RESET		(1U << 2)	/* wire no reset line */
#define SE_SIM_IRQ_EDGE		(1U << 3)	/* rising edge instead of level */
#define SE_SIM_FILL_FF		(1U << 4)	/* idle byte FF instead of 00 */
#define SE_SIM_NO_CLOCK		(1U << 5)	/* do not spend the bytes' clock time */

/**
 * struct se_sim_attach - SE_SIM_IOC_ATTACH: plug the SE in
 * @max_hz: in: fastest clock of the bus; 0 means 10 MHz
 * @flags: in: SE_SIM_*
 * @bus: out: number of the SPI bus
 * @reserved: 0
 *
 * Once for each open file (EBUSY after that). The bus exists when the call
 * returns; its device is added right after, from a worker, so that a
 * single-threaded SE can attach first and then serve what the driver asks.
 */
struct se_sim_attach {
	__u32 max_hz;
	__u32 flags;
	__u32 bus;
	__u32 reserved;
};

/**
 * struct se_sim_counters - SE_SIM_IOC_COUNTERS: what the bus saw
 * @accesses: chip-select assertions
 * @accesses_out: of these, such that carried bytes to the SE
 * @accesses_in: of these, such that took bytes out of the FIFO
 * @accesses_idle: of these, such that found the FIFO empty and sent nothing
 * @bytes_out: bytes to the SE
 * @bytes_in: bytes out of the FIFO
 * @irqs: times the data-ready line went active
 * @resets: pulses of the reset line
 */
struct se_sim_counters {
	__u64 accesses;
	__u64 accesses_out;
	__u64 accesses_in;
	__u64 accesses_idle;
	__u64 bytes_out;
	__u64 bytes_in;
	__u64 irqs;
	__u64 resets;
};

#define SE_SIM_IOC_MAGIC	0xE8
#define SE_SIM_IOC_ATTACH	_IOWR(SE_SIM_IOC_MAGIC, 0x00, struct se_sim_attach)
#define SE_SIM_IOC_COUNTERS	_IOR(SE_SIM_IOC_MAGIC, 0x01, struct se_sim_counters)

#endif /* _UAPI_LINUX_SE_SIM_H */
