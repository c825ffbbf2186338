/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in hex for the tests of keys and secure channels; blanks are left out. */
#ifndef SESAME_UNIT_GP_BYTES_H
#define SESAME_UNIT_GP_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static inline size_t bytes_of(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned int b;

	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (n == room || sscanf(hex, "%2x", &b) != 1 || !hex[1])
			fail_msg("not hex, or too long: %s", hex);
		out[n++] = (uint8_t)b;
		hex += 2;
	}
	return n;
}

static inline void bytes_are_at(const uint8_t *have, size_t len, const char *want_hex, int line)
{
	uint8_t want[2048];
	size_t n = bytes_of(want_hex, want, sizeof(want));

	if (len == n && (!n || !memcmp(have, want, n)))
		return;
	print_error("line %d: want %s\n         have ", line, want_hex);
	for (size_t i = 0; i < len; i++)
		print_error("%02X", have[i]);
	print_error("\n");
	fail();
}

#define bytes_are(have, len, want) bytes_are_at(have, len, want, __LINE__)

#endif /* SESAME_UNIT_GP_BYTES_H */
