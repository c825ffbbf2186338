/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of one job: what is the same for all of them (job-run.c, job-channel.c)
 * and what makes the APDUs (struct job_source: job-script.c, job-plan.c). All of
 * it in the worker's thread; the store's lock is taken only around the journal.
 */
#ifndef SESAME_JOB_RUN_H
#define SESAME_JOB_RUN_H

#include "job/job-store.h"
#include "job/policy.h"

#define RUN_COMMANDS_MAX (2 * SE_CAPDU_MAX) /* bytes of the commands of one chunk */

struct run {
	struct worker *w;
	struct job_store *s;
	struct job_info info;
	struct job_end end;
	struct job_policy *policy; /* of its origin; NULL: nothing is forbidden */
	struct kept *chan;	   /* the channel in use, kept or new */
	bool chan_old;		   /* … taken over from an earlier job */
	uint64_t deadline_ns;	   /* CLOCK_MONOTONIC, 0 = none */
	int text_fd;		   /* the staged script or plan, -1: none */
	uint64_t text_len;
	const struct job_source *source;
	void *ctx;		       /* the source's own */
	struct se_filter_aid want_aid; /* see RUN_OPEN */
	const char *record;	       /* to be journalled with the next chunk or the end */
	uint8_t *cmds;
	size_t cmds_len;
	uint8_t heads[SE_STREAM_MAX][4]; /* CLA INS P1 P2 for the journal */
	uint32_t next;			 /* index of the next APDU */
	unsigned int half;
	struct runfile_half *open; /* results not in the journal yet */
	uint64_t rsp_bytes;
	uint32_t executed;
};

#define RUN_OPEN 1 /* result of struct job_source.fill */

/**
 * struct job_source - what makes a job's APDUs; each function may end the run
 * with run_finish()
 * @begin: look at the whole before anything leaves. Sets info.total. 0, or
 *	negative with run_finish()
 * @fill: add commands to @h with run_add(), in what comes next; none are added
 *	when there is nothing left to send, and then it has called run_finish(). 0;
 *	RUN_OPEN for a fresh channel first, to the application want_aid; or negative
 *	with run_finish()
 * @opened: how opening that went: 0 with the response to SELECT, or a negative
 *	errno, and the run has ended. NULL: the run's one channel is that of the
 *	job's target, new or kept, and is there before the first @fill
 * @took: a chunk came back, whole or not: @stop is enum se_stop. Called before
 *	its outcomes are journalled. With @broken the run has ended (run_finish()
 *	was called); otherwise @stop is SE_STOP_END or SE_STOP_SW and the answer is
 *	whether to go on; if not it has called run_finish()
 * @end: the run is over, last words: end.result, if it has one. May be NULL
 * @free: forget everything; also after a @begin that failed
 */
struct job_source {
	int (*begin)(struct run *r);
	int (*fill)(struct run *r, struct runfile_half *h);
	void (*opened)(struct run *r, const uint8_t *rsp, size_t len, int error);
	bool (*took)(struct run *r, const struct runfile_half *h, uint32_t stop, bool broken);
	void (*end)(struct run *r);
	void (*free)(struct run *r);
};

extern const struct job_source job_source_script, job_source_plan;

/** run_finish - how the run ends; @interrupted is enum se_outcome */
void run_finish(struct run *r, enum job_state state, uint16_t interrupted, const char *code,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/**
 * run_add - one more command into the chunk; copied
 * @head: CLA INS P1 P2 for the journal, where they are not those of @cmd; or NULL
 * @room: bytes that its response may take, status word included
 *
 * Returns -ENOSPC when the chunk is full: then the chunk ends before this one.
 */
int run_add(struct run *r, struct runfile_half *h, const uint8_t *cmd, size_t len,
	    const uint8_t *head, size_t room, const struct se_sw_match expect[SE_SW_MATCHES]);

/* job-channel.c */

/** run_channel_get - the dialogue's kept channel or a new one; 0, or run_finish() */
int run_channel_get(struct run *r);
/** run_channel_open - close the channel, open one to want_aid; 0, or run_finish() */
int run_channel_open(struct run *r);
/** run_channel_settle - decide from how the run ended whether it is kept: end.kept */
void run_channel_settle(struct run *r);
/** run_channel_release - keep or close it */
void run_channel_release(struct run *r);

#endif /* SESAME_JOB_RUN_H */
