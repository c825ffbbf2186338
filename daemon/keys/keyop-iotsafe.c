// SPDX-License-Identifier: Apache-2.0
/*
 * IoT SAFE's side of an operation. IoT.05 was not at hand: commands and tags are those of
 * the public hosts (wolfSSL, Orange), which cards in the field answer.
 */
#include <errno.h>
#include <string.h>

#include "keys/keyop.h"
#include "model/ber.h"

#define SESSION 0x01
#define LAST 0x80
#define MODE_HASH 0x03
#define ECDSA 0x04
#define TYPE_VOLATILE 0x14 /* P-256, for the time of the channel */
#define INFO_PUBLIC 0xc2
#define INFO_FILE 0xc3
#define PIECE 0xff

enum {
	TAG_SIZE = 0x20,
	TAG_SIGNATURE = 0x33,
	TAG_KEY_FIELD = 0x34,
	TAG_KEY = 0x49,
	TAG_KEY_TYPE = 0x4b,
	TAG_FILE = 0x83,
	TAG_PRIVATE = 0x84,
	TAG_PUBLIC = 0x85,
	TAG_SECRET = 0x86, /* and a point within 49 */
	TAG_POINT = 0x86,
	TAG_HASH_ALGORITHM = 0x91,
	TAG_SIGNATURE_ALGORITHM = 0x92,
	TAG_FINAL_HASH = 0x9e,
	TAG_MODE = 0xa1,
	TAG_SEED = 0xd2,
	TAG_LENGTH = 0xd3,
};

/* All values here are shorter than 128 bytes but the seed, which may take 81. */
static size_t put(uint8_t *p, uint8_t tag, const uint8_t *value, size_t len)
{
	size_t n = 0;

	p[n++] = tag;
	if (len > 0x7f)
		p[n++] = 0x81;
	p[n++] = (uint8_t)len;
	memcpy(p + n, value, len);
	return n + len;
}

static size_t put_id(uint8_t *p, uint8_t tag, const struct keyop *op)
{
	return put(p, tag, op->ref.id, op->ref.id_len);
}

static int simple(const struct keyop *op, uint8_t *cmd, uint8_t ins, uint8_t p1, uint8_t p2,
		  uint8_t tag)
{
	const uint8_t head[4] = {0x80, ins, p1, p2};
	uint8_t data[2 + SEREF_ID_MAX];

	return keyop_command(cmd, head, data, put_id(data, tag, op), true, 0);
}

/* ---- files ---- */

static int read_piece(const struct keyop *op, uint8_t *cmd)
{
	size_t left = op->size - op->out_len;
	const uint8_t head[4] = {0x80, 0xb0, (uint8_t)(op->out_len >> 8), (uint8_t)op->out_len};
	uint8_t data[2 + SEREF_ID_MAX];

	return keyop_command(cmd, head, data, put_id(data, TAG_FILE, op), true,
			     (uint8_t)(left < PIECE ? left : PIECE));
}

static int file_size(struct keyop *op, const struct job_exchange_answer *a)
{
	struct ber_tlv info, size;

	if (ber_find(a->data, a->len, INFO_FILE, &info) != 1 ||
	    ber_find(info.value, info.len, TAG_SIZE, &size) != 1 || !size.len || size.len > 4)
		return -EBADMSG;
	op->size = 0;
	for (size_t i = 0; i < size.len; i++)
		op->size = op->size << 8 | size.value[i];
	return op->size > op->room ? -EMSGSIZE : op->size ? 0 : -ENOENT;
}

static int next_read(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	size_t left;
	int r;

	switch (op->step) {
	case 0:
		op->step = 1;
		return simple(op, cmd, 0xcb, INFO_FILE, 0x00, TAG_FILE);
	case 1:
		op->step = 2;
		r = file_size(op, a);
		return r ? r : read_piece(op, cmd);
	default:
		left = op->size - op->out_len;
		/* less than was asked for is fine, nothing is not: it would never end */
		if (!a->len || a->len > left)
			return -EBADMSG;
		r = keyop_take(op, a->data, a->len);
		return r || op->out_len == op->size ? r : read_piece(op, cmd);
	}
}

/* ---- keys ---- */

static int take_point(struct keyop *op, const struct job_exchange_answer *a)
{
	struct ber_tlv field, key, point;

	if (ber_find(a->data, a->len, TAG_KEY_FIELD, &field) != 1 ||
	    ber_find(field.value, field.len, TAG_KEY, &key) != 1 ||
	    ber_find(key.value, key.len, TAG_POINT, &point) != 1 || point.len != KEYOP_POINT ||
	    point.value[0] != 0x04)
		return -EBADMSG;
	return keyop_take(op, point.value, point.len);
}

static int next_public(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	if (op->step++)
		return take_point(op, a);
	return simple(op, cmd, 0xcd, 0x00, 0x00, TAG_PUBLIC);
}

static int sign_init(const struct keyop *op, uint8_t *cmd)
{
	static const uint8_t head[4] = {0x80, 0x2a, 0x00, SESSION};
	const uint8_t mode = MODE_HASH, algorithm = ECDSA;
	const uint8_t hash[2] = {0, op->in_len == 32 ? 1 : op->in_len == 48 ? 2 : 4};
	uint8_t data[64];
	size_t n = put_id(data, TAG_PRIVATE, op);

	n += put(data + n, TAG_MODE, &mode, 1);
	n += put(data + n, TAG_HASH_ALGORITHM, hash, 2);
	n += put(data + n, TAG_SIGNATURE_ALGORITHM, &algorithm, 1);
	return keyop_command(cmd, head, data, n, false, 0);
}

static int sign_update(const struct keyop *op, uint8_t *cmd)
{
	static const uint8_t head[4] = {0x80, 0x2b, LAST, SESSION};
	uint8_t data[2 + 64];

	return keyop_command(cmd, head, data, put(data, TAG_FINAL_HASH, op->in, op->in_len),
			     true, 0);
}

/* 33 with a length of two bytes, which is not BER, or of one */
static int take_signature(struct keyop *op, const struct job_exchange_answer *a)
{
	const uint8_t *p = a->data;

	if (a->len == 3 + KEYOP_SIGNATURE && p[0] == TAG_SIGNATURE && !p[1] &&
	    p[2] == KEYOP_SIGNATURE)
		return keyop_take(op, p + 3, KEYOP_SIGNATURE);
	if (a->len == 2 + KEYOP_SIGNATURE && p[0] == TAG_SIGNATURE && p[1] == KEYOP_SIGNATURE)
		return keyop_take(op, p + 2, KEYOP_SIGNATURE);
	return -EBADMSG;
}

static int next_sign(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	switch (op->step++) {
	case 0:
		return sign_init(op, cmd);
	case 1:
		return sign_update(op, cmd);
	default:
		return take_signature(op, a);
	}
}

/*
 * The place for the peer's key: the last volatile public key of the list of objects, as the
 * first ones may belong to key pairs that are made for a session.
 */
static int find_peer(struct keyop *op, const struct job_exchange_answer *a)
{
	struct ber_reader r = {a->data, a->len};
	struct ber_tlv object, type, id;
	int n;

	while ((n = ber_next(&r, &object)) == 1) {
		if (object.tag != INFO_PUBLIC ||
		    ber_find(object.value, object.len, TAG_KEY_TYPE, &type) != 1 ||
		    type.len != 1 || type.value[0] != TYPE_VOLATILE ||
		    ber_find(object.value, object.len, TAG_PUBLIC, &id) != 1 || !id.len ||
		    id.len > sizeof(op->peer))
			continue;
		memcpy(op->peer, id.value, id.len);
		op->peer_len = id.len;
	}
	if (n)
		return n;
	return op->peer_len ? 0 : -ENOENT;
}

static int put_point(const struct keyop *op, uint8_t *cmd)
{
	static const uint8_t head[4] = {0x80, 0xd8, LAST, SESSION};
	uint8_t point[2 + KEYOP_POINT], key[2 + sizeof(point)], field[2 + sizeof(key)];
	size_t n = put(point, TAG_POINT, op->in, op->in_len);

	n = put(key, TAG_KEY, point, n);
	return keyop_command(cmd, head, field, put(field, TAG_KEY_FIELD, key, n), false, 0);
}

static int next_agree(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	static const uint8_t list[4] = {0x80, 0xcb, 0x01, 0x00},
			     init[4] = {0x80, 0x24, 0, SESSION},
			     dh[4] = {0x80, 0x46, 0x00, 0x00};
	uint8_t data[2 * (2 + SEREF_ID_MAX)];
	size_t n;
	int r;

	switch (op->step++) {
	case 0:
		op->peer_len = 0;
		return keyop_command(cmd, list, NULL, 0, true, 0);
	case 1:
		r = find_peer(op, a);
		if (r)
			return r;
		n = put(data, TAG_PUBLIC, op->peer, op->peer_len);
		return keyop_command(cmd, init, data, n, false, 0);
	case 2:
		return put_point(op, cmd);
	case 3:
		n = put_id(data, TAG_PRIVATE, op);
		n += put(data + n, TAG_PUBLIC, op->peer, op->peer_len);
		return keyop_command(cmd, dh, data, n, true, 0);
	default:
		return a->len == KEYOP_SCALAR ? keyop_take(op, a->data, a->len) : -EBADMSG;
	}
}

static int next_prf(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	static const uint8_t head[4] = {0x80, 0x48, 0x00, 0x00};
	uint8_t data[2 + SEREF_ID_MAX + 3 + KEYOP_PRF_MAX + 3];
	const uint8_t want = (uint8_t)op->want;
	size_t n;

	if (op->step++)
		return a->len == op->want ? keyop_take(op, a->data, a->len) : -EBADMSG;
	n = put_id(data, TAG_SECRET, op);
	n += put(data + n, TAG_SEED, op->in, op->in_len);
	n += put(data + n, TAG_LENGTH, &want, 1);
	return keyop_command(cmd, head, data, n, true, 0);
}

int keyop_iotsafe(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	switch (op->kind) {
	case KEYOP_READ:
		return next_read(op, a, cmd);
	case KEYOP_PUBLIC:
		return next_public(op, a, cmd);
	case KEYOP_SIGN:
		return next_sign(op, a, cmd);
	case KEYOP_AGREE:
		return next_agree(op, a, cmd);
	case KEYOP_PRF:
		return next_prf(op, a, cmd);
	}
	return -EINVAL;
}
