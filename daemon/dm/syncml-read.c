// SPDX-License-Identifier: Apache-2.0
/* From the elements of a message to struct dm_msg; the same for XML and WBXML. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/syncml-dom.h"
#include "dm/syncml-priv.h"
#include "dm/wbxml.h"

#define DEPTH_DEFAULT 16
#define CMDS_DEFAULT 16384
#define ITEMS_DEFAULT 32768
#define URI_DEFAULT 1024

/* commands in WBXML, which are twenty octets, need as much */
#define MEMORY_PER_OCTET 48
#define MEMORY_MAX ((size_t)24 << 20)

struct reader {
	struct dm_msg *msg;
	struct dm_limits limits;
	size_t n_items;
	int error;
	const char *why;
};

static int fail(struct reader *r, int error, const char *why)
{
	if (!r->error) {
		r->error = error;
		r->why = why;
	}
	return r->error;
}

static int no_memory(struct reader *r)
{
	return fail(r, dm_arena_error(r->msg->arena), "more than may be in memory");
}

static void *alloc(struct reader *r, size_t len)
{
	void *p = dm_arena_alloc(r->msg->arena, len);

	if (!p)
		no_memory(r);
	return p;
}

/* the text of a kid, NULL without that kid */
static const char *str(struct reader *r, const struct dm_node *n, const char *name)
{
	const struct dm_node *kid = dm_dom_kid(n, name);
	const char *s = dm_dom_str(r->msg->arena, kid);

	if (kid && !s)
		no_memory(r);
	return s;
}

/* NULL too if it is there and empty */
static const char *said(struct reader *r, const struct dm_node *n, const char *name)
{
	const char *s = str(r, n, name);

	return s && *s ? s : NULL;
}

static const char *uri(struct reader *r, const char *s)
{
	if (s && strlen(s) > r->limits.uri)
		fail(r, -E2BIG, "a URI is too long");
	return s;
}

/* decimal digits and nothing else; false: none, or too many */
static bool number(const char *s, uint64_t *to)
{
	uint64_t n = 0;

	if (!s || !*s || strlen(s) > 18 || strspn(s, "0123456789") != strlen(s))
		return false;
	for (; *s; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	*to = n;
	return true;
}

static const struct dm_node *run_of_text(const struct dm_node *n)
{
	for (n = n->kids; n && n->name; n = n->next)
		;
	return n;
}

/* base64 undone; false and nothing changed if it is not base64 */
static bool decode(struct reader *r, const uint8_t **p, size_t *len)
{
	struct dm_b64 st = {0};
	uint8_t *out = alloc(r, *len / 4 * 3 + 3);
	size_t n;

	if (!out || dm_b64_feed(&st, *p, *len, out, &n) < 0 || st.n != 0)
		return false;
	*p = out;
	*len = n;
	return true;
}

static void nonce(struct reader *r, const struct dm_node *n, struct dm_meta *m)
{
	const struct dm_node *run;

	if (!n)
		return;
	run = run_of_text(n);
	m->has_nonce = true;
	m->nonce = (const uint8_t *)(run ? run->text : "");
	m->nonce_len = run ? run->len : 0;
	/* base64 is what everybody sends, with Format b64 or with none */
	if (!m->format || dm_format_binary(m->format))
		decode(r, &m->nonce, &m->nonce_len);
}

static void meta(struct reader *r, const struct dm_node *up, struct dm_meta *m)
{
	const struct dm_node *n = dm_dom_kid(up, "Meta"), *inner = dm_dom_kid(n, "MetInf");
	uint64_t v;

	n = inner ? inner : n;
	if (!n)
		return;
	m->format = said(r, n, "Format");
	m->type = said(r, n, "Type");
	m->mark = said(r, n, "Mark");
	m->has_size = number(str(r, n, "Size"), &m->size);
	if (number(str(r, n, "MaxMsgSize"), &v))
		m->max_msg = v;
	if (number(str(r, n, "MaxObjSize"), &v))
		m->max_obj = v;
	nonce(r, dm_dom_kid(n, "NextNonce"), m);
}

static void inherit(struct dm_meta *m, const struct dm_meta *from)
{
	if (!m->format)
		m->format = from->format;
	if (!m->type)
		m->type = from->type;
	if (!m->mark)
		m->mark = from->mark;
	if (!m->has_size) {
		m->size = from->size;
		m->has_size = from->has_size;
	}
}

static const struct dm_cred *cred(struct reader *r, const struct dm_node *up)
{
	const struct dm_node *n = dm_dom_kid(up, "Cred"), *run;
	struct dm_meta m = {0};
	struct dm_cred *c;

	if (!n)
		return NULL;
	c = alloc(r, sizeof(*c));
	if (!c)
		return NULL;
	meta(r, n, &m);
	c->type = m.type;
	c->format = m.format;
	c->data = (const uint8_t *)"";
	n = dm_dom_kid(n, "Data");
	run = n ? run_of_text(n) : NULL;
	if (run) {
		c->data = (const uint8_t *)run->text;
		c->len = run->len;
	}
	if (dm_format_binary(c->format))
		decode(r, &c->data, &c->len);
	return c;
}

static bool has_elements(const struct dm_node *n)
{
	for (n = n->kids; n; n = n->next)
		if (n->name)
			return true;
	return false;
}

static void markup(struct reader *r, const struct dm_node *n, struct dm_item *it)
{
	struct model_buf b = {.max = r->limits.memory};

	dm_dom_markup(&b, n);
	it->form = DM_FORM_MARKUP;
	it->len = b.len;
	it->data = (const uint8_t *)(b.error ? NULL : dm_arena_copy(r->msg->arena, b.p, b.len));
	if (b.error == -EMSGSIZE)
		fail(r, -E2BIG, "more than may be in memory");
	else if (!it->data)
		fail(r, b.error ? b.error : dm_arena_error(r->msg->arena), "no memory");
	model_buf_free(&b);
}

/* TNDS in WBXML inside of a message: those above read it in XML only */
static void tnds(struct reader *r, struct dm_item *it)
{
	struct model_buf b = {.max = r->limits.memory};
	int e = dm_wbxml_tnds(it->data, it->len, &b);

	if (e == 0) {
		it->data = (const uint8_t *)dm_arena_copy(r->msg->arena, b.p, b.len);
		it->len = b.len;
		it->form = DM_FORM_MARKUP;
		it->meta.type = DM_MIME_TNDS_XML;
		if (!it->data)
			no_memory(r);
	} else if (e == -ENOMEM) {
		fail(r, e, "no memory");
	}
	/* what is no TNDS stays as it is: the tree refuses it, and only it */
	model_buf_free(&b);
}

/* characters of base64 in whatever order: a part of a text, or octets */
static bool is_base64_text(const struct dm_item *it)
{
	for (size_t i = 0; i < it->len; i++)
		if (!it->data[i] ||
		    !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789+/= \t\r\n",
			    it->data[i]))
			return false;
	return true;
}

static void data(struct reader *r, const struct dm_node *n, struct dm_item *it)
{
	const struct dm_node *run;

	if (!n)
		return;
	it->has_data = true;
	it->data = (const uint8_t *)"";
	if (has_elements(n)) {
		markup(r, n, it);
		return;
	}
	run = run_of_text(n);
	if (run) {
		it->data = (const uint8_t *)run->text;
		it->len = run->len;
		/* most have text in OPAQUE too */
		if (run->opaque &&
		    (dm_format_binary(it->meta.format) || !dm_utf8_valid(it->data, it->len)))
			it->form = DM_FORM_RAW;
	}
	if (it->meta.format && strcmp(it->meta.format, "b64") == 0) {
		if (decode(r, &it->data, &it->len))
			it->form = DM_FORM_RAW;
		else if (!run || !run->opaque || is_base64_text(it))
			it->form = DM_FORM_B64;
	}
	if (run && run->opaque && it->meta.type &&
	    dm_mime_is(it->meta.type, DM_MIME_TNDS_WBXML))
		tnds(r, it);
}

static struct dm_item *item(struct reader *r, const struct dm_node *n,
			    const struct dm_meta *of_cmd)
{
	const struct dm_node *target = dm_dom_kid(n, "Target"),
			     *source = dm_dom_kid(n, "Source");
	struct dm_item *it;

	if (++r->n_items > r->limits.items) {
		fail(r, -E2BIG, "too many items");
		return NULL;
	}
	it = alloc(r, sizeof(*it));
	if (!it)
		return NULL;
	it->target = uri(r, str(r, target, "LocURI"));
	it->target_name = said(r, target, "LocName");
	it->source = uri(r, str(r, source, "LocURI"));
	it->source_name = said(r, source, "LocName");
	meta(r, n, &it->meta);
	inherit(&it->meta, of_cmd);
	data(r, dm_dom_kid(n, "Data"), it);
	it->more = dm_dom_kid(n, "MoreData") != NULL;
	return it;
}

static void items(struct reader *r, const struct dm_node *n, struct dm_cmd *c)
{
	struct dm_item **tail = &c->items;
	struct dm_meta of_cmd = {0};

	meta(r, n, &of_cmd);
	for (n = n->kids; n && !r->error; n = n->next) {
		if (!n->name || strcmp(n->name, "Item") != 0)
			continue;
		*tail = item(r, n, &of_cmd);
		if (!*tail)
			return;
		tail = &(*tail)->next;
	}
}

static void code(struct reader *r, const struct dm_node *n, struct dm_cmd *c)
{
	uint64_t v;

	if (number(str(r, n, "Data"), &v) && v >= 100 && v <= 9999)
		c->code = (unsigned int)v;
}

static struct dm_cmd *commands(struct reader *r, const struct dm_node *n, bool child);

static struct dm_cmd *command(struct reader *r, const struct dm_node *n, bool child)
{
	const struct dm_node *chal;
	struct dm_cmd *c;

	if (++r->msg->n_cmds > r->limits.cmds) {
		fail(r, -E2BIG, "too many commands");
		return NULL;
	}
	c = alloc(r, sizeof(*c));
	if (!c)
		return NULL;
	c->name = n->name;
	c->kind = dm_kind_of(n->name);
	c->child = child;
	c->cmd_id = said(r, n, "CmdID");
	c->no_resp = dm_dom_kid(n, "NoResp") != NULL;
	if (c->kind == DM_UNKNOWN)
		return c;
	if (c->kind == DM_ATOMIC || c->kind == DM_SEQUENCE) {
		/* no deeper than the elements are */
		c->children = commands(r, n, true);
		return c;
	}
	c->correlator = said(r, n, "Correlator");
	if (c->kind == DM_STATUS || c->kind == DM_RESULTS) {
		c->msg_ref = said(r, n, "MsgRef");
		c->cmd_ref = said(r, n, "CmdRef");
		c->cmd = said(r, n, "Cmd");
		c->target_ref = uri(r, str(r, n, "TargetRef"));
		c->source_ref = uri(r, str(r, n, "SourceRef"));
	}
	if (c->kind == DM_STATUS) {
		chal = dm_dom_kid(n, "Chal");
		c->chal = chal != NULL;
		meta(r, chal, &c->chal_meta);
		c->cred = cred(r, n);
	}
	if (c->kind == DM_STATUS || c->kind == DM_ALERT)
		code(r, n, c);
	items(r, n, c);
	return c;
}

/* what an Atomic or a Sequence has besides commands */
static bool no_command(const char *name)
{
	return strcmp(name, "CmdID") == 0 || strcmp(name, "NoResp") == 0 ||
	       strcmp(name, "Meta") == 0 || strcmp(name, "Final") == 0;
}

static struct dm_cmd *commands(struct reader *r, const struct dm_node *n, bool child)
{
	struct dm_cmd *first = NULL, **tail = &first;

	for (n = n->kids; n && !r->error; n = n->next) {
		if (!n->name || no_command(n->name))
			continue;
		*tail = command(r, n, child);
		if (!*tail)
			break;
		tail = &(*tail)->next;
	}
	return first;
}

static void header(struct reader *r, const struct dm_node *n, struct dm_hdr *h)
{
	const struct dm_node *target = dm_dom_kid(n, "Target"),
			     *source = dm_dom_kid(n, "Source");

	h->ver_dtd = said(r, n, "VerDTD");
	h->ver_proto = said(r, n, "VerProto");
	h->session_id = said(r, n, "SessionID");
	h->msg_id = said(r, n, "MsgID");
	h->target = uri(r, said(r, target, "LocURI"));
	h->target_name = said(r, target, "LocName");
	h->source = uri(r, said(r, source, "LocURI"));
	h->source_name = said(r, source, "LocName");
	h->resp_uri = uri(r, said(r, n, "RespURI"));
	h->no_resp = dm_dom_kid(n, "NoResp") != NULL;
	h->cred = cred(r, n);
	meta(r, n, &h->meta);
}

static void message(struct reader *r, const struct dm_node *root)
{
	const struct dm_node *hdr = dm_dom_kid(root, "SyncHdr"),
			     *body = dm_dom_kid(root, "SyncBody");

	if (strcmp(root->name, "SyncML") != 0 || !hdr || !body) {
		fail(r, -EBADMSG, "no SyncML with SyncHdr and SyncBody");
		return;
	}
	header(r, hdr, &r->msg->hdr);
	r->msg->cmds = commands(r, body, false);
	r->msg->final = dm_dom_kid(body, "Final") != NULL;
}

static void defaults(struct dm_limits *l, size_t len)
{
	l->bytes = l->bytes ? l->bytes : DM_BYTES_MAX;
	l->depth = l->depth ? l->depth : DEPTH_DEFAULT;
	l->cmds = l->cmds ? l->cmds : CMDS_DEFAULT;
	l->items = l->items ? l->items : ITEMS_DEFAULT;
	l->uri = l->uri ? l->uri : URI_DEFAULT;
	if (!l->memory)
		l->memory = (1U << 20) + (len < l->bytes ? len : l->bytes) * MEMORY_PER_OCTET;
	if (l->memory > MEMORY_MAX)
		l->memory = MEMORY_MAX;
}

int dm_msg_parse(enum dm_coding coding, const uint8_t *p, size_t len,
		 const struct dm_limits *limits, struct dm_msg *msg, char *words)
{
	struct reader r = {.msg = msg};
	struct dm_dom d = {0};

	memset(msg, 0, sizeof(*msg));
	if (limits)
		r.limits = *limits;
	defaults(&r.limits, len);
	msg->arena = dm_arena_new(r.limits.memory);
	if (!msg->arena) {
		fail(&r, -ENOMEM, "no memory");
	} else if (len > r.limits.bytes) {
		fail(&r, -E2BIG, "longer than a message may be");
	} else {
		d.arena = msg->arena;
		d.depth_max = r.limits.depth;
		d.text.max = r.limits.memory;
		if ((coding == DM_XML ? dm_xml_read : dm_wbxml_read)(&d, p, len) < 0)
			fail(&r, d.error, d.why);
		else
			message(&r, d.root);
		model_buf_free(&d.text);
	}
	if (r.error)
		dm_msg_free(msg);
	if (words)
		snprintf(words, DM_WORDS_MAX, "%s", r.error ? r.why : "");
	return r.error;
}

void dm_msg_free(struct dm_msg *msg)
{
	dm_arena_free(msg->arena);
	memset(msg, 0, sizeof(*msg));
}
