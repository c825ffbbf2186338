// SPDX-License-Identifier: Apache-2.0
/*
 * Generic Alerts and client events (OMA-TS-DM_Protocol-V1_2_1, 8.7): into package 1 and into
 * every package of ours while there is room. The owner keeps each until its Status is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "dm/engine-priv.h"

static const char *some(const char *s)
{
	return s && *s ? s : NULL;
}

/* @a from @off on */
static int put(struct dm_engine *e, const struct dm_engine_alert *a, size_t off, size_t *sent)
{
	/* package 1 is never empty: what waits there longest must not wait for ever */
	bool cut = !e->accepted && !e->nr_flight;
	struct dm_item it = {
		.source = some(a->source),
		.meta =
			{
				.format = some(a->format) ? a->format : "chr",
				.type = some(a->type),
				.mark = some(a->mark),
			},
		.data = a->data ? a->data + off : NULL,
		.len = a->len - off,
		.has_data = true,
	};
	struct dm_cmd c = {
		.kind = DM_ALERT,
		.name = "Alert",
		.code = a->code,
		.correlator = some(a->correlator),
		.items = &it,
	};

	return eng_out_value(e, &c, off, a->len, cut, sent);
}

static void flies(struct dm_engine *e, uint64_t id)
{
	e->flight[e->nr_flight++] =
		(struct eng_flight){.id = id, .msg = e->msg_id, .cmd = e->cmd_id};
	e->alert_after = id;
}

/* One alert, or the next piece of it. */
static int put_one(struct dm_engine *e, const struct dm_engine_alert *a)
{
	size_t sent;
	int r;

	if (!e->alert_part && e->peer_obj && a->len > e->peer_obj) {
		e->alert_after = a->id;
		e->ops->alert_status(e->ctx, a->id, DM_ENGINE_TOO_BIG);
		return 0;
	}
	r = put(e, a, e->alert_off, &sent);
	if (r == -EMSGSIZE && sent) {
		e->alert_part = a->id;
		e->alert_off += sent;
		e->alert_cmd = e->cmd_id;
		return r;
	}
	if (r == -EINVAL) {
		eng_log(e, LOG_ERR, "an alert that cannot be sent");
		e->alert_after = a->id;
		e->alert_part = 0;
		e->alert_off = 0;
		e->ops->alert_status(e->ctx, a->id, DM_BAD_REQUEST);
		return 0;
	}
	if (r)
		return r;
	flies(e, a->id);
	e->alert_part = 0;
	e->alert_off = 0;
	return 0;
}

int eng_alert_put(struct dm_engine *e)
{
	struct dm_engine_alert a;
	int r = 0;

	while (!r && e->nr_flight < DM_ENGINE_ALERTS_MAX) {
		a = (struct dm_engine_alert){0};
		r = e->ops->alert_next(e->ctx,
				       e->alert_part ? e->alert_part - 1 : e->alert_after, &a);
		if (e->alert_part && (r || a.id != e->alert_part || a.len < e->alert_off)) {
			/* it is gone; what was sent of it has no end */
			e->alert_after = e->alert_part;
			e->alert_part = 0;
			e->alert_off = 0;
			if (!r && a.id <= e->alert_after)
				continue;
		}
		if (r)
			return 0;
		r = put_one(e, &a);
	}
	/* one that only waits for a message with more room is no reason for another message */
	return r == -EMSGSIZE && !e->alert_part ? 0 : r;
}

void eng_alert_status(struct dm_engine *e, const struct dm_cmd *st)
{
	unsigned long msg = st->msg_ref ? strtoul(st->msg_ref, NULL, 10) : 0;
	unsigned long cmd = st->cmd_ref ? strtoul(st->cmd_ref, NULL, 10) : 0;
	unsigned int i;

	for (i = 0; i < e->nr_flight; i++) {
		if (e->flight[i].msg != msg || e->flight[i].cmd != cmd)
			continue;
		e->ops->alert_status(e->ctx, e->flight[i].id, st->code);
		e->flight[i] = e->flight[--e->nr_flight];
		return;
	}
	if (st->code < 300)
		return;
	if (e->alert_part && msg == e->msg_id && cmd == e->alert_cmd) {
		/* a piece of it was refused: the rest is not wanted */
		e->ops->alert_status(e->ctx, e->alert_part, st->code);
		e->alert_after = e->alert_part;
		e->alert_part = 0;
		e->alert_off = 0;
		return;
	}
	eng_log(e, LOG_INFO, "the server refused %s: %u", st->cmd ? st->cmd : "a command",
		st->code);
}
