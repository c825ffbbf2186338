/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread has used, as /proc tells. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct usage {
	uint64_t cpu_ns;
	uint64_t switches;
};

static inline uint64_t usage_number(const char *path, const char *key)
{
	char line[200];
	uint64_t n = 0;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			n = strtoull(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static inline void usage_add(struct usage *u, const char *task)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%s/schedstat", task);
	if (access(path, R_OK)) {
		fprintf(stderr, "se-bench: no %s: is this a kernel for measuring?\n", path);
		exit(1);
	}
	u->cpu_ns += usage_number(path, "");
	snprintf(path, sizeof(path), "/proc/%s/status", task);
	u->switches += usage_number(path, "voluntary_ctxt_switches:") +
		       usage_number(path, "nonvoluntary_ctxt_switches:");
}

/* Of the calling thread, and of @other if there is one. */
static inline struct usage usage_now(const char *other)
{
	struct usage u = {0};

	usage_add(&u, "thread-self");
	if (*other)
		usage_add(&u, other);
	return u;
}

/* The number of the thread of this name; empty if there is none. */
static inline void usage_find(const char *name, char *task, size_t room)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	*task = '\0';
	while (d && (e = readdir(d))) {
		char path[300], comm[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, name, strlen(name)) &&
		    comm[strlen(name)] == '\n')
			snprintf(task, room, "%.15s", e->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
}

#endif
