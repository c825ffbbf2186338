// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "gp/loadfile.h"

#define TAG_DAP 0xe2
#define TAG_BLOCK 0xc4
#define TAG_ICV 0xd3
#define TAG_CIPHERED 0xd4

#define BLOCKS_MAX 256			 /* P2 is one byte */
#define CBC_PIECE 4096			 /* what a key in a token takes at a time */
#define FRAME_MAX (2 + GP_AES_BLOCK + 5) /* D3 and the head of C4 or D4 */
/* before the block; with one DAP block too many, which is told then */
#define HEAD_MAX ((GP_LOADFILE_DAPS_MAX + 1) * (size_t)GP_DAP_MAX + FRAME_MAX)

static const struct {
	enum gp_digest digest;
	const char *name, *other;
} digests[] = {
	{GP_DIGEST_NONE, "none", "none"},	 {GP_DIGEST_SHA1, "sha1", "sha-1"},
	{GP_DIGEST_SHA256, "sha256", "sha-256"}, {GP_DIGEST_SHA384, "sha384", "sha-384"},
	{GP_DIGEST_SHA512, "sha512", "sha-512"},
};

#define NR_DIGESTS (sizeof(digests) / sizeof(digests[0]))

const char *gp_digest_name(enum gp_digest digest)
{
	for (size_t i = 0; i < NR_DIGESTS; i++)
		if (digests[i].digest == digest)
			return digests[i].name;
	return NULL;
}

int gp_digest_by_name(const char *name)
{
	for (size_t i = 0; i < NR_DIGESTS; i++)
		if (!strcasecmp(name, digests[i].name) || !strcasecmp(name, digests[i].other))
			return (int)digests[i].digest;
	return -EINVAL;
}

/* Unlike a command's data a load file may be longer than 65535 bytes. */
static size_t put_head(uint8_t *out, uint8_t tag, size_t len)
{
	out[0] = tag;
	if (len < 0x10000)
		return 1 + gp_put_length(out + 1, len);
	out[1] = 0x83;
	out[2] = (uint8_t)(len >> 16);
	out[3] = (uint8_t)(len >> 8);
	out[4] = (uint8_t)len;
	return 5;
}

static size_t cipher_block(const struct gp_key *key)
{
	if (key->type == GP_KEY_AES)
		return GP_AES_BLOCK;
	return key->type == GP_KEY_DES && key->len == 16 ? GP_DES_BLOCK : 0;
}

/* CBC over all of it, in pieces that a token takes. */
static int encipher(const struct gp_lfdb_cipher *c, size_t block, uint8_t *p, size_t len)
{
	static const uint8_t zero[GP_AES_BLOCK];
	const uint8_t *iv = c->icv ? c->icv : zero;
	int r;

	for (size_t at = 0; at < len; at += CBC_PIECE) {
		size_t n = len - at < CBC_PIECE ? len - at : CBC_PIECE;

		r = gp_key_cbc(c->key, true, iv, p + at, n, p + at);
		if (r)
			return r;
		iv = p + at + n - block;
	}
	return 0;
}

static int check(size_t len, size_t nr_daps, const struct gp_lfdb_cipher *cipher,
		 struct gp_error *err)
{
	if (!len)
		return gp_fail(err, -EINVAL, "empty-load-file",
			       "there is nothing in the load file data block");
	if (len > GP_LOADFILE_MAX - FRAME_MAX - GP_AES_BLOCK -
			  GP_LOADFILE_DAPS_MAX * (size_t)GP_DAP_MAX)
		return gp_fail(err, -E2BIG, "load-file-too-big",
			       "the load file data block has %zu bytes", len);
	if (nr_daps > GP_LOADFILE_DAPS_MAX)
		return gp_fail(err, -E2BIG, "load-file-too-big", "%zu DAP blocks; %d at most",
			       nr_daps, GP_LOADFILE_DAPS_MAX);
	if (cipher && !cipher_block(cipher->key))
		return gp_fail(err, -EINVAL, "bad-cipher-key",
			       "a load file data block is ciphered by AES, or DES with a key "
			       "of 16 bytes");
	return 0;
}

/* DAP blocks, the vector, and the head of a block of @len bytes. */
static int make_head(size_t len, const struct gp_dap *daps, size_t nr_daps,
		     const struct gp_lfdb_cipher *cipher, size_t more, uint8_t **head,
		     struct gp_error *err)
{
	size_t unit = cipher ? cipher_block(cipher->key) : 0, at = 0;
	uint8_t *p = malloc(nr_daps * (size_t)GP_DAP_MAX + FRAME_MAX + more);
	int r;

	if (!p)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	for (size_t i = 0; i < nr_daps; i++) {
		r = gp_dap_write(&daps[i], p + at);
		if (r < 0) {
			free(p);
			return gp_fail(err, r, "bad-dap",
				       "DAP block %zu has no AID or no signature", i + 1);
		}
		at += (size_t)r;
	}
	if (cipher && cipher->icv) {
		at += put_head(p + at, TAG_ICV, unit);
		memcpy(p + at, cipher->icv, unit);
		at += unit;
	}
	at += put_head(p + at, cipher ? TAG_CIPHERED : TAG_BLOCK, len);
	*head = p;
	return (int)at;
}

int gp_loadfile_head(size_t len, const struct gp_dap *daps, size_t nr_daps, uint8_t **head,
		     struct gp_error *err)
{
	int r = check(len, nr_daps, NULL, err);

	return r ? r : make_head(len, daps, nr_daps, NULL, 0, head, err);
}

int gp_loadfile_make(const uint8_t *block, size_t len, const struct gp_dap *daps,
		     size_t nr_daps, const struct gp_lfdb_cipher *cipher,
		     struct gp_loadfile *lf, struct gp_error *err)
{
	size_t unit = cipher ? cipher_block(cipher->key) : 0;
	int r = check(len, nr_daps, cipher, err);

	memset(lf, 0, sizeof(*lf));
	if (r)
		return r;
	lf->block_len = cipher ? gp_pad80(len, unit) : len;
	r = make_head(lf->block_len, daps, nr_daps, cipher, lf->block_len, &lf->bytes, err);
	if (r < 0) {
		memset(lf, 0, sizeof(*lf));
		return r;
	}
	lf->nr_daps = nr_daps;
	lf->block = (size_t)r;
	lf->len = lf->block + lf->block_len;
	memcpy(lf->bytes + lf->block, block, len);
	if (!cipher)
		return 0;
	lf->ciphered = true;
	/* GPCS B.2.3 and B.1.3 */
	memset(lf->bytes + lf->block + len, 0, lf->block_len - len);
	lf->bytes[lf->block + len] = 0x80;
	r = encipher(cipher, unit, lf->bytes + lf->block, lf->block_len);
	if (r) {
		gp_loadfile_clear(lf);
		return gp_fail(err, r, "ciphering-failed", "the key did not encipher: %s",
			       strerror(-r));
	}
	return 0;
}

/* DAP blocks at the start of (@p, @len): their bytes, or negative errno */
static ssize_t read_daps(const uint8_t *p, size_t len, struct gp_loadfile *lf,
			 struct gp_dap *daps, size_t room, struct gp_error *err)
{
	size_t at = 0;

	while (at < len && p[at] == TAG_DAP) {
		struct gp_dap dap;
		int r = gp_dap_read(p + at, len - at, &dap, err);

		if (r < 0)
			return r;
		if (lf->nr_daps == GP_LOADFILE_DAPS_MAX || (daps && lf->nr_daps == room))
			return gp_fail(err, -E2BIG, "load-file-too-big",
				       "more than %zu DAP blocks", lf->nr_daps);
		if (daps)
			daps[lf->nr_daps] = dap;
		lf->nr_daps++;
		at += (size_t)r;
	}
	return (ssize_t)at;
}

static int bad(struct gp_error *err, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-load-file", "the load file %s", what);
}

/*
 * Tag and length at (@p, @len), where the value may lie beyond. Bytes of them, or 0: not all
 * of them are there, or they are none that a load file has (see ber_next()).
 */
static size_t take_head(const uint8_t *p, size_t len, uint8_t *tag, size_t *value)
{
	size_t more = len > 1 && p[1] & 0x80 ? p[1] & 0x7fU : 0;

	if (len < 2 + more || more > 3 || p[1] == 0x80)
		return 0;
	*tag = p[0];
	*value = more ? 0 : p[1];
	for (size_t i = 0; i < more; i++)
		*value = *value << 8 | p[2 + i];
	return 2 + more;
}

/* @p: the first @have bytes of @len; as many as DAP blocks and the frame may take */
static int look(const uint8_t *p, size_t have, uint64_t len, struct gp_loadfile *lf,
		struct gp_dap *daps, size_t room, struct gp_error *err)
{
	ssize_t n = read_daps(p, have, lf, daps, room, err);
	size_t at, head, value = 0;
	uint8_t tag = 0;
	bool icv;

	if (n < 0)
		return (int)n;
	at = (size_t)n;
	head = take_head(p + at, have - at, &tag, &value);
	icv = head && tag == TAG_ICV;
	if (icv) {
		at += head + value;
		if ((value != GP_AES_BLOCK && value != GP_DES_BLOCK) || at > have)
			return bad(
				err,
				"has an initial chaining vector and no ciphered block to it");
		head = take_head(p + at, have - at, &tag, &value);
	}
	if (icv && (!head || value > len - at - head || tag != TAG_CIPHERED))
		return bad(err, "has an initial chaining vector and no ciphered block to it");
	if (!head || value > len - at - head)
		return bad(err, "has no load file data block, or not all of it");
	if (tag != TAG_CIPHERED && tag != TAG_BLOCK)
		return bad(err, "has something else where tag C4 or D4 should be");
	if (!value || value < len - at - head)
		return bad(err, value ? "goes on behind its block" : "has an empty block");
	if (tag == TAG_CIPHERED && value % GP_DES_BLOCK)
		return bad(err, "has a ciphered block that is no whole number of blocks");
	lf->len = (size_t)len;
	lf->block = at + head;
	lf->block_len = value;
	lf->ciphered = tag == TAG_CIPHERED;
	return 0;
}

int gp_loadfile_look(const struct gp_source *source, struct gp_loadfile *lf,
		     struct gp_dap *daps, size_t room, struct gp_error *err)
{
	size_t have = source->len < HEAD_MAX ? (size_t)source->len : HEAD_MAX;
	uint8_t *p;
	int r;

	memset(lf, 0, sizeof(*lf));
	if (source->len > GP_LOADFILE_MAX)
		return gp_fail(err, -E2BIG, "load-file-too-big",
			       "a load file of %" PRIu64 " bytes", source->len);
	p = malloc(have ? have : 1);
	if (!p)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = gp_source_read(source, 0, p, have);
	r = r ? gp_fail(err, r, "bad-load-file", "the load file cannot be read: %s",
			strerror(-r))
	      : look(p, have, source->len, lf, daps, room, err);
	free(p);
	return r;
}

int gp_loadfile_read(const uint8_t *p, size_t len, struct gp_loadfile *lf, struct gp_dap *daps,
		     size_t room, struct gp_error *err)
{
	const struct gp_source source = gp_source_memory(p, len);
	int r = gp_loadfile_look(&source, lf, daps, room, err);

	if (r)
		return r;
	lf->bytes = malloc(len);
	if (!lf->bytes)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	memcpy(lf->bytes, p, len);
	return 0;
}

void gp_loadfile_clear(struct gp_loadfile *lf)
{
	if (lf->bytes)
		OPENSSL_cleanse(lf->bytes, lf->len);
	free(lf->bytes);
	memset(lf, 0, sizeof(*lf));
}

size_t gp_block_size(size_t lc_max, size_t mac, size_t cipher)
{
	size_t room = lc_max > mac ? lc_max - mac : 0;

	if (!cipher)
		return room;
	room -= room % cipher;
	return room ? room - 1 : 0;
}

int gp_load_blocks(size_t len, size_t size, bool wrap)
{
	size_t n;

	if (!size || !len)
		return -EINVAL;
	n = (len + size - 1) / size;
	return n > BLOCKS_MAX && !wrap ? -E2BIG : (int)n;
}

int gp_load_block(size_t len, size_t size, size_t index, struct gp_load_block *out)
{
	int n = gp_load_blocks(len, size, true);

	if (n < 0 || index >= (size_t)n)
		return -EINVAL;
	out->at = index * size;
	out->len = len - out->at < size ? len - out->at : size;
	out->p1 = index + 1 == (size_t)n ? 0x80 : 0x00;
	out->p2 = (uint8_t)index;
	return 0;
}
