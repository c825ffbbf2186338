/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * se-sim, the virtual SPI bus: what its files share.
 *
 * se-sim-dev.c   the device node that a user process plays the SE through
 * se-sim-bus.c   the SPI controller
 * se-sim-line.c  the data-ready interrupt and the reset line
 */
#ifndef _SE_SIM_H
#define _SE_SIM_H

#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kfifo.h>
#include <linux/mutex.h>
#include <linux/spi/spi.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/se_sim.h>

#define SE_SIM_DEFAULT_HZ	10000000
#define SE_SIM_FIFO_SIZE	SZ_16K	/* SE to host; a block is 4095 at most */
#define SE_SIM_QUEUE_SIZE	SZ_64K	/* records not yet read */
#define SE_SIM_ACCESS_MAX	SZ_8K	/* bytes to the SE in one access */
#define SE_SIM_BLOCK_MAX	4095

/**
 * struct se_sim - one virtual bus, owned by one open file
 * @lock: guards all members down to @out; taken from any context
 * @fifo: bytes that the host will clock out
 * @queue: records (struct se_sim_record and payload) for read()
 * @epoch: moves when a reset empties @queue
 * @counters: see uapi
 * @dropped: accesses that the SE never saw: @queue full, or too long
 * @longest: most bytes in one access
 * @gap_ns: shortest time between two accesses
 * @last_end_ns: end of the last access, 0 before the first
 * @selected: the chip select is asserted
 * @in_reset: the reset line is asserted
 * @reset_unread: a reset that the SE has not heard of
 * @dead: the file is being closed; accesses find an empty socket
 * @line: the data-ready line is active
 * @out_len: bytes to the SE in this access; may exceed SE_SIM_ACCESS_MAX
 * @in_len: bytes clocked in this access
 * @took: bytes were taken out of @fifo in this access
 * @out: the first of these bytes
 *
 * @flags: SE_SIM_*, constant once attached
 * @max_hz: fastest clock, constant once attached
 * @readers: woken when a record was queued
 * @writers: woken when @fifo has more room
 * @attach_lock: one SE_SIM_IOC_ATTACH at a time
 * @read_lock: one read() at a time; guards @bounce
 * @bounce: a record on its way to user space
 * @attached: everything below is set up; read with acquire semantics
 * @add_work: adds the SPI device
 */
struct se_sim {
	spinlock_t lock;		/* all down to @out */
	struct kfifo fifo;
	struct kfifo queue;
	u32 epoch;
	struct se_sim_counters counters;
	u64 dropped;
	u64 longest;
	u64 gap_ns;
	u64 last_end_ns;
	bool selected;
	bool in_reset;
	bool reset_unread;
	bool dead;
	bool line;
	size_t out_len;
	size_t in_len;
	bool took;
	u8 out[SE_SIM_ACCESS_MAX];

	u32 flags;
	u32 max_hz;
	wait_queue_head_t readers;
	wait_queue_head_t writers;
	struct mutex attach_lock;	/* one attach at a time */
	struct mutex read_lock;		/* one read() at a time, @bounce */
	u8 *bounce;

	bool attached;
	struct work_struct add_work;
	struct spi_controller *ctlr;
	struct spi_device *spi;
	struct dentry *debugfs;

	int irq;
	struct irq_work irq_work;
	struct tasklet_struct irq_tasklet;
	unsigned long irq_state;

	struct gpio_chip gc;
	bool gc_added;
	char gc_label[24];
	char spi_name[24];
	struct gpiod_lookup_table *lookup;
};

/* se-sim-bus.c */
int se_sim_bus_register(struct se_sim *sim, struct device *parent);
void se_sim_bus_unregister(struct se_sim *sim);
void se_sim_bus_add_device(struct se_sim *sim);

/* se-sim-line.c */
int se_sim_irq_create(struct se_sim *sim);
void se_sim_irq_destroy(struct se_sim *sim);
void se_sim_line_update(struct se_sim *sim);
int se_sim_reset_create(struct se_sim *sim, struct device *parent);
void se_sim_reset_destroy(struct se_sim *sim);

/* se-sim-dev.c */
void se_sim_queue_record(struct se_sim *sim, enum se_sim_type type, const u8 *data, size_t len);

#endif /* _SE_SIM_H */
