// SPDX-License-Identifier: Apache-2.0
/* Messages of the generic netlink family "se", taken apart. Pure. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/se_netlink.h>
#include "se.h"

_Static_assert(SE_A_STATS_LOCK_TIMEOUTS - SE_A_STATS_APDUS ==
		       offsetof(struct se_stats, lock_timeouts) / sizeof(uint64_t),
	       "the attributes are in the order of the structure");

/* messages and attributes start at multiples of four */
#define ALIGN4(len) (((size_t)(len) + 3U) & ~(size_t)3U)

/* attributes that are one number of 32 bits, and where it goes */
static uint32_t *u32_slot(struct se_device *dev, unsigned int type)
{
	switch (type) {
	case SE_A_DEV_INDEX:
		return &dev->index;
	case SE_A_DEV_DIALECT:
		return &dev->dialect;
	case SE_A_DEV_STATE:
		return &dev->state;
	case SE_A_DEV_IFSC:
		return &dev->ifsc;
	case SE_A_DEV_IFSD:
		return &dev->ifsd;
	case SE_A_DEV_BWT_US:
		return &dev->bwt_us;
	case SE_A_DEV_IRQ_MODE:
		return &dev->irq_mode;
	case SE_A_DEV_CAPS:
		return &dev->caps;
	case SE_A_DEV_CLOCK_HZ:
		return &dev->clock_hz;
	case SE_A_DEV_CHANNELS_IN_USE:
		return &dev->channels_in_use;
	case SE_A_DEV_REASON:
		return &dev->reason;
	case SE_A_DEV_POWER_STATE:
		return &dev->power_state;
	case SE_A_DEV_RESET_LEVEL:
		return &dev->reset_level;
	default:
		return NULL;
	}
}

static uint32_t *config_slot(struct se_config *config, unsigned int type)
{
	switch (type) {
	case SE_A_POLICY_LADDER:
		return &config->ladder;
	case SE_A_POLICY_WTX_MAX:
		return &config->wtx_max;
	case SE_A_POLICY_DEADLINE_MS:
		return &config->deadline_ms;
	case SE_A_POLICY_DRAIN_MS:
		return &config->drain_ms;
	case SE_A_POLICY_AUTOSUSPEND_MS:
		return &config->autosuspend_ms;
	case SE_A_POLICY_HOLD_MAX_MS:
		return &config->hold_max_ms;
	case SE_A_POLICY_IRQ_POLICY:
		return &config->irq_policy;
	default:
		return NULL;
	}
}

static int get_string(char to[SE_NAME_MAX], const uint8_t *p, size_t len)
{
	const uint8_t *end = memchr(p, '\0', len);

	if (!end || end - p >= SE_NAME_MAX)
		return -EBADMSG;
	memcpy(to, p, (size_t)(end - p) + 1);
	return 0;
}

/* one attribute; -EBADMSG ends the message */
typedef int (*attr_fn)(void *to, unsigned int type, const uint8_t *p, size_t len);

static int walk_attrs(const uint8_t *p, size_t left, attr_fn fn, void *to)
{
	while (left >= sizeof(struct nlattr)) {
		struct nlattr head;
		size_t step;
		int r;

		memcpy(&head, p, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > left)
			return -EBADMSG;
		r = fn(to, head.nla_type & (uint16_t)NLA_TYPE_MASK, p + sizeof(head),
		       head.nla_len - sizeof(head));
		if (r < 0)
			return r;
		step = ALIGN4(head.nla_len);
		if (step > left)
			step = left;
		p += step;
		left -= step;
	}
	return left ? -EBADMSG : 0;
}

static int get_exactly(void *to, size_t size, const uint8_t *p, size_t len)
{
	if (len != size)
		return -EBADMSG;
	memcpy(to, p, size);
	return 0;
}

static int get_bytes(uint8_t to[SE_CIP_MAX], uint32_t *to_len, const uint8_t *p, size_t len)
{
	if (len > SE_CIP_MAX)
		return -EBADMSG;
	memcpy(to, p, len);
	*to_len = (uint32_t)len;
	return 0;
}

static int get_config_attr(void *to, unsigned int type, const uint8_t *p, size_t len)
{
	struct se_config *config = to;
	uint32_t *slot = config_slot(config, type);

	if (!slot)
		return 0;
	config->present |= 1U << type;
	return get_exactly(slot, sizeof(*slot), p, len);
}

static int get_dev_attr(void *to, unsigned int type, const uint8_t *p, size_t len)
{
	struct se_device *dev = to;
	uint32_t *slot = u32_slot(dev, type);

	if (type && type <= SE_A_DEV_MAX)
		dev->present |= 1U << type;
	if (slot)
		return get_exactly(slot, sizeof(*slot), p, len);
	switch (type) {
	case SE_A_DEV_NAME:
		return get_string(dev->name, p, len);
	case SE_A_DEV_PARENT:
		return get_string(dev->parent, p, len);
	case SE_A_DEV_GENERATION:
		return get_exactly(&dev->generation, sizeof(dev->generation), p, len);
	case SE_A_DEV_CIP:
		return get_bytes(dev->cip, &dev->cip_len, p, len);
	case SE_A_DEV_ATR:
		return get_bytes(dev->atr, &dev->atr_len, p, len);
	case SE_A_DEV_ERROR:
		return get_exactly(&dev->error, sizeof(dev->error), p, len);
	case SE_A_DEV_POLICY:
		return walk_attrs(p, len, get_config_attr, &dev->config);
	default:
		return 0; /* of a newer kernel, or padding */
	}
}

static int get_block_attr(void *to, unsigned int type, const uint8_t *p, size_t len)
{
	struct se_block *b = to;

	switch (type) {
	case SE_A_BLOCK_INDEX:
		return get_exactly(&b->index, sizeof(b->index), p, len);
	case SE_A_BLOCK_DIRECTION:
		return get_exactly(&b->direction, sizeof(b->direction), p, len);
	case SE_A_BLOCK_NAD:
		return get_exactly(&b->nad, sizeof(b->nad), p, len);
	case SE_A_BLOCK_PCB:
		return get_exactly(&b->pcb, sizeof(b->pcb), p, len);
	case SE_A_BLOCK_LEN:
		return get_exactly(&b->len, sizeof(b->len), p, len);
	case SE_A_BLOCK_SIZE:
		return get_exactly(&b->size, sizeof(b->size), p, len);
	case SE_A_BLOCK_EDC_OK:
		return get_exactly(&b->edc_ok, sizeof(b->edc_ok), p, len);
	case SE_A_BLOCK_TIME_NS:
		return get_exactly(&b->time_ns, sizeof(b->time_ns), p, len);
	case SE_A_BLOCK_DURATION_NS:
		return get_exactly(&b->duration_ns, sizeof(b->duration_ns), p, len);
	default:
		return 0;
	}
}

static int get_hist_attr(void *to, unsigned int type, const uint8_t *p, size_t len)
{
	struct se_hist *hist = to;

	switch (type) {
	case SE_A_HIST_SUM_NS:
		return get_exactly(&hist->sum_ns, sizeof(hist->sum_ns), p, len);
	case SE_A_HIST_BUCKETS:
		/* a newer kernel may have more of them: the last one takes the rest */
		if (len % sizeof(uint64_t))
			return -EBADMSG;
		for (size_t i = 0; i < len / sizeof(uint64_t); i++) {
			size_t n = i < SE_HIST_BUCKETS ? i : SE_HIST_BUCKETS - 1;
			uint64_t count;

			memcpy(&count, p + i * sizeof(count), sizeof(count));
			hist->bucket[n] += count;
		}
		return 0;
	default:
		return 0;
	}
}

struct stats_of {
	uint32_t index;
	struct se_stats stats;
};

static int get_stats_attr(void *to, unsigned int type, const uint8_t *p, size_t len)
{
	struct stats_of *s = to;

	if (type >= SE_A_STATS_APDUS && type <= SE_A_STATS_LOCK_TIMEOUTS) {
		size_t off = (type - SE_A_STATS_APDUS) * sizeof(uint64_t);

		return get_exactly((uint8_t *)&s->stats + off, sizeof(uint64_t), p, len);
	}
	switch (type) {
	case SE_A_STATS_INDEX:
		return get_exactly(&s->index, sizeof(s->index), p, len);
	case SE_A_STATS_TOTAL:
		return walk_attrs(p, len, get_hist_attr, &s->stats.total);
	case SE_A_STATS_WIRE:
		return walk_attrs(p, len, get_hist_attr, &s->stats.wire);
	case SE_A_STATS_THINK:
		return walk_attrs(p, len, get_hist_attr, &s->stats.think);
	case SE_A_STATS_QUEUE:
		return walk_attrs(p, len, get_hist_attr, &s->stats.queue);
	default:
		return 0;
	}
}

/* one message of the family */
typedef int (*message_fn)(void *ctx, unsigned int cmd, const uint8_t *attrs, size_t len);

static int walk_messages(const void *data, size_t len, uint16_t family, message_fn fn,
			 void *ctx)
{
	const uint8_t *p = data;

	while (len >= sizeof(struct nlmsghdr)) {
		struct genlmsghdr genl;
		struct nlmsghdr head;
		size_t step;
		int r;

		memcpy(&head, p, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len)
			return -EBADMSG;
		if (head.nlmsg_type == family) {
			if (head.nlmsg_len < sizeof(head) + sizeof(genl))
				return -EBADMSG;
			memcpy(&genl, p + sizeof(head), sizeof(genl));
			r = fn(ctx, genl.cmd, p + sizeof(head) + sizeof(genl),
			       head.nlmsg_len - sizeof(head) - sizeof(genl));
			if (r)
				return r;
		}
		step = ALIGN4(head.nlmsg_len);
		if (step > len)
			step = len;
		p += step;
		len -= step;
	}
	return len ? -EBADMSG : 0;
}

struct dev_sink {
	int (*cb)(void *ctx, unsigned int cmd, const struct se_device *dev);
	void *ctx;
};

static int on_dev_message(void *ctx, unsigned int cmd, const uint8_t *attrs, size_t len)
{
	const struct dev_sink *sink = ctx;
	struct se_device dev;
	int r;

	/* these have other attributes */
	if (cmd == SE_CMD_STATS_GET || cmd == SE_CMD_CONFIG_SET || cmd == SE_CMD_BLOCK)
		return 0;
	memset(&dev, 0, sizeof(dev));
	r = walk_attrs(attrs, len, get_dev_attr, &dev);
	return r < 0 ? r : sink->cb(sink->ctx, cmd, &dev);
}

int se_netlink_parse(const void *data, size_t len, uint16_t family,
		     int (*cb)(void *ctx, unsigned int cmd, const struct se_device *dev),
		     void *ctx)
{
	struct dev_sink sink = {.cb = cb, .ctx = ctx};

	return walk_messages(data, len, family, on_dev_message, &sink);
}

struct block_sink {
	int (*cb)(void *ctx, const struct se_block *block);
	void *ctx;
};

static int on_block_message(void *ctx, unsigned int cmd, const uint8_t *attrs, size_t len)
{
	const struct block_sink *sink = ctx;
	struct se_block block;
	int r;

	if (cmd != SE_CMD_BLOCK)
		return 0;
	memset(&block, 0, sizeof(block));
	r = walk_attrs(attrs, len, get_block_attr, &block);
	return r < 0 ? r : sink->cb(sink->ctx, &block);
}

int se_netlink_parse_blocks(const void *data, size_t len, uint16_t family,
			    int (*cb)(void *ctx, const struct se_block *block), void *ctx)
{
	struct block_sink sink = {.cb = cb, .ctx = ctx};

	return walk_messages(data, len, family, on_block_message, &sink);
}

struct stats_sink {
	int (*cb)(void *ctx, uint32_t index, const struct se_stats *stats);
	void *ctx;
};

static int on_stats_message(void *ctx, unsigned int cmd, const uint8_t *attrs, size_t len)
{
	const struct stats_sink *sink = ctx;
	struct stats_of s;
	int r;

	if (cmd != SE_CMD_STATS_GET)
		return 0;
	memset(&s, 0, sizeof(s));
	r = walk_attrs(attrs, len, get_stats_attr, &s);
	return r < 0 ? r : sink->cb(sink->ctx, s.index, &s.stats);
}

int se_netlink_parse_stats(const void *data, size_t len, uint16_t family,
			   int (*cb)(void *ctx, uint32_t index, const struct se_stats *stats),
			   void *ctx)
{
	struct stats_sink sink = {.cb = cb, .ctx = ctx};

	return walk_messages(data, len, family, on_stats_message, &sink);
}
