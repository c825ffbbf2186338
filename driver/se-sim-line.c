// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the data-ready interrupt. Distribution kernels come without irq_sim,
 * so se-sim has its own, with a level or edge flow as a GPIO controller would
 * give.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/ktime.h>
#include "se-compat.h"
#include "se-sim.h"

/* bits of se_sim.irq_state */
#define IRQ_LINE	0	/* the line is active */
#define IRQ_EDGE	1	/* an edge came and was not handed on */
#define IRQ_MASKED	2
#define IRQ_QUIET	3	/* the line is active, and its interrupt got lost */

static bool level_asks(const struct se_sim *sim)
{
	return test_bit(IRQ_LINE, &sim->irq_state) && !test_bit(IRQ_QUIET, &sim->irq_state);
}

/* The only place where the interrupt happens. Interrupts are off. */
static void line_fire(struct se_sim *sim)
{
	if (test_bit(IRQ_MASKED, &sim->irq_state))
		return;
	if (se_sim_is_edge(sim) ? test_and_clear_bit(IRQ_EDGE, &sim->irq_state) :
				  level_asks(sim))
		generic_handle_irq(sim->irq);
}

static void line_work(struct irq_work *work)
{
	line_fire(container_of(work, struct se_sim, irq_work));
}

static void line_tasklet(struct tasklet_struct *t)
{
	struct se_sim *sim = container_of(t, struct se_sim, irq_tasklet);
	unsigned long flags;

	local_irq_save(flags);
	line_fire(sim);
	local_irq_restore(flags);
}

/*
 * Where irq_work has no interrupt of its own (UML) it waits for the next tick,
 * which is an age for a bus.
 */
static void line_kick(struct se_sim *sim)
{
	if (arch_irq_work_has_interrupt())
		irq_work_queue(&sim->irq_work);
	else
		tasklet_schedule(&sim->irq_tasklet);
}

static void line_ack(struct irq_data *data)
{
	/* line_fire() has already taken the edge */
}

static void line_mask(struct irq_data *data)
{
	struct se_sim *sim = irq_data_get_irq_chip_data(data);

	set_bit(IRQ_MASKED, &sim->irq_state);
}

static void line_unmask(struct irq_data *data)
{
	struct se_sim *sim = irq_data_get_irq_chip_data(data);

	clear_bit(IRQ_MASKED, &sim->irq_state);
	/* pairs with the barrier of se_sim_line_update() */
	smp_mb__after_atomic();
	if (se_sim_is_edge(sim) ? test_bit(IRQ_EDGE, &sim->irq_state) : level_asks(sim))
		line_kick(sim);
}

/* An edge that came while the interrupt was disabled is given again. */
static int line_retrigger(struct irq_data *data)
{
	struct se_sim *sim = irq_data_get_irq_chip_data(data);

	set_bit(IRQ_EDGE, &sim->irq_state);
	line_kick(sim);
	return 1;
}

static unsigned int wired_type(const struct se_sim *sim)
{
	return se_sim_is_edge(sim) ? IRQ_TYPE_EDGE_RISING : IRQ_TYPE_LEVEL_HIGH;
}

/* The wiring decides, as on a board; a driver may only ask for what is there. */
static int line_set_type(struct irq_data *data, unsigned int type)
{
	struct se_sim *sim = irq_data_get_irq_chip_data(data);

	if (type != wired_type(sim))
		return -EINVAL;
	irqd_set_trigger_type(data, type);
	return 0;
}

static int line_get_state(struct irq_data *data, enum irqchip_irq_state which, bool *state)
{
	struct se_sim *sim = irq_data_get_irq_chip_data(data);

	if (which != IRQCHIP_STATE_LINE_LEVEL)
		return -EINVAL;
	*state = test_bit(IRQ_LINE, &sim->irq_state);
	return 0;
}

static struct irq_chip line_chip = {
	.name = "se-sim",
	.irq_ack = line_ack,
	.irq_mask = line_mask,
	.irq_unmask = line_unmask,
	.irq_retrigger = line_retrigger,
	.irq_set_type = line_set_type,
	.irq_get_irqchip_state = line_get_state,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

/* Let the pin have the level that it is to have. */
static void drive(struct se_sim *sim, bool active, bool quiet)
{
	if (active == sim->line)
		return;
	sim->line = active;
	if (!active) {
		clear_bit(IRQ_LINE, &sim->irq_state);
		clear_bit(IRQ_QUIET, &sim->irq_state);
		return;
	}
	sim->counters.irqs++;
	if (quiet)
		set_bit(IRQ_QUIET, &sim->irq_state);
	set_bit(IRQ_LINE, &sim->irq_state);
	if (quiet)
		return;
	if (se_sim_is_edge(sim))
		set_bit(IRQ_EDGE, &sim->irq_state);
	/* line_unmask() sees the line, or line_fire() sees it unmasked */
	smp_mb__after_atomic();
	line_kick(sim);
}

/* The SE begins to have something to say: what goes wrong with the line? */
static void begin_to_want(struct se_sim *sim)
{
	const struct se_sim_fault *f;
	u64 now = ktime_get_ns();

	sim->line_quiet = se_sim_fault(sim, SE_SIM_FAULT_IRQ_LOST, SE_SIM_IN);
	f = se_sim_fault(sim, SE_SIM_FAULT_IRQ_LATE, SE_SIM_IN);
	sim->line_at_ns = f ? now + (u64)f->delay_us * NSEC_PER_USEC : 0;
	f = se_sim_fault(sim, SE_SIM_FAULT_IRQ_STUCK, SE_SIM_IN);
	if (f)
		sim->stuck_until_ns = f->delay_us ? now + (u64)f->delay_us * NSEC_PER_USEC :
						    U64_MAX;
	sim->line_off = se_sim_fault(sim, SE_SIM_FAULT_IRQ_DEAD, SE_SIM_IN);
	if (sim->line_at_ns || f)
		se_sim_timer_update(sim);
}

/**
 * se_sim_line_update() - let the data-ready line follow the FIFO
 * @sim: the bus; its lock is held
 */
void se_sim_line_update(struct se_sim *sim)
{
	bool wanted = se_sim_is_live(sim) && se_sim_ring_used(&sim->fifo);
	bool said;

	if (sim->irq <= 0)
		return;
	if (wanted && !sim->wanted)
		begin_to_want(sim);
	sim->wanted = wanted;
	said = wanted && !sim->line_off && !sim->line_at_ns;
	drive(sim, said || sim->spurious || sim->stuck_until_ns,
	      said && sim->line_quiet && !sim->spurious && !sim->stuck_until_ns);
}

/**
 * se_sim_line_reset() - the SE starts afresh and has nothing to say
 * @sim: the bus; its lock is held, the FIFO empty
 */
void se_sim_line_reset(struct se_sim *sim)
{
	sim->spurious = false;
	sim->spurious_at_ns = 0;
	sim->line_at_ns = 0;
	se_sim_line_update(sim);
}

/**
 * se_sim_irq_create() - make the interrupt
 * @sim: the bus
 *
 * Return: 0 or negative errno.
 */
int se_sim_irq_create(struct se_sim *sim)
{
	int irq, ret;

	irq = irq_alloc_desc(NUMA_NO_NODE);
	if (irq < 0)
		return irq;
	sim->irq_work = IRQ_WORK_INIT_HARD(line_work);
	tasklet_setup(&sim->irq_tasklet, line_tasklet);
	sim->irq_state = BIT(IRQ_MASKED);
	irq_set_chip_and_handler(irq, &line_chip,
				 se_sim_is_edge(sim) ? handle_edge_irq : handle_level_irq);
	irq_set_chip_data(irq, sim);
	irq_modify_status(irq, IRQ_NOREQUEST | IRQ_NOAUTOEN, IRQ_NOPROBE);
	ret = irq_set_irq_type(irq, wired_type(sim));
	if (ret) {
		irq_free_desc(irq);
		return ret;
	}
	sim->irq = irq;
	return 0;
}

/**
 * se_sim_irq_destroy() - take the interrupt away; its user is gone already
 * @sim: the bus
 */
void se_sim_irq_destroy(struct se_sim *sim)
{
	unsigned long flags;
	int irq = sim->irq;

	if (irq <= 0)
		return;
	/* from here on the line is cut: nothing kicks any more */
	set_bit(IRQ_MASKED, &sim->irq_state);
	spin_lock_irqsave(&sim->lock, flags);
	sim->irq = 0;
	spin_unlock_irqrestore(&sim->lock, flags);
	irq_work_sync(&sim->irq_work);
	tasklet_kill(&sim->irq_tasklet);
	irq_set_handler(irq, NULL);
	irq_set_chip(irq, NULL);
	irq_set_chip_data(irq, NULL);
	irq_free_desc(irq);
}
