/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Secure Element MO, ./SecureElement (Documentation/dm/secure-element-mo.rst): what is
 * on the SEs, scripts, packages and operations on them, over content/ and job/. Numbers
 * in parentheses are that document's.
 *
 * An Exec is recorded in the store before its job is made, and its record and the alert
 * that tells its end are written in one transaction: an operation is accepted once, runs
 * once and is told once, over restarts too (8.4). Jobs are of the origin "dm:SERVER".
 *
 * Not thread safe; belongs to the loop of its store and its jobs.
 */
#ifndef SESAME_DM_MO_SE_H
#define SESAME_DM_MO_SE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/outbox.h"
#include "dm/tree.h"

struct content;
struct dm_se;
struct job_store;

#define DM_SE_ROOT "./SecureElement"
#define DM_SE_MOI "io.sesame/1.0/SecureElement"
#define DM_SE_ALERT "io.sesame.secureelement.operationcomplete"
#define DM_SE_RECORDS_MAX 256 /* operations whose result is kept, for one server */
#define DM_SE_NAME_MAX 33     /* of a script or a package, with the NUL */

/**
 * struct dm_se_config - what it lives on; all have to outlive it
 * @store: of the DM client (dm/state.h)
 * @outbox: in that store
 * @jobs: its descriptor is dispatched by the owner
 * @content: over @jobs, made before this
 * @waits: does a session still wait for the end of the Atomic with this token? Where none
 *	does, alerts tell what became of it. NULL: one does while the process lives
 */
struct dm_se_config {
	struct store *store;
	struct dm_outbox *outbox;
	struct job_store *jobs;
	struct content *content;
	bool (*waits)(void *ctx, uint64_t token);
	void *ctx;
};

/** dm_se_new() - read what was kept. 0, -ENOMEM, or what the store or job/ said. */
int dm_se_new(struct dm_se **ret, const struct dm_se_config *config);
/** dm_se_free() - job_store_dispatch() must not be called any more after it. */
void dm_se_free(struct dm_se *m);

/**
 * dm_se_mount() - put it at DM_SE_ROOT of @tree, which outlives it
 *
 * What a crash has left between a record and its job is settled here: an operation
 * whose job was never made ends as "not started" (1405), an Atomic that was under way
 * is rolled back (8.2). Return: 0 or what dm_tree_mount() said.
 */
int dm_se_mount(struct dm_se *m, struct dm_tree *tree);

/**
 * dm_se_dispatch() - tell servers of what has ended
 *
 * Call it after each job_store_dispatch(), and not from within anything else: an Atomic
 * that has ended goes on from here. Cheap where nothing changed.
 */
void dm_se_dispatch(struct dm_se *m);

/** dm_se_busy() - operations of servers that have not ended, for who stops the daemon, and for
 * tests */
size_t dm_se_busy(const struct dm_se *m);

#endif /* SESAME_DM_MO_SE_H */
