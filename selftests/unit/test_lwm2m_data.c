// SPDX-License-Identifier: Apache-2.0
/*
 * The data model and what is kept of accounts: transactions, what outlives the process, what is
 * refused, and a power cut at each commit.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
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

#include "lwm2m/data.h"
#include "model/model.h"

struct rig {
	char dir[64];
	struct store *st;
	struct lwm2m_data *d;
	unsigned int told;
	struct lwm2m_path last;
};

static void open_all(struct rig *r)
{
	char why[CONTENT_WORDS_MAX];

	assert_int_equal(store_open(&r->st, r->dir, "lwm2m", why, sizeof(why)), 0);
	assert_int_equal(lwm2m_data_new(&r->d, r->st, why), 0);
	assert_string_equal(why, "");
}

static void close_all(struct rig *r)
{
	lwm2m_data_free(r->d);
	store_close(r->st);
	r->d = NULL;
	r->st = NULL;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	strcpy(r->dir, "/tmp/test-lwm2m-data-XXXXXX");
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

/* ---- what is kept of an account --------------------------------------------------- */

static void test_forget(void **state)
{
	struct rig *r = *state;
	const char ssid_1[] = {0, 1, 'x'}, ssid_2[] = {0, 2, 'x'};
	uint8_t *val;
	size_t len;

	/* all of one account, and nothing of the other or of the data model */
	for (int kind = LWM2M_KIND_ATTR; kind <= LWM2M_KIND_OSCORE; kind++) {
		assert_int_equal(store_put(r->st, (enum lwm2m_kind)kind, ssid_1, 3, "1", 1), 0);
		assert_int_equal(store_put(r->st, (enum lwm2m_kind)kind, ssid_2, 3, "2", 1), 0);
	}
	assert_int_equal(store_put(r->st, LWM2M_KIND_BS, ssid_1, 3, "1", 1), 0);
	assert_int_equal(lwm2m_state_forget(r->st, 1), 0);
	for (int kind = LWM2M_KIND_ATTR; kind <= LWM2M_KIND_OSCORE; kind++) {
		assert_int_equal(store_get(r->st, (enum lwm2m_kind)kind, ssid_1, 3, &val, &len),
				 -ENOENT);
		assert_int_equal(store_get(r->st, (enum lwm2m_kind)kind, ssid_2, 3, &val, &len),
				 0);
		free(val);
	}
	assert_int_equal(store_get(r->st, LWM2M_KIND_BS, ssid_1, 3, &val, &len), 0);
	free(val);
}

/* ---- the data model -------------------------------------------------------------- */

static struct lwm2m_value integer(uint8_t depth, uint16_t o, uint16_t i, uint16_t r,
				  uint16_t ri, int64_t x)
{
	return (struct lwm2m_value){
		.path = lwm2m_path_at(depth, o, i, r, ri), .type = MODEL_INTEGER, .i = x};
}

static void on_change(void *ctx, const struct lwm2m_path *instance)
{
	struct rig *r = ctx;

	r->told++;
	r->last = *instance;
}

/* "rid[/riid]=value " of an instance */
static const char *show(struct rig *r, uint16_t object, uint16_t instance, char *text,
			size_t room)
{
	struct lwm2m_set set = {0};
	size_t at = 0;

	*text = '\0';
	if (lwm2m_data_read(r->d, object, instance, -1, &set) == -ENOENT)
		snprintf(text, room, "none");
	for (size_t i = 0; i < set.n; i++) {
		const struct lwm2m_value *v = &set.v[i];

		assert_int_equal(v->path.id[0], object);
		assert_int_equal(v->path.id[1], instance);
		at += (size_t)snprintf(text + at, room - at, "%u", v->path.id[2]);
		if (v->path.depth == 4)
			at += (size_t)snprintf(text + at, room - at, "/%u", v->path.id[3]);
		if (v->type == MODEL_NONE)
			at += (size_t)snprintf(text + at, room - at, "=- ");
		else if (v->type == MODEL_STRING || v->type == MODEL_OPAQUE)
			at += (size_t)snprintf(text + at, room - at, "='%.*s' ", (int)v->len,
					       (const char *)v->p);
		else if (v->type == MODEL_OBJLNK)
			at += (size_t)snprintf(text + at, room - at, "=%u:%u ", v->object,
					       v->instance);
		else
			at += (size_t)snprintf(text + at, room - at, "=%lld ", (long long)v->i);
	}
	lwm2m_set_clear(&set);
	return text;
}

#define SHOWS(o, i, expected)                                                       \
	do {                                                                        \
		char text_[512];                                                    \
		assert_string_equal(show(r, o, i, text_, sizeof(text_)), expected); \
	} while (0)

static void fill(struct rig *r)
{
	const struct lwm2m_value link = {
		.path = lwm2m_path_at(3, 0, 3, 17, 0),
		.type = MODEL_OBJLNK,
		.object = 21,
		.instance = 1,
	};
	struct lwm2m_value v;

	assert_int_equal(lwm2m_data_add(r->d, 0, 3), 0);
	assert_int_equal(lwm2m_data_set_bytes(r->d, 0, 3, 0, "coap://h", 8), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 0, 3, 1, false), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 0, 3, 2, 3), 0);
	assert_int_equal(lwm2m_data_set_bytes(r->d, 0, 3, 5, "k\0y", 3), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 0, 3, 10, 101), 0);
	assert_int_equal(lwm2m_data_set(r->d, &link), 0);
	assert_int_equal(lwm2m_data_add(r->d, 2, 0), 0);
	v = integer(4, 2, 0, 2, 7, 31);
	assert_int_equal(lwm2m_data_set(r->d, &v), 0);
	v = integer(4, 2, 0, 2, 0, 1);
	assert_int_equal(lwm2m_data_set(r->d, &v), 0);
}

static void test_values(void **state)
{
	struct rig *r = *state;
	uint16_t ids[8];
	size_t len;

	fill(r);
	SHOWS(2, 0, "2/0=1 2/7=31 ");
	assert_int_equal(lwm2m_data_instances(r->d, 0, ids, 8), 1);
	assert_int_equal(ids[0], 3);
	assert_int_equal(lwm2m_data_int(r->d, 0, 3, 10, -1), 101);
	assert_int_equal(lwm2m_data_int(r->d, 0, 3, 11, -1), -1);
	assert_string_equal(lwm2m_data_string(r->d, 0, 3, 0, &len), "coap://h");
	assert_int_equal(len, 8);
	assert_non_null(lwm2m_data_string(r->d, 0, 3, 5, &len));
	assert_int_equal(len, 3);
	assert_null(lwm2m_data_string(r->d, 0, 3, 3, &len));
	assert_int_equal(lwm2m_data_find(r->d, 0, 10, 101), 3);
	assert_int_equal(lwm2m_data_find(r->d, 0, 10, 102), -1);
	assert_int_equal(lwm2m_data_free_instance(r->d, 2), 1);
	assert_int_equal(lwm2m_data_free_instance(r->d, 0), 0);
	assert_true(lwm2m_data_stores(21));
	assert_false(lwm2m_data_stores(3));
	/* the same after a restart */
	close_all(r);
	open_all(r);
	SHOWS(2, 0, "2/0=1 2/7=31 ");
	assert_int_equal(lwm2m_data_int(r->d, 0, 3, 10, -1), 101);
	assert_non_null(lwm2m_data_get(r->d, 0, 3, 17));
	assert_int_equal(lwm2m_data_get(r->d, 0, 3, 17)->object, 21);
	assert_int_equal(lwm2m_data_get(r->d, 0, 3, 17)->instance, 1);
	assert_memory_equal(lwm2m_data_string(r->d, 0, 3, 5, &len), "k\0y", 4);
}

static void test_refused(void **state)
{
	static const struct {
		struct lwm2m_value v;
		int error;
	} bad[] = {
		{{.path = {3, {0, 3, 99, 0}}, .type = MODEL_INTEGER}, -ENOENT},
		{{.path = {3, {3, 0, 0, 0}}, .type = MODEL_STRING}, -ENOENT}, /* not stored */
		{{.path = {3, {1, 0, 8, 0}}, .type = MODEL_NONE}, -ENOENT},   /* executable */
		{{.path = {3, {0, 4, 10, 0}}, .type = MODEL_INTEGER, .i = 1}, -ENOENT},
		{{.path = {3, {0, 3, 10, 0}}, .type = MODEL_INTEGER, .i = 0}, -EINVAL},
		{{.path = {3, {0, 3, 10, 0}}, .type = MODEL_INTEGER, .i = 65535}, -EINVAL},
		{{.path = {3, {0, 3, 10, 0}}, .type = MODEL_STRING}, -EINVAL},
		{{.path = {4, {0, 3, 10, 0}}, .type = MODEL_INTEGER, .i = 1}, -EINVAL},
		{{.path = {3, {2, 0, 2, 0}}, .type = MODEL_INTEGER, .i = 1}, -EINVAL},
		{{.path = {3, {0, 3, 10, 0}}, .type = MODEL_NONE}, -EINVAL},
		{{.path = {2, {0, 3, 0, 0}}, .type = MODEL_INTEGER}, -ENOENT},
	};
	struct rig *r = *state;
	struct lwm2m_path path = lwm2m_path_at(3, 0, 3, 11, 0);
	static char big[LWM2M_DATA_BYTES_MAX + 1];
	uint64_t generation;

	fill(r);
	lwm2m_data_listen(r->d, on_change, r);
	generation = lwm2m_data_generation(r->d);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (lwm2m_data_set(r->d, &bad[i].v) != bad[i].error)
			fail_msg("case %zu: %d", i, lwm2m_data_set(r->d, &bad[i].v));
	assert_int_equal(lwm2m_data_add(r->d, 0, 3), -EEXIST);
	assert_int_equal(lwm2m_data_add(r->d, 3, 0), -ENOENT);
	assert_int_equal(lwm2m_data_add(r->d, 0, 65535), -ENOENT);
	assert_int_equal(lwm2m_data_remove(r->d, &path), -ENOENT);
	assert_int_equal(lwm2m_data_set_bytes(r->d, 0, 3, 4, big, sizeof(big)), -ENOSPC);
	assert_int_equal(lwm2m_data_set_bytes(r->d, 0, 3, 4, NULL, 0), 0);
	assert_int_equal(lwm2m_data_set_bytes(r->d, 0, 4, 4, NULL, 0), -ENOENT);
	assert_int_equal(r->told, 0);
	assert_true(generation == lwm2m_data_generation(r->d));
	for (uint16_t i = 1; i < LWM2M_DATA_INSTANCES_MAX; i++)
		assert_int_equal(lwm2m_data_add(r->d, 2, i), 0);
	assert_int_equal(lwm2m_data_add(r->d, 2, 100), -ENOSPC);
	assert_int_equal(lwm2m_data_free_instance(r->d, 2), -1);
}

static void test_transaction(void **state)
{
	struct rig *r = *state;
	struct lwm2m_path path = lwm2m_path_at(2, 0, 3, 0, 0);

	fill(r);
	lwm2m_data_listen(r->d, on_change, r);
	assert_int_equal(lwm2m_data_begin(r->d), 0);
	assert_int_equal(lwm2m_data_begin(r->d), -EALREADY);
	assert_int_equal(lwm2m_data_remove(r->d, &path), 0);
	assert_int_equal(lwm2m_data_add(r->d, 1, 0), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 1, 0, 0, 101), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 2, 0, 3, 101), 0);
	assert_false(lwm2m_data_has(r->d, 0, 3));
	SHOWS(1, 0, "0=101 ");
	assert_int_equal(r->told, 0);
	lwm2m_data_rollback(r->d);
	assert_false(lwm2m_data_in_transaction(r->d));
	SHOWS(2, 0, "2/0=1 2/7=31 ");
	SHOWS(1, 0, "none");
	assert_int_equal(lwm2m_data_int(r->d, 0, 3, 10, -1), 101);
	assert_int_equal(r->told, 0);
	close_all(r);
	open_all(r);
	SHOWS(1, 0, "none");

	lwm2m_data_listen(r->d, on_change, r);
	assert_int_equal(lwm2m_data_begin(r->d), 0);
	assert_int_equal(lwm2m_data_remove(r->d, &path), 0);
	assert_int_equal(lwm2m_data_add(r->d, 1, 0), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 1, 0, 0, 101), 0);
	assert_int_equal(lwm2m_data_commit(r->d), 0);
	assert_int_equal(r->told, 2); /* /2/0 is as it was */
	assert_int_equal(lwm2m_data_commit(r->d), -EINVAL);
	close_all(r);
	open_all(r);
	SHOWS(0, 3, "none");
	SHOWS(1, 0, "0=101 ");
	SHOWS(2, 0, "2/0=1 2/7=31 ");
}

static void test_multiple(void **state)
{
	struct rig *r = *state;
	struct lwm2m_value none = {.path = lwm2m_path_at(4, 2, 0, 2, 0), .type = MODEL_NONE};
	struct lwm2m_path path = lwm2m_path_at(4, 2, 0, 2, 7);
	struct lwm2m_value v;

	fill(r);
	assert_int_equal(lwm2m_data_remove(r->d, &path), 0);
	SHOWS(2, 0, "2/0=1 ");
	path.id[3] = 0;
	assert_int_equal(lwm2m_data_remove(r->d, &path), 0);
	SHOWS(2, 0, "2/0=- ");
	assert_int_equal(lwm2m_data_remove(r->d, &path), -ENOENT);
	assert_null(lwm2m_data_get(r->d, 2, 0, 2));
	close_all(r);
	open_all(r);
	SHOWS(2, 0, "2/0=- ");
	v = integer(4, 2, 0, 2, 9, 2);
	assert_int_equal(lwm2m_data_set(r->d, &v), 0);
	v.i = 3;
	assert_int_equal(lwm2m_data_set(r->d, &v), 0);
	SHOWS(2, 0, "2/9=3 ");
	assert_int_equal(lwm2m_data_set(r->d, &none), 0);
	SHOWS(2, 0, "2/0=- ");
	for (uint16_t i = 0; i < LWM2M_DATA_WRITES_MAX; i++) {
		v = integer(4, 2, 0, 2, i, 1);
		assert_int_equal(lwm2m_data_set(r->d, &v), 0);
	}
	v = integer(4, 2, 0, 2, 100, 1);
	assert_int_equal(lwm2m_data_set(r->d, &v), -ENOSPC);
	path = lwm2m_path_at(3, 2, 0, 2, 0);
	assert_int_equal(lwm2m_data_remove(r->d, &path), 0);
	SHOWS(2, 0, "");
	path = lwm2m_path_at(0, 0, 0, 0, 0);
	assert_int_equal(lwm2m_data_remove(r->d, &path), 0);
	SHOWS(2, 0, "none");
	SHOWS(0, 3, "none");
}

/* what a bootstrap session does: a copy, and all of it at once */
static void test_copy(void **state)
{
	struct rig *r = *state;
	struct lwm2m_path path = lwm2m_path_at(1, 0, 0, 0, 0);
	struct lwm2m_data *copy;

	fill(r);
	assert_int_equal(lwm2m_data_copy(&copy, r->d), 0);
	assert_int_equal(lwm2m_data_remove(copy, &path), 0);
	assert_int_equal(lwm2m_data_set_int(copy, 2, 0, 3, 5), 0);
	assert_int_equal(lwm2m_data_int(r->d, 0, 3, 10, -1), 101);
	SHOWS(2, 0, "2/0=1 2/7=31 ");
	lwm2m_data_listen(r->d, on_change, r);
	assert_int_equal(lwm2m_data_take(r->d, copy), 0);
	assert_int_equal(r->told, 2);
	lwm2m_data_free(copy);
	SHOWS(0, 3, "none");
	SHOWS(2, 0, "2/0=1 2/7=31 3=5 ");
	close_all(r);
	open_all(r);
	SHOWS(0, 3, "none");
	SHOWS(2, 0, "2/0=1 2/7=31 3=5 ");
}

/* bytes that some other program, or the disk, put there */
static void test_bad_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{"", 0},
		{"\x02", 1},					  /* another version */
		{"\x01\x00\x00", 3},				  /* cut off */
		{"\x01\0\x0a\0\0\x03\x02\0\0\0\x09XXXXXXXX", 19}, /* longer than it is */
		{"\x01\0\x0a\0\0\x03\x02\0\0\0\x04XXXX", 15},	  /* integer of 4 bytes */
		{"\x01\0\x0a\0\0\x03\x63\0\0\0\0", 11},		  /* unknown type */
		{"\x01\0\x0a\0\0\x05\x02\0\0\0\x08\0\0\0\0\0\0\0\x01", 19}, /* depth */
	};
	static const uint8_t good[] = "\x01"
				      "\0\x00\0\0\x03\x01\0\0\0\x01h"
				      "\0\x0a\0\0\x03\x02\0\0\0\x08\0\0\0\0\0\0\0\x05"
				      "\0\x63\0\0\x03\x02\0\0\0\x08\0\0\0\0\0\0\0\x05";
	struct rig *r = *state;
	const uint8_t key[] = {0, 0, 0, 9}, odd[] = {0, 0, 0};
	char why[CONTENT_WORDS_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		lwm2m_data_free(r->d);
		assert_int_equal(
			store_put(r->st, LWM2M_KIND_DATA, key, 4, bad[i].bytes, bad[i].len), 0);
		assert_int_equal(lwm2m_data_new(&r->d, r->st, why), 0);
		assert_non_null(strstr(why, "/0/9"));
		assert_false(lwm2m_data_has(r->d, 0, 9));
	}
	/* a resource that the model does not have is left out, the others stay */
	lwm2m_data_free(r->d);
	assert_int_equal(store_put(r->st, LWM2M_KIND_DATA, key, 4, good, sizeof(good) - 1), 0);
	assert_int_equal(store_put(r->st, LWM2M_KIND_DATA, odd, 3, good, sizeof(good) - 1), 0);
	assert_int_equal(lwm2m_data_new(&r->d, r->st, why), 0);
	SHOWS(0, 9, "0='h' 10=5 ");
}

/*
 * Killed at any moment within a storm of commits: what is found then is one of
 * the states between them, never half of one. Each commit moves two instances of
 * different objects to the same number.
 */
static void test_kill(void **state)
{
	struct rig *r = *state;
	int64_t before = -1;

	assert_int_equal(lwm2m_data_add(r->d, 1, 0), 0);
	assert_int_equal(lwm2m_data_add(r->d, 2, 0), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 1, 0, 1, 1), 0);
	assert_int_equal(lwm2m_data_set_int(r->d, 2, 0, 1, 1), 0);
	for (unsigned int round = 0; round < 12; round++) {
		int status, pipes[2];
		int64_t a, b;
		pid_t pid;
		char c;

		close_all(r);
		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		if (pid == 0) {
			open_all(r);
			for (int64_t i = lwm2m_data_int(r->d, 1, 0, 1, 0) + 1;; i++) {
				if (lwm2m_data_begin(r->d) < 0 ||
				    lwm2m_data_set_int(r->d, 1, 0, 1, i) < 0 ||
				    lwm2m_data_set_int(r->d, 2, 0, 1, i % 65535) < 0 ||
				    lwm2m_data_commit(r->d) < 0 || write(pipes[1], "x", 1) != 1)
					_exit(1);
			}
		}
		close(pipes[1]);
		assert_int_equal(read(pipes[0], &c, 1), 1);
		usleep(300 * round);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		close(pipes[0]);
		open_all(r);
		a = lwm2m_data_int(r->d, 1, 0, 1, -1);
		b = lwm2m_data_int(r->d, 2, 0, 1, -1);
		assert_int_equal(a % 65535, b);
		assert_true(a > before);
		before = a;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forget),	TEST(test_values),   TEST(test_refused),
		TEST(test_transaction), TEST(test_multiple), TEST(test_copy),
		TEST(test_bad_bytes),	TEST(test_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
