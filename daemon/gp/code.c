// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/code.h"
#include "gp/crypto.h"
#include "gp/loadfile.h"

#define PIECE 4096

static struct gp_code *code_new(const struct gp_source *source, struct gp_error *err)
{
	struct gp_code *c = calloc(1, sizeof(*c));

	if (c)
		c->source = *source;
	else
		gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	return c;
}

int gp_code_file(struct gp_code **code, const struct gp_source *source, struct gp_error *err)
{
	struct gp_code *c = code_new(source, err);
	struct gp_loadfile lf;
	int r = c ? gp_loadfile_look(source, &lf, NULL, 0, err) : -ENOMEM;

	if (r) {
		gp_code_free(c);
		return r;
	}
	c->len = lf.len;
	c->block = lf.block;
	c->ciphered = lf.ciphered;
	/* its modules are known if there is a CAP file inside */
	r = gp_cap_open(source, &c->cap, NULL);
	if (r == -ENOMEM) {
		gp_code_free(c);
		return gp_fail(err, r, "no-memory", "out of memory");
	}
	*code = c;
	return 0;
}

int gp_code_cap(struct gp_code **code, const struct gp_source *source,
		const struct gp_dap *daps, size_t nr_daps, struct gp_error *err)
{
	struct gp_code *c = code_new(source, err);
	int r = c ? gp_cap_open(source, &c->cap, err) : -ENOMEM;
	size_t len = r ? 0 : gp_cap_block_len(c->cap, 0);

	if (!r)
		r = gp_loadfile_head(len, daps, nr_daps, &c->head, err);
	if (r < 0) {
		gp_code_free(c);
		return r;
	}
	c->head_len = c->block = (size_t)r;
	c->len = c->head_len + len;
	*code = c;
	return 0;
}

void gp_code_free(struct gp_code *c)
{
	if (!c)
		return;
	gp_cap_free(c->cap);
	free(c->head);
	free(c);
}

static int read_code(const void *ctx, uint64_t at, void *p, size_t len)
{
	const struct gp_code *c = ctx;
	uint8_t *out = p;
	size_t n = 0;

	if (!c->head)
		return gp_source_read(&c->source, at, p, len);
	if (at < c->head_len) {
		n = c->head_len - (size_t)at < len ? c->head_len - (size_t)at : len;
		memcpy(out, c->head + at, n);
		at += n;
	}
	return n == len ? 0
			: gp_cap_block_read(c->cap, 0, (size_t)at - c->head_len, out + n,
					    len - n);
}

struct gp_source gp_code_source(const struct gp_code *code)
{
	return (struct gp_source){read_code, code, code->len};
}

int gp_code_hash(const struct gp_code *code, size_t hash_len, uint8_t *hash)
{
	const struct gp_source s = gp_code_source(code);
	struct gp_hashing h;
	uint8_t piece[PIECE];
	size_t n;
	int r = 0;

	gp_hash_begin(&h, hash_len);
	for (size_t at = code->block; at < code->len && !r; at += n) {
		n = code->len - at < PIECE ? code->len - at : PIECE;
		r = gp_source_read(&s, at, piece, n);
		gp_hash_add(&h, piece, n);
	}
	if (r) {
		gp_hash_end(&h, NULL);
		return r;
	}
	return gp_hash_end(&h, hash);
}
