// SPDX-License-Identifier: Apache-2.0
/* Which nodes the Secure Element MO has: SEs, scripts, packages, entries of registries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"
#include "libse/se.h"

void se_origin(const char *server, char origin[JOB_ORIGIN_MAX])
{
	snprintf(origin, JOB_ORIGIN_MAX, "dm:%s", server);
}

/* ---- entries -------------------------------------------------------------------------------
 */

static const char issuer[] = "Issuer";

static unsigned int kinds_of(unsigned int id)
{
	switch (id) {
	case MO_SE_DOMAINS:
	case MO_SE_DOMAIN:
		return 1U << GP_KIND_ISD | 1U << GP_KIND_SSD;
	case MO_SE_FILES:
	case MO_SE_FILE:
		return 1U << GP_KIND_ELF;
	default:
		return 1U << GP_KIND_APP;
	}
}

static void entry_name(const struct gp_entry *e, char name[DM_SEGMENT_MAX + 1])
{
	if (e->kind == GP_KIND_ISD)
		memcpy(name, issuer, sizeof(issuer));
	else
		se_to_hex(name, e->aid.bytes, e->aid.len);
}

/* the entry of this name among @kinds on @se, or -1 */
static int32_t entry_find(const struct dm_se *m, uint16_t se, unsigned int kinds,
			  const char *name)
{
	uint16_t ids[CONTENT_APPS_MAX];
	size_t n = content_apps_list_se(m->c.content->apps, se, kinds, ids, CONTENT_APPS_MAX);
	char have[DM_SEGMENT_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		const struct content_app *app = content_apps_get(m->c.content->apps, ids[i]);

		if (!app || app->gone)
			continue;
		entry_name(&app->entry, have);
		if (strcmp(have, name) == 0)
			return ids[i];
	}
	return -1;
}

/* ---- from a path to what it stands for
 * ------------------------------------------------------- */

static bool carrier_id(unsigned int id)
{
	return id >= MO_SE_INSTANCE && id <= MO_SE_APP;
}

/* @name is a new segment of the carrier's path */
static int push(struct se_carrier *c, const char *name)
{
	size_t at = strlen(c->path), len = strlen(name);

	if (at + len + 2 > sizeof(c->path))
		return DM_NOT_FOUND;
	if (at)
		c->path[at++] = '/';
	memcpy(c->path + at, name, len + 1);
	return DM_OK;
}

static int find_instance(struct dm_se *m, struct se_carrier *c, const char *name)
{
	int32_t se = content_ses_find(m->c.content->ses, name);
	const struct content_app *isd;

	if (se < 0 || strlen(name) >= sizeof(c->se_name))
		return DM_NOT_FOUND;
	c->se = (uint16_t)se;
	strcpy(c->se_name, name);
	isd = content_apps_issuer(m->c.content->apps, c->se);
	c->app = isd ? isd->id : UINT16_MAX;
	return DM_OK;
}

/* @name: the last segment of the carrier's path, @id: what it is to be */
static int find_carrier(struct dm_se *m, struct se_carrier *c, unsigned int id,
			const char *name)
{
	int32_t app;

	c->kind = (enum mo_se_id)id;
	switch (id) {
	case MO_SE_INSTANCE:
		return find_instance(m, c, name);
	case MO_SE_SCRIPT:
	case MO_SE_PACKAGE:
		c->node = se_node_find(m, c->path);
		return c->node ? DM_OK : DM_NOT_FOUND;
	default:
		app = entry_find(m, c->se, kinds_of(id), name);
		c->app = (uint16_t)app;
		return app < 0 ? DM_NOT_FOUND : DM_OK;
	}
}

static int walk(struct dm_se *m, const char *const *names, unsigned int n, struct se_where *w)
{
	int ret = DM_OK;

	memset(w, 0, sizeof(*w));
	for (unsigned int i = 0; i < n && ret == DM_OK; i++) {
		w->mo = i == 0 ? mo_se.root : mo_child(w->mo, names[i]);
		if (!w->mo)
			return DM_NOT_FOUND;
		/* below a carrier's own node its path does not go on, but for other carriers */
		if (carrier_id(w->mo->id) || (w->mo->nr && !w->mo->children[0].name) ||
		    strcmp(names[i], "Inventory") == 0) {
			ret = push(&w->c, names[i]);
			if (ret == DM_OK && carrier_id(w->mo->id))
				ret = find_carrier(m, &w->c, w->mo->id, names[i]);
			else
				w->c.kind = MO_SE_NOTHING;
		}
	}
	return ret;
}

int se_find(struct dm_se *m, const struct dm_path *path, struct se_where *w)
{
	return walk(m, path->name, path->n, w);
}

int se_carrier_find(struct dm_se *m, const char *carrier, struct se_carrier *c)
{
	const char *names[DM_DEPTH_MAX];
	struct se_where w;
	unsigned int n = 0;
	char *copy = strdup(carrier), *save = NULL;
	int ret;

	if (!copy)
		return DM_FAILED;
	for (char *s = strtok_r(copy, "/", &save); s && n < DM_DEPTH_MAX;
	     s = strtok_r(NULL, "/", &save))
		names[n++] = s;
	ret = walk(m, names, n, &w);
	free(copy);
	if (ret == DM_OK && w.c.kind == MO_SE_NOTHING)
		ret = DM_NOT_FOUND;
	*c = w.c;
	return ret;
}

/* ---- children, by rising name where they come and go
 * ------------------------------------------ */

struct lowest {
	const char *after;
	char name[DM_SEGMENT_MAX + 1];
};

static void offer(struct lowest *l, const char *name)
{
	if (strcmp(name, l->after) > 0 && (!l->name[0] || strcmp(name, l->name) < 0))
		snprintf(l->name, sizeof(l->name), "%s", name);
}

static void offer_ses(struct dm_se *m, struct lowest *l)
{
	uint16_t ids[CONTENT_SES_MAX];
	size_t n = content_ses_list(m->c.content->ses, ids, CONTENT_SES_MAX);
	struct job_se_info info;

	for (size_t i = 0; i < n; i++)
		if (job_se_get(m->c.jobs, ids[i], &info) == 0)
			offer(l, info.name);
}

static void offer_nodes(struct dm_se *m, const char *dir, struct lowest *l)
{
	size_t len = strlen(dir);

	for (const struct se_node *n = m->nodes; n; n = n->next)
		if (strncmp(n->carrier, dir, len) == 0 && n->carrier[len] == '/')
			offer(l, n->carrier + len + 1);
}

static void offer_entries(struct dm_se *m, const struct se_where *w, struct lowest *l)
{
	uint16_t ids[CONTENT_APPS_MAX];
	size_t n = content_apps_list_se(m->c.content->apps, w->c.se, kinds_of(w->mo->id), ids,
					CONTENT_APPS_MAX);
	char name[DM_SEGMENT_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		const struct content_app *app = content_apps_get(m->c.content->apps, ids[i]);

		if (!app || app->gone)
			continue;
		entry_name(&app->entry, name);
		offer(l, name);
	}
}

static bool is_there(struct dm_se *m, const struct se_where *parent, const struct mo_node *mo)
{
	struct se_where w = *parent;
	struct model_buf b = {.max = 65536};
	int ret;

	if (mo->occurs != MO_ZERO_OR_ONE)
		return true;
	w.mo = mo;
	ret = se_value_of(m, &w, &b);
	model_buf_free(&b);
	return ret == DM_OK;
}

static int next_static(struct dm_se *m, const struct se_where *w, const char *after,
		       char name[DM_SEGMENT_MAX + 1])
{
	bool past = !*after;

	for (size_t i = 0; i < w->mo->nr; i++) {
		const struct mo_node *mo = &w->mo->children[i];

		if (past && is_there(m, w, mo)) {
			snprintf(name, DM_SEGMENT_MAX + 1, "%s", mo->name);
			return DM_OK;
		}
		past = past || strcmp(mo->name, after) == 0;
	}
	return 0;
}

int se_next(struct dm_se *m, const struct dm_path *dir, const char *after,
	    char name[DM_SEGMENT_MAX + 1])
{
	struct lowest l = {.after = after};
	struct se_where w;
	int ret = se_find(m, dir, &w);

	if (ret != DM_OK)
		return 0;
	if (!w.mo)
		offer_ses(m, &l);
	else if (w.mo->id == MO_SE_SCRIPTS || w.mo->id == MO_SE_PACKAGES)
		offer_nodes(m, w.c.path, &l);
	else if (w.mo->id >= MO_SE_DOMAINS && w.mo->id <= MO_SE_APPS)
		offer_entries(m, &w, &l);
	else
		return next_static(m, &w, after, name);
	memcpy(name, l.name, sizeof(l.name));
	return l.name[0] ? DM_OK : 0;
}

/* ---- entries that vanish
 * ----------------------------------------------------------------------- */

struct se_known {
	struct se_known *next;
	char path[SE_PATH_MAX];
};

static const char *dir_of(enum gp_kind kind)
{
	return kind == GP_KIND_ELF   ? "LoadFile"
	       : kind == GP_KIND_APP ? "Application"
				     : "SecurityDomain";
}

static bool knows(const struct se_known *k, const char *path)
{
	while (k && strcmp(k->path, path) != 0)
		k = k->next;
	return k != NULL;
}

void se_known_forget(struct dm_se *m)
{
	struct se_known *k;

	while ((k = m->known)) {
		m->known = k->next;
		free(k);
	}
}

/* Whoever has the name next has none of the rights that were given for the former. */
static void drop_vanished(struct dm_se *m)
{
	char uri[DM_URI_MAX + 1];
	struct se_carrier c;

	for (struct se_known **at = &m->known; *at;) {
		struct se_known *k = *at;
		char se[JOB_SE_MAX];

		snprintf(se, sizeof(se), "%.*s", (int)strcspn(k->path, "/"), k->path);
		/* an SE that is away comes back with what is on it */
		if (content_ses_find(m->c.content->ses, se) < 0 ||
		    se_carrier_find(m, k->path, &c) == DM_OK) {
			at = &k->next;
			continue;
		}
		snprintf(uri, sizeof(uri), DM_SE_ROOT "/%s", k->path);
		dm_tree_gone(m->tree, uri);
		*at = k->next;
		free(k);
	}
}

void se_known_update(struct dm_se *m)
{
	uint16_t ids[CONTENT_APPS_MAX];
	size_t n = content_apps_list(m->c.content->apps, ids, CONTENT_APPS_MAX);
	char name[DM_SEGMENT_MAX + 1];
	struct job_se_info info;

	if (!m->tree)
		return;
	drop_vanished(m);
	for (size_t i = 0; i < n; i++) {
		const struct content_app *app = content_apps_get(m->c.content->apps, ids[i]);
		struct se_known *k = app && !app->gone ? calloc(1, sizeof(*k)) : NULL;

		if (!k)
			continue;
		entry_name(&app->entry, name);
		if (job_se_get(m->c.jobs, app->se, &info) < 0 ||
		    snprintf(k->path, sizeof(k->path), "%s/Inventory/%s/%s", info.name,
			     dir_of(app->entry.kind), name) >= (int)sizeof(k->path) ||
		    knows(m->known, k->path)) {
			free(k);
			continue;
		}
		k->next = m->known;
		m->known = k;
	}
}
