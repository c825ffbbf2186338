// SPDX-License-Identifier: Apache-2.0
/*
 * io.sesame.Manager over a real socket: a client thread on one side, the loop
 * on the other. The SE tells its ATR and answers no command, so that jobs stay
 * where they are.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/control.h"

#define I CONTROL_INTERFACE "."

static char dir[64], path[128], se_path[128];
static sd_event *event;
static struct job_store *store;
static struct control *control;

static int one_server(void *ctx, unsigned int index, struct control_server *out)
{
	(void)ctx;
	if (index)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "main");
	snprintf(out->state, sizeof(out->state), "registered");
	out->observations = 3;
	return 0;
}

static const struct control_ops ops = {.server = one_server};

static int on_jobs(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents, (void)userdata;
	job_store_dispatch(store);
	return 0;
}

/* ---- the client ---- */

struct ask {
	const char *method, *parameters;
	char error[96];
	sd_json_variant *reply;
	bool done;
};

static void *client(void *arg)
{
	sd_json_variant *p = NULL, *reply = NULL;
	const char *error = NULL;
	struct ask *a = arg;
	sd_varlink *link = NULL;

	if (sd_varlink_connect_address(&link, path) < 0 ||
	    sd_json_parse(a->parameters, 0, &p, NULL, NULL) < 0 ||
	    sd_varlink_call(link, a->method, p, &reply, &error) < 0)
		snprintf(a->error, sizeof(a->error), "no connection");
	else if (error)
		snprintf(a->error, sizeof(a->error), "%s", error);
	a->reply = sd_json_variant_ref(reply);
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	__atomic_store_n(&a->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static struct ask call(const char *method, const char *parameters)
{
	struct ask a = {.method = method, .parameters = parameters};
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, client, &a), 0);
	while (!__atomic_load_n(&a.done, __ATOMIC_SEQ_CST))
		sd_event_run(event, 20000);
	pthread_join(t, NULL);
	return a;
}

static const char *text(struct ask *a, const char *key)
{
	sd_json_variant *v = sd_json_variant_by_key(a->reply, key);

	return v && sd_json_variant_is_string(v) ? sd_json_variant_string(v) : "";
}

static void drop(struct ask *a)
{
	sd_json_variant_unref(a->reply);
}

static void want_error(const char *method, const char *parameters, const char *error)
{
	struct ask a = call(method, parameters);

	assert_string_equal(a.error, error);
	drop(&a);
}

/* ---- tests ---- */

static void test_reading(void **state)
{
	sd_json_variant *v;
	struct ask a;

	(void)state;
	a = call(I "GetStatus", "{}");
	assert_string_equal(a.error, "");
	assert_string_equal(text(&a, "version"), "test");
	v = sd_json_variant_by_key(a.reply, "servers");
	assert_int_equal(sd_json_variant_elements(v), 1);
	drop(&a);
	a = call(I "ListJobs", "{}");
	assert_string_equal(a.error, "");
	v = sd_json_variant_by_key(a.reply, "jobs");
	assert_true(sd_json_variant_is_array(v));
	assert_int_equal(sd_json_variant_elements(v), 0);
	drop(&a);
	a = call("org.varlink.service.GetInterfaceDescription",
		 "{\"interface\":\"io.sesame.Manager\"}");
	assert_string_equal(a.error, "");
	assert_non_null(strstr(text(&a, "description"), "method RunScript("));
	assert_non_null(strstr(text(&a, "description"), "error NoSuchElement"));
	drop(&a);
}

/* Whoever waits for the path finds somebody there: it comes from another name, listening. */
static void test_path(void **state)
{
	char at[96], what[4096];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), created = 0, moved = 0;
	const struct inotify_event *e;
	struct control *second;
	struct stat st;
	ssize_t n;

	(void)state;
	snprintf(at, sizeof(at), "%s/second", dir);
	assert_true(inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO) >= 0);
	assert_int_equal(control_new(&second, event, store, at, getegid(), "1", &ops, NULL), 0);
	n = read(fd, what, sizeof(what));
	assert_true(n > 0);
	for (const char *p = what; p < what + n; p += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)(const void *)p;
		created += !strcmp(e->name, "second") && e->mask & IN_CREATE;
		moved += !strcmp(e->name, "second") && e->mask & IN_MOVED_TO;
	}
	assert_int_equal(created, 0);
	assert_int_equal(moved, 1);
	assert_int_equal(stat(at, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(fd);
	control_free(second);
	/* a folder that is not there, a path that is too long */
	assert_int_equal(control_new(&second, event, store, "/nowhere/at/all", (gid_t)-1, "1",
				     &ops, NULL),
			 -ENOENT);
	memset(what, 'x', sizeof(what));
	what[200] = '\0';
	assert_int_equal(control_new(&second, event, store, what, (gid_t)-1, "1", &ops, NULL),
			 -ENAMETOOLONG);
}

static void test_errors(void **state)
{
	struct ask a;

	(void)state;
	want_error(I "GetJob", "{\"id\":99}", I "NoSuchJob");
	want_error(I "CancelJob", "{\"id\":99}", I "NoSuchJob");
	want_error(I "AckJob", "{\"id\":99}", I "NoSuchJob");
	want_error(I "GetJob", "{}", SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "GetJob", "{\"id\":1,\"x\":2}", SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "RunScript", "{\"se\":\"se9\",\"script\":\"qgA=\"}", I "NoSuchElement");
	want_error(I "RunScript", "{\"se\":\"se0\",\"script\":\"!\"}",
		   SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "RunScript", "{\"se\":\"se0\",\"aid\":\"A0\",\"script\":\"qgA=\"}",
		   I "Refused");
	want_error(I "RunScript", "{\"se\":\"se0\",\"aid\":\"zz\",\"script\":\"qgA=\"}",
		   SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "Nothing", "{}", SD_VARLINK_ERROR_METHOD_NOT_FOUND);
	/* a refused script leaves no job behind */
	a = call(I "ListJobs", "{}");
	assert_int_equal(sd_json_variant_elements(sd_json_variant_by_key(a.reply, "jobs")), 0);
	drop(&a);
}

/* A job and, in @p, the parameters that name it. */
static void run_script(char p[64])
{
	struct ask a = call(I "RunScript",
			    "{\"se\":\"se0\",\"script\":\"qgciBYDKAGYA\",\"deadline\":1}");
	uint64_t id;

	assert_string_equal(a.error, "");
	id = sd_json_variant_unsigned(sd_json_variant_by_key(a.reply, "id"));
	assert_true(id > 0);
	drop(&a);
	snprintf(p, 64, "{\"id\":%llu}", (unsigned long long)id);
}

static void test_run(void **state)
{
	sd_json_variant *job;
	char p[64];
	struct ask a;
	bool runs = false;

	(void)state;
	/* one whose second was over before we asked is made again */
	for (int i = 0; i < 20 && !runs; i++) {
		run_script(p);
		a = call(I "AckJob", p);
		runs = !strcmp(a.error, I "Refused");
		assert_true(runs || !*a.error);
		drop(&a);
	}
	assert_true(runs);
	a = call(I "GetJob", p);
	assert_string_equal(a.error, "");
	job = sd_json_variant_by_key(a.reply, "job");
	assert_true(sd_json_variant_by_key(job, "origin") != NULL);
	drop(&a);
	want_error(I "MonitorJob", p, SD_VARLINK_ERROR_EXPECTED_MORE);
	do {
		a = call(I "GetJob", p);
		job = sd_json_variant_by_key(sd_json_variant_by_key(a.reply, "job"), "state");
		if (!strcmp(sd_json_variant_string(job), "expired"))
			break;
		drop(&a);
		usleep(50000);
	} while (1);
	drop(&a);
	a = call(I "AckJob", p);
	assert_string_equal(a.error, "");
	drop(&a);
	want_error(I "GetJob", p, I "NoSuchJob");
}

#define LIST_PLAN \
	"{\"version\":1,\"sessions\":[{\"keys\":\"isd\"}],\"operations\":[{\"op\":\"list\"}]}"

static void test_plans(void **state)
{
	static const struct job_keyset sets[] = {{"isd", "file:/nowhere/isd.keys"},
						 {"token", "pkcs11:token=x"}};
	sd_json_variant *v;
	struct ask a;

	(void)state;
	/* a plan that nobody may run, or that is none, leaves no job behind */
	want_error(I "RunPlan", "{\"se\":\"se0\",\"plan\":{}}", I "Refused");
	want_error(I "RunPlan", "{\"se\":\"se9\",\"plan\":" LIST_PLAN "}", I "NoSuchElement");
	want_error(I "RunPlan", "{\"se\":\"se0\",\"plan\":\"x\"}",
		   SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "ShowPlan", "{\"plan\":{\"version\":1}}", I "Refused");
	want_error(I "ResumeJob", "{\"id\":99}", I "NoSuchJob");
	want_error(I "RollbackJob", "{\"id\":99}", I "NoSuchJob");
	a = call(I "ListJobs", "{}");
	assert_int_equal(sd_json_variant_elements(sd_json_variant_by_key(a.reply, "jobs")), 0);
	drop(&a);
	a = call(I "ShowPlan", "{\"plan\":" LIST_PLAN "}");
	assert_string_equal(a.error, "");
	assert_non_null(sd_json_variant_by_key(a.reply, "shown"));
	drop(&a);
	/* key sets by name; where they are is not told */
	assert_int_equal(job_set_keysets(store, sets, 2), 0);
	a = call(I "ListKeySets", "{}");
	v = sd_json_variant_by_index(sd_json_variant_by_key(a.reply, "keySets"), 1);
	assert_string_equal(sd_json_variant_string(sd_json_variant_by_key(v, "name")), "token");
	assert_string_equal(sd_json_variant_string(sd_json_variant_by_key(v, "kind")),
			    "pkcs11");
	assert_int_equal(sd_json_variant_elements(v), 4); /* two names, two values */
	drop(&a);
	/* run to its end, which is that the keys cannot be read; the job is gone then */
	a = call(I "ListApplications", "{\"se\":\"se0\",\"keySet\":\"isd\"}");
	assert_string_equal(a.error, I "Refused");
	assert_true(*text(&a, "code") && strcmp(text(&a, "code"), "policy") != 0);
	drop(&a);
	a = call(I "ListJobs", "{}");
	assert_int_equal(sd_json_variant_elements(sd_json_variant_by_key(a.reply, "jobs")), 0);
	drop(&a);
}

static void test_others(void **state)
{
	struct ask a;

	(void)state;
	a = call(I "GetStats", "{\"se\":\"se0\"}");
	assert_string_equal(a.error, "");
	assert_int_equal(sd_json_variant_unsigned(sd_json_variant_by_key(
				 sd_json_variant_by_key(a.reply, "counters"), "apdus")),
			 0);
	drop(&a);
	want_error(I "GetStats", "{\"se\":\"se9\"}", I "NoSuchElement");
	want_error(I "GetCard", "{\"se\":\"se9\"}", I "NoSuchElement");
	want_error(I "GetCard", "{\"se\":\"se0\",\"aid\":\"0\"}",
		   SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "ResetElement", "{\"se\":\"se9\"}", I "NoSuchElement");
	want_error(I "ResetElement", "{\"se\":\"se0\",\"level\":\"x\"}",
		   SD_VARLINK_ERROR_INVALID_PARAMETER);
	want_error(I "ForgetAttempts", "{}", SD_VARLINK_ERROR_INVALID_PARAMETER);
	a = call(I "ListAttempts", "{}");
	assert_string_equal(a.error, "");
	drop(&a);
	want_error(I "MonitorElements", "{}", SD_VARLINK_ERROR_EXPECTED_MORE);
}

/* Reads until the answers have @wanted in them, while the loop runs. */
static void read_until(int fd, const char *wanted)
{
	static char all[65536];
	static size_t n;
	ssize_t got;

	for (int i = 0; i < 500; i++) {
		got = recv(fd, all + n, sizeof(all) - n - 1, MSG_DONTWAIT);
		for (ssize_t k = 0; k < got; k++)
			if (!all[n + (size_t)k])
				all[n + (size_t)k] = '\n';
		if (got > 0)
			n += (size_t)got;
		all[n] = '\0';
		if (strstr(all, wanted))
			return;
		sd_event_run(event, 10000);
	}
	fail_msg("no %s in: %s", wanted, all);
}

static void test_elements(void **state)
{
	static const char more[] =
		"{\"method\":\"" I "MonitorElements\",\"parameters\":{},\"more\":true}";
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char open[160];

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, more, sizeof(more), 0), (ssize_t)sizeof(more));
	read_until(fd, "\"event\":\"present\"");
	snprintf(open, sizeof(open), "socket:%s", se_path);
	assert_int_equal(job_se_add(store, "other", open, "iSE"), 0);
	control_elements_changed(control);
	read_until(fd, "\"event\":\"added\",\"element\":{\"name\":\"other\"");
	assert_int_equal(job_se_remove(store, "other"), 0);
	control_elements_changed(control);
	read_until(fd, "\"event\":\"removed\"");
	/* it hangs up: nobody is told, and nothing happens */
	close(fd);
	for (int i = 0; i < 10; i++)
		sd_event_run(event, 1000);
	assert_int_equal(job_se_add(store, "other", open, "iSE"), 0);
	control_elements_changed(control);
	assert_int_equal(job_se_remove(store, "other"), 0);
}

static void test_mode(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint8_t b[512];
	ssize_t n;

	while ((n = recv(fd, b, sizeof(b), 0)) > 0)
		if (n == 3 && b[2] == 4)
			send(fd, "\0\2\x3b\0", 4, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void *serve_all(void *arg)
{
	int fd, listener = (int)(intptr_t)arg;
	pthread_t t;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_create(&t, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

static int mute_se(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t t;

	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", se_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
		return -1;
	return pthread_create(&t, NULL, serve_all, (void *)(intptr_t)fd) ? -1 : fd;
}

static int set_up(void **state)
{
	struct job_options o = {.dir = dir};
	struct job_error e;
	char open[160];

	(void)state;
	snprintf(open, sizeof(open), "socket:%s", se_path);
	if (mute_se() < 0 || job_store_open(&store, &o, &e) || sd_event_new(&event) < 0 ||
	    job_se_add(store, "se0", open, "eSE"))
		return -1;
	if (sd_event_add_io(event, NULL, job_store_fd(store), EPOLLIN, on_jobs, NULL) < 0)
		return -1;
	return control_new(&control, event, store, path, (gid_t)-1, "test", &ops, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	control_free(control);
	sd_event_unref(event);
	job_store_close(store);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_run),	cmocka_unit_test(test_plans),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_elements),
		cmocka_unit_test(test_mode),	cmocka_unit_test(test_path),
	};
	char cmd[96];
	int r;

	snprintf(dir, sizeof(dir), "/tmp/test-control-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/ctl", dir);
	snprintf(se_path, sizeof(se_path), "%s/se", dir);
	r = cmocka_run_group_tests_name("control", tests, set_up, tear_down);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : r;
}
