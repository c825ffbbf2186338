// SPDX-License-Identifier: Apache-2.0
/* Descriptions of management objects: the tables, values, the DDF files made of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm/acl.h"
#include "dm/uri.h"
#include "model/mo.h"
#include "model/model.h"

/* What each table has to keep to; @depth: names that lead here. */
static void check_node(const struct mo_node *n, unsigned int depth, const char *where)
{
	char path[512];

	snprintf(path, sizeof(path), "%.400s/%s", where, n->name ? n->name : "<x>");
	assert_true(depth <= DM_DEPTH_MAX);
	if (n->name && (strlen(n->name) > DM_SEGMENT_MAX || strpbrk(n->name, "/?%")))
		fail_msg("%s: no name of a node", path);
	/* a permanent node has a name, and nobody can add or delete it */
	if (n->permanent && (!n->name || (n->access & (MO_ADD | MO_DELETE))))
		fail_msg("%s: permanent?", path);
	if (n->permanent && n->occurs != MO_ONE)
		fail_msg("%s: permanent, but not always there", path);
	if (!n->name && n->occurs == MO_ONE)
		fail_msg("%s: one, but without a name", path);
	if ((n->format == MO_NODE) != (n->nr > 0 || n->open) && n->format != MO_NODE)
		fail_msg("%s: a leaf with nodes below", path);
	if ((n->access & MO_EXEC) && n->format == MO_NODE)
		fail_msg("%s: an interior node that can be executed", path);
	if (!n->access)
		fail_msg("%s: of no use to anybody", path);
	if (n->value && n->format != MO_NODE &&
	    mo_value_check(n, (const uint8_t *)n->value, strlen(n->value)))
		fail_msg("%s: its value is none of its own", path);
	assert_true(n->min <= n->max);
	assert_true(strlen(mo_type(n)) <= DM_TYPE_MAX);
	if (n->same) {
		const struct model_object *o = model_object(n->object);

		if (!o || !model_resource(o, n->resource))
			fail_msg("%s: there is no LwM2M resource /%u/x/%u", path, n->object,
				 n->resource);
	}
	for (size_t i = 0; i < n->nr; i++) {
		const struct mo_node *child = &n->children[i];

		if (!child->name && i + 1 < n->nr)
			fail_msg("%s: a node without a name before others", path);
		for (size_t k = 0; k < i; k++)
			if (child->name && !strcmp(child->name, n->children[k].name))
				fail_msg("%s: %s twice", path, child->name);
		check_node(child, depth + 1, path);
	}
}

static void test_tables(void **state)
{
	const struct mo_object *o;
	size_t n = 0;

	(void)state;
	for (; (o = mo_object_at(n)); n++) {
		struct dm_uri uri;

		assert_int_equal(dm_uri_parse(o->path, &uri), DM_OK);
		assert_int_equal(o->root->format, MO_NODE);
		if (o->acl)
			assert_int_equal(dm_acl_check(o->acl), 0);
		for (size_t k = 0; k < n; k++)
			assert_string_not_equal(mo_object_at(k)->moi, o->moi);
		check_node(o->root, uri.path.n + 1, o->path);
	}
	assert_true(n >= 5);
	/* identifiers and nodes that servers know (OMA-TS-DM_StdObj-V1_2_1, 5) */
	assert_string_equal(mo_dmacc.moi, "urn:oma:mo:oma-dm-dmacc:1.0");
	assert_string_equal(mo_devinfo.moi, "urn:oma:mo:oma-dm-devinfo:1.0");
	assert_string_equal(mo_devdetail.moi, "urn:oma:mo:oma-dm-devdetail:1.0");
	assert_string_equal(mo_inbox.moi, "urn:oma:mo:oma-dm-inbox:1.0");
	assert_int_equal(mo_child(mo_dmacc.root, "AppID")->format, MO_CHR);
	assert_null(mo_child(mo_dmacc.root, "Nothing"));
	assert_null(mo_child(mo_child(mo_dmacc.root, "AppAddr"), "x")->name);
	/* nobody reads a secret */
	assert_false(mo_child(mo_child(mo_child(mo_dmacc.root, "AppAuth"), "x"), "AAuthSecret")
			     ->access &
		     MO_GET);
	assert_false(mo_child(mo_child(mo_child(mo_dmacc.root, "AppAuth"), "x"), "AAuthData")
			     ->access &
		     MO_GET);
}

static void test_formats(void **state)
{
	enum mo_format f;

	(void)state;
	for (unsigned int i = 0; i < MO_FORMATS; i++) {
		assert_int_equal(mo_format_parse(mo_format_name((enum mo_format)i), &f), 0);
		assert_int_equal(f, i);
	}
	assert_int_equal(mo_format_parse("what", &f), -EINVAL);
	assert_int_equal(mo_format_parse("", &f), -EINVAL);
	assert_false(mo_format_text(MO_BIN));
	assert_true(mo_format_text(MO_CHR));
}

static int check(enum mo_format format, int64_t min, int64_t max, const char *s)
{
	const struct mo_node n = {.format = format, .min = min, .max = max};

	return mo_value_check(&n, (const uint8_t *)s, strlen(s));
}

static void test_values(void **state)
{
	static const struct {
		enum mo_format format;
		int64_t min, max;
		const char *s;
		int r;
	} cases[] = {
		{MO_INT, 0, 0, "0", 0},
		{MO_INT, 0, 0, "-2147483648", 0},
		{MO_INT, 0, 0, "+2147483647", 0},
		{MO_INT, 0, 0, "2147483648", -ERANGE},
		{MO_INT, 0, 0, "-2147483649", -ERANGE},
		{MO_INT, 0, 0, "99999999999", -EINVAL},
		{MO_INT, 0, 0, "", -EINVAL},
		{MO_INT, 0, 0, "-", -EINVAL},
		{MO_INT, 0, 0, "1 ", -EINVAL},
		{MO_INT, 0, 0, "0x1", -EINVAL},
		{MO_INT, 1, 9, "9", 0},
		{MO_INT, 1, 9, "10", -ERANGE},
		{MO_BOOL, 0, 0, "true", 0},
		{MO_BOOL, 0, 0, "false", 0},
		{MO_BOOL, 0, 0, "True", -EINVAL},
		{MO_BOOL, 0, 0, "", -EINVAL},
		{MO_NULL, 0, 0, "", 0},
		{MO_NULL, 0, 0, "x", -EINVAL},
		{MO_CHR, 0, 3, "abc", 0},
		{MO_CHR, 0, 3, "abcd", -ERANGE},
		{MO_CHR, 1, 3, "", -ERANGE},
		{MO_BIN, 2, 3, "a", -ERANGE},
		{MO_DATE, 0, 0, "20261123", 0},
		{MO_DATE, 0, 0, "2026-11-23", 0},
		{MO_DATE, 0, 0, "2026-1123", -EINVAL},
		{MO_DATE, 0, 0, "20261323", -EINVAL},
		{MO_DATE, 0, 0, "20261100", -EINVAL},
		{MO_DATE, 0, 0, "20261123T101112", -EINVAL},
		{MO_TIME, 0, 0, "101112", 0},
		{MO_TIME, 0, 0, "10:11:12Z", 0},
		{MO_TIME, 0, 0, "10:1112", -EINVAL},
		{MO_TIME, 0, 0, "256000", -EINVAL},
		{MO_TIME, 0, 0, "20261123T101112Z", 0},
		{MO_TIME, 0, 0, "20261123", -EINVAL},
		{MO_FLOAT, 0, 0, "1.5", 0},
		{MO_FLOAT, 0, 0, "-.5e-3", 0},
		{MO_FLOAT, 0, 0, "1E5", 0},
		{MO_FLOAT, 0, 0, "INF", 0},
		{MO_FLOAT, 0, 0, ".", -EINVAL},
		{MO_FLOAT, 0, 0, "1e", -EINVAL},
		{MO_FLOAT, 0, 0, "1e+", -EINVAL},
		{MO_FLOAT, 0, 0, "1.5x", -EINVAL},
		{MO_FLOAT, 0, 0, "", -EINVAL},
		{MO_NODE, 0, 0, "", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = check(cases[i].format, cases[i].min, cases[i].max, cases[i].s);

		if (r != cases[i].r)
			fail_msg("%s \"%s\": %d", mo_format_name(cases[i].format), cases[i].s,
				 r);
	}
}

static void test_files_are_current(void **state)
{
	const struct mo_object *o;

	(void)state;
	for (size_t i = 0; (o = mo_object_at(i)); i++) {
		char path[256], *made = NULL, *there;
		size_t made_len = 0, n;
		FILE *f = open_memstream(&made, &made_len), *g;

		assert_non_null(f);
		assert_int_equal(mo_write_ddf(f, o), 0);
		fclose(f);
		assert_true(made_len > 500);
		snprintf(path, sizeof(path), "Documentation/objects/ddf/%s.xml", o->moi);
		for (char *c = path + strlen("Documentation/objects/ddf/"); *c; c++)
			if (*c == ':' || *c == '/')
				*c = '-';
		g = fopen(path, "re");
		if (!g)
			fail_msg("%s: %s (run from the top of the tree)", path,
				 strerror(errno));
		there = malloc(made_len + 2);
		n = fread(there, 1, made_len + 2, g);
		fclose(g);
		if (n != made_len || memcmp(made, there, n) != 0)
			fail_msg("%s is old: make it again with semd --dump-objects", path);
		free(there);
		free(made);
	}
}

/* A full disk is told. */
static void test_no_room(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(mo_write_ddf(f, &mo_dmacc), -EIO);
	fclose(f);
	assert_int_equal(mo_dump_ddf("/dev/null/x"), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),	cmocka_unit_test(test_formats),
		cmocka_unit_test(test_values),	cmocka_unit_test(test_files_are_current),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
