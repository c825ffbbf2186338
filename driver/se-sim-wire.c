// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the SE's side of a transfer, be it on SPI or I2C.
 *
 * The model is of an SE that is half duplex: bytes that the host wants come out
 * of the FIFO (idle bytes where it is empty), bytes that it sends are collected
 * and become one record at the end of the access. What the SE asks of the host
 * in guard times and lengths is watched here, and what goes wrong with bytes
 * goes wrong here.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include "se-compat.h"
#include "se-sim.h"

/*
 * A sleep ends late by what timer and scheduler take, which would be a slower clock
 * than the one that is modelled: the end of each wait is a loop.
 */
#define SPIN_US		60

/* A sleep is cut in pieces of this, so that a slow clock does not hold up close(). */
#define NAP_US		10000

/* In se_sim.held, before the bytes of a block that is late. */
struct se_sim_held {
	u64 due_ns;
	u64 len;
};

/* In se_sim.queue, before the payload. */
struct se_sim_queued {
	u64 due_ns;
	struct se_sim_record head;
};

/**
 * se_sim_spend() - let the time pass that bytes need on the wire
 * @sim: the bus
 * @ns: so long
 */
void se_sim_spend(struct se_sim *sim, u64 ns)
{
	u64 end = ktime_get_ns() + ns, now, us;

	if (sim->flags & SE_SIM_NO_CLOCK)
		return;
	while ((now = ktime_get_ns()) < end && !READ_ONCE(sim->dead)) {
		us = min_t(u64, div_u64(end - now, NSEC_PER_USEC), NAP_US);
		if (us > SPIN_US)
			usleep_range(us - SPIN_US, us - SPIN_US / 2);
		else
			cpu_relax();
	}
}

/* ---- what is to happen later ---------------------------------------------- */

static void release_held(struct se_sim *sim, u64 now)
{
	struct se_sim_held held;
	u8 piece[64];
	size_t n;

	while (se_sim_ring_peek(&sim->held, &held, sizeof(held)) && held.due_ns <= now) {
		se_sim_ring_take(&sim->held, NULL, sizeof(held));
		for (; held.len; held.len -= n) {
			n = se_sim_ring_take(&sim->held, piece,
					     min_t(u64, held.len, sizeof(piece)));
			se_sim_ring_put(&sim->fifo, piece, n);
		}
	}
	memzero_explicit(piece, sizeof(piece));
}

static bool is_due(u64 *when, u64 now)
{
	if (!*when || *when > now)
		return false;
	*when = 0;
	return true;
}

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct se_sim *sim = container_of(timer, struct se_sim, timer);
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&sim->lock, flags);
	now = ktime_get_ns();
	release_held(sim, now);
	if (is_due(&sim->reset_at_ns, now))
		se_sim_self_reset(sim);
	if (is_due(&sim->spurious_at_ns, now))
		sim->spurious = true;
	if (sim->stuck_until_ns != U64_MAX)
		is_due(&sim->stuck_until_ns, now);
	is_due(&sim->line_at_ns, now);
	se_sim_line_update(sim);
	se_sim_timer_update(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	wake_up_interruptible(&sim->readers);
	return HRTIMER_NORESTART;
}

static void sooner(u64 *first, u64 when)
{
	if (when && when < *first)
		*first = when;
}

/**
 * se_sim_timer_update() - have the timer run for whatever comes first
 * @sim: the bus, its lock held
 */
void se_sim_timer_update(struct se_sim *sim)
{
	struct se_sim_queued queued;
	struct se_sim_held held;
	u64 first = U64_MAX;

	if (sim->dead)
		return;
	if (se_sim_ring_peek(&sim->held, &held, sizeof(held)))
		sooner(&first, held.due_ns);
	if (se_sim_ring_peek(&sim->queue, &queued, sizeof(queued)) &&
	    queued.due_ns > ktime_get_ns())
		sooner(&first, queued.due_ns);
	sooner(&first, sim->reset_at_ns);
	sooner(&first, sim->spurious_at_ns);
	sooner(&first, sim->stuck_until_ns);
	sooner(&first, sim->line_at_ns);
	if (first != U64_MAX)
		hrtimer_start(&sim->timer, ns_to_ktime(first), HRTIMER_MODE_ABS);
}

/**
 * se_sim_init_wire() - once, when the file is opened
 * @sim: zeroed
 */
void se_sim_init_wire(struct se_sim *sim)
{
	sim->counters.gap_ns = U64_MAX;
	se_hrtimer_setup(&sim->timer, timer_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}

/**
 * se_sim_stop_wire() - the SE falls silent for good
 * @sim: the bus
 */
void se_sim_stop_wire(struct se_sim *sim)
{
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	sim->dead = true;
	se_sim_forget(sim);
	sim->stuck_until_ns = 0;
	se_sim_line_update(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	hrtimer_cancel(&sim->timer);
}

/* ---- records for the process ---------------------------------------------- */

/**
 * se_sim_tell() - tell the SE what happened
 * @sim: the bus, its lock held
 * @type: of the record
 * @data: payload
 * @len: its length
 * @delay_us: it may be read only later
 *
 * The host never waits for an SE that does not read: what finds no room is
 * dropped and counted.
 */
void se_sim_tell(struct se_sim *sim, enum se_sim_type type, const u8 *data, size_t len,
		 u32 delay_us)
{
	u64 now = ktime_get_ns();
	struct se_sim_queued queued = {
		.due_ns = now + (u64)delay_us * NSEC_PER_USEC,
		.head = { .type = type, .len = len, .time_ns = now },
	};

	if (se_sim_ring_room(&sim->queue) < sizeof(queued) + len) {
		sim->counters.dropped++;
		return;
	}
	/* none overtakes another */
	queued.due_ns = max(queued.due_ns, sim->queue_due_ns);
	sim->queue_due_ns = queued.due_ns;
	se_sim_ring_put(&sim->queue, &queued, sizeof(queued));
	se_sim_ring_put(&sim->queue, data, len);
	if (type == SE_SIM_RESET || (type == SE_SIM_POWER && data[0]))
		sim->unread++;
	if (queued.due_ns > now)
		se_sim_timer_update(sim);
	else
		wake_up_interruptible(&sim->readers);
}

/* The first record, if it may be read. Lock held. */
static bool first_record(struct se_sim *sim, struct se_sim_queued *queued)
{
	return se_sim_ring_peek(&sim->queue, queued, sizeof(*queued)) &&
	       queued->due_ns <= ktime_get_ns();
}

/**
 * se_sim_readable() - is there a record to read?
 * @sim: the bus
 */
bool se_sim_readable(struct se_sim *sim)
{
	struct se_sim_queued queued;
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&sim->lock, flags);
	ret = first_record(sim, &queued);
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

/**
 * se_sim_peek_record() - look at the first record
 * @sim: the bus, its lock held
 * @record: where head and payload go
 * @room: there
 *
 * Return: its size; 0 if there is none. Where that exceeds @room nothing is
 * copied.
 */
size_t se_sim_peek_record(struct se_sim *sim, void *record, size_t room)
{
	const size_t hidden = offsetof(struct se_sim_queued, head);
	struct se_sim_ring *q = &sim->queue;
	struct se_sim_queued queued;
	struct se_sim_ring shown;
	size_t size;

	if (!first_record(sim, &queued))
		return 0;
	size = sizeof(queued.head) + queued.head.len;
	if (size <= room) {
		shown = *q;
		shown.out += hidden;
		se_sim_ring_peek(&shown, record, size);
	}
	return size;
}

/**
 * se_sim_take_record() - forget the first record, the process has it
 * @sim: the bus, its lock held
 */
void se_sim_take_record(struct se_sim *sim)
{
	struct se_sim_queued queued;
	u8 on = 0;

	se_sim_ring_take(&sim->queue, &queued, sizeof(queued));
	if (queued.head.type == SE_SIM_POWER)
		se_sim_ring_peek(&sim->queue, &on, sizeof(on));
	if (queued.head.type == SE_SIM_RESET || on)
		sim->unread--;
	se_sim_ring_take(&sim->queue, NULL, queued.head.len);
	/* the next one may have to wait */
	se_sim_timer_update(sim);
}

/**
 * se_sim_forget() - the SE loses all that was under way
 * @sim: the bus, its lock held
 */
void se_sim_forget(struct se_sim *sim)
{
	se_sim_ring_wipe(&sim->fifo);
	se_sim_ring_wipe(&sim->held);
	se_sim_ring_wipe(&sim->queue);
	sim->epoch++;
	sim->unread = 0;
	sim->held_due_ns = 0;
	sim->queue_due_ns = 0;
	sim->reset_at_ns = 0;
	memzero_explicit(sim->out, min_t(size_t, sim->out_len, SE_SIM_ACCESS_MAX));
	sim->out_len = 0;
	se_sim_line_reset(sim);
}

/* ---- what the process writes ----------------------------------------------- */

static size_t room_in(const struct se_sim *sim)
{
	size_t held = se_sim_ring_used(&sim->held), room = se_sim_ring_room(&sim->fifo);

	if (se_sim_is_mute(sim))
		return SE_SIM_FIFO_SIZE;
	return room > held ? room - held : 0;
}

static void put_once(struct se_sim *sim, const u8 *block, size_t len, u64 due_ns)
{
	struct se_sim_held held = { .due_ns = due_ns, .len = len };

	if (!due_ns) {
		se_sim_ring_put(&sim->fifo, block, len);
		return;
	}
	if (se_sim_ring_room(&sim->held) < sizeof(held) + len) {
		sim->counters.dropped++;
		return;
	}
	se_sim_ring_put(&sim->held, &held, sizeof(held));
	se_sim_ring_put(&sim->held, block, len);
	sim->held_due_ns = due_ns;
}

static void put_damaged(struct se_sim *sim, u8 *block, size_t len)
{
	const struct se_sim_fault *f;
	u64 due = 0;
	bool twice;

	len = se_sim_fault_bytes(sim, SE_SIM_IN, block, len);
	f = se_sim_fault(sim, SE_SIM_FAULT_DELAY, SE_SIM_IN);
	/* what comes behind a late block is late as well */
	if (f || se_sim_ring_used(&sim->held))
		due = max(ktime_get_ns() + (f ? (u64)f->delay_us * NSEC_PER_USEC : 0),
			  sim->held_due_ns);
	twice = se_sim_fault(sim, SE_SIM_FAULT_DUPLICATE, SE_SIM_IN);
	f = se_sim_fault(sim, SE_SIM_FAULT_RESET, SE_SIM_IN);
	if (f && !f->delay_us) {
		se_sim_self_reset(sim);
		return;
	}
	if (f)
		sim->reset_at_ns = ktime_get_ns() + (u64)f->delay_us * NSEC_PER_USEC;
	if (len && len <= room_in(sim))
		put_once(sim, block, len, due);
	if (len && len <= room_in(sim) && twice)
		put_once(sim, block, len, due);
	se_sim_timer_update(sim);
}

/**
 * se_sim_put_block() - the SE says something
 * @sim: the bus
 * @block: bytes, with room for SE_SIM_INSERT_MAX more; changed
 * @len: how many
 *
 * Return: false if there is no room.
 */
bool se_sim_put_block(struct se_sim *sim, u8 *block, size_t len)
{
	unsigned long flags;
	bool ret = true;

	spin_lock_irqsave(&sim->lock, flags);
	if (room_in(sim) < len)
		ret = false;
	else if (!se_sim_is_mute(sim))
		put_damaged(sim, block, len);
	se_sim_line_update(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

/**
 * se_sim_put_room() - bytes that the SE can say
 * @sim: the bus
 */
size_t se_sim_put_room(struct se_sim *sim)
{
	unsigned long flags;
	size_t room;

	spin_lock_irqsave(&sim->lock, flags);
	room = room_in(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	return room;
}

/* ---- accesses of the host --------------------------------------------------- */

static bool has_slept(const struct se_sim *sim, u64 now)
{
	return sim->timing.pst_us && sim->timing.wut_us && sim->last_end_ns &&
	       now - sim->last_end_ns > (u64)sim->timing.pst_us * NSEC_PER_USEC;
}

/**
 * se_sim_access_begin() - the SE is selected
 * @sim: the bus, its lock held
 */
void se_sim_access_begin(struct se_sim *sim)
{
	u64 now = ktime_get_ns(), guard = (u64)sim->timing.segt_us * NSEC_PER_USEC;

	sim->selected = true;
	sim->out_len = 0;
	sim->clocked = 0;
	sim->took = false;
	sim->deaf = false;
	sim->over = false;
	sim->counters.accesses++;
	if (sim->last_end_ns)
		sim->counters.gap_ns = min(sim->counters.gap_ns, now - sim->last_end_ns);

	if (now < sim->ready_ns || (sim->last_end_ns && now - sim->last_end_ns < guard)) {
		sim->counters.segt_violations++;
		sim->deaf = sim->timing.flags & SE_SIM_STRICT;
	} else if (has_slept(sim, now)) {
		sim->deaf = true;
		sim->ready_ns = now + (u64)sim->timing.wut_us * NSEC_PER_USEC;
	}
}

/* How many of @len bytes the SE hears or says. */
static size_t heard(struct se_sim *sim, size_t len, size_t limit)
{
	size_t seal = sim->timing.seal;

	if (!sim->selected || sim->deaf || !se_sim_is_live(sim))
		return 0;
	if (seal && sim->clocked + len > seal) {
		if (!sim->over)
			sim->counters.seal_violations++;
		sim->over = true;
		if (sim->timing.flags & SE_SIM_STRICT)
			len = sim->clocked < seal ? min(len, seal - sim->clocked) : 0;
	}
	return min(len, limit);
}

/* With too fast a clock the SE loses a bit of each byte. */
static void slip(struct se_sim *sim, u8 *data, size_t len, u32 hz)
{
	size_t i;

	if (!sim->timing.max_hz || hz <= sim->timing.max_hz)
		return;
	sim->counters.clock_violations++;
	if (sim->timing.flags & SE_SIM_STRICT)
		for (i = 0; i < len; i++)
			data[i] <<= 1;
}

/* After how many bytes of a transfer the clock stops, and whether that is told. */
static size_t limit(struct se_sim *sim, enum se_sim_dir dir, int *error)
{
	const struct se_sim_fault *f;
	size_t ret = SIZE_MAX;

	f = se_sim_fault(sim, SE_SIM_FAULT_SHORT, dir);
	if (f)
		ret = f->len;
	f = se_sim_fault(sim, SE_SIM_FAULT_ERROR, dir);
	if (f) {
		ret = min_t(size_t, ret, f->len);
		*error = -EIO;
	}
	return ret;
}

/**
 * se_sim_move_in() - a transfer, or the half of one, from the SE
 * @sim: the bus; it is selected
 * @rx: where the bytes go
 * @len: how many
 * @hz: clock
 *
 * Return: 0 or -EIO.
 */
int se_sim_move_in(struct se_sim *sim, u8 *rx, size_t len, u32 hz)
{
	u8 idle = sim->flags & SE_SIM_FILL_FF ? 0xff : 0x00;
	unsigned long flags;
	size_t got;
	int ret = 0;

	spin_lock_irqsave(&sim->lock, flags);
	got = se_sim_ring_take(&sim->fifo, rx, heard(sim, len, limit(sim, SE_SIM_IN, &ret)));
	if (got) {
		slip(sim, rx, got, hz);
		sim->took = true;
		sim->counters.bytes_in += got;
		se_sim_line_update(sim);
	}
	spin_unlock_irqrestore(&sim->lock, flags);

	memset(rx + got, idle, len - got);
	if (got)
		wake_up_interruptible(&sim->writers);
	return ret;
}

/**
 * se_sim_move_out() - a transfer, or the half of one, to the SE
 * @sim: the bus; it is selected
 * @tx: the bytes
 * @len: how many
 * @hz: clock
 *
 * Return: 0 or -EIO.
 */
int se_sim_move_out(struct se_sim *sim, const u8 *tx, size_t len, u32 hz)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&sim->lock, flags);
	len = heard(sim, len, limit(sim, SE_SIM_OUT, &ret));
	if (sim->out_len + len <= SE_SIM_ACCESS_MAX) {
		memcpy(sim->out + sim->out_len, tx, len);
		slip(sim, sim->out + sim->out_len, len, hz);
	}
	sim->out_len += len;
	sim->counters.bytes_out += len;
	spin_unlock_irqrestore(&sim->lock, flags);
	return ret;
}

/* The bytes of the access become a record, if nothing goes wrong. */
static void deliver(struct se_sim *sim)
{
	size_t len = se_sim_fault_bytes(sim, SE_SIM_OUT, sim->out, sim->out_len);
	const struct se_sim_fault *delay, *twice, *reset;
	u32 us;

	delay = se_sim_fault(sim, SE_SIM_FAULT_DELAY, SE_SIM_OUT);
	twice = se_sim_fault(sim, SE_SIM_FAULT_DUPLICATE, SE_SIM_OUT);
	reset = se_sim_fault(sim, SE_SIM_FAULT_RESET, SE_SIM_OUT);
	us = delay ? delay->delay_us : 0;
	if (reset && !reset->delay_us) {
		se_sim_self_reset(sim);
		return;
	}
	if (reset)
		sim->reset_at_ns = ktime_get_ns() + (u64)reset->delay_us * NSEC_PER_USEC;
	if (len)
		se_sim_tell(sim, SE_SIM_ACCESS, sim->out, len, us);
	if (len && twice)
		se_sim_tell(sim, SE_SIM_ACCESS, sim->out, len, us);
	memzero_explicit(sim->out, len);
}

/**
 * se_sim_access_end() - the SE is let go
 * @sim: the bus, its lock held
 */
void se_sim_access_end(struct se_sim *sim)
{
	const struct se_sim_fault *f;
	size_t sent = sim->out_len;

	sim->selected = false;
	sim->last_end_ns = ktime_get_ns();
	sim->counters.longest = max_t(u64, sim->counters.longest, sim->clocked);
	sim->counters.clocked += sim->clocked;
	sim->spurious = false;
	if (sim->took)
		sim->counters.accesses_in++;
	if (!sent && !sim->took)
		sim->counters.accesses_idle++;
	if (sent) {
		sim->counters.accesses_out++;
		if (sent > SE_SIM_ACCESS_MAX)
			sim->counters.dropped++;
		else
			deliver(sim);
		memzero_explicit(sim->out, min_t(size_t, sent, SE_SIM_ACCESS_MAX));
		sim->out_len = 0;
		f = se_sim_fault(sim, SE_SIM_FAULT_IRQ_SPURIOUS, SE_SIM_IN);
		if (f && f->delay_us)
			sim->spurious_at_ns = sim->last_end_ns + (u64)f->delay_us * NSEC_PER_USEC;
		else if (f)
			sim->spurious = true;
	}
	se_sim_line_update(sim);
	se_sim_timer_update(sim);
}
