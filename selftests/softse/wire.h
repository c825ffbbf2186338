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

#include "chip.h"
#include "link.h"

#define WIRE_NEVER UINT64_MAX

struct wire {
	/**
	 * @prepare: go on with what can; fill in up to @room descriptors; lower
	 * *@deadline_us to when @dispatch must be called. Returns how many descriptors.
	 */
	size_t (*prepare)(struct wire *w, struct pollfd *fds, size_t room, uint64_t now_us,
			  uint64_t *deadline_us);
	/** @dispatch: go on; @fds are those of @prepare. 0 or negative errno: give up */
	int (*dispatch)(struct wire *w, const struct pollfd *fds, size_t n, uint64_t now_us);
	void (*close)(struct wire *w);
};

/* Whose channels they are: the virtual bus, the block socket, vpcd, sockets' clients */
enum { WIRE_SIM_ORIGIN, WIRE_BLOCK_ORIGIN, WIRE_VPCD_ORIGIN, WIRE_SOCKET_ORIGIN };

/**
 * wire_socket_open() - listen on a UNIX stream socket for clients as of peer.h
 * @params: kept; an ATR that was given there is told
 * @err: room for an explanation
 *
 * Return: the wire, or NULL with errno.
 */
struct wire *wire_socket_open(struct chip *chip, const char *path,
			      const struct t1_params *params, char *err, size_t err_room);

/** wire_vpcd_open() - be the card of the vpcd at HOST:PORT; as wire_socket_open() */
struct wire *wire_vpcd_open(struct chip *chip, const char *to, const struct t1_params *params,
			    char *err, size_t err_room);

/** wire_block_open() - T=1 blocks over a UNIX stream socket; as wire_socket_open() */
struct wire *wire_block_open(struct chip *chip, const char *path,
			     const struct t1_params *params, struct fault_script *faults,
			     char *err, size_t err_room);

/** struct sim_setup - how the virtual bus is wired */
struct sim_setup {
	const char *path;   /* of the device node */
	uint32_t flags;	    /* SE_SIM_* */
	uint32_t max_hz;    /* fastest clock of the bus; 0: what the module takes */
	const char *device; /* name of the device on the bus; NULL: by dialect */
};

/**
 * wire_sim_open() - plug into the virtual bus, behind a bridge when its card is there
 * @setup: kept
 *
 * Return: the wire, or NULL with errno.
 */
struct wire *wire_sim_open(struct chip *chip, const struct sim_setup *setup,
			   const struct t1_params *params, struct fault_script *faults,
			   char *err, size_t err_room);

#endif
