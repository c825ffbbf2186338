/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAP files: what is in a Java Card package, and the load file data block made of it
 * (Java Card Virtual Machine specification, chapter 6). Format versions 2.1, 2.2 and
 * the compact form of 2.3. A file is read where it is, and components go by piece by piece:
 * memory does not grow with them.
 */
#ifndef SESAME_GP_CAP_H
#define SESAME_GP_CAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/apdu.h"
#include "gp/source.h"

/* Bounds. A card's whole memory is smaller; a ZIP archive that wants more is a bomb. */
#define GP_CAP_FILE_MAX (8u << 20)     /* bytes of the file as it is stored */
#define GP_CAP_ENTRIES_MAX 512	       /* entries of the archive, of all kinds */
#define GP_CAP_UNPACKED_MAX (2u << 20) /* bytes of all components together */
#define GP_CAP_RATIO_MAX 200	       /* unpacked to stored, of one component */
#define GP_CAP_APPLETS_MAX 255
#define GP_CAP_IMPORTS_MAX 255
#define GP_CAP_NAME_MAX 255
#define GP_CAP_LOOKED_MAX 8192 /* of Header, Directory, Applet and Import, each */

/** enum gp_cap_tag - components by their tag (JCVM 3.1, table 6-1) */
enum gp_cap_tag {
	GP_CAP_HEADER = 1,
	GP_CAP_DIRECTORY,
	GP_CAP_APPLET,
	GP_CAP_IMPORT,
	GP_CAP_CONSTANT_POOL,
	GP_CAP_CLASS,
	GP_CAP_METHOD,
	GP_CAP_STATIC_FIELD,
	GP_CAP_REF_LOCATION,
	GP_CAP_EXPORT,
	GP_CAP_DESCRIPTOR,
	GP_CAP_DEBUG,
	GP_CAP_STATIC_RESOURCES, /* of format 2.3 */
	GP_CAP_TAGS		 /* one more than the last */
};

/* struct gp_cap.flags: of the Header component (JCVM 3.1, table 6-4) */
#define GP_CAP_INT 0x01	     /* uses the 32-bit integer */
#define GP_CAP_EXPORTS 0x02  /* has an Export component: a library */
#define GP_CAP_APPLETS 0x04  /* has an Applet component */
#define GP_CAP_EXTENDED 0x08 /* extended form: refused, so never set in what was read */

/** enum gp_cap_form - how the package came */
enum gp_cap_form {
	GP_CAP_FORM_ZIP,   /* a CAP file as converters write it */
	GP_CAP_FORM_IJC,   /* components one after the other, as .ijc files have them */
	GP_CAP_FORM_BLOCK, /* the same inside tag C4, a load file; DAP blocks in front skipped
			    */
};

/**
 * struct gp_cap_applet - an applet class
 * @aid: of the module
 * @install: offset of install() in the Method component
 */
struct gp_cap_applet {
	struct gp_aid aid;
	uint16_t install;
};

/**
 * struct gp_cap_import - a package that this one needs
 * @aid: of that package
 * @major: exactly this
 * @minor: this or a later one
 */
struct gp_cap_import {
	struct gp_aid aid;
	uint8_t major, minor;
};

/**
 * struct gp_cap_part - one component, its three bytes of tag and size included
 * @p: its first bytes: all of Header, Directory, Applet and Import, of the others no more
 *	than tag and size; NULL: the package has none
 * @len: bytes
 * @at: where it is: offset in the file, or entry of the archive
 */
struct gp_cap_part {
	const uint8_t *p;
	size_t len;
	uint64_t at;
};

struct gp_cap_zip;

/**
 * struct gp_cap - a package
 * @form: how it came
 * @format_major: of the file format, 2
 * @format_minor: 1, 2 or 3
 * @flags: GP_CAP_INT, GP_CAP_EXPORTS, GP_CAP_APPLETS
 * @package: its AID
 * @major: version of the package
 * @minor: the same
 * @name: "com/example/wallet" from the Header (format 2.2) or, without it there, from
 *	the archive; "" if neither has it; printable ASCII, others are '?'
 * @applets: in the order of the file, @nr_applets of them
 * @imports: in the order of the file, @nr_imports of them
 * @parts: by tag
 * @source: the file
 * @zip: how far its archive is read; private, as what follows
 * @memory: what @parts point into, @used bytes of it
 * @file: what gp_cap_read() was given
 */
struct gp_cap {
	enum gp_cap_form form;
	uint8_t format_major, format_minor;
	uint8_t flags;
	struct gp_aid package;
	uint8_t major, minor;
	char name[GP_CAP_NAME_MAX + 1];
	struct gp_cap_applet applets[GP_CAP_APPLETS_MAX];
	size_t nr_applets;
	struct gp_cap_import imports[GP_CAP_IMPORTS_MAX];
	size_t nr_imports;
	struct gp_cap_part parts[GP_CAP_TAGS];
	struct gp_source source;
	struct gp_cap_zip *zip;
	uint8_t *memory, *file;
	size_t used;
};

/**
 * gp_cap_open() - look at a file of any of the three forms
 * @source: the file, up to GP_CAP_FILE_MAX bytes; the same until gp_cap_free()
 * @cap: out: for gp_cap_free()
 * @err: out on failure: what is wrong and where; may be NULL
 *
 * All that a card would look at before it takes the first block is checked: each
 * component's size and place, that those of JCVM 6.1 are there, header, imports,
 * applets, and that the Directory says the same as the rest. Byte code is not verified. An
 * archive is unpacked once, without being kept, so that its checksums are checked.
 *
 * Return: 0; -EBADMSG for a damaged file; -E2BIG for one beyond the bounds above;
 * -EOPNOTSUPP for what is well formed but of another format (extended CAP file, format
 * 2.4 and later, encrypted archive); -ENOMEM; what reading @source says.
 */
int gp_cap_open(const struct gp_source *source, struct gp_cap **cap, struct gp_error *err);

/** gp_cap_read() - the same with @len bytes at @p, which are copied */
int gp_cap_read(const uint8_t *p, size_t len, struct gp_cap **cap, struct gp_error *err);

/** gp_cap_free() - NULL is fine */
void gp_cap_free(struct gp_cap *cap);

/** gp_cap_component_name() - "Header" and so on; "?" for a tag without name */
const char *gp_cap_component_name(enum gp_cap_tag tag);

/* gp_cap_block(): what differs from the usual block */
#define GP_CAP_WITH_DESCRIPTOR 0x01   /* some cards and on-card verifiers want it */
#define GP_CAP_WITHOUT_DIRECTORY 0x02 /* a card that does not look at it saves its bytes */

/**
 * gp_cap_block() - the load file data block: components in load order (JCVM 6.1)
 * @how: GP_CAP_WITH_DESCRIPTOR | GP_CAP_WITHOUT_DIRECTORY; the Debug component never is
 *	in it
 * @block: out: for free(); what goes into tag C4, and what the hash is taken over
 * @len: out: its bytes
 *
 * Return: 0, or as gp_cap_block_read().
 */
int gp_cap_block(const struct gp_cap *cap, unsigned int how, uint8_t **block, size_t *len);

/** gp_cap_block_len() - how long it is; 0 for unknown bits in @how */
size_t gp_cap_block_len(const struct gp_cap *cap, unsigned int how);

/**
 * gp_cap_block_read() - @len bytes of it from byte @at on
 *
 * Made for reading on and on. What is before the last place read, in the same component,
 * costs unpacking that component again.
 *
 * Return: 0; -EINVAL for unknown bits in @how; -ERANGE for what goes beyond the end; -EBADMSG
 * where the file is not any more what it was; what reading it says; -ENOMEM.
 */
int gp_cap_block_read(const struct gp_cap *cap, unsigned int how, size_t at, void *p,
		      size_t len);

/**
 * gp_cap_java_card() - the lowest Java Card version that has what is imported
 *
 * By the version of javacard.framework, or else javacard.security, that is imported.
 *
 * Return: "3.0.4" and the like; NULL if the imports do not tell.
 */
const char *gp_cap_java_card(const struct gp_cap *cap);

/** gp_cap_import_name() - "javacard.framework" for a well-known AID, or NULL */
const char *gp_cap_import_name(const struct gp_aid *aid);

#endif /* SESAME_GP_CAP_H */
