// SPDX-License-Identifier: Apache-2.0
/* Messages of the generic netlink family "se", taken apart. Pure. */
#include <errno.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/se_netlink.h>
#include "se.h"

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

static int get_attr(struct se_device *dev, unsigned int type, const uint8_t *p, size_t len)
{
	uint32_t *slot = u32_slot(dev, type);

	if (slot) {
		if (len != sizeof(*slot))
			return -EBADMSG;
		memcpy(slot, p, sizeof(*slot));
		return 0;
	}
	switch (type) {
	case SE_A_DEV_NAME:
		return get_string(dev->name, p, len);
	case SE_A_DEV_PARENT:
		return get_string(dev->parent, p, len);
	case SE_A_DEV_GENERATION:
		if (len != sizeof(dev->generation))
			return -EBADMSG;
		memcpy(&dev->generation, p, sizeof(dev->generation));
		return 0;
	case SE_A_DEV_CIP:
		if (len > sizeof(dev->cip))
			return -EBADMSG;
		memcpy(dev->cip, p, len);
		dev->cip_len = (uint32_t)len;
		return 0;
	default:
		return 0; /* of a newer kernel, or padding */
	}
}

static int get_attrs(struct se_device *dev, const uint8_t *p, size_t left)
{
	while (left >= sizeof(struct nlattr)) {
		struct nlattr head;
		unsigned int type;
		size_t step;
		int r;

		memcpy(&head, p, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > left)
			return -EBADMSG;
		type = head.nla_type & (uint16_t)NLA_TYPE_MASK;
		r = get_attr(dev, type, p + sizeof(head), head.nla_len - sizeof(head));
		if (r < 0)
			return r;
		if (type && type <= SE_A_DEV_MAX)
			dev->present |= 1U << type;
		step = ALIGN4(head.nla_len);
		if (step > left)
			step = left;
		p += step;
		left -= step;
	}
	return left ? -EBADMSG : 0;
}

int se_netlink_parse(const void *data, size_t len, uint16_t family,
		     int (*cb)(void *ctx, unsigned int cmd, const struct se_device *dev),
		     void *ctx)
{
	const uint8_t *p = data;

	while (len >= sizeof(struct nlmsghdr)) {
		struct se_device dev;
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
			memset(&dev, 0, sizeof(dev));
			r = get_attrs(&dev, p + sizeof(head) + sizeof(genl),
				      head.nlmsg_len - sizeof(head) - sizeof(genl));
			if (r < 0)
				return r;
			r = cb(ctx, genl.cmd, &dev);
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
