// SPDX-License-Identifier: Apache-2.0
/*
 * Command scripts, TS 102 226, 5.2.1 (expanded) and 5.1.1 (compact), decoded
 * byte by byte. What is refused is refused at its first wrong byte.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script.h"

#define ACTION_MAX 255 /* longest proactive command, TS 102 223 */
#define LENGTH_MAX 4   /* bytes of a long form length */
#define COMMANDS_MAX 65535
#define TOTAL_MAX (16U * 1024 * 1024)

enum state {
	ST_TEMPLATE_TAG,
	ST_TEMPLATE_LEN,
	ST_TAG,
	ST_LEN,
	ST_VALUE,
	ST_EOC, /* second byte of end-of-contents */
	ST_COMPACT,
	ST_DONE,
	ST_ERROR,
};

struct script_decoder {
	struct script_limits limits;
	struct script_error error;
	enum script_format format;
	enum state state;
	int result; /* of ST_ERROR */
	bool indefinite;
	bool end_told;
	bool any;	  /* a TLV came before */
	bool length_long; /* in mid of a long form length */
	uint8_t length_left;
	uint64_t length;
	uint64_t offset;       /* bytes taken so far */
	uint64_t template_end; /* AA: offset after its last byte */
	uint64_t start;	       /* offset of the current TLV or C-APDU */
	uint8_t tag;
	uint32_t commands;
	uint8_t *buf;
	size_t room;
	size_t have;
	size_t want;
};

struct script_decoder *script_decoder_new(enum script_format format,
					  const struct script_limits *limits)
{
	struct script_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	if (limits)
		d->limits = *limits;
	if (!d->limits.capdu_max || d->limits.capdu_max > SE_CAPDU_MAX)
		d->limits.capdu_max = SE_CAPDU_MAX;
	if (!d->limits.commands_max)
		d->limits.commands_max = COMMANDS_MAX;
	if (!d->limits.total_max)
		d->limits.total_max = TOTAL_MAX;
	d->format = format;
	d->state = format == SCRIPT_COMPACT ? ST_COMPACT : ST_TEMPLATE_TAG;
	return d;
}

void script_decoder_free(struct script_decoder *d)
{
	if (!d)
		return;
	if (d->buf) {
		explicit_bzero(d->buf, d->room);
		free(d->buf);
	}
	free(d);
}

const struct script_error *script_decoder_error(const struct script_decoder *d)
{
	return &d->error;
}

bool script_decoder_indefinite(const struct script_decoder *d)
{
	return d->indefinite;
}

__attribute__((format(printf, 6, 7))) static int refuse(struct script_decoder *d, int result,
							uint8_t code, uint64_t offset,
							const char *hint, const char *what, ...)
{
	va_list ap;

	d->state = ST_ERROR;
	d->result = result;
	d->error.code = code;
	d->error.offset = offset;
	va_start(ap, what);
	vsnprintf(d->error.what, sizeof(d->error.what), what, ap);
	va_end(ap);
	snprintf(d->error.hint, sizeof(d->error.hint), "%s", hint);
	return result;
}

/* room for a value; what the old buffer held is not left behind in the heap */
static int reserve(struct script_decoder *d, size_t size)
{
	uint8_t *buf;
	size_t room;

	if (size <= d->room)
		return 0;
	room = size < 512 ? 512 : size;
	buf = malloc(room);
	if (!buf)
		return refuse(d, -ENOMEM, SCRIPT_BAD_LENGTH, d->start, "try again later",
			      "no memory for %zu bytes", size);
	if (d->buf) {
		memcpy(buf, d->buf, d->have);
		explicit_bzero(d->buf, d->room);
		free(d->buf);
	}
	d->buf = buf;
	d->room = room;
	return 0;
}

static int emit(struct script_decoder *d, enum script_item_type type, size_t len,
		struct script_item *item)
{
	item->type = type;
	item->data = d->buf;
	item->len = len;
	item->index = 0;
	item->offset = d->start;
	if (type == SCRIPT_ITEM_CAPDU)
		item->index = d->commands++;
	return 1;
}

static int emit_end(struct script_decoder *d, struct script_item *item)
{
	d->state = ST_DONE;
	d->end_told = true;
	item->type = SCRIPT_ITEM_END;
	item->data = NULL;
	item->len = 0;
	item->index = 0;
	item->offset = d->offset;
	return 1;
}

static int take_template_tag(struct script_decoder *d, uint8_t byte)
{
	if (byte != SCRIPT_TAG_COMMANDS && byte != SCRIPT_TAG_COMMANDS_INDEF)
		return refuse(d, -EBADMSG, SCRIPT_BAD_TAG, d->offset - 1,
			      "a command script is AA len ... or AE 80 ... 00 00",
			      "script starts with %02X, not with AA or AE", byte);
	d->indefinite = byte == SCRIPT_TAG_COMMANDS_INDEF;
	d->state = ST_TEMPLATE_LEN;
	return 0;
}

/*
 * One byte of a definite length. Returns 1 when it is complete, 0 when more bytes
 * are to come, or refuses.
 */
static int take_length(struct script_decoder *d, uint8_t byte)
{
	if (d->length_long) {
		d->length = (d->length << 8) | byte;
		if (--d->length_left)
			return 0;
		d->length_long = false;
		return 1;
	}
	if (byte < 0x80) {
		d->length = byte;
		return 1;
	}
	if (byte == 0x80)
		return refuse(d, -EBADMSG, SCRIPT_BAD_NO_LENGTH, d->offset - 1,
			      "only the template AE may have an indefinite length",
			      "indefinite length (80) after tag %02X", d->tag);
	if (byte > 0x80 + LENGTH_MAX)
		return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset - 1,
			      "a length has at most four bytes after the first: 84 xx xx xx xx",
			      "length of %u bytes after tag %02X", byte & 0x7fU, d->tag);
	d->length_long = true;
	d->length_left = byte & 0x7f;
	d->length = 0;
	return 0;
}

static int take_template_length(struct script_decoder *d, uint8_t byte)
{
	int r;

	if (d->indefinite) {
		if (byte != 0x80)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset - 1,
				      "write AE 80 ... 00 00, or use AA for a definite length",
				      "template AE has length byte %02X, not 80", byte);
		d->state = ST_TAG;
		return 0;
	}
	d->tag = SCRIPT_TAG_COMMANDS;
	r = take_length(d, byte);
	if (r <= 0)
		return r;
	if (d->length > d->limits.total_max - d->offset)
		return refuse(d, -EMSGSIZE, SCRIPT_BAD_LENGTH, d->start + 1,
			      "split the script into several",
			      "script of %llu bytes, more than the %llu allowed here",
			      (unsigned long long)(d->length + d->offset),
			      (unsigned long long)d->limits.total_max);
	d->template_end = d->offset + d->length;
	d->state = ST_TAG;
	return 0;
}

static int take_tag(struct script_decoder *d, uint8_t byte)
{
	d->start = d->offset - 1;
	d->tag = byte;
	if (byte == 0x00 && d->indefinite) {
		d->state = ST_EOC;
		return 0;
	}
	switch (byte) {
	case SCRIPT_TAG_CAPDU:
	case SCRIPT_TAG_IMMEDIATE:
	case SCRIPT_TAG_ERROR_ACTION:
		break;
	case SCRIPT_TAG_CHAINING:
		if (d->any)
			return refuse(d, -EBADMSG, SCRIPT_BAD_TAG, d->start,
				      "put the script chaining TLV (83) first",
				      "script chaining (83) is not the first TLV");
		break;
	default:
		return refuse(d, -EBADMSG, SCRIPT_BAD_TAG, d->start,
			      "22 C-APDU, 81 immediate action, 82 error action, 83 chaining",
			      "unknown tag %02X in a command script", byte);
	}
	d->state = ST_LEN;
	return 0;
}

static int check_length(struct script_decoder *d)
{
	uint64_t max = d->tag == SCRIPT_TAG_CAPDU ? d->limits.capdu_max : ACTION_MAX;
	uint64_t at = d->start + 1;

	if (!d->indefinite && d->length > d->template_end - d->offset)
		return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, at,
			      "check the length of this TLV and that of the template AA",
			      "TLV %02X of %llu bytes runs past the template's end by %llu",
			      d->tag, (unsigned long long)d->length,
			      (unsigned long long)(d->length - (d->template_end - d->offset)));
	switch (d->tag) {
	case SCRIPT_TAG_CAPDU:
		if (d->length < SE_CAPDU_MIN)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, at,
				      "a C-APDU has at least CLA INS P1 P2",
				      "C-APDU %u of %llu bytes", d->commands,
				      (unsigned long long)d->length);
		if (d->commands >= d->limits.commands_max)
			return refuse(d, -EMSGSIZE, SCRIPT_BAD_LENGTH, d->start,
				      "split the script into several", "more than %u C-APDUs",
				      d->limits.commands_max);
		break;
	case SCRIPT_TAG_IMMEDIATE:
		if (!d->length)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, at,
				      "an immediate action has at least one byte",
				      "empty immediate action (81)");
		break;
	case SCRIPT_TAG_CHAINING:
		if (d->length != 1)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, at,
				      "write 83 01 and then 01, 11, 02 or 03",
				      "script chaining (83) of %llu bytes, not 1",
				      (unsigned long long)d->length);
		break;
	default:
		break;
	}
	if (d->length > max)
		return refuse(d, -EMSGSIZE, SCRIPT_BAD_LENGTH, at,
			      d->tag == SCRIPT_TAG_CAPDU
				      ? "send the data in several commands"
				      : "a proactive command has at most 255 bytes",
			      "TLV %02X of %llu bytes, more than %llu", d->tag,
			      (unsigned long long)d->length, (unsigned long long)max);
	return reserve(d, (size_t)d->length);
}

static int value_done(struct script_decoder *d, struct script_item *item)
{
	size_t len = d->want;

	d->state = ST_TAG;
	d->any = true;
	switch (d->tag) {
	case SCRIPT_TAG_CAPDU:
		if (script_capdu_case(d->buf, len) < 0)
			return refuse(
				d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset - len + 4,
				"Lc must be the number of data bytes; Le, if any, comes after",
				"C-APDU %u: P3 %02X does not fit its length of %zu bytes",
				d->commands, d->buf[4], len);
		return emit(d, SCRIPT_ITEM_CAPDU, len, item);
	case SCRIPT_TAG_IMMEDIATE:
		return emit(d, SCRIPT_ITEM_IMMEDIATE, len, item);
	case SCRIPT_TAG_ERROR_ACTION:
		return emit(d, SCRIPT_ITEM_ERROR_ACTION, len, item);
	default:
		switch (d->buf[0]) {
		case SCRIPT_CHAIN_FIRST:
		case SCRIPT_CHAIN_FIRST_KEEP:
		case SCRIPT_CHAIN_MORE:
		case SCRIPT_CHAIN_LAST:
			return emit(d, SCRIPT_ITEM_CHAINING, len, item);
		default:
			return refuse(d, -EBADMSG, SCRIPT_BAD_TAG, d->offset - 1,
				      "write 83 01 and then 01, 11, 02 or 03",
				      "unknown script chaining value %02X", d->buf[0]);
		}
	}
}

static int take_len(struct script_decoder *d, uint8_t byte, struct script_item *item)
{
	int r = take_length(d, byte);

	if (r <= 0)
		return r;
	r = check_length(d);
	if (r < 0)
		return r;
	d->have = 0;
	d->want = (size_t)d->length;
	d->state = ST_VALUE;
	return d->want ? 0 : value_done(d, item);
}

static int take_value(struct script_decoder *d, const uint8_t *data, size_t len, size_t *used,
		      struct script_item *item)
{
	size_t n = d->want - d->have;

	if (n > len)
		n = len;
	memcpy(d->buf + d->have, data, n);
	d->have += n;
	d->offset += n;
	*used += n;
	return d->have == d->want ? value_done(d, item) : 0;
}

/*
 * Compact: CLA INS P1 P2 P3 and P3 bytes of data. Commands that only return data
 * (case 2) come last (5.1.1), so a command whose data are missing at the end of
 * the script is one of these and P3 its Le. A P3 of 00 in the middle is case 1.
 */
static int compact_next(struct script_decoder *d)
{
	if (d->commands >= d->limits.commands_max)
		return refuse(d, -EMSGSIZE, SCRIPT_BAD_LENGTH, d->start,
			      "split the script into several", "more than %u C-APDUs",
			      d->limits.commands_max);
	return reserve(d, 5 + 255);
}

static int take_compact(struct script_decoder *d, const uint8_t *data, size_t len, size_t *used,
			struct script_item *item)
{
	size_t want = 5, n;
	int r;

	if (!d->have) {
		d->start = d->offset;
		r = compact_next(d);
		if (r < 0)
			return r;
	} else if (d->have >= 5) {
		want += d->buf[4];
		if (want == 5) { /* and yet something follows */
			d->have = 0;
			return emit(d, SCRIPT_ITEM_CAPDU, 4, item);
		}
	}
	n = want - d->have < len ? want - d->have : len;
	memcpy(d->buf + d->have, data, n);
	d->have += n;
	d->offset += n;
	*used += n;
	if (want == 5 || d->have < want)
		return 0;
	d->have = 0;
	return emit(d, SCRIPT_ITEM_CAPDU, want, item);
}

static int too_long(struct script_decoder *d)
{
	return refuse(d, -EMSGSIZE, SCRIPT_BAD_LENGTH, d->offset,
		      "split the script into several",
		      "script is longer than the %llu bytes allowed here",
		      (unsigned long long)d->limits.total_max);
}

static int feed_some(struct script_decoder *d, const uint8_t *data, size_t len, size_t *used,
		     struct script_item *item)
{
	uint8_t byte;

	/* a definite template ends without a byte that says so */
	if (d->state == ST_TAG && !d->indefinite && d->offset == d->template_end)
		return emit_end(d, item);
	if (*used == len)
		return 0;
	if (d->state != ST_DONE && d->offset >= d->limits.total_max)
		return too_long(d);
	if (d->state == ST_VALUE || d->state == ST_COMPACT) {
		uint64_t left = d->limits.total_max - d->offset;
		size_t n = len - *used;

		if (n > left)
			n = (size_t)left;
		if (d->state == ST_VALUE)
			return take_value(d, data + *used, n, used, item);
		return take_compact(d, data + *used, n, used, item);
	}
	if (d->state == ST_DONE)
		return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset,
			      "check the length of the template, and send one template only",
			      "bytes after the end of the script");
	/* a TLV's own tag and length must lie in the template too */
	if (d->state == ST_LEN && !d->indefinite && d->offset == d->template_end)
		return refuse(d, -EBADMSG, SCRIPT_BAD_NO_LENGTH, d->offset,
			      "check the length of the template AA",
			      "template ends before the length of TLV %02X", d->tag);
	byte = data[(*used)++];
	d->offset++;
	switch (d->state) {
	case ST_TEMPLATE_TAG:
		return take_template_tag(d, byte);
	case ST_TEMPLATE_LEN:
		return take_template_length(d, byte);
	case ST_TAG:
		return take_tag(d, byte);
	case ST_LEN:
		return take_len(d, byte, item);
	case ST_EOC:
		if (byte)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset - 1,
				      "an AE script ends with 00 00",
				      "end of contents is 00 %02X, not 00 00", byte);
		return emit_end(d, item);
	default:
		return -EBADMSG;
	}
}

int script_decoder_feed(struct script_decoder *d, const uint8_t *data, size_t len, size_t *used,
			struct script_item *item)
{
	int r;

	*used = 0;
	if (d->state == ST_ERROR)
		return d->result;
	do {
		uint64_t before = d->offset;
		enum state state = d->state;

		r = feed_some(d, data, len, used, item);
		if (!r && d->offset == before && d->state == state)
			break;
	} while (!r);
	return r;
}

int script_decoder_end(struct script_decoder *d, struct script_item *item)
{
	size_t used = 0;
	int r;

	if (d->state == ST_ERROR)
		return d->result;
	if (d->end_told)
		return 0;
	if (d->state == ST_COMPACT) {
		if (d->have == 5) { /* the last command: case 2, P3 is Le */
			d->have = 0;
			return emit(d, SCRIPT_ITEM_CAPDU, 5, item);
		}
		if (d->have)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset,
				      "each command is CLA INS P1 P2 P3 and P3 bytes of data",
				      "script is cut short in C-APDU %u", d->commands);
		return emit_end(d, item);
	}
	r = script_decoder_feed(d, NULL, 0, &used, item);
	if (r)
		return r;
	switch (d->state) {
	case ST_TEMPLATE_TAG:
		return refuse(d, -EBADMSG, SCRIPT_BAD_NO_LENGTH, d->offset,
			      "a command script is AA len ... or AE 80 ... 00 00",
			      "script is empty");
	case ST_TEMPLATE_LEN:
	case ST_LEN:
		return refuse(d, -EBADMSG, SCRIPT_BAD_NO_LENGTH, d->offset,
			      "write the script again from its start, to its end",
			      "script is cut short after tag %02X", d->tag);
	case ST_VALUE:
		return refuse(
			d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset,
			"write the script again from its start, to its end",
			"script is cut short in TLV %02X at byte %llu, %zu bytes are missing",
			d->tag, (unsigned long long)d->start, d->want - d->have);
	default:
		if (d->indefinite)
			return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset,
				      "end an AE script with 00 00",
				      "script is cut short: end of contents is missing");
		return refuse(d, -EBADMSG, SCRIPT_BAD_LENGTH, d->offset,
			      "write the script again from its start, to its end",
			      "script is cut short: %llu of the template's bytes are missing",
			      (unsigned long long)(d->template_end - d->offset));
	}
}

static void count(struct script_summary *sum, const struct script_item *item)
{
	switch (item->type) {
	case SCRIPT_ITEM_CAPDU:
		sum->commands++;
		sum->capdu_bytes += item->len;
		if (item->len > sum->capdu_longest)
			sum->capdu_longest = item->len;
		break;
	case SCRIPT_ITEM_IMMEDIATE:
		sum->immediate++;
		break;
	case SCRIPT_ITEM_CHAINING:
		sum->chaining = item->data[0];
		break;
	case SCRIPT_ITEM_ERROR_ACTION:
	case SCRIPT_ITEM_END:
	default:
		break;
	}
}

int script_check(enum script_format format, const struct script_limits *limits,
		 const uint8_t *data, size_t len, struct script_summary *sum,
		 struct script_error *err)
{
	struct script_decoder *d = script_decoder_new(format, limits);
	struct script_item item;
	size_t used;
	int r;

	memset(sum, 0, sizeof(*sum));
	if (!d)
		return -ENOMEM;
	while ((r = script_decoder_feed(d, data, len, &used, &item)) >= 0) {
		data += used;
		len -= used;
		if (r)
			count(sum, &item);
		else if (!len)
			break;
	}
	while (r >= 0 && (r = script_decoder_end(d, &item)) > 0)
		count(sum, &item);
	sum->indefinite = d->indefinite;
	if (r < 0 && err)
		*err = d->error;
	script_decoder_free(d);
	return r;
}
