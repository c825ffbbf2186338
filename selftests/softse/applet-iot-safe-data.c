// SPDX-License-Identifier: Apache-2.0
/* IoT SAFE: which objects there are, how they come into being, GET DATA. */
#include <openssl/crypto.h>
#include <string.h>

#include "applet-iot-safe.h"
#include "crypto.h"

enum {
	TAG_ACCESS = 0x60,
	TAG_FUNCTIONS = 0x61,
	TAG_STATE = 0x4a,
	TAG_TYPE = 0x4b,
	TAG_USAGE = 0x4e,
	TAG_CONTENT = 0x53,
	TAG_KEY = 0x41,
	TAG_SIZE = 0x20,
	TAG_FILE_USAGE = 0x21,
	TAG_SECRET_VALUE = 0xd1,
	INFO_PRIVATE = 0xc1,
	INFO_PUBLIC = 0xc2,
	INFO_FILE = 0xc3,
	INFO_SECRET = 0xc4,
	P1_APPLICATION = 0x00,
	P1_LIST = 0x01,
};

#define FILE_MAX 32767
#define SECRET_MAX 132 /* premaster secret of a PSK of 64 bytes (RFC 4279, 2) */
#define OBJECTS 64     /* that the application keeps */

bool safe_id(const uint8_t *p, size_t len, uint32_t tag, uint16_t *id)
{
	struct tlv t;

	if (tlv_find(p, len, tag, &t) != 1 || !t.len || t.len > 2)
		return false;
	*id = t.len == 1 ? t.val[0] : get_be16(t.val);
	return true;
}

uint8_t safe_type(struct entry *e, uint32_t kind, uint16_t id)
{
	struct object *o = entry_object(e, kind, id);

	return o && o->v->len >= SAFE_HEAD ? o->v->v[0] : 0;
}

bool safe_on_curve(const uint8_t *point, size_t len)
{
	static const uint8_t one[SAFE_SCALAR] = {[SAFE_SCALAR - 1] = 1};
	uint8_t x[SAFE_SCALAR];

	return len == SAFE_POINT && point[0] == 0x04 &&
	       !crypto_ecdh(0, one, sizeof(one), point, len, x);
}

static void put_byte(struct buf *b, uint32_t tag, uint8_t v)
{
	buf_tlv(b, tag, &v, 1);
}

static void put_id(struct buf *b, uint32_t tag, uint16_t id)
{
	const uint8_t v[] = {(uint8_t)(id >> 8), (uint8_t)id};

	buf_tlv(b, tag, id > 0xff ? v : v + 1, id > 0xff ? 2 : 1);
}

/* What IoT.05 tells of an object; never its value. */
static void put_info(struct buf *rsp, const struct object *o)
{
	static const uint8_t hashes[] = {0x00, 0x07};
	uint8_t room[64], size[2];
	struct buf b = {.data = room, .room = sizeof(room)};

	put_id(&b, o->tag, o->ref);
	if (o->tag == SAFE_FILE) {
		size[0] = (uint8_t)(o->v->len >> 8);
		size[1] = (uint8_t)o->v->len;
		put_byte(&b, TAG_ACCESS, 0x01);
		put_byte(&b, TAG_STATE, 0x01);
		buf_tlv(&b, TAG_SIZE, size, 2);
		put_byte(&b, TAG_FILE_USAGE, 0x01);
		buf_tlv(rsp, INFO_FILE, b.data, b.len);
		return;
	}
	/* a public key is read and, where it is volatile, put */
	put_byte(&b, TAG_ACCESS,
		 o->tag != SAFE_PUBLIC	       ? 0x00
		 : o->v->v[0] == SAFE_VOLATILE ? 0x03
					       : 0x01);
	put_byte(&b, TAG_STATE, 0x01);
	put_byte(&b, TAG_TYPE, o->tag == SAFE_SECRET ? 0xa0 : o->v->v[0]);
	put_byte(&b, TAG_USAGE, 0x01);
	put_byte(&b, TAG_FUNCTIONS,
		 o->tag == SAFE_SECRET	       ? 0x08
		 : o->tag == SAFE_PUBLIC       ? 0x05
		 : o->v->v[0] == SAFE_VOLATILE ? 0x07
					       : 0x05);
	if (o->tag != SAFE_SECRET) {
		buf_tlv(&b, 0x91, hashes, sizeof(hashes));
		put_byte(&b, 0x92, 0x04);
		put_byte(&b, 0x6f, 0x01);
	}
	buf_tlv(rsp,
		INFO_PRIVATE + (o->tag == SAFE_PUBLIC	? 1
				: o->tag == SAFE_SECRET ? 3
							: 0),
		b.data, b.len);
}

static bool is_safe(const struct object *o)
{
	return o->tag >= SAFE_FILE && o->tag <= SAFE_SECRET && o->v->len;
}

static void put_application(struct entry *e, struct buf *rsp)
{
	static const uint8_t hashes[] = {0x00, 0x07};

	put_byte(rsp, 0x10, 0x01);
	buf_tlv(rsp, 0x11, e->aid.v, e->aid.len);
	for (uint8_t kind = 0; kind < 4; kind++)
		put_byte(rsp, 0xb1U + kind, OBJECTS);
	put_byte(rsp, 0x90, 0x0f); /* sign and verify, generate, agree, derive */
	buf_tlv(rsp, 0x91, hashes, sizeof(hashes));
	put_byte(rsp, 0x92, 0x04); /* ECDSA */
	put_byte(rsp, 0x93, 0x01); /* ECKA */
	put_byte(rsp, 0x94, 0x03); /* PRF with SHA-256, HKDF */
	put_byte(rsp, 0xb7, 0x01); /* sessions at a time */
}

uint16_t safe_get_data(struct entry *e, struct apdu *a)
{
	static const uint32_t order[] = {SAFE_PRIVATE, SAFE_PUBLIC, SAFE_SECRET, SAFE_FILE};
	struct object *o;
	uint32_t kind;
	uint16_t id;

	if (a->p2)
		return SW_P1P2;
	switch (a->p1) {
	case P1_APPLICATION:
		put_application(e, &a->rsp);
		return SW_OK;
	case P1_LIST:
		for (size_t k = 0; k < 4; k++)
			for (size_t i = 0; i < e->n_objects; i++)
				if (e->objects[i].tag == order[k] && is_safe(&e->objects[i]))
					put_info(&a->rsp, &e->objects[i]);
		return SW_OK;
	case INFO_PRIVATE:
		kind = SAFE_PRIVATE;
		break;
	case INFO_PUBLIC:
		kind = SAFE_PUBLIC;
		break;
	case INFO_FILE:
		kind = SAFE_FILE;
		break;
	case INFO_SECRET:
		kind = SAFE_SECRET;
		break;
	default:
		return SW_P1P2;
	}
	if (!safe_id(a->data, a->lc, kind, &id))
		return SW_WRONG_DATA;
	o = entry_object(e, kind, id);
	if (!o || !is_safe(o))
		return SW_NO_REFERENCE;
	put_info(&a->rsp, o);
	return SW_OK;
}

static uint16_t put_key(struct card *c, struct entry *e, uint32_t kind, uint16_t id,
			uint8_t type, const uint8_t *v, size_t len)
{
	uint8_t room[SAFE_HEAD + SAFE_POINT];
	uint16_t sw;

	room[0] = type;
	if (len)
		memcpy(room + SAFE_HEAD, v, len);
	sw = entry_put_object(c, e, kind, id, room, SAFE_HEAD + len);
	OPENSSL_cleanse(room, sizeof(room));
	return sw;
}

/* A private key slot; the public key that belongs to it has the same identifier. */
static uint16_t make_pair(struct card *c, struct entry *e, uint16_t id, uint8_t type,
			  const uint8_t *given)
{
	uint8_t key[SAFE_SCALAR], point[SAFE_POINT];
	uint16_t sw = SW_WRONG_DATA;
	int ret;

	if (type == SAFE_VOLATILE) {
		sw = put_key(c, e, SAFE_PRIVATE, id, type, NULL, 0);
		return sw == SW_OK ? put_key(c, e, SAFE_PUBLIC, id, type, NULL, 0) : sw;
	}
	if (given) {
		memcpy(key, given, sizeof(key));
		ret = crypto_ec_public(0, key, sizeof(key), point);
	} else {
		ret = crypto_ec_generate(0, key, point);
	}
	if (!ret)
		sw = put_key(c, e, SAFE_PRIVATE, id, type, key, sizeof(key));
	if (sw == SW_OK)
		sw = put_key(c, e, SAFE_PUBLIC, id, type, point, sizeof(point));
	OPENSSL_cleanse(key, sizeof(key));
	return sw;
}

/* C1 {84, 4B, 41?}: a key pair, generated where 41 does not give it. */
static uint16_t put_private(struct card *c, struct entry *e, const struct tlv *t, uint8_t type)
{
	struct tlv key;
	uint16_t id;

	if (!safe_id(t->val, t->len, SAFE_PRIVATE, &id))
		return SW_WRONG_DATA;
	if (tlv_find(t->val, t->len, TAG_KEY, &key) != 1)
		return make_pair(c, e, id, type, NULL);
	if (key.len != SAFE_SCALAR || type == SAFE_VOLATILE)
		return SW_WRONG_DATA;
	return make_pair(c, e, id, type, key.val);
}

/* C2 {85, 4B, 86?}: a public key; a volatile one comes by PUT PUBLIC KEY. */
static uint16_t put_public(struct card *c, struct entry *e, const struct tlv *t, uint8_t type)
{
	struct tlv point;
	uint16_t id;

	if (!safe_id(t->val, t->len, SAFE_PUBLIC, &id))
		return SW_WRONG_DATA;
	if (type == SAFE_VOLATILE)
		return put_key(c, e, SAFE_PUBLIC, id, type, NULL, 0);
	if (tlv_find(t->val, t->len, 0x86, &point) != 1 || !safe_on_curve(point.val, point.len))
		return SW_WRONG_DATA;
	return put_key(c, e, SAFE_PUBLIC, id, type, point.val, point.len);
}

static uint16_t put_object(struct card *c, struct entry *e, const struct tlv *t)
{
	struct tlv v;
	uint16_t id;
	uint8_t type = SAFE_PERSISTENT;

	if (tlv_find(t->val, t->len, TAG_TYPE, &v) == 1) {
		if (v.len != 1 || (v.val[0] != SAFE_PERSISTENT && v.val[0] != SAFE_VOLATILE))
			return SW_WRONG_DATA;
		type = v.val[0];
	}
	switch (t->tag) {
	case INFO_PRIVATE:
		return put_private(c, e, t, type);
	case INFO_PUBLIC:
		return put_public(c, e, t, type);
	case INFO_FILE:
		if (!safe_id(t->val, t->len, SAFE_FILE, &id) ||
		    tlv_find(t->val, t->len, TAG_CONTENT, &v) != 1 || !v.len ||
		    v.len > FILE_MAX)
			return SW_WRONG_DATA;
		return entry_put_object(c, e, SAFE_FILE, id, v.val, v.len);
	case INFO_SECRET:
		if (!safe_id(t->val, t->len, SAFE_SECRET, &id) ||
		    tlv_find(t->val, t->len, TAG_SECRET_VALUE, &v) != 1 || !v.len ||
		    v.len > SECRET_MAX)
			return SW_WRONG_DATA;
		return entry_put_object(c, e, SAFE_SECRET, id, v.val, v.len);
	default:
		return SW_WRONG_DATA;
	}
}

uint16_t safe_personalise(struct card *c, struct entry *e, struct apdu *a)
{
	const uint8_t *p = a->data, *end = p + a->lc;
	uint16_t sw = SW_OK;
	struct tlv t;
	int ret = 0;

	while (sw == SW_OK && (ret = tlv_next(&p, end, &t)) == 1)
		sw = put_object(c, e, &t);
	if (sw == SW_OK && ret)
		return SW_WRONG_DATA;
	return sw == SW_OK && e->n_objects > OBJECTS ? SW_NO_SPACE : sw;
}

/*
 * What wolfSSL's demonstration expects: key 02 of the device, key pair 03 and the peer's
 * keys 04 and 05 for a handshake.
 */
uint16_t safe_install(struct card *c, struct entry *e, const uint8_t *params, size_t len)
{
	uint16_t sw = make_pair(c, e, 2, SAFE_PERSISTENT, NULL);

	(void)params;
	(void)len;
	if (sw == SW_OK)
		sw = make_pair(c, e, 3, SAFE_VOLATILE, NULL);
	for (uint16_t id = 4; sw == SW_OK && id <= 5; id++)
		sw = put_key(c, e, SAFE_PUBLIC, id, SAFE_VOLATILE, NULL, 0);
	return sw;
}
