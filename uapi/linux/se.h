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
#define SE_PRIORITY_MIN		(-7)
#define SE_PRIORITY_MAX		7
#define SE_LOCK_HOLD_MAX_MS	60000	/* the most that any policy allows */
#define SE_FILTER_RULES_MAX	64	/* rules in one SE_IOC_SET_FILTER */
#define SE_FILTER_AIDS_MAX	32	/* AIDs in one SE_IOC_SET_FILTER */
#define SE_FILTER_LAYERS_MAX	8	/* SE_IOC_SET_FILTER on one open file */
#define SE_URING_MAX		64	/* io_uring streams of one open file */

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
#define SE_CAP_POWER		(1U << 2)	/* SE_RESET_POWER: the supply can be switched */
#define SE_CAP_URING		(1U << 3)	/* SE_URING_CMD_SUBMIT */
#define SE_CAP_RELEASE		(1U << 4)	/* S(RELEASE) goes out before power-off */

/**
 * enum se_lock_state - who has the exclusive use of the SE
 * @SE_LOCK_FREE: nobody
 * @SE_LOCK_MINE: this open file
 * @SE_LOCK_OTHER: another open file
 * @SE_LOCK_LOST: this open file had it until its hold ended; told until the file
 *	asks for the lock again or says SE_IOC_UNLOCK. Who has it now is not told
 */
enum se_lock_state {
	SE_LOCK_FREE,
	SE_LOCK_MINE,
	SE_LOCK_OTHER,
	SE_LOCK_LOST,
};

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
 * @lock: out: enum se_lock_state
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
	__u32 lock;
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
 * @outcome: out: enum se_outcome. Written SE_OUTCOME_UNKNOWN before the first
 *	command of the stream may leave, and its final value when it is known
 *	(at the end, or behind an APDU that took its time), so that memory that
 *	outlives the caller (a shared file mapping) tells the truth about a
 *	caller that was killed
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
 * @SE_STOP_CANCELLED: by SE_IOC_CANCEL, or by a cancelled io_uring request
 * @SE_STOP_LOCK: this file does not hold the lock, or lost it while the stream
 *	ran: the APDU on the wire ran to its end, the next was not sent
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
	SE_STOP_CANCELLED,
	SE_STOP_LOCK,
};

/* struct se_stream.flags */
#define SE_STREAM_CHECK_GENERATION	(1U << 0) /* refuse if not @generation */
/*
 * On a signal, even a fatal one, stay until the exchange that is on the wire
 * has ended (the deadline bounds that), so that its outcome is exact.
 */
#define SE_STREAM_SETTLE		(1U << 1)
/* Refuse if this file does not hold the lock (SE_STOP_LOCK). */
#define SE_STREAM_NEED_LOCK		(1U << 2)

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
 * @cookie: in: the caller's name for the stream, in traces and for
 *	SE_IOC_CANCEL. It need not be unique
 * @stop: out: enum se_stop
 * @priority: in: SE_PRIORITY_MIN to SE_PRIORITY_MAX, 0 is the usual one. Each
 *	step is worth one second of waiting in the queue, so that nobody starves.
 *	Above 0 needs CAP_SYS_NICE
 *
 * Nobody else's APDU comes between two of one stream. The call returns 0 when
 * @stop is SE_STOP_END, SE_STOP_SW or SE_STOP_ROOM; otherwise -1 and
 * errno: ETIMEDOUT (DEADLINE), EINTR (SIGNAL), ECONNRESET (GENERATION), EIO or
 * EPROTO (LINK), ENODEV (GONE), EFAULT (FAULT), EACCES (REFUSED), ECANCELED
 * (CANCELLED), ENOLCK (LOCK). The structure and the array are written back in
 * every one of these cases. EINVAL, E2BIG, ENOMEM and EPERM (@priority) say that
 * nothing was looked at: every APDU is SE_OUTCOME_NOT_SENT.
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
	__s32 priority;
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
 * @priority: in: as in struct se_stream
 * @reserved: 0
 *
 * errno: EBUSY (this file has a channel), EUSERS (the SE has none left), ENOENT
 * (no such application: 6A82), EREMOTEIO (the SE refused otherwise, see @sw),
 * EACCES (the filter of this file does not have the AID), or one of
 * SE_IOC_SUBMIT's. After a failure no channel is left open.
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
	__s32 priority;
	__u32 reserved;
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
 * returns when the SE is ready again. Who holds the lock may ask for RESYNCH, SOFT
 * and LINE, and keeps the lock; CAP_SYS_ADMIN may ask for every level at any time
 * (POWER needs it: others may hang on the same supply).
 *
 * errno: EPERM, EACCES (filter), EOPNOTSUPP (the level is not wired), EBUSY (another reset is
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

/* struct se_lock.flags */
#define SE_LOCK_NONBLOCK	(1U << 0)	/* EBUSY if it cannot be had at once */

/**
 * struct se_lock - SE_IOC_LOCK: have the SE for oneself
 * @flags: in: SE_LOCK_*
 * @hold_ms: in: for how long, 0 for as long as the policy allows; out: what was
 *	granted, at most SE_LOCK_HOLD_MAX_MS
 * @deadline_ns: in: absolute CLOCK_MONOTONIC, bounds the wait for the lock; 0
 *	means 30 s
 * @expires_ns: out: absolute CLOCK_MONOTONIC, when the hold ends
 * @generation: out: the current one
 * @priority: in: as in struct se_stream
 * @reserved: 0
 *
 * The lock belongs to the open file. While it is held only this file's APDUs
 * run, and it may use the basic channel. It ends with SE_IOC_UNLOCK, with the
 * file, or at @expires_ns: then an APDU on the wire runs to its end, a stream
 * stops behind it with SE_STOP_LOCK, poll() tells PRI and SE_IOC_GET_INFO says
 * SE_LOCK_LOST. Locking again while holding it goes to the end of the queue like
 * everybody else: EDEADLK instead.
 *
 * The lock is granted in its turn, so that who locks again and again cannot keep
 * the others out. Needs a file that is open for writing.
 *
 * errno: EBUSY (SE_LOCK_NONBLOCK), ETIMEDOUT, EINTR, ECANCELED (SE_IOC_CANCEL),
 * ENODEV, EDEADLK (this file has it), EPERM (@priority, or not open for
 * writing), EACCES (filter), EINVAL, EFAULT. After an error the file has no lock.
 * No APDU is sent by this call.
 */
struct se_lock {
	__u32 flags;
	__u32 hold_ms;
	__u64 deadline_ns;
	__u64 expires_ns;
	__u64 generation;
	__s32 priority;
	__u32 reserved;
};

/* struct se_cancel.flags */
#define SE_CANCEL_ALL		(1U << 0)	/* whatever its cookie */

/**
 * struct se_cancel - SE_IOC_CANCEL: give up what this open file asked for
 * @cookie: in: of the streams that are meant. A written APDU has cookie 0
 * @flags: in: SE_CANCEL_*. SE_CANCEL_ALL means SE_IOC_LOCK and
 *	SE_IOC_CHANNEL_OPEN that are under way as well
 * @cancelled: out: how many requests it met
 *
 * To be called from another thread, or for streams of io_uring and written APDUs.
 * What has not begun is never sent: SE_OUTCOME_NOT_SENT. An APDU on the wire is
 * given up as at its deadline: NOT_SENT if the SE cannot have got the whole
 * command, else UNKNOWN (or EXECUTED if the answer was faster). The SE computes
 * on; its answer is awaited and thrown away before anybody's next APDU. The
 * request ends with ECANCELED (read() says so for a written APDU); this call
 * does not wait for that.
 *
 * errno: ENOENT (nothing to cancel), ENODEV, EINVAL, EFAULT.
 */
struct se_cancel {
	__u64 cookie;
	__u32 flags;
	__u32 cancelled;
};

/**
 * struct se_filter_rule - commands that may be sent
 * @cla: class as it would be on the basic channel, without the chaining bit
 * @cla_mask: bits of @cla that count
 * @ins: instruction
 * @ins_mask: bits of @ins that count
 * @p1: first parameter
 * @p1_mask: bits of @p1 that count
 * @p2: second parameter
 * @p2_mask: bits of @p2 that count
 */
struct se_filter_rule {
	__u8 cla;
	__u8 cla_mask;
	__u8 ins;
	__u8 ins_mask;
	__u8 p1;
	__u8 p1_mask;
	__u8 p2;
	__u8 p2_mask;
};

/**
 * struct se_filter_aid - an application that may be selected
 * @aid: its AID
 * @len: of @aid, SE_AID_MIN to SE_AID_MAX; 0 means the default application
 * @reserved: 0
 */
struct se_filter_aid {
	__u8 aid[SE_AID_MAX];
	__u8 len;
	__u8 reserved[7];
};

/* struct se_filter.flags */
#define SE_FILTER_RULES		(1U << 0)	/* only commands of @rules_ptr */
#define SE_FILTER_AIDS		(1U << 1)	/* only applications of @aids_ptr */
#define SE_FILTER_NO_BASIC	(1U << 2)	/* no basic channel */
#define SE_FILTER_NO_LOCK	(1U << 3)	/* no SE_IOC_LOCK */
#define SE_FILTER_NO_RESET	(1U << 4)	/* no SE_IOC_RESET */

/**
 * struct se_filter - SE_IOC_SET_FILTER: narrow what this open file may do
 * @rules_ptr: in: array of struct se_filter_rule, with SE_FILTER_RULES
 * @aids_ptr: in: array of struct se_filter_aid, with SE_FILTER_AIDS
 * @nr_rules: in: up to SE_FILTER_RULES_MAX; 0 forbids every APDU of the caller
 * @nr_aids: in: up to SE_FILTER_AIDS_MAX; 0 forbids every selection
 * @flags: in: SE_FILTER_*, at least one
 * @reserved: 0
 *
 * One way: there is no call that takes a filter away. Each call adds one more,
 * up to SE_FILTER_LAYERS_MAX, and an APDU has to pass all of them. It belongs to
 * the open file and so to every descriptor of it, duplicated, inherited or
 * passed. What is queued already is looked at again when its turn comes.
 *
 * Every APDU is looked at, submitted, written or by io_uring. Each link of a
 * chain (CLA bit 5) is looked at by itself and must be of the header that began
 * the chain. GET RESPONSE passes without a rule right after an APDU of this file
 * that was answered 61xx. With SE_FILTER_AIDS a SELECT by name (INS A4, P1 04 to
 * 07, any class) must name an AID of the list in full, first or only
 * occurrence, neither chained nor under secure messaging. SE_IOC_CHANNEL_OPEN is
 * looked at by SE_FILTER_AIDS alone. What does not pass is refused with EACCES
 * (SE_STOP_REFUSED), and nothing of its stream is sent if that is known before.
 *
 * errno: ENOSPC (SE_FILTER_LAYERS_MAX), E2BIG (too many rules or AIDs), EINVAL,
 * EFAULT, ENOMEM, ENODEV. After an error nothing is changed.
 */
struct se_filter {
	__u64 rules_ptr;
	__u64 aids_ptr;
	__u32 nr_rules;
	__u32 nr_aids;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct se_uring_cmd - command area of an SQE with SE_URING_CMD_SUBMIT
 * @stream_ptr: in: struct se_stream, as for SE_IOC_SUBMIT
 * @reserved: 0
 *
 * IORING_OP_URING_CMD on /dev/seN, if there is SE_CAP_URING. The structures that
 * it points to, commands included, are read when the SQE is submitted; the array
 * of APDUs, the response buffers and the structure itself are written before the
 * CQE is there, and must stay until then. Up to SE_URING_MAX requests of one open
 * file may be under way (EBUSY); they run in the order of their submission.
 * SE_STREAM_SETTLE is refused.
 *
 * CQE: res is struct se_stream.done, or the negative errno of SE_IOC_SUBMIT. With
 * IORING_SETUP_CQE32 the first extra word is se_stream.stop in its low half and
 * the outcome of the APDU at which the stream stopped in its high half.
 */
struct se_uring_cmd {
	__u64 stream_ptr;
	__u64 reserved;
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
#define SE_IOC_LOCK		_IOWR(SE_IOC_MAGIC, 0x06, struct se_lock)
#define SE_IOC_UNLOCK		_IO(SE_IOC_MAGIC, 0x07)
#define SE_IOC_CANCEL		_IOWR(SE_IOC_MAGIC, 0x08, struct se_cancel)
#define SE_IOC_SET_FILTER	_IOW(SE_IOC_MAGIC, 0x09, struct se_filter)

/* cmd_op of IORING_OP_URING_CMD; its size is that of struct se_stream */
#define SE_URING_CMD_SUBMIT	_IOWR(SE_IOC_MAGIC, 0x40, struct se_stream)

#endif /* _UAPI_LINUX_SE_H */
