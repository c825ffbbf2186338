/* SPDX-License-Identifier: Apache-2.0 */
/* BER-TLV (ISO/IEC 7816-4, 5.2.2) in and out, on bounded buffers. */
#ifndef SOFTSE_TLV_H
#define SOFTSE_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct tlv - one data object; @val points into the parsed buffer */
struct tlv {
	uint32_t tag;
	const uint8_t *val;
	size_t len;
};

/**
 * tlv_next() - take the next data object off the front of a buffer
 * @p: in and out: where to read
 * @end: one past the last byte
 * @t: out: the data object
 *
 * Tags of up to three bytes and lengths of up to four (81..83 forms) are read.
 * Return: 1 with @t filled, 0 at the end, -EBADMSG where the bytes are none.
 */
int tlv_next(const uint8_t **p, const uint8_t *end, struct tlv *t);

/**
 * tlv_head() - read tag and length only; the value may be missing
 *
 * Return: bytes of tag and length, 0 if they are cut short, -EBADMSG.
 */
int tlv_head(const uint8_t *p, size_t n, uint32_t *tag, size_t *len);

/**
 * tlv_find() - first data object with a tag among those of a buffer
 *
 * Return: 1 found, 0 absent, -EBADMSG.
 */
int tlv_find(const uint8_t *p, size_t n, uint32_t tag, struct tlv *t);

/**
 * lv_next() - take a field with a one-byte length (GPCS 11.5.2.3) off a buffer
 *
 * Return: 1 with @t filled (tag 0), 0 at the end, -EBADMSG.
 */
int lv_next(const uint8_t **p, const uint8_t *end, struct tlv *t);

/** struct buf - bounded output; once something did not fit, @overflow stays */
struct buf {
	uint8_t *data;
	size_t len;
	size_t room;
	bool overflow;
};

void buf_put(struct buf *b, const void *data, size_t len);
void buf_u8(struct buf *b, uint8_t v);
void buf_be16(struct buf *b, uint16_t v);
/** buf_tlv() - write tag, minimal length and value */
void buf_tlv(struct buf *b, uint32_t tag, const void *val, size_t len);

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

#endif
