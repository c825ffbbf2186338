// SPDX-License-Identifier: Apache-2.0
/*
 * Large objects that the server sends (OMA-TS-DM_Protocol-V1_2_1, 7): each piece goes to the
 * tree at once, none is kept here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dm/engine-priv.h"
#include "model/base64.h"

void eng_large_drop(struct dm_engine *e)
{
	if (!e->large.on)
		return;
	e->large.on = false;
	e->tree->write_abort(e->tree_ctx);
}

static bool goes_on(const struct eng_large *l, const struct eng_unit *u)
{
	/* what is around a piece is repeated with each */
	if (u->cmd->kind == DM_SEQUENCE)
		return true;
	return u->item && u->cmd->kind == l->kind &&
	       (!u->item->target || !strcmp(u->item->target, l->uri));
}

bool eng_large_check(struct dm_engine *e, const struct eng_unit *u)
{
	if (e->large.on && !goes_on(&e->large, u)) {
		snprintf(e->lost, sizeof(e->lost), "%s", e->large.uri);
		eng_large_drop(e);
	}
	if (!u->item || (u->cmd->kind != DM_ADD && u->cmd->kind != DM_REPLACE))
		return false;
	return e->large.on || u->item->more;
}

static int begin(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u)
{
	const struct dm_item *it = u->item;
	struct eng_large *l = &e->large;

	if (!it->target)
		return DM_INCOMPLETE;
	if (strlen(it->target) > DM_URI_MAX)
		return DM_URI_TOO_LONG;
	if (!it->meta.has_size)
		return DM_NO_SIZE;
	if (it->meta.size > e->max_obj)
		return DM_TOO_LARGE;
	if (u->atomic)
		return DM_UNSUPPORTED; /* an Atomic is in one message, and so is what it changes
					*/
	*l = (struct eng_large){.kind = u->cmd->kind, .total = it->meta.size};
	snprintf(l->uri, sizeof(l->uri), "%s", it->target);
	if (it->meta.format)
		snprintf(l->format, sizeof(l->format), "%s", it->meta.format);
	if (it->meta.type)
		snprintf(l->type, sizeof(l->type), "%s", it->meta.type);
	l->b64 = w->coding == DM_XML && !strcasecmp(l->format, "b64");
	l->on = true;
	return 0;
}

/*
 * The octets of a piece. Text of base64 is decoded across the pieces; so is one that could be
 * read by itself, but does not begin where four characters do: it becomes text again first.
 * @room, @size: to be wiped and freed.
 */
static int octets(struct eng_large *l, const struct dm_item *it, const uint8_t **p, size_t *n,
		  uint8_t **room, size_t *size)
{
	bool text = it->form == DM_FORM_B64 || (it->form == DM_FORM_TEXT && l->b64);
	bool raw = it->form == DM_FORM_RAW && l->b64 && l->st.n;
	size_t len = it->len;

	*room = NULL;
	*p = it->data;
	*n = len;
	if (!len || (!text && !raw))
		return 0;
	if (it->form == DM_FORM_B64 && !l->b64)
		return -EBADMSG;
	*size = BASE64_LEN(len) + 4;
	*room = malloc(*size);
	if (!*room)
		return -ENOMEM;
	if (raw)
		len = base64_encode(it->data, len, (char *)*room, false);
	*p = *room;
	return dm_b64_feed(&l->st, raw ? *room : it->data, len, *room, n);
}

static int piece(struct dm_engine *e, const struct dm_item *it, const struct dm_req *req)
{
	struct eng_large *l = &e->large;
	struct dm_put put = {
		.format = l->format[0] ? l->format : NULL,
		.type = l->type[0] ? l->type : NULL,
		.total = l->total,
		.offset = l->got,
		.has_data = true,
		.last = !it->more,
	};
	uint8_t *room;
	size_t size = 0;
	int r;

	r = octets(l, it, &put.data, &put.len, &room, &size);
	if (r == -EBADMSG)
		r = DM_BAD_FORMAT;
	else if (!r && (put.len > l->total - l->got ||
			(put.last && (put.len != l->total - l->got || l->st.n))))
		r = DM_SIZE_MISMATCH;
	else if (!r && !put.len && !put.last)
		r = DM_BUFFERED; /* nothing in it: nothing for the tree */
	if (!r) {
		r = e->tree->write(e->tree_ctx, req,
				   l->kind == DM_ADD ? DM_HOW_ADD : DM_HOW_REPLACE, l->uri,
				   &put);
		if (r >= 0 && (r == DM_PENDING || r >= 300 || put.last))
			l->on = false; /* done, or the tree has dropped it */
		else if (r == DM_OK)
			r = DM_BUFFERED;
		l->got += put.len;
	}
	if (r < 0 || r >= 300)
		eng_large_drop(e);
	if (room)
		explicit_bzero(room, size);
	free(room);
	return r;
}

int eng_large_piece(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u,
		    const struct dm_req *req)
{
	int r = e->large.on ? 0 : begin(e, w, u);

	return r ? r : piece(e, u->item, req);
}
