/* SPDX-License-Identifier: Apache-2.0 */
/* A tree in a store, and an object that is mounted in it: a number, a text, octets, a
 * secret, an operation, items that servers make. */
#ifndef DM_TREE_WORLD_H
#define DM_TREE_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/tree.h"
#include "store/store.h"

#define SERVER "com.example.dm"
#define OTHER "com.example.other"

/* ---- the object -------------------------------------------------------------- */

enum { N_NUM = 1, N_TEXT, N_DATA, N_SECRET, N_OP, N_VAL };

static const struct mo_node test_item[] = {
	MO_LEAF("Val", MO_CHR, MO_OWN, MO_ID(N_VAL)),
};
static const struct mo_node test_items[] = {
	MO_INTERIOR(NULL, MO_OWN, test_item, .occurs = MO_ZERO_OR_MORE),
};
static const struct mo_node test_nodes[] = {
	MO_LEAF("Num", MO_INT, MO_RW, .permanent = true, MO_SPAN(0, 10), MO_ID(N_NUM)),
	MO_LEAF("Text", MO_CHR, MO_RW, .permanent = true, MO_SPAN(0, 8), MO_ID(N_TEXT)),
	MO_LEAF("Data", MO_BIN, MO_RW, .permanent = true, MO_ID(N_DATA)),
	MO_LEAF("Secret", MO_BIN, MO_REPLACE, .permanent = true, MO_ID(N_SECRET)),
	MO_LEAF("Op", MO_NULL, MO_EXEC, .permanent = true, MO_ID(N_OP)),
	MO_INTERIOR("Item", MO_GET, test_items, .permanent = true),
};
static const struct mo_node test_root =
	MO_INTERIOR("Test", MO_GET, test_nodes, .permanent = true);
static const struct mo_object mo_test = {
	.name = "Test",
	.moi = "com.example/1.0/Test",
	.path = ".",
	.description = "for tests",
	.acl = "Add=*&Delete=*&Exec=*&Get=*&Replace=*",
	.root = &test_root,
};

#define ITEMS 4

struct thing {
	char num[4], text[9];
	char item[ITEMS][9]; /* "" free */
	char val[ITEMS][9];
	size_t data;	  /* bytes taken */
	uint8_t data_sum; /* of them */
	bool data_whole;
	int execs;	    /* that ran */
	uint64_t token;	    /* of the last */
	int exec_answer;    /* what exec() says */
	bool open;	    /* an Atomic */
	int collected;	    /* execs of it */
	int prepare_answer; /* 0: by what was collected */
	int commit_answer;
	int begun, prepared, committed, rolled_back, aborted;
	int rollback_answer;
};

static int thing_slot(const struct thing *x, const char *name)
{
	for (int i = 0; i < ITEMS; i++)
		if (!strcmp(x->item[i], name))
			return i;
	return -1;
}

static int thing_has(void *ctx, const struct dm_path *path, struct dm_stat *st)
{
	const struct thing *x = ctx;
	int slot;

	if (path->n == 0)
		return DM_OK;
	if (!strcmp(path->name[0], "Num"))
		st->size = strlen(x->num);
	else if (!strcmp(path->name[0], "Text"))
		st->size = strlen(x->text);
	else if (!strcmp(path->name[0], "Data"))
		st->size = x->data_whole ? x->data : 0;
	if (strcmp(path->name[0], "Item") != 0 || path->n == 1)
		return DM_OK;
	slot = thing_slot(x, path->name[1]);
	if (slot < 0)
		return DM_NOT_FOUND;
	if (path->n == 3 && !*x->val[slot])
		return DM_NOT_FOUND;
	if (path->n == 3)
		st->size = strlen(x->val[slot]);
	return DM_OK;
}

static int thing_next(void *ctx, const struct dm_path *dir, const char *after,
		      char name[DM_SEGMENT_MAX + 1])
{
	static const char *const names[] = {"Num", "Text", "Data", "Secret", "Op", "Item"};
	const struct thing *x = ctx;
	int i = 0;

	if (dir->n == 0) {
		while (*after && strcmp(names[i++], after) != 0)
			;
		if (i == 6)
			return 0;
		strcpy(name, names[i]);
		return DM_OK;
	}
	if (dir->n == 1) {
		if (*after)
			i = thing_slot(x, after) + 1;
		while (i < ITEMS && !*x->item[i])
			i++;
		if (i == ITEMS)
			return 0;
		strcpy(name, x->item[i]);
		return DM_OK;
	}
	i = thing_slot(x, dir->name[1]);
	if (*after || i < 0 || !*x->val[i])
		return 0;
	strcpy(name, "Val");
	return DM_OK;
}

static int thing_read(void *ctx, const struct dm_path *path, uint64_t offset, void *p,
		      size_t room, size_t *n)
{
	const struct thing *x = ctx;
	const char *s = x->num;
	size_t len;

	if (!strcmp(path->name[0], "Data")) {
		*n = offset < x->data ? x->data - (size_t)offset : 0;
		if (*n > room)
			*n = room;
		memset(p, 0x5a, *n);
		return DM_OK;
	}
	if (!strcmp(path->name[0], "Text"))
		s = x->text;
	else if (!strcmp(path->name[0], "Item"))
		s = x->val[thing_slot(x, path->name[1])];
	len = strlen(s);
	*n = offset < len ? len - (size_t)offset : 0;
	if (*n > room)
		*n = room;
	memcpy(p, s + offset, *n);
	return DM_OK;
}

static int thing_write(void *ctx, const struct dm_req *req, enum dm_how how,
		       const struct dm_path *path, const struct dm_put *put)
{
	struct thing *x = ctx;
	int slot;

	(void)req;
	if (!strcmp(path->name[0], "Data")) {
		if (put->offset == 0) {
			x->data = 0;
			x->data_sum = 0;
			x->data_whole = false;
		}
		for (size_t i = 0; i < put->len; i++)
			x->data_sum = (uint8_t)(x->data_sum + put->data[i]);
		x->data += put->len;
		x->data_whole = put->last;
		return put->last ? DM_OK : DM_BUFFERED;
	}
	if (!strcmp(path->name[0], "Num")) {
		snprintf(x->num, sizeof(x->num), "%.*s", (int)put->len, put->data);
		return DM_OK;
	}
	if (!strcmp(path->name[0], "Text")) {
		snprintf(x->text, sizeof(x->text), "%.*s", (int)put->len,
			 put->len ? (const char *)put->data : "");
		return DM_OK;
	}
	if (!strcmp(path->name[0], "Secret"))
		return DM_OK;
	slot = thing_slot(x, path->n == 2 ? "" : path->name[1]);
	if (slot < 0)
		return DM_DEVICE_FULL;
	if (path->n == 2 && how == DM_HOW_ADD)
		snprintf(x->item[slot], sizeof(x->item[slot]), "%s", path->name[1]);
	else
		snprintf(x->val[slot], sizeof(x->val[slot]), "%.*s", (int)put->len, put->data);
	return DM_OK;
}

static void thing_write_abort(void *ctx)
{
	((struct thing *)ctx)->aborted++;
}

static int thing_del(void *ctx, const struct dm_req *req, const struct dm_path *path)
{
	struct thing *x = ctx;
	int slot = thing_slot(x, path->name[1]);

	(void)req;
	if (path->n == 2)
		*x->item[slot] = 0;
	*x->val[slot] = 0;
	return DM_OK;
}

static int thing_exec(void *ctx, const struct dm_req *req, const struct dm_path *path,
		      const struct dm_put *arg)
{
	struct thing *x = ctx;

	(void)path;
	(void)arg;
	x->token = req->token;
	if (x->open) {
		x->collected++;
		return DM_ACCEPTED;
	}
	x->execs++;
	return x->exec_answer ? x->exec_answer : DM_ACCEPTED;
}

static void thing_begin(void *ctx)
{
	struct thing *x = ctx;

	x->open = true;
	x->collected = 0;
	x->begun++;
}

static int thing_prepare(void *ctx, const struct dm_req *req)
{
	struct thing *x = ctx;

	(void)req;
	x->prepared++;
	return x->prepare_answer ? x->prepare_answer : x->collected ? DM_PENDING : DM_OK;
}

static int thing_commit(void *ctx, const struct dm_req *req)
{
	struct thing *x = ctx;

	x->committed++;
	x->open = false;
	x->token = req->token;
	if (!x->commit_answer) {
		x->execs += x->collected;
		return DM_PENDING;
	}
	return x->commit_answer;
}

static int thing_rollback(void *ctx)
{
	struct thing *x = ctx;

	x->open = false;
	x->rolled_back++;
	return x->rollback_answer ? x->rollback_answer : DM_ROLLED_BACK;
}

static const struct dm_mount_ops thing_ops = {
	.has = thing_has,
	.next = thing_next,
	.read = thing_read,
	.write = thing_write,
	.write_abort = thing_write_abort,
	.del = thing_del,
	.exec = thing_exec,
	.begin = thing_begin,
	.prepare = thing_prepare,
	.commit = thing_commit,
	.rollback = thing_rollback,
};

/* ---- the tree ---------------------------------------------------------------- */

struct world {
	struct store *store;
	struct dm_tree *tree;
	struct thing thing;
	int64_t clock;
	uint64_t resumed; /* token */
	int resumed_code;
	int resumes;
	const char *server;
};

static int64_t world_now(void *ctx)
{
	return ((struct world *)ctx)->clock;
}

static void world_resume(void *ctx, uint64_t token, int code)
{
	struct world *w = ctx;

	w->resumed = token;
	w->resumed_code = code;
	w->resumes++;
}

/* @dir: NULL: in memory. 0 or a negative errno. */
static int world_open(struct world *w, const char *dir)
{
	const struct dm_tree_config config_of = {
		.now = world_now,
		.resume = world_resume,
		.ctx = w,
	};
	struct dm_tree_config config = config_of;
	char why[256];
	int r;

	if (!w->server)
		w->server = SERVER;
	if (!w->clock)
		w->clock = 1700000000;
	if (!*w->thing.num)
		strcpy(w->thing.num, "1");
	r = store_open(&w->store, dir, "dm", why, sizeof(why));
	if (r)
		return r;
	config.store = w->store;
	r = dm_tree_new(&w->tree, &config, why);
	return r ? r : dm_tree_mount(w->tree, &mo_test, &thing_ops, &w->thing);
}

static void world_close(struct world *w)
{
	dm_tree_free(w->tree);
	store_close(w->store);
	w->tree = NULL;
	w->store = NULL;
}

static struct dm_req world_req(const struct world *w)
{
	return (struct dm_req){.server = w->server, .correlator = "c", .token = 7};
}

static int w_put(struct world *w, enum dm_how how, const char *uri, const char *format,
		 const char *type, const char *value)
{
	const struct dm_req req = world_req(w);
	const struct dm_put put = {
		.format = format,
		.type = type,
		.total = DM_SIZE_UNKNOWN,
		.data = (const uint8_t *)value,
		.len = value ? strlen(value) : 0,
		.has_data = value != NULL,
		.last = true,
	};

	return dm_tree_ops()->write(w->tree, &req, how, uri, &put);
}

static inline int w_add(struct world *w, const char *uri, const char *value)
{
	return w_put(w, DM_HOW_ADD, uri, value ? "chr" : "node", NULL, value);
}

static inline int w_replace(struct world *w, const char *uri, const char *value)
{
	return w_put(w, DM_HOW_REPLACE, uri, NULL, NULL, value);
}

static inline int w_del(struct world *w, const char *uri)
{
	const struct dm_req req = world_req(w);

	return dm_tree_ops()->del(w->tree, &req, uri);
}

static inline int w_exec(struct world *w, const char *uri)
{
	const struct dm_req req = world_req(w);
	const struct dm_put none = {.last = true, .total = DM_SIZE_UNKNOWN};

	return dm_tree_ops()->exec(w->tree, &req, uri, &none);
}

static inline int w_copy(struct world *w, const char *from, const char *to)
{
	const struct dm_req req = world_req(w);

	return dm_tree_ops()->copy(w->tree, &req, from, to);
}

static inline int w_begin(struct world *w, enum dm_level level)
{
	return dm_tree_ops()->begin(w->tree, level);
}

static inline int w_commit(struct world *w)
{
	const struct dm_req req = world_req(w);

	return dm_tree_ops()->commit(w->tree, &req);
}

static inline int w_rollback(struct world *w)
{
	return dm_tree_ops()->rollback(w->tree);
}

/* What Get gives, read in pieces of @step bytes; *@out is to be freed. */
static int w_read(struct world *w, const char *uri, size_t step, char **out, struct dm_stat *st)
{
	const struct dm_req req = world_req(w);
	size_t at = 0, n;
	int r = dm_tree_ops()->stat(w->tree, &req, uri, st);

	*out = NULL;
	if (r != DM_OK || st->list)
		return r;
	*out = calloc(1, (size_t)st->size + step + 1);
	if (!*out)
		return -ENOMEM;
	do {
		r = dm_tree_ops()->read(w->tree, &req, uri, at, *out + at, step, &n);
		at += n;
	} while (r == DM_OK && n == step && at <= st->size);
	if (r == DM_OK && at != st->size)
		return -EPROTO;
	return r;
}

/* Get, as text in static memory; "" where it is not 200. */
static inline const char *w_get(struct world *w, const char *uri)
{
	static char text[4096];
	struct dm_stat st;
	char *p;
	int r = w_read(w, uri, 7, &p, &st);

	snprintf(text, sizeof(text), "%s", r == DM_OK && p ? p : "");
	free(p);
	return text;
}

static inline int w_stat(struct world *w, const char *uri)
{
	const struct dm_req req = world_req(w);
	struct dm_stat st;

	return dm_tree_ops()->stat(w->tree, &req, uri, &st);
}

/* All that a walk gives, one URI a line, with '=' where it is a leaf; static memory. */
static inline const char *w_walk(struct world *w, const char *root)
{
	static char text[8192];
	const struct dm_req req = world_req(w);
	char uri[DM_URI_MAX + 1] = "";
	struct dm_stat st;
	int r;

	*text = 0;
	while ((r = dm_tree_ops()->walk(w->tree, &req, root, uri, &st)) == DM_OK) {
		strcat(text, uri);
		strcat(text, st.format == MO_NODE ? "\n" : "=\n");
	}
	if (r)
		snprintf(text, sizeof(text), "%d", r);
	return text;
}

#endif /* DM_TREE_WORLD_H */
