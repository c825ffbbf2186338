/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the tree share. */
#ifndef SESAME_DM_TREE_PRIV_H
#define SESAME_DM_TREE_PRIV_H

#include "dm/syncml.h"
#include "dm/tree.h"
#include "model/buf.h"
#include "store/store.h"

/*
 * Keys: a byte 1, then each name of the path with a NUL behind it. So the order of the
 * keys is the tree's, parents first; all below a node begins with the node's key, and
 * comes before that key with its last byte made 1: names have no bytes below 0x20.
 */
struct tree_key {
	uint8_t p[STORE_KEY_MAX];
	size_t len;
};

enum tree_flag {
	TREE_MOUNT = 1,	    /* nodes of a mount are below */
	TREE_PERMANENT = 2, /* cannot be deleted or renamed */
};

/**
 * struct tree_node - a node's record: DM_KIND_TREE, or DM_KIND_PROPS for a node of a
 * mount's (then only the properties count)
 */
struct tree_node {
	enum mo_format format;
	uint8_t flags;
	uint16_t verno;
	int64_t tstamp; /* seconds since 1970, 0: not known */
	uint32_t size;
	char acl[DM_ACL_MAX + 1];
	char type[DM_TYPE_MAX + 1];
	char title[DM_TITLE_MAX + 1];
};

/** struct tree_object - what is mounted or described */
struct tree_object {
	const struct mo_object *mo;
	const struct dm_mount_ops *mount; /* NULL: its nodes are in the store */
	const struct dm_watch_ops *watch;
	void *ctx;
	struct tree_key key; /* of its node: the root's, or the instances' parent */
	unsigned int depth;  /* names of that */
	bool part;	     /* a mount: takes part in the Atomic */
	bool dirty;	     /* watched: has changed */
};

struct tree_counts {
	unsigned int nodes;
	uint64_t bytes;
};

/** struct tree_cache - bytes that a Get takes piece by piece */
struct tree_cache {
	char *uri; /* NULL: there are none */
	char server[DM_SERVER_MAX];
	uint64_t generation;
	struct dm_stat st;
	uint8_t *p;
	size_t len;
};

/** struct tree_put - a value that arrives in pieces */
struct tree_put {
	bool active;
	enum dm_how how;
	char *uri;
	uint64_t total;
	uint64_t got;
	struct tree_object *mount; /* they go there, or into @buf */
	bool tnds;
	struct model_buf buf;
};

struct dm_tree {
	struct store *store;
	int64_t (*now)(void *ctx);
	void (*resume)(void *ctx, uint64_t token, int code);
	void *ctx;
	struct tree_object objects[DM_MOUNTS_MAX];
	unsigned int nr_objects;
	struct tree_key *stale; /* mounts of an earlier run that are not there (yet) */
	size_t nr_stale;
	struct tree_counts counts;
	struct tree_counts saved[2]; /* by enum dm_level */
	bool level[2];
	bool lost; /* of this message: it was answered, and is not on the disk */
	bool unsettled;
	uint64_t generation; /* of all that can be read */
	struct tree_cache cache;
	struct tree_put put;
};

/**
 * struct tree_at - a path and what is there
 * @object: the object that it belongs to, or NULL
 * @rel: in the object
 * @desc: NULL: nothing describes it, all is allowed
 * @known: it may be there at all: below no leaf, and described where it must be
 * @there: it is there; @node and @st are filled
 */
struct tree_at {
	struct dm_path path;
	struct tree_key key;
	struct tree_object *object;
	struct dm_path rel;
	const struct mo_node *desc;
	bool known;
	bool there;
	bool mounted; /* a mount's, not its root: no record of DM_KIND_TREE */
	struct tree_node node;
	struct dm_stat st;
};

/* ---- tree-store.c: records --------------------------------------------------- */

void tree_key(struct tree_key *key, const struct dm_path *path, unsigned int n);
/** tree_key_within() - @below is @key or lies below it */
bool tree_key_within(const struct tree_key *key, const struct tree_key *below);

/** tree_stale() - there was a mount in an earlier run that is not there now, here or above */
bool tree_stale(const struct dm_tree *t, const struct tree_key *key);

/** tree_node_get() - 0, -ENOENT, -EIO (also: not readable), … */
int tree_node_get(struct dm_tree *t, unsigned int kind, const struct tree_key *key,
		  struct tree_node *node);
/** tree_node_put() - with what an Atomic wants to take back; counts nodes */
int tree_node_put(struct dm_tree *t, unsigned int kind, const struct tree_key *key,
		  const struct tree_node *node);
/** tree_value_put() - of a leaf; @node->size is set, the record is the caller's to put */
int tree_value_put(struct dm_tree *t, const struct tree_key *key, struct tree_node *node,
		   const uint8_t *p, size_t len);
int tree_value_get(struct dm_tree *t, const struct tree_key *key, uint8_t **p, size_t *len);
/** tree_records_drop() - records at @key and below, of the tree and of properties */
int tree_records_drop(struct dm_tree *t, const struct tree_key *key);
/** tree_records_move() - give another key to all at @from and below; -ENAMETOOLONG if one gets
 * too long */
int tree_records_move(struct dm_tree *t, const struct tree_key *from,
		      const struct tree_key *to);
/** tree_records_forget() - take @server out of all lists */
int tree_records_forget(struct dm_tree *t, const char *server);
/** tree_records_next() - name of the child of @dir behind @after ("": the first) in the
 * store; 0, -ENOENT, … */
int tree_records_next(struct dm_tree *t, const struct tree_key *dir, const char *after,
		      char name[DM_SEGMENT_MAX + 1]);
/** tree_records_count() - anew, and find mounts of an earlier run */
int tree_records_count(struct dm_tree *t);
/** tree_undo() - put back what was before the Atomic that is not settled */
int tree_undo(struct dm_tree *t);
/** tree_undo_drop() - it stays as it is */
int tree_undo_drop(struct dm_tree *t);

/* ---- tree-find.c: what a path is --------------------------------------------- */

/** tree_find() - 0 with @at->path taken apart, or a negative errno */
int tree_find(struct dm_tree *t, struct tree_at *at);
/** tree_next() - name of the child of the node @at that is behind @after; 0, -ENOENT, … */
int tree_next(struct dm_tree *t, const struct tree_at *at, const char *after,
	      char name[DM_SEGMENT_MAX + 1]);
/** tree_allows() - 1, 0, or a negative errno; @up: what the parent's list says */
int tree_allows(struct dm_tree *t, const struct tree_at *at, bool up, unsigned int right,
		const char *server);
/** tree_acl_of() - the list that counts for the path's first @n names */
int tree_acl_of(struct dm_tree *t, const struct dm_path *path, unsigned int n,
		char acl[DM_ACL_MAX + 1]);

/* ---- tree-edit.c: changes, with all that goes with them ---------------------- */

/** struct tree_mark - the store's transaction around one change */
struct tree_mark {
	struct tree_counts counts;
};

int tree_begin(struct dm_tree *t, struct tree_mark *m);
/** tree_end() - @r: a code or a negative errno: below 200 and from 300 on it is rolled
 * back. Returns it, or the commit's error. */
int tree_end(struct dm_tree *t, const struct tree_mark *m, int r);
/** tree_touch() - the object of a path changed */
void tree_touch(struct dm_tree *t, struct tree_object *object);
/** tree_told() - tell those who watch, if nothing is open any more */
void tree_told(struct dm_tree *t);

/** tree_store_leaf() - make a leaf in the store or give it another value; 200, 420, … */
int tree_store_leaf(struct dm_tree *t, struct tree_at *at, enum mo_format format,
		    const char *type, const uint8_t *p, size_t len);
/** tree_store_interior() - make one */
int tree_store_interior(struct dm_tree *t, struct tree_at *at, const char *type);
/** tree_adopt() - rights of the server that made @at: 7.7.1.2 */
int tree_adopt(struct dm_tree *t, struct tree_at *at, const char *server);
/** tree_bump() - another version, another time */
void tree_bump(struct dm_tree *t, struct tree_node *node);
/** tree_bump_parent() - a child came, went or has another name */
int tree_bump_parent(struct dm_tree *t, const struct tree_at *at);

/* ---- tree-write.c: Add, Replace, Delete, Copy, Exec -------------------------- */

int tree_op_write(void *ctx, const struct dm_req *req, enum dm_how how, const char *uri,
		  const struct dm_put *put);
void tree_op_write_abort(void *ctx);
int tree_op_del(void *ctx, const struct dm_req *req, const char *uri);
int tree_op_copy(void *ctx, const struct dm_req *req, const char *from, const char *to);
int tree_op_exec(void *ctx, const struct dm_req *req, const char *uri,
		 const struct dm_put *arg);
/** tree_write_one() - a whole value, rights and description looked at; 200, … */
int tree_write_one(struct dm_tree *t, const struct dm_req *req, enum dm_how how,
		   struct tree_at *at, const struct dm_put *put);

/* ---- tree-read.c: Get -------------------------------------------------------- */

int tree_op_stat(void *ctx, const struct dm_req *req, const char *uri, struct dm_stat *st);
int tree_op_read(void *ctx, const struct dm_req *req, const char *uri, uint64_t offset, void *p,
		 size_t room, size_t *n);
int tree_op_walk(void *ctx, const struct dm_req *req, const char *root, char *uri,
		 struct dm_stat *st);
void tree_cache_drop(struct dm_tree *t);
/** tree_readable() - 200, 404, 405, 425 or a negative errno */
int tree_readable(struct dm_tree *t, const struct dm_req *req, const struct tree_at *at);
/** tree_step() - the node after @at, of those that @req may read, within the first @root names
 * of its path; @at has been found. 0, -ENOENT at the end, … */
int tree_step(struct dm_tree *t, const struct dm_req *req, unsigned int root,
	      struct tree_at *at);
/** tree_read_leaf() - the whole value of a leaf, up to @max bytes; free() it after
 * explicit_bzero(). 200, 413, … */
int tree_read_leaf(struct dm_tree *t, const struct tree_at *at, size_t max, uint8_t **p,
		   size_t *len);

/* ---- tree-props.c ------------------------------------------------------------ */

/** tree_prop_print() - a property's value; 200, 406 */
int tree_prop_print(struct dm_tree *t, const struct tree_at *at, unsigned int prop,
		    struct model_buf *out);
/** tree_prop_write() - Replace of a property */
int tree_prop_write(struct dm_tree *t, const struct dm_req *req, struct tree_at *at,
		    unsigned int prop, const struct dm_put *put);

/* ---- tree-tnds.c ------------------------------------------------------------- */

/** tree_tnds_print() - what @req may read of @at and below, as an XML document */
int tree_tnds_print(struct dm_tree *t, const struct dm_req *req, const struct tree_at *at,
		    unsigned int props, struct model_buf *out);
/** tree_tnds_take() - Add of a subtree; @wbxml: it is in WBXML */
int tree_tnds_take(struct dm_tree *t, const struct dm_req *req, const struct dm_path *target,
		   bool wbxml, const uint8_t *p, size_t len);

/* ---- tree-atomic.c ----------------------------------------------------------- */

int tree_op_begin(void *ctx, enum dm_level level);
int tree_op_commit(void *ctx, const struct dm_req *req);
int tree_op_rollback(void *ctx);
/** tree_join() - a mount is about to be changed: within an Atomic it takes part now. 200, 405,
 * 503, … */
int tree_join(struct dm_tree *t, struct tree_object *mount);

#endif /* SESAME_DM_TREE_PRIV_H */
