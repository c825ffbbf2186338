// SPDX-License-Identifier: Apache-2.0
/* The secure elements of content/, as a client asks for them. */
#include <errno.h>

#include "content/ses.h"
#include "lwm2m/lwm2m.h"

static size_t ops_list(void *ctx, uint16_t *ids, size_t room)
{
	return ctx ? content_ses_list(ctx, ids, room) : 0;
}

static int ops_get(void *ctx, uint16_t id, struct model_se *out)
{
	return ctx ? content_ses_get(ctx, id, out) : -ENOENT;
}

static int ops_reset(void *ctx, uint16_t id, char *words)
{
	return content_ses_reset(ctx, id, words);
}

static int ops_refresh(void *ctx, uint16_t id, char *words)
{
	return content_ses_refresh(ctx, id, words);
}

const struct lwm2m_se_ops lwm2m_ses_ops = {
	.list = ops_list,
	.get = ops_get,
	.reset = ops_reset,
	.refresh = ops_refresh,
};
