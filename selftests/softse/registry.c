// SPDX-License-Identifier: Apache-2.0
/* The GlobalPlatform registry: an ordered table of what is on the card. */
#include "registry.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"

bool aid_equal(const struct aid *a, const struct aid *b)
{
	return a->len == b->len && !memcmp(a->v, b->v, a->len);
}

bool aid_set(struct aid *a, const uint8_t *v, size_t len)
{
	if (len < 5 || len > sizeof(a->v))
		return false;
	a->len = (uint8_t)len;
	memcpy(a->v, v, len);
	return true;
}

bool aid_starts(const struct aid *a, const uint8_t *prefix, size_t len)
{
	return len <= a->len && (!len || !memcmp(a->v, prefix, len));
}

struct blob *blob_new(const void *v, size_t len)
{
	struct blob *b = malloc(sizeof(*b) + len);

	if (!b)
		return NULL;
	b->refs = 1;
	b->len = len;
	if (v && len)
		memcpy(b->v, v, len);
	return b;
}

struct blob *blob_get(struct blob *b)
{
	if (b)
		b->refs++;
	return b;
}

void blob_put(struct blob *b)
{
	if (b && !--b->refs)
		OPENSSL_clear_free(b, sizeof(*b) + b->len);
}

struct entry *registry_find(struct card *c, const struct aid *aid)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (aid_equal(&c->entries[i]->aid, aid))
			return c->entries[i];
	return NULL;
}

bool entry_is_sd(const struct entry *e)
{
	return e->kind == ENTRY_ISD || (e->kind == ENTRY_APP && e->priv & PRIV_SD);
}

struct entry *registry_sd(struct card *c, const struct aid *aid)
{
	struct entry *e = registry_find(c, aid);

	return e && entry_is_sd(e) ? e : NULL;
}

struct entry *registry_with(struct card *c, uint32_t priv)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (entry_is_sd(c->entries[i]) && c->entries[i]->priv & priv)
			return c->entries[i];
	return NULL;
}

bool entry_below(const struct entry *e, const struct entry *sd)
{
	for (e = e->parent; e; e = e->parent)
		if (e == sd)
			return true;
	return false;
}

size_t entry_size(const struct entry *e)
{
	size_t n = e->data ? e->data->len : 0;

	for (size_t i = 0; i < e->n_objects; i++)
		n += e->objects[i].v->len + 8;
	for (size_t i = 0; i < e->n_keys; i++)
		for (size_t p = 0; p < e->keys[i].n_parts; p++)
			n += e->keys[i].part[p].v->len + 4;
	n += e->n_counters * sizeof(struct counter);
	return ENTRY_COST + (n < e->reserved ? e->reserved : n);
}

size_t registry_free_nvm(const struct card *c)
{
	size_t used = 0;

	for (size_t i = 0; i < c->n_entries; i++)
		used += entry_size(c->entries[i]);
	return used < CARD_NVM ? CARD_NVM - used : 0;
}

bool registry_selected(const struct card *c, const struct entry *e)
{
	for (size_t i = 0; i < CARD_CHANNELS; i++)
		if (c->channels[i].open && c->channels[i].selected == e)
			return true;
	return false;
}

struct entry *entry_new(enum entry_kind kind)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e)
		e->kind = kind;
	return e;
}

void key_clear(struct key *k)
{
	for (size_t i = 0; i < k->n_parts; i++)
		blob_put(k->part[i].v);
	memset(k, 0, sizeof(*k));
}

/* Frees what an entry points to, not the entry. */
static void entry_clear(struct entry *e)
{
	for (size_t i = 0; i < e->n_keys; i++)
		key_clear(&e->keys[i]);
	for (size_t i = 0; i < e->n_objects; i++)
		blob_put(e->objects[i].v);
	free(e->keys);
	free(e->objects);
	free(e->counters);
	blob_put(e->data);
}

void entry_free(struct entry *e)
{
	if (!e)
		return;
	entry_clear(e);
	free(e);
}

/* A copy of an array; false without memory. */
static bool copy_array(void *to, const void *from, size_t n, size_t size)
{
	void *p = NULL;

	if (n) {
		p = malloc(n * size);
		if (!p)
			return false;
		memcpy(p, from, n * size);
	}
	memcpy(to, &p, sizeof(p));
	return true;
}

static struct entry *entry_copy(const struct entry *e)
{
	struct entry *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *e;
	c->keys = NULL;
	c->objects = NULL;
	c->counters = NULL;
	if (!copy_array(&c->keys, e->keys, e->n_keys, sizeof(*e->keys)) ||
	    !copy_array(&c->objects, e->objects, e->n_objects, sizeof(*e->objects)) ||
	    !copy_array(&c->counters, e->counters, e->n_counters, sizeof(*e->counters))) {
		free(c->keys);
		free(c->objects);
		free(c->counters);
		free(c);
		return NULL;
	}
	for (size_t i = 0; i < c->n_keys; i++)
		for (size_t p = 0; p < c->keys[i].n_parts; p++)
			blob_get(c->keys[i].part[p].v);
	for (size_t i = 0; i < c->n_objects; i++)
		blob_get(c->objects[i].v);
	blob_get(c->data);
	return c;
}

/* Begins a transaction if none is open, and makes room for one more change. */
static struct undo *txn_room(struct card *c)
{
	struct txn *t = &c->txn;

	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		struct undo *u = realloc(t->u, room * sizeof(*u));

		if (!u)
			return NULL;
		t->u = u;
		t->room = room;
	}
	if (!t->dirty)
		t->life_cycle = c->life_cycle;
	t->dirty = true;
	memset(&t->u[t->n], 0, sizeof(t->u[0]));
	return &t->u[t->n];
}

uint16_t card_touch(struct card *c, struct entry *e)
{
	struct undo *u;

	for (size_t i = 0; i < c->txn.n; i++)
		if (c->txn.u[i].e == e && !c->txn.u[i].removed)
			return SW_OK;
	u = txn_room(c);
	if (!u)
		return SW_MEMORY;
	u->before = entry_copy(e);
	if (!u->before)
		return SW_MEMORY;
	u->e = e;
	c->txn.n++;
	return SW_OK;
}

uint16_t card_add(struct card *c, struct entry *e)
{
	struct undo *u;

	if (c->n_entries == CARD_ENTRIES || entry_size(e) > registry_free_nvm(c))
		return SW_NO_SPACE;
	u = txn_room(c);
	if (!u)
		return SW_MEMORY;
	u->e = e;
	u->added = true;
	c->txn.n++;
	c->entries[c->n_entries++] = e;
	return SW_OK;
}

uint16_t card_remove(struct card *c, struct entry *e)
{
	struct undo *u = txn_room(c);
	size_t i = 0;

	if (!u)
		return SW_MEMORY;
	while (c->entries[i] != e)
		i++;
	u->e = e;
	u->removed = true;
	u->index = i;
	c->txn.n++;
	c->n_entries--;
	memmove(&c->entries[i], &c->entries[i + 1], (c->n_entries - i) * sizeof(e));
	return SW_OK;
}

void card_set_life_cycle(struct card *c, uint8_t state)
{
	if (!c->txn.dirty)
		c->txn.life_cycle = c->life_cycle;
	c->txn.dirty = true;
	c->life_cycle = state;
}

static void txn_end(struct card *c)
{
	c->txn.n = 0;
	c->txn.dirty = false;
}

void card_rollback(struct card *c)
{
	struct txn *t = &c->txn;

	if (!t->dirty)
		return;
	while (t->n) {
		struct undo *u = &t->u[--t->n];

		if (u->removed) {
			memmove(&c->entries[u->index + 1], &c->entries[u->index],
				(c->n_entries - u->index) * sizeof(u->e));
			c->entries[u->index] = u->e;
			c->n_entries++;
		} else if (u->added) {
			/* changes are undone last to first, so it is the last row */
			c->n_entries--;
			entry_free(u->e);
		} else {
			entry_clear(u->e);
			*u->e = *u->before;
			free(u->before);
		}
	}
	c->life_cycle = t->life_cycle;
	txn_end(c);
}

uint16_t card_commit(struct card *c)
{
	struct txn *t = &c->txn;

	if (!t->dirty)
		return SW_OK;
	if (store_save(c)) {
		card_rollback(c);
		return SW_MEMORY;
	}
	for (size_t i = 0; i < t->n; i++) {
		entry_free(t->u[i].before);
		if (t->u[i].removed)
			entry_free(t->u[i].e);
	}
	txn_end(c);
	return SW_OK;
}

struct key *entry_key(struct entry *e, uint8_t kvn, uint8_t kid)
{
	for (size_t i = 0; i < e->n_keys; i++)
		if (e->keys[i].kvn == kvn && e->keys[i].kid == kid)
			return &e->keys[i];
	return NULL;
}

const struct key_part *key_part(const struct key *k, uint8_t type)
{
	for (size_t i = 0; i < k->n_parts; i++)
		if (k->part[i].type == type)
			return &k->part[i];
	return NULL;
}

uint16_t entry_put_key(struct entry *e, const struct key *k)
{
	struct key *old = entry_key(e, k->kvn, k->kid), *keys;

	if (old) {
		key_clear(old);
		*old = *k;
		return SW_OK;
	}
	if (e->n_keys == SD_KEYS)
		return SW_NO_SPACE;
	keys = realloc(e->keys, (e->n_keys + 1) * sizeof(*keys));
	if (!keys)
		return SW_MEMORY;
	e->keys = keys;
	keys[e->n_keys++] = *k;
	return SW_OK;
}

void entry_drop_key(struct entry *e, struct key *k)
{
	key_clear(k);
	e->n_keys--;
	memmove(k, k + 1, (size_t)(e->keys + e->n_keys - k) * sizeof(*k));
}

struct object *entry_object(struct entry *e, uint32_t tag, uint16_t ref)
{
	for (size_t i = 0; i < e->n_objects; i++)
		if (e->objects[i].tag == tag && e->objects[i].ref == ref)
			return &e->objects[i];
	return NULL;
}

uint16_t entry_put_object(struct card *c, struct entry *e, uint32_t tag, uint16_t ref,
			  const void *v, size_t len)
{
	struct object *o = entry_object(e, tag, ref);
	size_t had = o ? o->v->len : 0;
	struct blob *b;

	if (len > had && len - had + 8 > registry_free_nvm(c))
		return SW_NO_SPACE;
	if (e->quota && entry_size(e) - ENTRY_COST + len - had > e->quota)
		return SW_NO_SPACE;
	b = blob_new(v, len);
	if (!b)
		return SW_MEMORY;
	if (!o) {
		o = realloc(e->objects, (e->n_objects + 1) * sizeof(*o));
		if (!o) {
			blob_put(b);
			return SW_MEMORY;
		}
		e->objects = o;
		o += e->n_objects++;
		*o = (struct object){.tag = tag, .ref = ref};
	}
	blob_put(o->v);
	o->v = b;
	return SW_OK;
}

void entry_drop_object(struct entry *e, struct object *o)
{
	blob_put(o->v);
	e->n_objects--;
	memmove(o, o + 1, (size_t)(e->objects + e->n_objects - o) * sizeof(*o));
}

struct counter *entry_add_counter(struct card *c, struct entry *e, uint16_t id)
{
	struct counter *k;

	if (e->n_counters == CARD_COUNTERS || registry_free_nvm(c) < sizeof(*k))
		return NULL;
	k = realloc(e->counters, (e->n_counters + 1) * sizeof(*k));
	if (!k)
		return NULL;
	e->counters = k;
	k += e->n_counters++;
	*k = (struct counter){.id = id};
	return k;
}
