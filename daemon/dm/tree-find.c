// SPDX-License-Identifier: Apache-2.0
/* What a path stands for, and who may do what with it. */
#include <errno.h>
#include <string.h>

#include "dm/tree-priv.h"

/* the parent of instances that name themselves */
static const struct mo_node collection = {
	.format = MO_NODE,
	.access = MO_GET,
	.permanent = true,
};

static struct tree_object *object_of(struct dm_tree *t, const struct tree_key *key)
{
	struct tree_object *best = NULL;

	for (unsigned int i = 0; i < t->nr_objects; i++) {
		struct tree_object *o = &t->objects[i];

		if (tree_key_within(&o->key, key) && (!best || o->depth > best->depth))
			best = o;
	}
	return best;
}

/* The description of @at->rel in its object; false if it cannot be there. */
static bool describe(struct tree_at *at)
{
	const struct mo_node *root = at->object->mo->root, *n;
	unsigned int i = 0;

	n = root->name ? root : &collection;
	if (!root->name && at->rel.n > 0) {
		n = root;
		i = 1;
	}
	for (; i < at->rel.n; i++) {
		const struct mo_node *child = mo_child(n, at->rel.name[i]);

		if (!child && n->open) {
			at->desc = NULL;
			return true;
		}
		if (!child)
			return false;
		n = child;
	}
	at->desc = n;
	return true;
}

/* A node of a mount's, not its root. */
static int find_mounted(struct dm_tree *t, struct tree_at *at)
{
	const struct tree_object *o = at->object;
	const struct mo_node *n = at->desc;
	int r;

	at->mounted = true;
	at->st = (struct dm_stat){.format = n ? n->format : MO_NODE};
	if (n) {
		bool root = n == o->mo->root;

		strncpy(at->st.type, root ? o->mo->moi : mo_type(n), DM_TYPE_MAX);
	}
	r = o->mount->has(o->ctx, &at->rel, &at->st);
	if (r == DM_NOT_FOUND)
		return 0;
	if (r != DM_OK)
		return r < 0 ? r : -EIO;
	at->there = true;
	at->node.format = at->st.format;
	memcpy(at->node.type, at->st.type, sizeof(at->node.type));
	r = tree_node_get(t, DM_KIND_PROPS, &at->key, &at->node);
	return r == -ENOENT ? 0 : r;
}

int tree_find(struct dm_tree *t, struct tree_at *at)
{
	int r;

	tree_key(&at->key, &at->path, at->path.n);
	at->object = object_of(t, &at->key);
	at->desc = NULL;
	at->known = true;
	at->there = at->mounted = false;
	memset(&at->node, 0, sizeof(at->node));
	memset(&at->st, 0, sizeof(at->st));
	at->rel.n = 0;
	if (at->object) {
		dm_path_set(&at->rel, &at->path, at->object->depth);
		at->known = describe(at);
		if (!at->known)
			return 0;
		if (at->object->mount && at->rel.n > 0)
			return find_mounted(t, at);
	}
	if (tree_stale(t, &at->key)) {
		at->known = false;
		return 0;
	}
	r = tree_node_get(t, DM_KIND_TREE, &at->key, &at->node);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	at->there = true;
	at->st.format = at->node.format;
	at->st.size = at->node.size;
	memcpy(at->st.type, at->node.type, sizeof(at->st.type));
	return 0;
}

int tree_next(struct dm_tree *t, const struct tree_at *at, const char *after,
	      char name[DM_SEGMENT_MAX + 1])
{
	const struct tree_object *o = at->object;
	char before[DM_SEGMENT_MAX + 1];
	int r;

	if (at->st.format != MO_NODE)
		return -ENOENT;
	if (!o || !o->mount)
		return tree_records_next(t, &at->key, after, name);
	strcpy(before, after); /* @name may be the same memory */
	r = o->mount->next(o->ctx, &at->rel, before, name);
	if (r == DM_OK)
		return 0;
	return r == 0 || r == DM_NOT_FOUND ? -ENOENT : r < 0 ? r : -EIO;
}

int tree_acl_of(struct dm_tree *t, const struct dm_path *path, unsigned int n,
		char acl[DM_ACL_MAX + 1])
{
	struct tree_key key;

	for (;; n--) {
		const struct tree_object *o;
		struct tree_node node;
		int r;

		tree_key(&key, path, n);
		o = object_of(t, &key);
		r = tree_node_get(t,
				  o && o->mount && n > o->depth ? DM_KIND_PROPS : DM_KIND_TREE,
				  &key, &node);
		if (r < 0 && r != -ENOENT)
			return r;
		if (!r && *node.acl) {
			memcpy(acl, node.acl, sizeof(node.acl));
			return 0;
		}
		if (n == 0)
			break;
	}
	/* the root's record has it from the start: it was lost */
	return -EIO;
}

int tree_allows(struct dm_tree *t, const struct tree_at *at, bool up, unsigned int right,
		const char *server)
{
	char acl[DM_ACL_MAX + 1];
	int r;

	if (!server)
		return 1;
	if (up && at->path.n == 0)
		return 0;
	r = tree_acl_of(t, &at->path, at->path.n - (up ? 1 : 0), acl);
	return r < 0 ? r : dm_acl_allows(acl, right, server);
}
