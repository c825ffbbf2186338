// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checksums of the T=1 family.
 *
 * The kernel has this CRC as crc_ccitt(); a table of 16 entries of our own
 * gives the kernel module and the user-space library the very same code, and
 * takes a hundredth of the time that the bus needs for the byte.
 */
#include "se-edc.h"

static const u16 crc_nibble[16] = {
	0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
	0x8408, 0x9489, 0xa50a, 0xb58b, 0xc60c, 0xd68d, 0xe70e, 0xf78f,
};

u16 se_edc_crc(const u8 *data, size_t len)
{
	u16 crc = 0xffff;

	while (len--) {
		crc = (u16)(crc ^ *data++);
		crc = (u16)((crc >> 4) ^ crc_nibble[crc & 0x0f]);
		crc = (u16)((crc >> 4) ^ crc_nibble[crc & 0x0f]);
	}
	return (u16)(crc ^ 0xffff);
}
