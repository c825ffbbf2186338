// SPDX-License-Identifier: Apache-2.0
/*
 * How operations of the Secure Element MO begin. An Exec is on the disk before what it asks
 * for is begun: after a crash in between, the record says what to look for (8.4).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"

#define NO_CONTENT CONTENT_OPS

static const struct {
	const char *name;
	enum content_op content; /* what it is in content/; NO_CONTENT: something else */
} ops[MO_SE_OPS] = {
	[MO_SE_OP_NONE] = {"", NO_CONTENT},
	[MO_SE_OP_REFRESH] = {"Refresh", NO_CONTENT},
	[MO_SE_OP_RESET] = {"Reset", NO_CONTENT},
	[MO_SE_OP_INITIALIZE] = {"Initialize", CONTENT_OP_CARD_INITIALIZE},
	[MO_SE_OP_SECURE] = {"Secure", CONTENT_OP_CARD_SECURE},
	[MO_SE_OP_LOCK_CARD] = {"LockCard", CONTENT_OP_CARD_LOCK},
	[MO_SE_OP_UNLOCK_CARD] = {"UnlockCard", CONTENT_OP_CARD_UNLOCK},
	[MO_SE_OP_TERMINATE] = {"Terminate", CONTENT_OP_CARD_TERMINATE},
	[MO_SE_OP_CREATE_SD] = {"CreateSecurityDomain", CONTENT_OP_SD_CREATE},
	[MO_SE_OP_TRANSMIT] = {"Transmit", NO_CONTENT},
	[MO_SE_OP_PACKAGE_INSTALL] = {"Install", NO_CONTENT},
	[MO_SE_OP_PACKAGE_REMOVE] = {"Remove", NO_CONTENT},
	[MO_SE_OP_PACKAGE_ACTIVATE] = {"Activate", NO_CONTENT},
	[MO_SE_OP_PACKAGE_DEACTIVATE] = {"Deactivate", NO_CONTENT},
	[MO_SE_OP_LOCK] = {"Lock", CONTENT_OP_LOCK},
	[MO_SE_OP_UNLOCK] = {"Unlock", CONTENT_OP_UNLOCK},
	[MO_SE_OP_MAKE_SELECTABLE] = {"MakeSelectable", CONTENT_OP_MAKE_SELECTABLE},
	[MO_SE_OP_EXTRADITE] = {"Extradite", CONTENT_OP_EXTRADITE},
	[MO_SE_OP_PERSONALISE] = {"Personalise", CONTENT_OP_PERSONALISE},
	[MO_SE_OP_DELETE] = {"Delete", CONTENT_OP_DELETE},
	[MO_SE_OP_INSTALL] = {"Install", CONTENT_OP_INSTALL},
	[MO_SE_OP_PUT_KEY] = {"PutKey", CONTENT_OP_PUT_KEY},
	[MO_SE_OP_DELETE_KEY] = {"DeleteKey", CONTENT_OP_DELETE_KEY},
	[MO_SE_OP_CANCEL] = {"Cancel", NO_CONTENT},
	[MO_SE_OP_RESUME] = {"Resume", NO_CONTENT},
	[MO_SE_OP_ROLL_BACK] = {"RollBack", NO_CONTENT},
	[MO_SE_OP_CLEAR] = {"Clear", NO_CONTENT},
};

const char *se_op_name(enum mo_se_op op)
{
	return op < MO_SE_OPS ? ops[op].name : "";
}

bool se_op_content(enum mo_se_op op)
{
	return ops[op].content != NO_CONTENT;
}

/* ---- keys
 * ------------------------------------------------------------------------------------ */

/* The keys that an operation at @c uses. */
static void choice_of(const struct dm_se *m, const struct se_carrier *c, struct se_choice *out)
{
	const struct se_node *n = se_node_find(m, c->path);

	if (!n || !n->choice.keyset[0])
		n = se_node_find(m, c->se_name);
	memset(out, 0, sizeof(*out));
	if (n)
		*out = n->choice;
}

void se_choice_reader(struct dm_se *m, const struct se_node *n)
{
	int32_t se = content_ses_find(m->c.content->ses, n->carrier);
	char origin[JOB_ORIGIN_MAX];

	se_origin(n->server, origin);
	/* what came of it, Error of the instance tells at the next reading */
	if (se >= 0)
		content_apps_reader(m->c.content->apps, (uint16_t)se, origin, n->choice.keyset,
				    &n->choice.sd);
}

/* ---- operations on the content of a card
 * ------------------------------------------------------ */

static uint32_t privileges_of(const struct se_params *a)
{
	return (uint32_t)a->privileges[0] << 16 | (uint32_t)a->privileges[1] << 8 |
	       a->privileges[2];
}

/* Is there all that the operation needs? What it needs not is not looked at. */
static bool complete(const struct dm_se *m, const struct se_carrier *c, enum mo_se_op op,
		     const struct se_params *a)
{
	const struct content_app *app = content_apps_get(m->c.content->apps, c->app);

	switch (op) {
	case MO_SE_OP_LOCK_CARD:
		return strcmp(a->confirm, "card-lock") == 0;
	case MO_SE_OP_TERMINATE:
		return strcmp(a->confirm, "card-terminate") == 0;
	case MO_SE_OP_CREATE_SD:
		return a->aid.len > 0;
	case MO_SE_OP_EXTRADITE:
		return a->target.len > 0;
	case MO_SE_OP_PERSONALISE:
		return a->data_len > 0;
	case MO_SE_OP_INSTALL:
		return a->module.len > 0 || (app && app->entry.nr_modules == 1);
	case MO_SE_OP_PUT_KEY:
		return a->new_keyset[0] != '\0';
	case MO_SE_OP_DELETE_KEY:
		return a->kvn || a->kid;
	default:
		return true;
	}
}

int se_item_make(struct dm_se *m, const char *server, const struct se_carrier *c,
		 enum mo_se_op op, struct se_item *out)
{
	static const struct se_params none;
	const struct se_params *a = se_params_of(m, c->path, server, false);
	struct content_step *s = &out->item.step;
	struct se_choice choice;

	a = a ? a : &none;
	if (c->app == UINT16_MAX)
		return DM_NOT_FOUND;
	if (!complete(m, c, op, a))
		return DM_INCOMPLETE;
	memset(out, 0, sizeof(*out));
	choice_of(m, c, &choice);
	memcpy(out->task.keyset, choice.keyset, sizeof(out->task.keyset));
	out->task.sd = choice.sd;
	memcpy(out->task.data, a->data, a->data_len);
	out->task.data_len = a->data_len;
	out->task.form = a->form;
	memcpy(out->task.token, a->token, a->token_len);
	out->task.token_len = a->token_len;
	out->item.id = c->app;
	s->op = ops[op].content;
	s->related = a->related;
	s->sd = a->target;
	s->module = a->module;
	s->aid = a->aid;
	s->privileges = privileges_of(a);
	memcpy(s->params, a->install, a->install_len);
	s->params_len = a->install_len;
	s->selectable = !a->not_selectable;
	memcpy(s->keys, a->new_keyset, sizeof(s->keys));
	s->kvn = a->kvn;
	s->kid = a->kid;
	s->old_kvn = a->old_kvn;
	s->confirmed = op == MO_SE_OP_LOCK_CARD || op == MO_SE_OP_TERMINATE;
	return DM_OK;
}

static bool batch_taken(const struct dm_se *m, const char *server, int64_t slot)
{
	for (const struct se_record *r = m->records; r; r = r->next)
		if (r->slot == slot && strcmp(r->owner, server) == 0 &&
		    (se_record_open(r) || r->job))
			return true;
	return false;
}

/* A slot for one more plan. Where all are taken, the oldest result that its server knows can
 * not be resumed nor rolled back any more. */
int64_t se_batch_slot(struct dm_se *m, const char *server)
{
	struct se_record *r;

	for (int64_t slot = CONTENT_BATCH_SLOT; slot < CONTENT_BATCH_SLOT + SE_BATCHES_MAX;
	     slot++)
		if (!batch_taken(m, server, slot))
			return slot;
	for (r = m->records; r; r = r->next)
		if (r->slot >= CONTENT_BATCH_SLOT && r->phase == SE_PHASE_KNOWN && r->job &&
		    strcmp(r->owner, server) == 0)
			break;
	if (!r)
		return JOB_SLOT_NONE;
	for (struct se_record *o = r->next; o; o = o->next)
		if (o->job == r->job) {
			o->job = 0;
			se_record_save(m, o);
		}
	job_delete(m->c.jobs, r->job, &(struct job_error){.code = ""});
	r->job = 0;
	se_record_save(m, r);
	return r->slot;
}

int se_batch_start(struct dm_se *m, const char *server, int64_t slot, struct se_item *items,
		   size_t n, char *words)
{
	struct content_item *list = calloc(n, sizeof(*list));
	char origin[JOB_ORIGIN_MAX];
	struct content_ops *o;
	int ret;

	se_origin(server, origin);
	o = list ? content_ops_of(m->c.content->apps, origin) : NULL;
	for (size_t i = 0; o && i < n; i++) {
		list[i] = items[i].item;
		list[i].task = &items[i].task;
	}
	ret = o ? content_ops_batch(o, (uint16_t)(slot - CONTENT_BATCH_SLOT), list, n, false,
				    NULL, words)
		: -ENOMEM;
	free(list);
	return ret;
}

static int start_content(struct dm_se *m, const struct se_carrier *c, struct se_record *r)
{
	struct se_item *item = calloc(1, sizeof(*item));
	char words[CONTENT_WORDS_MAX] = "";
	int ret;

	if (!item)
		return -ENOMEM;
	ret = se_item_make(m, r->server, c, r->op, item);
	if (ret == DM_OK)
		ret = se_batch_start(m, r->server, r->slot, item, 1, words);
	explicit_bzero(item, sizeof(*item));
	free(item);
	return ret < 0 ? se_errno_status(ret) : ret == 0 ? DM_OK : ret;
}

/* ---- the others
 * ---------------------------------------------------------------------------------- */

static int start_transmit(struct dm_se *m, const struct se_carrier *c)
{
	struct job_error err = {.code = ""};
	struct job_info info;
	int ret = se_script_job(m, c, &info);

	if (ret == 0)
		ret = job_run(m->c.jobs, info.id, &err);
	return ret == -EINVAL ? DM_INCOMPLETE : se_errno_status(ret);
}

static int start_package(struct dm_se *m, const struct se_carrier *c, enum mo_se_op op)
{
	static const enum content_package_op what[] = {
		[MO_SE_OP_PACKAGE_INSTALL] = CONTENT_PACKAGE_INSTALL,
		[MO_SE_OP_PACKAGE_REMOVE] = CONTENT_PACKAGE_UNINSTALL,
		[MO_SE_OP_PACKAGE_ACTIVATE] = CONTENT_PACKAGE_ACTIVATE,
		[MO_SE_OP_PACKAGE_DEACTIVATE] = CONTENT_PACKAGE_DEACTIVATE,
	};
	bool install = op == MO_SE_OP_PACKAGE_INSTALL;
	char origin[JOB_ORIGIN_MAX], words[CONTENT_WORDS_MAX];
	struct se_choice choice;

	se_origin(c->node->server, origin);
	choice_of(m, c, &choice);
	return se_errno_status(content_packages_run(
		m->c.content->packages, origin, MODEL_OBJECT_SOFTWARE, c->node->number,
		what[op], install ? choice.keyset : NULL, install ? &choice.sd : NULL,
		install ? &c->node->aid : NULL, words));
}

static int start_again(struct dm_se *m, const struct se_record *r)
{
	struct job_error err = {.code = ""};
	int ret = r->op == MO_SE_OP_RESUME ? job_resume(m->c.jobs, r->before, false, &err)
					   : job_rollback(m->c.jobs, r->before, false, &err);

	return se_errno_status(ret);
}

static int start_refresh(struct dm_se *m, const struct se_carrier *c)
{
	char words[CONTENT_WORDS_MAX];
	int ret = content_ses_refresh(m->c.content->ses, c->se, words);

	/* without a key set it is what the card tells anybody */
	content_apps_refresh(m->c.content->apps, c->se);
	return se_errno_status(ret);
}

static int start(struct dm_se *m, const struct se_carrier *c, struct se_record *r)
{
	switch (r->op) {
	case MO_SE_OP_REFRESH:
		return start_refresh(m, c);
	case MO_SE_OP_RESET:
		return se_errno_status(se_reset_start(m, r, c->se_name));
	case MO_SE_OP_TRANSMIT:
		return start_transmit(m, c);
	case MO_SE_OP_PACKAGE_INSTALL:
	case MO_SE_OP_PACKAGE_REMOVE:
	case MO_SE_OP_PACKAGE_ACTIVATE:
	case MO_SE_OP_PACKAGE_DEACTIVATE:
		return start_package(m, c, r->op);
	case MO_SE_OP_RESUME:
	case MO_SE_OP_ROLL_BACK:
		return start_again(m, r);
	default:
		return start_content(m, c, r);
	}
}

/* ---- from Exec to a job
 * -------------------------------------------------------------------------- */

/* where the job will be: also what is to be found there after a crash */
static int find_slot(struct dm_se *m, const struct se_carrier *c, struct se_record *r)
{
	const struct se_record *last = se_record_last(m, c->path);

	memcpy(r->owner, r->server, sizeof(r->owner));
	if (c->node)
		memcpy(r->owner, c->node->server, sizeof(r->owner));
	if (r->op == MO_SE_OP_REFRESH || r->op == MO_SE_OP_RESET)
		return DM_OK;
	if (r->op == MO_SE_OP_TRANSMIT) {
		r->slot = c->node->number;
	} else if (c->kind == MO_SE_PACKAGE) {
		r->slot = CONTENT_PACKAGE_SLOT + c->node->number;
	} else if (r->op == MO_SE_OP_RESUME || r->op == MO_SE_OP_ROLL_BACK) {
		if (!last || !last->job || last->group)
			return DM_CONFLICT;
		if (strcmp(last->server, r->server) != 0)
			return DM_DENIED;
		r->slot = last->slot;
	} else {
		r->slot = se_batch_slot(m, r->server);
		if (r->slot == JOB_SLOT_NONE)
			return DM_DEVICE_FULL;
	}
	return DM_OK;
}

void se_record_before(struct dm_se *m, struct se_record *r)
{
	const struct content_package *g;
	char origin[JOB_ORIGIN_MAX];
	struct job_info info;

	se_origin(r->owner, origin);
	if (se_record_package(r)) {
		/* its jobs go when they have ended; what it says of the last one stays */
		g = content_packages_get(m->c.content->packages, origin, MODEL_OBJECT_SOFTWARE,
					 (uint16_t)(r->slot - CONTENT_PACKAGE_SLOT));
		r->before = g ? g->last.job : 0;
		r->before_run = g ? g->last.run : 0;
		return;
	}
	if (r->slot == JOB_SLOT_NONE || job_find(m->c.jobs, origin, r->slot, &info) < 0)
		return;
	r->before = info.id;
	r->before_run = info.run;
}

void se_record_started(struct dm_se *m, struct se_record *r)
{
	struct se_record *o, *next;
	struct job_info info;

	r->phase = SE_PHASE_STARTED;
	if (r->slot != JOB_SLOT_NONE)
		se_job_of(m, r, &info);
	se_record_save(m, r);
	/* of the one before it nothing is to be said any more */
	for (o = m->records; o != r; o = next) {
		next = o->next;
		if (o->phase == SE_PHASE_KNOWN && strcmp(o->carrier, r->carrier) == 0)
			se_record_drop(m, o);
	}
	m->dirty = true;
}

static int accept(struct dm_se *m, const struct dm_req *req, const struct se_carrier *c,
		  enum mo_se_op op)
{
	struct se_record *r = se_record_new(m);
	int ret;

	if (!r)
		return -ENOMEM;
	r->op = op;
	r->phase = SE_PHASE_ACCEPTED;
	strcpy(r->server, req->server);
	strcpy(r->correlator, req->correlator);
	ret = find_slot(m, c, r);
	/* only now: what was there before it at the carrier has been looked for */
	memcpy(r->carrier, c->path, sizeof(r->carrier));
	se_report_set(&r->report, SE_STATUS_QUEUED, 0, "", "");
	se_record_before(m, r);
	if (ret == DM_OK &&
	    (se_record_save(m, r) < 0 || (m->tree && dm_tree_durable(m->tree) < 0)))
		ret = DM_STORE_FAILED;
	if (ret == DM_OK)
		ret = start(m, c, r);
	if (ret != DM_OK) {
		r->slot = JOB_SLOT_NONE;
		r->job = 0;
		se_record_drop(m, r);
		return ret;
	}
	se_record_started(m, r);
	if (se_op_content(op))
		se_params_used(m, c->path);
	return DM_ACCEPTED;
}

/* ---- what is done at once
 * --------------------------------------------------------------------------- */

/* May it end, or forget, this operation? Of a script or a package the node's ACL has said so;
 * the carriers that are the card's belong to all, what runs there to who has asked for it. */
static bool of_whom(const struct dm_req *req, const struct se_carrier *c,
		    const struct se_record *r)
{
	return c->node || strcmp(r->server, req->server) == 0;
}

static int cancel(struct dm_se *m, const struct dm_req *req, const struct se_carrier *c)
{
	const struct se_record *r = se_record_busy(m, c->path);
	struct job_error err = {.code = ""};

	if (!r || !r->job)
		return DM_CONFLICT;
	if (!of_whom(req, c, r))
		return DM_DENIED;
	return se_errno_status(job_cancel(m->c.jobs, r->job, &err));
}

static int clear(struct dm_se *m, const struct dm_req *req, const struct se_carrier *c)
{
	struct job_error err = {.code = ""};
	struct se_record *r, *next;
	struct job_info info;
	int ret = 0;

	if (se_record_busy(m, c->path))
		return DM_CONFLICT;
	if (c->kind == MO_SE_SCRIPT && se_script_job(m, c, &info) == 0)
		ret = job_ack(m->c.jobs, info.id, &err);
	if (ret < 0)
		return se_errno_status(ret);
	for (r = m->records; r; r = next) {
		next = r->next;
		if (strcmp(r->carrier, c->path) != 0 || !of_whom(req, c, r))
			continue;
		if (r->phase == SE_PHASE_KNOWN) {
			se_record_drop(m, r);
			continue;
		}
		/* the alert is on its way: a repetition is one still */
		if (r->slot >= CONTENT_BATCH_SLOT && r->job && !r->group)
			job_delete(m->c.jobs, r->job, &err);
		r->job = 0;
		se_report_set(&r->report, SE_STATUS_IDLE, 0, "", "");
		se_record_save(m, r);
	}
	return DM_OK;
}

static bool repeated(const struct dm_se *m, const struct dm_req *req, const char *carrier,
		     enum mo_se_op op)
{
	const struct se_record *r = *req->correlator ? m->records : NULL;

	while (r && (r->phase == SE_PHASE_KNOWN || r->op != op ||
		     strcmp(r->correlator, req->correlator) != 0 ||
		     strcmp(r->server, req->server) != 0 || strcmp(r->carrier, carrier) != 0))
		r = r->next;
	return r != NULL;
}

/* The same of an operation whose carrier is not there any more: it was a Delete, mostly. */
static bool repeated_gone(const struct dm_se *m, const struct dm_req *req,
			  const struct dm_path *path)
{
	char carrier[SE_PATH_MAX] = "";
	size_t len = 0;

	if (path->n < 3)
		return false;
	for (unsigned int i = 0; i < path->n - 2 && len < sizeof(carrier); i++)
		len += (size_t)snprintf(carrier + len, sizeof(carrier) - len, "%s%s",
					i ? "/" : "", path->name[i]);
	if (len >= sizeof(carrier) || strcmp(path->name[path->n - 2], "Operations") != 0)
		return false;
	for (enum mo_se_op op = MO_SE_OP_NONE + 1; op < MO_SE_OPS; op++)
		if (strcmp(path->name[path->n - 1], se_op_name(op)) == 0 &&
		    repeated(m, req, carrier, op))
			return true;
	return false;
}

static size_t waiting(const struct dm_se *m, const char *server)
{
	size_t n = 0;

	for (const struct se_record *r = m->records; r; r = r->next)
		n += r->phase != SE_PHASE_KNOWN && strcmp(r->server, server) == 0;
	return n;
}

int se_exec(struct dm_se *m, const struct dm_req *req, const struct dm_path *path)
{
	enum mo_se_op op;
	struct se_where w;
	int ret = se_find(m, path, &w);

	if (ret == DM_NOT_FOUND && repeated_gone(m, req, path))
		return DM_ACCEPTED;
	if (ret != DM_OK)
		return ret;
	if (!w.mo || w.mo->id < MO_SE_EXEC)
		return DM_NOT_ALLOWED;
	op = (enum mo_se_op)(w.mo->id - MO_SE_EXEC);
	if (strlen(req->server) >= DM_SERVER_MAX ||
	    strlen(req->correlator) >= DM_CORRELATOR_MAX)
		return DM_TOO_LARGE;
	if (repeated(m, req, w.c.path, op))
		return DM_ACCEPTED;
	if (se_atomic_on(m))
		return se_atomic_add(m, req, &w.c, op);
	if (op == MO_SE_OP_CANCEL)
		return cancel(m, req, &w.c);
	if (op == MO_SE_OP_CLEAR)
		return clear(m, req, &w.c);
	if (se_record_busy(m, w.c.path))
		return DM_CONFLICT;
	if (waiting(m, req->server) >= DM_SE_RECORDS_MAX)
		return DM_DEVICE_FULL;
	return accept(m, req, &w.c, op);
}
