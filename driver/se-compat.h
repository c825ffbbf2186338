/* SPDX-License-Identifier: GPL-2.0-only */
/* The only file with tests of the kernel's version: 5.10 and newer. */
#ifndef _SE_COMPAT_H
#define _SE_COMPAT_H

#include <linux/freezer.h>
#include <linux/gpio/machine.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/spi/spi.h>
#include <linux/version.h>
#include <linux/wait.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void se_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*function)(struct hrtimer *),
				    clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#else
#define se_hrtimer_setup	hrtimer_setup
#endif

/*
 * Waits in which a task may be frozen as it stands, so that the system can go
 * to sleep and the task goes on waiting afterwards: otherwise the freezer would
 * wake it as a signal does. A state of the task since 6.1.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define SE_WAIT_UNCOUNTED(wait)						\
({									\
	int __se_ret = 0;						\
									\
	freezer_do_not_count();						\
	wait;								\
	freezer_count();						\
	__se_ret;							\
})
#define se_wait_interruptible(wq, condition)				\
	SE_WAIT_UNCOUNTED(__se_ret = wait_event_interruptible(wq, condition))
#define se_wait_interruptible_hrtimeout(wq, condition, timeout)		\
	SE_WAIT_UNCOUNTED(__se_ret = wait_event_interruptible_hrtimeout(wq, condition, timeout))
#define se_wait_idle(wq, condition)					\
	SE_WAIT_UNCOUNTED(wait_event_idle(wq, condition))
#else
#define se_wait_interruptible(wq, condition)				\
	wait_event_state(wq, condition, (TASK_INTERRUPTIBLE | TASK_FREEZABLE))
#define se_wait_interruptible_hrtimeout(wq, condition, timeout)		\
({									\
	int __se_ret = 0;						\
									\
	might_sleep();							\
	if (!(condition))						\
		__se_ret = __wait_event_hrtimeout(wq, condition, timeout,	\
						  (TASK_INTERRUPTIBLE | TASK_FREEZABLE)); \
	__se_ret;							\
})
#define se_wait_idle(wq, condition)					\
	wait_event_state(wq, condition, (TASK_IDLE | TASK_FREEZABLE))
#endif

/* Is there a signal, and not only task work? The kernel can tell since 5.11. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define se_signal_pending()	signal_pending(current)
#else
#define se_signal_pending()	task_sigpending(current)
#endif

/* Since 6.14 kthread_create_worker() does not start the thread. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define se_kthread_run_worker	kthread_create_worker
#else
#define se_kthread_run_worker	kthread_run_worker
#endif

/* class_register() takes a constant class since 6.4. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define SE_CLASS_CONST
#else
#define SE_CLASS_CONST		const
#endif

/* A family says since 6.1 from which command on it is strict; older ones never mind. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define SE_GENL_STRICT_FROM(command)
#else
#define SE_GENL_STRICT_FROM(command)	.resv_start_op = (command),
#endif

/*
 * remove() of a bus's driver returns nothing since 5.18 (SPI) and 6.1 (I2C):
 * define @name in terms of @function.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
#define SE_SPI_REMOVE(name, function)						\
static int name(struct spi_device *spi)						\
{										\
	function(spi);								\
	return 0;								\
}
#else
#define SE_SPI_REMOVE(name, function)						\
static void name(struct spi_device *spi)					\
{										\
	function(spi);								\
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define SE_I2C_REMOVE(name, function)						\
static int name(struct i2c_client *client)					\
{										\
	function(client);							\
	return 0;								\
}
#else
#define SE_I2C_REMOVE(name, function)						\
static void name(struct i2c_client *client)					\
{										\
	function(client);							\
}
#endif

/* probe() of an I2C driver takes no identifier since 6.3. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define SE_I2C_PROBE(function)	.probe_new = (function)
#else
#define SE_I2C_PROBE(function)	.probe = (function)
#endif

/*
 * A controller is allocated as a host since 6.6, and in stable kernels: hence its
 * header first.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define spi_alloc_host		spi_alloc_master
#endif

/* Interrupt work has an initializer, and a GPIO lookup is an expression, since 5.11. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define IRQ_WORK_INIT_HARD(function)						\
	(struct irq_work){ .flags = ATOMIC_INIT(IRQ_WORK_HARD_IRQ), .func = (function) }
#undef GPIO_LOOKUP
#define GPIO_LOOKUP(chip, line, name, polarity)					\
	(struct gpiod_lookup)GPIO_LOOKUP_IDX(chip, line, name, 0, polarity)
#endif

/* gpio_chip.set tells of errors since 6.17: define @name in terms of @function. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define SE_GPIO_SET(name, function)						\
static void name(struct gpio_chip *gc, unsigned int offset, int value)		\
{										\
	function(gc, offset, value);						\
}
#else
#define SE_GPIO_SET(name, function)						\
static int name(struct gpio_chip *gc, unsigned int offset, int value)		\
{										\
	return function(gc, offset, value);					\
}
#endif

/*
 * A multicast group that needs CAP_NET_ADMIN to join: since 6.7 and in later
 * stable kernels; before, since 5.12, by another flag. Older kernels let anyone
 * join, so that the group has to keep silent there.
 */
#ifdef GENL_MCAST_CAP_NET_ADMIN
#define SE_MCGRP_NET_ADMIN	.flags = GENL_MCAST_CAP_NET_ADMIN,
#define SE_HAS_MCGRP_NET_ADMIN	true
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 12, 0)
#define SE_MCGRP_NET_ADMIN	.flags = GENL_UNS_ADMIN_PERM,
#define SE_HAS_MCGRP_NET_ADMIN	true
#else
#define SE_MCGRP_NET_ADMIN
#define SE_HAS_MCGRP_NET_ADMIN	false
#endif

/* Properties of a new SPI or I2C device: a software node since 5.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 13, 0)
#define se_board_properties(info, node)	((info)->properties = (node)->properties)
#else
#define se_board_properties(info, node)	((info)->swnode = (node))
#endif

/* regulator_register() wants to know its device since 6.2, and in stable 6.1 kernels. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define se_regulator_register(dev, desc, config)	regulator_register(desc, config)
#else
#define se_regulator_register		regulator_register
#endif

/* for TP_fast_assign(): __string() has kept the text since 6.10 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define se_assign_str(field, text)	__assign_str(field, text)
#else
#define se_assign_str(field, text)	__assign_str(field)
#endif

/*
 * io_uring passthrough: since 5.19; a request can be cancelled since 6.7
 * (SE_URING_CANCEL). The header moved, io_uring_cmd_done() lost its second result
 * in 6.18, and the callback of task work has other arguments since 6.19.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0) && IS_ENABLED(CONFIG_IO_URING)
#define SE_URING
#define SE_URING_CAP		SE_CAP_URING
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#include <linux/io_uring.h>
#else
#include <linux/io_uring/cmd.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define se_uring_done(cmd, res, extra, flags)	io_uring_cmd_done(cmd, res, extra, flags)
#else
#define se_uring_done(cmd, res, extra, flags)	io_uring_cmd_done32(cmd, res, extra, flags)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define se_uring_sqe_cmd(ioucmd)	((ioucmd)->cmd)
#else
#define se_uring_sqe_cmd(ioucmd)	((const void *)(ioucmd)->sqe->cmd)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define SE_URING_CANCEL
/* Define @name, for io_uring_cmd_complete_in_task(), in terms of @function. */
#ifdef IO_URING_CMD_TASK_WORK_ISSUE_FLAGS
#define SE_URING_TASK_WORK(name, function)					\
static void name(struct io_tw_req req, io_tw_token_t token)			\
{										\
	function(io_uring_cmd_from_tw(req), IO_URING_CMD_TASK_WORK_ISSUE_FLAGS);	\
}
#else
#define SE_URING_TASK_WORK(name, function)					\
static void name(struct io_uring_cmd *cmd, unsigned int issue_flags)		\
{										\
	function(cmd, issue_flags);						\
}
#endif
#endif
#else
#define SE_URING_CAP		0
#endif

#endif /* _SE_COMPAT_H */
