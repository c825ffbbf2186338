// SPDX-License-Identifier: Apache-2.0
/* From struct dm_cmd to XML or WBXML: the elements in the order of the DTD (RepPro 1.2). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/syncml-dom.h"
#include "dm/syncml-priv.h"
#include "dm/wbxml-tags.h"
#include "dm/wbxml.h"
#include "model/base64.h"

#define MAX_LEAST 512
/* a TNDS document in WBXML within a message */
#define TNDS_MAX ((size_t)1 << 20)

struct dm_out {
	enum dm_coding coding;
	struct model_buf b;
	size_t max;
	unsigned int page;
	bool body;
};

/* what dm_out_end() adds at most */
static size_t tail(const struct dm_out *o)
{
	return o->coding == DM_XML ? strlen("<Final/></SyncBody></SyncML>") : 5;
}

static void octet(struct dm_out *o, uint8_t c)
{
	model_buf_put(&o->b, &c, 1);
}

static void token(struct dm_out *o, unsigned int page, const char *name, uint8_t bits)
{
	if (page != o->page) {
		octet(o, WB_SWITCH_PAGE);
		octet(o, (uint8_t)page);
		o->page = page;
	}
	octet(o, dm_wbxml_token(page, name) | bits);
}

static void start(struct dm_out *o, unsigned int page, const char *name)
{
	if (o->coding == DM_WBXML) {
		token(o, page, name, WB_CONTENT);
		return;
	}
	model_buf_puts(&o->b, "<");
	model_buf_puts(&o->b, name);
	if (page == DM_PAGE_METINF)
		model_buf_puts(&o->b, " xmlns=\"syncml:metinf\"");
	model_buf_puts(&o->b, ">");
}

static void end(struct dm_out *o, const char *name)
{
	if (o->coding == DM_WBXML) {
		octet(o, WB_END);
		return;
	}
	model_buf_puts(&o->b, "</");
	model_buf_puts(&o->b, name);
	model_buf_puts(&o->b, ">");
}

static void empty(struct dm_out *o, unsigned int page, const char *name)
{
	if (o->coding == DM_WBXML) {
		token(o, page, name, 0);
		return;
	}
	model_buf_puts(&o->b, "<");
	model_buf_puts(&o->b, name);
	if (page == DM_PAGE_METINF)
		model_buf_puts(&o->b, " xmlns=\"syncml:metinf\"");
	model_buf_puts(&o->b, "/>");
}

static void chars(struct dm_out *o, const void *p, size_t len)
{
	if (o->coding == DM_XML) {
		model_buf_xml(&o->b, p, len);
	} else {
		octet(o, WB_STR_I);
		model_buf_put(&o->b, p, len);
		octet(o, '\0');
	}
}

static void opaque_length(struct dm_out *o, size_t len)
{
	uint8_t n[10];
	size_t at = sizeof(n);

	n[--at] = len & 0x7f;
	for (size_t v = len >> 7; v > 0; v >>= 7)
		n[--at] = (uint8_t)(0x80 | (v & 0x7f));
	octet(o, WB_OPAQUE);
	model_buf_put(&o->b, n + at, sizeof(n) - at);
}

static void leaf_base64(struct dm_out *o, unsigned int page, const char *name, const uint8_t *p,
			size_t len)
{
	if (len == 0) {
		empty(o, page, name);
		return;
	}
	start(o, page, name);
	if (o->coding == DM_WBXML)
		octet(o, WB_STR_I);
	model_buf_base64(&o->b, p, len, false);
	if (o->coding == DM_WBXML)
		octet(o, '\0');
	end(o, name);
}

/* Of an Item: in Results a string, elsewhere OPAQUE also where it is text. The SyncML toolkit
 * and libwbxml2 have it like that; it matters to nobody who reads both. */
static void item_data(struct dm_out *o, enum dm_kind kind, const struct dm_item *it,
		      bool as_base64)
{
	bool string = o->coding == DM_WBXML && kind == DM_RESULTS;

	if (string)
		octet(o, WB_STR_I);
	else if (o->coding == DM_WBXML)
		opaque_length(o, as_base64 ? BASE64_LEN(it->len) : it->len);
	if (as_base64)
		model_buf_base64(&o->b, it->data, it->len, false);
	else if (o->coding == DM_WBXML || it->form == DM_FORM_MARKUP)
		model_buf_put(&o->b, it->data, it->len);
	else
		model_buf_xml(&o->b, it->data, it->len);
	if (string)
		octet(o, '\0');
}

static void invalid(struct dm_out *o)
{
	if (!o->b.error)
		o->b.error = -EINVAL;
}

/* an element with text; nothing for NULL */
static void leaf(struct dm_out *o, unsigned int page, const char *name, const char *s)
{
	if (!s)
		return;
	if (!dm_utf8_valid((const uint8_t *)s, strlen(s)))
		invalid(o);
	if (!*s) {
		empty(o, page, name);
		return;
	}
	start(o, page, name);
	chars(o, s, strlen(s));
	end(o, name);
}

static void leaf_number(struct dm_out *o, unsigned int page, const char *name, uint64_t v)
{
	char s[24];

	snprintf(s, sizeof(s), "%llu", (unsigned long long)v);
	leaf(o, page, name, s);
}

static void location(struct dm_out *o, const char *what, const char *uri, const char *name)
{
	if (!uri)
		return;
	start(o, DM_PAGE_SYNCML, what);
	leaf(o, DM_PAGE_SYNCML, "LocURI", uri);
	leaf(o, DM_PAGE_SYNCML, "LocName", name);
	end(o, what);
}

static void meta(struct dm_out *o, const struct dm_meta *m)
{
	if (!m->format && !m->type && !m->mark && !m->has_size && !m->has_nonce &&
	    !m->max_msg && !m->max_obj)
		return;
	start(o, DM_PAGE_SYNCML, "Meta");
	/* a nonce is always written as base64 */
	leaf(o, DM_PAGE_METINF, "Format", m->has_nonce ? "b64" : m->format);
	leaf(o, DM_PAGE_METINF, "Type", m->type);
	leaf(o, DM_PAGE_METINF, "Mark", m->mark);
	if (m->has_size)
		leaf_number(o, DM_PAGE_METINF, "Size", m->size);
	if (m->has_nonce)
		leaf_base64(o, DM_PAGE_METINF, "NextNonce", m->nonce, m->nonce_len);
	if (m->max_msg)
		leaf_number(o, DM_PAGE_METINF, "MaxMsgSize", m->max_msg);
	if (m->max_obj)
		leaf_number(o, DM_PAGE_METINF, "MaxObjSize", m->max_obj);
	end(o, "Meta");
}

static void cred(struct dm_out *o, const struct dm_cred *c)
{
	struct dm_meta m = {0};

	if (!c)
		return;
	m.format = "b64";
	m.type = c->type;
	start(o, DM_PAGE_SYNCML, "Cred");
	meta(o, &m);
	leaf_base64(o, DM_PAGE_SYNCML, "Data", c->data, c->len);
	end(o, "Cred");
}

/* markup in WBXML: TNDS as a document of its own; -ENOTSUP: no TNDS, or no good */
static int tnds(const struct dm_item *it, struct model_buf *made)
{
	made->max = TNDS_MAX;
	if (!it->meta.type || !dm_mime_is(it->meta.type, DM_MIME_TNDS_XML))
		return -ENOTSUP;
	return dm_wbxml_from_tnds(it->data, it->len, made);
}

static void item(struct dm_out *o, enum dm_kind kind, const struct dm_item *it)
{
	struct model_buf made = {0};
	struct dm_meta m = it->meta;
	bool as_document = o->coding == DM_WBXML && it->has_data &&
			   it->form == DM_FORM_MARKUP && tnds(it, &made) == 0;
	bool text = dm_utf8_valid(it->data, it->len);
	bool as_base64 = it->has_data && it->form != DM_FORM_MARKUP &&
			 (dm_format_binary(m.format) || !text);

	if (as_document)
		m.type = DM_MIME_TNDS_WBXML;
	if (as_base64)
		m.format = "b64";
	if (it->form == DM_FORM_MARKUP && !text)
		invalid(o);
	start(o, DM_PAGE_SYNCML, "Item");
	location(o, "Target", it->target, it->target_name);
	location(o, "Source", it->source, it->source_name);
	meta(o, &m);
	if (it->has_data && it->len == 0) {
		empty(o, DM_PAGE_SYNCML, "Data");
	} else if (it->has_data) {
		start(o, DM_PAGE_SYNCML, "Data");
		if (as_document) {
			opaque_length(o, made.len);
			model_buf_put(&o->b, made.p, made.len);
		} else {
			item_data(o, kind, it, as_base64 && (it->form != DM_FORM_B64 || !text));
		}
		end(o, "Data");
	}
	if (it->more)
		empty(o, DM_PAGE_SYNCML, "MoreData");
	end(o, "Item");
	model_buf_free(&made);
}

static void code(struct dm_out *o, const struct dm_cmd *c)
{
	if (c->code)
		leaf_number(o, DM_PAGE_SYNCML, "Data", c->code);
}

static void answer(struct dm_out *o, const struct dm_cmd *c)
{
	leaf(o, DM_PAGE_SYNCML, "MsgRef", c->msg_ref);
	leaf(o, DM_PAGE_SYNCML, "CmdRef", c->cmd_ref);
	if (c->kind == DM_STATUS)
		leaf(o, DM_PAGE_SYNCML, "Cmd", c->cmd);
	leaf(o, DM_PAGE_SYNCML, "TargetRef", c->target_ref);
	leaf(o, DM_PAGE_SYNCML, "SourceRef", c->source_ref);
}

static void command(struct dm_out *o, const struct dm_cmd *c)
{
	const char *name = dm_kind_name(c->kind);

	if (!*name) {
		invalid(o);
		return;
	}
	start(o, DM_PAGE_SYNCML, name);
	leaf(o, DM_PAGE_SYNCML, "CmdID", c->cmd_id);
	if (c->no_resp)
		empty(o, DM_PAGE_SYNCML, "NoResp");
	if (c->kind == DM_STATUS || c->kind == DM_RESULTS)
		answer(o, c);
	cred(o, c->cred);
	if (c->chal) {
		start(o, DM_PAGE_SYNCML, "Chal");
		meta(o, &c->chal_meta);
		end(o, "Chal");
	}
	if (c->kind == DM_STATUS || c->kind == DM_ALERT)
		code(o, c);
	leaf(o, DM_PAGE_SYNCML, "Correlator", c->correlator);
	for (const struct dm_item *it = c->items; it; it = it->next)
		item(o, c->kind, it);
	for (const struct dm_cmd *kid = c->children; kid; kid = kid->next)
		command(o, kid);
	end(o, name);
}

int dm_out_new(struct dm_out **out, enum dm_coding coding, size_t max)
{
	struct dm_out *o;

	if (max < MAX_LEAST)
		return -EINVAL;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->coding = coding;
	o->max = max;
	o->b.max = max - tail(o);
	*out = o;
	return 0;
}

static void header(struct dm_out *o, const struct dm_hdr *h)
{
	start(o, DM_PAGE_SYNCML, "SyncHdr");
	leaf(o, DM_PAGE_SYNCML, "VerDTD", h->ver_dtd);
	leaf(o, DM_PAGE_SYNCML, "VerProto", h->ver_proto);
	leaf(o, DM_PAGE_SYNCML, "SessionID", h->session_id);
	leaf(o, DM_PAGE_SYNCML, "MsgID", h->msg_id);
	location(o, "Target", h->target, h->target_name);
	location(o, "Source", h->source, h->source_name);
	leaf(o, DM_PAGE_SYNCML, "RespURI", h->resp_uri);
	if (h->no_resp)
		empty(o, DM_PAGE_SYNCML, "NoResp");
	cred(o, h->cred);
	meta(o, &h->meta);
	end(o, "SyncHdr");
}

int dm_out_begin(struct dm_out *o, const struct dm_hdr *h)
{
	/* WBXML 1.2, SyncML 1.2, UTF-8, no string table */
	static const uint8_t head[] = {0x02, 0xa4, 0x01, WB_UTF_8, 0x00};

	if (o->body)
		return -EINVAL;
	o->b.len = 0;
	o->b.error = 0;
	o->page = 0;
	if (o->coding == DM_WBXML) {
		model_buf_put(&o->b, head, sizeof(head));
		token(o, DM_PAGE_SYNCML, "SyncML", WB_CONTENT);
	} else {
		model_buf_puts(&o->b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
				      "<SyncML xmlns=\"" DM_XMLNS "\">");
	}
	header(o, h);
	start(o, DM_PAGE_SYNCML, "SyncBody");
	o->body = o->b.error == 0;
	return o->b.error;
}

int dm_out_cmd(struct dm_out *o, const struct dm_cmd *c)
{
	size_t len = o->b.len;
	unsigned int page = o->page;
	int e;

	if (!o->body)
		return -EINVAL;
	command(o, c);
	e = o->b.error;
	if (e < 0) {
		o->b.len = len;
		o->b.error = 0;
		o->page = page;
	}
	return e;
}

/* would it fit with so much of the data of its last item? */
static int try(struct dm_out *o, const struct dm_cmd *c, struct dm_item *last, size_t len)
{
	size_t before = o->b.len;
	unsigned int page = o->page;
	int e;

	last->len = len;
	e = dm_out_cmd(o, c);
	o->b.len = before;
	o->page = page;
	return e;
}

/* back to where a character begins */
static size_t whole(const struct dm_item *it, size_t len)
{
	if (dm_format_binary(it->meta.format) || !dm_utf8_valid(it->data, it->len))
		return len;
	while (len > 0 && len < it->len && (it->data[len] & 0xc0) == 0x80)
		len--;
	return len;
}

ssize_t dm_out_fit(struct dm_out *o, const struct dm_cmd *cmd)
{
	struct dm_item *last = cmd->items;
	struct dm_item all;
	size_t low = 0, high;
	int e;

	while (last && last->next)
		last = last->next;
	if (!last || !last->has_data)
		return -EINVAL;
	all = *last;
	e = try(o, cmd, last, all.len);
	if (e == 0) {
		low = all.len;
	} else if (e == -EMSGSIZE) {
		/* how many of them do; more never fit where fewer do not */
		high = all.len < o->max ? all.len : o->max;
		while (high - low > 1) {
			size_t mid = low + (high - low) / 2;

			e = try(o, cmd, last, whole(&all, mid));
			if (e == -EMSGSIZE)
				high = mid;
			else if (e == 0)
				low = mid;
			else
				break;
		}
		low = whole(&all, low);
		if (e == 0 || e == -EMSGSIZE)
			e = low > 0 ? 0 : -EMSGSIZE;
	}
	*last = all;
	return e < 0 ? e : (ssize_t)low;
}

int dm_out_end(struct dm_out *o, bool final, const uint8_t **p, size_t *len)
{
	if (!o->body)
		return -EINVAL;
	o->b.max = o->max;
	if (final)
		empty(o, DM_PAGE_SYNCML, "Final");
	end(o, "SyncBody");
	end(o, "SyncML");
	o->body = false;
	*p = o->b.p;
	*len = o->b.len;
	return o->b.error;
}

void dm_out_free(struct dm_out *o)
{
	if (!o)
		return;
	model_buf_free(&o->b);
	free(o);
}
