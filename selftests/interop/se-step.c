// SPDX-License-Identifier: Apache-2.0
/*
 * libse step by step: one command a line on standard input, one line of answer each. For
 * tests in which something happens to the SE between two calls.
 *
 *	open NAME | info | channel [AID] | apdu HEX | reset LEVEL | close-channel | close
 *
 * Answers: "RESULT GENERATION WORDS…", RESULT 0 or an errno's name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"

static struct se *se;

static void answer(int r, uint64_t generation, const char *words)
{
	printf("%s %llx %s\n", r ? strerrorname_np(-r) : "0", (unsigned long long)generation,
	       words);
	fflush(stdout);
}

static uint64_t generation(void)
{
	struct se_info i = {.cip_len = 0};

	return se && !se_get_info(se, &i) ? i.generation : 0;
}

static void do_channel(const char *hex)
{
	struct se_channel_open o = {.deadline_ns = se_deadline_in(5000)};
	uint8_t aid[SE_AID_MAX], rsp[258];
	char words[64];
	size_t len = 0;
	int r;

	se_from_hex(hex, strlen(hex), aid, sizeof(aid), &len);
	o.aid_ptr = (uintptr_t)aid;
	o.aid_len = (uint32_t)len;
	o.rsp_ptr = (uintptr_t)rsp;
	o.rsp_room = sizeof(rsp);
	r = se_channel_open(se, &o);
	snprintf(words, sizeof(words), "channel %d %04X %s", (int)o.channel, o.sw,
		 se_outcome_name(o.outcome));
	answer(r, o.generation, words);
}

static void do_apdu(const char *hex)
{
	static uint8_t cmd[SE_CAPDU_MAX], rsp[SE_RAPDU_MAX];
	struct se_apdu a = {
		.cmd_ptr = (uintptr_t)cmd, .rsp_ptr = (uintptr_t)rsp, .rsp_room = sizeof(rsp)};
	struct se_stream s = {.deadline_ns = se_deadline_in(5000)};
	char words[96];
	size_t len = 0;
	int r;

	if (se_from_hex(hex, strlen(hex), cmd, sizeof(cmd), &len)) {
		answer(-EINVAL, 0, "hex");
		return;
	}
	a.cmd_len = (uint32_t)len;
	r = se_submit(se, &a, 1, &s);
	snprintf(words, sizeof(words), "%s %04X %u %s", se_outcome_name(a.outcome), a.sw,
		 a.rsp_len, se_stop_name(s.stop));
	answer(r, s.generation, words);
}

int main(void)
{
	struct se_reset reset;
	char line[4096], *arg;
	int r;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		arg = strchr(line, ' ');
		if (arg)
			*arg++ = '\0';
		arg = arg ? arg : line + strlen(line);
		if (!strcmp(line, "open")) {
			r = se_open(&se, arg);
			answer(r, generation(), "open");
		} else if (!se) {
			answer(-ENODEV, 0, "not open");
		} else if (!strcmp(line, "info")) {
			answer(0, generation(), "info");
		} else if (!strcmp(line, "channel")) {
			do_channel(arg);
		} else if (!strcmp(line, "apdu")) {
			do_apdu(arg);
		} else if (!strcmp(line, "reset")) {
			r = se_reset(se, (uint32_t)atoi(arg), se_deadline_in(5000), &reset);
			answer(r, reset.generation, se_state_name(reset.state));
		} else if (!strcmp(line, "close-channel")) {
			answer(se_channel_close(se), generation(), "closed");
		} else if (!strcmp(line, "close")) {
			se_close(se);
			se = NULL;
			answer(0, 0, "closed");
		}
	}
	se_close(se);
	return 0;
}
