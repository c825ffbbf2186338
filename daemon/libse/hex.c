// SPDX-License-Identifier: Apache-2.0
/* Bytes as people write them: AIDs, APDUs, keys. */
#include <errno.h>
#include "se.h"

void se_to_hex(char *text, const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < len; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 0x0f];
	}
	text[2 * len] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int se_from_hex(const char *text, size_t text_len, uint8_t *out, size_t room, size_t *len)
{
	size_t i;

	if (text_len % 2 || text_len / 2 > room)
		return -EINVAL;
	for (i = 0; i < text_len / 2; i++) {
		int hi = digit(text[2 * i]), lo = digit(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	*len = text_len / 2;
	return 0;
}
