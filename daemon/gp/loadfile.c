// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "gp/loadfile.h"
#include "model/ber.h"

#define TAG_DAP 0xe2
#define TAG_BLOCK 0xc4
#define TAG_ICV 0xd3
#define TAG_CIPHERED 0xd4

#define BLOCKS_MAX 256			 /* P2 is one byte */
#define CBC_PIECE 4096			 /* what a key in a token takes at a time */
#define FRAME_MAX (2 + GP_AES_BLOCK + 5) /* D3 and the head of C4 or D4 */

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

int gp_loadfile_make(const uint8_t *block, size_t len, const struct gp_dap *daps,
		     size_t nr_daps, const struct gp_lfdb_cipher *cipher,
		     struct gp_loadfile *lf, struct gp_error *err)
{
	size_t unit = cipher ? cipher_block(cipher->key) : 0, room;
	int r = check(len, nr_daps, cipher, err);

	memset(lf, 0, sizeof(*lf));
	if (r)
		return r;
	room = nr_daps * (size_t)GP_DAP_MAX + FRAME_MAX + len + unit;
	lf->bytes = malloc(room);
	if (!lf->bytes)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	for (size_t i = 0; i < nr_daps; i++) {
		r = gp_dap_write(&daps[i], lf->bytes + lf->len);
		if (r < 0) {
			gp_loadfile_clear(lf);
			return gp_fail(err, r, "bad-dap",
				       "DAP block %zu has no AID or no signature", i + 1);
		}
		lf->len += (size_t)r;
	}
	lf->nr_daps = nr_daps;
	lf->block_len = cipher ? gp_pad80(len, unit) : len;
	if (cipher && cipher->icv) {
		lf->len += put_head(lf->bytes + lf->len, TAG_ICV, unit);
		memcpy(lf->bytes + lf->len, cipher->icv, unit);
		lf->len += unit;
	}
	lf->len +=
		put_head(lf->bytes + lf->len, cipher ? TAG_CIPHERED : TAG_BLOCK, lf->block_len);
	lf->block = lf->len;
	lf->len += lf->block_len;
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

int gp_loadfile_read(const uint8_t *p, size_t len, struct gp_loadfile *lf, struct gp_dap *daps,
		     size_t room, struct gp_error *err)
{
	struct ber_reader in;
	struct ber_tlv t;
	ssize_t n;
	bool icv;

	memset(lf, 0, sizeof(*lf));
	if (len > GP_LOADFILE_MAX)
		return gp_fail(err, -E2BIG, "load-file-too-big", "a load file of %zu bytes",
			       len);
	n = read_daps(p, len, lf, daps, room, err);
	if (n < 0)
		return (int)n;
	in = (struct ber_reader){p + n, len - (size_t)n};
	if (ber_next(&in, &t) != 1)
		return bad(err, "has no load file data block, or not all of it");
	icv = t.tag == TAG_ICV;
	if (icv && ((t.len != GP_AES_BLOCK && t.len != GP_DES_BLOCK) ||
		    ber_next(&in, &t) != 1 || t.tag != TAG_CIPHERED))
		return bad(err, "has an initial chaining vector and no ciphered block to it");
	if (t.tag != TAG_CIPHERED && t.tag != TAG_BLOCK)
		return bad(err, "has something else where tag C4 or D4 should be");
	if (!t.len || in.len)
		return bad(err, in.len ? "goes on behind its block" : "has an empty block");
	if (t.tag == TAG_CIPHERED && t.len % GP_DES_BLOCK)
		return bad(err, "has a ciphered block that is no whole number of blocks");
	lf->bytes = malloc(len);
	if (!lf->bytes)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	memcpy(lf->bytes, p, len);
	lf->len = len;
	lf->block = (size_t)(t.value - p);
	lf->block_len = t.len;
	lf->ciphered = t.tag == TAG_CIPHERED;
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

int gp_load_blocks(const struct gp_loadfile *lf, size_t size, bool wrap)
{
	size_t n;

	if (!size || !lf->len)
		return -EINVAL;
	n = (lf->len + size - 1) / size;
	return n > BLOCKS_MAX && !wrap ? -E2BIG : (int)n;
}

int gp_load_block(const struct gp_loadfile *lf, size_t size, size_t index,
		  struct gp_load_block *out)
{
	int n = gp_load_blocks(lf, size, true);
	size_t at = index * size;

	if (n < 0 || index >= (size_t)n)
		return -EINVAL;
	out->data = lf->bytes + at;
	out->len = lf->len - at < size ? lf->len - at : size;
	out->p1 = index + 1 == (size_t)n ? 0x80 : 0x00;
	out->p2 = (uint8_t)index;
	return 0;
}
