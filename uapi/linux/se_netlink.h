/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Made from Documentation/netlink/specs/se.yaml by selftests/netlink/gen.py. Do not edit. */
#ifndef _UAPI_LINUX_SE_NETLINK_H
#define _UAPI_LINUX_SE_NETLINK_H

#include <linux/se.h>

#define SE_FAMILY_NAME		"se"
#define SE_FAMILY_VERSION	1

/**
 * enum se_irq_policy - how the end of the SE's work is to be noticed
 * @SE_IRQ_POLICY_AUTO: by the interrupt as long as it works, else by polling
 * @SE_IRQ_POLICY_IRQ: by the interrupt, however often it failed
 * @SE_IRQ_POLICY_POLL: by polling
 */
enum se_irq_policy {
	SE_IRQ_POLICY_AUTO,
	SE_IRQ_POLICY_IRQ,
	SE_IRQ_POLICY_POLL,
};

/**
 * enum se_power_state - what the SE has for a supply
 * @SE_POWER_STATE_ON: it has power, or nothing here can take it away
 * @SE_POWER_STATE_OFF: power was taken away while nobody needs the SE
 */
enum se_power_state {
	SE_POWER_STATE_ON,
	SE_POWER_STATE_OFF,
};

/**
 * enum se_direction - which way a block went
 * @SE_DIRECTION_TO_SE: to the SE
 * @SE_DIRECTION_FROM_SE: from the SE
 */
enum se_direction {
	SE_DIRECTION_TO_SE,
	SE_DIRECTION_FROM_SE,
};

/**
 * enum se_reason - why a state or the generation changed
 * @SE_REASON_NONE: an answer to dev-get, no event
 * @SE_REASON_STARTUP: the SE has been bound and started
 * @SE_REASON_REMOVED: the SE has been unbound
 * @SE_REASON_LINK: the link failed, or recovered from a failure
 * @SE_REASON_ABANDONED: an exchange was given up at its deadline, or with its caller
 * @SE_REASON_RESET_LINE: the reset line was pulsed
 * @SE_REASON_REQUESTED: somebody asked for a reset
 * @SE_REASON_IRQ_LOST: blocks came without their interrupt
 * @SE_REASON_IRQ_STORM: the interrupt did not stop
 * @SE_REASON_IRQ_GOOD: the interrupt has proved to work again
 * @SE_REASON_CONFIG: the configuration was changed
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
	SE_REASON_IRQ_LOST,
	SE_REASON_IRQ_STORM,
	SE_REASON_IRQ_GOOD,
	SE_REASON_CONFIG,
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
	SE_A_DEV_ATR,	/* answer to reset as the SE sent it, of dialects that have one */
	SE_A_DEV_POWER_STATE,
	SE_A_DEV_POLICY,	/* what config-set sets */
	SE_A_DEV_RESET_LEVEL,
	SE_A_DEV_ERROR,	/* in reset-done, 0 or a negative error number */

	__SE_A_DEV_MAX,
	SE_A_DEV_MAX = (__SE_A_DEV_MAX - 1)
};

enum {
	SE_A_POLICY_LADDER = 1,	/* bits of reset-level that recovery may climb to by itself */
	/*
	 * waiting time extensions granted in one exchange; 0 lets the deadline alone bound
	 * them
	 */
	SE_A_POLICY_WTX_MAX,
	SE_A_POLICY_DEADLINE_MS,	/* deadline of an APDU whose caller names none */
	SE_A_POLICY_DRAIN_MS,	/* how long an abandoned command may go on to keep the SE busy */
	SE_A_POLICY_AUTOSUSPEND_MS,	/* idle time after which the supply is taken away */
	SE_A_POLICY_HOLD_MAX_MS,	/* how long a lock may be held */
	SE_A_POLICY_IRQ_POLICY,	/* how the end of the SE's work is to be noticed */

	__SE_A_POLICY_MAX,
	SE_A_POLICY_MAX = (__SE_A_POLICY_MAX - 1)
};

enum {
	SE_A_CONFIG_INDEX = 1,	/* N of /dev/seN */
	SE_A_CONFIG_POLICY,	/* what is to change; what is not there stays as it is */

	__SE_A_CONFIG_MAX,
	SE_A_CONFIG_MAX = (__SE_A_CONFIG_MAX - 1)
};

enum {
	SE_A_HIST_SUM_NS = 1,	/* all of it together, nanoseconds */
	/*
	 * how often; the first counts what took less than 1 microsecond, number n what
	 * took 2^(n-1) microseconds and more but less than 2^n
	 */
	SE_A_HIST_BUCKETS,
	SE_A_HIST_PAD,

	__SE_A_HIST_MAX,
	SE_A_HIST_MAX = (__SE_A_HIST_MAX - 1)
};

enum {
	SE_A_STATS_INDEX = 1,	/* N of /dev/seN */
	SE_A_STATS_PAD,
	SE_A_STATS_APDUS,	/* exchanges that ended with an R-APDU */
	SE_A_STATS_ERRORS,	/* exchanges that ended without one */
	SE_A_STATS_BLOCKS_TX,	/* blocks sent, repeats included */
	SE_A_STATS_BLOCKS_RX,	/* blocks received, bad ones included */
	SE_A_STATS_BYTES_TX,	/* bytes clocked out in blocks */
	SE_A_STATS_BYTES_RX,	/* bytes clocked in in blocks */
	SE_A_STATS_ACCESSES,	/* bus accesses (chip-select assertions) */
	SE_A_STATS_IRQS,	/* data-ready interrupts that led to a reception */
	SE_A_STATS_IRQS_SPURIOUS,	/* data-ready interrupts with nothing to receive */
	SE_A_STATS_POLLS,	/* bus reads made without an interrupt */
	SE_A_STATS_RETRANS,	/* blocks repeated */
	SE_A_STATS_EDC_ERRORS,	/* blocks with a wrong checksum */
	SE_A_STATS_TIMEOUTS,	/* block waiting times that passed */
	SE_A_STATS_WTX,	/* waiting time extensions granted */
	SE_A_STATS_RESYNCS,	/* S(RESYNCH) exchanges after start-up */
	SE_A_STATS_RESETS,	/* resets after start-up */
	SE_A_STATS_IRQS_LOST,	/* blocks found by looking, though the interrupt should have told */
	SE_A_STATS_IRQ_STORMS,	/* times that the interrupt was masked because it did not stop */
	SE_A_STATS_POLL_FALLBACKS,	/* changes from the interrupt to polling */
	SE_A_STATS_IRQ_RETURNS,	/* changes back to the interrupt */
	SE_A_STATS_ABORTS,	/* chains that either side gave up with S(ABORT) */
	SE_A_STATS_PROTOCOL_ERRORS,	/* whole blocks that T=1 does not allow where they came */
	SE_A_STATS_WTX_REFUSED,	/* waiting time extensions beyond the limit */
	SE_A_STATS_RELEASES,	/* S(RELEASE) before power was taken away */
	SE_A_STATS_POWER_OFFS,	/* times that the supply was taken away, or the SE put to sleep */
	SE_A_STATS_DEADLINES,	/* exchanges given up at their deadline */
	SE_A_STATS_CANCELS,	/* exchanges given up by their caller (signal, cancel, close) */
	SE_A_STATS_UNKNOWN,	/* exchanges that ended with SE_OUTCOME_UNKNOWN */
	SE_A_STATS_REFUSED,	/* commands refused because the file may not send them */
	SE_A_STATS_LOCKS,	/* locks granted */
	SE_A_STATS_LOCK_TIMEOUTS,	/* locks taken away at their hold limit */
	SE_A_STATS_TOTAL,	/* an exchange, from its first block to its last */
	SE_A_STATS_WIRE,	/* of that, the time on the bus, guard times included */
	SE_A_STATS_THINK,	/* of that, waiting for the SE, until its block was noticed */
	SE_A_STATS_QUEUE,	/* waiting for a turn, before that */

	__SE_A_STATS_MAX,
	SE_A_STATS_MAX = (__SE_A_STATS_MAX - 1)
};

enum {
	SE_A_BLOCK_INDEX = 1,	/* N of /dev/seN */
	SE_A_BLOCK_DIRECTION,
	SE_A_BLOCK_NAD,	/* node address byte */
	SE_A_BLOCK_PCB,	/* protocol control byte */
	SE_A_BLOCK_LEN,	/* length of the INF field, as the prologue says */
	SE_A_BLOCK_SIZE,	/* bytes of the whole block, 0 if none could be made out */
	SE_A_BLOCK_EDC_OK,	/* 1 if the checksum was right */
	SE_A_BLOCK_TIME_NS,	/* when the bus access began, CLOCK_MONOTONIC */
	SE_A_BLOCK_DURATION_NS,	/* how long the bus access took */
	SE_A_BLOCK_PAD,

	__SE_A_BLOCK_MAX,
	SE_A_BLOCK_MAX = (__SE_A_BLOCK_MAX - 1)
};

enum {
	SE_CMD_DEV_GET = 1,
	SE_CMD_DEVICE_ADD,
	SE_CMD_DEVICE_DEL,
	SE_CMD_STATE_CHANGE,
	SE_CMD_GENERATION_CHANGE,
	SE_CMD_STATS_GET,
	SE_CMD_CONFIG_SET,
	SE_CMD_RESET,
	SE_CMD_IRQ_MODE_CHANGE,
	SE_CMD_IRQ_STORM,
	SE_CMD_CONFIG_CHANGE,
	SE_CMD_RESET_DONE,
	SE_CMD_BLOCK,

	__SE_CMD_MAX,
	SE_CMD_MAX = (__SE_CMD_MAX - 1)
};

#define SE_MCGRP_EVENTS	"events"
#define SE_MCGRP_MONITOR	"monitor"

#endif /* _UAPI_LINUX_SE_NETLINK_H */
