// SPDX-License-Identifier: Apache-2.0
/*
 * The attempt ledger: what it refuses, several processes at once, a process
 * killed at each of its system calls, entries that are damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/ptrace.h>
#include <cmocka.h>

#include "gp/error.h"
#include "keys/ledger.h"

static char dir[64];
static struct gp_error err;

static const struct ledger_id card_a = {
	.card = "0102030405060708090A",
	.aid = {0xa0, 0, 0, 1, 0x51, 0, 0, 0},
	.aid_len = 8,
	.kvn = 0x30,
};
#define FILE_A "0102030405060708090A-A000000151000000-30"

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ledger-XXXXXX");
	memset(&err, 0, sizeof(err));
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static struct ledger *opened(void)
{
	struct ledger *l = NULL;

	assert_int_equal(ledger_open(&l, dir, &err), 0);
	return l;
}

static void attempt(struct ledger *l, const struct ledger_id *id, bool retry,
		    enum ledger_outcome outcome)
{
	struct ledger_attempt *a;

	assert_int_equal(ledger_begin(l, id, retry, &a, &err), 0);
	assert_int_equal(ledger_end(a, outcome), 0);
}

static void expect_entry(struct ledger *l, enum ledger_state state, uint32_t attempts)
{
	struct ledger_entry e;

	assert_int_equal(ledger_look(l, &card_a, &e), 0);
	assert_int_equal(e.state, state);
	assert_int_equal(e.attempts, attempts);
	assert_false(e.running);
	assert_string_equal(e.file, FILE_A);
	assert_string_equal(e.id.card, card_a.card);
	assert_int_equal(e.id.kvn, card_a.kvn);
	assert_memory_equal(e.id.aid, card_a.aid, card_a.aid_len);
}

static void test_rules(void **state)
{
	struct ledger *l = opened();
	struct ledger_attempt *a;
	struct ledger_entry e;
	struct ledger_id other = card_a;

	(void)state;
	assert_int_equal(ledger_look(l, &card_a, &e), -ENOENT);
	attempt(l, &card_a, false, LEDGER_DID_SUCCEED);
	expect_entry(l, LEDGER_SUCCESS, 0);
	assert_true(e.time <= (int64_t)time(NULL));

	/* an attempt that was not sent is none */
	attempt(l, &card_a, false, LEDGER_DID_NOT_SEND);
	expect_entry(l, LEDGER_SUCCESS, 0);

	attempt(l, &card_a, false, LEDGER_DID_FAIL);
	expect_entry(l, LEDGER_FAILED, 1);
	assert_int_equal(ledger_begin(l, &card_a, false, &a, &err), -EPERM);
	assert_string_equal(err.code, "attempt-refused");
	assert_non_null(strstr(err.detail, "key version 30"));
	expect_entry(l, LEDGER_FAILED, 1);

	/* another key version, another card, another SD are not concerned */
	other.kvn = 0x31;
	attempt(l, &other, false, LEDGER_DID_SUCCEED);
	other = card_a;
	other.aid[7] = 1;
	attempt(l, &other, false, LEDGER_DID_SUCCEED);
	other = card_a;
	other.aid_len = 0;
	attempt(l, &other, false, LEDGER_DID_SUCCEED);

	attempt(l, &card_a, true, LEDGER_DID_FAIL);
	expect_entry(l, LEDGER_FAILED, 2);
	/* one that was not sent leaves the failed ones as they were */
	attempt(l, &card_a, true, LEDGER_DID_NOT_SEND);
	expect_entry(l, LEDGER_FAILED, 2);
	attempt(l, &card_a, true, LEDGER_DID_BREAK);
	expect_entry(l, LEDGER_UNKNOWN, 3);
	assert_int_equal(ledger_begin(l, &card_a, false, &a, &err), -EPERM);
	assert_string_equal(err.code, "attempt-unknown");
	attempt(l, &card_a, true, LEDGER_DID_SUCCEED);
	expect_entry(l, LEDGER_SUCCESS, 0);
	assert_int_equal(ledger_end(NULL, LEDGER_DID_FAIL), 0);
	ledger_close(l);

	/* it is on the disk, not in the struct; the first NOT_SENT left nothing */
	l = opened();
	expect_entry(l, LEDGER_SUCCESS, 0);
	other = card_a;
	other.kvn = 0x7f;
	attempt(l, &other, false, LEDGER_DID_NOT_SEND);
	assert_int_equal(ledger_look(l, &other, &e), -ENOENT);
	ledger_close(l);
}

static void test_bad_id(void **state)
{
	static const char *const cards[] = {"", "0", "012", "0g", "ab", "../../etc/x", "AB/CD"};
	struct ledger *l = opened();
	struct ledger_attempt *a;
	struct ledger_entry e;
	struct ledger_id id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		id = card_a;
		strcpy(id.card, cards[i]);
		assert_int_equal(ledger_begin(l, &id, true, &a, &err), -EINVAL);
		assert_int_equal(ledger_look(l, &id, &e), -EINVAL);
	}
	id = card_a;
	memset(id.card, 'A', sizeof(id.card)); /* no end */
	assert_int_equal(ledger_begin(l, &id, true, &a, &err), -EINVAL);
	id = card_a;
	id.aid_len = 4;
	assert_int_equal(ledger_begin(l, &id, true, &a, &err), -EINVAL);
	id.aid_len = 17;
	assert_int_equal(ledger_begin(l, &id, true, &a, &err), -EINVAL);
	ledger_close(l);
}

/* ---- the list ---- */

struct seen {
	unsigned int n;
	struct ledger_entry e[8];
};

static int see(void *ctx, const struct ledger_entry *e)
{
	struct seen *s = ctx;

	assert_true(s->n < 8);
	s->e[s->n++] = *e;
	return 0;
}

static int stop(void *ctx, const struct ledger_entry *e)
{
	(void)e;
	++*(unsigned int *)ctx;
	return 42;
}

static void test_list_forget(void **state)
{
	struct ledger *l = opened();
	struct ledger_id b = card_a;
	struct ledger_attempt *a;
	struct seen s = {0};
	unsigned int calls = 0;
	size_t n;

	(void)state;
	assert_int_equal(ledger_list(l, see, &s, &err), 0);
	assert_int_equal(s.n, 0);
	strcpy(b.card, "0102"); /* a prefix of card_a's id: another card all the same */
	attempt(l, &card_a, false, LEDGER_DID_FAIL);
	attempt(l, &b, false, LEDGER_DID_SUCCEED);
	b.kvn = 0x01;
	assert_int_equal(ledger_begin(l, &b, false, &a, &err), 0);

	assert_int_equal(ledger_list(l, see, &s, &err), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.e[0].file, "0102-A000000151000000-01");
	assert_true(s.e[0].running);
	assert_int_equal(s.e[0].state, LEDGER_UNKNOWN);
	assert_false(s.e[1].running);
	assert_string_equal(s.e[2].file, FILE_A);
	assert_int_equal(ledger_list(l, stop, &calls, &err), 42);
	assert_int_equal(calls, 1);

	assert_int_equal(ledger_forget(l, "", &n, &err), -EINVAL);
	assert_int_equal(ledger_forget(l, "01", &n, &err), -ENOENT);
	assert_int_equal(ledger_forget(l, "../attempts", &n, &err), -ENOENT);
	/* the one that runs stays */
	assert_int_equal(ledger_forget(l, "0102", &n, &err), -EBUSY);
	assert_string_equal(err.code, "attempt-running");
	assert_int_equal(n, 1);
	assert_int_equal(ledger_end(a, LEDGER_DID_FAIL), 0);
	assert_int_equal(ledger_forget(l, "0102-A000000151000000-01", &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(ledger_forget(l, FILE_A, NULL, &err), 0);
	/* and then it is a card that was never tried */
	attempt(l, &card_a, false, LEDGER_DID_SUCCEED);
	ledger_close(l);
}

/* ---- damage ---- */

static size_t slurp(const char *path, char *text, size_t room)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, room, f);
	fclose(f);
	return n;
}

static void spill(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void test_damage(void **state)
{
	struct ledger *l = opened();
	struct ledger_attempt *a;
	struct ledger_entry e;
	struct seen s = {0};
	char path[160], good[1024], bad[1024];
	size_t n, i;

	(void)state;
	attempt(l, &card_a, false, LEDGER_DID_FAIL);
	attempt(l, &card_a, true, LEDGER_DID_FAIL);
	snprintf(path, sizeof(path), "%s/attempts/" FILE_A, dir);
	n = slurp(path, good, sizeof(good));
	assert_int_equal(ledger_parse(&e, good, n), 0);

	/* each bit of each byte, and each length: never "all is well" */
	for (i = 0; i < n * 8; i++) {
		memcpy(bad, good, n);
		bad[i / 8] = (char)(bad[i / 8] ^ (1 << (i % 8)));
		assert_int_equal(ledger_parse(&e, bad, n), -EBADMSG);
		assert_int_equal(e.state, LEDGER_CORRUPT);
	}
	for (i = 0; i < n; i++) {
		spill(path, good, i);
		assert_int_equal(ledger_begin(l, &card_a, false, &a, &err), -EBADMSG);
		assert_string_equal(err.code, "ledger-corrupt");
		assert_int_equal(ledger_look(l, &card_a, &e), -EBADMSG);
	}
	spill(path, good, n);
	expect_entry(l, LEDGER_FAILED, 2);

	/* another entry's text under this name */
	memcpy(bad, path, strlen(path) + 1);
	strcpy(strrchr(bad, '-'), "-31");
	spill(bad, good, n);
	assert_int_equal(ledger_list(l, see, &s, &err), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.e[1].state, LEDGER_CORRUPT);
	assert_int_equal(ledger_forget(l, s.e[1].file, NULL, &err), 0);

	/* a link is none of ours */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(ledger_begin(l, &card_a, false, &a, &err), -EBADMSG);

	/* with words, over it; and never back to what could not be read */
	attempt(l, &card_a, true, LEDGER_DID_NOT_SEND);
	expect_entry(l, LEDGER_UNKNOWN, 1);
	ledger_close(l);
}

static void test_folder(void **state)
{
	struct ledger *l = NULL;
	struct ledger_attempt *a;
	struct stat st;
	char path[160];

	(void)state;
	/* made with all its parents, for us only */
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(ledger_open(&l, path, &err), 0);
	attempt(l, &card_a, false, LEDGER_DID_SUCCEED);
	ledger_close(l);
	snprintf(path, sizeof(path), "%s/a/b/attempts", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/a/b/attempts/" FILE_A, dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	snprintf(path, sizeof(path), "%s/a/b/attempts", dir);
	assert_int_equal(chmod(path, 0770), 0);
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(ledger_open(&l, path, &err), -EACCES);
	assert_non_null(strstr(err.detail, "chmod 700"));
	assert_int_equal(ledger_open(&l, "/proc/nothing", &err), -ENOENT);
	assert_int_equal(ledger_open(&l, "/dev/null", &err), -ENOTDIR);

	/* where nothing can be written, nothing is begun */
	snprintf(path, sizeof(path), "%s/c", dir);
	assert_int_equal(ledger_open(&l, path, &err), 0);
	snprintf(path, sizeof(path), "rm -rf %s/c", dir);
	assert_int_equal(system(path), 0);
	assert_int_equal(ledger_begin(l, &card_a, false, &a, &err), -ENOENT);
	assert_string_equal(err.code, "ledger");
	ledger_close(l);
}

/* ---- several at once ---- */

#define CHILDREN 6
#define ROUNDS 15

static void test_at_once(void **state)
{
	struct shared {
		int inside; /* must never be 2 */
		unsigned int clash;
		unsigned int begun;
	} *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	struct ledger_attempt *a;
	struct ledger *l;
	pid_t pid[CHILDREN];
	int i, k, st;

	(void)state;
	assert_ptr_not_equal(sh, MAP_FAILED);
	for (i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i])
			continue;
		if (ledger_open(&l, dir, NULL))
			_exit(1);
		for (k = 0; k < ROUNDS; k++) {
			/* one that would find a failed attempt must be told to go on */
			if (ledger_begin(l, &card_a, true, &a, NULL))
				_exit(2);
			if (__atomic_add_fetch(&sh->inside, 1, __ATOMIC_SEQ_CST) != 1)
				__atomic_add_fetch(&sh->clash, 1, __ATOMIC_SEQ_CST);
			__atomic_add_fetch(&sh->begun, 1, __ATOMIC_SEQ_CST);
			usleep(500);
			__atomic_sub_fetch(&sh->inside, 1, __ATOMIC_SEQ_CST);
			if (ledger_end(a, LEDGER_DID_FAIL))
				_exit(3);
		}
		_exit(0);
	}
	for (i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
		assert_int_equal(st, 0);
	}
	assert_int_equal(sh->clash, 0);
	assert_int_equal(sh->begun, CHILDREN * ROUNDS);
	l = opened();
	/* none was lost */
	expect_entry(l, LEDGER_FAILED, CHILDREN * ROUNDS);
	ledger_close(l);
	munmap(sh, sizeof(*sh));
}

static void test_wait(void **state)
{
	struct ledger *l = opened(), *l2 = opened();
	struct ledger_attempt *a, *b;
	struct timespec t0, t1;
	pid_t pid;
	int st;

	(void)state;
	assert_int_equal(ledger_begin(l, &card_a, false, &a, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(ledger_begin(l2, &card_a, true, &b, &err), -EBUSY);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_string_equal(err.code, "attempt-running");
	assert_in_range(t1.tv_sec - t0.tv_sec, 4, 120);
	assert_int_equal(ledger_end(a, LEDGER_DID_SUCCEED), 0);

	/* who waits goes on as soon as the other is done */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (ledger_begin(l, &card_a, false, &a, NULL))
			_exit(1);
		usleep(300000);
		_exit(ledger_end(a, LEDGER_DID_SUCCEED) ? 1 : 0);
	}
	usleep(100000);
	assert_int_equal(ledger_begin(l2, &card_a, false, &b, &err), 0);
	assert_int_equal(ledger_end(b, LEDGER_DID_SUCCEED), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	ledger_close(l);
	ledger_close(l2);
}

/* ---- killed in the middle ---- */

#define MARK_SENT 0x5e57 /* the child "sends" by getpgid() of this */
#define MARK_ANSWERED 0x5e58

static void child_run(enum ledger_outcome outcome)
{
	struct ledger_attempt *a;
	struct ledger *l;

	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(9);
	raise(SIGSTOP);
	if (ledger_open(&l, dir, NULL))
		_exit(1);
	if (ledger_begin(l, &card_a, false, &a, NULL))
		_exit(2);
	syscall(SYS_getpgid, MARK_SENT);
	syscall(SYS_getpgid, MARK_ANSWERED);
	if (ledger_end(a, outcome))
		_exit(3);
	_exit(0);
}

struct trace {
	bool sent;	 /* EXTERNAL AUTHENTICATE had left */
	bool ended;	 /* not killed */
	bool synced;	 /* the entry's bytes were on the disk when it was renamed */
	bool renamed;	 /* since the last … */
	bool dir_synced; /* … and the folder after that */
	int status;
};

/* Run the child and kill it at the entry or exit of its @kill_at-th system call. */
static struct trace run_killed(enum ledger_outcome outcome, unsigned int kill_at)
{
	struct __ptrace_syscall_info info;
	struct trace t = {0};
	bool sync_last = false;
	unsigned int n = 0;
	int st;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		child_run(outcome);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFSTOPPED(st));
	assert_int_equal(
		ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
		0);
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		assert_int_equal(waitpid(pid, &st, 0), pid);
		if (WIFEXITED(st)) {
			t.ended = true;
			t.status = WEXITSTATUS(st);
			return t;
		}
		assert_true(WIFSTOPPED(st));
		memset(&info, 0, sizeof(info));
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			if (info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK_SENT)
				t.sent = true;
			if (info.entry.nr == SYS_renameat || info.entry.nr == SYS_renameat2) {
				if (!t.sent)
					t.synced = sync_last;
				t.renamed = true;
			}
			if (info.entry.nr == SYS_fsync) {
				sync_last = true;
				if (t.renamed && !t.sent)
					t.dir_synced = true;
			} else if (info.entry.nr == SYS_write) {
				sync_last = false;
			}
		}
		if (++n == kill_at) {
			kill(pid, SIGKILL);
			assert_int_equal(waitpid(pid, &st, 0), pid);
			return t;
		}
	}
}

static void check_after(const struct trace *t, enum ledger_outcome outcome, bool had)
{
	struct ledger_attempt *a;
	struct ledger_entry e;
	struct ledger *l = opened();
	int r = ledger_look(l, &card_a, &e);

	/* the old entry or a new one, never a damaged one */
	assert_true(r == 0 || (r == -ENOENT && !had));
	if (r == 0)
		assert_false(e.running);
	r = ledger_begin(l, &card_a, false, &a, &err);
	if (!r)
		assert_int_equal(ledger_end(a, LEDGER_DID_NOT_SEND), 0);
	if (t->ended)
		assert_int_equal(r, outcome == LEDGER_DID_SUCCEED ? 0 : -EPERM);
	else if (t->sent && outcome != LEDGER_DID_SUCCEED)
		/* whatever the card thought of it: not again without being told */
		assert_int_equal(r, -EPERM);
	else
		assert_true(r == 0 || r == -EPERM);
	ledger_close(l);
}

static void killed_everywhere(enum ledger_outcome outcome)
{
	unsigned int k, sent = 0, unsent = 0;
	struct ledger *l;
	struct trace t;

	for (k = 1;; k++) {
		assert_true(k < 1000);
		assert_int_equal(teardown(NULL), 0);
		assert_int_equal(mkdir(dir, 0700), 0);
		if (k % 2) { /* over an entry that is there, and over none */
			l = opened();
			attempt(l, &card_a, false, LEDGER_DID_SUCCEED);
			ledger_close(l);
		}
		t = run_killed(outcome, k);
		check_after(&t, outcome, k % 2);
		sent += t.sent;
		unsent += !t.sent;
		if (t.ended)
			break;
	}
	assert_int_equal(t.status, 0);
	/* the order that makes a power cut harmless, before anything is sent */
	assert_true(t.synced);
	assert_true(t.dir_synced);
	/* there was something to kill on both sides */
	assert_true(unsent > 20);
	assert_true(sent > 4);
}

static void test_killed_fail(void **state)
{
	(void)state;
	killed_everywhere(LEDGER_DID_FAIL);
}

static void test_killed_success(void **state)
{
	(void)state;
	killed_everywhere(LEDGER_DID_SUCCEED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_success, setup, teardown),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
