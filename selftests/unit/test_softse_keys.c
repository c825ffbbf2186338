// SPDX-License-Identifier: Apache-2.0
/* Applets that keep keys and rules: IoT SAFE, the vault, ARA-M. */
#include "softse_scp03_host.h"

#define SAFE "A0000005590010"
#define VAULT "F0534553414D4504"
#define ARA "A00000015141434C00"
/* chaining value of SHA-256 after 64 bytes 'a', computed from FIPS 180-4 */
#define SHA256_64A "DF5BB81CE81E0626FB45A8944FD40F31B25E6816D6D499C1AB90492900635E66"
#define HASH "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

/* 34 45 49 43 86 41 and the point */
static void take_point(struct bench *b, uint8_t point[65])
{
	assert_int_equal(b->len, 71);
	assert_memory_equal(b->rsp, "\x34\x45\x49\x43\x86\x41\x04", 7);
	memcpy(point, b->rsp + 6, 65);
}

static void sign_init(struct bench *b, const char *key, const char *mode, const char *hash)
{
	char data[64];

	snprintf(data, sizeof(data), "8401%sA101%s9102%s920104", key, mode, hash);
	cmd(b, "812A0001", data, 0x9000);
}

/* Signatures of the same message in each of the three modes, checked by libcrypto. */
static void test_safe_signature(void **state)
{
	struct bench *b = *state;
	uint8_t point[65], text[200];
	char hex[600], more[500];

	bench_with_one(b, "iot-safe", SAFE);
	sw(b, "0070000001", 0x9000);
	sw(b, "01A4040007" SAFE "00", 0x9000);
	cmd(b, "81CD0000", "850102", 0x9000);
	take_point(b, point);
	/* a hash, as wolfSSL sends it */
	sign_init(b, "02", "03", "0001");
	cmd(b, "812B8001", "9E20" HASH, 0x9000);
	assert_memory_equal(b->rsp, "\x33\x00\x40", 3);
	assert_int_equal(b->len, 67);
	assert_true(crypto_ec_verify(0, point, 65, 32, "hello", 5, b->rsp + 3, 64));
	assert_false(crypto_ec_verify(0, point, 65, 32, "hellO", 5, b->rsp + 3, 64));
	/* verified by the card as well, and refused */
	hex_of(more, b->rsp, 67);
	snprintf(hex, sizeof(hex), "9E20" HASH "%s", more);
	cmd(b, "812C0001",
	    "850102A103"
	    "010391020001920104",
	    0x6a80);
	cmd(b, "812C0001", "850102A1010391020001920104", 0x9000);
	cmd(b, "812D8001", hex, 0x9000);
	hex[10] ^= 1;
	cmd(b, "812D8001", hex, 0x6d01);
	cmd(b, "812B8001", "9E20" HASH, 0x6985);
	cmd(b, "812C0101", "", 0x9000);
	cmd(b, "812D8001", hex, 0x6985);
	/* the text in three pieces */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	sign_init(b, "02", "01", "0002");
	snprintf(hex, sizeof(hex), "9B64%s", hex_of(more, text, 100));
	cmd(b, "812B0001", hex, 0x9000);
	assert_int_equal(b->len, 0);
	snprintf(hex, sizeof(hex), "9B63%s", hex_of(more, text + 100, 99));
	cmd(b, "812B0001", hex, 0x9000);
	cmd(b, "812B8001", "9B01C7", 0x9000);
	assert_true(crypto_ec_verify(0, point, 65, 48, text, 200, b->rsp + 3, 64));
	/* the last block: state of SHA-256 after 64 bytes 'a' */
	sign_init(b, "02", "02", "0001");
	cmd(b, "812B8001",
	    "9C20" SHA256_64A "9D0140"
	    "9A03616161",
	    0x9000);
	memset(text, 'a', 67);
	assert_true(crypto_ec_verify(0, point, 65, 32, text, 67, b->rsp + 3, 64));
	cmd(b, "812B8001",
	    "9C20" SHA256_64A "9D0141"
	    "9A03616161",
	    0x6a80);
	sign_init(b, "02", "03", "0001");
	cmd(b, "812B8002", "9E20" HASH, 0x6985);
	cmd(b, "812A0001", "840107A1010391020001920104", 0x6a88);
	cmd(b, "812A0001", "840103A1010391020001920104", 0x6985);
	cmd(b, "812A0001", "840102A1010391020008920104", 0x6a80);
}

/* ECDH with a key of the host's, both ways; volatile keys go with the selection. */
static void test_safe_agreement(void **state)
{
	struct bench *b = *state;
	uint8_t mine[32], my_point[65], point[65], want[32];
	char hex[200], more[140];

	bench_with_one(b, "iot-safe", SAFE);
	cmd(b, "80CD0000", "850103", 0x6985);
	cmd(b, "80B90000", "840102", 0x6985);
	cmd(b, "80B90000", "840109", 0x6a88);
	cmd(b, "80B90000", "840103", 0x9000);
	take_point(b, point);
	cmd(b, "80CD0000", "850103", 0x9000);
	assert_memory_equal(b->rsp + 6, point, 65);
	assert_int_equal(crypto_ec_generate(0, mine, my_point), 0);
	snprintf(hex, sizeof(hex), "344549438641%s", hex_of(more, my_point, 65));
	cmd(b, "80D88002", hex, 0x6985);
	cmd(b, "80240002", "850102", 0x6982);
	cmd(b, "80240002", "850104", 0x9000);
	cmd(b, "80D88002", hex, 0x9000);
	cmd(b, "80240102", "", 0x9000);
	cmd(b, "80460000", "840103850104", 0x9000);
	assert_int_equal(b->len, 32);
	assert_int_equal(crypto_ecdh(0, mine, 32, point, 65, want), 0);
	assert_memory_equal(b->rsp, want, 32);
	/* not a point of the curve */
	more[129] = more[129] == '0' ? '1' : '0';
	snprintf(hex, sizeof(hex), "344549438641%s", more);
	cmd(b, "80240002", "850104", 0x9000);
	cmd(b, "80D88002", hex, 0x6a80);
	cmd(b, "00A40400", SAFE, 0x9000);
	cmd(b, "80460000", "840103850104", 0x6985);
	cmd(b, "80CD0000", "850103", 0x6985);
}

/* RFC 5869, A.1, and the known vector of the TLS 1.2 PRF with SHA-256. */
static void test_safe_derivation(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "iot-safe", SAFE);
	cmd(b, "804A0000",
	    "D116"
	    "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B"
	    "D50D"
	    "000102030405060708090A0B0C",
	    0x9000);
	answer(b, "077709362C2E32DF0DDC3F0DC47BBA6390B6C73BB50F9C3122EC844AD7C2B3E5");
	cmd(b, "804A0000",
	    "D116"
	    "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B"
	    "D50D"
	    "000102030405060708090A0B0C"
	    "D20A"
	    "F0F1F2F3F4F5F6F7F8F9"
	    "D3012A",
	    0x9000);
	answer(b, "3CB25F25FAACD57A90434F64D0362F2A2D2D0A90CF1A5A4C5DB02D56ECC4C5BF"
		  "34007208D5B887185865");
	cmd(b, "80480000",
	    "D110"
	    "9BBE436BA940F017B17652849A71DB35"
	    "D21A"
	    "74657374206C6162656C"
	    "A0BA9F936CDA311827A6F796FFD5198C"
	    "D30164",
	    0x9000);
	answer(b, "E3F229BA727BE17B8D122620557CD453C2AAB21D07C3D495329B52D4E61EDB5A"
		  "6B301791E90D35C9C9A46B4E14BAF9AF0FA022F7077DEF17ABFD3797C0564BAB"
		  "4FBC91666E9DEF9B97FCE34F796789BAA48082D122EE42C5A72E5A5110FFF701"
		  "87347B66");
	cmd(b, "80480000", "D11000000000000000000000000000000000D20101", 0x6a80);
	cmd(b, "80480000", "860107D20101D30120", 0x6a88);
}

static void test_safe_objects(void **state)
{
	struct bench *b = *state;
	uint8_t point[65], first[8];

	bench_with_one(b, "iot-safe", SAFE);
	sw(b, "8184000008", 0x6881);
	sw(b, "8084000008", 0x9000);
	assert_int_equal(b->len, 8);
	memcpy(first, b->rsp, 8);
	sw(b, "8084000008", 0x9000);
	assert_memory_not_equal(b->rsp, first, 8);
	sw(b, "80840000", 0x6700);
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "10"
	    "A0000005590010494701050000000000"
	    "000000",
	    0x9000);
	/* a file, a secret, the pair with private key 1 under identifier 0102 */
	cmd(b, "80E28000",
	    "C309"
	    "830107"
	    "5304"
	    "CAFEBABE"
	    "C408"
	    "860105"
	    "D103"
	    "010203"
	    "C126"
	    "84020102"
	    "4120"
	    "0000000000000000000000000000000000000000000000000000000000000001",
	    0x9000);
	bench_again(b, SAFE);
	cmd(b, "80B00001", "830107", 0x9000);
	answer(b, "FEBABE");
	cmd(b, "80B00005", "830107", 0x6b00);
	cmd(b, "80B00000", "830108", 0x6a88);
	cmd(b, "80CD0000", "85020102", 0x9000);
	take_point(b, point); /* the base point */
	assert_memory_equal(point + 1, "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47", 8);
	cmd(b, "80CBC300", "830107", 0x9000);
	answer(b, "C310"
		  "830107"
		  "600101"
		  "4A0101"
		  "20020004"
		  "210101");
	sw(b, "80CB000000", 0x9000);
	assert_memory_equal(b->rsp, "\x10\x01\x01\x11\x10", 5);
	sw(b, "80CB0100000000", 0x9000);
	assert_int_equal(b->rsp[0], 0xc1);
	cmd(b, "80480000",
	    "860105"
	    "D20101"
	    "D30110",
	    0x9000);
	assert_int_equal(b->len, 16);
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "10"
	    "A0000005590010494701050000000000"
	    "000000",
	    0x9000);
	cmd(b, "80E28000",
	    "C126"
	    "84020103"
	    "4120"
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    0x6a80);
}

static void test_vault(void **state)
{
	struct bench *b = *state;

	bench_with_one(b, "vault", VAULT);
	sw(b, "8010000000", 0x9000);
	answer(b, "0000");
	/* counters only go up */
	sw(b, "8030000700", 0x9000);
	answer(b, "00000000");
	sw(b, "8032000700", 0x9000);
	sw(b, "80320007040000001000", 0x9000);
	answer(b, "00000010");
	sw(b, "80320007040000001000", 0x6985);
	sw(b, "80320007040000000F00", 0x6985);
	sw(b, "803200070400000000", 0x6985);
	sw(b,
	   "80320008"
	   "04FFFFFFFF00",
	   0x9000);
	sw(b, "8032000800", 0x6985);
	/* slots: free to read, PIN, session, written once */
	sw(b, "8040011102CAFE", 0x9000);
	sw(b, "8040022202BEEF", 0x9000);
	sw(b, "8040034402D00D", 0x9000);
	sw(b,
	   "80400491"
	   "01AA",
	   0x9000);
	sw(b,
	   "80400491"
	   "01AB",
	   0x6985);
	sw(b,
	   "80400122"
	   "01AB",
	   0x6985);
	sw(b,
	   "80420100"
	   "00",
	   0x9000);
	answer(b, "CAFE");
	sw(b, "8042020000", 0x6982);
	sw(b, "8042030000", 0x6982);
	sw(b, "8042090000", 0x6a88);
	sw(b,
	   "804A0001"
	   "0431323334",
	   0x9000);
	sw(b,
	   "804A0001"
	   "0431323335",
	   0x6982);
	sw(b,
	   "0020000104"
	   "31323334",
	   0x9000);
	sw(b, "8042020000", 0x9000);
	answer(b, "BEEF");
	sw(b, "8042030000", 0x6982);
	sw(b, "8046000000", 0x9000);
	answer(b, "01110002"
		  "02220002"
		  "03440002"
		  "04910001");
	/* boot hashes and locks */
	cmd(b, "80200000", HASH, 0x9000);
	cmd(b, "80200101", HASH, 0x9000);
	sw(b, "8022010000", 0x9000);
	answer(b, "9851312028952521510E8EAAB5BE94E7DC24B5FC292B2E9781173CF11FFA9878");
	sw(b, "80140201", 0x9000);
	cmd(b, "80200000", HASH, 0x6982);
	cmd(b, "80200001", HASH, 0x9000);
	sw(b, "80120100", 0x9000);
	bench_again(b, VAULT);
	sw(b, "8010000000", 0x9000);
	answer(b, "0104");
	sw(b, "8030000700", 0x9000);
	answer(b, "00000010");
	sw(b, "80140200", 0x6982);
	sw(b, "80120000", 0x6982);
	sw(b, "8040051101AA", 0x6982);
	sw(b, "80440100", 0x6982);
	sw(b,
	   "0020000104"
	   "31323334",
	   0x9000);
	sw(b, "80140200", 0x9000);
	secure_session(b, VAULT, 0x01);
	secure(b, "80420300", "", 0x6982); /* the answer would be clear text */
	secure_session(b, VAULT, 0x33);
	secure(b, "80420300", "", 0x9000);
	answer(b, "D00D");
	secure(b, "80400511", "AA", 0x9000);
	secure(b, "80440100", "", 0x9000);
	secure(b, "80120000", "", 0x9000);
	cmd(b, "00A40400", VAULT, 0x9000);
	sw(b, "8042010000", 0x6a88);
	sw(b, "8010000000", 0x9000);
	answer(b, "0000");
}

/* The power goes before every step that changes the disk: the counter never goes back. */
static void test_vault_power(void **state)
{
	struct bench *b = *state;
	unsigned int answered = 0, cuts = 0;
	bool done = false;

	bench_with_one(b, "vault", VAULT);
	for (unsigned int k = 0; !done; k++) {
		static const uint8_t raise[] = {0x80, 0x32, 0, 7, 0},
				     read[] = {0x80, 0x30, 0, 7, 0};
		unsigned int word, now;

		b->card.cut = true;
		b->card.writes_left = k;
		word = bench_run(b, raise, sizeof(raise));
		done = b->card.writes_left > 0;
		if (word == 0x9000)
			answered++;
		else
			cuts++;
		bench_again(b, VAULT);
		assert_int_equal(bench_run(b, read, sizeof(read)), 0x9000);
		now = (unsigned int)get_be16(b->rsp) << 16 | get_be16(b->rsp + 2);
		/* what was answered is there; what was not may be, once each */
		assert_true(now >= answered && now <= answered + cuts);
		answered = now;
		cuts = 0;
	}
	assert_true(answered > 0);
}

#define APP1 "4F05A000000001"
#define PHONE  \
	"C114" \
	"0102030405060708090A0B0C0D0E0F1011121314"

static void test_access_rules(void **state)
{
	struct bench *b = *state;
	uint8_t tag[8];

	bench_with_one(b, "ara", ARA);
	sw(b, "80CAFF4000", 0x9000);
	answer(b, "FF4000");
	sw(b, "80CADF2000", 0x9000);
	assert_int_equal(b->len, 11);
	memcpy(tag, b->rsp + 3, 8);
	cmd(b, "80E29000", "F200", 0x6982);
	secure_session(b, ARA, 0x03);
	secure(b, "80E29000",
	       "F027"
	       "E225"
	       "E11D" APP1 PHONE "E304"
	       "D00101"
	       "D1",
	       0x6a80);
	secure(b, "80E29000",
	       "F028"
	       "E226"
	       "E11D" APP1 PHONE "E305"
	       "D00101"
	       "D100",
	       0x6a80);
	secure(b, "80E29000",
	       "F029"
	       "E227"
	       "E11D" APP1 PHONE "E306"
	       "D00101"
	       "D10100",
	       0x9000);
	secure(b, "80E29000",
	       "F01B"
	       "E219"
	       "E104"
	       "4F00"
	       "C100"
	       "E311"
	       "D010"
	       "80CA0000FFFF000000A40400FFFFFF00",
	       0x6a80);
	secure(b, "80E29000",
	       "F01C"
	       "E21A"
	       "E104"
	       "4F00"
	       "C100"
	       "E312"
	       "D010"
	       "80CA0000FFFF000000A40400FFFFFF00",
	       0x9000);
	/* the same application and device again: the rule is replaced */
	secure(b, "80E29000",
	       "F029"
	       "E227"
	       "E11D" APP1 PHONE "E306"
	       "D00100"
	       "D10101",
	       0x9000);
	secure(b, "80E29000", "F900", 0x6a80);
	secure(b, "80E28000", "F200", 0x6a86);
	bench_again(b, ARA);
	sw(b, "80CADF2000", 0x9000);
	assert_memory_not_equal(b->rsp + 3, tag, 8);
	sw(b, "80CAFF4000", 0x9000);
	answer(b, "FF4045"
		  "E227"
		  "E11D" APP1 PHONE "E306"
		  "D00100"
		  "D10101"
		  "E21A"
		  "E104"
		  "4F00"
		  "C100"
		  "E312"
		  "D010"
		  "80CA0000FFFF000000A40400FFFFFF00");
	/* in two pieces */
	sw(b, "80CAFF6000", 0x6985);
	sw(b, "80CAFF4003", 0x9000);
	answer(b, "FF4045");
	sw(b, "80CAFF6003", 0x9000);
	answer(b, "E227E1");
	sw(b, "80CAFF6000", 0x9000);
	assert_int_equal(b->len, 66);
	sw(b, "80CAFF6000", 0x6985);
	/* one rule by what it is about */
	cmd(b, "80CAFF50", "E11D" APP1 PHONE, 0x9000);
	answer(b, "FF5008"
		  "E306"
		  "D00100"
		  "D10101");
	cmd(b, "80CAFF50", "E109" APP1 "C100", 0x6a88);
	cmd(b, "80CAFF50", "E107" APP1, 0x6a80);
	/* from the issuer's domain */
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "09" ARA "000000",
	    0x9000);
	cmd(b, "80E28000",
	    "F109"
	    "4F05A000000009",
	    0x6a80);
	cmd(b, "80E62000",
	    "0000"
	    "09" ARA "000000",
	    0x9000);
	cmd(b, "80E28000", "F107" APP1, 0x9000);
	cmd(b, "00A40400", ARA, 0x9000);
	cmd(b, "80CAFF50", "E11D" APP1 PHONE, 0x6a88);
	cmd(b, "80CAFF50",
	    "E104"
	    "4F00"
	    "C100",
	    0x9000);
	session(b, ISD);
	cmd(b, "80E62000",
	    "0000"
	    "09" ARA "000000",
	    0x9000);
	cmd(b, "80E28000", "F100", 0x9000);
	cmd(b, "00A40400", ARA, 0x9000);
	sw(b, "80CAFF4000", 0x9000);
	answer(b, "FF4000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_safe_signature, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_safe_agreement, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_safe_derivation, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_safe_objects, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_vault, applet_setup, applet_teardown),
		cmocka_unit_test_setup_teardown(test_vault_power, applet_setup,
						applet_teardown),
		cmocka_unit_test_setup_teardown(test_access_rules, applet_setup,
						applet_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
