/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the applications share. */
#ifndef SESAME_CONTENT_APPS_PRIV_H
#define SESAME_CONTENT_APPS_PRIV_H

#include "content/ops.h"
#include "content/ses.h"
#include "job/job.h"
#include "store/store.h"

/* content.db: who owns the bytes. The numbers are in files: never change them. */
enum content_kind {
	CONTENT_KIND_APPS = 1, /* apps-state.c: registries; key: name of the SE */
	CONTENT_KIND_KEYS,     /* apps-ops.c: key set names; key: entry, two bytes, origin */
	CONTENT_KIND_PACKAGES, /* packages-state.c */
};

/* an SE by its name: its number moves when another one goes */
struct apps_se {
	char name[JOB_SE_MAX];	     /* empty: unused */
	bool read;		     /* with keys, at least once */
	char origin[JOB_ORIGIN_MAX]; /* who gave the key set below; empty: nobody */
	char keyset[JOB_KEYSET_MAX]; /* to read the registry with */
	struct gp_aid sd;
	bool seen;		       /* since this process began */
	bool again;		       /* asked for while it was being read */
	char why[JOB_DETAIL_MAX + 64]; /* it could not be read; empty: it could */
	uint64_t ended;		       /* job whose end was looked at last, */
	uint32_t ended_run;	       /* … and its run */
};

/* an instance; @at: index into content_apps.se */
struct apps_entry {
	struct content_app app;
	size_t at;
};

struct content_apps {
	struct job_store *store;
	struct store *state;
	struct content_listeners listeners;
	struct apps_se se[CONTENT_SES_MAX];
	struct apps_entry *v[CONTENT_APPS_MAX]; /* by rising id */
	size_t n;
	struct content_ops *ops;
};

/* what an origin has prepared for one entry */
struct prepared {
	struct prepared *next;
	uint16_t id;
	bool keys_set;
	struct content_task op;
};

struct content_ops {
	struct content_ops *next;
	struct content_apps *apps;
	char origin[JOB_ORIGIN_MAX];
	struct prepared *prepared;
};

/** content_ops_free() - all origins' operations, and what they have prepared. */
void content_ops_free(struct content_apps *a);
/** apps_find() - entry @id, or NULL. */
struct apps_entry *apps_find(const struct content_apps *a, uint16_t id);
/** apps_isd() - the issuer's domain of the SE that @e is on; never NULL. */
struct apps_entry *apps_isd(const struct content_apps *a, const struct apps_entry *e);
/** apps_drop_gone() - entries that are on no card and that no job is about. */
void apps_drop_gone(struct content_apps *a);
/** apps_save() - what is known of se[@at] into the state. 0 or -errno. */
int apps_save(struct content_apps *a, size_t at);
/** apps_load() - the reverse for all SEs; what is not understood is dropped. */
int apps_load(struct content_apps *a);
/** apps_add() - entry for se[@at] with number @id, -1: the lowest free one; NULL: full. */
struct apps_entry *apps_add(struct content_apps *a, size_t at, int32_t id);

/** content_ops_used_up() - token and data of entry @id have been used. */
void content_ops_used_up(struct content_ops *o, uint16_t id);

struct gp_plan;
/** apps_run_plan() - a plan as job of @origin in @slot, instead of the one that ended there;
 * @job gets its id, may be NULL. 0 or -errno with @words. */
int apps_run_plan(struct job_store *store, const char *origin, int64_t slot, const char *se,
		  const struct gp_plan *plan, uint64_t *job, char *words);

#endif /* SESAME_CONTENT_APPS_PRIV_H */
