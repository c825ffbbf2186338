// SPDX-License-Identifier: Apache-2.0
/* The file of a package, and what it says of itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content/packages-priv.h"
#include "gp/cap.h"
#include "gp/plan.h"
#include "libse/se.h"

/* An origin's name is a person's choice: in a file name it is hexadecimal. */
static int make_path(const struct content_packages *ps, const struct package *g, char *path,
		     size_t room)
{
	char name[2 * JOB_ORIGIN_MAX + 1];
	size_t len = strnlen(g->origin, JOB_ORIGIN_MAX);

	se_to_hex(name, (const uint8_t *)g->origin, len);
	return snprintf(path, room, "%s/package-%u-%s-%u", job_store_dir(ps->store),
			g->p.object, name, g->p.id) < (int)room
		       ? 0
		       : -ENAMETOOLONG;
}

int package_open(const struct content_packages *ps, const struct package *g, int flags)
{
	char path[PATH_MAX];
	int ret = make_path(ps, g, path, sizeof(path));

	if (ret < 0)
		return ret;
	ret = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return ret < 0 ? -errno : ret;
}

void package_unlink(const struct content_packages *ps, const struct package *g)
{
	char path[PATH_MAX];

	if (make_path(ps, g, path, sizeof(path)) == 0)
		unlink(path);
}

static enum content_package_kind kind_of(const uint8_t *p, size_t len)
{
	if (len < 2)
		return CONTENT_PACKAGE_NONE;
	if ((p[0] == 'P' && p[1] == 'K') || p[0] == 0xe2 || p[0] == 0xc4)
		return CONTENT_PACKAGE_CAP;
	if (p[0] == 0xaa || p[0] == 0xae)
		return CONTENT_PACKAGE_SCRIPT;
	return p[0] == '{' ? CONTENT_PACKAGE_PLAN : CONTENT_PACKAGE_NONE;
}

static int look_cap(struct package *g, const struct gp_source *file)
{
	struct gp_error err = {.code = "", .detail = ""};
	struct gp_cap *cap = NULL;
	int ret = gp_cap_open(file, &cap, &err);

	if (ret < 0) {
		content_words(g->p.reason, "no good CAP file: %s", err.detail);
		return ret == -E2BIG ? -EBADMSG : ret;
	}
	if (cap->nr_applets > CONTENT_PACKAGE_AIDS_MAX) {
		content_words(g->p.reason, "%zu applets, at most %d can be installed",
			      cap->nr_applets, CONTENT_PACKAGE_AIDS_MAX);
		gp_cap_free(cap);
		return -EOPNOTSUPP;
	}
	g->p.elf = cap->package;
	g->p.nr_aids = cap->nr_applets;
	for (size_t i = 0; i < cap->nr_applets; i++)
		g->p.aids[i] = g->p.modules[i] = cap->applets[i].aid;
	if (cap->name[0])
		snprintf(g->p.name, sizeof(g->p.name), "%s", cap->name);
	else
		se_to_hex(g->p.name, cap->package.bytes, cap->package.len);
	snprintf(g->p.version, sizeof(g->p.version), "%u.%u", cap->major, cap->minor);
	gp_cap_free(cap);
	return 0;
}

static int look_plan(struct package *g, const struct gp_source *file)
{
	struct gp_error err = {.code = "", .detail = ""};
	struct gp_plan *plan = NULL;
	int ret = gp_plan_open(&plan, file, &err);

	if (ret < 0) {
		content_words(g->p.reason, "no good plan: %s", err.detail);
		return ret == -ENOMEM ? ret : -EBADMSG;
	}
	snprintf(g->p.name, sizeof(g->p.name), "%s", plan->name);
	gp_plan_free(plan);
	return 0;
}

static int look(struct package *g, const struct gp_source *file)
{
	uint8_t first[2];
	int ret = file->len < sizeof(first) ? 0 : gp_source_read(file, 0, first, sizeof(first));

	if (ret < 0) {
		content_words(g->p.reason, "the package cannot be read: %s", strerror(-ret));
		return ret;
	}
	g->p.kind = kind_of(first, file->len < sizeof(first) ? 0 : sizeof(first));
	if (g->p.object == MODEL_OBJECT_FIRMWARE && g->p.kind != CONTENT_PACKAGE_SCRIPT)
		g->p.kind = CONTENT_PACKAGE_NONE;
	switch (g->p.kind) {
	case CONTENT_PACKAGE_CAP:
		return look_cap(g, file);
	case CONTENT_PACKAGE_PLAN:
		return look_plan(g, file);
	case CONTENT_PACKAGE_SCRIPT:
		/* its commands are looked at before the first one leaves (job/) */
		return 0;
	default:
		content_words(g->p.reason, "%s",
			      g->p.object == MODEL_OBJECT_FIRMWARE
				      ? "no command script (tag AA or AE)"
				      : "no CAP file, load file, command script or plan");
		return -EOPNOTSUPP;
	}
}

int package_look(const struct content_packages *ps, struct package *g)
{
	int fd = package_open(ps, g, O_RDONLY), ret;
	struct gp_source file;
	struct stat sb;

	if (fd < 0)
		return fd;
	ret = fstat(fd, &sb) < 0 ? -errno : 0;
	if (ret == 0 && ((uint64_t)sb.st_size != g->p.staged || sb.st_size == 0))
		ret = -EBADMSG;
	if (ret < 0) {
		content_words(g->p.reason, "the package cannot be read: %s", strerror(-ret));
	} else {
		file = gp_source_file(fd, g->p.staged);
		ret = look(g, &file);
	}
	close(fd);
	return ret;
}
