// SPDX-License-Identifier: Apache-2.0
/* Changes of nodes in the store, with all that goes with them. */
#include <errno.h>
#include <string.h>

#include "dm/tree-priv.h"

/* ---- around a change --------------------------------------------------------- */

int tree_begin(struct dm_tree *t, struct tree_mark *m)
{
	m->counts = t->counts;
	return store_begin(t->store);
}

int tree_end(struct dm_tree *t, const struct tree_mark *m, int r)
{
	int e;

	if (r >= 200 && r < 300) {
		e = store_commit(t->store);
		if (e >= 0) {
			tree_told(t);
			return r;
		}
		r = e;
	} else {
		store_rollback(t->store);
	}
	t->counts = m->counts;
	t->generation++;
	/* a disk that is full may have taken back what was around it as well */
	if (r < 0)
		tree_records_count(t);
	if (r == -EBUSY)
		return DM_BUSY;
	return r == -ENOSPC || r == -EFBIG ? DM_DEVICE_FULL : r;
}

void tree_touch(struct dm_tree *t, struct tree_object *object)
{
	(void)t;
	if (object)
		object->dirty = true;
}

void tree_told(struct dm_tree *t)
{
	for (unsigned int i = 0; i < t->nr_objects; i++) {
		struct tree_object *o = &t->objects[i];

		if (t->level[DM_LEVEL_MESSAGE] || t->level[DM_LEVEL_ATOMIC] || !o->dirty)
			continue;
		o->dirty = false;
		if (o->watch && o->watch->changed)
			o->watch->changed(o->ctx);
	}
}

/* ---- versions ---------------------------------------------------------------- */

void tree_bump(struct dm_tree *t, struct tree_node *node)
{
	node->verno++; /* 16 bits that wrap (7.7.8) */
	node->tstamp = t->now ? t->now(t->ctx) : 0;
}

int tree_bump_parent(struct dm_tree *t, const struct tree_at *at)
{
	struct tree_node node;
	struct tree_key key;
	int r;

	if (at->path.n == 0)
		return 0;
	tree_key(&key, &at->path, at->path.n - 1);
	r = tree_node_get(t, DM_KIND_TREE, &key, &node);
	if (r < 0)
		return r;
	tree_bump(t, &node);
	return tree_node_put(t, DM_KIND_TREE, &key, &node);
}

/* ---- nodes ------------------------------------------------------------------- */

static void set_type(struct tree_at *at, const char *type)
{
	if (!type && at->desc) {
		bool root = at->object && at->desc == at->object->mo->root;

		type = root ? at->object->mo->moi : mo_type(at->desc);
	}
	if (type) {
		strncpy(at->node.type, type, DM_TYPE_MAX);
		at->node.type[DM_TYPE_MAX] = 0;
	}
}

static int store_node(struct dm_tree *t, struct tree_at *at)
{
	bool is_new = !at->there;
	int r;

	tree_bump(t, &at->node);
	r = tree_node_put(t, DM_KIND_TREE, &at->key, &at->node);
	if (!r && is_new)
		r = tree_bump_parent(t, at);
	if (r < 0)
		return r;
	at->there = true;
	at->st.format = at->node.format;
	at->st.size = at->node.size;
	memcpy(at->st.type, at->node.type, sizeof(at->st.type));
	tree_touch(t, at->object);
	return DM_OK;
}

int tree_store_leaf(struct dm_tree *t, struct tree_at *at, enum mo_format format,
		    const char *type, const uint8_t *p, size_t len)
{
	int r;

	at->node.format = format;
	set_type(at, type);
	r = tree_value_put(t, &at->key, &at->node, p, len);
	return r < 0 ? r : store_node(t, at);
}

int tree_store_interior(struct dm_tree *t, struct tree_at *at, const char *type)
{
	at->node.format = MO_NODE;
	set_type(at, type);
	return store_node(t, at);
}

/*
 * Who adds a node where it may not Replace gets the right to do what it wants with the node
 * (7.7.1.2). What others could do there by what they inherit stays, unless the node is to be
 * its server's alone.
 */
int tree_adopt(struct dm_tree *t, struct tree_at *at, const char *server)
{
	bool alone = at->object && at->object->mo->alone && at->rel.n == 1;
	char acl[DM_ACL_MAX + 1] = "";
	int r = alone ? 0 : tree_allows(t, at, true, MO_REPLACE, server);

	if (r)
		return r < 0 ? r : 0;
	if (!alone)
		r = tree_acl_of(t, &at->path, at->path.n - 1, acl);
	if (r < 0)
		return r;
	r = dm_acl_grant(acl, MO_ADD | MO_DELETE | MO_REPLACE | (alone ? MO_GET : 0), server,
			 at->node.acl);
	if (r < 0)
		return r == -E2BIG ? -ENOSPC : r;
	return tree_node_put(t, at->mounted ? DM_KIND_PROPS : DM_KIND_TREE, &at->key,
			     &at->node);
}
