// SPDX-License-Identifier: Apache-2.0
/* A record in a file. */
#include "manage/record-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "gp/record.h"
#include "manage/manage.h"

static int beside(char path[PATH_MAX], const char *name, const char *suffix)
{
	int n = snprintf(path, PATH_MAX, "%s%s", name, suffix);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int record_file_lock(const char *name, struct record_lock *lock, struct gp_error *err)
{
	char path[PATH_MAX];
	int r = beside(path, name, ".lock");

	if (r)
		return gp_fail(err, r, "record", "%.200s: the name is too long", name);
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->fd < 0)
		return gp_fail(err, -errno, "record", "%.200s: %s", path, strerror(errno));
	if (flock(lock->fd, LOCK_EX | LOCK_NB)) {
		close(lock->fd);
		lock->fd = -1;
		return gp_fail(err, -EBUSY, "record-busy",
			       "another process is at work with the record %.160s", name);
	}
	return 0;
}

/* The file stays: taking it away could take another's lock away. */
void record_file_unlock(struct record_lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	lock->fd = -1;
}

int record_file_read(const char *name, bool needed, char **text, size_t *len,
		     struct gp_error *err)
{
	struct gp_record *record = NULL;
	uint8_t *p = NULL;
	size_t n = 0;
	int r = manage_read_file(NULL, name, &p, &n);

	*text = NULL;
	if (r == -ENOENT && !needed)
		return 0;
	if (r)
		return gp_fail(err, r, r == -ENOENT ? "no-record" : "record",
			       "record %.160s: %s", name, strerror(-r));
	if (needed) {
		*text = (char *)p;
		*len = n;
		return 0;
	}
	r = gp_record_parse(&record, (const char *)p, n, err);
	free(p);
	if (!r && gp_record_state(record) == GP_RECORD_RUNNING)
		r = gp_fail(
			err, -EEXIST, "record-exists",
			"%.120s is the record of a plan that was interrupted: resume it, roll "
			"it back, or remove the file",
			name);
	gp_record_free(record);
	return r;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

static int sync_folder(const char *name)
{
	char path[PATH_MAX];
	char *slash;
	int fd, r = beside(path, name, "");

	if (r)
		return r;
	slash = strrchr(path, '/');
	if (slash == path)
		slash++;
	if (slash)
		*slash = 0;
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

int record_file_write(const char *name, const char *text, size_t len)
{
	char path[PATH_MAX];
	int fd, r = beside(path, name, ".new");

	if (r)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, len);
	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(path, name))
		r = -errno;
	if (!r)
		r = sync_folder(name);
	if (r)
		(void)unlink(path);
	return r;
}
