// SPDX-License-Identifier: Apache-2.0
/* Alerts that wait: what a transaction takes back, limits, what a server's Status does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dm/outbox.h"

struct world {
	struct store *st;
	struct dm_outbox *ob;
	char dir[64];
	unsigned int told, status, watched;
	uint64_t token;
	bool again; /* the owner puts something into the store, too */
};

static void on_done(void *userdata, const struct dm_outbox_alert *a, unsigned int status)
{
	struct world *w = userdata;

	w->told++;
	w->status = status;
	w->token = a->token;
	if (w->again)
		assert_int_equal(store_put(w->st, DM_KIND_EXEC, "x", 1, "y", 1), 0);
}

static void on_put(void *userdata, const char *server)
{
	struct world *w = userdata;

	assert_string_equal(server, "srv");
	w->watched++;
}

static void open_all(struct world *w)
{
	char why[256];

	if (store_open(&w->st, w->dir, DM_STORE_NAME, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(dm_outbox_new(&w->ob, w->st), 0);
	assert_int_equal(dm_outbox_own(w->ob, "own", on_done, w), 0);
}

static void close_all(struct world *w)
{
	dm_outbox_free(w->ob);
	store_close(w->st);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/dm_outbox.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	open_all(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char cmd[128];

	close_all(w);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", w->dir);
	(void)!system(cmd);
	free(w);
	return 0;
}

static struct dm_outbox_alert some(uint64_t token)
{
	return (struct dm_outbox_alert){.server = "srv",
					.correlator = "c",
					.source = "./A",
					.type = "urn:x",
					.mark = "warning",
					.data = "d\0e",
					.len = 3,
					.owner = "own",
					.token = token};
}

static uint64_t put(struct world *w, uint64_t token)
{
	struct dm_outbox_alert a = some(token);
	uint64_t id;

	assert_int_equal(dm_outbox_put(w->ob, &a, &id), 0);
	return id;
}

static void test_round(void **state)
{
	struct world *w = *state;
	struct dm_outbox_alert a;
	uint64_t one, two;

	dm_outbox_watch(w->ob, on_put, w);
	one = put(w, 7);
	two = put(w, 8);
	assert_true(one && two > one);
	assert_int_equal(w->watched, 2);
	close_all(w);
	open_all(w);
	assert_int_equal(dm_outbox_count(w->ob, "srv"), 2);
	assert_int_equal(dm_outbox_count(w->ob, NULL), 2);
	/* a name that begins like another's is another's */
	assert_int_equal(dm_outbox_count(w->ob, "sr"), 0);
	assert_int_equal(dm_outbox_next(w->ob, "srv2", 0, &a), -ENOENT);
	assert_int_equal(dm_outbox_next(w->ob, "srv", 0, &a), 0);
	assert_int_equal(a.id, one);
	assert_int_equal(a.token, 7);
	assert_string_equal(a.server, "srv");
	assert_string_equal(a.correlator, "c");
	assert_string_equal(a.source, "./A");
	assert_string_equal(a.type, "urn:x");
	assert_string_equal(a.format, "chr");
	assert_string_equal(a.mark, "warning");
	assert_int_equal(a.len, 3);
	assert_memory_equal(a.data, "d\0e", 3);
	dm_outbox_release(&a);
	assert_int_equal(dm_outbox_next(w->ob, "srv", one, &a), 0);
	assert_int_equal(a.id, two);
	dm_outbox_release(&a);
	assert_int_equal(dm_outbox_next(w->ob, "srv", two, &a), -ENOENT);
	/* numbers are not used again, after a restart either */
	assert_int_equal(dm_outbox_forget(w->ob, "srv"), 0);
	assert_int_equal(w->told, 2);
	assert_int_equal(w->status, 0);
	assert_true(put(w, 9) > two);
}

static void test_rollback(void **state)
{
	struct world *w = *state;
	uint8_t *p;
	size_t len;
	uint64_t id;

	assert_int_equal(store_begin(w->st), 0);
	put(w, 1);
	assert_int_equal(dm_outbox_count(w->ob, "srv"), 1);
	store_rollback(w->st);
	assert_int_equal(dm_outbox_count(w->ob, "srv"), 0);

	/* what the owner writes down goes with the entry, or stays with it */
	id = put(w, 2);
	w->again = true;
	assert_int_equal(store_begin(w->st), 0);
	assert_int_equal(dm_outbox_status(w->ob, "srv", id, 200), 0);
	assert_int_equal(w->told, 1);
	store_rollback(w->st);
	assert_int_equal(dm_outbox_count(w->ob, "srv"), 1);
	assert_int_equal(store_get(w->st, DM_KIND_EXEC, "x", 1, &p, &len), -ENOENT);
	assert_int_equal(dm_outbox_status(w->ob, "srv", id, 202), 0);
	assert_int_equal(w->status, 202);
	assert_int_equal(w->token, 2);
	assert_int_equal(dm_outbox_count(w->ob, "srv"), 0);
	assert_int_equal(store_get(w->st, DM_KIND_EXEC, "x", 1, &p, &len), 0);
	free(p);
}

static void test_status(void **state)
{
	struct world *w = *state;
	uint64_t id = put(w, 3);

	/* what is no answer, or about who we are, does not count */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(dm_outbox_status(w->ob, "srv", id, 0), 0);
		assert_int_equal(dm_outbox_status(w->ob, "srv", id, 101), 0);
		assert_int_equal(dm_outbox_status(w->ob, "srv", id, 401), 0);
		assert_int_equal(dm_outbox_status(w->ob, "srv", id, 407), 0);
	}
	/* of another server, or another number */
	assert_int_equal(dm_outbox_status(w->ob, "other", id, 200), 0);
	assert_int_equal(dm_outbox_status(w->ob, "srv", id + 1, 200), 0);
	assert_int_equal(dm_outbox_status(w->ob, "srv", 0, 200), 0);
	for (int i = 1; i < DM_OUTBOX_TRIES; i++) {
		assert_int_equal(dm_outbox_status(w->ob, "srv", id, 500), 0);
		assert_int_equal(dm_outbox_count(w->ob, "srv"), 1);
	}
	assert_int_equal(w->told, 0);
	assert_int_equal(dm_outbox_status(w->ob, "srv", id, 415), 0);
	assert_int_equal(dm_outbox_count(w->ob, "srv"), 0);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->status, 415);
	assert_int_equal(dm_outbox_status(w->ob, "srv", id, 200), 0);
	assert_int_equal(w->told, 1);
}

static void test_limits(void **state)
{
	static char big[DM_OUTBOX_DATA_MAX + 1], name[DM_SERVER_MAX + 1], type[200];
	struct world *w = *state;
	struct dm_outbox_alert a = some(0);

	a.data = big;
	a.len = sizeof(big);
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), -EMSGSIZE);
	a.len--;
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), 0);
	memset(name, 'n', DM_SERVER_MAX);
	a.len = 0;
	a.server = name;
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), -EINVAL);
	a.server = "";
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), -EINVAL);
	a.server = "srv";
	a.type = "";
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), -EINVAL);
	memset(type, 't', sizeof(type) - 1);
	a.type = type;
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), -EINVAL);
	a = some(0);
	while (dm_outbox_count(w->ob, "srv") < DM_OUTBOX_MAX)
		assert_int_equal(dm_outbox_put(w->ob, &a, NULL), 0);
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), -EDQUOT);
	/* another server has room of its own */
	a.server = "two";
	assert_int_equal(dm_outbox_put(w->ob, &a, NULL), 0);
}

static void test_damaged(void **state)
{
	static const uint8_t key[] = {'s', 'r', 'v', 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const char *const bad[] = {"", "\x02", "\x01\x01xxxxxxxx",
					  "\x01\x01xxxxxxxx\0\0\0\0\0"};
	static const size_t len[] = {0, 1, 10, 15};
	struct world *w = *state;
	struct dm_outbox_alert a;

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			store_put(w->st, DM_KIND_OUTBOX, key, sizeof(key), bad[i], len[i]), 0);
		assert_int_equal(dm_outbox_next(w->ob, "srv", 0, &a), -ENOENT);
		assert_int_equal(dm_outbox_count(w->ob, "srv"), 0);
	}
	/* it goes with the account */
	assert_int_equal(dm_outbox_forget(w->ob, "srv"), 0);
	{
		uint8_t *p;
		size_t n;

		assert_int_equal(store_get(w->st, DM_KIND_OUTBOX, key, sizeof(key), &p, &n),
				 -ENOENT);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_round),  TEST(test_rollback), TEST(test_status),
		TEST(test_limits), TEST(test_damaged),
	};
#undef TEST

	return cmocka_run_group_tests_name("dm_outbox", tests, NULL, NULL);
}
