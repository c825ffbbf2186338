// SPDX-License-Identifier: Apache-2.0
/* Software packages: their states, and the bytes that come in blocks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lwm2m/packages-priv.h"

static struct package *find(const struct lwm2m_packages *ps, const char *server,
			    uint16_t object, uint16_t id)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct package *g = ps->v[i];

		if (g->p.object == object && g->p.id == id && strcmp(g->server, server) == 0)
			return g;
	}
	return NULL;
}

static struct package *need(const struct lwm2m_packages *ps, const char *server,
			    uint16_t object, uint16_t id, char *words)
{
	struct package *g = find(ps, server, object, id);

	if (!g)
		lwm2m_words(words, "/%u/%u is gone", object, id);
	return g;
}

static int busy(const struct package *g, char *words)
{
	static const char *const names[] = {
		[LWM2M_PACKAGE_INSTALL] = "installed",
		[LWM2M_PACKAGE_UNINSTALL] = "uninstalled",
		[LWM2M_PACKAGE_ACTIVATE] = "activated",
		[LWM2M_PACKAGE_DEACTIVATE] = "deactivated",
	};

	if (g->p.op == LWM2M_PACKAGE_IDLE)
		return 0;
	lwm2m_words(words, "/%u/%u is being %s", g->p.object, g->p.id, names[g->p.op]);
	return -EBUSY;
}

static int save(struct lwm2m_packages *ps, const struct package *g, char *words)
{
	int ret = package_save(ps, g);

	if (ret < 0)
		lwm2m_words(words, "the state of the package cannot be kept: %s",
			    strerror(-ret));
	if (ps->changed)
		ps->changed(ps->ctx, g->p.object, g->p.id);
	return ret;
}

/* ---- which there are ------------------------------------------------------------------ */

size_t lwm2m_packages_list(const struct lwm2m_packages *ps, const char *server, uint16_t object,
			   uint16_t *ids, size_t room)
{
	size_t n = 0, at;

	for (size_t i = 0; i < ps->n && n < room; i++) {
		const struct package *g = ps->v[i];

		if (g->p.object != object || strcmp(g->server, server) != 0)
			continue;
		for (at = n++; at > 0 && ids[at - 1] > g->p.id; at--)
			ids[at] = ids[at - 1];
		ids[at] = g->p.id;
	}
	return n;
}

const struct lwm2m_package *lwm2m_packages_get(const struct lwm2m_packages *ps,
					       const char *server, uint16_t object, uint16_t id)
{
	const struct package *g = find(ps, server, object, id);

	return g ? &g->p : NULL;
}

int lwm2m_packages_create(struct lwm2m_packages *ps, const char *server, uint16_t object,
			  uint16_t id, char *words)
{
	struct package *g;
	int ret;

	if (ps->n == LWM2M_PACKAGES_MAX) {
		lwm2m_words(words, "there are %d packages already; Delete one",
			    LWM2M_PACKAGES_MAX);
		return -ENOSPC;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->server = strdup(server);
	g->p.object = object;
	g->p.id = id;
	g->p.se = -1;
	if (!g->server) {
		free(g);
		return -ENOMEM;
	}
	/* of one that a power cut left behind */
	package_unlink(ps, g);
	ps->v[ps->n++] = g;
	ret = save(ps, g, words);
	if (ret < 0) {
		ps->n--;
		free(g->server);
		free(g);
	} else if (ps->changed) {
		ps->changed(ps->ctx, object, -1);
	}
	return ret;
}

static void drop_job(struct lwm2m_packages *ps, const struct package *g)
{
	char origin[JOB_ORIGIN_MAX];
	struct job_info info;

	package_origin(g, origin);
	if (job_find(ps->store, origin, package_slot(g), &info) == 0)
		job_delete(ps->store, info.id, &(struct job_error){0});
}

int lwm2m_packages_remove(struct lwm2m_packages *ps, const char *server, uint16_t object,
			  uint16_t id, char *words)
{
	struct package *g = need(ps, server, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret < 0)
		return ret;
	drop_job(ps, g);
	package_forget(ps, g);
	package_unlink(ps, g);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i] == g)
			ps->v[i] = ps->v[--ps->n];
	free(g->server);
	free(g);
	if (ps->changed)
		ps->changed(ps->ctx, object, -1);
	return 0;
}

int lwm2m_packages_set(struct lwm2m_packages *ps, const char *server, uint16_t object,
		       uint16_t id, int32_t se, bool update_objects, char *words)
{
	struct package *g = need(ps, server, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret < 0)
		return ret;
	if (g->p.state == MODEL_SOFTWARE_INSTALLED && se != g->p.se) {
		lwm2m_words(words, "/%u/%u is installed: Uninstall it first", object, id);
		return -EOPNOTSUPP;
	}
	g->p.se = se;
	g->p.update_objects = update_objects;
	return save(ps, g, words);
}

/* ---- bytes ------------------------------------------------------------------------------ */

static void forget_bytes(struct lwm2m_packages *ps, struct package *g)
{
	package_unlink(ps, g);
	g->p.staged = g->synced = 0;
	g->p.kind = LWM2M_PACKAGE_NONE;
	g->p.name[0] = g->p.version[0] = '\0';
	g->p.nr_aids = 0;
	g->p.elf.len = 0;
	g->p.active = false;
	g->p.state = MODEL_SOFTWARE_INITIAL;
}

int lwm2m_packages_reset(struct lwm2m_packages *ps, const char *server, uint16_t object,
			 uint16_t id, unsigned int result, char *words)
{
	struct package *g = need(ps, server, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret < 0)
		return ret;
	drop_job(ps, g);
	forget_bytes(ps, g);
	g->p.result = result;
	g->p.reason[0] = '\0';
	return save(ps, g, words);
}

static int store_bytes(struct lwm2m_packages *ps, struct package *g, uint64_t offset,
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
static int delivered(struct lwm2m_packages *ps, struct package *g, char *words)
{
	int ret;

	g->p.state = MODEL_SOFTWARE_DOWNLOADED;
	g->p.reason[0] = '\0';
	ret = package_look(ps, g);
	if (ret < 0) {
		forget_bytes(ps, g);
		g->p.result = result_of(ret);
		lwm2m_words(words, "%s", g->p.reason);
		(void)save(ps, g, (char[LWM2M_WORDS_MAX]){""});
		return ret == -EOPNOTSUPP ? -EINVAL : ret;
	}
	g->p.state = MODEL_SOFTWARE_DELIVERED;
	g->p.result = MODEL_SOFTWARE_VERIFIED;
	return save(ps, g, words);
}

static int refuse(struct lwm2m_packages *ps, struct package *g, int err, char *words)
{
	forget_bytes(ps, g);
	g->p.result = result_of(err);
	lwm2m_words(g->p.reason, "the package cannot be kept: %s", strerror(-err));
	lwm2m_words(words, "%s", g->p.reason);
	(void)save(ps, g, (char[LWM2M_WORDS_MAX]){""});
	return err;
}

int lwm2m_packages_write(struct lwm2m_packages *ps, const char *server, uint16_t object,
			 uint16_t id, uint64_t offset, const uint8_t *data, size_t len,
			 bool last, char *words)
{
	struct package *g = need(ps, server, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;
	bool sync, first = offset == 0;

	if (ret < 0)
		return ret;
	if (g->p.state == MODEL_SOFTWARE_INSTALLED) {
		lwm2m_words(words, "/%u/%u is installed: Uninstall it first", object, id);
		return -EOPNOTSUPP;
	}
	if (offset > g->p.staged || (offset > 0 && g->p.state != MODEL_SOFTWARE_STARTED)) {
		uint64_t here = g->p.state == MODEL_SOFTWARE_STARTED ? g->p.staged : 0;

		lwm2m_words(words, "%llu bytes are here: go on at byte %llu",
			    (unsigned long long)here, (unsigned long long)here);
		return -ESTALE;
	}
	if (offset + len > LWM2M_PACKAGE_MAX)
		return refuse(ps, g, -EFBIG, words);
	if (first) {
		drop_job(ps, g);
		forget_bytes(ps, g);
		g->p.state = MODEL_SOFTWARE_STARTED;
		g->p.result = MODEL_SOFTWARE_DOWNLOADING;
	}
	sync = last || offset + len >= g->synced + LWM2M_PACKAGE_SYNC;
	/* the state never says that bytes are there which a power cut may take */
	if (offset < g->synced)
		g->synced = offset;
	ret = store_bytes(ps, g, offset, data, len, sync);
	if (ret < 0)
		return refuse(ps, g, ret, words);
	g->p.staged = offset + len;
	if (sync)
		g->synced = g->p.staged;
	lwm2m_words(g->p.reason, "%llu bytes are here", (unsigned long long)g->p.staged);
	if (last)
		return delivered(ps, g, words);
	return first || sync ? save(ps, g, words) : 0;
}

/* ---- doing it ---------------------------------------------------------------------------- */

static int may_run(const struct package *g, enum lwm2m_package_op op, char *words)
{
	unsigned int wanted = op == LWM2M_PACKAGE_INSTALL ? MODEL_SOFTWARE_DELIVERED
							  : MODEL_SOFTWARE_INSTALLED;

	if (g->p.state == wanted && (op <= LWM2M_PACKAGE_UNINSTALL || g->p.nr_aids > 0) &&
	    (op != LWM2M_PACKAGE_UNINSTALL || g->p.kind != LWM2M_PACKAGE_SCRIPT))
		return 0;
	if (g->p.state != wanted)
		lwm2m_words(words, "/%u/%u is in state %u, not %u", g->p.object, g->p.id,
			    g->p.state, wanted);
	else
		lwm2m_words(words, "a package of this kind has nothing to undo or to activate");
	return -EOPNOTSUPP;
}

int lwm2m_packages_run(struct lwm2m_packages *ps, const char *server, uint16_t object,
		       uint16_t id, enum lwm2m_package_op op, const char *keyset,
		       const struct gp_aid *sd, const struct gp_aid *aid, char *words)
{
	struct package *g = need(ps, server, object, id, words);
	int ret = g ? busy(g, words) : -ENOENT;

	if (ret == 0)
		ret = may_run(g, op, words);
	if (ret < 0)
		return ret;
	if (keyset && strlen(keyset) >= sizeof(g->p.keyset)) {
		lwm2m_words(words, "a key set's name has at most %zu bytes",
			    sizeof(g->p.keyset) - 1);
		return -EINVAL;
	}
	if (aid && aid->len && g->p.nr_aids != 1) {
		lwm2m_words(words, "the package has %zu applets: an AID can be given to one",
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
	if (op == LWM2M_PACKAGE_INSTALL)
		g->p.result = MODEL_SOFTWARE_VERIFIED;
	ret = save(ps, g, words);
	if (ret == 0)
		ret = package_run(ps, g, op, words);
	if (ret < 0) {
		g->p.op = LWM2M_PACKAGE_IDLE;
		lwm2m_words(g->p.reason, "%s", words);
		(void)save(ps, g, (char[LWM2M_WORDS_MAX]){""});
	}
	return ret;
}

void lwm2m_packages_job_changed(struct lwm2m_packages *ps, uint64_t job)
{
	char origin[JOB_ORIGIN_MAX];
	struct job_info info;

	if (job_get(ps->store, job, &info) < 0 || info.slot < LWM2M_PACKAGE_SLOT)
		return;
	for (size_t i = 0; i < ps->n; i++) {
		struct package *g = ps->v[i];

		package_origin(g, origin);
		if (info.slot != package_slot(g) || strcmp(info.origin, origin) != 0)
			continue;
		if (g->p.op == LWM2M_PACKAGE_IDLE)
			return;
		if (info.state > JOB_RUNNING) {
			package_ended(ps, g, &info);
		} else if (info.total > 0) {
			lwm2m_words(g->p.reason, "%u of %u commands executed", info.executed,
				    info.total);
		}
		if (ps->changed)
			ps->changed(ps->ctx, g->p.object, g->p.id);
		return;
	}
}

/* ---- life ----------------------------------------------------------------------------------
 */

/* What ended while nobody looked; what never began, because the journal did not get it. */
static void catch_up(struct lwm2m_packages *ps, struct package *g)
{
	char origin[JOB_ORIGIN_MAX];
	struct job_info info;

	if (g->p.op == LWM2M_PACKAGE_IDLE)
		return;
	package_origin(g, origin);
	if (job_find(ps->store, origin, package_slot(g), &info) < 0 || info.state == JOB_IDLE) {
		g->p.op = LWM2M_PACKAGE_IDLE;
		lwm2m_words(g->p.reason, "interrupted before anything was sent");
		(void)package_save(ps, g);
	} else if (info.state > JOB_RUNNING) {
		package_ended(ps, g, &info);
	}
}

int lwm2m_packages_new(struct lwm2m_packages **ret, struct job_store *store,
		       struct lwm2m_apps *apps, struct store *state,
		       void (*changed)(void *ctx, uint16_t object, int32_t instance), void *ctx)
{
	struct lwm2m_packages *ps = calloc(1, sizeof(*ps));
	int err;

	if (!ps)
		return -ENOMEM;
	ps->store = store;
	ps->apps = apps;
	ps->state = state;
	err = packages_load(ps);
	if (err < 0) {
		lwm2m_packages_free(ps);
		return err;
	}
	for (size_t i = 0; i < ps->n; i++)
		catch_up(ps, ps->v[i]);
	ps->changed = changed;
	ps->ctx = ctx;
	*ret = ps;
	return 0;
}

void lwm2m_packages_free(struct lwm2m_packages *ps)
{
	if (!ps)
		return;
	for (size_t i = 0; i < ps->n; i++) {
		if (!ps->state)
			package_unlink(ps, ps->v[i]);
		free(ps->v[i]->server);
		free(ps->v[i]);
	}
	free(ps);
}
