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
