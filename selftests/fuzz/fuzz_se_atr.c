// SPDX-License-Identifier: Apache-2.0
/*
 * The ATR that PC/SC programs see, out of what an SE says of itself: always a whole one with
 * a right check byte, and one that is taken as it is the next time.
 */
#include <stdlib.h>
#include <string.h>
#include "libse/se.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t atr[SE_ATR_MAX], again[SE_ATR_MAX], check = 0;
	struct se_info info = {0};
	const uint8_t *hist;
	size_t n, i;

	if (size < 3)
		return 0;
	info.dialect = data[0] % 5;
	info.ifsc = (uint32_t)(data[1] << 8 | data[2]);
	n = se_atr(&info, data + 3, size - 3, atr);
	if (n < 4 || n > SE_ATR_MAX || (atr[0] != 0x3b && atr[0] != 0x3f))
		abort();
	for (i = 1; i < n; i++)
		check ^= atr[i];
	if (check || se_atr(&info, atr, n, again) != n || memcmp(atr, again, n))
		abort();
	/* of what the SE said, and inside it */
	n = se_historical(&info, data + 3, size - 3, &hist);
	if (n && (hist < data + 3 || hist + n > data + size))
		abort();
	return 0;
}
