/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on the secure elements and what is done to it, as every front end needs
 * it. One for a process: front ends get it from their owner, ask its parts, listen,
 * and never know each other.
 *
 *   ses.h       the SEs as they are
 *   apps.h      their registries: security domains, applications, load files
 *   ops.h       what an origin does to them, as jobs
 *   packages.h  packages that come in pieces and are installed
 *
 * An origin is whoever asks, whole, as in jobs and policies: "lwm2m:NAME",
 * "dm:NAME". Not thread safe; belongs to the owner's loop.
 */
#ifndef SESAME_CONTENT_H
#define SESAME_CONTENT_H

#include "content/apps.h"
#include "content/ops.h"
#include "content/packages.h"
#include "content/ses.h"

struct job_store;
struct store;

/** struct content - its parts, none of which is NULL but @state */
struct content {
	struct job_store *jobs;
	struct store *state; /* DIR/content.db; NULL: in memory only */
	struct content_ses *ses;
	struct content_apps *apps;
	struct content_packages *packages;
};

/**
 * content_new() - all parts, each told of what the others do and of jobs that end
 * @dir: where content.db lies; NULL: what is known ends with the process
 * @why: what is wrong, CONTENT_WORDS_MAX bytes
 *
 * It listens to @jobs: make it before whoever wants to find what a job changed when
 * told of its end. Return: 0, -ENOMEM, or what store_open() said.
 */
int content_new(struct content **ret, struct job_store *jobs, const char *dir, char *why);
/** content_free() - while @jobs is still there, which is not dispatched any more. */
void content_free(struct content *c);

/** content_listen() - to all parts. 0 or -ENOSPC. */
int content_listen(struct content *c, content_fn fn, void *ctx);
void content_unlisten(struct content *c, content_fn fn, void *ctx);

#endif /* SESAME_CONTENT_H */
