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
 * gp_cap_unzip() - the components of an archive
 * @cap: @parts, @memory and @name are filled in. Sizes inside the components have been
 *	compared with the archive's; nothing else has been looked at
 *
 * Return: as gp_cap_read().
 */
int gp_cap_unzip(const uint8_t *p, size_t len, struct gp_cap *cap, struct gp_error *err);

/**
 * gp_cap_check() - read Header, Directory, Import and Applet
 *
 * Return: as gp_cap_read().
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
