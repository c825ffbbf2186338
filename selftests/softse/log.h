/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness: one line for each C-APDU that was executed, in the file before
 * the response leaves. Fields: sequence number, CLOCK_MONOTONIC in ns, logical
 * channel, CLA INS P1 P2, Lc, status word, first 4 bytes of the SHA-256 of the
 * C-APDU. Never a payload byte.
 */
#ifndef SOFTSE_LOG_H
#define SOFTSE_LOG_H

#include <stddef.h>
#include <stdint.h>

struct log;

/** log_open() - append to a file; numbers go on after what it holds. 0 or -errno */
int log_open(struct log **log, const char *path);

/**
 * log_apdu() - write one line
 * @channel: as decoded from CLA, also where that channel is closed
 * @lc: length of the command data field as it came
 *
 * Return: 0 or negative errno.
 */
int log_apdu(struct log *log, unsigned int channel, const uint8_t *cmd, size_t len, size_t lc,
	     uint16_t sw);

void log_close(struct log *log);

#endif
