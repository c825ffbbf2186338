/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are somewhere else and are read piece by piece, in any order: what is as
 * large as a package need not be in memory.
 */
#ifndef SESAME_GP_SOURCE_H
#define SESAME_GP_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct gp_source - bytes somewhere
 * @read: bytes @at to @at + @len, which lie within the source, to @p. 0 or negative errno
 * @ctx: for @read; a source does not own it
 * @len: how many bytes there are
 */
struct gp_source {
	int (*read)(const void *ctx, uint64_t at, void *p, size_t len);
	const void *ctx;
	uint64_t len;
};

/** gp_source_read() - some of it. 0; -ERANGE for what goes beyond its end; what @read said. */
int gp_source_read(const struct gp_source *s, uint64_t at, void *p, size_t len);

/** gp_source_memory() - of @len bytes, which stay where they are */
struct gp_source gp_source_memory(const void *p, size_t len);

/**
 * gp_source_file() - of the first @len bytes of a file
 * @fd: stays open, and the file as it is; its position is not used. As a source is copied,
 *	the number is meant, not a place where it is kept
 *
 * Reading gives -ESTALE where the file has become shorter.
 */
struct gp_source gp_source_file(int fd, uint64_t len);

/** gp_base64_value() - the six bits that a character of base64 stands for, or -1 */
int gp_base64_value(int c);

/**
 * struct gp_base64 - what base64 in a text says
 * @text: has it
 * @at: offset of its first character
 */
struct gp_base64 {
	struct gp_source text;
	uint64_t at;
};

/**
 * gp_source_base64() - the bytes that it stands for
 * @b: stays where it is
 * @len: their number; the text has the characters of as many, with '=' at the end and with
 *	nothing between them
 *
 * Reading gives -EBADMSG for a character that is none of base64.
 */
struct gp_source gp_source_base64(const struct gp_base64 *b, uint64_t len);

#endif /* SESAME_GP_SOURCE_H */
