// SPDX-License-Identifier: Apache-2.0
/* monitor: what happens at the secure elements, while it happens. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/device.h"
#include "sectl/sectl.h"

static int on_event(void *ctx, const struct se_event *e)
{
	sd_json_variant *v = NULL;
	int r;

	(void)ctx;
	if (opt.json) {
		r = device_json(&e->dev, se_event_name(e->type), &v);
		put_json(v, r);
		return 0;
	}
	if (e->type == SE_EVENT_LOST)
		printf("lost events: sectl was too slow\n");
	else
		printf("%-12s %-6s %-11s generation %llu  %s\n", se_event_name(e->type),
		       e->dev.name, se_state_name(e->dev.state),
		       (unsigned long long)e->dev.generation, se_reason_name(e->dev.reason));
	fflush(stdout);
	return 0;
}

int verb_monitor(int argc, char **argv)
{
	struct se_monitor *mon;
	struct pollfd p;
	int r;

	(void)argc;
	(void)argv;
	r = se_monitor_open(&mon);
	if (r == -ENOENT)
		return fail_no_driver();
	if (r)
		return fail_errno(r, "monitor");
	p = (struct pollfd){.fd = se_monitor_fd(mon), .events = POLLIN};
	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR) {
			r = -errno;
			break;
		}
		r = se_monitor_dispatch(mon, on_event, NULL);
		if (r < 0 && r != -EAGAIN)
			break;
	}
	se_monitor_close(mon);
	return fail_errno(r, "monitor");
}
