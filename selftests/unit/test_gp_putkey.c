// SPDX-License-Identifier: Apache-2.0
/*
 * PUT KEY, with real encryption. Golden vectors: GPShell 73 is a log of JCShell in issue
 * 73 of github.com/kaoh/globalplatform; jcexpress is name.velikodniy.jcexpress,
 * GPSessionKeyManagementTest; the others are written by hand from tables of GPCS 2.3.1.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "gp/cmd.h"
#include "gp/crypto.h"
#include "unit/gp_hex.h"

/* S-DEK of SCP02 in ECB mode, or a static Key-DEK in CBC mode */
struct dek {
	uint8_t key[16];
	int ret;
};

static int des_ecb(void *ctx, const uint8_t *clear, size_t len, uint8_t *out,
		   struct gp_error *err)
{
	const struct dek *dek = ctx;

	(void)err;
	assert_int_equal(len % 8, 0);
	for (size_t i = 0; i < len; i += 8)
		assert_int_equal(gp_des_cbc(true, dek->key, 16, NULL, clear + i, 8, out + i),
				 0);
	return dek->ret;
}

static int aes_cbc(void *ctx, const uint8_t *clear, size_t len, uint8_t *out,
		   struct gp_error *err)
{
	static const uint8_t zero[16];
	const struct dek *dek = ctx;

	(void)err;
	assert_int_equal(gp_aes_cbc(true, dek->key, 16, zero, clear, len, out), 0);
	return dek->ret;
}

static struct gp_put_one symmetric(uint8_t type, const struct gp_hex *value)
{
	struct gp_put_one one = {.parts = 1, .kcv_len = GP_KCV_LEN};
	struct gp_key key = {0};

	one.part[0] = (struct gp_key_part){type, gp_hex_bytes(value)};
	assert_int_equal(gp_key_set(&key, type, value->p, value->len), 0);
	assert_int_equal(gp_kcv(&key, one.kcv), 0);
	gp_key_clear(&key);
	return one;
}

static void test_put_symmetric(void **state)
{
	const struct gp_hex k40 = gp_hex("404142434445464748494A4B4C4D4E4F");
	const struct gp_hex k192 = gp_hex("000102030405060708090A0B0C0D0E0F1011121314151617");
	const struct gp_hex v[] = {gp_hex("11111111111111112222222222222222"),
				   gp_hex("33333333333333334444444444444444"),
				   gp_hex("55555555555555556666666666666666")};
	const struct gp_hex sdek = gp_hex("C61DF24D2C9A770E32E969984B5B7074");
	struct gp_put_one keys[3] = {symmetric(GP_KEY_AES, &k40)};
	struct gp_put_key w = {.new_kvn = 0x30, .first_kid = 1, .key = keys, .keys = 3};
	struct dek des = {.ret = 0}, aes = {.ret = 0};
	const struct gp_dek des_dek = {des_ecb, &des, 8}, aes_dek = {aes_cbc, &aes, 16};
	struct gp_error err = {0};
	struct gp_apdu a;

	(void)state;
	/* GPShell 73, log of JCShell: AES keys in an SCP02 session */
	memcpy(des.key, sdek.p, 16);
	keys[1] = keys[2] = keys[0];
	assert_int_equal(gp_cmd_put_key(&a, &w, &des_dek, &err), 0);
	expect(&a, "80D80081463088 1110B23034FA4329DE9AD8E91583618813B303504A7788"
		   "1110B23034FA4329DE9AD8E91583618813B303504A7788"
		   "1110B23034FA4329DE9AD8E91583618813B303504A7700");
	/* jcexpress: padded to two blocks (80 00 ..) behind its clear length */
	memcpy(aes.key, k40.p, 16);
	keys[0] = symmetric(GP_KEY_AES, &k192);
	w = (struct gp_put_key){.new_kvn = 4, .first_kid = 1, .key = keys, .keys = 1};
	assert_int_equal(gp_cmd_put_key(&a, &w, &aes_dek, &err), 0);
	expect(&a, "80D800012804882118"
		   "3D0FA4B855D2A5AA4954B8B5DF582A3A091178493F68BAFFEC01366CE60189E2"
		   "0338FCB600");
	/* jcexpress: DES keys in an SCP03 session replace those of version 01 */
	for (size_t i = 0; i < 3; i++)
		keys[i] = symmetric(GP_KEY_DES, &v[i]);
	w = (struct gp_put_key){
		.old_kvn = 1, .new_kvn = 5, .first_kid = 1, .key = keys, .keys = 3};
	assert_int_equal(gp_cmd_put_key(&a, &w, &aes_dek, &err), 0);
	expect(&a, "80D801814305"
		   "801031E6A4F24C33D66CAEEEF57762EC698003D2B91C"
		   "8010ACCCBDCEC4C193AF6282B22628E335E103E18DE2"
		   "80100BCA2A8E8246AB1B0D859407D17D7A3603DDB73600");
	/* what the session says goes through, and nothing is left behind */
	aes.ret = -EIO;
	assert_int_equal(gp_cmd_put_key(&a, &w, &aes_dek, &err), -EIO);
	assert_null(a.data);
	refused(&a, gp_cmd_put_key(&a, &w, NULL, &err), -EINVAL, &err, "no-dek");
}

static void test_put_others(void **state)
{
	const struct gp_hex psk = gp_hex("000102030405060708090A");
	const struct gp_hex n = gp_hex("C0FFEE"), e = gp_hex("010001"), curve = gp_hex("00");
	struct gp_put_one key = {.parts = 2};
	struct gp_put_key w = {.new_kvn = 0x73, .first_kid = 1, .key = &key, .keys = 1};
	struct dek aes = {.ret = 0};
	const struct gp_dek dek = {aes_cbc, &aes, 16};
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* GPCS 11-69: modulus, exponent, no check value; nothing is encrypted */
	key.part[0] = (struct gp_key_part){GP_KEY_RSA_N, gp_hex_bytes(&n)};
	key.part[1] = (struct gp_key_part){GP_KEY_RSA_E, gp_hex_bytes(&e)};
	assert_int_equal(gp_cmd_put_key(&a, &w, NULL, &err), 0);
	expect(&a, "80D800010C73A103C0FFEEA0030100010000");
	/* Amendment E 4.5: point, then reference of the curve */
	key.part[0].type = GP_KEY_EC_PUBLIC;
	key.part[1] = (struct gp_key_part){GP_KEY_EC_CURVE, gp_hex_bytes(&curve)};
	w.multiple = true;
	assert_int_equal(gp_cmd_put_key(&a, &w, NULL, &err), 0);
	expect(&a, "80D800810A73B003C0FFEEF001000000");
	/* GPCS 11-70: padded, so its clear length precedes it */
	key = (struct gp_put_one){.parts = 1, .kcv = {1, 2, 3}, .kcv_len = 3};
	key.part[0] = (struct gp_key_part){GP_KEY_TLS_PSK, gp_hex_bytes(&psk)};
	w = (struct gp_put_key){.new_kvn = 0x40, .first_kid = 1, .key = &key, .keys = 1};
	assert_int_equal(gp_cmd_put_key(&a, &w, &dek, &err), 0);
	assert_int_equal(a.len, 1 + 3 + 16 + 4);
	assert_memory_equal(a.data, "\x40\x85\x11\x0b", 4);
	assert_memory_equal(a.data + 20, "\x03\x01\x02\x03", 4);
	gp_apdu_clear(&a);
	/* GPCS 11-71: whole blocks, so not */
	key.part[0].value = (struct gp_bytes){aes.key, 16};
	assert_int_equal(gp_cmd_put_key(&a, &w, &dek, &err), 0);
	assert_int_equal(a.len, 1 + 2 + 16 + 4);
	gp_apdu_clear(&a);
	/* numbers and lengths that cannot be */
	key.part[0] = (struct gp_key_part){GP_KEY_DES, gp_hex_bytes(&psk)};
	refused(&a, gp_cmd_put_key(&a, &w, &dek, &err), -EINVAL, &err, "bad-key");
	key.part[0].value.len = 0;
	refused(&a, gp_cmd_put_key(&a, &w, &dek, &err), -EINVAL, &err, "bad-key");
	w.new_kvn = 0x80;
	refused(&a, gp_cmd_put_key(&a, &w, &dek, &err), -EINVAL, &err, "bad-key-number");
	w.new_kvn = 1;
	w.first_kid = 0;
	refused(&a, gp_cmd_put_key(&a, &w, &dek, &err), -EINVAL, &err, "bad-key-number");
}

static void test_put_check(void **state)
{
	struct gp_put_one keys[2] = {{.kcv = {1, 2, 3}, .kcv_len = 3},
				     {.kcv = {4, 5, 6}, .kcv_len = 3}};
	const struct gp_put_key w = {.new_kvn = 0x30, .first_kid = 1, .key = keys, .keys = 2};
	static const uint8_t good[] = {0x30, 1, 2, 3, 4, 5, 6},
			     other[] = {0x30, 1, 2, 3, 4, 5, 7};
	struct gp_error err = {0};

	(void)state;
	assert_int_equal(gp_put_key_check(&w, good, 7, &err), 0);
	assert_int_equal(gp_put_key_check(&w, good, 1, &err), 0);
	assert_int_equal(gp_put_key_check(&w, NULL, 0, &err), 0);
	assert_int_equal(gp_put_key_check(&w, good, 6, &err), -EBADMSG);
	assert_string_equal(err.code, "bad-response");
	assert_int_equal(gp_put_key_check(&w, other, 7, &err), -EBADMSG);
	assert_string_equal(err.code, "kcv-mismatch");
	assert_int_equal(gp_put_key_check(&w, good + 1, 6, &err), -EBADMSG);
	keys[0].kcv_len = 0;
	assert_int_equal(gp_put_key_check(&w, (const uint8_t[]){0x30, 4, 5, 6}, 4, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_symmetric),
		cmocka_unit_test(test_put_others),
		cmocka_unit_test(test_put_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
