/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the core: one SE, its queue and its open files.
 *
 * Threads: the chip's worker runs the link (se-link.c): it alone touches the
 * T=1' engine and the transport, in short steps, and never waits for the SE.
 * Callers of ioctl() sleep in their own context.
 *
 * Locking: one spinlock, &se_chip.lock, taken with interrupts off, guards what
 * the fields below say. "worker" at a field means that only the worker thread
 * touches it, without a lock.
 *
 * Terms: an exchange (struct se_xfer) is one APDU. A turn (struct se_turn) is
 * the right to make exchanges; turns are granted one at a time, in the order in
 * which they were asked for (a priority is worth some seconds of waiting), so
 * that nobody else's APDU comes between two of one stream. Each file asks for
 * one turn at a time (se-session.h): that makes the queue fair between files.
 */
#ifndef _SE_CHIP_H
#define _SE_CHIP_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fault-inject.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/se.h>
#include <linux/se_netlink.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "se-core.h"
#include "se-t1.h"

#define SE_CHANNELS		20	/* ISO/IEC 7816-4, 5.4.2: 0 to 19 */
#define SE_TURN_MAX_NS		(600ULL * NSEC_PER_SEC)	/* whatever deadline is asked for */
#define SE_PRIORITY_NS		NSEC_PER_SEC	/* of waiting, that one step is worth */

#define SE_STATS_NR	(sizeof(struct se_stats) / sizeof(__u64))

struct se_file;

enum se_turn_state {
	SE_TURN_NONE,
	SE_TURN_QUEUED,
	SE_TURN_HELD,
	SE_TURN_REVOKED,
};

/**
 * struct se_turn - a place in the queue
 * @node: in se_chip.turns while QUEUED; chip lock
 * @state: chip lock
 * @file: who asks; NULL: the driver itself, before all others, lock or no lock
 * @priority: of struct se_stream
 * @since: when it was asked for, nanoseconds; chip lock
 * @key: the lowest goes first; chip lock
 * @changed: called under the chip lock when @state became HELD or REVOKED
 */
struct se_turn {
	struct list_head node;
	enum se_turn_state state;
	struct se_file *file;
	s32 priority;
	u64 since;
	s64 key;
	void (*changed)(struct se_chip *chip, struct se_turn *turn);
};

enum se_xfer_state {
	SE_XFER_NONE,
	SE_XFER_PENDING,
	SE_XFER_RUNNING,
	SE_XFER_DONE,
};

/**
 * struct se_xfer - one exchange
 * @cmd: C-APDU, kernel memory, the caller's until DONE
 * @cmd_len: its length
 * @rsp: where the R-APDU goes, kernel memory, the caller's until DONE
 * @rsp_room: its size
 * @deadline: absolute, CLOCK_MONOTONIC, nanoseconds
 * @generation: if not 0, do not start if the chip has another one
 * @cookie: the caller's name for it, in traces
 * @done: called by the worker under the chip lock when @state became DONE, or
 *	NULL
 * @wait: if @done is NULL: woken instead, under the chip lock
 * @state: chip lock
 * @abandon: chip lock; negative errno: give up, for that reason
 * @error: out: 0, or negative errno
 * @outcome: out: enum se_outcome
 * @rsp_len: out: length of the R-APDU, may exceed @rsp_room
 * @sw: out: its status word
 * @wtx: out
 * @retrans: out
 * @wire_ns: out: time on the bus
 * @total_ns: out: from the first block to the last
 */
struct se_xfer {
	const u8 *cmd;
	size_t cmd_len;
	u8 *rsp;
	size_t rsp_room;
	u64 deadline;
	u64 generation;
	u64 cookie;
	void (*done)(struct se_chip *chip, struct se_xfer *xfer);
	wait_queue_head_t *wait;
	enum se_xfer_state state;
	int abandon;
	int error;
	u16 outcome;
	u16 sw;
	u32 rsp_len;
	u32 wtx;
	u32 retrans;
	u64 wire_ns;
	u64 total_ns;
};

/* bits of se_chip.events */
#define SE_EVENT_DATA_READY	0	/* the transport has something to read */
#define SE_EVENT_STATE_LOST	1	/* the SE shows that it was reset */

/* faults that debugfs can order (se-debugfs.c) */
enum se_fault {
	SE_FAULT_SEND,		/* a block does not get through to the bus */
	SE_FAULT_RECEIVE,	/* the bus fails while a block is read */
	SE_FAULT_CORRUPT,	/* a block comes damaged */
	SE_FAULT_IRQ,		/* nobody is told that data is ready */
	SE_FAULTS,
};

/* what the worker has on the wire */
enum se_link_op {
	SE_LINK_NONE,
	SE_LINK_CIP,
	SE_LINK_ATR,
	SE_LINK_RESYNCH,
	SE_LINK_IFS,
	SE_LINK_SWR,
	SE_LINK_APDU,
	SE_LINK_DRAIN,	/* an abandoned APDU: the SE is still busy with it */
	SE_LINK_ABORT,	/* an abandoned APDU: the SE did not end it, RESYNCH */
	SE_LINK_RELEASE, /* power is about to go */
};

/**
 * struct se_reset_request - somebody waits for a reset; chip lock
 * @level: how hard
 * @begun: the worker is at it
 * @done: it has ended
 * @error: out: 0, or negative errno
 * @state: out: enum se_state, when it had ended
 * @generation: out: the same
 * @ended: called by the worker when it has ended, or NULL if its caller waits
 */
struct se_reset_request {
	enum se_reset_level level;
	bool begun;
	bool done;
	int error;
	enum se_state state;
	u64 generation;
	void (*ended)(struct se_chip *chip, const struct se_reset_request *request);
};

/**
 * struct se_closer - closes logical channels that nobody holds any more
 * @turn: its place in the queue
 * @xfer: the MANAGE CHANNEL on the wire
 * @pending: bit n: channel n is to be closed; chip lock
 * @current_channel: the one that @xfer closes
 * @tries: of the current channel
 * @cmd: MANAGE CHANNEL
 * @rsp: status word
 */
struct se_closer {
	struct se_turn turn;
	struct se_xfer xfer;
	u32 pending;
	unsigned int current_channel;
	unsigned int tries;
	u8 cmd[4];
	u8 rsp[16];
};

/**
 * struct se_power - supply, runtime PM and system sleep (se-power.c)
 * @wait: for the callbacks of runtime PM and of system sleep
 * @on: the SE has power; worker
 * @told: the generation has moved, and no exchange has begun since; worker
 * @cutting: power is about to go, S(RELEASE) may be on the wire; lock, written
 *	by the worker
 * @release_end: S(RELEASE) has to be answered until then, nanoseconds; worker
 * @active: runtime PM has the bus device active; lock
 * @refused: a runtime suspend came at a bad time; lock
 * @idle_wanted: a runtime suspend waits; lock
 * @error: its result; lock
 * @sleep_wanted: the system goes to sleep, or sleeps; lock
 * @sleep_cap: until then the exchange on the wire may go on, nanoseconds; lock
 * @parked: nothing is done any more until the system is awake; lock
 * @resumed: the system is awake; lock
 * @restart: the SE is to be started up then; lock
 * @stopping: no callback waits any more; lock
 */
struct se_power {
	wait_queue_head_t wait;
	bool on;
	bool told;
	bool cutting;
	u64 release_end;
	bool active;
	bool refused;
	bool idle_wanted;
	int error;
	bool sleep_wanted;
	u64 sleep_cap;
	bool parked;
	bool resumed;
	bool restart;
	bool stopping;
};

#define SE_LADDER_ALL		(BIT(SE_RESET_RESYNCH) | BIT(SE_RESET_SOFT) |	\
				 BIT(SE_RESET_LINE) | BIT(SE_RESET_POWER))

/**
 * struct se_policy - what the administrator decides
 * @ladder: BIT(enum se_reset_level) of each rung that recovery may climb to by
 *	itself, where it is wired
 * @wtx_max: waiting time extensions granted in one exchange; 0: the deadline
 *	alone bounds them
 * @deadline_ms: of an APDU whose caller names none
 * @drain_ms: how long an abandoned command may go on to keep the SE busy
 * @autosuspend_ms: idle time after which the supply is taken away
 * @hold_max_ms: how long a lock may be held
 * @irq: enum se_irq_policy
 */
struct se_policy {
	u32 ladder;
	u32 wtx_max;
	u32 deadline_ms;
	u32 drain_ms;
	u32 autosuspend_ms;
	u32 hold_max_ms;
	u8 irq;
};

/**
 * struct se_chip - one secure element
 * @dev: class device; its reference count is the chip's
 * @parent: bus device; referenced, since after the class device is deleted
 *	@dev.parent may dangle
 * @cdev: /dev/seN
 * @ops: the transport; worker
 * @drvdata: the transport's
 * @dialect: constants of the link
 * @index: N
 * @caps: SE_CAP_*
 * @policy: lock. The worker reads single members without it
 * @live: the device node exists; worker, and after it has ended anyone
 * @lock: see above
 * @dead: no turn and no exchange any more; lock
 * @state: enum se_state; lock. Written by the worker (and at the end)
 * @generation: lock
 * @ifsc: what to tell of the link, as all down to @cip_len; lock
 * @ifsd: see @ifsc
 * @bwt_us: see @ifsc
 * @irq_mode: see @ifsc
 * @clock_hz: see @ifsc
 * @cip: see @ifsc
 * @cip_len: see @ifsc
 * @turns: queued turns, by their keys; lock
 * @waiting: struct se_op of all files that wait for a turn; lock
 * @granting: somebody is in the loop that grants turns; lock
 * @owner: the file that holds the lock of SE_IOC_LOCK, or NULL; lock
 * @owner_end: when its hold ends; lock
 * @turn: the one that is held, or NULL; lock
 * @turn_end: no exchange of it lasts longer; lock
 * @xfer: the exchange that is pending or running, or NULL; lock. Only the
 *	worker takes it away, so that the worker may use it without the lock
 * @reset: the reset that is wanted or under way, or NULL; lock
 * @posted_reset: of se_reset_post(), in use while @reset points to it; lock
 * @channels: bit n: channel n is bound to an open file; lock
 * @closer: see there
 * @wait: for poll(): state, generation, end
 * @power: see there
 * @stats: counters, in the order of struct se_stats
 * @tell: does and tells what @to_tell says
 * @to_tell: SE_TELL_* bits
 * @irq_reason: why the interrupt mode is what it is
 * @debugfs: its folder there
 * @faults: faults that were ordered
 * @worker: runs @work and @queue_watch
 * @work: the link's next step
 * @queue_watch: ends what has waited, held the lock or been idle for too long
 * @queue_watch_at: when it runs next, U64_MAX if it is not queued; lock
 * @turn_idle_end: when a holder that does nothing with its turn loses it; lock
 * @events: SE_EVENT_* bits for the worker
 * @timer: queues @work at the next deadline
 * @t1: the engine; worker, as everything below
 * @op: what is on the wire
 * @starting: the start-up sequence is running
 * @attempts: start-up sequences tried
 * @rung: the highest one of the ladder that recovery has climbed to
 * @state_gone: the SE has lost its volatile state since it was last ready, for sure
 * @reason: why the state is what it is
 * @awaiting: a block is awaited
 * @wait_until: until then, nanoseconds
 * @drain_until: an abandoned exchange may last until then
 * @started: when the exchange began
 * @awaited_since: when the wait for a block began
 * @wire_ns: bus time of the exchange
 * @think_ns: time that the exchange spent waiting for blocks
 * @apdu_id: number of the exchange, in traces
 * @pwt_us: power-up waiting time, after a reset of the SE by itself
 * @board_ifsc: what the board's description knows of the SE, or 0
 * @board_bwt_us: the same
 * @block_tx: block being sent
 * @block_rx: block being received
 * @cmd: copy of the C-APDU (the engine may need it after its caller left)
 * @rsp: R-APDU, or the CIP
 */
struct se_chip {
	struct device dev;
	struct device *parent;
	struct cdev cdev;
	const struct se_transport_ops *ops;
	void *drvdata;
	const struct se_t1_dialect *dialect;
	int index;
	u32 caps;
	struct se_policy policy;
	bool live;

	spinlock_t lock;	/* see above */
	bool dead;
	enum se_state state;
	u64 generation;
	u32 ifsc;
	u32 ifsd;
	u32 bwt_us;
	enum se_irq_mode irq_mode;
	u32 clock_hz;
	u8 cip[SE_CIP_MAX];
	u32 cip_len;
	struct list_head turns;
	struct list_head waiting;
	bool granting;
	struct se_file *owner;
	u64 owner_end;
	struct se_turn *turn;
	u64 turn_end;
	struct se_xfer *xfer;
	struct se_reset_request *reset;
	struct se_reset_request posted_reset;
	u32 channels;
	struct se_closer closer;
	wait_queue_head_t wait;
	struct se_power power;
	atomic64_t stats[SE_STATS_NR];
	struct kthread_work tell;
	unsigned long to_tell;
	enum se_reason irq_reason;
	struct dentry *debugfs;
#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
	struct fault_attr faults[SE_FAULTS];
#endif

	struct kthread_worker *worker;
	struct kthread_work work;
	struct kthread_delayed_work queue_watch;
	u64 queue_watch_at;
	u64 turn_idle_end;
	unsigned long events;
	struct hrtimer timer;

	struct se_t1 t1;
	enum se_link_op op;
	bool starting;
	unsigned int attempts;
	enum se_reset_level rung;
	bool state_gone;
	enum se_reason reason;
	bool awaiting;
	u64 wait_until;
	u64 drain_until;
	u64 started;
	u64 awaited_since;
	u64 wire_ns;
	u64 think_ns;
	u64 apdu_id;
	u32 pwt_us;
	u16 board_ifsc;
	u32 board_bwt_us;
	u8 *block_tx;
	u8 *block_rx;
	u8 *cmd;
	u8 *rsp;
};

/* se-core.c */
void se_chip_set_state(struct se_chip *chip, enum se_state state, enum se_reason reason);
void se_chip_move_generation(struct se_chip *chip, enum se_reason reason, bool channels_closed);
void se_chip_move_generation_locked(struct se_chip *chip, bool channels_closed);
void se_chip_generation_moved(struct se_chip *chip, enum se_reason reason);
void se_chip_ready(struct se_chip *chip);
struct se_chip *se_chip_get(u32 index);
struct se_chip *se_chip_get_next(u32 *index);
dev_t se_devt(int index);

/* se-link.c */
int se_link_init(struct se_chip *chip);
void se_link_start(struct se_chip *chip);
void se_link_stop(struct se_chip *chip);
void se_link_free(struct se_chip *chip);
void se_link_state_lost(struct se_chip *chip);

void se_link_go(struct se_chip *chip, enum se_link_op op);
void se_link_quit(struct se_chip *chip);
void se_link_release(struct se_chip *chip);
bool se_link_park(struct se_chip *chip);
void se_link_unpark(struct se_chip *chip);

/* se-xfer.c */
int se_xfer_start_locked(struct se_chip *chip, struct se_xfer *xfer);
void se_xfer_abandon_locked(struct se_chip *chip, struct se_xfer *xfer, int error);
void se_xfer_abandon(struct se_chip *chip, struct se_xfer *xfer, int error);
bool se_xfer_is_done(struct se_chip *chip, struct se_xfer *xfer);

/* se-recover.c */
int se_recover_init(struct se_chip *chip);
void se_recover_policy(struct se_chip *chip, struct se_t1_params *params);
void se_recover_params(struct se_chip *chip, struct se_t1_params *params);
void se_recover_start(struct se_chip *chip);
void se_recover_lost(struct se_chip *chip, enum se_reason reason);
void se_recover_done(struct se_chip *chip, enum se_link_op op);
void se_recover_failed(struct se_chip *chip, enum se_link_op op, const struct se_t1_action *a);
void se_recover_requested(struct se_chip *chip, enum se_reset_level level);
bool se_recover_wired(struct se_chip *chip, enum se_reset_level level);
void se_link_restart(struct se_chip *chip, enum se_reason reason, bool lost_all);

/* se-power.c */
void se_power_init(struct se_chip *chip);
void se_power_start(struct se_chip *chip);
void se_power_stop(struct se_chip *chip);
void se_power_set_autosuspend(struct se_chip *chip, u32 ms);
bool se_power_get(struct se_chip *chip);
void se_power_unused_locked(struct se_chip *chip);
void se_power_idle(struct se_chip *chip);
void se_power_step(struct se_chip *chip, u64 now);
bool se_power_parked(struct se_chip *chip);
int se_power_give_up_locked(struct se_chip *chip, u64 now);
u64 se_power_deadline(struct se_chip *chip);

/* se-reset.c */
int se_reset_post(struct se_chip *chip, enum se_reset_level level,
		  void (*ended)(struct se_chip *chip, const struct se_reset_request *request));
bool se_reset_wanted(struct se_chip *chip, enum se_reset_level *level);
void se_reset_begun(struct se_chip *chip, enum se_reset_level level);
void se_reset_done(struct se_chip *chip, int error);

/* se-queue.c */
void se_queue_init(struct se_chip *chip);
int se_turn_queue_locked(struct se_chip *chip, struct se_turn *turn);
void se_turn_end_locked(struct se_chip *chip, struct se_turn *turn);
void se_turn_idle_locked(struct se_chip *chip);
void se_turn_grant_locked(struct se_chip *chip);
void se_turn_revoke_all(struct se_chip *chip);
void se_queue_watch_locked(struct se_chip *chip, u64 when);
void se_queue_watch(struct kthread_work *work);
u64 se_deadline(struct se_chip *chip, u64 deadline_ns, u32 nr);
ktime_t se_time_left(u64 deadline);

/* se-channel.c */
void se_channel_orphan_locked(struct se_chip *chip, u32 mask);
void se_closer_init(struct se_chip *chip);

/* se-chardev.c */
extern const struct file_operations se_fops;

/* se-trace.c */

/* steps of recovery, in traces */
enum se_recover_step {
	SE_RECOVER_DRAIN,	/* the answer of an abandoned command is awaited */
	SE_RECOVER_ABORT,	/* an unfinished command is given up: RESYNCH */
	SE_RECOVER_RESYNCH,
	SE_RECOVER_SOFT,
	SE_RECOVER_LINE,
	SE_RECOVER_POWER,
	SE_RECOVER_START_UP,
	SE_RECOVER_READY,
	SE_RECOVER_DEAD,
};

/**
 * struct se_block_info - a block as observers see it
 * @begin_ns: when its bus access began, CLOCK_MONOTONIC
 * @duration_ns: how long it took
 * @size: bytes of the whole block, 0 if none could be made out
 * @inf_len: LEN
 * @rule: of struct se_t1_action: why it was sent, or what decided about it; or NULL
 * @nad: NAD
 * @pcb: PCB
 * @sent: to the SE, rather than from it
 * @edc_ok: the checksum was right
 */
struct se_block_info {
	u64 begin_ns;
	u64 duration_ns;
	u32 size;
	u16 inf_len;
	const char *rule;
	u8 nad;
	u8 pcb;
	bool sent;
	bool edc_ok;
};

void se_observe_block(struct se_chip *chip, bool sent, const u8 *block, size_t size, bool edc_ok,
		      const char *rule, u64 begin, u64 end);

/* se-stats.c */
#define se_stat_time(chip, hist, ns)	se_stats_time(chip, SE_STAT_INDEX(hist), ns)
void se_stats_time(struct se_chip *chip, unsigned int index, u64 ns);
void se_stats_blocks(struct se_chip *chip);
void se_stats_end(struct se_chip *chip, const struct se_xfer *xfer);
u64 se_stats_get(struct se_chip *chip, unsigned int index);
void se_stats_read(struct se_chip *chip, struct se_stats *stats);

/* Do the bytes that the SE told of itself make an ATR, rather than a CIP? */
static inline bool se_chip_has_atr(const struct se_chip *chip)
{
	return chip->dialect->s_cip == SE_T1_NO_CODE;
}

/* se-sysfs.c */
extern const struct attribute_group *se_groups[];
const char *se_state_name(enum se_state state);

/* se-debugfs.c */
void se_debugfs_init(void);
void se_debugfs_exit(void);
void se_debugfs_add(struct se_chip *chip);
void se_debugfs_remove(struct se_chip *chip);

/* Has this fault been ordered for now? */
static inline bool se_fault(struct se_chip *chip, enum se_fault fault)
{
#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
	return should_fail(&chip->faults[fault], 1);
#else
	return false;
#endif
}

/* se-netlink.c */
int se_netlink_init(void);
void se_netlink_exit(void);
void se_netlink_event(struct se_chip *chip, u8 cmd, enum se_reason reason);
bool se_netlink_monitored(void);
void se_netlink_block(struct se_chip *chip, const struct se_block_info *block);
void se_netlink_tell(struct se_chip *chip, unsigned int what);
void se_netlink_tell_work(struct kthread_work *work);

/* for se_netlink_tell() */
#define SE_TELL_IRQ_POLICY	0	/* policy.irq has changed: tell the transport */
#define SE_TELL_CONFIG		1	/* the configuration has changed */
#define SE_TELL_STORM		2	/* the interrupt did not stop */
#define SE_TELL_IRQ_MODE	3	/* the interrupt mode has changed */

#endif /* _SE_CHIP_H */
