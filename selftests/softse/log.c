// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

struct log {
	int fd;
	unsigned long long seq;
};

int log_open(struct log **log, const char *path)
{
	struct log *l = calloc(1, sizeof(*l));
	char chunk[4096];
	ssize_t n;

	if (!l)
		return -ENOMEM;
	l->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (l->fd < 0) {
		free(l);
		return -errno;
	}
	while ((n = read(l->fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++)
			l->seq += chunk[i] == '\n';
	if (n < 0) {
		int err = -errno;

		log_close(l);
		return err;
	}
	*log = l;
	return 0;
}

int log_apdu(struct log *log, unsigned int channel, const uint8_t *cmd, size_t len, size_t lc,
	     uint16_t sw)
{
	uint8_t head[4] = {0}, hash[32];
	struct timespec now;
	char line[128];
	int n;

	for (size_t i = 0; i < 4 && i < len; i++)
		head[i] = cmd[i];
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (crypto_sha(sizeof(hash), cmd, len, hash))
		return -EIO;
	n = snprintf(line, sizeof(line),
		     "%llu %lld%09ld %u %02X%02X%02X%02X %zu %04X %02x%02x%02x%02x\n",
		     log->seq++, (long long)now.tv_sec, now.tv_nsec, channel, head[0], head[1],
		     head[2], head[3], lc, sw, hash[0], hash[1], hash[2], hash[3]);
	/* one write of a short line to an O_APPEND file: whole or not at all */
	return write(log->fd, line, (size_t)n) == n ? 0 : -EIO;
}

void log_close(struct log *log)
{
	if (!log)
		return;
	close(log->fd);
	free(log);
}
