// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/base64.h"
#include "model/buf.h"

/* no realloc(): what was there may be secret and must not stay behind in the heap */
static bool reserve(struct model_buf *b, size_t more)
{
	size_t room = b->room ? b->room : 256;
	uint8_t *p;

	if (b->error)
		return false;
	if (more > b->max || b->len > b->max - more) {
		b->error = -EMSGSIZE;
		return false;
	}
	if (b->len + more <= b->room)
		return true;
	while (room < b->len + more)
		room *= 2;
	p = malloc(room);
	if (!p) {
		b->error = -ENOMEM;
		return false;
	}
	if (b->p) {
		memcpy(p, b->p, b->len);
		explicit_bzero(b->p, b->len);
		free(b->p);
	}
	b->p = p;
	b->room = room;
	return true;
}

void model_buf_put(struct model_buf *b, const void *p, size_t len)
{
	if (len == 0 || !reserve(b, len))
		return;
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

void model_buf_puts(struct model_buf *b, const char *s)
{
	model_buf_put(b, s, strlen(s));
}

void model_buf_printf(struct model_buf *b, const char *format, ...)
{
	char s[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(s, sizeof(s), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(s))
		b->error = -EMSGSIZE;
	else
		model_buf_put(b, s, (size_t)n);
}

void model_buf_base64(struct model_buf *b, const uint8_t *p, size_t len, bool url)
{
	if (len == 0)
		return;
	/* so that the length of the text cannot overflow */
	if (!reserve(b, len > b->max ? len : BASE64_LEN(len)))
		return;
	b->len += base64_encode(p, len, (char *)b->p + b->len, url);
}

void model_buf_xml(struct model_buf *b, const void *p, size_t len)
{
	const char *s = p, *from = s, *end = len > 0 ? s + len : s;

	for (; s < end; s++) {
		/* a reader would make a line feed of a bare carriage return */
		const char *as = *s == '&'    ? "&amp;"
				 : *s == '<'  ? "&lt;"
				 : *s == '>'  ? "&gt;"
				 : *s == '"'  ? "&quot;"
				 : *s == '\r' ? "&#13;"
					      : NULL;

		if (!as)
			continue;
		model_buf_put(b, from, (size_t)(s - from));
		model_buf_puts(b, as);
		from = s + 1;
	}
	model_buf_put(b, from, (size_t)(end - from));
}

char *model_buf_text(struct model_buf *b)
{
	if (!reserve(b, 1))
		return NULL;
	b->p[b->len] = '\0';
	return (char *)b->p;
}

void model_buf_free(struct model_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->len);
	free(b->p);
	b->p = NULL;
	b->len = 0;
	b->room = 0;
}
