// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/job-db.h"
#include "store/store.h"

struct store {
	struct job_db db;
	int dir_fd;
	bool walking; /* within store_each() */
};

static const char *const steps[] = {
	"CREATE TABLE state(kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
	" PRIMARY KEY(kind, key)) WITHOUT ROWID;",
};

int store_open(struct store **ret, const char *dir, const char *name, char *why, size_t room)
{
	char file[STORE_NAME_MAX + 4], words[160];
	const struct job_db_schema schema = {
		.file = file,
		.what = file,
		.application_id = 0x5345534cU, /* "SESL" */
		.steps = steps,
		.version = sizeof(steps) / sizeof(steps[0]),
	};
	struct store *st;
	int r;

	if (!*name || strlen(name) >= STORE_NAME_MAX || strchr(name, '/')) {
		snprintf(why, room, "\"%s\" is no name for a store", name);
		return -EINVAL;
	}
	st = calloc(1, sizeof(*st));
	if (!st)
		return -ENOMEM;
	snprintf(file, sizeof(file), "%s.db", name);
	st->dir_fd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir && st->dir_fd < 0) {
		r = -errno;
		snprintf(why, room, "%s: %s", dir, strerror(-r));
	} else {
		r = job_db_open(&st->db, &schema, dir, st->dir_fd, words, sizeof(words));
		if (r < 0)
			snprintf(why, room, "cannot use %s/%s: %s%s", dir ? dir : "", file,
				 words,
				 r == -EIO ? "; with the file moved away, what it kept is "
					     "made anew from the configuration and the SEs"
					   : "");
	}
	if (r < 0) {
		store_close(st);
		return r;
	}
	*ret = st;
	return 0;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	while (st->db.depth > 0)
		store_rollback(st);
	job_db_close(&st->db);
	if (st->dir_fd >= 0)
		close(st->dir_fd);
	free(st);
}

static bool good(unsigned int kind, size_t klen, size_t least)
{
	return kind >= 1 && kind <= STORE_KIND_MAX && klen >= least && klen <= STORE_KEY_MAX;
}

int store_put(struct store *st, unsigned int kind, const void *key, size_t klen,
	      const void *val, size_t vlen)
{
	if (!good(kind, klen, 1) || vlen > STORE_VALUE_MAX)
		return -EINVAL;
	if (st->walking)
		return -EBUSY;
	return job_db_run(&st->db, "REPLACE INTO state(kind, key, value) VALUES(?, ?, ?)",
			  "ibb", (int64_t)kind, key, klen, val, vlen);
}

int store_del(struct store *st, unsigned int kind, const void *key, size_t klen)
{
	if (!good(kind, klen, 1))
		return -EINVAL;
	if (st->walking)
		return -EBUSY;
	return job_db_run(&st->db, "DELETE FROM state WHERE kind = ? AND key = ?", "ib",
			  (int64_t)kind, key, klen);
}

/*
 * The first key behind all that begin with @prefix; blobs compare as memcmp()
 * does, the shorter one first. Returns its length, 0 if there is no such key.
 */
static size_t behind(const uint8_t *prefix, size_t plen, uint8_t key[STORE_KEY_MAX])
{
	while (plen > 0 && prefix[plen - 1] == 0xff)
		plen--;
	if (plen == 0)
		return 0;
	memcpy(key, prefix, plen);
	key[plen - 1]++;
	return plen;
}

int store_del_prefix(struct store *st, unsigned int kind, const void *prefix, size_t plen)
{
	uint8_t end[STORE_KEY_MAX];
	size_t n;

	if (!good(kind, plen, 0))
		return -EINVAL;
	if (st->walking)
		return -EBUSY;
	n = behind(prefix, plen, end);
	if (n == 0)
		return job_db_run(&st->db, "DELETE FROM state WHERE kind = ? AND key >= ?",
				  "ib", (int64_t)kind, prefix, plen);
	return job_db_run(&st->db, "DELETE FROM state WHERE kind = ? AND key >= ? AND key < ?",
			  "ibb", (int64_t)kind, prefix, plen, end, n);
}

int store_get(struct store *st, unsigned int kind, const void *key, size_t klen, uint8_t **val,
	      size_t *vlen)
{
	sqlite3_stmt *q;
	int r;

	if (!good(kind, klen, 1))
		return -EINVAL;
	r = job_db_query(&st->db, &q, "SELECT value FROM state WHERE kind = ? AND key = ?",
			 "ib", (int64_t)kind, key, klen);
	if (r < 0)
		return r;
	r = job_db_step(&st->db, q);
	if (r == 1) {
		size_t n = (size_t)sqlite3_column_bytes(q, 0);

		*val = malloc(n + 1);
		if (*val) {
			if (n > 0)
				memcpy(*val, sqlite3_column_blob(q, 0), n);
			(*val)[n] = 0;
			*vlen = n;
		}
		r = *val ? 0 : -ENOMEM;
	} else if (r == 0) {
		r = -ENOENT;
	}
	job_db_done(q);
	return r;
}

int store_each(struct store *st, unsigned int kind, const void *prefix, size_t plen,
	       int (*fn)(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
			 size_t vlen),
	       void *userdata)
{
	uint8_t end[STORE_KEY_MAX];
	sqlite3_stmt *q;
	size_t n;
	int r;

	if (!good(kind, plen, 0))
		return -EINVAL;
	if (st->walking)
		return -EBUSY;
	n = behind(prefix, plen, end);
	if (n == 0)
		r = job_db_query(&st->db, &q,
				 "SELECT key, value FROM state WHERE kind = ? AND key >= ?"
				 " ORDER BY key",
				 "ib", (int64_t)kind, prefix, plen);
	else
		r = job_db_query(&st->db, &q,
				 "SELECT key, value FROM state WHERE kind = ? AND key >= ?"
				 " AND key < ? ORDER BY key",
				 "ibb", (int64_t)kind, prefix, plen, end, n);
	if (r < 0)
		return r;
	st->walking = true;
	while ((r = job_db_step(&st->db, q)) == 1) {
		const uint8_t *val = sqlite3_column_blob(q, 1);

		r = fn(userdata, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0),
		       val ? val : (const uint8_t *)"", (size_t)sqlite3_column_bytes(q, 1));
		if (r != 0)
			break;
	}
	st->walking = false;
	job_db_done(q);
	return r;
}

int store_next(struct store *st, unsigned int kind, const void *key, size_t klen,
	       uint8_t next[STORE_KEY_MAX], size_t *nlen)
{
	sqlite3_stmt *q;
	int r;

	if (!good(kind, klen, 0))
		return -EINVAL;
	r = job_db_query(
		&st->db, &q,
		"SELECT key FROM state WHERE kind = ? AND key >= ? ORDER BY key LIMIT 1", "ib",
		(int64_t)kind, key, klen);
	if (r < 0)
		return r;
	r = job_db_step(&st->db, q);
	if (r == 1) {
		size_t n = (size_t)sqlite3_column_bytes(q, 0);

		if (n <= STORE_KEY_MAX) {
			memcpy(next, sqlite3_column_blob(q, 0), n);
			*nlen = n;
		}
		r = n <= STORE_KEY_MAX ? 0 : -EIO;
	} else if (r == 0) {
		r = -ENOENT;
	}
	job_db_done(q);
	return r;
}

int store_begin(struct store *st)
{
	return st->walking ? -EBUSY : job_db_enter(&st->db);
}

int store_commit(struct store *st)
{
	return job_db_leave(&st->db, 0);
}

void store_rollback(struct store *st)
{
	job_db_leave(&st->db, -ECANCELED);
}
