/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the packages share. */
#ifndef SESAME_CONTENT_PACKAGES_PRIV_H
#define SESAME_CONTENT_PACKAGES_PRIV_H

#include "content/apps-priv.h"
#include "content/packages.h"

struct package {
	struct content_package p;
	char *origin;
	uint64_t synced; /* bytes that are on the disk for certain */
};

struct content_packages {
	struct job_store *store;
	struct content_apps *apps;
	struct store *state;
	struct content_listeners listeners;
	struct package *v[CONTENT_PACKAGES_MAX];
	size_t n;
};

/* packages-file.c */
/** package_open() - its file; -errno. */
int package_open(const struct content_packages *ps, const struct package *g, int flags);
void package_unlink(const struct content_packages *ps, const struct package *g);
/** package_look() - what the whole file is: kind, name, version, AIDs.
 * 0, -EBADMSG (damaged), -EOPNOTSUPP, or what reading said; @g->p.reason has words. */
int package_look(const struct content_packages *ps, struct package *g);

/* packages-state.c */
int package_save(const struct content_packages *ps, const struct package *g);
void package_forget(const struct content_packages *ps, const struct package *g);
int packages_load(struct content_packages *ps);

/* packages-run.c */
int64_t package_slot(const struct package *g);
/** package_run() - make the job for @op and queue it. */
int package_run(struct content_packages *ps, struct package *g, enum content_package_op op,
		char *words);
/** package_told() - what @info says of the operation that is under way, or has ended. */
void package_told(struct package *g, const struct job_info *info);
/** package_ended() - the job of what is under way has ended so. */
void package_ended(struct content_packages *ps, struct package *g, const struct job_info *info);

#endif /* SESAME_CONTENT_PACKAGES_PRIV_H */
