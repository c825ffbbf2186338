// SPDX-License-Identifier: Apache-2.0
/*
 * The channel of a run: the one that the dialogue's former job left open, or a
 * new one to the job's target, narrowed to what the policy allows.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "job/job-run.h"

struct select_args {
	uint64_t id;
	uint64_t generation;
	uint16_t sw;
	const uint8_t *rsp;
	size_t len;
};

static int write_select(struct job_store *s, void *arg)
{
	const struct select_args *a = arg;

	return job_db_run(&s->db,
			  "UPDATE jobs SET generation=?,select_sw=?,select_rsp=?,"
			  "last_sw=?2 WHERE id=?",
			  "iibi", (int64_t)a->generation, (int64_t)a->sw, a->rsp, a->len,
			  (int64_t)a->id);
}

static void say_no_channel(struct run *r, int error, const struct se_channel_open *o)
{
	static const char rest[] = "no APDU of the job was sent";
	const char *then = r->executed ? "the rest was not sent" : rest;

	switch (error) {
	case -ENOENT:
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-application",
			   "no application with this AID on %s (SELECT answered %04X): check "
			   "the AID or install it first; %s",
			   r->w->name, o->sw, then);
		break;
	case -EUSERS:
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-channel",
			   "%s has no logical channel left (%04X): end other dialogues; %s",
			   r->w->name, o->sw, then);
		break;
	case -EREMOTEIO:
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "select-refused",
			   "%s refused to select the application: %04X; %s", r->w->name, o->sw,
			   then);
		break;
	case -ETIMEDOUT:
		run_finish(r, JOB_EXPIRED, SE_OUTCOME_NOT_SENT, "deadline",
			   "the deadline passed while the channel was opened; %s", then);
		break;
	case -EACCES:
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "policy",
			   "the filter of this job forbids its target; %s", then);
		break;
	default:
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT,
			   error == -ENODEV ? "se-gone" : "link-error",
			   "cannot open a channel on %s (%s): %s; %s", r->w->name, r->w->open,
			   strerror(-error), then);
		break;
	}
}

/*
 * What the policy leaves of the SE, as the driver understands it: one target, and
 * the commands of the list. It holds even where we err. A list of commands is
 * what scripts have; what a plan sends follows from its operations.
 */
static int narrow(const struct run *r, struct se *se, const struct se_filter_aid *aid)
{
	uint32_t flags =
		SE_FILTER_AIDS | SE_FILTER_NO_BASIC | SE_FILTER_NO_LOCK | SE_FILTER_NO_RESET;
	const struct job_policy *p = r->policy;
	int n;

	if (!p)
		return 0;
	if (r->info.params.kind == JOB_SCRIPT && !p->any_instruction)
		flags |= SE_FILTER_RULES;
	n = se_set_filter(se, flags, p->rules,
			  flags & SE_FILTER_RULES ? (uint32_t)p->nr_rules : 0, aid, 1);
	/* the socket of the software SE has none; what is looked at here has to do */
	return n == -EOPNOTSUPP ? 0 : n;
}

static int open_new(struct run *r, const struct se_filter_aid *aid)
{
	struct job_info *i = &r->info;
	struct se_channel_open o = {
		.aid_ptr = (uintptr_t)aid->aid,
		.aid_len = aid->len,
		.rsp_ptr = (uintptr_t)i->select_rsp,
		.rsp_room = sizeof(i->select_rsp),
		.deadline_ns = r->deadline_ns,
	};
	struct select_args a = {.id = i->id, .rsp = i->select_rsp};
	struct kept *k;
	int n;

	k = calloc(1, sizeof(*k));
	if (!k) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-memory",
			   "out of memory; the rest was not sent");
		return -ENOMEM;
	}
	r->chan = k;
	i->select_rsp_len = 0;
	n = se_open(&k->se, r->w->open);
	if (!n)
		n = narrow(r, k->se, aid);
	if (n) {
		say_no_channel(
			r, n == -ENOENT || n == -ENXIO || n == -ECONNREFUSED ? -ENODEV : n, &o);
		return n;
	}
	n = se_channel_open(k->se, &o);
	k->generation = o.generation;
	a.generation = o.generation;
	a.sw = o.sw;
	a.len = o.rsp_len < sizeof(i->select_rsp) ? o.rsp_len : sizeof(i->select_rsp);
	if (n && n != -ENOENT && n != -EREMOTEIO)
		a.len = 0;
	i->select_rsp_len = (uint16_t)a.len;
	if (job_write(r->s, false, write_select, &a) && !n) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "disk-full",
			   "the journal cannot be written; no APDU of the job was sent");
		return -ENOSPC;
	}
	if (n)
		say_no_channel(r, n, &o);
	return n;
}

static void close_channel(struct run *r)
{
	if (r->chan) {
		se_close(r->chan->se);
		free(r->chan);
	}
	r->chan = NULL;
}

int run_channel_open(struct run *r)
{
	int n;

	close_channel(r);
	n = open_new(r, &r->want_aid);
	r->source->opened(r, r->info.select_rsp, r->info.select_rsp_len, n);
	return n;
}

/* Is there a record that this dialogue has a channel, alive or not? */
static int kept_record(struct run *r, bool *same)
{
	sqlite3_stmt *st;
	int n;

	*same = false;
	n = job_db_query(&r->s->db, &st,
			 "SELECT se=?1 AND aid=?2 FROM kept WHERE origin=?3 AND token=?4",
			 "tbti", r->info.params.se, (const void *)r->info.params.aid,
			 (size_t)r->info.params.aid_len, r->info.origin,
			 (int64_t)r->info.params.token);
	if (n)
		return n;
	n = job_db_step(&r->s->db, st);
	if (n == 1)
		*same = sqlite3_column_int(st, 0);
	job_db_done(st);
	return n;
}

/* Nobody may have used it for a while: is it what it was? */
static bool still_there(const struct kept *k)
{
	struct se_info info = {0};

	return !se_get_info(k->se, &info) && info.generation == k->generation;
}

int run_channel_get(struct run *r)
{
	struct se_filter_aid target = {.len = 0};
	bool same;
	int n;

	job_lock(r->s);
	n = kept_record(r, &same);
	r->chan = job_kept_take(r->w, &r->info);
	job_unlock(r->s);
	if (n < 0) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "journal",
			   "the journal cannot be read: %s", strerror(-n));
		return n;
	}
	if (r->chan && (!same || !n)) {
		/* Another SE or application: that dialogue is over. */
		close_channel(r);
		same = false;
	}
	if (r->chan && !still_there(r->chan))
		close_channel(r);
	if (n && same && !r->chan) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "channel-lost",
			   "the channel that the former script left open is gone (restart, "
			   "reset or %u s of silence): nothing was sent; begin the dialogue "
			   "anew",
			   r->s->opt.keep_idle_s);
		return -ECONNRESET;
	}
	if (r->chan) {
		r->chan_old = true;
		return 0;
	}
	memcpy(target.aid, r->info.params.aid, sizeof(target.aid));
	target.len = r->info.params.aid_len;
	return open_new(r, &target);
}

void run_channel_settle(struct run *r)
{
	bool alive;

	if (r->source->opened)
		r->end.kept = KEPT_LEAVE; /* its channel is no part of a dialogue */
	if (!r->chan || r->source->opened)
		return;
	alive = r->end.kept != KEPT_CLEAR && r->chan->se && r->executed + r->chan_old > 0;
	if (r->info.params.keep_channel && alive &&
	    (r->end.state == JOB_DONE || r->end.state == JOB_FAILED ||
	     r->end.state == JOB_CANCELLED) &&
	    strcmp(r->end.code, "interrupted")) {
		r->end.kept = KEPT_SET;
		return;
	}
	r->end.kept = KEPT_CLEAR;
}

void run_channel_release(struct run *r)
{
	struct kept *k = r->chan;

	if (!k)
		return;
	if (r->end.kept == KEPT_SET) {
		memcpy(k->origin, r->info.origin, sizeof(k->origin));
		memcpy(k->aid, r->info.params.aid, sizeof(k->aid));
		k->aid_len = r->info.params.aid_len;
		k->token = r->info.params.token;
		job_kept_put(r->w, k);
		return;
	}
	close_channel(r);
}
