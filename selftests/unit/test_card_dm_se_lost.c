// SPDX-License-Identifier: Apache-2.0
/*
 * The Secure Element MO and a disk that is full: what a message has added or removed and what
 * did not get to the disk is as it was, at once and after a restart alike.
 */
#include <sqlite3.h>
#include <unistd.h>

#include "dm_se_world.h"

/* ---- the disk ------------------------------------------------------------------------- */

static bool full;
static unsigned int refused;

/* SQLite's own pwrite; the journal of jobs is on another disk, so to say */
static ssize_t write_or_not(int fd, const void *p, size_t n, off_t at)
{
	char link[64], path[256] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (full && readlink(link, path, sizeof(path) - 1) > 0 &&
	    strstr(path, "/" DM_STORE_NAME)) {
		refused++;
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, p, n, at);
}

static int up_with_disk(void **state)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	if (vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)write_or_not))
		return -1;
	(void)vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)write_or_not);
	return world_up(state);
}

/* ---- messages -------------------------------------------------------------------------- */

static void begin(void)
{
	assert_int_equal(dm_tree_ops()->begin(w.tree, DM_LEVEL_MESSAGE), DM_OK);
}

static int commit(void)
{
	struct dm_req req = request(ME, "");

	return dm_tree_ops()->commit(w.tree, &req);
}

/* The message ends on a full disk. */
static void commit_fails(void)
{
	unsigned int before = refused;

	full = true;
	assert_true(commit() < 0);
	full = false;
	assert_true(refused > before);
}

#define S1 SE "/APDU/s1"
#define S2 SE "/APDU/s2"
#define P1 SE "/Package/p1"

static void none(void)
{
	assert_text(SE "/APDU", "");
	assert_text(SE "/Package", "");
	assert_text(S1 "/Status", "!404");
	assert_text(P1 "/Status", "!404");
}

static void test_added(void **st)
{
	(void)st;
	begin();
	assert_int_equal(add_node(S1), DM_OK);
	assert_int_equal(add_node(P1), DM_OK);
	assert_text(S1 "/Status", "10");
	commit_fails();
	none();
	/* the same by a roll-back: a session that breaks off */
	begin();
	assert_int_equal(add_node(S1), DM_OK);
	assert_int_equal(dm_tree_ops()->rollback(w.tree), DM_ROLLED_BACK);
	none();
	/* nothing of it is in the way of the next one */
	for (int i = 0; i < 20; i++) {
		begin();
		assert_int_equal(add_node(S1), DM_OK);
		assert_int_equal(add_node(P1), DM_OK);
		commit_fails();
	}
	none();
	begin();
	assert_int_equal(add_node(S1), DM_OK);
	assert_int_equal(set_hex(S1 "/Command", "AA07220580CA00E000"), DM_OK);
	assert_int_equal(commit(), DM_OK);
	assert_text(SE "/APDU", "s1");
	run(S1 "/Operations/Transmit", "t1", 1200);
	assert_int_equal(alerts(), 0);
	assert_int_equal(exec(S1 "/Operations/Clear", ""), DM_OK);
}

/* what was there before stays, also beside what was lost, and after a restart */
static void test_beside(void **st)
{
	(void)st;
	assert_text(SE "/APDU", "s1");
	assert_int_equal(set_text(SE "/Parameter/KeySet", "isd"), DM_OK);
	load("p1");
	assert_int_equal(set_hex(P1 "/InstanceAID", "A000000099"), DM_OK);
	begin();
	assert_int_equal(add_node(S2), DM_OK);
	assert_int_equal(set_hex(P1 "/InstanceAID", "A000000098"), DM_OK);
	assert_int_equal(set_text(SE "/Parameter/KeySet", "new"), DM_OK);
	assert_text(SE "/Parameter/KeySet", "new");
	commit_fails();
	assert_text(SE "/APDU", "s1");
	assert_text(SE "/Parameter/KeySet", "isd");
	assert_hex(P1 "/InstanceAID", "A000000099");
	down();
	up();
	assert_text(SE "/APDU", "s1");
	assert_text(SE "/Parameter/KeySet", "isd");
	assert_hex(P1 "/InstanceAID", "A000000099");
}

/*
 * A Delete takes the script with it, which does not come back. The node does, as long as the
 * disk takes nothing, empty: the server deletes it once more, or the next start does.
 */
static void test_deleted(void **st)
{
	(void)st;
	begin();
	assert_int_equal(del(S1), DM_OK);
	commit_fails();
	assert_text(SE "/APDU", "s1");
	assert_int_equal(exec(S1 "/Operations/Transmit", "t2"), DM_NOT_FOUND);
	begin();
	assert_int_equal(del(S1), DM_OK);
	assert_int_equal(commit(), DM_OK);
	assert_text(SE "/APDU", "");
	begin();
	assert_int_equal(add_node(S1), DM_OK);
	assert_int_equal(commit(), DM_OK);
	begin();
	assert_int_equal(del(S1), DM_OK);
	commit_fails();
	down();
	up();
	assert_text(SE "/APDU", "");
	assert_int_equal(add_node(S1), DM_OK);
	assert_text(SE "/APDU", "s1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_deleted),
	};

	return cmocka_run_group_tests(tests, up_with_disk, world_down);
}
