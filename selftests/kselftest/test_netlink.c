// SPDX-License-Identifier: Apache-2.0
/*
 * The generic netlink family "se": dev-get (do and dump), and the events of an SE
 * that comes, recovers, is reset and goes. One card is a softse; to bring its
 * link down it is stopped (SIGSTOP), which no protocol survives.
 */
#include "card.h"

#define SE_DEVICE_ALL (((1U << SE_A_DEV_REASON) - 1) & ~1U)

static void test_get(void **state)
{
	struct se_info info = {0};
	struct se_device dev;
	struct card card;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(se_get_by_netlink(card.index, &dev), 0);
	assert_int_equal(dev.present & SE_DEVICE_ALL, SE_DEVICE_ALL);
	assert_false(se_device_has(&dev, SE_A_DEV_REASON));
	assert_int_equal(dev.index, card.index);
	assert_string_equal(dev.name, card.node + 5);
	assert_int_equal(strncmp(dev.parent, "spi", 3), 0);
	assert_int_equal(dev.state, SE_STATE_IDLE);
	assert_int_equal(dev.generation, info.generation);
	assert_int_equal(dev.ifsc, info.ifsc);
	assert_int_equal(dev.ifsd, info.ifsd);
	assert_int_equal(dev.bwt_us, info.bwt_us);
	assert_int_equal(dev.caps, info.caps);
	assert_int_equal(dev.clock_hz, info.clock_hz);
	assert_int_equal(dev.cip_len, info.cip_len);
	assert_int_equal(dev.channels_in_use, 1U << info.channel);
	close(fd);
	card_pull(&card);
	assert_int_equal(se_get_by_netlink(card.index, &dev), -ENODEV);
	assert_int_equal(se_get_by_netlink(4711, &dev), -ENODEV);
}

static int note_index(void *ctx, const struct se_device *dev)
{
	*(uint32_t *)ctx |= 1U << dev->index;
	return 0;
}

static void test_dump(void **state)
{
	struct card one, two;
	uint32_t before = 0, with = 0, after = 0;

	(void)state;
	assert_int_equal(se_list(note_index, &before), 0);
	card_plug(&one, NULL, NULL, NULL);
	card_plug(&two, NULL, NULL, NULL);
	assert_int_equal(se_list(note_index, &with), 0);
	assert_int_equal(with, before | 1U << one.index | 1U << two.index);
	card_pull(&one);
	card_pull(&two);
	assert_int_equal(se_list(note_index, &after), 0);
	assert_int_equal(after, before);
}

static void test_add_and_del(void **state)
{
	struct se_monitor *mon;
	struct se_event event;
	struct card card;

	(void)state;
	assert_int_equal(se_monitor_open(&mon), 0);
	card_plug(&card, NULL, NULL, NULL);
	assert_true(await_event(mon, SE_EVENT_ADD, &event, 5000));
	assert_int_equal(event.dev.index, card.index);
	assert_int_equal(event.dev.state, SE_STATE_IDLE);
	assert_int_equal(event.dev.reason, SE_REASON_STARTUP);
	card_pull(&card);
	assert_true(await_event(mon, SE_EVENT_DEL, &event, 5000));
	assert_int_equal(event.dev.index, card.index);
	assert_int_equal(event.dev.reason, SE_REASON_REMOVED);
	se_monitor_close(mon);
}

/* The SE falls silent: recovery by the reset line, a new generation. */
static void test_generation(void **state)
{
	struct se_apdu a;
	struct se_stream stream = {0};
	struct se_monitor *mon;
	struct se_event event;
	struct se_info info = {0};
	struct pollfd p;
	struct card card;
	uint64_t generation;
	struct step s;
	int fd, idle;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	idle = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(channel_open(idle, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(ioctl(idle, SE_IOC_GET_INFO, &info), 0);
	generation = info.generation;

	assert_int_equal(se_monitor_open(&mon), 0);
	kill(card.pid, SIGSTOP);
	apdu_set(&a, &s, 0x80, 0x20, 1);
	assert_int_equal(submit(fd, &a, 1, &stream), -EIO);
	assert_int_equal(stream.stop, SE_STOP_LINK);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	kill(card.pid, SIGCONT);

	assert_true(await_event(mon, SE_EVENT_STATE, &event, 5000));
	assert_int_equal(event.dev.state, SE_STATE_RECOVERING);
	assert_int_equal(event.dev.reason, SE_REASON_LINK);
	assert_true(await_event(mon, SE_EVENT_GENERATION, &event, 20000));
	assert_int_equal(event.dev.index, card.index);
	assert_true(event.dev.generation > generation);
	assert_int_equal(event.dev.reason, SE_REASON_RESET_LINE);
	assert_true(await_event(mon, SE_EVENT_STATE, &event, 5000));
	assert_int_equal(event.dev.state, SE_STATE_IDLE);
	se_monitor_close(mon);

	/* whoever has a channel is told, until it opens one again */
	p = (struct pollfd){.fd = idle, .events = POLLPRI};
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(transmit(idle, 0x80, 0x50, 0, &s), -ECONNRESET);
	assert_int_equal(transmit(idle, 0x80, 0x50, 0, &s), -ECONNRESET);
	assert_int_equal(channel_open(idle, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(transmit(idle, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(ioctl(idle, SE_IOC_GET_INFO, &info), 0);
	assert_true(info.generation > generation);
	assert_int_equal(poll(&p, 1, 0), 0);

	/* the APDU that was lost ran once or not at all */
	assert_true(card_ran(&card, -1, "200001") <= 1);
	close(idle);
	close(fd);
	card_pull(&card);
}

/* No reset line, and silence for good: dead, and said so. */
static void test_dead(void **state)
{
	struct se_monitor *mon;
	struct se_event event;
	struct card card;
	struct step s;
	int fd;

	(void)state;
	card_plug(&card, "--no-reset", NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(se_monitor_open(&mon), 0);
	kill(card.pid, SIGSTOP);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), -EIO);
	do
		assert_true(await_event(mon, SE_EVENT_STATE, &event, 30000));
	while (event.dev.state != SE_STATE_DEAD);
	assert_int_equal(event.dev.reason, SE_REASON_LINK);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), -EIO);
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),	    cmocka_unit_test(test_dump),
		cmocka_unit_test(test_add_and_del), cmocka_unit_test(test_generation),
		cmocka_unit_test(test_dead),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
