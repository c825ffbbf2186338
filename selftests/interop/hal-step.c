// SPDX-License-Identifier: Apache-2.0
/*
 * The operations of ISecureElement (hal/hal.h) step by step: one command a line on standard
 * input, one line of answer each. For tests in which something happens to the SE, or to the
 * program, between two of them.
 *
 *	init | atr | present | open AID P2 [WHO] | basic AID P2 [WHO] | send HEX | close N |
 *	reset | wait MS
 *
 * AID "-" is the default application. WHO is what the access rules are asked about: a text
 * that stands for a certificate, or "nobody" for a caller without one; without WHO they are
 * not asked. wait polls se_hal_fd() and calls se_hal_dispatch() as a service does.
 * Answers: "STATUS WORDS…", and what onStateChange was told: "| + REASON", "| - REASON".
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/hal.h"
#include "libse/se.h"

static struct se_hal *hal;
static char told[512];

static void on_state(void *userdata, bool connected, const char *reason)
{
	size_t n = strlen(told);

	(void)userdata;
	snprintf(told + n, sizeof(told) - n, " | %c %s", connected ? '+' : '-', reason);
}

static void answer(int status, const uint8_t *bytes, size_t len)
{
	printf("%d ", status);
	for (size_t i = 0; i < len; i++)
		printf("%02X", bytes[i]);
	printf("%s\n", told);
	fflush(stdout);
	told[0] = '\0';
}

static void say(int status, const char *words)
{
	printf("%d %s%s\n", status, words, told);
	fflush(stdout);
	told[0] = '\0';
}

static void do_open(bool basic, char *args)
{
	char aid_hex[2 * SE_AID_MAX + 1], who[64] = "";
	struct ara_caller caller = {0};
	struct se_hal_channel ch;
	uint8_t aid[SE_AID_MAX], out[1 + SE_HAL_SELECT_MAX];
	enum se_hal_status s;
	unsigned int p2;
	size_t len = 0;

	if (sscanf(args, "%32s %x %63s", aid_hex, &p2, who) < 2 ||
	    (strcmp(aid_hex, "-") != 0 &&
	     se_from_hex(aid_hex, strlen(aid_hex), aid, sizeof(aid), &len)) ||
	    (who[0] && strcmp(who, "nobody") != 0 &&
	     ara_caller_add_certificate(&caller, who, strlen(who)))) {
		say(99, "what?");
		return;
	}
	s = (basic ? se_hal_open_basic_channel : se_hal_open_logical_channel)(
		hal, who[0] ? &caller : NULL, aid, len, (uint8_t)p2, &ch);
	out[0] = ch.number;
	memcpy(out + 1, ch.response, ch.response_len);
	answer(s, out, s == SE_HAL_OK ? 1 + ch.response_len : 0);
}

static void do_send(const char *hex)
{
	static uint8_t cmd[SE_CAPDU_MAX], rsp[SE_RAPDU_MAX];
	size_t len = 0, n;
	enum se_hal_status s;

	if (se_from_hex(hex, strlen(hex), cmd, sizeof(cmd), &len)) {
		say(99, "hex");
		return;
	}
	s = se_hal_transmit(hal, cmd, len, rsp, sizeof(rsp), &n);
	answer(s, rsp, n);
}

static void do_wait(int ms)
{
	struct pollfd p = {.fd = se_hal_fd(hal), .events = POLLPRI | POLLRDHUP};
	char words[64];

	poll(&p, 1, ms);
	snprintf(words, sizeof(words), "%s%s%s", p.fd < 0 ? "nothing" : "",
		 p.revents & POLLPRI ? "PRI" : "",
		 p.revents & (POLLHUP | POLLRDHUP) ? "HUP" : "");
	se_hal_dispatch(hal);
	say(0, words);
}

int main(int argc, char **argv)
{
	uint8_t atr[SE_ATR_MAX];
	char line[4096], *arg;
	size_t len = 0;

	if (argc != 2 || se_hal_new(&hal, argv[1], 60000)) {
		fprintf(stderr, "usage: hal-step SE\n");
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		arg = strchr(line, ' ');
		if (arg)
			*arg++ = '\0';
		arg = arg ? arg : line + strlen(line);
		if (!strcmp(line, "init")) {
			say(se_hal_init(hal, on_state, NULL), "init");
		} else if (!strcmp(line, "atr")) {
			enum se_hal_status s = se_hal_get_atr(hal, atr, &len);

			answer(s, atr, len);
		} else if (!strcmp(line, "present")) {
			say(0, se_hal_is_card_present(hal) ? "yes" : "no");
		} else if (!strcmp(line, "open") || !strcmp(line, "basic")) {
			do_open(line[0] == 'b', arg);
		} else if (!strcmp(line, "send")) {
			do_send(arg);
		} else if (!strcmp(line, "close")) {
			say(se_hal_close_channel(hal, (uint8_t)atoi(arg)), "closed");
		} else if (!strcmp(line, "reset")) {
			say(se_hal_reset(hal), "reset");
		} else if (!strcmp(line, "wait")) {
			do_wait(atoi(arg));
		} else {
			say(99, "what?");
		}
	}
	se_hal_free(hal);
	return 0;
}
