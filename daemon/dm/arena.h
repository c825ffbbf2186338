/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that a message is in: handed out in pieces, bounded, wiped and freed at once. */
#ifndef SESAME_DM_ARENA_H
#define SESAME_DM_ARENA_H

#include <stddef.h>

struct dm_arena;

/** dm_arena_new() - @max: octets it may hand out. Return: NULL without memory. */
struct dm_arena *dm_arena_new(size_t max);

/** dm_arena_alloc() - zeroed, aligned for anything; NULL without memory or over the limit. */
void *dm_arena_alloc(struct dm_arena *a, size_t len);

/** dm_arena_copy() - @len octets and a NUL behind them; NULL as before */
char *dm_arena_copy(struct dm_arena *a, const void *p, size_t len);

/** dm_arena_error() - why it said NULL once: -E2BIG the limit, -ENOMEM; 0: it never did */
int dm_arena_error(const struct dm_arena *a);

/** dm_arena_free() - wipe and free; NULL is fine. */
void dm_arena_free(struct dm_arena *a);

#endif /* SESAME_DM_ARENA_H */
