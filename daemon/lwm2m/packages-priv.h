/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the packages share. */
#ifndef SESAME_LWM2M_PACKAGES_PRIV_H
#define SESAME_LWM2M_PACKAGES_PRIV_H

#include "job/job.h"
#include "lwm2m/internal.h"
#include "lwm2m/packages.h"

struct package {
	struct lwm2m_package p;
	char *server;
	uint64_t synced; /* bytes that are on the disk for certain */
};

struct lwm2m_packages {
	struct job_store *store;
	struct lwm2m_apps *apps;
	struct store *state;
	void (*changed)(void *ctx, uint16_t object, int32_t instance);
	void *ctx;
	struct package *v[LWM2M_PACKAGES_MAX];
	size_t n;
};

/* packages-file.c */
/** package_open() - its file; -errno. */
int package_open(const struct lwm2m_packages *ps, const struct package *g, int flags);
void package_unlink(const struct lwm2m_packages *ps, const struct package *g);
/** package_look() - what the whole file is: kind, name, version, AIDs.
 * 0, -EBADMSG (damaged), -EOPNOTSUPP, or what reading said; @g->p.reason has words. */
int package_look(const struct lwm2m_packages *ps, struct package *g);

/* packages-state.c */
int package_save(const struct lwm2m_packages *ps, const struct package *g);
void package_forget(const struct lwm2m_packages *ps, const struct package *g);
int packages_load(struct lwm2m_packages *ps);

/* packages-run.c */
int64_t package_slot(const struct package *g);
void package_origin(const struct package *g, char origin[JOB_ORIGIN_MAX]);
/** package_run() - make the job for @op and queue it. */
int package_run(struct lwm2m_packages *ps, struct package *g, enum lwm2m_package_op op,
		char *words);
/** package_ended() - the job of what is under way has ended so. */
void package_ended(struct lwm2m_packages *ps, struct package *g, const struct job_info *info);

#endif /* SESAME_LWM2M_PACKAGES_PRIV_H */
