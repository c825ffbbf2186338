// SPDX-License-Identifier: Apache-2.0
/* Requests to the netlink family "se": which SEs are there, counters, configuration, reset. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <linux/se_netlink.h>
#include "se.h"

/**
 * struct query - one request
 * @cmd: SE_CMD_*
 * @flags: NLM_F_*
 * @fill: puts the attributes; NULL for none
 * @arg: for @fill
 * @parse: takes a message apart and counts what it @found; NULL if none comes
 * @ctx: for who gets what was found
 * @why: the kernel's words for an error go here; or NULL
 * @room: its size
 * @family: of the messages
 * @result: what @parse returned, if that ended the query
 * @found: answers
 */
struct query {
	uint8_t cmd;
	int flags;
	int (*fill)(struct nl_msg *msg, const void *arg);
	const void *arg;
	int (*parse)(struct query *q, const struct nlmsghdr *head);
	void *ctx;
	char *why;
	size_t room;
	uint16_t family;
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
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_RANGE:
		return -ERANGE;
	case NLE_BUSY:
		return -EBUSY;
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

static int on_message(struct nl_msg *msg, void *ctx)
{
	struct query *q = ctx;

	/* after the caller has had enough, the rest of the dump is only drained */
	if (q->parse && !q->result)
		q->result = q->parse(q, nlmsg_hdr(msg));
	return NL_OK;
}

/* The kernel's words stand behind the copy of the request, of which it gives the head only. */
static void take_words(struct query *q, const struct nlmsgerr *err)
{
	const struct nlmsghdr *head =
		(const struct nlmsghdr *)((const char *)err - NLMSG_HDRLEN);
	const char *p = (const char *)err + sizeof(*err);
	const char *end = (const char *)head + head->nlmsg_len;

	if (!q->why || !(head->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(head->nlmsg_flags & NLM_F_CAPPED))
		p += NLMSG_ALIGN(err->msg.nlmsg_len) - sizeof(err->msg);
	while (end - p >= (long)sizeof(struct nlattr)) {
		struct nlattr attr;
		size_t len;

		memcpy(&attr, p, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > end - p)
			return;
		len = attr.nla_len - sizeof(attr);
		if ((attr.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG && len) {
			if (len > q->room)
				len = q->room;
			memcpy(q->why, p + sizeof(attr), len);
			q->why[len - 1] = '\0';
			return;
		}
		p += NLMSG_ALIGN(attr.nla_len);
	}
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *ctx)
{
	(void)from;
	take_words(ctx, err);
	return -nl_syserr2nlerr(err->error);
}

static int send_query(struct query *q, struct nl_sock *sk)
{
	struct nl_msg *msg = nlmsg_alloc();
	int r = -NLE_NOMEM;

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, q->family, 0, q->flags, q->cmd,
			       SE_FAMILY_VERSION))
		r = q->fill ? q->fill(msg, q->arg) : 0;
	if (r >= 0)
		r = nl_send_auto(sk, msg);
	nlmsg_free(msg);
	return r;
}

static int run_query(struct query *q)
{
	struct nl_sock *sk = nl_socket_alloc();
	int on = 1, family, r;

	if (q->why && q->room)
		q->why[0] = '\0';
	if (!sk)
		return -ENOMEM;
	r = genl_connect(sk);
	if (r < 0) {
		r = to_errno(r);
		goto out;
	}
	family = genl_ctrl_resolve(sk, SE_FAMILY_NAME);
	if (family < 0) {
		r = family == -NLE_OBJ_NOTFOUND ? -ENOENT : to_errno(family);
		goto out;
	}
	q->family = (uint16_t)family;
	/* without words there is still the number */
	(void)setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, q);
	nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, on_error, q);
	r = send_query(q, sk);
	if (r >= 0)
		r = nl_recvmsgs_default(sk);
	/* the acknowledgement of a single request is a message of its own */
	if (r >= 0 && q->parse && !(q->flags & NLM_F_DUMP) && !q->found)
		r = nl_recvmsgs_default(sk);
	r = r < 0 ? to_errno(r) : q->result;
out:
	nl_socket_free(sk);
	return r;
}

static int fill_index(struct nl_msg *msg, const void *arg)
{
	const uint32_t *index = arg;

	return nla_put_u32(msg, SE_A_DEV_INDEX, *index);
}

struct list_ctx {
	struct query *q;
	int (*cb)(void *ctx, const struct se_device *dev);
	void *ctx;
};

static int on_device(void *ctx, unsigned int cmd, const struct se_device *dev)
{
	struct list_ctx *list = ctx;

	if (cmd != SE_CMD_DEV_GET)
		return 0;
	list->q->found++;
	return list->cb(list->ctx, dev);
}

static int parse_devices(struct query *q, const struct nlmsghdr *head)
{
	return se_netlink_parse(head, head->nlmsg_len, q->family, on_device, q->ctx);
}

int se_list(int (*cb)(void *ctx, const struct se_device *dev), void *ctx)
{
	struct list_ctx list = {.cb = cb, .ctx = ctx};
	struct query q = {.cmd = SE_CMD_DEV_GET,
			  .flags = NLM_F_DUMP,
			  .parse = parse_devices,
			  .ctx = &list};

	list.q = &q;
	return run_query(&q);
}

static int copy_device(void *ctx, const struct se_device *dev)
{
	*(struct se_device *)ctx = *dev;
	return 0;
}

int se_get_by_netlink(uint32_t index, struct se_device *dev)
{
	struct list_ctx list = {.cb = copy_device, .ctx = dev};
	struct query q = {.cmd = SE_CMD_DEV_GET,
			  .fill = fill_index,
			  .arg = &index,
			  .parse = parse_devices,
			  .ctx = &list};
	int r;

	list.q = &q;
	r = run_query(&q);
	if (r < 0)
		return r;
	return q.found ? 0 : -ENODEV;
}

struct stats_ctx {
	struct query *q;
	struct se_stats *stats;
};

static int copy_stats(void *ctx, uint32_t index, const struct se_stats *stats)
{
	struct stats_ctx *s = ctx;

	(void)index;
	s->q->found++;
	*s->stats = *stats;
	return 0;
}

static int parse_stats(struct query *q, const struct nlmsghdr *head)
{
	return se_netlink_parse_stats(head, head->nlmsg_len, q->family, copy_stats, q->ctx);
}

int se_get_stats_by_netlink(uint32_t index, struct se_stats *stats)
{
	struct stats_ctx ctx = {.stats = stats};
	struct query q = {.cmd = SE_CMD_STATS_GET,
			  .fill = fill_index,
			  .arg = &index,
			  .parse = parse_stats,
			  .ctx = &ctx};
	int r;

	ctx.q = &q;
	r = run_query(&q);
	if (r < 0)
		return r;
	return q.found ? 0 : -ENODEV;
}

struct config_arg {
	uint32_t index;
	const struct se_config *config;
};

static int put_if(struct nl_msg *msg, const struct se_config *config, int attr, uint32_t value)
{
	return config->present & (1U << attr) ? nla_put_u32(msg, attr, value) : 0;
}

static int fill_config(struct nl_msg *msg, const void *arg)
{
	const struct config_arg *a = arg;
	const struct se_config *c = a->config;
	struct nlattr *nest;

	if (nla_put_u32(msg, SE_A_CONFIG_INDEX, a->index) < 0)
		return -NLE_NOMEM;
	nest = nla_nest_start(msg, SE_A_CONFIG_POLICY | NLA_F_NESTED);
	if (!nest || put_if(msg, c, SE_A_POLICY_LADDER, c->ladder) < 0 ||
	    put_if(msg, c, SE_A_POLICY_WTX_MAX, c->wtx_max) < 0 ||
	    put_if(msg, c, SE_A_POLICY_DEADLINE_MS, c->deadline_ms) < 0 ||
	    put_if(msg, c, SE_A_POLICY_DRAIN_MS, c->drain_ms) < 0 ||
	    put_if(msg, c, SE_A_POLICY_AUTOSUSPEND_MS, c->autosuspend_ms) < 0 ||
	    put_if(msg, c, SE_A_POLICY_HOLD_MAX_MS, c->hold_max_ms) < 0 ||
	    put_if(msg, c, SE_A_POLICY_IRQ_POLICY, c->irq_policy) < 0)
		return -NLE_NOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

int se_config_by_netlink(uint32_t index, const struct se_config *config, char *why, size_t room)
{
	struct config_arg arg = {.index = index, .config = config};
	struct query q = {.cmd = SE_CMD_CONFIG_SET,
			  .fill = fill_config,
			  .arg = &arg,
			  .why = why,
			  .room = room};

	return run_query(&q);
}

struct reset_arg {
	uint32_t index;
	uint32_t level;
};

static int fill_reset(struct nl_msg *msg, const void *arg)
{
	const struct reset_arg *a = arg;
	int r = nla_put_u32(msg, SE_A_DEV_INDEX, a->index);

	return r < 0 ? r : nla_put_u32(msg, SE_A_DEV_RESET_LEVEL, a->level);
}

int se_reset_by_netlink(uint32_t index, uint32_t level, char *why, size_t room)
{
	struct reset_arg arg = {.index = index, .level = level};
	struct query q = {
		.cmd = SE_CMD_RESET, .fill = fill_reset, .arg = &arg, .why = why, .room = room};

	return run_query(&q);
}
