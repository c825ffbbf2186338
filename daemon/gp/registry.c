// SPDX-License-Identifier: Apache-2.0
/* The registry of a card: entries, looking for them, comparing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/registry.h"

void gp_registry_clear(struct gp_registry *reg)
{
	for (size_t i = 0; i < reg->n; i++)
		free(reg->entries[i].modules);
	free(reg->entries);
	memset(reg, 0, sizeof(*reg));
}

int gp_registry_copy(struct gp_registry *to, const struct gp_registry *from)
{
	struct gp_entry *e;

	memset(to, 0, sizeof(*to));
	if (!from->n)
		return 0;
	to->entries = calloc(from->n, sizeof(*to->entries));
	if (!to->entries)
		return -ENOMEM;
	to->room = from->n;
	for (; to->n < from->n; to->n++) {
		e = &to->entries[to->n];
		*e = from->entries[to->n];
		e->modules = NULL;
		if (!e->nr_modules)
			continue;
		e->modules = calloc(e->nr_modules, sizeof(*e->modules));
		if (!e->modules) {
			gp_registry_clear(to);
			return -ENOMEM;
		}
		memcpy(e->modules, from->entries[to->n].modules,
		       e->nr_modules * sizeof(*e->modules));
	}
	return 0;
}

struct gp_entry *gp_registry_add(struct gp_registry *reg, const struct gp_aid *aid,
				 enum gp_kind kind, int *error)
{
	size_t room = reg->room ? 2 * reg->room : 16;
	struct gp_entry *e;

	if (reg->n == GP_REGISTRY_ENTRIES_MAX) {
		*error = -ENOSPC;
		return NULL;
	}
	if (reg->n == reg->room) {
		e = realloc(reg->entries, room * sizeof(*e));
		if (!e) {
			*error = -ENOMEM;
			return NULL;
		}
		reg->entries = e;
		reg->room = room;
	}
	e = &reg->entries[reg->n++];
	memset(e, 0, sizeof(*e));
	e->aid = *aid;
	e->kind = kind;
	return e;
}

int gp_entry_add_module(struct gp_entry *entry, const struct gp_aid *aid)
{
	struct gp_aid *more;

	if (entry->nr_modules == GP_ENTRY_MODULES_MAX)
		return -ENOSPC;
	more = realloc(entry->modules, (entry->nr_modules + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[entry->nr_modules++] = *aid;
	entry->modules = more;
	entry->told |= GP_ENTRY_MODULES;
	return 0;
}

/* ---- finding ---- */

static struct gp_entry *find(const struct gp_registry *reg, const struct gp_aid *aid, bool elf)
{
	for (size_t i = 0; i < reg->n; i++)
		if ((reg->entries[i].kind == GP_KIND_ELF) == elf &&
		    gp_aid_equal(&reg->entries[i].aid, aid))
			return &reg->entries[i];
	return NULL;
}

struct gp_entry *gp_registry_find(const struct gp_registry *reg, const struct gp_aid *aid)
{
	struct gp_entry *e = find(reg, aid, false);

	return e ? e : find(reg, aid, true);
}

struct gp_entry *gp_registry_find_elf(const struct gp_registry *reg, const struct gp_aid *aid)
{
	return find(reg, aid, true);
}

struct gp_entry *gp_registry_isd(const struct gp_registry *reg)
{
	for (size_t i = 0; i < reg->n; i++)
		if (reg->entries[i].kind == GP_KIND_ISD)
			return &reg->entries[i];
	return NULL;
}

bool gp_entry_has_module(const struct gp_entry *e, const struct gp_aid *module)
{
	for (size_t i = 0; i < e->nr_modules; i++)
		if (gp_aid_equal(&e->modules[i], module))
			return true;
	return false;
}

struct gp_entry *gp_registry_find_module(const struct gp_registry *reg,
					 const struct gp_aid *module)
{
	for (size_t i = 0; i < reg->n; i++)
		if (gp_entry_has_module(&reg->entries[i], module))
			return &reg->entries[i];
	return NULL;
}

static size_t after_index(const struct gp_registry *reg, const struct gp_entry *after)
{
	return after ? (size_t)(after - reg->entries) + 1 : 0;
}

struct gp_entry *gp_registry_next_of(const struct gp_registry *reg, const struct gp_aid *elf,
				     const struct gp_entry *after)
{
	for (size_t i = after_index(reg, after); i < reg->n; i++)
		if (reg->entries[i].kind != GP_KIND_ELF &&
		    reg->entries[i].told & GP_ENTRY_ELF &&
		    gp_aid_equal(&reg->entries[i].elf, elf))
			return &reg->entries[i];
	return NULL;
}

struct gp_entry *gp_registry_next_in(const struct gp_registry *reg, const struct gp_aid *sd,
				     const struct gp_entry *after)
{
	for (size_t i = after_index(reg, after); i < reg->n; i++) {
		struct gp_entry *e = &reg->entries[i];

		if (e->told & GP_ENTRY_SD && gp_aid_equal(&e->sd, sd) &&
		    (e->kind == GP_KIND_ELF || !gp_aid_equal(&e->aid, sd)))
			return e;
	}
	return NULL;
}

/* ---- comparing ---- */

static bool same_modules(const struct gp_entry *a, const struct gp_entry *b)
{
	if (a->nr_modules != b->nr_modules)
		return false;
	for (size_t i = 0; i < a->nr_modules; i++)
		if (!gp_entry_has_module(b, &a->modules[i]))
			return false;
	return true;
}

unsigned int gp_entry_diff(const struct gp_entry *before, const struct gp_entry *now)
{
	unsigned int both = before->told & now->told, diff = 0;

	if (both & GP_ENTRY_STATE && before->state != now->state)
		diff |= GP_DIFF_STATE;
	if (both & GP_ENTRY_PRIVILEGES && before->privileges != now->privileges)
		diff |= GP_DIFF_PRIVILEGES;
	if (both & GP_ENTRY_SD && !gp_aid_equal(&before->sd, &now->sd))
		diff |= GP_DIFF_SD;
	if (both & GP_ENTRY_ELF && !gp_aid_equal(&before->elf, &now->elf))
		diff |= GP_DIFF_ELF;
	if (both & GP_ENTRY_VERSION &&
	    (before->version_len != now->version_len ||
	     memcmp(before->version, now->version, now->version_len)))
		diff |= GP_DIFF_VERSION;
	if (both & GP_ENTRY_IMPLICIT &&
	    (before->nr_implicit != now->nr_implicit ||
	     memcmp(before->implicit, now->implicit, now->nr_implicit)))
		diff |= GP_DIFF_IMPLICIT;
	if (both & GP_ENTRY_MODULES && !same_modules(before, now))
		diff |= GP_DIFF_MODULES;
	return diff;
}

int gp_registry_compare(const struct gp_registry *before, const struct gp_registry *now,
			int (*fn)(void *ctx, unsigned int diff, const struct gp_entry *before,
				  const struct gp_entry *now),
			void *ctx)
{
	int ret = 0;

	for (size_t i = 0; i < before->n && ret == 0; i++) {
		const struct gp_entry *a = &before->entries[i];
		const struct gp_entry *b = find(now, &a->aid, a->kind == GP_KIND_ELF);
		unsigned int diff = b ? gp_entry_diff(a, b) : GP_DIFF_REMOVED;

		if (diff)
			ret = fn(ctx, diff, a, b);
	}
	for (size_t i = 0; i < now->n && ret == 0; i++) {
		const struct gp_entry *b = &now->entries[i];

		if (!find(before, &b->aid, b->kind == GP_KIND_ELF))
			ret = fn(ctx, GP_DIFF_ADDED, NULL, b);
	}
	return ret;
}
