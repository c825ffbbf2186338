// SPDX-License-Identifier: Apache-2.0
/* The Secure Element MO as the tree sees it, and its life. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"

/* ---- what the tree asks
 * ---------------------------------------------------------------------- */

/* What grows while a script runs is not the answer yet. */
static uint64_t response_len(const struct job_info *info)
{
	return info->state > JOB_RUNNING ? info->result_len : 0;
}

static int op_has(void *ctx, const struct dm_path *path, struct dm_stat *st)
{
	struct dm_se *m = ctx;
	struct model_buf b = {.max = 65536};
	struct job_info info;
	struct se_where w;
	int ret = se_find(m, path, &w);

	if (ret != DM_OK || !w.mo || w.mo->format == MO_NODE)
		return ret;
	if (w.mo->id == MO_SE_RESPONSE) {
		st->size = se_script_job(m, &w.c, &info) == 0 ? response_len(&info) : 0;
		return DM_OK;
	}
	ret = se_value_of(m, &w, &b);
	st->size = b.len;
	model_buf_free(&b);
	return ret;
}

static int op_next(void *ctx, const struct dm_path *dir, const char *after,
		   char name[DM_SEGMENT_MAX + 1])
{
	return se_next(ctx, dir, after, name);
}

static int read_response(struct dm_se *m, const struct se_where *w, uint64_t offset, void *p,
			 size_t room, size_t *n)
{
	struct job_info info;
	ssize_t got;

	*n = 0;
	if (se_script_job(m, &w->c, &info) < 0)
		return DM_NOT_FOUND;
	/* the reader has begun with another one, or with none */
	if (offset > response_len(&info))
		return DM_CONFLICT;
	while (*n < room && offset + *n < response_len(&info)) {
		got = job_result_read(m->c.jobs, info.id, offset + *n, (uint8_t *)p + *n,
				      room - *n);
		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return DM_OK;
}

static int op_read(void *ctx, const struct dm_path *path, uint64_t offset, void *p, size_t room,
		   size_t *n)
{
	struct dm_se *m = ctx;
	struct model_buf b = {.max = 65536};
	struct se_where w;
	int ret = se_find(m, path, &w);

	*n = 0;
	if (ret != DM_OK)
		return ret;
	if (!w.mo || w.mo->format == MO_NODE)
		return DM_NOT_ALLOWED;
	if (w.mo->id == MO_SE_RESPONSE)
		return read_response(m, &w, offset, p, room, n);
	ret = se_value_of(m, &w, &b);
	if (ret == DM_OK && offset < b.len) {
		*n = b.len - (size_t)offset < room ? b.len - (size_t)offset : room;
		memcpy(p, b.p + offset, *n);
	}
	model_buf_free(&b);
	return ret;
}

static int op_write(void *ctx, const struct dm_req *req, enum dm_how how,
		    const struct dm_path *path, const struct dm_put *put)
{
	return se_write(ctx, req, how, path, put);
}

static void op_write_abort(void *ctx)
{
	se_write_abort(ctx);
}

static int op_del(void *ctx, const struct dm_req *req, const struct dm_path *path)
{
	return se_del(ctx, req, path);
}

static int op_exec(void *ctx, const struct dm_req *req, const struct dm_path *path,
		   const struct dm_put *arg)
{
	(void)arg;
	return se_exec(ctx, req, path);
}

static void op_begin(void *ctx)
{
	se_atomic_begin(ctx);
}

static int op_prepare(void *ctx, const struct dm_req *req)
{
	return se_atomic_prepare(ctx, req);
}

static int op_commit(void *ctx, const struct dm_req *req)
{
	return se_atomic_commit(ctx, req);
}

static int op_rollback(void *ctx)
{
	return se_atomic_rollback(ctx);
}

/* Jobs of scripts whose Add did not get to the disk, nodes whose job did not. */
static void reconcile(struct dm_se *m)
{
	struct se_node *n, *next;
	struct job_info info;
	char origin[JOB_ORIGIN_MAX];

	for (n = m->nodes; n; n = next) {
		next = n->next;
		se_origin(n->server, origin);
		if (strstr(n->carrier, "/APDU/") &&
		    job_find(m->c.jobs, origin, n->number, &info) < 0)
			se_node_drop(m, n);
		else if (strstr(n->carrier, "/Package/") &&
			 !content_packages_get(m->c.content->packages, origin,
					       MODEL_OBJECT_SOFTWARE, n->number))
			se_node_drop(m, n);
	}
}

static void op_lost(void *ctx)
{
	struct dm_se *m = ctx;

	/* what cannot be read now is so at the next start */
	if (se_reload_nodes(m) == 0)
		reconcile(m);
}

static const struct dm_mount_ops mount_ops = {
	.has = op_has,
	.next = op_next,
	.read = op_read,
	.write = op_write,
	.write_abort = op_write_abort,
	.del = op_del,
	.exec = op_exec,
	.begin = op_begin,
	.prepare = op_prepare,
	.commit = op_commit,
	.rollback = op_rollback,
	.lost = op_lost,
};

/* ---- life
 * --------------------------------------------------------------------------------------- */

static void on_content(void *ctx, uint16_t object, int32_t instance)
{
	struct dm_se *m = ctx;

	(void)instance;
	m->dirty = true;
	m->entries = m->entries || object == MODEL_OBJECT_APP;
}

int dm_se_new(struct dm_se **ret, const struct dm_se_config *config)
{
	struct dm_se *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->c = *config;
	err = se_load(m);
	if (err == 0)
		err = se_own_alerts(m);
	if (err == 0)
		err = content_listen(m->c.content, on_content, m);
	/* after content/: what it makes of the end of a job is there when we look */
	if (err == 0) {
		err = job_listen(m->c.jobs, se_job_changed, m);
		if (err < 0)
			content_unlisten(m->c.content, on_content, m);
	}
	if (err < 0) {
		se_forget(m);
		free(m);
		return err;
	}
	*ret = m;
	return 0;
}

void dm_se_free(struct dm_se *m)
{
	if (!m)
		return;
	job_unlisten(m->c.jobs, se_job_changed, m);
	content_unlisten(m->c.content, on_content, m);
	se_resets_free(m);
	se_atomic_free(m);
	se_write_abort(m);
	se_known_forget(m);
	se_forget(m);
	free(m);
}

int dm_se_mount(struct dm_se *m, struct dm_tree *tree)
{
	int ret = dm_tree_mount(tree, &mo_se, &mount_ops, m);

	if (ret < 0)
		return ret;
	m->tree = tree;
	reconcile(m);
	se_settle_start(m);
	se_atomic_settle(m);
	return 0;
}

size_t dm_se_busy(const struct dm_se *m)
{
	size_t n = 0;

	for (const struct se_record *r = m->records; r; r = r->next)
		n += se_record_open(r);
	return n;
}
