// SPDX-License-Identifier: Apache-2.0
/*
 * A message of the server: is it for this session, what does it say to our commands, and
 * what does it want to have done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "dm/engine-priv.h"

void eng_work_free(struct eng_work *w)
{
	uint32_t i;

	if (!w)
		return;
	for (i = 0; i < w->nr; i++) {
		if (w->units[i].told)
			explicit_bzero(w->units[i].told, sizeof(*w->units[i].told));
		free(w->units[i].told);
	}
	free(w->units);
	dm_msg_free(&w->msg);
	free(w);
}

int eng_in_parse(struct dm_engine *e, const struct dm_engine_msg *in, struct eng_work **ret)
{
	/* some headers count: what a server takes for MaxMsgSize is not always the whole */
	struct dm_limits limits = {.bytes = e->max_msg + (e->max_msg >> 3)};
	char words[DM_WORDS_MAX] = "";
	struct eng_work *w;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return eng_fail(e, DM_END_INTERNAL, "no memory for a message");
	w->coding = in->wbxml ? DM_WBXML : DM_XML;
	r = dm_msg_parse(w->coding, in->p, in->len, &limits, &w->msg, words);
	if (r) {
		free(w);
		return eng_fail(e, r == -ENOMEM ? DM_END_INTERNAL : DM_END_BAD_MESSAGE,
				"a message that cannot be read: %s", words);
	}
	*ret = w;
	return 0;
}

static bool one_of(const char *s, const char *const *list)
{
	while (s && *list && strcasecmp(s, *list))
		list++;
	return s && *list;
}

/* "1A2B", "1a2b", "001A2B" */
static bool same_session(const char *a, const char *b)
{
	while (*a == '0' && a[1])
		a++;
	return !strcasecmp(a, b);
}

int eng_in_header(struct dm_engine *e, const struct dm_hdr *hdr, unsigned int *code)
{
	static const char *const dtds[] = {"1.2", "1.1", "1.3", NULL};
	static const char *const protos[] = {"DM/1.2", "DM/1.1", "DM/1.3", NULL};
	char *uri;

	if (!hdr->session_id || !same_session(hdr->session_id, e->session))
		return eng_fail(e, DM_END_BAD_MESSAGE, "a message of another session");
	if (!hdr->msg_id || !*hdr->msg_id || strlen(hdr->msg_id) >= ENG_ID_MAX)
		return eng_fail(e, DM_END_BAD_MESSAGE, "a message without a usable MsgID");
	*code = DM_OK;
	if (!one_of(hdr->ver_dtd, dtds) || !one_of(hdr->ver_proto, protos))
		*code = DM_BAD_VERSION;
	if (hdr->meta.max_msg) {
		if (hdr->meta.max_msg < DM_ENGINE_MSG_MIN)
			return eng_fail(e, DM_END_LIMIT,
					"the server takes messages of %llu bytes only",
					(unsigned long long)hdr->meta.max_msg);
		e->peer_max =
			hdr->meta.max_msg < SIZE_MAX ? (size_t)hdr->meta.max_msg : SIZE_MAX;
	}
	if (hdr->meta.max_obj)
		e->peer_obj =
			hdr->meta.max_obj < SIZE_MAX ? (size_t)hdr->meta.max_obj : SIZE_MAX;
	if (hdr->resp_uri && *hdr->resp_uri) {
		uri = strdup(hdr->resp_uri);
		if (!uri)
			return eng_fail(e, DM_END_INTERNAL, "no memory for RespURI");
		free(e->resp_uri);
		e->resp_uri = uri;
	}
	return 0;
}

static int results_status(struct dm_engine *e, const struct dm_cmd *st)
{
	/* one that refuses a piece wants no more of them */
	if (st->code >= 400) {
		eng_log(e, LOG_INFO, "the server refused Results: %u", st->code);
		eng_results_drop(e);
	}
	return 0;
}

static bool is_header(const struct dm_cmd *st)
{
	return st->cmd ? !strcmp(st->cmd, "SyncHdr") : st->cmd_ref && !strcmp(st->cmd_ref, "0");
}

int eng_in_status(struct dm_engine *e, const struct eng_work *w, bool trusted, bool *again)
{
	const struct dm_cmd *c;
	unsigned long msg;
	int r = 0;

	*again = false;
	for (c = w->msg.cmds; c && !r; c = c->next) {
		if (c->kind == DM_ALERT && c->code == 1223)
			r = eng_fail(e, DM_END_SERVER, "the server aborted the session");
		if (c->kind != DM_STATUS)
			continue;
		msg = c->msg_ref ? strtoul(c->msg_ref, NULL, 10) : 0;
		if (is_header(c)) {
			/* of an older message it has been read already */
			if (msg == e->msg_id || !c->msg_ref)
				r = eng_auth_status(e, c, again);
		} else if (!trusted || c->code == DM_INVALID_CREDENTIALS ||
			   c->code == DM_MISSING_CREDENTIALS) {
			continue; /* a stranger's word, or one that comes with the header's */
		} else if (c->cmd && !strcmp(c->cmd, "Results")) {
			r = results_status(e, c);
		} else {
			eng_alert_status(e, c);
		}
	}
	return r;
}

static size_t count(const struct dm_cmd *c)
{
	const struct dm_item *it;
	size_t n = 0;

	for (; c; c = c->next) {
		if (c->kind == DM_STATUS)
			continue;
		n += !c->items || c->kind == DM_ALERT;
		if (c->kind != DM_ALERT)
			for (it = c->items; it; it = it->next)
				n++;
		n += count(c->children);
	}
	return n;
}

static bool is_container(const struct dm_cmd *c)
{
	return c->kind == DM_SEQUENCE || c->kind == DM_ATOMIC;
}

static uint16_t preset(const struct dm_cmd *c, unsigned int code)
{
	if (code)
		return (uint16_t)code;
	/* the server waits for the rest of our package: that is what it gets */
	return c->kind == DM_ALERT && c->code == 1222 ? DM_OK : 0;
}

static void fill(struct eng_work *w, const struct dm_cmd *c, uint32_t parent, bool atomic,
		 unsigned int code)
{
	const struct dm_item *it;
	struct eng_unit *u;

	for (; c; c = c->next) {
		if (c->kind == DM_STATUS)
			continue;
		it = c->kind == DM_ALERT || is_container(c) ? NULL : c->items;
		do {
			u = &w->units[w->nr++];
			*u = (struct eng_unit){
				.cmd = c,
				.item = it,
				.parent = parent,
				.end = w->nr,
				.code = preset(c, code),
				.atomic = atomic,
			};
			it = it ? it->next : NULL;
		} while (it);
		if (!c->children)
			continue;
		fill(w, c->children, is_container(c) ? w->nr - 1 : parent,
		     atomic || c->kind == DM_ATOMIC, code);
		/* the array does not move: it was counted before */
		u->end = w->nr;
	}
}

int eng_in_units(struct eng_work *w, unsigned int code)
{
	size_t n = count(w->msg.cmds);

	if (n >= ENG_NONE)
		return -E2BIG;
	if (!n)
		return 0;
	w->units = calloc(n, sizeof(*w->units));
	if (!w->units)
		return -ENOMEM;
	fill(w, w->msg.cmds, ENG_NONE, false, code);
	if (code)
		w->run = w->nr;
	return 0;
}
