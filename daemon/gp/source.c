// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "gp/source.h"

#define QUADS 256 /* groups of four characters that are decoded at a time */

int gp_source_read(const struct gp_source *s, uint64_t at, void *p, size_t len)
{
	if (at > s->len || len > s->len - at)
		return -ERANGE;
	return len ? s->read(s->ctx, at, p, len) : 0;
}

static int read_memory(const void *ctx, uint64_t at, void *p, size_t len)
{
	memcpy(p, (const uint8_t *)ctx + at, len);
	return 0;
}

struct gp_source gp_source_memory(const void *p, size_t len)
{
	return (struct gp_source){read_memory, p, len};
}

static int read_file(const void *ctx, uint64_t at, void *p, size_t len)
{
	int fd = (int)(intptr_t)ctx;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, (uint8_t *)p + done, len - done, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ESTALE;
		done += (size_t)n;
	}
	return 0;
}

struct gp_source gp_source_file(int fd, uint64_t len)
{
	return (struct gp_source){read_file, (const void *)(intptr_t)fd, len};
}

int gp_base64_value(int c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int read_base64(const void *ctx, uint64_t at, void *p, size_t len)
{
	const struct gp_base64 *b = ctx;
	char text[4 * QUADS];
	uint8_t *out = p;
	int r = 0;

	while (len && !r) {
		size_t skip = (size_t)(at % 3), quads = (skip + len + 2) / 3;

		if (quads > QUADS)
			quads = QUADS;
		r = gp_source_read(&b->text, b->at + at / 3 * 4, text, 4 * quads);
		for (size_t i = 0; i < quads && !r; i++) {
			uint32_t three = 0;

			for (size_t k = 0; k < 4 && !r; k++) {
				char c = text[4 * i + k];
				int v = c == '=' ? 0 : gp_base64_value(c);

				if (v < 0)
					r = -EBADMSG;
				else
					three = three << 6 | (uint32_t)v;
			}
			for (size_t k = skip; k < 3 && len && !r; k++, len--, at++)
				*out++ = (uint8_t)(three >> (16 - 8 * k));
			skip = 0;
		}
	}
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

struct gp_source gp_source_base64(const struct gp_base64 *b, uint64_t len)
{
	return (struct gp_source){read_base64, b, len};
}
