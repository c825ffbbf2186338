/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remote command scripts, ETSI TS 102 226: what travels between a management
 * server and the SE's host. Expanded format (5.2): command template AA (definite
 * length) or AE (indefinite), response template AB or AF. Compact format (5.1).
 *
 * Everything here is pure and streaming: bytes in any pieces go in, commands
 * come out, one after the other.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>

/* tags of the expanded format (TS 101 220, tables 7.18 and 7.19) */
#define SCRIPT_TAG_COMMANDS 0xaa /* definite length */
#define SCRIPT_TAG_RESPONSES 0xab
#define SCRIPT_TAG_COMMANDS_INDEF 0xae /* indefinite length */
#define SCRIPT_TAG_RESPONSES_INDEF 0xaf
#define SCRIPT_TAG_CAPDU 0x22
#define SCRIPT_TAG_RAPDU 0x23
#define SCRIPT_TAG_EXECUTED 0x80 /* in a response: number of executed commands */
#define SCRIPT_TAG_IMMEDIATE 0x81
#define SCRIPT_TAG_ERROR_ACTION 0x82
#define SCRIPT_TAG_CHAINING 0x83
#define SCRIPT_TAG_BAD_FORMAT 0x90 /* in a response */

/** enum script_format - which form the bytes have */
enum script_format {
	SCRIPT_EXPANDED, /* AA or AE, told by the first byte */
	SCRIPT_COMPACT,	 /* C-APDUs one after the other, known from outside only */
};

/**
 * enum script_item_type - what the decoder found
 * @SCRIPT_ITEM_CAPDU: a C-APDU to run
 * @SCRIPT_ITEM_IMMEDIATE: immediate action (81): a proactive command or one of
 *	SCRIPT_IMMEDIATE_*; what a host without toolkit session cannot do
 * @SCRIPT_ITEM_ERROR_ACTION: error action (82): takes the place of the former
 *	one from here on; empty means no action
 * @SCRIPT_ITEM_CHAINING: script chaining (83), data[0] is SCRIPT_CHAIN_*; comes
 *	first if at all
 * @SCRIPT_ITEM_END: the script is complete
 */
enum script_item_type {
	SCRIPT_ITEM_CAPDU,
	SCRIPT_ITEM_IMMEDIATE,
	SCRIPT_ITEM_ERROR_ACTION,
	SCRIPT_ITEM_CHAINING,
	SCRIPT_ITEM_END,
};

/* script chaining values (5.2.1.4) */
#define SCRIPT_CHAIN_FIRST 0x01	     /* chaining information dies with a reset */
#define SCRIPT_CHAIN_FIRST_KEEP 0x11 /* it survives a reset */
#define SCRIPT_CHAIN_MORE 0x02
#define SCRIPT_CHAIN_LAST 0x03

/* immediate actions of one byte (5.2.1.2); 01 to 7F refer to a record of a file */
#define SCRIPT_IMMEDIATE_SESSION 0x81 /* proactive session indication */
#define SCRIPT_IMMEDIATE_EARLY_RESPONSE 0x82

/* bad format values (5.2.2) */
#define SCRIPT_BAD_TAG 0x01	  /* unknown tag */
#define SCRIPT_BAD_LENGTH 0x02	  /* wrong length */
#define SCRIPT_BAD_NO_LENGTH 0x03 /* length not found */

/* script chaining result values (5.2.2) */
#define SCRIPT_CHAIN_NO_PREVIOUS 0x01 /* no former script of this chain */
#define SCRIPT_CHAIN_UNSUPPORTED 0x02 /* not supported here */
#define SCRIPT_CHAIN_UNABLE 0x03      /* this script could not be processed */

/* immediate action result value (5.2.2) */
#define SCRIPT_IMMEDIATE_SUSPENSION 0x01 /* suspension error */

/**
 * struct script_item - one thing in a script
 * @type: enum script_item_type
 * @data: value: the C-APDU, the action, the chaining byte. Valid until the next
 *	call on the decoder
 * @len: its length
 * @index: CAPDU: its number, from 0
 * @offset: where its TLV (compact: its CLA) starts in the script
 */
struct script_item {
	enum script_item_type type;
	const uint8_t *data;
	size_t len;
	uint32_t index;
	uint64_t offset;
};

/**
 * struct script_error - why a script was refused; all three always set together
 * @code: SCRIPT_BAD_*, for the response script
 * @offset: position of the byte at fault, from the start of the script
 * @what: what is wrong there
 * @hint: what to try
 */
struct script_error {
	uint8_t code;
	uint64_t offset;
	char what[96];
	char hint[96];
};

/**
 * struct script_limits - bounds; 0 means the default
 * @capdu_max: longest C-APDU (SE_CAPDU_MAX)
 * @commands_max: most C-APDUs (65535)
 * @total_max: longest script (16 MiB)
 */
struct script_limits {
	size_t capdu_max;
	uint32_t commands_max;
	uint64_t total_max;
};

struct script_decoder;

/** script_decoder_new() - NULL only for want of memory. @limits may be NULL. */
struct script_decoder *script_decoder_new(enum script_format format,
					  const struct script_limits *limits);

/** script_decoder_free() - clears what it held. NULL is fine. */
void script_decoder_free(struct script_decoder *d);

/**
 * script_decoder_feed() - take bytes until one item is complete
 * @d: decoder
 * @data: the next bytes of the script
 * @len: their number; may be 0
 * @used: out: how many were taken
 * @item: out: with return 1
 *
 * Returns 1 with an item; 0 when all bytes are taken and more are needed;
 * -EBADMSG for a malformed script (see script_decoder_error()), now and at every
 * later call; -EMSGSIZE for one over a limit (likewise); -ENOMEM. After
 * SCRIPT_ITEM_END bytes that follow are -EBADMSG.
 *
 * Use: while (len > 0) { r = feed(d, p, len, &used, &item); p += used; ... }
 */
int script_decoder_feed(struct script_decoder *d, const uint8_t *data, size_t len, size_t *used,
			struct script_item *item);

/**
 * script_decoder_end() - no more bytes will come
 * @item: out: with return 1: a compact script's last C-APDU, or SCRIPT_ITEM_END
 *
 * Call again while it returns 1; SCRIPT_ITEM_END comes exactly once, here or
 * from script_decoder_feed(). Returns 0 after that, or -EBADMSG for a script that
 * was cut short.
 */
int script_decoder_end(struct script_decoder *d, struct script_item *item);

/** script_decoder_error() - valid after an error of the decoder. */
const struct script_error *script_decoder_error(const struct script_decoder *d);

/** script_decoder_indefinite() - was it AE? Then answer AF. Known after the first byte. */
bool script_decoder_indefinite(const struct script_decoder *d);

/**
 * struct script_summary - a script at a glance
 * @commands: number of C-APDUs
 * @capdu_longest: longest of them
 * @capdu_bytes: all of them together
 * @indefinite: AE rather than AA
 * @chaining: SCRIPT_CHAIN_*, or 0
 * @immediate: number of immediate actions
 */
struct script_summary {
	uint32_t commands;
	size_t capdu_longest;
	uint64_t capdu_bytes;
	bool indefinite;
	uint8_t chaining;
	uint32_t immediate;
};

/**
 * script_check() - is this script well-formed from its first byte to its last?
 *
 * Returns 0 and @sum, or as script_decoder_feed() with @err filled in. On error
 * @sum tells how far it got.
 */
int script_check(enum script_format format, const struct script_limits *limits,
		 const uint8_t *data, size_t len, struct script_summary *sum,
		 struct script_error *err);

/**
 * script_expect() - the status words after which a script goes on, for
 * struct se_apdu.expect; the reasons are in outcome.c
 */
void script_expect(struct se_sw_match expect[SE_SW_MATCHES]);

/** script_goes_on() - the same for one status word, and more exactly: 62F1 stops. */
bool script_goes_on(uint16_t sw);

/**
 * script_capdu_case() - ISO 7816-4 case of a C-APDU
 *
 * Returns 1 to 4 for short ones, 0x12 to 0x14 for extended cases 2 to 4, or
 * -EINVAL if its length does not fit its Lc and Le.
 */
int script_capdu_case(const uint8_t *capdu, size_t len);

/* ---- writing a command script ---- */

/*
 * An expanded one (AA) is begin, and head and bytes of each C-APDU. The sum of
 * script_cmd_size() comes first. The functions return the bytes put into @out, which has
 * room for SCRIPT_PIECE_MAX.
 */

/** script_cmd_size() - bytes that a C-APDU of @len takes, head included. */
size_t script_cmd_size(size_t len);

/** script_cmd_begin() - head of the template; @capdu_bytes: sum of script_cmd_size() */
size_t script_cmd_begin(uint8_t *out, uint64_t capdu_bytes);

/** script_cmd_capdu() - head of one C-APDU TLV; its @len bytes follow as they are. */
size_t script_cmd_capdu(uint8_t *out, size_t len);

/**
 * script_cmd_compact() - how a C-APDU stands in a compact script (5.1.1)
 * @last: it is the last one, the only one whose response data come back
 *
 * Returns how many of its bytes are written; 4 of a case 1 command, which a byte 00 follows.
 * -EINVAL for what has no such form: extended length, response data in the middle.
 */
int script_cmd_compact(const uint8_t *capdu, size_t len, bool last);

/* ---- responses ---- */

/**
 * enum script_tail - how a response script ends, after its R-APDUs
 * @SCRIPT_TAIL_NONE: all went well, or the last R-APDU tells why it stopped
 * @SCRIPT_TAIL_BAD_FORMAT: 90 01 SCRIPT_BAD_*
 * @SCRIPT_TAIL_IMMEDIATE: 81 01 SCRIPT_IMMEDIATE_SUSPENSION: an immediate action
 *	could not be done
 * @SCRIPT_TAIL_CHAINING: 83 01 SCRIPT_CHAIN_NO_PREVIOUS, _UNSUPPORTED or _UNABLE
 */
enum script_tail {
	SCRIPT_TAIL_NONE,
	SCRIPT_TAIL_BAD_FORMAT,
	SCRIPT_TAIL_IMMEDIATE,
	SCRIPT_TAIL_CHAINING,
};

/** The largest piece that an encoder function writes, R-APDU bytes not counted. */
#define SCRIPT_PIECE_MAX 24

/*
 * A response script, in pieces that the caller writes one after the other:
 *
 *	AF: begin, then rapdu (head) and the R-APDU's bytes for each, then end. It
 *	carries no number of executed commands (table 5.10a).
 *	AB: the same, but its length and the number of executed commands come
 *	first, so the caller adds up script_rapdu_size() of every R-APDU before.
 *
 * Each function returns the number of bytes put into @out, which has room for
 * SCRIPT_PIECE_MAX.
 */

/** script_rapdu_size() - bytes that an R-APDU of @len takes, head included. */
size_t script_rapdu_size(size_t len);

/**
 * script_rsp_begin() - head of the response template
 * @indefinite: AF rather than AB
 * @executed: AB: number of executed commands
 * @rapdu_bytes: AB: sum of script_rapdu_size()
 * @tail: how it will end; @value its byte
 */
size_t script_rsp_begin(uint8_t *out, bool indefinite, uint32_t executed, uint64_t rapdu_bytes,
			enum script_tail tail, uint8_t value);

/** script_rsp_rapdu() - head of one R-APDU TLV; its @len bytes follow as they are. */
size_t script_rsp_rapdu(uint8_t *out, size_t len);

/** script_rsp_end() - the rest of the template. */
size_t script_rsp_end(uint8_t *out, bool indefinite, enum script_tail tail, uint8_t value);

/**
 * script_rsp_compact() - head of a compact response: the number of commands
 * executed and the status word of the last; its response data follow
 */
size_t script_rsp_compact(uint8_t *out, uint32_t executed, uint16_t sw);

/* ---- actions ---- */

#define SCRIPT_ACTION_WORDS 48

/**
 * script_action_type() - type of command (TS 102 223, 9.4) of an action's value
 * @value: value of tag 81 or 82: a proactive command, with its tag D0 or without
 * @len: its length
 *
 * Returns the type, or -1 if it is no proactive command.
 */
int script_action_type(const uint8_t *value, size_t len);

/**
 * script_action_words() - what an action asks for, e.g. "DISPLAY TEXT"
 * @words: out: always terminated; nothing of what is to be displayed or sent
 * @room: SCRIPT_ACTION_WORDS is enough
 */
void script_action_words(const uint8_t *value, size_t len, char *words, size_t room);

#endif /* SCRIPT_H */
