// SPDX-License-Identifier: Apache-2.0
/*
 * An object instance as bytes, big endian:
 *
 *	version (1)
 *	{ resource (2), resource instance (2), depth (1), type (1), length (4), value }*
 *
 * The numbers of the types are this file's own, so that those of the model may
 * move. A value: integer, unsigned, time and boolean in 8 bytes, a float as its
 * IEEE 754 bits, an object link in 4, the rest as it is; none in 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/data-priv.h"
#include "lwm2m/pack.h"

#define VERSION 1
#define HEADER 10

static const struct {
	uint8_t code;
	enum model_type type;
} types[] = {
	{0, MODEL_NONE},    {1, MODEL_STRING},	{2, MODEL_INTEGER}, {3, MODEL_UNSIGNED},
	{4, MODEL_BOOLEAN}, {5, MODEL_OPAQUE},	{6, MODEL_TIME},    {7, MODEL_OBJLNK},
	{8, MODEL_FLOAT},   {9, MODEL_CORELNK},
};

static void put(struct model_buf *buf, uint64_t x, unsigned int bytes)
{
	uint8_t b[8];

	lwm2m_pack(b, x, bytes);
	model_buf_put(buf, b, bytes);
}

static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	return lwm2m_unpack(&p, bytes);
}

static void write_value(const struct lwm2m_value *v, struct model_buf *buf)
{
	uint64_t bits;
	uint8_t code = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == v->type)
			code = types[i].code;
	put(buf, v->path.id[2], 2);
	put(buf, v->path.depth == 4 ? v->path.id[3] : 0, 2);
	put(buf, v->path.depth, 1);
	put(buf, code, 1);
	switch (v->type) {
	case MODEL_NONE:
		put(buf, 0, 4);
		break;
	case MODEL_INTEGER:
	case MODEL_UNSIGNED:
	case MODEL_BOOLEAN:
	case MODEL_TIME:
		put(buf, 8, 4);
		put(buf, (uint64_t)v->i, 8);
		break;
	case MODEL_FLOAT:
		memcpy(&bits, &v->f, sizeof(bits));
		put(buf, 8, 4);
		put(buf, bits, 8);
		break;
	case MODEL_OBJLNK:
		put(buf, 4, 4);
		put(buf, v->object, 2);
		put(buf, v->instance, 2);
		break;
	case MODEL_STRING:
	case MODEL_OPAQUE:
	case MODEL_CORELNK:
	default:
		put(buf, v->len, 4);
		model_buf_put(buf, v->p, v->len);
		break;
	}
}

void data_inst_write(const struct data_inst *in, struct model_buf *buf)
{
	put(buf, VERSION, 1);
	for (size_t i = 0; i < in->n; i++)
		write_value(&in->v[i], buf);
}

/* @v gets its value from @len bytes; strings are copied */
static int read_value(struct lwm2m_value *v, const uint8_t *p, size_t len)
{
	uint64_t bits;
	uint8_t *copy;

	switch (v->type) {
	case MODEL_NONE:
		return len == 0 ? 0 : -EINVAL;
	case MODEL_INTEGER:
	case MODEL_UNSIGNED:
	case MODEL_BOOLEAN:
	case MODEL_TIME:
		if (len != 8)
			return -EINVAL;
		v->i = (int64_t)get(p, 8);
		return 0;
	case MODEL_FLOAT:
		if (len != 8)
			return -EINVAL;
		bits = get(p, 8);
		memcpy(&v->f, &bits, sizeof(bits));
		return 0;
	case MODEL_OBJLNK:
		if (len != 4)
			return -EINVAL;
		v->object = (uint16_t)get(p, 2);
		v->instance = (uint16_t)get(p + 2, 2);
		return 0;
	case MODEL_STRING:
	case MODEL_OPAQUE:
	case MODEL_CORELNK:
	default:
		copy = malloc(len + 1);
		if (!copy)
			return -ENOMEM;
		if (len > 0)
			memcpy(copy, p, len);
		copy[len] = 0;
		v->p = copy;
		v->len = len;
		return 0;
	}
}

static int read_one(struct data_inst *in, const uint8_t *p, size_t len, char *words)
{
	struct lwm2m_value v = {
		.path = lwm2m_path_at(p[4], in->object, in->id, (uint16_t)get(p, 2),
				      (uint16_t)get(p + 2, 2)),
	};
	const struct lwm2m_value *last = in->n > 0 ? &in->v[in->n - 1] : NULL;
	size_t i = 0;
	int r;

	while (i < sizeof(types) / sizeof(types[0]) && types[i].code != p[5])
		i++;
	if (i == sizeof(types) / sizeof(types[0]) || (p[4] != 3 && p[4] != 4))
		return -EINVAL;
	v.type = types[i].type;
	/* only resource instances have a number, and an empty resource has no other value */
	if ((v.path.depth == 3 || v.type == MODEL_NONE) && v.path.id[3] != 0)
		return -EINVAL;
	if (last && last->type == MODEL_NONE && last->path.id[2] == v.path.id[2])
		return -EINVAL;
	if (last && (last->path.id[2] > v.path.id[2] ||
		     (last->path.id[2] == v.path.id[2] && last->path.id[3] >= v.path.id[3])))
		return -EINVAL;
	r = read_value(&v, p + HEADER, len);
	if (r < 0)
		return r;
	if (lwm2m_data_check(&v, words) < 0) {
		if (v.p)
			explicit_bzero((void *)(uintptr_t)v.p, v.len);
		free((void *)(uintptr_t)v.p);
		return 0;
	}
	in->v[in->n++] = v;
	return 0;
}

int data_inst_read(struct data_inst *in, const uint8_t *p, size_t len, char *words)
{
	if (len < 1 || *p != VERSION)
		return -EINVAL;
	p++;
	len--;
	in->room = len / HEADER + 1;
	in->v = calloc(in->room, sizeof(*in->v));
	if (!in->v)
		return -ENOMEM;
	while (len > 0) {
		uint64_t n;
		int r;

		if (len < HEADER)
			return -EINVAL;
		n = get(p + 6, 4);
		if (n > len - HEADER)
			return -EINVAL;
		r = read_one(in, p, (size_t)n, words);
		if (r < 0)
			return r;
		p += HEADER + n;
		len -= HEADER + (size_t)n;
	}
	return 0;
}
