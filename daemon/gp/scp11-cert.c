// SPDX-License-Identifier: Apache-2.0
/* Certificates of Amendment F (6.1) and the chain that leads to a card's key. */
#include "gp/scp.h"

#include <errno.h>
#include <string.h>

#include "model/ber.h"

enum {
	TAG_STORE = 0xbf21,
	TAG_CERT = 0x7f21,
	TAG_SERIAL = 0x93,
	TAG_ISSUER = 0x42,
	TAG_SUBJECT = 0x5f20,
	TAG_USAGE = 0x95,
	TAG_FROM = 0x5f25,
	TAG_TO = 0x5f24,
	TAG_KEY = 0x7f49,
	TAG_POINT = 0xb0,
	TAG_CURVE = 0xf0,
	TAG_SIGNATURE = 0x5f37,
	USAGE_VERIFY = 0x82,
	USAGE_AGREE = 0x80,
	DATE_LEN = 4,
};

static struct gp_bytes bytes_of(const struct ber_tlv *t)
{
	return (struct gp_bytes){t->value, t->len};
}

static bool parse_key(const struct ber_tlv *key, struct gp_cert *cert)
{
	struct ber_tlv t;
	int ret;

	if (ber_find(key->value, key->len, TAG_POINT, &t) != 1)
		return false;
	cert->point = bytes_of(&t);
	ret = ber_find(key->value, key->len, TAG_CURVE, &t);
	if (ret < 0 || (ret && t.len != 1))
		return false;
	cert->curve = ret ? t.value[0] : 0;
	return gp_ec_size(cert->curve) && cert->point.len == 1 + 2 * gp_ec_size(cert->curve) &&
	       cert->point.p[0] == 0x04;
}

/* One element of the body. Return: false for one that cannot be. */
static bool parse_element(const struct ber_tlv *t, struct gp_cert *cert)
{
	switch (t->tag) {
	case TAG_SERIAL:
		cert->serial = bytes_of(t);
		return t->len >= 1;
	case TAG_ISSUER:
		cert->issuer = bytes_of(t);
		return true;
	case TAG_SUBJECT:
		cert->subject = bytes_of(t);
		return true;
	case TAG_USAGE:
		/* one byte; or two, with the bits in the first or in the second */
		if (t->len < 1 || t->len > 2)
			return false;
		cert->usage = (uint8_t)(t->value[0] | t->value[t->len - 1]);
		return true;
	case TAG_FROM:
		cert->valid_from = bytes_of(t);
		return t->len == DATE_LEN;
	case TAG_TO:
		cert->valid_to = bytes_of(t);
		return t->len == DATE_LEN;
	case TAG_KEY:
		return parse_key(t, cert);
	default:
		return true; /* discretionary data and what is to come */
	}
}

int gp_cert_parse(const uint8_t *p, size_t len, struct gp_cert *cert, struct gp_error *err)
{
	struct ber_reader r = {p, len};
	struct ber_tlv outer, t;

	memset(cert, 0, sizeof(*cert));
	if (ber_next(&r, &outer) != 1 || outer.tag != TAG_CERT || r.len)
		return gp_fail(err, -EBADMSG, "bad-certificate", "this is no 7F21 template");
	cert->raw = (struct gp_bytes){outer.start, outer.size};
	r = (struct ber_reader){outer.value, outer.len};
	while (ber_next(&r, &t) == 1) {
		if (t.tag == TAG_SIGNATURE) {
			cert->body.p = outer.value;
			cert->body.len = (size_t)(t.start - outer.value);
			cert->signature = bytes_of(&t);
			break;
		}
		if (!parse_element(&t, cert))
			return gp_fail(err, -EBADMSG, "bad-certificate",
				       "element %X of the certificate makes no sense",
				       (unsigned int)t.tag);
	}
	if (!cert->signature.p || r.len || !cert->point.p || !cert->usage || !cert->serial.p)
		return gp_fail(err, -EBADMSG, "bad-certificate",
			       "the certificate lacks serial number, usage, key or signature, "
			       "or something follows the signature");
	return 0;
}

static bool same(const struct gp_bytes *a, const struct gp_bytes *b)
{
	return a->len == b->len && !memcmp(a->p, b->p, a->len);
}

/* Is @cert signed by the key (@curve, @point), for what it stands for in the chain? */
static int verify(const struct gp_cert *cert, const struct gp_cert *issuer, uint8_t curve,
		  const struct gp_bytes *point, bool last, const uint8_t *today,
		  struct gp_error *err)
{
	const struct gp_part body = {cert->body.p, cert->body.len};
	/* a first one that nobody vouches for */
	int ret = !point->len ? 0
			      : gp_ecdsa_verify(curve, point->p, point->len, &body, 1,
						cert->signature.p, cert->signature.len);

	if (ret == -EBADMSG)
		return gp_fail(err, -EKEYREJECTED, "bad-certificate",
			       "a certificate of the card is not signed by the one before");
	if (ret)
		return gp_fail(err, ret, "crypto", "a signature could not be verified");
	if (issuer && issuer->subject.p && cert->issuer.p &&
	    !same(&issuer->subject, &cert->issuer))
		return gp_fail(err, -EKEYREJECTED, "bad-certificate",
			       "a certificate names another issuer than the one before it");
	if (cert->usage != (last ? USAGE_AGREE : USAGE_VERIFY))
		return gp_fail(err, -EKEYREJECTED, "bad-certificate",
			       "a certificate is not for %s",
			       last ? "key agreement" : "verifying others");
	/* BCD digits compare as they are */
	if (today && ((cert->valid_from.p && memcmp(today, cert->valid_from.p, DATE_LEN) < 0) ||
		      (cert->valid_to.p && memcmp(today, cert->valid_to.p, DATE_LEN) > 0)))
		return gp_fail(err, -EKEYREJECTED, "certificate-expired",
			       "a certificate of the card is not valid today");
	return 0;
}

int gp_scp11_card_key(const uint8_t *store, size_t len, uint8_t ca_curve, const uint8_t *ca,
		      size_t ca_len, const uint8_t *today, struct gp_cert *key,
		      struct gp_error *err)
{
	struct ber_reader r = {store, len};
	struct gp_bytes point = {ca, ca_len};
	struct gp_cert cert, before;
	struct ber_tlv t;
	uint8_t curve = ca_curve;
	bool any = false;
	int ret;

	memset(key, 0, sizeof(*key));
	if (ber_find(store, len, TAG_STORE, &t) == 1)
		r = (struct ber_reader){t.value, t.len};
	while ((ret = ber_next(&r, &t)) == 1) {
		ret = gp_cert_parse(t.start, t.size, &cert, err);
		if (!ret)
			ret = verify(&cert, any ? &before : NULL, curve, &point, !r.len, today,
				     err);
		if (ret)
			return ret;
		before = cert;
		curve = cert.curve;
		point = cert.point;
		any = true;
	}
	if (ret < 0 || !any)
		return gp_fail(err, -EBADMSG, "bad-certificate",
			       "the card's certificate store is %s",
			       any ? "cut short" : "empty");
	*key = before;
	return 0;
}
