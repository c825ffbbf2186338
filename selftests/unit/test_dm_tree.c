// SPDX-License-Identifier: Apache-2.0
/* The management tree: OMA-TS-DM_TND-V1_2_1, the commands of OMA-TS-DM_RepPro-V1_2_1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dm/mo-device.h"
#include "dm_tree_world.h"

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	return !w || world_open(w, NULL) ? -1 : 0;
}

static int teardown(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

/* A subtree of the server's own. */
static void plant(struct world *w)
{
	assert_int_equal(w_add(w, "./A", NULL), DM_OK);
	assert_int_equal(w_add(w, "./A/One", "1"), DM_OK);
	assert_int_equal(w_add(w, "./A/B", NULL), DM_OK);
	assert_int_equal(w_add(w, "./A/B/Two", "zwei"), DM_OK);
	assert_int_equal(w_add(w, "./A/B%2FC", ""), DM_OK);
}

/* ---- commands on nodes in the store ------------------------------------------ */

static void test_add_get(void **state)
{
	struct world *w = *state;
	unsigned int nodes;
	uint64_t bytes;

	plant(w);
	assert_string_equal(w_get(w, "./A/One"), "1");
	assert_string_equal(w_get(w, "A/B/Two"), "zwei");
	assert_string_equal(w_get(w, "./A/B%2FC"), "");
	assert_int_equal(w_stat(w, "./A/B%2FC"), DM_OK);
	/* names of children, escaped as they stand in a URI */
	assert_string_equal(w_get(w, "./A"), "B/B%2FC/One");
	assert_string_equal(w_get(w, "."), "A/Test");
	assert_string_equal(w_get(w, "./A/B"), "Two");
	dm_tree_usage(w->tree, &nodes, &bytes);
	assert_int_equal(nodes, 2 + 5);
	assert_int_equal(bytes, 5);

	assert_int_equal(w_add(w, "./A", NULL), DM_EXISTS);
	assert_int_equal(w_add(w, "./A/One", "2"), DM_EXISTS);
	assert_int_equal(w_add(w, ".", NULL), DM_EXISTS);
	assert_int_equal(w_add(w, "./X/Y", "1"), DM_NOT_FOUND);
	assert_int_equal(w_add(w, "./A/One/Below", "1"), DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./A/", "1"), DM_BAD_REQUEST);
	assert_int_equal(w_add(w, "./A?prop=ACL", "Get=*"), DM_NOT_ALLOWED);
	assert_int_equal(w_stat(w, "./A/Three"), DM_NOT_FOUND);
	assert_int_equal(w_stat(w, "./A/One/Below"), DM_NOT_FOUND);
	assert_int_equal(w_stat(w, "./A?list=Foo"), DM_UNSUPPORTED);
	assert_int_equal(w_stat(w, "./a/one"), DM_NOT_FOUND); /* case counts */
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/N", "node", NULL, "data"), DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/N", "what", NULL, "data"), DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/N", "int", NULL, "ten"), DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/N", "bool", NULL, "1"), DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/N", "chr", NULL, "\xff"), DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/N", "int", NULL, "-10"), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./A/Bin", "b64", NULL, "\xff\x01"), DM_OK);
	assert_string_equal(w_get(w, "./A/Bin?prop=Format"), "bin");
	assert_string_equal(w_get(w, "./A/Bin?prop=Type"), "application/octet-stream");
}

static void test_replace_delete(void **state)
{
	struct world *w = *state;
	unsigned int nodes;
	uint64_t bytes;

	plant(w);
	assert_int_equal(w_replace(w, "./A/One", "another"), DM_OK);
	assert_string_equal(w_get(w, "./A/One"), "another");
	assert_int_equal(w_replace(w, "./A/One", ""), DM_OK);
	assert_string_equal(w_get(w, "./A/One"), "");
	assert_int_equal(w_replace(w, "./A/None", "x"), DM_NOT_FOUND);
	assert_int_equal(w_replace(w, "./A/B", "x"), DM_NOT_ALLOWED);
	assert_int_equal(w_put(w, DM_HOW_REPLACE, "./A/One", "int", "text/x", "42"), DM_OK);
	assert_string_equal(w_get(w, "./A/One?prop=Format"), "int");
	assert_string_equal(w_get(w, "./A/One?prop=Type"), "text/x");
	assert_int_equal(w_put(w, DM_HOW_REPLACE, "./A/One", "node", NULL, NULL),
			 DM_BAD_FORMAT);

	assert_int_equal(w_del(w, "./A/B"), DM_OK);
	assert_int_equal(w_stat(w, "./A/B"), DM_NOT_FOUND);
	assert_int_equal(w_stat(w, "./A/B/Two"), DM_NOT_FOUND);
	assert_int_equal(w_stat(w, "./A/B%2FC"), DM_OK); /* a sibling with a longer name */
	assert_int_equal(w_del(w, "./A/B"), DM_NOT_FOUND);
	assert_int_equal(w_del(w, "."), DM_NOT_ALLOWED);
	assert_int_equal(w_del(w, "./A?prop=ACL"), DM_NOT_ALLOWED);
	assert_int_equal(w_del(w, "./A"), DM_OK);
	dm_tree_usage(w->tree, &nodes, &bytes);
	assert_int_equal(nodes, 2);
	assert_int_equal(bytes, 0);
	assert_string_equal(w_get(w, "."), "Test");
	/* nothing stayed behind */
	plant(w);
	assert_string_equal(w_get(w, "./A/B"), "Two");
}

static void test_copy_exec(void **state)
{
	struct world *w = *state;

	plant(w);
	assert_int_equal(w_copy(w, "./A/B/Two", "./A/Copy"), DM_OK);
	assert_string_equal(w_get(w, "./A/Copy"), "zwei");
	assert_int_equal(w_copy(w, "./A/One", "./A/Copy"), DM_OK);
	assert_string_equal(w_get(w, "./A/Copy"), "1");
	assert_int_equal(w_copy(w, "./A/One", "./Test/Num"), DM_OK);
	assert_string_equal(w->thing.num, "1");
	assert_int_equal(w_copy(w, "./A/B/Two", "./Test/Num"), DM_BAD_FORMAT);
	assert_int_equal(w_copy(w, "./A/B", "./A/D"), DM_NOT_ALLOWED);
	assert_int_equal(w_copy(w, "./A/None", "./A/D"), DM_NOT_FOUND);
	assert_int_equal(w_copy(w, "./A/One", "./None/D"), DM_NOT_FOUND);
	assert_int_equal(w_copy(w, "./Test/Secret", "./A/D"), DM_NOT_ALLOWED);
	assert_int_equal(w_exec(w, "./A/One"), DM_NOT_ALLOWED);
	assert_int_equal(w_exec(w, "./A/None"), DM_NOT_FOUND);
	assert_int_equal(w_exec(w, "./Test/Num"), DM_NOT_ALLOWED);
	assert_int_equal(w->thing.execs, 0);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w->thing.execs, 1);
	w->thing.exec_answer = DM_PENDING;
	assert_int_equal(w_exec(w, "./Test/Op"), DM_PENDING);
	dm_tree_resume(w->tree, w->thing.token, DM_OK);
	assert_int_equal(w->resumed, 7);
	assert_int_equal(w->resumed_code, DM_OK);
}

/* ---- properties -------------------------------------------------------------- */

static void test_properties(void **state)
{
	struct world *w = *state;

	plant(w);
	assert_string_equal(w_get(w, "./A/One?prop=Name"), "One");
	assert_string_equal(w_get(w, "./A/One?prop=Format"), "chr");
	assert_string_equal(w_get(w, "./A/One?prop=Type"), "text/plain");
	assert_string_equal(w_get(w, "./A/One?prop=Size"), "1");
	assert_string_equal(w_get(w, "./A/One?prop=Title"), "");
	assert_string_equal(w_get(w, "./A/One?prop=VerNo"), "1");
	assert_string_equal(w_get(w, "./A/One?prop=TStamp"), "20231114T221320Z");
	assert_string_equal(w_get(w, "./A?prop=Format"), "node");
	assert_int_equal(w_stat(w, "./A?prop=Size"), DM_UNSUPPORTED);
	assert_int_equal(w_stat(w, "./A?prop=Colour"), DM_UNSUPPORTED);
	assert_int_equal(w_stat(w, "./None?prop=Name"), DM_NOT_FOUND);
	assert_string_equal(w_get(w, "./Test/Num?prop=Name"), "Num");
	assert_string_equal(w_get(w, "./Test/Num?prop=Format"), "int");
	assert_string_equal(w_get(w, "./Test?prop=Type"), "com.example/1.0/Test");
	assert_int_equal(w_stat(w, "./Test/Num?prop=VerNo"), DM_UNSUPPORTED);

	w->clock += 61;
	assert_int_equal(w_replace(w, "./A/One", "12"), DM_OK);
	assert_string_equal(w_get(w, "./A/One?prop=VerNo"), "2");
	assert_string_equal(w_get(w, "./A/One?prop=Size"), "2");
	assert_string_equal(w_get(w, "./A/One?prop=TStamp"), "20231114T221421Z");
	/* a parent's version counts its children */
	assert_string_equal(w_get(w, "./A/B?prop=VerNo"), "2");
	assert_int_equal(w_del(w, "./A/B/Two"), DM_OK);
	assert_string_equal(w_get(w, "./A/B?prop=VerNo"), "3");

	assert_int_equal(w_replace(w, "./A/One?prop=Title", "The one"), DM_OK);
	assert_string_equal(w_get(w, "./A/One?prop=Title"), "The one");
	assert_int_equal(w_replace(w, "./Test/Num?prop=Title", "A number"), DM_OK);
	assert_string_equal(w_get(w, "./Test/Num?prop=Title"), "A number");
	assert_int_equal(w_replace(w, "./A/One?prop=Size", "3"), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, "./A/One?prop=Format", "int"), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, "./A/One?prop=Colour", "red"), DM_UNSUPPORTED);
	assert_int_equal(w_replace(w, "./A/None?prop=Title", "x"), DM_NOT_FOUND);
}

static void test_verno_wraps(void **state)
{
	struct world *w = *state;

	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_OK);
	assert_int_equal(w_add(w, "./A", "x"), DM_OK);
	for (int i = 1; i < 65535; i++)
		assert_int_equal(w_replace(w, "./A", "x"), DM_OK);
	assert_string_equal(w_get(w, "./A?prop=VerNo"), "65535");
	assert_int_equal(w_replace(w, "./A", "x"), DM_OK);
	assert_string_equal(w_get(w, "./A?prop=VerNo"), "0");
	assert_int_equal(w_commit(w), DM_OK);
}

static void test_rename(void **state)
{
	struct world *w = *state;
	char longer[65], uri[DM_URI_MAX + 1];

	plant(w);
	assert_int_equal(w_replace(w, "./A/B?prop=Name", "Bee"), DM_OK);
	assert_int_equal(w_stat(w, "./A/B"), DM_NOT_FOUND);
	assert_string_equal(w_get(w, "./A/Bee/Two"), "zwei");
	assert_string_equal(w_get(w, "./A"), "B%2FC/Bee/One");
	assert_int_equal(w_replace(w, "./A/Bee?prop=Name", "One"), DM_EXISTS);
	assert_int_equal(w_replace(w, "./A/Bee?prop=Name", ".."), DM_BAD_REQUEST);
	assert_int_equal(w_replace(w, "./A/Bee?prop=Name", ""), DM_BAD_REQUEST);
	assert_int_equal(w_replace(w, "./A/One?prop=Name", "Uno"), DM_OK);
	assert_string_equal(w_get(w, "./A/Uno"), "1");
	/* permanent ones keep theirs */
	assert_int_equal(w_replace(w, "./Test?prop=Name", "T"), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, "./Test/Num?prop=Name", "N"), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, ".?prop=Name", "N"), DM_DENIED);
	/* what is below must still have a URI */
	memset(longer, 'n', 64);
	longer[64] = 0;
	assert_int_equal(w_add(w, "./L", NULL), DM_OK);
	assert_int_equal(w_add(w, "./L/M", NULL), DM_OK);
	strcpy(uri, "./L/M");
	for (int i = 0; i < 2; i++) {
		strcat(uri, "/");
		strcat(uri, longer);
		assert_int_equal(w_add(w, uri, NULL), DM_OK);
	}
	assert_int_equal(w_replace(w, "./L/M?prop=Name", longer), DM_OK);
	assert_int_equal(w_replace(w, "./L?prop=Name", longer), DM_URI_TOO_LONG);
	assert_string_equal(w_get(w, "./L"), longer);
}

/* ---- rights ------------------------------------------------------------------ */

static void test_acl(void **state)
{
	struct world *w = *state;

	plant(w);
	/* who adds where it may not replace, may do what it wants with the node */
	assert_string_equal(w_get(w, "./A?prop=ACL"),
			    "Add=*&Delete=com.example.dm&Get=*&Replace=com.example.dm");
	/* below it inherits: no list of its own */
	assert_string_equal(w_get(w, "./A/One?prop=ACL"), "");
	assert_string_equal(w_get(w, ".?prop=ACL"), "Add=*&Get=*");

	w->server = OTHER;
	assert_string_equal(w_get(w, "./A/One"), "1");
	assert_int_equal(w_replace(w, "./A/One", "2"), DM_DENIED);
	assert_int_equal(w_del(w, "./A/One"), DM_DENIED);
	assert_int_equal(w_replace(w, "./A?prop=ACL", "Get=*"), DM_DENIED);
	assert_int_equal(w_replace(w, "./A/One?prop=Title", "x"), DM_DENIED);
	assert_int_equal(w_replace(w, "./A/One?prop=Name", "x"), DM_DENIED);
	assert_int_equal(w_add(w, "./A/Mine", "m"), DM_OK);
	assert_int_equal(w_replace(w, "./A/Mine", "n"), DM_OK);

	w->server = SERVER;
	/* what it could do there it still can; the leaf's list is its parent's business */
	assert_int_equal(w_replace(w, "./A/Mine", "y"), DM_OK);
	assert_int_equal(w_replace(w, "./A/Mine?prop=ACL", "Replace=" SERVER), DM_OK);
	assert_int_equal(w_replace(w, "./A/Mine", "x"), DM_OK);
	/* and now nobody may read it: nothing is inherited beside a list of its own */
	assert_int_equal(w_stat(w, "./A/Mine"), DM_DENIED);
	assert_int_equal(w_stat(w, "./A/Mine?prop=ACL"), DM_DENIED);
	assert_int_equal(w_replace(w, "./A/Mine?prop=ACL", ""), DM_OK);
	assert_string_equal(w_get(w, "./A/Mine"), "x");

	assert_int_equal(w_replace(w, "./A/B?prop=ACL", "Get=a&Get=b"), DM_BAD_REQUEST);
	assert_int_equal(w_replace(w, ".?prop=ACL", "Get=*"), DM_DENIED);
	assert_int_equal(dm_tree_acl(w->tree, ".", "Add=*&Get=*&Replace=*"), 0);
	assert_int_equal(w_replace(w, ".?prop=ACL", "Get=*&Replace=*"), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, ".?prop=ACL", "Add=*&Get=*"), DM_OK);

	/* an empty name has what everybody has, and no more */
	w->server = "";
	assert_int_equal(w_replace(w, "./A/One", "2"), DM_DENIED);
	assert_string_equal(w_get(w, "./A/One"), "1");
}

static void test_forget(void **state)
{
	struct world *w = *state;

	plant(w);
	assert_int_equal(dm_tree_acl(w->tree, ".", "Add=*&Get=*&Replace=" SERVER), 0);
	assert_int_equal(
		dm_tree_acl(w->tree, "./A", "Get=" OTHER "+" SERVER "&Replace=" SERVER), 0);
	assert_int_equal(dm_tree_acl(w->tree, "./A/One", "Get=" SERVER), 0);
	assert_int_equal(dm_tree_acl(w->tree, "./Test/Num", "Get=*&Replace=" SERVER), 0);
	assert_int_equal(dm_tree_forget(w->tree, SERVER), 0);
	w->server = OTHER;
	assert_string_equal(w_get(w, ".?prop=ACL"), "Add=*&Get=*&Replace=*");
	assert_string_equal(w_get(w, "./A?prop=ACL"), "Get=" OTHER);
	assert_string_equal(w_get(w, "./Test/Num?prop=ACL"), "Get=*");
	/* it was one server's alone, and is nobody's now */
	assert_int_equal(w_stat(w, "./A/One"), DM_DENIED);
	assert_int_equal(dm_tree_forget(w->tree, "nobody"), 0);
	assert_string_equal(w_get(w, "./A?prop=ACL"), "Get=" OTHER);
}

/* The lists of OMA-TS-DM_TND-V1_2_1, 7.7.1.6, as far as its text tells them. */
static void test_acl_example(void **state)
{
	struct world *w = *state;

	assert_int_equal(dm_tree_set(w->tree, "./NodeA/Node1", MO_CHR, NULL, "v", 1), 0);
	assert_int_equal(dm_tree_set(w->tree, "./NodeB/Node3/Node4", MO_CHR, NULL, "v", 1), 0);
	assert_int_equal(dm_tree_set(w->tree, "./NodeB/Node3/Node5", MO_CHR, NULL, "v", 1), 0);
	assert_int_equal(dm_tree_acl(w->tree, "./NodeA", "Get=*&Replace=ServerC"), 0);
	assert_int_equal(dm_tree_acl(w->tree, "./NodeA/Node1", "Get=*"), 0);
	assert_int_equal(dm_tree_acl(w->tree, "./NodeB", "Get=ServerA&Replace=ServerA"), 0);
	w->server = "ServerA";
	assert_string_equal(w_get(w, "./NodeA/Node1"), "v");
	assert_int_equal(w_replace(w, "./NodeA/Node1?prop=ACL", "Get=*&Replace=*"), DM_DENIED);
	assert_string_equal(w_get(w, "./NodeA/Node1?prop=ACL"), "Get=*");
	assert_string_equal(w_get(w, "./NodeB/Node3/Node4?prop=ACL"), "");
	assert_int_equal(w_replace(w, "./NodeB/Node3/Node5", "w"), DM_OK);
	w->server = "ServerC";
	assert_int_equal(w_replace(w, "./NodeA/Node1", "w"), DM_DENIED);
	assert_int_equal(w_del(w, "./NodeA/Node1"), DM_DENIED);
	assert_int_equal(w_replace(w, "./NodeA/Node1?prop=ACL", "Get=*&Replace=ServerC"),
			 DM_OK);
	assert_int_equal(w_replace(w, "./NodeA/Node1", "w"), DM_OK);
	assert_int_equal(w_stat(w, "./NodeB/Node3/Node4"), DM_DENIED);
}

/* ---- lists ------------------------------------------------------------------- */

static void test_walk(void **state)
{
	struct world *w = *state;

	plant(w);
	strcpy(w->thing.item[1], "x");
	strcpy(w->thing.val[1], "v");
	assert_string_equal(w_walk(w, "./A?list=Struct"),
			    "./A\n./A/B\n./A/B/Two=\n./A/B%2FC=\n./A/One=\n");
	/* what cannot be read is not there: Secret, Op */
	assert_string_equal(w_walk(w, "./Test?list=StructData"),
			    "./Test\n./Test/Num=\n./Test/Text=\n./Test/Data=\n./Test/Item\n"
			    "./Test/Item/x\n./Test/Item/x/Val=\n");
	assert_string_equal(w_walk(w, "./A/One?list=Struct"), "./A/One=\n");
	assert_string_equal(w_walk(w, ".?list=Struct"),
			    ".\n./A\n./A/B\n./A/B/Two=\n./A/B%2FC=\n./A/One=\n./Test\n"
			    "./Test/Num=\n./Test/Text=\n./Test/Data=\n./Test/Item\n"
			    "./Test/Item/x\n./Test/Item/x/Val=\n");
	/* nor what this server may not read, with all below */
	assert_int_equal(dm_tree_acl(w->tree, "./A/B", "Get=" SERVER), 0);
	w->server = OTHER;
	assert_string_equal(w_walk(w, "./A?list=Struct"), "./A\n./A/B%2FC=\n./A/One=\n");
	assert_string_equal(w_walk(w, "./A/B?list=Struct"), "425");
	assert_string_equal(w_walk(w, "./None?list=Struct"), "404");
}

/* A walk goes on where nodes come and go. */
static void test_walk_changes(void **state)
{
	struct world *w = *state;
	const struct dm_req req = world_req(w);
	char uri[DM_URI_MAX + 1] = "";
	struct dm_stat st;

	plant(w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			dm_tree_ops()->walk(w->tree, &req, "./A?list=Struct", uri, &st), DM_OK);
	assert_string_equal(uri, "./A/B/Two");
	assert_int_equal(w_add(w, "./A/B/Tzz", "x"), DM_OK);
	assert_int_equal(dm_tree_ops()->walk(w->tree, &req, "./A?list=Struct", uri, &st),
			 DM_OK);
	assert_string_equal(uri, "./A/B/Tzz");
	assert_int_equal(w_del(w, "./A/B"), DM_OK);
	assert_int_equal(dm_tree_ops()->walk(w->tree, &req, "./A?list=Struct", uri, &st),
			 DM_NOT_FOUND);
	strcpy(uri, "./Test");
	assert_int_equal(dm_tree_ops()->walk(w->tree, &req, "./A?list=Struct", uri, &st),
			 DM_NOT_FOUND);
	strcpy(uri, "./A/One");
	assert_int_equal(dm_tree_ops()->walk(w->tree, &req, "./A?list=Struct", uri, &st), 0);
}

/* ---- descriptions ------------------------------------------------------------ */

static void test_described(void **state)
{
	struct world *w = *state;

	assert_string_equal(w_get(w, "./Test"), "Num/Text/Data/Secret/Op/Item");
	assert_int_equal(w_replace(w, "./Test/Num", "10"), DM_OK);
	assert_string_equal(w_get(w, "./Test/Num"), "10");
	assert_int_equal(w_replace(w, "./Test/Num", "11"), DM_BAD_FORMAT);
	assert_int_equal(w_replace(w, "./Test/Num", "-1"), DM_BAD_FORMAT);
	assert_int_equal(w_replace(w, "./Test/Num", "1x"), DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_REPLACE, "./Test/Num", "bool", NULL, "true"),
			 DM_BAD_FORMAT);
	assert_int_equal(w_put(w, DM_HOW_REPLACE, "./Test/Num", "chr", NULL, "3"), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_REPLACE, "./Test/Num", "b64", NULL, "4"), DM_OK);
	assert_string_equal(w->thing.num, "4");
	assert_int_equal(w_replace(w, "./Test/Text", "eight888"), DM_OK);
	assert_int_equal(w_replace(w, "./Test/Text", "nine99999"), DM_TOO_LARGE);
	assert_int_equal(w_stat(w, "./Test/Secret"), DM_NOT_ALLOWED);
	assert_string_equal(w_get(w, "./Test/Secret?prop=Format"), "bin");
	assert_int_equal(w_replace(w, "./Test/Secret", "s"), DM_OK);
	assert_int_equal(w_del(w, "./Test/Num"), DM_NOT_ALLOWED);
	assert_int_equal(w_del(w, "./Test"), DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./Test/New", "x"), DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./Test/Num/x", "x"), DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./Test/Item/a", NULL), DM_OK);
	assert_int_equal(w_add(w, "./Test/Item/a", NULL), DM_EXISTS);
	assert_int_equal(w_add(w, "./Test/Item/b", "leaf"), DM_BAD_FORMAT);
	assert_int_equal(w_add(w, "./Test/Item/a/Other", "x"), DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./Test/Item/a/Val", "x"), DM_OK);
	assert_int_equal(w_add(w, "./Test/Item/none/Val", "x"), DM_NOT_FOUND);
	assert_string_equal(w_get(w, "./Test/Item/a/Val"), "x");
	assert_string_equal(w_get(w, "./Test/Item"), "a");
	assert_int_equal(w_del(w, "./Test/Item"), DM_NOT_ALLOWED);
	assert_int_equal(w_del(w, "./Test/Item/a"), DM_OK);
	assert_int_equal(w_stat(w, "./Test/Item/a"), DM_NOT_FOUND);
	/* lists only for names that stay; the one of a node that is gone is nobody's */
	assert_int_equal(w_replace(w, "./Test/Num?prop=ACL", "Get=nobody"), DM_OK);
	assert_int_equal(w_stat(w, "./Test/Num"), DM_DENIED);
	assert_int_equal(dm_tree_gone(w->tree, "./Test/Num"), 0);
	assert_int_equal(w_stat(w, "./Test/Num"), DM_OK);
	assert_int_equal(w_add(w, "./Test/Item/a", NULL), DM_OK);
	assert_int_equal(w_replace(w, "./Test/Item/a?prop=ACL", "Get=nobody"), DM_NOT_ALLOWED);
}

struct watch {
	int changes, checks, answer;
	char last[300];
};

static int watch_check(void *ctx, const struct dm_req *req, const struct dm_path *path,
		       const uint8_t *p, size_t len)
{
	struct watch *x = ctx;

	(void)req;
	x->checks++;
	snprintf(x->last, sizeof(x->last), "%s=%.*s", path->name[path->n - 1], (int)len,
		 p ? (const char *)p : "");
	return x->answer;
}

static void watch_changed(void *ctx)
{
	((struct watch *)ctx)->changes++;
}

static void test_watched(void **state)
{
	static const struct dm_watch_ops ops = {.check = watch_check, .changed = watch_changed};
	struct world *w = *state;
	struct watch x = {.answer = DM_OK};
	struct dm_stat st;
	uint8_t *p;
	size_t n;

	assert_int_equal(dm_tree_describe(w->tree, &mo_dmacc, &ops, &x), 0);
	assert_int_equal(dm_tree_describe(w->tree, &mo_dmacc, &ops, &x), -EEXIST);
	assert_string_equal(w_get(w, "."), "DMAcc/Test");
	assert_int_equal(w_del(w, "./DMAcc"), DM_NOT_ALLOWED);
	/* the device makes an account and gives it to its server */
	assert_int_equal(dm_tree_set(w->tree, "./DMAcc/acc/AppID", MO_CHR, NULL, "w7", 2), 0);
	assert_int_equal(dm_tree_set(w->tree, "./DMAcc/acc/AppAuth/c/AAuthSecret", MO_BIN, NULL,
				     "\x01\x02", 2),
			 0);
	assert_int_equal(dm_tree_acl(w->tree, "./DMAcc/acc",
				     "Add=" SERVER "&Delete=" SERVER "&Get=" SERVER
				     "&Replace=" SERVER),
			 0);
	assert_int_equal(x.checks, 0);
	assert_int_equal(x.changes, 2);
	assert_int_equal(dm_tree_find(w->tree, "./DMAcc/acc", &st), 0);
	assert_string_equal(st.type, mo_dmacc.moi);
	assert_int_equal(dm_tree_set(w->tree, "./DMAcc/acc/Nonsense", MO_CHR, NULL, "x", 1),
			 -EINVAL);

	assert_string_equal(w_get(w, "./DMAcc/acc/AppID"), "w7");
	assert_int_equal(w_stat(w, "./DMAcc/acc/AppAuth/c/AAuthSecret"), DM_NOT_ALLOWED);
	assert_int_equal(dm_tree_get(w->tree, "./DMAcc/acc/AppAuth/c/AAuthSecret", &p, &n), 0);
	assert_int_equal(n, 2);
	assert_memory_equal(p, "\x01\x02", 2);
	free(p);
	assert_string_equal(w_walk(w, "./DMAcc/acc/AppAuth?list=StructData"),
			    "./DMAcc/acc/AppAuth\n./DMAcc/acc/AppAuth/c\n");
	assert_int_equal(w_add(w, "./DMAcc/acc/Name", "a name"), DM_OK);
	assert_string_equal(x.last, "Name=a name");
	assert_int_equal(x.changes, 3);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./DMAcc/acc/Bogus", "chr", NULL, "x"),
			 DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./DMAcc/acc/Ext", NULL), DM_OK);
	assert_int_equal(w_add(w, "./DMAcc/acc/Ext/Anything", NULL), DM_OK);
	assert_int_equal(w_add(w, "./DMAcc/acc/Ext/Anything/Below", "x"), DM_OK);

	/* told once for a message, and not when it is taken back */
	x.changes = 0;
	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_OK);
	assert_int_equal(w_replace(w, "./DMAcc/acc/Name", "b"), DM_OK);
	assert_int_equal(w_replace(w, "./DMAcc/acc/Name", "c"), DM_OK);
	assert_int_equal(x.changes, 0);
	assert_int_equal(w_commit(w), DM_OK);
	assert_int_equal(x.changes, 1);

	x.answer = DM_FORBIDDEN;
	assert_int_equal(w_replace(w, "./DMAcc/acc/Name", "d"), DM_FORBIDDEN);
	assert_int_equal(w_del(w, "./DMAcc/acc"), DM_FORBIDDEN);
	assert_string_equal(w_get(w, "./DMAcc/acc/Name"), "c");
	x.answer = DM_OK;
	w->server = OTHER;
	assert_int_equal(w_stat(w, "./DMAcc/acc/Name"), DM_DENIED);
	assert_int_equal(w_replace(w, "./DMAcc/acc/Name", "d"), DM_DENIED);
	w->server = SERVER;
	assert_int_equal(w_del(w, "./DMAcc/acc"), DM_OK);
	assert_string_equal(w_get(w, "./DMAcc"), "");
	assert_int_equal(dm_tree_drop(w->tree, "./DMAcc/acc"), -ENOENT);

	/* servers add none, unless they may; then each has its own alone */
	assert_int_equal(w_add(w, "./DMAcc/new", NULL), DM_DENIED);
	assert_int_equal(dm_tree_acl(w->tree, "./DMAcc", "Add=*&Get=*&Replace=" SERVER), 0);
	assert_int_equal(w_add(w, "./DMAcc/new", NULL), DM_OK);
	assert_int_equal(w_add(w, "./DMAcc/new/Name", "mine"), DM_OK);
	assert_string_equal(w_get(w, "./DMAcc/new?prop=ACL"),
			    "Add=" SERVER "&Delete=" SERVER "&Get=" SERVER "&Replace=" SERVER);
	w->server = OTHER;
	assert_string_equal(w_get(w, "./DMAcc"), "new");
	assert_int_equal(w_stat(w, "./DMAcc/new/Name"), DM_DENIED);
	assert_int_equal(w_add(w, "./DMAcc/new/AppAuth", NULL), DM_DENIED);
	assert_int_equal(w_del(w, "./DMAcc/new"), DM_DENIED);
	w->server = SERVER;
	assert_int_equal(w_del(w, "./DMAcc/new"), DM_OK);
}

static void test_device(void **state)
{
	static const struct dm_device device = {
		.id = "urn:uuid:0f6d5d5c-0000-4000-8000-000000000001",
		.manufacturer = "Example",
		.firmware = "1.0",
	};
	struct world *w = *state;

	assert_int_equal(dm_device_mount(w->tree, &device), 0);
	assert_string_equal(w_get(w, "."), "DevDetail/DevInfo/Inbox/Test");
	assert_string_equal(w_get(w, "./DevInfo"), "DevId/Man/Mod/DmV/Lang");
	assert_string_equal(w_get(w, "./DevInfo/DevId"), device.id);
	assert_string_equal(w_get(w, "./DevInfo/Man"), "Example");
	assert_string_equal(w_get(w, "./DevInfo/Mod"), "");
	assert_string_equal(w_get(w, "./DevInfo/DmV"), "1.2");
	assert_string_equal(w_get(w, "./DevInfo/Lang"), "en");
	assert_string_equal(w_get(w, "./DevDetail/LrgObj"), "true");
	assert_string_equal(w_get(w, "./DevDetail/FwV"), "1.0");
	assert_string_equal(w_get(w, "./DevDetail/URI/MaxDepth"), "20");
	assert_string_equal(w_get(w, "./DevDetail/URI/MaxTotLen"), "255");
	assert_string_equal(w_get(w, "./DevDetail/URI/MaxSegLen"), "64");
	assert_string_equal(w_get(w, "./DevInfo?prop=Type"), "urn:oma:mo:oma-dm-devinfo:1.0");
	assert_int_equal(w_replace(w, "./DevInfo/Man", "x"), DM_NOT_ALLOWED);
	assert_int_equal(w_add(w, "./DevInfo/Ext", NULL), DM_NOT_ALLOWED);
	assert_int_equal(w_stat(w, "./DevInfo/Nope"), DM_NOT_FOUND);
	assert_int_equal(w_del(w, "./DevDetail/URI"), DM_NOT_ALLOWED);
}

/* ---- values in pieces -------------------------------------------------------- */

static int chunk(struct world *w, enum dm_how how, const char *uri, const void *p, size_t len,
		 uint64_t offset, uint64_t total, bool last)
{
	const struct dm_req req = world_req(w);
	const struct dm_put put = {
		.total = total,
		.offset = offset,
		.data = p,
		.len = len,
		.has_data = true,
		.last = last,
	};

	return dm_tree_ops()->write(w->tree, &req, how, uri, &put);
}

static void test_pieces(void **state)
{
	struct world *w = *state;

	plant(w);
	assert_int_equal(chunk(w, DM_HOW_ADD, "./A/L", "abc", 3, 0, 8, false), DM_BUFFERED);
	assert_int_equal(w_stat(w, "./A/L"), DM_NOT_FOUND);
	assert_int_equal(chunk(w, DM_HOW_ADD, "./A/L", "def", 3, 3, 8, false), DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_ADD, "./A/L", "gh", 2, 6, 8, true), DM_OK);
	assert_string_equal(w_get(w, "./A/L"), "abcdefgh");
	/* fewer, more */
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 0, 8, false), DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "de", 2, 3, 8, true),
			 DM_SIZE_MISMATCH);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 0, 4, false), DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "de", 2, 3, 4, true),
			 DM_SIZE_MISMATCH);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abcde", 5, 0, 4, true),
			 DM_SIZE_MISMATCH);
	/* no size; out of order; another node; nothing begun */
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "a", 1, 0, DM_SIZE_UNKNOWN, false),
			 DM_NO_SIZE);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 0, 8, false), DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 4, 8, false),
			 DM_BAD_REQUEST);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 3, 8, false),
			 DM_BAD_REQUEST);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 0, 8, false), DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/One", "abc", 3, 3, 8, false),
			 DM_BAD_REQUEST);
	/* what is refused is so with the first piece */
	assert_int_equal(chunk(w, DM_HOW_ADD, "./A/One", "a", 1, 0, 8, false), DM_EXISTS);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/None", "a", 1, 0, 8, false),
			 DM_NOT_FOUND);
	assert_int_equal(chunk(w, DM_HOW_ADD, "./A/Big", "a", 1, 0, DM_VALUE_MAX + 1, false),
			 DM_TOO_LARGE);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Text", "a", 1, 0, 9, false),
			 DM_TOO_LARGE);
	/* the value is looked at when it is whole */
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Num", "1", 1, 0, 2, false),
			 DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Num", "1", 1, 1, 2, true),
			 DM_BAD_FORMAT);
	assert_string_equal(w_get(w, "./A/L"), "abcdefgh");
	assert_string_equal(w_get(w, "./Test/Num"), "1");
	/* the rights are those at the end */
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "abc", 3, 0, 6, false), DM_BUFFERED);
	assert_int_equal(w_replace(w, "./A?prop=ACL", "Get=*"), DM_OK);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./A/L", "def", 3, 3, 6, true),
			 DM_BAD_REQUEST);
}

static void test_stream(void **state)
{
	struct world *w = *state;
	const uint64_t total = 3U << 20; /* more than the tree has room for */
	uint8_t piece[4096];
	uint8_t sum = 0;
	struct dm_stat st;
	char *p;

	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = (uint8_t)i;
	for (uint64_t at = 0; at < total; at += sizeof(piece)) {
		bool last = at + sizeof(piece) == total;

		assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Data", piece, sizeof(piece),
				       at, total, last),
				 last ? DM_OK : DM_BUFFERED);
		for (size_t i = 0; i < sizeof(piece); i++)
			sum = (uint8_t)(sum + piece[i]);
	}
	assert_int_equal(w->thing.data, total);
	assert_int_equal(w->thing.data_sum, sum);
	assert_true(w->thing.data_whole);
	assert_int_equal(w->thing.aborted, 0);
	assert_int_equal(w_read(w, "./Test/Data", 10000, &p, &st), DM_OK);
	assert_int_equal(st.size, total);
	assert_int_equal((uint8_t)p[total - 1], 0x5a);
	free(p);
	/* a stream that ends early is told to the mount */
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Data", piece, 10, 0, 20, false),
			 DM_BUFFERED);
	assert_int_equal(w_replace(w, "./Test/Num", "5"), DM_OK);
	assert_int_equal(w->thing.aborted, 1);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Data", piece, 10, 10, 20, true),
			 DM_BAD_REQUEST);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Data", piece, 10, 0, 20, false),
			 DM_BUFFERED);
	dm_tree_ops()->write_abort(w->tree);
	assert_int_equal(w->thing.aborted, 2);
	assert_false(w->thing.data_whole);
}

/* A Get in pieces gives one value, or says that it has changed. */
static void test_read_changes(void **state)
{
	struct world *w = *state;
	const struct dm_req req = world_req(w);
	char p[8];
	size_t n;

	plant(w);
	assert_int_equal(w_replace(w, "./A/One", "abcdefgh"), DM_OK);
	assert_int_equal(dm_tree_ops()->read(w->tree, &req, "./A/One", 0, p, 4, &n), DM_OK);
	assert_int_equal(w_replace(w, "./A/B/Two", "x"), DM_OK);
	assert_int_equal(dm_tree_ops()->read(w->tree, &req, "./A/One", 4, p, 4, &n), DM_OK);
	assert_memory_equal(p, "efgh", 4);
	assert_int_equal(dm_tree_ops()->read(w->tree, &req, "./A/One", 0, p, 4, &n), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "ABCDEFGH"), DM_OK);
	assert_int_equal(dm_tree_ops()->read(w->tree, &req, "./A/One", 4, p, 4, &n),
			 DM_CONFLICT);
	/* another server does not get what is kept for the first */
	assert_int_equal(w_replace(w, "./A?prop=ACL", "Get=" SERVER "&Replace=" SERVER), DM_OK);
	assert_int_equal(dm_tree_ops()->read(w->tree, &req, "./A/One", 0, p, 4, &n), DM_OK);
	assert_int_equal(dm_tree_ops()->read(w->tree, &(struct dm_req){.server = OTHER},
					     "./A/One", 4, p, 4, &n),
			 DM_DENIED);
}

/* What each command says that cannot be done so; more of it where the command is. */
static void test_refused(void **state)
{
	struct world *w = *state;
	char longest[DM_ACL_MAX + 2];

	plant(w);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(w_replace(w, "./A/One?prop=Title", longest), DM_TOO_LARGE);
	longest[DM_TITLE_MAX + 1] = 0;
	assert_int_equal(w_replace(w, "./A/One?prop=Title", longest), DM_TOO_LARGE);
	longest[DM_TITLE_MAX] = 0;
	assert_int_equal(w_replace(w, "./A/One?prop=Title", longest), DM_OK);
	assert_int_equal(w_replace(w, "./A/One?prop=Title", "\xff"), DM_BAD_REQUEST);
	assert_int_equal(w_replace(w, "./A/One?prop=Title", NULL), DM_INCOMPLETE);
	assert_int_equal(w_replace(w, "./A?list=Struct", "x"), DM_NOT_ALLOWED);
	assert_int_equal(w_stat(w, "./A?list=Struct"), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./T", "chr", longest, "x"), DM_BAD_FORMAT);
	assert_int_equal(chunk(w, DM_HOW_ADD, "./L", "", 0, 0, 8, false), DM_BAD_REQUEST);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Data", "x", 1, 0, 8, false),
			 DM_BUFFERED);
	assert_int_equal(chunk(w, DM_HOW_REPLACE, "./Test/Data", "", 0, 1, 8, false),
			 DM_BAD_REQUEST);
	assert_int_equal(w->thing.aborted, 1);
	/* a mount hears of an Exec at what is gone, but not from everybody */
	assert_int_equal(w_exec(w, "./Test/Item/none/Val"), DM_NOT_FOUND);
	assert_int_equal(dm_tree_acl(w->tree, "./Test", "Get=*"), 0);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_DENIED);
	/* the device itself */
	assert_int_equal(dm_tree_drop(w->tree, "./Test"), -EINVAL);
	assert_int_equal(dm_tree_drop(w->tree, "."), -EINVAL);
	assert_int_equal(dm_tree_drop(w->tree, "./A?prop=ACL"), -EINVAL);
	assert_int_equal(dm_tree_drop(w->tree, "./A/B"), 0);
	assert_int_equal(w_stat(w, "./A/B/Two"), DM_NOT_FOUND);
	assert_int_equal(dm_tree_set(w->tree, "./Test/Num", MO_INT, NULL, "1", 1), -EINVAL);
	assert_int_equal(dm_tree_set(w->tree, "./A/One/Below", MO_CHR, NULL, "1", 1), -EINVAL);
	assert_int_equal(dm_tree_set(w->tree, "./A/One", MO_NODE, NULL, NULL, 0), -EINVAL);
	assert_int_equal(dm_tree_gone(w->tree, "./A/One"), -EINVAL);
	assert_int_equal(dm_tree_acl(w->tree, "./None", ""), -ENOENT);
	assert_int_equal(dm_tree_acl(w->tree, "./A", "x"), -EINVAL);
	/* no value is no list: it inherits, and there is nobody who may Replace */
	assert_int_equal(w_replace(w, "./A?prop=ACL", NULL), DM_OK);
	assert_int_equal(w_replace(w, "./A?prop=ACL", "Get=*"), DM_DENIED);
}

static void test_children(void **state)
{
	char name[DM_SEGMENT_MAX + 1] = "";
	struct world *w = *state;

	plant(w);
	assert_int_equal(dm_tree_next(w->tree, "./A", name), 0);
	assert_string_equal(name, "B");
	assert_int_equal(dm_tree_next(w->tree, "./A", name), 0);
	assert_string_equal(name, "B/C");
	assert_int_equal(dm_tree_next(w->tree, "./A", name), 0);
	assert_string_equal(name, "One");
	assert_int_equal(dm_tree_next(w->tree, "./A", name), -ENOENT);
	*name = 0;
	assert_int_equal(dm_tree_next(w->tree, "./Test", name), 0);
	assert_string_equal(name, "Num");
	assert_int_equal(dm_tree_next(w->tree, "./A/One", name), -ENOENT);
	assert_int_equal(dm_tree_next(w->tree, "./None", name), -ENOENT);
}

/* ---- limits ------------------------------------------------------------------ */

/* Occurrence: one nameless child, or one instance, and no second one under another name */
static void test_occurs(void **state)
{
	static const struct mo_node leaf[] = {MO_LEAF("Val", MO_CHR, MO_OWN)};
	static const struct mo_node nodes[] = {
		MO_LEAF("Fixed", MO_CHR, MO_OWN, .occurs = MO_ZERO_OR_ONE),
		MO_INTERIOR(NULL, MO_OWN, leaf, .occurs = MO_ZERO_OR_ONE),
	};
	static const struct mo_node many[] = {
		MO_INTERIOR(NULL, MO_OWN, leaf, .occurs = MO_ONE_OR_MORE),
	};
	static const struct mo_node root = MO_INTERIOR("One", MO_GET, nodes, .permanent = true);
	static const struct mo_node all = MO_INTERIOR("Many", MO_GET, many, .permanent = true);
	static const struct mo_node self =
		MO_INTERIOR(NULL, MO_OWN, leaf, .occurs = MO_ZERO_OR_ONE);
	static const struct mo_object objects[] = {
		{.name = "One",
		 .moi = "x:one",
		 .path = ".",
		 .description = "",
		 .root = &root,
		 .acl = "Add=*&Delete=*&Get=*&Replace=*"},
		{.name = "Many",
		 .moi = "x:many",
		 .path = ".",
		 .description = "",
		 .root = &all,
		 .acl = "Add=*&Delete=*&Get=*&Replace=*"},
		{.name = "Self",
		 .moi = "x:self",
		 .path = "./Self",
		 .description = "",
		 .root = &self,
		 .acl = "Add=*&Delete=*&Get=*&Replace=*"},
	};
	static const char tnds[] =
		"<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD><Node>"
		"<NodeName>b</NodeName><Path>One</Path><RTProperties><Format><node/></Format>"
		"</RTProperties></Node></MgmtTree>";
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		assert_int_equal(dm_tree_describe(w->tree, &objects[i], NULL, NULL), 0);
	assert_int_equal(w_add(w, "./One/Fixed", "x"), DM_OK); /* is none of them */
	assert_int_equal(w_add(w, "./One/a", NULL), DM_OK);
	assert_int_equal(w_add(w, "./One/a", NULL), DM_EXISTS);
	assert_int_equal(w_add(w, "./One/b", NULL), DM_NOT_ALLOWED);
	assert_int_equal(
		w_put(w, DM_HOW_ADD, ".", "xml", "application/vnd.syncml.dmtnds+xml", tnds),
		DM_NOT_ALLOWED);
	assert_int_equal(w_stat(w, "./One/b"), DM_NOT_FOUND);
	assert_int_equal(w_add(w, "./One/a/Val", "x"), DM_OK);
	assert_int_equal(w_copy(w, "./One/a/Val", "./One/Fixed"), DM_OK);
	/* when it is gone there is room */
	assert_int_equal(w_del(w, "./One/a"), DM_OK);
	assert_int_equal(
		w_put(w, DM_HOW_ADD, ".", "xml", "application/vnd.syncml.dmtnds+xml", tnds),
		DM_OK);
	assert_int_equal(w_add(w, "./One/a", NULL), DM_NOT_ALLOWED);

	assert_int_equal(w_add(w, "./Self/a", NULL), DM_OK);
	assert_int_equal(w_add(w, "./Self/b", NULL), DM_NOT_ALLOWED);
	assert_int_equal(w_del(w, "./Self/a"), DM_OK);
	assert_int_equal(w_add(w, "./Self/b", NULL), DM_OK);

	assert_int_equal(w_add(w, "./Many/a", NULL), DM_OK);
	assert_int_equal(w_add(w, "./Many/b", NULL), DM_OK);
}

static void test_limits(void **state)
{
	struct world *w = *state;
	unsigned int nodes;
	uint64_t bytes;
	char *big = malloc(DM_VALUE_MAX + 2);

	assert_non_null(big);
	memset(big, 'x', DM_VALUE_MAX + 1);
	big[DM_VALUE_MAX + 1] = 0;
	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_OK);
	assert_int_equal(w_add(w, "./Big", big), DM_TOO_LARGE);
	big[DM_VALUE_MAX] = 0;
	for (unsigned int i = 0; i < DM_TREE_BYTES_MAX / DM_VALUE_MAX; i++) {
		char uri[32];

		snprintf(uri, sizeof(uri), "./Big%u", i);
		assert_int_equal(w_add(w, uri, big), DM_OK);
	}
	assert_int_equal(w_add(w, "./More", "x"), DM_DEVICE_FULL);
	assert_int_equal(w_stat(w, "./More"), DM_NOT_FOUND);
	assert_int_equal(w_add(w, "./More", ""), DM_OK);
	assert_int_equal(w_del(w, "./Big0"), DM_OK);
	assert_int_equal(w_replace(w, "./More", "x"), DM_OK);
	assert_int_equal(w_rollback(w), DM_ROLLED_BACK);
	dm_tree_usage(w->tree, &nodes, &bytes);
	assert_int_equal(nodes, 2);
	assert_int_equal(bytes, 0);

	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_OK);
	for (unsigned int i = 2; i < DM_NODES_MAX; i++) {
		char uri[32];

		snprintf(uri, sizeof(uri), "./N%05u", i);
		assert_int_equal(w_add(w, uri, NULL), DM_OK);
	}
	assert_int_equal(w_add(w, "./One", NULL), DM_DEVICE_FULL);
	/* 8192 names of 6 and a stroke are 57 KiB: they fit */
	assert_int_equal(w_stat(w, "."), DM_OK);
	assert_int_equal(w_commit(w), DM_OK);
	free(big);
}

/* ---- levels ------------------------------------------------------------------ */

static void test_atomic(void **state)
{
	struct world *w = *state;
	unsigned int nodes, before;
	uint64_t bytes, bytes_before;

	plant(w);
	dm_tree_usage(w->tree, &before, &bytes_before);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_NOT_ALLOWED);
	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, "./A/One", "new"), DM_OK);
	assert_int_equal(w_del(w, "./A/B"), DM_OK);
	assert_int_equal(w_add(w, "./A/C", NULL), DM_OK);
	assert_int_equal(w_add(w, "./A/C/D", "d"), DM_OK);
	assert_int_equal(w_replace(w, "./A/C?prop=Name", "E"), DM_OK);
	assert_string_equal(w_get(w, "./A"), "B%2FC/E/One");
	assert_int_equal(w_rollback(w), DM_ROLLED_BACK);
	assert_string_equal(w_get(w, "./A"), "B/B%2FC/One");
	assert_string_equal(w_get(w, "./A/One"), "1");
	assert_string_equal(w_get(w, "./A/B/Two"), "zwei");
	dm_tree_usage(w->tree, &nodes, &bytes);
	assert_int_equal(nodes, before);
	assert_int_equal(bytes, bytes_before);

	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "new"), DM_OK);
	assert_int_equal(w_commit(w), DM_OK);
	assert_string_equal(w_get(w, "./A/One"), "new");
	assert_int_equal(w_commit(w), -EINVAL);
	assert_int_equal(w_rollback(w), -EINVAL);
	/* nothing of the thing's: it was not asked */
	assert_int_equal(w->thing.begun, 0);
	assert_false(dm_tree_unsettled(w->tree));
}

/* An Atomic in a message takes only itself back. */
static void test_atomic_in_message(void **state)
{
	struct world *w = *state;

	plant(w);
	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "kept"), DM_OK);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "lost"), DM_OK);
	assert_int_equal(dm_tree_durable(w->tree), -EBUSY);
	assert_int_equal(w_rollback(w), DM_ROLLED_BACK);
	assert_string_equal(w_get(w, "./A/One"), "kept");
	assert_int_equal(dm_tree_durable(w->tree), 0);
	assert_int_equal(w_replace(w, "./A/One", "lost"), DM_OK);
	assert_int_equal(w_rollback(w), DM_ROLLED_BACK);
	assert_string_equal(w_get(w, "./A/One"), "kept");
	assert_int_equal(dm_tree_durable(w->tree), 0);
}

static void test_atomic_mount(void **state)
{
	struct world *w = *state;
	struct thing *x = &w->thing;

	plant(w);
	/* taken back */
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "2"), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_rollback(w), DM_ROLLED_BACK);
	assert_int_equal(x->execs, 0);
	assert_int_equal(x->begun, 1);
	assert_int_equal(x->rolled_back, 1);
	assert_string_equal(w_get(w, "./A/One"), "1");

	/* done: it runs at the commit, once for all, and the answer comes later */
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "2"), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_PENDING);
	assert_int_equal(x->committed, 1);
	assert_int_equal(x->execs, 2);
	assert_true(dm_tree_unsettled(w->tree));
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_BUSY);
	assert_int_equal(w->resumes, 0);
	/* what it has changed waits for its end, the rest does not */
	assert_int_equal(w_replace(w, "./A/One", "3"), DM_BUSY);
	assert_int_equal(w_del(w, "./A"), DM_BUSY);
	assert_int_equal(dm_tree_set(w->tree, "./A/One", MO_CHR, NULL, "3", 1), -EBUSY);
	assert_int_equal(w_replace(w, "./A/B/Two", "deux"), DM_OK);
	assert_int_equal(dm_tree_settle(w->tree, x->token, DM_OK), 0);
	assert_int_equal(w_replace(w, "./A/B/Two", "zwei"), DM_OK);
	assert_int_equal(w->resumes, 1);
	assert_int_equal(w->resumed_code, DM_OK);
	assert_string_equal(w_get(w, "./A/One"), "2");
	assert_false(dm_tree_unsettled(w->tree));

	/* the mount's part failed: the tree's goes, the message around it stays */
	assert_int_equal(w_begin(w, DM_LEVEL_MESSAGE), DM_OK);
	assert_int_equal(w_add(w, "./A/Message", "m"), DM_OK);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "3"), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "4"), DM_OK);
	assert_int_equal(w_add(w, "./A/New", "n"), DM_OK);
	assert_int_equal(w_del(w, "./A/B"), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_PENDING);
	assert_string_equal(w_get(w, "./A/One"), "4");
	assert_int_equal(dm_tree_settle(w->tree, x->token, DM_FAILED), 0);
	assert_int_equal(w->resumed_code, DM_FAILED);
	assert_string_equal(w_get(w, "./A/One"), "2");
	assert_string_equal(w_get(w, "./A/B/Two"), "zwei");
	assert_string_equal(w_get(w, "./A"), "B/B%2FC/Message/One");
	assert_int_equal(w_commit(w), DM_OK);

	/* some of it was done on the card, and cannot be undone: it stays, as it was said */
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "5"), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_PENDING);
	assert_int_equal(dm_tree_settle(w->tree, x->token, DM_ROLLBACK_FAILED), 0);
	assert_string_equal(w_get(w, "./A/One"), "5");

	/* it does not even begin */
	x->commit_answer = DM_RETRY_LATER;
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "6"), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_RETRY_LATER);
	assert_string_equal(w_get(w, "./A/One"), "5");
	assert_false(dm_tree_unsettled(w->tree));
	x->commit_answer = 0;

	/* it is not prepared to */
	x->prepare_answer = DM_BAD_REQUEST;
	x->rolled_back = 0;
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./A/One", "6"), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_BAD_REQUEST);
	assert_int_equal(x->rolled_back, 1);
	assert_string_equal(w_get(w, "./A/One"), "5");
	/* and cannot go back */
	x->rollback_answer = DM_ROLLBACK_FAILED;
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_ROLLBACK_FAILED);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_rollback(w), DM_ROLLBACK_FAILED);
}

/* Two that run something could not be undone together. */
static void test_atomic_two(void **state)
{
	static const struct mo_node root =
		MO_INTERIOR("Second", MO_GET, test_nodes, .permanent = true);
	static const struct mo_object mo = {
		.name = "Second",
		.moi = "com.example/1.0/Second",
		.path = ".",
		.description = "",
		.acl = "Exec=*&Get=*",
		.root = &root,
	};
	struct world *w = *state;
	struct thing second = {.num = "1"};

	assert_int_equal(dm_tree_mount(w->tree, &mo, &thing_ops, &second), 0);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_exec(w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_exec(w, "./Second/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(w), DM_UNSUPPORTED);
	assert_int_equal(w->thing.execs + second.execs, 0);
	assert_int_equal(w->thing.rolled_back, 1);
	assert_int_equal(second.rolled_back, 1);
	assert_false(dm_tree_unsettled(w->tree));
}

/* An object that does not take part in an Atomic is not changed in one. */
static void test_atomic_refused(void **state)
{
	static const struct dm_mount_ops alone = {
		.has = thing_has,
		.next = thing_next,
		.read = thing_read,
		.write = thing_write,
		.exec = thing_exec,
	};
	static const struct mo_node root =
		MO_INTERIOR("Alone", MO_GET, test_nodes, .permanent = true);
	static const struct mo_object mo = {
		.name = "Alone",
		.moi = "com.example/1.0/Alone",
		.path = "./Vendor/X",
		.description = "",
		.acl = "Exec=*&Get=*&Replace=*",
		.root = &root,
	};
	struct world *w = *state;

	assert_int_equal(dm_tree_mount(w->tree, &mo, &alone, &w->thing), 0);
	assert_int_equal(dm_tree_mount(w->tree, &mo, &alone, &w->thing), -EEXIST);
	assert_string_equal(w_get(w, "./Vendor"), "X");
	assert_int_equal(w_del(w, "./Vendor"), DM_NOT_ALLOWED);
	assert_int_equal(w_replace(w, "./Vendor/X/Alone/Num", "2"), DM_OK);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(w, "./Vendor/X/Alone/Num", "3"), DM_NOT_ALLOWED);
	assert_int_equal(w_exec(w, "./Vendor/X/Alone/Op"), DM_NOT_ALLOWED);
	assert_string_equal(w_get(w, "./Vendor/X/Alone/Num"), "2");
	assert_int_equal(w_rollback(w), DM_ROLLED_BACK);
	assert_int_equal(w->thing.execs, 0);
}

/* ---- over a restart ---------------------------------------------------------- */

static void test_restart(void **state)
{
	struct world w = {0};
	char dir[] = "/tmp/dm-tree-XXXXXX", path[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(world_open(&w, dir), 0);
	plant(&w);
	assert_int_equal(w_replace(&w, "./Test?prop=ACL", "Get=*&Exec=*"), DM_OK);
	assert_int_equal(w_begin(&w, DM_LEVEL_MESSAGE), DM_OK);
	assert_int_equal(w_replace(&w, "./A/One", "lost"), DM_OK);
	world_close(&w);
	snprintf(path, sizeof(path), "%s/dm.db", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(world_open(&w, dir), 0);
	assert_string_equal(w_get(&w, "./A/One"), "1");
	assert_string_equal(w_get(&w, "./A"), "B/B%2FC/One");
	assert_int_equal(w_replace(&w, "./Test/Num", "2"), DM_DENIED);
	assert_string_equal(w_get(&w, "./A/One?prop=VerNo"), "1");
	/* an Atomic that had not ended */
	assert_int_equal(w_begin(&w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(w_replace(&w, "./A/One", "2"), DM_OK);
	assert_int_equal(w_exec(&w, "./Test/Op"), DM_ACCEPTED);
	assert_int_equal(w_commit(&w), DM_PENDING);
	world_close(&w);
	assert_int_equal(world_open(&w, dir), 0);
	assert_true(dm_tree_unsettled(w.tree));
	assert_int_equal(w_begin(&w, DM_LEVEL_ATOMIC), DM_BUSY);
	w.resumes = 0;
	assert_int_equal(dm_tree_settle(w.tree, 0, DM_FAILED), 0);
	assert_int_equal(w.resumes, 0);
	assert_string_equal(w_get(&w, "./A/One"), "1");
	world_close(&w);

	/* an object that is not there any more does not show */
	w.store = NULL;
	assert_int_equal(store_open(&w.store, dir, "dm", (char[256]){0}, 256), 0);
	assert_int_equal(dm_tree_new(&w.tree, &(struct dm_tree_config){.store = w.store},
				     (char[256]){0}),
			 0);
	assert_string_equal(w_get(&w, "."), "A");
	assert_int_equal(w_stat(&w, "./Test"), DM_NOT_FOUND);
	assert_int_equal(w_stat(&w, "./Test/Num"), DM_NOT_FOUND);
	assert_int_equal(w_add(&w, "./Test/Num", "x"), DM_NOT_FOUND);
	assert_string_equal(w_get(&w, "./A/One?prop=TStamp"), "20231114T221320Z");
	world_close(&w);
	unlink(path);
	rmdir(dir);
}

/* Records that are none end the start, not the process. */
static void test_damaged(void **state)
{
	static const uint8_t key[] = {1, 'X', 0};
	struct world *w = *state;
	char why[DM_TREE_WORDS_MAX];
	struct dm_tree *t;

	for (size_t len = 0; len < 24; len++) {
		uint8_t rec[24] = {1, 255, 0};

		assert_int_equal(store_put(w->store, DM_KIND_TREE, key, 3, rec, len), 0);
		assert_int_equal(
			dm_tree_new(&t, &(struct dm_tree_config){.store = w->store}, why),
			-EIO);
		assert_non_null(strstr(why, "cannot be read"));
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_add_get),
		TEST(test_replace_delete),
		TEST(test_copy_exec),
		TEST(test_properties),
		TEST(test_verno_wraps),
		TEST(test_rename),
		TEST(test_acl),
		TEST(test_forget),
		TEST(test_acl_example),
		TEST(test_walk),
		TEST(test_walk_changes),
		TEST(test_described),
		TEST(test_watched),
		TEST(test_device),
		TEST(test_pieces),
		TEST(test_stream),
		TEST(test_read_changes),
		TEST(test_refused),
		TEST(test_children),
		TEST(test_occurs),
		TEST(test_limits),
		TEST(test_atomic),
		TEST(test_atomic_in_message),
		TEST(test_atomic_mount),
		TEST(test_atomic_two),
		TEST(test_atomic_refused),
		cmocka_unit_test(test_restart),
		TEST(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
