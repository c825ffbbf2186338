// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/syncml-dom.h"
#include "dm/uri.h"

static const struct {
	unsigned int prop;
	const char *name;
} props[] = {
	{DM_PROP_ACL, "ACL"},	{DM_PROP_FORMAT, "Format"}, {DM_PROP_NAME, "Name"},
	{DM_PROP_SIZE, "Size"}, {DM_PROP_TITLE, "Title"},   {DM_PROP_TSTAMP, "TStamp"},
	{DM_PROP_TYPE, "Type"}, {DM_PROP_VERNO, "VerNo"},   {DM_PROP_VALUE, "Value"},
};
#define PROPS (sizeof(props) / sizeof(props[0]))

static unsigned int prop_by_name(const char *s, size_t len)
{
	for (size_t i = 0; i < PROPS; i++)
		if (strlen(props[i].name) == len && !memcmp(props[i].name, s, len))
			return props[i].prop;
	return 0;
}

/* ---- paths ------------------------------------------------------------------- */

static size_t used(const struct dm_path *path)
{
	const char *last = path->n ? path->name[path->n - 1] : NULL;

	return last ? (size_t)(last - path->room) + strlen(last) + 1 : 0;
}

static bool name_good(const char *name, size_t len)
{
	if (len == 0 || (len <= 2 && !memcmp(name, "..", len)))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return dm_utf8_valid((const uint8_t *)name, len);
}

int dm_path_push(struct dm_path *path, const char *name, size_t len)
{
	size_t at = used(path);

	if (!name_good(name, len))
		return -EINVAL;
	if (len > DM_SEGMENT_MAX || path->n == DM_DEPTH_MAX ||
	    at + len + 1 > sizeof(path->room))
		return -ENAMETOOLONG;
	memmove(path->room + at, name, len);
	path->room[at + len] = 0;
	path->name[path->n++] = path->room + at;
	return 0;
}

void dm_path_pop(struct dm_path *path)
{
	if (path->n > 0)
		path->n--;
}

void dm_path_set(struct dm_path *path, const struct dm_path *from, unsigned int first)
{
	char *at = path->room;

	path->n = 0;
	for (unsigned int i = first; i < from->n; i++) {
		path->name[path->n++] = at;
		at = stpcpy(at, from->name[i]) + 1;
	}
}

/* Characters that a URI has no room for as they are (RFC 2396, 2.4.3), and the two that
 * would be taken for something else here. */
static bool needs_escape(char c)
{
	return (unsigned char)c <= ' ' || strchr("/%?#\"<>\\^`{|}", c);
}

int dm_path_print(const struct dm_path *path, char out[DM_URI_MAX + 1])
{
	size_t n = 1;

	out[0] = '.';
	for (unsigned int i = 0; i < path->n; i++) {
		if (n + 1 > DM_URI_MAX)
			return -ENAMETOOLONG;
		out[n++] = '/';
		for (const char *p = path->name[i]; *p; p++) {
			static const char hex[] = "0123456789ABCDEF";
			unsigned char c = (unsigned char)*p;

			if (n + (needs_escape(*p) ? 3 : 1) > DM_URI_MAX)
				return -ENAMETOOLONG;
			if (needs_escape(*p)) {
				out[n++] = '%';
				out[n++] = hex[c >> 4];
				out[n++] = hex[c & 15];
			} else {
				out[n++] = *p;
			}
		}
	}
	out[n] = 0;
	return (int)n;
}

/* ---- reading ----------------------------------------------------------------- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One segment, @len bytes; 200, 400, 414. */
static int segment(const char *s, size_t len, struct dm_path *path)
{
	char name[DM_SEGMENT_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			int hi = i + 1 < len ? hex(s[i + 1]) : -1;
			int lo = i + 2 < len ? hex(s[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return DM_BAD_REQUEST;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (n == sizeof(name))
			return DM_URI_TOO_LONG;
		name[n++] = c;
	}
	r = dm_path_push(path, name, n);
	return r == 0 ? DM_OK : r == -EINVAL ? DM_BAD_REQUEST : DM_URI_TOO_LONG;
}

/*
 * The properties that are wanted in a ?list=TNDS: all, but those with '-' in front; or only
 * those with '+', if the first one has it: "?list=TNDS+ACL+Format", "?list=TNDS-Value". In
 * a URI '+' may be written %2B.
 */
static bool tnds_props(const char *s, unsigned int *out)
{
	bool first = true;

	*out = DM_PROP_ALL;
	while (*s) {
		bool plus = *s == '+' || !strncasecmp(s, "%2B", 3);
		unsigned int prop;
		size_t len;

		if (!plus && *s != '-')
			return false;
		if (first && plus)
			*out = 0;
		first = false;
		s += *s == '%' ? 3 : 1;
		len = strcspn(s, "+-%");
		prop = prop_by_name(s, len);
		if (!prop)
			return false;
		if (plus)
			*out |= prop;
		else
			*out &= ~prop;
		s += len;
	}
	/* without these nobody could make a tree of it again */
	*out |= DM_PROP_NAME;
	return true;
}

static void query(const char *s, struct dm_uri *uri)
{
	uri->query = DM_QUERY_UNKNOWN;
	if (strlen(s) > DM_QUERY_MAX)
		return;
	if (!strncmp(s, "prop=", 5)) {
		uri->query = DM_QUERY_PROP;
		uri->props = prop_by_name(s + 5, strlen(s + 5)) & ~DM_PROP_VALUE;
	} else if (!strcmp(s, "list=Struct")) {
		uri->query = DM_QUERY_STRUCT;
	} else if (!strcmp(s, "list=StructData")) {
		uri->query = DM_QUERY_STRUCTDATA;
	} else if (!strncmp(s, "list=TNDS", 9) && tnds_props(s + 9, &uri->props)) {
		uri->query = DM_QUERY_TNDS;
	}
}

int dm_uri_parse(const char *s, struct dm_uri *uri)
{
	char out[DM_URI_MAX + 1];
	size_t len = strcspn(s, "?");
	const char *p = s, *end = s + len;

	uri->path.n = 0;
	uri->query = DM_QUERY_NONE;
	uri->props = 0;
	if (*end)
		query(end + 1, uri);
	if (len == 0)
		return DM_BAD_REQUEST;
	if (len > DM_URI_MAX)
		return DM_URI_TOO_LONG;
	if (len == 1 && *p == '.')
		return DM_OK;
	if (p[0] == '.' && p[1] == '/')
		p += 2;
	for (;;) {
		size_t n = strcspn(p, "/?");
		int r = segment(p, n, &uri->path);

		if (r != DM_OK)
			return r;
		if (p + n == end)
			break;
		p += n + 1;
	}
	/* in full it may be longer than it was: "./" in front, escapes */
	return dm_path_print(&uri->path, out) < 0 ? DM_URI_TOO_LONG : DM_OK;
}
