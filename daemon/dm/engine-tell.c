// SPDX-License-Identifier: Apache-2.0
/*
 * Status of what the server wanted (OMA-TS-DM_RepPro-V1_2_1, 6.5.1): one for each item, in
 * the order of its commands. NoResp is not used in DM (6.1.14): there is always a Status.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dm/engine-priv.h"

int eng_tell_header(struct dm_engine *e, const struct dm_hdr *hdr, unsigned int code, bool chal)
{
	struct dm_cmd c = {
		.kind = DM_STATUS,
		.name = "Status",
		.msg_ref = hdr->msg_id,
		.cmd_ref = "0",
		.cmd = "SyncHdr",
		.target_ref = hdr->target,
		.source_ref = hdr->source,
		.code = code,
		.chal = chal,
	};
	int r;

	if (chal) {
		c.chal_meta.type = dm_auth_uri(e->server.type);
		c.chal_meta.format = "b64";
		if (e->server.type != DM_AUTH_BASIC) {
			c.chal_meta.nonce = e->server.nonce;
			c.chal_meta.nonce_len = e->server.nonce_len;
			c.chal_meta.has_nonce = true;
		}
	}
	r = eng_out_put(e, &c);
	e->fresh = true;
	return r == -EMSGSIZE
		       ? eng_fail(e, DM_END_LIMIT, "no header fits the server's messages")
		       : r;
}

/* what a person answered: a text, or the numbers of choices, each in an item */
static void answer_items(const struct eng_told *t, struct dm_item *items, char (*room)[4],
			 struct dm_cmd *c)
{
	unsigned int i, n = 0;

	if (t->alert == 1102) {
		items[0].data = (const uint8_t *)t->answer.text;
		items[0].len = strlen(t->answer.text);
		items[0].has_data = true;
		c->items = items;
		return;
	}
	for (i = 0; i < DM_ENGINE_CHOICES_MAX; i++) {
		if (!(t->answer.chosen >> i & 1))
			continue;
		snprintf(room[n], sizeof(room[n]), "%u", i + 1);
		items[n].data = (const uint8_t *)room[n];
		items[n].len = strlen(room[n]);
		items[n].has_data = true;
		if (n)
			items[n - 1].next = &items[n];
		n++;
	}
	c->items = n ? items : NULL;
}

int eng_tell_status(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u)
{
	struct dm_item items[DM_ENGINE_CHOICES_MAX] = {0};
	char room[DM_ENGINE_CHOICES_MAX][4];
	struct dm_cmd c = {
		.kind = DM_STATUS,
		.name = "Status",
		.msg_ref = w->msg.hdr.msg_id,
		.cmd_ref = u->cmd->cmd_id,
		.cmd = u->cmd->name,
		.target_ref = u->item ? u->item->target : NULL,
		.source_ref = u->item ? u->item->source : NULL,
		.code = u->code,
	};
	int r;

	if (u->told && u->code == DM_OK)
		answer_items(u->told, items, room, &c);
	r = eng_out_put(e, &c);
	if (r == -EINVAL || (r == -EMSGSIZE && e->fresh)) {
		/* what it was about cannot be said, in XML or in so few bytes: CmdRef does */
		c.target_ref = NULL;
		c.source_ref = NULL;
		r = eng_out_put(e, &c);
	}
	if (r == -EMSGSIZE && e->fresh)
		return eng_fail(e, DM_END_LIMIT, "no Status fits the server's messages");
	return r == -EINVAL
		       ? eng_fail(e, DM_END_BAD_MESSAGE, "a command that cannot be answered")
		       : r;
}

int eng_tell_next(struct dm_engine *e, struct eng_work *w)
{
	struct eng_unit *u = &w->units[w->told];
	int r;

	if (e->lost[0]) {
		r = eng_out_alert(e, 1225, e->lost);
		if (r)
			return r;
		e->lost[0] = 0;
	}
	if (!w->status_told) {
		r = eng_tell_status(e, w, u);
		if (r)
			return r;
		w->status_told = true;
	}
	if (e->results) {
		r = eng_results_put(e, w, u);
		if (r)
			return r;
		eng_results_drop(e);
	}
	if (u->told) {
		explicit_bzero(u->told, sizeof(*u->told));
		free(u->told);
		u->told = NULL;
	}
	w->status_told = false;
	w->told++;
	return 0;
}
