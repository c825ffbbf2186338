// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a program before its N-th step that changes files of a name, as kill -9.
 *
 * Loaded before the C library (LD_PRELOAD), before powercut.so where that is loaded, too. Steps
 * are writes, syncs, cuts of the length and unlinks of files whose name begins with
 * $KILLAT_NAME. They count from when the file $KILLAT_GO is there, which has N in it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long done;

static void *next(const char *name)
{
	void *call = dlsym(RTLD_NEXT, name);

	if (!call)
		abort();
	return call;
}

/* N, or 0 while nothing counts */
static long limit(void)
{
	const char *go = getenv("KILLAT_GO");
	char text[16] = "";
	int fd = go ? open(go, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtol(text, NULL, 10);
}

static void step(const char *path)
{
	const char *name = getenv("KILLAT_NAME"), *slash = strrchr(path, '/');
	int saved = errno;
	long n;

	if (name && strncmp(slash ? slash + 1 : path, name, strlen(name)) == 0) {
		n = limit();
		if (n > 0 && atomic_fetch_add(&done, 1) + 1 == n)
			kill(getpid(), SIGKILL);
	}
	errno = saved;
}

static void step_fd(int fd)
{
	char link[64], path[1024];
	int saved = errno;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	errno = saved;
	if (n <= 0)
		return;
	path[n] = 0;
	step(path);
}

ssize_t write(int fd, const void *p, size_t n)
{
	ssize_t (*call)(int, const void *, size_t);

	*(void **)&call = next("write");
	step_fd(fd);
	return call(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t (*call)(int, const void *, size_t, off_t);

	*(void **)&call = next("pwrite");
	step_fd(fd);
	return call(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	ssize_t (*call)(int, const void *, size_t, off64_t);

	*(void **)&call = next("pwrite64");
	step_fd(fd);
	return call(fd, p, n, at);
}

int ftruncate(int fd, off_t n)
{
	int (*call)(int, off_t);

	*(void **)&call = next("ftruncate");
	step_fd(fd);
	return call(fd, n);
}

int ftruncate64(int fd, off64_t n)
{
	int (*call)(int, off64_t);

	*(void **)&call = next("ftruncate64");
	step_fd(fd);
	return call(fd, n);
}

int fsync(int fd)
{
	int (*call)(int);

	*(void **)&call = next("fsync");
	step_fd(fd);
	return call(fd);
}

int fdatasync(int fd)
{
	int (*call)(int);

	*(void **)&call = next("fdatasync");
	step_fd(fd);
	return call(fd);
}

int unlink(const char *path)
{
	int (*call)(const char *);

	*(void **)&call = next("unlink");
	step(path);
	return call(path);
}
