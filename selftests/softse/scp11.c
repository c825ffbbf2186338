// SPDX-License-Identifier: Apache-2.0
/*
 * Secure Channel Protocol 11, card side (Amendment F): key agreement over elliptic
 * curves, with a certificate of the other side (a, c) or without (b). The sessions that
 * come of it are SCP03's.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "card.h"
#include "crypto.h"
#include "gp.h"

#define POINT_MAX (1 + 2 * EC_MAX)

enum {
	TAG_CERTIFICATE = 0x7f21,
	TAG_SERIAL = 0x93,
	TAG_ISSUER = 0x42,
	TAG_SUBJECT = 0x5f20,
	TAG_USAGE = 0x95,
	TAG_PUBLIC_KEY = 0x7f49,
	TAG_SIGNATURE = 0x5f37,
	TAG_EPHEMERAL = 0x5f49,
	TAG_RECEIPT = 0x86,
	TAG_CRT = 0xa6,
	TAG_ALLOWLIST = 0x70,
	USAGE_VERIFY = 0x82,
	USAGE_AGREE = 0x80,
	PARAM_MUTUAL = 0x01,
	PARAM_STATIC = 0x02,
	PARAM_HOST_ID = 0x04,
};

struct certificate {
	struct tlv serial;
	const uint8_t *body; /* what is signed */
	size_t body_len;
	struct tlv signature, point;
	uint8_t usage, curve;
};

static bool parse_certificate(const uint8_t *p, size_t n, struct certificate *cert)
{
	const uint8_t *end = p + n, *q;
	struct tlv t, in;
	bool usage = false, key = false, serial = false;

	if (tlv_next(&p, end, &t) != 1 || t.tag != TAG_CERTIFICATE || p != end)
		return false;
	memset(cert, 0, sizeof(*cert));
	q = cert->body = t.val;
	end = t.val + t.len;
	while (q < end) {
		const uint8_t *at = q;

		if (tlv_next(&q, end, &t) != 1)
			return false;
		if (t.tag == TAG_SERIAL) {
			cert->serial = t;
			serial = true;
		} else if (t.tag == TAG_USAGE) {
			/* one byte, or two with 00 in front */
			if (t.len < 1 || t.len > 2)
				return false;
			cert->usage = t.val[t.len - 1];
			if (t.len == 2)
				cert->usage |= t.val[0];
			usage = true;
		} else if (t.tag == TAG_PUBLIC_KEY) {
			if (tlv_find(t.val, t.len, KEY_EC_PUBLIC, &cert->point) != 1)
				return false;
			if (tlv_find(t.val, t.len, KEY_EC_CURVE, &in) == 1) {
				if (in.len != 1)
					return false;
				cert->curve = in.val[0];
			}
			key = crypto_ec_size(cert->curve) &&
			      cert->point.len == 1 + 2 * crypto_ec_size(cert->curve);
		} else if (t.tag == TAG_SIGNATURE) {
			cert->signature = t;
			cert->body_len = (size_t)(at - cert->body);
			return usage && key && serial && q == end;
		}
	}
	return false;
}

static bool allowed(struct entry *sd, uint16_t ref, const struct tlv *serial)
{
	const struct object *o = entry_object(sd, TAG_ALLOWLIST, ref);
	const uint8_t *p, *end;
	struct tlv t;

	if (!o)
		return true;
	p = o->v->v;
	end = p + o->v->len;
	while (tlv_next(&p, end, &t) == 1)
		if (t.tag == TAG_SERIAL && t.len == serial->len &&
		    !memcmp(t.val, serial->val, t.len))
			return true;
	return false;
}

/* PERFORM SECURITY OPERATION [verify certificate], Amendment F 7.5. */
uint16_t scp11_certificate(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	uint8_t kid = a->p2 & 0x7f;
	uint16_t ref = (uint16_t)(kid << 8 | a->p1);
	bool more = a->p2 & 0x80;
	struct scp *s = &ch->scp;
	struct certificate cert;
	const uint8_t *point;
	size_t point_len;
	uint8_t curve;

	(void)c;
	if (s->proto != 0x11 || s->state != SCP_NONE || s->sd != sd || s->oce_ref != ref ||
	    s->oce_final) {
		/* a new chain begins with a key that the domain was given */
		struct key *k = entry_key(sd, a->p1, kid);
		const struct key_part *part = k ? key_part(k, KEY_EC_PUBLIC) : NULL;
		const struct key_part *ref_part = k ? key_part(k, KEY_EC_CURVE) : NULL;

		scp_close(s);
		if (!part)
			return SW_NO_REFERENCE;
		if (part->v->len > sizeof(s->oce))
			return SW_CONDITIONS;
		s->proto = 0x11;
		s->sd = sd;
		s->oce_ref = ref;
		s->oce_curve = ref_part && ref_part->v->len ? ref_part->v->v[0] : 0;
		s->oce_len = (uint8_t)part->v->len;
		memcpy(s->oce, part->v->v, part->v->len);
	}
	curve = s->oce_curve;
	point = s->oce;
	point_len = s->oce_len;
	if (!parse_certificate(a->data, a->lc, &cert)) {
		scp_close(s);
		return SW_WRONG_DATA;
	}
	if (!crypto_ec_verify(curve, point, point_len, crypto_ec_hash(curve), cert.body,
			      cert.body_len, cert.signature.val, cert.signature.len) ||
	    cert.usage != (more ? USAGE_VERIFY : USAGE_AGREE) ||
	    (!more && !allowed(sd, ref, &cert.serial))) {
		scp_close(s);
		return SW_SECURITY;
	}
	s->oce_curve = cert.curve;
	s->oce_len = (uint8_t)cert.point.len;
	memcpy(s->oce, cert.point.val, cert.point.len);
	s->oce_final = !more;
	return SW_OK;
}

/* The parameters of an AUTHENTICATE command, Amendment F 7.6.2. */
struct agreement {
	uint8_t params, level, key_len;
	uint8_t usage;
	struct tlv host_id;
	bool has_host_id;
	struct tlv point;
};

static bool level_of(uint8_t usage, uint8_t *level)
{
	switch (usage) {
	case 0x14:
		*level = SCP03_CMAC;
		return true;
	case 0x1c:
		*level = SCP03_CMAC | SCP03_CENC;
		return true;
	case 0x34:
		*level = SCP03_CMAC | SCP03_RMAC;
		return true;
	case 0x3c:
		*level = SCP03_CMAC | SCP03_CENC | SCP03_RMAC | SCP03_RENC;
		return true;
	default:
		return false;
	}
}

static bool parse_agreement(const struct apdu *a, struct agreement *g)
{
	struct tlv crt, t;

	memset(g, 0, sizeof(*g));
	if (tlv_find(a->data, a->lc, TAG_CRT, &crt) != 1 ||
	    tlv_find(a->data, a->lc, TAG_EPHEMERAL, &g->point) != 1)
		return false;
	if (tlv_find(crt.val, crt.len, 0x90, &t) != 1 || t.len != 2 || t.val[0] != 0x11)
		return false;
	g->params = t.val[1];
	if (tlv_find(crt.val, crt.len, 0x95, &t) != 1 || t.len != 1 ||
	    !level_of(t.val[0], &g->level))
		return false;
	g->usage = t.val[0];
	if (tlv_find(crt.val, crt.len, 0x80, &t) != 1 || t.len != 1 || t.val[0] != KEY_AES)
		return false;
	if (tlv_find(crt.val, crt.len, 0x81, &t) != 1 || t.len != 1 ||
	    (t.val[0] != 16 && t.val[0] != 24 && t.val[0] != 32))
		return false;
	g->key_len = t.val[0];
	g->has_host_id = tlv_find(crt.val, crt.len, 0x84, &g->host_id) == 1;
	return g->has_host_id == !!(g->params & PARAM_HOST_ID) && g->host_id.len <= 16;
}

static void put_lv(struct buf *b, const void *v, size_t len)
{
	buf_u8(b, (uint8_t)len);
	buf_put(b, v, len);
}

int scp11_keys(uint8_t usage, uint8_t key_len, const uint8_t *secret, size_t len,
	       const uint8_t *ids, size_t ids_len, uint8_t keys[5 * 32])
{
	uint8_t info[3 + SCP11_IDS_MAX] = {usage, KEY_AES, key_len};

	if (ids_len)
		memcpy(info + 3, ids, ids_len);
	return crypto_x963(secret, len, info, 3 + ids_len, keys, 5U * key_len);
}

/* Who talks to whom is part of the keys, if the host says who it is (6.5.2.3). */
static int derive(struct card *c, struct entry *sd, const struct agreement *g,
		  const uint8_t *secret, size_t len, uint8_t keys[5 * 32])
{
	uint8_t ids[SCP11_IDS_MAX];
	struct buf b = {.data = ids, .room = sizeof(ids)};

	if (g->has_host_id) {
		const struct object *sin = entry_object(sd, 0x42, 0);
		const struct object *sdin = entry_object(sd, 0x45, 0);

		put_lv(&b, g->host_id.val, g->host_id.len);
		if (sin)
			put_lv(&b, sin->v->v, sin->v->len);
		else
			put_lv(&b, c->profile.iin, c->profile.iin_len);
		if (sdin)
			put_lv(&b, sdin->v->v, sdin->v->len);
		else
			put_lv(&b, c->profile.cin, c->profile.cin_len);
	}
	if (b.overflow)
		return -1;
	return scp11_keys(g->usage, g->key_len, secret, len, ids, b.len, keys);
}

uint16_t scp11_authenticate(struct card *c, struct channel *ch, struct entry *sd,
			    struct apdu *a, bool mutual)
{
	static const uint8_t mutual_params[] = {PARAM_MUTUAL, PARAM_MUTUAL | PARAM_STATIC};
	uint8_t secret[2 * EC_MAX], keys[5 * 32], esk[EC_MAX], epk[POINT_MAX], mac[AES_BLOCK];
	uint8_t head[POINT_MAX + 8];
	struct buf tail = {.data = head, .room = sizeof(head)};
	const struct key_part *priv, *ref;
	struct scp *s = &ch->scp;
	struct agreement g;
	struct key *k = entry_key(sd, a->p1, a->p2 & 0x7f);
	const uint8_t *oce_static, *sd_priv;
	size_t size, oce_len, priv_len;
	bool fixed, bad;
	uint8_t curve, kid = a->p2 & 0x7f, oce[OCE_KEY_MAX], n;

	if (mutual ? (kid != KID_SCP11A && kid != KID_SCP11C) : kid != KID_SCP11B) {
		scp_close(s);
		return SW_P1P2;
	}
	priv = k ? key_part(k, KEY_EC_PRIVATE) : NULL;
	if (!priv) {
		scp_close(s);
		return SW_NO_REFERENCE;
	}
	ref = key_part(k, KEY_EC_CURVE);
	curve = ref && ref->v->len ? ref->v->v[0] : 0;
	size = crypto_ec_size(curve);
	if (!size || !parse_agreement(a, &g) || g.point.len != 1 + 2 * size) {
		scp_close(s);
		return SW_WRONG_DATA;
	}
	fixed = kid == KID_SCP11C;
	if ((g.params & ~PARAM_HOST_ID) != (mutual ? mutual_params[fixed] : 0)) {
		scp_close(s);
		return SW_WRONG_DATA;
	}
	/* a and c: only after a certificate for key agreement on the same curve */
	if (mutual && (s->proto != 0x11 || s->state != SCP_NONE || !s->oce_final ||
		       s->sd != sd || s->oce_curve != curve)) {
		scp_close(s);
		return SW_CONDITIONS;
	}
	oce_len = mutual ? s->oce_len : g.point.len;
	memcpy(oce, mutual ? s->oce : g.point.val, oce_len);
	oce_static = oce;
	scp_close(s);
	/* c: the card's part does not change, so that a script fits many cards */
	bad = fixed ? crypto_ec_public(curve, priv->v->v, priv->v->len, epk)
		    : crypto_ec_generate(curve, esk, epk);
	sd_priv = fixed ? priv->v->v : esk;
	priv_len = fixed ? priv->v->len : size;
	bad = bad || crypto_ecdh(curve, sd_priv, priv_len, g.point.val, g.point.len, secret) ||
	      crypto_ecdh(curve, priv->v->v, priv->v->len, oce_static, oce_len,
			  secret + size) ||
	      derive(c, sd, &g, secret, 2 * size, keys);
	if (!bad) {
		struct crypto_part parts[2] = {{a->data, a->lc}};

		buf_tlv(&tail, TAG_EPHEMERAL, epk, 1 + 2 * size);
		parts[1] = (struct crypto_part){tail.data, tail.len};
		bad = crypto_cmac(keys, g.key_len, parts, 2, mac);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(esk, sizeof(esk));
	if (!bad) {
		n = g.key_len;
		scp03_open(&s->s3, g.level, keys + n, keys + 2 * n, keys + 3 * n, n, mac);
		memcpy(s->dek, keys + 4 * n, n);
		s->dek_len = n;
		s->proto = 0x11;
		s->sd = sd;
		s->kvn = a->p1;
		s->level = g.level;
		s->authenticated = mutual;
		s->state = SCP_OPEN;
		buf_put(&a->rsp, tail.data, tail.len);
		buf_tlv(&a->rsp, TAG_RECEIPT, mac, sizeof(mac));
	}
	OPENSSL_cleanse(keys, sizeof(keys));
	return bad ? SW_CONDITIONS : SW_OK;
}
