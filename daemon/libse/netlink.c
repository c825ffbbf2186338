// SPDX-License-Identifier: Apache-2.0
/* Which secure elements are there: dev-get of the netlink family "se". */
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <linux/se_netlink.h>
#include "se.h"

struct query {
	uint16_t family;
	int (*cb)(void *ctx, const struct se_device *dev);
	void *ctx;
	int result;
	unsigned int found;
};

/* libnl has its own numbers */
static int to_errno(int r)
{
	switch (-r) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

static int on_device(void *ctx, unsigned int cmd, const struct se_device *dev)
{
	struct query *q = ctx;

	if (cmd != SE_CMD_DEV_GET)
		return 0;
	q->found++;
	return q->cb(q->ctx, dev);
}

static int on_message(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct query *q = ctx;

	/* after the caller has had enough, the rest of the dump is only drained */
	if (!q->result)
		q->result = se_netlink_parse(head, head->nlmsg_len, q->family, on_device, q);
	return NL_OK;
}

static int run_query(struct query *q, bool dump, uint32_t index)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct nl_msg *msg = NULL;
	int family, r;

	if (!sk)
		return -ENOMEM;
	r = genl_connect(sk);
	if (r < 0) {
		r = to_errno(r);
		goto out;
	}
	family = genl_ctrl_resolve(sk, SE_FAMILY_NAME);
	if (family < 0) {
		r = -ENOENT;
		goto out;
	}
	q->family = (uint16_t)family;
	msg = nlmsg_alloc();
	if (!msg ||
	    !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, dump ? NLM_F_DUMP : 0,
			 SE_CMD_DEV_GET, SE_FAMILY_VERSION) ||
	    (!dump && nla_put_u32(msg, SE_A_DEV_INDEX, index) < 0)) {
		r = -ENOMEM;
		goto out;
	}
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, q);
	r = nl_send_auto(sk, msg);
	if (r >= 0)
		r = nl_recvmsgs_default(sk);
	/* the acknowledgement of a single request is a message of its own */
	if (r >= 0 && !dump && !q->found)
		r = nl_recvmsgs_default(sk);
	r = r < 0 ? to_errno(r) : q->result;
out:
	nlmsg_free(msg);
	nl_socket_free(sk);
	return r;
}

int se_list(int (*cb)(void *ctx, const struct se_device *dev), void *ctx)
{
	struct query q = {.cb = cb, .ctx = ctx};

	return run_query(&q, true, 0);
}

static int copy_device(void *ctx, const struct se_device *dev)
{
	*(struct se_device *)ctx = *dev;
	return 0;
}

int se_get_by_netlink(uint32_t index, struct se_device *dev)
{
	struct query q = {.cb = copy_device, .ctx = dev};
	int r = run_query(&q, false, index);

	if (r < 0)
		return r;
	return q.found ? 0 : -ENODEV;
}
