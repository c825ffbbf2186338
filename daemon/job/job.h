/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: one script or one plan, for one application on one SE, from one origin.
 *
 * Everything that leaves the daemon towards an SE leaves through here. The
 * journal (SQLite, WAL, synchronous=FULL) is written before the first APDU of a
 * chunk leaves, and results stay until the origin has acknowledged them. An
 * APDU is never sent twice: a job that was interrupted ends, with an exact list
 * of what ran, and its origin decides.
 *
 * A script is C-APDUs as they are (TS 102 226); its result is the response
 * script. A plan is what shall be so in the card (gp/plan.h); it is run over a
 * secure channel, can be resumed and rolled back, and its result is a JSON text.
 *
 * Threads: every function may be called from any thread; the ones with a
 * callback call it in the caller's thread. One worker thread for each SE runs
 * the scripts. Changes are announced through an eventfd, so that a single
 * event loop can serve all front ends.
 *
 * Errors: negative errno, and where the caller passes a struct job_error also a
 * short code and a sentence that names what, where and what to try.
 */
#ifndef SESAME_JOB_H
#define SESAME_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>

#define JOB_ORIGIN_MAX 64 /* with the terminating zero */
#define JOB_SE_MAX 32
#define JOB_CODE_MAX 32
#define JOB_DETAIL_MAX 256
#define JOB_SELECT_MAX 258
#define JOB_KEYSET_MAX 32
#define JOB_SLOT_NONE (-1)

struct job_store;

/**
 * enum job_state - life of a job; the numbers are those of resource 26242/x/4
 * @JOB_IDLE: being prepared: parameters and script can be written
 * @JOB_QUEUED: accepted; nothing sent yet. Survives a restart
 * @JOB_RUNNING: APDUs are leaving
 * @JOB_DONE: the whole script was processed
 * @JOB_FAILED: ended early; what ran is known exactly
 * @JOB_UNKNOWN: ended early; of at least one APDU it is not known whether it ran
 * @JOB_CANCELLED: stopped between two APDUs by job_cancel()
 * @JOB_EXPIRED: the deadline passed
 */
enum job_state {
	JOB_IDLE,
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_DONE,
	JOB_FAILED,
	JOB_UNKNOWN,
	JOB_CANCELLED,
	JOB_EXPIRED,
};

/**
 * enum job_kind - what a job consists of
 * @JOB_SCRIPT: an ETSI TS 102 226 command script
 * @JOB_PLAN: a card content management plan, JSON (Documentation/daemon/gp.rst)
 */
enum job_kind {
	JOB_SCRIPT,
	JOB_PLAN,
};

/**
 * enum job_mode - what a run does with its plan; JOB_FORWARD with scripts
 * @JOB_FORWARD: from the beginning
 * @JOB_RESUME: read the card's registry, do what is missing
 * @JOB_ROLLBACK: read the card's registry, undo what this plan has changed
 */
enum job_mode {
	JOB_FORWARD,
	JOB_RESUME,
	JOB_ROLLBACK,
};

/** struct job_error - why a call failed; both strings always terminated */
struct job_error {
	char code[JOB_CODE_MAX];     /* e.g. "script-too-long" */
	char detail[JOB_DETAIL_MAX]; /* in words: what, where, what to try */
};

/**
 * struct job_options - how a store is opened; 0 means the default
 * @dir: state directory, created 0700 if it is not there
 * @run_dir: where the run files lie, which a killed process is read back from;
 *	best a tmpfs that outlives the process (/run/semd). NULL: @dir
 * @chunk: APDUs in one journal commit, 1 to SE_STREAM_MAX (16)
 * @jobs_per_origin: jobs that one origin may have, idle ones included (32)
 * @script_max: longest script, bytes (4 MiB)
 * @apdus_max: most APDUs in one script (16384)
 * @result_max: longest response script, bytes (16 MiB)
 * @keep_idle_s: seconds after which an unused kept channel is closed (300)
 * @lock_wait_ms: how long to wait for a predecessor that is still dying (35000)
 * @waits: called every 20 ms from the first second on while another process has @dir:
 *	@holder in words, and for how much longer it is waited for; false gives up
 *	(-ECANCELED). May be NULL
 */
struct job_options {
	const char *dir;
	const char *run_dir;
	unsigned int chunk;
	unsigned int jobs_per_origin;
	size_t script_max;
	unsigned int apdus_max;
	size_t result_max;
	unsigned int keep_idle_s;
	unsigned int lock_wait_ms;
	bool (*waits)(void *ctx, const char *holder, unsigned int left_ms);
	void *waits_ctx;
};

/**
 * struct job_params - what a front end sets before job_run()
 * @se: name of the SE, e.g. "se0"
 * @aid: application to select; @aid_len 0 selects the default one (the ISD)
 * @keep_channel: leave the channel open after the job. The next run with the
 *	same @token of the same origin (on the same SE and AID) goes on on that
 *	channel; if it was lost meanwhile that run fails with "channel-lost"
 *	before anything is sent, and the run after it starts on a new one
 * @token: names the dialogue; LwM2M uses the instance number
 * @compact: the script is in compact format (TS 102 226, 5.1), which cannot be
 *	told from its bytes; otherwise expanded, AA or AE
 * @deadline_s: seconds from job_run(), 0 for none
 * @kind: what job_script_write() stages; with JOB_PLAN the AID is that of the
 *	plan's security domain, and @aid, @compact and @keep_channel must be 0: a
 *	secure channel is never left open
 * @keyset: with JOB_PLAN: key set to use, "" for the one that the plan names
 * @retry_authentication: with JOB_PLAN: authenticate although the last attempt
 *	on this card failed or has no known end (keys/ledger.h)
 */
struct job_params {
	char se[JOB_SE_MAX];
	uint8_t aid[SE_AID_MAX];
	uint8_t aid_len;
	bool keep_channel;
	bool compact;
	uint32_t token;
	uint32_t deadline_s;
	enum job_kind kind;
	char keyset[JOB_KEYSET_MAX];
	bool retry_authentication;
};

/**
 * struct job_info - all there is to say about a job but its result
 * @id: number in the journal, never used again
 * @run: counts the runs of this job, from 1; 0 before the first
 * @name: "ID-RUN" for people and protocols
 * @origin: who made it: "lwm2m:NAME", "control:UID", …
 * @slot: the origin's own number for it (LwM2M: instance), or JOB_SLOT_NONE
 * @script_len: bytes of the complete staged script, 0 if there is none
 * @executed: APDUs with SE_OUTCOME_EXECUTED
 * @total: C-APDUs in the script; 0 until it was checked. Of a plan: how many
 *	there will be as far as is known, which may grow while it runs
 * @mode: of the current or last run
 * @resumable: there is a record of what its runs changed: it can be rolled back, and
 *	resumed rather than begun anew
 * @code: short result: "" before the end, then "ok", "status-word",
 *	"script-format-error", "no-application", "channel-lost", "se-gone",
 *	"interrupted", "deadline", "cancelled", "disk-full", "generation", …
 * @detail: the same in words
 * @last_sw: status word of the last executed APDU (or of the SELECT that
 *	failed), 0 if none
 * @interrupted: enum se_outcome of the APDU at which the job ended early;
 *	SE_OUTCOME_EXECUTED when it was not interrupted at an APDU
 * @result_len: bytes of the response script, or of the plan's JSON result; grows
 *	only at the end
 * @select_sw: status word of channel opening (SELECT), 0 if a kept channel was
 *	used or nothing was opened
 * @select_rsp: its response, status word included
 * @generation: of the SE when the run started
 * @created_ms, @started_ms, @ended_ms: CLOCK_REALTIME, for people; 0 = not yet
 */
struct job_info {
	uint64_t id;
	uint32_t run;
	char name[32];
	char origin[JOB_ORIGIN_MAX];
	int64_t slot;
	enum job_state state;
	struct job_params params;
	uint64_t script_len;
	uint32_t executed;
	uint32_t total;
	enum job_mode mode;
	bool resumable;
	char code[JOB_CODE_MAX];
	char detail[JOB_DETAIL_MAX];
	uint16_t last_sw;
	uint16_t interrupted;
	uint64_t result_len;
	uint16_t select_sw;
	uint16_t select_rsp_len;
	uint8_t select_rsp[JOB_SELECT_MAX];
	uint64_t generation;
	uint64_t created_ms;
	uint64_t started_ms;
	uint64_t ended_ms;
};

/** struct job_apdu - the journal's word on one APDU; payload is not shown */
struct job_apdu {
	uint32_t index;	   /* in the script, from 0 */
	uint8_t header[4]; /* CLA INS P1 P2 as in the script */
	uint32_t cmd_len;
	uint32_t rsp_len;
	uint16_t sw;
	uint16_t outcome; /* enum se_outcome */
	uint32_t wtx;
	uint64_t wire_ns;
	uint64_t total_ns;
};

/* ---- store ---- */

/**
 * job_store_open - open the journal, recover what a predecessor left
 *
 * Jobs found running are closed: each APDU's outcome is read from the shared
 * run file (same boot) or is SE_OUTCOME_UNKNOWN (after a reboot, for what was
 * not committed). Queued jobs stay queued and run once their SE is added.
 * Returns 0; -EBUSY if another process holds the store; -ENOSPC; -EPROTO for a
 * journal of a newer version; -EIO for a damaged one.
 */
int job_store_open(struct job_store **ret, const struct job_options *opt,
		   struct job_error *err);

/**
 * job_store_close - stop workers and close
 *
 * Waits for the exchange that is on the wire (SE_STREAM_SETTLE). Running jobs
 * end as JOB_FAILED "interrupted" with exact outcomes. Kept channels close.
 */
void job_store_close(struct job_store *s);

/** job_store_dir - the state directory; the attempt ledger (keys/ledger.h) is there too */
const char *job_store_dir(const struct job_store *s);

/** job_store_fd - readable when job_store_dispatch() has something to do */
int job_store_fd(const struct job_store *s);

/** job_store_dispatch - call the listeners and probe callbacks; never blocks */
void job_store_dispatch(struct job_store *s);

typedef void (*job_listener_t)(void *userdata, uint64_t id);

/**
 * job_listen - be told of each job that changed (state or progress)
 *
 * Calls are merged: one call after several changes. Called from
 * job_store_dispatch() only, in the order of listening. A deleted job's id is announced too.
 * Returns 0 or -ENOMEM.
 */
int job_listen(struct job_store *s, job_listener_t fn, void *userdata);
void job_unlisten(struct job_store *s, job_listener_t fn, void *userdata);

/* ---- secure elements ---- */

/**
 * job_se_add - make an SE available to jobs; starts its worker
 * @name: "se0", "se1", …; jobs name it so
 * @open: what se_open() takes: "ioctl:/dev/se0" or "socket:PATH"
 * @type: "eSE", "iSE", "uicc", "euicc", "ieuicc"; only shown
 *
 * Returns 0, -EEXIST, -EINVAL, -ENOMEM, or what se_open() said.
 */
int job_se_add(struct job_store *s, const char *name, const char *open, const char *type);

/** job_se_remove - the SE is gone; its running job ends, queued ones fail "se-gone" */
int job_se_remove(struct job_store *s, const char *name);

/**
 * job_se_remove_gone - remove it if it cannot be reached and no job runs on it
 *
 * A job has its own connection, which may well be alive (the SE came back): as
 * long as one runs it decides. Returns 0, -EBUSY, -ENOENT.
 */
int job_se_remove_gone(struct job_store *s, const char *name);

/** struct job_se_info - an SE as front ends see it; a snapshot */
struct job_se_info {
	char name[JOB_SE_MAX];
	char type[16];
	char open[128];
	uint32_t state; /* enum se_state */
	uint32_t dialect;
	uint64_t generation;
	uint32_t ifsc, ifsd, bwt_us, max_capdu, max_rapdu;
	uint32_t irq_mode, caps, clock_hz;
	uint32_t cip_len;
	uint8_t cip[SE_CIP_MAX];
	int error; /* 0, or -errno of the last look: -ENODEV when gone */
};

/** job_se_get - the @index-th SE in order of addition; -ENOENT past the end */
int job_se_get(struct job_store *s, unsigned int index, struct job_se_info *info);

/**
 * struct job_probe_apdu - one read-only command and its answer
 * @cmd: C-APDU; only GET DATA (INS CA, CB) and GET STATUS (INS F2) are taken
 * @rsp_len: 0 where nothing came back; otherwise at least 2
 */
struct job_probe_apdu {
	uint8_t cmd[32];
	uint8_t cmd_len;
	uint32_t rsp_len;
	uint8_t rsp[2048];
};

typedef void (*job_probe_t)(void *userdata, int error, struct job_probe_apdu *apdus, size_t n);

/**
 * job_probe - read from an SE without a journalled job
 *
 * For commands that change nothing in the SE, so that there is nothing to
 * remember: identity, free memory, registry as far as it can be read without
 * keys. Runs between jobs on a channel of its own, to the application @aid
 * (@aid_len 0: default). A status word other than 9000 does not stop the list.
 * @fn is called once from job_store_dispatch(); @error is 0 or negative errno.
 * Returns 0, -EACCES (command not read-only), -ENODEV, -EINVAL, -ENOMEM.
 */
int job_probe(struct job_store *s, const char *se, const uint8_t *aid, size_t aid_len,
	      const struct job_probe_apdu *apdus, size_t n, job_probe_t fn, void *userdata);

/** for job_se_reset(): the reset line, or where there is none the SE's own software reset */
#define JOB_RESET_BEST (-1)

/** job_reset_t - @error: 0 or negative errno; @level: enum se_reset_level that was used */
typedef void (*job_reset_t)(void *userdata, int error, uint32_t level);

/**
 * job_se_reset - reset an SE
 * @level: enum se_reset_level or JOB_RESET_BEST
 * @fn: called once from job_store_dispatch()
 *
 * Never below a job: a running one ends first, queued ones wait. Kept channels
 * are lost, so that the next script of a dialogue fails "channel-lost". Not
 * journalled: it does not survive a restart. Returns 0, -ENODEV, -EINVAL, -ENOMEM.
 */
int job_se_reset(struct job_store *s, const char *se, int level, job_reset_t fn,
		 void *userdata);

/** job_se_stats - counters of the driver; zeros where there is none. -ENODEV */
int job_se_stats(struct job_store *s, const char *name, struct se_stats *stats);

/* ---- key sets and policy ---- */

/**
 * struct job_keyset - where a key set comes from; never its keys
 * @name: what plans call it
 * @source: as in keys/source.h: "file:PATH", "credential:NAME", "pkcs11:URI", …
 */
struct job_keyset {
	char name[JOB_KEYSET_MAX];
	char source[512];
};

/**
 * job_set_keysets - the key sets that plans may name; replaces what was set
 *
 * Copied. The source is read when a run begins, by the worker, and its keys are
 * cleared when the run ends. Returns 0 or -ENOMEM.
 */
int job_set_keysets(struct job_store *s, const struct job_keyset *sets, size_t n);

/** job_keyset_get - the @index-th key set; -ENOENT past the end */
int job_keyset_get(struct job_store *s, unsigned int index, struct job_keyset *set);

struct job_policy; /* job/policy.h */

/**
 * job_set_policies - who may do what; replaces what was set
 *
 * Copied. The first one whose origin matches counts. Without any (@n 0) scripts
 * are allowed to everybody and plans to local users only. With some, what none
 * matches is refused. Looked at when a job is run, resumed or rolled back, and
 * again when its worker takes it up. Returns 0 or -ENOMEM.
 */
int job_set_policies(struct job_store *s, const struct job_policy *policies, size_t n);

/* ---- jobs ---- */

/** job_create - a new idle job; -EDQUOT ("too-many-jobs") at the origin's limit */
int job_create(struct job_store *s, const char *origin, int64_t slot, uint64_t *id,
	       struct job_error *err);

/** job_set - all parameters at once; -EBUSY unless idle ("not-idle") */
int job_set(struct job_store *s, uint64_t id, const struct job_params *p,
	    struct job_error *err);

/**
 * job_script_write - stage script bytes
 * @offset: 0 starts over (what was staged is dropped); otherwise exactly the
 *	number of bytes staged so far (-EINVAL "script-gap")
 *
 * Disk space is reserved before bytes are taken: -ENOSPC "disk-full" leaves
 * nothing behind. -EFBIG "script-too-long". -EBUSY unless idle. A partly
 * staged script does not survive a restart.
 */
int job_script_write(struct job_store *s, uint64_t id, uint64_t offset, const void *data,
		     size_t len, struct job_error *err);

/**
 * job_script_end - the script is complete; on disk when this returns 0
 *
 * A plan is read here, so that its mistakes are told at once: -EBADMSG
 * ("plan-format", …). With JOB_PLAN the job's AID is set from it.
 */
int job_script_end(struct job_store *s, uint64_t id, struct job_error *err);

/**
 * job_run - queue it
 *
 * Durable when it returns 0. -EBUSY ("not-idle":
 * running, or a result waits to be acknowledged), -EINVAL ("no-script"),
 * -ENODEV ("no-such-se"), -ENOSPC ("disk-full"), -EACCES ("policy", "rate").
 */
int job_run(struct job_store *s, uint64_t id, struct job_error *err);

/**
 * job_resume - run a plan job again that ended early: only what is missing
 * @retry_authentication: as in struct job_params, for this run and later ones
 *
 * A new run of the same job, with the record of the former ones. The card's
 * registry is read first and decides; what a record and a registry that
 * contradict each other mean is told in the result, and nothing is changed.
 * A run that ended before it had a record changed nothing: then it is JOB_FORWARD.
 * -EINVAL ("not-a-plan"), -EBUSY ("not-ended"), -EALREADY ("already-done": it
 * ended as JOB_DONE; or "nothing-done": it never ran), and as job_run().
 */
int job_resume(struct job_store *s, uint64_t id, bool retry_authentication,
	       struct job_error *err);

/**
 * job_rollback - undo what the runs of this plan job have changed in the card
 *
 * Also after JOB_DONE. What cannot be undone (a card life cycle state, replaced
 * keys) is refused before anything is changed. Errors: as job_resume();
 * "nothing-done" also where no run had a record.
 */
int job_rollback(struct job_store *s, uint64_t id, bool retry_authentication,
		 struct job_error *err);

/**
 * job_cancel - stop as soon as no exchange is on the wire
 *
 * Acts between two APDUs: the one under way is waited for, the next is not sent.
 * The end comes as a change of state. -EALREADY if the job is not queued or
 * running ("not-running").
 */
int job_cancel(struct job_store *s, uint64_t id, struct job_error *err);

/**
 * job_ack - the origin has the result: drop result and script, back to idle
 *
 * Parameters stay; a kept channel stays open. -EBUSY while queued or running.
 */
int job_ack(struct job_store *s, uint64_t id, struct job_error *err);

/**
 * job_delete - drop it; -EBUSY while queued or running
 *
 * A job with a slot takes its kept channel with it; without one (several jobs
 * may share a dialogue) the channel goes at its idle time.
 */
int job_delete(struct job_store *s, uint64_t id, struct job_error *err);

/** job_get - -ENOENT if there is no such job */
int job_get(struct job_store *s, uint64_t id, struct job_info *info);

/** job_find - by origin and slot; -ENOENT */
int job_find(struct job_store *s, const char *origin, int64_t slot, struct job_info *info);

/**
 * job_list - visit jobs in order of id; @origin NULL means all
 *
 * @fn returns non-zero to stop; that value is returned.
 */
int job_list(struct job_store *s, const char *origin,
	     int (*fn)(void *userdata, const struct job_info *info), void *userdata);

/** job_apdus - visit the journal of a job's current run, in script order */
int job_apdus(struct job_store *s, uint64_t id,
	      int (*fn)(void *userdata, const struct job_apdu *apdu), void *userdata);

/**
 * job_result_read - bytes of the response script, or of a plan's JSON result
 *
 * Returns the number of bytes read (0 at or past the end) or -ENOENT, -EIO.
 */
int job_result_read(struct job_store *s, uint64_t id, uint64_t offset, void *buf, size_t len);

const char *job_state_name(enum job_state state);
const char *job_kind_name(enum job_kind kind);
const char *job_mode_name(enum job_mode mode);
const char *job_outcome_name(unsigned int outcome);

/* ---- requests that must not run twice ---- */

/**
 * job_dedup_put - remember the answer to a state-changing request
 * @key: opaque name of the request (peer, message id, …), 1 to 128 bytes
 * @rsp: the answer as it was sent; up to 2048 bytes
 * @ttl_s: seconds to keep it (RFC 7252 EXCHANGE_LIFETIME)
 *
 * After a reboot the time starts again, which is the safe side.
 */
int job_dedup_put(struct job_store *s, const void *key, size_t key_len, const void *rsp,
		  size_t rsp_len, uint32_t ttl_s);

/** job_dedup_each - visit the live records; @left_s: seconds that each has still to live */
int job_dedup_each(struct job_store *s,
		   void (*fn)(void *userdata, const void *key, size_t key_len, const void *rsp,
			      size_t rsp_len, uint32_t left_s),
		   void *userdata);

#endif /* SESAME_JOB_H */
