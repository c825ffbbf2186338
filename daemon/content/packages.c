// SPDX-License-Identifier: Apache-2.0
/* Software packages: their states, and the bytes that come in blocks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content/packages-priv.h"

static struct package *find(const struct content_packages *ps, const char *origin,
			    uint16_t object, uint16_t id)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct package *g = ps->v[i];

		if (g->p.object == object && g->p.id == id && strcmp(g->origin, origin) == 0)
			return g;
	}
	return NULL;
}

static struct package *need(const struct content_packages *ps, const char *origin,
			    uint16_t object, uint16_t id, char *words)
{
	struct package *g = find(ps, origin, object, id);

	if (!g)
		content_words(words, "there is no such package");
	return g;
}

static int busy(const struct package *g, char *words)
{
	static const char *const names[] = {
		[CONTENT_PACKAGE_INSTALL] = "installed",
		[CONTENT_PACKAGE_UNINSTALL] = "uninstalled",
		[CONTENT_PACKAGE_ACTIVATE] = "activated",
		[CONTENT_PACKAGE_DEACTIVATE] = "deactivated",
	};

	if (g->p.op == CONTENT_PACKAGE_IDLE)
		return 0;
	content_words(words, "the package is being %s", names[g->p.op]);
	return -EBUSY;
}

static int save(struct content_packages *ps, const struct package *g, char *words)
{
	int ret = package_save(ps, g);

	if (ret < 0)
		content_words(words, "the state of the package cannot be kept: %s",
			      strerror(-ret));
	content_listeners_tell(&ps->listeners, g->p.object, g->p.id);
	return ret;
}

/* ---- which there are ------------------------------------------------------------------ */

size_t content_packages_list(const struct content_packages *ps, const char *origin,
			     uint16_t object, uint16_t *ids, size_t room)
{
	size_t n = 0, at;

	for (size_t i = 0; i < ps->n && n < room; i++) {
		const struct package *g = ps->v[i];

		if (g->p.object != object || strcmp(g->origin, origin) != 0)
			continue;
		for (at = n++; at > 0 && ids[at - 1] > g->p.id; at--)
			ids[at] = ids[at - 1];
		ids[at] = g->p.id;
	}
	return n;
}

const struct content_package *content_packages_get(const struct content_packages *ps,
						   const char *origin, uint16_t object,
						   uint16_t id)
{
	const struct package *g = find(ps, origin, object, id);

	return g ? &g->p : NULL;
}

int content_packages_create(struct content_packages *ps, const char *origin, uint16_t object,
			    uint16_t id, char *words)
{
	struct package *g;
	int ret;

	if (ps->n == CONTENT_PACKAGES_MAX) {
		content_words(words, "there are %d packages already; delete one",
			      CONTENT_PACKAGES_MAX);
		return -ENOSPC;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->origin = strdup(origin);
	g->p.object = object;
	g->p.id = id;
	g->p.se = -1;
	if (!g->origin) {
		free(g);
		return -ENOMEM;
	}
	/* of one that a power cut left behind */
	package_unlink(ps, g);
	ps->v[ps->n++] = g;
	ret = save(ps, g, words);
	if (ret < 0) {
		ps->n--;
		free(g->origin);
		free(g);
	} else {
		content_listeners_tell(&ps->listeners, object, -1);
	}
	return ret;
}

static void drop_job(struct content_packages *ps, const struct package *g)
{
	struct job_info info;

	if (job_find(ps->store, g->origin, package_slot(g), &info) == 0)
		job_delete(ps->store, info.id, &(struct job_error){0});
}

int content_packages_remove(struct content_packages *ps, const char *origin, uint16_t object,
			    uint16_t id, char *words)
{
	struct package *g = need(ps, origin, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret < 0)
		return ret;
	drop_job(ps, g);
	package_forget(ps, g);
	package_unlink(ps, g);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i] == g)
			ps->v[i] = ps->v[--ps->n];
	free(g->origin);
	free(g);
	content_listeners_tell(&ps->listeners, object, -1);
	return 0;
}

int content_packages_set(struct content_packages *ps, const char *origin, uint16_t object,
			 uint16_t id, int32_t se, bool update_objects, char *words)
{
	struct package *g = need(ps, origin, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret < 0)
		return ret;
	if (g->p.state == MODEL_SOFTWARE_INSTALLED && se != g->p.se) {
		content_words(words, "the package is installed: uninstall it first");
		return -EOPNOTSUPP;
	}
	g->p.se = se;
	g->p.update_objects = update_objects;
	return save(ps, g, words);
}

/* ---- bytes ------------------------------------------------------------------------------ */

static void forget_bytes(struct content_packages *ps, struct package *g)
{
	package_unlink(ps, g);
	g->p.staged = g->synced = 0;
	g->p.kind = CONTENT_PACKAGE_NONE;
	g->p.name[0] = g->p.version[0] = '\0';
	g->p.nr_aids = 0;
	g->p.elf.len = 0;
	g->p.active = false;
	g->p.state = MODEL_SOFTWARE_INITIAL;
}

int content_packages_reset(struct content_packages *ps, const char *origin, uint16_t object,
			   uint16_t id, unsigned int result, char *words)
{
	struct package *g = need(ps, origin, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret < 0)
		return ret;
	drop_job(ps, g);
	forget_bytes(ps, g);
	g->p.result = result;
	g->p.reason[0] = '\0';
	return save(ps, g, words);
}

static int store_bytes(struct content_packages *ps, struct package *g, uint64_t offset,
		       const uint8_t *data, size_t len, bool sync)
{
	int fd = package_open(ps, g, O_WRONLY | O_CREAT | (offset == 0 ? O_TRUNC : 0)), ret = 0;
	size_t done = 0;

	if (fd < 0)
		return fd;
	/* what was behind belongs to a transfer that went another way */
	if (ftruncate(fd, (off_t)offset) < 0)
		ret = -errno;
	while (ret == 0 && done < len) {
		ssize_t n = pwrite(fd, data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno != EINTR)
			ret = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	if (ret == 0 && sync && fdatasync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	return ret == -EDQUOT ? -ENOSPC : ret;
}

static unsigned int result_of(int err)
{
	return err == -ENOSPC || err == -EFBIG ? MODEL_SOFTWARE_NO_ROOM
	       : err == -EBADMSG	       ? MODEL_SOFTWARE_BAD
	       : err == -EOPNOTSUPP	       ? MODEL_SOFTWARE_UNSUPPORTED
					       : MODEL_SOFTWARE_ERROR;
}

/* The last byte is here. */
static int delivered(struct content_packages *ps, struct package *g, char *words)
{
	int ret;

	g->p.state = MODEL_SOFTWARE_DOWNLOADED;
	g->p.reason[0] = '\0';
	ret = package_look(ps, g);
	if (ret < 0) {
		forget_bytes(ps, g);
		g->p.result = result_of(ret);
		content_words(words, "%s", g->p.reason);
		(void)save(ps, g, (char[CONTENT_WORDS_MAX]){""});
		return ret == -EOPNOTSUPP ? -EINVAL : ret;
	}
	g->p.state = MODEL_SOFTWARE_DELIVERED;
	g->p.result = MODEL_SOFTWARE_VERIFIED;
	return save(ps, g, words);
}

static int refuse(struct content_packages *ps, struct package *g, int err, char *words)
{
	forget_bytes(ps, g);
	g->p.result = result_of(err);
	content_words(g->p.reason, "the package cannot be kept: %s", strerror(-err));
	content_words(words, "%s", g->p.reason);
	(void)save(ps, g, (char[CONTENT_WORDS_MAX]){""});
	return err;
}

int content_packages_write(struct content_packages *ps, const char *origin, uint16_t object,
			   uint16_t id, uint64_t offset, const uint8_t *data, size_t len,
			   bool last, char *words)
{
	struct package *g = need(ps, origin, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;
	bool sync, first = offset == 0;

	if (ret < 0)
		return ret;
	if (g->p.state == MODEL_SOFTWARE_INSTALLED) {
		content_words(words, "the package is installed: uninstall it first");
		return -EOPNOTSUPP;
	}
	if (offset > g->p.staged || (offset > 0 && g->p.state != MODEL_SOFTWARE_STARTED)) {
		uint64_t here = g->p.state == MODEL_SOFTWARE_STARTED ? g->p.staged : 0;

		content_words(words, "%llu bytes are here: go on at byte %llu",
			      (unsigned long long)here, (unsigned long long)here);
		return -ESTALE;
	}
	if (offset + len > CONTENT_PACKAGE_MAX)
		return refuse(ps, g, -EFBIG, words);
	if (first) {
		drop_job(ps, g);
		forget_bytes(ps, g);
		g->p.state = MODEL_SOFTWARE_STARTED;
		g->p.result = MODEL_SOFTWARE_DOWNLOADING;
	}
	sync = last || offset + len >= g->synced + CONTENT_PACKAGE_SYNC;
	/* the state never says that bytes are there which a power cut may take */
	if (offset < g->synced)
		g->synced = offset;
	ret = store_bytes(ps, g, offset, data, len, sync);
	if (ret < 0)
		return refuse(ps, g, ret, words);
	g->p.staged = offset + len;
	if (sync)
		g->synced = g->p.staged;
	content_words(g->p.reason, "%llu bytes are here", (unsigned long long)g->p.staged);
	if (last)
		return delivered(ps, g, words);
	return first || sync ? save(ps, g, words) : 0;
}

int content_packages_listen(struct content_packages *ps, content_fn fn, void *ctx)
{
	return content_listeners_add(&ps->listeners, fn, ctx);
}

void content_packages_unlisten(struct content_packages *ps, content_fn fn, void *ctx)
{
	content_listeners_remove(&ps->listeners, fn, ctx);
}

/* ---- doing it ---------------------------------------------------------------------------- */

static int may_run(const struct package *g, enum content_package_op op, char *words)
{
	unsigned int wanted = op == CONTENT_PACKAGE_INSTALL ? MODEL_SOFTWARE_DELIVERED
							    : MODEL_SOFTWARE_INSTALLED;

	if (g->p.state == wanted && (op <= CONTENT_PACKAGE_UNINSTALL || g->p.nr_aids > 0) &&
	    (op != CONTENT_PACKAGE_UNINSTALL || g->p.kind != CONTENT_PACKAGE_SCRIPT))
		return 0;
	if (g->p.state != wanted)
		content_words(words, "the package is in state %u, not %u", g->p.state, wanted);
	else
		content_words(words,
			      "a package of this kind has nothing to undo or to activate");
	return -EOPNOTSUPP;
}

int content_packages_run(struct content_packages *ps, const char *origin, uint16_t object,
			 uint16_t id, enum content_package_op op, const char *keyset,
			 const struct gp_aid *sd, const struct gp_aid *aid, char *words)
{
	struct package *g = need(ps, origin, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret == 0)
		ret = may_run(g, op, words);
	if (ret < 0)
		return ret;
	if (keyset && strlen(keyset) >= sizeof(g->p.keyset)) {
		content_words(words, "a key set's name has at most %zu bytes",
			      sizeof(g->p.keyset) - 1);
		return -EINVAL;
	}
	if (aid && aid->len && g->p.nr_aids != 1) {
		content_words(words, "the package has %zu applets: an AID can be given to one",
			      g->p.nr_aids);
		return -EINVAL;
	}
	if (keyset)
		snprintf(g->p.keyset, sizeof(g->p.keyset), "%s", keyset);
	if (sd)
		g->p.sd = *sd;
	if (aid && aid->len)
		g->p.aids[0] = *aid;
	/* kept before the job is: a job that nobody waits for would be lost */
	g->p.op = op;
	if (op == CONTENT_PACKAGE_INSTALL)
		g->p.result = MODEL_SOFTWARE_VERIFIED;
	ret = save(ps, g, words);
	if (ret == 0)
		ret = package_run(ps, g, op, words);
	if (ret < 0) {
		g->p.op = CONTENT_PACKAGE_IDLE;
		content_words(g->p.reason, "%s", words);
		(void)save(ps, g, (char[CONTENT_WORDS_MAX]){""});
	}
	return ret;
}

void content_packages_job_changed(struct content_packages *ps, uint64_t job)
{
	struct job_info info;

	if (job_get(ps->store, job, &info) < 0 || info.slot < CONTENT_PACKAGE_SLOT)
		return;
	for (size_t i = 0; i < ps->n; i++) {
		struct package *g = ps->v[i];

		if (info.slot != package_slot(g) || strcmp(info.origin, g->origin) != 0)
			continue;
		if (g->p.op == CONTENT_PACKAGE_IDLE)
			return;
		if (info.state > JOB_RUNNING) {
			/* it may have ended since they were told, and its job goes now */
			if (ps->apps)
				content_apps_job_changed(ps->apps, job);
			package_ended(ps, g, &info);
		} else {
			package_told(g, &info);
			if (info.total > 0)
				content_words(g->p.reason, "%u of %u commands executed",
					      info.executed, info.total);
		}
		content_listeners_tell(&ps->listeners, g->p.object, g->p.id);
		return;
	}
}

/* ---- life ----------------------------------------------------------------------------------
 */

/* What ended while nobody looked; what never began, because the journal did not get it. */
static void catch_up(struct content_packages *ps, struct package *g)
{
	struct job_info info;

	if (g->p.op == CONTENT_PACKAGE_IDLE)
		return;
	if (job_find(ps->store, g->origin, package_slot(g), &info) < 0 ||
	    info.state == JOB_IDLE) {
		g->p.op = CONTENT_PACKAGE_IDLE;
		content_words(g->p.reason, "interrupted before anything was sent");
		(void)package_save(ps, g);
	} else if (info.state > JOB_RUNNING) {
		package_ended(ps, g, &info);
	}
}

int content_packages_new(struct content_packages **ret, struct job_store *store,
			 struct content_apps *apps, struct store *state)
{
	struct content_packages *ps = calloc(1, sizeof(*ps));
	int err;

	if (!ps)
		return -ENOMEM;
	ps->store = store;
	ps->apps = apps;
	ps->state = state;
	err = packages_load(ps);
	if (err < 0) {
		content_packages_free(ps);
		return err;
	}
	for (size_t i = 0; i < ps->n; i++)
		catch_up(ps, ps->v[i]);
	*ret = ps;
	return 0;
}

void content_packages_free(struct content_packages *ps)
{
	if (!ps)
		return;
	for (size_t i = 0; i < ps->n; i++) {
		if (!ps->state)
			package_unlink(ps, ps->v[i]);
		free(ps->v[i]->origin);
		free(ps->v[i]);
	}
	free(ps);
}
