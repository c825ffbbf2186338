/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load files: DAP blocks and the load file data block, clear or ciphered, and their
 * slices for LOAD (GPCS 2.3.1, 11.6 and C.2, C.6).
 *
 *   E2 {...}* C4 block      or      E2 {...}* [D3 ICV] D4 ciphered block
 */
#ifndef SESAME_GP_LOADFILE_H
#define SESAME_GP_LOADFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/dap.h"
#include "gp/key.h"
#include "gp/source.h"

#define GP_LOADFILE_MAX (4u << 20) /* bytes of a load file */
#define GP_LOADFILE_DAPS_MAX 16

/**
 * enum gp_digest - hash of a load file data block; the value is its length in bytes, so
 * gp_hash(digest, ...) makes it. It is taken over the block in the clear, without tag
 * and length (GPCS C.2).
 */
enum gp_digest {
	GP_DIGEST_NONE = 0,
	GP_DIGEST_SHA1 = 20,
	GP_DIGEST_SHA256 = 32,
	GP_DIGEST_SHA384 = 48,
	GP_DIGEST_SHA512 = 64,
};
#define GP_DIGEST_MAX 64

/** gp_digest_name() - "sha256" and so on, "none"; NULL for another value */
const char *gp_digest_name(enum gp_digest digest);

/** gp_digest_by_name() - the reverse, "SHA-256" too. Return: enum gp_digest or -EINVAL. */
int gp_digest_by_name(const char *name);

/**
 * struct gp_lfdb_cipher - how to cipher a load file data block (GPCS C.6)
 * @key: AES, or DES of 16 bytes: the ciphered load file data block key (KVN 75)
 * @icv: random from the caller, one cipher block (16 or 8 bytes), sent in tag D3; NULL:
 *	none, ICV zero
 */
struct gp_lfdb_cipher {
	const struct gp_key *key;
	const uint8_t *icv;
};

/**
 * struct gp_loadfile - a load file as it goes down in LOAD commands
 * @bytes: for gp_loadfile_clear()
 * @len: their number
 * @block: where the value of tag C4 or D4 starts in @bytes
 * @block_len: its length
 * @ciphered: it is D4
 * @nr_daps: DAP blocks in front
 */
struct gp_loadfile {
	uint8_t *bytes;
	size_t len;
	size_t block, block_len;
	bool ciphered;
	size_t nr_daps;
};

/**
 * gp_loadfile_make() - put a load file together
 * @block: load file data block in the clear, as gp_cap_block() makes it
 * @daps: @nr_daps of them, or NULL
 * @cipher: NULL: in the clear
 *
 * Return: 0; -EINVAL for an empty block, a bad DAP block or a key that cannot cipher;
 * -E2BIG beyond the bounds; -EIO, -ENOMEM. @err has it in words.
 */
int gp_loadfile_make(const uint8_t *block, size_t len, const struct gp_dap *daps,
		     size_t nr_daps, const struct gp_lfdb_cipher *cipher,
		     struct gp_loadfile *lf, struct gp_error *err);

/**
 * gp_loadfile_read() - take a load file apart, say one that somebody else has signed
 * @daps: out: up to @room of them, or NULL
 *
 * Return: 0; -EBADMSG; -E2BIG for more than @room DAP blocks (if @daps) or bytes;
 * -ENOMEM.
 */
int gp_loadfile_read(const uint8_t *p, size_t len, struct gp_loadfile *lf, struct gp_dap *daps,
		     size_t room, struct gp_error *err);

/**
 * gp_loadfile_look() - the same, of a load file that stays where it is
 * @lf: out: all but @bytes, which is NULL
 *
 * Return: as gp_loadfile_read(), and what reading @source says.
 */
int gp_loadfile_look(const struct gp_source *source, struct gp_loadfile *lf,
		     struct gp_dap *daps, size_t room, struct gp_error *err);

/**
 * gp_loadfile_head() - what stands before a block of @len bytes in the clear
 * @head: out: for free(): @daps, tag C4 and its length
 *
 * Return: its bytes; as gp_loadfile_make().
 */
int gp_loadfile_head(size_t len, const struct gp_dap *daps, size_t nr_daps, uint8_t **head,
		     struct gp_error *err);

/** gp_loadfile_clear() - wipe and free what it holds; it may be used anew */
void gp_loadfile_clear(struct gp_loadfile *lf);

/**
 * gp_block_size() - the most data that fits a command under a secure channel
 * @lc_max: most bytes of data field that card and transport take, 255 or more
 * @mac: bytes of C-MAC, 0, 8 or 16
 * @cipher: block of the cipher in bytes if commands are encrypted (8 or 16), else 0
 *
 * Encryption pads with 80 and zeroes, so at least one byte of the last block is gone.
 *
 * Return: bytes, 0 if nothing fits.
 */
size_t gp_block_size(size_t lc_max, size_t mac, size_t cipher);

/**
 * struct gp_load_block - place, P1 and P2 of one LOAD command
 * @at: of its data in the load file
 * @len: bytes
 * @p1: 00 more follow, 80 the last one
 * @p2: block number
 */
struct gp_load_block {
	size_t at, len;
	uint8_t p1, p2;
};

/**
 * gp_load_blocks() - how many LOAD commands
 * @len: bytes of the load file
 * @size: bytes of each but the last, see gp_block_size()
 * @wrap: the card counts on from 00 after block FF; most do, though GPCS knows no more
 *	than 256 blocks
 *
 * Return: 1 and up; -EINVAL for @len or @size 0; -E2BIG for more than 256 without @wrap.
 */
int gp_load_blocks(size_t len, size_t size, bool wrap);

/**
 * gp_load_block() - the @index-th of them, from 0
 *
 * Return: 0, -EINVAL for a block that does not exist.
 */
int gp_load_block(size_t len, size_t size, size_t index, struct gp_load_block *out);

#endif /* SESAME_GP_LOADFILE_H */
