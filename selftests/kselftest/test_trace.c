// SPDX-License-Identifier: Apache-2.0
/*
 * The tracepoints, through tracefs, trace-cmd and perf: one APDU, a recovery and a
 * waiting time extension leave the lines that they should, and no byte of an APDU is
 * in any of them.
 */
#include "card.h"

#include <sys/mount.h>

#define TRACEFS "/sys/kernel/tracing"
#define MARKER "SESAME-PAYLOAD-MARKER"

static char trace[1 << 20];

static void spit(const char *name, const char *text)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), TRACEFS "/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void read_trace(void)
{
	int fd = open(TRACEFS "/trace", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, trace + used, sizeof(trace) - 1 - used)) > 0)
		used += (size_t)n;
	assert_true(n == 0);
	trace[used] = '\0';
	close(fd);
}

static int start(void **state)
{
	(void)state;
	if (access(TRACEFS "/events", F_OK) && mount("none", TRACEFS, "tracefs", 0, NULL) &&
	    errno != EBUSY)
		return 0;
	if (access(TRACEFS "/events/se/enable", F_OK))
		return 0;
	spit("trace", "");
	spit("events/se/enable", "1");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	if (!access(TRACEFS "/events/se/enable", F_OK))
		spit("events/se/enable", "0");
	return 0;
}

static void need_tracing(void)
{
	if (access(TRACEFS "/events/se/enable", F_OK))
		skip();
}

/* A line of the trace with all of these in it, in this order; NULL if there is none. */
static const char *line_with(const char *a, const char *b, const char *c)
{
	const char *want[] = {a, b, c};
	static char line[1000];

	for (const char *p = trace; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *at = line;

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
		for (int i = 0; i < 3 && at; i++)
			at = want[i] ? strstr(at, want[i]) : at;
		if (at)
			return line;
	}
	return NULL;
}

static uint64_t value_in(const char *line, const char *key)
{
	const char *at;

	assert_non_null(line);
	at = strstr(line, key);
	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

/* Echo the marker through the card. */
static void echo_marker(int fd, uint64_t cookie, struct se_apdu *a)
{
	static const uint8_t head[] = {0x80, 0x10, 0, 0, sizeof(MARKER) - 1};
	struct se_stream stream = {.cookie = cookie};
	uint8_t cmd[sizeof(head) + sizeof(MARKER)], rsp[300];

	memcpy(cmd, head, sizeof(head));
	memcpy(cmd + sizeof(head), MARKER, sizeof(MARKER));
	cmd[sizeof(cmd) - 1] = 0;
	memset(a, 0, sizeof(*a));
	a->cmd_ptr = (uintptr_t)cmd;
	a->cmd_len = sizeof(cmd);
	a->rsp_ptr = (uintptr_t)rsp;
	a->rsp_room = sizeof(rsp);
	assert_int_equal(submit(fd, a, 1, &stream), 0);
	assert_int_equal(a->sw, 0x9000);
	assert_non_null(memmem(rsp, a->rsp_len, MARKER, strlen(MARKER)));
}

/* in text, or in hex as a dump would have it */
static void assert_no_payload(const char *text, size_t len)
{
	char hex[2 * sizeof(MARKER)], spaced[3 * sizeof(MARKER)];

	for (size_t i = 0; i < sizeof(MARKER) - 1; i++) {
		snprintf(hex + 2 * i, 3, "%02x", MARKER[i]);
		snprintf(spaced + 3 * i, 4, "%02x ", MARKER[i]);
	}
	/* a few bytes are enough to give it away */
	assert_null(memmem(text, len, MARKER, 6));
	assert_null(memmem(text, len, hex, 12));
	assert_null(memmem(text, len, spaced, 17));
}

static void test_apdu(void **state)
{
	const char *line;
	struct se_apdu a;
	struct card card;
	uint64_t id;
	int fd;

	(void)state;
	need_tracing();
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	spit("trace", "");
	echo_marker(fd, 0xc00c1e, &a);
	read_trace();

	line = line_with("se_apdu_begin: ", card.node + 5, "cookie=c00c1e len=27");
	id = value_in(line, " id=");
	line = line_with("se_apdu_end: ", card.node + 5,
			 "cookie=c00c1e executed error=0 sw=9000");
	assert_int_equal(value_in(line, " id="), id);
	assert_int_equal(value_in(line, " len="), a.rsp_len);
	assert_int_equal(value_in(line, " wire_ns="), a.wire_ns);
	assert_int_equal(value_in(line, " total_ns="), a.total_ns);
	assert_non_null(line_with("se_block_tx: ", "nad=21 pcb=", " len=27 size=33 edc=ok"));
	assert_non_null(line_with("se_block_rx: ", "nad=12 pcb=", " len=23 size=29 edc=ok"));
	/* an answer to a command: ISO/IEC 7816-3, 11.6.3.2, rule 2.1 */
	assert_non_null(line_with("se_block_rx: ", " len=23 size=29 edc=ok", " rule=2.1"));
	assert_non_null(line_with("se_irq: ", "mode=irq", "event=data"));
	assert_no_payload(trace, strlen(trace));
	close(fd);
	card_pull(&card);
}

static void test_wtx(void **state)
{
	struct card card;
	struct step s;
	int fd;

	(void)state;
	need_tracing();
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	spit("trace", "");
	/* longer than the block waiting time: the card asks for more */
	assert_int_equal(transmit(fd, 0x80, 0x30, 900, &s), 0x9000);
	read_trace();
	assert_non_null(line_with("se_wtx: ", card.node + 5, "count=1 wait_us="));
	assert_true(value_in(line_with("se_apdu_end: ", card.node + 5, "executed"), " wtx=") >
		    0);
	close(fd);
	card_pull(&card);
}

static void test_recover(void **state)
{
	struct se_monitor *mon;
	struct se_event event;
	struct card card;
	struct step s;
	int fd;

	(void)state;
	need_tracing();
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(se_monitor_open(&mon), 0);
	spit("trace", "");
	kill(card.pid, SIGSTOP);
	assert_int_equal(transmit(fd, 0x80, 0x50, 0, &s), -EIO);
	kill(card.pid, SIGCONT);
	assert_true(await_event(mon, SE_EVENT_GENERATION, &event, PATIENCE_MS));
	await_idle(fd);
	read_trace();
	assert_non_null(line_with("se_apdu_end: ", card.node + 5, " unknown error=-5"));
	assert_non_null(line_with("se_recover: ", card.node + 5, "step=start-up reason="));
	assert_non_null(line_with("se_recover: ", card.node + 5, "step=ready reason="));
	se_monitor_close(mon);
	close(fd);
	card_pull(&card);
}

/* What a tool prints of its recording, and the recording itself, told of this APDU. */
static void check_recording(const struct card *card, const char *dat, const char *report)
{
	size_t n;
	FILE *f;

	f = popen(report, "re");
	assert_non_null(f);
	n = fread(trace, 1, sizeof(trace) - 1, f);
	trace[n] = '\0';
	assert_int_equal(pclose(f), 0);
	assert_non_null(line_with("se_apdu_begin: ", card->node + 5, "cookie=beef"));
	assert_non_null(line_with("se_apdu_end: ", "cookie=beef executed", "sw=9000"));
	assert_non_null(line_with("se_block_rx: ", "edc=ok", NULL));
	assert_no_payload(trace, n);
	f = fopen(dat, "re");
	assert_non_null(f);
	n = fread(trace, 1, sizeof(trace) - 1, f);
	fclose(f);
	assert_true(n > 0);
	assert_no_payload(trace, n);
}

/* The same by the programs that people use. */
static void test_trace_cmd(void **state)
{
	char cmd[200], dat[64];
	struct se_apdu a;
	struct card card;
	int fd;

	(void)state;
	need_tracing();
	if (system("command -v trace-cmd >/dev/null"))
		skip();
	stop(NULL);
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	assert_int_equal(system("trace-cmd start -e se >/dev/null 2>&1"), 0);
	echo_marker(fd, 0xbeef, &a);
	assert_int_equal(system("trace-cmd stop >/dev/null 2>&1"), 0);
	snprintf(dat, sizeof(dat), "%s/trace.dat", card.dir);
	snprintf(cmd, sizeof(cmd), "trace-cmd extract -o %s >/dev/null 2>&1", dat);
	assert_int_equal(system(cmd), 0);
	snprintf(cmd, sizeof(cmd), "trace-cmd report -i %s 2>/dev/null", dat);
	check_recording(&card, dat, cmd);
	close(fd);
	card_pull(&card);
}

/* perf record, told over a pipe when to begin; it answers when it has. */
struct perf {
	pid_t pid;
	int ctl, ack;
};

static void perf_start(struct perf *p, const char *dat)
{
	int ctl[2], ack[2];
	char control[32];

	assert_int_equal(pipe(ctl), 0);
	assert_int_equal(pipe(ack), 0);
	snprintf(control, sizeof(control), "--control=fd:%d,%d", ctl[0], ack[1]);
	p->pid = fork();
	if (!p->pid) {
		execlp("perf", "perf", "record", "-q", "-a", "-D", "-1", "-e", "se:*", "-o",
		       dat, control, "--", "sleep", "100", NULL);
		_exit(127);
	}
	close(ctl[0]);
	close(ack[1]);
	p->ctl = ctl[1];
	p->ack = ack[0];
}

static void perf_tell(const struct perf *p, const char *word)
{
	char answer[16] = "";

	assert_int_equal(write(p->ctl, word, strlen(word)), strlen(word));
	assert_true(read(p->ack, answer, sizeof(answer) - 1) > 0);
	assert_memory_equal(answer, "ack\n", 4);
}

/*
 * Only if asked for: perf makes the kernel rewrite its scheduler's code, and QEMU
 * without KVM now and then runs the breakpoint that was there for a moment, long
 * after it is gone.
 */
static void test_perf(void **state)
{
	char cmd[200], dat[64];
	struct se_apdu a;
	struct card card;
	struct perf perf;
	int fd;

	(void)state;
	need_tracing();
	if (!getenv("TEST_PERF"))
		skip();
	stop(NULL);
	card_plug(&card, NULL, NULL, NULL);
	fd = card_open(&card);
	assert_int_equal(channel_open(fd, APPLET, APPLET_LEN, NULL), 0);
	snprintf(dat, sizeof(dat), "%s/perf.data", card.dir);
	perf_start(&perf, dat);
	perf_tell(&perf, "enable\n");
	echo_marker(fd, 0xbeef, &a);
	perf_tell(&perf, "disable\n");
	perf_tell(&perf, "stop\n");
	assert_int_equal(waitpid(perf.pid, NULL, 0), perf.pid);
	close(perf.ctl);
	close(perf.ack);
	snprintf(cmd, sizeof(cmd), "perf script -i %s 2>/dev/null", dat);
	check_recording(&card, dat, cmd);
	close(fd);
	card_pull(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_apdu, start, stop),
		cmocka_unit_test_setup_teardown(test_wtx, start, stop),
		cmocka_unit_test_setup_teardown(test_recover, start, stop),
		cmocka_unit_test_setup_teardown(test_trace_cmd, start, stop),
		cmocka_unit_test_setup_teardown(test_perf, start, stop),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
