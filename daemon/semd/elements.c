// SPDX-License-Identifier: Apache-2.0
/*
 * Secure elements come and go: by the kernel's netlink events where there are
 * any, and by looking every two seconds (module not loaded yet, software SE on
 * a socket).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>

#include "semd/semd.h"

#define RETRY_US 2000000ULL

static bool have(struct semd *d, const char *name)
{
	struct job_se_info info;
	unsigned int i;

	for (i = 0; !job_se_get(d->store, i, &info); i++)
		if (!strcmp(info.name, name))
			return true;
	return false;
}

static void add(struct semd *d, size_t slot, const char *name, const char *open,
		const char *type)
{
	int r;

	if (have(d, name))
		return;
	r = job_se_add(d->store, name, open, type);
	if (!r)
		semd_log(LOG_INFO, "%s (%s, %s) is there", name, type, open);
	else if (slot < CONFIG_SES_MAX && r != d->se_error[slot])
		semd_log(r == -ENOENT || r == -ENODEV || r == -ECONNREFUSED ? LOG_NOTICE
									    : LOG_ERR,
			 "%s: %s cannot be opened: %s; will be tried again", name, open,
			 strerror(-r));
	if (slot < CONFIG_SES_MAX)
		d->se_error[slot] = r;
}

static int add_found(void *ctx, const struct se_device *dev)
{
	struct semd *d = ctx;
	char open[64];

	snprintf(open, sizeof(open), "ioctl:/dev/%s", dev->name);
	add(d, dev->index, dev->name, open, "eSE");
	return 0;
}

static void drop_gone(struct semd *d)
{
	struct job_se_info info;
	unsigned int i = 0;

	while (!job_se_get(d->store, i, &info)) {
		if (!info.error || job_se_remove_gone(d->store, info.name)) {
			i++;
			continue;
		}
		semd_log(LOG_WARNING, "%s is gone", info.name);
	}
}

void semd_elements_look(struct semd *d)
{
	size_t i;

	drop_gone(d);
	for (i = 0; i < d->cfg.nr_se; i++)
		add(d, i, d->cfg.se[i].name, d->cfg.se[i].open, d->cfg.se[i].type);
	/* Nothing configured: whatever the kernel has. */
	if (!d->cfg.nr_se)
		se_list(add_found, d);
	if (d->content)
		content_ses_poll(d->content->ses);
	control_elements_changed(d->control);
}

static int on_event(void *ctx, const struct se_event *e)
{
	(void)ctx;
	/* What it means is seen by looking, which on_monitor() does afterwards. */
	semd_log(LOG_DEBUG, "kernel: %s %s", se_event_name(e->type), e->dev.name);
	return 0;
}

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct semd *d = userdata;
	int r;

	(void)fd;
	(void)revents;
	r = se_monitor_dispatch(d->monitor, on_event, d);
	if (r < 0 && r != -EAGAIN) {
		semd_log(LOG_WARNING, "events of the driver: %s; listening anew", strerror(-r));
		sd_event_source_disable_unref(source);
		d->monitor_io = NULL;
		se_monitor_close(d->monitor);
		d->monitor = NULL;
	}
	semd_elements_look(d);
	return 0;
}

static void listen_to_kernel(struct semd *d)
{
	int r;

	if (d->monitor)
		return;
	r = se_monitor_open(&d->monitor);
	if (r) {
		d->monitor = NULL; /* no driver (yet) */
		return;
	}
	r = sd_event_add_io(d->event, &d->monitor_io, se_monitor_fd(d->monitor), EPOLLIN,
			    on_monitor, d);
	if (r < 0) {
		se_monitor_close(d->monitor);
		d->monitor = NULL;
	}
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct semd *d = userdata;

	(void)usec;
	listen_to_kernel(d);
	semd_elements_look(d);
	sd_event_source_set_time_relative(source, RETRY_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int semd_elements_start(struct semd *d)
{
	int r;

	/* Listen first, then look: nothing falls between. */
	listen_to_kernel(d);
	semd_elements_look(d);
	r = sd_event_add_time_relative(d->event, &d->retry, CLOCK_MONOTONIC, RETRY_US, 0,
				       on_retry, d);
	return r < 0 ? r : 0;
}

void semd_elements_stop(struct semd *d)
{
	d->retry = sd_event_source_disable_unref(d->retry);
	d->monitor_io = sd_event_source_disable_unref(d->monitor_io);
	se_monitor_close(d->monitor);
	d->monitor = NULL;
}
