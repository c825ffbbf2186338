/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open files: what each asks for, and what it may send.
 *
 * A file asks for things (struct se_op): to run a stream, to send a written
 * APDU, to open a channel, to have the lock. They wait in the file's own list in
 * the order in which they came, and the first of them in the chip's queue. So a
 * file has one place there, however much it asks for.
 *
 * Nothing waits for user memory while it has the turn: what is to be sent is
 * copied before, and what came back is given to the user afterwards.
 */
#ifndef _SE_SESSION_H
#define _SE_SESSION_H

#include <linux/ktime.h>

#include "se-chip.h"
#include "se-compat.h"

struct io_uring_cmd;

/*
 * Wait until a deadline (nanoseconds, U64_MAX for none) or a signal. Task work,
 * io_uring's for instance, wakes a task as a signal does, but it is none that its
 * program knows of: the wait goes on, in short pieces so that a real one is seen.
 * 0, -ETIME or -ERESTARTSYS.
 */
#define se_wait_until(wq, condition, deadline)					\
({										\
	u64 __se_deadline = (deadline);						\
	int __se_waited = se_wait_interruptible_hrtimeout(wq, condition,	\
							  se_time_left(__se_deadline)); \
										\
	while (__se_waited == -ERESTARTSYS && !se_signal_pending()) {		\
		if (wait_event_killable_timeout(wq, condition, HZ / 10) > 0)	\
			__se_waited = 0;					\
		else if (ktime_get_ns() >= __se_deadline)			\
			__se_waited = -ETIME;					\
	}									\
	__se_waited;								\
})

enum se_op_kind {
	SE_OP_STREAM,
	SE_OP_WRITTEN,
	SE_OP_CHANNEL,
	SE_OP_LOCK,
};

/**
 * struct se_op - something that a file asks for
 * @turn: its place in the queue, while it is the first of its file
 * @file: who asks
 * @kind: what for
 * @privileged: who asks may use the basic channel without the lock
 * @cookie: for SE_IOC_CANCEL
 * @deadline: absolute, nanoseconds: it waits no longer for the turn
 * @node: in se_file.ops until it has ended; chip lock
 * @waiting: in se_chip.waiting while it has no turn; chip lock
 * @stop: negative errno: nothing more is to be sent for it, for that reason;
 *	chip lock
 * @xfer: its exchange that is under way, or NULL; chip lock
 * @changed: called under the chip lock, once: with 0 it has the turn, with a
 *	negative errno it has ended without
 * @wait: for its caller
 * @told: @changed was called; chip lock, se_op_wait()
 * @error: with what; chip lock, se_op_wait()
 */
struct se_op {
	struct se_turn turn;
	struct se_file *file;
	enum se_op_kind kind;
	bool privileged;
	u64 cookie;
	u64 deadline;
	struct list_head node;
	struct list_head waiting;
	int stop;
	struct se_xfer *xfer;
	void (*changed)(struct se_op *op, int error);
	wait_queue_head_t wait;
	bool told;
	int error;
};

/**
 * struct se_flow - what the SE takes the next APDU of a file for
 * @chained: the last one was a link of a chain (CLA bit 5), another must follow
 * @header: of that chain: CLA without channel and chaining bit, INS, P1, P2
 * @more: the last one was answered 61xx: GET RESPONSE fetches the rest
 * @unknown: it has not been answered yet
 */
struct se_flow {
	bool chained;
	u8 header[4];
	bool more;
	bool unknown;
};

struct se_filter_layer;

/**
 * struct se_file - one open file: a session
 * @chip: holds a reference
 * @filp: the file, for who opened it and how
 * @wait: for the end of ops, and for responses of written APDUs
 * @ops: struct se_op that have not ended; chip lock
 * @uring: io_uring requests under way; chip lock
 * @seen: the last generation that this file was told of; chip lock
 * @channel: bound logical channel or SE_CHANNEL_NONE; chip lock
 * @channel_generation: the channel exists as long as the chip has this one;
 *	chip lock
 * @flow: see there; chip lock
 * @flow_before: the same without the command that is under way; chip lock
 * @lock_lost: the hold of its lock ended; chip lock
 * @lock_lost_seen: SE_IOC_GET_INFO has told so; chip lock
 * @filters: an APDU has to pass all of them; chip lock
 * @nr_filters: how many; chip lock
 * @written: the written APDU; in @ops or not in use
 * @xfer: its exchange
 * @io: serialises write() and read()
 * @cmd: written C-APDU; io
 * @rsp: R-APDU for read()
 * @responded: @xfer has a result that was not read; chip lock
 */
struct se_file {
	struct se_chip *chip;
	const struct file *filp;
	wait_queue_head_t wait;
	struct list_head ops;
	unsigned int uring;
	u64 seen;
	u32 channel;
	u64 channel_generation;
	struct se_flow flow;
	struct se_flow flow_before;
	bool lock_lost;
	bool lock_lost_seen;
	struct se_filter_layer *filters[SE_FILTER_LAYERS_MAX];
	unsigned int nr_filters;
	struct se_op written;
	struct se_xfer xfer;
	struct mutex io;	/* write() against read() */
	u8 *cmd;
	u8 *rsp;
	bool responded;
};

/**
 * struct se_run - a stream on its way
 * @op: its place in the queue
 * @xfer: the exchange under way
 * @s: what the caller asked for, and what it is told
 * @apdus: copy of the caller's array
 * @cmds: all C-APDUs, one after the other
 * @cmds_len: their length
 * @rsps: room for all R-APDUs, one after the other
 * @rsps_len: its size
 * @deadline: of its exchanges
 * @generation: that the chip must have from the first exchange to the last
 * @next: the APDU under way; chip lock
 * @cmd: its command; chip lock
 * @rsp: where its response goes; chip lock
 * @finished: so many APDUs have their final values; chip lock. Those stay as
 *	they are and may be read without it
 * @news: the caller should look at @finished now; chip lock
 * @has_ended: nothing of it changes any more; chip lock
 * @result: 0 or negative errno, when it has ended
 * @ended: called under the chip lock at the end, or NULL: @op.wait is woken
 * @told: so many APDUs have been given to the caller
 * @told_rsp: where the response of the next one is
 * @uring: the request, if it came by io_uring
 * @user: where @s came from
 * @user_size: how much of it there is
 */
struct se_run {
	struct se_op op;
	struct se_xfer xfer;
	struct se_stream s;
	struct se_apdu *apdus;
	u8 *cmds;
	size_t cmds_len;
	u8 *rsps;
	size_t rsps_len;
	u64 deadline;
	u64 generation;
	u32 next;
	u8 *cmd;
	u8 *rsp;
	u32 finished;
	bool news;
	bool has_ended;
	int result;
	void (*ended)(struct se_run *run);
	u32 told;
	u8 *told_rsp;
	struct io_uring_cmd *uring;
	void __user *user;
	size_t user_size;
};

/* se-op.c */
void se_op_init(struct se_op *op, struct se_file *file, enum se_op_kind kind, s32 priority);
int se_op_queue_locked(struct se_op *op);
void se_op_end_locked(struct se_op *op);
void se_op_drop_locked(struct se_op *op, int error);
void se_op_cancel_locked(struct se_op *op, int error);
int se_op_wait(struct se_op *op);
int se_op_xfer(struct se_op *op, struct se_xfer *xfer);
void se_op_end(struct se_op *op);
int se_cancel_run(struct se_file *file, struct se_cancel *cancel);
int se_priority_check(s32 priority);

/* se-run.c */
void se_run_init(struct se_run *run, struct se_file *file);
int se_run_start(struct se_run *run);
int se_run_wait(struct se_run *run);

/* se-stream.c */
int se_stream_get(struct se_run *run, void __user *user, size_t size);
int se_stream_put(struct se_run *run);
int se_stream_put_end(struct se_run *run, int result);
void se_stream_free(struct se_run *run);
int se_stream_run(struct se_file *file, void __user *user, size_t size);
int se_put_struct(void __user *to, size_t to_size, const void *from, size_t size);

/* se-channel.c */
bool se_capdu_ok(const u8 *cmd, size_t len);
u8 se_cla_plain(u8 cla);
bool se_cla_any_sm(u8 cla);
bool se_cla_is_chained(u8 cla);
bool se_channel_privileged(const struct se_file *file);
int se_channel_check_locked(struct se_file *file, bool privileged, const u8 *cmd, size_t len,
			    struct se_flow *flow, u8 *cla);
int se_channel_open(struct se_file *file, struct se_channel_open *open);
int se_channel_close(struct se_file *file);
void se_channel_drop(struct se_file *file);

/* se-filter.c */
int se_filter_set(struct se_file *file, const struct se_filter *filter);
void se_filter_free(struct se_file *file);
int se_filter_check_locked(struct se_file *file, const u8 *cmd, size_t len,
			   const struct se_flow *flow);
bool se_filter_aid_ok_locked(struct se_file *file, const u8 *aid, size_t len);
bool se_filter_forbids_locked(struct se_file *file, u32 flag);
void se_flow_sent(struct se_flow *flow, const u8 *cmd);
void se_flow_ended(struct se_flow *flow, const struct se_flow *before, const struct se_xfer *xfer);

/* se-lock.c */
int se_lock_run(struct se_file *file, struct se_lock *lock);
int se_lock_unlock(struct se_file *file);
void se_lock_expire_locked(struct se_chip *chip);
enum se_lock_state se_lock_state_locked(struct se_file *file);

/* se-reset.c */
int se_reset_run(struct se_file *file, struct se_reset *reset);

/* se-uring.c, where the kernel has it */
int se_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);

#endif /* _SE_SESSION_H */
