// SPDX-License-Identifier: Apache-2.0
/* The secure elements of a job store, as snapshots. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/ses.h"
#include "job/job.h"
#include "libse/se.h"

struct watched {
	struct content_ses *ses;
	uint16_t id;
	struct model_se se;
	bool probing;
	bool again; /* asked for while probing */
	bool gone;
	bool known; /* it has been read */
};

struct content_ses {
	struct job_store *store;
	struct content_listeners listeners;
	struct watched *v[CONTENT_SES_MAX];
	uint16_t n;
};

static void tell(struct content_ses *s, uint16_t id)
{
	content_listeners_tell(&s->listeners, MODEL_OBJECT_SE, id);
}

static int probe(struct watched *w);

static void probed(void *userdata, int error, struct job_probe_apdu *apdus, size_t n)
{
	struct watched *w = userdata;
	int first = 0;

	w->probing = false;
	if (error < 0) {
		snprintf(w->se.error, sizeof(w->se.error), "reading the SE failed: %s",
			 strerror(-error));
	} else {
		w->known = true;
		model_se_begin(&w->se);
		for (size_t i = 0; i < n; i++) {
			int ret = model_se_take(&w->se, apdus[i].cmd, apdus[i].cmd_len,
						apdus[i].rsp, apdus[i].rsp_len);

			if (ret < 0 && first == 0) {
				first = ret;
				snprintf(w->se.error, sizeof(w->se.error),
					 "answer to %02X%02X%02X%02X: %s", apdus[i].cmd[0],
					 apdus[i].cmd[1], apdus[i].cmd[2], apdus[i].cmd[3],
					 ret == -ENOSPC ? "more than can be shown"
							: "not understood");
			}
		}
		if (first == 0)
			w->se.error[0] = '\0';
	}
	if (w->again) {
		w->again = false;
		probe(w);
	}
	tell(w->ses, w->id);
}

static int probe(struct watched *w)
{
	const struct model_probe *p;
	struct job_probe_apdu *apdus;
	size_t n;
	int ret;

	if (w->probing) {
		w->again = true;
		return 0;
	}
	p = model_se_probes(&n);
	apdus = calloc(n, sizeof(*apdus));
	if (!apdus)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		apdus[i].cmd_len = p[i].len;
		memcpy(apdus[i].cmd, p[i].cmd, p[i].len);
	}
	ret = job_probe(w->ses->store, w->se.id, NULL, 0, apdus, n, probed, w);
	w->probing = ret == 0;
	free(apdus);
	return ret;
}

int content_ses_new(struct content_ses **ret, struct job_store *store)
{
	struct content_ses *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->store = store;
	content_ses_poll(s);
	*ret = s;
	return 0;
}

int content_ses_listen(struct content_ses *s, content_fn fn, void *ctx)
{
	return content_listeners_add(&s->listeners, fn, ctx);
}

void content_ses_unlisten(struct content_ses *s, content_fn fn, void *ctx)
{
	content_listeners_remove(&s->listeners, fn, ctx);
}

void content_ses_free(struct content_ses *s)
{
	if (!s)
		return;
	for (uint16_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s);
}

static bool take(struct watched *w, const struct job_se_info *info)
{
	struct model_se *se = &w->se;
	size_t cip_len = info->cip_len < sizeof(se->cip) ? info->cip_len : sizeof(se->cip);
	bool gone = info->error < 0;
	bool changed = se->state != info->state || se->generation != info->generation ||
		       se->cip_len != cip_len || memcmp(se->cip, info->cip, cip_len) != 0 ||
		       gone != w->gone;

	if (!changed)
		return false;
	if (gone)
		snprintf(se->error, sizeof(se->error), "the SE cannot be reached: %s",
			 strerror(-info->error));
	else if (w->gone)
		se->error[0] = '\0';
	se->state = info->state;
	se->generation = info->generation;
	se->cip_len = cip_len;
	memcpy(se->cip, info->cip, cip_len);
	w->gone = gone;
	return true;
}

void content_ses_poll(struct content_ses *s)
{
	struct job_se_info info;

	for (uint16_t i = 0; i < CONTENT_SES_MAX && job_se_get(s->store, i, &info) == 0; i++) {
		struct watched *w = i < s->n ? s->v[i] : NULL;
		/* an SE was removed and the others moved up */
		bool fresh = !w || strcmp(w->se.id, info.name) != 0;
		uint64_t generation;
		bool changed, was_gone;

		if (!w) {
			w = calloc(1, sizeof(*w));
			if (!w)
				return;
			w->ses = s;
			w->id = i;
			s->v[s->n++] = w;
		}
		if (fresh) {
			model_se_init(&w->se, info.name, info.type);
			w->known = false;
		}
		generation = w->se.generation;
		was_gone = w->gone;
		changed = take(w, &info);
		if (!w->gone && (fresh || was_gone || generation != w->se.generation))
			probe(w);
		if (changed || fresh)
			tell(s, i);
	}
}

bool content_ses_reading(const struct content_ses *s)
{
	for (uint16_t i = 0; i < s->n; i++)
		if (s->v[i]->probing)
			return true;
	return false;
}

size_t content_ses_list(struct content_ses *s, uint16_t *ids, size_t room)
{
	struct job_se_info info;
	uint16_t n = 0;

	for (; n < s->n && n < room && job_se_get(s->store, n, &info) == 0; n++)
		ids[n] = n;
	return n;
}

int content_ses_get(struct content_ses *s, uint16_t id, struct model_se *out)
{
	struct job_se_info info;

	if (id >= s->n || job_se_get(s->store, id, &info) < 0)
		return -ENOENT;
	take(s->v[id], &info);
	*out = s->v[id]->se;
	return 0;
}

bool content_ses_known(const struct content_ses *s, uint16_t id)
{
	return id < s->n && s->v[id]->known;
}

int32_t content_ses_find(struct content_ses *s, const char *name)
{
	struct job_se_info info;

	for (uint16_t i = 0; i < s->n && job_se_get(s->store, i, &info) == 0; i++)
		if (strcmp(info.name, name) == 0)
			return i;
	return -1;
}

int content_ses_refresh(struct content_ses *s, uint16_t id, char *words)
{
	int ret;

	if (id >= s->n) {
		content_words(words, "there is no SE %u", id);
		return -ENOENT;
	}
	ret = probe(s->v[id]);
	if (ret < 0)
		content_words(words, "%s cannot be read now: %s", s->v[id]->se.id,
			      strerror(-ret));
	return ret;
}

static void reset_over(void *userdata, int error, uint32_t level)
{
	struct watched *w = userdata;

	if (error)
		snprintf(w->se.error, sizeof(w->se.error), "reset failed (%s): %s",
			 se_reset_level_name(level), strerror(-error));
	else
		w->se.error[0] = '\0';
	/* the new generation is read, and the SE with it */
	content_ses_poll(w->ses);
	tell(w->ses, w->id);
}

int content_ses_reset(struct content_ses *s, uint16_t id, char *words)
{
	int ret;

	if (id >= s->n) {
		content_words(words, "there is no SE %u", id);
		return -ENOENT;
	}
	ret = job_se_reset(s->store, s->v[id]->se.id, JOB_RESET_BEST, reset_over, s->v[id]);
	if (ret < 0)
		content_words(words, "%s cannot be reset now: %s", s->v[id]->se.id,
			      strerror(-ret));
	return ret;
}
