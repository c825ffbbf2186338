/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management tree of a device. Nodes are kept in the device's store (dm/state.h): a
 * commit is on the disk whole or not at all. Objects whose nodes come from elsewhere are
 * mounted. Sessions use it through dm_tree_ops(); the functions here are the device's own
 * and ask nobody for rights.
 *
 * For a command of a session the tree looks, in this order, whether the node is there
 * (404, 418), whether its description takes the command (405), whether the server may
 * (425), and whether the value is one for this node (413, 415); then it does it, or asks
 * the mount. Mounts so need not look at rights, formats or ranges again.
 *
 * Not thread safe; the store's thread.
 */
#ifndef SESAME_DM_TREE_H
#define SESAME_DM_TREE_H

#include <sys/types.h>

#include "dm/acl.h"
#include "dm/state.h"
#include "dm/tree-ops.h"
#include "dm/uri.h"

#define DM_NODES_MAX 8192	     /* in the store */
#define DM_VALUE_MAX (256U << 10)    /* bytes of a value in the store */
#define DM_TREE_BYTES_MAX (8U << 20) /* of all values in the store */
#define DM_LIST_MAX (256U << 10)     /* bytes of names of children, or of a subtree as TNDS */
#define DM_TITLE_MAX 255
#define DM_MOUNTS_MAX 16
#define DM_TREE_WORDS_MAX 160

struct dm_tree;

/**
 * struct dm_tree_config
 * @store: outlives the tree
 * @now: seconds since 1970, 0: not known (then there is no TStamp); NULL: never known
 * @resume: an operation that was DM_PENDING has ended: dm_engine_resume(). NULL: nobody
 *	waits
 */
struct dm_tree_config {
	struct store *store;
	int64_t (*now)(void *ctx);
	void (*resume)(void *ctx, uint64_t token, int code);
	void *ctx; /* of both */
};

/**
 * dm_tree_new() - read what the store has; an empty store gets an empty tree
 * @why: what is wrong, DM_TREE_WORDS_MAX bytes
 *
 * Return: 0, -EIO (also for what is not a tree), -ENOMEM.
 */
int dm_tree_new(struct dm_tree **ret, const struct dm_tree_config *config, char *why);
/** dm_tree_free() - what is not committed is rolled back; NULL is fine. */
void dm_tree_free(struct dm_tree *t);

/** dm_tree_ops() - for sessions; @ctx of them is the tree */
const struct dm_tree_ops *dm_tree_ops(void);

/* ---- objects from elsewhere -------------------------------------------------- */

/**
 * struct dm_mount_ops - nodes that are not in the store
 *
 * @path in each: names below the mount's node; n is 0 for that node itself. What returns a
 * code may return any of enum dm_status, DM_PENDING where noted, or a negative errno.
 * The descriptions of the nodes come from the mount's object; those with @permanent and a
 * name must be there as long as their parent is.
 *
 * @has: is there such a node? @st is zeroed and, for a leaf, gets its size; format and type
 *	are the description's unless @has sets them. 200, 404
 * @next: name of the child of @dir behind @after ("": the first); any fixed order. 200, 0 at
 *	the end
 * @read: bytes of a leaf from @offset on; 200, 409 (another value than before)
 * @write: a piece of a value (see struct dm_tree_ops.write), @how tells whether the node
 *	is new; pieces come in order, one value at a time, sizes are checked. Also for a new
 *	interior node (format "node"). 200, 213, DM_PENDING; NULL: 405
 * @write_abort: the rest will not come; what was written of it must not count. NULL: fine
 * @del: NULL: 405. 200, DM_PENDING
 * @exec: NULL: 405. 200, 202, DM_PENDING. Also called for a node that is not there, whose
 *	rights nobody has looked at: 404, or 202 for what this server has asked there before
 * @begin: an Atomic begins: write, del and exec until its end collect what they would
 *	start and return 200 (202 for what is answered by an alert); NULL: the mount cannot
 *	take part, and its nodes cannot be changed within an Atomic (405)
 * @prepare: the Atomic is about to be committed. Everything that the mount wants to be
 *	in the store with it is written now. 200: there is nothing to run; DM_PENDING:
 *	commit() shall start it; else all is rolled back
 * @commit: called after prepare() said DM_PENDING, when the tree's changes and the mount's
 *	records are on the disk: start it, now, and answer with dm_tree_settle() when it has
 *	ended (not from within). DM_PENDING; else nothing has been started, and the
 *	tree takes its own part back
 * @rollback: forget what was collected. 216, or 516 if something cannot be undone
 * @lost: what the mount has written to the store since the message began is not there any
 *	more (a disk that is full, an end in its midst): whatever it keeps of it in memory is
 *	to be as the store has it. NULL: it keeps nothing
 *
 * All but has and next may be NULL (read: no leaves).
 */
struct dm_mount_ops {
	int (*has)(void *ctx, const struct dm_path *path, struct dm_stat *st);
	int (*next)(void *ctx, const struct dm_path *dir, const char *after,
		    char name[DM_SEGMENT_MAX + 1]);
	int (*read)(void *ctx, const struct dm_path *path, uint64_t offset, void *p,
		    size_t room, size_t *n);
	int (*write)(void *ctx, const struct dm_req *req, enum dm_how how,
		     const struct dm_path *path, const struct dm_put *put);
	void (*write_abort)(void *ctx);
	int (*del)(void *ctx, const struct dm_req *req, const struct dm_path *path);
	int (*exec)(void *ctx, const struct dm_req *req, const struct dm_path *path,
		    const struct dm_put *arg);
	void (*begin)(void *ctx);
	int (*prepare)(void *ctx, const struct dm_req *req);
	int (*commit)(void *ctx, const struct dm_req *req);
	int (*rollback)(void *ctx);
	void (*lost)(void *ctx);
};

/**
 * dm_tree_mount() - put the nodes of @ops where @mo is
 * @mo: its root is the mount's node if it has a name; if each instance has one, the mount's
 *	node is their parent, mo->path, which is an interior node of its own
 *
 * Return: 0, -EEXIST (something is there), -ENOSPC (DM_MOUNTS_MAX).
 */
int dm_tree_mount(struct dm_tree *t, const struct mo_object *mo, const struct dm_mount_ops *ops,
		  void *ctx);

/**
 * dm_tree_gone() - a mount's node is not there any more, or another one has its name
 *
 * Drops what the tree keeps for it and all below: ACLs, titles. A mount must say it for
 * nodes that vanish without a Delete.
 */
int dm_tree_gone(struct dm_tree *t, const char *uri);

/**
 * dm_tree_durable() - what this message has done so far goes to the disk now
 *
 * For a mount that is about to do what cannot be undone, after it has written down what. If
 * it fails, what this message has done is not there any more: its end, commit(), fails too.
 * Return: 0, -EBUSY (within an Atomic), or what the store said.
 */
int dm_tree_durable(struct dm_tree *t);

/** dm_tree_resume() - a mount's answer to an operation that was DM_PENDING */
void dm_tree_resume(struct dm_tree *t, uint64_t token, int code);

/**
 * dm_tree_settle() - a mount's answer to a commit() that was DM_PENDING
 * @code: 200: what the tree did stays; 516: it stays as well, since the mount's part could
 *	not be undone as a whole; else the tree's part is taken back
 *
 * Also after a restart, of an Atomic that had been committed to the disk when the power
 * went, see dm_tree_unsettled(). The tree is durable when this returns 0; then @resume is
 * called with @code. @token: 0 after a restart: nobody waits.
 */
int dm_tree_settle(struct dm_tree *t, uint64_t token, int code);

/** dm_tree_unsettled() - an Atomic waits for dm_tree_settle(); until then begin() of another
 * gives 503, and so does a change of what it has changed (-EBUSY for the device). */
bool dm_tree_unsettled(const struct dm_tree *t);

/* ---- objects in the store ---------------------------------------------------- */

/**
 * struct dm_watch_ops - who wants to know of a described subtree in the store
 * @check: a session is about to write this value (whole) or, with NULL, to delete the
 *	node. 200, or the status that it gets. NULL: all is fine
 * @changed: something below was changed, and is on the disk. NULL: nobody cares. The tree
 *	may be read and written from within, sessions' functions may not be called
 */
struct dm_watch_ops {
	int (*check)(void *ctx, const struct dm_req *req, const struct dm_path *path,
		     const uint8_t *p, size_t len);
	void (*changed)(void *ctx);
};

/**
 * dm_tree_describe() - nodes of @mo are in the store
 * @ops: NULL: nobody watches; paths are those of a mount
 *
 * Its node is made if it is not there: the root's, or mo->path if the root has no name.
 * Nodes below a described one need a description, unless it is open.
 * Return: 0, -EEXIST, -ENOSPC, or what the store said.
 */
int dm_tree_describe(struct dm_tree *t, const struct mo_object *mo,
		     const struct dm_watch_ops *ops, void *ctx);

/* ---- the device's own access ------------------------------------------------- */

/**
 * dm_tree_set() - a node in the store, with its parents; made or changed
 * @format: MO_NODE: an interior node, @p is NULL
 * @type: NULL: as it is described, or none
 *
 * Return: 0, -EINVAL (URI, or below a leaf or a mount), -ENOSPC (limits), -EFBIG, …
 */
int dm_tree_set(struct dm_tree *t, const char *uri, enum mo_format format, const char *type,
		const void *p, size_t len);
/** dm_tree_drop() - a node in the store and all below. 0, -ENOENT, … */
int dm_tree_drop(struct dm_tree *t, const char *uri);
/**
 * dm_tree_get() - a copy of a leaf's value, of the store or of a mount
 * @p: with a NUL behind it that does not count; free(), after explicit_bzero() if it is
 *	secret
 *
 * Return: 0, -ENOENT, -EISDIR (interior), -EFBIG (beyond DM_VALUE_MAX), …
 */
int dm_tree_get(struct dm_tree *t, const char *uri, uint8_t **p, size_t *len);
/**
 * dm_tree_next() - name of the child of @uri behind @name ("": the first)
 * @name: gets it
 *
 * Return: 0, -ENOENT (no more, or no such node), …
 */
int dm_tree_next(struct dm_tree *t, const char *uri, char name[DM_SEGMENT_MAX + 1]);
/** dm_tree_find() - what @uri is; 0 or -ENOENT, … */
int dm_tree_find(struct dm_tree *t, const char *uri, struct dm_stat *st);
/** dm_tree_acl() - set the ACL of a node, "" to inherit. 0, -ENOENT, -EINVAL, … */
int dm_tree_acl(struct dm_tree *t, const char *uri, const char *acl);

/**
 * dm_tree_forget() - the account of @server is gone: take it out of all ACLs (7.7.1.4)
 *
 * A list in which it was alone stays: else the node would inherit, and what was one server's
 * would be everybody's. Who may Replace the parent can change that list.
 * Return: 0, or what the store said.
 */
int dm_tree_forget(struct dm_tree *t, const char *server);

/** dm_tree_usage() - nodes and bytes of values in the store */
void dm_tree_usage(const struct dm_tree *t, unsigned int *nodes, uint64_t *bytes);

#endif /* SESAME_DM_TREE_H */
