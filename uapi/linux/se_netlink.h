/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Made from Documentation/netlink/specs/se.yaml by selftests/netlink/gen.py. Do not edit. */
#ifndef _UAPI_LINUX_SE_NETLINK_H
#define _UAPI_LINUX_SE_NETLINK_H

#include <linux/se.h>

#define SE_FAMILY_NAME		"se"
#define SE_FAMILY_VERSION	1

/**
 * enum se_reason - why a state or the generation changed
 * @SE_REASON_NONE: an answer to dev-get, no event
 * @SE_REASON_STARTUP: the SE has been bound and started
 * @SE_REASON_REMOVED: the SE has been unbound
 * @SE_REASON_LINK: the link failed, or recovered from a failure
 * @SE_REASON_ABANDONED: an exchange was given up at its deadline, or with its caller
 * @SE_REASON_RESET_LINE: the reset line was pulsed
 * @SE_REASON_REQUESTED: somebody asked for a reset
 * @SE_REASON_POWER: the supply was switched, or may have gone while the system slept
 */
enum se_reason {
	SE_REASON_NONE,
	SE_REASON_STARTUP,
	SE_REASON_REMOVED,
	SE_REASON_LINK,
	SE_REASON_ABANDONED,
	SE_REASON_RESET_LINE,
	SE_REASON_REQUESTED,
	SE_REASON_POWER,
};

enum {
	SE_A_DEV_INDEX = 1,	/* N of /dev/seN */
	SE_A_DEV_NAME,	/* device name, such as se0 */
	SE_A_DEV_PARENT,	/* name of the bus device, such as spi0.0 */
	SE_A_DEV_DIALECT,
	SE_A_DEV_STATE,
	SE_A_DEV_GENERATION,	/* moves each time the SE may have lost its volatile state */
	SE_A_DEV_IFSC,	/* largest INF field that the SE takes, bytes */
	SE_A_DEV_IFSD,	/* largest INF field that the driver takes, bytes */
	SE_A_DEV_BWT_US,	/* block waiting time, microseconds */
	SE_A_DEV_IRQ_MODE,
	SE_A_DEV_CAPS,
	SE_A_DEV_CIP,	/* communication interface parameters as the SE sent them */
	SE_A_DEV_CLOCK_HZ,	/* bus clock in use */
	SE_A_DEV_CHANNELS_IN_USE,	/* bit n is set while a file holds logical channel n */
	SE_A_DEV_REASON,
	SE_A_DEV_PAD,

	__SE_A_DEV_MAX,
	SE_A_DEV_MAX = (__SE_A_DEV_MAX - 1)
};

enum {
	SE_CMD_DEV_GET = 1,
	SE_CMD_DEVICE_ADD,
	SE_CMD_DEVICE_DEL,
	SE_CMD_STATE_CHANGE,
	SE_CMD_GENERATION_CHANGE,

	__SE_CMD_MAX,
	SE_CMD_MAX = (__SE_CMD_MAX - 1)
};

#define SE_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_SE_NETLINK_H */
