/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wires: what carries commands to the chip. A wire names the descriptors it
 * waits for and when it wants to be called at the latest; main() polls.
 */
#ifndef SOFTSE_WIRE_H
#define SOFTSE_WIRE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "card.h"
#include "t1.h"

#define WIRE_NEVER UINT64_MAX

/** struct chip - one card, busy with one command at a time on all its wires */
struct chip {
	struct card card;
	uint64_t busy_until_us; /* CLOCK_MONOTONIC */
};

struct wire {
	/**
	 * @prepare: fill in up to @room descriptors; lower *@deadline_us to when
	 * @dispatch must be called. Returns how many descriptors.
	 */
	size_t (*prepare)(struct wire *w, struct pollfd *fds, size_t room,
			  uint64_t *deadline_us);
	/** @dispatch: go on; @fds are those of @prepare. 0 or negative errno: give up */
	int (*dispatch)(struct wire *w, const struct pollfd *fds, size_t n, uint64_t now_us);
	void (*close)(struct wire *w);
};

/**
 * wire_socket_open() - listen on a UNIX stream socket
 *
 * Each message is a big-endian 16-bit length and a body: one byte is a control
 * (00 power off, 01 power on, 02 reset, 04 give the ATR), more bytes are a
 * C-APDU, answered by an R-APDU in the same frame. Only 04 and C-APDUs are
 * answered.
 *
 * @err: room for an explanation
 * Return: the wire, or NULL with errno.
 */
struct wire *wire_socket_open(struct chip *chip, const char *path, char *err, size_t err_room);

/**
 * wire_sim_open() - plug into the virtual SPI bus
 * @flags: SE_SIM_*
 * @max_hz: fastest clock; 0: what the module takes
 *
 * Return: the wire, or NULL with errno.
 */
struct wire *wire_sim_open(struct chip *chip, const char *path, uint32_t flags, uint32_t max_hz,
			   const struct t1_params *params, char *err, size_t err_room);

/** chip_execute() - card_execute() for a wire: keeps busy_until_us */
size_t chip_execute(struct chip *chip, int origin, const uint8_t *cmd, size_t len, uint8_t *rsp,
		    size_t room, uint64_t now_us);

#endif
