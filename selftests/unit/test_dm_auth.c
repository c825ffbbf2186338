// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials of OMA DM. Vectors: Bruce2, OhBehave and Nonce of OMA-TS-DM_Security 1.2, 5.3;
 * the HMAC was computed with another implementation (openssl dgst -md5).
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

#include "dm/auth.h"
#include "model/base64.h"

#define B(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct dm_secret bruce = {"Bruce2", B("OhBehave"), B("Nonce")};

static void base64_of(const struct dm_cred *c, const char *want)
{
	char text[BASE64_LEN(DM_AUTH_CRED_ROOM) + 1] = "";

	base64_encode(c->data, c->len, text, false);
	assert_string_equal(text, want);
	assert_string_equal(c->format, "b64");
}

static void test_vectors(void **state)
{
	uint8_t room[DM_AUTH_CRED_ROOM];
	struct dm_cred c;

	(void)state;
	assert_int_equal(dm_auth_cred(DM_AUTH_BASIC, &bruce, room, &c), 0);
	base64_of(&c, "QnJ1Y2UyOk9oQmVoYXZl");
	assert_string_equal(c.type, "syncml:auth-basic");
	assert_int_equal(dm_auth_cred(DM_AUTH_MD5, &bruce, room, &c), 0);
	base64_of(&c, "Zz6EivR3yeaaENcRN6lpAQ==");
	assert_string_equal(c.type, "syncml:auth-md5");
	assert_int_equal(dm_auth_cred(DM_AUTH_HMAC, &bruce, room, &c), -ENOTSUP);
	assert_int_equal(dm_auth_cred(DM_AUTH_NONE, &bruce, room, &c), -ENOTSUP);
}

static void test_limits(void **state)
{
	uint8_t room[DM_AUTH_CRED_ROOM], digest[DM_AUTH_DIGEST_LEN];
	char name[DM_AUTH_NAME_MAX + 2], out[DM_HMAC_ROOM];
	uint8_t big[DM_AUTH_SECRET_MAX + 1] = {0};
	struct dm_secret s = bruce;
	struct dm_cred c;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	s.name = name;
	assert_int_equal(dm_auth_cred(DM_AUTH_BASIC, &s, room, &c), -EINVAL);
	assert_int_equal(dm_auth_digest(&s, digest), -EINVAL);
	assert_int_equal(dm_hmac_header(&s, B("x"), out), -EINVAL);
	name[DM_AUTH_NAME_MAX] = '\0';
	s.secret = big;
	s.secret_len = DM_AUTH_SECRET_MAX;
	s.nonce = big;
	s.nonce_len = DM_AUTH_NONCE_MAX;
	assert_int_equal(dm_auth_cred(DM_AUTH_BASIC, &s, room, &c), 0);
	assert_int_equal(c.len, DM_AUTH_NAME_MAX + 1 + DM_AUTH_SECRET_MAX);
	assert_int_equal(dm_auth_digest(&s, digest), 0);
	assert_int_equal(dm_hmac_header(&s, B("x"), out), 0);
	s.secret_len++;
	assert_int_equal(dm_auth_digest(&s, digest), -EINVAL);
	s.secret_len--;
	s.nonce_len++;
	assert_int_equal(dm_auth_digest(&s, digest), -EINVAL);
	/* no secret and no nonce are something else than none given */
	s = (struct dm_secret){.name = ""};
	assert_int_equal(dm_auth_digest(&s, digest), 0);
}

static void test_check(void **state)
{
	static const uint8_t digest[] = {0x67, 0x3e, 0x84, 0x8a, 0xf4, 0x77, 0xc9, 0xe6,
					 0x9a, 0x10, 0xd7, 0x11, 0x37, 0xa9, 0x69, 0x01};
	struct dm_cred c = {.data = digest, .len = sizeof(digest)};
	struct dm_secret other = bruce;
	uint8_t wrong[sizeof(digest)];

	(void)state;
	assert_true(dm_auth_check(DM_AUTH_MD5, &bruce, &c));
	assert_false(dm_auth_check(DM_AUTH_BASIC, &bruce, &c));
	assert_false(dm_auth_check(DM_AUTH_HMAC, &bruce, &c));
	c = (struct dm_cred){.data = (const uint8_t *)"Zz6EivR3yeaaENcRN6lpAQ==", .len = 24};
	assert_true(dm_auth_check(DM_AUTH_MD5, &bruce, &c));
	c = (struct dm_cred){.data = (const uint8_t *)"QnJ1Y2UyOk9oQmVoYXZl", .len = 20};
	assert_true(dm_auth_check(DM_AUTH_BASIC, &bruce, &c));
	c = (struct dm_cred){.data = (const uint8_t *)"Bruce2:OhBehave", .len = 15};
	assert_true(dm_auth_check(DM_AUTH_BASIC, &bruce, &c));
	c.len = 14;
	assert_false(dm_auth_check(DM_AUTH_BASIC, &bruce, &c));
	c.len = 0;
	assert_false(dm_auth_check(DM_AUTH_BASIC, &bruce, &c));
	for (size_t i = 0; i < sizeof(digest) * 8; i++) {
		memcpy(wrong, digest, sizeof(digest));
		wrong[i / 8] ^= (uint8_t)(1 << i % 8);
		c = (struct dm_cred){.data = wrong, .len = sizeof(wrong)};
		assert_false(dm_auth_check(DM_AUTH_MD5, &bruce, &c));
	}
	/* another nonce is another digest: nothing is good twice */
	other.nonce = (const uint8_t *)"nonce";
	c = (struct dm_cred){.data = digest, .len = sizeof(digest)};
	assert_false(dm_auth_check(DM_AUTH_MD5, &other, &c));
}

static void test_hmac(void **state)
{
	static const char *const good[] = {
		"algorithm=MD5, username=\"Bruce2\", mac=urdCeS3JUmjFgi8SX3webw==",
		"mac=\"urdCeS3JUmjFgi8SX3webw==\",username=Bruce2",
		"  MAC = urdCeS3JUmjFgi8SX3webw== , Algorithm = md5 ,username=\"Bruce2\",x=y",
	};
	static const struct {
		const char *value;
		int error;
	} bad[] = {
		{"", -EBADMSG},
		{"algorithm=MD5, username=\"Bruce2\"", -EBADMSG},
		{"algorithm=SHA1, mac=urdCeS3JUmjFgi8SX3webw==", -ENOTSUP},
		{"mac=urdCeS3JUmjFgi8SX3webw", -EBADMSG},
		{"mac=urdCeS3JUmjFgi8SX3we*w==", -EBADMSG},
		{"mac=urdCeS3JUmjFgi8SX3webw==, mac=urdCeS3JUmjFgi8SX3webw==", -EBADMSG},
		{"username=\"Bruce2, mac=urdCeS3JUmjFgi8SX3webw==", -EBADMSG},
		{"username=\"Bruce2\" mac=urdCeS3JUmjFgi8SX3webw==", -EBADMSG},
		{"mac", -EBADMSG},
		{",,,", -EBADMSG},
	};
	char out[DM_HMAC_ROOM], name[DM_AUTH_NAME_MAX + 64];
	struct dm_secret s = bruce;
	struct dm_hmac h;

	(void)state;
	assert_int_equal(dm_hmac_header(&bruce, B("<SyncML/>"), out), 0);
	assert_string_equal(out, good[0]);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(dm_hmac_parse(good[i], &h), 0);
		assert_string_equal(h.name, "Bruce2");
		assert_true(dm_hmac_check(&h, &bruce, B("<SyncML/>")));
		assert_false(dm_hmac_check(&h, &bruce, B("<SyncML />")));
		assert_false(dm_hmac_check(&h, &bruce, B("")));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (dm_hmac_parse(bad[i].value, &h) != bad[i].error)
			fail_msg("%s", bad[i].value);
	snprintf(name, sizeof(name),
		 "username=%0*d, mac=urdCeS3JUmjFgi8SX3webw==", DM_AUTH_NAME_MAX, 0);
	assert_int_equal(dm_hmac_parse(name, &h), 0);
	snprintf(name, sizeof(name),
		 "username=%0*d, mac=urdCeS3JUmjFgi8SX3webw==", DM_AUTH_NAME_MAX + 1, 0);
	assert_int_equal(dm_hmac_parse(name, &h), -EBADMSG);
	s.name = "Bruce\"2";
	assert_int_equal(dm_hmac_header(&s, B("x"), out), -EINVAL);
	s.name = "Bruce\r\nX: 2";
	assert_int_equal(dm_hmac_header(&s, B("x"), out), -EINVAL);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(dm_auth_of_uri(NULL), DM_AUTH_BASIC);
	assert_int_equal(dm_auth_of_uri("SyncML:auth-MD5"), DM_AUTH_MD5);
	assert_int_equal(dm_auth_of_uri("syncml:auth-mac"), DM_AUTH_HMAC);
	assert_int_equal(dm_auth_of_uri("syncml:auth-X509"), DM_AUTH_UNKNOWN);
	assert_int_equal(dm_auth_of_pref("DIGEST"), DM_AUTH_MD5);
	assert_int_equal(dm_auth_of_pref("syncml:auth-md5"), DM_AUTH_MD5);
	assert_int_equal(dm_auth_of_pref("TRANSPORT"), DM_AUTH_NONE);
	assert_int_equal(dm_auth_of_pref("HTTP-BASIC"), DM_AUTH_UNKNOWN);
	assert_null(dm_auth_uri(DM_AUTH_NONE));
	assert_null(dm_auth_pref(DM_AUTH_UNKNOWN));
	assert_string_equal(dm_auth_pref(DM_AUTH_HMAC), "HMAC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_check),	cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
