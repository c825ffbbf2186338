// SPDX-License-Identifier: Apache-2.0
/*
 * Receipts (GPCS 2.3.1, 11.1.6 and C.5): what is signed written out from the tables,
 * signatures by python3-cryptography.
 */
#include "gp_content.h"
#include <errno.h>

#include "gp/receipt.h"
#include "gp/token.h"

/* counter 7, unique data of ten bytes */
#define CONFIRMATION "0200070A4201234567890ABCDEF1"
#define RECEIPT_CMAC "5028E12AC7EC094BAC8E9CB8CDC7CF67"
#define RECEIPT_RETAIL "D02EB1D6B7E23511"
#define RECEIPT_PKCS1                                                              \
	"868F2DC780C0BDBFE7B458251086A7C03D1B49111DF01AA188F7D9C610B89647A1E6C088" \
	"0956394419916C3A1F6BD149E0B7832D4A6089E2D69AC442ED59C149C1748AC0EC040661" \
	"EEEB935D0DB71026124B5755BBFAA5F57D828CCF7304438AF696CB816CF9A4B5E9B862B4" \
	"241C38DABD1D2AA4DE4B2801AAB3C294742D5362"
#define RECEIPT_PSS                                                                \
	"546B51AF4B7CE6B3E5AD952E20FFE889EC365D1928FAE6AB8C6AE67EC8989177782F7CFB" \
	"8ADAC862B12B79494FDE59F307228BA741AB3D2A95181745B14FDBA76363755EC41844CB" \
	"199989785C81A6C94E8004C5715BC2C6A5F2897890BD95B0C156AAD9F55A3BC15DDDFE98" \
	"2C634FF651CA11CD913D4BABC5C19A8D27CB20AFFC37DF1C266B27EAD5D6CF33D3F25EA7" \
	"DD1F9188D55E922A3EFD68AFC645D18315CA5EBCD1EACA3DDF36E6F3D8416889156AC5CA" \
	"CEF7486BD8B56ED7870C99E093BAB3B2ACC6DB1DAC6537C219B28EC3767FA0277526A4B8" \
	"750463F8F27CD7F98EB23AF7A6775C11DD13ECFD7C10DF21511F3651234837783F91F307" \
	"03FE9FEB"
#define RECEIPT_P256                                                               \
	"7E6F8DAA560589C14C699F5625481784CDD06C5E69FF5FE7F310A93DD38DCF97DBEC1B4A" \
	"B7E2C8DFB0F58F4A080A6FB782FFA9C42427BD96CABF2C5BD2F55338"

static void read_ok(const char *text, struct gp_receipt *r, uint8_t **rsp)
{
	struct gp_error err = {0};
	size_t len;

	*rsp = unhex(text, &len);
	assert_int_equal(gp_receipt_read(*rsp, len, r, &err), 1);
}

static void test_read(void **state)
{
	struct gp_receipt r;
	uint8_t *rsp;

	(void)state;
	read_ok("04AABBCCDD" CONFIRMATION, &r, &rsp);
	same_bytes(r.signature.p, r.signature.len, "AABBCCDD");
	same_bytes(r.confirmation.p, r.confirmation.len, CONFIRMATION);
	assert_int_equal(r.counter, 7);
	same_bytes(r.unique.p, r.unique.len, "4201234567890ABCDEF1");
	assert_int_equal(r.token_id.len + r.token_digest.len, 0);
	test_free(rsp);
	/* with the length of it all in front, as the tables of the responses can be read */
	read_ok("1304AABBCCDD" CONFIRMATION, &r, &rsp);
	same_bytes(r.signature.p, r.signature.len, "AABBCCDD");
	same_bytes(r.confirmation.p, r.confirmation.len, CONFIRMATION);
	test_free(rsp);
	/* token identifier, digest of the token's data */
	read_ok("01AA" CONFIRMATION "0201A2"
		"03010203",
		&r, &rsp);
	same_bytes(r.token_id.p, r.token_id.len, "01A2");
	same_bytes(r.token_digest.p, r.token_digest.len, "010203");
	same_bytes(r.confirmation.p, r.confirmation.len, CONFIRMATION "0201A203010203");
	test_free(rsp);
	/* no token identifier, but a digest */
	read_ok("01AA" CONFIRMATION "0002BEEF", &r, &rsp);
	assert_int_equal(r.token_id.len, 0);
	assert_int_equal(r.token_digest.len, 2);
	test_free(rsp);
	/* confirmed without a receipt */
	read_ok("00" CONFIRMATION, &r, &rsp);
	assert_int_equal(r.signature.len, 0);
	test_free(rsp);
	assert_int_equal(gp_receipt_read(NULL, 0, &r, NULL), 0);
	assert_int_equal(gp_receipt_read((const uint8_t *)"", 1, &r, NULL), 0);
}

/* lengths of 128 and more */
static void test_read_long(void **state)
{
	static const size_t lens[] = {127, 128, 255, 256, 512};
	uint8_t *conf, rsp[600];
	struct gp_receipt r;
	size_t conf_len, n;

	(void)state;
	conf = unhex(CONFIRMATION, &conf_len);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		n = gp_put_length(rsp, lens[i]);
		memset(rsp + n, 0xa5, lens[i]);
		memcpy(rsp + n + lens[i], conf, conf_len);
		n += lens[i] + conf_len;
		assert_int_equal(gp_receipt_read(rsp, n, &r, NULL), 1);
		assert_int_equal(r.signature.len, lens[i]);
		assert_int_equal(r.counter, 7);
	}
	test_free(conf);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"01",
		"0000", /* a length 0 and nothing with it */
		"80" CONFIRMATION,
		"81",
		"8180AA",
		"8201",
		"05AABBCCDD",
		"01AA", /* no confirmation data */
		"01AA03000001"
		"0142", /* a counter of three bytes */
		"01AA0200",
		"01AA02000100", /* nothing unique */
		"01AA02000102"
		"42",
		"01AA" CONFIRMATION "05",
		"01AA" CONFIRMATION "0101"
		"07",
		"01AA" CONFIRMATION "0101"
		"0101"
		"00", /* something behind it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gp_error err = {0};
		struct gp_receipt r;
		size_t len;
		uint8_t *rsp = unhex(bad[i], &len);

		assert_int_equal(gp_receipt_read(rsp, len, &r, &err), -EBADMSG);
		assert_string_equal(err.code, "bad-receipt");
		test_free(rsp);
	}
}

static void test_data(void **state)
{
	const uint8_t priv[] = {0x80, 0x02, 0x00}, params[] = {0xef, 0x03, 0xcf, 0x01, 0x40};
	const struct {
		struct gp_receipt_subject subject;
		const char *want; /* behind the confirmation data */
	} kinds[] = {
		{{.kind = GP_RECEIPT_LOAD, .elf = aid_of(ELF), .sd = aid_of(ISD)}, ELF ISD},
		{{.kind = GP_RECEIPT_INSTALL, .elf = aid_of(ELF), .app = aid_of(APP)}, ELF APP},
		{{.kind = GP_RECEIPT_EXTRADITION,
		  .old_sd = aid_of(SSD),
		  .app = aid_of(APP),
		  .sd = aid_of(ISD)},
		 SSD APP ISD},
		{{.kind = GP_RECEIPT_REGISTRY_UPDATE,
		  .app = aid_of(APP),
		  .privileges = {priv, 3},
		  .params = {params, 5}},
		 "00" APP "00"
		 "03800200"
		 "05EF03CF0140"},
		{{.kind = GP_RECEIPT_REGISTRY_UPDATE}, "0000000000"},
		{{.kind = GP_RECEIPT_DELETE, .app = aid_of(ELF)}, ELF},
		{{.kind = GP_RECEIPT_LOAD_INSTALL_SELECTABLE,
		  .elf = aid_of(ELF),
		  .app = aid_of(APP),
		  .sd = aid_of(SSD)},
		 ELF APP SSD},
	};
	struct gp_receipt r;
	uint8_t *rsp, *data;
	size_t len;

	(void)state;
	read_ok("01AA" CONFIRMATION, &r, &rsp);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char want[256];

		snprintf(want, sizeof(want), "%s%s", CONFIRMATION, kinds[i].want);
		assert_int_equal(gp_receipt_data(&r, &kinds[i].subject, &data, &len, NULL), 0);
		same_bytes(data, len, want);
		free(data);
		assert_string_not_equal(gp_receipt_kind_name(kinds[i].subject.kind), "?");
	}
	/* an AID that is needed and missing, privileges of two bytes */
	for (int kind = GP_RECEIPT_LOAD; kind <= GP_RECEIPT_LOAD_INSTALL_SELECTABLE + 1;
	     kind++) {
		const struct gp_receipt_subject empty = {.kind = (enum gp_receipt_kind)kind,
							 .privileges = {priv, 2}};
		struct gp_error err = {0};

		assert_int_equal(gp_receipt_data(&r, &empty, &data, &len, &err), -EINVAL);
		assert_null(data);
		assert_string_equal(err.code, "bad-receipt-subject");
	}
	assert_string_equal(gp_receipt_kind_name(77), "?");
	test_free(rsp);
}

/* the foreign signatures are over CONFIRMATION ELF ISD */
static void test_verify(void **state)
{
	struct gp_receipt_subject subject = {
		.kind = GP_RECEIPT_LOAD, .elf = aid_of(ELF), .sd = aid_of(ISD)};
	struct gp_key aes = symmetric_key(GP_KEY_AES, DEFAULT_KEY);
	struct gp_key des = symmetric_key(GP_KEY_DES, DEFAULT_KEY);
	EVP_PKEY *rsa = public_key(pem_rsa1k), *pss = public_key(pem_rsa2k);
	EVP_PKEY *ec = public_key(pem_p256);
	const struct {
		struct gp_signer s;
		const char *rsp;
	} keys[] = {
		{{.key = &aes}, "10" RECEIPT_CMAC CONFIRMATION},
		{{.key = &des}, "08" RECEIPT_RETAIL CONFIRMATION},
		{{.pkey = ec}, "40" RECEIPT_P256 CONFIRMATION},
		{{.pkey = rsa}, "8180" RECEIPT_PKCS1 CONFIRMATION},
		{{.pkey = pss}, "820100" RECEIPT_PSS CONFIRMATION},
	};
	struct gp_error err = {0};
	struct gp_receipt r;
	uint8_t *rsp;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		read_ok(keys[i].rsp, &r, &rsp);
		assert_int_equal(gp_receipt_verify(&keys[i].s, &r, &subject, &err), 0);
		/* another domain, another file, another counter */
		subject.sd = aid_of(SSD);
		assert_int_equal(gp_receipt_verify(&keys[i].s, &r, &subject, &err), -EBADMSG);
		subject.sd = aid_of(ISD);
		subject.elf = aid_of(APP);
		assert_int_equal(gp_receipt_verify(&keys[i].s, &r, &subject, &err), -EBADMSG);
		subject.elf = aid_of(ELF);
		((uint8_t *)r.confirmation.p)[2] ^= 1;
		assert_int_equal(gp_receipt_verify(&keys[i].s, &r, &subject, &err), -EBADMSG);
		test_free(rsp);
	}
	read_ok("00" CONFIRMATION, &r, &rsp);
	assert_int_equal(gp_receipt_verify(&keys[0].s, &r, &subject, &err), -EBADMSG);
	assert_string_equal(err.code, "bad-receipt");
	test_free(rsp);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(pss);
	EVP_PKEY_free(ec);
}

/* The subject is found in the command that the card answers. */
static void test_subject(void **state)
{
	static const struct {
		uint8_t ins, p1, p2;
		const char *data;
		enum gp_receipt_kind kind;
		const char *want; /* behind the confirmation data */
	} v[] = {
		{0xe6, 0x02, 0, ELF SSD "20" SESAME_SHA256 "0000", GP_RECEIPT_LOAD, ELF SSD},
		{0xe6, 0x02, 0, ELF "00000000", GP_RECEIPT_LOAD, ELF ISD},
		{0xe6, 0x0c, 0, ELF MODULE APP "010002C90000", GP_RECEIPT_INSTALL, ELF APP},
		{0xe6, 0x04, 0, ELF MODULE APP "010002C90000", GP_RECEIPT_INSTALL, ELF APP},
		{0xe6, 0x10, 0, SSD "00" APP "000000", GP_RECEIPT_EXTRADITION, ISD APP SSD},
		{0xe6, 0x40, 0,
		 "0000" APP "03800200"
		 "05EF03CF014000",
		 GP_RECEIPT_REGISTRY_UPDATE,
		 "00" APP "00"
		 "0380020005EF03CF0140"},
		{0xe6, 0x40, 0,
		 SSD "00" APP "0000"
		     "00",
		 GP_RECEIPT_REGISTRY_UPDATE, ISD APP SSD "0000"},
		{0xe4, 0, 0x80, "4F" ELF "9E0101", GP_RECEIPT_DELETE, ELF},
	};
	struct gp_aid isd = aid_of(ISD), elf = aid_of(ELF);
	struct gp_receipt_subject subject;
	struct gp_apdu both[2], *cmd = &both[0];
	const struct gp_apdu *cmds[] = {&both[0], &both[1]};
	struct gp_error err = {0};
	struct gp_receipt r;
	uint8_t *rsp, *data;
	size_t len;

	(void)state;
	read_ok("01AA" CONFIRMATION, &r, &rsp);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char want[256];

		*cmd = command(v[i].ins, v[i].p1, v[i].p2, v[i].data);
		(void)gp_token_scan(cmd, NULL, NULL);
		if (v[i].ins == 0xe4)
			cmd->signed_len = 10;
		assert_int_equal(gp_receipt_subject(cmds, 1, &isd, NULL, &subject, &err), 0);
		assert_int_equal(subject.kind, v[i].kind);
		assert_int_equal(gp_receipt_data(&r, &subject, &data, &len, &err), 0);
		snprintf(want, sizeof(want), "%s%s", CONFIRMATION, v[i].want);
		same_bytes(data, len, want);
		free(data);
		gp_apdu_clear(cmd);
	}
	/* both commands of C.5.6 */
	both[0] = command(0xe6, 0x0e, 1, ELF SSD "000000");
	both[1] = command(0xe6, 0x0e, 3, ELF MODULE APP "010002C90000");
	assert_int_equal(gp_token_scan(&both[0], NULL, NULL), 0);
	assert_int_equal(gp_token_scan(&both[1], NULL, NULL), 0);
	assert_int_equal(gp_receipt_subject(cmds, 2, &isd, NULL, &subject, &err), 0);
	assert_int_equal(gp_receipt_data(&r, &subject, &data, &len, &err), 0);
	same_bytes(data, len, CONFIRMATION ELF APP SSD);
	free(data);
	gp_apdu_clear(&both[0]);
	gp_apdu_clear(&both[1]);
	/* make selectable does not name the load file */
	*cmd = command(0xe6, 0x08, 0, "0000" APP "01000000");
	assert_int_equal(gp_token_scan(cmd, NULL, NULL), 0);
	assert_int_equal(gp_receipt_subject(cmds, 1, &isd, NULL, &subject, &err), -EINVAL);
	assert_string_equal(err.code, "bad-receipt-subject");
	assert_int_equal(gp_receipt_subject(cmds, 1, &isd, &elf, &subject, &err), 0);
	assert_true(gp_aid_equal(&subject.elf, &elf));
	gp_apdu_clear(cmd);
	*cmd = command(0xe8, 0x80, 0, "00");
	assert_int_equal(gp_receipt_subject(cmds, 1, &isd, NULL, &subject, &err), -EINVAL);
	gp_apdu_clear(cmd);
	test_free(rsp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),   cmocka_unit_test(test_read_long),
		cmocka_unit_test(test_bad),    cmocka_unit_test(test_data),
		cmocka_unit_test(test_verify), cmocka_unit_test(test_subject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
