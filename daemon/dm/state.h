/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an OMA DM device keeps over a restart: one store (store/store.h) by the name of
 * "dm" for the tree, the alerts that wait, nonces and what was asked of the SEs, so that
 * one transaction can hold what belongs together. Secrets are among it.
 */
#ifndef SESAME_DM_STATE_H
#define SESAME_DM_STATE_H

#include "store/store.h"

#define DM_STORE_NAME "dm"
/* a server's identifier, with the NUL: "dm:" before it has to fit an origin of jobs */
#define DM_SERVER_MAX 60
#define DM_CORRELATOR_MAX 128 /* with the NUL */

/* enum dm_record - who owns the bytes. The numbers are in files: never change them. */
enum dm_record {
	DM_KIND_META = 1,  /* client.c: versions, digests of the configuration */
	DM_KIND_TREE,	   /* tree.c: nodes */
	DM_KIND_VALUE,	   /* tree.c: values of leaves */
	DM_KIND_OUTBOX,	   /* outbox.c: alerts that wait for a server */
	DM_KIND_ACCOUNT,   /* account.c: nonces, times, by server identifier */
	DM_KIND_NOTIFY,	   /* notifications that were taken: no replay */
	DM_KIND_EXEC,	   /* secure element MO: what was asked, exactly once */
	DM_KIND_MO,	   /* MOs: what else they keep; key: name of the MO, ':' first */
	DM_KIND_BOOTSTRAP, /* profiles that were taken */
	DM_KIND_PROPS,	   /* tree.c: ACLs and titles of nodes that are not in the store */
	DM_KIND_UNDO,	   /* tree.c: how it was before an Atomic that is not settled */
	DM_KIND_WANT,	   /* client-want.c: sessions that were asked for, by account */
	DM_KIND_MAX = DM_KIND_WANT,
};

#endif /* SESAME_DM_STATE_H */
