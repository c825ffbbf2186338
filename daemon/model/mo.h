/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptions of OMA DM Management Objects: tables from which the tree checks commands and
 * formats, and the DDF files in Documentation/objects/ddf are made.
 *
 * A node that says the same as an LwM2M resource names it (MO_SAME): one model, two views.
 */
#ifndef SESAME_MODEL_MO_H
#define SESAME_MODEL_MO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** enum mo_format - property Format (OMA-TS-DM_TND-V1_2_1, 7.7.3) */
enum mo_format {
	MO_NODE,
	MO_CHR,
	MO_INT,
	MO_BOOL,
	MO_BIN,
	MO_B64, /* base64 as text; values are octets, so that bin is nearly always meant */
	MO_XML,
	MO_NULL,
	MO_DATE,
	MO_TIME,
	MO_FLOAT,
};
#define MO_FORMATS (MO_FLOAT + 1)

/* access types: commands that a node takes from somebody (9.3 of the same) */
#define MO_GET (1U << 0)
#define MO_ADD (1U << 1)
#define MO_REPLACE (1U << 2)
#define MO_DELETE (1U << 3)
#define MO_EXEC (1U << 4)
#define MO_COPY (1U << 5)
#define MO_RW (MO_GET | MO_REPLACE)
#define MO_OWN (MO_GET | MO_ADD | MO_REPLACE | MO_DELETE) /* a server's own node */

enum mo_occurs {
	MO_ONE,
	MO_ZERO_OR_ONE,
	MO_ZERO_OR_MORE,
	MO_ONE_OR_MORE,
};

/**
 * struct mo_node - one node of an object
 * @name: NULL: any; whoever adds a node names it ("<x>")
 * @format: MO_NODE for an interior node
 * @access: MO_GET, …; MO_ADD at a node means that it may be added
 * @occurs: how often there is one below its parent
 * @permanent: always there, and can neither be deleted nor renamed
 * @type: leaf: media type, NULL: "text/plain" for what is text, "application/octet-stream"
 *	for bin. Interior: identifier of the object (of its root), or NULL
 * @title, @description: for people
 * @value: the only or the default value, NULL: none
 * @min, @max: of an int, or of a length in bytes; none if equal
 * @same, @object, @resource: an LwM2M resource says the same
 * @open: anything may be below (Inbox, Ext)
 * @id: the owner's own number for it
 * @children, @nr: of an interior node; a nameless one is the last
 */
struct mo_node {
	const char *name;
	enum mo_format format;
	unsigned int access;
	enum mo_occurs occurs;
	bool permanent;
	const char *type;
	const char *title;
	const char *description;
	const char *value;
	int64_t min, max;
	bool same;
	uint16_t object, resource;
	bool open;
	unsigned int id;
	const struct mo_node *children;
	size_t nr;
};

/**
 * struct mo_object - a Management Object
 * @name: for people
 * @moi: its identifier, "urn:oma:mo:oma-dm-devinfo:1.0", "io.sesame/1.0/SecureElement"
 * @path: where the parent of @root is: "." or "./X"
 * @description: for people
 * @acl: of its node (mo->path if the root has no name) to begin with, NULL: inherits
 * @alone: instances are each the server's that adds it: what others may do by the lists above
 *	does not count there
 * @root: the node that is described, with all below. If it has no name, each instance has
 *	one of its own (<x>)
 */
struct mo_object {
	const char *name;
	const char *moi;
	const char *path;
	const char *description;
	const char *acl;
	bool alone;
	const struct mo_node *root;
};

/* how tables are written: one node, then what there is of the rest */
#define MO_LEAF(n, f, a, ...) {.name = (n), .format = (f), .access = (a), __VA_ARGS__}
#define MO_INTERIOR(n, a, below, ...)              \
	{.name = (n),                              \
	 .format = MO_NODE,                        \
	 .access = (a),                            \
	 .children = (below),                      \
	 .nr = sizeof(below) / sizeof((below)[0]), \
	 __VA_ARGS__}
#define MO_SAME(o, r) .same = true, .object = (o), .resource = (r)
#define MO_SPAN(a, b) .min = (a), .max = (b)
#define MO_SAYS(d) .description = d
#define MO_ID(i) .id = (i)

/* numbers of the nodes of OMA's own objects (struct mo_node.id) */
enum mo_devinfo_node {
	MO_DEVINFO_ID = 1,
	MO_DEVINFO_MAN,
	MO_DEVINFO_MOD,
	MO_DEVINFO_DMV,
	MO_DEVINFO_LANG,
};

enum mo_devdetail_node {
	MO_DEVDETAIL_DEV_TYP = 1,
	MO_DEVDETAIL_OEM,
	MO_DEVDETAIL_FWV,
	MO_DEVDETAIL_SWV,
	MO_DEVDETAIL_HWV,
	MO_DEVDETAIL_LRG_OBJ,
	MO_DEVDETAIL_MAX_DEPTH,
	MO_DEVDETAIL_MAX_TOT_LEN,
	MO_DEVDETAIL_MAX_SEG_LEN,
};

enum mo_dmacc_node {
	MO_DMACC_APP_ID = 1,
	MO_DMACC_SERVER_ID,
	MO_DMACC_NAME,
	MO_DMACC_PREF_CON_REF,
	MO_DMACC_CON_REF,
	MO_DMACC_ADDR,
	MO_DMACC_ADDR_TYPE,
	MO_DMACC_PORT_NBR,
	MO_DMACC_AUTH_PREF,
	MO_DMACC_AUTH_LEVEL,
	MO_DMACC_AUTH_TYPE,
	MO_DMACC_AUTH_NAME,
	MO_DMACC_AUTH_SECRET,
	MO_DMACC_AUTH_DATA,
};

extern const struct mo_object mo_devinfo, mo_devdetail, mo_dmacc, mo_inbox, mo_se;

/** mo_object_at() - the @i-th of all objects; NULL past the end. */
const struct mo_object *mo_object_at(size_t i);

/** mo_format_name() - "node", "chr", … */
const char *mo_format_name(enum mo_format format);
/** mo_format_parse() - the other way; 0, -EINVAL if there is none of this name. */
int mo_format_parse(const char *name, enum mo_format *format);
/** mo_format_text() - values of it are text in UTF-8. */
bool mo_format_text(enum mo_format format);

/** mo_child() - the description of a child of this name; NULL if it must not be there. */
const struct mo_node *mo_child(const struct mo_node *node, const char *name);

/** mo_type() - the property Type of @node: what is in the table or its default; never NULL. */
const char *mo_type(const struct mo_node *node);

/**
 * mo_value_check() - @p is a value that @node takes
 *
 * int: decimal, 32 bits with sign, within min and max; bool: "true" or "false"; date
 * and time: ISO 8601, basic or extended; float: as in XML Schema; null: empty; of all others
 * min and max are about bytes. That text is UTF-8 is for the caller to see.
 *
 * Return: 0, -EINVAL (no such value), -ERANGE (outside of min and max).
 */
int mo_value_check(const struct mo_node *node, const uint8_t *p, size_t len);

/**
 * mo_write_ddf() - write @object as a DDF document (OMA-TS-DM_TND-V1_2_1, 9)
 *
 * Return: 0, or -EIO if @out could not be written.
 */
int mo_write_ddf(FILE *out, const struct mo_object *object);

/**
 * mo_dump_ddf() - write a DDF file of each object into the folder @dir, which is made
 *
 * Named by the object's identifier, with '-' for ':' and '/'.
 *
 * Return: 0 or a negative errno.
 */
int mo_dump_ddf(const char *dir);

#endif /* SESAME_MODEL_MO_H */
