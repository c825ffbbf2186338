// SPDX-License-Identifier: Apache-2.0
/* URIs of nodes and access control lists: OMA-TS-DM_TND-V1_2_1, 5.1, 7.6, 7.7.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dm/acl.h"
#include "dm/uri.h"

static void same(const char *s, const char *printed, unsigned int n)
{
	char out[DM_URI_MAX + 1];
	struct dm_uri uri;

	assert_int_equal(dm_uri_parse(s, &uri), DM_OK);
	assert_int_equal(uri.path.n, n);
	assert_int_equal(dm_path_print(&uri.path, out), strlen(printed));
	assert_string_equal(out, printed);
}

static void refused(const char *s, int code)
{
	struct dm_uri uri;
	int r = dm_uri_parse(s, &uri);

	if (r != code)
		fail_msg("\"%s\": %d, not %d", s, r, code);
}

static void test_paths(void **state)
{
	struct dm_uri uri;

	(void)state;
	same(".", ".", 0);
	same("./DMAcc/xyzInc", "./DMAcc/xyzInc", 2);
	same("DMAcc/xyzInc", "./DMAcc/xyzInc", 2);
	same("./a%2Fb/c%20d", "./a%2Fb/c%20d", 2);
	same("./a%2fb", "./a%2Fb", 1);
	same("./%41%42", "./AB", 1);
	same("./\xc3\xa9/%C3%A9", "./\xc3\xa9/\xc3\xa9", 2);
	same("./a b", "./a%20b", 1);
	same("./...", "./...", 1);
	assert_int_equal(dm_uri_parse("./a%2Fb", &uri), DM_OK);
	assert_string_equal(uri.path.name[0], "a/b");

	refused("", DM_BAD_REQUEST);
	refused("/", DM_BAD_REQUEST);
	refused("./", DM_BAD_REQUEST);
	refused("./a/", DM_BAD_REQUEST);
	refused("/a", DM_BAD_REQUEST);
	refused("./a//b", DM_BAD_REQUEST);
	refused("../a", DM_BAD_REQUEST);
	refused("./a/../b", DM_BAD_REQUEST);
	refused("./a/./b", DM_BAD_REQUEST);
	refused("./%2E%2E/b", DM_BAD_REQUEST);
	refused("./a%", DM_BAD_REQUEST);
	refused("./a%2", DM_BAD_REQUEST);
	refused("./a%zz", DM_BAD_REQUEST);
	refused("./a%00b", DM_BAD_REQUEST);
	refused("./a\x01", DM_BAD_REQUEST);
	refused("./a\x7f", DM_BAD_REQUEST);
	refused("./\xff", DM_BAD_REQUEST);
	refused("./%C3/%A9", DM_BAD_REQUEST); /* half a character each */
	refused("?prop=ACL", DM_BAD_REQUEST);
}

static void test_limits(void **state)
{
	char s[600] = ".", out[DM_URI_MAX + 1];
	struct dm_uri uri;
	size_t n;

	(void)state;
	/* a name of 64 bytes, and of 65 */
	memset(s, 'a', 65);
	s[64] = 0;
	assert_int_equal(dm_uri_parse(s, &uri), DM_OK);
	s[64] = 'a';
	s[65] = 0;
	refused(s, DM_URI_TOO_LONG);
	/* 20 names, and 21 */
	strcpy(s, ".");
	for (int i = 0; i < 20; i++)
		strcat(s, "/x");
	assert_int_equal(dm_uri_parse(s, &uri), DM_OK);
	assert_int_equal(uri.path.n, 20);
	strcat(s, "/x");
	refused(s, DM_URI_TOO_LONG);
	/* 255 bytes in full, and 256 */
	strcpy(s, ".");
	for (int i = 0; i < 4; i++)
		snprintf(s + strlen(s), sizeof(s) - strlen(s), "/%060d", i);
	n = strlen(s);
	memset(s + n, 'b', 255 - n);
	s[n] = '/';
	s[255] = 0;
	assert_int_equal(dm_uri_parse(s, &uri), DM_OK);
	assert_int_equal(dm_path_print(&uri.path, out), 255);
	assert_string_equal(out, s);
	s[255] = 'b';
	s[256] = 0;
	refused(s, DM_URI_TOO_LONG);
	s[255] = 0;
	/* without "./" it is as long in full */
	refused(s, DM_OK);
	memmove(s, s + 2, 254);
	strcat(s, "bb");
	refused(s, DM_URI_TOO_LONG);
	/* escapes make it longer: 80 spaces are 240 bytes */
	strcpy(s, "./");
	for (int i = 0; i < 2; i++) {
		memset(s + strlen(s), ' ', 45);
		s[2 + i * 46 + 45] = i ? 0 : '/';
		s[2 + i * 46 + 46] = 0;
	}
	refused(s, DM_URI_TOO_LONG);
}

static void test_queries(void **state)
{
	static const struct {
		const char *s;
		enum dm_query query;
		unsigned int props;
	} good[] = {
		{"./A", DM_QUERY_NONE, 0},
		{"./A?prop=ACL", DM_QUERY_PROP, DM_PROP_ACL},
		{"A?prop=VerNo", DM_QUERY_PROP, DM_PROP_VERNO},
		{".?prop=Name", DM_QUERY_PROP, DM_PROP_NAME},
		{"./A?prop=Value", DM_QUERY_PROP, 0},
		{"./A?prop=acl", DM_QUERY_PROP, 0},
		{"./A?prop=", DM_QUERY_PROP, 0},
		{"./A?list=Struct", DM_QUERY_STRUCT, 0},
		{"./A?list=StructData", DM_QUERY_STRUCTDATA, 0},
		{"./A?list=TNDS", DM_QUERY_TNDS, DM_PROP_ALL},
		{"./A?list=TNDS+ACL+Format", DM_QUERY_TNDS,
		 DM_PROP_ACL | DM_PROP_FORMAT | DM_PROP_NAME},
		{"./A?list=TNDS%2BACL", DM_QUERY_TNDS, DM_PROP_ACL | DM_PROP_NAME},
		{"./A?list=TNDS-Value-ACL", DM_QUERY_TNDS,
		 DM_PROP_ALL & ~(DM_PROP_VALUE | DM_PROP_ACL)},
		{"./A?list=TNDS-Name", DM_QUERY_TNDS, DM_PROP_ALL},
		{"./A?list=TNDS+Nothing", DM_QUERY_UNKNOWN, 0},
		{"./A?list=TNDSx", DM_QUERY_UNKNOWN, 0},
		{"./A?list=Foo", DM_QUERY_UNKNOWN, 0},
		{"./A?", DM_QUERY_UNKNOWN, 0},
		{"./A?x", DM_QUERY_UNKNOWN, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dm_uri uri;

		assert_int_equal(dm_uri_parse(good[i].s, &uri), DM_OK);
		if (uri.query != good[i].query ||
		    (uri.query != DM_QUERY_UNKNOWN && uri.props != good[i].props))
			fail_msg("%s: %d %x", good[i].s, uri.query, uri.props);
	}
}

static void test_path_edit(void **state)
{
	struct dm_path a = {0}, b;

	(void)state;
	assert_int_equal(dm_path_push(&a, "one", 3), 0);
	assert_int_equal(dm_path_push(&a, "two", 3), 0);
	assert_int_equal(dm_path_push(&a, "three", 5), 0);
	assert_int_equal(dm_path_push(&a, "..", 2), -EINVAL);
	assert_int_equal(dm_path_push(&a, "", 0), -EINVAL);
	dm_path_set(&b, &a, 1);
	assert_int_equal(b.n, 2);
	assert_string_equal(b.name[0], "two");
	assert_string_equal(b.name[1], "three");
	dm_path_pop(&a);
	assert_int_equal(dm_path_push(&a, "drei", 4), 0);
	assert_string_equal(a.name[2], "drei");
	assert_string_equal(b.name[1], "three");
	for (int i = 0; i < DM_DEPTH_MAX - 3; i++)
		assert_int_equal(dm_path_push(&a, "x", 1), 0);
	assert_int_equal(dm_path_push(&a, "x", 1), -ENAMETOOLONG);
}

/* ---- lists -------------------------------------------------------------------- */

static void test_acl_check(void **state)
{
	/* the example of 7.7.1.5 */
	static const char oma[] = "Add=www.sonera.fi-8765&Delete=www.sonera.fi-8765&"
				  "Replace=www.sonera.fi-8765+321_&Get=*";
	static const char *const bad[] = {
		"Add",	      "Add=",	  "=a",	    "add=a",	"Copy=a",  "Add=a&",
		"Add=a&&Get", "Add=a+",	  "Add=+a", "Add=a b",	"Add=a=b", "Add=a&Add=b",
		"&Add=a",     "Add=a\tb", "Add=a*", "Get=a++b",
	};
	char longest[DM_ACL_MAX + 2] = "Get=";

	(void)state;
	assert_int_equal(dm_acl_check(""), 0);
	assert_int_equal(dm_acl_check(oma), 0);
	assert_int_equal(dm_acl_check("Get=*+a"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dm_acl_check(bad[i]) != -EINVAL)
			fail_msg("%s", bad[i]);
	memset(longest + 4, 'x', DM_ACL_MAX - 4);
	assert_int_equal(dm_acl_check(longest), 0);
	longest[DM_ACL_MAX] = 'x';
	assert_int_equal(dm_acl_check(longest), -E2BIG);

	assert_true(dm_acl_allows(oma, MO_GET, "anybody"));
	assert_true(dm_acl_allows(oma, MO_REPLACE, "321_"));
	assert_false(dm_acl_allows(oma, MO_REPLACE, "321"));
	assert_false(dm_acl_allows(oma, MO_ADD, "321_"));
	assert_false(dm_acl_allows(oma, MO_EXEC, "www.sonera.fi-8765"));
	assert_false(dm_acl_allows("Get=ab", MO_GET, "a"));
	assert_false(dm_acl_allows("Get=a", MO_GET, ""));
	assert_true(dm_acl_allows("Get=*", MO_GET, ""));
}

static void test_acl_edit(void **state)
{
	char out[DM_ACL_MAX + 1], full[DM_ACL_MAX + 1] = "Get=";

	(void)state;
	assert_int_equal(dm_acl_grant("Add=*&Get=*", MO_ADD | MO_DELETE | MO_REPLACE, "a", out),
			 0);
	assert_string_equal(out, "Add=*&Delete=a&Get=*&Replace=a");
	assert_int_equal(dm_acl_grant("Replace=b", MO_REPLACE, "a", out), 0);
	assert_string_equal(out, "Replace=b+a");
	assert_int_equal(dm_acl_grant("", MO_GET, "a", out), 0);
	assert_string_equal(out, "Get=a");
	assert_int_equal(dm_acl_grant("Get=a", MO_GET, "a", out), 0);
	assert_string_equal(out, "Get=a");
	assert_int_equal(dm_acl_grant("", MO_GET, "a b", out), -EINVAL);
	assert_int_equal(dm_acl_grant("", MO_GET, "*", out), -EINVAL);
	memset(full + 4, 'x', DM_ACL_MAX - 4);
	assert_int_equal(dm_acl_grant(full, MO_ADD, "a", out), -E2BIG);

	dm_acl_revoke("Add=a+b&Get=a&Replace=b", "a", false, out);
	assert_string_equal(out, "Add=b&Replace=b");
	dm_acl_revoke("Add=a&Get=*", "a", true, out);
	assert_string_equal(out, "Add=*&Get=*");
	dm_acl_revoke("Get=a", "a", false, out);
	assert_string_equal(out, "");
	dm_acl_revoke("", "a", true, out);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	  cmocka_unit_test(test_limits),
		cmocka_unit_test(test_queries),	  cmocka_unit_test(test_path_edit),
		cmocka_unit_test(test_acl_check), cmocka_unit_test(test_acl_edit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
