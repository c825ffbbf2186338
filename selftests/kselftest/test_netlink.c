// SPDX-License-Identifier: Apache-2.0
/*
 * The generic netlink family "se": dev-get and stats-get (do and dump), config-set,
 * reset, who may do what, the events of an SE that comes, recovers, is reset and
 * goes, and the block headers of the group "monitor". One card is a softse; to
 * bring its link down it is stopped (SIGSTOP), which no protocol survives.
 */
#include "card.h"

#include <sys/socket.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#define SE_DEVICE_ALL                                                         \
	((((1U << SE_A_DEV_REASON) - 1) & ~1U) | 1U << SE_A_DEV_POWER_STATE | \
	 1U << SE_A_DEV_POLICY)

/* INF bytes that are looked for where they must not be */
#define MARKER "SESAME-PAYLOAD-MARKER"

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
	assert_true(await_event(mon, SE_EVENT_ADD, &event, PATIENCE_MS));
	assert_int_equal(event.dev.index, card.index);
	assert_int_equal(event.dev.state, SE_STATE_IDLE);
	assert_int_equal(event.dev.reason, SE_REASON_STARTUP);
	card_pull(&card);
	assert_true(await_event(mon, SE_EVENT_DEL, &event, PATIENCE_MS));
	assert_int_equal(event.dev.index, card.index);
	assert_int_equal(event.dev.reason, SE_REASON_REMOVED);
	se_monitor_close(mon);
}

/* The SE falls silent: recovery, a new generation. */
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

	assert_true(await_event(mon, SE_EVENT_STATE, &event, PATIENCE_MS));
	assert_int_equal(event.dev.state, SE_STATE_RECOVERING);
	assert_int_equal(event.dev.reason, SE_REASON_LINK);
	assert_true(await_event(mon, SE_EVENT_GENERATION, &event, PATIENCE_MS));
	assert_int_equal(event.dev.index, card.index);
	assert_true(event.dev.generation > generation);
	/* by whichever rung of the ladder got it back */
	assert_true(event.dev.reason == SE_REASON_LINK ||
		    event.dev.reason == SE_REASON_RESET_LINE);
	assert_true(await_event(mon, SE_EVENT_STATE, &event, PATIENCE_MS));
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
		assert_true(await_event(mon, SE_EVENT_STATE, &event, PATIENCE_MS));
	while (event.dev.state != SE_STATE_DEAD);
	assert_int_equal(event.dev.reason, SE_REASON_LINK);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), -EIO);
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

/* A request by hand, for what libse would not send; returns the kernel's errno. */
static int raw_request(uint8_t cmd, const void *attrs, size_t len)
{
	_Alignas(8) uint8_t buf[4096];
	struct nl_sock *sk = nl_socket_alloc();
	struct nlmsghdr *head = (struct nlmsghdr *)buf;
	struct genlmsghdr *genl;
	struct mnl_socket *nl;
	ssize_t n;
	int family;

	assert_int_equal(genl_connect(sk), 0);
	family = genl_ctrl_resolve(sk, SE_FAMILY_NAME);
	assert_true(family > 0);
	nl_socket_free(sk);
	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	assert_non_null(nl);
	assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	memset(buf, 0, sizeof(buf));
	mnl_nlmsg_put_header(buf);
	head->nlmsg_type = (uint16_t)family;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->nlmsg_seq = 1;
	genl = mnl_nlmsg_put_extra_header(head, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = SE_FAMILY_VERSION;
	memcpy(buf + head->nlmsg_len, attrs, len);
	head->nlmsg_len += (uint32_t)len;
	assert_int_equal(mnl_socket_sendto(nl, head, head->nlmsg_len), head->nlmsg_len);
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		assert_true(n >= (ssize_t)sizeof(*head));
	} while (head->nlmsg_type != NLMSG_ERROR);
	mnl_socket_close(nl);
	return ((struct nlmsgerr *)mnl_nlmsg_get_payload(head))->error;
}

/* one attribute, as bytes in host order */
struct attr32 {
	struct nlattr head;
	uint32_t value;
};

static void test_bad_requests(void **state)
{
	const struct attr32 none = {{8, 77}, 1};
	const struct attr32 gone = {{8, SE_A_DEV_INDEX}, 4711};
	const struct {
		struct nlattr head;
		uint8_t value[4];
	} narrow = {{5, SE_A_DEV_INDEX}, {0}};
	const struct attr32 level[2] = {{{8, SE_A_DEV_INDEX}, 0},
					{{8, SE_A_DEV_RESET_LEVEL}, 9}};
	const struct attr32 no_nest[2] = {{{8, SE_A_CONFIG_INDEX}, 0},
					  {{8, SE_A_CONFIG_POLICY | NLA_F_NESTED}, 0}};
	static const uint8_t gets[] = {SE_CMD_DEV_GET, SE_CMD_STATS_GET};

	(void)state;
	for (size_t i = 0; i < sizeof(gets); i++) {
		assert_int_equal(raw_request(gets[i], NULL, 0), -EINVAL);
		assert_int_equal(raw_request(gets[i], &none, sizeof(none)), -EINVAL);
		assert_int_equal(raw_request(gets[i], &gone, sizeof(gone)), -ENODEV);
		assert_int_not_equal(raw_request(gets[i], &narrow, sizeof(narrow)), 0);
	}
	assert_int_equal(raw_request(SE_CMD_RESET, NULL, 0), -EINVAL);
	assert_int_equal(raw_request(SE_CMD_RESET, &gone, sizeof(gone)), -EINVAL);
	assert_int_equal(raw_request(SE_CMD_RESET, level, sizeof(level)), -ERANGE);
	assert_int_equal(raw_request(SE_CMD_CONFIG_SET, NULL, 0), -EINVAL);
	assert_int_equal(raw_request(SE_CMD_CONFIG_SET, no_nest, sizeof(no_nest)), -EINVAL);
	/* what are events are no requests */
	assert_int_equal(raw_request(SE_CMD_BLOCK, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(raw_request(SE_CMD_MAX + 1, NULL, 0), -EOPNOTSUPP);
}

static uint64_t how_many(const struct se_hist *hist)
{
	uint64_t n = 0;

	for (int i = 0; i < SE_HIST_BUCKETS; i++)
		n += hist->bucket[i];
	return n;
}

static void test_stats(void **state)
{
	struct se_stats before, after, by_ioctl;
	struct step s;
	struct card card;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(se_get_stats_by_netlink(card.index, &before), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(se_get_stats_by_netlink(card.index, &after), 0);
	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &by_ioctl), 0);
	assert_memory_equal(&after, &by_ioctl, sizeof(after));

	assert_int_equal(after.apdus, before.apdus + 10);
	assert_int_equal(after.errors, before.errors);
	assert_true(after.blocks_tx >= before.blocks_tx + 10);
	assert_int_equal(how_many(&after.total), how_many(&before.total) + 10);
	assert_int_equal(how_many(&after.wire), how_many(&before.wire) + 10);
	assert_int_equal(how_many(&after.think), how_many(&before.think) + 10);
	assert_int_equal(how_many(&after.queue), how_many(&before.queue) + 10);
	/* the parts make the whole, but for what the driver itself takes */
	assert_true(after.total.sum_ns >= after.wire.sum_ns);
	assert_true(after.total.sum_ns >= after.think.sum_ns);
	assert_true(after.total.sum_ns > before.total.sum_ns);
	assert_int_equal(se_get_stats_by_netlink(4711, &after), -ENODEV);
	close(fd);
	card_pull(&card);
}

static void test_old_stats(void **state)
{
	struct {
		uint64_t counter[16];
		uint64_t behind;
	} old = {.behind = 0x5aa5};
	struct se_stats now;
	struct card card;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	await_idle(fd);
	assert_int_equal(ioctl(fd, _IOC(_IOC_READ, SE_IOC_MAGIC, 4, sizeof(old.counter)), &old),
			 0);
	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &now), 0);
	assert_memory_equal(old.counter, &now, sizeof(old.counter));
	assert_int_equal(old.behind, 0x5aa5);
	close(fd);
	card_pull(&card);
}

static int config_one(uint32_t index, unsigned int attr, uint32_t value, char *why)
{
	struct se_config c = {.present = 1U << attr};
	uint32_t *slots[] = {&c.ladder,		&c.wtx_max,	&c.deadline_ms, &c.drain_ms,
			     &c.autosuspend_ms, &c.hold_max_ms, &c.irq_policy};

	*slots[attr - 1] = value;
	return se_config_by_netlink(index, &c, why, 100);
}

static void test_config(void **state)
{
	static const struct {
		unsigned int attr;
		uint32_t bad;
		const char *words;
	} limits[] = {
		{SE_A_POLICY_LADDER, 16, "ladder is 0 to 15"},
		{SE_A_POLICY_WTX_MAX, 65536, "wtx-max is 0 to 65535"},
		{SE_A_POLICY_DEADLINE_MS, 99, "deadline-ms is 100 to 600000"},
		{SE_A_POLICY_DEADLINE_MS, 600001, "deadline-ms is 100 to 600000"},
		{SE_A_POLICY_DRAIN_MS, 60001, "drain-ms is 0 to 60000"},
		{SE_A_POLICY_AUTOSUSPEND_MS, 3600001, "autosuspend-ms is 0 to 3600000"},
		{SE_A_POLICY_HOLD_MAX_MS, 0, "hold-max-ms is 1 to 60000"},
		{SE_A_POLICY_IRQ_POLICY, 3, "irq-policy is 0 to 2"},
	};
	struct se_device dev, now;
	struct se_monitor *mon;
	struct se_event event;
	struct card card;
	struct step s;
	uint64_t begin;
	char why[100];
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	assert_int_equal(se_get_by_netlink(card.index, &dev), 0);
	assert_int_equal(dev.config.present, (2U << SE_A_POLICY_MAX) - 2);
	assert_int_equal(dev.config.deadline_ms, 30000);

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_int_equal(config_one(card.index, limits[i].attr, limits[i].bad, why),
				 -ERANGE);
		assert_string_equal(why, limits[i].words);
	}
	/* all or nothing */
	struct se_config both = {.present = 1U << SE_A_POLICY_DRAIN_MS |
					    1U << SE_A_POLICY_IRQ_POLICY,
				 .drain_ms = 1,
				 .irq_policy = 9};
	assert_int_equal(se_config_by_netlink(card.index, &both, why, sizeof(why)), -ERANGE);
	assert_int_equal(se_get_by_netlink(card.index, &now), 0);
	assert_memory_equal(&now.config, &dev.config, sizeof(now.config));
	assert_int_equal(config_one(4711, SE_A_POLICY_DRAIN_MS, 1, why), -ENODEV);
	assert_string_equal(why, "no secure element has this index");

	/* it is told, and it takes effect at once: a card that never answers */
	assert_int_equal(se_monitor_open(&mon), 0);
	assert_int_equal(config_one(card.index, SE_A_POLICY_DEADLINE_MS, 200, why), 0);
	assert_true(await_event(mon, SE_EVENT_CONFIG, &event, PATIENCE_MS));
	assert_int_equal(event.dev.reason, SE_REASON_CONFIG);
	assert_int_equal(event.dev.config.deadline_ms, 200);
	fd = card_open(&card);
	kill(card.pid, SIGSTOP);
	begin = now_ms();
	assert_int_equal(transmit(fd, 0x00, 0xa4, 0x0400, &s), -ETIMEDOUT);
	/* not the 30 s that are the default */
	assert_in_range(now_ms() - begin, 190, AT_ONCE_MS);
	kill(card.pid, SIGCONT);
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

static void test_irq_policy(void **state)
{
	struct se_stats before, after;
	struct se_monitor *mon;
	struct se_event event;
	struct se_info info = {0};
	struct card card;
	struct step s;
	char why[100];
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.irq_mode, SE_IRQ_MODE_IRQ);
	assert_int_equal(se_monitor_open(&mon), 0);

	assert_int_equal(
		config_one(card.index, SE_A_POLICY_IRQ_POLICY, SE_IRQ_POLICY_POLL, why), 0);
	assert_true(await_event(mon, SE_EVENT_IRQ_MODE, &event, PATIENCE_MS));
	assert_int_equal(event.dev.irq_mode, SE_IRQ_MODE_POLL);
	assert_int_equal(event.dev.reason, SE_REASON_CONFIG);
	assert_int_equal(se_get_stats_by_netlink(card.index, &before), 0);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(se_get_stats_by_netlink(card.index, &after), 0);
	assert_true(after.polls > before.polls);
	assert_int_equal(after.irqs, before.irqs);

	assert_int_equal(config_one(card.index, SE_A_POLICY_IRQ_POLICY, SE_IRQ_POLICY_IRQ, why),
			 0);
	assert_true(await_event(mon, SE_EVENT_IRQ_MODE, &event, PATIENCE_MS));
	assert_int_equal(event.dev.irq_mode, SE_IRQ_MODE_IRQ);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(se_get_stats_by_netlink(card.index, &before), 0);
	assert_true(before.irqs > after.irqs);
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

static void test_reset(void **state)
{
	struct se_monitor *mon;
	struct se_event event;
	struct se_device dev;
	struct card card;
	char why[100];

	(void)state;
	card_plug(&card, "--no-reset", NULL, NULL);
	assert_int_equal(se_get_by_netlink(card.index, &dev), 0);
	assert_int_equal(se_reset_by_netlink(card.index, SE_RESET_LINE, why, sizeof(why)),
			 -EOPNOTSUPP);
	assert_string_equal(why, "this secure element has no such reset");
	assert_int_equal(se_reset_by_netlink(card.index, 4, why, sizeof(why)), -ERANGE);
	assert_string_equal(why, "reset-level is 0 to 3");
	assert_int_equal(se_reset_by_netlink(4711, SE_RESET_SOFT, why, sizeof(why)), -ENODEV);

	assert_int_equal(se_monitor_open(&mon), 0);
	assert_int_equal(se_reset_by_netlink(card.index, SE_RESET_SOFT, why, sizeof(why)), 0);
	assert_true(await_event(mon, SE_EVENT_RESET_DONE, &event, PATIENCE_MS));
	assert_int_equal(event.dev.index, card.index);
	assert_int_equal(event.dev.reset_level, SE_RESET_SOFT);
	assert_int_equal(event.dev.error, 0);
	assert_int_equal(event.dev.reason, SE_REASON_REQUESTED);
	assert_true(event.dev.generation > dev.generation);

	/* the request does not wait for a card that does not answer, nor do others */
	kill(card.pid, SIGSTOP);
	assert_int_equal(se_reset_by_netlink(card.index, SE_RESET_SOFT, why, sizeof(why)), 0);
	assert_int_equal(se_reset_by_netlink(card.index, SE_RESET_SOFT, why, sizeof(why)),
			 -EBUSY);
	assert_string_equal(why, "another reset is under way");
	assert_int_equal(se_get_by_netlink(card.index, &dev), 0);
	assert_true(await_event(mon, SE_EVENT_RESET_DONE, &event, PATIENCE_MS));
	assert_int_equal(event.dev.error, -EIO);
	assert_int_equal(event.dev.state, SE_STATE_DEAD);
	kill(card.pid, SIGCONT);
	se_monitor_close(mon);
	card_pull(&card);
}

/* In a child without privileges: 0 if all is as it should be. */
static int as_nobody(uint32_t index)
{
	struct se_monitor *mon = NULL;
	struct se_stats stats;
	struct se_device dev;
	char why[100];

	if (setgid(65534) || setuid(65534))
		return 1;
	if (se_get_by_netlink(index, &dev) || se_get_stats_by_netlink(index, &stats))
		return 2;
	if (config_one(index, SE_A_POLICY_DRAIN_MS, 1, why) != -EPERM)
		return 3;
	if (se_reset_by_netlink(index, SE_RESET_SOFT, why, sizeof(why)) != -EPERM)
		return 4;
	if (se_monitor_open_blocks(&mon) != -EPERM)
		return 5;
	return se_monitor_open(&mon) ? 6 : 0;
}

static void test_privileges(void **state)
{
	struct se_device before, after;
	struct card card;
	pid_t pid;
	int status;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	assert_int_equal(se_get_by_netlink(card.index, &before), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(as_nobody(card.index));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(se_get_by_netlink(card.index, &after), 0);
	assert_memory_equal(&before.config, &after.config, sizeof(after.config));
	assert_int_equal(before.generation, after.generation);
	card_pull(&card);
}

struct passed {
	unsigned int sent;
	unsigned int received;
	uint32_t longest;
	uint64_t last_ns;
};

static int note_block(void *ctx, const struct se_event *event)
{
	const struct se_block *b = &event->block;
	struct passed *p = ctx;

	assert_int_equal(event->type, SE_EVENT_BLOCK);
	assert_true(b->edc_ok);
	assert_int_equal(b->nad, b->direction == SE_DIRECTION_TO_SE ? 0x21 : 0x12);
	assert_int_equal(b->size, b->len + 6U);
	assert_true(b->time_ns >= p->last_ns);
	assert_true(b->duration_ns > 0 && b->duration_ns < 1000000000);
	p->last_ns = b->time_ns;
	if (b->direction == SE_DIRECTION_TO_SE)
		p->sent++;
	else
		p->received++;
	if (b->size > p->longest)
		p->longest = b->size;
	return 0;
}

/* The message of a group as it comes, to look for what must not be in it. */
static bool holds_marker(struct mnl_socket *nl)
{
	static uint8_t buf[65536];
	bool found = false;
	ssize_t n;

	while ((n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
		found = found || memmem(buf, (size_t)n, MARKER, strlen(MARKER));
	return found;
}

static struct mnl_socket *join(const char *group)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int id;

	assert_int_equal(genl_connect(sk), 0);
	id = genl_ctrl_resolve_grp(sk, SE_FAMILY_NAME, group);
	assert_true(id > 0);
	nl_socket_free(sk);
	assert_non_null(nl);
	assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	assert_int_equal(mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &id, sizeof(id)), 0);
	return nl;
}

static void test_monitor(void **state)
{
	static const uint8_t head[] = {0x80, 0x10, 0, 0, sizeof(MARKER) - 1};
	uint8_t cmd[sizeof(head) + sizeof(MARKER)], rsp[300];
	struct se_stats before, after;
	struct passed passed = {0};
	struct mnl_socket *blocks, *events;
	struct se_monitor *mon;
	struct se_apdu a = {0};
	struct card card;
	int fd;

	(void)state;
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(se_monitor_open_blocks(&mon), 0);
	blocks = join(SE_MCGRP_MONITOR);
	events = join(SE_MCGRP_EVENTS);
	assert_int_equal(se_get_stats_by_netlink(card.index, &before), 0);

	/* echo: the payload goes both ways */
	memcpy(cmd, head, sizeof(head));
	memcpy(cmd + sizeof(head), MARKER, sizeof(MARKER));
	cmd[sizeof(cmd) - 1] = 0;
	a.cmd_ptr = (uintptr_t)cmd;
	a.cmd_len = sizeof(cmd);
	a.rsp_ptr = (uintptr_t)rsp;
	a.rsp_room = sizeof(rsp);
	assert_int_equal(submit(fd, &a, 1, NULL), 0);
	assert_int_equal(a.sw, 0x9000);
	assert_non_null(memmem(rsp, a.rsp_len, MARKER, strlen(MARKER)));

	assert_int_equal(se_get_stats_by_netlink(card.index, &after), 0);
	assert_int_equal(se_monitor_dispatch(mon, note_block, &passed), 0);
	assert_int_equal(passed.sent, after.blocks_tx - before.blocks_tx);
	assert_int_equal(passed.received, after.blocks_rx - before.blocks_rx);
	assert_int_equal(passed.longest, sizeof(cmd) + 6);
	assert_false(holds_marker(blocks));
	assert_false(holds_marker(events));
	mnl_socket_close(events);
	mnl_socket_close(blocks);
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),	    cmocka_unit_test(test_dump),
		cmocka_unit_test(test_add_and_del), cmocka_unit_test(test_generation),
		cmocka_unit_test(test_dead),	    cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_stats),	    cmocka_unit_test(test_old_stats),
		cmocka_unit_test(test_config),	    cmocka_unit_test(test_irq_policy),
		cmocka_unit_test(test_reset),	    cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_monitor),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
