// SPDX-License-Identifier: Apache-2.0
/* Event streams: the multicast groups of the netlink family "se". */
#include <errno.h>
#include <stdlib.h>
#include <libmnl/libmnl.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <linux/se_netlink.h>
#include "se.h"

#define BUF_SIZE 16384

struct se_monitor {
	struct mnl_socket *nl;
	uint16_t family;
	_Alignas(8) uint8_t buf[BUF_SIZE];
};

struct sink {
	int (*cb)(void *ctx, const struct se_event *event);
	void *ctx;
};

/* ids of family and group; they change when the module is loaded anew */
static int resolve(const char *name, uint16_t *family, int *group)
{
	struct nl_sock *sk = nl_socket_alloc();
	int r = -ENOENT, id;

	if (!sk)
		return -ENOMEM;
	if (genl_connect(sk) == 0) {
		id = genl_ctrl_resolve(sk, SE_FAMILY_NAME);
		*group = genl_ctrl_resolve_grp(sk, SE_FAMILY_NAME, name);
		if (id >= 0 && *group >= 0) {
			*family = (uint16_t)id;
			r = 0;
		}
	}
	nl_socket_free(sk);
	return r;
}

static int open_group(const char *name, struct se_monitor **ret)
{
	struct se_monitor *mon;
	int group, r;

	*ret = NULL;
	mon = calloc(1, sizeof(*mon));
	if (!mon)
		return -ENOMEM;
	r = resolve(name, &mon->family, &group);
	if (r < 0)
		goto fail;
	mon->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!mon->nl || mnl_socket_bind(mon->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(mon->nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		r = -errno;
		goto fail;
	}
	*ret = mon;
	return 0;
fail:
	se_monitor_close(mon);
	return r;
}

int se_monitor_open(struct se_monitor **ret)
{
	return open_group(SE_MCGRP_EVENTS, ret);
}

int se_monitor_open_blocks(struct se_monitor **ret)
{
	return open_group(SE_MCGRP_MONITOR, ret);
}

void se_monitor_close(struct se_monitor *mon)
{
	if (!mon)
		return;
	if (mon->nl)
		mnl_socket_close(mon->nl);
	free(mon);
}

int se_monitor_fd(const struct se_monitor *mon)
{
	return mnl_socket_get_fd(mon->nl);
}

static int on_message(void *ctx, unsigned int cmd, const struct se_device *dev)
{
	struct se_event event = {.dev = *dev};
	const struct sink *sink = ctx;

	switch (cmd) {
	case SE_CMD_DEVICE_ADD:
		event.type = SE_EVENT_ADD;
		break;
	case SE_CMD_DEVICE_DEL:
		event.type = SE_EVENT_DEL;
		break;
	case SE_CMD_STATE_CHANGE:
		event.type = SE_EVENT_STATE;
		break;
	case SE_CMD_GENERATION_CHANGE:
		event.type = SE_EVENT_GENERATION;
		break;
	case SE_CMD_IRQ_MODE_CHANGE:
		event.type = SE_EVENT_IRQ_MODE;
		break;
	case SE_CMD_IRQ_STORM:
		event.type = SE_EVENT_IRQ_STORM;
		break;
	case SE_CMD_CONFIG_CHANGE:
		event.type = SE_EVENT_CONFIG;
		break;
	case SE_CMD_RESET_DONE:
		event.type = SE_EVENT_RESET_DONE;
		break;
	default:
		return 0; /* of a newer kernel */
	}
	return sink->cb(sink->ctx, &event);
}

static int on_block(void *ctx, const struct se_block *block)
{
	struct se_event event = {.type = SE_EVENT_BLOCK, .block = *block};
	const struct sink *sink = ctx;

	return sink->cb(sink->ctx, &event);
}

int se_monitor_dispatch(struct se_monitor *mon,
			int (*cb)(void *ctx, const struct se_event *event), void *ctx)
{
	struct sink sink = {.cb = cb, .ctx = ctx};

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(mon->nl, mon->buf, sizeof(mon->buf));
		int r;

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			struct se_event lost = {.type = SE_EVENT_LOST};

			r = cb(ctx, &lost);
		} else if (n < 0) {
			return -errno;
		} else {
			r = se_netlink_parse(mon->buf, (size_t)n, mon->family, on_message,
					     &sink);
			if (!r)
				r = se_netlink_parse_blocks(mon->buf, (size_t)n, mon->family,
							    on_block, &sink);
		}
		if (r)
			return r;
	}
}
