/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on the secure elements (objects 26243 and 14) and what servers have
 * done with it: high-level operations, which become plan jobs (job/job.h).
 *
 *   struct lwm2m_apps   one for a device: the registry of each SE as it was last
 *                       read, and the instance number of each AID, which stays
 *                       as long as the AID is there, over restarts too
 *   struct lwm2m_appops one for a server: its jobs, with its origin and policy
 *
 * The registry is read with the key set that a server wrote to the instance of an
 * issuer security domain (resource Key Set), by a plan of one "list", and again
 * after each job that may have changed it; before that it is what the card tells
 * anybody, AIDs mostly.
 *
 * Who may do what: an operation runs as job of "lwm2m:SERVER" with the key set
 * that the server named (resource Key Set), so that [policy] decides on key
 * sets, AIDs and operations, and becomes the filter of the job's file. With a
 * token (resource Token) the card's owner has decided; a policy is needed all
 * the same. Not thread safe; everything belongs to the owner's loop.
 */
#ifndef SESAME_LWM2M_APPS_H
#define SESAME_LWM2M_APPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/registry.h"
#include "lwm2m/lwm2m.h"
#include "lwm2m/state.h"

#define LWM2M_APPS_MAX 256	    /* instances of 26243, of all SEs together */
#define LWM2M_APP_DATA_MAX 4096	    /* resource 17, bytes */
#define LWM2M_APP_TOKEN_MAX 512	    /* resource 19, bytes */
#define LWM2M_APP_SLOT 0x10000	    /* job_find(): slot of the operation on instance 0 */
#define LWM2M_APP_LIST_SLOT 0x30000 /* … of reading the registry of SE 0 */

struct lwm2m_apps;

/**
 * struct lwm2m_app - one entry of a registry
 * @id: its instance number
 * @se: instance of 26241
 * @entry: what the card told; modules are owned by the table
 * @gone: it is not on the card any more; kept until nobody has a result for it
 */
struct lwm2m_app {
	uint16_t id;
	uint16_t se;
	struct gp_entry entry;
	bool gone;
};

/**
 * lwm2m_apps_new() - the applications of the SEs in @store
 * @state: where instance numbers are kept; NULL: in memory only
 * @changed: called when an entry came, went or changed; with -1 when instances
 *	came or went
 *
 * Return: 0, -ENOMEM, or what @state said.
 */
int lwm2m_apps_new(struct lwm2m_apps **ret, struct job_store *store, struct store *state,
		   void (*changed)(void *ctx, int32_t instance), void *ctx);
/** lwm2m_apps_free() - job_store_dispatch() must not be called any more after it. */
void lwm2m_apps_free(struct lwm2m_apps *a);

/**
 * lwm2m_apps_reader() - with whose keys the registry of SE @se is read from now on
 * @server: name of the server whose policy counts
 * @keyset: name of the key set; "": nobody's, no more
 * @sd: security domain to ask; empty: the default one
 *
 * Kept over restarts. Return: 0, -ENOENT, -EINVAL (a name is too long), or what the
 * state said.
 */
int lwm2m_apps_reader(struct lwm2m_apps *a, uint16_t se, const char *server, const char *keyset,
		      const struct gp_aid *sd);

/**
 * lwm2m_apps_snapshot() - take over what the SE of instance @se told anybody
 *
 * For each change of @snapshot. Where there is a reader the registry is read anew at
 * the first one. Return: 0, -ENOMEM, -ENOSPC.
 */
int lwm2m_apps_snapshot(struct lwm2m_apps *a, uint16_t se, const struct model_se *snapshot);

/** lwm2m_apps_refresh() - read the registry of @se anew with the reader's keys; 0,
 * -ENOENT, -ENOKEY (there is no reader), or what job/ said. */
int lwm2m_apps_refresh(struct lwm2m_apps *a, uint16_t se);

/** lwm2m_apps_list() - instance numbers by rising order, at most @room. */
size_t lwm2m_apps_list(const struct lwm2m_apps *a, uint16_t *ids, size_t room);
/** lwm2m_apps_get() - instance @id, valid until the next call; NULL if there is none. */
const struct lwm2m_app *lwm2m_apps_get(const struct lwm2m_apps *a, uint16_t id);
/** lwm2m_apps_find() - the entry with this AID on instance @se, or NULL. */
const struct lwm2m_app *lwm2m_apps_find(const struct lwm2m_apps *a, uint16_t se,
					const struct gp_aid *aid);
/** lwm2m_apps_why() - why the registry that @id is in could not be read; "" if it could. */
const char *lwm2m_apps_why(const struct lwm2m_apps *a, uint16_t id);

/** lwm2m_apps_job_changed() - for job_listen(): reads the registry again after
 * jobs that may have changed it, whoever made them. */
void lwm2m_apps_job_changed(struct lwm2m_apps *a, uint64_t job);

/* ---- operations ------------------------------------------------------------ */

struct lwm2m_appops;

/** struct lwm2m_appop - what a server has prepared and done on one instance */
struct lwm2m_appop {
	uint8_t data[LWM2M_APP_DATA_MAX]; /* resource 17 */
	size_t data_len;
	uint8_t form; /* resource 18: GP_STORE_DGI, GP_STORE_BER or 0 */
	uint8_t token[LWM2M_APP_TOKEN_MAX];
	size_t token_len;
	char keyset[32];
	struct gp_aid sd; /* resource 21 */
	bool has_job;
	enum model_script_state state;
	char result[32];
	char detail[256];
	uint32_t executed, total;
	uint16_t last_sw;
	char job[40];
};

/**
 * struct lwm2m_app_install - arguments of Install
 * @module: of the load file
 * @aid: of the instance; empty: that of the module
 * @privileges: GP_PRIV_*
 * @params: contents of C9
 * @selectable: INSTALL [for install and make selectable]
 */
struct lwm2m_app_install {
	struct gp_aid module, aid;
	uint32_t privileges;
	uint8_t params[LWM2M_APP_TOKEN_MAX];
	size_t params_len;
	bool selectable;
};

/**
 * lwm2m_appops_of() - those of origin "lwm2m:@server", made if need be; NULL: no memory
 *
 * Prepared data and tokens are in memory only; key set names are kept, jobs and
 * their results are in the journal. They belong to @a.
 */
struct lwm2m_appops *lwm2m_appops_of(struct lwm2m_apps *a, const char *server);

/** lwm2m_appops_get() - a snapshot of what is to say about instance @id. Wipe it: it has
 * data and token. 0 or -ENOENT. A key set that was never set is that of the issuer's
 * domain of the same SE. */
int lwm2m_appops_get(struct lwm2m_appops *o, uint16_t id, struct lwm2m_appop *out);

/**
 * lwm2m_appops_set() - data, form, token, keyset and sd of @in
 *
 * A key set of an issuer's domain is what the registry is read with, at once.
 * Return: 0, -ENOENT, -ENOMEM, or what the state said.
 */
int lwm2m_appops_set(struct lwm2m_appops *o, uint16_t id, const struct lwm2m_appop *in);

/**
 * lwm2m_appops_run() - operation @rid (MODEL_APP_LOCK…) on instance @id
 * @sd: MODEL_APP_EXTRADITE: where to; otherwise ignored
 * @related: MODEL_APP_DELETE: with what belongs to it; lock, unlock: a domain with
 *	all of its applications
 * @install: MODEL_APP_INSTALL; otherwise ignored
 *
 * One operation at a time for an instance. The result of the one before is
 * dropped. Token and data are used up. The job is durable when this returns 0.
 *
 * Return: 0 or a negative errno with @words: -ENOENT, -EBUSY (one runs), -EINVAL
 * (makes no sense for this kind of entry), -EACCES (policy), or what job/ said.
 */
int lwm2m_appops_run(struct lwm2m_appops *o, uint16_t id, uint16_t rid, const struct gp_aid *sd,
		     bool related, const struct lwm2m_app_install *install, char *words);

/** lwm2m_appops_job() - MODEL_APP_CANCEL, _RESUME, _ROLL_BACK and _CLEAR; errors as above. */
int lwm2m_appops_job(struct lwm2m_appops *o, uint16_t id, uint16_t rid, char *words);

#endif /* SESAME_LWM2M_APPS_H */
