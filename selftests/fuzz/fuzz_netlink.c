// SPDX-License-Identifier: Apache-2.0
/* Messages of the netlink family "se", as libse reads them. */
#include <stdlib.h>
#include <string.h>
#include <linux/se_netlink.h>
#include "libse/se.h"

static int on_message(void *ctx, unsigned int cmd, const struct se_device *dev)
{
	unsigned int *count = ctx;

	(void)cmd;
	if (memchr(dev->name, '\0', sizeof(dev->name)) == NULL ||
	    memchr(dev->parent, '\0', sizeof(dev->parent)) == NULL ||
	    dev->cip_len > sizeof(dev->cip))
		abort();
	return ++*count == 1000 ? 1 : 0;
}

static int on_block(void *ctx, const struct se_block *block)
{
	(void)block;
	return ++*(unsigned int *)ctx == 1000 ? 1 : 0;
}

static int on_stats(void *ctx, uint32_t index, const struct se_stats *stats)
{
	(void)index;
	(void)stats;
	return ++*(unsigned int *)ctx == 1000 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int count = 0;
	int r = se_netlink_parse(data, size, 0x1234, on_message, &count);

	if (r > 1 || (r == 1 && count != 1000))
		abort();
	count = 0;
	r = se_netlink_parse_blocks(data, size, 0x1234, on_block, &count);
	if (r > 1 || (r == 1 && count != 1000))
		abort();
	count = 0;
	r = se_netlink_parse_stats(data, size, 0x1234, on_stats, &count);
	if (r > 1 || (r == 1 && count != 1000))
		abort();
	return 0;
}
