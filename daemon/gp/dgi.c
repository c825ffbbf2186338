// SPDX-License-Identifier: Apache-2.0
/* Data groupings: read, collected, and keys as groupings. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/dgi.h"

#define LONG_LENGTH 0xff
#define TAG_KEY_CRT 0xb9

bool gp_dgi_is_secret(uint16_t id)
{
	/* private exponent, secret key, CRT constants, EC private key (tables 11-93 to 11-106)
	 */
	return id == 0x8112 || id == GP_DGI_SECRET_KEY || (id >= 0x8121 && id <= 0x8125) ||
	       id == 0x8137;
}

void gp_dgis_clear(struct gp_dgis *dgis)
{
	if (dgis->memory)
		OPENSSL_cleanse(dgis->memory, dgis->memory_len);
	free(dgis->memory);
	free(dgis->dgi);
	memset(dgis, 0, sizeof(*dgis));
}

/* Room for @len more bytes; what the groupings point to moves with them. */
static int grow(struct gp_dgis *dgis, size_t len)
{
	uint8_t *memory = malloc(dgis->memory_len + len);

	if (!memory)
		return -ENOMEM;
	if (dgis->memory_len)
		memcpy(memory, dgis->memory, dgis->memory_len);
	for (size_t i = 0; i < dgis->nr; i++)
		dgis->dgi[i].data.p = memory + (dgis->dgi[i].data.p - dgis->memory);
	if (dgis->memory)
		OPENSSL_cleanse(dgis->memory, dgis->memory_len);
	free(dgis->memory);
	dgis->memory = memory;
	return 0;
}

int gp_dgis_add(struct gp_dgis *dgis, uint16_t id, const uint8_t *data, size_t len,
		bool encrypt)
{
	struct gp_dgi *dgi;
	int r;

	if (len > 0xffff || dgis->nr == GP_DGI_MAX || dgis->memory_len + len > GP_DGI_FILE_MAX)
		return -E2BIG;
	dgi = reallocarray(dgis->dgi, dgis->nr + 1, sizeof(*dgi));
	if (!dgi)
		return -ENOMEM;
	dgis->dgi = dgi;
	/* one byte more than needed: malloc(0) may be NULL, and an empty grouping is none */
	r = grow(dgis, len + 1);
	if (r)
		return r;
	if (len)
		memcpy(dgis->memory + dgis->memory_len, data, len);
	dgis->dgi[dgis->nr++] =
		(struct gp_dgi){id, {dgis->memory + dgis->memory_len, len}, encrypt};
	dgis->memory_len += len;
	return 0;
}

/* ---- files ---- */

/* a file of text as bytes, and where a '!' stood */
struct text {
	uint8_t *bytes;
	size_t len;
	size_t *marks;
	size_t nr_marks;
	size_t marks_room;
};

static void text_clear(struct text *t)
{
	if (t->bytes)
		OPENSSL_cleanse(t->bytes, t->len);
	free(t->bytes);
	free(t->marks);
}

static bool is_text(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] >= 0x7f || (p[i] < ' ' && !isspace(p[i])))
			return false;
	return true;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int add_mark(struct text *t)
{
	size_t *marks;

	if (t->nr_marks == t->marks_room) {
		t->marks_room = 2 * t->marks_room + 16;
		marks = reallocarray(t->marks, t->marks_room, sizeof(*marks));
		if (!marks)
			return -ENOMEM;
		t->marks = marks;
	}
	t->marks[t->nr_marks++] = t->len;
	return 0;
}

static int bad_text(struct gp_error *err, size_t line, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-dgi-file", "line %zu: %s", line, what);
}

static int read_text(const uint8_t *p, size_t len, struct text *t, struct gp_error *err)
{
	size_t line = 1;
	int high = -1;

	t->bytes = malloc(len / 2 + 1);
	if (!t->bytes)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		int v = digit(p[i]);

		if (v >= 0) {
			if (high >= 0)
				t->bytes[t->len++] = (uint8_t)(high << 4 | v);
			high = high >= 0 ? -1 : v;
			continue;
		}
		/* the two digits of a byte stand together */
		if (high >= 0)
			return bad_text(err, line, "half a byte");
		if (p[i] == '#') {
			while (i + 1 < len && p[i + 1] != '\n')
				i++;
		} else if (p[i] == '!') {
			if (add_mark(t))
				return -ENOMEM;
		} else if (p[i] == '\n') {
			line++;
		} else if (!isspace(p[i])) {
			return bad_text(err, line, "neither a hex digit nor white space");
		}
	}
	return high >= 0 ? bad_text(err, line, "half a byte") : 0;
}

static int bad_at(struct gp_error *err, size_t at, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-dgi-file", "byte %zu: %s", at, what);
}

/* Identifier and length. Return: their bytes, or 0 and @what is wrong. */
static size_t read_head(const uint8_t *p, size_t len, uint16_t *id, size_t *size,
			const char **what)
{
	*what = "a data grouping is cut short";
	if (len < 3)
		return 0;
	*id = (uint16_t)(p[0] << 8 | p[1]);
	*size = p[2];
	if (p[2] != LONG_LENGTH)
		return 3;
	if (len < 5)
		return 0;
	*size = (size_t)p[3] << 8 | p[4];
	*what = "a length below FF in three bytes: EMV CPS wants it in one";
	return *size < LONG_LENGTH ? 0 : 5;
}

static int read_bytes(const struct text *t, struct gp_dgis *dgis, struct gp_error *err)
{
	size_t at = 0, mark = 0, head, size;
	const char *what;
	uint16_t id;

	if (!t->len)
		return bad_at(err, 0, "there is no data grouping in it");
	dgis->memory = malloc(t->len);
	if (!dgis->memory)
		return -ENOMEM;
	memcpy(dgis->memory, t->bytes, t->len);
	dgis->memory_len = t->len;
	while (at < t->len) {
		struct gp_dgi *dgi;
		bool marked = mark < t->nr_marks && t->marks[mark] == at;

		head = read_head(t->bytes + at, t->len - at, &id, &size, &what);
		if (!head)
			return bad_at(err, at, what);
		if (size > t->len - at - head)
			return bad_at(err, at, "a data grouping is cut short");
		if (dgis->nr == GP_DGI_MAX)
			return gp_fail(err, -E2BIG, "dgi-file-too-big",
				       "more than %d data groupings", GP_DGI_MAX);
		if (!(dgis->nr & (dgis->nr - 1))) {
			dgi = reallocarray(dgis->dgi, dgis->nr ? 2 * dgis->nr : 1,
					   sizeof(*dgi));
			if (!dgi)
				return -ENOMEM;
			dgis->dgi = dgi;
		}
		mark += marked;
		dgis->dgi[dgis->nr++] = (struct gp_dgi){
			id, {dgis->memory + at + head, size}, marked || gp_dgi_is_secret(id)};
		at += head + size;
		if (mark < t->nr_marks && t->marks[mark] < at)
			return bad_at(err, t->marks[mark],
				      "'!' stands inside a data grouping, not before one");
	}
	return mark < t->nr_marks ? bad_at(err, at, "'!' stands before no data grouping") : 0;
}

int gp_dgis_read(const uint8_t *p, size_t len, struct gp_dgis *dgis, struct gp_error *err)
{
	struct text t = {0};
	int r = 0;

	memset(dgis, 0, sizeof(*dgis));
	if (len > 3 * (size_t)GP_DGI_FILE_MAX)
		return gp_fail(err, -E2BIG, "dgi-file-too-big", "a file of %zu bytes", len);
	if (is_text(p, len)) {
		r = read_text(p, len, &t, err);
	} else {
		t.bytes = malloc(len);
		if (t.bytes)
			memcpy(t.bytes, p, len);
		else
			r = -ENOMEM;
		t.len = len;
	}
	if (!r && t.len > GP_DGI_FILE_MAX)
		r = gp_fail(err, -E2BIG, "dgi-file-too-big", "%zu bytes of data groupings",
			    t.len);
	if (!r)
		r = read_bytes(&t, dgis, err);
	text_clear(&t);
	if (r)
		gp_dgis_clear(dgis);
	return r == -ENOMEM ? gp_fail(err, r, "no-memory", "out of memory") : r;
}

/* ---- keys ---- */

/* tag, length of one byte, value; returns the bytes written */
static size_t put(uint8_t *out, uint8_t tag, const uint8_t *v, size_t len)
{
	out[0] = tag;
	out[1] = (uint8_t)len;
	memcpy(out + 2, v, len);
	return 2 + len;
}

/* table 11-92; at most 28 bytes */
#define CRT_MAX 32

static size_t put_crt(uint8_t *out, const struct gp_dgi_key *k)
{
	const uint8_t size[] = {(uint8_t)(k->len >> 8), (uint8_t)k->len};
	bool wide = k->len > 0xff;
	uint8_t crt[CRT_MAX];
	size_t n = 0;

	n += put(crt + n, 0x95, &k->usage, 1);
	n += put(crt + n, 0x96, &k->access, 1);
	n += put(crt + n, 0x80, &k->type, 1);
	n += put(crt + n, 0x81, wide ? size : size + 1, wide ? 2 : 1);
	n += put(crt + n, 0x82, &k->kid, 1);
	n += put(crt + n, 0x83, &k->kvn, 1);
	n += put(crt + n, 0x84, k->kcv, sizeof(k->kcv));
	return put(out, TAG_KEY_CRT, crt, n);
}

int gp_dgis_add_keys(struct gp_dgis *dgis, const struct gp_dgi_key *keys, size_t n,
		     struct gp_error *err)
{
	const size_t nr = dgis->nr, memory_len = dgis->memory_len;
	uint8_t *info;
	size_t len = 0;
	int r;

	if (!n || n > GP_DGI_MAX)
		return gp_fail(err, -EINVAL, "bad-key", "no keys, or too many");
	for (size_t i = 0; i < n; i++)
		if (!keys[i].len || keys[i].len > 0xffff || !keys[i].value)
			return gp_fail(err, -EINVAL, "bad-key", "key %zu has no value", i + 1);
	info = malloc(n * CRT_MAX);
	if (!info)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	for (size_t i = 0; i < n; i++)
		len += put_crt(info + len, &keys[i]);
	r = gp_dgis_add(dgis, GP_DGI_KEY_INFO, info, len, false);
	for (size_t i = 0; !r && i < n; i++)
		r = gp_dgis_add(dgis, GP_DGI_SECRET_KEY, keys[i].value, keys[i].len, true);
	free(info);
	if (!r)
		return 0;
	if (dgis->memory)
		OPENSSL_cleanse(dgis->memory + memory_len, dgis->memory_len - memory_len);
	dgis->nr = nr;
	dgis->memory_len = memory_len;
	return gp_fail(err, r, "too-long", "the keys do not fit");
}
