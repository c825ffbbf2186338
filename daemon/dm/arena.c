// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dm/arena.h"

#define BLOCK ((size_t)8 << 10)

struct block {
	struct block *next;
	size_t len;
	size_t room;
	alignas(max_align_t) uint8_t p[];
};

struct dm_arena {
	struct block *blocks; /* newest first */
	size_t max;
	size_t used;
	int error;
};

struct dm_arena *dm_arena_new(size_t max)
{
	struct dm_arena *a = calloc(1, sizeof(*a));

	if (a)
		a->max = max;
	return a;
}

void *dm_arena_alloc(struct dm_arena *a, size_t len)
{
	const size_t align = alignof(max_align_t);
	struct block *b = a->blocks;
	void *p;

	/* many small ones cost what they take, not what they ask for */
	if (len <= a->max)
		len = (len + align - 1) / align * align;
	if (len > a->max || a->used > a->max - len) {
		a->error = -E2BIG;
		return NULL;
	}
	a->used += len;
	if (!b || b->room - b->len < len) {
		size_t room = len > BLOCK ? len : BLOCK;

		b = calloc(1, sizeof(*b) + room);
		if (!b) {
			a->error = a->error ? a->error : -ENOMEM;
			return NULL;
		}
		b->room = room;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = b->p + b->len;
	b->len += len;
	return p;
}

char *dm_arena_copy(struct dm_arena *a, const void *p, size_t len)
{
	char *s = len < SIZE_MAX ? dm_arena_alloc(a, len + 1) : NULL;

	if (s && len > 0)
		memcpy(s, p, len);
	return s;
}

int dm_arena_error(const struct dm_arena *a)
{
	return a->error;
}

void dm_arena_free(struct dm_arena *a)
{
	if (!a)
		return;
	while (a->blocks) {
		struct block *b = a->blocks;

		a->blocks = b->next;
		explicit_bzero(b->p, b->len);
		free(b);
	}
	free(a);
}
