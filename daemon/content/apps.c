// SPDX-License-Identifier: Apache-2.0
/* The applications on the secure elements: entries, their numbers, reading them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/apps-priv.h"
#include "gp/cmd.h"
#include "gp/plan.h"
#include "gp/view.h"

#define RESULT_MAX (1U << 20) /* a listing as JSON; a card has at most some hundred entries */

/* ---- entries --------------------------------------------------------------------- */

struct apps_entry *apps_find(const struct content_apps *a, uint16_t id)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i]->app.id == id)
			return a->v[i];
	return NULL;
}

struct apps_entry *apps_isd(const struct content_apps *a, const struct apps_entry *e)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i]->at == e->at && a->v[i]->app.entry.kind == GP_KIND_ISD)
			return a->v[i];
	return (struct apps_entry *)(uintptr_t)e;
}

static void tell(struct content_apps *a, int32_t instance)
{
	content_listeners_tell(&a->listeners, MODEL_OBJECT_APP, instance);
}

struct apps_entry *apps_add(struct content_apps *a, size_t at, int32_t id)
{
	struct apps_entry *e;
	size_t i = 0;

	if (a->n == CONTENT_APPS_MAX)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	if (id < 0)
		for (id = 0; i < a->n && a->v[i]->app.id == id; i++)
			id++;
	else
		while (i < a->n && a->v[i]->app.id < id)
			i++;
	memmove(a->v + i + 1, a->v + i, (a->n - i) * sizeof(*a->v));
	a->v[i] = e;
	a->n++;
	e->app.id = (uint16_t)id;
	e->at = at;
	return e;
}

static void remove_at(struct content_apps *a, size_t i)
{
	free(a->v[i]->app.entry.modules);
	free(a->v[i]);
	a->n--;
	memmove(a->v + i, a->v + i + 1, (a->n - i) * sizeof(*a->v));
}

static bool same(const struct gp_entry *a, const struct gp_entry *b)
{
	if (a->kind != b->kind || a->told != b->told || a->state != b->state ||
	    a->privileges != b->privileges || a->version_len != b->version_len ||
	    a->nr_modules != b->nr_modules || !gp_aid_equal(&a->aid, &b->aid) ||
	    !gp_aid_equal(&a->sd, &b->sd) || !gp_aid_equal(&a->elf, &b->elf) ||
	    memcmp(a->version, b->version, a->version_len) != 0)
		return false;
	for (size_t i = 0; i < a->nr_modules; i++)
		if (!gp_aid_equal(&a->modules[i], &b->modules[i]))
			return false;
	return true;
}

static struct apps_entry *entry_of(const struct content_apps *a, size_t at,
				   const struct gp_entry *g)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct gp_entry *have = &a->v[i]->app.entry;

		if (a->v[i]->at != at)
			continue;
		/* the issuer's domain is there before anybody tells its AID */
		if (have->kind == GP_KIND_ISD ? g->kind == GP_KIND_ISD
					      : gp_aid_equal(&have->aid, &g->aid))
			return a->v[i];
	}
	return NULL;
}

static int has_job(void *userdata, const struct job_info *info)
{
	const uint16_t *id = userdata;

	return info->slot == CONTENT_APP_SLOT + *id;
}

void apps_drop_gone(struct content_apps *a)
{
	uint32_t kept = 0; /* SEs whose state has to be kept anew */

	for (size_t i = a->n; i-- > 0;) {
		if (!a->v[i]->app.gone ||
		    job_list(a->store, NULL, has_job, &a->v[i]->app.id) != 0)
			continue;
		kept |= 1U << a->v[i]->at;
		remove_at(a, i);
	}
	if (!kept)
		return;
	for (size_t at = 0; at < CONTENT_SES_MAX; at++)
		if (kept >> at & 1)
			apps_save(a, at);
	tell(a, -1);
}

/* The modules of @from go to @to. */
static void move_entry(struct gp_entry *to, struct gp_entry *from)
{
	free(to->modules);
	*to = *from;
	from->modules = NULL;
	from->nr_modules = 0;
}

/* se[@at] has just this registry; its entries are moved out */
static int take_registry(struct content_apps *a, size_t at, struct gp_registry *reg)
{
	bool members = false;
	struct apps_entry *e;
	int ret = 0;

	/* first what is gone, so that its numbers are free only when nobody holds them */
	for (size_t i = 0; i < a->n; i++) {
		bool there = false;

		e = a->v[i];
		if (e->at != at || e->app.entry.kind == GP_KIND_ISD)
			continue;
		for (size_t k = 0; k < reg->n && !there; k++)
			there = reg->entries[k].kind != GP_KIND_ISD &&
				gp_aid_equal(&reg->entries[k].aid, &e->app.entry.aid);
		if (there == e->app.gone)
			tell(a, e->app.id);
		e->app.gone = !there;
	}
	apps_drop_gone(a);
	for (size_t k = 0; k < reg->n; k++) {
		e = entry_of(a, at, &reg->entries[k]);
		if (e && same(&e->app.entry, &reg->entries[k]))
			continue;
		if (!e) {
			e = apps_add(a, at, -1);
			members = true;
		}
		if (!e) {
			ret = -ENOSPC;
			continue;
		}
		move_entry(&e->app.entry, &reg->entries[k]);
		tell(a, e->app.id);
	}
	if (members)
		tell(a, -1);
	return ret;
}

/* ---- SEs --------------------------------------------------------------------------- */

static int32_t se_number(const struct content_apps *a, const char *name)
{
	struct job_se_info info;

	for (uint16_t i = 0; i < CONTENT_SES_MAX && job_se_get(a->store, i, &info) == 0; i++)
		if (strcmp(info.name, name) == 0)
			return i;
	return -1;
}

/* where @name is kept, made if need be; -ENOSPC */
static int se_at(struct content_apps *a, const char *name)
{
	struct apps_entry *e;
	int unused = -1;

	for (int i = CONTENT_SES_MAX - 1; i >= 0; i--) {
		if (strcmp(a->se[i].name, name) == 0)
			return i;
		if (!a->se[i].name[0])
			unused = i;
	}
	if (unused < 0)
		return -ENOSPC;
	/* every card has an issuer's domain, whatever it tells */
	e = apps_add(a, (size_t)unused, -1);
	if (!e)
		return -ENOSPC;
	e->app.entry.kind = GP_KIND_ISD;
	snprintf(a->se[unused].name, sizeof(a->se[unused].name), "%s", name);
	tell(a, -1);
	return unused;
}

static int se_at_number(struct content_apps *a, uint16_t se)
{
	struct job_se_info info;

	return job_se_get(a->store, se, &info) < 0 ? -ENOENT : se_at(a, info.name);
}

/* ---- reading the registry ------------------------------------------------------------ */

static bool listing(const struct content_apps *a, size_t at, struct job_info *info)
{
	return a->se[at].origin[0] &&
	       job_find(a->store, a->se[at].origin, CONTENT_LIST_SLOT + (int64_t)at, info) == 0;
}

static bool reading(const struct content_apps *a, size_t at)
{
	struct job_info info;

	return listing(a, at, &info) && (info.state == JOB_QUEUED || info.state == JOB_RUNNING);
}

/* Of a former process: what it has read nobody took, and it is read anew in any case. */
static void drop_listings(struct content_apps *a)
{
	struct job_info info;

	for (size_t at = 0; at < CONTENT_SES_MAX; at++)
		if (listing(a, at, &info) && !reading(a, at))
			job_delete(a->store, info.id, &(struct job_error){0});
}

/* queue the job that reads the registry of se[@at] */
static int read_registry(struct content_apps *a, size_t at)
{
	struct apps_se *s = &a->se[at];
	char words[CONTENT_WORDS_MAX] = "";
	int64_t slot = CONTENT_LIST_SLOT + (int64_t)at;
	struct gp_plan *plan;
	int ret;

	if (!s->origin[0])
		return -ENOKEY;
	if (reading(a, at)) {
		s->again = true;
		return 0;
	}
	plan = gp_plan_new();
	if (!plan)
		return -ENOMEM;
	snprintf(plan->name, sizeof(plan->name), "registry");
	ret = gp_plan_session(plan, &s->sd, s->keyset);
	if (ret >= 0)
		ret = gp_plan_add(plan, GP_OP_LIST, 0) ? 0 : -ENOMEM;
	if (ret == 0)
		ret = apps_run_plan(a->store, s->origin, slot, s->name, plan, NULL, words);
	gp_plan_free(plan);
	snprintf(s->why, sizeof(s->why), "%s", ret < 0 ? words : "");
	tell(a, apps_isd(a, &(struct apps_entry){.at = at})->app.id);
	return ret;
}

static int read_result(struct content_apps *a, uint64_t job, uint64_t len, char **text)
{
	uint64_t got = 0;
	ssize_t n;

	if (len > RESULT_MAX)
		return -ENOSPC;
	*text = malloc((size_t)len + 1);
	if (!*text)
		return -ENOMEM;
	while (got < len) {
		n = job_result_read(a->store, job, got, *text + got, (size_t)(len - got));
		if (n <= 0)
			break;
		got += (uint64_t)n;
	}
	(*text)[got] = '\0';
	return got == len ? 0 : -EIO;
}

/* The first step's data are the listing (gp/run.h). */
static int take_listing(struct content_apps *a, size_t at, const struct job_info *info)
{
	sd_json_variant *json = NULL, *v;
	struct gp_registry reg = {0};
	char *text = NULL;
	int ret = read_result(a, info->id, info->result_len, &text);

	if (ret == 0)
		ret = sd_json_parse(text, 0, &json, NULL, NULL);
	free(text);
	v = ret >= 0 ? sd_json_variant_by_key(json, "steps") : NULL;
	v = v && sd_json_variant_elements(v) > 0 ? sd_json_variant_by_index(v, 0) : NULL;
	v = v ? sd_json_variant_by_key(v, "data") : NULL;
	if (ret >= 0)
		ret = v ? gp_registry_from_json(&reg, v) : -EBADMSG;
	if (ret == 0)
		ret = take_registry(a, at, &reg);
	gp_registry_clear(&reg);
	sd_json_variant_unref(json);
	return ret;
}

static void listing_ended(struct content_apps *a, size_t at, const struct job_info *info)
{
	struct apps_se *s = &a->se[at];
	int ret = 0;

	if (info->state == JOB_DONE) {
		ret = take_listing(a, at, info);
		s->read = s->read || ret == 0;
		snprintf(s->why, sizeof(s->why), "%s",
			 ret < 0 ? "the registry is not understood, or too long" : "");
	} else {
		snprintf(s->why, sizeof(s->why), "the registry could not be read: %s",
			 info->detail);
	}
	job_delete(a->store, info->id, &(struct job_error){0});
	apps_save(a, at);
	tell(a, apps_isd(a, &(struct apps_entry){.at = at})->app.id);
	if (s->again) {
		s->again = false;
		read_registry(a, at);
	}
}

void content_apps_job_changed(struct content_apps *a, uint64_t job)
{
	struct job_info info;
	struct apps_se *s;
	int at;

	if (job_get(a->store, job, &info) < 0 || !*info.params.se)
		return;
	if (info.slot >= CONTENT_APP_SLOT && info.slot < CONTENT_APP_SLOT + UINT16_MAX)
		tell(a, (int32_t)(info.slot - CONTENT_APP_SLOT));
	at = se_at(a, info.params.se);
	if (at < 0 || info.state <= JOB_RUNNING)
		return;
	s = &a->se[at];
	if (info.slot == CONTENT_LIST_SLOT + at) {
		listing_ended(a, (size_t)at, &info);
		return;
	}
	/* whoever it was: what is on the card may have changed. Once for each end. */
	if (info.params.kind != JOB_PLAN || info.executed == 0 ||
	    (s->ended == job && s->ended_run == info.run))
		return;
	s->ended = job;
	s->ended_run = info.run;
	read_registry(a, (size_t)at);
}

/* ---- what anybody is told -------------------------------------------------------------- */

int content_apps_snapshot(struct content_apps *a, const struct model_se *snapshot)
{
	struct gp_registry reg = {0};
	int ret = 0, at = se_at(a, snapshot->id);

	if (at < 0)
		return at;
	/* what changed it while nobody looked, or ended then, is not known */
	if (!a->se[at].seen) {
		a->se[at].seen = true;
		read_registry(a, (size_t)at);
	}
	/* keys show more than this ever does */
	if (a->se[at].read)
		return 0;
	for (size_t i = 0; i < snapshot->nr_apps && ret >= 0; i++)
		ret = gp_registry_take(&reg, GP_LIST_APPS, snapshot->apps[i].record,
				       snapshot->apps[i].len, NULL);
	if (ret >= 0)
		ret = take_registry(a, (size_t)at, &reg);
	gp_registry_clear(&reg);
	return ret < 0 ? ret : 0;
}

int content_apps_reader(struct content_apps *a, uint16_t se, const char *origin,
			const char *keyset, const struct gp_aid *sd)
{
	int at = se_at_number(a, se);
	struct apps_se *s;

	if (at < 0)
		return at;
	s = &a->se[at];
	if (strlen(origin) >= sizeof(s->origin) || strlen(keyset) >= sizeof(s->keyset))
		return -EINVAL;
	snprintf(s->origin, sizeof(s->origin), "%s", *keyset ? origin : "");
	snprintf(s->keyset, sizeof(s->keyset), "%s", keyset);
	s->sd = *sd;
	return apps_save(a, (size_t)at);
}

int content_apps_refresh(struct content_apps *a, uint16_t se)
{
	int at = se_at_number(a, se);

	return at < 0 ? at : read_registry(a, (size_t)at);
}

bool content_apps_reading(const struct content_apps *a, uint16_t se)
{
	struct job_info info;

	/* also one that has ended, until its result was taken */
	for (size_t at = 0; at < CONTENT_SES_MAX; at++)
		if (a->se[at].name[0] && se_number(a, a->se[at].name) == se)
			return listing(a, at, &info);
	return false;
}

/* ---- asking ------------------------------------------------------------------------------ */

size_t content_apps_list(const struct content_apps *a, uint16_t *ids, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n && n < room; i++)
		if (se_number(a, a->se[a->v[i]->at].name) >= 0)
			ids[n++] = a->v[i]->app.id;
	return n;
}

size_t content_apps_list_se(const struct content_apps *a, uint16_t se, unsigned int kinds,
			    uint16_t *ids, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n && n < room; i++)
		if (kinds >> a->v[i]->app.entry.kind & 1 &&
		    se_number(a, a->se[a->v[i]->at].name) == se)
			ids[n++] = a->v[i]->app.id;
	return n;
}

const struct content_app *content_apps_get(const struct content_apps *a, uint16_t id)
{
	struct apps_entry *e = apps_find(a, id);
	int32_t se = e ? se_number(a, a->se[e->at].name) : -1;

	if (se < 0)
		return NULL;
	e->app.se = (uint16_t)se;
	return &e->app;
}

const struct content_app *content_apps_find(const struct content_apps *a, uint16_t se,
					    const struct gp_aid *aid)
{
	const struct content_app *app;

	for (size_t i = 0; i < a->n; i++) {
		app = content_apps_get(a, a->v[i]->app.id);
		if (app && app->se == se && aid->len && gp_aid_equal(&app->entry.aid, aid))
			return app;
	}
	return NULL;
}

const struct content_app *content_apps_issuer(const struct content_apps *a, uint16_t se)
{
	uint16_t id;

	return content_apps_list_se(a, se, 1U << GP_KIND_ISD, &id, 1) == 1
		       ? content_apps_get(a, id)
		       : NULL;
}

const char *content_apps_why(const struct content_apps *a, uint16_t id)
{
	struct apps_entry *e = apps_find(a, id);

	return e ? a->se[e->at].why : "";
}

int content_apps_listen(struct content_apps *a, content_fn fn, void *ctx)
{
	return content_listeners_add(&a->listeners, fn, ctx);
}

void content_apps_unlisten(struct content_apps *a, content_fn fn, void *ctx)
{
	content_listeners_remove(&a->listeners, fn, ctx);
}

/* ---- life ----------------------------------------------------------------------------------
 */

int content_apps_new(struct content_apps **ret, struct job_store *store, struct store *state)
{
	struct content_apps *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->store = store;
	a->state = state;
	err = apps_load(a);
	if (err < 0) {
		content_apps_free(a);
		return err;
	}
	drop_listings(a);
	*ret = a;
	return 0;
}

void content_apps_free(struct content_apps *a)
{
	if (!a)
		return;
	content_ops_free(a);
	while (a->n > 0)
		remove_at(a, a->n - 1);
	free(a);
}
