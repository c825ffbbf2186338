// SPDX-License-Identifier: Apache-2.0
/* The four cases of a C-APDU, ISO/IEC 7816-4, 5.1. */
#include <errno.h>
#include "script.h"

int script_capdu_case(const uint8_t *capdu, size_t len)
{
	size_t lc;

	if (len < 4)
		return -EINVAL;
	if (len == 4)
		return 1;
	if (len == 5)
		return 2;
	if (capdu[4]) {
		lc = capdu[4];
		if (len == 5 + lc)
			return 3;
		return len == 6 + lc ? 4 : -EINVAL;
	}
	/* extended: 00, then two bytes */
	if (len < 7)
		return -EINVAL;
	if (len == 7)
		return 0x12;
	lc = ((size_t)capdu[5] << 8) | capdu[6];
	if (!lc)
		return -EINVAL;
	if (len == 7 + lc)
		return 0x13;
	return len == 9 + lc ? 0x14 : -EINVAL;
}
