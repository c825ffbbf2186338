// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job-db.h"

/* Room for the last chunk of a running job (see job-runfile.h) and the WAL's overhead. */
#define RESERVE_BYTES (4 << 20)
#define RESERVE_NAME "reserve"

/*
 * Column notes: jobs.chunk_n is not zero exactly while a chunk is out, and then
 * half says which half of the run file holds it. apdus has rows only for APDUs
 * that were handed to the SE layer; what has no row was never sent.
 */
static const char schema_1[] =
	"CREATE TABLE jobs("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL DEFAULT 0,"
	" origin TEXT NOT NULL, slot INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
	" se TEXT NOT NULL DEFAULT '', aid BLOB NOT NULL DEFAULT x'',"
	" keep INTEGER NOT NULL DEFAULT 0, compact INTEGER NOT NULL DEFAULT 0, token INTEGER "
	"NOT NULL DEFAULT 0,"
	" deadline_s INTEGER NOT NULL DEFAULT 0, deadline_ms INTEGER NOT NULL DEFAULT 0,"
	" queued INTEGER NOT NULL DEFAULT 0, script TEXT NOT NULL DEFAULT '',"
	" script_len INTEGER NOT NULL DEFAULT 0, executed INTEGER NOT NULL DEFAULT 0,"
	" total INTEGER NOT NULL DEFAULT 0, code TEXT NOT NULL DEFAULT '',"
	" detail TEXT NOT NULL DEFAULT '', last_sw INTEGER NOT NULL DEFAULT 0,"
	" interrupted INTEGER NOT NULL DEFAULT 1, indefinite INTEGER NOT NULL DEFAULT 0,"
	" tail INTEGER NOT NULL DEFAULT 0, tail_value INTEGER NOT NULL DEFAULT 0,"
	" result_len INTEGER NOT NULL DEFAULT 0, select_sw INTEGER NOT NULL DEFAULT 0,"
	" select_rsp BLOB NOT NULL DEFAULT x'', generation INTEGER NOT NULL DEFAULT 0,"
	" created_ms INTEGER NOT NULL DEFAULT 0, started_ms INTEGER NOT NULL DEFAULT 0,"
	" ended_ms INTEGER NOT NULL DEFAULT 0, chunk_first INTEGER NOT NULL DEFAULT 0,"
	" chunk_n INTEGER NOT NULL DEFAULT 0, half INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX jobs_origin ON jobs(origin, slot);"
	"CREATE INDEX jobs_state ON jobs(state, se, queued);"
	"CREATE TABLE apdus("
	" job INTEGER NOT NULL, idx INTEGER NOT NULL, head BLOB NOT NULL,"
	" cmd_len INTEGER NOT NULL, rsp BLOB NOT NULL, rsp_len INTEGER NOT NULL,"
	" sw INTEGER NOT NULL, outcome INTEGER NOT NULL, wtx INTEGER NOT NULL,"
	" wire_ns INTEGER NOT NULL, total_ns INTEGER NOT NULL,"
	" PRIMARY KEY(job, idx)) WITHOUT ROWID;"
	"CREATE TABLE dedup("
	" key BLOB PRIMARY KEY, rsp BLOB NOT NULL, boot TEXT NOT NULL,"
	" expires_s INTEGER NOT NULL, ttl_s INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE kept("
	" origin TEXT NOT NULL, token INTEGER NOT NULL, se TEXT NOT NULL,"
	" aid BLOB NOT NULL, PRIMARY KEY(origin, token)) WITHOUT ROWID;";

/*
 * Plans. record and result are JSON; both stay until the job is acknowledged.
 * started: when jobs of an origin with a limited rate began, for an hour.
 */
static const char schema_2[] =
	"ALTER TABLE jobs ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN mode INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN keyset TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE jobs ADD COLUMN retry INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN record TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE jobs ADD COLUMN result TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE started(origin TEXT NOT NULL, at_ms INTEGER NOT NULL);"
	"CREATE INDEX started_origin ON started(origin, at_ms);";

static const char *const steps[] = {schema_1, schema_2};

const struct job_db_schema job_db_journal = {
	.file = "journal.db",
	.what = "the journal",
	.application_id = 0x5345534dU, /* "SESM" */
	.steps = steps,
	.version = sizeof(steps) / sizeof(steps[0]),
};

static int to_errno(sqlite3 *sql, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (sql && (sqlite3_system_errno(sql) == ENOSPC ||
			    sqlite3_system_errno(sql) == EDQUOT))
			return -ENOSPC;
		return -EIO;
	default:
		return -EIO;
	}
}

static int prepare(struct job_db *db, sqlite3_stmt **st, const char *text)
{
	size_t i;
	int rc;

	for (i = 0; i < DB_STATEMENTS && db->cache[i].text; i++) {
		if (db->cache[i].text == text) {
			*st = db->cache[i].stmt;
			return 0;
		}
	}
	if (i == DB_STATEMENTS)
		return -ENOBUFS;
	rc = sqlite3_prepare_v3(db->sql, text, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
	if (rc != SQLITE_OK)
		return to_errno(db->sql, rc);
	db->cache[i].text = text;
	db->cache[i].stmt = *st;
	return 0;
}

static int bind(struct job_db *db, sqlite3_stmt *st, const char *fmt, va_list ap)
{
	int i, rc = SQLITE_OK;

	for (i = 1; *fmt && rc == SQLITE_OK; fmt++, i++) {
		if (*fmt == 'i') {
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		} else if (*fmt == 't') {
			rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1,
					       SQLITE_STATIC);
		} else {
			const void *p = va_arg(ap, const void *);
			size_t len = va_arg(ap, size_t);

			rc = len ? sqlite3_bind_blob64(st, i, p, len, SQLITE_STATIC)
				 : sqlite3_bind_zeroblob(st, i, 0);
		}
	}
	return to_errno(db->sql, rc);
}

void job_db_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	/* Bound payload must not linger. */
	sqlite3_clear_bindings(st);
}

int job_db_step(struct job_db *db, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	return to_errno(db->sql, rc);
}

int job_db_query(struct job_db *db, sqlite3_stmt **st, const char *text, const char *fmt, ...)
{
	va_list ap;
	int r;

	r = prepare(db, st, text);
	if (r)
		return r;
	va_start(ap, fmt);
	r = bind(db, *st, fmt, ap);
	va_end(ap);
	if (r)
		job_db_done(*st);
	return r;
}

int job_db_run(struct job_db *db, const char *text, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int r;

	r = prepare(db, &st, text);
	if (r)
		return r;
	va_start(ap, fmt);
	r = bind(db, st, fmt, ap);
	va_end(ap);
	if (!r)
		r = job_db_step(db, st);
	job_db_done(st);
	return r < 0 ? r : 0;
}

int job_db_enter(struct job_db *db)
{
	int r = job_db_run(db, "SAVEPOINT s", "");

	if (!r)
		db->depth++;
	return r;
}

int job_db_leave(struct job_db *db, int result)
{
	int r = result;

	db->depth--;
	if (r >= 0) {
		r = job_db_run(db, "RELEASE s", "");
		if (!r)
			return result;
	}
	/*
	 * A full disk may have made SQLite roll everything back by itself; then
	 * there is no savepoint any more.
	 */
	if (!sqlite3_get_autocommit(db->sql)) {
		job_db_run(db, "ROLLBACK TO s", "");
		job_db_run(db, "RELEASE s", "");
		if (!db->depth && !sqlite3_get_autocommit(db->sql))
			job_db_run(db, "ROLLBACK", "");
	}
	return r;
}

int job_db_reserve(struct job_db *db)
{
	int fd, r;

	if (db->reserved)
		return 0;
	fd = openat(db->dir_fd, RESERVE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EDQUOT ? -ENOSPC : -errno;
	r = posix_fallocate(fd, 0, RESERVE_BYTES);
	if (r && ftruncate(fd, 0))
		r = EIO;
	close(fd);
	db->reserved = !r;
	return r == EDQUOT ? -ENOSPC : -r;
}

void job_db_release(struct job_db *db)
{
	db->reserved = false;
	unlinkat(db->dir_fd, RESERVE_NAME, 0);
}

static int64_t pragma_int(struct job_db *db, const char *text)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (sqlite3_prepare_v2(db->sql, text, -1, &st, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static int set_up(struct job_db *db, const struct job_db_schema *schema, char *why, size_t room)
{
	int64_t version, app;
	char text[96];
	int rc;

	/*
	 * EXCLUSIVE: this process is the only user (the store's lock file sees
	 * to that), and no -shm file is mapped that a full disk could break.
	 */
	rc = sqlite3_exec(db->sql,
			  "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
			  "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
			  "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;",
			  NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		goto fail;
	version = pragma_int(db, "PRAGMA user_version");
	app = pragma_int(db, "PRAGMA application_id");
	if (version > schema->version || (app && app != schema->application_id)) {
		snprintf(why, room,
			 "%s has schema version %lld, this program knows %d: "
			 "use the newer program or move the file away",
			 schema->what, (long long)version, schema->version);
		return -EPROTO;
	}
	if (version == schema->version)
		return 0;
	if (version < 0) {
		snprintf(why, room, "%s has no readable version", schema->what);
		return -EIO;
	}
	snprintf(text, sizeof(text),
		 "PRAGMA application_id=%u; PRAGMA user_version=%d; COMMIT;",
		 schema->application_id, schema->version);
	rc = sqlite3_exec(db->sql, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
	for (; rc == SQLITE_OK && version < schema->version; version++)
		rc = sqlite3_exec(db->sql, schema->steps[version], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, text, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
fail:
	snprintf(why, room, "%s", sqlite3_errmsg(db->sql));
	return to_errno(db->sql, rc);
}

/* Made by us, so that nobody else can read it, whatever the directory's mode. */
static int make_file(const struct job_db_schema *schema, int dir_fd)
{
	int fd = openat(dir_fd, schema->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return errno == EDQUOT ? -ENOSPC : -errno;
	/* one that was brought back from a copy, say; the WAL gets the same mode */
	if (fstat(fd, &st) || ((st.st_mode & 077) && fchmod(fd, 0600)))
		r = -errno;
	close(fd);
	return r;
}

int job_db_open(struct job_db *db, const struct job_db_schema *schema, const char *dir,
		int dir_fd, char *why, size_t room)
{
	char path[4096] = ":memory:";
	int rc, r = 0;

	memset(db, 0, sizeof(*db));
	db->dir_fd = dir_fd;
	if (dir) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, schema->file) >=
		    (int)sizeof(path)) {
			snprintf(why, room, "the path is too long");
			return -ENAMETOOLONG;
		}
		r = make_file(schema, dir_fd);
		if (r) {
			snprintf(why, room, "%s", strerror(-r));
			return r;
		}
	}
	rc = sqlite3_open_v2(path, &db->sql,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
			     NULL);
	if (rc != SQLITE_OK) {
		snprintf(why, room, "%s", db->sql ? sqlite3_errmsg(db->sql) : "out of memory");
		r = to_errno(db->sql, rc);
	} else {
		sqlite3_extended_result_codes(db->sql, 1);
		r = set_up(db, schema, why, room);
	}
	if (r)
		job_db_close(db);
	return r;
}

void job_db_close(struct job_db *db)
{
	size_t i;

	for (i = 0; i < DB_STATEMENTS && db->cache[i].text; i++)
		sqlite3_finalize(db->cache[i].stmt);
	memset(db->cache, 0, sizeof(db->cache));
	sqlite3_close(db->sql);
	db->sql = NULL;
}
