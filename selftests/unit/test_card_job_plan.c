// SPDX-License-Identifier: Apache-2.0
/*
 * Plan jobs against softse's card behind a UNIX socket: run, refused, interrupted at every
 * APDU and by kill -9, resumed, rolled back. A thread of this program is the card, so that it
 * outlives the process that is killed and sees all that was sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-json.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "gp/error.h"
#include "job/job.h"
#include "job/policy.h"
#include "keys/ledger.h"
#include "softse/card.h"

#define SSD "F0534553414D455344"
#define ELF "F0000000010101"
#define MODULE "F000000001010101"
#define APP "F000000001010102"

/* ---- the card ---- */

#define NEVER UINT32_MAX

static struct {
	pthread_mutex_t lock;
	struct card card;
	bool on;
	unsigned int origin;
	atomic_uint apdus;    /* since the counters were cleared; channels and SELECT not */
	atomic_uint auths;    /* EXTERNAL AUTHENTICATE */
	atomic_uint installs; /* INSTALL other than for load, with 9000 */
	atomic_uint cut_at;   /* hang up instead of answering this one; it was executed */
	atomic_uint slow_us;
	atomic_uint hold_at; /* this one waits until it is NEVER again */
	atomic_int serving;  /* connections */
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .cut_at = NEVER, .hold_at = NEVER};

static char dir[64], sock_path[96], key_path[96], state_dir[96], card_path[96];
static int listen_fd;

static void power_up(bool fresh)
{
	struct card_profile p;
	char err[256];

	pthread_mutex_lock(&world.lock);
	if (world.on)
		card_exit(&world.card);
	if (fresh)
		unlink(card_path);
	card_profile_default(&p);
	p.no_fsync = true;
	memset(&world.card, 0, sizeof(world.card));
	world.card.profile = p;
	world.card.state_path = card_path;
	if (card_init(&world.card, err, sizeof(err)))
		fail_msg("%s", err);
	world.on = true;
	pthread_mutex_unlock(&world.lock);
}

static void clear_counters(void)
{
	atomic_store(&world.apdus, 0);
	atomic_store(&world.auths, 0);
	atomic_store(&world.installs, 0);
	atomic_store(&world.cut_at, NEVER);
}

static bool read_all(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = read(fd, p, len);
		if (n <= 0)
			return false;
	}
	return true;
}

/* Length of the answer; 0: the cable was pulled. */
static size_t execute(int origin, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	unsigned int n = 0;
	uint64_t work = 0;
	size_t got;
	bool ok;

	got = card_execute(&world.card, origin, cmd, len, rsp, CARD_RAPDU_MAX, &work);
	ok = got >= 2 && rsp[got - 2] == 0x90;
	if (cmd[1] == 0x70 || cmd[1] == 0xa4)
		return got;
	n = atomic_fetch_add(&world.apdus, 1);
	atomic_fetch_add(&world.auths, cmd[1] == 0x82);
	atomic_fetch_add(&world.installs, cmd[1] == 0xe6 && ok && !(cmd[2] & 0x02));
	return n == atomic_load(&world.cut_at) ? 0 : got;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg, origin;
	uint8_t head[2], cmd[2048], *rsp = malloc(CARD_RAPDU_MAX + 2);
	size_t len, n;

	pthread_mutex_lock(&world.lock);
	origin = (int)(16 + world.origin++);
	pthread_mutex_unlock(&world.lock);
	while (read_all(fd, head, 2)) {
		len = (size_t)head[0] << 8 | head[1];
		if (len > sizeof(cmd) || !read_all(fd, cmd, len))
			break;
		if (atomic_load(&world.slow_us))
			usleep(atomic_load(&world.slow_us));
		while (len > 1 && atomic_load(&world.apdus) >= atomic_load(&world.hold_at))
			usleep(1000);
		pthread_mutex_lock(&world.lock);
		if (len == 1) {
			n = 2;
			memcpy(rsp + 2, "\x3b\x00", 2);
		} else {
			n = execute(origin, cmd, len, rsp + 2);
		}
		pthread_mutex_unlock(&world.lock);
		if (len == 1 && cmd[0] != 4)
			continue;
		rsp[0] = (uint8_t)(n >> 8);
		rsp[1] = (uint8_t)n;
		if (!n || write(fd, rsp, n + 2) != (ssize_t)(n + 2))
			break;
	}
	pthread_mutex_lock(&world.lock);
	card_drop_origin(&world.card, origin);
	pthread_mutex_unlock(&world.lock);
	close(fd);
	free(rsp);
	atomic_fetch_sub(&world.serving, 1);
	return NULL;
}

static void *accept_loop(void *arg)
{
	pthread_t t;
	int fd;

	(void)arg;
	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		atomic_fetch_add(&world.serving, 1);
		pthread_create(&t, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

/* ---- helpers ---- */

static struct job_store *store;
static struct job_error error;

static const char keys_text[] = "[keyset isd]\ntype=aes\nkvn=30\n"
				"enc=404142434445464748494A4B4C4D4E4F\n"
				"mac=404142434445464748494A4B4C4D4E4F\n"
				"dek=404142434445464748494A4B4C4D4E4F\n"
				"[keyset new]\ntype=aes\nkvn=31\n"
				"enc=909192939495969798999A9B9C9D9E9F\n"
				"mac=A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n"
				"dek=B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF\n"
				"[keyset wrong]\ntype=aes\nkvn=30\n"
				"enc=606162636465666768696A6B6C6D6E6F\n"
				"mac=606162636465666768696A6B6C6D6E6F\n"
				"dek=606162636465666768696A6B6C6D6E6F\n";

static void set_keysets(void)
{
	static const char *const names[] = {"isd", "new", "wrong"};
	struct job_keyset sets[3] = {{{0}, {0}}};

	for (size_t i = 0; i < 3; i++) {
		snprintf(sets[i].name, sizeof(sets[i].name), "%s", names[i]);
		snprintf(sets[i].source, sizeof(sets[i].source), "file:%s", key_path);
	}
	assert_int_equal(job_set_keysets(store, sets, 3), 0);
}

static void open_store(void)
{
	struct job_options o = {.dir = state_dir, .chunk = 4, .lock_wait_ms = 20000};
	char open[128];

	if (job_store_open(&store, &o, &error))
		fail_msg("open: %s: %s", error.code, error.detail);
	set_keysets();
	snprintf(open, sizeof(open), "socket:%s", sock_path);
	assert_int_equal(job_se_add(store, "se0", open, "eSE"), 0);
}

static void close_store(void)
{
	job_store_close(store);
	store = NULL;
}

static void fresh_state(void)
{
	static unsigned int nr;

	snprintf(state_dir, sizeof(state_dir), "%s/state%u", dir, nr++);
	clear_counters();
	atomic_store(&world.slow_us, 0);
	power_up(true);
	open_store();
}

static int fresh(void **state)
{
	(void)state;
	fresh_state();
	return 0;
}

static int done(void **state)
{
	(void)state;
	if (store)
		close_store();
	return 0;
}

/* A load file that is no CAP file: the card stores it as it is. */
#define CODE                                                           \
	"xDwAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkq" \
	"KywtLi8wMTIzNDU2Nzg5Ojs="

#define SESSIONS "\"sessions\":[{\"keys\":\"isd\"},{\"sd\":\"" SSD "\",\"keys\":\"isd\"}]"
#define PLAN(sessions, ops) \
	"{\"version\":1,\"name\":\"test\"," sessions ",\"operations\":[" ops "]}"
#define ISD "\"sessions\":[{\"keys\":\"isd\"}]"

static const char install_plan[] = PLAN(
	SESSIONS, "{\"op\":\"sd-create\",\"aid\":\"" SSD "\"},"
		  "{\"op\":\"put-key\",\"session\":1,\"keys\":\"new\"},"
		  "{\"op\":\"load\",\"aid\":\"" ELF "\",\"code\":\"" CODE "\",\"block\":16},"
		  "{\"op\":\"install\",\"elf\":\"" ELF "\",\"module\":\"" MODULE
		  "\",\"aid\":\"" APP "\",\"selectable\":true},"
		  "{\"op\":\"lock\",\"aid\":\"" APP "\"}");
static const char list_plan[] = PLAN(ISD, "{\"op\":\"list\"}");

static int stage(const char *origin, const struct job_params *p, const char *plan, uint64_t *id)
{
	int r;

	assert_int_equal(job_create(store, origin, JOB_SLOT_NONE, id, &error), 0);
	r = job_set(store, *id, p, &error);
	if (!r)
		r = job_script_write(store, *id, 0, plan, strlen(plan), &error);
	return r ? r : job_script_end(store, *id, &error);
}

static const struct job_params plain = {.se = "se0", .kind = JOB_PLAN};

static uint64_t make(const char *plan)
{
	uint64_t id = 0;

	if (stage("control:0", &plain, plan, &id))
		fail_msg("%s: %s", error.code, error.detail);
	return id;
}

static struct job_info wait_end(uint64_t id)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};
	struct job_info i = {0};

	for (int n = 0; n < 3000; n++) {
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
	if (job_run(store, id, &error))
		fail_msg("run: %s: %s", error.code, error.detail);
	return wait_end(id);
}

static struct job_info resume(uint64_t id, bool retry)
{
	if (job_resume(store, id, retry, &error))
		fail_msg("resume: %s: %s", error.code, error.detail);
	return wait_end(id);
}

static sd_json_variant *result_of(const struct job_info *i)
{
	char *text = calloc(1, i->result_len + 1);
	sd_json_variant *v = NULL;

	assert_true(i->result_len > 0);
	assert_int_equal(job_result_read(store, i->id, 0, text, i->result_len), i->result_len);
	if (sd_json_parse(text, 0, &v, NULL, NULL) < 0)
		fail_msg("no JSON: %s", text);
	free(text);
	return v;
}

static const char *text_of(sd_json_variant *v, const char *key)
{
	sd_json_variant *f = sd_json_variant_by_key(v, key);

	return f && sd_json_variant_is_string(f) ? sd_json_variant_string(f) : "";
}

static void want(const struct job_info *i, enum job_state state, const char *code)
{
	if (i->state != state || strcmp(i->code, code) != 0)
		fail_msg("%s (%s): %s; wanted %s (%s)", job_state_name(i->state), i->code,
			 i->detail, job_state_name(state), code);
}

static void want_result(const struct job_info *i, const char *state, const char *mode)
{
	sd_json_variant *v = result_of(i);

	assert_string_equal(text_of(v, "state"), state);
	assert_string_equal(text_of(v, "mode"), mode);
	sd_json_variant_unref(v);
}

/* What the card has, as text; malloc()ed. */
static char *photo(void)
{
	uint64_t id = make(list_plan);
	struct job_info i = run(id);
	sd_json_variant *v;
	char *text = NULL;

	want(&i, JOB_DONE, "ok");
	v = result_of(&i);
	assert_true(
		sd_json_variant_format(
			sd_json_variant_by_key(
				sd_json_variant_by_index(sd_json_variant_by_key(v, "steps"), 0),
				"data"),
			0, &text) >= 0);
	sd_json_variant_unref(v);
	assert_int_equal(job_delete(store, id, &error), 0);
	return text;
}

/* ---- tests ---- */

static int look_at_apdu(void *ctx, const struct job_apdu *a)
{
	unsigned int *n = ctx;

	assert_int_equal(a->outcome, SE_OUTCOME_EXECUTED);
	/* the clear command's header: no secure messaging in its class */
	assert_false(a->header[0] & 0x04 && a->header[1] != 0x82);
	n[0]++;
	n[1] += a->header[1] == 0xe8;
	return 0;
}

static void test_done(void **state)
{
	char *before, *after;
	unsigned int n[2] = {0};
	struct job_info i;
	uint64_t id;

	(void)state;
	before = photo();
	id = make(install_plan);
	assert_int_equal(job_get(store, id, &i), 0);
	assert_int_equal(i.params.kind, JOB_PLAN);
	assert_int_equal(i.params.aid_len, 0);
	assert_false(i.resumable);
	i = run(id);
	want(&i, JOB_DONE, "ok");
	want_result(&i, "done", "forward");
	assert_true(i.resumable);
	assert_int_equal(i.executed, i.total);
	job_apdus(store, id, look_at_apdu, n);
	assert_int_equal(n[0], i.executed);
	assert_true(n[1] >= 4); /* LOAD, in blocks of 16 */
	after = photo();
	assert_non_null(strstr(after, APP));
	assert_string_not_equal(before, after);

	/* there is nothing to resume; but it can be undone */
	assert_int_equal(job_resume(store, id, false, &error), -EALREADY);
	assert_string_equal(error.code, "already-done");
	assert_int_equal(job_run(store, id, &error), -EBUSY);
	free(after);
	assert_int_equal(job_rollback(store, id, false, &error), 0);
	i = wait_end(id);
	want(&i, JOB_DONE, "ok");
	want_result(&i, "done", "rollback");
	assert_int_equal(i.run, 2);
	after = photo();
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* and then done again */
	i = resume(id, false);
	want(&i, JOB_DONE, "ok");
	assert_int_equal(job_ack(store, id, &error), 0);
	assert_int_equal(job_resume(store, id, false, &error), -EALREADY);
	assert_string_equal(error.code, "nothing-done");
}

static void want_refused(const char *plan, const char *code)
{
	uint64_t id = 0;

	assert_true(stage("control:0", &plain, plan, &id) < 0);
	if (strcmp(error.code, code) != 0)
		fail_msg("%s: %s; wanted %s", error.code, error.detail, code);
	assert_int_equal(job_run(store, id, &error), -EINVAL);
	assert_string_equal(error.code, "no-script");
	assert_int_equal(job_delete(store, id, &error), 0);
}

static void test_no_plans(void **state)
{
	static const char script[] = "\xaa\x07\x22\x05\x80\xca\x00\x66\x00";
	struct job_params p = plain;
	struct job_info i;
	uint64_t id;

	(void)state;
	want_refused("{", "plan-format");
	want_refused("{\"version\":2}", "plan-format");
	want_refused(PLAN(ISD, ""), "plan-invalid");
	want_refused(PLAN(ISD, "{\"op\":\"load\",\"file\":\"/etc/passwd\"}"), "no-files");
	want_refused(PLAN(ISD, "{\"op\":\"card-state\",\"state\":\"terminated\"}"),
		     "not-confirmed");
	p.keep_channel = true;
	assert_int_equal(stage("control:0", &p, list_plan, &id), -EINVAL);
	assert_string_equal(error.code, "bad-params");
	/* a key set that is not there is found by the worker: nothing leaves */
	clear_counters();
	id = make(PLAN("\"sessions\":[{\"keys\":\"nobody\"}]", "{\"op\":\"list\"}"));
	i = run(id);
	want(&i, JOB_FAILED, "no-such-keyset");
	want_result(&i, "failed", "forward");
	assert_false(i.resumable);
	assert_int_equal(job_rollback(store, id, false, &error), -EALREADY);
	assert_string_equal(error.code, "nothing-done");
	assert_int_equal(atomic_load(&world.apdus), 0);
	/* a script is no plan */
	p = (struct job_params){.se = "se0"};
	assert_int_equal(job_create(store, "control:0", JOB_SLOT_NONE, &id, &error), 0);
	assert_int_equal(job_set(store, id, &p, &error), 0);
	assert_int_equal(job_script_write(store, id, 0, script, sizeof(script) - 1, &error), 0);
	assert_int_equal(job_script_end(store, id, &error), 0);
	i = run(id);
	assert_true(i.state == JOB_DONE || i.state == JOB_FAILED);
	assert_int_equal(job_rollback(store, id, false, &error), -EINVAL);
	assert_string_equal(error.code, "not-a-plan");
}

static void policy(struct job_policy *p, const char *origin, const char *keysets,
		   const char *aids, const char *operations, const char *instructions,
		   const char *rate)
{
	const struct policy_text t = {origin, keysets, aids, operations, instructions, rate};
	char why[256];

	if (policy_read(p, "test", &t, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(job_set_policies(store, p, 1), 0);
}

static void want_forbidden(const char *origin, const char *plan)
{
	uint64_t id = 0;

	assert_int_equal(stage(origin, &plain, plan, &id), -EACCES);
	assert_string_equal(error.code, "policy");
}

static void test_policy(void **state)
{
	static const char script[] = "\xaa\x07\x22\x05\x80\xe4\x00\x66\x00";
	static const char other[] =
		PLAN("\"sessions\":[{\"keys\":\"wrong\"}]", "{\"op\":\"list\"}");
	static struct job_policy p;
	struct job_params sp = {.se = "se0"};
	struct job_info i;
	uint64_t id = 0;

	(void)state;
	/* without a policy plans are for local users */
	want_forbidden("lwm2m:main", list_plan);
	policy(&p, "lwm2m:*", "isd", "default " SSD, "list get-data", "..CA", "2");
	want_forbidden("control:0", list_plan); /* none is about it */
	want_forbidden("lwm2m:main", other);
	want_forbidden("lwm2m:main", install_plan);
	policy(&p, "lwm2m:*", "isd new", "default", "*", "..CA", "2");
	want_forbidden("lwm2m:main", install_plan); /* its AIDs */
	assert_non_null(strstr(error.detail, SSD));
	/* what is allowed runs; so often an hour */
	for (int n = 0; n < 2; n++) {
		assert_int_equal(stage("lwm2m:main", &plain, list_plan, &id), 0);
		i = run(id);
		want(&i, JOB_DONE, "ok");
	}
	assert_int_equal(stage("lwm2m:main", &plain, list_plan, &id), 0);
	assert_int_equal(job_run(store, id, &error), -EACCES);
	assert_string_equal(error.code, "rate");
	close_store();
	open_store();
	assert_int_equal(job_set_policies(store, &p, 1), 0);
	assert_int_equal(job_run(store, id, &error), -EACCES); /* a restart changes nothing */
	assert_string_equal(error.code, "rate");
	assert_int_equal(stage("lwm2m:other", &plain, list_plan, &id), 0);
	i = run(id);
	want(&i, JOB_DONE, "ok");
	/* it became stricter while the job was waiting */
	policy(&p, "lwm2m:*", "isd", "default", "list", "..CA", "");
	assert_int_equal(stage("lwm2m:main", &plain, list_plan, &id), 0);
	policy(&p, "lwm2m:*", "new", "default", "list", "..CA", "");
	clear_counters();
	i = run(id);
	want(&i, JOB_FAILED, "policy");
	want_result(&i, "failed", "forward");
	/* scripts: their commands, their target */
	assert_int_equal(job_create(store, "lwm2m:main", JOB_SLOT_NONE, &id, &error), 0);
	assert_int_equal(job_set(store, id, &sp, &error), 0);
	assert_int_equal(job_script_write(store, id, 0, script, sizeof(script) - 1, &error), 0);
	assert_int_equal(job_script_end(store, id, &error), 0);
	i = run(id);
	want(&i, JOB_FAILED, "policy");
	assert_non_null(strstr(i.detail, "80E40066"));
	assert_int_equal(job_ack(store, id, &error), 0);
	sp.aid_len = 5;
	assert_int_equal(job_set(store, id, &sp, &error), 0);
	assert_int_equal(job_script_write(store, id, 0, script, sizeof(script) - 1, &error), 0);
	assert_int_equal(job_script_end(store, id, &error), 0);
	assert_int_equal(job_run(store, id, &error), -EACCES);
	assert_int_equal(atomic_load(&world.apdus), 0);
}

static void test_wrong_keys(void **state)
{
	struct job_params p = plain;
	struct job_info i;
	sd_json_variant *v;
	uint64_t id;

	(void)state;
	snprintf(p.keyset, sizeof(p.keyset), "wrong");
	assert_int_equal(stage("control:0", &p, list_plan, &id), 0);
	i = run(id);
	assert_int_equal(i.state, JOB_FAILED);
	/* seen from the card's answer: no attempt was spent on it */
	assert_int_equal(atomic_load(&world.auths), 0);
	v = result_of(&i);
	assert_string_equal(text_of(v, "state"), "failed");
	assert_string_equal(text_of(sd_json_variant_by_key(v, "error"), "code"), i.code);
	sd_json_variant_unref(v);
}

static int only_success(void *ctx, const struct ledger_entry *e)
{
	*(unsigned int *)ctx += e->state != LEDGER_SUCCESS;
	return 0;
}

static unsigned int open_attempts(void)
{
	struct gp_error e = {{0}, {0}};
	unsigned int n = 0;
	struct ledger *l;

	assert_int_equal(ledger_open(&l, state_dir, &e), 0);
	assert_int_equal(ledger_list(l, only_success, &n, &e), 0);
	ledger_close(l);
	return n;
}

static unsigned int nr_unknown;

/* The link breaks at APDU @at, which was executed. False: the job was done before that. */
static bool cut_once(unsigned int at, const char *whole)
{
	bool auth, did, unknown, resumable = false;
	sd_json_variant *v;
	struct job_info i;
	uint64_t id;
	char *now;

	fresh_state();
	id = make(install_plan);
	atomic_store(&world.cut_at, at);
	i = run(id);
	did = i.state != JOB_DONE;
	atomic_store(&world.cut_at, NEVER);
	if (did) {
		assert_int_equal(i.state, JOB_UNKNOWN);
		assert_int_equal(i.interrupted, SE_OUTCOME_UNKNOWN);
		assert_int_equal(i.executed, at);
		/* what only reads is known to have changed nothing */
		v = result_of(&i);
		unknown = !strcmp(text_of(v, "state"), "unknown");
		if (!unknown)
			assert_string_equal(text_of(v, "state"), "interrupted");
		nr_unknown += unknown;
		sd_json_variant_unref(v);
		resumable = i.resumable;
		auth = open_attempts() > 0;
		if (auth) {
			/* nobody knows what the card made of it: not again, unless told */
			i = resume(id, false);
			want(&i, JOB_FAILED, "attempt-unknown");
			assert_int_equal(atomic_load(&world.apdus) > at, true);
		}
		i = resume(id, auth);
		if (i.state != JOB_DONE)
			fail_msg("cut at %u: %s: %s", at, i.code, i.detail);
		assert_int_equal(i.mode, resumable ? JOB_RESUME : JOB_FORWARD);
		want_result(&i, "done", job_mode_name(i.mode));
		assert_int_equal(open_attempts(), 0);
	}
	/* the card is as after an undisturbed run, and nothing was made twice */
	assert_int_equal(atomic_load(&world.installs), 2);
	now = photo();
	if (strcmp(now, whole) != 0)
		fail_msg("cut at %u: %s\ninstead of %s", at, now, whole);
	free(now);
	close_store();
	return did;
}

static void test_cut_everywhere(void **state)
{
	unsigned int at = 0;
	struct job_info i;
	char *whole;

	(void)state;
	i = run(make(install_plan));
	want(&i, JOB_DONE, "ok");
	whole = photo();
	close_store();
	while (cut_once(at, whole))
		at++;
	print_message("cut at each of %u APDUs, %u of which change something\n", at,
		      nr_unknown);
	assert_true(at > 15 && nr_unknown >= 8 && nr_unknown < at);
	free(whole);
}

static _Noreturn void killed_child(void)
{
	const struct timespec nap = {0, 10000000};

	open_store();
	if (job_run(store, make(install_plan), &error))
		_exit(1);
	for (;;) {
		job_store_dispatch(store);
		nanosleep(&nap, NULL);
	}
}

static int first_job(void *ctx, const struct job_info *i)
{
	*(uint64_t *)ctx = i->id;
	return 1;
}

static void kill_once(unsigned int after, const char *whole)
{
	const struct timespec nap = {0, 1000000};
	struct job_info i;
	uint64_t id = 0;
	pid_t child;
	int status;
	char *now;

	fresh_state();
	close_store();
	atomic_store(&world.slow_us, 3000);
	child = fork();
	if (!child)
		killed_child();
	for (int k = 0; k < 60000 && atomic_load(&world.apdus) < after; k++)
		nanosleep(&nap, NULL);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	atomic_store(&world.slow_us, 0);
	/* what was on its way has arrived */
	for (int k = 0; k < 60000 && atomic_load(&world.serving); k++)
		nanosleep(&nap, NULL);
	assert_int_equal(atomic_load(&world.serving), 0);

	open_store();
	assert_int_equal(job_list(store, NULL, first_job, &id), 1);
	i = wait_end(id);
	if (i.state != JOB_DONE) {
		assert_true(i.state == JOB_FAILED || i.state == JOB_UNKNOWN);
		assert_string_equal(i.code, "interrupted");
		want_result(&i, i.state == JOB_UNKNOWN ? "unknown" : "interrupted", "forward");
		i = resume(id, open_attempts() > 0);
		want(&i, JOB_DONE, "ok");
	}
	assert_int_equal(atomic_load(&world.installs), 2);
	now = photo();
	assert_string_equal(now, whole);
	free(now);
	close_store();
}

static void test_killed(void **state)
{
	struct job_info i;
	char *whole;

	(void)state;
	i = run(make(install_plan));
	want(&i, JOB_DONE, "ok");
	whole = photo();
	close_store();
	srandom((unsigned int)time(NULL));
	for (int n = 0; n < 8; n++)
		/* from the first APDU on: before it, there may be no job to be found */
		kill_once(1 + (unsigned int)random() % i.executed, whole);
	free(whole);
}

static void test_cancel(void **state)
{
	struct job_info i;
	uint64_t id;

	(void)state;
	atomic_store(&world.hold_at, 12);
	id = make(install_plan);
	assert_int_equal(job_run(store, id, &error), 0);
	while (atomic_load(&world.apdus) < 12)
		usleep(1000);
	assert_int_equal(job_resume(store, id, false, &error), -EBUSY);
	assert_string_equal(error.code, "not-ended");
	assert_int_equal(job_cancel(store, id, &error), 0);
	atomic_store(&world.hold_at, NEVER);
	i = wait_end(id);
	want(&i, JOB_CANCELLED, "cancelled");
	want_result(&i, "interrupted", "forward");
	assert_int_equal(open_attempts(), 0);
	i = resume(id, false);
	want(&i, JOB_DONE, "ok");
	assert_int_equal(atomic_load(&world.installs), 2);
}

/* ---- the whole ---- */

static int begin(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	pthread_t t;
	FILE *f;

	snprintf(dir, sizeof(dir), "/tmp/test-job-plan-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(sock_path, sizeof(sock_path), "%s/se", dir);
	snprintf(card_path, sizeof(card_path), "%s/card", dir);
	snprintf(key_path, sizeof(key_path), "%s/keys", dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/se", dir);
	umask(077);
	f = fopen(key_path, "w");
	if (!f || fputs(keys_text, f) < 0 || fclose(f))
		return -1;
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listen_fd, (struct sockaddr *)&a, sizeof(a)) || listen(listen_fd, 64))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return pthread_create(&t, NULL, accept_loop, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_done, fresh, done),
		cmocka_unit_test_setup_teardown(test_no_plans, fresh, done),
		cmocka_unit_test_setup_teardown(test_policy, fresh, done),
		cmocka_unit_test_setup_teardown(test_wrong_keys, fresh, done),
		cmocka_unit_test_setup_teardown(test_cancel, fresh, done),
		cmocka_unit_test_setup_teardown(test_cut_everywhere, fresh, done),
		cmocka_unit_test_setup_teardown(test_killed, fresh, done),
	};
	char cmd[96];
	int r;

	if (begin())
		return 1;
	r = cmocka_run_group_tests_name("job-plan", tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : r;
}
