/* SPDX-License-Identifier: GPL-2.0-only */
/* The only file with tests of the kernel's version: 6.1 and newer. */
#ifndef _SE_COMPAT_H
#define _SE_COMPAT_H

#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/version.h>
#include <linux/wait.h>

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

#endif /* _SE_COMPAT_H */
