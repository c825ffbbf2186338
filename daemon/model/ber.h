/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded reader of BER-TLV as cards use it (ISO/IEC 7816-4, 5.2.2). */
#ifndef SESAME_MODEL_BER_H
#define SESAME_MODEL_BER_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ber_reader - a place in a buffer that somebody else owns
 * @p: next byte
 * @len: bytes left
 */
struct ber_reader {
	const uint8_t *p;
	size_t len;
};

/**
 * struct ber_tlv - one element, in the reader's buffer
 * @tag: tag bytes as a big-endian number, up to three bytes
 * @value: contents
 * @len: their length
 * @start: first byte of the tag
 * @size: tag, length and contents together
 */
struct ber_tlv {
	uint32_t tag;
	const uint8_t *value;
	size_t len;
	const uint8_t *start;
	size_t size;
};

/**
 * ber_next() - read one element and move on
 *
 * Definite lengths of up to three length bytes only.
 *
 * Return: 1 with @tlv filled; 0 at the end; -EBADMSG for an element that is
 * cut short, has an indefinite or longer length or a longer tag.
 */
int ber_next(struct ber_reader *r, struct ber_tlv *tlv);

/**
 * ber_find() - the first element with @tag directly in (@p, @len)
 *
 * Return: 1, 0 if there is none, -EBADMSG as in ber_next().
 */
int ber_find(const uint8_t *p, size_t len, uint32_t tag, struct ber_tlv *tlv);

#endif /* SESAME_MODEL_BER_H */
