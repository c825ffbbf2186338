// SPDX-License-Identifier: Apache-2.0
/* Subtrees as TNDS: Get with ?list=TNDS, and Add of serialised objects. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/tnds.h"
#include "dm/tree-priv.h"
#include "dm/wbxml.h"

/* ---- out --------------------------------------------------------------------- */

/* A property as text of its own, NULL if this node does not have it. */
static char *prop(struct dm_tree *t, const struct tree_at *at, unsigned int which,
		  struct model_buf *b)
{
	*b = (struct model_buf){.max = DM_ACL_MAX + 1};
	if (tree_prop_print(t, at, which, b) != DM_OK || b->len == 0)
		return NULL;
	return model_buf_text(b);
}

static int show(struct dm_tree *t, const struct tree_at *at, const char *path,
		unsigned int props, struct model_buf *out)
{
	struct model_buf acl, size, title, tstamp, verno;
	struct dm_tnds_show n = {
		.name = at->path.n ? at->path.name[at->path.n - 1] : ".",
		.path = path,
		.format = at->st.format,
		.type = at->st.type,
		.acl = prop(t, at, DM_PROP_ACL, &acl),
		.size = prop(t, at, DM_PROP_SIZE, &size),
		.title = prop(t, at, DM_PROP_TITLE, &title),
		.tstamp = prop(t, at, DM_PROP_TSTAMP, &tstamp),
		.verno = prop(t, at, DM_PROP_VERNO, &verno),
		.props = props,
	};
	uint8_t *value = NULL;
	int r = DM_OK;

	if (at->st.format != MO_NODE && (props & DM_PROP_VALUE)) {
		r = tree_read_leaf(t, at, DM_LIST_MAX, &value, &n.len);
		n.value = value;
		n.has_value = r == DM_OK;
	}
	if (r == DM_OK)
		dm_tnds_open(out, &n);
	if (value)
		explicit_bzero(value, n.len);
	free(value);
	model_buf_free(&acl);
	model_buf_free(&size);
	model_buf_free(&title);
	model_buf_free(&tstamp);
	model_buf_free(&verno);
	return r == DM_OK && out->error ? out->error : r;
}

int tree_tnds_print(struct dm_tree *t, const struct dm_req *req, const struct tree_at *from,
		    unsigned int props, struct model_buf *out)
{
	unsigned int top = from->path.n, open = top;
	char path[DM_URI_MAX + 1];
	struct tree_at at;
	struct dm_path up;
	int r;

	dm_path_set(&at.path, &from->path, 0);
	r = tree_find(t, &at);
	if (r < 0)
		return r;
	dm_path_set(&up, &from->path, 0);
	dm_path_pop(&up);
	dm_path_print(&up, path);
	dm_tnds_begin(out);
	r = show(t, &at, top ? path : NULL, props, out);
	while (r == DM_OK) {
		r = tree_step(t, req, top, &at);
		if (r < 0)
			break;
		for (; open >= at.path.n; open--)
			dm_tnds_close(out);
		open = at.path.n;
		r = show(t, &at, NULL, props, out);
	}
	if (r != -ENOENT)
		return r;
	for (; open > top; open--)
		dm_tnds_close(out);
	dm_tnds_close(out);
	dm_tnds_end(out);
	return out->error ? out->error : DM_OK;
}

/* ---- in ---------------------------------------------------------------------- */

struct taker {
	struct dm_tree *t;
	const struct dm_req *req;
};

/* A name for a node that has none: the first number that is free. */
static int invent(struct dm_tree *t, struct tree_at *at)
{
	for (unsigned int i = 1; i <= DM_NODES_MAX; i++) {
		char name[12];
		int r;

		snprintf(name, sizeof(name), "%u", i);
		if (dm_path_push(&at->path, name, strlen(name)) < 0)
			return DM_URI_TOO_LONG;
		r = tree_find(t, at);
		if (r < 0)
			return r;
		if (!at->there)
			return DM_OK;
		dm_path_pop(&at->path);
	}
	return DM_DEVICE_FULL;
}

static int set_acl(struct taker *k, struct tree_at *at, const char *acl, const char *title)
{
	int r;

	if ((!acl || !*acl) && (!title || !*title))
		return DM_OK;
	/* where lists for nodes of mounts are, see tree_prop_write() */
	if (at->mounted)
		return DM_OK;
	if (acl && dm_acl_check(acl) < 0)
		return DM_BAD_REQUEST;
	if (title && strlen(title) > DM_TITLE_MAX)
		return DM_TOO_LARGE;
	if (acl && *acl)
		strcpy(at->node.acl, acl);
	if (title)
		strcpy(at->node.title, title);
	r = tree_node_put(k->t, DM_KIND_TREE, &at->key, &at->node);
	return r < 0 ? r : DM_OK;
}

/* @n and what is below, at @at->path, which is found. */
static int take(struct taker *k, const struct dm_tnds_node *n, struct tree_at *at)
{
	const struct dm_put put = {
		.format = n->format,
		.type = n->type && *n->type ? n->type : NULL,
		.total = DM_SIZE_UNKNOWN,
		.data = n->value,
		.len = n->len,
		.has_data = n->has_value,
		.last = true,
	};
	char uri[DM_URI_MAX + 1];
	int r;

	if (dm_path_print(&at->path, uri) < 0)
		return DM_URI_TOO_LONG;
	/* all or nothing: what a mount has done only an Atomic takes back */
	if (at->mounted && !k->t->level[DM_LEVEL_ATOMIC])
		return DM_NOT_ALLOWED;
	/* interior nodes that are there already are on the way */
	if (!at->there || at->st.format != MO_NODE || strcmp(n->format, "node")) {
		r = tree_write_one(k->t, k->req, DM_HOW_ADD, at, &put);
		if (r == DM_OK)
			r = set_acl(k, at, n->acl, n->title);
		if (r != DM_OK)
			return r;
	}
	for (const struct dm_tnds_node *kid = n->kids; kid; kid = kid->next) {
		struct tree_at *below = malloc(sizeof(*below));

		if (!below)
			return -ENOMEM;
		dm_path_set(&below->path, &at->path, 0);
		r = dm_path_push(&below->path, kid->name, strlen(kid->name));
		r = r == -EINVAL ? DM_BAD_REQUEST : r < 0 ? DM_URI_TOO_LONG : DM_OK;
		if (r == DM_OK)
			r = tree_find(k->t, below);
		if (r == 0)
			r = take(k, kid, below);
		free(below);
		if (r != DM_OK)
			return r;
	}
	return DM_OK;
}

static bool is_inbox(const struct tree_object *o)
{
	return o && o->mo == &mo_inbox;
}

/* Where objects of this identifier are. */
static int home(struct dm_tree *t, const char *moi, struct dm_path *path)
{
	for (unsigned int i = 0; moi && i < t->nr_objects; i++) {
		const struct mo_object *mo = t->objects[i].mo;
		struct dm_uri uri;

		if (strcmp(mo->moi, moi))
			continue;
		if (dm_uri_parse(mo->path, &uri) != DM_OK)
			return DM_FAILED;
		dm_path_set(path, &uri.path, 0);
		return DM_OK;
	}
	return DM_NOT_FOUND;
}

static bool within(const struct dm_path *path, const struct dm_path *below)
{
	for (unsigned int i = 0; i < path->n; i++)
		if (i >= below->n || strcmp(path->name[i], below->name[i]))
			return false;
	return true;
}

/*
 * Where a node of the first level goes. An Add to the Inbox or to the root says it with Path,
 * or the identifier of the object does. Elsewhere the target counts: below it if it is
 * there, and else the target is the node; a Path may then only lead to what is below.
 */
static int place(struct taker *k, const struct dm_tnds_node *n, const struct dm_path *target,
		 struct tree_at *at)
{
	bool anywhere;
	int r;

	dm_path_set(&at->path, target, 0);
	r = tree_find(k->t, at);
	if (r < 0)
		return r;
	anywhere = at->path.n == 0 || is_inbox(at->object);
	if (n->path && *n->path) {
		struct dm_uri uri;

		r = dm_uri_parse(n->path, &uri);
		if (r != DM_OK)
			return r;
		if (uri.query != DM_QUERY_NONE ||
		    (!anywhere && !within(target, &uri.path) && at->there))
			return DM_BAD_REQUEST;
		if (anywhere || at->there)
			dm_path_set(&at->path, &uri.path, 0);
	} else if (is_inbox(at->object)) {
		r = home(k->t, n->type, &at->path);
		if (r != DM_OK)
			return r;
	}
	if (!anywhere && !at->there) {
		/* the target is the node itself */
		if (*n->name && strcmp(n->name, target->name[target->n - 1]))
			return DM_BAD_REQUEST;
		return DM_OK;
	}
	r = tree_find(k->t, at);
	if (r < 0)
		return r;
	if (!*n->name)
		return invent(k->t, at);
	r = dm_path_push(&at->path, n->name, strlen(n->name));
	if (r < 0)
		return r == -EINVAL ? DM_BAD_REQUEST : DM_URI_TOO_LONG;
	r = tree_find(k->t, at);
	return r < 0 ? r : DM_OK;
}

int tree_tnds_take(struct dm_tree *t, const struct dm_req *req, const struct dm_path *target,
		   bool wbxml, const uint8_t *p, size_t len)
{
	struct dm_arena *arena = dm_arena_new(8 * (size_t)DM_LIST_MAX);
	struct model_buf xml = {.max = 4 * (size_t)DM_LIST_MAX};
	struct taker k = {.t = t, .req = req};
	struct dm_tnds_node *list = NULL;
	struct tree_mark mark;
	int r = arena ? 0 : -ENOMEM;

	if (!r && wbxml) {
		r = dm_wbxml_tnds(p, len, &xml);
		p = xml.p;
		len = xml.len;
	}
	if (!r)
		r = dm_tnds_read(arena, p, len, &list);
	if (r == -EBADMSG || r == -E2BIG || r == -ENOTSUP || r == -EMSGSIZE)
		r = r == -EBADMSG   ? DM_BAD_REQUEST
		    : r == -ENOTSUP ? DM_BAD_FORMAT
				    : DM_TOO_LARGE;
	if (!r)
		r = tree_begin(t, &mark);
	else
		goto out;
	if (r < 0)
		goto out;
	r = DM_OK;
	for (const struct dm_tnds_node *n = list; n && r == DM_OK; n = n->next) {
		struct tree_at at;

		r = place(&k, n, target, &at);
		if (r == DM_OK)
			r = take(&k, n, &at);
		if (r > 0 && r < 200)
			r = DM_FAILED; /* a mount cannot make one of several nodes later */
	}
	r = tree_end(t, &mark, r);
out:
	model_buf_free(&xml);
	dm_arena_free(arena);
	return r;
}
