// SPDX-License-Identifier: GPL-2.0-only
/*
 * The constants that make one T=1 family.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
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
	.edc_bytes = 2,
	.edc_msb_first = true,
	.inf_max = SE_T1_INF_MAX,
	.s_resynch = 0x00,
	.s_ifs = 0x01,
	.s_abort = 0x02,
	.s_wtx = 0x03,
	.s_cip = 0x04,
	.s_release = 0x06,
	.s_swr = 0x0f,
	.ifsc = 8,
	.ifsd = 254,
	.bwt_us = 300000,
};
