// SPDX-License-Identifier: Apache-2.0
/*
 * Object 21 and RFC 8613: the Security Context that an account's messages are protected
 * with, and what of it is kept over a restart.
 *
 * Kept: kind LWM2M_KIND_OSCORE, key: two zero bytes, then oscore_name(); value: the
 * state as coap/oscore_state.c makes it. No short server id is 0, so that an account's
 * end does not take it away: a sequence number that was forgotten would be used again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "lwm2m/account-oscore.h"
#include "lwm2m/internal.h"

/* object 21 */
enum {
	MASTER_SECRET = 0,
	SENDER = 1,
	RECIPIENT = 2,
	AEAD = 3,
	HMAC = 4,
	SALT = 5,
	CONTEXT = 6
};

#define NAME_AT 2

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

static int on_store(void *ctx, const uint8_t *state, size_t len)
{
	struct account_oscore *ao = ctx;
	uint8_t *kept = NULL;
	size_t kept_len = 0;
	int r;

	if (len > sizeof(ao->last))
		return -ENOSPC;
	r = store_get(ao->state, LWM2M_KIND_OSCORE, ao->key, sizeof(ao->key), &kept, &kept_len);
	if (r < 0 && r != -ENOENT)
		return r;
	/* a later context of the same keys has taken over */
	r = kept_len != ao->last_len || (kept_len && memcmp(kept, ao->last, kept_len)) ? -EBUSY
										       : 0;
	free(kept);
	if (r == 0)
		r = store_put(ao->state, LWM2M_KIND_OSCORE, ao->key, sizeof(ao->key), state,
			      len);
	if (r == 0) {
		memcpy(ao->last, state, len);
		ao->last_len = len;
	}
	return r;
}

static const struct oscore_ops ops = {.random = on_random, .store = on_store};

static const uint8_t *bytes(const struct lwm2m_data *d, uint16_t instance, uint16_t rid,
			    size_t *len)
{
	const char *p = lwm2m_data_string(d, MODEL_OBJECT_OSCORE, instance, rid, len);

	if (!p)
		*len = 0;
	return (const uint8_t *)p;
}

static bool small(int64_t i)
{
	return i >= -1000 && i <= 1000;
}

/* Values are the data model's: valid until its next change. */
static int read_config(const struct lwm2m_data *d, uint16_t instance, struct oscore_config *c)
{
	int64_t aead = lwm2m_data_int(d, MODEL_OBJECT_OSCORE, instance, AEAD, 0);
	int64_t hmac = lwm2m_data_int(d, MODEL_OBJECT_OSCORE, instance, HMAC, 0);

	memset(c, 0, sizeof(*c));
	if (!small(aead) || !small(hmac))
		return -ENOTSUP;
	c->aead = (int32_t)aead;
	c->hkdf = (int32_t)hmac;
	c->master_secret = bytes(d, instance, MASTER_SECRET, &c->master_secret_len);
	c->master_salt = bytes(d, instance, SALT, &c->master_salt_len);
	c->sender_id = bytes(d, instance, SENDER, &c->sender_id_len);
	c->recipient_id = bytes(d, instance, RECIPIENT, &c->recipient_id_len);
	c->id_context = bytes(d, instance, CONTEXT, &c->id_context_len);
	c->has_id_context = c->id_context != NULL;
	/* a server that lost the context may make a new one with us (B.2) */
	c->accept_rederive = true;
	return 0;
}

/* The lowest Security instance of another server that has these keys, or -1. */
static int32_t rival(const struct lwm2m_data *d, const struct lwm2m_security *s,
		     const uint8_t name[OSCORE_NAME_LEN])
{
	uint16_t ids[LWM2M_DATA_INSTANCES_MAX];
	size_t n = lwm2m_data_instances(d, MODEL_OBJECT_SECURITY, ids,
					sizeof(ids) / sizeof(ids[0]));

	for (size_t i = 0; i < n && ids[i] < s->instance; i++) {
		const struct lwm2m_value *link =
			lwm2m_data_get(d, MODEL_OBJECT_SECURITY, ids[i], 17);
		uint8_t other[OSCORE_NAME_LEN];
		struct lwm2m_security security;
		struct oscore_config config;
		char words[CONTENT_WORDS_MAX];

		if (!link || link->object != MODEL_OBJECT_OSCORE ||
		    lwm2m_data_security(d, ids[i], &security, words) < 0 ||
		    security.ssid == s->ssid ||
		    read_config(d, (uint16_t)security.oscore, &config) < 0 ||
		    oscore_name(&config, other) < 0)
			continue;
		if (!memcmp(name, other, OSCORE_NAME_LEN))
			return ids[i];
	}
	return -1;
}

static const char *reason(int err)
{
	switch (err) {
	case -EINVAL:
		return "a master secret is needed, the two IDs must differ, and be no longer "
		       "than the algorithm allows (7 bytes with the usual one)";
	case -ENOTSUP:
		return "this AEAD or HMAC algorithm is not supported";
	case -EBADMSG:
		return "what was kept of its sequence numbers is damaged: its keys cannot be "
		       "used any more, provision new ones";
	default:
		return strerror(-err);
	}
}

int account_oscore_new(struct account_oscore **ret, struct lwm2m_shared *shared,
		       const struct lwm2m_security *s, char *why)
{
	struct account_oscore *ao = calloc(1, sizeof(*ao));
	struct oscore_config config;
	uint8_t *kept = NULL;
	size_t len = 0;
	int32_t other;
	int r;

	*ret = NULL;
	if (!ao)
		return -ENOMEM;
	ao->state = shared->state;
	ao->instance = (uint16_t)s->oscore;
	r = read_config(shared->data, ao->instance, &config);
	if (r == 0)
		r = oscore_name(&config, ao->key + NAME_AT);
	other = r < 0 ? -1 : rival(shared->data, s, ao->key + NAME_AT);
	if (other >= 0) {
		content_words(why,
			      "/0/%u: its OSCORE keys are those of /0/%d, another server's",
			      s->instance, (int)other);
		free(ao);
		return -EINVAL;
	}
	if (r == 0) {
		r = store_get(shared->state, LWM2M_KIND_OSCORE, ao->key, sizeof(ao->key), &kept,
			      &len);
		if (r == -ENOENT)
			r = 0;
	}
	if (r == 0)
		r = oscore_new(&ao->o, &config, &ops, ao, kept, len);
	if (r == 0) {
		/* oscore_new() has taken it, so it is no longer than that */
		if (len > 0)
			memcpy(ao->last, kept, len);
		ao->last_len = len;
		r = oscore_claim(ao->o);
	}
	free(kept);
	if (r < 0) {
		oscore_free(ao->o);
		content_words(why, "/21/%u: %s", ao->instance, reason(r));
		free(ao);
		return r;
	}
	*ret = ao;
	return 0;
}

void account_oscore_free(struct account_oscore *ao)
{
	if (!ao)
		return;
	oscore_free(ao->o);
	free(ao);
}
