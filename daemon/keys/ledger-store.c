// SPDX-License-Identifier: Apache-2.0
/*
 * The ledger on the disk: STATE/attempts/CARD-AID-KVN, one file an entry.
 *
 * Locks are open file description locks on STATE/attempts/.lock, one byte an
 * entry (the byte's place is a hash of the entry's name), so that the kernel
 * lets go of them when a process dies and no lock file has to be cleaned up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "keys/ledger-entry.h"
#include "keys/ledger-store.h"

#define LOCK_FILE ".lock"
#define WAIT_STEP_MS 20

/* ---- the folder ---- */

int ledger_store_default(char *path, size_t room)
{
	const char *base;
	int n;

	if (!geteuid()) {
		n = snprintf(path, room, "/var/lib/sesame");
	} else if ((base = secure_getenv("XDG_STATE_HOME")) && *base == '/') {
		n = snprintf(path, room, "%s/sesame", base);
	} else if ((base = secure_getenv("HOME")) && *base == '/') {
		n = snprintf(path, room, "%s/.local/state/sesame", base);
	} else {
		return -ENOENT;
	}
	return (size_t)n < room ? 0 : -ENAMETOOLONG;
}

/* mkdir -p, for us only */
int ledger_store_make(const char *path)
{
	char part[512];
	size_t i;

	for (i = 1;; i++) {
		if (path[i] && path[i] != '/')
			continue;
		if (i >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return -errno;
		if (!path[i])
			return 0;
	}
}

int ledger_store_open(const char *path, int *ret)
{
	int state, dir, r = 0;
	struct stat st;

	state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return -errno;
	if (mkdirat(state, LEDGER_FOLDER, 0700) && errno != EEXIST) {
		r = -errno;
	} else if (fstat(state, &st)) {
		r = -errno;
	} else {
		dir = openat(state, LEDGER_FOLDER,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0) {
			r = -errno;
		} else if (!geteuid() && st.st_uid && fchown(dir, st.st_uid, st.st_gid)) {
			/* root works in the folder of another user, who must go on with it */
			r = -errno;
			close(dir);
		} else if (fsync(state)) {
			r = -errno;
			close(dir);
		} else {
			*ret = dir;
		}
	}
	close(state);
	return r;
}

/* ---- locks ---- */

static int lock_place(const char *file, struct flock *lk)
{
	uint8_t md[32];
	uint64_t at;

	if (!EVP_Q_digest(NULL, "SHA256", NULL, file, strlen(file), md, NULL))
		return -EIO;
	memcpy(&at, md, sizeof(at));
	*lk = (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(at >> 2),
		.l_len = 1,
	};
	return 0;
}

/* The lock of an entry as a file descriptor; -EBUSY when it was not to be had. */
int ledger_store_lock(int dir, const char *file, unsigned int wait_ms)
{
	const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
	unsigned int waited;
	struct flock lk;
	int fd, r;

	r = lock_place(file, &lk);
	if (r)
		return r;
	fd = openat(dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (waited = 0;; waited += WAIT_STEP_MS) {
		if (!fcntl(fd, F_OFD_SETLK, &lk))
			return fd;
		r = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
		if (r != -EBUSY || waited >= wait_ms)
			break;
		nanosleep(&step, NULL);
	}
	close(fd);
	return r;
}

/* Does somebody hold the lock of this entry? */
bool ledger_store_locked(int dir, const char *file)
{
	int fd = ledger_store_lock(dir, file, 0);

	if (fd >= 0)
		close(fd);
	return fd == -EBUSY;
}

/* ---- entries ---- */

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t w;

	for (; n; p += w, n -= (size_t)w) {
		w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			w = 0;
		else if (w < 0)
			return -errno;
	}
	return 0;
}

/* Replace the entry as a whole; on the disk when this returns 0. */
int ledger_store_put(int dir, const char *file, const struct ledger_entry *e)
{
	char text[LEDGER_TEXT_MAX], fresh[LEDGER_FILE_MAX + 8];
	struct stat st;
	int fd, n, r;

	n = ledger_format(e, text);
	if (n < 0)
		return n;
	snprintf(fresh, sizeof(fresh), ".%s.new", file);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, (size_t)n);
	if (!r &&
	    (fstat(dir, &st) || (!geteuid() && fchown(fd, st.st_uid, st.st_gid)) || fsync(fd)))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	if (!r && (renameat(dir, fresh, dir, file) || fsync(dir)))
		r = -errno;
	if (r)
		unlinkat(dir, fresh, 0);
	return r;
}

/* 0; -ENOENT; -EBADMSG: damaged, or it is about something else than its name */
int ledger_store_get(int dir, const char *file, struct ledger_entry *e)
{
	char text[LEDGER_TEXT_MAX + 1], expect[LEDGER_FILE_MAX];
	ssize_t n = 0, got;
	int fd, r;

	memset(e, 0, sizeof(*e));
	e->state = LEDGER_CORRUPT;
	snprintf(e->file, sizeof(e->file), "%s", file);
	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : errno == ELOOP ? -EBADMSG : -errno;
	do {
		got = read(fd, text + n, sizeof(text) - (size_t)n);
		if (got > 0)
			n += got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	r = got < 0 ? (errno == EISDIR ? -EBADMSG : -errno) : 0;
	close(fd);
	if (r)
		return r;
	r = ledger_parse(e, text, (size_t)n);
	if (!r) {
		ledger_file(&e->id, expect);
		if (strcmp(expect, file) != 0) {
			memset(e, 0, sizeof(*e));
			e->state = LEDGER_CORRUPT;
			r = -EBADMSG;
		}
	}
	snprintf(e->file, sizeof(e->file), "%s", file);
	return r;
}
