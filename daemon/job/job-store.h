/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of job/ share. Nothing outside job/ includes this. */
#ifndef SESAME_JOB_STORE_H
#define SESAME_JOB_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-json.h>
#include <time.h>

#include "job/job.h"
#include "job/job-db.h"
#include "job/job-runfile.h"
#include "libse/se.h"
#include "script/script.h"

struct gp_plan;
struct gp_source;
struct job_exchange;

#define JOB_SCRIPT_NAME 48 /* "script-ID-NONCE" */

/* a script on its way in; exists until job_script_end() */
struct staging {
	struct staging *next;
	uint64_t id;
	uint64_t len;
	char file[JOB_SCRIPT_NAME];
};

/* a channel that outlived its job */
struct kept {
	struct kept *next;
	struct se *se;
	char origin[JOB_ORIGIN_MAX];
	uint32_t token;
	uint8_t aid[SE_AID_MAX];
	uint8_t aid_len;
	uint64_t generation;
	uint64_t idle_until_ns; /* CLOCK_MONOTONIC */
	bool drop;		/* the worker shall close it */
};

struct probe {
	struct probe *next;
	char se[JOB_SE_MAX];
	uint8_t aid[SE_AID_MAX];
	uint8_t aid_len;
	int error;
	size_t n;
	job_probe_t fn;
	job_reset_t reset_fn; /* it is no probe but a reset */
	int level;
	void *userdata;
	struct job_probe_apdu apdus[];
};

/* the worker of one SE; all under the store's lock unless said otherwise */
struct worker {
	struct worker *next;
	struct job_store *s;
	char name[JOB_SE_MAX];
	char type[16];
	char open[128];
	pthread_t thread;
	pthread_cond_t wake;
	bool stop;	    /* end the thread; running job is interrupted */
	bool gone;	    /* … because the SE went away */
	uint64_t running;   /* id of its job, 0 for none */
	atomic_bool cancel; /* of the running job */
	timer_t nudge;	    /* sends JOB_NUDGE to the thread; see job_nudge() */
	bool has_nudge;
	struct probe *probes;
	struct job_exchange *exchanges;
	struct runfile rf; /* the thread's own */
	struct kept *kept; /* list under the lock, ->se the thread's own */
	struct se *info;   /* for job_se_get(); the thread's own unless direct */
	bool direct;	   /* asking it never waits (the driver) */
	bool looked;	   /* snap is valid */
	struct job_se_info snap;
};

struct listener {
	struct listener *next;
	job_listener_t fn;
	void *userdata;
};

struct cached_result {
	uint64_t id;
	uint32_t run;
	uint8_t *data;
	size_t len;
};

struct job_store {
	pthread_mutex_t lock; /* recursive */
	struct job_options opt;
	int dir_fd, run_fd, lock_fd, event_fd;
	char boot[BOOT_ID_MAX];
	struct job_db db;
	struct staging *staging;
	struct worker *workers;
	struct listener *listeners;
	struct probe *probes_done;
	struct job_exchange *exchanges_done;
	uint64_t *changed; /* ids to announce */
	size_t nr_changed, room_changed;
	char (*unlink)[JOB_SCRIPT_NAME]; /* files to remove after the commit */
	size_t nr_unlink;
	struct cached_result cache[4];
	unsigned int cache_next;
	uint64_t nonce;
	struct job_policy *policies;
	size_t nr_policies;
	struct job_keyset *keysets;
	size_t nr_keysets;
};

void job_lock(struct job_store *s);
void job_unlock(struct job_store *s);

/**
 * job_write - run @fn in a savepoint
 * @critical: must not fail for want of space: the reserve is given up for it
 */
int job_write(struct job_store *s, bool critical, int (*fn)(struct job_store *s, void *arg),
	      void *arg);

/** job_changed - announce @id from the loop; lock held */
void job_changed(struct job_store *s, uint64_t id);
/** job_unlink_later - remove a script file once the open transaction is through */
void job_unlink_later(struct job_store *s, const char *file);
/** job_poke - make job_store_fd() readable */
void job_poke(struct job_store *s);

/** job_take_lock - be the only process in opt.dir (job-lock.c): 0, -EBUSY after
 * opt.lock_wait_ms, -ECANCELED (opt.waits), or a negative errno, with @err */
int job_take_lock(struct job_store *s, struct job_error *err);

int job_fail(struct job_error *err, int error, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** job_say_db - @r as a struct job_error, if it is one; returned as it is */
int job_say_db(struct job_error *err, int r);
/** job_need_idle - 0 and @info, or why the job cannot be changed; lock held */
int job_need_idle(struct job_store *s, uint64_t id, struct job_info *info,
		  struct job_error *err);
/** job_staging_drop - forget what has come so far; @remove its file too. Lock held */
void job_staging_drop(struct job_store *s, uint64_t id, bool remove);
/**
 * job_text_open - a staged script or plan of @expect bytes
 *
 * Its descriptor, to be close()d; -ESTALE if it has another length.
 */
int job_text_open(struct job_store *s, const char *file, uint64_t expect);
/** job_drop_script - remove the job's file after the commit; part of a job_write() function */
int job_drop_script(struct job_store *s, uint64_t id);

uint64_t job_now_ms(void);  /* CLOCK_REALTIME */
uint64_t job_mono_ns(void); /* CLOCK_MONOTONIC */
uint64_t job_boot_s(void);  /* CLOCK_BOOTTIME */

struct worker *job_worker_find(struct job_store *s, const char *name);
void job_worker_stop_all(struct job_store *s);
/**
 * job_nudge - make the stream that @w has in the SE end after the exchange on
 * the wire; lock held. Lasts until the job has ended
 */
void job_nudge(struct worker *w);
/** job_submit - se_submit() that job_nudge() can end (-EINTR); the worker's thread only */
int job_submit(struct worker *w, struct se *se, struct se_apdu *apdus, uint32_t n,
	       struct se_stream *stream);
/** job_kept_take - the live kept channel of this dialogue, off the list, or NULL */
struct kept *job_kept_take(struct worker *w, const struct job_info *info);
/** job_kept_put - keep it; takes over @k */
void job_kept_put(struct worker *w, struct kept *k);

/** job_exchange_serve - run the next one of @w, if there is any; lock held, but not meanwhile
 */
bool job_exchange_serve(struct worker *w);
/** job_exchange_fail_all - the worker ends: -ENODEV for all that wait; lock held */
void job_exchange_fail_all(struct worker *w);
/** job_exchange_dispatch - tell those on the list, free them; lock not held */
void job_exchange_dispatch(struct job_exchange *list);
/** job_exchange_drop - free them without a word */
void job_exchange_drop(struct job_exchange *list);

/** job_run_one - run job @id on @w; lock not held. The worker's thread only */
void job_run_one(struct worker *w, uint64_t id);

/**
 * job_recover - close jobs that were left running
 * @se: those of this SE, which has no worker; NULL for all, when there is none at all
 */
int job_recover(struct job_store *s, const char *se);

/** enum kept_action - what the end of a run does to the dialogue's record */
enum kept_action {
	KEPT_LEAVE,
	KEPT_SET,
	KEPT_CLEAR,
};

/**
 * struct job_end - how a run ends
 * @half: outcomes still to be journalled, or NULL
 * @record: of a plan, still to be journalled, or NULL
 * @result: of a plan, or NULL: made from the record and the outcomes
 */
struct job_end {
	uint64_t id;
	enum job_kind kind;
	const struct runfile_half *half;
	const char *record;
	sd_json_variant *result;
	enum kept_action kept;
	enum job_state state;
	uint16_t interrupted;
	enum script_tail tail;
	uint8_t tail_value;
	char code[JOB_CODE_MAX];
	char detail[JOB_DETAIL_MAX];
};

/** job_write_end - job_write() function, @arg is struct job_end */
int job_write_end(struct job_store *s, void *arg);

/**
 * job_write_apdus - journal the outcomes of a half; part of a job_write() function
 *
 * The responses too, but not those of a plan's job: they are read by its run.
 */
int job_write_apdus(struct job_store *s, const struct runfile_half *h, enum job_kind kind);

/** job_write_record - journal a plan's record; part of a job_write() function */
int job_write_record(struct job_store *s, uint64_t id, const char *record);

/**
 * job_grant - may this job run?
 * @policy: out: a copy of its policy, to be free()d, or NULL if it has none
 *
 * Whether scripts or plans are allowed at all, and the target. 0; -EACCES "policy".
 */
int job_grant(struct job_store *s, const struct job_info *info, struct job_policy **policy,
	      struct job_error *err);

/** job_grant_rate - count it; -EAGAIN: too many. Part of a job_write() function */
int job_grant_rate(struct job_store *s, const struct job_info *info);

/** job_keyset_find - the source of a key set's keys; -ENOENT */
int job_keyset_find(struct job_store *s, const char *name, struct job_keyset *set);

/**
 * job_plan_check - is this text a plan that the job's origin may run?
 * @aid: out: its target
 *
 * For job_script_end(). -EBADMSG, -EINVAL, -EPERM as gp_plan_parse(), -EACCES "policy".
 */
int job_plan_check(struct job_store *s, const struct job_info *info,
		   const struct gp_source *text, struct se_filter_aid *aid,
		   struct job_error *err);

/**
 * job_plan_read - a plan from its text, ready to run
 * @policy: to be kept to, or NULL
 * @text: there until gp_plan_free(): code is read from it while it is sent
 *
 * Errors as job_plan_check().
 */
int job_plan_read(struct gp_plan **ret, const struct job_info *info,
		  const struct job_policy *policy, const struct gp_source *text,
		  struct job_error *err);

/**
 * job_plan_result - result of a plan's run that could not say one itself
 * @text: the plan, or NULL if it cannot be had
 * @record: its record, or NULL
 * @executed: APDUs of this run
 */
int job_plan_result(const struct gp_source *text, const char *record, const struct job_end *end,
		    enum job_mode mode, uint32_t executed, sd_json_variant **ret);

/** job_result_build - the response script from the journal; *@data is malloc()ed */
int job_result_build(struct job_store *s, uint64_t id, uint8_t **data, size_t *len);
void job_cache_drop(struct job_store *s, uint64_t id);

#endif /* SESAME_JOB_STORE_H */
