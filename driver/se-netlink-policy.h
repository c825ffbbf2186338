/* SPDX-License-Identifier: GPL-2.0-only */
/* Made from Documentation/netlink/specs/se.yaml by selftests/netlink/gen.py. Do not edit. */
#ifndef _SE_NETLINK_POLICY_H
#define _SE_NETLINK_POLICY_H

#include <net/genetlink.h>
#include <net/netlink.h>
#include <linux/se_netlink.h>

struct se_nl_limit {
	int attr;
	u32 min;
	u32 max;
	const char *message;
};

static const struct nla_policy se_nl_policy_policy[SE_A_POLICY_IRQ_POLICY + 1] = {
	[SE_A_POLICY_LADDER] = { .type = NLA_U32, },
	[SE_A_POLICY_WTX_MAX] = { .type = NLA_U32, },
	[SE_A_POLICY_DEADLINE_MS] = { .type = NLA_U32, },
	[SE_A_POLICY_DRAIN_MS] = { .type = NLA_U32, },
	[SE_A_POLICY_AUTOSUSPEND_MS] = { .type = NLA_U32, },
	[SE_A_POLICY_HOLD_MAX_MS] = { .type = NLA_U32, },
	[SE_A_POLICY_IRQ_POLICY] = { .type = NLA_U32, },
};

static const struct se_nl_limit se_nl_policy_limits[] = {
	{ SE_A_POLICY_LADDER, 0, 15, "ladder is 0 to 15" },
	{ SE_A_POLICY_WTX_MAX, 0, 65535, "wtx-max is 0 to 65535" },
	{ SE_A_POLICY_DEADLINE_MS, 100, 600000, "deadline-ms is 100 to 600000" },
	{ SE_A_POLICY_DRAIN_MS, 0, 60000, "drain-ms is 0 to 60000" },
	{ SE_A_POLICY_AUTOSUSPEND_MS, 0, 3600000, "autosuspend-ms is 0 to 3600000" },
	{ SE_A_POLICY_HOLD_MAX_MS, 1, 60000, "hold-max-ms is 1 to 60000" },
	{ SE_A_POLICY_IRQ_POLICY, 0, 2, "irq-policy is 0 to 2" },
};

static const struct nla_policy se_nl_dev_get_policy[SE_A_DEV_INDEX + 1] = {
	[SE_A_DEV_INDEX] = { .type = NLA_U32, },
};

int se_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int se_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

static const struct nla_policy se_nl_stats_get_policy[SE_A_STATS_INDEX + 1] = {
	[SE_A_STATS_INDEX] = { .type = NLA_U32, },
};

int se_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int se_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

static const struct nla_policy se_nl_config_set_policy[SE_A_CONFIG_POLICY + 1] = {
	[SE_A_CONFIG_INDEX] = { .type = NLA_U32, },
	[SE_A_CONFIG_POLICY] = NLA_POLICY_NESTED(se_nl_policy_policy),
};

int se_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info);

static const struct nla_policy se_nl_reset_policy[SE_A_DEV_RESET_LEVEL + 1] = {
	[SE_A_DEV_INDEX] = { .type = NLA_U32, },
	[SE_A_DEV_RESET_LEVEL] = { .type = NLA_U32, },
};

int se_nl_reset_doit(struct sk_buff *skb, struct genl_info *info);

static const struct genl_ops se_nl_ops[] = {
	{
		.cmd		= SE_CMD_DEV_GET,
		.policy		= se_nl_dev_get_policy,
		.maxattr	= ARRAY_SIZE(se_nl_dev_get_policy) - 1,
		.doit		= se_nl_dev_get_doit,
		.dumpit		= se_nl_dev_get_dumpit,
	},
	{
		.cmd		= SE_CMD_STATS_GET,
		.policy		= se_nl_stats_get_policy,
		.maxattr	= ARRAY_SIZE(se_nl_stats_get_policy) - 1,
		.doit		= se_nl_stats_get_doit,
		.dumpit		= se_nl_stats_get_dumpit,
	},
	{
		.cmd		= SE_CMD_CONFIG_SET,
		.policy		= se_nl_config_set_policy,
		.maxattr	= ARRAY_SIZE(se_nl_config_set_policy) - 1,
		.doit		= se_nl_config_set_doit,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= SE_CMD_RESET,
		.policy		= se_nl_reset_policy,
		.maxattr	= ARRAY_SIZE(se_nl_reset_policy) - 1,
		.doit		= se_nl_reset_doit,
		.flags		= GENL_ADMIN_PERM,
	},
};

enum {
	SE_NLGRP_EVENTS,
	SE_NLGRP_MONITOR,
};

static const struct genl_multicast_group se_nl_mcgrps[] = {
	[SE_NLGRP_EVENTS] = { .name = SE_MCGRP_EVENTS, },
	[SE_NLGRP_MONITOR] = { .name = SE_MCGRP_MONITOR, SE_MCGRP_NET_ADMIN },
};

#endif /* _SE_NETLINK_POLICY_H */
