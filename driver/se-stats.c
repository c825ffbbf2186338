// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters and latency histograms of one SE.
 *
 * struct se_stats of the uapi is nothing but __u64s; inside the kernel it is an
 * array of atomic64_t in the same order. So any context may count, a reader on
 * a 32-bit machine never sees half of a value, and there is no second list of
 * the counters to keep in step.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "se-chip.h"

static_assert(sizeof(struct se_stats) % sizeof(u64) == 0);
static_assert(offsetof(struct se_hist, bucket) == sizeof(u64));

/**
 * se_stats_add() - count; use se_stat_add() or se_stat_inc()
 * @chip: of se_chip_alloc()
 * @index: of the counter in struct se_stats
 * @n: how much
 *
 * Any context.
 */
void se_stats_add(struct se_chip *chip, unsigned int index, u64 n)
{
	atomic64_add(n, &chip->stats[index]);
}
EXPORT_SYMBOL_GPL(se_stats_add);

/**
 * se_stats_get() - one counter
 * @chip: the chip
 * @index: of it in struct se_stats
 *
 * Return: its value.
 */
u64 se_stats_get(struct se_chip *chip, unsigned int index)
{
	return atomic64_read(&chip->stats[index]);
}

/**
 * se_stats_read() - all counters
 * @chip: the chip
 * @stats: out. Each counter is whole; they are not all of the same moment
 */
void se_stats_read(struct se_chip *chip, struct se_stats *stats)
{
	u64 *out = (u64 *)stats;
	unsigned int i;

	for (i = 0; i < SE_STATS_NR; i++)
		out[i] = se_stats_get(chip, i);
}

/* Which bucket: 0 is less than a microsecond, n is 2^(n-1) to 2^n - 1. */
static unsigned int bucket(u64 ns)
{
	return min_t(unsigned int, fls64(div_u64(ns, NSEC_PER_USEC)), SE_HIST_BUCKETS - 1);
}

/**
 * se_stats_time() - count a time; use se_stat_time()
 * @chip: the chip
 * @index: of the histogram's first member in struct se_stats
 * @ns: the time
 */
void se_stats_time(struct se_chip *chip, unsigned int index, u64 ns)
{
	atomic64_add(ns, &chip->stats[index]);
	atomic64_inc(&chip->stats[index + 1 + bucket(ns)]);
}

/**
 * se_stats_blocks() - count what the engine counted in an exchange
 * @chip: worker context; called once at the end of each exchange
 */
void se_stats_blocks(struct se_chip *chip)
{
	const struct se_t1_counters *c = &chip->t1.count;

	se_stat_add(chip, blocks_tx, c->blocks_tx);
	se_stat_add(chip, blocks_rx, c->blocks_rx);
	se_stat_add(chip, retrans, c->retrans);
	se_stat_add(chip, edc_errors, c->edc_errors);
	se_stat_add(chip, timeouts, c->timeouts);
	se_stat_add(chip, wtx, c->wtx);
	se_stat_add(chip, aborts, c->aborts);
	se_stat_add(chip, protocol_errors, c->bad);
	se_stat_add(chip, wtx_refused, c->wtx_refused);
	if (!chip->starting)
		se_stat_add(chip, resyncs, c->resyncs);
}

/**
 * se_stats_end() - count an exchange of an APDU that is over for its caller
 * @chip: worker context
 * @xfer: its outputs are set
 */
void se_stats_end(struct se_chip *chip, const struct se_xfer *xfer)
{
	se_stat_time(chip, total, xfer->total_ns);
	se_stat_time(chip, wire, xfer->wire_ns);
	se_stat_time(chip, think, chip->think_ns);
	if (!xfer->error)
		se_stat_inc(chip, apdus);
	else
		se_stat_inc(chip, errors);
	if (xfer->outcome == SE_OUTCOME_UNKNOWN)
		se_stat_inc(chip, unknown);
	if (xfer->error == -ETIMEDOUT)
		se_stat_inc(chip, deadlines);
	else if (xfer->error == -EINTR || xfer->error == -ECANCELED)
		se_stat_inc(chip, cancels);
}
