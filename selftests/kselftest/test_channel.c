// SPDX-License-Identifier: Apache-2.0
/*
 * Logical channels of /dev/seN: sessions that do not mix, CLA coding, channels
 * that close by themselves, and what a file may not send.
 */
#include "card.h"

#include <sys/mman.h>

static struct card card;

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

static int applet(uint32_t *channel)
{
	struct se_channel_open open;
	int fd = card_open(&card);

	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, &open), 0);
	assert_int_equal(open.sw, 0x9000);
	if (channel)
		*channel = open.channel;
	return fd;
}

static void test_select_response(void **state)
{
	static const uint8_t isd[] = {0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};
	struct se_channel_open open = {0};
	struct se_info info = {0};
	uint8_t rsp[64];
	int fd = card_open(&card), closed = card_ran(&card, 0, "7080");

	(void)state;
	open.aid_ptr = (uintptr_t)isd;
	open.aid_len = sizeof(isd);
	open.rsp_ptr = (uintptr_t)rsp;
	open.rsp_room = sizeof(rsp);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_OPEN, &open), 0);
	assert_int_equal(open.sw, 0x9000);
	assert_int_equal(open.outcome, SE_OUTCOME_EXECUTED);
	assert_in_range(open.channel, 1, 19);
	assert_in_range(open.rsp_len, 12, sizeof(rsp));
	assert_int_equal(rsp[0], 0x6f);
	assert_memory_equal(rsp + 4, isd, sizeof(isd));
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.channel, open.channel);
	assert_int_equal(info.generation, open.generation);

	assert_int_equal(channel_open(fd, isd, sizeof(isd), NULL), -EBUSY);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_CLOSE), 0);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_CLOSE), -1);
	assert_int_equal(errno, ENOTCONN);
	/* the default application, without an AID */
	assert_int_equal(channel_open(fd, NULL, 0, &open), 0);
	assert_int_equal(open.sw, 0x9000);
	close(fd);
	/* both, before the next test counts */
	assert_int_equal(card_ran_soon(&card, 0, "7080", closed + 2), closed + 2);
}

static void test_no_such_application(void **state)
{
	struct se_channel_open open;
	int fd = card_open(&card), closed;

	(void)state;
	closed = card_ran(&card, 0, "7080");
	assert_int_equal(channel_open(fd, "\xf0\x01\x02\x03\x04", 5, &open), -ENOENT);
	assert_int_equal(open.sw, 0x6a82);
	assert_int_equal(open.outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(open.channel, SE_CHANNEL_NONE);
	assert_int_equal(card_ran_soon(&card, 0, "7080", closed + 1), closed + 1);
	assert_int_equal(channel_open(fd, "\xf0\x01\x02\x03", 4, &open), -EINVAL);
	assert_int_equal(channel_open(fd, "12345678901234567", 17, &open), -EINVAL);
	close(fd);
}

/* A failure to tell leaves no channel that nobody knows of. */
static void test_open_faults(void **state)
{
	struct se_channel_open *open =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct se_info info = {0};
	int fd = card_open(&card), closed;

	(void)state;
	assert_ptr_not_equal(open, MAP_FAILED);
	closed = card_ran(&card, 0, "7080");
	open->rsp_ptr = 8;
	open->rsp_room = 64;
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_OPEN, open), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(open->channel, SE_CHANNEL_NONE);
	assert_int_equal(card_ran_soon(&card, 0, "7080", closed + 1), closed + 1);

	memset(open, 0, sizeof(*open));
	assert_int_equal(mprotect(open, 4096, PROT_READ), 0);
	assert_int_equal(ioctl(fd, SE_IOC_CHANNEL_OPEN, open), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(card_ran_soon(&card, 0, "7080", closed + 2), closed + 2);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.channel, SE_CHANNEL_NONE);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	munmap(open, 4096);
	close(fd);
}

/* All 19 at once: each session reaches its own channel, whichever CLA coding. */
static void test_every_channel(void **state)
{
	int fd[19], extra = card_open(&card), closed;
	uint32_t channel[19], seen = 0;
	struct step s;

	(void)state;
	closed = card_ran_soon(&card, 0, "7080", 0);
	for (int i = 0; i < 19; i++) {
		fd[i] = applet(&channel[i]);
		assert_false(seen & 1U << channel[i]);
		seen |= 1U << channel[i];
	}
	assert_int_equal(seen, 0xffffe);
	assert_int_equal(channel_open(extra, APPLET, APPLET_LEN, NULL), -EUSERS);
	/* chaining and secure messaging on channel 19 would make FF of it */
	for (int i = 0; i < 19; i++) {
		assert_int_equal(transmit(fd[i], 0x9c, 0x50, 0, &s) == -EACCES,
				 channel[i] == 19);
		transmit(fd[i], 0x8c, 0x50, 0, &s); /* the last link */
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 18; i >= 0; i--) {
			assert_int_equal(transmit(fd[i], round ? 0x80 : 0xc5, 0x50, 0, &s),
					 0x9000);
			assert_int_equal(s.rsp[0], channel[i]);
		}
	}
	closed = card_ran(&card, 0, "7080");
	for (int i = 0; i < 19; i++)
		close(fd[i]);
	assert_int_equal(card_ran_soon(&card, 0, "7080", closed + 19), closed + 19);
	assert_int_equal(channel_open(extra, APPLET, APPLET_LEN, NULL), 0);
	close(extra);
}

/* The class byte with which INS P1 P2 first came to the card, or -1. */
static int class_seen(const char *header)
{
	char path[64], line[200], head[16];
	unsigned int cla = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", card.dir);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*u %*u %*d %15s", head) == 1 &&
			!strcmp(head + 2, header) && sscanf(head, "%2x", &cla) == 1;
	fclose(f);
	return found ? (int)cla : -1;
}

/* Every class on every channel, as ISO/IEC 7816-4, 5.4.1 and GPCS 11.1.4 code it. */
static void test_every_class(void **state)
{
	enum { REFUSED = 0xff };
	static const struct {
		uint8_t cla, first, further;
	} classes[] = {
		{0x00, 0x00, 0x40},	  {0x04, 0x04, 0x60},	    {0x08, 0x08, 0x60},
		{0x0c, 0x0c, 0x60},	  {0x80, 0x80, 0xc0},	    {0x84, 0x84, 0xe0},
		{0x88, 0x88, 0xe0},	  {0x8f, 0x8c, 0xe0},	    {0x40, 0x00, 0x40},
		{0xc5, 0x80, 0xc0},	  {0x60, REFUSED, 0x60},    {0xef, REFUSED, 0xe0},
		{0x20, REFUSED, REFUSED}, {0xa0, REFUSED, REFUSED}, {0x10, 0x10, 0x50},
		{0x90, 0x90, 0xd0},	  {0xd3, 0x90, 0xd0},
	};
	enum { N = sizeof(classes) / sizeof(classes[0]) };
	uint32_t channel[19];
	int fd[19];

	(void)state;
	for (int i = 0; i < 19; i++)
		fd[i] = applet(&channel[i]);
	for (unsigned int i = 0; i < 19; i++) {
		for (unsigned int k = 0; k < N; k++) {
			uint32_t ch = channel[i];
			uint8_t form = ch < 4 ? classes[k].first : classes[k].further;
			uint16_t id = (uint16_t)(0x6000 + ch * 32 + k);
			char head[16];
			int ret;

			snprintf(head, sizeof(head), "50%04X", id);
			ret = transmit(fd[i], classes[k].cla, 0x50, id, NULL);
			if (form == REFUSED) {
				assert_int_equal(ret, -EACCES);
				assert_int_equal(class_seen(head), -1);
				continue;
			}
			assert_true(ret > 0);
			assert_int_equal(class_seen(head), form | (ch < 4 ? ch : ch - 4));
			if (form & 0x10) /* the last link */
				transmit(fd[i], classes[k].cla & (uint8_t)~0x10, 0x50, id,
					 NULL);
		}
	}
	for (int i = 0; i < 19; i++)
		close(fd[i]);
	fd[0] = card_open(&card);
	await_idle(fd[0]);
	close(fd[0]);
}

/* INITIALIZE UPDATE on two channels: each has its own secure channel session. */
static void test_secure_messaging_class(void **state)
{
	uint32_t channel;
	struct step s;
	int fd = applet(&channel);

	(void)state;
	/* the applet refuses secure messaging with 6882; what counts is the channel */
	assert_int_equal(transmit(fd, 0x84, 0x50, 0, &s), 0x6882);
	assert_int_equal(card_ran(&card, (int)channel, "500000") > 0, 1);
	/* secure messaging of a further class does not tell which kind it is */
	assert_int_equal(transmit(fd, 0xe0, 0x50, 0, &s), -EACCES);
	/* classes without a channel */
	assert_int_equal(transmit(fd, 0xa0, 0x50, 0, &s), -EACCES);
	close(fd);
}

struct shared {
	struct se_apdu a[30];
	struct step s[30];
	struct se_stream stream;
	int ret;
};

static pid_t stream_child(int fd, struct shared *m, uint16_t counter)
{
	pid_t pid;

	for (int i = 0; i < 30; i++) {
		apdu_set(&m->a[i], &m->s[i], 0x80, i % 2 ? 0x20 : 0x50, i % 2 ? counter : 0);
		m->a[i].expect[0] = (struct se_sw_match){.value = 0x9000, .mask = 0xffff};
	}
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		for (int round = 0; round < 5 && !m->ret; round++) {
			for (int i = 0; i < 30; i++)
				m->a[i].outcome = 0;
			m->ret = submit(fd, m->a, 30, &m->stream);
			for (int i = 1; i < 30; i += 2)
				if (m->s[i].rsp[3] != round * 15 + i / 2 + 1)
					m->ret = -EBADMSG;
		}
		_exit(0);
	}
	return pid;
}

/* Two processes, two channels, streams at once: nothing comes in between. */
static void test_two_sessions_do_not_mix(void **state)
{
	struct shared *m = mmap(NULL, 2 * sizeof(*m), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[64], line[200], head[16];
	int ch, last = -1, run = 0;
	uint32_t channel[2];
	pid_t pid[2];
	int fd[2];
	FILE *f;

	(void)state;
	assert_ptr_not_equal(m, MAP_FAILED);
	for (int i = 0; i < 2; i++)
		fd[i] = applet(&channel[i]);
	for (int i = 0; i < 2; i++)
		pid[i] = stream_child(fd[i], &m[i], (uint16_t)(10 + i));
	for (int i = 0; i < 2; i++) {
		waitpid(pid[i], NULL, 0);
		assert_int_equal(m[i].ret, 0);
		assert_int_equal(m[i].stream.done, 30);
		for (int k = 0; k < 30; k += 2)
			assert_int_equal(m[i].s[k].rsp[0], channel[i]);
		close(fd[i]);
	}

	/* the log: each stream's 30 APDUs in one piece */
	snprintf(path, sizeof(path), "%s/log", card.dir);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		assert_int_equal(sscanf(line, "%*u %*u %d %15s", &ch, head), 2);
		if (!strncmp(head + 2, "20000A", 6) || !strncmp(head + 2, "20000B", 6)) {
			/* a counter; before it, on the same channel, INS 50 */
			assert_int_equal(last, ch);
			run++;
		}
		last = ch;
	}
	fclose(f);
	assert_int_equal(run, 2 * 5 * 15);
	munmap(m, 2 * sizeof(*m));
}

/* kill -9 in mid-stream: its channel closes, the other session goes on. */
static void test_killed_client(void **state)
{
	struct shared *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t mine, theirs = 0;
	struct se_info info = {0};
	struct pollfd p;
	struct step s;
	char last[16];
	pid_t pid;
	int fd;

	(void)state;
	assert_ptr_not_equal(m, MAP_FAILED);
	fd = applet(&mine);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int other = applet(&m->stream.nr);

		theirs = m->stream.nr;
		m->ret = (int)theirs;
		for (int i = 0; i < 10; i++)
			apdu_set(&m->a[i], &m->s[i], 0x80, 0x30, i ? UNTIL_TOLD : 10);
		submit(other, m->a, 10, &m->stream);
		_exit(0);
	}
	await_work(&card, UNTIL_TOLD);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	card_hurry(&card);
	theirs = (uint32_t)m->ret;
	assert_int_not_equal(theirs, mine);
	snprintf(last, sizeof(last), "7080%02X", theirs);

	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), 0x9000);
	assert_int_equal(s.rsp[0], mine);
	assert_int_equal(card_ran_soon(&card, 0, last, 1) >= 1, 1);
	/* the generation did not move */
	p = (struct pollfd){.fd = fd, .events = POLLPRI};
	assert_int_equal(poll(&p, 1, 0), 0);
	await_idle(fd);
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.channel, mine);
	close(fd);
	munmap(m, sizeof(*m));
}

/* release() does not wait for the SE */
static void test_close_does_not_wait(void **state)
{
	uint64_t start;
	int fd = applet(NULL);

	(void)state;
	assert_int_equal(write(fd, "\x80\x30\xf0\x01\x00", 5), 5);
	await_work(&card, UNTIL_TOLD + 1);
	start = now_ms();
	close(fd);
	assert_in_range(now_ms() - start, 0, AT_ONCE_MS);
	card_hurry(&card);
	fd = applet(NULL);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, NULL), 0x9000);
	close(fd);
}

static void test_raw_manage_channel(void **state)
{
	struct se_apdu a[2];
	struct step s[2];
	struct se_stream stream = {0};
	int fd = applet(NULL), basic = card_open(&card), opened;

	(void)state;
	opened = card_ran(&card, -1, "700000");
	assert_int_equal(transmit(fd, 0x00, 0x70, 0x0000, NULL), -EACCES);
	assert_int_equal(transmit(basic, 0x00, 0x70, 0x0000, NULL), -EACCES);
	assert_int_equal(transmit(basic, 0x00, 0x70, 0x8001, NULL), -EACCES);
	/* in a stream nothing is sent, not even what comes before it */
	apdu_set(&a[0], &s[0], 0x80, 0x20, 20);
	apdu_set(&a[1], &s[1], 0x40, 0x70, 0x8001);
	assert_int_equal(submit(fd, a, 2, &stream), -EACCES);
	assert_int_equal(stream.stop, SE_STOP_REFUSED);
	assert_int_equal(a[0].outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(card_ran(&card, -1, "200014"), 0);
	assert_int_equal(card_ran(&card, -1, "700000"), opened);
	/* the basic channel's user cannot reach other channels */
	assert_int_equal(transmit(basic, 0x80, 0xca, 0x0042, NULL), 0x9000);
	assert_int_equal(transmit(basic, 0x81, 0xca, 0x0042, NULL), -EACCES);
	assert_int_equal(transmit(basic, 0xc0, 0xca, 0x0042, NULL), -EACCES);
	close(fd);
	close(basic);
}

/* The basic channel is for CAP_SYS_ADMIN; channels are for whoever has the file. */
static void test_without_privilege(void **state)
{
	int status, fd = card_open(&card);
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		if (setuid(65534))
			_exit(errno == ENOSYS ? 9 : 10);
		if (transmit(fd, 0x80, 0xca, 0x0042, NULL) != -EACCES)
			_exit(11);
		if (write(fd, "\x80\xca\x00\x42\x00", 5) != -1 || errno != EACCES)
			_exit(12);
		if (channel_open(fd, NULL, 0, NULL))
			_exit(13);
		_exit(transmit(fd, 0x80, 0xca, 0x0042, NULL) == 0x9000 ? 0 : 14);
	}
	waitpid(pid, &status, 0);
	close(fd);
	if (WEXITSTATUS(status) == 9)
		skip(); /* a kernel without users */
	assert_int_equal(status, 0);
}

/* Whoever opened the file must be privileged too, not only who writes to it. */
static void test_file_of_somebody_else(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(chmod(card.node, 0666), 0);
	if (seteuid(65534)) {
		assert_int_equal(errno, ENOSYS);
		skip(); /* a kernel without users */
	}
	fd = open(card.node, O_RDWR | O_CLOEXEC);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(card.node, 0600), 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\x80\xca\x00\x42\x00", 5), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(transmit(fd, 0x80, 0xca, 0x0042, NULL), -EACCES);
	/* a channel is for anybody who has the file */
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	assert_int_equal(transmit(fd, 0x80, 0xca, 0x0042, NULL), 0x9000);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_select_response),
		cmocka_unit_test(test_no_such_application),
		cmocka_unit_test(test_open_faults),
		cmocka_unit_test(test_every_channel),
		cmocka_unit_test(test_every_class),
		cmocka_unit_test(test_secure_messaging_class),
		cmocka_unit_test(test_two_sessions_do_not_mix),
		cmocka_unit_test(test_killed_client),
		cmocka_unit_test(test_close_does_not_wait),
		cmocka_unit_test(test_raw_manage_channel),
		cmocka_unit_test(test_without_privilege),
		cmocka_unit_test(test_file_of_somebody_else),
	};

	return cmocka_run_group_tests_name("channel", tests, setup, teardown);
}
