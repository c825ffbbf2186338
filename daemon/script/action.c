// SPDX-License-Identifier: Apache-2.0
/* What an immediate or error action of a command script asks for, in words. */
#include <stdio.h>

#include "script/script.h"

#define PROACTIVE_COMMAND 0xd0 /* TS 101 220, 7.2: BER-TLV tag */
#define COMMAND_DETAILS 0x01   /* … COMPREHENSION-TLV tag, bit 8 is the flag */

/* TS 102 223, 9.4: type of command */
static const struct {
	uint8_t type;
	const char *name;
} commands[] = {
	{0x01, "REFRESH"},
	{0x02, "MORE TIME"},
	{0x03, "POLL INTERVAL"},
	{0x04, "POLLING OFF"},
	{0x05, "SET UP EVENT LIST"},
	{0x10, "SET UP CALL"},
	{0x13, "SEND SHORT MESSAGE"},
	{0x14, "SEND DTMF"},
	{0x15, "LAUNCH BROWSER"},
	{0x20, "PLAY TONE"},
	{0x21, "DISPLAY TEXT"},
	{0x22, "GET INKEY"},
	{0x23, "GET INPUT"},
	{0x24, "SELECT ITEM"},
	{0x25, "SET UP MENU"},
	{0x26, "PROVIDE LOCAL INFORMATION"},
	{0x27, "TIMER MANAGEMENT"},
	{0x28, "SET UP IDLE MODE TEXT"},
	{0x34, "RUN AT COMMAND"},
	{0x40, "OPEN CHANNEL"},
	{0x41, "CLOSE CHANNEL"},
	{0x42, "RECEIVE DATA"},
	{0x43, "SEND DATA"},
	{0x44, "GET CHANNEL STATUS"},
};

/* Past tag and length of a proactive command, if it is one as a whole. */
static void open_command(const uint8_t **value, size_t *len)
{
	const uint8_t *v = *value;
	size_t head = 2;

	if (*len < 2 || v[0] != PROACTIVE_COMMAND)
		return;
	if (v[1] == 0x81)
		head = 3;
	else if (v[1] > 0x7f)
		return;
	if (*len < head || *len - head != v[head - 1])
		return;
	*value += head;
	*len -= head;
}

int script_action_type(const uint8_t *value, size_t len)
{
	open_command(&value, &len);
	/* command details come first (TS 102 223, 6.6) */
	if (len < 5 || (value[0] & 0x7f) != COMMAND_DETAILS || value[1] != 3)
		return -1;
	return value[3];
}

void script_action_words(const uint8_t *value, size_t len, char *words, size_t room)
{
	int type = script_action_type(value, len);
	size_t i;

	if (type < 0) {
		if (len == 1 && value[0] && value[0] < 0x80)
			snprintf(words, room, "record %u of the actions file", value[0]);
		else
			snprintf(words, room, "not a proactive command");
		return;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].type == type) {
			snprintf(words, room, "%s", commands[i].name);
			return;
		}
	}
	snprintf(words, room, "proactive command %02X", (unsigned int)type);
}
