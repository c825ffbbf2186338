// SPDX-License-Identifier: Apache-2.0
/* What the session engine asks of the client: nonces, DevInfo, alerts, people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "dm/client-priv.h"

#define DEVINFO "./DevInfo"

static int on_random(void *ctx, uint8_t *p, size_t n)
{
	(void)ctx;
	return client_random(p, n);
}

static int on_nonce(void *ctx, bool server, const uint8_t *p, size_t n)
{
	struct dm_client *c = ctx;

	return dm_account_nonce(c->tree, &c->session.account, server, p, n);
}

/* ---- package 1 ----------------------------------------------------------------------- */

void client_device_info(struct dm_client *c)
{
	struct session *s = &c->session;
	char name[DM_SEGMENT_MAX + 1] = "";
	uint8_t *p;
	size_t len;

	s->nr_info = 0;
	while (s->nr_info < CLIENT_DEVICE_INFO && !dm_tree_next(c->tree, DEVINFO, name)) {
		char *uri = s->info[s->nr_info][0], *value = s->info[s->nr_info][1];

		snprintf(uri, sizeof(s->info[0][0]), DEVINFO "/%s", name);
		/* Ext and Bearer have nodes below: not for package 1 */
		if (dm_tree_get(c->tree, uri, &p, &len))
			continue;
		if (len < sizeof(s->info[0][1]) && strlen((char *)p) == len) {
			strcpy(value, (char *)p);
			s->nr_info++;
		}
		free(p);
	}
}

static int on_device_info(void *ctx, unsigned int i, struct dm_engine_leaf *leaf)
{
	struct dm_client *c = ctx;

	if (i >= c->session.nr_info)
		return -ENOENT;
	*leaf = (struct dm_engine_leaf){.uri = c->session.info[i][0],
					.value = c->session.info[i][1]};
	return 0;
}

/* ---- alerts ---------------------------------------------------------------------------- */

static int on_alert_next(void *ctx, uint64_t after, struct dm_engine_alert *alert)
{
	struct dm_client *c = ctx;
	struct dm_outbox_alert *a = &c->session.alert;
	int r;

	dm_outbox_release(a);
	r = dm_outbox_next(c->outbox, c->session.account.server_id, after, a);
	if (r)
		return r;
	if (a->id > c->session.alert_last)
		c->session.alert_last = a->id;
	*alert = (struct dm_engine_alert){
		.id = a->id,
		.code = 1226,
		.correlator = a->correlator,
		.source = a->source,
		.type = a->type,
		.format = a->format,
		.mark = a->mark,
		.data = a->data,
		.len = a->len,
	};
	return 0;
}

static void on_alert_status(void *ctx, uint64_t id, unsigned int status)
{
	struct dm_client *c = ctx;
	int r = dm_outbox_status(c->outbox, c->session.account.server_id, id, status);

	if (r)
		client_log(c, LOG_WARNING, c->session.account.node,
			   "alert %llu stays in the outbox: %s", (unsigned long long)id,
			   strerror(-r));
	else if (status >= 300)
		client_log(c, LOG_NOTICE, c->session.account.node,
			   "alert %llu was refused with %u", (unsigned long long)id, status);
	c->dirty = true;
}

/* ---- people ---------------------------------------------------------------------------- */

static enum dm_ui_result on_ui(void *ctx, const struct dm_engine_ui *ask,
			       struct dm_engine_ui_answer *answer)
{
	(void)answer;
	return client_ui_ask(ctx, ask);
}

static void on_log(void *ctx, int level, const char *text)
{
	struct dm_client *c = ctx;

	client_log(c, level, c->session.account.node, "%s", text);
}

const struct dm_engine_ops client_engine_ops = {
	.random = on_random,
	.nonce = on_nonce,
	.device_info = on_device_info,
	.alert_next = on_alert_next,
	.alert_status = on_alert_status,
	.ui = on_ui,
	.log = on_log,
};
