// SPDX-License-Identifier: Apache-2.0
/* What of the message model is the same for reading and writing. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dm/arena.h"
#include "dm/syncml-priv.h"

static const char *const names[] = {
	[DM_UNKNOWN] = "",	  [DM_ADD] = "Add",	      [DM_ALERT] = "Alert",
	[DM_ATOMIC] = "Atomic",	  [DM_COPY] = "Copy",	      [DM_DELETE] = "Delete",
	[DM_EXEC] = "Exec",	  [DM_GET] = "Get",	      [DM_REPLACE] = "Replace",
	[DM_RESULTS] = "Results", [DM_SEQUENCE] = "Sequence", [DM_STATUS] = "Status",
};

const char *dm_kind_name(enum dm_kind kind)
{
	return (unsigned int)kind < sizeof(names) / sizeof(*names) ? names[kind] : "";
}

enum dm_kind dm_kind_of(const char *name)
{
	for (unsigned int i = 1; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum dm_kind)i;
	return DM_UNKNOWN;
}

bool dm_mime_is(const char *content_type, const char *mime)
{
	size_t n = strlen(mime);

	while (*content_type == ' ' || *content_type == '\t')
		content_type++;
	return strncasecmp(content_type, mime, n) == 0 &&
	       (!content_type[n] || strchr("; \t", content_type[n]));
}

int dm_mime_coding(const char *content_type)
{
	if (dm_mime_is(content_type, DM_MIME_XML) ||
	    dm_mime_is(content_type, "application/vnd.syncml+xml"))
		return DM_XML;
	if (dm_mime_is(content_type, DM_MIME_WBXML) ||
	    dm_mime_is(content_type, "application/vnd.syncml+wbxml"))
		return DM_WBXML;
	return -ENOTSUP;
}

bool dm_format_binary(const char *format)
{
	return format && (strcmp(format, "b64") == 0 || strcmp(format, "bin") == 0);
}

static int value(uint8_t c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'	      ? 62
	       : c == '/'	      ? 63
				      : -1;
}

int dm_b64_feed(struct dm_b64 *st, const uint8_t *p, size_t len, uint8_t *out, size_t *n)
{
	*n = 0;
	for (; len > 0; p++, len--) {
		int v = value(*p);

		if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
			continue;
		if (st->pad == 4)
			return -EBADMSG;
		if (*p == '=' && st->n >= 2) {
			/* the bits that are left over must be zero */
			if (st->bits & (st->n == 3 ? 0x3U : st->n == 2 ? 0xfU : 0U))
				return -EBADMSG;
			if (++st->pad + st->n == 4)
				*st = (struct dm_b64){.pad = 4};
			continue;
		}
		if (v < 0 || st->pad)
			return -EBADMSG;
		st->bits = st->bits << 6 | (uint32_t)v;
		/* an octet as soon as it is whole */
		if (st->n > 0)
			out[(*n)++] = (uint8_t)(st->bits >> (6 - 2 * st->n));
		st->n = (uint8_t)((st->n + 1) % 4);
	}
	return 0;
}
