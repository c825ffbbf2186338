// SPDX-License-Identifier: Apache-2.0
/*
 * What cards answer to GET DATA and SELECT, and their profiles. Golden vectors: getDataTest.c
 * of kaoh/globalplatform; TestParseTags and TestGPKeyInfo of GlobalPlatformPro and logs in
 * its issues (GPPro N). All are answers of real cards.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "gp/profile.h"
#include "unit/gp_hex.h"

static void recognition(struct gp_recognition *rec, const char *text, int ret)
{
	struct gp_hex h = gp_hex(text);
	struct gp_error err = {0};

	assert_int_equal(gp_recognition_decode(rec, h.p, h.len, &err), ret);
	assert_string_equal(err.code, ret ? "bad-response" : "");
}

static void is_oid(const struct gp_oid *oid, const char *text)
{
	char got[GP_OID_TEXT];

	gp_oid_to_text(oid, got, sizeof(got));
	assert_string_equal(got, text);
}

static void test_recognition(void **state)
{
	const struct gp_scp_option *o;
	struct gp_recognition r;

	(void)state;
	/* getDataTest.c, vector 1 */
	recognition(&r,
		    "664D734B06072A864886FC6B01600B06092A864886FC6B020203630906072A864886FC6B03"
		    "640B06092A864886FC6B040370650D060B2A864886FC6B0507020000660C060A2B06010401"
		    "2A026E0103",
		    0);
	assert_int_equal(r.nr_version, 2);
	assert_memory_equal(r.version, "\2\3", 2);
	assert_int_equal(r.nr_scp, 1);
	assert_int_equal(r.scp[0].scp, 0x03);
	assert_int_equal(r.scp[0].i, 0x70);
	is_oid(&r.identification, "1.2.840.114283.3");
	is_oid(&r.configuration, "1.2.840.114283.5.7.2.0.0");
	is_oid(&r.chip, "1.3.6.1.4.1.42.2.110.1.3");
	assert_int_equal(r.certificate.len, 0);
	/* an option of two bytes in base 128 */
	recognition(&r,
		    "663F733D06072A864886FC6B01600C060A2A864886FC6B02020301630906072A864886FC6B"
		    "03640B06092A864886FC6B040360640C060A2A864886FC6B04119B06",
		    0);
	assert_int_equal(r.nr_version, 3);
	assert_memory_equal(r.version, "\2\3\1", 3);
	assert_int_equal(r.nr_scp, 2);
	assert_int_equal(r.scp[1].scp, 0x11);
	assert_int_equal(r.scp[1].i, 3462);
	assert_ptr_equal(gp_scp_choose(&r), &r.scp[0]);
	/* TestParseTags.testOther: two tags 64, SCP80 second */
	recognition(&r,
		    "6657735506072A864886FC6B01600B06092A864886FC6B020202630906072A864886FC6B03"
		    "640B06092A864886FC6B040370640B06092A864886FC6B048000650A06082A864886FC6B05"
		    "04660C060A2B060104012A026E0103",
		    0);
	assert_int_equal(r.nr_scp, 2);
	assert_int_equal(r.scp[1].scp, 0x80);
	assert_int_equal(r.scp[1].i, 0);
	/* one tag 64 with two OIDs, the better one second: by hand from H.2 */
	recognition(&r, "661A 7318 6416 0609 2A864886FC6B040255 0609 2A864886FC6B040370", 0);
	assert_int_equal(r.nr_scp, 2);
	o = gp_scp_choose(&r);
	assert_int_equal(o->scp, 0x03);
	/* GPPro 16: tag in two bytes, itself once more, another root of the OIDs */
	recognition(&r,
		    "0066336631732F06072A811C86FC6B01600C060A2A811C86FC6B02020101630906072A811C"
		    "86FC6B03640B06092A811C86FC6B040215",
		    0);
	assert_int_equal(r.nr_version, 3);
	assert_memory_equal(r.version, "\2\1\1", 3);
	assert_int_equal(r.scp[0].scp, 0x02);
	assert_int_equal(r.scp[0].i, 0x15);
	/* other things */
	recognition(&r, "6600", -EBADMSG);
	recognition(&r, "", -EBADMSG);
	recognition(&r, "6604 7302 6409", -EBADMSG);
	recognition(&r, "6606 7304 6402 0609", -EBADMSG);
	assert_null(gp_scp_choose(&r));
}

static void test_oid(void **state)
{
	struct gp_oid oid = {.bytes = {0x88, 0x37, 0x03}, .len = 3};

	(void)state;
	is_oid(&oid, "2.999.3"); /* X.660: the example arc */
	oid.bytes[2] = 0x83;
	is_oid(&oid, "");
	memset(oid.bytes, 0xff, sizeof(oid.bytes));
	oid.len = sizeof(oid.bytes);
	is_oid(&oid, "");
	oid.len = 0;
	is_oid(&oid, "");
}

static void test_capability(void **state)
{
	struct gp_capability c;
	struct gp_error err = {0};
	struct gp_hex h;

	(void)state;
	/* TestParseTags.testPrintCardCapabilities */
	h = gp_hex("6735A00E8001038106001020306070820107A007800102810215558103FF9E0082031E1600"
		   "83010284018F8502FF028602FF028702FF02");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), 0);
	assert_int_equal(c.nr_scp, 2);
	assert_int_equal(c.scp[0].scp, 3);
	assert_int_equal(c.scp[0].nr_i, 6);
	assert_int_equal(c.scp[0].i[5], 0x70);
	assert_int_equal(c.scp[0].key_sizes, 7);
	assert_int_equal(c.scp[1].scp, 2);
	assert_int_equal(c.sd_privileges, 0xff9e00);
	assert_int_equal(c.app_privileges, 0x1e1600);
	assert_int_equal(c.nr_hashes, 1);
	assert_string_equal(gp_hash_name(c.hashes[0]), "SHA-256");
	assert_int_equal(c.ciphers, 0x8f);
	assert_int_equal(c.dap_suites, 0xff02);
	assert_int_equal(c.told, 0x7f);
	/* testBrokenPrintCardCapabilities: 67 in 67 */
	h = gp_hex("673A6738A006800102810155A00A8001038102001082010781039EFE8082031E0300830102"
		   "8504010208408602040887040102084088050102030405");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), 0);
	assert_int_equal(c.nr_scp, 2);
	assert_int_equal(c.sd_privileges, 0x9efe80);
	assert_int_equal(c.nr_key_references, 5);
	/* getDataTest.c: one byte is the first of two */
	h = gp_hex("6724A0098001028104153555758103E5BEC082031E030083010284010285017B86010C8701"
		   "7B");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), 0);
	assert_int_equal(c.token_suites, 0x7b00);
	assert_int_equal(c.receipt_suites, 0x0c00);
	/* SCP81 by hand from table H-6 */
	h = gp_hex("6711A00F 800181 810104 830400AE008C 840140");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), 0);
	assert_int_equal(c.scp[0].nr_tls, 2);
	assert_int_equal(c.scp[0].tls[1], 0x008c);
	assert_int_equal(c.scp[0].psk_max, 64);
	/* getDataTest.c: card recognition data are none; and a cut one */
	h = gp_hex("6604730206 00");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), -EBADMSG);
	assert_string_equal(err.code, "bad-response");
	h = gp_hex("6705A0038001");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), -EBADMSG);
	h = gp_hex("6706A00480018181");
	assert_int_equal(gp_capability_decode(&c, h.p, h.len, &err), -EBADMSG);
}

static void test_cplc(void **state)
{
	struct gp_error err = {0};
	struct gp_cplc c;
	struct gp_hex h;
	size_t n;

	(void)state;
	/* getDataTest.c, vector 1 */
	h = gp_hex("9F7F2A4790D600470000000000324434295220844800000000000000001527823432393532"
		   "0000000000000000");
	assert_int_equal(gp_cplc_decode(&c, h.p, h.len, &err), 0);
	assert_int_equal(c.ic_fabricator, 0x4790);
	assert_string_equal(gp_fabricator_name(c.ic_fabricator), "NXP");
	assert_int_equal(c.ic_type, 0xd600);
	assert_int_equal(c.os_id, 0x4700);
	assert_int_equal(c.fabrication_date, 0x3244);
	assert_int_equal(c.ic_serial, 0x34295220);
	assert_int_equal(c.ic_batch, 0x8448);
	assert_int_equal(c.pre_personalizer, 0x1527);
	assert_int_equal(c.pre_personalization_date, 0x8234);
	assert_int_equal(c.pre_personalization_equipment, 0x32393532);
	assert_int_equal(c.personalization_equipment, 0);
	/* by name the same, and all 42 bytes once */
	assert_int_equal(gp_cplc_value(&c, gp_cplc_field(6)), 0x34295220);
	assert_string_equal(gp_cplc_field(6)->name, "ic-serial-number");
	n = 0;
	for (size_t i = 0; gp_cplc_field(i); i++)
		n += gp_cplc_field(i)->size;
	assert_int_equal(n, GP_CPLC_LEN);
	/* without its tag */
	assert_int_equal(gp_cplc_decode(&c, h.p + 3, h.len - 3, &err), 0);
	assert_int_equal(c.ic_fabricator, 0x4790);
	/* TestParseTags.testCPLCTagless: no CPLC */
	assert_int_equal(gp_cplc_decode(&c, h.p + 3, 28, &err), -EBADMSG);
	assert_int_equal(gp_cplc_decode(&c, NULL, 0, &err), -EBADMSG);
}

static void date(uint16_t bcd, int this_year, int ret, const char *want)
{
	char text[64] = "";
	int y, m, d;

	assert_int_equal(gp_cplc_date(bcd, this_year, &y, &m, &d), ret);
	if (!ret)
		snprintf(text, sizeof(text), "%04d-%02d-%02d", y, m, d);
	assert_string_equal(text, want);
}

static void test_dates(void **state)
{
	(void)state;
	/* TestParseTags.testCPLCDateParse: day 210 of a year that ends in 1 */
	date(0x1210, 2021, 0, "2021-07-29");
	date(0x1210, 2020, 0, "2011-07-29");
	date(0x1210, 2030, 0, "2021-07-29");
	date(0x4060, 2024, 0, "2024-02-29");
	date(0x4366, 2024, 0, "2024-12-31");
	date(0x3366, 2024, -EINVAL, "");
	date(0x3365, 2024, 0, "2023-12-31");
	date(0x0001, 2026, 0, "2020-01-01");
	/* testCPLCDateParseInvalid, GPPro 383, 305 */
	date(0x1410, 2024, -EINVAL, "");
	date(0x2a35, 2024, -EINVAL, "");
	date(0x1000, 2024, -EINVAL, "");
	date(0x0000, 2024, -ENODATA, "");
	date(0xffff, 2024, -ENODATA, "");
}

static void test_keys(void **state)
{
	struct gp_error err = {0};
	struct gp_key_infos k;
	struct gp_hex h;

	(void)state;
	/* testRSAKeyTemplate */
	h = gp_hex("E020C00401018820C00402018820C00403018820C0060170A180A003C00401718010");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), 0);
	assert_int_equal(k.nr, 5);
	assert_int_equal(k.key[3].kid, 1);
	assert_int_equal(k.key[3].kvn, 0x70);
	assert_int_equal(k.key[3].nr, 2);
	assert_int_equal(k.key[3].type[0], GP_KEY_RSA_N);
	assert_int_equal(k.key[3].length[0], 0x80);
	assert_int_equal(k.key[3].type[1], GP_KEY_RSA_E);
	assert_int_equal(k.key[3].usage, -1);
	assert_ptr_equal(gp_keys_find(&k, 0x71, 1), &k.key[4]);
	assert_null(gp_keys_find(&k, 0x71, 2));
	/* testExtendedRSAKeyTemplate: FF once, usage 84, access 00 */
	h = gp_hex("E021C00401018010C00402018010C00403018010C00D0173FFA10080A0000301840100");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), 0);
	assert_int_equal(k.nr, 4);
	assert_true(k.key[3].extended);
	assert_int_equal(k.key[3].nr, 2);
	assert_int_equal(k.key[3].length[0], 0x80);
	assert_int_equal(k.key[3].type[1], GP_KEY_RSA_E);
	assert_int_equal(k.key[3].length[1], 3);
	assert_int_equal(k.key[3].usage, 0x84);
	assert_int_equal(k.key[3].access, 0);
	assert_false(k.key[0].extended);
	/* testExtendedKeyTypeTemplateWithZeroLengths: FF before each type, one below 80 */
	h = gp_hex("E081B0C00A0120FF80001001000100C00A0220FF80001001000100C00A0320FF8000100100"
		   "0100C00A0101FF80001001000100C00A0201FF80001001000100C00A0301FF8000100100"
		   "0100C00A0102FF88001001000100C00E0202FF880010FF10000101000100C00A0302FF88"
		   "001001000100C00A0103FF88001001000100C00E0203FF880010FF10000101000100C00A"
		   "0303FF88001001000100C00A1403FF85001001000100C00A1503FF88001001000100");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), 0);
	assert_int_equal(k.nr, 14);
	assert_int_equal(k.key[7].nr, 2);
	assert_int_equal(k.key[7].type[1], 0x10);
	assert_int_equal(k.key[7].length[1], 1);
	assert_int_equal(k.key[12].type[0], GP_KEY_TLS_PSK);
	assert_int_equal(k.key[12].access, 0);
	/* GPPro 16: tag in two bytes; a fresh domain: C0 empty */
	h = gp_hex("00E032C00401208010C00402208010C00403208010C0060170A180A080C00401718010"
		   "C00401018010C00402018010C00403018010");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), 0);
	assert_int_equal(k.nr, 8);
	h = gp_hex("E002C000");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), 0);
	assert_int_equal(k.nr, 0);
	/* what makes no sense */
	h = gp_hex("E005C003010180");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), -EBADMSG);
	h = gp_hex("E008C0060101FF800010");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), 0);
	h = gp_hex("E009C0070101FF80001003");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), -EBADMSG);
	h = gp_hex("E007C00501018010 88");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), -EBADMSG);
	h = gp_hex("E004C0040101");
	assert_int_equal(gp_keys_decode(&k, h.p, h.len, &err), -EBADMSG);
	assert_string_equal(gp_kvn_purpose(0x30), "SCP03");
	assert_string_equal(gp_kvn_purpose(0x73), "DAP");
	assert_string_equal(gp_kvn_purpose(0x10), "");
}

static void test_numbers(void **state)
{
	struct gp_error err = {0};
	struct gp_resources res;
	struct gp_id id;
	struct gp_hex h;
	uint32_t n;

	(void)state;
	/* GPPro 114: C1 of three bytes */
	h = gp_hex("C10300001E");
	assert_int_equal(gp_number_decode(&n, GP_DATA_SEQUENCE, h.p, h.len, &err), 0);
	assert_int_equal(n, 0x1e);
	h = gp_hex("D30181");
	assert_int_equal(gp_number_decode(&n, GP_DATA_SECURITY_LEVEL, h.p, h.len, &err), 0);
	assert_int_equal(n, 0x81);
	assert_int_equal(gp_number_decode(&n, GP_DATA_SEQUENCE, h.p, 0, &err), -EBADMSG);
	h = gp_hex("C2050102030405");
	assert_int_equal(gp_number_decode(&n, GP_DATA_CONFIRMATIONS, h.p, h.len, &err),
			 -EBADMSG);
	h = gp_hex("4204 01020304");
	assert_int_equal(gp_id_decode(&id, GP_DATA_IIN, h.p, h.len, &err), 0);
	assert_int_equal(id.len, 4);
	assert_memory_equal(id.bytes, "\1\2\3\4", 4);
	h.len = 80;
	assert_int_equal(gp_id_decode(&id, GP_DATA_CIN, h.p, h.len, &err), -EBADMSG);
	/* getDataTest.c */
	h = gp_hex("FF211081020002820400016DB483040000086A");
	assert_int_equal(gp_resources_decode(&res, h.p, h.len, &err), 0);
	assert_int_equal(res.applications, 2);
	assert_int_equal(res.nonvolatile, 0x16db4);
	assert_int_equal(res.vol, 0x86a);
	h = gp_hex("FF2103820101");
	assert_int_equal(gp_resources_decode(&res, h.p, h.len, &err), 0);
	assert_int_equal(res.vol, -1);
	h = gp_hex("FF21028200");
	assert_int_equal(gp_resources_decode(&res, h.p, h.len, &err), -EBADMSG);
}

static void test_applications(void **state)
{
	static struct gp_applications apps;
	struct gp_error err = {0};
	struct gp_hex h;

	(void)state;
	/* GPCS 11.3.3.1, by hand: bare and in a template */
	h = gp_hex("610A4F08A000000151000000 61074F05A000000001");
	assert_int_equal(gp_applications_decode(&apps, h.p, h.len, &err), 0);
	assert_int_equal(apps.nr, 2);
	assert_int_equal(apps.aid[1].len, 5);
	h = gp_hex("E115610A4F08A00000015100000061074F05A000000001");
	assert_int_equal(gp_applications_decode(&apps, h.p, h.len, &err), 0);
	assert_int_equal(apps.nr, 2);
	h = gp_hex("61025000");
	assert_int_equal(gp_applications_decode(&apps, h.p, h.len, &err), -EBADMSG);
	h = gp_hex("61064F04A0000000");
	assert_int_equal(gp_applications_decode(&apps, h.p, h.len, &err), -EBADMSG);
	assert_int_equal(gp_applications_decode(&apps, NULL, 0, &err), 0);
}

static void test_fci(void **state)
{
	struct gp_error err = {0};
	struct gp_fci f;
	struct gp_hex h;

	(void)state;
	/* GPPro 355 */
	h = gp_hex("6F108408A000000151000000A5049F6501FF");
	assert_int_equal(gp_fci_decode(&f, h.p, h.len, &err), 0);
	assert_int_equal(f.aid.len, 8);
	assert_int_equal(f.block_max, 255);
	assert_false(f.has_recognition);
	/* GPPro 103: ID Core 30, with 73 and 9F6E */
	h = gp_hex("6F658408A000000018434D00A559734A06072A864886FC6B01600C060A2A864886FC6B0202"
		   "0101630906072A864886FC6B03640B06092A864886FC6B040310650B06092B851086486402"
		   "0103660C060A2B060104012A026E01029F6E061291535602009F6501FF");
	assert_int_equal(gp_fci_decode(&f, h.p, h.len, &err), 0);
	assert_true(f.has_recognition);
	assert_int_equal(f.recognition.scp[0].scp, 3);
	assert_int_equal(f.recognition.scp[0].i, 0x10);
	assert_int_equal(f.life_cycle.len, 6);
	/* nothing, or what an application likes: no error, nothing told */
	assert_int_equal(gp_fci_decode(&f, NULL, 0, &err), 0);
	h = gp_hex("61124F0BA000000397425446590201");
	assert_int_equal(gp_fci_decode(&f, h.p, h.len, &err), 0);
	assert_int_equal(f.aid.len, 0);
	h = gp_hex("6F048402A000");
	assert_int_equal(gp_fci_decode(&f, h.p, h.len, &err), -EBADMSG);
	h = gp_hex("6F04A502 9F65");
	assert_int_equal(gp_fci_decode(&f, h.p, h.len, &err), -EBADMSG);
}

static const struct gp_profile *find(const char *hist, const struct gp_cplc *cplc,
				     const struct gp_recognition *rec)
{
	struct gp_hex h = gp_hex(hist);

	return gp_profile_find(&(struct gp_identity){gp_hex_bytes(&h), cplc, rec});
}

static void test_profiles(void **state)
{
	struct gp_cplc cplc = {.ic_fabricator = 0x5345, .ic_type = 0x534d};
	struct gp_recognition rec = {.version = {2, 1, 1}, .nr_version = 3};
	const struct gp_profile *p;
	struct gp_fci fci = {.block_max = 255};
	struct gp_wire wire;
	struct gp_hex h;

	(void)state;
	assert_string_equal(find("", NULL, NULL)->name, "generic");
	assert_string_equal(find("", NULL, &rec)->name, "gp-2.1");
	assert_string_equal(find("", &cplc, &rec)->name, "softse");
	/* GPPro 80: 3B8980015343453720000020204A; historical bytes over all */
	assert_string_equal(find("534345372000002020", &cplc, &rec)->name, "gd-sce-7");
	assert_string_equal(find("534345", NULL, NULL)->name, "generic");
	rec.version[1] = 0;
	p = find("", NULL, &rec);
	assert_string_equal(p->name, "op-2.0");
	assert_true(p->quirks & GP_QUIRK_OLD_STATUS);
	rec.version[1] = 3;
	assert_string_equal(find("", NULL, &rec)->name, "generic");
	assert_null(gp_profile_by_name("none"));
	for (size_t i = 0; gp_profile_at(i); i++) {
		assert_ptr_equal(gp_profile_by_name(gp_profile_at(i)->name), gp_profile_at(i));
		assert_true(strlen(gp_profile_at(i)->source) > 0);
	}
	assert_true(gp_profile_by_name("scp03-data-counter")->quirks &
		    GP_QUIRK_COUNTER_DATA_ONLY);
	/* blocks: what fits, what the card tells, what the profile knows */
	p = gp_profile_at(0);
	wire = gp_profile_wire(p);
	assert_false(wire.extended);
	assert_int_equal(gp_profile_load_lc(p, &wire, NULL), 255);
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 255);
	fci.block_max = 128;
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 128);
	fci.block_max = 1;
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 255);
	fci.block_max = 1024;
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 255);
	/* by historical bytes: long blocks only where the card tells of some */
	wire.extended = true;
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 1024);
	wire.lc_max = 1000;
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 1000);
	wire.lc_max = 0;
	fci.block_max = 255;
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 255);
	assert_int_equal(gp_profile_load_lc(p, &wire, NULL), 255);
	p = gp_profile_by_name("softse");
	wire = gp_profile_wire(p);
	assert_int_equal(gp_profile_load_lc(p, &wire, &fci), 65535);
	assert_int_equal(gp_profile_by_name("gd-sce-7")->load_block, 223);
	/* what a profile forbids gets into the wire */
	assert_false(wire.no_chaining);
	wire = gp_profile_wire(gp_profile_by_name("gp-2.1"));
	assert_true(wire.no_chaining);
	/* card capabilities in historical bytes: GPPro 383, and b7 set by hand */
	h = gp_hex("8073C821100A");
	assert_false(gp_hist_extended(gp_hex_bytes(&h)));
	h = gp_hex("8031FE73C82150");
	assert_true(gp_hist_extended(gp_hex_bytes(&h)));
	h = gp_hex("0073C82140079000");
	assert_true(gp_hist_extended(gp_hex_bytes(&h)));
	h = gp_hex("8073C8");
	assert_false(gp_hist_extended(gp_hex_bytes(&h)));
	h = gp_hex("53454D");
	assert_false(gp_hist_extended(gp_hex_bytes(&h)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recognition), cmocka_unit_test(test_oid),
		cmocka_unit_test(test_capability),  cmocka_unit_test(test_cplc),
		cmocka_unit_test(test_dates),	    cmocka_unit_test(test_keys),
		cmocka_unit_test(test_numbers),	    cmocka_unit_test(test_applications),
		cmocka_unit_test(test_fci),	    cmocka_unit_test(test_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
