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

	for (int n = 0; n < 1000; n++) {
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cancel_when_taken, fresh, done),
		cmocka_unit_test_setup_teardown(test_bytes_behind, fresh, done),
		cmocka_unit_test_setup_teardown(test_strange_outcome, fresh, done),
		cmocka_unit_test_setup_teardown(test_left_by_a_worker, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
