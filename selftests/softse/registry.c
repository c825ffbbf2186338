// SPDX-License-Identifier: Apache-2.0
/* The GlobalPlatform registry: an ordered table of what is on the card. */
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

struct entry *registry_find(struct card *c, const struct aid *aid)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (aid_equal(&c->entries[i]->aid, aid))
			return c->entries[i];
	return NULL;
}

uint16_t registry_add(struct card *c, struct entry *e)
{
	if (c->n_entries == CARD_ENTRIES)
		return SW_NO_SPACE;
	c->entries[c->n_entries++] = e;
	return SW_OK;
}

size_t registry_remove(struct card *c, struct entry *e)
{
	size_t i = 0;

	while (c->entries[i] != e)
		i++;
	c->n_entries--;
	memmove(&c->entries[i], &c->entries[i + 1], (c->n_entries - i) * sizeof(e));
	return i;
}

void registry_insert(struct card *c, struct entry *e, size_t index)
{
	memmove(&c->entries[index + 1], &c->entries[index], (c->n_entries - index) * sizeof(e));
	c->entries[index] = e;
	c->n_entries++;
}

void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->counters);
	free(e->data);
	free(e);
}

size_t registry_free_nvm(const struct card *c)
{
	size_t used = 0;

	for (size_t i = 0; i < c->n_entries; i++)
		used += sizeof(struct entry) + c->entries[i]->size +
			c->entries[i]->n_counters * sizeof(struct counter);
	return used < CARD_NVM ? CARD_NVM - used : 0;
}

bool registry_selected(const struct card *c, const struct entry *e)
{
	for (size_t i = 0; i < CARD_CHANNELS; i++)
		if (c->channels[i].open && c->channels[i].selected == e)
			return true;
	return false;
}
