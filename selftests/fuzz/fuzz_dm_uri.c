// SPDX-License-Identifier: Apache-2.0
/*
 * URIs of nodes, and access control lists: what is taken reads the same when it was written
 * again. The first byte says which of the two.
 */
#include <stdlib.h>
#include <string.h>

#include "dm/acl.h"
#include "dm/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void uri(const char *s)
{
	char out[DM_URI_MAX + 1], again[DM_URI_MAX + 1];
	struct dm_uri a, b;
	struct dm_path tail;
	int r = dm_uri_parse(s, &a);

	must(r == DM_OK || r == DM_BAD_REQUEST || r == DM_URI_TOO_LONG);
	if (r != DM_OK)
		return;
	must(dm_path_print(&a.path, out) > 0);
	must(dm_uri_parse(out, &b) == DM_OK && b.path.n == a.path.n);
	for (unsigned int i = 0; i < a.path.n; i++)
		must(!strcmp(a.path.name[i], b.path.name[i]));
	must(dm_path_print(&b.path, again) > 0 && !strcmp(out, again));
	dm_path_set(&tail, &a.path, a.path.n / 2);
	must(tail.n == a.path.n - a.path.n / 2);
	while (tail.n > 0)
		dm_path_pop(&tail);
	must(dm_path_push(&tail, "x", 1) == 0);
}

static void acl(const char *s)
{
	char out[DM_ACL_MAX + 1], less[DM_ACL_MAX + 1];

	if (dm_acl_check(s) < 0)
		return;
	/* nothing is lost but the order */
	must(dm_acl_grant(s, 0, "a", out) == 0);
	must(dm_acl_check(out) == 0 && strlen(out) == strlen(s));
	for (unsigned int right = 1; right < MO_COPY; right <<= 1)
		must(dm_acl_allows(s, right, "a") == dm_acl_allows(out, right, "a"));
	if (dm_acl_grant(s, DM_ACL_RIGHTS, "a", out) < 0)
		return;
	must(dm_acl_check(out) == 0);
	for (unsigned int right = 1; right < MO_COPY; right <<= 1)
		must(dm_acl_allows(out, right, "a"));
	dm_acl_revoke(out, "a", false, less);
	must(dm_acl_check(less) == 0);
	for (unsigned int right = 1; right < MO_COPY; right <<= 1)
		must(dm_acl_allows(less, right, "a") == dm_acl_allows(s, right, "*"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char s[1024];

	if (size < 1 || size > sizeof(s))
		return 0;
	memcpy(s, data + 1, size - 1);
	s[size - 1] = 0;
	if (*data & 1)
		acl(s);
	else
		uri(s);
	return 0;
}
