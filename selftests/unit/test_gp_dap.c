// SPDX-License-Identifier: Apache-2.0
/*
 * DAP blocks and load files (GPCS 2.3.1, 11.6.2.3, C.2, C.3, C.6). Signatures and
 * ciphered blocks were made by python3-cryptography.
 */
#include "gp_content.h"
#include <errno.h>

#include "gp/loadfile.h"

/* over the 32 bytes of SESAME_SHA256 */
#define DAP_CMAC "E634BE2C09DA9658D8EB83F220526584"
#define DAP_RETAIL "B2B37C8704FC5F78"
#define DAP_PKCS1                                                                  \
	"8363E7EAAFE35B8EF35C91A3E349DA3E4447F4781377D87628961A1172C1FBA3BF310BD0" \
	"95293AF359AE76D96785F6DD6CB797F4135EEC06A4D87DA32C0D28F7A1B54EB10CB5638C" \
	"62B8D9F2F8474FCF4AC4A28C0E908310087DD932AA75FD0D789E52A5D45D03F68A99804E" \
	"C5459CF12C8D66AFEA6C872AE0F3F7A1A94CAB2B"
#define DAP_PKCS1_256                                                              \
	"2C2BF507FD7AED6059893892B0434E89B889E6A63C195E32B29E26C94AE521D10832CDC9" \
	"25F6F2142CB9E2F34A65126EB8FCDE8D06AAB7C86342DB65D326E75C7376537C2F5C962A" \
	"3CFFA9416B735B74DB8135B645CA53271777D48B24A2E1DEDA3CDBC74552A9F579C34B7E" \
	"D8B526B263D4C98DEDBBA6B0CF04DB5B798C03CEDC605F412BB325DE0C771C778B045B3D" \
	"F458D6ECD4B5275C09C969689724083C357FA6908EA6F95027842B344A9FC12011F8033D" \
	"6CC7572F3068D5025D180CE6A19B5E5F7114E99F817EF112DACB1B0F40C5A38CDF39BDE9" \
	"81595FDB8D219F431EBD5CAE8DD98FD6E71AB09795323848AAD1D304F8D1F8D911F594A9" \
	"4E2D8C9D"
#define DAP_PSS                                                                    \
	"5BCB9FAB11B91FCF2BA91D9E72FAB96C0D9EDF418CA20343A786F00D3123D04F73F94FAA" \
	"F338D3C44EA43303D57BAB57ABB05AE8BF9BD0682C5834A86954B1DF2CFEE8EEE26E23E1" \
	"9B8C93AF7C8A238936ACD6FB5F3DA875D114327158A90F56AAAB00912F7B17FC6615AA83" \
	"8E37574D0574C88492720299561383F5902E6D7D28E06F357860468D4C36057E204A1D4A" \
	"FAEB57D6677B11BF49467D9D8C9DAB47F1D4376A37F4A2C514BA23E43289BB4DD1383C78" \
	"7EE6AD8672668A9C0C411D95BF5DC3FC9CAB121AF68D7B84CAD1B2F97681A9A8CF70D6F2" \
	"61102A7359B589E65906D9197F15EC36708E631885806FA234F6C4525B00F36774C164E1" \
	"67EEBC7D"
#define DAP_P256                                                                   \
	"5B5DCD42857B3C471B96817A7F388CD88DAC3B16F14501A987A2B6693DC5B0686800EEE2" \
	"657D0D17DE1A9B22BC6E6D72CEA69BF001FF2F20C8C3C7B7E9E74C14"

static void test_digests(void **state)
{
	static const struct {
		enum gp_digest digest;
		const char *name, *other, *want;
	} d[] = {
		{GP_DIGEST_SHA1, "sha1", "SHA-1", "084A3501EDEF6845F2F1E4198EC3A2B81CF5C6BC"},
		{GP_DIGEST_SHA256, "sha256", "sha-256", SESAME_SHA256},
		{GP_DIGEST_SHA384, "sha384", "SHA384",
		 "FD0FA6301B99D8A18BFFA42B4BE3DFFBC6B7427D30120077EA0295847F0E3724E599F22BE2A25"
		 "FDA8AD1C33BE211C1AF"},
		{GP_DIGEST_SHA512, "sha512", "Sha-512",
		 "BB947E9C96A5620C696BD175A1B28EEA6337FA8CA6C3DD19EFB65E2CB1A4DFEE0256CC87C2158"
		 "9354F1A9F5887AF5D23CE05D72A143AE2F1EFEA9C455BF3D056"},
	};
	const struct gp_part part = {"sesame", 6};
	uint8_t hash[GP_DIGEST_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(d) / sizeof(d[0]); i++) {
		assert_string_equal(gp_digest_name(d[i].digest), d[i].name);
		assert_int_equal(gp_digest_by_name(d[i].name), d[i].digest);
		assert_int_equal(gp_digest_by_name(d[i].other), d[i].digest);
		assert_int_equal(gp_hash(d[i].digest, &part, 1, hash), 0);
		same_bytes(hash, d[i].digest, d[i].want);
	}
	assert_int_equal(gp_digest_by_name("none"), GP_DIGEST_NONE);
	assert_int_equal(gp_digest_by_name("sm3"), -EINVAL);
	assert_int_equal(gp_digest_by_name(""), -EINVAL);
	assert_null(gp_digest_name(33));
}

static void sign_and_verify(const struct gp_signer *s, const struct gp_signer *pub,
			    const char *foreign, bool fixed)
{
	struct gp_aid sd = aid_of(SSD);
	size_t hash_len, sig_len;
	uint8_t *hash = unhex(SESAME_SHA256, &hash_len), *sig = unhex(foreign, &sig_len);
	struct gp_dap dap, again;
	uint8_t block[GP_DAP_MAX];
	struct gp_error err = {0};
	int n;

	assert_int_equal(gp_dap_sign(s, &sd, hash, hash_len, &dap, &err), 0);
	assert_int_equal(dap.sig_len, sig_len);
	assert_int_equal(!memcmp(dap.sig, sig, sig_len), fixed);
	assert_int_equal(gp_dap_verify(pub, &dap, hash, hash_len, &err), 0);
	memcpy(dap.sig, sig, sig_len);
	assert_int_equal(gp_dap_verify(pub, &dap, hash, hash_len, &err), 0);
	n = gp_dap_write(&dap, block);
	assert_true(n > 0);
	assert_int_equal(gp_dap_read(block, (size_t)n, &again, &err), n);
	assert_true(gp_aid_equal(&again.sd, &sd));
	assert_int_equal(again.sig_len, sig_len);
	assert_memory_equal(again.sig, sig, sig_len);
	for (int cut = 0; cut < n; cut++)
		assert_int_equal(gp_dap_read(block, (size_t)cut, &again, &err), -EBADMSG);
	hash[0] ^= 1;
	assert_int_equal(gp_dap_verify(pub, &dap, hash, hash_len, &err), -EBADMSG);
	assert_string_equal(err.code, "bad-signature");
	test_free(hash);
	test_free(sig);
}

static void test_dap(void **state)
{
	static const struct {
		const char *pem;
		bool pkcs1;
		const char *signature;
		bool fixed;
	} keys[] = {
		{pem_rsa1k, false, DAP_PKCS1, true},
		{pem_rsa2k, true, DAP_PKCS1_256, true},
		{pem_rsa2k, false, DAP_PSS, false},
		{pem_p256, false, DAP_P256, false},
	};
	struct gp_key aes = symmetric_key(GP_KEY_AES, DEFAULT_KEY);
	struct gp_key des = symmetric_key(GP_KEY_DES, DEFAULT_KEY);
	struct gp_signer s = {.key = &aes};
	struct gp_aid sd = aid_of(SSD), nobody = {.len = 0};
	uint8_t hash[64] = {0}, block[GP_DAP_MAX];
	struct gp_error err = {0};
	struct gp_dap dap;

	(void)state;
	sign_and_verify(&s, &s, DAP_CMAC, true);
	s.key = &des;
	sign_and_verify(&s, &s, DAP_RETAIL, true);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct gp_signer priv = {.pkey = private_key(keys[i].pem),
					 .pkcs1 = keys[i].pkcs1};
		struct gp_signer pub = {.pkey = public_key(keys[i].pem),
					.pkcs1 = keys[i].pkcs1};

		sign_and_verify(&priv, &pub, keys[i].signature, keys[i].fixed);
		EVP_PKEY_free(priv.pkey);
		EVP_PKEY_free(pub.pkey);
	}
	/* table C-3: P-384 goes with a hash of 48 bytes or more, RSA 2048 with 32 */
	s = (struct gp_signer){.pkey = private_key(pem_p384)};
	assert_int_equal(gp_dap_sign(&s, &sd, hash, 32, &dap, &err), -EINVAL);
	assert_string_equal(err.code, "weak-hash");
	assert_int_equal(gp_dap_sign(&s, &sd, hash, 48, &dap, &err), 0);
	assert_int_equal(gp_dap_verify(&s, &dap, hash, 48, &err), 0);
	assert_int_equal(gp_dap_verify(&s, &dap, hash, 20, &err), -EINVAL);
	assert_int_equal(gp_dap_sign(&s, &nobody, hash, 48, &dap, &err), -EINVAL);
	assert_string_equal(err.code, "bad-aid");
	for (size_t len = 0; len <= 64; len++)
		if (len != 20 && len != 32 && len != 48 && len != 64)
			assert_int_equal(gp_dap_sign(&s, &sd, hash, len, &dap, &err), -EINVAL);
	EVP_PKEY_free(s.pkey);
	dap.sig_len = 0;
	assert_int_equal(gp_dap_write(&dap, block), -EINVAL);
	dap.sig_len = GP_SIGN_MAX + 1;
	assert_int_equal(gp_dap_write(&dap, block), -EINVAL);
}

static void test_dap_bytes(void **state)
{
	/* E2 {4F, C3}: written by hand */
	struct gp_dap dap = {.sd = aid_of(SSD), .sig_len = 8};
	static const char *const bad[] = {
		"",
		"E200",
		"E2014F",
		"E2114F09A00000015153534401C3020102", /* 2 bytes too long */
		"E20D4F09A00000015153534401C300",     /* no signature */
		"E2084F0400000001C301FF",	      /* an AID of four bytes */
		"E2054F00C301FF",
		"E20EC3010A4F09A00000015153534401", /* the wrong way round */
		"E3104F09A00000015153534401C3020102",
		"E2114F09A00000015153534401C301019900", /* something more */
	};
	struct gp_error err;
	uint8_t block[GP_DAP_MAX];
	int n;

	(void)state;
	memset(dap.sig, 0xaa, 8);
	n = gp_dap_write(&dap, block);
	same_bytes(block, (size_t)n,
		   "E215"
		   "4F" SSD "C308AAAAAAAAAAAAAAAA");
	dap.sig_len = 256;
	memset(dap.sig, 0xaa, 256);
	n = gp_dap_write(&dap, block);
	assert_int_equal(n, 4 + 11 + 4 + 256);
	same_bytes(block, 19,
		   "E282010F"
		   "4F" SSD "C3820100");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len;
		uint8_t *p = unhex(bad[i], &len);

		assert_int_equal(gp_dap_read(p, len, &dap, &err), -EBADMSG);
		assert_string_equal(err.code, "bad-dap");
		test_free(p);
	}
}

static void test_load_file(void **state)
{
	struct gp_dap daps[2] = {{.sd = aid_of(SSD), .sig_len = 8},
				 {.sd = aid_of(ISD), .sig_len = 1}};
	struct gp_dap found[2];
	struct gp_loadfile lf, again;
	const uint8_t block[3] = {1, 2, 3};
	struct gp_error err = {0};

	(void)state;
	daps[1].sig[0] = 0x55;
	assert_int_equal(gp_loadfile_make(block, 3, daps, 2, NULL, &lf, &err), 0);
	same_bytes(lf.bytes, lf.len,
		   "E215"
		   "4F" SSD "C308"
		   "0000000000000000"
		   "E20D"
		   "4F" ISD "C30155"
		   "C403010203");
	assert_int_equal(lf.nr_daps, 2);
	assert_int_equal(lf.block_len, 3);
	assert_memory_equal(lf.bytes + lf.block, block, 3);
	assert_false(lf.ciphered);
	assert_int_equal(gp_loadfile_read(lf.bytes, lf.len, &again, found, 2, &err), 0);
	assert_int_equal(again.nr_daps, 2);
	assert_int_equal(again.block, lf.block);
	assert_int_equal(again.block_len, 3);
	assert_true(gp_aid_equal(&found[1].sd, &daps[1].sd));
	gp_loadfile_clear(&again);
	for (size_t cut = 0; cut < lf.len; cut++)
		assert_int_equal(gp_loadfile_read(lf.bytes, cut, &again, found, 2, &err),
				 -EBADMSG);
	assert_int_equal(gp_loadfile_read(lf.bytes, lf.len, &again, found, 1, &err), -E2BIG);
	gp_loadfile_clear(&lf);
	assert_null(lf.bytes);
	assert_int_equal(gp_loadfile_make(block, 0, NULL, 0, NULL, &lf, &err), -EINVAL);
	daps[0].sig_len = 0;
	assert_int_equal(gp_loadfile_make(block, 3, daps, 2, NULL, &lf, &err), -EINVAL);
	assert_int_equal(gp_loadfile_make(block, 3, daps, 17, NULL, &lf, &err), -E2BIG);
	assert_int_equal(gp_loadfile_make(block, GP_LOADFILE_MAX, NULL, 0, NULL, &lf, &err),
			 -E2BIG);
	assert_int_equal(gp_loadfile_read(block, GP_LOADFILE_MAX + 1, &lf, NULL, 0, &err),
			 -E2BIG);
}

/* lengths of 65535 and more: what commands never have */
static void test_big(void **state)
{
	static const size_t sizes[] = {127, 128, 255, 256, 65535, 65536, 200000};
	static const char *const heads[] = {"C47F",	"C48180",     "C481FF",	   "C4820100",
					    "C482FFFF", "C483010000", "C483030D40"};
	uint8_t *block = calloc(1, 200000);

	(void)state;
	assert_non_null(block);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct gp_loadfile lf, again;

		assert_int_equal(gp_loadfile_make(block, sizes[i], NULL, 0, NULL, &lf, NULL),
				 0);
		same_bytes(lf.bytes, lf.block, heads[i]);
		assert_int_equal(lf.len, lf.block + sizes[i]);
		assert_int_equal(gp_loadfile_read(lf.bytes, lf.len, &again, NULL, 0, NULL), 0);
		assert_int_equal(again.block_len, sizes[i]);
		gp_loadfile_clear(&again);
		gp_loadfile_clear(&lf);
	}
	free(block);
}

static void test_ciphered(void **state)
{
	/* bytes 00 to 27, padded and enciphered */
	static const char aes_want[] =
		"03F6DC39875CC6F416AE0D9B0C03DD0D54DEA461DA536C8F992D7D3AE7879801"
		"E8AC52A3E0BED760745BE30D0C2370E1";
	static const char des_want[] =
		"F1D75E4F0D37C22CE1F68FB810397A2F85B07CD41A994DBC5C62889FB56A96A6"
		"7FB04573F11853AB6D3092585B3929BC";
	struct gp_key aes = symmetric_key(GP_KEY_AES, DEFAULT_KEY);
	struct gp_key des = symmetric_key(GP_KEY_DES, DEFAULT_KEY), none = {0};
	uint8_t icv[16], block[40], *big, *clear;
	struct gp_lfdb_cipher cipher = {&aes, icv};
	struct gp_loadfile lf, again;
	struct gp_error err = {0};
	const size_t big_len = 10000;

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		icv[i] = 0xf0 + i;
	for (uint8_t i = 0; i < 40; i++)
		block[i] = i;
	assert_int_equal(gp_loadfile_make(block, 40, NULL, 0, &cipher, &lf, &err), 0);
	same_bytes(lf.bytes, lf.block, "D310F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFFD430");
	same_bytes(lf.bytes + lf.block, lf.block_len, aes_want);
	assert_true(lf.ciphered);
	assert_int_equal(gp_loadfile_read(lf.bytes, lf.len, &again, NULL, 0, &err), 0);
	assert_true(again.ciphered);
	gp_loadfile_clear(&again);
	gp_loadfile_clear(&lf);
	cipher = (struct gp_lfdb_cipher){&des, NULL};
	assert_int_equal(gp_loadfile_make(block, 40, NULL, 0, &cipher, &lf, &err), 0);
	same_bytes(lf.bytes, lf.block, "D430");
	same_bytes(lf.bytes + lf.block, lf.block_len, des_want);
	gp_loadfile_clear(&lf);

	/* longer than what goes through a token at a time: chained all the same */
	big = calloc(2, big_len + 16);
	assert_non_null(big);
	clear = big + big_len + 16;
	for (size_t i = 0; i < big_len; i++)
		big[i] = (uint8_t)(i * 7);
	cipher = (struct gp_lfdb_cipher){&aes, NULL};
	assert_int_equal(gp_loadfile_make(big, big_len, NULL, 0, &cipher, &lf, &err), 0);
	assert_int_equal(
		gp_key_cbc(&aes, false, NULL, lf.bytes + lf.block, lf.block_len, clear), 0);
	assert_memory_equal(clear, big, big_len);
	assert_int_equal(clear[big_len], 0x80);
	gp_loadfile_clear(&lf);
	free(big);
	cipher.key = &none;
	assert_int_equal(gp_loadfile_make(block, 40, NULL, 0, &cipher, &lf, &err), -EINVAL);
	assert_string_equal(err.code, "bad-cipher-key");
}

static void test_bad_load_files(void **state)
{
	static const char *const bad[] = {
		"C400", /* nothing in it */
		"D400",
		"C4010000",		  /* something behind it */
		"D308000000000000000000", /* a vector and nothing else */
		"D30800000000000000"
		"00C40100",
		"D30700000000000000"
		"D40800000000000000"
		"00",
		"D4070000000000"
		"0000", /* no whole block */
		"C5"
		"0100",
		"C480"
		"000000",
		"E2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gp_loadfile lf;
		struct gp_error err;
		size_t len;
		uint8_t *p = unhex(bad[i], &len);

		assert_int_equal(gp_loadfile_read(p, len, &lf, NULL, 0, &err), -EBADMSG);
		assert_null(lf.bytes);
		test_free(p);
	}
}

static void test_slices(void **state)
{
	struct gp_loadfile lf = {.bytes = (uint8_t *)"0123456789", .len = 10};
	struct gp_load_block b;
	uint8_t big[1] = {0};
	size_t sum = 0;

	(void)state;
	/* lc_max, C-MAC, cipher: SCP02 and SCP03 at their levels, S16, extended */
	assert_int_equal(gp_block_size(255, 0, 0), 255);
	assert_int_equal(gp_block_size(255, 8, 0), 247);
	assert_int_equal(gp_block_size(255, 8, 8), 239);
	assert_int_equal(gp_block_size(255, 8, 16), 239);
	assert_int_equal(gp_block_size(255, 16, 16), 223);
	assert_int_equal(gp_block_size(2048, 8, 16), 2031);
	assert_int_equal(gp_block_size(8, 8, 0), 0);
	assert_int_equal(gp_block_size(20, 8, 16), 0);
	assert_int_equal(gp_block_size(4, 8, 16), 0);

	assert_int_equal(gp_load_blocks(lf.len, 4, false), 3);
	assert_int_equal(gp_load_blocks(lf.len, 10, false), 1);
	assert_int_equal(gp_load_blocks(lf.len, 5, false), 2);
	assert_int_equal(gp_load_blocks(lf.len, 0, false), -EINVAL);
	assert_int_equal(gp_load_block(lf.len, 4, 0, &b), 0);
	assert_true(b.p1 == 0x00 && b.p2 == 0 && b.len == 4 && b.at == 0);
	assert_int_equal(gp_load_block(lf.len, 4, 2, &b), 0);
	assert_true(b.p1 == 0x80 && b.p2 == 2 && b.len == 2 && b.at == 8);
	assert_int_equal(gp_load_block(lf.len, 4, 3, &b), -EINVAL);
	/* 256 is what P2 can count; cards that go on begin anew at 00 */
	lf = (struct gp_loadfile){.bytes = big, .len = 256};
	assert_int_equal(gp_load_blocks(lf.len, 1, false), 256);
	lf.len = 257;
	assert_int_equal(gp_load_blocks(lf.len, 1, false), -E2BIG);
	assert_int_equal(gp_load_blocks(lf.len, 1, true), 257);
	assert_int_equal(gp_load_block(lf.len, 1, 256, &b), 0);
	assert_true(b.p2 == 0 && b.p1 == 0x80);
	for (size_t i = 0; gp_load_block(lf.len, 100, i, &b) == 0; i++)
		sum += b.len;
	assert_int_equal(sum, 257);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_dap),
		cmocka_unit_test(test_dap_bytes),
		cmocka_unit_test(test_load_file),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_ciphered),
		cmocka_unit_test(test_bad_load_files),
		cmocka_unit_test(test_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
