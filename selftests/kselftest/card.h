/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of /dev/seN: a softse of one's own, plugged in and pulled out at
 * will, its log as the witness of what ran, and short ways to send APDUs.
 *
 * Environment: SOFTSE is the program, CARD_STATE an image with the test applet.
 */
#ifndef CARD_H
#define CARD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/se.h>
#include <linux/se_netlink.h>
#include <cmocka.h>

#include <libse/se.h>

#define APPLET "\xf0\x53\x45\x53\x41\x4d\x45\x01\x02"
#define APPLET_LEN 9

/*
 * For INS 30 of the applet: a minute of work, which card_hurry() ends. Nothing may
 * depend on how long a machine stops between two lines of a test.
 */
#define UNTIL_TOLD 0xf000
/* What comes at all comes long before; what never comes costs a failing test this. */
#define PATIENCE_MS 60000
/* Who waits for work that goes on UNTIL_TOLD waits for longer than that. */
#define AT_ONCE_MS 20000

struct card {
	pid_t pid;
	uint32_t index;
	char node[32];
	char dir[40];
};

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void pause_ms(unsigned int ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

/* SEED= repeats a run; the clock would not do where it begins at the same time each time. */
static inline unsigned int choose_seed(void)
{
	unsigned int seed = 0;

	if (getenv("SEED"))
		return (unsigned int)strtoul(getenv("SEED"), NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (unsigned int)now_ms();
	return seed;
}

static inline void copy_file(const char *from, const char *to)
{
	char buf[4096];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

struct awaited {
	enum se_event_type type;
	struct se_event event;
	bool found;
};

static inline int note_event(void *ctx, const struct se_event *event)
{
	struct awaited *a = ctx;

	if (a->found || event->type != a->type)
		return 0;
	a->event = *event;
	a->found = true;
	return 1;
}

/* Wait for one event; what comes before it is passed over. */
static inline bool await_event(struct se_monitor *mon, enum se_event_type type,
			       struct se_event *event, unsigned int ms)
{
	struct awaited a = {.type = type};
	uint64_t end = now_ms() + ms;

	for (uint64_t now = now_ms(); !a.found && now < end; now = now_ms()) {
		struct pollfd p = {.fd = se_monitor_fd(mon), .events = POLLIN};

		if (poll(&p, 1, (int)(end - now)) > 0)
			assert_true(se_monitor_dispatch(mon, note_event, &a) >= 0);
	}
	if (event)
		*event = a.event;
	return a.found;
}

/* Plug a card in; up to three more options for softse. */
static inline void card_plug(struct card *card, const char *a, const char *b, const char *c)
{
	char state[64], log[64];
	struct se_monitor *mon;
	struct se_event event;

	assert_non_null(getenv("SOFTSE"));
	assert_non_null(getenv("CARD_STATE"));
	snprintf(card->dir, sizeof(card->dir), "/tmp/card-XXXXXX");
	assert_non_null(mkdtemp(card->dir));
	snprintf(state, sizeof(state), "--state=%s/state", card->dir);
	snprintf(log, sizeof(log), "--log=%s/log", card->dir);
	copy_file(getenv("CARD_STATE"), strchr(state, '=') + 1);

	assert_int_equal(se_monitor_open(&mon), 0);
	card->pid = fork();
	assert_true(card->pid >= 0);
	if (!card->pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		execl(getenv("SOFTSE"), "softse", "--sim", state, log, "--no-fsync", a,
		      a ? b : NULL, a && b ? c : NULL, (char *)NULL);
		_exit(127);
	}
	if (!await_event(mon, SE_EVENT_ADD, &event, PATIENCE_MS))
		fail_msg("no SE came within %d s", PATIENCE_MS / 1000);
	card->index = event.dev.index;
	snprintf(card->node, sizeof(card->node), "/dev/se%u", card->index);
	se_monitor_close(mon);
	/* devtmpfs has made the node before the event, but may still be busy */
	for (int i = 0; i < PATIENCE_MS / 20 && access(card->node, F_OK); i++)
		pause_ms(20);
}

/* Pull it out and wait until the driver has noticed. */
static inline void card_pull(struct card *card)
{
	char cmd[64];

	if (!card->pid)
		return;
	kill(card->pid, SIGKILL);
	waitpid(card->pid, NULL, 0);
	card->pid = 0;
	for (int i = 0; i < PATIENCE_MS / 20 && !access(card->node, F_OK); i++)
		pause_ms(20);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", card->dir);
	assert_int_equal(system(cmd), 0);
}

/*
 * Lines of the card's log on @channel (-1: any) whose header is @header (INS P1
 * P2 in hex, or a part from the left).
 */
static inline int card_ran(const struct card *card, int channel, const char *header)
{
	char path[64], line[200], head[16];
	int n = 0, ch;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", card->dir);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*u %*u %d %15s", &ch, head) == 2 &&
		    (channel < 0 || ch == channel) && strlen(head) == 8 &&
		    !strncmp(head + 2, header, strlen(header)))
			n++;
	fclose(f);
	return n;
}

/* The same, after waiting for it: the closer works behind everybody's back. */
static inline int card_ran_soon(const struct card *card, int channel, const char *header,
				int want)
{
	int i, n = 0;

	for (i = 0; i < PATIENCE_MS / 10; i++) {
		n = card_ran(card, channel, header);
		if (n >= want)
			break;
		pause_ms(10);
	}
	return n;
}

/* Wait until the card works on INS 30 with this P1 P2, for the first time. */
static inline void await_work(const struct card *card, uint16_t p1p2)
{
	char head[8];

	snprintf(head, sizeof(head), "30%04X", p1p2);
	if (card_ran_soon(card, -1, head, 1) != 1)
		fail_msg("the card does not work on %s", head);
}

/* What the card works on is over. */
static inline void card_hurry(const struct card *card)
{
	assert_int_equal(kill(card->pid, SIGUSR1), 0);
}

/*
 * Wait until a process or thread sleeps in the kernel, in one of these states of
 * proc(5): in "S" a signal wakes it, in "DI" it does not.
 */
static inline void await_asleep(pid_t tid, const char *states)
{
	char path[40], text[400];
	const char *at = NULL;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	for (int i = 0; i < PATIENCE_MS / 5 && n < 3; i++) {
		FILE *f = fopen(path, "re");

		pause_ms(5);
		if (!f)
			continue;
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
		at = strrchr(text, ')');
		/* not only for a moment, on its way there */
		n = at && at[1] && strchr(states, at[2]) ? n + 1 : 0;
	}
	if (n < 3)
		fail_msg("thread %d is in none of the states %s: %s", tid, states,
			 at ? at : "?");
}

static inline int card_open(const struct card *card)
{
	int fd = open(card->node, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* 0 or negative errno */
static inline int channel_open(int fd, const void *aid, size_t len,
			       struct se_channel_open *open)
{
	struct se_channel_open mine;

	if (!open)
		open = &mine;
	memset(open, 0, sizeof(*open));
	open->aid_ptr = (uintptr_t)aid;
	open->aid_len = (uint32_t)len;
	return ioctl(fd, SE_IOC_CHANNEL_OPEN, open) ? -errno : 0;
}

/* Wait until the SE has nothing to do (closing channels goes on behind a close()). */
static inline void await_idle(int fd)
{
	struct se_info info = {0};
	int i;

	for (i = 0; i < PATIENCE_MS / 20; i++) {
		assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
		if (info.state == SE_STATE_IDLE)
			return;
		pause_ms(20);
	}
	fail_msg("the SE is in state %u for %d s", info.state, PATIENCE_MS / 1000);
}

struct step {
	uint8_t cmd[16];
	uint8_t rsp[300];
};

/* Fill one APDU of a stream: a header, and Le. */
static inline void apdu_set(struct se_apdu *a, struct step *s, uint8_t cla, uint8_t ins,
			    uint16_t p1p2)
{
	const uint8_t cmd[] = {cla, ins, (uint8_t)(p1p2 >> 8), (uint8_t)p1p2, 0};

	memcpy(s->cmd, cmd, sizeof(cmd));
	memset(a, 0, sizeof(*a));
	a->cmd_ptr = (uintptr_t)s->cmd;
	a->cmd_len = sizeof(cmd);
	a->rsp_ptr = (uintptr_t)s->rsp;
	a->rsp_room = sizeof(s->rsp);
}

/* 0 or negative errno; @stream may be NULL */
static inline int submit(int fd, struct se_apdu *apdus, uint32_t nr, struct se_stream *stream)
{
	struct se_stream mine = {0};

	if (!stream)
		stream = &mine;
	stream->apdus_ptr = (uintptr_t)apdus;
	stream->nr = nr;
	stream->apdu_size = sizeof(*apdus);
	return ioctl(fd, SE_IOC_SUBMIT, stream) ? -errno : 0;
}

/* One APDU; returns its status word, or negative errno. */
static inline int transmit(int fd, uint8_t cla, uint8_t ins, uint16_t p1p2, struct step *s)
{
	struct step mine;
	struct se_apdu a;
	int ret;

	apdu_set(&a, s ? s : &mine, cla, ins, p1p2);
	ret = submit(fd, &a, 1, NULL);
	return ret ? ret : a.sw;
}

#endif
