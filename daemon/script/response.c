// SPDX-License-Identifier: Apache-2.0
/* Response scripts, TS 102 226, 5.2.2 and 5.1.2. */
#include "script.h"

static size_t length_size(uint64_t len)
{
	size_t n = 1;

	if (len < 0x80)
		return 1;
	for (; len; len >>= 8)
		n++;
	return n;
}

/* BER-TLV definite length, shortest form */
static size_t put_length(uint8_t *out, uint64_t len)
{
	size_t n = length_size(len), i;

	if (n == 1) {
		out[0] = (uint8_t)len;
		return 1;
	}
	out[0] = (uint8_t)(0x80 | (n - 1));
	for (i = n - 1; i > 0; i--) {
		out[i] = (uint8_t)(len & 0xff);
		len >>= 8;
	}
	return n;
}

/* an INTEGER of ISO/IEC 8825-1 is signed: 128 takes two bytes */
static size_t integer_size(uint32_t v)
{
	size_t n = 1;

	while (v > 0x7f) {
		n++;
		v >>= 8;
	}
	return n;
}

static size_t put_executed(uint8_t *out, uint32_t executed)
{
	size_t n = integer_size(executed), i;

	out[0] = SCRIPT_TAG_EXECUTED;
	out[1] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		size_t shift = 8 * (n - 1 - i);

		out[2 + i] = (uint8_t)(((uint64_t)executed >> shift) & 0xff);
	}
	return 2 + n;
}

static size_t put_tail(uint8_t *out, enum script_tail tail, uint8_t value)
{
	switch (tail) {
	case SCRIPT_TAIL_BAD_FORMAT:
		out[0] = SCRIPT_TAG_BAD_FORMAT;
		break;
	case SCRIPT_TAIL_IMMEDIATE:
		out[0] = SCRIPT_TAG_IMMEDIATE;
		break;
	case SCRIPT_TAIL_CHAINING:
		out[0] = SCRIPT_TAG_CHAINING;
		break;
	case SCRIPT_TAIL_NONE:
	default:
		return 0;
	}
	out[1] = 1;
	out[2] = value;
	return 3;
}

size_t script_rapdu_size(size_t len)
{
	return 1 + length_size(len) + len;
}

size_t script_rsp_begin(uint8_t *out, bool indefinite, uint32_t executed, uint64_t rapdu_bytes,
			enum script_tail tail, uint8_t value)
{
	uint8_t scratch[SCRIPT_PIECE_MAX];
	size_t n = 0;

	if (indefinite) {
		out[n++] = SCRIPT_TAG_RESPONSES_INDEF;
		out[n++] = 0x80;
		return n;
	}
	out[n++] = SCRIPT_TAG_RESPONSES;
	n += put_length(out + n, put_executed(scratch, executed) + rapdu_bytes +
					 put_tail(scratch, tail, value));
	n += put_executed(out + n, executed);
	return n;
}

size_t script_rsp_rapdu(uint8_t *out, size_t len)
{
	out[0] = SCRIPT_TAG_RAPDU;
	return 1 + put_length(out + 1, len);
}

size_t script_rsp_end(uint8_t *out, bool indefinite, enum script_tail tail, uint8_t value)
{
	size_t n = put_tail(out, tail, value);

	if (indefinite) {
		out[n++] = 0x00;
		out[n++] = 0x00;
	}
	return n;
}

size_t script_rsp_compact(uint8_t *out, uint32_t executed, uint16_t sw)
{
	out[0] = executed < 0xff ? (uint8_t)executed : 0xff;
	out[1] = (uint8_t)(sw >> 8);
	out[2] = (uint8_t)(sw & 0xff);
	return 3;
}
