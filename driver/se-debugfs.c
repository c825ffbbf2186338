// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs se/seN/: what the core is doing, how long things take, and faults to
 * order where the kernel is built for that. No bytes of APDUs.
 */
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/seq_file.h>

#include "se-chip.h"

static struct dentry *se_debugfs;

static const char *const op_names[] = {
	[SE_LINK_NONE] = "none",
	[SE_LINK_CIP] = "cip",
	[SE_LINK_ATR] = "atr",
	[SE_LINK_RESYNCH] = "resynch",
	[SE_LINK_IFS] = "ifs",
	[SE_LINK_SWR] = "swr",
	[SE_LINK_APDU] = "apdu",
	[SE_LINK_DRAIN] = "drain",
	[SE_LINK_ABORT] = "abort",
	[SE_LINK_RELEASE] = "release",
};

static s64 ms_left(u64 until, u64 now)
{
	return div_s64((s64)(until - now), NSEC_PER_MSEC);
}

static void show_queue(struct seq_file *m, struct se_chip *chip, u64 now)
{
	struct se_turn *turn;
	unsigned int waiting = 0;

	spin_lock_irq(&chip->lock);
	list_for_each_entry(turn, &chip->turns, node)
		waiting++;
	seq_printf(m, "state: %s\n", se_state_name(chip->state));
	seq_printf(m, "generation: %llu\n", chip->generation);
	seq_printf(m, "turn: %s\n", chip->turn ? "held" : "free");
	seq_printf(m, "waiting: %u\n", waiting);
	if (chip->xfer)
		seq_printf(m, "exchange: %s, %lld ms to its deadline\n",
			   chip->xfer->state == SE_XFER_RUNNING ? "running" : "pending",
			   ms_left(chip->xfer->deadline, now));
	seq_printf(m, "reset: %s\n", !chip->reset ? "none" :
		   chip->reset->begun ? "begun" : "wanted");
	seq_printf(m, "channels: %05x\n", chip->channels);
	seq_printf(m, "to-close: %05x\n", chip->closer.pending);
	seq_printf(m, "dead: %d\n", chip->dead);
	spin_unlock_irq(&chip->lock);
}

/* What belongs to the worker is read as it is at the moment; it may be in between. */
static void show_link(struct seq_file *m, struct se_chip *chip, u64 now)
{
	seq_printf(m, "operation: %s\n", op_names[READ_ONCE(chip->op)]);
	seq_printf(m, "starting: %d\n", READ_ONCE(chip->starting));
	seq_printf(m, "attempts: %u\n", READ_ONCE(chip->attempts));
	if (READ_ONCE(chip->awaiting))
		seq_printf(m, "awaiting: a block, for %lld ms\n", ms_left(chip->wait_until, now));
	seq_printf(m, "events: %lx\n", READ_ONCE(chip->events));
	seq_printf(m, "power: %s\n", READ_ONCE(chip->power.on) ? "on" : "off");
	seq_printf(m, "ifsc: %u\n", READ_ONCE(chip->t1.ifsc));
	seq_printf(m, "ifsd: %u\n", READ_ONCE(chip->t1.ifsd));
	seq_printf(m, "blocks: %u sent, %u received, %u repeated, %u wtx\n",
		   READ_ONCE(chip->t1.count.blocks_tx), READ_ONCE(chip->t1.count.blocks_rx),
		   READ_ONCE(chip->t1.count.retrans), READ_ONCE(chip->t1.count.wtx));
}

static int state_show(struct seq_file *m, void *unused)
{
	struct se_chip *chip = m->private;
	u64 now = ktime_get_ns();

	show_queue(m, chip, now);
	show_link(m, chip, now);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static void show_hist(struct seq_file *m, struct se_chip *chip, const char *name,
		      unsigned int index)
{
	u64 n, count = 0;
	unsigned int i;

	for (i = 0; i < SE_HIST_BUCKETS; i++)
		count += se_stats_get(chip, index + 1 + i);
	seq_printf(m, "%s: %llu times, mean %llu us\n", name, count,
		   count ? div64_u64(se_stats_get(chip, index), count * NSEC_PER_USEC) : 0);
	for (i = 0; i < SE_HIST_BUCKETS; i++) {
		n = se_stats_get(chip, index + 1 + i);
		if (n)
			seq_printf(m, "  < %10llu us: %llu\n", 1ULL << i, n);
	}
}

static int histograms_show(struct seq_file *m, void *unused)
{
	struct se_chip *chip = m->private;

	show_hist(m, chip, "total", SE_STAT_INDEX(total));
	show_hist(m, chip, "wire", SE_STAT_INDEX(wire));
	show_hist(m, chip, "think", SE_STAT_INDEX(think));
	show_hist(m, chip, "queue", SE_STAT_INDEX(queue));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(histograms);

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
static const char *const fault_names[] = {
	[SE_FAULT_SEND] = "fail_send",
	[SE_FAULT_RECEIVE] = "fail_receive",
	[SE_FAULT_CORRUPT] = "corrupt_receive",
	[SE_FAULT_IRQ] = "lose_irq",
};

static DECLARE_FAULT_ATTR(no_fault);

static void add_faults(struct se_chip *chip)
{
	unsigned int i;

	for (i = 0; i < SE_FAULTS; i++) {
		chip->faults[i] = no_fault;
		fault_create_debugfs_attr(fault_names[i], chip->debugfs, &chip->faults[i]);
	}
}
#else
static void add_faults(struct se_chip *chip)
{
}
#endif

/**
 * se_debugfs_add() - make the folder of an SE
 * @chip: has its number
 */
void se_debugfs_add(struct se_chip *chip)
{
	chip->debugfs = debugfs_create_dir(dev_name(&chip->dev), se_debugfs);
	debugfs_create_file("state", 0400, chip->debugfs, chip, &state_fops);
	debugfs_create_file("histograms", 0400, chip->debugfs, chip, &histograms_fops);
	add_faults(chip);
}

/**
 * se_debugfs_remove() - take it away; nobody reads in it any more afterwards
 * @chip: the chip
 */
void se_debugfs_remove(struct se_chip *chip)
{
	debugfs_remove_recursive(chip->debugfs);
	chip->debugfs = NULL;
}

/** se_debugfs_init() - make the folder of all */
void __init se_debugfs_init(void)
{
	se_debugfs = debugfs_create_dir("se", NULL);
}

/** se_debugfs_exit() - take it away */
void se_debugfs_exit(void)
{
	debugfs_remove_recursive(se_debugfs);
}
