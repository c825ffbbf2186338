// SPDX-License-Identifier: GPL-2.0-only
/*
 * se-sim: bytes under way. They may be PINs and keys: what has been taken out
 * is wiped at once.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "se-sim.h"

/**
 * se_sim_ring_init() - allocate
 * @r: zeroed
 * @size: a power of two
 *
 * Return: 0 or -ENOMEM.
 */
int se_sim_ring_init(struct se_sim_ring *r, size_t size)
{
	r->data = kvmalloc(size, GFP_KERNEL);
	if (!r->data)
		return -ENOMEM;
	r->size = size;
	return 0;
}

/**
 * se_sim_ring_free() - wipe and free
 * @r: initialised, or zeroed
 */
void se_sim_ring_free(struct se_sim_ring *r)
{
	kvfree_sensitive(r->data, r->size);
	r->data = NULL;
}

/**
 * se_sim_ring_used() - bytes in it
 * @r: the ring
 */
size_t se_sim_ring_used(const struct se_sim_ring *r)
{
	return r->in - r->out;
}

/**
 * se_sim_ring_room() - bytes that fit
 * @r: the ring
 */
size_t se_sim_ring_room(const struct se_sim_ring *r)
{
	return r->size - se_sim_ring_used(r);
}

/* Bytes from position @pos on until the end of the memory, at most @len. */
static size_t straight(const struct se_sim_ring *r, size_t pos, size_t len)
{
	return min(len, r->size - (pos & (r->size - 1)));
}

static u8 *at(const struct se_sim_ring *r, size_t pos)
{
	return r->data + (pos & (r->size - 1));
}

/**
 * se_sim_ring_put() - put bytes in
 * @r: the ring, with room for them
 * @data: the bytes
 * @len: how many
 */
void se_sim_ring_put(struct se_sim_ring *r, const void *data, size_t len)
{
	size_t n = straight(r, r->in, len);

	memcpy(at(r, r->in), data, n);
	memcpy(r->data, data + n, len - n);
	r->in += len;
}

/**
 * se_sim_ring_peek() - look at the first bytes
 * @r: the ring
 * @data: where they go
 * @len: how many
 *
 * Return: how many there were.
 */
size_t se_sim_ring_peek(const struct se_sim_ring *r, void *data, size_t len)
{
	size_t n;

	len = min(len, se_sim_ring_used(r));
	n = straight(r, r->out, len);
	memcpy(data, at(r, r->out), n);
	memcpy(data + n, r->data, len - n);
	return len;
}

/**
 * se_sim_ring_take() - take the first bytes out
 * @r: the ring
 * @data: where they go, or NULL
 * @len: how many
 *
 * Return: how many there were.
 */
size_t se_sim_ring_take(struct se_sim_ring *r, void *data, size_t len)
{
	size_t n;

	len = min(len, se_sim_ring_used(r));
	if (data)
		se_sim_ring_peek(r, data, len);
	n = straight(r, r->out, len);
	memzero_explicit(at(r, r->out), n);
	memzero_explicit(r->data, len - n);
	r->out += len;
	return len;
}

/**
 * se_sim_ring_wipe() - forget all of it
 * @r: the ring
 */
void se_sim_ring_wipe(struct se_sim_ring *r)
{
	se_sim_ring_take(r, NULL, se_sim_ring_used(r));
}
