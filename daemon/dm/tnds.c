// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "dm/syncml-dom.h"
#include "dm/tnds.h"
#include "model/base64.h"

/* ---- reading ----------------------------------------------------------------- */

/* A level of nodes is one of elements; a few more for what is in a node. */
#define DEPTH (DM_DEPTH_MAX + 8)

struct reader {
	struct dm_arena *arena;
	unsigned int nodes;
};

static const struct dm_node *next_kid(const struct dm_node *n, const char *name)
{
	while (n && (!n->name || strcmp(n->name, name)))
		n = n->next;
	return n;
}

/* Text in an element of @up, or NULL if there is none of this name. */
static int text(struct reader *r, const struct dm_node *up, const char *name, const char **out)
{
	const struct dm_node *n = dm_dom_kid(up, name);

	*out = NULL;
	if (!n)
		return 0;
	*out = dm_dom_str(r->arena, n);
	return *out ? 0 : dm_arena_error(r->arena);
}

/* A property that is an element in an element: <Format><chr/></Format>. */
static const char *choice(const struct dm_node *up, const char *name)
{
	const struct dm_node *n = dm_dom_kid(up, name);

	for (n = n ? n->kids : NULL; n; n = n->next)
		if (n->name)
			return n->name;
	return NULL;
}

static int decode(struct reader *r, struct dm_tnds_node *to, const char *p, size_t len)
{
	char *packed = dm_arena_alloc(r->arena, len + 1);
	uint8_t *out = dm_arena_alloc(r->arena, BASE64_ROOM(len));
	size_t n = 0;
	ssize_t got;

	if (!packed || !out)
		return dm_arena_error(r->arena);
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", p[i]))
			packed[n++] = p[i];
	got = base64_decode((const uint8_t *)packed, n, out, false);
	if (got < 0)
		return -EBADMSG;
	to->value = out;
	to->len = (size_t)got;
	return 0;
}

/* The text as it stands; elements in it as markup. */
static int value(struct reader *r, const struct dm_node *n, struct dm_tnds_node *to)
{
	bool coded = to->format && (!strcmp(to->format, "b64") || !strcmp(to->format, "bin"));
	struct model_buf b = {.max = 1U << 20};
	const char *copy;
	bool markup = false;
	int e = 0;

	for (const struct dm_node *k = n->kids; k; k = k->next)
		markup |= k->name != NULL;
	if (markup)
		dm_dom_markup(&b, n);
	for (const struct dm_node *k = n->kids; k && !markup; k = k->next)
		model_buf_put(&b, k->text, k->len);
	if (b.error) {
		e = b.error == -EMSGSIZE ? -E2BIG : b.error;
	} else if (coded && !(n->kids && n->kids->opaque)) {
		e = decode(r, to, (const char *)b.p, b.len);
	} else {
		copy = dm_arena_copy(r->arena, b.len ? (const char *)b.p : "", b.len);
		if (!copy)
			e = dm_arena_error(r->arena);
		to->value = (const uint8_t *)copy;
		to->len = b.len;
	}
	model_buf_free(&b);
	to->has_value = !e;
	return e;
}

static int properties(struct reader *r, const struct dm_node *rt, struct dm_tnds_node *to)
{
	const struct dm_node *type = dm_dom_kid(rt, "Type");
	int e = text(r, rt, "ACL", &to->acl);

	if (!e)
		e = text(r, rt, "Title", &to->title);
	if (!e && type)
		e = text(r, type, "MIME", &to->type);
	if (!e && type && !to->type)
		e = text(r, type, "DDFName", &to->type);
	to->format = choice(rt, "Format");
	return e;
}

static int nodes(struct reader *r, const struct dm_node *up, unsigned int depth,
		 struct dm_tnds_node **list);

static int node(struct reader *r, const struct dm_node *n, unsigned int depth,
		struct dm_tnds_node **out)
{
	struct dm_tnds_node *to = dm_arena_alloc(r->arena, sizeof(*to));
	const struct dm_node *rt = dm_dom_kid(n, "RTProperties");
	const struct dm_node *v = dm_dom_kid(n, "Value");
	int e;

	if (!to)
		return dm_arena_error(r->arena);
	if (++r->nodes > DM_TNDS_NODES_MAX)
		return -E2BIG;
	e = text(r, n, "NodeName", &to->name);
	if (!e && !to->name)
		e = -EBADMSG;
	if (!e)
		e = text(r, n, "Path", &to->path);
	if (!e && rt)
		e = properties(r, rt, to);
	if (!e)
		e = nodes(r, n, depth + 1, &to->kids);
	if (!e && to->kids && (v || (to->format && strcmp(to->format, "node"))))
		e = -EBADMSG;
	if (!e && !to->format)
		to->format = to->kids ? "node" : "chr";
	if (!e && v && strcmp(to->format, "node"))
		e = value(r, v, to);
	*out = to;
	return e;
}

static int nodes(struct reader *r, const struct dm_node *up, unsigned int depth,
		 struct dm_tnds_node **list)
{
	for (const struct dm_node *n = next_kid(up->kids, "Node"); n;
	     n = next_kid(n->next, "Node")) {
		int e = depth > DM_DEPTH_MAX ? -E2BIG : node(r, n, depth, list);

		if (e < 0)
			return e;
		list = &(*list)->next;
	}
	return 0;
}

int dm_tnds_read(struct dm_arena *arena, const uint8_t *p, size_t len,
		 struct dm_tnds_node **list)
{
	struct dm_dom d = {.arena = arena, .depth_max = DEPTH, .text = {.max = 1U << 20}};
	struct reader r = {.arena = arena};
	const char *version = NULL;
	int e = dm_xml_read(&d, p, len);

	*list = NULL;
	if (!e && strcmp(d.root->name, "MgmtTree"))
		e = -EBADMSG;
	if (!e)
		e = text(&r, d.root, "VerDTD", &version);
	if (!e && version && strcmp(version, "1.2") && strcmp(version, "1.3"))
		e = -ENOTSUP;
	if (!e)
		e = nodes(&r, d.root, 1, list);
	if (!e && !*list)
		e = -EBADMSG;
	model_buf_free(&d.text);
	return e;
}

/* ---- writing ----------------------------------------------------------------- */

static void element(struct model_buf *out, const char *name, const char *s)
{
	if (!s)
		return;
	model_buf_printf(out, "<%s>", name);
	model_buf_xml(out, s, strlen(s));
	model_buf_printf(out, "</%s>", name);
}

void dm_tnds_begin(struct model_buf *out)
{
	model_buf_puts(out, "<MgmtTree xmlns=\"" DM_TNDS_XMLNS "\"><VerDTD>1.2</VerDTD>");
}

void dm_tnds_open(struct model_buf *out, const struct dm_tnds_show *n)
{
	/* octets are written as base64: who reads them is told by the format */
	enum mo_format format = n->format == MO_BIN ? MO_B64 : n->format;
	const char *type = n->format == MO_NODE ? "DDFName" : "MIME";

	model_buf_puts(out, "<Node>");
	element(out, "NodeName", n->name);
	element(out, "Path", n->path);
	model_buf_puts(out, "<RTProperties>");
	if (n->props & DM_PROP_ACL)
		element(out, "ACL", n->acl);
	if (n->props & DM_PROP_FORMAT)
		model_buf_printf(out, "<Format><%s/></Format>", mo_format_name(format));
	element(out, "Name", n->name);
	if (n->props & DM_PROP_SIZE)
		element(out, "Size", n->size);
	if (n->props & DM_PROP_TITLE)
		element(out, "Title", n->title);
	if (n->props & DM_PROP_TSTAMP)
		element(out, "TStamp", n->tstamp);
	if (n->props & DM_PROP_TYPE) {
		model_buf_puts(out, "<Type>");
		element(out, type, n->type);
		model_buf_puts(out, "</Type>");
	}
	if (n->props & DM_PROP_VERNO)
		element(out, "VerNo", n->verno);
	model_buf_puts(out, "</RTProperties>");
	if (n->has_value && (n->props & DM_PROP_VALUE)) {
		model_buf_puts(out, "<Value>");
		if (n->format == MO_BIN)
			model_buf_base64(out, n->value, n->len, false);
		else
			model_buf_xml(out, n->value, n->len);
		model_buf_puts(out, "</Value>");
	}
}

void dm_tnds_close(struct model_buf *out)
{
	model_buf_puts(out, "</Node>");
}

void dm_tnds_end(struct model_buf *out)
{
	model_buf_puts(out, "</MgmtTree>");
}
