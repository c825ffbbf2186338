// SPDX-License-Identifier: Apache-2.0
/*
 * SyncML messages in XML and WBXML. The WBXML of package 1 is what xml2wbxml of libwbxml2
 * makes (-v 1.2 -n), which is what the SyncML reference toolkit writes too; what this writer
 * makes is read by libwbxml2.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wbxml/wbxml.h>

#include <cmocka.h>

#include "dm/syncml-dom.h"
#include "dm/syncml.h"
#include "dm/wbxml-tags.h"
#include "dm/wbxml.h"

#define R(s) s, sizeof(s) - 1
#define HEAD \
	"<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD></SyncHdr><SyncBody>"
#define TAIL "</SyncBody></SyncML>"

/* from the heap, so that ASan sees what is read beyond the end */
static int parse(enum dm_coding coding, const void *p, size_t len,
		 const struct dm_limits *limits, struct dm_msg *m)
{
	uint8_t *copy = malloc(len ? len : 1);
	char words[DM_WORDS_MAX];
	int e;

	assert_non_null(copy);
	memcpy(copy, p, len);
	e = dm_msg_parse(coding, copy, len, limits, m, words);
	assert_true(e == 0 ? !words[0] && m->arena : words[0] && !m->arena);
	free(copy);
	return e;
}

static void xml(const char *s, struct dm_msg *m)
{
	char words[DM_WORDS_MAX];

	if (dm_msg_parse(DM_XML, (const uint8_t *)s, strlen(s), NULL, m, words) < 0)
		fail_msg("%s: %s", words, s);
}

/* the message written anew */
static char *written(enum dm_coding coding, const struct dm_msg *m, size_t *len)
{
	struct dm_out *o;
	const uint8_t *p;
	size_t n;
	char *s;

	assert_int_equal(dm_out_new(&o, coding, 1 << 20), 0);
	assert_int_equal(dm_out_begin(o, &m->hdr), 0);
	for (const struct dm_cmd *c = m->cmds; c; c = c->next)
		assert_int_equal(dm_out_cmd(o, c), 0);
	assert_int_equal(dm_out_end(o, m->final, &p, &n), 0);
	s = malloc(n + 1);
	assert_non_null(s);
	memcpy(s, p, n);
	s[n] = '\0';
	if (len)
		*len = n;
	dm_out_free(o);
	return s;
}

static void same(const struct dm_msg *a, const struct dm_msg *b)
{
	char *x = written(DM_XML, a, NULL), *y = written(DM_XML, b, NULL);

	assert_string_equal(x, y);
	free(x);
	free(y);
}

static const char package_1[] =
	"<?xml version='1.0' encoding='UTF-8'?>\n"
	"<!DOCTYPE SyncML PUBLIC '-//SYNCML//DTD SyncML 1.2//EN' 'http://x.example/dtd'>\n"
	"<SyncML xmlns='SYNCML:SYNCML1.2'>\n"
	" <SyncHdr><VerDTD>1.2</VerDTD> "
	"<VerProto>DM/1.2</VerProto><SessionID>1A2B</SessionID>\n"
	"  <MsgID> 1 </MsgID><Target><LocURI>http://dm.example.com/</LocURI></Target>"
	"<Source><LocURI>IMEI:493005100592800</LocURI><LocName>Bruce2</LocName></Source>"
	"<Cred><Meta><Format xmlns='syncml:metinf'>b64</Format>"
	"<Type xmlns='syncml:metinf'>syncml:auth-md5</Type></Meta>"
	"<Data>Zz6EivR3yeaaENcRN6lpAQ==</Data></Cred>"
	"<Meta><MaxMsgSize xmlns='syncml:metinf'>16384</MaxMsgSize>"
	"<MaxObjSize xmlns='syncml:metinf'>65536</MaxObjSize></Meta></SyncHdr>\n"
	" <SyncBody><Alert><CmdID>1</CmdID><Data>1201</Data></Alert>"
	"<Replace><CmdID>2</CmdID>"
	"<Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Meta>"
	"<Format xmlns='syncml:metinf'>chr</Format><Type "
	"xmlns='syncml:metinf'>text/plain</Type>"
	"</Meta><Data>IMEI:493005100592800</Data></Item>"
	"<Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>a &lt;&amp;&#x20AC; "
	"b</Data>"
	"</Item></Replace><Final/></SyncBody></SyncML>\n";

static void check_package_1(const struct dm_msg *m)
{
	const struct dm_cmd *c = m->cmds;

	assert_string_equal(m->hdr.ver_dtd, "1.2");
	assert_string_equal(m->hdr.ver_proto, "DM/1.2");
	assert_string_equal(m->hdr.session_id, "1A2B");
	assert_string_equal(m->hdr.msg_id, "1");
	assert_string_equal(m->hdr.target, "http://dm.example.com/");
	assert_string_equal(m->hdr.source, "IMEI:493005100592800");
	assert_string_equal(m->hdr.source_name, "Bruce2");
	assert_null(m->hdr.resp_uri);
	assert_int_equal(m->hdr.meta.max_msg, 16384);
	assert_int_equal(m->hdr.meta.max_obj, 65536);
	assert_string_equal(m->hdr.cred->type, "syncml:auth-md5");
	assert_int_equal(m->hdr.cred->len, 16);
	assert_int_equal(m->hdr.cred->data[0], 0x67);
	assert_true(m->final);
	assert_int_equal(m->n_cmds, 2);
	assert_int_equal(c->kind, DM_ALERT);
	assert_int_equal(c->code, 1201);
	assert_string_equal(c->cmd_id, "1");
	assert_null(c->items);
	c = c->next;
	assert_int_equal(c->kind, DM_REPLACE);
	assert_string_equal(c->items->source, "./DevInfo/DevId");
	assert_string_equal(c->items->meta.format, "chr");
	assert_int_equal(c->items->form, DM_FORM_TEXT);
	assert_memory_equal(c->items->data, "IMEI:493005100592800", c->items->len);
	assert_null(c->items->next->meta.format);
	assert_int_equal(c->items->next->len, strlen("a <&\xe2\x82\xac b"));
	assert_memory_equal(c->items->next->data, "a <&\xe2\x82\xac b", c->items->next->len);
	assert_null(c->items->next->next);
	assert_null(c->next);
}

static void test_package_1(void **state)
{
	WBXMLConvXML2WBXML *conv;
	struct dm_msg m, w;
	uint8_t *made;
	unsigned int n;
	size_t len;
	char *ours;

	(void)state;
	xml(package_1, &m);
	check_package_1(&m);
	/* libwbxml2's WBXML of the same */
	assert_int_equal(wbxml_conv_xml2wbxml_create(&conv), WBXML_OK);
	wbxml_conv_xml2wbxml_set_version(conv, WBXML_VERSION_12);
	wbxml_conv_xml2wbxml_disable_string_table(conv);
	assert_int_equal(wbxml_conv_xml2wbxml_run(conv, (uint8_t *)(uintptr_t)package_1,
						  sizeof(package_1) - 1, &made, &n),
			 WBXML_OK);
	wbxml_conv_xml2wbxml_destroy(conv);
	assert_int_equal(parse(DM_WBXML, made, n, NULL, &w), 0);
	check_package_1(&w);
	same(&m, &w);
	/* and ours are the very same octets */
	ours = written(DM_WBXML, &m, &len);
	assert_int_equal(len, n);
	assert_memory_equal(ours, made, n);
	free(ours);
	free(made);
	dm_msg_free(&w);
	dm_msg_free(&m);
	dm_msg_free(&m);
}

/* what xml2wbxml -v 1.2 -n makes: string table empty, public identifier 1201 */
static const char golden[] = "\x02\xa4\x01\x6a\x00\x6d\x6c\x71\x03"
			     "1.2\0\x01\x72\x03"
			     "DM/1.2\0\x01\x65\x03"
			     "1\0\x01"
			     "\x5b\x03"
			     "1\0\x01\x6e\x57\x03"
			     "http://x\0\x01\x01\x67\x57\x03"
			     "IMEI:1\0\x01\x01\x01"
			     "\x6b\x60\x4b\x03"
			     "1\0\x01\x54\x67\x57\x03"
			     "./DevInfo/Man\0\x01\x01\x5a\x00\x01\x47\x03"
			     "b64\0\x01\x53\x03"
			     "application/octet-stream\0\x01\x01\x00\x00\x4f\xc3\x08"
			     "AAEC/zw="
			     "\x01\x01\x01\x12\x01\x01";

static void test_golden_wbxml(void **state)
{
	struct dm_msg m;

	(void)state;
	assert_int_equal(parse(DM_WBXML, golden, sizeof(golden) - 1, NULL, &m), 0);
	assert_string_equal(m.hdr.target, "http://x");
	assert_string_equal(m.cmds->items->source, "./DevInfo/Man");
	assert_string_equal(m.cmds->items->meta.format, "b64");
	assert_string_equal(m.cmds->items->meta.type, "application/octet-stream");
	assert_int_equal(m.cmds->items->form, DM_FORM_RAW);
	assert_int_equal(m.cmds->items->len, 5);
	assert_memory_equal(m.cmds->items->data, "\0\1\2\xff<", 5);
	assert_true(m.final);
	dm_msg_free(&m);
	for (size_t i = 0; i < sizeof(golden) - 1; i++)
		assert_int_equal(parse(DM_WBXML, golden, i, NULL, &m), -EBADMSG);
	assert_int_equal(parse(DM_WBXML, golden, sizeof(golden), NULL, &m), -EBADMSG);
}

static void test_commands(void **state)
{
	static const char in[] = HEAD
		"<Status><CmdID>1</CmdID><MsgRef>2</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>"
		"<TargetRef>http://a</TargetRef><SourceRef>IMEI:1</SourceRef>"
		"<Chal><Meta><Format xmlns=\"syncml:metinf\">b64</Format>"
		"<Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>"
		"<NextNonce xmlns=\"syncml:metinf\">Tm9uY2U=</NextNonce></Meta></Chal>"
		"<Data>401</Data></Status>"
		"<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>3</CmdRef>"
		"<Item><Source><LocURI>./A</LocURI></Source><Meta>"
		"<Format xmlns=\"syncml:metinf\">b64</Format>"
		"<Size xmlns=\"syncml:metinf\">99</Size></Meta>"
		"<Data>AAEC/w==</Data><MoreData/></Item></Results>"
		"<Alert><CmdID>3</CmdID><Data>1226</Data><Correlator>c1</Correlator>"
		"<Item><Source><LocURI>./A/B</LocURI></Source><Meta>"
		"<Format xmlns=\"syncml:metinf\">int</Format>"
		"<Type xmlns=\"syncml:metinf\">com.example:x</Type>"
		"<Mark "
		"xmlns=\"syncml:metinf\">critical</Mark></Meta><Data>1200</Data></Item></Alert>"
		"<Exec><CmdID>4</CmdID><NoResp/><Correlator>c2</Correlator>"
		"<Item><Target><LocURI>./A/Run</LocURI></Target></Item></Exec>"
		"<Atomic><CmdID>5</CmdID><Sequence><CmdID>6</CmdID>"
		"<Delete><CmdID>7</CmdID><Item><Target><LocURI>./B</LocURI></Target></Item></"
		"Delete>"
		"<Copy><CmdID>8</CmdID><Item><Target><LocURI>./C</LocURI></Target>"
		"<Source><LocURI>./D</LocURI></Source></Item></Copy></Sequence>"
		"<Get><CmdID>9</CmdID><Item><Target><LocURI>./E?list=TNDS</LocURI></Target></"
		"Item>"
		"</Get></Atomic>"
		"<Add><CmdID>10</CmdID><Item><Target><LocURI>./F</LocURI></Target><Data/></"
		"Item>"
		"</Add>" TAIL;
	static const enum dm_coding codings[] = {DM_XML, DM_WBXML};
	const struct dm_cmd *c;
	struct dm_msg m, again;
	size_t len;
	char *s;

	(void)state;
	xml(in, &m);
	assert_false(m.final);
	assert_int_equal(m.n_cmds, 10);
	c = m.cmds;
	assert_int_equal(c->kind, DM_STATUS);
	assert_int_equal(c->code, 401);
	assert_true(c->chal && c->chal_meta.has_nonce);
	assert_int_equal(c->chal_meta.nonce_len, 5);
	assert_memory_equal(c->chal_meta.nonce, "Nonce", 5);
	assert_string_equal(c->cmd, "SyncHdr");
	c = c->next;
	assert_int_equal(c->kind, DM_RESULTS);
	assert_true(c->items->more && c->items->meta.has_size);
	assert_int_equal(c->items->meta.size, 99);
	assert_int_equal(c->items->form, DM_FORM_RAW);
	assert_int_equal(c->items->len, 4);
	c = c->next;
	assert_string_equal(c->correlator, "c1");
	assert_string_equal(c->items->meta.mark, "critical");
	c = c->next;
	assert_true(c->no_resp);
	assert_string_equal(c->correlator, "c2");
	c = c->next;
	assert_int_equal(c->kind, DM_ATOMIC);
	assert_false(c->child);
	assert_true(c->children->child);
	assert_int_equal(c->children->kind, DM_SEQUENCE);
	assert_int_equal(c->children->children->next->kind, DM_COPY);
	assert_string_equal(c->children->children->next->items->source, "./D");
	assert_int_equal(c->children->next->kind, DM_GET);
	c = c->next;
	assert_true(c->items->has_data);
	assert_int_equal(c->items->len, 0);
	assert_null(c->next);
	for (size_t i = 0; i < 2; i++) {
		s = written(codings[i], &m, &len);
		assert_int_equal(parse(codings[i], s, len, NULL, &again), 0);
		same(&m, &again);
		dm_msg_free(&again);
		free(s);
	}
	s = written(DM_XML, &m, NULL);
	/* the order of the DTD, nothing lost */
	assert_string_equal(strstr(s, "<Status>"), strstr(in, "<Status>"));
	free(s);
	dm_msg_free(&m);
}

static void test_unknown(void **state)
{
	struct dm_msg m;

	(void)state;
	xml(HEAD "<Sync><CmdID>1</CmdID></Sync><Foo><CmdID>2</CmdID><Add/></Foo>"
		 "<Get><CmdID>3</CmdID><Lang>en</Lang></Get><Bar/><Final/>" TAIL,
	    &m);
	assert_int_equal(m.cmds->kind, DM_UNKNOWN);
	assert_string_equal(m.cmds->name, "Sync");
	assert_string_equal(m.cmds->next->name, "Foo");
	assert_string_equal(m.cmds->next->cmd_id, "2");
	assert_null(m.cmds->next->children);
	assert_int_equal(m.cmds->next->next->kind, DM_GET);
	assert_null(m.cmds->next->next->next->cmd_id);
	assert_true(m.final);
	dm_msg_free(&m);
	/* tokens that no table has, in WBXML */
	assert_int_equal(parse(DM_WBXML,
			       R("\x02\xa4\x01\x6a\x00\x6d\x2c\x6b\x7f\x4b\x03"
				 "1\0\x01\x01\x00\x07\x05\x00\x00\x12\x01\x01"),
			       NULL, &m),
			 0);
	assert_int_equal(m.cmds->kind, DM_UNKNOWN);
	assert_string_equal(m.cmds->name, "Unknown-0-3f");
	assert_string_equal(m.cmds->cmd_id, "1");
	assert_string_equal(m.cmds->next->name, "Unknown-7-05");
	dm_msg_free(&m);
}

static void test_meta(void **state)
{
	struct dm_msg m;
	struct dm_item *it;

	(void)state;
	/* what the command says is for all its items; MetInf may be spelt out */
	xml(HEAD
	    "<Add><CmdID>1</CmdID><Meta><Format>b64</Format><Type>a/b</Type></Meta>"
	    "<Item><Data>QQ==</Data></Item>"
	    "<Item><Meta><MetInf><Format>chr</Format></MetInf></Meta><Data>QQ==</Data></Item>"
	    "<Item><Data>Q Q\n=\t=</Data></Item><Item><Data>QQ=</Data></Item>"
	    "<Item><Data>QR==</Data></Item>"
	    "<Item><Meta><Size>-1</Size></Meta><Data>  </Data></Item></Add>" TAIL,
	    &m);
	it = m.cmds->items;
	assert_string_equal(it->meta.type, "a/b");
	assert_true(it->form == DM_FORM_RAW && it->len == 1 && it->data[0] == 'A');
	it = it->next;
	assert_string_equal(it->meta.type, "a/b");
	assert_true(it->form == DM_FORM_TEXT && it->len == 4);
	it = it->next;
	assert_true(it->form == DM_FORM_RAW && it->len == 1);
	it = it->next;
	assert_true(it->form == DM_FORM_B64 && it->len == 3);
	it = it->next;
	assert_int_equal(it->form, DM_FORM_B64);
	it = it->next;
	assert_false(it->meta.has_size);
	assert_true(it->form == DM_FORM_RAW && it->len == 0);
	dm_msg_free(&m);
	/* white space of a value is the value's, between elements it is nobody's */
	xml(HEAD "\n <Add>\n <Item>\n <Target> <LocURI>\n ./A </LocURI> </Target>\n"
		 " <Data> x\n </Data></Item></Add>" TAIL,
	    &m);
	assert_string_equal(m.cmds->items->target, "./A");
	assert_int_equal(m.cmds->items->len, 4);
	assert_memory_equal(m.cmds->items->data, " x\n ", 4);
	dm_msg_free(&m);
}

static void test_b64_pieces(void **state)
{
	static const char text[] = "QUJDREVGR0g=";
	uint8_t out[32];

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct dm_b64 st = {0};
		size_t a, b;

		assert_int_equal(dm_b64_feed(&st, (const uint8_t *)text, cut, out, &a), 0);
		assert_int_equal(dm_b64_feed(&st, (const uint8_t *)text + cut,
					     sizeof(text) - 1 - cut, out + a, &b),
				 0);
		assert_int_equal(a + b, 8);
		assert_memory_equal(out, "ABCDEFGH", 8);
		assert_int_equal(st.n, 0);
	}
	for (const char *const *s = (const char *const[]){"=", "A=", "AB=C", "QUI==", "AB==",
							  "ABC=", "QUI=Q", "QQ===", "A*", NULL};
	     *s; s++) {
		struct dm_b64 st = {0};
		size_t n;
		int e = dm_b64_feed(&st, (const uint8_t *)*s, strlen(*s), out, &n);

		if (e == 0 && st.n == 0)
			fail_msg("%s", *s);
	}
}

static void test_markup(void **state)
{
#define TREE                                                                                   \
	"<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD><Node><NodeName>x</NodeName>" \
	"<RTProperties><Format><chr/></Format><Type><MIME>text/plain</MIME></Type>"            \
	"</RTProperties><Value>  a &lt;b</Value></Node></MgmtTree>"
	struct model_buf b = {.max = 1 << 16};
	struct dm_msg m, w;
	struct dm_item *it;
	size_t len;
	char *s;

	(void)state;
	xml(HEAD
	    "<Add><CmdID>1</CmdID><Item><Target><LocURI>./Inbox/1</LocURI></Target>"
	    "<Meta><Format>xml</Format><Type>application/vnd.syncml.dmtnds+xml</Type></Meta>"
	    "<Data>\n " TREE "\n </Data></Item></Add>" TAIL,
	    &m);
	it = m.cmds->items;
	assert_int_equal(it->form, DM_FORM_MARKUP);
	assert_int_equal(it->len, strlen(TREE));
	assert_memory_equal(it->data, TREE, it->len);
	/* in WBXML it is a document within, and comes back as the same */
	s = written(DM_WBXML, &m, &len);
	assert_non_null(memmem(s, len, DM_MIME_TNDS_WBXML, strlen(DM_MIME_TNDS_WBXML)));
	assert_non_null(memmem(s, len, DM_WBXML_DDF_FPI, strlen(DM_WBXML_DDF_FPI)));
	assert_int_equal(parse(DM_WBXML, s, len, NULL, &w), 0);
	same(&m, &w);
	free(s);
	dm_msg_free(&w);
	dm_msg_free(&m);
	/* elements of page 2 right in the Data, as others have it */
	assert_int_equal(
		parse(DM_WBXML,
		      R("\x02\xa4\x01\x6a\x00\x6d\x2c\x6b\x45\x54\x4f\x00\x02\x60\x77\x03"
			"1.2\0\x01\x01\x01\x01\x01\x01\x01"),
		      NULL, &m),
		0);
	it = m.cmds->items;
	assert_int_equal(it->form, DM_FORM_MARKUP);
	s = strndup((const char *)it->data, it->len);
	assert_string_equal(
		s, "<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD></MgmtTree>");
	free(s);
	dm_msg_free(&m);
	/* attributes and prefixes of other markup */
	xml(HEAD "<Add><Item><Data><a:b xmlns:a='u:1' xmlns:c='u:2' c:d='&quot;' e='f' c:g=''>t"
		 "<h xmlns='u:3'/></a:b></Data></Item></Add>" TAIL,
	    &m);
	it = m.cmds->items;
	s = strndup((const char *)it->data, it->len);
	assert_string_equal(s,
			    "<b xmlns=\"u:1\" xmlns:c=\"u:2\" c:d=\"&quot;\" e=\"f\" c:g=\"\">t"
			    "<h xmlns=\"u:3\"/></b>");
	free(s);
	dm_msg_free(&m);
	/* a document alone, both ways */
	assert_int_equal(dm_wbxml_from_tnds((const uint8_t *)TREE, strlen(TREE), &b), 0);
	{
		struct model_buf back = {.max = 1 << 16};

		assert_int_equal(dm_wbxml_tnds(b.p, b.len, &back), 0);
		assert_string_equal(model_buf_text(&back), TREE);
		model_buf_free(&back);
		back.max = 64;
		assert_int_equal(dm_wbxml_tnds(b.p, b.len, &back), -E2BIG);
		model_buf_free(&back);
	}
	model_buf_free(&b);
	assert_int_equal(dm_wbxml_from_tnds((const uint8_t *)"<a/>", 4, &b), -EBADMSG);
	model_buf_free(&b);
}

static void test_bad_xml(void **state)
{
	static const struct {
		const char *s;
		int error;
	} bad[] = {
		{"", -EBADMSG},
		{"<", -EBADMSG},
		{"<SyncML/>", -EBADMSG},
		{"<SyncML><SyncHdr/></SyncML>", -EBADMSG},
		{"<SyncML><SyncBody/></SyncML>", -EBADMSG},
		{"<Other><SyncHdr/><SyncBody/></Other>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody/></SyncML><SyncML/>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody/></SyncML>x", -EBADMSG},
		{"<SyncML><SyncHdr></SyncBody></SyncML>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody>&foo;</SyncBody></SyncML>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody>&#0;</SyncBody></SyncML>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody>\x01</SyncBody></SyncML>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody>\xc3\x28</SyncBody></SyncML>", -EBADMSG},
		{"<SyncML><SyncHdr/><SyncBody><?php x?></SyncBody></SyncML>", -EBADMSG},
		{"<!DOCTYPE SyncML [<!ENTITY a 'b'>]><SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -EBADMSG},
		{"<!DOCTYPE SyncML [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
		 "<SyncML><SyncHdr/><SyncBody>&a;</SyncBody></SyncML>",
		 -EBADMSG},
		{"<!DOCTYPE SyncML [<!ENTITY % a SYSTEM 'http://127.0.0.1:9/'>%a;]>"
		 "<SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -EBADMSG},
		{"<!DOCTYPE SyncML SYSTEM 'file:///etc/passwd'>"
		 "<SyncML><SyncHdr/><SyncBody>&a;</SyncBody></SyncML>",
		 -EBADMSG},
		{"<!DOCTYPE SyncML [<!ELEMENT SyncML "
		 "ANY>]><SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -EBADMSG},
		{"<!DOCTYPE SyncML [<!ATTLIST SyncML a (b|c) 'b'>]>"
		 "<SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -EBADMSG},
		{"<!DOCTYPE SyncML [<!NOTATION a SYSTEM "
		 "'b'>]><SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -EBADMSG},
		{"<?xml version='1.0' "
		 "encoding='ISO-8859-1'?><SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -ENOTSUP},
		{"<?xml version='1.0' "
		 "encoding='nonsense'?><SyncML><SyncHdr/><SyncBody/></SyncML>",
		 -EBADMSG},
	};
	static const char utf16[] = "\xff\xfe<\0S\0y\0n\0c\0M\0L\0/\0>\0";
	struct dm_msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int e = parse(DM_XML, bad[i].s, strlen(bad[i].s), NULL, &m);

		if (e != bad[i].error)
			fail_msg("%d for %s", e, bad[i].s);
	}
	assert_int_equal(parse(DM_XML, utf16, sizeof(utf16) - 1, NULL, &m), -EBADMSG);
	assert_int_equal(parse(DM_XML, utf16 + 2, sizeof(utf16) - 3, NULL, &m), -EBADMSG);
	/* cut anywhere but in the white space at its end */
	for (size_t i = 0; i < sizeof(package_1) - 2; i++)
		assert_int_equal(parse(DM_XML, package_1, i, NULL, &m), -EBADMSG);
	/* a mark of the byte order is fine */
	assert_int_equal(parse(DM_XML, R("\xef\xbb\xbf<SyncML><SyncHdr/><SyncBody/></SyncML>"),
			       NULL, &m),
			 0);
	dm_msg_free(&m);
}

/* @n times @s between @before and @after */
static void row(enum dm_coding coding, const char *before, size_t before_len, const char *s,
		size_t s_len, size_t n, const char *after, size_t after_len,
		const struct dm_limits *limits, int error)
{
	size_t len = before_len + n * s_len + after_len;
	char *p = malloc(len);
	struct dm_msg m;

	assert_non_null(p);
	memcpy(p, before, before_len);
	for (size_t i = 0; i < n; i++)
		memcpy(p + before_len + i * s_len, s, s_len);
	if (after_len)
		memcpy(p + before_len + n * s_len, after, after_len);
	assert_int_equal(parse(coding, p, len, limits, &m), error);
	dm_msg_free(&m);
	free(p);
}

static void test_limits(void **state)
{
	struct dm_limits l = {.cmds = 100};

	(void)state;
	row(DM_XML, R(HEAD), R("<Add/>"), 100, R(TAIL), &l, 0);
	row(DM_XML, R(HEAD), R("<Add/>"), 101, R(TAIL), &l, -E2BIG);
	row(DM_XML, R(HEAD "<Atomic>"), R("<Foo/>"), 100, R("</Atomic>" TAIL), &l, -E2BIG);
	l = (struct dm_limits){.items = 100};
	row(DM_XML, R(HEAD "<Add>"), R("<Item/>"), 101, R("</Add>" TAIL), &l, -E2BIG);
	l = (struct dm_limits){.bytes = sizeof(HEAD TAIL) - 1 + 6};
	row(DM_XML, R(HEAD), R("<Add/>"), 1, R(TAIL), &l, 0);
	row(DM_XML, R(HEAD), R("<Add/> "), 1, R(TAIL), &l, -E2BIG);
	l = (struct dm_limits){.memory = 65536};
	row(DM_XML, R(HEAD), R("<Add/>"), 5000, R(TAIL), &l, -E2BIG);
	row(DM_XML, R(HEAD "<Add><Item><Data>"), R("xxxxxxxx"), 10000,
	    R("</Data></Item></Add>" TAIL), &l, -E2BIG);
	/* 14 levels of Sequence are the 16 of all */
	row(DM_XML, R(HEAD), R("<Sequence>"), 200000 / 20, R(""), NULL, -E2BIG);
	row(DM_XML, R(HEAD "<Add><Item><Data>"), R("<Node>"), 10000, R(""), NULL, -E2BIG);
	row(DM_XML, R(HEAD "<Get><Item><Target><LocURI>"), R("x"), 1024,
	    R("</LocURI></Target></Item></Get>" TAIL), NULL, 0);
	row(DM_XML, R(HEAD "<Get><Item><Target><LocURI>"), R("x"), 1025,
	    R("</LocURI></Target></Item></Get>" TAIL), NULL, -E2BIG);
	row(DM_XML, R(HEAD "<Get "), R("a='1234567890123456789012345678901234567890' "), 200,
	    R("/>" TAIL), NULL, -EBADMSG); /* an attribute twice */
	row(DM_XML, R(HEAD "<Get a='"), R("1234567890"), 500, R("'/>" TAIL), NULL, -E2BIG);
	/* what a message of 64 KiB has room for in earnest */
	row(DM_XML, R(HEAD),
	    R("<Get><CmdID>1</CmdID><Item><Target><LocURI>./A</LocURI></Target></Item></Get>"),
	    800, R(TAIL), NULL, 0);
	row(DM_WBXML, R("\x02\xa4\x01\x6a\x00\x6d\x2c\x6b"),
	    R("\x53\x4b\x03"
	      "1\0\x01\x54\x6e\x57\x03./A\0\x01\x01\x01\x01"),
	    2900, R("\x01\x01"), NULL, 0);
}

static void test_bad_wbxml(void **state)
{
#define H "\x02\xa4\x01\x6a\x00"
#define HB H "\x6d\x2c\x6b"
	static const struct {
		const char *s;
		size_t len;
		int error;
	} bad[] = {
		{R(""), -EBADMSG},
		{R("\x02"), -EBADMSG},
		{R(H), -EBADMSG},
		/* versions, languages, charsets */
		{R("\x00\xa4\x01\x6a\x00\x6d\x2c\x2b\x01"), -ENOTSUP},
		{R("\x04\xa4\x01\x6a\x00\x6d\x2c\x2b\x01"), -ENOTSUP},
		{R("\x02\x0b\x6a\x00\x6d\x2c\x2b\x01"), -ENOTSUP},
		{R("\x02\xa4\x01\x04\x00\x6d\x2c\x2b\x01"), -ENOTSUP},
		{R("\x02\x8f\xff\xff\xff\x7f\x6a\x00\x6d\x2c\x2b\x01"), -ENOTSUP},
		{R("\x02\x9f\xff\xff\xff\x7f\x6a\x00\x6d\x2c\x2b\x01"), -EBADMSG},
		{R("\x02\xff\xff\xff\xff\xff\x7f\x6a\x00\x6d\x2c\x2b\x01"), -EBADMSG},
		/* the string table: longer than all, an index beyond it, a language without end
		 */
		{R("\x02\xa4\x01\x6a\x20\x6d\x2c\x2b\x01"), -EBADMSG},
		{R("\x02\xa4\x01\x6a\x8f\xff\xff\xff\x7f\x6d\x2c\x2b\x01"), -EBADMSG},
		{R("\x02\x00\x09\x6a\x02"
		   "a\0\x6d\x2c\x2b\x01"),
		 -EBADMSG},
		{R("\x02\x00\x00\x6a\x02"
		   "a\0\x6d\x2c\x2b\x01"),
		 -ENOTSUP},
		{R("\x02\xa4\x01\x6a\x02"
		   "a\0\x6d\x2c\x6b\x45\x4b\x83\x02\x01\x01\x01\x01"),
		 -EBADMSG},
		{R("\x02\xa4\x01\x6a\x02"
		   "a\0\x6d\x2c\x6b\x45\x4b\x83\x8f\xff\xff\xff\x7f\x01\x01\x01\x01"),
		 -EBADMSG},
		/* attributes, extensions, instructions, literals of no name */
		{R(H "\xed\x03"
		     "1\0\x01\x01"),
		 -EBADMSG},
		{R(HB "\x40\x41\x01\x01"), -EBADMSG},
		{R(HB "\x80\x41\x01\x01"), -EBADMSG},
		{R(HB "\xc0\x01\x01"), -EBADMSG},
		{R(HB "\x43\x01\x01\x01"), -EBADMSG},
		{R(HB "\x44\x00\x01\x01\x01"), -EBADMSG},
		{R("\x02\xa4\x01\x6a\x03"
		   "<a\0\x6d\x2c\x6b\x04\x00\x01\x01"),
		 -EBADMSG},
		{R("\x02\xa4\x01\x6a\x01"
		   "\0\x6d\x2c\x6b\x04\x00\x01\x01"),
		 -EBADMSG},
		/* OPAQUE and strings beyond the end, no UTF-8, entities that are none */
		{R(HB "\x45\x4b\xc3\x20"
		      "a\x01\x01\x01\x01"),
		 -EBADMSG},
		{R(HB "\x45\x4b\xc3\x8f\xff\xff\xff\x70"
		      "a\x01\x01\x01\x01"),
		 -EBADMSG},
		{R(HB "\x45\x4b\x03"
		      "aaaaa"),
		 -EBADMSG},
		{R(HB "\x45\x4b\x03\xc3\x28\0\x01\x01\x01\x01"), -EBADMSG},
		{R(HB "\x45\x4b\x03\x02\0\x01\x01\x01\x01"), -EBADMSG},
		{R(HB "\x45\x4b\x02\x00\x01\x01\x01\x01"), -EBADMSG},
		{R(HB "\x45\x4b\x02\x88\x80\x80\x80\x00\x01\x01\x01\x01"), -EBADMSG},
		{R(HB "\x45\x4b\x02\x83\xb0\x00\x01\x01\x01\x01"), -EBADMSG}, /* U+D800 */
		/* ends too many, text around the root, a second root */
		{R(H "\x01"), -EBADMSG},
		{R(H "\x03"
		     "a\0\x6d\x2c\x2b\x01"),
		 -EBADMSG},
		{R(H "\x6d\x2c\x2b\x01\x01"), -EBADMSG},
		{R(H "\x6d\x2c\x2b\x01\x6d\x2c\x2b\x01"), -EBADMSG},
		{R(H "\x2d"), -EBADMSG},
		{R(HB "\x00"), -EBADMSG},
	};
	struct dm_msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int e = parse(DM_WBXML, bad[i].s, bad[i].len, NULL, &m);

		if (e != bad[i].error)
			fail_msg("%zu: %d", i, e);
	}
	/* what libwbxml2 runs out of stack for */
	row(DM_WBXML, R(H), R("\x6d"), 200000, R(""), NULL, -E2BIG);
	/* what it runs out of memory for: 60 000 octets for each two */
	{
		static char head[60016] = "\x02\xa4\x01\x6a\x83\xd4\x61";

		memset(head + 7, 'x', 60000);
		memcpy(head + 7 + 60000, "\0\x6d\x2c\x6b\x45\x54\x4f", 7);
		row(DM_WBXML, head, 7 + 60000 + 7, R("\x83\x00"), 10, R("\x01\x01\x01\x01\x01"),
		    NULL, 0);
		row(DM_WBXML, head, 7 + 60000 + 7, R("\x83\x00"), 20000,
		    R("\x01\x01\x01\x01\x01"), NULL, -E2BIG);
	}
	assert_int_equal(parse(DM_WBXML,
			       R(HB "\x45\x4b\x03"
				    "1\0\x02\xc1\x2c\x02\x87\x68\x01\x01\x01\x01"),
			       NULL, &m),
			 0);
	assert_string_equal(m.cmds->cmd_id, "1\xe2\x82\xac\xcf\xa8");
	dm_msg_free(&m);
}

static void test_other_headers(void **state)
{
	static const struct {
		const char *s;
		size_t len;
	} good[] = {
		{R("\x01\x9f\x51\x6a\x00\x6d\x2c\x2b\x01")},
		{R("\x03\x9f\x53\x6a\x00\x6d\x2c\x2b\x01")},
		{R("\x03\xa4\x01\x00\x00\x6d\x2c\x2b\x01")},
		{R("\x02\x00\x00\x6a\x1e-//SYNCML//DTD SyncML 1.2//EN\0\x6d\x2c\x2b\x01")},
		/* no NUL at the end of the table, and a name of an element in it */
		{R("\x02\x00\x04\x6a\x21"
		   "Foo\0-//SYNCML//DTD SyncML 1.2//EN\x6d\x2c\x6b\x04\x00\x01\x01")},
	};
	struct dm_msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		int e = parse(DM_WBXML, good[i].s, good[i].len, NULL, &m);

		if (e != 0)
			fail_msg("%zu: %d", i, e);
		if (i == 4)
			assert_string_equal(m.cmds->name, "Foo");
		dm_msg_free(&m);
	}
}

static const struct dm_hdr hdr = {
	.ver_dtd = "1.2",
	.ver_proto = "DM/1.2",
	.session_id = "1",
	.msg_id = "2",
	.target = "http://dm.example.com/dm",
	.source = "IMEI:1",
};

static void test_out_limits(void **state)
{
	static const enum dm_coding codings[] = {DM_XML, DM_WBXML};
	struct dm_item it = {.source = "./A", .has_data = true};
	struct dm_cmd get = {.kind = DM_RESULTS, .cmd_id = "1", .cmd_ref = "2", .items = &it};
	struct dm_cmd status = {.kind = DM_STATUS, .cmd_id = "1", .cmd = "Get", .code = 200};
	static uint8_t big[4000];
	struct dm_out *o;
	const uint8_t *p;
	struct dm_msg m;
	size_t len;

	(void)state;
	assert_int_equal(dm_out_new(&o, DM_XML, 511), -EINVAL);
	it.data = big;
	for (size_t c = 0; c < 2; c++) {
		for (size_t max = 600; max < 700; max++) {
			unsigned int n = 0;

			assert_int_equal(dm_out_new(&o, codings[c], max), 0);
			assert_int_equal(dm_out_cmd(o, &status), -EINVAL);
			assert_int_equal(dm_out_begin(o, &hdr), 0);
			assert_int_equal(dm_out_begin(o, &hdr), -EINVAL);
			it.len = sizeof(big);
			it.meta.format = "bin";
			assert_int_equal(dm_out_cmd(o, &get), -EMSGSIZE);
			while (dm_out_cmd(o, &status) == 0)
				n++;
			assert_true(n > 0);
			assert_int_equal(dm_out_end(o, max % 2, &p, &len), 0);
			assert_true(len <= max);
			assert_int_equal(dm_msg_parse(codings[c], p, len, NULL, &m, NULL), 0);
			assert_int_equal(m.n_cmds, n);
			assert_int_equal(m.final, max % 2);
			dm_msg_free(&m);
			dm_out_free(o);
		}
	}
}

static void test_fit(void **state)
{
	static const enum dm_coding codings[] = {DM_XML, DM_WBXML};
	static const struct {
		const char *format;
		const char *unit;
	} kinds[] = {{"bin", "\x01"}, {"chr", "x"}, {"chr", "<"}, {"chr", "\xe2\x82\xac"}};
	struct dm_item it = {.source = "./A", .has_data = true, .more = true};
	struct dm_cmd res = {.kind = DM_RESULTS, .cmd_id = "1", .cmd_ref = "2", .items = &it};
	char data[3000];
	struct dm_out *o;
	const uint8_t *p;
	struct dm_msg m;
	size_t len;
	ssize_t n;

	(void)state;
	it.data = (const uint8_t *)data;
	for (size_t c = 0; c < 2; c++)
		for (size_t k = 0; k < 4; k++)
			for (size_t max = 800; max < 820; max++) {
				size_t unit = strlen(kinds[k].unit);

				for (size_t i = 0; i < sizeof(data); i++)
					data[i] = kinds[k].unit[i % unit];
				it.meta.format = kinds[k].format;
				it.len = sizeof(data);
				assert_int_equal(dm_out_new(&o, codings[c], max), 0);
				assert_int_equal(dm_out_begin(o, &hdr), 0);
				n = dm_out_fit(o, &res);
				assert_true(n > 0 && (size_t)n < sizeof(data) &&
					    n % (ssize_t)unit == 0);
				assert_int_equal(it.len, sizeof(data));
				it.len = (size_t)n + unit;
				if (k == 0)
					it.len += 2; /* what base64 rounds up to */
				assert_int_equal(dm_out_cmd(o, &res), -EMSGSIZE);
				it.len = (size_t)n;
				assert_int_equal(dm_out_fit(o, &res), n);
				assert_int_equal(dm_out_cmd(o, &res), 0);
				assert_int_equal(dm_out_end(o, true, &p, &len), 0);
				assert_true(len <= max);
				assert_int_equal(
					dm_msg_parse(codings[c], p, len, NULL, &m, NULL), 0);
				assert_int_equal(m.cmds->items->len, n);
				assert_memory_equal(m.cmds->items->data, data, (size_t)n);
				dm_msg_free(&m);
				dm_out_free(o);
			}
	assert_int_equal(dm_out_new(&o, DM_XML, 512), 0);
	assert_int_equal(dm_out_begin(o, &hdr), 0);
	it.source = data;
	data[400] = '\0';
	memset(data, 'x', 400);
	it.len = 100;
	assert_int_equal(dm_out_fit(o, &res), -EMSGSIZE);
	it.has_data = false;
	assert_int_equal(dm_out_fit(o, &res), -EINVAL);
	dm_out_free(o);
}

static void test_out_data(void **state)
{
	static const struct {
		const char *format;
		const char *data;
		size_t len;
		const char *comes_as;
	} cases[] = {
		{"chr", R("plain"), "chr"},
		{"chr", R(" <&>\"'\r\n\t]]> "), "chr"},
		{"chr", R("\xf0\x9f\x98\x80"), "chr"},
		{"chr", R("nul\0"), "b64"},
		{"chr", R("\xff"), "b64"},
		{"chr", R("\xef\xbf\xbf"), "b64"}, /* U+FFFF is no character of XML's */
		{NULL, R("\x1b"), "b64"},
		{NULL, R("7"), NULL},
		{"bin", R("text"), "b64"},
		{"b64", R(""), "b64"},
		{"chr", R(""), "chr"},
	};
	static const enum dm_coding codings[] = {DM_XML, DM_WBXML};
	struct dm_item it = {.has_data = true};
	struct dm_cmd c = {.kind = DM_RESULTS, .items = &it};
	struct dm_out *o;
	const uint8_t *p;
	struct dm_msg m;
	size_t len;

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			it.meta.format = cases[i].format;
			it.data = (const uint8_t *)cases[i].data;
			it.len = cases[i].len;
			assert_int_equal(dm_out_new(&o, codings[k], 4096), 0);
			assert_int_equal(dm_out_begin(o, &hdr), 0);
			assert_int_equal(dm_out_cmd(o, &c), 0);
			assert_int_equal(dm_out_end(o, true, &p, &len), 0);
			assert_int_equal(dm_msg_parse(codings[k], p, len, NULL, &m, NULL), 0);
			assert_true(m.cmds->items->has_data);
			assert_int_equal(m.cmds->items->len, cases[i].len);
			assert_memory_equal(m.cmds->items->data, cases[i].data, cases[i].len);
			if (cases[i].comes_as)
				assert_string_equal(m.cmds->items->meta.format,
						    cases[i].comes_as);
			else
				assert_null(m.cmds->items->meta.format);
			dm_msg_free(&m);
			dm_out_free(o);
		}
	/* what no message can say */
	assert_int_equal(dm_out_new(&o, DM_XML, 4096), 0);
	assert_int_equal(dm_out_begin(o, &hdr), 0);
	it.source = "\xff";
	assert_int_equal(dm_out_cmd(o, &c), -EINVAL);
	c.kind = DM_UNKNOWN;
	assert_int_equal(dm_out_cmd(o, &c), -EINVAL);
	assert_int_equal(dm_out_end(o, true, &p, &len), 0);
	assert_int_equal(dm_msg_parse(DM_XML, p, len, NULL, &m, NULL), 0);
	assert_int_equal(m.n_cmds, 0);
	dm_msg_free(&m);
	dm_out_free(o);
}

static void test_utf8(void **state)
{
	static const char *const good[] = {"",
					   "a\t\n\r",
					   "\xc2\x80",
					   "\xdf\xbf",
					   "\xe0\xa0\x80",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xef\xbf\xbd",
					   "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {
		"\x01",
		"\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xef\xbf\xbe",
		"\xef\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xe2\x82",
		"\xf0\x9f\x98",
		"\x99\x99\x99\x99\x99\x99\x99\x99\x99\x99\x99\x99",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!dm_utf8_valid((const uint8_t *)good[i], strlen(good[i])))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (dm_utf8_valid((const uint8_t *)bad[i], strlen(bad[i])))
			fail_msg("%zu", i);
	assert_false(dm_utf8_valid((const uint8_t *)"", 1));
	assert_true(dm_utf8_valid(NULL, 0));
}

static void test_tables(void **state)
{
	(void)state;
	assert_string_equal(dm_wbxml_tag(0, 0x05), "Add");
	assert_string_equal(dm_wbxml_tag(0, 0x2d), "SyncML");
	assert_null(dm_wbxml_tag(0, 0x30));
	assert_string_equal(dm_wbxml_tag(0, 0x34), "MoreData");
	assert_string_equal(dm_wbxml_tag(0, 0x3c), "Correlator");
	assert_null(dm_wbxml_tag(0, 0x3d));
	assert_string_equal(dm_wbxml_tag(1, 0x0b), "Mark");
	assert_string_equal(dm_wbxml_tag(1, 0x15), "MaxObjSize");
	assert_string_equal(dm_wbxml_tag(2, 0x20), "MgmtTree");
	assert_string_equal(dm_wbxml_tag(2, 0x3c), "ZeroOrOne");
	assert_null(dm_wbxml_tag(2, 0x04));
	assert_null(dm_wbxml_tag(3, 0x05));
	for (unsigned int page = 0; page < DM_PAGES; page++)
		for (unsigned int t = 5; t < 0x40; t++)
			if (dm_wbxml_tag(page, t))
				assert_int_equal(dm_wbxml_token(page, dm_wbxml_tag(page, t)),
						 t);
	assert_int_equal(dm_wbxml_token(0, "Format"), 0);
}

static void test_mime(void **state)
{
	(void)state;
	assert_int_equal(dm_mime_coding("application/vnd.syncml.dm+xml"), DM_XML);
	assert_int_equal(dm_mime_coding(" Application/vnd.syncml.dm+WBXML; charset=utf-8"),
			 DM_WBXML);
	assert_int_equal(dm_mime_coding("application/vnd.syncml+xml;x=y"), DM_XML);
	assert_int_equal(dm_mime_coding("application/vnd.syncml.dm+xmlx"), -ENOTSUP);
	assert_int_equal(dm_mime_coding("text/html"), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_package_1),     cmocka_unit_test(test_golden_wbxml),
		cmocka_unit_test(test_commands),      cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_meta),	      cmocka_unit_test(test_b64_pieces),
		cmocka_unit_test(test_markup),	      cmocka_unit_test(test_bad_xml),
		cmocka_unit_test(test_limits),	      cmocka_unit_test(test_bad_wbxml),
		cmocka_unit_test(test_other_headers), cmocka_unit_test(test_out_limits),
		cmocka_unit_test(test_fit),	      cmocka_unit_test(test_out_data),
		cmocka_unit_test(test_tables),	      cmocka_unit_test(test_mime),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
