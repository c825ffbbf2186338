// SPDX-License-Identifier: Apache-2.0
/*
 * Levels: a message's commands that go to the disk at once, and an Atomic.
 *
 * What a mount runs for an Atomic takes longer than a transaction may, and must not begin
 * before it is written down. So the tree's own part is committed first, together with how it
 * was before (DM_KIND_UNDO) and with what the mount has written; when the mount's part has
 * ended, the one or the other goes. A power cut in between leaves both, and the mount, which
 * knows how its part ended, decides.
 */
#include <errno.h>
#include <string.h>

#include "dm/tree-priv.h"

/* the record that says that an Atomic is not settled, also if it changed nothing here */
static const uint8_t mark_key[] = {0};

static void leave(struct dm_tree *t, enum dm_level level, bool back)
{
	t->level[level] = false;
	if (level == DM_LEVEL_MESSAGE)
		t->lost = false;
	if (!back)
		return;
	t->counts = t->saved[level];
	t->generation++;
	/* see tree_end() */
	if (level == DM_LEVEL_ATOMIC && t->level[DM_LEVEL_MESSAGE])
		tree_records_count(t);
	/* after an Atomic rollback() says it, to those that have a part in it */
	for (unsigned int i = 0; level == DM_LEVEL_MESSAGE && i < t->nr_objects; i++) {
		const struct tree_object *o = &t->objects[i];

		if (o->mount && o->mount->lost)
			o->mount->lost(o->ctx);
	}
}

int tree_op_begin(void *ctx, enum dm_level level)
{
	struct dm_tree *t = ctx;
	int r;

	if (t->level[DM_LEVEL_ATOMIC] || t->level[level])
		return DM_NOT_ALLOWED;
	if (level == DM_LEVEL_ATOMIC && t->unsettled)
		return DM_BUSY;
	r = store_begin(t->store);
	if (r < 0)
		return r;
	t->saved[level] = t->counts;
	t->level[level] = true;
	return DM_OK;
}

int tree_join(struct dm_tree *t, struct tree_object *mount)
{
	if (!t->level[DM_LEVEL_ATOMIC] || mount->part)
		return DM_OK;
	if (!mount->mount->begin)
		return DM_NOT_ALLOWED;
	mount->mount->begin(mount->ctx);
	mount->part = true;
	return DM_OK;
}

/* Ends the part of all mounts but @but; false if one could not. */
static bool part(struct dm_tree *t, const struct tree_object *but, bool back)
{
	bool good = true;

	for (unsigned int i = 0; i < t->nr_objects; i++) {
		struct tree_object *o = &t->objects[i];

		if (!o->part)
			continue;
		o->part = false;
		if (back && o != but && o->mount->rollback &&
		    o->mount->rollback(o->ctx) == DM_ROLLBACK_FAILED)
			good = false;
	}
	return good;
}

static int back(struct dm_tree *t)
{
	bool good;

	/* a value that is on its way to a mount goes with the rest */
	tree_op_write_abort(t);
	good = part(t, NULL, true);
	store_rollback(t->store);
	leave(t, DM_LEVEL_ATOMIC, true);
	return good ? DM_ROLLED_BACK : DM_ROLLBACK_FAILED;
}

int tree_op_rollback(void *ctx)
{
	struct dm_tree *t = ctx;

	if (t->level[DM_LEVEL_ATOMIC])
		return back(t);
	if (!t->level[DM_LEVEL_MESSAGE])
		return -EINVAL;
	store_rollback(t->store);
	leave(t, DM_LEVEL_MESSAGE, true);
	return DM_ROLLED_BACK;
}

int dm_tree_durable(struct dm_tree *t)
{
	int r, e;

	if (t->level[DM_LEVEL_ATOMIC])
		return -EBUSY;
	if (!t->level[DM_LEVEL_MESSAGE])
		return 0;
	if (t->lost)
		return -EIO;
	r = store_commit(t->store);
	if (r < 0) {
		t->counts = t->saved[DM_LEVEL_MESSAGE];
		t->generation++;
		/* commands before this one have their 200: the message must not go through */
		t->lost = true;
	}
	t->saved[DM_LEVEL_MESSAGE] = t->counts;
	e = store_begin(t->store);
	if (e < 0)
		t->level[DM_LEVEL_MESSAGE] = false;
	return r < 0 ? r : e;
}

/* The tree's part goes to the disk with the way back, then the mount starts its own. */
static int commit_pending(struct dm_tree *t, const struct dm_req *req, struct tree_object *o)
{
	struct tree_mark mark;
	int r;

	r = store_put(t->store, DM_KIND_UNDO, mark_key, sizeof(mark_key), "", 0);
	if (r < 0) {
		int e = back(t);

		return e == DM_ROLLBACK_FAILED ? e : r;
	}
	r = store_commit(t->store);
	leave(t, DM_LEVEL_ATOMIC, r < 0);
	if (!r)
		r = dm_tree_durable(t);
	part(t, o, r < 0);
	if (r < 0) {
		if (o->mount->rollback && o->mount->rollback(o->ctx) == DM_ROLLBACK_FAILED)
			return DM_ROLLBACK_FAILED;
		return r;
	}
	t->unsettled = true;
	r = o->mount->commit(o->ctx, req);
	if (r == DM_PENDING)
		return r;
	if (tree_begin(t, &mark) == 0) {
		int e = tree_undo(t);

		e = tree_end(t, &mark, e < 0 ? e : DM_OK);
		/* else it stays unsettled, and the next start takes it back */
		if (e == DM_OK && tree_records_count(t) == 0)
			t->unsettled = false;
	}
	/* 200 would mean that it is done: then it would have been prepare() that says so */
	return r >= 200 && r < 300 ? DM_FAILED : r;
}

int tree_op_commit(void *ctx, const struct dm_req *req)
{
	struct dm_tree *t = ctx;
	struct tree_object *pending = NULL;
	int r = DM_OK;

	if (!t->level[DM_LEVEL_ATOMIC]) {
		if (!t->level[DM_LEVEL_MESSAGE])
			return -EINVAL;
		if (t->lost) {
			store_rollback(t->store);
			r = -EIO;
		} else {
			r = store_commit(t->store);
		}
		leave(t, DM_LEVEL_MESSAGE, r < 0);
		if (r < 0)
			return r;
		tree_told(t);
		return DM_OK;
	}
	for (unsigned int i = 0; i < t->nr_objects && r == DM_OK; i++) {
		struct tree_object *o = &t->objects[i];

		if (!o->part || !o->mount->prepare)
			continue;
		r = o->mount->prepare(o->ctx, req);
		/* two that run something could not be undone together */
		if (r == DM_PENDING && !pending) {
			pending = o;
			r = DM_OK;
		} else if (r == DM_PENDING) {
			r = DM_UNSUPPORTED;
		}
	}
	if (r == DM_OK && pending)
		return commit_pending(t, req, pending);
	if (r == DM_OK)
		r = tree_undo_drop(t);
	if (r != 0 && r != DM_OK) {
		int e = back(t);

		return e == DM_ROLLBACK_FAILED ? e : r;
	}
	r = store_commit(t->store);
	leave(t, DM_LEVEL_ATOMIC, r < 0);
	part(t, NULL, r < 0);
	if (r < 0)
		return r;
	tree_told(t);
	return DM_OK;
}

bool dm_tree_unsettled(const struct dm_tree *t)
{
	return t->unsettled;
}

void dm_tree_resume(struct dm_tree *t, uint64_t token, int code)
{
	if (t->resume)
		t->resume(t->ctx, token, code);
}

int dm_tree_settle(struct dm_tree *t, uint64_t token, int code)
{
	struct tree_mark mark;
	int r = 0;

	if (t->level[DM_LEVEL_ATOMIC])
		return -EBUSY;
	if (t->unsettled) {
		r = tree_begin(t, &mark);
		if (r < 0)
			return r;
		r = code == DM_OK || code == DM_ROLLBACK_FAILED ? tree_undo_drop(t)
								: tree_undo(t);
		r = tree_end(t, &mark, r < 0 ? r : DM_OK);
		if (r == DM_OK)
			r = tree_records_count(t);
		if (!r)
			r = dm_tree_durable(t);
		if (r != 0)
			return r < 0 ? r : -ENOSPC;
		t->unsettled = false;
	}
	if (token)
		dm_tree_resume(t, token, code);
	return 0;
}
