// SPDX-License-Identifier: Apache-2.0
/*
 * WBXML 1.3 of a SyncML message. It is read here and not by libwbxml2, whose interface is from
 * document to document: that one recurses for each element until the stack is at its end,
 * copies the whole string table for each reference to it, has no tokens of DMDDF inside of
 * SyncML, and makes XML that nothing can read of octets that are no text.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dm/syncml-dom.h"
#include "dm/wbxml-tags.h"
#include "dm/wbxml.h"

struct reader {
	struct dm_dom *d;
	const uint8_t *p;
	size_t left;
	struct dm_wbxml_head head;
	unsigned int page;
};

static bool byte(const uint8_t **p, size_t *left, uint8_t *to)
{
	if (*left == 0)
		return false;
	*to = *(*p)++;
	(*left)--;
	return true;
}

/* mb_u_int32 (WBXML 1.3, 5.1): no more than 32 bits, in no more octets than they need or five
 */
bool dm_wbxml_number(const uint8_t **p, size_t *left, uint32_t *to)
{
	uint64_t n = 0;
	uint8_t c;

	for (int i = 0; i < 5 && byte(p, left, &c); i++) {
		n = n << 7 | (c & 0x7f);
		if (!(c & 0x80)) {
			*to = (uint32_t)n;
			return n <= UINT32_MAX;
		}
	}
	return false;
}

static const char *in_table(const struct dm_wbxml_head *h, uint32_t at, size_t *len)
{
	if (at >= h->table_len)
		return NULL;
	/* some leave out the NUL of the last one */
	*len = strnlen((const char *)h->table + at, h->table_len - at);
	return (const char *)h->table + at;
}

int dm_wbxml_head(const uint8_t **p, size_t *len, struct dm_wbxml_head *h)
{
	uint32_t index = 0, charset, table;
	size_t n = 0;

	memset(h, 0, sizeof(*h));
	if (!byte(p, len, &h->version) || !dm_wbxml_number(p, len, &h->public_id) ||
	    (h->public_id == 0 && !dm_wbxml_number(p, len, &index)) ||
	    !dm_wbxml_number(p, len, &charset) || !dm_wbxml_number(p, len, &table) ||
	    table > *len)
		return -EBADMSG;
	h->table = *p;
	h->table_len = table;
	*p += table;
	*len -= table;
	if (h->public_id == 0) {
		const char *s = in_table(h, index, &n);

		if (!s || n >= sizeof(h->fpi))
			return -EBADMSG;
		memcpy(h->fpi, s, n);
	}
	if (h->version < 1 || h->version > 3 ||
	    (charset != WB_UTF_8 && charset != WB_US_ASCII && charset != 0))
		return -ENOTSUP;
	return 0;
}

static int bad(struct reader *r, const char *why)
{
	return dm_dom_fail(r->d, -EBADMSG, why);
}

static int text(struct reader *r, const char *s, size_t len)
{
	if (!dm_utf8_valid((const uint8_t *)s, len))
		return bad(r, "a string that is not UTF-8 text");
	return dm_dom_text(r->d, s, len, false);
}

static int inline_string(struct reader *r)
{
	const char *s = (const char *)r->p;
	size_t n = strnlen(s, r->left);

	if (n == r->left)
		return bad(r, "a string without an end");
	r->p += n + 1;
	r->left -= n + 1;
	return text(r, s, n);
}

static int table_string(struct reader *r)
{
	const char *s;
	uint32_t at;
	size_t n;

	if (!dm_wbxml_number(&r->p, &r->left, &at) || !(s = in_table(&r->head, at, &n)))
		return bad(r, "a string beyond the string table");
	return text(r, s, n);
}

static int entity(struct reader *r)
{
	char s[4];
	uint32_t c;
	size_t n;

	if (!dm_wbxml_number(&r->p, &r->left, &c) || c > 0x10ffff)
		return bad(r, "an entity that is no character");
	n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i > 1; i--, c >>= 6)
		s[i - 1] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(n == 1 ? c : (0xf00U >> n & 0xf0) | c);
	return text(r, s, n);
}

static int opaque(struct reader *r)
{
	const uint8_t *p;
	uint32_t n;

	if (!dm_wbxml_number(&r->p, &r->left, &n) || n > r->left)
		return bad(r, "OPAQUE beyond the end");
	p = r->p;
	r->p += n;
	r->left -= n;
	return dm_dom_text(r->d, p, n, true);
}

/* it may become an element of XML */
static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!s[i] ||
		    !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", s[i]))
			return false;
	return len > 0 && len <= 64;
}

static int tag(struct reader *r, uint8_t token)
{
	char unknown[16];
	const char *name = NULL;
	size_t n = 0;
	uint32_t at;
	int e;

	if (token & WB_ATTRS)
		return bad(r, "an element with attributes");
	if ((token & WB_TAG) == WB_LITERAL) {
		if (dm_wbxml_number(&r->p, &r->left, &at))
			name = in_table(&r->head, at, &n);
		if (!name || !is_name(name, n))
			return bad(r, "a literal element without a name");
	} else {
		name = dm_wbxml_tag(r->page, token & WB_TAG);
		if (!name) {
			/* unlike any name in the tables: such a command is answered 406 */
			snprintf(unknown, sizeof(unknown), "Unknown-%u-%02x", r->page,
				 token & WB_TAG);
			name = unknown;
		}
		n = strlen(name);
	}
	e = dm_dom_start(r->d, name, n,
			 dm_wbxml_uri(r->page < DM_PAGES ? r->page : DM_PAGE_SYNCML), NULL);
	if (e < 0 || token & WB_CONTENT)
		return e;
	return dm_dom_end(r->d);
}

static int switch_page(struct reader *r)
{
	uint8_t page;

	if (!byte(&r->p, &r->left, &page))
		return bad(r, "the message is cut short");
	r->page = page;
	return 0;
}

static int content(struct reader *r, uint8_t token)
{
	switch (token) {
	case WB_SWITCH_PAGE:
		return switch_page(r);
	case WB_END:
		return dm_dom_end(r->d);
	case WB_ENTITY:
	case WB_STR_I:
	case WB_STR_T:
	case WB_OPAQUE:
		if (!r->d->at)
			return bad(r, "text outside of the root");
		return token == WB_ENTITY  ? entity(r)
		       : token == WB_STR_I ? inline_string(r)
		       : token == WB_STR_T ? table_string(r)
					   : opaque(r);
	default:
		/* 40-43, 80-82, C0-C2: extensions and instructions, which SyncML has not */
		if ((token & WB_TAG) < WB_LITERAL)
			return bad(r, "an extension or an instruction");
		return tag(r, token);
	}
}

static bool is_syncml(const struct dm_wbxml_head *h)
{
	if (h->public_id == 0)
		return strncasecmp(h->fpi, "-//SYNCML//DTD SyncML 1.", 24) == 0;
	return h->public_id == DM_WBXML_SYNCML_1_2 || h->public_id == DM_WBXML_SYNCML_1_1 ||
	       h->public_id == DM_WBXML_SYNCML_1_0;
}

static int document(struct reader *r)
{
	uint8_t token;

	while (!r->d->error && (!r->d->root || r->d->at)) {
		if (!byte(&r->p, &r->left, &token))
			return bad(r, "the message is cut short");
		content(r, token);
	}
	if (!r->d->error && r->left > 0)
		bad(r, "more than one document");
	return r->d->error;
}

int dm_wbxml_read(struct dm_dom *d, const uint8_t *p, size_t len)
{
	struct reader r = {.d = d, .p = p, .left = len};
	int e = dm_wbxml_head(&r.p, &r.left, &r.head);

	if (e < 0)
		return dm_dom_fail(d, e, "no WBXML of a version and charset that we read");
	/* a bare MgmtTree has one page in use; some do not even switch to it */
	if (r.head.public_id == 0 && strcasecmp(r.head.fpi, DM_WBXML_DDF_FPI) == 0)
		r.page = DM_PAGE_DMDDF;
	else if (!is_syncml(&r.head))
		return dm_dom_fail(d, -ENOTSUP, "WBXML of another language than SyncML");
	return document(&r);
}
