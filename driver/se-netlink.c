// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family "se": what there is, and events. The description is
 * Documentation/netlink/specs/se.yaml.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "se-chip.h"
#include "se-compat.h"
#include "se-netlink-policy.h"

static struct genl_family se_nl_family __ro_after_init = {
	.name = SE_FAMILY_NAME,
	.version = SE_FAMILY_VERSION,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = se_nl_ops,
	.n_ops = ARRAY_SIZE(se_nl_ops),
	.mcgrps = se_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(se_nl_mcgrps),
	/* from this command on, attributes of requests are checked strictly */
	.resv_start_op = SE_CMD_DEV_GET,
};

/* what of a chip changes, taken at one moment */
struct snapshot {
	u64 generation;
	u32 state;
	u32 ifsc;
	u32 ifsd;
	u32 bwt_us;
	u32 irq_mode;
	u32 clock_hz;
	u32 channels;
	u32 cip_len;
	u8 cip[SE_CIP_MAX];
};

static void take_snapshot(struct se_chip *chip, struct snapshot *s)
{
	spin_lock_irq(&chip->lock);
	s->generation = chip->generation;
	s->state = chip->state;
	s->ifsc = chip->ifsc;
	s->ifsd = chip->ifsd;
	s->bwt_us = chip->bwt_us;
	s->irq_mode = chip->irq_mode;
	s->clock_hz = chip->clock_hz;
	s->channels = chip->channels;
	s->cip_len = chip->cip_len;
	memcpy(s->cip, chip->cip, chip->cip_len);
	spin_unlock_irq(&chip->lock);
}

static int put_chip(struct sk_buff *skb, struct se_chip *chip, u32 portid, u32 seq, int flags,
		    u8 cmd, enum se_reason reason)
{
	struct snapshot s;
	void *hdr;

	take_snapshot(chip, &s);
	hdr = genlmsg_put(skb, portid, seq, &se_nl_family, flags, cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, SE_A_DEV_INDEX, chip->index) ||
	    nla_put_string(skb, SE_A_DEV_NAME, dev_name(&chip->dev)) ||
	    nla_put_string(skb, SE_A_DEV_PARENT, dev_name(chip->parent)) ||
	    nla_put_u32(skb, SE_A_DEV_DIALECT, chip->dialect->id) ||
	    nla_put_u32(skb, SE_A_DEV_STATE, s.state) ||
	    nla_put_u64_64bit(skb, SE_A_DEV_GENERATION, s.generation, SE_A_DEV_PAD) ||
	    nla_put_u32(skb, SE_A_DEV_IFSC, s.ifsc) ||
	    nla_put_u32(skb, SE_A_DEV_IFSD, s.ifsd) ||
	    nla_put_u32(skb, SE_A_DEV_BWT_US, s.bwt_us) ||
	    nla_put_u32(skb, SE_A_DEV_IRQ_MODE, s.irq_mode) ||
	    nla_put_u32(skb, SE_A_DEV_CAPS, chip->caps) ||
	    nla_put(skb, SE_A_DEV_CIP, s.cip_len, s.cip) ||
	    nla_put_u32(skb, SE_A_DEV_CLOCK_HZ, s.clock_hz) ||
	    nla_put_u32(skb, SE_A_DEV_CHANNELS_IN_USE, s.channels) ||
	    (reason != SE_REASON_NONE && nla_put_u32(skb, SE_A_DEV_REASON, reason))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * se_nl_dev_get_doit() - dev-get of one SE
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or negative errno.
 */
int se_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct se_chip *chip;
	struct sk_buff *msg;
	int ret;

	if (!info->attrs[SE_A_DEV_INDEX]) {
		NL_SET_ERR_MSG(info->extack, "the attribute index is missing");
		return -EINVAL;
	}
	chip = se_chip_get(nla_get_u32(info->attrs[SE_A_DEV_INDEX]));
	if (!chip) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SE_A_DEV_INDEX],
				    "no secure element has this index");
		return -ENODEV;
	}
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg) {
		put_device(&chip->dev);
		return -ENOMEM;
	}
	ret = put_chip(msg, chip, info->snd_portid, info->snd_seq, 0, SE_CMD_DEV_GET,
		       SE_REASON_NONE);
	put_device(&chip->dev);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return genlmsg_reply(msg, info);
}

/**
 * se_nl_dev_get_dumpit() - dev-get of all
 * @skb: answer
 * @cb: args[0] is the next index
 *
 * Return: length of @skb; 0 after the last.
 */
int se_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct se_chip *chip;
	u32 index = cb->args[0];
	int ret;

	while ((chip = se_chip_get_next(&index))) {
		ret = put_chip(skb, chip, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			       NLM_F_MULTI, SE_CMD_DEV_GET, SE_REASON_NONE);
		put_device(&chip->dev);
		if (ret)
			break;
		cb->args[0] = ++index;
	}
	return skb->len;
}

/**
 * se_netlink_event() - tell the listeners
 * @chip: the chip
 * @cmd: SE_CMD_*
 * @reason: why
 */
void se_netlink_event(struct se_chip *chip, u8 cmd, enum se_reason reason)
{
	struct sk_buff *msg;

	if (!genl_has_listeners(&se_nl_family, &init_net, SE_NLGRP_EVENTS))
		return;
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return;
	if (put_chip(msg, chip, 0, 0, 0, cmd, reason)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_multicast(&se_nl_family, msg, 0, SE_NLGRP_EVENTS, GFP_KERNEL);
}

/** se_netlink_init() - register the family. Return: 0 or negative errno. */
int __init se_netlink_init(void)
{
	return genl_register_family(&se_nl_family);
}

/** se_netlink_exit() - take the family away */
void se_netlink_exit(void)
{
	genl_unregister_family(&se_nl_family);
}
