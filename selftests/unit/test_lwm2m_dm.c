// SPDX-License-Identifier: Apache-2.0
/* Operations of the server, bodies in blocks. */
#include "unit/lwm2m_world.h"
#include "lwm2m/tlv.h"

/* ---- operations ------------------------------------------------------------ */

static void test_read(void **state)
{
	/* OMA-TS-LightweightM2M-V1_0_2, 6.4.3.1, without what we have not, and with TCP */
	static const char tlv[] = "\xc8\x00\x14Open Mobile Alliance"
				  "\xc8\x01\x16Lightweight M2M Client"
				  "\xc8\x02\x09"
				  "345000123"
				  "\xc3\x03"
				  "1.0"
				  "\x83\x0b\x41\x00\x00"
				  "\xc4\x0d\x51\x82\x42\x8f"
				  "\xc2\x10UT";
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "3/0", .accept = COAP_FORMAT_LWM2M_TLV)),
		COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_LWM2M_TLV);
	expect_payload(&m, tlv, sizeof(tlv) - 1);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/2", .accept = COAP_FORMAT_TEXT)),
			 COAP_205_CONTENT);
	expect_payload(&m, "345000123", 9);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26241/0/4", .accept = COAP_FORMAT_CBOR)),
		COAP_205_CONTENT);
	expect_payload(&m, "\x03", 1);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26241/0/7/0", .accept = COAP_FORMAT_OCTETS)),
		COAP_205_CONTENT);
	expect_payload(&m, "\xe3\x07\x4f\x05\xa0\x00\x00\x01\x51", 9);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26241/0/7", .accept = COAP_FORMAT_LWM2M_TLV)),
		COAP_205_CONTENT);
	expect_payload(&m, "\x88\x07\x0c\x48\x00\x09\xe3\x07\x4f\x05\xa0\x00\x00\x01\x51", 15);
	/* 1.1 without Accept: one value as it is, more as SenML CBOR */
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/1")), COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_TEXT);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241")), COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_SENML_CBOR);
	/* errors in words */
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/2")), COAP_404_NOT_FOUND);
	expect_words(&m, "not known");
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/1")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/8")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26242/0/2")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "99")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "x")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/0/0")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0", .accept = COAP_FORMAT_TEXT)),
			 COAP_406_NOT_ACCEPTABLE);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0", .accept = 9999)),
			 COAP_406_NOT_ACCEPTABLE);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "")), COAP_405_METHOD_NOT_ALLOWED);
}

static void test_discover(void **state)
{
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "3/0", .query = "pmin=10&pmax=60")),
			 COAP_204_CHANGED);
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "26242/0/4", .query = "gt=2.5")),
			 COAP_204_CHANGED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3", .accept = COAP_FORMAT_LINK)),
			 COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_LINK);
	expect_words(&m, "</3>,</3/0>;pmin=10;pmax=60,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/3>,"
			 "</3/0/4>,</3/0/11>;dim=1,</3/0/12>,</3/0/13>,</3/0/16>");
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26242/0", .accept = COAP_FORMAT_LINK)),
		COAP_205_CONTENT);
	expect_words(&m, "</26242/0>,</26242/0/0>,</26242/0/1>,</26242/0/2>,</26242/0/3>,"
			 "</26242/0/4>;gt=2.5,</26242/0/5>");
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26241/0/7", .accept = COAP_FORMAT_LINK)),
		COAP_205_CONTENT);
	expect_payload(&m, "</26241/0/7>;dim=1,</26241/0/7/0>", 33);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26241/0/2", .accept = COAP_FORMAT_LINK)),
		COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "3/0/2", .query = "gt=1")),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "3/0", .query = "pmin=9&pmax=1")),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "3/0", .query = "pmin=inf")),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "3/0", .query = "nonsense=1")),
			 COAP_400_BAD_REQUEST);
	expect_words(&m, "there are pmin");
}

static void test_write(void **state)
{
	struct world *w = *state;
	struct lwm2m_script *s = &w->scripts[0].s;
	struct coap_msg m;

	register_11(w);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "26242/0/1", .format = COAP_FORMAT_OCTETS,
					 .payload = "\xa0\0\0\1\x51", .len = 5)),
			 COAP_204_CHANGED);
	assert_int_equal(s->aid_len, 5);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "26242/0/1", .format = COAP_FORMAT_OCTETS,
					 .payload = "\xa0\0\0\1", .len = 4)),
			 COAP_400_BAD_REQUEST);
	expect_words(&m, "5 to 16 bytes");
	assert_int_equal(s->aid_len, 5);
	/* partial update leaves the AID, replace does not */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242/0", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\xc1\x0c\x01\xc1\x0d\x1e", .len = 6)),
			 COAP_204_CHANGED);
	assert_true(s->keep_channel);
	assert_int_equal(s->deadline_s, 30);
	assert_int_equal(s->aid_len, 5);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "26242/0", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\xc1\x0d\x05", .len = 3)),
			 COAP_204_CHANGED);
	assert_false(s->keep_channel);
	assert_int_equal(s->deadline_s, 5);
	assert_int_equal(s->aid_len, 0);
	/* all or nothing: the second value is wrong */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242/0", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\xc1\x0d\x07\xc1\x0c\x02", .len = 6)),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(s->deadline_s, 5);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242/0", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\xc1\x0d\x07\xc1\x04\x02", .len = 6)),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "26242/0/0", .format = 0,
					 .payload = "26241:3", .len = 7)),
			 COAP_400_BAD_REQUEST);
	expect_words(&m, "there is no /26241/3");
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "26242/0/13", .format = COAP_FORMAT_LWM2M_TLV,
				.payload = "\xc1\x0c\x01", .len = 3)),
		COAP_400_BAD_REQUEST);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "26242/0/13", .format = 9999,
					 .payload = "[]", .len = 2)),
			 COAP_415_FORMAT);
	/* Write-Composite: cbor2.dumps([{0:"/26242/0/13",2:7},{0:"/1/0/1",2:600}]) */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_IPATCH, "", .format = COAP_FORMAT_SENML_CBOR,
					 .payload = "\x82\xa2\x00\x6b/26242/0/13\x02\x07"
						    "\xa2\x00\x66/1/0/1\x02\x19\x02\x58",
					 .len = 30)),
			 COAP_204_CHANGED);
	assert_int_equal(s->deadline_s, 7);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "lt=600", "");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
}

/* [{0:"/1\n<0>x",2:7}]: what the server wrote does not become a line of the log */
static void test_log_is_one_line(void **state)
{
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_IPATCH, "", .format = COAP_FORMAT_SENML_CBOR,
				.payload = "\x81\xa2\x00\x67/1\n<0>x\x02\x07", .len = 13)),
		COAP_400_BAD_REQUEST);
	assert_non_null(strstr(w->logged, "/1?<0>x"));
	assert_null(strchr(w->logged, '\n'));
}

static void test_composite_read(void **state)
{
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	/* [{0:"/3/0/3"},{0:"/26241/0/2"},{0:"/26242/0/4"}]: the second is not there */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_FETCH, "", .format = COAP_FORMAT_SENML_CBOR,
					 .payload = "\x83\xa1\x00\x66/3/0/3"
						    "\xa1\x00\x6a/26241/0/2"
						    "\xa1\x00\x6a/26242/0/4",
					 .len = 36)),
			 COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_SENML_CBOR);
	/* [{-2:"/",0:"3/0/3",3:"1.0"},{0:"26242/0/4",2:0}] */
	expect_payload(&m,
		       "\x82\xa3\x21\x61/\x00\x65"
		       "3/0/3\x03\x63"
		       "1.0\xa2\x00\x69"
		       "26242/0/4\x02\x00",
		       31);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_FETCH, "", .format = COAP_FORMAT_SENML_CBOR,
					 .payload = "\x80", .len = 1)),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_FETCH, "", .format = 0, .payload = "x", .len = 1)),
		COAP_415_FORMAT);
}

static void test_execute_once(void **state)
{
	const struct request run = REQUEST(COAP_POST, "26242/0/3");
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	assert_int_equal(request(w, &m, run), COAP_204_CHANGED);
	assert_int_equal(w->scripts[0].runs, 1);
	/* the network repeats it */
	w->mid--;
	w->scripts[0].s.state = MODEL_SCRIPT_IDLE;
	assert_int_equal(request(w, &m, run), COAP_204_CHANGED);
	assert_int_equal(w->scripts[0].runs, 1);
	w->scripts[0].s.state = MODEL_SCRIPT_RUNNING;
	assert_int_equal(request(w, &m, run), COAP_405_METHOD_NOT_ALLOWED);
	expect_words(&m, "it runs");
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242/0/10")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242/0/4")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242/7/3")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242/0/99")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26241/0/8")),
			 COAP_405_METHOD_NOT_ALLOWED);
	expect_words(&m, "busy");
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26241/0/9", .format = 0,
					 .payload = "0='x'", .len = 5)),
			 COAP_204_CHANGED);
	assert_int_equal(w->refreshed, 1);
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242/0/11")), COAP_204_CHANGED);
}

static void test_create_delete(void **state)
{
	struct world *w = *state;
	struct coap_msg m;
	char s[64];

	register_11(w);
	/* a number of ours: the first free one; then the Update with the new list */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\xc1\x0d\x09", .len = 3)),
			 COAP_201_CREATED);
	assert_true(coap_opt_path(&m, COAP_OPT_LOCATION_PATH, s, sizeof(s)) > 0);
	assert_string_equal(s, "/26242/1");
	assert_int_equal(w->scripts[1].s.deadline_s, 9);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "",
		    "</>;rt=\"oma.lwm2m\";ct=\"60 110 112 "
		    "11542 11543\",</1/0>,</3/0>,</26241/0>,</26242/0>,</26242/1>");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	/* a number of the server's, TLV and SenML */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\x03\x03\xc1\x0c\x01", .len = 5)),
			 COAP_201_CREATED);
	assert_true(w->scripts[3].used && w->scripts[3].s.keep_channel);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_POST, "26242", .format = COAP_FORMAT_SENML_CBOR,
				.payload = "\x81\xa2\x00\x6b/26242/2/13\x02\x07", .len = 17)),
		COAP_201_CREATED);
	assert_int_equal(w->scripts[2].s.deadline_s, 7);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	/* what cannot be */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\x00\x03", .len = 2)),
			 COAP_400_BAD_REQUEST);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "26242", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\x00\x00", .len = 2)),
			 COAP_400_BAD_REQUEST);
	expect_words(&m, "there already");
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242")), COAP_500_INTERNAL);
	expect_words(&m, "too-many-jobs");
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26241")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "26241/0")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "26242")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "26242/1")), COAP_202_DELETED);
	assert_false(w->scripts[1].used);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "26242/1")), COAP_404_NOT_FOUND);
}

/* ---- blocks ---------------------------------------------------------------- */

static uint8_t put_block(struct world *w, struct coap_msg *m, const uint8_t *p, size_t len,
			 unsigned int num, unsigned int szx, uint32_t format)
{
	size_t size = (size_t)16 << szx, at = num * size;
	bool more = at + size < len;

	return request(w, m,
		       REQUEST(COAP_PUT, "26242/0/2", .format = format, .payload = p + at,
			       .len = more ? size : len - at,
			       .block1 = (int)(num << 4 | (more ? 8U : 0) | szx)));
}

static void test_script_in_blocks(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	size_t len = 100000;
	uint8_t *a = malloc(len), *b = malloc(len);
	struct coap_msg m;
	unsigned int i;

	for (size_t k = 0; k < len; k++) {
		a[k] = (uint8_t)(k * 7 >> 3);
		b[k] = (uint8_t)(k * 5 >> 2);
	}
	register_11(w);
	/* longer than anything that is collected: streamed */
	for (i = 0; i < len / 1024; i++)
		assert_int_equal(put_block(w, &m, a, len, i, 6, COAP_FORMAT_OCTETS),
				 COAP_231_CONTINUE);
	assert_false(s->complete);
	assert_int_equal(put_block(w, &m, a, len, i, 6, COAP_FORMAT_OCTETS), COAP_204_CHANGED);
	assert_true(s->complete);
	assert_int_equal(s->staged_len, len);
	assert_memory_equal(s->staged, a, len);
	/* it begins again in the middle: nothing of the first is left */
	for (i = 0; i < 5; i++)
		assert_int_equal(put_block(w, &m, a, 10000, i, 6, COAP_FORMAT_OCTETS),
				 COAP_231_CONTINUE);
	for (i = 0; i < 4; i++)
		assert_int_equal(put_block(w, &m, b, 5000, i, 6, COAP_FORMAT_OCTETS),
				 COAP_231_CONTINUE);
	assert_int_equal(put_block(w, &m, b, 5000, i, 6, COAP_FORMAT_OCTETS), COAP_204_CHANGED);
	assert_int_equal(s->staged_len, 5000);
	assert_memory_equal(s->staged, b, 5000);
	/* a block is missing */
	assert_int_equal(put_block(w, &m, a, 10000, 0, 6, COAP_FORMAT_OCTETS),
			 COAP_231_CONTINUE);
	assert_int_equal(put_block(w, &m, a, 10000, 2, 6, COAP_FORMAT_OCTETS),
			 COAP_408_INCOMPLETE);
	/* refused with the first block, not the last */
	s->s.state = MODEL_SCRIPT_DONE;
	assert_int_equal(put_block(w, &m, a, 10000, 0, 6, COAP_FORMAT_OCTETS),
			 COAP_405_METHOD_NOT_ALLOWED);
	expect_words(&m, "Clear first");
	s->s.state = MODEL_SCRIPT_IDLE;
	free(a);
	free(b);
}

static void test_tlv_in_blocks(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	size_t len = 70000, n;
	uint8_t *a = malloc(len), header[LWM2M_TLV_HEADER_MAX];
	struct coap_msg m;
	uint8_t code = COAP_231_CONTINUE;
	unsigned int i;

	memset(a, 0x55, len);
	n = lwm2m_tlv_header(header, LWM2M_TLV_RESOURCE, 2, 3000);
	memcpy(a, header, n);
	register_11(w);
	for (i = 0; code == COAP_231_CONTINUE; i++)
		code = put_block(w, &m, a, n + 3000, i, 5, COAP_FORMAT_LWM2M_TLV);
	assert_int_equal(code, COAP_204_CHANGED);
	assert_int_equal(s->staged_len, 3000);
	assert_memory_equal(s->staged, a + n, 3000);
	/* what has to be collected has a limit, and the answer says what to do */
	n = lwm2m_tlv_header(header, LWM2M_TLV_RESOURCE, 2, len - 5);
	memcpy(a, header, n);
	code = COAP_231_CONTINUE;
	for (i = 0; code == COAP_231_CONTINUE; i++)
		code = put_block(w, &m, a, len, i, 6, COAP_FORMAT_LWM2M_TLV);
	assert_int_equal(code, COAP_413_TOO_LARGE);
	expect_words(&m, "octets (42)");
	assert_int_equal(s->staged_len, 3000);
	free(a);
}

static size_t get_blocks(struct world *w, const char *path, uint32_t accept, uint8_t *out,
			 size_t room)
{
	struct coap_msg m;
	uint32_t block2;
	size_t n = 0;

	for (unsigned int num = 0;; num++) {
		struct coap_msg q = {
			.type = COAP_CON, .code = COAP_GET, .mid = ++w->mid, .token_len = 1};
		struct coap_opts opts = {0};

		coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path);
		if (accept != COAP_NO_FORMAT)
			coap_opts_add_uint(&opts, COAP_OPT_ACCEPT, accept);
		if (num > 0)
			coap_opts_add_uint(&opts, COAP_OPT_BLOCK2, num << 4 | 6);
		send_msg(w, &q, &opts);
		assert_true(receive(w, &m));
		assert_int_equal(m.code, COAP_205_CONTENT);
		assert_true(n + m.payload_len <= room);
		memcpy(out + n, m.payload, m.payload_len);
		n += m.payload_len;
		if (!coap_opt_uint(&m, COAP_OPT_BLOCK2, &block2) || !(block2 & 8))
			return n;
	}
}

static void test_response_in_blocks(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	size_t len = 70001, room = len + 64, n;
	uint8_t *out = malloc(room);
	struct lwm2m_tlv t;
	const uint8_t *p;
	struct coap_msg m;

	register_11(w);
	set_response(s, len, 1);
	n = get_blocks(w, "26242/0/7", COAP_FORMAT_OCTETS, out, room);
	assert_int_equal(n, len);
	assert_memory_equal(out, s->response, len);
	n = get_blocks(w, "26242/0/7", COAP_FORMAT_LWM2M_TLV, out, room);
	p = out;
	assert_int_equal(lwm2m_tlv_next(&p, &n, &t), 1);
	assert_int_equal(n, 0);
	assert_int_equal(t.id, 7);
	assert_int_equal(t.len, len);
	assert_memory_equal(t.value, s->response, len);
	n = get_blocks(w, "26242/0/7", COAP_FORMAT_SENML_CBOR, out, room);
	/* [{-2:"/26242/0/7",8:bytes(70001)}] */
	assert_memory_equal(out, "\x81\xa2\x21\x6a/26242/0/7\x08\x5a\x00\x01\x11\x71", 20);
	assert_int_equal(n, 20 + len);
	assert_memory_equal(out + 20, s->response, len);
	n = get_blocks(w, "26242/0/7", COAP_FORMAT_CBOR, out, room);
	assert_int_equal(n, 5 + len);
	/* too long for text, and left out of the instance */
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26242/0/7", .accept = COAP_FORMAT_TEXT)),
		COAP_413_TOO_LARGE);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26242/0", .accept = COAP_FORMAT_LWM2M_TLV)),
		COAP_205_CONTENT);
	assert_true(m.payload_len < 200);
	set_response(s, 3, 1);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "26242/0/7", .accept = COAP_FORMAT_TEXT)),
		COAP_205_CONTENT);
	expect_payload(&m, "AQQH", 4);
	set_response(s, 0, 1);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26242/0/7")), COAP_205_CONTENT);
	expect_payload(&m, "", 0);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read),	   TEST(test_discover),
		TEST(test_write),	   TEST(test_log_is_one_line),
		TEST(test_composite_read), TEST(test_execute_once),
		TEST(test_create_delete),  TEST(test_script_in_blocks),
		TEST(test_tlv_in_blocks),  TEST(test_response_in_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
