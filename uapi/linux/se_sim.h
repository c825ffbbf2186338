/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The SE end of the virtual bus, /dev/se-sim.
 *
 * Each open file is one virtual bus: an SPI controller with one chip select, or
 * an I2C adapter with one target; with a data-ready interrupt, a reset line and,
 * if asked for, a supply and an enable line. The process that opened it plays
 * the SE. Closing the file takes bus and device away, as pulling the board
 * would.
 *
 * read() returns one record: struct se_sim_record and its payload. A record
 * that does not fit is kept and the call fails with EMSGSIZE. write() puts one
 * block into the byte FIFO that the host clocks out, all of it or nothing
 * (EAGAIN or sleep while the FIFO is full); the data-ready line is active while
 * the FIFO is not empty. poll() works. Before SE_SIM_IOC_ATTACH read() and
 * write() fail with ENOTCONN; the ioctls that set faults and timing work, so
 * that they can act on the driver's probe.
 *
 * A reset empties FIFO and records, and so does losing power. What is written
 * before the process has read of the reset (or of the power) is lost, as the
 * answer of a chip would be that is reset in mid-command; write() succeeds all
 * the same.
 *
 * The SE is half duplex: a transfer from which the host wants bytes takes them
 * out of the FIFO, one without a receive buffer does not.
 *
 * The structures may grow at their end. A caller that knows less of one gets
 * the behaviour of zeros in the rest; one that knows more may set the rest to
 * nothing but zero (E2BIG).
 */
#ifndef _UAPI_LINUX_SE_SIM_H
#define _UAPI_LINUX_SE_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum se_sim_type - what happened on the bus
 * @SE_SIM_ACCESS: the host sent bytes in one access; the payload is the bytes
 * @SE_SIM_RESET: the reset line was pulsed; the FIFO has been emptied
 * @SE_SIM_POWER: the supply or the enable line was switched; the payload is one
 *	byte, 1 for on and 0 for off. The SE starts afresh when it comes on
 */
enum se_sim_type {
	SE_SIM_ACCESS,
	SE_SIM_RESET,
	SE_SIM_POWER,
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
#define SE_SIM_I2C		(1U << 6)	/* an I2C adapter; SPIDEV: leave it to i2c-dev */
#define SE_SIM_NO_NACK		(1U << 7)	/* I2C: idle bytes, not NACK, with nothing to say */
#define SE_SIM_SUPPLY		(1U << 8)	/* powered by a regulator, the device's "vdd" */
#define SE_SIM_ENABLE		(1U << 9)	/* switched by a GPIO, the device's "enable" */

/**
 * enum se_sim_prop_type - type of a device property
 * @SE_SIM_PROP_U32: struct se_sim_prop.value
 * @SE_SIM_PROP_STRING: struct se_sim_prop.text
 * @SE_SIM_PROP_BOOL: true by being there
 * @SE_SIM_PROP_BYTES: the first struct se_sim_prop.value bytes of @text
 */
enum se_sim_prop_type {
	SE_SIM_PROP_U32,
	SE_SIM_PROP_STRING,
	SE_SIM_PROP_BOOL,
	SE_SIM_PROP_BYTES,
};

/**
 * struct se_sim_prop - a property of the device, as firmware would give it
 * @name: such as "sesame,poll-interval-us"; ends with a zero byte
 * @text: with SE_SIM_PROP_STRING; ends with a zero byte. With SE_SIM_PROP_BYTES
 *	any bytes
 * @type: enum se_sim_prop_type
 * @value: with SE_SIM_PROP_U32; with SE_SIM_PROP_BYTES the length, at least 1
 */
struct se_sim_prop {
	char name[32];
	char text[32];
	__u32 type;
	__u32 value;
};

#define SE_SIM_PROPS_MAX	16

/**
 * struct se_sim_attach - SE_SIM_IOC_ATTACH: plug the SE in
 * @max_hz: in: fastest clock of the bus; 0 means 10 MHz on SPI, 1 MHz on I2C
 * @flags: in: SE_SIM_*
 * @bus: out: number of the SPI or I2C bus
 * @reserved: 0
 * @max_transfer: in: most bytes that the controller moves in one transfer (and
 *	I2C message); 0 for no limit
 * @max_message: in: SPI: most bytes of one message; 0 for no limit
 * @addr: in: I2C: 7-bit address; 0 means 48h
 * @nr_props: in: number of properties, at most SE_SIM_PROPS_MAX
 * @props_ptr: in: the properties, struct se_sim_prop
 * @device: in: name of the device, by which its driver is found; empty means
 *	"se-gp" on SPI and "gp-se" on I2C
 *
 * Once for each open file (EBUSY after that). The bus exists when the call
 * returns; its device is added right after, from a worker, so that a
 * single-threaded SE can attach first and then serve what the driver asks.
 * EOPNOTSUPP: this kernel has no regulators (SE_SIM_SUPPLY).
 */
struct se_sim_attach {
	__u32 max_hz;
	__u32 flags;
	__u32 bus;
	__u32 reserved;
	__u32 max_transfer;
	__u32 max_message;
	__u32 addr;
	__u32 nr_props;
	__u64 props_ptr;
	char device[24];
};

/**
 * struct se_sim_counters - SE_SIM_IOC_COUNTERS: what the bus saw
 * @accesses: chip-select assertions, or I2C messages
 * @accesses_out: of these, such that carried bytes to the SE
 * @accesses_in: of these, such that took bytes out of the FIFO
 * @accesses_idle: of these, such that found the FIFO empty and sent nothing
 * @bytes_out: bytes to the SE
 * @bytes_in: bytes out of the FIFO
 * @irqs: times the data-ready line went active
 * @resets: pulses of the reset line
 * @power_ons: times the SE got power
 * @power_offs: times it lost it
 * @dropped: accesses that the process never saw: it does not read, or they
 *	were too long
 * @longest: most bytes of an access
 * @gap_ns: shortest time between two accesses; all ones before the second
 * @segt_violations: accesses that came too early: within the guard time, the
 *	power-up time or the wake-up time
 * @seal_violations: accesses that were too long
 * @clock_violations: transfers with too fast a clock
 * @nacks: I2C messages that were not acknowledged
 * @clocked: bytes clocked, whether anybody had something to say or not
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
	__u64 power_ons;
	__u64 power_offs;
	__u64 dropped;
	__u64 longest;
	__u64 gap_ns;
	__u64 segt_violations;
	__u64 seal_violations;
	__u64 clock_violations;
	__u64 nacks;
	__u64 clocked;
};

/**
 * enum se_sim_fault_kind - what can go wrong
 * @SE_SIM_FAULT_DROP: bytes get lost: @len from @offset on, or all (@len 0)
 * @SE_SIM_FAULT_CORRUPT: @len bytes (at least 1) from @offset on are XORed with
 *	@value (0 means a random one)
 * @SE_SIM_FAULT_DELAY: all bytes arrive @delay_us later
 * @SE_SIM_FAULT_DUPLICATE: all bytes arrive twice
 * @SE_SIM_FAULT_INSERT: @len bytes (at least 1) of @value come in at @offset
 * @SE_SIM_FAULT_SHORT: the clock stops after @len bytes of a transfer; no error
 * @SE_SIM_FAULT_ERROR: a transfer fails with EIO after @len bytes (all ones: after
 *	all of them)
 * @SE_SIM_FAULT_NACK: an I2C message is not acknowledged
 * @SE_SIM_FAULT_RESET: the SE resets itself, as from a dip of its supply; the
 *	bytes are lost, or arrive and it resets @delay_us later
 * @SE_SIM_FAULT_IRQ_SPURIOUS: the line goes active @delay_us after an access that
 *	carried bytes to the SE, with nothing to say; the next access ends that
 * @SE_SIM_FAULT_IRQ_LOST: the line goes active without an interrupt
 * @SE_SIM_FAULT_IRQ_LATE: the line goes active @delay_us late
 * @SE_SIM_FAULT_IRQ_STUCK: the line stays active for @delay_us, or until the fault
 *	is switched off (0), whatever the FIFO holds
 * @SE_SIM_FAULT_IRQ_DEAD: the line does not go active
 * @SE_SIM_FAULT_KINDS: their number
 *
 * An occasion of the first five and of RESET is, with SE_SIM_OUT, an access that
 * carries bytes to the SE, with SE_SIM_IN a write() of the process; of SHORT,
 * ERROR and NACK a transfer in that direction; of IRQ_SPURIOUS an access that
 * carries bytes to the SE; of the others the line's going active.
 */
enum se_sim_fault_kind {
	SE_SIM_FAULT_DROP,
	SE_SIM_FAULT_CORRUPT,
	SE_SIM_FAULT_DELAY,
	SE_SIM_FAULT_DUPLICATE,
	SE_SIM_FAULT_INSERT,
	SE_SIM_FAULT_SHORT,
	SE_SIM_FAULT_ERROR,
	SE_SIM_FAULT_NACK,
	SE_SIM_FAULT_RESET,
	SE_SIM_FAULT_IRQ_SPURIOUS,
	SE_SIM_FAULT_IRQ_LOST,
	SE_SIM_FAULT_IRQ_LATE,
	SE_SIM_FAULT_IRQ_STUCK,
	SE_SIM_FAULT_IRQ_DEAD,
	SE_SIM_FAULT_KINDS,
};

/**
 * enum se_sim_dir - which way the bytes go
 * @SE_SIM_IN: from the SE to the host
 * @SE_SIM_OUT: from the host to the SE
 */
enum se_sim_dir {
	SE_SIM_IN,
	SE_SIM_OUT,
};

#define SE_SIM_FAULT_RANDOM	(1U << 0)	/* choose @offset anew each time */
#define SE_SIM_PPM		1000000		/* struct se_sim_fault.ppm: each time */

/**
 * struct se_sim_fault - SE_SIM_IOC_FAULT: let something go wrong;
 *	SE_SIM_IOC_GET_FAULT: how often has it
 * @kind: enum se_sim_fault_kind
 * @dir: enum se_sim_dir; 0 for the faults of the interrupt
 * @flags: SE_SIM_FAULT_RANDOM
 * @ppm: probability at each occasion, in millionths; 0 switches the fault off
 * @nth: occasion, counted from this call, at which it may first happen; 0 and 1
 *	are the next one
 * @count: how often it may happen; 0 for no limit
 * @offset: see the kinds; the last byte where it lies beyond
 * @len: see the kinds
 * @value: see the kinds
 * @delay_us: see the kinds; at most a minute
 * @seen: out: occasions since it was set
 * @done: out: how often it happened, since the file was opened
 *
 * There is one fault of each kind and direction; setting it again replaces it.
 * Several may happen at one occasion: the bytes are changed first, and what is
 * left of them is doubled, delayed or lost in a reset. Each fault has its own
 * random generator, so that a seed replays it whatever the others do.
 */
struct se_sim_fault {
	__u32 kind;
	__u32 dir;
	__u32 flags;
	__u32 ppm;
	__u32 nth;
	__u32 count;
	__u32 offset;
	__u32 len;
	__u32 value;
	__u32 delay_us;
	__u64 seen;
	__u64 done;
};

#define SE_SIM_STRICT		(1U << 0)	/* the SE does not hear what is against them */

/**
 * struct se_sim_timing - SE_SIM_IOC_TIMING: what the SE asks of the host
 * @flags: SE_SIM_STRICT
 * @segt_us: guard time between two accesses
 * @seal: most bytes of an access; 0 for no limit
 * @max_hz: fastest clock that the SE follows; 0 for no limit
 * @pwt_us: after power-up or reset it does not listen for so long
 * @pst_us: after so long without an access it sleeps; 0 for never
 * @wut_us: an access wakes it up and is lost; it listens so much later
 * @reserved: 0
 *
 * All are zero at first. What is against them is counted (struct
 * se_sim_counters). With SE_SIM_STRICT the host hears idle bytes (NACK on I2C)
 * in an access that comes too early, and so do both ends beyond @seal; bytes that
 * were clocked too fast arrive damaged. An SE that sleeps does not hear the
 * access that wakes it, STRICT or not, and it is no violation.
 */
struct se_sim_timing {
	__u32 flags;
	__u32 segt_us;
	__u32 seal;
	__u32 max_hz;
	__u32 pwt_us;
	__u32 pst_us;
	__u32 wut_us;
	__u32 reserved;
};

#define SE_SIM_IOC_MAGIC	0xE8
#define SE_SIM_IOC_ATTACH	_IOWR(SE_SIM_IOC_MAGIC, 0x00, struct se_sim_attach)
#define SE_SIM_IOC_COUNTERS	_IOR(SE_SIM_IOC_MAGIC, 0x01, struct se_sim_counters)
#define SE_SIM_IOC_FAULT	_IOW(SE_SIM_IOC_MAGIC, 0x02, struct se_sim_fault)
#define SE_SIM_IOC_GET_FAULT	_IOWR(SE_SIM_IOC_MAGIC, 0x03, struct se_sim_fault)
#define SE_SIM_IOC_SEED		_IOW(SE_SIM_IOC_MAGIC, 0x04, __u64)
#define SE_SIM_IOC_TIMING	_IOW(SE_SIM_IOC_MAGIC, 0x05, struct se_sim_timing)

#endif /* _UAPI_LINUX_SE_SIM_H */
