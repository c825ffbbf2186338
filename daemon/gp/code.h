/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What LOAD sends, made while it is sent: a load file that is somewhere, or DAP blocks and
 * the load file data block of a CAP file that is somewhere. Neither is in memory as a whole.
 */
#ifndef SESAME_GP_CODE_H
#define SESAME_GP_CODE_H

#include "gp/cap.h"
#include "gp/dap.h"
#include "gp/error.h"
#include "gp/source.h"

/**
 * struct gp_code - a load file
 * @source: where it, or its CAP file, is
 * @cap: the package in it; NULL: a load file that has none
 * @head: what stands before the block that @cap gives; NULL: @source is the load file
 * @head_len: bytes of it
 * @len: of the load file
 * @block: where the value of tag C4 or D4 starts in the load file
 * @ciphered: it is D4
 */
struct gp_code {
	struct gp_source source;
	struct gp_cap *cap;
	uint8_t *head;
	size_t head_len, len, block;
	bool ciphered;
};

/**
 * gp_code_file() - a load file that somebody else has put together, as it is
 * @source: stays, and stays as it is, until gp_code_free()
 *
 * Return: 0; as gp_loadfile_look().
 */
int gp_code_file(struct gp_code **code, const struct gp_source *source, struct gp_error *err);

/**
 * gp_code_cap() - a load file made of a CAP file, which may be a load file of one itself
 * @daps: @nr_daps of them stand before the block
 *
 * Return: 0; as gp_cap_open(); as gp_loadfile_head().
 */
int gp_code_cap(struct gp_code **code, const struct gp_source *source,
		const struct gp_dap *daps, size_t nr_daps, struct gp_error *err);

/** gp_code_free() - NULL is fine */
void gp_code_free(struct gp_code *code);

/** gp_code_source() - its bytes, while it is there; errors as of gp_cap_block_read() */
struct gp_source gp_code_source(const struct gp_code *code);

/** gp_code_hash() - of the value of tag C4, as gp_hash(); or what reading says */
int gp_code_hash(const struct gp_code *code, size_t hash_len, uint8_t *hash);

#endif /* SESAME_GP_CODE_H */
