// SPDX-License-Identifier: Apache-2.0
/*
 * Package 0 (OMA-TS-DM_Notification 1.2). The vector was computed with another implementation:
 * server com.example.dm, password secret, nonce 0123456789abcdef, session 0x1A2B.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dm/notify.h"
#include "dm/wsp.h"

#define B(s) (const uint8_t *)(s), sizeof(s) - 1

#define DIGEST "\xb0\x8e\x03\xe1\x76\x77\x09\x4a\x03\xf8\x97\x5f\x45\x1f\x3b\x1d"
#define HEADER "\x02\xd8\x00\x00\x00\x1a\x2b\x0e"
#define SERVER "com.example.dm"
#define VECTOR DIGEST HEADER SERVER

static const struct dm_secret server = {SERVER, B("secret"), B("0123456789abcdef")};

/* from the heap, so that ASan sees what is read beyond the end */
static int parse(const char *s, size_t len, struct dm_notify *n, uint8_t **copy)
{
	*copy = malloc(len ? len : 1);
	assert_non_null(*copy);
	memcpy(*copy, s, len);
	return dm_notify_parse(*copy, len, n, NULL);
}

static void good(const char *s, size_t len)
{
	struct dm_notify n;
	char session[5];
	uint8_t *copy;

	assert_int_equal(parse(s, len, &n, &copy), 0);
	assert_int_equal(n.version, 11);
	assert_int_equal(n.ui, DM_NOTIFY_UI_BACKGROUND);
	assert_true(n.by_server);
	assert_int_equal(n.future, 0);
	assert_int_equal(n.session, 0x1a2b);
	assert_string_equal(n.server, SERVER);
	assert_int_equal(n.body_len, 0);
	dm_notify_session(n.session, session);
	assert_string_equal(session, "1A2B");
	assert_int_equal(dm_notify_check(&n, &server), DM_NOTIFY_CURRENT);
	free(copy);
}

static void bad(const char *s, size_t len, int error)
{
	struct dm_notify n;
	uint8_t *copy;

	assert_int_equal(parse(s, len, &n, &copy), error);
	free(copy);
}

static void test_vector(void **state)
{
	(void)state;
	good(VECTOR, sizeof(VECTOR) - 1);
}

static void test_push(void **state)
{
#define GOOD(push) good(push VECTOR, sizeof(push VECTOR) - 1)
	(void)state;
	GOOD("\x01\x06\x01\xc4");
	GOOD("\x01\x06\x03\xc4\xaf\x87");
	/* the general form, with a charset; the media type in words; both headers in words */
	GOOD("\x7f\x06\x06\x03\xc4\x81\xea\xaf\x87");
	GOOD("\x01\x06\x26"
	     "application/vnd.syncml.notification\0"
	     "\xaf\x87");
	GOOD("\x01\x06\x1e\xc4\xaf"
	     "x-wap-application:syncml.dm\0");
	GOOD("\x01\x06\x07\xc4"
	     "X-A\0"
	     "b\0");
#undef GOOD
#define BAD(push, error) bad(push VECTOR, sizeof(push VECTOR) - 1, error)
	BAD("\x01\x06\x03\xc4\xaf\x84", -ENOTSUP);
	BAD("\x01\x06\x1e\xc4\xaf"
	    "x-wap-application:syncml.ds\0",
	    -ENOTSUP);
#undef BAD
	/* pushes that are cut short, and one of another type */
	for (size_t i = 0; i < sizeof("\x01\x06\x03\xc4\xaf\x87" VECTOR) - 1; i++)
		bad("\x01\x06\x03\xc4\xaf\x87" VECTOR, i, -EBADMSG);
}

static void test_cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(VECTOR) - 1; i++)
		bad(VECTOR, i, -EBADMSG);
	bad(DIGEST "\x02\xd8\x00\x00\x00\x1a\x2b\x00" SERVER, 24 + 14, -EBADMSG);
	bad(DIGEST "\x02\xd8\x00\x00\x00\x1a\x2b\x02"
		   "\x00z",
	    24 + 2, -EBADMSG);
	bad(DIGEST "\x02\xd8\x00\x00\x00\x1a\x2b\x02"
		   "\xc3\x28",
	    24 + 2, -EBADMSG);
	bad(DIGEST "\x03\xd8\x00\x00\x00\x1a\x2b\x0e" SERVER, 24 + 14, -ENOTSUP);
}

static void test_forged(void **state)
{
	struct dm_notify n;
	uint8_t *copy;

	(void)state;
	assert_int_equal(parse(VECTOR, sizeof(VECTOR) - 1, &n, &copy), 0);
	/* each bit of it counts, but what makes it no notification */
	for (size_t i = 0; i < (sizeof(VECTOR) - 1) * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		if (dm_notify_parse(copy, sizeof(VECTOR) - 1, &n, NULL) == 0)
			assert_int_equal(dm_notify_check(&n, &server), DM_NOTIFY_WRONG);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(copy);
	/* a body that the digest does not know of */
	assert_int_equal(parse(VECTOR "x", sizeof(VECTOR), &n, &copy), 0);
	assert_int_equal(n.body_len, 1);
	assert_int_equal(dm_notify_check(&n, &server), DM_NOTIFY_WRONG);
	free(copy);
}

static void test_default_nonce(void **state)
{
	static const struct {
		const char *nonce;
		size_t len;
		enum dm_notify_nonce is;
	} cases[] = {
		{"\0\0\0\0", 4, DM_NOTIFY_DEFAULT},
		{"0x00000000", 10, DM_NOTIFY_DEFAULT},
		{"00000000", 8, DM_NOTIFY_WRONG},
		{"", 0, DM_NOTIFY_WRONG},
	};
	uint8_t msg[sizeof(VECTOR) - 1];
	struct dm_notify n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dm_secret s = server;

		s.nonce = (const uint8_t *)cases[i].nonce;
		s.nonce_len = cases[i].len;
		memcpy(msg, VECTOR, sizeof(msg));
		assert_int_equal(dm_auth_mac(&s, msg + 16, sizeof(msg) - 16, msg), 0);
		assert_int_equal(dm_notify_parse(msg, sizeof(msg), &n, NULL), 0);
		assert_int_equal(dm_notify_check(&n, &server), cases[i].is);
	}
}

static void test_wsp_profile(void **state)
{
	/* as ProvBoot has it: SEC and MAC of client provisioning */
	static const char push[] = "\x01\x06\x2f\x1f\x2d\xb6\x91\x81\x92"
				   "0123456789abcdefABCDEF0123456789abcdef01\0BODY";
	struct wsp_push p;

	(void)state;
	assert_int_equal(wsp_push_parse(B(push), &p), 0);
	assert_int_equal(p.type, WSP_CONNECTIVITY);
	assert_int_equal(p.sec, 1);
	assert_string_equal(p.mac, "0123456789abcdefabcdef0123456789abcdef01");
	assert_int_equal(p.body_len, 4);
	for (size_t i = 0; i < sizeof(push) - 5; i++) {
		uint8_t *copy = malloc(i ? i : 1);

		memcpy(copy, push, i);
		assert_int_equal(wsp_push_parse(copy, i, &p), -EBADMSG);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),	      cmocka_unit_test(test_push),
		cmocka_unit_test(test_cut_short),     cmocka_unit_test(test_forged),
		cmocka_unit_test(test_default_nonce), cmocka_unit_test(test_wsp_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
