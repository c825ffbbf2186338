// SPDX-License-Identifier: Apache-2.0
/* Other addresses, other routes: servers may have to be reached from another place. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "lwm2m/network.h"
#include "semd/semd.h"

#define BUF_SIZE 16384
/* an interface that comes up brings several messages; one look is enough for them */
#define SETTLE_US 1000000U

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	semd_servers_network(userdata);
	semd_dm_network(userdata);
	return 0;
}

static int on_network(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	_Alignas(8) uint8_t buf[BUF_SIZE];
	struct semd *d = userdata;
	bool concerns = false;
	int on;

	(void)fd;
	(void)revents;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(d->network, buf, sizeof(buf));

		if (n >= 0) {
			concerns = concerns || lwm2m_network_concerns(buf, (size_t)n);
		} else if (errno == ENOBUFS || errno == ENOSPC) {
			concerns = true; /* something was lost */
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			semd_log(LOG_WARNING, "changes of the network are heard no more: %s",
				 strerror(errno));
			sd_event_source_set_enabled(source, SD_EVENT_OFF);
			break;
		}
	}
	if (concerns && sd_event_source_get_enabled(d->network_timer, &on) >= 0 &&
	    on == SD_EVENT_OFF) {
		sd_event_source_set_time_relative(d->network_timer, SETTLE_US);
		sd_event_source_set_enabled(d->network_timer, SD_EVENT_ONESHOT);
	}
	return 0;
}

void semd_network_start(struct semd *d)
{
	int r = 0;

	d->network = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!d->network || mnl_socket_bind(d->network,
					   RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
						   RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
					   MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	if (r >= 0)
		r = sd_event_add_time_relative(d->event, &d->network_timer, CLOCK_MONOTONIC,
					       SETTLE_US, 0, on_settled, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(d->network_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(d->event, &d->network_io, mnl_socket_get_fd(d->network),
				    EPOLLIN, on_network, d);
	if (r >= 0)
		return;
	semd_log(LOG_WARNING, "changes of the network are not heard: %s", strerror(-r));
	semd_network_stop(d);
}

void semd_network_stop(struct semd *d)
{
	d->network_io = sd_event_source_disable_unref(d->network_io);
	d->network_timer = sd_event_source_disable_unref(d->network_timer);
	if (d->network)
		mnl_socket_close(d->network);
	d->network = NULL;
}
