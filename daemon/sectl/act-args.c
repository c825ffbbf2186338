// SPDX-License-Identifier: Apache-2.0
/* Arguments and options as plans want them. */
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

int act_aid(const char *what, const char *text, struct gp_aid *aid)
{
	size_t len;
	int r = take_aid(what, text, aid->bytes, &len);

	aid->len = r ? 0 : (uint8_t)len;
	return r;
}

int act_blob(const char *what, const char *text, struct gp_blob *blob)
{
	size_t room = text ? strlen(text) / 2 : 0, len = 0;
	uint8_t *p;
	int r;

	if (!text)
		return EXIT_OK;
	p = malloc(room + 1);
	if (!p)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	r = take_hex(what, text, p, room, &len);
	if (!r && gp_blob_set(blob, p, len))
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	forget(p, room);
	return r;
}

int act_blob_of_file(const char *path, struct gp_blob *blob)
{
	uint8_t *data;
	size_t len;
	int r;

	if (!path)
		return EXIT_OK;
	r = read_input(path, GP_PLAN_BLOB_MAX, &data, &len);
	if (!r && gp_blob_set(blob, data, len))
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	forget(data, len);
	return r;
}

int act_kvn(const char *what, const char *text, uint8_t *kvn)
{
	size_t len;

	if (se_from_hex(text, strlen(text), kvn, 1, &len) || !len || !*kvn)
		return fail(EXIT_USAGE, "usage", "two hex digits, 01 to FF",
			    "%s %s: not a key version number", what, text);
	return EXIT_OK;
}
