/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about CAP files share. */
#ifndef SESAME_GP_CAP_PRIV_H
#define SESAME_GP_CAP_PRIV_H

#include "gp/cap.h"

/** gp_cap_tag_by_name() - 0 for a name that no component has */
enum gp_cap_tag gp_cap_tag_by_name(const char *name, size_t len);

/** gp_cap_set_name() - the package's name; bytes that are not printable become '?' */
void gp_cap_set_name(struct gp_cap *cap, const char *name, size_t len);

/**
 * gp_cap_take() - a component has been found
 * @at, @len: as in struct gp_cap_part
 *
 * Reads its beginning into @memory. Return: 0; -EBADMSG; what reading says.
 */
int gp_cap_take(struct gp_cap *cap, enum gp_cap_tag tag, uint64_t at, size_t len,
		struct gp_error *err);

/** gp_cap_part_read() - some bytes of a component, as gp_cap_block_read() of the block */
int gp_cap_part_read(const struct gp_cap *cap, enum gp_cap_tag tag, size_t at, void *p,
		     size_t len, struct gp_error *err);

/**
 * gp_cap_unzip() - the components of the archive that is the source
 * @cap: @parts, @memory, @zip and @name are filled in. Sizes inside the components have been
 *	compared with the archive's, and its checksums checked; nothing else has been looked at
 *
 * Return: as gp_cap_open().
 */
int gp_cap_unzip(struct gp_cap *cap, struct gp_error *err);

/** gp_cap_zip_read() - gp_cap_part_read() for an archive */
int gp_cap_zip_read(const struct gp_cap *cap, enum gp_cap_tag tag, size_t at, void *p,
		    size_t len, struct gp_error *err);

/** gp_cap_zip_free() - NULL is fine */
void gp_cap_zip_free(struct gp_cap_zip *zip);

/**
 * gp_cap_check() - read Header, Directory, Import and Applet
 *
 * Return: as gp_cap_open().
 */
int gp_cap_check(struct gp_cap *cap, struct gp_error *err);

/**
 * gp_cap_head() - tag and size in front of a component
 * @size: out: what the component says of the bytes behind its head
 *
 * Return: bytes of the head, 3, or 5 for Static Resources; 0 if @len is too short.
 */
size_t gp_cap_head(const uint8_t *p, size_t len, size_t *size);

#endif /* SESAME_GP_CAP_PRIV_H */
