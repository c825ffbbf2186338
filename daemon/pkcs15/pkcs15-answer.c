// SPDX-License-Identifier: Apache-2.0
/* The walk: what came back, and which file is next. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs15/pkcs15-priv.h"

const char *pkcs15_file_name(const struct pkcs15 *p)
{
	static const char *const names[] = {"EF DIR", "EF ODF", "EF DODF", "EF AODF"};

	return p->file == FILE_DATA ? p->name : names[p->file];
}

void pkcs15_fail(struct pkcs15 *p, int error, const char *format, ...)
{
	va_list ap;

	p->at = AT_FAILED;
	p->error = error;
	va_start(ap, format);
	vsnprintf(p->words, sizeof(p->words), format, ap);
	va_end(ap);
}

void pkcs15_forget(struct pkcs15 *p)
{
	if (p->data)
		explicit_bzero(p->data, p->room);
	free(p->data);
	p->data = NULL;
	p->len = p->room = 0;
}

/* ---- which file ------------------------------------------------------------- */

void pkcs15_go(struct pkcs15 *p, enum pkcs15_file file, const struct pkcs15_path *path)
{
	pkcs15_forget(p);
	p->file = file;
	p->path = *path;
	p->fcp = (struct pkcs15_fcp){.size = -1};
	p->at = AT_SELECT;
}

void pkcs15_go_fid(struct pkcs15 *p, enum pkcs15_file file, uint8_t hi, uint8_t lo)
{
	pkcs15_go(p, file, &(struct pkcs15_path){.fids = {hi, lo}, .len = 2});
}

static void need_pin(struct pkcs15 *p)
{
	if (p->pin.len == 0)
		pkcs15_fail(p, -EACCES,
			    "the card wants a PIN or a secure channel before it shows %s, and "
			    "none is given",
			    p->name);
	else if (p->odf.aodf.len == 0)
		pkcs15_fail(
			p, -EACCES,
			"the card wants a PIN, but has no EF AODF that says which one and how");
	else
		pkcs15_go(p, FILE_AODF, &p->odf.aodf);
}

static void next_dodf(struct pkcs15 *p)
{
	if (p->dodf == p->odf.nr_dodf)
		pkcs15_fail(
			p, -ENOENT,
			"the PKCS #15 application has no data object for bootstrap (in %zu EF "
			"DODF)",
			p->odf.nr_dodf);
	else
		pkcs15_go(p, FILE_DODF, &p->odf.dodf[p->dodf]);
}

/* The application is selected, or its folder known. */
static void enter(struct pkcs15 *p)
{
	if (p->keys)
		p->at = AT_SECURE;
	else
		pkcs15_go_fid(p, FILE_ODF, 0x50, 0x31);
}

/* EF DIR: the AID it tells, else the folder it tells of. */
static void take_dir(struct pkcs15 *p)
{
	struct pkcs15_entry e;

	if (pkcs15_read_dir(p->data, p->len, &e) != 1) {
		pkcs15_fail(p, -ENOENT,
			    "no PKCS #15 application on the card, by its AID or in EF DIR");
	} else if (!gp_aid_equal(&e.aid, &p->tried)) {
		p->aid = e.aid;
		p->at = AT_OPEN;
	} else if (e.path.len > 0) {
		p->base = e.path;
		enter(p);
	} else {
		pkcs15_fail(p, -ENOENT,
			    "EF DIR has a PKCS #15 application that cannot be selected");
	}
}

static void take_dodf(struct pkcs15 *p)
{
	int r = pkcs15_read_dodf(p->data, p->len, &p->oid, &p->object);

	if (r < 0) {
		pkcs15_fail(p, -EBADMSG, "EF DODF is malformed");
	} else if (r == 0) {
		p->dodf++;
		next_dodf(p);
	} else if (p->object.private && p->pin.len > 0) {
		need_pin(p);
	} else {
		/* private without a PIN of ours: the card may be content with the secure
		 * channel */
		pkcs15_go(p, FILE_DATA, &p->object.path);
	}
}

/* @p->file is whole. */
static void taken(struct pkcs15 *p)
{
	switch (p->file) {
	case FILE_DIR:
		take_dir(p);
		break;
	case FILE_ODF:
		if (pkcs15_read_odf(p->data, p->len, &p->odf) != 1) {
			pkcs15_fail(p, -EBADMSG, "EF ODF is malformed, or names no EF DODF");
			break;
		}
		p->dodf = 0;
		next_dodf(p);
		break;
	case FILE_DODF:
		take_dodf(p);
		break;
	case FILE_AODF:
		if (pkcs15_read_aodf(p->data, p->len, p->object.auth_id, p->object.auth_id_len,
				     &p->form) != 1)
			pkcs15_fail(p, -EACCES,
				    "EF AODF does not tell of the PIN that is wanted");
		else
			p->at = AT_TRIES;
		break;
	case FILE_DATA:
	default:
		p->at = AT_DONE;
		break;
	}
}

/* ---- answers ---------------------------------------------------------------- */

void pkcs15_opened(struct pkcs15 *p, uint16_t sw)
{
	if (!p->waiting || p->at != AT_OPEN)
		return;
	p->waiting = false;
	if (sw == SW_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63) {
		if (p->aid.len == 0) { /* the default one, for EF DIR */
			pkcs15_go_fid(p, FILE_DIR, 0x2f, 0x00);
		} else {
			enter(p);
		}
	} else if (sw == SW_NOT_FOUND && !p->given_aid && !p->through_dir) {
		p->through_dir = true;
		p->tried = p->aid;
		p->aid = (struct gp_aid){0};
	} else if (sw == SW_NOT_FOUND) {
		pkcs15_fail(p, -ENOENT, "no PKCS #15 application on the card");
	} else {
		pkcs15_fail(p, -EREMOTEIO, "the PKCS #15 application cannot be selected (%04X)",
			    sw);
	}
}

static bool add(struct pkcs15 *p, const uint8_t *data, size_t len)
{
	size_t max = p->file == FILE_DATA ? PKCS15_FILE_MAX : PKCS15_DIR_MAX;
	uint8_t *room;

	if (len > max - p->len) {
		pkcs15_fail(p, -EFBIG, "%s has more than %zu bytes", pkcs15_file_name(p), max);
		return false;
	}
	if (len > p->room - p->len) {
		room = malloc(p->room + len + 1024);
		if (!room) {
			pkcs15_fail(p, -ENOMEM, "out of memory");
			return false;
		}
		if (p->len > 0) {
			memcpy(room, p->data, p->len);
			explicit_bzero(p->data, p->len);
		}
		free(p->data);
		p->data = room;
		p->room += len + 1024;
	}
	if (len > 0)
		memcpy(p->data + p->len, data, len);
	p->len += len;
	return true;
}

/* A file was selected: how much of it is to be read. */
static void selected(struct pkcs15 *p, const uint8_t *data, size_t len)
{
	size_t max = p->file == FILE_DATA ? PKCS15_FILE_MAX : PKCS15_DIR_MAX;

	pkcs15_read_fcp(data, len, &p->fcp);
	p->end_known = p->fcp.size >= 0;
	p->end = p->end_known ? (size_t)p->fcp.size : max;
	if (p->path.part > 0 && p->path.offset + p->path.part < p->end) {
		p->end = p->path.offset + p->path.part;
		p->end_known = true;
	}
	if (p->fcp.records && p->file != FILE_DIR) {
		pkcs15_fail(p, -EBADMSG, "%s is not a transparent file", pkcs15_file_name(p));
	} else if (p->fcp.records) {
		p->record = 1;
		p->at = AT_RECORD;
	} else if (p->end > max) {
		pkcs15_fail(p, -EFBIG, "%s has %zu bytes, %zu are expected at most",
			    pkcs15_file_name(p), p->end, max);
	} else if (p->end_known && p->path.offset >= p->end) {
		taken(p);
	} else {
		p->at = AT_READ;
	}
}

static void answer_select(struct pkcs15 *p, uint16_t sw, const uint8_t *data, size_t len)
{
	bool unknown_way = sw == SW_NOT_FOUND || sw == 0x6a81 || sw == 0x6a86 || sw == 0x6a87 ||
			   sw == 0x6a80 || sw == SW_OFFSET || sw == 0x6700;

	if (sw == SW_OK || sw >> 8 == 0x62)
		selected(p, data, len);
	else if (unknown_way && !p->by_fid)
		p->by_fid = true; /* not the same command again: by the last identifier alone */
	else if (sw == SW_SECURITY && p->file == FILE_DATA && !p->verified)
		need_pin(p);
	else if (p->file == FILE_DIR)
		pkcs15_fail(p, -ENOENT,
			    "no PKCS #15 application on the card, and no EF DIR (%04X)", sw);
	else if (sw == SW_NOT_FOUND)
		pkcs15_fail(p, -ENOENT, "the card has no %s", pkcs15_file_name(p));
	else
		pkcs15_fail(p, sw == SW_SECURITY ? -EACCES : -EREMOTEIO,
			    "%s cannot be selected (%04X)", pkcs15_file_name(p), sw);
}

static void answer_read(struct pkcs15 *p, uint16_t sw, const uint8_t *data, size_t len)
{
	size_t enough;

	if (sw == SW_OK || sw == SW_END_OF_FILE) {
		if (!add(p, data, len))
			return;
		enough = p->file == FILE_DATA && p->enough ? p->enough(p->data, p->len) : 0;
		if (len == 0 || sw == SW_END_OF_FILE || (enough > 0 && p->len >= enough) ||
		    (p->end_known && p->path.offset + p->len >= p->end) ||
		    (!p->end_known && len < p->asked))
			taken(p);
		else if (p->path.offset + p->len > 0x7fff)
			pkcs15_fail(p, -EFBIG, "%s has more bytes than READ BINARY reaches",
				    pkcs15_file_name(p));
	} else if (sw == SW_OFFSET && p->len > 0 && !p->end_known) {
		taken(p);
	} else if (sw == SW_STRUCTURE && p->file == FILE_DIR && p->len == 0) {
		p->record = 1;
		p->at = AT_RECORD;
	} else if (sw == SW_SECURITY && p->file == FILE_DATA && !p->verified) {
		need_pin(p);
	} else {
		pkcs15_fail(p, sw == SW_SECURITY ? -EACCES : -EREMOTEIO,
			    "%s cannot be read (%04X)%s", pkcs15_file_name(p), sw,
			    sw == SW_SECURITY && !p->secured
				    ? "; the card may want a secure channel"
				    : "");
	}
}

static void answer_record(struct pkcs15 *p, uint16_t sw, const uint8_t *data, size_t len)
{
	if (sw != SW_OK && sw != SW_END_OF_FILE) {
		if (sw == SW_NO_RECORD || p->record > 1)
			taken(p);
		else
			pkcs15_fail(p, -ENOENT, "EF DIR cannot be read (%04X)", sw);
	} else if (add(p, data, len) && ++p->record > RECORDS_MAX) {
		taken(p);
	}
}

static void answer_tries(struct pkcs15 *p, uint16_t sw)
{
	if (sw == SW_OK) { /* it was presented already, or is switched off */
		p->verified = true;
		pkcs15_go(p, FILE_DATA, &p->object.path);
	} else if ((sw & 0xfff0) == 0x63c0 && (sw & 0x0f) >= TRIES_WANTED) {
		p->at = AT_VERIFY;
	} else if (sw == SW_BLOCKED || sw == 0x63c0) {
		pkcs15_fail(p, -EACCES, "the PIN of the card is blocked");
	} else if ((sw & 0xfff0) == 0x63c0) {
		pkcs15_fail(
			p, -EACCES,
			"only one try is left for the PIN of the card: it is not presented");
	} else {
		pkcs15_fail(p, -EACCES,
			    "the card does not say how many tries its PIN has left (%04X)", sw);
	}
}

static void answer_verify(struct pkcs15 *p, uint16_t sw)
{
	if (sw == SW_OK) {
		p->verified = true;
		pkcs15_go(p, FILE_DATA, &p->object.path);
	} else if ((sw & 0xfff0) == 0x63c0) {
		pkcs15_fail(p, -EACCES, "the PIN is wrong; %u tries are left", sw & 0x0fU);
	} else {
		pkcs15_fail(p, -EACCES, "the card did not take the PIN (%04X)", sw);
	}
}

/* 61xx and 6Cxx are answered here. Return: true if the answer is not the last word. */
static bool more(struct pkcs15 *p, uint16_t sw, const uint8_t *data, size_t len)
{
	uint8_t before = p->again;

	p->again = 0;
	if (p->secured || (sw >> 8 != 0x61 && sw >> 8 != 0x6c))
		return false;
	if (sw >> 8 == 0x6c && before != 0)
		return false; /* a card that contradicts itself */
	if (sw >> 8 == 0x6c && p->at == AT_VERIFY)
		return false; /* a PIN is presented once, whatever the card says of Le */
	if (len > 0 && (p->at == AT_READ || p->at == AT_RECORD) && !add(p, data, len))
		return true;
	p->asked = (sw & 0xff) ? sw & 0xff : GP_LE_ANY;
	p->again = (uint8_t)(sw >> 8);
	return true;
}

void pkcs15_answer(struct pkcs15 *p, const uint8_t *rsp, size_t len)
{
	struct gp_error err = {0};
	uint8_t *clear;
	uint16_t sw;
	int r;

	if (!p->waiting || p->at == AT_OPEN)
		return;
	p->waiting = false;
	if (len < 2) {
		pkcs15_fail(p, -EBADMSG, "an answer without status word");
		return;
	}
	if (p->at == AT_SECURE) {
		r = gp_scp_feed(p->scp, rsp, len, &err);
		if (r < 0)
			pkcs15_fail(p, r == -EKEYREJECTED || r == -EACCES ? r : -EREMOTEIO,
				    "secure channel to the PKCS #15 application: %s",
				    err.detail);
		return;
	}
	clear = malloc(len);
	if (!clear) {
		pkcs15_fail(p, -ENOMEM, "out of memory");
		return;
	}
	memcpy(clear, rsp, len);
	r = p->secured ? gp_scp_unwrap(p->scp, clear, &len, &err) : 0;
	if (r < 0) {
		pkcs15_fail(p, -EREMOTEIO, "%s: %s", pkcs15_file_name(p), err.detail);
		goto out;
	}
	len -= 2;
	sw = (uint16_t)(clear[len] << 8 | clear[len + 1]);
	if (more(p, sw, clear, len))
		goto out;
	switch (p->at) {
	case AT_SELECT:
		answer_select(p, sw, clear, len);
		break;
	case AT_READ:
		answer_read(p, sw, clear, len);
		break;
	case AT_RECORD:
		answer_record(p, sw, clear, len);
		break;
	case AT_TRIES:
		answer_tries(p, sw);
		break;
	case AT_VERIFY:
		answer_verify(p, sw);
		break;
	case AT_OPEN:
	case AT_SECURE:
	case AT_DONE:
	case AT_FAILED:
	default:
		break;
	}
out:
	explicit_bzero(clear, len);
	free(clear);
}
