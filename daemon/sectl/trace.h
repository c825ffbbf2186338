/* SPDX-License-Identifier: Apache-2.0 */
/* What passed: lines on standard error (-d), and a capture for Wireshark (--trace). */
#ifndef SECTL_TRACE_H
#define SECTL_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct se_apdu;
struct se_block;
struct se_channel_open;

/** trace_open - begin the file of --trace, if there is one; an exit status */
int trace_open(void);

/** trace_apdu - one APDU that has left, with what became of it */
void trace_apdu(const struct se_apdu *a);

/** trace_select - MANAGE CHANNEL and SELECT, which the channel makes */
void trace_select(const uint8_t *aid, size_t aid_len, const struct se_channel_open *o,
		  uint64_t total_ns);

#endif /* SECTL_TRACE_H */
