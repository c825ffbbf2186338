// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "model/base64.h"

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char alphabet[2][65] = {COMMON "+/", COMMON "-_"};

size_t base64_encode(const uint8_t *p, size_t len, char *out, bool url)
{
	const char *a = alphabet[url];
	char *at = out;

	for (; len > 0; p += 3, len -= len < 3 ? len : 3) {
		unsigned int x = (unsigned int)p[0] << 16 |
				 (len > 1 ? (unsigned int)p[1] << 8 : 0) |
				 (len > 2 ? p[2] : 0U);
		char s[4] = {a[x >> 18], a[x >> 12 & 63], a[x >> 6 & 63], a[x & 63]};
		size_t n = url && len < 3 ? len + 1 : 4;

		if (len < 3)
			s[3] = '=';
		if (len < 2)
			s[2] = '=';
		memcpy(at, s, n);
		at += n;
	}
	return (size_t)(at - out);
}

ssize_t base64_decode(const uint8_t *p, size_t len, uint8_t *out, bool url)
{
	size_t n = 0, bits = 0;
	unsigned int x = 0;

	if (!url && len % 4 != 0)
		return -1;
	if (len % 4 == 0)
		for (size_t pad = 0; pad < 2 && len > 0 && p[len - 1] == '='; pad++)
			len--;
	if (len % 4 == 1)
		return -1;
	for (size_t i = 0; i < len; i++) {
		const char *at = p[i] ? strchr(alphabet[url], p[i]) : NULL;

		if (!at)
			return -1;
		x = x << 6 | (unsigned int)(at - alphabet[url]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(x >> bits);
		}
		x &= (1U << bits) - 1;
	}
	/* what is left over must be zero, or two texts would mean the same */
	return x != 0 ? -1 : (ssize_t)n;
}
