// SPDX-License-Identifier: Apache-2.0
/* XML by the SAX2 interface of libxml2: no tree of its, no entities, nothing from outside. */
#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "dm/syncml-dom.h"

/* fed in pieces, so that an error of ours ends it soon */
#define PIECE ((size_t)4096)

struct reader {
	xmlParserCtxt *ctxt;
	struct dm_dom *d;
	struct model_buf attrs;
};

static void fail(struct reader *r, int error, const char *why)
{
	dm_dom_fail(r->d, error, why);
	xmlStopParser(r->ctxt);
}

static bool same_prefix(const xmlChar *a, const xmlChar *b)
{
	return a && b && xmlStrEqual(a, b);
}

/* as text, with the namespaces of prefixes; nothing in the protocol itself has attributes */
static const char *attributes(struct reader *r, int n, const xmlChar **a)
{
	r->attrs.len = 0;
	for (int i = 0; i < n; i++) {
		const xmlChar *name = a[5 * i], *prefix = a[5 * i + 1], *uri = a[5 * i + 2];
		bool declared = !prefix || !uri || xmlStrEqual(prefix, BAD_CAST "xml");

		for (int j = 0; j < i && !declared; j++)
			declared = same_prefix(prefix, a[5 * j + 1]);
		if (!declared) {
			model_buf_puts(&r->attrs, " xmlns:");
			model_buf_puts(&r->attrs, (const char *)prefix);
			model_buf_puts(&r->attrs, "=\"");
			model_buf_xml(&r->attrs, uri, strlen((const char *)uri));
			model_buf_puts(&r->attrs, "\"");
		}
		model_buf_puts(&r->attrs, " ");
		if (prefix) {
			model_buf_puts(&r->attrs, (const char *)prefix);
			model_buf_puts(&r->attrs, ":");
		}
		model_buf_puts(&r->attrs, (const char *)name);
		model_buf_puts(&r->attrs, "=\"");
		model_buf_xml(&r->attrs, a[5 * i + 3], (size_t)(a[5 * i + 4] - a[5 * i + 3]));
		model_buf_puts(&r->attrs, "\"");
	}
	return model_buf_text(&r->attrs);
}

static void start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		  int n_ns, const xmlChar **ns, int n_attrs, int n_defaulted,
		  const xmlChar **attrs)
{
	struct reader *r = user;
	const char *charset = (const char *)r->ctxt->encoding, *words = NULL;

	(void)prefix;
	(void)n_ns;
	(void)ns;
	(void)n_defaulted;
	if (r->d->error)
		return;
	if (!r->d->root && charset && strcasecmp(charset, "UTF-8") != 0 &&
	    strcasecmp(charset, "US-ASCII") != 0) {
		fail(r, -ENOTSUP, "a character set that is not UTF-8");
		return;
	}
	if (n_attrs > 0 && !(words = attributes(r, n_attrs, attrs)))
		fail(r, r->attrs.error == -ENOMEM ? -ENOMEM : -E2BIG, "too many attributes");
	else if (dm_dom_start(r->d, (const char *)name, strlen((const char *)name),
			      (const char *)uri, words) < 0)
		xmlStopParser(r->ctxt);
}

static void end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = user;

	(void)name;
	(void)prefix;
	(void)uri;
	if (dm_dom_end(r->d) < 0)
		xmlStopParser(r->ctxt);
}

static void characters(void *user, const xmlChar *p, int len)
{
	struct reader *r = user;

	if (dm_dom_text(r->d, p, (size_t)len, false) < 0)
		xmlStopParser(r->ctxt);
}

static void entity(void *user, const xmlChar *name, int type, const xmlChar *public_id,
		   const xmlChar *system_id, xmlChar *content)
{
	(void)name;
	(void)type;
	(void)public_id;
	(void)system_id;
	(void)content;
	fail(user, -EBADMSG, "entities are declared");
}

static void element(void *user, const xmlChar *name, int type, xmlElementContentPtr content)
{
	(void)name;
	(void)type;
	(void)content;
	fail(user, -EBADMSG, "a DOCTYPE with declarations");
}

static void attribute(void *user, const xmlChar *name, const xmlChar *full, int type, int def,
		      const xmlChar *value, xmlEnumerationPtr tree)
{
	(void)name;
	(void)full;
	(void)type;
	(void)def;
	(void)value;
	/* it is the receiver's to free, and not in a tree of libxml2's as none is made */
	xmlFreeEnumeration(tree);
	fail(user, -EBADMSG, "a DOCTYPE with declarations");
}

static void notation(void *user, const xmlChar *name, const xmlChar *public_id,
		     const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	fail(user, -EBADMSG, "a DOCTYPE with declarations");
}

static void unparsed(void *user, const xmlChar *name, const xmlChar *public_id,
		     const xmlChar *system_id, const xmlChar *notation_name)
{
	(void)notation_name;
	notation(user, name, public_id, system_id);
}

static void reference(void *user, const xmlChar *name)
{
	(void)name;
	fail(user, -EBADMSG, "an entity that is not XML's own");
}

static xmlEntityPtr get_entity(void *user, const xmlChar *name)
{
	reference(user, name);
	return NULL;
}

static void instruction(void *user, const xmlChar *target, const xmlChar *data)
{
	(void)data;
	reference(user, target);
	((struct reader *)user)->d->why = "a processing instruction";
}

/* or libxml2 writes to stderr */
static void complaint(void *user, const xmlError *error)
{
	struct reader *r = user;

	if (error->level >= XML_ERR_ERROR)
		dm_dom_fail(r->d, error->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EBADMSG,
			    "no well-formed XML");
}

/* libxml2 2.14 has const there, 2.9 has not */
static void complaint_2_9(void *user, xmlErrorPtr error)
{
	complaint(user, error);
}

int dm_xml_read(struct dm_dom *d, const uint8_t *p, size_t len)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = start,
		.endElementNs = end,
		.characters = characters,
		.ignorableWhitespace = characters,
		.cdataBlock = characters,
		.entityDecl = entity,
		.elementDecl = element,
		.attributeDecl = attribute,
		.notationDecl = notation,
		.unparsedEntityDecl = unparsed,
		.reference = reference,
		.getEntity = get_entity,
		.getParameterEntity = get_entity,
		.processingInstruction = instruction,
		.serror = complaint_2_9,
	};
	struct reader r = {.d = d, .attrs = {.max = 4096}};

	/* UTF-16 and UTF-32, which libxml2 would tell by these; UTF-8 has no such bytes */
	if (len < 4 || !p[0] || !p[1] || p[0] >= 0xfe)
		return dm_dom_fail(d, -EBADMSG, "no XML in UTF-8");
	if (len > INT_MAX)
		return dm_dom_fail(d, -E2BIG, "too long");
	r.ctxt = xmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL);
	if (!r.ctxt)
		return dm_dom_fail(d, -ENOMEM, "no memory");
	/* NOENT: or "&amp;" in an attribute comes as "&#38;"; there are no entities but XML's
	 */
	xmlCtxtUseOptions(r.ctxt, XML_PARSE_NONET | XML_PARSE_NOENT);
	for (size_t at = 0; at < len && !d->error; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;

		if (xmlParseChunk(r.ctxt, (const char *)p + at, (int)n, at + n == len) != 0)
			dm_dom_fail(d, -EBADMSG, "no well-formed XML");
	}
	if (!r.ctxt->wellFormed || !d->root || d->at)
		dm_dom_fail(d, -EBADMSG, "no well-formed XML");
	/* it makes one for entities even where nobody asked for a tree */
	if (r.ctxt->myDoc)
		xmlFreeDoc(r.ctxt->myDoc);
	r.ctxt->myDoc = NULL;
	xmlFreeParserCtxt(r.ctxt);
	model_buf_free(&r.attrs);
	return d->error;
}
