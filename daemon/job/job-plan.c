// SPDX-License-Identifier: Apache-2.0
/*
 * A plan as the source of a job's APDUs: gp/run.h says what to send, here are its
 * keys, the attempt ledger, and the record, which gets into the journal together
 * with the chunk that it is about, so before anything of that chunk leaves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/run.h"
#include "job/job-run.h"
#include "keys/ledger.h"
#include "keys/run-host.h"
#include "keys/source.h"
#include "libse/se.h"

struct plan_source {
	struct gp_plan *plan;
	char *former; /* record of the runs before */
	char *record; /* … of this one; run.record points to it */
	struct keys *keys;
	struct ledger *ledger;
	struct ledger_attempt *attempt;
	uint8_t cip[SE_CIP_MAX];
	struct gp_run *gp;
	struct gp_run_batch batch;
	size_t sent, fed; /* of the batch: in a chunk, answered */
};

/* ---- what the run asks of its host ---- */

static const struct gp_keyset *host_keyset(void *userdata, const char *name)
{
	const struct plan_source *c = ((struct run *)userdata)->ctx;

	return keys_find(c->keys, name);
}

static const struct gp_scp11_keyset *host_scp11(void *userdata, const char *name)
{
	const struct plan_source *c = ((struct run *)userdata)->ctx;

	return keys_find_scp11(c->keys, name);
}

static const struct gp_keyset *host_candidate(void *userdata, size_t i)
{
	const struct plan_source *c = ((struct run *)userdata)->ctx;

	return run_host_candidate(c->keys, i);
}

static int host_attempt(void *userdata, const struct gp_run_attempt *a, struct gp_error *err)
{
	struct run *r = userdata;
	struct plan_source *c = r->ctx;

	return run_host_attempt(c->ledger, a, r->info.params.retry_authentication, &c->attempt,
				err);
}

static void host_verdict(void *userdata, enum gp_run_verdict verdict)
{
	struct plan_source *c = ((struct run *)userdata)->ctx;

	run_host_verdict(&c->attempt, verdict);
}

static int host_commit(void *userdata, const char *record, size_t len)
{
	struct run *r = userdata;
	struct plan_source *c = r->ctx;
	char *copy;

	copy = strndup(record, len);
	if (!copy)
		return -ENOMEM;
	free(c->record);
	c->record = copy;
	/* nothing leaves before write_start() or job_write_end() had it */
	r->record = copy;
	return 0;
}

/* ---- before anything leaves ---- */

static int give_up(struct run *r, int error, const char *code, const char *words)
{
	run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, code, "%s; nothing was sent", words);
	return error;
}

static int load_record(struct run *r)
{
	struct plan_source *c = r->ctx;
	sqlite3_stmt *st;
	int n;

	if (r->info.mode == JOB_FORWARD)
		return 0;
	job_lock(r->s);
	n = job_db_query(&r->s->db, &st, "SELECT record FROM jobs WHERE id=?", "i",
			 (int64_t)r->info.id);
	if (!n) {
		n = job_db_step(&r->s->db, st);
		if (n == 1)
			c->former = strdup((const char *)sqlite3_column_text(st, 0));
		job_db_done(st);
	}
	job_unlock(r->s);
	if (n != 1)
		return n ? n : -ENOENT;
	return c->former ? 0 : -ENOMEM;
}

/* The key set of this name into the ring, if it is not there yet. */
static int load_keys(struct run *r, const char *name)
{
	struct plan_source *c = r->ctx;
	struct job_keyset set;
	struct gp_error e;
	int n;

	if (!*name || keys_find(c->keys, name) || keys_find_scp11(c->keys, name))
		return 0;
	if (job_keyset_find(r->s, name, &set)) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-such-keyset",
			   "there is no key set '%s' here: add [keyset %s] to semd.conf; "
			   "nothing was sent",
			   name, name);
		return -ENOKEY;
	}
	n = keys_add(c->keys, set.source, name, &e);
	return n ? give_up(r, n, e.code, e.detail) : 0;
}

/*
 * Others that this origin may use: they tell whose keys a card has when the named
 * ones do not fit. A token's are left out, since opening it may cost an attempt
 * with its PIN; one that cannot be read is not missed.
 */
static void load_candidates(struct run *r)
{
	struct plan_source *c = r->ctx;
	struct job_keyset set;
	struct gp_error e;
	unsigned int i;

	for (i = 0; !job_keyset_get(r->s, i, &set); i++)
		if (strncmp(set.source, "pkcs11:", 7) != 0 &&
		    (!r->policy || policy_keyset(r->policy, set.name)) &&
		    !keys_find(c->keys, set.name) && !keys_find_scp11(c->keys, set.name))
			keys_add(c->keys, set.source, set.name, &e);
}

static int load_all_keys(struct run *r)
{
	struct plan_source *c = r->ctx;
	int n = 0;
	size_t i;

	for (i = 0; !n && i < c->plan->nr_sessions; i++)
		n = load_keys(r, c->plan->sessions[i].keys);
	for (i = 0; !n && i < c->plan->nr_ops; i++)
		n = load_keys(r, c->plan->ops[i].keys);
	if (!n)
		load_candidates(r);
	return n;
}

/* What the SE and the way to it take. */
static void take_limits(struct run *r, struct gp_run_params *p)
{
	struct plan_source *c = r->ctx;
	struct job_se_info info;
	unsigned int i;

	for (i = 0; !job_se_get(r->s, i, &info); i++) {
		struct se_info kind = {.dialect = info.dialect};

		if (strcmp(info.name, r->w->name) != 0)
			continue;
		p->max_capdu = info.max_capdu;
		memcpy(c->cip, info.cip, sizeof(c->cip));
		p->hist.len = se_historical(&kind, c->cip, info.cip_len, &p->hist.p);
		return;
	}
}

static void take_progress(struct run *r)
{
	const struct plan_source *c = r->ctx;
	struct gp_run_progress p;

	gp_run_progress(c->gp, &p);
	r->info.total = p.total;
}

static int begin(struct run *r)
{
	static const enum gp_run_mode modes[] = {
		[JOB_FORWARD] = GP_RUN_FORWARD,
		[JOB_RESUME] = GP_RUN_RESUME,
		[JOB_ROLLBACK] = GP_RUN_ROLLBACK,
	};
	struct gp_run_params p = {
		.mode = modes[r->info.mode],
		.batch_max = r->s->opt.chunk,
		.batch_bytes = RUN_COMMANDS_MAX / 2, /* with one more command it is a chunk */
		.host = {.keyset = host_keyset,
			 .scp11 = host_scp11,
			 .candidate = host_candidate,
			 .attempt = host_attempt,
			 .verdict = host_verdict,
			 .commit = host_commit,
			 .random = run_host_random,
			 .userdata = r},
	};
	struct gp_source text;
	struct plan_source *c;
	struct job_error je;
	struct gp_error e;
	int n;

	r->ctx = c = calloc(1, sizeof(*c));
	n = c ? keys_new(&c->keys) : -ENOMEM;
	if (n)
		return give_up(r, n, "no-memory", "out of memory");
	text = gp_source_file(r->text_fd, r->text_len);
	n = job_plan_read(&c->plan, &r->info, r->policy, &text, &je);
	if (n)
		return give_up(r, n, je.code, je.detail);
	n = load_record(r);
	if (n)
		return give_up(r, n, "journal", "the record of the former run cannot be read");
	n = load_all_keys(r);
	if (n)
		return n;
	n = ledger_open(&c->ledger, job_store_dir(r->s), &e);
	if (n)
		return give_up(r, n, e.code, e.detail);
	p.plan = c->plan;
	take_limits(r, &p);
	p.record = c->former;
	p.record_len = c->former ? strlen(c->former) : 0;
	n = gp_run_new(&c->gp, &p, &e);
	if (n)
		return give_up(r, n, e.code, e.detail);
	take_progress(r);
	return 0;
}

/* ---- while it runs ---- */

static int failed(struct run *r, int error, const struct gp_error *e)
{
	const struct plan_source *c = r->ctx;
	struct gp_run_progress p;
	bool unknown;

	gp_run_progress(c->gp, &p);
	unknown = p.state == GP_RUN_UNKNOWN;
	run_finish(r, unknown ? JOB_UNKNOWN : JOB_FAILED,
		   unknown ? SE_OUTCOME_UNKNOWN : SE_OUTCOME_EXECUTED, e->code, "%s",
		   e->detail);
	return error;
}

static int want_channel(struct run *r)
{
	const struct plan_source *c = r->ctx;

	memset(&r->want_aid, 0, sizeof(r->want_aid));
	memcpy(r->want_aid.aid, c->batch.aid.bytes, c->batch.aid.len);
	r->want_aid.len = c->batch.aid.len;
	return RUN_OPEN;
}

static int fill(struct run *r, struct runfile_half *h)
{
	struct plan_source *c = r->ctx;
	const struct gp_run_apdu *a;
	struct gp_error e = {.code = "internal"};
	int n;

	if (c->sent == c->batch.n) {
		memset(&c->batch, 0, sizeof(c->batch));
		c->sent = c->fed = 0;
		n = gp_run_next(c->gp, &c->batch, &e);
		take_progress(r);
		if (n < 0)
			return failed(r, n, &e);
		if (n == GP_RUN_OPEN)
			return want_channel(r);
		if (n == GP_RUN_END) {
			run_finish(r, JOB_DONE, SE_OUTCOME_EXECUTED, "ok",
				   "%" PRIu32 " APDUs executed", r->executed);
			return 0;
		}
	}
	for (; c->sent < c->batch.n; c->sent++) {
		a = &c->batch.apdus[c->sent];
		if (run_add(r, h, a->cmd, a->len, a->header, a->rsp_room, a->expect))
			break;
	}
	if (h->n)
		return 0;
	run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "internal",
		   "a command of the plan does not fit into a chunk; the rest was not sent");
	return -EMSGSIZE;
}

static void opened(struct run *r, const uint8_t *rsp, size_t len, int error)
{
	const struct plan_source *c = r->ctx;

	gp_run_opened(c->gp, rsp, len, error);
}

/* What was made and not sent any more. */
static void feed_rest(struct plan_source *c)
{
	for (; c->fed < c->batch.n; c->fed++)
		gp_run_feed(c->gp, c->fed, NULL, 0, SE_OUTCOME_NOT_SENT);
	c->sent = c->batch.n;
}

static bool took(struct run *r, const struct runfile_half *h, uint32_t stop, bool broken)
{
	struct plan_source *c = r->ctx;
	const struct se_apdu *a;
	uint32_t i;
	bool ran;

	for (i = 0; i < h->n; i++) {
		a = &h->apdus[i];
		ran = a->outcome == SE_OUTCOME_EXECUTED;
		gp_run_feed(c->gp, c->fed++, ran ? h->area + h->rsp_off[i] : NULL,
			    ran ? a->rsp_len : 0, a->outcome);
	}
	if (broken || stop == SE_STOP_SW)
		feed_rest(c);
	take_progress(r);
	return !broken;
}

static void end(struct run *r)
{
	struct plan_source *c = r->ctx;
	const struct gp_source text = gp_source_file(r->text_fd, r->text_len);
	struct gp_run_progress p;

	if (!c || !c->gp) {
		job_plan_result(r->text_fd < 0 ? NULL : &text, NULL, &r->end, r->info.mode,
				r->executed, &r->end.result);
		return;
	}
	feed_rest(c);
	gp_run_progress(c->gp, &p);
	if (p.state == GP_RUN_RUNNING)
		gp_run_abort(c->gp, -ECANCELED, r->end.code, r->end.detail);
	gp_run_result(c->gp, &r->end.result);
}

static void forget(struct run *r)
{
	struct plan_source *c = r->ctx;

	if (!c)
		return;
	gp_run_free(c->gp);
	ledger_end(c->attempt, LEDGER_DID_BREAK);
	ledger_close(c->ledger);
	keys_free(c->keys);
	gp_plan_free(c->plan);
	free(c->former);
	free(c->record);
	free(c);
}

const struct job_source job_source_plan = {
	.begin = begin,
	.fill = fill,
	.opened = opened,
	.took = took,
	.end = end,
	.free = forget,
};
