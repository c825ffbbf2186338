// SPDX-License-Identifier: Apache-2.0
/*
 * The walk to EF LwM2M_Bootstrap, on cards that are a list of what they answer, and the
 * file. The first card is that of Nordic's tests of their modem library (uicc_lwm2m in
 * sdk-nrf): its commands without Le have one here, as T=1 wants it.
 */
#include "gp_hex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gp/key.h"
#include "lwm2m/bsfile.h"
#include "pkcs15/pkcs15.h"

/* 2.23.43.9.1 (LwM2M core, G.3.4) */
#define LWM2M .oid = {(const uint8_t *)"\x67\x2b\x09\x01", 4}, .file = "EF LwM2M_Bootstrap"
#define AID "A000000063504B43532D3135"
#define NRF_ODF "A706300404026430"
#define NRF_DODF                                                                       \
	"A127300030110C0F4C774D324D20426F6F747374726170A110300E06060604672B0901300404" \
	"026432"
/* of the same tests: coap://leshan.eclipseprojects.io:5783, a bootstrap server, NoSec */
#define NRF_FILE                                                                           \
	"00010036000000003108002EC80025636F61703A2F2F6C657368616E2E65636C6970736570726F6A" \
	"656374732E696F3A35373833C10101C10203"

/* A step: what is expected, what is answered; "!AID" opens, answered by a status word. */
struct step {
	const char *cmd;
	const char *rsp;
};

/* Blanks in the vectors are for people. */
static bool same(const char *got, const char *want)
{
	for (; *want; want++)
		if (*want != ' ' && *got++ != *want)
			return false;
	return *got == '\0';
}

static void play_at(const struct pkcs15_config *c, const struct step *s, int want,
		    const char *file, const char *word, int line)
{
	struct pkcs15_action a;
	struct pkcs15 *p;
	struct gp_hex h;
	char words[256], text[2 * 300 + 2];
	size_t len;
	int r;

	assert_int_equal(pkcs15_new(&p, c), 0);
	while ((r = pkcs15_next(p, &a, words)) == 1) {
		assert_int_equal(pkcs15_next(p, &(struct pkcs15_action){0}, words), -EBUSY);
		if (!s->cmd)
			fail_msg("line %d: more than expected", line);
		if (a.step == PKCS15_OPEN) {
			text[0] = '!';
			se_to_hex(text + 1, a.aid.bytes, a.aid.len);
		} else {
			se_to_hex(text, a.cmd, a.cmd_len);
		}
		if (!same(text, s->cmd))
			fail_msg("line %d: %s, not %s", line, text, s->cmd);
		h = gp_hex(s->rsp);
		if (a.step == PKCS15_OPEN)
			pkcs15_opened(p, (uint16_t)(h.p[0] << 8 | h.p[1]));
		else
			pkcs15_answer(p, h.p, h.len);
		s++;
	}
	if (s->cmd)
		fail_msg("line %d: %s was not sent (%d: %s)", line, s->cmd, r, words);
	if (r != want)
		fail_msg("line %d: %d, not %d: %s", line, r, want, words);
	if (r < 0 && !strstr(words, word))
		fail_msg("line %d: \"%s\" says nothing of \"%s\"", line, words, word);
	/* how it ended stays so */
	assert_int_equal(pkcs15_next(p, &a, words), want);
	if (r == 0) {
		const uint8_t *got = pkcs15_file(p, &len);

		h = gp_hex(file);
		assert_int_equal(len, h.len);
		if (len > 0)
			assert_memory_equal(got, h.p, len);
	} else {
		assert_null(pkcs15_file(p, &len));
	}
	pkcs15_free(p);
}

#define play(c, s, want, file, word) play_at(c, s, want, file, word, __LINE__)

static void test_nrf(void **state)
{
	const struct pkcs15_config c = {LWM2M, .enough = lwm2m_bsfile_size};
	const struct step steps[] = {
		{"!" AID, "9000"},
		{"00A40804047FFF503100", "9000"},
		{"00B00000E0", NRF_ODF "6282"},
		{"00A40804047FFF643000", "9000"},
		{"00B00000E0", NRF_DODF "6282"},
		{"00A40804047FFF643200", "9000"},
		{"00B00000E0", NRF_FILE "FFFF"
					"6282"},
		{0},
	};

	(void)state;
	play(&c, steps, 0, NRF_FILE "FFFF", "");
}

/* Sizes from FCP, pieces, filling, other objects, another place. */
static void test_sizes(void **state)
{
	static char big[2 * 300 + 1], first[2 * 224 + 5], second[2 * 76 + 5];
	const struct step steps[] = {
		{"!" AID, "6200"},
		{"00A40804047FFF503100", "6207820121830250319000"},
		{"00B00000E0", "0000A00630040402440 2A7083006040450154444FFFFFFFF6282"},
		/* two folders down: from the application, not from 7FFF */
		{"00A4080404501544440 0", "620780020035820101 9000"},
		/* not of ours: no such OID; the second one is in a part of a file */
		{"00B0000035",
		 "30133005 0C03414243 3006 0604672B0701 A102 3000"
		 "301C3003 0C0141 3006 0604672B0901 A10D300B 04026F01 020101 8002012C 0000"
		 "9000"},
		{"00A40804047FFF6F0100", "6F04800202009000"},
		{"00B00001E0", first},
		{"00B000E14C", second},
		{0},
	};

	(void)state;
	for (size_t i = 0; i < 300; i++)
		sprintf(big + 2 * i, "%02X", (unsigned int)(i * 7 & 0xff));
	snprintf(first, sizeof(first), "%.*s9000", 448, big);
	snprintf(second, sizeof(second), "%s9000", big + 448);
	play(&(struct pkcs15_config){LWM2M}, steps, 0, big, "");
}

/* A card that knows no paths; lengths that it corrects; answers that have to be fetched. */
static void test_other_ways(void **state)
{
	const struct step steps[] = {
		{"!" AID, "9000"},
		{"00A40804047FFF503100", "6A82"},
		{"00A4000402503100", "610D"},
		{"00C000000D", "620B 8002000882010183025031 9000"},
		{"00B0000008", "6C04"},
		{"00B0000004", "A7063004 9000"},
		{"00B0000404", "04026430 9000"},
		{"00A4000402643000", "9000"},
		{"00B00000E0", "6CFF"},
		{"00B00000FF", NRF_DODF "9000"},
		{"00A4000402643200", "9000"},
		{"00B00000E0", "0001 6102"},
		{"00C0000002", "0036 9000"},
		{"00B00004E0", "6B00"},
		{0},
	};
	const struct step loop[] = {
		{"!" AID, "9000"},
		{"00A40804047FFF503100", "9000"},
		{"00B00000E0", "6C10"},
		{"00B0000010", "6CE0"},
		{0},
	};

	(void)state;
	play(&(struct pkcs15_config){LWM2M}, steps, 0, "00010036", "");
	play(&(struct pkcs15_config){LWM2M}, loop, -EREMOTEIO, "", "6CE0");
}

static void test_dir(void **state)
{
	const struct step by_aid[] = {
		{"!" AID, "6A82"},
		{"!", "9000"},
		{"00A40804022F0000", "6A82"},
		{"00A40004022F0000", "6206 82 044221002603 9000"},
		{"00B2010400", "61094F07A0000000871002 FFFF 9000"},
		{"00B2020400", "61144F0CA000000063504B43532D3136 51047FFF5015 9000"},
		{"00B2030400", "6A83"},
		{"!A000000063504B43532D3136", "6A82"},
		{0},
	};
	const struct step by_path[] = {
		{"!" AID, "6A82"},
		{"!", "9000"},
		{"00A4080402 2F0000", "9000"},
		{"00B00000E0", "6981"},
		{"00B2010400", "61144F0C" AID "5104 3F005015 9000"},
		{"00B2020400", "6A83"},
		{"00A408040450155031 00", "9000"},
		{"00B00000E0", NRF_ODF "9000"},
		{"00A408040450156430 00", "9000"},
		{"00B00000E0", NRF_DODF "9000"},
		{"00A408040450156432 00", "6204800200009000"},
		{0},
	};
	const struct step none[] = {
		{"!" AID, "6A82"},
		{"!", "9000"},
		{"00A40804022F0000", "6A82"},
		{"00A40004022F0000", "6A82"},
		{0},
	};
	const struct step given[] = {{"!A00000006301", "6A82"}, {0}};
	const struct step refused[] = {{"!" AID, "6999"}, {0}};
	struct pkcs15_config c = {LWM2M, .aid = gp_hex_aid("A00000006301")};

	(void)state;
	play(&(struct pkcs15_config){LWM2M}, by_aid, -ENOENT, "", "no PKCS #15");
	play(&(struct pkcs15_config){LWM2M}, by_path, 0, "", "");
	play(&(struct pkcs15_config){LWM2M}, none, -ENOENT, "", "EF DIR");
	play(&c, given, -ENOENT, "", "no PKCS #15");
	play(&(struct pkcs15_config){LWM2M}, refused, -EREMOTEIO, "", "6999");
}

#define AODF(flags, type, rest)                                          \
	"3024 3003 0C0150 3003 040107 A118 3016 0302" flags " 0A01" type \
	" 020104 020108 020108 800181 0401" rest " 9000"

/* Up to the first VERIFY. */
#define TO_PIN(aodf)                                                                \
	{"!" AID, "9000"}, {"00A40804047FFF503100", "9000"},                        \
		{"00B00000E0", "A8063004040244 01" NRF_ODF "9000"},                 \
		{"00A40804047FFF643000", "9000"},                                   \
		{"00B00000E0", "301C300A 0C0141 03020780 040107 3006 0604672B0901 " \
			       "A106 3004 04026432 9000"},                          \
		{"00A40804047FFF440100", "9000"},                                   \
	{                                                                           \
		"00B00000E0", aodf                                                  \
	}

static void test_pin(void **state)
{
	const uint8_t pin[] = {'1', '2', '3', '4'};
	struct pkcs15_config c = {LWM2M, .pin = {pin, sizeof(pin)}};
	const struct step good[] = {
		TO_PIN(AODF("0358", "01", "00")), {"00200081", "63C3"},
		{"002000810431323334", "9000"},	  {"00A40804047FFF643200", "9000"},
		{"00B00000E0", "00009000"},	  {0},
	};
	const struct step padded[] = {
		TO_PIN(AODF("027C", "00", "FF")),
		{"00200081", "63C2"},
		{"00200081081234FFFFFFFFFFFF", "63C1"},
		{0},
	};
	const struct step iso[] = {
		TO_PIN(AODF("0358", "04", "00")),
		{"00200081", "63C3"},
		{"0020008108241234FFFFFFFFFF", "6983"},
		{0},
	};
	const struct step last[] = {
		TO_PIN(AODF("0358", "01", "00")), {"00200081", "63C1"}, {0}};
	const struct step blocked[] = {
		TO_PIN(AODF("0358", "01", "00")), {"00200081", "6983"}, {0}};
	const struct step silent[] = {
		TO_PIN(AODF("0358", "01", "00")), {"00200081", "6700"}, {0}};
	const struct step off[] = {
		TO_PIN(AODF("0358", "01", "00")),
		{"00200081", "9000"},
		{"00A40804047FFF643200", "9000"},
		{"00B00000E0", "9000"},
		{0},
	};
	const struct step form[] = {
		TO_PIN(AODF("0358", "03", "00")),
		{"00200081", "63C3"},
		{0},
	};

	(void)state;
	play(&c, good, 0, "0000", "");
	play(&c, padded, -EACCES, "", "wrong; 1 tries");
	play(&c, iso, -EACCES, "", "6983");
	play(&c, last, -EACCES, "", "only one try");
	play(&c, blocked, -EACCES, "", "blocked");
	play(&c, silent, -EACCES, "", "6700");
	play(&c, off, 0, "", "");
	play(&c, form, -EACCES, "", "form");
}

/* What the card says only when it is asked for the file. */
static void test_pin_late(void **state)
{
	const struct step none[] = {
		{"!" AID, "9000"},
		{"00A40804047FFF503100", "9000"},
		{"00B00000E0", NRF_ODF "9000"},
		{"00A40804047FFF643000", "9000"},
		{"00B00000E0", NRF_DODF "9000"},
		{"00A40804047FFF643200", "9000"},
		{"00B00000E0", "6982"},
		{0},
	};
	const uint8_t pin[] = {'1', '2', '3', '4'};
	struct pkcs15_config c = {LWM2M, .pin = {pin, sizeof(pin)}};

	(void)state;
	play(&(struct pkcs15_config){LWM2M}, none, -EACCES, "", "none is given");
	play(&c, none, -EACCES, "", "no EF AODF");
}

static void test_malformed(void **state)
{
	const char *const odfs[] = {"A703", "FFFF", "A70630040401 6430", "A7063004040264",
				    "30040402A7A7"};
	const char *const dodfs[] = {"30", "3003300204", "300E3000300606 04672B0901A1023000"};

	(void)state;
	for (size_t i = 0; i < sizeof(odfs) / sizeof(odfs[0]); i++) {
		char rsp[64];
		const struct step steps[] = {{"!" AID, "9000"},
					     {"00A40804047FFF503100", "9000"},
					     {"00B00000E0", rsp},
					     {0}};

		snprintf(rsp, sizeof(rsp), "%s9000", odfs[i]);
		play(&(struct pkcs15_config){LWM2M}, steps, -EBADMSG, "", "EF ODF");
	}
	for (size_t i = 0; i < sizeof(dodfs) / sizeof(dodfs[0]); i++) {
		char rsp[64];
		const struct step steps[] = {{"!" AID, "9000"},
					     {"00A40804047FFF503100", "9000"},
					     {"00B00000E0", NRF_ODF "9000"},
					     {"00A40804047FFF643000", "9000"},
					     {"00B00000E0", rsp},
					     {0}};

		snprintf(rsp, sizeof(rsp), "%s9000", dodfs[i]);
		play(&(struct pkcs15_config){LWM2M}, steps, -EBADMSG, "", "EF DODF");
	}
	const struct step other[] = {
		{"!" AID, "9000"},
		{"00A40804047FFF503100", "9000"},
		{"00B00000E0", NRF_ODF "9000"},
		{"00A40804047FFF643000", "9000"},
		{"00B00000E0", "30133005 0C03414243 3006 0604672B0701 A102 3000 9000"},
		{0},
	};
	const struct step huge[] = {
		{"!" AID, "9000"},
		{"00A40804047FFF503100", "6204800220009000"},
		{0},
	};
	const struct step nothing[] = {{"!" AID, "9000"}, {"00A40804047FFF503100", "90"}, {0}};

	play(&(struct pkcs15_config){LWM2M}, other, -ENOENT, "", "no data object");
	play(&(struct pkcs15_config){LWM2M}, huge, -EFBIG, "", "8192");
	play(&(struct pkcs15_config){LWM2M}, nothing, -EBADMSG, "", "status word");
}

static void test_config(void **state)
{
	uint8_t many[PKCS15_PIN_MAX + 1] = {0};
	struct gp_keyset keys = {.kvn = 1};
	struct pkcs15 *p;

	(void)state;
	assert_int_equal(
		pkcs15_new(&p, &(struct pkcs15_config){LWM2M, .pin = {many, sizeof(many)}}),
		-EINVAL);
	assert_int_equal(pkcs15_new(&p, &(struct pkcs15_config){.oid = {many, sizeof(many)}}),
			 -EINVAL);
	assert_int_equal(pkcs15_new(&p, &(struct pkcs15_config){0}), -EINVAL);
	assert_int_equal(pkcs15_new(&p, &(struct pkcs15_config){LWM2M, .keys = &keys}),
			 -EINVAL);
	pkcs15_free(NULL);
}

/* ---- the file --------------------------------------------------------------- */

static void test_file(void **state)
{
	struct gp_hex h = gp_hex(NRF_FILE "FFFF");
	struct lwm2m_set set = {0};
	struct model_buf out = {.max = LWM2M_BSFILE_MAX};
	char words[CONTENT_WORDS_MAX];
	unsigned int skipped;

	(void)state;
	assert_int_equal(lwm2m_bsfile_size(h.p, 3), 0);
	assert_int_equal(lwm2m_bsfile_size(h.p, h.len), 58);
	assert_int_equal(lwm2m_bsfile_values(h.p, h.len, &set, &skipped, words), 0);
	assert_int_equal(skipped, 0);
	assert_int_equal(set.n, 3);
	assert_int_equal(set.v[0].path.id[2], 0);
	assert_int_equal(set.v[0].len, 37);
	assert_memory_equal(set.v[0].p, "coap://leshan.eclipseprojects.io:5783", 37);
	assert_int_equal(set.v[1].i, 1);
	assert_int_equal(set.v[2].path.id[2], 2);
	assert_int_equal(set.v[2].i, 3);
	/* and back */
	lwm2m_bsfile_encode(&set, &out);
	assert_int_equal(out.error, 0);
	lwm2m_set_clear(&set);
	assert_int_equal(lwm2m_bsfile_values(out.p, out.len, &set, NULL, words), 0);
	assert_int_equal(set.n, 3);
	lwm2m_set_clear(&set);
	model_buf_free(&out);
}

static void test_file_parts(void **state)
{
	/* object 0 in version 1.2, one that nobody knows, object 1 with a resource
	 * that nobody knows, each instance by itself */
	struct gp_hex h = gp_hex("0003 002C"
				 "0000 0102 000C 0800 03 C10003 0801 03 C10100"
				 "FFF0 00 0004 08000001"
				 "0001 00 000C 0800 09 C10065 C1F001 C1013C");
	struct lwm2m_set set = {0};
	struct lwm2m_bsfile_object o;
	struct lwm2m_bsfile f;
	char words[CONTENT_WORDS_MAX];
	unsigned int skipped;

	(void)state;
	assert_int_equal(lwm2m_bsfile_begin(&f, h.p, h.len, words), 0);
	assert_int_equal(f.size, h.len);
	assert_int_equal(lwm2m_bsfile_next(&f, &o, words), 1);
	assert_int_equal(o.major, 1);
	assert_int_equal(o.minor, 2);
	assert_int_equal(o.len, 12);
	assert_int_equal(lwm2m_bsfile_next(&f, &o, words), 1);
	assert_int_equal(o.id, 0xfff0);
	assert_int_equal(lwm2m_bsfile_next(&f, &o, words), 1);
	assert_int_equal(o.major, 0);
	assert_int_equal(lwm2m_bsfile_next(&f, &o, words), 0);
	assert_int_equal(lwm2m_bsfile_values(h.p, h.len, &set, &skipped, words), 0);
	assert_int_equal(skipped, 2);
	assert_int_equal(set.n, 4);
	assert_int_equal(set.v[1].path.id[1], 1);
	assert_int_equal(set.v[2].i, 101);
	assert_int_equal(set.v[3].i, 60);
	lwm2m_set_clear(&set);
}

static void test_file_bad(void **state)
{
	static const struct {
		const char *hex;
		int error;
	} bad[] = {
		{"", -ENODATA},
		{"FFFFFFFFFFFF", -ENODATA},
		{"000000000000", -ENODATA},
		{"FFFF", -ENODATA},
		{"0001", -EBADMSG},
		{"00010036FF", -EBADMSG},		    /* cut short */
		{"00010004 00000000", -EBADMSG},	    /* no length */
		{"00010005 0000000001", -EBADMSG},	    /* of an object */
		{"00010006 000000000000", -EBADMSG},	    /* a byte too many */
		{"00000005 0000000000", -EBADMSG},	    /* objects that are not counted */
		{"00020005 0000000000", -EBADMSG},	    /* one that is not there */
		{"00010008 0000 00 0003 C10101", -EBADMSG}, /* resource without instance */
		{"0001000B 0000 00 0006 080003 C20100", -EBADMSG}, /* cut short in it */
		{"0001000B 0000 00 0006 080003 C10105", -EBADMSG}, /* a boolean of 5 */
		{"0001000C 0000 00 0007 080004 08000101", -EBADMSG},
	};
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	uint8_t *big;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gp_hex h = gp_hex(bad[i].hex);
		int r = lwm2m_bsfile_values(h.p, h.len, &set, NULL, words);

		if (r != bad[i].error)
			fail_msg("%s: %d (%s)", bad[i].hex, r, words);
		assert_true(strlen(words) > 0);
		assert_null(set.v);
	}
	big = calloc(1, LWM2M_BSFILE_MAX + 1);
	big[0] = 1;
	assert_int_equal(lwm2m_bsfile_values(big, LWM2M_BSFILE_MAX + 1, &set, NULL, words),
			 -EFBIG);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nrf),	   cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_other_ways), cmocka_unit_test(test_dir),
		cmocka_unit_test(test_pin),	   cmocka_unit_test(test_pin_late),
		cmocka_unit_test(test_malformed),  cmocka_unit_test(test_config),
		cmocka_unit_test(test_file),	   cmocka_unit_test(test_file_parts),
		cmocka_unit_test(test_file_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
