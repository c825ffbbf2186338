// SPDX-License-Identifier: Apache-2.0
/*
 * What is in the files of a new PKCS #15 application: the directories of ISO/IEC
 * 7816-15 in plain DER, a key with its certificate, and a bootstrap account.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "applet-pkcs15.h"
#include "crypto.h"

enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	OCTETS = 0x04,
	OID = 0x06,
	ENUM = 0x0a,
	UTF8 = 0x0c,
	UTC_TIME = 0x17,
	GENERALIZED_TIME = 0x18,
	SEQUENCE = 0x30,
	SET = 0x31,
	CONTEXT0 = 0xa0,
	CONTEXT1 = 0xa1,
};

#define FILE_ROOM 768

static const uint8_t oid_bootstrap[] = {0x67, 0x2b, 0x09, 0x01}; /* 2.23.43.9.1 */
static const uint8_t oid_dm[] = {0x67, 0x2b, 0x07, 0x01};	 /* 2.23.43.7.1 */
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
static const uint8_t oid_name[] = {0x55, 4, 3};

/* A constructed data object is written into a room of its own and then put around. */
struct node {
	struct buf b;
	uint8_t room[FILE_ROOM];
};

static struct buf *begin(struct node *n)
{
	n->b = (struct buf){.data = n->room, .room = sizeof(n->room)};
	return &n->b;
}

static void end(struct buf *out, uint32_t tag, struct node *n)
{
	if (n->b.overflow)
		out->overflow = true;
	buf_tlv(out, tag, n->b.data, n->b.len);
}

static void put_text(struct buf *b, uint32_t tag, const char *text)
{
	buf_tlv(b, tag, text, strlen(text));
}

static void put_path(struct buf *b, uint16_t fid)
{
	const uint8_t v[] = {(uint8_t)(fid >> 8), (uint8_t)fid};
	struct node path;

	buf_tlv(begin(&path), OCTETS, v, sizeof(v));
	end(b, SEQUENCE, &path);
}

/* CommonObjectAttributes; what is private names who opens it. */
static void put_common(struct buf *b, const char *label, bool private)
{
	static const uint8_t flags[] = {0x07, 0x80}, auth_id[] = {0x01};
	struct node n;

	put_text(begin(&n), UTF8, label);
	if (private) {
		buf_tlv(&n.b, BIT_STRING, flags, sizeof(flags));
		buf_tlv(&n.b, OCTETS, auth_id, sizeof(auth_id));
	}
	end(b, SEQUENCE, &n);
}

static void make_odf(struct buf *b, uint8_t mode)
{
	static const struct {
		uint8_t tag;
		uint16_t fid;
	} parts[] = {{0xa0, FID_PRKDF}, {0xa4, FID_CDF}, {0xa7, FID_DODF}, {0xa8, FID_AODF}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct node n;

		if (parts[i].fid == FID_AODF && mode != PKCS15_PIN)
			continue;
		put_path(begin(&n), parts[i].fid);
		end(b, parts[i].tag, &n);
	}
}

static void make_token_info(struct buf *b, uint8_t mode)
{
	static const uint8_t version[] = {0}, serial[] = {'S', 'E', 'S', 'A', 'M', 'E', 0, 1};
	static const uint8_t read_only[] = {0x07, 0x80}, login[] = {0x06, 0xc0};
	struct node n;

	buf_tlv(begin(&n), INTEGER, version, sizeof(version));
	buf_tlv(&n.b, OCTETS, serial, sizeof(serial));
	put_text(&n.b, UTF8, "Sesame");
	put_text(&n.b, 0x80, "softse");
	buf_tlv(&n.b, BIT_STRING, mode == PKCS15_PIN ? login : read_only, 2);
	end(b, SEQUENCE, &n);
}

static void make_aodf(struct buf *b)
{
	/* local, not to be unblocked by a PUK, initialized */
	static const uint8_t flags[] = {0x03, 0x58}, numeric[] = {1};
	static const uint8_t min[] = {4}, stored[] = {16}, one[] = {1};
	struct node object, part, inner;

	begin(&object);
	put_common(&object.b, "PIN", false);
	buf_tlv(begin(&part), OCTETS, one, 1);
	end(&object.b, SEQUENCE, &part);
	buf_tlv(begin(&inner), BIT_STRING, flags, 2);
	buf_tlv(&inner.b, ENUM, numeric, 1);
	buf_tlv(&inner.b, INTEGER, min, 1);
	buf_tlv(&inner.b, INTEGER, stored, 1);
	buf_tlv(&inner.b, INTEGER, stored, 1);
	buf_tlv(&inner.b, 0x80, one, 1); /* its reference in VERIFY */
	begin(&part);
	end(&part.b, SEQUENCE, &inner);
	end(&object.b, CONTEXT1, &part);
	end(b, SEQUENCE, &object);
}

static void make_prkdf(struct buf *b, uint8_t mode)
{
	static const uint8_t id[] = {1}, usage[] = {0x05, 0x20}, size[] = {0x01, 0x00};
	static const uint8_t folder[] = {0x3f, 0x00, FID_PKCS15 >> 8, FID_PKCS15 & 0xff};
	struct node object, part, inner;

	begin(&object);
	put_common(&object.b, "device key", mode == PKCS15_PIN);
	buf_tlv(begin(&part), OCTETS, id, 1);
	buf_tlv(&part.b, BIT_STRING, usage, 2); /* sign */
	buf_tlv(&part.b, INTEGER, id, 1);	/* key reference */
	end(&object.b, SEQUENCE, &part);
	buf_tlv(begin(&part), OCTETS, folder, sizeof(folder));
	begin(&inner);
	end(&inner.b, SEQUENCE, &part);
	buf_tlv(&inner.b, INTEGER, size, 2);
	begin(&part);
	end(&part.b, SEQUENCE, &inner);
	end(&object.b, CONTEXT1, &part);
	end(b, CONTEXT0, &object); /* an elliptic curve key */
}

static void make_cdf(struct buf *b)
{
	static const uint8_t id[] = {1};
	struct node object, part, inner;

	begin(&object);
	put_common(&object.b, "device certificate", false);
	buf_tlv(begin(&part), OCTETS, id, 1);
	end(&object.b, SEQUENCE, &part);
	put_path(begin(&inner), FID_CERTIFICATE);
	begin(&part);
	end(&part.b, SEQUENCE, &inner);
	end(&object.b, CONTEXT1, &part);
	end(b, SEQUENCE, &object);
}

/* An opaque data object with the application's OID; LwM2M core, G.3.4. */
static void put_object(struct buf *b, const char *label, const uint8_t oid[4], uint16_t fid,
		       uint8_t mode)
{
	struct node object, part;

	begin(&object);
	put_common(&object.b, label, mode == PKCS15_PIN);
	buf_tlv(begin(&part), OID, oid, 4);
	end(&object.b, SEQUENCE, &part);
	put_path(begin(&part), fid);
	end(&object.b, CONTEXT1, &part);
	end(b, SEQUENCE, &object);
}

static void make_dodf(struct buf *b, uint8_t mode, bool with_dm)
{
	put_object(b, "LwM2M Bootstrap", oid_bootstrap, FID_LWM2M, mode);
	if (with_dm)
		put_object(b, "DM Bootstrap", oid_dm, FID_DM, mode);
}

static void make_dir(struct buf *b, const struct entry *e)
{
	static const uint8_t path[] = {0x3f, 0x00, FID_PKCS15 >> 8, FID_PKCS15 & 0xff};
	struct node n;

	buf_tlv(begin(&n), 0x4f, e->aid.v, e->aid.len);
	put_text(&n.b, 0x50, "softse");
	buf_tlv(&n.b, 0x51, path, sizeof(path));
	end(b, 0x61, &n);
}

/* One resource in OMA's TLV: type and length of length, identifier, length, value. */
static void put_resource(struct buf *b, uint8_t id, const void *v, size_t len)
{
	buf_u8(b, (uint8_t)(len < 8 ? 0xc0 | len : 0xc8));
	buf_u8(b, id);
	if (len >= 8)
		buf_u8(b, (uint8_t)len);
	buf_put(b, v, len);
}

/* One Security object, a bootstrap server with a pre-shared key (G.4). */
static void make_bootstrap(struct buf *b)
{
	static const char uri[] = "coaps://127.0.0.1:5684", identity[] = "softse";
	static const uint8_t yes[] = {1}, psk[] = {0};
	static const uint8_t key[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
				      0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
	struct node r, instance;

	begin(&r);
	put_resource(&r.b, 0, uri, strlen(uri));
	put_resource(&r.b, 1, yes, 1);
	put_resource(&r.b, 2, psk, 1);
	put_resource(&r.b, 3, identity, strlen(identity));
	put_resource(&r.b, 5, key, sizeof(key));
	begin(&instance);
	buf_u8(&instance.b, 0x08); /* an object instance, length in one byte */
	buf_u8(&instance.b, 0);
	buf_u8(&instance.b, (uint8_t)r.b.len);
	buf_put(&instance.b, r.b.data, r.b.len);
	buf_be16(b, 1); /* objects */
	buf_be16(b, (uint16_t)(5 + instance.b.len));
	buf_be16(b, 0); /* Security */
	buf_u8(b, 0);	/* version 1.0 */
	buf_be16(b, (uint16_t)instance.b.len);
	buf_put(b, instance.b.data, instance.b.len);
	buf_be16(b, 0xffff); /* the file is longer than that */
	if (r.b.overflow || instance.b.overflow)
		b->overflow = true;
}

/* ---- OMA Client Provisioning (OMA-WAP-TS-ProvCont 1.1) in WBXML ----------------- */

enum {
	WBXML_END = 0x01,
	WBXML_STR_I = 0x03,
	CP_DOC = 0x45,		  /* wap-provisioningdoc with content */
	CP_CHARACTERISTIC = 0xc6, /* with attributes and content */
	CP_PARM = 0x87,		  /* with attributes */
	CP_NAME = 0x05,
	CP_VALUE = 0x06,
	CP_TYPE = 0x50,
};

static void put_attribute(struct buf *b, uint8_t name, const char *value)
{
	buf_u8(b, name);
	buf_u8(b, WBXML_STR_I);
	buf_put(b, value, strlen(value) + 1);
}

static void put_parm(struct buf *b, const char *name, const char *value)
{
	buf_u8(b, CP_PARM);
	put_attribute(b, CP_NAME, name);
	put_attribute(b, CP_VALUE, value);
	buf_u8(b, WBXML_END);
}

static void put_characteristic(struct buf *b, const char *type)
{
	buf_u8(b, CP_CHARACTERISTIC);
	put_attribute(b, CP_TYPE, type);
	buf_u8(b, WBXML_END);
}

static void put_auth(struct buf *b, const char *level, const char *name, const char *secret)
{
	put_characteristic(b, "APPAUTH");
	put_parm(b, "AAUTHLEVEL", level);
	put_parm(b, "AAUTHTYPE", "DIGEST");
	put_parm(b, "AAUTHNAME", name);
	put_parm(b, "AAUTHSECRET", secret);
	buf_u8(b, WBXML_END);
}

/* One account of OMA DM (application w7). */
static void make_dm(struct buf *b)
{
	buf_u8(b, 0x03); /* WBXML 1.3 */
	buf_u8(b, 0x0b); /* PROV 1.0 */
	buf_u8(b, 0x6a); /* UTF-8 */
	buf_u8(b, 0x00); /* no string table */
	buf_u8(b, CP_DOC);
	put_characteristic(b, "APPLICATION");
	put_parm(b, "APPID", "w7");
	put_parm(b, "PROVIDER-ID", "softse");
	put_parm(b, "ADDR", "https://127.0.0.1:8443/dm");
	put_auth(b, "APPSRV", "softse", "client");
	put_auth(b, "CLIENT", "softse", "server");
	buf_u8(b, WBXML_END);
	buf_u8(b, WBXML_END);
	buf_be16(b, 0xffff); /* the file is longer than that */
}

/* An INTEGER has no leading zeros but the one that keeps it positive. */
static void put_unsigned(struct buf *b, const uint8_t *v, size_t len)
{
	uint8_t room[33] = {0};

	while (len > 1 && !*v) {
		v++;
		len--;
	}
	memcpy(room + 1, v, len);
	buf_tlv(b, INTEGER, room + !(*v & 0x80), len + !!(*v & 0x80));
}

static void put_algorithm(struct buf *b)
{
	struct node n;

	buf_tlv(begin(&n), OID, oid_ecdsa_sha256, sizeof(oid_ecdsa_sha256));
	end(b, SEQUENCE, &n);
}

static void put_name(struct buf *b)
{
	struct node pair, set, name;

	buf_tlv(begin(&pair), OID, oid_name, sizeof(oid_name));
	put_text(&pair.b, UTF8, "softse");
	begin(&set);
	end(&set.b, SEQUENCE, &pair);
	begin(&name);
	end(&name.b, SET, &set);
	end(b, SEQUENCE, &name);
}

static void put_public_key(struct buf *b, const uint8_t pub[65])
{
	uint8_t bits[66] = {0};
	struct node info, algorithm;

	memcpy(bits + 1, pub, 65);
	buf_tlv(begin(&algorithm), OID, oid_ec, sizeof(oid_ec));
	buf_tlv(&algorithm.b, OID, oid_p256, sizeof(oid_p256));
	begin(&info);
	end(&info.b, SEQUENCE, &algorithm);
	buf_tlv(&info.b, BIT_STRING, bits, sizeof(bits));
	end(b, SEQUENCE, &info);
}

/* RFC 5280, signed by the key that is in it. Return: 0 or -EIO. */
static int make_certificate(struct buf *b, const uint8_t priv[32], const uint8_t pub[65])
{
	static const uint8_t v3[] = {2}, serial[] = {1};
	struct node body, part, to_sign, sig;
	uint8_t rs[64];
	int ret;

	buf_tlv(begin(&part), INTEGER, v3, 1);
	begin(&body);
	end(&body.b, CONTEXT0, &part);
	buf_tlv(&body.b, INTEGER, serial, 1);
	put_algorithm(&body.b);
	put_name(&body.b);
	put_text(begin(&part), UTC_TIME, "250101000000Z");
	put_text(&part.b, GENERALIZED_TIME, "99991231235959Z");
	end(&body.b, SEQUENCE, &part);
	put_name(&body.b);
	put_public_key(&body.b, pub);
	begin(&to_sign);
	end(&to_sign.b, SEQUENCE, &body);
	ret = crypto_ec_sign(0, priv, 32, 32, to_sign.b.data, to_sign.b.len, rs);
	if (ret)
		return ret;
	begin(&part);
	put_unsigned(&part.b, rs, 32);
	put_unsigned(&part.b, rs + 32, 32);
	begin(&sig);
	buf_u8(&sig.b, 0); /* unused bits */
	end(&sig.b, SEQUENCE, &part);
	begin(&body);
	buf_put(&body.b, to_sign.b.data, to_sign.b.len);
	put_algorithm(&body.b);
	end(&body.b, BIT_STRING, &sig);
	end(b, SEQUENCE, &body);
	return 0;
}

static uint16_t put_key(struct card *c, struct entry *e)
{
	uint8_t priv[32], pub[65];
	struct node n;
	uint16_t sw = SW_MEMORY;

	if (!crypto_ec_generate(0, priv, pub) && !make_certificate(begin(&n), priv, pub))
		sw = entry_put_object(c, e, PKCS15_KEY, 0, priv, sizeof(priv));
	if (sw == SW_OK)
		sw = pkcs15_put_file(c, e, FID_CERTIFICATE, n.b.data, n.b.len);
	OPENSSL_cleanse(priv, sizeof(priv));
	return sw;
}

uint16_t pkcs15_fill(struct card *c, struct entry *e, uint8_t mode, bool with_dm)
{
	static const uint16_t fids[] = {FID_DIR,  FID_ODF,   FID_TOKEN_INFO, FID_AODF, FID_CDF,
					FID_DODF, FID_PRKDF, FID_LWM2M,	     FID_DM};
	uint16_t sw = put_key(c, e);

	for (size_t i = 0; sw == SW_OK && i < sizeof(fids) / sizeof(fids[0]); i++) {
		struct node n;

		begin(&n);
		switch (fids[i]) {
		case FID_DIR:
			make_dir(&n.b, e);
			break;
		case FID_ODF:
			make_odf(&n.b, mode);
			break;
		case FID_TOKEN_INFO:
			make_token_info(&n.b, mode);
			break;
		case FID_AODF:
			if (mode != PKCS15_PIN)
				continue;
			make_aodf(&n.b);
			break;
		case FID_CDF:
			make_cdf(&n.b);
			break;
		case FID_DODF:
			make_dodf(&n.b, mode, with_dm);
			break;
		case FID_PRKDF:
			make_prkdf(&n.b, mode);
			break;
		case FID_DM:
			if (!with_dm)
				continue;
			make_dm(&n.b);
			break;
		default:
			make_bootstrap(&n.b);
			break;
		}
		sw = n.b.overflow ? SW_MEMORY
				  : pkcs15_put_file(c, e, fids[i], n.b.data, n.b.len);
	}
	return sw;
}
