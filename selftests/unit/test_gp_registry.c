// SPDX-License-Identifier: Apache-2.0
/*
 * Answers of GET STATUS, privileges and states. Golden vectors: TestParseTags and
 * TestIssue392Fix of GlobalPlatformPro and logs in its issues 80, 293 and 402; statusTest.c
 * of kaoh/globalplatform. All are answers of real cards.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "gp/cmd.h"
#include "gp/registry.h"
#include "unit/gp_hex.h"

static int take(struct gp_registry *reg, uint8_t list, const char *text, struct gp_error *err)
{
	struct gp_hex h = gp_hex(text);
	/* exactly as long, so that the sanitizer sees a byte read too much */
	uint8_t *p = malloc(h.len ? h.len : 1);
	int ret;

	assert_non_null(p);
	memcpy(p, h.p, h.len);
	ret = gp_registry_take(reg, list, p, h.len, err);
	free(p);
	return ret;
}

static bool is_aid(const struct gp_aid *aid, const char *text)
{
	struct gp_aid want = gp_hex_aid(text);

	return gp_aid_equal(aid, &want);
}

static void test_isd(void **state)
{
	struct gp_registry reg = {0};
	struct gp_entry *e;

	(void)state;
	/* TestParseTags.testParsePartialISD: eight CF, CE and C4 of an ISD */
	assert_int_equal(take(&reg, GP_LIST_ISD,
			      "E3464F08A0000000030000009F700101C5039EFE80CF0140CF0141CF0142"
			      "CF0143CF0180CF0181CF0182CF0183C40BD276000005AAFFCAFE0001CE0200"
			      "01CC08A000000003000000",
			      NULL),
			 1);
	e = gp_registry_isd(&reg);
	assert_non_null(e);
	assert_true(is_aid(&e->aid, "A000000003000000"));
	assert_true(is_aid(&e->sd, "A000000003000000"));
	assert_true(is_aid(&e->elf, "D276000005AAFFCAFE0001"));
	assert_int_equal(e->state, GP_CARD_OP_READY);
	assert_int_equal(e->privileges, 0x9efe80);
	assert_int_equal(e->nr_implicit, 8);
	assert_int_equal(e->implicit[7], 0x83);
	assert_int_equal(e->version_len, 2);
	assert_int_equal(e->told & ~GP_ENTRY_MODULES, 0x3f);
	gp_registry_clear(&reg);
	/* testParseISD: one byte of privileges, an unknown template */
	assert_int_equal(
		take(&reg, GP_LIST_ISD, "E3144F07A00000015100009F700107C50180EA028000", NULL),
		1);
	assert_int_equal(gp_registry_isd(&reg)->privileges, GP_PRIV_SD);
	assert_int_equal(gp_registry_isd(&reg)->state, GP_CARD_INITIALIZED);
	gp_registry_clear(&reg);
	/* the ISD once more among the applications (GPPro 392, C4 empty) stays one entry */
	assert_int_equal(take(&reg, GP_LIST_APPS,
			      "E3234F08A0000000030000009F700101C5039EFE80C400CE020000"
			      "CC08A000000003000000",
			      NULL),
			 1);
	assert_int_equal(reg.entries[0].kind, GP_KIND_SSD);
	assert_false(reg.entries[0].told & GP_ENTRY_ELF);
	assert_int_equal(take(&reg, GP_LIST_ISD, "E30D4F08A0000000030000009F70010F", NULL),
			 -EBADMSG);
	assert_int_equal(take(&reg, GP_LIST_ISD, "E30E4F08A0000000030000009F70010F", NULL), 1);
	assert_int_equal(reg.n, 1);
	assert_int_equal(reg.entries[0].kind, GP_KIND_ISD);
	assert_int_equal(reg.entries[0].state, GP_CARD_SECURED);
	assert_int_equal(reg.entries[0].privileges, 0x9efe80);
	/* and without AID */
	assert_int_equal(take(&reg, GP_LIST_ISD, "E3049F70017F", NULL), 1);
	assert_int_equal(reg.n, 1);
	assert_true(is_aid(&reg.entries[0].aid, "A000000003000000"));
	assert_int_equal(reg.entries[0].state, GP_CARD_LOCKED);
	gp_registry_clear(&reg);
}

static const char status_test[] =
	"E33A4F10A0000005591010FFFFFFFF89000002009F70010FC50382FC80C40BD276000005AAFFCAFE0001"
	"CC10A0000005591010FFFFFFFF8900000200"
	"E3304F08D276000005AA3F019F700107C50104C40BD276000005AAFFCAFE0002"
	"CC10A0000005591010FFFFFFFF8900000200"
	"E3384F10A00000008710 01F310FFFF89FFFFFF019F700107C50100C40BD276000005AAFFCAFE0002"
	"CC10A0000005591010FFFFFFFF8900000200"
	"E3444F10A0000005591010FFFFFFFF89000001009F700107C50100C410D276000118010 0FF49102589C0"
	"028000CC10A0000005591010FFFFFFFF8900000200EA058003018000";

static void test_apps(void **state)
{
	struct gp_aid elf = gp_hex_aid("D276000005AAFFCAFE0002");
	struct gp_aid sd = gp_hex_aid("A0000005591010FFFFFFFF8900000200");
	struct gp_registry reg = {0};
	struct gp_error err = {0};
	struct gp_entry *e;
	char cut[sizeof(status_test) + 40];

	(void)state;
	/* statusTest.c: an eUICC; its last entry was cut, those before it are kept */
	snprintf(cut, sizeof(cut), "%s%s", status_test, "E3304F09A0000001514143 4C009F700107");
	assert_int_equal(take(&reg, GP_LIST_APPS, cut, &err), -EBADMSG);
	assert_string_equal(err.code, "bad-response");
	assert_int_equal(reg.n, 4);
	gp_registry_clear(&reg);
	assert_int_equal(take(&reg, GP_LIST_APPS, status_test, &err), 4);
	e = &reg.entries[0];
	assert_int_equal(e->kind, GP_KIND_SSD);
	assert_int_equal(e->state, GP_SD_PERSONALIZED);
	assert_int_equal(e->privileges, 0x82fc80);
	assert_int_equal(reg.entries[1].kind, GP_KIND_APP);
	assert_true(gp_priv_has(reg.entries[1].privileges, GP_PRIV_CARD_RESET));
	/* from a load file, and in a domain without itself */
	e = gp_registry_next_of(&reg, &elf, NULL);
	assert_ptr_equal(e, &reg.entries[1]);
	e = gp_registry_next_of(&reg, &elf, e);
	assert_ptr_equal(e, &reg.entries[2]);
	assert_null(gp_registry_next_of(&reg, &elf, e));
	e = gp_registry_next_in(&reg, &sd, NULL);
	assert_ptr_equal(e, &reg.entries[1]);
	assert_ptr_equal(gp_registry_next_in(&reg, &sd, &reg.entries[2]), &reg.entries[3]);
	assert_null(gp_registry_next_in(&reg, &sd, &reg.entries[3]));
	assert_null(gp_registry_find_elf(&reg, &sd));
	gp_registry_clear(&reg);
}

static void test_elfs(void **state)
{
	struct gp_aid module = gp_hex_aid("0102030405060708"), elf = gp_hex_aid("0102030405");
	struct gp_registry reg = {0};
	struct gp_entry *e;

	(void)state;
	/* GPPro 293, sysmoUSIM: all load files with their modules in one E3
	 */
	assert_int_equal(
		take(&reg, GP_LIST_MODULES,
		     "E381924F0DA0000000090001FFFFFFFF89009F7001018410A0000000090001FFFFFFFF89"
		     "00000000840FA0000000090001FFFFFFFF89B00010"
		     "4F0DA0000000871002FF49FFFF89009F7001018410A0000000871002FF49FFFF89040B000"
		     "0"
		     "4F0AFF434E525810400402039F7001018410FF434E52581040040203000000000000"
		     "4F0501020304059F70010184080102030405060708",
		     NULL),
		4);
	assert_int_equal(reg.n, 4);
	assert_int_equal(reg.entries[0].nr_modules, 2);
	assert_int_equal(reg.entries[2].nr_modules, 1);
	assert_true(is_aid(&reg.entries[3].aid, "0102030405"));
	assert_ptr_equal(gp_registry_find_module(&reg, &module), &reg.entries[3]);

	gp_registry_clear(&reg);
	/* GPPro 402: pages without modules, then with them */
	assert_int_equal(take(&reg, GP_LIST_ELFS,
			      "E30D4F07A00000006200019F700101E30D4F07A00000006200029F700101",
			      NULL),
			 2);
	assert_int_equal(take(&reg, GP_LIST_ELFS, "E30D4F07A00000015153509F700101", NULL), 1);
	assert_int_equal(take(&reg, GP_LIST_MODULES,
			      "E30C4F06A000000151009F700101"
			      "E3174F07A00000015153509F7001018408A000000151535041",
			      NULL),
			 2);
	assert_int_equal(reg.n, 4);
	e = &reg.entries[2];
	assert_int_equal(e->nr_modules, 1);
	assert_true(is_aid(&e->modules[0], "A000000151535041"));
	assert_ptr_equal(gp_registry_find_module(&reg, &e->modules[0]), e);
	assert_null(gp_registry_find_module(&reg, &module));
	/* the list without modules does not take them away */
	assert_int_equal(take(&reg, GP_LIST_ELFS, "E30D4F07A00000015153509F700101", NULL), 1);
	assert_int_equal(reg.entries[2].nr_modules, 1);
	/* an application with the AID of a load file is another entry */
	assert_int_equal(take(&reg, GP_LIST_ELFS, "E30B4F0501020304059F700101", NULL), 1);
	assert_int_equal(take(&reg, GP_LIST_APPS, "E30B4F0501020304059F700107", NULL), 1);
	assert_int_equal(gp_registry_find(&reg, &elf)->kind, GP_KIND_APP);
	assert_int_equal(gp_registry_find_elf(&reg, &elf)->kind, GP_KIND_ELF);
	gp_registry_clear(&reg);
}

static void test_old(void **state)
{
	struct gp_registry reg = {0};
	struct gp_error err;

	(void)state;
	/* GPPro 80, Sm@rtCafe */
	assert_int_equal(take(&reg, GP_LIST_ISD, "08A0000000030000000F9E", NULL), 1);
	assert_int_equal(reg.entries[0].privileges, 0x9e0000);
	assert_int_equal(reg.entries[0].state, GP_CARD_SECURED);
	assert_int_equal(take(&reg, GP_LIST_ELFS, "07A00000015153500100", NULL), 1);
	assert_false(reg.entries[1].told & GP_ENTRY_PRIVILEGES);
	/* table 11-35 by hand: modules behind a number */
	assert_int_equal(take(&reg, GP_LIST_MODULES,
			      "07A00000015153500100 02 08A000000151535041 05A000000001"
			      "05010203040501 00 00",
			      NULL),
			 2);
	assert_int_equal(reg.n, 3);
	assert_int_equal(reg.entries[1].nr_modules, 2);
	assert_int_equal(reg.entries[2].nr_modules, 0);
	assert_true(reg.entries[2].told & GP_ENTRY_MODULES);
	/* cut, or no AID */
	assert_int_equal(take(&reg, GP_LIST_MODULES, "0501020304050100", &err), -EBADMSG);
	assert_int_equal(take(&reg, GP_LIST_MODULES, "05010203040501000105010203", &err),
			 -EBADMSG);
	assert_int_equal(take(&reg, GP_LIST_APPS, "05010203040507", &err), -EBADMSG);
	assert_int_equal(take(&reg, GP_LIST_APPS, "040102030407000000", &err), -EBADMSG);
	assert_int_equal(take(&reg, GP_LIST_APPS, "", &err), 0);
	gp_registry_clear(&reg);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"E3049F700107",				       /* no AID */
		"E3064F0401020304",			       /* too short an AID */
		"E3134F1101020304050607080900010203040506 07", /* too long */
		"E30A4F0501020304059F7000",		       /* a state of no bytes */
		"E3144F0501020304059F700107 C4030102 03",      /* a load file of three */
		"E3054F050102",
		"E380",
	};
	struct gp_registry reg = {0};
	struct gp_error err;
	struct gp_aid aid = gp_hex_aid("0102030405");
	int error = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(take(&reg, GP_LIST_APPS, bad[i], &err), -EBADMSG);
		assert_string_equal(err.code, "bad-response");
	}
	assert_int_equal(reg.n, 0);
	for (int i = 0; i < GP_REGISTRY_ENTRIES_MAX; i++) {
		aid.bytes[3] = (uint8_t)(i >> 8);
		aid.bytes[4] = (uint8_t)i;
		assert_non_null(gp_registry_add(&reg, &aid, GP_KIND_APP, &error));
	}
	assert_int_equal(take(&reg, GP_LIST_APPS, "E3074F05A000000001", &err), -ENOSPC);
	assert_string_equal(err.code, "too-many");
	gp_registry_clear(&reg);
}

struct changes {
	size_t n;
	unsigned int diff[8];
	const char *names[8];
};

static int note(void *ctx, unsigned int diff, const struct gp_entry *before,
		const struct gp_entry *now)
{
	struct changes *c = ctx;

	assert_int_equal(!before, diff == GP_DIFF_ADDED);
	assert_int_equal(!now, diff == GP_DIFF_REMOVED);
	c->diff[c->n++] = diff;
	return c->n == 8 ? -ENOSPC : 0;
}

static void test_compare(void **state)
{
	struct gp_registry before = {0}, now = {0};
	struct changes c = {.n = 0};
	struct gp_aid sd = gp_hex_aid("A0000000620301");

	(void)state;
	assert_int_equal(take(&before, GP_LIST_APPS, status_test, NULL), 4);
	assert_int_equal(take(&before, GP_LIST_MODULES,
			      "E3174F07A00000015153509F7001018408A000000151535041", NULL),
			 1);
	assert_int_equal(gp_registry_copy(&now, &before), 0);
	assert_int_equal(gp_registry_compare(&before, &now, note, &c), 0);
	assert_int_equal(c.n, 0);
	/* what only one of the two knows is no difference */
	now.entries[0].told &= ~GP_ENTRY_PRIVILEGES;
	now.entries[0].privileges = 0;
	now.entries[1].state = 0x87;
	now.entries[2].sd = sd;
	now.entries[2].privileges = GP_PRIV_FINAL;
	assert_int_equal(gp_entry_add_module(&now.entries[4], &sd), 0);
	now.n--; /* the load file is gone, and comes back below */
	free(now.entries[4].modules);
	assert_int_equal(take(&now, GP_LIST_APPS, "E30B4F0501020304059F700107", NULL), 1);
	assert_int_equal(gp_registry_compare(&before, &now, note, &c), 0);
	assert_int_equal(c.n, 4);
	assert_int_equal(c.diff[0], GP_DIFF_STATE);
	assert_int_equal(c.diff[1], GP_DIFF_SD | GP_DIFF_PRIVILEGES);
	assert_int_equal(c.diff[2], GP_DIFF_REMOVED);
	assert_int_equal(c.diff[3], GP_DIFF_ADDED);
	c.n = 7;
	assert_int_equal(gp_registry_compare(&before, &now, note, &c), -ENOSPC);
	gp_registry_clear(&now);
	gp_registry_clear(&before);
	assert_int_equal(gp_registry_copy(&now, &before), 0);
	assert_int_equal(now.n, 0);
}

static void test_privileges(void **state)
{
	char text[GP_PRIV_WORDS];
	struct gp_error err;
	uint32_t p, all = 0, bits;
	size_t n;

	(void)state;
	/* TestParseTags.testPrivileges */
	gp_priv_to_text(0x80c000, text, sizeof(text));
	assert_string_equal(text, "SecurityDomain, TrustedPath, AuthorizedManagement");
	gp_priv_to_text(0, text, sizeof(text));
	assert_string_equal(text, "");
	gp_priv_to_text(0x000004, text, sizeof(text));
	assert_string_equal(text, "000004");
	n = gp_priv_to_text(0xffffff, text, sizeof(text));
	assert_int_equal(n, strlen(text));
	assert_true(strlen(text) < sizeof(text) - 1);
	assert_int_equal(gp_priv_to_text(0xffffff, text, 10), 9);
	assert_string_equal(text, "SecurityD");
	/* a name stands for all bits that it needs (table 11-7) */
	assert_int_equal(gp_priv_from_text("delegatedmanagement", &p, &err), 0);
	assert_int_equal(p, 0xa00000);
	assert_int_equal(gp_priv_from_text("MandatedDAPVerification", &p, &err), 0);
	assert_int_equal(p, 0xc10000);
	assert_int_equal(
		gp_priv_from_text("CardLock|DefaultSelected, ReceiptGeneration", &p, &err), 0);
	assert_int_equal(p, 0x140080);
	assert_int_equal(gp_priv_from_text("9EFE80", &p, &err), 0);
	assert_int_equal(p, 0x9efe80);
	assert_int_equal(gp_priv_from_text("9e", &p, &err), 0);
	assert_int_equal(p, 0x9e0000);
	assert_int_equal(gp_priv_from_text("", &p, &err), 0);
	assert_int_equal(p, 0);
	assert_int_equal(gp_priv_from_text("CardLock,Rubbish", &p, &err), -EINVAL);
	assert_non_null(strstr(err.detail, "Rubbish"));
	assert_int_equal(
		gp_priv_from_text("AVeryLongNameThatNoPrivilegeHasOrWillHave", &p, &err),
		-EINVAL);
	assert_true(gp_priv_has(0xc10000, GP_PRIV_MANDATED_DAP));
	assert_false(gp_priv_has(0xc00000, GP_PRIV_MANDATED_DAP));
	assert_false(gp_priv_has(0x800000, GP_PRIV_DAP));
	/* every name comes back as it went */
	for (unsigned int i = 0; gp_priv_name(i, &bits); i++) {
		assert_int_equal(gp_priv_from_text(gp_priv_name(i, NULL), &p, &err), 0);
		assert_int_equal(p, bits);
		all |= bits;
	}
	assert_int_equal(all, 0xfffff0);
}

static void test_states(void **state)
{
	static const struct {
		enum gp_kind kind;
		uint8_t state;
		const char *text;
	} t[] = {
		{GP_KIND_ISD, 0x01, "OP_READY"},
		{GP_KIND_ISD, 0x7f, "CARD_LOCKED"},
		{GP_KIND_ISD, 0xff, "TERMINATED"},
		{GP_KIND_ELF, 0x01, "LOADED"},
		{GP_KIND_APP, 0x03, "INSTALLED"},
		{GP_KIND_APP, 0x07, "SELECTABLE"},
		{GP_KIND_APP, 0x0f, "application specific 0F"},
		{GP_KIND_SSD, 0x0f, "PERSONALIZED"},
		{GP_KIND_SSD, 0x8f, "LOCKED (PERSONALIZED)"},
		{GP_KIND_APP, 0x83, "LOCKED (INSTALLED)"},
		{GP_KIND_APP, 0xff, "LOCKED (application specific 7F)"},
		{GP_KIND_APP, 0x80, "LOCKED"},
		{GP_KIND_APP, 0x42, "unknown 42"},
	};
	char text[GP_STATE_WORDS];
	uint8_t s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		gp_state_to_text(t[i].kind, t[i].state, text, sizeof(text));
		assert_string_equal(text, t[i].text);
	}
	assert_int_equal(gp_state_from_text(GP_KIND_ISD, "card-locked", &s), 0);
	assert_int_equal(s, 0x7f);
	assert_int_equal(gp_state_from_text(GP_KIND_ISD, "locked", &s), 0);
	assert_int_equal(s, 0x7f);
	assert_int_equal(gp_state_from_text(GP_KIND_APP, "LOCKED", &s), 0);
	assert_int_equal(s, 0x80);
	assert_int_equal(gp_state_from_text(GP_KIND_APP, "17", &s), 0);
	assert_int_equal(s, 0x17);
	assert_int_equal(gp_state_from_text(GP_KIND_APP, "PERSONALIZED", &s), -EINVAL);
	assert_int_equal(gp_state_from_text(GP_KIND_ISD, "OP", &s), -EINVAL);
	assert_int_equal(gp_state_from_text(GP_KIND_ISD, "", &s), -EINVAL);
	assert_true(gp_state_locked(GP_KIND_ISD, 0x7f));
	assert_false(gp_state_locked(GP_KIND_ISD, 0xff));
	assert_true(gp_state_locked(GP_KIND_APP, 0x87));
	assert_false(gp_state_locked(GP_KIND_ELF, 0x87));
	assert_string_equal(gp_kind_name(GP_KIND_SSD), "ssd");
}

static int second_is_enough(void *ctx, struct gp_entry *entry, const uint8_t *raw, size_t len)
{
	unsigned int *n = ctx;

	assert_int_equal(entry->kind, GP_KIND_APP);
	assert_int_equal(entry->aid.len, 5);
	assert_int_equal(raw[0], 0x4f);
	assert_int_equal(len, *n ? 7 : 11);
	return ++*n == 2 ? -ECANCELED : 0;
}

/* Entries one after the other, each with its own part of the answer; the caller ends it. */
static void test_each(void **state)
{
	/* three in two E3 */
	static const uint8_t rsp[] = {0xe3, 0x12, 0x4f, 0x05, 0xa0, 0,	  0, 1, 0x51, 0x9f,
				      0x70, 0x01, 0x07, 0x4f, 0x05, 0xa0, 0, 0, 1,    0x52,
				      0xe3, 0x07, 0x4f, 0x05, 0xa0, 0,	  0, 1, 0x53};
	struct gp_registry reg = {0};
	unsigned int n = 0;

	(void)state;
	assert_int_equal(
		gp_registry_each(GP_LIST_APPS, rsp, sizeof(rsp), second_is_enough, &n, NULL),
		-ECANCELED);
	assert_int_equal(n, 2);
	assert_int_equal(gp_registry_take(&reg, GP_LIST_APPS, rsp, sizeof(rsp), NULL), 3);
	gp_registry_clear(&reg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isd),	   cmocka_unit_test(test_apps),
		cmocka_unit_test(test_elfs),	   cmocka_unit_test(test_old),
		cmocka_unit_test(test_bad),	   cmocka_unit_test(test_compare),
		cmocka_unit_test(test_privileges), cmocka_unit_test(test_states),
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
