/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serialised trees (OMA-TS-DM_TNDS-V1_2, DTD "DM_DDF-V1_2"): from a document to nodes and
 * back. Pure: where the nodes go is tree-tnds.c's business.
 */
#ifndef SESAME_DM_TNDS_H
#define SESAME_DM_TNDS_H

#include "dm/arena.h"
#include "dm/uri.h"
#include "model/buf.h"

#define DM_TNDS_NODES_MAX 4096
#define DM_TNDS_XMLNS "syncml:dmddf1.2"

/**
 * struct dm_tnds_node - one node; everything is in the arena, NULL is "not there"
 * @name: "" where the client shall find one
 * @path: of the first level: where the node's parent is
 * @format: "chr", …; of a node without one: "node" if it has children
 * @type: media type or identifier of the object
 * @value, @len: octets; @has_value
 * @kids, @next: of the same parent in the order of the document
 */
struct dm_tnds_node {
	const char *name;
	const char *path;
	const char *format;
	const char *type;
	const char *acl;
	const char *title;
	const uint8_t *value;
	size_t len;
	bool has_value;
	struct dm_tnds_node *kids;
	struct dm_tnds_node *next;
};

/**
 * dm_tnds_read() - the nodes of a MgmtTree in XML
 *
 * Values of Format b64 and bin are decoded. @arena bounds the memory.
 * Return: 0, -EBADMSG, -E2BIG (too many, too deep), -ENOTSUP (another VerDTD), -ENOMEM.
 */
int dm_tnds_read(struct dm_arena *arena, const uint8_t *p, size_t len,
		 struct dm_tnds_node **nodes);

/** struct dm_tnds_show - a node that is written; what is NULL is left out */
struct dm_tnds_show {
	const char *name;
	const char *path;
	enum mo_format format;
	const char *type;
	const char *acl, *size, *title, *tstamp, *verno;
	const uint8_t *value;
	size_t len;
	bool has_value;
	unsigned int props; /* DM_PROP_ALL: which elements are wanted */
};

void dm_tnds_begin(struct model_buf *out);
/** dm_tnds_open() - a node; its children follow, then dm_tnds_close() */
void dm_tnds_open(struct model_buf *out, const struct dm_tnds_show *node);
void dm_tnds_close(struct model_buf *out);
void dm_tnds_end(struct model_buf *out);

#endif /* SESAME_DM_TNDS_H */
