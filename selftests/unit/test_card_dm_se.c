// SPDX-License-Identifier: Apache-2.0
/*
 * The Secure Element MO against softse's card: scripts, packages, operations on entries and on
 * the card, inventory, codes and alerts. What happens when it is interrupted, and Atomic:
 * test_card_dm_se_once.c.
 */
#include "dm_se_world.h"

#define S SE "/APDU/s1"
#define ENTRY APPS "/" APP

static void test_instance(void **st)
{
	char names[512] = "";
	int n = get_as(ME, "./SecureElement", names, sizeof(names) - 1);

	(void)st;
	assert_int_equal(n, 3);
	assert_memory_equal(names, "se0", 3);
	n = get_as(ME, SE, names, sizeof(names) - 1);
	assert_true(n > 0);
	names[n] = '\0';
	assert_non_null(strstr(names, "Inventory"));
	assert_null(strstr(names, "ResultCode"));
	assert_text(SE "/ID", "se0");
	assert_text(SE "/Type", "eSE");
	assert_text(SE "/Link", "20");
	assert_text(SE "/Error", "");
	assert_text(SE "/Capability/Formats", "expanded,compact");
	assert_text(SE "/Capability/MaxPackage", "4194304");
	assert_non_null(strstr(text_of(SE "/Capability/Operations"), "Terminate"));
	assert_text(SE "/Status", "10");
	assert_text(SE "/ResultCode", "!404");
	assert_text(SE "/Report/Outcome", "20");
	assert_text("./SecureElement/se1/ID", "!404");
	assert_text(SE "/Nothing", "!404");
	assert_text(SE "/Inventory/Application/" APP "/AID", "!404");
	/* read only */
	assert_int_equal(set_text(SE "/Type", "uicc"), DM_NOT_ALLOWED);
	assert_int_equal(del(SE), DM_NOT_ALLOWED);
	assert_int_equal(exec(SE "/Type", ""), DM_NOT_ALLOWED);
	assert_int_equal(set_text(SE "/Status", "40"), DM_NOT_ALLOWED);
}

static void test_refresh(void **st)
{
	(void)st;
	assert_int_equal(set_text(SE "/Parameter/KeySet", "isd"), DM_OK);
	assert_text(SE "/Parameter/KeySet", "isd");
	run(SE "/Operations/Refresh", "refresh-1", 1200);
	assert_text(SE "/Status", "40");
	assert_text(SE "/ResultCode", "1200");
	assert_text(SE "/Report/Operation", "Refresh");
	assert_text(SE "/Report/Server", ME);
	assert_text(SE "/Report/Correlator", "refresh-1");
	assert_text(SE "/State", "10");
	assert_int_equal(strlen(text_of(DOMAINS "/Issuer/Privileges")), 3);
	assert_int_equal(exec(SE "/Operations/Clear", ""), DM_OK);
	assert_text(SE "/Status", "10");
	assert_int_equal(exec(SE "/Operations/Cancel", ""), DM_CONFLICT);
	assert_int_equal(exec(SE "/Operations/Resume", ""), DM_CONFLICT);
}

/* An AA script of n GET DATA for the card's key information. */
static void command(char *hex, unsigned int n)
{
	int at = sprintf(hex, "AA%02X", 7 * n);

	assert_true(n <= 18);
	for (unsigned int i = 0; i < n; i++)
		at += sprintf(hex + at, "220580CA00E000");
}

static void test_script(void **st)
{
	uint8_t rsp[4096];
	char hex[512];
	int n;

	(void)st;
	assert_int_equal(add_node(S), DM_OK);
	assert_int_equal(add_node(S), DM_EXISTS);
	assert_int_equal(add_node(SE "/APDU/a b"), DM_BAD_REQUEST);
	assert_text(SE "/APDU", "s1");
	assert_text(S "/Format", "expanded");
	assert_text(S "/Deadline", "0");
	assert_int_equal(exec(S "/Operations/Transmit", "t0"), DM_INCOMPLETE);
	assert_int_equal(alerts(), 0);
	assert_text(S "/Status", "10");
	assert_int_equal(set_hex(S "/TargetAID", "A00000"), DM_BAD_FORMAT);
	assert_int_equal(set_text(S "/Format", "other"), DM_BAD_FORMAT);
	assert_int_equal(set_text(S "/Deadline", "60"), DM_OK);
	assert_text(S "/Deadline", "60");
	assert_int_equal(set_hex(S "/Command", ""), DM_BAD_FORMAT);
	command(hex, 3);
	assert_int_equal(set_hex(S "/Command", hex), DM_OK);
	assert_text(S "/Command", "!405");
	assert_text(S "/Response", "");
	run(S "/Operations/Transmit", "t1", 1200);
	assert_text(S "/Status", "40");
	assert_text(S "/Report/Executed", "3");
	assert_text(S "/Report/Total", "3");
	assert_text(S "/Report/LastSW", "36864");
	n = get_as(ME, S "/Response", rsp, sizeof(rsp));
	assert_true(n > 10);
	assert_int_equal(rsp[0], 0xab);
	/* nothing overwrites a result */
	assert_int_equal(exec(S "/Operations/Transmit", "t2"), DM_CONFLICT);
	assert_int_equal(set_hex(S "/Command", hex), DM_CONFLICT);
	assert_int_equal(set_text(S "/Deadline", "0"), DM_CONFLICT);
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
	assert_text(S "/Response", "");
	assert_text(S "/Status", "10");
	/* the last one is refused */
	assert_int_equal(set_hex(S "/Command", "AA0722058000000000"), DM_OK);
	run(S "/Operations/Transmit", "t3", 1408);
	assert_text(S "/Status", "50");
	assert_text(S "/Report/LastSW", "27904");
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
	/* no application */
	assert_int_equal(set_hex(S "/TargetAID", "A0000000990001"), DM_OK);
	assert_int_equal(set_hex(S "/Command", hex), DM_OK);
	run(S "/Operations/Transmit", "t4", 1409);
	assert_text(S "/Status", "50");
	assert_text(S "/Report/Executed", "0");
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
	/* not a script */
	assert_int_equal(set_hex(S "/TargetAID", ""), DM_OK);
	assert_int_equal(set_hex(S "/Command", "AA03221122"), DM_OK);
	run(S "/Operations/Transmit", "t5", 1407);
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
}

static void test_script_chunks(void **st)
{
	struct dm_req req = request(ME, "");
	uint8_t script[] = {0xaa, 0x0e, 0x22, 0x05, 0x80, 0xca, 0x00, 0xe0,
			    0x00, 0x22, 0x05, 0x80, 0xca, 0x00, 0xe0, 0x00};

	(void)st;
	for (size_t i = 0; i < sizeof(script); i++)
		assert_int_equal(
			dm_tree_ops()->write(w.tree, &req, DM_HOW_REPLACE, S "/Command",
					     &(struct dm_put){.total = sizeof(script),
							      .offset = i,
							      .data = script + i,
							      .len = 1,
							      .has_data = true,
							      .last = i == sizeof(script) - 1}),
			i == sizeof(script) - 1 ? DM_OK : DM_BUFFERED);
	run(S "/Operations/Transmit", "c1", 1200);
	assert_text(S "/Report/Executed", "2");
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
	/* one that is cut is none */
	dm_tree_ops()->write(
		w.tree, &req, DM_HOW_REPLACE, S "/Command",
		&(struct dm_put){
			.total = sizeof(script), .data = script, .len = 4, .has_data = true});
	dm_tree_ops()->write_abort(w.tree);
	assert_int_equal(exec(S "/Operations/Transmit", "c2"), DM_INCOMPLETE);
}

static void test_cancel(void **st)
{
	char hex[512];

	(void)st;
	command(hex, 18);
	assert_int_equal(set_hex(S "/Command", hex), DM_OK);
	cs_hold(CS_ANY);
	assert_int_equal(exec(S "/Operations/Transmit", "x1"), DM_ACCEPTED);
	assert_int_equal(exec(S "/Operations/Transmit", "x2"), DM_CONFLICT);
	/* a repetition is none */
	assert_int_equal(exec(S "/Operations/Transmit", "x1"), DM_ACCEPTED);
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_CONFLICT);
	assert_int_equal(del(S), DM_CONFLICT);
	assert_true(cs_held());
	for (int i = 0; i < 5; i++)
		dispatch();
	assert_int_equal(exec(S "/Operations/Cancel", ""), DM_OK);
	cs_go();
	quiet();
	assert_text(S "/Status", "70");
	assert_true(atoi(text_of(S "/Report/Executed")) < 18);
	/* told, but not acknowledged: a repetition still */
	assert_int_equal(alerts(), 1);
	assert_int_equal(exec(S "/Operations/Transmit", "x1"), DM_ACCEPTED);
	assert_int_equal(alerts(), 1);
	assert_alert("x1", 1401);
	assert_int_equal(alerts(), 0);
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
	/* acknowledged: it is free, and there is no script */
	assert_int_equal(exec(S "/Operations/Transmit", "x1"), DM_INCOMPLETE);
}

static void test_private(void **st)
{
	char p[64];

	(void)st;
	assert_int_equal(get_as(OTHER, S "/Response", p, sizeof(p)), -DM_DENIED);
	assert_int_equal(put_as(OTHER, DM_HOW_REPLACE, S "/Deadline", NULL, "1", 1), DM_DENIED);
	assert_int_equal(exec_as(OTHER, S "/Operations/Transmit", "o1"), DM_DENIED);
	assert_int_equal(put_as(OTHER, DM_HOW_ADD, S, "node", NULL, 0), DM_EXISTS);
	for (unsigned int i = 0; i < 16; i++) {
		char uri[64];

		snprintf(uri, sizeof(uri), SE "/APDU/many%u", i);
		assert_int_equal(add_node(uri), i < 9 ? DM_OK : DM_DEVICE_FULL);
	}
	for (unsigned int i = 0; i < 9; i++) {
		char uri[64];

		snprintf(uri, sizeof(uri), SE "/APDU/many%u", i);
		assert_int_equal(del(uri), DM_OK);
	}
	assert_text(SE "/APDU", "s1");
}

#define P SE "/Package/p1"

static void test_package(void **st)
{
	(void)st;
	load("p1");
	assert_text(P "/State", "30");
	assert_text(P "/Name", "load");
	assert_int_equal(atoi(text_of(P "/Size")), strlen(load_plan));
	assert_text(P "/Data", "!405");
	assert_int_equal(exec(P "/Operations/Activate", "p0"), DM_CONFLICT);
	run(P "/Operations/Install", "p1", 1200);
	assert_text(P "/State", "40");
	assert_text(P "/Status", "40");
	assert_true(atoi(text_of(P "/Report/Executed")) > 0);
	assert_true(strlen(text_of(P "/Report/Job")) > 0);
	/* the inventory was read before the alert */
	assert_text(FILES, ELF);
	assert_text(FILES "/" ELF "/State", "10");
	/* it is not a package at all */
	assert_int_equal(add_node(SE "/Package/bad"), DM_OK);
	assert_int_equal(set_hex(SE "/Package/bad/Data", "0102030405"), DM_BAD_FORMAT);
	assert_text(SE "/Package/bad/State", "10");
	assert_int_equal(set_text(SE "/Package/bad/Data", "{\"version\":1}"), DM_BAD_FORMAT);
	assert_int_equal(del(SE "/Package/bad"), DM_OK);
	assert_text(SE "/Package", "p1");
}

static void test_entry(void **st)
{
	(void)st;
	/* no module is named, and the card tells none */
	assert_int_equal(exec(FILES "/" ELF "/Operations/Install", "i0"), DM_INCOMPLETE);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/Module", MODULE), DM_OK);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/AID", APP), DM_OK);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/Privileges", "0000"), DM_BAD_FORMAT);
	assert_int_equal(set_text(FILES "/" ELF "/Parameter/Selectable", "false"), DM_OK);
	run(FILES "/" ELF "/Operations/Install", "i1", 1200);
	assert_text(APPS, APP);
	assert_hex(APPS "/" APP "/AID", APP);
	assert_text(APPS "/" APP "/State", "20");
	assert_text(APPS "/" APP "/LifeCycle", "3");
	/* used up */
	assert_text(FILES "/" ELF "/Parameter/Selectable", "true");
	assert_hex(FILES "/" ELF "/Parameter/Module", "");

	run(APPS "/" APP "/Operations/MakeSelectable", "a1", 1200);
	assert_text(APPS "/" APP "/State", "30");
	run(APPS "/" APP "/Operations/Lock", "a2", 1200);
	assert_text(APPS "/" APP "/State", "50");
	assert_text(APPS "/" APP "/Report/Operation", "Lock");
	/* it cannot be undone twice */
	run(APPS "/" APP "/Operations/RollBack", "a3", 1200);
	assert_text(APPS "/" APP "/State", "30");
	assert_int_equal(exec_as(OTHER, APPS "/" APP "/Operations/RollBack", "a4"), DM_DENIED);
	/* who must not */
	assert_int_equal(exec_as(OTHER, APPS "/" APP "/Operations/MakeSelectable", "a5"),
			 DM_DENIED);
	assert_int_equal(exec(DOMAINS "/Issuer/Operations/Delete", "a6"), DM_NOT_ALLOWED);
	assert_text(APPS "/" APP "/Report/Operation", "RollBack");
	assert_int_equal(exec_as(OTHER, APPS "/" APP "/Operations/Lock", "a7"), DM_ACCEPTED);
	assert_int_equal(exec(APPS "/" APP "/Operations/Cancel", ""), DM_DENIED);
	quiet();
	assert_int_equal(exec(APPS "/" APP "/Operations/Clear", ""), DM_OK);
	assert_text(APPS "/" APP "/Report/Operation", "Lock");
	assert_int_equal(dm_outbox_count(w.outbox, OTHER), 1);
	assert_int_equal(alerts(), 0);
	assert_int_equal(dm_outbox_forget(w.outbox, OTHER), 0);
	assert_text(APPS "/" APP "/Report/Server", OTHER);
	run(APPS "/" APP "/Operations/Unlock", "a8", 1200);
	/* refused by what is: it is selectable already */
	assert_int_equal(exec(APPS "/" APP "/Operations/Extradite", "a9"), DM_INCOMPLETE);
}

static void test_domain(void **st)
{
	(void)st;
	assert_int_equal(exec(SE "/Operations/CreateSecurityDomain", "d0"), DM_INCOMPLETE);
	assert_int_equal(set_hex(SE "/Parameter/AID", SSD), DM_OK);
	run(SE "/Operations/CreateSecurityDomain", "d1", 1200);
	assert_non_null(strstr(text_of(DOMAINS), SSD));
	assert_int_equal(set_hex(APPS "/" APP "/Parameter/Target", SSD), DM_OK);
	run(APPS "/" APP "/Operations/Extradite", "d2", 1200);
	assert_hex(APPS "/" APP "/Parent", SSD);
	assert_int_equal(set_hex(APPS "/" APP "/Parameter/Target", "A000000151000000"), DM_OK);
	run(APPS "/" APP "/Operations/Extradite", "d3", 1200);

	/* keys */
	assert_int_equal(exec(DOMAINS "/" SSD "/Operations/PutKey", "k0"), DM_INCOMPLETE);
	assert_int_equal(exec(DOMAINS "/" SSD "/Operations/DeleteKey", "k0"), DM_INCOMPLETE);
	assert_int_equal(set_text(DOMAINS "/" SSD "/Parameter/NewKeySet", "new"), DM_OK);
	run(DOMAINS "/" SSD "/Operations/PutKey", "k1", 1200);
	assert_int_equal(set_text(DOMAINS "/" SSD "/Parameter/KeySet", "new"), DM_OK);
	assert_int_equal(set_text(DOMAINS "/" SSD "/Parameter/NewKeySet", "isd"), DM_OK);
	run(DOMAINS "/" SSD "/Operations/PutKey", "k2", 1200);
	assert_int_equal(set_text(DOMAINS "/" SSD "/Parameter/KeyVersion", "48"), DM_OK);
	run(DOMAINS "/" SSD "/Operations/DeleteKey", "k3", 1200);
	assert_int_equal(set_text(DOMAINS "/" SSD "/Parameter/NewKeySet", "none"), DM_OK);
	assert_int_equal(exec(DOMAINS "/" SSD "/Operations/PutKey", "k4"), DM_DENIED);

	/* personalise: the application of the card takes it, or says no */
	assert_int_equal(exec(APPS "/" APP "/Operations/Personalise", "s0"), DM_INCOMPLETE);
	assert_int_equal(set_hex(APPS "/" APP "/Parameter/Data", "800102030405"), DM_OK);
	assert_text(APPS "/" APP "/Parameter/Data", "!405");
	assert_int_equal(exec(APPS "/" APP "/Operations/Personalise", "s1"), DM_ACCEPTED);
	quiet();
	assert_non_null(alert("s1", true));

	/* what is gone has no node, and its alert says what became of it */
	assert_int_equal(set_text(DOMAINS "/" SSD "/Parameter/KeySet", "isd"), DM_OK);
	run(DOMAINS "/" SSD "/Operations/Delete", "d9", 1200);
	assert_text(DOMAINS "/" SSD "/AID", "!404");
	assert_text(DOMAINS, "Issuer");
}

/* What one server has prepared another one cannot use; its rights go with a node. */
static void test_others(void **st)
{
	uint8_t big[4097] = {0};

	(void)st;
	assert_int_equal(set_hex(ENTRY "/Parameter/Target", SSD), DM_OK);
	assert_int_equal(
		put_as(OTHER, DM_HOW_REPLACE, ENTRY "/Parameter/Related", NULL, "true", 4),
		DM_OK);
	assert_hex(ENTRY "/Parameter/Target", "");
	assert_int_equal(exec(ENTRY "/Operations/Extradite", "w1"), DM_INCOMPLETE);
	assert_int_equal(
		put_as(ME, DM_HOW_REPLACE, ENTRY "/Parameter/Data", NULL, big, sizeof(big)),
		DM_TOO_LARGE);
	assert_int_equal(set_text(ENTRY "/Parameter/DataForm", "xml"), DM_BAD_FORMAT);
	assert_int_equal(set_text(ENTRY "/Parameter/DataForm", "dgi"), DM_OK);
	assert_text(ENTRY "/Parameter/DataForm", "dgi");

	assert_int_equal(set_hex(SE "/Parameter/AID", SSD), DM_OK);
	run(SE "/Operations/CreateSecurityDomain", "w2", 1200);
	assert_int_equal(dm_tree_acl(w.tree, DOMAINS "/" SSD, "Get=" OTHER), 0);
	assert_text(DOMAINS "/" SSD "/State", "!425");
	assert_int_equal(dm_tree_acl(w.tree, DOMAINS "/" SSD, "Get=*&Exec=*"), 0);
	run(DOMAINS "/" SSD "/Operations/Delete", "w3", 1200);
	assert_int_equal(set_hex(SE "/Parameter/AID", SSD), DM_OK);
	run(SE "/Operations/CreateSecurityDomain", "w4", 1200);
	assert_text(DOMAINS "/" SSD "?prop=ACL", "");
	run(DOMAINS "/" SSD "/Operations/Delete", "w5", 1200);
}

static void test_restart(void **st)
{
	(void)st;
	assert_int_equal(exec(APPS "/" APP "/Operations/Lock", "r1"), DM_ACCEPTED);
	quiet();
	assert_int_equal(alerts(), 1);
	down();
	up();
	/* all of it is there still: node, keys, result, alert, and the right not to repeat */
	assert_text(SE "/APDU", "s1");
	assert_text(SE "/Parameter/KeySet", "isd");
	assert_text(P "/State", "40");
	assert_text(APPS "/" APP "/Status", "40");
	assert_int_equal(exec(APPS "/" APP "/Operations/Lock", "r1"), DM_ACCEPTED);
	assert_int_equal(dm_se_busy(w.se), 0);
	assert_alert("r1", 1200);
	run(APPS "/" APP "/Operations/Unlock", "r2", 1200);
	assert_int_equal(alerts(), 0);
}

static void test_reset(void **st)
{
	const char *before = text_of(SE "/Generation");

	(void)st;
	assert_int_equal(exec(SE "/Operations/Reset", "z1"), DM_ACCEPTED);
	quiet();
	assert_non_null(alert("z1", true));
	(void)before;
	run(SE "/Operations/Refresh", "z2", 1200);
}

static void test_remove(void **st)
{
	(void)st;
	run(APPS "/" APP "/Operations/Delete", "q1", 1200);
	assert_text(APPS, "");
	run(P "/Operations/Remove", "q2", 1200);
	assert_text(P "/State", "10");
	assert_text(FILES, "");
	assert_int_equal(del(P), DM_OK);
	assert_text(SE "/Package", "");
}

static void test_card(void **st)
{
	(void)st;
	run(SE "/Operations/Initialize", "m1", 1200);
	assert_text(SE "/State", "20");
	run(SE "/Operations/Secure", "m2", 1200);
	assert_text(SE "/State", "30");
	assert_int_equal(exec(SE "/Operations/LockCard", "m3"), DM_INCOMPLETE);
	assert_int_equal(set_text(SE "/Parameter/Confirm", "card-terminate"), DM_OK);
	assert_int_equal(exec(SE "/Operations/LockCard", "m3"), DM_INCOMPLETE);
	assert_int_equal(set_text(SE "/Parameter/Confirm", "card-lock"), DM_OK);
	run(SE "/Operations/LockCard", "m4", 1200);
	assert_text(SE "/State", "40");
	assert_text(SE "/Parameter/Confirm", "");
	run(SE "/Operations/UnlockCard", "m5", 1200);
	assert_text(SE "/State", "30");
	assert_int_equal(set_text(SE "/Parameter/Confirm", "card-terminate"), DM_OK);
	run(SE "/Operations/Terminate", "m6", 1200);
	assert_int_equal(cs.card.life_cycle, 0xff);
	assert_text(SE "/State", "50");
	/* over a restart too: the card does not say so */
	down();
	up_without();
	assert_int_equal(job_se_add(w.jobs, "se0", cs.open, "eSE"), 0);
	content_ses_poll(w.content->ses);
	for (int i = 0; i < 20; i++)
		dispatch();
	assert_text(SE "/State", "50");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instance), cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_script),	 cmocka_unit_test(test_script_chunks),
		cmocka_unit_test(test_cancel),	 cmocka_unit_test(test_private),
		cmocka_unit_test(test_package),	 cmocka_unit_test(test_entry),
		cmocka_unit_test(test_domain),	 cmocka_unit_test(test_others),
		cmocka_unit_test(test_restart),	 cmocka_unit_test(test_reset),
		cmocka_unit_test(test_remove),	 cmocka_unit_test(test_card),
	};

	return cmocka_run_group_tests(tests, world_up, world_down);
}
