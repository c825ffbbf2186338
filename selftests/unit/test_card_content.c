// SPDX-License-Identifier: Apache-2.0
/*
 * What is on an SE and what is done to it, against softse's card: numbers over a restart,
 * single operations, several as one that is all or nothing, keys, the states of the card,
 * and that whoever listens is told.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "card_socket.h"
#include "content/content.h"
#include "gp/plan.h"
#include "job/job.h"
#include "job/policy.h"

#define ORIGIN "dm:main"

static struct job_store *store;
static struct content *content;
static struct content_ops *ops;
static char words[CONTENT_WORDS_MAX];
static unsigned int told_app[CONTENT_APPS_MAX], told_se, told_members, told_last;

static const uint8_t ssd_aid[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 'S', 'D'};
static const uint8_t elf_aid[] = {0xf0, 0, 0, 0, 1, 1, 1};
static const uint8_t module_aid[] = {0xf0, 0, 0, 0, 1, 1, 1, 1};
static const uint8_t app_aid[] = {0xf0, 0, 0, 0, 1, 1, 1, 2};

/* a load file that is no CAP file: the card stores it as it is */
static const char load_plan[] =
	"{\"version\":1,\"name\":\"load\",\"sessions\":[{\"keys\":\"isd\"}],\"operations\":["
	"{\"op\":\"load\",\"aid\":\"F0000000010101\",\"code\":"
	"\"xDwAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkq"
	"KywtLi8wMTIzNDU2Nzg5Ojs=\"}]}";

static const char keys_text[] = "[keyset isd]\ntype=aes\nkvn=30\n"
				"enc=404142434445464748494A4B4C4D4E4F\n"
				"mac=404142434445464748494A4B4C4D4E4F\n"
				"dek=404142434445464748494A4B4C4D4E4F\n"
				"[keyset new]\ntype=aes\nkvn=31\n"
				"enc=909192939495969798999A9B9C9D9E9F\n"
				"mac=A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n"
				"dek=B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF\n";

/* ---- the world ------------------------------------------------------------------------ */

static void on_content(void *ctx, uint16_t object, int32_t instance)
{
	(void)ctx;
	if (object == MODEL_OBJECT_SE)
		told_se++;
	else if (object == MODEL_OBJECT_APP && instance < 0)
		told_members++;
	else if (object == MODEL_OBJECT_APP && instance < CONTENT_APPS_MAX)
		told_app[instance]++;
}

/* comes after the other, which is told first */
static void on_content_last(void *ctx, uint16_t object, int32_t instance)
{
	(void)ctx;
	(void)object;
	(void)instance;
	told_last++;
}

static void dispatch(void)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};

	poll(&p, 1, 20);
	job_store_dispatch(store);
}

/* Until nothing is read any more; what a job's end is about to have read is to be read, too. */
static void quiet(void)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};

	for (int i = 0; i < 6000; i++) {
		dispatch();
		if (!content_ses_reading(content->ses) &&
		    !content_apps_reading(content->apps, 0) &&
		    content_ses_known(content->ses, 0) && poll(&p, 1, 0) == 0)
			return;
	}
	fail_msg("the SE was never read");
}

static void up(void)
{
	struct job_options o = {.dir = cs.dir};
	struct policy_text text = {.origin = "dm:*",
				   .keysets = "isd new",
				   .aids = "",
				   .operations = "",
				   .instructions = "",
				   .rate = ""};
	struct job_keyset sets[2] = {{.name = "isd"}, {.name = "new"}};
	struct job_policy policy;
	struct job_error err;

	for (size_t i = 0; i < 2; i++)
		snprintf(sets[i].source, sizeof(sets[i].source), "file:%s/keys", cs.dir);
	if (job_store_open(&store, &o, &err))
		fail_msg("%s: %s", err.code, err.detail);
	assert_int_equal(policy_read(&policy, "dm", &text, words, sizeof(words)), 0);
	assert_int_equal(job_set_policies(store, &policy, 1), 0);
	assert_int_equal(job_set_keysets(store, sets, 2), 0);
	if (content_new(&content, store, cs.dir, words))
		fail_msg("%s", words);
	assert_int_equal(content_listen(content, on_content, NULL), 0);
	assert_int_equal(content_listen(content, on_content_last, NULL), 0);
	assert_int_equal(job_se_add(store, "se0", cs.open, "eSE"), 0);
	content_ses_poll(content->ses);
	quiet();
	ops = content_ops_of(content->apps, ORIGIN);
	assert_non_null(ops);
}

static void down(void)
{
	content_free(content);
	job_store_close(store);
}

static struct gp_aid aid(const uint8_t *p, size_t len)
{
	struct gp_aid a;

	assert_int_equal(gp_aid_set(&a, p, len), 0);
	return a;
}

static const struct content_app *find(const uint8_t *p, size_t len)
{
	struct gp_aid a = aid(p, len);

	return content_apps_find(content->apps, 0, &a);
}

static uint16_t issuer(void)
{
	const struct content_app *app = content_apps_issuer(content->apps, 0);

	assert_non_null(app);
	return app->id;
}

static uint16_t file(void)
{
	const struct content_app *app = find(elf_aid, sizeof(elf_aid));

	assert_non_null(app);
	assert_int_equal(app->entry.kind, GP_KIND_ELF);
	return app->id;
}

static struct job_info ended(uint64_t job)
{
	struct job_info i = {0};

	for (int n = 0; n < 6000; n++) {
		assert_int_equal(job_get(store, job, &i), 0);
		if (i.state > JOB_RUNNING)
			break;
		dispatch();
	}
	assert_true(i.state > JOB_RUNNING);
	quiet();
	return i;
}

static void done(uint64_t job)
{
	struct job_info i = ended(job);

	if (i.state != JOB_DONE)
		fail_msg("%s: %s", i.code, i.detail);
}

/* The job of the operation on an entry. */
static int job_of(const char *origin, uint16_t id, struct job_info *info)
{
	return job_find(store, origin, CONTENT_APP_SLOT + (int64_t)id, info);
}

static void run(uint16_t id, struct content_step step)
{
	struct job_info info;

	if (content_ops_run(ops, id, &step, words))
		fail_msg("%s", words);
	assert_int_equal(job_of(ORIGIN, id, &info), 0);
	assert_int_equal(info.run, 1);
	done(info.id);
}

static int refused(uint16_t id, struct content_step step)
{
	*words = '\0';
	return content_ops_run(ops, id, &step, words);
}

static uint8_t state_of(const uint8_t *p, size_t len)
{
	const struct content_app *app = find(p, len);

	assert_non_null(app);
	assert_true(app->entry.told & GP_ENTRY_STATE);
	return app->entry.state;
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_reading(void **st)
{
	struct content_task task;
	uint16_t ids[64];

	(void)st;
	assert_true(told_se > 0);
	assert_int_equal(content_apps_refresh(content->apps, 0), -ENOKEY);
	assert_int_equal(content_ops_get(ops, issuer(), &task), 0);
	snprintf(task.keyset, sizeof(task.keyset), "isd");
	assert_int_equal(content_ops_set(ops, issuer(), &task), 0);
	assert_true(content_apps_reading(content->apps, 0));
	quiet();
	assert_string_equal(content_apps_why(content->apps, issuer()), "");
	/* keys show what nobody is told */
	assert_true(content_apps_issuer(content->apps, 0)->entry.told & GP_ENTRY_PRIVILEGES);
	assert_int_equal(content_apps_list_se(content->apps, 0, ~0U, ids, 64),
			 content_apps_list(content->apps, ids, 64));
	assert_int_equal(content_apps_list_se(content->apps, 1, ~0U, ids, 64), 0);
	assert_null(content_apps_issuer(content->apps, 1));
	assert_true(told_members > 0);
	assert_true(told_last >= told_se + told_members);
}

static void test_package(void **st)
{
	const struct content_package *p;

	(void)st;
	assert_int_equal(content_packages_create(content->packages, ORIGIN,
						 MODEL_OBJECT_SOFTWARE, 2, words),
			 0);
	assert_int_equal(content_packages_write(
				 content->packages, ORIGIN, MODEL_OBJECT_SOFTWARE, 2, 0,
				 (const uint8_t *)load_plan, strlen(load_plan), true, words),
			 0);
	assert_int_equal(content_packages_run(content->packages, ORIGIN, MODEL_OBJECT_SOFTWARE,
					      2, CONTENT_PACKAGE_INSTALL, "isd", NULL, NULL,
					      words),
			 0);
	p = content_packages_get(content->packages, ORIGIN, MODEL_OBJECT_SOFTWARE, 2);
	assert_true(p->last.job > 0);
	done(p->last.job);
	assert_int_equal(p->result, MODEL_SOFTWARE_OK);
	assert_int_equal(p->last.state, JOB_DONE);
	assert_true(p->last.executed > 0);
	file();
}

static void test_single(void **st)
{
	struct content_step step = {.op = CONTENT_OP_INSTALL, .aid = aid(app_aid, 8)};
	uint16_t id, again;
	unsigned int before;

	(void)st;
	step.module = aid(module_aid, 8);
	run(file(), step);
	assert_non_null(find(app_aid, 8));
	id = find(app_aid, 8)->id;
	assert_int_equal(state_of(app_aid, 8), GP_APP_INSTALLED);
	before = told_app[id];
	run(id, (struct content_step){.op = CONTENT_OP_MAKE_SELECTABLE});
	assert_true(told_app[id] > before);
	assert_int_equal(state_of(app_aid, 8), GP_APP_SELECTABLE);
	run(id, (struct content_step){.op = CONTENT_OP_LOCK});
	assert_int_equal(state_of(app_aid, 8), GP_APP_SELECTABLE | GP_APP_LOCKED_BIT);

	/* its number stays, whoever asks */
	down();
	up();
	assert_int_equal(find(app_aid, 8)->id, id);
	assert_int_equal(job_of("dm:other", id, &(struct job_info){0}), -ENOENT);
	assert_int_equal(job_of(ORIGIN, id, &(struct job_info){0}), 0);
	run(id, (struct content_step){.op = CONTENT_OP_UNLOCK});
	assert_int_equal(content_ops_control(ops, id, CONTENT_CLEAR, words), 0);
	assert_int_equal(job_of(ORIGIN, id, &(struct job_info){0}), -ENOENT);

	run(issuer(), (struct content_step){.op = CONTENT_OP_SD_CREATE,
					    .aid = aid(ssd_aid, 9),
					    .selectable = true});
	assert_int_equal(find(ssd_aid, 9)->entry.kind, GP_KIND_SSD);
	run(id, (struct content_step){.op = CONTENT_OP_EXTRADITE, .sd = aid(ssd_aid, 9)});
	assert_memory_equal(find(app_aid, 8)->entry.sd.bytes, ssd_aid, 9);
	run(id, (struct content_step){.op = CONTENT_OP_EXTRADITE,
				      .sd = content_apps_issuer(content->apps, 0)->entry.aid});
	again = find(ssd_aid, 9)->id;
	run(again, (struct content_step){.op = CONTENT_OP_DELETE});
	/* a result is kept for it until somebody has seen it */
	assert_true(content_apps_get(content->apps, again)->gone);
	assert_int_equal(refused(again, (struct content_step){.op = CONTENT_OP_LOCK}), -ENOENT);
	assert_int_equal(content_ops_control(ops, again, CONTENT_CLEAR, words), 0);
	assert_null(content_apps_get(content->apps, again));
}

static void test_refused(void **st)
{
	const unsigned int sent = atomic_load(&cs.apdus);

	(void)st;
	assert_int_equal(refused(issuer(), (struct content_step){.op = CONTENT_OP_DELETE}),
			 -EINVAL);
	assert_non_null(strstr(words, "delete is not for an issuer security domain"));
	assert_int_equal(refused(file(), (struct content_step){.op = CONTENT_OP_PUT_KEY}),
			 -EINVAL);
	assert_int_equal(refused(issuer(), (struct content_step){.op = CONTENT_OP_PUT_KEY}),
			 -EINVAL);
	assert_non_null(strstr(words, "keys"));
	assert_int_equal(refused(issuer(), (struct content_step){.op = CONTENT_OP_DELETE_KEY}),
			 -EINVAL);
	assert_int_equal(refused(issuer(), (struct content_step){.op = CONTENT_OPS}), -EINVAL);
	/* what takes the card away is asked for twice */
	assert_int_equal(refused(issuer(), (struct content_step){.op = CONTENT_OP_CARD_LOCK}),
			 -EPERM);
	assert_non_null(strstr(words, "confirm"));
	assert_int_equal(
		refused(issuer(), (struct content_step){.op = CONTENT_OP_CARD_TERMINATE}),
		-EPERM);
	/* a key set that the policy does not give */
	assert_int_equal(refused(issuer(), (struct content_step){.op = CONTENT_OP_PUT_KEY,
								 .keys = "other"}),
			 -EACCES);
	assert_int_equal(atomic_load(&cs.apdus), sent);
}

static void test_keys(void **st)
{
	struct content_task task;
	uint16_t id;

	(void)st;
	/* into a domain of its own, which is opened with its issuer's keys until then */
	run(issuer(), (struct content_step){.op = CONTENT_OP_SD_CREATE,
					    .aid = aid(ssd_aid, 9),
					    .selectable = true});
	id = find(ssd_aid, 9)->id;
	run(id, (struct content_step){.op = CONTENT_OP_PUT_KEY, .keys = "new"});
	/* and they are there: the domain is opened with them, and they are deleted */
	assert_int_equal(content_ops_get(ops, id, &task), 0);
	snprintf(task.keyset, sizeof(task.keyset), "new");
	assert_int_equal(content_ops_set(ops, id, &task), 0);
	run(id, (struct content_step){.op = CONTENT_OP_PUT_KEY, .keys = "isd"});
	run(id, (struct content_step){.op = CONTENT_OP_DELETE_KEY, .kvn = 0x30});
	/* it is the issuer's domain that deletes it, with its own keys */
	assert_int_equal(content_ops_get(ops, id, &task), 0);
	snprintf(task.keyset, sizeof(task.keyset), "isd");
	assert_int_equal(content_ops_set(ops, id, &task), 0);
	run(id, (struct content_step){.op = CONTENT_OP_DELETE});
	assert_int_equal(content_ops_control(ops, id, CONTENT_CLEAR, words), 0);
	assert_null(find(ssd_aid, 9));
}

/* What is on the card, by AID and state; malloc()ed. */
static char *photo(void)
{
	uint16_t ids[64];
	size_t n = content_apps_list_se(content->apps, 0, ~0U, ids, 64), len = 0;
	char *text = calloc(n + 1, 64);

	for (size_t i = 0; i < n; i++) {
		const struct content_app *app = content_apps_get(content->apps, ids[i]);

		if (app->gone)
			continue;
		for (size_t k = 0; k < app->entry.aid.len; k++)
			len += (size_t)sprintf(text + len, "%02x", app->entry.aid.bytes[k]);
		len += (size_t)sprintf(text + len, " %u %02x\n", app->entry.kind,
				       app->entry.state);
	}
	return text;
}

static void test_batch(void **st)
{
	uint8_t other[8] = {0xf0, 0, 0, 0, 1, 1, 1, 3};
	struct content_item items[3] = {
		{.id = issuer(), .step = {.op = CONTENT_OP_SD_CREATE, .aid = aid(ssd_aid, 9)}},
		{.id = file(),
		 .step = {.op = CONTENT_OP_INSTALL,
			  .module = aid(module_aid, 8),
			  .aid = aid(other, 8),
			  .selectable = true}},
		{.id = find(app_aid, 8)->id, .step = {.op = CONTENT_OP_LOCK}},
	};
	struct content_task task;
	char *before = photo(), *after;
	struct job_info info;
	unsigned int sent;
	struct job_error err;
	uint64_t job, twice;

	(void)st;
	/* all of it */
	if (content_ops_batch(ops, 7, items, 3, true, &job, words))
		fail_msg("%s", words);
	assert_int_equal(job_find(store, ORIGIN, CONTENT_BATCH_SLOT + 7, &info), 0);
	assert_int_equal(info.id, job);
	done(job);
	assert_non_null(find(ssd_aid, 9));
	assert_non_null(find(other, 8));
	assert_int_equal(state_of(app_aid, 8), GP_APP_SELECTABLE | GP_APP_LOCKED_BIT);
	/* and back */
	assert_int_equal(job_rollback(store, job, false, &err), 0);
	done(job);
	after = photo();
	assert_string_equal(before, after);
	free(after);

	/* the last one is refused by the card: that domain is not selectable yet */
	items[2].step =
		(struct content_step){.op = CONTENT_OP_EXTRADITE, .sd = aid(ssd_aid, 9)};
	assert_int_equal(content_ops_batch(ops, 7, items, 3, true, &twice, words), 0);
	assert_true(twice != job);
	info = ended(twice);
	assert_int_equal(info.state, JOB_FAILED);
	assert_int_equal(job_rollback(store, twice, false, &err),
			 info.resumable ? 0 : -EALREADY);
	if (info.resumable)
		done(twice);
	after = photo();
	assert_string_equal(before, after);
	free(after);
	free(before);

	/* with what has no way back nothing is begun */
	sent = atomic_load(&cs.apdus);
	items[2] = (struct content_item){
		.id = issuer(), .step = {.op = CONTENT_OP_CARD_TERMINATE, .confirmed = true}};
	assert_int_equal(content_ops_batch(ops, 8, items, 3, true, NULL, words), -EOPNOTSUPP);
	assert_non_null(strstr(words, "operation 2: card-state cannot be undone"));
	items[2].step =
		(struct content_step){.op = CONTENT_OP_PUT_KEY, .keys = "new", .old_kvn = 0x30};
	assert_int_equal(content_ops_batch(ops, 8, items, 3, true, NULL, words), -EOPNOTSUPP);
	assert_int_equal(job_find(store, ORIGIN, CONTENT_BATCH_SLOT + 8, &info), -ENOENT);
	assert_int_equal(content_ops_batch(ops, 8, items, 0, true, NULL, words), -EINVAL);
	items[0].id = 999;
	assert_int_equal(content_ops_batch(ops, 8, items, 3, true, NULL, words), -ENOENT);
	assert_non_null(strstr(words, "operation 0"));
	assert_int_equal(atomic_load(&cs.apdus), sent);

	/* data of its own: what is prepared stays; another key set is another session */
	memset(&task, 0, sizeof(task));
	snprintf(task.keyset, sizeof(task.keyset), "other");
	items[0] = (struct content_item){
		.id = find(app_aid, 8)->id, .step = {.op = CONTENT_OP_LOCK}, .task = &task};
	assert_int_equal(content_ops_batch(ops, 8, items, 1, true, NULL, words), -EACCES);
	snprintf(task.keyset, sizeof(task.keyset), "isd");
	assert_int_equal(content_ops_batch(ops, 8, items, 1, true, &job, words), 0);
	/* a second one while it runs, and an operation while another one is under way */
	assert_int_equal(content_ops_batch(ops, 8, items, 1, true, NULL, words), -EBUSY);
	done(job);
	run(items[0].id, (struct content_step){.op = CONTENT_OP_UNLOCK});
}

static void test_card_states(void **st)
{
	struct job_info info;

	(void)st;
	run(issuer(), (struct content_step){.op = CONTENT_OP_CARD_INITIALIZE});
	run(issuer(), (struct content_step){.op = CONTENT_OP_CARD_SECURE});
	run(issuer(), (struct content_step){.op = CONTENT_OP_CARD_LOCK, .confirmed = true});
	assert_int_equal(content_apps_issuer(content->apps, 0)->entry.state, GP_CARD_LOCKED);
	run(issuer(), (struct content_step){.op = CONTENT_OP_CARD_UNLOCK});
	assert_int_equal(content_apps_issuer(content->apps, 0)->entry.state, GP_CARD_SECURED);
	assert_int_equal(
		refused(issuer(), (struct content_step){.op = CONTENT_OP_CARD_TERMINATE,
							.confirmed = true}),
		0);
	assert_int_equal(job_of(ORIGIN, issuer(), &info), 0);
	done(info.id);
	assert_int_equal(cs.card.life_cycle, GP_CARD_TERMINATED);
}

/* There is room for so many, and who is not there any more is not called. */
static void test_listeners(void **st)
{
	struct content_listeners l = {0};
	int ctx[CONTENT_LISTENERS_MAX + 1];

	(void)st;
	for (int i = 0; i < CONTENT_LISTENERS_MAX; i++)
		assert_int_equal(content_listeners_add(&l, on_content_last, &ctx[i]), 0);
	assert_int_equal(
		content_listeners_add(&l, on_content_last, &ctx[CONTENT_LISTENERS_MAX]),
		-ENOSPC);
	told_last = 0;
	content_listeners_tell(&l, MODEL_OBJECT_APP, 1);
	assert_int_equal(told_last, CONTENT_LISTENERS_MAX);
	content_listeners_remove(&l, on_content_last, &ctx[3]);
	content_listeners_remove(&l, on_content_last, &ctx[3]);
	content_listeners_tell(&l, MODEL_OBJECT_APP, 1);
	assert_int_equal(told_last, 2 * CONTENT_LISTENERS_MAX - 1);
	content_unlisten(content, on_content_last, NULL);
	told_last = 0;
	content_listeners_remove(&l, on_content_last, &ctx[0]);
	assert_int_equal(content_apps_refresh(content->apps, 0), 0);
	quiet();
	assert_int_equal(told_last, 0);
}

static int setup(void **st)
{
	char path[128];
	FILE *f;

	(void)st;
	snprintf(path, sizeof(path), "%s/keys", cs.dir);
	f = fopen(path, "w");
	if (!f || fputs(keys_text, f) < 0 || fchmod(fileno(f), 0600) || fclose(f))
		return -1;
	up();
	return 0;
}

static int teardown(void **st)
{
	(void)st;
	down();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),	  cmocka_unit_test(test_package),
		cmocka_unit_test(test_single),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_keys),	  cmocka_unit_test(test_batch),
		cmocka_unit_test(test_listeners), cmocka_unit_test(test_card_states),
	};
	int failed;

	if (cs_start(0))
		return 1;
	failed = cmocka_run_group_tests(tests, setup, teardown);
	return cs_stop() || failed;
}
