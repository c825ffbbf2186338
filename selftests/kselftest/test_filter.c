// SPDX-License-Identifier: Apache-2.0
/*
 * SE_IOC_SET_FILTER: what passes, what does not, and the ways around it that
 * must not be there: forms of CLA, chaining, SELECT, GET RESPONSE, write(),
 * duplicated and inherited descriptors.
 */
#include "card.h"

static struct card card;

static const uint8_t isd[] = {0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};

static int setup(void **state)
{
	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	card_pull(&card);
	return 0;
}

static int applet(void)
{
	int fd = card_open(&card);

	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	return fd;
}

/* 0 or negative errno */
static int filter(int fd, uint32_t flags, const struct se_filter_rule *rules, uint32_t nr_rules,
		  const struct se_filter_aid *aids, uint32_t nr_aids)
{
	struct se_filter f = {
		.rules_ptr = (uintptr_t)rules,
		.aids_ptr = (uintptr_t)aids,
		.nr_rules = nr_rules,
		.nr_aids = nr_aids,
		.flags = flags,
	};

	return ioctl(fd, SE_IOC_SET_FILTER, &f) ? -errno : 0;
}

static struct se_filter_rule rule(uint8_t cla, uint8_t ins)
{
	return (struct se_filter_rule){
		.cla = cla, .cla_mask = 0xff, .ins = ins, .ins_mask = 0xff};
}

static int transmit_raw(int fd, const void *cmd, size_t len)
{
	uint8_t rsp[300];
	struct se_apdu a = {
		.cmd_ptr = (uintptr_t)cmd,
		.cmd_len = (uint32_t)len,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = sizeof(rsp),
	};
	int ret = submit(fd, &a, 1, NULL);

	return ret ? ret : a.sw;
}

static void test_rules(void **state)
{
	const struct se_filter_rule rules[] = {rule(0x80, 0x50),
					       rule(0x84, 0x50),
					       {.cla = 0x80,
						.cla_mask = 0xff,
						.ins = 0x20,
						.ins_mask = 0xff,
						.p1 = 0x01,
						.p1_mask = 0xff,
						.p2 = 0x00,
						.p2_mask = 0xf0}};
	struct se_stream stream = {0};
	struct se_apdu a[2];
	struct step s[2];
	int fd = applet();

	(void)state;
	assert_int_equal(transmit(fd, 0x80, 0x40, 3, NULL), 0x9000);
	assert_int_equal(filter(fd, SE_FILTER_RULES, rules, 3, NULL, 0), 0);
	assert_int_equal(transmit(fd, 0x80, 0x40, 3, NULL), -EACCES);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
	/* the channel and the form of the class make no difference */
	assert_int_equal(transmit(fd, 0x83, 0x50, 0, NULL), 0x9000);
	assert_int_equal(transmit(fd, 0xc5, 0x50, 0, NULL), 0x9000);
	assert_int_equal(transmit(fd, 0x84, 0x50, 0, NULL), 0x6882);
	assert_int_equal(transmit(fd, 0x00, 0x50, 0, NULL), -EACCES);
	assert_int_equal(transmit(fd, 0x40, 0x50, 0, NULL), -EACCES);
	assert_int_equal(transmit(fd, 0x88, 0x50, 0, NULL), -EACCES);
	assert_int_equal(transmit(fd, 0xe5, 0x50, 0, NULL), -EACCES);
	/* parameters */
	assert_int_equal(transmit(fd, 0x80, 0x20, 0x010f, NULL), 0x9000);
	assert_int_equal(transmit(fd, 0x80, 0x20, 0x0110, NULL), -EACCES);
	assert_int_equal(transmit(fd, 0x80, 0x20, 0x0200, NULL), -EACCES);
	/* written */
	assert_int_equal(write(fd, "\x80\x40\x00\x03\x00", 5), -1);
	assert_int_equal(errno, EACCES);
	/* of a stream with one that may not go, none goes */
	apdu_set(&a[0], &s[0], 0x80, 0x20, 0x010e);
	apdu_set(&a[1], &s[1], 0x80, 0x40, 0x0002);
	assert_int_equal(submit(fd, a, 2, &stream), -EACCES);
	assert_int_equal(stream.stop, SE_STOP_REFUSED);
	assert_int_equal(stream.done, 0);
	assert_int_equal(a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(card_ran(&card, -1, "20010E"), 0);
	assert_int_equal(transmit(fd, 0x00, 0x70, 0x0000, NULL), -EACCES);
	close(fd);
}

/* A channel above 3: the same rules hold, and they are looked at before coding. */
static void test_further_channel(void **state)
{
	const struct se_filter_rule plain = rule(0x80, 0x50);
	struct se_filter_rule any_sm = rule(0x80, 0x50);
	int fd[4], five;
	struct se_info info = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		fd[i] = applet();
	five = fd[3];
	assert_int_equal(ioctl(five, SE_IOC_GET_INFO, &info), 0);
	assert_true(info.channel >= 4);
	any_sm.cla_mask = 0xf3;
	assert_int_equal(filter(five, SE_FILTER_RULES, &any_sm, 1, NULL, 0), 0);
	assert_int_equal(transmit(five, 0x80, 0x50, 0, NULL), 0x9000);
	assert_int_equal(transmit(five, 0xe0, 0x50, 0, NULL), 0x6882);
	assert_int_equal(transmit(five, 0x8c, 0x50, 0, NULL), 0x6882);
	assert_int_equal(filter(five, SE_FILTER_RULES, &plain, 1, NULL, 0), 0);
	assert_int_equal(transmit(five, 0xc0, 0x50, 0, NULL), 0x9000);
	assert_int_equal(transmit(five, 0xe0, 0x50, 0, NULL), -EACCES);
	assert_int_equal(transmit(five, 0x84, 0x50, 0, NULL), -EACCES);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}

static void test_chaining(void **state)
{
	const struct se_filter_rule rules[] = {rule(0x80, 0x10), rule(0x80, 0x50)};
	int fd = applet();

	(void)state;
	assert_int_equal(filter(fd, SE_FILTER_RULES, rules, 2, NULL, 0), 0);
	/* each link is looked at */
	assert_int_equal(transmit_raw(fd, "\x90\x40\x00\x00\x01\x55", 6), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x90\x10\x00\x00\x02\x11\x22", 7), 0x9000);
	/* what follows must be of the same command, allowed or not */
	assert_int_equal(transmit_raw(fd, "\x80\x40\x00\x00\x01\x55", 6), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x80\x50\x00\x00\x00", 5), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x80\x10\x00\x01\x01\x33", 6), -EACCES);
	assert_int_equal(transmit_raw(fd, "\xd0\x10\x00\x00\x01\x33", 6), 0x9000);
	assert_int_equal(transmit_raw(fd, "\x80\x10\x00\x00\x01\x44\x00", 7), 0x9000);
	assert_int_equal(transmit_raw(fd, "\x80\x50\x00\x00\x00", 5), 0x9000);
	/* another channel begins without a chain */
	assert_int_equal(transmit_raw(fd, "\x90\x10\x00\x00\x02\x11\x22", 7), 0x9000);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_CLOSE), 0);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(transmit_raw(fd, "\x80\x50\x00\x00\x00", 5), 0x9000);
	close(fd);
}

static void test_get_response(void **state)
{
	const struct se_filter_rule one = rule(0x80, 0x40);
	struct se_stream stream = {0};
	struct se_apdu a[2];
	struct step s[2];
	int fd = applet();

	(void)state;
	assert_int_equal(filter(fd, SE_FILTER_RULES, &one, 1, NULL, 0), 0);
	/* nothing to fetch */
	assert_int_equal(transmit_raw(fd, "\x00\xc0\x00\x00\x00", 5), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x80\x40\x00\x08\x08", 5), 0x9000);
	assert_int_equal(transmit_raw(fd, "\x00\xc0\x00\x00\x00", 5), -EACCES);
	/* 20 bytes, 8 asked for: 61xx, and then the rest */
	assert_int_equal(transmit_raw(fd, "\x80\x40\x00\x14\x08", 5) >> 8, 0x61);
	assert_int_equal(transmit_raw(fd, "\x00\xc0\x01\x00\x00", 5), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x00\xc0\x00\x00\x0c", 5), 0x9000);
	assert_int_equal(transmit_raw(fd, "\x00\xc0\x00\x00\x00", 5), -EACCES);
	/* in one stream: where it turns out to be none, it is not sent */
	apdu_set(&a[0], &s[0], 0x80, 0x40, 0x0014);
	s[0].cmd[4] = 8;
	apdu_set(&a[1], &s[1], 0x00, 0xc0, 0x0000);
	assert_int_equal(submit(fd, a, 2, &stream), 0);
	assert_int_equal(stream.done, 2);
	assert_int_equal(a[1].sw, 0x9000);
	s[0].cmd[4] = 0x14;
	assert_int_equal(submit(fd, a, 2, &stream), -EACCES);
	assert_int_equal(stream.stop, SE_STOP_REFUSED);
	assert_int_equal(stream.done, 1);
	assert_int_equal(a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	close(fd);
}

/* What was given up before it left is as if it had never been asked for. */
static void test_not_sent(void **state)
{
	const struct se_filter_rule one = rule(0x80, 0x40);
	struct se_stream stream = {0};
	struct se_apdu a;
	struct step s;
	uint8_t rsp[16];
	int fd = applet(), other = applet();

	(void)state;
	assert_int_equal(filter(fd, SE_FILTER_RULES, &one, 1, NULL, 0), 0);
	assert_int_equal(transmit_raw(fd, "\x80\x40\x00\x14\x08", 5) >> 8, 0x61);
	/* the SE is busy */
	assert_int_equal(write(other, "\x80\x30\xf0\x00\x00", 5), 5);
	await_work(&card, UNTIL_TOLD);
	apdu_set(&a, &s, 0x00, 0xc0, 0);
	stream.deadline_ns = (now_ms() + 200) * 1000000;
	assert_int_equal(submit(fd, &a, 1, &stream), -ETIMEDOUT);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	card_hurry(&card);
	assert_int_equal(read(other, rsp, sizeof(rsp)), 2);
	/* so it may be asked for again, once */
	assert_true(transmit_raw(fd, "\x00\xc0\x00\x00\x0c", 5) >= 0);
	assert_int_equal(transmit_raw(fd, "\x00\xc0\x00\x00\x00", 5), -EACCES);
	close(other);
	close(fd);
}

static void test_aids(void **state)
{
	struct se_filter_aid aids[2] = {{.len = APPLET_LEN}};
	uint8_t cmd[32] = {0x00, 0xa4, 0x04, 0x00, APPLET_LEN};
	int fd = card_open(&card), selected;

	(void)state;
	memcpy(aids[0].aid, APPLET, APPLET_LEN);
	memcpy(cmd + 5, APPLET, APPLET_LEN);
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, aids, 1), 0);
	assert_int_equal(channel_open(fd, isd, sizeof(isd), NULL), -EACCES);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), -EACCES);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN - 1, NULL), -EACCES);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);

	selected = card_ran(&card, -1, "A4");
	/* by hand: another, none, in part, the next one, in extended form */
	assert_int_equal(
		transmit_raw(fd, "\x00\xa4\x04\x00\x08\xa0\x00\x00\x01\x51\x00\x00\x00", 13),
		-EACCES);
	assert_int_equal(transmit_raw(fd, "\x00\xa4\x04\x00\x00", 5), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x00\xa4\x04\x00", 4), -EACCES);
	assert_int_equal(transmit_raw(fd, "\x00\xa4\x04\x00\x05\xf0\x53\x45\x53\x41", 10),
			 -EACCES);
	assert_int_equal(
		transmit_raw(fd, "\x00\xa4\x04\x00\x00\x00\x08\xa0\x00\x00\x01\x51\x00\x00\x00",
			     15),
		-EACCES);
	cmd[3] = 0x02;
	assert_int_equal(transmit_raw(fd, cmd, 5 + APPLET_LEN), -EACCES);
	cmd[3] = 0x00;
	/* with secure messaging the name cannot be seen, in parts neither */
	for (size_t i = 0; i < 4; i++) {
		static const uint8_t cla[] = {0x04, 0x0c, 0x60, 0x10};

		cmd[0] = cla[i];
		assert_int_equal(transmit_raw(fd, cmd, 5 + APPLET_LEN), -EACCES);
	}
	/* in another class an SE may take it for the same */
	assert_int_equal(
		transmit_raw(fd, "\x80\xa4\x04\x00\x08\xa0\x00\x00\x01\x51\x00\x00\x00", 13),
		-EACCES);
	assert_int_equal(card_ran(&card, -1, "A4"), selected);
	cmd[0] = 0x00;
	assert_int_equal(transmit_raw(fd, cmd, 5 + APPLET_LEN), 0x9000);
	close(fd);

	/* len 0 is the default application */
	fd = card_open(&card);
	memset(aids, 0, sizeof(aids));
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, aids, 1), 0);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), -EACCES);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	close(fd);
}

/* Each further filter takes something away, none gives anything back. */
static void test_one_way(void **state)
{
	const struct se_filter_rule wide[] = {rule(0x80, 0x50), rule(0x80, 0x40)};
	const struct se_filter_rule all = {0};
	int fd = applet(), i;

	(void)state;
	assert_int_equal(filter(fd, SE_FILTER_RULES, wide, 2, NULL, 0), 0);
	assert_int_equal(filter(fd, SE_FILTER_RULES, wide, 1, NULL, 0), 0);
	assert_int_equal(transmit(fd, 0x80, 0x40, 1, NULL), -EACCES);
	for (i = 2; i < SE_FILTER_LAYERS_MAX; i++)
		assert_int_equal(filter(fd, SE_FILTER_RULES, &all, 1, NULL, 0), 0);
	assert_int_equal(filter(fd, SE_FILTER_RULES, &all, 1, NULL, 0), -ENOSPC);
	assert_int_equal(transmit(fd, 0x80, 0x40, 1, NULL), -EACCES);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
	close(fd);
}

/* The filter is the open file's, whatever its descriptor. */
static void test_descriptors(void **state)
{
	const struct se_filter_rule one = rule(0x80, 0x50);
	int fd = applet(), copy = dup(fd), status;
	pid_t pid;

	(void)state;
	assert_int_equal(filter(fd, SE_FILTER_RULES, &one, 1, NULL, 0), 0);
	assert_int_equal(transmit(copy, 0x80, 0x40, 1, NULL), -EACCES);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(transmit(copy, 0x80, 0x40, 1, NULL) == -EACCES &&
				      transmit(fd, 0x80, 0x50, 0, NULL) == 0x9000
			      ? 0
			      : 1);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(fd);
	assert_int_equal(transmit(copy, 0x80, 0x40, 1, NULL), -EACCES);
	close(copy);
}

static void test_no_basic_no_lock_no_reset(void **state)
{
	struct se_reset r = {.level = SE_RESET_RESYNCH};
	struct se_lock l = {0};
	int fd = card_open(&card);

	(void)state;
	assert_int_equal(transmit(fd, 0x80, 0xca, 0x0042, NULL), 0x9000);
	assert_int_equal(filter(fd, SE_FILTER_NO_BASIC, NULL, 0, NULL, 0), 0);
	assert_int_equal(transmit(fd, 0x80, 0xca, 0x0042, NULL), -EACCES);
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), 0);
	assert_int_equal(transmit(fd, 0x80, 0xca, 0x0042, NULL), -EACCES);
	assert_int_equal(ioctl(fd, SE_IOC_UNLOCK), 0);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	assert_int_equal(transmit(fd, 0x80, 0xca, 0x0042, NULL), 0x9000);
	assert_int_equal(filter(fd, SE_FILTER_NO_LOCK, NULL, 0, NULL, 0), 0);
	assert_int_equal(ioctl(fd, SE_IOC_LOCK, &l), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(filter(fd, SE_FILTER_NO_RESET, NULL, 0, NULL, 0), 0);
	assert_int_equal(ioctl(fd, SE_IOC_RESET, &r), -1);
	assert_int_equal(errno, EACCES);
	close(fd);
}

static void test_bad_arguments(void **state)
{
	static const struct se_filter_rule many[SE_FILTER_RULES_MAX + 1];
	static struct se_filter_aid aids[SE_FILTER_AIDS_MAX + 1];
	struct se_filter f = {.flags = SE_FILTER_NO_LOCK, .reserved = 1};
	int fd = applet();

	(void)state;
	assert_int_equal(filter(fd, 0, NULL, 0, NULL, 0), -EINVAL);
	assert_int_equal(filter(fd, 1U << 31, NULL, 0, NULL, 0), -EINVAL);
	assert_int_equal(filter(fd, SE_FILTER_AIDS, many, 1, NULL, 0), -EINVAL);
	assert_int_equal(filter(fd, SE_FILTER_RULES, many, 1, aids, 1), -EINVAL);
	assert_int_equal(filter(fd, SE_FILTER_RULES, many, SE_FILTER_RULES_MAX + 1, NULL, 0),
			 -E2BIG);
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, aids, SE_FILTER_AIDS_MAX + 1),
			 -E2BIG);
	assert_int_equal(filter(fd, SE_FILTER_RULES, (void *)8, 1, NULL, 0), -EFAULT);
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, (void *)8, 1), -EFAULT);
	assert_int_equal(ioctl(fd, SE_IOC_SET_FILTER, &f), -1);
	assert_int_equal(errno, EINVAL);
	aids[0].len = 4;
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, aids, 1), -EINVAL);
	aids[0].len = 17;
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, aids, 1), -EINVAL);
	aids[0].len = 5;
	aids[0].reserved[6] = 1;
	assert_int_equal(filter(fd, SE_FILTER_AIDS, NULL, 0, aids, 1), -EINVAL);
	/* nothing of this has changed anything */
	assert_int_equal(transmit(fd, 0x80, 0x40, 1, NULL), 0x9000);
	/* no rule at all: nothing passes; a channel may still be opened */
	assert_int_equal(filter(fd, SE_FILTER_RULES, NULL, 0, NULL, 0), 0);
	assert_int_equal(transmit(fd, 0x80, 0x40, 1, NULL), -EACCES);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_CLOSE), 0);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_further_channel),
		cmocka_unit_test(test_chaining),
		cmocka_unit_test(test_get_response),
		cmocka_unit_test(test_not_sent),
		cmocka_unit_test(test_aids),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_no_basic_no_lock_no_reset),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests_name("filter", tests, setup, teardown);
}
