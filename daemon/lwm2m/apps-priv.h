/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the applications share. */
#ifndef SESAME_LWM2M_APPS_PRIV_H
#define SESAME_LWM2M_APPS_PRIV_H

#include "job/job.h"
#include "lwm2m/apps.h"
#include "lwm2m/internal.h"

/* an SE by its name: its number moves when another one goes */
struct apps_se {
	char name[JOB_SE_MAX];	     /* empty: unused */
	bool read;		     /* with keys, at least once */
	char server[JOB_ORIGIN_MAX]; /* who gave the key set below; empty: nobody */
	char keyset[JOB_KEYSET_MAX]; /* to read the registry with */
	struct gp_aid sd;
	bool seen;		       /* since this process began */
	bool again;		       /* asked for while it was being read */
	char why[JOB_DETAIL_MAX + 64]; /* it could not be read; empty: it could */
	uint64_t ended;		       /* job whose end was looked at last, */
	uint32_t ended_run;	       /* … and its run */
};

/* an instance; @at: index into lwm2m_apps.se */
struct apps_entry {
	struct lwm2m_app app;
	size_t at;
};

struct lwm2m_apps {
	struct job_store *store;
	struct store *state;
	void (*changed)(void *ctx, int32_t instance);
	void *ctx;
	struct apps_se se[LWM2M_SES_MAX];
	struct apps_entry *v[LWM2M_APPS_MAX]; /* by rising id */
	size_t n;
	struct lwm2m_appops *ops;
};

/** appops_free() - all servers' operations, and what they have prepared. */
void appops_free(struct lwm2m_apps *a);
/** apps_find() - entry @id, or NULL. */
struct apps_entry *apps_find(const struct lwm2m_apps *a, uint16_t id);
/** apps_isd() - the issuer's domain of the SE that @e is on; never NULL. */
struct apps_entry *apps_isd(const struct lwm2m_apps *a, const struct apps_entry *e);
/** apps_drop_gone() - entries that are on no card and that no job is about. */
void apps_drop_gone(struct lwm2m_apps *a);
/** apps_save() - what is known of se[@at] into the state. 0 or -errno. */
int apps_save(struct lwm2m_apps *a, size_t at);
/** apps_load() - the reverse for all SEs; what is not understood is dropped. */
int apps_load(struct lwm2m_apps *a);
/** apps_add() - entry for se[@at] with number @id, -1: the lowest free one; NULL: full. */
struct apps_entry *apps_add(struct lwm2m_apps *a, size_t at, int32_t id);

struct gp_plan;
/** apps_run_plan() - a plan as job of @origin in @slot; 0 or -errno with @words. */
int apps_run_plan(struct job_store *store, const char *origin, int64_t slot, const char *se,
		  const struct gp_plan *plan, char *words);

#endif /* SESAME_LWM2M_APPS_PRIV_H */
