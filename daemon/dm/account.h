/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts in the tree: DMAcc objects (urn:oma:mo:oma-dm-dmacc:1.0, OMA-TS-DM_StdObj 1.2)
 * below ./DMAcc. What is written there is what a server, a bootstrap profile or the
 * configuration said; what of it this client uses is in struct dm_account.
 */
#ifndef SESAME_DM_ACCOUNT_H
#define SESAME_DM_ACCOUNT_H

#include "dm/auth.h"
#include "dm/profile.h"
#include "dm/tree.h"

#define DM_ACCOUNT_ROOT "./DMAcc"
#define DM_ACCOUNT_WORDS_MAX 256

/**
 * struct dm_account_auth - one AppAuth: how one side shows who it is
 * @node: its name below AppAuth; "": there is none
 * @type: AAuthType; DM_AUTH_NONE where there is none, or TRANSPORT
 * @name, @secret, @nonce: AAuthName, AAuthSecret, AAuthData
 */
struct dm_account_auth {
	char node[DM_SEGMENT_MAX + 1];
	enum dm_auth_type type;
	char name[DM_AUTH_NAME_MAX + 1];
	uint8_t secret[DM_AUTH_SECRET_MAX];
	size_t secret_len;
	uint8_t nonce[DM_AUTH_NONCE_MAX];
	size_t nonce_len;
};

/**
 * struct dm_account - an account; secrets are in it
 * @node: its name below ./DMAcc
 * @uri: Addr, with the port of PortNbr if it has none
 * @client: AAuthLevel CLCRED, we to the server; @server: SRVCRED, it to us
 */
struct dm_account {
	char node[DM_SEGMENT_MAX + 1];
	char server_id[DM_SERVER_MAX];
	char uri[256];
	struct dm_account_auth client, server;
};

/** dm_account_clear() - wipe it */
void dm_account_clear(struct dm_account *a);

/** dm_account_next() - name of the account behind @node ("": the first); 0 or -ENOENT */
int dm_account_next(struct dm_tree *t, char node[DM_SEGMENT_MAX + 1]);

/**
 * dm_account_read() - what is below ./DMAcc/@node
 * @why: what is wrong, DM_ACCOUNT_WORDS_MAX bytes; never a secret
 *
 * Of several AppAuth of a level the one that AAuthPref names counts, else the strongest.
 * Return: 0, -ENOENT, -EINVAL (it is not complete, or cannot be used), -ENOMEM, -EIO.
 */
int dm_account_read(struct dm_tree *t, const char *node, struct dm_account *a, char *why);

/**
 * dm_account_write() - make ./DMAcc/@a->node; the nodes of an AppAuth are named here
 * @name: Name, NULL: the node's
 *
 * What was there goes. The server gets the right to read and to change its own account.
 * Return: 0, or the tree's error.
 */
int dm_account_write(struct dm_tree *t, const struct dm_account *a, const char *name);

/** dm_account_drop() - 0, also if it is not there, or the tree's error */
int dm_account_drop(struct dm_tree *t, const char *node);

/** dm_account_of_profile() - 0, -EINVAL with @why. @a->node is made of the server's id. */
int dm_account_of_profile(const struct dm_profile_account *p, struct dm_account *a, char *why);

/** dm_account_nonce() - keep the next nonce of one side, in @a and in the tree */
int dm_account_nonce(struct dm_tree *t, struct dm_account *a, bool server, const uint8_t *p,
		     size_t n);

/**
 * dm_account_check() - struct dm_watch_ops.check of ./DMAcc: may a server write this?
 *
 * @ctx: the tree
 *
 * An address must be one (http is judged when it is used), a type of authentication one
 * that is known, an identifier one that fits (415), that no other account has (418), and that
 * stays what it is (405).
 */
int dm_account_check(void *ctx, const struct dm_req *req, const struct dm_path *path,
		     const uint8_t *p, size_t len);

#endif /* SESAME_DM_ACCOUNT_H */
