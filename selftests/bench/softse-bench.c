// SPDX-License-Identifier: Apache-2.0
/*
 * softse-bench SOFTSE: how fast softse is by itself, so that it is never the
 * bottleneck of another figure. softse gets a core of its own where there are two.
 * Short APDUs (GET DATA, 5 bytes, answered by 47) over its APDU socket, one at a
 * time and 64 ahead, and blocks over its block socket. Prints "bench NAME VALUE
 * UNIT REFERENCE RATIO"; the reference is what is asked for, - where nothing is.
 * Exit status 1 where that is not reached.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WANTED 100000.0
#define AHEAD 64
#define SECONDS 2.0

static const uint8_t get_data[] = {0x00, 0x05, 0x80, 0xca, 0x9f, 0x7f, 0x00};
/* S(RESYNCH), which a T=1 endpoint answers without its card */
static const uint8_t resynch[] = {0x80, 0, 6, 0x21, 0xc0, 0, 0, 0x65, 0xac, 0xae};
static const uint8_t power_up[] = {0xf0, 0, 0, 0xf0};

static void die(const char *what)
{
	fprintf(stderr, "softse-bench: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The @n-th of the processors that we may use. */
static void pin(int n)
{
	cpu_set_t may, one;

	if (sched_getaffinity(0, sizeof(may), &may) || CPU_COUNT(&may) < 2)
		return;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &may) || n--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			die("sched_setaffinity");
		return;
	}
}

static pid_t start(const char *softse, const char *apdu, const char *block)
{
	char a[128], b[128], line[32] = "";
	int out[2];
	pid_t pid;

	snprintf(a, sizeof(a), "--apdu-socket=%s", apdu);
	snprintf(b, sizeof(b), "--block-socket=%s", block);
	if (pipe(out))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		pin(0);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		execl(softse, "softse", a, b, (char *)NULL);
		die(softse);
	}
	close(out[1]);
	if (read(out[0], line, sizeof(line) - 1) <= 0)
		die("softse does not start");
	close(out[0]);
	return pid;
}

static int dial(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		die(path);
	return fd;
}

static void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		die("write");
}

static void get(int fd, uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = read(fd, data, len);

		if (n <= 0)
			die("read");
		data += n;
		len -= (size_t)n;
	}
}

/* One answer; @head bytes with the length in the last two, @tail after the data. */
static void get_frame(int fd, size_t head, size_t tail)
{
	uint8_t frame[4096];

	get(fd, frame, head);
	get(fd, frame + head, (size_t)(frame[head - 2] << 8 | frame[head - 1]) + tail);
	if (tail ? frame[head + 1] != 0xe0 : frame[2] != 0x9f)
		die("an answer that was not expected");
}

/* Requests for each second, @ahead at a time. */
static double rate(int fd, const uint8_t *request, size_t len, size_t head, size_t tail,
		   unsigned int ahead)
{
	uint8_t many[AHEAD * sizeof(resynch)];
	double begin = now(), spent;
	unsigned long done = 0;

	for (unsigned int i = 0; i < ahead; i++)
		memcpy(many + i * len, request, len);
	do {
		put(fd, many, ahead * len);
		if (ahead > 1 && !tail) {
			/* answers have one length; read them as they come */
			uint8_t in[AHEAD * 64];

			get(fd, in, 2);
			get(fd, in + 2, ahead * (2U + (size_t)(in[0] << 8 | in[1])) - 2);
			if (in[2] != 0x9f)
				die("an answer that was not expected");
		} else {
			for (unsigned int i = 0; i < ahead; i++)
				get_frame(fd, head, tail);
		}
		done += ahead;
		spent = now() - begin;
	} while (spent < SECONDS);
	return (double)done / spent;
}

static long memory_kib(pid_t pid)
{
	char path[64], line[128];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		die(path);
	while (kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "VmRSS: %ld", &kib);
	fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/softse-bench-XXXXXX", apdu[64], block[64];
	uint8_t atr[64];
	double single, many, blocks;
	pid_t pid;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "Usage: softse-bench SOFTSE\n");
		return 2;
	}
	if (!mkdtemp(dir))
		die(dir);
	snprintf(apdu, sizeof(apdu), "%s/apdu", dir);
	snprintf(block, sizeof(block), "%s/block", dir);
	pid = start(argv[1], apdu, block);
	pin(1);
	fd = dial(apdu);
	single = rate(fd, get_data, sizeof(get_data), 2, 0, 1);
	many = rate(fd, get_data, sizeof(get_data), 2, 0, AHEAD);
	close(fd);
	fd = dial(block);
	put(fd, power_up, sizeof(power_up));
	get(fd, atr, 3);
	get(fd, atr + 3, (size_t)(atr[1] << 8 | atr[2]) + 1);
	blocks = rate(fd, resynch, sizeof(resynch), 3, 1, 1);
	printf("bench softse.apdu.one-by-one %.0f apdu/s - -\n", single);
	printf("bench softse.apdu.pipelined-%d %.0f apdu/s %.0f %.2f\n", AHEAD, many, WANTED,
	       many / WANTED);
	printf("bench softse.block.one-by-one %.0f block/s - -\n", blocks);
	printf("bench softse.memory %ld KiB - -\n", memory_kib(pid));
	close(fd);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	unlink(apdu);
	unlink(block);
	rmdir(dir);
	if (many < WANTED) {
		fprintf(stderr, "softse-bench: %.0f APDUs a second, %.0f are asked for: %s\n",
			many, WANTED, "slow, or a machine that does something else as well");
		return 1;
	}
	return 0;
}
