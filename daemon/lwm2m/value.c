// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/value.h"

struct lwm2m_chunk {
	struct lwm2m_chunk *next;
	size_t len;
	uint8_t bytes[];
};

int lwm2m_set_add(struct lwm2m_set *set, const struct lwm2m_value *v)
{
	if (set->n == set->room) {
		size_t room = set->room ? set->room * 2 : 32;
		struct lwm2m_value *p;

		if (room > LWM2M_VALUES_MAX)
			return -E2BIG;
		p = reallocarray(set->v, room, sizeof(*p));
		if (!p)
			return -ENOMEM;
		set->v = p;
		set->room = room;
	}
	set->v[set->n++] = *v;
	return 0;
}

uint8_t *lwm2m_set_alloc(struct lwm2m_set *set, size_t len)
{
	struct lwm2m_chunk *c;

	if (len > 2 * LWM2M_BODY_MAX - set->copied)
		return NULL;
	c = malloc(sizeof(*c) + len + 1);
	if (!c)
		return NULL;
	c->len = len;
	c->next = set->chunks;
	set->chunks = c;
	set->copied += len;
	return c->bytes;
}

void lwm2m_set_clear(struct lwm2m_set *set)
{
	struct lwm2m_chunk *c, *next;

	for (c = set->chunks; c; c = next) {
		next = c->next;
		explicit_bzero(c->bytes, c->len);
		free(c);
	}
	free(set->v);
	memset(set, 0, sizeof(*set));
}

void lwm2m_put_double(struct model_buf *b, double f)
{
	char s[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(s, sizeof(s), "%.*g", digits, f);
		if (strtod(s, NULL) == f)
			break;
	}
	model_buf_put(b, s, strlen(s));
}

struct lwm2m_path lwm2m_path_at(uint8_t depth, uint16_t o, uint16_t i, uint16_t r, uint16_t ri)
{
	return (struct lwm2m_path){.depth = depth, .id = {o, i, r, ri}};
}

int lwm2m_path_parse(const char *s, size_t len, struct lwm2m_path *path)
{
	const char *end = s + len;

	memset(path, 0, sizeof(*path));
	if (s < end && *s == '/')
		s++;
	while (s < end) {
		unsigned int id = 0;
		const char *start = s;

		if (path->depth == 4)
			return -EINVAL;
		for (; s < end && *s != '/'; s++) {
			if (*s < '0' || *s > '9' || (s > start && *start == '0'))
				return -EINVAL;
			id = id * 10 + (unsigned int)(*s - '0');
			if (id > 65534)
				return -EINVAL;
		}
		if (s == start)
			return -EINVAL;
		path->id[path->depth++] = (uint16_t)id;
		if (s < end && ++s == end)
			return -EINVAL;
	}
	return 0;
}

bool lwm2m_path_covers(const struct lwm2m_path *path, const struct lwm2m_path *below)
{
	return path->depth <= below->depth &&
	       memcmp(path->id, below->id, path->depth * sizeof(path->id[0])) == 0;
}

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
	return a->depth == b->depth && lwm2m_path_covers(a, b);
}

const char *lwm2m_path_print(const struct lwm2m_path *path, char buf[LWM2M_PATH_MAX])
{
	size_t at = 0;

	buf[0] = '/';
	buf[1] = '\0';
	for (unsigned int i = 0; i < path->depth; i++)
		at += (size_t)snprintf(buf + at, LWM2M_PATH_MAX - at, "/%u", path->id[i]);
	return buf;
}

uint64_t lwm2m_hash(uint64_t h, const void *p, size_t len)
{
	/* nobody gains by choosing values against it */
	for (const uint8_t *q = p; len > 0; q++, len--)
		h = (h ^ *q) * 0x100000001b3ULL;
	return h;
}
