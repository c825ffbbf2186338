// SPDX-License-Identifier: Apache-2.0
/*
 * Keys of a card: check values and diversification. Vectors: those that the tests of
 * GlobalPlatformPro publish (TestPlaintextKeys, TestSCP03), the GlobalPlatform card
 * specification's method for check values, RFC 4493 for AES-CMAC.
 */
#include "gp_bytes.h"

#include <errno.h>

#include "gp/key.h"

#define K16 "404142434445464748494A4B4C4D4E4F"
#define K24 K16 "5051525354555657"
#define K32 K16 "505152535455565758595A5B5C5D5E5F"
#define KDD "00010203040506070809"

static void key_of(struct gp_key *key, enum gp_key_type type, const char *hex)
{
	uint8_t v[32];

	assert_int_equal(gp_key_set(key, type, v, bytes_of(hex, v, sizeof(v))), 0);
}

static void check_kcv(enum gp_key_type type, const char *hex, const char *want)
{
	struct gp_key key;
	uint8_t kcv[3];

	key_of(&key, type, hex);
	assert_int_equal(gp_kcv(&key, kcv), 0);
	bytes_are(kcv, 3, want);
}

static void test_kcv(void **state)
{
	(void)state;
	check_kcv(GP_KEY_DES, K16, "8BAF47");
	check_kcv(GP_KEY_AES, K16, "504A77");
	check_kcv(GP_KEY_AES, "000102030405060708090A0B0C0D0E0F", "C35280");
	check_kcv(GP_KEY_AES, "101112131415161718191A1B1C1D1E1F", "013808");
	check_kcv(GP_KEY_AES, "202122232425262728292A2B2C2D2E2F", "840DE5");
}

static int kcv_match(enum gp_key_type type, const char *key_hex, const char *kcv_hex)
{
	struct gp_key key;
	uint8_t kcv[3];

	key_of(&key, type, key_hex);
	bytes_of(kcv_hex, kcv, 3);
	return gp_kcv_check(&key, kcv);
}

static void test_kcv_confusions(void **state)
{
	(void)state;
	assert_int_equal(kcv_match(GP_KEY_DES, K16, "8BAF47"), GP_KCV_MATCH);
	assert_int_equal(kcv_match(GP_KEY_AES, K16, "504A77"), GP_KCV_MATCH);
	assert_int_equal(kcv_match(GP_KEY_DES, K16, "504A77"), GP_KCV_OTHER_TYPE);
	assert_int_equal(kcv_match(GP_KEY_AES, K16, "8BAF47"), GP_KCV_OTHER_TYPE);
	assert_int_equal(kcv_match(GP_KEY_AES, K16, "8BAF48"), GP_KCV_DIFFERENT);
	/* FIPS 197 by another way: AES of zeros under a key of zeros begins 66E94B */
	assert_int_equal(kcv_match(GP_KEY_AES, "00000000000000000000000000000000", "66E94B"),
			 GP_KCV_ZERO_BLOCK);
	/* there is no DES key of 32 bytes to confuse it with */
	assert_int_equal(kcv_match(GP_KEY_AES, K32, "000000"), GP_KCV_DIFFERENT);
}

static void test_lengths(void **state)
{
	static const uint8_t v[33];
	struct gp_key key;

	(void)state;
	for (size_t n = 0; n <= sizeof(v); n++) {
		int des = n == 16 || n == 24 ? 0 : -EINVAL;
		int aes = n == 16 || n == 24 || n == 32 ? 0 : -EINVAL;

		assert_int_equal(gp_key_set(&key, GP_KEY_DES, v, n), des);
		assert_int_equal(gp_key_set(&key, GP_KEY_AES, v, n), aes);
		assert_int_equal(gp_key_set(&key, GP_KEY_NONE, v, n), -EINVAL);
	}
	memset(&key, 0, sizeof(key));
	assert_int_equal(gp_kcv(&key, (uint8_t[3]){0}), -EINVAL);
	assert_int_equal(gp_key_cmac(&key, NULL, 0, (uint8_t[16]){0}), -EINVAL);
}

static void test_cmac(void **state)
{
	struct gp_key key;
	uint8_t text[64], mac[16];
	struct gp_part parts[] = {{text, 7}, {text + 7, 0}, {text + 7, 33}};

	(void)state;
	key_of(&key, GP_KEY_AES, "2B7E151628AED2A6ABF7158809CF4F3C");
	bytes_of("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51"
		 "30C81C46A35CE411",
		 text, sizeof(text));
	assert_int_equal(gp_key_cmac(&key, NULL, 0, mac), 0);
	bytes_are(mac, 16, "BB1D6929E95937287FA37D129B756746");
	assert_int_equal(gp_key_cmac(&key, parts, 3, mac), 0);
	bytes_are(mac, 16, "DFA66747DE9AE63030CA32611497C827");
}

static void diversified(enum gp_key_type type, const char *master_hex,
			enum gp_diversification div, const char *template_, const char *kdd_hex,
			const char *const want[3])
{
	struct gp_key master, key;
	uint8_t kdd[GP_KDD_LEN], kcv[3];

	key_of(&master, type, master_hex);
	bytes_of(kdd_hex, kdd, sizeof(kdd));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gp_diversify(&master, div, template_, kdd,
					      (enum gp_key_role)(i + 1), &key),
				 0);
		assert_int_equal(key.len, master.len);
		assert_int_equal(gp_kcv(&key, kcv), 0);
		bytes_are(kcv, 3, want[i]);
		gp_key_clear(&key);
	}
}

static void test_diversify(void **state)
{
	static const char *const emv[] = {"C33013", "6F4CA6", "BB8179"};
	static const char *const visa2[] = {"2BE598", "58DA38", "3C328E"};
	static const char *const kdf3_128[] = {"E79C05", "D1BD77", "3FDE8C"};
	static const char *const kdf3_192[] = {"1DE8EA", "47C00C", "C04D76"};
	static const char *const kdf3_256[] = {"2972D2", "036F94", "5D57B8"};

	(void)state;
	diversified(GP_KEY_DES, K16, GP_DIV_EMV, NULL, KDD, emv);
	diversified(GP_KEY_DES, K16, GP_DIV_VISA2, NULL, KDD, visa2);
	diversified(GP_KEY_AES, K16, GP_DIV_KDF3, NULL, KDD, kdf3_128);
	diversified(GP_KEY_AES, K24, GP_DIV_KDF3, NULL, KDD, kdf3_192);
	diversified(GP_KEY_AES, K32, GP_DIV_KDF3, NULL, KDD, kdf3_256);
	/* the same in the words of the template form */
	diversified(GP_KEY_DES, K16, GP_DIV_TEMPLATE,
		    "$4 $5 $6 $7 $8 $9 0xF0 $k $4 $5 $6 $7 $8 $9 0x0F $k", KDD, emv);
	diversified(GP_KEY_DES, K16, GP_DIV_TEMPLATE, "$0$1$4$5$6$7 f0 $k $0$1$4$5$6$7 0f $k",
		    KDD, visa2);
	diversified(GP_KEY_AES, K32, GP_DIV_TEMPLATE,
		    "$_ 0x00 0x00 0x00 $k 0x00 $0 $1 $2 $3 $4 $5 $6 $7 $8 $9", KDD, kdf3_256);
}

static void test_kdf3_value(void **state)
{
	struct gp_key master, key;
	uint8_t kdd[GP_KDD_LEN];

	(void)state;
	key_of(&master, GP_KEY_AES,
	       "8C72C72CF908411653018807950D82FBAD947562F0828A0B10B8B9606ABF3BCD");
	bytes_of("D9B1DE5D0362DEDCE4FB", kdd, sizeof(kdd));
	assert_int_equal(gp_diversify(&master, GP_DIV_KDF3, NULL, kdd, GP_ROLE_ENC, &key), 0);
	bytes_are(key.value, key.len,
		  "9AAC5D0B3601F89438A0D9D0B6B256CFB47E6462DFA5228D3420C4AC7C224781");
}

static void test_misfits(void **state)
{
	static const uint8_t kdd[GP_KDD_LEN];
	struct gp_key des, aes, aes32, key;

	(void)state;
	key_of(&des, GP_KEY_DES, K16);
	key_of(&aes, GP_KEY_AES, K16);
	key_of(&aes32, GP_KEY_AES, K32);
	assert_int_equal(gp_diversify(&des, GP_DIV_KDF3, NULL, kdd, GP_ROLE_ENC, &key),
			 -EINVAL);
	assert_int_equal(gp_diversify(&aes32, GP_DIV_EMV, NULL, kdd, GP_ROLE_ENC, &key),
			 -EINVAL);
	assert_int_equal(gp_diversify(&aes, GP_DIV_EMV, NULL, kdd, GP_ROLE_ENC, &key), 0);
	assert_int_equal(gp_diversify(&aes, GP_DIV_NONE, NULL, kdd, GP_ROLE_ENC, &key),
			 -EINVAL);
	assert_int_equal(gp_diversify(&aes, GP_DIV_TEMPLATE, NULL, kdd, GP_ROLE_ENC, &key),
			 -EINVAL);
	assert_int_equal(
		gp_diversify(&aes, (enum gp_diversification)9, NULL, kdd, GP_ROLE_ENC, &key),
		-EINVAL);
}

static void test_templates(void **state)
{
	static const struct {
		const char *text;
		enum gp_key_type type;
		int ret;
	} cases[] = {
		{"$_$k", GP_KEY_AES, 0},
		{"$l$l$_$k", GP_KEY_AES, 0},
		{"$_$k", GP_KEY_DES, -EINVAL},
		{"$_$_$k", GP_KEY_AES, -EINVAL},
		{"", GP_KEY_AES, -EINVAL},
		{"$", GP_KEY_AES, -EINVAL},
		{"$a", GP_KEY_AES, -EINVAL},
		{"$l$k", GP_KEY_AES, -EINVAL},
		{"0", GP_KEY_AES, -EINVAL},
		{"0g", GP_KEY_AES, -EINVAL},
		{"00112233445566778899AABBCCDDEEFF", GP_KEY_AES, 0},
		{"00112233445566778899AABBCCDDEEFF", GP_KEY_DES, 0},
		{"00112233445566778899AABBCCDDEE", GP_KEY_DES, -EINVAL},
		{"00112233445566778899AABBCCDDEEFF0011223344556677", GP_KEY_DES, 0},
		{"00112233445566778899AABBCCDDEEFF0011223344556677", GP_KEY_AES, -EINVAL},
	};
	char endless[2 * GP_TEMPLATE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (gp_template_check(cases[i].text, cases[i].type) != cases[i].ret)
			fail_msg("template \"%s\"", cases[i].text);
	memset(endless, '0', sizeof(endless));
	assert_int_equal(gp_template_check(endless, GP_KEY_AES), -EINVAL);
	for (int d = GP_DIV_NONE; d <= GP_DIV_TEMPLATE; d++)
		assert_int_equal(gp_diversification_parse(
					 gp_diversification_name((enum gp_diversification)d)),
				 d);
	assert_int_equal(gp_diversification_parse("visa"), -EINVAL);
	assert_null(gp_diversification_name((enum gp_diversification)5));
}

/* A key that cannot be read: the operations count what is asked of it. */
struct token {
	struct gp_key key;
	int cbc, cmac, released, fail;
};

static int token_cbc(void *ctx, bool encrypt, const uint8_t *iv, const uint8_t *in, size_t len,
		     uint8_t *out)
{
	struct token *t = ctx;

	t->cbc++;
	assert_true(encrypt);
	return t->fail ? t->fail : gp_key_cbc(&t->key, encrypt, iv, in, len, out);
}

static int token_cmac(void *ctx, const struct gp_part *parts, size_t n, uint8_t mac[16])
{
	struct token *t = ctx;

	t->cmac++;
	return t->fail ? t->fail : gp_key_cmac(&t->key, parts, n, mac);
}

static void token_release(void *ctx)
{
	((struct token *)ctx)->released++;
}

static void test_token(void **state)
{
	static const struct gp_key_ops ops = {token_cbc, token_cmac, token_release};
	struct token t = {0};
	struct gp_keyset set = {.name = "token", .diversification = GP_DIV_KDF3}, card;
	uint8_t kdd[GP_KDD_LEN], kcv[3];

	(void)state;
	key_of(&t.key, GP_KEY_AES, K16);
	bytes_of(KDD, kdd, sizeof(kdd));
	set.master = (struct gp_key){.type = GP_KEY_AES, .len = 16, .ops = &ops, .ctx = &t};
	assert_int_equal(gp_kcv(&set.master, kcv), 0);
	bytes_are(kcv, 3, "504A77");
	/* another type's check value cannot be made with it, and is not tried */
	assert_int_equal(gp_kcv_check(&set.master, (uint8_t[]){0x8b, 0xaf, 0x47}),
			 GP_KCV_DIFFERENT);
	assert_int_equal(gp_keyset_resolve(&set, NULL, &card), -EINVAL);
	assert_int_equal(gp_keyset_resolve(&set, kdd, &card), 0);
	assert_int_equal(t.cmac, 3);
	assert_int_equal(gp_kcv(&card.dek, kcv), 0);
	bytes_are(kcv, 3, "3FDE8C");
	gp_keyset_clear(&card);
	/* not diversified, the handle itself is lent; its owner releases it, once */
	set.diversification = GP_DIV_NONE;
	assert_int_equal(gp_keyset_resolve(&set, NULL, &card), 0);
	assert_ptr_equal(card.mac.ctx, &t);
	gp_keyset_clear(&card);
	assert_int_equal(t.released, 0);
	t.fail = -EACCES;
	assert_int_equal(gp_kcv(&set.master, kcv), -EACCES);
	set.diversification = GP_DIV_EMV;
	assert_int_equal(gp_keyset_resolve(&set, kdd, &card), -EACCES);
	gp_keyset_clear(&set);
	assert_int_equal(t.released, 1);
	gp_keyset_clear(&set);
	assert_int_equal(t.released, 1);
}

static void test_sets(void **state)
{
	struct gp_keyset set, out;
	uint8_t kdd[GP_KDD_LEN], kcv[3];

	(void)state;
	bytes_of(KDD, kdd, sizeof(kdd));
	gp_keyset_default(&set, GP_KEY_DES);
	assert_true(gp_keyset_is_default(&set));
	set.is_default = false;
	assert_true(gp_keyset_is_default(&set));
	assert_int_equal(gp_keyset_resolve(&set, NULL, &out), 0);
	assert_string_equal(out.name, "default");
	gp_keyset_clear(&out);
	/* three master keys, diversified one by one */
	set.diversification = GP_DIV_EMV;
	assert_int_equal(gp_keyset_resolve(&set, kdd, &out), 0);
	assert_int_equal(gp_kcv(&out.mac, kcv), 0);
	bytes_are(kcv, 3, "6F4CA6");
	assert_false(gp_keyset_is_default(&out));
	gp_keyset_clear(&out);
	/* the DEK may be missing, the others not */
	set.diversification = GP_DIV_NONE;
	gp_key_clear(&set.dek);
	assert_int_equal(gp_keyset_resolve(&set, NULL, &out), 0);
	assert_int_equal(out.dek.type, GP_KEY_NONE);
	key_of(&set.mac, GP_KEY_AES, K16);
	assert_int_equal(gp_keyset_resolve(&set, NULL, &out), -EINVAL);
	gp_key_clear(&set.mac);
	assert_int_equal(gp_keyset_resolve(&set, NULL, &out), -ENOKEY);
	set.diversification = GP_DIV_EMV;
	assert_int_equal(gp_keyset_resolve(&set, kdd, &out), -ENOKEY);
	gp_keyset_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kcv),	  cmocka_unit_test(test_kcv_confusions),
		cmocka_unit_test(test_lengths),	  cmocka_unit_test(test_cmac),
		cmocka_unit_test(test_diversify), cmocka_unit_test(test_kdf3_value),
		cmocka_unit_test(test_misfits),	  cmocka_unit_test(test_templates),
		cmocka_unit_test(test_token),	  cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
