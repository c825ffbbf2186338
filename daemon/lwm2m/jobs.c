// SPDX-License-Identifier: Apache-2.0
/* Object 26242 over job/: an instance is a job of this origin, its slot the number. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/ses.h"
#include "job/job.h"
#include "lwm2m/internal.h"

struct lwm2m_jobs {
	struct job_store *store;
	char origin[JOB_ORIGIN_MAX];
};

static int find(struct lwm2m_jobs *j, uint16_t id, struct job_info *info, char *words)
{
	int ret = job_find(j->store, j->origin, id, info);

	if (ret < 0 && words)
		content_words(words, "/26242/%u: %s", id,
			      ret == -ENOENT ? "is gone" : strerror(-ret));
	return ret;
}

struct listing {
	uint16_t *ids;
	size_t room;
	size_t n;
};

static int list_one(void *userdata, const struct job_info *info)
{
	struct listing *l = userdata;
	size_t at;

	if (info->slot < 0 || info->slot >= UINT16_MAX || l->n == l->room)
		return 0;
	for (at = l->n++; at > 0 && l->ids[at - 1] > info->slot; at--)
		l->ids[at] = l->ids[at - 1];
	l->ids[at] = (uint16_t)info->slot;
	return 0;
}

static size_t ops_list(void *ctx, uint16_t *ids, size_t room)
{
	struct lwm2m_jobs *j = ctx;
	struct listing l = {ids, room, 0};

	job_list(j->store, j->origin, list_one, &l);
	return l.n;
}

static uint16_t se_number(struct lwm2m_jobs *j, const char *name)
{
	struct job_se_info info;

	for (uint16_t i = 0; i < CONTENT_SES_MAX && job_se_get(j->store, i, &info) == 0; i++)
		if (strcmp(info.name, name) == 0)
			return i;
	/* the link to nothing: the SE is not there any more */
	return *name ? 0xffff : 0;
}

static int ops_get(void *ctx, uint16_t id, struct lwm2m_script *out)
{
	struct lwm2m_jobs *j = ctx;
	struct job_info info;
	int ret = find(j, id, &info, NULL);

	if (ret < 0)
		return ret;
	memset(out, 0, sizeof(*out));
	out->se = se_number(j, info.params.se);
	out->aid_len = info.params.aid_len;
	memcpy(out->aid, info.params.aid, info.params.aid_len);
	out->keep_channel = info.params.keep_channel;
	out->deadline_s = info.params.deadline_s;
	out->state = (enum model_script_state)info.state;
	out->executed = info.executed;
	out->total = info.total;
	/* what grows while it runs is not the answer yet */
	out->response_len =
		info.state == JOB_QUEUED || info.state == JOB_RUNNING ? 0 : info.result_len;
	snprintf(out->result, sizeof(out->result), "%s", info.code);
	snprintf(out->detail, sizeof(out->detail), "%s", info.detail);
	out->last_sw = info.last_sw;
	if (info.run > 0)
		snprintf(out->job, sizeof(out->job), "%s", info.name);
	out->outcome = (enum se_outcome)info.interrupted;
	return 0;
}

static int set_params(struct lwm2m_jobs *j, uint64_t job, uint16_t id,
		      const struct lwm2m_script *in, char *words)
{
	struct job_params p = {.aid_len = (uint8_t)in->aid_len,
			       .keep_channel = in->keep_channel,
			       .token = id,
			       .deadline_s = in->deadline_s};
	struct job_error err = {0};
	struct job_se_info se;

	memcpy(p.aid, in->aid, in->aid_len);
	/* without an SE the name stays empty, and Run says so */
	if (job_se_get(j->store, in->se, &se) == 0)
		snprintf(p.se, sizeof(p.se), "%s", se.name);
	return content_job_words(job_set(j->store, job, &p, &err), &err, words);
}

static int ops_create(void *ctx, uint16_t id, char *words)
{
	const struct lwm2m_script defaults = {0};
	struct lwm2m_jobs *j = ctx;
	struct job_error err = {0};
	uint64_t job;
	int ret =
		content_job_words(job_create(j->store, j->origin, id, &job, &err), &err, words);

	if (ret < 0)
		return ret;
	ret = set_params(j, job, id, &defaults, words);
	if (ret < 0)
		job_delete(j->store, job, &err);
	return ret;
}

static int ops_destroy(void *ctx, uint16_t id, char *words)
{
	struct lwm2m_jobs *j = ctx;
	struct job_error err = {0};
	struct job_info info;
	int ret = find(j, id, &info, words);

	return ret < 0 ? ret
		       : content_job_words(job_delete(j->store, info.id, &err), &err, words);
}

static int ops_set(void *ctx, uint16_t id, const struct lwm2m_script *in, char *words)
{
	struct lwm2m_jobs *j = ctx;
	struct job_info info;
	int ret = find(j, id, &info, words);

	return ret < 0 ? ret : set_params(j, info.id, id, in, words);
}

static int ops_write(void *ctx, uint16_t id, uint64_t offset, const uint8_t *p, size_t len,
		     bool last, char *words)
{
	struct lwm2m_jobs *j = ctx;
	struct job_error err = {0};
	struct job_info info;
	int ret = find(j, id, &info, words);

	if (ret < 0)
		return ret;
	ret = content_job_words(job_script_write(j->store, info.id, offset, p, len, &err), &err,
				words);
	/* a gap means that a block is missing: 4.08 */
	if (ret == -EINVAL && strcmp(err.code, "script-gap") == 0)
		return -ESTALE;
	if (ret == 0 && last)
		ret = content_job_words(job_script_end(j->store, info.id, &err), &err, words);
	return ret;
}

static int ops_run(void *ctx, uint16_t id, char *words)
{
	struct lwm2m_jobs *j = ctx;
	struct lwm2m_script s;
	struct job_error err = {0};
	struct job_info info;
	int ret = find(j, id, &info, words);

	if (ret < 0)
		return ret;
	/* made before there was an SE: take the first one now */
	if (!*info.params.se && info.state == JOB_IDLE && ops_get(j, id, &s) == 0)
		set_params(j, info.id, id, &s, words);
	return content_job_words(job_run(j->store, info.id, &err), &err, words);
}

static int ops_cancel(void *ctx, uint16_t id, char *words)
{
	struct lwm2m_jobs *j = ctx;
	struct job_error err = {0};
	struct job_info info;
	int ret = find(j, id, &info, words);

	return ret < 0 ? ret
		       : content_job_words(job_cancel(j->store, info.id, &err), &err, words);
}

static int ops_clear(void *ctx, uint16_t id, char *words)
{
	struct lwm2m_jobs *j = ctx;
	struct job_error err = {0};
	struct job_info info;
	int ret = find(j, id, &info, words);

	return ret < 0 ? ret : content_job_words(job_ack(j->store, info.id, &err), &err, words);
}

static ssize_t ops_read(void *ctx, uint16_t id, uint64_t offset, uint8_t *p, size_t room)
{
	struct lwm2m_jobs *j = ctx;
	struct job_info info;
	int ret = find(j, id, &info, NULL);

	return ret < 0 ? ret : job_result_read(j->store, info.id, offset, p, room);
}

const struct lwm2m_script_ops lwm2m_jobs_ops = {
	.list = ops_list,
	.get = ops_get,
	.create = ops_create,
	.destroy = ops_destroy,
	.set = ops_set,
	.write = ops_write,
	.run = ops_run,
	.cancel = ops_cancel,
	.clear = ops_clear,
	.read = ops_read,
};

int lwm2m_jobs_new(struct lwm2m_jobs **ret, struct job_store *store, const char *server)
{
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_jobs *j = calloc(1, sizeof(*j));
	struct job_info info;
	int err;

	if (!j)
		return -ENOMEM;
	j->store = store;
	if (snprintf(j->origin, sizeof(j->origin), "lwm2m:%s", server) >=
	    (int)sizeof(j->origin)) {
		free(j);
		return -EINVAL;
	}
	err = job_find(store, j->origin, 0, &info);
	if (err == -ENOENT)
		err = ops_create(j, 0, words);
	if (err < 0) {
		free(j);
		return err;
	}
	*ret = j;
	return 0;
}

void lwm2m_jobs_free(struct lwm2m_jobs *j)
{
	free(j);
}
