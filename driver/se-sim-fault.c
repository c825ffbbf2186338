// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: what goes wrong, and when. A fault is decided at its occasion, in the
 * order in which the occasions come, from a random generator of its own: with
 * the same seed and the same traffic the same occasions are hit.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include "se-sim.h"

#define DELAY_MAX_US	(60 * USEC_PER_SEC)
#define EVER		U64_MAX

static const struct {
	const char *name;
	bool has_dir;
} kinds[SE_SIM_FAULT_KINDS] = {
	[SE_SIM_FAULT_DROP] = { "drop", true },
	[SE_SIM_FAULT_CORRUPT] = { "corrupt", true },
	[SE_SIM_FAULT_DELAY] = { "delay", true },
	[SE_SIM_FAULT_DUPLICATE] = { "duplicate", true },
	[SE_SIM_FAULT_INSERT] = { "insert", true },
	[SE_SIM_FAULT_SHORT] = { "short", true },
	[SE_SIM_FAULT_ERROR] = { "error", true },
	[SE_SIM_FAULT_NACK] = { "nack", true },
	[SE_SIM_FAULT_RESET] = { "reset", true },
	[SE_SIM_FAULT_IRQ_SPURIOUS] = { "irq-spurious" },
	[SE_SIM_FAULT_IRQ_LOST] = { "irq-lost" },
	[SE_SIM_FAULT_IRQ_LATE] = { "irq-late" },
	[SE_SIM_FAULT_IRQ_STUCK] = { "irq-stuck" },
	[SE_SIM_FAULT_IRQ_DEAD] = { "irq-dead" },
};

/**
 * se_sim_fault_name() - name of a kind
 * @kind: below SE_SIM_FAULT_KINDS
 */
const char *se_sim_fault_name(enum se_sim_fault_kind kind)
{
	return kinds[kind].name;
}

/**
 * se_sim_fault_has_dir() - is there one for each direction?
 * @kind: below SE_SIM_FAULT_KINDS
 */
bool se_sim_fault_has_dir(enum se_sim_fault_kind kind)
{
	return kinds[kind].has_dir;
}

static bool exists(const struct se_sim_fault *f)
{
	return f->kind < SE_SIM_FAULT_KINDS &&
	       (f->dir == SE_SIM_IN || (f->dir == SE_SIM_OUT && kinds[f->kind].has_dir));
}

/**
 * se_sim_fault_set() - let something go wrong
 * @sim: the bus
 * @fault: from the user
 *
 * Return: 0, or -EINVAL if it makes no sense.
 */
int se_sim_fault_set(struct se_sim *sim, const struct se_sim_fault *fault)
{
	struct se_sim_slot *slot;
	unsigned long flags;
	u64 done;

	if (!exists(fault) || fault->flags & ~SE_SIM_FAULT_RANDOM || fault->ppm > SE_SIM_PPM ||
	    fault->value > U8_MAX || fault->delay_us > DELAY_MAX_US)
		return -EINVAL;
	if (fault->kind == SE_SIM_FAULT_INSERT && fault->len > SE_SIM_INSERT_MAX)
		return -EINVAL;

	slot = &sim->slots[fault->kind][fault->dir];
	spin_lock_irqsave(&sim->lock, flags);
	done = slot->set.done;
	slot->set = *fault;
	slot->set.seen = 0;
	slot->set.done = done;
	slot->left = fault->count ?: EVER;
	if (fault->kind == SE_SIM_FAULT_IRQ_STUCK && !fault->ppm) {
		sim->stuck_until_ns = 0;
		se_sim_line_update(sim);
	}
	spin_unlock_irqrestore(&sim->lock, flags);
	return 0;
}

/**
 * se_sim_fault_get() - tell of a fault
 * @sim: the bus
 * @fault: kind and direction; the rest is filled in
 *
 * Return: 0, or -EINVAL if there is no such kind.
 */
int se_sim_fault_get(struct se_sim *sim, struct se_sim_fault *fault)
{
	u32 kind = fault->kind, dir = fault->dir;
	unsigned long flags;

	if (!exists(fault))
		return -EINVAL;
	spin_lock_irqsave(&sim->lock, flags);
	*fault = sim->slots[kind][dir].set;
	spin_unlock_irqrestore(&sim->lock, flags);
	fault->kind = kind;
	fault->dir = dir;
	return 0;
}

/**
 * se_sim_fault_seed() - begin all random numbers anew
 * @sim: the bus
 * @seed: any number
 */
void se_sim_fault_seed(struct se_sim *sim, u64 seed)
{
	unsigned int kind, dir;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	for (kind = 0; kind < SE_SIM_FAULT_KINDS; kind++)
		for (dir = 0; dir < SE_SIM_DIRS; dir++)
			/* far apart: seeds of neighbours give sequences alike */
			prandom_seed_state(&sim->slots[kind][dir].rnd,
					   seed + (kind * SE_SIM_DIRS + dir + 1) *
					   0x9e3779b97f4a7c15ULL);
	spin_unlock_irqrestore(&sim->lock, flags);
}

/**
 * se_sim_fault() - does it happen now?
 * @sim: the bus, its lock held
 * @kind: of fault
 * @dir: which way
 *
 * Return: the fault, or NULL.
 */
const struct se_sim_fault *se_sim_fault(struct se_sim *sim, enum se_sim_fault_kind kind,
					enum se_sim_dir dir)
{
	struct se_sim_slot *slot = &sim->slots[kind][dir];

	if (!slot->set.ppm)
		return NULL;
	slot->set.seen++;
	if (slot->set.seen < slot->set.nth || !slot->left)
		return NULL;
	if (slot->set.ppm < SE_SIM_PPM &&
	    prandom_u32_state(&slot->rnd) % SE_SIM_PPM >= slot->set.ppm)
		return NULL;
	if (slot->left != EVER)
		slot->left--;
	slot->set.done++;
	return &slot->set;
}

/* Where in @len bytes, which are not none, it happens. */
static size_t place(struct se_sim_slot *slot, size_t len)
{
	if (slot->set.flags & SE_SIM_FAULT_RANDOM)
		return prandom_u32_state(&slot->rnd) % len;
	return min_t(size_t, slot->set.offset, len - 1);
}

static size_t drop(struct se_sim_slot *slot, u8 *data, size_t len)
{
	size_t where = place(slot, len);
	size_t n = min_t(size_t, slot->set.len, len - where);

	if (!slot->set.len)
		return 0;
	memmove(data + where, data + where + n, len - where - n);
	return len - n;
}

static void corrupt(struct se_sim_slot *slot, u8 *data, size_t len)
{
	size_t where = place(slot, len);
	size_t n = min_t(size_t, max_t(size_t, slot->set.len, 1), len - where);

	for (; n; n--, where++)
		data[where] ^= slot->set.value ?: prandom_u32_state(&slot->rnd) % U8_MAX + 1;
}

static size_t insert(struct se_sim_slot *slot, u8 *data, size_t len)
{
	size_t where = len ? place(slot, len) : 0;
	size_t n = max_t(size_t, slot->set.len, 1);

	memmove(data + where + n, data + where, len - where);
	memset(data + where, slot->set.value, n);
	return len + n;
}

/**
 * se_sim_fault_bytes() - damage bytes that are under way
 * @sim: the bus, its lock held
 * @dir: which way
 * @data: the bytes, with room for SE_SIM_INSERT_MAX more
 * @len: how many, not 0
 *
 * Return: how many are left; 0 for none.
 */
size_t se_sim_fault_bytes(struct se_sim *sim, enum se_sim_dir dir, u8 *data, size_t len)
{
	if (se_sim_fault(sim, SE_SIM_FAULT_DROP, dir))
		len = drop(&sim->slots[SE_SIM_FAULT_DROP][dir], data, len);
	if (len && se_sim_fault(sim, SE_SIM_FAULT_CORRUPT, dir))
		corrupt(&sim->slots[SE_SIM_FAULT_CORRUPT][dir], data, len);
	if (se_sim_fault(sim, SE_SIM_FAULT_INSERT, dir))
		len = insert(&sim->slots[SE_SIM_FAULT_INSERT][dir], data, len);
	return len;
}
