// SPDX-License-Identifier: Apache-2.0
/*
 * Codecs of LwM2M. TLV vectors: OMA-TS-LightweightM2M-V1_0_2, 6.4.3.1 and
 * 6.4.3.2. SenML vectors were made with Python's cbor2.
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

#include "lwm2m/senml.h"
#include "lwm2m/text.h"
#include "lwm2m/tlv.h"

static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;
	unsigned int x;

	for (; *s; s++) {
		if (*s == ' ')
			continue;
		assert_int_equal(sscanf(s, "%2x", &x), 1);
		out[n++] = (uint8_t)x;
		s++;
	}
	return n;
}

static int decode(uint32_t format, const struct lwm2m_path *base, const char *hex,
		  struct lwm2m_set *set, char *words)
{
	static uint8_t *kept;
	uint8_t b[1024];
	size_t n = unhex(hex, b);

	/* exactly as long as it is, for the address sanitizer; values point into it */
	free(kept);
	kept = malloc(n ? n : 1);
	memcpy(kept, b, n);
	words[0] = '\0';
	return lwm2m_decode(format, base, kept, n, set, words);
}

static void check_encode(uint32_t format, const struct lwm2m_path *base,
			 const struct lwm2m_set *set, const char *hex)
{
	struct model_buf out = {.max = 4096};
	char words[CONTENT_WORDS_MAX];
	uint8_t b[1024];
	size_t n = unhex(hex, b);

	assert_int_equal(lwm2m_encode(format, base, set, &out, words), 0);
	if (out.len != n || memcmp(out.p, b, n) != 0) {
		for (size_t i = 0; i < out.len; i++)
			print_message("%02x", out.p[i]);
		print_message("\n");
	}
	assert_int_equal(out.len, n);
	assert_memory_equal(out.p, b, n);
	model_buf_free(&out);
}

static struct lwm2m_value string(uint16_t o, uint16_t i, uint16_t r, const char *s)
{
	return (struct lwm2m_value){.path = lwm2m_path_at(3, o, i, r, 0),
				    .type = MODEL_STRING,
				    .p = (const uint8_t *)s,
				    .len = strlen(s)};
}

static struct lwm2m_value number(enum model_type type, uint8_t depth, uint16_t o, uint16_t i,
				 uint16_t r, uint16_t ri, int64_t x)
{
	return (struct lwm2m_value){
		.path = lwm2m_path_at(depth, o, i, r, ri), .type = type, .i = x};
}

static void add(struct lwm2m_set *set, struct lwm2m_value v)
{
	assert_int_equal(lwm2m_set_add(set, &v), 0);
}

/* the resources of the specification's Device that we have too */
static void device(struct lwm2m_set *set)
{
	add(set, string(3, 0, 0, "Open Mobile Alliance"));
	add(set, string(3, 0, 1, "Lightweight M2M Client"));
	add(set, string(3, 0, 2, "345000123"));
	add(set, string(3, 0, 3, "1.0"));
	add(set, number(MODEL_INTEGER, 4, 3, 0, 11, 0, 0));
	add(set, number(MODEL_TIME, 3, 3, 0, 13, 0, 1367491215));
	add(set, string(3, 0, 16, "U"));
}

#define DEVICE_TLV                                           \
	"c800144f70656e204d6f62696c6520416c6c69616e6365"     \
	"c801164c69676874776569676874204d324d20436c69656e74" \
	"c80209333435303030313233"                           \
	"c303312e30"                                         \
	"830b410000"                                         \
	"c40d5182428f"                                       \
	"c11055"

static void test_tlv_device(void **state)
{
	struct lwm2m_path instance = lwm2m_path_at(2, 3, 0, 0, 0),
			  object = lwm2m_path_at(1, 3, 0, 0, 0);
	struct lwm2m_set set = {0}, back = {0};
	char words[CONTENT_WORDS_MAX];

	(void)state;
	device(&set);
	check_encode(COAP_FORMAT_LWM2M_TLV, &instance, &set, DEVICE_TLV);
	/* the same as object: one instance, 8-bit length */
	check_encode(COAP_FORMAT_LWM2M_TLV, &object, &set, "08004f" DEVICE_TLV);
	assert_int_equal(decode(COAP_FORMAT_LWM2M_TLV, &instance, DEVICE_TLV, &back, words), 0);
	assert_int_equal(back.n, set.n);
	for (size_t i = 0; i < set.n; i++) {
		assert_true(lwm2m_path_equal(&set.v[i].path, &back.v[i].path));
		assert_int_equal(set.v[i].type, back.v[i].type);
		assert_int_equal(set.v[i].i, back.v[i].i);
		if (set.v[i].type != MODEL_STRING)
			continue;
		assert_int_equal(set.v[i].len, back.v[i].len);
		assert_memory_equal(set.v[i].p, back.v[i].p, set.v[i].len);
	}
	lwm2m_set_clear(&back);
	assert_int_equal(
		decode(COAP_FORMAT_LWM2M_TLV, &object, "08004f" DEVICE_TLV, &back, words), 0);
	assert_int_equal(back.n, set.n);
	lwm2m_set_clear(&back);
	lwm2m_set_clear(&set);
}

/* the elements of the specification's Device and Access Control, by themselves */
static void test_tlv_elements(void **state)
{
	static const struct {
		const char *hex;
		enum lwm2m_tlv_kind kind;
		uint16_t id;
		size_t len;
	} vectors[] = {
		{"860641000141 0105", LWM2M_TLV_MULTIPLE_RESOURCE, 6, 6},
		{"88070842000ed842011388", LWM2M_TLV_MULTIPLE_RESOURCE, 7, 8},
		{"87084100 7d42010384", LWM2M_TLV_MULTIPLE_RESOURCE, 8, 7},
		{"c10964", LWM2M_TLV_RESOURCE, 9, 1},
		{"c60e2b30323a3030", LWM2M_TLV_RESOURCE, 14, 6},
		{"08000ec10001c101008302417f07c1037f", LWM2M_TLV_OBJECT_INSTANCE, 0, 14},
		{"610136 01", LWM2M_TLV_RESOURCE_INSTANCE, 310, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t b[64], header[LWM2M_TLV_HEADER_MAX];
		size_t n = unhex(vectors[i].hex, b), left = n, h;
		const uint8_t *p = b;
		struct lwm2m_tlv t;

		assert_int_equal(lwm2m_tlv_next(&p, &left, &t), 1);
		assert_int_equal(t.kind, vectors[i].kind);
		assert_int_equal(t.id, vectors[i].id);
		assert_int_equal(t.len, vectors[i].len);
		assert_int_equal(left, 0);
		h = lwm2m_tlv_header(header, t.kind, t.id, t.len);
		assert_int_equal(h + t.len, n);
		assert_memory_equal(header, b, h);
		/* every cut of it is refused */
		for (size_t cut = 1; cut < n; cut++) {
			uint8_t *q = malloc(cut);

			memcpy(q, b, cut);
			p = q;
			left = cut;
			assert_int_equal(lwm2m_tlv_next(&p, &left, &t), -EBADMSG);
			free(q);
		}
	}
}

static void test_tlv_numbers(void **state)
{
	static const struct {
		int64_t x;
		const char *hex;
	} vectors[] = {
		{0, "c10d00"},
		{127, "c10d7f"},
		{-128, "c10d80"},
		{128, "c20d0080"},
		{-129, "c20dff7f"},
		{65535, "c40d0000ffff"},
		{INT32_MIN, "c40d80000000"},
		{INT64_MAX, "c80d087fffffffffffffff"},
		{INT64_MIN, "c80d088000000000000000"},
	};
	struct lwm2m_path path = lwm2m_path_at(3, 26242, 0, 13, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct lwm2m_set set = {0};
		char words[CONTENT_WORDS_MAX];

		add(&set, number(MODEL_INTEGER, 3, 26242, 0, 13, 0, vectors[i].x));
		check_encode(COAP_FORMAT_LWM2M_TLV, &path, &set, vectors[i].hex);
		lwm2m_set_clear(&set);
		assert_int_equal(
			decode(COAP_FORMAT_LWM2M_TLV, &path, vectors[i].hex, &set, words), 0);
		assert_int_equal(set.v[0].i, vectors[i].x);
		lwm2m_set_clear(&set);
	}
}

static void test_tlv_bad(void **state)
{
	static const struct {
		const char *hex;
		int code;
		const char *says;
	} vectors[] = {
		{"c30d000000", COAP_400_BAD_REQUEST, "/26242/0/13"}, /* three-byte integer */
		{"c10c02", COAP_400_BAD_REQUEST, "/26242/0/12"},
		{"c2000001", COAP_400_BAD_REQUEST, "four bytes"},
		{"c10d", COAP_400_BAD_REQUEST, "cut short"},
		{"c16301", COAP_404_NOT_FOUND, "/26242/0/99"},
		{"830d410000", COAP_400_BAD_REQUEST, "no resource instances"},
		{"410000", COAP_400_BAD_REQUEST, "a resource is expected"},
		{"0801 03c10d00", COAP_400_BAD_REQUEST, "another object instance"},
		{"0800 03c10d00 0801 03c10d00", COAP_400_BAD_REQUEST, "more than one"},
		{"c10301", COAP_400_BAD_REQUEST, "no value"}, /* Run */
	};
	struct lwm2m_path path = lwm2m_path_at(2, 26242, 0, 0, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct lwm2m_set set = {0};
		char words[CONTENT_WORDS_MAX];

		assert_int_equal(
			decode(COAP_FORMAT_LWM2M_TLV, &path, vectors[i].hex, &set, words),
			vectors[i].code);
		if (!strstr(words, vectors[i].says))
			fail_msg("%s: \"%s\" does not say \"%s\"", vectors[i].hex, words,
				 vectors[i].says);
		lwm2m_set_clear(&set);
	}
}

static void test_senml(void **state)
{
	static const uint8_t aid[] = {0xa0, 0, 0, 1, 0x51};
	struct lwm2m_path device_path = lwm2m_path_at(2, 3, 0, 0, 0);
	struct lwm2m_path script = lwm2m_path_at(2, 26242, 0, 0, 0);
	struct lwm2m_set set = {0}, back = {0};
	struct model_buf head = {.max = 64};
	char words[CONTENT_WORDS_MAX];
	const char *hex = "84a321692f32363234322f302f00613063766c6f6732363234313a30"
			  "a20061310845a000000151a20062313204f5a2006231330220";
	uint8_t b[64];

	(void)state;
	/* dumps([{-2:"/3/0/",0:"0",3:"ACME"},{0:"11/0",2:0},{0:"13",2:1367491215},{0:"16",3:"U"}])
	 */
	add(&set, string(3, 0, 0, "ACME"));
	add(&set, number(MODEL_INTEGER, 4, 3, 0, 11, 0, 0));
	add(&set, number(MODEL_TIME, 3, 3, 0, 13, 0, 1367491215));
	add(&set, string(3, 0, 16, "U"));
	check_encode(COAP_FORMAT_SENML_CBOR, &device_path, &set,
		     "84a321652f332f302f006130036441434d45a2006431312f300200"
		     "a200623133021a5182428fa200623136036155");
	lwm2m_set_clear(&set);
	/* dumps([{-2:"/26242/0/",0:"0","vlo":"26241:0"},{0:"1",8:aid},{0:"12",4:True},{0:"13",2:-1}])
	 */
	add(&set, (struct lwm2m_value){.path = lwm2m_path_at(3, 26242, 0, 0, 0),
				       .type = MODEL_OBJLNK,
				       .object = 26241});
	add(&set, (struct lwm2m_value){.path = lwm2m_path_at(3, 26242, 0, 1, 0),
				       .type = MODEL_OPAQUE,
				       .p = aid,
				       .len = sizeof(aid)});
	add(&set, number(MODEL_BOOLEAN, 3, 26242, 0, 12, 0, 1));
	add(&set, number(MODEL_INTEGER, 3, 26242, 0, 13, 0, -1));
	check_encode(COAP_FORMAT_SENML_CBOR, &script, &set, hex);
	assert_int_equal(decode(COAP_FORMAT_SENML_CBOR, &script, hex, &back, words), 0);
	assert_int_equal(back.n, 4);
	assert_int_equal(back.v[0].object, 26241);
	assert_int_equal(back.v[0].instance, 0);
	assert_memory_equal(back.v[1].p, aid, sizeof(aid));
	assert_int_equal(back.v[2].i, 1);
	assert_int_equal(back.v[3].i, -1);
	lwm2m_set_clear(&back);
	lwm2m_set_clear(&set);
	/* dumps([{-2:"/26242/0",0:"/13",2:30.0},{0:"/12",4:False}]) */
	assert_int_equal(decode(COAP_FORMAT_SENML_CBOR, &script,
				"82a321682f32363234322f3000632f313302fb403e000000000000"
				"a200632f313204f4",
				&back, words),
			 0);
	assert_int_equal(back.v[0].i, 30);
	assert_int_equal(back.v[1].i, 0);
	lwm2m_set_clear(&back);
	/* indefinite lengths, unknown fields with contents (unit, an array of maps), a tag */
	assert_int_equal(decode(COAP_FORMAT_SENML_CBOR, &script,
				"9fbf21692f32363234322f302f 01616d 6178 82a1010280"
				"61799fff 00623133 02c107ffff",
				&back, words),
			 0);
	assert_int_equal(back.n, 1);
	assert_int_equal(back.v[0].i, 7);
	lwm2m_set_clear(&back);
	/* head of dumps([{-2:"/26242/0/7",8:bytes(300)}]) */
	lwm2m_senml_opaque_head(&(struct lwm2m_path){3, {26242, 0, 7}}, 300, &head);
	assert_int_equal(head.len, unhex("81a2216a2f32363234322f302f370859012c", b));
	assert_memory_equal(head.p, b, head.len);
	model_buf_free(&head);
}

static void test_senml_names(void **state)
{
	/* dumps([{0:"/3/0/0"},{0:"/26242/0/4"}]) */
	uint8_t b[64];
	size_t n = unhex("82a100662f332f302f30a1006a2f32363234322f302f34", b);
	struct lwm2m_path root = {0};
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];

	(void)state;
	assert_int_equal(lwm2m_senml_names(b, n, &set, words), 0);
	assert_int_equal(set.n, 2);
	assert_int_equal(set.v[1].path.id[0], 26242);
	assert_int_equal(set.v[1].path.depth, 3);
	lwm2m_set_clear(&set);
	assert_int_equal(lwm2m_senml_decode(&root, b, n, &set, words), COAP_400_BAD_REQUEST);
	lwm2m_set_clear(&set);
}

static void test_senml_bad(void **state)
{
	static const char *const vectors[] = {
		"",
		"a0",						       /* a map */
		"81",						       /* cut short */
		"81a0",						       /* no name */
		"81a100692f32363234322f302f",			       /* no resource */
		"81a2006b2f32363234322f302f3133 03 61 78",	       /* text for an integer */
		"81a2006b2f32363234322f302f313302f7",		       /* undefined */
		"81a2006b2f32363234322f302f313302 1bffffffffffffffff", /* too big */
		"81a3006b2f32363234322f302f313302 07 0207",	       /* two values */
		"81a2006b2f32363234322f302f313302 07 00",	       /* bytes after it */
		"81a2006b2f32363234322f312f313302 07",		       /* another instance */
		"81a3006b2f32363234322f302f313302 07 6278 5f01", /* must-understand field "x_"
								  */
		"81a2 24 01 02 07",				 /* base value */
		"81a2006b2f32363234322f302f313302fb3ff8000000000000", /* 1.5 */
		"9fa0",
		"ff",
		"81818181818181818181818181",
		"9b00ffffffffffffff",
	};
	struct lwm2m_path path = lwm2m_path_at(2, 26242, 0, 0, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct lwm2m_set set = {0};
		char words[CONTENT_WORDS_MAX];
		int code = decode(COAP_FORMAT_SENML_CBOR, &path, vectors[i], &set, words);

		if (code != COAP_400_BAD_REQUEST)
			fail_msg("%s: code %d", vectors[i], code);
		assert_true(strlen(words) > 0);
		lwm2m_set_clear(&set);
	}
}

static void one_text(const struct lwm2m_path *path, uint32_t format, const char *s, int code,
		     int64_t x)
{
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	size_t n = strlen(s);
	uint8_t *p = malloc(n ? n : 1);

	memcpy(p, s, n);
	if (lwm2m_decode(format, path, p, n, &set, words) != code)
		fail_msg("\"%s\"", s);
	if (code == 0)
		assert_int_equal(set.v[0].i, x);
	lwm2m_set_clear(&set);
	free(p);
}

static void test_text(void **state)
{
	struct lwm2m_path integer = lwm2m_path_at(3, 26242, 0, 13, 0);
	struct lwm2m_path boolean = lwm2m_path_at(3, 26242, 0, 12, 0);
	struct lwm2m_path link = lwm2m_path_at(3, 26242, 0, 0, 0);
	struct lwm2m_path opaque = lwm2m_path_at(3, 26242, 0, 1, 0);
	struct lwm2m_path instance = lwm2m_path_at(2, 26242, 0, 0, 0);
	/* RFC 4648, 10 */
	static const char *const base64[] = {"",	 "Zg==",     "Zm8=",	"Zm9v",
					     "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};

	(void)state;
	one_text(&integer, COAP_FORMAT_TEXT, "30", 0, 30);
	one_text(&integer, COAP_NO_FORMAT, "-9223372036854775808", 0, INT64_MIN);
	one_text(&integer, COAP_FORMAT_TEXT, "9223372036854775808", COAP_400_BAD_REQUEST, 0);
	one_text(&integer, COAP_FORMAT_TEXT, "", COAP_400_BAD_REQUEST, 0);
	one_text(&integer, COAP_FORMAT_TEXT, "1 ", COAP_400_BAD_REQUEST, 0);
	one_text(&boolean, COAP_FORMAT_TEXT, "1", 0, 1);
	one_text(&boolean, COAP_FORMAT_TEXT, "true", COAP_400_BAD_REQUEST, 0);
	one_text(&link, COAP_FORMAT_TEXT, "26241:0", 0, 0);
	one_text(&link, COAP_FORMAT_TEXT, "26241", COAP_400_BAD_REQUEST, 0);
	one_text(&link, COAP_FORMAT_TEXT, "26241:99999", COAP_400_BAD_REQUEST, 0);
	one_text(&instance, COAP_FORMAT_TEXT, "1", COAP_415_FORMAT, 0);
	one_text(&integer, COAP_FORMAT_OCTETS, "1", COAP_415_FORMAT, 0);
	one_text(&integer, 9999, "1", COAP_415_FORMAT, 0);
	one_text(&integer, COAP_FORMAT_CBOR, "\x18\x1e", 0, 30);
	one_text(&integer, COAP_FORMAT_CBOR, "\x18", COAP_400_BAD_REQUEST, 0);
	one_text(&opaque, COAP_FORMAT_TEXT, "Zg=", COAP_400_BAD_REQUEST, 0);
	one_text(&opaque, COAP_FORMAT_TEXT, "Zh==", COAP_400_BAD_REQUEST,
		 0); /* bits left over */
	one_text(&opaque, COAP_FORMAT_TEXT, "Z===", COAP_400_BAD_REQUEST, 0);
	for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++) {
		struct model_buf out = {.max = 64};

		assert_int_equal(lwm2m_decode(COAP_FORMAT_TEXT, &opaque,
					      (const uint8_t *)base64[i], strlen(base64[i]),
					      &set, words),
				 0);
		assert_int_equal(set.v[0].len, i);
		assert_memory_equal(set.v[0].p, "foobar", i);
		assert_int_equal(lwm2m_encode(COAP_FORMAT_TEXT, &opaque, &set, &out, words), 0);
		assert_int_equal(out.len, strlen(base64[i]));
		if (out.len)
			assert_memory_equal(out.p, base64[i], out.len);
		model_buf_free(&out);
		lwm2m_set_clear(&set);
	}
}

static void test_paths(void **state)
{
	static const struct {
		const char *s;
		int depth;
	} vectors[] = {
		{"", 0},
		{"/", 0},
		{"/3", 1},
		{"3/0", 2},
		{"/26242/0/7", 3},
		{"/3/0/11/0", 4},
		{"/3/0/11/0/1", -1},
		{"/03", -1},
		{"//3", -1},
		{"/3/", -1},
		{"/65534", 1},
		{"/65535", -1},
		{"/x", -1},
		{"/-1", -1},
		{"/99999999999999999999", -1},
	};
	struct lwm2m_path p;
	char s[LWM2M_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		int ret = lwm2m_path_parse(vectors[i].s, strlen(vectors[i].s), &p);

		if (ret != (vectors[i].depth < 0 ? -EINVAL : 0) ||
		    (ret == 0 && p.depth != vectors[i].depth))
			fail_msg("%s", vectors[i].s);
	}
	p = lwm2m_path_at(4, 65534, 65534, 65534, 65534);
	assert_string_equal(lwm2m_path_print(&p, s), "/65534/65534/65534/65534");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tlv_device),  cmocka_unit_test(test_tlv_elements),
		cmocka_unit_test(test_tlv_numbers), cmocka_unit_test(test_tlv_bad),
		cmocka_unit_test(test_senml),	    cmocka_unit_test(test_senml_names),
		cmocka_unit_test(test_senml_bad),   cmocka_unit_test(test_text),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
