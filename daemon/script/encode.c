// SPDX-License-Identifier: Apache-2.0
/* Command scripts, written: the other direction of decoder.c. */
#include <errno.h>
#include "script.h"

static size_t put_length(uint8_t *out, uint64_t len)
{
	size_t n = 0, bytes = 1;

	if (len < 0x80) {
		out[0] = (uint8_t)len;
		return 1;
	}
	while (bytes < sizeof(len) && len >> (8 * bytes))
		bytes++;
	out[n++] = (uint8_t)(0x80 | bytes);
	while (bytes--)
		out[n++] = (uint8_t)(len >> (8 * bytes));
	return n;
}

size_t script_cmd_size(size_t len)
{
	uint8_t head[SCRIPT_PIECE_MAX];

	return script_cmd_capdu(head, len) + len;
}

size_t script_cmd_begin(uint8_t *out, uint64_t capdu_bytes)
{
	out[0] = SCRIPT_TAG_COMMANDS;
	return 1 + put_length(out + 1, capdu_bytes);
}

size_t script_cmd_capdu(uint8_t *out, size_t len)
{
	out[0] = SCRIPT_TAG_CAPDU;
	return 1 + put_length(out + 1, len);
}

int script_cmd_compact(const uint8_t *capdu, size_t len, bool last)
{
	switch (script_capdu_case(capdu, len)) {
	case 1:
		return 4; /* and a P3 of 00 */
	case 2:
		return last ? 5 : -EINVAL;
	case 3:
		return (int)len;
	case 4:
		return last ? (int)len - 1 : -EINVAL;
	default:
		return -EINVAL;
	}
}
