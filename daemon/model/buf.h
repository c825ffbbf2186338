/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers that codecs write to. */
#ifndef SESAME_MODEL_BUF_H
#define SESAME_MODEL_BUF_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct buf - bytes that grow up to a limit; zeros but for @max to begin with
 * @max: bytes it may have
 * @error: 0, -ENOMEM or -EMSGSIZE; once set, nothing more is written
 */
struct buf {
	uint8_t *p;
	size_t len;
	size_t room;
	size_t max;
	int error;
};

void buf_put(struct buf *b, const void *p, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** buf_base64() - the base64 of @p (RFC 4648, 4). */
void buf_base64(struct buf *b, const uint8_t *p, size_t len);
/** buf_xml() - UTF-8 text with what XML wants escaped, also fit for attributes. */
void buf_xml(struct buf *b, const void *p, size_t len);
/** buf_text() - end it with NUL, which is not counted: the text; NULL if @error is set. */
char *buf_text(struct buf *b);
/** buf_free() - wipe and free. */
void buf_free(struct buf *b);

#endif /* SESAME_MODEL_BUF_H */
