// SPDX-License-Identifier: Apache-2.0
/*
 * Operations of the Secure Element MO within an Atomic (8.2): collected as they are read,
 * recorded with the Atomic's own changes, run as one plan in one job, undone as one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"

#define MEMBERS_MAX 64
#define ROLL_BACKS 3 /* interruptions of it within one life of the client, at most */

/* parameters as they were before the Atomic */
struct saved {
	struct saved *next;
	char carrier[SE_PATH_MAX];
	struct se_params *params; /* NULL: there were none */
};

struct member {
	char carrier[SE_PATH_MAX];
	char correlator[DM_CORRELATOR_MAX];
	enum mo_se_op op;
};

struct se_atomic {
	uint16_t se;
	struct member members[MEMBERS_MAX];
	struct se_item *items;
	size_t n;
	struct saved *saved;
	uint64_t group; /* its records are written */
};

bool se_atomic_on(const struct dm_se *m)
{
	return m->in_atomic;
}

void se_atomic_begin(struct dm_se *m)
{
	se_atomic_free(m);
	/* without memory the Atomic fails, rather than that something of it runs */
	m->in_atomic = true;
	m->atomic = calloc(1, sizeof(*m->atomic));
}

static void free_saved(struct saved *s)
{
	if (s->params) {
		explicit_bzero(s->params, sizeof(*s->params));
		free(s->params);
	}
	free(s);
}

void se_atomic_free(struct dm_se *m)
{
	struct se_atomic *a = m->atomic;
	struct saved *s;

	m->in_atomic = false;
	if (!a)
		return;
	while ((s = a->saved)) {
		a->saved = s->next;
		free_saved(s);
	}
	if (a->items)
		explicit_bzero(a->items, MEMBERS_MAX * sizeof(*a->items));
	free(a->items);
	free(a);
	m->atomic = NULL;
}

/* ---- parameters
 * ------------------------------------------------------------------------------- */

int se_atomic_params(struct dm_se *m, const char *carrier)
{
	struct se_params *p = m->params;
	struct saved *s;

	if (!m->in_atomic)
		return 0;
	if (!m->atomic)
		return -ENOMEM;
	for (s = m->atomic->saved; s; s = s->next)
		if (strcmp(s->carrier, carrier) == 0)
			return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	snprintf(s->carrier, sizeof(s->carrier), "%s", carrier);
	while (p && strcmp(p->carrier, carrier) != 0)
		p = p->next;
	if (p) {
		s->params = malloc(sizeof(*p));
		if (!s->params) {
			free(s);
			return -ENOMEM;
		}
		*s->params = *p;
	}
	s->next = m->atomic->saved;
	m->atomic->saved = s;
	return 0;
}

static void restore_params(struct dm_se *m)
{
	struct saved *s;

	while ((s = m->atomic->saved)) {
		m->atomic->saved = s->next;
		se_params_used(m, s->carrier);
		if (s->params) {
			s->params->next = m->params;
			m->params = s->params;
			s->params = NULL;
		}
		free_saved(s);
	}
}

/* ---- members
 * ----------------------------------------------------------------------------------- */

int se_atomic_add(struct dm_se *m, const struct dm_req *req, const struct se_carrier *c,
		  enum mo_se_op op)
{
	struct se_atomic *a = m->atomic;
	struct member *x;
	int ret;

	if (!a)
		return -ENOMEM;
	if (!se_op_content(op) || (a->n > 0 && a->se != c->se))
		return DM_UNSUPPORTED;
	if (se_record_busy(m, c->path))
		return DM_CONFLICT;
	if (a->n == MEMBERS_MAX)
		return DM_DEVICE_FULL;
	if (!a->items)
		a->items = calloc(MEMBERS_MAX, sizeof(*a->items));
	if (!a->items || se_atomic_params(m, c->path) < 0)
		return -ENOMEM;
	ret = se_item_make(m, req->server, c, op, &a->items[a->n]);
	if (ret != DM_OK)
		return ret;
	/* for the next one at the same node it takes others */
	se_params_used(m, c->path);
	x = &a->members[a->n++];
	memcpy(x->carrier, c->path, sizeof(x->carrier));
	snprintf(x->correlator, sizeof(x->correlator), "%s", req->correlator);
	x->op = op;
	a->se = c->se;
	return DM_OK;
}

static void drop_group(struct dm_se *m, uint64_t group)
{
	struct se_record *r, *next;

	for (r = m->records; r; r = next) {
		next = r->next;
		if (r->group == group) {
			r->job = 0;
			se_record_drop(m, r);
		}
	}
}

static int record(struct dm_se *m, const struct dm_req *req, const struct member *x,
		  int64_t slot)
{
	struct se_record *r = se_record_new(m);

	if (!r)
		return -ENOMEM;
	if (!m->atomic->group)
		m->atomic->group = r->number;
	r->group = m->atomic->group;
	snprintf(r->server, sizeof(r->server), "%s", req->server);
	memcpy(r->owner, r->server, sizeof(r->owner));
	memcpy(r->carrier, x->carrier, sizeof(r->carrier));
	memcpy(r->correlator, x->correlator, sizeof(r->correlator));
	r->op = x->op;
	r->phase = SE_PHASE_ACCEPTED;
	r->slot = slot;
	se_report_set(&r->report, SE_STATUS_QUEUED, 0, "", "");
	se_record_before(m, r);
	return se_record_save(m, r);
}

int se_atomic_prepare(struct dm_se *m, const struct dm_req *req)
{
	struct se_atomic *a = m->atomic;
	int64_t slot;
	int ret = 0;

	if (!a)
		return -ENOMEM;
	if (a->n == 0) {
		se_atomic_free(m);
		return DM_OK;
	}
	slot = se_batch_slot(m, req->server);
	if (slot == JOB_SLOT_NONE)
		return DM_DEVICE_FULL;
	for (size_t i = 0; i < a->n && ret == 0; i++)
		ret = record(m, req, &a->members[i], slot);
	return ret < 0 ? ret : DM_PENDING;
}

int se_atomic_rollback(struct dm_se *m)
{
	if (!m->atomic) {
		se_atomic_free(m);
		return DM_ROLLED_BACK;
	}
	if (m->atomic->group)
		drop_group(m, m->atomic->group);
	restore_params(m);
	se_atomic_free(m);
	return DM_ROLLED_BACK;
}

static struct se_record *leader_of(const struct dm_se *m, uint64_t group)
{
	struct se_record *r = m->records;

	while (r && r->number != group)
		r = r->next;
	return r;
}

int se_atomic_commit(struct dm_se *m, const struct dm_req *req)
{
	struct se_atomic *a = m->atomic;
	char words[CONTENT_WORDS_MAX] = "";
	uint64_t group = a->group;
	struct se_record *r, *next;
	int ret;

	ret = se_batch_start(m, req->server, leader_of(m, group)->slot, a->items, a->n, words);
	if (ret < 0) {
		ret = se_errno_status(ret);
		se_atomic_rollback(m);
		return ret;
	}
	m->token = req->token;
	for (r = m->records; r; r = next) {
		next = r->next;
		if (r->group == group)
			se_record_started(m, r);
	}
	se_atomic_free(m);
	return DM_PENDING;
}

/* ---- its end
 * ------------------------------------------------------------------------------------- */

/* What is said of each of them when the whole has not succeeded. */
static void failed(struct se_report *o, const struct se_record *r, enum se_result code,
		   const char *result, const char *detail)
{
	*o = r->report;
	o->status = code == SE_RESULT_NOT_ROLLED_BACK ? SE_STATUS_UNKNOWN : SE_STATUS_FAILED;
	o->code = code;
	if (*result || !o->result[0]) {
		snprintf(o->result, sizeof(o->result), "%s", result);
		snprintf(o->detail, sizeof(o->detail), "%s", detail);
	}
}

static int settle_code(unsigned int code)
{
	return code == SE_RESULT_OK		   ? DM_OK
	       : code == SE_RESULT_NOT_ROLLED_BACK ? DM_ROLLBACK_FAILED
						   : DM_FAILED;
}

/*
 * All records in one transaction, then the tree: where the power goes in between, the records
 * say what the tree has to be told (se_atomic_settle()).
 */
static void end_group(struct dm_se *m, uint64_t group, unsigned int code,
		      const struct job_info *info, const char *result, const char *detail)
{
	bool alert = !m->token || (m->c.waits && !m->c.waits(m->c.ctx, m->token));
	uint64_t token = m->token, job = leader_of(m, group)->job;
	int ret = store_begin(m->c.store);
	struct se_report o;

	if (ret < 0)
		return;
	for (struct se_record *r = m->records; r && ret == 0; r = r->next) {
		if (r->group != group || !se_record_open(r))
			continue;
		if (code == SE_RESULT_OK)
			se_report_job(&o, info);
		else
			failed(&o, r, (enum se_result)code, result, detail);
		ret = se_finish(m, r, &o, alert);
	}
	if (ret == 0)
		ret = store_commit(m->c.store);
	else
		store_rollback(m->c.store);
	if (ret < 0) {
		m->dirty = true;
		return;
	}
	for (struct se_record *r = m->records; r; r = r->next)
		if (r->group == group)
			r->job = 0;
	if (job)
		job_delete(m->c.jobs, job, &(struct job_error){.code = ""});
	m->token = 0;
	if (m->tree && dm_tree_unsettled(m->tree))
		dm_tree_settle(m->tree, token, settle_code(code));
}

void se_atomic_settle(struct dm_se *m)
{
	const struct se_record *last = NULL;

	for (const struct se_record *r = m->records; r; r = r->next) {
		if (r->group && se_record_open(r))
			return;
		last = r->group ? r : last;
	}
	if (dm_tree_unsettled(m->tree))
		dm_tree_settle(m->tree, 0, last ? settle_code(last->report.code) : DM_FAILED);
}

static void roll_back(struct dm_se *m, struct se_record *leader, const struct job_info *info)
{
	struct job_error err = {.code = ""};
	struct job_info now;
	int ret;

	/* without a record nothing that changes the card has left */
	ret = info->resumable ? job_rollback(m->c.jobs, leader->job, false, &err) : -EALREADY;
	/* it comes: until then it is not known how the card is, and the tree waits */
	if (ret == -ENODEV)
		return;
	if (ret == -EALREADY) {
		end_group(m, leader->group, SE_RESULT_ROLLED_BACK, info, "", "");
		return;
	}
	if (ret < 0) {
		end_group(m, leader->group, SE_RESULT_NOT_ROLLED_BACK, info, err.code,
			  err.detail);
		return;
	}
	if (job_get(m->c.jobs, leader->job, &now) == 0)
		leader->run = now.run;
	leader->over = false;
	se_record_save(m, leader);
}

/* The plan has failed: the card is as it was before if nothing of it was done, or undone. */
static void undo(struct dm_se *m, struct se_record *leader, const struct job_info *info)
{
	for (struct se_record *r = m->records; r; r = r->next) {
		if (r->group != leader->group)
			continue;
		se_report_job(&r->report, info);
		se_record_save(m, r);
	}
	roll_back(m, leader, info);
}

/* An interruption is no refusal: what was to be undone is undone when the SE is there again. */
static bool cut_off(const struct job_info *info)
{
	struct se_report o;

	se_report_job(&o, info);
	return o.code >= SE_RESULT_LINK && info->resumable;
}

void se_group_look(struct dm_se *m, struct se_record *r)
{
	struct job_info info;

	if (r->number != r->group)
		return;
	if (!r->job) {
		end_group(m, r->group, SE_RESULT_NOT_STARTED, NULL, "not-started",
			  "the client was interrupted before anything was sent");
		return;
	}
	if (job_get(m->c.jobs, r->job, &info) < 0) {
		end_group(m, r->group, SE_RESULT_NOT_ROLLED_BACK, NULL, "no-such-job",
			  "somebody has deleted its job");
		return;
	}
	if (!r->over || se_reading(m, r->carrier))
		return;
	if (info.mode == JOB_ROLLBACK && info.state == JOB_DONE)
		end_group(m, r->group, SE_RESULT_ROLLED_BACK, &info, "", "");
	else if (info.mode == JOB_ROLLBACK && r->again < ROLL_BACKS && cut_off(&info)) {
		r->again++;
		roll_back(m, r, &info);
	} else if (info.mode == JOB_ROLLBACK)
		end_group(m, r->group, SE_RESULT_NOT_ROLLED_BACK, &info, info.code,
			  info.detail);
	else if (info.state == JOB_DONE)
		end_group(m, r->group, SE_RESULT_OK, &info, "", "");
	else
		undo(m, r, &info);
}
