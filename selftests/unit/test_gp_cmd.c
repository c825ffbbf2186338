// SPDX-License-Identifier: Apache-2.0
/*
 * The bytes of every command but PUT KEY (test_gp_putkey.c). Sources of the golden vectors:
 *
 *	GPPro N	    github.com/martinpaljak/GlobalPlatformPro, log in issue N (clear data
 *		    of the command, its C-MAC taken off)
 *	GPShell N   github.com/kaoh/globalplatform, issue N
 *	pySim	    osmocom/pysim, tests/unittests/test_globalplatform.py
 *	jcexpress   name.velikodniy.jcexpress, GPSessionCardContentTest
 *	GPCS N	    written by hand from table or clause N of GPCS 2.3.1
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "gp/cmd.h"
#include "gp/registry.h"
#include "unit/gp_hex.h"

static void test_select(void **state)
{
	struct gp_aid aid = gp_hex_aid("A000000151000000");
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* GPPro 243, 306 */
	assert_int_equal(gp_cmd_select(&a, NULL, false, &err), 0);
	expect(&a, "00A4040000");
	/* GPPro 248: 00A40400 08 A000000151535041 00 */
	aid = gp_hex_aid("A000000151535041");
	assert_int_equal(gp_cmd_select(&a, &aid, false, &err), 0);
	expect(&a, "00A4040008A00000015153504100");
	/* GPCS 11-80: next occurrence */
	assert_int_equal(gp_cmd_select(&a, &aid, true, &err), 0);
	expect(&a, "00A4040208A00000015153504100");
	/* GPCS 11-59 */
	assert_int_equal(gp_cmd_channel_open(&a, &err), 0);
	expect(&a, "0070000001");
	assert_int_equal(gp_cmd_channel_close(&a, 19, &err), 0);
	expect(&a, "00708013");
	refused(&a, gp_cmd_channel_close(&a, 0, &err), -EINVAL, &err, "bad-channel");
	refused(&a, gp_cmd_channel_close(&a, 20, &err), -EINVAL, &err, "bad-channel");
}

static void install(const struct gp_install *what, size_t signed_len, const char *bytes)
{
	struct gp_error err = {0};
	struct gp_apdu a;

	assert_int_equal(gp_cmd_install(&a, what, &err), 0);
	assert_int_equal(a.signed_len, signed_len);
	assert_true(a.chain);
	expect(&a, bytes);
}

static void test_install_load(void **state)
{
	const struct gp_hex hash =
		gp_hex("ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB");
	const struct gp_system_params code = {.set = GP_SYS_CODE, .code = 0x0400};
	const struct gp_system_params limits = {
		.set = GP_SYS_CODE | GP_SYS_NONVOLATILE, .code = 12544, .nonvol = 12000};
	struct gp_install w = {.p1 = GP_INSTALL_LOAD};

	(void)state;
	/* GPPro 293 */
	w.elf = gp_hex_aid("D07002CA44");
	w.sd = gp_hex_aid("A000000003000000");
	install(&w, 17, "80E6020012 05D07002CA44 08A000000003000000 000000 00");
	/* jcexpress, from GPPro's log of a real card */
	w.elf = gp_hex_aid("D27600012401");
	install(&w, 18, "80E602001306D2760001240108A00000000300000000000000");
	/* jcexpress: own domain, hash, parameters */
	w.elf = gp_hex_aid("A0000000620301");
	w.sd = (struct gp_aid){.len = 0};
	w.hash = gp_hex_bytes(&hash);
	w.sys = &code;
	install(&w, 49,
		"80E602003207A0000000620301 00 20"
		"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"
		"06EF04C6020400 00 00");
	/* GPShell 8 */
	w.elf = gp_hex_aid("A000000001");
	w.sd = gp_hex_aid("A0000000030000");
	w.hash = (struct gp_bytes){NULL, 0};
	w.sys = &limits;
	install(&w, 26, "80E602001B05A00000000107A0000000030000000AEF08C6023100C8022EE00000");
}

static void test_install_install(void **state)
{
	const struct gp_system_params limits = {
		.set = GP_SYS_VOLATILE | GP_SYS_NONVOLATILE, .vol = 500, .nonvol = 500};
	const struct gp_hex scp = gp_hex("81020370"),
			    whole = gp_hex("C90100EF08C70201F4C80201F4");
	struct gp_install w = {.p1 = GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE,
			       .privileges_len = 1};
	const uint8_t zero = 0, params[130] = {0};
	const struct gp_bytes field = gp_hex_bytes(&whole);
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* GPPro 306: a security domain */
	w.elf = gp_hex_aid("A0000001515350");
	w.module = gp_hex_aid("A000000151535041");
	w.instance = gp_hex_aid("A000000151000001");
	w.privileges = GP_PRIV_SD;
	install(&w, 31,
		"80E60C0020 07A0000001515350 08A000000151535041 08A000000151000001"
		"0180 02C900 00 00");
	/* GPPro 402: three bytes of privileges, SCP in the parameters */
	w.instance = gp_hex_aid("0101010101");
	w.privileges_len = 3;
	w.app_params = gp_hex_bytes(&scp);
	install(&w, 34,
		"80E60C0023 07A0000001515350 08A000000151535041 050101010101"
		"03800000 06C90481020370 00 00");
	/* jcexpress, from GPPro's log of a real card; the module gives its name */
	w = (struct gp_install){.p1 = w.p1, .privileges_len = 1};
	w.elf = gp_hex_aid("D27600012401");
	w.module = gp_hex_aid("D2760001240102000000000000010000");
	install(&w, 46,
		"80E60C002F06D27600012401 10D2760001240102000000000000010000"
		"10D2760001240102000000000000010000 0100 02C900 00 00");
	/* GPShell 11, limits of data memory: the parameters field alone */
	w.sys = &limits;
	w.app_params = (struct gp_bytes){&zero, 1};
	w.module = w.instance = gp_hex_aid("A000000001");
	install(&w, 7 + 6 + 6 + 2 + 14,
		"80E60C0024 06D27600012401 05A000000001 05A000000001 0100"
		"0DC90100EF08C70201F4C80201F4 00 00");
	/* the same, handed over as a whole */
	w.sys = NULL;
	w.params = &field;
	w.p1 = GP_INSTALL_INSTALL;
	install(&w, 7 + 6 + 6 + 2 + 14,
		"80E6040024 06D27600012401 05A000000001 05A000000001 0100"
		"0DC90100EF08C70201F4C80201F4 00 00");
	/* jcexpress: lengths above 127 */
	w = (struct gp_install){.p1 = GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE,
				.privileges_len = 1,
				.app_params = {params, sizeof(params)}};
	w.elf = gp_hex_aid("A0000000620301");
	w.module = w.instance = gp_hex_aid("A000000062030101");
	assert_int_equal(gp_cmd_install(&a, &w, &err), 0);
	assert_int_equal(a.len, 8 + 9 + 9 + 2 + 2 + 133 + 1);
	assert_memory_equal(a.data + 28, "\x81\x85\xc9\x81\x82\x00", 6);
	gp_apdu_clear(&a);
}

static void test_install_others(void **state)
{
	const uint8_t implicit[] = {0x80, 0x41};
	const struct gp_system_params cf = {.implicit = {implicit, 2},
					    .set = GP_SYS_RESTRICT,
					    .restrict_ = GP_RESTRICT_LOAD | GP_RESTRICT_DELETE};
	struct gp_install w = {.p1 = GP_INSTALL_EXTRADITION};
	const uint8_t token[] = {1, 2, 3};

	(void)state;
	/* jcexpress, table 11-45 */
	w.sd = gp_hex_aid("A000000151000000");
	w.instance = gp_hex_aid("A000000062030101");
	install(&w, 21, "80E610001608A0000001510000000008A00000006203010100000000");
	/* jcexpress, table 11-46 */
	w = (struct gp_install){.p1 = GP_INSTALL_REGISTRY_UPDATE,
				.privileges = GP_PRIV_CARD_RESET,
				.privileges_len = 1};
	w.instance = gp_hex_aid("A000000062030101");
	install(&w, 14, "80E640000F000008A0000000620301010104000000");
	/* GPCS 11-46, 11-53: no privileges, restrictions and implicit selection */
	w.privileges = 0;
	w.privileges_len = 0;
	w.sys = &cf;
	install(&w, 12 + 1 + 11,
		"80E6400019 0000 08A000000062030101 00 0BEF09D90103CF0180CF0141"
		"00 00");
	/* jcexpress, table 11-47 */
	w = (struct gp_install){.p1 = GP_INSTALL_PERSONALIZATION};
	w.instance = gp_hex_aid("A000000062030101");
	install(&w, 0, "80E620000E000008A00000006203010100000000");
	/* GPCS 11-44 */
	w = (struct gp_install){.p1 = GP_INSTALL_MAKE_SELECTABLE,
				.privileges_len = 1,
				.token = {token, sizeof(token)}};
	w.instance = gp_hex_aid("A000000062030101");
	install(&w, 14, "80E6080012000008A0000000620301010100 00 03010203 00");
}

static void test_install_combined(void **state)
{
	struct gp_install w = {.p1 = 0x0e, .p2 = GP_INSTALL_COMBINED_BEGIN};

	(void)state;
	/* GPCS 11.5.1.2: the first has the fields of load, the second those of install */
	w.elf = gp_hex_aid("A0000000620301");
	install(&w, 11, "80E60E010C07A00000006203010000000000");
	w = (struct gp_install){.p1 = 0x0e, .p2 = GP_INSTALL_COMBINED_END, .privileges_len = 1};
	w.module = gp_hex_aid("A000000062030101");
	install(&w, 24,
		"80E60E0319 00 08A000000062030101 08A000000062030101 0100 02C900 00 00");
}

static void test_install_params(void **state)
{
	const uint8_t services[] = {0x80, 0x01}, sdin[] = {0x42}, url[] = {0x01, 0x02};
	const struct gp_hex toolkit = gp_hex("010001011000010003D50101");
	const struct gp_hex uicc =
		gp_hex("800D010014000202011E03D501030081180001000010A000000087"
		       "1002FFFFFFFF8900000100010000");
	const struct gp_system_params sys = {.set = GP_SYS_VOLATILE_RESERVED |
						    GP_SYS_NV_RESERVED | GP_SYS_NONVOLATILE,
					     .nonvol = 0x8000,
					     .vol_reserved = 0x7fff,
					     .nonvol_reserved = 1,
					     .services = {services, 2},
					     .toolkit = gp_hex_bytes(&toolkit)};
	const struct gp_token_ref ref = {
		.sd_id = {sdin, 1}, .provider = {url, 2}, .number = {url, 1}};
	struct gp_install w = {.p1 = GP_INSTALL_INSTALL,
			       .privileges_len = 3,
			       .privileges = GP_PRIV_GLOBAL_SERVICE,
			       .sys = &sys,
			       .uicc = gp_hex_bytes(&uicc),
			       .token_ref = &ref};

	(void)state;
	/* CA and EA of kaoh/globalplatform, installDataTest.c; sizes by GPCS 11.5.2.3.7 */
	w.elf = w.module = w.instance = gp_hex_aid("A000000001");
	install(&w, 6 + 6 + 6 + 4 + 1 + 92,
		"80E6040074 05A000000001 05A000000001 05A000000001 03000100 5C"
		"C900 EF20 C80400008000 CB028001 D7027FFF D8020001"
		"CA0C010001011000010003D50101"
		"EA29800D010014000202011E03D501030081180001000010A0000000871002FFFFFFFF89000001"
		"00010000 B60B 420142 5F20020102 930101 00 00");
}

static void test_install_refused(void **state)
{
	struct gp_install w = {.p1 = GP_INSTALL_LOAD};
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "no-aid");
	w.elf = w.instance = w.module = gp_hex_aid("A000000001");
	w.p2 = GP_INSTALL_COMBINED_BEGIN;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "bad-install");
	w.p1 = 0x0e;
	w.p2 = 0x02;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "bad-install");
	w.p1 = 0x06;
	w.p2 = 0;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "bad-install");
	w.p1 = GP_INSTALL_INSTALL;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "bad-privileges");
	/* one byte cannot carry Global Delete */
	w.privileges = GP_PRIV_GLOBAL_DELETE;
	w.privileges_len = 1;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "bad-privileges");
	w.p1 = GP_INSTALL_EXTRADITION;
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "no-aid");
	w = (struct gp_install){.p1 = GP_INSTALL_PERSONALIZATION, .token = {(uint8_t[]){1}, 1}};
	w.instance = gp_hex_aid("A000000001");
	refused(&a, gp_cmd_install(&a, &w, &err), -EINVAL, &err, "bad-install");
}

static void test_load(void **state)
{
	uint8_t data[247] = {0xc4};
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* jcexpress, table 11-56: blocks of 247 from 00, the last one with P1 80 */
	assert_int_equal(gp_cmd_load(&a, 1, false, (struct gp_bytes){data, 247}, &err), 0);
	assert_int_equal(a.len, 247);
	assert_int_equal(a.p2, 1);
	assert_int_equal(a.le, GP_LE_ANY);
	gp_apdu_clear(&a);
	assert_int_equal(gp_cmd_load(&a, 2, true, (struct gp_bytes){data, 2}, &err), 0);
	expect(&a, "80E8800202C40000");
	assert_int_equal(gp_cmd_load(&a, 255, true, (struct gp_bytes){data, 1}, &err), 0);
	gp_apdu_clear(&a);
	refused(&a, gp_cmd_load(&a, 256, true, (struct gp_bytes){data, 1}, &err), -EINVAL, &err,
		"bad-block");
	refused(&a, gp_cmd_load(&a, 0, true, (struct gp_bytes){data, 0}, &err), -EINVAL, &err,
		"bad-block");
}

static void test_delete(void **state)
{
	struct gp_delete w = {.aid = gp_hex_aid("A000000062030101")};
	const struct gp_token_ref ref = {.number = {(uint8_t[]){0x11}, 1}};
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* jcexpress, tables 11-20 and 11-22 */
	assert_int_equal(gp_cmd_delete(&a, &w, &err), 0);
	assert_int_equal(a.signed_len, 10);
	expect(&a, "80E400000A4F08A00000006203010100");
	w.aid = gp_hex_aid("A0000000620301");
	w.related = true;
	assert_int_equal(gp_cmd_delete(&a, &w, &err), 0);
	expect(&a, "80E40080094F07A000000062030100");
	/* GPCS 11-21 */
	w.token_ref = &ref;
	w.token = (struct gp_bytes){(uint8_t[]){1, 2, 3}, 3};
	assert_int_equal(gp_cmd_delete(&a, &w, &err), 0);
	assert_int_equal(a.signed_len, 14);
	expect(&a, "80E40080134F07A0000000620301 B603930111 9E03010203 00");
	/* GPCS 11-23 */
	assert_int_equal(gp_cmd_delete_key(&a, 1, 0x30, &err), 0);
	expect(&a, "80E4000006D00101D2013000");
	assert_int_equal(gp_cmd_delete_key(&a, 0, 0xff, &err), 0);
	expect(&a, "80E4000003D201FF00");
	assert_int_equal(gp_cmd_delete_key(&a, 0x7f, 0, &err), 0);
	expect(&a, "80E4000003D0017F00");
	refused(&a, gp_cmd_delete_key(&a, 0, 0, &err), -EINVAL, &err, "bad-key-number");
	refused(&a, gp_cmd_delete_key(&a, 0x80, 1, &err), -EINVAL, &err, "bad-key-number");
	w.aid.len = 0;
	refused(&a, gp_cmd_delete(&a, &w, &err), -EINVAL, &err, "no-aid");
}

static void test_status(void **state)
{
	struct gp_aid aid = gp_hex_aid("A000000062030101");
	struct gp_get_status w = {.list = GP_LIST_ISD};
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* pySim */
	assert_int_equal(gp_cmd_get_status(&a, &w, &err), 0);
	expect(&a, "80F28002024F0000");
	w.list = GP_LIST_ELFS;
	w.prefix = (struct gp_bytes){(const uint8_t *)"\x12\x34", 2};
	w.tags = (struct gp_bytes){(const uint8_t *)"\x4f\x9f\x70\xc5", 4};
	assert_int_equal(gp_cmd_get_status(&a, &w, &err), 0);
	expect(&a, "80F220020A4F0212345C044F9F70C500");
	/* GPPro 402: the next page */
	w = (struct gp_get_status){.list = GP_LIST_ELFS, .next = true};
	assert_int_equal(gp_cmd_get_status(&a, &w, &err), 0);
	expect(&a, "80F22003024F0000");
	/* GPPro 80: the older form */
	w = (struct gp_get_status){.list = GP_LIST_MODULES, .old = true};
	assert_int_equal(gp_cmd_get_status(&a, &w, &err), 0);
	expect(&a, "80F21000024F0000");
	w = (struct gp_get_status){.list = GP_LIST_APPS, .tags = GP_STATUS_TAGS};
	assert_int_equal(gp_cmd_get_status(&a, &w, &err), 0);
	expect(&a, "80F240020D4F005C094F9F70C5C4CCCFCE8400");
	w.list = 0x30;
	refused(&a, gp_cmd_get_status(&a, &w, &err), -EINVAL, &err, "bad-list");
	w.list = GP_LIST_APPS;
	w.prefix.len = 17;
	refused(&a, gp_cmd_get_status(&a, &w, &err), -EINVAL, &err, "bad-criteria");
	/* GPCS 11-85 to 11-88 */
	assert_int_equal(gp_cmd_set_status(&a, GP_STATUS_CARD, GP_CARD_SECURED, NULL, &err), 0);
	expect(&a, "80F0800F");
	assert_int_equal(gp_cmd_set_status(&a, GP_STATUS_APP, GP_STATUS_LOCK, &aid, &err), 0);
	expect(&a, "80F0408008A000000062030101");
	assert_int_equal(gp_cmd_set_status(&a, GP_STATUS_SD, GP_STATUS_UNLOCK, &aid, &err), 0);
	expect(&a, "80F0600008A000000062030101");
	refused(&a, gp_cmd_set_status(&a, GP_STATUS_APP, 0x80, NULL, &err), -EINVAL, &err,
		"bad-status");
	refused(&a, gp_cmd_set_status(&a, 0x20, 0x80, &aid, &err), -EINVAL, &err, "bad-status");
}

static void test_data(void **state)
{
	const struct gp_bytes none = {NULL, 0}, data = {(const uint8_t *)"\1\2\3\4\5", 5};
	struct gp_error err;
	struct gp_apdu a;

	(void)state;
	/* pySim; GPPro 355 */
	assert_int_equal(gp_cmd_get_data(&a, GP_DATA_RECOGNITION, none, &err), 0);
	expect(&a, "80CA006600");
	assert_int_equal(gp_cmd_get_data(&a, GP_DATA_CPLC, none, &err), 0);
	expect(&a, "80CA9F7F00");
	/* GPCS 11.3.2: 2F00 with 5C 00; Amendment F 7.2 */
	assert_int_equal(gp_cmd_get_data(&a, GP_DATA_APPLICATIONS, none, &err), 0);
	expect(&a, "80CA2F00025C0000");
	assert_int_equal(gp_cmd_get_certificates(&a, 0x11, 0x03, &err), 0);
	expect(&a, "80CABF2106A6048302110300");
	/* pySim: the command that reads an EID */
	assert_int_equal(gp_cmd_store_data(&a, GP_STORE_LAST | GP_STORE_BER | GP_STORE_RESPONSE,
					   0,
					   (struct gp_bytes){(const uint8_t *)"\xbf\x3e\x03"
									      "\x5c\x01\x5a",
							     6},
					   &err),
			 0);
	expect(&a, "80E2910006BF3E035C015A00");
	/* GlobalPlatformPro TestStoreData: b8 on the last alone, blocks count */
	assert_int_equal(gp_store_blocks(5, 2, &err), 3);
	assert_int_equal(gp_cmd_store_data_nth(&a, 0x61, data, 2, 1, &err), 0);
	expect(&a, "80E2610102030400");
	assert_int_equal(gp_cmd_store_data_nth(&a, 0x60, data, 2, 2, &err), 0);
	expect(&a, "80E2E0020105");
	assert_int_equal(gp_cmd_store_data_nth(&a, 0x08, none, 2, 0, &err), 0);
	expect(&a, "80E28800");
	assert_int_equal(gp_store_blocks(4, 2, &err), 2);
	refused(&a, gp_cmd_store_data_nth(&a, 0, data, 2, 3, &err), -EINVAL, &err, "bad-block");
	refused(&a, gp_cmd_store_data(&a, 0x18, 0, data, &err), -EINVAL, &err, "bad-block");
	refused(&a, gp_cmd_store_data(&a, 0, 256, data, &err), -EINVAL, &err, "bad-block");
	assert_int_equal(gp_store_blocks(513, 2, &err), -EMSGSIZE);
	assert_int_equal(gp_store_blocks(1, 0, &err), -EINVAL);
}

static void test_long(void **state)
{
	const struct gp_wire extended = {.extended = true}, small = {.lc_max = 100};
	const struct gp_wire whole = {.no_chaining = true};
	static uint8_t out[GP_CAPDU_MAX], big[GP_LC_EXTENDED];
	const uint8_t token[300] = {0xaa};
	struct gp_delete w = {.aid = gp_hex_aid("A000000001"), .token = {token, 300}};
	struct gp_apdu a, b;
	struct gp_error err;
	size_t len;

	(void)state;
	/* 7 of AID, 4 of tag and length, 300 of token: GPCS 11.1.5 */
	assert_int_equal(gp_cmd_delete(&a, &w, &err), 0);
	assert_int_equal(a.len, 311);
	assert_int_equal(gp_apdu_segments(&a, NULL, &err), 2);
	assert_int_equal(gp_apdu_encode(&a, NULL, 0, out, sizeof(out), &len, &err), 0);
	assert_int_equal(len, 5 + 255);
	assert_memory_equal(out, "\x80\xe4\x80\x00\xff\x4f\x05", 7);
	assert_int_equal(gp_apdu_encode(&a, NULL, 1, out, sizeof(out), &len, &err), 0);
	assert_int_equal(len, 5 + 56 + 1);
	assert_memory_equal(out, "\x80\xe4\x00\x00\x38", 5);
	assert_int_equal(gp_apdu_encode(&a, NULL, 2, out, sizeof(out), &len, &err), -EINVAL);
	assert_int_equal(gp_apdu_encode(&a, NULL, 0, out, 259, &len, &err), -ENOSPC);
	assert_int_equal(gp_apdu_segments(&a, &small, &err), 4);
	assert_int_equal(gp_apdu_encode(&a, &extended, 0, out, sizeof(out), &len, &err), 0);
	assert_int_equal(len, 7 + 311 + 2);
	assert_memory_equal(out, "\x80\xe4\x00\x00\x00\x01\x37", 7);
	assert_memory_equal(out + len - 2, "\x01\x00", 2);
	/* back again, into the same command */
	assert_int_equal(gp_apdu_decode(&b, out, len, &err), 0);
	assert_int_equal(b.len, 311);
	assert_int_equal(b.le, 256);
	assert_memory_equal(b.data, a.data, 311);
	gp_apdu_clear(&b);
	assert_int_equal(gp_apdu_decode(&b, out, len - 1, &err), -EBADMSG);
	/* a command that may not be cut */
	assert_int_equal(gp_apdu_copy(&b, &a), 0);
	b.chain = false;
	assert_int_equal(gp_apdu_segments(&b, NULL, &err), -EMSGSIZE);
	assert_string_equal(err.code, "too-long");
	gp_apdu_clear(&b);
	/* nor by a card that knows no "more commands" bit; one that fits goes to it */
	assert_int_equal(gp_apdu_segments(&a, &whole, &err), -EMSGSIZE);
	assert_string_equal(err.code, "too-long");
	assert_non_null(strstr(err.detail, "311 bytes"));
	assert_int_equal(gp_apdu_encode(&a, &whole, 0, out, sizeof(out), &len, &err),
			 -EMSGSIZE);
	gp_apdu_clear(&a);
	w.token.len = 0;
	assert_int_equal(gp_cmd_delete(&a, &w, &err), 0);
	assert_int_equal(gp_apdu_segments(&a, &whole, &err), 1);
	gp_apdu_clear(&a);
	/* the most, and one more; the refused byte leaves everything as it was */
	gp_apdu_init(&a, 0x80, 0xe8, 0, 0);
	a.le = GP_LE_EXTENDED;
	assert_int_equal(gp_apdu_add(&a, big, sizeof(big)), 0);
	assert_int_equal(gp_apdu_add_byte(&a, 0), -EMSGSIZE);
	assert_int_equal(gp_apdu_add_lv(&a, NULL, 0), -EMSGSIZE);
	assert_int_equal(a.len, GP_LC_EXTENDED);
	assert_int_equal(gp_apdu_encode(&a, &extended, 0, out, sizeof(out), &len, &err), 0);
	assert_int_equal(len, GP_CAPDU_MAX);
	assert_memory_equal(out + len - 2, "\x00\x00", 2);
	assert_int_equal(gp_apdu_decode(&b, out, len, &err), 0);
	assert_int_equal(b.le, GP_LE_EXTENDED);
	gp_apdu_clear(&b);
	gp_apdu_clear(&a);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(gp_cmd_name(GP_INS_INSTALL, 0x8c),
			    "INSTALL [for install and make selectable]");
	assert_string_equal(gp_cmd_name(GP_INS_GET_STATUS, 0x40), "GET STATUS");
	assert_string_equal(gp_cmd_name(0x12, 0), "");
	assert_string_equal(gp_data_name(GP_DATA_CPLC), "card production life cycle data");
	assert_string_equal(gp_data_name(0x1234), "");
	assert_string_equal(gp_sw_words(0, 0, 0x9000), "ok");
	assert_string_equal(gp_sw_words(0, 0, 0x6a80), "wrong data");
	/* the same status word, by command and form */
	assert_non_null(strstr(gp_sw_words(GP_INS_INSTALL, 0x02, 0x6a80), "hash"));
	assert_non_null(strstr(gp_sw_words(GP_INS_INSTALL, 0x82, 0x6a80), "hash"));
	assert_non_null(strstr(gp_sw_words(GP_INS_INSTALL, 0x0c, 0x6a80), "module"));
	assert_non_null(strstr(gp_sw_words(GP_INS_PUT_KEY, 0x81, 0x6a80), "check value"));
	assert_string_equal(gp_sw_words(GP_INS_INSTALL, 0x02, 0x6d00), "unknown instruction");
	assert_string_equal(gp_sw_words(GP_INS_SELECT, 0x04, 0x6110),
			    "more response bytes wait");
	assert_string_equal(gp_sw_words(0, 0, 0x1234), "");
	/* DELETE of GlobalPlatform, and what another class means by E4 */
	assert_string_equal(gp_capdu_sw_words((const uint8_t *)"\x84\xe4\x00\x00", 4, 0x6a82),
			    "no object with that AID");
	assert_string_equal(gp_capdu_sw_words((const uint8_t *)"\x00\xe4\x00\x00", 4, 0x6a82),
			    "application or file not found");
	assert_string_equal(gp_capdu_sw_words((const uint8_t *)"\x01\xa4\x04\x00", 4, 0x6a82),
			    "no application with that AID");
	assert_string_equal(gp_capdu_sw_words(NULL, 0, 0x9000), "ok");
	assert_string_equal(gp_key_type_name(GP_KEY_AES), "AES");
	assert_true(gp_key_type_secret(GP_KEY_HMAC_SHA1));
	assert_true(gp_key_type_secret(0x42));
	assert_false(gp_key_type_secret(GP_KEY_RSA_N));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_install_load),
		cmocka_unit_test(test_install_install),
		cmocka_unit_test(test_install_others),
		cmocka_unit_test(test_install_combined),
		cmocka_unit_test(test_install_params),
		cmocka_unit_test(test_install_refused),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
