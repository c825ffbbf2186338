// SPDX-License-Identifier: Apache-2.0
/*
 * Plans and records that outlive sectl: DIR/plans/ID.plan and ID.record, for their owner
 * only. A record is replaced as a whole, so that a power cut leaves the old or the new one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gp/record.h"
#include "keys/ledger-store.h"
#include "manage/record-file.h"
#include "sectl/act.h"
#include "sectl/kept.h"
#include "sectl/sectl.h"

/* the same folder as the attempt ledger's */
static int kept_dir(char path[KEPT_PATH_MAX])
{
	int n, r = 0;

	if (opt.state_dir)
		snprintf(path, KEPT_PATH_MAX, "%s", opt.state_dir);
	else
		r = ledger_store_default(path, KEPT_PATH_MAX);
	n = r ? 0 : (int)strlen(path);
	return r ? r : n < KEPT_PATH_MAX - 80 ? n : -ENAMETOOLONG;
}

/* A descriptor of the folder; @make it if it is not there. */
static int open_folder(bool make)
{
	char path[KEPT_PATH_MAX];
	struct stat st;
	int n, fd;

	n = kept_dir(path);
	if (n < 0)
		return n;
	strcpy(path + n, "/plans");
	if (make) {
		n = ledger_store_make(path);
		if (n)
			return n;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* what others may write cannot be trusted, what they may read holds payload */
	if (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

static int fail_state(int error)
{
	char path[KEPT_PATH_MAX];

	if (kept_dir(path) < 0)
		return fail(EXIT_FAILED, "state", "--state-dir=PATH", "no state folder");
	return fail(EXIT_FAILED, "state", "--state-dir=PATH, a folder that is yours alone",
		    "%s/plans: %s", path, strerror(-error));
}

static int file_name(char *name, size_t room, const char *id, const char *suffix)
{
	if (!*id || strlen(id) >= KEPT_ID_MAX || strspn(id, "0123456789abcdef-") != strlen(id))
		return -EINVAL;
	snprintf(name, room, "%s%s", id, suffix);
	return 0;
}

/* in the order of time; what is in the same millisecond is told apart by chance */
static void new_id(char id[KEPT_ID_MAX])
{
	struct timespec now;
	uint8_t noise = 0;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	(void)!getentropy(&noise, sizeof(noise));
	snprintf(id, KEPT_ID_MAX, "%04d%02d%02d-%02d%02d%02d-%03ld%02x", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 now.tv_nsec / 1000000, noise);
}

static int path_of(const char *id, const char *suffix, char path[KEPT_PATH_MAX])
{
	char name[KEPT_ID_MAX + 16];
	int n;

	if (file_name(name, sizeof(name), id, suffix))
		return -EINVAL;
	n = kept_dir(path);
	if (n >= 0)
		sprintf(path + n, "/plans/%s", name);
	return n < 0 ? n : 0;
}

int kept_record_path(const char *id, char path[KEPT_PATH_MAX])
{
	int r = path_of(id, ".record", path);

	return r ? fail_state(r) : EXIT_OK;
}

bool kept_begun(const char *id)
{
	char path[KEPT_PATH_MAX];

	return !path_of(id, ".record", path) && !access(path, F_OK);
}

int kept_new(const struct gp_plan *plan, char id[KEPT_ID_MAX])
{
	char path[KEPT_PATH_MAX], *text = NULL;
	sd_json_variant *v = NULL;
	int dir, r;

	new_id(id);
	dir = open_folder(true);
	r = dir < 0 ? dir : path_of(id, ".plan", path);
	if (!r)
		r = gp_plan_to_json(plan, &v);
	if (r >= 0)
		r = sd_json_variant_format(v, 0, &text);
	if (r >= 0)
		r = record_file_write(path, text, strlen(text));
	if (dir >= 0)
		close(dir);
	sd_json_variant_unref(v);
	forget(text, text ? strlen(text) : 0);
	return r < 0 ? fail_state(r) : EXIT_OK;
}

static int load_file(int dir, const char *id, const char *suffix, size_t max, char **text,
		     size_t *len)
{
	char name[KEPT_ID_MAX + 16];
	struct stat st;
	ssize_t n = -1;
	int fd, r = 0;

	*text = NULL;
	if (file_name(name, sizeof(name), id, suffix))
		return -EINVAL;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > (off_t)max) {
		r = -EBADMSG;
	} else {
		*text = malloc((size_t)st.st_size + 1);
		if (*text)
			n = read(fd, *text, (size_t)st.st_size);
		r = n == st.st_size ? 0 : -EIO;
		*len = (size_t)st.st_size;
	}
	close(fd);
	if (r) {
		free(*text);
		*text = NULL;
	}
	return r;
}

static int load(int dir, const char *id, struct gp_plan **plan, struct gp_error *err)
{
	size_t len;
	char *text;
	int r;

	*plan = NULL;
	r = load_file(dir, id, ".plan", GP_PLAN_TEXT_MAX, &text, &len);
	if (!r) {
		r = gp_plan_parse(plan, text, len, err);
		forget(text, len);
	}
	/* load files are in it as they go down, a file name would be another's by now */
	return r ? r : gp_plan_resolve(*plan, NULL, NULL, err);
}

int kept_load(const char *id, struct gp_plan **plan)
{
	struct gp_error err = {0};
	int dir, r;

	*plan = NULL;
	dir = open_folder(false);
	if (dir < 0 && dir != -ENOENT)
		return fail_state(dir);
	r = dir < 0 ? dir : load(dir, id, plan, &err);
	if (dir >= 0)
		close(dir);
	if (!r)
		return EXIT_OK;
	gp_plan_free(*plan);
	*plan = NULL;
	if (*err.code)
		return fail_gp(r, &err);
	if (r == -ENOENT || r == -EINVAL)
		return fail(EXIT_NOT_FOUND, "no-such-plan", "sectl plan list",
			    "there is no plan '%s'", id);
	return fail_state(r);
}

/* NULL: nothing was sent, or it is damaged */
static struct gp_record *load_record(int dir, const char *id)
{
	struct gp_record *record = NULL;
	struct gp_error err = {0};
	char *text;
	size_t len = 0;

	if (load_file(dir, id, ".record", GP_RECORD_MAX, &text, &len))
		return NULL;
	if (gp_record_parse(&record, text, len, &err)) {
		warn("the record of plan %s is damaged: %s", id, err.detail);
		record = NULL;
	}
	free(text);
	return record;
}

static int is_plan(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && !strcmp(dot, ".plan");
}

int kept_each(void (*fn)(void *ctx, const char *id, const struct gp_plan *plan,
			 const struct gp_record *record),
	      void *ctx)
{
	struct dirent **entry = NULL;
	int dir, n, i;

	dir = open_folder(false);
	if (dir == -ENOENT)
		return EXIT_OK;
	if (dir < 0)
		return fail_state(dir);
	n = scandirat(dir, ".", &entry, is_plan, alphasort);
	for (i = 0; i < n; i++) {
		struct gp_record *record = NULL;
		struct gp_error err = {0};
		struct gp_plan *plan;

		*strrchr(entry[i]->d_name, '.') = '\0';
		if (load(dir, entry[i]->d_name, &plan, &err)) {
			warn("plan %s is damaged: %s", entry[i]->d_name, err.detail);
		} else {
			record = load_record(dir, entry[i]->d_name);
			fn(ctx, entry[i]->d_name, plan, record);
		}
		gp_record_free(record);
		gp_plan_free(plan);
		free(entry[i]);
	}
	free(entry);
	close(dir);
	return n < 0 ? fail_state(-errno) : EXIT_OK;
}

int kept_remove(const char *id)
{
	static const char *const suffixes[] = {".plan", ".record", ".record.lock"};
	char name[KEPT_ID_MAX + 16];
	int dir, r = 0;
	size_t i;

	dir = open_folder(false);
	if (dir < 0)
		r = dir;
	for (i = 0; !r && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		r = file_name(name, sizeof(name), id, suffixes[i]);
		if (!r && unlinkat(dir, name, 0) && (!i || errno != ENOENT))
			r = -errno;
	}
	if (dir >= 0)
		close(dir);
	if (r == -ENOENT || r == -EINVAL)
		return fail(EXIT_NOT_FOUND, "no-such-plan", "sectl plan list",
			    "there is no plan '%s'", id);
	return r ? fail_state(r) : EXIT_OK;
}
