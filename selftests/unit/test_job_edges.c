// SPDX-License-Identifier: Apache-2.0
/* job/ at its edges: a moment between two threads, bytes that nobody should trust. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "job/job-store.h"

static struct job_store *store;
static char dir[64];

static int fresh(void **state)
{
	struct job_options o = {.dir = dir};
	struct job_error e;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-job-edges-XXXXXX");
	if (!mkdtemp(dir) || job_store_open(&store, &o, &e))
		return -1;
	/* opens, and is no SE: what gets as far as the channel ends there */
	return job_se_add(store, "se0", "ioctl:/dev/null", "eSE");
}

static int done(void **state)
{
	char cmd[96];

	(void)state;
	job_store_close(store);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static uint64_t make(const uint8_t *script, size_t len)
{
	struct job_params p = {.se = "se0"};
	struct job_error e;
	uint64_t id;

	assert_int_equal(job_create(store, "t:1", JOB_SLOT_NONE, &id, &e), 0);
	assert_int_equal(job_set(store, id, &p, &e), 0);
	assert_int_equal(job_script_write(store, id, 0, script, len, &e), 0);
	assert_int_equal(job_script_end(store, id, &e), 0);
	return id;
}

static struct job_info wait_end(uint64_t id)
{
	const struct timespec nap = {0, 5000000};
	struct job_info i;

	for (int n = 0; n < 12000; n++) {
		assert_int_equal(job_get(store, id, &i), 0);
		if (i.state != JOB_QUEUED && i.state != JOB_RUNNING)
			return i;
		nanosleep(&nap, NULL);
	}
	fail_msg("the job does not end");
	return i;
}

/*
 * The worker has taken the job, and has not said so in the journal yet. A
 * cancellation then must not say "nothing was sent": the worker would go on.
 */
static void test_cancel_when_taken(void **state)
{
	static const uint8_t s[] = {0xaa, 6, 0x22, 4, 0x80, 0x10, 0, 0};
	struct job_error e;
	struct job_info i;
	struct worker *w;
	uint64_t id;

	(void)state;
	id = make(s, sizeof(s));
	job_lock(store); /* the worker stands still */
	assert_int_equal(job_run(store, id, &e), 0);
	w = job_worker_find(store, "se0");
	assert_non_null(w);
	w->running = id;
	assert_int_equal(job_cancel(store, id, &e), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.state, JOB_QUEUED);
	assert_true(atomic_load(&w->cancel));
	w->running = 0;

	/* not taken: it ends here and now */
	assert_int_equal(job_cancel(store, id, &e), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.state, JOB_CANCELLED);
	job_unlock(store);
}

/* What stands behind the script is not ignored: the sender meant something by it. */
static void test_bytes_behind(void **state)
{
	static const uint8_t aa[] = {0xaa, 6, 0x22, 4, 0x80, 0x10, 0, 0, 0x22};
	static const uint8_t ae[] = {0xae, 0x80, 0x22, 4, 0x80, 0x10, 0, 0, 0, 0, 0};
	struct job_error e;
	struct job_info i;
	uint64_t id[2];

	(void)state;
	id[0] = make(aa, sizeof(aa));
	id[1] = make(ae, sizeof(ae));
	for (size_t k = 0; k < 2; k++) {
		assert_int_equal(job_run(store, id[k], &e), 0);
		i = wait_end(id[k]);
		assert_int_equal(i.state, JOB_FAILED);
		assert_string_equal(i.code, "script-format-error");
		assert_non_null(strstr(i.detail, "after the end"));
	}
}

static int put_row(struct job_store *s, void *arg)
{
	struct runfile_half *h = arg;
	int r;

	r = job_db_run(&s->db, "INSERT INTO apdus VALUES(?,0,x'80100000',4,x'',0,0,2,0,0,0)",
		       "i", (int64_t)h->job);
	return r ? r : job_write_apdus(s, h, JOB_SCRIPT);
}

static int see(void *userdata, const struct job_apdu *a)
{
	*(unsigned int *)userdata = a->outcome;
	return 0;
}

/* A damaged run file: a word for the outcome that there is not is "not known". */
static void test_strange_outcome(void **state)
{
	static const uint8_t s[] = {0xaa, 6, 0x22, 4, 0x80, 0x10, 0, 0};
	struct runfile_half *h = calloc(1, sizeof(*h));
	unsigned int outcome = 99;

	(void)state;
	assert_non_null(h);
	h->job = make(s, sizeof(s));
	h->n = 1;
	h->apdus[0].outcome = 77;
	assert_int_equal(job_write(store, false, put_row, h), 0);
	assert_int_equal(job_apdus(store, h->job, see, &outcome), 0);
	assert_int_equal(outcome, SE_OUTCOME_UNKNOWN);
	free(h);
}

static int put_running(struct job_store *s, void *arg)
{
	return job_db_run(&s->db, "UPDATE jobs SET state=2,run=1,se='se1' WHERE id=?", "i",
			  (int64_t)*(uint64_t *)arg);
}

/*
 * The worker was told to end while the disk was full: its job is "running" in the
 * journal, and nobody runs it. When the SE comes back, that is put right first.
 */
static void test_left_by_a_worker(void **state)
{
	static const uint8_t s[] = {0xaa, 6, 0x22, 4, 0x80, 0x10, 0, 0};
	uint64_t id = make(s, sizeof(s));
	struct job_info i;

	(void)state;
	assert_int_equal(job_write(store, false, put_running, &id), 0);
	assert_int_equal(job_se_add(store, "se2", "ioctl:/dev/null", "eSE"), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.state, JOB_RUNNING);
	assert_int_equal(job_se_add(store, "se1", "ioctl:/dev/null", "eSE"), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.state, JOB_FAILED);
	assert_string_equal(i.code, "interrupted");
	assert_non_null(strstr(i.detail, "se1 ended unexpectedly"));
}

/*
 * The journal as version 1 had it: its schema, a job that was done and one that was running
 * when the power went.
 */
static const char journal_1[] =
	"CREATE TABLE jobs("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL DEFAULT 0,"
	" origin TEXT NOT NULL, slot INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
	" se TEXT NOT NULL DEFAULT '', aid BLOB NOT NULL DEFAULT x'',"
	" keep INTEGER NOT NULL DEFAULT 0, compact INTEGER NOT NULL DEFAULT 0,"
	" token INTEGER NOT NULL DEFAULT 0,"
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
	" aid BLOB NOT NULL, PRIMARY KEY(origin, token)) WITHOUT ROWID;"
	"INSERT INTO "
	"jobs(run,origin,slot,state,se,aid,token,executed,total,code,detail,last_sw,"
	"interrupted,result_len,indefinite) "
	"VALUES(3,'lwm2m:main',5,3,'se0',x'A000000151',7,1,1,'ok',"
	"'1 APDUs executed',36864,1,9,0);"
	"INSERT INTO apdus VALUES(1,0,x'80200000',5,x'00019000',4,36864,1,0,10,20);"
	"INSERT INTO jobs(run,origin,slot,state,se,executed,total,chunk_first,chunk_n,half)"
	" VALUES(1,'control:0',-1,2,'se0',1,3,1,2,1);"
	"INSERT INTO apdus VALUES(2,0,x'80200000',5,x'9000',2,36864,1,0,10,20);"
	"INSERT INTO apdus VALUES(2,1,x'80200001',5,x'',0,0,2,0,0,0);"
	"INSERT INTO apdus VALUES(2,2,x'80200002',5,x'',0,0,2,0,0,0);"
	"INSERT INTO kept VALUES('lwm2m:main',7,'se0',x'A000000151');"
	"PRAGMA application_id=0x5345534d; PRAGMA user_version=1;";

static int64_t pragma(const char *path, const char *text)
{
	sqlite3_stmt *st;
	int64_t v = -1;
	sqlite3 *sql;

	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(sql);
	return v;
}

static void test_old_journal(void **state)
{
	static const uint8_t rsp[] = {0xab, 9, 0x80, 1, 1, 0x23, 4, 0, 1, 0x90, 0};
	char old[96], path[128], cmd[128];
	struct job_options o = {.dir = old};
	struct job_store *s = NULL;
	uint8_t buf[32];
	struct job_error e;
	struct job_info i;
	uint64_t id = 0;
	sqlite3 *sql;

	(void)state;
	snprintf(old, sizeof(old), "/tmp/test-journal-XXXXXX");
	assert_non_null(mkdtemp(old));
	snprintf(path, sizeof(path), "%s/journal.db", old);
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, journal_1, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sql);

	assert_int_equal(job_store_open(&s, &o, &e), 0);
	/* what was done is as it was, its answer too */
	assert_int_equal(job_find(s, "lwm2m:main", 5, &i), 0);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(i.run, 3);
	assert_int_equal(i.params.kind, JOB_SCRIPT);
	assert_int_equal(i.params.aid_len, 5);
	assert_int_equal(i.params.token, 7);
	assert_false(i.resumable);
	assert_int_equal(job_result_read(s, i.id, 0, buf, sizeof(buf)), (int)sizeof(rsp));
	assert_memory_equal(buf, rsp, sizeof(rsp));
	assert_int_equal(job_rollback(s, i.id, false, &e), -EINVAL);
	/* what was running is closed, with what is known of it */
	assert_int_equal(job_get(s, 2, &i), 0);
	assert_int_equal(i.state, JOB_UNKNOWN);
	assert_string_equal(i.code, "interrupted");
	assert_int_equal(i.executed, 1);
	/* it takes the new kind of job */
	assert_int_equal(job_create(s, "control:0", JOB_SLOT_NONE, &id, &e), 0);
	assert_int_equal(id, 3);
	assert_int_equal(
		job_set(s, id, &(struct job_params){.se = "se0", .kind = JOB_PLAN}, &e), 0);
	job_store_close(s);
	assert_int_equal(pragma(path, "PRAGMA user_version"), 2);
	/* once more, now that it is a new one */
	assert_int_equal(job_store_open(&s, &o, &e), 0);
	assert_int_equal(job_get(s, 3, &i), 0);
	assert_int_equal(i.params.kind, JOB_PLAN);
	job_store_close(s);
	/* and one of a newer program is left alone */
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	sqlite3_exec(sql, "PRAGMA user_version=3", NULL, NULL, NULL);
	sqlite3_close(sql);
	assert_int_equal(job_store_open(&s, &o, &e), -EPROTO);
	assert_int_equal(pragma(path, "PRAGMA user_version"), 3);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", old);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cancel_when_taken, fresh, done),
		cmocka_unit_test_setup_teardown(test_bytes_behind, fresh, done),
		cmocka_unit_test_setup_teardown(test_strange_outcome, fresh, done),
		cmocka_unit_test_setup_teardown(test_left_by_a_worker, fresh, done),
		cmocka_unit_test(test_old_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
