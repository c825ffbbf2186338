// SPDX-License-Identifier: Apache-2.0
/*
 * /sys/class/se/seN against what the ioctls say, and debugfs se/seN. Where the
 * kernel has fault injection, each of the driver's faults is ordered once and the
 * outcome looked at.
 */
#include "card.h"

#include <dirent.h>
#include <sys/mount.h>

#define DEBUGFS "/sys/kernel/debug"

/* The content of a file; returns its length, or -1. */
static ssize_t slurp(const char *dir, const char *name, char *buf, size_t room)
{
	char path[400];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, room - 1);
	close(fd);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

static void spit(const char *dir, const char *name, const char *text)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *text_of(const char *dir, const char *name)
{
	static char buf[4096];
	ssize_t n = slurp(dir, name, buf, sizeof(buf));

	if (n <= 0 || buf[n - 1] != '\n')
		fail_msg("%s/%s is not a line", dir, name);
	buf[n - 1] = '\0';
	/* one value in a file */
	assert_null(strchr(buf, '\n'));
	return buf;
}

static uint64_t number_of(const char *dir, const char *name)
{
	char *end;
	uint64_t n = strtoull(text_of(dir, name), &end, 10);

	assert_int_equal(*end, '\0');
	return n;
}

static void test_attributes(void **state)
{
	char dir[128], cip[SE_CIP_MAX], bytes[300], want[16];
	struct se_info info = {.cip_ptr = (uintptr_t)cip, .cip_len = sizeof(cip)};
	struct card card;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	snprintf(dir, sizeof(dir), "/sys/class/se/%s", card.node + 5);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	await_idle(fd);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);

	assert_string_equal(text_of(dir, "state"), "idle");
	assert_string_equal(text_of(dir, "dialect"), "gp");
	assert_string_equal(text_of(dir, "irq_mode"), "irq");
	assert_string_equal(text_of(dir, "bus"), "spi");
	assert_int_equal(number_of(dir, "generation"), info.generation);
	assert_int_equal(number_of(dir, "ifsc"), info.ifsc);
	assert_int_equal(number_of(dir, "ifsd"), info.ifsd);
	assert_int_equal(number_of(dir, "bwt_us"), info.bwt_us);
	assert_int_equal(number_of(dir, "clock_hz"), info.clock_hz);
	snprintf(want, sizeof(want), "%u", info.channel);
	assert_string_equal(text_of(dir, "channels"), want);
	assert_int_equal(slurp(dir, "cip", bytes, sizeof(bytes)), info.cip_len);
	assert_memory_equal(bytes, cip, info.cip_len);
	/* an SE of this dialect has none */
	assert_int_equal(slurp(dir, "atr", bytes, sizeof(bytes)), -1);

	close(fd);
	card_pull(&card);
	assert_int_equal(access(dir, F_OK), -1);
}

/* Every counter has its file, none can be written, and they count. */
static void test_counters(void **state)
{
	uint64_t apdus, files = 0;
	struct dirent *e;
	struct card card;
	struct step s;
	char dir[128];
	DIR *d;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	snprintf(dir, sizeof(dir), "/sys/class/se/%s/stats", card.node + 5);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	apdus = number_of(dir, "apdus");
	for (int i = 0; i < 5; i++)
		assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(number_of(dir, "apdus"), apdus + 5);
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[400];
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		number_of(dir, e->d_name);
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0444);
		files++;
	}
	closedir(d);
	assert_int_equal(files, offsetof(struct se_stats, reserved) / sizeof(uint64_t));
	close(fd);
	card_pull(&card);
}

static void debug_dir(const struct card *card, char *dir, size_t room)
{
	if (access(DEBUGFS "/se", F_OK) && mount("none", DEBUGFS, "debugfs", 0, NULL) &&
	    errno != EBUSY)
		skip();
	snprintf(dir, room, DEBUGFS "/se/%s", card->node + 5);
}

static void test_debugfs(void **state)
{
	char dir[128], buf[8192];
	struct card card;
	struct step s;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	debug_dir(&card, dir, sizeof(dir));
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	await_idle(fd);
	assert_true(slurp(dir, "state", buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "state: idle\n"));
	assert_non_null(strstr(buf, "turn: free\n"));
	assert_non_null(strstr(buf, "operation: none\n"));
	assert_true(slurp(dir, "histograms", buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "total: "));
	assert_non_null(strstr(buf, " us: "));
	close(fd);
	card_pull(&card);
	assert_int_equal(access(dir, F_OK), -1);
}

/* Let a fault strike @times times from now on. */
static void order(const char *dir, const char *fault, const char *times)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, fault);
	spit(path, "verbose", "0");
	spit(path, "times", times);
	spit(path, "probability", "100");
}

static void test_faults(void **state)
{
	char dir[128], knob[160], why[100];
	struct se_config poll_less = {.present = 1U << SE_A_POLICY_IRQ_POLICY,
				      .irq_policy = SE_IRQ_POLICY_IRQ};
	struct se_stats before, after;
	struct se_monitor *mon;
	struct se_event event;
	struct se_apdu a;
	struct card card;
	struct step s;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	debug_dir(&card, dir, sizeof(dir));
	snprintf(knob, sizeof(knob), "%s/fail_send", dir);
	if (access(knob, F_OK)) {
		card_pull(&card);
		skip(); /* a kernel without CONFIG_FAULT_INJECTION_DEBUG_FS */
	}
	fd = card_open(&card);
	assert_int_equal(se_config_by_netlink(card.index, &poll_less, why, sizeof(why)), 0);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);

	/* a damaged block is asked for again, and the command runs once */
	assert_int_equal(se_get_stats_by_netlink(card.index, &before), 0);
	order(dir, "corrupt_receive", "1");
	assert_int_equal(transmit(fd, 0x80, 0x20, 0x0001, &s), 0x9000);
	assert_int_equal(se_get_stats_by_netlink(card.index, &after), 0);
	assert_int_equal(after.edc_errors, before.edc_errors + 1);
	assert_true(after.retrans > before.retrans);
	assert_int_equal(card_ran(&card, -1, "200001"), 1);

	/* a lost interrupt costs time, no more */
	order(dir, "lose_irq", "1");
	assert_int_equal(transmit(fd, 0x80, 0x20, 0x0002, &s), 0x9000);
	assert_int_equal(card_ran(&card, -1, "200002"), 1);

	/* a bus that fails on the way out: the outcome is no promise, and it is true */
	assert_int_equal(se_monitor_open(&mon), 0);
	order(dir, "fail_send", "1");
	apdu_set(&a, &s, 0x80, 0x20, 0x0003);
	assert_int_equal(submit(fd, &a, 1, NULL), -EIO);
	assert_int_not_equal(a.outcome, SE_OUTCOME_EXECUTED);
	assert_true(await_event(mon, SE_EVENT_GENERATION, &event, PATIENCE_MS));
	assert_int_equal(card_ran(&card, -1, "200003"), 0);

	/* and on the way in: it ran, and nobody can know */
	await_idle(fd);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	order(dir, "fail_receive", "1");
	apdu_set(&a, &s, 0x80, 0x20, 0x0004);
	assert_int_equal(submit(fd, &a, 1, NULL), -EIO);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	assert_true(await_event(mon, SE_EVENT_GENERATION, &event, PATIENCE_MS));
	assert_int_equal(card_ran(&card, -1, "200004"), 1);
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_debugfs),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests_name("sysfs", tests, NULL, NULL);
}
