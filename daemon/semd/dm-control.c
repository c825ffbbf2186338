// SPDX-License-Identifier: Apache-2.0
/* OMA DM for the control interface: accounts, ports, sessions, questions, the tree. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/client.h"
#include "dm/tree.h"
#include "semd/semd.h"

int semd_dm_describe(void *ctx, unsigned int index, struct control_dm *out)
{
	uint64_t now = semd_now_ms();
	struct dm_client_account a;
	struct semd *d = ctx;
	int r = semd_dm_client(d) ? dm_client_account(semd_dm_client(d), index, &a) : -ENOENT;

	if (r)
		return r;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", a.name);
	snprintf(out->server_id, sizeof(out->server_id), "%s", a.server_id);
	snprintf(out->uri, sizeof(out->uri), "%s", a.uri);
	snprintf(out->state, sizeof(out->state), "%s", dm_client_state_name(a.state));
	snprintf(out->error, sizeof(out->error), "%s", a.error);
	out->sessions = a.sessions;
	out->failures = a.failures;
	out->alerts = a.alerts;
	out->last_s = a.last_s;
	out->next_s = a.next_ms == DM_NEVER ? -1
		      : a.next_ms > now	    ? (int64_t)((a.next_ms - now) / 1000U)
					    : 0;
	return 0;
}

int semd_dm_port(void *ctx, unsigned int index, struct control_dm_port *out)
{
	uint64_t now = semd_now_ms();
	struct dm_client_port p;
	struct semd *d = ctx;
	int r = semd_dm_client(d) ? dm_client_port(semd_dm_client(d), index, &p) : -ENOENT;

	if (r)
		return r;
	memset(out, 0, sizeof(*out));
	out->used = p.used;
	out->protocol = p.coap ? "coap" : "udp";
	out->open = p.open;
	out->number = p.number;
	snprintf(out->address, sizeof(out->address), "%s", p.bind);
	snprintf(out->error, sizeof(out->error), "%s", p.error);
	out->next_s = p.again_ms == DM_NEVER ? -1
		      : p.again_ms > now     ? (int64_t)((p.again_ms - now) / 1000U)
					     : 0;
	return 0;
}

int semd_dm_session(void *ctx, const char *name)
{
	struct semd *d = ctx;
	int r;

	if (!semd_dm_client(d))
		return -ENODEV;
	r = dm_client_session(semd_dm_client(d), semd_now_ms(), name);
	semd_dm_arm(d);
	return r;
}

int semd_dm_question(void *ctx, struct control_dm_question *out)
{
	static const char *const kinds[] = {"display", "confirm", "text", "choice", "choices"};
	struct dm_client_question q;
	struct semd *d = ctx;
	int r = semd_dm_client(d) ? dm_client_question(semd_dm_client(d), semd_now_ms(), &q)
				  : -ENODEV;

	if (r)
		return r;
	memset(out, 0, sizeof(*out));
	out->id = q.id;
	out->kind = kinds[q.code - 1100];
	snprintf(out->account, sizeof(out->account), "%s", q.name);
	snprintf(out->text, sizeof(out->text), "%s", q.text);
	snprintf(out->suggestion, sizeof(out->suggestion), "%s", q.dr);
	out->left_s = q.left_s;
	out->min_s = q.mindt;
	out->max_length = q.maxlen;
	out->input[0] = q.it;
	out->secret = q.et == 'P';
	out->nr_choices = q.nr_choices;
	for (unsigned int i = 0; i < q.nr_choices; i++)
		snprintf(out->choices[i], sizeof(out->choices[i]), "%s", q.choices[i]);
	return 0;
}

int semd_dm_answer(void *ctx, uint64_t id, const char *answer, const char *value)
{
	struct semd *d = ctx;
	int r;

	if (!semd_dm_client(d))
		return -ENODEV;
	r = dm_client_answer(semd_dm_client(d), semd_now_ms(), id,
			     !strcmp(answer, "ok")	 ? DM_UI_OK
			     : !strcmp(answer, "no")	 ? DM_UI_NO
			     : !strcmp(answer, "cancel") ? DM_UI_CANCELLED
							 : DM_UI_PENDING,
			     value);
	semd_dm_arm(d);
	return r;
}

int semd_dm_notify(void *ctx, const void *p, size_t len, char *why, size_t room)
{
	char words[DM_CLIENT_WORDS_MAX] = "";
	struct semd *d = ctx;
	int r;

	if (!semd_dm_client(d))
		return -ENODEV;
	r = dm_client_notify(semd_dm_client(d), semd_now_ms(), DM_VIA_LOCAL, p, len, words);
	semd_dm_arm(d);
	snprintf(why, room, "%s", words);
	return r;
}

int semd_dm_node(void *ctx, const char *root, char *uri, size_t room,
		 struct control_dm_node *out)
{
	/* nobody's session: rights are not asked for, but what nobody may read stays unread */
	const struct dm_req req = {.correlator = ""};
	const struct dm_tree_ops *ops = dm_tree_ops();
	char query[DM_URI_MAX + 32], at[DM_URI_MAX + 1];
	struct semd *d = ctx;
	struct dm_tree *t;
	struct dm_stat st;
	size_t n = 0;
	int r;

	if (!semd_dm_client(d))
		return -ENODEV;
	if (strlen(root) > DM_URI_MAX || strlen(uri) > DM_URI_MAX || strchr(root, '?'))
		return -EINVAL;
	t = dm_client_tree(semd_dm_client(d));
	snprintf(query, sizeof(query), "%s?list=StructData", root);
	r = ops->stat(t, &req, query, &st);
	snprintf(at, sizeof(at), "%s", uri);
	if (r == DM_OK)
		r = ops->walk(t, &req, query, at, &st);
	if (!r)
		return -ENODATA;
	if (r != DM_OK)
		return r == DM_NOT_FOUND ? -ENOENT : r < 0 ? r : -EINVAL;
	memset(out, 0, sizeof(*out));
	out->format = mo_format_name(st.format);
	out->text = mo_format_text(st.format);
	out->size = st.size;
	snprintf(out->type, sizeof(out->type), "%s", st.type);
	if (st.format != MO_NODE &&
	    ops->read(t, &req, at, 0, out->value, sizeof(out->value) - 1, &n) == DM_OK)
		out->len = n;
	snprintf(uri, room, "%s", at);
	return 0;
}
