/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Secure element character device, /dev/seN.
 *
 * Rules of this interface:
 *  - All structures have fixed-width members, no implicit padding and the
 *    same layout for 32-bit and 64-bit user space. Pointers travel as __u64.
 *  - Structures grow at the end only. The kernel accepts a shorter one (what
 *    is missing counts as zero) and a longer one whose unknown tail is zero
 *    (-E2BIG otherwise), by the size that the request number carries.
 *  - Unknown flags and non-zero reserved members are refused with -EINVAL.
 *  - An APDU is never sent twice. Where an exchange fails, the outcome says
 *    what is known of it.
 */
#ifndef _UAPI_LINUX_SE_H
#define _UAPI_LINUX_SE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SE_ABI_VERSION		1

#define SE_AID_MIN		5	/* ISO/IEC 7816-4, 8.2.1.2 */
#define SE_AID_MAX		16
#define SE_CAPDU_MIN		4
#define SE_CAPDU_MAX		65544	/* extended case 4: 4 + 3 + 65535 + 2 */
#define SE_RAPDU_MAX		65538	/* 65536 + SW1SW2 */
#define SE_STREAM_MAX		256	/* APDUs in one SE_IOC_SUBMIT */
#define SE_SW_MATCHES		4
#define SE_CIP_MAX		128
#define SE_CHANNEL_NONE		0xffffffffU

/**
 * enum se_state - what the SE is able to do
 * @SE_STATE_OFF: not powered
 * @SE_STATE_IDLE: ready for an APDU
 * @SE_STATE_BUSY: an exchange is on the wire
 * @SE_STATE_RECOVERING: link recovery is running
 * @SE_STATE_DEAD: recovery failed; only a reset or a rebind helps
 */
enum se_state {
	SE_STATE_OFF,
	SE_STATE_IDLE,
	SE_STATE_BUSY,
	SE_STATE_RECOVERING,
	SE_STATE_DEAD,
};

/**
 * enum se_dialect - the T=1 family that the SE speaks
 * @SE_DIALECT_GP: T=1' of GlobalPlatform GPC_SPE_172
 * @SE_DIALECT_ISO_LRC: T=1 of ISO/IEC 7816-3 with a longitudinal check
 * @SE_DIALECT_ISO_CRC: T=1 of ISO/IEC 7816-3 with a CRC
 * @SE_DIALECT_NXP: T=1 of NXP's SPI parts
 * @SE_DIALECT_UM11225: T=1 over I2C of NXP's UM11225
 */
enum se_dialect {
	SE_DIALECT_GP,
	SE_DIALECT_ISO_LRC,
	SE_DIALECT_ISO_CRC,
	SE_DIALECT_NXP,
	SE_DIALECT_UM11225,
};

/**
 * enum se_irq_mode - how the end of the SE's work is noticed
 * @SE_IRQ_MODE_POLL: the bus is read at the SE's own interval (MPOT)
 * @SE_IRQ_MODE_IRQ: by the data-ready interrupt
 */
enum se_irq_mode {
	SE_IRQ_MODE_POLL,
	SE_IRQ_MODE_IRQ,
};

/**
 * enum se_outcome - what is known of one APDU
 * @SE_OUTCOME_NOT_SENT: the SE never got the whole command; it did not run
 * @SE_OUTCOME_EXECUTED: the SE answered; it ran exactly once
 * @SE_OUTCOME_UNKNOWN: the command left and no answer was understood; it ran
 *	once or not at all
 */
enum se_outcome {
	SE_OUTCOME_NOT_SENT,
	SE_OUTCOME_EXECUTED,
	SE_OUTCOME_UNKNOWN,
};

/* capabilities, struct se_info.caps */
#define SE_CAP_IRQ		(1U << 0)	/* a data-ready interrupt is wired */
#define SE_CAP_RESET_LINE	(1U << 1)	/* a reset line is wired */

/**
 * struct se_info - SE_IOC_GET_INFO
 * @abi: out: SE_ABI_VERSION
 * @caps: out: SE_CAP_*
 * @dialect: out: enum se_dialect
 * @state: out: enum se_state
 * @generation: out: moves each time the SE may have lost its volatile state
 * @ifsc: out: largest INF field that the SE takes, bytes
 * @ifsd: out: largest INF field that the driver takes, bytes
 * @bwt_us: out: block waiting time, microseconds
 * @max_capdu: out: longest C-APDU, bytes
 * @max_rapdu: out: longest R-APDU, bytes
 * @irq_mode: out: enum se_irq_mode
 * @channel: out: logical channel of this file, or SE_CHANNEL_NONE
 * @clock_hz: out: bus clock in use
 * @cip_len: in: room at @cip_ptr; out: length of the CIP (the buffer gets
 *	what fits)
 * @cip_ptr: in: user buffer for the communication interface parameters, or 0
 */
struct se_info {
	__u32 abi;
	__u32 caps;
	__u32 dialect;
	__u32 state;
	__u64 generation;
	__u32 ifsc;
	__u32 ifsd;
	__u32 bwt_us;
	__u32 max_capdu;
	__u32 max_rapdu;
	__u32 irq_mode;
	__u32 channel;
	__u32 clock_hz;
	__u32 cip_len;
	__u32 reserved;
	__u64 cip_ptr;
};

/**
 * struct se_sw_match - a pattern of status words
 * @value: status word, SW1 in the high byte
 * @mask: bits of @value that count; 0 makes the entry unused
 */
struct se_sw_match {
	__u16 value;
	__u16 mask;
};

/**
 * struct se_apdu - one exchange of a stream
 * @cmd_ptr: in: C-APDU
 * @rsp_ptr: in: buffer for the R-APDU, status word included
 * @cmd_len: in: SE_CAPDU_MIN to SE_CAPDU_MAX
 * @rsp_room: in: bytes at @rsp_ptr, at least 2
 * @expect: in: the stream goes on if the status word fits one of these; no
 *	used entry means any status word will do
 * @flags: in: none defined, 0
 * @rsp_len: out: length of the R-APDU. It may exceed @rsp_room: then the
 *	buffer holds the first @rsp_room bytes, @sw is right all the same and
 *	the stream stops with SE_STOP_ROOM
 * @sw: out: status word
 * @outcome: out: enum se_outcome. Written SE_OUTCOME_UNKNOWN before the
 *	command may leave and its final value afterwards, APDU by APDU while
 *	the stream runs, so that memory that outlives the caller (a shared
 *	file mapping) tells the truth about a caller that was killed
 * @wtx: out: waiting time extensions that the SE asked for
 * @retrans: out: blocks repeated on the link (never the APDU)
 * @reserved: 0
 * @wire_ns: out: time on the bus
 * @total_ns: out: time from the first block to the last
 */
struct se_apdu {
	__u64 cmd_ptr;
	__u64 rsp_ptr;
	__u32 cmd_len;
	__u32 rsp_room;
	struct se_sw_match expect[SE_SW_MATCHES];
	__u32 flags;
	__u32 rsp_len;
	__u16 sw;
	__u16 outcome;
	__u32 wtx;
	__u32 retrans;
	__u32 reserved;
	__u64 wire_ns;
	__u64 total_ns;
};

/**
 * enum se_stop - why a stream ended
 * @SE_STOP_END: every APDU ran and met its expectation
 * @SE_STOP_SW: a status word did not meet its expectation
 * @SE_STOP_ROOM: a response was longer than its buffer
 * @SE_STOP_DEADLINE: the deadline passed
 * @SE_STOP_SIGNAL: a signal came
 * @SE_STOP_GENERATION: the generation is not the expected one, or moved
 * @SE_STOP_LINK: the link failed; recovery has run or is running
 * @SE_STOP_GONE: the SE was removed
 * @SE_STOP_FAULT: a user buffer could not be read or written
 * @SE_STOP_REFUSED: a command that this file may not send
 */
enum se_stop {
	SE_STOP_END,
	SE_STOP_SW,
	SE_STOP_ROOM,
	SE_STOP_DEADLINE,
	SE_STOP_SIGNAL,
	SE_STOP_GENERATION,
	SE_STOP_LINK,
	SE_STOP_GONE,
	SE_STOP_FAULT,
	SE_STOP_REFUSED,
};

/* struct se_stream.flags */
#define SE_STREAM_CHECK_GENERATION	(1U << 0) /* refuse if not @generation */
/*
 * On a signal, even a fatal one, stay until the exchange that is on the wire
 * has ended (the deadline bounds that), so that its outcome is exact.
 */
#define SE_STREAM_SETTLE		(1U << 1)

/**
 * struct se_stream - SE_IOC_SUBMIT: run APDUs back to back
 * @apdus_ptr: in: array of struct se_apdu
 * @nr: in: its length, 1 to SE_STREAM_MAX
 * @apdu_size: in: sizeof(struct se_apdu) of the caller
 * @flags: in: SE_STREAM_*
 * @done: out: how many APDUs have the outcome SE_OUTCOME_EXECUTED
 * @deadline_ns: in: absolute CLOCK_MONOTONIC; 0 lets the driver's default
 *	(30 s an APDU) hold. No stream has the SE for longer than 10 minutes:
 *	it then ends as at its deadline
 * @generation: in: expected value with SE_STREAM_CHECK_GENERATION; out: the
 *	current one
 * @cookie: in: the caller's name for the stream, in traces
 * @stop: out: enum se_stop
 * @reserved: 0
 *
 * Nobody else's APDU comes between two of one stream. The call returns 0 when
 * @stop is SE_STOP_END, SE_STOP_SW or SE_STOP_ROOM; otherwise -1 and
 * errno: ETIMEDOUT (DEADLINE), EINTR (SIGNAL), ECONNRESET (GENERATION), EIO or
 * EPROTO (LINK), ENODEV (GONE), EFAULT (FAULT), EACCES (REFUSED). The structure
 * and the array are written back in every one of these cases. EINVAL and E2BIG
 * say that nothing was looked at.
 */
struct se_stream {
	__u64 apdus_ptr;
	__u32 nr;
	__u32 apdu_size;
	__u32 flags;
	__u32 done;
	__u64 deadline_ns;
	__u64 generation;
	__u64 cookie;
	__u32 stop;
	__u32 reserved;
};

/**
 * struct se_channel_open - SE_IOC_CHANNEL_OPEN
 * @aid_ptr: in: AID of the application to select
 * @rsp_ptr: in: buffer for the SELECT response, status word included, or 0
 * @aid_len: in: SE_AID_MIN to SE_AID_MAX; 0 selects the channel's default
 *	application (on a GlobalPlatform card the ISD)
 * @rsp_room: in: bytes at @rsp_ptr
 * @rsp_len: out: length of the SELECT response
 * @flags: in: none defined, 0
 * @deadline_ns: in: as in struct se_stream
 * @generation: out: the current one
 * @sw: out: status word of the command that decided (SELECT, or MANAGE CHANNEL
 *	where that failed)
 * @outcome: out: enum se_outcome of that command
 * @channel: out: the logical channel, 1 to 19, for people to read: the kernel
 *	writes it into CLA
 *
 * errno: EBUSY (this file has a channel), EUSERS (the SE has none left), ENOENT
 * (no such application: 6A82), EREMOTEIO (the SE refused otherwise, see @sw), or
 * one of SE_IOC_SUBMIT's. After a failure no channel is left open.
 */
struct se_channel_open {
	__u64 aid_ptr;
	__u64 rsp_ptr;
	__u32 aid_len;
	__u32 rsp_room;
	__u32 rsp_len;
	__u32 flags;
	__u64 deadline_ns;
	__u64 generation;
	__u16 sw;
	__u16 outcome;
	__u32 channel;
};

#define SE_HIST_BUCKETS		32

/**
 * struct se_hist - how often something took how long
 * @sum_ns: all of it together
 * @bucket: how often; [0] counts what took less than 1 microsecond, [n] what took
 *	2^(n-1) microseconds and more but less than 2^n; the last one has no end.
 *	Together they say how many there were
 */
struct se_hist {
	__u64 sum_ns;
	__u64 bucket[SE_HIST_BUCKETS];
};

/**
 * struct se_stats - SE_IOC_GET_STATS: counters since the SE was bound
 * @apdus: exchanges that ended with an R-APDU
 * @errors: exchanges that ended without one
 * @blocks_tx: blocks sent, repeats included
 * @blocks_rx: blocks received, bad ones included
 * @bytes_tx: bytes clocked out in blocks
 * @bytes_rx: bytes clocked in in blocks
 * @accesses: bus accesses (chip-select assertions)
 * @irqs: data-ready interrupts that led to a reception
 * @irqs_spurious: data-ready interrupts with nothing to receive
 * @polls: bus reads made without an interrupt
 * @retrans: blocks repeated
 * @edc_errors: blocks with a wrong checksum
 * @timeouts: block waiting times that passed
 * @wtx: waiting time extensions granted
 * @resyncs: S(RESYNCH) exchanges after start-up
 * @resets: resets after start-up
 * @irqs_lost: blocks found by looking, though the interrupt should have told
 * @irq_storms: times that the interrupt was masked because it did not stop
 * @poll_fallbacks: changes from the interrupt to polling
 * @irq_returns: changes back to the interrupt
 * @aborts: chains that either side gave up with S(ABORT)
 * @protocol_errors: whole blocks that T=1 does not allow where they came
 * @wtx_refused: waiting time extensions beyond the limit
 * @releases: S(RELEASE) before power was taken away
 * @power_offs: times that the supply was taken away, or the SE put to sleep
 * @deadlines: exchanges given up at their deadline
 * @cancels: exchanges given up by their caller (signal, cancel, close)
 * @unknown: exchanges that ended with SE_OUTCOME_UNKNOWN
 * @refused: commands refused because the file may not send them
 * @locks: locks granted
 * @lock_timeouts: locks taken away at their hold limit
 * @reserved: 0
 * @total: an exchange, from its first block to its last
 * @wire: of that, the time on the bus, guard times included
 * @think: of that, waiting for the SE, until its block was noticed
 * @queue: waiting for a turn, before that
 */
struct se_stats {
	__u64 apdus;
	__u64 errors;
	__u64 blocks_tx;
	__u64 blocks_rx;
	__u64 bytes_tx;
	__u64 bytes_rx;
	__u64 accesses;
	__u64 irqs;
	__u64 irqs_spurious;
	__u64 polls;
	__u64 retrans;
	__u64 edc_errors;
	__u64 timeouts;
	__u64 wtx;
	__u64 resyncs;
	__u64 resets;
	__u64 irqs_lost;
	__u64 irq_storms;
	__u64 poll_fallbacks;
	__u64 irq_returns;
	__u64 aborts;
	__u64 protocol_errors;
	__u64 wtx_refused;
	__u64 releases;
	__u64 power_offs;
	__u64 deadlines;
	__u64 cancels;
	__u64 unknown;
	__u64 refused;
	__u64 locks;
	__u64 lock_timeouts;
	__u64 reserved;
	struct se_hist total;
	struct se_hist wire;
	struct se_hist think;
	struct se_hist queue;
};

/**
 * enum se_reset_level - how hard to reset the SE
 * @SE_RESET_RESYNCH: the link only: S(RESYNCH), parameters anew. The SE keeps its
 *	state; its logical channels are closed
 * @SE_RESET_SOFT: the SE resets itself: S(SWR)
 * @SE_RESET_LINE: pulse the reset line, and wait until the SE has booted
 * @SE_RESET_POWER: take the supply away and give it back
 */
enum se_reset_level {
	SE_RESET_RESYNCH,
	SE_RESET_SOFT,
	SE_RESET_LINE,
	SE_RESET_POWER,
};

/**
 * struct se_reset - SE_IOC_RESET: reset the SE and start it up again
 * @level: in: enum se_reset_level
 * @flags: in: none defined, 0
 * @deadline_ns: in: absolute CLOCK_MONOTONIC, bounds the wait; 0 means 30 s. A
 *	reset that has begun goes on behind it
 * @generation: out: the current one
 * @state: out: enum se_state
 * @reserved: 0
 *
 * An exchange that is under way, anybody's, ends with ECONNRESET and what is
 * known of it; all logical channels are gone; the generation moves; the start-up
 * sequence runs. SE_RESET_RESYNCH and SE_RESET_SOFT are spoken over the link, so
 * they wait (10 s at most) until the SE has ended what it is doing. The call
 * returns when the SE is ready again. Needs CAP_SYS_ADMIN, until there is a lock
 * whose holder may do it as well.
 *
 * errno: EPERM, EOPNOTSUPP (the level is not wired), EBUSY (another reset is
 * under way), EIO (the SE did not come back, it is SE_STATE_DEAD), ETIMEDOUT,
 * EINTR, ENODEV. The structure is written back with 0, EIO and ETIMEDOUT.
 */
struct se_reset {
	__u32 level;
	__u32 flags;
	__u64 deadline_ns;
	__u64 generation;
	__u32 state;
	__u32 reserved;
};

/*
 * 0xE7 is free in Documentation/userspace-api/ioctl/ioctl-number.rst of 6.12.
 */
#define SE_IOC_MAGIC		0xE7
#define SE_IOC_GET_INFO		_IOWR(SE_IOC_MAGIC, 0x00, struct se_info)
#define SE_IOC_SUBMIT		_IOWR(SE_IOC_MAGIC, 0x01, struct se_stream)
#define SE_IOC_CHANNEL_OPEN	_IOWR(SE_IOC_MAGIC, 0x02, struct se_channel_open)
#define SE_IOC_CHANNEL_CLOSE	_IO(SE_IOC_MAGIC, 0x03)
#define SE_IOC_GET_STATS	_IOR(SE_IOC_MAGIC, 0x04, struct se_stats)
#define SE_IOC_RESET		_IOWR(SE_IOC_MAGIC, 0x05, struct se_reset)

#endif /* _UAPI_LINUX_SE_H */
