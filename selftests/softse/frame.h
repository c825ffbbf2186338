/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the protocols that carry APDUs or blocks over a byte stream. */
#ifndef SOFTSE_FRAME_H
#define SOFTSE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "tlv.h"

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* vpcd: length (2, big-endian), body */
#define VPCD_HEAD 2
#define VPCD_BODY_MAX 65535
#define VPCD_FRAME_MAX (VPCD_HEAD + VPCD_BODY_MAX)

enum { VPCD_OFF = 0, VPCD_ON = 1, VPCD_RESET = 2, VPCD_ATR = 4 };

/** vpcd_frame() - bytes of the first whole frame, 0 if it is not there yet */
size_t vpcd_frame(const uint8_t *in, size_t len);

/* T=1 over a stream: type, length (2, big-endian), data, exclusive-or of all */
#define T1S_HEAD 3
#define T1S_OVERHEAD (T1S_HEAD + 1)
#define T1S_DATA_MAX 4096
#define T1S_FRAME_MAX (T1S_OVERHEAD + T1S_DATA_MAX)

enum { T1S_POWER_UP = 0xf0, T1S_BLOCK = 0x80, T1S_POWER_DOWN = 0xe0 };

/**
 * t1s_frame() - look for a frame
 *
 * Return: bytes of the first whole frame, 0 if it is not there yet, -EBADMSG if
 * what is there is none.
 */
int t1s_frame(const uint8_t *in, size_t len);

/** t1s_put() - make a frame; returns its length, at most T1S_OVERHEAD + @len */
size_t t1s_put(uint8_t *out, uint8_t type, const uint8_t *data, size_t len);

/**
 * atr_t1() - does this ATR offer T=1, and how? (ISO/IEC 7816-3, 8.2)
 * @ifsc: out: 32 where it says nothing
 * @crc: out: CRC instead of LRC
 *
 * Return: 1 with T=1, 0 without, -EBADMSG for one that is broken.
 */
int atr_t1(const uint8_t *atr, size_t len, uint8_t *ifsc, int *crc);

#endif
