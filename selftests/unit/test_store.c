// SPDX-License-Identifier: Apache-2.0
/*
 * The store of front ends: keys and kinds, transactions, its file. What a power cut leaves
 * of it, test_lwm2m_data shows.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

enum { META = 1, REG = 4, OBS };

struct rig {
	char dir[64];
	struct store *st;
};

static void open_all(struct rig *r)
{
	char why[256] = "";

	if (store_open(&r->st, r->dir, "some", why, sizeof(why)))
		fail_msg("%s", why);
}

static void close_all(struct rig *r)
{
	store_close(r->st);
	r->st = NULL;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	strcpy(r->dir, "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	open_all(r);
	*state = r;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct rig *r = *state;

	close_all(r);
	nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

struct seen {
	size_t n;
	char text[256];
	int stop_at;
};

static int see(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen)
{
	struct seen *s = userdata;
	size_t at = strlen(s->text);

	snprintf(s->text + at, sizeof(s->text) - at, "%.*s=%.*s ", (int)klen, (const char *)key,
		 (int)vlen, (const char *)val);
	s->n++;
	return s->stop_at > 0 && s->n == (size_t)s->stop_at ? 7 : 0;
}

static void put(struct rig *r, unsigned int kind, const char *key, const char *val)
{
	assert_int_equal(store_put(r->st, kind, key, strlen(key), val, strlen(val)), 0);
}

static void expect(struct rig *r, unsigned int kind, const char *prefix, const char *text)
{
	struct seen s = {0};

	assert_int_equal(store_each(r->st, kind, prefix, strlen(prefix), see, &s), 0);
	assert_string_equal(s.text, text);
}

static void test_store(void **state)
{
	struct rig *r = *state;
	struct seen s = {.stop_at = 1};
	uint8_t *val;
	size_t len;
	char big[STORE_KEY_MAX + 1] = {0};

	put(r, REG, "b", "2");
	put(r, REG, "ab", "1");
	put(r, REG, "a\xff", "3");
	put(r, REG, "a", "");
	put(r, OBS, "ab", "other");
	expect(r, REG, "", "a= ab=1 a\xff=3 b=2 ");
	expect(r, REG, "a", "a= ab=1 a\xff=3 ");
	expect(r, REG, "a\xff", "a\xff=3 ");
	expect(r, REG, "c", "");
	assert_int_equal(store_each(r->st, REG, "", 0, see, &s), 7);
	assert_int_equal(s.n, 1);

	put(r, REG, "ab", "new");
	assert_int_equal(store_get(r->st, REG, "ab", 2, &val, &len), 0);
	assert_int_equal(len, 3);
	assert_string_equal((char *)val, "new");
	free(val);
	assert_int_equal(store_get(r->st, REG, "x", 1, &val, &len), -ENOENT);
	assert_int_equal(store_del(r->st, REG, "x", 1), 0);
	assert_int_equal(store_del(r->st, REG, "b", 1), 0);
	assert_int_equal(store_del_prefix(r->st, REG, "a\xff", 2), 0);
	expect(r, REG, "", "a= ab=new ");

	assert_int_equal(store_put(r->st, REG, "", 0, "", 0), -EINVAL);
	assert_int_equal(store_put(r->st, REG, big, sizeof(big), "", 0), -EINVAL);
	assert_int_equal(store_put(r->st, 0, "a", 1, "", 0), -EINVAL);
	assert_int_equal(store_put(r->st, STORE_KIND_MAX, "a", 1, "", 0), 0);
	assert_int_equal(store_put(r->st, STORE_KIND_MAX + 1, "a", 1, "", 0), -EINVAL);
	assert_int_equal(store_put(r->st, REG, "a", 1, "", STORE_VALUE_MAX + 1), -EINVAL);
}

static int change_within(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
			 size_t vlen)
{
	(void)val;
	(void)vlen;
	return store_del(userdata, REG, key, klen);
}

static void test_store_transactions(void **state)
{
	struct rig *r = *state;

	assert_int_equal(store_begin(r->st), 0);
	put(r, META, "a", "1");
	assert_int_equal(store_begin(r->st), 0);
	put(r, META, "b", "2");
	store_rollback(r->st);
	assert_int_equal(store_commit(r->st), 0);
	expect(r, META, "", "a=1 ");

	assert_int_equal(store_begin(r->st), 0);
	put(r, META, "c", "3");
	store_rollback(r->st);
	expect(r, META, "", "a=1 ");
	put(r, REG, "a", "1");
	assert_int_equal(store_each(r->st, REG, "", 0, change_within, r->st), -EBUSY);
}

static void test_store_file(void **state)
{
	struct rig *r = *state;
	struct store *other;
	char path[128], why[256];
	struct stat st;
	pid_t pid;
	int status;
	FILE *f;

	snprintf(path, sizeof(path), "%s/some.db", r->dir);
	put(r, META, "a", "1");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* another process is kept out (locks of one's own do not count) */
	pid = fork();
	if (pid == 0)
		_exit(store_open(&other, r->dir, "some", why, sizeof(why)) == -EBUSY ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close_all(r);
	open_all(r);
	expect(r, META, "", "a=1 ");
	close_all(r);
	assert_int_equal(store_open(&other, "/nonexistent", "some", why, sizeof(why)), -ENOENT);
	f = fopen(path, "w");
	fputs("this is no database, and long enough to be looked at", f);
	fclose(f);
	assert_int_equal(store_open(&other, r->dir, "some", why, sizeof(why)), -EIO);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "moved away"));
	assert_int_equal(unlink(path), 0);
	/* one that others could read: not with our keys in it */
	f = fopen(path, "w");
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
	open_all(r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Several in one folder know nothing of each other; and where they lie is not the name's say.
 */
static void test_names(void **state)
{
	static const char *const bad[] = {"", "a/b", "../a",
					  "a-name-that-is-far-too-long-for-one"};
	struct rig *r = *state;
	struct store *other;
	uint8_t *val;
	size_t len;
	char why[256];

	put(r, META, "a", "1");
	assert_int_equal(store_open(&other, r->dir, "other", why, sizeof(why)), 0);
	assert_int_equal(store_get(other, META, "a", 1, &val, &len), -ENOENT);
	assert_int_equal(store_put(other, META, "a", 1, "2", 1), 0);
	store_close(other);
	expect(r, META, "", "a=1 ");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(store_open(&other, r->dir, bad[i], why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "no name"));
	}
	/* in memory it ends with its close */
	assert_int_equal(store_open(&other, NULL, "other", why, sizeof(why)), 0);
	assert_int_equal(store_put(other, META, "a", 1, "2", 1), 0);
	store_close(other);
	assert_int_equal(store_open(&other, NULL, "other", why, sizeof(why)), 0);
	assert_int_equal(store_get(other, META, "a", 1, &val, &len), -ENOENT);
	store_close(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_store),
		TEST(test_store_transactions),
		TEST(test_store_file),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
