/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures that Wireshark opens: pcapng with two interfaces. APDUs are GSMTAP (SIM) in UDP
 * and IPv4, as its dissector wants them; block headers have a link type of their own
 * (USER0: direction, NAD, PCB, LEN of two bytes) and say in a comment what they are.
 */
#ifndef SECTL_PCAPNG_H
#define SECTL_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct se_block;

/** pcapng_begin - section header and interfaces; 0 or negative errno */
int pcapng_begin(FILE *f);

/**
 * pcapng_apdu - one APDU and its response
 * @time_ns: when it ended, CLOCK_REALTIME
 * @cmd: C-APDU
 * @rsp: R-APDU with its status word; none if it is not known
 * @redact: zeros instead of data, except the name in SELECT
 * @comment: or NULL
 */
int pcapng_apdu(FILE *f, uint64_t time_ns, const uint8_t *cmd, size_t len, const uint8_t *rsp,
		size_t rsp_len, bool redact, const char *comment);

/** pcapng_block - the header of a block; @time_ns CLOCK_REALTIME */
int pcapng_block(FILE *f, uint64_t time_ns, const struct se_block *b);

#endif /* SECTL_PCAPNG_H */
