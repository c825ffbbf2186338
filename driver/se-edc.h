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

/**
 * se_edc_lrc() - exclusive-or of all bytes
 * @data: bytes, prologue and INF of a block
 * @len: their number
 */
u8 se_edc_lrc(const u8 *data, size_t len);

/** se_edc_len() - width of a checksum, bytes. */
static inline size_t se_edc_len(enum se_t1_edc edc)
{
	return edc == SE_T1_EDC_LRC ? 1 : 2;
}

/**
 * se_edc_put() - write the checksum behind a block
 * @edc: which one
 * @block: prologue and INF, and room for the checksum
 * @len: length without it
 *
 * Return: bytes written.
 */
size_t se_edc_put(enum se_t1_edc edc, u8 *block, size_t len);

/**
 * se_edc_ok() - check a whole block
 * @edc: which one
 * @block: prologue, INF and checksum
 * @len: length of it all, more than that of the checksum
 */
bool se_edc_ok(enum se_t1_edc edc, const u8 *block, size_t len);

#endif /* SE_EDC_H */
