/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Secure Element MO share. */
#ifndef SESAME_DM_MO_SE_PRIV_H
#define SESAME_DM_MO_SE_PRIV_H

#include "content/content.h"
#include "dm/mo-se.h"
#include "dm/state.h"
#include "job/job.h"
#include "model/buf.h"
#include "model/mo-se.h"
#include "model/mo.h"
#include "store/store.h"

/* "se0/Inventory/SecurityDomain/" and an AID in hexadecimal */
#define SE_PATH_MAX 128
#define SE_SCRIPT_MAX (4U << 20) /* bytes of one; job/'s own limit */
#define SE_SCRIPTS_MAX 10	 /* of one server: job/ has 32 jobs for it */
#define SE_PACKAGES_MAX 8
#define SE_BATCHES_MAX 12 /* operations of one server that have a job */

/* values of Status (5.4): ten times enum job_state and one more */
enum se_status {
	SE_STATUS_IDLE = 10,
	SE_STATUS_QUEUED = 20,
	SE_STATUS_RUNNING = 30,
	SE_STATUS_DONE = 40,
	SE_STATUS_FAILED = 50,
	SE_STATUS_UNKNOWN = 60,
	SE_STATUS_CANCELLED = 70,
	SE_STATUS_EXPIRED = 80,
};

/* values of ResultCode (5.5) that are used by name */
enum se_result {
	SE_RESULT_OK = 1200,
	SE_RESULT_WARNING = 1201,
	SE_RESULT_FAILED = 1400,
	SE_RESULT_CANCELLED = 1401,
	SE_RESULT_DEADLINE = 1402,
	SE_RESULT_POLICY = 1403,
	SE_RESULT_STORAGE = 1404,
	SE_RESULT_NOT_STARTED = 1405,
	SE_RESULT_SE_MEMORY = 1406,
	SE_RESULT_MALFORMED = 1407,
	SE_RESULT_REFUSED = 1408,
	SE_RESULT_NO_APPLICATION = 1409,
	SE_RESULT_KEYS = 1410,
	SE_RESULT_AUTHENTICATION = 1411,
	SE_RESULT_PARAMETER = 1412,
	SE_RESULT_UNSUPPORTED = 1413,
	SE_RESULT_CHANNEL_LOST = 1414,
	SE_RESULT_CONTRADICTION = 1415,
	SE_RESULT_NOT_UNDOABLE = 1416,
	SE_RESULT_TOO_LONG = 1417,
	SE_RESULT_STATE = 1418,
	SE_RESULT_ROLLED_BACK = 1420,
	SE_RESULT_LINK = 1500,
	SE_RESULT_INTERRUPTED = 1501,
	SE_RESULT_UNKNOWN = 1502,
	SE_RESULT_NOT_ROLLED_BACK = 1503,
};

/**
 * struct se_report - what is said of an operation (4.6)
 * @status, @code: enum se_status and se_result; @code 0: it has not ended
 * @outcome: 10, 20 or 30
 */
struct se_report {
	unsigned int status, code;
	char result[JOB_CODE_MAX];
	char detail[JOB_DETAIL_MAX];
	uint32_t executed, total;
	uint16_t last_sw;
	uint8_t outcome;
	char job[40];
};

/** enum se_phase - how far a record is. The numbers are in files. */
enum se_phase {
	SE_PHASE_ACCEPTED = 1, /* on the disk; its job may not be there yet */
	SE_PHASE_STARTED,      /* its job is there */
	SE_PHASE_TOLD,	       /* it has ended, its alert is in the outbox */
	SE_PHASE_KNOWN,	       /* the server has acknowledged the alert, or needs none */
};

/**
 * struct se_record - one operation at a carrier
 * @number: names it in the outbox; never used again
 * @owner: server whose origin and policy its job has: @server, or who added the node
 * @carrier: path below DM_SE_ROOT
 * @group: number of the Atomic that it was in; 0: none
 * @slot: of its job; JOB_SLOT_NONE: it needs none
 * @before, @before_run: the job in that slot before it; 0: there was none
 * @job, @run: its own; 0: not known yet, or it is not there any more
 * @again: roll-backs of an Atomic that were interrupted and begun anew; not kept
 * @over: content/ and we have been told of the end of its job; not kept
 */
struct se_record {
	struct se_record *next;
	uint64_t number;
	char server[DM_SERVER_MAX], owner[DM_SERVER_MAX];
	char carrier[SE_PATH_MAX];
	enum mo_se_op op;
	char correlator[DM_CORRELATOR_MAX];
	enum se_phase phase;
	uint64_t group;
	int64_t slot;
	uint64_t before;
	uint32_t before_run;
	uint64_t job;
	uint32_t run;
	unsigned int again;
	bool over;
	struct se_report report;
};

/** struct se_choice - which keys an operation uses */
struct se_choice {
	char keyset[JOB_KEYSET_MAX];
	struct gp_aid sd;
};

/**
 * struct se_node - what is kept of a carrier: a script or a package that a server has
 * added, or the choice of keys of an instance or an entry
 * @server: who added it; of a choice: who made it last
 * @number: of a script: slot of its job; of a package: its instance of object 9
 * @choice: of a package, an instance, an entry
 * @aid: of a package: of the instance to be made
 */
struct se_node {
	struct se_node *next;
	char server[DM_SERVER_MAX];
	char carrier[SE_PATH_MAX];
	uint16_t number;
	struct se_choice choice;
	struct gp_aid aid;
};

/** struct se_params - what is prepared at a carrier (4.5), in memory only */
struct se_params {
	struct se_params *next;
	char server[DM_SERVER_MAX];
	char carrier[SE_PATH_MAX];
	uint8_t token[CONTENT_TOKEN_MAX];
	size_t token_len;
	uint8_t data[CONTENT_DATA_MAX];
	size_t data_len;
	uint8_t form;
	bool related, not_selectable;
	struct gp_aid target, module, aid;
	uint8_t privileges[3];
	size_t privileges_len;
	uint8_t install[CONTENT_TOKEN_MAX];
	size_t install_len;
	char new_keyset[JOB_KEYSET_MAX];
	uint8_t kvn, kid, old_kvn;
	char confirm[33];
};

/**
 * struct se_carrier - a carrier that is there
 * @kind: MO_SE_INSTANCE to MO_SE_APP
 * @se: instance of content/ses.h
 * @app: entry of content/apps.h; of an instance its issuer's domain
 * @node: of a script or a package
 * @path: below DM_SE_ROOT
 */
struct se_carrier {
	enum mo_se_id kind;
	uint16_t se, app;
	struct se_node *node;
	char se_name[JOB_SE_MAX];
	char path[SE_PATH_MAX];
};

/** struct se_where - what a path stands for; @mo NULL: DM_SE_ROOT itself; @c.kind
 * MO_SE_NOTHING: not within a carrier */
struct se_where {
	const struct mo_node *mo;
	struct se_carrier c;
};

/** struct se_value - a small value that comes in pieces */
struct se_value {
	char path[DM_URI_MAX + 1];
	uint8_t p[CONTENT_DATA_MAX];
	size_t len;
};

struct se_atomic;

struct dm_se {
	struct dm_se_config c;
	struct dm_tree *tree;
	struct se_record *records; /* by rising number */
	struct se_node *nodes;
	struct se_params *params;
	uint64_t last_number;
	struct se_value value;
	bool in_atomic;
	struct se_atomic *atomic; /* what is collected in it */
	uint64_t token;		  /* of the Atomic that is being run */
	struct se_reset_wait *resets;
	bool dirty;   /* something may have ended */
	bool entries; /* entries may have come or gone */
	struct se_known *known;
};

/* ---- mo-se-result.c: pure ------------------------------------------------------ */

/** se_report_job() - what is to be said of a job; @info: of one that was run */
void se_report_job(struct se_report *out, const struct job_info *info);
/** se_report_set() - the end of what needs no job, or never had one */
void se_report_set(struct se_report *out, enum se_status status, enum se_result code,
		   const char *result, const char *detail);
/** se_errno_status() - Status of a command that content/ or job/ refused (5.6) */
int se_errno_status(int error);

/* ---- mo-se-record.c: what is kept ---------------------------------------------- */

/** se_load() - nodes and records; what is not understood is dropped. 0 or -errno. */
int se_load(struct dm_se *m);
void se_forget(struct dm_se *m);
/** se_reload_nodes() - nodes as the store has them; 0, or -errno: they are as they were */
int se_reload_nodes(struct dm_se *m);

/** se_record_new() - the next one, with its number and an idle report, not yet kept; NULL */
struct se_record *se_record_new(struct dm_se *m);
/** se_record_save() - 0 or what the store said */
int se_record_save(struct dm_se *m, const struct se_record *r);
/** se_record_drop() - also its job, if no other record is about it */
void se_record_drop(struct dm_se *m, struct se_record *r);
/** se_record_last() - the newest one at a carrier, or NULL */
struct se_record *se_record_last(const struct dm_se *m, const char *carrier);
/** se_record_busy() - one at this carrier that has not ended, or NULL */
struct se_record *se_record_busy(const struct dm_se *m, const char *carrier);
bool se_record_open(const struct se_record *r);
/** se_record_package() - it is one at a package, whose job content/ looks after */
bool se_record_package(const struct se_record *r);

/** se_node_find() - what is kept of @carrier, or NULL */
struct se_node *se_node_find(const struct dm_se *m, const char *carrier);
/** se_node_add() - a new one, not yet kept; NULL: no memory */
struct se_node *se_node_add(struct dm_se *m, const char *carrier, const char *server);
int se_node_save(struct dm_se *m, const struct se_node *n);
/** se_node_drop() - 0 or what the store said: then it is still there */
int se_node_drop(struct dm_se *m, struct se_node *n);

/** se_params_of() - those prepared by @server at @carrier. @make: none are made empty ones,
 * and those of another server go; NULL: none, or no memory */
struct se_params *se_params_of(struct dm_se *m, const char *carrier, const char *server,
			       bool make);
/** se_params_used() - they were for the operation that was accepted */
void se_params_used(struct dm_se *m, const char *carrier);

/* ---- mo-se-find.c: what is there ------------------------------------------------ */

/** se_find() - DM_OK or DM_NOT_FOUND */
int se_find(struct dm_se *m, const struct dm_path *path, struct se_where *w);
/** se_carrier_find() - the same for a carrier by its path below DM_SE_ROOT */
int se_carrier_find(struct dm_se *m, const char *carrier, struct se_carrier *c);
/** se_known_update() - entries have come or gone: what the tree keeps for the latter goes */
void se_known_update(struct dm_se *m);
void se_known_forget(struct dm_se *m);
int se_next(struct dm_se *m, const struct dm_path *dir, const char *after,
	    char name[DM_SEGMENT_MAX + 1]);
/** se_origin() - "dm:SERVER" */
void se_origin(const char *server, char origin[JOB_ORIGIN_MAX]);

/* ---- mo-se-read.c, mo-se-write.c ------------------------------------------------- */

/** se_value_of() - a small leaf's value. DM_OK, DM_NOT_FOUND (not there now), -errno */
int se_value_of(struct dm_se *m, const struct se_where *w, struct model_buf *out);
/** se_script_job() - the job of a script. 0 or -ENOENT. */
int se_script_job(struct dm_se *m, const struct se_carrier *c, struct job_info *info);
int se_write(struct dm_se *m, const struct dm_req *req, enum dm_how how,
	     const struct dm_path *path, const struct dm_put *put);
void se_write_abort(struct dm_se *m);
int se_del(struct dm_se *m, const struct dm_req *req, const struct dm_path *path);

/* ---- mo-se-exec.c: how operations begin ------------------------------------------- */

/** struct se_item - an operation on the content of a card, with what was prepared for it */
struct se_item {
	struct content_item item;
	struct content_task task;
};

/** se_op_name() - "Refresh", … */
const char *se_op_name(enum mo_se_op op);
/** se_op_content() - it is one on the content of a card, and can be part of a plan */
bool se_op_content(enum mo_se_op op);
/** se_item_make() - @op with what @server has prepared at @c. DM_OK, DM_INCOMPLETE, … */
int se_item_make(struct dm_se *m, const char *server, const struct se_carrier *c,
		 enum mo_se_op op, struct se_item *out);
/** se_batch_slot() - a free slot for a plan of @server, JOB_SLOT_NONE: there are enough */
int64_t se_batch_slot(struct dm_se *m, const char *server);
/** se_batch_start() - as one job. 0 or as content_ops_batch() */
int se_batch_start(struct dm_se *m, const char *server, int64_t slot, struct se_item *items,
		   size_t n, char *words);
/** se_record_before() - note which job is in the slot of @r now */
void se_record_before(struct dm_se *m, struct se_record *r);
/** se_record_started() - its job is there; what was before it at its carrier goes */
void se_record_started(struct dm_se *m, struct se_record *r);
int se_exec(struct dm_se *m, const struct dm_req *req, const struct dm_path *path);
/** se_choice_reader() - the registry is read with these keys from now on */
void se_choice_reader(struct dm_se *m, const struct se_node *n);

/* ---- mo-se-end.c: how they end ----------------------------------------------------- */

/** se_reset_start() - queue a reset for @r. 0 or what job/ said. */
int se_reset_start(struct dm_se *m, struct se_record *r, const char *se);
void se_resets_free(struct dm_se *m);
/** se_own_alerts() - be told when servers have taken them. 0 or -ENOMEM. */
int se_own_alerts(struct dm_se *m);
/** se_job_changed() - for job_listen() */
void se_job_changed(void *userdata, uint64_t job);
/** se_reading() - the registry of the SE that @carrier is on is being read */
bool se_reading(const struct dm_se *m, const char *carrier);
/** se_settle_start() - after a restart: what a crash has left */
void se_settle_start(struct dm_se *m);
/** se_job_of() - find the job of a record by its slot: 0, -ENOENT (there is none) */
int se_job_of(struct dm_se *m, struct se_record *r, struct job_info *info);
/** se_finish() - the operation has ended as @report says: record and alert in one. 0, -errno */
int se_finish(struct dm_se *m, struct se_record *r, const struct se_report *report, bool alert);

/* ---- mo-se-atomic.c ------------------------------------------------------------------ */

bool se_atomic_on(const struct dm_se *m);
/** se_atomic_params() - parameters at @carrier are about to change; -ENOMEM */
int se_atomic_params(struct dm_se *m, const char *carrier);
/** se_atomic_add() - an Exec; its Status */
int se_atomic_add(struct dm_se *m, const struct dm_req *req, const struct se_carrier *c,
		  enum mo_se_op op);
void se_atomic_begin(struct dm_se *m);
int se_atomic_prepare(struct dm_se *m, const struct dm_req *req);
int se_atomic_commit(struct dm_se *m, const struct dm_req *req);
int se_atomic_rollback(struct dm_se *m);
/** se_group_look() - has the Atomic that @r leads ended? */
void se_group_look(struct dm_se *m, struct se_record *r);
/** se_atomic_settle() - after a restart: the tree waits for the end of one that is over */
void se_atomic_settle(struct dm_se *m);
void se_atomic_free(struct dm_se *m);

#endif /* SESAME_DM_MO_SE_PRIV_H */
