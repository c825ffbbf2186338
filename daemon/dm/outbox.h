/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generic Alerts (1226; OMA-TS-DM_Protocol-V1_2_1, 8.7) that wait for their server.
 *
 * An entry is durable with the transaction of the store that it was put in: what
 * caused it and the alert are on the disk together or not at all. It goes into package
 * 1 of the next session with its server, or into the session that runs, and stays
 * until the server's Status for it is there. So a server may see an alert twice (the
 * Status was lost); it never misses one. The entry's number is no part of it: a
 * server tells repetitions by the correlator.
 *
 * Not thread safe; belongs to the loop of its store.
 */
#ifndef SESAME_DM_OUTBOX_H
#define SESAME_DM_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/state.h"

#define DM_OUTBOX_MAX 256	      /* entries for one server */
#define DM_OUTBOX_DATA_MAX (64 << 10) /* bytes of one entry */
#define DM_OUTBOX_TRIES 8	      /* sessions in which a server may refuse an entry */
#define DM_OUTBOX_URI_MAX 256	      /* with the NUL */
#define DM_OUTBOX_TYPE_MAX 128
#define DM_OUTBOX_OWNER_MAX 16

struct dm_outbox;

/**
 * struct dm_outbox_alert - one alert
 * @server: identifier of the server it is for
 * @correlator: of the Exec that it answers; "" or NULL: none
 * @source: URI of the node that it is about, "./SecureElement/…"; NULL: none
 * @type: "urn:oma:at:…" or a reversed domain; not empty
 * @format: of @data: "chr", "int", "b64", "bin", "xml" …; NULL: "chr"
 * @mark: "fatal", "critical", "minor", "warning", "informational", "harmless",
 *	"indeterminate"; NULL: informational, which is not sent
 * @data, @len: at most DM_OUTBOX_DATA_MAX bytes; copied
 * @owner: who is told what became of it (dm_outbox_own()); NULL: nobody
 * @token: the owner's own number, e.g. of a job
 * @id: out: the entry's number, from 1, never used again
 * @tries: out: sessions in which the server refused it
 * @held: out: what dm_outbox_release() frees
 */
struct dm_outbox_alert {
	const char *server;
	const char *correlator;
	const char *source;
	const char *type;
	const char *format;
	const char *mark;
	const void *data;
	size_t len;
	const char *owner;
	uint64_t token;
	uint64_t id;
	unsigned int tries;
	void *held;
};

/** dm_outbox_new() - on what waits in @st, which has to outlive it; 0 or -ENOMEM */
int dm_outbox_new(struct dm_outbox **ret, struct store *st);
void dm_outbox_free(struct dm_outbox *ob);

/**
 * dm_outbox_done_t - an entry has left
 * @status: what the server said: 2xx, or of its last refusal; 0: its account has gone
 *
 * Called inside the transaction that removes the entry: what the callee puts into the
 * store is on the disk with it.
 */
typedef void (*dm_outbox_done_t)(void *userdata, const struct dm_outbox_alert *alert,
				 unsigned int status);

/** dm_outbox_own() - @fn is to be called for entries of @owner, which has to stay. 0, -ENOMEM
 */
int dm_outbox_own(struct dm_outbox *ob, const char *owner, dm_outbox_done_t fn, void *userdata);

/** dm_outbox_watch() - @fn is called after each dm_outbox_put(); one at a time, NULL: none */
void dm_outbox_watch(struct dm_outbox *ob, void (*fn)(void *userdata, const char *server),
		     void *userdata);

/**
 * dm_outbox_put() - take an alert; within the store's transaction, if there is one
 *
 * A transaction that is rolled back takes the entry back with it.
 * Return: 0, -EINVAL (a text that is too long or missing), -EMSGSIZE (@len), -EDQUOT
 * (DM_OUTBOX_MAX wait already), or the store's error.
 */
int dm_outbox_put(struct dm_outbox *ob, const struct dm_outbox_alert *alert, uint64_t *id);

/**
 * dm_outbox_next() - the first entry for @server with a number above @after
 * @ret: its strings and bytes are the callee's; dm_outbox_release() it
 *
 * Return: 0, -ENOENT, -ENOMEM, -EIO.
 */
int dm_outbox_next(struct dm_outbox *ob, const char *server, uint64_t after,
		   struct dm_outbox_alert *ret);
void dm_outbox_release(struct dm_outbox_alert *alert);

/** dm_outbox_count() - entries that wait for @server, or for all (NULL) */
size_t dm_outbox_count(struct dm_outbox *ob, const char *server);

/**
 * dm_outbox_status() - the server's Status for entry @id
 *
 * 2xx removes it. Others leave it for the next session, DM_OUTBOX_TRIES times; then it
 * is dropped. 401 and 407 do not count, nor what is no answer (below 200).
 * Return: 0 (also if it is not there) or the store's error.
 */
int dm_outbox_status(struct dm_outbox *ob, const char *server, uint64_t id,
		     unsigned int status);

/** dm_outbox_forget() - the account of @server has gone, and its entries go. 0 or an error. */
int dm_outbox_forget(struct dm_outbox *ob, const char *server);

#endif /* SESAME_DM_OUTBOX_H */
