/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists (OMA-TS-DM_TND-V1_2_1, 7.7.1): "Add=a.com+b.com&Get=*". Pure.
 */
#ifndef SESAME_DM_ACL_H
#define SESAME_DM_ACL_H

#include <stdbool.h>

#include "model/mo.h"

#define DM_ACL_MAX 512 /* bytes of the property ACL */

/* what a list can allow; there is nothing for Copy */
#define DM_ACL_RIGHTS (MO_ADD | MO_DELETE | MO_EXEC | MO_GET | MO_REPLACE)

/**
 * dm_acl_check() - "" or a list as the grammar wants it, each command once
 *
 * Return: 0, -EINVAL, -E2BIG beyond DM_ACL_MAX.
 */
int dm_acl_check(const char *acl);

/** dm_acl_allows() - @acl, not empty, allows @right (one of DM_ACL_RIGHTS) to @server */
bool dm_acl_allows(const char *acl, unsigned int right, const char *server);

/**
 * dm_acl_grant() - @acl with @rights for @server as well
 * @out: DM_ACL_MAX + 1 bytes, not @acl; commands in alphabetical order
 *
 * Return: 0, -EINVAL (a server that cannot be in a list), -E2BIG.
 */
int dm_acl_grant(const char *acl, unsigned int rights, const char *server, char *out);

/**
 * dm_acl_revoke() - @acl without @server (7.7.1.4)
 * @root: of the root node: what would be nobody's is everybody's
 * @out: as before, "" if nobody is left
 */
void dm_acl_revoke(const char *acl, const char *server, bool root, char *out);

#endif /* SESAME_DM_ACL_H */
