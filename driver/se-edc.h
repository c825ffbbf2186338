/* SPDX-License-Identifier: GPL-2.0-only */
/* Checksums of the T=1 family. */
#ifndef SE_EDC_H
#define SE_EDC_H

#include "se-t1.h"

/**
 * se_edc_crc() - CRC-16/X.25: polynomial 8408 reflected, start and final
 * exclusive-or FFFF. Over "123456789" it is 906E
 * @data: bytes, prologue and INF of a block
 * @len: their number
 */
u16 se_edc_crc(const u8 *data, size_t len);

#endif /* SE_EDC_H */
