// SPDX-License-Identifier: Apache-2.0
/*
 * A disk that forgets: what of a folder would have been on the disk when the power went.
 *
 * Loaded before the C library (LD_PRELOAD). fsync() and fdatasync() of a file below
 * $POWERCUT_DIR copy it to $POWERCUT_DISK; of a folder, they note the names in it. What
 * was not synchronised is not there. powercut.py puts the folder back as a disk might
 * have it after the cut. The rules are ext4's: a file that is synchronised has its name too.
 *
 *	$POWERCUT_DISK/data/INODE	the bytes of a file when it was last synchronised
 *	$POWERCUT_DISK/names/FOLDER	lines "INODE NAME" (FOLDER with '+' for '/')
 *
 * INODE is number and time of birth, as numbers are used again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int really(const char *name, int fd)
{
	int (*call)(int) = NULL;

	*(void **)&call = dlsym(RTLD_NEXT, name);
	return call(fd);
}

/* the disk must not be half written itself: a copy appears by its last name only when it is
 * whole */
static void gone(const char *what)
{
	fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
	abort();
}

/* "A/B/C", or the end of the test */
static void join(char out[PATH_ROOM], const char *a, const char *b, const char *c)
{
	int n = snprintf(out, PATH_ROOM, "%s/%s%s%s", a, b, *c ? "/" : "", c);

	if (n < 0 || n >= PATH_ROOM) {
		errno = ENAMETOOLONG;
		gone(a);
	}
}

static void inode(int dirfd, const char *path, int flags, char *out, size_t room)
{
	struct statx st;

	if (statx(dirfd, path, flags, STATX_INO | STATX_BTIME, &st))
		gone(path);
	snprintf(out, room, "%llu-%lld.%09u", (unsigned long long)st.stx_ino,
		 (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
}

static void copy(int fd, const char *disk)
{
	char name[64], to[PATH_ROOM], fresh[PATH_ROOM], path[64], chunk[65536];
	int from, out;
	ssize_t n;

	inode(fd, "", AT_EMPTY_PATH, name, sizeof(name));
	join(to, disk, "data", name);
	join(fresh, disk, "new", "");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	from = open(path, O_RDONLY | O_CLOEXEC);
	out = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (from < 0 || out < 0)
		gone(fresh);
	while ((n = read(from, chunk, sizeof(chunk))) > 0)
		if (write(out, chunk, (size_t)n) != n)
			gone(fresh);
	if (n < 0 || close(out) || rename(fresh, to))
		gone(to);
	close(from);
}

static void list(const char *folder, const char *below, const char *disk, const char *only)
{
	char to[PATH_ROOM], fresh[PATH_ROOM], name[64], flat[PATH_ROOM];
	struct dirent *e;
	size_t i;
	DIR *dir;
	FILE *f;

	snprintf(flat, sizeof(flat), "%s", *below ? below : "+");
	for (i = 0; flat[i]; i++)
		if (flat[i] == '/')
			flat[i] = '+';
	join(to, disk, "names", flat);
	join(fresh, disk, "new", "");
	if (only) { /* one name more; a line for the same name counts when it is later */
		join(fresh, folder, only, "");
		inode(AT_FDCWD, fresh, 0, name, sizeof(name));
		f = fopen(to, "ae");
		if (!f || fprintf(f, "%s %s\n", name, only) < 0 || fclose(f))
			gone(to);
		return;
	}
	dir = opendir(folder);
	f = fopen(fresh, "we");
	if (!dir || !f)
		gone(folder);
	while ((e = readdir(dir))) {
		if (e->d_type != DT_REG)
			continue;
		inode(dirfd(dir), e->d_name, AT_SYMLINK_NOFOLLOW, name, sizeof(name));
		fprintf(f, "%s %s\n", name, e->d_name);
	}
	closedir(dir);
	if (fclose(f) || rename(fresh, to))
		gone(to);
}

static void keep(int fd)
{
	const char *top = getenv("POWERCUT_DIR"), *disk = getenv("POWERCUT_DISK");
	char link[64], path[PATH_ROOM], *name;
	struct stat st;
	ssize_t n;

	if (!top || !disk)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(fd, &st))
		gone(link);
	path[n] = 0;
	if (strncmp(path, top, strlen(top)) || (path[strlen(top)] && path[strlen(top)] != '/'))
		return;
	if (S_ISDIR(st.st_mode)) {
		list(path, path + strlen(top), disk, NULL);
		return;
	}
	copy(fd, disk);
	if (!st.st_nlink)
		return;
	name = strrchr(path, '/');
	*name++ = 0;
	list(path, path + strlen(top), disk, name);
}

static int synchronise(const char *call, int fd)
{
	int saved, r = really(call, fd);

	saved = errno;
	if (!r) {
		pthread_mutex_lock(&lock);
		keep(fd);
		pthread_mutex_unlock(&lock);
	}
	errno = saved;
	return r;
}

int fsync(int fd)
{
	return synchronise("fsync", fd);
}

int fdatasync(int fd)
{
	return synchronise("fdatasync", fd);
}
