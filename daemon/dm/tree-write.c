// SPDX-License-Identifier: Apache-2.0
/* Add and Replace of values, whole or in pieces; Delete, Copy, Exec. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/syncml-dom.h"
#include "dm/tree-priv.h"

/* ---- may it be done ---------------------------------------------------------- */

/*
 * Occurrence (TND 1.2, 9.3): is there one already, under another name, where there can be but
 * one? That a node with a name of its own comes once goes without saying. 405: this parent
 * takes no Add, which the standard leaves to us.
 */
static int too_many(struct dm_tree *t, const struct tree_at *parent, const struct mo_node *desc)
{
	char name[DM_SEGMENT_MAX + 1] = "";
	const struct mo_node *other;
	int r;

	if (!desc || desc->name || (desc->occurs != MO_ONE && desc->occurs != MO_ZERO_OR_ONE))
		return DM_OK;
	while ((r = tree_next(t, parent, name, name)) == 0) {
		other = mo_child(parent->desc, name);
		/* where instances name themselves, their parent has no description of them */
		if (!other || other == desc)
			return DM_NOT_ALLOWED;
	}
	return r == -ENOENT ? DM_OK : r;
}

static int may_add(struct dm_tree *t, const struct dm_req *req, const struct tree_at *at)
{
	struct tree_at parent;
	int r;

	if (at->there)
		return DM_EXISTS;
	dm_path_set(&parent.path, &at->path, 0);
	dm_path_pop(&parent.path);
	r = tree_find(t, &parent);
	if (r < 0)
		return r;
	if (!parent.there)
		return DM_NOT_FOUND;
	if (parent.st.format != MO_NODE || !at->known ||
	    (at->desc && !(at->desc->access & MO_ADD) && req->server))
		return DM_NOT_ALLOWED;
	r = tree_allows(t, at, true, MO_ADD, req->server);
	if (r <= 0)
		return r < 0 ? r : DM_DENIED;
	return too_many(t, &parent, at->desc);
}

static int may_replace(struct dm_tree *t, const struct dm_req *req, const struct tree_at *at)
{
	int r;

	if (!at->there)
		return DM_NOT_FOUND;
	if (at->st.format == MO_NODE || (at->desc && !(at->desc->access & MO_REPLACE)))
		return DM_NOT_ALLOWED;
	r = tree_allows(t, at, false, MO_REPLACE, req->server);
	return r < 0 ? r : r ? DM_OK : DM_DENIED;
}

/*
 * The format of the value. b64 says how binary data travels; text is taken for any leaf,
 * and so is what came as octets: what counts is whether the value is one of the node's.
 */
static int format_of(const struct tree_at *at, const struct dm_put *put, enum mo_format *format)
{
	enum mo_format has = at->desc ? at->desc->format : at->there ? at->node.format : MO_CHR;

	*format = has;
	if (!put->format)
		return DM_OK;
	if (mo_format_parse(put->format, format) < 0)
		return DM_BAD_FORMAT;
	if (*format == MO_B64 && !(at->desc && has == MO_B64))
		*format = MO_BIN;
	if (!at->desc)
		return at->there && *format == MO_NODE ? DM_BAD_FORMAT : DM_OK;
	if (*format == has)
		return DM_OK;
	if (has == MO_NODE || (*format != MO_CHR && *format != MO_BIN))
		return DM_BAD_FORMAT;
	*format = has;
	return DM_OK;
}

/* All but the value itself; @total: its bytes. */
static int check(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		 const struct tree_at *at, const struct dm_put *put, uint64_t total,
		 enum mo_format *format)
{
	bool bounded;
	int r = how == DM_HOW_ADD ? may_add(t, req, at) : may_replace(t, req, at);

	if (r != DM_OK)
		return r;
	r = format_of(at, put, format);
	if (r != DM_OK)
		return r;
	if (put->type && strlen(put->type) > DM_TYPE_MAX)
		return DM_BAD_FORMAT;
	if (*format == MO_NODE)
		return total > 0 ? DM_BAD_FORMAT : DM_OK;
	bounded = at->desc && at->desc->min != at->desc->max && at->desc->max >= 0 &&
		  *format != MO_INT;
	if ((bounded && total > (uint64_t)at->desc->max) ||
	    (total > DM_VALUE_MAX && !(at->mounted && *format == MO_BIN)))
		return DM_TOO_LARGE;
	return DM_OK;
}

static int check_value(const struct tree_at *at, enum mo_format format, const uint8_t *p,
		       size_t len)
{
	const struct mo_node any = {.format = format};

	if (mo_format_text(format) && !dm_utf8_valid(p, len))
		return DM_BAD_FORMAT;
	return mo_value_check(at->desc ? at->desc : &any, p, len) < 0 ? DM_BAD_FORMAT : DM_OK;
}

/* ---- one value --------------------------------------------------------------- */

/* Rights of who made a node of a mount's. */
static int adopt(struct dm_tree *t, const struct dm_req *req, struct tree_at *at)
{
	struct tree_mark mark;
	int r;

	/* only what has a fixed name may have a list of its own, see tree_prop_write() */
	if (!req->server || !at->desc || !at->desc->name)
		return DM_OK;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = tree_adopt(t, at, req->server);
	return tree_end(t, &mark, r < 0 ? r : DM_OK);
}

static int to_mount(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		    struct tree_at *at, const struct dm_put *put)
{
	const struct dm_mount_ops *ops = at->object->mount;
	int r;

	if (!ops->write)
		return DM_NOT_ALLOWED;
	if (put->offset == 0) {
		r = tree_join(t, at->object);
		if (r != DM_OK)
			return r;
	}
	t->generation++;
	r = ops->write(at->object->ctx, req, how, &at->rel, put);
	if (r == DM_OK && how == DM_HOW_ADD && put->last)
		r = adopt(t, req, at);
	return r;
}

static int to_store(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		    struct tree_at *at, enum mo_format format, const struct dm_put *put)
{
	const struct tree_object *o = at->object;
	const char *type = at->desc ? NULL : put->type;
	struct tree_mark mark;
	int r;

	if (o && o->watch && o->watch->check) {
		r = o->watch->check(o->ctx, req, &at->rel, put->data, put->len);
		if (r != DM_OK)
			return r;
	}
	if (!at->desc && !type && how == DM_HOW_ADD && format != MO_NODE)
		type = format == MO_BIN ? "application/octet-stream" : "text/plain";
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = format == MO_NODE ? tree_store_interior(t, at, put->type)
			      : tree_store_leaf(t, at, format, type, put->data, put->len);
	if (r == DM_OK && how == DM_HOW_ADD && req->server) {
		int e = tree_adopt(t, at, req->server);

		r = e < 0 ? e : DM_OK;
	}
	return tree_end(t, &mark, r);
}

int tree_write_one(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		   struct tree_at *at, const struct dm_put *put)
{
	enum mo_format format;
	int r = check(t, req, how, at, put, put->len, &format);

	if (r != DM_OK)
		return r;
	if (format != MO_NODE) {
		r = check_value(at, format, put->data, put->len);
		if (r != DM_OK)
			return r;
	}
	return at->mounted ? to_mount(t, req, how, at, put)
			   : to_store(t, req, how, at, format, put);
}

/* ---- in pieces --------------------------------------------------------------- */

void tree_op_write_abort(void *ctx)
{
	struct dm_tree *t = ctx;
	struct tree_put *w = &t->put;

	if (w->active && w->mount && w->mount->mount->write_abort)
		w->mount->mount->write_abort(w->mount->ctx);
	model_buf_free(&w->buf);
	free(w->uri);
	*w = (struct tree_put){0};
}

static bool is_tnds(const struct dm_put *put, bool *wbxml)
{
	*wbxml = put->type && !strcmp(put->type, DM_MIME_TNDS_WBXML);
	return put->type && (*wbxml || !strcmp(put->type, DM_MIME_TNDS_XML));
}

/* The first piece of several. */
static int begin_pieces(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
			const char *uri, struct tree_at *at, const struct dm_put *put)
{
	struct tree_put *w = &t->put;
	enum mo_format format = MO_XML;
	bool wbxml;
	int r;

	if (put->total == DM_SIZE_UNKNOWN)
		return DM_NO_SIZE;
	if (put->len == 0)
		return DM_BAD_REQUEST;
	w->tnds = how == DM_HOW_ADD && is_tnds(put, &wbxml);
	if (w->tnds) {
		if (put->total > DM_LIST_MAX)
			return DM_TOO_LARGE;
	} else {
		r = check(t, req, how, at, put, put->total, &format);
		if (r != DM_OK)
			return r;
	}
	w->active = true;
	w->how = how;
	w->total = put->total;
	w->mount = !w->tnds && at->mounted && format == MO_BIN ? at->object : NULL;
	w->buf.max = w->mount ? 0 : (size_t)put->total;
	w->uri = strdup(uri);
	return w->uri ? DM_OK : -ENOMEM;
}

static int whole(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		 struct tree_at *at, const struct dm_put *put)
{
	bool wbxml;

	if (put->total != DM_SIZE_UNKNOWN && put->total != put->len)
		return DM_SIZE_MISMATCH;
	if (how == DM_HOW_ADD && is_tnds(put, &wbxml)) {
		if (put->len > DM_LIST_MAX)
			return DM_TOO_LARGE;
		return tree_tnds_take(t, req, &at->path, wbxml, put->data, put->len);
	}
	return tree_write_one(t, req, how, at, put);
}

static int piece(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		 struct tree_at *at, const struct dm_put *put)
{
	struct tree_put *w = &t->put;
	struct dm_put all = *put;

	if (put->len > w->total - w->got || (put->last && put->len != w->total - w->got))
		return DM_SIZE_MISMATCH;
	if (!put->last && put->len == 0)
		return DM_BAD_REQUEST;
	w->got += put->len;
	if (w->mount) {
		/* a mount streams it; what it was allowed with the first piece it still is */
		if (!at->known || at->object != w->mount)
			return DM_NOT_FOUND;
		return to_mount(t, req, how, at, put);
	}
	model_buf_put(&w->buf, put->data, put->len);
	if (w->buf.error)
		return w->buf.error;
	if (!put->last)
		return DM_BUFFERED;
	all.offset = 0;
	all.total = w->total;
	all.data = w->buf.p;
	all.len = w->buf.len;
	return whole(t, req, how, at, &all);
}

int tree_op_write(void *ctx, const struct dm_req *req, enum dm_how how, const char *text,
		  const struct dm_put *put)
{
	struct dm_tree *t = ctx;
	struct tree_put *w = &t->put;
	struct dm_uri uri;
	struct tree_at at;
	int r;

	if (put->offset == 0 || !w->active || strcmp(w->uri, text) || w->how != how ||
	    put->offset != w->got) {
		tree_op_write_abort(t);
		if (put->offset > 0)
			return DM_BAD_REQUEST;
	}
	r = dm_uri_parse(text, &uri);
	if (r != DM_OK) {
		tree_op_write_abort(t);
		return r;
	}
	dm_path_set(&at.path, &uri.path, 0);
	r = tree_find(t, &at);
	if (r < 0)
		goto failed;
	if (uri.query == DM_QUERY_PROP) {
		if (how == DM_HOW_ADD)
			return DM_NOT_ALLOWED;
		return at.there ? tree_prop_write(t, req, &at, uri.props, put) : DM_NOT_FOUND;
	}
	if (uri.query != DM_QUERY_NONE)
		return DM_NOT_ALLOWED;
	if (put->offset == 0 && put->last)
		return whole(t, req, how, &at, put);
	if (put->offset == 0) {
		r = begin_pieces(t, req, how, text, &at, put);
		if (r != DM_OK)
			goto failed;
	}
	r = piece(t, req, how, &at, put);
	if (r == DM_BUFFERED)
		return r;
	if (w->mount && put->last) {
		/* it has the whole value, or has said that it does not want it */
		w->mount = NULL;
	}
failed:
	tree_op_write_abort(t);
	return r;
}

/* ---- other commands ---------------------------------------------------------- */

/* Is anything mounted or described here or below? */
static bool has_objects(const struct dm_tree *t, const struct tree_key *key)
{
	for (unsigned int i = 0; i < t->nr_objects; i++)
		if (tree_key_within(key, &t->objects[i].key))
			return true;
	return false;
}

static int find_uri(struct dm_tree *t, const char *text, struct tree_at *at)
{
	struct dm_uri uri;
	int r = dm_uri_parse(text, &uri);

	if (r != DM_OK)
		return r;
	if (uri.query != DM_QUERY_NONE)
		return DM_NOT_ALLOWED;
	dm_path_set(&at->path, &uri.path, 0);
	r = tree_find(t, at);
	return r < 0 ? r : DM_OK;
}

static int delete_stored(struct dm_tree *t, const struct dm_req *req, struct tree_at *at)
{
	const struct tree_object *o = at->object;
	struct tree_mark mark;
	int r;

	if (o && o->watch && o->watch->check) {
		r = o->watch->check(o->ctx, req, &at->rel, NULL, 0);
		if (r != DM_OK)
			return r;
	}
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = tree_records_drop(t, &at->key);
	if (!r)
		r = tree_bump_parent(t, at);
	tree_touch(t, at->object);
	return tree_end(t, &mark, r < 0 ? r : DM_OK);
}

int tree_op_del(void *ctx, const struct dm_req *req, const char *text)
{
	struct dm_tree *t = ctx;
	struct tree_at at;
	int r = find_uri(t, text, &at);

	if (r != DM_OK)
		return r;
	if (!at.there)
		return DM_NOT_FOUND;
	if (at.path.n == 0 || (at.node.flags & (TREE_MOUNT | TREE_PERMANENT)) ||
	    has_objects(t, &at.key) ||
	    (at.desc && (at.desc->permanent || !(at.desc->access & MO_DELETE))))
		return DM_NOT_ALLOWED;
	r = tree_allows(t, &at, false, MO_DELETE, req->server);
	if (r <= 0)
		return r < 0 ? r : DM_DENIED;
	if (!at.mounted)
		return delete_stored(t, req, &at);
	if (!at.object->mount->del)
		return DM_NOT_ALLOWED;
	r = tree_join(t, at.object);
	if (r != DM_OK)
		return r;
	t->generation++;
	r = at.object->mount->del(at.object->ctx, req, &at.rel);
	if (r == DM_OK) {
		int e = dm_tree_gone(t, text);

		if (e < 0)
			return e;
	}
	return r;
}

int tree_op_copy(void *ctx, const struct dm_req *req, const char *from, const char *to)
{
	struct dm_tree *t = ctx;
	struct tree_at src, dst;
	struct dm_put put = {.total = DM_SIZE_UNKNOWN, .has_data = true, .last = true};
	uint8_t *p = NULL;
	size_t len = 0;
	int r = find_uri(t, from, &src);

	if (r == DM_OK)
		r = tree_readable(t, req, &src);
	if (r != DM_OK)
		return r;
	if (src.st.format == MO_NODE)
		return DM_NOT_ALLOWED;
	r = find_uri(t, to, &dst);
	if (r != DM_OK)
		return r;
	r = tree_read_leaf(t, &src, DM_VALUE_MAX, &p, &len);
	if (r != DM_OK)
		return r;
	put.format = mo_format_name(src.st.format);
	put.type = src.st.type;
	put.data = p;
	put.len = len;
	r = tree_write_one(t, req, dst.there ? DM_HOW_REPLACE : DM_HOW_ADD, &dst, &put);
	explicit_bzero(p, len);
	free(p);
	return r;
}

int tree_op_exec(void *ctx, const struct dm_req *req, const char *text,
		 const struct dm_put *arg)
{
	struct dm_tree *t = ctx;
	struct tree_at at;
	int r = find_uri(t, text, &at);
	bool can;

	if (r != DM_OK)
		return r;
	can = at.mounted && at.desc && at.desc->access & MO_EXEC && at.object->mount->exec;
	if (!can)
		return at.there ? DM_NOT_ALLOWED : DM_NOT_FOUND;
	r = tree_allows(t, &at, false, MO_EXEC, req->server);
	if (r <= 0)
		return r < 0 ? r : DM_DENIED;
	/* the mount knows what it was asked for before, also at what is gone since */
	if (!at.there)
		return at.object->mount->exec(at.object->ctx, req, &at.rel, arg);
	r = tree_join(t, at.object);
	if (r != DM_OK)
		return r;
	t->generation++;
	return at.object->mount->exec(at.object->ctx, req, &at.rel, arg);
}
