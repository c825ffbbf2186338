// SPDX-License-Identifier: Apache-2.0
/* One process for a state directory: its lock, and who has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "job/job-store.h"

#define QUIET_NS 1000000000U /* a predecessor that just ends is nothing to speak of */

/* The process that wrote its number there last, in words; a lock has nothing else to tell. */
static void holder(int fd, char *words, size_t room)
{
	char text[24] = "", path[40], name[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;
	FILE *f;

	snprintf(words, room, "another process");
	if (pid <= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
	snprintf(words, room, "process %ld%s%s%s", pid, *name ? " (" : "", name,
		 *name ? ")" : "");
}

/* It is for people: a disk without room for it locks as well. */
static void sign(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return;
}

/*
 * The lock goes with the last thread of a process. A predecessor that was
 * killed while an exchange was on the wire keeps it until that exchange has
 * settled, so what the run file says is final once we hold it.
 */
int job_take_lock(struct job_store *s, struct job_error *err)
{
	uint64_t from = job_mono_ns(), now;
	uint64_t until = from + (uint64_t)s->opt.lock_wait_ms * 1000000U;
	const struct timespec nap = {0, 20000000};
	char who[80];

	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return job_fail(err, -errno, errno == ENOSPC ? "disk-full" : "state-dir",
				"cannot make the lock file in %s: %s", s->opt.dir,
				strerror(errno));
	while (flock(s->lock_fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return job_fail(err, -errno, "state-dir", "cannot lock %s: %s",
					s->opt.dir, strerror(errno));
		holder(s->lock_fd, who, sizeof(who));
		now = job_mono_ns();
		if (now >= until)
			return job_fail(err, -EBUSY, "in-use",
					"%s is in use by %s: stop it first", s->opt.dir, who);
		if (s->opt.waits && now - from >= QUIET_NS &&
		    !s->opt.waits(s->opt.waits_ctx, who,
				  (unsigned int)((until - now) / 1000000U)))
			return job_fail(err, -ECANCELED, "in-use",
					"stopped while %s was in use by %s", s->opt.dir, who);
		nanosleep(&nap, NULL);
	}
	sign(s->lock_fd);
	return 0;
}
