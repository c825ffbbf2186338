/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648): section 4 with padding, section 5 (URL alphabet) without. */
#ifndef SESAME_MODEL_BASE64_H
#define SESAME_MODEL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** characters for @len bytes, padding counted */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/**
 * base64_encode() - @url: section 5, without padding
 * @out: BASE64_LEN(@len) characters; no NUL is added
 *
 * Return: how many characters.
 */
size_t base64_encode(const uint8_t *p, size_t len, char *out, bool url);

/** room for what @len characters stand for */
#define BASE64_ROOM(len) ((len) / 4 * 3 + 3)

/**
 * base64_decode() - read it; padding is needed unless @url, where it may be there
 * @out: BASE64_ROOM(@len) bytes
 *
 * Return: how many bytes, or -1 if it is not base64: characters of neither
 * alphabet, bits left over that are not zero, a wrong length.
 */
ssize_t base64_decode(const uint8_t *p, size_t len, uint8_t *out, bool url);

#endif /* SESAME_MODEL_BASE64_H */
