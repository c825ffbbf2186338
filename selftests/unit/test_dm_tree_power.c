// SPDX-License-Identifier: Apache-2.0
/*
 * The power goes at every write to the disk: the tree that is found after it is one that a
 * commit has left, whole, and not an older one than the last whose commit had returned.
 *
 * A layer below SQLite remembers for each file what was last synchronised and what was
 * written since; at the cut any of the later pages may be there, or half of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "dm_tree_world.h"

/* ---- a disk that forgets ----------------------------------------------------- */

#define PAGE 4096
#define FILES_MAX 8

struct disk_file {
	sqlite3_file base;
	char path[128]; /* "": not one that is kept */
	uint8_t *safe;	/* as it was when it was synchronised */
	size_t safe_len;
	struct disk_file *next;
	sqlite3_file *real;
};

static sqlite3_vfs *below;
static struct disk_file *files;
static long countdown; /* writes that are still done */
static bool full;      /* then the disk is full rather than off */
static bool refused;   /* a write was */
static unsigned int seed;

static unsigned int chance(unsigned int n)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % n;
}

/* What is in the file now; to be freed. */
static uint8_t *contents(struct disk_file *f, size_t *len)
{
	sqlite3_int64 size = 0;
	uint8_t *p;

	f->real->pMethods->xFileSize(f->real, &size);
	p = calloc(1, (size_t)size + PAGE);
	if (!p)
		abort();
	if (size)
		f->real->pMethods->xRead(f->real, p, (int)size, 0);
	*len = (size_t)size;
	return p;
}

/* Each page as it was synchronised or as it is now, or torn in the middle. */
static void power_off(void)
{
	for (struct disk_file *f = files; f; f = f->next) {
		size_t late_len, len;
		uint8_t *late, *out;

		if (!*f->path)
			continue;
		late = contents(f, &late_len);
		len = chance(2) ? late_len : f->safe_len;
		out = calloc(1, (late_len > f->safe_len ? late_len : f->safe_len) + PAGE);
		if (!out)
			abort();
		for (size_t at = 0; at < len; at += PAGE) {
			size_t n = at + PAGE < len ? PAGE : len - at;
			unsigned int how = chance(4);
			size_t split = how == 0 ? n : how == 1 ? n / 2 : how == 2 ? 512 : 0;

			if (split > n)
				split = n;
			for (size_t i = 0; i < n; i++) {
				size_t k = at + i;
				bool new = i < split;

				out[k] = new ? (k < late_len ? late[k] : 0)
					     : (k < f->safe_len ? f->safe[k] : 0);
			}
		}
		f->real->pMethods->xTruncate(f->real, (sqlite3_int64)len);
		if (len)
			f->real->pMethods->xWrite(f->real, out, (int)len, 0);
	}
	_exit(0);
}

static int tick(void)
{
	if (countdown-- > 0)
		return SQLITE_OK;
	if (!full)
		power_off();
	refused = true;
	return SQLITE_FULL;
}

static struct disk_file *disk(sqlite3_file *f)
{
	return (struct disk_file *)f;
}

static int d_close(sqlite3_file *f)
{
	struct disk_file **at = &files;

	while (*at && *at != disk(f))
		at = &(*at)->next;
	if (*at)
		*at = disk(f)->next;
	free(disk(f)->safe);
	return disk(f)->real->pMethods->xClose(disk(f)->real);
}

static int d_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return disk(f)->real->pMethods->xRead(disk(f)->real, p, n, at);
}

static int d_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int r;

	/* half of it may have been under way */
	if (countdown <= 0 && chance(2))
		disk(f)->real->pMethods->xWrite(disk(f)->real, p, n / 2, at);
	r = tick();
	return r ? r : disk(f)->real->pMethods->xWrite(disk(f)->real, p, n, at);
}

static int d_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int r = tick();

	return r ? r : disk(f)->real->pMethods->xTruncate(disk(f)->real, n);
}

static int d_sync(sqlite3_file *f, int flags)
{
	int r = tick();

	(void)flags;
	if (r)
		return SQLITE_IOERR_FSYNC;
	free(disk(f)->safe);
	disk(f)->safe = contents(disk(f), &disk(f)->safe_len);
	return SQLITE_OK;
}

static int d_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return disk(f)->real->pMethods->xFileSize(disk(f)->real, n);
}

static int d_lock(sqlite3_file *f, int how)
{
	return disk(f)->real->pMethods->xLock(disk(f)->real, how);
}

static int d_unlock(sqlite3_file *f, int how)
{
	return disk(f)->real->pMethods->xUnlock(disk(f)->real, how);
}

static int d_reserved(sqlite3_file *f, int *out)
{
	return disk(f)->real->pMethods->xCheckReservedLock(disk(f)->real, out);
}

static int d_control(sqlite3_file *f, int op, void *arg)
{
	return disk(f)->real->pMethods->xFileControl(disk(f)->real, op, arg);
}

static int d_sector(sqlite3_file *f)
{
	(void)f;
	return 512;
}

static int d_traits(sqlite3_file *f)
{
	(void)f;
	return 0; /* nothing is promised */
}

static int d_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 1,
		.xClose = d_close,
		.xRead = d_read,
		.xWrite = d_write,
		.xTruncate = d_truncate,
		.xSync = d_sync,
		.xFileSize = d_size,
		.xLock = d_lock,
		.xUnlock = d_unlock,
		.xCheckReservedLock = d_reserved,
		.xFileControl = d_control,
		.xSectorSize = d_sector,
		.xDeviceCharacteristics = d_traits,
	};
	struct disk_file *f = disk(file);
	int r;

	(void)vfs;
	*f = (struct disk_file){.real = (sqlite3_file *)(f + 1)};
	r = below->xOpen(below, path, f->real, flags, out);
	if (r != SQLITE_OK)
		return r;
	f->base.pMethods = &methods;
	if (path)
		snprintf(f->path, sizeof(f->path), "%s", path);
	f->safe = contents(f, &f->safe_len);
	f->next = files;
	files = f;
	return SQLITE_OK;
}

static void disk_on(long writes, unsigned int s)
{
	static sqlite3_vfs vfs;

	below = sqlite3_vfs_find(NULL);
	vfs = *below;
	vfs.zName = "forgets";
	vfs.szOsFile = (int)(sizeof(struct disk_file) + (size_t)below->szOsFile);
	vfs.xOpen = d_open;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
	countdown = writes;
	seed = s;
}

/* ---- what is done ------------------------------------------------------------ */

#define ROUNDS 6

/* told to the parent, in shared memory */
struct told {
	int committed; /* rounds whose commit has returned */
	int done;
};

#define MUST(e)                                                                 \
	do {                                                                    \
		if (!(e)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #e); \
			_exit(3);                                               \
		}                                                               \
	} while (0)

/*
 * Round i leaves ./S/A and ./S/B with i in them, ./R<i> with two leaves and a long value, and
 * no other ./R…. Odd rounds have an operation in their Atomic.
 */
static void round_of(struct world *w, int i)
{
	char uri[64], value[16], big[6000];

	snprintf(value, sizeof(value), "%d", i);
	memset(big, 'a' + i, sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	MUST(w_begin(w, DM_LEVEL_ATOMIC) == DM_OK);
	MUST(w_replace(w, "./S/A", value) == DM_OK);
	snprintf(uri, sizeof(uri), "./R%d", i);
	MUST(w_add(w, uri, NULL) == DM_OK);
	snprintf(uri, sizeof(uri), "./R%d/Name", i);
	MUST(w_add(w, uri, value) == DM_OK);
	snprintf(uri, sizeof(uri), "./R%d/Big", i);
	MUST(w_add(w, uri, big) == DM_OK);
	if (i % 2)
		MUST(w_exec(w, "./Test/Op") == DM_ACCEPTED);
	snprintf(uri, sizeof(uri), "./R%d", i - 1);
	MUST(w_del(w, uri) == (i > 1 ? DM_OK : DM_NOT_FOUND));
	MUST(w_replace(w, "./S/B", value) == DM_OK);
}

static void work(const char *dir, struct told *told)
{
	struct world w = {0};

	MUST(world_open(&w, dir) == 0);
	MUST(dm_tree_set(w.tree, "./S/A", MO_CHR, NULL, "0", 1) == 0);
	MUST(dm_tree_set(w.tree, "./S/B", MO_CHR, NULL, "0", 1) == 0);
	MUST(dm_tree_acl(w.tree, "./S", "Get=*&Replace=*") == 0);
	told->committed = 0;
	for (int i = 1; i <= ROUNDS; i++) {
		round_of(&w, i);
		if (i % 2) {
			MUST(w_commit(&w) == DM_PENDING);
			MUST(dm_tree_settle(w.tree, 7, DM_OK) == 0);
		} else {
			MUST(w_commit(&w) == DM_OK);
		}
		told->committed = i;
	}
	world_close(&w);
	told->done = 1;
}

/* The state that is found must be one of the rounds'; returns which. */
static int look(struct world *w)
{
	char uri[64], a[16], names[64];
	unsigned int nodes;
	uint64_t bytes, sum = 0;
	struct dm_stat st;
	uint8_t *p;
	size_t n;
	int i;

	if (dm_tree_find(w->tree, "./S/B", &st) != 0)
		return -1; /* before the first round */
	snprintf(a, sizeof(a), "%.15s", w_get(w, "./S/A"));
	assert_string_equal(w_get(w, "./S/B"), a);
	i = atoi(a);
	if (i)
		snprintf(names, sizeof(names), "R%d/S/Test", i);
	else
		strcpy(names, "S/Test");
	assert_string_equal(w_get(w, "."), names);
	if (i) {
		snprintf(uri, sizeof(uri), "./R%d", i);
		assert_string_equal(w_get(w, uri), "Big/Name");
		snprintf(uri, sizeof(uri), "./R%d/Name", i);
		assert_string_equal(w_get(w, uri), a);
		snprintf(uri, sizeof(uri), "./R%d/Big", i);
		assert_int_equal(dm_tree_get(w->tree, uri, &p, &n), 0);
		assert_int_equal(n, 5999);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(p[k], 'a' + i);
		free(p);
		sum = n + strlen(a);
	}
	dm_tree_usage(w->tree, &nodes, &bytes);
	assert_int_equal(nodes, i ? 8 : 5);
	assert_int_equal(bytes, sum + 2 * strlen(a));
	return i;
}

static void clean(const char *dir)
{
	static const char *const names[] = {"dm.db", "dm.db-wal", "dm.db-shm", "dm.db-journal"};
	char path[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
}

static int unsettled; /* lives that ended while a mount's part of an Atomic ran */

/* One life that ends after @writes; false if it came to its end before. */
static bool life(const char *dir, struct told *told, long writes, unsigned int s, bool done)
{
	struct world w = {0};
	int status, before, after;
	pid_t child;

	clean(dir);
	memset(told, 0, sizeof(*told));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		disk_on(writes, s);
		work(dir, told);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (told->done)
		return false;

	assert_int_equal(world_open(&w, dir), 0);
	before = look(&w);
	if (before >= 0)
		assert_true(before >= told->committed);
	else
		assert_int_equal(told->committed, 0);
	if (dm_tree_unsettled(w.tree)) {
		unsettled++;
		assert_int_equal(before % 2, 1);
		assert_int_equal(dm_tree_settle(w.tree, 0, done ? DM_OK : DM_FAILED), 0);
		after = look(&w);
		assert_int_equal(after, done ? before : before - 1);
	}
	/* and it can be worked with */
	if (before > 0) {
		assert_int_equal(w_begin(&w, DM_LEVEL_ATOMIC), DM_OK);
		assert_int_equal(w_replace(&w, "./S/A", "x"), DM_OK);
		assert_int_equal(w_commit(&w), DM_OK);
	}
	world_close(&w);
	return true;
}

static void test_power(void **state)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char dir[] = "/tmp/dm-power-XXXXXX";
	long cuts = 0;

	(void)state;
	assert_true(told != MAP_FAILED);
	assert_non_null(mkdtemp(dir));
	while (life(dir, told, cuts, (unsigned int)cuts * 7 + 1, cuts % 2))
		cuts++;
	/* it did cut: each round alone has a dozen pages */
	assert_true(cuts > 100);
	/* between the two commits of an Atomic with an operation there are writes as well */
	assert_true(unsettled >= 3 * (ROUNDS / 2));
	print_message("%ld cuts, %d while an operation ran\n", cuts, unsettled);
	clean(dir);
	rmdir(dir);
	munmap(told, sizeof(*told));
}

/* ---- the disk is full for a while -------------------------------------------- */

/* One Atomic that is refused as a whole, or done as a whole. */
static bool try_round(struct world *w, int i)
{
	char value[16];
	int r;

	snprintf(value, sizeof(value), "%d", i);
	r = w_begin(w, DM_LEVEL_ATOMIC);
	if (r != DM_OK)
		return false;
	r = w_replace(w, "./S/A", value);
	if (r == DM_OK)
		r = w_replace(w, "./S/Big", i % 2 ? "odd" : "even");
	if (r == DM_OK)
		r = w_replace(w, "./S/B", value);
	if (r != DM_OK) {
		MUST(w_rollback(w) == DM_ROLLED_BACK);
		return false;
	}
	return w_commit(w) == DM_OK;
}

static void fill_up(const char *dir, long writes)
{
	struct world w = {0};
	unsigned int nodes, again;
	uint64_t bytes, bytes_again;
	int last = 0;

	MUST(world_open(&w, dir) == 0);
	MUST(dm_tree_set(w.tree, "./S/A", MO_CHR, NULL, "0", 1) == 0);
	MUST(dm_tree_set(w.tree, "./S/B", MO_CHR, NULL, "0", 1) == 0);
	MUST(dm_tree_set(w.tree, "./S/Big", MO_CHR, NULL, "even", 4) == 0);
	MUST(dm_tree_acl(w.tree, "./S", "Get=*&Replace=*") == 0);
	countdown = writes;
	for (int i = 1; i <= 40; i++) {
		char a[16];

		/* there is room again later */
		if (try_round(&w, i))
			last = i;
		else if (i > 20)
			countdown = 1 << 20;
		snprintf(a, sizeof(a), "%.15s", w_get(&w, "./S/A"));
		MUST(atoi(a) == last);
		MUST(!strcmp(w_get(&w, "./S/B"), a));
		MUST(!strcmp(w_get(&w, "./S/Big"), last % 2 ? "odd" : "even"));
	}
	MUST(refused && last == 40);
	dm_tree_usage(w.tree, &nodes, &bytes);
	world_close(&w);
	memset(&w, 0, sizeof(w));
	MUST(world_open(&w, dir) == 0);
	dm_tree_usage(w.tree, &again, &bytes_again);
	MUST(again == nodes && bytes_again == bytes);
	MUST(!strcmp(w_get(&w, "./S/A"), "40"));
	world_close(&w);
}

static void test_full(void **state)
{
	char dir[] = "/tmp/dm-full-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (long writes = 0; writes < 40; writes += 3) {
		pid_t child;
		int status;

		clean(dir);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			full = true;
			disk_on(1 << 20, (unsigned int)writes);
			fill_up(dir, writes);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			fail_msg("%ld writes: status %x", writes, (unsigned int)status);
	}
	clean(dir);
	rmdir(dir);
}

/* A message whose beginning did not reach the disk does not end well, whatever comes then. */
static void lose(const char *dir)
{
	struct world w = {0};

	MUST(world_open(&w, dir) == 0);
	MUST(dm_tree_set(w.tree, "./S/A", MO_CHR, NULL, "0", 1) == 0);
	MUST(dm_tree_set(w.tree, "./S/B", MO_CHR, NULL, "0", 1) == 0);
	MUST(dm_tree_acl(w.tree, "./S", "Get=*&Replace=*") == 0);
	MUST(w_begin(&w, DM_LEVEL_MESSAGE) == DM_OK);
	MUST(w_replace(&w, "./S/A", "1") == DM_OK);
	countdown = 0;
	MUST(dm_tree_durable(w.tree) < 0 && refused);
	countdown = 1 << 20;
	MUST(!strcmp(w_get(&w, "./S/A"), "0"));
	/* there is room again: what comes now could be kept, what was before could not */
	MUST(w_replace(&w, "./S/B", "1") == DM_OK);
	MUST(dm_tree_durable(w.tree) == -EIO);
	MUST(w_commit(&w) == -EIO);
	MUST(!strcmp(w_get(&w, "./S/B"), "0"));
	/* the next one has nothing to do with it */
	MUST(w_begin(&w, DM_LEVEL_MESSAGE) == DM_OK);
	MUST(w_replace(&w, "./S/A", "2") == DM_OK);
	MUST(dm_tree_durable(w.tree) == 0);
	MUST(w_commit(&w) == DM_OK);
	MUST(!strcmp(w_get(&w, "./S/A"), "2"));
	world_close(&w);
}

static void test_lost(void **state)
{
	char dir[] = "/tmp/dm-lost-XXXXXX";
	pid_t child;
	int status;

	(void)state;
	assert_non_null(mkdtemp(dir));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		full = true;
		disk_on(1 << 20, 1);
		lose(dir);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	clean(dir);
	rmdir(dir);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
