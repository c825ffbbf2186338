// SPDX-License-Identifier: Apache-2.0
/* Card recognition data, capabilities and OIDs (GPCS 2.3.1, annex H). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/carddata-priv.h"
#include "gp/cmd.h"

#define TAG_OID 0x06
#define TAG_TEMPLATE 0x73
#define WRAPPERS_MAX 3 /* the tag repeated inside itself; one more than was ever seen */

int gp_data_bad(struct gp_error *err, uint16_t tag, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-response", "%s: %s", gp_data_name(tag), what);
}

bool gp_data_unwrap(uint16_t tag, const uint8_t **p, size_t *len)
{
	struct ber_reader r;
	struct ber_tlv t;
	bool found = false;

	for (int i = 0; i < WRAPPERS_MAX; i++) {
		/* P1 P2 as the tag, also where P1 is 00 */
		if (tag <= 0xff && *len > 2 && (*p)[0] == 0x00 && (*p)[1] == tag) {
			(*p)++;
			(*len)--;
		}
		r = (struct ber_reader){*p, *len};
		if (ber_next(&r, &t) <= 0 || t.tag != tag || r.len)
			return found;
		*p = t.value;
		*len = t.len;
		found = true;
	}
	return found;
}

/* the bytes of an OID below GlobalPlatform's own arc, after its root and @arc */
static const uint8_t *below(const struct ber_tlv *oid, uint8_t arc, size_t *len)
{
	static const uint8_t roots[][6] = {
		{0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b}, /* 1.2.840.114283 */
		/* member body 156 in the place of 840: cards made for China */
		{0x2a, 0x81, 0x1c, 0x86, 0xfc, 0x6b},
	};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (oid->len > sizeof(roots[i]) &&
		    !memcmp(oid->value, roots[i], sizeof(roots[i])) &&
		    oid->value[sizeof(roots[i])] == arc) {
			*len = oid->len - sizeof(roots[i]) - 1;
			return oid->value + sizeof(roots[i]) + 1;
		}
	return NULL;
}

static void take_version(struct gp_recognition *out, const struct ber_tlv *oid)
{
	size_t len;
	const uint8_t *p = below(oid, 0x02, &len);

	if (!p)
		return;
	if (len > sizeof(out->version))
		len = sizeof(out->version);
	memcpy(out->version, p, len);
	out->nr_version = len;
}

/* protocol, then its option in one byte or two of base 128 */
static void take_scp(struct gp_recognition *out, const struct ber_tlv *oid)
{
	size_t len;
	const uint8_t *p = below(oid, 0x04, &len);
	uint16_t i;

	if (!p || len < 1 || len > 3)
		return;
	if (len == 3 && p[1] & 0x80)
		i = (uint16_t)((p[1] & 0x7f) << 7 | (p[2] & 0x7f));
	else if (len == 3)
		i = (uint16_t)(p[1] << 8 | p[2]);
	else
		i = len == 2 ? p[1] : 0;
	if (out->nr_scp == GP_SCPS_MAX) {
		out->dropped++;
		return;
	}
	out->scp[out->nr_scp++] = (struct gp_scp_option){.scp = p[0], .i = i};
}

static void keep_oid(struct gp_oid *out, const struct ber_tlv *oid)
{
	if (out->len || oid->len > GP_OID_MAX)
		return;
	memcpy(out->bytes, oid->value, oid->len);
	out->len = (uint8_t)oid->len;
}

/* all OIDs of 60, 63, 64, 65, 66, 67 or 68 */
static int take_recognition(struct gp_recognition *out, const struct ber_tlv *t,
			    struct gp_error *err)
{
	struct ber_reader r = {t->value, t->len};
	struct ber_tlv oid;
	int ret;

	while ((ret = ber_next(&r, &oid)) > 0) {
		if (oid.tag != TAG_OID)
			continue;
		switch (t->tag) {
		case 0x60:
			take_version(out, &oid);
			break;
		case 0x63:
			keep_oid(&out->identification, &oid);
			break;
		case 0x64:
			take_scp(out, &oid);
			break;
		case 0x65:
			keep_oid(&out->configuration, &oid);
			break;
		case 0x66:
			keep_oid(&out->chip, &oid);
			break;
		case 0x67:
			keep_oid(&out->trust_point, &oid);
			break;
		default:
			keep_oid(&out->certificate, &oid);
			break;
		}
	}
	return ret < 0 ? gp_data_bad(err, GP_DATA_RECOGNITION, "an OID is cut short") : 0;
}

int gp_recognition_decode(struct gp_recognition *out, const uint8_t *p, size_t len,
			  struct gp_error *err)
{
	struct ber_reader r;
	struct ber_tlv t;
	int ret;

	memset(out, 0, sizeof(*out));
	gp_data_unwrap(GP_DATA_RECOGNITION, &p, &len);
	if (ber_find(p, len, TAG_TEMPLATE, &t) <= 0)
		return gp_data_bad(err, GP_DATA_RECOGNITION, "no template 73");
	r = (struct ber_reader){t.value, t.len};
	while ((ret = ber_next(&r, &t)) > 0) {
		if (t.tag < 0x60 || t.tag > 0x68 || t.tag == 0x61 || t.tag == 0x62)
			continue;
		ret = take_recognition(out, &t, err);
		if (ret < 0)
			return ret;
	}
	return ret < 0 ? gp_data_bad(err, GP_DATA_RECOGNITION, "an element is cut short") : 0;
}

/* the more of the response a protocol protects, the better */
static unsigned int worth(const struct gp_scp_option *o)
{
	switch (o->scp) {
	case 0x03:
		return 0x300U + (o->i & 0x60);
	case 0x02:
		return 0x200U + (o->i & 0x20);
	case 0x11:
		return 0x100;
	default:
		return 0;
	}
}

const struct gp_scp_option *gp_scp_choose(const struct gp_recognition *rec)
{
	const struct gp_scp_option *best = NULL;

	for (size_t i = 0; i < rec->nr_scp; i++)
		if (worth(&rec->scp[i]) > (best ? worth(best) : 0))
			best = &rec->scp[i];
	return best;
}

void gp_oid_to_text(const struct gp_oid *oid, char *text, size_t room)
{
	uint32_t arc = 0;
	size_t at = 0;
	bool first = true;
	int n;

	if (room == 0)
		return;
	text[0] = '\0';
	for (size_t i = 0; i < oid->len; i++) {
		if (arc > 0xffffffffU >> 7)
			goto malformed;
		arc = arc << 7 | (oid->bytes[i] & 0x7f);
		if (oid->bytes[i] & 0x80)
			continue;
		if (first)
			n = snprintf(text, room, "%u.%u", arc < 80 ? arc / 40 : 2,
				     arc < 80 ? arc % 40 : arc - 80);
		else
			n = snprintf(text + at, room - at, ".%u", arc);
		if (n < 0 || (size_t)n >= room - at)
			goto malformed;
		at += (size_t)n;
		first = false;
		arc = 0;
	}
	if (!oid->len || !(oid->bytes[oid->len - 1] & 0x80))
		return;
malformed:
	text[0] = '\0';
}

/* ---- 67 ---- */

static uint32_t left_justified(const struct ber_tlv *t, size_t size)
{
	uint32_t v = 0;

	for (size_t i = 0; i < size; i++)
		v = v << 8 | (i < t->len ? t->value[i] : 0U);
	return v;
}

static size_t keep(uint8_t *to, size_t room, const struct ber_tlv *t, size_t *dropped)
{
	size_t n = t->len < room ? t->len : room;

	memcpy(to, t->value, n);
	*dropped += t->len - n;
	return n;
}

static int take_scp_capability(struct gp_capability *out, const struct ber_tlv *a0,
			       struct gp_error *err)
{
	struct ber_reader r = {a0->value, a0->len};
	struct gp_scp_capability c = {0};
	struct ber_tlv t;
	int ret;

	while ((ret = ber_next(&r, &t)) > 0) {
		switch (t.tag) {
		case 0x80:
			c.scp = t.len ? t.value[0] : 0;
			break;
		case 0x81:
			c.nr_i = keep(c.i, sizeof(c.i), &t, &out->dropped);
			break;
		case 0x82:
			c.key_sizes = t.len ? t.value[0] : 0;
			break;
		case 0x83:
			for (size_t i = 0; i + 1 < t.len; i += 2)
				if (c.nr_tls < GP_SCP_OPTIONS_MAX)
					c.tls[c.nr_tls++] =
						(uint16_t)(t.value[i] << 8 | t.value[i + 1]);
				else
					out->dropped++;
			break;
		case 0x84:
			c.psk_max = t.len == 1 ? t.value[0] : (uint16_t)left_justified(&t, 2);
			break;
		default:
			break;
		}
	}
	if (ret < 0)
		return gp_data_bad(err, GP_DATA_CAPABILITY, "a protocol is cut short");
	if (out->nr_scp < GP_SCPS_MAX)
		out->scp[out->nr_scp++] = c;
	else
		out->dropped++;
	return 0;
}

static void take_capability(struct gp_capability *out, const struct ber_tlv *t)
{
	switch (t->tag) {
	case 0x81:
		out->sd_privileges = left_justified(t, 3);
		break;
	case 0x82:
		out->app_privileges = left_justified(t, 3);
		break;
	case 0x83:
		out->nr_hashes = keep(out->hashes, sizeof(out->hashes), t, &out->dropped);
		break;
	case 0x84:
		out->ciphers = (uint8_t)left_justified(t, 1);
		break;
	case 0x85:
		out->token_suites = (uint16_t)left_justified(t, 2);
		break;
	case 0x86:
		out->receipt_suites = (uint16_t)left_justified(t, 2);
		break;
	case 0x87:
		out->dap_suites = (uint16_t)left_justified(t, 2);
		break;
	case 0x88:
		out->nr_key_references = keep(out->key_references, sizeof(out->key_references),
					      t, &out->dropped);
		break;
	default:
		return;
	}
	out->told |= 1U << (t->tag - 0x81);
}

int gp_capability_decode(struct gp_capability *out, const uint8_t *p, size_t len,
			 struct gp_error *err)
{
	struct ber_reader r;
	struct ber_tlv t;
	int ret;

	memset(out, 0, sizeof(*out));
	if (!gp_data_unwrap(GP_DATA_CAPABILITY, &p, &len) &&
	    (len == 0 || p[0] < 0x80 || p[0] > 0xa0))
		return gp_data_bad(err, GP_DATA_CAPABILITY, "no template 67");
	r = (struct ber_reader){p, len};
	while ((ret = ber_next(&r, &t)) > 0) {
		if (t.tag == 0xa0) {
			ret = take_scp_capability(out, &t, err);
			if (ret < 0)
				return ret;
		} else {
			take_capability(out, &t);
		}
	}
	return ret < 0 ? gp_data_bad(err, GP_DATA_CAPABILITY, "an element is cut short") : 0;
}

const char *gp_hash_name(uint8_t hash)
{
	static const char *const names[] = {"",	       "SHA-1",	  "SHA-256",
					    "SHA-384", "SHA-512", "SM3"};

	return hash < sizeof(names) / sizeof(names[0]) ? names[hash] : "";
}
