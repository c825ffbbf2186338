/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as bytes, big endian: what the owners of lwm2m/state.h's kinds keep. */
#ifndef SESAME_LWM2M_PACK_H
#define SESAME_LWM2M_PACK_H

#include <stdint.h>
#include <string.h>

/** lwm2m_pack() - the lowest @bytes (1 to 8) bytes of @v. Return: the place behind them. */
static inline uint8_t *lwm2m_pack(uint8_t *p, uint64_t v, unsigned int bytes)
{
	while (bytes--)
		*p++ = (uint8_t)(v >> 8 * bytes);
	return p;
}

/** lwm2m_unpack() - a number of @bytes (1 to 8) bytes at *@p, which moves behind it. */
static inline uint64_t lwm2m_unpack(const uint8_t **p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *(*p)++;
	return v;
}

/** lwm2m_pack_double() - its IEEE 754 bits, 8 bytes. */
static inline uint8_t *lwm2m_pack_double(uint8_t *p, double f)
{
	uint64_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return lwm2m_pack(p, bits, 8);
}

static inline double lwm2m_unpack_double(const uint8_t **p)
{
	uint64_t bits = lwm2m_unpack(p, 8);
	double f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

#endif /* SESAME_LWM2M_PACK_H */
