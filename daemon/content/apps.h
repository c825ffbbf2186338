/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on the secure elements: the registry of each as it was last read, and the
 * instance number of each AID, which stays as long as the AID is there, over restarts
 * too. Front ends call the entries by these numbers (LwM2M: instances of 26243).
 *
 * The registry is read with the key set that an origin gave for it (ops.h, or
 * content_apps_reader()), by a plan of one "list", and again after each job that may
 * have changed it; before that it is what the card tells anybody, AIDs mostly.
 *
 * Not thread safe; everything belongs to the owner's loop.
 */
#ifndef SESAME_CONTENT_APPS_H
#define SESAME_CONTENT_APPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "content/listen.h"
#include "content/words.h"
#include "gp/registry.h"
#include "model/model.h"

#define CONTENT_APPS_MAX 256 /* entries, of all SEs together */

/*
 * job_find(): slots of what content/ does for an origin. Below are the front end's own
 * jobs. @CONTENT_APP_SLOT and a number: the operation on that entry.
 */
#define CONTENT_APP_SLOT 0x10000
#define CONTENT_LIST_SLOT 0x30000     /* and a number: reading a registry */
#define CONTENT_PACKAGE_SLOT 0x40000  /* and an instance of object 9 */
#define CONTENT_FIRMWARE_SLOT 0x50000 /* object 5 */
#define CONTENT_BATCH_SLOT 0x60000    /* and the caller's number: content_ops_batch() */

struct content_apps;
struct job_store;
struct store;

/**
 * struct content_app - one entry of a registry
 * @id: its instance number
 * @se: instance of 26241
 * @entry: what the card told; modules are owned by the table
 * @gone: it is not on the card any more; kept until nobody has a result for it
 */
struct content_app {
	uint16_t id;
	uint16_t se;
	struct gp_entry entry;
	bool gone;
};

/**
 * content_apps_new() - the applications of the SEs in @store
 * @state: where instance numbers are kept; NULL: in memory only
 *
 * Return: 0, -ENOMEM, or what @state said.
 */
int content_apps_new(struct content_apps **ret, struct job_store *store, struct store *state);
/** content_apps_free() - job_store_dispatch() must not be called any more after it. */
void content_apps_free(struct content_apps *a);

/** content_apps_listen() - be told (MODEL_OBJECT_APP, number) of each entry that came, went
 * or changed, or whose operation did; -1: some came or went. 0 or -ENOSPC. */
int content_apps_listen(struct content_apps *a, content_fn fn, void *ctx);
void content_apps_unlisten(struct content_apps *a, content_fn fn, void *ctx);

/**
 * content_apps_reader() - with whose keys the registry of SE @se is read from now on
 * @origin: whose policy counts
 * @keyset: name of the key set; "": nobody's, no more
 * @sd: security domain to ask; empty: the default one
 *
 * Kept over restarts. Return: 0, -ENOENT, -EINVAL (a name is too long), or what the
 * state said.
 */
int content_apps_reader(struct content_apps *a, uint16_t se, const char *origin,
			const char *keyset, const struct gp_aid *sd);

/**
 * content_apps_snapshot() - take over what an SE told anybody
 *
 * For each change of @snapshot, once the SE was read. Where there is a reader the
 * registry is read anew at the first one. Return: 0, -ENOMEM, -ENOSPC.
 */
int content_apps_snapshot(struct content_apps *a, const struct model_se *snapshot);

/** content_apps_refresh() - read the registry of @se anew with the reader's keys; 0,
 * -ENOENT, -ENOKEY (there is no reader), or what job/ said. */
int content_apps_refresh(struct content_apps *a, uint16_t se);

/** content_apps_reading() - is the registry of @se being read, with keys? When it is over
 * listeners are told of its issuer's domain. */
bool content_apps_reading(const struct content_apps *a, uint16_t se);

/** content_apps_terminated() - the card of @se was terminated: it shows no registry any more,
 * so whoever did it has to say it. */
void content_apps_terminated(struct content_apps *a, uint16_t se);

/** content_apps_list() - instance numbers by rising order, at most @room. */
size_t content_apps_list(const struct content_apps *a, uint16_t *ids, size_t room);
/** content_apps_list_se() - the same of instance @se alone, and of kinds 1 << enum gp_kind. */
size_t content_apps_list_se(const struct content_apps *a, uint16_t se, unsigned int kinds,
			    uint16_t *ids, size_t room);
/** content_apps_get() - instance @id, valid until the next call; NULL if there is none. */
const struct content_app *content_apps_get(const struct content_apps *a, uint16_t id);
/** content_apps_find() - the entry with this AID on instance @se, or NULL. */
const struct content_app *content_apps_find(const struct content_apps *a, uint16_t se,
					    const struct gp_aid *aid);
/** content_apps_issuer() - the issuer's domain on instance @se, or NULL. */
const struct content_app *content_apps_issuer(const struct content_apps *a, uint16_t se);
/** content_apps_why() - why the registry that @id is in could not be read; "" if it could. */
const char *content_apps_why(const struct content_apps *a, uint16_t id);

/** content_apps_job_changed() - for job_listen(): reads the registry again after
 * jobs that may have changed it, whoever made them. */
void content_apps_job_changed(struct content_apps *a, uint64_t job);

#endif /* SESAME_CONTENT_APPS_H */
