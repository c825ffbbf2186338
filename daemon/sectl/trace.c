// SPDX-License-Identifier: Apache-2.0
/* -d: a line for each APDU that has left. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/sectl.h"
#include "sectl/trace.h"

static void put_payload(const char *sep, const uint8_t *p, size_t len)
{
	char two[3];
	size_t i;

	if (!len)
		return;
	fputs(sep, stderr);
	if (!opt.show_payload) {
		fprintf(stderr, "[%zu bytes]", len);
		return;
	}
	for (i = 0; i < len; i++) {
		se_to_hex(two, p + i, 1);
		fputs(two, stderr);
	}
}

static void debug_line(const uint8_t *cmd, size_t len, const uint8_t *rsp, size_t rsp_len,
		       uint16_t sw, uint16_t outcome, uint64_t total_ns)
{
	char head[9];

	se_to_hex(head, cmd, 4);
	fprintf(stderr, "> %s", head);
	put_payload(" ", cmd + 4, len - 4);
	if (outcome == SE_OUTCOME_EXECUTED) {
		fputs("  < ", stderr);
		put_payload("", rsp, rsp_len);
		fprintf(stderr, "%s%04X", rsp_len ? " " : "", sw);
	} else {
		fprintf(stderr, "  < %s", se_outcome_name(outcome));
	}
	fprintf(stderr, "  %.2f ms\n", (double)total_ns / 1e6);
}

int trace_open(void)
{
	return EXIT_OK;
}

void trace_apdu(const struct se_apdu *a)
{
	uint32_t len = a->rsp_len < a->rsp_room ? a->rsp_len : a->rsp_room;

	if (opt.debug)
		debug_line((const uint8_t *)(uintptr_t)a->cmd_ptr, a->cmd_len,
			   (const uint8_t *)(uintptr_t)a->rsp_ptr, len < 2 ? 0 : len - 2, a->sw,
			   a->outcome, a->total_ns);
}

void trace_select(const uint8_t *aid, size_t aid_len, const struct se_channel_open *o,
		  uint64_t total_ns)
{
	uint8_t cmd[5 + SE_AID_MAX + 1] = {0x00, 0xa4, 0x04, 0x00, (uint8_t)aid_len};
	uint32_t len = o->rsp_len < o->rsp_room ? o->rsp_len : o->rsp_room;

	if (aid_len)
		memcpy(cmd + 5, aid, aid_len);
	if (opt.debug && o->outcome != SE_OUTCOME_NOT_SENT)
		debug_line(cmd, 4 + (aid_len ? 1 + aid_len : 0) + 1,
			   (const uint8_t *)(uintptr_t)o->rsp_ptr, len < 2 ? 0 : len - 2, o->sw,
			   o->outcome, total_ns);
}
