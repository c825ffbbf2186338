/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the readers of bootstrap profiles. */
#ifndef SESAME_DM_PROFILE_PRIV_H
#define SESAME_DM_PROFILE_PRIV_H

#include "dm/profile.h"
#include "dm/syncml-dom.h"

/** profile_account() - room for one more; NULL if there is none */
struct dm_profile_account *profile_account(struct dm_profile *p);

/** profile_keep() - the account is whole: it stays. What has no ServerID or no address goes. */
void profile_keep(struct dm_profile *p, struct dm_profile_account *a);

/** profile_bytes() - a value that may be base64: decoded if it is, as it is otherwise
 * Return: false without memory. */
bool profile_bytes(struct dm_profile *p, const char *text, const uint8_t **to, size_t *len);

/** profile_port() - decimal, 0 if it is none */
unsigned int profile_port(const char *s);

/** profile_cp() - the accounts of a wap-provisioningdoc. Return: 0, -ENOMEM, -E2BIG. */
int profile_cp(struct dm_profile *p, const struct dm_node *root);

#endif /* SESAME_DM_PROFILE_PRIV_H */
