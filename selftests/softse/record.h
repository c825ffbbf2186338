/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded APDUs. A line of the file is a command ("> hex" or, as GlobalPlatformPro
 * logs it, "A>> T=1 (4+0008) 00A40400 08 ..."), a response ("< hex", "A<< (0103+2)
 * (15ms) 6F... 9000"), "reset", or a comment (#). Words in it that are not hex are
 * passed over behind A>> and A<<.
 */
#ifndef SOFTSE_RECORD_H
#define SOFTSE_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum record_what { RECORD_COMMAND, RECORD_RESPONSE, RECORD_RESET };

struct record {
	enum record_what what;
	unsigned int line;
	size_t len;
	uint8_t *data;
};

struct recording {
	struct record *r;
	size_t n;
};

/**
 * record_parse() - read a whole recording
 * @text: needs no end
 * @err: gets "LINE: what is wrong"
 *
 * Return: 0, or negative errno with nothing to free.
 */
int record_parse(struct recording *rec, const char *text, size_t len, char *err,
		 size_t err_room);

void record_free(struct recording *rec);

#endif
