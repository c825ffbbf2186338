// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: the data-ready interrupt and the reset line.
 *
 * Distribution kernels come without irq_sim and gpio-sim, so se-sim has its
 * own: an interrupt with a level or edge flow as a GPIO controller would give,
 * and a GPIO chip with one output.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>
#include "se-compat.h"
#include "se-sim.h"

/* bits of se_sim.irq_state */
#define IRQ_LINE	0	/* the line is active */
#define IRQ_EDGE	1	/* an edge came and was not handed on */
#define IRQ_MASKED	2

static bool is_edge(const struct se_sim *sim)
{
	return sim->flags & SE_SIM_IRQ_EDGE;
}

/* The only place where the interrupt happens. Interrupts are off. */
static void line_fire(struct se_sim *sim)
{
	if (test_bit(IRQ_MASKED, &sim->irq_state))
		return;
	if (is_edge(sim) ? test_and_clear_bit(IRQ_EDGE, &sim->irq_state) :
			   test_bit(IRQ_LINE, &sim->irq_state))
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
	if (test_bit(is_edge(sim) ? IRQ_EDGE : IRQ_LINE, &sim->irq_state))
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

/* The wiring decides, as on a board; a driver may only ask for what is there. */
static int line_set_type(struct irq_data *data, unsigned int type)
{
	struct se_sim *sim = irq_data_get_irq_chip_data(data);

	if (type != (is_edge(sim) ? IRQ_TYPE_EDGE_RISING : IRQ_TYPE_LEVEL_HIGH))
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

/**
 * se_sim_line_update() - let the data-ready line follow the FIFO
 * @sim: the bus; its lock is held
 */
void se_sim_line_update(struct se_sim *sim)
{
	bool active = sim->irq > 0 && !sim->in_reset && !kfifo_is_empty(&sim->fifo);

	if (active == sim->line)
		return;
	sim->line = active;
	if (!active) {
		clear_bit(IRQ_LINE, &sim->irq_state);
		return;
	}
	sim->counters.irqs++;
	set_bit(IRQ_LINE, &sim->irq_state);
	if (is_edge(sim))
		set_bit(IRQ_EDGE, &sim->irq_state);
	/* line_unmask() sees the line, or line_fire() sees it unmasked */
	smp_mb__after_atomic();
	line_kick(sim);
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
				 is_edge(sim) ? handle_edge_irq : handle_level_irq);
	irq_set_chip_data(irq, sim);
	irq_modify_status(irq, IRQ_NOREQUEST | IRQ_NOAUTOEN, IRQ_NOPROBE);
	ret = irq_set_irq_type(irq, is_edge(sim) ? IRQ_TYPE_EDGE_RISING : IRQ_TYPE_LEVEL_HIGH);
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

/*
 * The reset line is active low. What the SE had said or was told before the
 * reset is gone, as it would be in a chip; a write() that comes before the
 * process has read of the reset is lost as well.
 */
static int reset_output(struct gpio_chip *gc, unsigned int offset, int value)
{
	struct se_sim *sim = gpiochip_get_data(gc);
	unsigned long flags;
	bool assert = !value;

	spin_lock_irqsave(&sim->lock, flags);
	if (assert != sim->in_reset && !sim->dead) {
		sim->in_reset = assert;
		if (assert) {
			kfifo_reset(&sim->fifo);
			kfifo_reset(&sim->queue);
			sim->epoch++;
			sim->out_len = 0;
			sim->reset_unread = true;
		} else {
			sim->counters.resets++;
			se_sim_queue_record(sim, SE_SIM_RESET, NULL, 0);
		}
		se_sim_line_update(sim);
	}
	spin_unlock_irqrestore(&sim->lock, flags);
	wake_up_interruptible(&sim->writers);
	return 0;
}

static int reset_get(struct gpio_chip *gc, unsigned int offset)
{
	struct se_sim *sim = gpiochip_get_data(gc);

	return !READ_ONCE(sim->in_reset);
}

SE_GPIO_SET(reset_set, reset_output)

static int reset_direction(struct gpio_chip *gc, unsigned int offset)
{
	return GPIO_LINE_DIRECTION_OUT;
}

/**
 * se_sim_reset_create() - make the reset line and name its user
 * @sim: the bus; its controller is registered
 * @parent: parent of the GPIO chip
 *
 * Return: 0 or negative errno.
 */
int se_sim_reset_create(struct se_sim *sim, struct device *parent)
{
	struct gpio_chip *gc = &sim->gc;
	int ret;

	sim->lookup = kzalloc(struct_size(sim->lookup, table, 2), GFP_KERNEL);
	if (!sim->lookup)
		return -ENOMEM;

	snprintf(sim->gc_label, sizeof(sim->gc_label), "se-sim-spi%d", sim->ctlr->bus_num);
	gc->label = sim->gc_label;
	gc->parent = parent;
	gc->owner = THIS_MODULE;
	gc->base = -1;
	gc->ngpio = 1;
	gc->get = reset_get;
	gc->set = reset_set;
	gc->direction_output = reset_output;
	gc->get_direction = reset_direction;
	ret = gpiochip_add_data(gc, sim);
	if (ret)
		return ret;
	sim->gc_added = true;

	snprintf(sim->spi_name, sizeof(sim->spi_name), "spi%d.0", sim->ctlr->bus_num);
	sim->lookup->dev_id = sim->spi_name;
	sim->lookup->table[0] = GPIO_LOOKUP(sim->gc_label, 0, "reset", GPIO_ACTIVE_LOW);
	gpiod_add_lookup_table(sim->lookup);
	return 0;
}

/**
 * se_sim_reset_destroy() - take the reset line away; its user is gone already
 * @sim: the bus
 */
void se_sim_reset_destroy(struct se_sim *sim)
{
	if (sim->gc_added) {
		gpiod_remove_lookup_table(sim->lookup);
		gpiochip_remove(&sim->gc);
		sim->gc_added = false;
	}
	kfree(sim->lookup);
	sim->lookup = NULL;
}
