// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wbxml/wbxml.h>

#include "dm/wbxml-tags.h"
#include "dm/wbxml.h"

/* a provisioning document has four levels */
#define PROV_DEPTH 16
/* the longest name of its tables, with what is around it in XML */
#define PROV_NAME 64

/* where the check of a provisioning document is, and how long its XML is at most so far */
struct check {
	const uint8_t *p;
	size_t left;
	struct dm_wbxml_head head;
	size_t xml;
	size_t max;
	unsigned int depth;
};

static int grow(struct check *c, size_t by)
{
	if (by > c->max - c->xml)
		return -E2BIG;
	c->xml += by;
	return 0;
}

/* escaped, an octet becomes six at most */
static int string(struct check *c, const char *s, size_t len)
{
	if (!dm_utf8_valid((const uint8_t *)s, len))
		return -EBADMSG;
	return len > c->max / 6 ? -E2BIG : grow(c, 6 * len);
}

static int number(struct check *c, uint32_t *n)
{
	return dm_wbxml_number(&c->p, &c->left, n) ? 0 : -EBADMSG;
}

static int reference(struct check *c)
{
	uint32_t at;

	/* the last string needs its NUL: libwbxml2 looks for it */
	if (number(c, &at) < 0 || at >= c->head.table_len ||
	    c->head.table[c->head.table_len - 1] != '\0')
		return -EBADMSG;
	return string(c, (const char *)c->head.table + at,
		      strlen((const char *)c->head.table + at));
}

/* what stands for text, in values and between elements; 1: it is something else */
static int text(struct check *c, uint8_t token)
{
	size_t n;
	uint32_t ch;

	switch (token) {
	case WB_STR_I:
		n = strnlen((const char *)c->p, c->left);
		if (n == c->left)
			return -EBADMSG;
		c->p += n + 1;
		c->left -= n + 1;
		return string(c, (const char *)c->p - n - 1, n);
	case WB_STR_T:
		return reference(c);
	case WB_ENTITY:
		/* libwbxml2 before 0.11.10 ends the program for one beyond 31 bits */
		if (number(c, &ch) < 0 || ch < ' ' || ch > 0xfffd || (ch >> 11) == 0x1b)
			return -EBADMSG;
		return grow(c, 6);
	default:
		return 1;
	}
}

static int switch_page(struct check *c)
{
	/* 0 and 1 are what there is */
	if (c->left == 0 || c->p[0] > 1)
		return -EBADMSG;
	c->p++;
	c->left--;
	return 0;
}

static bool next(struct check *c, uint8_t *token)
{
	if (c->left == 0)
		return false;
	*token = *c->p++;
	c->left--;
	return true;
}

static int attributes(struct check *c)
{
	bool in_one = false;
	uint8_t token;
	int e;

	while (next(c, &token)) {
		if (token == WB_END)
			return in_one ? 0 : -EBADMSG;
		e = text(c, token);
		/* a value needs its attribute */
		if (e == 0 && !in_one)
			e = -EBADMSG;
		if (e == 1 && token == WB_SWITCH_PAGE)
			e = switch_page(c);
		else if (e == 1 &&
			 ((token & WB_TAG) <= WB_LITERAL || (!in_one && token >= 0x80)))
			e = -EBADMSG; /* OPAQUE, extensions, literals: it has none */
		else if (e == 1) {
			in_one = true;
			e = grow(c, PROV_NAME);
		}
		if (e < 0)
			return e;
	}
	return -EBADMSG;
}

static int element(struct check *c, uint8_t token)
{
	int e;

	/* wap-provisioningdoc, characteristic, parm */
	if ((token & WB_TAG) < 0x05 || (token & WB_TAG) > 0x07)
		return -EBADMSG;
	e = grow(c, 2 * PROV_NAME);
	if (e == 0 && token & WB_ATTRS)
		e = attributes(c);
	if (e == 0 && token & WB_CONTENT && ++c->depth > PROV_DEPTH)
		e = -E2BIG;
	return e;
}

static int check_prov(struct check *c)
{
	uint8_t token;
	int e;

	/* a root with something in it, to the end of the document */
	do {
		if (!next(c, &token))
			return -EBADMSG;
		if (token == WB_END) {
			if (c->depth == 0)
				return -EBADMSG;
			c->depth--;
			continue;
		}
		e = token == WB_SWITCH_PAGE ? switch_page(c) : text(c, token);
		if (e == 0 && c->depth == 0 && token != WB_SWITCH_PAGE)
			e = -EBADMSG;
		if (e == 1)
			e = element(c, token);
		if (e < 0)
			return e;
	} while (c->depth > 0 || token == WB_SWITCH_PAGE);
	return c->left > 0 ? -EBADMSG : 0;
}

static int result(WBXMLError e, uint8_t *made, unsigned int len, struct model_buf *out)
{
	if (e == WBXML_OK)
		model_buf_put(out, made, len);
	if (made) {
		explicit_bzero(made, len);
		free(made);
	}
	if (e == WBXML_OK)
		return out->error;
	return e == WBXML_ERROR_NOT_ENOUGH_MEMORY ? -ENOMEM : -EBADMSG;
}

int dm_wbxml_prov(const uint8_t *p, size_t len, struct model_buf *out)
{
	struct check c = {.p = p, .left = len, .max = out->max};
	WBXMLConvWBXML2XML *conv = NULL;
	WBXMLError done;
	uint8_t *xml = NULL;
	unsigned int n = 0;
	int e = dm_wbxml_head(&c.p, &c.left, &c.head);

	if (e < 0)
		return e;
	if (c.head.public_id != DM_WBXML_PROV &&
	    (c.head.public_id != 0 || strcasecmp(c.head.fpi, DM_WBXML_PROV_FPI) != 0))
		return -ENOTSUP;
	e = check_prov(&c);
	if (e < 0)
		return e;
	if (len > INT_MAX || wbxml_conv_wbxml2xml_create(&conv) != WBXML_OK)
		return -ENOMEM;
	wbxml_conv_wbxml2xml_set_gen_type(conv, WBXML_GEN_XML_CANONICAL);
	wbxml_conv_wbxml2xml_set_language(conv, WBXML_LANG_PROV10);
	/* it does not write to it */
	done = wbxml_conv_wbxml2xml_run(conv, (uint8_t *)(uintptr_t)p, (unsigned int)len, &xml,
					&n);
	e = result(done, xml, n, out);
	wbxml_conv_wbxml2xml_destroy(conv);
	return e == -EMSGSIZE ? -E2BIG : e;
}

/* the elements of a MgmtTree, from either coding */
static int read_tnds(int (*read)(struct dm_dom *, const uint8_t *, size_t), const uint8_t *p,
		     size_t len, size_t max, struct model_buf *out)
{
	struct dm_dom d = {.depth_max = DM_DOM_DATA_DEPTH, .text = {.max = max}};
	struct dm_node top = {0};

	d.arena = dm_arena_new(((size_t)64 << 10) + 32 * len);
	if (!d.arena)
		return -ENOMEM;
	if (read(&d, p, len) == 0) {
		if (strcmp(d.root->name, "MgmtTree") != 0) {
			dm_dom_fail(&d, -EBADMSG, "no MgmtTree");
		} else {
			top.kids = d.root;
			d.root->uri = dm_wbxml_uri(DM_PAGE_DMDDF);
			dm_dom_markup(out, &top);
		}
	}
	model_buf_free(&d.text);
	dm_arena_free(d.arena);
	return d.error ? d.error : out->error;
}

int dm_wbxml_tnds(const uint8_t *p, size_t len, struct model_buf *out)
{
	int e = read_tnds(dm_wbxml_read, p, len, out->max, out);

	return e == -EMSGSIZE ? -E2BIG : e;
}

int dm_wbxml_from_tnds(const uint8_t *p, size_t len, struct model_buf *out)
{
	WBXMLConvXML2WBXML *conv = NULL;
	struct model_buf xml = {.max = out->max};
	WBXMLError done;
	uint8_t *made = NULL;
	unsigned int n = 0;
	int e;

	/* it tells the language by this */
	model_buf_puts(&xml, "<!DOCTYPE MgmtTree PUBLIC \"" DM_WBXML_DDF_FPI "\" "
			     "\"http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd\">");
	/* no more than what is in one message: below what an int holds */
	e = read_tnds(dm_xml_read, p, len, out->max < INT_MAX ? out->max : INT_MAX, &xml);
	if (e == 0 && wbxml_conv_xml2wbxml_create(&conv) != WBXML_OK)
		e = -ENOMEM;
	if (e == 0) {
		wbxml_conv_xml2wbxml_set_version(conv, WBXML_VERSION_12);
		wbxml_conv_xml2wbxml_enable_preserve_whitespaces(conv);
		wbxml_conv_xml2wbxml_disable_string_table(conv);
		done = wbxml_conv_xml2wbxml_run(conv, xml.p, (unsigned int)xml.len, &made, &n);
		e = result(done, made, n, out);
		wbxml_conv_xml2wbxml_destroy(conv);
	}
	model_buf_free(&xml);
	return e;
}
