// SPDX-License-Identifier: Apache-2.0
/*
 * Observations over a restart: what is observed, how, and what was told last. Kind
 * LWM2M_KIND_OBS, key: short server id (2), the observation's id (4).
 *
 * Format, numbers big endian; each array has room for as many as there may be:
 *	1	version of the format, 2 (1 was a structure as it lay in memory)
 *	1	1: composite
 *	1	paths
 *	1	numbers
 *	4	content format
 *	8	digest of what was told last
 *	1, 8	token: length, bytes
 *	8	digest of what was asked for
 *	8	... and of the request's body
 *	1	block size that was asked for
 *	4	sequence number
 *	1, 18	of OSCORE: length, bytes
 *	50	attributes of the request
 *	9 each	paths: depth, four ids
 *	10 each	numbers: resource instance, IEEE 754 bits
 */
#include <errno.h>
#include <string.h>

#include "lwm2m/internal.h"
#include "lwm2m/pack.h"

#define KEPT_VERSION 2
#define KEPT_COAP (1 + COAP_TOKEN_MAX + 8 + 8 + 1 + 4 + 1 + 18)
#define KEPT_LEN                                                          \
	(16 + KEPT_COAP + LWM2M_ATTRIBUTES_LEN + 9 * OBSERVED_PATHS_MAX + \
	 10 * OBSERVED_NUMBERS_MAX)

_Static_assert(sizeof(((struct coap_observe_state *)0)->sec) == 18, "another KEPT_VERSION");

static uint8_t *pack_bytes(uint8_t *p, const uint8_t *from, size_t len, size_t room)
{
	*p++ = (uint8_t)len;
	memcpy(p, from, room);
	return p + room;
}

static uint8_t unpack_bytes(const uint8_t **p, uint8_t *to, size_t room)
{
	uint8_t len = *(*p)++;

	memcpy(to, *p, room);
	*p += room;
	return len;
}

static uint8_t *pack_coap(uint8_t *p, const struct coap_observe_state *s)
{
	p = pack_bytes(p, s->token, s->token_len, sizeof(s->token));
	p = lwm2m_pack(p, s->key, 8);
	p = lwm2m_pack(p, s->body_digest, 8);
	p = lwm2m_pack(p, s->block_szx, 1);
	p = lwm2m_pack(p, s->seq, 4);
	return pack_bytes(p, s->sec, s->sec_len, sizeof(s->sec));
}

/* coap_observe_restore() looks at the lengths */
static void unpack_coap(const uint8_t **p, struct coap_observe_state *s)
{
	s->token_len = unpack_bytes(p, s->token, sizeof(s->token));
	s->key = lwm2m_unpack(p, 8);
	s->body_digest = lwm2m_unpack(p, 8);
	s->block_szx = (uint8_t)lwm2m_unpack(p, 1);
	s->seq = (uint32_t)lwm2m_unpack(p, 4);
	s->sec_len = unpack_bytes(p, s->sec, sizeof(s->sec));
}

static void make_key(const struct lwm2m_client *c, uint32_t id, uint8_t key[6])
{
	lwm2m_pack(lwm2m_pack(key, c->ssid, 2), id, 4);
}

void lwm2m_observe_store(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	uint8_t key[6], kept[KEPT_LEN], *p = kept;
	int ret;

	if (o->obs != 0)
		(void)coap_observe_save(c->ep, o->obs, &o->coap);
	p = lwm2m_pack(p, KEPT_VERSION, 1);
	p = lwm2m_pack(p, o->composite, 1);
	p = lwm2m_pack(p, o->nr, 1);
	p = lwm2m_pack(p, o->nr_numbers, 1);
	p = lwm2m_pack(p, o->format, 4);
	p = lwm2m_pack(p, o->digest, 8);
	p = pack_coap(p, &o->coap);
	p = lwm2m_attributes_pack(p, &o->own);
	for (size_t i = 0; i < OBSERVED_PATHS_MAX; i++) {
		p = lwm2m_pack(p, o->paths[i].depth, 1);
		for (size_t k = 0; k < 4; k++)
			p = lwm2m_pack(p, o->paths[i].id[k], 2);
	}
	for (size_t i = 0; i < OBSERVED_NUMBERS_MAX; i++) {
		p = lwm2m_pack(p, o->numbers[i].id, 2);
		p = lwm2m_pack_double(p, o->numbers[i].x);
	}
	make_key(c, o->id, key);
	ret = store_put(c->shared->state, LWM2M_KIND_OBS, key, sizeof(key), kept,
			(size_t)(p - kept));
	if (ret < 0)
		lwm2m_log(c, 4, "an observation will not outlive a restart: %s",
			  strerror(-ret));
}

void lwm2m_observe_unstore(struct lwm2m_client *c, const struct lwm2m_observation *o)
{
	uint8_t key[6];

	make_key(c, o->id, key);
	(void)store_del(c->shared->state, LWM2M_KIND_OBS, key, sizeof(key));
}

/* false: not what lwm2m_observe_store() writes */
static bool unpack(struct lwm2m_observation *o, const uint8_t *p)
{
	if (lwm2m_unpack(&p, 1) != KEPT_VERSION)
		return false;
	o->composite = lwm2m_unpack(&p, 1) != 0;
	o->nr = (size_t)lwm2m_unpack(&p, 1);
	o->nr_numbers = (size_t)lwm2m_unpack(&p, 1);
	if (o->nr == 0 || o->nr > OBSERVED_PATHS_MAX || o->nr_numbers > OBSERVED_NUMBERS_MAX)
		return false;
	o->format = (uint32_t)lwm2m_unpack(&p, 4);
	o->digest = lwm2m_unpack(&p, 8);
	unpack_coap(&p, &o->coap);
	lwm2m_attributes_unpack(&p, &o->own);
	for (size_t i = 0; i < OBSERVED_PATHS_MAX; i++) {
		o->paths[i].depth = (uint8_t)lwm2m_unpack(&p, 1);
		if (i < o->nr && (o->paths[i].depth == 0 || o->paths[i].depth > 4))
			return false;
		for (size_t k = 0; k < 4; k++)
			o->paths[i].id[k] = (uint16_t)lwm2m_unpack(&p, 2);
	}
	for (size_t i = 0; i < OBSERVED_NUMBERS_MAX; i++) {
		o->numbers[i].id = (uint16_t)lwm2m_unpack(&p, 2);
		o->numbers[i].x = lwm2m_unpack_double(&p);
	}
	return true;
}

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct lwm2m_observation read = {.used = true,
					 .dirty = true}; /* who knows since when */
	struct lwm2m_client *c = userdata;

	if (klen != 6 || vlen != KEPT_LEN || !unpack(&read, val))
		return 0;
	key += 2;
	read.id = (uint32_t)lwm2m_unpack(&key, 4);
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		if (c->observations[i].used)
			continue;
		c->observations[i] = read;
		if (read.id > c->observation_ids)
			c->observation_ids = read.id;
		break;
	}
	return 0;
}

void lwm2m_observe_load(struct lwm2m_client *c)
{
	uint8_t prefix[2];

	lwm2m_pack(prefix, c->ssid, 2);
	store_each(c->shared->state, LWM2M_KIND_OBS, prefix, sizeof(prefix), load_one, c);
}
