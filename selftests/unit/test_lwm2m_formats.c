// SPDX-License-Identifier: Apache-2.0
/*
 * SenML JSON, the JSON of LwM2M 1.0, LwM2M CBOR, times, and what all formats
 * have in common. Vectors: RFC 8428; OMA-TS-LightweightM2M-V1_0_2, 6.4.4; LwM2M
 * CBOR as Anjay Lite writes and Leshan reads it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lwm2m/formats.h"
#include "model/base64.h"

#define S(s) (s), sizeof(s) - 1

static struct lwm2m_path at(const char *s)
{
	struct lwm2m_path p;

	assert_int_equal(lwm2m_path_parse(s, strlen(s), &p), 0);
	return p;
}

static struct lwm2m_value integer(const char *path, int64_t i)
{
	return (struct lwm2m_value){.path = at(path), .type = MODEL_INTEGER, .i = i};
}

static struct lwm2m_value bytes(const char *path, enum model_type type, const char *s)
{
	return (struct lwm2m_value){
		.path = at(path), .type = type, .p = (const uint8_t *)s, .len = strlen(s)};
}

static void expect_encoded(uint32_t format, const char *base, const struct lwm2m_value *v,
			   size_t n, const char *bytes_, size_t len)
{
	struct model_buf out = {.max = 4096};
	struct lwm2m_path path = at(base);
	char words[CONTENT_WORDS_MAX] = "";
	struct lwm2m_set set = {0};

	for (size_t i = 0; i < n; i++)
		assert_int_equal(lwm2m_set_add(&set, &v[i]), 0);
	if (lwm2m_encode(format, &path, &set, &out, words) != 0)
		fail_msg("%u: %s", format, words);
	if (out.len != len || memcmp(out.p, bytes_, len) != 0)
		fail_msg("%u: %.*s", format, (int)out.len, (const char *)out.p);
	model_buf_free(&out);
	lwm2m_set_clear(&set);
}

/* what the decoder sees is on the heap and ends there: ASan watches */
static int decode(uint32_t format, const char *base, const char *s, size_t n,
		  struct lwm2m_set *set, uint8_t **kept, char *words)
{
	struct lwm2m_path path = at(base);

	*kept = malloc(n ? n : 1);
	memcpy(*kept, s, n);
	return lwm2m_decode(format, &path, *kept, n, set, words);
}

static void expect_code(uint32_t format, const char *base, const char *s, size_t n, int code)
{
	char words[CONTENT_WORDS_MAX] = "";
	struct lwm2m_set set = {0};
	uint8_t *kept;
	int got = decode(format, base, s, n, &set, &kept, words);

	if (got != code)
		fail_msg("\"%.*s\": %d, not %d", (int)n, s, got, code);
	if (code != 0)
		assert_true(strlen(words) > 0);
	lwm2m_set_clear(&set);
	free(kept);
}

/* ---- SenML JSON ------------------------------------------------------------ */

static void test_senml_json(void **state)
{
	const struct lwm2m_value v[] = {
		bytes("/3/0/0", MODEL_STRING, "Open \"Mobile\" Alliance"),
		integer("/3/0/11/0", -1),
		{.path = at("/26242/0/0"),
		 .type = MODEL_OBJLNK,
		 .object = 26241,
		 .instance = 0},
		bytes("/26242/0/1", MODEL_OPAQUE, "\xfb\xff\xfe"),
		{.path = at("/26242/0/12"), .type = MODEL_BOOLEAN, .i = 1},
		{.path = at("/3/0/13"), .type = MODEL_TIME, .i = 1367491215},
	};
	static const char json[] =
		"[{\"bn\":\"/\",\"n\":\"3/0/0\",\"vs\":\"Open \\\"Mobile\\\" "
		"Alliance\"},{\"n\":\"3/0/11/0\",\"v\":-1},"
		"{\"n\":\"26242/0/0\",\"vlo\":\"26241:0\"},"
		"{\"n\":\"26242/0/1\",\"vd\":\"-__-\"},"
		"{\"n\":\"26242/0/12\",\"vb\":true},"
		"{\"n\":\"3/0/13\",\"v\":1367491215}]";
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};
	uint8_t *kept;

	(void)state;
	expect_encoded(COAP_FORMAT_SENML_JSON, "/", v, 6, json, strlen(json));
	assert_int_equal(
		decode(COAP_FORMAT_SENML_JSON, "/", json, strlen(json), &set, &kept, words), 0);
	assert_int_equal(set.n, 6);
	assert_int_equal(set.v[0].len, 22);
	assert_memory_equal(set.v[0].p, "Open \"Mobile\" Alliance", 22);
	assert_int_equal(set.v[1].i, -1);
	assert_int_equal(set.v[2].object, 26241);
	assert_int_equal(set.v[3].len, 3);
	assert_memory_equal(set.v[3].p, "\xfb\xff\xfe", 3);
	assert_int_equal(set.v[4].i, 1);
	assert_int_equal(set.v[5].i, 1367491215);
	assert_int_equal(set.v[5].at, 0);
	lwm2m_set_clear(&set);
	free(kept);
	/* one value by its own path has no name; none at all is an empty array */
	expect_encoded(COAP_FORMAT_SENML_JSON, "/3/0/13", &v[5], 1,
		       S("[{\"bn\":\"/3/0/13\",\"v\":1367491215}]"));
	expect_encoded(COAP_FORMAT_SENML_JSON, "/3/0", NULL, 0, S("[]"));
}

static void test_senml_json_bad(void **state)
{
	static const char *const vectors[] = {
		"",
		"{",
		"{}",
		"[1]",
		"[{}]",
		"[{\"n\":\"/26242/0/13\"}]",
		"[{\"n\":\"/26242/0/13\",\"v\":1,\"vs\":\"x\"}]",
		"[{\"n\":\"/26242/0/13\",\"vs\":\"1\"}]",
		"[{\"n\":\"/26242/0/13\",\"v\":1.5}]",
		"[{\"n\":\"/26242/0/13\",\"v\":1e99}]",
		"[{\"n\":\"/26242/0/13\",\"v\":[1]}]",
		"[{\"n\":\"/26242/0/13\",\"v\":1,\"b_\":1}]",
		"[{\"bv\":1,\"n\":\"/26242/0/13\",\"v\":1}]",
		"[{\"bn\":5,\"n\":\"/26242/0/13\",\"v\":1}]",
		"[{\"n\":\"/26242/0/13\",\"v\":1,\"t\":\"x\"}]",
		"[{\"n\":\"/26242/1/13\",\"v\":1}]",
		"[{\"n\":\"/26242/0/1\",\"vd\":\"-__\\u0000\"}]",
		"[{\"n\":\"/26242/0/1\",\"vd\":\"+//+\"}]",
		"[{\"n\":\"/26242/0/1\",\"vs\":\"-__-\"}]",
		"[{\"n\":\"/26242/0/12\",\"v\":1}]",
		"[{\"n\":\"/26242/0/0\",\"vlo\":\"26241\"}]",
		"[{\"n\":\"/26242/0/13/0\",\"v\":1}]",
		"[{\"n\":\"/26242/0/13\",\"v\":1}] x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		expect_code(COAP_FORMAT_SENML_JSON, "/26242/0", vectors[i], strlen(vectors[i]),
			    COAP_400_BAD_REQUEST);
	expect_code(COAP_FORMAT_SENML_JSON, "/26242/0", "[]\0", 3, COAP_400_BAD_REQUEST);
	expect_code(COAP_FORMAT_SENML_JSON, "/26242/0", S("[{\"n\":\"/26242/0/99\",\"v\":1}]"),
		    COAP_404_NOT_FOUND);
}

/* ---- times ----------------------------------------------------------------- */

static void test_times(void **state)
{
	struct lwm2m_value v[] = {integer("/26242/0/5", 1), integer("/26242/0/6", 2),
				  integer("/26242/0/5", 3)};
	static const char json[] =
		"[{\"bn\":\"/26242/0/\",\"bt\":1367491215,\"n\":\"5\",\"v\":1},"
		"{\"n\":\"6\",\"v\":2},"
		"{\"bt\":1367491216.250,\"n\":\"5\",\"v\":3}]";
	static const char old[] = "{\"bn\":\"/26242/0/\",\"bt\":1367491216.250,\"e\":["
				  "{\"n\":\"5\",\"t\":-1.250,\"v\":1},"
				  "{\"n\":\"6\",\"t\":-1.250,\"v\":2},{\"n\":\"5\",\"v\":3}]}";
	/* -2 bn, -3 bt, 0 n, 2 v */
	static const char cbor[] = "\x83\xa4\x21\x69/26242/0/\x22\x1a\x51\x82\x42\x8f\x00\x61"
				   "5\x02\x01"
				   "\xa2\x00\x61"
				   "6\x02\x02"
				   "\xa3\x22\xfb\x41\xd4\x60\x90\xa4\x10\x00\x00\x00\x61"
				   "5\x02\x03";
	static const struct {
		uint32_t format;
		const char *s;
		size_t n;
	} packs[] = {
		{COAP_FORMAT_SENML_JSON, json, sizeof(json) - 1},
		{COAP_FORMAT_SENML_CBOR, cbor, sizeof(cbor) - 1},
		{COAP_FORMAT_LWM2M_JSON, old, sizeof(old) - 1},
	};
	char words[CONTENT_WORDS_MAX];
	uint8_t *kept;

	(void)state;
	v[0].at = v[1].at = 1367491215000;
	v[2].at = 1367491216250;
	for (size_t i = 0; i < 3; i++) {
		struct lwm2m_set set = {0};

		expect_encoded(packs[i].format, "/26242/0", v, 3, packs[i].s, packs[i].n);
		if (decode(packs[i].format, "/26242/0", packs[i].s, packs[i].n, &set, &kept,
			   words) != 0)
			fail_msg("%s", words);
		assert_int_equal(set.n, 3);
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(set.v[k].at, v[k].at);
			assert_int_equal(set.v[k].i, v[k].i);
		}
		lwm2m_set_clear(&set);
		free(kept);
	}
	/* TLV and LwM2M CBOR have no place for it */
	assert_false(lwm2m_format(COAP_FORMAT_LWM2M_TLV)->flags & LWM2M_FORMAT_TIME);
	assert_false(lwm2m_format(COAP_FORMAT_LWM2M_CBOR)->flags & LWM2M_FORMAT_TIME);
}

/* ---- the JSON of 1.0 -------------------------------------------------------- */

static void test_old_json(void **state)
{
	const struct lwm2m_value v[] = {
		bytes("/3/0/0", MODEL_STRING, "Open Mobile Alliance"),
		integer("/3/0/11/0", 0),
		{.path = at("/3/0/13"), .type = MODEL_TIME, .i = 1367491215},
	};
	static const char json[] =
		"{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"Open Mobile Alliance\"},"
		"{\"n\":\"11/0\",\"v\":0},{\"n\":\"13\",\"v\":1367491215}]}";
	/* bases as servers write them: without last slash, with the whole path, none */
	static const char *const same[] = {
		"{\"bn\":\"/26242/0/\",\"e\":[{\"n\":\"13\",\"v\":7}]}",
		"{\"bn\":\"/26242/0\",\"e\":[{\"n\":\"13\",\"v\":7}]}",
		"{\"bn\":\"/26242/0\",\"e\":[{\"n\":\"/13\",\"v\":7}]}",
		"{\"bn\":\"/26242/0/13\",\"e\":[{\"v\":7}]}",
		"{\"bn\":\"/26242/0/13/\",\"e\":[{\"n\":\"\",\"v\":7}]}",
		"{\"bn\":\"/\",\"e\":[{\"n\":\"26242/0/13\",\"v\":7}]}",
		"{\"e\":[{\"n\":\"13\",\"v\":7}],\"bn\":\"/26242/0/\"}",
		"{\"e\":[{\"n\":\"13\",\"v\":7}]}",
	};
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"e\":{}}",
		"{\"e\":[5]}",
		"{\"bn\":5,\"e\":[]}",
		"{\"bt\":\"x\",\"e\":[]}",
		"{\"e\":[{\"n\":\"13\"}]}",
		"{\"e\":[{\"n\":\"13\",\"sv\":\"7\"}]}",
		"{\"e\":[{\"n\":\"13\",\"v\":7,\"sv\":\"7\"}]}",
		"{\"e\":[{\"n\":\"1\",\"sv\":\"*\"}]}",
		"{\"e\":[{\"n\":\"../13\",\"v\":7}]}",
		"{\"bn\":\"/26242/1/\",\"e\":[{\"n\":\"13\",\"v\":7}]}",
	};
	char words[CONTENT_WORDS_MAX];
	uint8_t *kept;

	(void)state;
	expect_encoded(COAP_FORMAT_LWM2M_JSON, "/3/0", v, 3, json, strlen(json));
	expect_encoded(1543, "/3/0", v, 3, json, strlen(json));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct lwm2m_set set = {0};

		if (decode(COAP_FORMAT_LWM2M_JSON, "/26242/0", same[i], strlen(same[i]), &set,
			   &kept, words) != 0)
			fail_msg("%s: %s", same[i], words);
		assert_int_equal(set.n, 1);
		assert_int_equal(set.v[0].i, 7);
		lwm2m_set_clear(&set);
		free(kept);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_code(COAP_FORMAT_LWM2M_JSON, "/26242/0", bad[i], strlen(bad[i]),
			    COAP_400_BAD_REQUEST);
	/* octets are standard base64 in a string */
	expect_encoded(COAP_FORMAT_LWM2M_JSON, "/26242/0/1",
		       (struct lwm2m_value[]){bytes("/26242/0/1", MODEL_OPAQUE, "\xfb\xff")}, 1,
		       S("{\"bn\":\"/26242/0/1\",\"e\":[{\"sv\":\"+/8=\"}]}"));
}

/* ---- LwM2M CBOR ------------------------------------------------------------- */

#define LCBOR(base, v, n, s) \
	expect_encoded(COAP_FORMAT_LWM2M_CBOR, base, v, n, s, sizeof(s) - 1)

static void test_lwm2m_cbor(void **state)
{
	struct lwm2m_value v[4];

	(void)state;
	LCBOR("/3", NULL, 0, "\xbf\xff");
	v[0] = integer("/3/3/3", 25);
	LCBOR("/", v, 1, "\xbf\x03\xbf\x03\xbf\x03\x18\x19\xff\xff\xff");
	LCBOR("/3/3/3", v, 1, "\xbf\x03\xbf\x03\xbf\x03\x18\x19\xff\xff\xff");
	v[1] = integer("/1/1/1", 11);
	LCBOR("/", v, 2,
	      "\xbf\x03\xbf\x03\xbf\x03\x18\x19\xff\xff\x01\xbf\x01\xbf\x01\x0b\xff\xff\xff");
	v[1] = integer("/3/1/1", 11);
	LCBOR("/", v, 2, "\xbf\x03\xbf\x03\xbf\x03\x18\x19\xff\x01\xbf\x01\x0b\xff\xff\xff");
	v[1] = integer("/3/3/1", 11);
	LCBOR("/", v, 2, "\xbf\x03\xbf\x03\xbf\x03\x18\x19\x01\x0b\xff\xff\xff");
	v[0] = integer("/3/3/3/0", 25);
	v[1] = integer("/3/3/3/1", 11);
	LCBOR("/", v, 2, "\xbf\x03\xbf\x03\xbf\x03\xbf\x00\x18\x19\x01\x0b\xff\xff\xff\xff");
	v[1] = integer("/3/3/1/0", 11);
	LCBOR("/", v, 2,
	      "\xbf\x03\xbf\x03\xbf\x03\xbf\x00\x18\x19\xff\x01\xbf\x00\x0b\xff\xff\xff\xff");
	v[1] = integer("/3/1/0/0", 11);
	LCBOR("/", v, 2,
	      "\xbf\x03\xbf\x03\xbf\x03\xbf\x00\x18\x19\xff\xff\x01\xbf\x00\xbf\x00\x0b\xff\xff"
	      "\xff\xff");
	v[1] = integer("/1/0/0/0", 11);
	LCBOR("/", v, 2,
	      "\xbf\x03\xbf\x03\xbf\x03\xbf\x00\x18\x19\xff\xff\xff\x01\xbf\x00\xbf\x00\xbf\x00"
	      "\x0b\xff\xff\xff\xff");
	v[0] = integer("/3/3/3", 25);
	v[1] = integer("/3/3/1/1", 11);
	LCBOR("/", v, 2, "\xbf\x03\xbf\x03\xbf\x03\x18\x19\x01\xbf\x01\x0b\xff\xff\xff\xff");
	/* types; {8: {8: {2: 1(3), 5: false, 6: "17:18", 7: 1.1}}} */
	v[0] = (struct lwm2m_value){.path = at("/8/8/2"), .type = MODEL_TIME, .i = 3};
	v[1] = (struct lwm2m_value){.path = at("/8/8/5"), .type = MODEL_BOOLEAN};
	v[2] = (struct lwm2m_value){
		.path = at("/8/8/6"), .type = MODEL_OBJLNK, .object = 17, .instance = 18};
	v[3] = (struct lwm2m_value){.path = at("/8/8/7"), .type = MODEL_FLOAT, .f = 1.1};
	LCBOR("/", v, 4,
	      "\xbf\x08\xbf\x08\xbf\x02\xc1\x03\x05\xf4\x06\x65"
	      "17:18\x07\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a\xff\xff\xff");
	/* a multiple resource without instances is an empty map */
	v[0] = (struct lwm2m_value){.path = at("/3/0/11/0"), .type = MODEL_NONE};
	LCBOR("/3/0", v, 1, "\xbf\x03\xbf\x00\xbf\x0b\xbf\xff\xff\xff\xff");
}

static void test_lwm2m_cbor_read(void **state)
{
	/* {[26242, 0, 13]: 42} in all the ways it can be said */
	static const struct {
		const char *s;
		size_t n;
	} good[] =
		{
			{S("\xa1\x83\x19\x66\x82\x00\x0d\x18\x2a")},
			{S("\xbf\x9f\x19\x66\x82\x00\x0d\xff\x18\x2a\xff")},
			{S("\xa1\x19\x66\x82\xa1\x00\xa1\x0d\x18\x2a")},
			{S("\xbf\x19\x66\x82\xbf\x00\xbf\x0d\x18\x2a\xff\xff\xff")},
			{S("\xa1\x81\x19\x66\x82\xa1\x81\x00\xa1\x81\x0d\x18\x2a")},
			{S("\xa1\x82\x19\x66\x82\x00\xa1\x0d\x18\x2a")},
			{S("\xa1\x19\x66\x82\xa1\x82\x00\x0d\x18\x2a")},
		},
	  bad[] = {
		  {S("")},
		  {S("\x80")},				   /* an array */
		  {S("\xa1")},				   /* cut short */
		  {S("\xa1\x19\x66\x82\xa1\x00\xa1\x0d")}, /* the same further in */
		  {S("\xbf\x19\x66\x82\xbf\x00\xbf\x0d\x18\x2a\xff\xff")},
		  {S("\xa1\x80\x01")},	       /* a key of no steps */
		  {S("\xa1\x20\x01")},	       /* -1 */
		  {S("\xa1\x19\xff\xff\x01")}, /* 65535 */
		  {S("\xa1\x61\x33\x01")},     /* text */
		  {S("\xa1\x85\x19\x66\x82\x00\x0d\x00\x00\x01")},
		  {S("\xa1\x83\x19\x66\x82\x00\x0d\x18\x2a\x00")}, /* bytes after it */
		  {S("\xa1\x83\x19\x66\x82\x00\x0d\x80")},	   /* an array as value */
		  {S("\xa1\x83\x19\x66\x82\x00\x0d\xa1\x00\x01")}, /* no such instances */
		  {S("\xa1\x83\x19\x66\x82\x01\x0d\x18\x2a")},	   /* another instance */
		  {S("\xa1\x82\x19\x66\x82\x00\x01")},		   /* no resource */
		  {S("\xa1\x83\x19\x66\x82\x00\x0d\x61\x78")},	   /* text for an integer */
		  {S("\xa1\x84\x18\x03\x00\x0b\x00\xa1\x00\x01")}, /* below an instance */
	  };
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};
	uint8_t *kept;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (decode(COAP_FORMAT_LWM2M_CBOR, "/26242/0", good[i].s, good[i].n, &set,
			   &kept, words) != 0)
			fail_msg("%zu: %s", i, words);
		assert_int_equal(set.n, 1);
		assert_int_equal(set.v[0].i, 42);
		assert_int_equal(set.v[0].path.id[2], 13);
		lwm2m_set_clear(&set);
		free(kept);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_code(COAP_FORMAT_LWM2M_CBOR, "/26242/0", bad[i].s, bad[i].n,
			    COAP_400_BAD_REQUEST);
	/* {[3, 0, 11]: {2: null, 3: 5}} */
	assert_int_equal(decode(COAP_FORMAT_LWM2M_CBOR, "/3/0/11",
				S("\xa1\x83\x03\x00\x0b\xa2\x02\xf6\x03\x05"), &set, &kept,
				words),
			 0);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.v[0].type, MODEL_NONE);
	assert_int_equal(set.v[0].path.depth, 4);
	assert_int_equal(set.v[1].i, 5);
	lwm2m_set_clear(&set);
	free(kept);
}

/* ---- composite: names ------------------------------------------------------- */

static void test_names(void **state)
{
	static const struct {
		uint32_t format;
		const char *s;
		size_t n;
	} good[] = {
		{COAP_FORMAT_SENML_JSON, S("[{\"n\":\"/3/0/0\"},{\"n\":\"/26241\"}]")},
		{COAP_FORMAT_SENML_JSON,
		 S("[{\"bn\":\"/\",\"n\":\"3/0/0\"},{\"n\":\"26241\"}]")},
		{COAP_FORMAT_SENML_CBOR, S("\x82\xa1\x00\x66/3/0/0\xa1\x00\x66/26241")},
		{COAP_FORMAT_LWM2M_CBOR, S("\xa2\x83\x03\x00\x00\xf6\x19\x66\x81\xf6")},
		{COAP_FORMAT_LWM2M_CBOR, S("\xa2\x03\xa1\x00\xa1\x00\xf6\x19\x66\x81\xa0")},
	};
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (lwm2m_decode_paths(good[i].format, (const uint8_t *)good[i].s, good[i].n,
				       &set, words) != 0)
			fail_msg("%zu: %s", i, words);
		assert_int_equal(set.n, 2);
		assert_int_equal(set.v[0].path.depth, 3);
		assert_int_equal(set.v[1].path.depth, 1);
		assert_int_equal(set.v[1].path.id[0], 26241);
		lwm2m_set_clear(&set);
	}
	assert_int_equal(lwm2m_decode_paths(COAP_FORMAT_SENML_JSON,
					    (const uint8_t *)S("[{\"n\":\"/3/0/0\",\"v\":1}]"),
					    &set, words),
			 COAP_400_BAD_REQUEST);
	lwm2m_set_clear(&set);
	assert_int_equal(
		lwm2m_decode_paths(COAP_FORMAT_LWM2M_TLV, (const uint8_t *)S(""), &set, words),
		COAP_415_FORMAT);
	assert_int_equal(lwm2m_decode_paths(COAP_FORMAT_LWM2M_CBOR,
					    (const uint8_t *)S("\xa1\x03\x05"), &set, words),
			 COAP_400_BAD_REQUEST);
	lwm2m_set_clear(&set);
}

/* ---- all formats ------------------------------------------------------------- */

static void test_nulls(void **state)
{
	/* object 1 has nothing that is multiple: /3/0/11 stands for it */
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};
	uint8_t *kept;

	(void)state;
	assert_int_equal(
		decode(COAP_FORMAT_SENML_JSON, "/3/0",
		       S("[{\"n\":\"/3/0/11/2\",\"v\":null},{\"n\":\"/3/0/11\",\"v\":null}]"),
		       &set, &kept, words),
		0);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.v[0].type, MODEL_NONE);
	assert_int_equal(set.v[0].path.depth, 4);
	assert_int_equal(set.v[1].type, MODEL_NONE);
	assert_int_equal(set.v[1].path.depth, 3);
	lwm2m_set_clear(&set);
	free(kept);
	/* plain CBOR is one value */
	expect_code(COAP_FORMAT_CBOR, "/26242/0/13", S("\xf6"), COAP_400_BAD_REQUEST);
}

static void expect_unfit(uint32_t format, const char *base, const struct lwm2m_value *v)
{
	struct model_buf out = {.max = 4096};
	struct lwm2m_path path = at(base);
	char words[CONTENT_WORDS_MAX] = "";
	struct lwm2m_set set = {0};

	assert_int_equal(lwm2m_set_add(&set, v), 0);
	assert_int_equal(lwm2m_encode(format, &path, &set, &out, words),
			 COAP_406_NOT_ACCEPTABLE);
	assert_true(strlen(words) > 0);
	model_buf_free(&out);
	lwm2m_set_clear(&set);
}

static void test_unfit(void **state)
{
	struct lwm2m_value v = integer("/26242/0/13", 5), text;

	(void)state;
	expect_unfit(COAP_FORMAT_TEXT, "/26242/0", &v);
	expect_unfit(COAP_FORMAT_CBOR, "/26242/0", &v);
	expect_unfit(COAP_FORMAT_OCTETS, "/26242/0/13", &v);
	expect_unfit(COAP_FORMAT_LWM2M_TLV, "/", &v);
	expect_unfit(COAP_FORMAT_LWM2M_JSON, "/", &v);
	expect_unfit(COAP_FORMAT_LINK, "/26242/0/13", &v);
	expect_unfit(9999, "/26242/0/13", &v);
	/* JSON has no place for bytes that are no text */
	text = bytes("/3/0/0", MODEL_STRING, "\xff\xfe");
	expect_unfit(COAP_FORMAT_SENML_JSON, "/3/0/0", &text);
	expect_unfit(COAP_FORMAT_LWM2M_JSON, "/3/0/0", &text);
}

/* numbers at their ends, through every format and back */
static void test_numbers(void **state)
{
	static const int64_t numbers[] = {
		0, 1, -1, 127, 128, -129, 65535, INT32_MIN, 1LL << 53, INT64_MAX, INT64_MIN};
	static const uint32_t formats[] = {
		COAP_FORMAT_TEXT,	COAP_FORMAT_CBOR,      COAP_FORMAT_SENML_JSON,
		COAP_FORMAT_SENML_CBOR, COAP_FORMAT_LWM2M_TLV, COAP_FORMAT_LWM2M_JSON,
		COAP_FORMAT_LWM2M_CBOR,
	};
	struct lwm2m_path path = at("/26242/0/13");
	char words[CONTENT_WORDS_MAX];

	(void)state;
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			struct lwm2m_value v = integer("/26242/0/13", numbers[i]);
			struct lwm2m_set set = {0}, back = {0};
			struct model_buf out = {.max = 256};

			assert_int_equal(lwm2m_set_add(&set, &v), 0);
			assert_int_equal(lwm2m_encode(formats[f], &path, &set, &out, words), 0);
			if (lwm2m_decode(formats[f], &path, out.p, out.len, &back, words) != 0)
				fail_msg("%u: %s", formats[f], words);
			assert_int_equal(back.n, 1);
			assert_int_equal(back.v[0].i, numbers[i]);
			lwm2m_set_clear(&set);
			lwm2m_set_clear(&back);
			model_buf_free(&out);
		}
	}
}

static void test_base64_url(void **state)
{
	/* RFC 4648, 10, without padding */
	static const char *const vectors[] = {"",	"Zg",	   "Zm8",     "Zm9v",
					      "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct model_buf b = {.max = 64};
		size_t n = strlen(vectors[i]);

		model_buf_base64(&b, (const uint8_t *)"foobar", i, true);
		assert_int_equal(b.len, n);
		if (n)
			assert_memory_equal(b.p, vectors[i], n);
		assert_int_equal(base64_decode((const uint8_t *)vectors[i], n, out, true),
				 (ssize_t)i);
		assert_memory_equal(out, "foobar", i);
		model_buf_free(&b);
	}
	assert_int_equal(base64_decode((const uint8_t *)S("Zg=="), out, true), 1);
	assert_int_equal(base64_decode((const uint8_t *)S("Zg="), out, true), -1);
	assert_int_equal(base64_decode((const uint8_t *)S("Z"), out, true), -1);
	assert_int_equal(base64_decode((const uint8_t *)S("Zh"), out, true), -1);
	assert_int_equal(base64_decode((const uint8_t *)S("+/8"), out, true), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_senml_json), cmocka_unit_test(test_senml_json_bad),
		cmocka_unit_test(test_times),	   cmocka_unit_test(test_old_json),
		cmocka_unit_test(test_lwm2m_cbor), cmocka_unit_test(test_lwm2m_cbor_read),
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_unfit),	   cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_base64_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
