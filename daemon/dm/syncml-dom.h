/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elements of a document as its reader found them, XML's or WBXML's: between the two
 * codings and those who make sense of them (syncml-read.c, profile.c).
 */
#ifndef SESAME_DM_SYNCML_DOM_H
#define SESAME_DM_SYNCML_DOM_H

#include "dm/arena.h"
#include "dm/syncml.h"
#include "model/buf.h"

/**
 * struct dm_node - an element, or a run of text between elements (@name NULL)
 * @name: without a prefix
 * @uri: namespace; NULL: none or not known
 * @attrs: as XML text, with a space before each, namespaces first; NULL: none. Not for WBXML
 * @text, @len: of a run of text; a NUL follows
 * @opaque: OPAQUE of WBXML is in the text
 */
struct dm_node {
	const char *name;
	const char *uri;
	struct dm_node *next;
	struct dm_node *up;
	union {
		struct {
			const char *attrs;
			struct dm_node *kids;
			struct dm_node *last;
		};
		struct {
			const char *text;
			size_t len;
			bool opaque;
		};
	};
};

/** names that come again and again are kept once */
#define DM_DOM_NAMES 64

/** struct dm_dom - what a reader fills through the functions below */
struct dm_dom {
	struct dm_arena *arena;
	struct dm_node *root;
	struct dm_node *at; /* the element that is open */
	const char *names[DM_DOM_NAMES];
	struct model_buf text;
	bool opaque;
	unsigned int depth;
	unsigned int depth_max;
	unsigned int in_data; /* depth of the Data that is open, 0: none */
	int error;
	const char *why;
};

/** elements within Data may go this much deeper than those of the protocol: TNDS */
#define DM_DOM_DATA_DEPTH 48

/** dm_dom_start() - an element begins. Return: 0, or the error that ends the reading. */
int dm_dom_start(struct dm_dom *d, const char *name, size_t name_len, const char *uri,
		 const char *attrs);
int dm_dom_text(struct dm_dom *d, const void *p, size_t len, bool opaque);
int dm_dom_end(struct dm_dom *d);
/** dm_dom_fail() - remember the first error; returns it */
int dm_dom_fail(struct dm_dom *d, int error, const char *why);

/** dm_dom_kid() - the first element of that name in @n; NULL if there is none, or no @n */
const struct dm_node *dm_dom_kid(const struct dm_node *n, const char *name);

/** dm_dom_str() - its text without white space around it; "" if it has none, NULL if @n is
 * NULL or there is no memory */
const char *dm_dom_str(struct dm_arena *a, const struct dm_node *n);

/** dm_dom_markup() - write what is in @n as XML */
void dm_dom_markup(struct model_buf *b, const struct dm_node *n);

/** dm_xml_read() - fill @d from XML; @d->error and @d->why say what is wrong. No DOCTYPE with
 * declarations, no entities but XML's own, no processing instructions, UTF-8 only. */
int dm_xml_read(struct dm_dom *d, const uint8_t *p, size_t len);

/** dm_wbxml_read() - the same from a SyncML message in WBXML */
int dm_wbxml_read(struct dm_dom *d, const uint8_t *p, size_t len);

/** dm_utf8_valid() - is it UTF-8, all of characters that XML 1.0 has? */
bool dm_utf8_valid(const uint8_t *p, size_t len);

#endif /* SESAME_DM_SYNCML_DOM_H */
