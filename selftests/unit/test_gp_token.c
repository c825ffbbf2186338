// SPDX-License-Identifier: Apache-2.0
/*
 * Signature schemes and tokens. The data that tokens sign are written out by hand from the
 * tables of GPCS 2.3.1, C.4; signatures were made by python3-cryptography.
 */
#include "gp_content.h"
#include <errno.h>

#include "gp/cmd.h"
#include "gp/token.h"

#define HASH "20" SESAME_SHA256

/* P1 02, P2 00, length, and the data of INSTALL [for load] */
#define LOAD_DATA "020038" ELF ISD HASH "04EF02C600"

/* over LOAD_DATA; PSS and ECDSA ones differ each time, these are one each */
#define LOAD_CMAC "7937A860A22252E05E2653FD0AF761BB"
#define LOAD_CMAC_256 "F79F54BA7E7937BC30E733A598BDEB18"
#define LOAD_RETAIL "6FBE3039E97331B2"
#define LOAD_PKCS1                                                                 \
	"A6B518A435F603E6868498265FDB0DC6D3ABDDF1FC3D6AFF3BF66F4273241FF58563C7EE" \
	"291017A59BF6B75B2C96E6B53DC8A41FCFDA227E37204136D7188FF47A685A342829CC77" \
	"365D6DCF7DD0C2284CDA41DF905159D3996A2AEFEC98887A32D4D965474C6A7EA8DED04C" \
	"670845512122C9DBC0A56BEDC639F26EA95C8D81"
#define LOAD_PKCS1_256                                                             \
	"2731D918B843C830BA505C8ECF5BBFA10B41F26EF78BAC4E0C3C60B89BD3A90FFA150BDE" \
	"3CF8C06013EC82B134037F2191FC24D9D94F9F51501F7D5E9A2C8F50600E99B6351E2617" \
	"B59693D7E3622D530A10EB4600CA1EB1ECFEB53E0DA633BC1A0E9B29E9D24C70CA80F785" \
	"B7911448D4A9F6FE7C50596751235F2D6E1CD8E2C0694AE6559EC2986659F6C0536C0493" \
	"AE88C91C17E6E288CBB2B73B29F651D3F98DF828A84A8FD328CAF2E5DB525984122560FC" \
	"AC6269C750209870C59A9C1B5B13ECCB518009ECAC51972DF5724167081D7B8B6EA8EAD4" \
	"D7773FF32512CCFDE2786C7AFE6456C210118EF1E681E1CF07707719D42C111A9F8850FF" \
	"58CFA255"
#define LOAD_PSS                                                                   \
	"3B5AB1A54DB3066AD61D709CA6B608BEF158FCE00FB4A3DC941CB34960CF97375C23AD07" \
	"A0209209DA7D06C674540749239F3FD65B74803898422ABBEBDAAFADDF4CD7C300360590" \
	"DB86C9528105385FC7146A2A674E0B5B5500B506C74EC06A8E7C55D1407C833BDA20DE84" \
	"1680A96D8DE4B6B10A61F83C9FB45A185527B3B48E5687C7596B925B945E6907D3669A45" \
	"A33DED61F0380396B52F4BD56502595A80BFC4CF16F335952C76602457F6B8F10DBBBF9C" \
	"BE28EABBBE0DF33699D1408867AADB16CAE8941ABFBF359B738158563849E7EBA246FA97" \
	"F604DC7EF61A95614975F0F472543953758508980BFAA5C6DC390E1383AE393DC5987F41" \
	"EEE72175"
#define LOAD_P256                                                                  \
	"7ECB33DDCB9B8F0AFD2CB7E99BB8D19BE1D6893CB9879E0BB86FCA1BCEEFAB9DA4FEF7C9" \
	"3361500219D49C6D359E917D3DF2189E8D25979282F98A1F57DA831F"
#define LOAD_P384                                                                  \
	"748E486BCBF949B3A2086CE912B3ADC0EEE42CC2F04C45034481CA57B40C3CBB214AB336" \
	"662D9389CB9DF73365D81BE778EADEC2B2F32951618D680A3175CB219F07310A4B51D815" \
	"6B4B8A2EF8AB8E71DF4260F7B9138B9E59FEFF4EE9551D95"

/* one command as it comes over the wire, and what a token of it is over */
static void check_data(const struct gp_apdu *cmd, size_t n, const char *want,
		       enum gp_token_kind kind)
{
	const struct gp_apdu *cmds[2] = {cmd, cmd + 1};
	struct gp_error err = {0};
	uint8_t *data;
	size_t len;

	assert_int_equal(gp_token_kind(cmds, n, &err), kind);
	assert_int_equal(gp_token_data(cmds, n, &data, &len, &err), 0);
	same_bytes(data, len, want);
	free(data);
}

static const struct {
	enum gp_token_kind kind;
	uint8_t ins, p1, p2;
	const char *data; /* up to the token */
	const char *want;
} kinds[] = {
	{GP_TOKEN_LOAD, 0xe6, 0x02, 0, ELF ISD HASH "04EF02C600", LOAD_DATA},
	{GP_TOKEN_INSTALL, 0xe6, 0x04, 0,
	 ELF MODULE APP "0100"
			"02C900",
	 "040022" ELF MODULE APP "010002C900"},
	{GP_TOKEN_MAKE_SELECTABLE, 0xe6, 0x08, 0, "0000" APP "010000",
	 "08000F"
	 "0000" APP "010000"},
	{GP_TOKEN_INSTALL_MAKE_SELECTABLE, 0xe6, 0x0c, 0,
	 ELF MODULE APP "03800000"
			"02C900",
	 "0C0024" ELF MODULE APP "0380000002C900"},
	{GP_TOKEN_EXTRADITION, 0xe6, 0x10, 0, SSD "00" APP "0000",
	 "100017" SSD "00" APP "0000"},
	{GP_TOKEN_REGISTRY_UPDATE, 0xe6, 0x40, 0,
	 "0000" APP "03000200"
	 "05EF03CF0140",
	 "400016"
	 "0000" APP "0300020005EF03CF0140"},
	{GP_TOKEN_DELETE, 0xe4, 0x00, 0x80, "4F" ELF,
	 "00800A"
	 "4F" ELF},
	{GP_TOKEN_DELETE, 0xe4, 0x00, 0x00,
	 "4F" ELF "B604"
	 "930201A2",
	 "000010"
	 "4F" ELF "B604930201A2"},
};

static void test_data(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct gp_apdu cmd =
			command(kinds[i].ins, kinds[i].p1, kinds[i].p2, kinds[i].data);
		const uint8_t token[3] = {1, 2, 3};
		struct gp_bytes found;
		size_t len = cmd.len;

		/* without token, not even its length */
		assert_int_equal(gp_token_scan(&cmd, &found, NULL), 0);
		assert_int_equal(cmd.signed_len, len);
		assert_int_equal(found.len, 0);
		check_data(&cmd, 1, kinds[i].want, kinds[i].kind);
		/* one put in is found again, and changes nothing of what is signed */
		assert_int_equal(gp_token_put(&cmd, token, sizeof(token), NULL), 0);
		assert_int_equal(cmd.len, len + (kinds[i].ins == 0xe4 ? 5 : 4));
		cmd.signed_len = 0;
		assert_int_equal(gp_token_scan(&cmd, &found, NULL), 0);
		assert_int_equal(found.len, 3);
		assert_memory_equal(found.p, token, 3);
		check_data(&cmd, 1, kinds[i].want, kinds[i].kind);
		/* another takes its place, none takes it out */
		assert_int_equal(gp_token_put(&cmd, token, 1, NULL), 0);
		assert_int_equal(gp_token_scan(&cmd, &found, NULL), 0);
		assert_int_equal(found.len, 1);
		assert_int_equal(gp_token_put(&cmd, NULL, 0, NULL), 0);
		assert_int_equal(cmd.len, len + (kinds[i].ins == 0xe6));
		gp_apdu_clear(&cmd);
	}
	assert_string_equal(gp_token_kind_name(GP_TOKEN_REGISTRY_UPDATE), "registry-update");
	assert_string_equal(gp_token_kind_name(99), "?");
}

/* builders and scanner agree on where the token is */
static void test_builder(void **state)
{
	struct gp_install what = {.p1 = GP_INSTALL_LOAD, .elf = aid_of(ELF), .sd = aid_of(ISD)};
	size_t hash_len;
	uint8_t *hash = unhex(SESAME_SHA256, &hash_len);
	const uint8_t raw[] = {0xef, 0x02, 0xc6, 0x00};
	struct gp_bytes params = {raw, sizeof(raw)};
	struct gp_delete gone = {.aid = aid_of(ELF), .related = true};
	struct gp_apdu cmd;

	(void)state;
	what.hash = (struct gp_bytes){hash, hash_len};
	what.params = &params;
	assert_int_equal(gp_cmd_install(&cmd, &what, NULL), 0);
	check_data(&cmd, 1, LOAD_DATA, GP_TOKEN_LOAD);
	assert_int_equal(gp_token_scan(&cmd, NULL, NULL), 0);
	check_data(&cmd, 1, LOAD_DATA, GP_TOKEN_LOAD);
	gp_apdu_clear(&cmd);
	assert_int_equal(gp_cmd_delete(&cmd, &gone, NULL), 0);
	check_data(&cmd, 1, "00800A4F" ELF, GP_TOKEN_DELETE);
	gp_apdu_clear(&cmd);
	test_free(hash);
}

/* C.4.7: both commands, each with its own P1, P2 and length */
static void test_combined(void **state)
{
	struct gp_apdu cmds[2] = {
		command(0xe6, 0x0e, 0x01, ELF SSD HASH "0000"),
		command(0xe6, 0x0e, 0x03, ELF MODULE APP "010002C90000"),
	};
	const struct gp_apdu *one[] = {&cmds[0]}, *swapped[] = {&cmds[1], &cmds[0]};
	struct gp_error err;

	(void)state;
	assert_int_equal(gp_token_scan(&cmds[0], NULL, NULL), 0);
	assert_int_equal(gp_token_scan(&cmds[1], NULL, NULL), 0);
	check_data(cmds, 2,
		   "0E0135" ELF SSD HASH "00"
		   "0E0322" ELF MODULE APP "010002C900",
		   GP_TOKEN_LOAD_INSTALL_SELECTABLE);
	assert_int_equal(gp_token_kind(one, 1, &err), -EINVAL);
	assert_int_equal(gp_token_kind(swapped, 2, &err), -EINVAL);
	assert_non_null(strstr(err.detail, "comes first"));
	assert_int_equal(gp_token_kind(swapped, 0, &err), -EINVAL);
	gp_apdu_clear(&cmds[0]);
	gp_apdu_clear(&cmds[1]);
}

/* C.4: above 255 bytes the length has three */
static void test_long(void **state)
{
	static const size_t lens[] = {255, 256, 300};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		/* 9 of the AID and two empty fields, the rest is parameters */
		size_t rest = lens[i] - 9 - 2, head = rest - 2 > 255 ? 3 : 2;
		const struct gp_apdu *cmds[1];
		struct gp_apdu cmd = command(0xe6, 0x02, 0x00, ELF "0000");
		uint8_t *field = calloc(1, rest), *data;
		size_t len;

		assert_non_null(field);
		assert_int_equal(gp_apdu_add_lv(&cmd, field, rest - head), 0);
		assert_int_equal(cmd.len, lens[i]);
		assert_int_equal(gp_apdu_add_byte(&cmd, 0), 0);
		assert_int_equal(gp_token_scan(&cmd, NULL, NULL), 0);
		cmds[0] = &cmd;
		assert_int_equal(gp_token_data(cmds, 1, &data, &len, NULL), 0);
		if (lens[i] > 255) {
			const uint8_t want[] = {2, 0, 0, 1, (uint8_t)lens[i]};

			assert_int_equal(len, lens[i] + 5);
			assert_memory_equal(data, want, 5);
		} else {
			assert_int_equal(len, lens[i] + 3);
			assert_int_equal(data[2], 255);
		}
		free(data);
		free(field);
		gp_apdu_clear(&cmd);
	}
}

static void test_refused(void **state)
{
	static const struct {
		uint8_t ins, p1, p2;
		const char *data;
		int want;
	} bad[] = {
		{0xe8, 0x80, 0, "00", -EINVAL},		       /* LOAD */
		{0xe6, 0x20, 0, "0000" APP "000000", -EINVAL}, /* for personalization */
		{0xe6, 0x06, 0, ELF ISD "0000", -EINVAL},      /* no such form */
		{0xe6, 0x82, 0, ELF ISD "0000", -EINVAL},      /* more segments to come */
		{0xe4, 0, 0, "D00101D20120", -EINVAL},	       /* a key */
		{0xe6, 0x02, 0, ELF ISD "00", -EBADMSG},       /* no parameters */
		{0xe6, 0x02, 0, ELF ISD "0081", -EBADMSG},
		{0xe6, 0x02, 0, ELF ISD "000005", -EBADMSG}, /* a token cut short */
		{0xe6, 0x02, 0, ELF ISD "00000105FF", -EBADMSG},
		{0xe6, 0x02, 0, "80", -EBADMSG},
		{0xe6, 0x02, 0, "", -EBADMSG},
		{0xe6, 0x02, 0, "09A0", -EBADMSG},
		{0xe4, 0, 0, "4F08F05345", -EBADMSG},
		{0xe4, 0, 0, "4F" ELF "9E", -EBADMSG},
		{0xe4, 0, 0, "4F" ELF "9E01009E0100", -EBADMSG},
		{0xe4, 0, 0, "4F" ELF "C00100", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gp_apdu cmd = command(bad[i].ins, bad[i].p1, bad[i].p2, bad[i].data);
		const struct gp_apdu *cmds[] = {&cmd};
		struct gp_error err = {0};
		uint8_t *data;
		size_t len;

		assert_int_equal(gp_token_scan(&cmd, NULL, &err), bad[i].want);
		assert_true(err.code[0] && err.detail[0]);
		/* where the token begins is not known, so there is nothing to sign */
		cmd.signed_len = 0;
		assert_int_equal(gp_token_data(cmds, 1, &data, &len, &err), -EINVAL);
		assert_null(data);
		assert_int_equal(gp_token_put(&cmd, NULL, 0, &err), -EINVAL);
		gp_apdu_clear(&cmd);
	}
}

struct scheme {
	const char *pem, *key;
	enum gp_key_type type;
	bool pkcs1;
	const char *signature; /* a foreign one over LOAD_DATA */
	bool fixed;	       /* always the same one */
	size_t digest;
	const char *words;
};

static const struct scheme schemes[] = {
	{NULL, DEFAULT_KEY, GP_KEY_AES, false, LOAD_CMAC, true, 0, "AES 128, CMAC"},
	{NULL, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", GP_KEY_AES,
	 false, LOAD_CMAC_256, true, 0, "AES 256, CMAC"},
	{NULL, DEFAULT_KEY, GP_KEY_DES, false, LOAD_RETAIL, true, 0, "DES, retail MAC"},
	{pem_rsa1k, NULL, 0, false, LOAD_PKCS1, true, 20, "RSA 1024, PKCS#1 v1.5 with SHA1"},
	{pem_rsa2k, NULL, 0, true, LOAD_PKCS1_256, true, 32,
	 "RSA 2048, PKCS#1 v1.5 with SHA256"},
	{pem_rsa2k, NULL, 0, false, LOAD_PSS, false, 32, "RSA 2048, PSS with SHA256"},
	{pem_p256, NULL, 0, false, LOAD_P256, false, 32, "EC 256, ECDSA with SHA256"},
	{pem_p384, NULL, 0, false, LOAD_P384, false, 48, "EC 384, ECDSA with SHA384"},
};

#define NR_SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static void test_schemes(void **state)
{
	struct gp_apdu cmd = command(0xe6, 0x02, 0x00, ELF ISD HASH "04EF02C60000");
	const struct gp_apdu *cmds[] = {&cmd};

	(void)state;
	assert_int_equal(gp_token_scan(&cmd, NULL, NULL), 0);
	for (size_t i = 0; i < NR_SCHEMES; i++) {
		const struct scheme *sch = &schemes[i];
		struct gp_key key = {0};
		struct gp_signer s = {.pkcs1 = sch->pkcs1}, pub;
		uint8_t token[GP_SIGN_MAX];
		size_t foreign_len, len;
		uint8_t *foreign = unhex(sch->signature, &foreign_len);
		struct gp_error err = {0};
		char words[64];

		if (sch->key) {
			key = symmetric_key(sch->type, sch->key);
			s.key = &key;
		} else {
			s.pkey = private_key(sch->pem);
		}
		pub = s;
		if (sch->pem)
			pub.pkey = public_key(sch->pem);
		assert_string_equal(gp_sign_scheme(&s, words, sizeof(words)), sch->words);
		assert_int_equal(gp_sign_digest(&s), sch->digest);
		assert_int_equal(gp_sign_size(&s), foreign_len);
		assert_int_equal(gp_token_verify(&pub, cmds, 1, foreign, foreign_len, &err), 0);
		assert_int_equal(gp_token_sign(&s, cmds, 1, token, &len, &err), 0);
		assert_int_equal(len, foreign_len);
		assert_int_equal(!memcmp(token, foreign, len), sch->fixed);
		assert_int_equal(gp_token_verify(&pub, cmds, 1, token, len, &err), 0);
		/* every bit counts, and every length */
		for (size_t b = 0; b < len; b += 7) {
			token[b] ^= 1;
			assert_int_equal(gp_token_verify(&pub, cmds, 1, token, len, &err),
					 -EBADMSG);
			token[b] ^= 1;
		}
		assert_int_equal(gp_token_verify(&pub, cmds, 1, token, len - 1, &err),
				 -EBADMSG);
		assert_int_equal(gp_token_verify(&pub, cmds, 1, token, 0, &err), -EBADMSG);
		cmd.p1 = GP_INSTALL_EXTRADITION;
		assert_int_equal(gp_token_verify(&pub, cmds, 1, token, len, &err), -EBADMSG);
		cmd.p1 = GP_INSTALL_LOAD;
		if (sch->pem) {
			assert_int_equal(gp_token_sign(&pub, cmds, 1, token, &len, &err),
					 -EACCES);
			assert_string_equal(err.code, "key-is-public");
			EVP_PKEY_free(s.pkey);
			EVP_PKEY_free(pub.pkey);
		}
		test_free(foreign);
	}
	gp_apdu_clear(&cmd);
}

static int no_cmac(void *ctx, const struct gp_part *parts, size_t n, uint8_t mac[GP_AES_BLOCK])
{
	(void)ctx;
	(void)parts;
	(void)n;
	(void)mac;
	return -ENODEV;
}

static void test_keys(void **state)
{
	static const struct gp_key_ops pulled = {.cmac = no_cmac};
	struct gp_key des = symmetric_key(GP_KEY_DES, DEFAULT_KEY), none = {0};
	struct gp_key inside = {.type = GP_KEY_AES, .len = 16, .ops = &pulled};
	EVP_PKEY *small = EVP_RSA_gen(1016), *curve = EVP_EC_gen("P-224");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *p256 = private_key(pem_p256);
	struct gp_signer bad[] = {
		{.key = NULL},	 {.pkey = p256, .key = &des},
		{.key = &none},	 {.pkey = small},
		{.pkey = curve}, {.pkey = other},
	};
	uint8_t sig[GP_SIGN_MAX];
	struct gp_error err;
	char words[64];
	size_t len;

	(void)state;
	assert_true(curve && other);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (i == 3 && !small) /* the library would not even make it */
			continue;
		assert_int_equal(gp_sign_size(&bad[i]), -EINVAL);
		assert_int_equal(gp_sign_digest(&bad[i]), -EINVAL);
		assert_null(gp_sign_scheme(&bad[i], words, sizeof(words)));
		assert_int_equal(gp_sign(&bad[i], sig, 1, sig, &len, &err), -EINVAL);
		assert_int_equal(gp_verify(&bad[i], sig, 1, sig, 8, &err), -EINVAL);
		assert_string_equal(err.code, "bad-signing-key");
	}
	/* a DES key in a token has no single DES; an AES key there may fail */
	des.ops = &pulled;
	assert_int_equal(gp_sign_size(&(struct gp_signer){.key = &des}), -EINVAL);
	assert_int_equal(gp_sign(&(struct gp_signer){.key = &inside}, sig, 1, sig, &len, &err),
			 -ENODEV);
	assert_string_equal(err.code, "signing-failed");
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
	EVP_PKEY_free(other);
	EVP_PKEY_free(p256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),	 cmocka_unit_test(test_builder),
		cmocka_unit_test(test_combined), cmocka_unit_test(test_long),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
