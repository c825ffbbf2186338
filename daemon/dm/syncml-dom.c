// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "dm/syncml-dom.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int dm_dom_fail(struct dm_dom *d, int error, const char *why)
{
	if (!d->error) {
		d->error = error;
		d->why = why;
	}
	return d->error;
}

static int no_memory(struct dm_dom *d)
{
	return dm_dom_fail(d, dm_arena_error(d->arena), "more than may be in memory");
}

static struct dm_node *add(struct dm_dom *d)
{
	struct dm_node *n = dm_arena_alloc(d->arena, sizeof(*n));

	if (!n) {
		no_memory(d);
		return NULL;
	}
	n->up = d->at;
	if (!d->at)
		d->root = n;
	else if (d->at->last)
		d->at->last->next = n;
	else
		d->at->kids = n;
	if (d->at)
		d->at->last = n;
	return n;
}

/* the text so far becomes a node; @between: white space there is only for people to see */
static int flush(struct dm_dom *d, bool between)
{
	struct dm_node *n;
	size_t i = 0;

	if (d->text.error)
		return dm_dom_fail(d, d->text.error == -EMSGSIZE ? -E2BIG : d->text.error,
				   "text is too long");
	while (i < d->text.len && is_space((char)d->text.p[i]))
		i++;
	if (d->text.len > 0 && (i < d->text.len || !between || d->opaque)) {
		n = add(d);
		if (!n)
			return d->error;
		n->text = dm_arena_copy(d->arena, d->text.p, d->text.len);
		if (!n->text)
			return no_memory(d);
		n->len = d->text.len;
		n->opaque = d->opaque;
	}
	d->text.len = 0;
	d->opaque = false;
	return 0;
}

static const char *name_of(struct dm_dom *d, const char *s, size_t len)
{
	unsigned int h = 0;
	const char **at;

	for (size_t i = 0; i < len; i++)
		h = h * 31 + (unsigned char)s[i];
	at = &d->names[h % DM_DOM_NAMES];
	if (!*at || strlen(*at) != len || memcmp(*at, s, len) != 0)
		*at = dm_arena_copy(d->arena, s, len);
	return *at;
}

int dm_dom_start(struct dm_dom *d, const char *name, size_t name_len, const char *uri,
		 const char *attrs)
{
	struct dm_node *n;

	if (d->error || flush(d, true) < 0)
		return d->error;
	if (!d->at && d->root)
		return dm_dom_fail(d, -EBADMSG, "a second root");
	if (d->depth >= d->depth_max + (d->in_data ? DM_DOM_DATA_DEPTH : 0))
		return dm_dom_fail(d, -E2BIG, "elements are nested too deep");
	n = add(d);
	if (!n)
		return d->error;
	n->name = name_of(d, name, name_len);
	if (!n->name)
		return no_memory(d);
	/* one namespace after another is the same */
	if (uri && n->up && n->up->uri && strcmp(uri, n->up->uri) == 0)
		n->uri = n->up->uri;
	else if (uri && !(n->uri = dm_arena_copy(d->arena, uri, strlen(uri))))
		return no_memory(d);
	if (attrs && *attrs && !(n->attrs = dm_arena_copy(d->arena, attrs, strlen(attrs))))
		return no_memory(d);
	d->at = n;
	d->depth++;
	if (!d->in_data && strcmp(n->name, "Data") == 0)
		d->in_data = d->depth;
	return 0;
}

int dm_dom_text(struct dm_dom *d, const void *p, size_t len, bool opaque)
{
	if (d->error)
		return d->error;
	model_buf_put(&d->text, p, len);
	d->opaque |= opaque;
	if (d->text.error)
		return flush(d, false);
	return 0;
}

int dm_dom_end(struct dm_dom *d)
{
	if (d->error)
		return d->error;
	if (!d->at)
		return dm_dom_fail(d, -EBADMSG, "an end without a start");
	if (flush(d, d->at->kids != NULL) < 0)
		return d->error;
	if (d->in_data == d->depth)
		d->in_data = 0;
	d->at = d->at->up;
	d->depth--;
	return 0;
}

const struct dm_node *dm_dom_kid(const struct dm_node *n, const char *name)
{
	if (!n)
		return NULL;
	for (n = n->kids; n; n = n->next)
		if (n->name && strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

const char *dm_dom_str(struct dm_arena *a, const struct dm_node *n)
{
	const char *s, *end;

	if (!n)
		return NULL;
	for (n = n->kids; n && n->name; n = n->next)
		;
	if (!n)
		return "";
	/* what OPAQUE brought may have a NUL, and no string goes beyond one */
	s = n->text;
	end = s + strnlen(s, n->len);
	while (s < end && is_space(*s))
		s++;
	while (end > s && is_space(end[-1]))
		end--;
	if (s == n->text && end == n->text + n->len)
		return s;
	return dm_arena_copy(a, s, (size_t)(end - s));
}

/* as deep as dm_dom_start() lets it be */
static void markup(struct model_buf *b, const struct dm_node *n, const char *above)
{
	for (n = n->kids; n; n = n->next) {
		if (!n->name) {
			model_buf_xml(b, n->text, n->len);
			continue;
		}
		model_buf_puts(b, "<");
		model_buf_puts(b, n->name);
		if (n->uri && (!above || strcmp(above, n->uri) != 0)) {
			model_buf_puts(b, " xmlns=\"");
			model_buf_xml(b, n->uri, strlen(n->uri));
			model_buf_puts(b, "\"");
		}
		if (n->attrs)
			model_buf_puts(b, n->attrs);
		if (n->kids) {
			model_buf_puts(b, ">");
			markup(b, n, n->uri);
			model_buf_puts(b, "</");
			model_buf_puts(b, n->name);
			model_buf_puts(b, ">");
		} else {
			model_buf_puts(b, "/>");
		}
	}
}

void dm_dom_markup(struct model_buf *b, const struct dm_node *n)
{
	markup(b, n, n->uri);
}

bool dm_utf8_valid(const uint8_t *p, size_t len)
{
	/* an empty value may have no address: nothing is added to it */
	for (const uint8_t *end = len ? p + len : p; p < end;) {
		unsigned int more = *p < 0x80	? 0
				    : *p < 0xc2 ? 9
				    : *p < 0xe0 ? 1
				    : *p < 0xf0 ? 2
				    : *p < 0xf5 ? 3
						: 9;
		uint32_t c = more == 0 ? *p : *p & (0x3fU >> more);

		if (more > 3 || more > (size_t)(end - p) - 1)
			return false;
		p++;
		for (unsigned int i = 0; i < more; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3f);
		}
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
		    (more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10ffff)) ||
		    (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
			return false;
	}
	return true;
}
