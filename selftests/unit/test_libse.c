// SPDX-License-Identifier: Apache-2.0
/*
 * libse: the socket back end against an SE made of a thread, and the netlink
 * parser. The SE answers a C-APDU by its instruction:
 *
 *	10	the data field and 9000
 *	20	the status word P1 P2
 *	30	P1 P2 bytes and 9000
 *	40	nothing for P1 x 10 ms, then 9000
 *	50	hangs up without an answer
 *	60	the class byte that it saw, and 9000
 *	70	MANAGE CHANNEL: numbers from 1, 6A81 above `channels`
 *	A4	SELECT: 6A82 if the AID starts with FF, 9000 otherwise
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/se_netlink.h>
#include "libse/backend.h"

/* ---- the SE ---- */

static struct {
	pthread_t thread;
	int listener;
	char dir[32];
	char name[64];
	unsigned int channels;
	unsigned int opened;
	unsigned int closed;
	unsigned int ran;
	char controls[8];	       /* what came but 04, as digits */
	const struct se_apdu *watched; /* its outcome, as seen when a command arrives */
	uint16_t seen;
	uint8_t cla;
	/* what INS 40 waits for */
	atomic_bool hold;     /* to be told */
	atomic_bool alarming; /* alarms, for which it sees to it that they come */
	atomic_uint alarms;
	atomic_int conn; /* -1: none */
} sim;

#define ALARMS 20 /* so many end any wait, and not just before it begins */

/* every 5 ms, or not */
static void alarm_on(bool on)
{
	const struct timeval tv = {.tv_usec = on ? 5000 : 0};
	const struct itimerval it = {.it_value = tv, .it_interval = tv};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void take_time(void)
{
	unsigned int alarms = atomic_load(&sim.alarms);
	bool alarming = atomic_load(&sim.alarming);

	if (alarming)
		alarm_on(true);
	while (atomic_load(&sim.hold) ||
	       (alarming && atomic_load(&sim.alarms) < alarms + ALARMS))
		usleep(1000);
	alarm_on(false);
}

static bool get_all(int fd, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t r = read(fd, p, n);

		if (r <= 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

/* in pieces, so that the other side has to put them together */
static void answer(int fd, const uint8_t *p, size_t n)
{
	uint8_t head[2] = {(uint8_t)(n >> 8), (uint8_t)n};
	size_t half = n / 2;

	if (write(fd, head, 1) != 1 || write(fd, head + 1, 1) != 1 ||
	    write(fd, p, half) != (ssize_t)half ||
	    write(fd, p + half, n - half) != (ssize_t)(n - half))
		return;
}

static size_t serve_manage(const uint8_t *cmd, uint8_t *rsp)
{
	if (cmd[2] == 0x80) {
		sim.closed++;
		memcpy(rsp, "\x90\x00", 2);
		return 2;
	}
	if (sim.opened - sim.closed >= sim.channels) {
		memcpy(rsp, "\x6a\x81", 2);
		return 2;
	}
	rsp[0] = (uint8_t)(1 + sim.opened++);
	memcpy(rsp + 1, "\x90\x00", 2);
	return 3;
}

/* 0: hang up */
static size_t serve(const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	size_t n = 0;

	sim.ran++;
	sim.cla = cmd[0];
	switch (cmd[1]) {
	case 0x10:
		n = len - 5;
		memcpy(rsp, cmd + 5, n);
		break;
	case 0x20:
		memcpy(rsp, cmd + 2, 2);
		return 2;
	case 0x30:
		n = ((size_t)cmd[2] << 8) | cmd[3];
		memset(rsp, 0xaa, n);
		break;
	case 0x40:
		take_time();
		break;
	case 0x50:
		return 0;
	case 0x60:
		rsp[n++] = cmd[0];
		break;
	case 0x70:
		return serve_manage(cmd, rsp);
	case 0xa4:
		if (len > 5 && cmd[5] == 0xff) {
			memcpy(rsp, "\x6a\x82", 2);
			return 2;
		}
		break;
	default:
		memcpy(rsp, "\x6d\x00", 2);
		return 2;
	}
	memcpy(rsp + n, "\x90\x00", 2);
	return n + 2;
}

static void *sim_main(void *unused)
{
	static uint8_t cmd[65536], rsp[65538];
	sigset_t all;

	sigfillset(&all); /* signals are for the test */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		int fd = accept(sim.listener, NULL, NULL);
		uint8_t head[2];

		if (fd < 0)
			return unused;
		atomic_store(&sim.conn, fd);
		while (get_all(fd, head, 2)) {
			size_t len = ((size_t)head[0] << 8) | head[1];

			if (!get_all(fd, cmd, len))
				break;
			if (sim.watched)
				sim.seen = __atomic_load_n(&sim.watched->outcome,
							   __ATOMIC_SEQ_CST);
			if (len == 1) {
				if (cmd[0] == 0x04)
					answer(fd, (const uint8_t *)"\x3b\x80\x01", 3);
				else if (strlen(sim.controls) < sizeof(sim.controls) - 1)
					sim.controls[strlen(sim.controls)] =
						(char)('0' + cmd[0]);
				continue;
			}
			len = serve(cmd, len, rsp);
			if (!len)
				break;
			answer(fd, rsp, len);
		}
		atomic_store(&sim.conn, -1);
		close(fd);
	}
}

static int sim_start(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	(void)state;
	memset(&sim, 0, sizeof(sim));
	atomic_store(&sim.conn, -1);
	sim.channels = 3;
	strcpy(sim.dir, "/tmp/test_libse.XXXXXX");
	if (!mkdtemp(sim.dir))
		return -1;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/se", sim.dir);
	snprintf(sim.name, sizeof(sim.name), "socket:%s/se", sim.dir);
	sim.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sim.listener < 0 ||
	    bind(sim.listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(sim.listener, 4) < 0)
		return -1;
	return pthread_create(&sim.thread, NULL, sim_main, NULL);
}

static int sim_stop(void **state)
{
	(void)state;
	/* a test that failed has not closed its end, nor told */
	atomic_store(&sim.hold, false);
	shutdown(sim.listener, SHUT_RDWR);
	shutdown(atomic_load(&sim.conn), SHUT_RDWR);
	pthread_join(sim.thread, NULL);
	close(sim.listener);
	unlink(sim.name + strlen("socket:"));
	rmdir(sim.dir);
	return 0;
}

static struct se *connect_se(void)
{
	struct se *se;

	assert_int_equal(se_open(&se, sim.name), 0);
	return se;
}

static struct se_apdu apdu(const void *cmd, uint32_t len, void *rsp, uint32_t room)
{
	struct se_apdu a = {
		.cmd_ptr = (uintptr_t)cmd,
		.cmd_len = len,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = room,
	};

	return a;
}

/* ---- tests ---- */

static void test_names(void **state)
{
	struct se *se;

	(void)state;
	assert_int_equal(se_open(&se, ""), -EINVAL);
	assert_int_equal(se_open(&se, NULL), -EINVAL);
	assert_int_equal(se_open(&se, "pigeon:coo"), -EINVAL);
	assert_int_equal(se_open(&se, "socket:"), -EINVAL);
	assert_int_equal(se_open(&se, "socket:/nonexistent/se"), -ENOENT);
	assert_int_equal(se_open(&se, "ioctl:/dev/nonexistent-se"), -ENOENT);
	assert_int_equal(se_open(&se, "nonexistent-se"), -ENOENT);
	assert_int_equal(se_open(&se, "../dev/null"), -EINVAL);
	assert_null(se);
	se_close(NULL);
	assert_string_equal(se_outcome_name(SE_OUTCOME_UNKNOWN), "unknown");
	assert_string_equal(se_stop_name(SE_STOP_REFUSED), "refused");
	assert_string_equal(se_stop_name(SE_STOP_LOCK), "lock");
	assert_string_equal(se_lock_state_name(SE_LOCK_LOST), "lost");
	assert_string_equal(se_state_name(SE_STATE_DEAD), "dead");
	assert_string_equal(se_reason_name(SE_REASON_RESET_LINE), "reset-line");
	assert_string_equal(se_reason_name(99), "?");
}

/* ISO/IEC 7816-4, tables 2 and 3; GlobalPlatform Card Specification, 11.1.4 */
static void test_cla(void **state)
{
	(void)state;
	assert_int_equal(se_cla_on_channel(0x00, 0), 0x00);
	assert_int_equal(se_cla_on_channel(0x00, 3), 0x03);
	assert_int_equal(se_cla_on_channel(0x00, 4), 0x40);
	assert_int_equal(se_cla_on_channel(0x00, 19), 0x4f);
	assert_int_equal(se_cla_on_channel(0x80, 1), 0x81);
	assert_int_equal(se_cla_on_channel(0x84, 1), 0x85);
	assert_int_equal(se_cla_on_channel(0x84, 4), 0xe0);
	assert_int_equal(se_cla_on_channel(0x80, 19), 0xcf);
	assert_int_equal(se_cla_on_channel(0x0c, 5), 0x61);
	assert_int_equal(se_cla_on_channel(0x90, 2), 0x92);
	assert_int_equal(se_cla_on_channel(0x90, 5), 0xd1);
	assert_int_equal(se_cla_on_channel(0x83, 1), 0x81);    /* a number in it is replaced */
	assert_int_equal(se_cla_on_channel(0xe3, 2), -EINVAL); /* 84, 88 or 8C? */
	assert_int_equal(se_cla_on_channel(0xe3, 5), 0xe1);
	assert_int_equal(se_cla_on_channel(0xc3, 9), 0xc5);
	assert_int_equal(se_cla_on_channel(0xa0, 1), -EINVAL);
	assert_int_equal(se_cla_on_channel(0xff, 1), -EINVAL);
	assert_int_equal(se_cla_on_channel(0x00, 20), -EINVAL);
	assert_true(se_cla_is_basic(0x00) && se_cla_is_basic(0x84) && se_cla_is_basic(0xa0));
	assert_false(se_cla_is_basic(0x01) || se_cla_is_basic(0x83) || se_cla_is_basic(0xc0) ||
		     se_cla_is_basic(0x40) || se_cla_is_basic(0xff));
}

static void test_stream(void **state)
{
	static const uint8_t echo[] = {0x80, 0x10, 0, 0, 3, 1, 2, 3},
			     fail[] = {0x80, 0x20, 0x6a, 0x82},
			     long_rsp[] = {0x80, 0x30, 0x80, 0x00};
	uint8_t rsp[3][16];
	struct se_stream stream = {0};
	struct se *se = connect_se();
	struct se_stats stats;
	struct se_apdu a[3];

	(void)state;
	a[0] = apdu(echo, sizeof(echo), rsp[0], sizeof(rsp[0]));
	a[1] = apdu(fail, sizeof(fail), rsp[1], 2);
	a[2] = apdu(long_rsp, sizeof(long_rsp), rsp[2], sizeof(rsp[2]));
	a[1].expect[0] = (struct se_sw_match){0x6a00, 0xff00};
	sim.watched = &a[0];
	assert_int_equal(se_submit(se, a, 3, &stream), 0);
	assert_int_equal(sim.seen, SE_OUTCOME_EXECUTED); /* when the last one arrived */
	assert_int_equal(stream.done, 3);
	assert_int_equal(stream.stop, SE_STOP_ROOM);
	assert_int_equal(a[0].rsp_len, 5);
	assert_memory_equal(rsp[0], "\1\2\3\x90\x00", 5);
	assert_int_equal(a[1].sw, 0x6a82);
	assert_int_equal(a[2].rsp_len, 0x8002);
	assert_int_equal(a[2].sw, 0x9000);
	assert_int_equal(a[2].outcome, SE_OUTCOME_EXECUTED);

	/* it stops where a status word is not the expected one */
	a[1].expect[0] = (struct se_sw_match){0x9000, 0xffff};
	assert_int_equal(se_submit(se, a, 3, &stream), 0);
	assert_int_equal(stream.stop, SE_STOP_SW);
	assert_int_equal(stream.done, 2);
	assert_int_equal(a[1].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(a[2].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(sim.ran, 5);
	assert_int_equal(se_get_stats(se, &stats), 0);
	assert_int_equal(stats.apdus, 5);

	/* UNKNOWN is in the caller's memory before the command is anywhere else */
	assert_int_equal(se_submit(se, a, 1, &stream), 0);
	assert_int_equal(sim.seen, SE_OUTCOME_UNKNOWN);
	se_close(se);
}

static void test_input(void **state)
{
	static const uint8_t cmd[] = {0x80, 0x20, 0x90, 0x00},
			     manage[] = {0x00, 0x70, 0x00, 0x00, 1},
			     foreign[] = {0x81, 0x20, 0x90, 0x00},
			     sim_class[] = {0xa0, 0x20, 0x90, 0x00};
	struct se_stream stream = {.flags = 1U << 7};
	struct se *se = connect_se();
	struct se_info info = {0};
	uint8_t rsp[4], atr[8];
	struct se_apdu a = apdu(cmd, sizeof(cmd), rsp, sizeof(rsp));

	(void)state;
	assert_int_equal(se_submit(se, &a, 1, &stream), -EINVAL);
	stream.flags = 0;
	assert_int_equal(se_submit(se, &a, 0, &stream), -EINVAL);
	assert_int_equal(se_submit(se, &a, SE_STREAM_MAX + 1, &stream), -EINVAL);
	a.cmd_len = 3;
	assert_int_equal(se_submit(se, &a, 1, &stream), -EINVAL);
	a.cmd_len = 4;
	a.rsp_room = 1;
	assert_int_equal(se_submit(se, &a, 1, &stream), -EINVAL);
	a.rsp_room = 4;
	a.flags = 1;
	assert_int_equal(se_submit(se, &a, 1, &stream), -EINVAL);
	a = apdu(manage, sizeof(manage), rsp, sizeof(rsp));
	assert_int_equal(se_submit(se, &a, 1, &stream), -EACCES);
	assert_int_equal(stream.stop, SE_STOP_REFUSED);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	a = apdu(foreign, sizeof(foreign), rsp, sizeof(rsp)); /* someone else's channel */
	assert_int_equal(se_submit(se, &a, 1, &stream), -EACCES);
	a = apdu(sim_class, sizeof(sim_class), rsp, sizeof(rsp));
	assert_int_equal(se_submit(se, &a, 1, &stream), 0); /* fine where there is no channel */

	info.cip_ptr = (uintptr_t)atr;
	info.cip_len = sizeof(atr);
	assert_int_equal(se_get_info(se, &info), 0);
	assert_int_equal(info.cip_len, 3);
	assert_memory_equal(atr, "\x3b\x80\x01", 3);
	assert_int_equal(info.channel, SE_CHANNEL_NONE);
	stream.flags = SE_STREAM_CHECK_GENERATION;
	stream.generation = info.generation + 1;
	assert_int_equal(se_submit(se, &a, 1, &stream), -ECONNRESET);
	assert_int_equal(stream.stop, SE_STOP_GENERATION);
	assert_int_equal(stream.generation, info.generation);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(se_submit(se, &a, 1, &stream), 0);
	assert_int_equal(sim.ran, 2);
	se_close(se);
}

static void test_channel(void **state)
{
	static const uint8_t aid[] = {0xa0, 0, 0, 1, 0x51}, other[] = {0xff, 0, 0, 1, 0x51},
			     cla[] = {0x84, 0x60, 0, 0}, sim_class[] = {0xa0, 0x60, 0, 0};
	struct se_channel_open open = {.aid_ptr = (uintptr_t)aid, .aid_len = sizeof(aid)};
	struct se *se = connect_se();
	uint8_t rsp[16];
	uint16_t outcome;
	uint32_t len;

	(void)state;
	assert_int_equal(se_channel_close(se), -ENOTCONN);
	open.rsp_ptr = (uintptr_t)rsp;
	open.rsp_room = sizeof(rsp);
	assert_int_equal(se_channel_open(se, &open), 0);
	assert_int_equal(open.channel, 1);
	assert_int_equal(open.sw, 0x9000);
	assert_int_equal(open.outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(sim.cla, 0x01); /* SELECT went over the channel */
	assert_int_equal(se_channel_open(se, &open), -EBUSY);
	assert_int_equal(se_transmit(se, cla, sizeof(cla), rsp, sizeof(rsp), &len, 0, &outcome),
			 0);
	assert_int_equal(len, 3);
	assert_int_equal(rsp[0], 0x85);
	assert_int_equal(se_transmit(se, sim_class, sizeof(sim_class), rsp, sizeof(rsp), &len,
				     0, &outcome),
			 -EACCES);
	assert_int_equal(se_channel_close(se), 0);
	assert_int_equal(sim.closed, 1);

	open.aid_ptr = (uintptr_t)other;
	assert_int_equal(se_channel_open(se, &open), -ENOENT);
	assert_int_equal(open.sw, 0x6a82);
	assert_int_equal(sim.closed, 2); /* not left open */
	open.aid_len = 4;
	assert_int_equal(se_channel_open(se, &open), -EINVAL);
	open.aid_len = 0; /* default application */
	assert_int_equal(se_channel_open(se, &open), 0);
	assert_int_equal(se_channel_close(se), 0);
	se_close(se);

	/* none left */
	sim.channels = 0;
	se = connect_se();
	assert_int_equal(se_channel_open(se, &open), -EUSERS);
	assert_int_equal(open.sw, 0x6a81);
	se_close(se);
}

static void test_reset(void **state)
{
	static const uint8_t slow[] = {0x80, 0x40, 0, 0};
	struct se_channel_open open = {.aid_len = 0};
	struct se *se = connect_se();
	struct se_info info = {0};
	struct se_reset r;
	uint16_t outcome;
	uint8_t rsp[8];
	uint32_t len;

	(void)state;
	assert_int_equal(se_channel_open(se, &open), 0);
	assert_int_equal(se_reset(se, SE_RESET_RESYNCH, 0, &r), -EOPNOTSUPP);
	assert_int_equal(se_lock(se, 0, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(se_unlock(se), -EOPNOTSUPP);
	assert_int_equal(se_cancel(se, 1, 0), -EOPNOTSUPP);
	assert_int_equal(se_set_filter(se, SE_FILTER_NO_LOCK, NULL, 0, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(se_reset(se, SE_RESET_POWER + 1, 0, &r), -EINVAL);
	assert_string_equal(sim.controls, "");
	/* an answer that is still to come is not taken for what follows */
	atomic_store(&sim.hold, true);
	do /* a machine that stops may let it pass before */
		assert_int_equal(se_transmit(se, slow, sizeof(slow), rsp, sizeof(rsp), &len,
					     se_deadline_in(20), &outcome),
				 -ETIMEDOUT);
	while (outcome == SE_OUTCOME_NOT_SENT);
	assert_int_equal(se_reset(se, SE_RESET_LINE, se_deadline_in(20), &r), -ETIMEDOUT);
	assert_string_equal(sim.controls, "");
	atomic_store(&sim.hold, false);
	assert_int_equal(se_reset(se, SE_RESET_LINE, 0, &r), 0);
	assert_string_equal(sim.controls, "2");
	assert_int_equal(r.state, SE_STATE_IDLE);
	/* this SE's ATR does not tell: it moves here at least */
	assert_true(r.generation != open.generation);
	assert_int_equal(se_get_info(se, &info), 0);
	assert_int_equal(info.generation, r.generation);
	assert_int_equal(info.channel, SE_CHANNEL_NONE);
	assert_int_equal(se_channel_close(se), -ENOTCONN);
	assert_int_equal(se_reset(se, SE_RESET_POWER, 0, NULL), 0);
	assert_string_equal(sim.controls, "201");
	assert_int_equal(se_channel_open(se, &open), 0);
	se_close(se);
	assert_string_equal(se_reset_level_name(SE_RESET_SOFT), "software");
}

static void test_deadline(void **state)
{
	static const uint8_t slow[] = {0x80, 0x40, 0, 0}, echo[] = {0x80, 0x10, 0, 0, 1, 7};
	struct se_stream stream = {0};
	struct se *se = connect_se();
	uint8_t rsp[2][8];
	struct se_apdu a[2];

	(void)state;
	a[0] = apdu(slow, sizeof(slow), rsp[0], sizeof(rsp[0]));
	a[1] = apdu(echo, sizeof(echo), rsp[1], sizeof(rsp[1]));
	atomic_store(&sim.hold, true);
	do {
		stream.deadline_ns = se_deadline_in(20);
		assert_int_equal(se_submit(se, a, 2, &stream), -ETIMEDOUT);
	} while (a[0].outcome == SE_OUTCOME_NOT_SENT);
	assert_int_equal(stream.stop, SE_STOP_DEADLINE);
	assert_int_equal(stream.done, 0);
	assert_int_equal(a[0].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	/* the late answer is not taken for that of the next command */
	stream.deadline_ns = se_deadline_in(5);
	assert_int_equal(se_submit(se, &a[1], 1, &stream), -ETIMEDOUT);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	atomic_store(&sim.hold, false);
	stream.deadline_ns = se_deadline_in(60000);
	assert_int_equal(se_submit(se, &a[1], 1, &stream), 0);
	assert_int_equal(a[1].rsp_len, 3);
	assert_int_equal(rsp[1][0], 7);
	assert_int_equal(sim.ran, 2);
	stream.deadline_ns = 1; /* long ago */
	assert_int_equal(se_submit(se, &a[1], 1, &stream), -ETIMEDOUT);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(sim.ran, 2);
	se_close(se);
}

static void on_alarm(int sig)
{
	(void)sig;
	atomic_fetch_add(&sim.alarms, 1);
}

static void test_signal(void **state)
{
	static const uint8_t slow[] = {0x80, 0x40, 0, 0};
	const struct sigaction action = {.sa_handler = on_alarm};
	struct se_stream stream = {0};
	struct se *se = connect_se();
	uint8_t rsp[2][8];
	struct se_apdu a[2];

	(void)state;
	sigaction(SIGALRM, &action, NULL);
	a[0] = apdu(slow, sizeof(slow), rsp[0], sizeof(rsp[0]));
	a[1] = apdu(slow, sizeof(slow), rsp[1], sizeof(rsp[1]));
	atomic_store(&sim.hold, true);
	atomic_store(&sim.alarming, true);
	assert_int_equal(se_submit(se, a, 2, &stream), -EINTR);
	assert_int_equal(stream.stop, SE_STOP_SIGNAL);
	assert_int_equal(a[0].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	/* the answer comes, and is not that of what follows */
	atomic_store(&sim.alarming, false);
	while (atomic_load(&sim.alarms) < ALARMS)
		usleep(1000);
	atomic_store(&sim.hold, false);
	stream = (struct se_stream){0};
	assert_int_equal(se_submit(se, &a[1], 1, &stream), 0);
	atomic_store(&sim.alarming, true);
	/* with SETTLE the exchange on the wire comes to its end, and no other starts */
	stream.flags = SE_STREAM_SETTLE;
	assert_int_equal(se_submit(se, a, 2, &stream), -EINTR);
	assert_int_equal(stream.stop, SE_STOP_SIGNAL);
	assert_int_equal(stream.done, 1);
	assert_int_equal(a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(sim.ran, 3);
	se_close(se);
}

static void test_gone(void **state)
{
	static const uint8_t hang_up[] = {0x80, 0x50, 0, 0}, echo[] = {0x80, 0x10, 0, 0, 1, 7};
	struct se_channel_open open = {.aid_len = 0};
	struct se_stream stream = {0};
	struct se *se = connect_se();
	struct se_info info = {0};
	uint8_t rsp[3][8];
	struct se_apdu a[3];

	(void)state;
	a[0] = apdu(echo, sizeof(echo), rsp[0], sizeof(rsp[0]));
	a[1] = apdu(hang_up, sizeof(hang_up), rsp[1], sizeof(rsp[1]));
	a[2] = apdu(echo, sizeof(echo), rsp[2], sizeof(rsp[2]));
	assert_int_equal(se_submit(se, a, 3, &stream), -ENODEV);
	assert_int_equal(stream.stop, SE_STOP_GONE);
	assert_int_equal(stream.done, 1);
	assert_int_equal(a[0].outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(a[1].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(a[2].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(se_submit(se, a, 1, &stream), -ENODEV);
	assert_int_equal(a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(se_channel_open(se, &open), -ENODEV);
	assert_int_equal(se_get_info(se, &info), -ENODEV);
	se_close(se);
	se = connect_se();
	assert_int_equal(se_submit(se, a, 1, &stream), 0);
	se_close(se);
}

/* ---- netlink ---- */

struct message {
	_Alignas(8) uint8_t data[512];
	size_t len;
};

static void begin(struct message *m, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr head = {.nlmsg_type = type};
	struct genlmsghdr genl = {.cmd = cmd, .version = 1};

	memset(m, 0, sizeof(*m));
	memcpy(m->data, &head, sizeof(head));
	memcpy(m->data + sizeof(head), &genl, sizeof(genl));
	m->len = sizeof(head) + sizeof(genl);
	*(uint32_t *)(void *)m->data = (uint32_t)m->len;
}

static void attr(struct message *m, uint16_t type, const void *value, size_t len)
{
	struct nlattr head = {.nla_len = (uint16_t)(sizeof(head) + len), .nla_type = type};

	memcpy(m->data + m->len, &head, sizeof(head));
	memcpy(m->data + m->len + sizeof(head), value, len);
	m->len += (sizeof(head) + len + 3) & ~(size_t)3;
	*(uint32_t *)(void *)m->data = (uint32_t)m->len;
}

static unsigned int got;
static unsigned int got_cmd;
static struct se_device got_dev;

static int on_message(void *ctx, unsigned int cmd, const struct se_device *dev)
{
	got++;
	got_cmd = cmd;
	got_dev = *dev;
	return *(int *)ctx;
}

static void test_netlink(void **state)
{
	const uint32_t index = 3, one = 1, reason = SE_REASON_LINK;
	const uint64_t generation = 0x100000002;
	struct message m, bad;
	int result = 0;

	(void)state;
	got = 0;
	begin(&m, 0x1c, SE_CMD_GENERATION_CHANGE);
	attr(&m, SE_A_DEV_INDEX, &index, 4);
	attr(&m, SE_A_DEV_NAME, "se3", 4);
	attr(&m, SE_A_DEV_STATE, &one, 4);
	attr(&m, SE_A_DEV_GENERATION, &generation, 8);
	attr(&m, SE_A_DEV_CIP, "\1\2\3", 3);
	attr(&m, SE_A_DEV_REASON, &reason, 4);
	attr(&m, SE_A_DEV_MAX + 5, "of a newer kernel", 17);
	assert_int_equal(se_netlink_parse(m.data, m.len, 0x1c, on_message, &result), 0);
	assert_int_equal(got, 1);
	assert_int_equal(got_cmd, SE_CMD_GENERATION_CHANGE);
	assert_int_equal(got_dev.index, 3);
	assert_string_equal(got_dev.name, "se3");
	assert_int_equal(got_dev.state, SE_STATE_IDLE);
	assert_true(got_dev.generation == generation);
	assert_int_equal(got_dev.cip_len, 3);
	assert_int_equal(got_dev.reason, SE_REASON_LINK);
	assert_true(se_device_has(&got_dev, SE_A_DEV_REASON));
	assert_false(se_device_has(&got_dev, SE_A_DEV_IFSC));

	/* other families, and the end of a dump, are passed over */
	assert_int_equal(se_netlink_parse(m.data, m.len, 0x1d, on_message, &result), 0);
	assert_int_equal(got, 1);
	result = 7;
	assert_int_equal(se_netlink_parse(m.data, m.len, 0x1c, on_message, &result), 7);
	result = 0;

	/* cut anywhere but at its end */
	for (size_t n = 1; n < m.len; n++)
		assert_int_equal(se_netlink_parse(m.data, n, 0x1c, on_message, &result),
				 -EBADMSG);
	begin(&bad, 0x1c, SE_CMD_DEV_GET);
	attr(&bad, SE_A_DEV_INDEX, &index, 2);
	assert_int_equal(se_netlink_parse(bad.data, bad.len, 0x1c, on_message, &result),
			 -EBADMSG);
	begin(&bad, 0x1c, SE_CMD_DEV_GET);
	attr(&bad, SE_A_DEV_NAME, "no end", 6);
	assert_int_equal(se_netlink_parse(bad.data, bad.len, 0x1c, on_message, &result),
			 -EBADMSG);
	begin(&bad, 0x1c, SE_CMD_DEV_GET);
	attr(&bad, SE_A_DEV_CIP, m.data, SE_CIP_MAX + 1);
	assert_int_equal(se_netlink_parse(bad.data, bad.len, 0x1c, on_message, &result),
			 -EBADMSG);
	begin(&bad, 0x1c, SE_CMD_DEV_GET);
	attr(&bad, SE_A_DEV_INDEX, &index, 4);
	bad.data[20] = 3; /* attribute shorter than its head */
	assert_int_equal(se_netlink_parse(bad.data, bad.len, 0x1c, on_message, &result),
			 -EBADMSG);
}

/* Somebody listens and never accepts: that is said, and not waited for. */
static void test_not_accepted(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test-libse-XXXXXX", name[128];
	uint64_t start;
	struct se *se;
	int fd, fill[8];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/se", dir);
	snprintf(name, sizeof(name), "socket:%s/se", dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (size_t i = 0; i < 8; i++) {
		fill[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&a, sizeof(a));
	}
	start = se_deadline_in(0);
	assert_int_equal(se_open(&se, name), -ETIMEDOUT);
	assert_true(se_deadline_in(0) - start < 5000000000U);
	for (size_t i = 0; i < 8; i++)
		close(fill[i]);
	close(fd);
	unlink(a.sun_path);
	rmdir(dir);
}

static void test_hex(void **state)
{
	static const char *const bad[] = {"0",	 "0g", "g0", " 0",	  "0x",
					  "00 ", "0`", "@0", "0102030405"};
	uint8_t b[4] = {0};
	char text[9];
	size_t n = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(se_from_hex(bad[i], strlen(bad[i]), b, sizeof(b), &n),
				 -EINVAL);
	assert_int_equal(n, 99);
	assert_int_equal(se_from_hex("", 0, b, 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(se_from_hex("00aF9e7F", 8, b, sizeof(b), &n), 0);
	assert_int_equal(n, 4);
	se_to_hex(text, b, n);
	assert_string_equal(text, "00AF9E7F");
	se_to_hex(text, b, 0);
	assert_string_equal(text, "");
}

int main(void)
{
#define WITH_SE(test) cmocka_unit_test_setup_teardown(test, sim_start, sim_stop)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cla),
		WITH_SE(test_stream),
		WITH_SE(test_input),
		WITH_SE(test_channel),
		WITH_SE(test_reset),
		WITH_SE(test_deadline),
		WITH_SE(test_signal),
		WITH_SE(test_gone),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_not_accepted),
		cmocka_unit_test(test_netlink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
