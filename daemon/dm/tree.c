// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/tree-priv.h"

#define ROOT_ACL "Add=*&Get=*" /* 7.7.1.2 */

static int ensure_root(struct dm_tree *t)
{
	struct tree_node root = {
		.format = MO_NODE,
		.flags = TREE_PERMANENT,
		.acl = ROOT_ACL,
	};
	struct tree_node there;
	struct tree_key key;
	int r;

	tree_key(&key, &(struct dm_path){0}, 0);
	r = tree_node_get(t, DM_KIND_TREE, &key, &there);
	if (r == -ENOENT)
		return tree_node_put(t, DM_KIND_TREE, &key, &root);
	return r;
}

int dm_tree_new(struct dm_tree **ret, const struct dm_tree_config *config, char *why)
{
	struct dm_tree *t = calloc(1, sizeof(*t));
	uint8_t key[STORE_KEY_MAX];
	size_t len;
	int r;

	if (!t) {
		snprintf(why, DM_TREE_WORDS_MAX, "no memory");
		return -ENOMEM;
	}
	t->store = config->store;
	t->now = config->now;
	t->resume = config->resume;
	t->ctx = config->ctx;
	r = tree_records_count(t);
	if (!r)
		r = ensure_root(t);
	if (!r) {
		r = store_next(t->store, DM_KIND_UNDO, NULL, 0, key, &len);
		t->unsettled = r == 0;
		r = r == -ENOENT ? 0 : r;
	}
	if (r < 0) {
		snprintf(why, DM_TREE_WORDS_MAX, "the management tree cannot be read: %s",
			 strerror(-r));
		dm_tree_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void dm_tree_free(struct dm_tree *t)
{
	if (!t)
		return;
	if (t->level[DM_LEVEL_ATOMIC])
		tree_op_rollback(t);
	if (t->level[DM_LEVEL_MESSAGE])
		tree_op_rollback(t);
	tree_op_write_abort(t);
	tree_cache_drop(t);
	free(t->stale);
	free(t);
}

const struct dm_tree_ops *dm_tree_ops(void)
{
	static const struct dm_tree_ops ops = {
		.stat = tree_op_stat,
		.read = tree_op_read,
		.walk = tree_op_walk,
		.write = tree_op_write,
		.write_abort = tree_op_write_abort,
		.del = tree_op_del,
		.copy = tree_op_copy,
		.exec = tree_op_exec,
		.begin = tree_op_begin,
		.commit = tree_op_commit,
		.rollback = tree_op_rollback,
	};

	return &ops;
}

/* ---- objects ----------------------------------------------------------------- */

/* What the device does itself has an errno, not a code. */
static int own(int r)
{
	switch (r) {
	case DM_OK:
		return 0;
	case DM_DEVICE_FULL:
		return -ENOSPC;
	case DM_BUSY:
		return -EBUSY;
	default:
		return r < 0 ? r : -EINVAL;
	}
}

/* Interior nodes from the root to the parent of @path's first @n names. */
static int ensure_parents(struct dm_tree *t, const struct dm_path *path, unsigned int n,
			  uint8_t flags)
{
	for (unsigned int i = 1; i < n; i++) {
		struct tree_at at = {0};
		int r;

		for (unsigned int k = 0; k < i; k++)
			dm_path_push(&at.path, path->name[k], strlen(path->name[k]));
		r = tree_find(t, &at);
		if (r < 0)
			return r;
		if (at.mounted || !at.known || (at.there && at.st.format != MO_NODE))
			return -EINVAL;
		if (at.there)
			continue;
		at.node.flags = flags;
		r = tree_store_interior(t, &at, NULL);
		if (r != DM_OK)
			return r;
	}
	return 0;
}

static void not_stale(struct dm_tree *t, const struct tree_key *key)
{
	for (size_t i = 0; i < t->nr_stale; i++)
		if (t->stale[i].len == key->len && !memcmp(t->stale[i].p, key->p, key->len))
			t->stale[i] = t->stale[--t->nr_stale];
}

/* The node of an object, in the store; @at: where it is. */
static int ensure_object(struct dm_tree *t, const struct mo_object *mo, bool mount,
			 struct tree_at *at)
{
	struct dm_uri uri;
	int r;

	if (dm_uri_parse(mo->path, &uri) != DM_OK)
		return -EINVAL;
	dm_path_set(&at->path, &uri.path, 0);
	if (mo->root->name && dm_path_push(&at->path, mo->root->name, strlen(mo->root->name)))
		return -EINVAL;
	if (at->path.n == 0)
		return -EINVAL;
	r = ensure_parents(t, &at->path, at->path.n, TREE_PERMANENT);
	if (r)
		return own(r);
	tree_key(&at->key, &at->path, at->path.n);
	not_stale(t, &at->key);
	r = tree_find(t, at);
	if (r < 0)
		return r;
	if (at->object)
		return -EEXIST;
	if (at->there)
		return at->st.format != MO_NODE || mount != !!(at->node.flags & TREE_MOUNT)
			       ? -EEXIST
			       : 0;
	at->node.flags = (uint8_t)(TREE_PERMANENT | (mount ? TREE_MOUNT : 0));
	if (mo->acl)
		strncpy(at->node.acl, mo->acl, DM_ACL_MAX);
	return own(tree_store_interior(t, at, mo->root->name ? mo->moi : ""));
}

static int add_object(struct dm_tree *t, const struct tree_object *object)
{
	struct tree_object *o = &t->objects[t->nr_objects];
	struct tree_mark mark;
	struct tree_at at = {0};
	int r;

	if (t->nr_objects == DM_MOUNTS_MAX)
		return -ENOSPC;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = ensure_object(t, object->mo, object->mount, &at);
	if (r < 0) {
		tree_end(t, &mark, r);
		return r;
	}
	r = own(tree_end(t, &mark, DM_OK));
	if (r)
		return r;
	*o = *object;
	o->key = at.key;
	o->depth = at.path.n;
	t->nr_objects++;
	return 0;
}

int dm_tree_mount(struct dm_tree *t, const struct mo_object *mo, const struct dm_mount_ops *ops,
		  void *ctx)
{
	return add_object(t, &(struct tree_object){.mo = mo, .mount = ops, .ctx = ctx});
}

int dm_tree_describe(struct dm_tree *t, const struct mo_object *mo,
		     const struct dm_watch_ops *ops, void *ctx)
{
	return add_object(t, &(struct tree_object){.mo = mo, .watch = ops, .ctx = ctx});
}

/* ---- the device's own access ------------------------------------------------- */

static int find(struct dm_tree *t, const char *text, struct tree_at *at)
{
	struct dm_uri uri;

	if (dm_uri_parse(text, &uri) != DM_OK || uri.query != DM_QUERY_NONE)
		return -EINVAL;
	dm_path_set(&at->path, &uri.path, 0);
	return tree_find(t, at);
}

int dm_tree_gone(struct dm_tree *t, const char *uri)
{
	struct tree_mark mark;
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	if (!at.object || !at.object->mount || at.rel.n == 0)
		return -EINVAL;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = tree_records_drop(t, &at.key);
	return own(tree_end(t, &mark, r < 0 ? r : DM_OK));
}

int dm_tree_set(struct dm_tree *t, const char *uri, enum mo_format format, const char *type,
		const void *p, size_t len)
{
	struct tree_mark mark;
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	if (type && strlen(type) > DM_TYPE_MAX)
		return -EINVAL;
	if (len > DM_VALUE_MAX)
		return -EFBIG;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = ensure_parents(t, &at.path, at.path.n, 0);
	if (!r)
		r = tree_find(t, &at);
	if (!r && (at.mounted || !at.known || at.path.n == 0 || (at.node.flags & TREE_MOUNT) ||
		   (at.there && (at.st.format == MO_NODE) != (format == MO_NODE))))
		r = -EINVAL;
	if (!r)
		r = format == MO_NODE ? tree_store_interior(t, &at, type)
				      : tree_store_leaf(t, &at, format, type, p, len);
	return own(tree_end(t, &mark, r));
}

int dm_tree_drop(struct dm_tree *t, const char *uri)
{
	struct tree_mark mark;
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	if (!at.there)
		return -ENOENT;
	if (at.mounted || (at.node.flags & (TREE_MOUNT | TREE_PERMANENT)) || at.path.n == 0)
		return -EINVAL;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	r = tree_records_drop(t, &at.key);
	if (!r)
		r = tree_bump_parent(t, &at);
	tree_touch(t, at.object);
	return own(tree_end(t, &mark, r < 0 ? r : DM_OK));
}

int dm_tree_get(struct dm_tree *t, const char *uri, uint8_t **p, size_t *len)
{
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	if (!at.there)
		return -ENOENT;
	if (at.st.format == MO_NODE)
		return -EISDIR;
	r = tree_read_leaf(t, &at, DM_VALUE_MAX, p, len);
	return r == DM_TOO_LARGE ? -EFBIG : own(r);
}

int dm_tree_next(struct dm_tree *t, const char *uri, char name[DM_SEGMENT_MAX + 1])
{
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	return at.there ? tree_next(t, &at, name, name) : -ENOENT;
}

int dm_tree_find(struct dm_tree *t, const char *uri, struct dm_stat *st)
{
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	*st = at.st;
	return at.there ? 0 : -ENOENT;
}

int dm_tree_acl(struct dm_tree *t, const char *uri, const char *acl)
{
	struct tree_mark mark;
	struct tree_at at;
	int r = find(t, uri, &at);

	if (r < 0)
		return r;
	if (!at.there)
		return -ENOENT;
	if (dm_acl_check(acl) < 0)
		return -EINVAL;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	strcpy(at.node.acl, acl);
	r = tree_node_put(t, at.mounted ? DM_KIND_PROPS : DM_KIND_TREE, &at.key, &at.node);
	return own(tree_end(t, &mark, r < 0 ? r : DM_OK));
}

int dm_tree_forget(struct dm_tree *t, const char *server)
{
	struct tree_mark mark;
	int r = tree_begin(t, &mark);

	if (r < 0)
		return r;
	r = tree_records_forget(t, server);
	return own(tree_end(t, &mark, r < 0 ? r : DM_OK));
}

void dm_tree_usage(const struct dm_tree *t, unsigned int *nodes, uint64_t *bytes)
{
	*nodes = t->counts.nodes;
	*bytes = t->counts.bytes;
}
