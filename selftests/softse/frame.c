// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <errno.h>
#include <string.h>

size_t vpcd_frame(const uint8_t *in, size_t len)
{
	size_t body;

	if (len < VPCD_HEAD)
		return 0;
	body = get_be16(in);
	return len - VPCD_HEAD >= body ? VPCD_HEAD + body : 0;
}

int t1s_frame(const uint8_t *in, size_t len)
{
	uint8_t sum = 0;
	size_t whole;

	if (!len)
		return 0;
	if (in[0] != T1S_POWER_UP && in[0] != T1S_BLOCK && in[0] != T1S_POWER_DOWN)
		return -EBADMSG;
	if (len < T1S_HEAD)
		return 0;
	whole = T1S_OVERHEAD + (size_t)get_be16(in + 1);
	if (whole > T1S_FRAME_MAX)
		return -EBADMSG;
	if (len < whole)
		return 0;
	for (size_t i = 0; i < whole; i++)
		sum ^= in[i];
	return sum ? -EBADMSG : (int)whole;
}

size_t t1s_put(uint8_t *out, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t sum = 0;

	out[0] = type;
	put_be16(out + 1, (uint16_t)len);
	if (len)
		memcpy(out + T1S_HEAD, data, len);
	for (size_t i = 0; i < T1S_HEAD + len; i++)
		sum ^= out[i];
	out[T1S_HEAD + len] = sum;
	return T1S_OVERHEAD + len;
}

int atr_t1(const uint8_t *atr, size_t len, uint8_t *ifsc, int *crc)
{
	unsigned int group = 1, protocol = 0, y;
	size_t at = 2;
	int found = 0;

	*ifsc = 32;
	*crc = 0;
	if (len < 2 || len > 33 || (atr[0] != 0x3b && atr[0] != 0x3f))
		return -EBADMSG;
	y = atr[1] >> 4;
	for (;;) {
		/* TA, TB, TC; from the third group on they are those of @protocol */
		for (unsigned int bit = 0; bit < 3; bit++) {
			if (!(y & 1U << bit))
				continue;
			if (at == len)
				return -EBADMSG;
			if (group > 2 && protocol == 1 && bit == 0)
				*ifsc = atr[at];
			else if (group > 2 && protocol == 1 && bit == 2)
				*crc = atr[at] & 1;
			at++;
		}
		if (!(y & 8))
			break;
		if (at == len)
			return -EBADMSG;
		y = atr[at] >> 4;
		protocol = atr[at] & 0x0f;
		found |= protocol == 1;
		at++;
		group++;
	}
	if (at + (atr[1] & 0x0f) > len || !*ifsc || *ifsc == 0xff)
		return -EBADMSG;
	return found;
}
