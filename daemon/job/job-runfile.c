// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job-runfile.h"

#define MAGIC "SESMRUN"
#define VERSION 1

int job_boot_id(char id[BOOT_ID_MAX])
{
	ssize_t n;
	int fd;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, id, BOOT_ID_MAX - 1);
	close(fd);
	if (n < 1)
		return -EIO;
	id[n] = '\0';
	id[strcspn(id, "\n")] = '\0';
	return 0;
}

static int file_name(char *out, size_t room, const char *name)
{
	if (snprintf(out, room, "run-%s.map", name) >= (int)room)
		return -ENAMETOOLONG;
	return 0;
}

static int map_old(struct runfile *rf, int fd)
{
	char boot[BOOT_ID_MAX];
	struct stat st;
	void *p;
	int r;

	r = job_boot_id(boot);
	if (r)
		return r;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size != (off_t)sizeof(*rf->map))
		return -ESTALE;
	p = mmap(NULL, sizeof(*rf->map), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	rf->map = p;
	if (memcmp(rf->map->magic, MAGIC, sizeof(rf->map->magic)) ||
	    rf->map->version != VERSION || rf->map->size != sizeof(*rf->map) ||
	    strncmp(rf->map->boot, boot, sizeof(boot))) {
		job_runfile_close(rf);
		return -ESTALE;
	}
	return 0;
}

static int map_new(struct runfile *rf, int fd)
{
	void *p;
	int r;

	r = posix_fallocate(fd, 0, sizeof(*rf->map));
	if (r)
		return r == EDQUOT ? -ENOSPC : -r;
	p = mmap(NULL, sizeof(*rf->map), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		 0);
	if (p == MAP_FAILED)
		return -errno;
	rf->map = p;
	/*
	 * The kernel writes outcomes even while a fatal signal is pending, when
	 * it could not wait for a page to be read in. Best effort: without the
	 * right to lock, pages in use stay resident all the same.
	 */
	mlock(p, sizeof(*rf->map));
	memset(p, 0, sizeof(*rf->map));
	r = job_boot_id(rf->map->boot);
	if (r) {
		job_runfile_close(rf);
		return r;
	}
	rf->map->version = VERSION;
	rf->map->size = sizeof(*rf->map);
	memcpy(rf->map->magic, MAGIC, sizeof(rf->map->magic));
	return 0;
}

int job_runfile_open(struct runfile *rf, int dir_fd, const char *name, bool create)
{
	char path[128];
	int fd, r;

	rf->map = NULL;
	r = file_name(path, sizeof(path), name);
	if (r)
		return r;
	if (create) {
		/* A new inode: never write into a file that somebody still maps. */
		if (unlinkat(dir_fd, path, 0) && errno != ENOENT)
			return -errno;
		fd = openat(dir_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} else {
		fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return -errno;
	r = create ? map_new(rf, fd) : map_old(rf, fd);
	close(fd);
	if (r && create)
		unlinkat(dir_fd, path, 0);
	return r;
}

void job_runfile_close(struct runfile *rf)
{
	if (rf->map)
		munmap(rf->map, sizeof(*rf->map));
	rf->map = NULL;
}

void job_runfile_begin(struct runfile_half *h, uint64_t job, uint32_t run, uint32_t first)
{
	h->n = 0;
	h->used = 0;
	h->job = job;
	h->run = run;
	h->first = first;
}

int job_runfile_add(struct runfile_half *h, const uint8_t *cmd, size_t len, size_t room,
		    const struct se_sw_match expect[SE_SW_MATCHES])
{
	struct se_apdu *a;

	if (h->n >= SE_STREAM_MAX || room > sizeof(h->area) - h->used)
		return -ENOSPC;
	a = &h->apdus[h->n];
	memset(a, 0, sizeof(*a));
	a->cmd_ptr = (uintptr_t)cmd;
	a->cmd_len = (uint32_t)len;
	a->rsp_ptr = (uintptr_t)(h->area + h->used);
	a->rsp_room = (uint32_t)room;
	memcpy(a->expect, expect, sizeof(a->expect));
	a->outcome = SE_OUTCOME_NOT_SENT;
	h->rsp_off[h->n] = h->used;
	h->used += (uint32_t)room;
	h->n++;
	return 0;
}

void job_runfile_wipe(struct runfile_half *h)
{
	explicit_bzero(h->area, h->used);
	h->used = 0;
	h->n = 0;
}
