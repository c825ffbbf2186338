// SPDX-License-Identifier: Apache-2.0
/* How a script or a plan gets onto the disk, piece by piece. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gp/source.h"
#include "job/job-store.h"

static struct staging *staging_find(struct job_store *s, uint64_t id)
{
	struct staging *g;

	for (g = s->staging; g; g = g->next)
		if (g->id == id)
			return g;
	return NULL;
}

void job_staging_drop(struct job_store *s, uint64_t id, bool remove)
{
	struct staging **p, *g;

	for (p = &s->staging; (g = *p); p = &g->next) {
		if (g->id == id) {
			*p = g->next;
			if (remove)
				unlinkat(s->dir_fd, g->file, 0);
			free(g);
			return;
		}
	}
}

static struct staging *staging_new(struct job_store *s, uint64_t id)
{
	struct staging *g;
	int fd;

	job_staging_drop(s, id, true);
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->id = id;
	snprintf(g->file, sizeof(g->file), "script-%" PRIu64 "-%08" PRIx32, id,
		 (uint32_t)s->nonce++);
	fd = openat(s->dir_fd, g->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		free(g);
		return NULL;
	}
	close(fd);
	g->next = s->staging;
	s->staging = g;
	return g;
}

static int append(struct job_store *s, struct staging *g, const uint8_t *data, size_t len)
{
	size_t done = 0;
	ssize_t n;
	int fd, r;

	fd = openat(s->dir_fd, g->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = len ? posix_fallocate(fd, (off_t)g->len, (off_t)len) : 0;
	if (r == EOPNOTSUPP)
		r = 0;
	while (!r && done < len) {
		n = pwrite(fd, data + done, len - done, (off_t)(g->len + done));
		if (n < 0 && errno != EINTR)
			r = errno;
		else if (n > 0)
			done += (size_t)n;
	}
	if (r && ftruncate(fd, (off_t)g->len))
		r = r ? r : EIO;
	if (close(fd) && !r)
		r = errno;
	if (!r)
		g->len += len;
	return r == EDQUOT ? -ENOSPC : -r;
}

int job_script_write(struct job_store *s, uint64_t id, uint64_t offset, const void *data,
		     size_t len, struct job_error *err)
{
	struct job_info info;
	struct staging *g;
	int r;

	job_lock(s);
	r = job_need_idle(s, id, &info, err);
	if (r)
		goto out;
	if (offset > s->opt.script_max || len > s->opt.script_max - offset) {
		job_staging_drop(s, id, true);
		r = job_fail(err, -EFBIG, "script-too-long",
			     "a script may have up to %zu bytes; split it", s->opt.script_max);
		goto out;
	}
	g = staging_find(s, id);
	if (!offset) {
		errno = ENOMEM;
		g = staging_new(s, id);
		if (!g) {
			r = job_say_db(err, errno == EDQUOT ? -ENOSPC : -errno);
			goto out;
		}
	} else if (!g || g->len != offset) {
		r = job_fail(err, -EINVAL, "script-gap",
			     "the script's next byte is %" PRIu64 ", not %" PRIu64
			     ": start over at 0",
			     g ? g->len : 0, offset);
		goto out;
	}
	r = append(s, g, data, len);
	if (r) {
		if (r == -ENOSPC)
			job_staging_drop(s, id, true);
		r = job_say_db(err, r);
	}
out:
	job_unlock(s);
	return r;
}

struct script_args {
	uint64_t id;
	const char *file;
	uint64_t len;
	const struct se_filter_aid *aid; /* target of a plan */
};

int job_drop_script(struct job_store *s, uint64_t id)
{
	char file[JOB_SCRIPT_NAME];
	sqlite3_stmt *st;
	int r;

	r = job_db_query(&s->db, &st, "SELECT script FROM jobs WHERE id=?", "i", (int64_t)id);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1)
		snprintf(file, sizeof(file), "%s", (const char *)sqlite3_column_text(st, 0));
	job_db_done(st);
	if (r == 1)
		job_unlink_later(s, file);
	return r < 0 ? r : 0;
}

static int script_end_fn(struct job_store *s, void *arg)
{
	const struct script_args *a = arg;
	int r;

	r = job_drop_script(s, a->id);
	if (r)
		return r;
	r = job_db_run(&s->db, "UPDATE jobs SET script=?,script_len=? WHERE id=?", "tii",
		       a->file, (int64_t)a->len, (int64_t)a->id);
	if (!r && a->aid)
		r = job_db_run(&s->db, "UPDATE jobs SET aid=? WHERE id=?", "bi",
			       (const void *)a->aid->aid, (size_t)a->aid->len, (int64_t)a->id);
	return r;
}

int job_text_open(struct job_store *s, const char *file, uint64_t expect)
{
	struct stat sb;
	int fd;

	fd = openat(s->dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &sb) || (uint64_t)sb.st_size != expect) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

/* A plan's mistakes are told at once, not when it runs. */
static int check_plan(struct job_store *s, const struct job_info *info, const struct staging *g,
		      struct se_filter_aid *aid, struct job_error *err)
{
	struct gp_source text;
	int fd, r;

	fd = job_text_open(s, g->file, g->len);
	if (fd < 0)
		return job_fail(err, fd, "script-lost", "the staged plan cannot be read: %s",
				strerror(-fd));
	text = gp_source_file(fd, g->len);
	r = job_plan_check(s, info, &text, aid, err);
	close(fd);
	return r;
}

/* The script's bytes and its name in the directory are on disk. */
static int sync_script(struct job_store *s, const char *file)
{
	int fd, r = 0;

	fd = openat(s->dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fsync(fd) || fsync(s->dir_fd))
		r = errno == EDQUOT ? -ENOSPC : -errno;
	close(fd);
	return r;
}

int job_script_end(struct job_store *s, uint64_t id, struct job_error *err)
{
	struct script_args a = {.id = id};
	struct se_filter_aid aid;
	struct job_info info;
	struct staging *g;
	int r;

	job_lock(s);
	r = job_need_idle(s, id, &info, err);
	if (r)
		goto out;
	g = staging_find(s, id);
	if (!g || !g->len) {
		job_staging_drop(s, id, true);
		r = job_fail(err, -EINVAL, "no-script", "no script bytes were written");
		goto out;
	}
	if (info.params.kind == JOB_PLAN) {
		r = check_plan(s, &info, g, &aid, err);
		if (r) {
			job_staging_drop(s, id, true);
			goto out;
		}
		a.aid = &aid;
	}
	r = sync_script(s, g->file);
	if (!r) {
		a.file = g->file;
		a.len = g->len;
		r = job_write(s, false, script_end_fn, &a);
	}
	job_staging_drop(s, id, r != 0);
	r = job_say_db(err, r);
out:
	job_unlock(s);
	return r;
}
