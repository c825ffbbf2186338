// SPDX-License-Identifier: Apache-2.0
/*
 * Results of a Get: a value, or the nodes of a list (OMA-TS-DM_TND-V1_2_1, 8). What does not
 * fit a message goes in pieces (Protocol, 7), read from the tree as they go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "dm/engine-priv.h"

#define NODES 24	/* of a list in one Results command */
#define NODE_BYTES 2048 /* of a value that goes with others */

/** struct batch - nodes of a list that go in one command */
struct batch {
	unsigned int n;
	size_t used; /* of the buffer */
	struct dm_item item[NODES];
	struct dm_stat st[NODES];
	char uri[NODES][DM_URI_MAX + 1];
};

void eng_results_drop(struct dm_engine *e)
{
	if (e->results)
		explicit_bzero(e->results->buf, e->results->room);
	free(e->results);
	e->results = NULL;
}

static int read_value(struct dm_engine *e, const struct dm_req *req, const char *uri,
		      uint64_t off, uint8_t *p, size_t room, size_t *n)
{
	*n = 0;
	return e->tree->read(e->tree_ctx, req, uri, off, p, room, n);
}

int eng_results_begin(struct dm_engine *e, const struct dm_req *req, const char *uri)
{
	/* no more is read than a message of theirs, or of ours, can have */
	size_t room = e->peer_max && e->peer_max < e->max_msg ? e->peer_max : e->max_msg, n;
	struct eng_results *rs;
	struct dm_stat st = {0};
	int r;

	r = e->tree->stat(e->tree_ctx, req, uri, &st);
	if (r != DM_OK)
		return r;
	if (!st.list && e->peer_obj && st.size > e->peer_obj)
		return DM_TOO_LARGE;
	if (!st.list && st.size < room)
		room = (size_t)st.size;
	rs = calloc(1, sizeof(*rs) + room + 1);
	if (!rs)
		return -ENOMEM;
	rs->st = st;
	rs->list = st.list;
	rs->room = room;
	rs->total = st.size;
	/* what cannot be read is no 200 */
	if (!st.list) {
		r = read_value(e, req, uri, 0, rs->buf, room, &n);
		if (r == DM_OK && n != room)
			r = DM_FAILED;
		rs->loaded = true;
	}
	if (r != DM_OK) {
		free(rs);
		return r;
	}
	e->results = rs;
	return DM_OK;
}

static struct dm_cmd results_cmd(const struct eng_work *w, const struct eng_unit *u,
				 struct dm_item *items)
{
	return (struct dm_cmd){
		.kind = DM_RESULTS,
		.name = "Results",
		.msg_ref = w->msg.hdr.msg_id,
		.cmd_ref = u->cmd->cmd_id,
		.cmd = u->cmd->name,
		.items = items,
	};
}

static struct dm_item node_item(const char *uri, const struct dm_stat *st)
{
	return (struct dm_item){
		.source = uri,
		.meta = {.format = mo_format_name(st->format),
			 .type = st->type[0] ? st->type : NULL},
	};
}

/* where to cut @n bytes of a text so that no character is torn */
static size_t whole_characters(const uint8_t *p, size_t n)
{
	size_t i = n, back = 0;

	while (i && back < 4 && (p[i - 1] & 0xc0) == 0x80) {
		i--;
		back++;
	}
	if (!i || back == 4)
		return n; /* no UTF-8 anyway */
	if (p[i - 1] < 0xc0)
		return n;
	return (p[i - 1] >= 0xf0 ? 4U : p[i - 1] >= 0xe0 ? 3U : 2U) == back + 1 ? n : i - 1;
}

/*
 * A value from @rs->off on, of node @uri. 0: all of it is sent; -EMSGSIZE: the rest, if
 * anything was sent, goes in the next message.
 */
static int put_value(struct dm_engine *e, struct eng_results *rs, const struct eng_work *w,
		     const struct eng_unit *u, const char *uri, const struct dm_stat *st)
{
	struct dm_item it = node_item(uri, st);
	struct dm_cmd c = results_cmd(w, u, &it);
	struct dm_req req = eng_req(e, u->cmd);
	size_t n = rs->room, sent = 0;
	int r = DM_OK;

	if (!rs->loaded)
		r = read_value(e, &req, uri, rs->off, rs->buf, rs->room, &n);
	if (r != DM_OK || rs->off + n > rs->total || (!n && rs->off < rs->total)) {
		/* it is another value now: an end that does not fit the size that was said
		 * tells so (424) */
		eng_log(e, LOG_NOTICE, "a value changed while it was sent, or cannot be read");
		n = 0;
		rs->total = rs->off;
	}
	if (rs->off + n < rs->total && mo_format_text(st->format))
		n = whole_characters(rs->buf, n);
	it.data = rs->buf;
	it.len = n;
	it.has_data = true;
	r = eng_out_value(e, &c, rs->off, rs->total, false, &sent);
	if (r == -EINVAL) {
		eng_log(e, LOG_ERR, "a value that cannot be sent");
		r = 0;
	}
	if (sent && r == -EMSGSIZE) {
		rs->off += sent;
		rs->part = true;
		rs->loaded = false;
	}
	return r;
}

/* ---- lists ------------------------------------------------------------------------ */

/* The nodes behind @rs->at, as many as go together. */
static void collect(struct dm_engine *e, struct eng_results *rs, const struct dm_req *req,
		    const char *root, struct batch *b)
{
	struct dm_stat *st;
	struct dm_item *it;
	size_t n;
	int r;

	b->n = 0;
	b->used = 0;
	while (b->n < NODES) {
		st = &b->st[b->n];
		it = &b->item[b->n];
		memcpy(b->uri[b->n], b->n ? b->uri[b->n - 1] : rs->at, sizeof(rs->at));
		*st = (struct dm_stat){0};
		r = e->tree->walk(e->tree_ctx, req, root, b->uri[b->n], st);
		if (r != DM_OK) {
			if (r)
				eng_log(e, LOG_NOTICE, "a list ends early (%d)", r);
			return;
		}
		*it = node_item(b->uri[b->n], st);
		if (rs->st.data && st->format != MO_NODE) {
			if (st->size > rs->room - b->used || (b->n && st->size > NODE_BYTES)) {
				/* it goes alone */
				b->n += !b->n;
				return;
			}
			r = read_value(e, req, b->uri[b->n], 0, rs->buf + b->used,
				       (size_t)st->size, &n);
			if (r == DM_OK) {
				it->data = rs->buf + b->used;
				it->len = n;
				it->has_data = true;
				b->used += n;
			}
		}
		if (b->n)
			b->item[b->n - 1].next = it;
		b->n++;
	}
}

static int put_batch(struct dm_engine *e, struct eng_results *rs, const struct eng_work *w,
		     const struct eng_unit *u, struct batch *b)
{
	struct dm_cmd c = results_cmd(w, u, b->item);
	struct dm_stat *st = &b->st[0];
	unsigned int n = b->n;
	int r;

	/* a value that fills messages */
	if (rs->st.data && st->format != MO_NODE && !b->item[0].has_data && st->size) {
		n = 1;
		r = -EMSGSIZE;
	} else {
		for (;; n = (n + 1) / 2) {
			b->item[n - 1].next = NULL;
			r = eng_out_put(e, &c);
			if (r != -EMSGSIZE || n == 1)
				break;
		}
	}
	if (r == -EMSGSIZE && n == 1 && rs->st.data && st->format != MO_NODE && st->size) {
		rs->off = 0;
		rs->total = st->size;
		if (e->peer_obj && rs->total > e->peer_obj)
			return 0; /* the server does not take it */
		r = put_value(e, rs, w, u, b->uri[0], st);
		if (r == -EMSGSIZE && !rs->part)
			return r;
	} else if (r == -EMSGSIZE) {
		return e->fresh
			       ? eng_fail(e, DM_END_LIMIT, "no node fits the server's messages")
			       : r;
	} else if (r == -EINVAL) {
		eng_log(e, LOG_ERR, "nodes that cannot be sent");
		r = 0;
	}
	if (!r || rs->part)
		memcpy(rs->at, b->uri[n - 1], sizeof(rs->at));
	return r;
}

static int put_list(struct dm_engine *e, struct eng_results *rs, const struct eng_work *w,
		    const struct eng_unit *u)
{
	struct dm_req req = eng_req(e, u->cmd);
	struct dm_stat st = {0};
	struct batch *b;
	int r = 0;

	if (rs->part) {
		if (e->tree->stat(e->tree_ctx, &req, rs->at, &st) != DM_OK)
			st.format = MO_CHR;
		r = put_value(e, rs, w, u, rs->at, &st);
		if (r)
			return r;
		rs->part = false;
		rs->off = 0;
	}
	b = malloc(sizeof(*b));
	if (!b)
		return eng_fail(e, DM_END_INTERNAL, "no memory for a list");
	for (;;) {
		collect(e, rs, &req, u->item->target, b);
		if (!b->n)
			break;
		r = put_batch(e, rs, w, u, b);
		if (r)
			break;
		rs->off = 0;
	}
	free(b);
	return r;
}

int eng_results_put(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u)
{
	struct eng_results *rs = e->results;

	if (rs->list)
		return put_list(e, rs, w, u);
	return put_value(e, rs, w, u, u->item->target, &rs->st);
}
