// SPDX-License-Identifier: Apache-2.0
/* Get: values, names of children, properties, lists, subtrees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/tree-priv.h"

int tree_readable(struct dm_tree *t, const struct dm_req *req, const struct tree_at *at)
{
	int r;

	if (!at->there)
		return DM_NOT_FOUND;
	if (at->desc && !(at->desc->access & MO_GET))
		return DM_NOT_ALLOWED;
	r = tree_allows(t, at, false, MO_GET, req->server);
	return r < 0 ? r : r ? DM_OK : DM_DENIED;
}

int tree_step(struct dm_tree *t, const struct dm_req *req, unsigned int root,
	      struct tree_at *at)
{
	char name[DM_SEGMENT_MAX + 1] = "";
	int r;

	for (;;) {
		r = tree_next(t, at, name, name);
		if (r == -ENOENT) {
			if (at->path.n <= root)
				return -ENOENT;
			strcpy(name, at->path.name[at->path.n - 1]);
			dm_path_pop(&at->path);
			r = tree_find(t, at);
			if (r < 0)
				return r;
			continue;
		}
		if (r < 0)
			return r;
		r = dm_path_push(&at->path, name, strlen(name));
		if (r < 0)
			continue; /* too deep to have a URI */
		r = tree_find(t, at);
		if (r < 0)
			return r;
		r = tree_readable(t, req, at);
		if (r == DM_OK || r < 0)
			return r < 0 ? r : 0;
		dm_path_pop(&at->path);
		r = tree_find(t, at);
		if (r < 0)
			return r;
	}
}

int tree_read_leaf(struct dm_tree *t, const struct tree_at *at, size_t max, uint8_t **p,
		   size_t *len)
{
	size_t room, n = 0;
	uint8_t *b;
	int r;

	if (at->st.size > max)
		return DM_TOO_LARGE;
	if (!at->mounted) {
		r = tree_value_get(t, &at->key, p, len);
		return r < 0 ? r : DM_OK;
	}
	room = (size_t)at->st.size;
	b = malloc(room + 1);
	if (!b)
		return -ENOMEM;
	r = at->object->mount->read
		    ? at->object->mount->read(at->object->ctx, &at->rel, 0, b, room, &n)
		    : DM_NOT_ALLOWED;
	if (r != DM_OK) {
		free(b);
		return r;
	}
	b[n] = 0;
	*p = b;
	*len = n;
	return DM_OK;
}

/* ---- what is read piece by piece --------------------------------------------- */

void tree_cache_drop(struct dm_tree *t)
{
	if (t->cache.p)
		explicit_bzero(t->cache.p, t->cache.len);
	free(t->cache.p);
	free(t->cache.uri);
	t->cache = (struct tree_cache){0};
}

static int print_children(struct dm_tree *t, const struct tree_at *at, struct model_buf *out)
{
	char name[DM_SEGMENT_MAX + 1] = "";
	int r;

	while ((r = tree_next(t, at, name, name)) == 0) {
		struct dm_path one = {0};
		char uri[DM_URI_MAX + 1];

		/* as it stands in a URI: a '/' in a name must not look like the next one's */
		if (dm_path_push(&one, name, strlen(name)) < 0 || dm_path_print(&one, uri) < 0)
			return -EIO;
		if (out->len)
			model_buf_puts(out, "/");
		model_buf_puts(out, uri + 2);
	}
	return r == -ENOENT ? DM_OK : r;
}

/* The bytes that a URI stands for, and what they are. */
static int make(struct dm_tree *t, const struct dm_req *req, const struct dm_uri *uri,
		const struct tree_at *at, struct dm_stat *st, uint8_t **p, size_t *len)
{
	struct model_buf out = {.max = DM_LIST_MAX};
	int r;

	switch (uri->query) {
	case DM_QUERY_PROP:
		*st = (struct dm_stat){.format = MO_CHR, .type = "text/plain"};
		r = tree_prop_print(t, at, uri->props, &out);
		break;
	case DM_QUERY_TNDS:
		*st = (struct dm_stat){.format = MO_XML, .type = DM_MIME_TNDS_XML};
		r = tree_tnds_print(t, req, at, uri->props, &out);
		break;
	default:
		*st = at->st;
		if (at->st.format != MO_NODE)
			return tree_read_leaf(t, at, DM_VALUE_MAX, p, len);
		r = print_children(t, at, &out);
		break;
	}
	if (r == DM_OK && out.error)
		r = out.error;
	if (r == -EMSGSIZE)
		r = DM_TOO_LARGE;
	if (r != DM_OK) {
		model_buf_free(&out);
		return r;
	}
	*p = out.p;
	*len = out.len;
	return DM_OK;
}

/* Makes it anew and keeps it. */
static int fill(struct dm_tree *t, const struct dm_req *req, const char *text,
		const struct dm_uri *uri, const struct tree_at *at)
{
	struct tree_cache c = {.generation = t->generation};
	int r;

	r = make(t, req, uri, at, &c.st, &c.p, &c.len);
	if (r != DM_OK)
		return r;
	c.st.size = c.len;
	c.uri = strdup(text);
	if (req->server)
		strncpy(c.server, req->server, sizeof(c.server) - 1);
	tree_cache_drop(t);
	t->cache = c;
	if (!c.uri) {
		tree_cache_drop(t);
		return -ENOMEM;
	}
	return DM_OK;
}

static int open_uri(struct dm_tree *t, const struct dm_req *req, const char *text,
		    struct dm_uri *uri, struct tree_at *at)
{
	int r = dm_uri_parse(text, uri);

	if (r != DM_OK)
		return r;
	if (uri->query == DM_QUERY_UNKNOWN || (uri->query == DM_QUERY_PROP && !uri->props))
		return DM_UNSUPPORTED;
	dm_path_set(&at->path, &uri->path, 0);
	r = tree_find(t, at);
	if (r < 0)
		return r;
	if (uri->query != DM_QUERY_PROP)
		return tree_readable(t, req, at);
	/* properties are there also where the value cannot be read */
	if (!at->there)
		return DM_NOT_FOUND;
	r = tree_allows(t, at, false, MO_GET, req->server);
	return r < 0 ? r : r ? DM_OK : DM_DENIED;
}

int tree_op_stat(void *ctx, const struct dm_req *req, const char *text, struct dm_stat *st)
{
	struct dm_tree *t = ctx;
	struct dm_uri uri;
	struct tree_at at;
	int r = open_uri(t, req, text, &uri, &at);

	if (r != DM_OK)
		return r;
	if (uri.query == DM_QUERY_STRUCT || uri.query == DM_QUERY_STRUCTDATA) {
		*st = at.st;
		st->list = true;
		st->data = uri.query == DM_QUERY_STRUCTDATA;
		return DM_OK;
	}
	if (uri.query == DM_QUERY_NONE && at.st.format != MO_NODE) {
		*st = at.st;
		return DM_OK;
	}
	r = fill(t, req, text, &uri, &at);
	if (r == DM_OK)
		*st = t->cache.st;
	return r;
}

static bool cached(const struct dm_tree *t, const struct dm_req *req, const char *text)
{
	return t->cache.uri && !strcmp(t->cache.uri, text) &&
	       !strcmp(t->cache.server, req->server ? req->server : "");
}

int tree_op_read(void *ctx, const struct dm_req *req, const char *text, uint64_t offset,
		 void *p, size_t room, size_t *n)
{
	struct dm_tree *t = ctx;
	struct dm_uri uri;
	struct tree_at at;
	int r;

	*n = 0;
	if (!cached(t, req, text) || t->cache.generation != t->generation) {
		struct tree_cache old = {0};

		r = open_uri(t, req, text, &uri, &at);
		if (r != DM_OK)
			return r;
		if (uri.query == DM_QUERY_STRUCT || uri.query == DM_QUERY_STRUCTDATA)
			return DM_BAD_REQUEST;
		/* what a mount has may be large, and it knows about offsets */
		if (uri.query == DM_QUERY_NONE && at.mounted && at.st.format != MO_NODE)
			return at.object->mount->read
				       ? at.object->mount->read(at.object->ctx, &at.rel, offset,
								p, room, n)
				       : DM_NOT_ALLOWED;
		if (offset > 0 && cached(t, req, text)) {
			old = t->cache;
			t->cache = (struct tree_cache){0};
		}
		r = fill(t, req, text, &uri, &at);
		if (r == DM_OK && old.uri &&
		    (old.len != t->cache.len ||
		     (old.len && memcmp(old.p, t->cache.p, old.len))))
			r = DM_CONFLICT;
		if (old.p)
			explicit_bzero(old.p, old.len);
		free(old.p);
		free(old.uri);
		if (r != DM_OK)
			return r;
	}
	if (offset >= t->cache.len)
		return DM_OK;
	*n = t->cache.len - (size_t)offset;
	if (*n > room)
		*n = room;
	memcpy(p, t->cache.p + offset, *n);
	return DM_OK;
}

int tree_op_walk(void *ctx, const struct dm_req *req, const char *root, char *text,
		 struct dm_stat *st)
{
	struct dm_tree *t = ctx;
	struct dm_uri uri;
	struct tree_at at;
	struct tree_key key;
	unsigned int top;
	int r = open_uri(t, req, root, &uri, &at);

	if (r != DM_OK)
		return r;
	top = at.path.n;
	key = at.key;
	if (*text) {
		r = dm_uri_parse(text, &uri);
		if (r != DM_OK)
			return r;
		dm_path_set(&at.path, &uri.path, 0);
		r = tree_find(t, &at);
		if (r < 0)
			return r;
		if (!at.there || !tree_key_within(&key, &at.key))
			return DM_NOT_FOUND;
		r = tree_step(t, req, top, &at);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
	*st = at.st;
	return dm_path_print(&at.path, text) < 0 ? -EIO : DM_OK;
}
