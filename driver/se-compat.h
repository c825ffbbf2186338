/* SPDX-License-Identifier: GPL-2.0-only */
/* The only file with tests of the kernel's version: 6.1 and newer. */
#ifndef _SE_COMPAT_H
#define _SE_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/version.h>

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
