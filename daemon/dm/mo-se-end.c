// SPDX-License-Identifier: Apache-2.0
/* How operations of the Secure Element MO end, and how their servers get to know it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"
#include "libse/se.h"

static const char owner[] = "se";

/* ---- the alert (7) -------------------------------------------------------------------------
 */

static const char *mark_of(unsigned int code)
{
	return code < 1400 ? "informational" : code < 1500 ? "warning" : "critical";
}

static void put_text(struct model_buf *b, const char *name, const char *text)
{
	model_buf_printf(b, "<%s>", name);
	model_buf_xml(b, text, strlen(text));
	model_buf_printf(b, "</%s>", name);
}

static int put_alert(struct dm_se *m, const struct se_record *r)
{
	const struct se_report *o = &r->report;
	const char *slash = strrchr(r->carrier, '/');
	struct model_buf b = {.max = 2048};
	char source[DM_URI_MAX + 1];
	struct dm_outbox_alert a = {
		.server = r->server,
		.correlator = r->correlator,
		.source = source,
		.type = DM_SE_ALERT,
		.format = "xml",
		.mark = mark_of(o->code),
		.owner = owner,
		.token = r->number,
	};
	uint64_t id;
	int ret;

	snprintf(source, sizeof(source), DM_SE_ROOT "/%s", r->carrier);
	model_buf_printf(&b, "<ResultCode>%u</ResultCode>", o->code);
	put_text(&b, "Operation", se_op_name(r->op));
	put_text(&b, "Identifier", slash ? slash + 1 : r->carrier);
	model_buf_printf(&b, "<Status>%u</Status><Executed>%u</Executed><Total>%u</Total>",
			 o->status, o->executed, o->total);
	model_buf_printf(&b, "<LastSW>%u</LastSW><Outcome>%u</Outcome>", o->last_sw,
			 o->outcome);
	put_text(&b, "Job", o->job);
	a.data = b.p;
	a.len = b.len;
	ret = b.error ? b.error : dm_outbox_put(m->c.outbox, &a, &id);
	model_buf_free(&b);
	return ret;
}

int se_finish(struct dm_se *m, struct se_record *r, const struct se_report *report, bool alert)
{
	struct se_record before = *r;
	struct se_carrier c;
	int ret = store_begin(m->c.store);

	if (ret < 0)
		return ret;
	if (r->op == MO_SE_OP_TERMINATE && report->code == SE_RESULT_OK &&
	    se_carrier_find(m, r->carrier, &c) == DM_OK)
		content_apps_terminated(m->c.content->apps, c.se);
	r->report = *report;
	r->phase = alert ? SE_PHASE_TOLD : SE_PHASE_KNOWN;
	ret = alert ? put_alert(m, r) : 0;
	if (ret == 0)
		ret = se_record_save(m, r);
	if (ret == 0)
		ret = store_commit(m->c.store);
	else
		store_rollback(m->c.store);
	if (ret < 0) {
		/* it has ended all the same: the next time that somebody looks */
		before.next = r->next;
		*r = before;
		m->dirty = true;
	}
	return ret;
}

/* The server has taken the alert, or will never: within the outbox's transaction. */
static void told(void *userdata, const struct dm_outbox_alert *alert, unsigned int status)
{
	struct dm_se *m = userdata;
	struct se_record *r = m->records;
	struct se_carrier c;

	(void)status;
	while (r && r->number != alert->token)
		r = r->next;
	if (!r || r->phase != SE_PHASE_TOLD)
		return;
	r->phase = SE_PHASE_KNOWN;
	if (se_record_last(m, r->carrier) != r || se_carrier_find(m, r->carrier, &c) != DM_OK)
		se_record_drop(m, r);
	else
		se_record_save(m, r);
}

int se_own_alerts(struct dm_se *m)
{
	return dm_outbox_own(m->c.outbox, owner, told, m);
}

/* ---- resets ---------------------------------------------------------------------------------
 */

struct se_reset_wait {
	struct se_reset_wait *next;
	struct dm_se *m;
	uint64_t record;
	bool over;
	int error;
	uint32_t level;
};

static void reset_over(void *userdata, int error, uint32_t level)
{
	struct se_reset_wait *x = userdata;

	x->over = true;
	x->error = error;
	x->level = level;
	x->m->dirty = true;
}

int se_reset_start(struct dm_se *m, struct se_record *r, const char *se)
{
	struct se_reset_wait *x = calloc(1, sizeof(*x));
	int ret;

	if (!x)
		return -ENOMEM;
	x->m = m;
	x->record = r->number;
	ret = job_se_reset(m->c.jobs, se, JOB_RESET_BEST, reset_over, x);
	if (ret < 0) {
		free(x);
		return ret;
	}
	x->next = m->resets;
	m->resets = x;
	return 0;
}

void se_resets_free(struct dm_se *m)
{
	struct se_reset_wait *x;

	while ((x = m->resets)) {
		m->resets = x->next;
		free(x);
	}
}

static void look_reset(struct dm_se *m, struct se_record *r)
{
	struct se_reset_wait **at = &m->resets, *x;
	struct se_report o;
	char words[JOB_DETAIL_MAX];

	while (*at && (*at)->record != r->number)
		at = &(*at)->next;
	x = *at;
	if (!x) {
		se_report_set(&o, SE_STATUS_UNKNOWN, SE_RESULT_UNKNOWN, "interrupted",
			      "the client ended before the reset was over");
	} else if (!x->over) {
		return;
	} else if (x->error) {
		snprintf(words, sizeof(words), "the reset failed: %s", strerror(-x->error));
		se_report_set(&o, SE_STATUS_FAILED, SE_RESULT_LINK, "link-error", words);
	} else {
		snprintf(words, sizeof(words), "reset by %s", se_reset_level_name(x->level));
		se_report_set(&o, SE_STATUS_DONE, SE_RESULT_OK, "ok", words);
	}
	content_ses_poll(m->c.content->ses);
	if (se_finish(m, r, &o, true) == 0 && x) {
		*at = x->next;
		free(x);
	}
}

/* ---- reading anew
 * ---------------------------------------------------------------------------- */

bool se_reading(const struct dm_se *m, const char *carrier)
{
	char se[JOB_SE_MAX];
	int32_t id;

	snprintf(se, sizeof(se), "%.*s", (int)strcspn(carrier, "/"), carrier);
	id = content_ses_find(m->c.content->ses, se);
	return id >= 0 && content_apps_reading(m->c.content->apps, (uint16_t)id);
}

static void look_refresh(struct dm_se *m, struct se_record *r)
{
	struct model_se *se;
	struct se_carrier c;
	struct se_report o;
	const char *why;

	if (content_ses_reading(m->c.content->ses) || se_reading(m, r->carrier))
		return;
	se = calloc(1, sizeof(*se));
	if (!se || se_carrier_find(m, r->carrier, &c) != DM_OK ||
	    content_ses_get(m->c.content->ses, c.se, se) < 0) {
		se_report_set(&o, SE_STATUS_FAILED, SE_RESULT_LINK, "se-gone",
			      "the secure element is not there any more");
	} else {
		why = se->error[0] || c.app == UINT16_MAX
			      ? se->error
			      : content_apps_why(m->c.content->apps, c.app);
		if (*why)
			se_report_set(&o, SE_STATUS_FAILED, SE_RESULT_FAILED, "not-read", why);
		else
			se_report_set(&o, SE_STATUS_DONE, SE_RESULT_OK, "ok", "it was read");
	}
	free(se);
	se_finish(m, r, &o, true);
}

/* ---- packages
 * ---------------------------------------------------------------------------------- */

static void report_package(struct se_report *o, const struct content_package *g)
{
	const struct content_package_run *l = &g->last;
	struct job_info info = {
		.state = l->state,
		.run = l->run,
		.executed = l->executed,
		.total = l->total,
		.last_sw = l->last_sw,
		.interrupted = l->interrupted,
	};

	info.params.kind = JOB_PLAN;
	snprintf(info.name, sizeof(info.name), "%llu-%u", (unsigned long long)l->job, l->run);
	snprintf(info.code, sizeof(info.code), "%s", l->code);
	snprintf(info.detail, sizeof(info.detail), "%s", g->reason);
	se_report_job(o, &info);
	/* of a script content/ has looked at the last status word: it is what it says of itself
	 */
	if (g->kind == CONTENT_PACKAGE_SCRIPT && o->code == SE_RESULT_OK &&
	    g->result == MODEL_SOFTWARE_INSTALL_FAILED) {
		o->status = SE_STATUS_FAILED;
		o->code = SE_RESULT_REFUSED;
	}
}

static void look_package(struct dm_se *m, struct se_record *r)
{
	const struct content_package *g;
	char origin[JOB_ORIGIN_MAX];
	struct se_report o;

	/* as long as an operation is under way a package cannot be deleted */
	se_origin(r->owner, origin);
	g = content_packages_get(m->c.content->packages, origin, MODEL_OBJECT_SOFTWARE,
				 (uint16_t)(r->slot - CONTENT_PACKAGE_SLOT));
	if (g && (g->op != CONTENT_PACKAGE_IDLE || se_reading(m, r->carrier)))
		return;
	if (!g)
		se_report_set(&o, SE_STATUS_UNKNOWN, SE_RESULT_UNKNOWN, "no-such-job",
			      "the package is not there any more");
	else if (g->last.job != r->before || g->last.run != r->before_run)
		report_package(&o, g);
	else
		se_report_set(&o, SE_STATUS_FAILED, SE_RESULT_NOT_STARTED, "not-started",
			      "the client was interrupted before anything was sent");
	se_finish(m, r, &o, true);
}

/* ---- jobs
 * ---------------------------------------------------------------------------------------- */

int se_job_of(struct dm_se *m, struct se_record *r, struct job_info *info)
{
	char origin[JOB_ORIGIN_MAX];
	int ret;

	if (r->slot == JOB_SLOT_NONE)
		return -ENOENT;
	se_origin(r->owner, origin);
	ret = job_find(m->c.jobs, origin, r->slot, info);
	if (ret < 0 || info->state == JOB_IDLE ||
	    (info->id == r->before && info->run == r->before_run))
		return -ENOENT;
	r->job = info->id;
	r->run = info->run;
	return 0;
}

static void look_job(struct dm_se *m, struct se_record *r)
{
	struct job_info info;
	struct se_report o;

	if (job_get(m->c.jobs, r->job, &info) < 0)
		se_report_set(&o, SE_STATUS_UNKNOWN, SE_RESULT_UNKNOWN, "no-such-job",
			      "somebody has deleted its job");
	else if (!r->over || se_reading(m, r->carrier))
		return;
	else
		se_report_job(&o, &info);
	se_finish(m, r, &o, true);
}

/* Within job_store_dispatch(). */
void se_job_changed(void *userdata, uint64_t job)
{
	struct dm_se *m = userdata;
	struct job_info info;

	m->dirty = true;
	if (job_get(m->c.jobs, job, &info) < 0 || info.state <= JOB_RUNNING)
		return;
	/* content/ was told before, but maybe of a job that still ran: the inventory has to be
	 * read before anybody hears of the end */
	content_apps_job_changed(m->c.content->apps, job);
	for (struct se_record *r = m->records; r; r = r->next)
		if (r->job == job && info.run == r->run)
			r->over = true;
}

bool se_record_package(const struct se_record *r)
{
	return r->op >= MO_SE_OP_PACKAGE_INSTALL && r->op <= MO_SE_OP_PACKAGE_DEACTIVATE;
}

static void look(struct dm_se *m, struct se_record *r)
{
	if (r->group)
		se_group_look(m, r);
	else if (r->op == MO_SE_OP_REFRESH)
		look_refresh(m, r);
	else if (r->op == MO_SE_OP_RESET)
		look_reset(m, r);
	else if (se_record_package(r))
		look_package(m, r);
	else
		look_job(m, r);
}

void dm_se_dispatch(struct dm_se *m)
{
	struct se_record *r;
	uint64_t after = 0;

	if (!m->dirty)
		return;
	m->dirty = false;
	if (m->entries)
		se_known_update(m);
	m->entries = false;
	/* what is told may make others come and go: by numbers, which only rise */
	for (;;) {
		for (r = m->records; r && (r->number <= after || !se_record_open(r));)
			r = r->next;
		if (!r)
			return;
		after = r->number;
		look(m, r);
	}
}

/* ---- after a restart
 * -------------------------------------------------------------------------------- */

static void not_started(struct dm_se *m, struct se_record *r)
{
	char origin[JOB_ORIGIN_MAX];
	struct job_error err = {.code = ""};
	struct job_info info;
	struct se_report o;

	/* half a job */
	se_origin(r->owner, origin);
	if (r->slot >= CONTENT_BATCH_SLOT && job_find(m->c.jobs, origin, r->slot, &info) == 0 &&
	    info.state == JOB_IDLE)
		job_delete(m->c.jobs, info.id, &err);
	se_report_set(&o, SE_STATUS_FAILED, SE_RESULT_NOT_STARTED, "not-started",
		      "the client was interrupted before anything was sent");
	se_finish(m, r, &o, true);
}

void se_settle_start(struct dm_se *m)
{
	struct se_record *r, *next;
	struct job_info info;

	for (r = m->records; r; r = next) {
		next = r->next;
		if (!se_record_open(r))
			continue;
		if (se_job_of(m, r, &info) == 0) {
			r->phase = SE_PHASE_STARTED;
			r->over = info.state > JOB_RUNNING;
			se_record_save(m, r);
		} else if (r->op == MO_SE_OP_REFRESH ||
			   (r->phase == SE_PHASE_ACCEPTED && !r->group &&
			    !se_record_package(r) && r->op != MO_SE_OP_RESET)) {
			not_started(m, r);
		}
	}
	m->dirty = true;
	dm_se_dispatch(m);
}
