/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command as gp/ hands it around: header, data and expected length apart, so
 * that a secure channel can wrap it, and put into bytes last (ISO/IEC 7816-4,
 * 5.1). One struct gp_apdu is one command in the sense of GPCS; a long one is
 * cut into several C-APDUs only when it leaves.
 */
#ifndef SESAME_GP_APDU_H
#define SESAME_GP_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/error.h"

#define GP_LC_SHORT 255	     /* most data bytes of a short C-APDU */
#define GP_LC_EXTENDED 65535 /* and of an extended one */
#define GP_LE_ANY 256	     /* short Le 00: as much as there is */
#define GP_LE_EXTENDED 65536 /* extended Le 0000 */
#define GP_CAPDU_MAX (4 + 3 + GP_LC_EXTENDED + 2)

#define GP_P1_MORE 0x80 /* INSTALL, DELETE, PUT KEY: more of this command follows */

/** struct gp_bytes - bytes that somebody else owns; {0} for none */
struct gp_bytes {
	const uint8_t *p;
	size_t len;
};

#define GP_AID_MIN 5
#define GP_AID_MAX 16

/** struct gp_aid - an application identifier; len 0 is none */
struct gp_aid {
	uint8_t bytes[GP_AID_MAX];
	uint8_t len;
};

/**
 * gp_aid_set() - an AID from bytes
 * @len: 0 or GP_AID_MIN to GP_AID_MAX
 *
 * Return: 0, or -EINVAL for another length; then @aid is empty.
 */
int gp_aid_set(struct gp_aid *aid, const uint8_t *p, size_t len);

/** gp_aid_equal() - the same bytes; two empty ones are equal. */
bool gp_aid_equal(const struct gp_aid *a, const struct gp_aid *b);

/** gp_aid_begins() - does @aid begin with @prefix? An empty prefix fits all. */
bool gp_aid_begins(const struct gp_aid *aid, const struct gp_aid *prefix);

/**
 * struct gp_apdu - one command
 * @cla: class; builders give 80 (or 00 where ISO has the command), channel 0
 * @ins: instruction
 * @p1: first parameter
 * @p2: second parameter
 * @data: command data, owned; use the functions below
 * @len: their number, up to GP_LC_EXTENDED
 * @room: bytes allocated
 * @le: most response bytes expected (Ne): 0 for none, GP_LE_ANY for Le 00,
 *	GP_LE_EXTENDED for 0000
 * @signed_len: INSTALL and DELETE: how many of the data bytes a token covers
 *	(GPCS 2.3.1, C.4); the token field follows them. Else 0
 * @chain: may be cut into several C-APDUs with GP_P1_MORE
 *
 * {0} is a command without data. The data may be secret: gp_apdu_clear()
 * cleanses them, and so does every reallocation.
 */
struct gp_apdu {
	uint8_t cla, ins, p1, p2;
	uint8_t *data;
	size_t len, room;
	uint32_t le;
	size_t signed_len;
	bool chain;
};

/**
 * gp_apdu_init() - begin a command; nothing is freed
 *
 * The memory may be uninitialised; call gp_apdu_clear() on a used one first.
 */
void gp_apdu_init(struct gp_apdu *apdu, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2);

/** gp_apdu_clear() - cleanse and free the data; everything is 0 afterwards. */
void gp_apdu_clear(struct gp_apdu *apdu);

/**
 * gp_apdu_add() - append data bytes
 * @p: may be NULL if @len is 0
 *
 * Return: 0; -EMSGSIZE if there would be more than GP_LC_EXTENDED; -ENOMEM. On
 * error nothing has changed.
 */
int gp_apdu_add(struct gp_apdu *apdu, const void *p, size_t len);

/** gp_apdu_add_byte() - gp_apdu_add() of one byte. */
int gp_apdu_add_byte(struct gp_apdu *apdu, uint8_t byte);

/**
 * gp_apdu_add_lv() - append a length and that many bytes
 *
 * The length is as GPCS codes lengths of data fields: one byte up to 7F, then
 * 81 xx and 82 xx xx (GPCS 2.3.1, 11.1.5).
 *
 * Return: as gp_apdu_add(), or -EMSGSIZE for more than GP_LC_EXTENDED.
 */
int gp_apdu_add_lv(struct gp_apdu *apdu, const void *p, size_t len);

/**
 * gp_apdu_add_tlv() - append a BER-TLV
 * @tag: one or two bytes, as a big-endian number
 *
 * Return: as gp_apdu_add_lv().
 */
int gp_apdu_add_tlv(struct gp_apdu *apdu, unsigned int tag, const void *p, size_t len);

/** gp_apdu_copy() - an independent copy. @to is overwritten, not freed. 0 or -ENOMEM. */
int gp_apdu_copy(struct gp_apdu *to, const struct gp_apdu *from);

/** gp_length_size() - bytes of a length field as gp_apdu_add_lv() writes it. */
size_t gp_length_size(size_t len);

/** gp_put_length() - write such a length field; returns its size, 1 to 3. @len < 65536. */
size_t gp_put_length(uint8_t out[3], size_t len);

/**
 * struct gp_wire - how commands are put into bytes
 * @extended: extended length is allowed; used only where short does not do
 * @lc_max: most data bytes of one C-APDU, secure messaging included; 0 means
 *	255, or 65535 if @extended
 * @no_chaining: the card does not know GP_P1_MORE: what is too long for one C-APDU is not
 *	cut but refused
 */
struct gp_wire {
	bool extended;
	size_t lc_max;
	bool no_chaining;
};

/**
 * gp_apdu_segments() - C-APDUs that a command takes
 *
 * Return: 1 or more; -EMSGSIZE if it is too long for one and may not be cut, with code
 * "too-long".
 */
int gp_apdu_segments(const struct gp_apdu *apdu, const struct gp_wire *wire,
		     struct gp_error *err);

/**
 * gp_apdu_encode() - one C-APDU of a command in bytes
 * @apdu: the command, after the secure channel has wrapped it
 * @wire: how; NULL for short C-APDUs of up to 255 data bytes
 * @segment: from 0; all but the last have GP_P1_MORE and no Le
 * @out: gets the C-APDU
 * @room: of @out; 5 + 255 + 1 bytes are enough for short ones
 * @len: out: its length
 *
 * The C-MAC of a cut command is made over the whole of it (GPCS 2.3.1, 11.1.5),
 * therefore wrapping comes before cutting.
 *
 * Return: 0; -EMSGSIZE as gp_apdu_segments(); -EINVAL for a segment that is not
 * there; -ENOSPC for want of room.
 */
int gp_apdu_encode(const struct gp_apdu *apdu, const struct gp_wire *wire, size_t segment,
		   uint8_t *out, size_t room, size_t *len, struct gp_error *err);

/**
 * gp_apdu_decode() - a C-APDU from bytes, the four cases short and extended
 *
 * @out is overwritten, not freed; chain and signed_len are 0.
 *
 * Return: 0; -EBADMSG if the length does not fit Lc and Le; -ENOMEM.
 */
int gp_apdu_decode(struct gp_apdu *out, const uint8_t *p, size_t len, struct gp_error *err);

#endif /* SESAME_GP_APDU_H */
