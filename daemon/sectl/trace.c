// SPDX-License-Identifier: Apache-2.0
/* -d: a line for each APDU that has left. --trace: the same into a capture. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libse/se.h"
#include "sectl/pcapng.h"
#include "sectl/sectl.h"
#include "sectl/trace.h"

static FILE *capture;

/* what is shown of one exchange */
struct seen {
	const uint8_t *cmd, *rsp;
	size_t len, rsp_len; /* the latter without status word */
	uint16_t sw, outcome;
	uint64_t total_ns;
	uint64_t time_ns; /* when it ended, CLOCK_REALTIME */
};

uint64_t trace_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

int trace_begin(const char *path)
{
	int fd, r = -ENOMEM;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(EXIT_FAILED, "cannot-write", NULL, "%s: %s", path, strerror(errno));
	/* one that was there may be open to others */
	(void)fchmod(fd, 0600);
	capture = fdopen(fd, "w");
	if (capture)
		r = pcapng_begin(capture);
	else
		close(fd);
	return r ? fail(EXIT_FAILED, "cannot-write", NULL, "%s: %s", path, strerror(-r))
		 : EXIT_OK;
}

int trace_open(void)
{
	return opt.trace && !capture ? trace_begin(opt.trace) : EXIT_OK;
}

int trace_block(const struct se_block *b)
{
	struct timespec ts;
	uint64_t mono;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	mono = (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
	return pcapng_block(capture, trace_now() - mono + b->time_ns, b);
}

static void put_payload(const char *sep, const uint8_t *p, size_t len)
{
	char two[3];
	size_t i;

	if (!len)
		return;
	fputs(sep, stderr);
	if (!opt.show_payload) {
		fprintf(stderr, "[%zu bytes]", len);
		return;
	}
	for (i = 0; i < len; i++) {
		se_to_hex(two, p + i, 1);
		fputs(two, stderr);
	}
}

static void debug_line(const struct seen *x)
{
	char head[9];

	se_to_hex(head, x->cmd, 4);
	fprintf(stderr, "> %s", head);
	put_payload(" ", x->cmd + 4, x->len - 4);
	if (x->outcome == SE_OUTCOME_EXECUTED) {
		fputs("  < ", stderr);
		put_payload("", x->rsp, x->rsp_len);
		fprintf(stderr, "%s%04X", x->rsp_len ? " " : "", x->sw);
	} else {
		fprintf(stderr, "  < %s", se_outcome_name(x->outcome));
	}
	fprintf(stderr, "  %.2f ms\n", (double)x->total_ns / 1e6);
}

static void record(const struct seen *x)
{
	char comment[64] = "";
	bool known = x->outcome == SE_OUTCOME_EXECUTED;

	if (!known)
		snprintf(comment, sizeof(comment), "outcome %s", se_outcome_name(x->outcome));
	else if (!opt.show_payload)
		snprintf(comment, sizeof(comment), "data redacted");
	if (pcapng_apdu(capture, x->time_ns, x->cmd, x->len, x->rsp, known ? x->rsp_len + 2 : 0,
			!opt.show_payload, comment)) {
		warn("%s: cannot be written any more", opt.trace);
		fclose(capture);
		capture = NULL;
		opt.trace = NULL;
	}
}

static void see(const struct seen *x)
{
	if (x->outcome == SE_OUTCOME_NOT_SENT)
		return;
	if (opt.debug)
		debug_line(x);
	if (capture)
		record(x);
}

void trace_stream(const struct se_apdu *apdus, uint32_t nr)
{
	uint64_t time_ns = trace_now();
	uint32_t i, len;

	if (!opt.debug && !capture)
		return;
	/* the kernel tells how long each took; back from the end of the last one */
	for (i = 0; i < nr; i++)
		time_ns -= apdus[i].total_ns;
	for (i = 0; i < nr; i++) {
		const struct se_apdu *a = &apdus[i];

		len = a->rsp_len < a->rsp_room ? a->rsp_len : a->rsp_room;
		time_ns += a->total_ns;
		see(&(struct seen){
			.cmd = (const uint8_t *)(uintptr_t)a->cmd_ptr,
			.rsp = (const uint8_t *)(uintptr_t)a->rsp_ptr,
			.len = a->cmd_len,
			.rsp_len = len < 2 ? 0 : len - 2,
			.sw = a->sw,
			.outcome = a->outcome,
			.total_ns = a->total_ns,
			.time_ns = time_ns,
		});
	}
}

void trace_select(const uint8_t *aid, size_t aid_len, const struct se_channel_open *o,
		  uint64_t total_ns)
{
	uint8_t cmd[5 + SE_AID_MAX + 1] = {0x00, 0xa4, 0x04, 0x00, (uint8_t)aid_len};
	uint32_t len = o->rsp_len < o->rsp_room ? o->rsp_len : o->rsp_room;

	if (aid_len)
		memcpy(cmd + 5, aid, aid_len);
	see(&(struct seen){
		.cmd = cmd,
		.rsp = (const uint8_t *)(uintptr_t)o->rsp_ptr,
		.len = 4 + (aid_len ? 1 + aid_len : 0) + 1,
		.rsp_len = len < 2 ? 0 : len - 2,
		.sw = o->sw,
		.outcome = o->outcome,
		.total_ns = total_ns,
		.time_ns = trace_now(),
	});
}
