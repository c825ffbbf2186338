// SPDX-License-Identifier: Apache-2.0
/* What is done with a package: jobs, and what their ends mean. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "content/packages-priv.h"
#include "gp/plan.h"

#define PIECE 12288 /* of a package on its way into the journal; divided by 3 */

int64_t package_slot(const struct package *g)
{
	return g->p.object == MODEL_OBJECT_FIRMWARE ? CONTENT_FIRMWARE_SLOT
						    : CONTENT_PACKAGE_SLOT + (int64_t)g->p.id;
}

/* ---- what is sent to the journal, piece by piece ------------------------------------------
 */

struct staged {
	struct job_store *store;
	uint64_t job, at;
	struct job_error *err;
};

static int put(struct staged *s, const void *p, size_t len)
{
	int ret = len ? job_script_write(s->store, s->job, s->at, p, len, s->err) : 0;

	s->at += len;
	return ret;
}

static ssize_t read_piece(int fd, uint8_t *p, size_t room)
{
	size_t got = 0;
	ssize_t n;

	while (got < room) {
		n = read(fd, p + got, room - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int put_file(struct staged *s, const struct content_packages *ps,
		    const struct package *g, bool base64)
{
	uint8_t piece[PIECE], out[PIECE / 3 * 4 + 1];
	int fd = package_open(ps, g, O_RDONLY), ret = fd < 0 ? fd : 0;
	uint64_t left = g->p.staged;
	ssize_t n;

	while (ret == 0 && left > 0) {
		n = read_piece(fd, piece, left < PIECE ? (size_t)left : PIECE);
		if (n <= 0) {
			ret = n < 0 ? (int)n : -ESTALE;
			break;
		}
		left -= (uint64_t)n;
		if (base64)
			ret = put(s, out, (size_t)EVP_EncodeBlock(out, piece, (int)n));
		else
			ret = put(s, piece, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/* ---- plans ----------------------------------------------------------------------------------
 */

/* Stands for the package's bytes in the text of a plan; nothing else of it is so. */
static const uint8_t here[] = {0x00, 0x10, 0x83, 0x10, 0x51, 0x87}; /* "ABCDEFGH" … */
#define HERE "ABCDEFGH"

static int add_install(struct gp_plan *plan, const struct package *g)
{
	struct gp_op *op = gp_plan_add(plan, GP_OP_LOAD, 0);
	int ret = op ? gp_blob_set(&op->code, here, sizeof(here)) : -ENOMEM;

	if (ret < 0)
		return ret;
	op->aid = g->p.elf;
	op->if_needed = true;
	for (size_t i = 0; i < g->p.nr_aids; i++) {
		op = gp_plan_add(plan, GP_OP_INSTALL, 0);
		if (!op)
			return -ENOMEM;
		op->elf = g->p.elf;
		op->module = g->p.modules[i];
		op->aid = g->p.aids[i];
		op->privileges_len = 1;
		op->if_needed = true;
	}
	return 0;
}

static int add_uninstall(struct gp_plan *plan, const struct package *g)
{
	struct gp_op *op = gp_plan_add(plan, GP_OP_DELETE, 0);

	if (!op)
		return -ENOMEM;
	op->aid = g->p.elf;
	op->related = true;
	return 0;
}

static uint16_t se_of(const struct package *g)
{
	return g->p.se < 0 ? 0 : (uint16_t)g->p.se;
}

/* An instance that was locked is unlocked, one that was only installed is made selectable. */
static enum gp_op_type activation(const struct content_packages *ps, const struct package *g,
				  const struct gp_aid *aid)
{
	const struct content_app *app =
		ps->apps ? content_apps_find(ps->apps, se_of(g), aid) : NULL;

	if (app && app->entry.told & GP_ENTRY_STATE && app->entry.state & GP_APP_LOCKED_BIT)
		return GP_OP_UNLOCK;
	return GP_OP_MAKE_SELECTABLE;
}

static int add_each(const struct content_packages *ps, struct gp_plan *plan,
		    const struct package *g, enum content_package_op what)
{
	for (size_t i = 0; i < g->p.nr_aids; i++) {
		enum gp_op_type type = what == CONTENT_PACKAGE_DEACTIVATE
					       ? GP_OP_LOCK
					       : activation(ps, g, &g->p.aids[i]);
		struct gp_op *op = gp_plan_add(plan, type, 0);

		if (!op)
			return -ENOMEM;
		op->aid = g->p.aids[i];
	}
	return 0;
}

static int make_text(const struct content_packages *ps, const struct package *g,
		     enum content_package_op what, char **text)
{
	struct gp_plan *plan = gp_plan_new();
	sd_json_variant *json = NULL;
	int ret = plan ? gp_plan_session(plan, &g->p.sd, g->p.keyset) : -ENOMEM;

	if (ret >= 0)
		ret = what == CONTENT_PACKAGE_INSTALL	  ? add_install(plan, g)
		      : what == CONTENT_PACKAGE_UNINSTALL ? add_uninstall(plan, g)
							  : add_each(ps, plan, g, what);
	if (ret == 0)
		ret = gp_plan_to_json(plan, &json);
	if (ret == 0)
		ret = sd_json_variant_format(json, 0, text);
	sd_json_variant_unref(json);
	gp_plan_free(plan);
	return ret < 0 ? ret : 0;
}

static int put_plan(struct staged *s, const struct content_packages *ps,
		    const struct package *g, enum content_package_op what)
{
	char *text = NULL, *mark;
	int ret = make_text(ps, g, what, &text);

	if (ret < 0)
		return ret;
	mark = what == CONTENT_PACKAGE_INSTALL ? strstr(text, "\"" HERE "\"") : NULL;
	if (!mark) {
		ret = what == CONTENT_PACKAGE_INSTALL ? -EINVAL : put(s, text, strlen(text));
	} else {
		ret = put(s, text, (size_t)(mark + 1 - text));
		if (ret == 0)
			ret = put_file(s, ps, g, true);
		if (ret == 0)
			ret = put(s, mark + 1 + strlen(HERE), strlen(mark + 1 + strlen(HERE)));
	}
	free(text);
	return ret;
}

/* ---- jobs
 * ------------------------------------------------------------------------------------ */

static int stage(struct content_packages *ps, struct package *g, enum content_package_op what,
		 uint64_t job, struct job_error *err)
{
	struct job_params params = {.kind = JOB_PLAN};
	struct staged s = {ps->store, job, 0, err};
	bool as_is = what == CONTENT_PACKAGE_INSTALL && g->p.kind != CONTENT_PACKAGE_CAP;
	struct job_se_info se;
	int ret = job_se_get(ps->store, se_of(g), &se);

	if (ret < 0) {
		snprintf(err->code, sizeof(err->code), "no-such-se");
		snprintf(err->detail, sizeof(err->detail), "there is no secure element %u",
			 se_of(g));
		return -EINVAL;
	}
	snprintf(params.se, sizeof(params.se), "%s", se.name);
	if (as_is && g->p.kind == CONTENT_PACKAGE_SCRIPT) {
		params.kind = JOB_SCRIPT;
		params.aid_len = g->p.sd.len;
		memcpy(params.aid, g->p.sd.bytes, g->p.sd.len);
	} else if (as_is) {
		snprintf(params.keyset, sizeof(params.keyset), "%s", g->p.keyset);
	}
	ret = job_set(ps->store, job, &params, err);
	if (ret == 0)
		ret = as_is ? put_file(&s, ps, g, false) : put_plan(&s, ps, g, what);
	if (ret == 0)
		ret = job_script_end(ps->store, job, err);
	if (ret == 0)
		ret = job_run(ps->store, job, err);
	return ret;
}

static int begin(struct content_packages *ps, struct package *g, enum content_package_op what,
		 char *words)
{
	struct job_error err = {0};
	struct job_info info;
	uint64_t job;
	int ret = job_find(ps->store, g->origin, package_slot(g), &info);

	if (what == CONTENT_PACKAGE_UNINSTALL && g->p.kind == CONTENT_PACKAGE_PLAN) {
		/* what a plan made, its own record tells */
		if (ret == 0)
			ret = job_rollback(ps->store, info.id, false, &err);
		return content_job_words(ret, &err, words);
	}
	if (ret == 0)
		ret = job_delete(ps->store, info.id, &err);
	else if (ret == -ENOENT)
		ret = 0;
	if (ret == 0)
		ret = job_create(ps->store, g->origin, package_slot(g), &job, &err);
	if (ret == 0) {
		ret = stage(ps, g, what, job, &err);
		if (ret < 0)
			job_delete(ps->store, job, &(struct job_error){0});
	}
	if (ret < 0 && !*err.code)
		content_words(words, "the package could not be given to the journal: %s",
			      strerror(-ret));
	return content_job_words(ret, &err, words);
}

int package_run(struct content_packages *ps, struct package *g, enum content_package_op what,
		char *words)
{
	struct job_info info;
	int ret = begin(ps, g, what, words);

	if (ret == 0 && job_find(ps->store, g->origin, package_slot(g), &info) == 0)
		package_told(g, &info);
	return ret;
}

static void succeeded(struct content_packages *ps, struct package *g,
		      enum content_package_op what)
{
	switch (what) {
	case CONTENT_PACKAGE_INSTALL:
		g->p.state = MODEL_SOFTWARE_INSTALLED;
		g->p.result = MODEL_SOFTWARE_OK;
		g->p.active = false;
		/* it is on the card now */
		package_unlink(ps, g);
		break;
	case CONTENT_PACKAGE_UNINSTALL:
		g->p.state = MODEL_SOFTWARE_INITIAL;
		g->p.result = MODEL_SOFTWARE_NONE;
		g->p.active = false;
		g->p.kind = CONTENT_PACKAGE_NONE;
		g->p.name[0] = g->p.version[0] = '\0';
		g->p.nr_aids = 0;
		g->p.staged = g->synced = 0;
		break;
	default:
		g->p.active = what == CONTENT_PACKAGE_ACTIVATE;
		break;
	}
}

/* A script is done when it was processed, also where the card refused its end. */
static bool refused_by_card(const struct job_info *info)
{
	return info->params.kind == JOB_SCRIPT && info->last_sw != 0x9000 &&
	       info->last_sw >> 8 != 0x61;
}

void package_told(struct package *g, const struct job_info *info)
{
	struct content_package_run *l = &g->p.last;

	l->job = info->id;
	l->run = info->run;
	l->state = info->state;
	snprintf(l->code, sizeof(l->code), "%s", info->code);
	l->executed = info->executed;
	l->total = info->total;
	l->last_sw = info->last_sw;
	l->interrupted = info->interrupted;
}

void package_ended(struct content_packages *ps, struct package *g, const struct job_info *info)
{
	enum content_package_op what = g->p.op;
	bool done = info->state == JOB_DONE && !refused_by_card(info);
	bool keep =
		what == CONTENT_PACKAGE_INSTALL && g->p.kind == CONTENT_PACKAGE_PLAN && done;

	g->p.op = CONTENT_PACKAGE_IDLE;
	package_told(g, info);
	if (info->state == JOB_DONE && !done)
		content_words(g->p.reason, "the last of %u commands was answered %04X",
			      info->executed, info->last_sw);
	else
		content_words(g->p.reason, "%s: %s", info->code, info->detail);
	if (done)
		succeeded(ps, g, what);
	else if (what == CONTENT_PACKAGE_INSTALL)
		g->p.result = MODEL_SOFTWARE_INSTALL_FAILED;
	else if (what == CONTENT_PACKAGE_UNINSTALL)
		g->p.result = MODEL_SOFTWARE_UNINSTALL_FAILED;
	/* first the state, then the job: a power cut between leaves a job nobody waits for */
	if (package_save(ps, g) == 0 && !keep)
		job_delete(ps->store, info->id, &(struct job_error){0});
}
