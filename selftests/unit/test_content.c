// SPDX-License-Identifier: Apache-2.0
/*
 * Software packages and applications without a card that does anything: what is kept
 * over a restart, what is refused and in which words. A thread answers 6A82 to every
 * command, so that jobs have something to fail at.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "content/apps.h"
#include "content/ops.h"
#include "content/packages.h"
#include "job/job.h"
#include "job/policy.h"
#include "store/store.h"

#define SW MODEL_OBJECT_SOFTWARE
#define FW MODEL_OBJECT_FIRMWARE

static char dir[64], sock_path[96], words[CONTENT_WORDS_MAX];
static struct job_store *store;
static struct store *state;
static struct content_apps *apps;
static struct content_packages *packages;
static int listen_fd, told;

/* ---- an SE that refuses everything ---------------------------------------------------- */

static bool read_all(int fd, uint8_t *p, size_t len)
{
	for (ssize_t n; len; p += n, len -= (size_t)n) {
		n = read(fd, p, len);
		if (n <= 0)
			return false;
	}
	return true;
}

static void *serve(void *arg)
{
	uint8_t head[2], cmd[2048];
	int fd = (int)(intptr_t)arg;
	size_t len;

	while (read_all(fd, head, 2)) {
		len = (size_t)head[0] << 8 | head[1];
		if (len > sizeof(cmd) || !read_all(fd, cmd, len))
			break;
		if (len == 1 && cmd[0] != 4)
			continue;
		if (write(fd, len == 1 ? "\0\2\x3b\0" : "\0\2\x6a\x82", 4) != 4)
			break;
	}
	close(fd);
	return NULL;
}

static void *accept_loop(void *arg)
{
	pthread_t t;
	int fd;

	(void)arg;
	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		pthread_create(&t, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

/* ---- the world ------------------------------------------------------------------------- */

static void on_content(void *ctx, uint16_t object, int32_t instance)
{
	(void)ctx;
	(void)object;
	(void)instance;
	told++;
}

static void on_job(void *userdata, uint64_t id)
{
	(void)userdata;
	content_apps_job_changed(apps, id);
	content_packages_job_changed(packages, id);
}

static void up(void)
{
	struct job_options o = {.dir = dir};
	struct job_error err = {0};
	char open[128];

	if (job_store_open(&store, &o, &err) < 0)
		fail_msg("%s: %s", err.code, err.detail);
	snprintf(open, sizeof(open), "socket:%s", sock_path);
	assert_int_equal(job_se_add(store, "se0", open, "eSE"), 0);
	assert_int_equal(store_open(&state, dir, "content", words, sizeof(words)), 0);
	assert_int_equal(content_apps_new(&apps, store, state), 0);
	assert_int_equal(content_apps_listen(apps, on_content, NULL), 0);
	assert_int_equal(content_packages_new(&packages, store, apps, state), 0);
	assert_int_equal(content_packages_listen(packages, on_content, NULL), 0);
	assert_int_equal(job_listen(store, on_job, NULL), 0);
}

static void down(void)
{
	content_packages_free(packages);
	content_apps_free(apps);
	store_close(state);
	job_store_close(store);
}

static void restart(void)
{
	down();
	up();
}

static int setup(void **st)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	pthread_t t;

	(void)st;
	snprintf(dir, sizeof(dir), "/tmp/packages-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(sock_path, sizeof(sock_path), "%s/se.sock", dir);
	memcpy(sa.sun_path, sock_path, sizeof(sock_path));
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listen_fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(listen_fd, 8))
		return -1;
	pthread_create(&t, NULL, accept_loop, NULL);
	pthread_detach(t);
	up();
	return 0;
}

static int teardown(void **st)
{
	char command[96];

	(void)st;
	down();
	shutdown(listen_fd, SHUT_RDWR);
	close(listen_fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const struct content_package *package(uint16_t object, uint16_t id)
{
	const struct content_package *p =
		content_packages_get(packages, "lwm2m:main", object, id);

	assert_non_null(p);
	return p;
}

static int put(uint16_t object, uint16_t id, uint64_t offset, const void *p, size_t len,
	       bool last)
{
	return content_packages_write(packages, "lwm2m:main", object, id, offset, p, len, last,
				      words);
}

static void wait_idle(uint16_t object, uint16_t id)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};

	for (int i = 0; i < 3000 && package(object, id)->op != CONTENT_PACKAGE_IDLE; i++) {
		poll(&p, 1, 20);
		job_store_dispatch(store);
	}
	assert_int_equal(package(object, id)->op, CONTENT_PACKAGE_IDLE);
}

/* ---- packages ---------------------------------------------------------------------------- */

static void test_blocks(void **st)
{
	static uint8_t block[1024];
	uint64_t at;

	(void)st;
	memset(block, 0x55, sizeof(block));
	assert_int_equal(content_packages_create(packages, "lwm2m:main", SW, 3, words), 0);
	assert_int_equal(put(SW, 3, 1024, block, 1024, false), -ESTALE);
	assert_non_null(strstr(words, "go on at byte 0"));
	for (at = 0; at < 100 * 1024; at += 1024)
		assert_int_equal(put(SW, 3, at, block, 1024, false), 0);
	assert_int_equal(package(SW, 3)->state, MODEL_SOFTWARE_STARTED);
	assert_int_equal(put(SW, 3, at + 1024, block, 1024, false), -ESTALE);
	/* a block again, and then another one: what was behind is gone */
	assert_int_equal(put(SW, 3, 90 * 1024, block, 1024, false), 0);
	assert_int_equal(package(SW, 3)->staged, 91 * 1024);
	/* others do not see it */
	assert_null(content_packages_get(packages, "lwm2m:other", SW, 3));
	restart();
	/* not more than is on the disk for certain */
	assert_true(package(SW, 3)->staged >= 64 * 1024 && package(SW, 3)->staged <= 91 * 1024);
	assert_non_null(strstr(package(SW, 3)->reason, "bytes are here"));
	at = package(SW, 3)->staged;
	assert_int_equal(put(SW, 3, at, block, 1024, false), 0);
	assert_int_equal(package(SW, 3)->staged, at + 1024);
	assert_int_equal(put(SW, 3, CONTENT_PACKAGE_MAX, block, 1, false), -ESTALE);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", SW, 3, words), 0);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", SW, 3, words),
			 -ENOENT);
}

static void test_refused(void **st)
{
	static const struct {
		uint16_t object;
		const char *bytes;
		size_t len;
		unsigned int result;
	} bad[] = {
		{SW, "what is this", 12, MODEL_SOFTWARE_UNSUPPORTED},
		{SW, "P", 1, MODEL_SOFTWARE_UNSUPPORTED},
		{SW, "PK\003\004 and no more", 16, MODEL_SOFTWARE_BAD},
		{SW, "\xc4\x02\x01\x00", 4, MODEL_SOFTWARE_BAD},
		{SW, "{\"version\":1}", 13, MODEL_SOFTWARE_BAD},
		{SW, "{", 1, MODEL_SOFTWARE_UNSUPPORTED},
		{FW, "{\"version\":1}", 13, MODEL_SOFTWARE_UNSUPPORTED},
		{FW, "PK\003\004", 4, MODEL_SOFTWARE_UNSUPPORTED},
	};
	static uint8_t big[1 << 20];

	(void)st;
	assert_int_equal(content_packages_create(packages, "lwm2m:main", SW, 0, words), 0);
	assert_int_equal(content_packages_create(packages, "lwm2m:main", FW, 0, words), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*words = '\0';
		assert_true(put(bad[i].object, 0, 0, bad[i].bytes, bad[i].len, true) < 0);
		assert_int_equal(package(bad[i].object, 0)->result, bad[i].result);
		assert_int_equal(package(bad[i].object, 0)->state, MODEL_SOFTWARE_INITIAL);
		assert_true(*words != '\0');
		/* nothing to install */
		assert_int_equal(content_packages_run(packages, "lwm2m:main", bad[i].object, 0,
						      CONTENT_PACKAGE_INSTALL, "", NULL, NULL,
						      words),
				 -EOPNOTSUPP);
	}
	for (uint64_t at = 0; at < CONTENT_PACKAGE_MAX; at += sizeof(big))
		assert_int_equal(put(SW, 0, at, big, sizeof(big), false), 0);
	assert_int_equal(put(SW, 0, CONTENT_PACKAGE_MAX, big, 1, true), -EFBIG);
	assert_int_equal(package(SW, 0)->result, MODEL_SOFTWARE_NO_ROOM);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", SW, 0, words), 0);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", FW, 0, words), 0);
}

static void test_script_fails(void **st)
{
	static const uint8_t script[] = {0xaa, 0x07, 0x22, 0x05, 0x80, 0xca, 0x00, 0x66, 0x00};
	struct job_info info;

	(void)st;
	assert_int_equal(content_packages_create(packages, "lwm2m:main", FW, 0, words), 0);
	assert_int_equal(put(FW, 0, 0, script, 4, false), 0);
	assert_int_equal(put(FW, 0, 4, script + 4, sizeof(script) - 4, true), 0);
	assert_int_equal(package(FW, 0)->state, MODEL_SOFTWARE_DELIVERED);
	restart();
	assert_int_equal(package(FW, 0)->state, MODEL_SOFTWARE_DELIVERED);
	assert_int_equal(content_packages_run(packages, "lwm2m:main", FW, 0,
					      CONTENT_PACKAGE_INSTALL, "", NULL, NULL, words),
			 0);
	/* one at a time */
	assert_int_equal(content_packages_run(packages, "lwm2m:main", FW, 0,
					      CONTENT_PACKAGE_INSTALL, "", NULL, NULL, words),
			 -EBUSY);
	assert_int_equal(put(FW, 0, 0, script, 4, false), -EBUSY);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", FW, 0, words), -EBUSY);
	wait_idle(FW, 0);
	assert_int_equal(package(FW, 0)->state, MODEL_SOFTWARE_DELIVERED);
	assert_int_equal(package(FW, 0)->result, MODEL_SOFTWARE_INSTALL_FAILED);
	assert_true(package(FW, 0)->reason[0] != '\0');
	/* how it ended is known when its job is gone, and over a restart */
	restart();
	assert_int_equal(package(FW, 0)->last.state, JOB_FAILED);
	assert_string_equal(package(FW, 0)->last.code, "select-refused");
	assert_int_equal(package(FW, 0)->last.executed, 0);
	assert_true(package(FW, 0)->last.job > 0);
	assert_int_equal(package(FW, 0)->last.run, 1);
	/* the job is over and done with */
	assert_int_equal(job_find(store, "lwm2m:main", CONTENT_FIRMWARE_SLOT, &info), -ENOENT);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", FW, 0, words), 0);
}

/* The process died while a package was being installed: what came of it is found. */
static void test_caught_up(void **st)
{
	static const uint8_t script[] = {0xaa, 0x07, 0x22, 0x05, 0x80, 0xca, 0x00, 0x66, 0x00};

	(void)st;
	assert_int_equal(content_packages_create(packages, "lwm2m:main", SW, 1, words), 0);
	assert_int_equal(put(SW, 1, 0, script, sizeof(script), true), 0);
	assert_int_equal(content_packages_run(packages, "lwm2m:main", SW, 1,
					      CONTENT_PACKAGE_INSTALL, "", NULL, NULL, words),
			 0);
	restart();
	wait_idle(SW, 1);
	assert_int_equal(package(SW, 1)->result, MODEL_SOFTWARE_INSTALL_FAILED);
	assert_int_equal(content_packages_reset(packages, "lwm2m:main", SW, 1, 0, words), 0);
	assert_int_equal(package(SW, 1)->result, 0);
	assert_int_equal(content_packages_remove(packages, "lwm2m:main", SW, 1, words), 0);
}

/* ---- applications ------------------------------------------------------------------------ */

static void snapshot(const char *const *aids)
{
	struct model_se *se = calloc(1, sizeof(*se));

	assert_non_null(se);
	model_se_init(se, "se0", "eSE");
	for (; *aids; aids++) {
		struct model_app *app = &se->apps[se->nr_apps++];

		/* E3 { 4F aid } */
		app->record[0] = 0xe3;
		app->record[1] = 9;
		app->record[2] = 0x4f;
		app->record[3] = 7;
		memcpy(app->record + 4, *aids, 7);
		app->len = 11;
	}
	assert_int_equal(content_apps_snapshot(apps, se), 0);
	free(se);
}

static int number(const char *aid)
{
	struct gp_aid a;
	const struct content_app *app;

	assert_int_equal(gp_aid_set(&a, (const uint8_t *)aid, 7), 0);
	app = content_apps_find(apps, 0, &a);
	return app ? app->id : -1;
}

static void test_numbers(void **st)
{
	uint16_t ids[8];

	(void)st;
	told = 0;
	snapshot((const char *const[]){"app-one", "app-two", "app-thr", NULL});
	assert_true(told > 0);
	/* the issuer's domain is always there */
	assert_int_equal(content_apps_list(apps, ids, 8), 4);
	assert_int_equal(content_apps_get(apps, 0)->entry.kind, GP_KIND_ISD);
	assert_int_equal(number("app-two"), 2);
	snapshot((const char *const[]){"app-one", "app-thr", NULL});
	assert_int_equal(number("app-two"), -1);
	assert_int_equal(number("app-thr"), 3);
	snapshot((const char *const[]){"app-one", "app-thr", "app-new", NULL});
	assert_int_equal(number("app-new"), 2);
	told = 0;
	snapshot((const char *const[]){"app-one", "app-thr", "app-new", NULL});
	assert_int_equal(told, 0);
}

static int run(struct content_ops *ops, uint16_t id, enum content_op op, bool related)
{
	const struct content_step step = {.op = op, .related = related, .selectable = true};

	return content_ops_run(ops, id, &step, words);
}

static void test_operations(void **st)
{
	struct content_ops *ops = content_ops_of(apps, "lwm2m:main");
	struct policy_text text = {.origin = "lwm2m:main",
				   .keysets = "isd",
				   .aids = "",
				   .operations = "",
				   .instructions = "",
				   .rate = ""};
	struct job_policy policy;
	struct content_task op;
	char why[256];
	int app = number("app-one");

	(void)st;
	assert_true(app > 0);
	assert_int_equal(run(ops, 0, CONTENT_OP_LOCK, false), -EINVAL);
	assert_int_equal(run(ops, (uint16_t)app, CONTENT_OP_INSTALL, false), -EINVAL);
	assert_int_equal(run(ops, 0, CONTENT_OP_SD_CREATE, false), -EINVAL);
	assert_non_null(strstr(words, "needs an AID"));
	assert_int_equal(run(ops, 99, CONTENT_OP_LOCK, false), -ENOENT);
	assert_int_equal(content_ops_control(ops, (uint16_t)app, CONTENT_CLEAR, words),
			 -ENOENT);
	/* a key set of the issuer's domain is that of all of its SE, and is kept */
	assert_int_equal(content_ops_get(ops, 0, &op), 0);
	snprintf(op.keyset, sizeof(op.keyset), "isd");
	assert_int_equal(content_ops_set(ops, 0, &op), 0);
	/* without a policy no server runs a plan */
	assert_int_equal(run(ops, (uint16_t)app, CONTENT_OP_LOCK, false), -EACCES);
	assert_non_null(strstr(words, "policy"));
	assert_non_null(strstr(content_apps_why(apps, 0), "policy"));
	restart();
	ops = content_ops_of(apps, "lwm2m:main");
	assert_int_equal(content_ops_get(ops, 0, &op), 0);
	assert_string_equal(op.keyset, "isd");
	snapshot((const char *const[]){"app-one", NULL});
	app = number("app-one");
	assert_int_equal(content_ops_get(ops, (uint16_t)app, &op), 0);
	assert_string_equal(op.keyset, "isd");
	/* with one, the job is made; it fails, for there is no such key set */
	assert_int_equal(policy_read(&policy, "main", &text, why, sizeof(why)), 0);
	assert_int_equal(job_set_policies(store, &policy, 1), 0);
	memcpy(op.token, "token", 5);
	op.token_len = 5;
	assert_int_equal(content_ops_set(ops, (uint16_t)app, &op), 0);
	assert_int_equal(run(ops, (uint16_t)app, CONTENT_OP_DELETE, true), 0);
	for (int i = 0; i < 3000; i++) {
		struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};

		assert_int_equal(content_ops_get(ops, (uint16_t)app, &op), 0);
		if (op.state > MODEL_SCRIPT_RUNNING)
			break;
		poll(&p, 1, 20);
		job_store_dispatch(store);
	}
	assert_int_equal(op.state, MODEL_SCRIPT_FAILED);
	assert_string_equal(op.result, "no-such-keyset");
	/* the token is used up; the result stays until Clear */
	assert_int_equal(op.token_len, 0);
	assert_int_equal(content_ops_control(ops, (uint16_t)app, CONTENT_CLEAR, words), 0);
	assert_int_equal(content_ops_get(ops, (uint16_t)app, &op), 0);
	assert_int_equal(op.state, MODEL_SCRIPT_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),	     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_script_fails), cmocka_unit_test(test_caught_up),
		cmocka_unit_test(test_numbers),	     cmocka_unit_test(test_operations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
