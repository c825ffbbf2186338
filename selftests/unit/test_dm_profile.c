// SPDX-License-Identifier: Apache-2.0
/*
 * Bootstrap profiles. The client provisioning document in WBXML is what xml2wbxml of libwbxml2
 * makes of the one in XML (-v 1.1 -n); the MACs are Python's hmac module's over those octets,
 * the network's secret is an IMSI in the coding of TS 24.008.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm/profile.h"
#include "dm/wbxml.h"

#define B(s) (const uint8_t *)(s), sizeof(s) - 1

static const char cp_xml[] =
	"<wap-provisioningdoc version='1.1'>"
	"<characteristic type='APPLICATION'><parm name='APPID' value='w7'/><parm "
	"name='PROVIDER-ID' value='com.example.dm'/><parm name='NAME' value='Mgmt "
	"Server'/><parm name='ADDR' value='https://dm.example.com:8443/dm'/><parm name='INIT'/>"
	"<characteristic type='APPAUTH'><parm name='AAUTHLEVEL' value='APPSRV'/><parm "
	"name='AAUTHTYPE' value='DIGEST'/><parm name='AAUTHNAME' "
	"value='IMEI:493005100592800'/><parm name='AAUTHSECRET' value='clientsecret'/><parm "
	"name='AAUTHDATA' value='Tm9uY2U='/></characteristic>"
	"<characteristic type='APPAUTH'><parm name='AAUTHLEVEL' value='CLIENT'/><parm "
	"name='AAUTHTYPE' value='DIGEST'/><parm name='AAUTHSECRET' "
	"value='server&lt;secret'/><parm name='AAUTHDATA' value='MDEyMzQ1'/></characteristic>"
	"<characteristic type='APPADDR'><parm name='ADDR' value='dm.example.com'/><parm "
	"name='ADDRTYPE' value='FQDN'/>"
	"<characteristic type='PORT'><parm name='PORTNBR' "
	"value='8443'/></characteristic></characteristic></characteristic></"
	"wap-provisioningdoc>";

static const char cp_wbxml[] =
	"\x01\x0b\x6a\x00\xc5\x45\x03\x31\x2e\x31\x00\x01\xc6\x00\x01\x55\x01\x87\x36\x00"
	"\x00\x06\x03\x77\x37\x00\x01\x87\x00\x01\x38\x00\x00\x06\x03\x63\x6f\x6d\x2e\x65"
	"\x78\x61\x6d\x70\x6c\x65\x2e\x64\x6d\x00\x01\x87\x07\x06\x03\x4d\x67\x6d\x74\x20"
	"\x53\x65\x72\x76\x65\x72\x00\x01\x87\x00\x01\x34\x00\x00\x06\x03\x68\x74\x74\x70"
	"\x73\x3a\x2f\x2f\x64\x6d\x2e\x65\x78\x61\x6d\x70\x6c\x65\x2e\x63\x6f\x6d\x3a\x38"
	"\x34\x34\x33\x2f\x64\x6d\x00\x01\x87\x05\x03\x49\x4e\x49\x54\x00\x01\xc6\x00\x01"
	"\x57\x01\x87\x30\x00\x00\x06\x00\x01\x8d\x01\x87\x33\x00\x00\x06\x00\x01\x93\x01"
	"\x87\x31\x00\x00\x06\x03\x49\x4d\x45\x49\x3a\x34\x39\x33\x30\x30\x35\x31\x30\x30"
	"\x35\x39\x32\x38\x30\x30\x00\x01\x87\x00\x01\x32\x00\x00\x06\x03\x63\x6c\x69\x65"
	"\x6e\x74\x73\x65\x63\x72\x65\x74\x00\x01\x87\x00\x01\x2f\x00\x00\x06\x03\x54\x6d"
	"\x39\x75\x59\x32\x55\x3d\x00\x01\x01\xc6\x00\x01\x57\x01\x87\x30\x00\x00\x06\x03"
	"\x43\x4c\x49\x45\x4e\x54\x00\x01\x87\x00\x01\x33\x00\x00\x06\x00\x01\x93\x01\x87"
	"\x32\x00\x00\x06\x03\x73\x65\x72\x76\x65\x72\x3c\x73\x65\x63\x72\x65\x74\x00\x01"
	"\x87\x00\x01\x2f\x00\x00\x06\x03\x4d\x44\x45\x79\x4d\x7a\x51\x31\x00\x01\x01\xc6"
	"\x00\x01\x56\x01\x87\x34\x00\x00\x06\x03\x64\x6d\x2e\x65\x78\x61\x6d\x70\x6c\x65"
	"\x2e\x63\x6f\x6d\x00\x01\x87\x00\x01\x35\x00\x00\x06\x03\x46\x51\x44\x4e\x00\x01"
	"\xc6\x53\x01\x87\x23\x06\x03\x38\x34\x34\x33\x00\x01\x01\x01\x01\x01";

static const uint8_t imsi[] = {0x09, 0x10, 0x10, 0x32, 0x54, 0x76, 0x98, 0xf0};

/* from the heap, so that ASan sees what is read beyond the end */
static int parse(const char *s, size_t len, struct dm_profile *p)
{
	char words[DM_WORDS_MAX];
	uint8_t *copy = malloc(len ? len : 1);
	int e;

	assert_non_null(copy);
	memcpy(copy, s, len);
	e = dm_profile_parse(copy, len, p, words);
	assert_true(e == 0 ? !words[0] && p->n_accounts > 0 : words[0] && !p->arena);
	free(copy);
	return e;
}

static void check_account(const struct dm_profile *p)
{
	const struct dm_profile_account *a = &p->accounts[0];

	assert_int_equal(p->n_accounts, 1);
	assert_string_equal(a->server_id, "com.example.dm");
	assert_string_equal(a->name, "Mgmt Server");
	assert_string_equal(a->addr, "dm.example.com");
	assert_string_equal(a->addr_type, "FQDN");
	assert_int_equal(a->port, 8443);
	assert_string_equal(a->client.type, "DIGEST");
	assert_string_equal(a->client.name, "IMEI:493005100592800");
	assert_int_equal(a->client.secret_len, 12);
	assert_memory_equal(a->client.secret, "clientsecret", 12);
	assert_int_equal(a->client.nonce_len, 5);
	assert_memory_equal(a->client.nonce, "Nonce", 5);
	/* a server that is not told what to say says its id */
	assert_string_equal(a->server.name, "com.example.dm");
	assert_int_equal(a->server.secret_len, 13);
	assert_memory_equal(a->server.secret, "server<secret", 13);
	assert_memory_equal(a->server.nonce, "012345", 6);
}

static void test_cp(void **state)
{
	struct dm_profile p;

	(void)state;
	assert_int_equal(parse(cp_xml, sizeof(cp_xml) - 1, &p), 0);
	assert_int_equal(p.kind, DM_PROFILE_CP);
	check_account(&p);
	assert_true(p.accounts[0].init);
	assert_int_equal(p.n_tnds, 0);
	dm_profile_free(&p);
	assert_int_equal(parse(cp_wbxml, sizeof(cp_wbxml) - 1, &p), 0);
	assert_int_equal(p.kind, DM_PROFILE_CP);
	check_account(&p);
	assert_true(p.accounts[0].init);
	dm_profile_free(&p);
	dm_profile_free(&p);
	for (size_t i = 0; i < sizeof(cp_wbxml) - 1; i++)
		assert_int_equal(parse(cp_wbxml, i, &p), -EBADMSG);
	for (size_t i = 0; i < sizeof(cp_xml) - 1; i++)
		assert_int_equal(parse(cp_xml, i, &p), -EBADMSG);
}

static void test_cp_more(void **state)
{
	static const char more[] =
		"<wap-provisioningdoc><characteristic type='NAPDEF'><parm name='NAPID' "
		"value='x'/>"
		"</characteristic><characteristic type='application'><parm name='appid' "
		"value='W7'/>"
		"<parm name='PROVIDER-ID' value='a&amp;&#xe9;'/><parm name='ADDR' "
		"value='https://a/'/>"
		"<parm name='TO-NAPID' value='x'/><parm name='AAUTHPREF' value='HMAC'/>"
		"<parm name='INIT' value='0'/><characteristic type='APPAUTH'>"
		"<parm name='AAUTHLEVEL' value='APPSRV'/><parm name='AAUTHDATA' "
		"value='=nonce=='/>"
		"</characteristic><characteristic type='APPAUTH'>"
		"<parm name='AAUTHLEVEL' value='APPSRV'/><parm name='AAUTHNAME' "
		"value='second'/>"
		"</characteristic></characteristic></wap-provisioningdoc>";
	struct dm_profile p;

	(void)state;
	/* an address of its own, the second APPAUTH of a kind is not taken */
	assert_int_equal(parse(more, sizeof(more) - 1, &p), 0);
	assert_string_equal(p.accounts[0].server_id, "a&\xc3\xa9");
	assert_string_equal(p.accounts[0].addr, "https://a/");
	assert_null(p.accounts[0].addr_type);
	assert_int_equal(p.accounts[0].port, 0);
	assert_string_equal(p.accounts[0].con_ref, "x");
	assert_string_equal(p.accounts[0].auth_pref, "HMAC");
	assert_false(p.accounts[0].init);
	assert_string_equal(p.accounts[0].client.name, "");
	assert_int_equal(p.accounts[0].client.secret_len, 0);
	assert_memory_equal(p.accounts[0].client.nonce, "=nonce==", 8);
	assert_null(p.accounts[0].server.name);
	dm_profile_free(&p);
}

#define TNDS                                                                               \
	"<MgmtTree "                                                                       \
	"xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD><Node><NodeName>DMAcc</NodeName>"     \
	"<Node><NodeName>x</NodeName><RTProperties><Type><DDFName>"                        \
	"urn:oma:mo:oma-dm-dmacc:1.0</DDFName></Type></RTProperties>"                      \
	"<Node><NodeName>AppID</NodeName><Value>w7</Value></Node>"                         \
	"<Node><NodeName>ServerID</NodeName><Value>com.example.dm</Value></Node>"          \
	"<Node><NodeName>Name</NodeName><Value>Mgmt Server</Value></Node>"                 \
	"<Node><NodeName>AppAddr</NodeName><Node><NodeName>1</NodeName>"                   \
	"<Node><NodeName>Addr</NodeName><Value>dm.example.com</Value></Node>"              \
	"<Node><NodeName>AddrType</NodeName><Value>FQDN</Value></Node>"                    \
	"<Node><NodeName>Port</NodeName><Node><NodeName>1</NodeName>"                      \
	"<Node><NodeName>PortNbr</NodeName><Value>8443</Value></Node></Node></Node>"       \
	"</Node></Node>"                                                                   \
	"<Node><NodeName>AppAuth</NodeName>"                                               \
	"<Node><NodeName>c</NodeName>"                                                     \
	"<Node><NodeName>AAuthLevel</NodeName><Value>CLCRED</Value></Node>"                \
	"<Node><NodeName>AAuthType</NodeName><Value>DIGEST</Value></Node>"                 \
	"<Node><NodeName>AAuthName</NodeName><Value>IMEI:493005100592800</Value></Node>"   \
	"<Node><NodeName>AAuthSecret</NodeName><Value>clientsecret</Value></Node>"         \
	"<Node><NodeName>AAuthData</NodeName><RTProperties><Format><bin/></Format>"        \
	"</RTProperties><Value>Tm9uY2U=</Value></Node></Node>"                             \
	"<Node><NodeName>s</NodeName>"                                                     \
	"<Node><NodeName>AAuthLevel</NodeName><Value>SRVCRED</Value></Node>"               \
	"<Node><NodeName>AAuthSecret</NodeName><RTProperties><Format><b64/></Format>"      \
	"</RTProperties><Value>c2VydmVyPHNlY3JldA==</Value></Node>"                        \
	"<Node><NodeName>AAuthData</NodeName><Value>MDEyMzQ1</Value></Node></Node></Node>" \
	"</Node></Node></MgmtTree>"
#define MESSAGE(data)                                                                        \
	"<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD></SyncHdr><SyncBody>" \
	"<Sequence><CmdID>1</CmdID><Add><CmdID>2</CmdID><Item>"                              \
	"<Target><LocURI>./Inbox</LocURI></Target>"                                          \
	"<Meta><Format xmlns='syncml:metinf'>xml</Format>"                                   \
	"<Type xmlns='syncml:metinf'>application/vnd.syncml.dmtnds+xml</Type></Meta>"        \
	"<Data>" data "</Data></Item></Add></Sequence><Final/></SyncBody></SyncML>"

static void test_tnds(void **state)
{
	static const char *const in[] = {TNDS, MESSAGE(TNDS), MESSAGE("<![CDATA[" TNDS "]]>")};
	struct model_buf b = {.max = 1 << 16};
	struct dm_profile p;

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		assert_int_equal(parse(in[i], strlen(in[i]), &p), 0);
		assert_int_equal(p.kind, i == 0 ? DM_PROFILE_TNDS : DM_PROFILE_DM);
		check_account(&p);
		assert_int_equal(p.n_tnds, 1);
		assert_int_equal(strncmp(p.tnds[0], "<MgmtTree", 9), 0);
		dm_profile_free(&p);
	}
	/* and in WBXML: bare, and as it goes over the air */
	assert_int_equal(dm_wbxml_from_tnds(B(TNDS), &b), 0);
	assert_int_equal(parse((const char *)b.p, b.len, &p), 0);
	assert_int_equal(p.kind, DM_PROFILE_TNDS);
	check_account(&p);
	dm_profile_free(&p);
	model_buf_free(&b);
}

static void test_message_wbxml(void **state)
{
	struct dm_item it = {.target = "./Inbox",
			     .meta = {.format = "xml", .type = DM_MIME_TNDS_XML},
			     .data = (const uint8_t *)TNDS,
			     .len = sizeof(TNDS) - 1,
			     .has_data = true,
			     .form = DM_FORM_MARKUP};
	struct dm_cmd add = {.kind = DM_ADD, .cmd_id = "1", .items = &it};
	struct dm_hdr hdr = {.ver_dtd = "1.2", .ver_proto = "DM/1.2"};
	struct dm_profile p;
	struct dm_out *o;
	const uint8_t *msg;
	size_t len;

	(void)state;
	assert_int_equal(dm_out_new(&o, DM_WBXML, 8192), 0);
	assert_int_equal(dm_out_begin(o, &hdr), 0);
	assert_int_equal(dm_out_cmd(o, &add), 0);
	assert_int_equal(dm_out_end(o, true, &msg, &len), 0);
	assert_int_equal(parse((const char *)msg, len, &p), 0);
	assert_int_equal(p.kind, DM_PROFILE_DM);
	check_account(&p);
	dm_profile_free(&p);
	dm_out_free(o);
}

static void test_none(void **state)
{
	static const struct {
		const char *s;
		int error;
	} bad[] = {
		{"", -EBADMSG},
		{"hello", -EBADMSG},
		{"<other/>", -EBADMSG},
		{"<wap-provisioningdoc/>", -ENOENT},
		{"<wap-provisioningdoc><characteristic type='APPLICATION'>"
		 "<parm name='APPID' value='w5'/><parm name='PROVIDER-ID' value='a'/>"
		 "<parm name='ADDR' "
		 "value='https://a/'/></characteristic></wap-provisioningdoc>",
		 -ENOENT},
		{"<wap-provisioningdoc><characteristic type='APPLICATION'>"
		 "<parm name='APPID' value='w7'/><parm name='PROVIDER-ID' value='a'/>"
		 "</characteristic></wap-provisioningdoc>",
		 -ENOENT},
		{"<MgmtTree/>", -ENOENT},
		{MESSAGE("<MgmtTree"), -EBADMSG},
		{MESSAGE("&lt;MgmtTree"), -EBADMSG},
		{MESSAGE("x"), -EBADMSG},
		{"<!DOCTYPE a [<!ENTITY b 'c'>]><wap-provisioningdoc/>", -EBADMSG},
	};
	struct dm_profile p;
	char *big;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int e = parse(bad[i].s, strlen(bad[i].s), &p);

		if (e != bad[i].error)
			fail_msg("%d for %s", e, bad[i].s);
	}
	big = calloc(1, DM_PROFILE_BYTES_MAX + 1);
	assert_non_null(big);
	assert_int_equal(parse(big, DM_PROFILE_BYTES_MAX + 1, &p), -E2BIG);
	free(big);
}

static void test_many(void **state)
{
	static const char one[] =
		"<characteristic type='APPLICATION'><parm name='APPID' value='w7'/>"
		"<parm name='PROVIDER-ID' value='a'/><parm name='ADDR' value='b'/>"
		"</characteristic>";
	struct model_buf b = {.max = DM_PROFILE_BYTES_MAX};
	struct dm_profile p;

	(void)state;
	model_buf_puts(&b, "<wap-provisioningdoc>");
	for (int i = 0; i < 100; i++)
		model_buf_puts(&b, one);
	model_buf_puts(&b, "</wap-provisioningdoc>");
	assert_int_equal(parse((const char *)b.p, b.len, &p), 0);
	assert_int_equal(p.n_accounts, DM_PROFILE_ACCOUNTS_MAX);
	dm_profile_free(&p);
	model_buf_free(&b);
}

/* WBXML that libwbxml2 must not see */
static void test_bad_prov(void **state)
{
	static const struct {
		const char *s;
		size_t len;
		int error;
	} bad[] = {
#define H                  \
	"\x01\x0b\x6a\x02" \
	"a\0"
#define S(s) s, sizeof(s) - 1
		{S("\x01\x0b\x6a"), -EBADMSG},
		{S("\x01\x0c\x6a\x00\x45\x01"), -ENOTSUP},
		{S("\x01\x0b\x04\x00\x45\x01"), -ENOTSUP},
		{S(H "\x01"), -EBADMSG},
		{S(H "\x45"), -EBADMSG},
		{S(H "\x45\x01\x01"), -EBADMSG},
		{S(H "\x45\x01\x45\x01"), -EBADMSG},
		{S(H "\x48\x01"), -EBADMSG},		 /* no such element */
		{S(H "\x44\x00\x01"), -EBADMSG},	 /* a literal one */
		{S(H "\x45\x40\x01"), -EBADMSG},	 /* EXT_I_0 */
		{S(H "\x45\x80\x00\x01"), -EBADMSG},	 /* EXT_T_0 */
		{S(H "\x45\x43\x05\x01\x01"), -EBADMSG}, /* an instruction */
		{S(H "\x45\xc3\x01x\x01"), -EBADMSG},	 /* OPAQUE */
		{S(H "\x45\x83\x02\x01"), -EBADMSG},	 /* beyond the string table */
		{S(H "\x45\x00\x02\x01"), -EBADMSG},	 /* a page that is not there */
		{S(H "\x45\x02\x88\x80\x80\x80\x00\x01"), -EBADMSG}, /* where it asserted */
		{S(H "\x45\x02\x00\x01"), -EBADMSG},
		{S(H "\x45\x03"
		     "aaa"),
		 -EBADMSG},
		{S(H "\x45\x03\xff\0\x01"), -EBADMSG},
		{S(H "\xc5\x01\x01"), -EBADMSG},     /* no attribute */
		{S(H "\xc5\x85\x01\x01"), -EBADMSG}, /* a value without one */
		{S(H "\xc5\x03"
		     "a\0\x01\x01"),
		 -EBADMSG},
		{S(H "\xc5\x05\x04\x00\x01\x01"), -EBADMSG},
		{S(H "\xc5\x05\xc3\x01x\x01\x01"), -EBADMSG},
		{S(H "\xc5\x05"), -EBADMSG},
		{S("\x01\x0b\x6a\x01"
		   "a\x45\x83\x00\x01"),
		 -EBADMSG}, /* no NUL in the table */
	};
	char deep[200], table[4096 + 8] = "\x01\x0b\x6a\xa0\x00";
	struct model_buf b = {.max = 1 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t *copy = malloc(bad[i].len);
		int e;

		memcpy(copy, bad[i].s, bad[i].len);
		e = dm_wbxml_prov(copy, bad[i].len, &b);
		free(copy);
		if (e != bad[i].error)
			fail_msg("%zu: %d", i, e);
	}
	memset(deep, 0x46, sizeof(deep));
	memcpy(deep, "\x01\x0b\x6a\x00\x45", 5);
	assert_int_equal(dm_wbxml_prov((uint8_t *)deep, sizeof(deep), &b), -E2BIG);
	assert_int_equal(b.len, 0);
	/* a table of 4 KiB, and a reference to it again and again */
	memset(table + 5, '<', 4095);
	table[5 + 4095] = '\0';
	model_buf_put(&b, table, 5 + 4096);
	model_buf_puts(&b, "\x45");
	for (int i = 0; i < 2000; i++)
		model_buf_put(&b, "\x83\x00", 2);
	model_buf_puts(&b, "\x01");
	{
		struct model_buf out = {.max = 1 << 20};

		assert_int_equal(dm_wbxml_prov(b.p, b.len, &out), -E2BIG);
		model_buf_free(&out);
	}
	model_buf_free(&b);
}

/* TS 51.011, 10.3.2: EF IMSI without its length; the digits of the first row are those of the
 * numbering plan's test network */
static void test_imsi(void **state)
{
	static const struct {
		const char *digits;
		size_t len;
		const char *key;
	} cases[] = {
		{"001010123456789", 8, "\x09\x10\x10\x10\x32\x54\x76\x98"},
		{"21407650123456", 8, "\x21\x41\x70\x56\x10\x32\x54\xf6"},
		{"123456", 4, "\x11\x32\x54\xf6"},
		{"1234567", 4, "\x19\x32\x54\x76"},
	};
	static const char *const bad[] = {
		"", "12345", "0010101234567890", "00101012345678x", " 01", "+12345678"};
	uint8_t key[DM_PROFILE_NETWORK_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(dm_profile_imsi(cases[i].digits, key), cases[i].len);
		assert_memory_equal(key, cases[i].key, cases[i].len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(dm_profile_imsi(bad[i], key), -EINVAL);
}

static void test_mac(void **state)
{
	static const char by_network[] = "\x64\x8d\xaa\x7d\xd0\x92\x4a\x1e\x5c\xce\x10\x85\x36"
					 "\x8a\x65\x1b\x72\x74\x1d\x16";
	static const char by_pin[] = "\xf9\xa2\xc8\xca\xbe\x37\x3d\x8d\x39\x62\x8b\x91\xc4\xac"
				     "\x5c\x3f\xe9\x2e\x77\x4d";
	static const char by_both[] = "\xa5\xc0\x1e\x3a\xa0\x98\xfb\xab\xb7\xec\x6b\xdc\x96\x24"
				      "\x97\x60\x41\xdf\xb9\xf9";
	static const char turned[] = "\xef\x49\xdf\xb6\x46\x9e\xe3\x87\xba\x79\xc4\x09\x30\xc7"
				     "\x93\x7a\xdc\x92\xdb\x48";
	static const char no_colon[] = "\x91\x3c\x34\x02\x2e\x3f\x63\x40\x0f\x53\x1f\x67\x91"
				       "\x51\xe6\x65\xac\xda\xb9\xda";
	static const char wrong[] = "\xf9\xa2\xc8\xca\xbe\x37\x3d\x8d\x39\x62\x8b\x91\xc4\xac"
				    "\x5c\x3f\xe9\x2e\x77\x4e";
	static const struct {
		enum dm_profile_sec sec;
		const char *mac;
		int error;
		bool network;
		const char *pin;
		bool cp;
	} cases[] = {
		{DM_SEC_NETWORKID, by_network, 0, true, NULL, false},
		{DM_SEC_USERPIN, by_pin, 0, false, "1234", false},
		{DM_SEC_USERPIN, by_pin, 0, true, "1234", false},
		/* each kind of profile puts both together in its own way, and no other */
		{DM_SEC_USERPIN_NETWORKID, by_both, 0, true, "1234", false},
		{DM_SEC_USERPIN_NETWORKID, turned, -EKEYREJECTED, true, "1234", false},
		{DM_SEC_USERPIN_NETWORKID, no_colon, -EKEYREJECTED, true, "1234", false},
		{DM_SEC_USERPIN_NETWORKID, by_both, -EKEYREJECTED, true, "1234", true},
		{DM_SEC_USERPIN_NETWORKID, turned, -EKEYREJECTED, true, "1234", true},
		{DM_SEC_USERPIN_NETWORKID, no_colon, 0, true, "1234", true},
		{DM_SEC_NETWORKID, by_network, 0, true, NULL, true},
		{DM_SEC_USERPIN, by_pin, 0, true, "1234", true},
		{DM_SEC_USERPINMAC, NULL, 0, false, "123456083381", false},
		{DM_SEC_USERPINMAC, NULL, -EKEYREJECTED, false, "123456083382", false},
		{DM_SEC_USERPINMAC, NULL, -EKEYREJECTED, false, "12345608338", false},
		{DM_SEC_USERPINMAC, NULL, -EKEYREJECTED, false, "123456", false},
		{DM_SEC_USERPIN, by_pin, -EKEYREJECTED, true, "1235", false},
		{DM_SEC_USERPIN, wrong, -EKEYREJECTED, true, "1234", false},
		{DM_SEC_NETWORKID, by_pin, -EKEYREJECTED, true, "1234", false},
		{DM_SEC_USERPIN, by_pin, -ENOKEY, true, NULL, false},
		{DM_SEC_NETWORKID, by_network, -ENOKEY, false, "1234", false},
		{DM_SEC_USERPIN_NETWORKID, by_both, -ENOKEY, false, "1", false},
		{DM_SEC_NETWORKID, NULL, -ENOKEY, true, NULL, false},
		{DM_SEC_NONE, NULL, -ENOKEY, true, "1234", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dm_profile_mac mac = {
			.sec = cases[i].sec, .cp = cases[i].cp, .has_mac = cases[i].mac};
		int e;

		if (cases[i].mac)
			memcpy(mac.mac, cases[i].mac, sizeof(mac.mac));
		e = dm_profile_check_mac(&mac, cases[i].network ? imsi : NULL, sizeof(imsi),
					 cases[i].pin, B(cp_wbxml));
		if (e != cases[i].error)
			fail_msg("%zu: %d", i, e);
	}
}

static void test_push(void **state)
{
	static const char head[] = "\x01\x06\x2f\x1f\x2d\xb6\x91\x81\x92"
				   "F9A2C8CABE373D8D39628B91C4AC5C3FE92E774D";
	struct dm_profile_mac mac;
	uint8_t push[sizeof(head) + sizeof(cp_wbxml)];
	const uint8_t *body;
	size_t len;

	(void)state;
	memcpy(push, head, sizeof(head));
	memcpy(push + sizeof(head), cp_wbxml, sizeof(cp_wbxml) - 1);
	assert_int_equal(dm_profile_push(push, sizeof(push) - 1, &mac, &body, &len), 0);
	assert_int_equal(mac.sec, DM_SEC_USERPIN);
	assert_int_equal(len, sizeof(cp_wbxml) - 1);
	assert_int_equal(dm_profile_check_mac(&mac, NULL, 0, "1234", body, len), 0);
	assert_int_equal(dm_profile_check_mac(&mac, NULL, 0, "1234", body, len - 1),
			 -EKEYREJECTED);
	/* another type, an unknown SEC, a MAC that is cut short, no protection at all */
	push[5] = 0xc4;
	assert_int_equal(dm_profile_push(push, sizeof(push) - 1, &mac, &body, &len), -ENOTSUP);
	push[5] = 0xb6;
	push[7] = 0x89;
	assert_int_equal(dm_profile_push(push, sizeof(push) - 1, &mac, &body, &len), -ENOTSUP);
	push[7] = 0x81;
	push[12] = 0;
	assert_int_equal(dm_profile_push(push, sizeof(push) - 1, &mac, &body, &len), -EBADMSG);
	assert_int_equal(dm_profile_push(B("\x01\x06\x01\xb6"
					   "body"),
					 &mac, &body, &len),
			 0);
	assert_int_equal(mac.sec, DM_SEC_NONE);
	assert_int_equal(dm_profile_check_mac(&mac, imsi, 8, "1", body, len), -ENOKEY);
	assert_int_equal(dm_profile_push(B("\x01\x07\x01\xb6"
					   "body"),
					 &mac, &body, &len),
			 -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cp),	 cmocka_unit_test(test_cp_more),
		cmocka_unit_test(test_tnds),	 cmocka_unit_test(test_message_wbxml),
		cmocka_unit_test(test_none),	 cmocka_unit_test(test_many),
		cmocka_unit_test(test_bad_prov), cmocka_unit_test(test_imsi),
		cmocka_unit_test(test_mac),	 cmocka_unit_test(test_push),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
