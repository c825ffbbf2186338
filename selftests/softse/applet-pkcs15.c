// SPDX-License-Identifier: Apache-2.0
/*
 * A PKCS #15 application with the files of ISO/IEC 7816-15, EF LwM2M_Bootstrap (OMA
 * LwM2M core, appendix G), and EF DM_Bootstrap (OMA DM) if it was installed so. A file
 * that has secrets in it is free, behind a PIN, or
 * behind an SCP03 session (appendix H), as the instance was installed.
 */
#include <string.h>

#include "applet-pin.h"
#include "applet-pkcs15.h"
#include "applet.h"
#include "crypto.h"

enum {
	INS_VERIFY = 0x20,
	INS_CHANGE_PIN = 0x24,
	INS_PERFORM_SECURITY_OPERATION = 0x2a,
	INS_SELECT = 0xa4,
	INS_READ = 0xb0,
	INS_READ_ODD = 0xb1,
	INS_UPDATE = 0xd6,
	FID_MF = 0x3f00,
	FID_HERE = 0x7fff, /* the application's own folder, in paths */
	TAG_FILE = 0x4546,
	PIN_REF = 1,
	SW_OFFSET = 0x6b00,
	SW_NO_EF = 0x6986,
};

#define FILE_MAX 32767
#define SFI 0x80
#define CMAC 0x01
#define CONFIDENTIAL 0x33 /* appendix H: EXTERNAL AUTHENTICATE with P1 33 */

/* Where a channel is; zero after SELECT by name: in the application's folder. */
struct place {
	uint8_t mf;   /* in the master file instead */
	uint8_t file; /* number in files[] and one; 0: none */
	uint8_t pin;  /* was given */
};

static const struct {
	uint16_t fid;
	uint8_t sfi;
	uint8_t mf;
} files[] = {
	{FID_DIR, 0x1e, 1},  {FID_ODF, 0x11, 0},   {FID_TOKEN_INFO, 0x12, 0},
	{FID_AODF, 0x01, 0}, {FID_PRKDF, 0x02, 0}, {FID_CDF, 0x04, 0},
	{FID_DODF, 0x05, 0}, {FID_LWM2M, 0x06, 0}, {FID_CERTIFICATE, 0x07, 0},
	{FID_DM, 0x08, 0},
};

#define FILES (sizeof(files) / sizeof(files[0]))

static uint8_t mode_of(struct entry *e)
{
	struct object *o = entry_object(e, PKCS15_MODE, 0);

	return o && o->v->len == 1 ? (uint8_t)(o->v->v[0] & ~PKCS15_WITH_DM) : PKCS15_SCP03;
}

static struct object *content(struct entry *e, const struct place *at)
{
	return at->file ? entry_object(e, TAG_FILE, files[at->file - 1].fid) : NULL;
}

/* File control information, ISO/IEC 7816-4, 7.4. */
static void describe(struct entry *e, const struct place *at, uint32_t template,
		     struct buf *rsp)
{
	struct object *o = content(e, at);
	uint8_t room[64], v[2];
	struct buf fci = {.data = room, .room = sizeof(room)};
	struct buf pair = {.data = v, .room = sizeof(v)};
	uint8_t kind = at->file ? 0x01 : 0x38; /* transparent, or a folder */

	if (at->file) {
		buf_be16(&pair, (uint16_t)(o ? o->v->len : 0));
		buf_tlv(&fci, 0x80, v, 2);
	}
	buf_tlv(&fci, 0x82, &kind, 1);
	pair.len = 0;
	buf_be16(&pair, at->file ? files[at->file - 1].fid : at->mf ? FID_MF : FID_PKCS15);
	buf_tlv(&fci, 0x83, v, 2);
	if (!at->file && !at->mf)
		buf_tlv(&fci, 0x84, e->aid.v, e->aid.len);
	kind = 0x05; /* operational, activated */
	buf_tlv(&fci, 0x8a, &kind, 1);
	buf_tlv(rsp, template, fci.data, fci.len);
}

/* One step down from where we are, or the folder itself. */
static bool enter(struct entry *e, struct place *at, uint16_t fid)
{
	if (at->file)
		return false;
	if (at->mf && fid == FID_PKCS15) {
		at->mf = 0;
		return true;
	}
	for (size_t i = 0; i < FILES; i++) {
		if (files[i].fid != fid || files[i].mf != at->mf)
			continue;
		at->file = (uint8_t)(i + 1);
		return entry_object(e, TAG_FILE, fid);
	}
	return false;
}

/* A path; the first step may be the master file or the application's folder. */
static bool walk(struct entry *e, struct place *at, const uint8_t *path, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2) {
		uint16_t fid = get_be16(path + i);

		if (!i && (fid == FID_MF || fid == FID_HERE))
			at->mf = fid == FID_MF;
		else if (!enter(e, at, fid))
			return false;
	}
	return true;
}

static uint16_t select_file(struct entry *e, struct place *at, struct apdu *a)
{
	struct place to = {.mf = at->mf, .pin = at->pin};
	uint16_t fid = a->lc == 2 ? get_be16(a->data) : 0;
	bool found;

	if (a->p2 & ~0x0c)
		return SW_P1P2;
	switch (a->p1) {
	case 0x00: /* by identifier: here, the folder above, or the folder itself */
		if (a->lc && a->lc != 2)
			return SW_LENGTH;
		if (!a->lc || fid == FID_MF) {
			to.mf = 1;
			found = true;
		} else if (fid == FID_HERE || (fid == FID_PKCS15 && !to.mf)) {
			to.mf = 0;
			found = true;
		} else {
			found = enter(e, &to, fid);
		}
		break;
	case 0x01:
		found = to.mf && fid == FID_PKCS15;
		to.mf = 0;
		break;
	case 0x02:
		found = enter(e, &to, fid) && to.file;
		break;
	case 0x03:
		if (a->lc)
			return SW_LENGTH;
		found = !to.mf;
		to.mf = 1;
		break;
	case 0x08:
	case 0x09:
		if (!a->lc || a->lc % 2 || a->lc > 16)
			return SW_LENGTH;
		if (a->p1 == 0x08)
			to.mf = 1;
		found = walk(e, &to, a->data, a->lc);
		break;
	default:
		return SW_P1P2;
	}
	if (!found)
		return SW_NOT_FOUND; /* what was current stays so */
	*at = to;
	if ((a->p2 & 0x0c) == 0x00)
		describe(e, at, 0x6f, &a->rsp);
	else if ((a->p2 & 0x0c) == 0x04)
		describe(e, at, 0x62, &a->rsp);
	return SW_OK;
}

/* The file that an even command means, and the offset in it. */
static uint16_t find_even(struct entry *e, struct place *at, const struct apdu *a,
			  size_t *offset)
{
	if (!(a->p1 & SFI)) {
		*offset = (size_t)a->p1 << 8 | a->p2;
		return at->file ? SW_OK : SW_NO_EF;
	}
	*offset = a->p2;
	if (a->p1 & 0x60)
		return SW_P1P2;
	for (size_t i = 0; i < FILES; i++) {
		if (files[i].sfi != (a->p1 & 0x1f) || files[i].mf != at->mf ||
		    !entry_object(e, TAG_FILE, files[i].fid))
			continue;
		at->file = (uint8_t)(i + 1);
		return SW_OK;
	}
	return SW_NOT_FOUND;
}

static bool may_read(struct channel *ch, const struct place *at)
{
	if (files[at->file - 1].fid != FID_LWM2M && files[at->file - 1].fid != FID_DM)
		return true;
	switch (mode_of(ch->selected)) {
	case PKCS15_PLAIN:
		return true;
	case PKCS15_PIN:
		return at->pin;
	default:
		return applet_authenticated(ch, CONFIDENTIAL);
	}
}

static size_t wanted(const struct apdu *a)
{
	return a->has_le ? a->ne : 256;
}

static uint16_t read_even(struct channel *ch, struct place *at, struct apdu *a)
{
	struct object *o;
	size_t offset, n;
	uint16_t sw;

	if (a->lc)
		return SW_LENGTH;
	sw = find_even(ch->selected, at, a, &offset);
	if (sw != SW_OK)
		return sw;
	if (!may_read(ch, at))
		return SW_SECURITY;
	o = content(ch->selected, at);
	if (!o)
		return SW_NOT_FOUND;
	if (offset > o->v->len)
		return SW_OFFSET;
	n = o->v->len - offset;
	buf_put(&a->rsp, o->v->v + offset, n < wanted(a) ? n : wanted(a));
	return SW_OK;
}

/* Offset in a data object 54, answer in 53: any offset, any file by identifier. */
static uint16_t read_odd(struct channel *ch, struct place *at, struct apdu *a)
{
	uint16_t fid = (uint16_t)(a->p1 << 8 | a->p2);
	const uint8_t *p = a->data;
	struct object *o;
	struct tlv t;
	size_t offset = 0, n, head;

	if (tlv_next(&p, a->data + a->lc, &t) != 1 || t.tag != 0x54 || !t.len || t.len > 3 ||
	    p != a->data + a->lc)
		return SW_WRONG_DATA;
	for (size_t i = 0; i < t.len; i++)
		offset = offset << 8 | t.val[i];
	if (fid) {
		struct place to = {.mf = at->mf, .pin = at->pin};

		if (!enter(ch->selected, &to, fid) || !to.file)
			return SW_NOT_FOUND;
		*at = to;
	}
	if (!at->file)
		return SW_NO_EF;
	if (!may_read(ch, at))
		return SW_SECURITY;
	o = content(ch->selected, at);
	if (!o)
		return SW_NOT_FOUND;
	if (offset > o->v->len)
		return SW_OFFSET;
	/* Le counts tag and length as well */
	n = o->v->len - offset;
	head = wanted(a) > 258 ? 4 : wanted(a) > 129 ? 3 : 2;
	if (wanted(a) < head)
		return SW_LENGTH;
	if (n > wanted(a) - head)
		n = wanted(a) - head;
	buf_tlv(&a->rsp, 0x53, o->v->v + offset, n);
	return SW_OK;
}

/* Files change by the issuer's session alone; they do not grow by this. */
static uint16_t update(struct card *c, struct channel *ch, struct place *at, struct apdu *a)
{
	struct entry *e = ch->selected;
	struct object *o;
	struct blob *b;
	size_t offset;
	uint16_t sw = find_even(e, at, a, &offset);

	if (sw != SW_OK)
		return sw;
	if (!applet_authenticated(ch, CMAC))
		return SW_SECURITY;
	o = content(e, at);
	if (!o)
		return SW_NOT_FOUND;
	if (!a->lc)
		return SW_LENGTH;
	if (offset > o->v->len || a->lc > o->v->len - offset)
		return SW_OFFSET;
	sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	b = blob_new(o->v->v, o->v->len);
	if (!b)
		return SW_MEMORY;
	memcpy(b->v + offset, a->data, a->lc);
	sw = entry_put_object(c, e, TAG_FILE, o->ref, b->v, b->len);
	blob_put(b);
	return sw;
}

/* ECDSA over a SHA-256 hash, r and s behind each other. */
static uint16_t sign(struct channel *ch, const struct place *at, struct apdu *a)
{
	struct object *key = entry_object(ch->selected, PKCS15_KEY, 0);
	uint8_t sig[64];

	if (a->p1 != 0x9e || a->p2 != 0x9a)
		return SW_P1P2;
	if (mode_of(ch->selected) == PKCS15_PIN && !at->pin)
		return SW_SECURITY;
	if (mode_of(ch->selected) == PKCS15_SCP03 && !applet_authenticated(ch, CMAC))
		return SW_SECURITY;
	if (a->lc != 32)
		return SW_WRONG_DATA;
	if (!key || crypto_ec_sign(0, key->v->v, key->v->len, 0, a->data, a->lc, sig))
		return SW_CONDITIONS;
	buf_put(&a->rsp, sig, sizeof(sig));
	return SW_OK;
}

static uint16_t process(struct card *c, struct channel *ch, struct apdu *a)
{
	struct place at;
	uint16_t sw;

	if (a->gp_class && !a->sm)
		return SW_CLA;
	memcpy(&at, ch->ram, sizeof(at));
	switch (a->ins) {
	case INS_SELECT:
		sw = select_file(ch->selected, &at, a);
		break;
	case INS_PERFORM_SECURITY_OPERATION:
		sw = sign(ch, &at, a);
		break;
	case INS_READ:
		sw = read_even(ch, &at, a);
		break;
	case INS_READ_ODD:
		sw = read_odd(ch, &at, a);
		break;
	case INS_UPDATE:
		sw = update(c, ch, &at, a);
		break;
	case INS_VERIFY:
		sw = a->p2 == PIN_REF ? pin_verify(c, ch->selected, a, &at.pin)
				      : SW_NO_REFERENCE;
		break;
	case INS_CHANGE_PIN:
		sw = a->p2 == PIN_REF ? pin_change(c, ch->selected, a, &at.pin)
				      : SW_NO_REFERENCE;
		break;
	default:
		return SW_INS;
	}
	memcpy(ch->ram, &at, sizeof(at));
	return sw;
}

static bool is_file(uint16_t fid)
{
	for (size_t i = 0; i < FILES; i++)
		if (files[i].fid == fid)
			return true;
	return false;
}

uint16_t pkcs15_put_file(struct card *c, struct entry *e, uint16_t fid, const void *v,
			 size_t len)
{
	if (!is_file(fid) || len > FILE_MAX)
		return SW_WRONG_DATA;
	return entry_put_object(c, e, TAG_FILE, fid, v, len);
}

/* Data groupings: a file identifier is the name of its content, 0001 of the PIN. */
static uint16_t personalise(struct card *c, struct entry *e, struct apdu *a)
{
	const uint8_t *p = a->data, *end = p + a->lc;
	uint16_t sw = SW_OK;

	while (sw == SW_OK && p < end) {
		uint16_t dgi;
		size_t len;

		if (end - p < 3)
			return SW_WRONG_DATA;
		dgi = get_be16(p);
		len = p[2];
		p += 3;
		if (len == 0xff) {
			if (end - p < 2)
				return SW_WRONG_DATA;
			len = get_be16(p);
			p += 2;
		}
		if ((size_t)(end - p) < len)
			return SW_WRONG_DATA;
		sw = dgi == PIN_REF ? pin_set(c, e, PIN_REF, p, len)
				    : pkcs15_put_file(c, e, dgi, p, len);
		p += len;
	}
	return sw;
}

/* C9: 00 plain (also without), 01 PIN, 02 SCP03; and 10: with EF DM_Bootstrap. */
static uint16_t install(struct card *c, struct entry *e, const uint8_t *params, size_t len)
{
	static const uint8_t pin[] = {'1', '2', '3', '4'};
	uint8_t kind = len ? params[0] : PKCS15_PLAIN;
	uint8_t mode = kind & (uint8_t)~PKCS15_WITH_DM;
	uint16_t sw;

	if (len > 1 || mode > PKCS15_SCP03)
		return SW_WRONG_DATA;
	sw = entry_put_object(c, e, PKCS15_MODE, 0, &kind, 1);
	if (sw == SW_OK && mode == PKCS15_PIN)
		sw = pin_set(c, e, PIN_REF, pin, sizeof(pin));
	return sw == SW_OK ? pkcs15_fill(c, e, mode, kind & PKCS15_WITH_DM) : sw;
}

const struct applet applet_pkcs15 = {
	.name = "PKCS #15",
	.secure = true,
	.install = install,
	.process = process,
	.personalise = personalise,
};
