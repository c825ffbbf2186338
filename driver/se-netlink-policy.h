/* SPDX-License-Identifier: GPL-2.0-only */
/* Made from Documentation/netlink/specs/se.yaml by selftests/netlink/gen.py. Do not edit. */
#ifndef _SE_NETLINK_POLICY_H
#define _SE_NETLINK_POLICY_H

#include <net/genetlink.h>
#include <net/netlink.h>
#include <linux/se_netlink.h>

static const struct nla_policy se_nl_dev_get_policy[SE_A_DEV_INDEX + 1] = {
	[SE_A_DEV_INDEX] = { .type = NLA_U32, },
};

int se_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int se_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

static const struct genl_ops se_nl_ops[] = {
	{
		.cmd		= SE_CMD_DEV_GET,
		.policy		= se_nl_dev_get_policy,
		.maxattr	= ARRAY_SIZE(se_nl_dev_get_policy) - 1,
		.doit		= se_nl_dev_get_doit,
		.dumpit		= se_nl_dev_get_dumpit,
	},
};

enum {
	SE_NLGRP_EVENTS,
};

static const struct genl_multicast_group se_nl_mcgrps[] = {
	[SE_NLGRP_EVENTS] = { .name = SE_MCGRP_EVENTS },
};

#endif /* _SE_NETLINK_POLICY_H */
