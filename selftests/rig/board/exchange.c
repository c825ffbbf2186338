// SPDX-License-Identifier: Apache-2.0
/*
 * exchange [-d DEVICE] N SEED: in the guest, N echoes by the test applet of softse,
 * each of a random size and content, compared byte by byte. Prints how many were
 * right and how many milliseconds they took; status 1 at the first that was not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/se.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DATA_MAX 255

static uint32_t state;

static uint32_t next(void)
{
	state = state * 1664525U + 1013904223U;
	return state >> 8;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int fail(const char *what)
{
	fprintf(stderr, "exchange: %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_applet(int fd)
{
	/* of selftests/kselftest/make-card */
	static const uint8_t aid[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 0x01, 0x02};
	struct se_channel_open o = {.aid_ptr = (uintptr_t)aid, .aid_len = sizeof(aid)};

	return ioctl(fd, SE_IOC_CHANNEL_OPEN, &o);
}

static int echo(int fd, unsigned int n)
{
	uint8_t cmd[5 + DATA_MAX + 1] = {0x80, 0x10}, rsp[DATA_MAX + 2];
	uint32_t len = 1 + next() % DATA_MAX;
	struct se_apdu a = {
		.cmd_ptr = (uintptr_t)cmd,
		.cmd_len = 5 + len + 1,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = sizeof(rsp),
	};
	struct se_stream s = {.apdus_ptr = (uintptr_t)&a, .nr = 1, .apdu_size = sizeof(a)};

	cmd[4] = (uint8_t)len;
	for (uint32_t i = 0; i < len; i++)
		cmd[5 + i] = (uint8_t)next();
	if (ioctl(fd, SE_IOC_SUBMIT, &s)) {
		fprintf(stderr, "exchange %u of %u bytes: ", n, len);
		return fail("submit");
	}
	if (a.sw == 0x9000 && a.rsp_len == len + 2 && !memcmp(rsp, cmd + 5, len))
		return 0;
	fprintf(stderr, "exchange %u of %u bytes: status %04x, %u bytes%s\n", n, len, a.sw,
		a.rsp_len, a.rsp_len == len + 2 ? ", not the same" : "");
	return 1;
}

int main(int argc, char **argv)
{
	const char *device = "/dev/se0";
	uint64_t start;
	unsigned long n;
	int c, fd;

	while ((c = getopt(argc, argv, "d:")) != -1) {
		if (c != 'd')
			return 2;
		device = optarg;
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: exchange [-d DEVICE] N SEED\n");
		return 2;
	}
	n = strtoul(argv[optind], NULL, 0);
	state = (uint32_t)strtoul(argv[optind + 1], NULL, 0);
	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(device);
	if (open_applet(fd))
		return fail("no channel to the test applet");
	start = now_ms();
	for (unsigned int i = 0; i < n; i++)
		if (echo(fd, i))
			return 1;
	printf("%lu exchanges right in %llu ms\n", n, (unsigned long long)(now_ms() - start));
	close(fd);
	return 0;
}
