/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run file: memory of the chunk that is out, shared with the file system.
 *
 * The struct se_apdu array that is given to SE_IOC_SUBMIT, and the response
 * buffers, lie in a MAP_SHARED file. The kernel writes each APDU's outcome
 * there while the stream runs; a killed process leaves it behind in the page
 * cache, where its successor reads it. Valid within one boot only.
 *
 * There are two halves used in turn, so that the results of one chunk and the
 * start of the next are one journal transaction.
 */
#ifndef SESAME_JOB_RUNFILE_H
#define SESAME_JOB_RUNFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>

#define RUNFILE_AREA (SE_RAPDU_MAX * 16 + 4096) /* response bytes of a half */
#define BOOT_ID_MAX 40

struct runfile_half {
	uint64_t job;
	uint32_t run;
	uint32_t first; /* index in the script of apdus[0] */
	uint32_t n;
	uint32_t used; /* of area */
	uint32_t rsp_off[SE_STREAM_MAX];
	struct se_apdu apdus[SE_STREAM_MAX];
	uint8_t area[RUNFILE_AREA];
};

struct runfile_map {
	char magic[8];
	uint32_t version;
	uint32_t size;
	char boot[BOOT_ID_MAX];
	struct runfile_half half[2];
};

struct runfile {
	struct runfile_map *map;
};

/** job_boot_id - of this boot, as text */
int job_boot_id(char id[BOOT_ID_MAX]);

/**
 * job_runfile_open - map run-NAME.map in @dir_fd
 *
 * @create: make a fresh one; its whole size is allocated first, so that a full
 *	disk shows here (-ENOSPC) and never as SIGBUS. Without @create an
 *	existing file is mapped read-only for recovery: -ENOENT; -ESTALE if it is
 *	not of this boot or not complete
 */
int job_runfile_open(struct runfile *rf, int dir_fd, const char *name, bool create);
void job_runfile_close(struct runfile *rf);

/** job_runfile_begin - empty a half for a new chunk */
void job_runfile_begin(struct runfile_half *h, uint64_t job, uint32_t run, uint32_t first);

/**
 * job_runfile_add - one more APDU in the half
 * @room: bytes for its response
 *
 * The command itself stays in the caller's memory. Returns -ENOSPC when the
 * half is full: then the chunk ends before this one.
 */
int job_runfile_add(struct runfile_half *h, const uint8_t *cmd, size_t len, size_t room,
		    const struct se_sw_match expect[SE_SW_MATCHES]);

/** job_runfile_wipe - clear the response bytes once they are in the journal */
void job_runfile_wipe(struct runfile_half *h);

#endif /* SESAME_JOB_RUNFILE_H */
