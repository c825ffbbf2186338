// SPDX-License-Identifier: Apache-2.0
/*
 * The Secure Element MO when it is interrupted, and Atomic: what was accepted runs once and is
 * told once, wherever the power goes; several operations are all done or none, also on the
 * card, and where that cannot be it is said.
 */
#include <signal.h>
#include <sys/wait.h>

#include "dm_se_world.h"

#define ENTRY APPS "/" APP
#define S SE "/APDU/s1"

/* ---- Atomic -------------------------------------------------------------------------------
 */

static int begin(void)
{
	return dm_tree_ops()->begin(w.tree, DM_LEVEL_ATOMIC);
}

/* commit, and what came of it in the end */
static int commit(void)
{
	struct dm_req req = request(ME, "");
	int ret = dm_tree_ops()->commit(w.tree, &req);

	if (ret != DM_PENDING)
		return ret;
	w.token = 0;
	for (int i = 0; i < 2000 && w.token != req.token; i++)
		dispatch();
	assert_int_equal(w.token, req.token);
	assert_false(dm_tree_unsettled(w.tree));
	assert_int_equal(dm_se_busy(w.se), 0);
	return w.code;
}

static void install_one(const char *aid)
{
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/Module", MODULE), DM_OK);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/AID", aid), DM_OK);
	assert_int_equal(exec(FILES "/" ELF "/Operations/Install", "in"), DM_OK);
}

static void test_prepare(void **st)
{
	(void)st;
	assert_int_equal(set_text(SE "/Parameter/KeySet", "isd"), DM_OK);
	load("p1");
	run(SE "/Package/p1/Operations/Install", "l1", 1200);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/Module", MODULE), DM_OK);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/AID", APP), DM_OK);
	run(FILES "/" ELF "/Operations/Install", "l2", 1200);
	assert_text(ENTRY "/State", "30");
}

static void test_all(void **st)
{
	unsigned int sent = atomic_load(&cs.apdus);

	(void)st;
	assert_int_equal(begin(), DM_OK);
	install_one("F000000001010103");
	assert_int_equal(exec(ENTRY "/Operations/Lock", "b2"), DM_OK);
	/* nothing has run */
	assert_int_equal(atomic_load(&cs.apdus), sent);
	assert_text(ENTRY "/Status", "10");
	assert_int_equal(commit(), DM_OK);
	assert_text(ENTRY "/State", "50");
	assert_text(APPS "/F000000001010103/State", "30");
	assert_text(ENTRY "/Status", "40");
	assert_text(ENTRY "/ResultCode", "1200");
	assert_text(FILES "/" ELF "/ResultCode", "1200");
	/* it was said by the Status: there is no alert, and no way back by halves */
	assert_int_equal(alerts(), 0);
	assert_int_equal(exec(ENTRY "/Operations/RollBack", "b3"), DM_CONFLICT);
	run(ENTRY "/Operations/Unlock", "b4", 1200);
}

static void test_none(void **st)
{
	unsigned int locks;

	(void)st;
	/* the second is impossible: a domain of this name is not there, so nothing is sent */
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(exec(ENTRY "/Operations/Lock", "c1"), DM_OK);
	assert_int_equal(set_hex(ENTRY "/Parameter/Target", "F0534553414D455399"), DM_OK);
	assert_int_equal(exec(ENTRY "/Operations/Extradite", "c2"), DM_OK);
	locks = cs.seen[0xf0];
	assert_int_equal(commit(), DM_FAILED);
	assert_int_equal(cs.seen[0xf0], locks);
	assert_text(ENTRY "/State", "30");
	assert_text(ENTRY "/ResultCode", "1420");
	assert_true(strlen(text_of(ENTRY "/Report/Detail")) > 0);
	assert_int_equal(alerts(), 0);

	/* the card refuses the last one: the others are undone on it */
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(set_hex(SE "/Parameter/AID", SSD), DM_OK);
	assert_int_equal(exec(SE "/Operations/CreateSecurityDomain", "c3"), DM_OK);
	assert_int_equal(exec(ENTRY "/Operations/Lock", "c4"), DM_OK);
	install_one("F000000001010104");
	/* no such module in the load file: only the card knows */
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/Module", "F0000000010101FF"), DM_OK);
	assert_int_equal(set_hex(FILES "/" ELF "/Parameter/AID", "F000000001010105"), DM_OK);
	assert_int_equal(exec(FILES "/" ELF "/Operations/Install", "c6"), DM_OK);
	cs.refuse_ins = 0xe6;
	cs.refuse_after = 2;
	assert_int_equal(commit(), DM_FAILED);
	assert_int_equal(cs.refuse_ins, 0);
	assert_int_equal(cs.seen[0xf0], locks + 2);
	quiet();
	assert_text(ENTRY "/State", "30");
	assert_text(DOMAINS "/" SSD "/AID", "!404");
	assert_text(APPS, APP "/F000000001010103");
	assert_text(SE "/ResultCode", "1420");
	assert_text(ENTRY "/ResultCode", "1420");
	assert_int_equal(alerts(), 0);
}

/* What GlobalPlatform has no way back for stays, and the server is told so. */
static void test_half(void **st)
{
	(void)st;
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(exec(APPS "/F000000001010103/Operations/Delete", "h1"), DM_OK);
	install_one("F000000001010104");
	cs.refuse_ins = 0xe6;
	cs.refuse_after = 0;
	assert_int_equal(commit(), DM_ROLLBACK_FAILED);
	quiet();
	assert_text(APPS, APP);
	assert_text(FILES "/" ELF "/ResultCode", "1503");
	assert_text(FILES "/" ELF "/Status", "60");
	assert_non_null(strstr(text_of(FILES "/" ELF "/Report/Result"), "not-undoable"));
	assert_int_equal(alerts(), 0);
}

static void test_collected(void **st)
{
	struct dm_req req = request(ME, "");

	(void)st;
	/* what cannot be part of one */
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(exec(SE "/Operations/Refresh", "n1"), DM_UNSUPPORTED);
	assert_int_equal(exec(SE "/Operations/Reset", "n2"), DM_UNSUPPORTED);
	assert_int_equal(exec(SE "/Package/p1/Operations/Remove", "n3"), DM_UNSUPPORTED);
	assert_int_equal(exec(ENTRY "/Operations/Clear", "n4"), DM_UNSUPPORTED);
	assert_int_equal(add_node(S), DM_UNSUPPORTED);
	assert_int_equal(del(SE "/Package/p1"), DM_UNSUPPORTED);
	assert_int_equal(set_text(SE "/Parameter/KeySet", "new"), DM_UNSUPPORTED);
	/* parameters are as they were */
	assert_int_equal(set_text(ENTRY "/Parameter/Related", "true"), DM_OK);
	assert_int_equal(exec(ENTRY "/Operations/Lock", "n5"), DM_OK);
	assert_text(ENTRY "/Parameter/Related", "false");
	assert_int_equal(set_hex(ENTRY "/Parameter/Target", SSD), DM_OK);
	assert_int_equal(dm_tree_ops()->rollback(w.tree), DM_ROLLED_BACK);
	assert_hex(ENTRY "/Parameter/Target", "");
	assert_int_equal(dm_se_busy(w.se), 0);
	assert_text(ENTRY "/State", "30");

	/* one that does nothing here is done at once */
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(set_hex(ENTRY "/Parameter/Target", SSD), DM_OK);
	assert_int_equal(dm_tree_ops()->commit(w.tree, &req), DM_OK);
	assert_hex(ENTRY "/Parameter/Target", SSD);

	/* the policy says no: nothing is begun */
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(set_text(DOMAINS "/Issuer/Parameter/NewKeySet", "none"), DM_OK);
	assert_int_equal(exec(DOMAINS "/Issuer/Operations/PutKey", "n6"), DM_OK);
	assert_int_equal(commit(), DM_DENIED);
	assert_text(DOMAINS "/Issuer/Status", "10");
	/* an operation outside is not run twice for it */
	run(ENTRY "/Operations/Lock", "n7", 1200);
	run(ENTRY "/Operations/Unlock", "n8", 1200);
}

/* The session is gone when the plan ends: alerts tell. */
static void test_lost_session(void **st)
{
	(void)st;
	assert_int_equal(begin(), DM_OK);
	assert_int_equal(exec(ENTRY "/Operations/Lock", "g1"), DM_OK);
	w.session = false;
	assert_int_equal(commit(), DM_OK);
	w.session = true;
	assert_alert("g1", 1200);
	run(ENTRY "/Operations/Unlock", "g2", 1200);
}

/* ---- the power goes
 * -------------------------------------------------------------------------- */

static void shell(const char *format)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), format, cs.dir, cs.dir, cs.dir, cs.dir);
	assert_int_equal(system(cmd), 0);
}

/*
 * Runs @fn in a process of its own, which dies with nothing more written: at once (@ins 0,
 * when the card has executed nothing for it), or amid its first command @ins. The card lives
 * on here, and executes what was on its way.
 */
static void die_in(void (*fn)(void), uint8_t ins)
{
	int status, go[2];
	pid_t child;
	char c = 0;

	down();
	assert_true(cs_alone());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go), 0);
	child = fork();
	if (child == 0) {
		up();
		if (write(go[1], &c, 1) != 1 || read(go[1], &c, 1) != 1)
			_exit(1);
		fn();
		if (!ins)
			_exit(0);
		for (;;)
			dispatch();
	}
	close(go[1]); /* one that dies is not waited for */
	assert_int_equal(read(go[0], &c, 1), 1);
	cs_hold(ins ? ins : CS_ANY);
	assert_int_equal(write(go[0], &c, 1), 1);
	close(go[0]);
	if (ins) {
		assert_true(cs_held());
		kill(child, SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(ins ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cs_go();
	assert_true(cs_alone());
	/* an authentication may have been cut too: the owner of the device allows another one
	 */
	shell("rm -rf %s/attempts");
}

static void lock_and_die(void)
{
	/* in a message whose commands are on the disk with its end only */
	if (dm_tree_ops()->begin(w.tree, DM_LEVEL_MESSAGE) != DM_OK ||
	    exec(ENTRY "/Operations/Lock", "x1") != DM_ACCEPTED)
		_exit(1);
}

/* The record is on the disk, its job is not: nothing was sent, and nothing is. */
static void test_no_job(void **st)
{
	unsigned int locks;

	(void)st;
	down();
	shell("rm -rf %s/was && mkdir %s/was && cp %s/journal.db* %s/was/");
	up();
	die_in(lock_and_die, 0);
	locks = cs.seen[0xf0];
	shell("rm -f %s/journal.db* && cp %s/was/journal.db* %s/");
	up();
	quiet();
	assert_alert("x1", 1405);
	assert_text(ENTRY "/Report/Outcome", "10");
	assert_int_equal(cs.seen[0xf0], locks);
	assert_int_equal(dm_se_busy(w.se), 0);
	/* the journal of before knows nothing of what a child that died late has sent */
	run(ENTRY "/Operations/Unlock", "x2", 1200);
}

static void transmit_and_die(void)
{
	if (exec(S "/Operations/Transmit", "y1") != DM_ACCEPTED)
		_exit(1);
}

/* Killed while a script runs: what was sent is known, and is not sent again. */
static void test_script_cut(void **st)
{
	char hex[512];
	unsigned int sent;
	int at = sprintf(hex, "AA%02X", 7 * 18);

	(void)st;
	/* a command that nobody else sends */
	for (unsigned int i = 0; i < 18; i++)
		at += sprintf(hex + at, "220580CB00E000");
	assert_int_equal(add_node(S), DM_OK);
	assert_int_equal(set_hex(S "/Command", hex), DM_OK);
	cs.also_ok = 0xcb;
	cs.seen[0xcb] = 0;
	die_in(transmit_and_die, 0xcb);
	sent = cs.seen[0xcb];
	assert_int_equal(sent, 1);
	up();
	quiet();
	assert_int_equal(cs.seen[0xcb], sent);
	assert_true(atoi(text_of(S "/Report/Executed")) <= (int)sent);
	assert_true(strcmp(text_of(S "/ResultCode"), "1501") == 0 ||
		    strcmp(text_of(S "/ResultCode"), "1502") == 0);
	/* a repetition is recognised, in a session of another life */
	assert_int_equal(exec(S "/Operations/Transmit", "y1"), DM_ACCEPTED);
	for (int i = 0; i < 5; i++)
		dispatch();
	assert_int_equal(dm_se_busy(w.se), 0);
	assert_int_equal(cs.seen[0xcb], sent);
	assert_non_null(alert("y1", true));
	assert_int_equal(exec(S "/Operations/Clear", ""), DM_OK);
	assert_int_equal(del(S), DM_OK);
	cs.also_ok = 0;
}

static void install_and_die(void)
{
	if (exec(SE "/Package/p2/Operations/Install", "p2") != DM_ACCEPTED)
		_exit(1);
}

/* Killed while a package is installed: its result is there, and once. */
static void test_package_cut(void **st)
{
	char *data;
	size_t len = strlen(load_plan);

	(void)st;
	/* another load file: the plan is of this test */
	data = strdup(load_plan);
	assert_non_null(data);
	memcpy(strstr(data, ELF), "F0000000010109", strlen(ELF));
	assert_int_equal(add_node(SE "/Package/p2"), DM_OK);
	assert_int_equal(put_as(ME, DM_HOW_REPLACE, SE "/Package/p2/Data", NULL, data, len),
			 DM_OK);
	free(data);
	die_in(install_and_die, 0xe6);
	up();
	quiet();
	assert_true(strcmp(text_of(SE "/Package/p2/ResultCode"), "1501") == 0 ||
		    strcmp(text_of(SE "/Package/p2/ResultCode"), "1502") == 0);
	assert_text(SE "/Package/p2/State", "30");
	assert_true(atoi(text_of(SE "/Package/p2/Report/Executed")) > 0);
	assert_int_equal(exec(SE "/Package/p2/Operations/Install", "p2"), DM_ACCEPTED);
	assert_int_equal(dm_se_busy(w.se), 0);
	assert_non_null(alert("p2", true));
	/* with another word it is another one */
	assert_int_equal(exec(SE "/Package/p2/Operations/Install", "p3"), DM_ACCEPTED);
	quiet();
	/* the card may have taken the last block: then it is there already */
	assert_true(strcmp(text_of(SE "/Package/p2/ResultCode"), "1200") == 0 ||
		    strcmp(text_of(SE "/Package/p2/ResultCode"), "1418") == 0);
	assert_non_null(alert("p3", true));
	assert_text(FILES "/F0000000010109/State", "10");
}

/* What is not ours in the store, or is of another time, is left out. */
static void test_damaged(void **st)
{
	static const uint8_t key[8] = {0, 0, 0, 0, 0, 1, 0, 0}, none[] = {1, 0, 3, 'a'};

	(void)st;
	assert_int_equal(store_put(w.store, DM_KIND_EXEC, key, 8, none, sizeof(none)), 0);
	assert_int_equal(store_put(w.store, DM_KIND_EXEC, "x", 1, "", 0), 0);
	assert_int_equal(store_put(w.store, DM_KIND_MO, "se:se0/APDU/q", 13, none, 4), 0);
	down();
	up();
	assert_text(SE "/APDU", "");
	assert_text(ENTRY "/State", "30");
	run(ENTRY "/Operations/Lock", "e1", 1200);
	run(ENTRY "/Operations/Unlock", "e2", 1200);
}

static void atomic_and_die(void)
{
	struct dm_req req = request(ME, "");

	if (begin() != DM_OK || exec(ENTRY "/Operations/Lock", "v1") != DM_OK ||
	    set_hex(FILES "/" ELF "/Parameter/Module", MODULE) != DM_OK ||
	    set_hex(FILES "/" ELF "/Parameter/AID", "F000000001010106") != DM_OK ||
	    exec(FILES "/" ELF "/Operations/Install", "v2") != DM_OK ||
	    dm_tree_ops()->commit(w.tree, &req) != DM_PENDING)
		_exit(1);
}

/* An Atomic that is cut on the card: all of it or nothing, after the restart. */
static void cut_at(uint8_t ins)
{
	bool done;

	die_in(atomic_and_die, ins);
	up();
	quiet();
	assert_false(dm_tree_unsettled(w.tree));
	assert_text(FILES "/" ELF "/ResultCode", text_of(ENTRY "/ResultCode"));
	done = strcmp(text_of(ENTRY "/ResultCode"), "1200") == 0;
	if (!done && strcmp(text_of(ENTRY "/ResultCode"), "1420") != 0)
		fail_msg("cut at %02X: %s %s: %s", ins, text_of(ENTRY "/ResultCode"),
			 text_of(ENTRY "/Report/Result"), text_of(ENTRY "/Report/Detail"));
	if (strcmp(text_of(ENTRY "/State"), done ? "50" : "30") != 0)
		fail_msg("cut at %02X: %s after %s: %s", ins, text_of(ENTRY "/State"),
			 text_of(ENTRY "/ResultCode"), text_of(ENTRY "/Report/Detail"));
	assert_text(APPS "/F000000001010106/State", done ? "30" : "!404");
	/* nobody waits for the answer any more */
	assert_alert("v1", done ? 1200 : 1420);
	assert_alert("v2", done ? 1200 : 1420);
	assert_int_equal(alerts(), 0);
	/* and there is room for the next one */
	assert_int_equal(begin(), DM_OK);
	if (done) {
		assert_int_equal(exec(ENTRY "/Operations/Unlock", "v3"), DM_OK);
		assert_int_equal(exec(APPS "/F000000001010106/Operations/Delete", "v4"), DM_OK);
	} else {
		assert_int_equal(exec(ENTRY "/Operations/Lock", "v3"), DM_OK);
		assert_int_equal(exec(ENTRY "/Operations/Unlock", "v4"), DM_OK);
	}
	if (commit() != DM_OK)
		fail_msg("after a cut at %02X: %s: %s", ins, text_of(ENTRY "/Report/Result"),
			 text_of(ENTRY "/Report/Detail"));
	assert_text(ENTRY "/State", "30");
}

static void test_atomic_cut(void **st)
{
	(void)st;
	/* queued only; at SET STATUS; at INSTALL */
	cut_at(0);
	cut_at(0xf0);
	cut_at(0xe6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prepare),	   cmocka_unit_test(test_all),
		cmocka_unit_test(test_none),	   cmocka_unit_test(test_half),
		cmocka_unit_test(test_collected),  cmocka_unit_test(test_lost_session),
		cmocka_unit_test(test_no_job),	   cmocka_unit_test(test_script_cut),
		cmocka_unit_test(test_atomic_cut), cmocka_unit_test(test_package_cut),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, world_up, world_down);
}
