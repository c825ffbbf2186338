/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers that codecs write to. */
#ifndef SESAME_MODEL_BUF_H
#define SESAME_MODEL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct model_buf - bytes that grow up to a limit; zeros but for @max to begin with
 * @max: bytes it may have
 * @error: 0, -ENOMEM or -EMSGSIZE; once set, nothing more is written
 */
struct model_buf {
	uint8_t *p;
	size_t len;
	size_t room;
	size_t max;
	int error;
};

void model_buf_put(struct model_buf *b, const void *p, size_t len);
void model_buf_puts(struct model_buf *b, const char *s);
void model_buf_printf(struct model_buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** model_buf_base64() - the base64 of @p (RFC 4648): section 4; @url: 5, without padding. */
void model_buf_base64(struct model_buf *b, const uint8_t *p, size_t len, bool url);
/** model_buf_xml() - UTF-8 text with what XML wants escaped, also fit for attributes. */
void model_buf_xml(struct model_buf *b, const void *p, size_t len);
/** model_buf_text() - end it with NUL, which is not counted: the text; NULL if @error is set.
 */
char *model_buf_text(struct model_buf *b);
/** model_buf_free() - wipe and free. */
void model_buf_free(struct model_buf *b);

#endif /* SESAME_MODEL_BUF_H */
