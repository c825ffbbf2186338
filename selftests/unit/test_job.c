// SPDX-License-Identifier: Apache-2.0
/*
 * The journal against a small SE on a UNIX socket, played by a thread of this
 * program: MANAGE CHANNEL, SELECT, and a few commands whose executions it counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "job/job.h"

/* ---- the SE ---- */

/* until when a command INS 30 takes, beside its time */
enum { NOT_HELD, UNTIL_TOLD, UNTIL_NUDGED };

/* shared with children, so that a killed one's APDUs are counted too */
struct witness {
	atomic_uint counter; /* executions of INS 20 */
	atomic_uint selects;
	atomic_uint channels;
	atomic_uint resets;
	atomic_uint nudged;    /* times that a signal ended the wait for the SE */
	atomic_int serving;    /* connections */
	atomic_int hold;       /* the next INS 30 … */
	atomic_uint hold_from; /* … after so many INS 20 */
	atomic_bool held;      /* it is there */
	atomic_bool vanish;    /* drop all connections, take no new one */
};

static struct witness *seen;
static char dir[64], sock_path[96], state_dir[96];
static int listen_fd;

static int read_all(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = read(fd, p, len);
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* libse's wait, which a signal ends; it may as well find an answer and no signal */
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *set)
{
	struct timespec t = timeout ? *timeout : (struct timespec){0};
	int r = (int)syscall(SYS_ppoll, fds, n, timeout ? &t : NULL, set, _NSIG / 8);

	if (r < 0 && errno == EINTR)
		atomic_fetch_add(&seen->nudged, 1);
	return r;
}

static void nap(void)
{
	nanosleep(&(const struct timespec){0, 1000000}, NULL);
}

static void stay(void)
{
	unsigned int nudged = atomic_load(&seen->nudged);
	int until = atomic_load(&seen->hold);

	if (until == NOT_HELD || atomic_load(&seen->counter) < atomic_load(&seen->hold_from))
		return;
	atomic_store(&seen->held, true);
	while (atomic_load(&seen->hold) == until &&
	       (until == UNTIL_TOLD || atomic_load(&seen->nudged) == nudged))
		nap();
	atomic_store(&seen->hold, NOT_HELD);
}

/* The next command INS 30 is that long; see held(). */
static void hold(int until)
{
	atomic_store(&seen->held, false);
	atomic_store(&seen->hold_from, 0);
	atomic_store(&seen->hold, until);
}

static void held(void)
{
	for (int i = 0; i < 60000 && !atomic_load(&seen->held); i++)
		nap();
	assert_true(atomic_load(&seen->held));
}

static void told(void)
{
	atomic_store(&seen->hold, NOT_HELD);
}

static size_t answer(const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	static const uint8_t wrong[] = {0xa0, 0, 0, 0, 0xff};
	const struct timespec ms = {0, 1000000};
	unsigned int n = 0, i;
	uint16_t sw = 0x9000;

	switch (cmd[1]) {
	case 0x70:
		if (!cmd[2])
			rsp[n++] = (uint8_t)(1 + atomic_fetch_add(&seen->channels, 1) % 3);
		break;
	case 0xa4:
		atomic_fetch_add(&seen->selects, 1);
		if (len >= 10 && !memcmp(cmd + 5, wrong, sizeof(wrong)))
			sw = 0x6a82;
		else
			rsp[n++] = 0x6f, rsp[n++] = 0x00;
		break;
	case 0x20:
		i = 1 + atomic_fetch_add(&seen->counter, 1);
		rsp[n++] = (uint8_t)(i >> 8);
		rsp[n++] = (uint8_t)i;
		break;
	case 0x30:
		for (i = 0; i < (unsigned int)(cmd[2] << 8 | cmd[3]); i++)
			nanosleep(&ms, NULL);
		stay();
		break;
	case 0x40:
		for (i = 0; i < (unsigned int)(cmd[2] << 8 | cmd[3]); i++)
			rsp[n++] = (uint8_t)i;
		break;
	case 0x66:
		atomic_store(&seen->vanish, true);
		return 0;
	default:
		sw = 0x6d00;
	}
	rsp[n++] = (uint8_t)(sw >> 8);
	rsp[n++] = (uint8_t)sw;
	return n;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint8_t head[2], cmd[65536], *rsp = malloc(70000);
	size_t len, n;

	while (!read_all(fd, head, 2)) {
		len = (size_t)head[0] << 8 | head[1];
		if (read_all(fd, cmd, len) || atomic_load(&seen->vanish))
			break;
		if (len == 1) {
			n = cmd[0] == 4 ? 2 : 0;
			memcpy(rsp + 2, "\x3b\x00", 2);
			atomic_fetch_add(&seen->resets, cmd[0] == 2);
			if (!n)
				continue;
		} else {
			n = answer(cmd, len, rsp + 2);
			if (!n)
				break;
		}
		rsp[0] = (uint8_t)(n >> 8);
		rsp[1] = (uint8_t)n;
		if (write(fd, rsp, n + 2) != (ssize_t)(n + 2))
			break;
	}
	close(fd);
	free(rsp);
	atomic_fetch_sub(&seen->serving, 1);
	return NULL;
}

static void *accept_loop(void *arg)
{
	pthread_t t;
	int fd;

	(void)arg;
	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		if (atomic_load(&seen->vanish)) {
			close(fd);
			continue;
		}
		atomic_fetch_add(&seen->serving, 1);
		pthread_create(&t, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

static int start_se(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	pthread_t t;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
	snprintf(dir, sizeof(dir), "/tmp/test-job-XXXXXX");
	if (seen == MAP_FAILED || !mkdtemp(dir))
		return -1;
	snprintf(sock_path, sizeof(sock_path), "%s/se", dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/se", dir);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listen_fd, (struct sockaddr *)&a, sizeof(a)) || listen(listen_fd, 64))
		return -1;
	return pthread_create(&t, NULL, accept_loop, NULL);
}

/* ---- helpers ---- */

static struct job_store *store;

static int open_store(const char *path, unsigned int chunk)
{
	struct job_options o = {.dir = path, .chunk = chunk, .lock_wait_ms = 5000};
	struct job_error e;
	int r;

	r = job_store_open(&store, &o, &e);
	if (r)
		print_message("open: %s: %s\n", e.code, e.detail);
	return r;
}

static void add_se(void)
{
	char open[128];

	snprintf(open, sizeof(open), "socket:%s", sock_path);
	assert_int_equal(job_se_add(store, "se0", open, "eSE"), 0);
}

static void close_store(void)
{
	job_store_close(store);
	store = NULL;
}

static int fresh(void **state)
{
	char cmd[160];
	static int nr;

	(void)state;
	snprintf(state_dir, sizeof(state_dir), "%s/state%d", dir, nr++);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", state_dir);
	atomic_store(&seen->vanish, false);
	atomic_store(&seen->counter, 0);
	atomic_store(&seen->selects, 0);
	return system(cmd) || open_store(state_dir, 4);
}

static int done(void **state)
{
	(void)state;
	told(); /* by a test that failed */
	if (store)
		close_store();
	return 0;
}

/* An AA script of n commands 80 INS P1 P2 00. */
static size_t script(uint8_t *out, unsigned int n, uint8_t ins, uint16_t p1p2)
{
	size_t body = n * 7U, at = 0;
	unsigned int i;

	out[at++] = 0xaa;
	if (body > 255) {
		out[at++] = 0x82;
		out[at++] = (uint8_t)(body >> 8);
	} else if (body > 127) {
		out[at++] = 0x81;
	}
	out[at++] = (uint8_t)body;
	for (i = 0; i < n; i++) {
		out[at++] = 0x22;
		out[at++] = 5;
		out[at++] = 0x80;
		out[at++] = ins;
		out[at++] = (uint8_t)(p1p2 >> 8);
		out[at++] = (uint8_t)p1p2;
		out[at++] = 0;
	}
	return at;
}

static uint64_t make(const char *origin, int64_t slot, bool keep, uint32_t deadline,
		     const uint8_t *s, size_t len)
{
	struct job_params p = {
		.se = "se0", .keep_channel = keep, .token = 7, .deadline_s = deadline};
	struct job_error e;
	uint64_t id;

	assert_int_equal(job_create(store, origin, slot, &id, &e), 0);
	assert_int_equal(job_set(store, id, &p, &e), 0);
	if (len) {
		assert_int_equal(job_script_write(store, id, 0, s, len, &e), 0);
		assert_int_equal(job_script_end(store, id, &e), 0);
	}
	return id;
}

static struct job_info wait_end(uint64_t id)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};
	struct job_info i;
	int n;

	for (n = 0; n < 6000; n++) {
		assert_int_equal(job_get(store, id, &i), 0);
		if (i.state > JOB_RUNNING)
			return i;
		poll(&p, 1, 20);
		job_store_dispatch(store);
	}
	fail_msg("job %s never ended: %s", i.name, job_state_name(i.state));
	return i;
}

static struct job_info run(uint64_t id)
{
	struct job_error e = {0};

	if (job_run(store, id, &e))
		fail_msg("run: %s: %s", e.code, e.detail);
	return wait_end(id);
}

static int add_outcome(void *ctx, const struct job_apdu *a)
{
	unsigned int *n = ctx;

	n[a->outcome]++;
	return 0;
}

/* ---- tests ---- */

static void test_done(void **state)
{
	uint8_t s[512], rsp[256];
	unsigned int n[3] = {0};
	struct job_error e;
	struct job_info i;
	uint64_t id;
	int len;

	(void)state;
	add_se();
	id = make("t:1", 3, false, 0, s, script(s, 10, 0x20, 1));
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_string_equal(i.code, "ok");
	assert_int_equal(i.executed, 10);
	assert_int_equal(i.total, 10);
	assert_int_equal(i.last_sw, 0x9000);
	assert_int_equal(i.select_sw, 0x9000);
	assert_int_equal(i.select_rsp_len, 4);
	assert_int_equal(atomic_load(&seen->counter), 10);
	job_apdus(store, id, add_outcome, n);
	assert_int_equal(n[SE_OUTCOME_EXECUTED], 10);

	/* AB with 80 01 0A and ten 23 04 xxxx 9000; read in two pieces */
	assert_int_equal(i.result_len, 2 + 3 + 10 * 6);
	len = job_result_read(store, id, 0, rsp, 40);
	assert_int_equal(len, 40);
	len += job_result_read(store, id, 40, rsp + 40, sizeof(rsp) - 40);
	assert_int_equal(len, i.result_len);
	assert_memory_equal(rsp, "\xab\x3f\x80\x01\x0a\x23\x04\x00\x01\x90\x00", 11);
	assert_memory_equal(rsp + len - 6, "\x23\x04\x00\x0a\x90\x00", 6);
	assert_int_equal(job_result_read(store, id, i.result_len, rsp, 10), 0);

	/* not again before it is acknowledged; nothing left after */
	assert_int_equal(job_run(store, id, &e), -EBUSY);
	assert_string_equal(e.code, "not-idle");
	assert_int_equal(job_ack(store, id, &e), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.state, JOB_IDLE);
	assert_int_equal(i.result_len, 0);
	assert_string_equal(i.params.se, "se0");
	assert_int_equal(job_result_read(store, id, 0, rsp, 10), 0);
	assert_int_equal(job_run(store, id, &e), -EINVAL);
	assert_string_equal(e.code, "no-script");
	assert_int_equal(job_delete(store, id, &e), 0);
	assert_int_equal(job_get(store, id, &i), -ENOENT);
}

static void test_status_word(void **state)
{
	static const uint8_t s[] = {0xae, 0x80, 0x22, 0x05, 0x80, 0x20, 0, 0,	 0,
				    0x22, 0x05, 0x80, 0x99, 0,	  0,	0, 0x22, 0x05,
				    0x80, 0x20, 0,    0,    0,	  0,	0};
	uint8_t rsp[64];
	struct job_info i;
	uint64_t id;
	int n;

	(void)state;
	add_se();
	id = make("t:1", 0, false, 0, s, sizeof(s));
	i = run(id);
	assert_int_equal(i.state, JOB_FAILED);
	assert_string_equal(i.code, "status-word");
	assert_int_equal(i.last_sw, 0x6d00);
	assert_int_equal(i.executed, 2);
	assert_int_equal(i.total, 3);
	assert_int_equal(i.interrupted, SE_OUTCOME_EXECUTED);
	assert_int_equal(atomic_load(&seen->counter), 1);
	n = job_result_read(store, id, 0, rsp, sizeof(rsp));
	assert_true(n > 4);
	assert_memory_equal(rsp, "\xaf\x80", 2);
}

/* The error action in force is named with the error; an empty one is none. */
static void test_error_action(void **state)
{
	/* 82 D0 DISPLAY TEXT; 22 fine; 22 6D00 */
	static const uint8_t named[] = {0xaa, 0x1b, 0x82, 0x0b, 0xd0, 0x09, 0x81, 0x03,
					0x01, 0x21, 0x80, 0x82, 0x02, 0x81, 0x02, 0x22,
					0x05, 0x80, 0x20, 0,	0,    0,    0x22, 0x05,
					0x80, 0x99, 0,	  0,	0};
	/* the same, and an empty one before the APDU that fails */
	static const uint8_t lifted[] = {0xaa, 0x16, 0x82, 0x04, 0xd0, 0x02, 0x81, 0x00,
					 0x22, 0x05, 0x80, 0x20, 0,    0,    0,	   0x82,
					 0x00, 0x22, 0x05, 0x80, 0x99, 0,    0,	   0};
	/* one that comes after the APDU that fails */
	static const uint8_t late[] = {0xaa, 0x12, 0x22, 0x05, 0x80, 0x99, 0, 0, 0, 0x82,
				       0x02, 0x01, 0x02, 0x22, 0x05, 0x80, 0, 0, 0, 0};
	struct job_info i;

	(void)state;
	add_se();
	i = run(make("t:1", 0, false, 0, named, sizeof(named)));
	assert_int_equal(i.state, JOB_FAILED);
	assert_string_equal(i.code, "status-word");
	assert_int_equal(i.executed, 2);
	assert_non_null(
		strstr(i.detail, "at byte 2 (11 bytes, DISPLAY TEXT) was not performed"));
	i = run(make("t:1", 1, false, 0, lifted, sizeof(lifted)));
	assert_string_equal(i.code, "status-word");
	assert_null(strstr(i.detail, "action"));
	i = run(make("t:1", 2, false, 0, late, sizeof(late)));
	assert_string_equal(i.code, "status-word");
	assert_null(strstr(i.detail, "action"));
}

static void test_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *code;
	} bad[] = {
		{"\xaa\x0a\x22\x08\x80\x20\x00", 7, "script-format-error"}, /* cut short */
		{"\xaa\x07\x23\x05\x80\x20\x00\x00\x00", 9, "script-format-error"},
		{"\xaa\x05\x22\x03\x80\x20\x00", 7, "script-format-error"}, /* C-APDU of 3 */
		{"\xaa\x07\x22\x05\x00\x70\x00\x00\x01", 9, "script-refused"},
		{"\xaa\x0c\x22\x0a\x00\xa4\x04\x00\x05\xa0\x00\x00\x00\x03", 14,
		 "script-refused"},
		{"\xaa\x0a\x83\x01\x01\x22\x05\x80\x20\x00\x00\x00", 12,
		 "chaining-unsupported"},
	};
	struct job_error e;
	struct job_info i;
	uint64_t id;
	size_t n;

	(void)state;
	add_se();
	for (n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		id = make("t:1", (int64_t)n, false, 0, (const uint8_t *)bad[n].bytes,
			  bad[n].len);
		i = run(id);
		assert_int_equal(i.state, JOB_FAILED);
		assert_string_equal(i.code, bad[n].code);
		assert_true(strlen(i.detail) > 10);
		assert_int_equal(i.executed, 0);
		assert_int_equal(i.interrupted, SE_OUTCOME_NOT_SENT);
		assert_true(i.result_len >= 5);
	}
	assert_int_equal(atomic_load(&seen->counter), 0);
	assert_int_equal(atomic_load(&seen->selects), 0);

	/* staging: gaps, no SE, limits */
	id = make("t:2", 0, false, 0, NULL, 0);
	assert_int_equal(job_script_write(store, id, 5, "x", 1, &e), -EINVAL);
	assert_string_equal(e.code, "script-gap");
	assert_int_equal(job_script_write(store, id, 0, "abc", 3, &e), 0);
	assert_int_equal(job_script_write(store, id, 3, "def", 3, &e), 0);
	assert_int_equal(job_script_write(store, id, 0, "\xaa\x00", 2, &e), 0);
	assert_int_equal(job_script_end(store, id, &e), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.script_len, 2);
	assert_int_equal(job_se_remove(store, "se0"), 0);
	assert_int_equal(job_run(store, id, &e), -ENODEV);
	assert_string_equal(e.code, "no-such-se");
	assert_int_equal(job_create(store, "t:2", 0, &id, &e), -EEXIST);
	for (n = 1; n < 32; n++)
		assert_int_equal(job_create(store, "t:2", (int64_t)n, &id, &e), 0);
	assert_int_equal(job_create(store, "t:2", 99, &id, &e), -EDQUOT);
	assert_string_equal(e.code, "too-many-jobs");
}

static void test_no_application(void **state)
{
	struct job_params p = {.se = "se0", .aid = {0xa0, 0, 0, 0, 0xff}, .aid_len = 5};
	struct job_error e;
	struct job_info i;
	uint8_t s[64];
	uint64_t id;

	(void)state;
	add_se();
	id = make("t:1", 0, false, 0, s, script(s, 1, 0x20, 0));
	assert_int_equal(job_set(store, id, &p, &e), 0);
	i = run(id);
	assert_int_equal(i.state, JOB_FAILED);
	assert_string_equal(i.code, "no-application");
	assert_int_equal(i.select_sw, 0x6a82);
	assert_int_equal(i.last_sw, 0x6a82);
	assert_int_equal(atomic_load(&seen->counter), 0);
}

static void test_keep_channel(void **state)
{
	struct job_params p = {.se = "se0", .token = 7};
	struct job_error e;
	struct job_info i;
	uint8_t s[64];
	uint64_t id;
	size_t len = script(s, 2, 0x20, 0);

	(void)state;
	add_se();
	id = make("t:1", 7, true, 0, s, len);
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(atomic_load(&seen->selects), 1);

	/* second script: same channel, no SELECT; kept again */
	job_ack(store, id, &e);
	job_script_write(store, id, 0, s, len, &e);
	job_script_end(store, id, &e);
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(i.select_sw, 0);
	assert_int_equal(i.run, 2);
	assert_int_equal(atomic_load(&seen->selects), 1);

	/* after a restart the channel is lost: said once, then anew */
	close_store();
	assert_int_equal(open_store(state_dir, 4), 0);
	add_se();
	job_ack(store, id, &e);
	job_script_write(store, id, 0, s, len, &e);
	job_script_end(store, id, &e);
	i = run(id);
	assert_int_equal(i.state, JOB_FAILED);
	assert_string_equal(i.code, "channel-lost");
	assert_int_equal(atomic_load(&seen->counter), 4);
	job_ack(store, id, &e);
	assert_int_equal(job_set(store, id, &p, &e), 0);
	job_script_write(store, id, 0, s, len, &e);
	job_script_end(store, id, &e);
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(atomic_load(&seen->selects), 2);
}

/* a counter, a command that may be held, and counters: one chunk */
static const uint8_t mixed[] = {0xaa, 0x1c, 0x22, 5,	0x80, 0x20, 0,	  0, 0,	   0x22,
				5,    0x80, 0x30, 0,	0,    0,    0x22, 5, 0x80, 0x20,
				0,    0,    0,	  0x22, 5,    0x80, 0x20, 0, 0,	   0};

static void test_deadline_cancel(void **state)
{
	struct job_error e;
	struct job_info i;
	uint8_t s[512];
	uint64_t id, id2;
	size_t len;

	(void)state;
	add_se();
	hold(UNTIL_TOLD);
	id = make("t:1", 0, false, 1, mixed, sizeof(mixed));
	i = run(id);
	assert_string_equal(i.code, "deadline");
	if (i.state == JOB_UNKNOWN) {
		/* the exchange on the wire was given up: it may have run */
		assert_true(atomic_load(&seen->held));
		assert_int_equal(i.executed, 1);
	} else { /* a machine that had not come so far in a second */
		assert_int_equal(i.state, JOB_EXPIRED);
		assert_true(i.executed < 2);
	}
	assert_int_equal(atomic_load(&seen->counter), i.executed);
	told();

	hold(UNTIL_TOLD);
	len = script(s, 40, 0x20, 0);
	memcpy(s + len - 7 * 30 + 3, "\x30", 1); /* not in the first chunk, nor in the last */
	id = make("t:2", 0, false, 0, s, len);
	id2 = make("t:2", 1, false, 0, s, script(s, 1, 0x20, 0));
	assert_int_equal(job_run(store, id, &e), 0);
	assert_int_equal(job_run(store, id2, &e), 0);
	assert_int_equal(job_delete(store, id2, &e), -EBUSY);
	assert_int_equal(job_cancel(store, id2, &e), 0); /* still queued */
	held();
	assert_int_equal(job_cancel(store, id, &e), 0);
	told();
	i = wait_end(id);
	assert_int_equal(i.state, JOB_CANCELLED);
	assert_true(i.executed > 10 && i.executed < 40);
	i = wait_end(id2);
	assert_int_equal(i.state, JOB_CANCELLED);
	assert_int_equal(i.executed, 0);
	assert_int_equal(job_cancel(store, id, &e), -EALREADY);
}

/* That script, in the midst of its second command. */
static uint64_t start_slow(bool keep, int until)
{
	struct job_error e;
	uint64_t id;

	hold(until);
	id = make("t:1", 0, keep, 0, mixed, sizeof(mixed));
	assert_int_equal(job_run(store, id, &e), 0);
	held();
	return id;
}

static void test_cancel_in_chunk(void **state)
{
	unsigned int n[3] = {0};
	struct job_error e;
	struct job_info i;
	uint8_t s[64];
	uint64_t id;

	(void)state;
	add_se();
	id = start_slow(true, UNTIL_NUDGED);
	assert_int_equal(job_cancel(store, id, &e), 0);
	i = wait_end(id);
	assert_int_equal(i.state, JOB_CANCELLED);
	assert_string_equal(i.code, "cancelled");
	/* the one on the wire was waited for, the next not sent */
	assert_int_equal(i.executed, 2);
	assert_int_equal(i.interrupted, SE_OUTCOME_NOT_SENT);
	assert_int_equal(atomic_load(&seen->counter), 1);
	job_apdus(store, id, add_outcome, n);
	assert_int_equal(n[SE_OUTCOME_EXECUTED], 2);
	assert_int_equal(n[SE_OUTCOME_UNKNOWN], 0);

	/* the channel is as good as before, and no signal is left over */
	assert_int_equal(job_ack(store, id, &e), 0);
	assert_int_equal(job_script_write(store, id, 0, s, script(s, 4, 0x20, 0), &e), 0);
	assert_int_equal(job_script_end(store, id, &e), 0);
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(i.select_sw, 0);
	assert_int_equal(atomic_load(&seen->selects), 1);
}

static void test_stop_in_chunk(void **state)
{
	struct job_info i;
	uint64_t id;

	(void)state;
	add_se();
	id = start_slow(false, UNTIL_NUDGED);
	close_store();
	assert_int_equal(open_store(state_dir, 4), 0);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.state, JOB_FAILED);
	assert_string_equal(i.code, "interrupted");
	assert_int_equal(i.executed, 2);
	assert_int_equal(i.interrupted, SE_OUTCOME_NOT_SENT);
	assert_int_equal(atomic_load(&seen->counter), 1);
}

/* It went and came back between two looks: the job on the new connection stays. */
static void test_se_back(void **state)
{
	struct job_se_info info;
	struct job_error e;
	struct job_info i;
	uint8_t s[64];
	uint64_t id;
	int n;

	(void)state;
	add_se();
	assert_int_equal(job_se_remove_gone(store, "se0"), -EBUSY);
	atomic_store(&seen->vanish, true);
	for (n = 0; n < 60000; n++) {
		assert_int_equal(job_se_get(store, 0, &info), 0);
		if (info.error)
			break;
		nap();
	}
	assert_int_equal(info.error, -ENODEV);
	atomic_store(&seen->vanish, false);
	id = start_slow(false, UNTIL_TOLD);
	assert_int_equal(job_se_get(store, 0, &info), 0);
	assert_int_equal(info.error, 0);
	assert_int_equal(info.state, SE_STATE_BUSY);
	assert_int_equal(job_se_remove_gone(store, "se0"), -EBUSY);
	told();
	i = wait_end(id);
	assert_int_equal(i.state, JOB_DONE);

	/* a channel that was kept is looked at before it is used */
	id = make("t:2", 0, true, 0, s, script(s, 1, 0x20, 0));
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(job_ack(store, id, &e), 0);
	assert_int_equal(job_script_write(store, id, 0, s, script(s, 1, 0x20, 0), &e), 0);
	assert_int_equal(job_script_end(store, id, &e), 0);
	atomic_store(&seen->vanish, true);
	i = run(id);
	assert_string_equal(i.code, "channel-lost");
	assert_int_equal(atomic_load(&seen->counter), 4);

	/* and if it stays away, it goes */
	for (n = 0; n < 60000 && job_se_remove_gone(store, "se0"); n++)
		nap();
	assert_int_equal(job_se_get(store, 0, &info), -ENOENT);
	assert_int_equal(job_se_remove_gone(store, "se0"), -ENOENT);
}

static void test_se_gone(void **state)
{
	static const uint8_t s[] = {0xaa, 0x15, 0x22, 0x05, 0x80, 0x20, 0, 0,
				    0,	  0x22, 0x05, 0x80, 0x66, 0,	0, 0,
				    0x22, 0x05, 0x80, 0x20, 0,	  0,	0};
	unsigned int n[3] = {0};
	struct job_info i;
	uint64_t id;

	(void)state;
	add_se();
	id = make("t:1", 0, false, 0, s, sizeof(s));
	i = run(id);
	assert_int_equal(i.state, JOB_UNKNOWN);
	assert_string_equal(i.code, "se-gone");
	assert_int_equal(i.executed, 1);
	assert_int_equal(i.interrupted, SE_OUTCOME_UNKNOWN);
	job_apdus(store, id, add_outcome, n);
	assert_int_equal(n[SE_OUTCOME_EXECUTED], 1);
	assert_int_equal(n[SE_OUTCOME_UNKNOWN], 1);
	assert_int_equal(n[SE_OUTCOME_NOT_SENT], 1);
	assert_int_equal(atomic_load(&seen->counter), 1);
}

static void test_compact_and_long(void **state)
{
	/* 80 40 01 00 with extended Le 0000: 256 bytes back */
	static const uint8_t ext[] = {0xaa, 0x09, 0x22, 0x07, 0x80, 0x40, 0x01, 0x00, 0, 0, 0};
	static const uint8_t compact[] = {0x80, 0x20, 0, 0, 0, 0x80, 0x20, 0, 0, 0};
	struct job_params p = {.se = "se0", .compact = true};
	struct job_error e;
	struct job_info i;
	uint8_t rsp[16];
	uint64_t id;

	(void)state;
	add_se();
	id = make("t:1", 0, false, 0, ext, sizeof(ext));
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_true(i.result_len > 258);
	id = make("t:1", 1, false, 0, compact, sizeof(compact));
	assert_int_equal(job_set(store, id, &p, &e), 0);
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(i.executed, 2);
	assert_int_equal(job_result_read(store, id, 0, rsp, sizeof(rsp)), 5);
	assert_memory_equal(rsp, "\x02\x90\x00\x00\x02", 5);
}

static void count_dedup(void *ctx, const void *key, size_t key_len, const void *rsp,
			size_t rsp_len, uint32_t left_s)
{
	unsigned int *n = ctx;

	assert_int_equal(key_len, 2);
	if (!memcmp(key, "k1", 2)) {
		assert_int_equal(rsp_len, 4);
		assert_memory_equal(rsp, "resp", 4);
	} else {
		assert_memory_equal(key, "k2", 2);
		assert_int_equal(rsp_len, 0);
	}
	assert_true(left_s > 200 && left_s <= 247);
	(*n)++;
}

static void test_records(void **state)
{
	struct job_info i;
	unsigned int n = 0;
	uint64_t id;

	(void)state;
	assert_int_equal(job_dedup_put(store, "k1", 2, "r", 1, 247), 0);
	assert_int_equal(job_dedup_put(store, "k1", 2, "resp", 4, 247), 0);
	assert_int_equal(job_dedup_put(store, "k2", 2, NULL, 0, 247), 0);
	id = make("t:1", 6, false, 0, NULL, 0);
	close_store();
	assert_int_equal(open_store(state_dir, 4), 0);
	assert_int_equal(job_dedup_each(store, count_dedup, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(job_find(store, "t:1", 6, &i), 0);
	assert_int_equal(i.id, id);
}

struct probe_seen {
	int error;
	size_t n;
	uint16_t sw;
};

static void on_probe(void *ctx, int error, struct job_probe_apdu *a, size_t n)
{
	struct probe_seen *p = ctx;

	p->error = error;
	p->n = n;
	if (a[0].rsp_len >= 2)
		p->sw = (uint16_t)(a[0].rsp[a[0].rsp_len - 2] << 8 |
				   a[0].rsp[a[0].rsp_len - 1]);
}

static void test_probe(void **state)
{
	struct job_probe_apdu *a = calloc(1, sizeof(*a));
	struct pollfd p;
	struct probe_seen got = {.error = 1};
	struct job_se_info info;
	int n;

	(void)state;
	add_se();
	p = (struct pollfd){.fd = job_store_fd(store), .events = POLLIN};
	assert_int_equal(job_se_get(store, 0, &info), 0);
	assert_string_equal(info.name, "se0");
	assert_int_equal(info.cip_len, 2);
	assert_int_equal(job_se_get(store, 1, &info), -ENOENT);
	memcpy(a->cmd, "\x80\x20\x00\x00\x00", 5);
	a->cmd_len = 5;
	assert_int_equal(job_probe(store, "se0", NULL, 0, a, 1, on_probe, &got), -EACCES);
	a->cmd[1] = 0xca;
	assert_int_equal(job_probe(store, "se1", NULL, 0, a, 1, on_probe, &got), -ENODEV);
	assert_int_equal(job_probe(store, "se0", NULL, 0, a, 1, on_probe, &got), 0);
	for (n = 0; n < 1200 && got.error == 1; n++) {
		poll(&p, 1, 50);
		job_store_dispatch(store);
	}
	assert_int_equal(got.error, 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.sw, 0x6d00);
	free(a);
}

struct reset_seen {
	int error;
	uint32_t level;
	enum job_state state; /* of the job that ran meanwhile */
	uint64_t id;
};

static void on_reset(void *userdata, int error, uint32_t level)
{
	struct reset_seen *r = userdata;
	struct job_info i;

	r->error = error;
	r->level = level;
	assert_int_equal(job_get(store, r->id, &i), 0);
	r->state = i.state;
}

static void await_reset(struct reset_seen *r)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};
	int n;

	for (n = 0; n < 1200 && r->error == 1; n++) {
		poll(&p, 1, 50);
		job_store_dispatch(store);
	}
}

/* Between jobs; the generation has moved when it is told, a dialogue is lost. */
static void test_reset(void **state)
{
	struct reset_seen r = {.error = 1};
	struct job_se_info before, after;
	struct job_error e;
	struct job_info i;
	uint8_t s[64];

	(void)state;
	add_se();
	atomic_store(&seen->resets, 0);
	assert_int_equal(job_se_reset(store, "se1", JOB_RESET_BEST, on_reset, &r), -ENODEV);
	assert_int_equal(job_se_reset(store, "se0", 9, on_reset, &r), -EINVAL);
	assert_int_equal(job_se_get(store, 0, &before), 0);
	r.id = start_slow(true, UNTIL_TOLD);
	assert_int_equal(job_se_reset(store, "se0", JOB_RESET_BEST, on_reset, &r), 0);
	assert_int_equal(atomic_load(&seen->resets), 0);
	told();
	await_reset(&r);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.level, SE_RESET_LINE);
	assert_int_equal(r.state, JOB_DONE);
	assert_int_equal(atomic_load(&seen->resets), 1);
	assert_int_equal(job_se_get(store, 0, &after), 0);
	assert_int_equal(after.error, 0);

	assert_int_equal(job_ack(store, r.id, &e), 0);
	assert_int_equal(job_script_write(store, r.id, 0, s, script(s, 1, 0x20, 0), &e), 0);
	assert_int_equal(job_script_end(store, r.id, &e), 0);
	i = run(r.id);
	assert_string_equal(i.code, "channel-lost");

	r.error = 1;
	assert_int_equal(job_se_reset(store, "se0", SE_RESET_RESYNCH, on_reset, &r), 0);
	await_reset(&r);
	assert_int_equal(r.error, -EOPNOTSUPP);
}

/* A child with the store runs a script and is killed in the middle. */
static void killed_child(const uint8_t *s, size_t len)
{
	struct job_error e;
	uint64_t id;

	if (open_store(state_dir, 4))
		_exit(1);
	add_se();
	id = make("t:1", 0, false, 0, s, len);
	if (job_run(store, id, &e))
		_exit(1);
	for (;;)
		pause();
}

static void test_kill(void **state)
{
	unsigned int n[3] = {0}, ran;
	struct job_info i;
	uint8_t s[512];
	size_t len = script(s, 40, 0x20, 1);
	pid_t child;
	int k, status;

	(void)state;
	/* every other one may be held: the one after the tenth counter is */
	for (k = 0; k < 40; k++)
		if (k % 2)
			memcpy(s + len - 7U * (size_t)(40 - k) + 3, "\x30\x00\x02", 3);
	close_store();
	hold(UNTIL_TOLD);
	atomic_store(&seen->hold_from, 10);
	child = fork();
	if (!child)
		killed_child(s, len);
	held();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	told();
	for (k = 0; k < 60000 && atomic_load(&seen->serving); k++)
		nap();
	assert_int_equal(atomic_load(&seen->serving), 0);
	ran = atomic_load(&seen->counter);

	assert_int_equal(open_store(state_dir, 4), 0);
	assert_int_equal(job_find(store, "t:1", 0, &i), 0);
	assert_true(i.state == JOB_FAILED || i.state == JOB_UNKNOWN);
	assert_string_equal(i.code, "interrupted");
	job_apdus(store, i.id, add_outcome, n);
	assert_true(n[SE_OUTCOME_UNKNOWN] <= 1);
	assert_int_equal(n[SE_OUTCOME_EXECUTED], i.executed);
	assert_true(i.executed >= 2 * ran - 3 && i.executed <= 2 * ran + 1);
	/* nothing runs by itself afterwards */
	add_se();
	nap();
	assert_int_equal(atomic_load(&seen->counter), ran);
}

/* What a full disk does, on a small file system of our own. */
static void test_full_disk(void **state)
{
	uint8_t s[512], junk[4096] = {0};
	char path[160], fill[192];
	struct job_error e;
	struct job_info i;
	uint64_t id, id2;
	ssize_t w;
	int fd, r;

	(void)state;
	close_store();
	snprintf(path, sizeof(path), "%s/small", dir);
	mkdir(path, 0700);
	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
		print_message("no mount name space here: %s\n", strerror(errno));
		skip();
	}
	if (mount("none", path, "tmpfs", 0, "size=12m,mode=0700")) {
		print_message("no tmpfs here: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(open_store(path, 4), 0);
	add_se();
	id = make("t:1", 0, false, 0, s, script(s, 40, 0x20, 0));
	id2 = make("t:1", 1, false, 0, s, script(s, 40, 0x30, 20));

	/* full while a job runs: the books are closed from the reserve */
	assert_int_equal(job_run(store, id2, &e), 0);
	snprintf(fill, sizeof(fill), "%s/fill", path);
	fd = open(fill, O_WRONLY | O_CREAT, 0600);
	while ((w = write(fd, junk, sizeof(junk))) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	i = wait_end(id2);
	if (i.state != JOB_DONE) {
		assert_int_equal(i.state, JOB_FAILED);
		assert_string_equal(i.code, "disk-full");
		assert_int_equal(i.executed % 4, 0);
	}
	while ((w = write(fd, junk, sizeof(junk))) > 0)
		;

	/* full before: refused, nothing sent */
	r = job_run(store, id, &e);
	assert_int_equal(r, -ENOSPC);
	assert_string_equal(e.code, "disk-full");
	assert_int_equal(atomic_load(&seen->counter), 0);
	assert_int_equal(job_script_write(store, id, 0, junk, sizeof(junk), &e), -ENOSPC);
	assert_string_equal(e.code, "disk-full");

	/* acknowledging works all the same; with room again, jobs run */
	assert_int_equal(job_ack(store, id2, &e), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	assert_int_equal(job_script_write(store, id, 0, s, script(s, 40, 0x20, 0), &e), 0);
	assert_int_equal(job_script_end(store, id, &e), 0);
	i = run(id);
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(atomic_load(&seen->counter), 40);
	close_store();
	umount2(path, MNT_DETACH);
}

struct waits {
	unsigned int calls, left_ms;
	char holder[80];
};

/* Three times, then somebody wants the end. */
static bool on_waits(void *ctx, const char *holder, unsigned int left_ms)
{
	struct waits *w = ctx;

	assert_true(!w->calls || left_ms < w->left_ms);
	w->left_ms = left_ms;
	snprintf(w->holder, sizeof(w->holder), "%s", holder);
	return ++w->calls < 3;
}

static void test_in_use(void **state)
{
	struct waits w = {0};
	struct job_options o = {
		.dir = state_dir, .lock_wait_ms = 50, .waits = on_waits, .waits_ctx = &w};
	struct job_store *other;
	struct job_error e;
	struct stat st;
	char path[160], who[80];

	(void)state;
	/* a moment is nothing to speak of */
	snprintf(who, sizeof(who), "in use by process %d (", (int)getpid());
	assert_int_equal(job_store_open(&other, &o, &e), -EBUSY);
	assert_string_equal(e.code, "in-use");
	assert_non_null(strstr(e.detail, who));
	assert_int_equal(w.calls, 0);
	/* more than one is, and what waits can be stopped */
	o.lock_wait_ms = 600000;
	assert_int_equal(job_store_open(&other, &o, &e), -ECANCELED);
	assert_int_equal(w.calls, 3);
	assert_true(w.left_ms > 300000 && w.left_ms < 600000);
	assert_non_null(strstr(who, " process "));
	assert_int_equal(strncmp(w.holder, strstr(who, "process "), strlen("process ") + 1), 0);
	/* a lock file of an older version, or a disk that was full: nobody is named */
	snprintf(path, sizeof(path), "%s/lock", state_dir);
	assert_int_equal(truncate(path, 0), 0);
	o.lock_wait_ms = 50;
	assert_int_equal(job_store_open(&other, &o, &e), -EBUSY);
	assert_non_null(strstr(e.detail, "in use by another process: stop it"));
	snprintf(path, sizeof(path), "%s/journal.db", state_dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(test_done),
		TEST(test_status_word),
		TEST(test_error_action),
		TEST(test_refused),
		TEST(test_no_application),
		TEST(test_keep_channel),
		TEST(test_deadline_cancel),
		TEST(test_cancel_in_chunk),
		TEST(test_stop_in_chunk),
		TEST(test_se_back),
		TEST(test_se_gone),
		TEST(test_compact_and_long),
		TEST(test_records),
		TEST(test_probe),
		TEST(test_reset),
		TEST(test_kill),
		TEST(test_in_use),
		TEST(test_full_disk),
	};
	char cmd[96];
	int r;

	signal(SIGPIPE, SIG_IGN);
	if (start_se())
		return 1;
	r = cmocka_run_group_tests_name("job", tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : r;
}
