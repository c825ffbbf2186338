// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/content.h"
#include "job/job.h"
#include "store/store.h"

static void on_job(void *userdata, uint64_t job)
{
	struct content *c = userdata;

	content_apps_job_changed(c->apps, job);
	content_packages_job_changed(c->packages, job);
}

/* Until it was read, nothing is known of what is on it. */
static void on_se(void *ctx, uint16_t object, int32_t instance)
{
	struct content *c = ctx;
	struct model_se *se;

	(void)object;
	if (instance < 0 || !content_ses_known(c->ses, (uint16_t)instance))
		return;
	se = malloc(sizeof(*se));
	if (se && content_ses_get(c->ses, (uint16_t)instance, se) == 0)
		content_apps_snapshot(c->apps, se);
	free(se);
}

int content_new(struct content **ret, struct job_store *jobs, const char *dir, char *why)
{
	struct content *c = calloc(1, sizeof(*c));
	int r = c ? 0 : -ENOMEM;

	*why = '\0';
	if (r == 0 && dir)
		r = store_open(&c->state, dir, "content", why, CONTENT_WORDS_MAX);
	if (r == 0)
		r = content_ses_new(&c->ses, jobs);
	if (r == 0)
		r = content_apps_new(&c->apps, jobs, c->state);
	if (r == 0)
		r = content_packages_new(&c->packages, jobs, c->apps, c->state);
	if (r == 0)
		r = content_ses_listen(c->ses, on_se, c);
	if (r == 0) {
		r = job_listen(jobs, on_job, c);
		c->jobs = r == 0 ? jobs : NULL;
	}
	if (r < 0) {
		if (!*why)
			content_words(why, "what is on the SEs cannot be kept: %s",
				      strerror(-r));
		content_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void content_free(struct content *c)
{
	if (!c)
		return;
	if (c->jobs)
		job_unlisten(c->jobs, on_job, c);
	content_packages_free(c->packages);
	content_apps_free(c->apps);
	content_ses_free(c->ses);
	store_close(c->state);
	free(c);
}

int content_listen(struct content *c, content_fn fn, void *ctx)
{
	int r = content_ses_listen(c->ses, fn, ctx);

	if (r == 0)
		r = content_apps_listen(c->apps, fn, ctx);
	if (r == 0)
		r = content_packages_listen(c->packages, fn, ctx);
	if (r < 0)
		content_unlisten(c, fn, ctx);
	return r;
}

void content_unlisten(struct content *c, content_fn fn, void *ctx)
{
	content_ses_unlisten(c->ses, fn, ctx);
	content_apps_unlisten(c->apps, fn, ctx);
	content_packages_unlisten(c->packages, fn, ctx);
}
