// SPDX-License-Identifier: Apache-2.0
/* Serialised trees: OMA-TS-DM_TNDS-V1_2; reading, writing, into the tree and out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm/mo-device.h"
#include "dm/syncml.h"
#include "dm/tnds.h"
#include "dm/wbxml.h"
#include "dm_tree_world.h"

static int setup(void **state)
{
	static const struct dm_device device = {.id = "urn:x"};
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	if (!w || world_open(w, NULL))
		return -1;
	return dm_device_mount(w->tree, &device) ||
	       dm_tree_describe(w->tree, &mo_dmacc, NULL, NULL);
}

static int teardown(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

#define TREE(nodes) "<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD>" nodes "</MgmtTree>"
#define RT(format, type) \
	"<RTProperties><Format><" format "/></Format><Type>" type "</Type></RTProperties>"
#define LEAF(name, value)       \
	"<Node><NodeName>" name \
	"</NodeName>" RT("chr", "<MIME>text/plain</MIME>") "<Value>" value "</Value></Node>"
#define NODE(name, more) "<Node><NodeName>" name "</NodeName>" more "</Node>"

/* ---- the reader -------------------------------------------------------------- */

static int read_nodes(const char *s, struct dm_tnds_node **n, struct dm_arena **arena)
{
	*arena = dm_arena_new(1U << 20);
	assert_non_null(*arena);
	return dm_tnds_read(*arena, (const uint8_t *)s, strlen(s), n);
}

static void test_read(void **state)
{
	static const char text[] =
		"<?xml version=\"1.0\"?>\n"
		"<!DOCTYPE MgmtTree PUBLIC '-//OMA//DTD-DM-DDF 1.2//EN' 'x'>\n"
		"<MgmtTree>\n <VerDTD>1.2</VerDTD>\n <Man>Example</Man>\n <Node>\n"
		"  <NodeName> srv </NodeName>\n  <Path>./DMAcc</Path>\n  <RTProperties>\n"
		"   <ACL>Get=*</ACL>\n   <Format><node/></Format>\n   <Title>A &amp; "
		"B</Title>\n"
		"   <Type><DDFName>urn:oma:mo:oma-dm-dmacc:1.0</DDFName></Type>\n"
		"  </RTProperties>\n  <Node><NodeName>A</NodeName><Value> x &lt; "
		"</Value></Node>\n"
		"  <Node><NodeName>B</NodeName>" RT(
			"bin",
			"<MIME>a/b</MIME>") "<Value>AQ\nI=</Value></Node>\n"
					    "  "
					    "<Node><NodeName>C</"
					    "NodeName><Value><![CDATA[<y>]]></Value></Node>\n"
					    "  <Node><NodeName>D</NodeName>" RT(
						    "xml",
						    "<MIME>text/xml</MIME>") "<Value><e "
									     "f=\"g\">h</e></"
									     "Value></Node>\n"
									     "  "
									     "<Node><NodeName>"
									     "E</NodeName></"
									     "Node>\n "
									     "</Node>\n</"
									     "MgmtTree>\n";
	struct dm_tnds_node *n;
	struct dm_arena *arena;

	(void)state;
	assert_int_equal(read_nodes(text, &n, &arena), 0);
	assert_string_equal(n->name, "srv");
	assert_string_equal(n->path, "./DMAcc");
	assert_string_equal(n->acl, "Get=*");
	assert_string_equal(n->title, "A & B");
	assert_string_equal(n->format, "node");
	assert_string_equal(n->type, "urn:oma:mo:oma-dm-dmacc:1.0");
	assert_null(n->next);
	n = n->kids;
	assert_string_equal(n->format, "chr");
	assert_string_equal((const char *)n->value, " x < ");
	n = n->next;
	assert_string_equal(n->format, "bin");
	assert_string_equal(n->type, "a/b");
	assert_int_equal(n->len, 2);
	assert_memory_equal(n->value, "\x01\x02", 2);
	n = n->next;
	assert_string_equal((const char *)n->value, "<y>");
	n = n->next;
	assert_string_equal((const char *)n->value, "<e f=\"g\">h</e>");
	n = n->next;
	assert_false(n->has_value);
	assert_null(n->next);
	dm_arena_free(arena);
}

static void test_read_bad(void **state)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{"", -EBADMSG},
		{"<MgmtTree/>", -EBADMSG},
		{"<Other><Node/></Other>", -EBADMSG},
		{TREE(""), -EBADMSG},
		{TREE("<Node><RTProperties/></Node>"), -EBADMSG},
		{TREE(NODE("A", NODE("B", ""))) "<x/>", -EBADMSG},
		{TREE(NODE("A", RT("bin", "<MIME>x</MIME>") "<Value>A*==</Value>")), -EBADMSG},
		{TREE(NODE("A", "<Value>x</Value>" NODE("B", ""))), -EBADMSG},
		{TREE(NODE("A", RT("chr", "<MIME>x</MIME>") NODE("B", ""))), -EBADMSG},
		{"<MgmtTree><VerDTD>2.0</VerDTD>" NODE("A", "") "</MgmtTree>", -ENOTSUP},
		{"<!DOCTYPE a [<!ENTITY b 'c'>]><MgmtTree>" NODE("&b;", "") "</MgmtTree>",
		 -EBADMSG},
		{"<MgmtTree>" NODE("A", ""), -EBADMSG},
	};
	struct dm_tnds_node *n;
	struct dm_arena *arena;
	char deep[4000] = "<MgmtTree>";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = read_nodes(bad[i].text, &n, &arena);

		if (r != bad[i].error)
			fail_msg("%s: %d", bad[i].text, r);
		dm_arena_free(arena);
	}
	for (int i = 0; i < 21; i++)
		strcat(deep, "<Node><NodeName>x</NodeName>");
	for (int i = 0; i < 21; i++)
		strcat(deep, "</Node>");
	strcat(deep, "</MgmtTree>");
	assert_int_equal(read_nodes(deep, &n, &arena), -E2BIG);
	dm_arena_free(arena);
}

static void test_read_many(void **state)
{
	struct dm_tnds_node *n;
	struct dm_arena *arena = dm_arena_new(16U << 20);
	struct model_buf b = {.max = 1U << 20};

	(void)state;
	model_buf_puts(&b, "<MgmtTree>");
	for (int i = 0; i <= DM_TNDS_NODES_MAX; i++)
		model_buf_puts(&b, "<Node><NodeName/></Node>");
	model_buf_puts(&b, "</MgmtTree>");
	assert_int_equal(dm_tnds_read(arena, b.p, b.len, &n), -E2BIG);
	model_buf_free(&b);
	dm_arena_free(arena);
}

/* ---- Add --------------------------------------------------------------------- */

static int add_tnds(struct world *w, const char *uri, const char *text)
{
	return w_put(w, DM_HOW_ADD, uri, "xml", DM_MIME_TNDS_XML, text);
}

static void test_add(void **state)
{
	static const char two[] =
		TREE(NODE("X", LEAF("One", "1") NODE("Sub", LEAF("Two", "2"))));
	struct world *w = *state;

	/* below the target, if it is there */
	assert_int_equal(add_tnds(w, ".", two), DM_OK);
	assert_string_equal(w_walk(w, "./X?list=Struct"),
			    "./X\n./X/One=\n./X/Sub\n./X/Sub/Two=\n");
	assert_string_equal(w_get(w, "./X/Sub/Two"), "2");
	assert_int_equal(add_tnds(w, "./X", two), DM_OK);
	assert_string_equal(w_get(w, "./X/X/One"), "1");
	/* twice is too often: leaves are there already; nothing is done */
	assert_int_equal(add_tnds(w, ".", two), DM_EXISTS);
	/* what is there already and has nodes below is on the way */
	assert_int_equal(add_tnds(w, ".", TREE(NODE("X", LEAF("Three", "3")))), DM_OK);
	/* the target itself, if it is not there */
	assert_int_equal(add_tnds(w, "./Y", TREE(NODE("Y", LEAF("One", "1")))), DM_OK);
	assert_int_equal(add_tnds(w, "./Z", TREE(NODE("", LEAF("One", "1")))), DM_OK);
	assert_string_equal(w_get(w, "./Z/One"), "1");
	assert_int_equal(add_tnds(w, "./Q", TREE(NODE("R", LEAF("One", "1")))), DM_BAD_REQUEST);
	assert_int_equal(add_tnds(w, "./None/Q", TREE(NODE("Q", LEAF("One", "1")))),
			 DM_NOT_FOUND);
	/* all or nothing */
	assert_int_equal(add_tnds(w, ".", TREE(NODE("N", LEAF("One", "1") LEAF("One", "2")))),
			 DM_EXISTS);
	assert_int_equal(w_stat(w, "./N"), DM_NOT_FOUND);
	assert_int_equal(add_tnds(w, ".", TREE(NODE("N", LEAF("One", "1")) NODE("..", ""))),
			 DM_BAD_REQUEST);
	assert_int_equal(w_stat(w, "./N"), DM_NOT_FOUND);
	assert_int_equal(add_tnds(w, ".", "<MgmtTree>"), DM_BAD_REQUEST);
	/* rights are those of each node */
	w->server = OTHER;
	assert_int_equal(
		add_tnds(w, ".", TREE("<Node><NodeName>V</NodeName><Path>./X</Path></Node>")),
		DM_OK);
	w->server = SERVER;
	assert_int_equal(w_replace(w, "./Z?prop=ACL", "Get=*"), DM_OK);
	assert_int_equal(add_tnds(w, "./Z", TREE(NODE("V", ""))), DM_DENIED);
	/* a mount does not take back */
	assert_int_equal(add_tnds(w, "./Test/Item", TREE(NODE("a", LEAF("Val", "v")))),
			 DM_NOT_ALLOWED);
	assert_int_equal(w_begin(w, DM_LEVEL_ATOMIC), DM_OK);
	assert_int_equal(add_tnds(w, "./Test/Item", TREE(NODE("a", LEAF("Val", "v")))), DM_OK);
	assert_int_equal(w_commit(w), DM_OK);
	assert_string_equal(w_get(w, "./Test/Item/a/Val"), "v");
}

static const char account[] = TREE(NODE(
	"", "%s" RT("node", "<DDFName>urn:oma:mo:oma-dm-dmacc:1.0</DDFName>") LEAF(
		    "AppID", "w7") LEAF("ServerID", "com.example.dm")
		    NODE("AppAddr", NODE("1", LEAF("Addr", "https://dm.example.com/"))) NODE(
			    "AppAuth",
			    NODE("1", LEAF("AAuthLevel", "CLCRED") NODE(
					      "AAuthSecret",
					      RT("bin", "<MIME>x/y</MIME>") "<Value>c2VjcmV0</"
									    "Value>")))));

static void test_inbox(void **state)
{
	struct world *w = *state;
	char text[4096];
	uint8_t *p;
	size_t n;

	/* by its identifier, and with a name that the client finds */
	snprintf(text, sizeof(text), account, "");
	w->server = NULL; /* the device itself */
	assert_int_equal(add_tnds(w, "./Inbox", text), DM_OK);
	w->server = SERVER;
	assert_string_equal(w_get(w, "./DMAcc"), "1");
	assert_string_equal(w_get(w, "./DMAcc/1/AppAddr/1/Addr"), "https://dm.example.com/");
	assert_int_equal(dm_tree_get(w->tree, "./DMAcc/1/AppAuth/1/AAuthSecret", &p, &n), 0);
	assert_int_equal(n, 6);
	assert_memory_equal(p, "secret", 6);
	free(p);
	/* another one, with a Path, by a server, which has to be allowed */
	snprintf(text, sizeof(text), account, "<Path>./DMAcc</Path>");
	assert_int_equal(add_tnds(w, "./Inbox", text), DM_DENIED);
	assert_int_equal(dm_tree_acl(w->tree, "./DMAcc", "Add=*&Get=*"), 0);
	assert_int_equal(add_tnds(w, "./Inbox", text), DM_OK);
	assert_string_equal(w_get(w, "./DMAcc"), "1/2");
	assert_string_equal(w_get(w, "./DMAcc/2/AppAuth/1/AAuthLevel"), "CLCRED");
	assert_int_equal(w_stat(w, "./DMAcc/2/AppAuth/1/AAuthSecret"), DM_NOT_ALLOWED);
	assert_int_equal(add_tnds(w, "./Inbox/x", text), DM_OK);
	assert_string_equal(w_get(w, "./DMAcc"), "1/2/3");
	/* of an object that nobody knows */
	assert_int_equal(
		add_tnds(w, "./Inbox", TREE(NODE("A", RT("node", "<DDFName>x</DDFName>")))),
		DM_NOT_FOUND);
	/* a description does not take what it does not have */
	assert_int_equal(add_tnds(w, "./DMAcc", TREE(NODE("4", LEAF("Bogus", "x")))),
			 DM_NOT_ALLOWED);
	assert_string_equal(w_get(w, "./DMAcc"), "1/2/3");
}

/* Lists and titles come with the nodes; a Path leads to what is below the target. */
static void test_with_rights(void **state)
{
	static const char text[] =
		TREE("<Node><NodeName>N</NodeName>%s<RTProperties><ACL>%s</ACL>"
		     "<Format><node/></Format><Title>A title</Title><Type><DDFName/></Type>"
		     "</RTProperties>" LEAF("One", "1") "</Node>");
	struct world *w = *state;
	char s[1024];

	assert_int_equal(w_add(w, "./P", NULL), DM_OK);
	assert_int_equal(w_add(w, "./P/Q", NULL), DM_OK);
	snprintf(s, sizeof(s), text, "", "Get=" SERVER "&amp;Add=" SERVER);
	assert_int_equal(add_tnds(w, "./P", s), DM_OK);
	assert_string_equal(w_get(w, "./P/N?prop=ACL"), "Get=" SERVER "&Add=" SERVER);
	assert_string_equal(w_get(w, "./P/N?prop=Title"), "A title");
	snprintf(s, sizeof(s), text, "<Path>./P/Q</Path>", "Get=*&amp;Add=*");
	assert_int_equal(add_tnds(w, "./P", s), DM_OK);
	assert_string_equal(w_get(w, "./P/Q/N/One"), "1");
	snprintf(s, sizeof(s), text, "<Path>.</Path>", "Get=*&amp;Add=*");
	assert_int_equal(add_tnds(w, "./P", s), DM_BAD_REQUEST);
	snprintf(s, sizeof(s), text, "<Path>./P/Q?prop=ACL</Path>", "Get=*");
	assert_int_equal(add_tnds(w, "./P", s), DM_BAD_REQUEST);
	snprintf(s, sizeof(s), text, "", "Nonsense");
	assert_int_equal(add_tnds(w, ".", s), DM_BAD_REQUEST);
	/* a list that the document gives counts for what is below as well */
	snprintf(s, sizeof(s), text, "", "Get=*");
	assert_int_equal(add_tnds(w, ".", s), DM_DENIED);
	assert_int_equal(w_stat(w, "./N"), DM_NOT_FOUND);
	assert_int_equal(add_tnds(w, "./None", "<MgmtTree><VerDTD>3</VerDTD></MgmtTree>"),
			 DM_BAD_FORMAT);
}

static void test_pieces(void **state)
{
	static const char text[] = TREE(NODE("P", LEAF("One", "1")));
	struct world *w = *state;
	const struct dm_req req = world_req(w);
	int r = DM_BUFFERED;

	for (size_t at = 0; at < strlen(text); at += 10) {
		struct dm_put put = {
			.format = "xml",
			.type = DM_MIME_TNDS_XML,
			.total = strlen(text),
			.offset = at,
			.data = (const uint8_t *)text + at,
			.len = strlen(text) - at < 10 ? strlen(text) - at : 10,
			.has_data = true,
			.last = at + 10 >= strlen(text),
		};

		assert_int_equal(r, DM_BUFFERED);
		r = dm_tree_ops()->write(w->tree, &req, DM_HOW_ADD, ".", &put);
	}
	assert_int_equal(r, DM_OK);
	assert_string_equal(w_get(w, "./P/One"), "1");
}

static void test_wbxml(void **state)
{
	static const char text[] = TREE(NODE("W", LEAF("One", "1")));
	struct world *w = *state;
	const struct dm_req req = world_req(w);
	struct model_buf b = {.max = 4096};
	struct dm_put put = {
		.format = "bin",
		.type = DM_MIME_TNDS_WBXML,
		.total = DM_SIZE_UNKNOWN,
		.has_data = true,
		.last = true,
	};

	assert_int_equal(dm_wbxml_from_tnds((const uint8_t *)text, strlen(text), &b), 0);
	put.data = b.p;
	put.len = b.len;
	assert_int_equal(dm_tree_ops()->write(w->tree, &req, DM_HOW_ADD, ".", &put), DM_OK);
	assert_string_equal(w_get(w, "./W/One"), "1");
	put.len--;
	assert_int_equal(dm_tree_ops()->write(w->tree, &req, DM_HOW_ADD, ".", &put),
			 DM_BAD_REQUEST);
	model_buf_free(&b);
}

/* ---- Get --------------------------------------------------------------------- */

static void test_get(void **state)
{
	struct world *w = *state;

	assert_int_equal(w_add(w, "./G", NULL), DM_OK);
	assert_int_equal(w_add(w, "./G/A", "<&>"), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./G/B", "bin", "x/y", "\xff\x01"), DM_OK);
	assert_int_equal(w_add(w, "./G/C", NULL), DM_OK);
	assert_int_equal(w_add(w, "./G/C/D", ""), DM_OK);
	assert_string_equal(
		w_get(w, "./G?list=TNDS"),
		"<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>"
		"<Node><NodeName>G</NodeName><Path>.</Path><RTProperties>"
		"<ACL>Add=*&amp;Delete=com.example.dm&amp;Get=*&amp;Replace=com.example.dm</"
		"ACL>"
		"<Format><node/></Format><Name>G</Name><TStamp>20231114T221320Z</TStamp>"
		"<Type><DDFName></DDFName></Type><VerNo>4</VerNo></RTProperties>"
		"<Node><NodeName>A</NodeName><RTProperties><Format><chr/></Format>"
		"<Name>A</Name><Size>3</Size><TStamp>20231114T221320Z</TStamp>"
		"<Type><MIME>text/plain</MIME></Type><VerNo>1</VerNo></RTProperties>"
		"<Value>&lt;&amp;&gt;</Value></Node>"
		"<Node><NodeName>B</NodeName><RTProperties><Format><b64/></Format>"
		"<Name>B</Name><Size>2</Size><TStamp>20231114T221320Z</TStamp>"
		"<Type><MIME>x/y</MIME></Type><VerNo>1</VerNo></RTProperties>"
		"<Value>/wE=</Value></Node>"
		"<Node><NodeName>C</NodeName><RTProperties><Format><node/></Format>"
		"<Name>C</Name><TStamp>20231114T221320Z</TStamp>"
		"<Type><DDFName></DDFName></Type><VerNo>2</VerNo></RTProperties>"
		"<Node><NodeName>D</NodeName><RTProperties><Format><chr/></Format>"
		"<Name>D</Name><Size>0</Size><TStamp>20231114T221320Z</TStamp>"
		"<Type><MIME>text/plain</MIME></Type><VerNo>1</VerNo></RTProperties>"
		"<Value></Value></Node></Node></Node></MgmtTree>");
	assert_string_equal(w_get(w, "./G/C/D?list=TNDS+Format-Value"),
			    "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>"
			    "<Node><NodeName>D</NodeName><Path>./G/C</Path><RTProperties>"
			    "<Format><chr/></Format><Name>D</Name></RTProperties></Node>"
			    "</MgmtTree>");
	assert_string_equal(w_get(w, "./G/C/D?list=TNDS+Value"),
			    "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>"
			    "<Node><NodeName>D</NodeName><Path>./G/C</Path><RTProperties>"
			    "<Name>D</Name></RTProperties><Value></Value></Node></MgmtTree>");
	/* what cannot be read is not there */
	assert_null(strstr(w_get(w, "./Test?list=TNDS"), "Secret"));
	assert_non_null(strstr(w_get(w, "./Test?list=TNDS"), "<NodeName>Num</NodeName>"));
	w->server = OTHER;
	assert_int_equal(dm_tree_acl(w->tree, "./G/C", "Get=" SERVER), 0);
	assert_null(strstr(w_get(w, "./G?list=TNDS"), "<NodeName>C"));
	assert_int_equal(w_stat(w, "./G/C?list=TNDS"), DM_DENIED);
}

/* What comes out goes in again, and is the same. */
static void test_there_and_back(void **state)
{
	static const char uri[] = "./Src?list=TNDS-ACL-TStamp-VerNo";
	struct world *w = *state;
	char first[4096];

	assert_int_equal(w_add(w, "./Src", NULL), DM_OK);
	assert_int_equal(w_add(w, "./Src/text", " two\n lines & more "), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./Src/bin", "bin", NULL, "\x01\xfe"), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./Src/int", "int", NULL, "-5"), DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./Src/xml", "xml", "text/xml", "<a b=\"c\"/>"),
			 DM_OK);
	assert_int_equal(w_put(w, DM_HOW_ADD, "./Src/sub", "node", "com.example/x", NULL),
			 DM_OK);
	assert_int_equal(w_add(w, "./Src/sub/a%2Fb", ""), DM_OK);
	assert_int_equal(w_replace(w, "./Src/text?prop=Title", "A title"), DM_OK);
	snprintf(first, sizeof(first), "%s", w_get(w, uri));
	assert_int_equal(w_del(w, "./Src"), DM_OK);
	assert_int_equal(add_tnds(w, ".", first), DM_OK);
	assert_string_equal(w_get(w, uri), first);
	assert_string_equal(w_get(w, "./Src/xml"), "<a b=\"c\"/>");
	assert_string_equal(w_get(w, "./Src/text?prop=Title"), "A title");
}

static void test_get_large(void **state)
{
	struct world *w = *state;
	char *big = malloc(DM_VALUE_MAX + 1);

	assert_non_null(big);
	memset(big, '&', DM_VALUE_MAX);
	big[DM_VALUE_MAX] = 0;
	assert_int_equal(w_add(w, "./Big", big), DM_OK);
	assert_int_equal(w_stat(w, "./Big?list=TNDS"), DM_TOO_LARGE);
	assert_int_equal(w_stat(w, "./Big"), DM_OK);
	free(big);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_bad),
		cmocka_unit_test(test_read_many),
		TEST(test_add),
		TEST(test_inbox),
		TEST(test_with_rights),
		TEST(test_pieces),
		TEST(test_wbxml),
		TEST(test_get),
		TEST(test_there_and_back),
		TEST(test_get_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
