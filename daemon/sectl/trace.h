/* SPDX-License-Identifier: Apache-2.0 */
/* What passed: lines on standard error (-d), and a capture for Wireshark (--trace). */
#ifndef SECTL_TRACE_H
#define SECTL_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct se_apdu;
struct se_block;
struct se_channel_open;

/** trace_open - begin the file of --trace, if there is one, once; an exit status */
int trace_open(void);

/** trace_begin - begin a capture in @path; an exit status */
int trace_begin(const char *path);

/** trace_stream - APDUs of a stream that has ended; those not sent are left out */
void trace_stream(const struct se_apdu *apdus, uint32_t nr);

/** trace_select - MANAGE CHANNEL and SELECT, which the channel makes */
void trace_select(const uint8_t *aid, size_t aid_len, const struct se_channel_open *o,
		  uint64_t total_ns);

/** trace_block - the header of a block into the capture; 0 or negative errno */
int trace_block(const struct se_block *b);

/** trace_now - CLOCK_REALTIME in ns */
uint64_t trace_now(void);

#endif /* SECTL_TRACE_H */
