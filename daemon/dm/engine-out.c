// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of ours: the header with who we are, commands as long as they fit, large values in
 * pieces, the whole again where the server wants credentials first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/engine-priv.h"

#define INFO_MAX 32 /* leaves of DevInfo */

static size_t room_for(const struct dm_engine *e, bool again)
{
	size_t max = e->max_msg;

	if (e->peer_max && e->peer_max < max)
		max = e->peer_max;
	else if (!e->peer_max && !e->stats.messages_in && max > ENG_FIRST_MAX)
		max = ENG_FIRST_MAX;
	/* what may be refused for its credentials must fit once more, with a longer header */
	if (!again && e->client.type != DM_AUTH_NONE && !e->client.ok && max >= 4096)
		max -= ENG_AGAIN_ROOM;
	return max;
}

static int header(struct dm_engine *e)
{
	uint8_t room[DM_AUTH_CRED_ROOM];
	struct dm_cred cred;
	struct dm_secret s;
	char id[12];
	struct dm_hdr hdr = {
		.ver_dtd = "1.2",
		.ver_proto = "DM/1.2",
		.session_id = e->session,
		.msg_id = id,
		.target = e->server_uri,
		.source = e->device_id,
	};
	int r;

	snprintf(id, sizeof(id), "%u", e->msg_id);
	if (e->client.type == DM_AUTH_MD5 || e->client.type == DM_AUTH_HMAC)
		hdr.source_name = e->client.name;
	if (!e->accepted) {
		hdr.meta.max_msg = e->max_msg;
		hdr.meta.max_obj = e->max_obj;
	}
	if (!e->client.ok &&
	    (e->client.type == DM_AUTH_BASIC || e->client.type == DM_AUTH_MD5)) {
		eng_party_secret(&e->client, &s);
		r = dm_auth_cred(e->client.type, &s, room, &cred);
		if (r)
			return eng_fail(e, DM_END_INTERNAL,
					"our credentials cannot be made: %s", strerror(-r));
		hdr.cred = &cred;
	}
	r = dm_out_begin(e->out, &hdr);
	explicit_bzero(room, sizeof(room));
	if (r)
		return eng_fail(e, r == -EMSGSIZE ? DM_END_LIMIT : DM_END_INTERNAL,
				"the header of a message cannot be made: %s", strerror(-r));
	return 0;
}

static int open_with(struct dm_engine *e, bool again)
{
	int r;

	dm_out_free(e->out);
	e->out = NULL;
	e->out_max = room_for(e, again);
	e->out_coding = e->coding;
	r = dm_out_new(&e->out, e->coding, e->out_max);
	if (r)
		return eng_fail(e, DM_END_INTERNAL, "no memory for a message");
	e->msg_id++;
	e->cmd_id = 0;
	e->fresh = true;
	return header(e);
}

int eng_out_open(struct dm_engine *e)
{
	return open_with(e, false);
}

static void next_id(const struct dm_engine *e, struct dm_cmd *cmd, char id[12])
{
	snprintf(id, 12, "%u", e->cmd_id + 1);
	cmd->cmd_id = id;
}

int eng_out_put(struct dm_engine *e, struct dm_cmd *cmd)
{
	char id[12];
	int r;

	next_id(e, cmd, id);
	r = dm_out_cmd(e->out, cmd);
	cmd->cmd_id = NULL;
	if (r == -ENOMEM)
		return eng_fail(e, DM_END_INTERNAL, "no memory for a command");
	if (!r) {
		e->cmd_id++;
		e->fresh = false;
	}
	return r;
}

static bool is_octets(const char *format)
{
	return !strcmp(format, "bin") || !strcmp(format, "b64");
}

int eng_out_value(struct dm_engine *e, struct dm_cmd *cmd, uint64_t off, uint64_t total,
		  bool cut, size_t *sent)
{
	struct dm_item *it = cmd->items;
	size_t len = it->len;
	ssize_t fit;
	char id[12];
	int r;

	*sent = 0;
	it->more = off + len < total;
	if (!it->more) {
		r = eng_out_put(e, cmd);
		if (r != -EMSGSIZE) {
			*sent = len;
			return r;
		}
	}
	/* small enough for a message of its own: it goes there whole */
	if (!off && !e->fresh && !cut && total <= e->out_max / 2)
		return -EMSGSIZE;
	it->more = true;
	if (!off) {
		it->meta.has_size = true;
		it->meta.size = total;
	}
	next_id(e, cmd, id);
	fit = dm_out_fit(e->out, cmd);
	if (fit == -ENOMEM)
		return eng_fail(e, DM_END_INTERNAL, "no memory for a value");
	if (fit == -EINVAL)
		return -EINVAL;
	/* the last piece has something, so that nobody has to take an empty one */
	if (fit > 0 && off + (size_t)fit == total)
		fit--;
	/* base64 of whole triples: the texts of the pieces one after the other are base64 */
	if (fit > 3 && is_octets(it->meta.format))
		fit -= fit % 3;
	if (fit < ENG_CHUNK_MIN)
		return e->fresh ? eng_fail(e, DM_END_LIMIT,
					   "no value fits the server's messages")
				: -EMSGSIZE;
	it->len = (size_t)fit;
	r = eng_out_put(e, cmd);
	if (r)
		return r == -EMSGSIZE && e->fresh
			       ? eng_fail(e, DM_END_LIMIT,
					  "no value fits the server's messages")
			       : r;
	*sent = (size_t)fit;
	return -EMSGSIZE;
}

int eng_out_alert(struct dm_engine *e, unsigned int code, const char *target)
{
	struct dm_item it = {.target = target};
	struct dm_cmd c = {
		.kind = DM_ALERT,
		.name = "Alert",
		.code = code,
		.items = target ? &it : NULL,
	};

	return eng_out_put(e, &c);
}

int eng_out_device_info(struct dm_engine *e)
{
	struct dm_item items[INFO_MAX];
	struct dm_cmd c = {.kind = DM_REPLACE, .name = "Replace", .items = items};
	struct dm_engine_leaf leaf;
	unsigned int n;
	int r;

	for (n = 0; n < INFO_MAX; n++) {
		leaf = (struct dm_engine_leaf){0};
		r = e->ops->device_info(e->ctx, n, &leaf);
		if (r == -ENOENT)
			break;
		if (r)
			return eng_fail(e, DM_END_INTERNAL, "DevInfo cannot be read: %s",
					strerror(-r));
		items[n] = (struct dm_item){
			.source = leaf.uri,
			.meta = {.format = leaf.format ? leaf.format : "chr",
				 .type = "text/plain"},
			.data = (const uint8_t *)leaf.value,
			.len = strlen(leaf.value),
			.has_data = true,
		};
		if (n)
			items[n - 1].next = &items[n];
	}
	if (!n)
		return eng_fail(e, DM_END_INTERNAL, "there is no DevInfo");
	r = eng_out_put(e, &c);
	return r == -EMSGSIZE || r == -EINVAL
		       ? eng_fail(e, DM_END_LIMIT, "DevInfo does not fit a message")
		       : r;
}

int eng_out_again(struct dm_engine *e)
{
	struct dm_limits limits = {.bytes = e->last_len};
	unsigned int was = e->msg_id - 1, i, n;
	struct dm_cmd *c, one;
	struct dm_msg msg;
	int r;

	r = dm_msg_parse(e->last_coding, e->last_p, e->last_len, &limits, &msg, NULL);
	if (r)
		return eng_fail(e, DM_END_INTERNAL, "our own message cannot be read: %s",
				strerror(-r));
	for (n = 1, c = msg.cmds; c && !r; c = c->next, n++) {
		one = *c;
		r = eng_out_put(e, &one);
		if (e->alert_part && e->alert_cmd == n)
			e->alert_cmd = e->cmd_id;
		for (i = 0; !r && i < e->nr_flight; i++)
			if (e->flight[i].msg == was && e->flight[i].cmd == n) {
				e->flight[i].msg = e->msg_id;
				e->flight[i].cmd = e->cmd_id;
			}
	}
	dm_msg_free(&msg);
	return r == -EMSGSIZE || r == -EINVAL
		       ? eng_fail(e, DM_END_LIMIT, "a message does not fit with credentials")
		       : r;
}

int eng_out_close(struct dm_engine *e, bool final)
{
	struct dm_secret s;
	int r;

	/* it is on the disk before anybody is told */
	r = eng_level(e, false);
	if (r)
		return r;
	r = dm_out_end(e->out, final, &e->last_p, &e->last_len);
	if (r)
		return eng_fail(e, DM_END_INTERNAL, "no memory for a message");
	dm_out_free(e->last);
	e->last = e->out;
	e->out = NULL;
	e->last_final = final;
	e->last_coding = e->out_coding;
	e->hmac[0] = 0;
	e->stats.messages_out++;
	if (e->client.type != DM_AUTH_HMAC)
		return 0;
	eng_party_secret(&e->client, &s);
	r = dm_hmac_header(&s, e->last_p, e->last_len, e->hmac);
	return r ? eng_fail(e, DM_END_INTERNAL, "our HMAC cannot be made: %s", strerror(-r))
		 : 0;
}
