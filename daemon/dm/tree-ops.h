/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A management tree as a session sees it (OMA-TS-DM_TND-V1_2_1): nodes by URI, with the
 * rights of the server that asks. dm/tree.h has the tree itself; tests of the engine bring
 * one of their own.
 *
 * URIs are as they come in a LocURI: "./DevInfo/Lang", "DevInfo/Lang" (relative to the
 * root), with "?prop=NAME" or "?list=…" behind them; never freed nor kept by a callee.
 *
 * Results are a status code (enum dm_status), DM_PENDING, or a negative errno where the
 * device itself failed (no memory, disk): the caller makes 500 or 510 of it.
 */
#ifndef SESAME_DM_TREE_OPS_H
#define SESAME_DM_TREE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/mo.h"

#define DM_URI_MAX 255	  /* bytes of a node's URI, as it is written in full ("./A/B") */
#define DM_DEPTH_MAX 20	  /* segments below the root */
#define DM_SEGMENT_MAX 64 /* bytes of a node's name */
#define DM_TYPE_MAX 127	  /* bytes of the property Type */
#define DM_QUERY_MAX 128  /* bytes behind the '?' */
#define DM_SIZE_UNKNOWN UINT64_MAX

/** enum dm_status - status codes (OMA-TS-DM_RepPro-V1_2_1, 10) */
enum dm_status {
	DM_OK = 200,
	DM_ACCEPTED = 202,	/* the end is told by an alert with the Correlator */
	DM_AUTH_ACCEPTED = 212, /* for the session */
	DM_BUFFERED = 213,	/* a chunk that is not the last one */
	DM_CANCELLED = 214,	/* by the user */
	DM_NOT_EXECUTED = 215,
	DM_ROLLED_BACK = 216,
	DM_NOT_MODIFIED = 304,
	DM_BAD_REQUEST = 400,
	DM_INVALID_CREDENTIALS = 401,
	DM_FORBIDDEN = 403,
	DM_NOT_FOUND = 404,
	DM_NOT_ALLOWED = 405, /* this node never takes this command */
	DM_UNSUPPORTED = 406, /* optional feature */
	DM_MISSING_CREDENTIALS = 407,
	DM_TIMEOUT = 408,
	DM_CONFLICT = 409, /* not in the state that the node is in */
	DM_NO_SIZE = 411,  /* large object whose first chunk has no Size (RepPro 1.2, 10) */
	DM_INCOMPLETE = 412,
	DM_TOO_LARGE = 413, /* bigger than this node takes */
	DM_URI_TOO_LONG = 414,
	DM_BAD_FORMAT = 415, /* Format or Type that this node does not take */
	DM_RETRY_LATER = 417,
	DM_EXISTS = 418,
	DM_DEVICE_FULL = 420,
	DM_SIZE_MISMATCH = 424,
	DM_DENIED = 425, /* by the ACL */
	DM_FAILED = 500,
	DM_BUSY = 503,
	DM_BAD_VERSION = 505,
	DM_ATOMIC_FAILED = 507,
	DM_STORE_FAILED = 510,
	DM_ROLLBACK_FAILED = 516,
	DM_ATOMIC_TOO_LARGE = 517,
};

/** the answer comes later, with the token of the request; outside of the status codes */
#define DM_PENDING 1

/**
 * struct dm_req - who wants something, and how an answer finds back
 * @server: identifier of the server, "com.example.dm": its rights count. NULL: the device
 *	itself, which has all
 * @session: number of the session, for logs and records
 * @correlator: of the command or ""
 * @token: the caller's, given back with an answer that was DM_PENDING; unique among those
 *	that are waited for
 */
struct dm_req {
	const char *server;
	uint16_t session;
	const char *correlator;
	uint64_t token;
};

/**
 * struct dm_stat - what a URI stands for
 * @format: of what read() gives: MO_NODE for an interior node
 * @type: of it: media type of a leaf, identifier of the object for an interior node, "" if
 *	there is none
 * @size: bytes that read() gives
 * @list: the URI has ?list=Struct or ?list=StructData: there is nothing to read(), one
 *	walk() gives the nodes
 * @data: with @list: leaves go with their data
 */
struct dm_stat {
	enum mo_format format;
	char type[DM_TYPE_MAX + 1];
	uint64_t size;
	bool list;
	bool data;
};

/**
 * struct dm_put - a value, or a piece of one, for a node
 * @format, @type: of the Meta element, NULL if it is not there. They are those of the
 *	whole value and come with each piece
 * @total: bytes of the whole value as declared, DM_SIZE_UNKNOWN: not (fine with one piece)
 * @offset: of this piece; 0 begins a value. A piece that is not the last has bytes
 * @data, @len: its bytes, octets already (no base64)
 * @has_data: there was a Data element, maybe an empty one
 * @last: no more pieces
 */
struct dm_put {
	const char *format;
	const char *type;
	uint64_t total;
	uint64_t offset;
	const uint8_t *data;
	size_t len;
	bool has_data;
	bool last;
};

/** enum dm_how - which command writes */
enum dm_how { DM_HOW_ADD, DM_HOW_REPLACE };

/**
 * enum dm_level - what dm_tree_ops.begin() begins
 * @DM_LEVEL_MESSAGE: the commands of a message go to the disk at once, for speed. Each
 *	counts by itself; nothing is told to anybody before the commit. May be left out
 * @DM_LEVEL_ATOMIC: all or nothing, also on a secure element. Not within another one
 */
enum dm_level { DM_LEVEL_MESSAGE, DM_LEVEL_ATOMIC };

/**
 * struct dm_tree_ops - all of them must be there
 * @ctx in each: the tree
 */
struct dm_tree_ops {
	/**
	 * stat() - for Get: there, and @req may read it
	 *
	 * A leaf's value, the names of an interior node's children with '/' between them,
	 * a property (?prop=), a subtree as TNDS (?list=TNDS), or a list for walk().
	 * Return: 200, 400, 404, 405 (cannot be read), 406 (a property or list that is not
	 * known), 413 (TNDS that is too large), 414, 425.
	 */
	int (*stat)(void *ctx, const struct dm_req *req, const char *uri, struct dm_stat *st);

	/**
	 * read() - bytes of what stat() found, from @offset on
	 * @n: gets how many, less than @room only at the end
	 *
	 * Pieces belong together as long as nothing is written between them: a value that
	 * changed meanwhile gives 409, the reader begins anew or gives up.
	 * Return: as stat().
	 */
	int (*read)(void *ctx, const struct dm_req *req, const char *uri, uint64_t offset,
		    void *p, size_t room, size_t *n);

	/**
	 * walk() - the node after @uri in the subtree of @root that @req may read
	 * @root: as given to stat(), with its ?list=
	 * @uri: "" gives the root of it; DM_URI_MAX + 1 bytes, gets a node's URI without query
	 *
	 * Parents before their children. What @req may not read is left out with all below.
	 * Return: 200, 0 at the end, 404 if @uri is gone, or as stat().
	 */
	int (*walk)(void *ctx, const struct dm_req *req, const char *root, char *uri,
		    struct dm_stat *st);

	/**
	 * write() - Add or Replace, also of a property (?prop=), also of a subtree in TNDS
	 *
	 * One value at a time: a piece with offset 0 drops what was unfinished, so does
	 * write_abort(). A failed piece ends the value.
	 * Return: 200, 213 (a piece was taken), 400, 404, 405, 406, 409, 411, 413, 414, 415,
	 * 418, 420, 424 (not as many bytes as declared), 425, DM_PENDING, another code of a
	 * mount.
	 */
	int (*write)(void *ctx, const struct dm_req *req, enum dm_how how, const char *uri,
		     const struct dm_put *put);
	void (*write_abort)(void *ctx);

	/** del() - a node with all below. 200, 404, 405, 425, DM_PENDING, … */
	int (*del)(void *ctx, const struct dm_req *req, const char *uri);

	/** copy() - a leaf's value to another leaf, which is made if it is not there.
	 * 200, 404, 405, 413, 415, 420, 425, DM_PENDING, … */
	int (*copy)(void *ctx, const struct dm_req *req, const char *from, const char *to);

	/**
	 * exec() - run what @uri stands for
	 * @arg: the item's data: one piece
	 *
	 * Return: 200 (done), 202 (an alert tells the end), 404, 405, 406, 409, 425,
	 * DM_PENDING, another code of a mount. Within an Atomic what it starts begins with
	 * the commit.
	 */
	int (*exec)(void *ctx, const struct dm_req *req, const char *uri,
		    const struct dm_put *arg);

	/** begin() - 200, 405 (an Atomic within an Atomic), 503 (one has not ended, see
	 * dm_tree_unsettled()), or a negative errno */
	int (*begin)(void *ctx, enum dm_level level);
	/**
	 * commit() - the end of the innermost level
	 *
	 * 200: all of it is done and on the disk (a message within nothing, an Atomic within
	 * nothing) or with what is around it. DM_PENDING, only of an Atomic: a mount runs
	 * its part; the answer is 200, or why nothing of it was done, or 516 if some of it
	 * was and cannot be undone. Anything else: rolled back, nothing of it was done; 516
	 * as before.
	 */
	int (*commit)(void *ctx, const struct dm_req *req);
	/** rollback() - 216: all is as before; 516: a mount could not; or a negative errno. */
	int (*rollback)(void *ctx);
};

#endif /* SESAME_DM_TREE_OPS_H */
