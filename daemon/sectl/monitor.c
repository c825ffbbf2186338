// SPDX-License-Identifier: Apache-2.0
/* monitor, trace: what happens at the secure elements, while it happens. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/device.h"
#include "sectl/sectl.h"
#include "sectl/trace.h"

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static int block_json(const struct se_block *b, sd_json_variant **v)
{
	return sd_json_buildo(v,
			      SD_JSON_BUILD_PAIR_STRING("event", se_event_name(SE_EVENT_BLOCK)),
			      SD_JSON_BUILD_PAIR_UNSIGNED("index", b->index),
			      SD_JSON_BUILD_PAIR_BOOLEAN("fromSe", !!b->direction),
			      SD_JSON_BUILD_PAIR_UNSIGNED("nad", b->nad),
			      SD_JSON_BUILD_PAIR_UNSIGNED("pcb", b->pcb),
			      SD_JSON_BUILD_PAIR_UNSIGNED("length", b->len),
			      SD_JSON_BUILD_PAIR_BOOLEAN("checksum", b->edc_ok),
			      SD_JSON_BUILD_PAIR_UNSIGNED("timeNs", b->time_ns),
			      SD_JSON_BUILD_PAIR_UNSIGNED("durationNs", b->duration_ns));
}

static int print_event(void *ctx, const struct se_event *e)
{
	sd_json_variant *v = NULL;
	int r;

	(void)ctx;
	if (opt.json) {
		r = e->type == SE_EVENT_BLOCK
			    ? block_json(&e->block, &v)
			    : device_json(&e->dev, se_event_name(e->type), &v);
		put_json(v, r);
		return 0;
	}
	if (e->type == SE_EVENT_LOST)
		printf("lost events: sectl was too slow\n");
	else if (e->type == SE_EVENT_BLOCK)
		printf("se%-4u %s  NAD %02X PCB %02X  %5u bytes  %8.1f us%s\n", e->block.index,
		       e->block.direction ? "SE > host" : "host > SE", e->block.nad,
		       e->block.pcb, e->block.len, (double)e->block.duration_ns / 1e3,
		       e->block.edc_ok ? "" : "  bad checksum");
	else
		printf("%-12s %-6s %-11s generation %llu  %s\n", se_event_name(e->type),
		       e->dev.name, se_state_name(e->dev.state),
		       (unsigned long long)e->dev.generation, se_reason_name(e->dev.reason));
	fflush(stdout);
	return 0;
}

static uint64_t blocks;

static int record_event(void *ctx, const struct se_event *e)
{
	(void)ctx;
	if (e->type == SE_EVENT_LOST)
		warn("blocks were lost: sectl was too slow");
	if (e->type != SE_EVENT_BLOCK)
		return 0;
	blocks++;
	return trace_block(&e->block);
}

static int follow(bool want_blocks, int (*fn)(void *ctx, const struct se_event *e))
{
	/* no SA_RESTART: poll() is to end */
	const struct sigaction sa = {.sa_handler = on_signal};
	struct se_monitor *mon;
	struct pollfd p;
	int r;

	r = want_blocks ? se_monitor_open_blocks(&mon) : se_monitor_open(&mon);
	if (r == -ENOENT)
		return fail_no_driver();
	if (r == -EPERM)
		return fail(EXIT_REFUSED, "refused", "root (CAP_NET_ADMIN)",
			    "block headers are not for everybody");
	if (r)
		return fail_errno(r, "monitor");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	p = (struct pollfd){.fd = se_monitor_fd(mon), .events = POLLIN};
	while (!stopped && !r) {
		if (poll(&p, 1, -1) < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		r = se_monitor_dispatch(mon, fn, NULL);
		if (r == -EAGAIN)
			r = 0;
	}
	se_monitor_close(mon);
	return r < 0 ? fail_errno(r, "monitor") : EXIT_OK;
}

int verb_monitor(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return follow(opt.blocks, print_event);
}

int verb_trace(int argc, char **argv)
{
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	r = trace_begin(argv[0]);
	if (!r)
		r = follow(true, record_event);
	if (r)
		return r;
	if (!opt.json) {
		printf("%s: %llu blocks\n", argv[0], (unsigned long long)blocks);
		return EXIT_OK;
	}
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("file", argv[0]),
			   SD_JSON_BUILD_PAIR_UNSIGNED("blocks", blocks));
	return put_json(v, r);
}
