/* SPDX-License-Identifier: Apache-2.0 */
/* OSCORE contexts on the bench: what they store is kept, and a restart is one call. */
#ifndef OSCORE_BENCH_H
#define OSCORE_BENCH_H

#include "coap_bench.h"

#include "coap/oscore_priv.h"

struct keeper {
	struct oscore *o;
	struct oscore_config config;
	uint8_t state[OSCORE_STATE_MAX];
	size_t len;
	unsigned int stores;
	int error;
	uint32_t random;
};

static inline int keeper_store(void *ctx, const uint8_t *state, size_t len)
{
	struct keeper *k = ctx;

	assert_true(len <= OSCORE_STATE_MAX);
	if (k->error)
		return k->error;
	memcpy(k->state, state, len);
	k->len = len;
	k->stores++;
	return 0;
}

static inline void keeper_random(void *ctx, void *buf, size_t len)
{
	struct keeper *k = ctx;

	for (size_t i = 0; i < len; i++) {
		k->random = k->random * 1103515245u + 12345u;
		((uint8_t *)buf)[i] = (uint8_t)(k->random >> 16);
	}
}

static const struct oscore_ops keeper_ops = {keeper_random, keeper_store};

static inline void keeper_start(struct keeper *k)
{
	assert_int_equal(
		oscore_new(&k->o, &k->config, &keeper_ops, k, k->len ? k->state : NULL, k->len),
		0);
}

/** Power is lost: what was not stored is gone. */
static inline void keeper_crash(struct keeper *k)
{
	k->error = -EIO;
	oscore_free(k->o);
	k->error = 0;
	keeper_start(k);
}

/** An orderly end and a new start. */
static inline void keeper_restart(struct keeper *k)
{
	oscore_free(k->o);
	keeper_start(k);
}

/* RFC 8613 C.1 */
static const uint8_t secret[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t salt[] = {0x9e, 0x7c, 0xa9, 0x22, 0x23, 0x78, 0x63, 0x40};

static inline struct oscore_config keeper_config(const void *sid, size_t sid_len,
						 const void *rid, size_t rid_len, bool salted)
{
	return (struct oscore_config){
		.master_secret = secret,
		.master_secret_len = sizeof(secret),
		.master_salt = salt,
		.master_salt_len = salted ? sizeof(salt) : 0,
		.sender_id = sid,
		.sender_id_len = sid_len,
		.recipient_id = rid,
		.recipient_id_len = rid_len,
	};
}

#endif
