// SPDX-License-Identifier: Apache-2.0
/*
 * The directory files of ISO/IEC 7816-15 as far as the way to one data object goes.
 * Cards differ from the module in small things: object identifiers wrapped twice, opaque
 * objects where OID objects are meant and the other way round. What is looked for is
 * therefore found by its form, not by its place.
 */
#include <errno.h>
#include <string.h>

#include "pkcs15/pkcs15-priv.h"
#include "model/ber.h"

enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	OCTETS = 0x04,
	OID = 0x06,
	ENUM = 0x0a,
	SEQUENCE = 0x30,
	CONTEXT_0 = 0x80,
	ODF_DODF = 0xa7,
	ODF_AODF = 0xa8,
	TYPE_ATTRIBUTES = 0xa1,
};

#define DEPTH_MAX 6 /* of nested elements that are searched */
#define FLAG_PRIVATE 0x80
#define PIN_NEEDS_PADDING 0x04
#define PIN_FIELD 8 /* bytes of an ISO 9564-1 block */

/* The next element that is no filling. */
static int next(struct ber_reader *r, struct ber_tlv *t)
{
	while (r->len > 0 && (*r->p == 0x00 || *r->p == 0xff)) {
		r->p++;
		r->len--;
	}
	return ber_next(r, t);
}

static bool get_number(const struct ber_tlv *t, size_t max, size_t *out)
{
	size_t v = 0;

	if (t->len == 0 || t->len > 4 || t->value[0] & 0x80)
		return false;
	for (size_t i = 0; i < t->len; i++)
		v = v << 8 | t->value[i];
	*out = v;
	return v <= max;
}

/* The contents of a Path; -EBADMSG if it is none. */
static int get_path(const uint8_t *p, size_t len, struct pkcs15_path *path)
{
	struct ber_reader r = {p, len};
	struct ber_tlv t;
	int ret;

	memset(path, 0, sizeof(*path));
	if (ber_next(&r, &t) != 1 || t.tag != OCTETS || t.len == 0 || t.len % 2 != 0 ||
	    t.len > PKCS15_PATH_MAX)
		return -EBADMSG;
	memcpy(path->fids, t.value, t.len);
	path->len = t.len;
	while ((ret = ber_next(&r, &t)) > 0)
		if ((t.tag == INTEGER && !get_number(&t, PKCS15_FILE_MAX, &path->offset)) ||
		    (t.tag == CONTEXT_0 && !get_number(&t, PKCS15_FILE_MAX, &path->part)))
			return -EBADMSG;
	return ret < 0 ? ret : 1;
}

int pkcs15_read_odf(const uint8_t *p, size_t len, struct pkcs15_odf *odf)
{
	struct ber_reader r = {p, len};
	struct ber_tlv t, in;
	int ret;

	memset(odf, 0, sizeof(*odf));
	while ((ret = next(&r, &t)) > 0) {
		struct pkcs15_path *to =
			t.tag == ODF_AODF ? &odf->aodf : &odf->dodf[odf->nr_dodf];

		if (t.tag != ODF_DODF && t.tag != ODF_AODF)
			continue;
		if (t.tag == ODF_DODF && odf->nr_dodf == PKCS15_DODFS_MAX)
			continue;
		/* objects in the ODF itself are not for us: no card does that */
		if (ber_find(t.value, t.len, SEQUENCE, &in) != 1)
			continue;
		if (get_path(in.value, in.len, to) < 0)
			return -EBADMSG;
		if (t.tag == ODF_DODF)
			odf->nr_dodf++;
	}
	if (ret < 0)
		return ret;
	return odf->nr_dodf > 0;
}

/* CommonObjectAttributes */
static int get_common(const struct ber_tlv *t, struct pkcs15_object *o)
{
	struct ber_reader r = {t->value, t->len};
	struct ber_tlv in;
	int ret;

	while ((ret = ber_next(&r, &in)) > 0) {
		if (in.tag == BIT_STRING && in.len >= 2)
			o->private = in.value[1] & FLAG_PRIVATE;
		if (in.tag == OCTETS && in.len > 0 && in.len <= PKCS15_ID_MAX) {
			memcpy(o->auth_id, in.value, in.len);
			o->auth_id_len = in.len;
		}
	}
	return ret;
}

static bool is_oid(const struct ber_tlv *t, const struct gp_bytes *oid)
{
	struct ber_tlv in;

	if (t->tag != OID)
		return false;
	if (t->len == oid->len && memcmp(t->value, oid->p, oid->len) == 0)
		return true;
	/* 06 06 06 04 67 2B 09 01 is on many cards */
	return ber_find(t->value, t->len, OID, &in) == 1 && in.size == t->len &&
	       in.len == oid->len && memcmp(in.value, oid->p, oid->len) == 0;
}

/* The OID and the path anywhere below; @seen tells whether the OID was there. */
static int search(const uint8_t *p, size_t len, const struct gp_bytes *oid, unsigned int depth,
		  bool *seen, struct pkcs15_path *path)
{
	struct ber_reader r = {p, len};
	struct pkcs15_path found;
	struct ber_tlv t;
	int ret;

	while ((ret = ber_next(&r, &t)) > 0) {
		if (is_oid(&t, oid)) {
			*seen = true;
			continue;
		}
		if ((t.tag != SEQUENCE && t.tag != TYPE_ATTRIBUTES) || depth == DEPTH_MAX)
			continue;
		if (t.tag == SEQUENCE && get_path(t.value, t.len, &found) == 1) {
			*path = found;
			continue;
		}
		ret = search(t.value, t.len, oid, depth + 1, seen, path);
		if (ret < 0)
			return ret;
	}
	return ret;
}

int pkcs15_read_dodf(const uint8_t *p, size_t len, const struct gp_bytes *oid,
		     struct pkcs15_object *object)
{
	struct ber_reader r = {p, len}, in;
	struct ber_tlv t, common;
	bool seen;
	int ret;

	while ((ret = next(&r, &t)) > 0) {
		memset(object, 0, sizeof(*object));
		seen = false;
		in = (struct ber_reader){t.value, t.len};
		if (!(t.tag & 0x20))
			continue;
		ret = ber_next(&in, &common);
		if (ret == 0 || (ret > 0 && common.tag != SEQUENCE))
			continue;
		if (ret > 0)
			ret = get_common(&common, object);
		if (ret == 0)
			ret = search(in.p, in.len, oid, 0, &seen, &object->path);
		if (ret < 0)
			return ret;
		if (seen)
			return object->path.len > 0 ? 1 : -EBADMSG;
	}
	return ret;
}

/* PasswordAttributes */
static int get_pin(const uint8_t *p, size_t len, struct pkcs15_pin *pin)
{
	struct ber_reader r = {p, len};
	struct ber_tlv t;
	size_t lengths[3] = {0}, nr = 0, v;
	int ret;

	memset(pin, 0, sizeof(*pin));
	pin->pad = 0xff;
	pin->type = PKCS15_PIN_HALF_NIBBLE + 2;
	while ((ret = ber_next(&r, &t)) > 0) {
		if (t.tag == BIT_STRING && t.len >= 2) {
			pin->padded = t.value[1] & PIN_NEEDS_PADDING;
		} else if (t.tag == ENUM) {
			if (!get_number(&t, 255, &v))
				return -EBADMSG;
			pin->type = (unsigned int)v;
		} else if (t.tag == INTEGER && nr < 3) {
			if (!get_number(&t, 255, &lengths[nr++]))
				return -EBADMSG;
		} else if (t.tag == CONTEXT_0 && t.len == 1) {
			pin->reference = t.value[0];
		} else if (t.tag == OCTETS && t.len == 1) {
			pin->pad = t.value[0];
		}
	}
	pin->stored = lengths[1];
	return ret < 0 || nr < 2 ? -EBADMSG : 1;
}

int pkcs15_read_aodf(const uint8_t *p, size_t len, const uint8_t *id, size_t id_len,
		     struct pkcs15_pin *pin)
{
	struct ber_reader r = {p, len}, in;
	struct ber_tlv t, common, class, type, found;
	int ret;

	while ((ret = next(&r, &t)) > 0) {
		in = (struct ber_reader){t.value, t.len};
		if (t.tag != SEQUENCE || ber_next(&in, &common) != 1 ||
		    ber_next(&in, &class) != 1)
			continue;
		if (id_len > 0 && (ber_find(class.value, class.len, OCTETS, &found) != 1 ||
				   found.len != id_len || memcmp(found.value, id, id_len) != 0))
			continue;
		if (ber_find(in.p, in.len, TYPE_ATTRIBUTES, &type) != 1 ||
		    ber_find(type.value, type.len, SEQUENCE, &found) != 1)
			return -EBADMSG;
		return get_pin(found.value, found.len, pin);
	}
	return ret;
}

int pkcs15_read_dir(const uint8_t *p, size_t len, struct pkcs15_entry *entry)
{
	static const uint8_t rid[] = {0xa0, 0x00, 0x00, 0x00, 0x63};
	struct ber_reader r = {p, len};
	struct ber_tlv t, in;
	int ret;

	while ((ret = next(&r, &t)) > 0) {
		memset(entry, 0, sizeof(*entry));
		if (t.tag != 0x61 || ber_find(t.value, t.len, 0x4f, &in) != 1 ||
		    in.len < sizeof(rid) || memcmp(in.value, rid, sizeof(rid)) != 0 ||
		    gp_aid_set(&entry->aid, in.value, in.len) < 0)
			continue;
		if (ber_find(t.value, t.len, 0x51, &in) == 1 && in.len > 0 && in.len % 2 == 0 &&
		    in.len <= PKCS15_PATH_MAX) {
			memcpy(entry->path.fids, in.value, in.len);
			entry->path.len = in.len;
		}
		return 1;
	}
	return ret;
}

void pkcs15_read_fcp(const uint8_t *p, size_t len, struct pkcs15_fcp *fcp)
{
	struct ber_reader r = {p, len};
	struct ber_tlv t;
	size_t v;

	*fcp = (struct pkcs15_fcp){.size = -1};
	if (ber_next(&r, &t) != 1 || (t.tag != 0x62 && t.tag != 0x6f))
		return;
	r = (struct ber_reader){t.value, t.len};
	while (ber_next(&r, &t) > 0) {
		if (t.tag == 0x80 && t.len <= 4 && t.len > 0) {
			v = 0;
			for (size_t i = 0; i < t.len; i++)
				v = v << 8 | t.value[i];
			fcp->size = v > INT32_MAX ? INT32_MAX : (int32_t)v;
		}
		/* file descriptor byte (ISO/IEC 7816-4, table 14) */
		if (t.tag == 0x82 && t.len > 0)
			fcp->records = (t.value[0] & 0x07) > 1;
	}
}

/* Digits, two in a byte; the rest of @out is @fill. */
static int put_bcd(const struct gp_bytes *pin, uint8_t *out)
{
	for (size_t i = 0; i < pin->len; i++) {
		uint8_t c = pin->p[i];

		if (c < '0' || c > '9')
			return -EINVAL;
		c = (uint8_t)(c - '0');
		if (i % 2 == 0)
			out[i / 2] = (uint8_t)(c << 4 | (out[i / 2] & 0x0f));
		else
			out[i / 2] = (uint8_t)((out[i / 2] & 0xf0) | c);
	}
	return (int)((pin->len + 1) / 2);
}

int pkcs15_pin_bytes(const struct pkcs15_pin *form, const struct gp_bytes *pin, uint8_t *out,
		     size_t room)
{
	int n;

	if (pin->len > PKCS15_PIN_MAX || room < PIN_FIELD || form->stored > room ||
	    pin->len > room)
		return -EINVAL;
	memset(out, form->pad, room);
	switch (form->type) {
	case PKCS15_PIN_ASCII:
	case PKCS15_PIN_UTF8:
		memcpy(out, pin->p, pin->len);
		n = (int)pin->len;
		break;
	case PKCS15_PIN_BCD:
		n = put_bcd(pin, out);
		break;
	case PKCS15_PIN_ISO9564:
		memset(out, 0xff, PIN_FIELD);
		if (pin->len > 12 || put_bcd(pin, out + 1) < 0)
			return -EINVAL;
		out[0] = (uint8_t)(0x20 | pin->len);
		return PIN_FIELD;
	case PKCS15_PIN_HALF_NIBBLE:
	default:
		return -EINVAL;
	}
	if (n < 0 || !form->padded)
		return n;
	return (size_t)n > form->stored ? -EINVAL : (int)form->stored;
}
