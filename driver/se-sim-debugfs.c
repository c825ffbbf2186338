// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim for people: se-sim/BUS/ in debugfs, where BUS is spi0, i2c0 and so on.
 *
 * counters	what the bus saw
 * fault	written: a kind, a direction where it has one, and settings; read: all
 * seed		written: begin all random numbers anew
 * timing	what the SE asks of the host
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "se-sim.h"

#define LINE_MAX	256

static struct dentry *root;

/* One setting of a line. */
struct word {
	const char *name;
	u32 *value;
};

/* "name=number", or "name" alone for 1. */
static int parse_word(char *text, const struct word *words, size_t n)
{
	char *value = strchr(text, '=');
	size_t i;

	if (value)
		*value++ = '\0';
	for (i = 0; i < n; i++) {
		if (strcmp(words[i].name, text))
			continue;
		if (value)
			return kstrtou32(value, 0, words[i].value);
		*words[i].value = 1;
		return 0;
	}
	return -EINVAL;
}

static int parse_words(char *line, const struct word *words, size_t n)
{
	char *text;
	int ret;

	while ((text = strsep(&line, " \t\n"))) {
		if (!*text)
			continue;
		ret = parse_word(text, words, n);
		if (ret)
			return ret;
	}
	return 0;
}

/* The line that is written, to be freed. */
static char *get_line(const char __user *user, size_t count, loff_t pos)
{
	if (pos || count > LINE_MAX)
		return ERR_PTR(-EINVAL);
	return memdup_user_nul(user, count);
}

/* ---- counters ----------------------------------------------------------------- */

static int counters_show(struct seq_file *m, void *unused)
{
	struct se_sim *sim = m->private;
	struct se_sim_counters c;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	c = sim->counters;
	spin_unlock_irqrestore(&sim->lock, flags);

	seq_printf(m, "accesses %llu\naccesses_out %llu\naccesses_in %llu\naccesses_idle %llu\n",
		   c.accesses, c.accesses_out, c.accesses_in, c.accesses_idle);
	seq_printf(m, "bytes_out %llu\nbytes_in %llu\nirqs %llu\nresets %llu\n",
		   c.bytes_out, c.bytes_in, c.irqs, c.resets);
	seq_printf(m, "power_ons %llu\npower_offs %llu\nnacks %llu\nclocked %llu\n",
		   c.power_ons, c.power_offs, c.nacks, c.clocked);
	seq_printf(m, "dropped %llu\nlongest_access %llu\nshortest_gap_ns %llu\n",
		   c.dropped, c.longest, c.gap_ns == U64_MAX ? 0 : c.gap_ns);
	seq_printf(m, "segt_violations %llu\nseal_violations %llu\nclock_violations %llu\n",
		   c.segt_violations, c.seal_violations, c.clock_violations);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* ---- faults -------------------------------------------------------------------- */

static void show_fault(struct seq_file *m, struct se_sim *sim, u32 kind, u32 dir)
{
	struct se_sim_fault f = { .kind = kind, .dir = dir };

	se_sim_fault_get(sim, &f);
	seq_printf(m, "%s", se_sim_fault_name(kind));
	if (se_sim_fault_has_dir(kind))
		seq_puts(m, dir == SE_SIM_IN ? " in" : " out");
	seq_printf(m, " ppm=%u nth=%u count=%u offset=%u len=%u value=%u delay_us=%u random=%u",
		   f.ppm, f.nth, f.count, f.offset, f.len, f.value, f.delay_us,
		   f.flags & SE_SIM_FAULT_RANDOM ? 1 : 0);
	seq_printf(m, " seen=%llu done=%llu\n", f.seen, f.done);
}

static int fault_show(struct seq_file *m, void *unused)
{
	struct se_sim *sim = m->private;
	u32 kind;

	for (kind = 0; kind < SE_SIM_FAULT_KINDS; kind++) {
		show_fault(m, sim, kind, SE_SIM_IN);
		if (se_sim_fault_has_dir(kind))
			show_fault(m, sim, kind, SE_SIM_OUT);
	}
	return 0;
}

static int parse_fault(char *line, struct se_sim_fault *f)
{
	u32 random = 0;
	const struct word words[] = {
		{ "ppm", &f->ppm },
		{ "nth", &f->nth },
		{ "count", &f->count },
		{ "offset", &f->offset },
		{ "len", &f->len },
		{ "value", &f->value },
		{ "delay_us", &f->delay_us },
		{ "random", &random },
	};
	char *name = strsep(&line, " \t\n"), *dir;
	int ret;

	for (f->kind = 0; f->kind < SE_SIM_FAULT_KINDS; f->kind++)
		if (!strcmp(name, se_sim_fault_name(f->kind)))
			break;
	if (f->kind == SE_SIM_FAULT_KINDS)
		return -EINVAL;
	if (se_sim_fault_has_dir(f->kind)) {
		dir = strsep(&line, " \t\n");
		if (!dir || (strcmp(dir, "in") && strcmp(dir, "out")))
			return -EINVAL;
		f->dir = strcmp(dir, "in") ? SE_SIM_OUT : SE_SIM_IN;
	}
	ret = parse_words(line, words, ARRAY_SIZE(words));
	if (ret || random > 1)
		return ret ?: -EINVAL;
	f->flags = random ? SE_SIM_FAULT_RANDOM : 0;
	return 0;
}

static ssize_t fault_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct se_sim *sim = file_inode(file)->i_private;
	/* nothing but a kind means: each time */
	struct se_sim_fault fault = { .ppm = SE_SIM_PPM };
	char *line = get_line(user, count, *pos);
	int ret;

	if (IS_ERR(line))
		return PTR_ERR(line);
	ret = parse_fault(line, &fault) ?: se_sim_fault_set(sim, &fault);
	kfree(line);
	return ret ?: count;
}

static int fault_open(struct inode *inode, struct file *file)
{
	return single_open(file, fault_show, inode->i_private);
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.open = fault_open,
	.read = seq_read,
	.write = fault_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int seed_set(void *data, u64 seed)
{
	se_sim_fault_seed(data, seed);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(seed_fops, NULL, seed_set, "%llu\n");

/* ---- timing -------------------------------------------------------------------- */

static int timing_show(struct seq_file *m, void *unused)
{
	struct se_sim *sim = m->private;
	struct se_sim_timing t;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	t = sim->timing;
	spin_unlock_irqrestore(&sim->lock, flags);
	seq_printf(m, "segt_us=%u seal=%u max_hz=%u pwt_us=%u pst_us=%u wut_us=%u strict=%u\n",
		   t.segt_us, t.seal, t.max_hz, t.pwt_us, t.pst_us, t.wut_us,
		   t.flags & SE_SIM_STRICT ? 1 : 0);
	return 0;
}

/* What is not named is zero. */
static ssize_t timing_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct se_sim *sim = file_inode(file)->i_private;
	struct se_sim_timing t = { };
	u32 strict = 0;
	const struct word words[] = {
		{ "segt_us", &t.segt_us },
		{ "seal", &t.seal },
		{ "max_hz", &t.max_hz },
		{ "pwt_us", &t.pwt_us },
		{ "pst_us", &t.pst_us },
		{ "wut_us", &t.wut_us },
		{ "strict", &strict },
	};
	char *line = get_line(user, count, *pos);
	int ret;

	if (IS_ERR(line))
		return PTR_ERR(line);
	ret = parse_words(line, words, ARRAY_SIZE(words));
	kfree(line);
	if (!ret && strict > 1)
		ret = -EINVAL;
	t.flags = strict ? SE_SIM_STRICT : 0;
	return ret ?: se_sim_set_timing(sim, &t) ?: count;
}

static int timing_open(struct inode *inode, struct file *file)
{
	return single_open(file, timing_show, inode->i_private);
}

static const struct file_operations timing_fops = {
	.owner = THIS_MODULE,
	.open = timing_open,
	.read = seq_read,
	.write = timing_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * se_sim_debugfs_add() - show a bus
 * @sim: the bus; it has its name
 */
void se_sim_debugfs_add(struct se_sim *sim)
{
	sim->debugfs = debugfs_create_dir(sim->bus_name, root);
	debugfs_create_file("counters", 0444, sim->debugfs, sim, &counters_fops);
	debugfs_create_file("fault", 0600, sim->debugfs, sim, &fault_fops);
	debugfs_create_file_unsafe("seed", 0200, sim->debugfs, sim, &seed_fops);
	debugfs_create_file("timing", 0600, sim->debugfs, sim, &timing_fops);
}

/**
 * se_sim_debugfs_init() - when the module is loaded
 */
void se_sim_debugfs_init(void)
{
	root = debugfs_create_dir("se-sim", NULL);
}

/**
 * se_sim_debugfs_exit() - when it is unloaded
 */
void se_sim_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}
