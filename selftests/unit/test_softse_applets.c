// SPDX-License-Identifier: Apache-2.0
/* The native applets: what they answer, to whom, and what outlives the power. */
#include "softse_scp03_host.h"

#define PKCS15 "A000000063504B43532D3135"

static void test_test_applet(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "test", NULL);
	sw(b, "00A4040009F0534553414D45010200", 0x9000);
	/* cases 1 to 4 by what arrived */
	sw(b, "80700100", 0x9000);
	sw(b, "8070020000", 0x9000);
	answer(b, "0000000100");
	sw(b, "8070030001AA", 0x9000);
	sw(b, "8070040001AA05", 0x9000);
	answer(b, "0001000005");
	sw(b, "80700400000001AA0000", 0x9000);
	answer(b, "0001010000");
	sw(b, "80700100000000", 0x6700);
	/* chosen status words, with data where there may be some */
	sw(b, "8060628102AABB00", 0x6281);
	answer(b, "AABB");
	sw(b, "8060698502AABB00", 0x6985);
	assert_int_equal(b->len, 0);
	sw(b, "80609ABC", 0x9abc);
	sw(b, "80606105", 0x6a86);
	sw(b, "80606C05", 0x6a86);
	sw(b, "80601234", 0x6a86);
	/* any length */
	sw(b, "8042000004000100000000", 0x6700);
	sw(b, "80420000000004000100000000", 0x9000);
	assert_int_equal(b->len, 65536);
	sw(b, "80420000000004000100010000", 0x6a80);
	/* work first, then an echo */
	sw(b, "8080000004012CAABB00", 0x9000);
	answer(b, "AABB");
	assert_int_equal(b->work_us, 300000);
	sw(b, "809000000568656C6C6F00", 0x9000);
	answer(b, "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824");
	sw(b, "80200007", 0x9000);
	bench_again(b, NULL);
	sw(b, "00A4040009F0534553414D45010200", 0x9000);
	sw(b, "8020000700", 0x9000);
	answer(b, "00000002");
}

static void test_profile_words(void **state)
{
	struct card_profile p;

	(void)state;
	card_profile_default(&p);
	assert_null(applet_profile(&p, "pkcs15-pin"));
	assert_string_equal(applet_profile(&p, "pkcs15"), "one applet of a kind");
	assert_null(applet_profile(&p, "vault  default"));
	assert_non_null(applet_profile(&p, "ara default"));
	assert_non_null(applet_profile(&p, "ara defaults"));
	assert_non_null(applet_profile(&p, "pkcs"));
	assert_non_null(applet_profile(&p, ""));
	assert_int_equal(p.applets, 1U << 2 | 1U << 5);
	assert_int_equal(p.default_applet, 6);
}

/* A module of the card itself is installed without a load file. */
static void test_install(void **state)
{
	struct bench *b = *state;

	bench_power_up(b);
	session(b, ISD);
	cmd(b, "80E60C00",
	    "07A0000001515350"
	    "09F0534553414D450201"
	    "0C" PKCS15 "0100"
	    "03C90101"
	    "00",
	    0x9000);
	cmd(b, "80E60C00",
	    "07A000000151535009F0534553414D45020207F00000000000010100"
	    "02C90000",
	    0x6a88);
	cmd(b, "80E60C00",
	    "07A0000001515350"
	    "09F0534553414D450201"
	    "07F0000000000001"
	    "0100"
	    "03C90103"
	    "00",
	    0x6a80);
	assert_int_equal(b->card.n_entries, 2);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00200001", 0x63c3);
	bench_again(b, NULL);
	cmd(b, "00A40400", PKCS15, 0x9000);
	session(b, ISD);
	cmd(b, "80E40000", "4F0C" PKCS15, 0x9000);
	assert_int_equal(b->card.n_entries, 1);
}

static void test_pkcs15_files(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "pkcs15", NULL);
	/* the sequence of a modem (nRF9160's uicc_lwm2m) on channel 1 */
	sw(b, "0070000001", 0x9000);
	answer(b, "01");
	sw(b, "01A404040CA000000063504B43532D313500", 0x9000);
	sw(b, "01A40804047FFF503100", 0x9000);
	answer(b, "620E8002001882010183025031"
		  "8A0105");
	sw(b, "01B0000080", 0x9000);
	answer(b, "A00630040402"
		  "4402"
		  "A40630040402"
		  "4404"
		  "A70630040402"
		  "6430");
	sw(b, "01A40804047FFF643000", 0x9000);
	sw(b, "01B0000080", 0x9000);
	answer(b, "3023"
		  "3011"
		  "0C0F4C774D324D20426F6F747374726170"
		  "3006"
		  "0604672B0901"
		  "A106"
		  "300404026432");
	sw(b, "01A40804047FFF643200", 0x9000);
	sw(b, "01B0000080", 0x9000);
	answer(b, "0001"
		  "0042"
		  "0000"
		  "00"
		  "003D"
		  "08003A"
		  "C80016"
		  "636F6170733A2F2F3132372E302E302E313A35363834"
		  "C10101"
		  "C10200"
		  "C603736F66747365"
		  "C80510"
		  "000102030405060708090A0B0C0D0E0F"
		  "FFFF");
	/* pieces: offsets of 15 bits, a short file identifier, and a data object */
	sw(b, "01B0000704", 0x9000);
	answer(b, "003D0800");
	sw(b, "01B086020A", 0x9000);
	answer(b, "00420000"
		  "00003D08003A");
	sw(b, "01B1643204540200070600", 0x6700);
	sw(b,
	   "01B1643203540107"
	   "06",
	   0x9000);
	answer(b, "5304003D0800");
	sw(b, "01B1000004540200FF00", 0x6b00);
	sw(b, "01B0004800", 0x9000);
	assert_int_equal(b->len, 0);
	sw(b, "01B0004900", 0x6b00);
	/* what there is not leaves alone what is current */
	sw(b, "01A40804047FFF123400", 0x6a82);
	sw(b, "01B0000002", 0x9000);
	answer(b, "0001");
	sw(b, "01A40800033F005000", 0x6700);
	sw(b, "01A4030000", 0x9000);
	answer(b, "6F0A"
		  "820138"
		  "83023F00"
		  "8A0105");
	sw(b, "01B0000002", 0x6986);
	sw(b, "01A40000022F0000", 0x9000);
	sw(b, "01B0000000", 0x9000);
	answer(b, "611C4F0C" PKCS15 "5006736F6674736551043F005015");
	sw(b, "01A40000023F0000", 0x9000);
	sw(b, "01A4000C025015", 0x9000);
	assert_int_equal(b->len, 0);
	sw(b, "01A4020C025032", 0x9000);
	sw(b, "01B0000000", 0x9000);
	answer(b, "3021"
		  "020100"
		  "0408534553414D450001"
		  "0C06536573616D65"
		  "8006736F66747365"
		  "03020780");
	sw(b,
	   "01A40900024401"
	   "00",
	   0x6a82);
	sw(b, "01D6000001AA", 0x6982);
	sw(b, "00708001", 0x9000);
}

/* Another data object beside LwM2M's, and its file. */
static void test_pkcs15_dm(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "pkcs15-dm", NULL);
	sw(b, "0070000001", 0x9000);
	sw(b, "01A404040CA000000063504B43532D313500", 0x9000);
	sw(b, "01A40804047FFF643000", 0x9000);
	sw(b, "01B0000080", 0x9000);
	answer(b, "3023"
		  "3011"
		  "0C0F4C774D324D20426F6F747374726170"
		  "3006"
		  "0604672B0901"
		  "A106"
		  "300404026432"
		  "3020"
		  "300E"
		  "0C0C444D20426F6F747374726170"
		  "3006"
		  "0604672B0701"
		  "A106"
		  "300404026433");
	/* WBXML 1.3, public identifier 0B, UTF-8: type="APPLICATION", APPID w7 */
	sw(b, "01A40804047FFF643300", 0x9000);
	sw(b, "01B0000026", 0x9000);
	answer(b, "030B6A00"
		  "45"
		  "C65003"
		  "4150504C49434154494F4E00"
		  "01"
		  "8705034150504944000603773700"
		  "01"
		  "8705");
	sw(b, "01B0880004", 0x9000);
	answer(b, "030B6A00");
}

static void test_pkcs15_dm_pin(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "pkcs15-dm-pin", NULL);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00A4080C047FFF6433", 0x9000);
	sw(b, "00B0000004", 0x6982);
	sw(b, "002000010431323334", 0x9000);
	sw(b, "00B0000004", 0x9000);
	answer(b, "030B6A00");
}

/* Other content: the vectors of a SIM card, as nRF9160's tests have them. */
static void test_pkcs15_personalise(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "pkcs15", NULL);
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "0C" PKCS15 "000000",
	    0x9000);
	cmd(b, "80E20000",
	    "5031"
	    "08"
	    "A706300404026430",
	    0x9000);
	cmd(b, "80E28001",
	    "6430"
	    "29"
	    "A12730003011"
	    "0C0F4C774D324D20426F6F747374726170"
	    "A110300E"
	    "06060604672B0901"
	    "300404026432"
	    "6432"
	    "3A"
	    "0001003600000000310800"
	    "2EC80025"
	    "636F61703A2F2F6C657368616E2E65636C6970736570726F6A656374732E696F3A35373833"
	    "C10101C10203",
	    0x9000);
	bench_again(b, NULL);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00A4080C047FFF6432", 0x9000);
	sw(b, "00B0000080", 0x9000);
	answer(b, "000100360000000031"
		  "08002EC80025"
		  "636F61703A2F2F6C657368616E2E65636C6970736570726F6A656374732E696F3A35373833"
		  "C10101C10203");
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "0C" PKCS15 "000000",
	    0x9000);
	cmd(b, "80E28000",
	    "1234"
	    "01"
	    "00",
	    0x6a80);
	cmd(b, "80E62000",
	    "0000"
	    "0C" PKCS15 "000000",
	    0x9000);
	cmd(b, "80E28000",
	    "6432"
	    "05"
	    "00",
	    0x6a80);
}

static void test_pkcs15_pin(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "pkcs15-pin", NULL);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00A4020C026432", 0x9000);
	sw(b, "00B0000004", 0x6982);
	sw(b,
	   "0020000104"
	   "31323335",
	   0x63c2);
	bench_again(b, NULL); /* the try was counted before it was answered */
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00200001", 0x63c2);
	sw(b,
	   "0020000104"
	   "31323334",
	   0x9000);
	sw(b, "00200001", 0x9000);
	sw(b, "00A4020C026432", 0x9000);
	sw(b, "00B0000004", 0x9000);
	answer(b, "00010042");
	sw(b,
	   "002400010A"
	   "313233343534333231"
	   "39",
	   0x9000);
	sw(b, "00B0000004", 0x6982);
	sw(b,
	   "0020000106"
	   "353433323139",
	   0x9000);
	sw(b, "00B0000004", 0x9000);
	/* a new selection knows nothing of it */
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00A4020C026432", 0x9000);
	sw(b, "00B0000004", 0x6982);
	for (unsigned int left = 3; left-- > 0;) {
		sw(b,
		   "0020000104"
		   "00000000",
		   0x63c0 | left);
		sw(b, "00B0000004", 0x6982);
	}
	sw(b,
	   "0020000106"
	   "353433323139",
	   0x6983);
	sw(b, "00200001", 0x6983);
	sw(b, "00200002", 0x6a88);
	/* the issuer sets another one */
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "0C" PKCS15 "000000",
	    0x9000);
	cmd(b, "80E28000",
	    "0001"
	    "04"
	    "37373737",
	    0x9000);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b,
	   "0020000104"
	   "37373737",
	   0x9000);
}

static void test_pkcs15_scp03(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "pkcs15-scp03", NULL);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00A4020C025031", 0x9000);
	sw(b, "00B0000002", 0x9000);
	sw(b, "00A4020C026432", 0x9000);
	sw(b, "00B0000004", 0x6982);
	secure_session(b, PKCS15, 0x01); /* the answer would be clear text */
	secure(b, "00A4020C", "6432", 0x9000);
	secure(b, "00B00000", "", 0x6982);
	secure_session(b, PKCS15, 0x33);
	secure(b, "00A4020C", "6432", 0x9000);
	secure(b, "00D60000", "0002", 0x9000);
	secure(b, "00B00000", "", 0x9000);
	assert_int_equal(b->len, 72);
	assert_memory_equal(b->rsp, "\0\2\0\x42", 4);
	secure(b, "00D60048", "0102", 0x6b00);
	sw(b, "00B0000004", 0x6982); /* outside of the session: that ends it */
	sw(b, "00A4020C026432", 0x9000);
	sw(b, "00B0000004", 0x6982);
}

static void test_pkcs15_sign(void **state)
{
	struct bench *b = *state;
	uint8_t cert[512], sig[64], hash[32];
	size_t len, at;

	bench_with_one(b, "pkcs15", NULL);
	cmd(b, "00A40400", PKCS15, 0x9000);
	sw(b, "00A4020C024331", 0x9000);
	sw(b, "00B00000000200", 0x9000);
	len = b->len;
	assert_true(len > 200 && len < sizeof(cert));
	memcpy(cert, b->rsp, len);
	cmd(b, "002A9E9A", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
	    0x9000);
	assert_int_equal(b->len, 64);
	memcpy(sig, b->rsp, 64);
	for (uint8_t i = 0; i < 32; i++)
		hash[i] = i;
	/* the point in the certificate, after its BIT STRING's head */
	for (at = 0; at + 69 < len; at++)
		if (!memcmp(cert + at, "\x03\x42\x00\x04", 4))
			break;
	assert_true(crypto_ec_verify(0, cert + at + 3, 65, 0, hash, 32, sig, 64));
	sw(b, "002A9E9A01AA00", 0x6a80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_test_applet, applet_setup,
						applet_teardown),
		cmocka_unit_test(test_profile_words),
		cmocka_unit_test_setup_teardown(test_install, applet_setup, applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_files, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_dm, applet_setup, applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_dm_pin, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_personalise, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_pin, applet_setup, applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_scp03, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_pkcs15_sign, applet_setup,
						applet_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
