// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family "se": what there is, counters, configuration, resets,
 * events and block headers. The description is
 * Documentation/netlink/specs/se.yaml.
 *
 * No request waits for the SE: generic netlink holds a lock of the whole system
 * while it runs one.
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
	SE_GENL_STRICT_FROM(SE_CMD_DEV_GET)
};

/* what of a chip changes, taken at one moment */
struct snapshot {
	struct se_policy policy;
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

/* what an event has beside its chip */
struct event {
	u8 cmd;
	enum se_reason reason;
	const struct se_reset_request *reset;
};

static void take_snapshot(struct se_chip *chip, struct snapshot *s)
{
	spin_lock_irq(&chip->lock);
	s->policy = chip->policy;
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

static int put_policy(struct sk_buff *skb, const struct se_policy *policy)
{
	struct nlattr *nest = nla_nest_start(skb, SE_A_DEV_POLICY);

	if (!nest ||
	    nla_put_u32(skb, SE_A_POLICY_LADDER, policy->ladder) ||
	    nla_put_u32(skb, SE_A_POLICY_WTX_MAX, policy->wtx_max) ||
	    nla_put_u32(skb, SE_A_POLICY_DEADLINE_MS, policy->deadline_ms) ||
	    nla_put_u32(skb, SE_A_POLICY_DRAIN_MS, policy->drain_ms) ||
	    nla_put_u32(skb, SE_A_POLICY_AUTOSUSPEND_MS, policy->autosuspend_ms) ||
	    nla_put_u32(skb, SE_A_POLICY_HOLD_MAX_MS, policy->hold_max_ms) ||
	    nla_put_u32(skb, SE_A_POLICY_IRQ_POLICY, policy->irq))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_event(struct sk_buff *skb, const struct event *event)
{
	if (event->reason != SE_REASON_NONE && nla_put_u32(skb, SE_A_DEV_REASON, event->reason))
		return -EMSGSIZE;
	if (!event->reset)
		return 0;
	if (nla_put_u32(skb, SE_A_DEV_RESET_LEVEL, event->reset->level) ||
	    nla_put_s32(skb, SE_A_DEV_ERROR, event->reset->error))
		return -EMSGSIZE;
	return 0;
}

static int put_chip(struct sk_buff *skb, struct se_chip *chip, u32 portid, u32 seq, int flags,
		    const struct event *event)
{
	struct snapshot s;
	void *hdr;

	take_snapshot(chip, &s);
	hdr = genlmsg_put(skb, portid, seq, &se_nl_family, flags, event->cmd);
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
	    nla_put(skb, se_chip_has_atr(chip) ? SE_A_DEV_ATR : SE_A_DEV_CIP, s.cip_len, s.cip) ||
	    nla_put_u32(skb, SE_A_DEV_CLOCK_HZ, s.clock_hz) ||
	    nla_put_u32(skb, SE_A_DEV_CHANNELS_IN_USE, s.channels) ||
	    nla_put_u32(skb, SE_A_DEV_POWER_STATE,
			READ_ONCE(chip->power.on) ? SE_POWER_STATE_ON : SE_POWER_STATE_OFF) ||
	    put_policy(skb, &s.policy) || put_event(skb, event)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static void send_event(struct se_chip *chip, const struct event *event)
{
	struct sk_buff *msg;

	if (!genl_has_listeners(&se_nl_family, &init_net, SE_NLGRP_EVENTS))
		return;
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return;
	if (put_chip(msg, chip, 0, 0, 0, event)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_multicast(&se_nl_family, msg, 0, SE_NLGRP_EVENTS, GFP_KERNEL);
}

static int put_hist(struct sk_buff *skb, struct se_chip *chip, int attr, unsigned int index)
{
	struct nlattr *nest, *buckets;
	unsigned int i;

	nest = nla_nest_start(skb, attr);
	if (!nest || nla_put_u64_64bit(skb, SE_A_HIST_SUM_NS, se_stats_get(chip, index),
				       SE_A_HIST_PAD))
		return -EMSGSIZE;
	buckets = nla_reserve(skb, SE_A_HIST_BUCKETS, SE_HIST_BUCKETS * sizeof(u64));
	if (!buckets)
		return -EMSGSIZE;
	for (i = 0; i < SE_HIST_BUCKETS; i++) {
		u64 n = se_stats_get(chip, index + 1 + i);

		/* attributes are aligned to four bytes only */
		memcpy(nla_data(buckets) + i * sizeof(n), &n, sizeof(n));
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* the attributes are in the order of struct se_stats */
static_assert(SE_A_STATS_LOCK_TIMEOUTS - SE_A_STATS_APDUS == SE_STAT_INDEX(lock_timeouts));
static_assert(SE_A_STATS_IRQS_LOST - SE_A_STATS_APDUS == SE_STAT_INDEX(irqs_lost));

static int put_stats(struct sk_buff *skb, struct se_chip *chip, u32 portid, u32 seq, int flags)
{
	unsigned int i;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &se_nl_family, flags, SE_CMD_STATS_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, SE_A_STATS_INDEX, chip->index))
		goto full;
	for (i = 0; i <= SE_STAT_INDEX(lock_timeouts); i++)
		if (nla_put_u64_64bit(skb, SE_A_STATS_APDUS + i, se_stats_get(chip, i),
				      SE_A_STATS_PAD))
			goto full;
	if (put_hist(skb, chip, SE_A_STATS_TOTAL, SE_STAT_INDEX(total)) ||
	    put_hist(skb, chip, SE_A_STATS_WIRE, SE_STAT_INDEX(wire)) ||
	    put_hist(skb, chip, SE_A_STATS_THINK, SE_STAT_INDEX(think)) ||
	    put_hist(skb, chip, SE_A_STATS_QUEUE, SE_STAT_INDEX(queue)))
		goto full;
	genlmsg_end(skb, hdr);
	return 0;
full:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

static int refuse(struct genl_info *info, const struct nlattr *attr, int error,
		  const char *message)
{
	if (info->extack) {
		info->extack->_msg = message;
		NL_SET_BAD_ATTR(info->extack, attr);
	}
	return error;
}

/* The SE that a request names; all of them have its index as their attribute 1. */
static struct se_chip *get_chip(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[SE_A_DEV_INDEX];
	struct se_chip *chip;

	if (!attr)
		return ERR_PTR(refuse(info, NULL, -EINVAL, "the attribute index is missing"));
	chip = se_chip_get(nla_get_u32(attr));
	if (!chip)
		return ERR_PTR(refuse(info, attr, -ENODEV, "no secure element has this index"));
	return chip;
}

static_assert((int)SE_A_DEV_INDEX == (int)SE_A_STATS_INDEX);
static_assert((int)SE_A_DEV_INDEX == (int)SE_A_CONFIG_INDEX);

/* what puts one chip into a message */
typedef int (*put_fn)(struct sk_buff *skb, struct se_chip *chip, u32 portid, u32 seq, int flags);

static int put_dev(struct sk_buff *skb, struct se_chip *chip, u32 portid, u32 seq, int flags)
{
	const struct event none = { .cmd = SE_CMD_DEV_GET };

	return put_chip(skb, chip, portid, seq, flags, &none);
}

static int get_one(struct genl_info *info, put_fn put)
{
	struct se_chip *chip = get_chip(info);
	struct sk_buff *msg;
	int ret;

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg) {
		put_device(&chip->dev);
		return -ENOMEM;
	}
	ret = put(msg, chip, info->snd_portid, info->snd_seq, 0);
	put_device(&chip->dev);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return genlmsg_reply(msg, info);
}

/* args[0] of @cb is the next index. */
static int get_all(struct sk_buff *skb, struct netlink_callback *cb, put_fn put)
{
	struct se_chip *chip;
	u32 index = cb->args[0];
	int ret;

	while ((chip = se_chip_get_next(&index))) {
		ret = put(skb, chip, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLM_F_MULTI);
		put_device(&chip->dev);
		if (ret)
			break;
		cb->args[0] = ++index;
	}
	return skb->len;
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
	return get_one(info, put_dev);
}

/**
 * se_nl_dev_get_dumpit() - dev-get of all
 * @skb: answer
 * @cb: where the dump is
 *
 * Return: length of @skb; 0 after the last.
 */
int se_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return get_all(skb, cb, put_dev);
}

/**
 * se_nl_stats_get_doit() - stats-get of one SE
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or negative errno.
 */
int se_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return get_one(info, put_stats);
}

/**
 * se_nl_stats_get_dumpit() - stats-get of all
 * @skb: answer
 * @cb: where the dump is
 *
 * Return: length of @skb; 0 after the last.
 */
int se_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return get_all(skb, cb, put_stats);
}

static int check_limits(struct genl_info *info, struct nlattr **tb)
{
	const struct se_nl_limit *limit;
	unsigned int i;
	u32 value;

	for (i = 0; i < ARRAY_SIZE(se_nl_policy_limits); i++) {
		limit = &se_nl_policy_limits[i];
		if (!tb[limit->attr])
			continue;
		value = nla_get_u32(tb[limit->attr]);
		if (value < limit->min || value > limit->max)
			return refuse(info, tb[limit->attr], -ERANGE, limit->message);
	}
	return 0;
}

static void take_u32(u32 *to, const struct nlattr *attr)
{
	if (attr)
		*to = nla_get_u32(attr);
}

static void apply_policy(struct se_chip *chip, struct nlattr **tb)
{
	struct se_policy policy;

	spin_lock_irq(&chip->lock);
	policy = chip->policy;
	take_u32(&policy.ladder, tb[SE_A_POLICY_LADDER]);
	take_u32(&policy.wtx_max, tb[SE_A_POLICY_WTX_MAX]);
	take_u32(&policy.deadline_ms, tb[SE_A_POLICY_DEADLINE_MS]);
	take_u32(&policy.drain_ms, tb[SE_A_POLICY_DRAIN_MS]);
	take_u32(&policy.autosuspend_ms, tb[SE_A_POLICY_AUTOSUSPEND_MS]);
	take_u32(&policy.hold_max_ms, tb[SE_A_POLICY_HOLD_MAX_MS]);
	if (tb[SE_A_POLICY_IRQ_POLICY])
		policy.irq = nla_get_u32(tb[SE_A_POLICY_IRQ_POLICY]);
	chip->policy = policy;
	spin_unlock_irq(&chip->lock);

	if (tb[SE_A_POLICY_AUTOSUSPEND_MS])
		se_power_set_autosuspend(chip, policy.autosuspend_ms);
	if (tb[SE_A_POLICY_IRQ_POLICY])
		se_netlink_tell(chip, SE_TELL_IRQ_POLICY);
	se_netlink_tell(chip, SE_TELL_CONFIG);
}

/**
 * se_nl_config_set_doit() - config-set
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or negative errno.
 */
int se_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[SE_A_POLICY_MAX + 1];
	struct se_chip *chip;
	int ret;

	if (!info->attrs[SE_A_CONFIG_POLICY])
		return refuse(info, NULL, -EINVAL, "the attribute policy is missing");
	ret = nla_parse_nested(tb, SE_A_POLICY_MAX, info->attrs[SE_A_CONFIG_POLICY],
			       se_nl_policy_policy, info->extack);
	if (!ret)
		ret = check_limits(info, tb);
	if (ret)
		return ret;
	chip = get_chip(info);
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	if (nla_len(info->attrs[SE_A_CONFIG_POLICY]))
		apply_policy(chip, tb);
	put_device(&chip->dev);
	return 0;
}

static void reset_ended(struct se_chip *chip, const struct se_reset_request *request)
{
	const struct event event = {
		.cmd = SE_CMD_RESET_DONE,
		.reason = SE_REASON_REQUESTED,
		.reset = request,
	};

	send_event(chip, &event);
}

/**
 * se_nl_reset_doit() - reset: begin one
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or negative errno.
 */
int se_nl_reset_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *level = info->attrs[SE_A_DEV_RESET_LEVEL];
	struct se_chip *chip;
	int ret;

	if (!level)
		return refuse(info, NULL, -EINVAL, "the attribute reset-level is missing");
	if (nla_get_u32(level) > SE_RESET_POWER)
		return refuse(info, level, -ERANGE, "reset-level is 0 to 3");
	chip = get_chip(info);
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	ret = se_reset_post(chip, nla_get_u32(level), reset_ended);
	put_device(&chip->dev);
	if (ret == -EOPNOTSUPP)
		return refuse(info, level, ret, "this secure element has no such reset");
	if (ret == -EBUSY)
		return refuse(info, level, ret, "another reset is under way");
	return ret;
}

/**
 * se_netlink_event() - tell the listeners
 * @chip: the chip
 * @cmd: SE_CMD_*
 * @reason: why
 */
void se_netlink_event(struct se_chip *chip, u8 cmd, enum se_reason reason)
{
	const struct event event = { .cmd = cmd, .reason = reason };

	send_event(chip, &event);
}

/**
 * se_netlink_tell() - have the worker do or tell something
 * @chip: the chip
 * @what: SE_TELL_*
 *
 * Any context but NMI.
 */
void se_netlink_tell(struct se_chip *chip, unsigned int what)
{
	unsigned long flags;

	spin_lock_irqsave(&chip->lock, flags);
	if (!chip->dead) {
		set_bit(what, &chip->to_tell);
		kthread_queue_work(chip->worker, &chip->tell);
	}
	spin_unlock_irqrestore(&chip->lock, flags);
}

/**
 * se_netlink_tell_work() - what se_netlink_tell() asked for
 * @work: se_chip.tell
 */
void se_netlink_tell_work(struct kthread_work *work)
{
	struct se_chip *chip = container_of(work, struct se_chip, tell);

	unsigned long what = xchg(&chip->to_tell, 0);

	if (test_bit(SE_TELL_IRQ_POLICY, &what) && chip->ops->set_irq_policy) {
		WRITE_ONCE(chip->irq_reason, SE_REASON_CONFIG);
		chip->ops->set_irq_policy(chip, READ_ONCE(chip->policy.irq));
	}
	if (!chip->live)
		return;
	if (test_bit(SE_TELL_CONFIG, &what))
		se_netlink_event(chip, SE_CMD_CONFIG_CHANGE, SE_REASON_CONFIG);
	if (test_bit(SE_TELL_STORM, &what))
		se_netlink_event(chip, SE_CMD_IRQ_STORM, SE_REASON_IRQ_STORM);
	if (test_bit(SE_TELL_IRQ_MODE, &what))
		se_netlink_event(chip, SE_CMD_IRQ_MODE_CHANGE, READ_ONCE(chip->irq_reason));
}

/**
 * se_netlink_monitored() - does anybody listen to block headers?
 *
 * Return: true if so. A test or two, and no lock.
 */
bool se_netlink_monitored(void)
{
	return SE_HAS_MCGRP_NET_ADMIN &&
	       genl_has_listeners(&se_nl_family, &init_net, SE_NLGRP_MONITOR);
}

static int put_block(struct sk_buff *skb, struct se_chip *chip, const struct se_block_info *block)
{
	void *hdr = genlmsg_put(skb, 0, 0, &se_nl_family, 0, SE_CMD_BLOCK);

	if (!hdr ||
	    nla_put_u32(skb, SE_A_BLOCK_INDEX, chip->index) ||
	    nla_put_u32(skb, SE_A_BLOCK_DIRECTION,
			block->sent ? SE_DIRECTION_TO_SE : SE_DIRECTION_FROM_SE) ||
	    nla_put_u8(skb, SE_A_BLOCK_NAD, block->nad) ||
	    nla_put_u8(skb, SE_A_BLOCK_PCB, block->pcb) ||
	    nla_put_u16(skb, SE_A_BLOCK_LEN, block->inf_len) ||
	    nla_put_u32(skb, SE_A_BLOCK_SIZE, block->size) ||
	    nla_put_u8(skb, SE_A_BLOCK_EDC_OK, block->edc_ok) ||
	    nla_put_u64_64bit(skb, SE_A_BLOCK_TIME_NS, block->begin_ns, SE_A_BLOCK_PAD) ||
	    nla_put_u64_64bit(skb, SE_A_BLOCK_DURATION_NS, block->duration_ns, SE_A_BLOCK_PAD))
		return -EMSGSIZE;
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * se_netlink_block() - tell the listeners of group "monitor" of a block
 * @chip: worker context
 * @block: its header
 */
void se_netlink_block(struct se_chip *chip, const struct se_block_info *block)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return;
	if (put_block(msg, chip, block)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_multicast(&se_nl_family, msg, 0, SE_NLGRP_MONITOR, GFP_KERNEL);
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
