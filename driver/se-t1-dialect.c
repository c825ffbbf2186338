// SPDX-License-Identifier: GPL-2.0-only
/*
 * The constants that make one T=1 family.
 *
 * The same S-block code means different things in different families: 4 is CIP
 * in one and a reset in another. That is why codes are data.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <string.h>
#endif
#include <linux/se.h>
#include "se-t1.h"

/*
 * T=1' of GlobalPlatform "APDU Transport over SPI/I2C" (GPC_SPE_172). The IFSC
 * and the block waiting time are what to assume until the CIP has told better:
 * the smallest IFSC seen in the field, and 300 ms.
 */
const struct se_t1_dialect se_t1_dialect_gp = {
	.name = "gp",
	.id = SE_DIALECT_GP,
	.nad_tx = 0x21,
	.nad_rx = 0x12,
	.len_bytes = 2,
	.edc = SE_T1_EDC_CRC_MSB,
	.read = SE_T1_READ_CIP,
	.inf_max = SE_T1_INF_MAX,
	.s_resynch = 0x00,
	.s_ifs = 0x01,
	.s_abort = 0x02,
	.s_wtx = 0x03,
	.s_cip = 0x04,
	.s_release = 0x06,
	.s_swr = 0x0f,
	.s_atr = SE_T1_NO_CODE,
	.swr_full = true,
	.ifsc = 8,
	.ifsd = 254,
	.bwt_us = 300000,
};

/*
 * ISO/IEC 7816-3, clause 11: one address, IFSC and IFSD 32 (11.4.2) and, with
 * BWI 4 and no clock of a contact interface to count by, about the 1.6 s of
 * the usual 3.57 MHz and Fd 372. ISO/IEC 13239 sends the CRC highest term first
 * and the bits of a byte lowest first: the low byte of the reflected register.
 */
const struct se_t1_dialect se_t1_dialect_iso_lrc = {
	.name = "iso-lrc",
	.id = SE_DIALECT_ISO_LRC,
	.len_bytes = 1,
	.edc = SE_T1_EDC_LRC,
	.read = SE_T1_READ_ATR,
	.inf_max = 254,
	.s_resynch = 0x00,
	.s_ifs = 0x01,
	.s_abort = 0x02,
	.s_wtx = 0x03,
	.s_cip = SE_T1_NO_CODE,
	.s_release = SE_T1_NO_CODE,
	.s_swr = SE_T1_NO_CODE,
	.s_atr = SE_T1_NO_CODE,
	.ifsc = 32,
	.ifsd = 32,
	.bwt_us = 1600000,
};

const struct se_t1_dialect se_t1_dialect_iso_crc = {
	.name = "iso-crc",
	.id = SE_DIALECT_ISO_CRC,
	.len_bytes = 1,
	.edc = SE_T1_EDC_CRC_LSB,
	.read = SE_T1_READ_ATR,
	.inf_max = 254,
	.s_resynch = 0x00,
	.s_ifs = 0x01,
	.s_abort = 0x02,
	.s_wtx = 0x03,
	.s_cip = SE_T1_NO_CODE,
	.s_release = SE_T1_NO_CODE,
	.s_swr = SE_T1_NO_CODE,
	.s_atr = SE_T1_NO_CODE,
	.ifsc = 32,
	.ifsd = 32,
	.bwt_us = 1600000,
};

/*
 * NXP's parts on SPI before T=1' (P73, SN1x0). Code 4 resets the interface, and
 * with it only the link: what the applications hold need not be lost. Code 5
 * ends the session.
 */
const struct se_t1_dialect se_t1_dialect_nxp = {
	.name = "nxp",
	.id = SE_DIALECT_NXP,
	.nad_tx = 0x5a,
	.nad_rx = 0xa5,
	.len_bytes = 1,
	.edc = SE_T1_EDC_LRC,
	.read = SE_T1_READ_NONE,
	.inf_max = 254,
	.s_resynch = 0x00,
	.s_ifs = 0x01,
	.s_abort = 0x02,
	.s_wtx = 0x03,
	.s_cip = SE_T1_NO_CODE,
	.s_release = 0x05,
	.s_swr = 0x04,
	.s_atr = SE_T1_NO_CODE,
	.ifsc = 254,
	.ifsd = 254,
	.bwt_us = 1000000,
};

/*
 * UM11225, T=1 over I2C (SE05x): code 5 ends the session, 6 resets the chip, 7
 * reads the ATR.
 */
const struct se_t1_dialect se_t1_dialect_um11225 = {
	.name = "um11225",
	.id = SE_DIALECT_UM11225,
	.nad_tx = 0x5a,
	.nad_rx = 0xa5,
	.len_bytes = 1,
	.edc = SE_T1_EDC_CRC_LSB,
	.read = SE_T1_READ_S_ATR,
	.inf_max = 254,
	.s_resynch = 0x00,
	.s_ifs = 0x01,
	.s_abort = 0x02,
	.s_wtx = 0x03,
	.s_cip = SE_T1_NO_CODE,
	.s_release = 0x05,
	.s_swr = 0x06,
	.s_atr = 0x07,
	.swr_full = true,
	.ifsc = 254,
	.ifsd = 254,
	.bwt_us = 1000000,
};

static const struct se_t1_dialect *const dialects[] = {
	[SE_DIALECT_GP] = &se_t1_dialect_gp,
	[SE_DIALECT_ISO_LRC] = &se_t1_dialect_iso_lrc,
	[SE_DIALECT_ISO_CRC] = &se_t1_dialect_iso_crc,
	[SE_DIALECT_NXP] = &se_t1_dialect_nxp,
	[SE_DIALECT_UM11225] = &se_t1_dialect_um11225,
};

#define DIALECTS	(sizeof(dialects) / sizeof(dialects[0]))

const struct se_t1_dialect *se_t1_dialect_by_id(u32 id)
{
	return id < DIALECTS ? dialects[id] : NULL;
}

const struct se_t1_dialect *se_t1_dialect_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < DIALECTS; i++)
		if (!strcmp(dialects[i]->name, name))
			return dialects[i];
	return NULL;
}
