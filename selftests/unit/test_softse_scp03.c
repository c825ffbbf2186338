// SPDX-License-Identifier: Apache-2.0
/*
 * Golden vectors of SCP03 as published with pySim's tests (three key
 * lengths, levels 11, 03 and 33, pseudo-random challenge), played from the
 * card's side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "softse/profile.h"
#include "softse/scp03.h"

static const char aid_hex[] = "A0000005591010FFFFFFFF8900000100";

/* Commands without Le; after the first one come those of @more. */
struct vector {
	const char *name;
	uint8_t key_len;
	const char *host;
	const char *init_rsp;
	const char *authenticate;
	const char *first;
	const char *first_rsp;
	const char *more[4];
};

static const struct vector vectors[] = {
	{"AES-128, 11",
	 16,
	 "B13E5F938FC108C4",
	 "000000000000000000003003703EB51047495B249F66C484C1D2EF1948000002",
	 "84821100107D5F5826A993EBC89EEA24957FA0B3CE",
	 "84E291000EBF3E035C015A558D036518A28297",
	 "BF3E125A1089882119900000000000000000000005971BE68992DBBDFA",
	 {"84F220020863A63F8959827FB2", "84CA006608A0C6A4A74166F7CE",
	  "84F22002124F0212345C054F9F70C52249B50272656536", "84F280020A4F00E91443F6DCE6B8ED"}},
	{"AES-128, 03",
	 16,
	 "8E1552D0513C60F3",
	 "0000000000000000000030037030760CD2C47C1DD395065FE5EAD8A9D7000001",
	 "8482030010FD4721A14D9B07003C451D2F8AE6BB21",
	 "84E2910018CA9C00F6713D79BC8BAA642BDFF51C3F6A4082D3BD9AD26C",
	 "BF3E125A1089882119900000000000000000000005",
	 {"84F2200208C9811B11F1264CF1", "84CA006608E10AB60B30547988",
	  "84F22002184E2908BDB48B2315A55482E9E936CA122D6ECFAE7D17416E",
	  "84F28002180DD10A6B6193E5340B9E77D32D5A179CD710AC2773AEFB28"}},
	{"AES-128, 33",
	 16,
	 "FDF38259A1E0DE44",
	 "000000000000000000003003703B1ACA81E821F219081CDC01C26B372D000003",
	 "84823300108C36F96BCC00724A4E13AD591D7DA3F0",
	 "84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87F",
	 "F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B25097CB2E68F8A0144975B9",
	 {"84F2200208AC6A59024BED84CC", "84CA006608409912AD8FB7AED0",
	  "84F22002185F3DAFC3AC14C381536A488BF44E06D056DF9D74DBD21E5A",
	  "84F280021865165105BE3373347D0424D4400AF2AC393F569EC779389E"}},
	{"AES-192, 11",
	 24,
	 "7396430B768B085B",
	 "000000000000000000003103708CFC23522FFDBF1E5DF5542CAC8FD866000003",
	 "84821100102145ED30B146F5DB252FB7E624CEC244",
	 "84E291000EBF3E035C015AFF42CF801D143944",
	 "BF3E125A1089882119900000000000000000000005162FBD33E04940A9",
	 {"84F22002084584E4F6784811EE", "84CA006608937776EBE190FA30",
	  "84F22002124F0212345C054F9F70C59A52BDDF3040368C", "84F280020A4F009804B11411F7393D"}},
	{"AES-192, 03",
	 24,
	 "69C65DA8202BF19F",
	 "00000000000000000000310370B570A67BE38446717729D6DD3D2EC5B1000001",
	 "848203001065DF4F1A356A887905466516D9E5B7C1",
	 "84E2910018D2C6FB477C5D4AFE4FD4D21F17EFF10D3578EC1774A12A2D",
	 "BF3E125A1089882119900000000000000000000005",
	 {"84F2200208964E188F0B1BB697", "84CA006608F0820035A41D3E18",
	  "84F220021806B076ED452CD1FA84F77F5C08A146AA77A9286757DEA791",
	  "84F2800218D06527E39222DCE091FABDB8E9B898417A67A6852D3577DB"}},
	{"AES-192, 33",
	 24,
	 "9B3F2EEF0E8C9374",
	 "00000000000000000000310370F6BB305A15BAE1A68F79FB08212FBED7000002",
	 "84823300109100BC22D58B45B86A26365CE39FF3CF",
	 "84E29100188F7F946C84F70D17994BC6E8791251BB1BB1BF02CF8DE589",
	 "C05176C1B6F72AAE50C32CBEE63B0E95998928FD4DFB2BE9F27FFDE8C8476F5909B4805CC4039599",
	 {"84F2200208D5D97754B6B3D2BA", "84CA006608516C82B8E30ADBEB",
	  "84F2200218CC247F4761E6944277A4E0D6E32E44025B1E31537E2FC668",
	  "84F2800218BA22B63D509BEF5D093B43E5EAED03ED23144AB2D9CB51DE"}},
	{"AES-256, 11",
	 32,
	 "11666D57866C6F54",
	 "0000000000000000000032037053EA8847EFA7674E41498A4D66CF0DEE000003",
	 "84821100102F2AD190EFF2FAFC4908996D1CEBD310",
	 "84E291000EBF3E035C015AF4B680372542B59D",
	 "BF3E125A10898821199000000000000000000000058012DD7F01F1C4C1",
	 {"84F2200208D618B7DA68D5FE52", "84CA0066088F3E055DB23AD5E5",
	  "84F22002124F0212345C054F9F70C5B6E15CC42404915E", "84F280020A4F00AA124AA74AFE7F75"}},
	{"AES-256, 03",
	 32,
	 "C6066990FC426E1D",
	 "000000000000000000003203708682CD81BBD8919F2DE3F2664581F118000001",
	 "848203001077C493B632EDADAF865A1E64ACC07CE9",
	 "84E29100183DDAA60594963BEFAADA3525B492EDE23C2AB2C1CE3AFE44",
	 "BF3E125A1089882119900000000000000000000005",
	 {"84F2200208480DDC8E419DA38D", "84CA0066083E9D6A6C0B2D7320",
	  "84F22002183EBFEF2DA8B04AF2A85F491F299B76973DF76FF08A4031BE",
	  "84F2800218783FFF80990F5585B1055010EA95094A26E4A8F1EF4B18E1"}},
	{"AES-256, 33",
	 32,
	 "97B2055FE58599FD",
	 "00000000000000000000320370A8439A22CEDF045FA9F1903B2834F26E000002",
	 "8482330010508A0FD959D2E547C6B33154A6BE2057",
	 "84E29100187A5EF717EAF1E135AE92FE54429D0E465DECDA65F5FE5AEA",
	 "EA90DBFA648A67C5EB6ABC57F8530B97D0CD5647C5E8732016B55203B078DD2ACE7F8BC5D1C1CD99",
	 {"84F2200208BCC5C17275545D93", "84CA00660804806ABA9D543BB6",
	  "84F2200218717222491556EC81A45F49CE48BE33320024801A1C4CB0E0",
	  "84F2800218561F105BCCD3A1642904B251CCC1228BEB80A82370A86370"}},
};

#define LEVEL_33 (&vectors[2])

static size_t unhex(const char *text, uint8_t *out)
{
	int n = parse_hex(text, out, 300);

	assert_true(n >= 0);
	return (size_t)n;
}

static void make_keys(struct scp03_keys *keys, uint8_t len)
{
	memset(keys, 0, sizeof(*keys));
	keys->kvn = (uint8_t)(0x30 + len / 8 - 2);
	keys->len = len;
	for (uint8_t i = 0; i < len; i++) {
		keys->enc[i] = i & 15;
		keys->mac[i] = 0x10 | (i & 15);
		keys->dek[i] = 0x20 | (i & 15);
	}
}

static void open_session(struct scp03 *s, const struct vector *v)
{
	struct scp03_keys keys;
	uint8_t host[8], aid[16], want[32], rsp[SCP03_RSP_MAX], cmd[64];
	size_t len;

	make_keys(&keys, v->key_len);
	unhex(v->host, host);
	unhex(aid_hex, aid);
	assert_int_equal(unhex(v->init_rsp, want), 32);
	assert_int_equal(
		scp03_initialize(s, &keys, 0x70, host, want + 29, aid, 16, NULL, rsp, &len), 0);
	assert_int_equal(len, 32);
	assert_memory_equal(rsp, want, len);
	len = unhex(v->authenticate, cmd);
	assert_int_equal(scp03_authenticate(s, cmd, cmd + 5, len - 5), 0x9000);
	assert_int_equal(s->state, SCP03_OPEN);
	assert_int_equal(s->level, cmd[2]);
}

/* @wrapped without Le */
static void unwrap(struct scp03 *s, const char *wrapped, const char *clear)
{
	uint8_t cmd[300], want[300];
	size_t len = unhex(wrapped, cmd) - 5;

	assert_int_equal(cmd[4], len);
	assert_int_equal(scp03_unwrap(s, cmd, 0, cmd + 5, &len), 0x9000);
	assert_int_equal(len, unhex(clear, want));
	assert_memory_equal(cmd + 5, want, len);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct scp03 s = {0};
		uint8_t rsp[64], want[64];
		size_t len;

		open_session(&s, v);
		unwrap(&s, v->first, "BF3E035C015A");
		len = unhex("BF3E125A1089882119900000000000000000000005", rsp);
		assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x9000), 0);
		assert_int_equal(len, unhex(v->first_rsp, want));
		assert_memory_equal(rsp, want, len);
		/* encryption counters 2 to 5: those without data count */
		unwrap(&s, v->more[0], "");
		unwrap(&s, v->more[1], "");
		unwrap(&s, v->more[2], "4F0212345C054F9F70C5");
		unwrap(&s, v->more[3], "4F00");
	}
}

static void test_error_answers_are_bare(void **state)
{
	struct scp03 s = {0};
	uint8_t rsp[32] = {0};
	size_t len = 0;

	(void)state;
	open_session(&s, LEVEL_33);
	unwrap(&s, LEVEL_33->first, "BF3E035C015A");
	assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x6a88), 0);
	assert_int_equal(len, 0);
	assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x6310), 0);
	assert_int_equal(len, 8);
}

static void test_wrong_mac_closes(void **state)
{
	static const struct scp03 closed;
	struct scp03 s = {0};
	uint8_t cmd[64];
	size_t len;

	(void)state;
	open_session(&s, LEVEL_33);
	len = unhex("84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87E", cmd) - 5;
	assert_int_equal(scp03_unwrap(&s, cmd, 0, cmd + 5, &len), 0x6982);
	/* and not a byte of a key stays */
	assert_memory_equal(&s, &closed, sizeof(s));
}

static void test_authenticate_refuses(void **state)
{
	static const struct {
		const char *cmd;
		uint16_t sw;
	} cases[] = {
		{"84823300108C36F96BCC00724B4E13AD591D7DA3F0", 0x6300},
		{"84823300108C36F96BCC00724A4E13AD591D7DA3F1", 0x6982},
		{"84820200108C36F96BCC00724A4E13AD591D7DA3F0", 0x6a86},
		{"848233000F8C36F96BCC00724A4E13AD591D7DA3", 0x6700},
	};
	static const uint8_t seq[] = {0, 0, 3};
	struct scp03_keys keys;
	uint8_t host[8], aid[16], rsp[SCP03_RSP_MAX], cmd[64];
	struct scp03 s = {0};
	size_t len;

	(void)state;
	make_keys(&keys, 16);
	unhex("FDF38259A1E0DE44", host);
	unhex(aid_hex, aid);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			scp03_initialize(&s, &keys, 0x70, host, seq, aid, 16, NULL, rsp, &len),
			0);
		len = unhex(cases[i].cmd, cmd);
		assert_int_equal(scp03_authenticate(&s, cmd, cmd + 5, len - 5), cases[i].sw);
		assert_int_equal(s.state, SCP03_NONE);
		assert_int_equal(scp03_authenticate(&s, cmd, cmd + 5, len - 5), 0x6985);
	}
	/* a card without R-MAC does not offer it */
	memset(rsp, 0, sizeof(rsp));
	assert_int_equal(scp03_initialize(&s, &keys, 0x00, host, seq, aid, 16, rsp, cmd, &len),
			 0);
	assert_int_equal(len, 29);
	len = unhex("84821100108C36F96BCC00724A4E13AD591D7DA3F0", cmd);
	assert_int_equal(scp03_authenticate(&s, cmd, cmd + 5, len - 5), 0x6a86);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_error_answers_are_bare),
		cmocka_unit_test(test_wrong_mac_closes),
		cmocka_unit_test(test_authenticate_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
