/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an origin does to what is on the SEs: high-level operations, which become plan
 * jobs (job/job.h).
 *
 * Who may do what: an operation runs as job of its origin with the key set that the
 * origin named for the entry, so that [policy] decides on key sets, AIDs and operations,
 * and becomes the filter of the job's file. With a token the card's owner has decided; a
 * policy is needed all the same. Not thread safe; belongs to the owner's loop.
 */
#ifndef SESAME_CONTENT_OPS_H
#define SESAME_CONTENT_OPS_H

#include "content/apps.h"
#include "job/job.h"

#define CONTENT_DATA_MAX 4096 /* bytes to personalise with */
#define CONTENT_TOKEN_MAX 512 /* bytes of a token, and of install parameters */

/** enum content_op - what can be done to an entry; in brackets what kind it is */
enum content_op {
	CONTENT_OP_INSTALL,	    /* [load file] an instance of one of its modules */
	CONTENT_OP_SD_CREATE,	    /* [issuer's domain] a security domain beside it */
	CONTENT_OP_MAKE_SELECTABLE, /* [application, domain] */
	CONTENT_OP_EXTRADITE,	    /* [all but the issuer's domain] */
	CONTENT_OP_PERSONALISE,	    /* [application, domain] STORE DATA */
	CONTENT_OP_DELETE,	    /* [all but the issuer's domain] */
	CONTENT_OP_LOCK,	    /* [application, domain] */
	CONTENT_OP_UNLOCK,	    /* [application, domain] */
	CONTENT_OP_PUT_KEY, /* [any domain] a key set into it, beside or for one of its own */
	CONTENT_OP_DELETE_KEY,	    /* [any domain] */
	CONTENT_OP_CARD_INITIALIZE, /* [issuer's domain] the card to INITIALIZED */
	CONTENT_OP_CARD_SECURE,	    /* [issuer's domain] … to SECURED */
	CONTENT_OP_CARD_LOCK,	    /* [issuer's domain] … to CARD_LOCKED; to be confirmed */
	CONTENT_OP_CARD_UNLOCK,	    /* [issuer's domain] … from there back to SECURED */
	CONTENT_OP_CARD_TERMINATE,  /* [issuer's domain] … to TERMINATED; to be confirmed */
	CONTENT_OPS		    /* their number */
};

/** enum content_control - what can be done about an operation */
enum content_control {
	CONTENT_CANCEL,	   /* job_cancel() */
	CONTENT_RESUME,	   /* job_resume() */
	CONTENT_ROLL_BACK, /* job_rollback() */
	CONTENT_CLEAR,	   /* its result has been seen: job_delete() */
};

struct content_ops;

/**
 * struct content_task - what an origin has prepared and done on one entry
 * @data, @data_len, @form: for PERSONALISE; @form GP_STORE_DGI, GP_STORE_BER or 0
 * @token: for the next operation
 * @keyset, @sd: whose keys, and which domain is asked; empty: the default one
 * @has_job: there is an operation; the rest is about it, as in struct job_info
 */
struct content_task {
	uint8_t data[CONTENT_DATA_MAX];
	size_t data_len;
	uint8_t form;
	uint8_t token[CONTENT_TOKEN_MAX];
	size_t token_len;
	char keyset[JOB_KEYSET_MAX];
	struct gp_aid sd;
	bool has_job;
	enum model_script_state state;
	char result[32];
	char detail[256];
	uint32_t executed, total;
	uint16_t last_sw;
	char job[40];
};

/**
 * struct content_step - one operation; {.op = …} for all defaults
 * @op: what
 * @related: DELETE: with what belongs to it; LOCK, UNLOCK: a domain with all of its
 *	applications
 * @sd: EXTRADITE: where to
 * @module: INSTALL: of the load file; empty: its only one
 * @aid: of the new instance; empty: that of the module. SD_CREATE needs one
 * @privileges: GP_PRIV_*; SD_CREATE: 0 for a security domain and no more
 * @params: contents of C9
 * @selectable: INSTALL [for install and make selectable]
 * @keys: PUT_KEY: name of the key set whose keys are put
 * @kvn: PUT_KEY: 0 for that of @keys; DELETE_KEY: which, with @kid, one of them not 0
 * @kid: PUT_KEY: of the first key, 0 for 1
 * @old_kvn: PUT_KEY: the version that is replaced, 0: it is a new one
 * @confirmed: CARD_LOCK, CARD_TERMINATE: it is meant; without it -EPERM
 */
struct content_step {
	enum content_op op;
	bool related;
	struct gp_aid sd;
	struct gp_aid module, aid;
	uint32_t privileges;
	uint8_t params[CONTENT_TOKEN_MAX];
	size_t params_len;
	bool selectable;
	char keys[JOB_KEYSET_MAX];
	uint8_t kvn, kid, old_kvn;
	bool confirmed;
};

/**
 * struct content_item - an operation of several that are one job
 * @id: the entry
 * @task: its data, form, token, keyset and sd count; NULL: what is prepared for the entry,
 *	which is used up then
 */
struct content_item {
	uint16_t id;
	struct content_step step;
	const struct content_task *task;
};

/**
 * content_ops_of() - those of @origin, made if need be; NULL: no memory, or too long
 *
 * Prepared data and tokens are in memory only; key set names are kept, jobs and
 * their results are in the journal. They belong to @a.
 */
struct content_ops *content_ops_of(struct content_apps *a, const char *origin);

/** content_ops_get() - a snapshot of what is to say about entry @id. Wipe it: it has
 * data and token. 0 or -ENOENT. A key set that was never set is that of the issuer's
 * domain of the same SE. */
int content_ops_get(struct content_ops *o, uint16_t id, struct content_task *out);

/**
 * content_ops_set() - data, form, token, keyset and sd of @in
 *
 * A key set of an issuer's domain is what the registry is read with, at once.
 * Return: 0, -ENOENT, -ENOMEM, or what the state said.
 */
int content_ops_set(struct content_ops *o, uint16_t id, const struct content_task *in);

/**
 * content_ops_run() - @step on entry @id
 *
 * One operation at a time for an entry. The result of the one before is dropped. Token
 * and data are used up. The job is durable when this returns 0.
 *
 * Its job is in slot CONTENT_APP_SLOT + @id. PUT_KEY and DELETE_KEY on a domain that is not
 * the issuer's go to that domain itself, whatever domain is prepared.
 *
 * Return: 0 or a negative errno with @words: -ENOENT, -EBUSY (one runs), -EINVAL
 * (makes no sense for this kind of entry), -EPERM (not confirmed), -EACCES (policy), or
 * what job/ said.
 */
int content_ops_run(struct content_ops *o, uint16_t id, const struct content_step *step,
		    char *words);

/**
 * content_ops_batch() - several operations, in this order, as one plan in one job
 * @number: the caller's; the job is in slot CONTENT_BATCH_SLOT + @number, instead of one
 *	that has ended there
 * @undoable: refuse what job_rollback() could not undo, before anything is sent:
 *	-EOPNOTSUPP. Never undone are MAKE_SELECTABLE, PERSONALISE, DELETE, DELETE_KEY,
 *	states of the card but CARD_LOCK, and PUT_KEY with an old_kvn
 * @job: its id, for job_listen(), job_get() and job_rollback(); may be NULL
 *
 * All entries are on one SE. The plan stops at the first operation that fails; what the
 * ones before it have done stays until job_rollback(). Return: as content_ops_run(), with
 * @words that name the operation; -EXDEV (more than one SE).
 */
int content_ops_batch(struct content_ops *o, uint16_t number, const struct content_item *items,
		      size_t n, bool undoable, uint64_t *job, char *words);

/** content_ops_control() - of the operation on entry @id; errors as of content_ops_run(). */
int content_ops_control(struct content_ops *o, uint16_t id, enum content_control what,
			char *words);

#endif /* SESAME_CONTENT_OPS_H */
