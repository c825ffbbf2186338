// SPDX-License-Identifier: Apache-2.0
/*
 * The handler for pcscd as pcscd loads it, on the software SE's socket: this program plays
 * pcscd's threads. Another session of libse plays whoever else uses the SE.
 *
 * ALL=1 has every size of command.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <ifdhandler.h>
#include <reader.h>
#include "libse/se.h"

#define LUN 0x00030000
#define APPLET "\xf0SESAM\x45\x01\x02" /* the test applet */

static struct {
	void *library;
	RESPONSECODE (*create_by_name)(DWORD, LPSTR);
	RESPONSECODE (*create)(DWORD, DWORD);
	RESPONSECODE (*close)(DWORD);
	RESPONSECODE (*get)(DWORD, DWORD, PDWORD, PUCHAR);
	RESPONSECODE (*set)(DWORD, DWORD, DWORD, PUCHAR);
	RESPONSECODE (*protocol)(DWORD, DWORD, UCHAR, UCHAR, UCHAR, UCHAR);
	RESPONSECODE (*power)(DWORD, DWORD, PUCHAR, PDWORD);
	RESPONSECODE (*transmit)(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR, PDWORD,
				 PSCARD_IO_HEADER);
	RESPONSECODE (*control)(DWORD, DWORD, PUCHAR, DWORD, PUCHAR, DWORD, LPDWORD);
	RESPONSECODE (*presence)(DWORD);
	RESPONSECODE (*wait)(DWORD, int);
	RESPONSECODE (*stop)(DWORD);
} ifd;

static char out[256]; /* where this build is */
static char dir[64];
static char name[128];
static pid_t softse;
static uint8_t cmd[SE_CAPDU_MAX], rsp[SE_RAPDU_MAX + 64];
static DWORD rsp_len;

/* ---- the software SE ---- */

static void start_softse(const char *profile)
{
	char program[320], socket[160], option[192];
	char said[32] = "";
	int pipes[2], status;
	FILE *f;

	snprintf(program, sizeof(program), "%s/softse", out);
	snprintf(socket, sizeof(socket), "--apdu-socket=%s/se", dir);
	snprintf(option, sizeof(option), "--profile=%s/profile", dir);
	snprintf(name, sizeof(name), "socket:%s/se", dir);
	f = fopen(option + strlen("--profile="), "w");
	assert_non_null(f);
	fprintf(f, "applet = test\n%s", profile);
	fclose(f);
	assert_int_equal(pipe(pipes), 0);
	softse = fork();
	if (!softse) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		execl(program, program, socket, option, NULL);
		_exit(127);
	}
	close(pipes[1]);
	if (read(pipes[0], said, sizeof(said) - 1) <= 0)
		waitpid(softse, &status, 0);
	close(pipes[0]);
	assert_string_equal(said, "softse: ready\n");
}

static void stop_softse(void)
{
	char path[160];

	if (softse > 0) {
		kill(softse, SIGKILL);
		waitpid(softse, NULL, 0);
	}
	softse = 0;
	snprintf(path, sizeof(path), "%s/se", dir);
	unlink(path);
}

/* ---- what pcscd does ---- */

static RESPONSECODE send_to(DWORD lun, const void *p, size_t len)
{
	SCARD_IO_HEADER send = {.Protocol = 1}, received = {0};
	RESPONSECODE ret;

	memcpy(cmd, p, len);
	rsp_len = SE_RAPDU_MAX;
	memset(rsp, 0xee, sizeof(rsp));
	ret = ifd.transmit(lun, send, cmd, len, rsp, &rsp_len, &received);
	if (ret == IFD_SUCCESS)
		assert_int_equal(received.Protocol, 1);
	else
		assert_int_equal(rsp_len, 0);
	return ret;
}

/* the status word, or minus the code of the handler */
static int sw_of(const char *hex)
{
	uint8_t p[300];
	size_t len;
	RESPONSECODE ret;

	assert_int_equal(se_from_hex(hex, strlen(hex), p, sizeof(p), &len), 0);
	ret = send_to(LUN, p, len);
	return ret == IFD_SUCCESS ? rsp[rsp_len - 2] << 8 | rsp[rsp_len - 1] : (int)-ret;
}

static void power_up(void)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len = sizeof(atr);

	assert_int_equal(ifd.presence(LUN), IFD_ICC_PRESENT);
	assert_int_equal(ifd.power(LUN, IFD_POWER_UP, atr, &len), IFD_SUCCESS);
	assert_in_range(len, 5, sizeof(atr));
	assert_int_equal(ifd.protocol(LUN, SCARD_PROTOCOL_T1, 0, 0, 0, 0), IFD_SUCCESS);
}

static void reset(DWORD action)
{
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len = sizeof(atr);

	assert_int_equal(ifd.power(LUN, action, atr, &len), IFD_SUCCESS);
}

static void select_applet(void)
{
	assert_int_equal(sw_of("00A4040009F0534553414D45010200"), 0x9000);
}

static int ready(void **state)
{
	(void)state;
	start_softse("");
	assert_int_equal(ifd.create_by_name(LUN, name), IFD_SUCCESS);
	power_up();
	return 0;
}

/* ---- somebody else on the same SE ---- */

static struct se *other_open(void)
{
	struct se_channel_open o = {
		.aid_ptr = (uintptr_t)APPLET,
		.aid_len = sizeof(APPLET) - 1,
		.deadline_ns = se_deadline_in(60000),
	};
	struct se *se;

	assert_int_equal(se_open(&se, name), 0);
	assert_int_equal(se_channel_open(se, &o), 0);
	return se;
}

static int other_sends(struct se *se, const char *hex, uint8_t *answer, uint32_t room)
{
	uint8_t p[64];
	uint32_t n = 0;
	size_t len;
	int ret;

	assert_int_equal(se_from_hex(hex, strlen(hex), p, sizeof(p), &len), 0);
	ret = se_transmit(se, p, (uint32_t)len, answer, room, &n, se_deadline_in(60000), NULL);
	return ret < 0 ? ret : answer[n - 2] << 8 | answer[n - 1];
}

static int over(void **state);

/* ---- tests ---- */

static void test_bad_arguments(void **state)
{
	static const DWORD luns[] = {0, LUN, LUN + 1, 0x00100000, 0xffff0000, 0x0003ffff};
	SCARD_IO_HEADER t0 = {.Protocol = 0}, t1 = {.Protocol = 1};
	UCHAR buf[64] = {0};
	DWORD len = sizeof(buf);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(luns) / sizeof(luns[0]); i++) {
		len = sizeof(buf);
		assert_int_equal(ifd.presence(luns[i]), IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.close(luns[i]), IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.get(luns[i], TAG_IFD_ATR, &len, buf), IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.set(luns[i], TAG_IFD_ATR, 1, buf), IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.protocol(luns[i], 2, 0, 0, 0, 0), IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.power(luns[i], IFD_RESET, buf, &len), IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.transmit(luns[i], t1, buf, 5, buf, &len, NULL),
				 IFD_NO_SUCH_DEVICE);
		assert_int_equal(ifd.control(luns[i], 1, buf, 1, buf, 1, &len),
				 IFD_NO_SUCH_DEVICE);
	}
	strcpy(name, "socket:/nowhere/se");
	assert_int_equal(ifd.create_by_name(LUN + 1, name), IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.create_by_name(0x00100000, name), IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.create_by_name(LUN, NULL), IFD_COMMUNICATION_ERROR);
	for (i = 0; i < 5; i++) {
		static const char *const bad[] = {"", "basic:", "tcp:1.2.3.4", "socket:", ":"};
		char copy[16];

		strcpy(copy, bad[i]);
		assert_int_equal(ifd.create_by_name(LUN, copy), IFD_COMMUNICATION_ERROR);
	}
	assert_int_equal(ifd.presence(LUN), IFD_NO_SUCH_DEVICE);

	/* by number: /dev/se4711 */
	assert_int_equal(ifd.create(LUN, 4711), IFD_SUCCESS);
	assert_int_equal(ifd.create(LUN, 4711), IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.presence(LUN), IFD_ICC_NOT_PRESENT);
	assert_int_equal(ifd.power(LUN, IFD_POWER_UP, buf, &len), IFD_ERROR_POWER_ACTION);
	assert_int_equal(ifd.power(LUN, IFD_POWER_DOWN, NULL, NULL), IFD_SUCCESS);
	len = sizeof(buf);
	assert_int_equal(ifd.transmit(LUN, t1, buf, 5, buf, &len, &t0),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.close(LUN), IFD_SUCCESS);

	start_softse("");
	assert_int_equal(ifd.create_by_name(LUN, name), IFD_SUCCESS);
	len = sizeof(buf);
	assert_int_equal(ifd.transmit(LUN, t1, buf, 5, buf, &len, NULL),
			 IFD_COMMUNICATION_ERROR);
	power_up();
	assert_int_equal(ifd.power(LUN, IFD_RESET, NULL, &len), IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.power(LUN, IFD_RESET, buf, NULL), IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.power(LUN, 12345, buf, &len), IFD_NOT_SUPPORTED);
	assert_int_equal(ifd.get(LUN, TAG_IFD_ATR, NULL, buf), IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.get(LUN, TAG_IFD_ATR, &len, NULL), IFD_COMMUNICATION_ERROR);
	len = 3;
	assert_int_equal(ifd.get(LUN, TAG_IFD_ATR, &len, buf), IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_in_range(len, 5, MAX_ATR_SIZE);
	assert_int_equal(ifd.get(LUN, 0x4711, &len, buf), IFD_ERROR_TAG);
	assert_int_equal(ifd.set(LUN, TAG_IFD_SLOTNUM, 1, buf), IFD_NOT_SUPPORTED);
	assert_int_equal(ifd.protocol(LUN, SCARD_PROTOCOL_T0, 0, 0, 0, 0),
			 IFD_PROTOCOL_NOT_SUPPORTED);
	len = sizeof(buf);
	assert_int_equal(ifd.transmit(LUN, t0, buf, 5, buf, &len, NULL),
			 IFD_PROTOCOL_NOT_SUPPORTED);
	len = sizeof(buf);
	assert_int_equal(ifd.transmit(LUN, t1, NULL, 5, buf, &len, NULL),
			 IFD_COMMUNICATION_ERROR);
	len = sizeof(buf);
	assert_int_equal(ifd.transmit(LUN, t1, buf, 0, buf, &len, NULL),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.transmit(LUN, t1, buf, 5, buf, NULL, NULL),
			 IFD_COMMUNICATION_ERROR);
	len = 1;
	assert_int_equal(ifd.transmit(LUN, t1, buf, 5, buf, &len, NULL),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(sw_of("00A4"), 0x6700);
	assert_int_equal(sw_of("00A404000AF0"), 0x6700);
	assert_int_equal(sw_of("FFCA000000"), 0x6e00);
	assert_int_equal(sw_of("A0A40000023F00"), 0x6e00);
	select_applet();
}

static void test_capabilities(void **state)
{
	static const uint8_t properties[] = {9, 1, 0, 10, 4, 0, 0, 1, 0};
	UCHAR buf[64];
	DWORD len = sizeof(buf), code;

	(void)state;
	assert_int_equal(ifd.get(LUN, TAG_IFD_ATR, &len, buf), IFD_SUCCESS);
	assert_int_equal(buf[0], 0x3b);
	len = sizeof(buf);
	assert_int_equal(ifd.get(LUN, TAG_IFD_SIMULTANEOUS_ACCESS, &len, buf), IFD_SUCCESS);
	assert_true(len == 1 && buf[0] == 16);
	len = sizeof(buf);
	assert_int_equal(ifd.get(LUN, TAG_IFD_SLOTS_NUMBER, &len, buf), IFD_SUCCESS);
	assert_true(len == 1 && buf[0] == 1);
	len = sizeof(buf);
	assert_int_equal(ifd.get(LUN, TAG_IFD_THREAD_SAFE, &len, buf), IFD_SUCCESS);
	assert_true(len == 1 && buf[0] == 1);
	len = sizeof(buf);
	assert_int_equal(ifd.get(LUN, TAG_IFD_POLLING_THREAD_KILLABLE, &len, buf), IFD_SUCCESS);
	assert_true(len == 1 && buf[0] == 0);
	len = sizeof(buf);
	assert_int_equal(ifd.get(LUN, SCARD_ATTR_ICC_PRESENCE, &len, buf), IFD_SUCCESS);
	assert_true(len == 1 && buf[0] == 2);
	len = sizeof(buf);
	assert_int_equal(ifd.get(LUN, SCARD_ATTR_VENDOR_NAME, &len, buf), IFD_SUCCESS);
	assert_memory_equal(buf, "Sesame", sizeof("Sesame"));

	len = 99;
	assert_int_equal(ifd.control(LUN, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, buf, 5, &len),
			 IFD_ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, 0);
	assert_int_equal(ifd.control(LUN, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, buf, 64, &len),
			 IFD_SUCCESS);
	assert_int_equal(len, 6);
	assert_int_equal(buf[0], FEATURE_GET_TLV_PROPERTIES);
	assert_int_equal(buf[1], 4);
	code = (DWORD)buf[2] << 24 | (DWORD)buf[3] << 16 | (DWORD)buf[4] << 8 | buf[5];
	assert_int_equal(ifd.control(LUN, code, NULL, 0, buf, sizeof(buf), &len), IFD_SUCCESS);
	assert_int_equal(len, sizeof(properties));
	assert_memory_equal(buf, properties, sizeof(properties));
	assert_int_equal(ifd.control(LUN, 4711, NULL, 0, buf, sizeof(buf), &len),
			 IFD_ERROR_NOT_SUPPORTED);
	assert_int_equal(ifd.control(LUN, code, NULL, 0, NULL, 64, &len),
			 IFD_COMMUNICATION_ERROR);
	assert_int_equal(ifd.control(LUN, code, NULL, 0, buf, 64, NULL),
			 IFD_COMMUNICATION_ERROR);
}

/* Lc as the length asks for it, Le of the same form */
static size_t echo_command(uint8_t *p, size_t n)
{
	size_t at = 4, i;

	memcpy(p, "\x80\x10\x00\x00", 4);
	if (n > 255) {
		p[at++] = 0;
		p[at++] = (uint8_t)(n >> 8);
	}
	p[at++] = (uint8_t)n;
	for (i = 0; i < n; i++)
		p[at++] = (uint8_t)(n + 7 * i);
	p[at++] = 0;
	if (n > 255)
		p[at++] = 0;
	return at;
}

static void test_sizes(void **state)
{
	static uint8_t p[SE_CAPDU_MAX];
	const size_t most = 65526; /* the socket's frames have 65535 bytes */
	bool all = getenv("ALL");
	size_t n, len, head;

	(void)state;
	select_applet();
	for (n = 1; n <= most; n += all || n < 600 || n > 65400 ? 1 : n < 60000 ? 997 : 91) {
		len = echo_command(p, n);
		head = n > 255 ? 7 : 5;
		assert_int_equal(send_to(LUN, p, len), IFD_SUCCESS);
		assert_int_equal(rsp_len, n + 2);
		assert_memory_equal(rsp, p + head, n);
		assert_memory_equal(rsp + n, "\x90\x00", 2);
	}
	assert_int_equal(n, most + 1);
	for (; n <= 65535; n++) {
		len = echo_command(p, n);
		assert_int_equal(send_to(LUN, p, len), IFD_SUCCESS);
		assert_int_equal(rsp_len, 2);
		assert_memory_equal(rsp, "\x67\x00", 2);
	}
	/* the longest answer there is, here */
	assert_int_equal(sw_of("804200000000040000FFFD0000"), 0x9000);
	assert_int_equal(rsp_len, 65535);
	assert_int_equal(rsp[65532], 0xfc);
	/* one byte more than a C-APDU can have */
	memset(cmd, 0, sizeof(cmd));
	assert_int_equal(sw_of("80100000"), 0x9000);
	rsp_len = SE_RAPDU_MAX;
	{
		static uint8_t big[SE_CAPDU_MAX + 1] = {0x80, 0x10};
		SCARD_IO_HEADER t1 = {.Protocol = 1};

		assert_int_equal(ifd.transmit(LUN, t1, big, sizeof(big), rsp, &rsp_len, NULL),
				 IFD_SUCCESS);
		assert_memory_equal(rsp, "\x67\x00", 2);
	}
}

static void test_cases(void **state)
{
	(void)state;
	select_applet();
	assert_int_equal(sw_of("80700100"), 0x9000);
	assert_int_equal(sw_of("8070020000"), 0x9000);
	assert_int_equal(sw_of("80700300021122"), 0x9000);
	assert_int_equal(sw_of("8070040002112200"), 0x9000);
	assert_int_equal(sw_of("80700200000000"), 0x9000);
	assert_int_equal(sw_of("807003000000021122"), 0x9000);
	assert_int_equal(sw_of("8070040000000211220000"), 0x9000);
	/* a status word is the SE's affair */
	assert_int_equal(sw_of("80606A82"), 0x6a82);
	assert_int_equal(sw_of("806063C5"), 0x63c5);
}

static void test_room(void **state)
{
	SCARD_IO_HEADER t1 = {.Protocol = 1};
	uint8_t get[] = {0x80, 0x40, 0x00, 0x20, 0x00};
	DWORD len = 10;

	(void)state;
	select_applet();
	memset(rsp, 0xee, sizeof(rsp));
	assert_int_equal(ifd.transmit(LUN, t1, get, sizeof(get), rsp, &len, NULL), IFD_SUCCESS);
	/* pcscd compares, and tells the program that its buffer is too small */
	assert_int_equal(len, 34);
	assert_int_equal(rsp[9], 9);
	assert_int_equal(rsp[10], 0xee);
}

static int real_channel(const char *hex)
{
	assert_int_equal(sw_of(hex), 0x9000);
	assert_int_equal(rsp_len, 3);
	return rsp[0];
}

static void test_channels(void **state)
{
	int basic, first;

	(void)state;
	select_applet();
	basic = real_channel("8050000000");
	assert_in_range(basic, 1, 19);
	assert_int_equal(sw_of("01A4040009F0534553414D45010200"), 0x6881);
	assert_int_equal(sw_of("00700000"), 0x6700);
	assert_int_equal(sw_of("0070000001"), 0x9000);
	assert_int_equal(rsp_len, 3);
	assert_int_equal(rsp[0], 1);
	assert_int_equal(sw_of("01A4040009F0534553414D45010200"), 0x9000);
	first = real_channel("8150000000");
	assert_int_not_equal(first, basic);
	assert_int_equal(real_channel("8050000000"), basic);

	/* a number that the program wants; one beyond the first four */
	assert_int_equal(sw_of("00700007"), 0x9000);
	assert_int_equal(rsp_len, 2);
	assert_int_equal(sw_of("43A4040009F0534553414D45010200"), 0x9000);
	assert_int_equal(sw_of("C350000000"), 0x9000);
	assert_int_equal(sw_of("00700007"), 0x6a86);
	assert_int_equal(sw_of("0070000001"), 0x9000);
	assert_int_equal(rsp[0], 2);

	assert_int_equal(sw_of("00700014"), 0x6a86);
	assert_int_equal(sw_of("00704000"), 0x6a86);
	assert_int_equal(sw_of("00708000"), 0x6a86);
	assert_int_equal(sw_of("0070000002112200"), 0x6700);
	assert_int_equal(sw_of("0C70000001"), 0x6882);
	assert_int_equal(sw_of("0170000001"), 0x6a81);
	assert_int_equal(sw_of("00708005"), 0x6200);

	/* closed by number, and by itself */
	assert_int_equal(sw_of("00708001"), 0x9000);
	assert_int_equal(sw_of("8150000000"), 0x6881);
	assert_int_equal(sw_of("02708000"), 0x9000);
	assert_int_equal(sw_of("8250000000"), 0x6881);
	assert_int_equal(sw_of("C350000000"), 0x9000);
	assert_int_equal(real_channel("8050000000"), basic);
}

static void test_no_more_channels(void **state)
{
	struct se *others[3];
	uint8_t answer[8];
	int n;

	(void)state;
	start_softse("channels = 4\n");
	others[0] = other_open();
	assert_int_equal(ifd.create_by_name(LUN, name), IFD_SUCCESS);
	power_up();
	select_applet();
	assert_int_equal(sw_of("0070000001"), 0x9000);
	assert_int_equal(rsp[0], 1);
	assert_int_equal(sw_of("0070000001"), 0x6a81);
	/* a power-down gives them back; nothing is sent for a card that nobody uses */
	assert_int_equal(ifd.power(LUN, IFD_POWER_DOWN, NULL, NULL), IFD_SUCCESS);
	power_up();
	for (n = 1; n < 3; n++)
		others[n] = other_open();
	assert_int_equal(sw_of("00A4040000"), -IFD_COMMUNICATION_ERROR);
	assert_int_equal(other_sends(others[2], "8050000000", answer, sizeof(answer)), 0x9000);
	for (n = 0; n < 3; n++)
		se_close(others[n]);
	select_applet();
}

static void test_reset_is_ours_alone(void **state)
{
	struct se *other = other_open();
	struct se_info before = {0}, after = {0};
	uint8_t answer[8];

	(void)state;
	assert_int_equal(se_get_info(other, &before), 0);
	select_applet();
	assert_int_equal(sw_of("0070000001"), 0x9000);
	assert_int_equal(sw_of("01A4040009F0534553414D45010200"), 0x9000);
	assert_int_equal(other_sends(other, "8020000A00", answer, sizeof(answer)), 0x9000);
	assert_int_equal(answer[3], 1);

	reset(IFD_RESET);
	/* what was selected is not any more, and the second channel is closed */
	assert_int_not_equal(sw_of("8050000000"), 0x9000);
	assert_int_equal(sw_of("8150000000"), 0x6881);
	select_applet();
	assert_int_equal(ifd.power(LUN, IFD_POWER_DOWN, NULL, NULL), IFD_SUCCESS);
	assert_int_equal(sw_of("8050000000"), -IFD_COMMUNICATION_ERROR);
	reset(IFD_POWER_UP);
	assert_int_not_equal(sw_of("8050000000"), 0x9000);
	select_applet();
	/* power up of a card that has it already changes nothing */
	reset(IFD_POWER_UP);
	assert_int_equal(sw_of("8050000000"), 0x9000);

	assert_int_equal(other_sends(other, "8020000A00", answer, sizeof(answer)), 0x9000);
	assert_int_equal(answer[3], 2);
	assert_int_equal(se_get_info(other, &after), 0);
	assert_true(before.generation == after.generation);
	se_close(other);
}

/* ---- the event thread ---- */

struct watcher {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char seen[16]; /* P and A, as they came */
	volatile bool stop;
};

static void *watch(void *arg)
{
	struct watcher *w = arg;
	size_t n = 0;

	while (!w->stop) {
		char now = ifd.presence(LUN) == IFD_ICC_PRESENT ? 'P' : 'A';

		if ((!n || w->seen[n - 1] != now) && n + 1 < sizeof(w->seen)) {
			pthread_mutex_lock(&w->lock);
			w->seen[n++] = now;
			pthread_cond_broadcast(&w->changed);
			pthread_mutex_unlock(&w->lock);
		}
		assert_int_equal(ifd.wait(LUN, 600000), IFD_SUCCESS);
	}
	return NULL;
}

static void expect_seen(struct watcher *w, const char *want)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	pthread_mutex_lock(&w->lock);
	while (strcmp(w->seen, want) && !pthread_cond_timedwait(&w->changed, &w->lock, &end))
		;
	pthread_mutex_unlock(&w->lock);
	assert_string_equal(w->seen, want);
}

static struct watcher *running; /* a test that fails leaves it to over() */

static void watcher_start(struct watcher *w)
{
	memset(w, 0, sizeof(*w));
	running = w;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	assert_int_equal(pthread_create(&w->thread, NULL, watch, w), 0);
}

static void watcher_stop(struct watcher *w)
{
	w->stop = true;
	assert_int_equal(ifd.stop(LUN), IFD_SUCCESS);
	pthread_join(w->thread, NULL);
	running = NULL;
}

static int over(void **state)
{
	(void)state;
	if (running)
		watcher_stop(running);
	ifd.close(LUN);
	stop_softse();
	return 0;
}

static void test_comes_and_goes(void **state)
{
	static struct watcher w;
	char socket[160];

	(void)state;
	snprintf(name, sizeof(name), "socket:%s/se", dir);
	snprintf(socket, sizeof(socket), "%s/se", dir);
	assert_int_equal(ifd.create_by_name(LUN, name), IFD_SUCCESS);
	watcher_start(&w);
	expect_seen(&w, "A");
	start_softse("");
	expect_seen(&w, "AP");
	reset(IFD_POWER_UP);
	select_applet();
	stop_softse();
	expect_seen(&w, "APA");
	assert_int_not_equal(sw_of("8050000000"), 0x9000);
	assert_int_equal(access(socket, F_OK), -1);
	start_softse("");
	expect_seen(&w, "APAP");
	reset(IFD_POWER_UP);
	assert_int_not_equal(sw_of("8050000000"), 0x9000);
	select_applet();
	watcher_stop(&w);
}

static void test_reset_by_another(void **state)
{
	struct se *other = other_open();
	static struct watcher w;
	int i;

	(void)state;
	select_applet();
	watcher_start(&w);
	expect_seen(&w, "P");
	assert_int_equal(se_reset(other, SE_RESET_SOFT, se_deadline_in(60000), NULL), 0);
	/* nobody's APDU reaches an application that it did not select */
	for (i = 0; i < 6000 && sw_of("8050000000") != -IFD_COMMUNICATION_ERROR; i++)
		usleep(10000);
	expect_seen(&w, "PAP");
	assert_int_equal(sw_of("8050000000"), -IFD_COMMUNICATION_ERROR);
	reset(IFD_POWER_UP);
	select_applet();
	watcher_stop(&w);
	se_close(other);
}

static void test_news_is_for_the_event_thread(void **state)
{
	struct se *other = other_open();
	int i;

	(void)state;
	select_applet();
	assert_int_equal(ifd.wait(LUN, 0), IFD_SUCCESS);
	assert_int_equal(se_reset(other, SE_RESET_SOFT, se_deadline_in(60000), NULL), 0);
	se_close(other);
	assert_int_equal(sw_of("8050000000"), -IFD_ICC_NOT_PRESENT);
	/* that it waits again without having looked does not count */
	assert_int_equal(ifd.wait(LUN, 600000), IFD_SUCCESS);
	for (i = 0; i < 3; i++)
		assert_int_equal(ifd.presence(LUN), IFD_ICC_NOT_PRESENT);
	assert_int_equal(ifd.wait(LUN, 600000), IFD_SUCCESS);
	assert_int_equal(ifd.presence(LUN), IFD_ICC_PRESENT);
	power_up();
	select_applet();
}

/* An SE whose state nobody here has is no news. */
static void test_reset_of_an_idle_one(void **state)
{
	struct se *other = other_open();

	(void)state;
	reset(IFD_RESET);
	assert_int_equal(ifd.wait(LUN, 0), IFD_SUCCESS);
	assert_int_equal(se_reset(other, SE_RESET_SOFT, se_deadline_in(60000), NULL), 0);
	se_close(other);
	/* the socket hangs up on its clients: gone and back, but no wrong answer */
	assert_int_not_equal(sw_of("8050000000"), 0x9000);
}

static void test_basic(void **state)
{
	struct se *other;
	uint8_t answer[8];
	char basic[160];

	(void)state;
	start_softse("");
	snprintf(basic, sizeof(basic), "basic:%s", name);
	assert_int_equal(ifd.create_by_name(LUN, basic), IFD_SUCCESS);
	power_up();
	other = other_open();
	select_applet();
	assert_int_equal(real_channel("8050000000"), 0);
	assert_int_equal(sw_of("0070000001"), 0x6881);
	assert_int_equal(sw_of("0150000000"), 0x6881);
	assert_int_equal(other_sends(other, "8050000000", answer, sizeof(answer)), 0x9000);
	/* here a reset is one, for all */
	reset(IFD_RESET);
	assert_int_equal(other_sends(other, "8050000000", answer, sizeof(answer)), -ENODEV);
	assert_int_not_equal(sw_of("8050000000"), 0x9000);
	select_applet();
	se_close(other);
}

static void test_busy(void **state)
{
	static struct watcher w;
	int i;

	(void)state;
	select_applet();
	watcher_start(&w);
	/* 300 ms of work; nothing that waits gives up or disturbs */
	assert_int_equal(sw_of("8030012C"), 0x9000);
	for (i = 0; i < 50; i++) {
		assert_int_equal(ifd.presence(LUN), IFD_ICC_PRESENT);
		assert_int_equal(ifd.stop(LUN), IFD_SUCCESS);
		assert_int_equal(sw_of("8050000000"), 0x9000);
	}
	expect_seen(&w, "P");
	watcher_stop(&w);
}

/* Two readers on one SE are two cards. */

static void *hammer(void *arg)
{
	DWORD lun = *(DWORD *)arg;
	SCARD_IO_HEADER t1 = {.Protocol = 1};
	uint8_t echo[64] = {0x80, 0x10, 0, 0, 32}, got[64];
	UCHAR atr[MAX_ATR_SIZE];
	DWORD len = sizeof(atr);
	size_t i;

	memcpy(got, "\x00\xa4\x04\x00\x09" APPLET, 14);
	assert_int_equal(ifd.power(lun, IFD_POWER_UP, atr, &len), IFD_SUCCESS);
	len = sizeof(got);
	assert_int_equal(ifd.transmit(lun, t1, got, 14, got, &len, NULL), IFD_SUCCESS);
	for (i = 0; i < 1000; i++) {
		memset(echo + 5, (int)(i ^ lun >> 16), 32);
		len = sizeof(got);
		assert_int_equal(ifd.transmit(lun, t1, echo, 38, got, &len, NULL), IFD_SUCCESS);
		assert_int_equal(len, 34);
		assert_memory_equal(got, echo + 5, 32);
	}
	return NULL;
}

static void test_readers(void **state)
{
	DWORD luns[] = {0, 0x00010000, 0x000f0000};
	pthread_t threads[3];
	size_t i;

	(void)state;
	start_softse("");
	for (i = 0; i < 3; i++) {
		assert_int_equal(ifd.create_by_name(luns[i], name), IFD_SUCCESS);
		assert_int_equal(ifd.presence(luns[i]), IFD_ICC_PRESENT);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &luns[i]), 0);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 3; i++)
		assert_int_equal(ifd.close(luns[i]), IFD_SUCCESS);
	stop_softse();
}

/* ---- se_atr() ---- */

static void expect_atr(uint32_t dialect, uint32_t ifsc, const char *from, const char *want)
{
	struct se_info info = {.dialect = dialect, .ifsc = ifsc};
	uint8_t cip[SE_CIP_MAX], atr[SE_ATR_MAX];
	char text[2 * SE_ATR_MAX + 1];
	size_t len, i, n;
	uint8_t check = 0;

	assert_int_equal(se_from_hex(from, strlen(from), cip, sizeof(cip), &len), 0);
	n = se_atr(&info, cip, len, atr);
	se_to_hex(text, atr, n);
	assert_string_equal(text, want);
	for (i = 1; i < n; i++)
		check ^= atr[i];
	assert_int_equal(check, 0);
}

static void test_atr(void **state)
{
	(void)state;
	/* its own, with T=1 alone and beside T=0 */
	expect_atr(SE_DIALECT_GP, 254, "3B868171FE2501534553414D45A0",
		   "3B868171FE2501534553414D45A0");
	expect_atr(SE_DIALECT_ISO_LRC, 254, "3B80800101", "3B80800101");
	/* T=0 alone (no TCK), a wrong TCK, cut short, one byte too many: not as it is */
	expect_atr(SE_DIALECT_ISO_LRC, 254, "3B021450", "3B828111FE1450A8");
	expect_atr(SE_DIALECT_GP, 254, "3B868171FE2501534553414D45A1", "3B808111FEEE");
	expect_atr(SE_DIALECT_GP, 254, "3B868171FE", "3B808111FEEE");
	expect_atr(SE_DIALECT_GP, 254, "3B8080010100", "3B808111FEEE");
	/* CIP: version, IIN, PLID, PLP, DLLP, historical bytes */
	expect_atr(SE_DIALECT_GP, 100,
		   "010412345678010C000127100501000000000000040BB80FF9"
		   "06534553414D45",
		   "3B86811164534553414D457E");
	/* none at all; cut short */
	expect_atr(SE_DIALECT_GP, 4089, "010412345678010C000127100501000000000000040BB80FF9",
		   "3B808111FEEE");
	expect_atr(SE_DIALECT_GP, 4089,
		   "010412345678010C000127100501000000000000040BB80FF90653", "3B808111FEEE");
	expect_atr(SE_DIALECT_GP, 0, "", "3B808111FEEE");
	/* UM11225, of an SE050 */
	expect_atr(SE_DIALECT_UM11225, 254,
		   "00A0000003960403E800FE020B03E808010000000064"
		   "00000A4A434F5034204154504F",
		   "3B8A8111FE4A434F5034204154504FEC");
	/* more than 15: COMPACT-TLV by objects, others by bytes */
	expect_atr(SE_DIALECT_GP, 254,
		   "010001000012"
		   "8031C173C8405264A39A990A850102030405",
		   "3B8C8111FE8031C173C8405264A39A990AF5");
	expect_atr(SE_DIALECT_GP, 254,
		   "010001000010"
		   "4031C173C8405264A39A990A82900011",
		   "3B8F8111FE4031C173C8405264A39A990A82900024");
}

static void expect_historical(uint32_t dialect, const char *from, const char *want)
{
	struct se_info info = {.dialect = dialect};
	uint8_t cip[SE_CIP_MAX];
	char text[2 * SE_CIP_MAX + 1];
	const uint8_t *hist;
	size_t len, n;

	assert_int_equal(se_from_hex(from, strlen(from), cip, sizeof(cip), &len), 0);
	n = se_historical(&info, cip, len, &hist);
	assert_int_equal(!hist, !n);
	se_to_hex(text, hist, n);
	assert_string_equal(text, want);
}

/* The same without an ATR around them: all there are, of a T=0 card as well. */
static void test_historical(void **state)
{
	(void)state;
	expect_historical(SE_DIALECT_GP, "3B868171FE2501534553414D45A0", "534553414D45");
	expect_historical(SE_DIALECT_ISO_LRC, "3B021450", "1450");
	expect_historical(SE_DIALECT_GP,
			  "010001000012"
			  "8031C173C8405264A39A990A850102030405",
			  "8031C173C8405264A39A990A850102030405");
	expect_historical(SE_DIALECT_UM11225,
			  "00A0000003960403E800FE020B03E808010000000064"
			  "00000A4A434F5034204154504F",
			  "4A434F5034204154504F");
	expect_historical(SE_DIALECT_ISO_LRC, "3B80800101", "");
	expect_historical(SE_DIALECT_GP, "", "");
	expect_historical(SE_DIALECT_GP, "0104", "");
}

static void *symbol(const char *s)
{
	void *p = dlsym(ifd.library, s);

	if (!p)
		fprintf(stderr, "%s: %s\n", s, dlerror());
	return p;
}

static int load(void **state)
{
	char path[300];
	ssize_t n = readlink("/proc/self/exe", out, sizeof(out) - 1);
	DWORD len = sizeof(void *);

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (n <= 0 || !strcpy(dir, "/tmp/test_ifd.XXXXXX") || !mkdtemp(dir))
		return -1;
	*strrchr(out, '/') = '\0';
	*strrchr(out, '/') = '\0';
	snprintf(path, sizeof(path), "%s/libifd-sesame.so", out);
	ifd.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!ifd.library) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	*(void **)&ifd.create_by_name = symbol("IFDHCreateChannelByName");
	*(void **)&ifd.create = symbol("IFDHCreateChannel");
	*(void **)&ifd.close = symbol("IFDHCloseChannel");
	*(void **)&ifd.get = symbol("IFDHGetCapabilities");
	*(void **)&ifd.set = symbol("IFDHSetCapabilities");
	*(void **)&ifd.protocol = symbol("IFDHSetProtocolParameters");
	*(void **)&ifd.power = symbol("IFDHPowerICC");
	*(void **)&ifd.transmit = symbol("IFDHTransmitToICC");
	*(void **)&ifd.control = symbol("IFDHControl");
	*(void **)&ifd.presence = symbol("IFDHICCPresence");
	if (!ifd.create_by_name || !ifd.create || !ifd.close || !ifd.get || !ifd.set ||
	    !ifd.protocol || !ifd.power || !ifd.transmit || !ifd.control || !ifd.presence)
		return -1;
	if (ifd.create(LUN, 4711) != IFD_SUCCESS ||
	    ifd.get(LUN, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &len, (PUCHAR)&ifd.wait) ||
	    ifd.get(LUN, TAG_IFD_STOP_POLLING_THREAD, &len, (PUCHAR)&ifd.stop))
		return -1;
	return (int)ifd.close(LUN);
}

static int unload(void **state)
{
	char path[160];

	(void)state;
	dlclose(ifd.library);
	snprintf(path, sizeof(path), "%s/profile", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_atr),
		cmocka_unit_test(test_historical),
		cmocka_unit_test_teardown(test_bad_arguments, over),
		cmocka_unit_test_setup_teardown(test_capabilities, ready, over),
		cmocka_unit_test_setup_teardown(test_sizes, ready, over),
		cmocka_unit_test_setup_teardown(test_cases, ready, over),
		cmocka_unit_test_setup_teardown(test_room, ready, over),
		cmocka_unit_test_setup_teardown(test_channels, ready, over),
		cmocka_unit_test_teardown(test_no_more_channels, over),
		cmocka_unit_test_setup_teardown(test_reset_is_ours_alone, ready, over),
		cmocka_unit_test_teardown(test_comes_and_goes, over),
		cmocka_unit_test_setup_teardown(test_reset_by_another, ready, over),
		cmocka_unit_test_setup_teardown(test_news_is_for_the_event_thread, ready, over),
		cmocka_unit_test_setup_teardown(test_reset_of_an_idle_one, ready, over),
		cmocka_unit_test_teardown(test_basic, over),
		cmocka_unit_test_setup_teardown(test_busy, ready, over),
		cmocka_unit_test(test_readers),
	};

	return cmocka_run_group_tests_name("ifd", tests, load, unload);
}
