// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "gp/error.h"
#include "keys/memory.h"
#include "keys/source.h"

void *keys_pages_new(size_t len, bool *locked)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok;

	if (p == MAP_FAILED)
		return NULL;
	/* each on its own: a kernel or a limit that lacks one still does the other */
	ok = !mlock(p, len);
	(void)madvise(p, len, MADV_DONTDUMP);
	(void)madvise(p, len, MADV_WIPEONFORK);
	if (locked)
		*locked = ok;
	return p;
}

void keys_pages_free(void *p, size_t len)
{
	if (!p)
		return;
	OPENSSL_cleanse(p, len);
	munmap(p, len);
}

int keys_harden_process(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none))
		return -errno;
#ifndef __SANITIZE_ADDRESS__ /* whose leak check is a debugger */
	/* that limit does not stop a core_pattern that is a program; this does */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
#endif
	return 0;
}

int keys_read_fd(int fd, const char *name, char *text, size_t room, size_t *len,
		 struct gp_error *err)
{
	char more;
	ssize_t n;

	*len = 0;
	for (;;) {
		n = *len < room ? read(fd, text + *len, room - *len) : read(fd, &more, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return gp_fail(err, -errno, "key-source", "%.120s cannot be read: %s",
				       name, strerror(errno));
		if (!n)
			return 0;
		if (*len == room)
			return gp_fail(err, -EFBIG, "key-source",
				       "%.120s is larger than %zu bytes", name, room);
		*len += (size_t)n;
	}
}

/* A link in a folder where others may write can lead anywhere: believe only our own. */
static int open_own(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int fd = open(path, flags | O_NOFOLLOW);

	if (fd >= 0)
		return fd;
	if (errno != ELOOP)
		return -errno;
	if (lstat(path, &st))
		return -errno;
	if (S_ISLNK(st.st_mode) && st.st_uid && st.st_uid != geteuid())
		return -ELOOP;
	fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

static int check(const char *path, const struct stat *st, enum keys_reading how,
		 struct gp_error *err)
{
	static const mode_t others[] = {
		[KEYS_READ_SECRET] = 077,
		[KEYS_READ_CREDENTIAL] = 037,
		[KEYS_READ_PUBLIC] = 022,
	};

	if (!S_ISREG(st->st_mode))
		return gp_fail(err, -EACCES, "key-source", "%.120s is no regular file", path);
	if (st->st_uid && st->st_uid != geteuid())
		return gp_fail(
			err, -EACCES, "key-source",
			"%.120s belongs to another user (%u): whoever owns it can change "
			"the keys",
			path, st->st_uid);
	if (st->st_mode & others[how])
		return gp_fail(err, -EACCES, "key-source",
			       "%.120s can be %s by others (mode %04o): chmod %s it", path,
			       how == KEYS_READ_PUBLIC ? "written" : "read",
			       st->st_mode & 07777, how == KEYS_READ_PUBLIC ? "go-w" : "600");
	return 0;
}

int keys_read_file(const char *path, enum keys_reading how, char *text, size_t room,
		   size_t *len, struct gp_error *err)
{
	struct stat st;
	int fd, r;

	*len = 0;
	fd = open_own(path);
	if (fd == -ELOOP)
		return gp_fail(err, -EACCES, "key-source",
			       "%.120s is a symbolic link of another user", path);
	if (fd < 0)
		return gp_fail(err, fd, "key-source", "%.120s cannot be opened: %s", path,
			       strerror(-fd));
	if (fstat(fd, &st))
		r = gp_fail(err, -errno, "key-source", "%.120s: %s", path, strerror(errno));
	else
		r = check(path, &st, how, err);
	if (!r)
		r = keys_read_fd(fd, path, text, room, len, err);
	close(fd);
	return r;
}
