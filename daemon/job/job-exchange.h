/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges: what the daemon itself has to ask an application of an SE, command by
 * command, where each command follows from the answer before: a signature for a
 * handshake, a walk through the files of PKCS #15.
 *
 * No jobs, and not journalled: an exchange leaves nothing in the SE that would have
 * to be reported or done again after a restart. What an exchange may send is a list of
 * commands that its caller fixes beforehand; it is held to it here and, where there is
 * one, by the driver. A policy of its origin narrows it further.
 *
 * It runs in the SE's worker, on a channel of its own that is closed at its end, between
 * two jobs or between two chunks of one. No command is ever sent twice. Responses, and
 * commands, are cleared.
 */
#ifndef SESAME_JOB_EXCHANGE_H
#define SESAME_JOB_EXCHANGE_H

#include "job/job.h"

struct job_exchange;

#define JOB_EXCHANGE_RULES_MAX 16
#define JOB_EXCHANGE_COMMANDS_MAX 4096 /* commands in one exchange; then -EMSGSIZE */

/**
 * struct job_exchange_answer - what came back last
 * @index: 0 for the response to SELECT, then of the command, from 1
 * @data: response data without the status word; valid during the call
 * @len: its length
 * @sw: status word; of SELECT always one that means success (9000, 62xx, 63xx)
 */
struct job_exchange_answer {
	uint32_t index;
	const uint8_t *data;
	size_t len;
	uint16_t sw;
};

/**
 * job_exchange_next_t - the next command
 * @cmd: where it goes: a C-APDU of class 00 or 80 (84 …), without channel number
 * @room: SE_CAPDU_MAX
 *
 * Called in the worker's thread; it must not wait, nor call into job/. Returns the
 * command's length; 0: that was all; or a negative errno that the exchange ends with.
 * 61xx and 6Cxx are the caller's to follow (GET RESPONSE has to be among its rules).
 */
typedef int (*job_exchange_next_t)(void *userdata, const struct job_exchange_answer *a,
				   uint8_t *cmd, size_t room);

/**
 * job_exchange_done_t - it is over; called once, unless it was cancelled before
 * @error: 0, what @next returned, or:
 *	-ENOENT		no such application (SELECT failed)
 *	-EUSERS		no logical channel is left
 *	-EREMOTEIO	SELECT was refused otherwise
 *	-EACCES		a command that the rules or the policy forbid; not sent
 *	-ETIMEDOUT	@timeout_ms passed
 *	-ENODEV		the SE has gone, or its worker ends
 *	another errno of the link
 * @outcome: enum se_outcome of the last command, where @error came of it; else
 *	SE_OUTCOME_NOT_SENT
 */
typedef void (*job_exchange_done_t)(void *userdata, int error, uint16_t outcome);

/**
 * struct job_exchange_params - an exchange; all is copied but @userdata's target
 * @origin: who asks: "daemon:keys", "daemon:bootstrap". A policy that is about it is
 *	kept to; where none is, the rules alone count (other than with jobs: nobody from
 *	outside is asking here)
 * @se: name of the SE
 * @aid, @aid_len: application to select; 0: the default one
 * @rules, @nr_rules: all commands that @next may give, 1 to JOB_EXCHANGE_RULES_MAX;
 *	CLA as on the basic channel
 * @timeout_ms: from the call of job_exchange_start() on, 1 to 600000
 * @next, @done, @userdata: the caller's
 * @in_worker: @done is called in the worker's thread, at once, rather than from
 *	job_store_dispatch(); then the same holds for it as for @next
 */
struct job_exchange_params {
	const char *origin;
	const char *se;
	uint8_t aid[SE_AID_MAX];
	uint8_t aid_len;
	const struct se_filter_rule *rules;
	size_t nr_rules;
	uint32_t timeout_ms;
	job_exchange_next_t next;
	job_exchange_done_t done;
	void *userdata;
	bool in_worker;
};

/**
 * job_exchange_start - begin one; does not wait
 * @ret: out: for job_exchange_cancel(); may be NULL
 *
 * Returns 0; then @done follows. -ENODEV ("no-such-se"), -EACCES ("policy"), -EINVAL,
 * -ENOMEM; then nothing is called.
 */
int job_exchange_start(struct job_store *s, const struct job_exchange_params *p,
		       struct job_exchange **ret, struct job_error *err);

/**
 * job_exchange_cancel - neither @next nor @done is called from here on
 *
 * Waits at most for a call back that is under way, never for the SE: a command on the wire
 * is left to end by itself. Not to be called from its own call backs, nor after @done.
 */
void job_exchange_cancel(struct job_exchange *x);

/**
 * job_exchange_run - the same, and wait for its end
 *
 * @done and @in_worker of @p are not used. Not for the worker's thread. Returns what @done
 * would have been told; @outcome may be NULL.
 */
int job_exchange_run(struct job_store *s, const struct job_exchange_params *p,
		     uint16_t *outcome, struct job_error *err);

#endif /* SESAME_JOB_EXCHANGE_H */
