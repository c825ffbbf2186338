// SPDX-License-Identifier: Apache-2.0
/* Observations over a restart: what is observed, how, and what was told last. */
#include <errno.h>
#include <string.h>

#include "lwm2m/internal.h"

#define KEPT_VERSION 1

/* not a file format for others: a daemon that does not know the version drops it */
struct kept {
	uint32_t version;
	uint32_t format;
	uint32_t composite, nr;
	struct lwm2m_path paths[OBSERVED_PATHS_MAX];
	struct coap_observe_state coap;
	struct lwm2m_attributes own;
	uint64_t digest;
	uint64_t nr_numbers;
	double numbers[OBSERVED_NUMBERS_MAX];
	uint16_t ids[OBSERVED_NUMBERS_MAX];
};

static void make_key(const struct lwm2m_client *c, uint32_t id, uint8_t key[6])
{
	key[0] = (uint8_t)(c->ssid >> 8);
	key[1] = (uint8_t)c->ssid;
	for (int i = 0; i < 4; i++)
		key[2 + i] = (uint8_t)(id >> 8 * (3 - i));
}

void lwm2m_observe_store(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	struct kept k;
	uint8_t key[6];
	int ret;

	if (o->obs != 0)
		(void)coap_observe_save(c->ep, o->obs, &o->coap);
	memset(&k, 0, sizeof(k)); /* holes too: it goes to the disk */
	k.version = KEPT_VERSION;
	k.format = o->format;
	k.composite = o->composite;
	k.nr = (uint32_t)o->nr;
	memcpy(k.paths, o->paths, sizeof(k.paths));
	k.coap = o->coap;
	k.own = o->own;
	k.digest = o->digest;
	k.nr_numbers = o->nr_numbers;
	for (size_t i = 0; i < o->nr_numbers; i++) {
		k.numbers[i] = o->numbers[i].x;
		k.ids[i] = o->numbers[i].id;
	}
	make_key(c, o->id, key);
	ret = lwm2m_state_put(c->shared->state, LWM2M_KIND_OBS, key, sizeof(key), &k,
			      sizeof(k));
	if (ret < 0)
		lwm2m_log(c, 4, "an observation will not outlive a restart: %s",
			  strerror(-ret));
}

void lwm2m_observe_unstore(struct lwm2m_client *c, const struct lwm2m_observation *o)
{
	uint8_t key[6];

	make_key(c, o->id, key);
	(void)lwm2m_state_del(c->shared->state, LWM2M_KIND_OBS, key, sizeof(key));
}

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct lwm2m_client *c = userdata;
	struct lwm2m_observation *o = NULL;
	struct kept k;

	if (klen != 6 || vlen != sizeof(k))
		return 0;
	memcpy(&k, val, sizeof(k));
	for (size_t i = 0; !o && i < OBSERVATIONS_MAX; i++)
		if (!c->observations[i].used)
			o = &c->observations[i];
	if (!o || k.version != KEPT_VERSION || k.nr == 0 || k.nr > OBSERVED_PATHS_MAX ||
	    k.nr_numbers > OBSERVED_NUMBERS_MAX)
		return 0;
	for (size_t i = 0; i < k.nr; i++)
		if (k.paths[i].depth == 0 || k.paths[i].depth > 4)
			return 0;
	*o = (struct lwm2m_observation){
		.used = true,
		.id = (uint32_t)key[2] << 24 | (uint32_t)key[3] << 16 | (uint32_t)key[4] << 8 |
		      key[5],
		.coap = k.coap,
		.own = k.own,
		.nr = k.nr,
		.composite = k.composite != 0,
		.format = k.format,
		.dirty = true, /* whatever happened meanwhile */
		.digest = k.digest,
		.nr_numbers = k.nr_numbers,
	};
	memcpy(o->paths, k.paths, sizeof(o->paths));
	for (size_t i = 0; i < k.nr_numbers; i++) {
		o->numbers[i].x = k.numbers[i];
		o->numbers[i].id = k.ids[i];
	}
	if (o->id > c->observation_ids)
		c->observation_ids = o->id;
	return 0;
}

void lwm2m_observe_load(struct lwm2m_client *c)
{
	uint8_t prefix[2] = {(uint8_t)(c->ssid >> 8), (uint8_t)c->ssid};

	lwm2m_state_each(c->shared->state, LWM2M_KIND_OBS, prefix, sizeof(prefix), load_one, c);
}
