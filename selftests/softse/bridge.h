/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridges put a card of somebody else behind our wires. Each is a wire of its
 * own, towards that card, and sets chip->bridge or chip->blocks.
 */
#ifndef SOFTSE_BRIDGE_H
#define SOFTSE_BRIDGE_H

#include "wire.h"

/** bridge_vpcd_open() - be a vpcd reader on a port of localhost; a card connects */
struct wire *bridge_vpcd_open(struct chip *chip, const char *port, char *err, size_t err_room);

/** bridge_t1_open() - connect to a card that speaks T=1 in frames of frame.h */
struct wire *bridge_t1_open(struct chip *chip, const char *to, char *err, size_t err_room);

/**
 * bridge_replay_open() - play back a file of recorded APDUs, see record.h
 *
 * A command that is not the one recorded is answered by 6F00, and so is all
 * until a reset; the first difference is told on standard error.
 */
struct wire *bridge_replay_open(struct chip *chip, const char *path, char *err,
				size_t err_room);

/** bridge_replay_failed() - was there a difference? */
bool bridge_replay_failed(const struct wire *w);

#endif
