/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * se-sim, the virtual bus: what its files share.
 *
 * se-sim-dev.c      the device node that a user process plays the SE through
 * se-sim-attach.c   plugging in and pulling out
 * se-sim-wire.c     the SE's side of a transfer: FIFO, records, guard times
 * se-sim-spi.c      the SPI controller
 * se-sim-i2c.c      the I2C adapter
 * se-sim-line.c     the data-ready interrupt
 * se-sim-power.c    the reset line, the enable line and the supply
 * se-sim-fault.c    what goes wrong, and when
 * se-sim-debugfs.c  the same for people
 * se-sim-ring.c     bytes under way
 */
#ifndef _SE_SIM_H
#define _SE_SIM_H

#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/hrtimer.h>
#include <linux/i2c.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/property.h>
#include <linux/regulator/driver.h>
#include <linux/regulator/machine.h>
#include <linux/spi/spi.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/se_sim.h>

#define SE_SIM_SPI_HZ		10000000
#define SE_SIM_I2C_HZ		1000000
#define SE_SIM_I2C_ADDR		0x48
#define SE_SIM_FIFO_SIZE	SZ_16K	/* SE to host; a block is 4095 at most */
#define SE_SIM_QUEUE_SIZE	SZ_64K	/* records not yet read */
#define SE_SIM_ACCESS_MAX	SZ_8K	/* bytes to the SE in one access */
#define SE_SIM_BLOCK_MAX	4095
#define SE_SIM_INSERT_MAX	256	/* bytes that a fault adds */
#define SE_SIM_DIRS		2
#define SE_SIM_NAMES		2	/* that the device may get, by kernel version */

/**
 * struct se_sim_ring - bytes under way; no lock of its own
 * @data: the bytes; those that have been taken out are wiped
 * @size: a power of two
 * @in: bytes ever put in
 * @out: bytes ever taken out
 */
struct se_sim_ring {
	u8 *data;
	size_t size;
	size_t in;
	size_t out;
};

/**
 * struct se_sim_slot - one fault
 * @set: as the user wants it, with its counts
 * @left: how often it may still happen
 * @rnd: its random numbers
 */
struct se_sim_slot {
	struct se_sim_fault set;
	u64 left;
	struct rnd_state rnd;
};

/**
 * struct se_sim - one virtual bus, owned by one open file
 * @lock: guards all members down to @out; taken from any context
 * @fifo: bytes that the host will clock out
 * @held: blocks that are to get into @fifo later (struct se_sim_held and bytes)
 * @queue: records (struct se_sim_queued and payload) for read()
 * @epoch: moves when a reset empties @queue
 * @counters: see uapi
 * @timing: see uapi
 * @slots: the faults
 * @timer: for all that is to happen later; runs while one of the times is set
 * @last_end_ns: end of the last access, 0 before the first
 * @ready_ns: the SE does not listen before
 * @held_due_ns: when the last block of @held gets into @fifo
 * @queue_due_ns: when the last record of @queue may be read
 * @reset_at_ns: when the SE resets itself, 0 for not
 * @line_at_ns: before, the data-ready line does not follow the FIFO
 * @spurious_at_ns: when the line goes active without a reason, 0 for not
 * @stuck_until_ns: so long the line does not go inactive; 0 for not at all
 * @selected: an access is under way
 * @in_reset: the reset line is asserted
 * @supply_on: the regulator is enabled
 * @enable_on: the enable line is asserted
 * @powered: the SE has what it needs
 * @dead: the file is being closed; accesses find an empty socket
 * @wanted: the SE has something to say, which the line is for
 * @line_off: this time the line does not say so
 * @line_quiet: this time the line gives no interrupt
 * @spurious: the line is active without a reason
 * @line: the line is active
 * @unread: resets in @queue that the SE has not heard of
 * @deaf: the SE does not hear this access
 * @over: this access has got longer than the SE allows
 * @took: bytes were taken out of @fifo in this access
 * @clocked: bytes clocked in this access
 * @out_len: bytes to the SE in this access; may exceed SE_SIM_ACCESS_MAX
 * @out: the first of these bytes
 *
 * @flags: SE_SIM_*, constant once attached
 * @max_hz: fastest clock, constant once attached
 * @max_transfer: of the controller, constant once attached
 * @max_message: of the controller, constant once attached
 * @readers: woken when a record may be read
 * @writers: woken when @fifo has more room
 * @attach_lock: one SE_SIM_IOC_ATTACH at a time
 * @read_lock: one read() at a time; guards @bounce
 * @bounce: a record on its way to user space
 * @attached: everything below is set up; read with acquire semantics
 * @add_work: adds the device
 * @free_work: gives everything back
 */
struct se_sim {
	spinlock_t lock;		/* all down to @out */
	struct se_sim_ring fifo;
	struct se_sim_ring held;
	struct se_sim_ring queue;
	u32 epoch;
	struct se_sim_counters counters;
	struct se_sim_timing timing;
	struct se_sim_slot slots[SE_SIM_FAULT_KINDS][SE_SIM_DIRS];
	struct hrtimer timer;
	u64 last_end_ns;
	u64 ready_ns;
	u64 held_due_ns;
	u64 queue_due_ns;
	u64 reset_at_ns;
	u64 line_at_ns;
	u64 spurious_at_ns;
	u64 stuck_until_ns;
	bool selected;
	bool in_reset;
	bool supply_on;
	bool enable_on;
	bool powered;
	bool dead;
	bool wanted;
	bool line_off;
	bool line_quiet;
	bool spurious;
	bool line;
	unsigned int unread;
	bool deaf;
	bool over;
	bool took;
	size_t clocked;
	size_t out_len;
	u8 out[SE_SIM_ACCESS_MAX + SE_SIM_INSERT_MAX];

	u32 flags;
	u32 max_hz;
	u32 max_transfer;
	u32 max_message;
	wait_queue_head_t readers;
	wait_queue_head_t writers;
	struct mutex attach_lock;	/* one attach at a time */
	struct mutex read_lock;		/* one read() at a time, @bounce */
	u8 *bounce;

	bool attached;
	struct work_struct add_work;
	struct work_struct free_work;
	struct device *parent;
	char bus_name[24];		/* spi0, i2c-0 */
	char dev_names[SE_SIM_NAMES][40];	/* spi0.0, 0-0048 */
	char label[32];			/* of what is around: se-sim-spi0 */
	char device[24];
	u16 addr;
	struct se_sim_prop *props;
	struct property_entry entries[SE_SIM_PROPS_MAX + 1];
	char node_name[24];
	struct software_node node;
	struct spi_controller *ctlr;
	struct spi_device *spi;
	struct i2c_adapter adap;
	struct i2c_adapter_quirks quirks;
	struct i2c_client *client;
	struct dentry *debugfs;

	int irq;
	struct irq_work irq_work;
	struct tasklet_struct irq_tasklet;
	unsigned long irq_state;

	struct gpio_chip gc;
	bool gc_added;
	struct gpiod_lookup_table *lookups[SE_SIM_NAMES];
	struct regulator_dev *rdev;
	struct regulator_desc rdesc;
	struct regulator_consumer_supply consumers[SE_SIM_NAMES];
};

static inline bool se_sim_is_edge(const struct se_sim *sim)
{
	return sim->flags & SE_SIM_IRQ_EDGE;
}

/* The SE is there and runs. Lock held. */
static inline bool se_sim_is_live(const struct se_sim *sim)
{
	return !sim->dead && !sim->in_reset && sim->powered;
}

/* What it writes gets lost: it does not know yet of its reset. Lock held. */
static inline bool se_sim_is_mute(const struct se_sim *sim)
{
	return sim->in_reset || !sim->powered || sim->unread;
}

/* se-sim-ring.c */
int se_sim_ring_init(struct se_sim_ring *r, size_t size);
void se_sim_ring_free(struct se_sim_ring *r);
size_t se_sim_ring_used(const struct se_sim_ring *r);
size_t se_sim_ring_room(const struct se_sim_ring *r);
void se_sim_ring_put(struct se_sim_ring *r, const void *data, size_t len);
size_t se_sim_ring_peek(const struct se_sim_ring *r, void *data, size_t len);
size_t se_sim_ring_take(struct se_sim_ring *r, void *data, size_t len);
void se_sim_ring_wipe(struct se_sim_ring *r);

/* se-sim-wire.c */
void se_sim_init_wire(struct se_sim *sim);
void se_sim_stop_wire(struct se_sim *sim);
void se_sim_access_begin(struct se_sim *sim);
int se_sim_move_in(struct se_sim *sim, u8 *rx, size_t len, u32 hz);
int se_sim_move_out(struct se_sim *sim, const u8 *tx, size_t len, u32 hz);
void se_sim_access_end(struct se_sim *sim);
void se_sim_spend(struct se_sim *sim, u64 ns);
bool se_sim_put_block(struct se_sim *sim, u8 *block, size_t len);
size_t se_sim_put_room(struct se_sim *sim);
size_t se_sim_peek_record(struct se_sim *sim, void *record, size_t room);
void se_sim_take_record(struct se_sim *sim);
bool se_sim_readable(struct se_sim *sim);
void se_sim_forget(struct se_sim *sim);
void se_sim_tell(struct se_sim *sim, enum se_sim_type type, const u8 *data, size_t len,
		 u32 delay_us);
void se_sim_timer_update(struct se_sim *sim);

/* se-sim-spi.c */
int se_sim_spi_register(struct se_sim *sim);
void se_sim_spi_add_device(struct se_sim *sim);
void se_sim_spi_unregister(struct se_sim *sim);

/* se-sim-i2c.c */
int se_sim_i2c_register(struct se_sim *sim);
void se_sim_i2c_add_device(struct se_sim *sim);
void se_sim_i2c_remove_device(struct se_sim *sim);
void se_sim_i2c_unregister(struct se_sim *sim);

/* se-sim-line.c */
int se_sim_irq_create(struct se_sim *sim);
void se_sim_irq_destroy(struct se_sim *sim);
void se_sim_line_update(struct se_sim *sim);
void se_sim_line_reset(struct se_sim *sim);

/* se-sim-power.c */
int se_sim_power_create(struct se_sim *sim);
void se_sim_power_destroy(struct se_sim *sim);
void se_sim_self_reset(struct se_sim *sim);

/* se-sim-fault.c */
int se_sim_fault_set(struct se_sim *sim, const struct se_sim_fault *fault);
int se_sim_fault_get(struct se_sim *sim, struct se_sim_fault *fault);
void se_sim_fault_seed(struct se_sim *sim, u64 seed);
const struct se_sim_fault *se_sim_fault(struct se_sim *sim, enum se_sim_fault_kind kind,
					enum se_sim_dir dir);
size_t se_sim_fault_bytes(struct se_sim *sim, enum se_sim_dir dir, u8 *data, size_t len);
const char *se_sim_fault_name(enum se_sim_fault_kind kind);
bool se_sim_fault_has_dir(enum se_sim_fault_kind kind);

/* se-sim-debugfs.c */
void se_sim_debugfs_init(void);
void se_sim_debugfs_exit(void);
void se_sim_debugfs_add(struct se_sim *sim);

/* se-sim-attach.c */
int se_sim_attach_init(void);
void se_sim_attach_exit(void);
int se_sim_attach(struct se_sim *sim, struct device *parent, struct se_sim_attach *req);
void se_sim_detach(struct se_sim *sim);
void se_sim_free(struct se_sim *sim);
int se_sim_set_timing(struct se_sim *sim, const struct se_sim_timing *timing);

#endif /* _SE_SIM_H */
