/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thin coat over SQLite: cached statements, errno instead of result codes,
 * savepoints, and a reserve on the disk for what must not fail. The journal is
 * one file of it, what front ends keep (store/store.h) others.
 */
#ifndef SESAME_JOB_DB_H
#define SESAME_JOB_DB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

#define DB_STATEMENTS 96

struct job_db {
	sqlite3 *sql;
	int dir_fd; /* state directory, not owned */
	struct {
		const char *text;
		sqlite3_stmt *stmt;
	} cache[DB_STATEMENTS];
	unsigned int depth; /* open savepoints */
	bool reserved;	    /* the reserve file is in place */
};

/**
 * struct job_db_schema - what a file is and how it is made
 * @file: its name within the state directory
 * @what: the same for messages: "the journal"
 * @application_id: in the file's header
 * @steps, @version: SQL that leads from each version to the next, the first from
 *	an empty file; an old file takes those that it lacks
 */
struct job_db_schema {
	const char *file;
	const char *what;
	uint32_t application_id;
	const char *const *steps;
	int version;
};

/** of the journal */
extern const struct job_db_schema job_db_journal;

/**
 * job_db_open - open or create DIR/FILE
 *
 * @dir: path of the directory that @dir_fd is; NULL: in memory
 * @why: gets a static or SQLite-owned explanation on failure
 * Returns 0, -EPROTO (made by a newer version), -EBUSY (another process has it),
 * -ENOSPC, -EIO.
 */
int job_db_open(struct job_db *db, const struct job_db_schema *schema, const char *dir,
		int dir_fd, char *why, size_t room);
void job_db_close(struct job_db *db);

/**
 * job_db_run - execute a statement that returns no rows
 * @text: SQL; must be a string literal (the cache compares addresses)
 * @fmt: one letter a parameter: i int64_t, t const char *, b const void * and
 *	size_t (a NULL pointer with length 0 binds an empty blob)
 */
int job_db_run(struct job_db *db, const char *text, const char *fmt, ...);

/**
 * job_db_query - start a query; step with job_db_step(), end with job_db_done()
 */
int job_db_query(struct job_db *db, sqlite3_stmt **st, const char *text, const char *fmt, ...);
int job_db_step(struct job_db *db, sqlite3_stmt *st); /* 1 row, 0 end, -errno */
void job_db_done(sqlite3_stmt *st);

/** job_db_enter, job_db_leave - savepoint; @result < 0 rolls back */
int job_db_enter(struct job_db *db);
int job_db_leave(struct job_db *db, int result);

/**
 * job_db_reserve - put the reserve file in place
 *
 * The space that is given back to the file system by job_db_release() when the
 * disk is full, so that the end of a running job, an acknowledgement or a
 * deletion can still be written. Returns 0 or -ENOSPC.
 */
int job_db_reserve(struct job_db *db);
void job_db_release(struct job_db *db);

#endif /* SESAME_JOB_DB_H */
